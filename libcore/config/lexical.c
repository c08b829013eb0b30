#include "config/lexical.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

/* A value without the white space around it; pointers instead of a copy. */
struct value {
	const char *at, *end;
};

static struct value trimmed(const char *text)
{
	struct value v = { text + strspn(text, " \t\r\n"), text + strlen(text) };
	while (v.end > v.at && strchr(" \t\r\n", v.end[-1]))
		v.end--;
	return v;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* -- numbers and Booleans ---------------------------------------------------------------------------------------------- */

static const struct number_type {
	bool has_sign;
	int64_t min, max;
} number_types[] = {
	[RELOAD_LEXICAL_INT] = { true, INT32_MIN, INT32_MAX },
	[RELOAD_LEXICAL_LONG] = { true, INT64_MIN, INT64_MAX },
	[RELOAD_LEXICAL_UNSIGNED_INT] = { false, 0, UINT32_MAX },
	[RELOAD_LEXICAL_UNSIGNED_BYTE] = { false, 0, UINT8_MAX },
	[RELOAD_LEXICAL_TTL] = { true, 1, 255 },
	[RELOAD_LEXICAL_TIMER] = { false, 200, UINT32_MAX },
	[RELOAD_LEXICAL_NODE_ID_LENGTH] = { true, 16, 20 },
};

static bool is_number(struct value v, const struct number_type *type)
{
	bool negative = v.at < v.end && *v.at == '-';
	if (v.at < v.end && (*v.at == '-' || *v.at == '+')) {
		if (!type->has_sign)
			return false;
		v.at++;
	}
	if (v.at == v.end)
		return false;
	int64_t n = 0; /* a negative number: there is one more of them than of positive ones */
	for (; v.at < v.end; v.at++) {
		int digit = *v.at - '0';
		if (!is_digit(*v.at) || n < (INT64_MIN + digit) / 10)
			return false;
		n = n * 10 - digit;
	}
	if (!negative && n == INT64_MIN)
		return false;
	n = negative ? n : -n;
	return n >= type->min && n <= type->max;
}

static bool is_word(struct value v, const char *word)
{
	size_t len = (size_t)(v.end - v.at);
	return len == strlen(word) && memcmp(v.at, word, len) == 0;
}

static bool is_boolean(struct value v)
{
	return is_word(v, "true") || is_word(v, "false") || is_word(v, "1") || is_word(v, "0");
}

/* -- dates ---------------------------------------------------------------------------------------------------------------- */

/* Reads two digits and the character after them (0: none is required). */
static bool two_digits(int *out, struct value *v, char behind)
{
	if (v->end - v->at < 2 + !!behind || !is_digit(v->at[0]) || !is_digit(v->at[1]))
		return false;
	*out = (v->at[0] - '0') * 10 + (v->at[1] - '0');
	if (behind && v->at[2] != behind)
		return false;
	v->at += 2 + !!behind;
	return true;
}

/* A year has at least four digits, no more zeros in front than four digits need, and there is no year 0. */
static bool read_year(int64_t *out, struct value *v)
{
	bool negative = v->at < v->end && *v->at == '-';
	v->at += negative;
	const char *from = v->at;
	for (*out = 0; v->at < v->end && is_digit(*v->at); v->at++) {
		int digit = *v->at - '0';
		if (*out > (INT64_MAX - digit) / 10)
			return false;
		*out = *out * 10 + digit;
	}
	if (v->at - from < 4 || (v->at - from > 4 && *from == '0') || !*out)
		return false;
	*out = negative ? -*out : *out;
	return v->at < v->end && *v->at++ == '-';
}

static bool is_day(int64_t year, int month, int day)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return month >= 1 && month <= 12 && day >= 1 &&
	       day <= days[month - 1] + (month == 2 && leap);
}

/* Nothing, Z, or an offset of up to 14 hours. */
static bool is_zone(struct value v)
{
	int hours, minutes;
	if (v.at == v.end || is_word(v, "Z"))
		return true;
	if (*v.at != '+' && *v.at != '-')
		return false;
	v.at++;
	return two_digits(&hours, &v, ':') && two_digits(&minutes, &v, 0) && v.at == v.end &&
	       minutes <= 59 && hours * 60 + minutes <= 14 * 60;
}

static bool is_date_time(struct value v)
{
	int64_t year;
	int month, day, hour, minute, second;
	bool zero = true; /* the fraction of the second */
	if (!read_year(&year, &v) || !two_digits(&month, &v, '-') || !two_digits(&day, &v, 'T') ||
		!two_digits(&hour, &v, ':') || !two_digits(&minute, &v, ':') ||
		!two_digits(&second, &v, 0) || !is_day(year, month, day))
		return false;
	if (v.at < v.end && *v.at == '.') {
		const char *from = ++v.at;
		for (; v.at < v.end && is_digit(*v.at); v.at++)
			zero = zero && *v.at == '0';
		if (v.at == from)
			return false;
	}
	bool midnight = hour == 24 && !minute && !second && zero;
	return (hour <= 23 || midnight) && minute <= 59 && second <= 59 && is_zone(v);
}

/* -- base64 --------------------------------------------------------------------------------------------------------------- */

/*
 * Other characters than those of base64 are skipped (RFC 2045 s6.8), as the usual readers of this datatype do; the
 * unused bits of the last character have to be zero.
 */
static bool is_base64(struct value v)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t count = 0, pads = 0;
	size_t last = 0;
	for (; v.at < v.end; v.at++) {
		const char *digit = strchr(digits, *v.at);
		if (*v.at == '=')
			pads++;
		else if (digit && pads)
			return false;
		else if (digit) {
			count++;
			last = (size_t)(digit - digits);
		}
	}
	return pads == 0   ? count % 4 == 0
	       : pads == 1 ? count % 4 == 3 && last % 4 == 0
	       : pads == 2 ? count % 4 == 2 && last % 16 == 0
			   : false;
}

