#include "peer/internal.h"

/*
 * Moving data: ranges handed over to another peer, and replicas of what was just stored (RFC 6940 s10.4, s10.5, s10.7.3).
 *
 * A hand-over walks the resources of a range in order, at most WINDOW Stores under way at once, each as large as a message
 * may be.  Lifetimes are lowered by the time the values were held (R-7.4.1.1-21).  Values keep their signatures; their
 * signers' certificates go into the bucket.  What is stored behind the walk of a Join's hand-over goes after it (CHORD-11).
 * A hand-over ends early when the link to its node is gone: the plug-in orders it anew when the node is back.
 *
 * A Store that stays refused or unanswered is given up after ATTEMPTS; when that was for a member of the replica set, the range
 * goes out again in another round, after pauses that double, for as long as the member is one: the peers between may have
 * stopped without a word, and the member refuses until it has noticed (STO-17).
 *
 * Limits: HANDOVERS_MAX orders that nobody waits for, ERRANDS_MAX replica Stores of single changes; more are not made, and
 * the next change of the ring repairs.  An order that is repeated while it is under way begins anew.
 */

enum {
	WINDOW = 8,
	KINDS_MAX = RELOAD_CONFIG_KINDS_MAX + 8, /* with those learned beside the document */
	HANDOVERS_MAX = 256,
	ERRANDS_MAX = 4096,
	MESSAGE_ROOM = 600, /* header, lists, contents and signature; without certificates */
	ATTEMPTS = 12,
	ATTEMPTS_JOIN = 5, /* a Joining Node waits for the end */
	PAUSE_MS = 1000,
	PAUSE_DOUBLINGS = 5,
	ROUND_MS = 60000, /* between two rounds for a member of the replica set; doubles */
	ROUND_DOUBLINGS = 5
};

struct handover {
	TAILQ_ENTRY(handover) entry;
	struct reload_peer *peer;
	struct reload_id from, to, last; /* last: where the walk stands, begins at from */
	struct reload_id node;
	uint8_t replica_number;
	bool tell, walked, walking, pausing; /* pausing: before the next round */
	unsigned under_way, failed, rounds;  /* failed: Stores of this round that were given up */
	uint64_t sent;                       /* resources */
	struct reload_timer timer;
};

static void handover_go(struct handover *h);
static void handover_start(void *arg);
static bool is_replica(struct reload_peer *p, const struct reload_id *node);

static void handover_free(struct handover *h)
{
	TAILQ_REMOVE(&h->peer->handovers, h, entry);
	h->peer->handovers_count -= !h->tell;
	reload_timer_cancel(&h->peer->timers, &h->timer);
	free(h);
}

/* What a member of the replica set did not take, it is sent again: it may have been wrong about the ring for minutes. */
static bool handover_another_round(struct handover *h)
{
	struct reload_peer *p = h->peer;
	if (!h->failed || h->tell || p->life.state != RELOAD_STATE_JOINED ||
		!is_replica(p, &h->node))
		return false;
	reload_ms pause = (reload_ms)ROUND_MS
			  << (h->rounds < ROUND_DOUBLINGS ? h->rounds : ROUND_DOUBLINGS);
	h->rounds++;
	h->failed = 0;
	h->pausing = true;
	h->walked = false;
	h->last = h->from;
	reload_timer_arm(
		&p->timers, &h->timer, p->now + reload_peer_around(p, pause), handover_start, h);
	return true;
}

static void handover_end(struct handover *h)
{
	struct reload_peer *p = h->peer;
	struct reload_id node = h->node;
	bool tell = h->tell;
	if (handover_another_round(h))
		return;
	if (h->sent)
		reload_peer_event(
			p, &(struct reload_event){
				   .type = RELOAD_EV_REPAIRED, .node = &node, .count = h->sent });
	handover_free(h);
	if (tell)
		p->topology->handed_over(p->plugin, &node);
	reload_life_leave_answered(p);
}

