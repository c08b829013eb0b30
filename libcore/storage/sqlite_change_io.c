/* Changes as SQL: the prepared statements, and which parts of a change are bound to each. */
#include "storage/sqlite_file_io.h"

#include "storage/sqlite_chain_io.h"

static const char *const statement_text[RELOAD_SQLITE_STATEMENTS] = {
	[RELOAD_SQLITE_PUT_CHAIN] = RELOAD_SQLITE_CHAIN_PUT,
	[RELOAD_SQLITE_PUT_VALUE] =
		"INSERT INTO value(resource, kind, model, place, key, generation, received, "
		"expires,"
		" data, chain, checksum) "
		"VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9," RELOAD_SQLITE_CHAIN_OF_VALUE ",?11)"
		" ON CONFLICT(resource, kind, model, place, key) DO UPDATE SET generation = ?6,"
		" received = ?7, expires = ?8, data = ?9, chain = excluded.chain, checksum = ?11",
	[RELOAD_SQLITE_PUT_COUNTER] =
		"INSERT INTO counter(resource, kind, generation, ends, checksum) "
		"VALUES(?1,?2,?3,?4,?5)"
		" ON CONFLICT(resource, kind) DO UPDATE SET generation = ?3, ends = ?4, "
		"checksum = ?5",
	[RELOAD_SQLITE_DROP_VALUES] = "DELETE FROM value WHERE resource > ?1 AND resource <= ?2",
	[RELOAD_SQLITE_DROP_COUNTERS] =
		"DELETE FROM counter WHERE resource > ?1 AND resource <= ?2",
	[RELOAD_SQLITE_DROP_VALUES_ROUND] =
		"DELETE FROM value WHERE resource > ?1 OR resource <= ?2",
	[RELOAD_SQLITE_DROP_COUNTERS_ROUND] =
		"DELETE FROM counter WHERE resource > ?1 OR resource <= ?2",
	[RELOAD_SQLITE_DROP_VALUES_KIND] = "DELETE FROM value WHERE kind = ?1",
	[RELOAD_SQLITE_DROP_COUNTERS_KIND] = "DELETE FROM counter WHERE kind = ?1",
	[RELOAD_SQLITE_EXPIRE_VALUES] = "DELETE FROM value WHERE expires <= ?1",
	[RELOAD_SQLITE_EXPIRE_COUNTERS] = "DELETE FROM counter WHERE ends <= ?1",
	[RELOAD_SQLITE_TOUCH] = "UPDATE meta SET value = value + 1 WHERE name = 'touched'",
	[RELOAD_SQLITE_BEGIN] = "BEGIN IMMEDIATE",
	[RELOAD_SQLITE_COMMIT] = "COMMIT",
	[RELOAD_SQLITE_ROLLBACK] = "ROLLBACK",
};

int reload_sqlite_prepare(struct reload_sqlite_file *f)
{
	int code = SQLITE_OK;
	for (int i = 0; i < RELOAD_SQLITE_STATEMENTS && !code; i++)
		code = sqlite3_prepare_v3(f->db, statement_text[i], -1, SQLITE_PREPARE_PERSISTENT,
			&f->statements[i], NULL);
	return code;
}

