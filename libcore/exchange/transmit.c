#include "exchange/internal.h"

/* One copy of a request: over a link, or to this node itself. */

static void to_itself(struct reload_request *r)
{
	r->served_here = true;
	struct reload_security_block none = {
		.signature = { .identity = { .type = RELOAD_IDENTITY_NONE } }
	};
	struct reload_header h = reload_request_header(r);
	struct wr w;
	wr_init(&w);
	reload_msg_write(&w, &r->exchange->engine->ctx, &h, wr_done(&r->contents), &none);
	reload_deliver_local(r->exchange, r, wr_done(&w));
	wr_clear(&w);
}

void reload_requests_transmit(void *arg, struct reload_transaction *t)
{
	struct reload_exchange *x = arg;
	struct reload_request *r = (struct reload_request *)t;
	struct reload_decision d = reload_request_decide(r);
	if (t->transmissions > 1)
		reload_engine_count(x->engine, RELOAD_COUNT_REQUESTS_REPEATED);
	if (d.action == RELOAD_DELIVER) {
		/* only once: nothing is lost on this way; the first copies may have gone to who was responsible then */
		if (!r->served_here)
			to_itself(r);
		return;
	}
	if (!r->tail.len) {
		reload_request_sign(
			r); /* the point moved away while the request was on its way to this node itself */
		return;
	}
	r->no_next_hop = d.action == RELOAD_DROP;
	if (r->no_next_hop) {
		reload_engine_drop(x->engine, RELOAD_COUNT_DROP_NO_ROUTE, 0, t->id, d.reason);
		return; /* the next copy may find a way */
	}
	struct reload_header h = reload_request_header(r);
	struct wr list;
	wr_init(&list);
	reload_list_onward(&list, x, &d);
	h.destination_list = wr_done(&list);
	reload_message_send(x, d.connection, &h, wr_done(&r->tail));
	wr_clear(&list);
	reload_engine_event(x->engine,
		&(struct reload_event){
			.type = t->transmissions > 1 ? RELOAD_EV_REQUEST_REPEATED : RELOAD_EV_SENT,
			.link = d.connection->link,
			.transaction = t->id,
			.code = r->code,
			.node = &d.connection->node });
}

void reload_requests_failed(void *arg, struct reload_transaction *t)
{
	struct reload_exchange *x = arg;
	struct reload_request *r = (struct reload_request *)t;
	reload_engine_count(x->engine, RELOAD_COUNT_REQUESTS_TIMED_OUT);
	reload_engine_event(x->engine,
		&(struct reload_event){ .type = RELOAD_EV_REQUEST_TIMEOUT,
			.transaction = t->id,
			.code = r->code,
			.node = r->expect == RELOAD_EXPECT_NODE ? &r->target : NULL,
			.resource = r->expect == RELOAD_EXPECT_RESOURCE ? &r->target : NULL });
	reload_request_fail(r, RELOAD_TIMEOUT, "no answer");
}
