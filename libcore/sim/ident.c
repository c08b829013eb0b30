#include "sim/ident.h"

#include "ident/key.h"

/*
 * Cryptography of the simulator.  Equal inputs give equal bytes, which real ECDSA does not do.  The key of a node is derived from its
 * certificate, so that all can verify; nothing is secret here.
 *
 * A certificate: "SIM1"; flags (1: authority, 2: of another authority); its length in 2 bytes; not_before and not_after, 8 bytes each; user and
 * overlay, each with a length byte; the number of Node-IDs, and these with a length byte each; zeros up to its length.
 *
 * Certificates and signatures are as long as those of reload-enroll, with keys on the curve P-256: in those the name of the overlay stands
 * in the name of the authority and in the URI of each Node-ID.
 */

enum {
	AUTHORITY_SIZE = 366, /* of the certificate of an authority without its names */
	PLAIN_SIZE = 328,     /* of another one */
	URI_SIZE = 49,        /* of a Node-ID, without the name of the overlay */
	SIGNATURE_SIZE = 71,  /* ECDSA as DER: two integers of 32 or 33 bytes */
	TOLD_APART = 96,      /* bytes by which certificates are found: more are rarely needed */
	KEY_AT =
		23 /* what follows the dates stands for the key: a renewed certificate has the same */
};

static const char magic[] = "SIM1";

static char *text(struct rd *r)
{
	struct rd in = rd_open(r, 1);
	struct span s = rd_rest(&in);
	char *out = reload_alloc(s.len + 1);
	if (s.len)
		memcpy(out, s.at, s.len);
	return out;
}

static enum reload_err cert_read(struct reload_cert *cert, struct reload_error_text *why)
{
	struct rd r = rd_of(cert->der);
	const uint8_t *m = rd_take(&r, 4);
	cert->authority = rd_u8(&r) & 1;
	size_t len = rd_u16(&r);
	cert->not_before = rd_u64(&r);
	cert->not_after = rd_u64(&r);
	cert->user = text(&r);
	cert->overlay = text(&r);
	size_t count = rd_u8(&r);
	cert->node_ids = reload_alloc_array(count ? count : 1, sizeof(*cert->node_ids));
	for (size_t i = 0; i < count && !r.err; i++) {
		struct rd in = rd_open(&r, 1);
		if (reload_id_from(&cert->node_ids[cert->node_ids_count++], rd_rest(&in)))
			rd_fail(&r, RELOAD_BAD_VALUE);
	}
	cert->subject_empty = true;
	cert->public_key_info =
		span_of(cert->der.at + KEY_AT, cert->der.len > KEY_AT ? cert->der.len - KEY_AT : 0);
	if (!r.err && len == cert->der.len && m && !memcmp(m, magic, 4))
		return RELOAD_OK;
	return reload_error_explain(
		why, RELOAD_BAD_CERT, "not a certificate of the simulator", "malformed");
}

static void cert_clear(struct reload_cert *cert)
{
	(void)cert; /* has no state of its own */
}

static enum reload_err cert_signed_by(
	const struct reload_cert *cert, const struct reload_cert *issuer)
{
	bool same = !((cert->der.at[4] ^ issuer->der.at[4]) & RELOAD_SIM_CERT_FOREIGN);
	return issuer->authority && same ? RELOAD_OK : RELOAD_BAD_SIGNATURE;
}

/*
 * Four lanes take the 8-byte groups of the input in turn, keyed by the certificate's fingerprint.  Each step is a bijection of its lane, so a
 * changed group always changes the lane; the end mixes the lanes.
 */
enum {
	LANES = 4,
	WORD = sizeof(uint64_t),
	MAC_SIZE = LANES * WORD
};

static uint64_t mixed(uint64_t x)
{
	x = (x ^ x >> 32) * 0xd6e8feb86659fd93u;
	x = (x ^ x >> 29) * 0xd6e8feb86659fd93u;
	return x ^ x >> 32;
}

static uint64_t word(const uint8_t *at, size_t len)
{
	uint64_t v = 0;
	memcpy(&v, at, len < WORD ? len : WORD);
	return v;
}

static void mac(uint8_t out[SIGNATURE_SIZE], const struct reload_cert *cert, struct span input)
{
	uint64_t lane[LANES], all = input.len;
	memcpy(lane, cert->fingerprint, sizeof(lane));
	for (size_t at = 0, i = 0; at < input.len; at += WORD, i++) {
		uint64_t *l = &lane[i % LANES];
		*l = (*l ^ word(input.at + at, input.len - at)) * 0x9e3779b97f4a7c15u;
		*l ^= *l >> 32;
	}
	for (size_t i = 0; i < LANES; i++)
		all = mixed(all ^ lane[i]);
	for (size_t i = 0; i < LANES; i++)
		lane[i] = mixed(lane[i] ^ mixed(all + i));
	for (size_t at = 0; at < SIGNATURE_SIZE; at += MAC_SIZE)
		memcpy(out + at, lane,
			SIGNATURE_SIZE - at < MAC_SIZE ? SIGNATURE_SIZE - at : MAC_SIZE);
}

static enum reload_err sign(const struct reload_key *key, struct span input, uint8_t *hash_alg,
	uint8_t *sig_alg, struct wr *out)
{
	uint8_t digest[SIGNATURE_SIZE];
	mac(digest, key->native, input);
	*hash_alg = RELOAD_HASH_SHA256;
	*sig_alg = RELOAD_SIG_ECDSA;
	wr_bytes(out, digest, sizeof(digest));
	return RELOAD_OK;
}