/*
 * One replica Store on its way.  While tables differ during churn a replica may refuse it, or be gone (STO-17): it is made
 * again from what is held then, with growing pauses, as long as the other is to have it.  So it is when one of the values was
 * older there: it is fetched, and the others, which were refused with it, go out again.
 */
struct errand {
	TAILQ_ENTRY(errand) entry;
	struct reload_peer *peer;
	struct handover *handover; /* that waits for it; NULL: nobody */
	struct reload_id node, resource;
	uint8_t replica_number;
	unsigned attempts;
	struct reload_timer timer;
};

static void errand_free(struct errand *e)
{
	TAILQ_REMOVE(&e->peer->errands, e, entry);
	e->peer->errands_count--;
	reload_timer_cancel(&e->peer->timers, &e->timer);
	free(e);
}

void reload_maintain_clear(struct reload_peer *p)
{
	struct handover *h;
	while (!TAILQ_EMPTY(&p->errands))
		errand_free(TAILQ_FIRST(&p->errands));
	while ((h = TAILQ_FIRST(&p->handovers)))
		handover_free(h);
}

/* -- one Store of held values ---------------------------------------------------------------------------------------------- */

/* A replica StoreReq being put together; when it is full it is sent and the next one begins. */
struct parcel {
	struct reload_peer *peer;
	struct handover *handover; /* NULL: nobody waits */
	struct reload_id node, resource;
	uint8_t replica_number;
	unsigned attempts;
	struct reload_arena arena;
	struct reload_store_kind *kind; /* the one being filled */
	struct reload_store_kind kinds[KINDS_MAX];
	size_t kinds_count, cap, bytes,
		room; /* room: of all that is no value, without values' certificates */
	struct wr certificates;
};

static void resource_send(struct reload_peer *p, struct handover *h, const struct errand *what);

static bool is_replica(struct reload_peer *p, const struct reload_id *node)
{
	struct reload_id replicas[2];
	size_t count = p->topology->replicas(p->plugin, replicas);
	return reload_id_listed(replicas, count, node);
}

/*
 * A member of the replica set that is none any more gets no more; a new owner, who ends the range, a Joining Node, and a predecessor,
 * which is given the replicas of its own predecessor, do.
 */
static bool handover_wanted(const struct handover *h)
{
	struct reload_peer *p = h->peer;
	if (!reload_connection_by_node(p->connections, &h->node))
		return false;
	if (p->life.state == RELOAD_STATE_JOINED)
		return h->tell || reload_id_eq(&h->to, &h->node) || is_replica(p, &h->node) ||
		       reload_peer_is_predecessor(p, &h->node);
	return p->life.state == RELOAD_STATE_LEAVING;
}

/* Whether node is still to have a replica of resource from this node. */
static bool still_wanted(struct reload_peer *p, const struct errand *e)
{
	if (e->handover)
		return handover_wanted(e->handover);
	return is_replica(p, &e->node) && p->topology->responsible(p->plugin, &e->resource);
}

static void errand_end(struct errand *e)
{
	struct handover *h = e->handover;
	errand_free(e);
	if (!h)
		return;
	h->under_way--;
	handover_go(h);
}

static void errand_again(void *arg)
{
	struct errand *e = arg;
	if (still_wanted(e->peer, e)) {
		e->attempts++;
		resource_send(e->peer, e->handover, e);
	}
	errand_end(e);
}

/* One that waits for its pause sends all that is held at the resource then. */
static bool waits_already(const struct errand *e)
{
	const struct errand *other;
	if (e->handover)
		return false;
	TAILQ_FOREACH (other, &e->peer->errands, entry)
		if (other->timer.armed && !other->handover &&
			reload_id_eq(&other->node, &e->node) &&
			reload_id_eq(&other->resource, &e->resource))
			return true;
	return false;
}

static reload_ms pause_of(unsigned attempts)
{
	return (reload_ms)PAUSE_MS << (attempts < PAUSE_DOUBLINGS ? attempts : PAUSE_DOUBLINGS);
}

static struct handover *handover_to(struct reload_peer *p, const struct reload_id *node)
{
	struct handover *h;
	TAILQ_FOREACH (h, &p->handovers, entry)
		if (!h->tell && reload_id_eq(&h->node, node))
			return h;
	return NULL;
}

