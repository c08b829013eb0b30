/* What the files of the membership room share. */
#pragma once

#include "connection/link.h"
#include "membership/reach.h"
#include "route/decide.h"

#include <bsd/sys/queue.h>

struct attempt;
struct ping_request;
struct reload_search;
struct claims;
struct dial_limits;
struct hints;

TAILQ_HEAD(attempt_list, attempt);
TAILQ_HEAD(ping_list, ping_request);

enum {
	RELOAD_CACHED_PEERS_MAX = 32 /* addresses of peers that were reached before */
};

struct reload_membership {
	struct reload_engine *engine;
	struct reload_connections *connections;
	const struct reload_route *route;
	struct reload_exchange *exchange;
	const struct reload_membership_watch *watch;
	void *watch_arg;
	enum reload_state state;
	reload_ms since;
	enum reload_role role;
	struct reload_ip_port *bootstrap; /* given by the caller; NULL: the configuration's */
	size_t bootstrap_count;
	unsigned tries; /* to join, since it last worked */
	struct reload_timer retry;
	bool had_values_at_join; /* it held values when it began to join */
	struct reload_id bootstrap_peer, admitting_peer;
	reload_ms phase_ms[RELOAD_PHASES], phase_since;
	enum reload_phase phase;
	enum reload_err last_error;
	enum reload_err
		refusal; /* why a link was refused since the last attempt failed; RELOAD_OK: none was */
	bool join_requested;
	bool first_node; /* it is the overlay, also when nobody else is there */
	uint32_t attach_cookie,
		attaches_count; /* a client's: of the Attach under way, 0: none; how many so far */
	bool reattach_due;      /* the ring changed during it */
	struct reload_timer leaving, unresponsive, spare, silence, heal, second;
	reload_ms addresses_changed; /* of this host, 0: not so far */
	reload_ms
		way_searched; /* heal.c: when a bootstrap node was last looked for, 0: not so far */
	bool handing_over; /* leaving: the own range is being handed over, no Leave was sent yet */
	/* from a Leave that it makes to come back in role_after_leave, until it is joined again or an attempt failed */
	bool role_changes;
	enum reload_role role_after_leave;
	struct {
		bool active;
		bool was_first_node;   /* and is that again when it is back in the ring */
		unsigned recent_times; /* that it stepped aside */
		unsigned
			address_checks; /* since it asked a successor for its address; then it leaves */
		reload_ms until, returned_at;
		struct reload_timer timer;
	} aside;                                          /* aside.c */
	void (*aside_check)(struct reload_membership *m); /* reload_aside_check() */
	reload_ms isolated_since;
	bool had_neighbour;              /* a neighbour has answered since it joined */
	struct attempt_list attempts;    /* Attach under way, both directions */
	struct claims *claims;           /* NULL: none was heard so far */
	struct dial_limits *dial_limits; /* NULL: no dial for an Attach has failed so far */
	struct reload_cached_peers *cached_peers; /* NULL: no peer was reached so far */
	struct hints *hints;                      /* NULL: none was heard so far */
	struct reload_search *search;             /* NULL: none was made so far */
	struct ping_list pings;                   /* that the plug-in waits for */
};

/* -- links.c, link_check.c ------------------------------------------------------------------------------------------------ */

extern const struct reload_link_watch reload_membership_links;
/* reload_link_starts_anew() has the plug-in forget what node was in the ring: it was started again, and its newer link is of that run. */
void reload_link_starts_anew(struct reload_membership *m, const struct reload_id *node);
/* reload_links_older() walks over the links to con's node that are older than con, starting with NULL. */
struct reload_connection *reload_links_older(struct reload_membership *m,
	const struct reload_connection *con, struct reload_connection *before);
/* reload_link_check() closes a link with a Node-ID over which no Ping is answered within some seconds. */
void reload_link_check(struct reload_membership *m, struct reload_connection *con);
/* reload_link_try() does so within timeout_ms; 0: after all repetitions of the Ping. */
void reload_link_try(
	struct reload_membership *m, struct reload_connection *con, reload_ms timeout_ms);

/* -- identify.c: links that came up without a certificate ----------------------------------------------------------------------- */

/* reload_identify_start() finds out who is at the other end of con, and closes it when nobody says so. */
void reload_identify_start(struct reload_membership *m, struct reload_connection *con);

/* -- spare.c: links that nobody needs -------------------------------------------------------------------------------------- */

/* reload_spare_begin() starts to check for such links while the node stays joined; reload_spare_end() stops that. */
void reload_spare_begin(struct reload_membership *m);
void reload_spare_end(struct reload_membership *m);

