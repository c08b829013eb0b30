/* The simulator's links by ICE: a ring over them, and what becomes of gathers and pairs that fail. */
#include "sim/ice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum {
	NODES = 12
};

struct counts {
	size_t failed, unreached, lost;
};

static void on_event(void *arg, struct reload_sim_node *n, const struct reload_event *ev)
{
	struct counts *c = arg;
	(void)n;
	c->lost += ev->type == RELOAD_EV_NEIGHBOUR_LOST;
	c->failed += ev->type == RELOAD_EV_ATTACH_FAILED;
	c->unreached += ev->type == RELOAD_EV_ATTACH_FAILED && ev->err == RELOAD_UNREACHABLE;
}

/* A ring of NODES nodes that join one every second, each through the one before. */
static struct reload_sim *ring(struct counts *c, uint64_t seed)
{
	struct reload_sim_setup setup = { .seed = seed,
		.nodes = NODES,
		.latency = reload_sim_latency_find("wan"),
		.links = RELOAD_SIM_LINKS_ICE,
		.store_limit = 1 << 20 };
	struct reload_sim_hooks hooks = { .arg = c, .event = on_event };
	struct reload_sim *s = reload_sim_new(&setup, &hooks);
	reload_sim_start(s, 0, true, RELOAD_ROLE_PEER, NULL, 0);
	for (size_t i = 1; i < NODES; i++) {
		size_t through = i - 1;
		assert_true(reload_sim_run(s, reload_sim_now(s) + 1000));
		reload_sim_start(s, i, false, RELOAD_ROLE_PEER, &through, 1);
	}
	assert_true(reload_sim_run(s, reload_sim_now(s) + 40000));
	return s;
}

static void a_ring_is_made_by_ice(void **state)
{
	struct counts c = { 0 };
	(void)state;
	AUTO(reload_sim) s = ring(&c, 1);
	size_t by_ice = 0;
	for (size_t i = 0; i < NODES; i++) {
		const struct reload_sim_body *n = &s->nodes[i];
		assert_int_equal(n->node.state, RELOAD_STATE_JOINED);
		for (size_t k = 0; k < n->links_count; k++) {
			const struct reload_sim_link *l = n->links[k].link;
			by_ice += l->ice;
			if (l->ice) { /* each engine chose its number */
				assert_false(n->links[k].number >> 31);
				assert_int_equal(
					l->end[n->links[k].end].number, n->links[k].number);
				continue;
			}
			/* LINK-16 R-6.5.1.5-02: the others are those to bootstrap nodes */
			size_t from = l->end[0].node->node.index, to = l->end[1].node->node.index;
			assert_true(to == from - 1);
		}
	}
	assert_true(by_ice > NODES * 4);
	assert_true(reload_sim_run(s, reload_sim_now(s) + 30000));
	for (size_t i = 0; i < NODES; i++)
		assert_true(s->nodes[i].gathers_count <= 2); /* those of Attaches under way */
}

static void equal_seeds_are_equal(void **state)
{
	struct counts c = { 0 };
	(void)state;
	AUTO(reload_sim) a = ring(&c, 2);
	AUTO(reload_sim) b = ring(&c, 2);
	assert_true(reload_sim_digest(a) == reload_sim_digest(b));
}

/* Over many Attaches some gathers find nothing and some pairs do not connect, and the ring stands all the same. */
static void some_fail(void **state)
{
	struct counts c = { 0 };
	(void)state;
	for (uint64_t seed = 3; seed < 11; seed++) {
		AUTO(reload_sim) s = ring(&c, seed);
		for (size_t i = 0; i < NODES; i++)
			assert_int_equal(reload_sim_node(s, i)->state, RELOAD_STATE_JOINED);
	}
	assert_true(c.unreached > 0);
	assert_true(c.failed > 2 * c.unreached);
}

