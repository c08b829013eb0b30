/* Multicast bootstrap: groups in a document, who gets an answer, how long it may be, and what is taken of it (concepts document s5.4). */
#include "config_fixture.h"

#include "config/edit.h"
#include "service/multicast.h"
#include "wire/message.h"

#define GROUP(inner) "<multicast-bootstrap xmlns='urn:x-reload:config' " inner "/>\n"

static struct reload_config *config;
static struct party stranger;

static struct reload_multicast_node as(
	const struct party *p, struct reload_credentials *c, const struct reload_config *by)
{
	*c = (struct reload_credentials){ .cert = p->cert, .key = p->key, .node = p->node };
	return (struct reload_multicast_node){ by, c, NOW };
}

static int setup(void **state)
{
	fixture_setup(state);
	party_make(&stranger, RELOAD_KEY_P256, NODE_3, "three@" OVERLAY, &other_authority, OVERLAY);
	config = parsed(document_of(
		ATTRIBUTES, SIGNERS GROUP("address='239.255.60.84' port='6090'"), NULL, &one));
	return 0;
}

static int teardown(void **state)
{
	reload_config_free(config);
	party_clear(&stranger);
	return fixture_teardown(state);
}

static struct wr question_of(const struct party *p)
{
	struct reload_credentials c;
	struct reload_multicast_node by = as(p, &c, config);
	struct wr w;
	wr_init(&w);
	assert_int_equal(reload_multicast_ask(&w, &by, 77), RELOAD_OK);
	return w;
}

static enum reload_err asked_by(
	struct reload_multicast_request *out, const struct party *p, struct span datagram)
{
	struct reload_credentials c;
	struct reload_multicast_node by = as(p, &c, config);
	return reload_multicast_asked(out, &by, datagram);
}

static struct reload_ip_port at(const char *text)
{
	struct reload_ip_port a;
	assert_int_equal(reload_ip_port_parse(&a, text, 0), RELOAD_OK);
	return a;
}

/* The answer of two to a question of one, which names those addresses. */
static struct wr answer_of(
	const struct party *p, const char *const *addresses, size_t count, uint64_t transaction)
{
	struct reload_credentials c;
	struct reload_multicast_node by = as(p, &c, config);
	struct reload_multicast_request r = { one.node, transaction, NOW, RELOAD_MULTICAST_MAX };
	struct reload_ip_port list[8];
	struct wr w;
	wr_init(&w);
	for (size_t i = 0; i < count; i++)
		list[i] = at(addresses[i]);
	assert_int_equal(reload_multicast_answer(&w, &by, &r, list, count, 5), RELOAD_OK);
	return w;
}

static enum reload_err answered(struct reload_ip_port list[RELOAD_MULTICAST_ADDRESSES],
	size_t *count, const struct party *p, struct span datagram)
{
	struct reload_credentials c;
	struct reload_multicast_node by = as(p, &c, config);
	return reload_multicast_answered(list, count, &by, 77, datagram);
}

static void a_document_names_groups(void **state)
{
	(void)state;
	static const struct {
		const char *inner;
		bool good;
	} rows[] = {
		{ "address='224.0.0.84' port='6090'", true },
		{ "address=' 239.255.0.1 ' port=' 1 '", true },
		{ "address='ff02::6084' port='6090'", true },
		{ "address='ff15::6084' port='6090'", true },
		/* what may leave the site, and what is no group at all */
		{ "address='224.0.1.84' port='6090'", false },
		{ "address='239.254.0.1' port='6090'", false },
		{ "address='ff0e::6084' port='6090'", false },
		{ "address='ff01::6084' port='6090'", false },
		{ "address='ff32::6084' port='6090'", false },
		{ "address='192.0.2.1' port='6090'", false },
		{ "address='2001:db8::1' port='6090'", false },
		{ "address='group.example' port='6090'", false },
		{ "address='239.255.60.84' port='0'", false },
		{ "address='239.255.60.84'", false },
		{ "port='6090'", false },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct reload_error_text why = { 0 };
		AUTO(reload_config) c = NULL;
		char *inner = text_of(SIGNERS GROUP("%s"), rows[i].inner);
		char *text = document_of(ATTRIBUTES, inner, NULL, &one);
		enum reload_err err = reload_config_parse(
			&c, span_str(text), NULL, &reload_ident_openssl, NOW, &why);
		if (err != (rows[i].good ? RELOAD_OK : RELOAD_BAD_CONFIG))
			fail_msg("%s: %s", rows[i].inner, why.reason);
		assert_true(rows[i].good || strstr(why.reason, "multicast-bootstrap"));
		free(inner);
		free(text);
	}
	AUTO(reload_config) none = parsed(document_of(ATTRIBUTES, SIGNERS, NULL, &one));
	assert_int_equal(none->multicast_count, 0);
}

