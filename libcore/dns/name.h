/* Host names: limits, what is one, and "NAME:PORT" where a person gives an address. */
#pragma once

#include "util/err.h"
#include "util/span.h"

enum {
	RELOAD_DNS_NAME_MAX = 253, /* characters of a host name, without a final dot (RFC 1035) */
	RELOAD_DNS_ADDRESSES = 16  /* most addresses of one name that are taken from an answer */
};

/*
 * reload_host_name_valid() returns whether name has labels of letters, digits, '-' and '_', the last of which begins with a letter:
 * "127.1" and "0x7f.1" are mistyped addresses, which resolvers read as addresses.  A final dot is none of it.
 */
bool reload_host_name_valid(struct span name);

/*
 * reload_host_port_parse() takes "NAME" or "NAME:PORT", where NAME is a valid host name.  host (owned) has no final dot.
 * RELOAD_BAD_VALUE for anything else and for port 0.
 */
enum reload_err reload_host_port_parse(
	char **host, uint16_t *port, const char *text, uint16_t default_port) MUST_CHECK;
