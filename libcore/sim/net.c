#include "sim/datagram.h"

#include "link/rto.h"

/*
 * Messages on links, as libcore/link and the transport below it carry them.
 *
 * A stream keeps the order.  A lost packet is sent again and delays those after it.  A message that meets a cut waits in the queue of its direction
 * (struct reload_sim_wait); the transport tries again with growing pauses, and when the cut is over all messages arrive.  Meanwhile
 * the health of the direction is as in libcore/link/rto.c: bad when an ACK is late, lost RELOAD_SIM_LOST_MS after the first message
 * without an ACK.  Only an end that sends checks this; an idle end notices nothing.  When messages pass and their ACKs do not, the
 * sender gives up too, although everything arrived.
 *
 * Links over datagrams are in sim/datagram.c.
 *
 * As long as nothing is delayed a message costs one event, its arrival.
 */

enum {
	RTO_MS = 200,     /* of the transport at first; doubles */
	PAUSE_MAX = 6400, /* between two attempts of the transport */
	RESENDS_MAX = 6   /* of a packet when there is no cut */
};

static bool is_open(const struct reload_sim *s, const struct reload_sim_link *l, unsigned e)
{
	return reload_sim_open(s, l->end[e].node, l->end[!e].node);
}

static bool chance(struct reload_sim *s, uint32_t per_million)
{
	return per_million && reload_prng_chance(&s->prng, per_million);
}

static bool is_lost(struct reload_sim *s)
{
	bool lost = chance(s, s->setup.loss);
	s->counts.lost += lost;
	return lost;
}

/* -- what is late --------------------------------------------------------------------------------------------------------- */

/* How long end e waits for an ACK.  Where messages wait to leave, that is measured. */
static reload_ms patience(const struct reload_sim *s, const struct reload_sim_link *l, unsigned e)
{
	reload_ms ms = reload_sim_patience(s, l->base),
		  measured = l->end[e].rto ? reload_rto_ms(l->end[e].rto) : 0;
	ms = measured > ms ? measured : ms;
	return ms > RELOAD_SIM_DOUBT_MS ? ms : RELOAD_SIM_DOUBT_MS;
}

static void measured(struct reload_sim *s, struct reload_sim_link_end *end, reload_ms round_trip)
{
	if (!s->setup.bandwidth)
		return;
	if (!end->rto) {
		end->rto = RELOAD_NEW(reload_rto);
		reload_rto_init(end->rto, RELOAD_SIM_DOUBT_MS);
	}
	reload_rto_sample(end->rto, round_trip);
}

static struct reload_sim_wait *wait_of(struct reload_sim *s, struct reload_sim_link *l, unsigned e)
{
	struct reload_sim_link_end *end = &l->end[e];
	if (!end->wait) {
		end->wait = RELOAD_NEW(reload_sim_wait);
		*end->wait = (struct reload_sim_wait){ .retry_at = RELOAD_NEVER,
			.since = RELOAD_NEVER,
			.ack_at = RELOAD_NEVER,
			.health_at = RELOAD_NEVER };
		s->memory += sizeof(*end->wait);
	}
	return end->wait;
}

static void look_at(struct reload_sim *s, struct reload_sim_link *l, unsigned e, reload_ms at)
{
	struct reload_sim_wait *w = l->end[e].wait;
	if (at >= w->health_at)
		return;
	w->health_at = at < s->now ? s->now : at;
	reload_sim_event_queue(s,
		reload_sim_event_new(s, RELOAD_SIM_HEALTH, l, e, span_of(NULL, 0)), w->health_at);
}

static void retry_later(struct reload_sim *s, struct reload_sim_link *l, unsigned e)
{
	struct reload_sim_wait *w = l->end[e].wait;
	if (w->retry_at != RELOAD_NEVER)
		return;
	w->pause = !w->pause ? RTO_MS : 2 * w->pause < PAUSE_MAX ? 2 * w->pause : PAUSE_MAX;
	w->retry_at = s->now + w->pause;
	reload_sim_event_queue(
		s, reload_sim_event_new(s, RELOAD_SIM_RETRY, l, e, span_of(NULL, 0)), w->retry_at);
}

/* Notes that a message sent at the time `sent` will get no ACK. */
static void unacknowledged(
	struct reload_sim *s, struct reload_sim_link *l, unsigned e, reload_ms sent)
{
	struct reload_sim_wait *w = wait_of(s, l, e);
	if (sent < w->since)
		w->since = sent;
	w->ack_at = RELOAD_NEVER;
	look_at(s, l, e, w->since + patience(s, l, e));
	retry_later(s, l, e);
}

