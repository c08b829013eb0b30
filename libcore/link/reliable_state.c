/* The messages of a Simple Reliability link that are unacknowledged, and which of their copies later ones have overtaken. */
#include "link/reliable_state.h"

#include <stdlib.h>

enum {
	MS_IN_US = 1000
};

static void messages_free(struct reload_reliable_messages *messages)
{
	for (struct reload_reliable_message *m; (m = TAILQ_FIRST(messages));) {
		TAILQ_REMOVE(messages, m, entry);
		free(m);
	}
}

void reload_reliable_end(struct reload_reliable *r)
{
	messages_free(&r->waiting);
	messages_free(&r->unacked);
	r->queued = r->queued_bytes = 0;
	r->unacked_count = r->flight = r->due = r->timeouts = 0;
	r->ended = true;
}

void reload_reliable_copy_is(struct reload_reliable *r, struct reload_reliable_message *m,
	enum reload_reliable_copy copy)
{
	r->flight -= m->copy == RELOAD_RELIABLE_IN_FLIGHT;
	r->due -= m->copy == RELOAD_RELIABLE_DUE;
	m->copy = copy;
	r->flight += m->copy == RELOAD_RELIABLE_IN_FLIGHT;
	r->due += m->copy == RELOAD_RELIABLE_DUE;
}

void reload_reliable_drop(struct reload_reliable *r, struct reload_reliable_message *m)
{
	r->flight -= m->copy == RELOAD_RELIABLE_IN_FLIGHT;
	r->due -= m->copy == RELOAD_RELIABLE_DUE;
	r->unacked_count--;
	r->queued--;
	r->queued_bytes -= m->len;
	TAILQ_REMOVE(&r->unacked, m, entry);
	free(m);
}

/* the highest number acknowledged, by ack_sequence; some number is */
static uint32_t acked_highest(const struct reload_reliable *r)
{
	return r->framing.acked - 1;
}

static uint32_t latest(const struct reload_reliable_message *m)
{
	return m->sequences[(m->copies - 1) % RELOAD_RELIABLE_NAMED];
}

reload_ms reload_reliable_missing_due(
	const struct reload_reliable *r, const struct reload_reliable_message *m)
{
	if (m->copy == RELOAD_RELIABLE_DUE || !r->acked_ever)
		return RELOAD_NEVER;
	if (m->copy == RELOAD_RELIABLE_IN_FLIGHT) {
		int32_t ahead = (int32_t)(acked_highest(r) - latest(m));
		if (ahead <= 0)
			return RELOAD_NEVER;
		if (ahead >= RELOAD_RELIABLE_REORDERED)
			return 0;
	}
	uint64_t rtt_us = (uint64_t)r->latest_rtt_ms * MS_IN_US;
	if (r->rto.srtt_us > rtt_us)
		rtt_us = r->rto.srtt_us;
	/* RFC 9002 s6.1.2; one more millisecond, because both times were rounded down */
	return m->sent_at + (rtt_us + rtt_us / 8) / MS_IN_US + 1;
}

void reload_reliable_losses(struct reload_reliable *r, reload_ms now)
{
	struct reload_reliable_message *m;
	TAILQ_FOREACH (m, &r->unacked, entry) {
		if (now < reload_reliable_missing_due(r, m))
			continue;
		if (m->copy == RELOAD_RELIABLE_IN_FLIGHT) {
			r->counts.losses++;
			reload_congestion_lost(&r->congestion, latest(m), r->framing.next_sequence);
		}
		reload_reliable_copy_is(r, m, RELOAD_RELIABLE_DUE);
	}
}
