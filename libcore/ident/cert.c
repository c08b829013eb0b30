#include "ident/cert.h"

#include <assert.h>

enum reload_err reload_cert_parse(struct reload_cert **out, const struct reload_ident_ops *ops,
	struct span der, struct reload_error_text *why)
{
	if (!der.len || der.len > RELOAD_CERT_MAX)
		return reload_error_explain(why, RELOAD_BAD_CERT, NULL,
			"%zu bytes; a certificate has 1 to %d", der.len, RELOAD_CERT_MAX);
	struct reload_cert *known = ops->cert_known ? ops->cert_known(ops, der) : NULL;
	if (known) {
		*out = reload_cert_ref(known);
		return RELOAD_OK;
	}
	AUTO(reload_cert) cert = RELOAD_NEW(reload_cert);
	cert->refs = 1;
	cert->ops = ops;
	cert->bytes = bytes_copy(der);
	cert->der = bytes_span(cert->bytes);
	uint8_t hash[RELOAD_HASH_SIZE_MAX];
	size_t len = reload_hash(hash, RELOAD_HASH_SHA256, &cert->der, 1);
	assert(len == sizeof(cert->fingerprint));
	memcpy(cert->fingerprint, hash, len);
	enum reload_err err = ops->cert_read(cert, why);
	if (!err)
		*out = TAKE(cert);
	return err;
}

struct reload_cert *reload_cert_ref(const struct reload_cert *cert)
{
	struct reload_cert *shared =
		(struct reload_cert *)cert; /* the reference count is not what const protects */
	shared->refs++;
	return shared;
}

void reload_cert_hash_nodes(struct reload_cert *cert)
{
	if (cert->node_hashes)
		return;
	cert->node_hashes = reload_alloc_array(cert->node_ids_count, sizeof(*cert->node_hashes));
	for (size_t i = 0; i < cert->node_ids_count; i++) {
		uint8_t hash[RELOAD_HASH_SIZE_MAX];
		struct span parts[] = { reload_id_span(&cert->node_ids[i]), cert->der };
		size_t len = reload_hash(hash, RELOAD_HASH_SHA256, parts, COUNT_OF(parts));
		assert(len == sizeof(*cert->node_hashes));
		memcpy(cert->node_hashes[i], hash, len);
	}
}

void reload_cert_free(struct reload_cert *cert)
{
	if (!cert || --cert->refs)
		return;
	cert->ops->cert_clear(cert);
	bytes_free(&cert->bytes);
	free(cert->node_ids);
	free(cert->node_hashes);
	free(cert->user);
	free(cert->overlay);
	free(cert->issuer_text);
	free(cert);
}

bool reload_cert_ends_soon(const struct reload_cert *cert, reload_utc now, reload_ms *look)
{
	static const reload_utc days = 20ull * 86400 * RELOAD_SECOND;
	reload_utc left = cert->not_after > now ? cert->not_after - now : 0,
		   fifth = (cert->not_after - cert->not_before) / 5,
		   ahead = fifth < days ? fifth : days;
	bool soon = left && left < ahead;
	/* the caller may look a little early, since its clocks differ by less than a millisecond: then it looks once more */
	*look = left && !soon ? left - ahead + 1 : left;
	return soon;
}

bool reload_cert_has_node(const struct reload_cert *cert, const struct reload_id *id)
{
	return reload_id_listed(cert->node_ids, cert->node_ids_count, id);
}

/* H(certificate), or H(Node-ID || certificate), the Node-ID "represented without any framing" (RFC 6940 s6.3.4). */
static bool der_hash_is(const struct reload_signer_identity *identity, struct span der,
	const struct reload_id *node)
{
	uint8_t hash[RELOAD_HASH_SIZE_MAX];
	struct span parts[2] = { node ? reload_id_span(node) : span_of(NULL, 0), der };
	size_t len = reload_hash(hash, identity->hash_alg, node ? parts : parts + 1, node ? 2 : 1);
	return len && span_eq(identity->hash, span_of(hash, len));
}

