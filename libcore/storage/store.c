/* Checks of a StoreReq.  The order of the checks is that of STO-22; each runs over all Kinds before the next begins. */
#include "storage/store.h"

#include "storage/access.h"
#include "storage/ended.h"
#include "storage/internal.h"
#include "storage/lapsed.h"
#include "util/tree.h"

#define GENERATION_JUMP ((uint64_t)1 << 32)

/*
 * A value of the request that will be stored, by its place: later values of the same request are compared with it as if it were stored
 * already.
 */
struct pending {
	RB_ENTRY(pending) by_place;
	struct reload_stored_entry *entry;
};

RB_HEAD(pending_tree, pending);

static int pending_cmp(const struct pending *a, const struct pending *b)
{
	return reload_place_cmp(&a->entry->data.value, &b->entry->data.value);
}

RELOAD_TREE(pending_tree, pending, by_place, pending_cmp)

/* The changes that the request makes to one Kind. */
struct plan {
	const struct reload_kind *kind;
	struct reload_lapsed lapsed;
	struct pending_tree places;
	struct reload_store_change *change;
	size_t held;     /* entries before */
	size_t fresh;    /* places that become taken */
	uint64_t stores; /* that the change can come from */
	bool array_used;
	uint32_t array_last; /* highest index taken, when array_used */
	bool array_full, too_large;
};

static enum reload_err refuse(struct reload_store_work *w, enum reload_err err, const char *reason)
{
	w->reason = reason;
	return err;
}

/* --- before the signatures --------------------------------------------------------------------------------------- */

static enum reload_err check_form(struct reload_store_work *w)
{
	const struct reload_store_req *req = w->req;
	uint32_t *kinds = reload_arena_take(w->arena, (req->kind_data_count + 1) * sizeof(*kinds));
	for (size_t i = 0; i < req->kind_data_count; i++) {
		const struct reload_store_kind *k = &req->kind_data[i];
		kinds[i] = k->kind;
		if (!k->values_count)
			return refuse(w, RELOAD_INVALID_MESSAGE, "a Kind without values");
		if (w->replica && !k->generation_counter)
			return refuse(
				w, RELOAD_INVALID_MESSAGE, "a replica without generation counter");
	}
	if (!reload_kinds_distinct(kinds, req->kind_data_count))
		return refuse(w, RELOAD_INVALID_MESSAGE, "a Kind stands twice in the request");
	return RELOAD_OK;
}

static enum reload_err check_kinds(struct reload_store_work *w)
{
	for (size_t i = 0; i < w->req->kind_data_count; i++) {
		uint32_t kind = w->req->kind_data[i].kind;
		if (!reload_config_kind(w->config, kind) &&
			w->unknown_kinds_count < COUNT_OF(w->unknown_kinds))
			w->unknown_kinds[w->unknown_kinds_count++] = kind;
	}
	return w->unknown_kinds_count ? refuse(w, RELOAD_UNKNOWN_KIND, "unknown Kind") : RELOAD_OK;
}

/* The form of a value can be checked only when its data model is known. */
static enum reload_err check_value(struct reload_store_work *w, const struct reload_kind *kind,
	const struct reload_stored_data *d)
{
	const struct reload_stored_value *v = &d->value;
	if (v->model != kind->model)
		return refuse(w, RELOAD_INVALID_MESSAGE, "a value of another data model");
	if (!v->exists && v->value.len)
		return refuse(w, RELOAD_INVALID_MESSAGE, "a removal with a value");
	if (!reload_access_readable(kind->access, v, w->config->node_id_len))
		return refuse(
			w, RELOAD_INVALID_MESSAGE, "a value without what access control reads");
	if (w->replica && v->model == RELOAD_MODEL_ARRAY && v->index == RELOAD_ARRAY_END)
		return refuse(w, RELOAD_INVALID_MESSAGE, "a replica that appends");
	return RELOAD_OK;
}

/*
 * SEC-09, RFC 6940 s7.4.1.1: only the synthetic values of a Fetch have no signature.  An identity of another type does not
 * name a signer.
 */
