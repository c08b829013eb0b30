/* What the command orders: to call, to answer, to hang up. */
#include "reload-sip-call/leg_internal.h"

#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <stdlib.h>
#include <string.h>

static void begin(struct leg *leg, const char *uri)
{
	char token[LEG_TOKEN];
	leg_reset(leg);
	leg_token(token);
	leg_token(leg->branch);
	leg->call_id = reload_strdup(token);
	leg->target = reload_strdup(uri);
	leg->remote_uri = strndup(uri, strcspn(uri, ";"));
	leg->own = true;
	leg->begun = cli_monotonic();
}

enum reload_err leg_call(struct leg *leg, const char *uri, struct reload_error_text *why)
{
	struct wr sdp;
	begin(leg, uri);
	enum reload_err err = media_new(&leg->media, leg->plan, &leg->peer, why);
	if (err)
		return err;
	wr_init(&sdp);
	media_offer(leg->media, &sdp, RELOAD_SDP_SENDRECV);
	leg->state = LEG_INVITED;
	leg->deadline = cli_monotonic() + LEG_PATIENCE_MS;
	leg->invite_cseq = ++leg->cseq;
	leg_request(leg, "INVITE", leg->branch, leg->invite_cseq, wr_done(&sdp), "application/sdp");
	wr_clear(&sdp);
	return RELOAD_OK;
}

void leg_ask(struct leg *leg, const char *method, const char *uri, struct span text)
{
	begin(leg, uri);
	leg_token(leg->ask_branch);
	leg->deadline = cli_monotonic() + LEG_PATIENCE_MS;
	leg_request(leg, method, leg->ask_branch, ++leg->cseq, text, "text/plain;charset=UTF-8");
}

/* -- calls of the other end --------------------------------------------------------------------------------------------------- */

void leg_ring(struct leg *leg)
{
	if (leg->state == LEG_RINGING)
		leg_respond(leg, sip_object(leg->invite), 180, leg_phrase(180), span_of(NULL, 0));
}

enum reload_err leg_accept(struct leg *leg, struct reload_error_text *why)
{
	struct wr sdp;
	enum reload_err err = media_new(&leg->media, leg->plan, &leg->peer, why);
	if (err)
		return err;
	wr_init(&sdp);
	media_answer(leg->media, &sdp, &leg->offer);
	leg->state = LEG_ACCEPTED;
	leg->status = 200;
	leg->deadline = cli_monotonic() + LEG_PATIENCE_MS;
	media_start(leg->media, &leg->offer, leg->offer.direction & RELOAD_SDP_RECVONLY);
	leg_respond(leg, sip_object(leg->invite), 200, "OK", wr_done(&sdp));
	wr_clear(&sdp);
	return RELOAD_OK;
}

void leg_refuse(struct leg *leg, int status)
{
	leg->status = status;
	leg_respond(leg, sip_object(leg->invite), status, leg_phrase(status), span_of(NULL, 0));
	leg_end(leg);
}

void leg_hold(struct leg *leg, bool hold)
{
	struct wr sdp;
	if (leg->state != LEG_UP || leg->hold_branch[0])
		return;
	leg->on_hold = hold;
	leg->hold_again = RELOAD_NEVER;
	leg_token(leg->hold_branch);
	wr_init(&sdp);
	media_offer(leg->media, &sdp, hold ? RELOAD_SDP_INACTIVE : RELOAD_SDP_SENDRECV);
	if (hold)
		media_pause(leg->media);
	leg->deadline = cli_monotonic() + LEG_PATIENCE_MS;
	leg->hold_cseq = ++leg->cseq;
	leg_request(
		leg, "INVITE", leg->hold_branch, leg->hold_cseq, wr_done(&sdp), "application/sdp");
	wr_clear(&sdp);
}

void leg_hang_up(struct leg *leg, const char *by)
{
	char branch[LEG_TOKEN];
	switch (leg->state) {
	case LEG_INVITED:
		leg->state = LEG_CANCELLED;
		leg->deadline = cli_monotonic() + LEG_BYE_MS;
		leg_request(leg, "CANCEL", leg->branch, leg->invite_cseq, span_of(NULL, 0), "");
		break;
	case LEG_RINGING:
		leg_refuse(leg, 480);
		break;
	case LEG_ACCEPTED:
	case LEG_UP:
		leg_token(branch);
		leg->ended_by = by;
		leg->state = LEG_BYE_SENT;
		leg->deadline = cli_monotonic() + LEG_BYE_MS;
		leg_request(leg, "BYE", branch, ++leg->cseq, span_of(NULL, 0), "");
		break;
	case LEG_IDLE:
	case LEG_CANCELLED:
	case LEG_BYE_SENT:
	case LEG_ENDED:
		break;
	}
}
