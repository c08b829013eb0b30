/*
 * The thread that writes.
 *
 * The writer takes the changes that were queued while it wrote the group before, GROUP_RECORDS at most, and writes them in one
 * transaction.  It does not wait for more: that would delay a change that comes alone, and of many that come at once most are queued
 * while the first is written.  A failed write stalls the writer, because the queued changes were accepted on top of the failed ones.
 * While writing fails it is tried again every RETRY_US and with every commit.  At least every WATCH_US the writer checks that the
 * files are still there.
 */
#include "storage/sqlite_writer_io.h"

#include "util/alloc.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

enum {
	GROUP_RECORDS = 256,
	RETRY_US = 2000000,
	IDLE_US = 200000,   /* without work for this time the log is moved into the file */
	WATCH_US = 2000000, /* between two checks that the files are still there */
	TIDY_PAGES = 4096,  /* above this many pages the log is moved at once */
};

/* Waits for work or for us microseconds, with the lock held; false: the time is over. */
static bool wait_us(struct sqlite_storage *d, long us)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += us % 1000000 * 1000;
	until.tv_sec += us / 1000000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	return pthread_cond_timedwait(&d->work, &d->lock, &until) != ETIMEDOUT;
}

static long idle_time(const struct sqlite_storage *d)
{
	if (!reload_sqlite_file_pages(d->file))
		return WATCH_US;
	return reload_sqlite_file_stuck(d->file) ? RETRY_US : IDLE_US;
}

/* Sleeps until there is something to write, a retry is due or a file is missing; false: the writer is to end. */
static bool writer_sleep(struct sqlite_storage *d)
{
	while (!(d->wanted && !d->stalled)) {
		if (d->stop)
			return false;
		d->sleeping = true;
		bool woken = true;
		if (d->failing && !d->stalled)
			woken = wait_us(d, RETRY_US);
		else if (!d->stalled)
			woken = wait_us(d, idle_time(d));
		else
			pthread_cond_wait(&d->work, &d->lock);
		d->sleeping = false;
		if (woken || d->wanted || d->stop)
			continue;
		if (d->failing && !d->stalled)
			return true; /* try whether writing works again */
		pthread_mutex_unlock(&d->lock);
		if (reload_sqlite_file_pages(d->file))
			reload_sqlite_file_tidy(d->file);
		bool there = reload_sqlite_file_there(d->file);
		pthread_mutex_lock(&d->lock);
		if (!there)
			return true;
	}
	return true;
}

static void group_take(struct sqlite_storage *d, struct changes *group)
{
	changes_init(group);
	while (d->queue.first &&
		(!group->first || group->records + records_of(d->queue.first) <= GROUP_RECORDS))
		changes_put(group, changes_get(&d->queue));
	d->wanted = d->queue.first != NULL;
}

/* Moves a written or failed group to the finished changes, with the lock held. */
static void group_finished(
	struct sqlite_storage *d, struct changes *group, enum reload_err err, const char *reason)
{
	struct reload_change *c;
	while ((c = changes_get(group))) {
		c->err = err;
		changes_put(&d->finished, c);
	}
	d->stalled = err != RELOAD_OK;
	d->failing = d->stalled;
	if (err)
		snprintf(d->reason, sizeof(d->reason), "%s", reason);
}

static void *writer(void *arg)
{
	struct sqlite_storage *d = arg;
	struct changes group;
	pthread_mutex_lock(&d->lock);
	while (writer_sleep(d)) {
		bool was_failing = d->failing;
		group_take(d, &group);
		d->writing = true;
		pthread_mutex_unlock(&d->lock);
		const char *reason = "";
		enum reload_err err = reload_sqlite_file_write(d->file, group.first, &reason);
		if (err || reload_sqlite_file_pages(d->file) > TIDY_PAGES)
			reload_sqlite_file_tidy(d->file);
		pthread_mutex_lock(&d->lock);
		d->writing = false;
		d->renewed |= reload_sqlite_file_renewed(d->file);
		bool report = group.first || d->renewed || was_failing != (err != RELOAD_OK);
		group_finished(d, &group, err, reason);
		if (!d->wanted || d->stalled)
			pthread_cond_broadcast(&d->idle);
		if (!report && d->stalled)
			d->stalled = false; /* nothing to undo */
		if (!report || !d->notify)
			continue;
		pthread_mutex_unlock(&d->lock);
		d->notify(d->arg);
		pthread_mutex_lock(&d->lock);
	}
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

void reload_sqlite_enqueue(struct sqlite_storage *d, struct reload_change *c)
{
	d->pending += records_of(c);
	d->pending_bytes += c->bytes;
	pthread_mutex_lock(&d->lock);
	changes_put(&d->queue, c);
	d->wanted = true;
	bool wake = d->sleeping;
	d->sleeping = false;
	pthread_mutex_unlock(&d->lock);
	if (wake) /* with the lock held the writer would wake and then wait for the lock */
		pthread_cond_signal(&d->work);
}

enum reload_err reload_sqlite_writer_start(struct sqlite_storage *d, struct reload_error_text *why)
{
	sigset_t all, old;
	sigfillset(&all); /* the main thread handles signals */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int refused_by = pthread_create(&d->writer, NULL, writer, d);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!refused_by)
		return RELOAD_OK;
	return reload_error_explain(
		why, RELOAD_IO, "the store", "no thread for it: %s", strerror(refused_by));
}

void reload_sqlite_writer_stop(struct sqlite_storage *d)
{
	pthread_mutex_lock(&d->lock);
	d->stop = true;
	pthread_cond_signal(&d->work);
	pthread_mutex_unlock(&d->lock);
	pthread_join(d->writer, NULL);
}
