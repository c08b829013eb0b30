/*
 * The queue between memory and the file.
 *
 *	commit -> memory, queue -> [writer: one transaction] -> finished -> settle: done(OK)
 *	                                    | failed
 *	                                    v
 *	          stalled: the writer stops; settle takes back from memory all that is not durable, done(IO), and lets it go on
 *
 * The writer takes what has come while it wrote, at most GROUP_RECORDS; when more is just arriving it waits for it,
 * GROUP_MS at most.  A failed write stalls the writer, because what is queued was admitted on top of what failed.
 * While writing fails it is tried again every RETRY_US, and with every commit.  Whether the files are still there is looked every
 * WATCH_US at least.
 */
#include "storage/sqlite_io.h"

#include "storage/sqlite_internal.h"
#include "util/alloc.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
	GROUP_RECORDS = 256,
	GROUP_US = 5000,
	QUIET_US = 250, /* nothing more arrives */
	RETRY_US = 2000000,
	IDLE_US = 200000,   /* then the log is tidied */
	WATCH_US = 2000000, /* and looked whether the file is there still */
	TIDY_PAGES = 4096,  /* or when it has so many */
	PENDING_RECORDS = 65536,
	PENDING_BYTES = 64 * 1024 * 1024,
	OWED_MAX = 1024
};

/* First in, first out. */
struct changes {
	struct reload_change *first, **end;
	size_t records;
};

struct durable {
	struct reload_storage base;
	struct reload_storage *memory;
	struct reload_sqlite_file *file; /* the writer's while it runs */
	void (*notify)(void *arg);
	void (*tell)(void *arg, enum reload_storage_news news, const char *words, size_t count);
	void *arg;
	size_t pending, pending_bytes; /* records that are not settled */
	bool settling, told_failed;
	pthread_t writer;

	pthread_mutex_t lock; /* of all below */
	pthread_cond_t work, idle;
	struct changes queue, finished;
	bool wanted;   /* something is to be written now */
	bool sleeping; /* the writer waits for wanted */
	bool writing, stalled, failing, stop, hurry;
	bool renewed;    /* to be told */
	char words[160]; /* why it fails */
};

static struct durable *durable_of(struct reload_storage *s)
{
	return (struct durable *)s; /* base comes first */
}

/* --- queues ------------------------------------------------------------------------------------------------------ */

static void changes_init(struct changes *q)
{
	*q = (struct changes){ .end = &q->first };
}

static size_t records_of(const struct reload_change *c)
{
	return c->rows_count + 1;
}

static void changes_put(struct changes *q, struct reload_change *c)
{
	c->next = NULL;
	*q->end = c;
	q->end = &c->next;
	q->records += records_of(c);
}

static struct reload_change *changes_get(struct changes *q)
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

static void change_free(struct durable *d, struct reload_change *c)
{
	for (size_t i = 0; i < c->rows_count; i++)
		reload_row_clear(&c->rows[i]);
	free(c->rows);
	free(c->counters);
	reload_memory_undo_free(d->memory, c->undo);
	free(c);
}

/* --- the writer -------------------------------------------------------------------------------------------------- */

/* Waits with the lock held; false: so many microseconds went by. */
static bool wait_us(struct durable *d, long us)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += us % 1000000 * 1000;
	until.tv_sec += us / 1000000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	return pthread_cond_timedwait(&d->work, &d->lock, &until) != ETIMEDOUT;
}

static long idle_time(const struct durable *d)
{
	if (!reload_sqlite_file_pages(d->file))
		return WATCH_US;
	return reload_sqlite_file_stuck(d->file) ? RETRY_US : IDLE_US;
}

/* Sleeps until something is to be written, or is found that cannot be; false: the end. */
static bool writer_sleep(struct durable *d)
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
			return true; /* tries whether it goes again */
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

/* More is arriving: it may come along. */
static void writer_gather(struct durable *d)
{
	for (long waited = 0; waited < GROUP_US && !d->hurry && !d->stop; waited += QUIET_US) {
		size_t before = d->queue.records;
		if (before >= GROUP_RECORDS)
			return;
		wait_us(d, QUIET_US);
		if (d->queue.records == before)
			return;
	}
}

