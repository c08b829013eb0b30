/* What strangers, peers that were started anew and broken ones send to a DTLS port. */
#include "dtls_relay.h"
#include "link_cast.h"

#include "link/dtls.h"

#include <errno.h>
#include <openssl/err.h>

static const struct reload_links_setup dtls_only = { .types = RELOAD_LINK_BIT(
							     RELOAD_DTLS_UDP_SR_NO_ICE) };

/* -- a client of other make ---------------------------------------------------------------------------------------------------- */

struct client {
	int fd;
	uint16_t port, server;
	SSL_CTX *ctx;
	SSL *ssl;
};

static void client_session(struct client *c)
{
	SSL_free(c->ssl);
	c->ssl = SSL_new(c->ctx);
	BIO *bio = BIO_new_dgram(c->fd, BIO_NOCLOSE);
	BIO_ADDR *to = BIO_ADDR_new();
	uint32_t address = htonl(INADDR_LOOPBACK);
	BIO_ADDR_rawmake(to, AF_INET, &address, sizeof(address), htons(c->server));
	BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_CONNECTED, 0, to);
	BIO_ADDR_free(to);
	SSL_set_bio(c->ssl, bio, bio);
	SSL_set_connect_state(c->ssl);
	DTLS_set_link_mtu(c->ssl, RELOAD_DTLS_MTU);
}

static void client_init(struct client *c, uint16_t server, const struct identity *who)
{
	struct sockaddr_in to = relay_at(server);
	c->port = 0;
	c->server = server;
	c->fd = udp_socket(&c->port);
	assert_int_equal(connect(c->fd, (struct sockaddr *)&to, sizeof(to)), 0);
	c->ctx = SSL_CTX_new(DTLS_client_method());
	c->ssl = NULL;
	SSL_CTX_set_options(c->ctx, SSL_OP_NO_QUERY_MTU);
	assert_int_equal(
		SSL_CTX_use_certificate_ASN1(c->ctx, (int)who->cert->der.len, who->cert->der.at),
		1);
	assert_int_equal(SSL_CTX_use_PrivateKey(c->ctx, who->key->native), 1);
	client_session(c);
}

static void client_clear(struct client *c)
{
	SSL_free(c->ssl);
	SSL_CTX_free(c->ctx);
	close(c->fd);
}

static void client_handshake(struct client *c)
{
	for (int i = 0; i < 2000; i++) {
		ERR_clear_error();
		int n = SSL_do_handshake(c->ssl);
		if (n == 1)
			return;
		assert_int_equal(SSL_get_error(c->ssl, n), SSL_ERROR_WANT_READ);
		DTLSv1_handle_timeout(c->ssl);
		reload_poll_pass(loop, 1);
	}
	fail_msg("no end of the handshake");
}

static void client_write(struct client *c, const char *bytes, size_t len)
{
	assert_int_equal(SSL_write(c->ssl, bytes, (int)len), len);
}

/* the first ClientHello of a new session, without a cookie */
static size_t client_hello(struct client *c, uint8_t *out, size_t max)
{
	SSL *ssl = SSL_new(c->ctx);
	BIO *in = BIO_new(BIO_s_mem()), *to = BIO_new(BIO_s_mem());
	BIO_set_mem_eof_return(in, -1);
	SSL_set_bio(ssl, in, to);
	SSL_set_connect_state(ssl);
	DTLS_set_link_mtu(ssl, RELOAD_DTLS_MTU);
	assert_int_equal(SSL_do_handshake(ssl), -1);
	int n = BIO_read(to, out, (int)max);
	assert_true(n > 0);
	SSL_free(ssl);
	return (size_t)n;
}

static size_t answer(struct client *c, uint8_t *out, size_t max)
{
	ssize_t n = -1;
	for (int i = 0; i < 1000 && n < 0; i++) {
		reload_poll_pass(loop, 1);
		n = recv(c->fd, out, max, 0);
	}
	assert_true(n > 0);
	return (size_t)n;
}

/* -- strangers ------------------------------------------------------------------------------------------------------------------ */

