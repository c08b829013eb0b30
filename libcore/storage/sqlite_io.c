/*
 * The queue between memory and the file.
 *
 *	commit -> memory, queue -> [writer: one transaction] -> finished -> complete: done(OK)
 *	                                    | failed
 *	                                    v
 *	          stalled: the writer stops; complete undoes in memory all that is not durable, calls done(IO), and wakes the writer
 */
#include "storage/sqlite_io.h"

#include "storage/sqlite_writer_io.h"
#include "util/alloc.h"

#include <assert.h>
#include <stdlib.h>

enum {
	PENDING_RECORDS = 65536,
	PENDING_BYTES = 64 * 1024 * 1024,
	RETRY_MAX = 1024
};

static struct sqlite_storage *sqlite_of(struct reload_storage *s)
{
	return (struct sqlite_storage *)s; /* front comes first, and its base */
}

static void change_free(struct sqlite_storage *d, struct reload_change *c)
{
	for (size_t i = 0; i < c->rows_count; i++)
		reload_row_clear(&c->rows[i]);
	free(c->rows);
	free(c->counters);
	reload_memory_undo_free(d->front.within, c->undo);
	free(c);
}

/* --- completing ---------------------------------------------------------------------------------------------------- */

/* From the last one to the first, so that each finds memory as its commit left it. */
static void take_back(struct sqlite_storage *d, struct changes *failed)
{
	size_t count = 0, n = 0;
	for (struct reload_change *c = failed->first; c; c = c->next)
		count++;
	struct reload_change **all = reload_alloc_array(count + 1, sizeof(struct reload_change *));
	for (struct reload_change *c = failed->first; c; c = c->next)
		all[n++] = c;
	while (n--)
		if (all[n]->undo)
			reload_memory_undo(d->front.within, TAKE(all[n]->undo));
	free(all);
}

static void drop_again(struct sqlite_storage *d, const struct reload_change *c)
{
	switch (c->type) {
	case RELOAD_CHANGE_DROP_RANGE:
		d->front.within->ops->drop_range(d->front.within, &c->from, &c->to);
		break;
	case RELOAD_CHANGE_DROP_KIND:
		d->front.within->ops->drop_kind(d->front.within, c->kind);
		break;
	case RELOAD_CHANGE_PUT:
	case RELOAD_CHANGE_EXPIRE:
		break; /* expired values are recognised by their times */
	}
}

/* Splits the failed changes: batches go to out and are refused; drops go back into the queue, in front of all others. */
static void refused(struct sqlite_storage *d, struct changes *failed, struct changes *out)
{
	struct changes retry_queue;
	struct reload_change *c;
	size_t count = 0;
	changes_init(&retry_queue);
	take_back(d, failed);
	while ((c = changes_get(failed))) {
		drop_again(d, c);
		if (c->type == RELOAD_CHANGE_PUT) {
			changes_put(out, c);
			continue;
		}
		changes_put(&retry_queue, c);
		if (++count > RETRY_MAX) {
			c = changes_get(&retry_queue);
			d->pending -= records_of(c);
			change_free(d, c);
		}
	}
	pthread_mutex_lock(&d->lock);
	while ((c = changes_get(&retry_queue)))
		changes_put(&d->queue, c);
	pthread_mutex_unlock(&d->lock);
}

/* Takes the finished changes; *failed gets, in order, all changes that will not become durable. */
static bool collect(struct sqlite_storage *d, struct changes *finished, struct changes *failed)
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

static void report_health(struct sqlite_storage *d)
{
	char reason[sizeof(d->reason)];
	pthread_mutex_lock(&d->lock);
	bool failing = d->failing, renewed = d->renewed;
	d->renewed = false;
	memcpy(reason, d->reason, sizeof(reason));
	pthread_mutex_unlock(&d->lock);
	if (renewed && d->on_event)
		d->on_event(d->arg, RELOAD_STORAGE_RENEWED, NULL, 0);
	if (failing == d->reported_failed)
		return;
	d->reported_failed = failing;
	if (d->on_event)
		d->on_event(d->arg, failing ? RELOAD_STORAGE_FAILED : RELOAD_STORAGE_RECOVERED,
			failing ? reason : NULL, 0);
}

void reload_storage_sqlite_complete(struct reload_storage *s)
{
	struct sqlite_storage *d = sqlite_of(s);
	struct changes finished, failed;
	struct reload_change *c;
	assert(!d->completing);
	d->completing = true;
	changes_init(&finished);
	changes_init(&failed);
	if (collect(d, &finished, &failed)) {
		refused(d, &failed, &finished);
		pthread_mutex_lock(&d->lock);
		d->stalled = false;
		pthread_mutex_unlock(&d->lock);
		pthread_cond_signal(&d->work);
	}
	report_health(d);
	while ((c = changes_get(&finished))) {
		d->pending -= records_of(c);
		d->pending_bytes -= c->bytes;
		if (c->done)
			c->done(c->arg, c->err);
		change_free(d, c);
	}
	d->completing = false;
}

void reload_storage_sqlite_flush(struct reload_storage *s)
{
	struct sqlite_storage *d = sqlite_of(s);
	bool more = true;
	while (more) {
		pthread_mutex_lock(&d->lock);
		while ((d->wanted || d->writing) && !d->stalled)
			pthread_cond_wait(&d->idle, &d->lock);
		pthread_mutex_unlock(&d->lock);
		reload_storage_sqlite_complete(s);
		pthread_mutex_lock(&d->lock);
		more = d->wanted || d->finished.first;
		pthread_mutex_unlock(&d->lock);
	}
}

