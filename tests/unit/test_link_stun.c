/* The STUN server of a peer, and the client that asks one. */
#include "link/stun.h"
#include "tests/unit/wire_hex.h"
#include "util/bytes.h"

#include <stddef.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define COOKIE     "2112a442"
#define ID         "000102030405060708090a0b"
#define CLASSIC_ID "f0f1f2f3" ID
#define PORT       0x1234

static const struct reload_ip_port v4 = {
	.type = RELOAD_IPV4, .addr = { 192, 0, 2, 1 }, .port = PORT
};
static const struct reload_ip_port v6 = { .type = RELOAD_IPV6,
	.addr = { 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 },
	.port = PORT };

static struct reload_arena *arena_of(void **state)
{
	return &((struct wire_state *)*state)->arena;
}

struct server {
	struct reload_admission admission;
	uint8_t at[RELOAD_STUN_ANSWER_MAX];
	size_t len;
};

static struct server *server_new(void **state)
{
	struct server *s = reload_arena_take(arena_of(state), sizeof(*s));
	reload_admission_init(&s->admission, RELOAD_STUN_RATE, RELOAD_STUN_RATE_ALL, 0);
	return s;
}

/* The datagram is a heap block of its exact size, so that one byte too far is seen. */
static enum reload_err serve(
	struct server *s, struct span datagram, const struct reload_ip_port *from, reload_ms now)
{
	uint8_t *copy = reload_memdup(datagram.at, datagram.len);
	enum reload_err err = reload_stun_serve(
		s->at, &s->len, &s->admission, span_of(copy, datagram.len), from, now);
	free(copy);
	if (!err)
		assert_in_range(s->len, 1, datagram.len + RELOAD_STUN_GROWTH_MAX);
	return err;
}

static void answers(
	void **state, const char *request, const struct reload_ip_port *from, const char *answer)
{
	struct server *s = server_new(state);
	struct span expected = wire_hex(arena_of(state), answer);
	assert_int_equal(serve(s, wire_hex(arena_of(state), request), from, 0), RELOAD_OK);
	assert_int_equal(s->len, expected.len);
	assert_memory_equal(s->at, expected.at, expected.len);
}

static void silent(void **state, const char *request, enum reload_err err)
{
	struct server *s = server_new(state);
	assert_int_equal(serve(s, wire_hex(arena_of(state), request), &v4, 0), err);
}

static void both_forms(void **state)
{
	struct reload_ip_port mapped = { .type = RELOAD_IPV6,
		.addr = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 1 },
		.port = PORT };
	/* LINK-17, RFC 5389 s15.2: XORed with cookie and transaction id */
	answers(state, "00010000" COOKIE ID, &v4,
		"0101000c" COOKIE ID "0020 0008 0001 3326 e112a643");
	answers(state, "00010000" COOKIE ID, &v6,
		"01010018" COOKIE ID "0020 0014 0002 3326 0113a9fa 000102030405060708090a0a");
	answers(state, "00010000" COOKIE ID, &mapped,
		"0101000c" COOKIE ID "0020 0008 0001 3326 e112a643");
	/* RFC 5389 s12.2: without the cookie it is RFC 3489 */
	answers(state, "00010000" CLASSIC_ID, &v4,
		"0101000c" CLASSIC_ID "0001 0008 0001 1234 c0000201");
	answers(state, "00010000" CLASSIC_ID, &v6,
		"01010018" CLASSIC_ID "0001 0014 0002 1234 20010db8 000000000000000000000001");
	/* attributes that need not be understood, or are known and not expected here */
	answers(state,
		"00010018" COOKIE ID "8022 0005 7465737400 000000 0006 0001 61000000 8fff 0000",
		&v4, "0101000c" COOKIE ID "0020 0008 0001 3326 e112a643");
	/* what follows MESSAGE-INTEGRITY is not looked at */
	answers(state,
		"0001001c" COOKIE ID "0008 0014 0000000000000000000000000000000000000000 7fff 0000",
		&v4, "0101000c" COOKIE ID "0020 0008 0001 3326 e112a643");
}