/* a ClientHello without a cookie gets one, in fewer bytes than it has, and nothing is kept of it */
static void a_hello_without_a_cookie_keeps_nothing(void **state)
{
	(void)state;
	struct node b = { 0 };
	struct client c;
	uint8_t hello[2000], got[2000];
	node_start(&b, loop, &bob, root.trust, dtls_only);
	client_init(&c, b.port, &alice);
	for (int i = 0; i < 1000; i++) {
		size_t len = client_hello(&c, hello, sizeof(hello));
		assert_int_equal(send(c.fd, hello, len, 0), len);
		size_t n = answer(&c, got, sizeof(got));
		assert_true(n < len);
		assert_int_equal(got[13], 3); /* HelloVerifyRequest */
	}
	assert_int_equal(reload_links_counters(b.links)->links, 0);
	assert_int_equal(reload_links_counters(b.links)->half_open, 0);
	client_clear(&c);
	node_stop(&b);
}

/* a cookie is of one address and port */
static void a_cookie_of_somebody_else(void **state)
{
	(void)state;
	struct node b = { 0 };
	struct relay r = { 0 };
	struct client c;
	uint8_t got[2000];
	node_start(&b, loop, &bob, root.trust, dtls_only);
	relay_start(&r, loop, b.port);
	client_init(&c, r.port, &alice);
	client_handshake(&c);
	TURN_UNTIL(loop, b.ups == 1);
	/* the second ClientHello of the client, with its cookie, from another port */
	struct client other;
	client_init(&other, b.port, &alice);
	assert_true(r.second_len);
	assert_int_equal(send(other.fd, r.second, r.second_len, 0), r.second_len);
	answer(&other, got, sizeof(got));
	assert_int_equal(got[13], 3);
	assert_int_equal(reload_links_counters(b.links)->half_open, 0);
	assert_int_equal(reload_links_counters(b.links)->links, 1);
	client_clear(&other);
	client_clear(&c);
	relay_stop(&r);
	node_stop(&b);
}

/* handshakes with cookies are counted for each address, and the oldest half-open one makes room */
static void handshakes_are_bounded(void **state)
{
	(void)state;
	enum {
		RATE = 1,
		MANY = 12
	};
	reload_ms begun = reload_poll_now();
	struct node b = { 0 };
	struct client c[MANY];
	struct reload_links_setup tune = dtls_only;
	tune.handshakes = RATE;
	tune.handshake_ms = 60000;
	node_start(&b, loop, &bob, root.trust, tune);
	for (int i = 0; i < MANY; i++) {
		client_init(&c[i], b.port, &alice);
		SSL_do_handshake(c[i].ssl);
		turn_for(loop, 2);
		SSL_do_handshake(c[i].ssl); /* with the cookie; what comes back is not read */
		turn_for(loop, 2);
	}
	TURN_UNTIL(loop, reload_links_counters(b.links)->refused > 0);
	/* twice as many at once, and RATE more for each second that has gone by */
	assert_in_range(reload_links_counters(b.links)->half_open, 2,
		RATE * (2 + 1 + (reload_poll_now() - begun) / RELOAD_SECOND));
	for (int i = 0; i < MANY; i++)
		client_clear(&c[i]);
	node_stop(&b);
}

/* The oldest handshakes make room for newer ones, also when they have shown their cookies. */
static void half_open_links_are_bounded(void **state)
{
	(void)state;
	enum {
		ROOM = 4,
		MANY = 3 * ROOM
	};
	struct node b = { 0 };
	struct client c[MANY];
	struct reload_links_setup tune = dtls_only;
	tune.max_half_open = ROOM;
	tune.handshake_ms = 60000;
	node_start(&b, loop, &bob, root.trust, tune);
	for (int i = 0; i < MANY; i++) {
		uint8_t got[2000];
		client_init(&c[i], b.port, &alice);
		SSL_do_handshake(c[i].ssl);
		while (recv(c[i].fd, got, 1, MSG_PEEK) < 0)
			reload_poll_pass(loop, 1);
		SSL_do_handshake(c[i].ssl); /* with the cookie */
		while (recv(c[i].fd, got, 1, MSG_PEEK) < 0)
			reload_poll_pass(loop, 1);
		assert_in_range(reload_links_counters(b.links)->half_open, 1, ROOM);
	}
	assert_int_equal(reload_links_counters(b.links)->half_open, ROOM);
	assert_int_equal(b.ups, 0);
	for (int i = 0; i < MANY; i++)
		client_clear(&c[i]);
	node_stop(&b);
}

