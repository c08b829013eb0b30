/* How the agent leaves the overlay, and ends: registrations are removed first (registrations.h). */
#pragma once

#include "host.h"

/* host_leave_prepare() sets the operations of the agent that leave and stop. */
void host_leave_prepare(struct host *h);

/* host_stop() begins to end the agent: at once when h->stop_now is set, else when it has left the overlay.  h->ended follows. */
void host_stop(struct host *h);
