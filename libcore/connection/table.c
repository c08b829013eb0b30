#include "connection/table.h"

enum {
	GENERATION_BITS = 3,
	GENERATION_MASK = 7,
	OPAQUE_TOP = 0x8000,
	DIRECT_SLOTS_FROM =
		256 /* an array of all slots is larger than all else that a node with few links holds */
};

/* -- the two orders --------------------------------------------------------------------------------------------------------- */

static uint64_t node_key(const struct reload_id *node)
{
	struct rd r = rd_of(reload_id_span(node));
	return rd_u64(&r);
}

/* The place of the first connection whose link is not below this one. */
static size_t link_lower(const struct reload_connections *c, uint32_t link)
{
	size_t low = 0, high = c->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (c->links[middle].link < link)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The place of the first connection that is not below (node, order). */
static size_t node_lower(
	const struct reload_connections *c, const struct reload_id *node, uint64_t order)
{
	uint64_t key = node_key(node);
	size_t low = 0, high = c->nodes_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct reload_node_entry *e = &c->nodes[middle];
		int cmp = e->key == key  ? reload_id_cmp(&e->con->node, node)
			  : e->key < key ? -1
					 : 1;
		if (cmp < 0 || (!cmp && e->con->order < order))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool link_enter(struct reload_connections *c, struct reload_connection *con)
{
	size_t i = link_lower(c, con->link);
	if (i < c->count && c->links[i].link == con->link)
		return false;
	reload_grow(&c->links, &c->links_cap, c->count, sizeof(*c->links));
	memmove(&c->links[i + 1], &c->links[i], (c->count - i) * sizeof(*c->links));
	c->links[i] = (struct reload_link_entry){ .link = con->link, .con = con };
	c->count++;
	return true;
}

static void node_enter(struct reload_connections *c, struct reload_connection *con)
{
	size_t i = node_lower(c, &con->node, con->order);
	reload_grow(&c->nodes, &c->nodes_cap, c->nodes_count, sizeof(*c->nodes));
	memmove(&c->nodes[i + 1], &c->nodes[i], (c->nodes_count - i) * sizeof(*c->nodes));
	c->nodes[i] = (struct reload_node_entry){ .key = node_key(&con->node), .con = con };
	c->nodes_count++;
}

static void node_leave(struct reload_connections *c, const struct reload_connection *con)
{
	if (!con->node.len)
		return;
	size_t i = node_lower(c, &con->node, con->order);
	c->nodes_count--;
	memmove(&c->nodes[i], &c->nodes[i + 1], (c->nodes_count - i) * sizeof(*c->nodes));
}

/* -- the table -------------------------------------------------------------------------------------------------------------- */

struct reload_connections *reload_connections_new(
	size_t max, void (*random)(void *arg, void *out, size_t len), void *arg)
{
	struct reload_connections *c = RELOAD_NEW(reload_connections);
	c->max = max < RELOAD_SLOTS ? max : RELOAD_SLOTS;
	c->random = random;
	c->random_arg = arg;
	return c;
}

void reload_connections_free(struct reload_connections *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->count; i++) {
		reload_cert_free(c->links[i].con->cert);
		free(c->links[i].con);
	}
	free(c->links);
	free(c->nodes);
	free(c->slots);
	free(c->generations);
	free(c);
}

static struct reload_connection *slot_of(struct reload_connections *c, unsigned slot)
{
	if (c->slots)
		return c->slots[slot];
	for (size_t i = 0; i < c->count; i++)
		if (c->links[i].con->slot == slot)
			return c->links[i].con;
	return NULL;
}

static void slots_begin(struct reload_connections *c)
{
	c->slots = reload_alloc_array(RELOAD_SLOTS, sizeof(struct reload_connection *));
	for (size_t i = 0; i < c->count; i++)
		c->slots[c->links[i].con->slot] = c->links[i].con;
}

/* Slots are first used in their order, as they are used in rotation. */
static void generations_until(struct reload_connections *c, unsigned slot)
{
	size_t had = c->generations_cap;
	reload_grow(&c->generations, &c->generations_cap, slot, sizeof(*c->generations));
	if (c->generations_cap > had)
		c->random(c->random_arg, c->generations + had, c->generations_cap - had);
}

static unsigned slot_take(struct reload_connections *c, struct reload_connection *con)
{
	if (!c->slots && c->count >= DIRECT_SLOTS_FROM)
		slots_begin(c);
	while (slot_of(c, c->next_slot))
		c->next_slot = (c->next_slot + 1) % RELOAD_SLOTS;
	unsigned slot = c->next_slot;
	c->next_slot = (slot + 1) % RELOAD_SLOTS;
	if (c->slots)
		c->slots[slot] = con;
	generations_until(c, slot);
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
	con->cert = cert ? reload_cert_ref(cert) : NULL;
	con->good = true;
	con->since = con->used = con->active = con->heard = now;
	con->slot = (uint16_t)slot_take(c, con);
	if (!link_enter(c, con))
		abort(); /* the host used a link number twice */
	if (cert && cert->node_ids_count == 1)
		reload_connection_bind(c, con, &cert->node_ids[0]);
	return con;
}

void reload_connection_bind(
	struct reload_connections *c, struct reload_connection *con, const struct reload_id *node)
{
	node_leave(c, con);
	con->node = *node;
	node_enter(c, con);
}

void reload_connection_answered(struct reload_connection *con, reload_ms after)
{
	con->answers_in =
		after >= con->answers_in ? after : con->answers_in - (con->answers_in - after) / 4;
}

void reload_connection_remove(struct reload_connections *c, struct reload_connection *con)
{
	size_t i = link_lower(c, con->link);
	node_leave(c, con);
	c->count--;
	memmove(&c->links[i], &c->links[i + 1], (c->count - i) * sizeof(*c->links));
	if (c->slots)
		c->slots[con->slot] = NULL;
	if (c->default_connection == con)
		c->default_connection = NULL;
	reload_cert_free(con->cert);
	free(con);
}

struct reload_connection *reload_connection_by_link(struct reload_connections *c, uint32_t link)
{
	size_t i = link_lower(c, link);
	return i < c->count && c->links[i].link == link ? c->links[i].con : NULL;
}

struct reload_connection *reload_connection_by_node(
	struct reload_connections *c, const struct reload_id *node)
{
	size_t first = node_lower(c, node, 0);
	if (first == c->nodes_count || !reload_id_eq(&c->nodes[first].con->node, node))
		return NULL;
	for (size_t i = first; i < c->nodes_count && reload_id_eq(&c->nodes[i].con->node, node);
		i++)
		if (c->nodes[i].con->good)
			return c->nodes[i].con;
	return c->nodes[first].con;
}

size_t reload_connection_work(
	const struct reload_connections *c, const struct reload_connection *con)
{
	size_t work = 0;
	if (!con->node.len)
		return con->work;
	for (size_t i = node_lower(c, &con->node, 0);
		i < c->nodes_count && reload_id_eq(&c->nodes[i].con->node, &con->node); i++)
		work += c->nodes[i].con->work;
	return work;
}

struct reload_connection *reload_connection_next(
	struct reload_connections *c, struct reload_connection *con)
{
	size_t i = con ? link_lower(c, con->link) + 1 : 0;
	return i < c->count ? c->links[i].con : NULL;
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
	if (slot >= c->generations_cap)
		return NULL; /* never used so far */
	if ((name & GENERATION_MASK) != (c->generations[slot] & GENERATION_MASK))
		return NULL;
	return slot_of(c, slot);
}
