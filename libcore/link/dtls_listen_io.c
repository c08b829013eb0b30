/* Datagrams from anybody: to the link of who sent, to the STUN server, or answered with a cookie. */
#include "link/dtls.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <string.h>

enum {
	STUN_LAST = 3, /* first byte of a datagram (RFC 7983) */
	/* RFC 6347 s4.1, s4.2.2 */
	RECORD_CIPHER_SPEC = 20,
	RECORD_HANDSHAKE = 22,
	CLIENT_HELLO = 1,
	HELLO_RANDOM = RELOAD_DTLS_RECORD_HEAD + 12 +
		       2, /* behind the head of the handshake message and the version */
	RANDOM = 32
};

/* -- what a datagram begins with -------------------------------------------------------------------------------------------- */

static bool is_hello(struct span d)
{
	return d.len >= HELLO_RANDOM + RANDOM && d.at[0] == RECORD_HANDSHAKE &&
	       !d.at[RELOAD_DTLS_RECORD_EPOCH] && !d.at[RELOAD_DTLS_RECORD_EPOCH + 1] &&
	       d.at[RELOAD_DTLS_RECORD_HEAD] == CLIENT_HELLO;
}

static bool is_of_handshake(struct span d)
{
	return d.at[0] == RECORD_HANDSHAKE || d.at[0] == RECORD_CIPHER_SPEC;
}

/* -- links that begin --------------------------------------------------------------------------------------------------------- */

static struct reload_udp_link *listening(struct reload_links *links)
{
	struct reload_dtls *d = links->dtls;
	if (d->listening)
		return d->listening;
	struct reload_udp_link *l =
		(struct reload_udp_link *)reload_secure_link_new(links, &reload_dtls_transport);
	l->dtls.base.incoming = true;
	if (!reload_dtls_session(&l->dtls)) {
		reload_secure_link_free(&l->dtls.base);
		return NULL;
	}
	d->listening = l;
	return l;
}

/*
 * Whether both ends began a handshake with the other at the same time: two nodes that are each other's bootstrap node, say.  The one whose
 * ClientHello has the smaller random gives way.
 */
static bool ours_goes_on(struct reload_udp_link *own, struct span hello)
{
	uint8_t random[RANDOM];
	if (!own || own->dtls.base.incoming || own->dtls.base.state != RELOAD_SECURE_HANDSHAKE)
		return false;
	SSL_get_client_random(own->dtls.base.ssl, random, sizeof(random));
	if (memcmp(random, hello.at + HELLO_RANDOM, RANDOM) > 0)
		return true;
	reload_secure_link_fail(
		&own->dtls.base, RELOAD_LINK_DOWN, "the other end connects at the same time");
	return false;
}

/* The cookie is right: l, which has read the ClientHello, becomes a link, or stays what it is. */
static void accept_link(struct reload_udp_link *l, struct span hello)
{
	struct reload_links *links = l->dtls.base.links;
	const struct reload_ip_port *peer = &l->dtls.base.peer;
	struct reload_udp_link *old = reload_udp_link_at(l->port, peer);
	if (ours_goes_on(old, hello) || (old && old->successor))
		return;
	if (links->counters.links >= links->set.max_links ||
		!reload_admission_take(&links->admission, peer, reload_poll_now())) {
		links->counters.refused++;
		return;
	}
	if (links->counters.half_open >= links->set.max_half_open)
		reload_secure_link_make_room(links, peer);
	links->dtls->listening = NULL;
	reload_secure_link_accept(&l->dtls.base);
	if (!reload_udp_link_enter(l)) {
		reload_secure_link_fail(&l->dtls.base, RELOAD_IN_PROGRESS,
			"a handshake with that address is under way");
		return;
	}
	l->dtls.datagram = hello;
	reload_udp_link_accepted(l);
	l->dtls.datagram = span_of(NULL, 0);
}

