#include "peer/internal.h"

/*
 * Commits on their way to the disk.  A storage tells the end from inside its commit(), or later from the host's loop: then
 * it is an input of the engine like any other.  One that comes while the engine is at work on something else (the storage
 * was asked for more) waits until that is done.
 *
 * A node that ends waits for what its storage has begun (flush), and of what is not told then it hears nothing more.
 */

struct commit {
	TAILQ_ENTRY(commit) entry;
	struct reload_peer *peer; /* NULL: it has ended */
	committed_fn fn;
	void *arg;
	struct reload_id resource;
	enum reload_err err;
	struct reload_timer soon;
};

static void commit_free(struct commit *c)
{
	TAILQ_REMOVE(&c->peer->commits, c, entry);
	reload_timer_cancel(&c->peer->engine->timers, &c->soon);
	free(c);
}

static void commit_tell(void *arg)
{
	struct commit *c = arg;
	struct reload_peer *p = c->peer;
	struct commit told = *c;
	if (p->committing == c)
		p->committing = NULL;
	commit_free(c);
	told.fn(p, told.arg, &told.resource, told.err);
}

static void commit_done(void *arg, enum reload_err err)
{
	struct commit *c = arg;
	struct reload_peer *p = c->peer;
	c->err = err;
	if (!p) {
		free(c);
	} else if (p->engine->closing) {
		commit_free(c);
	} else if (p->committing == c) { /* its commit() has not returned */
		commit_tell(c);
	} else if (p->engine->inside) {
		reload_timer_arm(&p->engine->timers, &c->soon, p->engine->now, commit_tell, c);
	} else {
		reload_engine_enter(p->engine);
		commit_tell(c);
		reload_engine_exit(p->engine);
	}
}

enum reload_err reload_commit(
	struct reload_peer *p, const struct reload_store_batch *batch, committed_fn fn, void *arg)
{
	struct commit *c = RELOAD_NEW(commit);
	c->peer = p;
	c->fn = fn;
	c->arg = arg;
	c->resource = batch->resource;
	TAILQ_INSERT_TAIL(&p->commits, c, entry);
	p->committing = c;
	enum reload_err err = p->storage->ops->commit(p->storage, batch, commit_done, c);
	p->committing = NULL;
	if (err)
		commit_free(c);
	return err;
}

void reload_commits_clear(struct reload_peer *p)
{
	struct commit *c;
	if (!TAILQ_EMPTY(&p->commits) && p->storage->ops->flush)
		p->storage->ops->flush(p->storage);
	while ((c = TAILQ_FIRST(&p->commits))) {
		TAILQ_REMOVE(&p->commits, c, entry);
		reload_timer_cancel(&p->engine->timers, &c->soon);
		c->peer = NULL;
	}
}
