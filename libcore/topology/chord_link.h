/*
 * The Connection Table of CHORD-RELOAD: one row for each node to which there is a link, peer or not.
 *
 * The table is opaque; a row is not.  The members of a row are grouped by the file that writes them.
 */
#pragma once

#include "topology/chord_base.h"

enum {
	CHORD_LINKS_MAX = 8192, /* at the maximum a new link gets no row */
};

struct chord_link {
	struct reload_id id;

	/* chord_tables.c, chord_refresh.c */
	bool ready : 1;     /* a peer: its Update came over this link, or we admitted it */
	bool bad : 1;       /* by the link layer: not routed through */
	bool neighbour : 1; /* in the Neighbor Table */

	/* chord_update_in.c: the last lists of the node */
	bool listed : 1;        /* it has sent some */
	bool lists_us : 1;      /* we are in its Neighbor Table */
	bool lists_only_us : 1; /* they name nobody but us */
	bool finger_of : 1;     /* we are in its Finger Table, by its last full Update */
	reload_ms lists_us_at;  /* with listed: when it sent them */
	reload_ms full_at;      /* its last full Update; 0: it has sent none */
	struct reload_id first,
		third;         /* with listed: these predecessors of it; len 0: it has fewer */
	uint64_t lists_hash;   /* a hash of them */
	bool uptime_known : 1; /* also by an answer to a Probe: chord_tuning.c */
	uint32_t uptime_s;     /* by its last Update or answer, at uptime_at */
	reload_ms uptime_at;

	/* chord_update.c: our Updates to the node */
	bool update_due : 1; /* one is to be sent */
	bool sent_lists : 1; /* the last one had our lists */
	bool greet : 1; /* it is a new neighbour, or was attached to: it is sent a peer_ready */
	uint64_t sent;  /* version of our tables in the last one; 0: send again in any case */
	unsigned updates_out; /* not answered yet */
	reload_ms sent_at;    /* when; 0: never */
	reload_ms periodic;   /* for a neighbour: the next one, whether anything changed or not */
	reload_ms doubted;    /* the last one that was to find out whether it is there; 0: none */

	/* chord_tuning.c */
	bool finger : 1; /* it was in the Finger Table when the tables were last made; a new one is probed */

	/* chord_join.c, chord_admit.c */
	bool join_sent : 1;     /* we sent it a Join in this attempt */
	bool join_answered : 1; /* it has answered the last Join that we sent it */
	bool listed_early : 1;  /* it listed us as if it had admitted us, but before its answer */
	bool range_given : 1;   /* when we admitted it, at range_given_at */
	reload_ms range_given_at;
	reload_ms handed_since; /* in hand-over: since when */

	/* chord_data.c, chord_damp.c */
	/* what we hold of (owner_checked, id] was checked at the node, its owner; len 0: nothing was */
	struct reload_id owner_checked;
	bool data_given : 1; /* data were ordered for it since it came */

	/* chord_informant.c: what the node causes by naming others */
	uint8_t attach_tokens_used; /* of CHORD_ATTACH_BURST_PER_INFORMANT, at attach_tokens_at */
	uint8_t unreachable_names;  /* failed less successful Attaches to what it named */
	reload_ms attach_tokens_at;
};

/* reload_chord_links_new() makes an empty table. */
struct chord_links *reload_chord_links_new(void);
void reload_chord_links_free(struct chord_links *links);
/* reload_chord_link_add() finds or makes the row of id; NULL when the table is full or id is no Node-ID of another node.  Rows
 * move when one is added. */
struct chord_link *reload_chord_link_add(struct reload_topology *t, const struct reload_id *id);
/* reload_chord_link_find() returns the row of id, NULL when there is no link; valid until a row is added or dropped. */
struct chord_link *reload_chord_link_find(
	const struct reload_topology *t, const struct reload_id *id);
/* reload_chord_link_drop() removes the row: the link is down. */
void reload_chord_link_drop(struct reload_topology *t, struct chord_link *link);
/* reload_chord_link_count() is the number of rows, reload_chord_link_at() returns row i in ascending order of the Node-IDs. */
size_t reload_chord_link_count(const struct reload_topology *t);
struct chord_link *reload_chord_link_at(const struct reload_topology *t, size_t i);
