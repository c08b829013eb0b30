#include "replica/internal.h"

/*
 * Checks with owners: this node makes sure that the peer responsible for data it holds has them, too (RFC 6940 s6.4.2.3, s7.4.1.1).
 *
 * Who is responsible changes without a hand-over when rings merge after a partition, or when a peer fails in the middle of
 * one.  Then a holder may be the only one that knows the newest version of a value, while the new owner is so far from it
 * in the ring that it takes no replica from it (STO-17).  The plug-in names the range whose owner it has not seen before; a little later,
 * when ordinary hand-overs are through, the range is walked: a Stat to each resource returns what its owner has.  What is missing
 * or older there is sent as a replica Store; an owner that finds the sender implausible refuses and fetches from it instead
 * (reload_pull_from_refused).  The next round looks again at what was not there, after a pause that doubles up to ROUND_PAUSE_MAX_MS, for as long as
 * it is held: the responsible peer may have crashed, and nothing answers until its neighbours notice.
 *
 * The way to the owner may also be too slow for a request, and stay so.  So a neighbour is asked directly, and after a question that had no answer
 * one goes out at a time to neighbours, none to others: there the walk halts and goes on behind that resource after the pause, with one
 * question when nothing was answered before.  A pause is as long as the round before it at least.
 *
 *	WAITING --timer--> WALKING (at most WINDOW resources at once) --all there--> (freed)
 *	   ^                  |
 *	   +-missing, halted--+
 *
 * forget_after: what the owner has, and for which this node is no replica any more, is forgotten here (R-10.7.3-07); what could not
 * be confirmed is kept until it expires.
 *
 * Limits: CHECKS_MAX ranges; one more is not made, unless it touches one that waits, which then grows.  Single resources, which a neighbour can name
 * at will, take up half of these at most.
 */

enum {
	CHECKS_MAX = 64,
	WINDOW = 4,
	ROUND_PAUSE_MS = 4000,
	ROUND_PAUSE_MAX_MS = 120000,
	WHOLE_MAX = 256 /* values asked for at once */
};

/*
 * A resource whose owner is asked, or none (check NULL).  First about all that is held there; where that does not fit a message, about
 * one part after the other.
 */
struct stat_query {
	struct owner_check *check;
	struct reload_id resource;
	size_t most;                /* places in a part; 0: all at once */
	size_t limit;               /* parts of more did not fit */
	struct reload_place *after; /* parts up to here are through; NULL: none */
	struct reload_places part;
	unsigned misfits; /* single places whose answer did not fit */
	bool unconfirmed; /* something is not known to be there */
	bool near;        /* the owner is a neighbour */
};

struct owner_check {
	TAILQ_ENTRY(owner_check) entry;
	struct reload_replica *replica;
	struct reload_id from, to, last; /* last: where the walk stands */
	bool forget_after, walking, walked;
	struct stat_query queries[WINDOW];
	unsigned under_way, rounds;
	size_t unconfirmed; /* of this round: not known to be there */
	bool any_answer;    /* in this round */
	unsigned at_once;   /* questions: WINDOW, or fewer since one had no answer */
	bool halted;        /* the walk goes on behind `last` after the pause */
	reload_ms began;    /* this round */
	struct reload_timer timer;
};

static void check_advance(struct owner_check *o);

static void query_clear(struct stat_query *q)
{
	free(q->after);
	reload_places_clear(&q->part);
	*q = (struct stat_query){ .check = NULL };
}

static void check_free(struct owner_check *o)
{
	for (size_t i = 0; i < WINDOW; i++)
		query_clear(&o->queries[i]);
	TAILQ_REMOVE(&o->replica->owner_checks, o, entry);
	o->replica->owner_checks_count--;
	reload_timer_cancel(&o->replica->engine->timers, &o->timer);
	free(o);
}

void reload_owner_check_clear(struct reload_replica *rep)
{
	while (!TAILQ_EMPTY(&rep->owner_checks))
		check_free(TAILQ_FIRST(&rep->owner_checks));
}

static void check_walk(void *arg)
{
	struct owner_check *o = arg;
	if (!o->halted) {
		o->last = o->from;
		o->walked = false;
		o->unconfirmed = 0;
	}
	o->at_once = o->rounds && !o->any_answer ? 1 : WINDOW;
	o->halted = o->any_answer = false;
	o->began = o->replica->engine->now;
	o->rounds++;
	check_advance(o);
}

/* The round is over, or halted: done, or once more what was not there. */
static void check_round_end(struct owner_check *o)
{
	struct reload_replica *rep = o->replica;
	o->halted = !o->walked;
	if ((o->walked && !o->unconfirmed) || rep->engine->closing ||
		rep->mode != RELOAD_REPLICA_SERVING) {
		check_free(o);
		return;
	}
	reload_ms pause = reload_doubled(ROUND_PAUSE_MS, o->rounds - 1, ROUND_PAUSE_MAX_MS),
		  took = rep->engine->now - o->began;
	if (pause < took)
		pause = took;
	reload_timer_arm(&rep->engine->timers, &o->timer,
		rep->engine->now + reload_engine_jitter(rep->engine, pause), check_walk, o);
}

