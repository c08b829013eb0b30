/* Registration and lookup in ReDiR's tree: the worked examples 16.1 to 16.4 of the digest of RFC 7374, and what happens when requests fail. */
#include "redir_map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

/* A Node-ID from its first bits: that of a space of `bits` bits. */
static struct reload_id small(unsigned v, unsigned bits)
{
	return (struct reload_id){ .len = 16, .at = { (uint8_t)(v << (8 - bits)) } };
}

static void lists(struct map *m, unsigned level, unsigned node, const unsigned *ids, size_t count,
	unsigned bits)
{
	struct map_node *n =
		map_at(m, (struct reload_redir_place){ (uint16_t)level, (uint16_t)node });
	assert_int_equal(n->count, count);
	for (size_t i = 0; i < count; i++) {
		struct reload_id id = small(ids[i], bits);
		assert_true(reload_id_eq(&n->entries[i].node, &id));
	}
}

#define LISTS(m, level, node, bits, ...)                                                           \
	lists(m, level, node, (const unsigned[]){ __VA_ARGS__ },                                   \
		sizeof((const unsigned[]){ __VA_ARGS__ }) / sizeof(unsigned), bits)

/* E01: the worked examples of the digest */
/* 16.1: four bits, b = 2 */
static void the_example_of_the_rfc(void **state)
{
	static const unsigned order[] = { 2, 3, 7, 4 };
	static const unsigned deepest[] = { 2, 3, 2, 2 }, stores[] = { 3, 4, 3, 3 };
	struct map m;
	(void)state;
	map_init(&m, 2);
	for (size_t i = 0; i < COUNT_OF(order); i++) {
		struct reload_id id = small(order[i], 4);
		struct reload_redir_registration r = map_register(&m, &id, RELOAD_REDIR_START);
		/* R7374-11: down as far as it is not alone */
		assert_int_equal(r.level, deepest[i]);
		assert_int_equal(r.stores, stores[i]);
		assert_false(r.incomplete);
	}
	/* R7374-9 R7374-10: up to the root; 4 stores there although it is between others */
	LISTS(&m, 0, 0, 4, 2, 3, 7, 4);
	LISTS(&m, 1, 0, 4, 2, 3, 7, 4);
	LISTS(&m, 2, 0, 4, 2, 3);
	LISTS(&m, 2, 1, 4, 7, 4);
	LISTS(&m, 3, 1, 4, 3);
	struct reload_id five = small(5, 4), seven = small(7, 4);
	struct reload_redir_lookup l = map_lookup(&m, &five, NULL, 2, 0);
	/* R7374-19 */
	assert_int_equal(l.err, RELOAD_OK);
	assert_int_equal(l.fetches, 1);
	assert_true(reload_id_eq(&l.provider, &seven));
	l = map_lookup(&m, &five, NULL, 3, 0);
	/* R7374-17 */
	assert_int_equal(l.fetches, 2);
	assert_int_equal(l.levels[0], 3);
	assert_int_equal(l.levels[1], 2);
	assert_true(reload_id_eq(&l.provider, &seven));
	for (unsigned k = 8; k < 16; k++) { /* nobody follows: any of the root */
		struct reload_id key = small(k, 4);
		l = map_lookup(&m, &key, NULL, 2, k);
		assert_int_equal(l.err, RELOAD_OK);
		assert_true(l.wrapped);
		struct reload_id any = small(order[k % 4], 4);
		assert_true(reload_id_eq(&l.provider, &any));
	}
	map_clear(&m);
}

static const unsigned eight[] = { 0x10, 0x41, 0x12, 0x13, 0xc3, 0x80, 0xc4, 0xf0 };

static void register_all(struct map *m)
{
	for (size_t i = 0; i < COUNT_OF(eight); i++) {
		struct reload_id id = small(eight[i], 8);
		(void)map_register(m, &id, RELOAD_REDIR_START);
	}
}

