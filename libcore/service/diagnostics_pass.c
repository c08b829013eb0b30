#include "service/diagnostics_internal.h"

#include "util/alloc.h"

#include <stdio.h>

/*
 * Diagnostic messages that this node forwards (RFC 7851 s6.2).  All other messages, and fragments, are forwarded without a look inside, as
 * RFC 6940 has it.
 */

enum {
	ERRORS_RATE = 10 /* errors in a second about what one link brings */
};

/* What a forwarder reads of a diagnostic message; false: it is none, or cannot be read, which is for its destination to say. */
static bool look(struct reload_diagnostics *d, const struct reload_header *h, struct span message,
	uint64_t *expiration)
{
	struct reload_contents c;
	struct rd r;
	uint16_t code = reload_message_code(h, message);
	if (code != RELOAD_PING_REQ && code != RELOAD_PATH_TRACK_REQ &&
		code != RELOAD_PATH_TRACK_ANS)
		return false;
	size_t head = reload_header_size(h);
	if (reload_contents_read(&c, span_of(message.at + head, message.len - head)))
		return false;
	struct reload_destination
		first; /* the destination of the request, the next hop of the answer */
	struct span extension;
	if (code == RELOAD_PING_REQ) {
		if (!reload_contents_extension(&c, RELOAD_EXTENSION_DIAGNOSTIC_PING, &extension))
			return false;
		r = rd_of(extension);
	} else {
		r = rd_of(c.body);
		if (!reload_dest_next(&r, &d->engine->ctx, &first))
			return false;
	}
	*expiration = rd_u64(&r);
	return !r.err;
}

static bool goes_in_a_circle(const struct reload_diagnostics *d, const struct reload_header *h)
{
	struct reload_destination hop;
	struct span via = h->via_list;
	while (reload_list_first(&hop, &via, via, &d->engine->ctx))
		if (hop.type == RELOAD_DEST_NODE && reload_id_eq(&hop.node, &d->engine->self))
			return true;
	return false;
}

/* Whether node is responsible for point by the neighbours that this node knows. */
static bool owns(const struct reload_topology_tables *t, const struct reload_id *self,
	const struct reload_id *node, const struct reload_id *point)
{
	for (size_t i = 0; i + 1 < t->predecessors_count; i++)
		if (reload_id_eq(&t->predecessors[i], node))
			return reload_id_between(&t->predecessors[i + 1], point, node);
	for (size_t i = 0; i < t->successors_count; i++)
		if (reload_id_eq(&t->successors[i], node))
			return reload_id_between(i ? &t->successors[i - 1] : self, point, node);
	return false;
}

/*
 * R7851-39: the node that forwarded the request to this one is responsible for its destination itself, by what this node knows of its
 * neighbours.  Whoever made the request may send it anywhere, and a Destination List of several entries says the way.
 */
static bool was_misrouted(const struct reload_diagnostics *d, const struct reload_connection *from,
	const struct reload_header *h)
{
	struct reload_topology_tables t;
	struct reload_destination to;
	struct reload_id point;
	struct span rest;
	const struct reload_route *route = d->route;
	if (!h->via_list.len || !from->node.len ||
		route->topology->get_state(route->plugin) != RELOAD_TOPOLOGY_JOINED ||
		!reload_list_first(&to, &rest, h->destination_list, &d->engine->ctx) || rest.len)
		return false;
	if (to.type == RELOAD_DEST_NODE)
		point = to.node;
	else if (to.type != RELOAD_DEST_RESOURCE || reload_id_from(&point, to.resource))
		return false;
	if (point.len != d->engine->self.len || reload_id_eq(&point, &from->node))
		return false;
	route->topology->tables(route->plugin, &t);
	return owns(&t, &d->engine->self, &from->node, &point);
}

