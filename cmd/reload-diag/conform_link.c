/* A link to the node that is checked: TLS over TCP, the frames of RFC 6940 s6.6.2, and nothing that a check could not spoil. */
#include "reload-diag/conform.h"

#include "common/files.h"
#include "link/sockaddr_io.h"
#include "wire/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

enum {
	READ_SIZE = 16384,
	DIAL_MS = 5000
};

static bool ended(struct conform_link *link, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static bool ended(struct conform_link *link, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	if (!*link->end)
		vsnprintf(link->end, sizeof(link->end), fmt, args);
	va_end(args);
	return false;
}

/* The words of OpenSSL for the newest failure. */
static const char *ssl_reason(void)
{
	unsigned long e = ERR_peek_last_error();
	const char *text = e ? ERR_reason_error_string(e) : NULL;
	return text ? text : "the connection was closed";
}

static reload_ms earlier(const struct conform *c, reload_ms wait)
{
	reload_ms until = cli_monotonic() + wait;
	return until < c->deadline ? until : c->deadline;
}

/* Waits for what the TLS session needs after `result`; false: it has ended, or the time is over, which *late says. */
static bool session_waits(struct conform_link *link, int result, reload_ms until, bool *late)
{
	int e = SSL_get_error(link->ssl, result);
	*late = false;
	if (e != SSL_ERROR_WANT_READ && e != SSL_ERROR_WANT_WRITE)
		return ended(link, "%s",
			e == SSL_ERROR_ZERO_RETURN ? "the node closed the session" : ssl_reason());
	*late = !cli_fd_ready(link->fd, e == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, until);
	return !*late;
}

static bool connect_tcp(struct conform *c, struct conform_link *link, reload_ms until)
{
	struct sockaddr_storage to;
	socklen_t len = reload_sockaddr_to(&to, &c->address), size = sizeof(int);
	int err = 0, on = 1;
	link->fd = len ? socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) : -1;
	if (link->fd < 0)
		return ended(link, "no socket: %s", strerror(errno));
	setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(link->fd, (struct sockaddr *)&to, len) && errno != EINPROGRESS)
		return ended(link, "%s", strerror(errno));
	if (!cli_fd_ready(link->fd, POLLOUT, until))
		return ended(link, "no connection in time");
	if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &err, &size) || err)
		return ended(link, "%s", strerror(err));
	return true;
}

static bool show_certificate(
	SSL_CTX *ctx, const struct reload_cert *cert, const struct reload_key *key)
{
	const uint8_t *at = cert->der.at;
	X509 *x = d2i_X509(NULL, &at, (long)cert->der.len);
	bool fine = x && SSL_CTX_use_certificate(ctx, x) == 1 &&
		    SSL_CTX_use_PrivateKey(ctx, key->native) == 1;
	X509_free(x);
	return fine;
}

static bool show_chain(SSL_CTX *ctx, const struct reload_credentials *me)
{
	bool fine = show_certificate(ctx, me->cert, me->key);
	for (size_t i = 0; fine && i < me->others_count; i++) {
		const uint8_t *at = me->others[i]->der.at;
		X509 *x = d2i_X509(NULL, &at, (long)me->others[i]->der.len);
		fine = x && SSL_CTX_add1_chain_cert(ctx, x) == 1;
		X509_free(x);
	}
	return fine;
}

static bool show(struct conform *c, SSL_CTX *ctx, enum conform_shown how)
{
	switch (how) {
	case CONFORM_SHOW_NOTHING:
		return true;
	case CONFORM_SHOW_STRANGER:
		return conform_stranger(c) && show_certificate(ctx, c->stranger, c->stranger_key);
	case CONFORM_SHOW_WEAK:
		SSL_CTX_set_security_level(ctx, 0);
		return SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION) == 1 &&
		       SSL_CTX_set_cipher_list(ctx, "aNULL:eNULL:@SECLEVEL=0") == 1 &&
		       show_chain(ctx, &c->me.credentials);
	case CONFORM_SHOW_OWN:
		return show_chain(ctx, &c->me.credentials);
	}
	return false;
}

/* The certificate is looked at by the rules of the overlay, once the session is there. */
static bool node_trusted(struct conform *c, struct conform_link *link)
{
	STACK_OF(X509) *chain = SSL_get_peer_cert_chain(link->ssl);
	struct reload_cert *certs[RELOAD_CHAIN_MAX];
	struct reload_error_text why = { .reason = "it showed no certificate" };
	int count = 0, shown = chain ? sk_X509_num(chain) : 0;
	for (int i = 0; i < shown && count < RELOAD_CHAIN_MAX; i++) {
		uint8_t *der = NULL;
		int len = i2d_X509(sk_X509_value(chain, i), &der);
		if (len > 0 && !reload_cert_parse(&certs[count], &reload_ident_openssl,
				       span_of(der, (size_t)len), &why))
			count++;
		OPENSSL_free(der);
		if (!count)
			break; /* the first is the node's */
	}
	bool fine = count && !reload_trust_check(c->me.config->trust, certs[0], certs + 1,
				     (size_t)count - 1, cli_now(), &why);
	while (count)
		reload_cert_free(certs[--count]);
	return fine || ended(link, "the certificate of the node: %.120s", why.reason);
}

