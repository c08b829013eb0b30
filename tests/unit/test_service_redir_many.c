/* ReDiR with 2,000 providers against a map: what a lookup and a round cost, and that answers are exact, as an oracle on paper has it. */
#include "redir_map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

enum {
	PROVIDERS = 2000,
	LOOKUPS = 2000,
	ROUNDS = 3
};

static uint64_t drawn;

static uint64_t draw(void)
{
	uint64_t z = drawn += 0x9e3779b97f4a7c15u; /* splitmix64 */
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static struct reload_id draw_id(void)
{
	struct reload_id id = { .len = 16 };
	for (size_t i = 0; i < id.len; i++)
		id.at[i] = (uint8_t)draw();
	return id;
}

struct figures {
	double fetches, stores; /* means, of a lookup and of a round */
	unsigned most;
	size_t root; /* entries */
	size_t exact;
};

static const struct reload_id *follower(const struct reload_id *ids, const struct reload_id *key)
{
	const struct reload_id *best = NULL;
	for (size_t i = 0; i < PROVIDERS; i++)
		if (reload_id_cmp(&ids[i], key) >= 0 && (!best || reload_id_cmp(&ids[i], best) < 0))
			best = &ids[i];
	return best;
}

static struct figures measure(uint32_t branching, bool adaptive)
{
	struct reload_id *ids = reload_alloc_array(PROVIDERS, sizeof(*ids));
	unsigned *starts = reload_alloc_array(PROVIDERS, sizeof(*starts));
	struct reload_redir_history history = { 0 };
	struct figures f = { 0 };
	struct map m;
	map_init(&m, branching);
	drawn = branching;
	for (size_t i = 0; i < PROVIDERS; i++) {
		ids[i] = draw_id();
		starts[i] = RELOAD_REDIR_START;
	}
	for (unsigned round = 0; round < ROUNDS; round++) {
		m.stores = 0;
		for (size_t i = 0; i < PROVIDERS; i++) {
			struct reload_redir_registration r = map_register(&m, &ids[i], starts[i]);
			starts[i] = adaptive ? r.level : RELOAD_REDIR_START;
		}
		map_expire(&m);
	}
	f.stores = (double)m.stores / PROVIDERS;
	f.root = map_at(&m, (struct reload_redir_place){ 0, 0 })->count;
	m.fetches = 0;
	for (size_t i = 0; i < LOOKUPS; i++) {
		struct reload_id key = draw_id();
		const struct reload_id *want = follower(ids, &key);
		struct reload_redir_lookup l = map_lookup(&m, &key, NULL,
			adaptive ? reload_redir_history_start(&history) : RELOAD_REDIR_START,
			draw());
		assert_int_equal(l.err, RELOAD_OK);
		f.exact += want ? reload_id_eq(&l.provider, want) : l.wrapped;
		f.most = l.fetches > f.most ? l.fetches : f.most;
		reload_redir_history_add(&history, l.level);
	}
	f.fetches = (double)m.fetches / LOOKUPS;
	map_clear(&m);
	free(starts);
	free(ids);
	print_message("b = %u%s: %.2f Fetches, at most %u; root %zu; %.2f Stores\n", branching,
		adaptive ? ", adaptive" : "", f.fetches, f.most, f.root, f.stores);
	return f;
}

static bool near(double value, double wanted)
{
	return value > wanted * 0.9 && value < wanted * 1.1;
}

static void costs_are_those_of_the_oracle(void **state)
{
	static const struct {
		uint32_t branching;
		double fetches, stores;
		unsigned most;
		size_t root;
	} rows[] = { { 2, 7.4, 4.5, 14, 8 }, { 4, 3.0, 3.4, 6, 32 }, { 10, 1.3, 2.2, 3, 200 } };
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct figures f = measure(rows[i].branching, false);
		/* R7374-7 R7374-19: in the third round every lookup finds the provider that follows */
		assert_int_equal(f.exact, LOOKUPS);
		assert_true(near(f.fetches, rows[i].fetches));
		assert_true(near(f.stores, rows[i].stores));
		assert_true(f.most <= rows[i].most + 1);
		assert_int_equal(f.root, rows[i].root);
	}
}

/* R7374-6: with the level at which things end most often as the first one */
static void beginning_where_others_ended_is_cheap(void **state)
{
	static const uint32_t factors[] = { 2, 4, 10 };
	(void)state;
	for (size_t i = 0; i < COUNT_OF(factors); i++) {
		struct figures f = measure(factors[i], true);
		assert_int_equal(f.exact, LOOKUPS);
		assert_true(f.fetches < 4);
	}
}

enum {
	TOGETHER = 2000, /* providers that register at once; with fewer, chance alone makes peaks */
	WINDOW_MS = 10000,
	WINDOWS = 360 /* an hour */
};

/* E05: nodes that start together do not refresh together, in no round: the busiest 10 s have at most three times the mean */
static void a_power_cut_does_not_make_waves(void **state)
{
	unsigned busy[WINDOWS] = { 0 }, total = 0, most = 0;
	(void)state;
	drawn = 7374;
	for (unsigned i = 0; i < TOGETHER; i++) {
		reload_ms at = 0;
		for (unsigned round = 0; at < (reload_ms)WINDOWS * WINDOW_MS; round++) {
			busy[at / WINDOW_MS] += round > 0; /* all begin in the first one */
			total += round > 0;
			at += reload_redir_refresh_in(
				RELOAD_REDIR_LIFETIME_S, round == 0, 0, draw());
		}
	}
	for (unsigned w = 0; w < WINDOWS; w++)
		most = busy[w] > most ? busy[w] : most;
	print_message("%u refreshes in an hour, at most %u in 10 s\n", total, most);
	/* R7374-15 */
	assert_true(most * WINDOWS <= 3 * total);
	assert_true(total > TOGETHER * 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(costs_are_those_of_the_oracle),
		cmocka_unit_test(beginning_where_others_ended_is_cheap),
		cmocka_unit_test(a_power_cut_does_not_make_waves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
