#include "usage/sip_frame.h"

#include "usage/sip_head.h"

#include <ctype.h>

static struct span trimmed(struct span s)
{
	while (s.len && strchr(" \t\r\n", s.at[0]) && s.at[0])
		s = span_of(s.at + 1, s.len - 1);
	while (s.len && strchr(" \t\r\n", s.at[s.len - 1]) && s.at[s.len - 1])
		s.len--;
	return s;
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
		struct span line = reload_sip_next_line(&head);
		if (!reload_sip_is_field(line, "Content-Length") && !reload_sip_is_field(line, "l"))
			continue;
		const uint8_t *colon = memchr(line.at, ':', line.len);
		size_t value = 0, at = (size_t)(colon - line.at) + 1;
		if (!length_of(&value, trimmed(span_of(line.at + at, line.len - at))) ||
			(found && value != *out))
			return RELOAD_BAD_VALUE;
		found = true;
		*out = value;
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
	size_t head = reload_sip_head(rest).len;
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
