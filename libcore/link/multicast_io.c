#include "link/multicast_io.h"

#include "link/sockaddr_io.h"
#include "link/udp_socket_io.h"
#include "wire/codes.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

enum {
	CONTROL = 128
};

/* -- interfaces ---------------------------------------------------------------------------------------------------------------- */

static uint8_t prefix_of(const struct sockaddr *mask)
{
	const uint8_t *at = NULL;
	size_t len = 0;
	uint8_t bits = 0;
	if (mask && mask->sa_family == AF_INET) {
		at = (const uint8_t *)&((const struct sockaddr_in *)mask)->sin_addr;
		len = 4;
	} else if (mask && mask->sa_family == AF_INET6) {
		at = (const uint8_t *)&((const struct sockaddr_in6 *)mask)->sin6_addr;
		len = 16;
	}
	for (size_t i = 0; i < len; i++)
		bits += (uint8_t)__builtin_popcount(at[i]);
	return bits;
}

/* The entry of an index, a new one if need be; NULL: there is no room. */
static struct reload_interface *entry_of(struct reload_interface *all, int *count, unsigned index)
{
	for (int i = 0; i < *count; i++)
		if (all[i].index == index)
			return &all[i];
	if (!index || *count == RELOAD_INTERFACES_MAX)
		return NULL;
	all[*count] = (struct reload_interface){ .index = index };
	return &all[(*count)++];
}

int reload_interfaces_read(struct reload_interface out[RELOAD_INTERFACES_MAX])
{
	struct ifaddrs *all;
	int count = 0;
	if (getifaddrs(&all))
		return -errno;
	for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
		const unsigned wanted = IFF_UP | IFF_MULTICAST;
		int family = a->ifa_addr ? a->ifa_addr->sa_family : AF_UNSPEC;
		if ((a->ifa_flags & (wanted | IFF_LOOPBACK)) != wanted ||
			(family != AF_INET && family != AF_INET6))
			continue;
		struct reload_interface *i = entry_of(out, &count, if_nametoindex(a->ifa_name));
		if (!i || i->count == RELOAD_INTERFACE_ADDRESSES)
			continue;
		struct sockaddr_storage s = { 0 };
		memcpy(&s, a->ifa_addr,
			family == AF_INET ? sizeof(struct sockaddr_in)
					  : sizeof(struct sockaddr_in6));
		struct reload_interface_address *to = &i->addresses[i->count++];
		reload_sockaddr_from(&to->at, &s);
		to->at.port = 0;
		to->prefix = prefix_of(a->ifa_netmask);
	}
	freeifaddrs(all);
	return count;
}

const struct reload_interface *reload_interface_by(
	const struct reload_interface *all, size_t count, unsigned index)
{
	for (size_t i = 0; i < count; i++)
		if (all[i].index == index)
			return &all[i];
	return NULL;
}

static bool same_network(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned rest = bits % 8, whole = bits / 8;
	return !memcmp(a, b, whole) && (!rest || !((a[whole] ^ b[whole]) >> (8 - rest)));
}

bool reload_interface_reaches(const struct reload_interface *i, const struct reload_ip_port *a)
{
	if (reload_ip_port_is_linklocal(a))
		return true;
	for (size_t k = 0; k < i->count; k++) {
		const struct reload_interface_address *own = &i->addresses[k];
		if (own->at.type == a->type && own->prefix &&
			same_network(own->at.addr, a->addr, own->prefix))
			return true;
	}
	return false;
}

/* -- sockets -------------------------------------------------------------------------------------------------------------------- */

static bool set(int fd, int level, int option, int value)
{
	return !setsockopt(fd, level, option, &value, sizeof(value));
}

/* What an answer and a question have in common; hops count for both. */
static int open_socket(uint8_t type, int hops)
{
	bool v4 = type == RELOAD_IPV4;
	int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	bool good = v4 ? set(fd, IPPROTO_IP, IP_PKTINFO, 1) && set(fd, IPPROTO_IP, IP_TTL, hops) &&
				    set(fd, IPPROTO_IP, IP_MULTICAST_TTL, hops) &&
				    set(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0)
		       : set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) &&
				    set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) &&
				    set(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, hops) &&
				    set(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, hops) &&
				    set(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
	if (good)
		return fd;
	int err = errno;
	close(fd);
	return -err;
}

