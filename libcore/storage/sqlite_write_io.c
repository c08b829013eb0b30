/*
 * What is written to the file: a group of changes in one transaction.
 *
 * The log is moved into the file later, which may have to grow by as much.  A group is refused unless the disk has room for both;
 * otherwise the log could fill the disk and could never be emptied.  Before each group the files are compared with those at their
 * paths: a removed file is lost with this process, so it is written again first (sqlite_renew_io.c).  If a file is removed during the
 * group or after it, the check before the next group, or the one of the idle writer, finds that while SQLite can still read the file.
 */
#include "storage/sqlite_file_io.h"

enum {
	PAGE = 4096,
	FRAME = PAGE + 24, /* of the log */
	PAGES_OF_ROW =
		8, /* pages of tables and indexes that one row changes, at most, besides those that its own bytes fill */
	SLACK = 8 * FRAME,     /* room that a removal needs on a full disk */
	TRY_BYTES = 16 * FRAME /* this much must fit before writing counts as possible again */
};

/* How much the changes add to the log, at most; changes that only remove do not wait for room. */
static uint64_t size_of(const struct reload_sqlite_file *f, const struct reload_change *first)
{
	uint64_t bytes = first ? 0 : TRY_BYTES, pages = 0;
	for (const struct reload_change *c = first; c; c = c->next) {
		bytes += c->bytes + c->bytes / 8;
		pages += (c->rows_count + c->counters_count) * PAGES_OF_ROW;
	}
	uint64_t there = f->size / PAGE + PAGES_OF_ROW;
	return bytes + (pages < there ? pages : there) * FRAME;
}

/* Whether there is room for the log, and for the part of it that does not fit into free pages of the file. */
static bool has_room(struct reload_sqlite_file *f, uint64_t more)
{
	uint64_t left = reload_disk_free(f->path), grows = (uint64_t)f->pages * FRAME + more;
	sqlite3_int64 unused = 0;
	if (!more || left == UINT64_MAX || left >= more + grows + SLACK)
		return true;
	return left >= more + SLACK && !reload_sqlite_number(f, "PRAGMA freelist_count", &unused) &&
	       left + (uint64_t)unused * PAGE >= more + grows + SLACK;
}

static enum reload_err write_group(
	struct reload_sqlite_file *f, const struct reload_change *first, const char **reason)
{
	reload_utc now = 0;
	int code = reload_sqlite_run(f, RELOAD_SQLITE_BEGIN);
	if (!code && !first)
		code = reload_sqlite_run(f, RELOAD_SQLITE_TOUCH);
	for (const struct reload_change *c = first; c && !code; c = c->next) {
		code = reload_sqlite_write_change(f, c);
		now = c->now > now ? c->now : now;
	}
	if (!code && now)
		code = reload_sqlite_write_expiry(f, now);
	if (!code)
		code = reload_sqlite_run(f, RELOAD_SQLITE_COMMIT);
	if (!code)
		return RELOAD_OK;
	*reason = reload_sqlite_reason(code);
	if (!sqlite3_get_autocommit(f->db))
		(void)reload_sqlite_run(f, RELOAD_SQLITE_ROLLBACK);
	return RELOAD_IO;
}

/* Whether there is room, after the log was moved into the file if that is needed for it. */
static bool make_room(struct reload_sqlite_file *f, uint64_t more)
{
	if (has_room(f, more))
		return true;
	reload_sqlite_file_tidy(f);
	return has_room(f, more);
}

enum reload_err reload_sqlite_file_write(
	struct reload_sqlite_file *f, const struct reload_change *first, const char **reason)
{
	if (!f->db || !reload_sqlite_file_there(f)) {
		enum reload_err err = reload_sqlite_renew(f, reason);
		if (err)
			return err;
	}
	if (!make_room(f, size_of(f, first))) {
		*reason = reload_sqlite_reason(SQLITE_FULL);
		return RELOAD_IO;
	}
	return write_group(f, first, reason);
}
