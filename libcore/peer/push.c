#include "peer/push.h"

#include "peer/internal.h"

#include "storage/lapsed.h"

/*
 * Values on their way to other peers.
 *
 *   receiver (a peer) -> push (a resource) -> message (a replica StoreReq) -> places
 *
 *   fresh --message--> under way --taken-------------------> (freed)
 *     ^                    +-------- refused, unanswered --> refused --pause--+
 *     +-----------------------------------------------------------------------+
 *
 * A message that fails puts its own places back, and only these are sent again, made from what is held then: a resource of K
 * messages costs at most K messages an attempt, whatever fails.  There is one push for a receiver, a resource and an order, so
 * that a value which changes while an older version of it waits is waiting once.  A peer may refuse for minutes while tables
 * differ during churn (STO-17): pauses double, ATTEMPTS in all; what a member of the replica set did not take by then is tried
 * again in rounds, after pauses that double from ROUND_MS, for as long as it is a member.
 *
 * Lifetimes are lowered by the time the values were held (R-7.4.1.1-21).  Values keep their signatures; their signers'
 * certificates go into the message's bucket.
 *
 * Limits: WINDOW messages under way to one receiver; the others wait as places, which are small.  PUSHES_MAX resources and
 * PLACES_BYTES of places wait at most; beyond that reload_push_*() refuse, and what fails goes out with its whole range later.
 */

enum {
	WINDOW = 32,
	PUSHES_MAX = 4096,
	PLACES_BYTES = 8 << 20,
	KINDS_MAX = RELOAD_CONFIG_KINDS_MAX + 8, /* with those learned beside the document */
	MESSAGE_ROOM = 600, /* header, lists, contents and signature; without certificates */
	VALUE_ROOM = 128,   /* of a StoredData beside value, key and signature */
	ATTEMPTS = 12,
	LAPSED_MS = 10000,
	PAUSE_MS = 1000,
	PAUSE_MAX_MS = 32000,
	ROUND_MS = 60000,
	ROUND_MAX_MS = 32 * ROUND_MS
};

struct push {
	RB_ENTRY(push) entry;
	TAILQ_ENTRY(push) ready; /* in its receiver's list */
	struct reload_peer *peer;
	struct receiver *receiver;
	struct reload_push_order *order;
	struct reload_id resource;
	uint8_t replica_number;
	struct reload_places fresh, refused;
	unsigned under_way, attempts, rounds;
	bool is_ready, once, ranged; /* ranged: it came from an order that has ended */
	struct reload_timer timer;   /* armed while refused places wait */
};

struct message {
	TAILQ_ENTRY(message) entry;
	struct push *push;
	struct reload_place *places; /* owned list */
};

TAILQ_HEAD(ready_list, push);

struct receiver {
	TAILQ_ENTRY(receiver) entry;
	struct reload_id node;
	size_t pushes;
	unsigned under_way;
	bool sending;
	struct ready_list ready; /* pushes with fresh places, in turn */
};

RB_HEAD(push_tree, push);

struct reload_pushes {
	struct push_tree tree;
	TAILQ_HEAD(, receiver) receivers;
	TAILQ_HEAD(, message) messages;
	size_t count, bytes;         /* pushes; places that wait in them */
	struct reload_lapsed lapsed; /* its certificates are owned */
	uint32_t sequence;           /* of the document that it judges by */
};

static uint64_t order_number(const struct push *u)
{
	return u->order ? u->order->number : 0;
}

static int push_cmp(const struct push *a, const struct push *b)
{
	int c = reload_id_cmp(&a->receiver->node, &b->receiver->node);
	if (!c)
		c = reload_id_cmp(&a->resource, &b->resource);
	return c ? c : (order_number(a) > order_number(b)) - (order_number(a) < order_number(b));
}

RELOAD_TREE(push_tree, push, entry, push_cmp)