/* -- what the owner has ----------------------------------------------------------------------------------------------------- */

struct comparison {
	uint32_t kind;
	const struct reload_stat_kind_response *there; /* NULL: not in the answer */
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
	const struct stat_query *q, const struct reload_stat_ans *ans, struct reload_places *lacks)
{
	struct reload_replica *rep = q->check->replica;
	const struct reload_storage_ops *ops = rep->storage->ops;
	uint32_t kinds[RELOAD_RESOURCE_KINDS_MAX];
	struct comparison c = { .lacks = lacks };
	struct reload_place *place;
	for (place = reload_places_first(&q->part); place; place = reload_places_next(place)) {
		const struct reload_stored_entry *e = ops->find(
			rep->storage, &q->resource, place->kind, &place->value, rep->engine->wall);
		comparison_of(&c, ans, place->kind);
		if (e && reload_config_kind(rep->engine->config, place->kind))
			entry_compare(&c, e);
	}
	size_t count = q->most ? 0
			       : ops->kinds(rep->storage, &q->resource, rep->engine->wall, kinds,
					 COUNT_OF(kinds));
	for (size_t k = 0; k < count; k++) {
		comparison_of(&c, ans, kinds[k]);
		if (reload_config_kind(rep->engine->config, kinds[k]))
			ops->each(rep->storage, &q->resource, kinds[k], rep->engine->wall,
				entry_compare, &c);
	}
}

/* -- questions ---------------------------------------------------------------------------------------------------------------- */

static void query_end(struct stat_query *q)
{
	struct owner_check *o = q->check;
	struct reload_replica *rep = o->replica;
	bool mine = rep->route->topology->responsible(rep->route->plugin, &q->resource);
	if (!mine && q->unconfirmed)
		o->unconfirmed++;
	else if (!mine && o->forget_after &&
		 !rep->route->topology->holds(rep->route->plugin, &q->resource))
		reload_walk_forget(rep, &q->resource);
	o->under_way--;
	query_clear(q);
	check_advance(o);
}

struct parting {
	struct stat_query *q;
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
static void part_make(struct stat_query *q)
{
	struct reload_replica *rep = q->check->replica;
	uint32_t kinds[RELOAD_RESOURCE_KINDS_MAX];
	size_t count = rep->storage->ops->kinds(
		rep->storage, &q->resource, rep->engine->wall, kinds, COUNT_OF(kinds));
	for (size_t i = 0; i < count && q->part.count < q->most; i++)
		if (reload_config_kind(rep->engine->config, kinds[i]) &&
			(!q->after || kinds[i] >= q->after->kind))
			rep->storage->ops->each(rep->storage, &q->resource, kinds[i],
				rep->engine->wall, part_add,
				&(struct parting){ .q = q, .kind = kinds[i] });
}

/* All of one Kind; 0 when it is not known here. */
static size_t specifier_make(struct reload_replica *rep, struct reload_specifier *out, uint32_t id)
{
	static struct reload_array_range all = { 0, RELOAD_ARRAY_END };
	const struct reload_kind *kind = reload_config_kind(rep->engine->config, id);
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
	struct reload_replica *rep, const struct reload_id *resource, struct reload_specifier *out)
{
	uint32_t kinds[RELOAD_RESOURCE_KINDS_MAX];
	size_t count = rep->storage->ops->kinds(
		       rep->storage, resource, rep->engine->wall, kinds, COUNT_OF(kinds)),
	       n = 0;
	for (size_t i = 0; i < count; i++)
		n += specifier_make(rep, &out[n], kinds[i]);
	return n;
}

static void answered(void *arg, struct reload_request *r, const struct reload_result *result);

/* Asks for all, or for the next part; false: nothing is left to ask for, and nothing was sent. */
static bool query_send(struct stat_query *q)
{
	struct reload_replica *rep = q->check->replica;
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
		req.specifiers_count = specifiers_held(rep, &q->resource, specifiers);
	}
	if (!req.specifiers_count ||
		rep->route->topology->responsible(rep->route->plugin, &q->resource)) {
		reload_arena_clear(&arena);
		return false;
	}
	struct reload_destination to[2];
	struct reload_id owner;
	size_t count = 0;
	q->near = reload_topology_owner(
		rep->route->topology, rep->route->plugin, &q->resource, &owner);
	if (q->near)
		to[count++] = reload_dest_node(&owner); /* s10.3 would go through its predecessor */
	to[count++] = reload_dest_resource(&q->resource);
	struct reload_request *r =
		reload_request_internal(rep->exchange, RELOAD_STAT_REQ, to, count, answered, q);
	reload_request_send(r, &req); /* may end at once */
	reload_arena_clear(&arena);
	return true;
}

/* The part is through, or left. */
static void part_through(struct stat_query *q)
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

