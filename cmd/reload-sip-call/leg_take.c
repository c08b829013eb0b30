/* The requests of the other end. */
#include "reload-sip-call/leg_internal.h"

#include "common/call.h"
#include "util/text.h"

#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Whether the request is of the dialog of the call. */
static bool of_dialog(const struct leg *leg, const sip_t *sip)
{
	return leg->call_id && !strcmp(sip->sip_call_id->i_id, leg->call_id) && leg->remote_tag &&
	       !strcmp(leg_tag_of(sip->sip_from->a_tag), leg->remote_tag) && sip->sip_to->a_tag &&
	       !strcmp(sip->sip_to->a_tag, leg->local_tag);
}

/* RFC 3261 s14.2, RFC 3311 s5.2: an offer while another of that end is not answered. */
static void answer_later(struct leg *leg, const sip_t *sip)
{
	leg_respond(
		leg, sip, &(struct leg_response){ .status = 500, .more = "Retry-After: 1\r\n" });
}

static bool has_type(const sip_t *sip, const char *type)
{
	const char *t = sip->sip_content_type ? sip->sip_content_type->c_type : NULL;
	return !t || !strcasecmp(t, type);
}

/* Whether the sender takes a session description. */
static bool accepts_sdp(const sip_t *sip)
{
	for (const sip_accept_t *a = sip->sip_accept; a; a = a->ac_next)
		if (!a->ac_type || !strcasecmp(a->ac_type, "application/sdp") ||
			!strcasecmp(a->ac_type, "application/*") || !strcmp(a->ac_type, "*/*"))
			return true;
	return !sip->sip_accept;
}

/* -- INVITE ----------------------------------------------------------------------------------------------------------------------- */

/* The status with which an offer is refused, 0: none; there may be none.  media: of the call, NULL: it has not begun. */
static int read_offer(const sip_t *sip, struct reload_sdp_audio *offer, const struct media *media)
{
	struct span body = sip_message_body(sip);
	if (body.len && !has_type(sip, "application/sdp"))
		return 415;
	if (!accepts_sdp(sip))
		return 406;
	bool readable = !body.len || !reload_sdp_read(offer, body);
	return readable && (!body.len || !media || media_fits(media, offer)) ? 0 : 488;
}

/* That of a call. */
static int invite_refusal(struct leg *leg, const sip_t *sip)
{
	if (leg->state != LEG_IDLE || !leg->ops->invited)
		return leg->ops->invited ? 486 : 405;
	leg_set(&leg->called, leg_aor_of(sip->sip_request->rq_url));
	if (!leg->called || (!leg->any_callee && !leg_names(sip->sip_request->rq_url, leg->user)))
		return 404;
	if (!reload_utf8_valid(span_str(sip->sip_call_id->i_id)) ||
		!leg_take_route(leg, sip, false))
		return 400;
	return read_offer(sip, &leg->offer, NULL);
}

/* Whether the interval of its session timer can be; else it has been refused. */
static bool session_good(struct leg *leg, const sip_t *sip)
{
	char more[LEG_TEXT];
	struct reload_session_fields answer, request = leg_session_of(sip);
	int refusal = reload_session_answer(&answer, &request);
	leg_session_text(more, &answer);
	if (refusal)
		leg_respond(leg, sip, &(struct leg_response){ .status = refusal, .more = more });
	return !refusal;
}

static void on_first_invite(struct leg *leg, const sip_t *sip, msg_t *msg)
{
	if (leg->state == LEG_ENDED)
		leg_reset(leg); /* R7904-23: the connection carries another call */
	int refusal = invite_refusal(leg, sip);
	char *contact = leg_contact_of(sip);
	if (!refusal && !contact)
		refusal = 400;
	if (refusal)
		leg_answer(leg, sip, refusal);
	if (refusal || !session_good(leg, sip)) {
		free(contact);
		return;
	}
	leg_set(&leg->target, contact);
	leg_set(&leg->call_id, reload_strdup(sip->sip_call_id->i_id));
	leg_set(&leg->remote_tag, reload_strdup(leg_tag_of(sip->sip_from->a_tag)));
	leg_set(&leg->remote_uri,
		leg->peer_user ? leg_uri_of(leg->peer_user) : reload_strdup(contact));
	leg->offered = sip_message_body(sip).len > 0;
	leg->updates = leg_takes_update(sip);
	leg->remote_cseq = leg->invite_cseq = sip->sip_cseq->cs_seq;
	leg->invite = msg_ref(msg);
	leg->state = LEG_RINGING;
	leg->begun = cli_monotonic();
	leg->deadline = RELOAD_NEVER;
	leg->ops->invited(leg);
}