/* Keeps what is needed to answer the request, in case that its link fails soon (R7851-37). */
static void remember(struct reload_diagnostics *d, const struct reload_connection *from,
	const struct reload_connection *to, const struct reload_header *h)
{
	size_t len = h->via_list.len + h->options.len;
	if (len > PASSED_HEADER_MAX)
		return;
	struct diagnostics_passed *p = &d->passed[d->next_passed++ % PASSED_MAX];
	free(p->lists);
	*p = (struct diagnostics_passed){ .transaction = h->transaction_id,
		.from = from->link,
		.to = to->link,
		.until = d->engine->now + d->engine->config->overlay_reliability_timer_ms,
		.header = *h,
		.lists = reload_alloc(len + 1) };
	if (h->via_list.len)
		memcpy(p->lists, h->via_list.at, h->via_list.len);
	if (h->options.len)
		memcpy(p->lists + h->via_list.len, h->options.at, h->options.len);
	p->header.via_list = span_of(p->lists, h->via_list.len);
	p->header.options = span_of(p->lists + h->via_list.len, h->options.len);
	p->header.destination_list = span_of(NULL, 0);
}

static enum reload_err judge(struct reload_diagnostics *d, const struct reload_connection *from,
	const struct reload_header *h, uint64_t expiration)
{
	reload_utc now = d->engine->wall;
	if (goes_in_a_circle(d, h))
		return RELOAD_LOOP_DETECTED;
	if (!h->ttl)
		return RELOAD_TTL_HOPS_EXCEEDED;
	if (expiration < now && now - expiration > SKEW_MS)
		return RELOAD_MESSAGE_EXPIRED;
	return was_misrouted(d, from, h) ? RELOAD_UPSTREAM_MISROUTING : RELOAD_OK;
}

/* R7851-35: which node is at fault; of a misrouted request that is the one that sent it here. */
static void explain(const struct reload_diagnostics *d, const struct reload_connection *from,
	enum reload_err err, char info[RELOAD_PASS_INFO])
{
	char hex[RELOAD_ID_HEX];
	const struct reload_id *node =
		err == RELOAD_UPSTREAM_MISROUTING || err == RELOAD_LOOP_DETECTED ? &from->node
										 : &d->engine->self;
	const char *reason = err == RELOAD_TTL_HOPS_EXCEEDED ? ";reason=ttl"
			     : err == RELOAD_MESSAGE_EXPIRED ? ";reason=expired"
							     : "";
	snprintf(info, RELOAD_PASS_INFO, "node=%s%s", reload_id_hex(hex, node), reason);
}

enum reload_err reload_diagnostics_passes(struct reload_diagnostics *d,
	const struct reload_connection *from, const struct reload_connection *to,
	const struct reload_header *h, struct span message, char info[RELOAD_PASS_INFO])
{
	uint64_t expiration;
	struct diagnostics_asker *sender;
	if (!look(d, h, message, &expiration))
		return RELOAD_OK;
	enum reload_err err = judge(d, from, h, expiration);
	bool request = reload_code_is_request(reload_message_code(h, message));
	if (!err && request)
		remember(d, from, to, h);
	/* above the rate, and for a response, info stays empty: nothing is said */
	if (err && request && from->node.len &&
		reload_diagnostics_within(
			d->errors, &from->node, ERRORS_RATE, d->engine->now, &sender))
		explain(d, from, err, info);
	return err;
}

void reload_diagnostics_link_failed(
	struct reload_diagnostics *d, uint32_t link, enum reload_err err)
{
	struct reload_connection *lost = reload_connection_by_link(d->connections, link);
	char info[RELOAD_PASS_INFO], hex[RELOAD_ID_HEX];
	if (!lost || !lost->node.len)
		return;
	snprintf(info, sizeof(info), "node=%s;reason=%s", reload_id_hex(hex, &lost->node),
		err == RELOAD_UNDERLAY_TIME_EXCEEDED ? "ttl" : "link-down");
	for (struct diagnostics_passed *p = d->passed; p < d->passed + PASSED_MAX; p++) {
		if (!p->transaction || p->to != link || p->until < d->engine->now)
			continue;
		p->transaction = 0; /* once for each */
		(void)reload_exchange_refuse(d->exchange, p->from, &p->header, err, info);
	}
}
