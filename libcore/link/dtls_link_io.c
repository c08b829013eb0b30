/*
 * One DTLS link over UDP.
 *
 *   (cookie shown) --> HANDSHAKE --> UP --> CLOSING --> (freed)
 *                       |  ^  |      |        |
 *                 next  |  |  +--> DEAD <-----+
 *                 address--+
 */
#include "link/dtls.h"

#include <string.h>

static struct reload_udp_link *udp(struct reload_secure_link *base)
{
	return (struct reload_udp_link *)base;
}

/* -- how it begins ---------------------------------------------------------------------------------------------------------- */

/* What keeps a handshake with the peer from beginning; NULL: it may begin. */
static const char *begin(struct reload_udp_link *l)
{
	int err;
	l->local = (struct reload_udp_local){ 0 };
	l->port = reload_dtls_port_for(l->dtls.base.links, &l->dtls.base.peer, &err);
	if (!l->port)
		return strerror(-err);
	if (!l->dtls.base.peer.port)
		return "no address to connect to";
	if (!reload_udp_link_enter(l))
		return "a handshake with that address is under way";
	return reload_dtls_session(&l->dtls) ? NULL : "OpenSSL cannot make a session";
}

static const char *start(struct reload_secure_link *base)
{
	struct reload_udp_link *l = udp(base);
	const char *fault = begin(l);
	if (!fault)
		reload_dtls_handshake(&l->dtls, base->links->set.connect_ms);
	return fault;
}

void reload_udp_link_accepted(struct reload_udp_link *l)
{
	reload_dtls_handshake(&l->dtls, l->dtls.base.links->set.handshake_ms);
}

void reload_udp_link_refused(struct reload_udp_link *l, const struct reload_udp_error *error)
{
	if (!error->hard)
		return;
	reload_secure_link_fail(&l->dtls.base, RELOAD_LINK_DOWN, strerror(error->err));
	reload_secure_link_try_next(&l->dtls.base);
}

static void handshake_done(struct reload_secure_link *base)
{
	struct reload_udp_link *old = reload_udp_link_succeed(udp(base));
	if (old) { /* its end comes first: who was started anew knows nothing of what was agreed on it */
		reload_secure_link_fail(
			&old->dtls.base, RELOAD_LINK_DOWN, "the other end has started a new link");
		reload_secure_link_ended(&old->dtls.base);
	}
}

/* -- the transport ---------------------------------------------------------------------------------------------------------- */

static void send_datagram(struct reload_secure_link *base, struct span datagram)
{
	struct reload_udp_link *l = udp(base);
	(void)reload_udp_send(l->port->fd, datagram, &base->peer, &l->local);
}

static void disconnect(struct reload_secure_link *base)
{
	struct reload_udp_link *l = udp(base);
	reload_dtls_link_end(&l->dtls);
	if (l->port)
		reload_udp_link_leave(l);
	l->port = NULL;
}

const struct reload_link_transport reload_dtls_transport = {
	.type = RELOAD_DTLS_UDP_SR_NO_ICE,
	.kind = RELOAD_SECURE_DATAGRAM,
	.name = "DTLS",
	.size = sizeof(struct reload_udp_link),
	.bio_method = reload_dtls_bio_method,
	.connect = start,
	.send = reload_dtls_send,
	.close = reload_dtls_close,
	.pass_end = reload_dtls_pass_end,
	.disconnect = disconnect,
	.clear = reload_dtls_clear,
	.set_limits = reload_dtls_set_limits,
	.info = reload_dtls_info,
	.mtu = reload_dtls_mtu,
	.datagram = send_datagram,
	.handshake_done = handshake_done,
};
