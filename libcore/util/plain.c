#include "util/plain.h"

#include <stdio.h>
#include <string.h>

/* code_steers(): Unicode categories Cc, Zl and Zp, and the property Bidi_Control. */
static bool code_steers(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x61c || code == 0x200e ||
	       code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069);
}

/* utf8_length() returns the length that the first byte announces, 0 when it cannot be a first byte. */
static uint8_t utf8_length(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

struct reload_char reload_char_at(const char *text)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *at = (const unsigned char *)text;
	const struct reload_char broken = { .code = at[0], .len = 1, .steers = true };
	uint8_t len = utf8_length(at[0]);
	if (!len)
		return broken;
	uint32_t code = len == 1 ? at[0] : at[0] & (0x7fU >> len);
	for (uint8_t i = 1; i < len; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return broken; /* the NUL at the end is no continuation byte either */
		code = code << 6 | (at[i] & 0x3f);
	}
	if (code < least[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return broken;
	return (struct reload_char){ .code = code, .len = len, .steers = code_steers(code) };
}

char *reload_plain_char(char out[RELOAD_PLAIN_CHAR], struct reload_char c)
{
	if (c.code == '\n' || c.code == '\t')
		snprintf(out, RELOAD_PLAIN_CHAR, "\\%c", c.code == '\n' ? 'n' : 't');
	else if (c.code < 0x100)
		snprintf(out, RELOAD_PLAIN_CHAR, "\\x%02x", (unsigned)c.code);
	else
		snprintf(out, RELOAD_PLAIN_CHAR, "\\u%04x", (unsigned)(c.code & 0xffff));
	return out;
}

char *reload_plain(char *out, size_t size, const char *text)
{
	size_t used = 0;
	while (*text) {
		struct reload_char c = reload_char_at(text);
		char escaped[RELOAD_PLAIN_CHAR];
		const char *from = c.steers ? reload_plain_char(escaped, c) : text;
		size_t len = c.steers ? strlen(escaped) : c.len;
		if (used + len >= size)
			break;
		memcpy(out + used, from, len);
		used += len;
		text += c.len;
	}
	out[used] = 0;
	return out;
}