/* What a 2xx to an INVITE or UPDATE of the call says of session timers, as header fields. */
static void agree(struct leg *leg, const sip_t *sip, char more[LEG_TEXT])
{
	struct reload_session_fields answer, request = leg_session_of(sip);
	(void)reload_session_answer(&answer, &request);
	leg_session_text(more, &answer);
	leg_agree(leg, &answer, false);
	char *contact = leg_contact_of(sip);
	if (contact)
		leg_set(&leg->target, contact); /* RFC 3261 s12.2.2 */
}

/* The answer to an offer within the call: another address, or hold and resume. */
static void answer_offer(struct leg *leg, const sip_t *sip, struct reload_sdp_audio *offer)
{
	struct wr sdp;
	char more[LEG_TEXT];
	bool has_offer = sip_message_body(sip).len > 0;
	bool offers = !has_offer && sip->sip_request->rq_method == sip_method_invite;
	if (leg->on_hold)
		offer->direction = RELOAD_SDP_INACTIVE; /* until this end resumes the call */
	wr_init(&sdp);
	if (has_offer) {
		media_answer(leg->media, &sdp, offer);
		media_start(leg->media, offer, offer->direction & RELOAD_SDP_RECVONLY);
	} else if (offers) { /* RFC 3261 s14.2: then ours is in the 200 */
		media_offer(
			leg->media, &sdp, leg->on_hold ? RELOAD_SDP_INACTIVE : RELOAD_SDP_SENDRECV);
	}
	leg->offered = has_offer;
	agree(leg, sip, more);
	leg_respond(leg, sip,
		&(struct leg_response){ .status = 200, .sdp = wr_done(&sdp), .more = more });
	wr_clear(&sdp);
}

/* An INVITE or UPDATE within the call. */
static void on_offer(struct leg *leg, const sip_t *sip)
{
	struct reload_sdp_audio offer = { 0 };
	bool invites = sip->sip_request->rq_method == sip_method_invite;
	bool offers = invites || sip_message_body(sip).len;
	int refusal = offers ? read_offer(sip, &offer, leg->media) : 0;
	leg->remote_cseq = sip->sip_cseq->cs_seq;
	if (offers && (leg->state == LEG_RINGING || leg->state == LEG_ACCEPTED)) {
		answer_later(leg, sip);
		return;
	}
	if (offers && (leg->state != LEG_UP || leg->hold_branch[0])) /* RFC 3261 s14.2 */
		refusal = 491;
	if (refusal)
		leg_answer(leg, sip, refusal);
	if (refusal || !session_good(leg, sip))
		return;
	if (invites)
		leg->invite_cseq = sip->sip_cseq->cs_seq;
	answer_offer(leg, sip, &offer);
}

static void on_invite(struct leg *leg, const sip_t *sip, msg_t *msg)
{
	if (!sip->sip_to->a_tag)
		on_first_invite(leg, sip, msg);
	else if (!of_dialog(leg, sip))
		leg_answer(leg, sip, 481);
	else if (sip->sip_cseq->cs_seq <= leg->remote_cseq)
		leg_answer(leg, sip, 500);
	else
		on_offer(leg, sip);
}

static void on_update(struct leg *leg, const sip_t *sip)
{
	bool lasts =
		leg->state == LEG_RINGING || leg->state == LEG_ACCEPTED || leg->state == LEG_UP;
	if (!of_dialog(leg, sip) || !lasts)
		leg_answer(leg, sip, 481);
	else if (sip->sip_cseq->cs_seq <= leg->remote_cseq)
		leg_answer(leg, sip, 500);
	else
		on_offer(leg, sip);
}

/* RFC 3261 s13.2.1: when our 200 had the offer, the ACK has the answer. */
static bool take_answer(struct leg *leg, const sip_t *sip)
{
	struct reload_sdp_audio answer;
	if (leg->offered)
		return true;
	leg->offered = true;
	if (reload_sdp_read(&answer, sip_message_body(sip)) || !media_fits(leg->media, &answer))
		return false;
	media_start(leg->media, &answer, !leg->on_hold && answer.direction & RELOAD_SDP_RECVONLY);
	return true;
}

static void on_ack(struct leg *leg, const sip_t *sip)
{
	bool first = leg->state == LEG_ACCEPTED;
	if ((!first && leg->state != LEG_UP) || leg->own || !of_dialog(leg, sip) ||
		sip->sip_cseq->cs_seq != leg->invite_cseq) {
		if (leg->own && leg->state == LEG_UP && of_dialog(leg, sip))
			(void)take_answer(leg, sip);
		return;
	}
	leg_again_end(leg);
	bool good = take_answer(leg, sip);
	if (!first)
		return;
	leg->state = LEG_UP;
	leg->deadline = RELOAD_NEVER;
	leg->answered_at = cli_monotonic();
	if (!good)
		leg_hang_up(leg, "callee");
	else if (leg->ops->answered)
		leg->ops->answered(leg);
}