/* Notes that the ACK of a message sent at the time `sent` arrives late, at ack_at. */
static void acknowledged_late(struct reload_sim *s, struct reload_sim_link *l, unsigned e,
	reload_ms sent, reload_ms ack_at)
{
	struct reload_sim_wait *w = wait_of(s, l, e);
	if (w->since == RELOAD_NEVER) {
		w->since = sent;
		w->ack_at = ack_at;
	} else if (w->ack_at != RELOAD_NEVER && ack_at > w->ack_at) {
		w->ack_at = ack_at;
		if (w->bad)
			w->since = sent; /* the ones before are acknowledged by now */
	}
	look_at(s, l, e, w->since + patience(s, l, e));
	if (w->ack_at != RELOAD_NEVER)
		look_at(s, l, e, w->ack_at);
}

static bool report_health(struct reload_sim *s, struct reload_sim_link_end *end, bool good)
{
	end->wait->bad = !good;
	reload_sim_note(s, &end->node->node, good ? "good" : "doubt", end->number, 0);
	reload_peer_link_health(end->node->node.peer, end->number, good);
	return true;
}

static bool acknowledged(struct reload_sim *s, struct reload_sim_link *l, unsigned e)
{
	struct reload_sim_wait *w = l->end[e].wait;
	bool was_bad = w->bad;
	w->since = w->ack_at = RELOAD_NEVER;
	w->pause = 0;
	if (was_bad)
		report_health(s, &l->end[e], true);
	w = l->end[e].wait; /* the engine may have closed the link, or sent */
	if (w && w->since == RELOAD_NEVER && !w->count && w->retry_at == RELOAD_NEVER)
		reload_sim_wait_free(s, l, e);
	return was_bad;
}

bool reload_sim_run_health(struct reload_sim *s, struct reload_sim_event *ev)
{
	struct reload_sim_link *l = ev->link;
	struct reload_sim_link_end *end = &l->end[ev->end];
	struct reload_sim_wait *w = end->wait;
	if (end->state != RELOAD_SIM_END_UP || !w || w->health_at != ev->at)
		return false;
	w->health_at = RELOAD_NEVER;
	if (w->since == RELOAD_NEVER)
		return false;
	if (s->now >= w->ack_at)
		return acknowledged(s, l, ev->end);
	if (s->now >= w->since + RELOAD_SIM_LOST_MS) {
		reload_sim_link_down(s, l, ev->end, s->now, RELOAD_LINK_DOWN, false);
		return false;
	}
	reload_ms doubt = w->since + patience(s, l, ev->end), next = w->since + RELOAD_SIM_LOST_MS;
	if (!w->bad && s->now < doubt)
		next = doubt;
	look_at(s, l, ev->end, w->ack_at < next ? w->ack_at : next);
	return !w->bad && s->now >= doubt && report_health(s, end, false);
}

/* -- streams -------------------------------------------------------------------------------------------------------------- */

/* The other end is gone: its machine sends a reset. */
static void reset(struct reload_sim *s, struct reload_sim_link *l, unsigned e)
{
	struct reload_sim_link_end *end = &l->end[e];
	if (end->resetting || end->state != RELOAD_SIM_END_UP)
		return;
	end->resetting = true;
	reload_ms round_trip = reload_sim_delay(s, l->base) + reload_sim_delay(s, l->base);
	reload_sim_link_down(s, l, e, s->now + round_trip, RELOAD_LINK_DOWN, true);
}

/* Queues m until the cut is over; takes m. */
static void hold(struct reload_sim *s, struct reload_sim_event *m)
{
	struct reload_sim_link *l = m->link;
	unsigned e = m->end;
	struct reload_sim_wait *w;
	if (l->end[e].state != RELOAD_SIM_END_UP) {
		reload_sim_event_free(s, m); /* no process is there to send it again */
		return;
	}
	w = wait_of(s, l, e);
	/* one that met the cut on its way was sent before others in the queue */
	struct reload_sim_event **at = &w->queue.first;
	if (w->queue.last && w->queue.last->sequence < m->sequence)
		at = &w->queue.last->next;
	while (*at && (*at)->sequence < m->sequence)
		at = &(*at)->next;
	m->next = *at;
	*at = m;
	if (!m->next)
		w->queue.last = m;
	w->count++;
	unacknowledged(s, l, e, m->sent);
}

static reload_ms resends(struct reload_sim *s)
{
	reload_ms late = 0;
	for (int i = 0; i < RESENDS_MAX && is_lost(s); i++)
		late += (reload_ms)RTO_MS << i;
	return late;
}

