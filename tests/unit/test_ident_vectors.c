#include "ident_util.h"

#include "vectors.h"

static const char *const keys[] = { "node-a", "node-b", "node-m", "self", "ca" };

static void assert_hex(struct span s, json_t *hex)
{
	char *text = reload_alloc(2 * s.len + 1);
	assert_string_equal(reload_hex(text, s), json_string_value(hex));
	free(text);
}

static void certificates_of_the_vectors_are_read(void **state)
{
	(void)state;
	AUTO(reload_cert) a = read_cert("keys/node-a.cert.der");
	/* R-4.1-03 */
	assert_int_equal(a->node_ids_count, 1);
	struct reload_id id = id_of("101112131415161718191a1b1c1d1e1f");
	assert_true(reload_id_eq(&a->node_ids[0], &id));
	/* R-11.3-27 */
	assert_true(reload_cert_has_node(a, &id));
	assert_string_equal(a->user, "alice@" OVERLAY);
	assert_string_equal(a->overlay, OVERLAY);
	assert_false(a->authority || a->self_issued || a->san_extra);
	assert_true(a->subject_empty);
	assert_string_equal(a->issuer_text, "CN = RELOAD test root");
	char text[RELOAD_UTC_TEXT];
	assert_string_equal(reload_utc_text(text, a->not_before), "2024-01-01T00:00:00Z");
	assert_string_equal(reload_utc_text(text, a->not_after), "2044-01-01T00:00:00Z");

	AUTO(reload_cert) m = read_cert("keys/node-m.cert.der");
	assert_int_equal(m->node_ids_count, 2);
	assert_int_equal(m->node_ids[1].at[0], 0x30);
	AUTO(reload_cert) ca = read_cert("keys/ca.cert.der");
	assert_true(ca->authority && ca->self_issued);
	assert_null(ca->user);
	assert_true(span_eq(ca->subject, a->issuer));
}

static void keys_fit_their_certificates_only(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		for (size_t j = 0; j < COUNT_OF(keys); j++) {
			char key_name[64], cert_name[64];
			snprintf(key_name, sizeof(key_name), "keys/%s.key.pem", keys[i]);
			snprintf(cert_name, sizeof(cert_name), "keys/%s.cert.der", keys[j]);
			AUTO(reload_key) key = read_key(key_name);
			AUTO(reload_cert) cert = read_cert(cert_name);
			assert_int_equal(reload_key_fits(key, cert), i == j);
		}
}

static void identities_of_the_vectors(void **state)
{
	(void)state;
	json_t *scalars = read_json("scalars.json");
	AUTO(reload_cert) a = read_cert("keys/node-a.cert.der");
	AUTO(reload_cert) m = read_cert("keys/node-m.cert.der");
	uint8_t bytes[64];
	struct wr w = wr_fixed(bytes, sizeof(bytes));
	/* R-6.3.4-10 */
	reload_cert_identity_write(&w, a, &a->node_ids[0]);
	assert_int_equal(w.err, RELOAD_OK);
	assert_memory_equal(bytes, "\x01\x00\x22\x04\x20", 5);
	assert_hex(span_of(bytes + 5, 32),
		json_object_get(json_object_get(scalars, "cert_hash_node_a"), "hash"));
	/* R-6.3.4-11 */
	w = wr_fixed(bytes, sizeof(bytes));
	reload_cert_identity_write(&w, m, &m->node_ids[1]);
	assert_memory_equal(bytes, "\x02\x00\x22\x04\x20", 5);
	assert_hex(span_of(bytes + 5, 32),
		json_object_get(json_object_get(scalars, "cert_hash_node_id_m2"), "hash"));
	json_decref(scalars);
}

static void uris_of_the_vectors(void **state)
{
	(void)state;
	json_t *scalars = read_json("scalars.json");
	AUTO(reload_cert) a = read_cert("keys/node-a.cert.der");
	char *uri = reload_node_uri(&a->node_ids[0], "Overlay.Example.ORG");
	/* R-14-05, R-11.3-16 */
	assert_string_equal(uri, json_string_value(json_object_get(scalars, "reload_uri_node_a")));
	free(uri);
	json_decref(scalars);
}

