/* Renewals: fetch what is stored at the place, then sign and store the value again. */
#include "renewals_internal.h"

#include "common/options.h"
#include "random.h"
#include "rpc.h"
#include "storage/lapsed.h"

enum {
	RUNNING_MAX = 4,          /* renewals at a time; others wait */
	BUSY_MS = 100,            /* before a renewal that had to wait is tried again */
	AFTER_JOIN_MS = 200,      /* the first of them after a join */
	SPREAD_MS = 25,           /* between one and the next */
	RENEW_MIN_MS = 500,       /* the minimum time between two renewals of a value */
	RETRY_MIN_MS = 200,       /* after the first failure; doubled with each */
	RETRY_MAX_MS = 10 * 60000 /* and at most 1/8 of the lifetime */
};

/* A random number below limit, so that nodes that joined together do not renew at the same times for ever. */
static uint64_t jitter(uint64_t limit)
{
	return limit ? agent_chance() % limit : 0;
}

static void renew(void *arg);

static void plan(struct renewal *v, reload_ms in_ms)
{
	v->next = cli_now() + in_ms;
	reload_timer_arm(reload_poll_timers(v->all->agent->poll), &v->timer,
		reload_poll_now() + in_ms, renew, v);
}

void renewal_schedule(struct renewal *v)
{
	uint64_t lifetime_ms = (uint64_t)v->lifetime_s * RELOAD_SECOND,
		 in = lifetime_ms / 4 * 3 - jitter(lifetime_ms / 16);
	plan(v, in < RENEW_MIN_MS ? RENEW_MIN_MS : in);
}

void renewal_schedule_now(struct renewal *v, size_t nth)
{
	plan(v, AFTER_JOIN_MS + nth * SPREAD_MS + jitter(AFTER_JOIN_MS));
}

static void ended(struct renewal *v)
{
	v->request = NULL;
	v->all->running--;
}

static void emit(const struct renewal *v, enum reload_event_type type, enum reload_err err)
{
	agent_event(v->all->agent, &(struct reload_event){ .type = type,
					   .err = err,
					   .kind = v->kind,
					   .resource = &v->resource,
					   .count = v->renewals });
}

static void failed(struct renewal *v, enum reload_err err)
{
	reload_ms limit = (uint64_t)v->lifetime_s * RELOAD_SECOND / 8;
	if (limit > RETRY_MAX_MS)
		limit = RETRY_MAX_MS;
	if (limit < RENEW_MIN_MS)
		limit = RENEW_MIN_MS;
	reload_ms in = reload_doubled(RETRY_MIN_MS, v->failures, limit);
	v->failures++;
	v->last_error = err;
	plan(v, in + jitter(RETRY_MIN_MS));
	emit(v, RELOAD_EV_RENEWAL_FAILED, err);
}

static void gave_way(struct renewal *v)
{
	v->superseded = true;
	v->last_error = RELOAD_DATA_TOO_OLD;
	v->next = 0;
	renewals_dirty(v->all);
	emit(v, RELOAD_EV_RENEWAL_SUPERSEDED, RELOAD_DATA_TOO_OLD);
}

static void stored(void *arg, const struct reload_result *r)
{
	struct renewal *v = arg;
	ended(v);
	if (r->err || !r->answer || !r->answer->body_decoded ||
		!r->answer->body.store_ans.kind_responses_count) {
		failed(v,
			r->err ? r->err
			       : RELOAD_BAD_ANSWER); /* when another writer was faster, the next fetch shows it */
		return;
	}
	v->stored = v->storing;
	v->generation = r->answer->body.store_ans.kind_responses[0].generation_counter;
	v->failures = 0;
	v->last_error = RELOAD_OK;
	v->renewals++;
	renewal_schedule(v);
	renewals_dirty(v->all);
	emit(v, RELOAD_EV_RENEWED, RELOAD_OK);
}

/* The value that is stored at the place now; NULL when there is none that is valid. */
static const struct reload_fetched *present(const struct renewal *v, const struct reload_result *r)
{
	for (size_t i = 0; i < r->values_count; i++) {
		const struct reload_fetched *f = &r->values[i];
		if (!f->synthetic && !f->err && f->data->value.index == v->value.index &&
			span_eq(f->data->value.key, v->value.key))
			return f;
	}
	return NULL;
}

