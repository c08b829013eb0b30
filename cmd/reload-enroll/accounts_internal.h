/* What the files of accounts.h share. */
#pragma once

#include "reload-enroll/accounts.h"
#include "reload-enroll/db.h"

struct accounts {
	struct db *db;
	char *where; /* as for db_open() */
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

/* accounts_import() enters what the file at path has, which init and earlier versions wrote, and removes it; nothing when there is none. */
enum reload_err accounts_import(
	struct accounts *accounts, const char *path, struct reload_error_text *why) MUST_CHECK;