static void arrive_twice(struct reload_sim *s, const struct reload_sim_event *m, reload_ms at)
{
	if (!chance(s, s->setup.duplicate))
		return;
	struct reload_sim_event *copy = reload_sim_event_new(
		s, RELOAD_SIM_MESSAGE, m->link, m->end, span_of(m->data, m->len));
	copy->sent = m->sent;
	copy->sequence = m->sequence;
	s->counts.duplicated++;
	reload_sim_event_queue(s, copy, at + reload_sim_delay(s, m->link->base));
}

/* Makes m arrive after what was sent before; takes m. */
static void pass(struct reload_sim *s, struct reload_sim_event *m)
{
	struct reload_sim_link *l = m->link;
	struct reload_sim_link_end *from = &l->end[m->end];
	reload_ms begin = s->now + from->node->node.slow_ms;
	reload_ms left = reload_sim_leaves(from->node, m->len, begin);
	reload_ms at = left + reload_sim_delay(s, l->base) + resends(s);
	if (at < from->last)
		at = from->last;
	from->last = at;
	reload_ms ack_at = at + (reload_ms)l->base + resends(s);
	if (ack_at - begin > RELOAD_SIM_DOUBT_MS && ack_at - begin > patience(s, l, m->end))
		acknowledged_late(s, l, m->end, begin, ack_at);
	measured(s, from, ack_at - begin);
	m->type = RELOAD_SIM_MESSAGE;
	reload_sim_event_queue(s, m, at);
	arrive_twice(s, m, at);
}

bool reload_sim_run_retry(struct reload_sim *s, struct reload_sim_event *ev)
{
	struct reload_sim_link *l = ev->link;
	unsigned e = ev->end;
	struct reload_sim_wait *w = l->end[e].wait;
	if (!w || w->retry_at != ev->at)
		return false;
	w->retry_at = RELOAD_NEVER;
	if (!w->count && w->since == RELOAD_NEVER) {
		reload_sim_wait_free(s, l, e);
		return false;
	}
	if (!is_open(s, l, e) || reload_sim_frozen(&l->end[!e].node->node)) {
		retry_later(s, l, e);
		return false;
	}
	if (l->end[!e].state != RELOAD_SIM_END_UP) {
		reset(s, l, e);
		return false;
	}
	struct reload_sim_list list = w->queue;
	w->queue = (struct reload_sim_list){ NULL, NULL };
	w->count = 0;
	for (struct reload_sim_event *m; (m = list.first);) {
		list.first = m->next;
		pass(s, m);
	}
	if (!is_open(s, l, !e)) {
		retry_later(s, l, e);
		return false;
	}
	reload_ms at = l->end[e].last > s->now ? l->end[e].last : s->now;
	w->ack_at = at + reload_sim_delay(s, l->base);
	look_at(s, l, e, w->ack_at);
	return false;
}

/* -- in and out ----------------------------------------------------------------------------------------------------------- */

void reload_sim_transmit(struct reload_sim *s, struct reload_sim_event *m)
{
	struct reload_sim_link *l = m->link;
	struct reload_sim_link_end *from = &l->end[m->end];
	m->sent = s->now;
	m->sequence = s->sequence++;
	bool full = !reload_sim_by_datagrams(s) && from->queued + m->len > reload_sim_room(s);
	if (chance(s, s->setup.drop) || full) {
		s->counts.dropped++;
		reload_sim_event_free(s, m);
		return;
	}
	if (!reload_sim_by_datagrams(s)) {
		m->counted = true;
		from->queued += m->len;
	}
	if (reload_sim_by_datagrams(s)) {
		reload_sim_datagram_send(s, m);
	} else if ((from->wait && from->wait->count) || !is_open(s, l, m->end)) {
		hold(s, m);
	} else if (l->end[!m->end].state == RELOAD_SIM_END_GONE) {
		reset(s, l, m->end);
		reload_sim_event_free(s, m);
	} else {
		pass(s, m);
	}
}

void reload_sim_close(struct reload_sim_body *n, uint32_t number)
{
	unsigned e;
	struct reload_sim_link *l = reload_sim_link_find(n, number, &e);
	if (!l)
		return;
	if (reload_sim_datagram_close(n->node.sim, l, e))
		return;
	reload_sim_farewell(n->node.sim, l, e, true);
	reload_sim_link_end_close(n->node.sim, l, e);
}

