#include "route/connections.h"

enum {
	GENERATION_BITS = 3,
	GENERATION_MASK = 7,
	OPAQUE_TOP = 0x8000,
	FEW = 256 /* an array of all slots is larger than all else that a node with few links holds */
};

static int link_cmp(struct reload_connection *a, struct reload_connection *b)
{
	return (a->link > b->link) - (a->link < b->link);
}

static int node_cmp(struct reload_connection *a, struct reload_connection *b)
{
	int c = reload_id_cmp(&a->node, &b->node);
	return c ? c : (a->order > b->order) - (a->order < b->order);
}

RELOAD_TREE(reload_link_tree, reload_connection, by_link, link_cmp)
RELOAD_TREE(reload_node_tree, reload_connection, by_node, node_cmp)

struct reload_connections *reload_connections_new(
	size_t max, void (*random)(void *arg, void *out, size_t len), void *arg)
{
	struct reload_connections *c = RELOAD_NEW(reload_connections);
	c->max = max < RELOAD_SLOTS ? max : RELOAD_SLOTS;
	random(arg, c->generations, sizeof(c->generations));
	return c;
}

void reload_connections_free(struct reload_connections *c)
{
	if (!c)
		return;
	struct reload_connection *con;
	while ((con = RB_MIN(reload_link_tree, &c->links)))
		reload_connection_remove(c, con);
	free(c->slots);
	free(c);
}

static struct reload_connection *slot_of(struct reload_connections *c, unsigned slot)
{
	struct reload_connection *con = NULL;
	if (c->slots)
		return c->slots[slot];
	RB_FOREACH (con, reload_link_tree, &c->links)
		if (con->slot == slot)
			return con;
	return NULL;
}

static void slots_begin(struct reload_connections *c)
{
	struct reload_connection *con;
	c->slots = reload_alloc_array(RELOAD_SLOTS, sizeof(struct reload_connection *));
	RB_FOREACH (con, reload_link_tree, &c->links)
		c->slots[con->slot] = con;
}

static unsigned slot_take(struct reload_connections *c, struct reload_connection *con)
{
	if (!c->slots && c->count >= FEW)
		slots_begin(c);
	while (slot_of(c, c->next_slot))
		c->next_slot = (c->next_slot + 1) % RELOAD_SLOTS;
	unsigned slot = c->next_slot;
	c->next_slot = (slot + 1) % RELOAD_SLOTS;
	if (c->slots)
		c->slots[slot] = con;
	c->generations[slot]++;
	return slot;
}

struct reload_connection *reload_connection_add(
	struct reload_connections *c, uint32_t link, struct reload_cert *cert, reload_ms now)
{
	if (c->count >= c->max)
		return NULL;
	struct reload_connection *con = RELOAD_NEW(reload_connection);
	con->link = link;
	con->order = c->order++;
	con->cert = reload_cert_ref(cert);
	con->good = true;
	con->since = now;
	con->slot = slot_take(c, con);
	if (RB_INSERT(reload_link_tree, &c->links, con))
		abort(); /* the host used a link number twice */
	c->count++;
	if (cert->node_ids_count == 1)
		reload_connection_bind(c, con, &cert->node_ids[0]);
	return con;
}

void reload_connection_bind(
	struct reload_connections *c, struct reload_connection *con, const struct reload_id *node)
{
	if (con->node.len)
		RB_REMOVE(reload_node_tree, &c->nodes, con);
	con->node = *node;
	RB_INSERT(reload_node_tree, &c->nodes, con);
}

void reload_connection_remove(struct reload_connections *c, struct reload_connection *con)
{
	RB_REMOVE(reload_link_tree, &c->links, con);
	if (con->node.len)
		RB_REMOVE(reload_node_tree, &c->nodes, con);
	if (c->slots)
		c->slots[con->slot] = NULL;
	c->count--;
	reload_cert_free(con->cert);
	free(con);
}

struct reload_connection *reload_connection_by_link(struct reload_connections *c, uint32_t link)
{
	struct reload_connection key = { .link = link };
	return RB_FIND(reload_link_tree, &c->links, &key);
}

struct reload_connection *reload_connection_by_node(
	struct reload_connections *c, const struct reload_id *node)
{
	struct reload_connection key = { .node = *node, .order = 0 };
	struct reload_connection *first = RB_NFIND(reload_node_tree, &c->nodes, &key), *con;
	if (!first || !reload_id_eq(&first->node, node))
		return NULL;
	for (con = first; con && reload_id_eq(&con->node, node);
		con = RB_NEXT(reload_node_tree, &c->nodes, con))
		if (con->good)
			return con;
	return first;
}

struct reload_connection *reload_connection_next(
	struct reload_connections *c, struct reload_connection *con)
{
	return con ? RB_NEXT(reload_link_tree, &c->links, con)
		   : RB_MIN(reload_link_tree, &c->links);
}

struct reload_destination reload_connection_opaque(
	const struct reload_connections *c, const struct reload_connection *con, uint8_t bytes[2])
{
	unsigned name = OPAQUE_TOP | con->slot << GENERATION_BITS |
			(c->generations[con->slot] & GENERATION_MASK);
	bytes[0] = (uint8_t)(name >> 8);
	bytes[1] = (uint8_t)name;
	return (struct reload_destination){
		.type = RELOAD_DEST_OPAQUE, .short_form = true, .opaque = span_of(bytes, 2)
	};
}

struct reload_destination reload_connection_hop(
	const struct reload_connections *c, const struct reload_connection *con, uint8_t bytes[2])
{
	return con->node.len ? reload_dest_node(&con->node)
			     : reload_connection_opaque(c, con, bytes);
}

struct reload_connection *reload_connection_by_opaque(
	struct reload_connections *c, const struct reload_destination *d)
{
	if (d->type != RELOAD_DEST_OPAQUE || d->opaque.len != 2 || !(d->opaque.at[0] & 0x80))
		return NULL;
	unsigned name = (unsigned)d->opaque.at[0] << 8 | d->opaque.at[1];
	unsigned slot = name >> GENERATION_BITS & (RELOAD_SLOTS - 1);
	if ((name & GENERATION_MASK) != (c->generations[slot] & GENERATION_MASK))
		return NULL;
	return slot_of(c, slot);
}
