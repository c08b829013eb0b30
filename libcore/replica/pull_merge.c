#include "replica/internal.h"

#include "storage/ended.h"
#include "storage/lapsed.h"

/*
 * Merges the answer to a pull, the Fetch of newer data that another peer holds (RFC 6940 s7.4.1.1), into this node's
 * storage: a newer value replaces this node's own, value by value, as if all had been stored in the order of their
 * storage_time.  A value that failed a check of the Fetch is ignored.
 *
 * What is fetched, from which node and how much at once: replica/pull.c.
 */

enum {
	LACKING_MS = 86400000 /* age up to which a value may be taken that is not held */
};

static bool same_place(const struct reload_stored_value *a, const struct reload_stored_value *b)
{
	return a->index == b->index && span_eq(a->key, b->key);
}

/*
 * Whether a value of which nothing is held may be taken on the word of others (STO-17).  It may have been stored in another ring, whose
 * merging need not have changed anything around this node, or it may have expired, and nobody signs a lifetime.  What expired here
 * is remembered, so it is not taken, nor is what may be among that.  What expired before this node was responsible is not known
 * here: so only what was written in the last LACKING_MS is taken.  That is much longer than a ring can be in parts unnoticed, and than the
 * pauses between two offers.  Whoever notices that rings may have merged takes anything for a while.
 */
static bool may_be_lacking(struct reload_replica *rep, const struct reload_id *resource,
	uint32_t kind, const struct reload_stored_data *d)
{
	const struct reload_route *route = rep->route;
	if (route->topology->unsettled(route->plugin))
		return true;
	return rep->engine->wall < d->storage_time + LACKING_MS &&
	       reload_storage_remembers(rep->storage, resource, kind, d);
}

/*
 * Whether the value takes its place here: there is an older one, or none and room for it.  A place that an answer names twice is
 * taken once.
 */
static bool is_newer(struct reload_replica *rep, const struct reload_id *resource,
	const struct reload_kind *kind, const struct reload_stored_data *d,
	const struct reload_store_change *change)
{
	const struct reload_stored_entry *own = rep->storage->ops->find(
		rep->storage, resource, kind->id, &d->value, rep->engine->wall);
	uint32_t last;
	for (size_t i = 0; i < change->entries_count; i++)
		if (same_place(&change->entries[i].data.value, &d->value))
			return false;
	if (reload_time_ahead(d->storage_time, rep->engine->wall) ||
		reload_storage_ended(rep->storage, resource, kind->id, d, rep->engine->wall))
		return false;
	if (own)
		return own->data.storage_time < d->storage_time ||
		       reload_lapsed(&(struct reload_lapsed){ .config = rep->engine->config,
					     .now = rep->engine->wall,
					     .cache = reload_exchange_certificates(rep->exchange) },
			       own);
	if (!may_be_lacking(rep, resource, kind->id, d))
		return false;
	size_t held = rep->storage->ops->extent(
		rep->storage, resource, kind->id, rep->engine->wall, &last);
	return held + change->entries_count < kind->max_count;
}

static bool kind_repeated(const struct reload_store_batch *batch, uint32_t kind)
{
	for (size_t i = 0; i < batch->changes_count; i++)
		if (batch->changes[i].kind == kind)
			return true;
	return false;
}

static void ignore_result(struct reload_replica *rep, void *arg, const struct reload_id *resource,
	enum reload_err err)
{
	(void)rep, (void)arg, (void)resource, (void)err;
}

/*
 * The owner's replicas get what was merged.  Should the disk not take it here in the end, they hold a newer version than the owner,
 * as the node did that it was fetched from.
 */
static void replicate_merged(struct reload_replica *rep, const struct reload_store_batch *batch)
{
	struct reload_id replicas[2];
	if (rep->route->topology->responsible(rep->route->plugin, &batch->resource))
		reload_transfer_replicate(rep, batch, replicas,
			rep->route->topology->replicas(rep->route->plugin, replicas));
}

/*
 * The counter moves on by one step more than the one that came with the values, so that nobody takes the merged data for what was there,
 * or here.  It counts whoever sent it, as the writers may have seen it: joins put former holders far away within seconds.  The Stores that the
 * values can stand for bound it (STO-17), and they are signed.
 */
static uint64_t next_generation(struct reload_replica *rep, const struct reload_id *resource,
	const struct reload_fetch_kind_response *k, uint64_t stores)
{
	return reload_generation_merged(
		rep->storage->ops->generation(rep->storage, resource, k->kind, rep->engine->wall),
		reload_generation_next(k->generation), stores);
}

