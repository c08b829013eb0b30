/* Links of the simulator: what arrives and when, and what each end notices, with loss, cuts and crashes. */
#include "sim_net.h"

static void message_takes_its_delay(void **state)
{
	struct net r;
	(void)state;
	net_start(&r, (struct reload_sim_setup){ 0 });
	reload_ms from = reload_sim_now(r.s);
	mark_send(&r, A, 1);
	later(&r, 100);
	assert_in_order(&r.seen[B], 1);
	assert_int_equal(r.seen[B].at[0], from + BASE);
	reload_sim_node(r.s, A)->slow_ms = 500;
	from = reload_sim_now(r.s);
	mark_send(&r, A, 2);
	later(&r, 1000);
	assert_in_order(&r.seen[B], 2);
	assert_int_equal(r.seen[B].at[1], from + 500 + BASE);
	assert_true(link_good(&r, A)); /* the program is slow, not the link */
	net_end(&r);
}

static void loss_is_repaired_in_order(void **state)
{
	struct net r;
	reload_ms late = 0;
	(void)state;
	net_start(&r, (struct reload_sim_setup){ .loss = 300000 });
	for (uint64_t i = 1; i <= 200; i++) {
		mark_send(&r, A, i);
		later(&r, 5);
	}
	later(&r, 60000);
	assert_in_order(&r.seen[B], 200);
	for (size_t i = 1; i < 200; i++) {
		assert_true(r.seen[B].at[i] >= r.seen[B].at[i - 1]);
		if (r.seen[B].at[i] - r.seen[B].at[i - 1] > late)
			late = r.seen[B].at[i] - r.seen[B].at[i - 1];
	}
	assert_true(late >= 200); /* one was waited for */
	assert_true(reload_sim_counts(r.s)->lost > 20);
	assert_int_equal(reload_sim_counts(r.s)->dropped, 0);
	net_end(&r);
}

static void dropped_is_gone_and_duplicated_comes_twice(void **state)
{
	struct net r;
	(void)state;
	net_start(&r, (struct reload_sim_setup){ .drop = 1000000 });
	mark_send(&r, A, 1);
	later(&r, 20000);
	assert_int_equal(r.seen[B].count, 0);
	assert_true(reload_sim_counts(r.s)->dropped >= 1);
	net_end(&r);
	net_start(&r, (struct reload_sim_setup){ .duplicate = 1000000 });
	mark_send(&r, A, 1);
	later(&r, 1000);
	assert_int_equal(r.seen[B].count, 2);
	assert_int_equal(r.seen[B].mark[1], 1);
	net_end(&r);
}

static void cut_is_doubted_then_lost(void **state)
{
	struct net r;
	(void)state;
	net_start(&r, (struct reload_sim_setup){ 0 });
	reload_sim_side(r.s, B, 1);
	later(&r, 40000); /* idle ends notice nothing */
	assert_true(link_good(&r, A) && link_good(&r, B));
	reload_ms from = reload_sim_now(r.s);
	mark_send(&r, A, 1);
	later(&r, RELOAD_SIM_DOUBT_MS - 1);
	assert_true(link_good(&r, A));
	later(&r, 1);
	assert_false(link_good(&r, A));
	assert_int_equal(r.seen[A].slow, from + RELOAD_SIM_DOUBT_MS);
	later(&r, RELOAD_SIM_LOST_MS - RELOAD_SIM_DOUBT_MS - 1);
	assert_int_equal(r.seen[A].down, 0);
	later(&r, 2);
	assert_int_equal(r.seen[A].down, from + RELOAD_SIM_LOST_MS);
	/* the other end sent nothing */
	assert_int_equal(r.seen[B].down, 0);
	assert_int_equal(r.seen[B].count, 0);
	reload_sim_side(r.s, B, 0);
	mark_send(&r, B, 1); /* the other machine does not know the connection any more */
	later(&r, 100);
	assert_int_not_equal(r.seen[B].down, 0);
	net_end(&r);
}

