#include "engine/engine.h"

#include "util/alloc.h"

#include <assert.h>
#include <stdlib.h>

struct reload_engine *reload_engine_new(const struct reload_host_ops *ops, void *host,
	struct reload_config *config, const struct reload_id *self)
{
	struct reload_engine *e = RELOAD_NEW(reload_engine);
	e->ops = ops;
	e->host = host;
	e->config = reload_config_ref(config);
	e->ctx = reload_config_wire_ctx(config);
	e->self = *self;
	e->now = e->started = ops->now(host);
	e->wall = ops->wall(host);
	return e;
}

void reload_engine_free(struct reload_engine *e)
{
	if (!e)
		return;
	assert(reload_timers_next(&e->timers) == RELOAD_NEVER); /* a room has left one behind */
	reload_config_free(e->config);
	free(e);
}

void reload_engine_enter(struct reload_engine *e)
{
	assert(!e->inside); /* a function of the host called back */
	e->inside = true;
	e->cause = 0;
	e->now = e->ops->now(e->host);
	e->wall = e->ops->wall(e->host);
}

void reload_engine_exit(struct reload_engine *e)
{
	reload_timers_run(&e->timers, e->now);
	e->inside = false;
	e->results.deliver(e->results.arg);
	e->ops->wake_at(e->host, reload_timers_next(&e->timers));
}

void reload_engine_exit_deferred(struct reload_engine *e)
{
	e->inside = false;
	e->ops->wake_at(e->host,
		e->results.waiting(e->results.arg) ? e->now : reload_timers_next(&e->timers));
}

void reload_engine_event(struct reload_engine *e, const struct reload_event *ev)
{
	e->ops->event(e->host, ev);
}

void reload_engine_drop(struct reload_engine *e, enum reload_counter counter, uint32_t link,
	uint64_t transaction, const char *reason)
{
	reload_engine_count(e, counter);
	reload_engine_event(e, &(struct reload_event){ .type = RELOAD_EV_DROPPED,
				       .link = link,
				       .transaction = transaction,
				       .reason = reason });
}

void reload_engine_job(struct reload_engine *e, struct reload_job *job,
	void (*done)(void *arg, struct reload_job *job), void *arg)
{
	job->done = done;
	job->arg = arg;
	job->share = e->cause;
	e->jobs++;
	reload_engine_count(
		e, job->kind == RELOAD_JOB_SIGN ? RELOAD_COUNT_SIGNED : RELOAD_COUNT_VERIFIED);
	e->ops->job(e->host, job);
}

void reload_engine_job_done(struct reload_engine *e, struct reload_job *job)
{
	e->jobs--;
	job->done(job->arg, job);
	reload_job_free(job);
}

uint64_t reload_engine_random64(struct reload_engine *e)
{
	uint64_t v = 0;
	while (!v)
		e->ops->random(e->host, &v, sizeof(v));
	return v;
}

reload_ms reload_engine_random_ms(struct reload_engine *e, reload_ms below)
{
	return below ? reload_engine_random64(e) % below : 0;
}

reload_ms reload_engine_jitter(struct reload_engine *e, reload_ms ms)
{
	return ms / 2 + reload_engine_random_ms(e, ms);
}
