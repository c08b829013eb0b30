/* Shared by the files of the checkers. */
#pragma once

#include "sim/check.h"

struct reload_sim_checks {
	struct reload_sim *s;
	const size_t *order;
	const struct reload_sim_history *history;
	size_t store_limit;
	struct reload_sim_node **ring; /* joined peers by Node-ID */
	size_t count, honest;
	size_t ring_hint, owner_hint, finger_hint, place_hint, counter_hint, survivor_hint,
		joined_hint;
	reload_ms ended_look; /* when tables are searched for ended certificates next */
	reload_ms *
		busy_since; /* by node: since when it has had requests under way; NEVER: it has none */
};

/* reload_sim_checks_violated() fills v and returns false. */
bool __attribute__((format(printf, 4, 5)))
reload_sim_checks_violated(const struct reload_sim_checks *c, struct reload_sim_violation *v,
	enum reload_sim_check check, const char *words, ...);
/* reload_sim_checks_in_ring() returns the peer of the ring with that Node-ID, NULL when there is none. */
const struct reload_sim_node *reload_sim_checks_in_ring(
	const struct reload_sim_checks *c, const struct reload_id *id);
/* reload_sim_checks_stored() returns the storage_time of the version of the place that n has, 0 for none. */
uint64_t reload_sim_checks_stored(const struct reload_sim_checks *c,
	const struct reload_sim_node *n, const struct reload_sim_place *p);
/* reload_sim_checks_owner() is the position in the ring of the peer that is responsible for resource. */
size_t reload_sim_checks_owner(const struct reload_sim_checks *c, const struct reload_id *resource);