/* 16.2: eight bits, b = 4 */
static void the_second_example(void **state)
{
	static const struct {
		unsigned key, result, fetches;
		uint8_t levels[3];
	} rows[] = {
		{ 0x11, 0x12, 2, { 2, 3 } }, /* R7374-18 */
		{ 0x12, 0x12, 1, { 2 } },    /* the provider itself follows its own Node-ID */
		{ 0x14, 0x41, 3, { 2, 1, 0 } },
		{ 0x00, 0x10, 2, { 2, 1 } },
		{ 0x42, 0x80, 3, { 2, 1, 0 } },
		{ 0xc5, 0xf0, 2, { 2, 1 } },
		{ 0x7f, 0x80, 3, { 2, 1, 0 } },
	};
	struct map m;
	(void)state;
	map_init(&m, 4);
	register_all(&m);
	LISTS(&m, 0, 0, 8, 0x10, 0x41, 0x12, 0x13, 0xc3, 0x80, 0xc4, 0xf0);
	LISTS(&m, 1, 0, 8, 0x10, 0x12, 0x13);
	LISTS(&m, 1, 1, 8, 0x41);
	LISTS(&m, 1, 2, 8, 0x80);
	LISTS(&m, 1, 3, 8, 0xc3, 0xc4, 0xf0);
	LISTS(&m, 2, 1, 8, 0x10, 0x12, 0x13);
	LISTS(&m, 2, 4, 8, 0x41);
	LISTS(&m, 2, 8, 8, 0x80);
	LISTS(&m, 2, 12, 8, 0xc3, 0xc4);
	LISTS(&m, 2, 15, 8, 0xf0);
	LISTS(&m, 3, 4, 8, 0x12, 0x13);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct reload_id key = small(rows[i].key, 8), want = small(rows[i].result, 8);
		struct reload_redir_lookup l = map_lookup(&m, &key, NULL, 2, 0);
		/* R7374-16 */
		assert_int_equal(l.err, RELOAD_OK);
		assert_true(reload_id_eq(&l.provider, &want));
		assert_false(l.wrapped);
		assert_int_equal(l.fetches, rows[i].fetches);
		assert_memory_equal(l.levels, rows[i].levels, rows[i].fetches);
	}
	struct reload_id above = small(0xf1, 8), self = small(0xf0, 8), first = small(0x10, 8);
	struct reload_redir_lookup l = map_lookup(&m, &above, NULL, 2, 8);
	assert_true(l.wrapped && l.fetches == 3 && reload_id_eq(&l.provider, &first));
	/* a searcher that provides the service itself does not find itself */
	l = map_lookup(&m, &self, &self, 2, 7);
	assert_int_equal(l.err, RELOAD_OK);
	assert_false(reload_id_eq(&l.provider, &self));
	map_clear(&m);
}

/* R7374-14: the second round puts the tree right; copies that are not needed any more expire */
static void the_second_round(void **state)
{
	struct map m;
	(void)state;
	map_init(&m, 4);
	register_all(&m);
	map_expire(&m);
	register_all(&m);
	map_expire(&m);
	LISTS(&m, 3, 4, 8, 0x12, 0x13, 0x10);
	struct map_node *root = map_at(&m, (struct reload_redir_place){ 0, 0 });
	struct map_node *left = map_at(&m, (struct reload_redir_place){ 1, 0 });
	struct reload_id twelve = small(0x12, 8);
	for (size_t i = 0; i < root->count; i++)
		assert_false(reload_id_eq(&root->entries[i].node, &twelve));
	for (size_t i = 0; i < left->count; i++)
		assert_false(reload_id_eq(&left->entries[i].node, &twelve));
	map_clear(&m);
}

/* 16.3: two tree nodes that send the lookup to and fro */
static void an_oscillation_ends(void **state)
{
	struct reload_id thirteen = small(0x13, 8), ten = small(0x10, 8), key = small(0x11, 8);
	struct map m;
	(void)state;
	map_init(&m, 4);
	(void)map_register(&m, &thirteen, 2);
	(void)map_register(&m, &ten, 2);
	LISTS(&m, 2, 1, 8, 0x13, 0x10);
	LISTS(&m, 3, 4, 8, 0x10);
	struct reload_redir_lookup l = map_lookup(&m, &key, NULL, 2, 0);
	/* R7374-20 */
	assert_int_equal(l.err, RELOAD_OK);
	assert_int_equal(l.fetches, 2);
	assert_true(reload_id_eq(&l.provider, &thirteen));
	(void)map_register(&m, &thirteen, 2);
	l = map_lookup(&m, &key, NULL, 2, 0);
	assert_int_equal(l.fetches, 2);
	assert_int_equal(l.levels[1], 3);
	assert_true(reload_id_eq(&l.provider, &thirteen));
	map_clear(&m);
}

static struct reload_id id_of(const char *hex)
{
	struct reload_id id;
	assert_int_equal(reload_id_from_hex(&id, hex), RELOAD_OK);
	return id;
}