/* What ended in the middle of an Attach, or in another life, is connected to nobody. */
static void ends_that_are_gone(void **state)
{
	struct counts c = { 0 };
	(void)state;
	AUTO(reload_sim) s = ring(&c, 1);
	struct reload_sim_body *a = &s->nodes[3], *b = &s->nodes[4];
	size_t a_links = a->links_count;
	reload_sim_gather(a, 70001, true);
	reload_sim_gather(b, 70002, false);
	reload_sim_check_pairs(a, 70001,
		span_str("000000040001"
			 "00011172"));
	assert_true(reload_sim_gather_end(a, 70001));
	assert_false(reload_sim_gather_end(a, 70001));
	reload_sim_check_pairs(b, 70002,
		span_str("000000030001"
			 "00011171"));
	assert_int_equal(a->links_count, a_links);
	/* names that were changed on the way */
	reload_sim_gather(a, 70003, true);
	reload_sim_check_pairs(a, 70003,
		span_str("000000ff0001"
			 "00011172"));
	reload_sim_gather(a, 70004, true);
	reload_sim_check_pairs(a, 70004, span_str("short"));
	reload_sim_gather(a, 70005, true);
	reload_sim_check_pairs(a, 70005, span_str("zzzzzzzzzzzzzzzzzzzz"));
	assert_int_equal(a->links_count, a_links);
	reload_sim_crash(s, 3, RELOAD_SIM_MACHINE, false);
	assert_int_equal(a->gathers_count, 0);
	assert_true(reload_sim_run(s, reload_sim_now(s) + 10000));
	assert_int_equal(b->gathers_count, 0); /* it gave up */
}

static void check(struct reload_sim_body *n, uint32_t number, const char *other)
{
	reload_sim_check_pairs(n, number, span_str(other));
}

/* Two that check each other are linked, whoever begins; two that are both controlling are not. */
static void pairs(void **state)
{
	struct counts c = { 0 };
	(void)state;
	AUTO(reload_sim) s = ring(&c, 2);
	struct reload_sim_body *a = &s->nodes[3], *b = &s->nodes[4];
	unsigned end;
	for (unsigned turn = 0; turn < 3; turn++) {
		uint32_t number = 0x10000 + turn * 16;
		char of_a[32], of_b[32];
		snprintf(of_a, sizeof(of_a), "000000030001%08x", number);
		snprintf(of_b, sizeof(of_b), "000000040001%08x", number + 1);
		reload_sim_gather(a, number, true);
		reload_sim_gather(b, number + 1, turn == 2);
		if (turn == 0)
			check(b, number + 1, of_a);
		check(a, number, of_b);
		if (turn > 0) {
			assert_null(reload_sim_link_find(a, number, &end));
			check(b, number + 1, of_a);
		}
		struct reload_sim_link *l = reload_sim_link_find(a, number, &end);
		if (turn == 2) {
			assert_null(l);
			continue;
		}
		assert_non_null(l);
		assert_int_equal(end, 1); /* R-6.5.1.13-01: the controlling end is the server */
		assert_ptr_equal(reload_sim_link_find(b, number + 1, &end), l);
		assert_int_equal(end, 0);
	}
}

/* The links of n to nodes of its tables over which something passes. */
static size_t mended(struct reload_sim_body *n, size_t *listed)
{
	struct reload_peer_link links[64];
	size_t count = reload_peer_links(n->node.peer, links, COUNT_OF(links)), passing = 0;
	*listed = 0;
	for (size_t i = 0; i < count; i++) {
		unsigned end;
		struct reload_sim_link *l = reload_sim_link_find(n, links[i].link, &end);
		*listed += links[i].listed;
		passing += links[i].listed && !l->silent;
	}
	return passing;
}

/*
 * A host gets other addresses and notices: within 30 s its links are mended, and nobody took it as lost, unless pairs failed so often that
 * the old link was too long silent.
 */
static void a_host_that_moves(void **state)
{
	size_t kept = 0;
	(void)state;
	for (uint64_t seed = 1; seed < 6; seed++) {
		struct counts c = { 0 };
		AUTO(reload_sim) s = ring(&c, seed);
		size_t listed, before = c.lost, failed = c.failed;
		reload_sim_move(s, 7, true);
		assert_int_equal(mended(&s->nodes[7], &listed), 0);
		assert_true(listed > 4);
		assert_true(reload_sim_run(s, reload_sim_now(s) + 30000));
		assert_int_equal(mended(&s->nodes[7], &listed), listed);
		assert_true(listed > 4);
		assert_true(c.lost == before || c.failed > failed + 2);
		kept += c.lost == before;
		for (size_t i = 0; i < NODES; i++)
			assert_int_equal(reload_sim_node(s, i)->state, RELOAD_STATE_JOINED);
	}
	assert_true(kept >= 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ring_is_made_by_ice),
		cmocka_unit_test(equal_seeds_are_equal),
		cmocka_unit_test(some_fail),
		cmocka_unit_test(ends_that_are_gone),
		cmocka_unit_test(pairs),
		cmocka_unit_test(a_host_that_moves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
