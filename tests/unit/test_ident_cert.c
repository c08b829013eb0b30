/* The form of certificates and reload URIs: what is read, and what hostile senders get. */
#include "ident_forge.h"

#include "wire/codes.h"

#define NODE "101112131415161718191a1b1c1d1e1f"
#define URI  "reload://0110" NODE "@" OVERLAY "/"

static EVP_PKEY *pkey;

static int make_key(void **state)
{
	(void)state;
	pkey = EVP_EC_gen("P-256");
	return pkey ? 0 : -1;
}

static int free_key(void **state)
{
	(void)state;
	EVP_PKEY_free(pkey);
	return 0;
}

static void refused(struct forge f, const char *because)
{
	static const struct forge_name good[] = { { GEN_URI, URI },
		{ GEN_EMAIL, "alice@" OVERLAY } };
	struct reload_cert *cert = NULL;
	struct reload_error_text why = { "", "", "" };
	if (!f.names) {
		f.names = good;
		f.names_count = 2;
	}
	f.key = f.key ? f.key : pkey;
	assert_int_equal(forge_parse(&cert, &f, &why), RELOAD_BAD_CERT);
	assert_null(cert);
	if (!strstr(why.reason, because))
		fail_msg("\"%s\" does not tell \"%s\"", why.reason, because);
}

#define NAMES(...)                                                                                 \
	.names = (const struct forge_name[]){ __VA_ARGS__ },                                       \
	.names_count =                                                                             \
		sizeof((const struct forge_name[]){ __VA_ARGS__ }) / sizeof(struct forge_name)

static void names_that_lie(void **state)
{
	(void)state;
	static const char nul_uri[] = URI "\0.evil/", nul_user[] = "alice@" OVERLAY "\0.evil";
	/* a NUL would end the name for some readers and not for others */
	refused((struct forge){ NAMES(
			{ GEN_URI, nul_uri, sizeof(nul_uri) - 1 }, { GEN_EMAIL, "a@b" }) },
		"NUL");
	refused((struct forge){ NAMES(
			{ GEN_URI, URI }, { GEN_EMAIL, nul_user, sizeof(nul_user) - 1 }) },
		"NUL");
	refused((struct forge){ NAMES({ GEN_URI, URI }, { GEN_EMAIL, "a\nb@c" }) }, "control");
	refused((struct forge){ NAMES({ GEN_URI, URI }, { GEN_EMAIL, "\xc3\xa4@c" }) },
		"non-ASCII");
	refused((struct forge){ NAMES(
			{ GEN_URI, "reload://" NODE "@" OVERLAY }, { GEN_EMAIL, "a@b" }) },
		"not the reload URI of one node");
	refused((struct forge){ NAMES({ GEN_URI, URI },
			{ GEN_URI, "reload://0110"
				   "20"
				   "1112131415161718191a1b1c1d1e1f@elsewhere/" },
			{ GEN_EMAIL, "a@b" }) },
		"several overlays");
	refused((struct forge){ NAMES({ GEN_URI, URI }, { GEN_URI, URI }, { GEN_EMAIL, "a@b" }) },
		"twice");
	char user[300];
	memset(user, 'a', sizeof(user));
	refused((struct forge){ NAMES({ GEN_URI, URI }, { GEN_EMAIL, user, 256 }) }, "too long");
}

static struct forge_name many[400];

