/* What the command orders: to call, to answer, to hang up. */
#include "reload-sip-call/leg_internal.h"

#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void begin(struct leg *leg, const char *uri)
{
	char token[LEG_TOKEN];
	leg_reset(leg);
	leg_token(token);
	leg_token(leg->branch);
	leg->call_id = reload_strdup(token);
	leg->called = reload_strdup(uri);
	leg->remote_uri = strndup(uri, strcspn(uri, ";"));
	leg->own = true;
	leg->begun = cli_monotonic();
}

void leg_invite(struct leg *leg)
{
	struct wr sdp;
	char more[LEG_TEXT];
	leg_session_text(more, &(struct reload_session_fields){
				       .expires_s = leg->session_s, .min_s = leg->session_min_s });
	wr_init(&sdp);
	media_offer(leg->media, &sdp, RELOAD_SDP_SENDRECV);
	leg->state = LEG_INVITED;
	leg->deadline = cli_monotonic() + LEG_PATIENCE_MS;
	leg->invite_cseq = ++leg->cseq;
	leg_request(leg, &(struct leg_request){ .method = "INVITE",
				 .initial = true,
				 .branch = leg->branch,
				 .cseq = leg->invite_cseq,
				 .body = wr_done(&sdp),
				 .more = more });
	wr_clear(&sdp);
}

enum reload_err leg_call(struct leg *leg, const char *uri, struct reload_error_text *why)
{
	begin(leg, uri);
	enum reload_err err = media_new(&leg->media, leg->plan, &leg->peer, NULL, why);
	if (err)
		return err;
	leg->state = LEG_PREPARING;
	media_prepare(leg->media, NULL);
	leg_prepared(leg);
	return RELOAD_OK;
}

void leg_ask(struct leg *leg, const char *method, const char *uri, struct span text)
{
	begin(leg, uri);
	leg_token(leg->ask_branch);
	leg->deadline = cli_monotonic() + LEG_PATIENCE_MS;
	leg_request(leg, &(struct leg_request){ .method = method,
				 .initial = true,
				 .branch = leg->ask_branch,
				 .cseq = ++leg->cseq,
				 .body = text,
				 .type = "text/plain;charset=UTF-8" });
}

/* -- calls of the other end --------------------------------------------------------------------------------------------------- */

/* RFC 3262 s3: who requires it gets a response that is repeated until PRACK. */
void leg_ring(struct leg *leg)
{
	enum {
		FIRST_RSEQ = 1
	};
	char more[LEG_TEXT] = "";
	if (leg->state != LEG_RINGING)
		return;
	const sip_t *invite = sip_object(leg->invite);
	bool reliable = sip_has_feature(invite->sip_require, "100rel");
	if (reliable) {
		leg->rseq = FIRST_RSEQ;
		snprintf(more, sizeof(more), "Require: 100rel\r\nRSeq: %u\r\n", leg->rseq);
	}
	leg_respond(leg, invite,
		&(struct leg_response){ .status = 180, .more = more, .repeats = reliable });
}

/* What the 200 says of session timers; its fields in out. */
static void answer_session(struct leg *leg, char more[LEG_TEXT])
{
	struct reload_session_fields answer, request = leg_session_of(sip_object(leg->invite));
	(void)reload_session_answer(&answer, &request); /* 422 was sent before it rang */
	leg_session_text(more, &answer);
	leg_agree(leg, &answer, false);
}

static void accept_now(struct leg *leg)
{
	struct wr sdp;
	char more[LEG_TEXT];
	leg->accepting = false;
	wr_init(&sdp);
	if (leg->offered)
		media_answer(leg->media, &sdp, &leg->offer);
	else
		media_offer(leg->media, &sdp, RELOAD_SDP_SENDRECV);
	leg->state = LEG_ACCEPTED;
	leg->status = 200;
	leg->deadline = cli_monotonic() + LEG_PATIENCE_MS;
	if (leg->offered)
		media_start(leg->media, &leg->offer, leg->offer.direction & RELOAD_SDP_RECVONLY);
	answer_session(leg, more);
	leg_respond(leg, sip_object(leg->invite),
		&(struct leg_response){
			.status = 200, .sdp = wr_done(&sdp), .more = more, .repeats = true });
	wr_clear(&sdp);
}

enum reload_err leg_accept(struct leg *leg, struct reload_error_text *why)
{
	enum reload_err err = media_new(
		&leg->media, leg->plan, &leg->peer, leg->offered ? &leg->offer : NULL, why);
	if (err)
		return err;
	leg->accepting = true;
	media_prepare(leg->media, leg->offered ? &leg->offer : NULL);
	leg_prepared(leg);
	return RELOAD_OK;
}