static bool hash_is(const struct reload_signer_identity *identity, const struct reload_cert *cert,
	const struct reload_id *node)
{
	if (!node && identity->hash_alg == RELOAD_HASH_SHA256)
		return span_eq(
			identity->hash, span_of(cert->fingerprint, sizeof(cert->fingerprint)));
	return der_hash_is(identity, cert->der, node);
}

bool reload_cert_denotes(const struct reload_cert *cert,
	const struct reload_signer_identity *identity, struct reload_id *node)
{
	if (identity->type == RELOAD_CERT_HASH) {
		/* with several Node-IDs the signer would be unknown (SEC-04) */
		if (cert->node_ids_count != 1 || !hash_is(identity, cert, NULL))
			return false;
		*node = cert->node_ids[0];
		return true;
	}
	if (identity->type != RELOAD_CERT_HASH_NODE_ID)
		return false;
	for (size_t i = 0; i < cert->node_ids_count; i++)
		if (hash_is(identity, cert, &cert->node_ids[i])) {
			*node = cert->node_ids[i];
			return true;
		}
	return false;
}

/* The Node-ID of the reload URI whose part after "reload://" r reads; false: it has none. */
static bool uri_node(struct reload_id *out, struct rd *r)
{
	char text[2 * (RELOAD_ID_MAX + 2) + 1];
	size_t n = 0;
	const uint8_t *at;
	while (n + 1 < sizeof(text) && rd_more(r) && (at = rd_take(r, 1)) && *at != '@')
		text[n++] = (char)*at;
	text[n] = 0;
	/* a Destination: type node, length, Node-ID */
	return n > 4 && text[0] == '0' && text[1] == '1' && !reload_id_from_hex(out, text + 4);
}

static bool begins_uri(const uint8_t *at)
{
	static const char scheme[] = "reload://";
	for (size_t i = 0; i < sizeof(scheme) - 1; i++)
		if ((at[i] >= 'A' && at[i] <= 'Z' ? at[i] - 'A' + 'a' : at[i]) != scheme[i])
			return false;
	return true;
}

bool reload_cert_may_denote(const struct reload_ident_ops *ops, struct span der,
	const struct reload_signer_identity *identity)
{
	enum {
		SCHEME = 9
	};
	struct reload_id node;
	size_t nodes = 0;
	if (identity->type == RELOAD_CERT_HASH)
		return der_hash_is(identity, der, NULL);
	if (identity->type != RELOAD_CERT_HASH_NODE_ID || !ops->plain_uris)
		return identity->type == RELOAD_CERT_HASH_NODE_ID;
	for (size_t i = 0; i + SCHEME < der.len && nodes < RELOAD_CERT_NODE_IDS_MAX; i++) {
		if (!begins_uri(der.at + i))
			continue;
		struct rd r = rd_of(span_of(der.at + i + SCHEME, der.len - i - SCHEME));
		nodes++;
		if (uri_node(&node, &r) && der_hash_is(identity, der, &node))
			return true;
	}
	return false;
}

void reload_cert_identity_write(
	struct wr *w, const struct reload_cert *cert, const struct reload_id *node)
{
	uint8_t hash[RELOAD_HASH_SIZE_MAX];
	struct reload_signer_identity identity = { RELOAD_CERT_HASH, RELOAD_HASH_SHA256,
		span_of(cert->fingerprint, sizeof(cert->fingerprint)) };
	assert(reload_cert_has_node(cert, node));
	if (cert->node_ids_count > 1) {
		struct span parts[] = { reload_id_span(node), cert->der };
		identity.type = RELOAD_CERT_HASH_NODE_ID;
		identity.hash = span_of(
			hash, reload_hash(hash, RELOAD_HASH_SHA256, parts, COUNT_OF(parts)));
	}
	struct wire_ctx ctx = { .node_id_len = node->len };
	reload_wire_write(w, &reload_signer_identity_wire, &ctx, &identity);
}
