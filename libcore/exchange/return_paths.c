#include "exchange/return_paths.h"

#include "util/alloc.h"

#include <bsd/sys/queue.h>
#include <stdlib.h>

struct state {
	RB_ENTRY(state) entry;
	TAILQ_ENTRY(state) age;
	uint64_t id;
	reload_ms since;
	uint32_t link;
};

RB_HEAD(state_tree, state);
TAILQ_HEAD(state_list, state);

struct reload_return_paths {
	struct state_tree tree;
	struct state_list list; /* oldest first */
	size_t count, max;
	reload_ms lifetime;
};

static int state_cmp(struct state *a, struct state *b)
{
	return (a->id > b->id) - (a->id < b->id);
}

RELOAD_TREE(state_tree, state, entry, state_cmp)

struct reload_return_paths *reload_return_paths_new(size_t max, reload_ms lifetime)
{
	struct reload_return_paths *s = RELOAD_NEW(reload_return_paths);
	TAILQ_INIT(&s->list);
	s->max = max;
	s->lifetime = lifetime;
	return s;
}

static void state_remove(struct reload_return_paths *s, struct state *one)
{
	RB_REMOVE(state_tree, &s->tree, one);
	TAILQ_REMOVE(&s->list, one, age);
	s->count--;
	free(one);
}

static void expire(struct reload_return_paths *s, reload_ms now)
{
	struct state *one;
	while ((one = TAILQ_FIRST(&s->list)) && one->since + s->lifetime < now)
		state_remove(s, one);
}

void reload_return_paths_free(struct reload_return_paths *s)
{
	if (!s)
		return;
	while (!TAILQ_EMPTY(&s->list))
		state_remove(s, TAILQ_FIRST(&s->list));
	free(s);
}

void reload_return_paths_put(
	struct reload_return_paths *s, uint64_t id, uint32_t link, reload_ms now)
{
	struct state key = { .id = id }, *one;
	expire(s, now);
	if ((one = RB_FIND(state_tree, &s->tree, &key)))
		state_remove(s, one);
	else if (s->count >= s->max)
		state_remove(s, TAILQ_FIRST(&s->list));
	one = RELOAD_NEW(state);
	one->id = id;
	one->link = link;
	one->since = now;
	RB_INSERT(state_tree, &s->tree, one);
	TAILQ_INSERT_TAIL(&s->list, one, age);
	s->count++;
}

bool reload_return_paths_get(
	struct reload_return_paths *s, uint64_t id, reload_ms now, uint32_t *link)
{
	struct state key = { .id = id };
	expire(s, now);
	struct state *one = RB_FIND(state_tree, &s->tree, &key);
	if (one)
		*link = one->link;
	return one != NULL;
}

size_t reload_return_paths_count(struct reload_return_paths *s, reload_ms now)
{
	expire(s, now);
	return s->count;
}
