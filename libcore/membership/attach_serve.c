#include "membership/attempt.h"

/* Answering an Attach: this node connects, unless a link stands or is on its way. */

enum {
	CHECKED_ATTEMPTS_MAX = 32
};

/* What may be dialled for a request, from its arrival until it was answered. */
struct targets {
	size_t count;
	struct reload_link_target at[];
};

static const struct targets *targets_of(const struct reload_incoming *in)
{
	return in->work;
}

/* Why none of the candidates is dialled. */
static const char *no_target(const struct own_place *own, const struct reload_attach *req)
{
	unsigned offered = 0;
	for (size_t i = 0; i < req->candidates_count; i++)
		if (req->candidates[i].overlay_link < 8)
			offered |= RELOAD_LINK_BIT(req->candidates[i].overlay_link);
	return offered & own->types ? "no usable candidate" : "no link type in common";
}

static struct targets *targets_new(const struct own_place *own, const struct reload_attach *req)
{
	struct targets *to = reload_alloc(sizeof(*to) + CANDIDATES_MAX * sizeof(to->at[0]));
	to->count = reload_attach_targets(own, req, to->at, CANDIDATES_MAX);
	return to;
}

static void dial(struct reload_incoming *in)
{
	struct reload_membership *m = in->method->arg;
	const struct targets *to = targets_of(in);
	struct attempt *a = reload_attempt_with(m, &in->signer, NULL);
	if (!in->local)
		reload_claims_add(m, &in->signer, to->at, to->count);
	if (reload_connection_by_node(m->connections, &in->signer) || !to->count || in->local ||
		(a && a->phase == DIALLING) || reload_attempts_count(m) >= ATTEMPTS_MAX ||
		!reload_attempt_may_dial(m, in->cert->fingerprint))
		return; /* several Attaches may have been signed at once: one dials */
	a = reload_attempt_new(m, DIALLING);
	a->node = in->signer;
	memcpy(a->signer, in->cert->fingerprint, sizeof(a->signer));
	a->send_update = in->msg->body.attach.send_update;
	reload_attempt_dial(a, to->at, to->count);
}

/* Whether the link is being checked already, or too many are. */
static bool may_not_check(struct reload_membership *m, uint32_t link)
{
	size_t count = 0;
	struct attempt *a;
	TAILQ_FOREACH (a, &m->attempts, entry) {
		if (a->phase == CHECKING && a->link == link)
			return true;
		count += a->phase == CHECKING;
	}
	return count >= CHECKED_ATTEMPTS_MAX;
}

static void check_timed_out(void *arg)
{
	reload_attempt_free(arg); /* the link stands */
}

/* The link to the sender stands, but the request came by another way. */
static void check(struct reload_incoming *in)
{
	struct reload_membership *m = in->method->arg;
	struct reload_connection *con = reload_connection_by_node(m->connections, &in->signer);
	if (in->local || !con || con->link == in->link || may_not_check(m, con->link))
		return;
	struct attempt *a = reload_attempt_new(m, CHECKING);
	a->node = in->signer;
	a->send_update = in->msg->body.attach.send_update;
	a->link = con->link;
	memcpy(a->signer, in->cert->fingerprint, sizeof(a->signer));
	const struct targets *to = targets_of(in);
	a->to_count = to->count < CHECKED_MAX ? to->count : CHECKED_MAX;
	memcpy(a->to, to->at, a->to_count * sizeof(a->to[0]));
	reload_timer_arm(&m->engine->timers, &a->limit, m->engine->now + reload_attempt_lifetime(m),
		check_timed_out, a);
	reload_link_check(m, con);
}

static void update_only(struct reload_incoming *in)
{
	struct reload_destination to = reload_dest_node(&in->signer);
	reload_update_send(in->method->arg, &in->signer, &to, 1);
}

static void already_linked(struct reload_incoming *in)
{
	check(in);
	if (in->msg->body.attach.send_update)
		update_only(in);
}

static void serve(struct reload_incoming *in)
{
	struct reload_membership *m = in->method->arg;
	const struct reload_attach *req = &in->msg->body.attach;
	bool linked = reload_connection_by_node(m->connections, &in->signer) != NULL;
	struct own_attach own;
	reload_own_place(m, &own.place);
	struct targets *to = targets_new(&own.place, req);
	in->work = to;
	in->work_free = free;
	if (!linked && !to->count) {
		reload_answer_error(in, RELOAD_INVALID_MESSAGE, no_target(&own.place, req));
		return;
	}
	reload_own_attach(&own, "active", false);
	in->on_answer_sent = linked ? already_linked : dial;
	reload_answer(in, RELOAD_ATTACH_ANS, &own.body);
}

void reload_serve_attach(struct reload_incoming *in)
{
	struct reload_membership *m = in->method->arg;
	const char *fault = reload_attach_fault(m, &in->msg->body.attach, "passive");
	if (fault) {
		reload_answer_error(in, RELOAD_INVALID_MESSAGE, fault);
		return;
	}
	if (!in->local && reload_id_eq(&in->signer, &m->engine->self)) {
		reload_answer_error(in, RELOAD_FORBIDDEN, "own Node-ID at the other end");
		return;
	}
	struct reload_connection *over = reload_connection_by_link(m->connections, in->link);
	if (over && over->cert && !in->msg->header.via_list.len &&
		reload_cert_has_node(over->cert, &in->signer) && !over->node.len) {
		reload_link_bind(m->connections, over, &in->signer); /* HDR-16 */
	}
	if (reload_serve_attach_refused(in, NULL))
		return;
	if (reload_attach_by_ice(m))
		reload_serve_attach_by_ice(in);
	else
		serve(in);
}
