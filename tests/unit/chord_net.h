/*
 * A net of topology plug-ins: up to NET_MAX of them, virtual time, links with random delay, routing by the plug-ins' own answers, and
 * NET_POINTS resources that move with the hand-overs.  The seed is the whole input.
 */
#pragma once

#include "chord_host.h"

static inline struct net *net_new(uint64_t seed)
{
	struct net *n = RELOAD_NEW(net);
	n->rng = seed * 0x9e3779b97f4a7c15ull + 1;
	n->delay_min_us = 500;
	n->delay_max_us = 1500;
	n->crash_max_ms = 300;
	n->config = (struct reload_config){ .node_id_len = 16,
		.chord_reactive = true,
		.chord_update_interval_s = 600,
		.chord_ping_interval_s = 3600,
		.peers_to_probe = RELOAD_PEERS_TO_PROBE };
	for (int i = 0; i < 16; i++)
		net_random(n);
	for (int i = 0; i < NET_POINTS; i++) {
		n->points[i].len = 16;
		for (int j = 0; j < 16; j++)
			n->points[i].at[j] = (uint8_t)(net_random(n) >> 24);
	}
	return n;
}

/* adds a node; id NULL: a random one */
static inline int net_add(struct net *n, const struct reload_id *id)
{
	struct net_node *x = &n->nodes[n->count];
	x->net = n;
	x->alive = true;
	if (id) {
		x->id = *id;
	} else {
		x->id.len = 16;
		for (int j = 0; j < 16; j++)
			x->id.at[j] = (uint8_t)(net_random(n) >> 24);
	}
	const struct reload_topology_host host = {
		.arg = x,
		.data.arg = x,
		.timers = &x->timers,
		.now = net_host_now,
		.random = net_host_random,
		.attach = net_host_attach,
		.join = net_host_join,
		.update = net_host_update,
		.leave = net_host_leave,
		.data.store_range = net_host_store_range,
		.holds_earlier_values = net_host_holds_earlier_values,
		.data.owner_check_range = net_host_owner_check_range,
		.data.forget_range = net_host_forget_range,
		.partition = net_host_partition,
		.disconnect = net_host_disconnect,
		.ping = net_host_ping,
		.relocate = net_host_relocate,
		.state = net_host_state,
		.tables_changed = net_host_changed,
	};
	x->t = reload_chord_topology.new(&n->config, &x->id, &host);
	return n->count++;
}

static inline void net_first(struct net *n, int i)
{
	memset(n->nodes[i].points, 0xff, sizeof(n->nodes[i].points));
	reload_chord_topology.first(n->nodes[i].t);
}

/* makes a link from i to its bootstrap node and starts the join */
static inline void net_join(struct net *n, int i, int bootstrap)
{
	net_push(n, NET_START, i, bootstrap, n->now_us);
}

/* Makes a link and notifies both ends; returns the event for b when the link is new. */
static struct net_event *net_link(struct net *n, int a, int b)
{
	if (n->nodes[a].up[b] || n->nodes[b].up[a] || !n->nodes[a].alive || !n->nodes[b].alive ||
		net_apart(n, a, b))
		return NULL;
	n->nodes[a].up[b] = n->nodes[b].up[a] = true;
	n->links++;
	uint64_t ta = n->now_us + net_delay(n), tb = n->now_us + net_delay(n),
		 both = ta > tb ? ta : tb;
	n->nodes[a].fifo[b] = n->nodes[b].fifo[a] = both;
	net_push(n, NET_LINK, a, b, ta);
	return net_push(n, NET_LINK, b, a, tb);
}

/* the Update that y sends to x, which asked for it with send_update */
static void net_update_asked(struct net *n, int y, int x)
{
	struct wr w;
	wr_init(&w);
	reload_chord_topology.update_write(n->nodes[y].t, &w);
	if (!w.err) {
		struct net_event *u = net_send(n, NET_UPDATE, y, x);
		u->body = bytes_copy(span_of(w.at, w.len));
		n->updates++;
	}
	wr_clear(&w);
}

static void net_attach_answered(struct net *n, struct net_event *e)
{
	int x = e->other, y = e->node;
	if (e->ping) {
		net_push(n, NET_PINGED, x, y, n->now_us + net_delay(n))->cookie = e->cookie;
		return;
	}
	if (x == y)
		return;
	struct net_event *new_link = net_link(n, x, y);
	net_send(n, NET_ATTACHED, y, x)->cookie = e->cookie;
	if (new_link)
		new_link->flag = e->flag;
	else if (e->flag && n->nodes[y].up[x])
		net_update_asked(n, y, x);
}

