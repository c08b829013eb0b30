#include "peer/internal.h"

/*
 * Between the topology plug-in and the overlay: Join, Leave and Update as messages, links as the plug-in sees them.
 */

enum {
	LINKS_OF_ONE = 8 /* links that one certificate may have */
};

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

static void join_done(
	struct reload_peer *p, struct reload_request *r, const struct reload_result *result)
{
	p->topology->join_answered(p->plugin, &r->target, result->err);
}

static void host_join(void *arg, const struct reload_id *admitting_peer)
{
	struct reload_peer *p = arg;
	struct reload_destination to = reload_dest_node(admitting_peer);
	struct reload_join_req req = { .joining_peer_id = p->engine->self };
	reload_request_send(reload_request_own(p, RELOAD_JOIN_REQ, &to, 1, join_done, NULL), &req);
}

static void update_done(
	struct reload_peer *p, struct reload_request *r, const struct reload_result *result)
{
	if (result->err)
		p->topology->update_failed(p->plugin, &r->target, result->err);
}

static void host_update(void *arg, const struct reload_id *to, struct span body)
{
	struct reload_peer *p = arg;
	struct reload_destination list = reload_dest_node(to);
	reload_request_send_bytes(
		reload_request_own(p, RELOAD_UPDATE_REQ, &list, 1, update_done, NULL), body);
}

static void leave_done(
	struct reload_peer *p, struct reload_request *r, const struct reload_result *result)
{
	(void)r;
	(void)result;
	reload_life_leave_answered(p);
}

static void host_leave(void *arg, const struct reload_id *to, struct span overlay_data)
{
	struct reload_peer *p = arg;
	struct reload_destination list = reload_dest_node(to);
	struct reload_leave_req req = { .leaving_peer_id = p->engine->self,
		.overlay_specific_data = overlay_data };
	reload_request_send(
		reload_request_own(p, RELOAD_LEAVE_REQ, &list, 1, leave_done, NULL), &req);
}

static void host_store_range(void *arg, const struct reload_id *from, const struct reload_id *to,
	const struct reload_id *node, uint8_t replica_number, bool done)
{
	reload_maintain_store_range(arg, from, to, node, replica_number, done);
}

static void host_offer_range(void *arg, const struct reload_id *from, const struct reload_id *to)
{
	reload_offer_range(arg, from, to, false);
}

/* Nothing is forgotten before its owner is known to have it. */
static void host_drop_range(void *arg, const struct reload_id *from, const struct reload_id *to)
{
	reload_offer_range(arg, from, to, true);
}

/* Closes a link of which the topology needs not be told. */
static void link_closed(struct reload_peer *p, struct reload_connection *con)
{
	p->engine->ops->link_close(p->engine->host, con->link);
	if (p->uplink == con)
		p->uplink = NULL;
	reload_connection_remove(p->connections, con);
}

static void host_disconnect(void *arg, const struct reload_id *node)
{
	struct reload_peer *p = arg;
	struct reload_connection *con;
	while ((con = reload_connection_by_node(p->connections, node)))
		link_closed(p, con);
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

static void ping_done(
	struct reload_peer *p, struct reload_request *r, const struct reload_result *result)
{
	struct ping_order *o = r->own_arg;
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
		reload_request_own(p, RELOAD_PING_REQ, list, count, ping_done, o);
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
	.store_range = host_store_range,
	.holds_earlier_values = host_brings,
	.owner_check_range = host_offer_range,
	.forget_range = host_drop_range,
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
		r = reload_request_induced(p, RELOAD_UPDATE_REQ, node, list, count);
	if (r)
		reload_request_send_bytes(r, wr_done(&body));
	wr_clear(&body);
}

/* -- in ---------------------------------------------------------------------------------------------------------------------------- */

/* The request came over the signer's own link (RFC 6940 s6.4.2.1, s6.4.2.2). */
static bool is_direct(const struct inbound *in)
{
	return in->previous.len && !in->msg->header.via_list.len &&
	       reload_id_eq(&in->previous, &in->signer);
}

/* The node was started again: what its earlier life was in the ring is over, its newer link begins another one. */
static void starts_anew(struct reload_peer *p, const struct reload_id *node)
{
	if (p->life.role != RELOAD_ROLE_PEER)
		return;
	p->topology->disconnected(p->plugin, node);
	p->topology->connected(p->plugin, node);
}

/*
 * Who sends a Join over a new link, while older ones are in use, was started again before these were seen to be dead.  They are
 * closed, and it is judged as a newcomer.
 */
static void forget_earlier_life(struct inbound *in)
{
	struct reload_peer *p = in->peer;
	struct reload_connection *con = NULL, *next;
	bool earlier = false;
	if (!reload_peer_is_routed(p, &in->signer))
		return;
	for (con = reload_connection_next(p->connections, NULL); con; con = next) {
		next = reload_connection_next(p->connections, con);
		if (con->link == in->link || !reload_id_eq(&con->node, &in->signer))
			continue;
		link_closed(p, con);
		earlier = true;
	}
	if (earlier)
		starts_anew(p, &in->signer);
}

static void joined_answered(struct inbound *in)
{
	struct reload_peer *p = in->peer;
	reload_engine_event(p->engine,
		&(struct reload_event){ .type = RELOAD_EV_JOIN_ADMITTED, .node = &in->signer });
	p->topology->join_received(p->plugin, &in->signer);
}

void reload_serve_join(struct inbound *in)
{
	struct reload_peer *p = in->peer;
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
		!reload_peer_is_predecessor(p, &in->signer)) {
		reload_answer_error(in, RELOAD_FORBIDDEN, "not the Admitting Peer of this Node-ID");
		return;
	}
	in->after = joined_answered;
	reload_answer(in, RELOAD_JOIN_ANS, &ans);
}

