/* What db.c asks of a database; handle is what open() returned. */
#pragma once

#include "reload-enroll/db.h"

enum {
	DB_VALUES_MAX = 12,
	DB_MESSAGE = 200
};

struct db_backend {
	const char *numbered;                                       /* see db_numbered() */
	void *(*open)(const char *where, char message[DB_MESSAGE]); /* NULL on failure */
	void (*close)(void *handle);
	/* one statement; row NULL: rows are not wanted.  *busy: it failed because others kept the database locked */
	bool (*run)(void *handle, const char *sql, const struct db_value *values, size_t count,
		bool (*row)(void *arg, const char *const *columns), void *arg, size_t *changed,
		char message[DB_MESSAGE], bool *busy);
	const char *begin, *begin_read; /* see db_begin_read() */
	const char *lock;               /* with $1, the key of db_begin(); NULL: begin locks all */
};

extern const struct db_backend db_sqlite, db_postgres;
