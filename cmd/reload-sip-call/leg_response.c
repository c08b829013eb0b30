/* The responses of the other end to requests of ours. */
#include "reload-sip-call/leg_internal.h"

#include "common/call.h"

#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* When a request that met one of the other end is sent again (RFC 3261 s14.1): 2.1 to 4 s for who made the call, up to 2 s for the other end. */
static reload_ms again_after_491(const struct leg *leg)
{
	enum {
		OWNER_MS = 2100,
		OWNER_SPREAD_MS = 1900,
		SPREAD_MS = 2000
	};
	char token[LEG_TOKEN];
	leg_token(token);
	uint64_t random = strtoull(token + 16, NULL, 16);
	return cli_monotonic() +
	       (leg->own ? OWNER_MS + random % OWNER_SPREAD_MS : random % SPREAD_MS);
}

static void acknowledge(
	struct leg *leg, const sip_t *sip, bool initial, const char *branch, uint32_t cseq)
{
	leg_request(leg, &(struct leg_request){ .method = "ACK",
				 .initial = initial,
				 .branch = branch,
				 .cseq = cseq,
				 .tag = leg_tag_of(sip->sip_to->a_tag) });
}

/* -- to the first INVITE ---------------------------------------------------------------------------------------------------------- */

/* The dialog of that tag; NULL: there are too many. */
static struct leg_early *early_of(struct leg *leg, const char *tag)
{
	for (size_t i = 0; i < leg->early_count; i++)
		if (!strcmp(leg->early[i].tag, tag))
			return &leg->early[i];
	if (leg->early_count == LEG_EARLY_MAX)
		return NULL;
	struct leg_early *e = &leg->early[leg->early_count++];
	e->tag = reload_strdup(tag);
	return e;
}

/* RFC 3262 s4: each reliable response is acknowledged once, in its own dialog, and in order. */
static void acknowledge_early(struct leg *leg, struct leg_early *e, const sip_t *sip)
{
	char more[LEG_TEXT];
	unsigned long rseq = sip->sip_rseq ? sip->sip_rseq->rs_response : 0;
	if (!rseq || rseq > INT32_MAX || !sip_has_feature(sip->sip_require, "100rel") ||
		(e->rseq && rseq != e->rseq + 1))
		return;
	char *contact = leg_contact_of(sip);
	e->rseq = (uint32_t)rseq;
	snprintf(more, sizeof(more), "RAck: %u %u INVITE\r\n", e->rseq, leg->invite_cseq);
	leg_request(leg, &(struct leg_request){ .method = "PRACK",
				 .cseq = ++leg->cseq,
				 .more = more,
				 .tag = e->tag,
				 .target = contact ? contact : leg->called });
	free(contact);
}

static bool read_answer(const struct leg *leg, const sip_t *sip, struct reload_sdp_audio *answer)
{
	return !reload_sdp_read(answer, sip_message_body(sip)) && media_fits(leg->media, answer);
}

/* Audio before the answer is heard; the last device that sends some has it. */
static void on_provisional(struct leg *leg, const sip_t *sip)
{
	int status = sip->sip_status->st_status;
	struct leg_early *e = status > 100 ? early_of(leg, leg_tag_of(sip->sip_to->a_tag)) : NULL;
	if (leg->state == LEG_INVITED)
		leg->deadline = RELOAD_NEVER; /* it rings, as long as the caller wants */
	if (e && sip_message_body(sip).len && read_answer(leg, sip, &e->answer)) {
		e->answered = true;
		media_start(leg->media, &e->answer, false);
	}
	if (e)
		acknowledge_early(leg, e, sip);
	if (leg->fd >= 0 && leg->ops->ringing && leg->state == LEG_INVITED)
		leg->ops->ringing(leg, status);
}

/* The answer to our offer: in the 200, or in a reliable response before it. */
static bool answer_of(struct leg *leg, const sip_t *sip, struct reload_sdp_audio *answer)
{
	const struct leg_early *e = early_of(leg, leg_tag_of(sip->sip_to->a_tag));
	if (sip_message_body(sip).len)
		return read_answer(leg, sip, answer);
	if (!e || !e->answered || !e->rseq)
		return false;
	*answer = e->answer;
	return true;
}

