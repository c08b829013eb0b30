#include "membership/attempt.h"

/*
 * Attach by ICE (RFC 6940 s6.5.1): each end gathers candidates, sends them in its message, and connects to those of the other end.  The sender
 * of the request is controlling (R-6.5.1.9-01).
 *
 * A link has its number from the moment it gathers; it is closed with its attempt unless it has come up by then.  To gather takes sockets
 * and asks servers, so of another node's requests it is done after all checks that cost nothing, for at most SERVED_MAX at once, and
 * for one certificate as often as this node dials for it.  What has changed meanwhile is checked again before the answer.
 *
 * A node whose link stands sends an Attach over it to say which node it is, or to be sent an Update: it is answered, and no link is made.  When
 * such a request comes by another way, the link is probed; if that fails there will be a new one, which takes its place (heal.c).
 */

enum {
	PROBE_MS = 3000,
	SERVED_MAX = 32
};

static void gather_begin(struct attempt *a, bool controlling)
{
	struct reload_membership *m = a->membership;
	bool can = m->engine->ops->link_gather != NULL;
	a->ice = true;
	a->phase = GATHERING;
	reload_attempt_limit(a, can ? RELOAD_ICE_GATHER_LIMIT_MS : 0);
	if (can)
		a->link = reload_link_gather(m->connections, controlling);
}

void reload_attempt_gather(struct attempt *a)
{
	gather_begin(a, true);
}

/* -- what the other end sent ------------------------------------------------------------------------------------------------ */

/* Returns why nothing can be done with attach, NULL: a->remote is set. */
static const char *remote_set(struct attempt *a, const struct reload_attach *attach)
{
	return reload_ice_end_new(&a->remote, a->membership, attach->ufrag, attach->password,
		attach->candidates, attach->candidates_count);
}

static void connect_to_remote(struct attempt *a)
{
	struct reload_membership *m = a->membership;
	struct reload_ice_end *end = a->remote;
	a->phase = DIALLING;
	reload_attempt_limit(a, reload_attempt_lifetime(m));
	m->engine->ops->link_check(
		m->engine->host, a->link, end->ufrag, end->password, end->candidates, end->count);
}

/* -- an Attach of this node ------------------------------------------------------------------------------------------------- */

static struct reload_attach own_message(
	const struct reload_ice_gathered *found, const char *role, bool send_update)
{
	return (struct reload_attach){ .ufrag = found->ufrag,
		.password = found->password,
		.role = span_str(role),
		.candidates = (struct reload_ice_candidate *)found->candidates,
		.candidates_count = found->count,
		.send_update = send_update };
}

static void ask(struct attempt *a, const struct reload_ice_gathered *found)
{
	struct reload_attach body = own_message(found, "passive", a->send_update);
	a->phase = ATTACH_SENT;
	reload_request_send(a->request, &body);
}

void reload_attempt_ice_answered(struct attempt *a, const struct reload_attach *answer)
{
	struct reload_membership *m = a->membership;
	struct reload_id node = a->node;
	if (reload_id_eq(&node, &m->engine->self) ||
		(reload_connection_by_node(m->connections, &node) && !a->replaces)) {
		reload_attempt_end(a, RELOAD_OK, &node);
		return;
	}
	a->reason = remote_set(a, answer);
	if (a->reason)
		reload_attempt_end(a, RELOAD_BAD_ANSWER, &node);
	else
		connect_to_remote(a);
}

/* -- an Attach of another node ---------------------------------------------------------------------------------------------- */

static void work_free(void *work)
{
	struct attempt *a = work;
	a->in = NULL;
	reload_attempt_free(a);
}

/* The link that stands; it may be another one than the request came over, which the sender knows to be there. */
static const struct reload_connection *unknown_link(
	struct reload_membership *m, const struct reload_incoming *in)
{
	const struct reload_connection *over = reload_connection_by_link(m->connections, in->link),
				       *con = reload_connection_by_node(
					       m->connections, &in->signer);
	return over && reload_id_eq(&over->node, &in->signer) ? NULL : con;
}

