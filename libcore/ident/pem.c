#include "ident/internal.h"

#include "util/text.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

enum {
	PEM_TEXT_MAX = 16 * 1024 * 1024
};

static bool is_certificate(const char *label)
{
	return !strcmp(label, PEM_STRING_X509) || !strcmp(label, PEM_STRING_X509_OLD) ||
	       !strcmp(label, PEM_STRING_X509_TRUSTED);
}

/* The certificate at the start of data: in a TRUSTED CERTIFICATE it is followed by trust settings. */
static size_t certificate_len(const uint8_t *data, long len)
{
	const uint8_t *at = data;
	X509 *x = len > 0 && len <= RELOAD_CERT_MAX ? d2i_X509(NULL, &at, len) : NULL;
	X509_free(x);
	return x ? (size_t)(at - data) : 0;
}

static size_t blocks_begun(struct span pem)
{
	static const char begin[] = "-----BEGIN ";
	size_t count = 0, len = sizeof(begin) - 1;
	for (const uint8_t *at = pem.at, *end = pem.at + pem.len;
		(at = memmem(at, (size_t)(end - at), begin, len)); at += len)
		count += at == pem.at || at[-1] == '\n';
	return count;
}

size_t reload_pem_certificates(
	struct span pem, void (*got)(void *arg, struct span der), void *arg, size_t *damaged)
{
	size_t count = 0, blocks = 0, bad = 0;
	char *name, *header;
	uint8_t *data;
	long len;
	pem = reload_text_start(pem);
	BIO *bio =
		pem.len && pem.len <= PEM_TEXT_MAX ? BIO_new_mem_buf(pem.at, (int)pem.len) : NULL;
	ERR_clear_error();
	while (bio && !bad && PEM_read_bio(bio, &name, &header, &data, &len)) {
		size_t used = is_certificate(name) ? certificate_len(data, len) : 0;
		blocks++;
		if (used)
			got(arg, span_of(data, used));
		else if (is_certificate(name))
			bad = blocks;
		count += used > 0;
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_clear_free(data, (size_t)len); /* the block may have been a private key */
	}
	if (bio && !bad &&
		blocks < blocks_begun(pem)) /* OpenSSL skips blocks that it cannot read */
		bad = blocks + 1;
	if (damaged)
		*damaged = bad;
	BIO_free(bio);
	ERR_clear_error();
	return count;
}

void reload_pem_certificate_write(struct wr *w, struct span der)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *at = NULL;
	if (bio && PEM_write_bio(bio, PEM_STRING_X509, "", der.at, (long)der.len) > 0) {
		long len = BIO_get_mem_data(bio, &at);
		wr_bytes(w, at, (size_t)len);
	} else {
		wr_fail(w, RELOAD_FAILED);
	}
	BIO_free(bio);
	ERR_clear_error();
}
