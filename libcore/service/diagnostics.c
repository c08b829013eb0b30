#include "service/diagnostics_internal.h"

#include <stdio.h>

/* Diagnostic requests: those of others, which are answered, and those of this node (RFC 7851 s6.1, s6.3). */

/* -- answering --------------------------------------------------------------------------------------------------------- */

/* False: the signer asks too often; in was answered, or dropped when it was told so within the last second. */
static bool within_rate(struct reload_diagnostics *d, struct reload_incoming *in)
{
	struct diagnostics_asker *asker;
	reload_ms now = d->engine->now;
	if (in->local || reload_diagnostics_within(
				 d->askers, &in->signer, d->policy.diagnostics_rate, now, &asker))
		return true;
	if (asker->was_refused && now - asker->refused < RELOAD_SECOND) {
		reload_incoming_drop(in, RELOAD_COUNT_DROP_LIMIT, "too many diagnostic requests");
		return false;
	}
	asker->was_refused = true;
	asker->refused = now;
	reload_answer_error(in, RELOAD_FORBIDDEN, "reason=rate");
	return false;
}

/* False: it has expired, or is to be answered longer than RFC 7851 s5.1 permits; in was answered. */
static bool in_time(struct reload_diagnostics *d, struct reload_incoming *in,
	const struct reload_diagnostics_request *q)
{
	reload_utc now = d->engine->wall;
	if (q->expiration < now && now - q->expiration > SKEW_MS)
		reload_answer_error(in, RELOAD_MESSAGE_EXPIRED, "the request has expired");
	else if (q->expiration > now && q->expiration - now > LIFETIME_MAX_MS + SKEW_MS)
		reload_answer_error(in, RELOAD_INVALID_MESSAGE,
			"the request expires more than 600 seconds in the future");
	else
		return true;
	return false;
}

/*
 * RFC 7851 s6.3, s7: every Kind that is asked for and known here must be permitted to the signer, or none is given.  What this node asks itself
 * is its own.  False: in was answered.
 */
static bool permitted(struct reload_diagnostics *d, struct reload_incoming *in, uint64_t flags)
{
	char list[16 + 3 * RELOAD_DIAGNOSTIC_LAST] = "kinds=";
	size_t len = strlen(list), start = len;
	for (uint16_t k = RELOAD_DIAGNOSTIC_STATUS_INFO; k <= RELOAD_DIAGNOSTIC_LAST; k++)
		if (flags & reload_diagnostic_flag(k) && !in->local &&
			!reload_config_may_read(d->engine->config, k, &in->signer))
			len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%x",
				len > start ? "," : "", (unsigned)k);
	if (len == start)
		return true;
	reload_answer_error(in, RELOAD_FORBIDDEN, list);
	return false;
}

/* All that a request must pass; false: in was answered or dropped. */
static bool admit(struct reload_diagnostics *d, struct reload_incoming *in,
	const struct reload_diagnostics_request *q)
{
	return in_time(d, in, q) && permitted(d, in, reload_diagnostics_kinds(q->flags));
}

/* The response without values (RFC 7851 s6.3). */
static struct reload_diagnostics_response respond(struct reload_diagnostics *d,
	const struct reload_incoming *in, const struct reload_diagnostics_request *q)
{
	enum {
		LIFETIME_MS = 60000
	};
	return (struct reload_diagnostics_response){ .expiration = d->engine->wall + LIFETIME_MS,
		.timestamp_initiated = q->timestamp_initiated,
		.timestamp_received = d->engine->wall,
		.hop_counter = in->msg->header.ttl };
}

static bool to_everybody(struct reload_diagnostics *d, const struct reload_incoming *in)
{
	struct reload_destination first;
	struct span rest;
	return reload_list_first(
		       &first, &rest, in->msg->header.destination_list, &d->engine->ctx) &&
	       first.type == RELOAD_DEST_NODE && reload_id_is_wildcard(&first.node);
}

