#include "replica/internal.h"

#include "storage/lapsed.h"

/*
 * A Store of this node's own values: each value is signed (a job), then the request.  Storage times grow from Store to
 * Store (R-13.5-04).
 */

struct store_make {
	struct reload_id resource;
	struct reload_store_req req;
	struct reload_arena arena; /* of req */
	size_t unsigned_values;
	enum reload_err err; /* a value could not be signed */
};

struct value_signing {
	struct reload_request *request;
	struct reload_stored_data *data;
};

static void store_free(void *work)
{
	struct store_make *m = work;
	reload_arena_clear(&m->arena);
	free(m);
}

/* All values have been signed. */
static void store_send(struct reload_request *r)
{
	struct store_make *m = r->work;
	if (m->err)
		reload_request_fail(r, m->err, "a value could not be signed");
	else
		reload_request_send(r, &m->req);
}

static void value_signed(void *arg, struct reload_job *job)
{
	struct value_signing *v = arg;
	struct reload_request *r = v->request;
	struct store_make *m = r->work;
	struct reload_stored_data *d = v->data;
	m->unsigned_values--;
	if (job->err)
		m->err = job->err;
	d->signature.hash_alg = job->hash_alg;
	d->signature.sig_alg = job->sig_alg;
	d->signature.value = reload_arena_copy(&m->arena, wr_done(&job->signature));
	free(v);
	bool last = !m->unsigned_values;
	if (reload_request_release(r) && last)
		store_send(r);
}

static void value_sign(struct reload_request *r, uint32_t kind, struct reload_stored_data *d)
{
	struct reload_replica *rep = r->method->arg;
	struct store_make *m = r->work;
	struct reload_job *job = reload_sign_value(rep->exchange, &m->resource, kind, d);
	if (job->input.err) {
		m->err = job->input.err;
		reload_job_free(job);
		return;
	}
	struct value_signing *v = RELOAD_NEW(value_signing);
	v->request = r;
	v->data = d;
	reload_request_hold(r);
	m->unsigned_values++;
	reload_engine_job(rep->engine, job, value_signed, v);
}

/* A clock that was far ahead, and is not any more, leaves no time behind that nobody would take (STO-26). */
static uint64_t storage_time(struct reload_replica *rep, uint64_t asked)
{
	uint64_t t = asked ? asked : rep->engine->wall;
	if (reload_time_ahead(rep->last_storage_time, rep->engine->wall))
		rep->last_storage_time = 0;
	if (!asked && t <= rep->last_storage_time)
		t = rep->last_storage_time + 1;
	if (t > rep->last_storage_time)
		rep->last_storage_time = t;
	return t;
}

/* Sorts items by Kind into the request: each Kind stands there once (R-7.4.1.1-01). */
static enum reload_err store_fill(
	struct reload_request *r, const struct reload_store_item *items, size_t count)
{
	struct reload_replica *rep = r->method->arg;
	struct store_make *m = r->work;
	struct reload_store_req *req = &m->req;
	req->resource = reload_arena_copy(&m->arena, reload_id_span(&m->resource));
	req->kind_data = reload_arena_take(&m->arena, count * sizeof(*req->kind_data));
	for (size_t i = 0; i < count; i++) {
		const struct reload_kind *kind =
			reload_config_kind(rep->engine->config, items[i].kind);
		struct reload_store_kind *k = NULL;
		if (!kind)
			return RELOAD_UNKNOWN_KIND;
		for (size_t n = 0; n < req->kind_data_count; n++)
			if (req->kind_data[n].kind == items[i].kind)
				k = &req->kind_data[n];
		if (!k) {
			k = &req->kind_data[req->kind_data_count++];
			*k = (struct reload_store_kind){ .kind = items[i].kind,
				.generation_counter = items[i].generation,
				.values =
					reload_arena_take(&m->arena, count * sizeof(*k->values)) };
		}
		struct reload_stored_data *d = &k->values[k->values_count++];
		d->storage_time = storage_time(rep, items[i].storage_time);
		d->lifetime = items[i].lifetime_s;
		d->value = items[i].value;
		d->value.model = (uint8_t)kind->model;
		d->value.key = reload_arena_copy(&m->arena, items[i].value.key);
		d->value.value = reload_arena_copy(&m->arena, items[i].value.value);
	}
	return RELOAD_OK;
}

static void store_sign(struct reload_request *r)
{
	struct store_make *m = r->work;
	m->unsigned_values++; /* while the jobs are submitted */
	for (size_t k = 0; k < m->req.kind_data_count; k++)
		for (size_t v = 0; v < m->req.kind_data[k].values_count; v++)
			value_sign(r, m->req.kind_data[k].kind, &m->req.kind_data[k].values[v]);
	if (!--m->unsigned_values)
		store_send(r);
}

enum reload_err reload_store_own(struct reload_request *r, const struct reload_id *resource,
	const struct reload_store_item *items, size_t count)
{
	struct store_make *m = RELOAD_NEW(store_make);
	m->resource = *resource;
	r->work = m;
	r->work_free = store_free;
	enum reload_err err = store_fill(r, items, count);
	if (!err)
		store_sign(r);
	return err;
}
