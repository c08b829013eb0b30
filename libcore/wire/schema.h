/*
 * One table per structure of the wire: it drives decode, encode, print and JSON.  The tables stand in wire/<name>.c
 * beside the C structure they fill; this header is how they are run.
 *
 * Memory: a decoded structure borrows opaque fields (struct span) from the input; lists live in the context's arena.
 */
#pragma once

#include "util/arena.h"
#include "util/bytes.h"
#include "util/id.h"
#include "wire/codes.h"

#include <jansson.h>

struct wire_type;

/* Context for decoding that is not in the bytes. */
struct wire_ctx {
	uint8_t node_id_len;        /* 16 to 20 */
	struct reload_arena *arena; /* for lists; decode only */
	/* the data model of a Kind (RFC 6940 s7.2); NULL or RELOAD_MODEL_UNKNOWN: the value is kept as opaque bytes */
	enum reload_data_model (*model)(const void *arg, uint32_t kind);
	const void *model_arg;
};

/*
 * reload_wire_read() decodes one structure from r into out (reload_wire_size() bytes, zeroed by the callee).  Failures
 * are in r->err; out is then not to be used.  The Kind of a StoredData that stands alone counts as 0 for ctx->model.
 */
void reload_wire_read(
	struct rd *r, const struct wire_type *type, const struct wire_ctx *ctx, void *out);

/* reload_wire_decode() decodes all of bytes; RELOAD_TRAILING when some are left. */
enum reload_err reload_wire_decode(struct span bytes, const struct wire_type *type,
	const struct wire_ctx *ctx, void *out) MUST_CHECK;

/* reload_wire_write() appends in to w.  A value that the wire cannot carry fails w. */
void reload_wire_write(
	struct wr *w, const struct wire_type *type, const struct wire_ctx *ctx, const void *in);

/*
 * reload_wire_json() returns in as a JSON object (owned reference) with the fields that are on the wire, in its order.
 * Opaque bytes are strings of hex digits; text is a string (hex when it is not UTF-8); an enumeration is the RFC's name,
 * a number when it has none; 64-bit numbers are strings, decimal or "0x..." as they are usually read.
 */
json_t *reload_wire_json(const struct wire_type *type, const struct wire_ctx *ctx, const void *in);

/*
 * reload_wire_print() writes in as indented text, one field a line, through put(arg, text); each text is one line with
 * its line end, long values are cut, control characters of a peer are replaced.  depth is the first indentation.
 */
void reload_wire_print(const struct wire_type *type, const struct wire_ctx *ctx, const void *in,
	unsigned depth, void (*put)(void *arg, const char *text), void *arg);

/* reload_json_print() does so with the members of a JSON object. */
void reload_json_print(
	json_t *json, unsigned depth, void (*put)(void *arg, const char *text), void *arg);

/* reload_wire_name() returns the RFC's name of the structure. */
const char *reload_wire_name(const struct wire_type *type);

/* reload_wire_size() returns the size of the C structure that the table fills. */
size_t reload_wire_size(const struct wire_type *type);
