#include "ident/internal.h"
#include "util/text.h"

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>

enum {
	KEY_PEM_MAX = 65536
};

static const struct {
	const char *name;
	enum reload_key_type type;
	unsigned rsa_bits; /* 0: P-256 */
} key_types[] = {
	{ "p256", RELOAD_KEY_P256, 0 },
	{ "rsa2048", RELOAD_KEY_RSA2048, 2048 },
	{ "rsa3072", RELOAD_KEY_RSA3072, 3072 },
};

enum reload_err reload_key_type_parse(enum reload_key_type *out, const char *name)
{
	for (size_t i = 0; i < COUNT_OF(key_types); i++)
		if (!strcmp(name, key_types[i].name)) {
			*out = key_types[i].type;
			return RELOAD_OK;
		}
	return RELOAD_USAGE;
}

struct reload_key *reload_ident_key_wrap(EVP_PKEY *pkey)
{
	EVP_PKEY_CTX *prepared = reload_ident_prepare_sign(pkey);
	if (!prepared) {
		EVP_PKEY_free(pkey);
		return NULL;
	}
	struct reload_key *key = RELOAD_NEW(reload_key);
	*key = (struct reload_key){ &reload_ident_openssl, pkey, prepared };
	return key;
}

enum reload_err reload_key_new(struct reload_key **out, enum reload_key_type type)
{
	EVP_PKEY *pkey = NULL;
	for (size_t i = 0; i < COUNT_OF(key_types); i++)
		if (key_types[i].type == type)
			pkey = key_types[i].rsa_bits ? EVP_RSA_gen(key_types[i].rsa_bits)
						     : EVP_EC_gen("P-256");
	struct reload_key *key = pkey ? reload_ident_key_wrap(pkey) : NULL;
	ERR_clear_error();
	if (!key)
		return RELOAD_BAD_KEY;
	*out = key;
	return RELOAD_OK;
}

int reload_ident_no_password(char *buf, int size, int rwflag, void *asked)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	*(bool *)asked = true;
	return -1;
}

static enum reload_err key_from(
	struct reload_key **out, EVP_PKEY *pkey, struct reload_error_text *why)
{
	if (!reload_ident_key_alg(pkey, why)) {
		EVP_PKEY_free(pkey);
		return RELOAD_BAD_KEY;
	}
	struct reload_key *key = reload_ident_key_wrap(pkey);
	if (!key)
		return reload_error_explain(
			why, RELOAD_BAD_KEY, NULL, "OpenSSL cannot sign with it");
	*out = key;
	return RELOAD_OK;
}

struct opening {
	const char *passphrase; /* NULL: there is none */
	bool asked;
};

static int give_passphrase(char *buf, int size, int rwflag, void *arg)
{
	struct opening *o = arg;
	size_t len = o->passphrase ? strlen(o->passphrase) : 0;
	(void)rwflag;
	o->asked = true;
	if (!len || len > (size_t)size)
		return -1;
	memcpy(buf, o->passphrase, len);
	return (int)len;
}

static enum reload_err not_read(const struct opening *o, struct reload_error_text *why)
{
	(void)reload_error_explain(why, RELOAD_BAD_KEY, NULL,
		!o->asked       ? "there is no private key in PEM form"
		: o->passphrase ? "it is encrypted, and this is not its passphrase"
				: "it is encrypted");
	if (o->asked && !o->passphrase)
		reload_error_advise(why, "openssl pkey -in FILE -out NEWFILE, and keep NEWFILE "
					 "readable by its owner only");
	return RELOAD_BAD_KEY;
}

enum reload_err reload_key_read_pem(
	struct reload_key **out, struct span pem, struct reload_error_text *why)
{
	return reload_key_read_sealed(out, pem, NULL, why);
}

bool reload_key_is_sealed(struct span pem)
{
	static const char word[] = "ENCRYPTED"; /* of PKCS#8, and of the form before it */
	return memmem(pem.at, pem.len, word, sizeof(word) - 1) != NULL;
}

