/* What the files of ICE share: gathering (ice.c), and what is told of it (ice_show.c). */
#pragma once

#include "ice.h"
#include "log.h"
#include "nat.h"
#include "relay.h"

#include "link/ice_plugin.h"
#include "link/stun_servers.h"

#include <bsd/sys/queue.h>

enum {
	ICE_SOURCES = 8,
	ICE_OTHERS = 3, /* addresses that have candidates although no way to others leaves there */
	ICE_SERVERS = 4,
	ICE_NAT_AGE_MS = 60000, /* then the NAT is measured again, when a link is asked for */
	ICE_CLIENT_MS =
		60000, /* then a client that was to be a peer looks again whether it can be one */
	/* a server is asked this many times before a node that has no other way does without: over TCP, two lost segments are longer than a gathering */
	ICE_TURN_TRIES = 3,
	ICE_HOLD_MS = 4000,     /* a link waits for the measurement and a TURN server */
	ICE_AGED_HOLD_MS = 200, /* for one that only says anew what is known */
	ICE_STUN_RTT_MS = 150,  /* supposed of a server that was not asked yet */
	ICE_TRIED_MAX = 400     /* bytes of text */
};

/* What is made by ICE: a link of the engine, the connection of an application for an AppAttach, or a path for the audio of a call. */
enum ice_thing_type {
	ICE_THING_LINK,
	ICE_THING_APP,
	ICE_THING_MEDIA
};

struct ice_thing {
	enum ice_thing_type type;
	bool packets;    /* which an application's carries */
	bool relay_only; /* of a path for audio */
	uint32_t number;
};

/* One for which candidates are to be gathered, or which cannot be made. */
struct ice_job {
	TAILQ_ENTRY(ice_job) entry;
	struct ice_thing of;
	bool controlling, gathering, failed, turn;
	reload_ms begun;
	struct reload_ip_port server; /* of TURN */
	char user[RELOAD_TURN_USER], password[RELOAD_TURN_PASSWORD];
};

struct host_ice {
	struct host *h;
	struct agent_nat nat;
	struct stun_round filter; /* of agent_nat_filter_measure() */
	struct agent_relay relay;
	struct reload_stun_servers stun;
	size_t turn_of; /* which group of STUN servers is next */
	TAILQ_HEAD(ice_jobs, ice_job) jobs;
	struct reload_timer again;
	const struct ice_media_ops *media; /* set with the first path for audio */
	void (*go_on)(void *arg);          /* runs what can go on */
	char *secret_path;                 /* owned; NULL: none */
	bool started, relay_only, loopback, no_pair, nat_outdated, filter_asked;
	struct reload_timer as_peer_again;
	enum agent_nat_mapping mapping_logged;
	json_t *candidates;        /* of the last gathering; NULL: none */
	struct ice_thing tried_of; /* number 0: none */
	char tried[ICE_TRIED_MAX];
	char text[160]; /* of ice_nat_text() */
};

/* -- ice.c ------------------------------------------------------------------------------------------------------------------ */

void ice_job_free(struct host_ice *i, struct ice_job *job);

/*
 * ice_gather() gathers candidates for a thing; ice_gathered() takes what was found, ice_check() what the other end has sent; ice_forget() ends it, ice_down()
 * after it has failed.
 */
void ice_gather(struct host *h, struct ice_thing of, bool controlling);
void ice_gathered(struct host *h, struct ice_thing of, const struct reload_ice_found *found);
void ice_check(struct host *h, struct ice_thing of, struct span ufrag, struct span password,
	const struct reload_ice_candidate *candidates, size_t count);
void ice_forget(struct host *h, struct ice_thing of);
void ice_down(struct host *h, struct ice_thing of);

static inline bool ice_thing_is(struct ice_thing a, struct ice_thing b)
{
	return a.type == b.type && a.number == b.number;
}

/* -- ice_nat.c -------------------------------------------------------------------------------------------------------------- */

/* ice_soon() has the jobs looked at again in the next pass; arg is a struct host_ice. */
void ice_soon(void *arg);

/* ice_relay_needed() returns whether links are to have relayed candidates. */
bool ice_relay_needed(const struct host_ice *i);

/*
 * ice_turn() returns the TURN server to use, NULL: none.  One that has just failed is used with --relay-only alone: it would tell no reflexive
 * address either.
 */
const struct reload_turn_known *ice_turn(const struct host_ice *i);

/* ice_seen() returns the address at which a server saw this host; NULL: none did. */
const struct reload_ip_port *ice_seen(const struct host_ice *i);

/* ice_measure() has the NAT measured when what is known of it is old; true: it is being measured.  ice_measure_asked() always has. */
bool ice_measure(struct host_ice *i);
void ice_measure_asked(struct agent *agent);

/* ice_hold() returns for how many milliseconds a link waits for the measurement that runs. */
reload_ms ice_hold(const struct host_ice *i);

/* ice_stun_wait() returns for how many milliseconds a gathering waits for a STUN server. */
reload_ms ice_stun_wait(const struct host_ice *i, const struct reload_ip_port *server);

/* ice_cut_off() returns whether no datagram passes and no TURN server can be used. */
bool ice_cut_off(const struct host_ice *i);

/*
 * ice_become_client() joins as a client when the node is cut off and about to join as a peer; returns whether it does.  ice_become_peer() joins as
 * the peer that it was to be.
 */
bool ice_become_client(struct host_ice *i);
void ice_become_peer(struct host_ice *i);

/* -- ice_show.c ------------------------------------------------------------------------------------------------------------- */

/* ice_measured_json() is the result of node.nat (owned); NULL while the NAT is being measured. */
json_t *ice_measured_json(const struct agent *agent);

/* ice_nat_text() says in a few words what is between this node and the others, and what the node lacks. */
const char *ice_nat_text(const struct agent *agent);

/* ice_candidates_note() keeps the candidates of a gathering, for ice_measured_json(). */
void ice_candidates_note(struct host_ice *i, const struct reload_ice_local *all, size_t count);

/* ice_unused_note() adds addresses of this host at which no candidate was gathered. */
void ice_unused_note(struct host_ice *i, const struct reload_ip_port *at, size_t count);
