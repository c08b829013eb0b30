#include "membership/attempt.h"

/* Asking for a link by an Attach. */

static void answered(void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct attempt *a = arg;
	struct reload_membership *m = a->membership;
	(void)r;
	a->request = NULL;
	if (result->err == RELOAD_IN_PROGRESS) {
		/* LINK-11: completed by the other direction, also when it was asked for by a Resource-ID */
		a->node = result->responder;
		a->yielded = true;
		if (reload_connection_by_node(m->connections, &a->node))
			reload_attempt_end(a, RELOAD_OK, &result->responder);
		else
			reload_attempt_await(a);
		return;
	}
	if (result->err) {
		reload_attempt_end(a, result->err, NULL);
		return;
	}
	const struct reload_attach *ans = &result->answer->body.attach;
	if (!span_eq(ans->role, span_str("active")) || !ans->candidates_count) {
		reload_attempt_end(a, RELOAD_BAD_ANSWER, &result->responder);
		return;
	}
	a->node = result->responder;
	struct own_place own;
	struct reload_link_target to[CANDIDATES_MAX];
	reload_own_place(m, &own);
	reload_claims_add(m, &a->node, to, reload_attach_targets(&own, ans, to, CANDIDATES_MAX));
	struct reload_connection *con = reload_connection_by_node(m->connections, &a->node);
	if (reload_id_eq(&a->node, &m->engine->self) || con) {
		reload_attempt_end(a, RELOAD_OK, &result->responder);
		return;
	}
	reload_attempt_await(a);
	for (con = NULL; (con = reload_connection_next(m->connections, con));)
		if (!con->node.len && reload_cert_has_node(con->cert, &a->node)) {
			reload_attach_link_up(m, con); /* the link was faster than the answer */
			return;
		}
}

void reload_attach_start(struct reload_membership *m, uint32_t cookie,
	const struct reload_destination *list, size_t count, bool send_update, attached_fn fn,
	void *arg)
{
	const struct reload_destination *target = &list[count - 1];
	struct own_attach own;
	struct attempt *a = reload_attempt_new(m, ATTACH_SENT);
	a->cookie = cookie;
	a->fn = fn;
	a->arg = arg;
	if (target->type == RELOAD_DEST_NODE)
		a->node = target->node;
	reload_own_place(m, &own.place);
	reload_own_attach(&own, "passive", send_update);
	a->request =
		reload_request_internal(m->exchange, RELOAD_ATTACH_REQ, list, count, answered, a);
	a->request->skip_closeness_check = m->state != RELOAD_STATE_JOINED;
	reload_request_send(a->request, &own.body);
}

void reload_attach_introduce(struct reload_membership *m, uint32_t link,
	const struct reload_destination *to, reload_request_end_fn done)
{
	struct own_attach own;
	reload_own_place(m, &own.place);
	reload_own_attach(&own, "passive", false);
	struct reload_request *r =
		reload_request_internal(m->exchange, RELOAD_ATTACH_REQ, to, 1, done, m);
	r->over_link = link;
	reload_request_send(r, &own.body);
}
