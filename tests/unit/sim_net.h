/* Two nodes of the simulator with one link: what arrives at each of them and when, and what it notices. */
#pragma once

#include "sim/reliable.h"

#include "wire/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum {
	BASE = 20, /* one way, in ms, of each packet */
	SEEN_MAX = 1024,
	A = 0, /* dialled by B, which joined through it */
	B = 1
};

static const struct reload_sim_latency steady = { .name = "steady", .base_median_ms = BASE };

/* Events of the engine of a node: marked messages that came in, links that were lost. */
struct seen {
	uint64_t mark[SEEN_MAX];
	reload_ms at[SEEN_MAX], down, slow;
	size_t count;
};

struct net {
	struct reload_sim *s;
	struct seen seen[2];
	uint32_t link[2]; /* numbers of the one link between A and B */
	unsigned judged;
	bool pass;
};

static inline void on_event(void *arg, struct reload_sim_node *n, const struct reload_event *ev)
{
	struct net *r = arg;
	struct seen *seen = &r->seen[n->index];
	if (ev->type == RELOAD_EV_DROPPED && ev->transaction && seen->count < SEEN_MAX) {
		seen->at[seen->count] = reload_sim_now(r->s);
		seen->mark[seen->count++] = ev->transaction;
	}
	if (ev->type == RELOAD_EV_LINK_DOWN && ev->link == r->link[n->index] && !seen->down)
		seen->down = reload_sim_now(r->s);
	if (ev->type == RELOAD_EV_LINK_UNRESPONSIVE && ev->link == r->link[n->index] && !seen->slow)
		seen->slow = reload_sim_now(r->s);
}

static inline bool on_send(void *arg, struct reload_sim_node *n, uint32_t link, struct span message)
{
	struct net *r = arg;
	(void)n;
	(void)link;
	(void)message;
	r->judged++;
	return r->pass;
}

static inline void net_start(struct net *r, struct reload_sim_setup setup)
{
	struct reload_sim_hooks hooks = { .arg = r, .event = on_event, .send = on_send };
	*r = (struct net){ 0 };
	setup.seed = 5;
	setup.nodes = 2;
	setup.latency = &steady;
	uint32_t loss = setup.loss, drop = setup.drop, duplicate = setup.duplicate,
		 reorder = setup.reorder;
	uint64_t bandwidth = setup.bandwidth;
	setup.bandwidth = 0;
	setup.loss = setup.drop = setup.duplicate = setup.reorder = 0;
	r->s = reload_sim_new(&setup, &hooks);
	reload_sim_start(r->s, A, true, RELOAD_ROLE_PEER, NULL, 0);
	reload_sim_start(r->s, B, false, RELOAD_ROLE_PEER, NULL, 0);
	assert_true(reload_sim_run(r->s, 60000));
	assert_int_equal(reload_sim_node(r->s, B)->state, RELOAD_STATE_JOINED);
	assert_int_equal(reload_sim_links(reload_sim_node(r->s, A), &r->link[A], 1), 1);
	assert_int_equal(reload_sim_links(reload_sim_node(r->s, B), &r->link[B], 1), 1);
	r->s->setup.loss = loss;
	r->s->setup.drop = drop;
	r->s->setup.duplicate = duplicate;
	r->s->setup.reorder = reorder;
	r->s->setup.bandwidth = bandwidth;
}

static inline void net_end(struct net *r)
{
	reload_sim_free(r->s);
}

/* Sends a message of another overlay: the other engine only reports its transaction. */
static inline void mark_send(struct net *r, size_t from, uint64_t mark)
{
	uint8_t bytes[RELOAD_HEADER_FIXED];
	struct wr w = wr_fixed(bytes, sizeof(bytes));
	struct reload_header h = { .relo_token = RELOAD_TOKEN,
		.overlay = 1,
		.version = RELOAD_VERSION_BYTE,
		.ttl = 1,
		.fragment = RELOAD_FRAGMENT_WHOLE,
		.length = sizeof(bytes),
		.transaction_id = mark };
	reload_header_write(&w, &h);
	assert_int_equal(w.len, sizeof(bytes));
	reload_sim_inject(reload_sim_node(r->s, from), r->link[from], wr_done(&w), 0);
}

static inline void later(struct net *r, reload_ms ms)
{
	assert_true(reload_sim_run(r->s, reload_sim_now(r->s) + ms));
}

static inline bool link_good(struct net *r, size_t i)
{
	struct reload_peer_link links[8];
	size_t n = reload_peer_links(reload_sim_node(r->s, i)->peer, links, COUNT_OF(links));
	for (size_t k = 0; k < n; k++)
		if (links[k].link == r->link[i])
			return links[k].good;
	return false;
}

static inline void assert_in_order(const struct seen *seen, size_t count)
{
	assert_int_equal(seen->count, count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(seen->mark[i], i + 1);
}
