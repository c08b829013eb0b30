#include "membership/internal.h"

/* Join, Leave and Update of others. */

/* The request came over the signer's own link (RFC 6940 s6.4.2.1, s6.4.2.2). */
/* Whether in came from its signer over a link of theirs that still stands: it may have gone while the signature was verified. */
static bool is_direct(const struct reload_incoming *in)
{
	const struct reload_membership *m = in->method->arg;
	return in->previous.len && !in->msg->header.via_list.len &&
	       reload_id_eq(&in->previous, &in->signer) &&
	       reload_connection_by_link(m->connections, in->link);
}

/*
 * A node that sends a Join over a new link, while it has older ones here, was started again before those were seen to be dead.
 * They are closed, and it is treated as a new node.
 */
static void close_links_of_earlier_run(struct reload_incoming *in)
{
	struct reload_membership *m = in->method->arg;
	struct reload_connection *con = NULL, *next;
	bool earlier = false;
	if (!reload_topology_lists(m->route->topology, m->route->plugin, &in->signer))
		return;
	for (con = reload_connection_next(m->connections, NULL); con; con = next) {
		next = reload_connection_next(m->connections, con);
		if (con->link == in->link || !reload_id_eq(&con->node, &in->signer))
			continue;
		reload_link_close(m->connections, con);
		earlier = true;
	}
	if (earlier)
		reload_link_starts_anew(m, &in->signer);
}

static void join_answer_sent(struct reload_incoming *in)
{
	struct reload_membership *m = in->method->arg;
	reload_engine_event(m->engine,
		&(struct reload_event){ .type = RELOAD_EV_JOIN_ADMITTED, .node = &in->signer });
	m->route->topology->join_received(m->route->plugin, &in->signer);
}

void reload_serve_join(struct reload_incoming *in)
{
	struct reload_membership *m = in->method->arg;
	struct reload_join_ans ans = { 0 };
	if (!reload_id_eq(&in->msg->body.join_req.joining_peer_id, &in->signer)) {
		reload_answer_error(in, RELOAD_FORBIDDEN, "joining_peer_id is not the signer");
		return;
	}
	if (!is_direct(in)) {
		reload_answer_error(in, RELOAD_FORBIDDEN, "Join over another node's link");
		return;
	}
	close_links_of_earlier_run(in);
	/* a predecessor did not see that it was admitted, or says so: the plug-in knows how often it may */
	if (!m->route->topology->responsible(m->route->plugin, &in->signer) &&
		!reload_topology_is_predecessor(
			m->route->topology, m->route->plugin, &in->signer)) {
		reload_answer_error(in, RELOAD_FORBIDDEN, "not the Admitting Peer of this Node-ID");
		return;
	}
	/* no late copy may stand between the answer and the Update that admits it; each way from here ends with one */
	reload_updates_cancel(m, &in->signer);
	in->on_answer_sent = join_answer_sent;
	reload_answer(in, RELOAD_JOIN_ANS, &ans);
}

static void leave_answer_sent(struct reload_incoming *in)
{
	struct reload_membership *m = in->method->arg;
	reload_engine_event(m->engine,
		&(struct reload_event){ .type = RELOAD_EV_PEER_LEFT, .node = &in->signer });
	m->route->topology->leave_received(
		m->route->plugin, &in->signer, in->msg->body.leave_req.overlay_specific_data);
}

void reload_serve_leave(struct reload_incoming *in)
{
	if (!reload_id_eq(&in->msg->body.leave_req.leaving_peer_id, &in->signer)) {
		reload_answer_error(in, RELOAD_FORBIDDEN, "leaving_peer_id is not the signer");
	} else if (!is_direct(in)) {
		reload_answer_error(in, RELOAD_FORBIDDEN, "Leave over another node's link");
	} else {
		in->on_answer_sent = leave_answer_sent;
		reload_answer_bytes(in, RELOAD_LEAVE_ANS, span_of(NULL, 0));
	}
}

void reload_serve_update(struct reload_incoming *in)
{
	struct reload_membership *m = in->method->arg;
	struct reload_id from = in->signer;
	enum reload_err err =
		RELOAD_OK; /* a client keeps no tables: it only notices that the ring moved */
	if (m->role == RELOAD_ROLE_PEER)
		err = m->route->topology->update_received(
			m->route->plugin, &from, is_direct(in), in->msg->body_bytes);
	if (err == RELOAD_UNKNOWN_TYPE) { /* R-6.3.1.1-06 */
		reload_incoming_drop(in, RELOAD_COUNT_DROP_MALFORMED, "unknown Update");
		return;
	}
	if (err)
		reload_answer_error(in, RELOAD_INVALID_MESSAGE, reload_err_text(err));
	else
		reload_answer_bytes(in, RELOAD_UPDATE_ANS, span_of(NULL, 0));
	if (err)
		return;
	reload_join_client_update(m, &from);
	reload_leave_health(m); /* it may be the next owner of our range */
}