static void crowds_of_names(void **state)
{
	(void)state;
	struct reload_cert *cert = NULL;
	char uris[RELOAD_CERT_NODE_IDS_MAX + 1][80];
	for (size_t i = 0; i < COUNT_OF(uris); i++) {
		struct reload_id id = { .len = 16, .at = { 1, (uint8_t)i } };
		char *uri = reload_node_uri(&id, "o.example");
		snprintf(uris[i], sizeof(uris[i]), "%s", uri);
		free(uri);
		many[i] = (struct forge_name){ GEN_URI, uris[i], 0 };
	}
	many[COUNT_OF(uris)] = (struct forge_name){ GEN_EMAIL, "a@b", 0 };
	refused((struct forge){ .names = many, .names_count = COUNT_OF(uris) + 1 }, "more than 32");
	struct forge most = { .names = many + 1, .names_count = COUNT_OF(uris), .key = pkey };
	assert_int_equal(forge_parse(&cert, &most, NULL), RELOAD_OK);
	assert_int_equal(cert->node_ids_count, RELOAD_CERT_NODE_IDS_MAX);
	reload_cert_free(TAKE(cert));
	/* hundreds of names of other kinds are read over, and told */
	for (size_t i = 0; i < COUNT_OF(many); i++)
		many[i] = (struct forge_name){ i % 2 ? GEN_DNS : GEN_EMAIL, "x@y.example", 0 };
	struct forge crowd = { .names = many, .names_count = COUNT_OF(many), .key = pkey };
	assert_int_equal(forge_parse(&cert, &crowd, NULL), RELOAD_OK);
	assert_true(cert->san_extra);
	assert_int_equal(cert->node_ids_count, 0);
	reload_cert_free(TAKE(cert));
}

static void too_many_bytes(void **state)
{
	(void)state;
	struct reload_cert *cert = NULL;
	struct reload_error_text why;
	uint8_t *bytes = reload_alloc(RELOAD_CERT_MAX + 1);
	assert_int_equal(reload_cert_parse(&cert, &reload_ident_openssl,
				 span_of(bytes, RELOAD_CERT_MAX + 1), &why),
		RELOAD_BAD_CERT);
	assert_non_null(strstr(why.reason, "16384"));
	assert_int_equal(reload_cert_parse(&cert, &reload_ident_openssl, span_of(NULL, 0), &why),
		RELOAD_BAD_CERT);
	assert_int_equal(reload_cert_parse(&cert, &reload_ident_openssl, span_of(bytes, 100), &why),
		RELOAD_BAD_CERT);
	free(bytes);
	assert_null(cert);
}

static void keys_that_are_not_accepted(void **state)
{
	(void)state;
	static const struct {
		const char *type, *curve;
		size_t bits;
		const char *because;
	} cases[] = { { "RSA", NULL, 1024, "1024 bits" }, { "EC", "P-521", 0, "secp521r1" },
		{ "EC", "secp256k1", 0, "secp256k1" }, { "ED25519", NULL, 0, "ED25519" } };
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		EVP_PKEY *weak = cases[i].bits ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", cases[i].bits)
				 : cases[i].curve
					 ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", cases[i].curve)
					 : EVP_PKEY_Q_keygen(NULL, NULL, cases[i].type);
		struct forge f = { .key = weak, .signer = pkey };
		refused(f, cases[i].because);
		EVP_PKEY_free(weak);
	}
}

static void extensions_that_are_not_understood(void **state)
{
	(void)state;
	/* an authority that is limited to names is limited by what nobody here evaluates */
	refused((struct forge){ .ca = true, .critical_nid = NID_name_constraints },
		"Name Constraints");
	refused((struct forge){ .critical_nid = NID_netscape_comment }, "critical extension");
	refused((struct forge){ .key_usage = "critical,keyAgreement" }, "keyUsage");
}

static void dates_at_the_edges(void **state)
{
	(void)state;
	struct reload_cert *cert = NULL;
	struct forge f = {
		.not_before = "00000101000000Z", .not_after = "99991231235959Z", .key = pkey
	};
	assert_int_equal(forge_parse(&cert, &f, NULL), RELOAD_OK);
	char text[RELOAD_UTC_TEXT];
	assert_int_equal(cert->not_before, 0);
	assert_string_equal(reload_utc_text(text, cert->not_after), "9999-12-31T23:59:59Z");
	reload_cert_free(TAKE(cert));
	f.not_before = "19690101000000Z";
	f.not_after = "19691231235959Z";
	assert_int_equal(forge_parse(&cert, &f, NULL), RELOAD_OK);
	assert_int_equal(cert->not_after, 0);
	reload_cert_free(cert);
}