static bool is_signed(const struct reload_signature *sig)
{
	bool named = sig->identity.type == RELOAD_CERT_HASH ||
		     sig->identity.type == RELOAD_CERT_HASH_NODE_ID;
	return named && (sig->hash_alg != RELOAD_HASH_NONE || sig->sig_alg != RELOAD_SIG_ANONYMOUS);
}

static enum reload_err check_values(struct reload_store_work *w)
{
	bool all_signed = true, ahead = false;
	size_t count = 0;
	for (size_t i = 0; i < w->req->kind_data_count; i++) {
		const struct reload_store_kind *k = &w->req->kind_data[i];
		const struct reload_kind *kind = reload_config_kind(w->config, k->kind);
		for (size_t n = 0; n < k->values_count; n++, count++) {
			enum reload_err err = check_value(w, kind, &k->values[n]);
			if (err)
				return err;
			all_signed = all_signed && is_signed(&k->values[n].signature);
			ahead = ahead || reload_time_ahead(k->values[n].storage_time, w->now);
		}
	}
	if (!all_signed)
		return refuse(w, RELOAD_FORBIDDEN, "a value without signature");
	if (ahead)
		return refuse(w, RELOAD_FORBIDDEN,
			"storage_time is more than a day ahead of this node's clock");
	w->values_count = count;
	return RELOAD_OK;
}

enum reload_err reload_store_begin(struct reload_store_work *w)
{
	w->reason = NULL;
	w->unknown_kinds_count = 0;
	enum reload_err err = check_form(w);
	if (!err && !w->may_store_here)
		err = refuse(w, RELOAD_FORBIDDEN,
			w->replica ? "no plausible replica" : "not responsible");
	if (!err)
		err = check_kinds(w);
	return err ? err : check_values(w);
}

/* --- after the signatures ---------------------------------------------------------------------------------------- */

static bool signer_eq(const struct reload_signer *a, const struct reload_signer *b)
{
	return a->cert == b->cert && reload_id_eq(&a->node, &b->node);
}

static bool may_write(const struct reload_store_work *w, const struct reload_kind *kind,
	const struct reload_stored_value *value, const struct reload_signer *signer)
{
	struct reload_access a = {
		.kind = kind,
		.resource = &w->resource,
		.value = value,
		.cert = signer->cert,
		.node = &signer->node,
		.resource_id = w->resource_id,
	};
	return reload_access_allowed(&a);
}

/*
 * RFC 6940 s7.3: "in a non-replica store, both the signer of the StoredValue and the signer of the StoreReq MUST conform
 * to the policy".  A signer that has just been found good is not checked again where the policy ignores the value.
 */
static bool kind_allowed(const struct reload_store_work *w, const struct reload_store_kind *k,
	const struct reload_signer *signers)
{
	const struct reload_kind *kind = reload_config_kind(w->config, k->kind);
	bool per_value = reload_access_per_value(kind->access);
	const struct reload_signer *good = NULL, *request_good = NULL;
	for (size_t n = 0; n < k->values_count; n++) {
		const struct reload_stored_value *v = &k->values[n].value;
		if (per_value || !good || !signer_eq(good, &signers[n])) {
			if (!may_write(w, kind, v, &signers[n]))
				return false;
			good = &signers[n];
		}
		if (!w->replica && (per_value || !request_good)) {
			if (!may_write(w, kind, v, &w->request_signer))
				return false;
			request_good = &w->request_signer;
		}
	}
	return true;
}

static enum reload_err check_access(struct reload_store_work *w)
{
	const struct reload_signer *signers = w->value_signers;
	for (size_t i = 0; i < w->req->kind_data_count; i++) {
		if (!kind_allowed(w, &w->req->kind_data[i], signers))
			return refuse(
				w, RELOAD_FORBIDDEN, "the signer may not write this Kind here");
		signers += w->req->kind_data[i].values_count;
	}
	return RELOAD_OK;
}

static bool signature_eq(const struct reload_signature *a, const struct reload_signature *b)
{
	return a->hash_alg == b->hash_alg && a->sig_alg == b->sig_alg &&
	       a->identity.type == b->identity.type &&
	       a->identity.hash_alg == b->identity.hash_alg &&
	       span_eq(a->identity.hash, b->identity.hash) && span_eq(a->value, b->value);
}

