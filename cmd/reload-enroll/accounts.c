#include "reload-enroll/accounts.h"

#include "common/options.h"
#include "reload-enroll/enroll.h"

#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	BUSY_MS = 5000,
	AUDIT_MAX = 100000
};

struct accounts {
	sqlite3 *db;
	char *path;
};

static const char schema[] =
	"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
	"CREATE TABLE IF NOT EXISTS users(name TEXT PRIMARY KEY, hash TEXT NOT NULL, "
	"changed INTEGER NOT NULL);"
	"CREATE TABLE IF NOT EXISTS invitations(digest TEXT PRIMARY KEY, user TEXT NOT NULL, "
	"uses INTEGER NOT NULL, expires INTEGER NOT NULL);"
	"CREATE TABLE IF NOT EXISTS audit(id INTEGER PRIMARY KEY, time INTEGER NOT NULL, "
	"address TEXT NOT NULL, user TEXT NOT NULL, decision TEXT NOT NULL, detail TEXT NOT NULL);";

static enum reload_err failed(const struct accounts *a, struct reload_error_text *why)
{
	char what[256];
	snprintf(what, sizeof(what), "the accounts in %.180s cannot be used",
		cli_path_show(a->path));
	enum reload_err err = reload_error_explain(
		why, RELOAD_IO, what, "%s", a->db ? sqlite3_errmsg(a->db) : strerror(errno));
	reload_error_advise(why, "look at the disk and at the owner of that file");
	return err;
}

/* SQLite would make the file with the mode that the umask leaves. */
static bool make_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	return fd >= 0 && !close(fd);
}

enum reload_err accounts_open(struct accounts **out, const char *dir, struct reload_error_text *why)
{
	struct accounts *a = RELOAD_NEW(accounts);
	a->path = enroll_join(dir, "accounts.db");
	bool ok = make_file(a->path) && sqlite3_open(a->path, &a->db) == SQLITE_OK &&
		  sqlite3_busy_timeout(a->db, BUSY_MS) == SQLITE_OK &&
		  sqlite3_exec(a->db, schema, NULL, NULL, NULL) == SQLITE_OK;
	enum reload_err err = ok ? RELOAD_OK : failed(a, why);
	if (err)
		accounts_close(a);
	else
		*out = a;
	return err;
}

void accounts_close(struct accounts *a)
{
	if (!a)
		return;
	sqlite3_close(a->db);
	free(a->path);
	free(a);
}

/* Prepares a statement with text parameters; NULL on failure. */
static sqlite3_stmt *prepare(struct accounts *a, const char *sql, const char *const *texts, int n)
{
	sqlite3_stmt *s = NULL;
	if (sqlite3_prepare_v2(a->db, sql, -1, &s, NULL) != SQLITE_OK)
		return NULL;
	for (int i = 0; i < n; i++)
		sqlite3_bind_text(s, i + 1, texts[i], -1, SQLITE_STATIC);
	return s;
}

/* Runs a statement with n text parameters and then an integer. */
static bool run(
	struct accounts *a, const char *sql, const char *const *texts, int n, reload_utc number)
{
	sqlite3_stmt *s = prepare(a, sql, texts, n);
	if (s && sqlite3_bind_parameter_count(s) > n)
		sqlite3_bind_int64(s, n + 1, (sqlite3_int64)number);
	bool ok = s && sqlite3_step(s) == SQLITE_DONE;
	sqlite3_finalize(s);
	return ok;
}

enum reload_err accounts_set(struct accounts *a, const char *user, const char *hash, reload_utc now,
	struct reload_error_text *why)
{
	const char *texts[] = { user, hash };
	return run(a, "INSERT OR REPLACE INTO users(name, hash, changed) VALUES(?, ?, ?)", texts, 2,
		       now)
		       ? RELOAD_OK
		       : failed(a, why);
}

enum reload_err accounts_remove(struct accounts *a, const char *user, struct reload_error_text *why)
{
	if (!run(a, "DELETE FROM users WHERE name = ?", &user, 1, 0))
		return failed(a, why);
	if (sqlite3_changes(a->db))
		return RELOAD_OK;
	char what[300];
	snprintf(what, sizeof(what), "%.200s has no account", user);
	enum reload_err err = reload_error_explain(
		why, RELOAD_NO_VALUE, what, "%s does not list it", cli_path_show(a->path));
	reload_error_advise(why, "reload-enroll user list");
	return err;
}

enum reload_err accounts_begin(struct accounts *a, struct reload_error_text *why)
{
	return run(a, "BEGIN IMMEDIATE", NULL, 0, 0) ? RELOAD_OK : failed(a, why);
}