/* All attempts were in vain: the range goes out once more, later.  One that is on its way has another round then. */
static void given_up(struct errand *e)
{
	struct reload_peer *p = e->peer;
	struct reload_id from, to;
	struct handover *h = e->handover ? e->handover : handover_to(p, &e->node);
	if (h)
		h->failed++;
	else if (still_wanted(p, e) && p->topology->range(p->plugin, &from, &to))
		reload_maintain_store_range(p, &from, &to, &e->node, e->replica_number, false);
}

static void parcel_stored(
	struct reload_peer *p, struct reload_request *r, const struct reload_result *result)
{
	struct errand *e = r->own_arg;
	bool older = result->err == RELOAD_DATA_TOO_OLD || result->err == RELOAD_GENERATION_TOO_LOW,
	     again = older || result->err == RELOAD_FORBIDDEN || result->err == RELOAD_TIMEOUT ||
		     result->err == RELOAD_REQUEST_TIMEOUT;
	if (result->err)
		reload_peer_event(p, &(struct reload_event){ .type = RELOAD_EV_REPLICA_FAILED,
					     .err = result->err,
					     .transaction = result->transaction,
					     .node = &r->target,
					     .resource = &r->resource,
					     .count = e->attempts });
	if (p->life.state == RELOAD_STATE_JOINED && older)
		reload_newer_fetch(p, &r->target, &r->resource); /* R-7.4.1.1-22 */
	bool here = p->life.state == RELOAD_STATE_JOINED ||
		    (p->life.state == RELOAD_STATE_LEAVING && e->handover);
	unsigned attempts = e->handover && e->handover->tell ? ATTEMPTS_JOIN : ATTEMPTS;
	if (again && here && e->attempts + 1 < attempts && !waits_already(e)) {
		reload_timer_arm(&p->timers, &e->timer,
			p->now + pause_of(e->attempts) + reload_peer_random_ms(p, PAUSE_MS),
			errand_again, e);
		return;
	}
	if (again && e->attempts + 1 == attempts)
		given_up(e);
	errand_end(e);
}

static void parcel_empty(struct parcel *c)
{
	reload_arena_clear(&c->arena);
	wr_clear(&c->certificates);
	c->kinds_count = c->bytes = c->cap = 0;
	c->kind = NULL;
}

static void parcel_send(struct parcel *c)
{
	struct reload_peer *p = c->peer;
	struct reload_destination to = reload_dest_node(&c->node);
	struct reload_store_req req = { .resource = reload_id_span(&c->resource),
		.replica_number = c->replica_number,
		.kind_data = c->kinds,
		.kind_data_count = c->kinds_count };
	if (!c->kinds_count || (!c->handover && p->errands_count >= ERRANDS_MAX)) {
		parcel_empty(c);
		return;
	}
	struct errand *e = RELOAD_NEW(errand);
	*e = (struct errand){ .peer = p,
		.handover = c->handover,
		.node = c->node,
		.resource = c->resource,
		.replica_number = c->replica_number,
		.attempts = c->attempts };
	TAILQ_INSERT_TAIL(&p->errands, e, entry);
	p->errands_count++;
	struct reload_request *r =
		reload_request_own(p, RELOAD_STORE_REQ, &to, 1, parcel_stored, e);
	r->resource = c->resource;
	r->extra_certificates = span_of(
		reload_memdup(c->certificates.at, c->certificates.len), c->certificates.len);
	if (c->handover)
		c->handover->under_way++;
	reload_request_send(r, &req);
	parcel_empty(c);
}

static void parcel_kind(struct parcel *c, uint32_t kind, uint64_t generation)
{
	c->kind = &c->kinds[c->kinds_count++];
	*c->kind = (struct reload_store_kind){ .kind = kind, .generation_counter = generation };
	c->cap = 0;
}

/* Certificates of values signed by one node are sent once. */
static void certificates_add(struct parcel *c, struct span list)
{
	if (!c->certificates.len ||
		!memmem(c->certificates.at, c->certificates.len, list.at, list.len))
		wr_span(&c->certificates, list);
}

