/* The sockets of a call's audio: RTP at an even port and RTCP at the next (RFC 3550 s11), or both at one (RFC 5761); clock and chance. */
#include "reload-sip-call/media_internal.h"

#include "link/sockaddr_io.h"
#include "link/udp_socket_io.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	PAIR_TRIES = 32
};

uint64_t media_clock(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint32_t media_chance(void)
{
	uint32_t v;
	if (getrandom(&v, sizeof(v), 0) != sizeof(v))
		abort();
	return v;
}

/* The next port; false: it is taken, or the first is odd. */
static bool open_pair(struct media *m, struct reload_ip_port at)
{
	at.port = 0;
	m->fd = reload_udp_open(&at);
	if (m->fd < 0) {
		errno = -m->fd;
		return false;
	}
	m->local = at;
	at.port++;
	m->rtcp_fd = at.port & 1 ? reload_udp_open(&at) : -EADDRINUSE;
	if (m->rtcp_fd >= 0)
		return true;
	errno = -m->rtcp_fd;
	close(m->fd);
	m->fd = m->rtcp_fd = -1;
	return false;
}

bool media_sockets_open(struct media *m, const struct reload_ip_port *remote)
{
	struct reload_ip_port here;
	if (!reload_udp_source(&here, remote)) {
		errno = ENETUNREACH;
		return false;
	}
	for (int i = 0; i < PAIR_TRIES; i++) {
		if (open_pair(m, here))
			return true;
		if (errno != EADDRINUSE)
			return false;
	}
	return false;
}

void media_sockets_close(struct media *m)
{
	if (m->fd >= 0)
		close(m->fd);
	if (m->rtcp_fd >= 0)
		close(m->rtcp_fd);
	m->fd = m->rtcp_fd = -1;
}

bool media_sockets_at(struct media *m, const struct reload_ip_port *at)
{
	struct reload_ip_port here = *at;
	int fd = at->type && at->port ? reload_udp_open(&here) : -EADDRNOTAVAIL;
	if (fd < 0)
		return false;
	media_sockets_close(m);
	m->fd = fd;
	m->local = here;
	here.port++;
	m->rtcp_fd = here.port ? reload_udp_open(&here) : -1;
	return true;
}

static bool send_on_path(struct media *m, struct span packet)
{
	return m->way.state == MEDIA_CONNECTED &&
	       send(m->way.fd, packet.at, packet.len, MSG_DONTWAIT | MSG_NOSIGNAL) ==
		       (ssize_t)packet.len;
}

bool media_send_clear(struct media *m, struct span packet, bool rtcp)
{
	const struct reload_ip_port *to = rtcp ? &m->remote_rtcp : &m->remote;
	static const struct reload_udp_local any;
	if (m->way.state != MEDIA_PLAIN)
		return packet.len && (!rtcp || m->mux) && send_on_path(m, packet);
	return to->type && packet.len &&
	       reload_udp_send(rtcp && !m->mux ? m->rtcp_fd : m->fd, packet, to, &any);
}
