/* What the files of CHORD-RELOAD share; nobody else includes it. */
#pragma once

#include "topology/topology.h"
#include "wire/chord.h"

enum {
	CHORD_ID_LEN = 16,        /* interop CHORD-05: any other node-id-length is refused */
	CHORD_NEIGHBOURS_MIN = 3, /* per side, R-10.7-06 */
	CHORD_NEIGHBOURS_MAX =
		8, /* per side, reached at about 10^5 peers, see reload_chord_goal() */
	CHORD_FINGERS_WANTED = 16, /* searched for at join, s10.7.4.3 */
	CHORD_FINGERS_MAX = 128,   /* the table can hold one per bit */
	CHORD_LINKS_MAX = 8192,    /* Connection Table; at the maximum new links are not noted */
	CHORD_PENDING_MAX = 64,    /* heard-of nodes; at the maximum the farthest idle one goes */
	CHORD_JOINS_MAX = 128, /* Joins in hand-over; at the maximum a Join waits for its retry */
	CHORD_UPDATE_GAP_MS = 1000,   /* CHORD-15: one Update per peer and second */
	CHORD_DOUBT_MS = 10000,       /* an Update in doubt to one peer each */
	CHORD_UPDATE_WAIT_MS = 5000,  /* from a new link to the Update of the node behind it */
	CHORD_READMIT_MS = 10000,     /* over one link a node is given its range so often */
	CHORD_JOIN_WAIT_MS = 60000,   /* from the answer to Join to the Admitting Peer's Update */
	CHORD_PATIENCE_MS = 45000,    /* for Attaches to future neighbours: liars hold up no Join */
	CHORD_ATTACH_WAIT_MS = 60000, /* for the outcome of an Attach, should the host never tell */
	CHORD_DROP_MS =
		30000, /* data are kept so long after three peers came to stand before them */
	CHORD_ATTACH_TRIES = 4, /* per node, then it is forgotten */
	CHORD_JOIN_TRIES = 8,   /* failures in one join(), then FAILED */
	CHORD_DETOUR_TRIES = 2, /* of these; then every other one goes by another way */
	CHORD_JOIN_MOVES = 64,  /* changes of the Admitting Peer in one join(), then FAILED */
	CHORD_FINGER_PASSES = 4,
	CHORD_BACKOFF_MS = 250,
	CHORD_BACKOFF_MAX_MS = 8000,
	CHORD_GONE_MS = 30000,      /* a node that left or failed is not tried again for so long */
	CHORD_HEARSAY_MS = 900000,  /* a node that nobody mentioned for so long is forgotten */
	CHORD_HOLD_DOWN_MS = 30000, /* replicas for the replacement of a failed successor wait */
	CHORD_INFORMANTS = 3,       /* remembered of those that list a node, the last ones */
	CHORD_INFORMANTS_MAX = CHORD_PENDING_MAX *
			       (CHORD_INFORMANTS + 1), /* that all rows name, and through whom */
	CHORD_NOBODY = 0xffff,
	CHORD_ROUNDS_MAX = 4, /* the pause between rounds of tries has doubled so often */
	CHORD_PENDING_SHARE =
		24,        /* of them on one informant's word; beyond it only for nearer ones */
	CHORD_CREDIT = 32, /* Attaches that one informant may cause at once, and */
	CHORD_CREDIT_MS = 2000,      /* how long it takes to earn another one */
	CHORD_LIES = 4,              /* mentions in vain, then an informant's words weigh less */
	CHORD_SEARCHES_MAX = 8,      /* finger searches under way; at the maximum none begins */
	CHORD_SEARCH_TRIES = 3,      /* for a finger that failed; a periodic search has one */
	CHORD_PROBE_WAIT_MS = 60000, /* for the outcome of a Ping or a locate() */
	CHORD_CHECK_MS = 10000,      /* first check for a partition after losses, then doubling */
	CHORD_MASS_MS = 60000,       /* so many neighbours, lost within so long, ... */
	CHORD_MASS = 2,              /* ... look like a partition */
	CHORD_CUT_OFF_PARTS = 8,     /* without fingers the check comes so much more often */
	CHORD_REPAIR_TRIES = 4,      /* Pings for the next successor */
	CHORD_PAST_MS = 60000,       /* a former neighbour may still replicate, see chord_past.c */
	CHORD_PAST_MAX = 32,         /* former neighbours; the one that went first makes room */
	CHORD_UNSETTLED_MS = 120000, /* after a new neighbour: rings may have merged */
	CHORD_RETURNS =
		7, /* of a node that was given data and went: it is given them at once; then */
	CHORD_DAMP_MS = 4000,      /* it waits, twice as long each time, and */
	CHORD_DAMP_MAX_MS = 40000, /* less than CHORD_JOIN_WAIT_MS: who joins is still there */
	CHORD_DAMP_FORGOTTEN_MS = 600000,
	CHORD_DAMP_MAX =
		64, /* nodes remembered after they went; at the maximum the one that went first is forgotten */
	CHORD_GRANTS = 8,      /* to nodes that often return, at once; and */
	CHORD_GRANT_MS = 5000, /* how long it takes to earn another one */
};

