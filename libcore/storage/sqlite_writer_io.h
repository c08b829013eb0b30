/* The storage of sqlite_io.c and its thread that writes: what both use. */
#pragma once

#include "storage/front.h"
#include "storage/sqlite_internal.h"

#include <pthread.h>

/* First in, first out. */
struct changes {
	struct reload_change *first, **end;
	size_t records;
};

struct sqlite_storage {
	struct reload_storage_front front; /* within: the values, in memory */
	struct reload_sqlite_file *file;   /* used by the writer alone while it runs */
	void (*notify)(void *arg);
	void (*on_event)(
		void *arg, enum reload_storage_event event, const char *detail, size_t count);
	void *arg;
	size_t pending, pending_bytes; /* of changes whose done was not called yet */
	bool completing, reported_failed;
	pthread_t writer;

	pthread_mutex_t lock; /* protects all members below */
	pthread_cond_t work, idle;
	struct changes queue, finished;
	bool wanted;   /* there is something to write */
	bool sleeping; /* the writer waits for wanted and was not woken yet */
	bool writing, stalled, failing, stop;
	bool renewed;     /* to be reported */
	char reason[160]; /* why writing fails */
};

static inline void changes_init(struct changes *q)
{
	*q = (struct changes){ .end = &q->first };
}

static inline size_t records_of(const struct reload_change *c)
{
	return c->rows_count + 1;
}

static inline void changes_put(struct changes *q, struct reload_change *c)
{
	c->next = NULL;
	*q->end = c;
	q->end = &c->next;
	q->records += records_of(c);
}

static inline struct reload_change *changes_get(struct changes *q)
{
	struct reload_change *c = q->first;
	if (!c)
		return NULL;
	q->first = c->next;
	if (!q->first)
		q->end = &q->first;
	q->records -= records_of(c);
	return c;
}

/*
 * reload_sqlite_writer_start() starts the thread; fails with RELOAD_IO.  reload_sqlite_writer_stop() waits until it has written what is
 * queued.
 */
enum reload_err reload_sqlite_writer_start(
	struct sqlite_storage *d, struct reload_error_text *why) MUST_CHECK;
void reload_sqlite_writer_stop(struct sqlite_storage *d);

/* reload_sqlite_enqueue() gives a change to the thread. */
void reload_sqlite_enqueue(struct sqlite_storage *d, struct reload_change *c);
