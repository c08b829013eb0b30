#include "util/text.h"

#include "util/alloc.h"
#include "util/bytes.h"

#include <stdlib.h>

char *reload_hex(char *out, struct span s)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < s.len; i++) {
		out[2 * i] = digits[s.at[i] >> 4];
		out[2 * i + 1] = digits[s.at[i] & 15];
	}
	out[2 * s.len] = 0;
	return out;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

enum reload_err reload_unhex(uint8_t *out, const char *digits, size_t len)
{
	if (len % 2)
		return RELOAD_BAD_VALUE;
	for (size_t i = 0; i < len; i += 2) {
		int high = hex_digit(digits[i]), low = hex_digit(digits[i + 1]);
		if (high < 0 || low < 0)
			return RELOAD_BAD_VALUE;
		out[i / 2] = (uint8_t)(high << 4 | low);
	}
	return RELOAD_OK;
}

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static char *base64_group(char *to, uint32_t bits)
{
	to[0] = base64_digits[bits >> 18];
	to[1] = base64_digits[bits >> 12 & 63];
	to[2] = base64_digits[bits >> 6 & 63];
	to[3] = base64_digits[bits & 63];
	return to + 4;
}

char *reload_base64(struct span s)
{
	char *out = reload_alloc((s.len + 2) / 3 * 4 + 1), *to = out;
	const uint8_t *from = s.at;
	size_t left = s.len;
	for (; left >= 3; from += 3, left -= 3)
		to = base64_group(to, (uint32_t)from[0] << 16 | (uint32_t)from[1] << 8 | from[2]);
	if (!left)
		return out;
	base64_group(to, (uint32_t)from[0] << 16 | (left == 2 ? (uint32_t)from[1] << 8 : 0u));
	memset(to + 1 + left, '=', 3 - left);
	return out;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

enum reload_err reload_unbase64(uint8_t **out, size_t *out_len, const char *text, size_t len)
{
	uint8_t *bytes = reload_alloc(len / 4 * 3 + 3), *to = bytes;
	uint32_t v = 0;
	unsigned digits = 0, pads = 0;
	for (size_t i = 0; i < len; i++) {
		if (is_space(text[i]))
			continue;
		const char *d = text[i] ? strchr(base64_digits, text[i]) : NULL;
		if (text[i] == '=' && digits >= 2)
			pads++;
		else if (!d || pads)
			goto bad;
		v = v << 6 | (d ? (uint32_t)(d - base64_digits) : 0u);
		if (++digits < 4)
			continue;
		for (unsigned k = 0; k < 3 - pads; k++)
			*to++ = (uint8_t)(v >> (16 - 8 * k));
		digits = 0;
		v = 0;
		if (pads) {
			for (i++; i < len; i++)
				if (!is_space(text[i]))
					goto bad;
		}
	}
	if (digits || pads > 2)
		goto bad;
	*out = bytes;
	*out_len = (size_t)(to - bytes);
	return RELOAD_OK;
bad:
	free(bytes);
	return RELOAD_BAD_VALUE;
}

bool reload_utf8_valid(struct span s)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	for (size_t i = 0; i < s.len;) {
		uint8_t c = s.at[i++];
		unsigned more = c < 0x80       ? 0
				: c >> 5 == 6  ? 1
				: c >> 4 == 14 ? 2
				: c >> 3 == 30 ? 3
					       : 9;
		if (!c || more == 9 || s.len - i < more)
			return false;
		uint32_t v = more ? c & (0x3fu >> more) : c;
		for (unsigned k = 0; k < more; k++, i++) {
			if (s.at[i] >> 6 != 2)
				return false;
			v = v << 6 | (s.at[i] & 0x3fu);
		}
		if (v < least[more] || v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
			return false;
	}
	return true;
}

struct span reload_text_start(struct span text)
{
	bool mark = text.len >= 3 && !memcmp(text.at, "\xef\xbb\xbf", 3);
	return mark ? span_of(text.at + 3, text.len - 3) : text;
}

void reload_markup_put(struct wr *w, const char *text)
{
	for (; *text; text++) {
		uint8_t c = (uint8_t)*text;
		switch (c) {
		case '&':
			wr_text(w, "&amp;");
			break;
		case '<':
			wr_text(w, "&lt;");
			break;
		case '>':
			wr_text(w, "&gt;");
			break;
		case '"':
			wr_text(w, "&quot;");
			break;
		case '\t':
		case '\n':
			wr_u8(w, c);
			break;
		default:
			wr_u8(w, c < 0x20 || c == 0x7f ? ' ' : c);
		}
	}
}

void reload_labels_reversed(struct wr *w, const char *name)
{
	size_t end = strlen(name);
	for (size_t at = end; at-- > 0;)
		if (at == 0 || name[at - 1] == '.') {
			wr_span(w, span_of(name + at, end - at));
			if (at)
				wr_u8(w, '.');
			end = at ? at - 1 : 0;
		}
}
