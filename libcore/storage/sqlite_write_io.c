/*
 * What is written to the file: a group of changes in one transaction.
 *
 * The log goes into the file in the end, which may have to grow by as much: a group is refused as long as the disk has not room for both,
 * so that a log never fills the disk and then cannot be emptied.  Whether the files are still those at their paths is asked
 * before and after each group: what is written to a file that was removed is written to nothing (sqlite_renew_io.c makes it anew).
 */
#include "storage/sqlite_file_io.h"

#include "storage/sqlite_chain_io.h"
#include "util/alloc.h"

#include <assert.h>

enum {
	PAGE = 4096,
	FRAME = PAGE + 24, /* of the log */
	PAGES_OF_ROW =
		8, /* of the tables and of their indexes, at most, but for what the row itself fills */
	SLACK = 8 * FRAME,     /* what a removal needs, when all else is full */
	TRY_BYTES = 16 * FRAME /* so much must fit before it is said that it can be written again */
};

enum statement {
	PUT_CHAIN,
	PUT_VALUE,
	PUT_COUNTER,
	DROP_VALUES,
	DROP_COUNTERS,
	DROP_VALUES_ROUND, /* the range goes over zero, or is the whole ring */
	DROP_COUNTERS_ROUND,
	DROP_VALUES_KIND,
	DROP_COUNTERS_KIND,
	EXPIRE_VALUES,
	EXPIRE_COUNTERS,
	TOUCH,
	BEGIN,
	COMMIT,
	ROLLBACK,
	STATEMENTS
};

static const char *const statement_text[STATEMENTS] = {
	[PUT_CHAIN] = RELOAD_SQLITE_CHAIN_PUT,
	[PUT_VALUE] =
		"INSERT INTO value(resource, kind, model, place, key, generation, received, "
		"expires,"
		" data, chain, checksum) "
		"VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9," RELOAD_SQLITE_CHAIN_OF_VALUE ",?11)"
		" ON CONFLICT(resource, kind, model, place, key) DO UPDATE SET generation = ?6,"
		" received = ?7, expires = ?8, data = ?9, chain = excluded.chain, checksum = ?11",
	[PUT_COUNTER] = "INSERT INTO counter(resource, kind, generation, ends, checksum) "
			"VALUES(?1,?2,?3,?4,?5)"
			" ON CONFLICT(resource, kind) DO UPDATE SET generation = ?3, ends = ?4, "
			"checksum = ?5",
	[DROP_VALUES] = "DELETE FROM value WHERE resource > ?1 AND resource <= ?2",
	[DROP_COUNTERS] = "DELETE FROM counter WHERE resource > ?1 AND resource <= ?2",
	[DROP_VALUES_ROUND] = "DELETE FROM value WHERE resource > ?1 OR resource <= ?2",
	[DROP_COUNTERS_ROUND] = "DELETE FROM counter WHERE resource > ?1 OR resource <= ?2",
	[DROP_VALUES_KIND] = "DELETE FROM value WHERE kind = ?1",
	[DROP_COUNTERS_KIND] = "DELETE FROM counter WHERE kind = ?1",
	[EXPIRE_VALUES] = "DELETE FROM value WHERE expires <= ?1",
	[EXPIRE_COUNTERS] = "DELETE FROM counter WHERE ends <= ?1",
	[TOUCH] = "UPDATE meta SET value = value + 1 WHERE name = 'touched'",
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
};

static_assert((int)STATEMENTS == (int)RELOAD_SQLITE_STATEMENTS, "room for each statement");

int reload_sqlite_prepare(struct reload_sqlite_file *f)
{
	int code = SQLITE_OK;
	for (int i = 0; i < STATEMENTS && !code; i++)
		code = sqlite3_prepare_v3(f->db, statement_text[i], -1, SQLITE_PREPARE_PERSISTENT,
			&f->statements[i], NULL);
	return code;
}

void reload_sqlite_unprepare(struct reload_sqlite_file *f)
{
	for (int i = 0; i < STATEMENTS; i++) {
		sqlite3_finalize(f->statements[i]);
		f->statements[i] = NULL;
	}
}

static sqlite3_int64 bounded(uint64_t time)
{
	return time > INT64_MAX ? INT64_MAX : (sqlite3_int64)time;
}

static void bind_span(sqlite3_stmt *st, int at, struct span s)
{
	sqlite3_bind_blob64(st, at, s.len ? (const void *)s.at : "", s.len, SQLITE_STATIC);
}

static int run(struct reload_sqlite_file *f, enum statement which)
{
	sqlite3_stmt *st = f->statements[which];
	int code = sqlite3_step(st);
	sqlite3_reset(st);
	return code == SQLITE_DONE || code == SQLITE_ROW ? SQLITE_OK : code;
}

static int write_value(struct reload_sqlite_file *f, const struct reload_row *row)
{
	bind_span(f->statements[PUT_CHAIN], 1, row->certificates);
	int code = run(f, PUT_CHAIN);
	if (code)
		return code;
	sqlite3_stmt *st = f->statements[PUT_VALUE];
	bind_span(st, 1, reload_id_span(&row->resource));
	sqlite3_bind_int64(st, 2, row->kind);
	sqlite3_bind_int(st, 3, row->model);
	sqlite3_bind_int64(st, 4, row->index);
	bind_span(st, 5, row->key);
	sqlite3_bind_int64(st, 6, (sqlite3_int64)row->generation);
	sqlite3_bind_int64(st, 7, (sqlite3_int64)row->received);
	sqlite3_bind_int64(st, 8, (sqlite3_int64)row->expires);
	bind_span(st, 9, row->data);
	bind_span(st, 10, row->certificates);
	bind_span(st, 11, span_of(row->check, sizeof(row->check)));
	return run(f, PUT_VALUE);
}

