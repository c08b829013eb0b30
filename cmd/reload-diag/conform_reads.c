/* Fetch, Stat and Find where nothing of this identity is stored (RFC 6940 s7.4.2 to s7.4.4). */
#include "reload-diag/conform.h"

#include "wire/error.h"

enum {
	ERROR_NOT_FOUND = 3,
	ERROR_UNKNOWN_KIND = 12
};

static const uint32_t unknown_kind = 0xf0ffff77;

static enum conform_verdict unknown(struct conform *c, uint16_t code)
{
	struct draft d;
	if (reload_config_kind(c->me.config, unknown_kind))
		return UNJUDGED(c, "the overlay has a Kind 0x%x", (unsigned)unknown_kind);
	conform_fetch(c, &d, code, &c->target, &unknown_kind, 1, 0);
	return conform_wants_error(c, &d, ERROR_UNKNOWN_KIND);
}

static enum conform_verdict fetch_unknown(struct conform *c)
{
	return unknown(c, RELOAD_FETCH_REQ);
}

static enum conform_verdict stat_unknown(struct conform *c)
{
	return unknown(c, RELOAD_STAT_REQ);
}

/* -- ranges of an array ------------------------------------------------------------------------------------------------------- */

static void fetch_ranges(struct conform *c, struct draft *d, const uint32_t *bounds, size_t count)
{
	draft_begin(c, d, RELOAD_FETCH_REQ);
	wr_u8(&d->body, c->target.len);
	wr_span(&d->body, reload_id_span(&c->target));
	size_t mark = wr_open(&d->body, 2);
	wr_u32(&d->body, RELOAD_KIND_CERT_BY_NODE); /* an array, known everywhere */
	wr_u64(&d->body, 0);
	size_t specifier = wr_open(&d->body, 2), ranges = wr_open(&d->body, 2);
	for (size_t i = 0; i < count; i++)
		wr_u32(&d->body, bounds[i]);
	wr_close(&d->body, ranges, 2);
	wr_close(&d->body, specifier, 2);
	wr_close(&d->body, mark, 2);
}

static enum conform_verdict range_backwards(struct conform *c)
{
	struct draft d;
	fetch_ranges(c, &d, (uint32_t[]){ 5, 2 }, 2);
	return conform_wants_refusal(c, &d);
}

static enum conform_verdict ranges_overlap(struct conform *c)
{
	struct draft d;
	fetch_ranges(c, &d, (uint32_t[]){ 0, 5, 3, 9 }, 4);
	return conform_wants_refusal(c, &d);
}

static enum conform_verdict ranges(struct conform *c)
{
	struct draft d;
	enum conform_verdict v;
	fetch_ranges(c, &d, (uint32_t[]){ 0, 1, 5, 0xffffffff }, 4);
	if (!conform_wants(c, &d, RELOAD_FETCH_ANS, &v))
		return v;
	size_t count = c->answer->body.fetch_ans.kind_responses_count;
	return count == 1 ? HOLDS(c, "one FetchKindResponse for one Kind with two ranges")
			  : VIOLATED(c, "%zu FetchKindResponses for one Kind", count);
}

/* -- one response for each Kind ------------------------------------------------------------------------------------------------ */

/* Up to two Kinds of single values, which need no specifier. */
static size_t singles(const struct conform *c, uint32_t out[2])
{
	const struct reload_config_kind_list *kinds = &c->me.config->kinds;
	size_t n = 0;
	for (size_t i = 0; i < kinds->count && n < 2; i++)
		if (kinds->at[i].model == RELOAD_MODEL_SINGLE)
			out[n++] = kinds->at[i].id;
	return n;
}

static enum conform_verdict each_kind(struct conform *c)
{
	struct draft d;
	enum conform_verdict v;
	uint32_t kinds[2];
	size_t n = singles(c, kinds);
	if (!n)
		return UNJUDGED(c, "the overlay has no Kind of single values");
	conform_fetch(c, &d, RELOAD_FETCH_REQ, &c->target, kinds, n, 0);
	if (!conform_wants(c, &d, RELOAD_FETCH_ANS, &v))
		return v;
	size_t count = c->answer->body.fetch_ans.kind_responses_count;
	return conform_say(c, count == n ? CONFORM_HOLDS : CONFORM_VIOLATED,
		"%zu FetchKindResponse%s for %zu Kind%s", count, cli_plural(count), n,
		cli_plural(n));
}

static enum conform_verdict synthetic(struct conform *c)
{
	struct draft d;
	enum conform_verdict v;
	uint32_t kinds[2];
	if (!singles(c, kinds))
		return UNJUDGED(c, "the overlay has no Kind of single values");
	conform_fetch(c, &d, RELOAD_FETCH_REQ, &c->target, kinds, 1, 0);
	if (!conform_wants(c, &d, RELOAD_FETCH_ANS, &v))
		return v;
	const struct reload_fetch_ans *a = &c->answer->body.fetch_ans;
	if (a->kind_responses_count != 1 || a->kind_responses[0].values_count != 1)
		return VIOLATED(
			c, "a single value that is not there is not answered with one value");
	const struct reload_stored_data *s = &a->kind_responses[0].values[0];
	if (s->value.exists)
		return UNJUDGED(c, "a value is stored at the Node-ID of the node");
	if (s->signature.identity.type == RELOAD_IDENTITY_NONE && !s->signature.hash_alg &&
		!s->signature.sig_alg && !s->signature.value.len)
		return HOLDS(c, "exists False, identity none, without a signature");
	return UNJUDGED(c, "what is there was removed, and is signed");
}

