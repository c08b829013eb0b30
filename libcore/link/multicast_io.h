/* UDP sockets for multicast groups, and the interfaces of this host.  Non-blocking, close-on-exec. */
#pragma once

#include "wire/destination.h"

enum {
	RELOAD_INTERFACES_MAX = 32, /* further ones are left out */
	RELOAD_INTERFACE_ADDRESSES = 8
};

/* An interface that is up and takes multicast; loopback is none. */
struct reload_interface {
	unsigned index;
	size_t count;
	struct reload_interface_address {
		struct reload_ip_port at; /* of port 0 */
		uint8_t prefix;           /* bits of its network */
	} addresses[RELOAD_INTERFACE_ADDRESSES];
};

/* reload_interfaces_read() fills in the interfaces that have an address and returns how many, or a negative errno. */
int reload_interfaces_read(struct reload_interface out[RELOAD_INTERFACES_MAX]);

/* reload_interface_by() returns the interface of that index, or NULL. */
const struct reload_interface *reload_interface_by(
	const struct reload_interface *all, size_t count, unsigned index);

/* reload_interface_reaches() returns whether a is in a network of the interface, or link-local there: no router is between. */
bool reload_interface_reaches(const struct reload_interface *i, const struct reload_ip_port *a);

/*
 * reload_group_listen() returns a socket that has what is sent to group on the interfaces that reload_group_join() was called
 * for, or a negative errno.  Several processes may listen to one group.  What is sent over it reaches hops routers, or none beyond the link for 1.
 */
int reload_group_listen(const struct reload_ip_port *group, int hops);

/* reload_group_join() returns 0, also when that was done before, or a negative errno. */
int reload_group_join(int fd, const struct reload_ip_port *group, unsigned interface);

/* reload_group_asker() returns a socket of that address type and of any port, to ask groups and to get answers; or a negative errno. */
int reload_group_asker(uint8_t type, int hops);

/* How a datagram came. */
struct reload_group_arrival {
	struct reload_ip_port from;
	unsigned interface;
	bool to_group; /* it was sent to a multicast group */
};

/*
 * reload_group_send() sends one datagram out of an interface; false: it is lost.  reload_group_receive() takes one and returns its length, or a
 * negative errno; one that is longer than size, or of which sender or interface is not known, has the length 0.
 */
bool reload_group_send(
	int fd, struct span datagram, const struct reload_ip_port *to, unsigned interface);
int reload_group_receive(int fd, void *to, size_t size, struct reload_group_arrival *arrival);
