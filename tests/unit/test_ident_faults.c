/* One fault at a time, in the node's certificate, an intermediate one and the root's, and every element of DER damaged. */
#include "ident_forge.h"

#include "wire/codes.h"

#define NODE "101112131415161718191a1b1c1d1e1f"
#define URI  "reload://0110" NODE "@" OVERLAY "/"

enum {
	ROOT,
	MIDDLE,
	LEAF,
	LEVELS
};

static const struct forge_name names[] = { { GEN_URI, URI }, { GEN_EMAIL, "alice@" OVERLAY } };
static EVP_PKEY *keys[LEVELS], *foreign;

static int make_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEVELS; i++)
		keys[i] = EVP_EC_gen("P-256");
	foreign = EVP_EC_gen("P-256");
	return foreign ? 0 : -1;
}

static int free_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEVELS; i++)
		EVP_PKEY_free(keys[i]);
	EVP_PKEY_free(foreign);
	return 0;
}

/* A root, an intermediate authority and a node, all good; a test changes one of them. */
struct chain {
	struct forge at[LEVELS];
	struct reload_trust_setup setup;
};

static struct chain chain_good(void)
{
	return (struct chain){
		.at = { [ROOT] = { .subject = "root",
				.issuer = "root",
				.ca = true,
				.key = keys[ROOT],
				.signer = keys[ROOT] },
			[MIDDLE] = { .subject = "middle",
				.issuer = "root",
				.ca = true,
				.key = keys[MIDDLE],
				.signer = keys[ROOT] },
			[LEAF] = { .issuer = "middle",
				.names = names,
				.names_count = 2,
				.key = keys[LEAF],
				.signer = keys[MIDDLE] } },
		.setup = { .ops = &reload_ident_openssl, .overlay = OVERLAY, .node_id_len = 16 },
	};
}

/* What comes of the chain at the time now; why is filled on failure. */
static enum reload_err chain_check(const struct chain *c, reload_utc now,
	struct reload_error_text *why, struct reload_chain *found)
{
	struct reload_cert *at[LEVELS] = { NULL };
	AUTO(reload_trust) trust = NULL;
	struct reload_trust_setup setup = c->setup;
	struct reload_chain unused;
	enum reload_err err = RELOAD_OK;
	for (size_t i = 0; !err && i < LEVELS; i++)
		err = forge_parse(&at[i], &c->at[i], why);
	setup.roots = err ? NULL : &at[ROOT]->der;
	setup.roots_count = 1;
	if (!err)
		err = reload_trust_new(&trust, &setup, why);
	if (!err)
		err = reload_trust_chain(
			trust, at[LEAF], &at[MIDDLE], 1, now, found ? found : &unused, why);
	for (size_t i = 0; i < LEVELS; i++)
		reload_cert_free(at[i]);
	return err;
}

static void a_good_chain_is_told(void **state)
{
	(void)state;
	struct chain c = chain_good();
	struct reload_chain found;
	assert_int_equal(chain_check(&c, NOW, NULL, &found), RELOAD_OK);
	/* the intermediate alone: the root is none of them */
	assert_int_equal(found.count, 1);
}

/* RFC 5280: notBefore and notAfter belong to the validity; the skew is for notBefore (SEC-17) */
static void dates_count_at_each_level(void **state)
{
	(void)state;
	static const char *const whose[] = { "root-cert", "intermediate", "its validity" };
	const reload_utc from = 1750000000000ull, to = from + 86400000;
	for (size_t level = ROOT; level < LEVELS; level++) {
		struct chain c = chain_good();
		c.at[level].not_before = "20250615150640Z";
		c.at[level].not_after = "20250616150640Z";
		const struct {
			reload_utc now;
			enum reload_err err;
		} rows[] = {
			{ from - RELOAD_NOT_BEFORE_SKEW_MS - 1, RELOAD_CERT_EXPIRED },
			{ from - RELOAD_NOT_BEFORE_SKEW_MS, RELOAD_OK },
			{ from, RELOAD_OK },
			{ to, RELOAD_OK },
			{ to + 1, RELOAD_CERT_EXPIRED },
		};
		for (size_t i = 0; i < COUNT_OF(rows); i++) {
			struct reload_error_text why = { "", "", "" };
			assert_int_equal(chain_check(&c, rows[i].now, &why, NULL), rows[i].err);
			if (rows[i].err && !strstr(why.reason, whose[level]))
				fail_msg("\"%s\" does not tell \"%s\"", why.reason, whose[level]);
		}
	}
}