/* -- second_link.c ----------------------------------------------------------------------------------------------------------- */

/* reload_second_link_check() lets a joined client that has links to one peer alone make another one soon; reload_second_link_clear() ends that. */
void reload_second_link_check(struct reload_membership *m);
void reload_second_link_clear(struct reload_membership *m);

/* -- silence.c: peers that have fallen silent --------------------------------------------------------------------------------- */

/* reload_silence_begin() starts to watch the links of a peer while it stays joined; reload_silence_end() stops it. */
void reload_silence_begin(struct reload_membership *m);
void reload_silence_end(struct reload_membership *m);

/* -- attach.c, attach_ice.c, attempt.c, attach_serve.c ------------------------------------------------------------------------------------ */

typedef void (*attached_fn)(struct reload_membership *m, void *arg, uint32_t cookie,
	enum reload_err err, const struct reload_id *node);

/* reload_attach_start() sends an Attach; fn is called at its end: a link to node is up, or err says why not. */
void reload_attach_start(struct reload_membership *m, uint32_t cookie,
	const struct reload_destination *list, size_t count, bool send_update, attached_fn fn,
	void *arg);
/* reload_attach_introduce() sends over a link which of this node's Node-IDs is at its end (HDR-16). */
void reload_attach_introduce(struct reload_membership *m, uint32_t link,
	const struct reload_destination *to, reload_request_end_fn done);
/*
 * reload_attach_link_up() and reload_attach_link_down() end the attempts that wait for a link that is up, or failed.
 */
void reload_attach_link_up(struct reload_membership *m, struct reload_connection *con);
/* reload_attach_gathered() goes on with candidates of this node; false: nobody waits for them. */
bool reload_attach_gathered(
	struct reload_membership *m, uint32_t link, const struct reload_ice_gathered *found);
/* reload_attach_is_ice() returns whether the link is made by ICE, reload_attach_replaces() whether it is to take the place of another one. */
bool reload_attach_is_ice(struct reload_membership *m, uint32_t link);
bool reload_attach_replaces(struct reload_membership *m, uint32_t link);
/* reload_attach_expects() returns which Node-ID an outgoing link must have; false: any (a bootstrap node). */
bool reload_attach_expects(struct reload_membership *m, uint32_t link, struct reload_id *node);
void reload_attach_link_down(struct reload_membership *m, uint32_t link, enum reload_err err);
void reload_attach_clear(struct reload_membership *m);
/* reload_serve_attach() serves the method. */
void reload_serve_attach(struct reload_incoming *in);

/* -- dial_limit.c: senders that named addresses where nothing answered (membership/reach.h) ------------------------ */

/* reload_dial_limits_clear() forgets them all. */
void reload_dial_limits_clear(struct reload_membership *m);

/* -- heal.c: links of an overlay with ICE that have gone bad ------------------------------------------------------------------------------ */

/* reload_heal_check() looks for links that need another one in their place, and begins Attaches soon. */
void reload_heal_check(struct reload_membership *m);
/*
 * reload_heal_succeeds() returns whether con, which is new, is to take the place of an older link; reload_heal_up() sees to that.
 * reload_heal_clear() ends all.
 */
bool reload_heal_succeeds(struct reload_membership *m, const struct reload_connection *con);
void reload_heal_up(struct reload_membership *m, struct reload_connection *con);
void reload_heal_clear(struct reload_membership *m);

/* -- search.c ------------------------------------------------------------------------------------------------------------ */

/* err RELOAD_OK: con is a link to a bootstrap node whose Node-ID is known. */
typedef void (*reload_searched_fn)(struct reload_membership *m, uint32_t cookie,
	enum reload_err err, struct reload_connection *con);

/*
 * reload_search_start() looks for a bootstrap node for a join; fn is called at the end, which may be at once.
 * reload_search_locate() looks for one again for the plug-in of a joined node.  reload_search_stop() ends what is under way:
 * the plug-in gets RELOAD_CANCELLED, fn is not called.  reload_search_under_way() returns whether there is one, for whomever.
 */
void reload_search_start(struct reload_membership *m, reload_searched_fn fn);
void reload_search_locate(struct reload_membership *m, uint32_t cookie);
void reload_search_stop(struct reload_membership *m);
bool reload_search_under_way(const struct reload_membership *m);
enum {
	RELOAD_SAME_BOOTSTRAP =
		2 /* attempts to join through one node, then another one is looked for */
};
/*
 * reload_search_verify_route() asks through con, whatever the tables say (CHORD-02), who is responsible for the point behind this
 * node's own, as at a join; on_end is called at the end.  timeout_ms 0: that of all requests.
 */