static void net_attach_hop(struct net *n, struct net_event *e)
{
	struct net_node *x = &n->nodes[e->node];
	while (e->list_count && !e->resource[0] && reload_id_eq(&e->list[0], &x->id)) {
		e->list[0] = e->list[1];
		e->resource[0] = e->resource[1];
		e->list_count--;
	}
	bool mine = reload_chord_topology.responsible(x->t, &e->list[0]);
	if (!e->list_count || (e->list_count == 1 && e->resource[0] && mine)) {
		/* the answer and the handshake take five delays together */
		struct net_event *a =
			net_push(n, NET_ATTACH, e->node, e->other, n->now_us + 5 * net_delay(n));
		uint64_t order = a->order, at = a->at_us;
		*a = *e;
		a->order = order;
		a->at_us = at;
		a->hops = -1;
		return;
	}
	int to = net_find(n, &e->list[0]);
	if (to < 0 || !x->up[to]) {
		struct reload_id next;
		if ((!e->resource[0] && mine) ||
			reload_chord_topology.next_hop(x->t, &e->list[0], &next) != RELOAD_OK) {
			n->lost++;
			return;
		}
		to = net_find(n, &next);
	}
	if (!x->up[to] || net_apart(n, e->node, to) || e->hops == NET_HOPS) {
		n->lost++;
		n->loops += e->hops == NET_HOPS;
		return;
	}
	struct net_event *f = net_send(n, NET_ATTACH, e->node, to);
	uint64_t order = f->order, at = f->at_us;
	*f = *e;
	f->order = order;
	f->at_us = at;
	f->node = to;
	f->hops++;
	n->attach_hops++;
}

static void net_copy_attach(struct net *n, struct net_event *e, enum net_kind kind, uint64_t at)
{
	struct net_event *f = net_push(n, kind, e->node, e->other, at);
	uint64_t order = f->order;
	*f = *e;
	f->order = order;
	f->at_us = at;
	f->kind = kind;
}

static void net_stores(struct net *n, struct net_event *e)
{
	struct net_node *x = &n->nodes[e->node];
	bool refused = false;
	if (e->tries && !n->nodes[e->other].alive)
		return; /* nobody is there to repeat it */
	for (size_t w = 0; e->tries && w < COUNT_OF(e->points); w++)
		e->points[w] &= n->nodes[e->other].points[w]; /* what is held by then */
	for (unsigned i = 0; i < NET_POINTS; i++) {
		if (!(e->points[i / 64] >> i % 64 & 1))
			continue;
		if (reload_chord_topology.may_store_replica(
			    x->t, &n->points[i], &n->nodes[e->other].id)) {
			x->points[i / 64] |= 1ull << i % 64;
		} else {
			refused = true;
			n->refused++;
		}
	}
	if (refused && e->tries < NET_STORE_TRIES) { /* the engine repeats it */
		struct net_event *again = net_push(n, NET_STORES, e->node, e->other,
			n->now_us + (NET_STORE_PAUSE_MS * 1000u << e->tries));
		memcpy(again->points, e->points, sizeof(again->points));
		again->tries = e->tries + 1;
	}
	if (e->flag)
		net_send(n, NET_STORED, e->node, e->other);
}

/* chooses a bootstrap node, makes a link to it, and reports the outcome to the plug-in */
static void net_relocated(struct net *n, struct net_event *e)
{
	struct net_node *x = &n->nodes[e->node];
	if (e->flag) {
		bool up = x->up[e->other];
		reload_chord_topology.relocated(x->t, e->cookie, up ? RELOAD_OK : RELOAD_LINK_DOWN,
			up ? &n->nodes[e->other].id : NULL);
		return;
	}
	int first = net_bootstrap(n);
	for (int i = 0; i < n->bootstraps; i++) {
		int b = (first + i) % n->bootstraps;
		if (b == e->node)
			continue;
		net_link(n, e->node, b);
		if (!x->up[b] || net_apart(n, e->node, b))
			continue;
		struct net_event *second =
			net_push(n, NET_RELOCATED, e->node, b, n->now_us + 3 * n->delay_max_us);
		second->cookie = e->cookie;
		second->flag = true;
		return;
	}
	reload_chord_topology.relocated(x->t, e->cookie, RELOAD_NO_NODE, NULL);
}

