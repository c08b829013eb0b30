/* Decode and encode by table. */
#include "wire/internal.h"

const struct wire_name reload_model_names[] = {
	{ RELOAD_MODEL_SINGLE, "single" },
	{ RELOAD_MODEL_ARRAY, "array" },
	{ RELOAD_MODEL_DICTIONARY, "dictionary" },
	{ 0, NULL },
};

/*
 * The position in the tables; copied for each structure, so that a Kind applies only to the contents of its structure.
 */
struct run {
	const struct wire_ctx *ctx;
	uint32_t kind;
	unsigned depth;
};

/* The readers of one structure: the innermost WIRE_REST, and what WIRE_SINCE counts from. */
struct reading {
	struct rd *in;
	struct rd rest;
	const uint8_t *mark;
};

/* A list as it grows in the arena. */
struct items {
	uint8_t *at;
	size_t count, cap;
};

static void read_type(struct rd *r, const struct wire_type *t, const struct run *up, void *out);
static void write_type(
	struct wr *w, const struct wire_type *t, const struct run *up, const void *in);

static bool known(const struct wire_field *f, uint64_t v)
{
	return !f->strict || (v >= f->lo && v <= f->hi);
}

/* --- decode ----------------------------------------------------------------------------------- */

static uint64_t read_int(struct rd *in, const struct wire_field *f, void *member)
{
	uint64_t v = rd_int(in, f->size);
	if (!in->err && !known(f, v))
		rd_fail(in, RELOAD_UNKNOWN_TYPE);
	reload_field_store(member, f->size, v);
	return v;
}

static void read_bool(struct rd *in, bool *member)
{
	uint8_t v = rd_u8(in);
	if (v > 1)
		rd_fail(in, RELOAD_BAD_VALUE);
	*member = v == 1;
}

static void read_node_id(struct rd *in, const struct wire_ctx *ctx, struct reload_id *id)
{
	assert(ctx->node_id_len && ctx->node_id_len <= RELOAD_ID_MAX);
	const uint8_t *p = rd_take(in, ctx->node_id_len);
	if (!p)
		return;
	id->len = ctx->node_id_len;
	memcpy(id->at, p, id->len);
	if (reload_id_is_zero(id))
		rd_fail(in, RELOAD_BAD_VALUE); /* RFC 6940 s3: no such node, never sent */
}

static size_t item_width(const struct wire_field *f, const struct wire_ctx *ctx)
{
	if (f->item == WIRE_OP_INT)
		return f->size;
	return f->item == WIRE_OP_NODE_ID ? ctx->node_id_len : 0;
}

/* Makes room for one more element, or fails the reader; `left` is the number of bytes that the list still has. */
static bool make_room(
	struct rd *list, const struct wire_field *f, const struct run *run, struct items *items)
{
	size_t limit = f->limit ? f->limit : RELOAD_LIMIT_LIST;
	if (items->count < items->cap)
		return true;
	size_t width = item_width(f, run->ctx);
	size_t cap = width ? (rd_left(list) + width - 1) / width : items->cap ? items->cap * 2 : 2;
	if (cap > limit)
		cap = width ? 0 : limit;
	struct reload_arena *arena = run->ctx->arena;
	assert(arena);
	if (cap <= items->count || arena->total + cap * f->size > RELOAD_LIMIT_ARENA) {
		rd_fail(list, RELOAD_LIMIT);
		return false;
	}
	uint8_t *at = reload_arena_take(arena, cap * f->size);
	if (items->count)
		memcpy(at, items->at, items->count * f->size);
	items->at = at;
	items->cap = cap;
	return true;
}

static void read_item(
	struct rd *list, const struct wire_field *f, const struct run *run, void *item)
{
	if (f->item == WIRE_OP_INT)
		reload_field_store(item, f->size, rd_int(list, f->size));
	else if (f->item == WIRE_OP_NODE_ID)
		read_node_id(list, run->ctx, item);
	else
		read_type(list, f->type, run, item);
}