/* This node's own certificates are in each message and may be larger than the values. */
static size_t room_of(struct reload_peer *p)
{
	struct wr own;
	wr_init(&own);
	reload_certificates_write(p, &own, p->credentials->cert, p->credentials->others,
		p->credentials->others_count);
	size_t room = MESSAGE_ROOM + own.len;
	wr_clear(&own);
	return room;
}

static void parcel_add(struct parcel *c, const struct reload_stored_entry *e)
{
	size_t size =
		e->data.value.value.len + e->data.value.key.len + e->data.signature.value.len + 128;
	uint32_t kind = c->kind->kind;
	uint64_t generation = c->kind->generation_counter;
	bool full =
		c->bytes && c->bytes + size + c->certificates.len + e->certificates.len + c->room >
				    c->peer->config->max_message_size;
	if (full) {
		if (!c->kind->values_count)
			c->kinds_count--;
		parcel_send(c);
		parcel_kind(c, kind, generation);
	}
	if (c->kind->values_count == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 4;
		struct reload_stored_data *more = reload_arena_take(&c->arena, cap * sizeof(*more));
		if (c->cap)
			memcpy(more, c->kind->values, c->cap * sizeof(*more));
		c->kind->values = more;
		c->cap = cap;
	}
	struct reload_stored_data *d = &c->kind->values[c->kind->values_count++];
	*d = e->data;
	d->lifetime = reload_entry_lifetime(e, c->peer->wall);
	certificates_add(c, e->certificates);
	c->bytes += size;
}

static bool entry_add(void *arg, const struct reload_stored_entry *e)
{
	parcel_add(arg, e);
	return true;
}

static void resource_send(struct reload_peer *p, struct handover *h, const struct errand *what)
{
	uint32_t kinds[KINDS_MAX];
	const struct reload_id *resource = &what->resource;
	struct parcel c = { .peer = p,
		.handover = h,
		.node = what->node,
		.resource = what->resource,
		.replica_number = what->replica_number,
		.attempts = what->attempts,
		.room = room_of(p) };
	size_t count =
		p->storage->ops->kinds(p->storage, resource, p->wall, kinds, COUNT_OF(kinds));
	for (size_t i = 0; i < count; i++) {
		uint64_t generation =
			p->storage->ops->generation(p->storage, resource, kinds[i], p->wall);
		if (!reload_config_kind(p->config, kinds[i]) || !generation)
			continue;
		parcel_kind(&c, kinds[i], generation);
		p->storage->ops->each(p->storage, resource, kinds[i], p->wall, entry_add, &c);
		if (!c.kind->values_count)
			c.kinds_count--;
	}
	parcel_send(&c);
}

/* -- ranges ------------------------------------------------------------------------------------------------------------------- */

static void handover_send(struct handover *h, const struct reload_id *resource)
{
	if (!h->sent++)
		reload_peer_event(h->peer,
			&(struct reload_event){ .type = RELOAD_EV_REPAIRING, .node = &h->node });
	h->under_way++; /* held: a Store that ends at once must not end the hand-over */
	resource_send(h->peer, h,
		&(struct errand){ .node = h->node,
			.resource = *resource,
			.replica_number = h->replica_number });
	h->under_way--;
}

static void handover_go(struct handover *h)
{
	struct reload_peer *p = h->peer;
	struct reload_id resource;
	if (h->walking)
		return; /* a Store ended at once: the loop below goes on */
	h->walking = true;
	h->walked = h->walked || !handover_wanted(h);
	while (!h->walked && h->under_way < WINDOW) {
		struct reload_id next = reload_id_add_power(&h->last, 0);
		if (!p->storage->ops->next(p->storage, &next, &h->to, 0, p->wall, &resource)) {
			h->walked = true;
			break;
		}
		h->walked = reload_id_eq(&resource, &h->to);
		h->last = resource;
		handover_send(h, &resource);
	}
	h->walking = false;
	if (h->walked && !h->under_way)
		handover_end(h);
}