static void probed(void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct attempt *a = arg;
	(void)r;
	a->request = NULL;
	if (result->err)
		connect_to_remote(a);
	else
		reload_attempt_free(a);
}

static void probe(struct attempt *a, uint32_t link)
{
	struct reload_membership *m = a->membership;
	struct reload_destination to = reload_dest_node(&a->node);
	struct reload_ping_req ping = { 0 };
	a->phase = PROBING;
	a->request = reload_request_internal(m->exchange, RELOAD_PING_REQ, &to, 1, probed, a);
	a->request->over_link = link;
	a->request->timeout_ms = PROBE_MS;
	reload_request_send(a->request, &ping);
}

static void answer_sent(struct reload_incoming *in)
{
	struct reload_membership *m = in->method->arg;
	struct attempt *a = TAKE(in->work);
	const struct reload_connection *con =
		reload_connection_by_node(m->connections, &in->signer);
	bool update = con && a->send_update;
	a->in = NULL;
	a->replaces = con != NULL;
	if (!a->link || (con && !unknown_link(m, in)))
		reload_attempt_free(a);
	else if (con && con->good)
		probe(a, con->link);
	else
		connect_to_remote(a);
	if (update) {
		struct reload_destination to = reload_dest_node(&in->signer);
		reload_update_send(m, &in->signer, &to, 1);
	}
}

static void answer(struct attempt *a, const struct reload_ice_gathered *found)
{
	struct reload_incoming *in = a->in;
	a->phase = ANSWERING;
	if (reload_serve_attach_refused(in, a))
		return; /* in ends later, and the attempt with it */
	struct reload_attach body = own_message(found, "active", false);
	in->on_answer_sent = answer_sent;
	reload_answer(in, RELOAD_ATTACH_ANS, &body);
}

static size_t served_count(const struct reload_membership *m)
{
	size_t count = 0;
	const struct attempt *a;
	TAILQ_FOREACH (a, &m->attempts, entry)
		count += a->in != NULL;
	return count;
}

/* This node asked whom it is itself: what it offers is all there is to answer. */
static void answer_itself(struct reload_incoming *in)
{
	struct reload_attach body = in->msg->body.attach;
	body.role = span_str("active");
	body.send_update = false;
	reload_answer(in, RELOAD_ATTACH_ANS, &body);
}

void reload_serve_attach_by_ice(struct reload_incoming *in)
{
	struct reload_membership *m = in->method->arg;
	if (in->local) {
		answer_itself(in);
		return;
	}
	if (served_count(m) >= SERVED_MAX || !reload_attempt_may_dial(m, in->cert->fingerprint)) {
		reload_answer_error(in, RELOAD_FORBIDDEN, "too many Attaches are under way");
		return;
	}
	struct attempt *a = reload_attempt_new(m, GATHERING);
	a->served = true;
	a->node = in->signer;
	a->send_update = in->msg->body.attach.send_update;
	memcpy(a->signer, in->cert->fingerprint, sizeof(a->signer));
	const char *fault = remote_set(a, &in->msg->body.attach);
	if (fault) {
		reload_attempt_free(a);
		reload_answer_error(in, RELOAD_INVALID_MESSAGE, fault);
		return;
	}
	a->in = in;
	in->work = a;
	in->work_free = work_free;
	gather_begin(a, false);
}

/* -- what the host reports -------------------------------------------------------------------------------------------------- */

bool reload_attach_gathered(
	struct reload_membership *m, uint32_t link, const struct reload_ice_gathered *found)
{
	struct attempt *a;
	TAILQ_FOREACH (a, &m->attempts, entry)
		if (a->phase == GATHERING && a->link == link)
			break;
	if (!a)
		return false;
	reload_timer_cancel(&m->engine->timers, &a->limit);
	if (!found->count)
		reload_attempt_fail(a, RELOAD_UNREACHABLE, "no candidates were found");
	else if (a->in)
		answer(a, found);
	else
		ask(a, found);
	return true;
}