static void on_success(struct leg *leg, const sip_t *sip)
{
	struct reload_sdp_audio answer;
	char *contact = leg_contact_of(sip);
	bool cancelled = leg->state == LEG_CANCELLED;
	leg_set(&leg->remote_tag, reload_strdup(leg_tag_of(sip->sip_to->a_tag)));
	leg_set(&leg->target, contact ? contact : reload_strdup(leg->called));
	bool fits = leg_take_route(leg, sip, true) && answer_of(leg, sip, &answer);
	acknowledge(leg, sip, false, NULL, leg->invite_cseq);
	if (leg->fd < 0)
		return; /* the connection was lost with it */
	leg->state = LEG_UP;
	leg->deadline = RELOAD_NEVER;
	leg->answered_at = cli_monotonic();
	if (!fits) {
		leg->status = 488;
		snprintf(leg->phrase, sizeof(leg->phrase),
			"its answer names no audio that can be played");
	}
	if (cancelled || !fits) { /* it crossed our CANCEL, or is no answer to our offer */
		leg_hang_up(leg, "caller");
		return;
	}
	struct reload_session_fields fields = leg_session_of(sip);
	leg->updates = leg_takes_update(sip);
	leg_ping_later(leg);
	leg_agree(leg, &fields, true);
	media_start(leg->media, &answer, answer.direction & RELOAD_SDP_RECVONLY);
	if (leg->ops->answered)
		leg->ops->answered(leg);
}

/*
 * A success after the first: of the same device, then our ACK was lost behind the other end; or of another one that answered at the
 * same time: there it is ended at once (RFC 3261 s13.2.2.4).
 */
static void on_another_success(struct leg *leg, const sip_t *sip)
{
	const char *tag = leg_tag_of(sip->sip_to->a_tag);
	if (leg->remote_tag && !strcmp(tag, leg->remote_tag)) {
		acknowledge(leg, sip, false, NULL, leg->invite_cseq);
		return;
	}
	char *contact = leg_contact_of(sip);
	struct leg_request r = { .method = "ACK",
		.cseq = leg->invite_cseq,
		.tag = tag,
		.target = contact ? contact : leg->called };
	leg_request(leg, &r);
	r.method = "BYE";
	r.cseq = leg->invite_cseq + 1;
	leg_request(leg, &r);
	free(contact);
}

/* Whether the call is tried once more with the longer interval that the other end wants. */
static bool tries_longer(struct leg *leg, const sip_t *sip)
{
	uint32_t longer = reload_session_longer(leg->session_s, leg_session_of(sip).min_s);
	if (sip->sip_status->st_status != 422 || leg->state != LEG_INVITED || !longer ||
		leg->session_min_s)
		return false;
	leg->session_s = leg->session_min_s = longer;
	leg_token(leg->branch);
	leg_invite(leg);
	return true;
}

/*
 * A phone that takes encrypted audio alone wants to see that in the transport of the offer (RFC 5764 s8), and some refuse an offer without a
 * stream.
 */
static bool tries_otherwise(struct leg *leg, const sip_t *sip)
{
	if (sip->sip_status->st_status != 488 || leg->state != LEG_INVITED ||
		!media_offer_otherwise(leg->media))
		return false;
	leg_token(leg->branch);
	leg_invite(leg);
	return true;
}

static void on_invite_response(struct leg *leg, const sip_t *sip)
{
	int status = sip->sip_status->st_status;
	if (leg->state != LEG_INVITED && leg->state != LEG_CANCELLED) {
		if (leg->own && status >= 200 && status < 300)
			on_another_success(leg, sip);
		return;
	}
	leg->status = status;
	snprintf(leg->phrase, sizeof(leg->phrase), "%s", leg_phrase_of(sip));
	if (status < 200) {
		on_provisional(leg, sip);
	} else if (status < 300) {
		on_success(leg, sip);
	} else {
		acknowledge(leg, sip, true, leg->branch, leg->invite_cseq);
		if (status < 400)
			leg_set(&leg->redirected, leg_contact_of(sip));
		if (leg->fd >= 0 && !tries_longer(leg, sip) && !tries_otherwise(leg, sip))
			leg_end(leg);
	}
}

/* -- to later ones ----------------------------------------------------------------------------------------------------------------- */

