/* A certificate that ends: what becomes of the links of its holder, and of the holder. */
#include "sim_net.h"

#include "sim/history.h"

enum {
	LASTS_MS = 10000,
	AHEAD_MS = 3000,
	RING = 12,
	GROWTH_MS = 60000
};

/* What the nodes of a ring notice of their links. */
struct ring {
	struct reload_sim *s;
	size_t ended, up; /* by certificates that ended; up: at node RING / 2 */
};

static void ring_event(void *arg, struct reload_sim_node *n, const struct reload_event *ev)
{
	struct ring *r = arg;
	r->ended += ev->type == RELOAD_EV_LINK_DOWN && ev->err == RELOAD_CERT_EXPIRED;
	r->up += ev->type == RELOAD_EV_LINK_UP && n->index == RING / 2;
}

static void ring_start(struct ring *r)
{
	const struct reload_sim_setup setup = { .seed = 3, .nodes = RING, .latency = &steady };
	const struct reload_sim_hooks hooks = { .arg = r, .event = ring_event };
	r->s = reload_sim_new(&setup, &hooks);
	const size_t first = 0;
	for (size_t i = 0; i < RING; i++) {
		reload_sim_start(r->s, i, !i, RELOAD_ROLE_PEER, &first, i > 0);
		assert_true(reload_sim_run(r->s, reload_sim_now(r->s) + 2000));
	}
	assert_true(reload_sim_run(r->s, reload_sim_now(r->s) + GROWTH_MS));
	r->ended = r->up = 0;
}

static struct reload_sim_node *careless(struct net *r, size_t i)
{
	struct reload_sim_node *n = reload_sim_node(r->s, i);
	n->careless = true;
	return n;
}

static size_t links_of(struct reload_sim *s, size_t i)
{
	uint32_t some[4];
	return reload_sim_links(reload_sim_node(s, i), some, COUNT_OF(some));
}

/* B13: expiry of the peer's certificate on a live link */
static void the_other_end_ends_the_link(void **state)
{
	(void)state;
	for (int64_t ahead = 0; ahead <= AHEAD_MS; ahead += AHEAD_MS) {
		struct net r;
		net_start(&r, (struct reload_sim_setup){ 0 });
		reload_ms until = reload_sim_now(r.s) + LASTS_MS;
		careless(&r, A);
		reload_sim_node(r.s, B)->skew_ms = ahead;
		reload_sim_certify(r.s, A, until);
		later(&r, LASTS_MS + 1000);
		assert_int_equal(r.seen[B].down, until - (reload_ms)ahead + 1);
		assert_true(r.seen[A].down > r.seen[B].down);
		/* R-6.3.4-15: no handshake with it succeeds */
		later(&r, 120000);
		assert_int_equal(links_of(r.s, A), 0);
		assert_int_equal(links_of(r.s, B), 0);
		net_end(&r);
	}
}

static void a_newer_one_keeps_the_link(void **state)
{
	(void)state;
	for (unsigned frozen = 0; frozen < 2; frozen++) {
		struct net r;
		net_start(&r, (struct reload_sim_setup){ 0 });
		reload_ms now = reload_sim_now(r.s);
		reload_sim_certify(r.s, A, now + LASTS_MS);
		if (frozen) /* a process that is stopped takes it when it runs again */
			reload_sim_freeze(r.s, A, now + LASTS_MS / 2);
		reload_sim_certify(r.s, A, RELOAD_NEVER);
		later(&r, 3 * LASTS_MS);
		assert_int_equal(r.seen[A].down, 0);
		assert_int_equal(r.seen[B].down, 0);
		assert_int_equal(reload_sim_node(r.s, A)->state, RELOAD_STATE_JOINED);
		net_end(&r);
	}
}

/* Also over links over which nothing else has to be sent. */
static void it_is_shown_over_all_links(void **state)
{
	struct ring r;
	(void)state;
	ring_start(&r);
	reload_sim_certify(r.s, RING / 2, reload_sim_now(r.s) + LASTS_MS);
	reload_sim_certify(r.s, RING / 2, RELOAD_NEVER);
	assert_true(reload_sim_run(r.s, reload_sim_now(r.s) + 2 * LASTS_MS));
	assert_int_equal(r.ended, 0);
	assert_int_equal(r.up, 0);
	reload_sim_free(r.s);
}