/* Of two handshakes that begin at the same time that of the larger ClientHello.random goes on. */
static void the_larger_random_goes_on(void **state)
{
	(void)state;
	enum {
		NONCE_AT = 13 + 12 + 2,
		NONCE = 32
	};
	for (int i = 0; i < 8; i++) {
		struct node b = { 0 };
		struct client c;
		uint8_t theirs[2000], own[NONCE];
		node_start(&b, loop, &bob, root.trust, dtls_only);
		client_init(&c, b.port, &alice);
		struct reload_ip_port to = loopback(c.port);
		node_dial(b.links, 1, &to, 1);
		assert_true(answer(&c, theirs, sizeof(theirs)) > NONCE_AT + NONCE);
		SSL_do_handshake(c.ssl);
		SSL_get_client_random(c.ssl, own, sizeof(own));
		if (memcmp(own, theirs + NONCE_AT, NONCE) > 0) {
			TURN_UNTIL(loop, (SSL_do_handshake(c.ssl), b.downs == 1));
			assert_non_null(
				strstr(b.down_why, "the other end connects at the same time"));
		} else {
			for (int k = 0; k < 20; k++) {
				reload_poll_pass(loop, 1);
				SSL_do_handshake(c.ssl);
			}
			assert_int_equal(b.downs, 0);
			assert_int_equal(reload_links_counters(b.links)->half_open, 0);
		}
		client_clear(&c);
		node_stop(&b);
	}
}

static void noise_is_dropped(void **state)
{
	(void)state;
	struct node b = { .echo = true };
	struct client c;
	uint8_t noise[1500];
	uint32_t x = 1;
	node_start(&b, loop, &bob, root.trust, dtls_only);
	client_init(&c, b.port, &alice);
	client_handshake(&c);
	TURN_UNTIL(loop, b.ups == 1);
	for (int i = 0; i < 2000; i++) {
		for (size_t k = 0; k < sizeof(noise); k++)
			noise[k] = (uint8_t)((x = x * 1664525 + 1013904223) >> 24);
		noise[0] = (uint8_t)(i % 80);
		size_t len = 1 + (x >> 8) % (sizeof(noise) - 1);
		if (i % 2) { /* what a DTLS record begins with */
			noise[1] = 254;
			noise[2] = 253;
			noise[3] = 0;
			noise[4] = (uint8_t)(i / 2 % 3);
			noise[11] = (uint8_t)((len - 13) >> 8);
			noise[12] = (uint8_t)(len - 13);
		}
		assert_true(send(c.fd, noise, len, 0) > 0);
		reload_poll_pass(loop, 0);
	}
	turn_for(loop, 20);
	assert_int_equal(b.downs, 0);
	client_write(&c, "\x80\0\0\0\0\0\0\5hello", 13);
	TURN_UNTIL(loop, b.messages == 1);
	client_clear(&c);
	node_stop(&b);
}

static void a_stun_server_is_there(void **state)
{
	(void)state;
	struct node b = { 0 };
	struct client c;
	uint8_t request[RELOAD_STUN_REQUEST_SIZE], got[2000],
		transaction[RELOAD_STUN_TRANSACTION] = { 1, 2, 3 };
	struct reload_stun_answer seen;
	node_start(&b, loop, &bob, root.trust, dtls_only);
	client_init(&c, b.port, &alice);
	size_t len = reload_stun_request(request, transaction, RELOAD_STUN_CHANGE_NOTHING);
	assert_int_equal(send(c.fd, request, len, 0), len);
	size_t n = answer(&c, got, sizeof(got));
	assert_int_equal(reload_stun_response(&seen, span_of(got, n), transaction), RELOAD_OK);
	assert_int_equal(seen.mapped.port, c.port);
	client_clear(&c);
	node_stop(&b);
}

/* -- peers ------------------------------------------------------------------------------------------------------------------------ */

/* RFC 6347 s4.2.8: the other end was started anew and knows nothing of its link */
static void a_peer_that_was_started_anew(void **state)
{
	(void)state;
	struct node b = { 0 };
	struct client c;
	node_start(&b, loop, &bob, root.trust, dtls_only);
	client_init(&c, b.port, &alice);
	client_handshake(&c);
	TURN_UNTIL(loop, b.ups == 1);
	uint32_t first = b.up_link;
	client_session(&c);
	client_handshake(&c);
	TURN_UNTIL(loop, b.ups == 2 && b.downs == 1);
	assert_string_equal(b.down_why, "the other end has started a new link");
	assert_int_not_equal(b.up_link, first);
	client_write(&c, "\x80\0\0\0\0\0\0\5hello", 13);
	TURN_UNTIL(loop, b.messages == 1);
	assert_int_equal(reload_links_counters(b.links)->links, 1);
	client_clear(&c);
	node_stop(&b);
}

