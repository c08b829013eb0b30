/* Streams of applications: what goes through, how they end, and what strangers can do. */
#include "link_raw.h"

#include "link_app.h"

static int ends_start(void **state)
{
	(void)state;
	end_start(&a, &alice, root.trust, 0);
	end_start(&b, &bob, root.trust, 0);
	return 0;
}

static int ends_stop(void **state)
{
	(void)state;
	end_stop(&a);
	end_stop(&b);
	return 0;
}

#define stream_test(f) cmocka_unit_test_setup_teardown(f, ends_start, ends_stop)

/* -- making a stream ------------------------------------------------------------------------------------------------------ */

static uint16_t a_listens(void)
{
	struct reload_ip_port at = loopback(0), bound;
	assert_int_equal(reload_app_streams_listen(a.streams, APP, &at, 1, &bound), 1);
	assert_int_not_equal(bound.port, 0);
	assert_int_not_equal(bound.port, a.node.port);
	return bound.port;
}

static void b_connects(uint16_t port)
{
	struct reload_link_target to = { .at = loopback(port),
		.types = RELOAD_LINK_BIT(RELOAD_TLS_TCP_FH_NO_ICE) };
	reload_app_streams_connect(b.streams, APP, &to, 1);
}

/* a and b have a stream, and a program at each end. */
static void connected(void)
{
	b_connects(a_listens());
	TURN_UNTIL(loop, a.ups == 1 && b.ups == 1);
	take(&a);
	take(&b);
	reload_app_streams_end(a.streams, APP);
	reload_app_streams_end(b.streams, APP);
	join(&a);
	join(&b);
}

static void none_is_left(void)
{
	assert_int_equal(reload_app_streams_count(a.streams), 0);
	assert_int_equal(reload_app_streams_count(b.streams), 0);
}

static void bytes_in_both_directions(void **state)
{
	(void)state;
	size_t a_out = 0, b_out = 0, a_in = 0, b_in = 0, total = 4 * MEGABYTE;
	bool a_end = false, b_end = false;
	connected();
	for (int i = 0; i < 100000 && !(a_end && b_end); i++) {
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
	both_ended_well(total, total);
	none_is_left();
	/* R-5.4-01: no link came of it */
	assert_int_equal(a.node.ups + b.node.ups, 0);
	assert_int_equal(reload_links_counters(a.node.links)->links, 0);
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
	turn_for(loop, 20);
	assert_int_equal(a.ends + b.ends, 0);
	writes(&b, &b_out, 50000);
	TURN_UNTIL(loop, (reads(&a, &a_in), a_in == 50000));
	shutdown(b.program, SHUT_WR);
	TURN_UNTIL(loop, reads(&a, &a_in));
	both_ended_well(1000, 50000);
	none_is_left();
}

/* The other end's program does not read: who writes waits, and nobody else does. */
static void who_does_not_read_makes_the_other_end_wait(void **state)
{
	(void)state;
	size_t a_out = 0, before = 1, b_in = 0;
	connected();
	for (int quiet = 0; quiet < 20; before = a_out) {
		writes(&a, &a_out, 1000 * MEGABYTE);
		reload_poll_pass(loop, 5);
		quiet = a_out == before ? quiet + 1 : 0;
	}
	assert_true(a_out < 64 * MEGABYTE); /* what the kernel holds, and two buffers */
	/* a loop with nothing to do sleeps */
	reload_ms begun = reload_poll_now();
	unsigned passes = 0;
	for (; reload_poll_now() < begun + 100; passes++)
		reload_poll_pass(loop, 50);
	assert_true(passes < 20);
	size_t total = a_out;
	shutdown(a.program, SHUT_WR);
	TURN_UNTIL(loop, reads(&b, &b_in));
	assert_int_equal(b_in, total);
}

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
	assert_int_not_equal(b.why[0], 0);
	assert_int_equal(a.ends, 0);
	assert_true(reads(&b, &b_in));
	size_t none = 0;
	assert_true(reads(&a, &none));
	TURN_UNTIL(loop, reload_app_streams_count(a.streams) == 0);
}

/* What had arrived is delivered before the end is reported. */
static void the_last_words_are_delivered(void **state)
{
	(void)state;
	size_t a_out = 0, b_out = 0, b_in = 0, before = 1;
	connected();
	for (int quiet = 0; quiet < 20; before = a_out) {
		writes(&a, &a_out, 1000 * MEGABYTE);
		reload_poll_pass(loop, 5);
		quiet = a_out == before ? quiet + 1 : 0;
	}
	reload_app_streams_drop(a.streams, a.stream);
	turn_for(loop, 10);
	writes(&b, &b_out, 1000); /* which fails */
	turn_for(loop, 10);
	assert_int_equal(b.ends, 0); /* its program has not read them yet */
	TURN_UNTIL(loop, reads(&b, &b_in));
	assert_true(b_in > 65536);
	TURN_UNTIL(loop, b.ends == 1);
	assert_int_equal(b.ended_err, RELOAD_LINK_DOWN);
}