/* The reader of a vector that stands behind two lengths (WIRE_VEC_TWICE): in ends where the vector ends. */
static struct rd open_twice(struct rd *in)
{
	enum {
		LENGTH = 4
	};
	size_t first = rd_u32(in), left = rd_left(in);
	struct rd peek = *in, empty = { in->at, in->at, in->err };
	size_t second = rd_u32(&peek);
	if (in->err || (!first && !left))
		return empty;
	if (!peek.err && second == left - LENGTH && (first == second || first == left))
		return rd_open(in, LENGTH);
	if (first == left)
		return rd_of(rd_rest(in));
	rd_fail(in, left < LENGTH || second > left - LENGTH ? RELOAD_SHORT : RELOAD_BAD_VALUE);
	return empty;
}

static void read_list(
	struct rd *in, const struct wire_field *f, const struct run *run, uint8_t *out)
{
	struct rd list = f->twice ? open_twice(in) : rd_open(in, f->width);
	struct items items = { 0 };
	while (rd_more(&list) && make_room(&list, f, run, &items))
		read_item(&list, f, run, items.at + f->size * items.count++);
	rd_close(in, &list);
	*(void **)(out + f->at) = items.at;
	*(size_t *)(out + f->count_at) = items.count;
}

static uint8_t model_of(const struct run *run)
{
	const struct wire_ctx *ctx = run->ctx;
	return ctx->model ? (uint8_t)ctx->model(ctx->model_arg, run->kind)
			  : (uint8_t)RELOAD_MODEL_UNKNOWN;
}

static void read_field(
	struct reading *rg, const struct wire_field *f, struct run *run, uint8_t *out)
{
	struct rd *in = rg->in;
	void *member = out + f->at;
	struct span *span = member;
	switch ((enum wire_op)f->op) {
	case WIRE_OP_INT: {
		uint64_t v = read_int(in, f, member);
		if (f->kind)
			run->kind = (uint32_t)v;
		break;
	}
	case WIRE_OP_BOOL:
		read_bool(in, member);
		break;
	case WIRE_OP_NODE_ID:
		read_node_id(in, run->ctx, member);
		break;
	case WIRE_OP_FIXED: {
		const uint8_t *p = rd_take(in, f->width);
		if (p)
			memcpy(member, p, f->width);
		break;
	}
	case WIRE_OP_BYTES:
		*span = f->width ? rd_span(in, (size_t)rd_int(in, f->width)) : rd_rest(in);
		break;
	case WIRE_OP_STRUCT:
		read_type(in, f->type, run, member);
		break;
	case WIRE_OP_LIST:
		read_list(in, f, run, out);
		break;
	case WIRE_OP_REST:
		rg->rest = rd_open(in, f->width);
		rg->in = &rg->rest;
		rg->mark = rg->rest.at;
		break;
	case WIRE_OP_MODEL:
		*(uint8_t *)member = model_of(run);
		break;
	case WIRE_OP_MARK:
		rg->mark = in->at;
		break;
	case WIRE_OP_SINCE:
		*span = span_of(rg->mark, in->err ? 0 : (size_t)(in->at - rg->mark));
		break;
	case WIRE_OP_LENGTH_OF:
		span->len = (size_t)rd_int(in, f->width);
		break;
	case WIRE_OP_SIZED:
		*span = rd_span(in, span->len);
		break;
	}
}

/* Reads into zeroed memory. */
static void read_type(struct rd *r, const struct wire_type *t, const struct run *up, void *out)
{
	struct run run = *up;
	struct reading rg = { .in = r, .mark = r->at };
	assert(run.depth++ < RELOAD_LIMIT_DEPTH); /* tables do not nest in themselves */
	if (t->hook && t->hook->read(r, out))
		return;
	for (const struct wire_field *f = t->fields; f < t->fields + t->count && !rg.in->err; f++) {
		if (!reload_field_present(f, out) || (f->optional && !rd_more(rg.in)))
			continue;
		read_field(&rg, f, &run, out);
	}
	if (rg.in != r)
		rd_close(r, rg.in);
}

void reload_wire_read(
	struct rd *r, const struct wire_type *type, const struct wire_ctx *ctx, void *out)
{
	memset(out, 0, type->size);
	read_type(r, type, &(struct run){ .ctx = ctx }, out);
}

enum reload_err reload_wire_decode(
	struct span bytes, const struct wire_type *type, const struct wire_ctx *ctx, void *out)
{
	struct rd r = rd_of(bytes);
	reload_wire_read(&r, type, ctx, out);
	if (rd_more(&r))
		rd_fail(&r, RELOAD_TRAILING);
	return r.err;
}