static void unknown_attributes(void **state)
{
	answers(state, "00010004" COOKIE ID "7fff 0000", &v4,
		"01110010" COOKIE ID "0009 0004 00000414 000a 0002 7fff 0000");
	answers(state, "0001000c" COOKIE ID "7fff 0001 aa000000 0024 0000", &v4,
		"01110010" COOKIE ID "0009 0004 00000414 000a 0004 7fff 0024");
	/* RFC 3489 s11.2.10: one is repeated so that the length is a multiple of four */
	answers(state, "00010004" CLASSIC_ID "7fff 0000", &v4,
		"01110010" CLASSIC_ID "0009 0004 00000414 000a 0004 7fff 7fff");
	/* more of them than an answer has room for */
	struct server *s = server_new(state);
	uint8_t many[RELOAD_STUN_REQUEST_MAX] = { 0, 1, (RELOAD_STUN_REQUEST_MAX - 20) >> 8,
		(RELOAD_STUN_REQUEST_MAX - 20) & 255, 0x21, 0x12, 0xa4, 0x42 };
	for (size_t i = 20; i < sizeof(many); i += 4)
		many[i] = 0x70;
	assert_int_equal(serve(s, span_of(many, sizeof(many)), &v4, 0), RELOAD_OK);
	assert_in_range(s->len, 20, RELOAD_STUN_ANSWER_MAX);
}

/* RFC 5389 s12.2: both are answered as unknown, so that nobody else is ever sent anything. */
static void nobody_is_sent_elsewhere(void **state)
{
	answers(state, "0001000c" CLASSIC_ID "0002 0008 0001 1234 cb007107", &v4,
		"01110010" CLASSIC_ID "0009 0004 00000414 000a 0004 0002 0002");
	answers(state, "0001000c" COOKIE ID "0002 0008 0001 1234 cb007107", &v4,
		"01110010" COOKIE ID "0009 0004 00000414 000a 0002 0002 0000");
	answers(state, "00010008" CLASSIC_ID "0003 0004 00000006", &v4,
		"01110010" CLASSIC_ID "0009 0004 00000414 000a 0004 0003 0003");
	answers(state, "00010008" COOKIE ID "0003 0004 00000000", &v4,
		"01110010" COOKIE ID "0009 0004 00000414 000a 0002 0003 0000");
}

static void only_binding_requests(void **state)
{
	silent(state, "00110000" COOKIE ID, RELOAD_NO_METHOD); /* an indication */
	silent(state, "0101000c" COOKIE ID "0020 0008 0001 3326 e112a643", RELOAD_NO_METHOD);
	silent(state, "01110000" COOKIE ID, RELOAD_NO_METHOD);
	silent(state, "00030000" COOKIE ID, RELOAD_NO_METHOD);  /* Allocate */
	silent(state, "00020000" CLASSIC_ID, RELOAD_NO_METHOD); /* Shared Secret */
}

static void damaged_lengths(void **state)
{
	struct server *s = server_new(state);
	struct span good = wire_hex(arena_of(state),
		"00010014" COOKIE ID "8022 0005 7465737400 000000 8022 0004 61616161");
	uint8_t bad[64];
	assert_int_equal(serve(s, good, &v4, 0), RELOAD_OK);
	for (size_t len = 0; len < good.len; len++)
		assert_int_equal(serve(s, span_of(good.at, len), &v4, 0), RELOAD_BAD_VALUE);
	for (unsigned len = 0; len <= UINT16_MAX; len++) { /* of the message, of the attributes */
		memcpy(bad, good.at, good.len);
		bad[2] = (uint8_t)(len >> 8);
		bad[3] = (uint8_t)len;
		if (len != good.len - 20)
			assert_int_equal(
				serve(s, span_of(bad, good.len), &v4, 0), RELOAD_BAD_VALUE);
		memcpy(bad + 2, good.at + 2, 2);
		bad[34] = (uint8_t)(len >> 8);
		bad[35] = (uint8_t)len;
		if (len == 0 || len > 4)
			assert_int_equal(
				serve(s, span_of(bad, good.len), &v4, 0), RELOAD_BAD_VALUE);
	}
	silent(state, "00010002" COOKIE ID "8022", RELOAD_BAD_VALUE);
	silent(state, "00010004" COOKIE ID "8022 0001", RELOAD_BAD_VALUE);
	silent(state, "00010000" COOKIE ID "00", RELOAD_BAD_VALUE);
	silent(state, "", RELOAD_BAD_VALUE);
	uint8_t large[RELOAD_STUN_REQUEST_MAX + 4] = { 0, 1, (sizeof(large) - 20) >> 8,
		(sizeof(large) - 20) & 255, 0x21, 0x12, 0xa4, 0x42, [20] = 0x80,
		[22] = (sizeof(large) - 24) >> 8, [23] = (sizeof(large) - 24) & 255 };
	assert_int_equal(serve(s, span_of(large, sizeof(large)), &v4, 0), RELOAD_BAD_VALUE);
}

