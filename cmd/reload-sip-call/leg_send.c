#include "reload-sip-call/leg_internal.h"

#include "ident/aor.h"
#include "util/text.h"

#include <sofia-sip/msg_header.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALLOW "INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE"

enum {
	LINE_MAX_BYTES = 8192
};

const char *leg_phrase(int status)
{
	const char *phrase = sip_status_phrase(status);
	return phrase ? phrase : "Refused";
}

const char *leg_phrase_of(const sip_t *sip)
{
	const char *phrase = sip->sip_status->st_phrase;
	bool good = phrase && reload_utf8_valid(span_str(phrase));
	return good ? phrase : leg_phrase(sip->sip_status->st_status);
}

static const char *scheme(const struct leg *leg)
{
	return leg->sips ? "sips" : "sip";
}

/* The own AOR as a URI without a scheme, written as URIs have it. */
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
	if (w->err || leg->out.len + w->len > LEG_OUT_MAX)
		leg_cut(leg);
	else
		wr_span(&leg->out, wr_done(w));
	wr_clear(w);
	if (leg->fd >= 0)
		leg_output(leg);
}

/*
 * R7904-28: Via has the domain of the sender's AOR, Contact its GRUU; none of them is ever looked up.
 */
void leg_request(struct leg *leg, const char *method, const char *branch, uint32_t cseq,
	struct span body, const char *type)
{
	struct wr w;
	const char *domain = strrchr(leg->user, '@') + 1;
	wr_init(&w);
	wr_format(&w, "%s %s:%s SIP/2.0\r\n", method, scheme(leg), leg->target);
	wr_format(&w, "Via: SIP/2.0/TLS %s;branch=z9hG4bK%s\r\nMax-Forwards: 70\r\nFrom: <", domain,
		branch);
	put_user(&w, leg);
	wr_format(&w, ">;tag=%s\r\nTo: <%s:%s>%s%s\r\n", leg->local_tag, scheme(leg),
		leg->remote_uri, leg->remote_tag ? ";tag=" : "",
		leg->remote_tag ? leg->remote_tag : "");
	wr_format(&w, "Call-ID: %s\r\nCSeq: %u %s\r\n", leg->call_id, cseq, method);
	if (!strcmp(method, "INVITE") || !strcmp(method, "OPTIONS"))
		wr_format(
			&w, "Contact: <%s:%s>\r\nAllow: " ALLOW "\r\n", scheme(leg), leg->contact);
	wr_format(&w, "User-Agent: reload-sip-call/" RELOAD_VERSION "\r\n");
	put_body(&w, body, type);
	queue(leg, &w);
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

/* The extensions that a request wants. */
static void put_unsupported(struct wr *w, const sip_require_t *r)
{
	for (; r; r = (const sip_require_t *)r->k_next)
		for (size_t i = 0; r->k_items && r->k_items[i]; i++)
			wr_format(w, "Unsupported: %s\r\n", r->k_items[i]);
}

void leg_respond(
	struct leg *leg, const sip_t *request, int status, const char *phrase, struct span sdp)
{
	struct wr w;
	bool dialog = request->sip_request->rq_method == sip_method_invite && status < 300;
	wr_init(&w);
	wr_format(&w, "SIP/2.0 %d %s\r\n", status, phrase);
	for (const sip_via_t *v = request->sip_via; v; v = v->v_next)
		copy(&w, v);
	copy(&w, request->sip_from);
	copy(&w, request->sip_to);
	if (!request->sip_to->a_tag && status > 100) { /* before the line end */
		w.len -= 2;
		wr_format(&w, ";tag=%s\r\n", leg->local_tag);
	}
	copy(&w, request->sip_call_id);
	copy(&w, request->sip_cseq);
	if (dialog)
		wr_format(&w, "Contact: <%s:%s>\r\n", scheme(leg), leg->contact);
	if (status == 405 || request->sip_request->rq_method == sip_method_options || dialog)
		wr_format(&w, "Allow: " ALLOW "\r\n");
	if (request->sip_request->rq_method == sip_method_options && status == 200)
		wr_format(&w, "Accept: application/sdp, text/plain\r\n");
	if (status == 420)
		put_unsupported(&w, request->sip_require);
	put_body(&w, sdp, "application/sdp");
	queue(leg, &w);
}
