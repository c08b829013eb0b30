/* Making certificates and requests for them. */
#include "ident/internal.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

enum {
	CSR_MAX = 65536
};

static bool add_general_name(GENERAL_NAMES *names, int type, const char *text)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *s = ASN1_IA5STRING_new();
	if (!name || !s || !ASN1_STRING_set(s, text, (int)strlen(text)) ||
		!sk_GENERAL_NAME_push(names, name)) {
		GENERAL_NAME_free(name);
		ASN1_IA5STRING_free(s);
		return false;
	}
	GENERAL_NAME_set0_value(name, type, s);
	return true;
}

/* "The SubjectAltName field in the certificate MUST contain" Node-IDs and one user name (RFC 6940 s11.3). */
static bool add_names(X509 *x, const struct reload_cert_request *req)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	bool good = names != NULL;
	for (size_t i = 0; good && i < req->node_ids_count; i++) {
		char *uri = reload_node_uri(&req->node_ids[i], req->overlay);
		good = add_general_name(names, GEN_URI, uri);
		free(uri);
	}
	good = good && add_general_name(names, GEN_EMAIL, req->user) &&
	       /* critical, as the subject is empty (RFC 5280 s4.2.1.6) */
	       X509_add1_ext_i2d(x, NID_subject_alt_name, names, 1, X509V3_ADD_DEFAULT) == 1;
	GENERAL_NAMES_free(names);
	return good;
}

static bool add_constraints(X509 *x, bool authority)
{
	BASIC_CONSTRAINTS *bc = BASIC_CONSTRAINTS_new();
	if (bc)
		bc->ca = authority ? 0xff : 0;
	bool good =
		bc && X509_add1_ext_i2d(x, NID_basic_constraints, bc, 1, X509V3_ADD_DEFAULT) == 1;
	BASIC_CONSTRAINTS_free(bc);

	ASN1_BIT_STRING *usage =
		ASN1_BIT_STRING_new(); /* bit 0: digitalSignature, 5: keyCertSign, 6: cRLSign */
	good = good && usage &&
	       (authority ? ASN1_BIT_STRING_set_bit(usage, 5, 1) &&
				       ASN1_BIT_STRING_set_bit(usage, 6, 1)
			  : ASN1_BIT_STRING_set_bit(usage, 0, 1)) &&
	       X509_add1_ext_i2d(x, NID_key_usage, usage, 1, X509V3_ADD_DEFAULT) == 1;
	ASN1_BIT_STRING_free(usage);
	return good;
}

/* Authorities only: certificates of nodes travel in messages and stay small. */
static bool add_key_identifier(X509 *x)
{
	X509V3_CTX ctx;
	X509V3_set_ctx(&ctx, NULL, x, NULL, NULL, 0);
	X509_EXTENSION *ext = X509V3_EXT_nconf_nid(NULL, &ctx, NID_subject_key_identifier, "hash");
	bool good = ext && X509_add_ext(x, ext, -1);
	X509_EXTENSION_free(ext);
	return good;
}

static bool set_time(ASN1_TIME *out, reload_utc t)
{
	uint64_t seconds = t / RELOAD_SECOND;
	return seconds / 86400 <= INT32_MAX &&
	       ASN1_TIME_adj(out, 0, (int)(seconds / 86400), (long)(seconds % 86400));
}

static bool set_serial(X509 *x, const uint8_t serial[16])
{
	BIGNUM *n = BN_bin2bn(serial, 16, NULL);
	bool good = n && !BN_is_zero(n) && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
	BN_free(n);
	return good;
}

static bool set_subject(X509 *x, const struct reload_cert_request *req)
{
	enum {
		CN_MAX =
			64 /* the maximum of RFC 5280 (ub-common-name); an overlay name may be longer, and nothing depends on the common name */
	};
	size_t len = req->authority_name ? strlen(req->authority_name) : 0;
	return !req->authority_name || X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN",
					       MBSTRING_UTF8, (const uint8_t *)req->authority_name,
					       (int)(len < CN_MAX ? len : CN_MAX), -1, 0);
}

/* The issuer name is the subject of issuer, byte for byte; of a self-signed certificate its own. */
static bool set_issuer(X509 *x, const struct reload_cert *issuer)
{
	const uint8_t *at = issuer ? issuer->subject.at : NULL;
	if (!issuer)
		return X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_NAME *name = d2i_X509_NAME(NULL, &at, (long)issuer->subject.len);
	bool good = name && X509_set_issuer_name(x, name);
	X509_NAME_free(name);
	return good;
}

static bool request_makes_sense(const struct reload_cert_request *req)
{
	if (req->not_after < req->not_before)
		return false;
	if (req->authority_name)
		return !req->user && !req->node_ids_count;
	return req->overlay && req->user && reload_user_legal(req->user) && req->node_ids_count &&
	       req->node_ids_count <= RELOAD_CERT_NODE_IDS_MAX;
}

