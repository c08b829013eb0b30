/* What the files of CHORD-RELOAD share; nobody else includes it. */
#pragma once

#include "topology/topology.h"
#include "wire/chord.h"

enum {
	CHORD_ID_LEN = 16,         /* interop CHORD-05: any other node-id-length is refused */
	CHORD_NEIGHBOURS_MIN = 3,  /* per side, R-10.7-06 */
	CHORD_NEIGHBOURS_MAX = 8,  /* per side, reached at about 10^5 peers, see chord_goal() */
	CHORD_FINGERS_WANTED = 16, /* searched for at join, s10.7.4.3 */
	CHORD_FINGERS_MAX = 128,   /* the table can hold one per bit */
	CHORD_LINKS_MAX = 8192,    /* Connection Table; at the maximum new links are not noted */
	CHORD_KNOWN_MAX = 64,      /* heard-of nodes; at the maximum the farthest idle one goes */
	CHORD_JOINS_MAX = 128, /* Joins in hand-over; at the maximum a Join waits for its retry */
	CHORD_UPDATE_GAP_MS = 1000,   /* CHORD-15: one Update per peer and second */
	CHORD_UPDATE_WAIT_MS = 5000,  /* from a new link to the Update of the node behind it */
	CHORD_JOIN_WAIT_MS = 60000,   /* from the answer to Join to the Admitting Peer's Update */
	CHORD_ATTACH_WAIT_MS = 60000, /* for the outcome of an Attach, should the host never tell */
	CHORD_DROP_MS =
		30000, /* data are kept so long after three peers came to stand before them */
	CHORD_ATTACH_TRIES = 4, /* per node, then it is forgotten */
	CHORD_JOIN_TRIES = 8,   /* failures in one join(), then FAILED */
	CHORD_JOIN_MOVES = 64,  /* changes of the Admitting Peer in one join(), then FAILED */
	CHORD_FINGER_PASSES = 4,
	CHORD_BACKOFF_MS = 250,
	CHORD_BACKOFF_MAX_MS = 8000,
	CHORD_GONE_MS = 30000,     /* a node that left or failed is not tried again for so long */
	CHORD_HEARSAY_MS = 900000, /* a node that nobody mentioned for so long is forgotten */
};

/* -- chord_table.c: ordered sets of Node-IDs on a ring; pure ------------------------------------------------------- */

/* Ascending, without duplicates, owned. */
struct chord_set {
	struct reload_id *at;
	size_t count, cap;
};

/* chord_set_lower() returns the index of the first element that is not less than id. */
size_t chord_set_lower(const struct chord_set *s, const struct reload_id *id);
bool chord_set_has(const struct chord_set *s, const struct reload_id *id);
/* chord_set_add(), chord_set_remove() tell whether the set changed. */
bool chord_set_add(struct chord_set *s, const struct reload_id *id);
bool chord_set_remove(struct chord_set *s, const struct reload_id *id);
void chord_set_clear(struct chord_set *s);
/* chord_set_after(), chord_set_before() copy up to max elements, nearest first, walking away from self. */
size_t chord_set_after(
	const struct chord_set *s, const struct reload_id *self, struct reload_id *out, size_t max);
size_t chord_set_before(
	const struct chord_set *s, const struct reload_id *self, struct reload_id *out, size_t max);
/* chord_set_route() is the rule of s10.3 for a k that is not ours; NULL when the set is empty (borrowed). */
const struct reload_id *chord_set_route(
	const struct chord_set *s, const struct reload_id *self, const struct reload_id *k);
/* chord_set_fingers() fills out, ascending: of every finger interval the element next to its start. */
size_t chord_set_fingers(const struct chord_set *s, const struct reload_id *self,
	struct reload_id out[CHORD_FINGERS_MAX]);
/* chord_finger_index() is i (1 to 128) for which id lies in [self+2^(128-i), self+2^(129-i)-1]; id is not self. */
unsigned chord_finger_index(const struct reload_id *self, const struct reload_id *id);
/* chord_high() returns the upper 64 bits of a distance. */
uint64_t chord_high(const struct reload_id *distance);
/* chord_nearer() tells whether a lies before b when walking from `from`: clockwise, or backwards. */
bool chord_nearer(const struct reload_id *from, bool clockwise, const struct reload_id *a,
	const struct reload_id *b);
/* chord_goal() is the number of neighbours to hold per side, O(log N), N judged from the nearest three of each side. */
size_t chord_goal(const struct chord_set *peers, const struct reload_id *self);

/* -- state ---------------------------------------------------------------------------------------------------------- */

/* A row of the Connection Table. */
struct chord_link {
	struct reload_id id;
	bool ready;  /* a peer: its Update came over this link, or we admitted it */
	bool bad;    /* the link layer doubts it: no messages through it */
	bool handed; /* we gave it its range when we admitted it */
	bool asked;  /* we sent it a Join in this attempt */
	bool sole;   /* its last list knew nobody but us */
	bool dirty;  /* is owed an Update */
	bool sent_lists;
	reload_ms since;        /* it is a peer */
	uint64_t mark;          /* of its last lists */
	bool listed;            /* its lists are known, and with them: */
	struct reload_id third; /* its third predecessor; len 0: it has fewer */
	uint64_t sent;          /* version of the tables in the last Update to it, 0: none */
	reload_ms quiet_until;
};