void reload_sqlite_unprepare(struct reload_sqlite_file *f)
{
	for (int i = 0; i < RELOAD_SQLITE_STATEMENTS; i++) {
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

int reload_sqlite_run(struct reload_sqlite_file *f, enum reload_sqlite_statement which)
{
	sqlite3_stmt *st = f->statements[which];
	int code = sqlite3_step(st);
	sqlite3_reset(st);
	return code == SQLITE_DONE || code == SQLITE_ROW ? SQLITE_OK : code;
}

/* Puts the certificates, unless they are there: when the row before has the same list, its value refers to them now. */
static int write_chain(struct reload_sqlite_file *f, const struct reload_row *row,
	const struct reload_row *before, uint8_t digest[RELOAD_SQLITE_CHAIN_DIGEST])
{
	sqlite3_stmt *st = f->statements[RELOAD_SQLITE_PUT_CHAIN];
	if (before && before->certificates.at == row->certificates.at)
		return SQLITE_OK;
	reload_sqlite_chain_digest(digest, row->certificates);
	bind_span(st, 1, span_of(digest, RELOAD_SQLITE_CHAIN_DIGEST));
	bind_span(st, 2, row->certificates);
	return reload_sqlite_run(f, RELOAD_SQLITE_PUT_CHAIN);
}

static int write_value(
	struct reload_sqlite_file *f, const struct reload_row *row, struct span digest)
{
	sqlite3_stmt *st = f->statements[RELOAD_SQLITE_PUT_VALUE];
	bind_span(st, 1, reload_id_span(&row->resource));
	sqlite3_bind_int64(st, 2, row->kind);
	sqlite3_bind_int(st, 3, row->model);
	sqlite3_bind_int64(st, 4, row->index);
	bind_span(st, 5, row->key);
	sqlite3_bind_int64(st, 6, (sqlite3_int64)row->generation);
	sqlite3_bind_int64(st, 7, (sqlite3_int64)row->received);
	sqlite3_bind_int64(st, 8, (sqlite3_int64)row->expires);
	bind_span(st, 9, row->data);
	bind_span(st, 10, digest);
	bind_span(st, 11, span_of(row->check, sizeof(row->check)));
	return reload_sqlite_run(f, RELOAD_SQLITE_PUT_VALUE);
}

static int write_counter(struct reload_sqlite_file *f, const struct reload_counter_row *row)
{
	sqlite3_stmt *st = f->statements[RELOAD_SQLITE_PUT_COUNTER];
	bind_span(st, 1, reload_id_span(&row->resource));
	sqlite3_bind_int64(st, 2, row->kind);
	sqlite3_bind_int64(st, 3, (sqlite3_int64)row->generation);
	sqlite3_bind_int64(st, 4, (sqlite3_int64)row->ends);
	bind_span(st, 5, span_of(row->check, sizeof(row->check)));
	return reload_sqlite_run(f, RELOAD_SQLITE_PUT_COUNTER);
}

static int write_put(struct reload_sqlite_file *f, const struct reload_change *c)
{
	uint8_t digest[RELOAD_SQLITE_CHAIN_DIGEST];
	int code = SQLITE_OK;
	for (size_t i = 0; i < c->rows_count && !code; i++) {
		const struct reload_row *row = &c->rows[i];
		code = write_chain(f, row, i ? row - 1 : NULL, digest);
		if (!code)
			code = write_value(f, row, span_of(digest, sizeof(digest)));
	}
	for (size_t i = 0; i < c->counters_count && !code; i++)
		code = write_counter(f, &c->counters[i]);
	return code;
}

static int write_drop_range(struct reload_sqlite_file *f, const struct reload_change *c)
{
	bool round = reload_id_cmp(&c->from, &c->to) >= 0;
	const enum reload_sqlite_statement which[] = { round ? RELOAD_SQLITE_DROP_VALUES_ROUND
							     : RELOAD_SQLITE_DROP_VALUES,
		round ? RELOAD_SQLITE_DROP_COUNTERS_ROUND : RELOAD_SQLITE_DROP_COUNTERS };
	int code = SQLITE_OK;
	for (size_t i = 0; i < COUNT_OF(which) && !code; i++) {
		bind_span(f->statements[which[i]], 1, reload_id_span(&c->from));
		bind_span(f->statements[which[i]], 2, reload_id_span(&c->to));
		code = reload_sqlite_run(f, which[i]);
	}
	return code;
}

static int write_drop_kind(struct reload_sqlite_file *f, uint32_t kind)
{
	sqlite3_bind_int64(f->statements[RELOAD_SQLITE_DROP_VALUES_KIND], 1, kind);
	sqlite3_bind_int64(f->statements[RELOAD_SQLITE_DROP_COUNTERS_KIND], 1, kind);
	int code = reload_sqlite_run(f, RELOAD_SQLITE_DROP_VALUES_KIND);
	return code ? code : reload_sqlite_run(f, RELOAD_SQLITE_DROP_COUNTERS_KIND);
}

int reload_sqlite_write_expiry(struct reload_sqlite_file *f, reload_utc now)
{
	sqlite3_bind_int64(f->statements[RELOAD_SQLITE_EXPIRE_VALUES], 1, bounded(now));
	sqlite3_bind_int64(f->statements[RELOAD_SQLITE_EXPIRE_COUNTERS], 1,
		now > f->keep_ms ? bounded(now - f->keep_ms) : 0);
	int code = reload_sqlite_run(f, RELOAD_SQLITE_EXPIRE_VALUES);
	return code ? code : reload_sqlite_run(f, RELOAD_SQLITE_EXPIRE_COUNTERS);
}

int reload_sqlite_write_change(struct reload_sqlite_file *f, const struct reload_change *c)
{
	switch (c->type) {
	case RELOAD_CHANGE_PUT:
		return write_put(f, c);
	case RELOAD_CHANGE_DROP_RANGE:
		return write_drop_range(f, c);
	case RELOAD_CHANGE_DROP_KIND:
		return write_drop_kind(f, c->kind);
	case RELOAD_CHANGE_EXPIRE:
		break; /* reload_sqlite_write_expiry(), once for the whole group */
	}
	return SQLITE_OK;
}
