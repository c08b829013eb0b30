/*
 * What every maker of a storage must do.  The test that includes this says how one is made, and how the model changes it for
 * another one that is to hold the same (one that was closed and opened again).
 */
#pragma once

#include "storage_entry.h"

static struct reload_storage *maker_new(size_t max_bytes, reload_ms keep_ms);
static struct reload_storage *maker_again(struct reload_storage *s, reload_utc now);

static void counters_outlive_values_for_a_while(void **state)
{
	(void)state;
	AUTO(reload_storage) s = maker_new(10000, KEEP_MS);
	struct reload_id at = id_of("10000000000000000000000000000000");
	assert_int_equal(put(s, &at, K_ARRAY, 7, entry(0, "a", 1, 10, T0)), RELOAD_OK);
	assert_int_equal(put(s, &at, K_ARRAY, 8, entry(1, "b", 1, 20, T0)), RELOAD_OK);
	assert_int_equal(s->ops->generation(s, &at, K_ARRAY, T0 + 19999), 8);
	/* STO-03, the same whether or not expire() was called */
	for (int swept = 0; swept < 2; swept++) {
		assert_int_equal(s->ops->generation(s, &at, K_ARRAY, T0 + 20000), 8);
		assert_int_equal(s->ops->generation(s, &at, K_ARRAY, T0 + 20000 + KEEP_MS - 1), 8);
		assert_int_equal(s->ops->generation(s, &at, K_ARRAY, T0 + 20000 + KEEP_MS), 0);
		if (!swept)
			assert_int_equal(s->ops->expire(s, T0 + 20000), T0 + 20000 + KEEP_MS);
	}
	assert_int_equal(s->ops->expire(s, T0 + 20000 + KEEP_MS), RELOAD_NEVER);
	assert_int_equal(bytes_of(s), 0);
}

static void expiry_is_in_order(void **state)
{
	(void)state;
	AUTO(reload_storage) s = maker_new(100000, KEEP_MS);
	struct reload_id at = id_of("10000000000000000000000000000000"), to = at, out;
	size_t values;
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(
			put(s, &at, K_ARRAY, i + 1, entry(i, "a", 1, 50 - 10 * i, T0)), RELOAD_OK);
	assert_int_equal(s->ops->count(s, T0, &values, NULL), 1);
	assert_int_equal(values, 5);
	assert_int_equal(s->ops->count(s, T0 + 25000, &values, NULL), 1);
	assert_int_equal(values, 3);
	uint32_t last;
	assert_int_equal(s->ops->extent(s, &at, K_ARRAY, T0 + 25000, &last), 3);
	assert_int_equal(last, 2);
	assert_int_equal(s->ops->expire(s, T0 + 9999), T0 + 10000);
	assert_int_equal(s->ops->expire(s, T0 + 25000), T0 + 30000);
	assert_int_equal(s->ops->count(s, T0 + 25000, &values, NULL), 1);
	assert_int_equal(values, 3);
	/* a longer lifetime takes the place of a shorter one */
	assert_int_equal(put(s, &at, K_ARRAY, 9, entry(2, "b", 2, 100, T0 + 25000)), RELOAD_OK);
	assert_int_equal(s->ops->expire(s, T0 + 30000), T0 + 40000);
	assert_true(s->ops->next(s, &at, &to, K_ARRAY, T0 + 124999, &out));
	assert_false(s->ops->next(s, &at, &to, K_ARRAY, T0 + 125000, &out));
	assert_false(s->ops->next(s, &at, &to, 0, T0 + 125000, &out));
	assert_int_equal(s->ops->count(s, T0 + 125000, &values, NULL), 0);
	assert_int_equal(values, 0);
	uint32_t kinds[2];
	assert_int_equal(s->ops->kinds(s, &at, T0 + 124999, kinds, 2), 1);
	assert_int_equal(s->ops->kinds(s, &at, T0 + 125000, kinds, 2), 0);
}

