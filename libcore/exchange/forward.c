#include "exchange/internal.h"

#include "route/stand_in.h"
#include "wire/limits.h"

/*
 * A message arrives (RFC 6940 s6.1).
 *
 *   frame -> header checks -> route decision -> forwarded | dropped | error | for this node
 *
 * Up to the decision only the forwarding header is looked at and nothing is kept.
 */

static bool is_request(const struct reload_header *h, struct span message)
{
	return reload_code_is_request(reload_message_code(h, message));
}

static void refuse(struct reload_exchange *x, uint32_t link, const struct reload_header *h,
	struct span message, enum reload_counter counter, enum reload_err err, const char *reason)
{
	reload_engine_drop(x->engine, counter, link, h->transaction_id, reason);
	if (err && is_request(h, message))
		(void)reload_error_back(x, link, h, err, reason, false);
}

/*
 * Whether the sender has another document than this node, whose initial-ttl may be larger.  If its messages were discarded for
 * that, the errors that say which of the two is older, and the ConfigUpdate behind them, would never arrive, and another
 * initial-ttl would split the overlay.
 */
static bool has_other_document(const struct reload_exchange *x, const struct reload_header *h)
{
	return h->configuration_sequence != x->engine->config->sequence;
}

/*
 * RFC 6940 s6.1: "it first examines the overlay, version, and other header fields to determine whether the message is one it
 * can process"; true: go on.
 */
static bool header_check(struct reload_exchange *x, uint32_t link, const struct reload_header *h,
	struct span message)
{
	enum reload_err report = x->policy.report_header_errors ? RELOAD_INCOMPATIBLE : RELOAD_OK;
	if (h->overlay != x->engine->config->overlay_hash) {
		refuse(x, link, h, message, RELOAD_COUNT_DROP_OVERLAY, report, "another overlay");
		return false;
	}
	if (h->version != RELOAD_VERSION_BYTE) {
		refuse(x, link, h, message, RELOAD_COUNT_DROP_VERSION, report, "another version");
		return false;
	}
	if (!(h->fragment & RELOAD_FRAGMENT_ALWAYS) || h->length != message.len) {
		refuse(x, link, h, message, RELOAD_COUNT_DROP_MALFORMED, RELOAD_OK,
			"fragment bit or length");
		return false;
	}
	if (h->ttl > x->engine->config->initial_ttl && !has_other_document(x, h)) {
		refuse(x, link, h, message, RELOAD_COUNT_DROP_TTL, RELOAD_TTL_EXCEEDED,
			"ttl above initial-ttl");
		return false;
	}
	if (reload_list_repeats(h->destination_list, &x->engine->ctx)) {
		refuse(x, link, h, message, RELOAD_COUNT_DROP_DUPLICATE_ENTRY,
			RELOAD_INVALID_MESSAGE, "duplicate entry in the Destination List");
		return false;
	}
	return true;
}

/*
 * RFC 6940 s6.1.2: a link whose certificate has several Node-IDs stands for nobody until an Attach came over it; only
 * Ping and Attach are taken (HDR-16).
 */
static bool unidentified_may_send(struct reload_exchange *x, struct reload_connection *con,
	const struct reload_header *h, struct span message)
{
	uint16_t code = reload_message_code(h, message);
	if (!con->cert && h->via_list.len) {
		reload_engine_drop(x->engine, RELOAD_COUNT_DROP_NO_NODE_ID, con->link,
			h->transaction_id, "passed on by nobody knows whom");
		return false;
	}
	if (con->node.len || !reload_code_is_request(code))
		return true;
	const struct reload_method_row *method = reload_method_row(x, code);
	if (method && method->flags & RELOAD_METHOD_UNBOUND)
		return true;
	refuse(x, con->link, h, message, RELOAD_COUNT_DROP_NO_NODE_ID, RELOAD_FORBIDDEN,
		"Attach first");
	return false;
}

/* Whether the Destination List has the request go back to the very node that it came from. */
static bool returns(const struct reload_exchange *x, const struct reload_connection *from,
	const struct reload_decision *d)
{
	struct reload_destination first;
	struct span rest;
	return !d->head_replaced && from->node.len &&
	       reload_list_first(&first, &rest, d->list, &x->engine->ctx) &&
	       first.type == RELOAD_DEST_NODE && reload_id_eq(&first.node, &from->node);
}

/*
 * Appends where the request came from, as the policy of the node has it (RFC 6940 s6.1.2).  Under any policy a node that sends a request to
 * itself by way of this one learns the opaque ID by which this node names it: that is how it gets an anonymous GRUU (RFC 7904 s6).
 */