static bool fill(X509 *x, const struct reload_cert_request *req, EVP_PKEY *subject_key,
	const struct reload_cert *issuer)
{
	return X509_set_version(x, X509_VERSION_3) && set_serial(x, req->serial) &&
	       set_time(X509_getm_notBefore(x), req->not_before) &&
	       set_time(X509_getm_notAfter(x), req->not_after) && X509_set_pubkey(x, subject_key) &&
	       set_subject(x, req) && set_issuer(x, issuer) &&
	       add_constraints(x, req->authority_name) &&
	       (req->authority_name ? add_key_identifier(x) : add_names(x, req));
}

static enum reload_err make(struct wr *w, const struct reload_cert_request *req,
	EVP_PKEY *subject_key, const struct reload_cert *issuer, const struct reload_key *signer)
{
	if (!request_makes_sense(req) || (issuer && !issuer->authority))
		return RELOAD_BAD_VALUE;
	if (issuer && !reload_key_fits(signer, issuer))
		return RELOAD_BAD_KEY;
	X509 *x = X509_new();
	uint8_t *der = NULL;
	int len = 0;
	enum reload_err err = x && fill(x, req, subject_key, issuer) ? RELOAD_OK : RELOAD_BAD_VALUE;
	if (!err && !X509_sign(x, signer->native,
			    reload_ident_md(reload_ident_sign_hash(signer->native))))
		err = RELOAD_BAD_KEY;
	if (!err)
		len = i2d_X509(x, &der);
	if (!err && (len <= 0 || len > RELOAD_CERT_MAX))
		err = RELOAD_BAD_VALUE;
	if (!err)
		wr_bytes(w, der, (size_t)len);
	OPENSSL_free(der);
	X509_free(x);
	ERR_clear_error();
	return err ? err : w->err;
}

enum reload_err reload_cert_make(struct wr *w, const struct reload_cert_request *req,
	const struct reload_key *subject_key, const struct reload_cert *issuer,
	const struct reload_key *issuer_key)
{
	return make(w, req, subject_key->native, issuer, issuer ? issuer_key : subject_key);
}

static bool request_names(X509_REQ *csr, const char *user)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	STACK_OF(X509_EXTENSION) *exts = NULL;
	bool good =
		names && add_general_name(names, GEN_EMAIL, user) &&
		X509V3_add1_i2d(&exts, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1 &&
		X509_REQ_add_extensions(csr, exts);
	GENERAL_NAMES_free(names);
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	return good;
}

enum reload_err reload_csr_make(struct wr *w, const struct reload_key *key, const char *user)
{
	if (!reload_user_legal(user))
		return RELOAD_BAD_VALUE;
	X509_REQ *csr = X509_REQ_new();
	uint8_t *der = NULL;
	int len = 0;
	bool good = csr && X509_REQ_set_version(csr, 0) && X509_REQ_set_pubkey(csr, key->native) &&
		    request_names(csr, user) &&
		    X509_REQ_sign(
			    csr, key->native, reload_ident_md(reload_ident_sign_hash(key->native)));
	if (good)
		len = i2d_X509_REQ(csr, &der);
	if (len > 0)
		wr_bytes(w, der, (size_t)len);
	OPENSSL_free(der);
	X509_REQ_free(csr);
	ERR_clear_error();
	return len > 0 ? w->err : RELOAD_BAD_KEY;
}

/* DER begins with a SEQUENCE, PEM with text. */
static X509_REQ *csr_read(struct span csr, struct reload_error_text *why)
{
	X509_REQ *req = NULL;
	bool asked = false;
	const uint8_t *at = csr.at;
	if (csr.len && csr.len <= CSR_MAX) {
		if (csr.at[0] == 0x30) {
			req = d2i_X509_REQ(NULL, &at, (long)csr.len);
		} else {
			BIO *bio = BIO_new_mem_buf(csr.at, (int)csr.len);
			req = bio ? PEM_read_bio_X509_REQ(
					    bio, NULL, reload_ident_no_password, &asked)
				  : NULL;
			BIO_free(bio);
		}
	}
	if (!req)
		(void)reload_error_explain(why, RELOAD_BAD_VALUE, NULL, "%s",
			asked ? "it is encrypted; a certificate request holds no secret"
			      : "it is no certificate request (PKCS#10) in DER or PEM");
	ERR_clear_error();
	return req;
}

/* The signature of the request proves that its sender has the private key; only the usual algorithms are accepted. */
static enum reload_err csr_check(X509_REQ *req, struct reload_error_text *why)
{
	uint8_t hash, alg;
	EVP_PKEY *pkey = X509_REQ_get0_pubkey(req);
	if (!pkey)
		return reload_error_explain(why, RELOAD_BAD_VALUE, NULL,
			"the public key of the request cannot be read");
	if (!reload_ident_key_alg(pkey, why))
		return RELOAD_BAD_VALUE;
	if (!reload_ident_signature_alg(&hash, &alg, X509_REQ_get_signature_nid(req)))
		return reload_error_explain(why, RELOAD_BAD_VALUE, NULL,
			"the request is signed with %s; accepted are RSA and ECDSA with SHA-256 to "
			"SHA-512",
			OBJ_nid2ln(X509_REQ_get_signature_nid(req)));
	if (X509_REQ_verify(req, pkey) != 1)
		return reload_error_explain(why, RELOAD_BAD_VALUE, NULL,
			"the request's signature does not verify with the key that it holds");
	return RELOAD_OK;
}