static void kinds_are_counted(void **state)
{
	(void)state;
	AUTO(reload_storage) s = maker_new(100000, KEEP_MS);
	struct reload_id one = id_of("10000000000000000000000000000000"),
			 two = id_of("20000000000000000000000000000000");
	struct reload_kind_total t[4];
	assert_int_equal(s->ops->totals(s, t, 4), 0);
	assert_int_equal(put(s, &one, K_ARRAY, 1, entry(0, "a", 1, 10, T0)), RELOAD_OK);
	assert_int_equal(put(s, &one, K_ARRAY, 2, entry(1, "b", 1, 20, T0)), RELOAD_OK);
	assert_int_equal(put(s, &two, K_ARRAY, 1, entry(0, "c", 1, 20, T0)), RELOAD_OK);
	assert_int_equal(put(s, &two, K_ARRAY + 7, 1, entry(0, "d", 1, 20, T0)), RELOAD_OK);
	assert_int_equal(put(s, &two, K_ARRAY - 7, 1, entry(0, "e", 1, 20, T0)), RELOAD_OK);
	/* one place again is no further value */
	assert_int_equal(put(s, &two, K_ARRAY, 2, entry(0, "f", 2, 20, T0)), RELOAD_OK);
	assert_int_equal(s->ops->totals(s, t, 4), 3);
	assert_true(t[0].kind == K_ARRAY - 7 && t[0].count == 1);
	assert_true(t[1].kind == K_ARRAY && t[1].count == 3);
	assert_true(t[2].kind == K_ARRAY + 7 && t[2].count == 1);
	assert_int_equal(s->ops->totals(s, t, 1), 1);
	(void)s->ops->expire(s, T0 + 10000);
	s->ops->drop_kind(s, K_ARRAY - 7);
	assert_int_equal(s->ops->totals(s, t, 4), 2);
	assert_true(t[0].kind == K_ARRAY && t[0].count == 2);
	s->ops->drop_range(s, &one, &two);
	assert_int_equal(s->ops->totals(s, t, 4), 1);
	assert_int_equal(t[0].count, 1);
}

static void the_quota_holds(void **state)
{
	(void)state;
	enum {
		MAX = 4000
	};
	AUTO(reload_storage) s = maker_new(MAX, KEEP_MS);
	struct reload_id at = id_of("10000000000000000000000000000000");
	uint32_t n = 0;
	while (put(s, &at, K_ARRAY, 1, entry(n, "value", 1, 10, T0)) == RELOAD_OK)
		assert_in_range(++n, 1, 20);
	assert_in_range(bytes_of(s), MAX / 2, MAX);
	assert_int_equal(s->ops->extent(s, &at, K_ARRAY, T0, NULL), n);
	/* what fits in the place of what it replaces is taken, what does not is refused */
	assert_int_equal(put(s, &at, K_ARRAY, 2, entry(0, "eulav", 2, 10, T0)), RELOAD_OK);
	static char large[MAX];
	memset(large, 'x', sizeof(large) - 1);
	assert_int_equal(
		put(s, &at, K_ARRAY, 3, entry(0, large, 3, 10, T0)), RELOAD_DATA_TOO_LARGE);
	assert_int_equal(s->ops->generation(s, &at, K_ARRAY, T0), 2);
	/* what has expired leaves room */
	assert_int_equal(put(s, &at, K_ARRAY, 3, entry(n, "value", 1, 10, T0 + 10000)), RELOAD_OK);
	assert_int_equal(s->ops->extent(s, &at, K_ARRAY, T0 + 10000, NULL), 1);
}

static void a_batch_may_hold_what_a_read_lent(void **state)
{
	(void)state;
	AUTO(reload_storage) s = maker_new(10000, KEEP_MS);
	struct reload_id at = id_of("10000000000000000000000000000000");
	struct reload_stored_entry lent;
	assert_int_equal(put(s, &at, K_ARRAY, 1, entry(0, "value", 1, 10, T0)), RELOAD_OK);
	s->ops->each(s, &at, K_ARRAY, T0, collect_one, &lent);
	lent.received = T0 + 20000; /* by now the entry that it was read from has expired */
	assert_int_equal(put(s, &at, K_ARRAY, 2, lent), RELOAD_OK);
	s->ops->each(s, &at, K_ARRAY, T0 + 20000, collect_one, &lent);
	assert_true(span_eq(lent.data.value.value, span_str("value")));
	assert_true(span_eq(lent.certificates, span_str("certificate")));
}

