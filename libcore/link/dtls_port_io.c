#include "link/dtls.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static int peer_cmp(const struct reload_udp_link *a, const struct reload_udp_link *b)
{
	const struct reload_ip_port *p = &a->dtls.base.peer, *q = &b->dtls.base.peer;
	int order = memcmp(p->addr, q->addr, sizeof(p->addr));
	return order ? order : (p->port > q->port) - (p->port < q->port);
}

RELOAD_TREE(reload_udp_tree, reload_udp_link, by_peer, peer_cmp)

/* -- ports --------------------------------------------------------------------------------------------------------------- */

struct reload_dtls_port *reload_dtls_port_open(
	struct reload_links *links, struct reload_ip_port *addr, int *err)
{
	struct reload_dtls *d = links->dtls;
	*err = -EMFILE;
	if (d->ports_count == RELOAD_DTLS_PORTS)
		return NULL;
	struct reload_dtls_port *port = &d->ports[d->ports_count];
	int fd = *err = reload_udp_open(addr);
	if (fd < 0)
		return NULL;
	*port = (struct reload_dtls_port){ .links = links, .at = *addr, .fd = fd };
	port->watch = reload_poll_add(links->set.poll, fd, RELOAD_POLL_IN, d->receive, port);
	if (!port->watch) {
		*err = -errno;
		close(fd);
		return NULL;
	}
	d->ports_count++;
	return port;
}

/* Nothing leaves this host from a socket that is bound to its loopback address. */
static bool reaches(const struct reload_ip_port *from, const struct reload_ip_port *to)
{
	return from->type == to->type &&
	       (!reload_ip_port_is_loopback(from) || reload_ip_port_is_loopback(to));
}

struct reload_dtls_port *reload_dtls_port_for(
	struct reload_links *links, const struct reload_ip_port *peer, int *err)
{
	struct reload_dtls *d = links->dtls;
	struct reload_ip_port own = { .type = peer->type };
	for (size_t i = 0; i < d->ports_count; i++) {
		struct reload_dtls_port *port = &d->ports[i];
		if (!reaches(&port->at, peer))
			continue;
		if (!reload_udp_link_at(port, peer))
			return port;
		own = port->at;
	}
	own.port = 0;
	return reload_dtls_port_open(links, &own, err);
}

void reload_dtls_ports_close(struct reload_links *links)
{
	struct reload_dtls *d = links->dtls;
	while (d->ports_count) {
		struct reload_dtls_port *port = &d->ports[--d->ports_count];
		reload_poll_remove(links->set.poll, port->watch);
		close(port->fd);
	}
}

/* -- whose datagram it is -------------------------------------------------------------------------------------------------- */

struct reload_udp_link *reload_udp_link_at(
	struct reload_dtls_port *port, const struct reload_ip_port *peer)
{
	struct reload_udp_link key = { .dtls.base.peer = *peer };
	return RB_FIND(reload_udp_tree, &port->tree, &key);
}

bool reload_udp_link_enter(struct reload_udp_link *l)
{
	struct reload_udp_link *old = RB_INSERT(reload_udp_tree, &l->port->tree, l);
	l->is_in_tree = !old;
	if (!old)
		return true;
	if (old->successor)
		return false;
	old->successor = l;
	l->predecessor = old;
	return true;
}

struct reload_udp_link *reload_udp_link_succeed(struct reload_udp_link *l)
{
	struct reload_udp_link *old = l->predecessor;
	if (!old)
		return NULL;
	RB_REMOVE(reload_udp_tree, &l->port->tree, old);
	old->is_in_tree = false;
	old->successor = l->predecessor = NULL;
	RB_INSERT(reload_udp_tree, &l->port->tree, l);
	l->is_in_tree = true;
	return old;
}

void reload_udp_link_leave(struct reload_udp_link *l)
{
	if (l->successor)
		reload_udp_link_succeed(l->successor);
	if (l->predecessor)
		l->predecessor->successor = NULL;
	l->predecessor = NULL;
	if (l->is_in_tree)
		RB_REMOVE(reload_udp_tree, &l->port->tree, l);
	l->is_in_tree = false;
}