static int write_counter(struct reload_sqlite_file *f, const struct reload_counter_row *row)
{
	sqlite3_stmt *st = f->statements[PUT_COUNTER];
	bind_span(st, 1, reload_id_span(&row->resource));
	sqlite3_bind_int64(st, 2, row->kind);
	sqlite3_bind_int64(st, 3, (sqlite3_int64)row->generation);
	sqlite3_bind_int64(st, 4, (sqlite3_int64)row->ends);
	bind_span(st, 5, span_of(row->check, sizeof(row->check)));
	return run(f, PUT_COUNTER);
}

static int write_put(struct reload_sqlite_file *f, const struct reload_change *c)
{
	int code = SQLITE_OK;
	for (size_t i = 0; i < c->rows_count && !code; i++)
		code = write_value(f, &c->rows[i]);
	for (size_t i = 0; i < c->counters_count && !code; i++)
		code = write_counter(f, &c->counters[i]);
	return code;
}

static int write_drop_range(struct reload_sqlite_file *f, const struct reload_change *c)
{
	bool round = reload_id_cmp(&c->from, &c->to) >= 0;
	const enum statement which[] = { round ? DROP_VALUES_ROUND : DROP_VALUES,
		round ? DROP_COUNTERS_ROUND : DROP_COUNTERS };
	int code = SQLITE_OK;
	for (size_t i = 0; i < COUNT_OF(which) && !code; i++) {
		bind_span(f->statements[which[i]], 1, reload_id_span(&c->from));
		bind_span(f->statements[which[i]], 2, reload_id_span(&c->to));
		code = run(f, which[i]);
	}
	return code;
}

static int write_drop_kind(struct reload_sqlite_file *f, uint32_t kind)
{
	sqlite3_bind_int64(f->statements[DROP_VALUES_KIND], 1, kind);
	sqlite3_bind_int64(f->statements[DROP_COUNTERS_KIND], 1, kind);
	int code = run(f, DROP_VALUES_KIND);
	return code ? code : run(f, DROP_COUNTERS_KIND);
}

static int write_expiry(struct reload_sqlite_file *f, reload_utc now)
{
	sqlite3_bind_int64(f->statements[EXPIRE_VALUES], 1, bounded(now));
	sqlite3_bind_int64(f->statements[EXPIRE_COUNTERS], 1,
		now > f->keep_ms ? bounded(now - f->keep_ms) : 0);
	int code = run(f, EXPIRE_VALUES);
	return code ? code : run(f, EXPIRE_COUNTERS);
}

static int write_change(struct reload_sqlite_file *f, const struct reload_change *c)
{
	switch (c->type) {
	case RELOAD_CHANGE_PUT:
		return write_put(f, c);
	case RELOAD_CHANGE_DROP_RANGE:
		return write_drop_range(f, c);
	case RELOAD_CHANGE_DROP_KIND:
		return write_drop_kind(f, c->kind);
	case RELOAD_CHANGE_EXPIRE:
		break; /* below, once for all */
	}
	return SQLITE_OK;
}

/* What the changes add to the log, at most; nothing that only removes is kept waiting for room. */
static uint64_t size_of(const struct reload_sqlite_file *f, const struct reload_change *first)
{
	uint64_t bytes = first ? 0 : TRY_BYTES, pages = 0;
	for (const struct reload_change *c = first; c; c = c->next) {
		bytes += c->bytes + c->bytes / 8;
		pages += (c->rows_count + c->counters_count) * PAGES_OF_ROW;
	}
	uint64_t there = reload_file_size(f->path) / PAGE + PAGES_OF_ROW;
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
	int code = run(f, BEGIN);
	if (!code && !first)
		code = run(f, TOUCH);
	for (const struct reload_change *c = first; c && !code; c = c->next) {
		code = write_change(f, c);
		now = c->now > now ? c->now : now;
	}
	if (!code && now)
		code = write_expiry(f, now);
	if (!code)
		code = run(f, COMMIT);
	if (!code)
		return RELOAD_OK;
	*words = reload_sqlite_reason(code);
	if (!sqlite3_get_autocommit(f->db))
		(void)run(f, ROLLBACK);
	return RELOAD_IO;
}

enum reload_err reload_sqlite_file_write(
	struct reload_sqlite_file *f, const struct reload_change *first, const char **words)
{
	uint64_t more = size_of(f, first);
	enum reload_err err = RELOAD_OK;
	if (!f->db || !reload_sqlite_file_there(f))
		err = reload_sqlite_renew(f, words);
	if (err)
		return err;
	if (!has_room(f, more))
		reload_sqlite_file_tidy(f);
	if (!has_room(f, more)) {
		*words = reload_sqlite_reason(SQLITE_FULL);
		return RELOAD_IO;
	}
	err = write_group(f, first, words);
	if (!err && !reload_sqlite_file_there(f)) /* it went where nobody finds it */
		err = reload_sqlite_renew(f, words);
	return err;
}
