#include "peer/internal.h"

/*
 * Offers: this node makes sure that the peer responsible for data it holds has them, too (RFC 6940 s6.4.2.3, s7.4.1.1).
 *
 * Who is responsible changes without a hand-over when rings merge after a partition, or when a peer fails in the middle of
 * one.  Then a holder may be the only one that knows the newest version of a value, while the new owner stands so far from it
 * that it takes no replica from it (STO-17).  The plug-in names the range whose owner it has not seen before; a little later,
 * when ordinary hand-overs are through, the range is walked: a Stat to each resource tells what its owner has.  What is missing
 * or older there is sent as a replica Store; an owner that finds the sender implausible refuses and fetches from it instead
 * (reload_newer_hint).  The next round looks again at what was not there, after a pause that doubles up to PAUSE_MAX_MS, for as long as
 * it is held: who is responsible may have stopped without a word, and until that is noticed nobody answers.
 *
 *	WAITING --timer--> WALKING (at most WINDOW resources at once) --all there--> (freed)
 *	   ^                  |
 *	   +---- missing -----+
 *
 * `drop`: what the owner has, and for which this node is no replica any more, is forgotten here (R-10.7.3-07); what could not
 * be confirmed is kept until it expires.
 *
 * Limits: OFFERS_MAX ranges; one more is not made, unless it touches one that waits, which then grows.
 */

enum {
	OFFERS_MAX = 64,
	WINDOW = 4,
	WAIT_MS = 4000,
	PAUSE_MAX_MS = 120000,
	DOUBLINGS = 5
};

/* A question that is under way, or not (offer NULL). */
struct question {
	struct offer *offer;
	struct reload_id resource;
};

struct offer {
	TAILQ_ENTRY(offer) entry;
	struct reload_peer *peer;
	struct reload_id from, to, last; /* last: where the walk stands */
	bool drop, walking, walked;
	struct question asked[WINDOW];
	unsigned under_way, rounds;
	size_t open; /* of this round: not known to be there */
	struct reload_timer timer;
};

static void offer_go(struct offer *o);

static void offer_free(struct offer *o)
{
	TAILQ_REMOVE(&o->peer->offers, o, entry);
	o->peer->offers_count--;
	reload_timer_cancel(&o->peer->timers, &o->timer);
	free(o);
}

void reload_offer_clear(struct reload_peer *p)
{
	while (!TAILQ_EMPTY(&p->offers))
		offer_free(TAILQ_FIRST(&p->offers));
}

static void offer_walk(void *arg)
{
	struct offer *o = arg;
	o->last = o->from;
	o->walked = false;
	o->open = 0;
	o->rounds++;
	offer_go(o);
}

/* The round is over: done, or once more what was not there. */
static void offer_round_end(struct offer *o)
{
	struct reload_peer *p = o->peer;
	if (!o->open || p->closing || p->life.state != RELOAD_STATE_JOINED) {
		offer_free(o);
		return;
	}
	reload_ms pause =
		o->rounds > DOUBLINGS ? PAUSE_MAX_MS : (reload_ms)WAIT_MS << (o->rounds - 1);
	reload_timer_arm(
		&p->timers, &o->timer, p->now + reload_peer_around(p, pause), offer_walk, o);
}

/* -- what the owner has ----------------------------------------------------------------------------------------------------- */

struct comparison {
	const struct reload_stat_kind_response *there; /* NULL: not told */
	bool lacks;
};

static bool entry_compare(void *arg, const struct reload_stored_entry *e)
{
	struct comparison *c = arg;
	for (size_t i = 0; c->there && i < c->there->values_count; i++) {
		const struct reload_stored_metadata *m = &c->there->values[i];
		if (m->index == e->data.value.index && span_eq(m->key, e->data.value.key) &&
			m->storage_time >= e->data.storage_time)
			return true;
	}
	c->lacks = true;
	return false;
}

/* Something that is held here is missing in the answer, or older. */
static bool owner_lacks(
	struct reload_peer *p, const struct reload_id *resource, const struct reload_stat_ans *ans)
{
	uint32_t kinds[RELOAD_RESOURCE_KINDS_MAX];
	size_t count =
		p->storage->ops->kinds(p->storage, resource, p->wall, kinds, COUNT_OF(kinds));
	struct comparison c = { .lacks = false };
	for (size_t k = 0; k < count && !c.lacks; k++) {
		c.there = NULL;
		for (size_t i = 0; i < ans->kind_responses_count; i++)
			if (ans->kind_responses[i].kind == kinds[k])
				c.there = &ans->kind_responses[i];
		if (reload_config_kind(p->config, kinds[k]))
			p->storage->ops->each(
				p->storage, resource, kinds[k], p->wall, entry_compare, &c);
	}
	return c.lacks;
}