/* 16.4: 128 bits, b = 10 */
static void the_fourth_example(void **state)
{
	static const char *const ids[] = { "be76331b95dfc399cd776d2fc68021e0",
		"962665711e0e6ff33104712f82068162", "d8cd10b920dcbdb5163ca0185e402357",
		"736fcab46d3c183000b547caa2f1f0ab", "b2d21e771d9f86865c5eff193663574d",
		"c638c3424a084831790b66ccdc13b25e" };
	static const struct {
		const char *key;
		unsigned provider, fetches;
	} rows[] = { { "8ff8800a239d91c648520ad5aea2d30e", 1, 2 },
		{ "c8da283e498d0687a183093f54a3d59a", 2, 3 },
		{ "14e833557d06a77a35a73e93cc9fe960", 3, 3 } };
	static const unsigned counts[][3] = { { 0, 0, 6 }, { 1, 4, 1 }, { 1, 5, 1 }, { 1, 6, 1 },
		{ 1, 7, 2 }, { 1, 8, 1 }, { 2, 45, 1 }, { 2, 58, 1 }, { 2, 69, 1 }, { 2, 74, 1 },
		{ 2, 77, 1 }, { 2, 84, 1 } };
	struct map m;
	(void)state;
	map_init(&m, 10);
	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		struct reload_id id = id_of(ids[i]);
		struct reload_redir_registration r = map_register(&m, &id, RELOAD_REDIR_START);
		assert_int_equal(r.stores, 3);
		assert_int_equal(r.stored, 7);
	}
	for (size_t i = 0; i < COUNT_OF(counts); i++)
		assert_int_equal(map_at(&m, (struct reload_redir_place){ (uint16_t)counts[i][0],
						    (uint16_t)counts[i][1] })
					 ->count,
			counts[i][2]);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct reload_id key = id_of(rows[i].key), want = id_of(ids[rows[i].provider]);
		struct reload_redir_lookup l = map_lookup(&m, &key, NULL, RELOAD_REDIR_START, 0);
		assert_int_equal(l.fetches, rows[i].fetches);
		assert_true(reload_id_eq(&l.provider, &want));
	}
	struct reload_id golf = id_of("e53d92caa56e00a9cfb84ebfd57dde85");
	struct reload_redir_lookup l = map_lookup(&m, &golf, NULL, RELOAD_REDIR_START, 3);
	assert_true(l.wrapped && l.fetches == 3);
	map_clear(&m);
}

static void nobody_provides_it(void **state)
{
	struct reload_id key = small(0x11, 8), other = small(0x10, 8);
	struct map m;
	(void)state;
	map_init(&m, 10);
	struct reload_redir_lookup l = map_lookup(&m, &key, NULL, RELOAD_REDIR_START, 5);
	assert_int_equal(l.err, RELOAD_NOT_FOUND);
	assert_int_equal(l.fetches, 3);
	assert_int_equal(l.provider.len, 0);
	/* the searcher is the only provider */
	(void)map_register(&m, &other, RELOAD_REDIR_START);
	l = map_lookup(&m, &key, &other, RELOAD_REDIR_START, 5);
	assert_int_equal(l.err, RELOAD_NOT_FOUND);
	/* the ends of the ring */
	struct reload_id zero = { .len = 16 }, ones = reload_id_wildcard(16);
	l = map_lookup(&m, &zero, NULL, RELOAD_REDIR_START, 0);
	assert_true(!l.err && !l.wrapped && reload_id_eq(&l.provider, &other));
	l = map_lookup(&m, &ones, NULL, RELOAD_REDIR_START, 0);
	assert_true(!l.err && l.wrapped && reload_id_eq(&l.provider, &other));
	map_clear(&m);
}

