/*
 * Asking the local network for a bootstrap node, in the groups that the configuration document names (concepts document s5.4,
 * service/multicast.h), and answering those who ask.
 */
#pragma once

#include "host.h"

struct host_multicast;

/* What was sent and taken since the start. */
struct host_multicast_counters {
	uint64_t asked, answered, refused, found;
};

/* found(h, at) is called with each address that an answer names. */
typedef void (*host_multicast_fn)(struct host *h, const struct reload_ip_port *at);

/* host_multicast_new() opens nothing yet (owned); host_multicast_free() closes everything, NULL is legal. */
struct host_multicast *host_multicast_new(struct host *h, host_multicast_fn found);
void host_multicast_free(struct host_multicast *m);

/*
 * host_multicast_ask() asks at once, and again until host_multicast_quiet(): first soon, then less and less often.  True: it asks now; false: the
 * document names no group, or it has asked for some time.
 */
bool host_multicast_ask(struct host_multicast *m);
void host_multicast_quiet(struct host_multicast *m);

/* host_multicast_serve() answers others from now on, or not any more. */
void host_multicast_serve(struct host_multicast *m, bool serves);

/* host_multicast_configured() goes on with the groups of a newer document. */
void host_multicast_configured(struct host_multicast *m, const struct reload_config *config);

/* host_multicast_counters() returns what is counted (borrowed). */
const struct host_multicast_counters *host_multicast_counters(const struct host_multicast *m);