static const struct reload_stored_data *find_held(struct reload_replica *rep,
	const struct reload_id *resource, uint32_t kind, const struct reload_stored_value *place)
{
	const struct reload_stored_entry *own =
		rep->storage->ops->find(rep->storage, resource, kind, place, rep->engine->wall);
	return own ? &own->data : NULL;
}

/* Puts the newer values of one Kind into change; *at walks along r's fetched values. */
static void merge_kind(struct reload_replica *rep, struct reload_request *r,
	struct reload_store_change *change, const struct reload_fetch_kind_response *k, size_t *at)
{
	uint64_t stores = 0, conflicts = 0;
	const struct reload_kind *kind = reload_config_kind(rep->engine->config, k->kind);
	struct fetch_make *fetch = reload_fetch_of(r);
	change->kind = k->kind;
	change->entries =
		reload_arena_take(&fetch->arena, k->values_count * sizeof(*change->entries));
	for (size_t i = 0; i < k->values_count; i++) {
		const struct reload_signed_value *check = &r->answer->values[*at];
		const struct reload_fetched *f = &fetch->values[(*at)++];
		if (!kind || f->err || f->synthetic ||
			!is_newer(rep, &fetch->resource, kind, f->data, change))
			continue;
		const struct reload_stored_data *own =
			find_held(rep, &fetch->resource, k->kind, &f->data->value);
		conflicts += reload_values_conflict(own, f->data);
		stores += reload_stores_between(own, f->data);
		change->entries[change->entries_count++] =
			(struct reload_stored_entry){ .data = *f->data,
				.received = rep->engine->wall,
				.certificates = check->certificates };
	}
	if (change->entries_count)
		change->generation = next_generation(rep, &fetch->resource, k, stores);
	if (conflicts && rep->route->topology->responsible(rep->route->plugin, &fetch->resource))
		reload_engine_event(rep->engine,
			&(struct reload_event){ .type = RELOAD_EV_VALUE_CONFLICT,
				.node = &r->result.responder,
				.resource = &fetch->resource,
				.kind = k->kind,
				.count = conflicts,
				.reason = "the other one is kept: it was stored later" });
}

void reload_pull_merge(
	struct reload_replica *rep, struct reload_request *r, const struct reload_result *result)
{
	const struct reload_fetch_ans *ans = &result->answer->body.fetch_ans;
	struct fetch_make *fetch = reload_fetch_of(r);
	struct reload_store_batch batch = { .resource = fetch->resource, .now = rep->engine->wall };
	size_t at = 0;
	batch.changes = reload_arena_take(
		&fetch->arena, ans->kind_responses_count * sizeof(*batch.changes));
	for (size_t i = 0; i < ans->kind_responses_count; i++) {
		struct reload_store_change *change = &batch.changes[batch.changes_count];
		*change = (struct reload_store_change){ .kind = 0 };
		merge_kind(rep, r, change, &ans->kind_responses[i], &at);
		if (!kind_repeated(&batch, change->kind))
			batch.changes_count += change->entries_count > 0;
	}
	if (!batch.changes_count)
		return;
	if (reload_commit(rep, &batch, ignore_result, NULL))
		return;
	replicate_merged(rep, &batch);
	rep->route->topology->values_taken(
		rep->route->plugin, &fetch->resource, &result->responder);
	reload_engine_event(rep->engine, &(struct reload_event){ .type = RELOAD_EV_STORED,
						 .transaction = result->transaction,
						 .node = &result->responder,
						 .resource = &fetch->resource,
						 .kind = batch.changes[0].kind,
						 .count = batch.changes[0].entries_count });
}

void reload_pull_newer_places(struct reload_replica *rep, const struct reload_id *resource,
	const struct reload_store_req *req, struct reload_places *out)
{
	for (size_t i = 0; i < req->kind_data_count; i++) {
		const struct reload_store_kind *k = &req->kind_data[i];
		const struct reload_kind *kind = reload_config_kind(rep->engine->config, k->kind);
		const struct reload_store_change none = { .kind = k->kind };
		for (size_t v = 0; kind && v < k->values_count; v++)
			if (is_newer(rep, resource, kind, &k->values[v], &none))
				reload_places_add(out, k->kind, &k->values[v].value);
	}
}
