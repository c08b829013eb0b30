/* What the other end sends: its requests, and its responses to ours. */
#include "reload-sip-call/leg_internal.h"

#include "common/call.h"
#include "ident/aor.h"
#include "util/text.h"

#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NO_BODY span_of(NULL, 0)

static void refuse(struct leg *leg, const sip_t *sip, int status)
{
	leg_respond(leg, sip, status, leg_phrase(status), NO_BODY);
}

static struct span body_of(const sip_t *sip)
{
	return sip->sip_payload ? span_of(sip->sip_payload->pl_data, sip->sip_payload->pl_len)
				: NO_BODY;
}

/* The AOR of a URI; false when it is none. */
static bool aor_of(struct reload_aor *out, const url_t *url)
{
	char text[1024];
	bool sip = url && (url->url_type == url_sip || url->url_type == url_sips);
	if (!sip || !url->url_user || !url->url_host ||
		(size_t)snprintf(text, sizeof(text), "%s@%s", url->url_user, url->url_host) >=
			sizeof(text))
		return false;
	return !reload_aor_parse(out, span_str(text));
}

/* Whether the URI names that user, whose name is written as a certificate has it. */
static bool names(const url_t *url, const char *user)
{
	struct reload_aor a, b;
	return aor_of(&a, url) && !reload_aor_parse(&b, span_str(user)) && !strcmp(a.name, b.name);
}

/* Whether the request is of the dialog of the call. */
static bool of_dialog(const struct leg *leg, const sip_t *sip)
{
	return leg->call_id && !strcmp(sip->sip_call_id->i_id, leg->call_id) && leg->remote_tag &&
	       sip->sip_from->a_tag && !strcmp(sip->sip_from->a_tag, leg->remote_tag) &&
	       sip->sip_to->a_tag && !strcmp(sip->sip_to->a_tag, leg->local_tag);
}

/* The URI in a Contact, without its scheme (owned); NULL: there is none of SIP. */
static char *contact_of(const sip_t *sip)
{
	const url_t *url = sip->sip_contact ? sip->sip_contact->m_url : NULL;
	char text[2048];
	if (!url || (url->url_type != url_sip && url->url_type != url_sips) || !url->url_user ||
		!url->url_host)
		return NULL;
	int n = snprintf(text, sizeof(text), "%s@%s%s%s", url->url_user, url->url_host,
		url->url_params ? ";" : "", url->url_params ? url->url_params : "");
	bool good = n > 0 && (size_t)n < sizeof(text) && reload_utf8_valid(span_str(text));
	return good ? reload_strdup(text) : NULL;
}

/* An AOR as a URI has it (owned). */
static char *uri_of(const char *user)
{
	struct wr w;
	wr_init(&w);
	reload_aor_write(&w, user);
	wr_u8(&w, 0);
	return (char *)w.at;
}

static void set(char **to, char *text)
{
	free(*to);
	*to = text;
}

/* -- requests ----------------------------------------------------------------------------------------------------------------- */

static void on_first_invite(struct leg *leg, const sip_t *sip, msg_t *msg)
{
	if (leg->state == LEG_ENDED)
		leg_reset(leg); /* R7904-23: the connection carries another call */
	if (leg->state != LEG_IDLE || !leg->ops->invited) {
		refuse(leg, sip, leg->ops->invited ? 486 : 405);
		return;
	}
	if (!names(sip->sip_request->rq_url, leg->user)) {
		refuse(leg, sip, 404);
		return;
	}
	char *contact = contact_of(sip);
	if (!contact || !sip->sip_from->a_tag ||
		!reload_utf8_valid(span_str(sip->sip_call_id->i_id))) {
		free(contact);
		refuse(leg, sip, 400);
		return;
	}
	if (reload_sdp_read(&leg->offer, body_of(sip))) {
		free(contact);
		refuse(leg, sip, 488);
		return;
	}
	set(&leg->target, contact);
	set(&leg->call_id, reload_strdup(sip->sip_call_id->i_id));
	set(&leg->remote_tag, reload_strdup(sip->sip_from->a_tag));
	set(&leg->remote_uri, leg->peer_user ? uri_of(leg->peer_user) : reload_strdup(contact));
	leg->remote_cseq = leg->invite_cseq = sip->sip_cseq->cs_seq;
	leg->invite = msg_ref(msg);
	leg->state = LEG_RINGING;
	leg->begun = cli_monotonic();
	leg->deadline = RELOAD_NEVER;
	leg->ops->invited(leg);
}

/* An INVITE within the call: another address, or hold and resume. */
static void on_another_invite(struct leg *leg, const sip_t *sip)
{
	struct reload_sdp_audio offer;
	struct wr sdp;
	if (leg->state != LEG_UP || leg->hold_branch[0]) { /* RFC 3261 s14.2 */
		refuse(leg, sip, 491);
		return;
	}
	if (reload_sdp_read(&offer, body_of(sip))) {
		refuse(leg, sip, 488);
		return;
	}
	leg->remote_cseq = leg->invite_cseq = sip->sip_cseq->cs_seq;
	if (leg->on_hold)
		offer.direction = RELOAD_SDP_INACTIVE; /* until this end resumes the call */
	wr_init(&sdp);
	media_answer(leg->media, &sdp, &offer);
	media_start(leg->media, &offer, offer.direction & RELOAD_SDP_RECVONLY);
	leg_respond(leg, sip, 200, "OK", wr_done(&sdp));
	wr_clear(&sdp);
}