/* Of several faults the one is told that stands first: names, dates, bad nodes, signer. */
static void the_first_fault_is_told(void **state)
{
	(void)state;
	static const struct {
		bool name, date, bad, signer;
		enum reload_err err;
	} rows[] = {
		{ false, false, false, false, RELOAD_OK },
		{ true, false, false, false, RELOAD_BAD_CERT },
		{ false, true, false, false, RELOAD_CERT_EXPIRED },
		{ false, false, true, false, RELOAD_CERT_REVOKED },
		{ false, false, false, true, RELOAD_CERT_UNTRUSTED },
		{ true, true, true, true, RELOAD_BAD_CERT },
		{ true, false, true, false, RELOAD_BAD_CERT },
		{ false, true, true, true, RELOAD_CERT_EXPIRED },
		{ false, false, true, true, RELOAD_CERT_REVOKED },
	};
	struct reload_id node = id_of(NODE);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct chain c = chain_good();
		if (rows[i].name)
			c.setup.overlay = "other.example";
		if (rows[i].date)
			c.at[LEAF].not_after = "20240201000000Z";
		if (rows[i].bad)
			c.setup.bad_nodes = &node;
		c.setup.bad_nodes_count = rows[i].bad;
		if (rows[i].signer)
			c.at[LEAF].signer = foreign;
		struct reload_error_text why = { "", "", "" };
		if (chain_check(&c, NOW, &why, NULL) != rows[i].err)
			fail_msg("row %zu: %s", i, why.reason);
	}
}

/* R-11.3-26: the right to issue, and a signature by an accepted algorithm, at each level */
static void each_level_has_its_duties(void **state)
{
	(void)state;
	static const struct {
		size_t level;
		const char *key_usage;
		bool no_constraints, not_ca, by_foreign, sha1;
		const char *issuer;
		enum reload_err err;
	} rows[] = {
		{ .level = ROOT, .key_usage = "critical,keyCertSign", .err = RELOAD_OK },
		{ .level = ROOT, .key_usage = "keyCertSign,cRLSign", .err = RELOAD_OK },
		{ .level = ROOT, .key_usage = "cRLSign", .err = RELOAD_BAD_CERT },
		{ .level = MIDDLE, .key_usage = "critical,keyCertSign", .err = RELOAD_OK },
		{ .level = MIDDLE, .key_usage = "digitalSignature,keyCertSign", .err = RELOAD_OK },
		{ .level = MIDDLE, .key_usage = "digitalSignature", .err = RELOAD_CERT_UNTRUSTED },
		{ .level = MIDDLE, .not_ca = true, .err = RELOAD_CERT_UNTRUSTED },
		{ .level = MIDDLE, .no_constraints = true, .err = RELOAD_CERT_UNTRUSTED },
		{ .level = MIDDLE, .by_foreign = true, .err = RELOAD_CERT_UNTRUSTED },
		{ .level = MIDDLE, .sha1 = true, .err = RELOAD_CERT_UNTRUSTED },
		{ .level = MIDDLE, .issuer = "Root", .err = RELOAD_CERT_UNTRUSTED },
		/* a root is believed for what it is, whoever signed it and how */
		{ .level = ROOT, .by_foreign = true, .err = RELOAD_OK },
		{ .level = ROOT, .sha1 = true, .err = RELOAD_OK },
		{ .level = LEAF, .key_usage = "critical,digitalSignature", .err = RELOAD_OK },
		{ .level = LEAF, .key_usage = "digitalSignature,keyAgreement", .err = RELOAD_OK },
		{ .level = LEAF, .key_usage = "keyAgreement", .err = RELOAD_BAD_CERT },
		{ .level = LEAF, .no_constraints = true, .err = RELOAD_OK },
		{ .level = LEAF, .by_foreign = true, .err = RELOAD_CERT_UNTRUSTED },
		{ .level = LEAF, .sha1 = true, .err = RELOAD_CERT_UNTRUSTED },
		{ .level = LEAF, .issuer = "root", .err = RELOAD_CERT_UNTRUSTED },
		{ .level = LEAF, .issuer = "nobody", .err = RELOAD_CERT_UNTRUSTED },
		{ .level = LEAF, .issuer = "", .err = RELOAD_CERT_UNTRUSTED },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct chain c = chain_good();
		struct forge *f = &c.at[rows[i].level];
		f->key_usage = rows[i].key_usage;
		f->no_constraints = rows[i].no_constraints;
		f->ca = f->ca && !rows[i].not_ca;
		f->signer = rows[i].by_foreign ? foreign : f->signer;
		f->md = rows[i].sha1 ? EVP_sha1() : NULL;
		if (rows[i].issuer)
			f->issuer = *rows[i].issuer ? rows[i].issuer : NULL;
		struct reload_error_text why = { "", "", "" };
		if (chain_check(&c, NOW, &why, NULL) != rows[i].err)
			fail_msg("row %zu: %s", i, why.reason);
	}
}

