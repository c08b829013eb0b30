#include "sim/reliable.h"

enum {
	QUEUE_MAX = 1024, /* messages of an end, as in libcore/link */
	FLOOR_MS = 50     /* lowest RTO, as in libcore/link */
};

/* What is left of an end that nothing came to for the time in which a repeated message is recognised: the rest has no effect any more. */
struct reload_sim_packed {
	uint32_t recent[RELOAD_FRAMING_RECENT];
	uint64_t received_ever;
	uint32_t next_sequence, acked, latest_rtt_ms;
	struct reload_rto rto;
	struct reload_congestion congestion;
	reload_ms sent_at, ack_at;
	bool acked_ever, distrust;
};

static void unpack(struct reload_sim *s, struct reload_sim_link_end *end, struct reload_reliable *r)
{
	struct reload_sim_packed *p = TAKE(end->packed);
	memcpy(r->framing.recent, p->recent, sizeof(p->recent));
	r->framing.received_ever = p->received_ever;
	r->framing.next_sequence = p->next_sequence;
	r->framing.acked = p->acked;
	r->latest_rtt_ms = p->latest_rtt_ms;
	r->rto = p->rto;
	r->congestion = p->congestion;
	r->sent_at = p->sent_at;
	r->ack_at = p->ack_at;
	r->acked_ever = p->acked_ever;
	r->distrust = p->distrust;
	s->memory -= sizeof(*p);
	free(p);
}

void reload_sim_reliable_pack(struct reload_sim *s, struct reload_sim_link_end *end)
{
	const struct reload_reliable *r = &end->reliable->state;
	struct reload_sim_packed *p = RELOAD_NEW(reload_sim_packed);
	*p = (struct reload_sim_packed){ .received_ever = r->framing.received_ever,
		.next_sequence = r->framing.next_sequence,
		.acked = r->framing.acked,
		.latest_rtt_ms = r->latest_rtt_ms,
		.rto = r->rto,
		.congestion = r->congestion,
		.sent_at = r->sent_at,
		.ack_at = r->ack_at,
		.acked_ever = r->acked_ever,
		.distrust = r->distrust };
	memcpy(p->recent, r->framing.recent, sizeof(p->recent));
	reload_sim_reliable_free(s, end);
	s->memory += sizeof(*p);
	end->packed = p;
}

struct reload_sim_reliable *reload_sim_reliable_of(
	struct reload_sim *s, const struct reload_sim_link *l, struct reload_sim_link_end *end)
{
	struct reload_sim_reliable *r = end->reliable;
	if (!r) {
		r = end->reliable = RELOAD_NEW(reload_sim_reliable);
		s->memory += sizeof(*r);
		r->due_at = r->closing_at = RELOAD_NEVER;
		r->crashes = end->node->crashes;
		reload_reliable_init(&r->state,
			&(struct reload_reliable_setup){ .max_message = RELOAD_FRAMING_MAX,
				.max_queue_bytes = reload_sim_room(s),
				.max_queue = QUEUE_MAX,
				.floor_ms = FLOOR_MS,
				.repeat_ms = s->config->overlay_reliability_timer_ms / 2,
				.repeat_key = {
					reload_prng_next(&s->prng), reload_prng_next(&s->prng) } });
		if (end->packed)
			unpack(s, end, &r->state);
		else
			reload_reliable_rtt_seed(&r->state, (reload_ms)(2 * l->base) + 1);
	}
	r->used_at = s->now;
	return r;
}

void reload_sim_reliable_free(struct reload_sim *s, struct reload_sim_link_end *end)
{
	struct reload_sim_reliable *r = TAKE(end->reliable);
	s->memory -= end->packed ? sizeof(*end->packed) : 0;
	free(TAKE(end->packed));
	if (!r)
		return;
	reload_reliable_clear(&r->state);
	s->memory -= sizeof(*r);
	free(r);
}
