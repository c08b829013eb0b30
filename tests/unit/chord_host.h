/* What a net of chord_net.h is made of, and the host of its plug-ins: what they ask for becomes events. */
#pragma once

#include "topology/topology.h"
#include "util/owned.h"

#include <stdio.h>

enum {
	NET_MAX = 128,
	NET_POINTS = 128,
	NET_HOPS = 100,
	NET_RETRANSMIT_MS = 3000,
	NET_TRANSMISSIONS = 5,
	NET_STORE_TRIES = 7,
	NET_STORE_PAUSE_MS = 1000
};

enum net_kind {
	NET_ATTACH,
	NET_ATTACH_TIMER,
	NET_ATTACHED,
	NET_LINK,
	NET_DOWN,
	NET_UPDATE,
	NET_JOIN,
	NET_JOIN_ANS,
	NET_LEAVE,
	NET_STORES,
	NET_STORED,
	NET_PINGED,
	NET_RELOCATED,
	NET_START
};

struct net_event {
	uint64_t at_us, order;
	enum net_kind kind;
	int node, other, hops, tries;
	uint32_t cookie;
	bool resource[2], flag, ping;
	struct reload_id list[2];
	size_t list_count;
	struct bytes body;
	uint64_t points[NET_POINTS / 64];
	struct net_event *next;
};

struct net_node {
	struct net *net;
	struct reload_id id;
	struct reload_topology *t;
	struct reload_timers timers;
	bool alive, up[NET_MAX];
	int side;
	uint64_t
		fifo[NET_MAX]; /* the earliest time at which another message arrives at that node */
	uint32_t answered[256]; /* cookies of recent Attaches that have ended */
	uint64_t points[NET_POINTS / 64];
	enum reload_topology_state state;
	struct reload_id lists[40];
	size_t lists_count;
	reload_ms joined_at;
};

struct net {
	struct net_node nodes[NET_MAX];
	int count;
	uint64_t now_us, order, rng;
	unsigned delay_min_us, delay_max_us, crash_max_ms;
	struct net_event **heap;
	size_t heap_count, heap_cap;
	struct reload_id points[NET_POINTS];
	struct reload_config config;
	uint64_t attaches, attach_hops, attach_timeouts, updates, joins, leaves, stores, links,
		lost, loops;
	int bootstraps; /* the nodes before this one are bootstrap nodes; 0: there is none */
	uint64_t pings, relocates;
	bool cut;             /* nodes of different sides exchange no messages */
	uint64_t refused;     /* replica Stores that were refused */
	reload_ms changed_at; /* the last change of a Neighbor Table */
	bool trace;
};

static uint64_t net_random(struct net *n)
{
	n->rng ^= n->rng << 13;
	n->rng ^= n->rng >> 7;
	n->rng ^= n->rng << 17;
	return n->rng * 0x2545f4914f6cdd1dull;
}

static uint64_t net_delay(struct net *n)
{
	return n->delay_min_us + (net_random(n) >> 16) % (n->delay_max_us - n->delay_min_us + 1);
}

static bool net_before(const struct net_event *a, const struct net_event *b)
{
	return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static struct net_event *net_push(
	struct net *n, enum net_kind kind, int node, int other, uint64_t at_us)
{
	struct net_event *e = RELOAD_NEW(net_event);
	*e = (struct net_event){
		.at_us = at_us, .order = n->order++, .kind = kind, .node = node, .other = other
	};
	reload_grow(&n->heap, &n->heap_cap, n->heap_count, sizeof(*n->heap));
	size_t i = n->heap_count++;
	while (i && net_before(e, n->heap[(i - 1) / 2])) {
		n->heap[i] = n->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	n->heap[i] = e;
	return e;
}

static struct net_event *net_pop(struct net *n)
{
	struct net_event *top = n->heap[0], *last = n->heap[--n->heap_count];
	size_t i = 0, c;
	while ((c = 2 * i + 1) < n->heap_count) {
		if (c + 1 < n->heap_count && net_before(n->heap[c + 1], n->heap[c]))
			c++;
		if (!net_before(n->heap[c], last))
			break;
		n->heap[i] = n->heap[c];
		i = c;
	}
	n->heap[i] = last;
	return top;
}

/* a message over the link from a to b, in order */
static struct net_event *net_send(struct net *n, enum net_kind kind, int a, int b)
{
	uint64_t at = n->now_us + net_delay(n), *fifo = &n->nodes[a].fifo[b];
	*fifo = at = at <= *fifo ? *fifo + 1 : at;
	return net_push(n, kind, b, a, at);
}

static int net_find(const struct net *n, const struct reload_id *id)
{
	for (int i = 0; i < n->count; i++)
		if (reload_id_eq(&n->nodes[i].id, id))
			return i;
	return -1;
}

static reload_ms net_host_now(void *arg)
{
	return ((struct net_node *)arg)->net->now_us / 1000;
}

static void net_host_random(void *arg, void *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)out)[i] = (uint8_t)(net_random(((struct net_node *)arg)->net) >> 24);
}

static bool net_apart(const struct net *n, int a, int b)
{
	return n->cut && n->nodes[a].side != n->nodes[b].side;
}

static int net_bootstrap(struct net *n)
{
	return n->bootstraps ? (int)((net_random(n) >> 20) % (unsigned)n->bootstraps) : 0;
}