/* -- chord_set.c: ordered sets of Node-IDs on a ring; pure ------------------------------------------------------- */

typedef unsigned __int128 reload_point; /* of the ring: a Node-ID as a number */

/* Ascending, without duplicates, owned. */
struct chord_set {
	reload_point *at;
	size_t count, cap;
};

/* reload_chord_set_has() tells whether id is in the set. */
bool reload_chord_set_has(const struct chord_set *s, const struct reload_id *id);
/* reload_chord_set_add(), reload_chord_set_remove() tell whether the set changed. */
bool reload_chord_set_add(struct chord_set *s, const struct reload_id *id);
bool reload_chord_set_remove(struct chord_set *s, const struct reload_id *id);
void reload_chord_set_clear(struct chord_set *s);
/* reload_chord_set_after(), reload_chord_set_before() copy up to max elements, nearest first, walking away from self. */
size_t reload_chord_set_after(
	const struct chord_set *s, const struct reload_id *self, struct reload_id *out, size_t max);
size_t reload_chord_set_before(
	const struct chord_set *s, const struct reload_id *self, struct reload_id *out, size_t max);
/* reload_chord_set_at() returns the element at place i, which is less than the count. */
struct reload_id reload_chord_set_at(const struct chord_set *s, size_t i);
/* reload_chord_set_route() is the rule of s10.3 for a k that is not ours; false when the set is empty. */
bool reload_chord_set_route(const struct chord_set *s, const struct reload_id *self,
	const struct reload_id *k, struct reload_id *out);
/* reload_chord_set_fingers() fills out, ascending: of every finger interval the element next to its start. */
size_t reload_chord_set_fingers(const struct chord_set *s, const struct reload_id *self,
	struct reload_id out[CHORD_FINGERS_MAX]);
/* reload_chord_finger_index() is i (1 to 128) for which id lies in [self+2^(128-i), self+2^(129-i)-1]; id is not self. */
unsigned reload_chord_finger_index(const struct reload_id *self, const struct reload_id *id);
/* reload_chord_high() returns the upper 64 bits of a distance. */
uint64_t reload_chord_high(const struct reload_id *distance);
/* reload_chord_nearer() tells whether a lies before b when walking from `from`: clockwise, or backwards. */
bool reload_chord_nearer(const struct reload_id *from, bool clockwise, const struct reload_id *a,
	const struct reload_id *b);
/* reload_chord_goal() is the number of neighbours to hold per side, O(log N), N judged from the nearest three of each side. */
size_t reload_chord_goal(const struct chord_set *peers, const struct reload_id *self);

/* -- state ---------------------------------------------------------------------------------------------------------- */

