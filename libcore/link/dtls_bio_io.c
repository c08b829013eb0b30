/*
 * Between OpenSSL and datagrams: one read takes one datagram, whole, and each write is one record or one part of a flight.
 * OpenSSL asks for little else of a BIO; a memory BIO would join datagrams.
 */
#include "link/dtls.h"

#include <openssl/bio.h>
#include <string.h>

/* -- datagrams out ---------------------------------------------------------------------------------------------------------- */

static void send_now(struct reload_dtls_link *l, struct span datagram)
{
	struct reload_links *links = l->base.links;
	links->counters.writes++;
	links->counters.bytes_out += datagram.len;
	l->base.transport->datagram(&l->base, datagram);
}

void reload_dtls_flush(struct reload_links *links)
{
	struct reload_dtls *d = links->dtls;
	if (d->writer)
		send_now(d->writer, span_of(d->out, d->out_len));
	d->writer = NULL;
	d->out_len = 0;
}

void reload_dtls_write(struct reload_dtls_link *l, struct span record)
{
	struct reload_links *links = l->base.links;
	struct reload_dtls *d = links->dtls;
	if (d->writer != l || record.len > sizeof(d->out) - d->out_len)
		reload_dtls_flush(links);
	if (record.len > sizeof(d->out)) {
		send_now(l,
			record); /* a header that no fragment can carry: IP may fragment it (R-6.7-04) */
		return;
	}
	memcpy(d->out + d->out_len, record.at, record.len);
	d->out_len += record.len;
	d->writer = l;
}

/* -- for OpenSSL ------------------------------------------------------------------------------------------------------------- */

static int bio_write(BIO *bio, const char *from, int len)
{
	BIO_clear_retry_flags(bio);
	reload_dtls_write(BIO_get_data(bio), span_of(from, (size_t)len));
	return len;
}

static int bio_read(BIO *bio, char *to, int len)
{
	struct reload_dtls_link *l = BIO_get_data(bio);
	size_t n = l->datagram.len < (size_t)len ? l->datagram.len : (size_t)len;
	BIO_clear_retry_flags(bio);
	if (!n) {
		BIO_set_retry_read(bio);
		return -1;
	}
	memcpy(to, l->datagram.at, n);
	l->datagram = span_of(NULL, 0);
	return (int)n;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	(void)bio, (void)num, (void)ptr;
	switch (cmd) {
	case BIO_CTRL_FLUSH:
	case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT: /* link/dtls_session_io.c asks for it */
		return 1;
	case BIO_CTRL_DGRAM_QUERY_MTU:
	case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
		return RELOAD_DTLS_MTU;
	default:
		return 0;
	}
}

BIO_METHOD *reload_dtls_bio_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "reload datagrams");
	if (m && BIO_meth_set_write(m, bio_write) && BIO_meth_set_read(m, bio_read) &&
		BIO_meth_set_ctrl(m, bio_ctrl))
		return m;
	BIO_meth_free(m);
	return NULL;
}
