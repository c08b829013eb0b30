#include "usage/sip_head.h"

#include <ctype.h>
#include <strings.h>

struct span reload_sip_head(struct span text)
{
	const uint8_t *end = text.len ? memmem(text.at, text.len, "\r\n\r\n", 4) : NULL;
	return end ? span_of(text.at, (size_t)(end - text.at) + 4) : span_of(NULL, 0);
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

struct span reload_sip_next_line(struct span *head)
{
	size_t n = 0;
	do {
		const uint8_t *end = memmem(head->at + n, head->len - n, "\r\n", 2);
		n = end ? (size_t)(end - head->at) + 2 : head->len;
	} while (n < head->len && is_blank(head->at[n]));
	struct span line = span_of(head->at, n);
	*head = span_of(head->at + n, head->len - n);
	return line;
}

bool reload_sip_is_field(struct span line, const char *name)
{
	size_t n = strlen(name);
	if (line.len <= n || strncasecmp((const char *)line.at, name, n) != 0)
		return false;
	while (n < line.len && is_blank(line.at[n]))
		n++;
	return n < line.len && line.at[n] == ':';
}

bool reload_sip_is_token(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!text.at[i] || (!isalnum(text.at[i]) && !strchr("-.!%*_+`'~", text.at[i])))
			return false;
	return text.len > 0;
}
