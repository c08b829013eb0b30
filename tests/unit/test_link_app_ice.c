/* Streams of applications over ICE, with a plug-in of the test: what goes through, how they end, and who is refused. */
#include "link_app_ice.h"

/* -- what goes through ------------------------------------------------------------------------------------------------------ */

static void both_write_all(size_t total)
{
	size_t a_out = 0, b_out = 0, a_in = 0, b_in = 0;
	bool a_end = false, b_end = false;
	for (int i = 0; i < 1000000 && !(a_end && b_end); i++) {
		writes(&a, &a_out, total);
		writes(&b, &b_out, total);
		if (a_out == total)
			shutdown(a.program, SHUT_WR);
		if (b_out == total)
			shutdown(b.program, SHUT_WR);
		a_end = reads(&a, &a_in);
		b_end = reads(&b, &b_in);
		reload_poll_pass(loop, 1);
	}
	assert_int_equal(a_in, total);
	assert_int_equal(b_in, total);
}

/* R-6.5.2-03 R-6.5.2-04: both directions at once */
static void bytes_in_both_directions(void **state)
{
	(void)state;
	connected();
	both_write_all(4 * MEGABYTE);
	both_ended_well(4 * MEGABYTE, 4 * MEGABYTE);
	assert_int_equal(net.count, 2);
	assert_true(net.longest <= RELOAD_DTLS_MTU);
	/* R-5.4-01: no link came of it */
	assert_int_equal(a.node.ups + b.node.ups, 0);
	assert_int_equal(a.node.messages + b.node.messages, 0);
	assert_int_equal(reload_links_counters(a.node.links)->links, 0);
}

static void datagrams_that_are_lost_and_late(void **state)
{
	(void)state;
	connected();
	net.lose_every = 23;
	net.delay_every = 7;
	both_write_all(MEGABYTE / 2);
	both_ended_well(MEGABYTE / 2, MEGABYTE / 2);
}

static void one_direction_ends_before_the_other(void **state)
{
	(void)state;
	size_t a_out = 0, b_out = 0, a_in = 0, b_in = 0;
	connected();
	writes(&a, &a_out, 1000);
	shutdown(a.program, SHUT_WR);
	TURN_UNTIL(loop, reads(&b, &b_in));
	assert_int_equal(b_in, 1000);
	assert_int_equal(a.ends + b.ends, 0);
	writes(&b, &b_out, 50000);
	TURN_UNTIL(loop, (reads(&a, &a_in), a_in == 50000));
	shutdown(b.program, SHUT_WR);
	TURN_UNTIL(loop, reads(&a, &a_in));
	both_ended_well(1000, 50000);
}

/* All that b has granted was sent and has arrived, and b's program takes no more. */
static bool is_waiting(void)
{
	const struct app_stream *from = stream_of(&a), *to = stream_of(&b);
	return !reload_ordered_room(&from->ordered) && !from->ice.dtls.reliable.queued &&
	       !to->ice.dtls.reliable.queued && from->out.to && to->in.to;
}

/* writes until nothing more is taken, and returns how much that was */
static size_t writes_until_it_waits(void)
{
	size_t a_out = 0;
	TURN_UNTIL(loop, (writes(&a, &a_out, 1000 * MEGABYTE), is_waiting()));
	return a_out;
}

static void who_does_not_read_makes_the_other_end_wait(void **state)
{
	(void)state;
	size_t b_in = 0;
	connected();
	size_t total = writes_until_it_waits();
	/* a window here, and what the two sockets and buffers hold */
	assert_true(stream_of(&b)->ordered.arrived - stream_of(&b)->ordered.read <=
		    RELOAD_ORDERED_WINDOW);
	assert_true(total < 2 * MEGABYTE);
	/* a loop with nothing to do sleeps */
	reload_ms begun = reload_poll_now();
	unsigned passes = 0;
	for (; reload_poll_now() < begun + 100; passes++)
		reload_poll_pass(loop, 50);
	assert_true(passes < 20);
	shutdown(a.program, SHUT_WR);
	TURN_UNTIL(loop, reads(&b, &b_in));
	assert_int_equal(b_in, total);
}