/* Which authorities of one name are tried, and that their number is bounded. */
static enum reload_err check_among(size_t wrong, bool right_first)
{
	AUTO(reload_cert) root = NULL;
	AUTO(reload_cert) right = NULL;
	AUTO(reload_cert) leaf = NULL;
	AUTO(reload_cert) other = NULL;
	AUTO(reload_trust) trust = NULL;
	struct chain c = chain_good();
	root = forge_cert(&c.at[ROOT]);
	right = forge_cert(&c.at[MIDDLE]);
	leaf = forge_cert(&c.at[LEAF]);
	c.at[MIDDLE].key = foreign;
	other = forge_cert(&c.at[MIDDLE]);
	struct reload_cert *others[RELOAD_CHAIN_CHECKS_MAX + 1];
	size_t count = 0;
	if (right_first)
		others[count++] = right;
	for (size_t i = 0; i < wrong; i++)
		others[count++] = other;
	if (!right_first)
		others[count++] = right;
	c.setup.roots = &root->der;
	c.setup.roots_count = 1;
	assert_int_equal(reload_trust_new(&trust, &c.setup, NULL), RELOAD_OK);
	return reload_trust_check(trust, leaf, others, count, NOW, NULL);
}

static void authorities_of_one_name_are_tried(void **state)
{
	(void)state;
	assert_int_equal(check_among(1, false), RELOAD_OK);
	assert_int_equal(check_among(1, true), RELOAD_OK);
	/* one signature each, one for the right one, one of the root */
	assert_int_equal(check_among(RELOAD_CHAIN_CHECKS_MAX - 2, false), RELOAD_OK);
	assert_int_equal(check_among(RELOAD_CHAIN_CHECKS_MAX - 1, false), RELOAD_CERT_UNTRUSTED);
	assert_int_equal(check_among(RELOAD_CHAIN_CHECKS_MAX - 1, true), RELOAD_OK);
}

/* -- names ---------------------------------------------------------------------------------------------------------------- */