static void cut_that_ends_delivers(void **state)
{
	struct net r;
	(void)state;
	net_start(&r, (struct reload_sim_setup){ 0 });
	mark_send(&r, A, 1); /* meets the cut on its way */
	later(&r, 5);
	reload_sim_side(r.s, B, 1);
	for (uint64_t i = 2; i <= 10; i++)
		mark_send(&r, A, i);
	later(&r, 10000);
	assert_int_equal(r.seen[B].count, 0);
	assert_false(link_good(&r, A));
	reload_sim_side(r.s, B, 0);
	later(&r, 7000);
	assert_in_order(&r.seen[B], 10);
	assert_true(link_good(&r, A));
	mark_send(&r, A, 11);
	later(&r, 40000);
	assert_in_order(&r.seen[B], 11);
	assert_int_equal(r.seen[A].down, 0);
	assert_null(r.s->nodes[A].links[0].link->end[r.link[A] >> 31].wait); /* no state is left */
	net_end(&r);
}

static void queue_of_a_cut_is_bounded(void **state)
{
	struct net r;
	(void)state;
	enum {
		ROOM = 10000 / RELOAD_HEADER_FIXED /* messages */
	};
	net_start(&r, (struct reload_sim_setup){ .send_queue = 10000 });
	for (unsigned turn = 0; turn < 2; turn++) {
		r.seen[B].count = 0;
		reload_sim_side(r.s, B, 1);
		for (uint64_t i = 1; i <= ROOM + 10; i++)
			mark_send(&r, A, i);
		later(&r, 1);
		assert_int_equal(reload_sim_counts(r.s)->dropped, 10 * (turn + 1));
		reload_sim_side(r.s, B, 0);
		later(&r, 10000);
		assert_in_order(&r.seen[B], ROOM); /* the newest were dropped */
	}
	net_end(&r);
}

/* What a node sends leaves one after the other, with what each message costs below RELOAD; then there is nothing to wait for. */
static void messages_take_their_time(void **state)
{
	struct net r;
	enum {
		RATE = 1000,
		EACH = RELOAD_HEADER_FIXED + 150 /* ms at that rate */
	};
	(void)state;
	net_start(&r, (struct reload_sim_setup){ .bandwidth = RATE });
	for (unsigned turn = 0; turn < 2; turn++) {
		reload_ms from = reload_sim_now(r.s);
		r.seen[B].count = 0;
		mark_send(&r, A, 1);
		mark_send(&r, A, 2);
		later(&r, 1);
		/* one for another link of the node */
		reload_sim_leaves(&r.s->nodes[A], RELOAD_HEADER_FIXED, from);
		mark_send(&r, A, 3);
		later(&r, 10000);
		assert_in_order(&r.seen[B], 3);
		assert_int_equal(r.seen[B].at[0], from + EACH + BASE);
		assert_int_equal(r.seen[B].at[1], from + 2 * EACH + BASE);
		assert_int_equal(r.seen[B].at[2], from + 4 * EACH + BASE);
		mark_send(&r, B, 1); /* the other one has a rate of its own */
		later(&r, 10000);
	}
	assert_int_equal(r.seen[A].count, 2);
	net_end(&r);
}

static void acks_alone_are_cut(void **state)
{
	struct net r;
	(void)state;
	net_start(&r, (struct reload_sim_setup){ 0 });
	reload_sim_cut(r.s, B, A, true);
	reload_ms from = reload_sim_now(r.s);
	mark_send(&r, A, 1);
	later(&r, RELOAD_SIM_DOUBT_MS + 1);
	assert_in_order(&r.seen[B], 1); /* it arrived all the same */
	assert_false(link_good(&r, A));
	assert_true(link_good(&r, B));
	later(&r, RELOAD_SIM_LOST_MS);
	assert_int_equal(r.seen[A].down, from + RELOAD_SIM_LOST_MS);
	net_end(&r);
	net_start(&r, (struct reload_sim_setup){ 0 });
	reload_sim_cut(r.s, B, A, true);
	mark_send(&r, A, 1);
	later(&r, 5000);
	assert_false(link_good(&r, A));
	reload_sim_cut(r.s, B, A, false);
	later(&r, 7000);
	assert_true(link_good(&r, A));
	later(&r, 40000);
	assert_int_equal(r.seen[A].down, 0);
	net_end(&r);
}

