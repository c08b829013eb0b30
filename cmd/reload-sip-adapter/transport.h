/*
 * The ways of SIP messages: datagrams, connections of devices over TCP and TLS, and connections to other nodes that an agent hands over as sockets of this
 * host.  Every address is a number.  What is sent never calls back: an end is reported from the loop.
 */
#pragma once

#include "link/poll_io.h"
#include "sip/hop.h"
#include "util/bytes.h"
#include "util/tree.h"

#include <openssl/ssl.h>
#include <sys/queue.h>

enum {
	TRANSPORT_SOCKETS_MAX = 16,
	TRANSPORT_CONNECTIONS_MAX =
		20000, /* and no more than half of the descriptors that the process may have */
	TRANSPORT_OF_HOST = 1000, /* connections that one host may open, unless set otherwise */
	TRANSPORT_OUT_MAX =
		256 *
		1024, /* bytes that wait to be sent on a connection; with more it is given up */
	TRANSPORT_HELD_MAX =
		256 * 1024 *
		1024, /* bytes that wait on all of them, to be sent or for their rest */
	TRANSPORT_CONNECT_MS = 4000,
	TRANSPORT_IDLE_MS =
		180000, /* a connection of a device that nothing uses is kept so long, unless set otherwise */
	TRANSPORT_IDLE_OVERLAY_MS = 30000
};

struct transport;
struct branch;

/* A host that has opened connections. */
struct transport_host {
	RB_ENTRY(transport_host) entry;
	struct reload_ip_port at; /* its port means nothing */
	size_t count;
};

RB_HEAD(transport_host_tree, transport_host);

/* A connection; fields are for reading but owner, user, uses, requests, relays and branches. */
struct connection {
	RB_ENTRY(connection) entry;
	uint64_t id;
	uint8_t transport; /* enum reload_sip_transport */
	struct reload_ip_port remote;
	void *owner;   /* of the overlay: who made it */
	char *user;    /* owned: the AOR whose password its device knows; NULL: none yet */
	unsigned uses; /* dialogs that need it: it is not closed as idle */
	unsigned requests, relays; /* that came by it: under way, and with audio that is relayed */
	LIST_HEAD(, branch) branches; /* that wait for an answer on it */
	/* own business */
	struct transport *all;
	struct transport_host *host; /* of whose share it is; NULL: it was opened here */
	int fd;
	uint64_t watch;
	SSL *tls;
	bool connecting, handshaking, closed;
	bool shut;       /* nothing more is sent: closed when all that waits is */
	unsigned blanks; /* characters of CR LF that came in a row */
	struct wr in, out;
	size_t held;               /* bytes of both, as they are counted of all */
	struct reload_timer timer; /* idle, or not connected in time */
	reload_ms used; /* when the last whole message, or empty line, came or was sent */
	TAILQ_ENTRY(connection) ended;
};

struct transport_ops {
	/* a whole message; c is NULL for a datagram */
	void (*received)(void *arg, struct span message, const struct reload_sip_hop *from,
		struct connection *c);
	/* it has ended, and is freed after that */
	void (*lost)(void *arg, struct connection *c);
	/* where what came on a connection ends cannot be told; it is closed after that */
	void (*rubbish)(void *arg, struct span bytes, const struct reload_sip_hop *from);
	/* whether a device that has registered is reached by it: it is kept, however long nothing comes */
	bool (*needed)(void *arg, const struct connection *c);
	/* ICMP says that nobody is there */
	void (*refused)(void *arg, const struct reload_ip_port *at);
};

RB_HEAD(connection_tree, connection);

/* Where devices come to. */
struct transport_socket {
	struct transport *all;
	uint8_t transport;
	struct reload_ip_port at;
	bool anywhere; /* at is a wildcard */
	int fd;
	uint64_t watch;
	struct reload_poll_pause pause;
};