enum chord_known_state {
	CHORD_IDLE,
	CHORD_TRYING,
	CHORD_LINKED,
	CHORD_GONE
};

/* A member of our replica set, and how much of our range the host was told to store there. */
struct chord_copy {
	struct reload_id id;
	bool ordered;
	struct reload_id from; /* ordered: (from, self]; len 0: it has all */
	reload_ms since;       /* something is to be ordered since then; 0: nothing */
};

/* A node that others mentioned and that is not (yet) a peer of ours. */
struct chord_known {
	struct reload_id id, informant; /* informant.len 0: normal routing */
	enum chord_known_state state;
	uint8_t failures;
	bool listed; /* in the Update that is being read */
	uint32_t cookie;
	reload_ms due, heard;
};

enum chord_phase {
	CHORD_PAUSE,
	CHORD_RESOLVING,
	CHORD_AP_UPDATE,
	CHORD_NEIGHBOURS,
	CHORD_JOIN_SENT
};

struct reload_topology {
	struct reload_topology_host host;
	struct reload_id self;
	bool reactive;
	reload_ms born;
	enum reload_topology_state state;
	bool announced; /* JOINED, and R-10.5-14 allows Updates */

	struct chord_link *links; /* ascending */
	size_t links_count, links_cap;
	struct chord_set peers; /* ready links */
	struct chord_set route; /* ready links that are not bad: the Routing Table */
	struct chord_known known[CHORD_KNOWN_MAX];
	size_t known_count;

	struct reload_id predecessors[CHORD_NEIGHBOURS_MAX], successors[CHORD_NEIGHBOURS_MAX];
	struct reload_id fingers[CHORD_FINGERS_MAX];
	size_t predecessors_count, successors_count, fingers_count;
	uint64_t version; /* of predecessors, successors and range */

	/* data: what the last orders to the host rest on */
	bool owner;             /* from_ is valid */
	struct reload_id from;  /* own range (from, self] */
	struct reload_id bound; /* nearest predecessor by word of the Admitting Peer, len 0: none */
	struct chord_copy copies[2]; /* the replica set */
	size_t copies_count;
	struct reload_id
		kept_from; /* what lies outside of (kept_from, self] is, or will be, forgotten; len 0: nothing */

	/* as Joining Node */
	enum chord_phase phase;
	struct reload_id bootstrap, ap;
	uint32_t ap_cookie;
	unsigned tries, moves;
	struct reload_timer join_timer;

	/* as Admitting Peer */
	struct chord_set handing, waiting;

	uint32_t finger_cookies[CHORD_FINGERS_WANTED];
	unsigned finger_passes;
	struct reload_timer finger_timer;

	struct reload_timer known_timer, update_timer, data_timer, drop_timer;
	uint32_t cookies;
	bool alone; /* the peer that was lost last knew nobody but us: without it we are the overlay */
};

/* -- chord.c -------------------------------------------------------------------------------------------------------- */

/* chord_link_add() finds or makes the row of id; NULL when the table is full.  Rows move when one is added. */
struct chord_link *chord_link_add(struct reload_topology *t, const struct reload_id *id);
struct chord_link *chord_link_find(struct reload_topology *t, const struct reload_id *id);
/* chord_link_ready() turns link into a peer or back into a mere connection; tells whether that was new. */
bool chord_link_ready(struct reload_topology *t, struct chord_link *link, bool ready);
/* chord_link_drop() removes the row: the link is down. */
void chord_link_drop(struct reload_topology *t, struct chord_link *link);
void chord_set_state(
	struct reload_topology *t, enum reload_topology_state state, const struct reload_id *other);
/* chord_refresh() brings tables, range and data orders in line with the links. */
void chord_refresh(struct reload_topology *t);
/* chord_after() ends every event: tables, orders about data, Attaches, Join, Updates, in this order. */
void chord_after(struct reload_topology *t);
reload_ms chord_now(struct reload_topology *t);
/* chord_jitter() is a random time around ms: half of it to one and a half. */
reload_ms chord_jitter(struct reload_topology *t, reload_ms ms);
reload_ms chord_backoff(struct reload_topology *t, unsigned failures);
void chord_timer(struct reload_topology *t, struct reload_timer *timer, reload_ms due,
	void (*fn)(void *arg));
bool chord_member(const struct reload_id *list, size_t count, const struct reload_id *id);

/* -- chord_known.c -------------------------------------------------------------------------------------------------- */

/* chord_known_mention() notes that informant (NULL: nobody to route through) lists id. */
void chord_known_mention(
	struct reload_topology *t, const struct reload_id *id, const struct reload_id *informant);