static void on_invite(struct leg *leg, const sip_t *sip, msg_t *msg)
{
	if (!sip->sip_to->a_tag)
		on_first_invite(leg, sip, msg);
	else if (of_dialog(leg, sip) && sip->sip_cseq->cs_seq > leg->remote_cseq)
		on_another_invite(leg, sip);
	else
		refuse(leg, sip, of_dialog(leg, sip) ? 500 : 481);
}

static void on_ack(struct leg *leg, const sip_t *sip)
{
	if (leg->state != LEG_ACCEPTED || !of_dialog(leg, sip) ||
		sip->sip_cseq->cs_seq != leg->invite_cseq)
		return;
	leg->state = LEG_UP;
	leg->deadline = RELOAD_NEVER;
	leg->answered_at = cli_monotonic();
	if (leg->ops->answered)
		leg->ops->answered(leg);
}

static void on_bye(struct leg *leg, const sip_t *sip)
{
	bool lasts =
		leg->state == LEG_UP || leg->state == LEG_ACCEPTED || leg->state == LEG_BYE_SENT;
	if (!lasts || !of_dialog(leg, sip)) {
		refuse(leg, sip, 481);
		return;
	}
	leg_respond(leg, sip, 200, "OK", NO_BODY);
	if (leg->state != LEG_BYE_SENT)
		leg->ended_by = leg->own ? "callee" : "caller";
	leg_end(leg);
}

static void on_cancel(struct leg *leg, const sip_t *sip)
{
	bool ours = leg->invite && leg->call_id && !strcmp(sip->sip_call_id->i_id, leg->call_id) &&
		    sip->sip_cseq->cs_seq == leg->invite_cseq;
	refuse(leg, sip, ours ? 200 : 481);
	if (!ours || leg->state != LEG_RINGING)
		return; /* it has been answered: the other end sends BYE */
	leg->ended_by = "caller";
	leg_refuse(leg, 487);
}

static void on_message(struct leg *leg, const sip_t *sip)
{
	const char *type = sip->sip_content_type ? sip->sip_content_type->c_type : "text/plain";
	struct span text = body_of(sip);
	if (!leg->ops->message) {
		refuse(leg, sip, 405);
		return;
	}
	if (!names(sip->sip_request->rq_url, leg->user)) {
		refuse(leg, sip, 404);
		return;
	}
	if (strcasecmp(type, "text/plain") != 0 || !reload_utf8_valid(text)) {
		refuse(leg, sip, 415);
		return;
	}
	leg->ops->message(leg, text);
	leg_respond(leg, sip, 200, "OK", NO_BODY);
}

/* The status with which a request is refused before its method matters; 0: none. */
static int refusal_of(const struct leg *leg, const sip_t *sip)
{
	const sip_request_t *line = sip->sip_request;
	if (strcasecmp(line->rq_version, "SIP/2.0") != 0)
		return 505;
	if (!leg->sips && line->rq_url->url_type == url_sips)
		return 416; /* sips asks for 5061 */
	if (leg->peer_user && !names(sip->sip_from->a_url, leg->peer_user))
		return 403; /* the certificate says who it is */
	if (sip->sip_require && line->rq_method != sip_method_cancel)
		return 420; /* RFC 3261 s8.2.2.3: this end has no extension */
	return 0;
}

static void on_request(struct leg *leg, const sip_t *sip, msg_t *msg)
{
	sip_method_t method = sip->sip_request->rq_method;
	if (method == sip_method_ack) {
		on_ack(leg, sip);
		return;
	}
	int refusal = refusal_of(leg, sip);
	if (refusal) {
		refuse(leg, sip, refusal);
		return;
	}
	switch (method) {
	case sip_method_invite:
		on_invite(leg, sip, msg);
		break;
	case sip_method_bye:
		on_bye(leg, sip);
		break;
	case sip_method_cancel:
		on_cancel(leg, sip);
		break;
	case sip_method_options:
		leg_respond(leg, sip, 200, "OK", NO_BODY);
		break;
	case sip_method_message:
		on_message(leg, sip);
		break;
	default:
		refuse(leg, sip, method == sip_method_unknown ? 501 : 405);
	}
}

/* -- responses ----------------------------------------------------------------------------------------------------------------- */

/* The ACK of a success is a transaction of its own, that of a failure belongs to the INVITE. */
static void acknowledge(struct leg *leg, const char *invite, uint32_t cseq, bool success)
{
	char branch[LEG_TOKEN];
	leg_token(branch);
	leg_request(leg, "ACK", success ? branch : invite, cseq, NO_BODY, "");
}