enum reload_err reload_key_read_sealed(struct reload_key **out, struct span pem,
	const char *passphrase, struct reload_error_text *why)
{
	struct opening o = { .passphrase = passphrase };
	pem = reload_text_start(pem);
	if (!pem.len || pem.len > KEY_PEM_MAX)
		return reload_error_explain(why, RELOAD_BAD_KEY, NULL,
			"%zu bytes; a key in PEM has 1 to %d", pem.len, KEY_PEM_MAX);
	BIO *bio = BIO_new_mem_buf(pem.at, (int)pem.len);
	EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, &o) : NULL;
	BIO_free(bio);
	ERR_clear_error();
	return pkey ? key_from(out, pkey, why) : not_read(&o, why);
}

enum reload_err reload_key_write_pem(struct wr *w, const struct reload_key *key)
{
	BIO *bio = BIO_new(BIO_s_mem()); /* OpenSSL wipes the memory when it is freed */
	char *at = NULL;
	bool good =
		bio && PEM_write_bio_PKCS8PrivateKey(bio, key->native, NULL, NULL, 0, NULL, NULL);
	if (good) {
		long len = BIO_get_mem_data(bio, &at);
		wr_bytes(w, at, (size_t)len);
	}
	BIO_free(bio);
	ERR_clear_error();
	return good ? w->err : RELOAD_BAD_KEY;
}

/* How long a guess takes: N, r and p of scrypt (RFC 7914), which need 16 MiB. */
enum {
	SCRYPT_N = 16384,
	SCRYPT_R = 8,
	SCRYPT_P = 5,
	SALT = 16
};

static X509_SIG *seal(EVP_PKEY *pkey, const char *passphrase)
{
	PKCS8_PRIV_KEY_INFO *plain = EVP_PKEY2PKCS8(pkey);
	X509_ALGOR *how = PKCS5_pbe2_set_scrypt(
		EVP_aes_256_cbc(), NULL, SALT, NULL, SCRYPT_N, SCRYPT_R, SCRYPT_P);
	X509_SIG *sealed = plain && how
				   ? PKCS8_set0_pbe(passphrase, (int)strlen(passphrase), plain, how)
				   : NULL;
	if (!sealed)
		X509_ALGOR_free(how);
	PKCS8_PRIV_KEY_INFO_free(plain);
	return sealed;
}

enum reload_err reload_key_write_sealed(
	struct wr *w, const struct reload_key *key, const char *passphrase)
{
	BIO *bio = BIO_new(BIO_s_mem());
	X509_SIG *sealed = seal(key->native, passphrase);
	char *at = NULL;
	bool good = bio && sealed && PEM_write_bio_PKCS8(bio, sealed);
	if (good) {
		long len = BIO_get_mem_data(bio, &at);
		wr_bytes(w, at, (size_t)len);
	}
	X509_SIG_free(sealed);
	BIO_free(bio);
	ERR_clear_error();
	return good ? w->err : RELOAD_BAD_KEY;
}

bool reload_key_fits(const struct reload_key *key, const struct reload_cert *cert)
{
	return key->ops == cert->ops && key->ops->key_fits(key, cert);
}

void reload_key_free(struct reload_key *key)
{
	if (!key)
		return;
	key->ops->key_clear(key);
	free(key);
}

enum reload_err reload_key_public_info(struct wr *w, const struct reload_key *key)
{
	uint8_t *der = NULL;
	int len = i2d_PUBKEY(key->native, &der);
	if (len > 0)
		wr_bytes(w, der, (size_t)len);
	OPENSSL_free(der);
	ERR_clear_error();
	return len > 0 ? w->err : RELOAD_BAD_KEY;
}

enum reload_err reload_self_node_id(struct reload_id *out, struct span public_key_info,
	uint8_t hash_alg, uint8_t len, uint32_t index)
{
	uint8_t hash[RELOAD_HASH_SIZE_MAX], prefix[4];
	struct wr w = wr_fixed(prefix, sizeof(prefix));
	wr_u32(&w, index);
	struct span parts[] = { span_of(prefix, sizeof(prefix)), public_key_info };
	if ((hash_alg != RELOAD_HASH_SHA1 && hash_alg != RELOAD_HASH_SHA256) || len > RELOAD_ID_MAX)
		return RELOAD_BAD_VALUE;
	if (reload_hash(hash, hash_alg, index ? parts : parts + 1, index ? 2 : 1) < len)
		return RELOAD_BAD_VALUE;
	return reload_id_from(out, span_of(hash, len));
}
