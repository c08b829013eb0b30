#include "peer/internal.h"

#include "storage/value_check.h"

/*
 * A Fetch of this node: what it keeps until it is freed, and what its answer is worth.  Each value of the answer is verified beside
 * the answer's own signature and then judged by the document in force.
 */

static void fetch_free(void *work)
{
	struct fetch_make *f = work;
	reload_arena_clear(&f->arena);
	free(f->values);
	free(f);
}

void reload_fetch_make(struct reload_request *r, const struct reload_id *resource)
{
	struct fetch_make *f = RELOAD_NEW(fetch_make);
	f->resource = *resource;
	r->work = f;
	r->work_free = fetch_free;
}

struct fetch_make *reload_fetch_of(const struct reload_request *r)
{
	return r->work;
}

void reload_fetch_values(struct reload_request *r, struct reload_incoming *in)
{
	const struct reload_fetch_ans *ans = &in->msg->body.fetch_ans;
	size_t count = 0;
	for (size_t k = 0; k < ans->kind_responses_count; k++)
		count += ans->kind_responses[k].values_count;
	in->values = reload_alloc_array(count, sizeof(*in->values));
	for (size_t k = 0; k < ans->kind_responses_count; k++)
		for (size_t v = 0; v < ans->kind_responses[k].values_count; v++)
			in->values[in->values_count++] = (struct reload_signed_value){
				.data = &ans->kind_responses[k].values[v],
				.kind = ans->kind_responses[k].kind,
				.nobody = reload_stored_unsigned(&ans->kind_responses[k].values[v])
			};
	reload_values_verify(in, reload_id_span(&reload_fetch_of(r)->resource), NULL);
}

static enum reload_err value_judge(
	struct reload_request *r, const struct reload_signed_value *check)
{
	struct reload_peer *p = r->method->arg;
	return reload_value_check(&(struct reload_value_claim){ .config = p->engine->config,
		.resource = &reload_fetch_of(r)->resource,
		.kind = check->kind,
		.data = check->data,
		.cert = check->cert,
		.signer = &check->signer,
		.resource_id = p->topology->resource_id,
		.now = p->engine->wall,
		.verified = check->err });
}

/* A value that is older than one seen before is reported; it is delivered all the same. */
static void rollback_note(
	struct reload_request *r, struct reload_fetched *value, const struct reload_id *responder)
{
	struct reload_peer *p = r->method->arg;
	const struct reload_id *resource = &reload_fetch_of(r)->resource;
	value->rolled_back =
		reload_values_rolled_back(p, reload_id_span(resource), value->kind, value->data);
	if (value->rolled_back)
		reload_engine_event(p->engine, &(struct reload_event){ .type = RELOAD_EV_ROLLBACK,
						       .transaction = r->transaction.id,
						       .kind = value->kind,
						       .resource = resource,
						       .node = responder });
}

void reload_fetch_answered(struct reload_request *r, struct reload_incoming *in)
{
	struct fetch_make *f = reload_fetch_of(r);
	f->values = reload_alloc_array(in->values_count, sizeof(*f->values));
	for (size_t i = 0; i < in->values_count; i++) {
		struct reload_signed_value *check = &in->values[i];
		struct reload_fetched *value = &f->values[i];
		*value = (struct reload_fetched){ .kind = check->kind,
			.data = check->data,
			.err = value_judge(r, check),
			.synthetic = check->nobody,
			.cert = check->cert,
			.signer = check->signer };
		if (!value->err && !value->synthetic)
			rollback_note(r, value, &in->signer);
	}
	r->result.values = f->values;
	r->result.values_count = in->values_count;
}
