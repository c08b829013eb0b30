#include "sim/datagram.h"

#include "sim/reliable.h"

enum {
	CLOSE_MS = 2000 /* for the queue of an end that closes, as in libcore/link */
};

/* -- the network -------------------------------------------------------------------------------------------------------------- */

static bool chance(struct reload_sim *s, uint32_t per_million)
{
	return per_million && reload_prng_chance(&s->prng, per_million);
}

static void fly(struct reload_sim *s, struct reload_sim_link *l, unsigned e, struct span datagram)
{
	struct reload_sim_event *ev = reload_sim_event_new(s, RELOAD_SIM_DATAGRAM, l, e, datagram);
	reload_ms at = reload_sim_leaves(l->end[e].node, datagram.len, s->now) +
		       reload_sim_delay(s, l->base);
	if (chance(s, s->setup.reorder))
		at += 1 + reload_prng_below(&s->prng, 2 * (uint64_t)l->base + 10);
	if (at < l->end[e].last && l->end[!e].state != RELOAD_SIM_END_UP)
		at = l->end[e].last; /* the other end is not up yet, and keeps it until then */
	reload_sim_event_queue(s, ev, at);
}

/* Sends what is due, and sees to it that the rest will be.  No engine is called. */
static void pump(struct reload_sim *s, struct reload_sim_link *l, unsigned e)
{
	struct reload_sim_reliable *r = l->end[e].reliable;
	struct span datagram;
	while (reload_reliable_next(&r->state, s->now, &datagram)) {
		if (reload_sim_packet_lost(s, l, e))
			continue;
		fly(s, l, e, datagram);
		if (chance(s, s->setup.duplicate)) {
			s->counts.duplicated++;
			fly(s, l, e, datagram);
		}
	}
	reload_ms due = reload_reliable_due(&r->state, s->now);
	enum reload_health health = reload_reliable_health(&r->state);
	bool news =
		health == RELOAD_HEALTH_LOST || (health == RELOAD_HEALTH_BAD) != r->reported_bad;
	if (news && l->end[e].state == RELOAD_SIM_END_UP)
		due = s->now;
	due = r->closing_at < due ? r->closing_at : due;
	if (due == RELOAD_NEVER)
		due = r->used_at + r->state.setup.repeat_ms;
	if (due >= r->due_at)
		return;
	r->due_at = due;
	reload_sim_event_queue(
		s, reload_sim_event_new(s, RELOAD_SIM_DUE, l, e, span_of(NULL, 0)), due);
}

/* -- health, and the end --------------------------------------------------------------------------------------------------------- */

static void closed(struct reload_sim *s, struct reload_sim_link *l, unsigned e)
{
	reload_sim_reliable_free(s, &l->end[e]);
	l->end[e].state = RELOAD_SIM_END_GONE;
}

bool reload_sim_datagram_close(struct reload_sim *s, struct reload_sim_link *l, unsigned e)
{
	struct reload_sim_reliable *r = l->end[e].reliable;
	if (l->end[e].state != RELOAD_SIM_END_UP || !r || !r->state.queued)
		return false;
	r->closing_at = s->now + CLOSE_MS;
	pump(s, l, e); /* its event holds the link */
	reload_sim_link_end_closing(s, l, e);
	return true;
}

/* An end that closes has sent all, or gives up, or its process was killed. */
static void look_at_closing(struct reload_sim *s, struct reload_sim_link *l, unsigned e)
{
	struct reload_sim_reliable *r = l->end[e].reliable;
	bool killed = r->crashes != l->end[e].node->crashes;
	if (!killed && r->state.queued && s->now < r->closing_at)
		return;
	if (!killed)
		reload_sim_farewell(s, l, e, false);
	closed(s, l, e);
}

