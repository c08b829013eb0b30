#include "replica/push.h"

#include "replica/internal.h"
#include "replica/push_message.h"

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
 * certificates go into the message's security block.
 *
 * When a message had to be sent again, either its receiver is silent or the messages queue up here before a narrow link, and each of them is sent
 * up to five times.  Then half as many may be under way to that receiver, at least WINDOW_MIN, and one more again for each that is answered at
 * once.  With a fixed window a crowd of Joining Nodes gets nothing in time; one at a time would leave a slow peer minutes behind.
 *
 * Limits: WINDOW messages under way to one receiver; the others wait as places, which are small.  PUSHES_MAX resources and
 * PLACES_BYTES of places wait at most; beyond that reload_push_*() refuse, and what fails goes out with its whole range later.
 */

enum {
	WINDOW = 32,
	WINDOW_MIN = 4,
	PUSHES_MAX = 4096,
	PLACES_BYTES = 8 << 20,
	ATTEMPTS = 12,
	RETRY_PAUSE_MS = 1000,
	RETRY_PAUSE_MAX_MS = 32000,
	ROUND_MS = 60000,
	ROUND_MAX_MS = 32 * ROUND_MS
};

struct push {
	RB_ENTRY(push) entry;
	TAILQ_ENTRY(push) ready; /* in its receiver's list */
	struct reload_replica *replica;
	struct receiver *receiver;
	struct reload_push_order *order;
	struct reload_id resource;
	uint8_t replica_number;
	struct reload_places fresh, refused;
	unsigned under_way, attempts, rounds;
	bool is_ready, once, from_order; /* ranged: it came from an order that has ended */
	struct reload_timer timer;       /* armed while refused places wait */
};

struct message {
	TAILQ_ENTRY(message) entry;
	struct push *push;
	struct reload_place *places; /* owned list */
	reload_ms sent_at;
};

TAILQ_HEAD(ready_list, push);

struct receiver {
	TAILQ_ENTRY(receiver) entry;
	struct reload_id node;
	size_t pushes;
	unsigned under_way;  /* messages to it that it has not answered yet */
	unsigned window;     /* the most that may be under way at a time */
	reload_ms halved_at; /* when the window was last halved */
	bool sending;
	struct ready_list ready; /* pushes with fresh places, in turn */
};

RB_HEAD(push_tree, push);