static void node_ids_in_certificates(void **state)
{
	(void)state;
	static const struct {
		const char *uri;
		enum reload_err err;
	} rows[] = {
		{ URI, RELOAD_OK }, { "RELOAD://0110" NODE "@" OVERLAY "/", RELOAD_OK },
		{ "reload://0110" NODE "@" OVERLAY, RELOAD_OK },
		{ "reload://0114" NODE "20212223@" OVERLAY "/", RELOAD_BAD_CERT }, /* of 20 bytes */
		{ "reload://0110ffffffffffffffffffffffffffffffff@" OVERLAY "/", RELOAD_BAD_CERT },
		{ "reload://011000000000000000000000000000000000@" OVERLAY "/", RELOAD_BAD_CERT },
		{ "reload://0110" NODE "@other.example/", RELOAD_BAD_CERT },
		{ "reload://0110" NODE "@" OVERLAY ".example/", RELOAD_BAD_CERT },
		{ "reload://0110" NODE "@overlay.example.or/", RELOAD_BAD_CERT },
		{ "reload://0210" NODE "@" OVERLAY "/", RELOAD_BAD_CERT },
		{ "reload://0310" NODE "@" OVERLAY "/", RELOAD_BAD_CERT },
		{ "reload://0111" NODE "@" OVERLAY "/", RELOAD_BAD_CERT },
		{ "reload://0110" NODE "@" OVERLAY "/00", RELOAD_BAD_CERT },
		{ "reload://0110" NODE "@" OVERLAY "//", RELOAD_BAD_CERT },
		{ "reload:0110" NODE "@" OVERLAY "/", RELOAD_BAD_CERT },
		{ "reload:/0110" NODE "@" OVERLAY "/", RELOAD_BAD_CERT },
		{ "reload://0110" NODE "@/", RELOAD_BAD_CERT }, { "reload://", RELOAD_BAD_CERT },
		{ "sip:alice@" OVERLAY, RELOAD_BAD_CERT }, /* no Node-ID then */
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct chain c = chain_good();
		const struct forge_name with[] = { { GEN_URI, rows[i].uri },
			{ GEN_EMAIL, "alice@" OVERLAY } };
		c.at[LEAF].names = with;
		struct reload_error_text why = { "", "", "" };
		if (chain_check(&c, NOW, &why, NULL) != rows[i].err)
			fail_msg("%s: %s", rows[i].uri, why.reason);
	}
}

static void characters_of_overlay_names(void **state)
{
	(void)state;
	for (int c = 1; c < 256; c++) {
		char text[64], odd[64];
		struct reload_uri uri, unused;
		snprintf(text, sizeof(text), "reload://01@o%co/", c);
		/* RFC 3986, reg-name; the slash begins the specifier, which is none here */
		bool legal =
			strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%"
			       "!$&'()*+,;=",
				c);
		enum reload_err err = reload_uri_parse(&uri, text);
		if (!err != legal)
			fail_msg("character %d", c);
		if (!err)
			reload_uri_clear(&uri);
		/* and only hexadecimal digits are a destination */
		snprintf(text, sizeof(text), "reload://0%c@o/", c);
		err = reload_uri_parse(&uri, text);
		assert_int_equal(!err, !!strchr("0123456789abcdefABCDEF", c));
		/* two to a byte */
		snprintf(odd, sizeof(odd), "reload://01%c@o/", c);
		assert_int_equal(reload_uri_parse(&unused, odd), RELOAD_BAD_VALUE);
		if (!err)
			reload_uri_clear(&uri);
	}
}

static void uris_of_nodes_come_back(void **state)
{
	(void)state;
	for (uint8_t len = 0; len <= RELOAD_ID_MAX; len++) {
		struct reload_id id = { .len = len }, back = { .len = 0 };
		for (uint8_t i = 0; i < len; i++)
			id.at[i] = (uint8_t)(0xf0 + i);
		char *uri = reload_node_uri(&id, "Overlay.EXAMPLE"), *overlay = NULL;
		enum reload_err err = reload_node_uri_parse(&back, &overlay, uri);
		assert_int_equal(err, len < RELOAD_NODE_ID_MIN ? RELOAD_BAD_VALUE : RELOAD_OK);
		if (!err) {
			assert_string_equal(overlay, "overlay.example");
			assert_true(reload_id_eq(&id, &back));
		}
		free(overlay);
		free(uri);
	}
}

