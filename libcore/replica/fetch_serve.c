#include "replica/internal.h"

/* Fetch, Stat and Find of others (RFC 6940 s7.4.2 to s7.4.4). */

void reload_unknown_kinds_info(struct wr *w, const uint32_t *kinds, size_t count)
{
	size_t mark = wr_open(w, 1);
	for (size_t i = 0; i < count; i++)
		wr_u32(w, kinds[i]);
	wr_close(w, mark, 1);
}

static void fetch_refuse(
	struct reload_incoming *in, const struct reload_fetch_work *w, enum reload_err err)
{
	if (w->stands_in) {
		/* the responsible peer may know more, and be there for the next copy of the request */
		reload_incoming_drop(in, RELOAD_COUNT_DROP_NO_ROUTE,
			"the responsible peer is silent, and not all is held here");
	} else if (err == RELOAD_UNKNOWN_KIND) {
		uint8_t room[256];
		struct wr info = wr_fixed(room, sizeof(room));
		reload_unknown_kinds_info(&info, w->unknown_kinds, w->unknown_kinds_count);
		reload_answer_error_info(in, err, wr_done(&info));
	} else {
		reload_answer_error(in, err, w->reason);
	}
}

static bool fetch_work(struct reload_incoming *in, struct reload_fetch_work *w)
{
	struct reload_replica *rep = in->method->arg;
	const struct reload_fetch_req *req = &in->msg->body.fetch_req;
	*w = (struct reload_fetch_work){ .config = rep->engine->config,
		.storage = rep->storage,
		.req = req,
		.now = rep->engine->wall,
		.arena = &in->msg->arena };
	if (req->resource.len != rep->engine->self.len ||
		reload_id_from(&w->resource, req->resource)) {
		reload_answer_error(in, RELOAD_INVALID_MESSAGE, "a Resource-ID of another length");
		return false;
	}
	w->responsible = rep->route->topology->responsible(rep->route->plugin, &w->resource);
	w->stands_in = in->stands_in && !w->responsible;
	if (rep->watch->aside(rep->watch_arg)) {
		/* what is held may be older than what others acknowledged since */
		w->reason = "the storage cannot be written";
		fetch_refuse(in, w, RELOAD_NOT_FOUND);
		return false;
	}
	return true;
}

/* Makes an answer; false: the request was refused, or dropped. */
static bool fetch_made(struct reload_incoming *in, struct reload_fetch_work *w,
	enum reload_err (*make)(struct reload_fetch_work *w))
{
	const struct reload_replica *rep = in->method->arg;
	if (!fetch_work(in, w))
		return false;
	enum reload_err err = make(w);
	if (err)
		fetch_refuse(in, w, err);
	else if (w->stands_in)
		reload_engine_count(rep->engine, RELOAD_COUNT_STOOD_IN);
	return !err;
}

void reload_serve_fetch(struct reload_incoming *in)
{
	struct reload_fetch_work w;
	if (fetch_made(in, &w, reload_fetch_answer))
		reload_answer_with(
			in, RELOAD_FETCH_ANS, &w.fetch, w.certificates, w.certificates_count);
}

void reload_serve_stat(struct reload_incoming *in)
{
	struct reload_fetch_work w;
	if (fetch_made(in, &w, reload_stat_answer))
		reload_answer(in, RELOAD_STAT_ANS, &w.stat);
}

void reload_serve_find(struct reload_incoming *in)
{
	struct reload_replica *rep = in->method->arg;
	const struct reload_find_req *req = &in->msg->body.find_req;
	struct reload_find_work w = { .config = rep->engine->config,
		.storage = rep->storage,
		.req = req,
		.now = rep->engine->wall,
		.arena = &in->msg->arena };
	struct reload_id from;
	if (req->resource.len != rep->engine->self.len ||
		reload_id_from(&w.resource, req->resource)) {
		reload_answer_error(in, RELOAD_INVALID_MESSAGE, "a Resource-ID of another length");
		return;
	}
	w.responsible = rep->route->topology->responsible(rep->route->plugin, &w.resource);
	if (rep->route->topology->range(rep->route->plugin, &from, &w.range_to))
		w.whole_ring = reload_id_eq(&from, &w.range_to);
	enum reload_err err = reload_find_answer(&w);
	if (err)
		reload_answer_error(in, err, w.reason);
	else
		reload_answer(in, RELOAD_FIND_ANS, &w.answer);
}