static void sources_that_are_nobody(void **state)
{
	struct server *s = server_new(state);
	struct span request = wire_hex(arena_of(state), "00010000" COOKIE ID);
	struct reload_ip_port from = v4;
	from.port = 0;
	assert_int_equal(serve(s, request, &from, 0), RELOAD_BAD_VALUE);
	from = v4;
	from.addr[0] = 224;
	assert_int_equal(serve(s, request, &from, 0), RELOAD_BAD_VALUE);
}

/* RFC 5769 s2.1 to s2.3 */
#define SAMPLE_REQUEST                                                                             \
	"00010058 2112a442 b7e7a701bc34d686fa87dfae 80220010 5354554e207465737420636c69656e74"     \
	"00240004 6e0001ff 80290008 932ff9b151263b36 00060009 6576746a3a68367659202020"            \
	"00080014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2 80280004 e57a3bcf"
#define SAMPLE_ID "b7e7a701bc34d686fa87dfae"
#define SAMPLE_IPV4                                                                                \
	"0101003c 2112a442 b7e7a701bc34d686fa87dfae 8022000b 7465737420766563746f7220"             \
	"00200008 0001a147e112a643 00080014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7"              \
	"80280004 c07d4c96"
#define SAMPLE_IPV6                                                                                \
	"01010048 2112a442 b7e7a701bc34d686fa87dfae 8022000b 7465737420766563746f7220"             \
	"00200014 0002a1470113a9faa5d3f179bc25f4b5bed2b9d9"                                        \
	"00080014 a382954e4be67bf11784c97c8292c275bfe3ed41 80280004 c8fb0b4c"

static void fingerprints(void **state)
{
	struct server *s = server_new(state);
	struct reload_stun_answer seen;
	struct span sample = wire_hex(arena_of(state), SAMPLE_REQUEST);
	struct span id = wire_hex(arena_of(state), SAMPLE_ID);
	struct span error = wire_hex(arena_of(state),
		"01110018 2112a442" SAMPLE_ID "0009 0004 00000414 000a 0002 0024 0000");
	assert_int_equal(serve(s, sample, &v4, 0), RELOAD_OK); /* PRIORITY is of ICE alone */
	assert_int_equal(s->len, error.len + 8);
	assert_memory_equal(s->at, error.at, error.len);
	/* asked with a FINGERPRINT it answers with one */
	assert_int_equal(s->at[error.len], 0x80);
	assert_int_equal(s->at[error.len + 1], 0x28);
	assert_int_equal(
		reload_stun_response(&seen, span_of(s->at, s->len), id.at), RELOAD_BAD_ANSWER);
	assert_int_equal(seen.code, 420);
	uint8_t bad[128];
	for (size_t bit = 0; bit < sample.len * 8; bit++) {
		memcpy(bad, sample.at, sample.len);
		bad[bit / 8] ^= (uint8_t)(1 << bit % 8);
		/* some flips hide the FINGERPRINT: what is answered then has none either */
		if (serve(s, span_of(bad, sample.len), &v4, bit * 1000) == RELOAD_OK)
			assert_in_range(s->len, 1, error.len);
	}
	/* a right one must be the last attribute */
	silent(state, "0001000c" COOKIE ID "8028 0004 2807d133 8022 0000", RELOAD_BAD_VALUE);
}