static void failures_are_said(void **state)
{
	struct reload_id key = small(0x11, 8);
	struct reload_redir_lookup l;
	struct reload_redir_place p;
	unsigned n = 0;
	(void)state;
	/* one retry from the root on, then the failure */
	reload_redir_lookup(&l, &key, NULL, 10, RELOAD_REDIR_START, 0);
	while (reload_redir_lookup_next(&l, &p)) {
		assert_int_equal(p.level, n++ ? 0 : 2);
		reload_redir_lookup_fetched(&l, RELOAD_TIMEOUT, NULL, 0);
	}
	assert_int_equal(l.err, RELOAD_TIMEOUT);
	assert_int_equal(n, 2);
	/* too large: one level deeper as long as there is one, then the failure */
	reload_redir_lookup(&l, &key, NULL, 10, RELOAD_REDIR_START, 0);
	for (n = 2; reload_redir_lookup_next(&l, &p); n++) {
		assert_int_equal(p.level, n);
		reload_redir_lookup_fetched(&l, RELOAD_RESPONSE_TOO_LARGE, NULL, 0);
	}
	assert_int_equal(l.err, RELOAD_RESPONSE_TOO_LARGE);
	assert_int_equal(n, 5);
	/* too large, and nobody follows below: that is not the same as no provider */
	reload_redir_lookup(&l, &key, NULL, 10, RELOAD_REDIR_START, 0);
	reload_redir_lookup_fetched(&l, RELOAD_RESPONSE_TOO_LARGE, NULL, 0);
	reload_redir_lookup_fetched(&l, RELOAD_NOT_FOUND, NULL, 0);
	assert_true(l.ended);
	assert_int_equal(l.err, RELOAD_RESPONSE_TOO_LARGE);
}

/* A storing peer may list what does not belong there, twice, or with a route that nobody would take. */
static void foreign_entries_do_not_count(void **state)
{
	uint8_t route[RELOAD_REDIR_ROUTE_MAX + 1] = { 0 };
	struct reload_id key = small(0x40, 8), good = small(0x41, 8);
	struct reload_redir_entry entries[] = {
		{ small(0x50, 8), { 0 } },                    /* of another tree node of level 2 */
		{ small(0x42, 8), { route, sizeof(route) } }, /* too long a route */
		{ { .len = 20, .at = { 0x41 } }, { 0 } },     /* of another length */
		{ small(0x41, 8), { route, 18 } },
		{ small(0x41, 8), { route, 18 } },
	};
	struct reload_redir_lookup l;
	struct reload_redir_registration r;
	(void)state;
	reload_redir_lookup(&l, &key, NULL, 10, RELOAD_REDIR_START, 0);
	reload_redir_lookup_fetched(&l, RELOAD_OK, entries, COUNT_OF(entries));
	assert_true(l.ended && !l.err && reload_id_eq(&l.provider, &good));
	assert_int_equal(l.route_len, 18);
	reload_redir_register(&r, &key, 10, RELOAD_REDIR_START);
	reload_redir_register_fetched(&r, RELOAD_OK, entries, 3);
	assert_true(r.first.alone && r.first.extreme_in_node);
}

static void a_round_survives_failures(void **state)
{
	struct reload_id id = small(0x41, 8);
	struct map m;
	(void)state;
	map_init(&m, 10);
	m.fail_after = 1;
	m.failure = RELOAD_TIMEOUT;
	struct reload_redir_registration r = map_register(&m, &id, RELOAD_REDIR_START);
	assert_true(r.incomplete);
	assert_int_equal(r.err, RELOAD_TIMEOUT);
	assert_int_equal(r.stores, 3); /* it stores where it could not read, and goes on */
	assert_int_equal(
		r.stored, 7); /* a lost Store may have been served: it is removed at the end, too */
	m.failure = RELOAD_FORBIDDEN;
	r = map_register(&m, &id, RELOAD_REDIR_START);
	assert_int_equal(r.err, RELOAD_FORBIDDEN);
	assert_int_equal(r.stored, 0);
	/* crowded tree nodes are no failure; the provider goes down through them to where answers fit */
	m.failure = RELOAD_RESPONSE_TOO_LARGE;
	struct reload_redir_step s;
	unsigned levels = 0;
	reload_redir_register(&r, &id, 10, RELOAD_REDIR_START);
	while ((s = reload_redir_register_next(&r)).action != RELOAD_REDIR_END)
		if (s.action == RELOAD_REDIR_STORE)
			reload_redir_register_stored(&r, RELOAD_OK);
		else
			reload_redir_register_fetched(&r,
				s.place.level < 4 ? RELOAD_RESPONSE_TOO_LARGE : RELOAD_NOT_FOUND,
				NULL, 0),
				levels |= 1u << s.place.level;
	assert_int_equal(levels, 0x1f);
	assert_int_equal(r.stored, 0x1f);
	assert_false(r.incomplete);
	map_clear(&m);
}

