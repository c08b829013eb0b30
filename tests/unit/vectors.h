/* The test vectors of tests/vectors (or of $RELOAD_VECTORS): bytes, and the fields that they are made of. */
#pragma once

#include "util/text.h"
#include "wire/frame.h"
#include "wire/limits.h"
#include "wire/message.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct vector {
	char name[64], form[32];
	uint8_t *at; /* owned, of exactly len bytes */
	size_t len;
	json_t *fields; /* owned: NAME.json */
};

static inline struct span vector_span(const struct vector *v)
{
	return span_of(v->at, v->len);
}

static inline json_t *vector_json_file(const char *name)
{
	const char *folder = getenv("RELOAD_VECTORS");
	char path[512];
	snprintf(path, sizeof(path), "%s/%s.json", folder ? folder : "tests/vectors", name);
	json_error_t error;
	json_t *j = json_load_file(path, 0, &error);
	if (!j)
		fail_msg("%s: %s", path, error.text);
	return j;
}

/* vector_load() fills *v from NAME.hex and NAME.json. */
static inline void vector_load(struct vector *v, const char *name)
{
	const char *folder = getenv("RELOAD_VECTORS");
	char path[512];
	snprintf(path, sizeof(path), "%s/%s.hex", folder ? folder : "tests/vectors", name);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	char *digits = reload_alloc(65536);
	size_t n = 0;
	for (int c; (c = fgetc(f)) != EOF && n < 65535;)
		if (c != '\n' && c != ' ')
			digits[n++] = (char)c;
	fclose(f);
	*v = (struct vector){ .len = n / 2, .fields = vector_json_file(name) };
	snprintf(v->name, sizeof(v->name), "%s", name);
	snprintf(v->form, sizeof(v->form), "%s",
		json_string_value(json_object_get(v->fields, "form")));
	v->at = reload_alloc(v->len);
	assert_int_equal(reload_unhex(v->at, digits, n), RELOAD_OK);
	free(digits);
	assert_int_equal(v->len, json_integer_value(json_object_get(v->fields, "length")));
}

static inline void vector_clear(struct vector *v)
{
	free(v->at);
	json_decref(v->fields);
	*v = (struct vector){ .len = 0 };
}

/* vector_field() returns the bytes of the field whose path ends in path; the test fails when there is none. */
static inline struct span vector_field(const struct vector *v, const char *path)
{
	size_t i;
	json_t *field;
	json_array_foreach (json_object_get(v->fields, "fields"), i, field) {
		const char *p = json_string_value(json_object_get(field, "path"));
		size_t n = strlen(p), want = strlen(path);
		if (n < want || strcmp(p + n - want, path) != 0)
			continue;
		size_t at = (size_t)json_integer_value(json_object_get(field, "offset"));
		return span_of(
			v->at + at, (size_t)json_integer_value(json_object_get(field, "length")));
	}
	fail_msg("%s has no field %s", v->name, path);
	return span_of(NULL, 0);
}

/* The Kinds of the vectors. */
static inline enum reload_data_model vector_model(const void *arg, uint32_t kind)
{
	(void)arg;
	switch (kind) {
	case 0xf0000001:
		return RELOAD_MODEL_DICTIONARY;
	case 0xf0000002:
	case RELOAD_KIND_CERT_BY_NODE:
	case RELOAD_KIND_CERT_BY_USER:
		return RELOAD_MODEL_ARRAY;
	case 0xf0000003:
	case RELOAD_KIND_TURN_SERVICE:
		return RELOAD_MODEL_SINGLE;
	default:
		return RELOAD_MODEL_UNKNOWN;
	}
}

static inline struct wire_ctx vector_ctx(struct reload_arena *arena)
{
	return (struct wire_ctx){ .node_id_len = 16, .arena = arena, .model = vector_model };
}

/* vector_msg() decodes a message vector with its body; owned. */
static inline struct reload_msg *vector_msg(const char *name)
{
	struct vector v;
	struct wire_ctx ctx = vector_ctx(NULL);
	struct reload_msg *m = NULL;
	vector_load(&v, name);
	assert_int_equal(reload_msg_decode(&m, vector_span(&v), &ctx), RELOAD_OK);
	assert_int_equal(reload_msg_body(m, &ctx), RELOAD_OK);
	vector_clear(&v);
	return m;
}
