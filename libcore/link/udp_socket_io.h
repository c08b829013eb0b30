/* UDP sockets that serve many others at once: who sent, to which own address, and what ICMP says.  Non-blocking, close-on-exec. */
#pragma once

#include "wire/destination.h"

/* The own address that a datagram was sent to, and that its answer leaves from; type 0: the kernel chooses. */
struct reload_udp_local {
	uint8_t type; /* enum reload_address_type */
	uint8_t addr[16];
	unsigned interface;
};

/* What ICMP said of a datagram that was sent. */
struct reload_udp_error {
	struct reload_ip_port to;
	int err; /* errno: ECONNREFUSED, EHOSTUNREACH .. */
	bool expired; /* on its way it could go over no further router: its TTL, or hop limit, was used up */
	bool hard; /* port or protocol unreachable (RFC 1122 s4.2.3.9), said by the other end */
};

/* reload_udp_open() returns a socket at addr, whose port is filled in, or a negative errno. */
int reload_udp_open(struct reload_ip_port *addr);

struct msghdr;
/*
 * reload_udp_take() takes one datagram, with the control messages for which *control has room (whose length is set to theirs), and returns its length, or a
 * negative errno; one that is longer than size, or has no sender that can be answered, has the length 0.
 */
int reload_udp_take(
	int fd, void *to, size_t size, struct reload_ip_port *from, struct msghdr *control);

/* reload_udp_receive() does the same, and reads from the control messages to which address it was sent. */
int reload_udp_receive(
	int fd, void *to, size_t size, struct reload_ip_port *from, struct reload_udp_local *local);

/* reload_udp_send() sends one datagram; false: it is lost. */
bool reload_udp_send(int fd, struct span datagram, const struct reload_ip_port *to,
	const struct reload_udp_local *local);

/* reload_udp_error() takes what ICMP said last; false: nothing. */
bool reload_udp_error(int fd, struct reload_udp_error *out);

/*
 * reload_udp_source() fills in the address from which datagrams to another one leave this host, without sending any; false: there is no
 * route.
 */
bool reload_udp_source(struct reload_ip_port *out, const struct reload_ip_port *to);