/* A row of the Connection Table. */
struct chord_link {
	struct reload_id id;
	struct reload_id
		offered; /* what is held of (offered, id] was offered to it; len 0: nothing yet */
	struct reload_id third; /* with listed: its third predecessor; len 0: it has fewer */
	bool ready : 1;         /* a peer: its Update came over this link, or we admitted it */
	bool bad : 1;           /* the link layer doubts it: no messages through it */
	bool given : 1;         /* data were ordered for it in this stay, see chord_damp.c */
	bool handed : 1;        /* we gave it its range when we admitted it */
	bool asked : 1;         /* we sent it a Join in this attempt */
	bool sole : 1;          /* its last list knew nobody but us */
	bool dirty : 1;         /* is owed an Update */
	bool sent_lists : 1;
	bool listed : 1;   /* its lists are known */
	bool lists_us : 1; /* in its Neighbor Table, by its last lists */
	bool neighbour : 1; /* in the Neighbor Table: is sent an Update, changed or not, at periodic */
	uint8_t spent;      /* of CHORD_CREDIT, as of spent_at */
	uint8_t lies;       /* Attaches to nodes it named that failed, less those that succeeded */
	reload_ms handed_at; /* the last time */
	uint64_t mark;       /* of its last lists */
	uint64_t sent;       /* version of the tables in the last Update to it, 0: none */
	reload_ms quiet_until;
	reload_ms
		doubted; /* when it was last sent an Update because it may have failed; 0: never */
	reload_ms periodic, spent_at;
};

enum chord_pending_state {
	CHORD_IDLE,
	CHORD_TRYING,
	CHORD_LINKED,
	CHORD_GONE
};

/* A member of our replica set, and how much of our range the host was told to store there. */
struct chord_copy {
	struct reload_id id;
	bool ordered;
	bool disowned;         /* since then its lists said that it is no holder */
	struct reload_id from; /* ordered: (from, self]; len 0: it has all */
	reload_ms since;       /* something is to be ordered since then; 0: nothing */
};

/* A node that others mentioned and that is not (yet) a peer of ours.  There are many of these rows: they are kept narrow. */
struct chord_pending {
	reload_ms due, heard;
	uint32_t cookie;
	/* places in the table of informants */
	uint16_t informants[CHORD_INFORMANTS]; /* who lists it, the last to begin first */
	uint16_t through; /* the informant of the Attach under way; CHORD_NOBODY: normal routing */
	struct reload_id id;
	uint8_t state; /* enum chord_pending_state */
	uint8_t informants_count;
	uint8_t failures, rounds; /* of tries in vain */
	uint8_t turn;             /* which way the next try goes */
	bool listed;              /* in the Update that is being read */
};

/* The search for finger `index`; cookie 0: begins when due. */
struct chord_search {
	uint8_t index, tries;
	uint32_t cookie;
	reload_ms due; /* cookie: given up then */
};

enum chord_check_phase {
	CHORD_CHECK_IDLE,
	CHORD_CHECK_LOCATING,
	CHORD_CHECK_PINGING,
	CHORD_CHECK_ATTACHING
};

/* The check for a partition. */
struct chord_check {
	enum chord_check_phase phase;
	bool shaken;    /* a peer failed since the tables were made, and there were fingers */
	bool parted;    /* the last check that was answered found another ring */
	bool stranded;  /* the last finger beyond our neighbours failed, and none was found since */
	uint8_t losses; /* neighbours that failed since */
	reload_ms losses_at;
	uint32_t cookie;
	struct reload_id bootstrap;
	reload_ms wait, hurried_at;
	struct reload_timer timer;
};

/* The search for our successor when all that we had are gone. */
struct chord_repair {
	struct reload_id had[CHORD_NEIGHBOURS_MAX]; /* when the first of them failed */
	size_t had_count;
	reload_ms had_until;
	uint8_t tries;            /* 0: nothing under way */
	uint32_t cookie;          /* 0: a pause */
	struct reload_id via;     /* through whom */
	struct reload_id joining; /* a Join was sent to it */
	struct reload_timer timer;
};

