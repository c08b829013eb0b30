/* Requests and responses of ours. */
#include "reload-sip-call/leg_internal.h"

#include "common/call.h"
#include "ident/aor.h"
#include "usage/sip_refuse.h"
#include "util/text.h"

#include <sofia-sip/msg_header.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ALLOW "INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE, PRACK, UPDATE"

enum {
	LINE_MAX_BYTES = 8192,
	T1_MS = 500, /* RFC 3261 s17.1.1.1 */
	T2_MS = 4000
};

static const char *const extensions[] = { "100rel", "timer" };

const char *leg_phrase(int status)
{
	const char *phrase = sip_status_phrase(status);
	return phrase ? phrase : "Refused";
}

const char *leg_phrase_of(const sip_t *sip)
{
	const char *phrase = sip->sip_status->st_phrase;
	bool good = phrase && *phrase && reload_utf8_valid(span_str(phrase));
	return good ? phrase : leg_phrase(sip->sip_status->st_status);
}

static const char *scheme(const struct leg *leg)
{
	return leg->sips ? "sips" : "sip";
}

/* An AOR or GRUU as a URI; a telephone number has its own scheme. */
static void put_uri(struct wr *w, const struct leg *leg, const char *aor)
{
	if (strncmp(aor, "tel:", 4) != 0)
		wr_format(w, "%s:", scheme(leg));
	wr_text(w, aor);
}

/* The own AOR as a URI, written as URIs have it. */
static void put_user(struct wr *w, const struct leg *leg)
{
	wr_format(w, "%s:", scheme(leg));
	reload_aor_write(w, leg->user);
}

static void put_body(struct wr *w, struct span body, const char *type)
{
	if (body.len)
		wr_format(w, "Content-Type: %s\r\n", type);
	wr_format(w, "Content-Length: %zu\r\n\r\n", body.len);
	wr_span(w, body);
}

static void queue(struct leg *leg, struct wr *w)
{
	if (w->err || leg->out.len + w->len > LEG_OUT_MAX) {
		leg_cut(leg);
	} else {
		if (leg->ops->traced)
			leg->ops->traced(leg, true, wr_done(w));
		wr_span(&leg->out, wr_done(w));
	}
	if (leg->fd >= 0)
		leg_output(leg);
}

/* Whether the request says how this end is reached and what it can do. */
static bool introduces(const char *method)
{
	static const char *const methods[] = { "INVITE", "UPDATE", "OPTIONS" };
	for (size_t i = 0; i < COUNT_OF(methods); i++)
		if (!strcmp(method, methods[i]))
			return true;
	return false;
}

/*
 * R7904-28: Via has the domain of the sender's AOR, Contact its GRUU; none of them is ever looked up.
 */
void leg_request(struct leg *leg, const struct leg_request *r)
{
	struct wr w;
	char branch[LEG_TOKEN];
	bool tagged = !r->initial || !strcmp(r->method, "ACK");
	const char *target = r->target ? r->target : r->initial ? leg->called : leg->target;
	const char *tag = r->tag ? r->tag : leg_tag_of(leg->remote_tag);
	leg_token(branch);
	wr_init(&w);
	wr_format(&w, "%s ", r->method);
	put_uri(&w, leg, target);
	wr_format(&w, " SIP/2.0\r\nVia: SIP/2.0/TLS %s;branch=z9hG4bK%s\r\nMax-Forwards: 70\r\n",
		strrchr(leg->user, '@') + 1, r->branch ? r->branch : branch);
	if (!r->initial)
		wr_span(&w, wr_done(&leg->route));
	wr_format(&w, "From: <");
	put_user(&w, leg);
	wr_format(&w, ">;tag=%s\r\nTo: <", leg->local_tag);
	put_uri(&w, leg, leg->remote_uri);
	wr_text(&w, ">");
	if (tagged && *tag)
		wr_format(&w, ";tag=%s", tag);
	wr_format(&w, "\r\nCall-ID: %s\r\nCSeq: %u %s\r\n", leg->call_id, r->cseq, r->method);
	if (introduces(r->method))
		wr_format(&w,
			"Contact: <%s:%s>\r\nAllow: " ALLOW "\r\nSupported: 100rel, timer\r\n",
			scheme(leg), leg->contact);
	wr_text(&w, r->more ? r->more : "");
	if (!leg->anonymous)
		wr_text(&w, "User-Agent: reload-sip-call/" RELOAD_VERSION "\r\n");
	put_body(&w, r->body, r->type ? r->type : "application/sdp");
	queue(leg, &w);
	wr_clear(&w);
}

/* Copies a header field of the request. */
static void copy(struct wr *w, const void *header)
{
	char line[LINE_MAX_BYTES];
	issize_t n = header ? msg_header_e(line, sizeof(line), header, 0) : 0;
	if (n < 0 || (size_t)n >= sizeof(line))
		wr_fail(w, RELOAD_LIMIT);
	else
		wr_bytes(w, line, (size_t)n);
}

static bool has_extension(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(extensions); i++)
		if (!strcasecmp(extensions[i], name))
			return true;
	return false;
}

