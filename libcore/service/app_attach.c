#include "service/internal.h"

/* Asking for connections, and what becomes of all of them. */

static const struct reload_method_row methods[] = {
	{ RELOAD_APP_ATTACH_REQ, .serve = reload_app_serve_request },
};

struct reload_apps *reload_apps_new(const struct reload_apps_setup *setup)
{
	struct reload_apps *s = RELOAD_NEW(reload_apps);
	s->engine = setup->engine;
	s->exchange = setup->exchange;
	s->membership = setup->membership;
	s->ops = setup->ops;
	s->next = UINT32_C(1) << 31;
	TAILQ_INIT(&s->apps);
	reload_exchange_methods(s->exchange, methods, COUNT_OF(methods), s);
	return s;
}

void reload_apps_free(struct reload_apps *s)
{
	if (!s)
		return;
	while (!TAILQ_EMPTY(&s->apps)) {
		TAILQ_FIRST(&s->apps)->request = NULL; /* the exchange has ended it */
		reload_app_free(TAILQ_FIRST(&s->apps));
	}
	free(s->served);
	free(s->rates);
	free(s);
}

/* -- one AppAttach ------------------------------------------------------------------------------------------------------- */

/* An own one came to nothing. */
static void failed(struct app *a, const struct reload_result *result)
{
	struct reload_apps *s = a->service;
	s->ops->failed(s->engine->host, a->number, result);
	reload_app_free(a);
}

static void failed_with(struct app *a, enum reload_err err, const char *reason)
{
	failed(a, &(struct reload_result){
			  .err = err, .responder = a->node, .hops = a->hops, .reason = reason });
}

static void take(struct app *a, uint32_t stream, const struct reload_cert *cert)
{
	struct reload_apps *s = a->service;
	s->ops->take(s->engine->host, a->number, stream,
		&(struct reload_app_peer){ .application = a->application,
			.node = a->node,
			.cert = cert,
			.incoming = !reload_app_is_asked(a) });
	reload_app_free(a);
}

/* -- asking -------------------------------------------------------------------------------------------------------------- */

static void on_late(void *arg)
{
	const struct app *a = arg;
	failed_with(arg, RELOAD_TIMEOUT,
		a->ice ? "no pair of candidates leads to the node that answered in time"
		       : "the node that answered did not connect");
}

/* Who has connected before the answer came. */
static void strangers_judge(struct app *a)
{
	for (size_t i = 0; i < a->strangers_count; i++)
		if (reload_cert_has_node(a->strangers[i].cert, &a->node)) {
			AUTO(reload_cert) cert = reload_cert_ref(a->strangers[i].cert);
			take(a, a->strangers[i].stream, cert);
			return;
		}
	while (a->strangers_count) {
		a->service->ops->drop(a->service->engine->host, a->number, a->strangers[0].stream);
		reload_app_stranger_forget(a, 0);
	}
}

static const char *answer_fault(struct app *a, const struct reload_app_attach *ans)
{
	if (ans->application != a->application)
		return "the answer is about another application";
	if (!span_eq(ans->role, span_str("active")))
		return "the role in the answer is not active";
	return a->ice ? reload_app_remote_set(a, ans) : NULL;
}

static void answered(void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct app *a = arg;
	(void)r;
	a->request = NULL;
	a->node = result->responder;
	a->hops = result->hops;
	if (result->err) {
		failed(a, result);
		return;
	}
	const struct reload_app_attach *ans = &result->answer->body.app_attach;
	const char *fault = answer_fault(a, ans);
	if (fault) {
		failed_with(a, RELOAD_BAD_ANSWER, fault);
		return;
	}
	a->phase = APP_AWAITED;
	reload_app_limit(a, reload_app_lifetime(a->service), on_late);
	if (a->ice)
		reload_app_check(a);
	else
		strangers_judge(a);
}

/* By ICE: it ends before its request was sent, or answered. */
static void ask_failed(struct app *a, enum reload_err err, const char *reason)
{
	reload_timer_cancel(&a->service->engine->timers, &a->limit);
	reload_request_fail(a->request, err, reason); /* answered() follows */
}

static void on_gather_late(void *arg)
{
	ask_failed(arg, RELOAD_TIMEOUT, RELOAD_APP_GATHER_LATE);
}

/* By ICE: there are candidates. */
static void ask_gathered(struct app *a, const struct reload_ice_gathered *found)
{
	a->phase = APP_ASKED;
	reload_request_send(
		a->request, &(struct reload_app_attach){ .ufrag = found->ufrag,
				    .password = found->password,
				    .application = a->application,
				    .role = span_str("passive"),
				    .candidates = (struct reload_ice_candidate *)found->candidates,
				    .candidates_count = found->count });
}

