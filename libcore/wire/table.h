/*
 * How a table of wire/schema.h is written.  A table is a row per field in the order of the wire; a row is one of the
 * WIRE_ macros below, followed by modifiers:
 *
 *	static const struct wire_field fields[] = {
 *		{ WIRE_INT(struct t, type), WIRE_STRICT(1, 2) },
 *		{ WIRE_REST(1) },
 *		{ WIRE_BYTES(struct t, name, 1), WIRE_WHEN(struct t, type, 1, 1) },
 *	};
 */
#pragma once

#include "util/alloc.h"
#include "wire/limits.h"
#include "wire/schema.h"

enum wire_op {
	WIRE_OP_INT,
	WIRE_OP_BOOL,
	WIRE_OP_NODE_ID,
	WIRE_OP_FIXED,
	WIRE_OP_BYTES,
	WIRE_OP_STRUCT,
	WIRE_OP_LIST,
	WIRE_OP_REST,
	WIRE_OP_MODEL,
	WIRE_OP_MARK,
	WIRE_OP_SINCE,
	WIRE_OP_LENGTH_OF,
	WIRE_OP_SIZED,
};

/* Names of an enumeration, closed by a row without a name. */
struct wire_name {
	uint32_t value;
	const char *name;
};

struct wire_field {
	const char *name;
	const struct wire_type *type;  /* of a structure, or of the elements of a list */
	const struct wire_name *names; /* of an integer */
	uint32_t limit;                /* elements of a list; 0: RELOAD_LIMIT_LIST */
	uint16_t at, count_at, tag_at; /* offsets in the C structure */
	uint16_t size;                 /* of the member, or of one element */
	uint8_t op, item;              /* enum wire_op; item: what a list is made of */
	uint8_t width; /* bytes of the length field; 0: up to the end of the structure */
	uint8_t lo, hi;
	bool conditional, otherwise, strict, optional, text, address, hex, kind, twice;
};

/* A structure that a table cannot describe in full: the hook is called first and returns whether it did the work. */
struct wire_hook {
	bool (*read)(struct rd *r, void *out);
	bool (*write)(struct wr *w, const void *in);
	void (*assigned)(
		void *out); /* after the structure was filled from JSON; NULL: nothing to do */
};

struct wire_type {
	const char *name;
	size_t size;
	const struct wire_field *fields;
	size_t count;
	const struct wire_hook *hook;
};

/* clang-format off */
#define WIRE_TYPE(T, rfc_name, rows) \
	{ .name = (rfc_name), .size = sizeof(T), .fields = (rows), .count = COUNT_OF(rows) }

#define WIRE_MEMBER(T, m) .name = #m, .at = offsetof(T, m), .size = sizeof(((T *)0)->m)

/* an unsigned integer as wide as its member */
#define WIRE_INT(T, m)		.op = WIRE_OP_INT, WIRE_MEMBER(T, m)
/* the Kind-ID that decides about the data model of what follows in this structure */
#define WIRE_KIND(T, m)		.op = WIRE_OP_INT, .kind = true, WIRE_MEMBER(T, m)
#define WIRE_BOOL(T, m)		.op = WIRE_OP_BOOL, WIRE_MEMBER(T, m)
#define WIRE_NODE_ID(T, m)	.op = WIRE_OP_NODE_ID, WIRE_MEMBER(T, m)
/* the first n bytes of an array member */
#define WIRE_FIXED(T, m, n)	.op = WIRE_OP_FIXED, WIRE_MEMBER(T, m), .width = (n)
/* opaque bytes behind a length of w bytes; w 0: all that is left */
#define WIRE_BYTES(T, m, w)	.op = WIRE_OP_BYTES, WIRE_MEMBER(T, m), .width = (w)
#define WIRE_STRUCT(T, m, t)	.op = WIRE_OP_STRUCT, WIRE_MEMBER(T, m), .type = &(t)
/* lists m with m##_count elements behind a length of w bytes */
#define WIRE_LIST_OF(T, m, w) \
	.op = WIRE_OP_LIST, .name = #m, .at = offsetof(T, m), .count_at = offsetof(T, m##_count), \
	.size = sizeof(*((T *)0)->m), .width = (w)
#define WIRE_VEC(T, m, w, t)	WIRE_LIST_OF(T, m, w), .item = WIRE_OP_STRUCT, .type = &(t)
#define WIRE_INTS(T, m, w)	WIRE_LIST_OF(T, m, w), .item = WIRE_OP_INT
#define WIRE_NODE_IDS(T, m, w)	WIRE_LIST_OF(T, m, w), .item = WIRE_OP_NODE_ID
/*
 * A vector behind two lengths of 4 bytes, the last row of its structure (RFC 7851 s5.1): a field of the structure and the vector's own.
 * Written are both, equal.  Read are also a first length that counts the second one, a vector without its own length, and an empty vector
 * without it.
 */
#define WIRE_VEC_TWICE(T, m, t)	WIRE_VEC(T, m, 4, t), .twice = true
/* a length of w bytes that covers all rows behind it */
#define WIRE_REST(w)		.op = WIRE_OP_REST, .name = "length", .width = (w)
/* not on the wire: the data model of the Kind */
#define WIRE_MODEL(T, m)	.op = WIRE_OP_MODEL, WIRE_MEMBER(T, m), .names = reload_model_names
/* not on the wire: span m becomes the bytes since the mark, or since the start of the structure or its WIRE_REST */
#define WIRE_MARK()		.op = WIRE_OP_MARK, .name = "mark"
#define WIRE_SINCE(T, m)	.op = WIRE_OP_SINCE, WIRE_MEMBER(T, m)
/* the length of span m alone, and later its bytes, which are a sequence of structures t */
#define WIRE_LENGTH_OF(T, m, w)	.op = WIRE_OP_LENGTH_OF, WIRE_MEMBER(T, m), .width = (w)
#define WIRE_SIZED(T, m, t)	.op = WIRE_OP_SIZED, WIRE_MEMBER(T, m), .type = &(t)

/* modifiers: a row that is there only when the byte `tag` is in lo..hi, or only when it is not */
#define WIRE_WHEN(T, tag, from, to)	.conditional = true, .tag_at = offsetof(T, tag), .lo = (from), .hi = (to)
#define WIRE_IS(T, tag, v)		WIRE_WHEN(T, tag, v, v)
#define WIRE_UNLESS(T, tag, from, to)	WIRE_WHEN(T, tag, from, to), .otherwise = true
#define WIRE_KNOWN_MODEL(T, tag)	WIRE_WHEN(T, tag, RELOAD_MODEL_SINGLE, RELOAD_MODEL_DICTIONARY)
#define WIRE_UNKNOWN_MODEL(T, tag)	WIRE_UNLESS(T, tag, RELOAD_MODEL_SINGLE, RELOAD_MODEL_DICTIONARY)
/* an integer outside of from..to is RELOAD_UNKNOWN_TYPE */
#define WIRE_STRICT(from, to)	.strict = true, .lo = (from), .hi = (to)
/* the input may end here instead */
#define WIRE_OPTIONAL		.optional = true
#define WIRE_NAMES(list)	.names = (list)
#define WIRE_LIMIT(n)		.limit = (n)
/* display as a string, as an IP address, as a hexadecimal or (the default) decimal number */
#define WIRE_TEXT		.text = true
#define WIRE_ADDRESS		.address = true
#define WIRE_HEX		.hex = true
#define WIRE_DECIMAL		.hex = false
/* clang-format on */

extern const struct wire_name reload_model_names[], reload_hash_names[], reload_signature_names[],
	reload_link_type_names[];
