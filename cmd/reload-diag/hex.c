#include "reload-diag/hex.h"

#include "util/alloc.h"
#include "util/text.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A line is an offset (xxd, hexdump, od), groups of digits, and the same bytes as characters.  An offset is recognised
 * by its colon, or as the number of bytes so far: in hexadecimal, or in octal, and then (od without options) groups are
 * octal words of two bytes, the lower one first.  Decoding in place is safe: each byte takes at least two digits of the
 * input.
 */

enum {
	OFFSET_MIN = 6, /* digits */
	OFFSET_MAX = 16,
	REPEATED = 16 /* bytes of the line that `*` repeats */
};

struct hex {
	uint8_t *out;
	size_t len, line;
	bool octal;   /* 16-bit words as od prints them */
	bool repeats; /* a line with `*` was read */
	uint8_t last[REPEATED];
	size_t last_len;
	struct reload_error_text *why;
};

bool diag_is_text(struct span s)
{
	s = reload_text_start(s);
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] != '\t' && s.at[i] != '\r' && s.at[i] != '\n' &&
			(s.at[i] < ' ' || s.at[i] > '~'))
			return false;
	return s.len > 0;
}

static enum reload_err bad(struct hex *h, const char *word, size_t len, const char *what)
{
	char text[80];
	snprintf(text, sizeof(text), "line %zu: %.*s", h->line, (int)(len < 40 ? len : 40), word);
	reload_error_explain(h->why, RELOAD_USAGE, text,
		"%s; taken are hex digits, plain or of xxd, hexdump -C, od and C arrays", what);
	reload_error_advise(h->why, "xxd -p FILE, or --binary");
	return RELOAD_USAGE;
}

static bool all_of(const char *word, size_t len, const char *digits)
{
	for (size_t i = 0; i < len; i++)
		if (!word[i] || !strchr(digits, word[i]))
			return false;
	return len > 0;
}

static bool is_hex(const char *word, size_t len)
{
	return all_of(word, len, "0123456789abcdefABCDEF");
}

static enum reload_err put_group(struct hex *h, const char *word, size_t len)
{
	if (h->octal) {
		if (len != 6 || !all_of(word, len, "01234567"))
			return bad(h, word, len, "not an octal word of od");
		unsigned long v = strtoul(word, NULL, 8);
		h->out[h->len++] = (uint8_t)v;
		h->out[h->len++] = (uint8_t)(v >> 8);
		return RELOAD_OK;
	}
	if (!is_hex(word, len))
		return bad(h, word, len, "not hex digits");
	if (len == 1) { /* 0x0 in a C array */
		char pair[2] = { '0', word[0] };
		return reload_unhex(&h->out[h->len++], pair, 2);
	}
	if (len % 2)
		return bad(h, word, len, "an odd number of hex digits");
	for (size_t i = 0; i < len; i += 2) {
		char pair[2] = { word[i], word[i + 1] };
		if (reload_unhex(&h->out[h->len++], pair, 2))
			return bad(h, word, len, "not hex digits");
	}
	return RELOAD_OK;
}

/* Repeats the line before a `*` up to the offset of the line after it. */
static void repeat(struct hex *h, size_t offset, size_t room)
{
	for (size_t i = 0; h->repeats && h->last_len && h->len < offset && h->len < room; i++)
		h->out[h->len++] = h->last[i % h->last_len];
	h->repeats = false;
}

/* The length of the offset with its colon at the start of a line, 0: there is none. */
static size_t offset_read(struct hex *h, const char *at, size_t len, size_t room)
{
	size_t digits = strspn(at, "0123456789abcdefABCDEF");
	bool colon = digits < len && at[digits] == ':';
	if (digits < OFFSET_MIN || digits > OFFSET_MAX || digits > len ||
		(!colon && digits < len && at[digits] != ' '))
		return 0;
	size_t hex = strtoull(at, NULL, 16), octal = strtoull(at, NULL, 8);
	/* od without options: seven octal digits, and words of six behind them */
	bool of_od = digits == 7 && all_of(at, digits, "01234567") && (!h->len || h->octal);
	if (of_od && !h->len && len > digits)
		h->octal = strspn(at + digits + 1, "01234567") == 6;
	size_t offset = h->octal ? octal : hex;
	if (h->repeats)
		repeat(h, offset, room);
	if (colon && !(digits < len - 1 && at[digits + 1] == ' '))
		return 0; /* digits with colons between them */
	return colon || offset == h->len ? digits + colon : 0;
}

static enum reload_err put_words(struct hex *h, const char *at, size_t len)
{
	enum reload_err err = RELOAD_OK;
	for (size_t i = 0, n; !err && i < len; i += n) {
		n = strcspn(at + i, " \t\r,:");
		n = n < len - i ? n : len - i;
		bool prefix = n > 2 && at[i] == '0' && (at[i + 1] == 'x' || at[i + 1] == 'X');
		if (n)
			err = put_group(h, at + i + 2 * prefix, n - 2 * prefix);
		n += n < len - i;
	}
	return err;
}

/* One line of text, ended by a NUL. */
static enum reload_err line_read(struct hex *h, char *line, size_t room)
{
	size_t len = strlen(line), before = h->len;
	while (len && isspace((unsigned char)line[len - 1]))
		line[--len] = 0;
	while (*line == ' ' || *line == '\t')
		line++;
	len = strlen(line);
	if (!len)
		return RELOAD_OK;
	if (!strcmp(line, "*")) {
		h->repeats = true;
		return RELOAD_OK;
	}
	size_t offset = offset_read(h, line, len, room);
	before = h->len;
	bool colon = offset && line[offset - 1] == ':';
	char *at = line + offset, *end;
	while (offset && *at == ' ')
		at++;
	/* the text column begins after two blanks (xxd), or after two blanks and a bar (hexdump -C) */
	if (offset && (end = strstr(at, colon ? "  " : "  |")))
		*end = 0;
	enum reload_err err = put_words(h, at, strlen(at));
	if (!err && h->len - before <= REPEATED) {
		h->last_len = h->len - before;
		memcpy(h->last, h->out + before, h->last_len);
	}
	return err;
}

/* The part of an array in C between its braces. */
static char *array_start(char *text)
{
	char *open = strstr(text, "] = {"), *close = open ? strchr(open, '}') : NULL;
	if (!close)
		return text;
	*close = 0;
	return strchr(open, '{') + 1;
}

enum reload_err diag_unhex(uint8_t *bytes, size_t *len, struct reload_error_text *why)
{
	struct span start = reload_text_start(span_of(bytes, *len));
	char *text = reload_alloc(start.len + 1), *line = text;
	struct hex h = { .out = bytes, .why = why };
	enum reload_err err = RELOAD_OK;
	memcpy(text, start.at, start.len);
	line = array_start(text);
	for (char *end; !err && line; line = end) {
		if ((end = strchr(line, '\n')))
			*end++ = 0;
		h.line++;
		err = line_read(&h, line, *len);
	}
	free(text);
	if (!err)
		*len = h.len;
	return err;
}
