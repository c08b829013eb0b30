/* Our Updates: what they say, to whom and when they go. */
#pragma once

#include "topology/chord_link.h"
#include "wire/chord.h"

enum {
	CHORD_DOUBT_MS = 10000, /* between two Updates to a peer that may have failed */
};

/* reload_chord_updates_new() begins with version 1 of the tables, reload_chord_updates_free() frees the state of t. */
struct chord_updates *reload_chord_updates_new(void);
void reload_chord_updates_free(struct reload_topology *t);
/* reload_chord_update_write() appends the body of an Update of that type to w. */
void reload_chord_update_write(
	struct reload_topology *t, struct wr *w, enum reload_chord_update_type type);
/* reload_chord_update_full() is update_write of struct reload_topology_ops. */
void reload_chord_update_full(struct reload_topology *t, struct wr *w);
/* reload_chord_update_now() sends our lists over link at once, even if it has them already. */
void reload_chord_update_now(struct reload_topology *t, struct chord_link *link);
/* reload_chord_update_over() is told that an Update to link was answered or has failed; returns whether the next one waited for that. */
bool reload_chord_update_over(struct reload_topology *t, struct chord_link *link);
/* reload_chord_update_owe() makes an Update due on link. */
void reload_chord_update_owe(struct reload_topology *t, struct chord_link *link);
/* reload_chord_update_owe_all() makes one due on every link. */
void reload_chord_update_owe_all(struct reload_topology *t);
/* reload_chord_update_plan() plans the first periodic Update of link, whose node has become a neighbour. */
void reload_chord_update_plan(struct reload_topology *t, struct chord_link *link);
/* reload_chord_update_greet() has link sent a peer_ready, once its node is a peer, unless it is sent another Update before. */
void reload_chord_update_greet(struct reload_topology *t, struct chord_link *link);
/* reload_chord_update_nearest() makes one with our lists due to the first predecessor and the first successor, whether anything changed or not. */
void reload_chord_update_nearest(struct reload_topology *t);
/* reload_chord_update_range() makes one due to those who are told of a new range. */
void reload_chord_update_range(struct reload_topology *t);
/* reload_chord_update_news(): our Neighbor Table or range changed, so what was sent before is outdated. */
void reload_chord_update_news(struct reload_topology *t);
/* reload_chord_update_doubt() makes an Update to id due, at most one in CHORD_DOUBT_MS: a peer that does not answer it is lost. */
void reload_chord_update_doubt(struct reload_topology *t, const struct reload_id *id);
/* reload_chord_update_flush() sends the Updates that are due. */
void reload_chord_update_flush(struct reload_topology *t);
