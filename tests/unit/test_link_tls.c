/* Who may have a link: certificates, versions and suites of both ends. */
#include "link_cast.h"
#include "link_raw.h"

#include <sys/stat.h>

static struct authority foreign;
static const struct reload_links_setup defaults;

static int setup(void **state)
{
	authority_init(&foreign, "other root");
	return cast_begin(state);
}

static int teardown(void **state)
{
	authority_clear(&foreign);
	return cast_end(state);
}

static void connect_nodes(struct node *from, struct node *to, uint32_t link)
{
	struct reload_ip_port at = loopback(to->port);
	node_dial(from->links, link, &at, 1);
}

static void both_ends_know_each_other(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { .echo = true };
	node_start(&a, loop, &alice, root.trust, defaults);
	node_start(&b, loop, &bob, root.trust, defaults);
	connect_nodes(&a, &b, 7);
	TURN_UNTIL(loop, a.ups && b.ups);
	/* R-6.6.1-01, R-13.6-02: each end holds the verified certificate of the other */
	assert_true(reload_id_eq(&a.up_node, &bob.node));
	assert_true(reload_id_eq(&b.up_node, &alice.node));
	assert_int_equal(a.up_link, 7);
	/* the end that accepts has a number of its own */
	assert_int_equal(b.up_link >> 31, 1);
	struct reload_link_info info;
	assert_true(reload_links_info(a.links, 7, &info));
	assert_string_equal(info.version, "TLSv1.3");
	assert_true(info.good && !info.incoming);
	assert_int_equal(info.peer.port, b.port);

	/* R-6.6.5-01: DATA there and back */
	assert_true(reload_links_send(a.links, 7, span_str("hello")));
	TURN_UNTIL(loop, a.messages == 1);
	assert_int_equal(a.last_len, 5);
	assert_memory_equal(a.last, "hello", 5);
	assert_int_equal(reload_links_counters(a.links)->opened, 1);
	assert_int_equal(reload_links_counters(b.links)->accepted, 1);
	node_stop(&a);
	node_stop(&b);
}

static void old_peers_speak_tls_1_2(void **state)
{
	(void)state;
	/* LINK-14, either end being the old one */
	for (int old = 0; old < 2; old++) {
		struct node a = { 0 }, b = { .echo = true };
		struct reload_links_setup tune[2] = { 0 };
		tune[old].tls_version_max = TLS1_2_VERSION;
		node_start(&a, loop, &alice, root.trust, tune[0]);
		node_start(&b, loop, &bob, root.trust, tune[1]);
		connect_nodes(&a, &b, 1);
		TURN_UNTIL(loop, a.ups && b.ups);
		struct reload_link_info info;
		assert_true(reload_links_info(a.links, 1, &info));
		assert_string_equal(info.version, "TLSv1.2");
		/* R-6.6.1-01: ephemeral keys and authenticated encryption */
		assert_memory_equal(info.cipher, "ECDHE-", 6);
		assert_true(strstr(info.cipher, "GCM") || strstr(info.cipher, "CHACHA20"));
		assert_true(reload_id_eq(&b.up_node, &alice.node));
		assert_true(reload_links_send(a.links, 1, span_str("hello")));
		TURN_UNTIL(loop, a.messages == 1);
		node_stop(&a);
		node_stop(&b);
	}
}

/* who connects to bob's node, whose trust is given: no link, and bob says why */
static void expect_refused(
	const struct identity *who, struct reload_trust *trust, enum reload_err err, int version)
{
	struct node a = { 0 }, b = { 0 };
	struct reload_links_setup tune = { .tls_version_max = version };
	node_start(&a, loop, who, root.trust, tune);
	node_start(&b, loop, &bob, trust, tune);
	connect_nodes(&a, &b, 3);
	TURN_UNTIL(loop, b.refusals && a.downs);
	assert_int_equal(b.ups, 0);
	assert_int_equal(b.refused_err, err);
	assert_true(b.refused_why[0]);
	/* the client learns that its certificate was the reason */
	assert_int_equal(a.down_err, RELOAD_BAD_CERT);
	assert_non_null(strstr(a.down_why, "refused our certificate"));
	assert_int_equal(reload_links_counters(b.links)->links, 0);
	assert_int_equal(reload_links_counters(b.links)->refused, 1);
	node_stop(&a);
	node_stop(&b);
}

