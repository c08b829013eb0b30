#include "membership/cached_peers.h"

enum {
	ADDRESSES_PER_NODE = 2,
	DIALLED_OTHERS_MAX = 16 /* at the maximum the next one takes the place of the oldest */
};

static struct reload_cached_peers *cached_of(struct reload_membership *m)
{
	if (!m->cached_peers)
		m->cached_peers = RELOAD_NEW(reload_cached_peers);
	return m->cached_peers;
}

/* Where the entry stands that c takes the place of: the same address, the node's oldest beyond ADDRESSES_PER_NODE; else count. */
static size_t replaced_entry(const struct candidates *list, const struct candidate *c)
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
	return of_one < ADDRESSES_PER_NODE ? list->count : oldest;
}

static void candidates_add(struct candidates *list, size_t max, struct candidate c)
{
	size_t at = replaced_entry(list, &c);
	if (at == list->count && at == max)
		at--;
	if (at == list->count) {
		reload_grow_within(&list->at, &list->cap, list->count, sizeof(c), max);
		list->count++;
	}
	memmove(&list->at[1], &list->at[0], at * sizeof(c));
	list->at[0] = c;
}

static void add_reached(struct reload_membership *m, const struct candidate *c)
{
	struct reload_ip_port addr = addr_of(c);
	candidates_add(&m->cached_peers->peers, RELOAD_CACHED_PEERS_MAX, *c);
	if (m->engine->ops->reached)
		m->engine->ops->reached(m->engine->host, &c->node, &addr, 1);
}

bool reload_cached_peers_is_peer(struct reload_membership *m, const struct reload_id *node)
{
	return m->role == RELOAD_ROLE_CLIENT
		       ? reload_connection_by_node(m->connections, node) != NULL
		       : reload_topology_lists(m->route->topology, m->route->plugin, node);
}

void reload_cached_peers_tables_changed(struct reload_membership *m)
{
	struct reload_cached_peers *k = m->cached_peers;
	size_t kept = 0;
	for (size_t i = 0; k && i < k->dialled_others.count; i++) {
		struct candidate c = k->dialled_others.at[i];
		if (reload_cached_peers_is_peer(m, &c.node))
			add_reached(m, &c);
		else
			k->dialled_others.at[kept++] = c;
	}
	if (k)
		k->dialled_others.count = kept;
}

void reload_cached_peers_confirm(struct reload_membership *m, const struct reload_id *node,
	const struct reload_ip_port *addr)
{
	if (reload_id_eq(node, &m->engine->self))
		return;
	struct candidate c = candidate_of(addr);
	c.node = *node;
	candidates_add(&cached_of(m)->dialled_others, DIALLED_OTHERS_MAX, c);
	reload_cached_peers_tables_changed(m);
}

bool reload_cached_peers_has(const struct reload_membership *m, const struct reload_id *node)
{
	for (size_t i = 0; m->cached_peers && i < m->cached_peers->peers.count; i++)
		if (reload_id_eq(&m->cached_peers->peers.at[i].node, node))
			return true;
	return false;
}

size_t reload_cached_peers_in_tables(struct reload_membership *m)
{
	size_t count = 0;
	for (size_t i = 0; m->cached_peers && i < m->cached_peers->peers.count; i++)
		count += m->cached_peers->peers.at[i].node.len &&
			 reload_cached_peers_is_peer(m, &m->cached_peers->peers.at[i].node);
	return count;
}

void reload_cached_peers_load(
	struct reload_membership *m, const struct reload_ip_port *addrs, size_t count)
{
	for (size_t i = count < RELOAD_CACHED_PEERS_MAX ? count : RELOAD_CACHED_PEERS_MAX; i-- > 0;)
		if (usable(&addrs[i]))
			candidates_add(&cached_of(m)->peers, RELOAD_CACHED_PEERS_MAX,
				candidate_of(&addrs[i]));
}

bool reload_cached_peers_any(const struct reload_membership *m)
{
	return m->cached_peers && m->cached_peers->peers.count;
}

void reload_cached_peers_clear(struct reload_membership *m)
{
	if (!m->cached_peers)
		return;
	free(m->cached_peers->peers.at);
	free(m->cached_peers->dialled_others.at);
	free(TAKE(m->cached_peers));
}
