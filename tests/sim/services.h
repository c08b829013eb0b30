/* What the files of tests/sim/services share. */
#pragma once

#include "sim/random.h"
#include "tests/unit/redir_map.h"

#include <jansson.h>

enum {
	SERVICES_TRIES = 3 /* providers that a searcher tries */
};

/* services_follower() returns the first of the sorted ids at or after key; count when there is none. */
size_t services_follower(const struct reload_id *ids, size_t count, const struct reload_id *key);

/* services_by_id() compares two Node-IDs for qsort(). */
int services_by_id(const void *a, const void *b);

/* services_draw_id() returns a random Node-ID, in an arc of 1 / 2^32 of the ring when narrow is true. */
struct reload_id services_draw_id(struct reload_prng *r, bool narrow);

/* A tree under churn: `providers` of them, whose sessions have the mean session_s; half of them leave without removing their records. */
struct services_churn {
	unsigned providers;
	uint32_t branching;
	unsigned session_s;
	unsigned
		loss_s; /* mean time until all records of a tree node are lost, with the peers that held them; 0: never */
	unsigned hours; /* that are measured, after a first one */
};

/* services_churn_run() returns the outcome (owned object) with the seed. */
json_t *services_churn_run(const struct services_churn *c, uint64_t seed);

/*
 * services_ring_run() makes a ring of that many peers, each of which is a provider, and returns how its rounds and lookups compare with those over
 * a map (owned object).
 */
json_t *services_ring_run(
	unsigned peers, uint32_t branching, bool adaptive, unsigned lookups, uint64_t seed);