static void nobody_reads_before_a_program_is_there(void **state)
{
	(void)state;
	size_t b_out = 0, a_in = 0;
	taken();
	join(&b);
	writes(&b, &b_out, 1000);
	shutdown(b.program, SHUT_WR);
	TURN_UNTIL(loop, stream_of(&a)->ordered.end_known);
	assert_int_equal(a.ends, 0);
	join(&a);
	TURN_UNTIL(loop, reads(&a, &a_in));
	assert_int_equal(a_in, 1000);
	shutdown(a.program, SHUT_WR);
	both_ended_well(0, 1000);
}

/* -- how it ends --------------------------------------------------------------------------------------------------------------- */

static void one_that_is_cut_off_says_so(void **state)
{
	(void)state;
	size_t a_out = 0, b_in = 0;
	connected();
	writes(&a, &a_out, 3000);
	TURN_UNTIL(loop, (reads(&b, &b_in), b_in == 3000));
	reload_app_streams_drop(a.streams, a.stream);
	TURN_UNTIL(loop, b.ends == 1);
	assert_int_equal(b.ended_err, RELOAD_LINK_DOWN);
	assert_string_equal(b.why, "the other end closed the connection");
	assert_int_equal(a.ends, 0);
	assert_true(reads(&b, &b_in));
	TURN_UNTIL(loop, reload_app_streams_count(a.streams) == 0);
}

/* What had arrived is delivered before the end is reported, what waits in the window too. */
static void the_last_words_are_delivered(void **state)
{
	(void)state;
	size_t b_in = 0;
	connected();
	(void)writes_until_it_waits();
	uint64_t arrived = stream_of(&b)->ordered.arrived;
	assert_true(arrived > stream_of(&b)->ordered.read);
	reload_app_streams_drop(a.streams, a.stream);
	TURN_UNTIL(loop, stream_of(&b)->base.state == RELOAD_SECURE_DEAD);
	assert_int_equal(b.ends, 0); /* its program has not read them yet */
	TURN_UNTIL(loop, reads(&b, &b_in));
	assert_int_equal(b_in, arrived);
	TURN_UNTIL(loop, b.ends == 1);
	assert_int_equal(b.ended_err, RELOAD_LINK_DOWN);
}

static void a_program_that_goes(void **state)
{
	(void)state;
	size_t a_out = 0, b_in = 0, b_out = 0;
	connected();
	writes(&a, &a_out, 2000);
	close(a.program);
	a.program = -1;
	TURN_UNTIL(loop, reads(&b, &b_in)); /* what it wrote arrives, and the end of it */
	assert_int_equal(b_in, 2000);
	TURN_UNTIL(loop, (b_out = 0, writes(&b, &b_out, 5000), a.ends && b.ends));
	assert_int_equal(a.ended_err, RELOAD_LINK_DOWN);
	assert_int_equal(b.ended_err, RELOAD_LINK_DOWN);
}

/* a is done, and its link gone, before b's program has read all: all is well there too */
static void who_is_done_does_not_wait_for_the_other_program(void **state)
{
	(void)state;
	int fds[2], little = 4096;
	size_t a_out = 0, b_in = 0;
	taken();
	join(&a);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &little, sizeof(little));
	b.program = fds[0];
	reload_app_streams_join(b.streams, b.stream, fds[1]);
	writes(&a, &a_out, 60000);
	assert_int_equal(a_out, 60000);
	shutdown(a.program, SHUT_WR);
	shutdown(b.program, SHUT_WR);
	TURN_UNTIL(loop, a.ends == 1);
	assert_int_equal(a.ended_err, RELOAD_OK);
	assert_int_equal(reload_app_streams_count(a.streams), 1); /* it lingers */
	TURN_UNTIL(loop, reload_app_streams_count(a.streams) == 0);
	TURN_UNTIL(loop, stream_of(&b)->base.state == RELOAD_SECURE_DEAD);
	assert_int_equal(b.ends, 0);
	TURN_UNTIL(loop, reads(&b, &b_in));
	assert_int_equal(b_in, 60000);
	both_ended_well(60000, 0);
}

