#include "peer/internal.h"

/*
 * Between the topology plug-in and the overlay: Join, Leave and Update as messages.
 */

/* -- out: what the plug-in asks for ---------------------------------------------------------------------------------------------- */

static reload_ms host_now(void *arg)
{
	return ((struct reload_peer *)arg)->engine->now;
}

static void host_random(void *arg, void *out, size_t len)
{
	struct reload_peer *p = arg;
	p->engine->ops->random(p->engine->host, out, len);
}

static void attach_done(struct reload_peer *p, void *arg, uint32_t cookie, enum reload_err err,
	const struct reload_id *node)
{
	(void)arg;
	p->topology->attached(p->plugin, cookie, err, node);
}

static void host_attach(void *arg, uint32_t cookie, const struct reload_destination *list,
	size_t count, bool send_update)
{
	reload_attach_start(arg, cookie, list, count, send_update, attach_done, NULL);
}

static void join_done(void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct reload_peer *p = arg;
	p->topology->join_answered(p->plugin, &r->target, result->err);
}

static void host_join(void *arg, const struct reload_id *admitting_peer)
{
	struct reload_peer *p = arg;
	struct reload_destination to = reload_dest_node(admitting_peer);
	struct reload_join_req req = { .joining_peer_id = p->engine->self };
	reload_request_send(
		reload_request_own(p->exchange, RELOAD_JOIN_REQ, &to, 1, join_done, p), &req);
}

static void update_done(void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct reload_peer *p = arg;
	if (result->err)
		p->topology->update_failed(p->plugin, &r->target, result->err);
}

static void host_update(void *arg, const struct reload_id *to, struct span body)
{
	struct reload_peer *p = arg;
	struct reload_destination list = reload_dest_node(to);
	reload_request_send_bytes(
		reload_request_own(p->exchange, RELOAD_UPDATE_REQ, &list, 1, update_done, p), body);
}

static void leave_done(void *arg, struct reload_request *r, const struct reload_result *result)
{
	(void)r;
	(void)result;
	reload_life_leave_answered(arg);
}

static void host_leave(void *arg, const struct reload_id *to, struct span overlay_data)
{
	struct reload_peer *p = arg;
	struct reload_destination list = reload_dest_node(to);
	struct reload_leave_req req = { .leaving_peer_id = p->engine->self,
		.overlay_specific_data = overlay_data };
	reload_request_send(
		reload_request_own(p->exchange, RELOAD_LEAVE_REQ, &list, 1, leave_done, p), &req);
}

static void host_disconnect(void *arg, const struct reload_id *node)
{
	struct reload_peer *p = arg;
	struct reload_connection *con;
	while ((con = reload_connection_by_node(p->connections, node)))
		reload_link_close(p->connections, con);
}

/*
 * A Ping of the plug-in.  One that this node answers itself ends at once, while the plug-in still stands in its call: its
 * outcome is kept until the call is over.
 */
struct ping_order {
	TAILQ_ENTRY(ping_order) entry;
	struct reload_peer *peer;
	uint32_t cookie;
	bool starting;
	enum reload_err err;
	struct reload_id responder;
	struct reload_timer timer;
};

static void ping_free(struct ping_order *o)
{
	TAILQ_REMOVE(&o->peer->pings, o, entry);
	reload_timer_cancel(&o->peer->engine->timers, &o->timer);
	free(o);
}

void reload_pings_clear(struct reload_peer *p)
{
	while (!TAILQ_EMPTY(&p->pings))
		ping_free(TAILQ_FIRST(&p->pings));
}

static void ping_tell(void *arg)
{
	struct ping_order *o = arg;
	struct reload_peer *p = o->peer;
	struct ping_order told = *o;
	ping_free(o);
	if (p->topology->pinged)
		p->topology->pinged(
			p->plugin, told.cookie, told.err, told.err ? NULL : &told.responder);
}

