#include "usage/sip_frame.h"

#include <ctype.h>
#include <strings.h>

/* The length of the header fields with the empty line behind them; 0: they are not all there. */
static size_t head_of(struct span s)
{
	const uint8_t *end = s.len ? memmem(s.at, s.len, "\r\n\r\n", 4) : NULL;
	return end ? (size_t)(end - s.at) + 4 : 0;
}

static struct span trimmed(struct span s)
{
	while (s.len && (s.at[0] == ' ' || s.at[0] == '\t'))
		s = span_of(s.at + 1, s.len - 1);
	while (s.len && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
		s.len--;
	return s;
}

static bool is_content_length(struct span name)
{
	static const char *const names[] = { "Content-Length", "l" };
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (name.len == strlen(names[i]) &&
			!strncasecmp((const char *)name.at, names[i], name.len))
			return true;
	return false;
}

/* A decimal number that is no larger than a body may be, or one above that. */
static bool length_of(size_t *out, struct span text)
{
	size_t v = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (!isdigit(text.at[i]))
			return false;
		if (v <= RELOAD_SIP_BODY_MAX)
			v = v * 10 + (size_t)(text.at[i] - '0');
	}
	*out = v;
	return text.len > 0;
}

/*
 * The Content-Length of header fields; one has to be there (RFC 3261 s20.14), and two that differ could be read differently
 * by two readers.
 */
static enum reload_err content_length(size_t *out, struct span head)
{
	bool found = false;
	while (head.len) {
		const uint8_t *end = memmem(head.at, head.len, "\r\n", 2);
		size_t n = end ? (size_t)(end - head.at) : head.len;
		const uint8_t *colon = n ? memchr(head.at, ':', n) : NULL;
		size_t value = 0, at = colon ? (size_t)(colon - head.at) : n;
		if (colon && is_content_length(trimmed(span_of(head.at, at)))) {
			if (!length_of(&value, trimmed(span_of(colon + 1, n - at - 1))) ||
				(found && value != *out))
				return RELOAD_BAD_VALUE;
			found = true;
			*out = value;
		}
		head = end ? span_of(end + 2, head.len - n - 2) : span_of(NULL, 0);
	}
	return found ? RELOAD_OK : RELOAD_BAD_VALUE;
}

enum reload_err reload_sip_frame(size_t *skip, size_t *len, struct span received)
{
	size_t body = 0;
	*skip = *len = 0;
	while (*skip < received.len && (received.at[*skip] == '\r' || received.at[*skip] == '\n'))
		++*skip;
	struct span rest =
		received.len ? span_of(received.at + *skip, received.len - *skip) : received;
	size_t head = head_of(rest);
	if (!head)
		return rest.len > RELOAD_SIP_HEAD_MAX ? RELOAD_LIMIT : RELOAD_SHORT;
	if (head > RELOAD_SIP_HEAD_MAX)
		return RELOAD_LIMIT;
	enum reload_err err = content_length(&body, span_of(rest.at, head));
	if (err)
		return err;
	if (body > RELOAD_SIP_BODY_MAX)
		return RELOAD_LIMIT;
	*len = head + body;
	return *len > rest.len ? RELOAD_SHORT : RELOAD_OK;
}
