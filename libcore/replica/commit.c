#include "replica/internal.h"

/*
 * Commits on their way to the disk.  A storage reports the end from inside its commit(), or later from the host's loop: then
 * it is an input of the engine like any other.  One that comes while the engine is at work on something else (the storage
 * was asked for more) waits until that is done.
 *
 * A node that ends waits for what its storage has begun (flush), and gets no result of what has not ended then.
 */

struct commit {
	TAILQ_ENTRY(commit) entry;
	struct reload_replica *replica; /* NULL: it has ended */
	committed_fn fn;
	void *arg;
	struct reload_id resource;
	enum reload_err err;
	struct reload_timer soon;
};

static void commit_free(struct commit *c)
{
	TAILQ_REMOVE(&c->replica->commits, c, entry);
	reload_timer_cancel(&c->replica->engine->timers, &c->soon);
	free(c);
}

static void commit_report(void *arg)
{
	struct commit *c = arg;
	struct reload_replica *rep = c->replica;
	struct commit done = *c;
	if (rep->committing == c)
		rep->committing = NULL;
	commit_free(c);
	done.fn(rep, done.arg, &done.resource, done.err);
}

static void commit_done(void *arg, enum reload_err err)
{
	struct commit *c = arg;
	struct reload_replica *rep = c->replica;
	c->err = err;
	if (!rep) {
		free(c);
	} else if (rep->engine->closing) {
		commit_free(c);
	} else if (rep->committing == c) { /* its commit() has not returned */
		commit_report(c);
	} else if (rep->engine->inside) {
		reload_timer_arm(
			&rep->engine->timers, &c->soon, rep->engine->now, commit_report, c);
	} else {
		reload_engine_enter(rep->engine);
		commit_report(c);
		reload_engine_exit(rep->engine);
	}
}

enum reload_err reload_commit(struct reload_replica *rep, const struct reload_store_batch *batch,
	committed_fn fn, void *arg)
{
	struct commit *c = RELOAD_NEW(commit);
	c->replica = rep;
	c->fn = fn;
	c->arg = arg;
	c->resource = batch->resource;
	TAILQ_INSERT_TAIL(&rep->commits, c, entry);
	rep->committing = c;
	enum reload_err err = rep->storage->ops->commit(rep->storage, batch, commit_done, c);
	rep->committing = NULL;
	if (err)
		commit_free(c);
	return err;
}

void reload_commits_clear(struct reload_replica *rep)
{
	struct commit *c;
	if (!TAILQ_EMPTY(&rep->commits) && rep->storage->ops->flush)
		rep->storage->ops->flush(rep->storage);
	while ((c = TAILQ_FIRST(&rep->commits))) {
		TAILQ_REMOVE(&rep->commits, c, entry);
		reload_timer_cancel(&rep->engine->timers, &c->soon);
		c->replica = NULL;
	}
}
