/* A TLS client of other make: OpenSSL and a socket, with the loop of the nodes turned between its calls. */
#pragma once

#include "link_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

struct raw {
	SSL_CTX *ctx;
	SSL *ssl;
	SSL_SESSION *session; /* to be resumed; NULL: none */
	int fd;
};

static inline int raw_socket(uint16_t port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(fd >= 0);
	assert_true(connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 || errno == EINPROGRESS);
	return fd;
}

/* raw_init() with who NULL has no certificate */
static inline void raw_init(struct raw *r, uint16_t port, const struct identity *who)
{
	r->ctx = SSL_CTX_new(TLS_client_method());
	if (who) {
		assert_int_equal(SSL_CTX_use_certificate_ASN1(
					 r->ctx, (int)who->cert->der.len, who->cert->der.at),
			1);
		assert_int_equal(SSL_CTX_use_PrivateKey(r->ctx, who->key->native), 1);
	}
	r->fd = raw_socket(port);
	r->ssl = NULL;
	r->session = NULL;
}

/* raw_handshake() returns SSL_ERROR_NONE, or why it failed; settings of ctx are made before */
static inline int raw_handshake(struct raw *r, struct reload_poll *poll)
{
	r->ssl = SSL_new(r->ctx);
	SSL_set_fd(r->ssl, r->fd);
	if (r->session)
		assert_int_equal(SSL_set_session(r->ssl, r->session), 1);
	for (int i = 0; i < 2000; i++) {
		ERR_clear_error();
		int n = SSL_connect(r->ssl);
		int code = SSL_get_error(r->ssl, n);
		if (code != SSL_ERROR_WANT_READ && code != SSL_ERROR_WANT_WRITE)
			return code;
		reload_poll_pass(poll, 1);
	}
	fail_msg("no end of the handshake");
	return -1;
}

static inline void raw_write(struct raw *r, struct span bytes)
{
	assert_int_equal(SSL_write(r->ssl, bytes.at, (int)bytes.len), (int)bytes.len);
}

/* raw_read() reads exactly len bytes; false when the connection ends before */
static inline bool raw_read(struct raw *r, struct reload_poll *poll, uint8_t *to, size_t len)
{
	for (int i = 0; len && i < 5000; i++) {
		ERR_clear_error();
		int n = SSL_read(r->ssl, to, (int)len);
		if (n > 0) {
			to += n;
			len -= (size_t)n;
			continue;
		}
		int code = SSL_get_error(r->ssl, n);
		if (code != SSL_ERROR_WANT_READ)
			return false;
		reload_poll_pass(poll, 1);
	}
	return !len;
}

static inline void raw_clear(struct raw *r)
{
	SSL_free(r->ssl);
	SSL_CTX_free(r->ctx);
	if (r->fd >= 0)
		close(r->fd);
}
