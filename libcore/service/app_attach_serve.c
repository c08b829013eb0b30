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
	if (a->phase == APP_CONNECTING && err != RELOAD_LIMIT) /* this node's own */
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
static const char *fault_of(const struct reload_apps *s, const struct reload_app_attach *req)
{
	if (!span_eq(req->role, span_str("passive")) && !span_eq(req->role, span_str("actpass")))
		return "role is neither passive nor actpass";
	if (!req->candidates_count)
		return "no candidates";
	return reload_app_by_ice(s) ? reload_link_types_fault(
					      s->membership, req->candidates, req->candidates_count)
				    : NULL;
}

/* Why it is not answered although the application is served. */
static const char *refusal(struct reload_incoming *in, const struct app_served *served)
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
	if (!reload_app_rate_take(s, in->cert->fingerprint))
		return "too many AppAttaches with this certificate lately, wait";
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
	if (a->stream_gone)
		reload_app_answer_failed(a, RELOAD_LINK_DOWN);
	else if (a->ice)
		reload_app_check(a);
	else
		s->ops->connect(s->engine->host, a->number, a->to, a->to_count);
}

/* A place is taken for the sender of a request that will be answered. */
static struct app *begin(struct reload_incoming *in, struct app_served *served)
{
	struct reload_apps *s = in->method->arg;
	struct app *a = reload_app_new(s, s->next, served->application);
	s->next = (s->next + 1) | UINT32_C(1) << 31;
	a->node = in->signer;
	a->transaction = in->msg->header.transaction_id;
	memcpy(a->signer, in->cert->fingerprint, sizeof(a->signer));
	served->taken++;
	return a;
}

/* It has as long as an answer and a connection may need. */
static void answer(struct app *a, struct reload_incoming *in, const struct reload_ice_gathered *own)
{
	struct reload_app_attach ans = { .ufrag = own->ufrag,
		.password = own->password,
		.application = a->application,
		.role = span_str("active"),
		.candidates = (struct reload_ice_candidate *)own->candidates,
		.candidates_count = own->count };
	a->phase = APP_ANSWERING;
	a->in = NULL;
	in->work = NULL;
	reload_app_limit(a, reload_app_lifetime(a->service), on_late);
	in->on_answer_sent = connect_now;
	reload_answer(in, RELOAD_APP_ATTACH_ANS, &ans);
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

/* Without ICE: this node connects to one of the addresses. */
static void serve_connecting(struct reload_incoming *in, struct app_served *served,
	const struct reload_link_target *to, size_t count)
{
	struct reload_ice_candidate candidates[APP_TARGETS_MAX];
	struct app *a = begin(in, served);
	memcpy(a->to, to, count * sizeof(*to));
	for (size_t i = 0; i < count; i++)
		a->to[i].at.raw = span_of(NULL, 0); /* borrowed bytes of the message */
	a->to_count = count;
	answer(a, in,
		&(struct reload_ice_gathered){ .candidates = candidates,
			.count = own_candidates(a->service, candidates) });
}

/* -- by ICE: the answer waits for candidates of this node ----------------------------------------------------------------- */

void reload_app_serve_gathered(struct app *a, const struct reload_ice_gathered *found)
{
	answer(a, a->in, found);
}

void reload_app_serve_not_gathered(struct app *a, enum reload_err err, const char *reason)
{
	struct reload_incoming *in = a->in;
	reload_app_answer_failed(a, err);
	reload_answer_error(in, RELOAD_FORBIDDEN, reason);
}

static void on_gather_late(void *arg)
{
	reload_app_serve_not_gathered(arg, RELOAD_TIMEOUT, RELOAD_APP_GATHER_LATE);
}

static void work_free(void *work)
{
	struct app *a = work;
	a->in = NULL;
	reload_app_place_free(a->service, a->application);
	reload_app_free(a);
}

static void serve_gathering(struct reload_incoming *in, struct app_served *served)
{
	struct app *a = begin(in, served);
	const char *fault = reload_app_remote_set(a, &in->msg->body.app_attach);
	if (fault) {
		reload_app_place_free(a->service, a->application);
		reload_app_free(a);
		reload_answer_error(in, RELOAD_INVALID_MESSAGE, fault);
		return;
	}
	a->in = in;
	in->work = a;
	in->work_free = work_free;
	reload_app_gather(a, on_gather_late);
}

/* -- the method ------------------------------------------------------------------------------------------------------------ */

void reload_app_serve_request(struct reload_incoming *in)
{
	struct reload_apps *s = in->method->arg;
	const struct reload_app_attach *req = &in->msg->body.app_attach;
	struct reload_link_target to[APP_TARGETS_MAX];
	struct app_served *served = reload_app_served_find(s, req->application);
	if (!served) {
		reload_answer_error(
			in, RELOAD_NOT_FOUND, "no such application here"); /* R-6.5.2-05 */
		return;
	}
	bool ice = reload_app_by_ice(s);
	const char *fault = fault_of(s, req);
	size_t count = fault || ice ? 0 : targets(s, req, to);
	if (!fault && !ice && !count)
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
	if (ice)
		serve_gathering(in, served);
	else
		serve_connecting(in, served, to, count);
}
