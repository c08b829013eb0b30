/* Whom to believe: one certificate that is right, and each way to be wrong. */
#include "ident_forge.h"

#include "wire/codes.h"

#define NODE "101112131415161718191a1b1c1d1e1f"
#define URI  "reload://0110" NODE "@" OVERLAY "/"

static const struct forge_name good_names[] = { { GEN_URI, URI }, { GEN_EMAIL, "alice@" OVERLAY } };

/* Keys are slow to make: one set for all tests. */
static struct {
	struct reload_key *root_key, *node_key, *other_key;
	struct reload_cert *root, *foreign_root;
	struct reload_id node;
} our;

static struct reload_cert_request authority(const char *name)
{
	return (struct reload_cert_request){ .authority_name = name,
		.not_before = NOW - 100 * DAY,
		.not_after = NOW + 100 * DAY,
		.serial = { 1 } };
}

static struct reload_cert_request node_request(void)
{
	return (struct reload_cert_request){ .overlay = OVERLAY,
		.user = "alice@" OVERLAY,
		.node_ids = &our.node,
		.node_ids_count = 1,
		.not_before = NOW - DAY,
		.not_after = NOW + DAY,
		.serial = { 2 } };
}

static int make_keys(void **state)
{
	(void)state;
	our.root_key = new_key(RELOAD_KEY_P256);
	our.node_key = new_key(RELOAD_KEY_P256);
	our.other_key = new_key(RELOAD_KEY_P256);
	struct reload_cert_request root = authority("root");
	our.root = make_cert(&root, our.root_key, NULL, NULL);
	our.foreign_root =
		make_cert(&root, our.other_key, NULL, NULL); /* the same name, another key */
	our.node = id_of(NODE);
	return 0;
}

static int free_keys(void **state)
{
	(void)state;
	reload_key_free(our.root_key);
	reload_key_free(our.node_key);
	reload_key_free(our.other_key);
	reload_cert_free(our.root);
	reload_cert_free(our.foreign_root);
	return 0;
}

static struct reload_trust *new_trust(struct reload_trust_setup setup)
{
	struct reload_trust *trust = NULL;
	setup.ops = &reload_ident_openssl;
	setup.overlay = setup.overlay ? setup.overlay : OVERLAY;
	setup.node_id_len = setup.node_id_len ? setup.node_id_len : 16;
	if (!setup.roots) {
		setup.roots = &our.root->der;
		setup.roots_count = 1;
	}
	assert_int_equal(reload_trust_new(&trust, &setup, NULL), RELOAD_OK);
	return trust;
}

static void refused(const struct reload_trust *trust, const struct reload_cert *cert,
	enum reload_err expected, const char *because)
{
	struct reload_error_text why = { "", "", "" };
	assert_int_equal(reload_trust_check(trust, cert, NULL, 0, NOW, &why), expected);
	if (!strstr(why.reason, because))
		fail_msg("\"%s\" does not tell \"%s\"", why.reason, because);
	assert_true(strlen(why.what) > 0);
}

static void accepted_by_a_root(void **state)
{
	(void)state;
	AUTO(reload_trust)
	trust = new_trust((struct reload_trust_setup){ .overlay = "Overlay.EXAMPLE.org" });
	struct reload_cert_request req = node_request();
	AUTO(reload_cert) cert = make_cert(&req, our.node_key, our.root, our.root_key);
	/* R-13.3-04 */
	assert_int_equal(reload_trust_check(trust, cert, NULL, 0, NOW, NULL), RELOAD_OK);
	/* R-11.3-22 */
	assert_true(cert->subject_empty);
	assert_ptr_equal(reload_trust_ops(trust), &reload_ident_openssl);
	assert_true(reload_trust_is_root(trust, our.root->der));
	assert_false(reload_trust_is_root(trust, cert->der));
}