static void self_signed_node_ids_of_the_vectors(void **state)
{
	(void)state;
	json_t *scalars = read_json("scalars.json"),
	       *self = json_object_get(scalars, "self_signed");
	AUTO(reload_cert) cert = read_cert("keys/self.cert.der");
	struct reload_id id;
	/* R-11.3.1-02, R-11.1-19 */
	assert_int_equal(reload_self_node_id(&id, cert->public_key_info, RELOAD_HASH_SHA1, 16, 0),
		RELOAD_OK);
	assert_hex(reload_id_span(&id), json_object_get(self, "node_id_sha1"));
	assert_int_equal(reload_self_node_id(&id, cert->public_key_info, RELOAD_HASH_SHA256, 16, 0),
		RELOAD_OK);
	assert_hex(reload_id_span(&id), json_object_get(self, "node_id_sha256"));
	/* all 20 bytes of SHA-1 make a Node-ID of 20 bytes */
	assert_int_equal(reload_self_node_id(&id, cert->public_key_info, RELOAD_HASH_SHA1, 20, 0),
		RELOAD_OK);
	assert_hex(reload_id_span(&id), json_object_get(self, "spki_sha1"));
	/* R-11.3.1-03 */
	for (uint32_t i = 1; i <= 2; i++) {
		assert_int_equal(
			reload_self_node_id(&id, cert->public_key_info, RELOAD_HASH_SHA1, 16, i),
			RELOAD_OK);
		assert_hex(reload_id_span(&id),
			json_array_get(json_object_get(self, "multi_sha1"), i - 1));
	}
	assert_int_equal(reload_self_node_id(&id, cert->public_key_info, RELOAD_HASH_SHA512, 16, 0),
		RELOAD_BAD_VALUE);
	AUTO(reload_key) key = read_key("keys/self.key.pem");
	struct wr w;
	wr_init(&w);
	assert_int_equal(reload_key_public_info(&w, key), RELOAD_OK);
	assert_true(span_eq(wr_done(&w), cert->public_key_info));
	wr_clear(&w);
	json_decref(scalars);
}

/* RSASSA-PKCS1-v1_5 has no random part: the same bytes give the same signature. */
static void signing_gives_the_signatures_of_the_vectors(void **state)
{
	(void)state;
	static const struct {
		const char *tbs, *vector, *node;
	} cases[] = {
		/* R-6.3.4-12 */
		{ "ping-req-signed-tbs", "ping-req-signed", "node-a" },
		{ "ping-req-multi-id-tbs", "ping-req-multi-id", "node-m" },
		{ "store-req-dict-tbs", "store-req-dict", "node-a" },
		/* R-7.1-01 */
		{ "stored-data-dict-tbs", "stored-data-dict", "node-a" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char key_name[64], cert_name[64];
		snprintf(key_name, sizeof(key_name), "keys/%s.key.pem", cases[i].node);
		snprintf(cert_name, sizeof(cert_name), "keys/%s.cert.der", cases[i].node);
		AUTO(reload_key) key = read_key(key_name);
		AUTO(reload_cert) cert = read_cert(cert_name);
		struct vector tbs, signed_vector;
		vector_load(&tbs, cases[i].tbs);
		vector_load(&signed_vector, cases[i].vector);
		struct span value = span_of(signed_vector.at + signed_vector.len - 256, 256);
		struct wr out;
		wr_init(&out);
		uint8_t hash, sig;
		assert_int_equal(
			key->ops->sign(key, vector_span(&tbs), &hash, &sig, &out), RELOAD_OK);
		/* R-6.3.4-09 */
		assert_int_equal(hash, 4);
		assert_int_equal(sig, 1);
		assert_true(span_eq(wr_done(&out), value));
		/* R-6.3.4-08 */
		assert_int_equal(
			cert->ops->verify(cert, 4, 1, vector_span(&tbs), value), RELOAD_OK);
		wr_clear(&out);
		vector_clear(&tbs);
		vector_clear(&signed_vector);
	}
}

/* Finds the signer among the certificates of the message, as a node with an empty cache does; owned, NULL for none. */
static struct reload_cert *signer_of(
	const struct reload_msg *m, const struct reload_signature *sig, struct reload_id *node)
{
	for (size_t i = 0; i < m->security.certificates_count; i++) {
		AUTO(reload_cert) cert = NULL;
		/* R-6.3.4-05 */
		assert_int_equal(m->security.certificates[i].type, RELOAD_X509);
		assert_int_equal(reload_cert_parse(&cert, &reload_ident_openssl,
					 m->security.certificates[i].certificate, NULL),
			RELOAD_OK);
		if (reload_cert_denotes(cert, &sig->identity, node))
			return TAKE(cert);
	}
	return NULL;
}

static enum reload_err verify_message(const struct reload_msg *m, struct reload_cert *cert)
{
	const struct reload_signature *sig = &m->security.signature;
	struct wr input;
	wr_init(&input);
	reload_msg_signature_input(&input, m->header.overlay, m->header.transaction_id, m->contents,
		sig->identity_bytes);
	enum reload_err err =
		cert->ops->verify(cert, sig->hash_alg, sig->sig_alg, wr_done(&input), sig->value);
	wr_clear(&input);
	return err;
}

static enum reload_err verify_value(struct span resource, uint32_t kind,
	const struct reload_stored_data *d, struct reload_cert *cert)
{
	struct wr input;
	wr_init(&input);
	reload_stored_signature_input(&input, resource, kind, d, d->signature.identity_bytes);
	enum reload_err err = cert->ops->verify(cert, d->signature.hash_alg, d->signature.sig_alg,
		wr_done(&input), d->signature.value);
	wr_clear(&input);
	return err;
}

static bool check_message(const char *name)
{
	AUTO(reload_cert) cert = NULL;
	AUTO(reload_msg) msg = NULL;
	struct vector bytes;
	struct wire_ctx ctx = vector_ctx(NULL);
	struct reload_id node;
	vector_load(&bytes, name);
	assert_int_equal(reload_msg_decode(&msg, vector_span(&bytes), &ctx), RELOAD_OK);
	vector_clear(&bytes);
	cert = signer_of(msg, &msg->security.signature, &node);
	if (!cert) {
		/* R-6.3.4-20 */
		assert_int_equal(msg->security.signature.identity.type, RELOAD_IDENTITY_NONE);
		return false;
	}
	/* R-6.3.4-07 */
	assert_int_equal(verify_message(msg, cert), RELOAD_OK);
	/* R-6.3.4-13 */
	msg->header.ttl--;
	msg->header.configuration_sequence++;
	assert_int_equal(verify_message(msg, cert), RELOAD_OK);
	/* R-6.3.4-12 */
	msg->header.transaction_id ^= 1;
	assert_int_equal(verify_message(msg, cert), RELOAD_BAD_SIGNATURE);
	msg->header.transaction_id ^= 1;
	msg->header.overlay ^= 1;
	assert_int_equal(verify_message(msg, cert), RELOAD_BAD_SIGNATURE);
	return true;
}

static void every_signed_message_of_the_vectors_verifies(void **state)
{
	(void)state;
	json_t *names = vector_json_file("vectors");
	size_t i, verified = 0, unsigned_ones = 0;
	json_t *v;
	json_array_foreach (names, i, v) {
		if (strcmp(json_string_value(json_object_get(v, "form")), "message"))
			continue;
		if (check_message(json_string_value(json_object_get(v, "name"))))
			verified++;
		else
			unsigned_ones++;
	}
	assert_in_range(verified, 3, 1000);
	assert_in_range(unsigned_ones, 1, 1000);
	json_decref(names);
}

static void check_value(const struct reload_msg *msg, uint32_t kind, struct reload_stored_data d)
{
	struct span resource = msg->body.store_req.resource;
	struct reload_id node;
	/* the message carries the certificates of the values inside */
	AUTO(reload_cert) cert = signer_of(msg, &d.signature, &node);
	assert_non_null(cert);
	assert_int_equal(verify_value(resource, kind, &d, cert), RELOAD_OK);
	/* R-7.1-02 */
	d.lifetime++;
	assert_int_equal(verify_value(resource, kind, &d, cert), RELOAD_OK);
	/* R-7.1-01 */
	assert_int_equal(verify_value(resource, kind + 1, &d, cert), RELOAD_BAD_SIGNATURE);
	resource.len--;
	assert_int_equal(verify_value(resource, kind, &d, cert), RELOAD_BAD_SIGNATURE);
	resource.len++;
	d.storage_time++;
	assert_int_equal(verify_value(resource, kind, &d, cert), RELOAD_BAD_SIGNATURE);
}

static void stored_values_of_the_vectors_verify(void **state)
{
	(void)state;
	static const char *const names[] = { "store-req-dict", "store-req-cert-append",
		"store-req-turn", "store-req-remove" };
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		AUTO(reload_msg) msg = vector_msg(names[i]);
		const struct reload_store_req *req = &msg->body.store_req;
		assert_true(req->kind_data_count && req->kind_data[0].values_count);
		for (size_t k = 0; k < req->kind_data_count; k++)
			for (size_t j = 0; j < req->kind_data[k].values_count; j++)
				check_value(
					msg, req->kind_data[k].kind, req->kind_data[k].values[j]);
	}
}

