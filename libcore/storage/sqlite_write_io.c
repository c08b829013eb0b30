/*
 * What is written to the file: a group of changes in one transaction.
 *
 * The log goes into the file in the end, which may have to grow by as much: a group is refused as long as the disk has not room for both,
 * so that a log never fills the disk and then cannot be emptied.  Before each group the paths are checked: what is written to a file
 * that was removed would be gone with this process, so it is made anew first (sqlite_renew_io.c).  A file that is removed later, during
 * the group or after it, is found by the check of the next group, or of an idle writer, while SQLite can still read it.
 */
#include "storage/sqlite_file_io.h"

enum {
	PAGE = 4096,
	FRAME = PAGE + 24, /* of the log */
	PAGES_OF_ROW =
		8, /* of the tables and of their indexes, at most, but for what the row itself fills */
	SLACK = 8 * FRAME,     /* what a removal needs, when all else is full */
	TRY_BYTES = 16 * FRAME /* so much must fit before it is said that it can be written again */
};

/* What the changes add to the log, at most; nothing that only removes is kept waiting for room. */
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

/* Room for the log, and then for what of it does not fit into the free pages of the file. */
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
	struct reload_sqlite_file *f, const struct reload_change *first, const char **words)
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
	*words = reload_sqlite_reason(code);
	if (!sqlite3_get_autocommit(f->db))
		(void)reload_sqlite_run(f, RELOAD_SQLITE_ROLLBACK);
	return RELOAD_IO;
}

/* Empties the log where that is needed to have room. */
static bool make_room(struct reload_sqlite_file *f, uint64_t more)
{
	if (has_room(f, more))
		return true;
	reload_sqlite_file_tidy(f);
	return has_room(f, more);
}

enum reload_err reload_sqlite_file_write(
	struct reload_sqlite_file *f, const struct reload_change *first, const char **words)
{
	if (!f->db || !reload_sqlite_file_there(f)) {
		enum reload_err err = reload_sqlite_renew(f, words);
		if (err)
			return err;
	}
	if (!make_room(f, size_of(f, first))) {
		*words = reload_sqlite_reason(SQLITE_FULL);
		return RELOAD_IO;
	}
	return write_group(f, first, words);
}