static void count_sent(struct reload_sim_body *n, struct span message)
{
	struct reload_sim_counts *c = &n->node.sim->counts;
	enum reload_sim_traffic t = reload_sim_traffic_of(message);
	n->node.sent_messages++;
	n->node.sent_bytes += message.len;
	c->messages++;
	c->bytes += message.len;
	c->traffic_messages[t]++;
	c->traffic_bytes[t] += message.len;
	struct reload_sim_hooks *hooks = &n->node.sim->hooks;
	if (hooks->sent)
		hooks->sent(hooks->arg, &n->node, message);
}

/* An event that sends message over a link of n; NULL: the link is not up. */
static struct reload_sim_event *message_new(struct reload_sim_body *n,
	enum reload_sim_event_type type, uint32_t number, struct span message)
{
	unsigned e;
	struct reload_sim_link *l = reload_sim_link_find(n, number, &e);
	if (!l || l->end[e].state != RELOAD_SIM_END_UP)
		return NULL;
	return reload_sim_event_new(n->node.sim, type, l, e, message);
}

void reload_sim_send(struct reload_sim_body *n, uint32_t number, struct span message)
{
	struct reload_sim *s = n->node.sim;
	bool decide = n->node.byzantine && s->hooks.send;
	struct reload_sim_event *m =
		message_new(n, decide ? RELOAD_SIM_DECIDE : RELOAD_SIM_MESSAGE, number, message);
	if (m && decide) {
		reload_sim_event_queue(s, m, s->now);
	} else if (m) {
		count_sent(n, message);
		reload_sim_transmit(s, m);
	}
}

void reload_sim_inject(
	struct reload_sim_node *node, uint32_t link, struct span message, reload_ms later)
{
	struct reload_sim_body *n = reload_sim_body_of(node);
	struct reload_sim_event *m = message_new(n, RELOAD_SIM_SEND, link, message);
	if (m)
		reload_sim_event_queue(node->sim, m, node->sim->now + later);
}

bool reload_sim_run_send(struct reload_sim *s, struct reload_sim_event *m)
{
	struct reload_sim_link_end *from = &m->link->end[m->end];
	struct span message = span_of(m->data, m->len);
	if (from->state != RELOAD_SIM_END_UP)
		return false;
	if (m->type == RELOAD_SIM_DECIDE &&
		!s->hooks.send(s->hooks.arg, &from->node->node, from->number, message))
		return false;
	if (from->state != RELOAD_SIM_END_UP)
		return false; /* the hook ended the node */
	count_sent(from->node, message);
	reload_sim_transmit(s, m);
	return true;
}

static bool is_there(const struct reload_sim_link_end *end)
{
	return end->state == RELOAD_SIM_END_OPENING || end->state == RELOAD_SIM_END_UP;
}

/* The process of the other end is stopped: m waits for it in the buffers of its system, without an ACK of RELOAD. */
static void put_off(struct reload_sim *s, struct reload_sim_event *m)
{
	struct reload_sim_link *l = m->link;
	if (l->end[m->end].state == RELOAD_SIM_END_UP)
		unacknowledged(s, l, m->end, m->sent);
	m->tries = 1;
	reload_sim_event_queue(s, m, l->end[!m->end].node->node.frozen_until);
}

/* The process runs again, and sends the ACK that the other end waits for. */
static void acknowledged_after_all(struct reload_sim *s, struct reload_sim_link *l, unsigned e)
{
	struct reload_sim_wait *w = l->end[e].wait;
	if (l->end[e].state != RELOAD_SIM_END_UP || !w || w->count || !is_open(s, l, !e))
		return;
	w->ack_at = s->now + reload_sim_delay(s, l->base);
	look_at(s, l, e, w->ack_at);
}

bool reload_sim_run_message(struct reload_sim *s, struct reload_sim_event *m, bool *taken)
{
	struct reload_sim_link *l = m->link;
	unsigned e = m->end;
	struct reload_sim_link_end *from = &l->end[e], *to = &l->end[!e];
	if (!is_open(s, l, e) || (from->wait && from->wait->count)) {
		*taken = true;
		hold(s, m);
		return false;
	}
	if (is_there(to) && reload_sim_frozen(&to->node->node)) {
		*taken = true;
		put_off(s, m);
		return false;
	}
	if (to->state != RELOAD_SIM_END_UP) {
		reset(s, l, e);
		return false;
	}
	if (m->tries)
		acknowledged_after_all(s, l, e);
	if (from->state == RELOAD_SIM_END_UP && !is_open(s, l, !e))
		unacknowledged(s, l, e, m->sent);
	if (to->broken)
		return false;
	reload_sim_arrive(s, to, span_of(m->data, m->len));
	return true;
}
