/*
 * Links of an overlay with a shared secret (RFC 6940 s13.4): TLS-PSK in place of certificates.
 *
 * The handshake proves that both ends know the secret, and no more: which node is at the other end is learned from the first message that it
 * signs (interop CFG-14).  TLS 1.2 with ephemeral keys and authenticated encryption, as for other links; the identity is the name of the overlay.
 * Connections of applications keep their certificates.
 */
#include "link/dtls.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <string.h>
#include <strings.h>

static unsigned secret_of(const struct reload_links *links, uint8_t *out, unsigned max)
{
	struct span secret = bytes_span(links->secret);
	if (!secret.len || secret.len > max)
		return 0; /* ends the handshake */
	memcpy(out, secret.at, secret.len);
	return (unsigned)secret.len;
}

static unsigned as_client(SSL *ssl, const char *hint, char *identity, unsigned max_identity,
	unsigned char *out, unsigned max)
{
	const struct reload_secure_link *l = SSL_get_app_data(ssl);
	(void)hint;
	int len = snprintf(identity, max_identity, "%s", l->links->secret_name);
	return len < 0 || (unsigned)len >= max_identity ? 0 : secret_of(l->links, out, max);
}

static unsigned as_server(SSL *ssl, const char *identity, unsigned char *out, unsigned max)
{
	const struct reload_secure_link *l = SSL_get_app_data(ssl);
	return identity && !strcasecmp(identity, l->links->secret_name)
		       ? secret_of(l->links, out, max)
		       : 0;
}

static void contexts_free(SSL_CTX *contexts[RELOAD_SECURE_KINDS])
{
	for (size_t i = 0; i < RELOAD_SECURE_KINDS; i++) {
		SSL_CTX_free(contexts[i]); /* sessions under way hold it */
		contexts[i] = NULL;
	}
}

static bool contexts_new(SSL_CTX *out[RELOAD_SECURE_KINDS], const struct reload_links *links)
{
	for (size_t i = 0; i < RELOAD_SECURE_KINDS; i++) {
		bool datagrams = i == RELOAD_SECURE_DATAGRAM;
		int version = datagrams ? DTLS1_2_VERSION : TLS1_2_VERSION;
		SSL_CTX *ctx = out[i] = SSL_CTX_new(datagrams ? DTLS_method() : TLS_method());
		if (!ctx || !reload_secure_policy(ctx, version, version) ||
			SSL_CTX_set_cipher_list(ctx, "ECDHE-PSK-CHACHA20-POLY1305") != 1)
			return false;
		SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL); /* nobody has a certificate */
		SSL_CTX_set_psk_client_callback(ctx, as_client);
		SSL_CTX_set_psk_server_callback(ctx, as_server);
		reload_secure_keylog(ctx, &links->set);
		if (datagrams)
			reload_dtls_context(ctx);
	}
	return true;
}

void reload_secure_psk_clear(struct reload_links *links)
{
	contexts_free(links->psk);
	if (links->secret.at)
		OPENSSL_cleanse(links->secret.at, links->secret.len);
	bytes_free(&links->secret);
	free(links->secret_name);
	links->secret_name = NULL;
}

enum reload_err reload_links_set_secret(struct reload_links *links, const char *secret,
	const char *overlay, struct reload_error_text *why)
{
	reload_secure_psk_clear(links);
	if (!secret)
		return RELOAD_OK;
	links->secret = bytes_copy(span_str(secret));
	links->secret_name = reload_strdup(overlay);
	if (contexts_new(links->psk, links))
		return RELOAD_OK;
	ERR_clear_error();
	reload_secure_psk_clear(links);
	return reload_error_explain(
		why, RELOAD_FAILED, "TLS-PSK", "OpenSSL cannot be set up for it");
}