static void left_answered(struct inbound *in)
{
	struct reload_peer *p = in->peer;
	reload_engine_event(p->engine,
		&(struct reload_event){ .type = RELOAD_EV_PEER_LEFT, .node = &in->signer });
	p->topology->leave_received(
		p->plugin, &in->signer, in->msg->body.leave_req.overlay_specific_data);
}

void reload_serve_leave(struct inbound *in)
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

void reload_serve_update(struct inbound *in)
{
	struct reload_peer *p = in->peer;
	struct reload_id from = in->signer;
	enum reload_err err =
		RELOAD_OK; /* a client keeps no tables: it only notices that the ring moved */
	if (p->life.role == RELOAD_ROLE_PEER)
		err = p->topology->update_received(
			p->plugin, &from, is_direct(in), in->msg->body_bytes);
	if (err == RELOAD_UNKNOWN_TYPE) { /* R-6.3.1.1-06 */
		reload_engine_drop(p->engine, RELOAD_COUNT_DROP_MALFORMED, in->link,
			in->msg->header.transaction_id, "unknown Update");
		reload_inbound_free(in, true);
		return;
	}
	if (err)
		reload_answer_error(in, RELOAD_INVALID_MESSAGE, reload_err_text(err));
	else
		reload_answer_bytes(in, RELOAD_UPDATE_ANS, span_of(NULL, 0));
	if (!err)
		reload_life_client_update(p, &from);
}

/* -- links ---------------------------------------------------------------------------------------------------------------------------- */

enum {
	CHECK_MS = 3000
};

static void checked(
	struct reload_peer *p, struct reload_request *r, const struct reload_result *result)
{
	struct reload_connection *con = reload_connection_by_link(p->connections, r->over_link);
	if (con)
		con->checking = false;
	if (con && result->err == RELOAD_TIMEOUT)
		reload_link_drop(p, con, RELOAD_TIMEOUT);
}

void reload_link_check(struct reload_peer *p, struct reload_connection *con)
{
	struct reload_destination to = reload_dest_node(&con->node);
	struct reload_ping_req ping = { 0 };
	if (con->checking)
		return;
	con->checking = true;
	struct reload_request *r = reload_request_own(p, RELOAD_PING_REQ, &to, 1, checked, NULL);
	r->over_link = con->link;
	r->timeout_ms = CHECK_MS;
	reload_request_send(r, &ping);
}

/* Who makes a second link may have lost the first, by an end that this node was not told of. */
static void check_older(struct reload_peer *p, const struct reload_connection *fresh)
{
	struct reload_connection *con = NULL;
	while ((con = reload_connection_next(p->connections, con)))
		if (con != fresh && reload_id_eq(&con->node, &fresh->node) &&
			con->order < fresh->order)
			reload_link_check(p, con);
}

/* Of several links to a node the best one counts: it may be another one since a link was made or lost. */
static void health_changed(struct reload_peer *p, const struct reload_id *node)
{
	const struct reload_connection *best = reload_connection_by_node(p->connections, node);
	if (best && p->life.role == RELOAD_ROLE_PEER)
		p->topology->link_health(p->plugin, node, best->good);
}

void reload_connected_tell(struct reload_peer *p, struct reload_connection *con)
{
	check_older(p, con);
	reload_engine_event(p->engine,
		&(struct reload_event){
			.type = RELOAD_EV_LINK_UP, .link = con->link, .node = &con->node });
	if (p->life.role == RELOAD_ROLE_PEER)
		p->topology->connected(p->plugin, &con->node);
	health_changed(p, &con->node);
}

