#include "dns/name.h"

#include "util/alloc.h"

#include <stdlib.h>
#include <string.h>

static bool is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_label_char(uint8_t c)
{
	return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool reload_host_name_valid(struct span name)
{
	size_t label = 0, last = 0;
	if (!name.len || name.len > RELOAD_DNS_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		if (name.at[i] == '.') {
			if (!label)
				return false;
			label = 0;
			last = i + 1;
		} else if (!is_label_char(name.at[i]) || ++label > 63) {
			return false;
		}
	}
	return label && is_letter(name.at[last]);
}

enum reload_err reload_host_port_parse(
	char **host, uint16_t *port, const char *text, uint16_t default_port)
{
	const char *colon = strchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : strlen(text);
	unsigned long number = default_port;
	if (colon) {
		size_t digits = strspn(colon + 1, "0123456789");
		if (!digits || digits > 5 || colon[1 + digits])
			return RELOAD_BAD_VALUE;
		number = strtoul(colon + 1, NULL, 10);
	}
	if (len > 1 && text[len - 1] == '.')
		len--;
	if (!number || number > 65535 || !reload_host_name_valid(span_of(text, len)))
		return RELOAD_BAD_VALUE;
	*port = (uint16_t)number;
	*host = reload_alloc(len + 1);
	memcpy(*host, text, len);
	(*host)[len] = 0;
	return RELOAD_OK;
}
