/* The ACKs of TLS links that wait for a message to travel with (link/framing.h): who waits, and until when. */
#include "link/tls.h"

static void on_acks_due(void *arg)
{
	struct reload_links *links = arg;
	struct reload_tls_link *l;
	reload_ms now = reload_poll_now();
	TAILQ_FOREACH (l, &links->acks, ack) {
		if (l->acks_due > now)
			break;
		reload_secure_link_look(&l->base);
	}
}

static void arm_acks_timer(struct reload_links *links)
{
	struct reload_tls_link *first = TAILQ_FIRST(&links->acks);
	if (!first)
		reload_timer_cancel(links->timers, &links->acks_timer);
	else if (!links->acks_timer.armed || links->acks_timer.due != first->acks_due)
		reload_timer_arm(
			links->timers, &links->acks_timer, first->acks_due, on_acks_due, links);
}

/* Takes the link out of the list and, when acks_due is not 0, puts it back at its end: all ACKs wait equally long. */
static void acks_wait(struct reload_tls_link *l, reload_ms acks_due)
{
	if (l->acks_due)
		TAILQ_REMOVE(&l->base.links->acks, l, ack);
	if (acks_due)
		TAILQ_INSERT_TAIL(&l->base.links->acks, l, ack);
	l->acks_due = acks_due;
	arm_acks_timer(l->base.links);
}

void reload_tls_link_drop_acks(struct reload_tls_link *l)
{
	if (l->acks_due)
		acks_wait(l, 0);
}

void reload_tls_link_acknowledge(struct reload_tls_link *l)
{
	reload_ms due = reload_framing_ack_due(&l->framing);
	if (due != RELOAD_NEVER && (l->out.len || due <= reload_poll_now())) {
		reload_framing_acks_write(&l->framing, reload_tls_link_queue(l));
		due = RELOAD_NEVER;
	}
	if (due == RELOAD_NEVER)
		reload_tls_link_drop_acks(l);
	else if (l->acks_due != due)
		acks_wait(l, due);
}