static void dead_process_resets(void **state)
{
	struct net r;
	(void)state;
	net_start(&r, (struct reload_sim_setup){ 0 });
	reload_ms from = reload_sim_now(r.s);
	reload_sim_crash(r.s, B, RELOAD_SIM_PROCESS, false);
	later(&r, 100);
	assert_int_equal(r.seen[A].down, from + BASE);
	net_end(&r);
}

static void dead_machine_is_silent(void **state)
{
	struct net r;
	(void)state;
	net_start(&r, (struct reload_sim_setup){ 0 });
	reload_sim_crash(r.s, B, RELOAD_SIM_MACHINE, false);
	later(&r, 20000);
	assert_int_equal(r.seen[A].down, 0);
	mark_send(&r, A, 1);
	later(&r, 5000);
	assert_false(link_good(&r, A));
	assert_int_equal(r.seen[A].down, 0);
	/* the machine is back, with a ring of its own and without its old connections */
	reload_sim_start(r.s, B, true, RELOAD_ROLE_PEER, NULL, 0);
	later(&r, 7000);
	assert_int_not_equal(r.seen[A].down, 0);
	assert_int_equal(r.seen[B].count, 0);
	net_end(&r);
}

static void closing_tells_behind_all_messages(void **state)
{
	struct net r;
	(void)state;
	net_start(&r, (struct reload_sim_setup){ 0 });
	r.s->setup.loss = 900000; /* the message is late */
	mark_send(&r, A, 1);
	reload_sim_run(r.s, reload_sim_now(r.s));
	r.s->setup.loss = 0;
	reload_sim_close(&r.s->nodes[A], r.link[A]);
	later(&r, 20000);
	assert_in_order(&r.seen[B], 1);
	assert_true(r.seen[B].at[0] > BASE && r.seen[B].down >= r.seen[B].at[0]);
	net_end(&r);
}

/* R-6.6.3.1-10, -11, -12: Simple Reliability on virtual time */
static void silence_is_noticed_over_datagrams(void **state)
{
	struct net r;
	(void)state;
	net_start(&r, (struct reload_sim_setup){ .links = RELOAD_SIM_LINKS_DTLS });
	reload_ms from = reload_sim_now(r.s);
	mark_send(&r, A, 1);
	later(&r, 100);
	assert_in_order(&r.seen[B], 1);
	assert_int_equal(r.seen[B].at[0], from + BASE);
	reload_sim_side(r.s, B, 1);
	mark_send(&r, A, 2);
	later(&r, 1500);
	assert_false(link_good(&r, A));
	reload_sim_side(r.s, B, 0);
	later(&r, 1200);
	assert_in_order(&r.seen[B], 2);
	assert_true(link_good(&r, A));
	struct reload_sim_link_end *end = &r.s->nodes[A].links[0].link->end[r.link[A] >> 31];
	uint32_t next = end->reliable->state.framing.next_sequence;
	later(&r, 60000);
	assert_null(end->reliable); /* it is packed, and goes on where it was */
	mark_send(&r, A, 3);
	later(&r, 100);
	assert_in_order(&r.seen[B], 3);
	assert_true(end->reliable->state.framing.next_sequence > next);
	reload_sim_side(r.s, B, 1);
	from = reload_sim_now(r.s);
	mark_send(&r, A, 4);
	later(&r, 15400);
	assert_int_equal(r.seen[A].down, 0);
	later(&r, 1000);
	assert_int_not_equal(r.seen[A].down, 0);
	assert_int_equal(r.seen[B].count, 3);
	net_end(&r);
}

static void datagrams_overtake_and_arrive_once(void **state)
{
	struct net r;
	bool overtaken = false;
	(void)state;
	net_start(&r, (struct reload_sim_setup){ .links = RELOAD_SIM_LINKS_DTLS,
			      .loss = 200000,
			      .duplicate = 200000,
			      .reorder = 300000 });
	for (uint64_t i = 1; i <= 100; i++) {
		mark_send(&r, A, i);
		later(&r, 2);
	}
	later(&r, 10000);
	assert_int_equal(r.seen[B].count, 100);
	uint64_t sum = 0;
	for (size_t i = 0; i < 100; i++) {
		sum += r.seen[B].mark[i];
		overtaken = overtaken || (i && r.seen[B].mark[i] < r.seen[B].mark[i - 1]);
	}
	assert_int_equal(sum, 5050);
	assert_true(overtaken);
	net_end(&r);
}

