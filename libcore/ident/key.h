/* Private keys, and the making of keys and certificates. */
#pragma once

#include "ident/cert.h"

struct reload_key {
	const struct reload_ident_ops *ops;
	void *native;   /* of ops; OpenSSL: EVP_PKEY */
	void *prepared; /* of ops; OpenSSL: EVP_PKEY_CTX, ready for signing, only ever copied */
};

/*
 * The keys that are made here.  Ed25519 is not among them: the signature algorithms of RFC 6940 are those of TLS 1.2,
 * whose registries of hashes and signatures have no code point for it (SEC-16).  P-384 keys can be read and used.
 */
enum reload_key_type {
	RELOAD_KEY_P256,
	RELOAD_KEY_RSA2048,
	RELOAD_KEY_RSA3072
};

/* reload_key_type_parse() knows "p256", "rsa2048" and "rsa3072"; RELOAD_USAGE otherwise. */
enum reload_err reload_key_type_parse(enum reload_key_type *out, const char *name) MUST_CHECK;

/* reload_key_new() makes a key pair (owned); RELOAD_BAD_KEY when OpenSSL cannot. */
enum reload_err reload_key_new(struct reload_key **out, enum reload_key_type type) MUST_CHECK;

/* reload_key_read_pem() reads an unencrypted private key of an accepted type; RELOAD_BAD_KEY with why otherwise. */
enum reload_err reload_key_read_pem(
	struct reload_key **out, struct span pem, struct reload_error_text *why) MUST_CHECK;

/* reload_key_write_pem() appends the key as PKCS#8 PEM; the caller wipes the buffer. */
enum reload_err reload_key_write_pem(struct wr *w, const struct reload_key *key) MUST_CHECK;

/*
 * reload_key_is_sealed() returns whether a private key in PEM is encrypted.  reload_key_read_sealed() is reload_key_read_pem() for such a key,
 * which passphrase opens (NULL: there is none); reload_key_write_sealed() writes one, encrypted with AES-256 by a key that scrypt makes of
 * passphrase, in 16 MiB of memory.
 */
bool reload_key_is_sealed(struct span pem);
enum reload_err reload_key_read_sealed(struct reload_key **out, struct span pem,
	const char *passphrase, struct reload_error_text *why) MUST_CHECK;
enum reload_err reload_key_write_sealed(
	struct wr *w, const struct reload_key *key, const char *passphrase) MUST_CHECK;

/* reload_key_fits() returns whether key is the private half of the certificate's key. */
bool reload_key_fits(const struct reload_key *key, const struct reload_cert *cert);

/* reload_key_free() wipes and frees; NULL is legal. */
void reload_key_free(struct reload_key *key);
AUTO_DEFINE(reload_key)

/* What goes into a new certificate. */
struct reload_cert_request {
	const char *overlay; /* overlay name */
	const char *user;    /* rfc822Name; NULL for an authority */
	const struct reload_id *node_ids;
	size_t node_ids_count;
	const char *authority_name; /* common name of an authority; NULL for a node */
	reload_utc not_before, not_after;
	uint8_t serial[16];
};

/*
 * reload_cert_make() appends a DER certificate for subject_key's public half, signed by issuer_key in the name of issuer
 * (both NULL: self-signed by subject_key).  Node certificates have an empty subject and a critical subjectAltName
 * (RFC 6940 s11.3, SEC-11); authorities BasicConstraints CA.
 */
enum reload_err reload_cert_make(struct wr *w, const struct reload_cert_request *req,
	const struct reload_key *subject_key, const struct reload_cert *issuer,
	const struct reload_key *issuer_key) MUST_CHECK;

/*
 * reload_csr_make() appends a DER PKCS#10 request for key with user as rfc822Name (ENR-05).
 * reload_cert_make_csr() is reload_cert_make() for the public key of a PKCS#10 request (DER or PEM) whose own signature
 * verifies; RELOAD_BAD_VALUE otherwise.
 */
enum reload_err reload_csr_make(
	struct wr *w, const struct reload_key *key, const char *user) MUST_CHECK;
enum reload_err reload_cert_make_csr(struct wr *w, const struct reload_cert_request *req,
	struct span csr, const struct reload_cert *issuer, const struct reload_key *issuer_key,
	struct reload_error_text *why) MUST_CHECK;

/*
 * reload_csr_user() returns the user name of a PKCS#10 request (DER or PEM) in *user (owned): its rfc822Name, else the
 * emailAddress of its subject, else NULL (ENR-05).  RELOAD_BAD_VALUE for bytes that are no request and for an illegal
 * name.
 */
enum reload_err reload_csr_user(
	char **user, struct span csr, struct reload_error_text *why) MUST_CHECK;

/* reload_csr_public_info() appends the DER SubjectPublicKeyInfo of a PKCS#10 request; RELOAD_BAD_VALUE for bytes that are none. */
enum reload_err reload_csr_public_info(
	struct wr *w, struct span csr, struct reload_error_text *why) MUST_CHECK;

enum {
	RELOAD_USER_NAME_MAX = 255 /* characters */
};

/* reload_user_legal() returns whether name may stand as rfc822Name: 1 to 255 printable ASCII characters (R-11.3-19;
 * RFC 5280, ub-emailaddress-length). */
bool reload_user_legal(const char *name);

/*
 * reload_self_node_id() derives the Node-ID number index (0: the only one; from 1: one of several) of len bytes from a
 * DER SubjectPublicKeyInfo with hash_alg sha1 or sha256 (RFC 6940 s11.3.1, SEC-12).
 * reload_key_public_info() appends the DER SubjectPublicKeyInfo of key.
 */
enum reload_err reload_self_node_id(struct reload_id *out, struct span public_key_info,
	uint8_t hash_alg, uint8_t len, uint32_t index) MUST_CHECK;
enum reload_err reload_key_public_info(struct wr *w, const struct reload_key *key) MUST_CHECK;

/*
 * reload_pem_certificates() calls got(arg, der) for each certificate of a PEM text, under the labels of older tools as
 * well ("X509 CERTIFICATE", "TRUSTED CERTIFICATE"), and returns their number.  Other blocks are skipped.  Reading ends
 * at a block that cannot be read: *damaged (NULL is legal) is its number, from 1, else 0.
 */
size_t reload_pem_certificates(
	struct span pem, void (*got)(void *arg, struct span der), void *arg, size_t *damaged);

/* reload_pem_certificate_write() appends a DER certificate as PEM. */
void reload_pem_certificate_write(struct wr *w, struct span der);
