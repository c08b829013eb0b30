/* JSON by table, in the direction of the wire. */
#include "wire/assign.h"

#include "util/text.h"
#include "wire/internal.h"
#include "wire/message.h"

#include <arpa/inet.h>
#include <stdlib.h>

struct assigning {
	const struct wire_ctx *ctx;
	struct reload_error_text *why;
};

static enum reload_err assign_type(const struct assigning *a, const struct wire_type *type,
	const json_t *object, uint8_t *out);

static enum reload_err bad(const struct assigning *a, const char *name, const char *what)
{
	return reload_error_explain(a->why, RELOAD_BAD_VALUE, name, "%s", what);
}

/* A number as reload_wire_json() writes it: a whole number, or text, or the RFC's name. */
static bool number_of(uint64_t *out, const struct wire_name *names, const json_t *j)
{
	const char *text = json_string_value(j);
	char *end;
	if (json_is_integer(j) && json_integer_value(j) >= 0) {
		*out = (uint64_t)json_integer_value(j);
		return true;
	}
	for (const struct wire_name *n = names; text && n && n->name; n++)
		if (!strcmp(n->name, text)) {
			*out = n->value;
			return true;
		}
	if (!text || text[0] < '0' || text[0] > '9')
		return false;
	bool hex = text[0] == '0' && text[1] == 'x';
	size_t digits = strspn(text + (hex ? 2 : 0), hex ? "0123456789abcdefABCDEF" : "0123456789");
	if (!digits || digits > (hex ? 16 : 20) || text[digits + (hex ? 2 : 0)] ||
		(digits == 20 && strcmp(text, "18446744073709551615") > 0))
		return false;
	*out = strtoull(text, &end, hex ? 16 : 10);
	return true;
}

static enum reload_err assign_int(
	const struct assigning *a, const struct wire_field *f, const json_t *j, void *member)
{
	uint64_t v;
	if (!number_of(&v, f->names, j))
		return bad(a, f->name, "not a number, nor a name that stands for one");
	if (f->size < 8 && v >> (8 * f->size))
		return bad(a, f->name, "a number that is too large for its field");
	reload_field_store(member, f->size, v);
	return RELOAD_OK;
}

/* Bytes from hex digits, in the arena. */
static enum reload_err bytes_of(
	const struct assigning *a, const char *name, const json_t *j, struct span *out)
{
	size_t len = json_string_length(j);
	const char *digits = json_string_value(j);
	if (!digits || len % 2)
		return bad(a, name, "not an even number of hex digits");
	if (len / 2 > RELOAD_LIMIT_MESSAGE)
		return reload_error_explain(a->why, RELOAD_LIMIT, name, "larger than a message");
	uint8_t *at = reload_arena_take(a->ctx->arena, len / 2 + 1);
	if (reload_unhex(at, digits, len))
		return bad(a, name, "not hex digits");
	*out = span_of(at, len / 2);
	return RELOAD_OK;
}

static enum reload_err assign_bytes(
	const struct assigning *a, const struct wire_field *f, const json_t *j, struct span *out)
{
	if (!f->text)
		return bytes_of(a, f->name, j, out);
	if (!json_is_string(j))
		return bad(a, f->name, "not a text");
	*out = reload_arena_copy(
		a->ctx->arena, span_of(json_string_value(j), json_string_length(j)));
	return RELOAD_OK;
}

static enum reload_err assign_fixed(
	const struct assigning *a, const struct wire_field *f, const json_t *j, uint8_t *member)
{
	struct span bytes = { 0 };
	const char *text = json_string_value(j);
	if (f->address)
		return text && inet_pton(f->width == 4 ? AF_INET : AF_INET6, text, member) == 1
			       ? RELOAD_OK
			       : bad(a, f->name, "not an address of that type");
	enum reload_err err = bytes_of(a, f->name, j, &bytes);
	if (!err && bytes.len != f->width)
		err = bad(a, f->name, "not as many bytes as the field has");
	if (!err)
		memcpy(member, bytes.at, bytes.len);
	return err;
}

static enum reload_err assign_node_id(
	const struct assigning *a, const char *name, const json_t *j, struct reload_id *out)
{
	const char *text = json_string_value(j);
	return text && !reload_id_from_hex(out, text) && out->len == a->ctx->node_id_len
		       ? RELOAD_OK
		       : bad(a, name, "not a Node-ID of this overlay");
}

static enum reload_err assign_list(
	const struct assigning *a, const struct wire_field *f, const json_t *j, uint8_t *out)
{
	size_t count = json_array_size(j), limit = f->limit ? f->limit : RELOAD_LIMIT_LIST;
	enum reload_err err = RELOAD_OK;
	if (!json_is_array(j))
		return bad(a, f->name, "not a list");
	if (count > limit || a->ctx->arena->total + count * f->size > RELOAD_LIMIT_ARENA)
		return reload_error_explain(
			a->why, RELOAD_LIMIT, f->name, "more than %zu entries", limit);
	uint8_t *items = count ? reload_arena_take(a->ctx->arena, count * f->size) : NULL;
	for (size_t i = 0; !err && i < count; i++) {
		const json_t *one = json_array_get(j, i);
		uint8_t *item = items + i * f->size;
		if (f->item == WIRE_OP_INT)
			err = assign_int(a, f, one, item);
		else if (f->item == WIRE_OP_NODE_ID)
			err = assign_node_id(a, f->name, one, (struct reload_id *)item);
		else
			err = assign_type(a, f->type, one, item);
	}
	*(void **)(out + f->at) = items;
	*(size_t *)(out + f->count_at) = count;
	return err;
}