static void part_halve(struct stat_query *q)
{
	if (!q->most) {
		q->most = q->limit = RELOAD_PART_MAX;
	} else if (q->part.count > 1) {
		q->most = q->limit = q->part.count / 2;
		reload_places_clear(&q->part);
	} else {
		q->unconfirmed = true; /* not even one fits */
		q->misfits++;
		part_through(q);
	}
}

static void answered(void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct stat_query *q = arg;
	struct reload_replica *rep = q->check->replica;
	(void)r;
	struct reload_places lacks = { .count = 0 };
	bool goes_on = !rep->route->topology->responsible(rep->route->plugin, &q->resource),
	     parts = q->most > 0;
	if (result->responder.len) {
		q->check->any_answer = true;
		q->check->at_once = WINDOW;
	} else {
		q->check->at_once = q->near ? 1 : 0;
	}
	if (goes_on && reload_err_too_large(result->err)) {
		part_halve(q);
		parts = true;
		goes_on = q->misfits < RELOAD_MISFITS_MAX;
	} else if (goes_on && result->err) {
		q->unconfirmed = true;
		goes_on = false;
	} else if (goes_on) {
		owner_lacks(q, &result->answer->body.stat_ans, &lacks);
		part_through(q);
	}
	if (lacks.count) {
		q->unconfirmed = true;
		reload_transfer_places(rep, &q->resource, &result->responder, &lacks);
	}
	if (!goes_on || !parts || !query_send(q))
		query_end(q);
}

/* Whether what is held at resource may be compared with one answer at a small price. */
static bool is_small(struct reload_replica *rep, const struct reload_id *resource)
{
	uint32_t kinds[RELOAD_RESOURCE_KINDS_MAX];
	size_t held = 0, count = rep->storage->ops->kinds(
				 rep->storage, resource, rep->engine->wall, kinds, COUNT_OF(kinds));
	for (size_t i = 0; i < count; i++)
		held += rep->storage->ops->extent(
			rep->storage, resource, kinds[i], rep->engine->wall, NULL);
	return held <= WHOLE_MAX;
}

static void query_start(struct owner_check *o, const struct reload_id *resource)
{
	struct stat_query *q = o->queries;
	size_t most = is_small(o->replica, resource) ? 0 : RELOAD_PART_MAX;
	while (q->check) /* there is a free one: under_way is less than WINDOW */
		q++;
	*q = (struct stat_query){ .check = o, .resource = *resource, .most = most, .limit = most };
	o->under_way++;
	if (!query_send(q)) {
		o->under_way--;
		query_clear(q);
	}
}

static void check_advance(struct owner_check *o)
{
	struct reload_replica *rep = o->replica;
	if (o->walking)
		return; /* a question ended at once: the loop below goes on */
	o->walking = true;
	o->walked = o->walked || rep->engine->closing || rep->mode != RELOAD_REPLICA_SERVING;
	while (!o->walked && o->under_way < o->at_once &&
		reload_walk_next(rep, &o->last, &o->to, &o->walked))
		query_start(o, &o->last);
	o->walking = false;
	if (!o->under_way && (o->walked || !o->at_once))
		check_round_end(o);
}

/* -- orders -------------------------------------------------------------------------------------------------------------------- */

/* One that waits and ends where the new one begins, or the other way round, or has the same bounds. */
static struct owner_check *check_touching(struct reload_replica *rep, const struct reload_id *from,
	const struct reload_id *to, bool forget_after)
{
	struct owner_check *o;
	TAILQ_FOREACH (o, &rep->owner_checks, entry)
		if (o->forget_after == forget_after && o->timer.armed &&
			(reload_id_eq(&o->to, from) || reload_id_eq(&o->from, to) ||
				(reload_id_eq(&o->from, from) && reload_id_eq(&o->to, to))))
			return o;
	return NULL;
}

void reload_owner_check_range(struct reload_replica *rep, const struct reload_id *from,
	const struct reload_id *to, bool forget_after)
{
	struct owner_check *o = check_touching(rep, from, to, forget_after);
	if (!o && rep->owner_checks_count >= CHECKS_MAX)
		return;
	if (!o) {
		o = RELOAD_NEW(owner_check);
		*o = (struct owner_check){
			.replica = rep, .from = *from, .to = *to, .forget_after = forget_after
		};
		TAILQ_INSERT_TAIL(&rep->owner_checks, o, entry);
		rep->owner_checks_count++;
	} else if (reload_id_eq(&o->to, from) && !reload_id_eq(&o->from, to)) {
		o->to = *to;
	} else if (reload_id_eq(&o->from, to) && !reload_id_eq(&o->to, from)) {
		o->from = *from;
	}
	o->rounds = 0;
	o->halted = false;
	reload_timer_arm(&rep->engine->timers, &o->timer,
		rep->engine->now + reload_engine_jitter(rep->engine, ROUND_PAUSE_MS), check_walk,
		o);
}

void reload_owner_check_resource(struct reload_replica *rep, const struct reload_id *resource)
{
	struct reload_id before = reload_id_before(resource);
	if (rep->owner_checks_count < CHECKS_MAX / 2)
		reload_owner_check_range(rep, &before, resource, false);
}