static void on_hello(struct reload_dtls_port *port, struct span hello,
	const struct reload_ip_port *from, const struct reload_udp_local *local)
{
	struct reload_udp_link *l = listening(port->links);
	BIO_ADDR *unused = BIO_ADDR_new();
	if (l && unused) {
		l->port = port;
		l->dtls.base.peer = *from;
		l->local = *local;
		l->dtls.datagram = hello;
		ERR_clear_error();
		int shown = DTLSv1_listen(l->dtls.base.ssl, unused);
		reload_dtls_flush(port->links);
		l->dtls.datagram = span_of(NULL, 0);
		if (shown == 1)
			accept_link(l, hello);
		if (port->links->dtls->listening == l)
			l->port = NULL;
	}
	BIO_ADDR_free(unused);
}

/* -- datagrams -------------------------------------------------------------------------------------------------------------- */

static void on_dtls(struct reload_dtls_port *port, struct span datagram,
	const struct reload_ip_port *from, const struct reload_udp_local *local)
{
	struct reload_udp_link *l = reload_udp_link_at(port, from);
	if (l && l->successor && is_of_handshake(datagram))
		l = l->successor;
	bool in_handshake = l && l->dtls.base.state == RELOAD_SECURE_HANDSHAKE;
	if (is_hello(datagram) && !(in_handshake && l->dtls.base.incoming))
		on_hello(port, datagram, from, local);
	else if (l)
		reload_dtls_link_input(&l->dtls, datagram);
}

static void on_stun(struct reload_dtls_port *port, struct span datagram,
	const struct reload_ip_port *from, const struct reload_udp_local *local)
{
	uint8_t answer[RELOAD_STUN_ANSWER_MAX];
	size_t len;
	if (!reload_stun_is(datagram) || reload_stun_serve(answer, &len, &port->links->dtls->stun,
						 datagram, from, reload_poll_now()))
		return;
	(void)reload_udp_send(port->fd, span_of(answer, len), from, local);
}

static void on_errors(struct reload_dtls_port *port)
{
	struct reload_udp_error error;
	for (int i = 0; i < RELOAD_DTLS_ERRORS && reload_udp_error(port->fd, &error); i++) {
		struct reload_udp_link *l = reload_udp_link_at(port, &error.to);
		if (!l)
			continue;
		if (l->dtls.base.state == RELOAD_SECURE_HANDSHAKE)
			reload_udp_link_refused(l, &error);
		else
			reload_dtls_link_icmp(&l->dtls, &error);
	}
}

static void on_readable(void *arg, unsigned events)
{
	struct reload_dtls_port *port = arg;
	struct reload_dtls *d = port->links->dtls;
	if (events & RELOAD_POLL_ERROR)
		on_errors(port);
	for (int i = 0; i < RELOAD_DTLS_DATAGRAMS; i++) {
		struct reload_ip_port from;
		struct reload_udp_local local;
		int n = reload_udp_receive(port->fd, d->in, sizeof(d->in), &from, &local);
		if (n == -EAGAIN)
			return;
		if (n <= 0)
			continue; /* too long, or what ICMP said of an earlier one */
		struct span datagram = span_of(d->in, (size_t)n);
		if (datagram.at[0] <= STUN_LAST)
			on_stun(port, datagram, &from, &local);
		else if (reload_dtls_begins(datagram))
			on_dtls(port, datagram, &from, &local);
	}
}

/* -- life ------------------------------------------------------------------------------------------------------------------- */

bool reload_dtls_init(struct reload_links *links)
{
	struct reload_dtls *d = links->dtls = RELOAD_NEW(reload_dtls);
	d->receive = on_readable;
	reload_admission_init(&d->stun, RELOAD_STUN_RATE, RELOAD_STUN_RATE_ALL, reload_poll_now());
	return RAND_bytes(d->secret, sizeof(d->secret)) == 1 &&
	       RAND_bytes((uint8_t *)d->repeat_key, sizeof(d->repeat_key)) == 1;
}

int reload_dtls_listen(struct reload_links *links, struct reload_ip_port *addr)
{
	int err;
	return reload_dtls_port_open(links, addr, &err) ? 0 : err;
}

void reload_dtls_end(struct reload_links *links)
{
	if (!links->dtls)
		return;
	if (links->dtls->listening)
		reload_secure_link_free(&links->dtls->listening->dtls.base);
	reload_dtls_ports_close(links);
	free(links->dtls);
}