/* One certificate, one encoding, one cert_hash. */
static void no_second_encoding(void **state)
{
	(void)state;
	size_t len;
	char *der = read_file("keys/node-a.cert.der", &len);
	struct reload_cert *cert = NULL;
	assert_int_equal(
		reload_cert_parse(&cert, &reload_ident_openssl, span_of(der, len + 1), NULL),
		RELOAD_BAD_CERT);
	/* the outer length in three bytes where two do */
	assert_memory_equal(der, "\x30\x82", 2);
	char *longer = reload_alloc(len + 1);
	memcpy(longer, "\x30\x83\x00", 3);
	memcpy(longer + 3, der + 2, len - 2);
	assert_int_equal(
		reload_cert_parse(&cert, &reload_ident_openssl, span_of(longer, len + 1), NULL),
		RELOAD_BAD_CERT);
	/* the indefinite length of BER */
	char *indefinite = reload_alloc(len + 1);
	memcpy(indefinite, "\x30\x80", 2);
	memcpy(indefinite + 2, der + 4, len - 4);
	assert_int_equal(
		reload_cert_parse(&cert, &reload_ident_openssl, span_of(indefinite, len), NULL),
		RELOAD_BAD_CERT);
	assert_null(cert);
	free(der);
	free(longer);
	free(indefinite);
}

/* Every prefix and every flipped byte of a good certificate is refused or read; never more. */
static void damaged_certificates(void **state)
{
	(void)state;
	size_t len;
	char *der = read_file("keys/node-m.cert.der", &len);
	for (size_t i = 0; i < len; i += 7) {
		uint8_t *prefix = reload_memdup(der, i);
		struct reload_cert *cert = NULL;
		assert_int_equal(
			reload_cert_parse(&cert, &reload_ident_openssl, span_of(prefix, i), NULL),
			RELOAD_BAD_CERT);
		free(prefix);
		uint8_t *flipped = reload_memdup(der, len);
		flipped[i] ^= 0x5a;
		if (!reload_cert_parse(&cert, &reload_ident_openssl, span_of(flipped, len), NULL)) {
			AUTO(reload_cert) ca = read_cert("keys/ca.cert.der");
			assert_int_equal(reload_ident_openssl.cert_signed_by(cert, ca),
				RELOAD_BAD_SIGNATURE);
			reload_cert_free(cert);
		}
		free(flipped);
	}
	free(der);
}

static void signers_are_named(void **state)
{
	(void)state;
	AUTO(reload_cert) a = read_cert("keys/node-a.cert.der");
	AUTO(reload_cert) m = read_cert("keys/node-m.cert.der");
	static const uint8_t algs[] = { RELOAD_HASH_SHA1, RELOAD_HASH_SHA256, RELOAD_HASH_SHA384,
		RELOAD_HASH_SHA512 };
	for (size_t i = 0; i < COUNT_OF(algs); i++) {
		uint8_t hash[RELOAD_HASH_SIZE_MAX];
		struct reload_id node = { 0 };
		size_t len = reload_hash(hash, algs[i], &a->der, 1);
		struct reload_signer_identity id = { RELOAD_CERT_HASH, algs[i],
			span_of(hash, len) };
		assert_true(reload_cert_denotes(a, &id, &node)); /* SEC-06 */
		assert_true(reload_cert_may_denote(a->ops, a->der, &id));
		assert_false(reload_cert_may_denote(a->ops, m->der, &id));
		assert_true(reload_id_eq(&node, &a->node_ids[0]));
		assert_false(reload_cert_denotes(m, &id, &node));
		/* R-6.3.4-10: with several Node-IDs cert_hash does not say who signed (SEC-04) */
		id.hash.len = reload_hash(hash, algs[i], &m->der, 1);
		assert_false(reload_cert_denotes(m, &id, &node));
		/* R-6.3.4-11 */
		struct span parts[] = { reload_id_span(&m->node_ids[1]), m->der };
		id.type = RELOAD_CERT_HASH_NODE_ID;
		id.hash.len = reload_hash(hash, algs[i], parts, 2);
		assert_true(reload_cert_denotes(m, &id, &node));
		assert_true(reload_id_eq(&node, &m->node_ids[1]));
		assert_true(reload_cert_may_denote(m->ops, m->der, &id));
		assert_false(reload_cert_may_denote(a->ops, a->der, &id));
		assert_false(reload_cert_denotes(a, &id, &node));
		/* cert_hash_node_id is understood for one Node-ID as well */
		struct span single[] = { reload_id_span(&a->node_ids[0]), a->der };
		id.hash.len = reload_hash(hash, algs[i], single, 2);
		assert_true(reload_cert_denotes(a, &id, &node));
		id.hash.len--;
		assert_false(reload_cert_denotes(a, &id, &node));
	}
}

