/*
 * CHORD-RELOAD (RFC 6940 s10) behind the table of topology.h: life, links and the order in which an event takes effect.
 * What s6.4.1 wants described stands at the top of the files: joining in chord_join.c and chord_admit.c; stabilisation in
 * chord_update.c (Updates, their causes and their frequency), chord_pending.c (who is attached to and how failures are met),
 * chord_finger.c, chord_repair.c (the lost successor) and chord_partition.c; leaving in chord_update.c; routing and responsibility in chord_route.c; replication in chord_data.c.
 * Resource-IDs are 128 bits long: SHA-1 of the Resource Name, truncated (s10.2); so node-id-length must be 16 (CHORD-05).
 * JoinReq and JoinAns carry no data of this algorithm.
 *
 * State: DETACHED -> ATTACHING -> JOINING -> JOINED, or FAILED; first() goes to JOINED directly.  A disconnected peer is
 * found by the link layer (disconnected) or by an Update that is not answered (update_failed).  Every event ends in
 * reload_chord_after().
 *
 * Links: each connected node has a row.  It becomes a peer (member of the Routing Table) by an Update over its own link.
 * Neighbours are the nearest peers, reload_chord_goal() on each side, so a lost neighbour is replaced by the next best at once
 * (s10.7.1).  A link that the link layer doubts carries nothing for others until it is good again, but keeps its place in
 * the Neighbor Table: only a lost link moves responsibility.
 *
 * Having lost all peers: when the last one knew nobody but us we are the whole overlay (CHORD-09); otherwise we are cut
 * off, answer for nothing and report FAILED, so that the host joins again (s10.7.1).
 */
#include "topology/chord.h"

reload_ms reload_chord_now(struct reload_topology *t)
{
	return t->host.now(t->host.arg);
}

reload_ms reload_chord_jitter(struct reload_topology *t, reload_ms ms)
{
	uint32_t r;
	t->host.random(t->host.arg, &r, sizeof(r));
	return ms / 2 + (ms ? r % (ms + 1) : 0);
}

reload_ms reload_chord_backoff(struct reload_topology *t, unsigned failures)
{
	return reload_chord_jitter(
		t, reload_doubled(CHORD_BACKOFF_MS, failures, CHORD_BACKOFF_MAX_MS));
}

void reload_chord_timer(
	struct reload_topology *t, struct reload_timer *timer, reload_ms due, void (*fn)(void *arg))
{
	if (due == RELOAD_NEVER)
		reload_timer_cancel(t->host.timers, timer);
	else
		reload_timer_arm(t->host.timers, timer, due, fn, t);
}

