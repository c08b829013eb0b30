/*
 * What an object of the control protocol may hold: a row per field.  The rows drive the check of parameters, the check of
 * replies, help and JSON Schema.
 */
#pragma once

#include "util/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum reload_field_type {
	RELOAD_FIELD_END,
	RELOAD_FIELD_TEXT,   /* string */
	RELOAD_FIELD_WORD,   /* one of a list of words separated by blanks */
	RELOAD_FIELD_HEX,    /* identifier: lower-case digits, an even number */
	RELOAD_FIELD_BASE64, /* bytes */
	RELOAD_FIELD_U64,    /* decimal string */
	RELOAD_FIELD_TIME,   /* RFC 3339, UTC, milliseconds */
	RELOAD_FIELD_INT,    /* min to max */
	RELOAD_FIELD_REAL,   /* any number */
	RELOAD_FIELD_BOOL,
	RELOAD_FIELD_KIND,   /* a Kind: its name or number as text, or its number */
	RELOAD_FIELD_OBJECT, /* an object of these fields; NULL: of any */
	RELOAD_FIELD_LIST,   /* a list: fields[0] describes its items */
};

struct reload_field {
	const char *name;
	enum reload_field_type type;
	bool optional;     /* a parameter may be left out, a result may be null */
	int64_t min, max;  /* of INT */
	size_t at_most;    /* bytes of a string, items of a list; 0: what the type allows */
	const char *words; /* of WORD */
	const char *text;  /* for help */
	const struct reload_field *fields;
};

/* clang-format off */
#define FIELDS(...)	((const struct reload_field[]){ __VA_ARGS__ __VA_OPT__(,) { 0 } })
#define TEXT(n)		.name = n, .type = RELOAD_FIELD_TEXT
#define WORD(n, w)	.name = n, .type = RELOAD_FIELD_WORD, .words = w
#define HEX(n)		.name = n, .type = RELOAD_FIELD_HEX
#define BASE64(n)	.name = n, .type = RELOAD_FIELD_BASE64
#define U64(n)		.name = n, .type = RELOAD_FIELD_U64
#define TIME(n)		.name = n, .type = RELOAD_FIELD_TIME
#define INT(n, lo, hi)	.name = n, .type = RELOAD_FIELD_INT, .min = lo, .max = hi
#define NUMBER(n)	INT(n, 0, INT64_MAX)
#define REAL(n)		.name = n, .type = RELOAD_FIELD_REAL
#define BOOL(n)		.name = n, .type = RELOAD_FIELD_BOOL
#define KIND(n)		.name = n, .type = RELOAD_FIELD_KIND
#define OBJECT(n, ...)	.name = n, .type = RELOAD_FIELD_OBJECT, .fields = FIELDS(__VA_ARGS__)
#define ANY(n)		.name = n, .type = RELOAD_FIELD_OBJECT
#define LIST(n, ...)	.name = n, .type = RELOAD_FIELD_LIST, .fields = FIELDS({ __VA_ARGS__ })
/* modifiers */
#define OPTIONAL	.optional = true
#define ATMOST(n)	.at_most = n
#define HELP(t)		.text = t
/* clang-format on */

/*
 * reload_fields_check() checks object against fields: no unknown names, nothing missing, types, ranges and
 * words.  RELOAD_USAGE with why naming the field at fault.  A NULL object counts as an empty one.
 */
enum reload_err reload_fields_check(const struct reload_field *fields, const json_t *object,
	struct reload_error_text *why) MUST_CHECK;

/* reload_fields_schema() returns the JSON Schema (owned) of an object with these fields. */
json_t *reload_fields_schema(const struct reload_field *fields);
