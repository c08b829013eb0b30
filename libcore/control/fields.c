/* Checking objects against rows of fields, and rows as JSON Schema. */
#include "control/fields.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	PATH_MAX_LEN = 128,
	PATH_DEPTH = 8 /* a path shows so many of its last parts */
};

/* Where the field that is checked stands; its path is written only when there is something to say: "values[3].key". */
struct place {
	const struct place *above; /* NULL: the object itself */
	const char *name;          /* NULL: an item */
	size_t item;
};

static void path_of(const struct place *at, char out[PATH_MAX_LEN])
{
	const struct place *parts[PATH_DEPTH];
	size_t n = 0, len = 0;
	for (; at->above && n < PATH_DEPTH; at = at->above)
		parts[n++] = at;
	out[0] = 0;
	while (n-- && len < PATH_MAX_LEN - 1) {
		const struct place *part = parts[n];
		int more = part->name
				   ? snprintf(out + len, PATH_MAX_LEN - len, "%s%.30s",
					     len ? "." : "", part->name)
				   : snprintf(out + len, PATH_MAX_LEN - len, "[%zu]", part->item);
		len += more > 0 ? (size_t)more : 0;
	}
}

static enum reload_err wrong(struct reload_error_text *why, const struct place *at,
	const char *must_be, const char *more)
{
	char what[PATH_MAX_LEN + 24], path[PATH_MAX_LEN];
	path_of(at, path);
	snprintf(what, sizeof(what), "parameter %s is wrong", path);
	return reload_error_explain(why, RELOAD_USAGE, what, "%s %s%s", path, must_be, more);
}

static bool word_in(const char *words, const char *word)
{
	size_t len = strlen(word);
	for (const char *w = words; *w; w += strspn(w, " ")) {
		size_t n = strcspn(w, " ");
		if (n == len && len && memcmp(w, word, n) == 0)
			return true;
		w += n;
	}
	return false;
}

static bool is_hex(const char *s, size_t len)
{
	return len % 2 == 0 && strspn(s, "0123456789abcdef") == len;
}

static bool is_base64(const char *s, size_t len)
{
	size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
	return len % 4 == 0 && len - n <= 2 && strspn(s + n, "=") == len - n;
}

static bool is_u64(const char *s, size_t len)
{
	static const char most[] = "18446744073709551615";
	if (!len || strspn(s, "0123456789") != len || (s[0] == '0' && len > 1))
		return false;
	return len < sizeof(most) - 1 || (len == sizeof(most) - 1 && strcmp(s, most) <= 0);
}

/* "2026-11-22T15:12:05.123Z" */
static bool is_time(const char *s, size_t len)
{
	static const char form[] = "0000-00-00T00:00:00.000Z";
	if (len != sizeof(form) - 1)
		return false;
	for (size_t i = 0; i < len; i++)
		if (form[i] == '0' ? s[i] < '0' || s[i] > '9' : s[i] != form[i])
			return false;
	return true;
}

/* The largest string or list when its row sets no limit. */
static size_t at_most(const struct reload_field *f)
{
	enum {
		TEXT_MAX = 4096,
		HEX_MAX = 512,
		BASE64_MAX = 32 * 1024 * 1024,
		LIST_MAX = 65536
	};
	if (f->at_most)
		return f->at_most;
	if (f->type == RELOAD_FIELD_LIST)
		return LIST_MAX;
	if (f->type == RELOAD_FIELD_BASE64)
		return BASE64_MAX;
	return f->type == RELOAD_FIELD_HEX ? HEX_MAX : TEXT_MAX;
}

