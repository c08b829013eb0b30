#include "link/internal.h"
#include "link/sockaddr_io.h"
#include "wire/codes.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BACKLOG = 1024
};

static int close_with(int fd, int err)
{
	close(fd);
	return -err;
}

static int stream_socket(const struct sockaddr_storage *a)
{
	int fd = socket(a->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

static void no_delay(int fd)
{
	int on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

int reload_socket_listen(const struct reload_ip_port *addr, uint16_t *port)
{
	struct sockaddr_storage a;
	socklen_t len = reload_sockaddr_to(&a, addr);
	if (!len)
		return -EAFNOSUPPORT;
	int fd = stream_socket(&a), on = 1;
	if (fd < 0)
		return fd;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (a.ss_family == AF_INET6) /* the IPv4 address has a socket of its own */
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&a, len) || listen(fd, BACKLOG))
		return close_with(fd, errno);
	len = sizeof(a);
	if (getsockname(fd, (struct sockaddr *)&a, &len))
		return close_with(fd, errno);
	struct reload_ip_port bound;
	reload_sockaddr_from(&bound, &a);
	*port = bound.port;
	return fd;
}

int reload_socket_connect(const struct reload_ip_port *addr)
{
	struct sockaddr_storage a;
	socklen_t len = reload_sockaddr_to(&a, addr);
	if (!len || !addr->port)
		return -EADDRNOTAVAIL;
	int fd = stream_socket(&a);
	if (fd < 0)
		return fd;
	no_delay(fd);
	if (connect(fd, (struct sockaddr *)&a, len) && errno != EINPROGRESS)
		return close_with(fd, errno);
	return fd;
}

int reload_socket_accept(int listener, struct reload_ip_port *peer)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);
	int fd = accept4(listener, (struct sockaddr *)&a, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return -errno;
	no_delay(fd);
	reload_sockaddr_from(peer, &a);
	return fd;
}

int reload_socket_error(int fd)
{
	int err = 0;
	socklen_t len = sizeof(err);
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) ? errno : err;
}

bool reload_links_family(enum reload_address_type type)
{
	const struct sockaddr_storage a = { .ss_family = type == RELOAD_IPV4 ? AF_INET : AF_INET6 };
	int fd = stream_socket(&a);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

void reload_socket_wake_at(int fd, int bytes)
{
	setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes));
}

void reload_socket_raise_limit(void)
{
	struct rlimit r;
	if (getrlimit(RLIMIT_NOFILE, &r) || r.rlim_cur == r.rlim_max)
		return;
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
}