/* -- Find ---------------------------------------------------------------------------------------------------------------------- */

static void find(struct conform *c, struct draft *d, const struct reload_id *at,
	const uint32_t *kinds, uint8_t count)
{
	draft_begin(c, d, RELOAD_FIND_REQ);
	wr_u8(&d->body, at->len);
	wr_span(&d->body, reload_id_span(at));
	wr_u8(&d->body, (uint8_t)(4 * count));
	for (size_t i = 0; i < count; i++)
		wr_u32(&d->body, kinds[i]);
}

static enum conform_verdict find_twice(struct conform *c)
{
	struct draft d;
	static const uint32_t kinds[] = { RELOAD_KIND_CERT_BY_NODE, RELOAD_KIND_CERT_BY_NODE };
	find(c, &d, &c->target, kinds, 2);
	return conform_wants_refusal(c, &d);
}

static bool is_zero(struct span id)
{
	for (size_t i = 0; i < id.len; i++)
		if (id.at[i])
			return false;
	return true;
}

static enum conform_verdict find_unknown(struct conform *c)
{
	struct draft d;
	enum conform_verdict v;
	if (reload_config_kind(c->me.config, unknown_kind))
		return UNJUDGED(c, "the overlay has a Kind 0x%x", (unsigned)unknown_kind);
	find(c, &d, &c->target, &unknown_kind, 1);
	if (!conform_wants(c, &d, RELOAD_FIND_ANS, &v))
		return v;
	const struct reload_find_ans *a = &c->answer->body.find_ans;
	if (a->results_count != 1 || a->results[0].kind != unknown_kind)
		return VIOLATED(c, "%zu result%s for one Kind%s", a->results_count,
			cli_plural(a->results_count),
			a->results_count == 1 ? ", of another Kind" : "");
	return is_zero(a->results[0].closest)
		       ? HOLDS(c, "the Resource-ID for an unknown Kind is zero")
		       : VIOLATED(c, "the Resource-ID for an unknown Kind is not zero");
}

static enum conform_verdict find_each(struct conform *c)
{
	struct draft d;
	enum conform_verdict v;
	static const uint32_t kinds[] = { RELOAD_KIND_CERT_BY_NODE, RELOAD_KIND_CERT_BY_USER };
	find(c, &d, &c->target, kinds, 2);
	if (!conform_wants(c, &d, RELOAD_FIND_ANS, &v))
		return v;
	const struct reload_find_ans *a = &c->answer->body.find_ans;
	bool fits = a->results_count == 2;
	for (size_t i = 0; i < 2 && fits; i++)
		fits = a->results[0].kind == kinds[i] || a->results[1].kind == kinds[i];
	return fits ? HOLDS(c, "one result for each of two Kinds")
		    : VIOLATED(c, "%zu result%s for two Kinds%s", a->results_count,
			      cli_plural(a->results_count),
			      a->results_count == 2 ? ", not one for each" : "");
}

static enum conform_verdict find_elsewhere(struct conform *c)
{
	struct draft d;
	enum conform_verdict v;
	static const uint32_t kinds[] = { RELOAD_KIND_CERT_BY_NODE };
	struct reload_id behind = reload_id_add_power(&c->target, 0);
	if (!conform_needs_other(c, &v))
		return v;
	find(c, &d, &behind, kinds, 1);
	return conform_wants_error(c, &d, ERROR_NOT_FOUND);
}

const struct conform_check conform_reads[] = {
	{ "R-7.4.1.2-07", "a Fetch of an unknown Kind: Error_Unknown_Kind", fetch_unknown },
	{ "R-7.4.3-04", "a Stat of an unknown Kind: Error_Unknown_Kind", stat_unknown },
	{ "R-7.4.2.1-04", "a range that ends before it begins is refused", range_backwards },
	{ "R-7.4.2.1-06", "ranges that overlap are refused", ranges_overlap },
	{ "R-7.4.2.1-05", "several ranges of one array are answered in one response", ranges },
	{ "R-7.4.2.2-01", "one FetchKindResponse for each Kind", each_kind },
	{ "R-7.4.2.2-03", "a value that is not there is answered as one that does not exist",
		synthetic },
	{ "R-7.4.4-01", "a Find with a Kind that stands twice is refused", find_twice },
	{ "R-7.4.4-05", "a Find of an unknown Kind: the Resource-ID zero", find_unknown },
	{ "R-7.4.4-03", "one result of a Find for each Kind", find_each },
	{ "R-7.4.4-02", "a Find at a peer that is not responsible: Error_Not_Found",
		find_elsewhere },
	{ 0 },
};
