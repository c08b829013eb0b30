#include "usage/turn.h"
#include "usage/usage.h"

#include "ident_util.h"

/* An overlay that knows TURN-SERVICE and trusts the authority of the vectors. */
struct fixture {
	struct reload_kind turn;
	struct reload_config config;
	struct reload_id node_a;
};

static int setup(void **state)
{
	struct fixture *x = RELOAD_NEW(fixture);
	size_t len;
	char *der = read_file("keys/ca.cert.der", &len);
	struct span root = span_of(der, len);
	struct reload_trust_setup trust = { .ops = &reload_ident_openssl,
		.overlay = OVERLAY,
		.node_id_len = 16,
		.roots = &root,
		.roots_count = 1 };
	struct reload_error_text why;
	x->turn = *reload_kind_registered(RELOAD_KIND_TURN_SERVICE, NULL);
	x->config.kinds.at = &x->turn;
	x->config.kinds.count = 1;
	x->node_a = id_of("101112131415161718191a1b1c1d1e1f");
	assert_int_equal(reload_trust_new(&x->config.trust, &trust, &why), RELOAD_OK);
	free(der);
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *x = *state;
	reload_trust_free(x->config.trust);
	free(x);
	return 0;
}

static void own_name_is(struct fixture *x, uint32_t kind, const char *user, struct span want)
{
	struct wr w;
	wr_init(&w);
	reload_usage_find(kind)->own_name(&w, &x->node_a, user);
	assert_true(span_eq(wr_done(&w), want));
	wr_clear(&w);
}

static void names_of_own_records(void **state)
{
	struct fixture *x = *state;
	uint8_t turn[17];
	memcpy(turn, x->node_a.at, 16);
	turn[16] = 1;
	own_name_is(x, RELOAD_KIND_CERT_BY_NODE, "alice@overlay.example.org",
		reload_id_span(&x->node_a));
	own_name_is(x, RELOAD_KIND_CERT_BY_USER, "alice@overlay.example.org",
		span_str("alice@overlay.example.org"));
	own_name_is(x, RELOAD_KIND_TURN_SERVICE, "alice@overlay.example.org",
		span_of(turn, sizeof(turn)));
	assert_null(reload_usage_find(0xf0000001));
	/* every usage is that of a registered Kind, under its name */
	for (uint32_t kind = 0; kind < 0x20; kind++) {
		const struct reload_usage *u = reload_usage_find(kind);
		if (!u)
			continue;
		assert_int_equal(u->kind, kind);
		assert_string_equal(reload_kind_registered(kind, NULL)->name, u->name);
	}
}

