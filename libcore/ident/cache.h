/*
 * What was verified once is not verified again: certificates by fingerprint, stored values by a hash of what was
 * verified.  Both tables are bounded and belong to one thread.
 */
#pragma once

#include "ident/trust.h"

enum {
	RELOAD_CACHE_CERTS = 4096,
	RELOAD_CACHE_VALUES =
		4096, /* 400 kB; an entry that was removed only costs another signature check */
	RELOAD_CACHE_BYTES =
		24 * 1024 * 1024 /* bytes of certificates, whose issuers choose their size */
};                               /* at the maximum the least recently used one is removed */

struct reload_cache;

/* reload_cache_new() makes an empty cache (owned) with these maxima. */
struct reload_cache *reload_cache_new(size_t max_certs, size_t max_values);
void reload_cache_free(struct reload_cache *cache);
AUTO_DEFINE(reload_cache)

/* reload_cache_clear() removes everything; for a new configuration. */
void reload_cache_clear(struct reload_cache *cache);

/*
 * reload_cache_add() adds a verified certificate (and takes a reference of its own).  chain has the authorities that it
 * was verified by; NULL: unknown, and what is known already stays.
 */
void reload_cache_add(
	struct reload_cache *cache, struct reload_cert *cert, const struct reload_chain *chain);

/*
 * reload_cache_chain() fills in the authorities by which the certificate of this fingerprint was verified (borrowed
 * until the next call that changes the cache); false when they are not known.
 */
bool reload_cache_chain(
	struct reload_cache *cache, const uint8_t fingerprint[32], struct reload_chain *out);

/*
 * reload_cache_find() returns the verified, unexpired certificate that identity denotes and the Node-ID that it signs
 * for, NULL when there is none (borrowed).  cert_hash and cert_hash_node_id with SHA-256 are found in O(log n).  Other hashes are never found, as
 * they would cost a hash per certificate: such a signer's certificate must come with the message and be tried with
 * reload_cert_denotes() and reload_cache_has().
 */
struct reload_cert *reload_cache_find(struct reload_cache *cache,
	const struct reload_signer_identity *identity, reload_utc now, struct reload_id *node);

/* reload_cache_has() returns whether this certificate (by fingerprint) was verified and has not expired. */
bool reload_cache_has(struct reload_cache *cache, const uint8_t fingerprint[32], reload_utc now);

/* reload_cache_cert() returns the verified, unexpired certificate with this fingerprint, NULL when there is none (borrowed). */
struct reload_cert *reload_cache_cert(
	struct reload_cache *cache, const uint8_t fingerprint[32], reload_utc now);

/*
 * reload_cache_value_add() notes that a stored value was verified under this digest, which is SHA-256 over signature
 * input, signature and certificate fingerprint; reload_cache_value_has() returns whether one was.  The caller checks
 * the expiry of the certificate.
 */
void reload_cache_value_add(struct reload_cache *cache, const uint8_t digest[32]);
bool reload_cache_value_has(struct reload_cache *cache, const uint8_t digest[32]);