enum reload_err reload_cert_make_csr(struct wr *w, const struct reload_cert_request *req,
	struct span csr, const struct reload_cert *issuer, const struct reload_key *issuer_key,
	struct reload_error_text *why)
{
	X509_REQ *parsed = csr_read(csr, why);
	if (!parsed)
		return RELOAD_BAD_VALUE;
	enum reload_err err = csr_check(parsed, why);
	if (!err) {
		err = make(w, req, X509_REQ_get0_pubkey(parsed), issuer, issuer_key);
		if (err)
			(void)reload_error_explain(
				why, err, NULL, "no certificate can be made of the values given");
	}
	X509_REQ_free(parsed);
	ERR_clear_error();
	return err;
}

enum reload_err reload_csr_public_info(struct wr *w, struct span csr, struct reload_error_text *why)
{
	X509_REQ *parsed = csr_read(csr, why);
	uint8_t *der = NULL;
	int len = parsed ? i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(parsed), &der) : 0;
	if (len > 0)
		wr_bytes(w, der, (size_t)len);
	OPENSSL_free(der);
	X509_REQ_free(parsed);
	ERR_clear_error();
	return len > 0 ? w->err : RELOAD_BAD_VALUE;
}

enum {
	CSR_ATTRIBUTES_MAX = 16 /* of a request; extensionRequest and a few others are usual */
};

static bool attributes_repeat(X509_REQ *req)
{
	int count = X509_REQ_get_attr_count(req);
	bool repeat = count > CSR_ATTRIBUTES_MAX;
	for (int i = 0; i < count && !repeat; i++) {
		X509_ATTRIBUTE *a = X509_REQ_get_attr(req, i);
		repeat = X509_ATTRIBUTE_count(a) > 1 ||
			 X509_REQ_get_attr_by_OBJ(req, X509_ATTRIBUTE_get0_object(a), i) >= 0;
	}
	return repeat;
}

/* What a reader might find by the first, and another one by the last. */
static const char *csr_doubled(
	X509_REQ *req, const STACK_OF(X509_EXTENSION) * exts, const GENERAL_NAMES *names)
{
	int first = X509v3_get_ext_by_NID(exts, NID_subject_alt_name, -1), emails = 0;
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
		emails += sk_GENERAL_NAME_value(names, i)->type == GEN_EMAIL;
	if (attributes_repeat(req))
		return "an attribute of the request is there twice, or it has too many";
	if (first >= 0 && X509v3_get_ext_by_NID(exts, NID_subject_alt_name, first) >= 0)
		return "the request has subjectAltName twice";
	return emails > 1 ? "the request names several users" : NULL;
}

/* The rfc822Name of an extensionRequest, else emailAddress in the subject (ENR-05); borrowed from names or req. */
static const ASN1_STRING *csr_user(X509_REQ *req, const GENERAL_NAMES *names)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
		if (sk_GENERAL_NAME_value(names, i)->type == GEN_EMAIL)
			return sk_GENERAL_NAME_value(names, i)->d.rfc822Name;
	X509_NAME *subject = X509_REQ_get_subject_name(req);
	int at = X509_NAME_get_index_by_NID(subject, NID_pkcs9_emailAddress, -1);
	return at < 0 ? NULL : X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
}

enum reload_err reload_csr_user(char **user, struct span csr, struct reload_error_text *why)
{
	X509_REQ *req = csr_read(csr, why);
	if (!req)
		return RELOAD_BAD_VALUE;
	STACK_OF(X509_EXTENSION) *exts = X509_REQ_get_extensions(req);
	GENERAL_NAMES *names = X509V3_get_d2i(exts, NID_subject_alt_name, NULL, NULL);
	const ASN1_STRING *found = csr_user(req, names);
	const char *doubled = csr_doubled(req, exts, names);
	enum reload_err err = RELOAD_OK;
	char *text = NULL;
	if (doubled) {
		err = reload_error_explain(why, RELOAD_BAD_VALUE, NULL, "%s", doubled);
	} else if (found) {
		size_t len = (size_t)ASN1_STRING_length(found);
		text = reload_alloc(len + 1);
		memcpy(text, ASN1_STRING_get0_data(found), len);
		if (strlen(text) != len || !reload_user_legal(text)) {
			free(text);
			err = reload_error_explain(why, RELOAD_BAD_VALUE, NULL,
				"the user name of the request is not 1 to %d printable ASCII "
				"characters",
				RELOAD_USER_NAME_MAX);
		}
	}
	if (!err)
		*user = text;
	GENERAL_NAMES_free(names);
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	X509_REQ_free(req);
	ERR_clear_error();
	return err;
}
