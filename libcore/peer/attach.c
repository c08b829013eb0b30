#include "peer/internal.h"

/*
 * Attach without ICE (RFC 6940 s6.5.1): who sends the request listens, who answers connects.
 *
 *   as requester: asked -> answered, link awaited -> up | failed
 *   as answerer:  answered -> (checking) -> dialling -> up | failed
 *
 * An Attach is an attempt in p->attempts, at most one per direction and node.  A link to the other node that stands
 * already is a success at once, and no second one is made (R-6.5.1.12-01).  Who asks for one by another way may have lost
 * it without this node's knowledge: it is checked, and when it fails this node dials.  Limits: an attempt ends after the request
 * lifetime; beyond ATTEMPTS_MAX new ones are refused.
 */

enum {
	ATTEMPTS_MAX = 512,
	CANDIDATES_MAX = 8,
	CHECKED_MAX = 2,
	CHECKED_ATTEMPTS_MAX = 32,
	PRIORITY = 2130706431
};

enum attempt_phase {
	ASKED,
	AWAITING_LINK,
	CHECKING,
	DIALLING
};

struct attempt {
	TAILQ_ENTRY(attempt) entry;
	struct reload_peer *peer;
	enum attempt_phase phase;
	struct reload_id node; /* len 0: an Attach to a Resource-ID that is not answered yet */
	bool yielded;          /* AWAITING_LINK: the other's Attach makes the link */
	uint32_t link;         /* DIALLING; CHECKING: the one that stands */
	struct reload_ip_port to[CHECKED_MAX]; /* CHECKING, DIALLING: the first of them */
	size_t to_count;
	uint8_t signer[32]; /* CHECKING, DIALLING: fingerprint of the certificate of who asked */
	bool send_update;   /* DIALLING: the other asked for an Update */
	struct reload_request *request; /* ASKED */
	struct reload_timer limit;
	uint32_t cookie;
	attached_fn fn;
	void *arg;
};

static struct attempt *attempt_new(struct reload_peer *p, enum attempt_phase phase)
{
	struct attempt *a = RELOAD_NEW(attempt);
	a->peer = p;
	a->phase = phase;
	TAILQ_INSERT_TAIL(&p->attempts, a, entry);
	return a;
}

static void attempt_free(struct attempt *a)
{
	TAILQ_REMOVE(&a->peer->attempts, a, entry);
	reload_timer_cancel(&a->peer->engine->timers, &a->limit);
	free(a);
}

static void attempt_end(struct attempt *a, enum reload_err err, const struct reload_id *node)
{
	struct reload_peer *p = a->peer;
	attached_fn fn = a->fn;
	void *arg = a->arg;
	uint32_t cookie = a->cookie;
	struct reload_id other = node ? *node : a->node;
	if (err)
		reload_engine_event(p->engine,
			&(struct reload_event){
				.type = RELOAD_EV_ATTACH_FAILED, .err = err, .node = &other });
	attempt_free(a);
	if (fn)
		fn(p, arg, cookie, err, &other);
}

void reload_attach_clear(struct reload_peer *p)
{
	while (!TAILQ_EMPTY(&p->attempts))
		attempt_free(TAILQ_FIRST(&p->attempts));
	reload_dialled_clear(p);
}

static size_t attempts_count(struct reload_peer *p)
{
	size_t count = 0;
	struct attempt *a;
	TAILQ_FOREACH (a, &p->attempts, entry)
		count++;
	return count;
}

/* Whether an Attach with this certificate may make this node dial. */
static bool may_dial(struct reload_peer *p, const uint8_t signer[32])
{
	size_t under_way = 0;
	struct attempt *a;
	TAILQ_FOREACH (a, &p->attempts, entry)
		under_way += a->phase == DIALLING && !memcmp(a->signer, signer, 32);
	return reload_dialled_may(p, signer, under_way);
}

static void attempt_late(void *arg)
{
	struct attempt *a = arg;
	struct reload_peer *p = a->peer;
	/* nobody would ask what is at the other end when it comes up later */
	if (a->phase == DIALLING && !reload_connection_by_link(p->connections, a->link))
		reload_link_give_up(p->connections, a->link);
	if (a->phase == DIALLING)
		reload_dialled_failed(p, a->signer);
	attempt_end(a, RELOAD_TIMEOUT, NULL);
}

static reload_ms lifetime(const struct reload_peer *p)
{
	return (reload_ms)p->engine->config->overlay_reliability_timer_ms * RELOAD_TRANSMISSIONS;
}

/* The other end answers, or goes on with an Attach of its own: it will connect. */
static void await_link(struct attempt *a)
{
	struct reload_peer *p = a->peer;
	a->phase = AWAITING_LINK;
	reload_timer_arm(
		&p->engine->timers, &a->limit, p->engine->now + lifetime(p), attempt_late, a);
}