static void what_is_out_of_range_is_forgotten(void **state)
{
	(void)state;
	static const struct {
		const char *from, *to;
		unsigned left; /* bit i: resource i0000... is still there */
	} rows[] = {
		{ "20000000000000000000000000000000", "40000000000000000000000000000000",
			0x27 }, /* 3, 4 */
		{ "40000000000000000000000000000000", "10000000000000000000000000000000",
			0x1c }, /* 5, 0, 1 */
		{ "30000000000000000000000000000000", "30000000000000000000000000000000",
			0x00 }, /* the whole ring */
		{ "60000000000000000000000000000000", "70000000000000000000000000000000", 0x3f },
	};
	for (size_t r = 0; r < COUNT_OF(rows); r++) {
		AUTO(reload_storage) s = maker_new(100000, KEEP_MS);
		struct reload_id from = id_of(rows[r].from), to = id_of(rows[r].to);
		unsigned left = 0;
		for (uint8_t i = 0; i < 6; i++) {
			struct reload_id at = { .len = 16, .at = { (uint8_t)(i << 4) } };
			assert_int_equal(
				put(s, &at, K_ARRAY, 1, entry(0, "a", 1, 10, T0)), RELOAD_OK);
			assert_int_equal(
				put(s, &at, K_ARRAY + 9, 1, entry(0, "a", 1, 10, T0)), RELOAD_OK);
		}
		s->ops->drop_range(s, &from, &to);
		for (uint8_t i = 0; i < 6; i++) {
			struct reload_id at = { .len = 16, .at = { (uint8_t)(i << 4) } }, out;
			if (s->ops->next(s, &at, &at, 0, T0, &out)) {
				left |= 1u << i;
				assert_int_equal(s->ops->generation(s, &at, K_ARRAY, T0), 1);
			} else {
				assert_int_equal(s->ops->generation(s, &at, K_ARRAY, T0), 0);
			}
		}
		assert_int_equal(left, rows[r].left);
	}
}

static void a_kind_is_forgotten_everywhere(void **state)
{
	(void)state;
	AUTO(reload_storage) s = maker_new(100000, KEEP_MS);
	struct reload_id all = reload_id_wildcard(16),
			 from = id_of("00000000000000000000000000000000"), out;
	for (uint8_t i = 0; i < 6; i++) {
		struct reload_id at = { .len = 16, .at = { i } };
		assert_int_equal(put(s, &at, K_ARRAY, 1, entry(0, "a", 1, 10, T0)), RELOAD_OK);
		if (i % 2)
			assert_int_equal(
				put(s, &at, K_DICT, 1, entry(0, "a", 1, 10, T0)), RELOAD_OK);
	}
	s->ops->drop_kind(s, K_ARRAY); /* CFG-17 */
	assert_false(s->ops->next(s, &from, &all, K_ARRAY, T0, &out));
	assert_true(s->ops->next(s, &from, &all, K_DICT, T0, &out));
	assert_int_equal(out.at[0], 1);
	assert_int_equal(s->ops->count(s, T0, NULL, NULL), 3);
	s->ops->drop_kind(s, K_DICT);
	assert_int_equal(s->ops->count(s, T0, NULL, NULL), 0);
	assert_int_equal(bytes_of(s), 0);
}

/* --- random operations against a model that is nothing but a list -------------------------------------------------- */

enum {
	MODEL_RESOURCES = 6,
	MODEL_KINDS = 3,
	MODEL_INDEXES = 5,
	MODEL_STEPS = 20000,
	MODEL_AGAIN = 1000 /* steps from one maker_again() to the next */
};

struct model_slot {
	uint64_t generation;
	reload_utc ends; /* of the last entry that was held */
	bool known;
	struct {
		bool held;
		uint64_t time;
		reload_utc expires;
	} at[MODEL_INDEXES];
};

struct model {
	struct model_slot slots[MODEL_RESOURCES][MODEL_KINDS];
	uint64_t random;
	struct reload_storage *s;
	reload_utc now;
};

/* xorshift64*: the seed is the whole input */
static uint32_t draw(struct model *m, uint32_t below)
{
	m->random ^= m->random >> 12;
	m->random ^= m->random << 25;
	m->random ^= m->random >> 27;
	return (uint32_t)((m->random * 0x2545f4914f6cdd1dULL) >> 33) % below;
}

