/* Storing peers that answer whatever they like to a lookup and a round of ReDiR: both end, after few requests, with nothing that nobody named. */
#include "service/redir.h"
#include "util/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

enum {
	ENTRIES = 10000,
	RUNS = 33,
	REQUESTS_MAX = 2 * RELOAD_REDIR_LEVELS
};

static uint64_t drawn;

static uint64_t draw(uint64_t below)
{
	uint64_t z = drawn += 0x9e3779b97f4a7c15u; /* splitmix64 */
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (z ^ z >> 31) % below;
}

static struct reload_id draw_id(void)
{
	struct reload_id id = { .len = 16 };
	for (size_t i = 0; i < id.len; i++)
		id.at[i] = (uint8_t)draw(256);
	return id;
}

/* An answer: nothing, or ENTRIES of which many are beside id, in places of the tree however deep, some of another length, some twice. */
static size_t lie(struct reload_redir_entry *out, const struct reload_id *id)
{
	static const uint8_t route[RELOAD_REDIR_ROUTE_MAX + 1];
	size_t count = draw(4) ? ENTRIES : draw(3);
	for (size_t i = 0; i < count; i++) {
		struct reload_id node = draw(2) ? draw_id() : *id;
		node.at[draw(node.len)] ^= (uint8_t)(1u << draw(8));
		if (!draw(50))
			node.len = 20;
		out[i] = (struct reload_redir_entry){ draw(3) || !i ? node : out[i - 1].node,
			span_of(route, draw(sizeof(route) + 1)) };
	}
	return count;
}

static enum reload_err outcome(void)
{
	static const enum reload_err errs[] = { RELOAD_RESPONSE_TOO_LARGE, RELOAD_TIMEOUT,
		RELOAD_NOT_FOUND, RELOAD_BAD_ANSWER };
	return draw(3) ? RELOAD_OK : errs[draw(COUNT_OF(errs))];
}

static const uint32_t factors[] = { 2, 3, 10, 257, RELOAD_REDIR_BRANCHING_MAX };

static bool listed(
	const struct reload_redir_entry *entries, size_t count, const struct reload_id *node)
{
	for (size_t i = 0; i < count; i++)
		if (reload_id_eq(&entries[i].node, node))
			return true;
	return false;
}

/* R7374-19 R7374-20: and a provider that was found was in one of the answers, and is not the one that searches */
static void a_lookup_ends(void **state)
{
	struct reload_redir_entry *entries = reload_alloc_array(ENTRIES, sizeof(*entries));
	(void)state;
	drawn = 1;
	for (size_t run = 0; run < RUNS * COUNT_OF(factors); run++) {
		struct reload_id key = draw_id(), self = draw_id();
		struct reload_redir_lookup l;
		struct reload_redir_place place;
		bool named = false;
		unsigned fetches = 0;
		unsigned start = (unsigned)draw(RELOAD_REDIR_LEVELS);
		/* in each third of the runs: whatever they like; a crowded tree node and nobody below it; no answer at all */
		size_t mode = run / COUNT_OF(factors) % 3;
		bool contradict = mode == 1;
		reload_redir_lookup(
			&l, &key, &self, factors[run % COUNT_OF(factors)], start, draw(UINT64_MAX));
		for (; reload_redir_lookup_next(&l, &place); fetches++) {
			struct reload_id before = l.provider;
			assert_true(fetches < REQUESTS_MAX);
			size_t count = lie(entries, contradict || draw(2) ? &key : &self);
			enum reload_err err = contradict  ? RELOAD_OK
					      : mode == 2 ? RELOAD_TIMEOUT
							  : outcome();
			if (contradict && place.level > start / 2)
				count = 0;
			if (count)
				entries[0].node = self;
			reload_redir_lookup_fetched(&l, err, entries, count);
			if (!reload_id_eq(&before, &l.provider)) {
				named = true;
				assert_true(listed(entries, count, &l.provider));
			}
		}
		assert_int_equal(l.fetches, fetches);
		assert_int_equal(l.err == RELOAD_OK, named);
		assert_false(reload_id_eq(&l.provider, &self));
		assert_true(!named || l.provider.len == key.len);
	}
	free(entries);
}

/* R7374-9 R7374-11: it stores at no level twice */
static void a_round_ends(void **state)
{
	struct reload_redir_entry *entries = reload_alloc_array(ENTRIES, sizeof(*entries));
	(void)state;
	drawn = 2;
	for (size_t run = 0; run < RUNS * COUNT_OF(factors); run++) {
		struct reload_id id = draw_id();
		struct reload_redir_registration r;
		struct reload_redir_step s;
		uint32_t stored = 0;
		reload_redir_register(&r, &id, factors[run % COUNT_OF(factors)],
			(unsigned)draw(RELOAD_REDIR_LEVELS));
		while ((s = reload_redir_register_next(&r)).action != RELOAD_REDIR_END) {
			assert_true(r.fetches + r.stores < 2 * REQUESTS_MAX);
			if (s.action == RELOAD_REDIR_STORE) {
				assert_false(stored & 1u << s.place.level);
				stored |= 1u << s.place.level;
				reload_redir_register_stored(&r, outcome());
			} else {
				reload_redir_register_fetched(
					&r, outcome(), entries, lie(entries, &id));
			}
		}
		assert_int_equal(r.stored & ~stored, 0);
	}
	free(entries);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lookup_ends),
		cmocka_unit_test(a_round_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
