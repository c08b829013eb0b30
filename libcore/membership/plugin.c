#include "membership/internal.h"

#include "membership/cached_peers.h"
#include "membership/probe.h"

/* What the topology plug-in calls: it opens and closes links, sends messages and reports its state. */

static reload_ms host_now(void *arg)
{
	return ((struct reload_membership *)arg)->engine->now;
}

static void host_random(void *arg, void *out, size_t len)
{
	struct reload_membership *m = arg;
	m->engine->ops->random(m->engine->host, out, len);
}

static void attach_done(struct reload_membership *m, void *arg, uint32_t cookie,
	enum reload_err err, const struct reload_id *node)
{
	(void)arg;
	reload_join_link_refused(m, err); /* the plug-in reports only that its join failed */
	m->route->topology->attached(m->route->plugin, cookie, err, node);
}

static void host_attach(void *arg, uint32_t cookie, const struct reload_destination *list,
	size_t count, bool send_update)
{
	reload_attach_start(arg, cookie, list, count, send_update, attach_done, NULL);
}

static void join_done(void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct reload_membership *m = arg;
	m->route->topology->join_answered(m->route->plugin, &r->target, result->err);
}

static void host_join(void *arg, const struct reload_id *admitting_peer)
{
	struct reload_membership *m = arg;
	struct reload_destination to = reload_dest_node(admitting_peer);
	struct reload_join_req req = { .joining_peer_id = m->engine->self };
	reload_request_send(
		reload_request_internal(m->exchange, RELOAD_JOIN_REQ, &to, 1, join_done, m), &req);
}

/* Whether all links to the receiver are newer than the request: it was gone, and is back. */
static bool reconnected(const struct reload_membership *m, const struct reload_request *r)
{
	struct reload_connection *con = NULL;
	bool any = false;
	while ((con = reload_connection_next(m->connections, con)))
		if (reload_id_eq(&con->node, &r->target)) {
			any = true;
			if (con->since <= r->started_at)
				return false;
		}
	return any;
}

/* An Update that failed before the receiver came back says nothing about its links of now. */
static void update_done(void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct reload_membership *m = arg;
	enum reload_err err = result->err && reconnected(m, r) ? RELOAD_CANCELLED : result->err;
	m->route->topology->update_ended(m->route->plugin, &r->target, err);
}

static void host_update(void *arg, const struct reload_id *to, struct span body)
{
	struct reload_membership *m = arg;
	struct reload_destination list = reload_dest_node(to);
	reload_request_send_bytes(
		reload_request_internal(m->exchange, RELOAD_UPDATE_REQ, &list, 1, update_done, m),
		body);
}

void reload_updates_cancel(struct reload_membership *m, const struct reload_id *to)
{
	reload_requests_cancel(m->exchange, update_done, to);
}

static void leave_done(void *arg, struct reload_request *r, const struct reload_result *result)
{
	(void)r;
	(void)result;
	reload_membership_progress(arg);
}

static void host_leave(void *arg, const struct reload_id *to, struct span overlay_data)
{
	struct reload_membership *m = arg;
	struct reload_destination list = reload_dest_node(to);
	struct reload_leave_req req = { .leaving_peer_id = m->engine->self,
		.overlay_specific_data = overlay_data };
	reload_request_send(
		reload_request_internal(m->exchange, RELOAD_LEAVE_REQ, &list, 1, leave_done, m),
		&req);
}

static void host_disconnect(void *arg, const struct reload_id *node)
{
	struct reload_membership *m = arg;
	struct reload_connection *con;
	while ((con = reload_connection_by_node(m->connections, node)))
		reload_link_close(m->connections, con);
}

/*
 * A Ping of the plug-in.  One that this node answers itself ends at once, inside the plug-in's call: its result is reported
 * after that call has returned.
 */
struct ping_request {
	TAILQ_ENTRY(ping_request) entry;
	struct reload_membership *membership;
	uint32_t cookie;
	bool starting;
	enum reload_err err;
	struct reload_id responder;
	struct reload_timer timer;
};

static void ping_free(struct ping_request *o)
{
	TAILQ_REMOVE(&o->membership->pings, o, entry);
	reload_timer_cancel(&o->membership->engine->timers, &o->timer);
	free(o);
}