static struct reload_id model_id(uint32_t i)
{
	return (struct reload_id){ .len = 16, .at = { (uint8_t)(i * 40), (uint8_t)i } };
}

static bool model_live(const struct model *m, uint32_t r, uint32_t k)
{
	for (uint32_t i = 0; i < MODEL_INDEXES; i++)
		if (m->slots[r][k].at[i].held && m->slots[r][k].at[i].expires > m->now)
			return true;
	return false;
}

/* The counter of a slot whose values are gone lives on from the last expiry; kept as the list of values tells it. */
static void model_age(struct model *m)
{
	for (uint32_t r = 0; r < MODEL_RESOURCES; r++)
		for (uint32_t k = 0; k < MODEL_KINDS; k++) {
			struct model_slot *slot = &m->slots[r][k];
			for (uint32_t i = 0; i < MODEL_INDEXES; i++)
				if (slot->at[i].held && slot->at[i].expires <= m->now) {
					slot->at[i].held = false;
					if (slot->at[i].expires > slot->ends)
						slot->ends = slot->at[i].expires;
				}
			if (!model_live(m, r, k) && slot->ends + KEEP_MS <= m->now)
				*slot = (struct model_slot){ 0 };
		}
}

static void model_put(struct model *m, uint32_t r, uint32_t k, uint32_t i, uint32_t lifetime)
{
	struct reload_id at = model_id(r);
	struct model_slot *slot = &m->slots[r][k];
	uint64_t time = draw(m, 1000000);
	slot->generation = 1 + draw(m, 1000);
	slot->at[i].held = true;
	slot->at[i].time = time;
	slot->at[i].expires = m->now + (reload_utc)lifetime * 1000;
	slot->ends = m->now;
	assert_int_equal(
		put(m->s, &at, 1 + k, slot->generation, entry(i, "value", time, lifetime, m->now)),
		RELOAD_OK);
}

static void model_drop_range(
	struct model *m, const struct reload_id *from, const struct reload_id *to)
{
	m->s->ops->drop_range(m->s, from, to);
	for (uint32_t r = 0; r < MODEL_RESOURCES; r++) {
		struct reload_id at = model_id(r);
		if (reload_id_between(from, &at, to))
			memset(m->slots[r], 0, sizeof(m->slots[r]));
	}
}

static void model_step(struct model *m)
{
	uint32_t what = draw(m, 100), r = draw(m, MODEL_RESOURCES), k = draw(m, MODEL_KINDS);
	struct reload_id from = model_id(draw(m, MODEL_RESOURCES)),
			 to = model_id(draw(m, MODEL_RESOURCES));
	m->now += draw(m, 1500);
	model_age(m);
	if (what < 70) {
		model_put(m, r, k, draw(m, MODEL_INDEXES), draw(m, 30));
	} else if (what < 72) {
		model_drop_range(m, &from, &to);
	} else if (what < 74) {
		m->s->ops->drop_kind(m->s, 1 + k);
		for (r = 0; r < MODEL_RESOURCES; r++)
			m->slots[r][k] = (struct model_slot){ 0 };
	} else if (what < 85) {
		m->s->ops->expire(m->s, m->now);
	}
	model_age(m);
}

struct walk {
	const struct model *m;
	const struct model_slot *slot;
	uint32_t next, seen, last;
};

static bool walk_entry(void *arg, const struct reload_stored_entry *e)
{
	struct walk *w = arg;
	uint32_t i = e->data.value.index;
	assert_in_range(i, w->next, MODEL_INDEXES - 1);
	assert_true(w->slot->at[i].held && w->slot->at[i].expires > w->m->now);
	assert_int_equal(w->slot->at[i].time, e->data.storage_time);
	w->next = i + 1;
	w->last = i;
	w->seen++;
	return true;
}

