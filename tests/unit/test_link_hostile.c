/* What strangers and broken peers may try: nothing of it reaches the node or stops other links. */
#include "link_cast.h"
#include "link_raw.h"

#include "link/internal.h"

#include <sys/resource.h>

static const struct reload_links_setup defaults;

static void plaintext_is_no_link(void **state)
{
	(void)state;
	static const char *const lines[] = { "\x80\1\1\1\1\1\1\1a RELOAD frame without TLS",
		"GET / HTTP/1.0\r\n\r\n", "\x16\x03\x01\x7f\xff\x01garbage", "x" };
	struct node b = { 0 };
	node_start(&b, loop, &bob, root.trust, (struct reload_links_setup){ .handshake_ms = 300 });
	for (unsigned i = 0; i < COUNT_OF(lines); i++) {
		int fd = raw_socket(b.port);
		turn_for(loop, 2);
		assert_int_equal(
			send(fd, lines[i], strlen(lines[i]), MSG_NOSIGNAL), strlen(lines[i]));
		/* R-13.2-01: no message without a secured link */
		TURN_UNTIL(loop, b.refusals == i + 1);
		close(fd);
	}
	assert_int_equal(b.refused_err, RELOAD_TIMEOUT); /* one byte and then silence */
	assert_int_equal(b.ups + b.messages, 0);
	assert_int_equal(reload_links_counters(b.links)->links, 0);
	node_stop(&b);
}

static void unknown_frame_type_ends_the_link(void **state)
{
	(void)state;
	struct node b = { 0 };
	struct raw r;
	uint8_t byte;
	node_start(&b, loop, &bob, root.trust, defaults);
	raw_init(&r, b.port, &alice);
	assert_int_equal(raw_handshake(&r, loop), SSL_ERROR_NONE);
	raw_write(&r, span_of("\x7f\0\0\0\0\0\0\1x\x80\0\0\0\0\0\0\1x", 18));
	/* R-6.6.2-09 */
	TURN_UNTIL(loop, b.downs == 1);
	assert_int_equal(b.down_err, RELOAD_NOT_RELOAD);
	assert_int_equal(b.messages, 0);
	assert_false(raw_read(&r, loop, &byte, 1));
	raw_clear(&r);
	node_stop(&b);
}

static void who_never_reads_stops_nobody(void **state)
{
	(void)state;
	enum {
		QUEUE = 65536,
		MESSAGE = 5000
	};
	struct node a = { 0 }, b = { .echo = true };
	struct raw r;
	static uint8_t message[MESSAGE];
	node_start(&a, loop, &alice, root.trust, defaults);
	node_start(&b, loop, &bob, root.trust, (struct reload_links_setup){ .max_queue = QUEUE });
	raw_init(&r, b.port, &alice);
	assert_int_equal(raw_handshake(&r, loop), SSL_ERROR_NONE);
	TURN_UNTIL(loop, b.ups == 1);
	uint32_t deaf = b.up_link;
	unsigned sent = 0;
	while (reload_links_send(b.links, deaf, span_of(message, MESSAGE))) {
		reload_poll_pass(loop, 0);
		assert_true(++sent < 100000);
	}
	struct reload_link_info info;
	assert_true(reload_links_info(b.links, deaf, &info));
	assert_true(info.queued <= QUEUE);
	assert_int_equal(reload_links_counters(b.links)->dropped_full, 1);
	assert_int_equal(info.unacked, sent);

	struct reload_ip_port at = loopback(b.port);
	node_dial(a.links, 1, &at, 1);
	TURN_UNTIL(loop, a.ups);
	assert_true(reload_links_send(a.links, 1, span_str("hello")));
	TURN_UNTIL(loop, a.messages == 1);
	/* R-6.6-04 */
	TURN_UNTIL(loop, b.bads == 1);
	assert_int_equal(b.downs, 0);

	/* it may still send: its messages are taken, the ACKs that do not fit are dropped */
	for (uint32_t i = 0; i < 20000; i++) {
		uint8_t frame[9] = { 0x80, 0, 0, (uint8_t)(i >> 8), (uint8_t)i, 0, 0, 1, 'x' };
		int n;
		while ((n = SSL_write(r.ssl, frame, sizeof(frame))) <= 0)
			reload_poll_pass(loop, 1);
		if (i % 64 == 0)
			reload_poll_pass(loop, 0);
	}
	TURN_UNTIL(loop, b.messages == 20001);
	assert_true(reload_links_counters(b.links)->dropped_acks > 0);
	assert_true(reload_links_info(b.links, deaf, &info));
	assert_true(info.queued <= QUEUE + 65536 + 9);
	raw_clear(&r);
	node_stop(&a);
	node_stop(&b);
}