static void via_append(struct reload_exchange *x, struct wr *w, struct reload_connection *from,
	const struct reload_header *h, bool compress)
{
	uint8_t name[2];
	wr_span(w, h->via_list);
	if (x->policy.via == RELOAD_VIA_STATEFUL && from->node.len && !compress)
		reload_return_paths_put(
			x->return_paths, h->transaction_id, from->link, x->engine->now);
	else {
		struct reload_destination hop =
			compress || x->policy.via == RELOAD_VIA_COMPRESS
				? reload_connection_opaque(x->connections, from, name)
				: reload_connection_hop(x->connections, from, name);
		reload_list_write(w, &x->engine->ctx, &hop, 1);
	}
}

static void forward(struct reload_exchange *x, struct reload_connection *from,
	const struct reload_header *in, struct span message, const struct reload_decision *d)
{
	if (reload_options_have(in->options, RELOAD_FORWARD_CRITICAL)) {
		refuse(x, from->link, in, message, RELOAD_COUNT_DROP_OPTION,
			RELOAD_UNSUPPORTED_OPTION, "unknown FORWARD_CRITICAL option");
		return;
	}
	if (!in->ttl) {
		refuse(x, from->link, in, message, RELOAD_COUNT_DROP_TTL, RELOAD_TTL_EXCEEDED,
			"ttl 0");
		return;
	}
	uint8_t room[2048];
	struct wr via = wr_fixed(room, sizeof(room) / 2),
		  list = wr_fixed(room + sizeof(room) / 2, sizeof(room) / 2);
	struct reload_header h = *in;
	/* what has_other_document() let pass goes no further than others */
	if (h.ttl > x->engine->config->initial_ttl)
		h.ttl = x->engine->config->initial_ttl;
	h.ttl--;
	if (is_request(in, message)) {
		via_append(x, &via, from, in, returns(x, from, d));
		h.via_list = span_of(via.at, via.len);
	}
	reload_list_onward(&list, x, d);
	h.destination_list = span_of(list.at, list.len);
	size_t head = reload_header_size(in);
	if (via.err || list.err) {
		reload_engine_drop(x->engine, RELOAD_COUNT_DROP_LIMIT, from->link,
			in->transaction_id, "lists too long to forward");
		return;
	}
	struct span tail = span_of(message.at + head, message.len - head);
	if (reload_header_size(&h) + tail.len > x->engine->config->max_message_size) {
		/* its Via entry made it too long: the next node would close the link (R-6.6-01) */
		refuse(x, from->link, in, message, RELOAD_COUNT_DROP_LIMIT,
			RELOAD_MESSAGE_TOO_LARGE, "above max-message-size when forwarded");
		return;
	}
	from->used = d->connection->used = x->engine->now;
	reload_message_send(x, d->connection, &h, tail);
	reload_engine_count(x->engine, RELOAD_COUNT_FORWARDED);
}

static void fragment(struct reload_exchange *x, struct reload_connection *con,
	const struct reload_header *h, struct span message)
{
	struct bytes whole;
	uint32_t from;
	if (!con->cert) {
		reload_engine_drop(x->engine, RELOAD_COUNT_DROP_NO_NODE_ID, con->link,
			h->transaction_id, "a fragment of nobody knows whom");
		return;
	}
	const struct span sender = span_of(con->cert->fingerprint, sizeof(con->cert->fingerprint));
	enum reload_err err = reload_reassembly_add(x->reassembly, message, h, con->link,
		reload_originator_digest(sender), x->engine->config->max_message_size,
		x->engine->now, &whole, &from);
	if (err)
		reload_engine_drop(x->engine, RELOAD_COUNT_DROP_FRAGMENT, con->link,
			h->transaction_id, reload_err_text(err));
	if (!err && whole.at) {
		struct reload_connection *first = reload_connection_by_link(x->connections, from);
		struct reload_header all;
		/* the first fragment need not have held the message code */
		if (first && !reload_header_read(&all, bytes_span(whole), &x->engine->ctx) &&
			unidentified_may_send(x, first, &all, bytes_span(whole)))
			reload_deliver(x, first, bytes_span(whole), false);
		bytes_free(&whole);
	}
}

/*
 * A response whose request passed here without a Via entry: this node kept the link it came over instead (HDR-02).
 */
static bool restore_return_path(struct reload_exchange *x, const struct reload_header *h,
	struct span message, struct reload_decision *d)
{
	uint32_t link;
	struct reload_destination first;
	struct span rest;
	uint16_t code = reload_message_code(h, message);
	if (x->policy.via != RELOAD_VIA_STATEFUL || !code || reload_code_is_request(code) ||
		!reload_list_first(&first, &rest, h->destination_list, &x->engine->ctx) ||
		first.type != RELOAD_DEST_NODE || !reload_id_eq(&first.node, &x->engine->self) ||
		!reload_return_paths_get(x->return_paths, h->transaction_id, x->engine->now, &link))
		return false;
	struct reload_connection *con = reload_connection_by_link(x->connections, link);
	struct reload_destination next;
	struct span behind;
	if (!con)
		return false;
	*d = (struct reload_decision){ .action = RELOAD_FORWARD, .connection = con, .list = rest };
	if (reload_list_first(&next, &behind, rest, &x->engine->ctx) &&
		next.type == RELOAD_DEST_NODE && reload_id_eq(&next.node, &con->node))
		return true;
	d->head_replaced = true;
	d->head = reload_dest_node(&con->node);
	return true;
}

