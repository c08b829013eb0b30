/* From DER to struct reload_cert.  Whoever sends certificates is unknown here: all of it is hostile. */
#include "ident/internal.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <strings.h>

enum {
	DER_SEQUENCE = 0x30,
	DER_VERSION = 0xa0,
	DER_INTEGER = 0x02,
	NAME_TEXT_MAX = 160
};

/* Takes one element with tag; *whole is all of it, the reader returned sees its contents.  Only the one DER length. */
static struct rd der_take(struct rd *r, uint8_t tag, struct span *whole)
{
	const uint8_t *start = r->at;
	if (rd_u8(r) != tag)
		rd_fail(r, RELOAD_BAD_VALUE);
	size_t len = rd_u8(r);
	if (len > 0x82 || len == 0x80)
		rd_fail(r, RELOAD_BAD_VALUE); /* 64 KiB and more, or the indefinite form */
	else if (len > 0x80)
		len = (size_t)rd_int(r, (unsigned)len - 0x80);
	struct rd contents = rd_of(rd_span(r, len));
	contents.err = r->err;
	*whole = r->err ? span_of(NULL, 0) : span_of(start, (size_t)(r->at - start));
	return contents;
}

/* Finds in the certificate what is compared, hashed or verified as bytes. */
static bool find_spans(struct reload_cert *cert, struct reload_public_key *key)
{
	struct span skipped;
	struct rd der = rd_of(cert->der);
	struct rd outer = der_take(&der, DER_SEQUENCE, &skipped);
	struct rd tbs = der_take(&outer, DER_SEQUENCE, &key->tbs);
	if (rd_more(&tbs) && *tbs.at == DER_VERSION)
		(void)der_take(&tbs, DER_VERSION, &skipped);
	(void)der_take(&tbs, DER_INTEGER, &skipped);
	(void)der_take(&tbs, DER_SEQUENCE, &skipped); /* signature algorithm */
	(void)der_take(&tbs, DER_SEQUENCE, &cert->issuer);
	(void)der_take(&tbs, DER_SEQUENCE, &skipped); /* validity */
	(void)der_take(&tbs, DER_SEQUENCE, &cert->subject);
	(void)der_take(&tbs, DER_SEQUENCE, &cert->public_key_info);
	return !der.err && !outer.err && !tbs.err;
}

static bool time_read(reload_utc *out, const ASN1_TIME *t)
{
	int days = 0, seconds = 0;
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	bool good = epoch && ASN1_TIME_diff(&days, &seconds, epoch, t);
	ASN1_TIME_free(epoch);
	if (good) /* before 1970 is long ago */
		*out = days < 0 || seconds < 0
			       ? 0
			       : ((uint64_t)days * 86400 + (uint64_t)seconds) * RELOAD_SECOND;
	return good;
}

/* A string of a name as C string (owned), NULL when it holds a NUL, control or non-ASCII character. */
static char *plain_text(const ASN1_STRING *s)
{
	int len = ASN1_STRING_length(s);
	const uint8_t *at = ASN1_STRING_get0_data(s);
	for (int i = 0; i < len; i++)
		if (at[i] < 0x20 || at[i] > 0x7e)
			return NULL;
	char *text = reload_alloc((size_t)len + 1);
	if (len)
		memcpy(text, at, (size_t)len);
	return text;
}

static enum reload_err add_uri(
	struct reload_cert *cert, const char *uri, struct reload_error_text *why)
{
	struct reload_id node;
	char *overlay;
	if (strncasecmp(uri, "reload:", strlen("reload:"))) {
		cert->san_extra = true;
		return RELOAD_OK;
	}
	if (reload_node_uri_parse(&node, &overlay, uri))
		return reload_error_explain(why, RELOAD_BAD_CERT, NULL,
			"subjectAltName has \"%.120s\", which is not the reload URI of one node "
			"(RFC 6940 s14.15)",
			uri);
	if (!cert->overlay)
		cert->overlay = TAKE(overlay);
	bool same = !overlay || strcmp(cert->overlay, overlay) == 0;
	free(overlay);
	if (!same)
		return reload_error_explain(
			why, RELOAD_BAD_CERT, NULL, "its reload URIs name several overlays");
	if (reload_cert_has_node(cert, &node))
		return reload_error_explain(
			why, RELOAD_BAD_CERT, NULL, "it names the same Node-ID twice");
	if (cert->node_ids_count == RELOAD_CERT_NODE_IDS_MAX)
		return reload_error_explain(why, RELOAD_BAD_CERT, NULL, "more than %d Node-IDs",
			RELOAD_CERT_NODE_IDS_MAX);
	if (!cert->node_ids)
		cert->node_ids =
			reload_alloc_array(RELOAD_CERT_NODE_IDS_MAX, sizeof(*cert->node_ids));
	cert->node_ids[cert->node_ids_count++] = node;
	return RELOAD_OK;
}