static bool refused(struct reload_peer *p, uint32_t link, struct reload_cert *cert, bool expected,
	const struct reload_id *node)
{
	const char *words = NULL;
	if (expected && !reload_cert_has_node(cert, node))
		words = "the certificate is not that of the node asked for"; /* R-6.5.1.13-03 */
	else if (cert->node_ids_count == 1 && reload_id_eq(&cert->node_ids[0], &p->engine->self))
		words = "own Node-ID at the other end";
	if (words) {
		reload_engine_event(
			p->engine, &(struct reload_event){ .type = RELOAD_EV_LINK_REFUSED,
					   .err = RELOAD_BAD_CERT,
					   .link = link,
					   .node = node,
					   .words = words });
		return true;
	}
	return false;
}

/* Two nodes need one link, for a moment two; one certificate cannot take all there are: its oldest makes room. */
static void links_of_one(struct reload_peer *p, const struct reload_connection *fresh)
{
	struct reload_connection *con = NULL, *oldest = NULL;
	size_t count = 0;
	while ((con = reload_connection_next(p->connections, con))) {
		if (!span_eq(con->cert->der, fresh->cert->der))
			continue;
		count++;
		if (con != fresh && con != p->uplink && (!oldest || con->order < oldest->order))
			oldest = con;
	}
	if (count > LINKS_OF_ONE && oldest)
		reload_link_drop(p, oldest, RELOAD_LIMIT);
}

static void link_up(struct reload_peer *p, uint32_t link, struct reload_cert *cert)
{
	struct reload_id node;
	bool expected = reload_attach_expects(p, link, &node);
	struct reload_connection *con = NULL;
	if (!refused(p, link, cert, expected, expected ? &node : NULL)) {
		con = reload_connection_add(p->connections, link, cert, p->engine->now);
		if (!con)
			reload_engine_event(
				p->engine, &(struct reload_event){
						   .type = RELOAD_EV_LINK_LIMIT, .link = link });
	}
	if (!con) {
		p->engine->ops->link_close(p->engine->host, link);
		reload_life_link_down(p, link, NULL, RELOAD_BAD_CERT);
		return;
	}
	con->incoming = link >> 31;
	reload_cache_add(
		p->cache, cert, NULL); /* judged by the same rules as that of a message's signer */
	if (expected && !con->node.len)
		reload_connection_bind(p->connections, con, &node);
	links_of_one(p, con);
	if (con->node.len)
		reload_connected_tell(p, con);
	reload_attach_link_up(p, con);
	reload_search_link_up(p, con);
}

void reload_peer_link_up(struct reload_peer *p, uint32_t link, struct reload_cert *cert)
{
	reload_engine_enter(p->engine);
	if (!reload_claims_link_up(p, link, cert))
		link_up(p, link, cert);
	reload_engine_exit(p->engine);
}

static void link_lost(struct reload_peer *p, struct reload_connection *con, enum reload_err err)
{
	struct reload_id node = con->node;
	uint32_t link = con->link;
	reload_engine_event(p->engine,
		&(struct reload_event){
			.type = RELOAD_EV_LINK_DOWN, .err = err, .link = link, .node = &node });
	if (p->uplink == con)
		p->uplink = NULL;
	reload_ms since = con->since;
	reload_connection_remove(p->connections, con);
	con = node.len ? reload_connection_by_node(p->connections, &node) : NULL;
	if (!con && node.len && p->life.state == RELOAD_STATE_JOINED &&
		reload_peer_is_routed(p, &node))
		reload_engine_event(p->engine,
			&(struct reload_event){
				.type = RELOAD_EV_NEIGHBOUR_LOST, .err = err, .node = &node });
	if (con && con->since > since + p->engine->config->overlay_reliability_timer_ms)
		starts_anew(p, &node); /* who has a link makes no second one */
	if (con)
		health_changed(p, &node);
	reload_life_link_down(p, link, node.len ? &node : NULL, err);
}

void reload_link_drop(struct reload_peer *p, struct reload_connection *con, enum reload_err err)
{
	p->engine->ops->link_close(p->engine->host, con->link);
	link_lost(p, con, err);
}

void reload_peer_link_down(struct reload_peer *p, uint32_t link, enum reload_err err)
{
	reload_engine_enter(p->engine);
	struct reload_connection *con = reload_connection_by_link(p->connections, link);
	if (con)
		link_lost(p, con, err);
	else if (!reload_claims_link_down(p, link))
		reload_life_link_down(p, link, NULL, err);
	reload_engine_exit(p->engine);
}

void reload_peer_link_health(struct reload_peer *p, uint32_t link, bool good)
{
	reload_engine_enter(p->engine);
	struct reload_connection *con = reload_connection_by_link(p->connections, link);
	if (con && con->good != good) {
		con->good = good;
		if (!good)
			reload_engine_event(p->engine,
				&(struct reload_event){ .type = RELOAD_EV_LINK_UNRESPONSIVE,
					.link = link,
					.node = &con->node });
		if (con->node.len)
			health_changed(p, &con->node);
		reload_life_neighbours(p);
	}
	reload_engine_exit(p->engine);
}