/* R-11.1-14: certificates of each of two roots work */
static void two_roots(void **state)
{
	(void)state;
	struct span roots[] = { our.foreign_root->der, our.root->der };
	AUTO(reload_trust)
	trust = new_trust((struct reload_trust_setup){ .roots = roots, .roots_count = 2 });
	struct reload_cert_request req = node_request();
	AUTO(reload_cert) one = make_cert(&req, our.node_key, our.root, our.root_key);
	AUTO(reload_cert) two = make_cert(&req, our.node_key, our.foreign_root, our.other_key);
	assert_int_equal(reload_trust_check(trust, one, NULL, 0, NOW, NULL), RELOAD_OK);
	assert_int_equal(reload_trust_check(trust, two, NULL, 0, NOW, NULL), RELOAD_OK);
}

static void root_of_somebody_else(void **state)
{
	(void)state;
	AUTO(reload_trust) trust = new_trust((struct reload_trust_setup){ 0 });
	struct reload_cert_request req = node_request();
	AUTO(reload_cert) cert = make_cert(&req, our.node_key, our.foreign_root, our.other_key);
	/* R-6.3.4-21 */
	refused(trust, cert, RELOAD_CERT_UNTRUSTED, "CN = root");
	/* a root that travels with the message helps nobody */
	struct reload_cert *others[] = { our.foreign_root };
	/* R-11.3-26 */
	assert_int_equal(
		reload_trust_check(trust, cert, others, 1, NOW, NULL), RELOAD_CERT_UNTRUSTED);
}

static void validity(void **state)
{
	(void)state;
	AUTO(reload_trust) trust = new_trust((struct reload_trust_setup){ 0 });
	struct reload_cert_request req = node_request();
	req.not_before = NOW;
	req.not_after = NOW + DAY;
	AUTO(reload_cert) cert = make_cert(&req, our.node_key, our.root, our.root_key);
	struct reload_error_text why;
	/* two minutes of skew on notBefore (SEC-17) */
	assert_int_equal(reload_trust_check(trust, cert, NULL, 0, NOW - 120000, NULL), RELOAD_OK);
	assert_int_equal(
		reload_trust_check(trust, cert, NULL, 0, NOW - 120001, &why), RELOAD_CERT_EXPIRED);
	assert_non_null(strstr(why.reason, "begins at 2025-06-15T"));
	assert_non_null(strstr(why.advice, "clock"));
	/* and none on notAfter */
	assert_int_equal(reload_trust_check(trust, cert, NULL, 0, NOW + DAY, NULL), RELOAD_OK);
	/* R-7.1-03 */
	assert_int_equal(
		reload_trust_check(trust, cert, NULL, 0, NOW + DAY + 1, &why), RELOAD_CERT_EXPIRED);
	assert_non_null(strstr(why.reason, "ended at 2025-06-16T"));
	assert_non_null(strstr(why.what, NODE));
}

static void expired_root_and_intermediate(void **state)
{
	(void)state;
	struct reload_cert_request old = authority("old"), req = node_request();
	old.not_after = NOW - DAY;
	AUTO(reload_cert) old_root = make_cert(&old, our.other_key, NULL, NULL);
	AUTO(reload_cert) middle = make_cert(&old, our.other_key, our.root, our.root_key);
	AUTO(reload_cert) by_old = make_cert(&req, our.node_key, old_root, our.other_key);
	AUTO(reload_trust)
	trust = new_trust((struct reload_trust_setup){ .roots = &old_root->der, .roots_count = 1 });
	refused(trust, by_old, RELOAD_CERT_EXPIRED, "root-cert of its chain ended at");
	AUTO(reload_trust) trust2 = new_trust((struct reload_trust_setup){ 0 });
	struct reload_error_text why;
	assert_int_equal(reload_trust_check(
				 trust2, by_old, (struct reload_cert *[]){ middle }, 1, NOW, &why),
		RELOAD_CERT_EXPIRED);
	assert_non_null(strstr(why.reason, "intermediate"));
}

