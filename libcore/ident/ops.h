/*
 * The cryptography that other rooms use.  Real nodes use reload_ident_openssl; the simulator has a table of its own
 * that signs with a keyed hash, so that equal seeds give equal bytes.
 */
#pragma once

#include "util/bytes.h"
#include "util/clock.h"
#include "util/id.h"

enum {
	RELOAD_NODE_ID_MIN = 16,
	RELOAD_CERT_NODE_IDS_MAX = 32,
	RELOAD_CERT_MAX = 16384,
	RELOAD_HASH_SIZE_MAX = 64
};

struct reload_cert;
struct reload_key;

struct reload_ident_ops {
	/*
	 * returns a certificate that was parsed from exactly these bytes before (borrowed), NULL when there is none;
	 * NULL for a table that keeps none
	 */
	struct reload_cert *(*cert_known)(const struct reload_ident_ops *ops, struct span der);
	/* fills the members that reload_cert_parse() promises, except refs, der and fingerprint; native may be set */
	enum reload_err (*cert_read)(struct reload_cert *cert, struct reload_error_text *why);
	void (*cert_clear)(struct reload_cert *cert);
	/*
	 * returns whether issuer's key signed cert (cert's own key when issuer is cert); it checks neither dates nor
	 * names
	 */
	enum reload_err (*cert_signed_by)(
		const struct reload_cert *cert, const struct reload_cert *issuer);
	/* appends the signature over input to out and sets its algorithm; safe on any thread */
	enum reload_err (*sign)(const struct reload_key *key, struct span input, uint8_t *hash_alg,
		uint8_t *sig_alg, struct wr *out);
	enum reload_err (*verify)(const struct reload_cert *cert, uint8_t hash_alg, uint8_t sig_alg,
		struct span input, struct span signature);
	void (*key_clear)(struct reload_key *key);
	/*
	 * the bytes of a certificate contain its reload URIs as text: so what it may denote is known without parsing it
	 */
	bool plain_uris;
	/* key is the private half of cert's key */
	bool (*key_fits)(const struct reload_key *key, const struct reload_cert *cert);
};

extern const struct reload_ident_ops reload_ident_openssl;

/*
 * reload_hash() writes the digest of the concatenation of parts to out and returns its length, 0 for an algorithm that
 * is not accepted here (SEC-06: sha1, sha256, sha384, sha512; code points of TLS 1.2).
 */
size_t reload_hash(uint8_t out[RELOAD_HASH_SIZE_MAX], uint8_t hash_alg, const struct span *parts,
	size_t count);