/* The extensions that a message requires and this end has not; writes them when w is not NULL. */
static bool unsupported(struct wr *w, const sip_t *sip)
{
	bool any = false;
	for (const sip_require_t *r = sip->sip_require; r; r = (const sip_require_t *)r->k_next)
		for (size_t i = 0; r->k_items && r->k_items[i]; i++) {
			if (has_extension(r->k_items[i]))
				continue;
			any = true;
			if (w)
				wr_format(w, "Unsupported: %s\r\n", r->k_items[i]);
		}
	return any;
}

bool leg_unsupported(const sip_t *sip)
{
	return unsupported(NULL, sip);
}

/* RFC 4028 s9: a response in which the other end is to refresh requires that it knows how. */
void leg_session_text(char out[LEG_TEXT], const struct reload_session_fields *f)
{
	char min[32] = "";
	const char *who = f->refresher == RELOAD_REFRESHER_UAC   ? ";refresher=uac"
			  : f->refresher == RELOAD_REFRESHER_UAS ? ";refresher=uas"
								 : "";
	bool requires = f->supported && f->refresher == RELOAD_REFRESHER_UAC;
	out[0] = 0;
	if (f->min_s)
		snprintf(min, sizeof(min), "Min-SE: %u\r\n", f->min_s);
	if (f->expires_s)
		snprintf(out, LEG_TEXT, "Session-Expires: %u%s\r\n%s%s", f->expires_s, who, min,
			requires ? "Require: timer\r\n" : "");
	else
		snprintf(out, LEG_TEXT, "%s", min);
}

/* What the status and the method ask for (RFC 3261 s20, table 2). */
static void put_abilities(struct wr *w, const struct leg *leg, const sip_t *request, int status)
{
	sip_method_t method = request->sip_request->rq_method;
	bool dialog = (method == sip_method_invite || method == sip_method_update) &&
		      status < 300 && status > 100;
	bool options = method == sip_method_options && status == 200;
	if (dialog) {
		for (const sip_record_route_t *r = request->sip_record_route; r; r = r->r_next)
			copy(w, r);
		wr_format(w, "Contact: <%s:%s>\r\n", scheme(leg), leg->contact);
	}
	if (status == 405 || options || dialog)
		wr_format(w, "Allow: " ALLOW "\r\n");
	if (options || dialog)
		wr_format(w, "Supported: 100rel, timer\r\n");
	if (options || status == 415 || status == 406)
		wr_format(w, "Accept: application/sdp, text/plain\r\n");
	if (status == 420)
		(void)unsupported(w, request);
}

void leg_respond(struct leg *leg, const sip_t *request, const struct leg_response *r)
{
	struct wr w;
	wr_init(&w);
	wr_format(
		&w, "SIP/2.0 %d %s\r\n", r->status, r->phrase ? r->phrase : leg_phrase(r->status));
	for (const sip_via_t *v = request->sip_via; v; v = v->v_next)
		copy(&w, v);
	copy(&w, request->sip_from);
	copy(&w, request->sip_to);
	if (!request->sip_to->a_tag && r->status > 100) { /* before the line end */
		w.len -= 2;
		wr_format(&w, ";tag=%s\r\n", leg->local_tag);
	}
	copy(&w, request->sip_call_id);
	copy(&w, request->sip_cseq);
	put_abilities(&w, leg, request, r->status);
	wr_format(&w, "%s", r->more ? r->more : "");
	put_body(&w, r->sdp, "application/sdp");
	if (request->sip_request->rq_method == sip_method_invite)
		leg_again_end(leg);
	if (r->repeats && !w.err) {
		wr_span(&leg->again, wr_done(&w));
		leg->again_ms = T1_MS;
		leg->again_at = cli_monotonic() + T1_MS;
		leg->again_end = cli_monotonic() + LEG_PATIENCE_MS;
	}
	queue(leg, &w);
	wr_clear(&w);
}

void leg_answer(struct leg *leg, const sip_t *request, int status)
{
	leg_respond(leg, request, &(struct leg_response){ .status = status });
}

bool leg_refuse_text(struct leg *leg, struct span text, int status)
{
	struct wr w;
	wr_init(&w);
	bool answers = reload_sip_refuse(&w, text, status, leg_phrase(status), leg->local_tag, "");
	if (answers)
		queue(leg, &w);
	wr_clear(&w);
	return answers;
}

void leg_again(struct leg *leg, reload_ms now)
{
	struct wr w;
	wr_init(&w);
	wr_span(&w, wr_done(&leg->again));
	leg->again_ms = leg->again_ms * 2 < T2_MS ? leg->again_ms * 2 : T2_MS;
	leg->again_at = now + leg->again_ms;
	queue(leg, &w);
	wr_clear(&w);
}

/* RFC 5626 s3.5.1: who connects sends CRLF CRLF, and the other end answers CRLF. */
void leg_ping_later(struct leg *leg)
{
	enum {
		LEAST_MS = 95000, /* RFC 5626 s4.4.1 */
		SPREAD_MS = 25000
	};
	char token[LEG_TOKEN];
	leg_token(token);
	leg->ping_at = cli_monotonic() + LEAST_MS + strtoull(token + 16, NULL, 16) % SPREAD_MS;
}

void leg_blank(struct leg *leg, const char *text)
{
	if (leg->out.len > LEG_OUT_MAX) {
		leg_cut(leg);
		return;
	}
	wr_text(&leg->out, text);
	leg_output(leg);
}