void reload_diagnostics_ping(
	struct reload_diagnostics *d, struct reload_incoming *in, const struct reload_ping_ans *ans)
{
	struct reload_diagnostics_request q;
	struct reload_diagnostic_info info[RELOAD_DIAGNOSTIC_LAST];
	enum reload_err err = reload_msg_diagnostics_request(in->msg, &d->engine->ctx, &q);
	/* R7851-31: none is for the wildcard Node-ID, so this is a plain Ping */
	if (err == RELOAD_NO_VALUE || to_everybody(d, in)) {
		reload_answer(in, RELOAD_PING_ANS, ans);
		return;
	}
	if (!within_rate(d, in))
		return;
	if (err) {
		reload_answer_error(in, RELOAD_INVALID_MESSAGE,
			"the Diagnostic_Ping extension cannot be decoded");
		return;
	}
	if (!admit(d, in, &q))
		return;
	struct reload_diagnostics_response s = respond(d, in, &q);
	s.info = info;
	s.info_count =
		reload_diagnostics_collect(d, in, reload_diagnostics_kinds(q.flags), 0, info);
	struct wr w;
	wr_init(&w);
	reload_wire_write(&w, &reload_diagnostics_response_wire, &d->engine->ctx, &s);
	struct reload_extension e = { .type = RELOAD_EXTENSION_DIAGNOSTIC_PING,
		.contents = wr_done(&w) };
	reload_answer_extended(in, RELOAD_PING_ANS, ans, &e, 1);
	wr_clear(&w);
}

/* Whether this node is responsible for the point of the ring that d names. */
static bool is_own(const struct reload_diagnostics *d, const struct reload_destination *to)
{
	struct reload_id point;
	struct span s = to->type == RELOAD_DEST_NODE ? reload_id_span(&to->node) : to->resource;
	return s.len == d->engine->self.len && !reload_id_from(&point, s) &&
	       d->route->topology->responsible(d->route->plugin, &point);
}

/* Where this node would send a message for the traced destination, and over which link (0: it stays here); false: in was answered. */
static bool next_hop(struct reload_diagnostics *d, struct reload_incoming *in,
	struct reload_id *node, uint32_t *link)
{
	const struct reload_destination *to = &in->msg->body.path_track_req.destination;
	struct wr list;
	*link = 0;
	*node = d->engine->self;
	if (to->type == RELOAD_DEST_OPAQUE) {
		reload_answer_error(in, RELOAD_FORBIDDEN, "opaque ids are not for tracing");
		return false;
	}
	wr_init(&list);
	reload_list_write(&list, &d->engine->ctx, to, 1);
	struct reload_decision next = reload_route_decide(d->route, wr_done(&list));
	wr_clear(&list);
	/* R7851-9: this node is responsible; also for a Node-ID in its range that no node has */
	if (next.action == RELOAD_DELIVER || (next.action == RELOAD_DROP && is_own(d, to)))
		return true;
	if (next.action == RELOAD_DROP || !next.connection->node.len) {
		reload_answer_error(in, RELOAD_NOT_FOUND, "no next hop");
		return false;
	}
	*node = next.connection->node;
	*link = next.connection->link;
	return true;
}

static void serve_path_track(struct reload_incoming *in)
{
	struct reload_diagnostics *d = in->method->arg;
	const struct reload_diagnostics_request *q = &in->msg->body.path_track_req.request;
	struct reload_diagnostic_info info[RELOAD_DIAGNOSTIC_LAST];
	struct reload_id next;
	uint32_t link;
	if (!within_rate(d, in) || !admit(d, in, q) || !next_hop(d, in, &next, &link))
		return;
	struct reload_path_track_ans ans = { .next_hop = reload_dest_node(&next),
		.response = respond(d, in, q) };
	ans.response.info = info;
	ans.response.info_count =
		reload_diagnostics_collect(d, in, reload_diagnostics_kinds(q->flags), link, info);
	reload_answer(in, RELOAD_PATH_TRACK_ANS, &ans);
}

/* -- asking ------------------------------------------------------------------------------------------------------------ */

static enum reload_err request_make(struct reload_diagnostics *d,
	struct reload_diagnostics_request *out, struct reload_diagnostic_extension *extensions,
	const struct reload_diagnostics_wish *wish)
{
	enum {
		LIFETIME_MS = 60000 /* longer than all copies of a request take */
	};
	if (wish->kinds_count > RELOAD_LIMIT_DIAGNOSTICS)
		return RELOAD_USAGE;
	for (size_t i = 0; i < wish->kinds_count; i++) {
		if (wish->kinds[i] < RELOAD_DIAGNOSTIC_FLAGS) /* R7851-14 */
			return RELOAD_USAGE;
		extensions[i] = (struct reload_diagnostic_extension){ .kind = wish->kinds[i] };
	}
	*out = (struct reload_diagnostics_request){ .expiration = d->engine->wall + LIFETIME_MS,
		.timestamp_initiated = d->engine->wall,
		.flags = wish->flags,
		.extensions = extensions,
		.extensions_count = wish->kinds_count };
	return RELOAD_OK;
}