/* --- encode ----------------------------------------------------------------------------------- */

static void write_node_id(struct wr *w, const struct wire_ctx *ctx, const struct reload_id *id)
{
	if (id->len != ctx->node_id_len || reload_id_is_zero(id)) {
		wr_fail(w, RELOAD_BAD_VALUE);
		return;
	}
	wr_bytes(w, id->at, id->len);
}

static void write_bytes(struct wr *w, const struct wire_field *f, struct span s)
{
	if (f->width)
		wr_int(w, s.len, f->width);
	wr_span(w, s);
}

static void write_list(
	struct wr *w, const struct wire_field *f, const struct run *run, const uint8_t *in)
{
	const uint8_t *items = *(void *const *)(in + f->at);
	size_t count = *(const size_t *)(in + f->count_at);
	size_t first = f->twice ? wr_open(w, f->width) : 0;
	size_t mark = wr_open(w, f->width);
	if (count > (f->limit ? f->limit : RELOAD_LIMIT_LIST))
		wr_fail(w, RELOAD_LIMIT); /* no decoder of ours would read it */
	for (size_t i = 0; i < count && !w->err; i++) {
		const void *item = items + i * f->size;
		if (f->item == WIRE_OP_INT)
			wr_int(w, reload_field_load(item, f->size), f->size);
		else if (f->item == WIRE_OP_NODE_ID)
			write_node_id(w, run->ctx, item);
		else
			write_type(w, f->type, run, item);
	}
	wr_close(w, mark, f->width);
	if (f->twice && !w->err)
		memcpy(w->at + first, w->at + mark, f->width);
}

static void write_field(
	struct wr *w, const struct wire_field *f, const struct run *run, const uint8_t *in)
{
	const void *member = in + f->at;
	const struct span *span = member;
	switch ((enum wire_op)f->op) {
	case WIRE_OP_INT:
		if (!known(f, reload_field_load(member, f->size)))
			wr_fail(w, RELOAD_UNKNOWN_TYPE);
		wr_int(w, reload_field_load(member, f->size), f->size);
		break;
	case WIRE_OP_BOOL:
		wr_u8(w, *(const bool *)member);
		break;
	case WIRE_OP_NODE_ID:
		write_node_id(w, run->ctx, member);
		break;
	case WIRE_OP_FIXED:
		wr_bytes(w, member, f->width);
		break;
	case WIRE_OP_BYTES:
		write_bytes(w, f, *span);
		break;
	case WIRE_OP_STRUCT:
		write_type(w, f->type, run, member);
		break;
	case WIRE_OP_LIST:
		write_list(w, f, run, in);
		break;
	case WIRE_OP_LENGTH_OF:
		wr_int(w, span->len, f->width);
		break;
	case WIRE_OP_SIZED:
		wr_span(w, *span);
		break;
	case WIRE_OP_REST: /* write_type() */
	case WIRE_OP_MODEL:
	case WIRE_OP_MARK:
	case WIRE_OP_SINCE:
		break;
	}
}

static void write_type(
	struct wr *w, const struct wire_type *t, const struct run *up, const void *in)
{
	struct run run = *up;
	size_t mark = 0;
	uint8_t width = 0;
	assert(run.depth++ < RELOAD_LIMIT_DEPTH);
	if (t->hook && t->hook->write(w, in))
		return;
	for (const struct wire_field *f = t->fields; f < t->fields + t->count && !w->err; f++) {
		if (!reload_field_present(f, in))
			continue;
		if (f->op == WIRE_OP_REST) {
			width = f->width;
			mark = wr_open(w, width);
		} else {
			write_field(w, f, &run, in);
		}
	}
	if (width)
		wr_close(w, mark, width);
}

void reload_wire_write(
	struct wr *w, const struct wire_type *type, const struct wire_ctx *ctx, const void *in)
{
	write_type(w, type, &(struct run){ .ctx = ctx }, in);
}

const char *reload_wire_name(const struct wire_type *type)
{
	return type->name;
}

size_t reload_wire_size(const struct wire_type *type)
{
	return type->size;
}