/* A sequence of structures that is kept as bytes; an entry of hex digits is what could not be decoded. */
static enum reload_err assign_sized(
	const struct assigning *a, const struct wire_field *f, const json_t *j, struct span *out)
{
	struct wr w;
	enum reload_err err = json_is_array(j) ? RELOAD_OK : bad(a, f->name, "not a list");
	if (json_array_size(j) > RELOAD_LIMIT_LIST)
		err = reload_error_explain(a->why, RELOAD_LIMIT, f->name, "too many entries");
	wr_init(&w);
	void *item = reload_alloc(f->type->size);
	for (size_t i = 0; !err && i < json_array_size(j); i++) {
		const json_t *one = json_array_get(j, i);
		struct span raw = { 0 };
		memset(item, 0, f->type->size);
		err = json_is_string(one) ? bytes_of(a, f->name, one, &raw)
					  : assign_type(a, f->type, one, item);
		if (!err && json_is_string(one))
			wr_span(&w, raw);
		else if (!err)
			reload_wire_write(&w, f->type, a->ctx, item);
		if (w.err)
			err = bad(a, f->name, reload_err_text(w.err));
	}
	if (!err)
		*out = reload_arena_copy(a->ctx->arena, wr_done(&w));
	free(item);
	wr_clear(&w);
	return err;
}

static enum reload_err assign_field(
	const struct assigning *a, const struct wire_field *f, const json_t *j, uint8_t *out)
{
	void *member = out + f->at;
	switch ((enum wire_op)f->op) {
	case WIRE_OP_INT:
	case WIRE_OP_MODEL:
		return assign_int(a, f, j, member);
	case WIRE_OP_BOOL:
		if (!json_is_boolean(j))
			return bad(a, f->name, "neither true nor false");
		*(bool *)member = json_is_true(j);
		return RELOAD_OK;
	case WIRE_OP_NODE_ID:
		return assign_node_id(a, f->name, j, member);
	case WIRE_OP_FIXED:
		return assign_fixed(a, f, j, member);
	case WIRE_OP_BYTES:
		return assign_bytes(a, f, j, member);
	case WIRE_OP_STRUCT:
		return assign_type(a, f->type, j, member);
	case WIRE_OP_LIST:
		return assign_list(a, f, j, out);
	case WIRE_OP_SIZED:
		return assign_sized(a, f, j, member);
	case WIRE_OP_REST:
	case WIRE_OP_MARK:
	case WIRE_OP_SINCE:
	case WIRE_OP_LENGTH_OF:
		return RELOAD_OK;
	}
	return RELOAD_OK;
}

static bool is_derived(const struct wire_field *f)
{
	return f->op == WIRE_OP_REST || f->op == WIRE_OP_MARK || f->op == WIRE_OP_SINCE ||
	       f->op == WIRE_OP_LENGTH_OF;
}

/* Fills zeroed memory; a tag stands before what depends on it. */
static enum reload_err assign_type(
	const struct assigning *a, const struct wire_type *type, const json_t *object, uint8_t *out)
{
	enum reload_err err = RELOAD_OK;
	if (!json_is_object(object))
		return bad(a, type->name, "not an object");
	for (const struct wire_field *f = type->fields; !err && f < type->fields + type->count;
		f++) {
		const json_t *j = json_object_get(object, f->name);
		if (is_derived(f) || !reload_field_present(f, out) || (!j && f->optional))
			continue;
		err = j ? assign_field(a, f, j, out) : bad(a, f->name, "missing");
	}
	if (!err && type->hook && type->hook->assigned)
		type->hook->assigned(out);
	return err;
}

enum reload_err reload_wire_assign(const struct wire_type *type, const struct wire_ctx *ctx,
	const json_t *object, void *out, struct reload_error_text *why)
{
	memset(out, 0, type->size);
	return assign_type(&(struct assigning){ ctx, why }, type, object, out);
}

/* --- a message ---------------------------------------------------------------------------------- */

/* The code of a message, from its name or its number. */
static bool code_of(uint16_t *out, const json_t *j)
{
	uint64_t v;
	const char *text = json_string_value(j);
	for (unsigned code = 1; text && code <= UINT16_MAX; code++) {
		const char *name = reload_code_name((uint16_t)code);
		if (name && !strcmp(name, text)) {
			*out = (uint16_t)code;
			return true;
		}
	}
	if (!number_of(&v, NULL, j) || v > UINT16_MAX)
		return false;
	*out = (uint16_t)v;
	return true;
}

