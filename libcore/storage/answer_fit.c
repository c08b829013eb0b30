#include "storage/answer_fit.h"

#include "storage/internal.h"
#include "wire/codes.h"

static int place_cmp(const void *a, const void *b)
{
	return reload_place_cmp(a, b);
}

/* Sorts places; false: two are equal, or one is of another model. */
static bool apart(enum reload_data_model model, struct reload_stored_value *at, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (at[i].model != model || model == RELOAD_MODEL_UNKNOWN)
			return false;
	if (count > 1)
		qsort(at, count, sizeof(*at), place_cmp);
	for (size_t i = 1; i < count; i++)
		if (!place_cmp(&at[i - 1], &at[i]))
			return false;
	return true;
}

/* --- of one Kind ------------------------------------------------------------------------------------------------- */

static bool in_ranges(const struct reload_specifier *s, uint32_t index)
{
	for (size_t i = 0; i < s->ranges_count; i++)
		if (s->ranges[i].first <= index && index <= s->ranges[i].last)
			return true;
	return false;
}

/* R-7.4.2.1-04: the final element may be at any index, but no value may follow it. */
static bool indexes_fit(
	const struct reload_specifier *s, const struct reload_stored_value *at, size_t count)
{
	bool final = false;
	for (size_t i = 0; i < s->ranges_count; i++)
		final |= s->ranges[i].first == RELOAD_ARRAY_END;
	for (size_t i = 0; i < count; i++)
		if (!in_ranges(s, at[i].index) && !(final && i + 1 == count))
			return false;
	return true;
}

static int key_cmp(const void *a, const void *b)
{
	const struct reload_vec16_bytes *x = a, *y = b;
	return span_cmp(x->bytes, y->bytes);
}

static bool keys_fit(const struct reload_specifier *s, const struct reload_stored_value *at,
	size_t count, struct reload_arena *arena)
{
	if (!s->keys_count)
		return true; /* all of them */
	struct reload_vec16_bytes *keys = reload_arena_take(arena, s->keys_count * sizeof(*keys));
	memcpy(keys, s->keys, s->keys_count * sizeof(*keys));
	qsort(keys, s->keys_count, sizeof(*keys), key_cmp);
	for (size_t i = 0; i < count; i++) {
		const struct reload_vec16_bytes key = { at[i].key };
		if (!bsearch(&key, keys, s->keys_count, sizeof(*keys), key_cmp))
			return false;
	}
	return true;
}

static bool places_fit(const struct reload_specifier *s, struct reload_stored_value *at,
	size_t count, struct reload_arena *arena)
{
	if (!apart(s->model, at, count))
		return false;
	if (s->model == RELOAD_MODEL_ARRAY)
		return indexes_fit(s, at, count);
	return s->model != RELOAD_MODEL_DICTIONARY || keys_fit(s, at, count, arena);
}

/* --- all Kinds --------------------------------------------------------------------------------------------------- */

static uint32_t kind_at(struct reload_kind_list k, size_t i)
{
	uint32_t kind;
	memcpy(&kind, (const uint8_t *)k.first + i * k.stride, sizeof(kind));
	return kind;
}

static bool kind_among(struct reload_kind_list k, size_t count, uint32_t kind)
{
	for (size_t i = 0; i < count; i++)
		if (kind_at(k, i) == kind)
			return true;
	return false;
}

bool reload_kinds_within(struct reload_kind_list answered, struct reload_kind_list asked)
{
	for (size_t i = 0; i < answered.count; i++) {
		uint32_t kind = kind_at(answered, i);
		if (!kind_among(asked, asked.count, kind) || kind_among(answered, i, kind))
			return false;
	}
	return true;
}

static const struct reload_specifier *specifier_of(
	const struct reload_fetch_req *asked, uint32_t kind)
{
	for (size_t i = 0; i < asked->specifiers_count; i++)
		if (asked->specifiers[i].kind == kind)
			return &asked->specifiers[i];
	return NULL;
}

static struct reload_stored_value *places_of(
	struct reload_arena *arena, const struct reload_stored_data *values, size_t count)
{
	struct reload_stored_value *at = reload_arena_take(arena, (count + 1) * sizeof(*at));
	for (size_t i = 0; i < count; i++)
		at[i] = values[i].value;
	return at;
}

bool reload_values_apart(enum reload_data_model model, const struct reload_stored_data *values,
	size_t count, struct reload_arena *arena)
{
	return apart(model, places_of(arena, values, count), count);
}

bool reload_fetch_fits(const struct reload_fetch_req *asked, const struct reload_fetch_ans *ans,
	struct reload_arena *arena)
{
	if (!reload_kinds_within(RELOAD_KINDS(ans->kind_responses, ans->kind_responses_count),
		    RELOAD_KINDS(asked->specifiers, asked->specifiers_count)))
		return false;
	for (size_t i = 0; i < ans->kind_responses_count; i++) {
		const struct reload_fetch_kind_response *k = &ans->kind_responses[i];
		if (!places_fit(specifier_of(asked, k->kind),
			    places_of(arena, k->values, k->values_count), k->values_count, arena))
			return false;
	}
	return true;
}

bool reload_stat_fits(const struct reload_fetch_req *asked, const struct reload_stat_ans *ans,
	struct reload_arena *arena)
{
	if (!reload_kinds_within(RELOAD_KINDS(ans->kind_responses, ans->kind_responses_count),
		    RELOAD_KINDS(asked->specifiers, asked->specifiers_count)))
		return false;
	for (size_t i = 0; i < ans->kind_responses_count; i++) {
		const struct reload_stat_kind_response *k = &ans->kind_responses[i];
		struct reload_stored_value *at =
			reload_arena_take(arena, (k->values_count + 1) * sizeof(*at));
		for (size_t n = 0; n < k->values_count; n++) {
			const struct reload_stored_metadata *m = &k->values[n];
			at[n] = (struct reload_stored_value){
				.model = m->model, .index = m->index, .key = m->key
			};
		}
		if (!places_fit(specifier_of(asked, k->kind), at, k->values_count, arena))
			return false;
	}
	return true;
}

static bool could_be_resource(struct span found, size_t len)
{
	for (size_t i = 0; i < found.len; i++)
		if (found.at[i])
			return found.len == len;
	return true; /* nothing was found (STO-09) */
}

bool reload_find_fits(const struct reload_find_req *asked, const struct reload_find_ans *ans)
{
	struct reload_kind_list wanted = { asked->kinds, sizeof(*asked->kinds),
		asked->kinds_count };
	if (!reload_kinds_within(RELOAD_KINDS(ans->results, ans->results_count), wanted))
		return false;
	for (size_t i = 0; i < ans->results_count; i++)
		if (!could_be_resource(ans->results[i].closest, asked->resource.len))
			return false;
	return true;
}

bool reload_store_fits(const struct reload_store_req *asked, const struct reload_store_ans *ans)
{
	return reload_kinds_within(RELOAD_KINDS(ans->kind_responses, ans->kind_responses_count),
		RELOAD_KINDS(asked->kind_data, asked->kind_data_count));
}
