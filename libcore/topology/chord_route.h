/* The answers to the engine's questions. */
#pragma once

#include "topology/chord_base.h"

/* reload_chord_is_ours() returns whether node is a neighbour, was one lately, or is the other end of a join under way (STO-17). */
bool reload_chord_is_ours(struct reload_topology *t, const struct reload_id *node);

/*
 * The answers of struct reload_topology_ops, documented there: reload_chord_next_hop(),
 * reload_chord_is_responsible(), reload_chord_replicas(), reload_chord_holds(),
 * reload_chord_may_store_replica(), reload_chord_close_enough(), reload_chord_tables_list(),
 * reload_chord_route_query_write(), reload_chord_responsible_ppb(), reload_chord_range(),
 * reload_chord_link_use(), reload_chord_full_update_since(), reload_chord_resource_id().
 */
enum reload_err reload_chord_next_hop(
	struct reload_topology *t, const struct reload_id *id, struct reload_id *next);
bool reload_chord_is_responsible(struct reload_topology *t, const struct reload_id *id);
size_t reload_chord_replicas(struct reload_topology *t, struct reload_id out[2]);
bool reload_chord_holds(struct reload_topology *t, const struct reload_id *resource);
bool reload_chord_may_store_replica(struct reload_topology *t, const struct reload_id *resource,
	const struct reload_id *signer);
bool reload_chord_close_enough(struct reload_topology *t, const struct reload_id *resource,
	const struct reload_id *signer);
void reload_chord_tables_list(struct reload_topology *t, struct reload_topology_tables *out);
void reload_chord_route_query_write(
	struct reload_topology *t, struct wr *w, const struct reload_id *id);
uint32_t reload_chord_responsible_ppb(struct reload_topology *t);
bool reload_chord_range(struct reload_topology *t, struct reload_id *from, struct reload_id *to);
enum reload_topology_link_use reload_chord_link_use(
	struct reload_topology *t, const struct reload_id *node);
bool reload_chord_full_update_since(
	struct reload_topology *t, const struct reload_id *node, reload_ms since);
void reload_chord_resource_id(struct reload_id *out, struct span resource_name);