static struct reload_pushes *pushes_of(struct reload_peer *p)
{
	if (!p->pushes) {
		p->pushes = RELOAD_NEW(reload_pushes);
		TAILQ_INIT(&p->pushes->receivers);
		TAILQ_INIT(&p->pushes->messages);
	}
	return p->pushes;
}

/* -- receivers and pushes -------------------------------------------------------------------------------------------------- */

static struct receiver *receiver_find(struct reload_peer *p, const struct reload_id *node)
{
	struct receiver *r;
	TAILQ_FOREACH (r, &pushes_of(p)->receivers, entry)
		if (reload_id_eq(&r->node, node))
			return r;
	r = RELOAD_NEW(receiver);
	r->node = *node;
	TAILQ_INIT(&r->ready);
	TAILQ_INSERT_TAIL(&p->pushes->receivers, r, entry);
	return r;
}

static void receiver_release(struct reload_peer *p, struct receiver *r)
{
	if (r->pushes || r->sending)
		return;
	TAILQ_REMOVE(&p->pushes->receivers, r, entry);
	free(r);
}

static void ready_set(struct push *u)
{
	bool ready = u->fresh.count > 0;
	if (ready == u->is_ready)
		return;
	u->is_ready = ready;
	if (ready)
		TAILQ_INSERT_TAIL(&u->receiver->ready, u, ready);
	else
		TAILQ_REMOVE(&u->receiver->ready, u, ready);
	if (u->order && ready)
		u->order->to_send++;
	else if (u->order)
		u->order->to_send--;
}

static size_t waiting_bytes(const struct push *u)
{
	return u->fresh.bytes + u->refused.bytes;
}

bool reload_push_full(const struct reload_peer *p)
{
	return p->pushes && (p->pushes->count >= PUSHES_MAX || p->pushes->bytes >= PLACES_BYTES);
}

static struct push *push_find(
	struct reload_peer *p, const struct reload_push_to *to, const struct reload_id *resource)
{
	struct receiver *r = receiver_find(p, &to->node);
	struct push want = { .receiver = r, .resource = *resource, .order = to->order };
	struct push *u = RB_FIND(push_tree, &p->pushes->tree, &want);
	if (u)
		return u;
	if (!to->order && reload_push_full(p)) {
		receiver_release(p, r);
		return NULL;
	}
	u = RELOAD_NEW(push);
	*u = (struct push){ .peer = p,
		.receiver = r,
		.order = to->order,
		.resource = *resource,
		.once = to->once };
	RB_INSERT(push_tree, &p->pushes->tree, u);
	r->pushes++;
	p->pushes->count++;
	if (u->order)
		u->order->under_way++;
	return u;
}

static void push_free(struct push *u)
{
	struct reload_peer *p = u->peer;
	p->pushes->bytes -= waiting_bytes(u);
	reload_places_clear(&u->fresh);
	reload_places_clear(&u->refused);
	ready_set(u);
	reload_timer_cancel(&p->engine->timers, &u->timer);
	RB_REMOVE(push_tree, &p->pushes->tree, u);
	u->receiver->pushes--;
	p->pushes->count--;
	if (u->order)
		u->order->under_way--;
	receiver_release(p, u->receiver);
	free(u);
}

void reload_push_clear(struct reload_peer *p)
{
	struct message *m;
	struct push *u;
	if (!p->pushes)
		return;
	while ((m = TAILQ_FIRST(&p->pushes->messages))) {
		TAILQ_REMOVE(&p->pushes->messages, m, entry);
		for (struct reload_place *place; (place = m->places);) {
			m->places = place->next;
			free(place);
		}
		free(m);
	}
	while ((u = RB_MIN(push_tree, &p->pushes->tree)))
		push_free(u);
	free((void *)p->pushes->lapsed.certificates.at);
	free(TAKE(p->pushes));
}

/* -- one StoreReq ------------------------------------------------------------------------------------------------------------ */