static void handover_start(void *arg)
{
	((struct handover *)arg)->pausing = false;
	handover_go(arg);
}

/* The plug-in is not called back from inside its own call. */
static void handover_soon(struct handover *h)
{
	reload_timer_arm(&h->peer->timers, &h->timer, h->peer->now, handover_start, h);
}

void reload_maintain_stored(struct reload_peer *p, const struct reload_id *resource)
{
	struct handover *h;
	TAILQ_FOREACH (h, &p->handovers, entry) {
		bool ahead = !h->walked && reload_id_between(&h->last, resource, &h->to);
		if (!h->tell || ahead || !reload_id_between(&h->from, resource, &h->to) ||
			!handover_wanted(h))
			continue;
		handover_send(h, resource);
		handover_soon(h);
	}
}

/* An order of that kind that is under way: to a Joining Node there is one, whatever its range. */
static struct handover *handover_find(struct reload_peer *p, const struct reload_id *from,
	const struct reload_id *to, const struct reload_id *node, bool done)
{
	struct handover *h;
	TAILQ_FOREACH (h, &p->handovers, entry)
		if (h->tell == done && reload_id_eq(&h->node, node) &&
			(done || (reload_id_eq(&h->from, from) && reload_id_eq(&h->to, to))))
			return h;
	return NULL;
}

void reload_maintain_store_range(struct reload_peer *p, const struct reload_id *from,
	const struct reload_id *to, const struct reload_id *node, uint8_t replica_number, bool done)
{
	struct handover *h = handover_find(p, from, to, node, done);
	if (!h && !done && p->handovers_count >= HANDOVERS_MAX)
		return;
	if (!h) {
		h = RELOAD_NEW(handover);
		h->peer = p;
		h->node = *node;
		h->tell = done;
		TAILQ_INSERT_TAIL(&p->handovers, h, entry);
		p->handovers_count += !done;
	}
	h->from = h->last = *from;
	h->to = *to;
	h->replica_number = replica_number;
	h->walked = h->pausing = false; /* who leaves waits for it from now on */
	h->failed = h->rounds = 0;
	handover_soon(h);
}

bool reload_maintain_moving(const struct reload_peer *p)
{
	const struct handover *h;
	TAILQ_FOREACH (h, &p->handovers, entry)
		if (!h->pausing)
			return true;
	return false;
}

void reload_maintain_hand_over_all(struct reload_peer *p)
{
	struct reload_id from, to, replicas[2];
	if (p->topology->range(p->plugin, &from, &to) && p->topology->replicas(p->plugin, replicas))
		reload_maintain_store_range(p, &from, &to, &replicas[0], 1, false);
}

void reload_maintain_resource(struct reload_peer *p, const struct reload_id *resource,
	const struct reload_id *replicas, size_t count)
{
	for (size_t i = 0; i < count; i++)
		resource_send(p, NULL,
			&(struct errand){ .node = replicas[i],
				.resource = *resource,
				.replica_number = (uint8_t)(i + 1) });
}

void reload_maintain_replicate(struct reload_peer *p, const struct reload_store_batch *batch,
	const struct reload_id *replicas, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct parcel c = { .peer = p,
			.node = replicas[i],
			.resource = batch->resource,
			.replica_number = (uint8_t)(i + 1),
			.room = room_of(p) };
		for (size_t k = 0; k < batch->changes_count; k++) {
			const struct reload_store_change *change = &batch->changes[k];
			parcel_kind(&c, change->kind, change->generation);
			for (size_t e = 0; e < change->entries_count; e++)
				parcel_add(&c, &change->entries[e]);
			if (!c.kind->values_count)
				c.kinds_count--;
		}
		parcel_send(&c);
	}
}

void reload_maintain_offer(
	struct reload_peer *p, const struct reload_id *resource, const struct reload_id *node)
{
	resource_send(p, NULL,
		&(struct errand){ .node = *node,
			.resource = *resource,
			.replica_number = 1,
			.attempts = ATTEMPTS });
}
