#include "exchange/internal.h"

/* Requests of this node: made, kept while jobs refer to them, ended and reported. */

static void list_expect(struct reload_request *r, const struct reload_destination *target)
{
	r->expect = RELOAD_EXPECT_ANYBODY;
	if (target->type == RELOAD_DEST_NODE) {
		r->target = target->node;
		r->expect = reload_id_is_wildcard(&target->node) ? RELOAD_EXPECT_LINK_PEER
								 : RELOAD_EXPECT_NODE;
	} else if (target->type == RELOAD_DEST_RESOURCE &&
		   !reload_id_from(&r->target, target->resource)) {
		r->expect = RELOAD_EXPECT_RESOURCE;
	}
}

static struct reload_request *request_make(struct reload_exchange *x, uint16_t code,
	const struct reload_destination *list, size_t count)
{
	struct reload_request *r = RELOAD_NEW(reload_request);
	r->exchange = x;
	r->code = code;
	r->method = reload_method_row(x, code);
	r->started_at = x->engine->now;
	reload_list_write(&r->list, &x->engine->ctx, list, count);
	list_expect(r, &list[count - 1]);
	r->transaction.id = reload_engine_random64(x->engine);
	TAILQ_INSERT_TAIL(&x->requests, r, entry);
	x->requests_count++;
	reload_engine_count(x->engine, RELOAD_COUNT_REQUESTS);
	return r;
}

struct reload_request *reload_request_new(struct reload_exchange *x, uint16_t code,
	const struct reload_request_target *target, reload_result_fn fn, void *arg,
	enum reload_err *err)
{
	*err = RELOAD_OK;
	if (!target->count)
		*err = RELOAD_USAGE;
	else if (x->requests_count >= x->policy.max_requests)
		*err = RELOAD_LIMIT;
	else if (x->engine->closing)
		*err = RELOAD_NOT_JOINED;
	struct wr probe;
	wr_init(&probe);
	reload_list_write(&probe, &x->engine->ctx, target->list, target->count);
	if (!*err && (probe.err || reload_list_check(wr_done(&probe), &x->engine->ctx, false) ||
			     reload_list_repeats(wr_done(&probe), &x->engine->ctx)))
		*err = RELOAD_USAGE;
	wr_clear(&probe);
	if (*err)
		return NULL;
	struct reload_request *r = request_make(x, code, target->list, target->count);
	r->timeout_ms = target->timeout_ms;
	r->dry_run = target->dry_run;
	r->fn = fn;
	r->arg = arg;
	return r;
}

struct reload_request *reload_request_internal(struct reload_exchange *x, uint16_t code,
	const struct reload_destination *list, size_t count, reload_request_end_fn on_end,
	void *arg)
{
	struct reload_request *r = request_make(x, code, list, count);
	r->on_end = on_end;
	r->on_end_arg = arg;
	return r;
}

enum {
	INDUCED_PER_NODE = 4
};

static void induced_ended(void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct reload_exchange *x = r->exchange;
	(void)result;
	x->induced[(uintptr_t)arg].code = 0;
	size_t i = 0;
	while (i < RELOAD_INDUCED_MAX && !x->induced[i].code)
		i++;
	if (i == RELOAD_INDUCED_MAX)
		free(TAKE(x->induced));
}

struct reload_request *reload_request_induced(struct reload_exchange *x, uint16_t code,
	const struct reload_id *node, const struct reload_destination *list, size_t count)
{
	size_t slot = RELOAD_INDUCED_MAX, same = 0;
	if (!x->induced)
		x->induced = reload_alloc_array(RELOAD_INDUCED_MAX, sizeof(*x->induced));
	for (size_t i = 0; i < RELOAD_INDUCED_MAX; i++)
		if (!x->induced[i].code)
			slot = i;
		else if (x->induced[i].code == code && reload_id_eq(&x->induced[i].node, node))
			same++;
	if (slot == RELOAD_INDUCED_MAX || same >= INDUCED_PER_NODE)
		return NULL;
	x->induced[slot].code = code;
	x->induced[slot].node = *node;
	return reload_request_internal(
		x, code, list, count, induced_ended, (void *)(uintptr_t)slot);
}

void reload_request_free(struct reload_request *r)
{
	struct reload_exchange *x = r->exchange;
	reload_transaction_end(&r->transaction);
	reload_timer_cancel(&x->engine->timers, &r->resend_timer);
	if (r->ended)
		TAILQ_REMOVE(&x->done, r, entry);
	else
		TAILQ_REMOVE(&x->requests, r, entry);
	x->requests_count--;
	if (r->answer)
		reload_incoming_free(r->answer, true);
	wr_clear(&r->contents);
	wr_clear(&r->tail);
	wr_clear(&r->list);
	wr_clear(&r->way_here);
	wr_clear(&r->certificates);
	if (r->work)
		r->work_free(r->work);
	free(r);
}