/* A replica StoreReq being put together. */
struct builder {
	struct reload_peer *peer;
	struct reload_arena arena;
	struct reload_store_kind kinds[KINDS_MAX];
	size_t kinds_count, cap, bytes; /* cap: values that the last Kind has room for */
	size_t room;                    /* of all that is no value, without values' certificates */
	struct wr certificates;
};

/* This node's own certificates are in each message and may be larger than the values. */
static size_t room_of(struct reload_peer *p)
{
	struct wr own;
	wr_init(&own);
	reload_own_certificates_write(p->exchange, &own);
	size_t room = MESSAGE_ROOM + own.len;
	wr_clear(&own);
	return room;
}

static bool has_certificates(const struct builder *b, struct span list)
{
	return b->certificates.len &&
	       memmem(b->certificates.at, b->certificates.len, list.at, list.len);
}

static size_t entry_size(const struct reload_stored_entry *e)
{
	return e->data.value.value.len + e->data.value.key.len + e->data.signature.value.len +
	       VALUE_ROOM;
}

static bool entry_fits(const struct builder *b, const struct reload_stored_entry *e)
{
	size_t more =
		entry_size(e) + (has_certificates(b, e->certificates) ? 0 : e->certificates.len);
	return !b->bytes || b->bytes + more + b->certificates.len + b->room <=
				    b->peer->engine->config->max_message_size;
}

static void entry_add(
	struct builder *b, uint32_t kind, uint64_t generation, const struct reload_stored_entry *e)
{
	struct reload_store_kind *k = b->kinds_count ? &b->kinds[b->kinds_count - 1] : NULL;
	if (!k || k->kind != kind) {
		k = &b->kinds[b->kinds_count++];
		*k = (struct reload_store_kind){ .kind = kind, .generation_counter = generation };
		b->cap = 0;
	}
	if (k->values_count == b->cap) {
		size_t cap = b->cap ? b->cap * 2 : 4;
		struct reload_stored_data *more = reload_arena_take(&b->arena, cap * sizeof(*more));
		if (b->cap)
			memcpy(more, k->values, b->cap * sizeof(*more));
		k->values = more;
		b->cap = cap;
	}
	struct reload_stored_data *d = &k->values[k->values_count++];
	*d = e->data;
	d->lifetime = reload_entry_lifetime(e, b->peer->engine->wall);
	if (!has_certificates(b, e->certificates)) /* of one signer once */
		wr_span(&b->certificates, e->certificates);
	b->bytes += entry_size(e);
}

/*
 * Whether the receiver would refuse e, and with it the whole message, as its signer is trusted no longer.  The last chain that was looked at is
 * remembered for a while: a hand-over of one user's values costs few signature checks.
 */
static bool is_lapsed(struct reload_peer *p, const struct reload_stored_entry *e)
{
	struct reload_lapsed *l = &p->pushes->lapsed;
	struct span was = l->certificates;
	if (l->config != p->engine->config || p->pushes->sequence != p->engine->config->sequence ||
		p->engine->wall - l->now > LAPSED_MS || p->engine->wall < l->now) {
		free((void *)was.at);
		was = (struct span){ 0 };
		*l = (struct reload_lapsed){ .config = p->engine->config, .now = p->engine->wall };
		p->pushes->sequence = p->engine->config->sequence;
	}
	bool lapsed = reload_lapsed(l, e);
	if (l->certificates.at != was.at) {
		free((void *)was.at);
		l->certificates = span_of(reload_memdup(e->certificates.at, e->certificates.len),
			e->certificates.len);
	}
	return lapsed;
}