/* A node that was a neighbour. */
struct chord_past {
	struct reload_id id;
	reload_ms until; /* it counts */
};

enum chord_phase {
	CHORD_PAUSE,
	CHORD_RESOLVING,
	CHORD_AP_UPDATE,
	CHORD_NEIGHBOURS,
	CHORD_JOIN_SENT
};

/* A node that was given data and went. */
struct chord_damp {
	struct reload_id id;
	uint8_t returns; /* 0: free */
	reload_ms went;  /* the last time */
};

struct reload_topology {
	struct reload_topology_host host;
	struct reload_id self;
	bool reactive;
	reload_ms update_interval, ping_interval;
	reload_ms born;
	enum reload_topology_state state;
	bool announced; /* JOINED, and R-10.5-14 allows Updates */

	struct chord_link *links; /* ascending */
	size_t links_count, links_cap;
	struct chord_set peers;        /* ready links */
	struct chord_set route;        /* ready links that are not bad: the Routing Table */
	struct chord_pending *pending; /* ascending, at most CHORD_PENDING_MAX */
	size_t pending_count, pending_cap;
	struct reload_id
		*informants; /* whom the rows of pending name, and places free for others */
	size_t informants_count, informants_cap; /* at most CHORD_INFORMANTS_MAX */
	bool peers_changed;                      /* since the tables were made */
	bool stirred;                            /* who is attached to has to be thought over */

	struct reload_id predecessors[CHORD_NEIGHBOURS_MAX], successors[CHORD_NEIGHBOURS_MAX];
	struct reload_id *fingers; /* ascending, at most CHORD_FINGERS_MAX */
	size_t predecessors_count, successors_count, fingers_count, fingers_cap;
	reload_ms update_due; /* no link is owed an Update before */
	uint64_t version;     /* of predecessors, successors and range */

	/* data: what the last orders to the host rest on */
	bool owner;             /* from_ is valid */
	struct reload_id from;  /* own range (from, self] */
	struct reload_id bound; /* nearest predecessor by word of the Admitting Peer, len 0: none */
	struct chord_copy copies[2]; /* the replica set */
	size_t copies_count;
	reload_ms held_until;         /* new replicas wait, for members farther than */
	struct reload_id held_beyond; /* the nearest one that failed */
	struct reload_id
		kept_from; /* what lies outside of (kept_from, self] is, or will be, forgotten; len 0: nothing */

	/* as Joining Node */
	enum chord_phase phase;
	struct reload_id bootstrap, ap;
	uint32_t ap_cookie;
	bool detour;         /* this attempt begins elsewhere than at our own place */
	bool blind;          /* AP told us nothing of the ring */
	uint8_t blind_pings; /* successors asked for so far, the last one found being */
	struct reload_id blind_last;
	unsigned tries, moves;
	reload_ms patience; /* until then Join, and then Updates, wait for future neighbours */
	struct reload_timer join_timer;

	/* as Admitting Peer */
	struct chord_set handing, waiting, damped; /* damped: Joins of nodes that come and go */
	struct reload_timer damped_timer;
	struct chord_damp *damps; /* at most CHORD_DAMP_MAX */
	size_t damps_count, damps_cap;
	unsigned grants; /* of CHORD_GRANTS, as of grants_at */
	reload_ms grants_at;

	uint32_t finger_cookies[CHORD_FINGERS_WANTED];
	unsigned finger_passes;
	struct reload_timer finger_timer;

	struct chord_search searches[CHORD_SEARCHES_MAX];
	size_t searches_count;
	reload_ms search_due; /* the next periodic search; 0: not planned */
	struct reload_timer search_timer;

	struct chord_check check;
	struct chord_repair repair;

