#include "replica/internal.h"
#include "replica/push.h"

/*
 * Moving data: ranges handed over to another peer, and replicas of what was just stored (RFC 6940 s10.4, s10.5, s10.7.3).
 *
 * A hand-over walks the resources of a range in order and gives one after the other to replica/push.h, the next one when the messages
 * of those before are on their way.  What is stored in the part already walked during the hand-over of a Join or of this node's own Leave is sent
 * as well (CHORD-11): at most a place for each value held.  A hand-over ends early when the link to its node is gone: the plug-in orders it anew
 * when the node is back.
 *
 * Limits: HANDOVERS_MAX orders that no Joining Node waits for; more are not made, and the next change of the ring repairs.  RESOURCES_MAX
 * resources of one hand-over that are not through, or one while too much waits (reload_push_full()); then the walk waits for
 * them.  An order that is repeated while it is under way begins anew.
 */

enum {
	HANDOVERS_MAX = 256,
	RESOURCES_MAX = 1024,
	ATTEMPTS = 12,
	ATTEMPTS_JOIN = 5,      /* a Joining Node waits for the end */
	GIVEN_LATELY_MS = 5000, /* longer than a Leave takes */
	LAST_PAUSE_MS = 100     /* before this node leaves, which takes two seconds at most */
};

struct handover {
	struct reload_push_order order; /* first */
	TAILQ_ENTRY(handover) entry;
	struct reload_replica *replica;
	struct reload_id from, to, at; /* at: where the walk stands, begins at from */
	struct reload_id node;
	uint8_t replica_number;
	bool report_end, walked, walking;
	bool last;       /* before this node leaves */
	unsigned rounds; /* walks made anew, as something was lost */
	uint64_t sent;   /* resources */
	struct reload_timer timer;
};

static void handover_advance(struct handover *h);

static void handover_free(struct handover *h)
{
	TAILQ_REMOVE(&h->replica->handovers, h, entry);
	h->replica->handovers_count -= !h->report_end;
	reload_timer_cancel(&h->replica->engine->timers, &h->timer);
	free(h);
}

static void handover_end(struct handover *h)
{
	struct reload_replica *rep = h->replica;
	struct reload_id node = h->node;
	bool report_end = h->report_end, unwritable = h->order.unwritable && h->order.given_up;
	struct reload_connection *con = reload_connection_by_node(rep->connections, &node);
	if (h->sent)
		reload_engine_event(rep->engine,
			&(struct reload_event){
				.type = RELOAD_EV_TRANSFER_DONE, .node = &node, .count = h->sent });
	handover_free(h);
	if (report_end && unwritable && con) /* it would answer for what it does not have */
		reload_link_drop(rep->connections, con, RELOAD_IO);
	else if (report_end)
		rep->route->topology->handed_over(rep->route->plugin, &node);
	rep->watch->moved(rep->watch_arg);
}

void reload_transfer_clear(struct reload_replica *rep)
{
	struct handover *h;
	reload_push_clear(rep);
	while ((h = TAILQ_FIRST(&rep->handovers)))
		handover_free(h);
}

/*
 * Who is still sent data:
 *   the new owner, whose Node-ID ends the range, and a Joining Node;
 *   a member of the replica set;
 *   the predecessor, which is given the replicas of its own predecessor.
 */
static bool handover_wanted(const struct handover *h)
{
	struct reload_replica *rep = h->replica;
	if (!reload_connection_by_node(rep->connections, &h->node))
		return false;
	if (rep->mode == RELOAD_REPLICA_SERVING)
		return h->report_end || reload_id_eq(&h->to, &h->node) ||
		       reload_push_is_replica(rep, &h->node) ||
		       reload_topology_is_predecessor(
			       rep->route->topology, rep->route->plugin, &h->node);
	return rep->mode == RELOAD_REPLICA_LEAVING;
}

static bool order_wanted(const struct reload_push_order *order)
{
	return handover_wanted((const struct handover *)order);
}

/* What a member of the replica set did not take, it is sent again: it may have been wrong about the ring for minutes. */
static bool order_keep(const struct reload_push_order *order)
{
	const struct handover *h = (const struct handover *)order;
	return !h->report_end && h->replica->mode == RELOAD_REPLICA_SERVING &&
	       reload_push_is_replica(h->replica, &h->node);
}

static void order_progress(struct reload_push_order *order)
{
	handover_advance((struct handover *)order);
}