/* Tells the engine, or closes; true: an engine was called. */
static bool look_at_health(struct reload_sim *s, struct reload_sim_link *l, unsigned e)
{
	struct reload_sim_link_end *end = &l->end[e];
	enum reload_health health = reload_reliable_health(&end->reliable->state);
	bool bad = health == RELOAD_HEALTH_BAD;
	if (end->state == RELOAD_SIM_END_CLOSING) {
		look_at_closing(s, l, e);
		return false;
	}
	if (health == RELOAD_HEALTH_LOST) {
		reload_sim_link_down(s, l, e, s->now, RELOAD_LINK_DOWN, false);
		return false;
	}
	if (bad == end->reliable->reported_bad)
		return false;
	end->reliable->reported_bad = bad;
	reload_sim_note(s, &end->node->node, bad ? "doubt" : "good", end->number, 0);
	reload_peer_link_health(end->node->node.peer, end->number, !bad);
	return true;
}

static bool alive(const struct reload_sim_link_end *end)
{
	return end->state == RELOAD_SIM_END_UP || end->state == RELOAD_SIM_END_CLOSING;
}

bool reload_sim_run_due(struct reload_sim *s, struct reload_sim_event *ev)
{
	struct reload_sim_reliable *r = ev->link->end[ev->end].reliable;
	if (!r || r->due_at != ev->at)
		return false;
	r->due_at = RELOAD_NEVER;
	struct reload_sim_link_end *end = &ev->link->end[ev->end];
	bool idle = s->now >= r->used_at + r->state.setup.repeat_ms && !r->state.queued &&
		    !r->reported_bad && !r->state.ended;
	if (idle && end->state == RELOAD_SIM_END_UP) {
		reload_sim_reliable_pack(s, end);
		return false;
	}
	if (r->crashes == end->node->crashes)
		pump(s, ev->link, ev->end);
	return look_at_health(s, ev->link, ev->end);
}

/* -- in and out ----------------------------------------------------------------------------------------------------------- */

static void message_queue(struct reload_sim *s, struct reload_sim_event *m)
{
	struct reload_sim_link *l = m->link;
	if (l->end[m->end].state != RELOAD_SIM_END_UP)
		return;
	struct reload_sim_reliable *r = reload_sim_reliable_of(s, l, &l->end[m->end]);
	s->counts.dropped += !reload_reliable_queue(&r->state, span_of(m->data, m->len));
	pump(s, l, m->end);
}

void reload_sim_run_late(struct reload_sim *s, struct reload_sim_event *ev)
{
	message_queue(s, ev);
}

void reload_sim_datagram_send(struct reload_sim *s, struct reload_sim_event *m)
{
	reload_ms slow = m->link->end[m->end].node->node.slow_ms;
	if (slow) {
		m->type = RELOAD_SIM_LATE;
		reload_sim_event_queue(s, m, s->now + slow);
		return;
	}
	message_queue(s, m);
	reload_sim_event_free(s, m);
}

bool reload_sim_run_datagram(struct reload_sim *s, struct reload_sim_event *ev)
{
	struct reload_sim_link *l = ev->link;
	unsigned e = !ev->end;
	struct reload_sim_link_end *to = &l->end[e];
	struct span in = span_of(ev->data, ev->len);
	struct reload_framing_item item;
	bool called = false;
	if (!alive(to) || to->broken || !reload_sim_open(s, l->end[!e].node, to->node))
		return false;
	struct reload_sim_reliable *r = reload_sim_reliable_of(s, l, to);
	if (r->crashes != to->node->crashes)
		return false;
	while (to->reliable == r && !to->broken &&
		reload_reliable_input(&r->state, &in, s->now, &item) == RELOAD_FRAMING_DATA) {
		pump(s, l, e); /* the ACK leaves first (R-6.6.2-04) */
		if (to->state != RELOAD_SIM_END_UP)
			continue;
		reload_sim_arrive(s, to, item.message);
		called = true;
	}
	if (to->reliable != r)
		return called;
	pump(s, l, e);
	return look_at_health(s, l, e) || called;
}