static void authorities_need_the_right_to_issue(void **state)
{
	(void)state;
	AUTO(reload_trust) trust = new_trust((struct reload_trust_setup){ 0 });
	struct forge node = { .issuer = "middle",
		.names = good_names,
		.names_count = 2,
		.key = our.node_key->native,
		.signer = our.other_key->native };
	AUTO(reload_cert) cert = forge_cert(&node);
	struct forge middle = { .subject = "middle",
		.issuer = "root",
		.ca = true,
		.key = our.other_key->native,
		.signer = our.root_key->native };
	AUTO(reload_cert) good = forge_cert(&middle);
	assert_int_equal(
		reload_trust_check(trust, cert, (struct reload_cert *[]){ good }, 1, NOW, NULL),
		RELOAD_OK);
	/* R-11.3-26: without the CA flag, and with a keyUsage that has no keyCertSign */
	middle.ca = false;
	AUTO(reload_cert) no_flag = forge_cert(&middle);
	assert_int_equal(
		reload_trust_check(trust, cert, (struct reload_cert *[]){ no_flag }, 1, NOW, NULL),
		RELOAD_CERT_UNTRUSTED);
	middle.no_constraints = true;
	AUTO(reload_cert) no_constraints = forge_cert(&middle);
	assert_int_equal(reload_trust_check(trust, cert, (struct reload_cert *[]){ no_constraints },
				 1, NOW, NULL),
		RELOAD_CERT_UNTRUSTED);
	middle.no_constraints = false;
	middle.ca = true;
	middle.key_usage = "critical,digitalSignature";
	AUTO(reload_cert) no_usage = forge_cert(&middle);
	assert_int_equal(
		reload_trust_check(trust, cert, (struct reload_cert *[]){ no_usage }, 1, NOW, NULL),
		RELOAD_CERT_UNTRUSTED);
	/* a root must be an authority as well */
	struct reload_trust *none = NULL;
	struct reload_error_text why;
	struct reload_trust_setup setup = { .ops = &reload_ident_openssl,
		.overlay = OVERLAY,
		.node_id_len = 16,
		.roots = &no_flag->der,
		.roots_count = 1 };
	assert_int_equal(reload_trust_new(&none, &setup, &why), RELOAD_BAD_CERT);
	assert_non_null(strstr(why.reason, "BasicConstraints"));
	assert_null(none);
}

static void node_certificates_issue_nothing(void **state)
{
	(void)state;
	AUTO(reload_trust) trust = new_trust((struct reload_trust_setup){ 0 });
	/* the issuer's empty name matches the empty subject of an honest node, which signs for somebody else */
	struct reload_cert_request req = node_request();
	AUTO(reload_cert) honest = make_cert(&req, our.node_key, our.root, our.root_key);
	struct forge stolen = { .names = good_names,
		.names_count = 2,
		.key = our.other_key->native,
		.signer = our.node_key->native };
	AUTO(reload_cert) cert = forge_cert(&stolen);
	assert_int_equal(
		reload_trust_check(trust, cert, (struct reload_cert *[]){ honest }, 1, NOW, NULL),
		RELOAD_CERT_UNTRUSTED);
}

/* A chain of length certificates: root, length - 2 intermediates, node.  others gets the intermediates, shuffled. */
static enum reload_err check_chain(unsigned length, int first_path_len)
{
	AUTO(reload_trust) trust = new_trust((struct reload_trust_setup){ 0 });
	struct reload_cert *others[RELOAD_CHAIN_MAX] = { NULL };
	size_t count = 0;
	char name[32], issuer[32] = "root";
	for (; count < length - 2; count++) {
		snprintf(name, sizeof(name), "level %zu", count);
		struct forge f = { .subject = name,
			.issuer = issuer,
			.ca = true,
			.key = our.other_key->native,
			.path_len = count ? 0 : first_path_len,
			.signer = count ? our.other_key->native : our.root_key->native };
		others[count] = forge_cert(&f);
		snprintf(issuer, sizeof(issuer), "%s", name);
	}
	struct forge f = { .issuer = issuer,
		.names = good_names,
		.names_count = 2,
		.key = our.node_key->native,
		.signer = our.other_key->native };
	struct reload_cert *cert = forge_cert(&f);
	struct reload_cert *first = others[0];
	others[0] = others[count - 1];
	others[count - 1] = first;
	enum reload_err err = reload_trust_check(trust, cert, others, count, NOW, NULL);
	for (size_t i = 0; i < count; i++)
		reload_cert_free(others[i]);
	reload_cert_free(cert);
	return err;
}