void reload_search_verify_route(struct reload_membership *m, struct reload_connection *con,
	reload_ms timeout_ms, reload_request_end_fn on_end);
/* reload_search_link_up() and reload_search_link_down() report what became of a link, if it is that of the search. */
void reload_search_link_up(struct reload_membership *m, struct reload_connection *con);
void reload_search_link_down(struct reload_membership *m, uint32_t link);
void reload_search_clear(struct reload_membership *m);
/* reload_hints_clear() forgets all hints. */
void reload_hints_clear(struct reload_membership *m);

/* -- claims.c: addresses that others claim ------------------------------------------------------------------------------- */

/*
 * reload_claims_add() notes that node says that it listens at these addresses; reload_claims_tables() goes on when the node has
 * joined and when the tables have changed.  Nothing is remembered of it before this node has dialled there itself.
 */
void reload_claims_add(struct reload_membership *m, const struct reload_id *node,
	const struct reload_link_target *at, size_t count);
void reload_claims_tables(struct reload_membership *m);
/* reload_claims_link_up() and reload_claims_link_down() report what became of a link; true: it was made for a claim, and is gone. */
bool reload_claims_link_up(
	struct reload_membership *m, uint32_t link, const struct reload_cert *cert);
bool reload_claims_link_down(struct reload_membership *m, uint32_t link);
void reload_claims_clear(struct reload_membership *m);

/* -- plugin.c, serve.c --------------------------------------------------------------------------------------------------- */

/* reload_pings_clear() forgets the plug-in's Pings. */
void reload_pings_clear(struct reload_membership *m);
/* reload_updates_cancel() stops repeating the Updates to that node; the plug-in gets no result. */
void reload_updates_cancel(struct reload_membership *m, const struct reload_id *to);
/* reload_serve_join(), reload_serve_leave() and reload_serve_update() serve one method each. */
void reload_serve_join(struct reload_incoming *in);
void reload_serve_leave(struct reload_incoming *in);
void reload_serve_update(struct reload_incoming *in);

/* -- join.c -------------------------------------------------------------------------------------------------------------- */

/* reload_join_begin() begins to join in a role, reload_join_as_first() to be the whole ring. */
void reload_join_begin(struct reload_membership *m, enum reload_role role);
void reload_join_as_first(struct reload_membership *m);
/* reload_join_hasten() ends a pause that would last some seconds more: the next attempt may succeed now. */
void reload_join_hasten(struct reload_membership *m);
/* reload_join_clear() ends all pauses. */
void reload_join_clear(struct reload_membership *m);
/* reload_join_state_set() changes the state and notifies the watch, unless it is the same. */
void reload_join_state_set(struct reload_membership *m, enum reload_state state);
/*
 * reload_join_link_refused() notes why a link was refused.  reload_join_node_gone() notices that the last link to a node is gone.
 */
void reload_join_link_refused(struct reload_membership *m, enum reload_err err);
void reload_join_node_gone(struct reload_membership *m);
/* reload_join_check_neighbours() checks whether any neighbour still answers, and else starts the time-out. */
void reload_join_check_neighbours(struct reload_membership *m);
/* reload_join_topology_state() follows the plug-in's state. */
void reload_join_topology_state(struct reload_membership *m, enum reload_topology_state state,
	const struct reload_id *other);
/* reload_join_client_update() lets a client ask anew who is responsible when its peer's ring changed (R-4.2.1-03). */
void reload_join_client_update(struct reload_membership *m, const struct reload_id *from);

/* -- leave.c ------------------------------------------------------------------------------------------------------------- */

/* reload_leave_health() looks whether who is given the own range is still there, after a link has fallen silent or is lost, or a peer has announced itself. */
void reload_leave_health(struct reload_membership *m);
/* reload_leave_clear() forgets that the node leaves, or stepped aside. */
void reload_leave_clear(struct reload_membership *m);
/* reload_leave_then() begins to leave, in order to come back in another role; reload_leave_returns() returns whether that Leave is under way. */
void reload_leave_then(struct reload_membership *m, enum reload_role role);
bool reload_leave_returns(const struct reload_membership *m);

/* -- aside.c: storage that cannot be written ------------------------------------------------------------------------------ */

/* reload_aside_check() checks whether the storage can be written; the node leaves the ring when not, and returns when it can again. */
void reload_aside_check(struct reload_membership *m);