static void answers_are_bounded(void **state)
{
	struct server *s = server_new(state);
	struct span request = wire_hex(arena_of(state), "00010000" COOKIE ID);
	unsigned n = 0;
	for (int i = 0; i < 1000; i++)
		n += serve(s, request, &v4, 0) == RELOAD_OK;
	assert_int_equal(n, 2 * RELOAD_STUN_RATE);
	assert_int_equal(serve(s, request, &v4, 0), RELOAD_LIMIT);
	assert_int_equal(serve(s, request, &v6, 0), RELOAD_OK); /* another is not concerned */
	assert_int_equal(serve(s, request, &v4, 1000), RELOAD_OK);
	for (unsigned i = n = 0; i < 10000; i++) {
		struct reload_ip_port other = v4;
		other.addr[1] = (uint8_t)(i >> 8);
		other.addr[2] = (uint8_t)i;
		n += serve(s, request, &other, 10000) == RELOAD_OK;
	}
	assert_int_equal(n, 2 * RELOAD_STUN_RATE_ALL);
}

static void stun_beside_dtls(void **state)
{
	/* LINK-17 */
	struct span request = wire_hex(arena_of(state), "00010000" COOKIE ID);
	uint8_t other[20];
	assert_true(reload_stun_is(request));
	assert_true(reload_stun_is(wire_hex(arena_of(state), SAMPLE_IPV4)));
	for (unsigned first = 0; first < 256; first++) {
		memcpy(other, request.at, sizeof(other));
		other[0] = (uint8_t)first;
		assert_int_equal(reload_stun_is(span_of(other, sizeof(other))), first <= 3);
	}
	assert_false(reload_stun_is(span_of(request.at, 19)));
	assert_false(reload_stun_is(span_of(NULL, 0)));
}

static enum reload_err heard(void **state, const char *response, struct reload_ip_port *mapped)
{
	struct reload_stun_answer seen;
	struct span id = wire_hex(arena_of(state), ID), s = wire_hex(arena_of(state), response);
	uint8_t *copy = reload_memdup(s.at, s.len);
	enum reload_err err = reload_stun_response(&seen, span_of(copy, s.len), id.at);
	free(copy);
	*mapped = seen.mapped;
	return err;
}

static void the_client(void **state)
{
	char text[64];
	struct reload_stun_answer seen;
	uint8_t request[RELOAD_STUN_REQUEST_SIZE];
	struct span id = wire_hex(arena_of(state), SAMPLE_ID);
	assert_int_equal(reload_stun_response(&seen, wire_hex(arena_of(state), SAMPLE_IPV4), id.at),
		RELOAD_OK);
	assert_string_equal(reload_ip_port_text(text, &seen.mapped), "192.0.2.1:32853");
	assert_int_equal(seen.other.type, 0);
	assert_int_equal(reload_stun_response(&seen, wire_hex(arena_of(state), SAMPLE_IPV6), id.at),
		RELOAD_OK);
	assert_string_equal(reload_ip_port_text(text, &seen.mapped),
		"[2001:db8:1234:5678:11:2233:4455:6677]:32853");
	/* request and answer fit, with FINGERPRINT */
	struct server *s = server_new(state);
	size_t len = reload_stun_request(request, id.at, RELOAD_STUN_CHANGE_NOTHING);
	assert_int_equal(serve(s, span_of(request, len), &v6, 0), RELOAD_OK);
	assert_int_equal(s->len, 20 + 24 + 8);
	assert_int_equal(reload_stun_response(&seen, span_of(s->at, s->len), id.at), RELOAD_OK);
	assert_string_equal(reload_ip_port_text(text, &seen.mapped), "[2001:db8::1]:4660");
	s->at[s->len - 1] ^= 1;
	assert_int_equal(
		reload_stun_response(&seen, span_of(s->at, s->len), id.at), RELOAD_NO_METHOD);
}