/* and a ClientHello that only seems to come from it harms nobody, nor does a handshake that is not ended */
static void a_link_outlives_hellos_in_its_name(void **state)
{
	(void)state;
	struct node b = { 0 };
	struct client c;
	uint8_t hello[2000];
	struct reload_links_setup tune = dtls_only;
	tune.handshake_ms = 300;
	node_start(&b, loop, &bob, root.trust, tune);
	client_init(&c, b.port, &alice);
	client_handshake(&c);
	TURN_UNTIL(loop, b.ups == 1);
	SSL *old = c.ssl;
	for (int i = 0; i < 1000; i++) {
		size_t len = client_hello(&c, hello, sizeof(hello));
		assert_int_equal(send(c.fd, hello, len, 0), len);
		reload_poll_pass(loop, 0);
	}
	assert_int_equal(reload_links_counters(b.links)->links, 1);
	/* one goes as far as its cookie, and is heard of no more */
	while (recv(c.fd, hello, sizeof(hello), 0) > 0)
		;
	c.ssl = NULL;
	client_session(&c);
	SSL_do_handshake(c.ssl);
	turn_for(loop, 5);
	SSL_do_handshake(c.ssl);
	TURN_UNTIL(loop, reload_links_counters(b.links)->half_open == 1);
	SSL_free(c.ssl);
	c.ssl = old;
	client_write(&c, "\x80\0\0\0\0\0\0\5hello", 13);
	TURN_UNTIL(loop, b.messages == 1);
	TURN_UNTIL(loop, reload_links_counters(b.links)->half_open == 0);
	client_write(&c, "\x80\0\0\0\2\0\0\5again", 13);
	TURN_UNTIL(loop, b.messages >= 2);
	assert_int_equal(b.downs, 0);
	client_clear(&c);
	node_stop(&b);
}

/* R-6.6.2-09, LINK-18 */
static void frames_that_end_a_link(void **state)
{
	(void)state;
	/* a frame of unknown type; the beginning of a message of 2^24 - 1 bytes, with a whole forwarding header */
	static const char unknown[9] = "\x82";
	static const char large[80] = "\x80\0\0\0\0\xff\xff\xff\xd2\x45\x4c\x4f";
	const struct {
		const char *bytes;
		size_t len;
		unsigned oversized;
	} cases[] = { { unknown, sizeof(unknown), 0 }, { large, sizeof(large), 1 } };
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct node b = { 0 };
		struct client c;
		node_start(&b, loop, &bob, root.trust, dtls_only);
		client_init(&c, b.port, &alice);
		client_handshake(&c);
		TURN_UNTIL(loop, b.ups == 1);
		client_write(&c, cases[i].bytes, cases[i].len);
		TURN_UNTIL(loop, !reload_links_counters(b.links)->links);
		assert_int_equal(b.oversized, cases[i].oversized);
		assert_int_equal(b.messages, 0);
		client_clear(&c);
		node_stop(&b);
	}
}

/* R-6.4.2.1-05: a record that comes again is none */
static void replayed_records(void **state)
{
	(void)state;
	struct node b = { 0 };
	struct relay r = { 0 };
	struct client c;
	node_start(&b, loop, &bob, root.trust, dtls_only);
	relay_start(&r, loop, b.port);
	client_init(&c, r.port, &alice);
	client_handshake(&c);
	TURN_UNTIL(loop, b.ups == 1);
	r.twice = true;
	for (char i = 0; i < 20; i++) {
		char frame[] = { '\x80', 0, 0, 0, i, 0, 0, 1, i };
		client_write(&c, frame, sizeof(frame));
	}
	TURN_UNTIL(loop, b.messages == 20);
	turn_for(loop, 20);
	/* R-6.4.2.1-05: the second copy of each record is dropped */
	assert_int_equal(b.messages, 20);
	assert_int_equal(b.downs, 0);
	client_clear(&c);
	relay_stop(&r);
	node_stop(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hello_without_a_cookie_keeps_nothing),
		cmocka_unit_test(a_cookie_of_somebody_else),
		cmocka_unit_test(handshakes_are_bounded),
		cmocka_unit_test(half_open_links_are_bounded),
		cmocka_unit_test(the_larger_random_goes_on),
		cmocka_unit_test(noise_is_dropped),
		cmocka_unit_test(a_stun_server_is_there),
		cmocka_unit_test(a_peer_that_was_started_anew),
		cmocka_unit_test(a_link_outlives_hellos_in_its_name),
		cmocka_unit_test(frames_that_end_a_link),
		cmocka_unit_test(replayed_records),
	};
	return cmocka_run_group_tests(tests, cast_begin, cast_end);
}
