#include "control/json_write.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static void write_text(struct wr *w, const char *text)
{
	wr_bytes(w, text, strlen(text));
}

/* What stands behind the backslash for this character; 0: it needs none, 'u': its number. */
static char escape_of(uint8_t c)
{
	static const char controls[] = "uuuuuuuubtnufruu";
	if (c == '"' || c == '\\')
		return (char)c;
	if (c >= 0x20)
		return 0;
	return c < sizeof(controls) - 1 ? controls[c] : 'u';
}

static void write_escaped(struct wr *w, uint8_t c, char escape)
{
	char text[8];
	if (escape == 'u')
		snprintf(text, sizeof(text), "\\u%04X", c);
	else
		snprintf(text, sizeof(text), "\\%c", escape);
	write_text(w, text);
}

/* The characters between two that need an escape are copied at once; jansson has checked that they are UTF-8. */
static void write_string(struct wr *w, const char *s, size_t len)
{
	size_t from = 0;
	wr_u8(w, '"');
	for (size_t i = 0; i < len; i++) {
		uint8_t c = (uint8_t)s[i];
		char escape = escape_of(c);
		if (!escape)
			continue;
		wr_bytes(w, s + from, i - from);
		write_escaped(w, c, escape);
		from = i + 1;
	}
	wr_bytes(w, s + from, len - from);
	wr_u8(w, '"');
}

static void write_object(struct wr *w, const json_t *object)
{
	const char *name, *before = "";
	json_t *member;
	wr_u8(w, '{');
	json_object_foreach ((json_t *)object, name, member) {
		write_text(w, before);
		write_string(w, name, strlen(name));
		wr_u8(w, ':');
		reload_json_write(w, member);
		before = ",";
	}
	wr_u8(w, '}');
}

static void write_array(struct wr *w, const json_t *array)
{
	wr_u8(w, '[');
	for (size_t i = 0; i < json_array_size(array); i++) {
		if (i)
			wr_u8(w, ',');
		reload_json_write(w, json_array_get(array, i));
	}
	wr_u8(w, ']');
}

static void write_real(struct wr *w, const json_t *v)
{
	char text[64];
	size_t n = json_dumpb(
		v, text, sizeof(text), JSON_ENCODE_ANY | JSON_REAL_PRECISION(RELOAD_JSON_DIGITS));
	assert(n && n <= sizeof(text));
	wr_bytes(w, text, n);
}

static void write_integer(struct wr *w, json_int_t n)
{
	char text[24];
	snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, n);
	write_text(w, text);
}

void reload_json_write(struct wr *w, const json_t *v)
{
	assert(v);
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		write_object(w, v);
		return;
	case JSON_ARRAY:
		write_array(w, v);
		return;
	case JSON_STRING:
		write_string(w, json_string_value(v), json_string_length(v));
		return;
	case JSON_INTEGER:
		write_integer(w, json_integer_value(v));
		return;
	case JSON_REAL:
		write_real(w, v);
		return;
	case JSON_TRUE:
		write_text(w, "true");
		return;
	case JSON_FALSE:
		write_text(w, "false");
		return;
	case JSON_NULL:
		write_text(w, "null");
	}
}
