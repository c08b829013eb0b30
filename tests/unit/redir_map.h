/*
 * A service's tree as a map, for the machines of service/redir.h: a Store puts a provider into it, a Fetch lists it.  Node-IDs are 16 bytes.
 */
#pragma once

#include "service/redir.h"
#include "util/alloc.h"

#include <assert.h>

enum {
	MAP_NODES = RELOAD_REDIR_LEVELS << 16,
	MAP_ENTRIES = 4096 /* of one tree node: as many as an answer may have */
};

struct map_node {
	size_t count;
	struct reload_redir_entry *entries;
	unsigned *rounds; /* in which each was stored last */
};

struct map {
	uint32_t branching;
	unsigned round;
	struct map_node *nodes; /* by level and number */
	size_t fetches, stores; /* answered */
	size_t fail_after;      /* not 0: Fetches and Stores fail from that Fetch on */
	enum reload_err failure;
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
		free(m->nodes[i].rounds);
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
		n->rounds = reload_realloc(n->rounds, (i + 1) * sizeof(*n->rounds));
		n->entries[n->count++] = (struct reload_redir_entry){ .node = *id };
	}
	n->rounds[i] = m->round;
}

/* map_expire() drops what was not stored in this round, and begins the next one. */
static inline void map_expire(struct map *m)
{
	for (size_t k = 0; k < MAP_NODES; k++) {
		struct map_node *n = &m->nodes[k];
		size_t left = 0;
		for (size_t i = 0; i < n->count; i++)
			if (n->rounds[i] == m->round) {
				n->entries[left] = n->entries[i];
				n->rounds[left++] = n->rounds[i];
			}
		n->count = left;
	}
	m->round++;
}

static inline enum reload_err map_outcome(struct map *m, const struct map_node *n)
{
	if (m->fail_after && m->fetches > m->fail_after)
		return m->failure;
	return n->count ? RELOAD_OK : RELOAD_NOT_FOUND;
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
		if (s.action == RELOAD_REDIR_FETCH) {
			m->fetches++;
			reload_redir_register_fetched(&r, map_outcome(m, n), n->entries, n->count);
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
		m->fetches++;
		reload_redir_lookup_fetched(&l, map_outcome(m, n), n->entries, n->count);
	}
	return l;
}