static enum reload_err check_string(const struct reload_field *f, const struct place *at,
	const json_t *v, struct reload_error_text *why)
{
	if (!json_is_string(v))
		return wrong(why, at, "must be a string", "");
	const char *s = json_string_value(v);
	size_t len = json_string_length(v);
	if (strlen(s) !=
		len) /* a string with NUL: the parser refuses it in requests, and results must not have one either */
		return wrong(why, at, "must not hold NUL", "");
	if (len > at_most(f))
		return wrong(why, at, "is too long", "");
	if (f->type == RELOAD_FIELD_WORD && !word_in(f->words, s))
		return wrong(why, at, "must be one of: ", f->words);
	if (f->type == RELOAD_FIELD_HEX && !is_hex(s, len))
		return wrong(why, at, "must be an even number of lower-case hex digits", "");
	if (f->type == RELOAD_FIELD_BASE64 && !is_base64(s, len))
		return wrong(why, at, "must be base64", "");
	if (f->type == RELOAD_FIELD_U64 && !is_u64(s, len))
		return wrong(why, at, "must be a decimal number of 64 bits in a string", "");
	if (f->type == RELOAD_FIELD_TIME && !is_time(s, len))
		return wrong(why, at, "must be a time as in RFC 3339", "");
	return RELOAD_OK;
}

static enum reload_err check_int(const struct reload_field *f, const struct place *at,
	const json_t *v, struct reload_error_text *why)
{
	char range[64] = "";
	if (json_is_integer(v) && json_integer_value(v) >= f->min &&
		json_integer_value(v) <= f->max)
		return RELOAD_OK;
	if (f->max == INT64_MAX)
		snprintf(range, sizeof(range), " of %" PRId64 " or more", f->min);
	else
		snprintf(range, sizeof(range), " from %" PRId64 " to %" PRId64, f->min, f->max);
	return wrong(why, at, "must be a whole number", range);
}

static enum reload_err check_kind(
	const struct place *at, const json_t *v, struct reload_error_text *why)
{
	if (json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) <= UINT32_MAX)
		return RELOAD_OK;
	if (json_is_string(v) && json_string_length(v) >= 1 && json_string_length(v) <= 255)
		return RELOAD_OK;
	return wrong(why, at, "must be the name or number of a Kind", "");
}

static enum reload_err check_object(const struct reload_field *fields, const struct place *at,
	const json_t *object, struct reload_error_text *why);

static enum reload_err check_value(const struct reload_field *f, const struct place *at,
	const json_t *v, struct reload_error_text *why)
{
	switch (f->type) {
	case RELOAD_FIELD_TEXT:
	case RELOAD_FIELD_WORD:
	case RELOAD_FIELD_HEX:
	case RELOAD_FIELD_BASE64:
	case RELOAD_FIELD_U64:
	case RELOAD_FIELD_TIME:
		return check_string(f, at, v, why);
	case RELOAD_FIELD_INT:
		return check_int(f, at, v, why);
	case RELOAD_FIELD_REAL:
		return json_is_number(v) ? RELOAD_OK : wrong(why, at, "must be a number", "");
	case RELOAD_FIELD_BOOL:
		return json_is_boolean(v) ? RELOAD_OK : wrong(why, at, "must be true or false", "");
	case RELOAD_FIELD_KIND:
		return check_kind(at, v, why);
	case RELOAD_FIELD_OBJECT:
		return check_object(f->fields, at, v, why);
	case RELOAD_FIELD_LIST:
		break;
	case RELOAD_FIELD_END:
		assert(f->type != RELOAD_FIELD_END);
	}
	if (!json_is_array(v))
		return wrong(why, at, "must be a list", "");
	if (json_array_size(v) > at_most(f))
		return wrong(why, at, "has too many items", "");
	enum reload_err err = RELOAD_OK;
	for (size_t i = 0; !err && i < json_array_size(v); i++) {
		struct place item = { .above = at, .item = i };
		err = check_value(f->fields, &item, json_array_get(v, i), why);
	}
	return err;
}