static void ping_done(void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct ping_order *o = arg;
	struct reload_peer *p = o->peer;
	(void)r;
	o->err = result->err;
	o->responder = result->responder;
	if (o->starting)
		reload_timer_arm(&p->engine->timers, &o->timer, p->engine->now, ping_tell, o);
	else
		ping_tell(o);
}

static void host_ping(
	void *arg, uint32_t cookie, const struct reload_destination *list, size_t count)
{
	struct reload_peer *p = arg;
	struct reload_ping_req ping = { 0 };
	struct ping_order *o = RELOAD_NEW(ping_order);
	o->peer = p;
	o->cookie = cookie;
	o->starting = true;
	TAILQ_INSERT_TAIL(&p->pings, o, entry);
	struct reload_request *r =
		reload_request_own(p->exchange, RELOAD_PING_REQ, list, count, ping_done, o);
	r->exempt = true; /* CHORD-02: the tables are what it is to find fault with */
	reload_request_send(r, &ping);
	o->starting = false;
}

static bool host_brings(void *arg)
{
	return ((struct reload_peer *)arg)->life.brings;
}

static void host_locate(void *arg, uint32_t cookie)
{
	reload_search_locate(arg, cookie);
}

static void host_partition(void *arg, const struct reload_id *other)
{
	struct reload_peer *p = arg;
	reload_engine_event(
		p->engine, &(struct reload_event){
				   .type = other ? RELOAD_EV_PARTITION : RELOAD_EV_PARTITION_ENDED,
				   .node = other });
}

static void host_state(void *arg, enum reload_topology_state state, const struct reload_id *other)
{
	reload_life_topology_state(arg, state, other);
}

static void host_tables_changed(void *arg)
{
	struct reload_peer *p = arg;
	struct reload_topology_tables t;
	p->topology->tables(p->plugin, &t);
	reload_engine_event(
		p->engine, &(struct reload_event){ .type = RELOAD_EV_ROUTING_CHANGED,
				   .node = t.successors_count ? &t.successors[0] : NULL,
				   .count = t.predecessors_count + t.successors_count });
	reload_bootstrap_tables(p);
	reload_claims_tables(p);
	reload_life_neighbours(p);
}

const struct reload_topology_host reload_peer_topology_host = {
	.now = host_now,
	.random = host_random,
	.attach = host_attach,
	.join = host_join,
	.update = host_update,
	.leave = host_leave,
	.holds_earlier_values = host_brings,
	.disconnect = host_disconnect,
	.ping = host_ping,
	.relocate = host_locate,
	.partition = host_partition,
	.state = host_state,
	.tables_changed = host_tables_changed,
};

/*
 * The plug-in is not told when it fails: the way is that of a request and not signed, so it proves nothing about the link to
 * a node that stands on it.
 */
void reload_update_send(struct reload_peer *p, const struct reload_id *node,
	const struct reload_destination *list, size_t count)
{
	struct wr body;
	if (p->life.state != RELOAD_STATE_JOINED)
		return; /* nothing to say about the ring yet */
	wr_init(&body);
	p->topology->update_write(p->plugin, &body);
	struct reload_request *r = NULL;
	if (!body.err) /* R-10.5-14: the plug-in may not be ready to show itself */
		r = reload_request_induced(p->exchange, RELOAD_UPDATE_REQ, node, list, count);
	if (r)
		reload_request_send_bytes(r, wr_done(&body));
	wr_clear(&body);
}

/* -- in ---------------------------------------------------------------------------------------------------------------------------- */

/* The request came over the signer's own link (RFC 6940 s6.4.2.1, s6.4.2.2). */
static bool is_direct(const struct reload_incoming *in)
{
	return in->previous.len && !in->msg->header.via_list.len &&
	       reload_id_eq(&in->previous, &in->signer);
}

/*
 * Who sends a Join over a new link, while older ones are in use, was started again before these were seen to be dead.  They are
 * closed, and it is judged as a newcomer.
 */