static bool handshake(
	struct conform *c, struct conform_link *link, enum conform_shown how, reload_ms until)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int r;
	bool late;
	ERR_clear_error();
	bool fine = ctx && SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
		    show(c, ctx, how) && (link->ssl = SSL_new(ctx)) &&
		    SSL_set_fd(link->ssl, link->fd) == 1;
	SSL_CTX_free(ctx);
	if (!fine)
		return ended(link, "no TLS session: %s", ssl_reason());
	while ((r = SSL_connect(link->ssl)) != 1)
		if (!session_waits(link, r, until, &late))
			return ended(link, "no handshake in time");
	return node_trusted(c, link);
}

bool conform_dial(struct conform *c, struct conform_link *link, enum conform_shown how)
{
	reload_ms until = earlier(c, DIAL_MS);
	*link = (struct conform_link){ .fd = -1, .max_message = c->me.config->max_message_size };
	if (connect_tcp(c, link, until) && handshake(c, link, how, until))
		return true;
	char why[sizeof(link->end)];
	memcpy(why, link->end, sizeof(why));
	conform_hang_up(link);
	memcpy(link->end, why, sizeof(why));
	return false;
}

void conform_hang_up(struct conform_link *link)
{
	if (link->ssl) {
		if (!*link->end)
			SSL_shutdown(link->ssl);
		SSL_free(link->ssl);
	}
	if (link->fd >= 0)
		close(link->fd);
	wr_clear(&link->in);
	*link = (struct conform_link){ .fd = -1 };
	ended(link, "there is no link");
}

bool conform_bytes(struct conform *c, struct conform_link *link, struct span bytes)
{
	reload_ms until = earlier(c, c->wait_ms);
	bool late;
	while (!*link->end && bytes.len) {
		ERR_clear_error();
		int n = bytes.len < READ_SIZE ? (int)bytes.len : READ_SIZE,
		    r = SSL_write(link->ssl, bytes.at, n);
		if (r > 0)
			bytes = span_of(bytes.at + r, bytes.len - (size_t)r);
		else if (!session_waits(link, r, until, &late))
			return ended(link, "the node takes no bytes");
	}
	return !*link->end;
}

void conform_frame_head(struct conform_link *link, struct wr *w, size_t len)
{
	wr_u8(w, RELOAD_FRAME_DATA);
	wr_u32(w, link->sequence++);
	wr_int(w, len, 3);
}

bool conform_frame(struct conform *c, struct conform_link *link, struct span message)
{
	struct wr w;
	wr_init(&w);
	conform_frame_head(link, &w, message.len);
	wr_span(&w, message);
	bool fine = conform_bytes(c, link, wr_done(&w));
	wr_clear(&w);
	return fine;
}

static void acknowledged(struct conform_link *link, const struct reload_frame *f)
{
	if (f->ack_sequence < CONFORM_SENT)
		link->acked |= UINT64_C(1) << f->ack_sequence;
	link->mask = f->received;
	link->mask_of = f->ack_sequence;
}

static void acknowledge(struct conform *c, struct conform_link *link, uint32_t sequence)
{
	uint8_t at[RELOAD_FRAME_ACK_SIZE];
	struct wr w = wr_fixed(at, sizeof(at));
	wr_u8(&w, RELOAD_FRAME_ACK);
	wr_u32(&w, sequence);
	wr_u32(&w, 0); /* a clear bit says nothing (R-6.6.2-07) */
	link->jumped |= sequence != link->received++;
	(void)conform_bytes(c, link, wr_done(&w));
}

/* Takes `size` bytes from the front of what was read. */
static void consume(struct conform_link *link, size_t size)
{
	if (size)
		memmove(link->in.at, link->in.at + size, link->in.len - size);
	link->in.len -= size;
}

/* The next whole frame of what was read: true with *message (in *keep) when it is DATA, false: more has to be read. */
static bool next_frame(
	struct conform *c, struct conform_link *link, struct span *message, bool *any)
{
	struct reload_frame f;
	size_t size;
	enum reload_err err = reload_frame_peek(&f, &size, wr_done(&link->in));
	*any = false;
	if (err == RELOAD_SHORT)
		return false;
	if (err)
		return ended(link, "a frame of the node begins with 0x%02x", link->in.at[0]);
	if (size > link->max_message + RELOAD_FRAME_DATA_HEAD)
		return ended(link, "a frame of the node announces %zu bytes", size);
	if (link->in.len < size)
		return false;
	*any = true;
	if (f.type == RELOAD_FRAME_ACK) {
		acknowledged(link, &f);
		consume(link, size);
		return false;
	}
	acknowledge(c, link, f.sequence);
	*message = f.message;
	link->taken = size;
	return true;
}

bool conform_read(
	struct conform *c, struct conform_link *link, reload_ms until, struct span *message)
{
	uint8_t buffer[READ_SIZE];
	bool any, late;
	if (until > c->deadline)
		until = c->deadline;
	consume(link, link->taken);
	link->taken = 0;
	do {
		do
			if (next_frame(c, link, message, &any))
				return true;
		while (any && !*link->end);
		if (*link->end)
			return false;
		ERR_clear_error();
		int r = SSL_read(link->ssl, buffer, sizeof(buffer));
		if (r > 0)
			wr_bytes(&link->in, buffer, (size_t)r);
		else if (!session_waits(link, r, until, &late))
			return false;
	} while (!*link->end && cli_monotonic() < until);
	return false;
}

bool conform_closed(struct conform *c, struct conform_link *link)
{
	reload_ms until = earlier(c, c->wait_ms);
	struct span message;
	while (conform_read(c, link, until, &message))
		;
	return *link->end;
}