static size_t compare_slot(struct model *m, uint32_t r, uint32_t k)
{
	struct reload_storage *s = m->s;
	struct reload_id at = model_id(r);
	struct walk all = { m, &m->slots[r][k], 0, 0, 0 }, part = { m, &m->slots[r][k], 1, 0, 0 };
	uint32_t last = 0;
	assert_int_equal(s->ops->generation(s, &at, 1 + k, m->now), m->slots[r][k].generation);
	s->ops->each(s, &at, 1 + k, m->now, walk_entry, &all);
	s->ops->range(s, &at, 1 + k, 1, 3, m->now, walk_entry, &part);
	uint32_t count = 0, inside = 0;
	for (uint32_t i = 0; i < MODEL_INDEXES; i++) {
		struct reload_stored_value place = { .model = RELOAD_MODEL_ARRAY, .index = i };
		bool here = m->slots[r][k].at[i].held && m->slots[r][k].at[i].expires > m->now;
		assert_int_equal(s->ops->find(s, &at, 1 + k, &place, m->now) != NULL, here);
		count += here;
		inside += here && i >= 1 && i <= 3;
	}
	assert_int_equal(all.seen, count);
	assert_int_equal(part.seen, inside);
	assert_int_equal(s->ops->extent(s, &at, 1 + k, m->now, &last), count);
	assert_int_equal(last, all.last);
	return count;
}

/* next() from each place to each place, for each Kind and for any. */
static void compare_next(struct model *m)
{
	uint32_t from = draw(m, MODEL_RESOURCES), to = draw(m, MODEL_RESOURCES),
		 kind = draw(m, MODEL_KINDS + 1);
	struct reload_id a = model_id(from), b = model_id(to), got, want;
	bool found = false;
	for (uint32_t n = 0, r = from; n < MODEL_RESOURCES && !found;
		n++, r = (r + 1) % MODEL_RESOURCES) {
		for (uint32_t k = 0; k < MODEL_KINDS; k++)
			if ((!kind || kind == 1 + k) && model_live(m, r, k))
				found = true;
		want = model_id(r);
		if (r == to)
			break;
	}
	assert_int_equal(m->s->ops->next(m->s, &a, &b, kind, m->now, &got), found);
	if (found)
		assert_true(reload_id_eq(&got, &want));
}

static void compare(struct model *m)
{
	size_t resources = 0, values = 0, counted;
	for (uint32_t r = 0; r < MODEL_RESOURCES; r++) {
		struct reload_id at = model_id(r);
		uint32_t kinds[MODEL_KINDS], live = 0, n = 0;
		for (uint32_t k = 0; k < MODEL_KINDS; k++) {
			values += compare_slot(m, r, k);
			live += model_live(m, r, k);
		}
		assert_int_equal(m->s->ops->kinds(m->s, &at, m->now, kinds, MODEL_KINDS), live);
		for (uint32_t k = 0; k < MODEL_KINDS; k++)
			if (model_live(m, r, k))
				assert_int_equal(kinds[n++], 1 + k);
		resources += live > 0;
	}
	assert_int_equal(m->s->ops->count(m->s, m->now, &counted, NULL), resources);
	assert_int_equal(counted, values);
	compare_next(m);
}

static void storage_agrees_with_a_naive_model(void **state)
{
	(void)state;
	static const uint64_t seeds[] = { 1, 20140101, 0x6940694069406940 };
	for (size_t i = 0; i < COUNT_OF(seeds); i++) {
		struct model m = { .random = seeds[i], .now = T0 };
		m.s = maker_new(1 << 20, KEEP_MS);
		for (int n = 0; n < MODEL_STEPS; n++) {
			model_step(&m);
			if (n % MODEL_AGAIN == MODEL_AGAIN - 1)
				m.s = maker_again(m.s, m.now);
			compare(&m);
		}
		struct reload_id any = model_id(0);
		model_drop_range(&m, &any, &any);
		assert_int_equal(bytes_of(m.s), 0);
		reload_storage_free(m.s);
	}
}

#define STORAGE_MAKER_TESTS                                                                        \
	cmocka_unit_test(counters_outlive_values_for_a_while),                                     \
		cmocka_unit_test(expiry_is_in_order), cmocka_unit_test(kinds_are_counted),         \
		cmocka_unit_test(the_quota_holds),                                                 \
		cmocka_unit_test(a_batch_may_hold_what_a_read_lent),                               \
		cmocka_unit_test(what_is_out_of_range_is_forgotten),                               \
		cmocka_unit_test(a_kind_is_forgotten_everywhere),                                  \
		cmocka_unit_test(storage_agrees_with_a_naive_model)
