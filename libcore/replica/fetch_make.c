#include "replica/internal.h"

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

void reload_fetch_own(struct reload_request *r, const struct reload_id *resource)
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
				.is_unsigned =
					reload_stored_unsigned(&ans->kind_responses[k].values[v])
			};
	reload_values_verify(in, reload_id_span(&reload_fetch_of(r)->resource), NULL);
}

static enum reload_err value_check(
	struct reload_request *r, const struct reload_signed_value *check)
{
	struct reload_replica *rep = r->method->arg;
	return reload_value_check(&(struct reload_value_claim){ .config = rep->engine->config,
		.resource = &reload_fetch_of(r)->resource,
		.kind = check->kind,
		.data = check->data,
		.cert = check->cert,
		.signer = &check->signer,
		.resource_id = rep->route->topology->resource_id,
		.now = rep->engine->wall,
		.verified = check->err });
}

/* A value that is older than one seen before is reported; it is delivered all the same. */
static void rollback_note(
	struct reload_request *r, struct reload_fetched *value, const struct reload_id *responder)
{
	struct reload_replica *rep = r->method->arg;
	const struct reload_id *resource = &reload_fetch_of(r)->resource;
	value->rolled_back =
		reload_values_rolled_back(rep, reload_id_span(resource), value->kind, value->data);
	if (value->rolled_back)
		reload_engine_event(rep->engine, &(struct reload_event){ .type = RELOAD_EV_ROLLBACK,
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
			.err = value_check(r, check),
			.synthetic = check->is_unsigned,
			.cert = check->cert,
			.signer = check->signer };
		if (!value->err && !value->synthetic)
			rollback_note(r, value, &in->signer);
	}
	r->result.values = f->values;
	r->result.values_count = in->values_count;
}

/* R-7.4.2.1-04, -06: ranges in order and apart from each other. */
static bool ranges_ok(const struct reload_specifier *s)
{
	for (size_t i = 0; i < s->ranges_count; i++) {
		if (s->ranges[i].first > s->ranges[i].last)
			return false;
		for (size_t k = 0; k < i; k++)
			if (s->ranges[i].first <= s->ranges[k].last &&
				s->ranges[k].first <= s->ranges[i].last)
				return false;
	}
	return true;
}

enum reload_err reload_specifiers_own(const struct reload_config *config,
	struct reload_specifier *own, const struct reload_specifier *specifiers, size_t count)
{
	enum reload_err err = RELOAD_OK;
	for (size_t i = 0; i < count; i++) {
		own[i] = specifiers[i];
		const struct reload_kind *kind = reload_config_kind(config, own[i].kind);
		if (!kind)
			err = RELOAD_UNKNOWN_KIND;
		else if (!ranges_ok(&own[i]))
			err = RELOAD_USAGE;
		else
			own[i].model = (uint8_t)kind->model;
	}
	return err;
}