/* -- URI references (RFC 3986) -------------------------------------------------------------------------------------------- */

struct uri {
	const char *at, *end;
	bool lenient; /* any other character stands for itself, as xsd:anyURI has it */
};

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/*
 * The length of the unit at u->at: an unreserved or sub-delim character, a percent-encoded one, or one of `more`; 0:
 * there is none.
 */
static size_t unit(const struct uri *u, const char *more)
{
	if (u->at == u->end)
		return 0;
	char c = *u->at;
	if (c == '%')
		return u->end - u->at >= 3 && is_hex(u->at[1]) && is_hex(u->at[2]) ? 3 : 0;
	if (is_letter(c) || is_digit(c) || (c && strchr("-._~!$&'()*+,;=", c)) ||
		(c && strchr(more, c)))
		return 1;
	return u->lenient && (c <= ' ' || c == 0x7f || strchr("<>\"{}|\\^`", c)) ? 1 : 0;
}

static void pass(struct uri *u, const char *more)
{
	for (size_t n; (n = unit(u, more)) > 0;)
		u->at += n;
}

static bool read_port(struct uri *u)
{
	int64_t port = 0;
	const char *from = u->at;
	for (; u->at < u->end && is_digit(*u->at) && port <= INT_MAX; u->at++)
		port = port * 10 + (*u->at - '0');
	return u->at > from && port <= INT_MAX;
}

static bool read_authority(struct uri *u)
{
	struct uri user = *u;
	pass(&user, ":");
	if (user.at < user.end && *user.at == '@')
		u->at = user.at + 1;
	if (u->at < u->end && *u->at == '[') {
		const char *close = memchr(u->at, ']', (size_t)(u->end - u->at));
		if (!close)
			return false;
		u->at = close + 1;
	} else {
		pass(u, "");
	}
	if (u->at == u->end || *u->at != ':')
		return true;
	u->at++;
	return read_port(u);
}

/* Skips "scheme:"; in a reference without a scheme the first segment of the path has no colon (s4.2). */
static bool read_scheme(struct uri *u)
{
	const char *at = u->at;
	while (at < u->end && (is_letter(*at) || (at > u->at && (is_digit(*at) || *at == '+' ||
									*at == '-' || *at == '.'))))
		at++;
	if (at > u->at && at < u->end && *at == ':') {
		u->at = at + 1;
		return true;
	}
	struct uri segment = *u;
	pass(&segment, "@");
	return segment.at == segment.end || *segment.at != ':';
}

static bool is_uri_reference(struct uri u)
{
	if (!read_scheme(&u))
		return false;
	if (u.end - u.at >= 2 && u.at[0] == '/' && u.at[1] == '/') {
		u.at += 2;
		if (!read_authority(&u))
			return false;
		if (u.at < u.end && !strchr("/?#", *u.at))
			return false;
	}
	pass(&u, ":@/");
	if (u.at < u.end && *u.at == '?') {
		u.at++;
		pass(&u, ":@/?");
	}
	if (u.at < u.end && *u.at == '#') {
		u.at++;
		pass(&u, ":@/?[]"); /* XPointers have brackets */
	}
	return u.at == u.end;
}

bool reload_uri_reference_valid(const char *text)
{
	return is_uri_reference((struct uri){ text, text + strlen(text), false });
}

/* -- all of them ---------------------------------------------------------------------------------------------------------- */

bool reload_lexical_valid(enum reload_lexical type, const char *text)
{
	struct value v = trimmed(text);
	switch (type) {
	case RELOAD_LEXICAL_STRING:
		return true;
	case RELOAD_LEXICAL_BOOLEAN:
		return is_boolean(v);
	case RELOAD_LEXICAL_INT:
	case RELOAD_LEXICAL_LONG:
	case RELOAD_LEXICAL_UNSIGNED_INT:
	case RELOAD_LEXICAL_UNSIGNED_BYTE:
	case RELOAD_LEXICAL_TTL:
	case RELOAD_LEXICAL_TIMER:
	case RELOAD_LEXICAL_NODE_ID_LENGTH:
		return is_number(v, &number_types[type]);
	case RELOAD_LEXICAL_DATE_TIME:
		return is_date_time(v);
	case RELOAD_LEXICAL_BASE64:
		return is_base64(v);
	case RELOAD_LEXICAL_ANY_URI:
		return is_uri_reference((struct uri){ v.at, v.end, true });
	}
	return false;
}

const char *reload_lexical_name(enum reload_lexical type)
{
	static const char *const words[] = {
		[RELOAD_LEXICAL_STRING] = "text",
		[RELOAD_LEXICAL_BOOLEAN] = "true, false, 1 or 0",
		[RELOAD_LEXICAL_INT] = "a number of 32 bits",
		[RELOAD_LEXICAL_LONG] = "a number of 64 bits",
		[RELOAD_LEXICAL_UNSIGNED_INT] = "a number from 0 to 4294967295, without a sign",
		[RELOAD_LEXICAL_UNSIGNED_BYTE] = "a number from 0 to 255, without a sign",
		[RELOAD_LEXICAL_TTL] = "a number from 1 to 255",
		[RELOAD_LEXICAL_TIMER] = "a number from 200 to 4294967295, without a sign",
		[RELOAD_LEXICAL_NODE_ID_LENGTH] = "a number from 16 to 20",
		[RELOAD_LEXICAL_DATE_TIME] = "a date and time",
		[RELOAD_LEXICAL_BASE64] = "base64 whose spare bits are zero",
		[RELOAD_LEXICAL_ANY_URI] = "a URI",
	};
	return words[type];
}
