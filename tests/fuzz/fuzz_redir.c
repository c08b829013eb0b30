/*
 * Records of ReDiR from unknown writers.  The first two bytes choose the branching factor and the length of Node-IDs; then comes a
 * Node-ID, then the record.  What is accepted for a tree node must be in it, comes back by the writer with the same bytes when it has its form, and can
 * be shown.
 */
#include "storage/access.h"
#include "usage/usage.h"
#include "wire/redir.h"

#include "ident/ops.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint32_t factors[] = { 2, 3, 4, 10, 16, 257, 65536 };

static void resource_id(struct reload_id *out, struct span name)
{
	uint8_t digest[RELOAD_HASH_SIZE_MAX];
	size_t len = reload_hash(digest, RELOAD_HASH_SHA1, &name, 1);
	assert(len == 20);
	*out = (struct reload_id){ .len = RELOAD_ID_USUAL };
	memcpy(out->at, digest, out->len);
}

/* Whether a node with that Node-ID may store v at resource. */
static bool allowed(const struct reload_kind *kind, const struct reload_id *node,
	const struct reload_id *resource, const struct reload_stored_value *v)
{
	struct reload_id own = *node;
	struct reload_cert cert = { .node_ids = &own, .node_ids_count = 1 };
	struct reload_access a = { .kind = kind,
		.resource = resource,
		.value = v,
		.cert = &cert,
		.node = &own,
		.resource_id = resource_id };
	return reload_access_allowed(&a);
}

static void check_places(const struct reload_id *id, uint32_t b)
{
	uint64_t places = 1;
	uint32_t above = 0;
	for (unsigned level = 0; level <= reload_redir_deepest(b); level++, places *= b) {
		struct reload_redir_place p = reload_redir_place(id, b, level);
		uint32_t interval = reload_redir_interval(id, b, level);
		assert(p.node < places && interval / b == p.node);
		assert(!level ||
			p.node == above); /* the interval of the level above is this node */
		above = interval;
	}
}

static void check_record(
	const struct reload_kind *kind, const struct reload_id *node, struct span value)
{
	struct reload_redir_provider p;
	struct reload_id provider, resource;
	struct reload_error_text why = { 0 };
	struct reload_stored_value v = { .model = RELOAD_MODEL_DICTIONARY,
		.exists = true,
		.key = reload_id_span(node),
		.value = value };
	enum reload_err err = reload_redir_provider_read(&p, &provider, value, node->len, &why);
	assert(!err == !why.reason[0]);
	assert(!err == reload_access_readable(RELOAD_ACCESS_NODE_ID_MATCH, &v, node->len));
	if (err) {
		resource_id(&resource, value);
		assert(!allowed(kind, node, &resource, &v));
		return;
	}
	struct wr w;
	wr_init(&w);
	reload_redir_name(&w, p.namespace, (struct reload_redir_place){ p.level, p.node });
	resource_id(&resource, wr_done(&w));
	assert(allowed(kind, node, &resource, &v) ==
		reload_redir_placed(&p, node, kind->branching_factor));
	w.len = 0;
	reload_wire_write(&w, &reload_redir_provider_wire,
		&(struct wire_ctx){ .node_id_len = node->len }, &p);
	assert(span_eq(wr_done(&w), value));
	wr_clear(&w);
	struct reload_config config = { .node_id_len = node->len };
	json_t *o = reload_usage_find(RELOAD_KIND_REDIR)->json(value, &config);
	assert(o);
	json_decref(o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_of(span_of(data, size));
	struct reload_kind kind = { .id = RELOAD_KIND_REDIR,
		.model = RELOAD_MODEL_DICTIONARY,
		.access = RELOAD_ACCESS_NODE_ID_MATCH,
		.branching_factor = factors[rd_u8(&r) % COUNT_OF(factors)] };
	struct reload_id node = { .len = (uint8_t)(16 + rd_u8(&r) % 5) };
	struct span id = rd_span(&r, node.len), rest = rd_rest(&r);
	if (r.err)
		return 0;
	memcpy(node.at, id.at, id.len);
	check_places(&node, kind.branching_factor);
	uint8_t *copy = reload_memdup(rest.at, rest.len); /* one byte too far is seen */
	check_record(&kind, &node, span_of(copy, rest.len));
	free(copy);
	return 0;
}
