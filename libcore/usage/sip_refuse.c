#include "usage/sip_refuse.h"

#include "usage/sip_head.h"

#include <strings.h>

enum field {
	FIELD_VIA,
	FIELD_FROM,
	FIELD_TO,
	FIELD_CALL_ID,
	FIELD_CSEQ,
	FIELDS
};

static const struct {
	const char *name, *compact;
} names[FIELDS] = {
	[FIELD_VIA] = { "Via", "v" },
	[FIELD_FROM] = { "From", "f" },
	[FIELD_TO] = { "To", "t" },
	[FIELD_CALL_ID] = { "Call-ID", "i" },
	[FIELD_CSEQ] = { "CSeq", "CSeq" },
};

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static enum field field_of(struct span line)
{
	for (unsigned f = 0; f < FIELDS; f++)
		if (reload_sip_is_field(line, names[f].name) ||
			reload_sip_is_field(line, names[f].compact))
			return (enum field)f;
	return FIELDS;
}

static bool has_tag(struct span to)
{
	for (size_t i = 0; i + 4 < to.len; i++) {
		size_t n = i + 1;
		if (to.at[i] != ';')
			continue;
		while (n < to.len && (is_blank(to.at[n]) || to.at[n] == '\r' || to.at[n] == '\n'))
			n++;
		if (n + 3 < to.len && !strncasecmp((const char *)to.at + n, "tag", 3) &&
			(to.at[n + 3] == '=' || is_blank(to.at[n + 3]) || to.at[n + 3] == '\r'))
			return true;
	}
	return false;
}

static bool begins(struct span line, const char *word)
{
	size_t n = strlen(word);
	return line.len >= n && !strncasecmp((const char *)line.at, word, n);
}

bool reload_sip_refuse(struct wr *w, struct span head, int status, const char *phrase,
	const char *tag, const char *more)
{
	unsigned seen = 0;
	size_t begun = w->len;
	head = reload_sip_head(head);
	if (!head.len || begins(head, "SIP/") || begins(head, "ACK "))
		return false;
	reload_sip_next_line(&head);
	wr_format(w, "SIP/2.0 %d %s\r\n", status, phrase);
	while (head.len > 2) {
		struct span line = reload_sip_next_line(&head);
		enum field f = field_of(line);
		if (f == FIELDS || (f != FIELD_VIA && seen & 1U << f))
			continue; /* what is there twice is answered once */
		seen |= 1U << f;
		wr_span(w, f == FIELD_TO ? span_of(line.at, line.len - 2) : line);
		if (f == FIELD_TO)
			wr_format(w, "%s%s\r\n",
				has_tag(line) ? "" : ";tag=", has_tag(line) ? "" : tag);
	}
	if (!(seen & 1U << FIELD_VIA) || !(seen & 1U << FIELD_CSEQ) || w->err) {
		w->len = begun;
		return false;
	}
	wr_format(w, "%sContent-Length: 0\r\n\r\n", more);
	return !w->err;
}
