/* Certificates of nodes and authorities: immutable, counted references. */
#pragma once

#include "ident/ops.h"
#include "util/owned.h"
#include "wire/security.h"

struct reload_cert {
	unsigned refs; /* only one thread may change it */
	const struct reload_ident_ops *ops;
	struct bytes bytes;         /* the certificate as DER */
	struct span der;            /* all of bytes */
	uint8_t fingerprint[32];    /* SHA-256 of der: cert_hash */
	struct reload_id *node_ids; /* from the reload URIs of subjectAltName, in order */
	size_t node_ids_count;
	uint8_t (*node_hashes)
		[32];  /* SHA-256 cert_hash_node_id of each; NULL until it is asked for */
	char *user;    /* rfc822Name; NULL for an authority */
	char *overlay; /* overlay name of the reload URIs, lower case; NULL for an authority */
	struct span public_key_info; /* DER SubjectPublicKeyInfo, inside the certificate */
	reload_utc not_before, not_after;
	struct span issuer,
		subject; /* DER names, inside the certificate; a chain fits where they are equal */
	char *issuer_text; /* the issuer, for people; NULL: not known */
	bool authority;    /* BasicConstraints: CA, and KeyUsage if there is one: keyCertSign */
	bool path_limited; /* authority: at most path_len authorities may stand below it */
	uint8_t path_len;
	bool self_issued; /* issuer name equals subject name */
	bool san_extra;   /* subjectAltName holds other identities, or not exactly one rfc822Name */
	bool subject_empty;
	void *native; /* of ops */
};

/*
 * reload_cert_parse() parses DER (copied; at most RELOAD_CERT_MAX bytes, at most RELOAD_CERT_NODE_IDS_MAX Node-IDs) and
 * checks its form only; whether it is to be trusted is for reload_trust_check().  *out has one reference.
 * The table of ops may know an equal certificate: then *out is a reference to that one.  RELOAD_BAD_CERT with why filled.
 */
enum reload_err reload_cert_parse(struct reload_cert **out, const struct reload_ident_ops *ops,
	struct span der, struct reload_error_text *why) MUST_CHECK;

/* reload_cert_ref() takes one more reference and returns cert. */
struct reload_cert *reload_cert_ref(const struct reload_cert *cert);

/* reload_cert_hash_nodes() fills node_hashes at the first call.  Call it on the thread that counts references. */
void reload_cert_hash_nodes(struct reload_cert *cert);

/* reload_cert_free() drops one reference; NULL is legal. */
void reload_cert_free(struct reload_cert *cert);
AUTO_DEFINE(reload_cert)

/* reload_cert_has_node() returns whether id is one of the certificate's Node-IDs. */
bool reload_cert_has_node(const struct reload_cert *cert, const struct reload_id *id);

/*
 * reload_cert_ends_soon() returns whether a person should be told that cert ends: less than 20 days and less than a fifth of its
 * validity is left, but it has not ended.  *look is after how many milliseconds to ask again: when it begins to end soon, and when it ends; 0: it
 * has ended.
 */
bool reload_cert_ends_soon(const struct reload_cert *cert, reload_utc now, reload_ms *look);

/*
 * reload_cert_denotes() returns whether identity names this certificate and sets *node to the Node-ID that signed
 * (SEC-04, SEC-05): cert_hash only for certificates with one Node-ID, cert_hash_node_id by trying each.
 */
bool reload_cert_denotes(const struct reload_cert *cert,
	const struct reload_signer_identity *identity, struct reload_id *node);

/*
 * reload_cert_may_denote() returns whether identity may name the certificate of these bytes, without parsing it, at a
 * fraction of the cost; false is certain.
 */
bool reload_cert_may_denote(const struct reload_ident_ops *ops, struct span der,
	const struct reload_signer_identity *identity);

/*
 * reload_cert_identity_write() appends the SignerIdentity (type, length, hash) by which node, a Node-ID of cert, signs:
 * cert_hash with one Node-ID, cert_hash_node_id with several (R-6.3.4-10, -11).
 */
void reload_cert_identity_write(
	struct wr *w, const struct reload_cert *cert, const struct reload_id *node);

enum {
	RELOAD_URI_MAX = 2048,
	RELOAD_OVERLAY_NAME_MAX = 255
};

/* A reload URI (RFC 6940 s14.15): a node, or with a specifier a value that is stored there. */
struct reload_uri {
	uint8_t *destinations; /* owned; Destination structures without a length in front */
	size_t destinations_len;
	char *overlay;      /* owned, lower case */
	uint8_t *specifier; /* owned; StoredDataSpecifier, NULL for none */
	size_t specifier_len;
};

/*
 * reload_uri_parse() reads a reload URI of at most RELOAD_URI_MAX characters; upper case and a missing last slash are
 * accepted (SEC-10).  The destination bytes are not decoded.  RELOAD_BAD_VALUE otherwise.
 */
enum reload_err reload_uri_parse(struct reload_uri *out, const char *text) MUST_CHECK;

/* reload_uri_clear() frees what uri holds; zeroed is legal. */
void reload_uri_clear(struct reload_uri *uri);

/*
 * reload_node_uri() returns "reload://0110...@overlay/" for one Node-ID (owned string, RFC 6940 s14.15).
 * reload_node_uri_parse() reads one: a single destination of type node without a specifier; *overlay is owned.
 */
char *reload_node_uri(const struct reload_id *node, const char *overlay);
enum reload_err reload_node_uri_parse(
	struct reload_id *node, char **overlay, const char *uri) MUST_CHECK;