	struct chord_past *past; /* at most CHORD_PAST_MAX */
	size_t past_count, past_cap;
	reload_ms unsettled_until;

	struct reload_timer pending_timer, update_timer, data_timer, drop_timer;
	uint32_t cookies;
	bool alone; /* the peer that was lost last knew nobody but us: without it we are the overlay */
};

/* -- chord.c -------------------------------------------------------------------------------------------------------- */

/* reload_chord_link_add() finds or makes the row of id; NULL when the table is full.  Rows move when one is added. */
struct chord_link *reload_chord_link_add(struct reload_topology *t, const struct reload_id *id);
/* reload_chord_link_find() returns the row of id, NULL when it is not connected; good until a row is added or dropped. */
struct chord_link *reload_chord_link_find(struct reload_topology *t, const struct reload_id *id);
/* reload_chord_link_ready() turns link into a peer or back into a mere connection; tells whether that was new. */
bool reload_chord_link_ready(struct reload_topology *t, struct chord_link *link, bool ready);
/* reload_chord_link_drop() removes the row: the link is down. */
void reload_chord_link_drop(struct reload_topology *t, struct chord_link *link);
/* reload_chord_set_state() enters state and tells the host, when it is a change. */
void reload_chord_set_state(
	struct reload_topology *t, enum reload_topology_state state, const struct reload_id *other);
/* reload_chord_refresh() brings tables, range and data orders in line with the links. */
void reload_chord_refresh(struct reload_topology *t);
/* reload_chord_after() ends every event: tables, orders about data, Attaches, Join, Updates, in this order. */
void reload_chord_after(struct reload_topology *t);
/* reload_chord_now() is the time of the host. */
reload_ms reload_chord_now(struct reload_topology *t);
/* reload_chord_jitter() is a random time around ms: half of it to one and a half. */
reload_ms reload_chord_jitter(struct reload_topology *t, reload_ms ms);
/* reload_chord_backoff() is the pause after so many failures: CHORD_BACKOFF_MS doubled, with jitter, bounded. */
reload_ms reload_chord_backoff(struct reload_topology *t, unsigned failures);
/* reload_chord_timer() arms timer for the time due with fn(t); RELOAD_NEVER cancels. */
void reload_chord_timer(struct reload_topology *t, struct reload_timer *timer, reload_ms due,
	void (*fn)(void *arg));
/* reload_chord_whole() tells whether our neighbours are the whole ring. */
bool reload_chord_whole(const struct reload_topology *t);

/* -- chord_pending.c -------------------------------------------------------------------------------------------------- */

/* reload_chord_pending_mention() notes that informant (NULL: nobody to route through) lists id. */
void reload_chord_pending_mention(
	struct reload_topology *t, const struct reload_id *id, const struct reload_id *informant);
/* reload_chord_pending_read_begin() and reload_chord_pending_read_end() bracket the mentions of one Update of informant; what it does not list any
 * more is forgotten. */
void reload_chord_pending_read_begin(struct reload_topology *t);
void reload_chord_pending_read_end(struct reload_topology *t, const struct reload_id *informant);
/* reload_chord_pending_connected(): a link to id is up, its Update is awaited from here on. */
void reload_chord_pending_connected(struct reload_topology *t, const struct reload_id *id);
/* reload_chord_pending_lost(): the link to id is down; was_peer: it had sent an Update; left: it said that it leaves. */
void reload_chord_pending_lost(
	struct reload_topology *t, const struct reload_id *id, bool was_peer, bool left);
/* reload_chord_pending_forget(): id is a peer now. */
void reload_chord_pending_forget(struct reload_topology *t, const struct reload_id *id);
/* reload_chord_pending_attached() takes the outcome of an Attach; false when the cookie is not one of these. */
bool reload_chord_pending_attached(struct reload_topology *t, uint32_t cookie, enum reload_err err);
/* reload_chord_pending_pump() starts the Attaches that are due. */
void reload_chord_pending_pump(struct reload_topology *t);
/* reload_chord_pending_outstanding(): a future neighbour is not attached to yet, may still be, and is worth waiting for. */
bool reload_chord_pending_outstanding(struct reload_topology *t);
/* reload_chord_pending_between(): one in (from, to) that is linked or being attached, whose Update is still awaited */
bool reload_chord_pending_between(
	struct reload_topology *t, const struct reload_id *from, const struct reload_id *to);
