/*
 * Links over datagrams: each end has the Simple Reliability of libcore/link/reliable.h.  The simulator is the network between the two, and
 * their timers.
 */
#pragma once

#include "sim/internal.h"

/* reload_sim_datagram_send() sends the message m; m is its own from then on.  No engine is called. */
void reload_sim_datagram_send(struct reload_sim *s, struct reload_sim_event *m);

/* reload_sim_datagram_close() closes end e for its node when it has something to send first; false: nothing was done. */
bool reload_sim_datagram_close(struct reload_sim *s, struct reload_sim_link *l, unsigned e);

/* reload_sim_run_datagram(), _due() and _late() carry an event out; true: an engine was called. */
bool reload_sim_run_datagram(struct reload_sim *s, struct reload_sim_event *ev);
bool reload_sim_run_due(struct reload_sim *s, struct reload_sim_event *ev);
void reload_sim_run_late(struct reload_sim *s, struct reload_sim_event *ev);
