/* What the files of this room share that use OpenSSL. */
#pragma once

#include "ident/key.h"
#include "wire/codes.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

enum {
	RELOAD_RSA_BITS_MAX =
		8192 /* maximum bytes of an RSA key that is accepted, and of its signatures */
};

/* The native part of a certificate: its public key, ready for use, and its own signature. */
struct reload_public_key {
	EVP_PKEY *pkey;
	EVP_PKEY_CTX *
		verify; /* for SHA-256; never used itself but copied, which any number of threads may do */
	uint8_t sig_alg;    /* of the key */
	struct span tbs;    /* what the issuer signed, inside the certificate */
	uint8_t *signature; /* owned */
	size_t signature_len;
	uint8_t signed_hash_alg, signed_sig_alg; /* 0 for algorithms without a TLS 1.2 code point */
};

/* reload_ident_md() returns the digest, fetched once per process, NULL for an algorithm that is not accepted here. */
const EVP_MD *reload_ident_md(uint8_t hash_alg);

/*
 * reload_ident_key_alg() returns the signature algorithm of a key that is accepted (SEC-16): RSA of 2048 to 8192 bits,
 * ECDSA on the named curves P-256 and P-384; 0 with why for all others.
 */
uint8_t reload_ident_key_alg(EVP_PKEY *pkey, struct reload_error_text *why);

/* reload_ident_sign_hash() returns the hash that the key signs with: SHA-384 for P-384, else SHA-256. */
uint8_t reload_ident_sign_hash(EVP_PKEY *pkey);

/* reload_ident_prepare_verify() returns a context for verifying digests of hash_alg (owned), NULL on failure. */
EVP_PKEY_CTX *reload_ident_prepare_verify(EVP_PKEY *pkey, uint8_t sig_alg, uint8_t hash_alg);

/* reload_ident_prepare_sign() returns a context for signing digests of the key's own hash (owned), NULL on failure. */
EVP_PKEY_CTX *reload_ident_prepare_sign(EVP_PKEY *pkey);

/* reload_ident_signature_alg() splits an X.509 signature algorithm into TLS code points; false when it has none. */
bool reload_ident_signature_alg(uint8_t *hash_alg, uint8_t *sig_alg, int nid);

/* reload_ident_key_wrap() makes a key of pkey, whose reference it takes over; NULL when pkey cannot sign here. */
struct reload_key *reload_ident_key_wrap(EVP_PKEY *pkey);

/*
 * reload_ident_no_password() is a pem_password_cb that has no password, so that OpenSSL never asks for one at the terminal;
 * *(bool *)asked means that the PEM block is encrypted.
 */
int reload_ident_no_password(char *buf, int size, int rwflag, void *asked);

/* reload_x509_read() and reload_x509_clear() are the parts of reload_ident_openssl that read certificates. */
enum reload_err reload_x509_read(struct reload_cert *cert, struct reload_error_text *why);
void reload_x509_clear(struct reload_cert *cert);