/* --- operations -------------------------------------------------------------------------------------------------- */

static enum reload_err change_put(struct sqlite_storage *d, struct reload_change **out,
	const struct reload_store_batch *batch)
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

static enum reload_err sqlite_commit(struct reload_storage *s,
	const struct reload_store_batch *batch, reload_committed_fn done, void *arg)
{
	struct sqlite_storage *d = sqlite_of(s);
	struct reload_change *c;
	if (!batch->changes_count &&
		!d->pending) { /* nothing to write, and no earlier commit to wait for */
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
	err = reload_memory_commit(d->front.within, batch, &c->undo);
	if (err) {
		change_free(d, c);
		return err;
	}
	for (size_t i = 0; i < c->counters_count; i++) {
		struct reload_counter_row *row = &c->counters[i];
		row->ends = reload_memory_ends(d->front.within, &row->resource, row->kind);
		reload_counter_row_finish(row);
	}
	reload_sqlite_enqueue(d, c);
	return RELOAD_OK;
}

static size_t bytes_held(const struct sqlite_storage *d)
{
	size_t bytes;
	d->front.within->ops->count(d->front.within, 0, NULL, &bytes);
	return bytes;
}

/* Has a drop written to the file if it changed anything in memory. */
static void dropped(struct sqlite_storage *d, size_t before, struct reload_change what)
{
	if (bytes_held(d) == before)
		return;
	struct reload_change *c = RELOAD_NEW(reload_change);
	*c = what;
	reload_sqlite_enqueue(d, c);
}

static void sqlite_drop_range(
	struct reload_storage *s, const struct reload_id *from, const struct reload_id *to)
{
	struct sqlite_storage *d = sqlite_of(s);
	size_t before = bytes_held(d);
	d->front.within->ops->drop_range(d->front.within, from, to);
	dropped(d, before,
		(struct reload_change){
			.type = RELOAD_CHANGE_DROP_RANGE, .from = *from, .to = *to });
}

static void sqlite_drop_kind(struct reload_storage *s, uint32_t kind)
{
	struct sqlite_storage *d = sqlite_of(s);
	size_t before = bytes_held(d);
	d->front.within->ops->drop_kind(d->front.within, kind);
	dropped(d, before, (struct reload_change){ .type = RELOAD_CHANGE_DROP_KIND, .kind = kind });
}

static reload_utc sqlite_expire(struct reload_storage *s, reload_utc now)
{
	struct sqlite_storage *d = sqlite_of(s);
	size_t before = bytes_held(d);
	reload_utc next = d->front.within->ops->expire(d->front.within, now);
	dropped(d, before, (struct reload_change){ .type = RELOAD_CHANGE_EXPIRE, .now = now });
	return next;
}

static void sqlite_free(struct reload_storage *s)
{
	struct sqlite_storage *d = sqlite_of(s);
	struct reload_change *c;
	if (d->file) {
		reload_sqlite_writer_stop(d);
		reload_sqlite_file_free(d->file);
	}
	while ((c = changes_get(&d->queue)) || (c = changes_get(&d->finished)))
		change_free(d, c);
	reload_storage_free(d->front.within);
	pthread_mutex_destroy(&d->lock);
	pthread_cond_destroy(&d->work);
	pthread_cond_destroy(&d->idle);
	free(d);
}

static bool sqlite_failing(struct reload_storage *s)
{
	struct sqlite_storage *d = sqlite_of(s);
	pthread_mutex_lock(&d->lock);
	bool failing = d->failing;
	pthread_mutex_unlock(&d->lock);
	return failing;
}

static const struct reload_storage_ops sqlite_ops = {
	.failing = sqlite_failing,
	.free = sqlite_free,
	.commit = sqlite_commit,
	.flush = reload_storage_sqlite_flush,
	RELOAD_FRONT_READS,
	.drop_range = sqlite_drop_range,
	.drop_kind = sqlite_drop_kind,
	.expire = sqlite_expire,
};

/* --- making ------------------------------------------------------------------------------------------------------ */

enum reload_err reload_storage_sqlite_open(struct reload_storage **out,
	const struct reload_sqlite_setup *setup, struct reload_error_text *why)
{
	struct sqlite_storage *d = RELOAD_NEW(sqlite_storage);
	pthread_condattr_t monotonic;
	d->front.base.ops = &sqlite_ops;
	d->notify = setup->notify;
	d->on_event = setup->on_event;
	d->arg = setup->arg;
	pthread_mutex_init(&d->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&d->work, &monotonic);
	pthread_cond_init(&d->idle, &monotonic);
	pthread_condattr_destroy(&monotonic);
	changes_init(&d->queue);
	changes_init(&d->finished);
	d->front.within = reload_storage_memory_new(setup->max_bytes, setup->keep_generation_ms);
	enum reload_err err = reload_sqlite_file_open(&d->file, setup, d->front.within, why);
	if (!err) {
		err = reload_sqlite_writer_start(d, why);
		if (err) {
			reload_sqlite_file_free(d->file);
			d->file = NULL;
		}
	}
	if (err) {
		reload_storage_free(&d->front.base);
		return err;
	}
	sqlite_expire(&d->front.base, setup->now);
	*out = &d->front.base;
	return RELOAD_OK;
}