static void chains_have_a_limit(void **state)
{
	(void)state;
	assert_int_equal(check_chain(3, 0), RELOAD_OK);
	assert_int_equal(check_chain(RELOAD_CHAIN_MAX, 0), RELOAD_OK);
	assert_int_equal(check_chain(RELOAD_CHAIN_MAX + 1, 0), RELOAD_CERT_UNTRUSTED);
	/* pathLenConstraint 0: no authority below the first; 1: one */
	assert_int_equal(check_chain(3, 1), RELOAD_OK);
	assert_int_equal(check_chain(4, 1), RELOAD_CERT_UNTRUSTED);
	assert_int_equal(check_chain(4, 2), RELOAD_OK);
}

/* Counts what a check costs. */
static unsigned signatures_checked;

static enum reload_err counting(const struct reload_cert *cert, const struct reload_cert *issuer)
{
	signatures_checked++;
	return reload_ident_openssl.cert_signed_by(cert, issuer);
}

static void loops_and_crowds_of_intermediates_are_bounded(void **state)
{
	(void)state;
	struct reload_ident_ops ops = reload_ident_openssl;
	ops.cert_signed_by = counting;
	struct reload_trust_setup setup = { .ops = &ops,
		.overlay = OVERLAY,
		.node_id_len = 16,
		.roots = &our.root->der,
		.roots_count = 1 };
	AUTO(reload_trust) trust = NULL;
	assert_int_equal(reload_trust_new(&trust, &setup, NULL), RELOAD_OK);
	struct forge f = {
		.subject = "b", .issuer = "a", .ca = true, .key = our.other_key->native
	};
	AUTO(reload_cert) b = forge_cert(&f);
	f.subject = "a";
	f.issuer = "b";
	AUTO(reload_cert) a = forge_cert(&f);
	struct forge node = { .issuer = "a",
		.names = good_names,
		.names_count = 2,
		.key = our.node_key->native,
		.signer = our.other_key->native };
	AUTO(reload_cert) cert = forge_cert(&node);
	struct reload_cert *others[32];
	for (size_t i = 0; i < COUNT_OF(others); i++)
		others[i] = i % 2 ? a : b;
	signatures_checked = 0;
	assert_int_equal(reload_trust_check(trust, cert, others, COUNT_OF(others), NOW, NULL),
		RELOAD_CERT_UNTRUSTED);
	assert_in_range(signatures_checked, 2, RELOAD_CHAIN_CHECKS_MAX);
}

/* R-11.1-33 */
static void bad_nodes(void **state)
{
	(void)state;
	struct reload_id bad[] = { id_of("ff"
					 "1112131415161718191a1b1c1d1e1f"),
		our.node, id_of("00112233445566778899aabbccddeeff") };
	AUTO(reload_trust)
	trust = new_trust((struct reload_trust_setup){ .bad_nodes = bad, .bad_nodes_count = 3 });
	struct reload_id ids[] = { id_of("42112233445566778899aabbccddeeff"), our.node };
	struct reload_cert_request req = node_request();
	req.node_ids = ids;
	req.node_ids_count = 2;
	AUTO(reload_cert) cert = make_cert(&req, our.node_key, our.root, our.root_key);
	refused(trust, cert, RELOAD_CERT_REVOKED, NODE);
	req.node_ids_count = 1;
	AUTO(reload_cert) good = make_cert(&req, our.node_key, our.root, our.root_key);
	assert_int_equal(reload_trust_check(trust, good, NULL, 0, NOW, NULL), RELOAD_OK);
}