static int bound(int fd, const struct reload_ip_port *at)
{
	struct sockaddr_storage a;
	socklen_t len = reload_sockaddr_to(&a, at);
	if (fd < 0 || !bind(fd, (struct sockaddr *)&a, len))
		return fd;
	int err = errno;
	close(fd);
	return -err;
}

/* A group of IPv6 that stays on a link cannot be bound to for all interfaces: what was sent to whom is seen when it arrives. */
int reload_group_listen(const struct reload_ip_port *group, int hops)
{
	struct reload_ip_port at = *group;
	int fd = open_socket(group->type, hops);
	if (fd >= 0)
		set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (group->type == RELOAD_IPV6)
		memset(at.addr, 0, sizeof(at.addr));
	return bound(fd, &at);
}

int reload_group_asker(uint8_t type, int hops)
{
	const struct reload_ip_port any = { .type = type };
	return bound(open_socket(type, hops), &any);
}

int reload_group_join(int fd, const struct reload_ip_port *group, unsigned interface)
{
	struct ip_mreqn v4 = { .imr_ifindex = (int)interface };
	struct ipv6_mreq v6 = { .ipv6mr_interface = interface };
	memcpy(&v4.imr_multiaddr, group->addr, 4);
	memcpy(&v6.ipv6mr_multiaddr, group->addr, 16);
	int failed = group->type == RELOAD_IPV4
			     ? setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &v4, sizeof(v4))
			     : setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &v6, sizeof(v6));
	return failed && errno != EADDRINUSE ? -errno : 0;
}

static void put_interface(struct msghdr *m, bool v4, unsigned interface)
{
	struct in_pktinfo info4 = { .ipi_ifindex = (int)interface };
	struct in6_pktinfo info6 = { .ipi6_ifindex = interface };
	size_t size = v4 ? sizeof(info4) : sizeof(info6);
	m->msg_controllen = CMSG_SPACE(size);
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	*c = (struct cmsghdr){ .cmsg_level = v4 ? IPPROTO_IP : IPPROTO_IPV6,
		.cmsg_type = v4 ? IP_PKTINFO : IPV6_PKTINFO,
		.cmsg_len = CMSG_LEN(size) };
	memcpy(CMSG_DATA(c), v4 ? (void *)&info4 : (void *)&info6, size);
}

bool reload_group_send(
	int fd, struct span datagram, const struct reload_ip_port *to, unsigned interface)
{
	struct sockaddr_storage a;
	_Alignas(struct cmsghdr) char control[CONTROL] = { 0 };
	struct iovec part = { (void *)datagram.at, datagram.len };
	struct msghdr m = { .msg_name = &a,
		.msg_namelen = reload_sockaddr_to(&a, to),
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	put_interface(&m, to->type == RELOAD_IPV4, interface);
	return m.msg_namelen && sendmsg(fd, &m, MSG_NOSIGNAL) >= 0;
}

static void arrival_of(struct reload_group_arrival *out, struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		struct in_pktinfo v4;
		struct in6_pktinfo v6;
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&v4, CMSG_DATA(c), sizeof(v4));
			out->interface = (unsigned)v4.ipi_ifindex;
			out->to_group = IN_MULTICAST(ntohl(v4.ipi_addr.s_addr));
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&v6, CMSG_DATA(c), sizeof(v6));
			out->interface = v6.ipi6_ifindex;
			out->to_group = IN6_IS_ADDR_MULTICAST(&v6.ipi6_addr);
		}
	}
}

int reload_group_receive(int fd, void *to, size_t size, struct reload_group_arrival *arrival)
{
	_Alignas(struct cmsghdr) char control[CONTROL];
	struct msghdr m = { .msg_control = control, .msg_controllen = sizeof(control) };
	*arrival = (struct reload_group_arrival){ 0 };
	int n = reload_udp_take(fd, to, size, &arrival->from, &m);
	if (n >= 0)
		arrival_of(arrival, &m);
	return n > 0 && !arrival->interface ? 0 : n;
}
