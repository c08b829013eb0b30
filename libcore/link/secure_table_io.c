/* The links of a node by their numbers, and what the loop is to do for one: at the end of the pass, at a time, on events. */
#include "link/internal.h"

#include <assert.h>

static int link_cmp(const struct reload_secure_link *a, const struct reload_secure_link *b)
{
	return (a->id > b->id) - (a->id < b->id);
}

RELOAD_TREE(reload_secure_tree, reload_secure_link, entry, link_cmp)

struct reload_secure_link *reload_secure_link_find(const struct reload_links *links, uint32_t id)
{
	struct reload_secure_link key = { .id = id };
	return RB_FIND(reload_secure_tree, (struct reload_secure_tree *)&links->tree, &key);
}

struct reload_secure_link *reload_secure_link_first(struct reload_links *links)
{
	return RB_MIN(reload_secure_tree, &links->tree);
}

struct reload_secure_link *reload_secure_link_next(struct reload_secure_link *l)
{
	return RB_NEXT(reload_secure_tree, &l->links->tree, l);
}

struct reload_secure_link *reload_secure_link_new(
	struct reload_links *links, const struct reload_link_transport *transport)
{
	struct reload_secure_link *l = reload_alloc(transport->size);
	l->transport = transport;
	l->links = links;
	return l;
}

void reload_secure_link_count(struct reload_secure_link *l)
{
	l->links->counters.links += !l->counted;
	l->counted = true;
}

void reload_secure_link_enter(struct reload_secure_link *l, uint32_t id)
{
	l->id = id;
	struct reload_secure_link *old = RB_INSERT(reload_secure_tree, &l->links->tree, l);
	assert(!old);
	l->is_numbered = true;
	reload_secure_link_count(l);
}

void reload_secure_link_accept(struct reload_secure_link *l)
{
	struct reload_links *links = l->links;
	while (reload_secure_link_find(links, links->next_incoming)) /* of 2^31 links ago */
		links->next_incoming = (links->next_incoming + 1) | UINT32_C(1) << 31;
	reload_secure_link_enter(l, links->next_incoming);
	links->next_incoming = (links->next_incoming + 1) | UINT32_C(1) << 31;
	l->incoming = l->is_half_open = true;
	TAILQ_INSERT_TAIL(&links->half_open, l, half);
	links->counters.half_open++;
}

void reload_secure_link_forget(struct reload_secure_link *l)
{
	RB_REMOVE(reload_secure_tree, &l->links->tree, l);
}

void reload_secure_link_look(struct reload_secure_link *l)
{
	if (l->is_in_pass)
		return;
	l->is_in_pass = true;
	l->links->hook.due = true;
	TAILQ_INSERT_TAIL(&l->links->pass, l, pass);
}

void reload_secure_link_look_first(struct reload_secure_link *l)
{
	if (l->is_in_pass)
		TAILQ_REMOVE(&l->links->pass, l, pass);
	l->is_in_pass = true;
	l->links->hook.due = true;
	TAILQ_INSERT_HEAD(&l->links->pass, l, pass);
}

void reload_secure_link_arm(struct reload_secure_link *l, reload_ms due, reload_timer_fn fn)
{
	reload_timer_arm(l->links->timers, &l->timer, due, fn, l);
}

size_t reload_links_max_queue(const struct reload_links *links)
{
	size_t two = 2 * links->set.max_message;
	return links->set.max_queue > two ? links->set.max_queue : two;
}
