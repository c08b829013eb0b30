/* One stream of an application: what the files of link/app_streams_io.h share. */
#pragma once

#include "link/app_streams_io.h"
#include "link/ice_link_io.h"
#include "link/ordered.h"
#include "link/tls.h"

enum {
	APP_BUFFER = 32768, /* bytes of a direction that are under way here */
	APP_CHUNKS = 8      /* of them that are copied at a time, then others have their turn */
};

/* What became of an attempt to copy. */
enum app_step {
	APP_MORE,  /* some bytes: there may be more */
	APP_WAITS, /* for the loop */
	APP_OVER   /* nothing more to do in this direction, or for the stream */
};

struct app_stream;

/* How bytes go between a stream that is up and the other end. */
struct app_carrier {
	/* reads into `to`: *n bytes with APP_MORE; in.ended is set when there will be no more.  Also of one that is dead, what is left. */
	enum app_step (*read)(struct app_stream *s, uint8_t *to, size_t size, size_t *n);
	/* takes *n bytes from the front with APP_MORE */
	enum app_step (*write)(struct app_stream *s, struct span from, size_t *n);
	/* tells the other end that there are no more bytes; APP_OVER: it knows */
	enum app_step (*end)(struct app_stream *s);
	/* asks for what the stream waits for: to read, or to write; NULL: it is looked at whenever anything happens */
	void (*wait)(struct app_stream *s, bool reads, bool writes);
	/* both directions have ended as they should */
	void (*finish)(struct app_stream *s);
};

/* Bytes in one direction.  The buffer is there as long as it holds any. */
struct app_flow {
	uint8_t *at;
	size_t from, to; /* unsent bytes */
	uint64_t count;  /* bytes that went out of it */
	bool ended;      /* its source has no more */
	bool closed;     /* and its other end knows */
};

struct app_packet {
	STAILQ_ENTRY(app_packet) entry;
	size_t len;
	uint8_t at[];
};

STAILQ_HEAD(app_packets, app_packet);

struct app_stream {
	union {
		struct reload_secure_link base;
		struct reload_stream_link tls; /* in an overlay without ICE */
		struct reload_ice_link ice;
	}; /* first */
	const struct app_carrier *carrier;
	TAILQ_ENTRY(app_stream) entry;
	struct reload_app_streams *streams;
	uint32_t app, number;
	bool taken;
	bool link_gone;  /* what has arrived may still be delivered */
	bool local_gone; /* the program has closed its socket: nothing more can be delivered */
	bool closing;    /* for that reason: the other end has a moment to end too */
	bool finished;   /* over ICE: both directions have ended as they should */
	bool reported;   /* its owner knows how it ended */
	/* of TLS */
	uint64_t watch;
	unsigned wants;  /* events that are asked of the loop */
	unsigned needed; /* those that the session asked for last, beside reading and writing */
	/* of DTLS: a stream, or packets that wait for the program */
	struct reload_ordered ordered;
	struct app_packets packets;
	size_t packets_count;
	int local; /* socket, -1: not joined */
	uint64_t local_watch;
	unsigned local_wants;
	struct app_flow out, in; /* from the local socket, to it */
};

TAILQ_HEAD(app_stream_list, app_stream);

struct app_listener;
TAILQ_HEAD(app_listener_list, app_listener);

struct reload_app_streams {
	struct reload_links *links;
	const struct reload_app_streams_ops *ops;
	void *arg;
	size_t max_streams, count;
	uint32_t next; /* number of a stream */
	struct app_stream_list list;
	struct app_listener_list listeners;
};

/* What follows is in the order of who uses whom. */

/* -- app_stream_io.c: how streams begin and end ---------------------------------------------------------------------------- */

/* reload_app_stream_of() returns the stream that a secured link is. */
static inline struct app_stream *reload_app_stream_of(struct reload_secure_link *base)
{
	return (struct app_stream *)base;
}

/* reload_app_stream_is_ice() returns whether it is one over ICE. */
static inline bool reload_app_stream_is_ice(const struct app_stream *s)
{
	return s->base.transport->kind == RELOAD_SECURE_DATAGRAM;
}

/* reload_app_stream_new() makes one (owned by streams) of a transport, whose struct it is. */
struct app_stream *reload_app_stream_new(struct reload_app_streams *streams, uint32_t app,
	const struct reload_link_transport *transport, const struct app_carrier *carrier);

/* reload_app_stream_up() reports one whose handshake is done. */
void reload_app_stream_up(struct app_stream *s);

/* reload_app_stream_link_up(), reload_app_stream_gathered() and reload_app_stream_pairs_failed() are in the sinks of all streams over ICE. */
void reload_app_stream_link_up(struct reload_secure_link *base);
void reload_app_stream_gathered(
	struct reload_secure_link *base, const struct reload_ice_found *found);
void reload_app_stream_pairs_failed(
	struct reload_secure_link *base, const struct reload_ice_pair *pairs, size_t count);

/* reload_app_stream_report() tells the owner how one that was taken has ended, once. */
void reload_app_stream_report(struct app_stream *s);

/* reload_app_stream_done() ends a stream for good, and frees it. */
void reload_app_stream_done(struct app_stream *s);

/* -- app_flow_io.c: copying ------------------------------------------------------------------------------------------------ */

/* reload_app_flow_join() begins to copy between the stream and its local socket; reload_app_flow_run() copies what can be copied now. */
void reload_app_flow_join(struct app_stream *s, int fd);
void reload_app_flow_run(struct app_stream *s);
/* reload_app_flow_clear() closes the local socket and frees the buffers; may be called twice. */
void reload_app_flow_clear(struct app_stream *s);

/* reload_app_stream_ended() and reload_app_stream_clear() are in the rows of all transports of streams. */
void reload_app_stream_ended(struct reload_secure_link *base);
void reload_app_stream_clear(struct reload_secure_link *base);

/* -- app_tls_io.c: over TLS ------------------------------------------------------------------------------------------------ */

extern const struct app_carrier reload_app_tls_carrier;

/* reload_app_tls_want() changes the events that are asked of the loop for the TLS connection. */
void reload_app_tls_want(struct app_stream *s, unsigned events);
/* reload_app_tls_event() goes on with what the loop reports of it, when it is up. */
void reload_app_tls_event(struct app_stream *s, unsigned events);

/* -- app_ice_io.c: a stream over ICE; app_packet_io.c: packets over ICE ------------------------------------------------------ */

extern const struct reload_link_transport reload_app_ice_transport, reload_app_packet_transport;
extern const struct app_carrier reload_app_ice_carrier, reload_app_packet_carrier;