/* chord_known_read() brackets the reading of one list from informant: begin, mentions, end. */
void chord_known_read_begin(struct reload_topology *t);
void chord_known_read_end(struct reload_topology *t, const struct reload_id *informant);
void chord_known_connected(struct reload_topology *t, const struct reload_id *id);
void chord_known_lost(
	struct reload_topology *t, const struct reload_id *id, bool was_peer, bool left);
void chord_known_forget(struct reload_topology *t, const struct reload_id *id);
bool chord_known_attached(struct reload_topology *t, uint32_t cookie, enum reload_err err);
/* chord_known_pump() starts the Attaches that are due. */
void chord_known_pump(struct reload_topology *t);
/* chord_known_outstanding(): a future neighbour is not attached to yet, and may still be. */
bool chord_known_outstanding(struct reload_topology *t);
/* chord_known_between(): one in (from, to) that is linked or being attached, whose Update is still awaited */
bool chord_known_between(
	struct reload_topology *t, const struct reload_id *from, const struct reload_id *to);
/* chord_known_near() fills out with peers and heard-of nodes, nearest first, at most chord_goal(). */
size_t chord_known_near(
	struct reload_topology *t, bool clockwise, struct reload_id out[CHORD_NEIGHBOURS_MAX]);
/* chord_known_likely(): id is heard of, and has not failed twice */
bool chord_known_likely(struct reload_topology *t, const struct reload_id *id);
void chord_known_clear(struct reload_topology *t);

/* -- chord_finger.c ------------------------------------------------------------------------------------------------- */

void chord_finger_pass(struct reload_topology *t);
void chord_finger_later(struct reload_topology *t, reload_ms wait);
bool chord_finger_attached(struct reload_topology *t, uint32_t cookie, enum reload_err err);

/* -- chord_data.c --------------------------------------------------------------------------------------------------- */

/* chord_data_refresh() compares range and replica set with what was ordered; tells whether the range changed. */
bool chord_data_refresh(struct reload_topology *t);
/* chord_range_from() is the Node-ID behind which our range begins; our own when we are alone. */
const struct reload_id *chord_range_from(const struct reload_topology *t);
bool chord_responsible(const struct reload_topology *t, const struct reload_id *id);

/* -- chord_join.c --------------------------------------------------------------------------------------------------- */

void chord_join_start(struct reload_topology *t, const struct reload_id *bootstrap);
void chord_join_stop(struct reload_topology *t);
void chord_join_step(struct reload_topology *t);
bool chord_join_attached(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *node);
void chord_join_answered(
	struct reload_topology *t, const struct reload_id *ap, enum reload_err err);
void chord_join_update(
	struct reload_topology *t, struct chord_link *link, const struct reload_chord_update *u);
/* chord_join_fail() ends the attempt, or our part in a ring from which we are cut off: FAILED. */
void chord_join_fail(struct reload_topology *t);
void chord_join_lost(struct reload_topology *t, const struct reload_id *node);

/* -- chord_admit.c -------------------------------------------------------------------------------------------------- */

void chord_admit_received(struct reload_topology *t, const struct reload_id *node);
void chord_admit_handed_over(struct reload_topology *t, const struct reload_id *node);
void chord_admit_waiting(struct reload_topology *t);
void chord_admit_lost(struct reload_topology *t, const struct reload_id *node);

/* -- chord_update.c ------------------------------------------------------------------------------------------------- */

void chord_update_write(
	struct reload_topology *t, struct wr *w, enum reload_chord_update_type type);
void chord_update_full(struct reload_topology *t, struct wr *w);
enum reload_err chord_update_received(
	struct reload_topology *t, const struct reload_id *from, bool direct, struct span body);
/* chord_update_now() sends the lists to link at once, whatever was sent before. */
void chord_update_now(struct reload_topology *t, struct chord_link *link);
void chord_update_all_dirty(struct reload_topology *t);
void chord_update_flush(struct reload_topology *t);
void chord_leave(struct reload_topology *t);
void chord_leave_received(
	struct reload_topology *t, const struct reload_id *from, struct span data);

/* -- chord_route.c: the questions, see struct reload_topology_ops ---------------------------------------------------- */

enum reload_err chord_next_hop(
	struct reload_topology *t, const struct reload_id *id, struct reload_id *next);
bool chord_is_responsible(struct reload_topology *t, const struct reload_id *id);
size_t chord_replicas(struct reload_topology *t, struct reload_id out[2]);
bool chord_holds(struct reload_topology *t, const struct reload_id *resource);
bool chord_plausible(struct reload_topology *t, const struct reload_id *resource,
	const struct reload_id *signer);
bool chord_close_enough(struct reload_topology *t, const struct reload_id *resource,
	const struct reload_id *signer);
void chord_tables(struct reload_topology *t, struct reload_topology_tables *out);
void chord_route_query_write(struct reload_topology *t, struct wr *w, const struct reload_id *id);
uint32_t chord_responsible_ppb(struct reload_topology *t);
bool chord_range(struct reload_topology *t, struct reload_id *from, struct reload_id *to);
void chord_resource_id(struct reload_id *out, struct span resource_name);
