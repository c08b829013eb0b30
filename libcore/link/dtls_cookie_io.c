/*
 * Cookies (RFC 6347 s4.2.1): an HMAC over address and port of who asks, under a secret of this process and the time in steps
 * of RELOAD_DTLS_COOKIE_MS.  One of the step before is good too, so that none ends between its two ClientHellos.
 */
#include "link/dtls.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <string.h>

enum {
	COOKIE = 32 /* bytes */
};

static bool cookie_of(uint8_t out[COOKIE], const struct reload_dtls_link *l, uint64_t step)
{
	const struct reload_dtls *d = l->base.links->dtls;
	const struct reload_ip_port *peer = &l->base.peer;
	uint8_t at[64];
	unsigned len = COOKIE;
	struct wr w = wr_fixed(at, sizeof(at));
	wr_u64(&w, step);
	wr_u8(&w, peer->type);
	wr_bytes(&w, peer->addr, sizeof(peer->addr));
	wr_u16(&w, peer->port);
	return HMAC(EVP_sha256(), d->secret, sizeof(d->secret), at, w.len, out, &len) &&
	       len == COOKIE;
}

static uint64_t step_now(void)
{
	return reload_poll_now() / RELOAD_DTLS_COOKIE_MS;
}

static int make(SSL *ssl, unsigned char *cookie, unsigned *len)
{
	*len = COOKIE;
	return cookie_of(cookie, SSL_get_app_data(ssl), step_now());
}

static int check(SSL *ssl, const unsigned char *cookie, unsigned len)
{
	const struct reload_dtls_link *l = SSL_get_app_data(ssl);
	uint64_t now = step_now();
	for (uint64_t age = 0; len == COOKIE && age < 2 && age <= now; age++) {
		uint8_t good[COOKIE];
		if (cookie_of(good, l, now - age) && !CRYPTO_memcmp(cookie, good, COOKIE))
			return 1;
	}
	return 0;
}

void reload_dtls_context(SSL_CTX *ctx)
{
	SSL_CTX_set_options(ctx, SSL_OP_NO_QUERY_MTU);
	SSL_CTX_set_cookie_generate_cb(ctx, make);
	SSL_CTX_set_cookie_verify_cb(ctx, check);
}