/* This node's side of an Attach: where it listens (LINK-12, LINK-13). */
struct own_attach {
	struct reload_ip_port addresses[CANDIDATES_MAX];
	struct reload_ice_candidate candidates[CANDIDATES_MAX];
	struct reload_attach body;
};

static void own_attach(
	struct reload_peer *p, struct own_attach *own, const char *role, bool send_update)
{
	size_t count = p->engine->ops->addresses(p->engine->host, own->addresses, CANDIDATES_MAX);
	for (size_t i = 0; i < count; i++)
		own->candidates[i] = (struct reload_ice_candidate){ .addr_port = own->addresses[i],
			.overlay_link = RELOAD_TLS_TCP_FH_NO_ICE,
			.foundation = span_str("1"),
			.priority = PRIORITY,
			.type = RELOAD_CAND_HOST };
	own->body = (struct reload_attach){ .role = span_str(role),
		.candidates = own->candidates,
		.candidates_count = count,
		.send_update = send_update };
}

static size_t addresses_of(const struct reload_attach *req, struct reload_ip_port *out, size_t max)
{
	size_t count = 0;
	for (size_t i = 0; i < req->candidates_count && count < max; i++) {
		const struct reload_ice_candidate *c = &req->candidates[i];
		if (c->overlay_link == RELOAD_TLS_TCP_FH_NO_ICE && c->type == RELOAD_CAND_HOST &&
			!reload_ip_port_fault(&c->addr_port))
			out[count++] = c->addr_port;
	}
	return count;
}

/* -- requester ------------------------------------------------------------------------------------------------------------------ */

static void answered(void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct attempt *a = arg;
	struct reload_peer *p = a->peer;
	(void)r;
	a->request = NULL;
	if (result->err == RELOAD_IN_PROGRESS) {
		/* LINK-11: completed by the other direction, also when it was asked for by a Resource-ID */
		a->node = result->responder;
		a->yielded = true;
		if (reload_connection_by_node(p->connections, &a->node))
			attempt_end(a, RELOAD_OK, &result->responder);
		else
			await_link(a);
		return;
	}
	if (result->err) {
		attempt_end(a, result->err, NULL);
		return;
	}
	const struct reload_attach *ans = &result->answer->body.attach;
	if (!span_eq(ans->role, span_str("active")) || !ans->candidates_count) {
		attempt_end(a, RELOAD_BAD_ANSWER, &result->responder);
		return;
	}
	a->node = result->responder;
	struct reload_ip_port addresses[CANDIDATES_MAX];
	reload_claims_heard(p, &a->node, addresses, addresses_of(ans, addresses, CANDIDATES_MAX));
	struct reload_connection *con = reload_connection_by_node(p->connections, &a->node);
	if (reload_id_eq(&a->node, &p->engine->self) || con) {
		attempt_end(a, RELOAD_OK, &result->responder);
		return;
	}
	await_link(a);
	for (con = NULL; (con = reload_connection_next(p->connections, con));)
		if (!con->node.len && reload_cert_has_node(con->cert, &a->node)) {
			reload_attach_link_up(p, con); /* the link was faster than the answer */
			return;
		}
}

void reload_attach_start(struct reload_peer *p, uint32_t cookie,
	const struct reload_destination *list, size_t count, bool send_update, attached_fn fn,
	void *arg)
{
	const struct reload_destination *target = &list[count - 1];
	struct own_attach own;
	struct attempt *a = attempt_new(p, ASKED);
	a->cookie = cookie;
	a->fn = fn;
	a->arg = arg;
	if (target->type == RELOAD_DEST_NODE)
		a->node = target->node;
	own_attach(p, &own, "passive", send_update);
	a->request = reload_request_own(p->exchange, RELOAD_ATTACH_REQ, list, count, answered, a);
	a->request->exempt = p->life.state != RELOAD_STATE_JOINED;
	reload_request_send(a->request, &own.body);
}

void reload_attach_introduce(struct reload_peer *p, uint32_t link,
	const struct reload_destination *to, reload_own_fn done)
{
	struct own_attach own;
	own_attach(p, &own, "passive", false);
	struct reload_request *r =
		reload_request_own(p->exchange, RELOAD_ATTACH_REQ, to, 1, done, p);
	r->over_link = link;
	reload_request_send(r, &own.body);
}

/* -- answerer --------------------------------------------------------------------------------------------------------------------- */

