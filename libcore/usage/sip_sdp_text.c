/* Words, numbers and addresses of session descriptions. */
#include "usage/sip_sdp_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

struct span reload_sdp_word(struct span *line)
{
	size_t n = 0;
	while (line->len && line->at[0] == ' ')
		*line = span_of(line->at + 1, line->len - 1);
	if (!line->len)
		return span_of(NULL, 0); /* there may be no address to go on from */
	while (n < line->len && line->at[n] != ' ')
		n++;
	struct span word = span_of(line->at, n);
	*line = span_of(line->at + n, line->len - n);
	return word;
}

bool reload_sdp_is(struct span s, const char *text)
{
	return s.len == strlen(text) && !strncasecmp((const char *)s.at, text, s.len);
}

bool reload_sdp_number(unsigned long *out, struct span word, unsigned long max)
{
	unsigned long v = 0;
	size_t i = 0;
	for (; i < word.len && isdigit(word.at[i]); i++) {
		v = v * 10 + (unsigned long)(word.at[i] - '0');
		if (v > max)
			return false;
	}
	*out = v;
	return i && (i == word.len || word.at[i] == '/');
}

bool reload_sdp_address(struct reload_ip_port *out, struct span host, unsigned long port)
{
	char text[80];
	if (!host.len || host.len > 45 || memchr(host.at, 0, host.len))
		return false;
	snprintf(text, sizeof(text), memchr(host.at, ':', host.len) ? "[%.*s]:%lu" : "%.*s:%lu",
		(int)host.len, (const char *)host.at, port);
	return !reload_ip_port_parse(out, text, 0) && !reload_ip_port_fault(out);
}

const char *reload_sdp_host(char out[64], const struct reload_ip_port *at)
{
	char text[64];
	(void)reload_ip_port_text(text, at);
	char *end = strrchr(text, ':');
	if (end)
		*end = 0;
	bool brackets = *text == '[';
	if (brackets)
		text[strlen(text) - 1] = 0;
	snprintf(out, 64, "%s", text + brackets);
	return at->type == RELOAD_IPV6 ? "IP6" : "IP4";
}