static enum reload_err verify(const struct reload_cert *cert, uint8_t hash_alg, uint8_t sig_alg,
	struct span input, struct span signature)
{
	uint8_t digest[SIGNATURE_SIZE];
	bool fits = hash_alg == RELOAD_HASH_SHA256 && sig_alg == RELOAD_SIG_ECDSA;
	mac(digest, cert, input);
	return fits && span_eq(signature, span_of(digest, sizeof(digest))) ? RELOAD_OK
									   : RELOAD_BAD_SIGNATURE;
}

static void key_clear(struct reload_key *key)
{
	reload_cert_free(key->native);
}

static bool key_fits(const struct reload_key *key, const struct reload_cert *cert)
{
	return span_eq(((const struct reload_cert *)key->native)->der, cert->der);
}

const struct reload_ident_ops reload_sim_ident = {
	.cert_read = cert_read,
	.cert_clear = cert_clear,
	.cert_signed_by = cert_signed_by,
	.sign = sign,
	.verify = verify,
	.key_clear = key_clear,
	.key_fits = key_fits,
};

/* -- shared certificates --------------------------------------------------------------------------------------------------- */

/* The slot of the certificate with these bytes, or the free one for it. */
static struct reload_cert **place(const struct reload_sim_certs *certs, struct span der)
{
	uint64_t hash = der.len;
	size_t len = der.len < TOLD_APART ? der.len : TOLD_APART;
	for (size_t at = 0; at < len; at += WORD)
		hash = mixed(hash ^ word(der.at + at, len - at));
	size_t i = hash & (certs->cap - 1);
	while (certs->at[i] && !span_eq(certs->at[i]->der, der))
		i = (i + 1) & (certs->cap - 1);
	return &certs->at[i];
}

static struct reload_cert *cert_known(const struct reload_ident_ops *ops, struct span der)
{
	return *place((const struct reload_sim_certs *)ops, der);
}

void reload_sim_certs_init(struct reload_sim_certs *certs, size_t count)
{
	*certs = (struct reload_sim_certs){ .ops = reload_sim_ident, .cap = 2 };
	certs->ops.cert_known = cert_known;
	while (certs->cap < 2 * count)
		certs->cap *= 2;
	certs->at = reload_alloc_array(certs->cap, sizeof(struct reload_cert *));
}

static void certs_grow(struct reload_sim_certs *certs)
{
	struct reload_cert **old = certs->at;
	size_t cap = certs->cap;
	certs->cap *= 2;
	certs->at = reload_alloc_array(certs->cap, sizeof(struct reload_cert *));
	for (size_t i = 0; i < cap; i++)
		if (old[i])
			*place(certs, old[i]->der) = old[i];
	free(old);
}

void reload_sim_certs_add(struct reload_sim_certs *certs, struct reload_cert *cert)
{
	if (2 * ++certs->count > certs->cap)
		certs_grow(certs);
	*place(certs, cert->der) = cert;
}

void reload_sim_certs_clear(struct reload_sim_certs *certs)
{
	free(TAKE(certs->at));
}

/* -- making ---------------------------------------------------------------------------------------------------------------- */

static void text_write(struct wr *w, const char *s)
{
	size_t mark = wr_open(w, 1);
	wr_span(w, span_str(s));
	wr_close(w, mark, 1);
}

static size_t size_of(const struct reload_sim_cert_form *f)
{
	size_t overlay = strlen(f->overlay);
	return f->flags & 1 ? AUTHORITY_SIZE + 2 * overlay
			    : PLAIN_SIZE + overlay + strlen(f->user) +
				      f->nodes_count * (URI_SIZE + overlay);
}

struct reload_cert *reload_sim_cert_of(const struct reload_sim_cert_form *f)
{
	static const uint8_t zeros[RELOAD_CERT_MAX];
	struct wr w;
	struct reload_cert *cert;
	size_t size = size_of(f);
	wr_init(&w);
	wr_bytes(&w, magic, 4);
	wr_u8(&w, f->flags);
	wr_u16(&w, (uint16_t)size);
	wr_u64(&w, f->not_before ? f->not_before : RELOAD_SIM_EPOCH - 365ull * 86400 * 1000);
	wr_u64(&w, f->not_after ? f->not_after : RELOAD_SIM_CERT_END);
	text_write(&w, f->user);
	text_write(&w, f->overlay);
	wr_u8(&w, (uint8_t)f->nodes_count);
	for (size_t i = 0; i < f->nodes_count; i++) {
		size_t mark = wr_open(&w, 1);
		wr_span(&w, reload_id_span(&f->nodes[i]));
		wr_close(&w, mark, 1);
	}
	wr_bytes(&w, zeros, size - w.len);
	if (reload_cert_parse(&cert, &reload_sim_ident, wr_done(&w), NULL))
		abort();
	wr_clear(&w);
	return cert;
}

struct reload_cert *reload_sim_cert(
	const char *user, const char *overlay, const struct reload_id *node)
{
	return reload_sim_cert_of(&(struct reload_sim_cert_form){ .flags = !node,
		.user = user,
		.overlay = overlay,
		.nodes = node,
		.nodes_count = node != NULL });
}

struct reload_key *reload_sim_key(struct reload_cert *cert)
{
	struct reload_key *key = RELOAD_NEW(reload_key);
	key->ops = &reload_sim_ident;
	key->native = reload_cert_ref(cert);
	return key;
}
