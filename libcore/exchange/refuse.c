#include "exchange/internal.h"

/* Errors from the header alone: of requests that this node forwards, or does not decode. */

struct error_reply {
	struct reload_exchange *exchange;
	uint32_t link;
	uint64_t transaction;
	bool close; /* the link goes once the error left */
	struct wr back, options;
};

static void error_signed(void *arg, struct span tail, enum reload_err err)
{
	struct error_reply *reply = arg;
	if (!err)
		reload_response_send(reply->exchange, reply->transaction, wr_done(&reply->back),
			wr_done(&reply->options), tail, reply->link);
	struct reload_connection *con =
		reload_connection_by_link(reply->exchange->connections, reply->link);
	if (con)
		con->work--;
	if (reply->close && con)
		reload_link_drop(reply->exchange->connections, con, RELOAD_MESSAGE_TOO_LARGE);
	wr_clear(&reply->back);
	wr_clear(&reply->options);
	free(reply);
}

bool reload_error_back(struct reload_exchange *x, uint32_t link, const struct reload_header *h,
	enum reload_err err, const char *reason, bool close)
{
	struct reload_connection *con = reload_connection_by_link(x->connections, link);
	if (!con || x->engine->jobs >= x->policy.max_work ||
		reload_connection_work(x->connections, con) >= x->policy.max_link_work)
		return false;
	con->work++; /* a signature costs more than what asks for it */
	uint8_t name[2];
	struct reload_destination hop = reload_connection_hop(x->connections, con, name);
	struct error_reply *reply = RELOAD_NEW(error_reply);
	reply->exchange = x;
	reply->link = link;
	reply->transaction = h->transaction_id;
	reply->close = close;
	if (!reload_list_check(h->via_list, &x->engine->ctx, true))
		reload_list_back(
			&reply->back, &x->engine->ctx, &hop, h->via_list, &x->engine->self);
	wr_span(&reply->options, h->options);
	struct reload_error_response e = { .error_code = reload_err_overlay_code(err),
		.error_info = span_str(reason) };
	struct wr contents;
	wr_init(&contents);
	reload_contents_write(&contents, &x->engine->ctx, RELOAD_ERROR, &e, NULL, 0);
	reload_engine_count(x->engine, RELOAD_COUNT_ERRORS_SENT);
	reload_sign_contents(
		x, h->transaction_id, wr_done(&contents), NULL, 0, error_signed, reply);
	wr_clear(&contents);
	return true;
}

bool reload_exchange_refuse(struct reload_exchange *x, uint32_t link, const struct reload_header *h,
	enum reload_err err, const char *text)
{
	return reload_error_back(x, link, h, err, text, false);
}