static void nothing_tells_of_a_killed_process_over_datagrams(void **state)
{
	struct net r;
	(void)state;
	net_start(&r, (struct reload_sim_setup){ .links = RELOAD_SIM_LINKS_DTLS });
	later(&r, 20000);
	reload_sim_crash(r.s, B, RELOAD_SIM_PROCESS, false);
	later(&r, 2000);
	assert_int_equal(r.seen[A].down, 0);
	mark_send(&r, A, 1);
	later(&r, 2000);
	assert_false(link_good(&r, A));
	assert_int_equal(r.seen[A].down, 0);
	later(&r, 20000);
	assert_int_not_equal(r.seen[A].down, 0);
	net_end(&r);
}

static void closing_sends_what_is_queued_over_datagrams(void **state)
{
	struct net r;
	(void)state;
	net_start(&r, (struct reload_sim_setup){ .links = RELOAD_SIM_LINKS_DTLS });
	reload_sim_side(r.s, B, 1); /* the first copies are lost */
	mark_send(&r, A, 1);
	reload_sim_run(r.s, reload_sim_now(r.s));
	reload_sim_side(r.s, B, 0);
	reload_sim_close(&r.s->nodes[A], r.link[A]);
	later(&r, 5000);
	assert_in_order(&r.seen[B], 1);
	assert_true(r.seen[B].down > r.seen[B].at[0]); /* by the closing alert */
	net_end(&r);
}

/* A process that is killed while it closes a link sends nothing any more. */
static void killed_while_closing_over_datagrams(void **state)
{
	struct net r;
	(void)state;
	net_start(&r, (struct reload_sim_setup){ .links = RELOAD_SIM_LINKS_DTLS });
	reload_sim_side(r.s, B, 1);
	mark_send(&r, A, 1);
	reload_sim_run(r.s, reload_sim_now(r.s));
	reload_sim_close(&r.s->nodes[A], r.link[A]);
	reload_sim_crash(r.s, A, RELOAD_SIM_PROCESS, false);
	reload_sim_side(r.s, B, 0);
	later(&r, 5000);
	assert_int_equal(r.seen[B].count, 0);
	assert_int_equal(r.seen[B].down, 0); /* no closing alert either */
	net_end(&r);
}

static void oversized_ends_the_link(void **state)
{
	struct net r;
	(void)state;
	net_start(&r, (struct reload_sim_setup){ 0 });
	size_t len = reload_peer_config(reload_sim_node(r.s, A)->peer)->max_message_size + 1;
	uint8_t *bytes = reload_alloc(len);
	reload_sim_inject(reload_sim_node(r.s, A), r.link[A], span_of(bytes, len), 0);
	free(bytes);
	later(&r, 100);
	/* R-6.6-03 */
	assert_int_not_equal(r.seen[A].down, 0);
	net_end(&r);
}

/* The send hook gets what the engine of a marked node sends, outside of that engine, and not what is injected. */
static void hook_judges_what_a_liar_sends(void **state)
{
	struct net r;
	enum reload_err err;
	(void)state;
	net_start(&r, (struct reload_sim_setup){ 0 });
	struct reload_sim_node *a = reload_sim_node(r.s, A);
	struct reload_destination to = reload_dest_node(&reload_sim_node(r.s, B)->id);
	struct reload_request_target target = { .list = &to, .count = 1 };
	a->byzantine = 1;
	uint64_t sent = a->sent_messages;
	struct reload_request *ping = reload_peer_ping(a->peer, &target, 0, NULL, NULL, &err);
	assert_non_null(ping);
	later(&r, 100);
	assert_int_equal(r.judged, 1);
	assert_int_equal(a->sent_messages, sent);
	reload_request_cancel(a->peer, ping);
	mark_send(&r, A, 1);
	later(&r, 100);
	assert_int_equal(r.judged, 1);
	assert_in_order(&r.seen[B], 1);
	r.pass = true;
	uint64_t pings = reload_sim_counts(r.s)->traffic_messages[RELOAD_SIM_TRAFFIC_PING];
	ping = reload_peer_ping(a->peer, &target, 0, NULL, NULL, &err);
	later(&r, 30);
	reload_request_cancel(a->peer, ping);
	assert_int_equal(reload_sim_counts(r.s)->traffic_messages[RELOAD_SIM_TRAFFIC_PING],
		pings + 2); /* the Ping and its answer */
	later(&r, 1000);
	net_end(&r);
}

