#include "peer/internal.h"

/*
 * Offers: this node makes sure that the peer responsible for data it holds has them, too (RFC 6940 s6.4.2.3, s7.4.1.1).
 *
 * Who is responsible changes without a hand-over when rings merge after a partition, or when a peer fails in the middle of
 * one.  Then a holder may be the only one that knows the newest version of a value, while the new owner stands so far from it
 * that it takes no replica from it (STO-17).  The plug-in names the range whose owner it has not seen before; a little later,
 * when ordinary hand-overs are through, the range is walked: a Stat to each resource tells what its owner has.  What is missing
 * or older there is sent as a replica Store; an owner that finds the sender implausible refuses and fetches from it instead
 * (reload_pull_hint).  The next round looks again at what was not there, after a pause that doubles up to PAUSE_MAX_MS, for as long as
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
	WHOLE_MAX = 256 /* values asked for at once */
};

/*
 * A resource whose owner is asked, or none (offer NULL).  First about all that is held there; where that does not fit a message, about
 * one part after the other.
 */
struct question {
	struct offer *offer;
	struct reload_id resource;
	size_t most;                /* places in a part; 0: all at once */
	size_t limit;               /* parts of more did not fit */
	struct reload_place *after; /* parts up to here are through; NULL: none */
	struct reload_places part;
	unsigned misfits; /* single places whose answer did not fit */
	bool open;        /* something is not known to be there */
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

static void question_clear(struct question *q)
{
	free(q->after);
	reload_places_clear(&q->part);
	*q = (struct question){ .offer = NULL };
}

static void offer_free(struct offer *o)
{
	for (size_t i = 0; i < WINDOW; i++)
		question_clear(&o->asked[i]);
	TAILQ_REMOVE(&o->peer->offers, o, entry);
	o->peer->offers_count--;
	reload_timer_cancel(&o->peer->engine->timers, &o->timer);
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
	if (!o->open || p->engine->closing || p->life.state != RELOAD_STATE_JOINED) {
		offer_free(o);
		return;
	}
	reload_ms pause = reload_doubled(WAIT_MS, o->rounds - 1, PAUSE_MAX_MS);
	reload_timer_arm(&p->engine->timers, &o->timer,
		p->engine->now + reload_engine_jitter(p->engine, pause), offer_walk, o);
}

/* -- what the owner has ----------------------------------------------------------------------------------------------------- */

struct comparison {
	uint32_t kind;
	const struct reload_stat_kind_response *there; /* NULL: not told */
	struct reload_places *lacks;
};

/* An entry that is missing in the answer, or older there, joins lacks. */
static bool entry_compare(void *arg, const struct reload_stored_entry *e)
{
	struct comparison *c = arg;
	for (size_t i = 0; c->there && i < c->there->values_count; i++) {
		const struct reload_stored_metadata *m = &c->there->values[i];
		if (m->index == e->data.value.index && span_eq(m->key, e->data.value.key) &&
			m->storage_time >= e->data.storage_time)
			return true;
	}
	reload_places_add(c->lacks, c->kind, &e->data.value);
	return true;
}

static void comparison_of(struct comparison *c, const struct reload_stat_ans *ans, uint32_t kind)
{
	c->kind = kind;
	c->there = NULL;
	for (size_t i = 0; i < ans->kind_responses_count; i++)
		if (ans->kind_responses[i].kind == kind)
			c->there = &ans->kind_responses[i];
}

/* What is held here, of what was asked for, and is missing in the answer, or older. */
static void owner_lacks(
	const struct question *q, const struct reload_stat_ans *ans, struct reload_places *lacks)
{
	struct reload_peer *p = q->offer->peer;
	const struct reload_storage_ops *ops = p->storage->ops;
	uint32_t kinds[RELOAD_RESOURCE_KINDS_MAX];
	struct comparison c = { .lacks = lacks };
	struct reload_place *place;
	for (place = reload_places_first(&q->part); place; place = reload_places_next(place)) {
		const struct reload_stored_entry *e = ops->find(
			p->storage, &q->resource, place->kind, &place->value, p->engine->wall);
		comparison_of(&c, ans, place->kind);
		if (e && reload_config_kind(p->engine->config, place->kind))
			entry_compare(&c, e);
	}
	size_t count = q->most ? 0
			       : ops->kinds(p->storage, &q->resource, p->engine->wall, kinds,
					 COUNT_OF(kinds));
	for (size_t k = 0; k < count; k++) {
		comparison_of(&c, ans, kinds[k]);
		if (reload_config_kind(p->engine->config, kinds[k]))
			ops->each(p->storage, &q->resource, kinds[k], p->engine->wall,
				entry_compare, &c);
	}
}

static void forget(struct reload_peer *p, const struct reload_id *resource)
{
	struct reload_id before = reload_id_before(resource);
	p->storage->ops->drop_range(p->storage, &before, resource);
}

/* -- questions ---------------------------------------------------------------------------------------------------------------- */

static void question_end(struct question *q)
{
	struct offer *o = q->offer;
	struct reload_peer *p = o->peer;
	bool mine = p->topology->responsible(p->plugin, &q->resource);
	if (!mine && q->open)
		o->open++;
	else if (!mine && o->drop && !p->topology->holds(p->plugin, &q->resource))
		forget(p, &q->resource);
	o->under_way--;
	question_clear(q);
	offer_go(o);
}

struct parting {
	struct question *q;
	uint32_t kind;
};

static bool part_add(void *arg, const struct reload_stored_entry *e)
{
	struct parting *a = arg;
	if (reload_place_after(a->q->after, a->kind, &e->data.value))
		reload_places_add(&a->q->part, a->kind, &e->data.value);
	return a->q->part.count < a->q->most;
}

/* Makes the next part of what is held: at most q->most places after q->after. */
static void part_make(struct question *q)
{
	struct reload_peer *p = q->offer->peer;
	uint32_t kinds[RELOAD_RESOURCE_KINDS_MAX];
	size_t count = p->storage->ops->kinds(
		p->storage, &q->resource, p->engine->wall, kinds, COUNT_OF(kinds));
	for (size_t i = 0; i < count && q->part.count < q->most; i++)
		if (reload_config_kind(p->engine->config, kinds[i]) &&
			(!q->after || kinds[i] >= q->after->kind))
			p->storage->ops->each(p->storage, &q->resource, kinds[i], p->engine->wall,
				part_add, &(struct parting){ .q = q, .kind = kinds[i] });
}

/* All of one Kind; 0 when it is not known here. */
static size_t specifier_make(struct reload_peer *p, struct reload_specifier *out, uint32_t id)
{
	static struct reload_array_range all = { 0, RELOAD_ARRAY_END };
	const struct reload_kind *kind = reload_config_kind(p->engine->config, id);
	if (!kind)
		return 0;
	*out = (struct reload_specifier){ .kind = id, .model = (uint8_t)kind->model };
	if (kind->model == RELOAD_MODEL_ARRAY) {
		out->ranges = &all;
		out->ranges_count = 1;
	}
	return 1;
}

/* Asks for all that is held at resource. */
static size_t specifiers_held(
	struct reload_peer *p, const struct reload_id *resource, struct reload_specifier *out)
{
	uint32_t kinds[RELOAD_RESOURCE_KINDS_MAX];
	size_t count = p->storage->ops->kinds(
		       p->storage, resource, p->engine->wall, kinds, COUNT_OF(kinds)),
	       n = 0;
	for (size_t i = 0; i < count; i++)
		n += specifier_make(p, &out[n], kinds[i]);
	return n;
}

static void answered(void *arg, struct reload_request *r, const struct reload_result *result);

/* Asks for all, or for the next part; false: nothing is left to ask for, and nothing was sent. */
static bool question_send(struct question *q)
{
	struct reload_peer *p = q->offer->peer;
	struct reload_specifier specifiers[RELOAD_RESOURCE_KINDS_MAX];
	struct reload_arena arena = { 0 };
	struct reload_fetch_req req = { .resource = reload_id_span(&q->resource),
		.specifiers = specifiers };
	size_t taken;
	if (q->most) {
		part_make(q);
		req.specifiers_count =
			reload_places_ask(&q->part, q->most, &arena, specifiers, &taken);
		while (q->part.count > taken) { /* those there is no room for come next */
			struct reload_place *last = reload_places_last(&q->part);
			reload_places_remove(&q->part, last);
			free(last);
		}
	} else {
		req.specifiers_count = specifiers_held(p, &q->resource, specifiers);
	}
	if (!req.specifiers_count || p->topology->responsible(p->plugin, &q->resource)) {
		reload_arena_clear(&arena);
		return false;
	}
	struct reload_destination to = reload_dest_resource(&q->resource);
	struct reload_request *r =
		reload_request_own(p->exchange, RELOAD_STAT_REQ, &to, 1, answered, q);
	reload_request_send(r, &req); /* may end at once */
	reload_arena_clear(&arena);
	return true;
}

/* The part is through, or left. */
static void part_through(struct question *q)
{
	struct reload_place *last = reload_places_last(&q->part);
	if (last) {
		free(q->after);
		reload_places_remove(&q->part, last);
		q->after = last;
	}
	reload_places_clear(&q->part);
	q->most = q->most * 2 < q->limit ? q->most * 2 : q->limit;
}

static void part_halve(struct question *q)
{
	if (!q->most) {
		q->most = q->limit = RELOAD_PART_MAX;
	} else if (q->part.count > 1) {
		q->most = q->limit = q->part.count / 2;
		reload_places_clear(&q->part);
	} else {
		q->open = true; /* not even one fits */
		q->misfits++;
		part_through(q);
	}
}

static void answered(void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct question *q = arg;
	struct reload_peer *p = q->offer->peer;
	(void)r;
	struct reload_places lacks = { .count = 0 };
	bool goes_on = !p->topology->responsible(p->plugin, &q->resource), parts = q->most > 0;
	if (goes_on && reload_err_too_large(result->err)) {
		part_halve(q);
		parts = true;
		goes_on = q->misfits < RELOAD_MISFITS_MAX;
	} else if (goes_on && result->err) {
		q->open = true;
		goes_on = false;
	} else if (goes_on) {
		owner_lacks(q, &result->answer->body.stat_ans, &lacks);
		part_through(q);
	}
	if (lacks.count) {
		q->open = true;
		reload_maintain_offer(p, &q->resource, &result->responder, &lacks);
	}
	if (!goes_on || !parts || !question_send(q))
		question_end(q);
}

/* Whether what is held at resource may be compared with one answer at a small price. */
static bool is_small(struct reload_peer *p, const struct reload_id *resource)
{
	uint32_t kinds[RELOAD_RESOURCE_KINDS_MAX];
	size_t held = 0, count = p->storage->ops->kinds(
				 p->storage, resource, p->engine->wall, kinds, COUNT_OF(kinds));
	for (size_t i = 0; i < count; i++)
		held += p->storage->ops->extent(
			p->storage, resource, kinds[i], p->engine->wall, NULL);
	return held <= WHOLE_MAX;
}

static void ask(struct offer *o, const struct reload_id *resource)
{
	struct question *q = o->asked;
	size_t most = is_small(o->peer, resource) ? 0 : RELOAD_PART_MAX;
	while (q->offer) /* there is a free one: under_way is less than WINDOW */
		q++;
	*q = (struct question){ .offer = o, .resource = *resource, .most = most, .limit = most };
	o->under_way++;
	if (!question_send(q)) {
		o->under_way--;
		question_clear(q);
	}
}

static void offer_go(struct offer *o)
{
	struct reload_peer *p = o->peer;
	struct reload_id resource;
	if (o->walking)
		return; /* a question ended at once: the loop below goes on */
	o->walking = true;
	o->walked = o->walked || p->engine->closing || p->life.state != RELOAD_STATE_JOINED;
	while (!o->walked && o->under_way < WINDOW) {
		struct reload_id next = reload_id_add_power(&o->last, 0);
		if (!p->storage->ops->next(
			    p->storage, &next, &o->to, 0, p->engine->wall, &resource)) {
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
	reload_timer_arm(&p->engine->timers, &o->timer,
		p->engine->now + reload_engine_jitter(p->engine, WAIT_MS), offer_walk, o);
}