static enum reload_err add_user(struct reload_cert *cert, char *user, struct reload_error_text *why)
{
	if (!reload_user_legal(user)) {
		free(user);
		return reload_error_explain(
			why, RELOAD_BAD_CERT, NULL, "its rfc822Name is empty or too long");
	}
	if (cert->user) {
		cert->san_extra = true;
		free(user);
	} else {
		cert->user = user;
	}
	return RELOAD_OK;
}

static enum reload_err add_name(
	struct reload_cert *cert, const GENERAL_NAME *name, struct reload_error_text *why)
{
	if (name->type != GEN_URI && name->type != GEN_EMAIL) {
		cert->san_extra = true;
		return RELOAD_OK;
	}
	char *text = plain_text(name->d.ia5);
	if (!text)
		return reload_error_explain(why, RELOAD_BAD_CERT, NULL,
			"subjectAltName holds a NUL, a control or a non-ASCII character");
	if (name->type == GEN_EMAIL)
		return add_user(cert, text, why);
	enum reload_err err = add_uri(cert, text, why);
	free(text);
	return err;
}

static enum reload_err read_names(struct reload_cert *cert, X509 *x, struct reload_error_text *why)
{
	int crit = 0;
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, &crit, NULL);
	if (!names && crit != -1)
		return reload_error_explain(why, RELOAD_BAD_CERT, NULL,
			"subjectAltName is damaged or stands there twice");
	enum reload_err err = RELOAD_OK;
	for (int i = 0; !err && i < sk_GENERAL_NAME_num(names); i++)
		err = add_name(cert, sk_GENERAL_NAME_value(names, i), why);
	GENERAL_NAMES_free(names);
	if (!cert->user)
		cert->san_extra = true;
	return err;
}

/* "system MUST reject the certificate if it encounters a critical extension it does not recognize" (RFC 5280 s4.2) */
static enum reload_err read_extensions(
	struct reload_cert *cert, X509 *x, struct reload_error_text *why)
{
	for (int i = 0; i < X509_get_ext_count(x); i++) {
		X509_EXTENSION *ext = X509_get_ext(x, i);
		int nid = OBJ_obj2nid(X509_EXTENSION_get_object(ext));
		if (X509_EXTENSION_get_critical(ext) && nid != NID_basic_constraints &&
			nid != NID_key_usage && nid != NID_subject_alt_name)
			return reload_error_explain(why, RELOAD_BAD_CERT, NULL,
				"it has a critical extension that is not known here: %.60s",
				nid == NID_undef ? "one without a name" : OBJ_nid2ln(nid));
	}
	if (X509_get_extension_flags(x) & EXFLAG_INVALID)
		return reload_error_explain(
			why, RELOAD_BAD_CERT, NULL, "one of its extensions is damaged");
	cert->authority = X509_check_ca(x) == 1;
	long path_len = X509_get_pathlen(x);
	cert->path_limited = cert->authority && path_len >= 0;
	cert->path_len =
		cert->path_limited ? (uint8_t)(path_len > UINT8_MAX ? UINT8_MAX : path_len) : 0;
	if (cert->authority)
		return RELOAD_OK; /* what other names an authority has is nobody's business */
	if (!(X509_get_key_usage(x) & KU_DIGITAL_SIGNATURE))
		return reload_error_explain(
			why, RELOAD_BAD_CERT, NULL, "its keyUsage does not permit signatures");
	return read_names(cert, x, why);
}

