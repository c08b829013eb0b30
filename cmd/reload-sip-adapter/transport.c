#include "reload-sip-adapter/transport.h"

#include "link/sockaddr_io.h"
#include "link/udp_socket_io.h"
#include "usage/sip_head.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BACKLOG = 1024,
	DATAGRAMS_PER_PASS = 64,
	ACCEPTS_PER_PASS = 32,
	RECEIVE_BUFFER = 4 * 1024 * 1024
};

const char *transport_name(enum reload_sip_transport transport)
{
	return transport == RELOAD_SIP_UDP ? "UDP" : transport == RELOAD_SIP_TCP ? "TCP" : "TLS";
}

void transport_init(
	struct transport *t, struct reload_poll *poll, const struct transport_ops *ops, void *arg)
{
	*t = (struct transport){ .poll = poll,
		.ops = ops,
		.arg = arg,
		.of_host_max = TRANSPORT_OF_HOST,
		.idle_ms = TRANSPORT_IDLE_MS };
	connections_init(t);
}

void transport_clear(struct transport *t)
{
	connections_clear(t);
	for (size_t i = 0; i < t->sockets_count; i++) {
		reload_poll_pause_end(&t->sockets[i].pause);
		reload_poll_remove(t->poll, t->sockets[i].watch);
		close(t->sockets[i].fd);
	}
	t->sockets_count = 0;
	SSL_CTX_free(t->tls);
}

/* -- datagrams -------------------------------------------------------------------------------------------------------------- */

static void on_datagram(
	struct transport_socket *s, struct span datagram, const struct reload_ip_port *remote)
{
	struct transport *t = s->all;
	struct reload_sip_hop from = {
		.transport = RELOAD_SIP_UDP, .socket = (uint8_t)(s - t->sockets), .remote = *remote
	};
	while (datagram.len && (datagram.at[0] == '\r' || datagram.at[0] == '\n'))
		datagram = span_of(datagram.at + 1, datagram.len - 1);
	if (!datagram.len || !reload_sip_is_token(span_of(datagram.at, 1)))
		return; /* to keep a NAT open; a message begins with a token */
	t->datagrams++;
	t->ops->received(t->arg, datagram, &from, NULL);
}

static void on_udp(void *arg, unsigned events)
{
	struct transport_socket *s = arg;
	struct reload_udp_error error;
	static uint8_t buffer[65536];
	while (events & RELOAD_POLL_ERROR && reload_udp_error(s->fd, &error))
		if (error.hard || error.err == EHOSTUNREACH || error.err == ENETUNREACH)
			s->all->ops->refused(s->all->arg, &error.to);
	for (unsigned i = 0; i < DATAGRAMS_PER_PASS; i++) {
		struct reload_ip_port from;
		struct reload_udp_local local;
		int n = reload_udp_receive(s->fd, buffer, sizeof(buffer), &from, &local);
		if (n < 0)
			return;
		if (n)
			on_datagram(s, span_of(buffer, (size_t)n), &from);
	}
}

/* -- connections of devices --------------------------------------------------------------------------------------------------- */

static void on_accept(void *arg, unsigned events)
{
	struct transport_socket *s = arg;
	(void)events;
	for (unsigned i = 0; i < ACCEPTS_PER_PASS; i++) {
		struct sockaddr_storage from;
		struct reload_ip_port remote;
		socklen_t len = sizeof(from);
		int fd = accept4(
			s->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			(void)reload_poll_pause(s->all->poll, &s->pause, s->watch, errno);
			return;
		}
		reload_sockaddr_from(&remote, &from);
		reload_ip_port_unmap(&remote);
		(void)connection_new(s->all, fd, s->transport, &remote);
	}
}

static int open_stream(struct reload_ip_port *at)
{
	struct sockaddr_storage addr;
	socklen_t len = reload_sockaddr_to(&addr, at);
	int one = 1;
	int fd = socket(addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&addr, len) || listen(fd, BACKLOG)) {
		int e = errno;
		close(fd);
		return -e;
	}
	len = sizeof(addr);
	if (!getsockname(fd, (struct sockaddr *)&addr, &len))
		reload_sockaddr_from(at, &addr);
	return fd;
}

static bool is_wildcard(const struct reload_ip_port *at)
{
	static const uint8_t zero[16];
	return !memcmp(at->addr, zero, at->type == RELOAD_IPV4 ? 4 : 16);
}

