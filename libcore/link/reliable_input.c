/* The receiver of Simple Reliability, and what an ACK says to the sender. */
#include "link/reliable_state.h"

static unsigned named(const struct reload_reliable_message *m)
{
	return m->copies < RELOAD_RELIABLE_NAMED ? m->copies : RELOAD_RELIABLE_NAMED;
}

static struct reload_reliable_message *find(struct reload_reliable *r, uint32_t sequence)
{
	struct reload_reliable_message *m;
	TAILQ_FOREACH (m, &r->unacked, entry)
		for (unsigned i = 0; i < named(m); i++)
			if (m->sequences[i] == sequence)
				return m;
	return NULL;
}

/* whether the mask cannot be one by the RFC: it has bit 0, or the bit of a frame that was never sent */
static bool is_odd(const struct reload_reliable *r, uint32_t sequence, uint32_t mask)
{
	uint64_t before =
		r->counts.sent + r->counts.resent - (uint32_t)(r->framing.next_sequence - sequence);
	return mask & 1 || (before < 31 && mask >> (before + 1));
}

/* messages of which the mask says that a copy arrived */
static void hints(struct reload_reliable *r, uint32_t sequence, uint32_t mask)
{
	struct reload_reliable_message *m;
	TAILQ_FOREACH (m, &r->unacked, entry)
		for (unsigned i = 0; i < named(m); i++) {
			uint32_t behind = sequence - m->sequences[i];
			if (behind < 32 && mask >> behind & 1)
				reload_reliable_copy_is(r, m, RELOAD_RELIABLE_HINTED);
		}
}

static void on_ack(struct reload_reliable *r, uint32_t sequence, uint32_t mask, reload_ms now)
{
	reload_ms rtt;
	bool news = reload_framing_acked(&r->framing, sequence, now, &rtt);
	struct reload_reliable_message *m = find(r, sequence);
	if (!news && !m) {
		r->counts.stray_acks++;
		return;
	}
	if (rtt != RELOAD_NEVER) {
		reload_rto_sample(&r->rto, rtt);
		r->latest_rtt_ms = (uint32_t)rtt;
	}
	r->timeouts = 0;
	r->ack_at = now;
	r->acked_ever = true;
	if (m) {
		if (m->copy == RELOAD_RELIABLE_IN_FLIGHT)
			reload_congestion_acked(&r->congestion, sequence);
		reload_reliable_drop(r, m);
		r->counts.acked++;
	}
	r->distrust |= is_odd(r, sequence, mask);
	if (!r->distrust)
		hints(r, sequence, mask);
	reload_reliable_losses(r, now);
}

/* remembers a DATA frame, and that it is to be acknowledged: whether its message is to be delivered */
static bool is_new(struct reload_reliable *r, const struct reload_framing_item *item, reload_ms now)
{
	unsigned last = r->acks_first + r->acks_count++;
	bool twice = !reload_framing_remember(
		&r->framing, item->sequence, &r->acks[last % RELOAD_RELIABLE_ACKS]);
	bool again = !twice && r->setup.repeat_ms &&
		     reload_repeats_again(&r->repeats, item->message, r->setup.repeat_ms, now);
	r->counts.duplicates += twice;
	r->counts.repeats += again;
	return !twice && !again;
}

enum reload_framing_step reload_reliable_input(
	struct reload_reliable *r, struct span *in, reload_ms now, struct reload_framing_item *item)
{
	for (;;) { /* ends: each turn takes a frame from *in */
		if (in->len && r->acks_count == RELOAD_RELIABLE_ACKS) {
			*in = span_of(NULL, 0);
			r->counts.cut++;
		}
		enum reload_framing_step step = reload_framing_next(&r->framing, in, item);
		switch (step) {
		case RELOAD_FRAMING_MORE:
			r->counts.cut += reload_framing_cut(&r->framing);
			return step;
		case RELOAD_FRAMING_DATA:
			if (is_new(r, item, now)) {
				r->counts.received++;
				return step;
			}
			break;
		case RELOAD_FRAMING_ACK:
			on_ack(r, item->sequence, item->received, now);
			break;
		case RELOAD_FRAMING_OVERSIZED:
		case RELOAD_FRAMING_BROKEN:
			return step;
		}
	}
}
