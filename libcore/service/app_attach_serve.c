#include "service/internal.h"

/* Answering an AppAttach: this node connects to who asked. */

enum {
	ACTIVE_PORT = 9
};

static void failed_event(struct app *a, enum reload_err err)
{
	reload_engine_event(
		a->service->engine, &(struct reload_event){ .type = RELOAD_EV_APP_FAILED,
					    .err = err,
					    .node = &a->node,
					    .count = a->application });
}

void reload_app_answer_failed(struct app *a, enum reload_err err)
{
	if (err != RELOAD_LIMIT) /* this node's own */
		reload_dial_failed(a->service->membership, a->signer);
	failed_event(a, err);
	reload_app_place_free(a->service, a->application);
	reload_app_free(a);
}

static void on_late(void *arg)
{
	reload_app_answer_failed(arg, RELOAD_TIMEOUT);
}

/* The addresses over which a stream of TLS is possible. */
static size_t targets(const struct reload_apps *s, const struct reload_app_attach *req,
	struct reload_link_target *out)
{
	size_t found = reload_reach_targets(
		       s->membership, req->candidates, req->candidates_count, out, APP_TARGETS_MAX),
	       count = 0;
	for (size_t i = 0; i < found; i++)
		if (out[i].types & RELOAD_LINK_BIT(RELOAD_TLS_TCP_FH_NO_ICE))
			out[count++] = out[i];
	return count;
}

/* MSG-10: actpass leaves the choice to this node, which connects. */
static const char *fault_of(const struct reload_app_attach *req)
{
	if (!span_eq(req->role, span_str("passive")) && !span_eq(req->role, span_str("actpass")))
		return "role is neither passive nor actpass";
	return req->candidates_count ? NULL : "no candidates";
}

/* Why it is not answered although the application is served. */
static const char *refusal(const struct reload_incoming *in, const struct app_served *served)
{
	struct reload_apps *s = in->method->arg;
	size_t of_signer = 0;
	struct app *a;
	if (in->local || reload_id_eq(&in->signer, &s->engine->self))
		return "own Node-ID at the other end";
	if (served->taken >= served->places)
		return "all places of the application are taken";
	if (s->answered >= RELOAD_APP_ANSWERED_MAX)
		return "too many AppAttaches at a time";
	TAILQ_FOREACH (a, &s->apps, entry)
		of_signer += (a->number >> 31) &&
			     !memcmp(a->signer, in->cert->fingerprint, sizeof(a->signer));
	if (of_signer >= RELOAD_APP_PER_SIGNER_MAX)
		return "too many AppAttaches with this certificate at a time";
	if (!reload_dial_allowed(s->membership, in->cert->fingerprint, 0))
		return "nobody was at the addresses named before, wait";
	return NULL;
}

static void connect_now(struct reload_incoming *in)
{
	struct reload_apps *s = in->method->arg;
	struct app *a;
	TAILQ_FOREACH (a, &s->apps, entry)
		if (a->phase == APP_ANSWERING && a->transaction == in->msg->header.transaction_id &&
			reload_id_eq(&a->node, &in->signer))
			break;
	if (!a) /* the program has gone meanwhile */
		return;
	a->phase = APP_CONNECTING;
	s->ops->connect(s->engine->host, a->number, a->to, a->to_count);
}

/* From here on a place is taken, for the time that an answer and a connection may need. */
static void begin(struct reload_incoming *in, struct app_served *served,
	const struct reload_link_target *to, size_t count)
{
	struct reload_apps *s = in->method->arg;
	struct app *a = reload_app_new(s, s->next, served->application);
	s->next = (s->next + 1) | UINT32_C(1) << 31;
	a->phase = APP_ANSWERING;
	a->node = in->signer;
	a->transaction = in->msg->header.transaction_id;
	memcpy(a->signer, in->cert->fingerprint, sizeof(a->signer));
	memcpy(a->to, to, count * sizeof(*to));
	for (size_t i = 0; i < count; i++)
		a->to[i].at.raw = span_of(NULL, 0); /* borrowed bytes of the message */
	a->to_count = count;
	served->taken++;
	reload_app_limit(a, on_late);
}

/* Who connects has no port to name: 9, as RFC 6544 s4.1 has it of active candidates. */
static size_t own_candidates(const struct reload_apps *s, struct reload_ice_candidate *out)
{
	struct reload_link_target own[APP_TARGETS_MAX];
	size_t count = s->engine->ops->addresses(s->engine->host, own, APP_TARGETS_MAX);
	for (size_t i = 0; i < count; i++)
		own[i].at.port = ACTIVE_PORT;
	return reload_app_candidates(out, own, count);
}

void reload_app_serve_request(struct reload_incoming *in)
{
	struct reload_apps *s = in->method->arg;
	const struct reload_app_attach *req = &in->msg->body.app_attach;
	struct reload_link_target to[APP_TARGETS_MAX];
	struct reload_ice_candidate candidates[APP_TARGETS_MAX];
	struct app_served *served = reload_app_served_find(s, req->application);
	if (!served) {
		reload_answer_error(
			in, RELOAD_NOT_FOUND, "no such application here"); /* R-6.5.2-05 */
		return;
	}
	const char *fault = fault_of(req);
	size_t count = fault ? 0 : targets(s, req, to);
	if (!fault && !count)
		fault = "no usable candidate";
	if (fault) {
		reload_answer_error(in, RELOAD_INVALID_MESSAGE, fault);
		return;
	}
	fault = refusal(in, served);
	if (fault) {
		reload_answer_error(in, RELOAD_FORBIDDEN, fault);
		return;
	}
	begin(in, served, to, count);
	struct reload_app_attach ans = { .application = req->application,
		.role = span_str("active"),
		.candidates = candidates,
		.candidates_count = own_candidates(s, candidates) };
	in->on_answer_sent = connect_now;
	reload_answer(in, RELOAD_APP_ATTACH_ANS, &ans);
}
