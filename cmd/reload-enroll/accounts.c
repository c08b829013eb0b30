#include "reload-enroll/accounts_internal.h"

#include "common/files.h"
#include "common/options.h"
#include "reload-enroll/enroll.h"
#include "util/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	AUDIT_MAX = 100000
};

enum reload_err accounts_failed(const struct accounts *a, struct reload_error_text *why)
{
	return db_failed(a->db, why);
}

enum reload_err accounts_result(const struct accounts *a, bool ok, struct reload_error_text *why)
{
	return ok ? RELOAD_OK : accounts_failed(a, why);
}

void accounts_close(struct accounts *a)
{
	if (!a)
		return;
	db_close(a->db);
	free(a->dir);
	free(a->where);
	free(a);
}

enum reload_err accounts_where(char **out, const char *dir, struct reload_error_text *why)
{
	char *path = enroll_join(dir, "users");
	uint8_t *bytes = NULL;
	size_t len = 0;
	enum reload_err err = RELOAD_OK;
	if (access(path, F_OK)) {
		*out = enroll_join(dir, "accounts.db");
	} else {
		err = cli_file_read(&bytes, &len, path, ACCOUNTS_WHERE_MAX,
			cli_monotonic() + RELOAD_SECOND, why);
		if (!err) {
			*out = (char *)bytes;
			(*out)[strcspn(*out, "\r\n")] = 0;
		}
	}
	free(path);
	return err;
}

/* Who has waited for accounts_move() would change what nobody looks at any more. */
static enum reload_err still_here(struct accounts *a, struct reload_error_text *why)
{
	char *where = NULL;
	enum reload_err err = a->dir ? accounts_where(&where, a->dir, why) : RELOAD_OK;
	if (!err && where && strcmp(where, a->where) != 0) {
		err = reload_error_explain(why, RELOAD_TIMEOUT, "the users have moved",
			"they are at %.200s now", where);
		reload_error_advise(why, "once more");
	}
	free(where);
	if (err)
		accounts_undo(a);
	return err;
}

enum reload_err accounts_begin(struct accounts *a, const char *user, struct reload_error_text *why)
{
	return db_begin(a->db, user) ? still_here(a, why) : accounts_failed(a, why);
}

/* The tables that are copied; in a file one writes at a time anyhow. */
enum reload_err accounts_begin_alone(struct accounts *a, struct reload_error_text *why)
{
	enum reload_err err = accounts_begin(a, "", why);
	if (!err && db_is_server(a->where))
		err = accounts_result(a,
			db_run(a->db,
				"LOCK TABLE users, node_ids, certificates, invitations, audit IN "
				"SHARE MODE",
				DB_NONE),
			why);
	return err;
}

enum reload_err accounts_lock(struct accounts *a, const char *user, struct reload_error_text *why)
{
	return accounts_result(a, db_lock(a->db, user), why);
}

enum reload_err accounts_keep(struct accounts *a, struct reload_error_text *why)
{
	return accounts_result(a, db_commit(a->db), why);
}

void accounts_undo(struct accounts *a)
{
	db_rollback(a->db);
}

enum reload_err accounts_check(struct accounts *a, struct reload_error_text *why)
{
	return accounts_result(a, db_good(a->db), why);
}

/* -- users ---------------------------------------------------------------------------------------------------------------------- */

static bool take_user(void *arg, const char *const *columns)
{
	json_t **entry = arg;
	*entry = json_pack("{s:[], s:[], s:[], s:b, s:b, s:b}", "node_ids", "revoked",
		"certificates", "disabled", *columns[1] == '1', "reserved", *columns[2] == '1',
		"account", *columns[0] != 0);
	return false;
}

static bool take_node(void *arg, const char *const *columns)
{
	json_array_append_new(json_object_get(arg, *columns[1] == '1' ? "revoked" : "node_ids"),
		json_string(columns[0]));
	return true;
}

static json_t *list_of(const char *text)
{
	json_t *list = json_array();
	while (*text) {
		size_t n = strcspn(text, ",");
		json_array_append_new(list, json_stringn(text, n));
		text += n + (text[n] == ',');
	}
	return list;
}

static bool take_certificate(void *arg, const char *const *columns)
{
	json_array_append_new(json_object_get(arg, "certificates"),
		json_pack("{s:s, s:s, s:s, s:o, s:s, s:s}", "serial", columns[0], "fingerprint",
			columns[1], "issuer", columns[2], "node_ids", list_of(columns[3]), "issued",
			columns[4], "expires", columns[5]));
	return true;
}

