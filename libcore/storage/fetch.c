/* Answering Fetch and Stat: one way to collect values, two ways to write them down. */
#include "storage/fetch.h"

#include "ident/ops.h"
#include "storage/internal.h"
#include "util/bytes.h"
#include "util/tree.h"
#include "wire/limits.h"

/* The values of one Kind as they are found, in blocks that double. */
struct found {
	struct reload_fetch_work *w;
	const struct reload_kind *kind;
	struct reload_stored_data *at;
	size_t count, cap;
	struct signers *signers;
	bool too_many;
	bool lacks;    /* something that was asked for is not there */
	bool fill;     /* gaps of an array become synthetic values */
	uint64_t next; /* array: the first index that has no answer yet */
};

/* Certificate lists that are in the answer already. */
struct signer {
	RB_ENTRY(signer) entry;
	struct span certificates;
};

RB_HEAD(signer_tree, signer);

struct signers {
	struct signer_tree tree;
	size_t values; /* in the whole answer, at most RELOAD_LIMIT_VALUES */
	size_t cap;
};

static int signer_cmp(const struct signer *a, const struct signer *b)
{
	return span_cmp(a->certificates, b->certificates);
}

RELOAD_TREE(signer_tree, signer, entry, signer_cmp)

static enum reload_err refuse(struct reload_fetch_work *w, enum reload_err err, const char *reason)
{
	w->reason = reason;
	return err;
}

/* --- what is asked ----------------------------------------------------------------------------------------------- */

static int range_cmp(const void *a, const void *b)
{
	const struct reload_array_range *x = a, *y = b;
	return (x->first > y->first) - (x->first < y->first);
}

/* Ranges in ascending order, in the arena. */
static struct reload_array_range *sorted_ranges(
	struct reload_arena *arena, const struct reload_specifier *s)
{
	struct reload_array_range *ranges =
		reload_arena_take(arena, (s->ranges_count + 1) * sizeof(*ranges));
	if (s->ranges_count) {
		memcpy(ranges, s->ranges, s->ranges_count * sizeof(*ranges));
		qsort(ranges, s->ranges_count, sizeof(*ranges), range_cmp);
	}
	return ranges;
}

static enum reload_err check_ranges(struct reload_fetch_work *w, const struct reload_specifier *s)
{
	const struct reload_array_range *ranges = sorted_ranges(w->arena, s);
	for (size_t i = 0; i < s->ranges_count; i++) {
		if (ranges[i].first > ranges[i].last)
			return refuse(
				w, RELOAD_INVALID_MESSAGE, "a range that ends before it begins");
		if (i && ranges[i].first <= ranges[i - 1].last)
			return refuse(w, RELOAD_INVALID_MESSAGE, "ranges overlap");
	}
	return RELOAD_OK;
}

static enum reload_err check_request(struct reload_fetch_work *w)
{
	const struct reload_fetch_req *req = w->req;
	uint32_t *kinds = reload_arena_take(w->arena, (req->specifiers_count + 1) * sizeof(*kinds));
	w->reason = NULL;
	w->unknown_kinds_count = 0;
	for (size_t i = 0; i < req->specifiers_count; i++) {
		enum reload_err err = check_ranges(w, &req->specifiers[i]);
		if (err)
			return err;
		kinds[i] = req->specifiers[i].kind;
	}
	/* there is one response for each Kind */
	if (!reload_kinds_distinct(kinds, req->specifiers_count))
		return refuse(w, RELOAD_INVALID_MESSAGE, "a Kind stands twice in the request");
	for (size_t i = 0; i < req->specifiers_count; i++) {
		uint32_t kind = req->specifiers[i].kind;
		if (!reload_config_kind(w->config, kind) &&
			w->unknown_kinds_count < COUNT_OF(w->unknown_kinds))
			w->unknown_kinds[w->unknown_kinds_count++] = kind;
	}
	return w->unknown_kinds_count ? refuse(w, RELOAD_UNKNOWN_KIND, "unknown Kind") : RELOAD_OK;
}

/* STO-04: a replica answers for what it holds. */
static enum reload_err check_place(struct reload_fetch_work *w)
{
	if (w->responsible)
		return RELOAD_OK;
	for (size_t i = 0; i < w->req->specifiers_count; i++)
		if (w->storage->ops->extent(
			    w->storage, &w->resource, w->req->specifiers[i].kind, w->now, NULL))
			return RELOAD_OK;
	return refuse(w, RELOAD_NOT_FOUND, "not responsible, and nothing is held");
}

/* --- what is found ----------------------------------------------------------------------------------------------- */

/* Doubles a list in the arena, from 2; the old one is freed with the message.  The whole answer of one value then needs one block. */
static void *grown(
	struct reload_arena *arena, const void *at, size_t count, size_t *cap, size_t size)
{
	*cap = *cap ? 2 * *cap : 2;
	void *fresh = reload_arena_take(arena, *cap * size);
	if (count)
		memcpy(fresh, at, count * size);
	return fresh;
}

