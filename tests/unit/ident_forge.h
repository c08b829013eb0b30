/* Certificates that no honest authority issues: every part can be chosen. */
#pragma once

#include "ident_util.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

struct forge_name {
	int type; /* GEN_URI, GEN_EMAIL, GEN_DNS */
	const char *text;
	size_t len; /* 0: strlen(text) */
};

struct forge {
	const char *subject, *issuer; /* common names; NULL: empty */
	const struct forge_name *names;
	size_t names_count;
	bool ca, no_constraints;
	int path_len;           /* above 0: pathLenConstraint is path_len - 1 */
	const char *key_usage;  /* as in openssl.cnf */
	int critical_nid;       /* an extension without contents */
	const EVP_MD *md;       /* NULL: SHA-256 */
	const char *not_before; /* as in ASN.1 */
	const char *not_after;
	EVP_PKEY *key, *signer; /* signer NULL: key */
};

static inline void forge_extension(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_nconf_nid(NULL, NULL, nid, value);
	assert_non_null(ext);
	X509_add_ext(x, ext, -1);
	X509_EXTENSION_free(ext);
}

static inline void forge_names(X509 *x, const struct forge *f)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	for (size_t i = 0; i < f->names_count; i++) {
		GENERAL_NAME *name = GENERAL_NAME_new();
		ASN1_IA5STRING *s = ASN1_IA5STRING_new();
		const struct forge_name *n = &f->names[i];
		ASN1_STRING_set(s, n->text, (int)(n->len ? n->len : strlen(n->text)));
		GENERAL_NAME_set0_value(name, n->type, s);
		sk_GENERAL_NAME_push(names, name);
	}
	X509_add1_ext_i2d(x, NID_subject_alt_name, names, 1, X509V3_ADD_DEFAULT);
	GENERAL_NAMES_free(names);
}

static inline void forge_common_name(X509_NAME *name, const char *text)
{
	if (text)
		X509_NAME_add_entry_by_txt(
			name, "CN", MBSTRING_UTF8, (const uint8_t *)text, -1, -1, 0);
}

/* forge_der() returns the DER form (owned). */
static inline struct bytes forge_der(const struct forge *f)
{
	X509 *x = X509_new();
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
	ASN1_TIME_set_string(
		X509_getm_notBefore(x), f->not_before ? f->not_before : "20240101000000Z");
	ASN1_TIME_set_string(
		X509_getm_notAfter(x), f->not_after ? f->not_after : "20440101000000Z");
	X509_set_pubkey(x, f->key);
	forge_common_name(X509_get_subject_name(x), f->subject);
	forge_common_name(X509_get_issuer_name(x), f->issuer);
	char constraints[64];
	snprintf(constraints, sizeof(constraints),
		f->path_len ? "critical,CA:%s,pathlen:%d" : "critical,CA:%s",
		f->ca ? "TRUE" : "FALSE", f->path_len - 1);
	if (!f->no_constraints)
		forge_extension(x, NID_basic_constraints, constraints);
	if (f->key_usage)
		forge_extension(x, NID_key_usage, f->key_usage);
	if (f->names_count)
		forge_names(x, f);
	if (f->critical_nid) {
		ASN1_OCTET_STRING *nothing = ASN1_OCTET_STRING_new();
		ASN1_STRING_set(nothing, "\x05\x00", 2);
		X509_EXTENSION *ext =
			X509_EXTENSION_create_by_NID(NULL, f->critical_nid, 1, nothing);
		X509_add_ext(x, ext, -1);
		X509_EXTENSION_free(ext);
		ASN1_OCTET_STRING_free(nothing);
	}
	assert_true(X509_sign(x, f->signer ? f->signer : f->key, f->md ? f->md : EVP_sha256()) > 0);
	uint8_t *der = NULL;
	int len = i2d_X509(x, &der);
	assert_true(len > 0);
	struct bytes out = bytes_copy(span_of(der, (size_t)len));
	OPENSSL_free(der);
	X509_free(x);
	return out;
}

/* forge_parse() tells what becomes of it; *cert is owned. */
static inline enum reload_err forge_parse(
	struct reload_cert **cert, const struct forge *f, struct reload_error_text *why)
{
	struct bytes der = forge_der(f);
	enum reload_err err = reload_cert_parse(cert, &reload_ident_openssl, bytes_span(der), why);
	bytes_free(&der);
	return err;
}

/* forge_cert() is for those that can be parsed. */
static inline struct reload_cert *forge_cert(const struct forge *f)
{
	struct reload_cert *cert = NULL;
	struct reload_error_text why = { "", "", "" };
	if (forge_parse(&cert, f, &why))
		fail_msg("%s", why.reason);
	return cert;
}
