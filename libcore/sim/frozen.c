#include "sim/datagram.h"
#include "sim/disk.h"
#include "sim/ice.h"
#include "sim/job.h"
#include "sim/reliable.h"

/*
 * A process that is stopped for a known time, as by SIGSTOP or a debugger.  Its machine runs on: connections stay up, what arrives waits in the
 * buffers of the system, and the system accepts new connections.  Nothing is answered, so the links become bad for the nodes that send over
 * them, and those nodes give them up.  When the process runs again it finds all that came at once, in order, and its timers are late.
 *
 * An event for such a process is queued anew, for the end of the stop.
 */

enum {
	HANDSHAKE_MS = 10000 /* the time that libcore/link waits for one */
};

/* The system has accepted the connection, and the handshake waits.  The node that dialled gives up at its limit. */
static void dialled(struct reload_sim *s, struct reload_sim_event *ev, reload_ms until)
{
	reload_ms limit = reload_sim_by_datagrams(s) ? RELOAD_SIM_CONNECT_MS : HANDSHAKE_MS;
	if (until <= ev->sent + limit) {
		reload_sim_event_queue(s, ev, until);
		return;
	}
	reload_sim_link_down(s, ev->link, 0, ev->sent + limit, RELOAD_TIMEOUT, false);
	reload_sim_event_free(s, ev);
}

/* The node whose process deals with ev; NULL: none does. */
static const struct reload_sim_node *whose(
	const struct reload_sim *s, const struct reload_sim_event *ev)
{
	switch (ev->type) {
	case RELOAD_SIM_CALL:
	case RELOAD_SIM_MESSAGE: /* sim/net.c sees to its ACK as well */
	case RELOAD_SIM_RETRY:   /* the system sends it */
		return NULL;
	case RELOAD_SIM_GATHERED:
	case RELOAD_SIM_UNPAIRED:
		return reload_sim_ice_node(s, ev);
	case RELOAD_SIM_JOB:
		return reload_sim_job_node(s, ev);
	case RELOAD_SIM_DISK: /* the data is on the disk, but the process does not notice yet */
		return reload_sim_disk_node(s, ev);
	case RELOAD_SIM_DIAL:
	case RELOAD_SIM_DATAGRAM:
		return &ev->link->end[!ev->end].node->node;
	}
	return &ev->link->end[ev->end].node->node;
}

bool reload_sim_put_off(struct reload_sim *s, struct reload_sim_event *ev)
{
	const struct reload_sim_node *n = whose(s, ev);
	if (!n || !reload_sim_frozen(n))
		return false;
	reload_ms until = n->frozen_until;
	struct reload_sim_link_end *end = ev->link ? &ev->link->end[ev->end] : NULL;
	if (ev->type == RELOAD_SIM_DIAL) {
		dialled(s, ev, until);
		return true;
	}
	if (ev->type == RELOAD_SIM_HEALTH && end->wait && end->wait->health_at == ev->at)
		end->wait->health_at = until;
	if (ev->type == RELOAD_SIM_DUE && end->reliable && end->reliable->due_at == ev->at)
		end->reliable->due_at = until;
	reload_sim_event_queue(s, ev, until);
	return true;
}
