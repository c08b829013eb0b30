/* A relay of datagrams between one client and one server on the loop of the test, which can lose what a test wants lost. */
#pragma once

#include "link_fixture.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

struct relay {
	struct reload_poll *poll;
	int fd;
	uint64_t watch;
	uint16_t port, server;
	struct sockaddr_in client;
	unsigned to_server, to_client; /* datagrams that came, those that were lost too */
	uint64_t lose_to_server,
		lose_to_client; /* bit n: that one is lost, counted from 0; 64 and up: none */
	bool deaf;              /* all are lost */
	uint32_t loss;          /* of a million are lost by chance, in both directions */
	uint64_t seed;          /* of that chance; 1 is a good one */
	size_t longest;         /* datagram */
	uint8_t second[2048];   /* datagram of the client: its ClientHello with the cookie */
	size_t second_len;
	unsigned others; /* datagrams in which the first byte is not that of a DTLS record */
	bool twice;      /* each datagram is sent two times */
};

static inline struct sockaddr_in relay_at(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

/* udp_socket() returns a socket at port of 127.0.0.1, 0 takes a free one, which is filled in */
static inline int udp_socket(uint16_t *port)
{
	struct sockaddr_in a = relay_at(*port);
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static inline bool relay_loses(struct relay *r)
{
	if (!r->loss)
		return false;
	r->seed = r->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (r->seed >> 33) % 1000000 < r->loss;
}

static inline void relay_pass(void *arg, unsigned events)
{
	struct relay *r = arg;
	uint8_t bytes[20000];
	struct sockaddr_in from;
	(void)events;
	for (;;) {
		socklen_t len = sizeof(from);
		ssize_t n =
			recvfrom(r->fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &len);
		if (n < 0)
			return;
		bool down = ntohs(from.sin_port) == r->server;
		unsigned *count = down ? &r->to_client : &r->to_server;
		uint64_t lose = down ? r->lose_to_client : r->lose_to_server;
		unsigned number = (*count)++;
		if (!down)
			r->client = from;
		if (!down && number == 1 && (size_t)n < sizeof(r->second)) {
			r->second_len = (size_t)n;
			memcpy(r->second, bytes, (size_t)n);
		}
		r->others += !n || bytes[0] < 20 || bytes[0] > 63;
		r->longest = (size_t)n > r->longest ? (size_t)n : r->longest;
		if (relay_loses(r) || r->deaf || (number < 64 && lose >> number & 1))
			continue;
		struct sockaddr_in to = down ? r->client : relay_at(r->server);
		for (int i = 0; i < 1 + r->twice; i++)
			(void)!sendto(
				r->fd, bytes, (size_t)n, 0, (struct sockaddr *)&to, sizeof(to));
	}
}

static inline void relay_start(struct relay *r, struct reload_poll *poll, uint16_t server)
{
	r->poll = poll;
	r->server = server;
	r->fd = udp_socket(&r->port);
	r->watch = reload_poll_add(poll, r->fd, RELOAD_POLL_IN, relay_pass, r);
	assert_true(r->watch);
}

static inline void relay_stop(struct relay *r)
{
	reload_poll_remove(r->poll, r->watch);
	close(r->fd);
	*r = (struct relay){ 0 };
}
