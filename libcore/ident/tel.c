#include "ident/tel.h"

#include "util/text.h"

#include <strings.h>

static bool is_separator(uint8_t c)
{
	return c == '-' || c == '.' || c == '(' || c == ')';
}

static bool is_digit(uint8_t c, bool global)
{
	return (c >= '0' && c <= '9') || (!global && (c == '*' || c == '#'));
}

/* Digits and separators up to the end of text; false: anything else is there, or too many. */
static bool read_digits(struct reload_tel *out, struct span text, bool separators)
{
	bool global = text.len && text.at[0] == '+';
	*out = (struct reload_tel){ .len = global };
	if (global)
		out->number[0] = '+';
	for (size_t i = global; i < text.len; i++) {
		if (separators && is_separator(text.at[i]))
			continue;
		if (!is_digit(text.at[i], global) || out->len - global == RELOAD_TEL_DIGITS)
			return false;
		out->number[out->len++] = (char)text.at[i];
	}
	return true;
}

enum reload_err reload_tel_parse(struct reload_tel *out, struct span text)
{
	static const char scheme[] = "tel:";
	struct reload_tel tel;
	size_t n = sizeof(scheme) - 1;
	if (text.len >= n && !strncasecmp((const char *)text.at, scheme, n))
		text = span_of(text.at + n, text.len - n);
	const uint8_t *semicolon = text.len ? memchr(text.at, ';', text.len) : NULL;
	if (semicolon)
		text.len = (size_t)(semicolon - text.at);
	if (!read_digits(&tel, text, true) || tel.len == (tel.number[0] == '+'))
		return RELOAD_BAD_VALUE;
	*out = tel;
	return RELOAD_OK;
}

enum reload_err reload_tel_prefix_parse(struct reload_tel *out, struct span text)
{
	struct reload_tel tel;
	if (!text.len || !read_digits(&tel, text, false))
		return RELOAD_BAD_VALUE;
	*out = tel;
	return RELOAD_OK;
}

bool reload_tel_has_prefix(const struct reload_tel *number, const struct reload_tel *prefix)
{
	return number->len >= prefix->len && !memcmp(number->number, prefix->number, prefix->len);
}

enum reload_err reload_tel_service(char out[RELOAD_TEL_SERVICE], const char *overlay,
	const struct reload_tel *number, size_t len)
{
	static const char middle[] = ".pstn.";
	struct wr w = wr_fixed(out, RELOAD_TEL_SERVICE - 1);
	reload_labels_reversed(&w, overlay);
	wr_text(&w, middle);
	wr_span(&w, span_of(number->number, len < number->len ? len : number->len));
	if (w.err)
		return RELOAD_LIMIT;
	out[w.len] = 0;
	return RELOAD_OK;
}
