/* Records of DTLS before OpenSSL sees them (RFC 6347 s4.1). */
#include "link/dtls.h"

#include <openssl/evp.h>

enum {
	RECORD_LENGTH = 11,
	GCM_LEAST = 8 + 16, /* explicit nonce and tag */
	CHACHA_LEAST = 16   /* tag */
};

/* The shortest that an encrypted record may be. */
static size_t least(SSL *ssl)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
	bool chacha = cipher && SSL_CIPHER_get_cipher_nid(cipher) == NID_chacha20_poly1305;
	return chacha ? CHACHA_LEAST : GCM_LEAST;
}

struct span reload_dtls_well_formed(SSL *ssl, struct span datagram)
{
	size_t at = 0, shortest = least(ssl);
	while (datagram.len - at >= RELOAD_DTLS_RECORD_HEAD) {
		const uint8_t *record = datagram.at + at;
		size_t len = (size_t)record[RECORD_LENGTH] << 8 | record[RECORD_LENGTH + 1];
		bool encrypted =
			record[RELOAD_DTLS_RECORD_EPOCH] || record[RELOAD_DTLS_RECORD_EPOCH + 1];
		if (len > datagram.len - at - RELOAD_DTLS_RECORD_HEAD ||
			(encrypted && len < shortest))
			break;
		at += RELOAD_DTLS_RECORD_HEAD + len;
	}
	return span_of(datagram.at, at);
}
