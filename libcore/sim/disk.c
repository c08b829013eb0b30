#include "sim/disk.h"

#include "sim/disk_copy.h"
#include "storage/front.h"

#include <bsd/sys/queue.h>
#include <stdlib.h>

enum {
	PENDING_RECORDS =
		65536, /* limits, and RETRY_MS, as in storage/sqlite_io.c and _writer_io.c */
	PENDING_BYTES = 64 << 20,
	GROUP_RECORDS = 256,
	DROPS_MAX =
		1024, /* that wait while the disk refuses; beyond that the oldest is forgotten */
	RETRY_MS = 2000,
	LONGEST = 8,        /* a write takes at most this many times the mean */
	ERRORS = 500000,    /* per million writes to a disk with errors: they fail */
	IN_FLIGHT = 500000, /* per million crashes: what is being written gets onto the disk */
	KINDS_MAX = 64      /* of a commit */
};

enum change_type {
	CHANGE_PUT,
	CHANGE_DROP_RANGE,
	CHANGE_DROP_KIND,
	CHANGE_EXPIRE
};

/* A change on its way to the disk. */
struct change {
	TAILQ_ENTRY(change) entry;
	enum change_type type;
	struct reload_storage *batch; /* put: what it stores, and nothing else */
	struct reload_id from, to;    /* put: the resource is `to`; drop */
	uint32_t kinds[KINDS_MAX];    /* put; drop: the first one */
	size_t kinds_count;
	reload_utc now; /* put, expire */
	size_t records, bytes;
	reload_committed_fn done;
	void *arg;
};

TAILQ_HEAD(change_list, change);

struct disk {
	struct reload_storage_front front; /* within: what is seen */
	struct reload_sim_body *node;
	struct reload_storage *written;
	size_t max_bytes;
	reload_ms keep_ms;
	struct change_list queue, group; /* group: being written */
	size_t records, bytes;           /* of both */
	uint64_t event; /* the one that ends the write, or tries again; 0: none is awaited */
	bool writing, failing, crashed;
	reload_ms failing_since;
};

/* What that event carries. */
struct due {
	uint64_t number;
	uint32_t node;
};

static struct disk *disk_of(struct reload_storage *s)
{
	return (struct disk *)s; /* front comes first, and its base */
}

static reload_utc wall(const struct disk *d)
{
	const struct reload_sim_node *n = &d->node->node;
	return RELOAD_SIM_EPOCH + n->sim->now + (uint64_t)n->skew_ms;
}

static void change_free(struct disk *d, struct change *c)
{
	d->records -= c->records;
	d->bytes -= c->bytes;
	reload_storage_free(c->batch);
	free(c);
}

/* -- the writer ---------------------------------------------------------------------------------------------------------------- */

static void event_at(struct disk *d, reload_ms at)
{
	struct reload_sim *s = d->node->node.sim;
	struct due due = { .number = ++s->disk_events, .node = (uint32_t)d->node->node.index };
	d->event = due.number;
	reload_sim_event_queue(s,
		reload_sim_event_new(
			s, RELOAD_SIM_DISK, NULL, 0, span_of((const uint8_t *)&due, sizeof(due))),
		at);
}

static reload_ms write_time(const struct disk *d)
{
	struct reload_sim *s = d->node->node.sim;
	reload_ms mean = s->setup.commit_time;
	reload_ms takes = mean ? (reload_ms)reload_prng_exponential(&s->prng, (double)mean) : 0;
	return takes < LONGEST * mean ? takes : LONGEST * mean;
}

/* Takes the next group; an empty one shows whether anything can be written. */
static void write_begin(struct disk *d)
{
	struct change *c;
	size_t records = 0;
	while ((c = TAILQ_FIRST(&d->queue)) &&
		(!records || records + c->records <= GROUP_RECORDS)) {
		records += c->records;
		TAILQ_REMOVE(&d->queue, c, entry);
		TAILQ_INSERT_TAIL(&d->group, c, entry);
	}
	d->writing = true;
	event_at(d, d->node->node.sim->now + write_time(d));
}