/* The acknowledgement of b's end is lost: it is repeated while a lingers, though a's program has gone. */
static void the_last_acknowledgement_may_be_lost(void **state)
{
	(void)state;
	size_t in = 0;
	connected();
	shutdown(a.program, SHUT_WR);
	TURN_UNTIL(loop, reads(&b, &in));
	TURN_UNTIL(loop, stream_of(&a)->out.closed);
	shutdown(b.program, SHUT_WR);
	net.mute = &net.links[0];
	TURN_UNTIL(loop, a.ends == 1);
	assert_int_equal(b.ends, 0);
	net.mute = NULL;
	both_ended_well(0, 0);
}

static void a_path_that_is_lost(void **state)
{
	(void)state;
	connected();
	say_failed(&net.links[0]);
	TURN_UNTIL(loop, a.ends == 1);
	assert_int_equal(a.ended_err, RELOAD_UNREACHABLE);
	assert_string_equal(a.why, "no pair works");
	TURN_UNTIL(loop, b.ends == 1);
}

static void a_certificate_that_is_revoked_ends_it(void **state)
{
	(void)state;
	connected();
	struct reload_trust *trust = fixture_trust(root.cert, &bob.node, 1);
	reload_links_set_trust(a.node.links, trust);
	reload_app_streams_check_trust(a.streams);
	reload_trust_free(trust);
	TURN_UNTIL(loop, a.ends == 1 && b.ends == 1);
	assert_int_equal(a.ended_err, RELOAD_CERT_REVOKED);
	assert_int_equal(b.ended_err, RELOAD_LINK_DOWN);
}

/* -- who is refused ------------------------------------------------------------------------------------------------------------ */

static void no_way_to_the_other_end(void **state)
{
	(void)state;
	net.no_path = true;
	made();
	TURN_UNTIL(loop, a.downs == 1 && b.downs == 1);
	assert_int_equal(a.down_err, RELOAD_UNREACHABLE);
	assert_string_equal(a.why, "no pair works");
	assert_int_equal(a.node.failed_pairs, 3);
	assert_int_equal(a.ups + b.ups, 0);
}

static void another_authority_is_refused(void **state)
{
	(void)state;
	end_stop(&b);
	net.closes = 0;
	end_start(&b, &mallory, other_root.trust, 0);
	use_ice(&b);
	made();
	/* R-6.6.1-01 */
	TURN_UNTIL(loop, a.downs == 1 && b.downs == 1);
	assert_int_equal(b.down_err, RELOAD_CERT_UNTRUSTED);
	assert_int_equal(a.ups + b.ups, 0);
}

/* One end makes what it takes for a link: it names no protocol. */
static void who_speaks_something_else_is_refused(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct end *app = i ? &a : &b, *other = i ? &b : &a;
		gathers(app);
		reload_links_gather(other->node.links, 1,
			&(struct reload_ice_gather){ .controlling = other == &a });
		TURN_UNTIL(loop, other->node.gathers == i + 1);
		checks(app, &other->node);
		reload_links_check(other->node.links, 1,
			&(struct reload_ice_remote){ app->node.ufrag, app->node.password,
				app->node.candidates, app->node.candidates_count });
		TURN_UNTIL(loop, app->downs == 1);
		assert_int_equal(app->down_err, RELOAD_NOT_RELOAD);
		assert_string_equal(
			app->why, "the other end does not speak reload-stream/1 on the connection");
		assert_int_equal(app->ups, 0);
		TURN_UNTIL(loop, other->node.downs == 1);
	}
}