/* reload_chord_pending_near() fills out with peers and heard-of nodes, nearest first, at most reload_chord_goal(). */
size_t reload_chord_pending_near(
	struct reload_topology *t, bool clockwise, struct reload_id out[CHORD_NEIGHBOURS_MAX]);
/* reload_chord_pending_finger() returns a heard-of node for the entry `index` of the Finger Table; NULL: none. */
const struct reload_id *reload_chord_pending_finger(struct reload_topology *t, unsigned index);
/* reload_chord_pending_likely(): id is heard of, and has not failed twice */
bool reload_chord_pending_likely(struct reload_topology *t, const struct reload_id *id);
/* reload_chord_pending_clear() forgets all. */
void reload_chord_pending_clear(struct reload_topology *t);

/* -- chord_finger.c ------------------------------------------------------------------------------------------------- */

/* reload_chord_finger_pass() sends Attaches for the fingers that are wanted and not there. */
void reload_chord_finger_pass(struct reload_topology *t);
/* reload_chord_finger_later() plans a pass in about wait ms, unless there were CHORD_FINGER_PASSES. */
void reload_chord_finger_later(struct reload_topology *t, reload_ms wait);
/* reload_chord_finger_attached() takes the outcome of an Attach; false when the cookie is not one of these. */
bool reload_chord_finger_attached(struct reload_topology *t, uint32_t cookie, enum reload_err err);

/* reload_chord_finger_lost(): the finger id failed, another one is searched for (R-10.7.2-02). */
void reload_chord_finger_lost(struct reload_topology *t, const struct reload_id *id);
/* reload_chord_finger_step() starts the searches that are due. */
void reload_chord_finger_step(struct reload_topology *t);
/* reload_chord_finger_pinged() takes the outcome of a Ping; false when the cookie is not one of these. */
bool reload_chord_finger_pinged(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *responder);

/* -- chord_partition.c ---------------------------------------------------------------------------------------------- */

/* reload_chord_check_step() plans the checks for a partition. */
void reload_chord_check_step(struct reload_topology *t);
/* reload_chord_check_lost(): the link to node, a peer, failed; called before the tables change. */
void reload_chord_check_lost(struct reload_topology *t, const struct reload_id *node);
/* reload_chord_check_located(), _pinged(), _attached() take outcomes; false when the cookie is another one. */
void reload_chord_check_located(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *node);
bool reload_chord_check_pinged(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *responder);
bool reload_chord_check_attached(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *node);

/* -- chord_repair.c ------------------------------------------------------------------------------------------------- */

/* reload_chord_repair_lost(): node, a peer, failed or left; called before the tables change. */
void reload_chord_repair_lost(struct reload_topology *t, const struct reload_id *node);
/* reload_chord_repair_step() starts the search when the last successor is gone. */
void reload_chord_repair_step(struct reload_topology *t);
/* reload_chord_repair_pinged(), _attached() take outcomes; false when the cookie is another one. */
bool reload_chord_repair_pinged(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *responder);
bool reload_chord_repair_attached(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *node);
/* reload_chord_repair_answered() takes the answer to a Join that was sent by the repair; false: another one. */
bool reload_chord_repair_answered(
	struct reload_topology *t, const struct reload_id *node, enum reload_err err);

/* -- chord_data.c --------------------------------------------------------------------------------------------------- */

