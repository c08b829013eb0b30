/*
 * Whom to believe: one question, asked alike for links, messages, stored values and configuration documents.  A trust is
 * immutable and may be used by many threads at once.
 */
#pragma once

#include "ident/cert.h"

/*
 * Limits of one check: certificates in a chain, the node's and the root-cert included, and signatures verified while
 * looking for it (many intermediates of one name would otherwise cost as many).  Beyond them: RELOAD_CERT_UNTRUSTED.
 */
enum {
	RELOAD_CHAIN_MAX = 8,
	RELOAD_CHAIN_CHECKS_MAX = 16,
	RELOAD_NOT_BEFORE_SKEW_MS = 120000
};

struct reload_trust_setup {
	const struct reload_ident_ops *ops;
	const char *overlay; /* overlay name */
	uint8_t node_id_len;
	const struct span *roots; /* DER of each root-cert */
	size_t roots_count;
	uint8_t self_signed_digest; /* RELOAD_HASH_SHA1 or _SHA256 where self-signed certificates are permitted, else 0 */
	const struct reload_id *bad_nodes;
	size_t bad_nodes_count;
	bool self_signed_subject; /* compatibility: self-signed certificates may have a subject (SEC-11) */
};

struct reload_trust;

/* The authorities between a node's certificate and a root-cert, from the node's upwards; the root-cert is none of them. */
struct reload_chain {
	struct reload_cert *at[RELOAD_CHAIN_MAX - 2];
	size_t count;
};

/* reload_trust_new() parses and keeps the roots; RELOAD_BAD_CERT with why for a root that is none.  *out: one reference. */
enum reload_err reload_trust_new(struct reload_trust **out, const struct reload_trust_setup *setup,
	struct reload_error_text *why) MUST_CHECK;

/* reload_trust_ref() and reload_trust_free() count references, thread-safe; NULL is legal for free. */
struct reload_trust *reload_trust_ref(struct reload_trust *trust);
void reload_trust_free(struct reload_trust *trust);
AUTO_DEFINE(reload_trust)

/*
 * reload_trust_check() returns whether cert is a node's certificate of this overlay at the time now (RFC 6940 s6.3.4,
 * s11.3, s11.3.1): reload URIs of this overlay with Node-IDs of the right length, one user name, nothing else in
 * subjectAltName, empty subject (from an authority), validity (SEC-17), no bad-node, and a chain over others (borrowed,
 * intermediates in any order) to a root-cert with BasicConstraints, or the self-signed rule.  Errors: RELOAD_BAD_CERT,
 * _CERT_EXPIRED, _CERT_UNTRUSTED, _CERT_REVOKED, why filled.  Costs one signature check per certificate of the chain.
 */
enum reload_err reload_trust_check(const struct reload_trust *trust, const struct reload_cert *cert,
	struct reload_cert *const *others, size_t others_count, reload_utc now,
	struct reload_error_text *why) MUST_CHECK;

/*
 * reload_trust_may_lead() returns false when cert cannot be trusted, by names alone and without checking a signature: no way of issuers, over
 * others, leads to a root-cert, or it is self-signed where that is not permitted.  true is not certain.
 */
bool reload_trust_may_lead(const struct reload_trust *trust, const struct reload_cert *cert,
	struct reload_cert *const *others, size_t others_count);

/*
 * reload_trust_chain() is reload_trust_check() and returns by which of others (borrowed from there) the certificate was verified;
 * after an error *chain means nothing.
 */
enum reload_err reload_trust_chain(const struct reload_trust *trust, const struct reload_cert *cert,
	struct reload_cert *const *others, size_t others_count, reload_utc now,
	struct reload_chain *chain, struct reload_error_text *why) MUST_CHECK;

/* reload_trust_is_root() returns whether der is one of the root-certs (which are never sent with a message). */
bool reload_trust_is_root(const struct reload_trust *trust, struct span der);

/* reload_trust_ops() returns the cryptography of the trust. */
const struct reload_ident_ops *reload_trust_ops(const struct reload_trust *trust);
