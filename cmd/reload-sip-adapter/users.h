/*
 * The users file: for each AOR the digest hashes of the password that its devices know.  A line is
 *
 *   alice@calls.example SHA-256=... MD5=...
 *
 * The realm is the domain of the AOR, the user name of the devices its user part.  Lines that begin with # and empty ones are left out.
 */
#pragma once

#include "common/options.h"
#include "sip/digest.h"
#include "util/bytes.h"

#include <sys/queue.h>

enum {
	USERS_MAX = 100000,
	USERS_FILE_MAX = 64 * 1024 * 1024
};

struct user {
	char *aor;                                             /* owned */
	char ha1[RELOAD_DIGEST_ALGORITHMS][RELOAD_DIGEST_HEX]; /* empty: there is none */
};

struct users {
	struct user *list; /* by AOR */
	size_t count, cap;
};

/* users_read() replaces users by what the file has; RELOAD_IO, RELOAD_BAD_VALUE with why, which names the line, and users are as before. */
enum reload_err users_read(
	struct users *users, const char *path, struct reload_error_text *why) MUST_CHECK;
void users_clear(struct users *users);

/* users_find() returns the user with that AOR, NULL: there is none. */
const struct user *users_find(const struct users *users, const char *aor);

/* users_same() returns whether a user is in both with the same hashes. */
bool users_same(const struct users *a, const struct users *b, const char *aor);

/* users_put() sets the hashes of a password of an AOR; users_write() appends the lines of all. */
void users_put(struct users *users, const char *aor, const char *password,
	const bool algorithms[RELOAD_DIGEST_ALGORITHMS]);
void users_write(struct wr *w, const struct users *users);
