#include "wire/redir.h"

#include "util/text.h"
#include "wire/destination.h"
#include "wire/table.h"

#include <assert.h>

static const struct wire_name extension_types[] = {
	{ 0, "none" },
	{ 0, NULL },
};

/* clang-format off */
static const struct wire_field provider_fields[] = {
	{ WIRE_INT(struct reload_redir_provider, type), WIRE_NAMES(extension_types) },
	{ WIRE_LENGTH_OF(struct reload_redir_provider, destination_list, 2) },
	{ WIRE_SIZED(struct reload_redir_provider, destination_list, reload_destination_wire) },
	{ WIRE_BYTES(struct reload_redir_provider, namespace, 2), WIRE_TEXT },
	{ WIRE_INT(struct reload_redir_provider, level) },
	{ WIRE_INT(struct reload_redir_provider, node) },
	{ WIRE_BYTES(struct reload_redir_provider, extension, 2) },
};
/* clang-format on */
const struct wire_type reload_redir_provider_wire =
	WIRE_TYPE(struct reload_redir_provider, "RedirServiceProvider", provider_fields);

enum {
	PLACES_MAX = 65536 /* of one level: node numbers have 16 bits */
};

static uint64_t places_at(uint32_t branching, unsigned level)
{
	uint64_t places = 1;
	while (level--)
		places *= branching;
	return places;
}

unsigned reload_redir_deepest(uint32_t branching)
{
	unsigned level = 0;
	assert(branching >= RELOAD_REDIR_BRANCHING_MIN && branching <= RELOAD_REDIR_BRANCHING_MAX);
	for (uint64_t places = branching; places <= PLACES_MAX; places *= branching)
		level++;
	return level;
}

/* floor(id * parts / 2^(8 * len)), byte by byte from the last one; parts is at most 2^32. */
static uint32_t part_of(const struct reload_id *id, uint64_t parts)
{
	uint64_t carry = 0;
	for (size_t i = id->len; i-- > 0;)
		carry = (id->at[i] * parts + carry) >> 8;
	return (uint32_t)carry;
}

struct reload_redir_place reload_redir_place(
	const struct reload_id *id, uint32_t branching, unsigned level)
{
	assert(level <= reload_redir_deepest(branching));
	return (struct reload_redir_place){ .level = (uint16_t)level,
		.node = (uint16_t)part_of(id, places_at(branching, level)) };
}

uint32_t reload_redir_interval(const struct reload_id *id, uint32_t branching, unsigned level)
{
	assert(level <= reload_redir_deepest(branching));
	return part_of(id, places_at(branching, level + 1));
}

void reload_redir_name(struct wr *w, struct span service, struct reload_redir_place place)
{
	wr_span(w, service);
	wr_u16(w, place.level);
	wr_u16(w, place.node);
}

bool reload_redir_namespace_valid(struct span s)
{
	return s.len && s.len <= RELOAD_REDIR_NAMESPACE_MAX && reload_utf8_valid(s);
}

/* Finds the last entry of a list; RELOAD_BAD_VALUE for an empty list or one that does not parse. */
static enum reload_err last_of(
	struct reload_destination *last, struct span list, uint8_t node_id_len)
{
	struct wire_ctx ctx = { .node_id_len = node_id_len };
	struct reload_destination d;
	struct rd r = rd_of(list);
	while (reload_dest_next(&r, &ctx, &d))
		*last = d;
	return r.err || !list.len ? RELOAD_BAD_VALUE : RELOAD_OK;
}

enum reload_err reload_redir_provider_read(struct reload_redir_provider *out,
	struct reload_id *provider, struct span value, uint8_t node_id_len,
	struct reload_error_text *why)
{
	static const char what[] = "a REDIR record";
	struct wire_ctx ctx = { .node_id_len = node_id_len };
	struct reload_redir_provider p;
	struct reload_destination last = { 0 };
	enum reload_err err = reload_wire_decode(value, &reload_redir_provider_wire, &ctx, &p);
	if (err)
		return reload_error_explain(why, RELOAD_BAD_VALUE, what,
			"no RedirServiceProvider: %s", reload_err_text(err));
	if (last_of(&last, p.destination_list, node_id_len))
		return reload_error_explain(why, RELOAD_BAD_VALUE, what,
			"destination_list is no list of one entry or more");
	if (!reload_redir_namespace_valid(p.namespace))
		return reload_error_explain(why, RELOAD_BAD_VALUE, what,
			"namespace has %zu bytes; it must be UTF-8 of 1 to %d bytes",
			p.namespace.len, RELOAD_REDIR_NAMESPACE_MAX);
	*out = p;
	*provider = (struct reload_id){ 0 };
	if (last.type == RELOAD_DEST_NODE)
		*provider = last.node;
	return RELOAD_OK;
}

bool reload_redir_placed(
	const struct reload_redir_provider *p, const struct reload_id *id, uint32_t branching)
{
	return p->level <= reload_redir_deepest(branching) &&
	       reload_redir_place(id, branching, p->level).node == p->node;
}

void reload_redir_provider_write(struct wr *w, const struct reload_id *node, struct span service,
	struct reload_redir_place place)
{
	uint8_t bytes[RELOAD_ID_MAX + 2];
	struct wr list = wr_fixed(bytes, sizeof(bytes));
	struct wire_ctx ctx = { .node_id_len = node->len };
	struct reload_destination to = reload_dest_node(node);
	reload_wire_write(&list, &reload_destination_wire, &ctx, &to);
	struct reload_redir_provider p = { .destination_list = wr_done(&list),
		.namespace = service,
		.level = place.level,
		.node = place.node };
	reload_wire_write(w, &reload_redir_provider_wire, &ctx, &p);
}
