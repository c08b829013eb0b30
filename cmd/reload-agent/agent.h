/* One running agent: what main.c and host.c set up and what the control socket works on. */
#pragma once

#include "control/server_io.h"
#include "peer/peer.h"

struct agent_apps;
struct agent_history;
struct agent_log;
struct reload_links;
struct agent_names;
struct agent_rpc;

struct agent {
	const char *instance; /* name */
	struct reload_poll *poll;
	struct reload_peer *peer;
	const struct reload_links *links; /* borrowed */
	const struct reload_credentials *credentials;
	enum reload_role role;     /* what joining means when nothing else is said */
	uint64_t store_limit;      /* bytes, 0: none */
	const char *store_failure; /* why the store cannot be written; NULL: it can */
	json_t *listen;            /* list of "ADDR:PORT" that are bound; NULL: none yet */
	json_t *settings; /* list of {key,value,origin}: the settings of agent.config; NULL: none */
	/*
	 * joins as role with the bootstrap nodes of names (taken over; NULL: those of --bootstrap and of the
	 * configuration).  When some are host names it returns RELOAD_OK and `resolving` is true until they were looked
	 * up; join_err is then the result of the start of the join.  Errors of reload_peer_join(), RELOAD_EXISTS for a
	 * join under way.  join_cancel() ends the lookups.
	 */
	enum reload_err (*join)(struct agent *agent, enum reload_role role,
		struct agent_names *names, struct reload_error_text *why);
	void (*join_cancel)(struct agent *agent);
	char refused
		[800]; /* "PEER: why" of the last link that was refused by one of its ends; "": none */
	char tried
		[516]; /* where no link could be made since it was last joined, and why; "": none */
	bool pseudonym; /* --pseudonym: its user is not registered, and no address of this host is told */
	bool other_ring; /* another ring was found, and has not been merged yet */
	bool resolving;
	enum reload_err join_err;
	struct reload_error_text join_why; /* of join_err */
	/* leaves the overlay after registrations were removed; now: at once, without handing over */
	void (*leave)(struct agent *agent, bool now);
	bool withdrawing; /* registrations are being removed, and it leaves then */
	/*
	 * notes that the agent is to leave the overlay (now: without handing over) and to end; called from inside a
	 * request
	 */
	void (*stop)(struct agent *agent, bool now);
	/* reads again what may have changed on the disk; returns the result of agent.refresh (owned) */
	json_t *(*refresh)(struct agent *agent);
	/*
	 * takes document over from an operator, as a ConfigUpdate brings it, and tells the neighbours; dry_run: only checks it.  *result is that
	 * of config.publish (owned).  RELOAD_NOT_JOINED, RELOAD_CONFIG_TOO_OLD, RELOAD_LIMIT when an update of it fits no message, and the
	 * failures of cli_config_parse() and reload_config_verify()
	 */
	enum reload_err (*publish)(struct agent *agent, struct span document, bool dry_run,
		json_t **result, struct reload_error_text *why);
	/*
	 * measures what is between this node and the others, and returns at once; nat_json() is the result of node.nat (owned), NULL as long as
	 * it is not there.  Both are NULL in an overlay without ICE.
	 */
	void (*nat_measure)(struct agent *agent);
	json_t *(*nat_json)(const struct agent *agent);
	const char *(*nat_text)(const struct agent *agent); /* of agent.status (borrowed) */
	uint64_t events[RELOAD_EVENTS];                     /* how many of each type there were */
	struct agent_log *log;
	struct agent_history *history; /* of agent_rpc_new() */
	struct agent_rpc *rpc;         /* of agent_rpc_new() */
	gid_t group;                   /* whom the control socket serves as well; 0: none */
	struct agent_apps *apps;       /* connections of applications */
	struct reload_app_streams *app_streams; /* of apps */
};

/*
 * agent_event() writes an event into the log, sends it to subscribers and has waiting requests checked.  The engine
 * calls it; it does not call the engine.
 */
void agent_event(struct agent *agent, const struct reload_event *event);

/*
 * agent_rpc_new() opens the control sockets and serves them from the loop; agent->poll and agent->log are set,
 * agent->peer is set before the loop runs.  Errors of reload_server_new().  agent_rpc_free() answers nothing more and
 * cancels requests of the engine; call it before the engine is freed.  It returns the sockets (owned), which keep the
 * name of the instance taken until the agent has closed everything that another agent of this name would open.
 */
enum reload_err agent_rpc_new(struct agent *agent, const struct reload_server_setup *setup,
	struct reload_error_text *why) MUST_CHECK;
struct reload_server *agent_rpc_free(struct agent *agent) MUST_CHECK;