static void nobody_signs_for_none(void **state)
{
	(void)state;
	AUTO(reload_cert) a = read_cert("keys/node-a.cert.der");
	struct reload_id node;
	struct reload_signer_identity id = { .type = RELOAD_IDENTITY_NONE };
	/* R-6.3.4-20 */
	assert_false(reload_cert_denotes(a, &id, &node));
	id = (struct reload_signer_identity){ RELOAD_CERT_HASH, RELOAD_HASH_MD5,
		span_of(a->fingerprint, 16) };
	assert_false(reload_cert_denotes(a, &id, &node));
	id = (struct reload_signer_identity){ RELOAD_CERT_HASH, RELOAD_HASH_NONE,
		span_of(NULL, 0) };
	assert_false(reload_cert_denotes(a, &id, &node));
	id = (struct reload_signer_identity){ 77, RELOAD_HASH_SHA256, span_of(a->fingerprint, 32) };
	assert_false(reload_cert_denotes(a, &id, &node));
}

static void references_are_counted(void **state)
{
	(void)state;
	struct reload_cert *a = read_cert("keys/node-a.cert.der");
	struct reload_cert *again = reload_cert_ref(a);
	assert_ptr_equal(a, again);
	reload_cert_free(a);
	assert_string_equal(again->overlay, OVERLAY);
	reload_cert_free(again);
	reload_cert_free(NULL);
}

static void reload_uris(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *overlay; /* NULL: refused as node URI */
	} cases[] = {
		/* R-14-05 */
		{ URI, OVERLAY },
		{ "RELOAD://0110101112131415161718191A1B1C1D1E1F@Overlay.Example.ORG/", OVERLAY },
		{ "reload://0110" NODE "@" OVERLAY, OVERLAY },
		{ "reload://0114" NODE "20212223@o", "o" },
		{ "reload://0114" NODE "202122@o/", NULL }, /* shorter than it says */
		{ "reload://010f"
		  "1112131415161718191a1b1c1d1e1f@o/",
			NULL },                                   /* 15 bytes */
		{ "reload://0115" NODE "2021222324@o/", NULL },   /* 21 bytes */
		{ "reload://0210" NODE "@o/", NULL },             /* a resource */
		{ "reload://0110" NODE "0110" NODE "@o/", NULL }, /* two destinations */
		{ "reload://" NODE "@o/", NULL },                 /* bare digits (SEC-10) */
		{ "reload://0110" NODE "@o/00", NULL },           /* a value, not a node */
		{ "reload://0110" NODE "@/", NULL },
		{ "reload://0110" NODE "/", NULL },
		{ "reload://0110" NODE "@o//", NULL },
		{ "reload://0110" NODE "@o/x", NULL },
		{ "reload://011@o/", NULL },
		{ "reload://@o/", NULL },
		{ "reload://0110" NODE "@o o/", NULL },
		{ "http://0110" NODE "@o/", NULL },
		{ "", NULL },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct reload_id id;
		char *overlay = NULL;
		enum reload_err err = reload_node_uri_parse(&id, &overlay, cases[i].text);
		assert_int_equal(err, cases[i].overlay ? RELOAD_OK : RELOAD_BAD_VALUE);
		if (cases[i].overlay) {
			assert_string_equal(overlay, cases[i].overlay);
			assert_memory_equal(id.at, "\x10\x11\x12\x13", 4);
		}
		free(overlay);
	}
}