/* The other end is gone while this one writes and has nothing to read. */
static void a_write_that_fails_is_the_end(void **state)
{
	(void)state;
	size_t b_out = 0, before = 1;
	connected();
	for (int quiet = 0; quiet < 20; before = b_out) {
		writes(&b, &b_out, 1000 * MEGABYTE);
		reload_poll_pass(loop, 5);
		quiet = b_out == before ? quiet + 1 : 0;
	}
	reload_app_streams_drop(a.streams, a.stream);
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

static void a_program_that_goes_when_all_is_said(void **state)
{
	(void)state;
	size_t a_out = 0, b_in = 0;
	connected();
	shutdown(b.program, SHUT_WR);
	writes(&a, &a_out, 2000);
	turn_for(loop, 5);
	close(a.program);
	a.program = -1;
	TURN_UNTIL(loop, reads(&b, &b_in));
	both_ended_well(2000, 0);
	none_is_left();
}

static void nobody_reads_before_a_program_is_there(void **state)
{
	(void)state;
	size_t b_out = 0, a_in = 0;
	b_connects(a_listens());
	TURN_UNTIL(loop, a.ups == 1 && b.ups == 1);
	take(&a);
	take(&b);
	join(&b);
	writes(&b, &b_out, 1000);
	shutdown(b.program, SHUT_WR);
	turn_for(loop, 20);
	assert_int_equal(a.ends, 0);
	join(&a);
	TURN_UNTIL(loop, reads(&a, &a_in));
	assert_int_equal(a_in, 1000);
	shutdown(a.program, SHUT_WR);
	both_ended_well(0, 1000);
	none_is_left();
}

static void one_that_is_lost_before_it_is_used(void **state)
{
	(void)state;
	struct reload_ip_port peer;
	b_connects(a_listens());
	TURN_UNTIL(loop, a.ups == 1 && b.ups == 1);
	take(&a);
	reload_app_streams_drop(b.streams, b.stream);
	TURN_UNTIL(loop, a.ends == 1);
	assert_int_equal(a.ended_err, RELOAD_LINK_DOWN);
	assert_false(reload_app_streams_take(a.streams, a.stream, &peer));
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	reload_app_streams_join(a.streams, a.stream, fds[1]); /* closes it */
	uint8_t byte;
	assert_int_equal(recv(fds[0], &byte, 1, 0), 0);
	close(fds[0]);
}

/* -- who may ----------------------------------------------------------------------------------------------------------------- */

static void the_port_is_open_as_long_as_it_is_needed(void **state)
{
	(void)state;
	uint16_t port = a_listens();
	reload_app_streams_end(a.streams, APP);
	b_connects(port);
	TURN_UNTIL(loop, b.downs == 1);
	assert_int_equal(b.down_err, RELOAD_LINK_DOWN);
	assert_int_not_equal(b.why[0], 0);
	assert_int_equal(a.ups, 0);
}

static void the_next_address_is_tried(void **state)
{
	(void)state;
	uint16_t port = a_listens();
	struct reload_link_target to[2] = { { .at = loopback(1) }, { .at = loopback(port) } };
	reload_app_streams_connect(b.streams, APP, to, 2);
	TURN_UNTIL(loop, a.ups == 1 && b.ups == 1);
	assert_int_equal(b.downs, 0);
}

static void another_authority_is_refused(void **state)
{
	(void)state;
	end_stop(&b);
	end_start(&b, &mallory, other_root.trust, 0);
	b_connects(a_listens());
	/* R-6.6.1-01 */
	TURN_UNTIL(loop, b.downs == 1);
	assert_int_equal(b.down_err, RELOAD_CERT_UNTRUSTED);
	turn_for(loop, 20);
	assert_int_equal(a.ups, 0);
	TURN_UNTIL(loop, reload_app_streams_count(a.streams) == 0);
}

static void a_client_without_certificate_is_refused(void **state)
{
	(void)state;
	struct raw r;
	uint8_t byte;
	raw_init(&r, a_listens(), NULL);
	SSL_CTX_set_max_proto_version(r.ctx, TLS1_2_VERSION);
	raw_handshake(&r, loop);
	assert_false(raw_read(&r, loop, &byte, 1));
	TURN_UNTIL(loop, reload_app_streams_count(a.streams) == 0);
	assert_int_equal(a.ups, 0);
	raw_clear(&r);
}

/* Another implementation knows TLS and the application, and nothing of this program. */
static void another_implementation(void **state)
{
	(void)state;
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	for (unsigned i = 0; i < COUNT_OF(versions); i++) {
		struct raw r;
		uint8_t text[64], byte;
		raw_init(&r, a_listens(), &bob);
		SSL_CTX_set_max_proto_version(r.ctx, versions[i]);
		assert_int_equal(raw_handshake(&r, loop), SSL_ERROR_NONE);
		TURN_UNTIL(loop, a.ups == i + 1);
		take(&a);
		reload_app_streams_end(a.streams, APP);
		join(&a);
		raw_write(&r, span_str("INVITE"));
		ssize_t n = -1;
		TURN_UNTIL(loop, n == 6 || (n = recv(a.program, text, sizeof(text), 0)) == 6);
		assert_memory_equal(text, "INVITE", 6);
		assert_int_equal(send(a.program, "200 OK", 6, 0), 6);
		assert_true(raw_read(&r, loop, text, 6));
		assert_memory_equal(text, "200 OK", 6);
		SSL_shutdown(r.ssl);
		TURN_UNTIL(loop, recv(a.program, &byte, 1, 0) == 0);
		shutdown(a.program, SHUT_WR);
		TURN_UNTIL(loop, a.ends == i + 1);
		assert_int_equal(a.ended_err, RELOAD_OK);
		close(a.program);
		a.program = -1;
		raw_clear(&r);
	}
}

static void strangers_keep_nobody_out(void **state)
{
	(void)state;
	uint16_t port = a_listens();
	int fds[24];
	for (unsigned i = 0; i < COUNT_OF(fds); i++) {
		fds[i] = raw_socket(port);
		turn_for(loop, 1);
		assert_true(reload_app_streams_count(a.streams) <= 8);
	}
	b_connects(port);
	TURN_UNTIL(loop, a.ups == 1 && b.ups == 1);
	for (unsigned i = 0; i < COUNT_OF(fds); i++)
		close(fds[i]);
	TURN_UNTIL(loop, reload_app_streams_count(a.streams) == 1);
}

static void who_says_nothing_or_nonsense_is_no_stream(void **state)
{
	(void)state;
	uint16_t port = a_listens();
	int quiet = raw_socket(port), loud = raw_socket(port);
	TURN_UNTIL(loop, send(loud, "GET / HTTP/1.0\r\n\r\n", 18, MSG_NOSIGNAL) == 18);
	TURN_UNTIL(loop, reload_app_streams_count(a.streams) > 0);
	TURN_UNTIL(loop, reload_app_streams_count(a.streams) == 0);
	assert_int_equal(a.ups + a.downs + a.ends, 0);
	close(quiet);
	close(loud);
}

static void there_are_no_more_than_so_many(void **state)
{
	(void)state;
	end_stop(&b);
	end_start(&b, &bob, root.trust, 1);
	uint16_t port = a_listens();
	b_connects(port);
	TURN_UNTIL(loop, a.ups == 1 && b.ups == 1);
	b_connects(port);
	TURN_UNTIL(loop, b.downs == 1);
	assert_int_equal(b.down_err, RELOAD_LIMIT);
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

static void a_certificate_that_ends_ends_it(void **state)
{
	(void)state;
	struct identity brief;
	identity_init(&brief, &root, 9, OVERLAY, 1500);
	end_stop(&b);
	end_start(&b, &brief, root.trust, 0);
	connected();
	TURN_UNTIL(loop, a.ends == 1);
	assert_int_equal(a.ended_err, RELOAD_CERT_EXPIRED);
	end_stop(&b);
	end_start(&b, &bob, root.trust, 0);
	identity_clear(&brief);
}

static void all_end_with_their_owner(void **state)
{
	(void)state;
	connected();             /* joined */
	b_connects(a_listens()); /* under way, and a listener */
	turn_for(loop, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		stream_test(bytes_in_both_directions),
		stream_test(one_direction_ends_before_the_other),
		stream_test(who_does_not_read_makes_the_other_end_wait),
		stream_test(one_that_is_cut_off_says_so),
		stream_test(the_last_words_are_delivered),
		stream_test(a_write_that_fails_is_the_end),
		stream_test(a_program_that_goes),
		stream_test(a_program_that_goes_when_all_is_said),
		stream_test(nobody_reads_before_a_program_is_there),
		stream_test(one_that_is_lost_before_it_is_used),
		stream_test(the_port_is_open_as_long_as_it_is_needed),
		stream_test(the_next_address_is_tried),
		stream_test(another_authority_is_refused),
		stream_test(a_client_without_certificate_is_refused),
		stream_test(another_implementation),
		stream_test(strangers_keep_nobody_out),
		stream_test(who_says_nothing_or_nonsense_is_no_stream),
		stream_test(there_are_no_more_than_so_many),
		stream_test(a_certificate_that_is_revoked_ends_it),
		stream_test(a_certificate_that_ends_ends_it),
		stream_test(all_end_with_their_owner),
	};
	return cmocka_run_group_tests(tests, app_cast_begin, app_cast_end);
}
