/* The queue of a TLS link, and what is asked of the loop for it. */
#include "link/tls.h"

void reload_tls_link_want(struct reload_tls_link *l, unsigned events)
{
	if (l->wants == events)
		return;
	l->wants = events;
	reload_poll_change(l->base.links->set.poll, l->watch, events);
}

struct wr *reload_tls_link_queue(struct reload_tls_link *l)
{
	if (!l->out.at) {
		l->out = l->base.links->spare;
		wr_init(&l->base.links->spare);
	}
	return &l->out;
}

void reload_tls_link_queue_done(struct reload_tls_link *l)
{
	struct wr *spare = &l->base.links->spare;
	if (!spare->at && l->out.cap <= RELOAD_LINK_SPARE) {
		*spare = l->out;
		spare->len = 0;
		wr_init(&l->out);
	}
	wr_clear(&l->out);
	l->out_at = 0;
}