static void other_overlays_and_lengths(void **state)
{
	(void)state;
	struct reload_cert_request req = node_request();
	AUTO(reload_cert) cert = make_cert(&req, our.node_key, our.root, our.root_key);
	/* R-6.3.4-21 */
	AUTO(reload_trust)
	other = new_trust((struct reload_trust_setup){ .overlay = "other.example" });
	refused(other, cert, RELOAD_BAD_CERT, "not for \"other.example\"");
	AUTO(reload_trust) longer = new_trust((struct reload_trust_setup){ .node_id_len = 20 });
	refused(longer, cert, RELOAD_BAD_CERT, "has 16 bytes; this overlay has 20");
	AUTO(reload_trust) trust = new_trust((struct reload_trust_setup){ 0 });
	struct reload_id everybody = reload_id_wildcard(16), nobody = { .len = 16 };
	req.node_ids = &everybody;
	AUTO(reload_cert) wildcard = make_cert(&req, our.node_key, our.root, our.root_key);
	refused(trust, wildcard, RELOAD_BAD_CERT, "Node-ID of no node");
	req.node_ids = &nobody;
	AUTO(reload_cert) zero = make_cert(&req, our.node_key, our.root, our.root_key);
	refused(trust, zero, RELOAD_BAD_CERT, "Node-ID of no node");
	refused(trust, our.root, RELOAD_BAD_CERT, "authority");
}

static void names_that_do_not_belong(void **state)
{
	(void)state;
	static const struct forge_name no_uri[] = { { GEN_EMAIL, "alice@" OVERLAY } };
	static const struct forge_name no_user[] = { { GEN_URI, URI } };
	static const struct forge_name two_users[] = { { GEN_URI, URI },
		{ GEN_EMAIL, "alice@" OVERLAY }, { GEN_EMAIL, "bob@" OVERLAY } };
	static const struct forge_name dns[] = { { GEN_URI, URI }, { GEN_EMAIL, "alice@" OVERLAY },
		{ GEN_DNS, "www.example.org" } };
	static const struct forge_name web[] = { { GEN_URI, URI }, { GEN_EMAIL, "alice@" OVERLAY },
		{ GEN_URI, "https://www.example.org/" } };
	static const struct {
		const struct forge_name *names;
		size_t count;
		const char *subject, *because;
	} cases[] = {
		/* R-4.1-03 */
		{ no_uri, 1, NULL, "no reload URI" },
		/* R-6.3.4-21, R-11.3-18 */
		{ no_user, 1, NULL, "no rfc822Name" },
		{ two_users, 3, NULL, "more than Node-IDs and one rfc822Name" },
		/* R-11.3-21 */
		{ dns, 3, NULL, "more than Node-IDs and one rfc822Name" },
		{ web, 3, NULL, "more than Node-IDs and one rfc822Name" },
		/* R-11.3-22 */
		{ good_names, 2, "Alice", "subject is not empty" },
	};
	AUTO(reload_trust) trust = new_trust((struct reload_trust_setup){ 0 });
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct forge f = { .issuer = "root",
			.subject = cases[i].subject,
			.names = cases[i].names,
			.names_count = cases[i].count,
			.key = our.node_key->native,
			.signer = our.root_key->native };
		AUTO(reload_cert) cert = forge_cert(&f);
		refused(trust, cert, RELOAD_BAD_CERT, cases[i].because);
	}
}

static void devices_of_one_user(void **state)
{
	(void)state;
	AUTO(reload_trust) trust = new_trust((struct reload_trust_setup){ 0 });
	struct reload_cert_request req = node_request();
	struct reload_id second = id_of("42112233445566778899aabbccddeeff");
	AUTO(reload_cert) one = make_cert(&req, our.node_key, our.root, our.root_key);
	req.node_ids = &second;
	AUTO(reload_cert) two = make_cert(&req, our.other_key, our.root, our.root_key);
	/* R-4.1-04 */
	assert_int_equal(reload_trust_check(trust, one, NULL, 0, NOW, NULL), RELOAD_OK);
	assert_int_equal(reload_trust_check(trust, two, NULL, 0, NOW, NULL), RELOAD_OK);
	assert_string_equal(one->user, two->user);
	assert_false(reload_cert_has_node(one, &second));
}

