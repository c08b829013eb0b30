/*
 * Telephone numbers (RFC 3966): global ones, which begin with "+", and local ones, of which only the digits count.  Gateways serve prefixes of
 * numbers; a provider of the service of a prefix (RFC 7374) is found under a namespace that ends with it.
 */
#pragma once

#include "util/bytes.h"
#include "wire/redir.h"

enum {
	RELOAD_TEL_DIGITS = 15,                             /* E.164; also for local numbers */
	RELOAD_TEL_MAX = RELOAD_TEL_DIGITS + 2,             /* "+", digits and a NUL */
	RELOAD_TEL_SERVICE = RELOAD_REDIR_NAMESPACE_MAX + 1 /* a namespace, with a NUL */
};

struct reload_tel {
	char number[RELOAD_TEL_MAX]; /* "+" and digits, or digits, "*" and "#" */
	size_t len;                  /* at least 1 */
};

/*
 * reload_tel_parse() reads "tel:+49-30-1234;ext=5", or the user part of a SIP URI such as "+49301234"; separators and parameters are left out.
 * RELOAD_BAD_VALUE: it is no number, or has more digits than RELOAD_TEL_DIGITS.
 */
enum reload_err reload_tel_parse(struct reload_tel *out, struct span text) MUST_CHECK;

/* reload_tel_prefix_parse() reads a prefix that is served: digits, perhaps with "+" in front, or "+" alone for every global number. */
enum reload_err reload_tel_prefix_parse(struct reload_tel *out, struct span text) MUST_CHECK;

/* reload_tel_has_prefix() returns whether the number begins with the prefix. */
bool reload_tel_has_prefix(const struct reload_tel *number, const struct reload_tel *prefix);

/*
 * reload_tel_service() writes the namespace of the gateways for the first len characters of a number: the name of the overlay from its last label to its first,
 * "pstn" and the prefix, as in "example.calls.pstn.+49".  RELOAD_LIMIT: the overlay's name is too long for it.
 */
enum reload_err reload_tel_service(char out[RELOAD_TEL_SERVICE], const char *overlay,
	const struct reload_tel *number, size_t len) MUST_CHECK;
