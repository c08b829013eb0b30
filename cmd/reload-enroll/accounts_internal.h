/* What the files of accounts.h share. */
#pragma once

#include "reload-enroll/accounts.h"
#include "reload-enroll/db.h"

struct accounts {
	struct db *db;
	char *where; /* as for db_open() */
	char *dir; /* of the authority whose users they are; NULL: they are not yet, or only looked at */
};

/* accounts_failed() explains the last failure of the database, accounts_result() does unless ok. */
enum reload_err accounts_failed(const struct accounts *accounts, struct reload_error_text *why);
enum reload_err accounts_result(
	const struct accounts *accounts, bool ok, struct reload_error_text *why);

/* accounts_schema() makes what is missing of the tables, for overlay. */
enum reload_err accounts_schema(
	struct accounts *accounts, const char *overlay, struct reload_error_text *why) MUST_CHECK;

/* accounts_open_at() opens those at `where`, with their tables. */
enum reload_err accounts_open_at(struct accounts **out, const char *where, const char *overlay,
	struct reload_error_text *why) MUST_CHECK;

enum {
	ACCOUNTS_WHERE_MAX = 4096
};

/* accounts_where() returns (owned) where the users of the authority in dir are. */
enum reload_err accounts_where(
	char **out, const char *dir, struct reload_error_text *why) MUST_CHECK;

/* accounts_begin_alone() begins as accounts_begin() does, and nobody else writes anything until that ends. */
enum reload_err accounts_begin_alone(
	struct accounts *accounts, struct reload_error_text *why) MUST_CHECK;

/* accounts_copy_all() enters all rows of `from` into the tables of `to`, which are empty. */
enum reload_err accounts_copy_all(
	struct accounts *from, struct accounts *to, struct reload_error_text *why) MUST_CHECK;

/* accounts_restore() enters what `restore` has left in dir, unless there are users, and removes it; nothing when there is none. */
enum reload_err accounts_restore(
	struct accounts *accounts, const char *dir, struct reload_error_text *why) MUST_CHECK;

/* accounts_import() enters what the file at path has, which init and earlier versions wrote, and removes it; nothing when there is none. */
enum reload_err accounts_import(
	struct accounts *accounts, const char *path, struct reload_error_text *why) MUST_CHECK;