static void groups_are_written_and_changed(void **state)
{
	(void)state;
	struct reload_config_signer signer = { .key = one.key, .cert = one.cert, .node = one.node };
	struct reload_error_text why = { 0 };
	AUTO(reload_config_edit) e = NULL;
	AUTO(reload_config) after = NULL;
	struct wr w;
	wr_init(&w);
	assert_int_equal(reload_config_edit_new(&e, config, &why), RELOAD_OK);
	char *before = reload_config_edit_value(e, "multicast-bootstrap");
	assert_string_equal(before, "239.255.60.84:6090");
	free(before);
	assert_int_equal(reload_config_edit_set(e, "multicast-bootstrap",
				 "[ff05::6084]:6091, 224.0.0.84:6092", &why),
		RELOAD_OK);
	assert_int_equal(reload_config_edit_write(&w, e, &signer, NOW, &why), RELOAD_OK);
	assert_int_equal(
		reload_config_parse(&after, wr_done(&w), NULL, &reload_ident_openssl, NOW, &why),
		RELOAD_OK);
	assert_int_equal(after->multicast_count, 2);
	struct reload_ip_port first = at("[ff05::6084]:6091"), second = at("224.0.0.84:6092");
	assert_true(reload_ip_port_eq(&after->multicast[0], &first));
	assert_true(reload_ip_port_eq(&after->multicast[1], &second));
	wr_clear(&w);
	/* a draft */
	struct span root = authority.cert->der;
	struct reload_ip_port groups[] = { first, second };
	struct reload_config_draft draft = { .instance_name = OVERLAY,
		.expiration = RELOAD_NEVER,
		.roots = &root,
		.roots_count = 1,
		.signers = &one.node,
		.signers_count = 1,
		.multicast = groups,
		.multicast_count = 2 };
	AUTO(reload_config) made = NULL;
	wr_init(&w);
	assert_int_equal(reload_config_write(&w, &draft, &signer, NOW, &why), RELOAD_OK);
	assert_int_equal(
		reload_config_parse(&made, wr_done(&w), NULL, &reload_ident_openssl, NOW, &why),
		RELOAD_OK);
	assert_int_equal(made->multicast_count, 2);
	assert_true(reload_ip_port_eq(&made->multicast[1], &second));
	wr_clear(&w);
}

static void a_member_is_answered_and_the_address_comes_back(void **state)
{
	(void)state;
	struct wr q = question_of(&one), a;
	struct reload_credentials c;
	struct reload_multicast_node by = as(&two, &c, config);
	struct reload_multicast_request r;
	struct reload_ip_port places[] = { at("192.168.1.2:6084"), at("[2001:db8::2]:6084") };
	struct reload_ip_port list[RELOAD_MULTICAST_ADDRESSES];
	size_t count = 0;
	assert_true(q.len >= RELOAD_MULTICAST_LEN - 16 && q.len <= RELOAD_MULTICAST_LEN + 16);
	assert_int_equal(asked_by(&r, &two, wr_done(&q)), RELOAD_OK);
	assert_true(reload_id_eq(&r.node, &one.node));
	assert_int_equal(r.transaction, 77);
	wr_init(&a);
	assert_int_equal(reload_multicast_answer(&a, &by, &r, places, 2, 5), RELOAD_OK);
	/* it is no amplifier */
	assert_true(a.len <= q.len);
	assert_int_equal(answered(list, &count, &one, wr_done(&a)), RELOAD_OK);
	assert_int_equal(count, 2);
	assert_true(reload_ip_port_eq(&list[0], &places[0]));
	assert_true(reload_ip_port_eq(&list[1], &places[1]));
	wr_clear(&a);
	r.len = 300; /* of a question that is not padded */
	wr_init(&a);
	assert_int_equal(reload_multicast_answer(&a, &by, &r, places, 2, 5), RELOAD_LIMIT);
	assert_int_equal(a.len, 0);
	wr_clear(&a);
	wr_clear(&q);
}

