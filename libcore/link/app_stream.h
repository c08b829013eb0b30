/* One stream of an application: what the files of link/app_streams_io.h share. */
#pragma once

#include "link/app_streams_io.h"
#include "link/tls.h"

enum {
	APP_BUFFER = 32768, /* bytes of a direction that are under way here */
	APP_CHUNKS = 8      /* of them that are copied at a time, then others have their turn */
};

/* Bytes in one direction.  The buffer is there as long as it holds any. */
struct app_flow {
	uint8_t *at;
	size_t from, to; /* unsent bytes */
	uint64_t count;  /* bytes that went out of it */
	bool ended;      /* its source has no more */
	bool closed;     /* and its other end knows */
};

struct app_stream {
	struct reload_stream_link tls; /* first */
	TAILQ_ENTRY(app_stream) entry;
	struct reload_app_streams *streams;
	uint32_t app, number;
	bool taken;
	bool tls_gone;   /* what has arrived may still be delivered */
	bool local_gone; /* the program has closed its socket: nothing more can be delivered */
	bool closing;    /* for that reason: the other end has a moment to end too */
	uint64_t watch;
	unsigned wants;
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

/* -- app_stream_io.c ------------------------------------------------------------------------------------------------------ */

/* reload_app_stream_want() changes the events that are asked of the loop for the TLS connection. */
void reload_app_stream_want(struct app_stream *s, unsigned events);

/* reload_app_stream_done() ends a stream for good, with what it ended with, and frees it. */
void reload_app_stream_done(struct app_stream *s);

/* -- app_flow_io.c ------------------------------------------------------------------------------------------------------- */

/* reload_app_flow_join() begins to copy between the stream and its local socket; reload_app_flow_run() copies what can be copied now. */
void reload_app_flow_join(struct app_stream *s, int fd);
void reload_app_flow_run(struct app_stream *s);
/* reload_app_flow_tls_event() goes on with what the loop reports of the TLS connection. */
void reload_app_flow_tls_event(struct app_stream *s, unsigned events);
/* reload_app_flow_clear() closes the local socket and frees the buffers; may be called twice. */
void reload_app_flow_clear(struct app_stream *s);