enum reload_err transport_listen(struct transport *t, enum reload_sip_transport transport,
	struct reload_ip_port *at, struct reload_error_text *why)
{
	char text[64], what[128];
	struct transport_socket *s = &t->sockets[t->sockets_count];
	int size = RECEIVE_BUFFER;
	snprintf(what, sizeof(what), "cannot listen at %s", reload_ip_port_text(text, at));
	if (t->sockets_count == TRANSPORT_SOCKETS_MAX) {
		(void)reload_error_explain(
			why, RELOAD_LIMIT, what, "there are %d sockets", TRANSPORT_SOCKETS_MAX);
		reload_error_advise(why, "fewer --listen, at a wildcard address");
		return RELOAD_LIMIT;
	}
	int fd = transport == RELOAD_SIP_UDP ? reload_udp_open(at) : open_stream(at);
	if (fd < 0) {
		(void)reload_error_explain(why, RELOAD_IO, what, "%s", strerror(-fd));
		reload_error_advise(why, "another port behind --listen, or ss -lnp");
		return RELOAD_IO;
	}
	if (transport == RELOAD_SIP_UDP)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	*s = (struct transport_socket){ .all = t,
		.transport = (uint8_t)transport,
		.at = *at,
		.anywhere = is_wildcard(at),
		.fd = fd };
	s->watch = reload_poll_add(
		t->poll, fd, RELOAD_POLL_IN, transport == RELOAD_SIP_UDP ? on_udp : on_accept, s);
	t->sockets_count++;
	return RELOAD_OK;
}

enum reload_err transport_certificate(struct transport *t, const char *certificate, const char *key,
	const char *ca, struct reload_error_text *why)
{
	char what[300];
	t->tls = SSL_CTX_new(TLS_method());
	SSL_CTX_set_min_proto_version(t->tls, TLS1_2_VERSION);
	SSL_CTX_set_mode(t->tls, SSL_MODE_ENABLE_PARTIAL_WRITE |
					 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					 SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_options(t->tls, SSL_OP_NO_RENEGOTIATION);
	const char *at = certificate;
	if (SSL_CTX_use_certificate_chain_file(t->tls, certificate) == 1) {
		at = key;
		if (SSL_CTX_use_PrivateKey_file(t->tls, key, SSL_FILETYPE_PEM) == 1)
			at = ca;
	}
	bool trusts = ca ? SSL_CTX_load_verify_locations(t->tls, ca, NULL) == 1
			 : SSL_CTX_set_default_verify_paths(t->tls) == 1;
	if (at == ca && trusts)
		return RELOAD_OK;
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());
	snprintf(what, sizeof(what), "cannot use %.200s for TLS",
		at ? at : "the certificates of this host");
	(void)reload_error_explain(
		why, RELOAD_BAD_CERT, what, "%s", reason ? reason : "it cannot be read");
	reload_error_advise(why, "--certificate and --key name PEM files that belong together, "
				 "--ca one of certificates");
	ERR_clear_error();
	return RELOAD_BAD_CERT;
}

struct connection *transport_adopt(
	struct transport *t, int fd, enum reload_sip_transport transport, void *owner)
{
	struct connection *c = connection_new(t, fd, transport, NULL);
	if (c)
		c->owner = owner;
	return c;
}

/* -- sending ------------------------------------------------------------------------------------------------------------------ */

bool transport_send(struct transport *t, struct reload_sip_hop *hop, struct span message)
{
	static const struct reload_udp_local any;
	if (hop->transport == RELOAD_SIP_UDP)
		return hop->socket < t->sockets_count &&
		       reload_udp_send(t->sockets[hop->socket].fd, message, &hop->remote, &any);
	struct connection *c = transport_find(t, hop->connection);
	/* RFC 3261 s18.2.2: when the connection of a request has ended, its answer goes to the port in the Via */
	bool anew = !hop->connection || hop->transport == RELOAD_SIP_TCP;
	if (!c && anew && hop->transport != RELOAD_SIP_OVERLAY) {
		c = connection_open(t, hop, NULL);
		hop->connection = c ? c->id : 0;
	}
	return c && connection_send(c, message);
}

bool transport_local(
	const struct transport *t, const struct reload_sip_hop *hop, struct reload_ip_port *out)
{
	for (size_t i = 0; i < t->sockets_count; i++) {
		const struct transport_socket *s = &t->sockets[i];
		bool same =
			hop->transport == RELOAD_SIP_UDP
				? hop->socket == i
				: s->transport == hop->transport && s->at.type == hop->remote.type;
		if (!same || s->transport != hop->transport)
			continue;
		*out = s->at;
		if (!s->anywhere)
			return true;
		if (!reload_udp_source(out, &hop->remote))
			return false;
		out->port = s->at.port;
		return true;
	}
	return false;
}
