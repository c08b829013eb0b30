#include "exchange/internal.h"

/*
 * A request that met a peer which is not responsible just now: the ring moved while it was on its way (STO-10, STO-04).  That
 * is no answer to what was asked.  It is asked again, in a new transaction, until the time of the request is over:
 *
 *   answered "not responsible" -> resting 0.3 s, 0.6 s, 1.2 s, 2 s, 2 s... -> sent again | the time is over: RELOAD_TIMEOUT
 *
 * The words are no more than a hint.  Who lies by them makes a request of this node wait for its end, as silence does.
 */

enum {
	REST_MS = 300,
	REST_MAX_MS = 2000
};

static const char not_responsible[] = "not responsible";

static bool may_rest(const struct reload_request *r)
{
	const size_t len = sizeof(not_responsible) - 1;
	struct span reason = r->result.error_info;
	if (!r->fn || r->expect != RELOAD_EXPECT_RESOURCE || reason.len < len ||
		memcmp(reason.at, not_responsible, len) != 0)
		return false;
	return r->method && r->method->moved && r->result.err == r->method->moved;
}

static reload_ms end_of(const struct reload_request *r)
{
	return r->begun +
	       (r->timeout_ms ? r->timeout_ms
			      : r->exchange->transactions.interval * RELOAD_TRANSMISSIONS);
}

static void rested(void *arg)
{
	struct reload_request *r = arg;
	struct reload_exchange *x = r->exchange;
	reload_ms end = end_of(r);
	if (x->engine->now >= end) {
		reload_request_fail(
			r, RELOAD_TIMEOUT, "no peer was responsible until the time was over");
		return;
	}
	if (r->signing) { /* for the transaction before */
		reload_timer_arm(&x->engine->timers, &r->rest, x->engine->now + REST_MS, rested, r);
		return;
	}
	r->resting = false;
	r->served_here = false;
	reload_request_restart(r, end - x->engine->now);
}

bool reload_request_rest(struct reload_request *r)
{
	struct reload_exchange *x = r->exchange;
	if (!may_rest(r))
		return false;
	reload_ms end = end_of(r), due;
	r->rest_ms = r->rest_ms ? 2 * r->rest_ms : REST_MS;
	if (r->rest_ms > REST_MAX_MS)
		r->rest_ms = REST_MAX_MS;
	due = x->engine->now + r->rest_ms;
	/* the cause stays known until the end; the message goes */
	r->result.error_info =
		span_of((const uint8_t *)not_responsible, sizeof(not_responsible) - 1);
	r->result.answer = NULL;
	reload_incoming_free(TAKE(r->answer), true);
	reload_transaction_end(&r->transaction);
	r->resting = true;
	reload_timer_arm(&x->engine->timers, &r->rest, due < end ? due : end, rested, r);
	return true;
}