json_t *accounts_entry(struct accounts *a, const char *user)
{
	json_t *entry = NULL;
	(void)db_rows(a->db, "SELECT hash, disabled, reserved FROM users WHERE name = $1",
		DB(DB_TEXT(user)), take_user, &entry);
	if (entry)
		(void)db_rows(a->db,
			"SELECT node_id, revoked FROM node_ids WHERE name = $1 ORDER BY id",
			DB(DB_TEXT(user)), take_node, entry);
	if (entry)
		(void)db_rows(a->db,
			"SELECT serial, fingerprint, issuer, node_ids, issued, expires FROM "
			"certificates WHERE name = $1 ORDER BY id",
			DB(DB_TEXT(user)), take_certificate, entry);
	return entry;
}

static bool take_text(void *arg, const char *const *columns)
{
	char **out = arg;
	*out = reload_strdup(columns[0]);
	return false;
}

char *accounts_owner(struct accounts *a, const char *node)
{
	char *user = NULL;
	(void)db_rows(a->db, "SELECT name FROM node_ids WHERE node_id = $1", DB(DB_TEXT(node)),
		take_text, &user);
	return user;
}

/* The names first: visit() may ask for more. */
static bool take_name(void *arg, const char *const *columns)
{
	json_array_append_new(arg, json_string(columns[0]));
	return true;
}

void accounts_each(struct accounts *a, void (*visit)(void *arg, const char *user), void *arg)
{
	json_t *names = json_array();
	const json_t *name;
	size_t i;
	(void)db_rows(a->db, "SELECT name FROM users ORDER BY name", DB_NONE, take_name, names);
	json_array_foreach (names, i, name)
		visit(arg, json_string_value(name));
	json_decref(names);
}

static bool make_user(struct accounts *a, const char *user)
{
	return db_run(a->db,
		"INSERT INTO users(name, hash, changed) VALUES($1, '', 0) ON CONFLICT DO NOTHING",
		DB(DB_TEXT(user)));
}

enum reload_err accounts_add_node(
	struct accounts *a, const char *user, const char *node, struct reload_error_text *why)
{
	bool ok = make_user(a, user) &&
		  db_run(a->db, "INSERT INTO node_ids(node_id, name) VALUES($1, $2)",
			  DB(DB_TEXT(node), DB_TEXT(user)));
	return accounts_result(a, ok, why);
}

enum reload_err accounts_revoke_node(
	struct accounts *a, const char *node, struct reload_error_text *why)
{
	return accounts_result(a,
		db_run(a->db, "UPDATE node_ids SET revoked = 1 WHERE node_id = $1",
			DB(DB_TEXT(node))),
		why);
}

enum reload_err accounts_disable(
	struct accounts *a, const char *user, bool disabled, struct reload_error_text *why)
{
	bool ok = make_user(a, user) &&
		  db_run(a->db, "UPDATE users SET disabled = $2 WHERE name = $1",
			  DB(DB_TEXT(user), DB_NUMBER(disabled)));
	return accounts_result(a, ok, why);
}

enum reload_err accounts_reserve(
	struct accounts *a, const char *user, struct reload_error_text *why)
{
	bool ok = make_user(a, user) &&
		  db_run(a->db, "UPDATE users SET reserved = 1 WHERE name = $1", DB(DB_TEXT(user)));
	return accounts_result(a, ok, why);
}

/* Renewals do not fill the disk. */
enum reload_err accounts_certificate(
	struct accounts *a, const struct accounts_certificate *c, struct reload_error_text *why)
{
	bool ok =
		make_user(a, c->user) &&
		db_run(a->db,
			"INSERT INTO certificates(name, serial, fingerprint, issuer, node_ids, "
			"issued, "
			"expires) VALUES($1, $2, $3, $4, $5, $6, $7)",
			DB(DB_TEXT(c->user), DB_TEXT(c->serial), DB_TEXT(c->fingerprint),
				DB_TEXT(c->issuer), DB_TEXT(c->node_ids), DB_TEXT(c->issued),
				DB_TEXT(c->expires))) &&
		db_run(a->db,
			"DELETE FROM certificates WHERE name = $1 AND node_ids = $2 AND id NOT IN "
			"(SELECT id FROM certificates WHERE name = $1 AND node_ids = $2 ORDER BY "
			"id "
			"DESC LIMIT $3)",
			DB(DB_TEXT(c->user), DB_TEXT(c->node_ids),
				DB_NUMBER(ACCOUNTS_CERTIFICATES)));
	return accounts_result(a, ok, why);
}

/* -- accounts ------------------------------------------------------------------------------------------------------------------- */

enum reload_err accounts_set(struct accounts *a, const char *user, const char *hash, reload_utc now,
	struct reload_error_text *why)
{
	bool ok = make_user(a, user) &&
		  db_run(a->db, "UPDATE users SET hash = $2, changed = $3 WHERE name = $1",
			  DB(DB_TEXT(user), DB_TEXT(hash), DB_NUMBER(now)));
	return accounts_result(a, ok, why);
}

