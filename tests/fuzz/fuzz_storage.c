/*
 * The storage and what decides about it, on hostile requests.  The input is a sequence of steps: a byte that selects what
 * is done, a byte of flags, a length of two bytes, and that many bytes of a request as it would come off the wire.
 *
 * A resource of one byte stands for one of those that the fixture's signers may write to.  Who signed a value is told by
 * the first byte of its signature, who signed the request by the flags.
 *
 * Always true: what is refused leaves the storage as it was; no counter is 0 where a value is; a counter in an answer is
 * the one that is held; an answer has a response for each Kind and can be encoded.
 */
#include "tests/unit/storage_fixture.h"

#include "wire/limits.h"

enum {
	STEP_STORE,
	STEP_FETCH,
	STEP_FIND,
	STEP_TIME,
	STEP_DROP,
	STEPS,
	STEPS_MAX = 200,
	QUOTA = 40000,
	FLAG_REPLICA = 0x01,
	FLAG_ELSEWHERE = 0x02, /* not responsible */
	FLAG_SIGNER = 2,       /* how far to shift the flags */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct step {
	uint8_t what, flags;
	struct span body;
};

static struct reload_signer signer_of(const struct fixture *x, uint8_t choice)
{
	const struct reload_signer signers[] = { x->by_alice, x->by_bob, x->by_multi_1,
		x->by_multi_2 };
	return signers[choice % COUNT_OF(signers)];
}

static bool resource_id(const struct fixture *x, struct span resource, struct reload_id *out)
{
	if (resource.len != 1)
		return reload_id_from(out, resource) == RELOAD_OK;
	switch (resource.at[0] % 6) {
	case 0:
		*out = x->at_alice;
		break;
	case 1:
		*out = x->at_bob;
		break;
	case 2:
		*out = resource_of_node(&x->node_a, 0);
		break;
	case 3:
		*out = resource_of_node(&x->node_a, 1);
		break;
	case 4:
		*out = resource_of_node(&x->node_m[1], 2);
		break;
	default:
		*out = resource_of_node(&x->node_m[0], 0);
	}
	return true;
}

static struct wire_ctx context(struct fixture *x)
{
	return (struct wire_ctx){ .node_id_len = 16,
		.arena = &x->arena,
		.model = reload_config_model,
		.model_arg = &x->config };
}

/* Fills in who signed what; the fields point into the arena. */
static void sign(struct fixture *x, struct reload_store_work *w)
{
	size_t n = 0;
	w->value_signers =
		reload_arena_take(&x->arena, (w->values_count + 1) * sizeof(*w->value_signers));
	w->value_certificates = reload_arena_take(
		&x->arena, (w->values_count + 1) * sizeof(*w->value_certificates));
	for (size_t i = 0; i < w->req->kind_data_count; i++)
		for (size_t k = 0; k < w->req->kind_data[i].values_count; k++, n++) {
			struct span signature = w->req->kind_data[i].values[k].signature.value;
			w->value_signers[n] = signer_of(x, signature.len ? signature.at[0] : 0);
			w->value_certificates[n] = span_str(w->value_signers[n].cert->user);
		}
	assert(n == w->values_count);
}

static void check_counters(struct fixture *x, const struct reload_store_work *w)
{
	assert(w->answer.kind_responses_count == w->req->kind_data_count);
	for (size_t i = 0; i < w->answer.kind_responses_count; i++) {
		const struct reload_store_kind_response *r = &w->answer.kind_responses[i];
		assert(r->generation_counter ==
			x->storage->ops->generation(x->storage, &w->resource, r->kind, x->now));
	}
}

static void store(struct fixture *x, const struct step *step)
{
	struct wire_ctx ctx = context(x);
	struct reload_store_req req;
	uint8_t before[RELOAD_HASH_SIZE_MAX], after[RELOAD_HASH_SIZE_MAX];
	struct reload_store_work w = { .config = &x->config,
		.storage = x->storage,
		.req = &req,
		.resource_id = fixture_resource_id,
		.replica = step->flags & FLAG_REPLICA,
		.may_store_here = !(step->flags & FLAG_ELSEWHERE),
		.request_signer = signer_of(x, step->flags >> FLAG_SIGNER),
		.now = x->now,
		.arena = &x->arena };
	if (reload_wire_decode(step->body, &reload_store_req_wire, &ctx, &req) ||
		!resource_id(x, req.resource, &w.resource))
		return;
	storage_digest(x->storage, x->now, before);
	enum reload_err err = reload_store_begin(&w);
	if (!err) {
		sign(x, &w);
		err = reload_store_accept(&w);
	}
	assert(!err == !w.reason);
	if (!err && w.changed)
		err = x->storage->ops->commit(x->storage, &w.batch, NULL, NULL);
	storage_digest(x->storage, x->now, after);
	if (err || !w.changed)
		assert(memcmp(before, after, 32) == 0);
	if (!err || err == RELOAD_GENERATION_TOO_LOW)
		check_counters(x, &w);
}

static void check_encoding(struct fixture *x, const struct wire_type *type, const void *answer)
{
	struct wire_ctx ctx = context(x);
	struct wr w;
	wr_init(&w);
	reload_wire_write(&w, type, &ctx, answer);
	assert(!w.err);
	wr_clear(&w);
}

/* Fetch and Stat tell of the same values. */
static void fetch(struct fixture *x, const struct step *step)
{
	struct wire_ctx ctx = context(x);
	struct reload_fetch_req req;
	struct reload_fetch_work w = { .config = &x->config,
		.storage = x->storage,
		.req = &req,
		.responsible = !(step->flags & FLAG_ELSEWHERE),
		.now = x->now,
		.arena = &x->arena };
	if (reload_wire_decode(step->body, &reload_fetch_req_wire, &ctx, &req) ||
		!resource_id(x, req.resource, &w.resource))
		return;
	enum reload_err err = reload_fetch_answer(&w);
	enum reload_err stat_err = reload_stat_answer(&w);
	assert(err == stat_err);
	if (err)
		return;
	size_t total = 0;
	assert(w.fetch.kind_responses_count == req.specifiers_count);
	assert(w.stat.kind_responses_count == req.specifiers_count);
	for (size_t i = 0; i < req.specifiers_count; i++) {
		const struct reload_fetch_kind_response *r = &w.fetch.kind_responses[i];
		assert(r->kind == req.specifiers[i].kind);
		assert(r->values_count == w.stat.kind_responses[i].values_count);
		for (size_t n = 0; n < r->values_count; n++)
			assert(r->generation ||
				r->values[n].signature.identity.type == RELOAD_IDENTITY_NONE);
		total += r->values_count;
	}
	assert(total <= RELOAD_LIMIT_VALUES && w.certificates_count <= total);
	check_encoding(x, &reload_fetch_ans_wire, &w.fetch);
	check_encoding(x, &reload_stat_ans_wire, &w.stat);
}

static void find(struct fixture *x, const struct step *step)
{
	struct wire_ctx ctx = context(x);
	struct reload_find_req req;
	struct reload_find_work w = { .config = &x->config,
		.storage = x->storage,
		.req = &req,
		.range_to = x->at_bob,
		.responsible = !(step->flags & FLAG_ELSEWHERE),
		.whole_ring = step->flags & FLAG_REPLICA,
		.now = x->now,
		.arena = &x->arena };
	if (reload_wire_decode(step->body, &reload_find_req_wire, &ctx, &req) ||
		!resource_id(x, req.resource, &w.resource))
		return;
	if (reload_find_answer(&w))
		return;
	assert(w.answer.results_count == req.kinds_count);
	check_encoding(x, &reload_find_ans_wire, &w.answer);
}

static void take_step(struct fixture *x, const struct step *step)
{
	size_t bytes;
	struct rd r = rd_of(step->body);
	switch (step->what % STEPS) {
	case STEP_STORE:
		store(x, step);
		break;
	case STEP_FETCH:
		fetch(x, step);
		break;
	case STEP_FIND:
		find(x, step);
		break;
	case STEP_TIME:
		x->now += rd_u32(&r);
		if (step->flags & 1)
			x->storage->ops->expire(x->storage, x->now);
		break;
	case STEP_DROP:
		if (step->flags & 1)
			x->storage->ops->drop_kind(x->storage, rd_u32(&r));
		else
			x->storage->ops->drop_range(x->storage, &x->at_alice, &x->at_bob);
		break;
	}
	x->storage->ops->count(x->storage, x->now, NULL, &bytes);
	assert(bytes <= QUOTA);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fixture *x = RELOAD_NEW(fixture);
	struct rd r = rd_of(span_of(data, size));
	fixture_new(x);
	reload_storage_free(x->storage);
	x->storage = reload_storage_memory_new(QUOTA, HOUR_MS);
	for (int i = 0; i < STEPS_MAX && rd_more(&r); i++) {
		struct step step = { .what = rd_u8(&r), .flags = rd_u8(&r) };
		size_t len = rd_u16(&r);
		step.body = rd_span(&r, len < rd_left(&r) ? len : rd_left(&r));
		uint8_t *copy =
			reload_memdup(step.body.at, step.body.len); /* a byte too far is seen */
		step.body.at = copy;
		take_step(x, &step);
		reload_arena_clear(&x->arena);
		free(copy); /* nothing that is held may point here */
	}
	fixture_clear(x);
	free(x);
	return 0;
}