static char *name_text(const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *at = NULL, *text = NULL;
	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE) >= 0) {
		long len = BIO_get_mem_data(bio, &at);
		len = len > NAME_TEXT_MAX ? NAME_TEXT_MAX : len < 0 ? 0 : len;
		text = reload_alloc((size_t)len + 1);
		if (len)
			memcpy(text, at, (size_t)len);
	}
	BIO_free(bio);
	return text;
}

static enum reload_err read_key(
	struct reload_public_key *key, X509 *x, struct reload_error_text *why)
{
	EVP_PKEY *pkey = X509_get0_pubkey(x);
	if (!pkey)
		return reload_error_explain(
			why, RELOAD_BAD_CERT, NULL, "its public key cannot be read");
	key->sig_alg = reload_ident_key_alg(pkey, why);
	if (!key->sig_alg)
		return RELOAD_BAD_CERT;
	EVP_PKEY_up_ref(pkey);
	key->pkey = pkey;
	key->verify = reload_ident_prepare_verify(pkey, key->sig_alg, RELOAD_HASH_SHA256);
	if (!key->verify)
		return reload_error_explain(
			why, RELOAD_BAD_CERT, NULL, "its public key cannot be used");
	return RELOAD_OK;
}

static enum reload_err read_signature(
	struct reload_public_key *key, const X509 *x, struct reload_error_text *why)
{
	const ASN1_BIT_STRING *value;
	const X509_ALGOR *alg;
	X509_get0_signature(&value, &alg, x);
	if (X509_ALGOR_cmp(alg, X509_get0_tbs_sigalg(x)))
		return reload_error_explain(
			why, RELOAD_BAD_CERT, NULL, "it names two signature algorithms");
	(void)reload_ident_signature_alg(
		&key->signed_hash_alg, &key->signed_sig_alg, X509_get_signature_nid(x));
	key->signature_len = (size_t)ASN1_STRING_length(value);
	key->signature = reload_memdup(ASN1_STRING_get0_data(value), key->signature_len);
	return RELOAD_OK;
}

/* One certificate has one encoding: else one signer would have many names, which are hashes of these bytes. */
static bool is_canonical(X509 *x, struct span der)
{
	uint8_t *again = NULL;
	int len = i2d_X509(x, &again);
	bool same = len > 0 && span_eq(der, span_of(again, (size_t)len));
	OPENSSL_free(again);
	return same;
}

static enum reload_err read_all(struct reload_cert *cert, X509 *x, struct reload_error_text *why)
{
	struct reload_public_key *key = cert->native;
	if (!is_canonical(x, cert->der) || !find_spans(cert, key))
		return reload_error_explain(why, RELOAD_BAD_CERT, NULL, "it is not encoded in DER");
	if (!time_read(&cert->not_before, X509_get0_notBefore(x)) ||
		!time_read(&cert->not_after, X509_get0_notAfter(x)))
		return reload_error_explain(
			why, RELOAD_BAD_CERT, NULL, "its validity has no readable dates");
	cert->self_issued = span_eq(cert->issuer, cert->subject);
	cert->subject_empty = X509_NAME_entry_count(X509_get_subject_name(x)) == 0;
	cert->issuer_text = name_text(X509_get_issuer_name(x));
	enum reload_err err = read_signature(key, x, why);
	if (!err)
		err = read_key(key, x, why);
	if (!err)
		err = read_extensions(cert, x, why);
	return err;
}

enum reload_err reload_x509_read(struct reload_cert *cert, struct reload_error_text *why)
{
	const uint8_t *at = cert->der.at;
	X509 *x = d2i_X509(NULL, &at, (long)cert->der.len);
	cert->native = RELOAD_NEW(reload_public_key);
	enum reload_err err = x ? read_all(cert, x, why)
				: reload_error_explain(why, RELOAD_BAD_CERT, NULL,
					  "it is no X.509 certificate in DER");
	X509_free(x);
	ERR_clear_error();
	return err;
}

void reload_x509_clear(struct reload_cert *cert)
{
	struct reload_public_key *key = cert->native;
	EVP_PKEY_CTX_free(key->verify);
	EVP_PKEY_free(key->pkey);
	free(key->signature);
	free(key);
}