static void certificates_that_are_refused(void **state)
{
	(void)state;
	struct identity stranger, elsewhere, late;
	identity_init(&stranger, &foreign, 9, OVERLAY, 3600 * 1000);
	identity_init(&elsewhere, &root, 9, "other.example", 3600 * 1000);
	identity_init(&late, &root, 9, OVERLAY, -1000);
	struct reload_trust *without_alice = fixture_trust(root.cert, &alice.node, 1);
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	for (size_t i = 0; i < COUNT_OF(versions); i++) {
		/* R-13.6-02, R-6.6.1-01: another authority, another overlay, expired, a bad-node */
		expect_refused(&stranger, root.trust, RELOAD_CERT_UNTRUSTED, versions[i]);
		expect_refused(&elsewhere, root.trust, RELOAD_BAD_CERT, versions[i]);
		expect_refused(&late, root.trust, RELOAD_CERT_EXPIRED, versions[i]);
		expect_refused(&alice, without_alice, RELOAD_CERT_REVOKED, versions[i]);
	}
	reload_trust_free(without_alice);
	identity_clear(&late);
	identity_clear(&elsewhere);
	identity_clear(&stranger);
}

static void the_client_judges_too(void **state)
{
	(void)state;
	struct identity stranger;
	struct node a = { 0 }, b = { 0 };
	identity_init(&stranger, &foreign, 9, OVERLAY, 3600 * 1000);
	node_start(&a, loop, &alice, root.trust, defaults);
	node_start(&b, loop, &stranger, root.trust, defaults);
	connect_nodes(&a, &b, 3);
	TURN_UNTIL(loop, a.downs && b.refusals);
	/* R-13.6-02: the other direction */
	assert_int_equal(a.ups, 0);
	assert_int_equal(b.ups, 0);
	assert_int_equal(a.down_err, RELOAD_CERT_UNTRUSTED);
	node_stop(&a);
	node_stop(&b);
	identity_clear(&stranger);
}

static void no_certificate_no_link(void **state)
{
	(void)state;
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	for (size_t i = 0; i < COUNT_OF(versions); i++) {
		struct node b = { 0 };
		struct raw r;
		node_start(&b, loop, &bob, root.trust, defaults);
		raw_init(&r, b.port, NULL);
		SSL_CTX_set_max_proto_version(r.ctx, versions[i]);
		int code = raw_handshake(&r, loop);
		TURN_UNTIL(loop, b.refusals == 1);
		/* R-6.5.1.13-02: asked for, and its absence ends the handshake */
		assert_int_equal(b.ups, 0);
		uint8_t byte;
		assert_true(code != SSL_ERROR_NONE || !raw_read(&r, loop, &byte, 1));
		raw_clear(&r);
		node_stop(&b);
	}
}