static void forget_earlier_life(struct reload_incoming *in)
{
	struct reload_peer *p = in->method->arg;
	struct reload_connection *con = NULL, *next;
	bool earlier = false;
	if (!reload_topology_lists(p->topology, p->plugin, &in->signer))
		return;
	for (con = reload_connection_next(p->connections, NULL); con; con = next) {
		next = reload_connection_next(p->connections, con);
		if (con->link == in->link || !reload_id_eq(&con->node, &in->signer))
			continue;
		reload_link_close(p->connections, con);
		earlier = true;
	}
	if (earlier)
		reload_link_starts_anew(p, &in->signer);
}

static void joined_answered(struct reload_incoming *in)
{
	struct reload_peer *p = in->method->arg;
	reload_engine_event(p->engine,
		&(struct reload_event){ .type = RELOAD_EV_JOIN_ADMITTED, .node = &in->signer });
	p->topology->join_received(p->plugin, &in->signer);
}

void reload_serve_join(struct reload_incoming *in)
{
	struct reload_peer *p = in->method->arg;
	struct reload_join_ans ans = { 0 };
	if (!reload_id_eq(&in->msg->body.join_req.joining_peer_id, &in->signer)) {
		reload_answer_error(in, RELOAD_FORBIDDEN, "joining_peer_id is not the signer");
		return;
	}
	if (!is_direct(in)) {
		reload_answer_error(in, RELOAD_FORBIDDEN, "Join over another node's link");
		return;
	}
	forget_earlier_life(in);
	/* a predecessor did not see that it was admitted, or says so: the plug-in knows how often it may */
	if (!p->topology->responsible(p->plugin, &in->signer) &&
		!reload_topology_is_predecessor(p->topology, p->plugin, &in->signer)) {
		reload_answer_error(in, RELOAD_FORBIDDEN, "not the Admitting Peer of this Node-ID");
		return;
	}
	in->after = joined_answered;
	reload_answer(in, RELOAD_JOIN_ANS, &ans);
}

static void left_answered(struct reload_incoming *in)
{
	struct reload_peer *p = in->method->arg;
	reload_engine_event(p->engine,
		&(struct reload_event){ .type = RELOAD_EV_PEER_LEFT, .node = &in->signer });
	p->topology->leave_received(
		p->plugin, &in->signer, in->msg->body.leave_req.overlay_specific_data);
}

void reload_serve_leave(struct reload_incoming *in)
{
	if (!reload_id_eq(&in->msg->body.leave_req.leaving_peer_id, &in->signer)) {
		reload_answer_error(in, RELOAD_FORBIDDEN, "leaving_peer_id is not the signer");
	} else if (!is_direct(in)) {
		reload_answer_error(in, RELOAD_FORBIDDEN, "Leave over another node's link");
	} else {
		in->after = left_answered;
		reload_answer_bytes(in, RELOAD_LEAVE_ANS, span_of(NULL, 0));
	}
}

void reload_serve_update(struct reload_incoming *in)
{
	struct reload_peer *p = in->method->arg;
	struct reload_id from = in->signer;
	enum reload_err err =
		RELOAD_OK; /* a client keeps no tables: it only notices that the ring moved */
	if (p->life.role == RELOAD_ROLE_PEER)
		err = p->topology->update_received(
			p->plugin, &from, is_direct(in), in->msg->body_bytes);
	if (err == RELOAD_UNKNOWN_TYPE) { /* R-6.3.1.1-06 */
		reload_incoming_drop(in, RELOAD_COUNT_DROP_MALFORMED, "unknown Update");
		return;
	}
	if (err)
		reload_answer_error(in, RELOAD_INVALID_MESSAGE, reload_err_text(err));
	else
		reload_answer_bytes(in, RELOAD_UPDATE_ANS, span_of(NULL, 0));
	if (!err)
		reload_life_client_update(p, &from);
}