/* When the request of a PathTrack was made: its answer repeats it. */
static void work_set(struct reload_request *r, uint64_t initiated)
{
	r->work = reload_memdup(&initiated, sizeof(initiated));
	r->work_free = free;
}

enum reload_err reload_diagnostics_send_ping(struct reload_diagnostics *d, struct reload_request *r,
	const struct reload_diagnostics_wish *wish)
{
	struct reload_diagnostic_extension extensions[RELOAD_LIMIT_DIAGNOSTICS];
	struct reload_diagnostics_request q;
	struct reload_ping_req ping = { 0 };
	enum reload_err err = r->expect == RELOAD_EXPECT_LINK_PEER /* R7851-31 */
				      ? RELOAD_USAGE
				      : request_make(d, &q, extensions, wish);
	if (err)
		return err;
	struct wr w;
	wr_init(&w);
	reload_wire_write(&w, &reload_diagnostics_request_wire, &d->engine->ctx, &q);
	struct reload_extension e = { .type = RELOAD_EXTENSION_DIAGNOSTIC_PING,
		.contents = wr_done(&w) };
	reload_request_send_extended(r, &ping, &e, 1);
	wr_clear(&w);
	return RELOAD_OK;
}

enum reload_err reload_diagnostics_send_path_track(struct reload_diagnostics *d,
	struct reload_request *r, const struct reload_destination *destination,
	const struct reload_diagnostics_wish *wish)
{
	struct reload_diagnostic_extension extensions[RELOAD_LIMIT_DIAGNOSTICS];
	struct reload_path_track_req req = { .destination = *destination };
	bool everybody = destination->type == RELOAD_DEST_NODE &&
			 reload_id_is_wildcard(&destination->node); /* R7851-33 */
	enum reload_err err =
		everybody ? RELOAD_USAGE : request_make(d, &req.request, extensions, wish);
	if (err)
		return err;
	work_set(r, req.request.timestamp_initiated);
	reload_request_send(r, &req);
	return RELOAD_OK;
}

/* R7851-9, R7851-16: the next hop is a node, and the response belongs to this request. */
static bool path_track_fits(const struct reload_request *r, const struct reload_msg *answer)
{
	const struct reload_path_track_ans *ans = &answer->body.path_track_ans;
	const uint64_t *initiated = r->work;
	return ans->next_hop.type == RELOAD_DEST_NODE &&
	       !reload_id_is_wildcard(&ans->next_hop.node) &&
	       ans->response.timestamp_initiated == *initiated;
}

/* An answer that has expired on its way says nothing about now. */
static void path_track_answered(struct reload_request *r, struct reload_incoming *in)
{
	const struct reload_diagnostics *d = r->method->arg;
	reload_utc now = d->engine->wall, ends = in->msg->body.path_track_ans.response.expiration;
	if (ends < now && now - ends > SKEW_MS) {
		r->result.err = RELOAD_BAD_ANSWER;
		r->result.reason = "the answer has expired";
	}
}

static const struct reload_method_row methods[] = {
	{ RELOAD_PATH_TRACK_REQ, .serve = serve_path_track, .fits = path_track_fits,
		.answered = path_track_answered },
};

struct reload_diagnostics *reload_diagnostics_new(const struct reload_diagnostics_setup *setup)
{
	struct reload_diagnostics *d = RELOAD_NEW(reload_diagnostics);
	d->engine = setup->engine;
	d->connections = setup->connections;
	d->route = setup->route;
	d->exchange = setup->exchange;
	d->replica = setup->replica;
	d->policy = setup->policy;
	reload_exchange_methods(d->exchange, methods, COUNT_OF(methods), d);
	return d;
}

void reload_diagnostics_free(struct reload_diagnostics *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < PASSED_MAX; i++)
		free(d->passed[i].lists);
	free(d);
}