static void a_reset_is_the_end_of_a_link(void **state)
{
	(void)state;
	struct node b = { 0 };
	struct raw r;
	node_start(&b, loop, &bob, root.trust, defaults);
	raw_init(&r, b.port, &alice);
	assert_int_equal(raw_handshake(&r, loop), SSL_ERROR_NONE);
	TURN_UNTIL(loop, b.ups);
	struct linger hard = { .l_onoff = 1 };
	setsockopt(r.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(r.fd);
	r.fd = -1;
	/* sending into it raises no SIGPIPE */
	for (int i = 0; i < 3; i++) {
		reload_links_send(b.links, b.up_link, span_str("anybody there?"));
		reload_poll_pass(loop, 1);
	}
	TURN_UNTIL(loop, b.downs == 1);
	assert_int_equal(b.down_err, RELOAD_LINK_DOWN);
	raw_clear(&r);
	node_stop(&b);
}

static void silent_connections_block_nobody(void **state)
{
	(void)state;
	enum {
		SILENT = 200,
		LIMIT = 50
	};
	struct node a = { 0 }, b = { 0 };
	int fds[SILENT];
	node_start(&a, loop, &alice, root.trust, defaults);
	node_start(&b, loop, &bob, root.trust,
		(struct reload_links_setup){ .max_half_open = LIMIT, .handshake_ms = 4000 });
	for (unsigned i = 0; i < SILENT; i++)
		fds[i] = raw_socket(b.port);
	TURN_UNTIL(loop, b.refusals == SILENT - LIMIT);
	assert_int_equal(b.refused_err, RELOAD_LIMIT); /* the oldest make room */
	assert_int_equal(reload_links_counters(b.links)->half_open, LIMIT);
	struct reload_ip_port at = loopback(b.port);
	reload_ms start = reload_poll_now();
	node_dial(a.links, 1, &at, 1);
	TURN_UNTIL(loop, a.ups && b.ups);
	assert_true(reload_poll_now() - start < 3000);
	/* the rest is thrown out in time */
	TURN_UNTIL(loop, b.refusals == SILENT);
	assert_int_equal(b.refused_err, RELOAD_TIMEOUT);
	assert_int_equal(reload_links_counters(b.links)->links, 1);
	for (unsigned i = 0; i < SILENT; i++)
		close(fds[i]);
	node_stop(&a);
	node_stop(&b);
}

/* A connection from another address of this machine. */
static int socket_from(const char *address, uint16_t port)
{
	struct sockaddr_in own = { .sin_family = AF_INET },
			   to = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(inet_pton(AF_INET, address, &own.sin_addr), 1);
	assert_int_equal(inet_pton(AF_INET, "127.0.0.1", &to.sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof(own)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

/* Whoever has a quarter of the places for handshakes takes no more of them from others. */
static void one_address_displaces_only_itself(void **state)
{
	(void)state;
	enum {
		LIMIT = 12,
		TRIES = 40
	};
	struct node b = { 0 };
	int fds[TRIES];
	char byte;
	node_start(&b, loop, &bob, root.trust,
		(struct reload_links_setup){ .max_half_open = LIMIT, .handshake_ms = 60000 });
	int honest = socket_from("127.0.0.2", b.port);
	TURN_UNTIL(loop, reload_links_counters(b.links)->half_open == 1);
	for (unsigned i = 0; i < TRIES; i++)
		fds[i] = socket_from("127.0.0.3", b.port);
	TURN_UNTIL(loop, b.refusals == TRIES + 1 - LIMIT);
	assert_int_equal(b.refused_err, RELOAD_LIMIT);
	/* it was the first one, and waits on */
	assert_int_equal(recv(honest, &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(reload_links_counters(b.links)->half_open, LIMIT);
	close(honest);
	for (unsigned i = 0; i < TRIES; i++)
		close(fds[i]);
	node_stop(&b);
}

/* A ClientHello with one group of a finite field, or with P-521, is refused before its expensive answer (R-13.2-01). */
static void groups_are_cheap(void **state)
{
	(void)state;
	static const char *const refused[] = { "ffdhe2048", "ffdhe8192", "P-521" },
				 *const taken[] = { "X25519", "P-256", "P-384" };
	struct node b = { 0 };
	node_start(&b, loop, &bob, root.trust, defaults);
	for (size_t i = 0; i < COUNT_OF(refused) + COUNT_OF(taken); i++) {
		struct raw r;
		bool good = i >= COUNT_OF(refused);
		raw_init(&r, b.port, &alice);
		assert_int_equal(SSL_CTX_set1_groups_list(
					 r.ctx, good ? taken[i - COUNT_OF(refused)] : refused[i]),
			1);
		assert_int_equal(raw_handshake(&r, loop) == SSL_ERROR_NONE, good);
		raw_clear(&r);
	}
	TURN_UNTIL(loop, b.ups == COUNT_OF(taken) && b.refusals == COUNT_OF(refused));
	node_stop(&b);
}

/* More bytes of certificates than any chain needs are refused by their length. */
static void certificates_are_bounded_unread(void **state)
{
	(void)state;
	struct node b = { 0 };
	struct raw r;
	node_start(&b, loop, &bob, root.trust, defaults);
	raw_init(&r, b.port, &alice);
	X509 *own = SSL_CTX_get0_certificate(r.ctx);
	for (int i = 0; i < 40000 / (int)alice.cert->der.len; i++)
		assert_int_equal(SSL_CTX_add1_chain_cert(r.ctx, own), 1);
	/* TLS 1.3: the client is done before the server has looked at its certificates */
	raw_handshake(&r, loop);
	TURN_UNTIL(loop, b.refusals == 1);
	assert_int_equal(b.ups, 0);
	assert_int_not_equal(b.refused_err, RELOAD_BAD_CERT); /* nobody has looked at them */
	raw_clear(&r);
	node_stop(&b);
}

/* Handshakes a second are bounded; a connection that says nothing costs none. */
static void handshakes_are_bounded(void **state)
{
	(void)state;
	enum {
		RATE = 5,
		TRIES = 40
	};
	struct node b = { 0 };
	int fds[TRIES];
	node_start(&b, loop, &bob, root.trust,
		(struct reload_links_setup){ .handshakes = RATE, .handshake_ms = 60000 });
	reload_ms start = reload_poll_now();
	for (unsigned i = 0; i < TRIES; i++) {
		fds[i] = raw_socket(b.port);
		turn_for(loop, 1);
		/* the head of a TLS record: OpenSSL waits for the rest */
		assert_int_equal(send(fds[i], "\x16\x03\x01\x01\x00\x01", 6, MSG_NOSIGNAL), 6);
	}
	reload_ms most = 2 * RATE + 1;
	TURN_UNTIL(loop, b.refusals + most + RATE * (reload_poll_now() - start) / 1000 >= TRIES);
	assert_true(b.refusals > 0);
	assert_int_equal(b.refused_err, RELOAD_LIMIT);
	for (unsigned i = 0; i < TRIES; i++)
		close(fds[i]);
	node_stop(&b);
}

/* Numbers of incoming links begin anew after 2^31, and go round a link that lives on. */
static void link_numbers_wrap(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { 0 };
	node_start(&a, loop, &alice, root.trust, defaults);
	node_start(&b, loop, &bob, root.trust, defaults);
	struct reload_ip_port at = loopback(b.port);
	for (uint32_t i = 1; i <= 3; i++) {
		if (i == 2)
			b.links->next_incoming = UINT32_MAX;
		node_dial(a.links, i, &at, 1);
		TURN_UNTIL(loop, a.ups == i && b.ups == i);
	}
	assert_int_equal(b.links->next_incoming, UINT32_C(0x80000002)); /* 0x80000000 lives on */
	assert_int_equal(b.downs, 0);
	node_stop(&a);
	node_stop(&b);
}

static void links_are_limited(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { 0 };
	node_start(&a, loop, &alice, root.trust, (struct reload_links_setup){ .max_links = 3 });
	node_start(&b, loop, &bob, root.trust, (struct reload_links_setup){ .max_links = 2 });
	struct reload_ip_port at = loopback(b.port);
	for (uint32_t i = 1; i <= 3; i++) {
		node_dial(a.links, i, &at, 1);
		TURN_UNTIL(loop, a.ups + a.downs == i);
	}
	assert_int_equal(a.ups, 2);
	assert_int_equal(b.ups, 2);
	assert_int_equal(a.down_err, RELOAD_LINK_DOWN); /* b has enough */
	struct node c = { 0 };
	node_start(&c, loop, &bob, root.trust, (struct reload_links_setup){ .max_links = 1 });
	at = loopback(a.port);
	node_dial(c.links, 1, &at, 1);
	node_dial(c.links, 2, &at, 1);
	TURN_UNTIL(loop, c.ups && c.downs);
	assert_int_equal(c.down_err, RELOAD_LIMIT);
	node_stop(&c);
	node_stop(&a);
	node_stop(&b);
}

static void no_descriptors_left_is_survived(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { 0 };
	struct rlimit old, tight;
	node_start(&a, loop, &alice, root.trust, defaults);
	node_start(&b, loop, &bob, root.trust, defaults);
	int fd = raw_socket(b.port); /* waits in the backlog */
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(old.rlim_cur, old.rlim_max); /* raised */
	tight = old;
	tight.rlim_cur = (rlim_t)fd + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	turn_for(loop, 30);
	assert_int_equal(reload_links_counters(b.links)->links, 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	struct reload_ip_port at = loopback(b.port);
	node_dial(a.links, 1, &at, 1);
	TURN_UNTIL(loop, a.ups && b.ups);
	close(fd);
	node_stop(&a);
	node_stop(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plaintext_is_no_link),
		cmocka_unit_test(unknown_frame_type_ends_the_link),
		cmocka_unit_test(who_never_reads_stops_nobody),
		cmocka_unit_test(a_reset_is_the_end_of_a_link),
		cmocka_unit_test(silent_connections_block_nobody),
		cmocka_unit_test(one_address_displaces_only_itself),
		cmocka_unit_test(groups_are_cheap),
		cmocka_unit_test(certificates_are_bounded_unread),
		cmocka_unit_test(handshakes_are_bounded),
		cmocka_unit_test(link_numbers_wrap),
		cmocka_unit_test(links_are_limited),
		cmocka_unit_test(no_descriptors_left_is_survived),
	};
	return cmocka_run_group_tests(tests, cast_begin, cast_end);
}
