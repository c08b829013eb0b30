/* A link whose handshake is done: its owner is notified. */
#include "link/internal.h"

void reload_secure_link_up(struct reload_secure_link *l)
{
	struct reload_links *links = l->links;
	reload_secure_link_leave_half_open(l);
	if (l->race)
		reload_link_race_won(l);
	reload_timer_cancel(links->timers, &l->timer);
	free(l->addrs);
	free(l->why);
	l->addrs = NULL;
	l->why = NULL;
	l->state = RELOAD_SECURE_UP;
	l->was_up = true;
	links->counters.dtls += l->transport->kind == RELOAD_SECURE_DATAGRAM;
	if (l->incoming)
		links->counters.accepted++;
	else
		links->counters.opened++;
	reload_links_validity(links, l->cert->not_after);
	links->set.ops->up(links->set.arg, l->id, l->cert, &l->peer, l->incoming);
}
