/* JSON and text by table. */
#include "wire/internal.h"

#include "util/plain.h"
#include "util/text.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>

enum {
	SHOWN = 64
}; /* bytes of a long value in text; JSON has them all */

static json_t *hex_json(struct span s)
{
	char *digits = reload_alloc(2 * s.len + 1);
	json_t *j = json_string(reload_hex(digits, s));
	free(digits);
	return j;
}

static json_t *text_json(struct span s)
{
	json_t *j =
		reload_utf8_valid(s) ? json_stringn(s.len ? (const char *)s.at : "", s.len) : NULL;
	return j ? j : hex_json(s);
}

static json_t *address_json(const void *at, size_t len)
{
	char text[INET6_ADDRSTRLEN];
	inet_ntop(len == 4 ? AF_INET : AF_INET6, at, text, sizeof(text));
	return json_string(text);
}

static json_t *int_json(const struct wire_field *f, const void *member)
{
	uint64_t v = reload_field_load(member, f->size);
	for (const struct wire_name *n = f->names; n && n->name; n++)
		if (n->value == v)
			return json_string(n->name);
	char text[24];
	if (f->hex)
		snprintf(text, sizeof(text), "0x%0*" PRIx64, 2 * f->size, v);
	else if (f->size == 8)
		snprintf(text, sizeof(text), "%" PRIu64,
			v); /* larger than what JSON readers represent exactly */
	else
		return json_integer((json_int_t)v);
	return json_string(text);
}

static json_t *item_json(const struct wire_field *f, const struct wire_ctx *ctx, const void *item)
{
	if (f->item == WIRE_OP_INT)
		return int_json(f, item);
	if (f->item == WIRE_OP_NODE_ID)
		return hex_json(reload_id_span(item));
	return reload_wire_json(f->type, ctx, item);
}

static json_t *list_json(const struct wire_field *f, const struct wire_ctx *ctx, const uint8_t *in)
{
	const uint8_t *items = *(void *const *)(in + f->at);
	size_t count = *(const size_t *)(in + f->count_at);
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, item_json(f, ctx, items + i * f->size));
	return list;
}

/* A sequence of structures that is stored as bytes; if it cannot be decoded the bytes are shown. */
static json_t *sized_json(const struct wire_field *f, const struct wire_ctx *ctx, struct span s)
{
	json_t *list = json_array();
	struct reload_arena arena = { 0 };
	struct wire_ctx in = *ctx;
	in.arena = &arena;
	void *item = reload_alloc(f->type->size);
	struct rd r = rd_of(s);
	while (rd_more(&r)) {
		struct span left = span_of(r.at, rd_left(&r));
		reload_wire_read(&r, f->type, &in, item);
		json_array_append_new(
			list, r.err ? hex_json(left) : reload_wire_json(f->type, &in, item));
	}
	free(item);
	reload_arena_clear(&arena);
	return list;
}

static json_t *field_json(const struct wire_field *f, const struct wire_ctx *ctx, const uint8_t *in)
{
	const void *member = in + f->at;
	const struct span *span = member;
	switch ((enum wire_op)f->op) {
	case WIRE_OP_INT:
	case WIRE_OP_MODEL:
		return int_json(f, member);
	case WIRE_OP_BOOL:
		return json_boolean(*(const bool *)member);
	case WIRE_OP_NODE_ID:
		return hex_json(reload_id_span(member));
	case WIRE_OP_FIXED:
		return f->address ? address_json(member, f->width)
				  : hex_json(span_of(member, f->width));
	case WIRE_OP_BYTES:
		return f->text ? text_json(*span) : hex_json(*span);
	case WIRE_OP_STRUCT:
		return reload_wire_json(f->type, ctx, member);
	case WIRE_OP_LIST:
		return list_json(f, ctx, in);
	case WIRE_OP_SIZED:
		return sized_json(f, ctx, *span);
	case WIRE_OP_REST:
	case WIRE_OP_MARK:
	case WIRE_OP_SINCE:
	case WIRE_OP_LENGTH_OF:
		return NULL; /* derived from other fields */
	}
	return NULL;
}

json_t *reload_wire_json(const struct wire_type *type, const struct wire_ctx *ctx, const void *in)
{
	json_t *o = json_object();
	for (const struct wire_field *f = type->fields; f < type->fields + type->count; f++) {
		if (!reload_field_present(f, in))
			continue;
		json_t *j = field_json(f, ctx, in);
		if (j)
			json_object_set_new(o, f->name, j);
	}
	return o;
}

/* --- text ------------------------------------------------------------------------------------- */

struct page {
	void (*put)(void *arg, const char *text);
	void *arg;
};

/* Text of a peer must not move the cursor of the terminal on which the log is read. */
static void put_value(struct wr *w, const char *value)
{
	size_t i = 0;
	while (value[i] && i < 2 * SHOWN) {
		struct reload_char c = reload_char_at(value + i);
		if (c.steers)
			wr_u8(w, '.');
		else
			wr_bytes(w, value + i, c.len);
		i += c.len;
	}
	if (value[i])
		wr_bytes(w, "...", 3);
}

static void put_line(const struct page *page, unsigned depth, const char *name, const char *value)
{
	struct wr w;
	wr_init(&w);
	for (unsigned i = 0; i < depth; i++)
		wr_bytes(&w, "  ", 2);
	wr_span(&w, span_str(name));
	wr_bytes(&w, ": ", value ? 2 : 1);
	if (value)
		put_value(&w, value);
	wr_bytes(&w, "\n", 2);
	page->put(page->arg, (const char *)w.at);
	wr_clear(&w);
}

static void put_json(const struct page *page, unsigned depth, const char *name, json_t *j)
{
	if (json_is_object(j)) {
		const char *key;
		json_t *member;
		put_line(page, depth, name, NULL);
		json_object_foreach (j, key, member)
			put_json(page, depth + 1, key, member);
	} else if (json_is_array(j)) {
		char item[64];
		for (size_t i = 0; i < json_array_size(j); i++) {
			snprintf(item, sizeof(item), "%s[%zu]", name, i);
			put_json(page, depth, item, json_array_get(j, i));
		}
	} else if (json_is_string(j)) {
		put_line(page, depth, name, json_string_value(j));
	} else {
		char *text = json_dumps(j, JSON_ENCODE_ANY);
		put_line(page, depth, name, text);
		free(text);
	}
}

void reload_json_print(
	json_t *json, unsigned depth, void (*put)(void *arg, const char *text), void *arg)
{
	struct page page = { put, arg };
	const char *key;
	json_t *member;
	json_object_foreach (json, key, member)
		put_json(&page, depth, key, member);
}

void reload_wire_print(const struct wire_type *type, const struct wire_ctx *ctx, const void *in,
	unsigned depth, void (*put)(void *arg, const char *text), void *arg)
{
	json_t *j = reload_wire_json(type, ctx, in);
	reload_json_print(j, depth, put, arg);
	json_decref(j);
}