static void turn_records_lie_under_every_number(void **state)
{
	struct fixture *x = *state;
	static const struct {
		uint8_t d;
		const char *resource; /* scalars.json, node_multiple */
	} rows[] = {
		{ 1, "6564ea4d6dce107d930d698d219ff3ff" },
		{ 2, "f0723519385db177ee0e790eedd89219" },
		{ 20, "b4aea61f238bac5ffb16b18b847e5d9c" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct wr w;
		wr_init(&w);
		reload_turn_name(&w, &x->node_a, rows[i].d);
		struct span name = wr_done(&w);
		struct reload_id want = id_of(rows[i].resource);
		uint8_t digest[RELOAD_HASH_SIZE_MAX];
		assert_int_equal(reload_hash(digest, RELOAD_HASH_SHA1, &name, 1), 20);
		/* R-9-04 */
		assert_memory_equal(digest, want.at, 16);
		wr_clear(&w);
	}
}

static void turn_records_are_checked(void **state)
{
	struct fixture *x = *state;
	const struct reload_usage *turn = reload_usage_find(RELOAD_KIND_TURN_SERVICE);
	static const struct {
		const char *bytes;
		size_t len;
		bool ok;
	} rows[] = {
		{ "\1\1\6\300\0\2\1\15\226", 9, true },  /* vector store-req-turn: 192.0.2.1:3478 */
		{ "\24\1\6\300\0\2\1\15\226", 9, true }, /* iteration 20 */
		{ "\25\1\6\300\0\2\1\15\226", 9, false },   /* 21 */
		{ "\0\1\6\300\0\2\1\15\226", 9, false },    /* 0 */
		{ "\1\1\6\300\0\2\1\0\0", 9, false },       /* no port */
		{ "\1\1\6\340\0\0\1\15\226", 9, false },    /* a multicast address */
		{ "\1\1\6\300\0\2\1\15", 8, false },        /* too short */
		{ "\1\1\6\300\0\2\1\15\226\0", 10, false }, /* too long */
		{ "\1\7\6\300\0\2\1\15\226", 9, false },    /* no address that is known */
		{ "\1\2\22\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\1\15\226", 21, true },
		{ "", 0, false },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct reload_error_text why = { .reason = "" };
		enum reload_err err =
			turn->check(span_of(rows[i].bytes, rows[i].len), &x->config, &why);
		/* R-9-04 */
		assert_int_equal(err, rows[i].ok ? RELOAD_OK : RELOAD_BAD_VALUE);
		assert_int_equal(why.reason[0] != '\0', !rows[i].ok);
	}
	json_t *j = turn->json(span_of(rows[0].bytes, rows[0].len), &x->config);
	assert_int_equal(json_integer_value(json_object_get(j, "iteration")), 1);
	json_t *address = json_object_get(j, "server_address");
	assert_int_equal(json_integer_value(json_object_get(address, "port")), 3478);
	json_decref(j);
	assert_null(turn->json(span_of(rows[6].bytes, rows[6].len), &x->config));
}

static void as_many_turn_records_as_the_density(void **state)
{
	struct fixture *x = *state;
	struct reload_config config = x->config;
	static const unsigned rows[][2] = { { 0, 0 }, { 1, 1 }, { 20, 20 }, { 21, 20 },
		{ 255, 20 } };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		config.turn_density = (uint8_t)rows[i][0];
		/* R-9-04 R-9-05 */
		assert_int_equal(reload_turn_records(&config), rows[i][1]);
	}
}

/* What coturn computes with use-auth-secret; openssl dgst -sha1 -hmac says the same. */
static void credentials_by_a_shared_secret(void **state)
{
	char user[RELOAD_TURN_USER], password[RELOAD_TURN_PASSWORD];
	struct reload_id node;
	struct span secret = span_str("0123456789abcdef0123456789abcdef");
	(void)state;
	assert_int_equal(reload_id_from_hex(&node, "00112233445566778899aabbccddeeff"), RELOAD_OK);
	reload_turn_credential(user, password, secret, &node, 1765000000999);
	assert_string_equal(user, "1765000000:00112233445566778899aabbccddeeff");
	assert_string_equal(password, "oT9E9/LeZ+poE0M6YoXsvp1jd2A=");
	reload_turn_credential(user, password, secret, &node, 1765000001000);
	assert_string_not_equal(password, "oT9E9/LeZ+poE0M6YoXsvp1jd2A=");
	/* the longest: a Node-ID of 20 bytes, a secret of the most bytes */
	char longest[RELOAD_TURN_SECRET_MAX];
	memset(longest, 'x', sizeof(longest));
	assert_int_equal(
		reload_id_from_hex(&node, "00112233445566778899aabbccddeeff00112233"), RELOAD_OK);
	reload_turn_credential(
		user, password, span_of(longest, sizeof(longest)), &node, 1765000000999);
	assert_int_equal(strlen(user), 51);
	assert_int_equal(strlen(password), 28);
}

