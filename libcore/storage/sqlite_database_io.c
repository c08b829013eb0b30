/*
 * The open database: one connection to store.db, and its log.
 *
 * SQLite writes a commit to the log.  A checkpoint (reload_sqlite_file_tidy()) copies the log into store.db while the writer is idle, or when the
 * log has become long.
 */
#include "storage/sqlite_file_io.h"

#include "storage/sqlite_chain_io.h"

int reload_sqlite_number(struct reload_sqlite_file *f, const char *text, sqlite3_int64 *out)
{
	sqlite3_stmt *st = NULL;
	int code = sqlite3_prepare_v2(f->db, text, -1, &st, NULL);
	if (!code)
		code = sqlite3_step(st);
	if (code == SQLITE_ROW)
		*out = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return code == SQLITE_ROW ? SQLITE_OK : code ? code : SQLITE_ERROR;
}

const char *reload_sqlite_reason(int code)
{
	return (code & 0xff) == SQLITE_FULL ? "no space left on the device" : sqlite3_errstr(code);
}

static int on_log(void *arg, sqlite3 *db, const char *name, int pages)
{
	(void)db;
	(void)name;
	((struct reload_sqlite_file *)arg)->pages = pages;
	return SQLITE_OK;
}

int reload_sqlite_open(struct reload_sqlite_file *f)
{
	int code = sqlite3_open_v2(f->path, &f->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
		reload_sqlite_log_vfs());
	if (code)
		return code;
	sqlite3_extended_result_codes(f->db, 1);
	sqlite3_db_config(f->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(f->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	code = sqlite3_exec(f->db,
		"PRAGMA locking_mode = EXCLUSIVE;" /* without shared memory: on a full disk, writing to it would raise SIGBUS */
		"PRAGMA journal_mode = WAL;"
		"PRAGMA synchronous = FULL;"
		"PRAGMA cell_size_check = ON;"
		"PRAGMA temp_store = MEMORY;"
		"PRAGMA journal_size_limit = 16777216;",
		NULL, NULL, NULL);
	code = code ? code : reload_sqlite_chain_connect(f->db);
	sqlite3_wal_hook(f->db, on_log, f); /* in the place of automatic checkpoints */
	return code;
}

int reload_sqlite_connect(struct reload_sqlite_file *f)
{
	int code = reload_sqlite_open(f);
	return code ? code : reload_sqlite_prepare(f);
}

void reload_sqlite_disconnect(struct reload_sqlite_file *f)
{
	reload_sqlite_unprepare(f);
	sqlite3_close(f->db); /* the only connection: SQLite moves the log into the file */
	f->db = NULL;
}

bool reload_sqlite_file_there(struct reload_sqlite_file *f)
{
	if (!f->log_mark.number)
		f->log_mark = reload_file_mark(f->log);
	return reload_file_same_size(f->mark, f->path, &f->size) &&
	       (!f->log_mark.number || reload_file_same(f->log_mark, f->log));
}

bool reload_sqlite_file_renewed(struct reload_sqlite_file *f)
{
	bool renewed = f->renewed;
	f->renewed = false;
	return renewed;
}

int reload_sqlite_file_pages(const struct reload_sqlite_file *f)
{
	return f->pages;
}

bool reload_sqlite_file_stuck(const struct reload_sqlite_file *f)
{
	return f->stuck;
}

/* Pages that cannot be moved now stay in the log until the next attempt.  When the disk has little room left, the log is cut to nothing. */
void reload_sqlite_file_tidy(struct reload_sqlite_file *f)
{
	int pages = 0, moved = 0;
	if (!f->db)
		return;
	bool small = reload_disk_free(f->path) / 8 < reload_file_size(f->log);
	int code = sqlite3_wal_checkpoint_v2(f->db, NULL,
		small ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, &pages, &moved);
	f->stuck = code || moved < pages;
	if (!f->stuck)
		f->pages = 0;
}
