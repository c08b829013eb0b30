#include "link/udp_socket_io.h"

#include "link/sockaddr_io.h"
#include "wire/codes.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <unistd.h>

enum {
	RECEIVE_BUFFER =
		1024 * 1024, /* bytes that wait in the kernel: all links share the socket */
	CONTROL = 256
};

static void set(int fd, int level, int option, int value)
{
	setsockopt(fd, level, option, &value, sizeof(value));
}

int reload_udp_open(struct reload_ip_port *addr)
{
	struct sockaddr_storage a;
	socklen_t len = reload_sockaddr_to(&a, addr);
	if (!len)
		return -EAFNOSUPPORT;
	int fd = socket(a.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (a.ss_family == AF_INET6) {
		set(fd, IPPROTO_IPV6, IPV6_V6ONLY,
			1); /* the IPv4 address has a socket of its own */
		set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
		set(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
	} else {
		set(fd, IPPROTO_IP, IP_PKTINFO, 1);
		set(fd, IPPROTO_IP, IP_RECVERR, 1);
	}
	set(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
	socklen_t size = sizeof(a);
	if (bind(fd, (struct sockaddr *)&a, len) || getsockname(fd, (struct sockaddr *)&a, &size)) {
		int err = errno;
		close(fd);
		return -err;
	}
	reload_sockaddr_from(addr, &a);
	return fd;
}

static void local_of(struct reload_udp_local *local, struct msghdr *m)
{
	*local = (struct reload_udp_local){ 0 };
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			local->type = RELOAD_IPV4;
			memcpy(local->addr, &info.ipi_addr, 4);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			local->type = RELOAD_IPV6;
			memcpy(local->addr, &info.ipi6_addr, 16);
			if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
				local->interface = info.ipi6_ifindex;
		}
	}
}

int reload_udp_take(
	int fd, void *to, size_t size, struct reload_ip_port *from, struct msghdr *control)
{
	struct sockaddr_storage a;
	struct iovec part = { to, size };
	struct msghdr m = *control;
	m.msg_name = &a;
	m.msg_namelen = sizeof(a);
	m.msg_iov = &part;
	m.msg_iovlen = 1;
	ssize_t n = recvmsg(fd, &m, 0);
	if (n < 0)
		return -errno;
	reload_sockaddr_from(from, &a);
	control->msg_controllen = m.msg_controllen;
	return m.msg_flags & MSG_TRUNC || !from->port ? 0 : (int)n;
}

int reload_udp_receive(
	int fd, void *to, size_t size, struct reload_ip_port *from, struct reload_udp_local *local)
{
	_Alignas(struct cmsghdr) char control[CONTROL];
	struct msghdr m = { .msg_control = control, .msg_controllen = sizeof(control) };
	int n = reload_udp_take(fd, to, size, from, &m);
	if (n >= 0)
		local_of(local, &m);
	return n;
}

static void put_local(struct msghdr *m, char *control, const struct reload_udp_local *local)
{
	if (!local->type)
		return;
	memset(control, 0, CONTROL);
	m->msg_control = control;
	m->msg_controllen = CONTROL;
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	if (local->type == RELOAD_IPV4) {
		struct in_pktinfo info = { 0 };
		memcpy(&info.ipi_spec_dst, local->addr, 4);
		*c = (struct cmsghdr){ .cmsg_level = IPPROTO_IP,
			.cmsg_type = IP_PKTINFO,
			.cmsg_len = CMSG_LEN(sizeof(info)) };
		memcpy(CMSG_DATA(c), &info, sizeof(info));
		m->msg_controllen = CMSG_SPACE(sizeof(info));
		return;
	}
	struct in6_pktinfo info = { .ipi6_ifindex = local->interface };
	memcpy(&info.ipi6_addr, local->addr, 16);
	*c = (struct cmsghdr){ .cmsg_level = IPPROTO_IPV6,
		.cmsg_type = IPV6_PKTINFO,
		.cmsg_len = CMSG_LEN(sizeof(info)) };
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	m->msg_controllen = CMSG_SPACE(sizeof(info));
}

bool reload_udp_send(int fd, struct span datagram, const struct reload_ip_port *to,
	const struct reload_udp_local *local)
{
	struct sockaddr_storage a;
	_Alignas(struct cmsghdr) char control[CONTROL];
	struct iovec part = { (void *)datagram.at, datagram.len };
	struct msghdr m = { .msg_name = &a,
		.msg_namelen = reload_sockaddr_to(&a, to),
		.msg_iov = &part,
		.msg_iovlen = 1 };
	if (!m.msg_namelen)
		return false;
	put_local(&m, control, local);
	/* what ICMP said of another datagram may be told here, once; then this one was not sent */
	for (int i = 0; i < 2; i++)
		if (sendmsg(fd, &m, MSG_NOSIGNAL) >= 0)
			return true;
	return false;
}

static bool is_hard(const struct sock_extended_err *e)
{
	if (e->ee_origin == SO_EE_ORIGIN_ICMP)
		return e->ee_type == ICMP_DEST_UNREACH &&
		       (e->ee_code == ICMP_PORT_UNREACH || e->ee_code == ICMP_PROT_UNREACH);
	return e->ee_origin == SO_EE_ORIGIN_ICMP6 && e->ee_type == ICMP6_DST_UNREACH &&
	       e->ee_code == ICMP6_DST_UNREACH_NOPORT;
}

static bool is_expired(const struct sock_extended_err *e)
{
	return (e->ee_origin == SO_EE_ORIGIN_ICMP && e->ee_type == ICMP_TIME_EXCEEDED &&
		       e->ee_code == ICMP_EXC_TTL) ||
	       (e->ee_origin == SO_EE_ORIGIN_ICMP6 && e->ee_type == ICMP6_TIME_EXCEEDED &&
		       e->ee_code == ICMP6_TIME_EXCEED_TRANSIT);
}

bool reload_udp_error(int fd, struct reload_udp_error *out)
{
	struct sockaddr_storage a;
	_Alignas(struct cmsghdr) char control[CONTROL];
	struct msghdr m = { .msg_name = &a,
		.msg_namelen = sizeof(a),
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	if (recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
		return false;
	*out = (struct reload_udp_error){ 0 };
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		struct sock_extended_err e;
		if (!(c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) &&
			!(c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
			continue;
		memcpy(&e, CMSG_DATA(c), sizeof(e));
		reload_sockaddr_from(&out->to, &a);
		out->err = (int)e.ee_errno;
		out->hard = is_hard(&e);
		out->expired = is_expired(&e);
	}
	return true;
}

bool reload_udp_source(struct reload_ip_port *out, const struct reload_ip_port *to)
{
	struct sockaddr_storage a;
	socklen_t len = reload_sockaddr_to(&a, to);
	int fd = len ? socket(a.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
	if (fd < 0)
		return false;
	bool routed = !connect(fd, (struct sockaddr *)&a, len);
	len = sizeof(a);
	routed = routed && !getsockname(fd, (struct sockaddr *)&a, &len);
	close(fd);
	if (routed)
		reload_sockaddr_from(out, &a);
	return routed;
}