enum reload_err accounts_keep(struct accounts *a, struct reload_error_text *why)
{
	bool begun = !sqlite3_get_autocommit(a->db);
	return !begun || run(a, "COMMIT", NULL, 0, 0) ? RELOAD_OK : failed(a, why);
}

void accounts_undo(struct accounts *a)
{
	if (!sqlite3_get_autocommit(a->db))
		(void)run(a, "ROLLBACK", NULL, 0, 0);
}

bool accounts_hash(struct accounts *a, const char *user, char out[ACCOUNTS_HASH_MAX])
{
	sqlite3_stmt *s = prepare(a, "SELECT hash FROM users WHERE name = ?", &user, 1);
	bool found = s && sqlite3_step(s) == SQLITE_ROW;
	if (found)
		snprintf(out, ACCOUNTS_HASH_MAX, "%s", (const char *)sqlite3_column_text(s, 0));
	sqlite3_finalize(s);
	return found;
}

enum reload_err accounts_invite(struct accounts *a, const char *digest, const char *user,
	uint64_t uses, reload_utc expires, struct reload_error_text *why)
{
	char number[24];
	snprintf(number, sizeof(number), "%llu", (unsigned long long)uses);
	const char *texts[] = { digest, user, number };
	return run(a,
		       "INSERT INTO invitations(digest, user, uses, expires) "
		       "VALUES(?, ?, CAST(? AS INTEGER), ?)",
		       texts, 3, expires)
		       ? RELOAD_OK
		       : failed(a, why);
}

#define INVITED " WHERE digest = ? AND user IN (?, ?) AND uses > 0 AND expires > ?"

bool accounts_invited(
	struct accounts *a, const char *digest, const char *user, bool by_name, reload_utc now)
{
	const char *texts[] = { digest, user, by_name ? user : "" };
	sqlite3_stmt *s = prepare(a, "SELECT 1 FROM invitations" INVITED, texts, 3);
	if (s)
		sqlite3_bind_int64(s, 4, (sqlite3_int64)now);
	bool found = s && sqlite3_step(s) == SQLITE_ROW;
	sqlite3_finalize(s);
	return found;
}

bool accounts_take_invitation(
	struct accounts *a, const char *digest, const char *user, reload_utc now)
{
	const char *texts[] = { digest, user, "" };
	return run(a, "UPDATE invitations SET uses = uses - 1" INVITED, texts, 3, now) &&
	       sqlite3_changes(a->db) == 1;
}

void accounts_each(struct accounts *a, void (*visit)(void *arg, const char *user), void *arg)
{
	sqlite3_stmt *s = prepare(a, "SELECT name FROM users ORDER BY name", NULL, 0);
	while (s && sqlite3_step(s) == SQLITE_ROW)
		visit(arg, (const char *)sqlite3_column_text(s, 0));
	sqlite3_finalize(s);
}

void accounts_note(struct accounts *a, reload_utc now, const char *address, const char *user,
	const char *decision, const char *detail)
{
	const char *texts[] = { address, user, decision, detail };
	(void)run(a,
		"INSERT INTO audit(address, user, decision, detail, time) VALUES(?, ?, ?, ?, ?)",
		texts, 4, now);
	(void)run(a, "DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?", NULL, 0,
		AUDIT_MAX);
}

/* -- passwords ------------------------------------------------------------------------------------------------------------ */

/* What an account that is not there is checked against, so that the answer takes as long. */
static const char nobody[] = "$y$j9T$0123456789abcdefghijk.$"
			     "0000000000000000000000000000000000000000000";

static bool hash_with(char out[ACCOUNTS_HASH_MAX], const char *password, const char *setting)
{
	struct crypt_data *data = reload_alloc(sizeof(*data));
	char *hash = crypt_rn(password, setting, data, sizeof(*data));
	bool ok = hash && hash[0] == '$' && strlen(hash) < ACCOUNTS_HASH_MAX;
	if (ok)
		memcpy(out, hash, strlen(hash) + 1);
	OPENSSL_cleanse(data, sizeof(*data));
	free(data);
	return ok;
}

bool accounts_password_hash(char out[ACCOUNTS_HASH_MAX], const char *password)
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	return crypt_gensalt_rn("$y$", 0, NULL, 0, setting, sizeof(setting)) &&
	       hash_with(out, password, setting);
}

bool accounts_password_check(const char *hash, const char *password)
{
	char found[ACCOUNTS_HASH_MAX] = "";
	bool made = hash_with(found, password, hash ? hash : nobody);
	bool same = made && hash && strlen(found) == strlen(hash) &&
		    !CRYPTO_memcmp(found, hash, strlen(found));
	OPENSSL_cleanse(found, sizeof(found));
	return same;
}
