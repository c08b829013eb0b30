/* Addresses of record (RFC 3261 s6, RFC 7904 s7): what names a user of SIP, and the Resource Name that it has in an overlay. */
#pragma once

#include "util/bytes.h"

enum {
	RELOAD_AOR_TEXT_MAX = 4096, /* bytes of a written address, with its parameters */
	RELOAD_AOR_USER_MAX = 255,
	RELOAD_AOR_DOMAIN_MAX = 253,
	RELOAD_AOR_NAME = RELOAD_AOR_USER_MAX + 1 + RELOAD_AOR_DOMAIN_MAX + 1 /* with a NUL */
};

struct reload_aor {
	char name[RELOAD_AOR_NAME]; /* the Resource Name: user, "@", domain in lower case */
	const char *domain;         /* inside name */
	bool sips;                  /* it was written with the scheme "sips" */
	bool has_gr;
	struct span gr; /* the value of the parameter "gr" as it was written, inside the text */
};

/*
 * reload_aor_parse() reads "sip:Al%69ce@Example.com:5060;x=y", also in angle brackets or without a scheme, and normalises it: no
 * scheme, password, port, parameters and headers, %-escapes decoded, the domain in lower case.  The letter case of the user counts.
 * RELOAD_BAD_VALUE for anything else: another scheme, no user, an address instead of a domain, text that is
 * not UTF-8, a control character.
 */
enum reload_err reload_aor_parse(struct reload_aor *out, struct span text) MUST_CHECK;

/* reload_aor_copy() makes out equal to aor, with the domain inside it; gr still borrows from the text. */
void reload_aor_copy(struct reload_aor *out, const struct reload_aor *aor);

/* reload_aor_write() appends a Resource Name with the escapes that a SIP URI needs, without a scheme. */
void reload_aor_write(struct wr *w, const char *name);

/*
 * reload_aor_unescape() appends text with %-escapes decoded; RELOAD_BAD_VALUE for a malformed escape or one that stands for
 * a control character.
 */
enum reload_err reload_aor_unescape(struct wr *w, struct span text) MUST_CHECK;

/* reload_aor_domain_valid() returns whether text is a host name as in RFC 3261 s25.1, and not an address: letters, digits, - and dots. */
bool reload_aor_domain_valid(struct span text);