/* What refreshed the call did not. */
static void on_refresh_failed(struct leg *leg, const sip_t *sip)
{
	uint32_t longer = reload_session_longer(leg->session.interval_s, leg_session_of(sip).min_s);
	int status = sip->sip_status->st_status;
	reload_ms now = cli_monotonic();
	if (status == 491) {
		leg->session.refresh_at = again_after_491(leg);
	} else if (status == 422 && longer) {
		leg->session.interval_s = leg->session_min_s = longer;
		leg->session.refresh_at = now;
	} else if (leg->updates && (status == 405 || status == 501)) {
		leg->updates = false;
		leg->session.refresh_at = now;
	}
}

/* RFC 3261 s12.2.1.2: whether the other end has no such call any more; then it is ended here. */
static bool is_gone(struct leg *leg, int status)
{
	if (status != 481 && status != 408)
		return false;
	leg_hang_up(leg, "callee");
	return true;
}

static void agree(struct leg *leg, const sip_t *sip)
{
	struct reload_session_fields fields = leg_session_of(sip);
	char *contact = leg_contact_of(sip);
	if (contact)
		leg_set(&leg->target, contact);
	leg_agree(leg, &fields, true);
}

/* The answer to leg_hold(), or to leg_refresh(). */
static void on_hold_response(struct leg *leg, const sip_t *sip)
{
	int status = sip->sip_status->st_status;
	struct reload_sdp_audio answer;
	char branch[LEG_TOKEN];
	if (status < 200 || leg->state != LEG_UP)
		return;
	memcpy(branch, leg->hold_branch, sizeof(branch));
	leg->hold_branch[0] = 0;
	leg->deadline = RELOAD_NEVER;
	acknowledge(leg, sip, false, status < 300 ? NULL : branch, leg->hold_cseq);
	if (leg->fd < 0)
		return; /* the connection was lost with it */
	if (status < 300) {
		agree(leg, sip);
		if (read_answer(leg, sip, &answer))
			media_start(leg->media, &answer,
				!leg->on_hold && answer.direction & RELOAD_SDP_RECVONLY);
	}
	if (is_gone(leg, status))
		return;
	if (leg->refreshing && status >= 300)
		on_refresh_failed(leg, sip);
	else if (status == 491) /* both at once */
		leg->hold_again = again_after_491(leg);
	else if (!leg->refreshing && leg->ops->held)
		leg->ops->held(leg, status);
}

static void on_update_response(struct leg *leg, const sip_t *sip)
{
	int status = sip->sip_status->st_status;
	if (status < 200 || leg->state != LEG_UP)
		return;
	leg->update_branch[0] = 0;
	leg->deadline = RELOAD_NEVER;
	if (status < 300)
		agree(leg, sip);
	else if (!is_gone(leg, status))
		on_refresh_failed(leg, sip);
}

/* -- all ---------------------------------------------------------------------------------------------------------------------------- */

static void on_asked(struct leg *leg, const sip_t *sip)
{
	if (sip->sip_status->st_status < 200 || !leg->ops->responded)
		return;
	leg->deadline = RELOAD_NEVER;
	leg->ask_branch[0] = 0; /* there is one answer */
	leg->ops->responded(leg, sip);
}

void leg_on_response(struct leg *leg, const sip_t *sip)
{
	const char *branch = sip->sip_via->v_branch;
	const char *method = sip->sip_cseq->cs_method_name;
	if (!leg->call_id || strcmp(sip->sip_call_id->i_id, leg->call_id) || !branch ||
		strncmp(branch, "z9hG4bK", 7) || !branch[7])
		return;
	branch += 7;
	if (!strcmp(method, "INVITE") && !strcmp(branch, leg->branch))
		on_invite_response(leg, sip);
	else if (!strcmp(method, "INVITE") && !strcmp(branch, leg->hold_branch))
		on_hold_response(leg, sip);
	else if (!strcmp(method, "UPDATE") && !strcmp(branch, leg->update_branch))
		on_update_response(leg, sip);
	else if (!strcmp(method, "BYE") && leg->state == LEG_BYE_SENT &&
		 sip->sip_status->st_status >= 200)
		leg_end(leg);
	else if (!strcmp(branch, leg->ask_branch))
		on_asked(leg, sip);
}
