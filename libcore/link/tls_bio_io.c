/* How the bytes of a TLS session reach its socket: as OpenSSL's own BIO does it, but never with a SIGPIPE. */
#include "link/tls.h"

#include <errno.h>
#include <openssl/bio.h>
#include <sys/socket.h>

static int bio_fd(BIO *bio)
{
	struct reload_stream_link *link = BIO_get_data(bio);
	return link->fd;
}

static int bio_result(BIO *bio, ssize_t n, int retry)
{
	BIO_clear_retry_flags(bio);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_flags(bio, retry | BIO_FLAGS_SHOULD_RETRY);
	return (int)n;
}

static int bio_write(BIO *bio, const char *from, int len)
{
	return bio_result(bio, send(bio_fd(bio), from, (size_t)len, MSG_NOSIGNAL), BIO_FLAGS_WRITE);
}

static int bio_read(BIO *bio, char *to, int len)
{
	return bio_result(bio, recv(bio_fd(bio), to, (size_t)len, 0), BIO_FLAGS_READ);
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	(void)bio, (void)num, (void)ptr;
	return cmd == BIO_CTRL_FLUSH;
}

BIO_METHOD *reload_tls_bio_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "reload link");
	if (m && BIO_meth_set_write(m, bio_write) && BIO_meth_set_read(m, bio_read) &&
		BIO_meth_set_ctrl(m, bio_ctrl))
		return m;
	BIO_meth_free(m);
	return NULL;
}