static void who_breaks_the_rules_is_cut_off(void **state)
{
	(void)state;
	connected();
	assert_true(reload_reliable_queue(
		&stream_of(&b)->ice.dtls.reliable, span_str("\1\0\0\0\0\0\0\0\0")));
	assert_true(reload_reliable_queue(&stream_of(&b)->ice.dtls.reliable, span_str("hello")));
	reload_secure_link_look(&stream_of(&b)->base);
	TURN_UNTIL(loop, a.ends == 1 && b.ends == 1);
	assert_int_equal(a.ended_err, RELOAD_NOT_RELOAD);
	assert_string_equal(a.why, "a message that is too short");
	assert_int_equal(b.ended_err, RELOAD_LINK_DOWN);
}

static void there_are_no_more_than_so_many(void **state)
{
	(void)state;
	end_stop(&b);
	net.closes = 0;
	end_start(&b, &bob, root.trust, 1);
	use_ice(&b);
	taken();
	reload_app_streams_gather(b.streams, APP, false, &(struct reload_ice_gather){ 0 });
	TURN_UNTIL(loop, b.downs == 1);
	assert_int_equal(b.down_err, RELOAD_LIMIT);
}

static void an_agent_without_the_plug_in(void **state)
{
	(void)state;
	end_stop(&b);
	net.closes = 0;
	end_start(&b, &bob, root.trust, 0);
	reload_app_streams_gather(b.streams, APP, false, &(struct reload_ice_gather){ 0 });
	TURN_UNTIL(loop, b.downs == 1);
	assert_int_equal(b.down_err, RELOAD_UNREACHABLE);
	assert_string_equal(b.why, "ICE is not in use");
}

/* R-6.5.2-02: both ends say something from time to time, which is acknowledged, and no program hears of it */
static void an_idle_stream_keeps_its_way_open(void **state)
{
	(void)state;
	uint8_t byte;
	a.node.links->set.idle_ms = b.node.links->set.idle_ms = 200;
	connected();
	uint64_t a_before = stream_of(&a)->ice.dtls.reliable.counts.acked,
		 b_before = stream_of(&b)->ice.dtls.reliable.counts.acked;
	TURN_UNTIL(loop, stream_of(&a)->ice.dtls.reliable.counts.acked > a_before + 2 &&
				 stream_of(&b)->ice.dtls.reliable.counts.acked > b_before + 2);
	assert_int_equal(recv(a.program, &byte, 1, 0), -1);
	assert_int_equal(a.ends + b.ends, 0);
	both_write_all(1000);
	both_ended_well(1000, 1000);
}

static void the_pair_is_known(void **state)
{
	(void)state;
	assert_null(reload_app_streams_pair(a.streams, 1));
	connected();
	const struct reload_ice_pair *pair = reload_app_streams_pair(a.streams, a.stream);
	assert_non_null(pair);
	assert_int_equal(pair->local_type, RELOAD_ICE_HOST);
	assert_int_equal(pair->remote_type, RELOAD_ICE_SRFLX);
}

static void all_end_with_their_owner(void **state)
{
	(void)state;
	connected();
	gathers(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		stream_test(bytes_in_both_directions),
		stream_test(datagrams_that_are_lost_and_late),
		stream_test(one_direction_ends_before_the_other),
		stream_test(who_does_not_read_makes_the_other_end_wait),
		stream_test(nobody_reads_before_a_program_is_there),
		stream_test(one_that_is_cut_off_says_so),
		stream_test(the_last_words_are_delivered),
		stream_test(a_program_that_goes),
		stream_test(who_is_done_does_not_wait_for_the_other_program),
		stream_test(the_last_acknowledgement_may_be_lost),
		stream_test(a_path_that_is_lost),
		stream_test(a_certificate_that_is_revoked_ends_it),
		stream_test(no_way_to_the_other_end),
		stream_test(another_authority_is_refused),
		stream_test(who_speaks_something_else_is_refused),
		stream_test(who_breaks_the_rules_is_cut_off),
		stream_test(there_are_no_more_than_so_many),
		stream_test(an_agent_without_the_plug_in),
		stream_test(an_idle_stream_keeps_its_way_open),
		stream_test(the_pair_is_known),
		stream_test(all_end_with_their_owner),
	};
	return cmocka_run_group_tests(tests, app_cast_begin, app_cast_end);
}
