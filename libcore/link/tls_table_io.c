/* The links of a node by their numbers, and what the loop is to do for one: at the end of the turn, at a time, on events. */
#include "link/internal.h"

#include <assert.h>

static int link_cmp(const struct reload_tls_link *a, const struct reload_tls_link *b)
{
	return (a->id > b->id) - (a->id < b->id);
}

RELOAD_TREE(reload_tls_tree, reload_tls_link, entry, link_cmp)

struct reload_tls_link *reload_tls_link_find(const struct reload_links *links, uint32_t id)
{
	struct reload_tls_link key = { .id = id };
	return RB_FIND(reload_tls_tree, (struct reload_tls_tree *)&links->tree, &key);
}

struct reload_tls_link *reload_tls_link_first(struct reload_links *links)
{
	return RB_MIN(reload_tls_tree, &links->tree);
}

struct reload_tls_link *reload_tls_link_next(struct reload_tls_link *l)
{
	return RB_NEXT(reload_tls_tree, &l->links->tree, l);
}

struct reload_tls_link *reload_tls_link_new(struct reload_links *links, uint32_t id)
{
	struct reload_tls_link *l = RELOAD_NEW(reload_tls_link);
	l->links = links;
	l->id = id;
	l->fd = -1;
	struct reload_tls_link *old = RB_INSERT(reload_tls_tree, &links->tree, l);
	assert(!old);
	links->counters.links++;
	return l;
}

void reload_tls_link_forget(struct reload_tls_link *l)
{
	RB_REMOVE(reload_tls_tree, &l->links->tree, l);
}

void reload_tls_link_turn(struct reload_tls_link *l)
{
	if (l->is_in_turn)
		return;
	l->is_in_turn = true;
	l->links->hook.due = true;
	TAILQ_INSERT_TAIL(&l->links->turn, l, turn);
}

void reload_tls_link_turn_first(struct reload_tls_link *l)
{
	if (l->is_in_turn)
		TAILQ_REMOVE(&l->links->turn, l, turn);
	l->is_in_turn = true;
	l->links->hook.due = true;
	TAILQ_INSERT_HEAD(&l->links->turn, l, turn);
}

void reload_tls_link_want(struct reload_tls_link *l, unsigned events)
{
	if (l->wants == events)
		return;
	l->wants = events;
	reload_poll_change(l->links->set.poll, l->watch, events);
}

void reload_tls_link_arm(struct reload_tls_link *l, reload_ms due, reload_timer_fn fn)
{
	reload_timer_arm(l->links->timers, &l->timer, due, fn, l);
}

struct wr *reload_tls_link_queue(struct reload_tls_link *l)
{
	if (!l->out.at) {
		l->out = l->links->spare;
		wr_init(&l->links->spare);
	}
	return &l->out;
}

void reload_tls_link_queue_done(struct reload_tls_link *l)
{
	struct wr *spare = &l->links->spare;
	if (!spare->at && l->out.cap <= RELOAD_LINK_SPARE) {
		*spare = l->out;
		spare->len = 0;
		wr_init(&l->out);
	}
	wr_clear(&l->out);
	l->out_at = 0;
}
