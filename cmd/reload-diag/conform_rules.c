/* What a peer refuses to store (RFC 6940 s7.3, s7.4.1). */
#include "reload-diag/conform.h"

#include "util/alloc.h"
#include "wire/error.h"

#include <stdlib.h>
#include <string.h>

enum {
	ERROR_FORBIDDEN = 2,
	ERROR_GENERATION_TOO_LOW = 5,
	ERROR_DATA_TOO_LARGE = 8,
	ERROR_UNKNOWN_KIND = 12,
	ERROR_INVALID_MESSAGE = 20
};

static const uint32_t unknown_kind = 0xf0ffff77;

static const char text[] = "reload-diag conform";

#define TEXT span_of(text, sizeof(text) - 1)

static bool knows_kind(const struct conform *c)
{
	return reload_config_kind(c->me.config, unknown_kind);
}

static enum conform_verdict refused(
	struct conform *c, const struct conform_value *v, uint16_t error)
{
	struct draft d;
	conform_store(c, &d, v);
	return conform_wants_error(c, &d, error);
}

/* -- at the Resource-ID that is the node's own Node-ID, where this identity may not write anything ----------------------------- */

static enum conform_verdict kind(struct conform *c)
{
	if (knows_kind(c))
		return UNJUDGED(c, "the overlay has a Kind 0x%x", (unsigned)unknown_kind);
	return refused(c,
		&(struct conform_value){
			.text = TEXT, .exists = true, .kind = unknown_kind, .at = &c->target },
		ERROR_UNKNOWN_KIND);
}

static enum conform_verdict kinds_listed(struct conform *c)
{
	enum conform_verdict v = kind(c);
	if (v != CONFORM_HOLDS)
		return v;
	struct rd r = rd_of(c->answer->body.error.error_info);
	uint8_t len = rd_u8(&r);
	uint32_t first = rd_u32(&r);
	if (r.err || len != 4 || rd_more(&r) || first != unknown_kind)
		return VIOLATED(c,
			"error_info of Error_Unknown_Kind (%zu byte%s) is not the list of that "
			"Kind",
			c->answer->body.error.error_info.len,
			cli_plural(c->answer->body.error.error_info.len));
	return HOLDS(c, "error_info lists Kind 0x%x", (unsigned)first);
}

/* Any Kind of single values: CERTIFICATE_BY_USER and _BY_NODE, which are always there, are arrays. */
static const struct reload_kind *single(const struct conform *c)
{
	const struct reload_config_kind_list *kinds = &c->me.config->kinds;
	for (size_t i = 0; i < kinds->count; i++)
		if (kinds->at[i].model == RELOAD_MODEL_SINGLE &&
			kinds->at[i].id >= CONFORM_PRIVATE_KIND)
			return &kinds->at[i];
	return NULL;
}

static enum conform_verdict foreign(struct conform *c)
{
	const struct reload_kind *k = single(c);
	if (!k)
		return UNJUDGED(c, "the overlay has no Kind of single values of the private range");
	return refused(c,
		&(struct conform_value){
			.text = TEXT, .exists = true, .kind = k->id, .at = &c->target },
		ERROR_FORBIDDEN);
}

/* Where nothing but that speaks against it: another node is responsible there. */
static enum conform_verdict not_responsible(struct conform *c)
{
	enum conform_verdict v;
	if (!conform_far_place(c, &v))
		return v;
	return refused(c,
		&(struct conform_value){
			.text = TEXT, .exists = true, .kind = c->far_kind->id, .at = &c->far },
		ERROR_FORBIDDEN);
}

/* -- at a place of this identity, for which the node is responsible --------------------------------------------------------- */

static enum conform_verdict at_place(
	struct conform *c, const struct conform_value *value, uint16_t error)
{
	enum conform_verdict v;
	return conform_place(c, &v) ? refused(c, value, error) : v;
}

static enum conform_verdict bad_signature(struct conform *c)
{
	return at_place(c,
		&(struct conform_value){
			.text = TEXT, .exists = true, .signing = CONFORM_SIGN_FLIPPED },
		ERROR_FORBIDDEN);
}

static enum conform_verdict no_signature(struct conform *c)
{
	return at_place(c,
		&(struct conform_value){
			.text = TEXT, .exists = true, .signing = CONFORM_SIGN_NOT },
		ERROR_FORBIDDEN);
}

static enum conform_verdict kind_twice(struct conform *c)
{
	return at_place(c, &(struct conform_value){ .text = TEXT, .exists = true, .times = 2 },
		ERROR_INVALID_MESSAGE);
}

static enum conform_verdict replica(struct conform *c)
{
	return at_place(c,
		&(struct conform_value){
			.text = TEXT, .exists = true, .replica = 1, .generation = 1 },
		ERROR_FORBIDDEN);
}