/* -- ranges ------------------------------------------------------------------------------------------------------------------- */

static struct reload_push_to receiver_of(struct handover *h)
{
	return (struct reload_push_to){
		.node = h->node, .replica_number = h->replica_number, .order = &h->order
	};
}

static void handover_send(struct handover *h, const struct reload_id *resource)
{
	struct reload_push_to to = receiver_of(h);
	if (!h->sent++)
		reload_engine_event(h->replica->engine,
			&(struct reload_event){
				.type = RELOAD_EV_TRANSFER_STARTED, .node = &h->node });
	reload_push_resource(h->replica, &to, resource);
}

/* One resource at least is under way; more only while there is room for what waits. */
static bool may_add(const struct handover *h)
{
	return !h->order.under_way ||
	       (h->order.under_way < RESOURCES_MAX && !reload_push_full(h->replica));
}

static void handover_start(void *arg)
{
	handover_advance(arg);
}

/* The plug-in is not called back from inside its own call. */
static void handover_schedule(struct handover *h, reload_ms pause)
{
	reload_timer_arm(&h->replica->engine->timers, &h->timer, h->replica->engine->now + pause,
		handover_start, h);
}

/* Who lacks what was lost refused it, or was silent: the pauses double. */
static void walk_again(struct handover *h)
{
	h->walked = h->order.places_lost = false;
	h->at = h->from;
	handover_schedule(h, reload_push_round_pause(h->rounds++));
}

static void handover_advance(struct handover *h)
{
	struct reload_replica *rep = h->replica;
	if (h->walking)
		return; /* a Store ended at once: the loop below goes on */
	h->walking = true;
	h->walked = h->walked || !handover_wanted(h);
	while (!h->walked && !h->order.to_send && may_add(h) &&
		reload_walk_next(rep, &h->at, &h->to, &h->walked))
		handover_send(h, &h->at);
	h->walking = false;
	if (!h->walked || h->order.under_way)
		return;
	if (h->order.places_lost && !h->report_end && handover_wanted(h))
		walk_again(h);
	else
		handover_end(h);
}

void reload_transfer_stored(struct reload_replica *rep, const struct reload_store_batch *batch)
{
	const struct reload_id *resource = &batch->resource;
	struct handover *h;
	TAILQ_FOREACH (h, &rep->handovers, entry) {
		bool ahead = !h->walked && reload_id_between(&h->at, resource, &h->to);
		if (!(h->report_end || h->last) || ahead ||
			!reload_id_between(&h->from, resource, &h->to) || !handover_wanted(h))
			continue;
		struct reload_push_to to = receiver_of(h);
		h->sent++;
		h->walking = true; /* a Store that ends at once must not end the hand-over */
		reload_push_batch(rep, &to, batch);
		h->walking = false;
		handover_schedule(h, 0);
	}
}

void reload_transfer_given(
	struct reload_replica *rep, const struct reload_id *resource, struct reload_places *places)
{
	struct handover *h;
	TAILQ_FOREACH (h, &rep->handovers, entry) {
		if (!h->last || reload_id_between(&h->from, resource, &h->to) ||
			!handover_wanted(h))
			continue;
		struct reload_push_to to = receiver_of(h);
		h->sent++;
		h->walking = true; /* as above */
		(void)reload_push_places(
			rep, &to, resource, places); /* never refused in an order */
		h->walking = false;
		handover_schedule(h, 0);
		return;
	}
}

/* An order of that kind that is under way: to a Joining Node there is one, whatever its range. */
static struct handover *handover_find(struct reload_replica *rep, const struct reload_id *from,
	const struct reload_id *to, const struct reload_id *node, bool done)
{
	struct handover *h;
	TAILQ_FOREACH (h, &rep->handovers, entry)
		if (h->report_end == done && reload_id_eq(&h->node, node) &&
			(done || (reload_id_eq(&h->from, from) && reload_id_eq(&h->to, to))))
			return h;
	return NULL;
}

