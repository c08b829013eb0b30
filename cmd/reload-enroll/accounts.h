/* The accounts of an enrollment server: password hashes, invitations, and what was decided.  SQLite, beside the authority. */
#pragma once

#include "util/clock.h"
#include "util/err.h"
#include "util/span.h"

struct accounts;

enum {
	ACCOUNTS_HASH_MAX = 384,    /* bytes of a password hash, as crypt(3) writes it */
	ACCOUNTS_PASSWORD_MAX = 512 /* bytes of a password; the limit of crypt(3) */
};

/*
 * accounts_open() opens the file of accounts in dir, the directory of an authority, and makes it when it is missing (mode 0600).
 * RELOAD_IO with why.  accounts_close() ends it; NULL is legal.
 */
enum reload_err accounts_open(
	struct accounts **out, const char *dir, struct reload_error_text *why) MUST_CHECK;
void accounts_close(struct accounts *accounts);

/*
 * accounts_set() gives user an account with that password hash, or its account another one.  accounts_remove() removes an account;
 * RELOAD_NO_VALUE when there is none.  RELOAD_IO with why.
 */
enum reload_err accounts_set(struct accounts *accounts, const char *user, const char *hash,
	reload_utc now, struct reload_error_text *why) MUST_CHECK;
enum reload_err accounts_remove(
	struct accounts *accounts, const char *user, struct reload_error_text *why) MUST_CHECK;

/*
 * What is changed after accounts_begin() is on the disk when accounts_keep() returns, and undone by accounts_undo(); both do nothing
 * when nothing was begun.  RELOAD_IO with why.
 */
enum reload_err accounts_begin(struct accounts *accounts, struct reload_error_text *why) MUST_CHECK;
enum reload_err accounts_keep(struct accounts *accounts, struct reload_error_text *why) MUST_CHECK;
void accounts_undo(struct accounts *accounts);

/* accounts_hash() copies the password hash of user; false: it has no account. */
bool accounts_hash(struct accounts *accounts, const char *user, char out[ACCOUNTS_HASH_MAX]);

/*
 * accounts_invite() notes an invitation by the digest of its secret (hex): for user ("": for whoever names a user), `uses` times, until
 * expires.  accounts_invited() returns whether it is good for user (by_name: and names that user), accounts_take_invitation() uses it up once; false: it was not good, or somebody else was faster.
 */
enum reload_err accounts_invite(struct accounts *accounts, const char *digest, const char *user,
	uint64_t uses, reload_utc expires, struct reload_error_text *why) MUST_CHECK;
bool accounts_invited(struct accounts *accounts, const char *digest, const char *user, bool by_name,
	reload_utc now);
bool accounts_take_invitation(
	struct accounts *accounts, const char *digest, const char *user, reload_utc now);

/* accounts_each() calls visit(arg, user) for each account, in the order of names. */
void accounts_each(
	struct accounts *accounts, void (*visit)(void *arg, const char *user), void *arg);

/* accounts_note() writes one decision into the audit log, of which the oldest entries beyond 100,000 are dropped. */
void accounts_note(struct accounts *accounts, reload_utc now, const char *address, const char *user,
	const char *decision, const char *detail);

/*
 * accounts_password_hash() hashes a password with a new salt (yescrypt, crypt(5)), accounts_password_check() returns whether a
 * password has that hash; both take a noticeable time on purpose.  A hash of NULL is none: the time is spent, and the result false.
 */
bool accounts_password_hash(char out[ACCOUNTS_HASH_MAX], const char *password);
bool accounts_password_check(const char *hash, const char *password);
