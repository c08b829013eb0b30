#include "exchange/internal.h"

/*
 * A request that reached a peer which is not responsible, as the ring changed while it was on its way (STO-10, STO-04), is
 * sent again in a new transaction until its time is over:
 *
 *   answered "not responsible" -> pause of 0.3 s, 0.6 s, 1.2 s, 2 s, 2 s... -> sent again | the time is over: RELOAD_TIMEOUT
 *
 * The text of the error is only a hint: a node that sends it falsely delays the request until its timeout, as it could by
 * not answering.
 */

enum {
	RESEND_PAUSE_MS = 300,
	RESEND_PAUSE_MAX_MS = 2000
};

static const char not_responsible[] = "not responsible";

static bool may_resend(const struct reload_request *r)
{
	const size_t len = sizeof(not_responsible) - 1;
	struct span reason = r->result.error_info;
	if (!r->fn || r->expect != RELOAD_EXPECT_RESOURCE || reason.len < len ||
		memcmp(reason.at, not_responsible, len) != 0)
		return false;
	return r->method && r->method->moved && r->result.err == r->method->moved;
}

static reload_ms deadline_of(const struct reload_request *r)
{
	return r->started_at +
	       (r->timeout_ms ? r->timeout_ms
			      : r->exchange->transactions.interval * RELOAD_TRANSMISSIONS);
}

static void resend(void *arg)
{
	struct reload_request *r = arg;
	struct reload_exchange *x = r->exchange;
	reload_ms end = deadline_of(r);
	if (x->engine->now >= end) {
		reload_request_fail(
			r, RELOAD_TIMEOUT, "no peer was responsible until the time was over");
		return;
	}
	if (r->signing) { /* for the transaction before */
		reload_timer_arm(&x->engine->timers, &r->resend_timer,
			x->engine->now + RESEND_PAUSE_MS, resend, r);
		return;
	}
	r->waiting_to_resend = false;
	r->served_here = false;
	reload_request_restart(r, end - x->engine->now);
}

bool reload_request_resend_later(struct reload_request *r)
{
	struct reload_exchange *x = r->exchange;
	if (!may_resend(r))
		return false;
	reload_ms end = deadline_of(r), due;
	r->resend_pause_ms = r->resend_pause_ms ? 2 * r->resend_pause_ms : RESEND_PAUSE_MS;
	if (r->resend_pause_ms > RESEND_PAUSE_MAX_MS)
		r->resend_pause_ms = RESEND_PAUSE_MAX_MS;
	due = x->engine->now + r->resend_pause_ms;
	/* the cause stays known until the end; the message goes */
	r->result.error_info =
		span_of((const uint8_t *)not_responsible, sizeof(not_responsible) - 1);
	r->result.answer = NULL;
	reload_incoming_free(TAKE(r->answer), true);
	reload_transaction_end(&r->transaction);
	r->waiting_to_resend = true;
	reload_timer_arm(&x->engine->timers, &r->resend_timer, due < end ? due : end, resend, r);
	return true;
}
