/*
 * What a client sends to the enrollment server, as libmicrohttpd hands it over: requests over HTTP, of which most have a multipart body.
 *
 * Always true: what reaches the enrollment has each field once at most, as text without a NUL and of bounded length, and a request for a
 * certificate of bounded length; whatever else came, the client has an answer or its connection is closed, and nothing is kept.
 *
 * The first byte of the input says whether the rest is a whole request, or a body to which a request is put in front, with which boundary, in how many
 * pieces, and how its length is given.
 */
#include "reload-enroll/serve_request.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	WHOLE = 1,    /* the input is all of it */
	PIECES = 2,   /* it comes byte by byte */
	CHUNKED = 4,  /* instead of a length */
	BOUNDARY = 8, /* of 60 characters */
	QUOTED = 16   /* the boundary */
};

/* -- the rest of the server ------------------------------------------------------------------------------------------------------ */

static void check_text(const char *text, size_t max)
{
	assert(!text || strlen(text) <= max);
}

bool serve_enroll_begin(struct serve_enrollment *e)
{
	check_text(e->user, ACCOUNTS_PASSWORD_MAX);
	check_text(e->password, ACCOUNTS_PASSWORD_MAX);
	check_text(e->new_password, ACCOUNTS_PASSWORD_MAX);
	check_text(e->nodeids, ACCOUNTS_PASSWORD_MAX);
	assert(!e->csr.err && e->csr.len <= SERVE_CSR_MAX);
	assert(!strcmp(e->address, "192.0.2.1") && !e->status);
	e->status = e->user && e->csr.len ? 200 : 403;
	e->text = SERVE_FAILED_AUTHENTICATION;
	if (e->status == 200)
		wr_span(&e->certificate, wr_done(&e->csr));
	return false;
}

void serve_connection_hold(struct MHD_Connection *c, bool held)
{
	(void)c, (void)held;
}

/* -- one connection ---------------------------------------------------------------------------------------------------------------- */

static struct MHD_Daemon *the_daemon(struct serve *s)
{
	static struct MHD_Daemon *daemon;
	if (!daemon)
		daemon = MHD_start_daemon(MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, serve_request, s,
			MHD_OPTION_NOTIFY_COMPLETED, serve_request_completed, s,
			MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)32768,
			MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	assert(daemon);
	return daemon;
}

static void run(struct MHD_Daemon *daemon)
{
	for (int i = 0; i < 4; i++)
		(void)MHD_run(daemon);
}

/* What the server says is read, so that it can go on. */
static void drain(int fd)
{
	char bytes[4096];
	while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
}

static void put(struct MHD_Daemon *daemon, int fd, const void *bytes, size_t len, size_t piece)
{
	const uint8_t *at = bytes;
	while (len) {
		ssize_t n = send(fd, at, len < piece ? len : piece, MSG_DONTWAIT | MSG_NOSIGNAL);
		run(daemon);
		drain(fd);
		if (n < 0 && errno != EAGAIN)
			return;
		at += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
}

static void put_body(
	struct MHD_Daemon *daemon, int fd, unsigned how, const uint8_t *body, size_t len)
{
	static const char dashes[] = "--------------------------------------------------------";
	char head[512];
	const char *quote = how & QUOTED ? "\"" : "";
	int n = snprintf(head, sizeof(head),
		"POST /enroll HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; "
		"boundary=%s%sXX%s\r\n",
		quote, how & BOUNDARY ? dashes : "", quote);
	if (how & CHUNKED)
		n += snprintf(head + n, sizeof(head) - (size_t)n,
			"Transfer-Encoding: chunked\r\n\r\n%zx\r\n", len);
	else
		n += snprintf(
			head + n, sizeof(head) - (size_t)n, "Content-Length: %zu\r\n\r\n", len);
	put(daemon, fd, head, (size_t)n, (size_t)n);
	put(daemon, fd, body, len, how & PIECES ? 1 + len / 64 : 65536);
	if (how & CHUNKED)
		put(daemon, fd, "\r\n0\r\n\r\n", 7, 7);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct serve serve = { .config_path = "/dev/null" };
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000201) };
	int fds[2];
	if (!size || size > 65536)
		return 0;
	struct MHD_Daemon *daemon = the_daemon(&serve);
	assert(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	if (MHD_add_connection(daemon, fds[1], (struct sockaddr *)&from, sizeof(from)) != MHD_YES)
		return 0;
	if (data[0] & WHOLE)
		put(daemon, fds[0], data + 1, size - 1, data[0] & PIECES ? 1 + size / 64 : 65536);
	else
		put_body(daemon, fds[0], data[0], data + 1, size - 1);
	shutdown(fds[0], SHUT_WR);
	run(daemon);
	drain(fds[0]);
	close(fds[0]);
	run(daemon);
	assert(!serve.waiting);
	return 0;
}