static void change_write(struct disk *d, const struct change *c)
{
	struct reload_storage *w = d->written;
	switch (c->type) {
	case CHANGE_PUT:
		for (size_t i = 0; i < c->kinds_count; i++)
			if (reload_sim_kind_copy(w, c->batch, &c->to, c->kinds[i], c->now))
				abort(); /* what is on the disk was within the quota of what is seen */
		break;
	case CHANGE_DROP_RANGE:
		w->ops->drop_range(w, &c->from, &c->to);
		break;
	case CHANGE_DROP_KIND:
		w->ops->drop_kind(w, c->kinds[0]);
		break;
	case CHANGE_EXPIRE:
		w->ops->expire(w, c->now);
		break;
	}
}

static void report(struct disk *d, struct change *c, enum reload_err err)
{
	if (c->done)
		c->done(c->arg, err);
	change_free(d, c);
}

/* -- a write that failed ------------------------------------------------------------------------------------------------------- */

/* What is not on the disk is not seen any more; what was dropped is not, either. */
static void undo(struct disk *d, const struct change_list *failed)
{
	const struct change *c;
	struct reload_storage *seen = d->front.within;
	TAILQ_FOREACH (c, failed, entry)
		if (c->type == CHANGE_PUT) {
			struct reload_id before = reload_id_before(&c->to);
			seen->ops->drop_range(seen, &before, &c->to);
		}
	TAILQ_FOREACH (c, failed, entry) {
		enum reload_err err = RELOAD_OK;
		if (c->type != CHANGE_PUT)
			continue;
		err = reload_sim_resource_copy(seen, d->written, &c->to, wall(d));
		for (size_t i = 0; i < c->kinds_count && !err; i++)
			err = reload_sim_kind_copy(seen, d->written, &c->to, c->kinds[i], wall(d));
		if (err)
			abort(); /* it was there before */
	}
	TAILQ_FOREACH (c, failed, entry)
		if (c->type == CHANGE_DROP_RANGE)
			seen->ops->drop_range(seen, &c->from, &c->to);
		else if (c->type == CHANGE_DROP_KIND)
			seen->ops->drop_kind(seen, c->kinds[0]);
}

static void write_failed(struct disk *d)
{
	struct change_list failed = TAILQ_HEAD_INITIALIZER(failed);
	struct change *c, *next;
	size_t drops = 0;
	TAILQ_CONCAT(&failed, &d->group, entry);
	TAILQ_CONCAT(&failed, &d->queue, entry);
	undo(d, &failed);
	TAILQ_FOREACH_SAFE(c, &failed, entry, next)
	{
		if (c->type == CHANGE_PUT)
			continue;
		TAILQ_REMOVE(&failed, c, entry);
		TAILQ_INSERT_TAIL(&d->queue, c, entry);
		if (++drops > DROPS_MAX) {
			c = TAILQ_FIRST(&d->queue);
			TAILQ_REMOVE(&d->queue, c, entry);
			change_free(d, c);
		}
	}
	while ((c = TAILQ_FIRST(&failed))) {
		TAILQ_REMOVE(&failed, c, entry);
		report(d, c, RELOAD_IO);
	}
}

static void write_done(struct disk *d)
{
	struct change_list done = TAILQ_HEAD_INITIALIZER(done);
	struct change *c;
	TAILQ_FOREACH (c, &d->group, entry)
		change_write(d, c);
	TAILQ_CONCAT(&done, &d->group, entry);
	while ((c = TAILQ_FIRST(&done))) {
		TAILQ_REMOVE(&done, c, entry);
		report(d, c, RELOAD_OK);
	}
}

static bool refuses(const struct disk *d)
{
	const struct reload_sim_body *n = d->node;
	return n->disk_full || (n->disk_errors && reload_prng_chance(&n->node.sim->prng, ERRORS));
}

/* The write that was begun ends. */
static void write_end(struct disk *d)
{
	d->writing = false;
	d->event = 0;
	bool was_failing = d->failing;
	d->failing = refuses(d);
	if (d->failing && !was_failing)
		d->failing_since = d->node->node.sim->now;
	if (d->failing)
		write_failed(d);
	else
		write_done(d);
	/* a done function may have queued something, which was not begun while this one wrote */
	if (d->writing || d->crashed)
		return;
	if (d->failing)
		event_at(d, d->node->node.sim->now + RETRY_MS);
	else if (!TAILQ_EMPTY(&d->queue))
		write_begin(d);
}

const struct reload_sim_node *reload_sim_disk_node(
	const struct reload_sim *s, const struct reload_sim_event *ev)
{
	struct due due;
	memcpy(&due, ev->data, sizeof(due));
	return &s->nodes[due.node].node;
}

