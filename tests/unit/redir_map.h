/*
 * A service's tree as a map, for the machines of service/redir.h: a Store puts a provider into it, a Fetch lists it.  Node-IDs are 16 bytes.
 * The map has a clock that its user moves on: by rounds with map_expire(), or freely.
 */
#pragma once

#include "service/redir.h"
#include "util/alloc.h"

#include <assert.h>

enum {
	MAP_NODES = RELOAD_REDIR_LEVELS << 16,
	MAP_ROUND_S = 540 /* from one round to the next: 90% of the lifetime */
};

struct map_node {
	size_t count;
	struct reload_redir_entry *entries;
	uint64_t *until; /* end of each, in seconds */
	size_t requests; /* Fetches and Stores */
};

struct map {
	uint32_t branching;
	uint64_t now;           /* in seconds */
	struct map_node *nodes; /* by level and number */
	size_t fetches, stores; /* answered */
	size_t fail_after;      /* not 0: Fetches and Stores fail from that Fetch on */
	enum reload_err failure;
	size_t capacity; /* not 0: a Fetch of a tree node with more entries fails */
};

static inline void map_init(struct map *m, uint32_t branching)
{
	*m = (struct map){ .branching = branching };
	m->nodes = reload_alloc_array(MAP_NODES, sizeof(*m->nodes));
	memset(m->nodes, 0, MAP_NODES * sizeof(*m->nodes));
}

static inline void map_clear(struct map *m)
{
	for (size_t i = 0; i < MAP_NODES; i++) {
		free(m->nodes[i].entries);
		free(m->nodes[i].until);
	}
	free(m->nodes);
}

static inline struct map_node *map_at(struct map *m, struct reload_redir_place p)
{
	return &m->nodes[(size_t)p.level << 16 | p.node];
}

static inline void map_put(struct map *m, struct reload_redir_place p, const struct reload_id *id)
{
	struct map_node *n = map_at(m, p);
	size_t i = 0;
	assert(reload_redir_place(id, m->branching, p.level).node == p.node);
	while (i < n->count && !reload_id_eq(&n->entries[i].node, id))
		i++;
	if (i == n->count) {
		n->entries = reload_realloc(n->entries, (i + 1) * sizeof(*n->entries));
		n->until = reload_realloc(n->until, (i + 1) * sizeof(*n->until));
		n->entries[n->count++] = (struct reload_redir_entry){ .node = *id };
	}
	n->until[i] = m->now + RELOAD_REDIR_LIFETIME_S;
}

/* map_drop() drops the entry of id, NULL: all that have expired. */
static inline void map_drop(struct map *m, struct map_node *n, const struct reload_id *id)
{
	size_t left = 0;
	for (size_t i = 0; i < n->count; i++)
		if (id ? !reload_id_eq(&n->entries[i].node, id) : n->until[i] > m->now) {
			n->entries[left] = n->entries[i];
			n->until[left++] = n->until[i];
		}
	n->count = left;
}

/* map_expire() goes on to the next round: what was not stored in this one expires. */
static inline void map_expire(struct map *m)
{
	m->now += MAP_ROUND_S;
	for (size_t i = 0; i < MAP_NODES; i++)
		map_drop(m, &m->nodes[i], NULL);
}

static inline enum reload_err map_outcome(struct map *m, const struct map_node *n)
{
	if (m->fail_after && m->fetches > m->fail_after)
		return m->failure;
	return n->count ? RELOAD_OK : RELOAD_NOT_FOUND;
}

static inline enum reload_err map_fetch_outcome(struct map *m, const struct map_node *n)
{
	return m->capacity && n->count > m->capacity ? RELOAD_RESPONSE_TOO_LARGE
						     : map_outcome(m, n);
}

/* map_register() runs one round of a provider; *start is the level to begin with and becomes the next one. */
static inline struct reload_redir_registration map_register(
	struct map *m, const struct reload_id *id, unsigned start)
{
	struct reload_redir_registration r;
	struct reload_redir_step s;
	reload_redir_register(&r, id, m->branching, start);
	while ((s = reload_redir_register_next(&r)).action != RELOAD_REDIR_END) {
		struct map_node *n = map_at(m, s.place);
		n->requests++;
		map_drop(m, n, NULL);
		if (s.action == RELOAD_REDIR_FETCH) {
			m->fetches++;
			reload_redir_register_fetched(
				&r, map_fetch_outcome(m, n), n->entries, n->count);
			continue;
		}
		m->stores++;
		enum reload_err err = map_outcome(m, n);
		if (err == RELOAD_NOT_FOUND)
			err = RELOAD_OK;
		if (!err)
			map_put(m, s.place, id);
		reload_redir_register_stored(&r, err);
	}
	return r;
}

static inline struct reload_redir_lookup map_lookup(struct map *m, const struct reload_id *key,
	const struct reload_id *self, unsigned start, uint64_t random)
{
	struct reload_redir_lookup l;
	struct reload_redir_place p;
	reload_redir_lookup(&l, key, self, m->branching, start, random);
	while (reload_redir_lookup_next(&l, &p)) {
		struct map_node *n = map_at(m, p);
		n->requests++;
		map_drop(m, n, NULL);
		m->fetches++;
		reload_redir_lookup_fetched(&l, map_fetch_outcome(m, n), n->entries, n->count);
	}
	return l;
}