/* --- self-signed certificates (RFC 6940 s11.3.1) -------------------------------------------------------------------- */

static struct reload_cert *self_signed(uint8_t digest, uint32_t first, uint32_t count)
{
	struct wr info;
	struct reload_id ids[4];
	wr_init(&info);
	assert_int_equal(reload_key_public_info(&info, our.node_key), RELOAD_OK);
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(reload_self_node_id(&ids[i], wr_done(&info), digest, 16,
					 first ? first + i : 0),
			RELOAD_OK);
	wr_clear(&info);
	struct reload_cert_request req = node_request();
	req.node_ids = ids;
	req.node_ids_count = count;
	req.user = "who@ever.example";
	return make_cert(&req, our.node_key, NULL, NULL);
}

static void self_signed_where_permitted(void **state)
{
	(void)state;
	AUTO(reload_trust) strict = new_trust((struct reload_trust_setup){ 0 });
	AUTO(reload_trust)
	sha1 = new_trust((struct reload_trust_setup){ .self_signed_digest = RELOAD_HASH_SHA1 });
	AUTO(reload_trust)
	sha256 = new_trust((struct reload_trust_setup){ .self_signed_digest = RELOAD_HASH_SHA256 });
	AUTO(reload_cert) with_sha1 = self_signed(RELOAD_HASH_SHA1, 0, 1);
	AUTO(reload_cert) with_sha256 = self_signed(RELOAD_HASH_SHA256, 0, 1);
	/* R-11.3.1-01, R-11.3.1-02, R-11.1-19 */
	assert_int_equal(reload_trust_check(sha1, with_sha1, NULL, 0, NOW, NULL), RELOAD_OK);
	assert_int_equal(reload_trust_check(sha256, with_sha256, NULL, 0, NOW, NULL), RELOAD_OK);
	/* R-11.3.1-04: a Node-ID that the key does not give */
	refused(sha256, with_sha1, RELOAD_CERT_UNTRUSTED, "not those of its key");
	refused(strict, with_sha1, RELOAD_CERT_UNTRUSTED, "does not permit");
	struct reload_cert_request req = node_request();
	AUTO(reload_cert) chosen = make_cert(&req, our.node_key, NULL, NULL);
	refused(sha1, chosen, RELOAD_CERT_UNTRUSTED, "not those of its key");
	/* R-11.1-17: no root at all is enough where nodes sign for themselves */
	struct reload_trust_setup setup = { .ops = &reload_ident_openssl,
		.overlay = OVERLAY,
		.node_id_len = 16,
		.self_signed_digest = RELOAD_HASH_SHA1 };
	AUTO(reload_trust) rootless = NULL;
	assert_int_equal(reload_trust_new(&rootless, &setup, NULL), RELOAD_OK);
	assert_int_equal(reload_trust_check(rootless, with_sha1, NULL, 0, NOW, NULL), RELOAD_OK);
	/* authorities are still believed where self-signed certificates are permitted */
	AUTO(reload_cert) issued = make_cert(&req, our.node_key, our.root, our.root_key);
	assert_int_equal(reload_trust_check(sha1, issued, NULL, 0, NOW, NULL), RELOAD_OK);
	/* R-4.1-01: only the chain is different; dates, names and bad nodes count as ever */
	assert_int_equal(reload_trust_check(sha1, with_sha1, NULL, 0, NOW + 2 * DAY, NULL),
		RELOAD_CERT_EXPIRED);
	AUTO(reload_trust)
	other = new_trust((struct reload_trust_setup){
		.overlay = "other.example", .self_signed_digest = RELOAD_HASH_SHA1 });
	refused(other, with_sha1, RELOAD_BAD_CERT, "not for");
	AUTO(reload_trust)
	banned = new_trust((struct reload_trust_setup){ .bad_nodes = with_sha1->node_ids,
		.bad_nodes_count = 1,
		.self_signed_digest = RELOAD_HASH_SHA1 });
	refused(banned, with_sha1, RELOAD_CERT_REVOKED, "bad-node");
}