void leg_prepared(struct leg *leg)
{
	enum reload_err err;
	if (!leg->media || !media_ready(leg->media))
		return;
	if (media_fault(leg->media, &err))
		leg_hang_up(leg, "media");
	else if (leg->state == LEG_PREPARING)
		leg_invite(leg);
	else if (leg->state == LEG_RINGING && leg->accepting)
		accept_now(leg);
}

void leg_refuse(struct leg *leg, int status)
{
	leg->status = status;
	leg_answer(leg, sip_object(leg->invite), status);
	leg_end(leg);
}

/* -- during the call ----------------------------------------------------------------------------------------------------------- */

/* Another INVITE of the call. */
static void invite_again(struct leg *leg, bool hold)
{
	struct wr sdp;
	char more[LEG_TEXT];
	const struct reload_session *s = &leg->session;
	/* who refreshes goes on with that (RFC 4028 s7.4) */
	leg_session_text(more,
		&(struct reload_session_fields){ .expires_s = s->interval_s,
			.min_s = leg->session_min_s,
			.refresher = s->refreshes ? RELOAD_REFRESHER_UAC : RELOAD_REFRESHER_UAS });
	leg_token(leg->hold_branch);
	wr_init(&sdp);
	media_offer(leg->media, &sdp, hold ? RELOAD_SDP_INACTIVE : RELOAD_SDP_SENDRECV);
	leg->deadline = cli_monotonic() + LEG_PATIENCE_MS;
	leg->hold_cseq = ++leg->cseq;
	leg_request(leg, &(struct leg_request){ .method = "INVITE",
				 .branch = leg->hold_branch,
				 .cseq = leg->hold_cseq,
				 .body = wr_done(&sdp),
				 .more = more });
	wr_clear(&sdp);
}

void leg_hold(struct leg *leg, bool hold)
{
	enum {
		LATER_MS = 200
	};
	if (leg->state != LEG_UP || media_none(leg->media))
		return;
	leg->on_hold = hold;
	leg->hold_again = RELOAD_NEVER;
	if (leg->hold_branch[0] || leg->update_branch[0]) {
		leg->hold_again = cli_monotonic() + LATER_MS;
		return;
	}
	leg->refreshing = false;
	if (hold)
		media_pause(leg->media);
	invite_again(leg, hold);
}

void leg_refresh(struct leg *leg)
{
	char more[LEG_TEXT];
	leg->session.refresh_at = RELOAD_NEVER;
	if (leg->state != LEG_UP || leg->hold_branch[0] || leg->update_branch[0])
		return; /* an INVITE under way refreshes as well */
	if (!leg->updates) {
		leg->refreshing = true;
		invite_again(leg, leg->on_hold);
		return;
	}
	leg_session_text(
		more, &(struct reload_session_fields){ .expires_s = leg->session.interval_s,
			      .min_s = leg->session_min_s,
			      .refresher = RELOAD_REFRESHER_UAC });
	leg_token(leg->update_branch);
	leg->deadline = cli_monotonic() + LEG_PATIENCE_MS;
	leg_request(leg, &(struct leg_request){ .method = "UPDATE",
				 .branch = leg->update_branch,
				 .cseq = ++leg->cseq,
				 .more = more });
}

void leg_agree(struct leg *leg, const struct reload_session_fields *f, bool uac)
{
	reload_session_agree(&leg->session, f, uac, cli_monotonic());
}

void leg_hang_up(struct leg *leg, const char *by)
{
	switch (leg->state) {
	case LEG_INVITED:
		leg->state = LEG_CANCELLED;
		leg->deadline = cli_monotonic() + LEG_BYE_MS;
		leg_request(leg, &(struct leg_request){ .method = "CANCEL",
					 .initial = true,
					 .branch = leg->branch,
					 .cseq = leg->invite_cseq });
		break;
	case LEG_PREPARING:
		leg_end(leg);
		break;
	case LEG_RINGING:
		leg_refuse(leg, 480);
		break;
	case LEG_ACCEPTED:
	case LEG_UP:
		leg->ended_by = by;
		leg->state = LEG_BYE_SENT;
		leg->deadline = cli_monotonic() + LEG_BYE_MS;
		leg_again_end(leg);
		leg_request(leg, &(struct leg_request){ .method = "BYE", .cseq = ++leg->cseq });
		break;
	case LEG_IDLE:
	case LEG_CANCELLED:
	case LEG_BYE_SENT:
	case LEG_ENDED:
		break;
	}
}