/* Takes places out of u->fresh until the message is full; what is not held any more, or not trusted, is left out. */
static struct reload_place *message_fill(struct builder *b, struct push *u)
{
	struct reload_peer *p = u->peer;
	struct reload_place *place, *list = NULL;
	size_t before = u->fresh.bytes;
	while ((place = reload_places_first(&u->fresh))) {
		uint64_t generation = p->storage->ops->generation(
			p->storage, &u->resource, place->kind, p->engine->wall);
		const struct reload_stored_entry *e =
			generation && reload_config_kind(p->engine->config, place->kind)
				? p->storage->ops->find(p->storage, &u->resource, place->kind,
					  &place->value, p->engine->wall)
				: NULL;
		if (e && is_lapsed(p, e))
			e = NULL;
		bool new_kind = !b->kinds_count || b->kinds[b->kinds_count - 1].kind != place->kind;
		if (e && (!entry_fits(b, e) || (new_kind && b->kinds_count == KINDS_MAX)))
			break;
		reload_places_remove(&u->fresh, place);
		if (!e) {
			free(place);
			continue;
		}
		entry_add(b, place->kind, generation, e);
		place->next = list;
		list = place;
	}
	p->pushes->bytes -= before - u->fresh.bytes;
	return list;
}

static void pushed(void *arg, struct reload_request *r, const struct reload_result *result);
static void settle(struct push *u);

/* Sends one message of u, or finds that there is nothing to send; u may be gone then. */
static void message_send(struct push *u)
{
	struct reload_peer *p = u->peer;
	struct builder b = { .peer = p, .room = room_of(p) };
	struct reload_place *places = message_fill(&b, u);
	ready_set(u);
	if (!places) {
		settle(u);
		return;
	}
	struct reload_destination to = reload_dest_node(&u->receiver->node);
	struct reload_store_req req = { .resource = reload_id_span(&u->resource),
		.replica_number = u->replica_number,
		.kind_data = b.kinds,
		.kind_data_count = b.kinds_count };
	struct message *m = RELOAD_NEW(message);
	*m = (struct message){ .push = u, .places = places };
	TAILQ_INSERT_TAIL(&p->pushes->messages, m, entry);
	u->under_way++;
	u->receiver->under_way++;
	struct reload_request *r =
		reload_request_own(p->exchange, RELOAD_STORE_REQ, &to, 1, pushed, m);
	wr_span(&r->certificates, wr_done(&b.certificates));
	reload_request_send(r, &req); /* may end at once */
	reload_arena_clear(&b.arena);
	wr_clear(&b.certificates);
}

/* -- sending in turn ----------------------------------------------------------------------------------------------------------- */

static void receiver_send(struct reload_peer *p, struct receiver *r)
{
	struct push *u;
	if (r->sending)
		return; /* a Store ended at once: the loop below goes on */
	r->sending = true;
	while (r->under_way < WINDOW && (u = TAILQ_FIRST(&r->ready))) {
		TAILQ_REMOVE(&r->ready, u,
			ready); /* the others first: one large resource holds nobody up */
		TAILQ_INSERT_TAIL(&r->ready, u, ready);
		message_send(u);
	}
	r->sending = false;
	receiver_release(p, r);
}

/* -- what became of them -------------------------------------------------------------------------------------------------------- */

static bool is_replica(struct reload_peer *p, const struct reload_id *node)
{
	struct reload_id replicas[2];
	return reload_id_listed(replicas, p->topology->replicas(p->plugin, replicas), node);
}

/* Whether the receiver is still to have what it did not take. */
static bool still_wanted(const struct push *u)
{
	struct reload_peer *p = u->peer;
	if (u->order)
		return u->order->wanted(u->order);
	return p->life.state == RELOAD_STATE_JOINED && is_replica(p, &u->receiver->node) &&
	       (u->ranged || p->topology->responsible(p->plugin, &u->resource));
}

static void again(void *arg)
{
	struct push *u = arg;
	struct receiver *r = u->receiver;
	struct reload_peer *p = u->peer;
	bool wanted = still_wanted(u);
	size_t before = waiting_bytes(u);
	if (wanted)
		reload_places_move(&u->fresh, &u->refused);
	else
		reload_places_clear(&u->refused);
	p->pushes->bytes -= before - waiting_bytes(u); /* places in both sets were merged */
	ready_set(u);
	r->pushes++; /* held: u may end here */
	settle(u);
	receiver_send(p, r);
	r->pushes--;
	receiver_release(p, r);
}