static void self_signed_overlays_have_secure_links(void **state)
{
	(void)state;
	struct reload_error_text why;
	struct reload_trust *trust;
	struct reload_trust_setup set = {
		.ops = &reload_ident_openssl,
		.overlay = OVERLAY,
		.node_id_len = 16,
		.self_signed_digest = RELOAD_HASH_SHA1,
	};
	assert_int_equal(reload_trust_new(&trust, &set, &why), RELOAD_OK);
	struct identity self[2];
	for (int i = 0; i < 2; i++) {
		struct wr info;
		wr_init(&info);
		assert_int_equal(reload_key_new(&self[i].key, RELOAD_KEY_P256), RELOAD_OK);
		assert_int_equal(reload_key_public_info(&info, self[i].key), RELOAD_OK);
		assert_int_equal(reload_self_node_id(&self[i].node, span_of(info.at, info.len),
					 RELOAD_HASH_SHA1, 16, 0),
			RELOAD_OK);
		wr_clear(&info);
		reload_utc now = reload_poll_wall();
		struct reload_cert_request req = { .overlay = OVERLAY,
			.user = "self@" OVERLAY,
			.node_ids = &self[i].node,
			.node_ids_count = 1,
			.not_before = now - 1000000,
			.not_after = now + 1000000,
			.serial = { 7 } };
		self[i].cert = fixture_cert(&req, self[i].key, NULL, NULL);
	}
	struct node a = { 0 }, b = { 0 };
	node_start(&a, loop, &self[0], trust, defaults);
	node_start(&b, loop, &self[1], trust, defaults);
	connect_nodes(&a, &b, 3);
	TURN_UNTIL(loop, a.ups && b.ups);
	assert_true(reload_id_eq(&b.up_node, &self[0].node));
	/* R-4.1-01: who shows no certificate, or one of an authority, has no link in this mode either */
	struct raw none, other;
	raw_init(&none, b.port, NULL);
	raw_init(&other, b.port, &alice);
	raw_handshake(&none, loop);
	raw_handshake(&other, loop);
	TURN_UNTIL(loop, b.refusals == 2);
	assert_int_equal(b.ups, 1);
	raw_clear(&none);
	raw_clear(&other);
	node_stop(&a);
	node_stop(&b);
	for (int i = 0; i < 2; i++)
		identity_clear(&self[i]);
	reload_trust_free(trust);
}

static void weak_suites_are_refused(void **state)
{
	(void)state;
	static const char *const weak[] = { "NULL:@SECLEVEL=0", "aNULL:@SECLEVEL=0",
		"AES128-SHA:@SECLEVEL=0", "ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0" };
	struct node b = { 0 };
	node_start(&b, loop, &bob, root.trust, defaults);
	for (unsigned i = 0; i <= COUNT_OF(weak); i++) {
		struct raw r;
		raw_init(&r, b.port, &alice);
		SSL_CTX_set_security_level(r.ctx, 0);
		SSL_CTX_set_min_proto_version(r.ctx, 0);
		SSL_CTX_set_max_proto_version(
			r.ctx, i < COUNT_OF(weak) ? TLS1_2_VERSION : TLS1_1_VERSION);
		if (i < COUNT_OF(weak))
			assert_int_equal(SSL_CTX_set_cipher_list(r.ctx, weak[i]), 1);
		/* R-6.6.1-01: no NULL, no anonymous suite, no static key, nothing older than TLS 1.2 */
		assert_int_not_equal(raw_handshake(&r, loop), SSL_ERROR_NONE);
		TURN_UNTIL(loop, b.refusals == i + 1);
		raw_clear(&r);
	}
	assert_int_equal(b.ups, 0);
	node_stop(&b);
}

static void sessions_are_not_resumed(void **state)
{
	(void)state;
	struct node b = { 0 };
	node_start(&b, loop, &bob, root.trust, defaults);
	struct raw r, again;
	raw_init(&r, b.port, &alice);
	SSL_CTX_set_max_proto_version(r.ctx, TLS1_2_VERSION);
	assert_int_equal(raw_handshake(&r, loop), SSL_ERROR_NONE);
	TURN_UNTIL(loop, b.ups == 1);
	SSL_SESSION *session = SSL_get1_session(r.ssl);
	assert_int_equal(SSL_SESSION_has_ticket(session), 0);
	raw_init(&again, b.port, &alice);
	SSL_CTX_set_max_proto_version(again.ctx, TLS1_2_VERSION);
	again.session = session;
	assert_int_equal(raw_handshake(&again, loop), SSL_ERROR_NONE);
	TURN_UNTIL(loop, b.ups == 2);
	assert_int_equal(SSL_session_reused(again.ssl), 0);
	SSL_SESSION_free(session);
	raw_clear(&r);
	raw_clear(&again);
	node_stop(&b);
}

