#include "exchange/internal.h"

/* A verified answer and the request that it belongs to. */

static void error_note(struct reload_request *r, struct reload_incoming *in)
{
	const struct reload_error_response *e = &in->msg->body.error;
	r->result.overlay_code = e->error_code;
	r->result.error_info = e->error_info;
	r->result.err = reload_err_from_overlay(e->error_code);
	r->result.reason = "the overlay answered an error";
	reload_engine_event(
		r->exchange->engine, &(struct reload_event){ .type = RELOAD_EV_ERROR_RECEIVED,
					     .err = r->result.err,
					     .transaction = r->transaction.id,
					     .code = r->code,
					     .node = &in->signer });
	/* RFC 6940 s6.5.4: a node that is behind is sent the configuration */
	if (r->result.err == RELOAD_CONFIG_TOO_NEW &&
		!(r->method && r->method->flags & RELOAD_METHOD_ANY_SEQUENCE))
		r->exchange->watch->behind(r->exchange->watch_arg, &in->signer, wr_done(&r->list));
	if (r->result.err == RELOAD_UNKNOWN_KIND)
		r->exchange->watch->kinds_wanted(
			r->exchange->watch_arg, r, &in->signer, e->error_info);
}

/* A node that may answer answered something that was not asked: all of the answer is ignored. */
static void unfit_note(struct reload_request *r, struct reload_incoming *in)
{
	r->result.err = RELOAD_BAD_ANSWER;
	r->result.reason = "it is about another Kind or place than was asked for, or of one twice";
	reload_engine_drop(r->exchange->engine, RELOAD_COUNT_DROP_MALFORMED, in->link,
		r->transaction.id, "answer about what was not asked for");
}

/* Measures how long the node at the end of the link took, when it was that one that answered. */
static void time_note(const struct reload_request *r, const struct reload_incoming *in)
{
	struct reload_exchange *x = r->exchange;
	struct reload_connection *con = reload_connection_by_link(x->connections, in->link);
	if (con && reload_id_eq(&con->node, &in->signer))
		reload_connection_answered(con, x->engine->now - r->transaction.begun);
}

void reload_request_answered(struct reload_request *r, struct reload_incoming *in)
{
	struct reload_exchange *x = r->exchange;
	r->answer = in;
	r->result = (struct reload_result){ 0 };
	r->result.responder = in->signer;
	r->result.answer = in->msg;
	uint8_t ttl = x->engine->config->initial_ttl; /* of the other's document it may be larger */
	if (!in->local)
		r->result.hops = in->msg->header.ttl < ttl ? 1u + ttl - in->msg->header.ttl : 1u;
	time_note(r, in);
	if (in->msg->code == RELOAD_ERROR) {
		error_note(r, in);
		if (reload_request_resend_later(r))
			return;
	} else if (in->does_not_fit) {
		unfit_note(r, in);
	} else if (r->method && r->method->answered) {
		r->method->answered(r, in);
	}
	reload_request_end(r);
}