/* NULL: there are too many. */
static struct handover *handover_order(struct reload_replica *rep, const struct reload_id *from,
	const struct reload_id *to, const struct reload_id *node, uint8_t replica_number, bool done)
{
	struct handover *h = handover_find(rep, from, to, node, done);
	if (!h && !done && rep->handovers_count >= HANDOVERS_MAX)
		return NULL;
	if (!h) {
		h = RELOAD_NEW(handover);
		*h = (struct handover){ .replica = rep, .node = *node, .report_end = done };
		h->order = (struct reload_push_order){ .number = ++rep->handovers_ever,
			.attempts = done ? ATTEMPTS_JOIN : ATTEMPTS,
			.still_wanted = order_wanted,
			.retries_later = order_keep,
			.progress = order_progress };
		TAILQ_INSERT_TAIL(&rep->handovers, h, entry);
		rep->handovers_count += !done;
	}
	h->order.places_lost = false;
	h->from = h->at = *from;
	h->to = *to;
	h->replica_number = replica_number;
	h->walked = false;
	handover_schedule(h, 0);
	return h;
}

void reload_transfer_range(struct reload_replica *rep, const struct reload_id *from,
	const struct reload_id *to, const struct reload_id *node, uint8_t replica_number, bool done)
{
	(void)handover_order(rep, from, to, node, replica_number, done);
}

bool reload_transfer_moving(const struct reload_replica *rep)
{
	const struct handover *h;
	TAILQ_FOREACH (h, &rep->handovers, entry)
		if (h->report_end || h->last)
			return true;
	return false;
}

/* The first successor that has not fallen silent, or else the first of all with a link; NULL: there is none. */
static const struct reload_id *next_owner(struct reload_replica *rep)
{
	struct reload_topology_tables tables;
	const struct reload_id *silent = NULL;
	rep->route->topology->tables(rep->route->plugin, &tables);
	for (size_t i = 0; i < tables.successors_count; i++) {
		const struct reload_connection *con =
			reload_connection_by_node(rep->connections, &tables.successors[i]);
		if (con && con->good)
			return &tables.successors[i];
		if (con && !silent)
			silent = &tables.successors[i];
	}
	return silent;
}

bool reload_transfer_leaves(struct reload_replica *rep)
{
	return rep->mode == RELOAD_REPLICA_LEAVING && next_owner(rep);
}

/* Hands (from, to] to node, or what of that it is not being given yet. */
static void hand_last(struct reload_replica *rep, const struct reload_id *node,
	const struct reload_id *from, struct reload_id to)
{
	struct handover *h;
	TAILQ_FOREACH (h, &rep->handovers, entry) {
		h->last = h->last && reload_id_eq(&h->node, node);
		if (!h->last)
			continue;
		if (reload_id_eq(&h->from, from) || reload_id_between(&h->from, from, &h->to))
			return;
		to = h->from;
	}
	h = handover_order(rep, from, &to, node, 1, false);
	if (!h)
		return;
	h->last = true;
	h->order.pause_ms = LAST_PAUSE_MS;
}

/*
 * A predecessor that has lately given us what is its own may have left, though its Leave is still on its way: then who is next after both has
 * that from nobody else.
 */
void reload_transfer_own_range(struct reload_replica *rep)
{
	struct reload_topology_tables tables;
	struct reload_id from, to;
	const struct reload_id *node = next_owner(rep);
	if (!node || !rep->route->topology->range(rep->route->plugin, &from, &to))
		return;
	hand_last(rep, node, &from, to);
	rep->route->topology->tables(rep->route->plugin, &tables);
	if (rep->given_at && rep->engine->now - rep->given_at < GIVEN_LATELY_MS &&
		tables.predecessors_count > 1 && reload_id_eq(&from, &tables.predecessors[0]))
		hand_last(rep, node, &tables.predecessors[1], to);
}

void reload_transfer_replica_range(
	struct reload_replica *rep, const struct reload_id *node, uint8_t replica_number)
{
	struct reload_id from, to;
	if (rep->route->topology->range(rep->route->plugin, &from, &to))
		reload_transfer_range(rep, &from, &to, node, replica_number, false);
}

void reload_transfer_replicate(struct reload_replica *rep, const struct reload_store_batch *batch,
	const struct reload_id *replicas, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct reload_push_to to = { .node = replicas[i],
			.replica_number = (uint8_t)(i + 1) };
		if (!reload_push_batch(rep, &to, batch))
			reload_transfer_replica_range(rep, &to.node, to.replica_number);
	}
}

void reload_transfer_places(struct reload_replica *rep, const struct reload_id *resource,
	const struct reload_id *node, struct reload_places *lacks)
{
	struct reload_push_to to = { .node = *node, .replica_number = 1, .once = true };
	if (!reload_push_places(rep, &to, resource, lacks)) /* then the next round asks again */
		reload_places_clear(lacks);
}