static void pause_begin(struct push *u)
{
	struct reload_peer *p = u->peer;
	reload_ms pause = reload_doubled(PAUSE_MS, u->attempts - 1, PAUSE_MAX_MS) +
			  reload_engine_random_ms(p->engine, PAUSE_MS);
	reload_timer_arm(&p->engine->timers, &u->timer, p->engine->now + pause, again, u);
}

/* The order ends without these places; they go on by themselves, joined with what waits for the same receiver already. */
static void order_leave(struct push *u)
{
	struct reload_peer *p = u->peer;
	struct reload_push_order *order = u->order;
	struct reload_push_to to = { .node = u->receiver->node,
		.replica_number = u->replica_number };
	order->given_up++;
	if (!order->keep(order)) {
		push_free(u);
		return;
	}
	struct push *other = push_find(p, &to, &u->resource);
	if (!other) {
		order->lost = true;
		push_free(u);
		return;
	}
	size_t before = waiting_bytes(u) + waiting_bytes(other);
	reload_places_move(&other->refused, &u->refused);
	p->pushes->bytes -= before - waiting_bytes(u) - waiting_bytes(other);
	other->replica_number = u->replica_number;
	other->ranged = true;
	push_free(u);
	if (other->timer.armed)
		return; /* it goes with what waits there */
	other->rounds++;
	reload_timer_arm(&p->engine->timers, &other->timer,
		p->engine->now + reload_engine_jitter(p->engine, ROUND_MS), again, other);
}

reload_ms reload_push_round_pause(unsigned rounds)
{
	return reload_doubled(ROUND_MS, rounds, ROUND_MAX_MS);
}

static void round_begin(struct push *u)
{
	struct reload_peer *p = u->peer;
	reload_ms pause = reload_push_round_pause(u->rounds++);
	reload_timer_arm(&p->engine->timers, &u->timer,
		p->engine->now + reload_engine_jitter(p->engine, pause), again, u);
}

/* Nothing of u is under way or to be sent: it is through, or refused places wait for their time. */
static void settle(struct push *u)
{
	struct reload_push_order *order = u->order;
	if (u->under_way || u->fresh.count || u->timer.armed)
		return;
	if (!u->refused.count) {
		push_free(u);
	} else if (!still_wanted(u)) {
		push_free(u);
	} else if (++u->attempts < (order ? order->attempts : ATTEMPTS)) {
		pause_begin(u);
		return;
	} else if (order) {
		order_leave(u);
	} else {
		round_begin(u);
	}
	if (order)
		order->progress(order);
}

/* One of these answers may be another one later: tables differ, the peer is busy, or what it has is fetched from it first. */
static bool may_change(enum reload_err err)
{
	return err == RELOAD_FORBIDDEN || err == RELOAD_TIMEOUT || err == RELOAD_REQUEST_TIMEOUT ||
	       err == RELOAD_DATA_TOO_OLD || err == RELOAD_GENERATION_TOO_LOW;
}

static void message_end(struct message *m, bool again)
{
	struct push *u = m->push;
	struct reload_peer *p = u->peer;
	size_t before = u->refused.bytes;
	bool full = p->pushes->bytes >= PLACES_BYTES;
	if (again && full && u->order) {
		u->order->given_up++;
		u->order->lost = true;
	} else if (again && full) {
		reload_maintain_replica_range(p, &u->receiver->node, u->replica_number);
	}
	for (struct reload_place *place; (place = m->places);) {
		m->places = place->next;
		if (again && !full)
			reload_places_put(&u->refused, place);
		else
			free(place);
	}
	p->pushes->bytes += u->refused.bytes - before;
	TAILQ_REMOVE(&p->pushes->messages, m, entry);
	free(m);
}