/* R-11.3.1-03 */
static void self_signed_with_several_node_ids(void **state)
{
	(void)state;
	AUTO(reload_trust)
	trust = new_trust((struct reload_trust_setup){ .self_signed_digest = RELOAD_HASH_SHA1 });
	AUTO(reload_cert) three = self_signed(RELOAD_HASH_SHA1, 1, 3);
	assert_int_equal(reload_trust_check(trust, three, NULL, 0, NOW, NULL), RELOAD_OK);
	/* the indexes 2 and 3 are not those of two Node-IDs */
	AUTO(reload_cert) gap = self_signed(RELOAD_HASH_SHA1, 2, 2);
	refused(trust, gap, RELOAD_CERT_UNTRUSTED, "not those of its key");
	/* nor is index 1 that of a single one */
	AUTO(reload_cert) one = self_signed(RELOAD_HASH_SHA1, 1, 1);
	refused(trust, one, RELOAD_CERT_UNTRUSTED, "not those of its key");
}

static void self_signed_by_another_key(void **state)
{
	(void)state;
	AUTO(reload_trust)
	trust = new_trust((struct reload_trust_setup){ .self_signed_digest = RELOAD_HASH_SHA1 });
	AUTO(reload_cert) good = self_signed(RELOAD_HASH_SHA1, 0, 1);
	char *uri = reload_node_uri(&good->node_ids[0], OVERLAY);
	struct forge_name names[] = { { GEN_URI, uri }, { GEN_EMAIL, "eve@" OVERLAY } };
	struct forge f = { .names = names,
		.names_count = 2,
		.key = our.node_key->native,
		.signer = our.other_key->native };
	AUTO(reload_cert) stolen = forge_cert(&f);
	refused(trust, stolen, RELOAD_CERT_UNTRUSTED, "no chain");
	/* a subject is for the compatibility switch (SEC-11) */
	f.signer = NULL;
	f.subject = f.issuer = "eve";
	AUTO(reload_cert) named = forge_cert(&f);
	refused(trust, named, RELOAD_BAD_CERT, "subject is not empty");
	AUTO(reload_trust)
	lenient = new_trust((struct reload_trust_setup){
		.self_signed_digest = RELOAD_HASH_SHA1, .self_signed_subject = true });
	assert_int_equal(reload_trust_check(lenient, named, NULL, 0, NOW, NULL), RELOAD_OK);
	free(uri);
}

static void certificates_of_the_vectors(void **state)
{
	(void)state;
	AUTO(reload_cert) ca = read_cert("keys/ca.cert.der");
	AUTO(reload_trust)
	trust = new_trust((struct reload_trust_setup){
		.roots = &ca->der, .roots_count = 1, .self_signed_digest = RELOAD_HASH_SHA1 });
	static const char *const good[] = { "keys/node-a.cert.der", "keys/node-b.cert.der",
		"keys/node-m.cert.der", "keys/self.cert.der" };
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		AUTO(reload_cert) cert = read_cert(good[i]);
		assert_int_equal(reload_trust_check(trust, cert, NULL, 0, NOW, NULL), RELOAD_OK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted_by_a_root),
		cmocka_unit_test(two_roots),
		cmocka_unit_test(root_of_somebody_else),
		cmocka_unit_test(validity),
		cmocka_unit_test(expired_root_and_intermediate),
		cmocka_unit_test(authorities_need_the_right_to_issue),
		cmocka_unit_test(node_certificates_issue_nothing),
		cmocka_unit_test(chains_have_a_limit),
		cmocka_unit_test(loops_and_crowds_of_intermediates_are_bounded),
		cmocka_unit_test(bad_nodes),
		cmocka_unit_test(other_overlays_and_lengths),
		cmocka_unit_test(names_that_do_not_belong),
		cmocka_unit_test(devices_of_one_user),
		cmocka_unit_test(self_signed_where_permitted),
		cmocka_unit_test(self_signed_with_several_node_ids),
		cmocka_unit_test(self_signed_by_another_key),
		cmocka_unit_test(certificates_of_the_vectors),
	};
	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
