#include "membership/attempt.h"

/* Asking for a link by an Attach. */

/* LINK-11: the Attach is completed by the other direction, also when it was asked for by a Resource-ID. */
static void in_progress(struct attempt *a, const struct reload_id *responder)
{
	a->node = *responder;
	a->yielded = true;
	if (reload_connection_by_node(a->membership->connections, &a->node))
		reload_attempt_end(a, RELOAD_OK, responder);
	else
		reload_attempt_await(a);
}

/* The other end dials. */
static void await_link(struct attempt *a, const struct reload_attach *answer)
{
	struct reload_membership *m = a->membership;
	struct own_place own;
	struct reload_link_target to[CANDIDATES_MAX];
	reload_own_place(m, &own);
	reload_claims_add(m, &a->node, to, reload_attach_targets(&own, answer, to, CANDIDATES_MAX));
	struct reload_connection *con = reload_connection_by_node(m->connections, &a->node);
	if (reload_id_eq(&a->node, &m->engine->self) || con) {
		struct reload_id node = a->node;
		reload_attempt_end(a, RELOAD_OK, &node);
		return;
	}
	reload_attempt_await(a);
	for (con = NULL; (con = reload_connection_next(m->connections, con));)
		if (!con->node.len && con->cert && reload_cert_has_node(con->cert, &a->node)) {
			reload_attach_link_up(m, con); /* the link was faster than the answer */
			return;
		}
}

static void answered(void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct attempt *a = arg;
	struct reload_membership *m = a->membership;
	(void)r;
	a->request = NULL;
	if (result->err == RELOAD_IN_PROGRESS) {
		in_progress(a, &result->responder);
		return;
	}
	if (result->err) {
		if (!a->reason)
			a->reason = result->reason;
		reload_attempt_end(a, result->err, NULL);
		return;
	}
	const struct reload_attach *ans = &result->answer->body.attach;
	a->reason = reload_attach_fault(m, ans, "active");
	if (a->reason) {
		reload_attempt_end(a, RELOAD_BAD_ANSWER, &result->responder);
		return;
	}
	a->node = result->responder;
	if (a->ice)
		reload_attempt_ice_answered(a, ans);
	else
		await_link(a, ans);
}

/* Sends the request of an attempt, by ICE once there are candidates. */
static void attach_begin(struct attempt *a)
{
	struct own_attach own;
	if (reload_attach_by_ice(a->membership)) {
		reload_attempt_gather(a);
		return;
	}
	reload_own_place(a->membership, &own.place);
	reload_own_attach(&own, "passive", a->send_update);
	reload_request_send(a->request, &own.body);
}

static struct attempt *attach_new(struct reload_membership *m,
	const struct reload_destination *list, size_t count, attached_fn fn)
{
	const struct reload_destination *target = &list[count - 1];
	struct attempt *a = reload_attempt_new(m, ATTACH_SENT);
	a->fn = fn;
	if (target->type == RELOAD_DEST_NODE)
		a->node = target->node;
	a->request =
		reload_request_internal(m->exchange, RELOAD_ATTACH_REQ, list, count, answered, a);
	a->request->skip_closeness_check = m->state != RELOAD_STATE_JOINED;
	return a;
}

void reload_attach_start(struct reload_membership *m, uint32_t cookie,
	const struct reload_destination *list, size_t count, bool send_update, attached_fn fn,
	void *arg)
{
	struct attempt *a = attach_new(m, list, count, fn);
	a->cookie = cookie;
	a->arg = arg;
	a->send_update = send_update;
	attach_begin(a);
}

void reload_attach_replace(struct reload_membership *m, const struct reload_destination *list,
	size_t count, reload_ms ms, attached_fn fn)
{
	struct attempt *a = attach_new(m, list, count, fn);
	a->replaces = true;
	a->request->timeout_ms = ms;
	attach_begin(a);
}

static void introduced(void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct attempt *a = arg;
	struct reload_membership *m = a->membership;
	reload_request_end_fn done = a->introduced;
	a->request = NULL;
	reload_attempt_free(a);
	done(m, r, result);
}

void reload_attach_introduce(struct reload_membership *m, uint32_t link,
	const struct reload_destination *to, reload_request_end_fn done)
{
	struct attempt *a = reload_attempt_new(m, ATTACH_SENT);
	a->introduced = done;
	a->request = reload_request_internal(m->exchange, RELOAD_ATTACH_REQ, to, 1, introduced, a);
	a->request->over_link = link;
	attach_begin(a);
}