/* The signature of the overlay document is over the element alone (CFG-04). */
static void configuration_of_the_vectors_verifies(void **state)
{
	(void)state;
	size_t len;
	char *xml = read_file("config-signed.xml", &len);
	const char *from = strstr(xml, "<configuration"), *to = strstr(xml, "</configuration>");
	assert_true(from && to);
	struct span element = span_of(from, (size_t)(to - from) + strlen("</configuration>"));
	struct vector block;
	vector_load(&block, "config-security-block");
	AUTO(reload_cert) a = read_cert("keys/node-a.cert.der");
	struct span value = vector_field(&block, "signature_value");
	/* R-6.3.4-07 */
	assert_int_equal(a->ops->verify(a, 4, 1, element, value), RELOAD_OK);
	xml[from - xml + 20] ^= 1;
	assert_int_equal(a->ops->verify(a, 4, 1, element, value), RELOAD_BAD_SIGNATURE);
	vector_clear(&block);
	free(xml);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates_of_the_vectors_are_read),
		cmocka_unit_test(keys_fit_their_certificates_only),
		cmocka_unit_test(identities_of_the_vectors),
		cmocka_unit_test(uris_of_the_vectors),
		cmocka_unit_test(self_signed_node_ids_of_the_vectors),
		cmocka_unit_test(signing_gives_the_signatures_of_the_vectors),
		cmocka_unit_test(every_signed_message_of_the_vectors_verifies),
		cmocka_unit_test(stored_values_of_the_vectors_verify),
		cmocka_unit_test(configuration_of_the_vectors_verifies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