/* Without ICE: this node waits for the other one.  When it cannot, the attempt is freed. */
static enum reload_err ask_listening(struct app *a)
{
	struct reload_apps *s = a->service;
	struct reload_link_target at[APP_TARGETS_MAX];
	struct reload_ice_candidate candidates[APP_TARGETS_MAX];
	size_t count = s->ops->listen(s->engine->host, a->number, at, APP_TARGETS_MAX);
	if (!count) {
		reload_request_free(TAKE(a->request));
		reload_app_free(a);
		return RELOAD_IO;
	}
	a->phase = APP_ASKED;
	reload_request_send(a->request,
		&(struct reload_app_attach){ .application = a->application,
			.role = span_str("passive"),
			.candidates = candidates,
			.candidates_count = reload_app_candidates(candidates, at, count) });
	return RELOAD_OK;
}

enum reload_err reload_app_ask(struct reload_apps *s, uint32_t number, uint16_t application,
	const struct reload_request_target *target)
{
	enum reload_err err;
	if (!s->ops || s->asked >= RELOAD_APP_ASKED_MAX)
		return RELOAD_LIMIT;
	struct reload_request *r =
		reload_request_new(s->exchange, RELOAD_APP_ATTACH_REQ, target, NULL, NULL, &err);
	if (!r)
		return err;
	struct app *a = reload_app_new(s, number, application);
	a->request = r;
	r->on_end = answered;
	r->on_end_arg = a;
	if (!reload_app_by_ice(s))
		return ask_listening(a);
	reload_app_gather(a, on_gather_late);
	return RELOAD_OK;
}

void reload_app_cancel(struct reload_apps *s, uint32_t number)
{
	struct app *a = reload_app_find(s, number);
	if (a)
		reload_app_free(a);
}

/* -- candidates ---------------------------------------------------------------------------------------------------------- */

static void not_gathered(struct app *a, enum reload_err err, const char *reason)
{
	if (reload_app_is_asked(a))
		ask_failed(a, err, reason);
	else
		reload_app_serve_not_gathered(a, err, reason);
}

void reload_app_gathered(
	struct reload_apps *s, uint32_t number, const struct reload_ice_gathered *found)
{
	struct app *a = reload_app_find(s, number);
	if (!a || a->phase != APP_GATHERING) {
		s->ops->end(s->engine->host, number);
		return;
	}
	reload_timer_cancel(&s->engine->timers, &a->limit);
	if (!found->count)
		not_gathered(a, RELOAD_UNREACHABLE, "no candidates were found");
	else if (reload_app_is_asked(a))
		ask_gathered(a, found);
	else
		reload_app_serve_gathered(a, found);
}

/* -- connections --------------------------------------------------------------------------------------------------------- */

/* Somebody has connected, and it is not known yet who is expected. */
static void stranger_keep(struct app *a, uint32_t stream, struct reload_cert *cert)
{
	struct reload_apps *s = a->service;
	if (a->strangers_count == RELOAD_APP_STRANGERS_MAX) {
		s->ops->drop(s->engine->host, a->number, a->strangers[0].stream);
		reload_app_stranger_forget(a, 0);
	}
	a->strangers[a->strangers_count++] = (struct app_stranger){ stream, reload_cert_ref(cert) };
}

void reload_app_up(
	struct reload_apps *s, uint32_t number, uint32_t stream, struct reload_cert *cert)
{
	struct app *a = reload_app_find(s, number);
	if (!a) {
		s->ops->drop(s->engine->host, number, stream);
		return;
	}
	if (a->phase == APP_ASKED) {
		stranger_keep(a, stream, cert);
		return;
	}
	if (!reload_cert_has_node(cert, &a->node)) {
		reload_engine_event(
			s->engine, &(struct reload_event){ .type = RELOAD_EV_APP_REFUSED,
					   .node = &a->node,
					   .count = a->application,
					   .reason = "the certificate is that of another node" });
		s->ops->drop(s->engine->host, number, stream);
		if (a->phase == APP_CONNECTING)
			reload_app_answer_failed(a, RELOAD_FORBIDDEN);
		else if (a->ice)
			failed_with(a, RELOAD_FORBIDDEN,
				"the certificate at the other end is that of another node");
		return; /* without ICE the right one may still come */
	}
	if (a->phase == APP_CONNECTING)
		reload_dial_succeeded(s->membership, a->signer);
	take(a, stream, cert);
}

void reload_app_down(struct reload_apps *s, uint32_t number, enum reload_err err)
{
	struct app *a = reload_app_find(s, number);
	if (!a)
		return;
	switch (a->phase) {
	case APP_GATHERING:
		not_gathered(a, err, RELOAD_APP_GATHER_FAILED);
		break;
	case APP_ASKED:
		if (a->ice)
			ask_failed(a, err, RELOAD_APP_GATHER_FAILED);
		break;
	case APP_AWAITED:
		if (a->ice)
			failed_with(a, err, "no pair of candidates connects");
		break;
	case APP_ANSWERING:
		a->stream_gone = true; /* the answer is on its way: then it ends */
		break;
	case APP_CONNECTING:
		reload_app_answer_failed(a, err);
		break;
	}
}