static void characters_of_user_names(void **state)
{
	(void)state;
	char name[RELOAD_USER_NAME_MAX + 2];
	for (int c = 1; c < 256; c++) {
		snprintf(name, sizeof(name), "a%cb", c);
		/* R-11.3-19 */
		assert_int_equal(reload_user_legal(name), c >= 0x20 && c <= 0x7e);
	}
	memset(name, 'a', sizeof(name));
	name[RELOAD_USER_NAME_MAX + 1] = 0;
	assert_false(reload_user_legal(name));
	name[RELOAD_USER_NAME_MAX] = 0;
	assert_true(reload_user_legal(name));
	assert_true(reload_user_legal("a"));
	assert_false(reload_user_legal(""));
}

static void node_ids_of_keys(void **state)
{
	(void)state;
	struct reload_id id, other;
	struct span info = span_str("a key");
	/* R-11.3.1-02: SHA-1 and SHA-256, and no other */
	for (unsigned alg = 0; alg < 256; alg++)
		assert_int_equal(reload_self_node_id(&id, info, (uint8_t)alg, 16, 0),
			alg == RELOAD_HASH_SHA1 || alg == RELOAD_HASH_SHA256 ? RELOAD_OK
									     : RELOAD_BAD_VALUE);
	for (unsigned len = 16; len <= RELOAD_ID_MAX; len++) {
		assert_int_equal(reload_self_node_id(&id, info, RELOAD_HASH_SHA1, (uint8_t)len, 0),
			RELOAD_OK);
		assert_int_equal(id.len, len);
		/* the first bytes of the digest */
		assert_int_equal(
			reload_self_node_id(&other, info, RELOAD_HASH_SHA1, 16, 0), RELOAD_OK);
		assert_memory_equal(id.at, other.at, 16);
	}
	assert_int_equal(reload_self_node_id(&id, info, RELOAD_HASH_SHA256, RELOAD_ID_MAX + 1, 0),
		RELOAD_BAD_VALUE);
	/* R-11.3.1-03: an index of 32 bits in front */
	uint8_t with_index[] = { 0, 0, 1, 0, 'a', ' ', 'k', 'e', 'y' };
	assert_int_equal(reload_self_node_id(&id, info, RELOAD_HASH_SHA1, 16, 256), RELOAD_OK);
	assert_int_equal(reload_self_node_id(&other, span_of(with_index, sizeof(with_index)),
				 RELOAD_HASH_SHA1, 16, 0),
		RELOAD_OK);
	assert_true(reload_id_eq(&id, &other));
}

/* -- DER ------------------------------------------------------------------------------------------------------------------ */

/* The header of one element: its length field has size bytes from len_at on; ends behind its contents. */
struct element {
	size_t at, len_at, size, contents, end;
};

static struct element element_at(const uint8_t *der, size_t at)
{
	struct element e = { .at = at, .len_at = at + 1, .size = 1 };
	size_t len = der[at + 1];
	if (len & 0x80) {
		e.size = len & 0x7f;
		e.len_at = at + 2;
		len = 0;
		for (size_t i = 0; i < e.size; i++)
			len = len << 8 | der[e.len_at + i];
	}
	e.contents = e.len_at + e.size;
	e.end = e.contents + len;
	return e;
}

/* Whether a certificate of these bytes is refused, or has another signature than ca's. */
static bool no_longer_good(const uint8_t *der, size_t len, const struct reload_cert *ca)
{
	AUTO(reload_cert) cert = NULL;
	struct reload_error_text why = { "", "", "" };
	enum reload_err err =
		reload_cert_parse(&cert, &reload_ident_openssl, span_of(der, len), &why);
	if (err == RELOAD_BAD_CERT && why.reason[0])
		return true;
	return !err && ca->ops->cert_signed_by(cert, ca) == RELOAD_BAD_SIGNATURE;
}