static void forget(struct reload_peer *p, const struct reload_id *resource)
{
	struct reload_id before = reload_id_before(resource);
	p->storage->ops->drop_range(p->storage, &before, resource);
}

static void answered(
	struct reload_peer *p, struct reload_request *r, const struct reload_result *result)
{
	struct question *q = r->own_arg;
	struct offer *o = q->offer;
	bool mine = p->topology->responsible(p->plugin, &q->resource);
	o->under_way--;
	if (!mine && result->err) {
		o->open++;
	} else if (!mine && owner_lacks(p, &q->resource, &result->answer->body.stat_ans)) {
		o->open++;
		reload_maintain_offer(p, &q->resource, &result->responder);
	} else if (!mine && o->drop && !p->topology->holds(p->plugin, &q->resource)) {
		forget(p, &q->resource);
	}
	q->offer = NULL;
	offer_go(o);
}

static void ask(struct offer *o, const struct reload_id *resource)
{
	struct reload_peer *p = o->peer;
	struct reload_specifier specifiers[RELOAD_RESOURCE_KINDS_MAX];
	struct reload_fetch_req req = { .resource = reload_id_span(resource),
		.specifiers = specifiers };
	req.specifiers_count = reload_specifiers_held(p, resource, specifiers);
	if (!req.specifiers_count || p->topology->responsible(p->plugin, resource))
		return;
	struct question *q = o->asked;
	while (q->offer) /* there is a free one: under_way is less than WINDOW */
		q++;
	*q = (struct question){ .offer = o, .resource = *resource };
	struct reload_destination to = reload_dest_resource(resource);
	struct reload_request *r = reload_request_own(p, RELOAD_STAT_REQ, &to, 1, answered, q);
	r->resource = *resource;
	o->under_way++;
	reload_request_send(r, &req);
}

static void offer_go(struct offer *o)
{
	struct reload_peer *p = o->peer;
	struct reload_id resource;
	if (o->walking)
		return; /* a question ended at once: the loop below goes on */
	o->walking = true;
	o->walked = o->walked || p->closing || p->life.state != RELOAD_STATE_JOINED;
	while (!o->walked && o->under_way < WINDOW) {
		struct reload_id next = reload_id_add_power(&o->last, 0);
		if (!p->storage->ops->next(p->storage, &next, &o->to, 0, p->wall, &resource)) {
			o->walked = true;
			break;
		}
		o->walked = reload_id_eq(&resource, &o->to);
		o->last = resource;
		ask(o, &resource);
	}
	o->walking = false;
	if (o->walked && !o->under_way)
		offer_round_end(o);
}

/* -- orders -------------------------------------------------------------------------------------------------------------------- */

/* One that waits and ends where the new one begins, or the other way round, or has the same bounds. */
static struct offer *offer_touching(
	struct reload_peer *p, const struct reload_id *from, const struct reload_id *to, bool drop)
{
	struct offer *o;
	TAILQ_FOREACH (o, &p->offers, entry)
		if (o->drop == drop && o->timer.armed &&
			(reload_id_eq(&o->to, from) || reload_id_eq(&o->from, to) ||
				(reload_id_eq(&o->from, from) && reload_id_eq(&o->to, to))))
			return o;
	return NULL;
}

void reload_offer_range(
	struct reload_peer *p, const struct reload_id *from, const struct reload_id *to, bool drop)
{
	struct offer *o = offer_touching(p, from, to, drop);
	if (!o && p->offers_count >= OFFERS_MAX)
		return;
	if (!o) {
		o = RELOAD_NEW(offer);
		*o = (struct offer){ .peer = p, .from = *from, .to = *to, .drop = drop };
		TAILQ_INSERT_TAIL(&p->offers, o, entry);
		p->offers_count++;
	} else if (reload_id_eq(&o->to, from) && !reload_id_eq(&o->from, to)) {
		o->to = *to;
	} else if (reload_id_eq(&o->from, to) && !reload_id_eq(&o->to, from)) {
		o->from = *from;
	}
	o->rounds = 0;
	reload_timer_arm(
		&p->timers, &o->timer, p->now + reload_peer_around(p, WAIT_MS), offer_walk, o);
}