bool reload_sim_run_disk(
	struct reload_sim *s, const struct reload_sim_event *ev, struct reload_sim_body **n)
{
	struct due due;
	memcpy(&due, ev->data, sizeof(due));
	*n = &s->nodes[due.node];
	struct disk *d = (*n)->has_disk ? disk_of((*n)->node.storage) : NULL;
	if (!d || d->event != due.number)
		return false;
	if (!d->writing) { /* it is time to try again */
		write_begin(d);
		return false;
	}
	bool failing = d->failing;
	write_end(d);
	if (d->failing != failing && (*n)->node.peer) {
		reload_sim_note(s, &(*n)->node, "disk", d->failing, 0);
		reload_peer_storage((*n)->node.peer);
	}
	return (*n)->node.peer;
}

/* -- operations ---------------------------------------------------------------------------------------------------------------- */

static void enqueue(struct disk *d, struct change *c)
{
	d->records += c->records;
	d->bytes += c->bytes;
	TAILQ_INSERT_TAIL(&d->queue, c, entry);
	if (!d->writing)
		write_begin(d);
}

static size_t bytes_of(struct reload_storage *s)
{
	size_t bytes;
	s->ops->count(s, 0, NULL, &bytes);
	return bytes;
}

static struct change *put_new(const struct disk *d, const struct reload_store_batch *batch,
	reload_committed_fn done, void *arg)
{
	struct change *c = RELOAD_NEW(change);
	*c = (struct change){ .type = CHANGE_PUT,
		.to = batch->resource,
		.now = batch->now,
		.records = 1,
		.done = done,
		.arg = arg };
	c->batch = reload_storage_memory_new(SIZE_MAX, d->keep_ms);
	if (c->batch->ops->commit(c->batch, batch, NULL, NULL))
		abort(); /* it has no quota */
	c->bytes = bytes_of(c->batch);
	for (size_t i = 0; i < batch->changes_count && i < KINDS_MAX; i++) {
		c->kinds[c->kinds_count++] = batch->changes[i].kind;
		c->records += batch->changes[i].entries_count;
	}
	return c;
}

static enum reload_err disk_commit(struct reload_storage *s, const struct reload_store_batch *batch,
	reload_committed_fn done, void *arg)
{
	struct disk *d = disk_of(s);
	if (d->crashed)
		return RELOAD_IO;
	if (!batch->changes_count && !d->records) { /* no earlier commit to wait for */
		if (done)
			done(arg, RELOAD_OK);
		return RELOAD_OK;
	}
	if (d->records > PENDING_RECORDS || d->bytes > PENDING_BYTES ||
		batch->changes_count > KINDS_MAX)
		return RELOAD_DATA_TOO_LARGE;
	struct change *c =
		put_new(d, batch, done, arg); /* before memory changes: a batch may point into it */
	enum reload_err err = d->front.within->ops->commit(d->front.within, batch, NULL, NULL);
	if (err) {
		reload_storage_free(c->batch);
		free(c);
		return err;
	}
	enqueue(d, c);
	return RELOAD_OK;
}

/* Has a drop written if it changed anything. */
static void dropped(struct disk *d, size_t before, const struct change *what)
{
	if (bytes_of(d->front.within) == before)
		return;
	struct change *c = RELOAD_NEW(change);
	*c = *what;
	c->records = 1;
	enqueue(d, c);
}

static void disk_drop_range(
	struct reload_storage *s, const struct reload_id *from, const struct reload_id *to)
{
	struct disk *d = disk_of(s);
	size_t before = bytes_of(d->front.within);
	if (d->crashed)
		return;
	d->front.within->ops->drop_range(d->front.within, from, to);
	dropped(d, before, &(struct change){ .type = CHANGE_DROP_RANGE, .from = *from, .to = *to });
}

static void disk_drop_kind(struct reload_storage *s, uint32_t kind)
{
	struct disk *d = disk_of(s);
	size_t before = bytes_of(d->front.within);
	if (d->crashed)
		return;
	d->front.within->ops->drop_kind(d->front.within, kind);
	dropped(d, before, &(struct change){ .type = CHANGE_DROP_KIND, .kinds = { kind } });
}

