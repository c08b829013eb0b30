/* What the owner of a link is notified of: its handshake is done, or it has ended. */
#include "link/internal.h"

void reload_secure_link_up(struct reload_secure_link *l)
{
	struct reload_links *links = l->links;
	if (l->transport->sink) {
		l->transport->sink->up(l);
		return;
	}
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
	if (l->cert)
		reload_links_validity(links, l->cert->not_after);
	links->set.ops->up(links->set.arg, l->id, l->cert, &l->peer, l->incoming);
}

void reload_secure_link_ended(struct reload_secure_link *l)
{
	struct reload_links *links = l->links;
	const struct reload_links_ops *ops = links->set.ops;
	if (l->transport->ended) {
		l->transport->ended(l);
		return;
	}
	if (l->is_numbered)
		reload_secure_link_forget(l);
	if (l->was_up && !l->silent)
		links->counters.lost++;
	if (!l->was_up && l->err)
		links->counters.refused++;
	if (l->race)
		reload_link_race_lost(l);
	else if (!l->silent && (l->was_up || !l->incoming))
		ops->down(links->set.arg, l->id, l->err, l->why);
	else if (!l->silent && ops->refused)
		ops->refused(links->set.arg, &l->peer, l->err, l->why);
	reload_secure_link_free(l);
}