/* STO-01: the same value sent again; only the lifetime may differ. */
static bool same_data(const struct reload_stored_data *a, const struct reload_stored_data *b)
{
	return a->storage_time == b->storage_time && a->value.exists == b->value.exists &&
	       span_eq(a->value.value, b->value.value) &&
	       signature_eq(&a->signature, &b->signature);
}

/*
 * STO-01: whether every value of the request is stored already, whatever its lifetime.  A value to be appended has no index yet, so
 * it never is.  A writer that did not get its answer repeats the request with the old generation counter.
 */
static bool is_repeat(const struct reload_store_work *w)
{
	for (size_t i = 0; i < w->req->kind_data_count; i++) {
		const struct reload_store_kind *k = &w->req->kind_data[i];
		for (size_t n = 0; n < k->values_count; n++) {
			const struct reload_stored_entry *held = w->storage->ops->find(
				w->storage, &w->resource, k->kind, &k->values[n].value, w->now);
			if (!held || !same_data(&held->data, &k->values[n]))
				return false;
		}
	}
	return true;
}

/* Present counters of all Kinds; fills the answer for a refusal, which is a StoreAns as well (RFC 6940 s7.4.1.2). */
static enum reload_err check_generation(
	struct reload_store_work *w, struct reload_store_ans *answer)
{
	bool matches = true;
	size_t count = w->req->kind_data_count;
	answer->kind_responses_count = count;
	answer->kind_responses =
		reload_arena_take(w->arena, count * sizeof(*answer->kind_responses));
	for (size_t i = 0; i < count; i++) {
		const struct reload_store_kind *k = &w->req->kind_data[i];
		uint64_t present =
			w->storage->ops->generation(w->storage, &w->resource, k->kind, w->now);
		answer->kind_responses[i] = (struct reload_store_kind_response){ .kind = k->kind,
			.generation_counter = present };
		if (!w->replica && k->generation_counter && k->generation_counter != present)
			matches = false;
	}
	if (matches || is_repeat(w))
		return RELOAD_OK;
	w->answer = *answer;
	return refuse(w, RELOAD_GENERATION_TOO_LOW, "the generation counter is another one");
}

/* Gives an appended value its index: one after the highest that is taken (STO-18). */
static void take_index(struct plan *p, struct reload_stored_value *v)
{
	if (v->model != RELOAD_MODEL_ARRAY)
		return;
	if (v->index == RELOAD_ARRAY_END) {
		v->index = p->array_used ? p->array_last + 1 : 0;
		p->array_full = p->array_full || v->index == RELOAD_ARRAY_END;
	}
	if (!p->array_used || v->index > p->array_last)
		p->array_last = v->index;
	p->array_used = true;
}

bool reload_values_conflict(const struct reload_stored_data *a, const struct reload_stored_data *b)
{
	return a && b && a->storage_time != b->storage_time &&
	       (a->value.exists != b->value.exists || !span_eq(a->value.value, b->value.value));
}

/* Values are planned Kind by Kind. */
static void note_conflict(struct reload_store_work *w, uint32_t kind)
{
	if (!w->conflicts_count)
		w->conflicts = reload_arena_take(
			w->arena, w->req->kind_data_count * sizeof(*w->conflicts));
	if (!w->conflicts_count || w->conflicts[w->conflicts_count - 1].kind != kind)
		w->conflicts[w->conflicts_count++] =
			(struct reload_store_conflicts){ .kind = kind };
	w->conflicts[w->conflicts_count - 1].count++;
}

