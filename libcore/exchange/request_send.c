#include "exchange/internal.h"

/* A request on its way out: encoded, signed, and given to the transactions, which send its copies. */

struct reload_header reload_request_header(struct reload_request *r)
{
	struct reload_header h = reload_header_new(r->exchange, r->transaction.id);
	h.destination_list = wr_done(&r->list);
	if (r->method && r->method->flags & RELOAD_METHOD_ANY_SEQUENCE)
		h.configuration_sequence = RELOAD_SEQUENCE_ANY; /* HDR-08 */
	return h;
}

/* Of the transaction that begins; 0: as long as all of them. */
static reload_ms time_left(const struct reload_request *r)
{
	return r->left_ms ? r->left_ms : r->timeout_ms;
}

static void request_signed(void *arg, struct span tail, enum reload_err err)
{
	struct reload_request *r = arg;
	r->signing = false;
	if (!reload_request_release(r))
		return;
	if (err) {
		reload_request_fail(r, err, "could not be signed");
		return;
	}
	if (r->waiting_to_resend)
		return; /* it is signed again, for its next transaction */
	struct reload_header h = reload_request_header(r);
	if (reload_header_size(&h) + tail.len > r->exchange->engine->config->max_message_size) {
		reload_request_fail(
			r, RELOAD_MESSAGE_TOO_LARGE, "the request exceeds max-message-size");
		return;
	}
	if (r->dry_run) {
		reload_request_end(r);
		return;
	}
	wr_span(&r->tail, tail);
	if (r->transaction.active)
		r->exchange->transactions.transmit(
			r->exchange, &r->transaction); /* its copy was waiting for the signature */
	else if (!reload_transaction_begin(&r->exchange->transactions, &r->transaction,
			 r->transaction.id, time_left(r)))
		reload_request_fail(r, RELOAD_BUG, "transaction id drawn twice");
}

void reload_request_sign(struct reload_request *r)
{
	if (r->signing)
		return;
	r->signing = true;
	reload_request_hold(r);
	struct span certificates = wr_done(&r->certificates);
	reload_sign_contents(r->exchange, r->transaction.id, wr_done(&r->contents), &certificates,
		certificates.len ? 1 : 0, request_signed, r);
}

struct reload_decision reload_request_decide(struct reload_request *r)
{
	if (r->over_link) {
		struct reload_connection *con =
			reload_connection_by_link(r->exchange->connections, r->over_link);
		return (struct reload_decision){ .action = con ? RELOAD_FORWARD : RELOAD_DROP,
			.connection = con,
			.list = wr_done(&r->list),
			.reason = "the link is gone" };
	}
	return reload_route_decide(r->exchange->route, wr_done(&r->list));
}

static void start(struct reload_request *r)
{
	if (r->contents.err || r->contents.len > r->exchange->engine->config->max_message_size) {
		reload_request_fail(
			r, RELOAD_MESSAGE_TOO_LARGE, "the request exceeds max-message-size");
		return;
	}
	if (reload_request_decide(r).action == RELOAD_DELIVER) {
		if (r->dry_run)
			reload_request_end(r);
		else if (!reload_transaction_begin(&r->exchange->transactions, &r->transaction,
				 r->transaction.id, time_left(r)))
			reload_request_fail(r, RELOAD_BUG, "transaction id drawn twice");
	} else {
		reload_request_sign(r);
	}
}

void reload_request_send_extended(struct reload_request *r, const void *body,
	const struct reload_extension *extensions, size_t count)
{
	reload_contents_write(
		&r->contents, &r->exchange->engine->ctx, r->code, body, extensions, count);
	start(r);
}

void reload_request_send(struct reload_request *r, const void *body)
{
	reload_request_send_extended(r, body, NULL, 0);
}

void reload_request_send_bytes(struct reload_request *r, struct span body)
{
	reload_contents_write_bytes(
		&r->contents, &r->exchange->engine->ctx, r->code, body, NULL, 0);
	start(r);
}

void reload_request_restart(struct reload_request *r, reload_ms timeout_ms)
{
	wr_clear(&r->tail);
	r->transaction.id = reload_engine_random64(r->exchange->engine);
	r->left_ms = timeout_ms;
	start(r);
}
