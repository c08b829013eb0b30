/*
 * Digest authentication of SIP requests (RFC 3261 s22, RFC 8760): passwords are kept as the hash of user, realm and password, and the
 * nonces that are given out are proved by a MAC, so that nothing is stored for somebody who only asks.  Memory is taken once
 * credentials were right: then the count of the nonce is kept, and nobody uses the same one again.
 */
#pragma once

#include "util/clock.h"
#include "util/err.h"
#include "util/span.h"

#include <stddef.h>

enum reload_digest_algorithm {
	RELOAD_DIGEST_SHA256,
	RELOAD_DIGEST_MD5,
	RELOAD_DIGEST_ALGORITHMS
};

enum {
	RELOAD_DIGEST_HEX = 65, /* a hash in hexadecimal with a NUL, of any algorithm */
	RELOAD_NONCE_TEXT = 65,
	RELOAD_NONCE_SECRET = 32
};

/* reload_digest_name() returns "SHA-256" or "MD5", as header fields have it. */
const char *reload_digest_name(enum reload_digest_algorithm a);

/* reload_digest_algorithm() finds it, NULL: MD5, as RFC 2617 has it; false: another one. */
bool reload_digest_algorithm(enum reload_digest_algorithm *out, const char *name);

/* reload_digest_ha1() writes the hash of a password that is kept. */
void reload_digest_ha1(char out[RELOAD_DIGEST_HEX], enum reload_digest_algorithm a,
	const char *user, const char *realm, const char *password);

enum {
	RELOAD_DIGEST_FIELD = 256
};

/* The parameters of an Authorization header field, without quotes; an absent one is empty. */
struct reload_digest {
	char username[RELOAD_DIGEST_FIELD], realm[RELOAD_DIGEST_FIELD], nonce[RELOAD_DIGEST_FIELD],
		uri[1024], response[RELOAD_DIGEST_FIELD], algorithm[32], qop[32], nc[32],
		cnonce[RELOAD_DIGEST_FIELD];
};

/*
 * reload_digest_read() reads parameters "name=value"; NULL ends them.  RELOAD_BAD_VALUE for one that is too long, comes twice, or has a control
 * character.
 */
enum reload_err reload_digest_read(struct reload_digest *out, const char *const *params) MUST_CHECK;

/*
 * reload_digest_right() returns whether the response is right for a request of that method, without a look at the nonce.  ha1 is the hash that is
 * kept for the algorithm.  With a qop, which has to be "auth", nc and cnonce have to be there.
 */
bool reload_digest_right(const struct reload_digest *d, enum reload_digest_algorithm a,
	const char *ha1, const char *method);

/* -- nonces --------------------------------------------------------------------------------------------------------------- */

struct reload_nonces;

/*
 * reload_nonces_new() makes them (owned) of a random secret; a nonce is good for life_ms.  The counts of max nonces are kept: beyond, the oldest is forgotten, and
 * all that are as old as that are stale.
 */
struct reload_nonces *reload_nonces_new(
	const uint8_t secret[RELOAD_NONCE_SECRET], reload_ms life_ms, size_t max);
void reload_nonces_free(struct reload_nonces *n);

/* reload_nonce_make() writes a nonce that was not there before. */
void reload_nonce_make(char out[RELOAD_NONCE_TEXT], struct reload_nonces *n, reload_ms now);

enum reload_nonce_use {
	RELOAD_NONCE_GOOD,
	RELOAD_NONCE_STALE,    /* ours, but too old: a new one is to be asked for with stale=true */
	RELOAD_NONCE_REPLAYED, /* its count was there already */
	RELOAD_NONCE_FORGED    /* not ours, or the count is no number */
};

/*
 * reload_nonce_use() notes that credentials with that nonce and count, which were right, have been used.  nc is empty without a qop: then the nonce is good
 * once.  Counts may come in another order, within 64 of the highest.
 */
enum reload_nonce_use reload_nonce_use(
	struct reload_nonces *n, const char *nonce, const char *nc, reload_ms now);
