/* -v: the messages of calls as rungs between this end and the others, with the time since the first. */
#include "reload-sip-call/phone.h"

#include "common/call.h"
#include "usage/sip_head.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum {
	WIDTH = 44, /* of a rung */
	WORDS = 36
};

/* The n-th word of a line, at most `size` bytes that a terminal can show. */
static void copy_words(char *out, size_t size, struct span text)
{
	size_t n = 0;
	while (text.len && isspace(text.at[text.len - 1]))
		text.len--;
	for (; n + 1 < size && n < text.len; n++)
		out[n] = isprint(text.at[n]) ? (char)text.at[n] : '?';
	out[n] = 0;
}

static struct span after(struct span line, char c)
{
	const uint8_t *at = line.len ? memchr(line.at, c, line.len) : NULL;
	size_t used = at ? (size_t)(at - line.at) + 1 : line.len;
	return span_of(line.at + used, line.len - used);
}

static struct span before(struct span line, char c)
{
	const uint8_t *at = line.len ? memchr(line.at, c, line.len) : NULL;
	return span_of(line.at, at ? (size_t)(at - line.at) : line.len);
}

/* "INVITE, with a description", or "200 OK (INVITE)". */
static void describe(char out[WORDS + 1], struct span text)
{
	struct span head = reload_sip_head(text), rest = head, line, cseq = { 0 };
	char words[WORDS], method[16];
	bool sdp = head.len && head.len < text.len;
	out[0] = 0;
	if (!head.len)
		return;
	line = reload_sip_next_line(&rest);
	while (rest.len) {
		struct span field = reload_sip_next_line(&rest);
		if (reload_sip_is_field(field, "CSeq"))
			cseq = after(field, ':');
	}
	while (cseq.len && isspace(cseq.at[0]))
		cseq = span_of(cseq.at + 1, cseq.len - 1);
	bool response = line.len > 8 && !memcmp(line.at, "SIP/2.0 ", 8);
	copy_words(words, sizeof(words), response ? after(line, ' ') : before(line, ' '));
	copy_words(method, sizeof(method), after(cseq, ' '));
	if (response)
		snprintf(out, WORDS + 1, "%.*s (%s)%s", WORDS - (int)strlen(method) - 8, words,
			method, sdp ? ", sdp" : "");
	else
		snprintf(out, WORDS + 1, "%.*s%s", WORDS - 8, words, sdp ? ", sdp" : "");
}

void phone_trace(struct leg *leg, bool sent, struct span text)
{
	struct phone *p = leg->owner;
	char words[WORDS + 1], rung[WIDTH + 1], node[CLI_SHORT_ID];
	reload_ms now = cli_monotonic();
	if (!p->cli->verbose)
		return;
	if (!p->traced_since)
		p->traced_since = now;
	describe(words, text);
	memset(rung, '-', WIDTH);
	rung[WIDTH] = 0;
	rung[sent ? WIDTH - 1 : 0] = sent ? '>' : '<';
	rung[sent ? 2 : WIDTH - 4 - (int)strlen(words)] = ' ';
	size_t at = sent ? 3 : WIDTH - 3 - strlen(words);
	memcpy(rung + at, words, strlen(words));
	rung[at + strlen(words)] = ' ';
	cli_step(p->cli, 1, "%6llu ms  |%s|  %s", (unsigned long long)(now - p->traced_since), rung,
		cli_short_id(node, leg->node));
}