/* Damages each element of der between at and end, and those inside of it; returns how many there were. */
static size_t damage(uint8_t *der, size_t len, size_t at, size_t end, const struct reload_cert *ca)
{
	size_t count = 0;
	while (at + 2 <= end) {
		struct element e = element_at(der, at);
		uint8_t tag = der[at], *last = &der[e.len_at + e.size - 1], was = *last;
		static const uint8_t tags[] = { 0x01, 0x20, 0x80 };
		assert_true(e.end <= end);
		for (size_t i = 0; i < COUNT_OF(tags); i++) {
			der[at] = tag ^ tags[i];
			if (!no_longer_good(der, len, ca))
				fail_msg("tag at %zu, %02x for %02x", at, der[at], tag);
		}
		der[at] = tag;
		for (int by = -1; by <= 1; by += 2) {
			*last = (uint8_t)(was + by);
			if (!no_longer_good(der, len, ca))
				fail_msg("length at %zu, %d", at, by);
		}
		*last = was;
		count++;
		if (tag & 0x20)
			count += damage(der, len, e.contents, e.end, ca);
		at = e.end;
	}
	return count;
}

static void every_element_of_der_counts(void **state)
{
	(void)state;
	AUTO(reload_cert) ca = read_cert("keys/ca.cert.der");
	static const char *const files[] = { "keys/node-a.cert.der", "keys/node-m.cert.der" };
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		size_t len;
		char *der = read_file(files[i], &len);
		uint8_t *exact = reload_memdup(der, len);
		assert_false(no_longer_good(exact, len, ca));
		assert_in_range(damage(exact, len, 0, len, ca), 30, 100);
		assert_false(no_longer_good(exact, len, ca));
		free(exact);
		free(der);
	}
}

static void keys_in_damaged_text(void **state)
{
	(void)state;
	AUTO(reload_key) key = NULL;
	size_t len;
	char *pem = read_file("keys/node-a.key.pem", &len);
	/* the last line is one of five dashes, which may be followed by nothing */
	size_t needed = len;
	while (needed && pem[needed - 1] == '\n')
		needed--;
	for (size_t n = 0; n < needed; n += 16) {
		struct reload_error_text why = { "", "", "" };
		uint8_t *cut = reload_memdup(pem, n);
		assert_int_equal(reload_key_read_pem(&key, span_of(cut, n), &why), RELOAD_BAD_KEY);
		assert_true(why.reason[0]);
		free(cut);
	}
	assert_null(key);
	assert_int_equal(reload_key_read_pem(&key, span_of(pem, len), NULL), RELOAD_OK);
	free(pem);
	static const char *const names_of_types[] = { "", "P256", "p-256", "rsa", "rsa1024",
		"rsa4096", "rsa20480", "p384", "rsa2048 " };
	enum reload_key_type type = RELOAD_KEY_RSA3072;
	for (size_t i = 0; i < COUNT_OF(names_of_types); i++)
		assert_int_equal(reload_key_type_parse(&type, names_of_types[i]), RELOAD_USAGE);
	assert_int_equal(type, RELOAD_KEY_RSA3072);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_chain_is_told),
		cmocka_unit_test(dates_count_at_each_level),
		cmocka_unit_test(the_first_fault_is_told),
		cmocka_unit_test(each_level_has_its_duties),
		cmocka_unit_test(authorities_of_one_name_are_tried),
		cmocka_unit_test(node_ids_in_certificates),
		cmocka_unit_test(characters_of_overlay_names),
		cmocka_unit_test(uris_of_nodes_come_back),
		cmocka_unit_test(characters_of_user_names),
		cmocka_unit_test(node_ids_of_keys),
		cmocka_unit_test(every_element_of_der_counts),
		cmocka_unit_test(keys_in_damaged_text),
	};
	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
