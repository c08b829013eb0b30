/* All rows of the accounts: into another database, and into and out of a backup. */
#include "reload-enroll/accounts_internal.h"

#include "common/files.h"
#include "common/home.h"
#include "common/options.h"
#include "reload-enroll/enroll.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *table, *columns;
	size_t count;
	bool numbered; /* its rows are in an order */
	bool numbers[6];
} copied[] = {
	{ "users", "name, hash, changed, disabled, reserved", 5, false, { 0, 0, 1, 1, 1 } },
	{ "node_ids", "node_id, name, revoked", 3, true, { 0, 0, 1 } },
	{ "certificates", "name, serial, fingerprint, issuer, node_ids, issued, expires", 7, true,
		{ 0 } },
	{ "invitations", "digest, \"user\", uses, expires", 4, false, { 0, 0, 1, 1 } },
	{ "audit", "time, address, \"user\", decision, detail", 5, true, { 1 } },
};

/* Enters one row of a table; columns are text. */
static bool put_row(struct accounts *a, size_t table, const char *const *columns)
{
	char sql[256];
	struct db_value values[8];
	size_t n = copied[table].count;
	int used = snprintf(sql, sizeof(sql), "INSERT INTO %s(%s) VALUES(", copied[table].table,
		copied[table].columns);
	for (size_t i = 0; i < n; i++) {
		used += snprintf(
			sql + used, sizeof(sql) - (size_t)used, "%s$%zu", i ? ", " : "", i + 1);
		values[i] = i < COUNT_OF(copied[0].numbers) && copied[table].numbers[i]
				    ? DB_NUMBER(strtoll(columns[i], NULL, 10))
				    : DB_TEXT(columns[i]);
	}
	snprintf(sql + used, sizeof(sql) - (size_t)used, ")");
	return db_run(a->db, sql, values, n);
}

static enum reload_err each_row(struct accounts *a, size_t table,
	bool (*row)(void *arg, const char *const *columns), void *arg,
	struct reload_error_text *why)
{
	char sql[256];
	snprintf(sql, sizeof(sql), "SELECT %s FROM %s ORDER BY %s", copied[table].columns,
		copied[table].table, copied[table].numbered ? "id" : "1");
	return accounts_result(a, db_rows(a->db, sql, DB_NONE, row, arg), why);
}

struct copying {
	struct accounts *to;
	size_t table;
	bool failed;
	json_t *rows; /* of a dump */
};

static bool copy_row(void *arg, const char *const *columns)
{
	struct copying *c = arg;
	c->failed = !put_row(c->to, c->table, columns);
	return !c->failed;
}

enum reload_err accounts_copy_all(
	struct accounts *from, struct accounts *to, struct reload_error_text *why)
{
	enum reload_err err = accounts_begin(to, "", why);
	for (size_t i = 0; !err && i < COUNT_OF(copied); i++) {
		struct copying c = { .to = to, .table = i };
		err = each_row(from, i, copy_row, &c, why);
		if (!err)
			err = accounts_result(to, !c.failed, why);
	}
	if (!err)
		err = accounts_keep(to, why);
	if (err)
		accounts_undo(to);
	return err;
}

/* -- backups ---------------------------------------------------------------------------------------------------------------------- */

static bool dump_row(void *arg, const char *const *columns)
{
	struct copying *c = arg;
	json_t *row = json_array();
	for (size_t i = 0; i < copied[c->table].count; i++)
		json_array_append_new(row, json_string(columns[i]));
	json_array_append_new(c->rows, row);
	return true;
}

enum reload_err accounts_dump(json_t **out, struct accounts *a, struct reload_error_text *why)
{
	json_t *all = json_object();
	enum reload_err err = accounts_result(a, db_begin_read(a->db), why);
	for (size_t i = 0; !err && i < COUNT_OF(copied); i++) {
		struct copying c = { .table = i, .rows = json_array() };
		json_object_set_new(all, copied[i].table, c.rows);
		err = each_row(a, i, dump_row, &c, why);
	}
	accounts_undo(a);
	if (err)
		json_decref(all);
	else
		*out = all;
	return err;
}

static bool load_row(struct accounts *a, size_t table, const json_t *row)
{
	const char *columns[8];
	size_t n = copied[table].count;
	if (json_array_size(row) != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		columns[i] = json_string_value(json_array_get(row, i));
		if (!columns[i])
			return false;
	}
	return put_row(a, table, columns);
}

static enum reload_err not_loaded(
	const struct accounts *a, const char *path, struct reload_error_text *why)
{
	enum reload_err err = reload_error_explain(why, RELOAD_BAD_CONFIG,
		"the users of the backup cannot be entered", "%s does not fit %s",
		cli_path_show(path), a->where);
	reload_error_advise(why, "another backup");
	return err;
}

static void count_user(void *arg, const char *user)
{
	(void)user;
	++*(size_t *)arg;
}

static enum reload_err load_all(
	struct accounts *a, const json_t *dump, const char *path, struct reload_error_text *why)
{
	const json_t *row;
	size_t k, users = 0;
	bool ok = json_is_object(dump);
	enum reload_err err = accounts_begin(a, "", why);
	if (!err)
		accounts_each(a, count_user, &users);
	for (size_t i = 0; !err && !users && i < COUNT_OF(copied); i++) {
		json_array_foreach (json_object_get(dump, copied[i].table), k, row)
			ok = ok && load_row(a, i, row);
	}
	if (!err && !ok)
		err = not_loaded(a, path, why);
	if (!err)
		err = accounts_keep(a, why);
	if (err)
		accounts_undo(a);
	return err;
}

enum reload_err accounts_restore(struct accounts *a, const char *dir, struct reload_error_text *why)
{
	char *path = enroll_join(dir, ACCOUNTS_RESTORED);
	uint8_t *bytes = NULL;
	size_t len = 0;
	enum reload_err err = RELOAD_OK;
	if (!access(path, F_OK)) {
		err = cli_file_read(&bytes, &len, path, ACCOUNTS_DUMP_MAX,
			cli_monotonic() + 10 * RELOAD_SECOND, why);
		json_t *dump = err ? NULL : json_loadb((const char *)bytes, len, 0, NULL);
		if (!err)
			err = load_all(a, dump, path, why);
		if (!err)
			(void)unlink(path);
		json_decref(dump);
		free(bytes);
	}
	free(path);
	return err;
}
