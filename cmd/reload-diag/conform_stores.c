/* A value is stored, fetched, changed and removed (RFC 6940 s7, s7.4). */
#include "reload-diag/conform.h"

#include "wire/error.h"

#include <openssl/sha.h>
#include <string.h>

enum {
	ERROR_DATA_TOO_OLD = 9
};

static const char text[] = "reload-diag conform";

#define TEXT span_of(text, sizeof(text) - 1)

/* Stores v at the place; *generation is that of the StoreAns. */
static bool stored(struct conform *c, const struct conform_value *value, uint64_t *generation,
	enum conform_verdict *v)
{
	struct draft d;
	if (!conform_place(c, v))
		return false;
	conform_store(c, &d, value);
	c->stored = true;
	if (!conform_wants(c, &d, RELOAD_STORE_ANS, v))
		return false;
	const struct reload_store_ans *a = &c->answer->body.store_ans;
	if (a->kind_responses_count != 1 || a->kind_responses[0].kind != c->kind->id) {
		*v = VIOLATED(c, "the StoreAns has %zu Kind%s%s", a->kind_responses_count,
			cli_plural(a->kind_responses_count),
			a->kind_responses_count == 1 ? ", another one than the StoreReq" : "");
		return false;
	}
	*generation = a->kind_responses[0].generation_counter;
	return true;
}

/* The one value of the answer to a Fetch of the place; NULL with *v. */
static const struct reload_stored_data *fetched(struct conform *c, enum conform_verdict *v)
{
	struct draft d;
	if (!conform_place(c, v))
		return NULL;
	conform_fetch(c, &d, RELOAD_FETCH_REQ, &c->place, &c->kind->id, 1, 0);
	if (!conform_wants(c, &d, RELOAD_FETCH_ANS, v))
		return NULL;
	const struct reload_fetch_ans *a = &c->answer->body.fetch_ans;
	if (a->kind_responses_count == 1 && a->kind_responses[0].values_count == 1)
		return &a->kind_responses[0].values[0];
	size_t values = a->kind_responses_count ? a->kind_responses[0].values_count : 0;
	*v = VIOLATED(c, "a Fetch of a single value brings %zu Kind%s with %zu value%s",
		a->kind_responses_count, cli_plural(a->kind_responses_count), values,
		cli_plural(values));
	return NULL;
}

/* Whether the checks before have stored a value at the place; else *v is the verdict. */
static bool has_stored(struct conform *c, enum conform_verdict *v)
{
	if (!conform_place(c, v))
		return false;
	if (!c->generation)
		*v = UNJUDGED(c, "nothing was stored");
	return c->generation;
}

static enum conform_verdict first(struct conform *c)
{
	enum conform_verdict v;
	if (!stored(c, &(struct conform_value){ .text = TEXT, .exists = true }, &c->generation, &v))
		return v;
	return conform_say(c, c->generation ? CONFORM_HOLDS : CONFORM_VIOLATED,
		"the generation of what was stored is %llu", (unsigned long long)c->generation);
}

static enum conform_verdict found(struct conform *c)
{
	enum conform_verdict v;
	const struct reload_stored_data *s = fetched(c, &v);
	if (!s)
		return v;
	return s->value.exists && span_eq(s->value.value, TEXT)
		       ? HOLDS(c, "the value is fetched as it was stored")
		       : VIOLATED(c, "the value that is fetched is another one");
}

static enum conform_verdict lifetime(struct conform *c)
{
	enum conform_verdict v;
	const struct reload_stored_data *s = fetched(c, &v);
	if (!s)
		return v;
	return conform_say(c, s->lifetime <= 120 ? CONFORM_HOLDS : CONFORM_VIOLATED,
		"of a lifetime of 120 s %u are left", (unsigned)s->lifetime);
}

static enum conform_verdict by_signer(struct conform *c)
{
	enum conform_verdict v;
	const struct reload_stored_data *s = fetched(c, &v);
	if (!s)
		return v;
	for (size_t i = 0; i < c->answer->security.certificates_count; i++)
		if (span_eq(c->answer->security.certificates[i].certificate,
			    c->me.credentials.cert->der))
			return HOLDS(c, "the answer has the certificate of who stored the value");
	return VIOLATED(c, "the answer lacks the certificate of who stored the value");
}

static enum conform_verdict same_generation(struct conform *c)
{
	enum conform_verdict v;
	struct draft d;
	if (!has_stored(c, &v))
		return v;
	conform_fetch(c, &d, RELOAD_FETCH_REQ, &c->place, &c->kind->id, 1, c->generation);
	if (!conform_wants(c, &d, RELOAD_FETCH_ANS, &v))
		return v;
	const struct reload_fetch_ans *a = &c->answer->body.fetch_ans;
	size_t count = a->kind_responses_count ? a->kind_responses[0].values_count : 0;
	return conform_say(c, count ? CONFORM_VIOLATED : CONFORM_HOLDS,
		"a Fetch with the present generation brings %zu value%s", count, cli_plural(count));
}

