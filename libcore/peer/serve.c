#include "peer/internal.h"

/*
 * Requests of others, verified: one row per message code.  Store, Attach, Join, Leave, Update and ConfigUpdate have files
 * of their own.
 */

static void serve_ping(struct reload_incoming *in)
{
	struct reload_peer *p = in->method->arg;
	struct reload_ping_ans ans = { .response_id = reload_engine_random64(p->engine),
		.time = p->engine->wall };
	reload_answer(in, RELOAD_PING_ANS, &ans);
}

static void serve_probe(struct reload_incoming *in)
{
	struct reload_peer *p = in->method->arg;
	struct span asked = in->msg->body.probe_req.requested_info;
	struct reload_probe_info info[UINT8_MAX];
	struct reload_probe_ans ans = { .probe_info = info };
	size_t values, bytes;
	reload_peer_expire(p); /* what has expired would be counted out one by one, each time */
	for (size_t i = 0; i < asked.len && i < COUNT_OF(info); i++) {
		struct reload_probe_info one = { .type = asked.at[i] };
		switch (asked.at[i]) {
		case RELOAD_PROBE_RESPONSIBLE_SET:
			one.value = p->topology->responsible_ppb(p->plugin);
			break;
		case RELOAD_PROBE_NUM_RESOURCES:
			one.value = (uint32_t)p->storage->ops->count(
				p->storage, p->engine->wall, &values, &bytes);
			break;
		case RELOAD_PROBE_UPTIME:
			one.value =
				(uint32_t)((p->engine->now - p->engine->started) / RELOAD_SECOND);
			break;
		default:
			continue; /* MSG-14: unknown types are left out */
		}
		info[ans.probe_info_count++] = one;
	}
	reload_answer(in, RELOAD_PROBE_ANS, &ans);
}

/* The point that a RouteQuery asks for; false: it was answered. */
static bool query_point(struct reload_incoming *in, struct reload_id *id)
{
	struct reload_peer *p = in->method->arg;
	const struct reload_destination *d = &in->msg->body.route_query_req.destination;
	struct reload_connection *con;
	if (d->type == RELOAD_DEST_OPAQUE && p->policy.refuse_opaque_queries) {
		reload_answer_error(in, RELOAD_FORBIDDEN, "opaque ids are not for queries here");
		return false;
	}
	if (d->type == RELOAD_DEST_OPAQUE &&
		(con = reload_connection_by_opaque(p->connections, d)) && con->node.len) {
		*id = con->node;
		return true;
	}
	if (d->type == RELOAD_DEST_NODE) {
		*id = d->node;
		return true;
	}
	if (d->type == RELOAD_DEST_RESOURCE && d->resource.len == p->engine->self.len &&
		!reload_id_from(id, d->resource))
		return true;
	reload_answer_error(in,
		d->type == RELOAD_DEST_OPAQUE ? RELOAD_NOT_FOUND : RELOAD_INVALID_MESSAGE,
		"no such destination");
	return false;
}

enum {
	QUERY_WAY =
		32 /* entries of the way back to who asked; a longer one is left out from there on */
};

static void query_update(struct reload_incoming *in)
{
	struct reload_peer *p = in->method->arg;
	struct reload_destination list[QUERY_WAY + 1];
	struct span left = wr_done(&in->back);
	size_t count = 0;
	if (!reload_connection_by_node(p->connections, &in->signer))
		while (count < QUERY_WAY &&
			reload_list_first(&list[count], &left, left, &p->engine->ctx))
			count++;
	/* it is for who asked, wherever the way leads; an opaque id stands for a node that is known to who made it */
	const struct reload_destination *last = count && !left.len ? &list[count - 1] : NULL;
	if (!last || (last->type == RELOAD_DEST_NODE && !reload_id_eq(&last->node, &in->signer)))
		list[count++] = reload_dest_node(&in->signer);
	reload_update_send(p, &in->signer, list, count);
}

static void serve_route_query(struct reload_incoming *in)
{
	struct reload_id id;
	struct wr body;
	if (!query_point(in, &id))
		return;
	wr_init(&body);
	struct reload_peer *p = in->method->arg;
	p->topology->route_query_write(p->plugin, &body, &id);
	if (in->msg->body.route_query_req.send_update)
		in->after = query_update;
	reload_answer_bytes(in, RELOAD_ROUTE_QUERY_ANS, wr_done(&body));
	wr_clear(&body);
}

void reload_unknown_kinds_info(struct wr *w, const uint32_t *kinds, size_t count)
{
	size_t mark = wr_open(w, 1);
	for (size_t i = 0; i < count; i++)
		wr_u32(w, kinds[i]);
	wr_close(w, mark, 1);
}