struct reload_pushes {
	struct push_tree tree;
	TAILQ_HEAD(, receiver) receivers;
	TAILQ_HEAD(, message) messages;
	size_t count, bytes; /* pushes; places that wait in them */
	struct reload_lapsed_note lapsed;
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

static struct reload_pushes *pushes_of(struct reload_replica *rep)
{
	if (!rep->pushes) {
		rep->pushes = RELOAD_NEW(reload_pushes);
		TAILQ_INIT(&rep->pushes->receivers);
		TAILQ_INIT(&rep->pushes->messages);
	}
	return rep->pushes;
}

/* -- receivers and pushes -------------------------------------------------------------------------------------------------- */

static struct receiver *receiver_find(struct reload_replica *rep, const struct reload_id *node)
{
	struct receiver *r;
	TAILQ_FOREACH (r, &pushes_of(rep)->receivers, entry)
		if (reload_id_eq(&r->node, node))
			return r;
	r = RELOAD_NEW(receiver);
	r->node = *node;
	r->window = WINDOW;
	TAILQ_INIT(&r->ready);
	TAILQ_INSERT_TAIL(&rep->pushes->receivers, r, entry);
	return r;
}

static void receiver_release(struct reload_replica *rep, struct receiver *r)
{
	if (r->pushes || r->sending)
		return;
	TAILQ_REMOVE(&rep->pushes->receivers, r, entry);
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

bool reload_push_full(const struct reload_replica *rep)
{
	return rep->pushes &&
	       (rep->pushes->count >= PUSHES_MAX || rep->pushes->bytes >= PLACES_BYTES);
}

static struct push *push_find(struct reload_replica *rep, const struct reload_push_to *to,
	const struct reload_id *resource)
{
	struct receiver *r = receiver_find(rep, &to->node);
	struct push want = { .receiver = r, .resource = *resource, .order = to->order };
	struct push *u = RB_FIND(push_tree, &rep->pushes->tree, &want);
	if (u)
		return u;
	if (!to->order && reload_push_full(rep)) {
		receiver_release(rep, r);
		return NULL;
	}
	u = RELOAD_NEW(push);
	*u = (struct push){ .replica = rep,
		.receiver = r,
		.order = to->order,
		.resource = *resource,
		.once = to->once };
	RB_INSERT(push_tree, &rep->pushes->tree, u);
	r->pushes++;
	rep->pushes->count++;
	if (u->order)
		u->order->under_way++;
	return u;
}

static void push_free(struct push *u)
{
	struct reload_replica *rep = u->replica;
	rep->pushes->bytes -= waiting_bytes(u);
	reload_places_clear(&u->fresh);
	reload_places_clear(&u->refused);
	ready_set(u);
	reload_timer_cancel(&rep->engine->timers, &u->timer);
	RB_REMOVE(push_tree, &rep->pushes->tree, u);
	u->receiver->pushes--;
	rep->pushes->count--;
	if (u->order)
		u->order->under_way--;
	receiver_release(rep, u->receiver);
	free(u);
}

void reload_push_clear(struct reload_replica *rep)
{
	struct message *m;
	struct push *u;
	if (!rep->pushes)
		return;
	while ((m = TAILQ_FIRST(&rep->pushes->messages))) {
		TAILQ_REMOVE(&rep->pushes->messages, m, entry);
		for (struct reload_place *place; (place = m->places);) {
			m->places = place->next;
			free(place);
		}
		free(m);
	}
	while ((u = RB_MIN(push_tree, &rep->pushes->tree)))
		push_free(u);
	reload_lapsed_note_clear(&rep->pushes->lapsed);
	free(TAKE(rep->pushes));
}

/* -- one StoreReq ------------------------------------------------------------------------------------------------------------ */

/* Takes places out of u->fresh until the message is full; what is not held any more, or not trusted, is left out. */
static struct reload_place *fill_message(struct reload_push_message *b, struct push *u)
{
	struct reload_replica *rep = u->replica;
	struct reload_place *place, *list = NULL;
	size_t before = u->fresh.bytes;
	while ((place = reload_places_first(&u->fresh))) {
		uint64_t generation = rep->storage->ops->generation(
			rep->storage, &u->resource, place->kind, rep->engine->wall);
		const struct reload_stored_entry *e =
			generation && reload_config_kind(rep->engine->config, place->kind)
				? rep->storage->ops->find(rep->storage, &u->resource, place->kind,
					  &place->value, rep->engine->wall)
				: NULL;
		if (e && reload_lapsed_note_has(&rep->pushes->lapsed, rep->engine,
				 reload_exchange_certificates(rep->exchange), e))
			e = NULL;
		if (e && !reload_push_message_add(b, place->kind, generation, e))
			break;
		reload_places_remove(&u->fresh, place);
		if (!e) {
			free(place);
			continue;
		}
		place->next = list;
		list = place;
	}
	rep->pushes->bytes -= before - u->fresh.bytes;
	return list;
}

static void store_answered(void *arg, struct reload_request *r, const struct reload_result *result);
static void push_advance(struct push *u);

/* Sends one message of u, or finds that there is nothing to send; u may be gone then. */
static void message_send(struct push *u)
{
	struct reload_replica *rep = u->replica;
	struct reload_push_message b;
	reload_push_message_begin(&b, rep->engine, rep->exchange);
	struct reload_place *places = fill_message(&b, u);
	ready_set(u);
	if (!places) {
		push_advance(u);
		return;
	}
	struct reload_destination to = reload_dest_node(&u->receiver->node);
	struct reload_store_req req = { .resource = reload_id_span(&u->resource),
		.replica_number = u->replica_number,
		.kind_data = b.kinds,
		.kind_data_count = b.kinds_count };
	struct message *m = RELOAD_NEW(message);
	*m = (struct message){ .push = u, .places = places, .sent_at = rep->engine->now };
	TAILQ_INSERT_TAIL(&rep->pushes->messages, m, entry);
	u->under_way++;
	u->receiver->under_way++;
	struct reload_request *r =
		reload_request_internal(rep->exchange, RELOAD_STORE_REQ, &to, 1, store_answered, m);
	wr_span(&r->certificates, wr_done(&b.certificates));
	reload_request_send(r, &req); /* may end at once */
	reload_push_message_clear(&b);
}

/* -- sending in turn ----------------------------------------------------------------------------------------------------------- */

static void receiver_send(struct reload_replica *rep, struct receiver *r)
{
	struct push *u;
	if (r->sending)
		return; /* a Store ended at once: the loop below goes on */
	r->sending = true;
	while (r->under_way < r->window && (u = TAILQ_FIRST(&r->ready))) {
		TAILQ_REMOVE(&r->ready, u,
			ready); /* the others first: one large resource holds nobody up */
		TAILQ_INSERT_TAIL(&r->ready, u, ready);
		message_send(u);
	}
	r->sending = false;
	receiver_release(rep, r);
}

/* -- what became of them -------------------------------------------------------------------------------------------------------- */

bool reload_push_is_replica(struct reload_replica *rep, const struct reload_id *node)
{
	struct reload_id replicas[2];
	return reload_id_listed(
		replicas, rep->route->topology->replicas(rep->route->plugin, replicas), node);
}

/* Whether the receiver is still to have what it did not take. */
static bool still_wanted(const struct push *u)
{
	struct reload_replica *rep = u->replica;
	if (u->order)
		return u->order->still_wanted(u->order);
	return rep->mode == RELOAD_REPLICA_SERVING &&
	       reload_push_is_replica(rep, &u->receiver->node) &&
	       (u->from_order ||
		       rep->route->topology->responsible(rep->route->plugin, &u->resource));
}

/* The fresh places of u have changed: they are sent in their turn; u may end. */
static void send_fresh(struct push *u)
{
	struct reload_replica *rep = u->replica;
	struct receiver *r = u->receiver;
	ready_set(u);
	r->pushes++; /* held: u may end here */
	push_advance(u);
	receiver_send(rep, r);
	r->pushes--;
	receiver_release(rep, r);
}

static void resend_refused(void *arg)
{
	struct push *u = arg;
	struct reload_replica *rep = u->replica;
	bool wanted = still_wanted(u);
	size_t before = waiting_bytes(u);
	if (wanted)
		reload_places_move(&u->fresh, &u->refused);
	else
		reload_places_clear(&u->refused);
	rep->pushes->bytes -= before - waiting_bytes(u); /* places in both sets were merged */
	send_fresh(u);
}

static void pause_before_resend(struct push *u)
{
	struct reload_replica *rep = u->replica;
	reload_ms first = u->order && u->order->pause_ms ? u->order->pause_ms : RETRY_PAUSE_MS;
	reload_ms pause = reload_doubled(first, u->attempts - 1, RETRY_PAUSE_MAX_MS) +
			  reload_engine_random_ms(rep->engine, first);
	reload_timer_arm(
		&rep->engine->timers, &u->timer, rep->engine->now + pause, resend_refused, u);
}

/* The order ends without these places; they go on by themselves, joined with what waits for the same receiver already. */
static void leave_order(struct push *u)
{
	struct reload_replica *rep = u->replica;
	struct reload_push_order *order = u->order;
	struct reload_push_to to = { .node = u->receiver->node,
		.replica_number = u->replica_number };
	order->given_up++;
	if (!order->retries_later(order)) {
		push_free(u);
		return;
	}
	struct push *other = push_find(rep, &to, &u->resource);
	if (!other) {
		order->places_lost = true;
		push_free(u);
		return;
	}
	size_t before = waiting_bytes(u) + waiting_bytes(other);
	reload_places_move(&other->refused, &u->refused);
	rep->pushes->bytes -= before - waiting_bytes(u) - waiting_bytes(other);
	other->replica_number = u->replica_number;
	other->from_order = true;
	push_free(u);
	if (other->timer.armed)
		return; /* it goes with what waits there */
	other->rounds++;
	reload_timer_arm(&rep->engine->timers, &other->timer,
		rep->engine->now + reload_engine_jitter(rep->engine, ROUND_MS), resend_refused,
		other);
}

reload_ms reload_push_round_pause(unsigned rounds)
{
	return reload_doubled(ROUND_MS, rounds, ROUND_MAX_MS);
}

static void pause_before_round(struct push *u)
{
	struct reload_replica *rep = u->replica;
	reload_ms pause = reload_push_round_pause(u->rounds++);
	reload_timer_arm(&rep->engine->timers, &u->timer,
		rep->engine->now + reload_engine_jitter(rep->engine, pause), resend_refused, u);
}

/* Nothing of u is under way or to be sent: it is through, or refused places wait for their time. */
static void push_advance(struct push *u)
{
	struct reload_push_order *order = u->order;
	if (u->under_way || u->fresh.count || u->timer.armed)
		return;
	if (!u->refused.count) {
		push_free(u);
	} else if (!still_wanted(u)) {
		push_free(u);
	} else if (++u->attempts < (order ? order->attempts : ATTEMPTS)) {
		pause_before_resend(u);
		return;
	} else if (order) {
		leave_order(u);
	} else {
		pause_before_round(u);
	}
	if (order)
		order->progress(order);
}

/*
 * One of these answers may be another one later: tables differ, the peer is busy, what it has is fetched from it first, or a newer configuration has not
 * reached both yet.
 */
static bool may_change(enum reload_err err)
{
	return err == RELOAD_CONFIG_TOO_OLD || err == RELOAD_CONFIG_TOO_NEW ||
	       err == RELOAD_FORBIDDEN || err == RELOAD_TIMEOUT || err == RELOAD_REQUEST_TIMEOUT ||
	       err == RELOAD_DATA_TOO_OLD || err == RELOAD_GENERATION_TOO_LOW;
}

static void message_end(struct message *m, bool resend_refused)
{
	struct push *u = m->push;
	struct reload_replica *rep = u->replica;
	size_t before = u->refused.bytes;
	bool full = rep->pushes->bytes >= PLACES_BYTES;
	if (resend_refused && full && u->order) {
		u->order->given_up++;
		u->order->places_lost = true;
	} else if (resend_refused && full) {
		rep->push_watch.no_room(rep, &u->receiver->node, u->replica_number);
	}
	for (struct reload_place *place; (place = m->places);) {
		m->places = place->next;
		if (resend_refused && !full)
			reload_places_put(&u->refused, place);
		else
			free(place);
	}
	rep->pushes->bytes += u->refused.bytes - before;
	TAILQ_REMOVE(&rep->pushes->messages, m, entry);
	free(m);
}

/* However many of the messages that were under way together had to be sent again, the window is halved once. */
static void window_set(struct reload_replica *rep, const struct message *m, bool again)
{
	struct receiver *r = m->push->receiver;
	if (again && m->sent_at >= r->halved_at) {
		r->window = r->window > 2 * WINDOW_MIN ? r->window / 2 : WINDOW_MIN;
		r->halved_at = rep->engine->now;
	} else if (!again && r->window < WINDOW) {
		r->window++;
	}
}

static void store_answered(void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct message *m = arg;
	struct push *u = m->push;
	struct reload_replica *rep = u->replica;
	(void)r;
	struct receiver *to = u->receiver;
	struct reload_push_order *order = u->order;
	enum reload_err err = result->err;
	if (err)
		reload_engine_event(
			rep->engine, &(struct reload_event){ .type = RELOAD_EV_REPLICA_FAILED,
					     .err = err,
					     .transaction = result->transaction,
					     .node = &to->node,
					     .resource = &u->resource,
					     .count = u->attempts });
	if (rep->mode == RELOAD_REPLICA_SERVING &&
		(err == RELOAD_DATA_TOO_OLD || err == RELOAD_GENERATION_TOO_LOW))
		rep->push_watch.outdated(
			rep, &to->node, &u->resource, m->places); /* R-7.4.1.1-22 */
	bool here = rep->mode == RELOAD_REPLICA_SERVING ||
		    (rep->mode == RELOAD_REPLICA_LEAVING && order);
	if (order && err == RELOAD_REQUEST_TIMEOUT)
		order->unwritable = true;
	u->under_way--;
	to->under_way--;
	window_set(rep, m, result->transmissions > 1);
	to->pushes++; /* held: u may end here */
	message_end(m, err && here && !u->once && may_change(err));
	if (!err)
		u->rounds = 0;
	bool last = !u->under_way && !u->fresh.count && !u->timer.armed;
	push_advance(u);
	if (order && !last) /* else settle() did, or a pause began */
		order->progress(order);
	receiver_send(rep, to);
	to->pushes--;
	receiver_release(rep, to);
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
	struct reload_replica *rep = u->replica;
	rep->pushes->bytes += u->fresh.bytes - before;
	u->replica_number = to->replica_number;
	u->once &= to->once;
	send_fresh(u);
}

bool reload_push_batch(struct reload_replica *rep, const struct reload_push_to *to,
	const struct reload_store_batch *batch)
{
	struct push *u = push_find(rep, to, &batch->resource);
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

bool reload_push_places(struct reload_replica *rep, const struct reload_push_to *to,
	const struct reload_id *resource, struct reload_places *places)
{
	struct push *u = push_find(rep, to, resource);
	if (!u)
		return false;
	size_t before = u->fresh.bytes;
	reload_places_move(&u->fresh, places);
	added(u, to, before);
	return true;
}

bool reload_push_resource(struct reload_replica *rep, const struct reload_push_to *to,
	const struct reload_id *resource)
{
	uint32_t kinds[RELOAD_PUSH_KINDS_MAX];
	struct push *u = push_find(rep, to, resource);
	if (!u)
		return false;
	size_t before = u->fresh.bytes;
	size_t count = rep->storage->ops->kinds(
		rep->storage, resource, rep->engine->wall, kinds, COUNT_OF(kinds));
	for (size_t i = 0; i < count; i++)
		rep->storage->ops->each(rep->storage, resource, kinds[i], rep->engine->wall,
			add_place, &(struct adding){ .push = u, .kind = kinds[i] });
	added(u, to, before);
	return true;
}
