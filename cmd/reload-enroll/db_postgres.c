/*
 * PostgreSQL.  A connection that was lost is made again before the next statement: a server that is started anew costs one failed
 * enrollment of each thread at most.  One that does not answer is given up after ANSWER_MS.
 */
#include "reload-enroll/db_backend.h"

#include "common/options.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	COLUMNS_MAX = 16,
	ANSWER_MS = 15000 /* the server gives a statement up before */
};

static const char settings[] = "SET statement_timeout = 10000; SET lock_timeout = 5000; "
			       "SET synchronous_commit = on; SET client_min_messages = error";

static void note(char message[DB_MESSAGE], const char *text)
{
	size_t len = strcspn(text, "\n");
	snprintf(message, DB_MESSAGE, "%.*s", (int)len, text);
}

static bool prepare(PGconn *c)
{
	PGresult *r = PQstatus(c) == CONNECTION_OK ? PQexec(c, settings) : NULL;
	bool ok = r && PQresultStatus(r) == PGRES_COMMAND_OK;
	PQclear(r);
	return ok;
}

static void ignore(void *arg, const char *text)
{
	(void)arg;
	(void)text;
}

static void *open_server(const char *where, char message[DB_MESSAGE])
{
	const char *const keys[] = { "dbname", "connect_timeout", "application_name", NULL };
	const char *const values[] = { where, "5", "reload-enroll", NULL };
	PGconn *c = PQconnectdbParams(keys, values, 1);
	PQsetNoticeProcessor(c, ignore, NULL);
	if (prepare(c))
		return c;
	note(message, c ? PQerrorMessage(c) : "there is no memory");
	PQfinish(c);
	return NULL;
}

static void close_server(void *handle)
{
	PQfinish(handle);
}

static bool is_connected(PGconn *c)
{
	if (PQstatus(c) == CONNECTION_OK)
		return true;
	PQreset(c);
	return prepare(c);
}

/*
 * The answer to what was sent; NULL and *late when none has come in time.  The connection is of no use then: libpq has to see that it ended, or it
 * would wait for that answer for ever and take no further statement.
 */
static PGresult *wait_for(PGconn *c, bool *late)
{
	reload_ms until = cli_monotonic() + ANSWER_MS;
	while (PQisBusy(c)) {
		reload_ms now = cli_monotonic();
		struct pollfd p = { .fd = PQsocket(c), .events = POLLIN };
		if (now >= until) {
			(void)shutdown(p.fd, SHUT_RDWR);
			*late = true;
			break;
		}
		if (poll(&p, 1, (int)(until - now)) > 0 && !PQconsumeInput(c))
			break;
	}
	PGresult *r = PQgetResult(c), *more;
	while ((more = PQgetResult(c))) /* a statement has one; the last is NULL */
		PQclear(more);
	if (!*late)
		return r;
	PQclear(r);
	return NULL;
}

static PGresult *execute(
	PGconn *c, const char *sql, const struct db_value *values, size_t count, bool *late)
{
	const char *texts[DB_VALUES_MAX];
	char numbers[DB_VALUES_MAX][24];
	for (size_t i = 0; i < count; i++) {
		snprintf(numbers[i], sizeof(numbers[i]), "%" PRId64, values[i].number);
		texts[i] = values[i].is_number ? numbers[i] : values[i].text;
	}
	return PQsendQueryParams(c, sql, (int)count, NULL, texts, NULL, NULL, 0) ? wait_for(c, late)
										 : NULL;
}

static void give(PGresult *r, bool (*row)(void *arg, const char *const *columns), void *arg)
{
	const char *columns[COLUMNS_MAX] = { NULL };
	int count = PQnfields(r);
	for (int i = 0; i < PQntuples(r); i++) {
		for (int k = 0; k < count && k < COLUMNS_MAX; k++)
			columns[k] = PQgetisnull(r, i, k) ? NULL : PQgetvalue(r, i, k);
		if (!row(arg, columns))
			return;
	}
}

static bool run(void *handle, const char *sql, const struct db_value *values, size_t count,
	bool (*row)(void *arg, const char *const *columns), void *arg, size_t *changed,
	char message[DB_MESSAGE], bool *busy)
{
	PGconn *c = handle;
	bool late = false;
	PGresult *r = is_connected(c) ? execute(c, sql, values, count, &late) : NULL;
	ExecStatusType status = r ? PQresultStatus(r) : PGRES_FATAL_ERROR;
	bool ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
	const char *state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
	/* lock_not_available, query_canceled, deadlock_detected */
	*busy = state &&
		(!strcmp(state, "55P03") || !strcmp(state, "57014") || !strcmp(state, "40P01"));
	*changed = ok ? strtoull(PQcmdTuples(r), NULL, 10) : 0;
	if (!ok)
		note(message, late || !*PQerrorMessage(c) ? "the server gives no answer"
							  : PQerrorMessage(c));
	else if (row)
		give(r, row, arg);
	PQclear(r);
	return ok;
}

const struct db_backend db_postgres = {
	.numbered = "BIGSERIAL PRIMARY KEY",
	.open = open_server,
	.close = close_server,
	.run = run,
	.begin = "BEGIN",
	.begin_read = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
	.lock = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
};
