/* The metrics endpoint: OpenMetrics over HTTP at an address, or at a Unix socket.  Off unless --metrics names one. */
#pragma once

#include "link/poll_io.h"
#include "util/bytes.h"

struct metrics;

/* Appends everything that is said, the last line included. */
typedef void (*metrics_text_fn)(struct wr *w, void *arg);

enum {
	METRICS_CLIENTS_MAX = 16,   /* connections at a time: further ones are closed */
	METRICS_REQUEST_MAX = 8192, /* bytes of a request's head */
	METRICS_TIME_MS = 5000      /* for the whole of a connection */
};

/*
 * metrics_start() listens at `where`, ADDR:PORT or a path with a / (a socket of mode 0600; what a dead agent left there is replaced).  RELOAD_USAGE for
 * text that is neither, RELOAD_IO when it cannot listen there, with why.  metrics_stop() closes everything; NULL is legal.
 */
enum reload_err metrics_start(struct metrics **out, struct reload_poll *poll, const char *where,
	metrics_text_fn text, void *arg, struct reload_error_text *why) MUST_CHECK;
void metrics_stop(struct metrics *m);

/* metrics_check() reads `where` as metrics_start() does, without listening. */
enum reload_err metrics_check(const char *where, struct reload_error_text *why) MUST_CHECK;