static const char *attach_fault(const struct reload_peer *p, const struct reload_attach *req)
{
	if (!span_eq(req->role, span_str("passive")))
		return "role is not passive";
	if (!req->candidates_count)
		return "no candidates";
	for (size_t i = 0; i < req->candidates_count; i++) {
		bool ice = req->candidates[i].overlay_link == RELOAD_DTLS_UDP_SR;
		if (ice == p->engine->config->no_ice)
			return "ICE and No-ICE do not mix"; /* R-6.5.1.1-04, R-6.5.1.5-02 */
	}
	return NULL;
}

/* One that has not yielded; beside one that has, the other's may be under way. */
static struct attempt *attempt_with(struct reload_peer *p, const struct reload_id *node)
{
	struct attempt *a;
	TAILQ_FOREACH (a, &p->attempts, entry)
		if (!a->yielded && a->phase != CHECKING && reload_id_eq(&a->node, node))
			return a;
	return NULL;
}

/* RFC 6940 s6.5.1.2: both ends asked at once.  True: this request is to be answered with Error_In_Progress. */
static bool tie_lost_by_sender(struct reload_peer *p, const struct reload_id *sender)
{
	struct attempt *a = attempt_with(p, sender);
	if (!a)
		return false;
	if (a->phase != ASKED)
		return true; /* a link is on its way */
	if (reload_id_cmp(&p->engine->self, sender) > 0)
		return true;
	struct reload_request *r = TAKE(a->request);
	r->own = NULL; /* yield: no further copies of the own request */
	reload_request_stop(r);
	a->yielded = true;
	await_link(a);
	return false;
}

static void attempt_dial(struct attempt *a, const struct reload_ip_port *to, size_t count)
{
	struct reload_peer *p = a->peer;
	a->phase = DIALLING;
	a->to_count = count < CHECKED_MAX ? count : CHECKED_MAX;
	memmove(a->to, to, a->to_count * sizeof(a->to[0]));
	reload_timer_arm(
		&p->engine->timers, &a->limit, p->engine->now + lifetime(p), attempt_late, a);
	a->link = reload_link_open(p->connections, to, count);
}

static void dial(struct reload_incoming *in)
{
	struct reload_peer *p = in->method->arg;
	const struct reload_attach *req = &in->msg->body.attach;
	struct reload_ip_port addresses[CANDIDATES_MAX];
	size_t count = addresses_of(req, addresses, CANDIDATES_MAX);
	struct attempt *a = attempt_with(p, &in->signer);
	if (!in->local)
		reload_claims_heard(p, &in->signer, addresses, count);
	if (reload_connection_by_node(p->connections, &in->signer) || !count || in->local ||
		(a && a->phase == DIALLING) || attempts_count(p) >= ATTEMPTS_MAX ||
		!may_dial(p, in->cert->fingerprint))
		return; /* several Attaches may have been signed at once: one dials */
	a = attempt_new(p, DIALLING);
	a->node = in->signer;
	memcpy(a->signer, in->cert->fingerprint, sizeof(a->signer));
	a->send_update = req->send_update;
	attempt_dial(a, addresses, count);
}

/* Whether nothing is to be dialled for the sender now; an own Attach to it that goes on is told of in another way. */
static bool paused(struct reload_incoming *in)
{
	struct reload_peer *p = in->method->arg;
	if (in->local || may_dial(p, in->cert->fingerprint))
		return false;
	const struct attempt *a = attempt_with(p, &in->signer);
	return !a || (a->phase == ASKED && reload_id_cmp(&p->engine->self, &in->signer) < 0);
}

/* Whether the link is being checked already, or too many are. */
static bool checks_enough(struct reload_peer *p, uint32_t link)
{
	size_t count = 0;
	struct attempt *a;
	TAILQ_FOREACH (a, &p->attempts, entry) {
		if (a->phase == CHECKING && a->link == link)
			return true;
		count += a->phase == CHECKING;
	}
	return count >= CHECKED_ATTEMPTS_MAX;
}

static void check_late(void *arg)
{
	attempt_free(arg); /* the link stands */
}