static struct reload_decision decide(struct reload_exchange *x,
	const struct reload_connection *from, const struct reload_header *h, struct span message)
{
	struct reload_decision d = reload_route_decide(x->route, h->destination_list);
	if (d.action != RELOAD_FORWARD || h->fragment != RELOAD_FRAGMENT_WHOLE)
		return d;
	const struct reload_method_row *method =
		reload_method_row(x, reload_message_code(h, message));
	if (method && method->flags & RELOAD_METHOD_BY_REPLICA)
		(void)reload_route_stand_in(
			x->route, from, h->destination_list, x->engine->now, &d);
	return d;
}

/* Asks the rooms above about a message that is to be forwarded; false: it was refused or dropped. */
static bool may_pass(struct reload_exchange *x, struct reload_connection *from,
	const struct reload_connection *to, const struct reload_header *h, struct span message)
{
	char info[RELOAD_PASS_INFO] = "";
	if (h->fragment != RELOAD_FRAGMENT_WHOLE)
		return true; /* nothing is put together in transit */
	enum reload_err err = x->watch->passes(x->watch_arg, from, to, h, message, info);
	if (!err)
		return true;
	reload_engine_drop(x->engine, RELOAD_COUNT_DROP_DIAGNOSTIC, from->link, h->transaction_id,
		reload_err_text(err));
	if (info[0])
		(void)reload_error_back(x, from->link, h, err, info, false);
	return false;
}

static void route_delayed(
	struct reload_exchange *x, struct reload_connection *con, struct span message);

static void route(struct reload_exchange *x, struct reload_connection *con, struct span message,
	bool may_delay)
{
	struct reload_header h;
	enum reload_err err = reload_header_read(&h, message, &x->engine->ctx);
	if (err) {
		reload_engine_drop(x->engine,
			err == RELOAD_NOT_RELOAD ? RELOAD_COUNT_DROP_NOT_RELOAD
						 : RELOAD_COUNT_DROP_MALFORMED,
			con->link, 0, reload_err_text(err));
		return;
	}
	if (may_delay)
		reload_traffic_received(
			&x->traffic, reload_message_code(&h, message), message.len, x->engine->now);
	if (!header_check(x, con->link, &h, message) || !unidentified_may_send(x, con, &h, message))
		return;
	struct reload_decision d;
	if (!restore_return_path(x, &h, message, &d))
		d = decide(x, con, &h, message);
	switch (d.action) {
	case RELOAD_DELIVER:
		if (h.fragment == RELOAD_FRAGMENT_WHOLE)
			reload_deliver(x, con, message, d.stands_in);
		else
			fragment(x, con, &h, message);
		break;
	case RELOAD_FORWARD:
		if (!may_pass(x, con, d.connection, &h, message))
			break;
		if (!may_delay || !is_request(&h, message) ||
			!reload_loop_delay(x, con, d.connection, &h, message, route_delayed))
			forward(x, con, &h, message, &d);
		break;
	case RELOAD_DROP:
		reload_engine_drop(x->engine,
			d.opaque ? RELOAD_COUNT_DROP_OPAQUE : RELOAD_COUNT_DROP_NO_ROUTE, con->link,
			h.transaction_id, d.reason);
		break;
	}
}

static void route_delayed(
	struct reload_exchange *x, struct reload_connection *con, struct span message)
{
	route(x, con, message, false);
}

void reload_exchange_message(struct reload_exchange *x, uint32_t link, struct span message)
{
	struct reload_connection *con = reload_connection_by_link(x->connections, link);
	if (con) {
		con->received++;
		con->active = con->heard = x->engine->now;
		reload_engine_count(x->engine, RELOAD_COUNT_RECEIVED);
		route(x, con, message, true);
	}
}

void reload_exchange_oversized(struct reload_exchange *x, uint32_t link, struct span head)
{
	struct reload_connection *con = reload_connection_by_link(x->connections, link);
	struct reload_header h;
	if (con) {
		reload_engine_drop(x->engine, RELOAD_COUNT_DROP_LIMIT, link, 0,
			"message above max-message-size");
		/* R-6.6-01, LINK-18: answered when the header is there and alone small enough; then the link goes */
		bool answer = !reload_header_read(&h, head, &x->engine->ctx) &&
			      h.overlay == x->engine->config->overlay_hash && is_request(&h, head);
		if (!answer || !reload_error_back(x, link, &h, RELOAD_MESSAGE_TOO_LARGE,
				       "above max-message-size", true))
			reload_link_drop(x->connections, con, RELOAD_MESSAGE_TOO_LARGE);
	}
}