static const struct reload_field *field_named(const struct reload_field *fields, const char *name)
{
	for (const struct reload_field *f = fields; f->type; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

static enum reload_err check_object(const struct reload_field *fields, const struct place *at,
	const json_t *object, struct reload_error_text *why)
{
	if (!json_is_object(object))
		return wrong(why, at,
			at->above ? "must be an object" : "parameters must be an object", "");
	const char *name;
	json_t *v;
	json_object_foreach ((json_t *)object, name, v) {
		struct place p = { .above = at, .name = name };
		if (fields && !field_named(fields, name))
			return wrong(why, &p, "is unknown", "");
	}
	for (const struct reload_field *f = fields; f && f->type; f++) {
		struct place p = { .above = at, .name = f->name };
		v = json_object_get(object, f->name);
		if (f->optional && (!v || json_is_null(v)))
			continue;
		if (!v)
			return wrong(why, &p, "is missing", "");
		enum reload_err err = check_value(f, &p, v, why);
		if (err)
			return err;
	}
	return RELOAD_OK;
}

enum reload_err reload_fields_check(
	const struct reload_field *fields, const json_t *object, struct reload_error_text *why)
{
	struct place top = { 0 };
	json_t *empty = object ? NULL : json_object();
	enum reload_err err = check_object(fields, &top, object ? object : empty, why);
	json_decref(empty);
	return err;
}

static json_t *words_array(const char *words)
{
	json_t *list = json_array();
	for (const char *w = words; *w; w += strspn(w, " ")) {
		size_t n = strcspn(w, " ");
		json_array_append_new(list, json_stringn(w, n));
		w += n;
	}
	return list;
}

static json_t *typed(const char *type)
{
	return json_pack("{s:s}", "type", type);
}

static json_t *patterned(const char *pattern)
{
	return json_pack("{s:s, s:s}", "type", "string", "pattern", pattern);
}

static json_t *int_schema(const struct reload_field *f)
{
	json_t *s = json_pack("{s:s, s:I}", "type", "integer", "minimum", (json_int_t)f->min);
	if (f->max != INT64_MAX)
		json_object_set_new(s, "maximum", json_integer(f->max));
	return s;
}

static json_t *value_schema(const struct reload_field *f)
{
	switch (f->type) {
	case RELOAD_FIELD_TEXT:
		return typed("string");
	case RELOAD_FIELD_WORD:
		return json_pack("{s:s, s:o}", "type", "string", "enum", words_array(f->words));
	case RELOAD_FIELD_HEX:
		return patterned("^([0-9a-f]{2})*$");
	case RELOAD_FIELD_BASE64:
		return json_pack("{s:s, s:s}", "type", "string", "contentEncoding", "base64");
	case RELOAD_FIELD_U64:
		return patterned("^(0|[1-9][0-9]{0,19})$");
	case RELOAD_FIELD_TIME:
		return json_pack("{s:s, s:s}", "type", "string", "format", "date-time");
	case RELOAD_FIELD_INT:
		return int_schema(f);
	case RELOAD_FIELD_REAL:
		return typed("number");
	case RELOAD_FIELD_BOOL:
		return typed("boolean");
	case RELOAD_FIELD_KIND:
		return json_pack("{s:[s,s]}", "type", "string", "integer");
	case RELOAD_FIELD_OBJECT:
		return f->fields ? reload_fields_schema(f->fields) : typed("object");
	case RELOAD_FIELD_LIST:
		return json_pack("{s:s, s:o}", "type", "array", "items", value_schema(f->fields));
	case RELOAD_FIELD_END:
		break;
	}
	assert(f->type != RELOAD_FIELD_END);
	return NULL;
}

/* A field that may be null is the type or null. */
static json_t *nullable(json_t *schema)
{
	return json_pack("{s:[o, {s:s}]}", "anyOf", schema, "type", "null");
}

json_t *reload_fields_schema(const struct reload_field *fields)
{
	json_t *properties = json_object(), *required = json_array();
	for (const struct reload_field *f = fields; f->type; f++) {
		json_t *s = value_schema(f);
		if (f->optional)
			s = nullable(s);
		else
			json_array_append_new(required, json_string(f->name));
		if (f->text)
			json_object_set_new(s, "description", json_string(f->text));
		json_object_set_new(properties, f->name, s);
	}
	return json_pack("{s:s, s:o, s:o}", "type", "object", "properties", properties, "required",
		required);
}