static void who_may_offer_a_turn_server(void **state)
{
	(void)state;
	static const struct {
		const char *address, *seen, *fault;
	} rows[] = {
		{ "192.0.2.1:3478", NULL, NULL },
		{ "192.0.2.1:3478", "192.0.2.1:9999", NULL },
		{ "192.0.2.1:3478", "[2001:db8::1]:1", NULL },
		/* R-9-01 */
		{ "192.0.2.1:3478", "192.0.2.2:3478", "others see" },
		{ "[2001:db8::1]:3478", "[2001:db8::2]:3478", "others see" },
		/* R-9-02 */
		{ "10.255.0.1:3478", NULL, "private" },
		{ "172.16.0.1:3478", NULL, "private" },
		{ "172.31.255.255:3478", NULL, "private" },
		{ "192.168.7.1:3478", NULL, "private" },
		{ "100.64.0.1:3478", NULL, "private" },
		{ "[fd00::1]:3478", NULL, "private" },
		{ "172.32.0.1:3478", NULL, NULL },
		{ "172.15.0.1:3478", NULL, NULL },
		{ "100.128.0.1:3478", NULL, NULL },
		{ "192.169.0.1:3478", NULL, NULL },
		{ "11.0.0.1:3478", NULL, NULL },
		{ "192.0.2.1:0", NULL, "port" },
		{ "224.0.0.1:3478", NULL, "multicast" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct reload_ip_port address, seen[2];
		size_t count = rows[i].seen ? 2 : 0;
		assert_int_equal(reload_ip_port_parse(&address, rows[i].address, 0), RELOAD_OK);
		seen[0] = address;
		if (count)
			assert_int_equal(
				reload_ip_port_parse(&seen[1], rows[i].seen, 0), RELOAD_OK);
		const char *fault = reload_turn_offer_fault(&address, seen, count);
		assert_int_equal(!fault, !rows[i].fault);
		if (fault)
			assert_non_null(strstr(fault, rows[i].fault));
	}
}

static void turn_records_are_written_by_the_same_table(void **state)
{
	(void)state;
	struct reload_ip_port address;
	struct wr w;
	assert_int_equal(reload_ip_port_parse(&address, "192.0.2.1:3478", 0), RELOAD_OK);
	wr_init(&w);
	reload_turn_record(&w, &address, 1);
	/* R-9-04: vector store-req-turn */
	assert_true(span_eq(wr_done(&w), span_of("\1\1\6\300\0\2\1\15\226", 9)));
	w.len = 0;
	reload_turn_record(&w, &address, 20);
	assert_int_equal(w.at[0], 20);
	wr_clear(&w);
}

static void certificates_are_der(void **state)
{
	struct fixture *x = *state;
	const struct reload_usage *u = reload_usage_find(RELOAD_KIND_CERT_BY_USER);
	struct reload_error_text why;
	size_t len, ca_len;
	char *der = read_file("keys/node-m.cert.der", &len),
	     *ca = read_file("keys/ca.cert.der", &ca_len);
	/* R-8-04 */
	assert_int_equal(u->check(span_of(der, len), &x->config, &why), RELOAD_OK);
	assert_int_equal(u->check(span_of(der, len - 1), &x->config, &why), RELOAD_BAD_VALUE);
	assert_int_equal(u->check(span_of("\0\0\1x", 4), &x->config, &why), RELOAD_BAD_VALUE);
	assert_true(why.reason[0]);
	assert_int_equal(
		u->check(span_of(ca, ca_len), &x->config, &why), RELOAD_BAD_VALUE); /* no node's */
	assert_true(why.reason[0]);
	json_t *j = u->json(span_of(der, len), &x->config), *nodes = json_object_get(j, "node_ids");
	assert_non_null(strchr(json_string_value(json_object_get(j, "user")), '@'));
	assert_int_equal(json_array_size(nodes), 2);
	assert_string_equal(
		json_string_value(json_array_get(nodes, 0)), "202122232425262728292a2b2c2d2e2f");
	assert_string_equal(
		json_string_value(json_array_get(nodes, 1)), "303132333435363738393a3b3c3d3e3f");
	assert_string_equal(
		json_string_value(json_object_get(j, "overlay")), "overlay.example.org");
	assert_int_equal(strlen(json_string_value(json_object_get(j, "not_before"))), 20);
	assert_true(strcmp(json_string_value(json_object_get(j, "not_before")),
			    json_string_value(json_object_get(j, "not_after"))) < 0);
	json_decref(j);
	assert_null(u->json(span_of(der, len - 1), &x->config));
	free(der);
	free(ca);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_own_records),
		cmocka_unit_test(turn_records_lie_under_every_number),
		cmocka_unit_test(turn_records_are_checked),
		cmocka_unit_test(as_many_turn_records_as_the_density),
		cmocka_unit_test(credentials_by_a_shared_secret),
		cmocka_unit_test(who_may_offer_a_turn_server),
		cmocka_unit_test(turn_records_are_written_by_the_same_table),
		cmocka_unit_test(certificates_are_der),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