static void net_event_run(struct net *n, struct net_event *e)
{
	struct net_node *x = &n->nodes[e->node], *y = &n->nodes[e->other];
	const struct reload_topology_ops *ops = &reload_chord_topology;
	bool linked = x->alive && x->up[e->other], mine;
	bool over_link = linked && !net_apart(n, e->node, e->other);
	switch (e->kind) {
	case NET_ATTACH:
		if (x->alive && e->hops < 0)
			net_attach_answered(n, e);
		else if (x->alive)
			net_attach_hop(n, e);
		else
			n->lost++;
		break;
	case NET_ATTACH_TIMER:
		if (!x->alive || x->answered[e->cookie % 256] == e->cookie)
			break;
		if (++e->tries == NET_TRANSMISSIONS) {
			x->answered[e->cookie % 256] = e->cookie;
			if (e->ping) {
				ops->pinged(x->t, e->cookie, RELOAD_TIMEOUT, NULL);
				break;
			}
			n->attach_timeouts++;
			ops->attached(x->t, e->cookie, RELOAD_TIMEOUT, NULL);
			break;
		}
		net_copy_attach(n, e, NET_ATTACH, n->now_us);
		net_copy_attach(n, e, NET_ATTACH_TIMER, n->now_us + NET_RETRANSMIT_MS * 1000u);
		break;
	case NET_ATTACHED:
		if (over_link && x->answered[e->cookie % 256] != e->cookie) {
			x->answered[e->cookie % 256] = e->cookie;
			ops->attached(x->t, e->cookie, RELOAD_OK, &y->id);
		}
		break;
	case NET_PINGED:
		if (x->alive && !net_apart(n, e->node, e->other) &&
			x->answered[e->cookie % 256] != e->cookie) {
			x->answered[e->cookie % 256] = e->cookie;
			ops->pinged(x->t, e->cookie, RELOAD_OK, &y->id);
		}
		break;
	case NET_RELOCATED:
		if (x->alive)
			net_relocated(n, e);
		break;
	case NET_LINK:
		if (over_link)
			ops->connected(x->t, &y->id);
		if (over_link && e->flag)
			net_update_asked(n, e->node, e->other);
		break;
	case NET_DOWN:
		if (linked) {
			x->up[e->other] = false;
			ops->disconnected(x->t, &y->id);
		}
		break;
	case NET_UPDATE:
		if (over_link &&
			ops->update_received(x->t, &y->id, true, bytes_span(e->body)) != RELOAD_OK)
			abort();
		break;
	case NET_JOIN:
		if (!over_link)
			break;
		mine = ops->responsible(x->t, &y->id);
		net_send(n, NET_JOIN_ANS, e->node, e->other)->flag = mine;
		if (mine)
			ops->join_received(x->t, &y->id);
		break;
	case NET_JOIN_ANS:
		if (over_link)
			ops->join_answered(x->t, &y->id, e->flag ? RELOAD_OK : RELOAD_FORBIDDEN);
		break;
	case NET_LEAVE:
		if (over_link)
			ops->leave_received(x->t, &y->id, bytes_span(e->body));
		break;
	case NET_STORES:
		if (over_link)
			net_stores(n, e);
		break;
	case NET_STORED:
		if (over_link)
			ops->handed_over(x->t, &y->id);
		break;
	case NET_START:
		if (e->other != e->node)
			net_link(n, e->node, e->other);
		if (!x->up[e->other] && n->bootstraps) { /* the host tries the next one */
			net_push(n, NET_START, e->node, net_bootstrap(n), n->now_us + 1000000);
		} else if (x->up[e->other]) {
			ops->connected(x->t, &y->id);
			ops->join(x->t, &y->id);
		}
		break;
	}
}

/* runs until there are no more events, or until the virtual time until_ms */
static inline void net_run(struct net *n, reload_ms until_ms)
{
	for (;;) {
		uint64_t when = n->heap_count ? n->heap[0]->at_us : UINT64_MAX;
		int timer = -1;
		for (int i = 0; i < n->count; i++) {
			reload_ms due = n->nodes[i].alive ? reload_timers_next(&n->nodes[i].timers)
							  : RELOAD_NEVER;
			if (due != RELOAD_NEVER && due * 1000 < when) {
				when = due * 1000;
				timer = i;
			}
		}
		if (when == UINT64_MAX || when > until_ms * 1000)
			break;
		if (when > n->now_us)
			n->now_us = when;
		if (timer >= 0) {
			reload_timers_run(&n->nodes[timer].timers, n->now_us / 1000);
			continue;
		}
		struct net_event *e = net_pop(n);
		net_event_run(n, e);
		if (e->kind == NET_UPDATE || e->kind == NET_LEAVE)
			bytes_free(&e->body);
		free(e);
	}
	if (until_ms * 1000 > n->now_us && until_ms < RELOAD_NEVER / 1000)
		n->now_us = until_ms * 1000;
}

/* runs for ms milliseconds */
static inline void net_pass(struct net *n, reload_ms ms)
{
	net_run(n, n->now_us / 1000 + ms);
}

/* the process ends silently; each node with a link to it notices after a while */
static inline void net_kill(struct net *n, int i)
{
	n->nodes[i].alive = false;
	n->nodes[i].state = RELOAD_TOPOLOGY_DETACHED;
	for (int j = 0; j < n->count; j++)
		if (n->nodes[j].alive && n->nodes[j].up[i])
			net_push(n, NET_DOWN, j, i,
				n->now_us + 1 + net_random(n) % (n->crash_max_ms * 1000u));
}

static inline void net_leave(struct net *n, int i)
{
	reload_chord_topology.leave(n->nodes[i].t);
	n->nodes[i].alive = false;
}

static inline void net_free(struct net *n)
{
	for (size_t i = 0; i < n->heap_count; i++) {
		bytes_free(&n->heap[i]->body);
		free(n->heap[i]);
	}
	free(n->heap);
	for (int i = 0; i < n->count; i++)
		reload_chord_topology.free(n->nodes[i].t);
	free(n);
}
