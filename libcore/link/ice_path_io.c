#include "link/ice_path_io.h"

#include "link/ice_link_io.h"

#include <stdlib.h>

struct reload_ice_path {
	RB_ENTRY(reload_ice_path) by_key;
	struct reload_links *links;
	const struct reload_ice_path_ops *ops;
	void *arg;
	uint64_t key; /* 0: nothing was asked of the plug-in */
	bool gathered, checking, connected, over;
	struct reload_timer timer;
};

static int key_cmp(const struct reload_ice_path *a, const struct reload_ice_path *b)
{
	return (a->key > b->key) - (a->key < b->key);
}

RELOAD_TREE(reload_ice_path_tree, reload_ice_path, by_key, key_cmp)

struct reload_ice_path *reload_ice_path_new(
	struct reload_links *links, const struct reload_ice_path_ops *ops, void *arg)
{
	if (!links->ice)
		return NULL;
	struct reload_ice_path *p = RELOAD_NEW(reload_ice_path);
	p->links = links;
	p->ops = ops;
	p->arg = arg;
	return p;
}

/* The plug-in knows it no more. */
static void leave(struct reload_ice_path *p)
{
	struct reload_ice_use *use = p->links->ice;
	reload_timer_cancel(p->links->timers, &p->timer);
	p->over = true;
	if (!p->key)
		return;
	use->plugin->close(use->ice, p->key);
	RB_REMOVE(reload_ice_path_tree, &use->paths, p);
	p->key = 0;
}

void reload_ice_path_free(struct reload_ice_path *p)
{
	if (!p)
		return;
	leave(p);
	free(p);
}

static void on_late(void *arg)
{
	struct reload_ice_path *p = arg;
	bool checking = p->checking;
	leave(p);
	p->ops->failed(p->arg, NULL, 0,
		checking ? "no pair of candidates leads to the other end in time"
			 : "no candidates were gathered in time");
}

static void limit(struct reload_ice_path *p, reload_ms ms)
{
	reload_timer_arm(p->links->timers, &p->timer, reload_poll_now() + ms, on_late, p);
}

void reload_ice_path_gather(struct reload_ice_path *p, const struct reload_ice_gather *how)
{
	struct reload_ice_use *use = p->links->ice;
	if (p->key || p->over)
		return;
	p->key = ++use->last_key;
	RB_INSERT(reload_ice_path_tree, &use->paths, p);
	limit(p, RELOAD_ICE_GATHER_MS + RELOAD_ICE_ANSWER_MS);
	use->plugin->gather(use->ice, p->key, how);
}

void reload_ice_path_check(struct reload_ice_path *p, const struct reload_ice_remote *to)
{
	struct reload_ice_use *use = p->links->ice;
	if (!p->gathered || p->over)
		return;
	p->checking = true;
	p->connected = false;
	limit(p, RELOAD_ICE_CHECK_MS);
	use->plugin->start(use->ice, p->key, to);
}

bool reload_ice_path_send(struct reload_ice_path *p, struct span datagram)
{
	struct reload_ice_use *use = p->links->ice;
	return p->connected && !p->over && use->plugin->send(use->ice, p->key, datagram);
}

static void on_failed(struct reload_ice_path *p, const struct reload_ice_notice *n)
{
	leave(p);
	p->ops->failed(p->arg, n->pairs, n->pairs_count, n->why);
}

void reload_ice_path_notice(struct reload_ice_use *use, const struct reload_ice_notice *n)
{
	struct reload_ice_path key = { .key = n->key };
	struct reload_ice_path *p = RB_FIND(reload_ice_path_tree, &use->paths, &key);
	if (!p)
		return; /* it has been closed here */
	switch (n->type) {
	case RELOAD_ICE_WAS_GATHERED:
		reload_timer_cancel(use->links->timers, &p->timer);
		p->gathered = true;
		p->ops->gathered(p->arg, &n->gathered);
		break;
	case RELOAD_ICE_CONNECTED:
		reload_timer_cancel(use->links->timers, &p->timer);
		p->connected = true;
		p->ops->connected(p->arg, n->pairs);
		break;
	case RELOAD_ICE_DATAGRAM:
		p->ops->datagram(p->arg, n->datagram);
		break;
	case RELOAD_ICE_FAILED:
		on_failed(p, n);
		break;
	case RELOAD_ICE_CLOSED:
		break;
	}
}