void reload_request_end(struct reload_request *r)
{
	struct reload_exchange *x = r->exchange;
	reload_transaction_end(&r->transaction);
	reload_timer_cancel(&x->engine->timers, &r->resend_timer);
	r->result.transaction = r->transaction.id;
	r->result.transmissions = r->transaction.transmissions;
	r->result.way_here = wr_done(&r->way_here);
	TAILQ_REMOVE(&x->requests, r, entry);
	TAILQ_INSERT_TAIL(&x->done, r, entry);
	r->ended = true;
	if (r->on_end && !x->engine->closing)
		r->on_end(r->on_end_arg, r, &r->result);
	else if (!x->engine->closing)
		x->watch->ended(x->watch_arg);
	if ((r->on_end || r->cancelled) && !r->pending_jobs)
		reload_request_free(r);
}

void reload_request_fail(struct reload_request *r, enum reload_err err, const char *reason)
{
	if (r->ended)
		return;
	r->result.err = err;
	r->result.reason = reason;
	reload_request_end(r);
}

void reload_request_stop(struct reload_request *r)
{
	if (r->cancelled)
		return;
	r->cancelled = true;
	if (!r->ended)
		reload_request_end(r);
}

void reload_request_hold(struct reload_request *r)
{
	r->pending_jobs++;
}

bool reload_request_release(struct reload_request *r)
{
	r->pending_jobs--;
	if (!r->ended)
		return true;
	if (!r->pending_jobs && (r->on_end || r->cancelled))
		reload_request_free(r);
	return false;
}

size_t reload_requests_under_way(const struct reload_exchange *x, reload_ms *oldest)
{
	const struct reload_request *first = TAILQ_FIRST(&x->requests), *r;
	reload_ms oldest_start = first ? first->started_at : RELOAD_NEVER;
	TAILQ_FOREACH (r, &x->done, entry) /* their signatures are still being made */
		oldest_start = r->started_at < oldest_start ? r->started_at : oldest_start;
	if (oldest)
		*oldest = oldest_start;
	return x->requests_count;
}

bool reload_requests_open(const struct reload_exchange *x)
{
	return !TAILQ_EMPTY(&x->requests);
}

void reload_requests_hasten(struct reload_exchange *x)
{
	struct reload_request *r;
	TAILQ_FOREACH (r, &x->requests, entry)
		if (r->no_next_hop)
			reload_transaction_hasten(&r->transaction);
}

void reload_requests_end(struct reload_exchange *x, enum reload_err err)
{
	struct reload_request *r, *next;
	for (r = TAILQ_FIRST(&x->requests); r; r = next) {
		next = TAILQ_NEXT(r, entry);
		if (r->fn && !r->cancelled)
			reload_request_fail(r, err, "this node has left the overlay");
	}
}

void reload_requests_cancel(
	struct reload_exchange *x, reload_request_end_fn on_end, const struct reload_id *to)
{
	struct reload_request *r, *next;
	for (r = TAILQ_FIRST(&x->requests); r; r = next) {
		next = TAILQ_NEXT(r, entry);
		if (r->on_end == on_end && reload_id_eq(&r->target, to))
			reload_request_fail(r, RELOAD_CANCELLED, "overtaken by a later message");
	}
}

size_t reload_requests_bytes(const struct reload_exchange *x)
{
	const struct reload_request *r;
	size_t bytes = 0;
	TAILQ_FOREACH (r, &x->requests, entry)
		bytes += r->contents.cap + r->tail.cap + r->list.cap + r->certificates.cap;
	return bytes;
}

bool reload_requests_of_host(const struct reload_exchange *x)
{
	const struct reload_request *r;
	TAILQ_FOREACH (r, &x->requests, entry)
		if (r->fn && !r->cancelled)
			return true;
	return false;
}

bool reload_requests_waiting(void *arg)
{
	const struct reload_exchange *x = arg;
	return !TAILQ_EMPTY(&x->done);
}

void reload_requests_complete(void *arg)
{
	struct reload_exchange *x = arg;
	if (x->completing)
		return; /* a result function made this call: the outer loop goes on */
	x->completing = true;
	for (struct reload_request *r = TAILQ_FIRST(&x->done), *next; r; r = next) {
		next = TAILQ_NEXT(r, entry);
		if (r->pending_jobs)
			continue; /* a signature is still being made for it */
		if (r->fn && !r->cancelled) {
			r->cancelled = true;
			r->fn(r->arg, &r->result);
			next = TAILQ_NEXT(r, entry);
		}
		reload_request_free(r);
	}
	x->completing = false;
}