static reload_utc disk_expire(struct reload_storage *s, reload_utc now)
{
	struct disk *d = disk_of(s);
	size_t before = bytes_of(d->front.within);
	if (d->crashed)
		return RELOAD_NEVER;
	reload_utc next = d->front.within->ops->expire(d->front.within, now);
	dropped(d, before, &(struct change){ .type = CHANGE_EXPIRE, .now = now });
	return next;
}

static void disk_flush(struct reload_storage *s)
{
	struct disk *d = disk_of(s);
	struct change *c;
	while (!d->crashed && (d->writing || !TAILQ_EMPTY(&d->queue))) {
		if (!d->writing)
			write_begin(d);
		write_end(d);
		if (d->failing)
			return; /* what is left are drops */
	}
	while ((c = TAILQ_FIRST(&d->queue))) { /* after a crash */
		TAILQ_REMOVE(&d->queue, c, entry);
		report(d, c, RELOAD_IO);
	}
}

static bool disk_failing(struct reload_storage *s)
{
	return disk_of(s)->failing;
}

static void changes_free(struct disk *d, struct change_list *list)
{
	struct change *c;
	while ((c = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, c, entry);
		change_free(d, c);
	}
}

static void disk_free(struct reload_storage *s)
{
	struct disk *d = disk_of(s);
	changes_free(d, &d->group);
	changes_free(d, &d->queue);
	reload_storage_free(d->front.within);
	reload_storage_free(d->written);
	free(d);
}

static const struct reload_storage_ops disk_ops = {
	.free = disk_free,
	.commit = disk_commit,
	.flush = disk_flush,
	.failing = disk_failing,
	RELOAD_FRONT_READS,
	.drop_range = disk_drop_range,
	.drop_kind = disk_drop_kind,
	.expire = disk_expire,
};

/* -- the life of a disk -------------------------------------------------------------------------------------------------------- */

struct reload_storage *reload_sim_disk_new(
	struct reload_sim_body *n, size_t max_bytes, reload_ms keep_generation_ms)
{
	struct disk *d = RELOAD_NEW(disk);
	d->front.base.ops = &disk_ops;
	d->node = n;
	d->max_bytes = max_bytes;
	d->keep_ms = keep_generation_ms;
	d->front.within = reload_storage_memory_new(max_bytes, keep_generation_ms);
	d->written = reload_storage_memory_new(SIZE_MAX, keep_generation_ms);
	TAILQ_INIT(&d->queue);
	TAILQ_INIT(&d->group);
	return &d->front.base;
}

void reload_sim_disk_crash(struct reload_storage *s)
{
	struct disk *d = disk_of(s);
	struct change *c;
	if (d->writing && !refuses(d) && reload_prng_chance(&d->node->node.sim->prng, IN_FLIGHT))
		TAILQ_FOREACH (c, &d->group, entry)
			change_write(d, c);
	while ((c = TAILQ_LAST(&d->group, change_list))) {
		TAILQ_REMOVE(&d->group, c, entry);
		TAILQ_INSERT_HEAD(&d->queue, c, entry);
	}
	d->crashed = true;
	d->writing = false;
	d->event = 0;
}

void reload_sim_disk_back(struct reload_storage *s)
{
	struct disk *d = disk_of(s);
	changes_free(d, &d->queue);
	reload_storage_free(d->front.within);
	d->front.within = reload_storage_memory_new(d->max_bytes, d->keep_ms);
	reload_sim_storage_copy(d->front.within, d->written, wall(d));
	d->crashed = d->failing = false;
}

reload_ms reload_sim_disk_failing_since(const struct reload_sim_node *n)
{
	const struct reload_sim_body *b = (const struct reload_sim_body *)n;
	const struct disk *d = b->has_disk && n->storage ? disk_of(n->storage) : NULL;
	return d && d->failing ? d->failing_since : RELOAD_NEVER;
}

bool reload_sim_disk_has(const struct reload_sim_node *n, const struct reload_id *resource,
	uint32_t kind, const struct reload_stored_value *place, uint64_t storage_time)
{
	const struct reload_sim_body *b = (const struct reload_sim_body *)n;
	if (!b->has_disk || !n->storage)
		return true;
	struct reload_storage *w = disk_of(n->storage)->written;
	const struct reload_stored_entry *e = w->ops->find(w, resource, kind, place, 0);
	return e && e->data.storage_time >= storage_time;
}