void reload_pings_clear(struct reload_membership *m)
{
	while (!TAILQ_EMPTY(&m->pings))
		ping_free(TAILQ_FIRST(&m->pings));
}

static void ping_report(void *arg)
{
	struct ping_request *o = arg;
	struct reload_membership *m = o->membership;
	struct ping_request done = *o;
	ping_free(o);
	if (m->route->topology->pinged)
		m->route->topology->pinged(
			m->route->plugin, done.cookie, done.err, done.err ? NULL : &done.responder);
}

static void ping_done(void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct ping_request *o = arg;
	struct reload_membership *m = o->membership;
	(void)r;
	o->err = result->err;
	o->responder = result->responder;
	if (o->starting)
		reload_timer_arm(&m->engine->timers, &o->timer, m->engine->now, ping_report, o);
	else
		ping_report(o);
}

static void host_ping(
	void *arg, uint32_t cookie, const struct reload_destination *list, size_t count)
{
	struct reload_membership *m = arg;
	struct reload_ping_req ping = { 0 };
	struct ping_request *o = RELOAD_NEW(ping_request);
	o->membership = m;
	o->cookie = cookie;
	o->starting = true;
	TAILQ_INSERT_TAIL(&m->pings, o, entry);
	struct reload_request *r =
		reload_request_internal(m->exchange, RELOAD_PING_REQ, list, count, ping_done, o);
	r->skip_closeness_check = true; /* CHORD-02: the tables are what it is to find fault with */
	reload_request_send(r, &ping);
	o->starting = false;
}

static void probe_done(void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct reload_membership *m = arg;
	uint32_t uptime_s;
	bool known = reload_probe_uptime(result, &uptime_s);
	if (!result->err)
		m->route->topology->probed(m->route->plugin, &r->target, known ? &uptime_s : NULL);
}

static void host_probe(void *arg, const struct reload_id *node)
{
	static const uint8_t uptime = RELOAD_PROBE_UPTIME;
	struct reload_membership *m = arg;
	struct reload_destination to = reload_dest_node(node);
	struct reload_probe_req req = { .requested_info = span_of(&uptime, 1) };
	reload_probe_send(m->route,
		reload_request_internal(m->exchange, RELOAD_PROBE_REQ, &to, 1, probe_done, m),
		&req);
}

static bool host_holds_earlier_values(void *arg)
{
	return ((struct reload_membership *)arg)->had_values_at_join;
}

static void host_locate(void *arg, uint32_t cookie)
{
	reload_search_locate(arg, cookie);
}

static void host_partition(void *arg, const struct reload_id *other)
{
	struct reload_membership *m = arg;
	reload_engine_event(
		m->engine, &(struct reload_event){
				   .type = other ? RELOAD_EV_PARTITION : RELOAD_EV_PARTITION_ENDED,
				   .node = other });
}

static void host_state(void *arg, enum reload_topology_state state, const struct reload_id *other)
{
	reload_join_topology_state(arg, state, other);
}

static void host_tables_changed(void *arg)
{
	struct reload_membership *m = arg;
	struct reload_topology_tables t;
	m->route->topology->tables(m->route->plugin, &t);
	reload_engine_event(
		m->engine, &(struct reload_event){ .type = RELOAD_EV_ROUTING_CHANGED,
				   .node = t.successors_count ? &t.successors[0] : NULL,
				   .count = t.predecessors_count + t.successors_count });
	reload_cached_peers_tables_changed(m);
	reload_claims_tables(m);
	reload_join_check_neighbours(m);
}

struct reload_topology_host reload_membership_topology_host(struct reload_membership *m)
{
	return (struct reload_topology_host){
		.arg = m,
		.timers = &m->engine->timers,
		.now = host_now,
		.random = host_random,
		.attach = host_attach,
		.join = host_join,
		.update = host_update,
		.leave = host_leave,
		.holds_earlier_values = host_holds_earlier_values,
		.disconnect = host_disconnect,
		.ping = host_ping,
		.probe = host_probe,
		.relocate = host_locate,
		.partition = host_partition,
		.state = host_state,
		.tables_changed = host_tables_changed,
	};
}
