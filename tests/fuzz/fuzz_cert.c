/*
 * Certificates, reload URIs, requests and PEM from unknown senders.  The first byte of the input selects what the rest
 * is read as.
 */
#include "ident/key.h"
#include "ident/trust.h"

#include <assert.h>

enum {
	CERT,
	URI,
	REQUEST,
	PEM_CERTS,
	PEM_KEY,
	KINDS
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const reload_utc now = 1750000000000;

/* A certificate denotes itself, once for each of its Node-IDs. */
static void denotes_itself(const struct reload_cert *cert)
{
	for (size_t i = 0; i < cert->node_ids_count; i++) {
		uint8_t bytes[64];
		struct reload_id node;
		struct wr w = wr_fixed(bytes, sizeof(bytes));
		reload_cert_identity_write(&w, cert, &cert->node_ids[i]);
		assert(!w.err && w.len == 37);
		struct reload_signer_identity identity = { bytes[0], bytes[3],
			span_of(bytes + 5, 32) };
		assert(reload_cert_denotes(cert, &identity, &node));
		assert(reload_id_eq(&node, &cert->node_ids[i]));
	}
}

static void inside(const struct reload_cert *cert, struct span part)
{
	assert(part.at >= cert->der.at && part.len <= cert->der.len);
	assert((size_t)(part.at - cert->der.at) <= cert->der.len - part.len);
}

static void try_cert(struct span der)
{
	AUTO(reload_cert) cert = NULL;
	AUTO(reload_trust) trust = NULL;
	struct reload_error_text why = { "", "", "" };
	if (reload_cert_parse(&cert, &reload_ident_openssl, der, &why)) {
		assert(*why.reason);
		return;
	}
	assert(cert->node_ids_count <= RELOAD_CERT_NODE_IDS_MAX);
	inside(cert, cert->issuer);
	inside(cert, cert->subject);
	inside(cert, cert->public_key_info);
	denotes_itself(cert);
	struct reload_trust_setup setup = { .ops = &reload_ident_openssl,
		.overlay = "overlay.example.org",
		.node_id_len = 16,
		.roots = &der,
		.roots_count = cert->authority,
		.self_signed_digest = RELOAD_HASH_SHA1 };
	if (reload_trust_new(&trust, &setup, &why))
		return;
	struct reload_cert *others[] = { cert, cert };
	if (reload_trust_check(trust, cert, others, COUNT_OF(others), now, &why))
		assert(*why.what && *why.reason);
}

static void try_uri(struct span text)
{
	struct reload_uri uri;
	struct reload_id node, again;
	char *s = reload_alloc(text.len + 1), *overlay = NULL;
	if (text.len)
		memcpy(s, text.at, text.len);
	if (!reload_uri_parse(&uri, s))
		reload_uri_clear(&uri);
	if (!reload_node_uri_parse(&node, &overlay, s)) {
		char *overlay_again = NULL, *printed = reload_node_uri(&node, overlay);
		enum reload_err err = reload_node_uri_parse(&again, &overlay_again, printed);
		assert(!err && reload_id_eq(&node, &again) && !strcmp(overlay, overlay_again));
		free(printed);
		free(overlay_again);
	}
	free(overlay);
	free(s);
}

/* An authority made once: its key is of no importance. */
static void try_request(struct span csr)
{
	static struct reload_key *key;
	char *user = NULL;
	struct wr w;
	wr_init(&w);
	if (!key && reload_key_new(&key, RELOAD_KEY_P256))
		abort();
	struct reload_id node = { .len = 16, .at = { 1 } };
	struct reload_cert_request req = { .overlay = "o.example",
		.user = "a@b",
		.node_ids = &node,
		.node_ids_count = 1,
		.not_before = now,
		.not_after = now,
		.serial = { 1 } };
	struct reload_cert_request root = {
		.authority_name = "root", .not_before = now, .not_after = now, .serial = { 1 }
	};
	static struct reload_cert *ca;
	if (!ca && (reload_cert_make(&w, &root, key, NULL, NULL) ||
			   reload_cert_parse(&ca, &reload_ident_openssl, wr_done(&w), NULL)))
		abort();
	w.len = 0;
	if (!reload_csr_user(&user, csr, NULL))
		assert(!user || reload_user_legal(user));
	free(user);
	if (!reload_csr_public_info(&w, csr, NULL))
		assert(w.len);
	w.len = 0;
	if (!reload_cert_make_csr(&w, &req, csr, ca, key, NULL)) {
		AUTO(reload_cert) cert = NULL;
		enum reload_err err =
			reload_cert_parse(&cert, &reload_ident_openssl, wr_done(&w), NULL);
		assert(!err && cert->ops->cert_signed_by(cert, ca) == RELOAD_OK);
	}
	wr_clear(&w);
}

static void got(void *arg, struct span der)
{
	++*(size_t *)arg;
	try_cert(der);
}

static void try_key(struct span pem)
{
	AUTO(reload_key) key = NULL;
	struct wr out;
	uint8_t hash, sig;
	wr_init(&out);
	if (!reload_key_read_pem(&key, pem, NULL))
		(void)key->ops->sign(key, span_str("x"), &hash, &sig, &out);
	wr_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	size_t len = size - 1, count = 0;
	uint8_t *copy = reload_memdup(data + 1, len); /* one byte too far is seen */
	struct span rest = span_of(copy, len);
	switch (data[0] % KINDS) {
	case CERT:
		try_cert(rest);
		break;
	case URI:
		try_uri(rest);
		break;
	case REQUEST:
		try_request(rest);
		break;
	case PEM_CERTS:
		assert(reload_pem_certificates(rest, got, &count, NULL) == count);
		break;
	case PEM_KEY:
		try_key(rest);
		break;
	}
	free(copy);
	return 0;
}