/* R-6.3.4-21: no link comes up with it */
static void it_lets_nobody_in(void **state)
{
	struct ring r;
	(void)state;
	ring_start(&r);
	reload_sim_node(r.s, RING / 2)->careless = true;
	reload_sim_certify(r.s, RING / 2, reload_sim_now(r.s) + LASTS_MS);
	assert_true(reload_sim_run(r.s, reload_sim_now(r.s) + LASTS_MS));
	size_t up = r.up;
	assert_true(reload_sim_run(r.s, reload_sim_now(r.s) + GROWTH_MS));
	assert_true(r.ended >= 3);
	assert_int_equal(links_of(r.s, RING / 2), 0);
	assert_int_equal(r.up, up);
	reload_sim_free(r.s);
}

static void the_holder_leaves(void **state)
{
	struct net r;
	(void)state;
	net_start(&r, (struct reload_sim_setup){ 0 });
	struct reload_sim_node *b = reload_sim_node(r.s, B);
	b->skew_ms = AHEAD_MS;
	reload_sim_certify(r.s, B, reload_sim_now(r.s) + LASTS_MS);
	later(&r, LASTS_MS - AHEAD_MS - 1000);
	assert_int_equal(b->state, RELOAD_STATE_JOINED);
	later(&r, 3000);
	assert_int_equal(b->state, RELOAD_STATE_ENROLLED);
	assert_int_equal(links_of(r.s, A), 0);
	net_end(&r);
}

/* R-7.1-03: a value is good as long as the certificate that signed it */
static void a_value_ends_with_it(void **state)
{
	(void)state;
	const struct reload_id id = { .len = 16, .at = { 1 } };
	AUTO(reload_sim_history) h = reload_sim_history_new(1, &id, &id, 10, 0);
	struct reload_sim_place *p = reload_sim_history_place(h, 0, 0);
	reload_ms until = 500000, slack = RELOAD_SIM_EXPIRY_SLACK_MS;
	uint8_t bytes[RELOAD_SIM_VALUE_MAX];
	struct reload_sim_read is = { .present = true, .exists = true, .signer = id };
	is.storage_time =
		reload_sim_history_begin(h, p, 0, 0, 100, 100, 1, 3600, true)->storage_time;
	is.value = span_of(bytes, reload_sim_history_bytes(h, p, 1, bytes));
	reload_sim_history_signed(h, p, 1, until);
	assert_true(reload_sim_history_end(h, p, 1, RELOAD_SIM_STORED_ACKNOWLEDGED, 100, 1, &id));
	assert_true(reload_sim_history_owed(h, p, until - slack - 1));
	assert_false(reload_sim_history_owed(h, p, until - slack));
	assert_int_equal(
		reload_sim_history_check_read(h, p, 0, until + slack, &is), RELOAD_SIM_READ_GOOD);
	assert_int_equal(reload_sim_history_check_read(h, p, 0, until + slack + 1, &is),
		RELOAD_SIM_READ_EXPIRED);
	/* one that lasts longer than the value changes nothing */
	reload_sim_history_begin(h, p, 0, 0, 200, 200, 1, 3600, true);
	reload_sim_history_signed(h, p, 2, RELOAD_SIM_CERT_END);
	assert_true(reload_sim_history_end(h, p, 2, RELOAD_SIM_STORED_ACKNOWLEDGED, 200, 2, &id));
	assert_true(reload_sim_history_owed(h, p, 3000000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_other_end_ends_the_link),
		cmocka_unit_test(a_newer_one_keeps_the_link),
		cmocka_unit_test(it_is_shown_over_all_links),
		cmocka_unit_test(it_lets_nobody_in),
		cmocka_unit_test(the_holder_leaves),
		cmocka_unit_test(a_value_ends_with_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