static bool fetch_work(struct reload_incoming *in, struct reload_fetch_work *w)
{
	struct reload_peer *p = in->method->arg;
	const struct reload_fetch_req *req = &in->msg->body.fetch_req;
	*w = (struct reload_fetch_work){ .config = p->engine->config,
		.storage = p->storage,
		.req = req,
		.now = p->engine->wall,
		.arena = &in->msg->arena };
	if (req->resource.len != p->engine->self.len ||
		reload_id_from(&w->resource, req->resource)) {
		reload_answer_error(in, RELOAD_INVALID_MESSAGE, "a Resource-ID of another length");
		return false;
	}
	if (p->life.aside.on && p->life.role == RELOAD_ROLE_CLIENT) {
		reload_answer_error(in, RELOAD_NOT_FOUND, "the storage cannot be written");
		return false; /* what is held may be older than what others acknowledged since */
	}
	w->responsible = p->topology->responsible(p->plugin, &w->resource);
	return true;
}

static void fetch_refuse(
	struct reload_incoming *in, const struct reload_fetch_work *w, enum reload_err err)
{
	if (err == RELOAD_UNKNOWN_KIND) {
		uint8_t room[256];
		struct wr info = wr_fixed(room, sizeof(room));
		reload_unknown_kinds_info(&info, w->unknown_kinds, w->unknown_kinds_count);
		reload_answer_error_info(in, err, wr_done(&info));
	} else {
		reload_answer_error(in, err, w->reason);
	}
}

void reload_serve_fetch(struct reload_incoming *in)
{
	struct reload_fetch_work w;
	if (!fetch_work(in, &w))
		return;
	enum reload_err err = reload_fetch_answer(&w);
	if (err)
		fetch_refuse(in, &w, err);
	else
		reload_answer_with(
			in, RELOAD_FETCH_ANS, &w.fetch, w.certificates, w.certificates_count);
}

void reload_serve_stat(struct reload_incoming *in)
{
	struct reload_fetch_work w;
	if (!fetch_work(in, &w))
		return;
	enum reload_err err = reload_stat_answer(&w);
	if (err)
		fetch_refuse(in, &w, err);
	else
		reload_answer(in, RELOAD_STAT_ANS, &w.stat);
}

void reload_serve_find(struct reload_incoming *in)
{
	struct reload_peer *p = in->method->arg;
	const struct reload_find_req *req = &in->msg->body.find_req;
	struct reload_find_work w = { .config = p->engine->config,
		.storage = p->storage,
		.req = req,
		.now = p->engine->wall,
		.arena = &in->msg->arena };
	struct reload_id from;
	if (req->resource.len != p->engine->self.len ||
		reload_id_from(&w.resource, req->resource)) {
		reload_answer_error(in, RELOAD_INVALID_MESSAGE, "a Resource-ID of another length");
		return;
	}
	w.responsible = p->topology->responsible(p->plugin, &w.resource);
	if (p->topology->range(p->plugin, &from, &w.range_to))
		w.whole_ring = reload_id_eq(&from, &w.range_to);
	enum reload_err err = reload_find_answer(&w);
	if (err)
		reload_answer_error(in, err, w.reason);
	else
		reload_answer(in, RELOAD_FIND_ANS, &w.answer);
}

enum {
	AGAIN = RELOAD_METHOD_REPEATABLE
};

static const struct reload_method_row methods[] = {
	{ RELOAD_PING_REQ, .flags = AGAIN | RELOAD_METHOD_UNBOUND, .serve = serve_ping },
	{ RELOAD_PROBE_REQ, .flags = AGAIN, .serve = serve_probe },
	{ RELOAD_ROUTE_QUERY_REQ, .flags = AGAIN, .serve = serve_route_query },
	{ RELOAD_FETCH_REQ, .flags = AGAIN, .moved = RELOAD_NOT_FOUND, .serve = reload_serve_fetch,
		.fits = reload_answer_fits, .values = reload_fetch_values,
		.answered = reload_fetch_answered },
	{ RELOAD_STAT_REQ, .flags = AGAIN, .moved = RELOAD_NOT_FOUND, .serve = reload_serve_stat,
		.fits = reload_answer_fits },
	{ RELOAD_FIND_REQ, .flags = AGAIN, .moved = RELOAD_NOT_FOUND, .serve = reload_serve_find,
		.fits = reload_answer_fits },
	{ RELOAD_STORE_REQ, .moved = RELOAD_FORBIDDEN, .serve = reload_serve_store,
		.fits = reload_answer_fits },
	{ RELOAD_ATTACH_REQ, .flags = RELOAD_METHOD_UNBOUND, .serve = reload_serve_attach },
	{ RELOAD_APP_ATTACH_REQ, .serve = reload_serve_app_attach },
	{ RELOAD_JOIN_REQ, .serve = reload_serve_join },
	{ RELOAD_LEAVE_REQ, .serve = reload_serve_leave },
	{ RELOAD_UPDATE_REQ, .serve = reload_serve_update },
	{ RELOAD_CONFIG_UPDATE_REQ, .flags = RELOAD_METHOD_ANY_SEQUENCE,
		.serve = reload_serve_config_update },
};

void reload_peer_methods(struct reload_peer *p)
{
	reload_exchange_methods(p->exchange, methods, COUNT_OF(methods), p);
}