static enum conform_verdict stat_hash(struct conform *c)
{
	enum conform_verdict v;
	struct draft d;
	uint8_t digest[RELOAD_HASH_SIZE_MAX], len[4] = { 0, 0, 0, sizeof(text) - 1 };
	if (!has_stored(c, &v))
		return v;
	conform_fetch(c, &d, RELOAD_STAT_REQ, &c->place, &c->kind->id, 1, 0);
	if (!conform_wants(c, &d, RELOAD_STAT_ANS, &v))
		return v;
	const struct reload_stat_ans *a = &c->answer->body.stat_ans;
	if (a->kind_responses_count != 1 || a->kind_responses[0].values_count != 1)
		return VIOLATED(c, "a Stat of a single value does not bring one value");
	const struct reload_metadata *m = &a->kind_responses[0].values[0].metadata;
	struct span parts[] = { span_of(len, sizeof(len)), TEXT };
	size_t n = reload_hash(digest, m->hash_algorithm, parts, COUNT_OF(parts));
	return n && m->exists && m->value_length == sizeof(text) - 1 &&
			       span_eq(m->hash_value, span_of(digest, n))
		       ? HOLDS(c, "length and hash are those of the value")
		       : VIOLATED(c,
				 "length (%u) or hash (algorithm %u) are not those of the value",
				 (unsigned)m->value_length, m->hash_algorithm);
}

static enum conform_verdict older(struct conform *c)
{
	enum conform_verdict v;
	struct draft d;
	if (!has_stored(c, &v))
		return v;
	conform_store(c, &d,
		&(struct conform_value){
			.text = TEXT, .exists = true, .storage_time = c->storage_time - 1000 });
	return conform_wants_error(c, &d, ERROR_DATA_TOO_OLD);
}

static enum conform_verdict raised(struct conform *c)
{
	enum conform_verdict v;
	uint64_t before = c->generation;
	if (!stored(c, &(struct conform_value){ .text = TEXT, .exists = true }, &c->generation, &v))
		return v;
	return conform_say(c, c->generation > before ? CONFORM_HOLDS : CONFORM_VIOLATED,
		"a second Store changed the generation from %llu to %llu",
		(unsigned long long)before, (unsigned long long)c->generation);
}

static enum conform_verdict right_counter(struct conform *c)
{
	enum conform_verdict v;
	if (!has_stored(c, &v))
		return v;
	if (!stored(c,
		    &(struct conform_value){
			    .text = TEXT, .exists = true, .generation = c->generation },
		    &c->generation, &v))
		return v;
	return HOLDS(c, "a Store with the present generation is taken");
}

static enum conform_verdict once(struct conform *c)
{
	enum conform_verdict v;
	struct draft d;
	uint64_t generations[2] = { 0 };
	if (!conform_place(c, &v))
		return v;
	conform_store(c, &d, &(struct conform_value){ .text = TEXT, .exists = true });
	for (size_t i = 0; i < 2; i++) {
		bool fits = conform_ask(c, &d) && c->answer->code == RELOAD_STORE_ANS &&
			    c->answer->body.store_ans.kind_responses_count == 1;
		if (!fits) {
			draft_end(&d);
			return *c->fault ? conform_no_answer(c)
					 : VIOLATED(c, "copy %zu was answered with %s", i + 1,
						   conform_answer_text(c));
		}
		generations[i] = c->answer->body.store_ans.kind_responses[0].generation_counter;
	}
	draft_end(&d);
	c->generation = generations[1];
	return conform_say(c, generations[0] == generations[1] ? CONFORM_HOLDS : CONFORM_VIOLATED,
		"the generations of a Store and of its copy are %llu and %llu",
		(unsigned long long)generations[0], (unsigned long long)generations[1]);
}

static enum conform_verdict removed(struct conform *c)
{
	enum conform_verdict v;
	if (!stored(c, &(struct conform_value){ .exists = false }, &c->generation, &v))
		return v;
	const struct reload_stored_data *s = fetched(c, &v);
	if (!s)
		return v;
	if (s->value.exists)
		return VIOLATED(c, "the value that was removed is still there");
	return s->signature.identity.type == RELOAD_IDENTITY_NONE
		       ? VIOLATED(c, "what was removed is answered without its signature")
		       : HOLDS(c, "a Fetch shows the removal, signed");
}

const struct conform_check conform_stores[] = {
	{ "R-7.4.1.1-20", "what is stored has a generation of 1 or more", first, true },
	{ "R-7.4.1.1-18", "what was stored is fetched", found, true },
	{ "R-7-06", "what is left of a lifetime is not more than it was", lifetime, true },
	{ "R-6.3.4-01", "a FetchAns brings the certificates of those who stored", by_signer, true },
	{ "R-7.4.2.1-08", "a Fetch with the present generation brings no values", same_generation,
		true },
	{ "R-7.4.3-03", "the hash of a Stat is that of length and value", stat_hash, true },
	{ "R-7-02", "a value that is older than what is stored: Error_Data_Too_Old", older, true },
	{ "R-7.4.1.1-19", "a Store raises the generation", raised, true },
	{ "R-7.4.1.1-24", "a Store with the present generation overwrites", right_counter, true },
	{ "R-6.2.1-11", "a Store that is repeated is stored once", once, true },
	{ "R-7.4.1.3-03", "what was removed is answered as removed, signed", removed, true },
	{ 0 },
};