/* The link to the sender stands, but the request came by another way. */
static void check(struct reload_incoming *in)
{
	struct reload_peer *p = in->method->arg;
	struct reload_connection *con = reload_connection_by_node(p->connections, &in->signer);
	if (in->local || !con || con->link == in->link || checks_enough(p, con->link))
		return;
	struct attempt *a = attempt_new(p, CHECKING);
	a->node = in->signer;
	a->send_update = in->msg->body.attach.send_update;
	a->link = con->link;
	memcpy(a->signer, in->cert->fingerprint, sizeof(a->signer));
	a->to_count = addresses_of(&in->msg->body.attach, a->to, CHECKED_MAX);
	reload_timer_arm(
		&p->engine->timers, &a->limit, p->engine->now + lifetime(p), check_late, a);
	reload_link_check(p, con);
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

void reload_serve_attach(struct reload_incoming *in)
{
	struct reload_peer *p = in->method->arg;
	const struct reload_attach *req = &in->msg->body.attach;
	struct reload_ip_port addresses[CANDIDATES_MAX];
	const char *fault = attach_fault(p, req);
	if (fault) {
		reload_answer_error(in, RELOAD_INVALID_MESSAGE, fault);
		return;
	}
	if (!in->local && reload_id_eq(&in->signer, &p->engine->self)) {
		reload_answer_error(in, RELOAD_FORBIDDEN, "own Node-ID at the other end");
		return;
	}
	struct reload_connection *over = reload_connection_by_link(p->connections, in->link);
	if (over && !in->msg->header.via_list.len &&
		reload_cert_has_node(over->cert, &in->signer) && !over->node.len) {
		reload_link_bind(p->connections, over, &in->signer); /* HDR-16 */
	}
	bool linked = reload_connection_by_node(p->connections, &in->signer) != NULL;
	if (!linked && paused(in)) {
		reload_answer_error(
			in, RELOAD_FORBIDDEN, "nobody was at the addresses named before, wait");
		return;
	}
	if (!linked && tie_lost_by_sender(p, &in->signer)) {
		reload_answer_error(in, RELOAD_IN_PROGRESS, "an Attach between us is under way");
		return;
	}
	if (!linked && (p->connections->count + attempts_count(p) >= p->connections->max ||
			       attempts_count(p) >= ATTEMPTS_MAX)) {
		reload_answer_error(in, RELOAD_FORBIDDEN, "too many links"); /* R-6.5.1.2-06 */
		return;
	}
	if (!linked && !addresses_of(req, addresses, CANDIDATES_MAX)) {
		reload_answer_error(in, RELOAD_INVALID_MESSAGE, "no usable candidate");
		return;
	}
	struct own_attach own;
	own_attach(p, &own, "active", false);
	in->after = linked ? already_linked : dial;
	reload_answer(in, RELOAD_ATTACH_ANS, &own.body);
}

void reload_serve_app_attach(struct reload_incoming *in)
{
	reload_answer_error(in, RELOAD_NOT_FOUND, "no such application here"); /* R-6.5.2-05 */
}

/* -- links --------------------------------------------------------------------------------------------------------------------------- */

bool reload_attach_expects(struct reload_peer *p, uint32_t link, struct reload_id *node)
{
	struct attempt *a;
	TAILQ_FOREACH (a, &p->attempts, entry)
		if (a->phase == DIALLING && a->link == link) {
			*node = a->node;
			return true;
		}
	return false;
}

void reload_attach_link_up(struct reload_peer *p, struct reload_connection *con)
{
	struct attempt *a, *next;
	bool update = false;
	for (a = TAILQ_FIRST(&p->attempts); a; a = next) {
		next = TAILQ_NEXT(a, entry);
		bool mine =
			a->phase == DIALLING
				? a->link == con->link
				: a->phase == AWAITING_LINK &&
					  reload_cert_has_node(con->cert, &a->node) &&
					  (!con->node.len || reload_id_eq(&con->node, &a->node));
		if (!mine)
			continue;
		if (!con->node.len) {
			reload_link_bind(p->connections, con, &a->node);
		}
		update |= a->phase == DIALLING && a->send_update;
		if (a->phase == DIALLING)
			reload_dialled_reached(p, a->signer);
		if (a->phase == DIALLING && a->to_count == 1) /* of several it is not known which */
			reload_bootstrap_proven(p, &a->node, &a->to[0]);
		struct reload_id node = a->node;
		attempt_end(a, RELOAD_OK, &node);
		next = TAILQ_FIRST(&p->attempts); /* the end may have begun or ended others */
	}
	if (update) {
		struct reload_destination to = reload_dest_node(&con->node);
		reload_update_send(p, &con->node, &to, 1); /* R-6.4.2.3-02 */
	}
}

void reload_attach_link_down(struct reload_peer *p, uint32_t link, enum reload_err err)
{
	struct attempt *a;
	TAILQ_FOREACH (a, &p->attempts, entry)
		if (a->link == link && (a->phase == DIALLING || a->phase == CHECKING))
			break;
	if (!a)
		return;
	if (a->phase == DIALLING) {
		if (err != RELOAD_LIMIT) /* this node's own */
			reload_dialled_failed(p, a->signer);
		attempt_end(a, err, NULL);
	} else if (reload_connection_by_node(p->connections, &a->node) || !a->to_count ||
		   !may_dial(p, a->signer))
		attempt_free(a);
	else
		attempt_dial(a, a->to, a->to_count);
}
