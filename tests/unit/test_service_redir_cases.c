/* What went wrong in service registries elsewhere, and in trees of ReDiR in particular: cases E04, E06 and E09. */
#include "redir_map.h"

#include "sim/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static const uint32_t factors[] = { 2, 4, 10 };

static struct reload_id draw_id(struct reload_prng *r)
{
	struct reload_id id = { .len = 16 };
	reload_prng_bytes(r, id.at, id.len);
	return id;
}

static void round_of(struct map *m, const struct reload_id *ids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		(void)map_register(m, &ids[i], RELOAD_REDIR_START);
}

static const struct reload_id *follower(
	const struct reload_id *ids, size_t count, const struct reload_id *key)
{
	const struct reload_id *best = NULL;
	for (size_t i = 0; i < count; i++)
		if (reload_id_cmp(&ids[i], key) >= 0 && (!best || reload_id_cmp(&ids[i], best) < 0))
			best = &ids[i];
	return best;
}

/* E04, R7374-14: the responsible peers of some tree nodes and their replicas failed; the next round stores there what was lost */
static void lost_records_come_back(void **state)
{
	struct reload_id ids[50];
	struct reload_prng random;
	(void)state;
	for (size_t f = 0; f < COUNT_OF(factors); f++) {
		struct map m;
		map_init(&m, factors[f]);
		reload_prng_seed(&random, f);
		for (size_t i = 0; i < COUNT_OF(ids); i++)
			ids[i] = draw_id(&random);
		round_of(&m, ids, COUNT_OF(ids));
		map_expire(&m);
		round_of(&m, ids, COUNT_OF(ids));
		map_expire(&m);
		for (size_t i = 0; i < MAP_NODES; i++) /* the root, and half of the others */
			if (!i || i % 2)
				m.nodes[i].count = 0;
		assert_int_equal(map_at(&m, (struct reload_redir_place){ 0, 0 })->count, 0);
		round_of(&m, ids, COUNT_OF(ids));
		for (unsigned k = 0; k < 500; k++) {
			struct reload_id key = draw_id(&random);
			const struct reload_id *want = follower(ids, COUNT_OF(ids), &key);
			struct reload_redir_lookup l =
				map_lookup(&m, &key, NULL, RELOAD_REDIR_START, k);
			assert_int_equal(l.err, RELOAD_OK);
			assert_true(want ? reload_id_eq(&l.provider, want) : l.wrapped);
		}
		map_clear(&m);
	}
}

/* E06: an answer has room for four records, as one of the default size of messages has; a lookup ends with a provider or says why not */
static void answers_are_too_small(void **state)
{
	enum {
		PROVIDERS = 20,
		LOOKUPS = 500
	};
	struct reload_id ids[PROVIDERS];
	struct reload_prng random;
	(void)state;
	for (size_t f = 0; f < COUNT_OF(factors); f++) {
		struct map m;
		unsigned found = 0;
		map_init(&m, factors[f]);
		m.capacity = 4;
		reload_prng_seed(&random, f);
		for (size_t i = 0; i < PROVIDERS; i++)
			ids[i] = draw_id(&random);
		for (unsigned round = 0; round < 3; round++) {
			round_of(&m, ids, PROVIDERS);
			map_expire(&m);
		}
		for (unsigned k = 0; k < LOOKUPS; k++) {
			struct reload_id key = draw_id(&random);
			struct reload_redir_lookup l =
				map_lookup(&m, &key, NULL, RELOAD_REDIR_START, k);
			found += !l.err;
			if (l.err)
				assert_int_equal(l.err, RELOAD_RESPONSE_TOO_LARGE);
		}
		print_message("b = %u, %d providers, 4 records in an answer: %u of %d found one\n",
			factors[f], PROVIDERS, found, LOOKUPS);
		assert_true(found > 0);
		map_clear(&m);
	}
}

/* E09: the ends of the ring, Node-IDs of providers and the ends of intervals: each level is fetched once at most, whatever the level to begin with */
static void keys_at_the_ends(void **state)
{
	struct reload_id ids[100], zero = { .len = 16 }, ones = reload_id_wildcard(16);
	struct reload_prng random;
	(void)state;
	for (size_t f = 0; f < COUNT_OF(factors); f++) {
		struct map m;
		unsigned deepest = reload_redir_deepest(factors[f]);
		map_init(&m, factors[f]);
		reload_prng_seed(&random, f);
		for (size_t i = 0; i < COUNT_OF(ids); i++)
			ids[i] = draw_id(&random);
		ids[0] = zero;
		ids[1] = ones;
		/* after a single round, which leaves tree nodes that contradict each other */
		for (size_t i = COUNT_OF(ids); i-- > 0;)
			(void)map_register(&m, &ids[i], i % (deepest + 1));
		for (unsigned start = 0; start <= deepest; start++)
			for (size_t i = 0; i < COUNT_OF(ids); i++) {
				struct reload_redir_lookup l =
					map_lookup(&m, &ids[i], NULL, start, i);
				assert_int_equal(l.err, RELOAD_OK);
				assert_true(l.fetches <= deepest + 1);
				/* one that provides the service itself gets another */
				l = map_lookup(&m, &ids[i], &ids[i], start, i);
				assert_int_equal(l.err, RELOAD_OK);
				assert_true(l.fetches <= deepest + 1);
				assert_false(reload_id_eq(&l.provider, &ids[i]));
			}
		struct reload_redir_lookup l = map_lookup(&m, &zero, NULL, RELOAD_REDIR_START, 0);
		assert_true(!l.wrapped && reload_id_eq(&l.provider, &zero));
		l = map_lookup(&m, &ones, NULL, RELOAD_REDIR_START, 0);
		assert_true(!l.wrapped && reload_id_eq(&l.provider, &ones));
		map_clear(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lost_records_come_back),
		cmocka_unit_test(answers_are_too_small),
		cmocka_unit_test(keys_at_the_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
