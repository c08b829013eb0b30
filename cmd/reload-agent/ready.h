/*
 * Whether the node is of use now, for whoever supervises the agent: systemd (sd_notify, watchdog) and the metrics.  Joined alone is not enough: a node
 * whose network was cut keeps its state until its neighbours have been given up.
 */
#pragma once

#include "agent.h"

/* agent_ready() returns whether it is joined and some link to a neighbour acknowledges; a ring of one peer, or one without links yet, is ready as it is. */
bool agent_ready(const struct agent *agent);

struct agent_notify;

/*
 * agent_notify_start() tells systemd of states from now on, when NOTIFY_SOCKET names its socket, and feeds the watchdog of WATCHDOG_USEC from the loop; it
 * returns NULL when nobody wants to know.  agent_notify_ready() says READY=1, once; agent_notify_stopping() that the agent ends;
 * agent_notify_stop() frees.  NULL is legal.
 */
struct agent_notify *agent_notify_start(struct agent *agent);
void agent_notify_ready(struct agent_notify *n);
void agent_notify_stopping(struct agent_notify *n);
void agent_notify_stop(struct agent_notify *n);