static enum reload_sim_traffic traffic(uint16_t code, uint32_t fragment, size_t cut)
{
	static const uint8_t via[] = { 0x80, 1 }, to[] = { 0x80, 2, 0x80, 3 };
	struct wr w;
	wr_init(&w);
	struct reload_header h = { .relo_token = RELOAD_TOKEN,
		.version = RELOAD_VERSION_BYTE,
		.fragment = fragment,
		.via_list = span_of(via, sizeof(via)),
		.destination_list = span_of(to, sizeof(to)) };
	reload_header_write(&w, &h);
	wr_u16(&w, code);
	uint8_t *exact = reload_memdup(w.at, w.len - cut);
	enum reload_sim_traffic t = reload_sim_traffic_of(span_of(exact, w.len - cut));
	free(exact);
	wr_clear(&w);
	return t;
}

static void traffic_is_counted_by_code(void **state)
{
	static const struct {
		uint16_t code;
		enum reload_sim_traffic traffic;
	} rows[] = {
		{ RELOAD_UPDATE_REQ, RELOAD_SIM_TRAFFIC_UPDATE },
		{ RELOAD_ATTACH_ANS, RELOAD_SIM_TRAFFIC_ATTACH },
		{ RELOAD_LEAVE_REQ, RELOAD_SIM_TRAFFIC_JOIN },
		{ RELOAD_PROBE_ANS, RELOAD_SIM_TRAFFIC_PING },
		{ RELOAD_STORE_REQ, RELOAD_SIM_TRAFFIC_STORE },
		{ RELOAD_FIND_ANS, RELOAD_SIM_TRAFFIC_FETCH },
		{ RELOAD_ERROR, RELOAD_SIM_TRAFFIC_OTHER },
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_int_equal(traffic(rows[i].code, RELOAD_FRAGMENT_WHOLE, 0), rows[i].traffic);
		assert_int_equal(
			traffic(rows[i].code, RELOAD_FRAGMENT_ALWAYS, 0), RELOAD_SIM_TRAFFIC_OTHER);
	}
	for (size_t cut = 1; cut < RELOAD_HEADER_FIXED; cut++)
		assert_int_equal(traffic(RELOAD_UPDATE_REQ, RELOAD_FRAGMENT_WHOLE, cut),
			RELOAD_SIM_TRAFFIC_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(message_takes_its_delay),
		cmocka_unit_test(loss_is_repaired_in_order),
		cmocka_unit_test(dropped_is_gone_and_duplicated_comes_twice),
		cmocka_unit_test(cut_is_doubted_then_lost),
		cmocka_unit_test(cut_that_ends_delivers),
		cmocka_unit_test(queue_of_a_cut_is_bounded),
		cmocka_unit_test(messages_take_their_time),
		cmocka_unit_test(acks_alone_are_cut),
		cmocka_unit_test(dead_process_resets),
		cmocka_unit_test(dead_machine_is_silent),
		cmocka_unit_test(closing_tells_behind_all_messages),
		cmocka_unit_test(silence_is_noticed_over_datagrams),
		cmocka_unit_test(datagrams_overtake_and_arrive_once),
		cmocka_unit_test(nothing_tells_of_a_killed_process_over_datagrams),
		cmocka_unit_test(closing_sends_what_is_queued_over_datagrams),
		cmocka_unit_test(killed_while_closing_over_datagrams),
		cmocka_unit_test(oversized_ends_the_link),
		cmocka_unit_test(hook_judges_what_a_liar_sends),
		cmocka_unit_test(traffic_is_counted_by_code),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