/* The structure inside error_info, of the two codes that have one (reload_error_info_json()). */
static enum reload_err assign_error_info(
	const struct assigning *a, const json_t *j, struct span *out)
{
	enum {
		KINDS_MAX = 63
	};
	const json_t *kinds = json_object_get(j, "unknown_kinds");
	struct reload_store_ans ans = { 0 };
	enum reload_err err = RELOAD_OK;
	struct wr w;
	wr_init(&w);
	if (kinds && json_array_size(kinds) > KINDS_MAX)
		err = reload_error_explain(
			a->why, RELOAD_LIMIT, "unknown_kinds", "more than %d", KINDS_MAX);
	else if (!kinds)
		err = assign_type(a, &reload_store_ans_wire, j, (uint8_t *)&ans);
	if (!err && !kinds)
		reload_wire_write(&w, &reload_store_ans_wire, a->ctx, &ans);
	else if (!err)
		wr_u8(&w, (uint8_t)(4 * json_array_size(kinds)));
	for (size_t i = 0; !err && i < json_array_size(kinds); i++) {
		uint64_t kind;
		if (!number_of(&kind, NULL, json_array_get(kinds, i)) || kind > UINT32_MAX)
			err = bad(a, "unknown_kinds", "not the number of a Kind");
		else
			wr_u32(&w, (uint32_t)kind);
	}
	if (!err && w.err)
		err = bad(a, "error_info", reload_err_text(w.err));
	if (!err)
		*out = reload_arena_copy(a->ctx->arena, wr_done(&w));
	wr_clear(&w);
	return err;
}

static enum reload_err assign_error(
	const struct assigning *a, const json_t *j, struct reload_error_response *out)
{
	json_t *without = json_copy((json_t *)j); /* shallow: j stays as it is */
	json_object_set_new(without, "error_info", json_string(""));
	enum reload_err err = assign_type(a, &reload_error_response_wire, without, (uint8_t *)out);
	if (!err)
		err = assign_error_info(a, json_object_get(j, "error_info"), &out->error_info);
	json_decref(without);
	return err;
}

static enum reload_err assign_body(const struct assigning *a, uint16_t code, const json_t *j,
	const struct reload_extension *extensions, size_t count, struct wr *w)
{
	const struct wire_type *type = reload_body_wire(code);
	union reload_body body;
	struct span bytes = { 0 };
	enum reload_err err = RELOAD_OK;
	if (json_is_string(j)) {
		err = bytes_of(a, "body", j, &bytes);
	} else if (type) {
		memset(&body, 0, sizeof(body));
		err = code == RELOAD_ERROR && json_is_object(json_object_get(j, "error_info"))
			      ? assign_error(a, j, &body.error)
			      : assign_type(a, type, j, (uint8_t *)&body);
		if (!err)
			reload_contents_write(w, a->ctx, code, &body, extensions, count);
		return err;
	} else if (!json_is_object(j) || json_object_size(j)) {
		err = bad(a, "body", "the code has no structure: hex digits are possible");
	}
	if (!err)
		reload_contents_write_bytes(w, a->ctx, code, bytes, extensions, count);
	return err;
}

/* Extensions as they are on the wire: what a known one holds is shown beside its contents, and not read. */
struct extensions {
	struct reload_extension *extensions;
	size_t extensions_count;
};

static const struct wire_field extensions_fields[] = {
	{ WIRE_VEC(struct extensions, extensions, 4, reload_extension_wire),
		WIRE_LIMIT(RELOAD_LIMIT_EXTENSIONS) },
};
static const struct wire_type extensions_wire =
	WIRE_TYPE(struct extensions, "MessageExtension", extensions_fields);

enum reload_err reload_msg_assign(struct wr *w, const struct wire_ctx *ctx, const json_t *object,
	struct reload_error_text *why)
{
	struct assigning a = { ctx, why };
	struct reload_header header;
	struct reload_security_block security;
	struct extensions more = { 0 };
	struct wr contents;
	uint16_t code = 0;
	wr_init(&contents);
	enum reload_err err = reload_wire_assign(
		&reload_header_wire, ctx, json_object_get(object, "header"), &header, why);
	if (!err && !code_of(&code, json_object_get(object, "message_code")))
		err = bad(&a, "message_code", "neither the name of a message nor a number");
	if (!err)
		err = reload_wire_assign(&extensions_wire, ctx, object, &more, why);
	if (!err)
		err = reload_wire_assign(&reload_security_block_wire, ctx,
			json_object_get(object, "security"), &security, why);
	if (!err)
		err = assign_body(&a, code, json_object_get(object, "body"), more.extensions,
			more.extensions_count, &contents);
	if (!err && !contents.err)
		reload_msg_write(w, ctx, &header, wr_done(&contents), &security);
	if (!err && (contents.err || w->err))
		err = reload_error_explain(why, contents.err ? contents.err : w->err, "the message",
			"%s", reload_err_text(contents.err ? contents.err : w->err));
	wr_clear(&contents);
	return err;
}
