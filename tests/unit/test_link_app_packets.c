/* Connections of applications that carry packets, over ICE (reload-attach --datagram). */
#include "link_app_ice.h"

static void join_packets(struct end *e)
{
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds), 0);
	e->program = fds[0];
	reload_app_streams_join(e->streams, e->stream, fds[1]);
}

static void packets_taken(void)
{
	packets = true;
	taken();
	join_packets(&a);
}

static void sends_packet(struct end *e, uint8_t first, size_t len)
{
	uint8_t packet[2000] = { first };
	assert_int_equal(send(e->program, packet, len, MSG_NOSIGNAL), len);
}

/* the length of the next packet, which begins with first; 0: the end, -1: none is there */
static ssize_t gets_packet(struct end *e, uint8_t first)
{
	uint8_t packet[2000];
	ssize_t n = recv(e->program, packet, sizeof(packet), 0);
	if (n > 0)
		assert_int_equal(packet[0], first);
	return n;
}

/* waits for the next packet, which begins with first */
static void next_packet(struct end *e, uint8_t first, size_t len)
{
	ssize_t n = -1;
	TURN_UNTIL(loop, n > 0 || (n = gets_packet(e, first)) > 0);
	assert_int_equal(n, len);
}

static void packets_stay_apart(void **state)
{
	(void)state;
	packets_taken();
	join_packets(&b);
	size_t most = reload_app_streams_packet_bytes(a.streams, a.stream);
	assert_in_range(most, 1100, 1200);
	sends_packet(&a, 1, 10);
	sends_packet(&a, 2, most);
	sends_packet(&a, 3, 1);
	next_packet(&b, 1, 10);
	next_packet(&b, 2, most);
	next_packet(&b, 3, 1);
	sends_packet(&b, 4, 20);
	next_packet(&a, 4, 20);
	assert_true(net.longest <= RELOAD_DTLS_MTU);
	/* the end of one program's is that of the connection */
	close(a.program);
	a.program = -1;
	TURN_UNTIL(loop, gets_packet(&b, 0) == 0);
	both_ended_well(11 + most, 20);
}

static void a_lost_packet_is_lost(void **state)
{
	(void)state;
	packets_taken();
	join_packets(&b);
	sends_packet(&a, 1, 10);
	next_packet(&b, 1, 10);
	net.mute = &net.links[0];
	unsigned before = net.sent;
	sends_packet(&a, 2, 10);
	TURN_UNTIL(loop, net.sent > before);
	net.mute = NULL;
	sends_packet(&a, 3, 10);
	next_packet(&b, 3, 10);
}

static void packets_that_nobody_reads(void **state)
{
	(void)state;
	unsigned got = 0;
	packets_taken();
	for (unsigned i = 0; i < 200; i++) {
		sends_packet(&a, 7, 100);
		reload_poll_pass(loop, 5);
	}
	TURN_UNTIL(loop, stream_of(&b)->packets_count == 64);
	join_packets(&b);
	shutdown(a.program, SHUT_WR);
	for (ssize_t n = -1; n;) {
		got += (n = gets_packet(&b, 7)) > 0;
		reload_poll_pass(loop, 5);
	}
	assert_int_equal(got, 64);
}

static void a_packet_that_is_too_long(void **state)
{
	(void)state;
	packets_taken();
	join_packets(&b);
	sends_packet(&a, 1, reload_app_streams_packet_bytes(a.streams, a.stream) + 1);
	TURN_UNTIL(loop, a.ends == 1 && b.ends == 1);
	assert_int_equal(a.ended_err, RELOAD_LIMIT);
	assert_non_null(strstr(a.why, "the program sent a packet of more than 11"));
}

static void a_stream_has_no_packets(void **state)
{
	(void)state;
	packets = true;
	gathers(&a);
	packets = false;
	gathers(&b);
	checks(&b, &a.node);
	checks(&a, &b.node);
	TURN_UNTIL(loop, b.downs == 1);
	assert_int_equal(b.down_err, RELOAD_NOT_RELOAD);
	TURN_UNTIL(loop, a.ups == 0 || reload_app_streams_count(a.streams) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		stream_test(packets_stay_apart),
		stream_test(a_lost_packet_is_lost),
		stream_test(packets_that_nobody_reads),
		stream_test(a_packet_that_is_too_long),
		stream_test(a_stream_has_no_packets),
	};
	return cmocka_run_group_tests(tests, app_cast_begin, app_cast_end);
}