/* Plans one value of the request as if the values before it were stored already. */
static enum reload_err plan_value(struct reload_store_work *w, struct plan *p,
	const struct reload_stored_data *d, struct span certificates)
{
	struct reload_stored_entry *e = &p->change->entries[p->change->entries_count];
	*e = (struct reload_stored_entry){
		.data = *d, .received = w->now, .certificates = certificates
	};
	take_index(p, &e->data.value);
	if (p->array_full)
		return RELOAD_OK; /* refused with the sizes */
	if (w->replica && reload_storage_ended(w->storage, &w->resource, p->kind->id, d, w->now))
		return RELOAD_OK; /* it has expired here; no signature covers a longer lifetime (STO-17) */
	const struct reload_stored_entry *held = w->storage->ops->find(
		w->storage, &w->resource, p->kind->id, &e->data.value, w->now);
	struct pending *earlier =
		RB_FIND(pending_tree, &p->places, &(struct pending){ .entry = e });
	if (w->replica && held && !earlier && reload_values_conflict(&held->data, &e->data))
		note_conflict(w, p->kind->id);
	const struct reload_stored_entry *before = earlier ? earlier->entry : held;
	if (before && same_data(&before->data, &e->data))
		return RELOAD_OK;
	if (before && e->data.storage_time <= before->data.storage_time &&
		!(before == held && reload_lapsed(&p->lapsed, held)))
		return refuse(
			w, RELOAD_DATA_TOO_OLD, "storage_time is not newer than the stored one");
	p->too_large = p->too_large || e->data.value.value.len > p->kind->max_size;
	p->stores += reload_stores_between(before ? &before->data : NULL, &e->data);
	if (earlier) {
		*earlier->entry = *e;
		return RELOAD_OK;
	}
	struct pending *own = reload_arena_take(w->arena, sizeof(*own));
	own->entry = e;
	RB_INSERT(pending_tree, &p->places, own);
	p->change->entries_count++;
	p->fresh += !held;
	return RELOAD_OK;
}

struct tally {
	struct plan *plan;
	size_t count;
};

static bool tally_one(void *arg, const struct reload_stored_entry *e)
{
	struct tally *t = arg;
	t->count += !reload_lapsed(&t->plan->lapsed, e);
	return true;
}

/*
 * Whether there is room for the new places.  Only when all stored values together leave none, those that have lapsed are searched for and
 * not counted (STO-26).
 */
static bool has_room(const struct reload_store_work *w, struct plan *p)
{
	struct tally t = { .plan = p };
	if (p->held + p->fresh <= p->kind->max_count)
		return true;
	w->storage->ops->each(w->storage, &w->resource, p->kind->id, w->now, tally_one, &t);
	return t.count + p->fresh <= p->kind->max_count;
}

/* STO-12: values stored already count, removals among them.  A request that takes no new place is never refused for max-count. */
static enum reload_err check_limits(struct reload_store_work *w, struct plan *plans, size_t count)
{
	for (struct plan *p = plans; p < plans + count; p++) {
		if (p->too_large)
			return refuse(w, RELOAD_DATA_TOO_LARGE, "a value is larger than max-size");
		if (p->array_full)
			return refuse(w, RELOAD_DATA_TOO_LARGE, "the array has its last index");
		if (p->fresh && !has_room(w, p))
			return refuse(w, RELOAD_DATA_TOO_LARGE, "more values than max-count");
	}
	return RELOAD_OK;
}

static enum reload_err make_plans(
	struct reload_store_work *w, struct plan *plans, struct reload_store_change *changes)
{
	size_t at = 0;
	for (size_t i = 0; i < w->req->kind_data_count; i++) {
		const struct reload_store_kind *k = &w->req->kind_data[i];
		struct plan *p = &plans[i];
		p->kind = reload_config_kind(w->config, k->kind);
		p->lapsed = (struct reload_lapsed){ .config = w->config, .now = w->now };
		p->change = &changes[i];
		p->change->kind = k->kind;
		p->change->entries =
			reload_arena_take(w->arena, k->values_count * sizeof(*p->change->entries));
		RB_INIT(&p->places);
		p->held = w->storage->ops->extent(
			w->storage, &w->resource, k->kind, w->now, &p->array_last);
		p->array_used = p->held > 0;
		for (size_t n = 0; n < k->values_count; n++, at++) {
			enum reload_err err =
				plan_value(w, p, &k->values[n], w->value_certificates[at]);
			if (err)
				return err;
		}
	}
	return RELOAD_OK;
}

uint64_t reload_generation_next(uint64_t present)
{
	return present >= RELOAD_GENERATION_MAX ? 1 : present + 1;
}

uint64_t reload_stores_between(
	const struct reload_stored_data *held, const struct reload_stored_data *fresh)
{
	return held && fresh->storage_time > held->storage_time
		       ? fresh->storage_time - held->storage_time
		       : 1;
}