static size_t link_lower(const struct reload_topology *t, const struct reload_id *id)
{
	size_t lo = 0, hi = t->links_count;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (memcmp(t->links[mid].id.at, id->at, CHORD_ID_LEN) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct chord_link *reload_chord_link_find(struct reload_topology *t, const struct reload_id *id)
{
	size_t i = link_lower(t, id);
	return i < t->links_count && reload_id_eq(&t->links[i].id, id) ? &t->links[i] : NULL;
}

struct chord_link *reload_chord_link_add(struct reload_topology *t, const struct reload_id *id)
{
	struct chord_link *link = reload_chord_link_find(t, id);
	if (link || t->links_count == CHORD_LINKS_MAX || id->len != CHORD_ID_LEN ||
		reload_id_eq(id, &t->self))
		return link;
	size_t i = link_lower(t, id);
	reload_grow(&t->links, &t->links_cap, t->links_count, sizeof(*t->links));
	memmove(t->links + i + 1, t->links + i, (t->links_count - i) * sizeof(*t->links));
	t->links[i] = (struct chord_link){ .id = *id };
	t->links_count++;
	return &t->links[i];
}

void reload_chord_link_drop(struct reload_topology *t, struct chord_link *link)
{
	size_t i = (size_t)(link - t->links);
	memmove(link, link + 1, (t->links_count - i - 1) * sizeof(*link));
	t->links_count--;
}

bool reload_chord_link_ready(struct reload_topology *t, struct chord_link *link, bool ready)
{
	bool news = link->ready != ready;
	if (!ready && link->neighbour)
		reload_chord_past_went(t, &link->id);
	if (!ready)
		reload_chord_damp_went(t, link);
	link->ready = ready;
	if (news)
		t->peers_changed = t->stirred = true;
	if (!ready) {
		link->neighbour = link->lists_us = link->handed = link->asked = link->sole =
			link->listed = false;
		link->offered.len = 0;
		reload_chord_set_remove(&t->peers, &link->id);
		reload_chord_set_remove(&t->route, &link->id);
		return news;
	}
	reload_chord_set_add(&t->peers, &link->id);
	if (!link->bad)
		reload_chord_set_add(&t->route, &link->id);
	return news;
}

void reload_chord_set_state(
	struct reload_topology *t, enum reload_topology_state state, const struct reload_id *other)
{
	if (t->state == state)
		return;
	t->state = state;
	t->stirred = true;
	t->host.state(t->host.arg, state, other);
}

bool reload_chord_whole(const struct reload_topology *t)
{
	return t->predecessors_count < CHORD_NEIGHBOURS_MIN ||
	       reload_id_listed(t->predecessors, t->predecessors_count,
		       &t->successors[t->successors_count - 1]);
}

static bool differ(
	const struct reload_id *a, size_t a_count, const struct reload_id *b, size_t b_count)
{
	if (a_count != b_count)
		return true;
	for (size_t i = 0; i < a_count; i++)
		if (!reload_id_eq(&a[i], &b[i]))
			return true;
	return false;
}

/* Recomputes one list of the tables; tells whether it changed. */
static bool replace(
	struct reload_id *list, size_t *count, const struct reload_id *with, size_t with_count)
{
	if (!differ(list, *count, with, with_count))
		return false;
	memcpy(list, with, with_count * sizeof(*list));
	*count = with_count;
	return true;
}

static bool refresh_neighbours(struct reload_topology *t)
{
	struct reload_id list[CHORD_NEIGHBOURS_MAX];
	size_t goal = reload_chord_goal(&t->peers, &t->self);
	size_t n = reload_chord_set_before(&t->peers, &t->self, list, goal);
	bool changed = replace(t->predecessors, &t->predecessors_count, list, n);
	n = reload_chord_set_after(&t->peers, &t->self, list, goal);
	return replace(t->successors, &t->successors_count, list, n) || changed;
}

static bool refresh_fingers(struct reload_topology *t)
{
	struct reload_id list[CHORD_FINGERS_MAX];
	size_t n = reload_chord_set_fingers(&t->peers, &t->self, list);
	while (t->fingers_cap < n)
		reload_grow(&t->fingers, &t->fingers_cap, t->fingers_cap, sizeof(*t->fingers));
	return replace(t->fingers, &t->fingers_count, list, n);
}

static void mark(struct reload_topology *t, const struct reload_id *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct chord_link *link = reload_chord_link_find(t, &list[i]);
		if (link->neighbour)
			continue;
		link->neighbour = true;
		link->periodic = reload_chord_now(t) + reload_chord_jitter(t, t->update_interval);
		t->update_due = 0;
		reload_chord_past_came(t);
	}
}

static void mark_neighbours(struct reload_topology *t)
{
	for (size_t i = 0; i < t->links_count; i++) {
		struct chord_link *link = &t->links[i];
		if (!link->neighbour ||
			reload_id_listed(t->predecessors, t->predecessors_count, &link->id) ||
			reload_id_listed(t->successors, t->successors_count, &link->id))
			continue;
		link->neighbour = false;
		reload_chord_past_went(t, &link->id);
	}
	mark(t, t->predecessors, t->predecessors_count);
	mark(t, t->successors, t->successors_count);
}

void reload_chord_refresh(struct reload_topology *t)
{
	bool had_peers = t->predecessors_count > 0;
	bool neighbours = false, fingers = false;
	if (t->peers_changed) {
		t->peers_changed = false;
		neighbours = refresh_neighbours(t);
		fingers = refresh_fingers(t);
		mark_neighbours(t);
	}
	if (t->bound.len && (reload_chord_set_has(&t->peers, &t->bound) ||
				    !reload_chord_pending_likely(t, &t->bound)))
		t->bound.len = 0;
	if (t->state == RELOAD_TOPOLOGY_JOINED && had_peers && !t->peers.count && !t->alone)
		reload_chord_join_fail(t);
	bool range = reload_chord_data_refresh(t);
	if (neighbours || range)
		t->version++;
	if (fingers) /* of a merge far from here they are all that this node sees */
		reload_chord_past_came(t);
	if (neighbours || fingers)
		t->host.tables_changed(t->host.arg);
	if (t->state == RELOAD_TOPOLOGY_JOINED && (range || (neighbours && t->reactive)))
		reload_chord_update_all_dirty(t);
}

void reload_chord_after(struct reload_topology *t)
{
	reload_chord_admit_step(t);
	reload_chord_refresh(t);
	reload_chord_repair_step(t);
	reload_chord_pending_pump(t);
	reload_chord_join_step(t);
	reload_chord_finger_step(t);
	reload_chord_check_step(t);
	reload_chord_update_flush(t);
}

static reload_ms interval(uint32_t s)
{
	return (s ? s : 1) * (reload_ms)RELOAD_SECOND;
}

static void configure(struct reload_topology *t, const struct reload_config *config)
{
	t->reactive = config->chord_reactive;
	t->update_interval = interval(config->chord_update_interval_s);
	t->ping_interval = interval(config->chord_ping_interval_s);
}

static struct reload_topology *new (const struct reload_config *config,
	const struct reload_id *self, const struct reload_topology_host *host)
{
	if (config->node_id_len != CHORD_ID_LEN || self->len != CHORD_ID_LEN)
		return NULL;
	struct reload_topology *t = RELOAD_NEW(reload_topology);
	t->host = *host;
	t->self = *self;
	t->version = 1;
	t->born = reload_chord_now(t);
	configure(t, config);
	return t;
}

static void free_chord(struct reload_topology *t)
{
	if (!t)
		return;
	reload_timer_cancel(t->host.timers, &t->join_timer);
	reload_timer_cancel(t->host.timers, &t->finger_timer);
	reload_timer_cancel(t->host.timers, &t->search_timer);
	reload_timer_cancel(t->host.timers, &t->check.timer);
	reload_timer_cancel(t->host.timers, &t->repair.timer);
	reload_timer_cancel(t->host.timers, &t->pending_timer);
	reload_timer_cancel(t->host.timers, &t->update_timer);
	reload_timer_cancel(t->host.timers, &t->data_timer);
	reload_timer_cancel(t->host.timers, &t->drop_timer);
	reload_chord_set_clear(&t->peers);
	reload_chord_set_clear(&t->route);
	reload_chord_admit_stop(t);
	free(t->damps);
	free(t->links);
	free(t->pending);
	free(t->informants);
	free(t->past);
	free(t->fingers);
	free(t);
}

static void first(struct reload_topology *t)
{
	reload_chord_join_stop(t);
	t->announced = true;
	reload_chord_set_state(t, RELOAD_TOPOLOGY_JOINED, NULL);
	reload_chord_after(t);
}

static void join(struct reload_topology *t, const struct reload_id *bootstrap)
{
	if (!reload_chord_link_add(t, bootstrap))
		return;
	reload_chord_join_start(t, bootstrap);
	reload_chord_after(t);
}

static void leave(struct reload_topology *t)
{
	reload_chord_leave(t);
	reload_chord_after(t);
}

static enum reload_topology_state get_state(const struct reload_topology *t)
{
	return t->state;
}

static void connected(struct reload_topology *t, const struct reload_id *node)
{
	if (reload_chord_link_add(t, node))
		reload_chord_pending_connected(t, node);
	reload_chord_after(t);
}

static void lost(struct reload_topology *t, struct chord_link *link)
{
	struct reload_id node = link->id;
	bool was_peer = link->ready;
	if (was_peer)
		t->alone = link->sole;
	if (was_peer) {
		reload_chord_data_failed(t, &node);
		reload_chord_finger_lost(t, &node);
		reload_chord_check_lost(t, &node);
		reload_chord_repair_lost(t, &node);
	}
	reload_chord_link_ready(t, link, false);
	reload_chord_link_drop(t, link);
	reload_chord_pending_lost(t, &node, was_peer, false);
	reload_chord_admit_lost(t, &node);
	reload_chord_join_lost(t, &node);
}

static void disconnected(struct reload_topology *t, const struct reload_id *node)
{
	struct chord_link *link = reload_chord_link_find(t, node);
	if (link)
		lost(t, link);
	reload_chord_after(t);
}

static void attached(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *node)
{
	struct chord_link *link = err ? NULL : reload_chord_link_add(t, node);
	if (!err && !link)
		err = RELOAD_LIMIT;
	bool repair = reload_chord_repair_attached(t, cookie, err, node);
	bool ours = reload_chord_join_attached(t, cookie, err, node) ||
		    reload_chord_check_attached(t, cookie, err, node) ||
		    reload_chord_pending_attached(t, cookie, err) ||
		    reload_chord_finger_attached(t, cookie, err);
	if (link) {
		reload_chord_pending_connected(t, node);
		/* it sends us its Update because we asked; ours is what makes us a peer to it */
		if (ours && !repair && t->state == RELOAD_TOPOLOGY_JOINED)
			reload_chord_update_owe(t, link);
	}
	reload_chord_after(t);
}

static void pinged(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *responder)
{
	if (!err && responder->len != CHORD_ID_LEN)
		err = RELOAD_INVALID_MESSAGE;
	(void)(reload_chord_join_pinged(t, cookie, err, responder) ||
		reload_chord_check_pinged(t, cookie, err, responder) ||
		reload_chord_repair_pinged(t, cookie, err, responder) ||
		reload_chord_finger_pinged(t, cookie, err, responder));
	reload_chord_after(t);
}

static void located(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *node)
{
	reload_chord_check_located(t, cookie, err, node);
	reload_chord_after(t);
}

static void join_answered(
	struct reload_topology *t, const struct reload_id *ap, enum reload_err err)
{
	if (!reload_chord_repair_answered(t, ap, err))
		reload_chord_join_answered(t, ap, err);
	reload_chord_after(t);
}

static void join_received(struct reload_topology *t, const struct reload_id *node)
{
	reload_chord_admit_received(t, node);
	reload_chord_after(t);
}

static void handed_over(struct reload_topology *t, const struct reload_id *node)
{
	reload_chord_admit_handed_over(t, node);
	reload_chord_after(t);
}

static void update_failed(
	struct reload_topology *t, const struct reload_id *to, enum reload_err err)
{
	struct chord_link *link = reload_chord_link_find(t, to);
	if (!link)
		return;
	link->sent = 0;
	if (link->ready && (err == RELOAD_TIMEOUT || err == RELOAD_REQUEST_TIMEOUT ||
				   err == RELOAD_LINK_DOWN)) {
		t->host.disconnect(t->host.arg, to);
		lost(t, link);
	}
	reload_chord_after(t);
}

static void leave_received(
	struct reload_topology *t, const struct reload_id *from, struct span data)
{
	reload_chord_leave_received(t, from, data);
	reload_chord_after(t);
}

static void link_health(struct reload_topology *t, const struct reload_id *node, bool good)
{
	struct chord_link *link = reload_chord_link_find(t, node);
	if (!link)
		return;
	link->bad = !good;
	if (link->bad)
		reload_chord_set_remove(&t->route, node);
	else if (link->ready)
		reload_chord_set_add(&t->route, node);
}

const struct reload_topology_ops reload_chord_topology = {
	.name = "CHORD-RELOAD",
	.new = new,
	.free = free_chord,
	.configure = configure,
	.first = first,
	.join = join,
	.leave = leave,
	.get_state = get_state,
	.connected = connected,
	.disconnected = disconnected,
	.attached = attached,
	.pinged = pinged,
	.located = located,
	.join_answered = join_answered,
	.join_received = join_received,
	.handed_over = handed_over,
	.update_received = reload_chord_update_received,
	.update_failed = update_failed,
	.leave_received = leave_received,
	.link_health = link_health,
	.next_hop = reload_chord_next_hop,
	.responsible = reload_chord_is_responsible,
	.replicas = reload_chord_replicas,
	.holds = reload_chord_holds,
	.plausible = reload_chord_plausible,
	.doubted = reload_chord_data_doubted,
	.unsettled = reload_chord_unsettled,
	.close_enough = reload_chord_close_enough,
	.tables = reload_chord_tables,
	.update_write = reload_chord_update_full,
	.route_query_write = reload_chord_route_query_write,
	.responsible_ppb = reload_chord_responsible_ppb,
	.range = reload_chord_range,
	.resource_id = reload_chord_resource_id,
};
