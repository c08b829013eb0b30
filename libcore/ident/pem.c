#include "ident/internal.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

enum {
	PEM_TEXT_MAX = 16 * 1024 * 1024
};

size_t reload_pem_certificates(struct span pem, void (*got)(void *arg, struct span der), void *arg)
{
	size_t count = 0;
	char *name, *header;
	uint8_t *data;
	long len;
	if (!pem.len || pem.len > PEM_TEXT_MAX)
		return 0;
	BIO *bio = BIO_new_mem_buf(pem.at, (int)pem.len);
	while (bio && PEM_read_bio(bio, &name, &header, &data, &len)) {
		if (!strcmp(name, PEM_STRING_X509) && len > 0 && len <= RELOAD_CERT_MAX) {
			got(arg, span_of(data, (size_t)len));
			count++;
		}
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_clear_free(data, (size_t)len); /* it may have been a private key */
	}
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