enum reload_err accounts_remove(struct accounts *a, const char *user, struct reload_error_text *why)
{
	if (!db_run(a->db, "UPDATE users SET hash = '' WHERE name = $1 AND hash <> ''",
		    DB(DB_TEXT(user))))
		return accounts_failed(a, why);
	if (db_changed(a->db))
		return RELOAD_OK;
	char what[300];
	snprintf(what, sizeof(what), "%.200s has no account", user);
	enum reload_err err =
		reload_error_explain(why, RELOAD_NO_VALUE, what, "there is no password of it");
	reload_error_advise(why, "reload-enroll user list");
	return err;
}

bool accounts_hash(struct accounts *a, const char *user, char out[ACCOUNTS_HASH_MAX])
{
	char *hash = NULL;
	bool found = db_rows(a->db, "SELECT hash FROM users WHERE name = $1 AND hash <> ''",
			     DB(DB_TEXT(user)), take_text, &hash) &&
		     hash && strlen(hash) < ACCOUNTS_HASH_MAX;
	if (found)
		memcpy(out, hash, strlen(hash) + 1);
	free(hash);
	return found;
}

/* -- invitations ---------------------------------------------------------------------------------------------------------------- */

enum reload_err accounts_invite(struct accounts *a, const char *digest, const char *user,
	uint64_t uses, reload_utc expires, struct reload_error_text *why)
{
	return accounts_result(a,
		db_run(a->db,
			"INSERT INTO invitations(digest, \"user\", uses, expires) VALUES($1, $2, "
			"$3, $4)",
			DB(DB_TEXT(digest), DB_TEXT(user), DB_NUMBER(uses), DB_NUMBER(expires))),
		why);
}

#define INVITED " WHERE digest = $1 AND \"user\" IN ($2, $3) AND uses > 0 AND expires > $4"

bool accounts_invited(
	struct accounts *a, const char *digest, const char *user, bool by_name, reload_utc now)
{
	char *found = NULL;
	(void)db_rows(a->db, "SELECT digest FROM invitations" INVITED,
		DB(DB_TEXT(digest), DB_TEXT(user), DB_TEXT(by_name ? user : ""), DB_NUMBER(now)),
		take_text, &found);
	free(found);
	return found != NULL;
}

bool accounts_take_invitation(
	struct accounts *a, const char *digest, const char *user, reload_utc now)
{
	return db_run(a->db, "UPDATE invitations SET uses = uses - 1" INVITED,
		       DB(DB_TEXT(digest), DB_TEXT(user), DB_TEXT(""), DB_NUMBER(now))) &&
	       db_changed(a->db) == 1;
}

enum reload_err accounts_answer(struct accounts *a, const char *digest, const char *user,
	const char *key, const char *certificate, reload_utc now, reload_utc until,
	struct reload_error_text *why)
{
	bool ok = db_run(a->db, "DELETE FROM answers WHERE until <= $1", DB(DB_NUMBER(now))) &&
		  db_run(a->db,
			  "INSERT INTO answers(digest, key, name, certificate, until) VALUES($1, "
			  "$2, $3, "
			  "$4, $5) ON CONFLICT(digest, key) DO UPDATE SET name = excluded.name, "
			  "certificate = excluded.certificate, until = excluded.until",
			  DB(DB_TEXT(digest), DB_TEXT(key), DB_TEXT(user), DB_TEXT(certificate),
				  DB_NUMBER(until)));
	return accounts_result(a, ok, why);
}

char *accounts_answered(
	struct accounts *a, const char *digest, const char *user, const char *key, reload_utc now)
{
	char *certificate = NULL;
	(void)db_rows(a->db,
		"SELECT certificate FROM answers WHERE digest = $1 AND key = $2 AND name = $3 AND "
		"until > $4",
		DB(DB_TEXT(digest), DB_TEXT(key), DB_TEXT(user), DB_NUMBER(now)), take_text,
		&certificate);
	return certificate;
}

/* -- the audit log -------------------------------------------------------------------------------------------------------------- */

void accounts_note(struct accounts *a, reload_utc now, const char *address, const char *user,
	const char *decision, const char *detail)
{
	(void)db_run(a->db,
		"INSERT INTO audit(address, \"user\", decision, detail, time) VALUES($1, $2, $3, "
		"$4, $5)",
		DB(DB_TEXT(address), DB_TEXT(user), DB_TEXT(decision), DB_TEXT(detail),
			DB_NUMBER(now)));
	(void)db_run(a->db, "DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - $1",
		DB(DB_NUMBER(AUDIT_MAX)));
}