static bool add(struct found *f, const struct reload_stored_data *d)
{
	if (f->signers->values >= RELOAD_LIMIT_VALUES) {
		f->too_many = true;
		return false;
	}
	if (f->count == f->cap)
		f->at = grown(f->w->arena, f->at, f->count, &f->cap, sizeof(*f->at));
	f->at[f->count++] = *d;
	f->signers->values++;
	return true;
}

static bool add_synthetic(struct found *f, uint32_t index, struct span key)
{
	f->lacks = true;
	struct reload_stored_value place = {
		.model = (uint8_t)f->kind->model, .index = index, .key = key
	};
	struct reload_stored_data d = reload_stored_synthetic(&place);
	return add(f, &d);
}

static void add_signer(struct found *f, struct span certificates)
{
	struct reload_fetch_work *w = f->w;
	struct signer want = { .certificates = certificates };
	if (!certificates.len || RB_FIND(signer_tree, &f->signers->tree, &want))
		return;
	struct signer *own = reload_arena_take(w->arena, sizeof(*own));
	own->certificates = certificates;
	RB_INSERT(signer_tree, &f->signers->tree, own);
	if (w->certificates_count == f->signers->cap)
		w->certificates = grown(w->arena, w->certificates, w->certificates_count,
			&f->signers->cap, sizeof(*w->certificates));
	w->certificates[w->certificates_count++] = certificates;
}

static bool add_gap(struct found *f, uint64_t end)
{
	for (; f->fill && f->next < end; f->next++)
		if (!add_synthetic(f, (uint32_t)f->next, (struct span){ NULL, 0 }))
			return false;
	return true;
}

static bool add_entry(void *arg, const struct reload_stored_entry *e)
{
	struct found *f = arg;
	struct reload_stored_data d = e->data;
	if (d.value.model != f->kind->model)
		return true; /* stored before the Kind was changed */
	d.lifetime = reload_entry_lifetime(e, f->w->now);
	if (!add_gap(f, d.value.index) || !add(f, &d))
		return false;
	f->next = (uint64_t)d.value.index + 1;
	add_signer(f, e->certificates);
	return true;
}

static void find_one(struct found *f, struct span key)
{
	struct reload_fetch_work *w = f->w;
	struct reload_stored_value place = { .model = (uint8_t)f->kind->model, .key = key };
	const struct reload_stored_entry *e =
		w->storage->ops->find(w->storage, &w->resource, f->kind->id, &place, w->now);
	if (e)
		add_entry(f, e);
	else
		add_synthetic(f, 0, key);
}

/* Clips a range to the end of the array (STO-07); false when nothing is left. */
static bool cut(struct reload_array_range *r, uint32_t last)
{
	if (r->first == RELOAD_ARRAY_END)
		r->first = last; /* "the final element" */
	if (r->last > last)
		r->last = last;
	return r->first <= r->last;
}

static void find_ranges(struct found *f, const struct reload_specifier *s)
{
	struct reload_fetch_work *w = f->w;
	uint32_t last = 0;
	if (!w->storage->ops->extent(w->storage, &w->resource, f->kind->id, w->now, &last))
		return;
	struct reload_array_range *ranges = sorted_ranges(w->arena, s);
	uint64_t covered = 0;
	for (size_t i = 0; i < s->ranges_count; i++)
		covered +=
			cut(&ranges[i], last) ? (uint64_t)ranges[i].last - ranges[i].first + 1 : 0;
	bool fill = covered <= f->kind->max_count && covered <= RELOAD_LIMIT_VALUES;
	for (size_t i = 0; i < s->ranges_count && !f->too_many; i++) {
		struct reload_array_range *r = &ranges[i];
		if (r->first < f->next)
			r->first = (uint32_t)f->next; /* the final element, asked twice */
		if (r->first > r->last)
			continue;
		f->next = r->first;
		f->fill = fill;
		w->storage->ops->range(w->storage, &w->resource, f->kind->id, r->first, r->last,
			w->now, add_entry, f);
		if (!f->too_many)
			add_gap(f, (uint64_t)r->last + 1);
		if (f->next <= r->last)
			f->next = (uint64_t)r->last + 1;
		f->fill = false;
	}
}

static int key_cmp(const void *a, const void *b)
{
	const struct reload_vec16_bytes *x = a, *y = b;
	return span_cmp(x->bytes, y->bytes);
}

/* In the order of the keys, each once, so that a key asked twice does not double the answer. */
static void find_keys(struct found *f, const struct reload_specifier *s)
{
	struct reload_fetch_work *w = f->w;
	if (!s->keys_count) {
		w->storage->ops->each(w->storage, &w->resource, f->kind->id, w->now, add_entry, f);
		return;
	}
	struct reload_vec16_bytes *keys =
		reload_arena_take(w->arena, s->keys_count * sizeof(*keys));
	memcpy(keys, s->keys, s->keys_count * sizeof(*keys));
	qsort(keys, s->keys_count, sizeof(*keys), key_cmp);
	for (size_t i = 0; i < s->keys_count && !f->too_many; i++)
		if (!i || key_cmp(&keys[i], &keys[i - 1]))
			find_one(f, keys[i].bytes);
}