/* an Attach or a Ping on its way, and the timer of its request */
static void net_request(struct net_node *x, uint32_t cookie, const struct reload_destination *list,
	size_t count, bool update, bool ping)
{
	struct net *n = x->net;
	int self = (int)(x - n->nodes);
	x->answered[cookie % 256] = 0;
	for (int first = 1; first >= 0; first--) {
		struct net_event *e = net_push(n, first ? NET_ATTACH : NET_ATTACH_TIMER, self, self,
			n->now_us + (first ? 0 : NET_RETRANSMIT_MS * 1000u));
		e->cookie = cookie;
		e->list_count = count;
		e->flag = update;
		e->ping = ping;
		for (size_t i = 0; i < count; i++) {
			e->resource[i] = list[i].type == RELOAD_DEST_RESOURCE;
			if (e->resource[i])
				e->list[i] = (struct reload_id){ .len = 16 };
			if (e->resource[i])
				memcpy(e->list[i].at, list[i].resource.at, 16);
			else
				e->list[i] = list[i].node;
		}
	}
}

static void net_host_attach(void *arg, uint32_t cookie, const struct reload_destination *list,
	size_t count, bool update)
{
	struct net_node *x = arg;
	x->net->attaches++;
	net_request(x, cookie, list, count, update, false);
}

static void net_host_ping(
	void *arg, uint32_t cookie, const struct reload_destination *list, size_t count)
{
	struct net_node *x = arg;
	x->net->pings++;
	net_request(x, cookie, list, count, false, true);
}

static void net_host_relocate(void *arg, uint32_t cookie)
{
	struct net_node *x = arg;
	x->net->relocates++;
	net_push(x->net, NET_RELOCATED, (int)(x - x->net->nodes), 0, x->net->now_us)->cookie =
		cookie;
}

static void net_host_join(void *arg, const struct reload_id *ap)
{
	struct net_node *x = arg;
	x->net->joins++;
	net_send(x->net, NET_JOIN, (int)(x - x->net->nodes), net_find(x->net, ap));
}

static void net_host_body(
	void *arg, enum net_kind kind, const struct reload_id *to, struct span body)
{
	struct net_node *x = arg;
	struct net_event *e =
		net_send(x->net, kind, (int)(x - x->net->nodes), net_find(x->net, to));
	e->body = bytes_copy(body);
}

static void net_host_update(void *arg, const struct reload_id *to, struct span body)
{
	struct net_node *x = arg;
	x->net->updates++;
	net_host_body(x, NET_UPDATE, to, body);
	reload_chord_topology.update_ended(x->t, to, RELOAD_OK);
}

static void net_host_leave(void *arg, const struct reload_id *to, struct span body)
{
	((struct net_node *)arg)->net->leaves++;
	net_host_body(arg, NET_LEAVE, to, body);
}

static void net_host_store_range(void *arg, const struct reload_id *from,
	const struct reload_id *to, const struct reload_id *node, uint8_t number, bool done)
{
	struct net_node *x = arg;
	struct net *n = x->net;
	(void)number;
	int b = net_find(n, node);
	if (b < 0)
		return;
	struct net_event *e = net_send(n, NET_STORES, (int)(x - n->nodes), b);
	e->flag = done;
	for (unsigned i = 0; i < NET_POINTS; i++)
		if (x->points[i / 64] >> i % 64 & 1 && reload_id_between(from, &n->points[i], to)) {
			e->points[i / 64] |= 1ull << i % 64;
			n->stores++;
		}
}

static void net_host_owner_check_range(
	void *arg, const struct reload_id *from, const struct reload_id *to)
{
	(void)arg; /* the data here are resource numbers without versions: there is nothing to compare */
	(void)from;
	(void)to;
}

static void net_host_partition(void *arg, const struct reload_id *other)
{
	(void)arg;
	(void)other;
}

static bool net_host_holds_earlier_values(void *arg)
{
	(void)arg;
	return false;
}

static void net_host_forget_range(
	void *arg, const struct reload_id *from, const struct reload_id *to)
{
	struct net_node *x = arg;
	for (unsigned i = 0; i < NET_POINTS; i++)
		if (reload_id_between(from, &x->net->points[i], to))
			x->points[i / 64] &= ~(1ull << i % 64);
}

static void net_host_disconnect(void *arg, const struct reload_id *node)
{
	struct net_node *x = arg;
	int a = (int)(x - x->net->nodes), b = net_find(x->net, node);
	net_send(x->net, NET_DOWN, b, a);
	net_send(x->net, NET_DOWN, a, b);
}

static void net_host_state(
	void *arg, enum reload_topology_state state, const struct reload_id *other)
{
	struct net_node *x = arg;
	(void)other;
	x->state = state;
	if (state == RELOAD_TOPOLOGY_FAILED && x->net->bootstraps)
		net_push(x->net, NET_START, (int)(x - x->net->nodes), net_bootstrap(x->net),
			x->net->now_us + 1000000);
	if (state == RELOAD_TOPOLOGY_JOINED)
		x->joined_at = x->net->now_us / 1000;
	if (x->net->trace)
		fprintf(stderr, "%8.3f %3d state %d other %d\n", (double)x->net->now_us / 1e3,
			(int)(x - x->net->nodes), state, other ? net_find(x->net, other) : -1);
}

static void net_host_changed(void *arg)
{
	struct net_node *x = arg;
	struct reload_topology_tables tb;
	struct reload_id lists[40];
	size_t count = 0;
	reload_chord_topology.tables(x->t, &tb);
	for (size_t i = 0; i < tb.predecessors_count; i++)
		lists[count++] = tb.predecessors[i];
	for (size_t i = 0; i < tb.successors_count; i++)
		lists[count++] = tb.successors[i];
	if (count == x->lists_count && (!count || !memcmp(lists, x->lists, count * sizeof(*lists))))
		return;
	memcpy(x->lists, lists, count * sizeof(*lists));
	x->lists_count = count;
	x->net->changed_at = x->net->now_us / 1000;
}
