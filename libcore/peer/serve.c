#include "peer/internal.h"

#include "membership/probe.h"

/*
 * Requests of others, verified: one row per message code.  Store, Attach, Join, Leave, Update and ConfigUpdate have files
 * of their own.
 */

static void serve_ping(struct reload_incoming *in)
{
	struct reload_peer *p = in->method->arg;
	struct reload_ping_ans ans = { .response_id = reload_engine_random64(p->engine),
		.time = p->engine->wall };
	reload_diagnostics_ping(p->diagnostics, in, &ans);
}

static void serve_probe(struct reload_incoming *in)
{
	struct reload_peer *p = in->method->arg;
	struct span asked = in->msg->body.probe_req.requested_info;
	struct reload_probe_info info[UINT8_MAX];
	struct reload_probe_ans ans = { .probe_info = info };
	size_t values, bytes;
	reload_replica_expire(
		p->replica); /* what has expired would be counted out one by one, each time */
	for (size_t i = 0; i < asked.len && i < COUNT_OF(info); i++) {
		struct reload_probe_info one = { .type = asked.at[i] };
		switch (asked.at[i]) {
		case RELOAD_PROBE_RESPONSIBLE_SET:
			one.value = p->route.topology->responsible_ppb(p->route.plugin);
			break;
		case RELOAD_PROBE_NUM_RESOURCES:
			one.value = (uint32_t)reload_replica_counts(
				p->replica, p->engine->wall, &values, &bytes);
			break;
		case RELOAD_PROBE_UPTIME:
			one.value = p->route.topology->uptime_s(p->route.plugin);
			break;
		default:
			continue; /* MSG-14: unknown types are left out */
		}
		info[ans.probe_info_count++] = one;
	}
	reload_probe_answer(&p->route, in, &ans);
}

static void probe_answered(struct reload_request *r, struct reload_incoming *in)
{
	const struct reload_peer *p = r->method->arg;
	reload_probe_heard(&p->route, in);
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
	QUERY_ROUTE_MAX =
		32 /* entries of the way back to who asked; a longer one is left out from there on */
};

static void query_update(struct reload_incoming *in)
{
	struct reload_peer *p = in->method->arg;
	struct reload_destination list[QUERY_ROUTE_MAX + 1];
	struct span left = wr_done(&in->return_list);
	size_t count = 0;
	if (!reload_connection_by_node(p->connections, &in->signer))
		while (count < QUERY_ROUTE_MAX &&
			reload_list_first(&list[count], &left, left, &p->engine->ctx))
			count++;
	/* it is for who asked, wherever the way leads; an opaque id stands for a node that is known to who made it */
	const struct reload_destination *last = count && !left.len ? &list[count - 1] : NULL;
	if (!last || (last->type == RELOAD_DEST_NODE && !reload_id_eq(&last->node, &in->signer)))
		list[count++] = reload_dest_node(&in->signer);
	reload_update_send(p->membership, &in->signer, list, count);
}

static void serve_route_query(struct reload_incoming *in)
{
	struct reload_id id;
	struct wr body;
	if (!query_point(in, &id))
		return;
	wr_init(&body);
	struct reload_peer *p = in->method->arg;
	p->route.topology->route_query_write(p->route.plugin, &body, &id);
	if (in->msg->body.route_query_req.send_update)
		in->on_answer_sent = query_update;
	reload_answer_bytes(in, RELOAD_ROUTE_QUERY_ANS, wr_done(&body));
	wr_clear(&body);
}

enum {
	AGAIN = RELOAD_METHOD_REPEATABLE
};

static const struct reload_method_row methods[] = {
	{ RELOAD_PING_REQ, .flags = AGAIN | RELOAD_METHOD_UNBOUND, .serve = serve_ping },
	{ RELOAD_PROBE_REQ, .flags = AGAIN, .serve = serve_probe, .answered = probe_answered },
	{ RELOAD_ROUTE_QUERY_REQ, .flags = AGAIN, .serve = serve_route_query },
	{ RELOAD_CONFIG_UPDATE_REQ, .flags = RELOAD_METHOD_ANY_SEQUENCE,
		.serve = reload_configure_serve },
};

void reload_peer_methods(struct reload_peer *p)
{
	reload_exchange_methods(p->exchange, methods, COUNT_OF(methods), p);
}
