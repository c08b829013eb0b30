#include "membership/known.h"

enum {
	ADDRESSES_OF_ONE = 2,
	MET_MAX = 16 /* at the maximum the next one takes the place of the oldest */
};

static struct reload_known *known_of(struct reload_membership *m)
{
	if (!m->known)
		m->known = RELOAD_NEW(reload_known);
	return m->known;
}

/* Where the entry stands that c takes the place of: the same address, the node's oldest beyond ADDRESSES_OF_ONE; else count. */
static size_t place_of(const struct candidates *list, const struct candidate *c)
{
	size_t of_one = 0, oldest = list->count;
	for (size_t i = 0; i < list->count; i++) {
		if (same_addr(&list->at[i], c))
			return i;
		if (c->node.len && reload_id_eq(&list->at[i].node, &c->node)) {
			of_one++;
			oldest = i;
		}
	}
	return of_one < ADDRESSES_OF_ONE ? list->count : oldest;
}

static void candidates_add(struct candidates *list, size_t max, struct candidate c)
{
	size_t at = place_of(list, &c);
	if (at == list->count && at == max)
		at--;
	if (at == list->count) {
		reload_grow_within(&list->at, &list->cap, list->count, sizeof(c), max);
		list->count++;
	}
	memmove(&list->at[1], &list->at[0], at * sizeof(c));
	list->at[0] = c;
}

static void reached(struct reload_membership *m, const struct candidate *c)
{
	struct reload_ip_port addr = addr_of(c);
	candidates_add(&m->known->reached, RELOAD_KNOWN_MAX, *c);
	if (m->engine->ops->reached)
		m->engine->ops->reached(m->engine->host, &c->node, &addr, 1);
}

void reload_known_tables(struct reload_membership *m)
{
	struct reload_known *k = m->known;
	size_t kept = 0;
	for (size_t i = 0; k && i < k->met.count; i++) {
		struct candidate c = k->met.at[i];
		if (reload_topology_lists(m->route->topology, m->route->plugin, &c.node))
			reached(m, &c);
		else
			k->met.at[kept++] = c;
	}
	if (k)
		k->met.count = kept;
}

void reload_known_proven(struct reload_membership *m, const struct reload_id *node,
	const struct reload_ip_port *addr)
{
	if (m->role != RELOAD_ROLE_PEER || reload_id_eq(node, &m->engine->self))
		return;
	struct candidate c = candidate_of(addr);
	c.node = *node;
	candidates_add(&known_of(m)->met, MET_MAX, c);
	reload_known_tables(m);
}

bool reload_known_is_proven(const struct reload_membership *m, const struct reload_id *node)
{
	for (size_t i = 0; m->known && i < m->known->reached.count; i++)
		if (reload_id_eq(&m->known->reached.at[i].node, node))
			return true;
	return false;
}

size_t reload_known_count(struct reload_membership *m)
{
	size_t count = 0;
	for (size_t i = 0; m->known && i < m->known->reached.count; i++)
		count += m->known->reached.at[i].node.len &&
			 reload_topology_lists(m->route->topology, m->route->plugin,
				 &m->known->reached.at[i].node);
	return count;
}

void reload_known_remember(
	struct reload_membership *m, const struct reload_ip_port *addrs, size_t count)
{
	for (size_t i = count < RELOAD_KNOWN_MAX ? count : RELOAD_KNOWN_MAX; i-- > 0;)
		if (usable(&addrs[i]))
			candidates_add(
				&known_of(m)->reached, RELOAD_KNOWN_MAX, candidate_of(&addrs[i]));
}

bool reload_known_any(const struct reload_membership *m)
{
	return m->known && m->known->reached.count;
}

void reload_known_clear(struct reload_membership *m)
{
	if (!m->known)
		return;
	free(m->known->reached.at);
	free(m->known->met.at);
	free(TAKE(m->known));
}
