/* Tables of good and bad bytes of the structures of the wire. */
#pragma once

#include "wire_hex.h"

enum {
	WIRE_ROW_ROOM = 4096 /* bytes of the largest structure */
};

struct good_row {
	const struct wire_type *type;
	const char *hex, *json; /* json: with ' for " */
	bool open; /* it may end earlier or later: its last field is optional, or takes all that is left */
};

struct bad_row {
	const struct wire_type *type;
	const char *hex;
	enum reload_err err;
};

/* rows_decode() decodes from a block of the exact size, so that a byte read too far is seen. */
static inline enum reload_err rows_decode(const struct wire_type *type, const struct wire_ctx *ctx,
	struct span bytes, struct wr *again, char **json)
{
	uint8_t room[WIRE_ROW_ROOM];
	uint8_t *copy = reload_memdup(bytes.at, bytes.len);
	assert_true(reload_wire_size(type) <= sizeof(room));
	enum reload_err err = reload_wire_decode(span_of(copy, bytes.len), type, ctx, room);
	if (!err && again) {
		reload_wire_write(again, type, ctx, room);
		json_t *j = reload_wire_json(type, ctx, room);
		*json = json_dumps(j, JSON_COMPACT);
		json_decref(j);
	}
	free(copy);
	return err;
}

/* rows_good() checks one row: values, the way back, each cut, and a byte too many. */
static inline void rows_good(const struct wire_ctx *ctx, const struct good_row *row)
{
	struct span bytes = wire_hex(ctx->arena, row->hex);
	const char *name = reload_wire_name(row->type);
	struct wr again;
	char *json = NULL;
	wr_init(&again);
	enum reload_err err = rows_decode(row->type, ctx, bytes, &again, &json);
	if (err)
		fail_msg("%s %s: %s", name, row->hex, reload_err_text(err));
	for (char *quote = json; (quote = strchr(quote, '"'));)
		*quote = '\'';
	if (strcmp(json, row->json) != 0)
		fail_msg("%s %s:\n%s", name, row->hex, json);
	if (again.err || !span_eq(wr_done(&again), bytes))
		fail_msg("%s %s: is written differently", name, row->hex);
	for (size_t n = 0; n < bytes.len && !row->open; n++)
		if (rows_decode(row->type, ctx, span_of(bytes.at, n), NULL, NULL) != RELOAD_SHORT)
			fail_msg("%s %s: %zu bytes of it are not too short", name, row->hex, n);
	uint8_t *longer = reload_alloc(bytes.len + 1);
	if (bytes.len)
		memcpy(longer, bytes.at, bytes.len);
	longer[bytes.len] = 0;
	err = rows_decode(row->type, ctx, span_of(longer, bytes.len + 1), NULL, NULL);
	if (err != RELOAD_TRAILING && !row->open)
		fail_msg("%s %s: a byte more: %s", name, row->hex, reload_err_text(err));
	free(longer);
	free(json);
	wr_clear(&again);
}

static inline void rows_all_good(
	const struct wire_ctx *ctx, const struct good_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		rows_good(ctx, &rows[i]);
}

static inline void rows_all_bad(
	const struct wire_ctx *ctx, const struct bad_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct span bytes = wire_hex(ctx->arena, rows[i].hex);
		enum reload_err err = rows_decode(rows[i].type, ctx, bytes, NULL, NULL);
		if (err != rows[i].err)
			fail_msg("%s %s: %s, not %s", reload_wire_name(rows[i].type), rows[i].hex,
				reload_err_text(err), reload_err_text(rows[i].err));
	}
}