static void uris_of_values(void **state)
{
	(void)state;
	struct reload_uri uri;
	/* R-14-05 */
	assert_int_equal(
		reload_uri_parse(&uri, "reload://0203024142@O.example/00000003aB"), RELOAD_OK);
	assert_memory_equal(uri.destinations, "\x02\x03\x02\x41\x42", uri.destinations_len);
	assert_string_equal(uri.overlay, "o.example");
	assert_int_equal(uri.specifier_len, 5);
	assert_memory_equal(uri.specifier, "\x00\x00\x00\x03\xab", 5);
	reload_uri_clear(&uri);
	reload_uri_clear(&uri);
	char *big = reload_alloc(RELOAD_URI_MAX + 10);
	memset(big, '0', RELOAD_URI_MAX + 8);
	memcpy(big, "reload://", 9);
	memcpy(big + RELOAD_URI_MAX - 3, "@o/", 3);
	big[RELOAD_URI_MAX] = 0;
	assert_int_equal(reload_uri_parse(&uri, big), RELOAD_OK);
	reload_uri_clear(&uri);
	big[RELOAD_URI_MAX] = '0';
	assert_int_equal(reload_uri_parse(&uri, big), RELOAD_BAD_VALUE);
	memset(big, 'o', RELOAD_OVERLAY_NAME_MAX + 40);
	memcpy(big, "reload://00@", 12);
	big[12 + RELOAD_OVERLAY_NAME_MAX + 1] = 0;
	assert_int_equal(reload_uri_parse(&uri, big), RELOAD_BAD_VALUE);
	big[12 + RELOAD_OVERLAY_NAME_MAX] = 0;
	assert_int_equal(reload_uri_parse(&uri, big), RELOAD_OK);
	reload_uri_clear(&uri);
	free(big);
}

/* Looks at the times that it is told, each `early` milliseconds too early; returns how often it said that the certificate ends soon. */
static unsigned looks(const struct reload_cert *cert, reload_ms early)
{
	reload_utc now = cert->not_before;
	unsigned said = 0;
	for (unsigned turns = 0; turns < 20; turns++) {
		reload_ms look;
		bool soon = reload_cert_ends_soon(cert, now, &look);
		said += soon;
		assert_true(!soon || now < cert->not_after);
		if (!look) {
			assert_true(now >= cert->not_after);
			return said;
		}
		now += look > early ? look - early : 1;
	}
	fail_msg("looks again and again");
	return 0;
}

static void an_end_is_announced(void **state)
{
	(void)state;
	static const reload_utc day = 86400ull * 1000;
	struct reload_cert cert = { .not_before = 1000, .not_after = 26000 };
	reload_ms look;
	/* a timer of the monotonic clock may be a millisecond early by the other clock */
	for (reload_ms early = 0; early < 4; early++)
		assert_true(looks(&cert, early));
	assert_false(reload_cert_ends_soon(&cert, 21000, &look));
	assert_int_equal(look, 1);
	assert_true(reload_cert_ends_soon(&cert, 21001, &look));
	assert_int_equal(look, 4999);
	assert_false(reload_cert_ends_soon(&cert, 26000, &look));
	assert_int_equal(look, 0);
	cert.not_after = cert.not_before + 365 * day; /* not a fifth of a year before its end */
	assert_false(reload_cert_ends_soon(&cert, cert.not_after - 20 * day, &look));
	assert_true(reload_cert_ends_soon(&cert, cert.not_after - 20 * day + 1, &look));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_end_is_announced),
		cmocka_unit_test(names_that_lie),
		cmocka_unit_test(crowds_of_names),
		cmocka_unit_test(too_many_bytes),
		cmocka_unit_test(keys_that_are_not_accepted),
		cmocka_unit_test(extensions_that_are_not_understood),
		cmocka_unit_test(dates_at_the_edges),
		cmocka_unit_test(no_second_encoding),
		cmocka_unit_test(damaged_certificates),
		cmocka_unit_test(signers_are_named),
		cmocka_unit_test(nobody_signs_for_none),
		cmocka_unit_test(references_are_counted),
		cmocka_unit_test(reload_uris),
		cmocka_unit_test(uris_of_values),
	};
	return cmocka_run_group_tests(tests, make_key, free_key);
}