/* Whether another writer, or this user at another node, stored something else there after this agent did. */
static bool newer(const struct renewal *v, const struct reload_fetched *f)
{
	const struct reload_credentials *own = v->all->agent->credentials;
	bool same = f->data->value.exists && span_eq(f->data->value.value, v->value.value) &&
		    reload_id_eq(&f->signer, &own->node);
	return !same && f->data->storage_time > v->stored;
}

/* The storage time always rises, even if the clock is set back; a time so far ahead that no storer accepts it is ignored (STO-26). */
static reload_utc after(reload_utc before, reload_utc time)
{
	return time > before || reload_time_ahead(before, cli_now()) ? time : before + 1;
}

static void store(struct renewal *v, const struct reload_fetched *f, uint64_t generation)
{
	struct agent_renewals *k = v->all;
	enum reload_err err = RELOAD_OK;
	struct reload_destination to = reload_dest_resource(&v->resource);
	struct reload_request_target target = { .list = &to, .count = 1 };
	v->storing = after(v->stored, cli_now());
	if (f)
		v->storing = after(f->data->storage_time, v->storing);
	struct reload_store_item item = { .kind = v->kind,
		.generation = generation,
		.value = v->value,
		.lifetime_s = v->lifetime_s,
		.storage_time = v->storing };
	v->request =
		reload_peer_store(k->agent->peer, &target, &v->resource, &item, 1, stored, v, &err);
	if (v->request)
		k->running++;
	else
		failed(v, err);
}

struct reload_request *renewal_withdraw(struct renewal *v, reload_result_fn fn, void *arg)
{
	enum reload_err err = RELOAD_OK;
	struct reload_destination to = reload_dest_resource(&v->resource);
	struct reload_request_target target = { .list = &to, .count = 1 };
	struct reload_stored_value nothing = {
		.model = v->value.model, .index = v->value.index, .key = v->value.key
	};
	renewal_cancel(v);
	v->stored =
		after(v->stored, cli_now()); /* what is found there at the next join is its own */
	struct reload_store_item item = { .kind = v->kind,
		.value = nothing,
		.lifetime_s = v->lifetime_s,
		.storage_time = v->stored };
	renewals_dirty(v->all);
	return reload_peer_store(
		v->all->agent->peer, &target, &v->resource, &item, 1, fn, arg, &err);
}

static void on_fetched(void *arg, const struct reload_result *r)
{
	struct renewal *v = arg;
	ended(v);
	bool nothing = r->err == RELOAD_NOT_FOUND;
	if (!nothing && (r->err || !r->answer || !r->answer->body_decoded)) {
		failed(v, r->err ? r->err : RELOAD_BAD_ANSWER);
		return;
	}
	const struct reload_fetched *f = nothing ? NULL : present(v, r);
	if (f && newer(v, f)) {
		gave_way(v);
		return;
	}
	uint64_t generation = 0;
	if (!nothing && r->answer->body.fetch_ans.kind_responses_count)
		generation = r->answer->body.fetch_ans.kind_responses[0].generation;
	store(v, f, generation);
}

static void renew(void *arg)
{
	struct renewal *v = arg;
	struct agent_renewals *k = v->all;
	enum reload_err err = RELOAD_OK;
	if (k->running >= RUNNING_MAX) {
		plan(v, BUSY_MS);
		return;
	}
	struct reload_destination to = reload_dest_resource(&v->resource);
	struct reload_request_target target = { .list = &to, .count = 1 };
	struct reload_specifier s = { .kind = v->kind, .model = v->value.model };
	if (v->value.model == RELOAD_MODEL_ARRAY) {
		v->range = (struct reload_array_range){ v->value.index, v->value.index };
		s.ranges = &v->range;
		s.ranges_count = 1;
	} else if (v->value.model == RELOAD_MODEL_DICTIONARY) {
		v->key.bytes = v->value.key;
		s.keys = &v->key;
		s.keys_count = 1;
	}
	v->request = reload_peer_fetch(
		k->agent->peer, &target, &v->resource, &s, 1, on_fetched, v, &err);
	if (v->request)
		k->running++;
	else
		failed(v, err);
}