/* reload_chord_data_failed(): node failed, called before the tables change: its replacement waits (R-10.7.1-03). */
void reload_chord_data_failed(struct reload_topology *t, const struct reload_id *node);
/* reload_chord_data_doubted(): a replica Store was refused; the peers between resource and whoever of signer and us is farther get
 * an Update each, at most one in CHORD_DOUBT_MS: one that does not answer is lost. */
void reload_chord_data_doubted(struct reload_topology *t, const struct reload_id *resource,
	const struct reload_id *signer);
/* reload_chord_data_refresh() compares range and replica set with what was ordered; tells whether the range changed. */
bool reload_chord_data_refresh(struct reload_topology *t);
/* reload_chord_range_from() is the Node-ID behind which our range begins; our own when we are alone. */
const struct reload_id *reload_chord_range_from(const struct reload_topology *t);
/* reload_chord_responsible() tells whether id is in our own range (s10.1). */
bool reload_chord_responsible(const struct reload_topology *t, const struct reload_id *id);

/* -- chord_past.c --------------------------------------------------------------------------------------------------- */

/* reload_chord_past_ours(): node is a neighbour, was one lately, or is the other end of a join under way (STO-17). */
bool reload_chord_past_ours(struct reload_topology *t, const struct reload_id *node);
/* reload_chord_past_came(), reload_chord_past_went(): the Neighbor Table has a new member; node is in it no longer. */
void reload_chord_past_came(struct reload_topology *t);
void reload_chord_past_went(struct reload_topology *t, const struct reload_id *node);
/* reload_chord_unsettled() is unsettled of struct reload_topology_ops. */
bool reload_chord_unsettled(struct reload_topology *t);

/* -- chord_join.c --------------------------------------------------------------------------------------------------- */

/* reload_chord_join_start() begins to join through bootstrap, from any state. */
void reload_chord_join_start(struct reload_topology *t, const struct reload_id *bootstrap);
/* reload_chord_join_stop() ends all that a Joining Node waits for; the state is left to the caller. */
void reload_chord_join_stop(struct reload_topology *t);
/* reload_chord_join_step() does what has become possible: Join, or our first Updates. */
void reload_chord_join_step(struct reload_topology *t);
/* reload_chord_join_attached() takes the outcome of the Attach to n+1; false when the cookie is another one. */
bool reload_chord_join_attached(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *node);
/* reload_chord_join_pinged() takes the outcome of a Ping for our successors; false when the cookie is another one. */
bool reload_chord_join_pinged(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *responder);
/* reload_chord_join_answered() takes the answer to our Join. */
void reload_chord_join_answered(
	struct reload_topology *t, const struct reload_id *ap, enum reload_err err);
/* reload_chord_join_update() looks at an Update of link for what it says about our Join. */
void reload_chord_join_update(
	struct reload_topology *t, struct chord_link *link, const struct reload_chord_update *u);
/* reload_chord_join_fail() ends the attempt, or our part in a ring from which we are cut off: FAILED. */
void reload_chord_join_fail(struct reload_topology *t);
/* reload_chord_join_lost(): the link to node is down. */
void reload_chord_join_lost(struct reload_topology *t, const struct reload_id *node);

/* -- chord_admit.c -------------------------------------------------------------------------------------------------- */

/* reload_chord_admit_received() starts the hand-over to node, or sends it elsewhere. */
void reload_chord_admit_received(struct reload_topology *t, const struct reload_id *node);
/* reload_chord_admit_handed_over() makes node our predecessor, when its point is ours still. */
void reload_chord_admit_handed_over(struct reload_topology *t, const struct reload_id *node);
/* reload_chord_admit_waiting() takes up the Joins that came before we had announced ourselves. */
void reload_chord_admit_waiting(struct reload_topology *t);
/* reload_chord_admit_lost(): the link to node is down. */
void reload_chord_admit_lost(struct reload_topology *t, const struct reload_id *node);
/* reload_chord_admit_step() takes up the Joins of nodes that come and go, when it is their time; reload_chord_admit_stop() forgets all. */
void reload_chord_admit_step(struct reload_topology *t);
void reload_chord_admit_stop(struct reload_topology *t);