static void nobody_else_is_answered(void **state)
{
	(void)state;
	struct reload_multicast_request r;
	struct wr q = question_of(&one), other = question_of(&stranger);
	/* the own question, that of a certificate of another authority */
	assert_int_equal(asked_by(&r, &one, wr_done(&q)), RELOAD_EXISTS);
	assert_int_equal(asked_by(&r, &two, wr_done(&other)), RELOAD_CERT_UNTRUSTED);
	/* every prefix, and every byte changed: no answer; but for bytes that are not signed, it is one that the question may have */
	for (size_t len = 0; len < q.len; len += 7)
		assert_int_not_equal(asked_by(&r, &two, span_of(q.at, len)), RELOAD_OK);
	for (size_t i = 0; i < q.len; i++) {
		q.at[i] ^= 0x5a;
		bool same = i >= 8 && i < RELOAD_HEADER_FIXED; /* sequence, ttl, response length */
		if (!asked_by(&r, &two, wr_done(&q))) {
			assert_true(same);
			assert_true(reload_id_eq(&r.node, &one.node) && r.transaction == 77);
			assert_true(r.len <= q.len);
		}
		q.at[i] ^= 0x5a;
	}
	q.at[4] ^= 1;
	assert_int_equal(asked_by(&r, &two, wr_done(&q)), RELOAD_INCOMPATIBLE);
	wr_clear(&q);
	wr_clear(&other);
}

static void an_answer_is_believed_when_a_member_signed_it(void **state)
{
	(void)state;
	static const char *const near[] = { "192.168.1.2:6084" };
	static const char *const odd[] = { "127.0.0.1:6084", "169.254.169.254:80", "224.0.0.1:9",
		"10.0.0.9:6084", "10.0.0.10:6084", "10.0.0.11:6084" };
	struct reload_ip_port list[RELOAD_MULTICAST_ADDRESSES], tenth = at("10.0.0.9:6084");
	size_t count = 0;
	struct wr good = answer_of(&two, near, 1, 77), late = answer_of(&two, near, 1, 78),
		  forged = answer_of(&stranger, near, 1, 77),
		  places = answer_of(&two, odd, COUNT_OF(odd), 77);
	assert_int_equal(answered(list, &count, &one, wr_done(&good)), RELOAD_OK);
	/* to another question, to another node, of a stranger, of who has changed it */
	assert_int_equal(answered(list, &count, &one, wr_done(&late)), RELOAD_BAD_ANSWER);
	assert_int_equal(answered(list, &count, &two, wr_done(&good)), RELOAD_UNKNOWN_TYPE);
	assert_int_equal(answered(list, &count, &one, wr_done(&forged)), RELOAD_CERT_UNTRUSTED);
	uint8_t *address = memmem(good.at, good.len, "\xc0\xa8\x01\x02", 4);
	assert_non_null(address);
	address[3] = 3;
	assert_int_equal(answered(list, &count, &one, wr_done(&good)), RELOAD_BAD_SIGNATURE);
	/* this host, services of a provider and groups are not dialled, and no more than four are read */
	count = 9;
	assert_int_equal(answered(list, &count, &one, wr_done(&places)), RELOAD_OK);
	assert_int_equal(count, 1);
	assert_true(reload_ip_port_eq(&list[0], &tenth));
	wr_clear(&good);
	wr_clear(&late);
	wr_clear(&forged);
	wr_clear(&places);
}

static void a_flood_costs_little(void **state)
{
	(void)state;
	struct reload_multicast_limit limit = { 0 };
	struct reload_ip_port from = at("192.0.2.1:5000"), same = at("192.0.2.1:6000");
	reload_ms now = 1000000;
	unsigned taken = 0;
	for (int i = 0; i < 1000; i++)
		taken += reload_multicast_within(&limit, i % 2 ? &from : &same, now);
	assert_int_equal(taken, RELOAD_MULTICAST_EACH_BURST);
	assert_false(reload_multicast_within(&limit, &from, now + RELOAD_MULTICAST_EACH_MS - 1));
	assert_true(reload_multicast_within(&limit, &from, now + RELOAD_MULTICAST_EACH_MS));
	/* as many addresses as one likes */
	limit = (struct reload_multicast_limit){ 0 };
	taken = 0;
	for (int i = 0; i < 1000; i++) {
		from.addr[2] = (uint8_t)(i >> 8);
		from.addr[3] = (uint8_t)i;
		taken += reload_multicast_within(&limit, &from, now + (reload_ms)i);
	}
	assert_true(taken <= RELOAD_MULTICAST_ALL_BURST + 1000 / RELOAD_MULTICAST_ALL_MS);
	assert_true(taken >= RELOAD_MULTICAST_ALL_BURST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_document_names_groups),
		cmocka_unit_test(groups_are_written_and_changed),
		cmocka_unit_test(a_member_is_answered_and_the_address_comes_back),
		cmocka_unit_test(nobody_else_is_answered),
		cmocka_unit_test(an_answer_is_believed_when_a_member_signed_it),
		cmocka_unit_test(a_flood_costs_little),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
