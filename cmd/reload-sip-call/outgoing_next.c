/* Where a call goes that was not answered: along a redirection, to the next gateway, to the mailbox. */
#include "reload-sip-call/outgoing_internal.h"

#include <stdlib.h>
#include <string.h>

void outgoing_resolve(struct outgoing *o)
{
	const char *method = o->service ? "service.lookup" : "sip.resolve";
	json_t *params = o->service ? phone_service(&o->phone, o->service)
				    : json_pack("{s:s}", "aor", o->aor);
	if (o->service)
		json_object_set_new(params, "check", json_true());
	o->err = RELOAD_OK;
	o->why = (struct reload_error_text){ 0 };
	o->tried = cli_monotonic();
	o->again = RELOAD_NEVER;
	if (!phone_send(&o->phone, method, params, &o->resolving, &o->status))
		o->failed = o->phone.done = true;
}

/* RFC 3261 s8.1.3.4: calls again where a 3xx led, unless another device refused the call for all of them. */
bool outgoing_follow(struct outgoing *o)
{
	if (!o->next_aor || o->finished || o->phone.stopping || o->rang_out ||
		o->sip_status / 100 != 3)
		return false;
	free(o->redirected);
	o->redirected = TAKE(o->next_aor);
	o->aor = o->redirected;
	o->redirects++;
	json_decref(TAKE(o->shown));
	o->sip_status = 0;
	outgoing_resolve(o);
	return true;
}

static bool unanswered(const struct outgoing *o)
{
	switch (o->sip_status) {
	case 408:
	case 480:
	case 486:
	case 600:
		return true;
	case 0:
		return o->rang_out || o->err == RELOAD_NOT_FOUND || o->err == RELOAD_TIMEOUT ||
		       o->err == RELOAD_LINK_DOWN;
	default:
		return false;
	}
}

/* A call that nobody answered goes to the mailbox of the overlay, if there is one. */
bool outgoing_try_mailbox(struct outgoing *o)
{
	if (strcmp(o->method, "INVITE") != 0 || o->mailbox || o->service || o->number ||
		o->finished || o->phone.stopping || !unanswered(o))
		return false;
	o->before = (struct outgoing_end){
		.sip_status = o->sip_status, .err = o->err, .why = o->why, .rang_out = o->rang_out
	};
	memcpy(o->before.phrase, o->phrase, sizeof(o->phrase));
	o->service = "voice-mail";
	o->mailbox = true;
	o->rang_out = false;
	o->sip_status = 0;
	o->wait = o->ring = 0;
	outgoing_resolve(o);
	return true;
}

/* It did not take the call. */
void outgoing_forget_mailbox(struct outgoing *o)
{
	if (!o->mailbox || o->finished)
		return;
	o->sip_status = o->before.sip_status;
	memcpy(o->phrase, o->before.phrase, sizeof(o->phrase));
	o->err = o->before.err;
	o->why = o->before.why;
	o->rang_out = o->before.rang_out;
}

/* A gateway that has not rung in its turn is left; returns when the next turn is over. */
reload_ms outgoing_turns(struct outgoing *o, reload_ms now)
{
	reload_ms next = RELOAD_NEVER;
	for (size_t i = 0; o->number && !o->up && i < o->count; i++) {
		struct outgoing_attempt *a = &o->attempts[i];
		bool runs = a->state == OUTGOING_ATTACHING || a->state == OUTGOING_CALLING;
		if (!runs || a->rang || a->passed)
			continue;
		if (now < a->begun + OUTGOING_TURN_MS) {
			next = a->begun + OUTGOING_TURN_MS;
			continue;
		}
		a->passed = true;
		if (!o->err)
			o->err = RELOAD_TIMEOUT;
		if (a->leg)
			leg_hang_up(a->leg, "time");
	}
	return next;
}