static void a_new_trust_ends_links(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { 0 };
	node_start(&a, loop, &alice, root.trust, defaults);
	node_start(&b, loop, &bob, root.trust, defaults);
	connect_nodes(&a, &b, 3);
	TURN_UNTIL(loop, a.ups && b.ups);
	reload_links_set_trust(b.links, root.trust);
	turn_for(loop, 20);
	assert_int_equal(b.downs, 0);
	struct reload_trust *without_alice = fixture_trust(root.cert, &alice.node, 1);
	reload_links_set_trust(b.links, without_alice);
	assert_int_equal(b.downs, 0); /* orders never call back */
	TURN_UNTIL(loop, b.downs && a.downs);
	assert_int_equal(b.down_err, RELOAD_CERT_REVOKED);
	connect_nodes(&a, &b, 4);
	TURN_UNTIL(loop, b.refusals);
	assert_int_equal(b.refused_err, RELOAD_CERT_REVOKED);
	reload_trust_free(without_alice);
	node_stop(&a);
	node_stop(&b);
}

/* R-13.4-01: a certificate is valid when its link comes up, and ends while the link is up; its own node does nothing about it */
static void a_certificate_that_ends_ends_its_link(void **state)
{
	(void)state;
	struct identity brief;
	struct node a = { 0 }, b = { 0 };
	identity_init(&brief, &root, 9, OVERLAY, 2500); /* whole seconds: 1.5 s at least */
	node_start(&a, loop, &brief, root.trust, defaults);
	node_start(&b, loop, &bob, root.trust, defaults);
	connect_nodes(&a, &b, 3);
	TURN_UNTIL(loop, a.ups && b.ups);
	TURN_UNTIL(loop, a.downs && b.downs);
	assert_true(reload_poll_wall() >= brief.cert->not_after);
	assert_int_equal(b.down_err, RELOAD_CERT_EXPIRED);
	assert_int_equal(reload_links_counters(b.links)->links, 0);
	node_stop(&a);
	node_stop(&b);
	identity_clear(&brief);
}

static void secrets_are_logged_on_request(void **state)
{
	(void)state;
	char path[] = "/tmp/reload-keylog-XXXXXX", line[512];
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	unlink(path);
	struct node a = { 0 }, b = { 0 };
	node_start(&a, loop, &alice, root.trust, (struct reload_links_setup){ .keylog = path });
	node_start(&b, loop, &bob, root.trust, defaults);
	connect_nodes(&a, &b, 3);
	TURN_UNTIL(loop, a.ups && b.ups);
	node_stop(&a);
	node_stop(&b);
	struct stat s;
	assert_int_equal(stat(path, &s), 0);
	assert_int_equal(s.st_mode & 0777, 0600);
	FILE *f = fopen(path, "r");
	unsigned traffic = 0;
	while (fgets(line, sizeof(line), f))
		traffic += !strncmp(line, "CLIENT_TRAFFIC_SECRET_0 ", 24) ||
			   !strncmp(line, "SERVER_TRAFFIC_SECRET_0 ", 24);
	assert_int_equal(traffic, 2);
	fclose(f);
	unlink(path);

	struct reload_links *none;
	struct reload_error_text why;
	struct reload_links_setup bad = { .poll = loop,
		.ops = &node_ops,
		.cert = alice.cert,
		.key = alice.key,
		.trust = root.trust,
		.max_message = 5000,
		.keylog = "/nonexistent/keys" };
	assert_int_equal(reload_links_new(&none, &bad, &why), RELOAD_IO);
	bad.keylog = NULL;
	bad.key = bob.key; /* not the key of the certificate */
	assert_int_equal(reload_links_new(&none, &bad, &why), RELOAD_BAD_KEY);
	assert_non_null(strstr(why.what, "private key"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ends_know_each_other),
		cmocka_unit_test(old_peers_speak_tls_1_2),
		cmocka_unit_test(certificates_that_are_refused),
		cmocka_unit_test(the_client_judges_too),
		cmocka_unit_test(no_certificate_no_link),
		cmocka_unit_test(self_signed_overlays_have_secure_links),
		cmocka_unit_test(weak_suites_are_refused),
		cmocka_unit_test(sessions_are_not_resumed),
		cmocka_unit_test(a_new_trust_ends_links),
		cmocka_unit_test(a_certificate_that_ends_ends_its_link),
		cmocka_unit_test(secrets_are_logged_on_request),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