static void on_success(struct leg *leg, const sip_t *sip)
{
	struct reload_sdp_audio answer;
	char *contact = contact_of(sip);
	bool cancelled = leg->state == LEG_CANCELLED;
	if (contact)
		set(&leg->target, contact);
	bool fits = !reload_sdp_read(&answer, body_of(sip));
	acknowledge(leg, leg->branch, leg->invite_cseq, true);
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
	media_start(leg->media, &answer, answer.direction & RELOAD_SDP_RECVONLY);
	if (leg->ops->answered)
		leg->ops->answered(leg);
}

static void on_invite_response(struct leg *leg, const sip_t *sip)
{
	int status = sip->sip_status->st_status;
	const char *tag = sip->sip_to->a_tag;
	if (leg->state != LEG_INVITED && leg->state != LEG_CANCELLED)
		return;
	leg->status = status;
	snprintf(leg->phrase, sizeof(leg->phrase), "%s", leg_phrase_of(sip));
	if (tag && status > 100)
		set(&leg->remote_tag, reload_strdup(tag));
	if (status < 200) {
		if (leg->state == LEG_INVITED)
			leg->deadline = RELOAD_NEVER; /* it rings, as long as the caller wants */
		if (leg->ops->ringing && leg->state == LEG_INVITED)
			leg->ops->ringing(leg, status);
		return;
	}
	if (status < 300 && leg->remote_tag) {
		on_success(leg, sip);
		return;
	}
	acknowledge(leg, leg->branch, leg->invite_cseq, false);
	leg_end(leg);
}

/* The answer to leg_hold(). */
static void on_hold_response(struct leg *leg, const sip_t *sip)
{
	enum {
		AGAIN_MS =
			2100, /* RFC 3261 s14.1: 2.1 to 4 s for who made the call, up to 2 s for the other end */
		SPREAD_MS = 1900
	};
	int status = sip->sip_status->st_status;
	struct reload_sdp_audio answer;
	char branch[LEG_TOKEN];
	if (status < 200 || leg->state != LEG_UP)
		return;
	memcpy(branch, leg->hold_branch, sizeof(branch));
	leg->hold_branch[0] = 0;
	leg->deadline = RELOAD_NEVER;
	acknowledge(leg, branch, leg->hold_cseq, status < 300);
	if (leg->fd < 0)
		return; /* the connection was lost with it */
	if (status < 300 && !reload_sdp_read(&answer, body_of(sip)))
		media_start(leg->media, &answer,
			!leg->on_hold && answer.direction & RELOAD_SDP_RECVONLY);
	if (status == 491) /* both at once; the token is as random as anything */
		leg->hold_again = cli_monotonic() + (leg->own ? AGAIN_MS : 0) +
				  strtoul(branch + 24, NULL, 16) % SPREAD_MS;
	else if (status == 481 ||
		 status == 408) /* RFC 3261 s12.2.1.2: the other end has no such call */
		leg_hang_up(leg, "callee");
	else if (leg->ops->held)
		leg->ops->held(leg, status);
}

static void on_response(struct leg *leg, const sip_t *sip)
{
	const char *branch = sip->sip_via ? sip->sip_via->v_branch : NULL;
	const char *method = sip->sip_cseq->cs_method_name;
	if (!leg->call_id || strcmp(sip->sip_call_id->i_id, leg->call_id) || !branch ||
		strncmp(branch, "z9hG4bK", 7))
		return;
	branch += 7;
	if (!strcmp(method, "INVITE") && !strcmp(branch, leg->branch))
		on_invite_response(leg, sip);
	else if (!strcmp(method, "INVITE") && *leg->hold_branch &&
		 !strcmp(branch, leg->hold_branch))
		on_hold_response(leg, sip);
	else if (!strcmp(method, "BYE") && leg->state == LEG_BYE_SENT &&
		 sip->sip_status->st_status >= 200)
		leg_end(leg);
	else if (*leg->ask_branch && !strcmp(branch, leg->ask_branch) &&
		 sip->sip_status->st_status >= 200 && leg->ops->responded) {
		leg->deadline = RELOAD_NEVER;
		leg->ask_branch[0] = 0; /* there is one answer */
		leg->ops->responded(leg, sip);
	}
}

void leg_take(struct leg *leg, sip_t *sip, msg_t *msg)
{
	bool complete = sip && sip->sip_from && sip->sip_to && sip->sip_call_id && sip->sip_cseq &&
			sip->sip_via && sip->sip_cseq->cs_method_name;
	if (!complete || (!sip->sip_request && !sip->sip_status)) {
		leg_cut(leg); /* it has not even what an answer repeats */
		return;
	}
	leg->used = cli_monotonic();
	if (sip->sip_status)
		on_response(leg, sip);
	else if (sip->sip_error || sip->sip_cseq->cs_method != sip->sip_request->rq_method)
		refuse(leg, sip, 400);
	else
		on_request(leg, sip, msg);
}