/* RFC 5780: a server that has a second address tells it, and may be asked to answer from there; ours is none. */
static void the_second_address(void **state)
{
	char text[64];
	struct reload_stun_answer seen;
	uint8_t request[RELOAD_STUN_REQUEST_SIZE];
	struct span id = wire_hex(arena_of(state), SAMPLE_ID);
	assert_int_equal(
		reload_stun_response(&seen,
			wire_hex(arena_of(state),
				"01010018 2112a442" SAMPLE_ID
				"0001 0008 0001 8055 c0000201 802c 0008 0001 0d97 c0000202"),
			id.at),
		RELOAD_OK);
	assert_string_equal(reload_ip_port_text(text, &seen.mapped), "192.0.2.1:32853");
	assert_string_equal(reload_ip_port_text(text, &seen.other), "192.0.2.2:3479");
	/* one that is no address of one node is none */
	assert_int_equal(
		reload_stun_response(&seen,
			wire_hex(arena_of(state),
				"01010018 2112a442" SAMPLE_ID
				"0001 0008 0001 8055 c0000201 802c 0008 0001 0d97 e0000001"),
			id.at),
		RELOAD_OK);
	assert_int_equal(seen.other.type, 0);
	struct server *s = server_new(state);
	size_t len = reload_stun_request(request, id.at, RELOAD_STUN_CHANGE_BOTH);
	struct span sent = span_of(request, len),
		    change = wire_hex(arena_of(state), "0003 0004 00000006 8028 0004");
	assert_int_equal(len, 20 + 8 + 8);
	assert_memory_equal(request + 20, change.at, change.len);
	assert_int_equal(serve(s, sent, &v4, 0), RELOAD_OK);
	assert_int_equal(
		reload_stun_response(&seen, span_of(s->at, s->len), id.at), RELOAD_BAD_ANSWER);
	assert_int_equal(seen.code, 420);
}

static void what_a_client_does_not_take(void **state)
{
	struct reload_ip_port mapped;
	/* an old server, which also names its own addresses */
	assert_int_equal(heard(state,
				 "01010024" COOKIE ID "0001 0008 0001 1234 c0000201"
				 "0004 0008 0001 1234 c0000202 0005 0008 0001 1234 c0000203",
				 &mapped),
		RELOAD_OK);
	assert_int_equal(mapped.addr[3], 1);
	/* XOR-MAPPED-ADDRESS is preferred, wherever it is; of several the first counts */
	assert_int_equal(heard(state,
				 "01010024" COOKIE ID "0001 0008 0001 1234 c0000209"
				 "0020 0008 0001 3326 e112a643 0020 0008 0001 3326 e112a644",
				 &mapped),
		RELOAD_OK);
	assert_int_equal(mapped.addr[3], 1);
	static const struct {
		const char *response;
		enum reload_err err;
	} all[] = {
		{ "0101000c" COOKIE "000102030405060708090a0c 0020 0008 0001 3326 e112a643",
			RELOAD_NO_METHOD }, /* another transaction */
		{ "0101000c 21f2a442" ID "0001 0008 0001 1234 c0000201", RELOAD_NO_METHOD },
		{ "00010000" COOKIE ID, RELOAD_NO_METHOD },
		{ "0101000c" COOKIE ID "0020 0009 0001 3326 e112a643", RELOAD_NO_METHOD },
		{ "01010000" COOKIE ID, RELOAD_BAD_ANSWER },
		{ "0101000c" COOKIE ID "0020 0008 0002 3326 e112a643", RELOAD_BAD_ANSWER },
		{ "01010008" COOKIE ID "0020 0004 0001 3326", RELOAD_BAD_ANSWER },
		{ "01010010" COOKIE ID "0020 0008 0001 3326 e112a643 7fff 0000",
			RELOAD_BAD_ANSWER },
		{ "01010018" COOKIE ID "0020 0008 0002 3326 e112a643 0001 0008 0001 1234 c0000201",
			RELOAD_BAD_ANSWER },
		{ "0101000c" COOKIE ID "0001 0008 0001 1234 e0000001", RELOAD_BAD_ANSWER },
		{ "0101000c" COOKIE ID "0001 0008 0001 0000 c0000201", RELOAD_BAD_ANSWER },
		{ "01110014" COOKIE ID "0009 0004 00000300 0020 0008 0001 3326 e112a643",
			RELOAD_BAD_ANSWER },
		{ "01110004" COOKIE ID "0009 0000", RELOAD_BAD_ANSWER },
	};
	for (size_t i = 0; i < COUNT_OF(all); i++)
		assert_int_equal(heard(state, all[i].response, &mapped), all[i].err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		wire_test(both_forms),
		wire_test(unknown_attributes),
		wire_test(nobody_is_sent_elsewhere),
		wire_test(only_binding_requests),
		wire_test(damaged_lengths),
		wire_test(sources_that_are_nobody),
		wire_test(fingerprints),
		wire_test(answers_are_bounded),
		wire_test(stun_beside_dtls),
		wire_test(the_client),
		wire_test(the_second_address),
		wire_test(what_a_client_does_not_take),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