struct transport {
	struct reload_poll *poll;
	const struct transport_ops *ops;
	void *arg;
	SSL_CTX *tls; /* NULL: none */
	struct transport_socket sockets[TRANSPORT_SOCKETS_MAX];
	size_t sockets_count;
	struct connection_tree tree;
	struct transport_host_tree hosts;
	size_t connections, connections_max;
	size_t of_host_max; /* for setting before the first one */
	reload_ms idle_ms;  /* likewise */
	size_t held;
	uint64_t last;
	TAILQ_HEAD(, connection) ended;
	struct reload_poll_hook hook;
	/* refused: there are too many, in all or of one host; overfull: ended as too much waited on all */
	uint64_t datagrams, refused, refused_of_host, idle, overfull;
};

/* transport_init() begins with no socket; transport_clear() closes all, without calls. */
void transport_init(
	struct transport *t, struct reload_poll *poll, const struct transport_ops *ops, void *arg);
void transport_clear(struct transport *t);

/* transport_listen() takes what comes to an address, whose port is filled in; RELOAD_IO with why. */
enum reload_err transport_listen(struct transport *t, enum reload_sip_transport transport,
	struct reload_ip_port *at, struct reload_error_text *why) MUST_CHECK;

/*
 * transport_certificate() sets the certificate and key of TLS, and the certificates that servers are checked against (NULL: those of this host), all PEM;
 * RELOAD_BAD_CERT with why.
 */
enum reload_err transport_certificate(struct transport *t, const char *certificate, const char *key,
	const char *ca, struct reload_error_text *why) MUST_CHECK;

/* transport_adopt() takes over a connected socket (NULL: closed, there are too many). */
struct connection *transport_adopt(
	struct transport *t, int fd, enum reload_sip_transport transport, void *owner);

/* transport_send() sends a message; false: it is lost.  A hop without a connection gets one, whose number is filled in. */
bool transport_send(struct transport *t, struct reload_sip_hop *hop, struct span message);

/* transport_local() fills in the address at which a device reached by hop reaches this process; false: there is none. */
bool transport_local(
	const struct transport *t, const struct reload_sip_hop *hop, struct reload_ip_port *out);

/* transport_name() returns "UDP", "TCP", "TLS"; of the overlay "TLS". */
const char *transport_name(enum reload_sip_transport transport);

/* -- transport_connection.c: connections ------------------------------------------------------------------------------------ */

/* connections_init() begins with none, connections_clear() ends all without calls. */
void connections_init(struct transport *t);
void connections_clear(struct transport *t);

/* transport_find() returns a connection that has not ended, NULL. */
struct connection *transport_find(struct transport *t, uint64_t id);

/* transport_any_overlay() returns a connection with another node that has an owner, NULL: there is none. */
struct connection *transport_any_overlay(const struct transport *t);

/* transport_distrust() ends the connections whose device is believed to be of a user of whom changed() says that the password is another one now. */
void transport_distrust(
	struct transport *t, bool (*changed)(const void *arg, const char *user), const void *arg);

/* transport_close() ends a connection when what waits has been sent. */
void transport_close(struct connection *c);

/* connection_new() makes one of a socket, which it owns; NULL: there are too many.  remote: who has opened it, NULL: this end, or an agent. */
struct connection *connection_new(struct transport *t, int fd, enum reload_sip_transport transport,
	const struct reload_ip_port *remote);

/*
 * connection_open() begins to connect to an address; NULL: that is not possible.  With TLS name is what the certificate there has to be for, a host name or an address;
 * without one no server is believed.
 */
struct connection *connection_open(
	struct transport *t, const struct reload_sip_hop *hop, const char *name);

/* connection_send() queues bytes; false: it has ended. */
bool connection_send(struct connection *c, struct span bytes);

/* connection_end() ends it at once; it is reported and freed at the end of the pass. */
void connection_end(struct connection *c);
void connection_free(struct connection *c);
