/* TLS links over TCP (TLS-TCP-FH-NO-ICE, RFC 6940 s6.6.5): what their files share. */
#pragma once

#include "link/framing.h"
#include "link/internal.h"
#include "link/rto.h"

#include <stddef.h>

enum {
	/*
	 * A record of TLS 1.3 adds 22 bytes: an ACK alone has 31.  A quiet link (SO_RCVLOWAT) wakes up for more only: it
	 * finds the ACK before the next message, or looks for it before an RTO has gone by.  Every message of RELOAD is
	 * longer; only what ends with a frame may wait, and a close_notify without the end of the connection.
	 */
	RELOAD_LINK_WAKE_BYTES = RELOAD_FRAME_ACK_SIZE + 22 + 1,
	RELOAD_LINK_ACK_ROOM = 65536 /* ACKs may exceed max_queue by this; above they are dropped */
};

_Static_assert(RELOAD_FRAMING_ACK_MS + 1 <= RELOAD_RTO_FLOOR_MS / 4,
	"an ACK that waits does not make a link late");

/* What begins as a connection over TCP: a link, or a stream of an application. */
struct reload_stream_link {
	struct reload_secure_link base;
	int fd;
};

struct reload_tls_link {
	struct reload_secure_link base;
	int fd; /* as long as watch is set; as in struct reload_stream_link */
	TAILQ_ENTRY(reload_tls_link) ack;
	bool read_more; /* decrypted or buffered bytes are left: no event will report it */
	bool quiet;     /* the loop reports RELOAD_LINK_WAKE_BYTES and up only, and of the end */
	reload_ms acks_due; /* with which it is in links->acks; 0: it is not */
	unsigned wants;     /* events asked of the loop */
	uint64_t watch;

	struct reload_framing framing;
	struct reload_rto rto;
	struct reload_link_health health;
	struct wr out; /* frames to be encrypted, those before out_at were */
	size_t out_at;
};

_Static_assert(offsetof(struct reload_tls_link, fd) == offsetof(struct reload_stream_link, fd),
	"the BIO of both finds the descriptor");

extern const struct reload_link_transport reload_tls_transport;

/* reload_tls_bio_method() makes the way of the bytes of a session to the socket of its link (owned). */
BIO_METHOD *reload_tls_bio_method(void);

/* -- tls_queue_io.c: the queue of a TLS link, and what is asked of the loop ------------------------------------------------ */

/* reload_tls_link_queue() returns the queue, to be written to; reload_tls_link_queue_done() empties it: an idle link has no buffer. */
struct wr *reload_tls_link_queue(struct reload_tls_link *link);
void reload_tls_link_queue_done(struct reload_tls_link *link);

/* reload_tls_link_want() changes the events that are asked of the loop. */
void reload_tls_link_want(struct reload_tls_link *link, unsigned events);

/* -- tls_acks_io.c: ACKs that wait ------------------------------------------------------------------------------------- */

/*
 * reload_tls_link_acknowledge() appends the ACKs that wait to the queue when there is something for them to travel with or
 * their time has come, else sees to it that they leave in time; for a link that is up, at the end of a pass.
 * reload_tls_link_drop_acks() forgets about the wait.
 */
void reload_tls_link_acknowledge(struct reload_tls_link *link);
void reload_tls_link_drop_acks(struct reload_tls_link *link);

/* -- tls_stream_io.c: what goes through a link ------------------------------------------------------------------------- */

/* reload_tls_link_read() takes what has arrived, a bounded number of records; the link may be dead afterwards. */
void reload_tls_link_read(struct reload_tls_link *link);

/* reload_tls_link_flush() writes the queue as far as the kernel takes it. */
void reload_tls_link_flush(struct reload_tls_link *link);

/* reload_tls_link_watch_health() looks at the wait for an ACK in time; nothing when it does so already. */
void reload_tls_link_watch_health(struct reload_tls_link *link, reload_ms now);

/* -- tls_link_io.c: the states of a TLS link -------------------------------------------------------------------------- */

/* reload_tls_link_accepted() starts the handshake over fd, which it owns from now on. */
void reload_tls_link_accepted(
	struct reload_links *links, int fd, const struct reload_ip_port *peer);

/* -- tls_listen_io.c --------------------------------------------------------------------------------------------------- */

/*
 * reload_tls_listen() accepts links at addr, whose port is filled in; a negative errno when that fails.  reload_tls_listen_no_more() ends the last
 * listener, reload_tls_listen_end() all of them.
 */
int reload_tls_listen(struct reload_links *links, struct reload_ip_port *addr);
void reload_tls_listen_no_more(struct reload_links *links);
void reload_tls_listen_end(struct reload_links *links);