/* -- the rest ----------------------------------------------------------------------------------------------------------------------- */

static void on_prack(struct leg *leg, const sip_t *sip)
{
	const sip_rack_t *r = sip->sip_rack;
	bool matches = of_dialog(leg, sip) && leg->rseq && r && r->ra_response == leg->rseq &&
		       r->ra_cseq == leg->invite_cseq && r->ra_method == sip_method_invite;
	if (matches) {
		leg->rseq = 0;
		if (leg->state == LEG_RINGING)
			leg_again_end(leg);
	}
	leg_answer(leg, sip, matches ? 200 : 481);
}

static void on_bye(struct leg *leg, const sip_t *sip)
{
	bool lasts =
		leg->state == LEG_UP || leg->state == LEG_ACCEPTED || leg->state == LEG_BYE_SENT;
	if (!lasts || !of_dialog(leg, sip)) {
		leg_answer(leg, sip, 481);
		return;
	}
	leg_answer(leg, sip, 200);
	if (leg->state != LEG_BYE_SENT)
		leg->ended_by = leg->own ? "callee" : "caller";
	leg_end(leg);
}

static void on_cancel(struct leg *leg, const sip_t *sip)
{
	bool ours = leg->invite && leg->call_id && !strcmp(sip->sip_call_id->i_id, leg->call_id) &&
		    sip->sip_cseq->cs_seq == leg->invite_cseq;
	leg_answer(leg, sip, ours ? 200 : 481);
	if (!ours || leg->state != LEG_RINGING)
		return; /* it has been answered: the other end sends BYE */
	leg->ended_by = "caller";
	leg_refuse(leg, 487);
}

/* RFC 3261 s11: as an INVITE would be answered. */
static void on_options(struct leg *leg, const sip_t *sip)
{
	bool found = !leg->ops->invited || leg_names(sip->sip_request->rq_url, leg->user) ||
		     (sip->sip_to->a_tag && of_dialog(leg, sip));
	leg_answer(leg, sip, found ? 200 : 404);
}

static void on_message(struct leg *leg, const sip_t *sip)
{
	struct span text = sip_message_body(sip);
	if (!leg->ops->message) {
		leg_answer(leg, sip, 405);
		return;
	}
	if (!leg_names(sip->sip_request->rq_url, leg->user)) {
		leg_answer(leg, sip, 404);
		return;
	}
	if (!has_type(sip, "text/plain") || !reload_utf8_valid(text)) {
		leg_answer(leg, sip, 415);
		return;
	}
	leg->ops->message(leg, text);
	leg_answer(leg, sip, 200);
}

/* The status with which a request is refused before its method matters; 0: none. */
static int refusal_of(const struct leg *leg, const sip_t *sip)
{
	const sip_request_t *line = sip->sip_request;
	const url_t *url = line->rq_url;
	if (url->url_type != url_sip && url->url_type != url_sips)
		return 416;
	if (!leg->sips && url->url_type == url_sips)
		return 416; /* sips asks for 5061 */
	if (leg->peer_user && !leg_names(sip->sip_from->a_url, leg->peer_user))
		return 403; /* the certificate says who it is */
	if (line->rq_method != sip_method_cancel && leg_unsupported(sip))
		return 420; /* RFC 3261 s8.2.2.3 */
	return 0;
}

void leg_on_request(struct leg *leg, const sip_t *sip, msg_t *msg)
{
	sip_method_t method = sip->sip_request->rq_method;
	if (method == sip_method_ack) {
		on_ack(leg, sip);
		return;
	}
	int refusal = refusal_of(leg, sip);
	if (refusal) {
		leg_answer(leg, sip, refusal);
		return;
	}
	switch (method) {
	case sip_method_invite:
		on_invite(leg, sip, msg);
		break;
	case sip_method_update:
		on_update(leg, sip);
		break;
	case sip_method_prack:
		on_prack(leg, sip);
		break;
	case sip_method_bye:
		on_bye(leg, sip);
		break;
	case sip_method_cancel:
		on_cancel(leg, sip);
		break;
	case sip_method_options:
		on_options(leg, sip);
		break;
	case sip_method_message:
		on_message(leg, sip);
		break;
	default:
		leg_answer(leg, sip, method == sip_method_unknown ? 501 : 405);
	}
}

void leg_take(struct leg *leg, const struct sip_message *m, struct span text)
{
	leg->used = cli_monotonic();
	if (leg->ops->traced)
		leg->ops->traced(leg, false, text);
	if (m->fault)
		(void)leg_refuse_text(leg, text, m->fault);
	else if (m->sip->sip_status)
		leg_on_response(leg, m->sip);
	else
		leg_on_request(leg, m->sip, m->msg);
}