/* R7374-21: what was stored when a round is given up is known, so that it can be removed */
static void a_round_that_is_given_up(void **state)
{
	struct reload_id id = small(0x41, 8);
	struct reload_redir_registration r;
	(void)state;
	reload_redir_register(&r, &id, 10, RELOAD_REDIR_START);
	reload_redir_register_fetched(&r, RELOAD_NOT_FOUND, NULL, 0);
	reload_redir_register_stored(&r, RELOAD_OK);
	struct reload_redir_registration fetching = r;
	reload_redir_register_cancel(&fetching);
	assert_int_equal(fetching.stored, 4);
	assert_int_equal(fetching.err, RELOAD_CANCELLED);
	assert_int_equal(reload_redir_register_next(&fetching).action, RELOAD_REDIR_END);
	reload_redir_register_fetched(&r, RELOAD_NOT_FOUND, NULL, 0);
	reload_redir_register_cancel(&r); /* the Store at level 1 is under way */
	assert_int_equal(r.stored, 6);
	assert_true(r.incomplete);
}

static void the_tree_may_have_two_levels(void **state)
{
	struct reload_id id = small(0x41, 8);
	struct map m;
	(void)state;
	map_init(&m, 65536);
	struct reload_redir_registration r = map_register(&m, &id, RELOAD_REDIR_START);
	/* R7374-6: 2, or the deepest level */
	assert_int_equal(r.start, 1);
	assert_int_equal(r.stored, 3);
	struct reload_redir_lookup l = map_lookup(&m, &id, NULL, 16, 0);
	assert_true(!l.err && l.fetches == 1 && l.levels[0] == 1);
	map_clear(&m);
}

static void when_the_next_round_is(void **state)
{
	reload_ms least = RELOAD_NEVER, most = 0, first_least = RELOAD_NEVER, first_most = 0;
	(void)state;
	for (uint64_t random = 0; random < 100000; random++) {
		reload_ms in = reload_redir_refresh_in(600, false, 0, random * 7919);
		least = in < least ? in : least;
		most = in > most ? in : most;
		in = reload_redir_refresh_in(600, true, 0, random * 7919);
		first_least = in < first_least ? in : first_least;
		first_most = in > first_most ? in : first_most;
	}
	/* R7374-15: 90% of the lifetime, 5% more or less; never after its end */
	assert_true(least >= 510000 && least < 511000);
	assert_true(most <= 570000 && most > 569000);
	/* R7374-15: the first phase is any */
	assert_true(first_least < 60000 && first_most > 530000 && first_most <= 540000);
	/* an incomplete round is repeated soon, then more slowly */
	assert_in_range(reload_redir_refresh_in(600, true, 1, 0), 2000, 2000);
	assert_in_range(reload_redir_refresh_in(600, false, 1, 12345), 2000, 2500);
	assert_in_range(reload_redir_refresh_in(600, false, 3, 12345), 8000, 10000);
	assert_in_range(reload_redir_refresh_in(600, false, 60, 12345), 75000, 93750);
	assert_true(reload_redir_refresh_in(1, false, 0, 99) <= 950);
	assert_true(reload_redir_refresh_in(UINT32_MAX, false, 0, UINT64_MAX) >=
		    (reload_ms)UINT32_MAX * 850);
}

static void the_history_decides_where_to_begin(void **state)
{
	struct reload_redir_history h = { 0 };
	(void)state;
	/* R7374-6 */
	assert_int_equal(reload_redir_history_start(&h), 2);
	reload_redir_history_add(&h, 4);
	assert_int_equal(reload_redir_history_start(&h), 4);
	reload_redir_history_add(&h, 3); /* a tie: the smaller */
	assert_int_equal(reload_redir_history_start(&h), 3);
	for (unsigned i = 0; i < 20; i++)
		reload_redir_history_add(&h, 16);
	assert_int_equal(reload_redir_history_start(&h), 16);
	for (unsigned i = 0; i < 9; i++) /* the last 16 alone count */
		reload_redir_history_add(&h, 0);
	assert_int_equal(reload_redir_history_start(&h), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_rfc),
		cmocka_unit_test(the_second_example),
		cmocka_unit_test(the_second_round),
		cmocka_unit_test(an_oscillation_ends),
		cmocka_unit_test(the_fourth_example),
		cmocka_unit_test(nobody_provides_it),
		cmocka_unit_test(failures_are_said),
		cmocka_unit_test(foreign_entries_do_not_count),
		cmocka_unit_test(a_round_survives_failures),
		cmocka_unit_test(a_round_that_is_given_up),
		cmocka_unit_test(the_tree_may_have_two_levels),
		cmocka_unit_test(when_the_next_round_is),
		cmocka_unit_test(the_history_decides_where_to_begin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
