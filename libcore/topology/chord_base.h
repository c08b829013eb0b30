/*
 * The base of CHORD-RELOAD: facts about this node that all its files read, the clock, jitter, timers, and the end of an event.
 *
 * Every other file has its state in a struct of its own, which only that file can see; struct reload_topology has a pointer to
 * each.  The files are layers: a file calls only those that are listed before it.  The layers above learn what happened from
 * return values, and do what follows from it at the end of the event (reload_chord_after()).
 *
 *	chord_set	 ordered sets of Node-IDs; no state
 *	chord_base	 this file
 *	chord_link	 the Connection Table
 *	chord_damp	 nodes that come and go get data at growing intervals
 *	chord_past	 recent neighbours
 *	chord_tables	 peers, Neighbor Table, Finger Table, own range
 *	chord_informant	 nodes that name others, and limits on what they cause
 *	chord_pending	 nodes that were named and are to be attached to
 *	chord_update	 when and to whom an Update goes
 *	chord_data	 what data has to move when the tables change
 *	chord_finger	 filling the Finger Table
 *	chord_tuning	 the pace of CHORD-SELF-TUNING: estimates, interval, sizes of the tables
 *	chord_repair	 a new successor when all were lost
 *	chord_partition	 does the overlay consist of several rings?
 *	chord_join	 joining, as the Joining Node
 *	chord_refresh	 tables, range and orders about data follow the links
 *	chord_admit	 joining, as the Admitting Peer
 *	chord_update_in	 an Update that came in
 *	chord_leave	 Leaves, both ways
 *	chord_route	 the answers to the engine's questions
 *	chord		 the table of topology.h: one function for each event
 */
#pragma once

#include "topology/chord_set.h"
#include "topology/topology.h"

enum {
	CHORD_UPDATE_GAP_MS = 1000, /* CHORD-15: between two Updates to one peer */
	CHORD_READY_GAP_MS = 10000, /* between two Updates to a peer that gets no lists */
	CHORD_UPDATES_A_SECOND =
		20, /* longer when there are more links to nodes that are no neighbours */
	CHORD_UPDATE_WAIT_MS = 5000,  /* from a new link to the Update of the node behind it */
	CHORD_ATTACH_WAIT_MS = 60000, /* for the outcome of an Attach */
	CHORD_PROBE_WAIT_MS = 60000,  /* for the outcome of a Ping or a relocate() */
	CHORD_NEIGHBOUR_ATTACH_TIMEOUT_MS =
		45000, /* of a Join, for its Attaches to all future neighbours */
	CHORD_JOIN_NEIGHBOURS_MS =
		8000, /* without ICE a Join waits so long for those that are not its successor */
	CHORD_HOLD_DOWN_MS =
		30000, /* before the replacement of a failed holder gets replicas, unless it says that it is one */
	CHORD_BACKOFF_MS = 250,
	CHORD_BACKOFF_MAX_MS = 8000,
};

/*
 * In what CHORD-SELF-TUNING differs from CHORD-RELOAD (RFC 7363 s3); all else is the same code.  chord.c has a table for each.
 *
 *	reactive	chord-reactive of the configuration is heeded; else recovery is periodic (s5)
 *	measures	the peer estimates the ring (estimate.h).  Its one interval, between which it sends Updates and looks for fingers, and the sizes
 *			of its tables follow from that; else they follow from the configuration and from the density of the neighbours
 *	nearest_only	a periodic Update goes to the first predecessor and the first successor alone, one about a new range to the Neighbor
 *			Table alone (s5.2); else to all neighbours, and to all links
 *	greets		a new neighbour is sent an Update of type peer_ready (s5.2)
 *	probes_fingers	a new finger is asked for its uptime at once (s5.3)
 *	watches_fingers	fingers that fall silent are tried with a Ping as neighbours are (s6.3.1)
 *	uptime_joined	the uptime in an Update and in an answer to a Probe counts from the join, else from the start
 */
struct chord_pace {
	bool reactive, measures, nearest_only, greets, probes_fingers, watches_fingers,
		uptime_joined;
};

struct reload_topology {
	/* facts, read by all files */
	const struct chord_pace *pace;
	struct reload_topology_host host;
	struct reload_id self;
	bool reactive; /* chord-reactive of the configuration, where the pace heeds it */
	reload_ms update_interval, ping_interval; /* of the configuration */
	bool no_ice;                              /* of the configuration */
	reload_ms silence;       /* a peer from which nothing has come for that long is tried */
	uint32_t peers_to_probe; /* of the configuration */
	/* written by chord_tuning.c; 0: by reload_chord_goal(), and all fingers */
	unsigned neighbours_wanted, fingers_wanted;
	reload_ms joined_at; /* when it became part of the overlay; RELOAD_NEVER: it is not */
	reload_ms born;      /* when this object was made */
	enum reload_topology_state state; /* reload_chord_set_state() */
	/* JOINED, and R-10.5-14 allows Updates; written by chord_join.c, chord_leave.c and first() */
	bool announced;
	/* peers, state or the phase of a join changed: chord_pending.c has to choose again what to attach to */
	bool reconsider;
	uint32_t cookies; /* the last one given out: reload_chord_cookie() */
	void (*after)(struct reload_topology *t); /* reload_chord_after(), set by chord.c */

	/* the parts: one struct for each file, opaque to the others, except for these tables, which all files read */
	const struct chord_tables *tables;
	struct chord_tables_state *tables_state;
	struct chord_links *links;
	struct chord_damping *damping;
	struct chord_past *past;
	struct chord_informants *informants;
	struct chord_pending *pending;
	struct chord_updates *updates;
	struct chord_data *data;
	struct chord_finger *finger;
	struct chord_tuning *tuning; /* NULL: the pace measures nothing */
	struct chord_repair *repair;
	struct chord_check *check;
	struct chord_join *join;
	struct chord_admit *admit;
};

/* reload_chord_now() is the monotonic time of the host. */
reload_ms reload_chord_now(const struct reload_topology *t);
/* reload_chord_uptime_s() is the uptime that this node tells others, in seconds. */
uint32_t reload_chord_uptime_s(const struct reload_topology *t);
/* reload_chord_jitter() draws a time between half of ms and one and a half of it. */
reload_ms reload_chord_jitter(struct reload_topology *t, reload_ms ms);
/* reload_chord_backoff() is the pause after that many failures: CHORD_BACKOFF_MS, doubled for each, at most CHORD_BACKOFF_MAX_MS, with jitter. */
reload_ms reload_chord_backoff(struct reload_topology *t, unsigned failures);
/* reload_chord_timer() arms timer for the time due with fn(t); RELOAD_NEVER cancels it. */
void reload_chord_timer(struct reload_topology *t, struct reload_timer *timer, reload_ms due,
	void (*fn)(void *arg));
/* reload_chord_cookie() returns a cookie that no Attach or Ping under way has; never 0. */
uint32_t reload_chord_cookie(struct reload_topology *t);
/* reload_chord_set_state() enters state and reports it to the host, if it is a change. */
void reload_chord_set_state(
	struct reload_topology *t, enum reload_topology_state state, const struct reload_id *other);
/* reload_chord_only_us() returns whether a list of another node names nobody but us. */
bool reload_chord_only_us(
	const struct reload_topology *t, const struct reload_id *list, size_t count);
/*
 * reload_chord_after() ends every event, also that of a timer: what the event made possible or necessary is done, see
 * chord.c for the order.
 */
void reload_chord_after(struct reload_topology *t);
/* reload_chord_on_after() is a function for timers whose only work is reload_chord_after(). */
void reload_chord_on_after(void *arg);