static void find_values(struct found *f, const struct reload_specifier *s)
{
	switch (f->kind->model) {
	case RELOAD_MODEL_SINGLE:
		find_one(f, (struct span){ NULL, 0 });
		break;
	case RELOAD_MODEL_ARRAY:
		find_ranges(f, s);
		break;
	case RELOAD_MODEL_DICTIONARY:
		find_keys(f, s);
		break;
	case RELOAD_MODEL_UNKNOWN:
		break;
	}
}

/* Whether the answer would say that something is not there, which the responsible peer alone knows. */
static bool is_incomplete(
	const struct found *f, const struct reload_specifier *s, uint64_t generation)
{
	bool unchanged = generation && s->generation == generation;
	return f->lacks || (!f->count && !unchanged);
}

/* Fills responses, one for each specifier, values left out where the generation matches (STO-05). */
static enum reload_err collect(
	struct reload_fetch_work *w, struct reload_fetch_kind_response *responses)
{
	struct signers signers = { .tree = RB_INITIALIZER(&signers.tree) };
	w->certificates = NULL;
	w->certificates_count = 0;
	for (size_t i = 0; i < w->req->specifiers_count; i++) {
		const struct reload_specifier *s = &w->req->specifiers[i];
		struct found f = {
			.w = w, .kind = reload_config_kind(w->config, s->kind), .signers = &signers
		};
		uint64_t present =
			w->storage->ops->generation(w->storage, &w->resource, s->kind, w->now);
		if (!present || s->generation != present)
			find_values(&f, s);
		if (w->stands_in && is_incomplete(&f, s, present))
			return refuse(w, RELOAD_NOT_FOUND, "not responsible, and not all is held");
		if (f.too_many)
			return refuse(
				w, RELOAD_RESPONSE_TOO_LARGE, "too many values for one answer");
		responses[i] = (struct reload_fetch_kind_response){ .kind = s->kind,
			.generation = present,
			.values = f.at,
			.values_count = f.count };
	}
	return RELOAD_OK;
}

static enum reload_err answer(struct reload_fetch_work *w, struct reload_fetch_kind_response **out)
{
	enum reload_err err = check_request(w);
	if (!err)
		err = check_place(w);
	if (err)
		return err;
	*out = reload_arena_take(w->arena, (w->req->specifiers_count + 1) * sizeof(**out));
	return collect(w, *out);
}

enum reload_err reload_fetch_answer(struct reload_fetch_work *w)
{
	struct reload_fetch_kind_response *responses;
	enum reload_err err = answer(w, &responses);
	if (err)
		return err;
	w->fetch = (struct reload_fetch_ans){ responses, w->req->specifiers_count };
	return RELOAD_OK;
}

/* --- Stat -------------------------------------------------------------------------------------------------------- */

/* STO-08: the digest covers the length as well; there is none of a value that does not exist. */
static struct reload_metadata metadata_of(
	struct reload_arena *arena, const struct reload_stored_value *v)
{
	uint8_t length[4], digest[RELOAD_HASH_SIZE_MAX];
	struct wr w = wr_fixed(length, sizeof(length));
	if (!v->exists)
		return (struct reload_metadata){ .exists = false };
	wr_u32(&w, (uint32_t)v->value.len);
	struct span parts[] = { span_of(length, sizeof(length)), v->value };
	size_t len = reload_hash(digest, RELOAD_HASH_SHA256, parts, COUNT_OF(parts));
	return (struct reload_metadata){
		.exists = true,
		.value_length = (uint32_t)v->value.len,
		.hash_algorithm = RELOAD_HASH_SHA256,
		.hash_value = reload_arena_copy(arena, span_of(digest, len)),
	};
}

enum reload_err reload_stat_answer(struct reload_fetch_work *w)
{
	struct reload_fetch_kind_response *responses;
	enum reload_err err = answer(w, &responses);
	if (err)
		return err;
	size_t count = w->req->specifiers_count;
	struct reload_stat_kind_response *stats =
		reload_arena_take(w->arena, (count + 1) * sizeof(*stats));
	for (size_t i = 0; i < count; i++) {
		const struct reload_fetch_kind_response *r = &responses[i];
		struct reload_stored_metadata *values =
			reload_arena_take(w->arena, (r->values_count + 1) * sizeof(*values));
		for (size_t n = 0; n < r->values_count; n++) {
			const struct reload_stored_data *d = &r->values[n];
			values[n] = (struct reload_stored_metadata){
				.storage_time = d->storage_time,
				.lifetime = d->lifetime,
				.model = d->value.model,
				.index = d->value.index,
				.key = d->value.key,
				.metadata = metadata_of(w->arena, &d->value),
			};
		}
		stats[i] = (struct reload_stat_kind_response){ .kind = r->kind,
			.generation = r->generation,
			.values = values,
			.values_count = r->values_count };
	}
	w->stat = (struct reload_stat_ans){ stats, count };
	return RELOAD_OK;
}
