/*
 * The bootstrap nodes of the document, by which everybody enters the overlay: whether they can be reached.  A thread connects to each of them by TCP, where a
 * node without ICE listens for TLS.
 */
#pragma once

#include "reload-enroll/serve.h"

enum {
	SERVE_PROBES_MAX = 32,
	SERVE_PROBE_EVERY_MS = 300 * 1000
};

struct serve_probe {
	enum serve_job job; /* SERVE_JOB_PROBE */
	struct reload_ip_port at[SERVE_PROBES_MAX];
	bool alive[SERVE_PROBES_MAX];
	size_t count;
};

/* serve_probe_run() connects to the nodes of config, at most a few seconds, on a thread. */
void serve_probe_run(struct serve_probe *probe, const struct reload_config *config);

/*
 * serve_probe_begin() gives a probe to a thread when one is due, in the loop; serve_probe_done() takes it back: when others are dead than before it
 * prints that, with the command that makes the next document.
 */
void serve_probe_begin(struct serve *s, reload_ms now);
void serve_probe_done(struct serve *s, struct serve_probe *probe);