static void pushed(void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct message *m = arg;
	struct push *u = m->push;
	struct reload_peer *p = u->peer;
	(void)r;
	struct receiver *to = u->receiver;
	struct reload_push_order *order = u->order;
	enum reload_err err = result->err;
	if (err)
		reload_engine_event(
			p->engine, &(struct reload_event){ .type = RELOAD_EV_REPLICA_FAILED,
					   .err = err,
					   .transaction = result->transaction,
					   .node = &to->node,
					   .resource = &u->resource,
					   .count = u->attempts });
	if (p->life.state == RELOAD_STATE_JOINED &&
		(err == RELOAD_DATA_TOO_OLD || err == RELOAD_GENERATION_TOO_LOW))
		reload_pull(p, &to->node, &u->resource, m->places); /* R-7.4.1.1-22 */
	bool here = p->life.state == RELOAD_STATE_JOINED ||
		    (p->life.state == RELOAD_STATE_LEAVING && order);
	if (order && err == RELOAD_REQUEST_TIMEOUT)
		order->unwritable = true;
	u->under_way--;
	to->under_way--;
	to->pushes++; /* held: u may end here */
	message_end(m, err && here && !u->once && may_change(err));
	if (!err)
		u->rounds = 0;
	bool last = !u->under_way && !u->fresh.count && !u->timer.armed;
	settle(u);
	if (order && !last) /* else settle() did, or a pause began */
		order->progress(order);
	receiver_send(p, to);
	to->pushes--;
	receiver_release(p, to);
}

/* -- orders ------------------------------------------------------------------------------------------------------------------------ */

struct adding {
	struct push *push;
	uint32_t kind;
};

static bool add_place(void *arg, const struct reload_stored_entry *e)
{
	struct adding *a = arg;
	reload_places_add(&a->push->fresh, a->kind, &e->data.value);
	return true;
}

/* u has new places: they go out at once, whatever else of it is waiting for a pause. */
static void added(struct push *u, const struct reload_push_to *to, size_t before)
{
	struct reload_peer *p = u->peer;
	struct receiver *r = u->receiver;
	p->pushes->bytes += u->fresh.bytes - before;
	u->replica_number = to->replica_number;
	u->once &= to->once;
	ready_set(u);
	r->pushes++; /* held: u may end here */
	settle(u);
	receiver_send(p, r);
	r->pushes--;
	receiver_release(p, r);
}

bool reload_push_batch(struct reload_peer *p, const struct reload_push_to *to,
	const struct reload_store_batch *batch)
{
	struct push *u = push_find(p, to, &batch->resource);
	if (!u)
		return false;
	size_t before = u->fresh.bytes;
	for (size_t i = 0; i < batch->changes_count; i++)
		for (size_t k = 0; k < batch->changes[i].entries_count; k++)
			reload_places_add(&u->fresh, batch->changes[i].kind,
				&batch->changes[i].entries[k].data.value);
	added(u, to, before);
	return true;
}

bool reload_push_places(struct reload_peer *p, const struct reload_push_to *to,
	const struct reload_id *resource, struct reload_places *places)
{
	struct push *u = push_find(p, to, resource);
	if (!u)
		return false;
	size_t before = u->fresh.bytes;
	reload_places_move(&u->fresh, places);
	added(u, to, before);
	return true;
}

bool reload_push_resource(
	struct reload_peer *p, const struct reload_push_to *to, const struct reload_id *resource)
{
	uint32_t kinds[KINDS_MAX];
	struct push *u = push_find(p, to, resource);
	if (!u)
		return false;
	size_t before = u->fresh.bytes;
	size_t count = p->storage->ops->kinds(
		p->storage, resource, p->engine->wall, kinds, COUNT_OF(kinds));
	for (size_t i = 0; i < count; i++)
		p->storage->ops->each(p->storage, resource, kinds[i], p->engine->wall, add_place,
			&(struct adding){ .push = u, .kind = kinds[i] });
	added(u, to, before);
	return true;
}