static void group_take(struct durable *d, struct changes *group)
{
	changes_init(group);
	while (d->queue.first &&
		(!group->first || group->records + records_of(d->queue.first) <= GROUP_RECORDS))
		changes_put(group, changes_get(&d->queue));
	d->wanted = d->queue.first != NULL;
}

/* With the lock held; the group is on its way to finished. */
static void group_finished(
	struct durable *d, struct changes *group, enum reload_err err, const char *words)
{
	struct reload_change *c;
	while ((c = changes_get(group))) {
		c->err = err;
		changes_put(&d->finished, c);
	}
	d->stalled = err != RELOAD_OK;
	d->failing = d->stalled;
	if (err)
		snprintf(d->words, sizeof(d->words), "%s", words);
}

static void *writer(void *arg)
{
	struct durable *d = arg;
	struct changes group;
	pthread_mutex_lock(&d->lock);
	while (writer_sleep(d)) {
		bool was_failing = d->failing;
		writer_gather(d);
		group_take(d, &group);
		d->writing = true;
		pthread_mutex_unlock(&d->lock);
		const char *words = "";
		enum reload_err err = reload_sqlite_file_write(d->file, group.first, &words);
		if (err || reload_sqlite_file_pages(d->file) > TIDY_PAGES)
			reload_sqlite_file_tidy(d->file);
		pthread_mutex_lock(&d->lock);
		d->writing = false;
		d->renewed |= reload_sqlite_file_renewed(d->file);
		bool news = group.first || d->renewed || was_failing != (err != RELOAD_OK);
		group_finished(d, &group, err, words);
		if (!d->wanted || d->stalled)
			pthread_cond_broadcast(&d->idle);
		if (!news && d->stalled)
			d->stalled = false; /* nothing to take back */
		if (!news || !d->notify)
			continue;
		pthread_mutex_unlock(&d->lock);
		d->notify(d->arg);
		pthread_mutex_lock(&d->lock);
	}
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

static void enqueue(struct durable *d, struct reload_change *c)
{
	d->pending += records_of(c);
	d->pending_bytes += c->bytes;
	pthread_mutex_lock(&d->lock);
	changes_put(&d->queue, c);
	d->wanted = true;
	if (d->sleeping || d->queue.records >= GROUP_RECORDS)
		pthread_cond_signal(&d->work);
	pthread_mutex_unlock(&d->lock);
}

/* --- settling ---------------------------------------------------------------------------------------------------- */

/* From the last one to the first: each finds what it left. */
static void take_back(struct durable *d, struct changes *failed)
{
	size_t count = 0, n = 0;
	for (struct reload_change *c = failed->first; c; c = c->next)
		count++;
	struct reload_change **all = reload_alloc_array(count + 1, sizeof(struct reload_change *));
	for (struct reload_change *c = failed->first; c; c = c->next)
		all[n++] = c;
	while (n--)
		if (all[n]->undo)
			reload_memory_undo(d->memory, TAKE(all[n]->undo));
	free(all);
}

static void drop_again(struct durable *d, const struct reload_change *c)
{
	switch (c->type) {
	case RELOAD_CHANGE_DROP_RANGE:
		d->memory->ops->drop_range(d->memory, &c->from, &c->to);
		break;
	case RELOAD_CHANGE_DROP_KIND:
		d->memory->ops->drop_kind(d->memory, c->kind);
		break;
	case RELOAD_CHANGE_PUT:
	case RELOAD_CHANGE_EXPIRE:
		break; /* what has expired is seen by its time */
	}
}

/* Splits what failed: batches to be refused, and drops that the file is owed (in front of all that is queued). */
static void refused(struct durable *d, struct changes *failed, struct changes *out)
{
	struct changes owed;
	struct reload_change *c;
	size_t count = 0;
	changes_init(&owed);
	take_back(d, failed);
	while ((c = changes_get(failed))) {
		drop_again(d, c);
		if (c->type == RELOAD_CHANGE_PUT) {
			changes_put(out, c);
			continue;
		}
		changes_put(&owed, c);
		if (++count > OWED_MAX) {
			c = changes_get(&owed);
			d->pending -= records_of(c);
			change_free(d, c);
		}
	}
	pthread_mutex_lock(&d->lock);
	while ((c = changes_get(&owed)))
		changes_put(&d->queue, c);
	pthread_mutex_unlock(&d->lock);
}

/* Takes what is finished; *failed gets, in order, all that is not durable and will not be. */
static bool collect(struct durable *d, struct changes *finished, struct changes *failed)
{
	struct reload_change *c;
	pthread_mutex_lock(&d->lock);
	bool stalled = d->stalled;
	while ((c = changes_get(&d->finished)))
		changes_put(c->err ? failed : finished, c);
	while (stalled && (c = changes_get(&d->queue))) {
		c->err = RELOAD_IO;
		changes_put(failed, c);
	}
	if (stalled)
		d->wanted = false;
	pthread_mutex_unlock(&d->lock);
	return stalled;
}

static void tell_health(struct durable *d)
{
	char words[sizeof(d->words)];
	pthread_mutex_lock(&d->lock);
	bool failing = d->failing, renewed = d->renewed;
	d->renewed = false;
	memcpy(words, d->words, sizeof(words));
	pthread_mutex_unlock(&d->lock);
	if (renewed && d->tell)
		d->tell(d->arg, RELOAD_STORAGE_RENEWED, NULL, 0);
	if (failing == d->told_failed)
		return;
	d->told_failed = failing;
	if (d->tell)
		d->tell(d->arg, failing ? RELOAD_STORAGE_FAILED : RELOAD_STORAGE_RECOVERED,
			failing ? words : NULL, 0);
}

void reload_storage_sqlite_settle(struct reload_storage *s)
{
	struct durable *d = durable_of(s);
	struct changes finished, failed;
	struct reload_change *c;
	assert(!d->settling);
	d->settling = true;
	changes_init(&finished);
	changes_init(&failed);
	if (collect(d, &finished, &failed)) {
		refused(d, &failed, &finished);
		pthread_mutex_lock(&d->lock);
		d->stalled = false;
		pthread_cond_signal(&d->work);
		pthread_mutex_unlock(&d->lock);
	}
	tell_health(d);
	while ((c = changes_get(&finished))) {
		d->pending -= records_of(c);
		d->pending_bytes -= c->bytes;
		if (c->done)
			c->done(c->arg, c->err);
		change_free(d, c);
	}
	d->settling = false;
}

void reload_storage_sqlite_flush(struct reload_storage *s)
{
	struct durable *d = durable_of(s);
	bool more = true;
	while (more) {
		pthread_mutex_lock(&d->lock);
		d->hurry = true;
		if (d->sleeping)
			pthread_cond_signal(&d->work);
		while ((d->wanted || d->writing) && !d->stalled)
			pthread_cond_wait(&d->idle, &d->lock);
		d->hurry = false;
		pthread_mutex_unlock(&d->lock);
		reload_storage_sqlite_settle(s);
		pthread_mutex_lock(&d->lock);
		more = d->wanted || d->finished.first;
		pthread_mutex_unlock(&d->lock);
	}
}

/* --- operations -------------------------------------------------------------------------------------------------- */

static enum reload_err change_put(
	struct durable *d, struct reload_change **out, const struct reload_store_batch *batch)
{
	struct reload_change *c = RELOAD_NEW(reload_change);
	size_t count = 0;
	enum reload_err err = RELOAD_OK;
	for (size_t i = 0; i < batch->changes_count; i++)
		count += batch->changes[i].entries_count;
	c->rows = reload_alloc_array(count + 1, sizeof(*c->rows));
	c->counters = reload_alloc_array(batch->changes_count + 1, sizeof(*c->counters));
	c->now = batch->now;
	for (size_t i = 0; i < batch->changes_count && !err; i++) {
		const struct reload_store_change *change = &batch->changes[i];
		for (size_t k = 0; k < change->entries_count && !err; k++) {
			struct reload_row *row = &c->rows[c->rows_count];
			const struct reload_row *before = c->rows_count ? row - 1 : NULL;
			err = reload_row_make(row, &batch->resource, change->kind,
				change->generation, &change->entries[k], before);
			if (err)
				break;
			c->rows_count++;
			c->bytes += sizeof(*row) + row->data.len + row->key.len;
			if (!before || before->certificates.at != row->certificates.at)
				c->bytes += row->certificates.len;
		}
		c->counters[c->counters_count++] =
			(struct reload_counter_row){ .resource = batch->resource,
				.kind = change->kind,
				.generation = change->generation };
	}
	if (err)
		change_free(d, c);
	else
		*out = c;
	return err;
}

static enum reload_err durable_commit(struct reload_storage *s,
	const struct reload_store_batch *batch, reload_committed_fn done, void *arg)
{
	struct durable *d = durable_of(s);
	struct reload_change *c;
	if (!batch->changes_count && !d->pending) { /* it would only wait for those before it */
		if (done)
			done(arg, RELOAD_OK);
		return RELOAD_OK;
	}
	if (d->pending > PENDING_RECORDS || d->pending_bytes > PENDING_BYTES)
		return RELOAD_DATA_TOO_LARGE;
	enum reload_err err = change_put(d, &c, batch);
	if (err)
		return err;
	c->done = done;
	c->arg = arg;
	err = reload_memory_commit(d->memory, batch, &c->undo);
	if (err) {
		change_free(d, c);
		return err;
	}
	for (size_t i = 0; i < c->counters_count; i++) {
		struct reload_counter_row *row = &c->counters[i];
		row->ends = reload_memory_ends(d->memory, &row->resource, row->kind);
		reload_counter_row_seal(row);
	}
	enqueue(d, c);
	return RELOAD_OK;
}

static size_t bytes_held(const struct durable *d)
{
	size_t bytes;
	d->memory->ops->count(d->memory, 0, NULL, &bytes);
	return bytes;
}

/* Tells the file of a drop that changed anything. */
static void dropped(struct durable *d, size_t before, struct reload_change what)
{
	if (bytes_held(d) == before)
		return;
	struct reload_change *c = RELOAD_NEW(reload_change);
	*c = what;
	enqueue(d, c);
}

static void durable_drop_range(
	struct reload_storage *s, const struct reload_id *from, const struct reload_id *to)
{
	struct durable *d = durable_of(s);
	size_t before = bytes_held(d);
	d->memory->ops->drop_range(d->memory, from, to);
	dropped(d, before,
		(struct reload_change){
			.type = RELOAD_CHANGE_DROP_RANGE, .from = *from, .to = *to });
}

static void durable_drop_kind(struct reload_storage *s, uint32_t kind)
{
	struct durable *d = durable_of(s);
	size_t before = bytes_held(d);
	d->memory->ops->drop_kind(d->memory, kind);
	dropped(d, before, (struct reload_change){ .type = RELOAD_CHANGE_DROP_KIND, .kind = kind });
}

static reload_utc durable_expire(struct reload_storage *s, reload_utc now)
{
	struct durable *d = durable_of(s);
	size_t before = bytes_held(d);
	reload_utc next = d->memory->ops->expire(d->memory, now);
	dropped(d, before, (struct reload_change){ .type = RELOAD_CHANGE_EXPIRE, .now = now });
	return next;
}

static struct reload_storage *memory_of(struct reload_storage *s)
{
	return durable_of(s)->memory;
}

static uint64_t durable_generation(
	struct reload_storage *s, const struct reload_id *resource, uint32_t kind, reload_utc now)
{
	return memory_of(s)->ops->generation(memory_of(s), resource, kind, now);
}

static void durable_each(struct reload_storage *s, const struct reload_id *resource, uint32_t kind,
	reload_utc now, reload_entry_fn visit, void *arg)
{
	memory_of(s)->ops->each(memory_of(s), resource, kind, now, visit, arg);
}

static void durable_range(struct reload_storage *s, const struct reload_id *resource, uint32_t kind,
	uint32_t first, uint32_t last, reload_utc now, reload_entry_fn visit, void *arg)
{
	memory_of(s)->ops->range(memory_of(s), resource, kind, first, last, now, visit, arg);
}

static size_t durable_extent(struct reload_storage *s, const struct reload_id *resource,
	uint32_t kind, reload_utc now, uint32_t *last)
{
	return memory_of(s)->ops->extent(memory_of(s), resource, kind, now, last);
}

static const struct reload_stored_entry *durable_find(struct reload_storage *s,
	const struct reload_id *resource, uint32_t kind, const struct reload_stored_value *place,
	reload_utc now)
{
	return memory_of(s)->ops->find(memory_of(s), resource, kind, place, now);
}

static const struct reload_ended *durable_ended(struct reload_storage *s)
{
	return memory_of(s)->ops->ended(memory_of(s));
}

static bool durable_next(struct reload_storage *s, const struct reload_id *from,
	const struct reload_id *to, uint32_t kind, reload_utc now, struct reload_id *out)
{
	return memory_of(s)->ops->next(memory_of(s), from, to, kind, now, out);
}

static size_t durable_kinds(struct reload_storage *s, const struct reload_id *resource,
	reload_utc now, uint32_t *out, size_t max)
{
	return memory_of(s)->ops->kinds(memory_of(s), resource, now, out, max);
}

static size_t durable_count(struct reload_storage *s, reload_utc now, size_t *values, size_t *bytes)
{
	return memory_of(s)->ops->count(memory_of(s), now, values, bytes);
}

static void durable_free(struct reload_storage *s)
{
	struct durable *d = durable_of(s);
	struct reload_change *c;
	if (d->file) {
		pthread_mutex_lock(&d->lock);
		d->stop = true;
		pthread_cond_signal(&d->work);
		pthread_mutex_unlock(&d->lock);
		pthread_join(d->writer, NULL);
		reload_sqlite_file_free(d->file);
	}
	while ((c = changes_get(&d->queue)) || (c = changes_get(&d->finished)))
		change_free(d, c);
	reload_storage_free(d->memory);
	pthread_mutex_destroy(&d->lock);
	pthread_cond_destroy(&d->work);
	pthread_cond_destroy(&d->idle);
	free(d);
}

static bool durable_failing(struct reload_storage *s)
{
	struct durable *d = durable_of(s);
	pthread_mutex_lock(&d->lock);
	bool failing = d->failing;
	pthread_mutex_unlock(&d->lock);
	return failing;
}

static const struct reload_storage_ops durable_ops = {
	.failing = durable_failing,
	.free = durable_free,
	.commit = durable_commit,
	.flush = reload_storage_sqlite_flush,
	.generation = durable_generation,
	.each = durable_each,
	.range = durable_range,
	.extent = durable_extent,
	.find = durable_find,
	.ended = durable_ended,
	.next = durable_next,
	.kinds = durable_kinds,
	.drop_range = durable_drop_range,
	.drop_kind = durable_drop_kind,
	.expire = durable_expire,
	.count = durable_count,
};

/* --- making ------------------------------------------------------------------------------------------------------ */

static enum reload_err writer_start(struct durable *d, struct reload_why *why)
{
	sigset_t all, old;
	sigfillset(&all); /* signals are the main thread's */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int refused_by = pthread_create(&d->writer, NULL, writer, d);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!refused_by)
		return RELOAD_OK;
	return reload_why_set(
		why, RELOAD_IO, "the store", "no thread for it: %s", strerror(refused_by));
}

enum reload_err reload_storage_sqlite_open(struct reload_storage **out,
	const struct reload_sqlite_setup *setup, struct reload_why *why)
{
	struct durable *d = RELOAD_NEW(durable);
	pthread_condattr_t monotonic;
	d->base.ops = &durable_ops;
	d->notify = setup->notify;
	d->tell = setup->tell;
	d->arg = setup->arg;
	pthread_mutex_init(&d->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&d->work, &monotonic);
	pthread_cond_init(&d->idle, &monotonic);
	pthread_condattr_destroy(&monotonic);
	changes_init(&d->queue);
	changes_init(&d->finished);
	d->memory = reload_storage_memory_new(setup->max_bytes, setup->keep_generation_ms);
	enum reload_err err = reload_sqlite_file_open(&d->file, setup, d->memory, why);
	if (!err) {
		err = writer_start(d, why);
		if (err) {
			reload_sqlite_file_free(d->file);
			d->file = NULL;
		}
	}
	if (err) {
		reload_storage_free(&d->base);
		return err;
	}
	durable_expire(&d->base, setup->now);
	*out = &d->base;
	return RELOAD_OK;
}
