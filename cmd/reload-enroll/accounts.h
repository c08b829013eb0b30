/*
 * Who has what at an authority: users with their Node-IDs and certificates, the password hashes of those who have an account, invitations,
 * and what was decided.  It is in accounts.db beside the authority, or where `serve --users` has put it: another file, or PostgreSQL.
 */
#pragma once

#include "util/clock.h"
#include "util/err.h"
#include "util/span.h"

#include <jansson.h>

struct accounts;

enum {
	ACCOUNTS_HASH_MAX = 384,     /* bytes of a password hash, as crypt(3) writes it */
	ACCOUNTS_PASSWORD_MAX = 512, /* bytes of a password; the limit of crypt(3) */
	ACCOUNTS_CERTIFICATES = 32   /* of the same Node-IDs that are kept: the latest */
};

/*
 * accounts_open() opens those of the authority in dir, of overlay: where the file `users` in dir says, else accounts.db in dir, which is made when it
 * is missing (mode 0600), with what the file issued.json in dir has (init writes it).  RELOAD_IO with why; RELOAD_BAD_CONFIG for those of another overlay and for a
 * damaged issued.json.  accounts_close() ends it; NULL is legal.
 */
enum reload_err accounts_open(struct accounts **out, const char *dir, const char *overlay,
	struct reload_error_text *why) MUST_CHECK;
void accounts_close(struct accounts *accounts);

/*
 * accounts_move() puts the users of the authority in dir where `where` says from now on: the path of a file or the URL of a PostgreSQL
 * database.  When nobody is there yet all that is known is copied; otherwise RELOAD_EXISTS, unless nobody would be lost.
 */
enum reload_err accounts_move(const char *dir, const char *overlay, const char *where,
	struct reload_error_text *why) MUST_CHECK;

/*
 * accounts_dump() returns all rows of all tables (owned), for a backup; the file ACCOUNTS_RESTORED with them in the directory of an authority is
 * entered when the accounts are opened.
 */
#define ACCOUNTS_RESTORED "restored.json"
enum {
	ACCOUNTS_DUMP_MAX = 256 * 1024 * 1024
};
enum reload_err accounts_dump(
	json_t **out, struct accounts *accounts, struct reload_error_text *why) MUST_CHECK;

/*
 * What is changed after accounts_begin() is on the disk when accounts_keep() returns, and undone by accounts_undo() and accounts_close(); both
 * do nothing when nothing was begun.  Of several that change the same user one is at work at a time: accounts_lock() waits for a further user.  RELOAD_TIMEOUT when others do not end,
 * RELOAD_IO, with why.
 */
enum reload_err accounts_begin(
	struct accounts *accounts, const char *user, struct reload_error_text *why) MUST_CHECK;
enum reload_err accounts_lock(
	struct accounts *accounts, const char *user, struct reload_error_text *why) MUST_CHECK;
enum reload_err accounts_keep(struct accounts *accounts, struct reload_error_text *why) MUST_CHECK;
void accounts_undo(struct accounts *accounts);

/* accounts_check() fails when something that was read since accounts_begin() or the last call could not be: it looks as if it was not there. */
enum reload_err accounts_check(struct accounts *accounts, struct reload_error_text *why) MUST_CHECK;

/* -- users ---------------------------------------------------------------------------------------------------------------------- */

/*
 * accounts_entry() returns all about a user (owned), NULL when there is none: {node_ids: [hex], revoked: [hex], certificates: [{serial, fingerprint,
 * issuer, node_ids, issued, expires}], disabled, reserved, account}, in the order in which they were made.  accounts_owner() returns
 * (owned) the user who has or had node (hex), NULL: nobody.  accounts_each() calls visit(arg, user) for each user, in the order of names.
 */
json_t *accounts_entry(struct accounts *accounts, const char *user);
char *accounts_owner(struct accounts *accounts, const char *node);
void accounts_each(
	struct accounts *accounts, void (*visit)(void *arg, const char *user), void *arg);

/* A certificate that was issued. */
struct accounts_certificate {
	const char *user, *serial, *fingerprint, *issuer; /* hex */
	const char *node_ids;                             /* hex, separated by commas */
	const char *issued, *expires;                     /* RFC 3339, UTC */
};

/*
 * Changes of a user, who is made when missing.  accounts_add_node() enters a Node-ID, accounts_revoke_node() takes one away for ever,
 * accounts_disable() sets whether further certificates are refused, accounts_reserve() that it is the signer of configurations, accounts_certificate()
 * enters a certificate.  RELOAD_IO with why.
 */
enum reload_err accounts_add_node(struct accounts *accounts, const char *user, const char *node,
	struct reload_error_text *why) MUST_CHECK;
enum reload_err accounts_revoke_node(
	struct accounts *accounts, const char *node, struct reload_error_text *why) MUST_CHECK;
enum reload_err accounts_disable(struct accounts *accounts, const char *user, bool disabled,
	struct reload_error_text *why) MUST_CHECK;
enum reload_err accounts_reserve(
	struct accounts *accounts, const char *user, struct reload_error_text *why) MUST_CHECK;
enum reload_err accounts_certificate(struct accounts *accounts,
	const struct accounts_certificate *certificate, struct reload_error_text *why) MUST_CHECK;

/*
 * accounts_set() gives user an account with that password hash, or its account another one.  accounts_remove() removes an account, but not the user;
 * RELOAD_NO_VALUE when there is none.  accounts_hash() copies the password hash; false: there is no account.
 */
enum reload_err accounts_set(struct accounts *accounts, const char *user, const char *hash,
	reload_utc now, struct reload_error_text *why) MUST_CHECK;
enum reload_err accounts_remove(
	struct accounts *accounts, const char *user, struct reload_error_text *why) MUST_CHECK;
bool accounts_hash(struct accounts *accounts, const char *user, char out[ACCOUNTS_HASH_MAX]);

/* -- invitations ---------------------------------------------------------------------------------------------------------------- */

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

/*
 * An answer can be lost after the invitation was used: accounts_answer() notes the certificate (base64) that user got for the key with that
 * digest (hex), accounts_answered() returns it (owned) until then to whoever asks the same once more, NULL: there is none.
 */
enum reload_err accounts_answer(struct accounts *accounts, const char *digest, const char *user,
	const char *key, const char *certificate, reload_utc now, reload_utc until,
	struct reload_error_text *why) MUST_CHECK;
char *accounts_answered(struct accounts *accounts, const char *digest, const char *user,
	const char *key, reload_utc now);

/* accounts_note() writes one decision into the audit log, of which the oldest entries beyond 100,000 are dropped. */
void accounts_note(struct accounts *accounts, reload_utc now, const char *address, const char *user,
	const char *decision, const char *detail);

/* -- passwords ------------------------------------------------------------------------------------------------------------------ */

/*
 * accounts_password_hash() hashes a password with a new salt (yescrypt, crypt(5)), accounts_password_check() returns whether a
 * password has that hash; both take a noticeable time on purpose.  A hash of NULL is none: the time is spent, and the result false.
 */
bool accounts_password_hash(char out[ACCOUNTS_HASH_MAX], const char *password);
bool accounts_password_check(const char *hash, const char *password);