/* -- chord_damp.c: ranges for nodes that come and go --------------------------------------------------------------- */

/* reload_chord_damp_until() tells from when on node may be given data; 0: now. */
reload_ms reload_chord_damp_until(struct reload_topology *t, const struct reload_id *node);
/* reload_chord_damp_given() notes that data are ordered for it, reload_chord_damp_went() that its stay has ended. */
void reload_chord_damp_given(struct reload_topology *t, const struct reload_id *node);
void reload_chord_damp_went(struct reload_topology *t, struct chord_link *link);

/* -- chord_update.c ------------------------------------------------------------------------------------------------- */

/* reload_chord_update_write() appends an Update body of that type. */
void reload_chord_update_write(
	struct reload_topology *t, struct wr *w, enum reload_chord_update_type type);
/* reload_chord_update_full() is update_write of struct reload_topology_ops. */
void reload_chord_update_full(struct reload_topology *t, struct wr *w);
/* reload_chord_update_received() is update_received of struct reload_topology_ops. */
enum reload_err reload_chord_update_received(
	struct reload_topology *t, const struct reload_id *from, bool direct, struct span body);
/* reload_chord_update_now() sends the lists to link at once, whatever was sent before. */
void reload_chord_update_now(struct reload_topology *t, struct chord_link *link);
/* reload_chord_update_owe() marks link for an Update. */
void reload_chord_update_owe(struct reload_topology *t, struct chord_link *link);
/* reload_chord_update_all_dirty() marks every link for an Update. */
void reload_chord_update_all_dirty(struct reload_topology *t);
/* reload_chord_update_doubt() sends id an Update soon, at most one in CHORD_DOUBT_MS: one that does not answer is lost. */
void reload_chord_update_doubt(struct reload_topology *t, const struct reload_id *id);
/* reload_chord_update_flush() sends the Updates that are due. */
void reload_chord_update_flush(struct reload_topology *t);
/* reload_chord_leave() sends Leaves and ends our part in the ring: DETACHED. */
void reload_chord_leave(struct reload_topology *t);
/* reload_chord_leave_received() treats from as failed (R-10.9-03). */
void reload_chord_leave_received(
	struct reload_topology *t, const struct reload_id *from, struct span data);

/* -- chord_route.c ------------------------------------------------------------------------------------------------- */

/*
 * The answers of struct reload_topology_ops, documented there: reload_chord_next_hop(),
 * reload_chord_is_responsible(), reload_chord_replicas(), reload_chord_holds(),
 * reload_chord_plausible(), reload_chord_close_enough(), reload_chord_tables(),
 * reload_chord_route_query_write(), reload_chord_responsible_ppb(), reload_chord_range(),
 * reload_chord_resource_id().
 */
enum reload_err reload_chord_next_hop(
	struct reload_topology *t, const struct reload_id *id, struct reload_id *next);
bool reload_chord_is_responsible(struct reload_topology *t, const struct reload_id *id);
size_t reload_chord_replicas(struct reload_topology *t, struct reload_id out[2]);
bool reload_chord_holds(struct reload_topology *t, const struct reload_id *resource);
bool reload_chord_plausible(struct reload_topology *t, const struct reload_id *resource,
	const struct reload_id *signer);
bool reload_chord_close_enough(struct reload_topology *t, const struct reload_id *resource,
	const struct reload_id *signer);
void reload_chord_tables(struct reload_topology *t, struct reload_topology_tables *out);
void reload_chord_route_query_write(
	struct reload_topology *t, struct wr *w, const struct reload_id *id);
uint32_t reload_chord_responsible_ppb(struct reload_topology *t);
bool reload_chord_range(struct reload_topology *t, struct reload_id *from, struct reload_id *to);
void reload_chord_resource_id(struct reload_id *out, struct span resource_name);