uint64_t reload_generation_merged(uint64_t present, uint64_t received, uint64_t stores)
{
	if (!present && received && received <= GENERATION_JUMP)
		return received;
	if (received <= present || stores >= RELOAD_GENERATION_MAX ||
		present >= RELOAD_GENERATION_MAX - stores)
		return reload_generation_next(present);
	return received - present < stores ? received : present + stores;
}

/*
 * The generation counter that a replica takes over from the sender (R-7.4.1.1-12).  No signature covers it, so one request may raise
 * it by GENERATION_JUMP at most, which is more Stores than this peer can have missed, and never to where it would wrap.
 */
static uint64_t replica_generation(uint64_t asked, uint64_t present)
{
	uint64_t most = RELOAD_GENERATION_MAX;
	if (present && present < RELOAD_GENERATION_MAX - GENERATION_JUMP)
		most = present + GENERATION_JUMP;
	return asked < most ? asked : most;
}

static bool newest_of(void *arg, const struct reload_stored_entry *e)
{
	uint64_t *newest = arg;
	if (e->data.storage_time > *newest)
		*newest = e->data.storage_time;
	return true;
}

/*
 * Whether something of the Kind that is held here was stored later than all of a replica Store: it was made before, and has been overtaken on its
 * way.  Its counter may be older than the one that is known.
 */
static bool is_overtaken(const struct reload_store_work *w, const struct reload_store_kind *k)
{
	uint64_t held = 0;
	w->storage->ops->each(w->storage, &w->resource, k->kind, w->now, newest_of, &held);
	for (size_t n = 0; n < k->values_count; n++)
		if (k->values[n].storage_time >= held)
			return false;
	return true;
}

/*
 * STO-03: one step per Kind and request; a replica takes the counter over, but for an older one of a message that was overtaken.  0 means "do not check" and is no counter.
 *
 * The responsible peer gets replica Stores, too: from peers that believed themselves responsible meanwhile and hand back what they
 * stored.  Its own counter does not fall, as a writer may have seen it already, and it follows theirs, which writers have seen as well.
 * A request that changes nothing leaves it (STO-01).
 */
static uint64_t new_generation(const struct reload_store_work *w, const struct reload_store_kind *k,
	uint64_t present, const struct plan *p)
{
	uint64_t asked = k->generation_counter;
	if (w->replica && !w->owner && asked < present && is_overtaken(w, k))
		return present;
	if (w->replica && !w->owner)
		return replica_generation(asked, present);
	if (!p->change->entries_count)
		return present;
	if (w->replica)
		return reload_generation_merged(present, asked, p->stores);
	return reload_generation_next(present);
}

/* Fills batch and answer. */
static void finish(struct reload_store_work *w, const struct plan *plans,
	struct reload_store_change *changes, const struct reload_store_ans *answer)
{
	size_t used = 0;
	for (size_t i = 0; i < w->req->kind_data_count; i++) {
		struct reload_store_kind_response *r = &answer->kind_responses[i];
		struct reload_store_change change = changes[i];
		change.generation =
			new_generation(w, &w->req->kind_data[i], r->generation_counter, &plans[i]);
		if (change.entries_count || change.generation != r->generation_counter)
			changes[used++] = change;
		r->generation_counter = change.generation;
	}
	w->batch = (struct reload_store_batch){
		.resource = w->resource, .changes = changes, .changes_count = used, .now = w->now
	};
	w->changed = used > 0;
	w->answer = *answer;
}

enum reload_err reload_store_accept(struct reload_store_work *w)
{
	size_t count = w->req->kind_data_count;
	struct plan *plans = reload_arena_take(w->arena, count * sizeof(*plans));
	struct reload_store_change *changes = reload_arena_take(w->arena, count * sizeof(*changes));
	struct reload_store_ans answer = { 0 };
	w->reason = NULL;
	w->conflicts_count = 0;
	enum reload_err err = check_access(w);
	if (!err)
		err = check_generation(w, &answer);
	if (!err)
		err = make_plans(w, plans, changes);
	if (!err)
		err = check_limits(w, plans, count);
	if (!err || (err == RELOAD_DATA_TOO_LARGE && w->replica))
		finish(w, plans, changes, &answer);
	return err;
}