static enum conform_verdict replica_zero(struct conform *c)
{
	enum conform_verdict v;
	struct draft d;
	if (!conform_place(c, &v))
		return v;
	conform_store(c, &d, &(struct conform_value){ .text = TEXT, .exists = true, .replica = 1 });
	if (!conform_wants(c, &d, RELOAD_ERROR, &v))
		return v;
	return HOLDS(c, "answered with %s", conform_answer_text(c));
}

static enum conform_verdict too_large(struct conform *c)
{
	enum conform_verdict v;
	if (!conform_place(c, &v))
		return v;
	size_t len = (size_t)c->kind->max_size + 1;
	if (len + 2500 > c->me.config->max_message_size)
		return UNJUDGED(c, "a value of %zu bytes does not fit a message", len);
	uint8_t *value = reload_alloc(len);
	v = refused(c, &(struct conform_value){ .text = span_of(value, len), .exists = true },
		ERROR_DATA_TOO_LARGE);
	free(value);
	return v;
}

static enum conform_verdict counter(struct conform *c)
{
	return at_place(c,
		&(struct conform_value){ .text = TEXT, .exists = true, .generation = 0x7fffffff },
		ERROR_GENERATION_TOO_LOW);
}

static enum conform_verdict counter_told(struct conform *c)
{
	struct reload_store_ans ans;
	struct reload_arena arena = { 0 };
	struct wire_ctx ctx = c->ctx;
	enum conform_verdict v = counter(c);
	if (v != CONFORM_HOLDS)
		return v;
	ctx.arena = &arena;
	enum reload_err err = reload_wire_decode(
		c->answer->body.error.error_info, &reload_store_ans_wire, &ctx, &ans);
	bool fits = !err && ans.kind_responses_count == 1 &&
		    ans.kind_responses[0].kind == c->kind->id &&
		    !ans.kind_responses[0].replicas_count;
	uint64_t told = fits ? ans.kind_responses[0].generation_counter : 0;
	reload_arena_clear(&arena);
	return fits ? HOLDS(c, "error_info is a StoreAns: generation %llu, no replicas",
			      (unsigned long long)told)
		    : VIOLATED(c, "error_info is no StoreAns of that Kind without replicas");
}

static enum conform_verdict nothing_stored(struct conform *c)
{
	enum conform_verdict v;
	struct draft d;
	if (!conform_place(c, &v))
		return v;
	conform_fetch(c, &d, RELOAD_FETCH_REQ, &c->place, &c->kind->id, 1, 0);
	if (!conform_wants(c, &d, RELOAD_FETCH_ANS, &v))
		return v;
	const struct reload_fetch_ans *a = &c->answer->body.fetch_ans;
	for (size_t i = 0; i < a->kind_responses_count; i++)
		for (size_t k = 0; k < a->kind_responses[i].values_count; k++)
			if (a->kind_responses[i].values[k].value.exists)
				return VIOLATED(c, "a value of a Store that was refused is there");
	return HOLDS(c, "behind all Stores that were refused nothing is stored");
}

const struct conform_check conform_rules[] = {
	{ "R-7.4.1.1-06", "a Store of an unknown Kind: Error_Unknown_Kind", kind, true },
	{ "R-7.4.1.2-08", "Error_Unknown_Kind lists the Kinds", kinds_listed, true },
	{ "R-7.4.1.1-09", "a Store where its signer may not write: Error_Forbidden", foreign,
		true },
	{ "R-7.4.1.1-04", "a Store at a peer that is not responsible: Error_Forbidden",
		not_responsible, true },
	{ "R-7.4.1.1-07", "a value whose signature does not verify: Error_Forbidden", bad_signature,
		true },
	{ "R-7.4.1.1-17", "a value that is not signed: Error_Forbidden", no_signature, true },
	{ "R-7.4.1.1-01", "a Kind that stands twice: Error_Invalid_Message", kind_twice, true },
	{ "R-7.4.1.1-10", "a replica of who is not plausible: Error_Forbidden", replica, true },
	{ "R-7.4.1.1-14", "a replica with generation_counter 0 is refused", replica_zero, true },
	{ "R-7.4.1.2-06", "a value above max-size: Error_Data_Too_Large", too_large, true },
	{ "R-7.4.1.1-11", "another generation_counter: Error_Generation_Counter_Too_Low", counter,
		true },
	{ "R-7.4.1.2-04", "Error_Generation_Counter_Too_Low brings a StoreAns", counter_told,
		true },
	{ "R-7.4.1.1-02", "a Store that is refused changes nothing", nothing_stored, true },
	{ 0 },
};
