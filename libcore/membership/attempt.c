#include "membership/attempt.h"

#include "membership/cached_peers.h"

enum {
	PRIORITY = 2130706431
};

struct attempt *reload_attempt_new(struct reload_membership *m, enum attempt_phase phase)
{
	struct attempt *a = RELOAD_NEW(attempt);
	a->membership = m;
	a->phase = phase;
	TAILQ_INSERT_TAIL(&m->attempts, a, entry);
	return a;
}

static void request_cancel(struct attempt *a)
{
	struct reload_request *r = TAKE(a->request);
	if (!r || a->membership->engine->closing)
		return;
	if (a->phase == GATHERING) {
		reload_request_free(r);
		return;
	}
	r->on_end = NULL;
	reload_request_stop(r);
}

/* By ICE a link has a number, and a socket, long before it is up. */
static void link_abandon(struct attempt *a)
{
	struct reload_connections *c = a->membership->connections;
	if (a->ice && a->link && !reload_connection_by_link(c, a->link))
		reload_link_give_up(c, a->link);
	a->link = 0;
}

void reload_attempt_free(struct attempt *a)
{
	TAILQ_REMOVE(&a->membership->attempts, a, entry);
	reload_timer_cancel(&a->membership->engine->timers, &a->limit);
	request_cancel(a);
	link_abandon(a);
	if (a->in)
		a->in->work = NULL;
	reload_ice_end_free(a->remote);
	free(a);
}

void reload_attempt_end(struct attempt *a, enum reload_err err, const struct reload_id *node)
{
	struct reload_membership *m = a->membership;
	attached_fn fn = a->fn;
	void *arg = a->arg;
	uint32_t cookie = a->cookie;
	struct reload_id other = node ? *node : a->node;
	if (err)
		reload_engine_event(
			m->engine, &(struct reload_event){ .type = RELOAD_EV_ATTACH_FAILED,
					   .err = err,
					   .link = a->down ? a->down : a->link,
					   .node = &other,
					   .reason = a->reason });
	reload_attempt_free(a);
	if (fn)
		fn(m, arg, cookie, err, &other);
}

void reload_attach_clear(struct reload_membership *m)
{
	while (!TAILQ_EMPTY(&m->attempts))
		reload_attempt_free(TAILQ_FIRST(&m->attempts));
	reload_dial_limits_clear(m);
}

size_t reload_attempts_count(struct reload_membership *m)
{
	size_t count = 0;
	struct attempt *a;
	TAILQ_FOREACH (a, &m->attempts, entry)
		count++;
	return count;
}

bool reload_attempt_may_dial(struct reload_membership *m, const uint8_t signer[32])
{
	size_t under_way = 0;
	struct attempt *a;
	TAILQ_FOREACH (a, &m->attempts, entry)
		under_way += (a->phase == DIALLING || a->ice) && a->served &&
			     !memcmp(a->signer, signer, 32);
	return reload_dial_allowed(m, signer, under_way);
}

void reload_attempt_fail(struct attempt *a, enum reload_err err, const char *reason)
{
	struct reload_incoming *in = TAKE(a->in);
	a->reason = reason;
	if (a->request) {
		reload_request_fail(a->request, err, reason); /* ends the attempt */
		return;
	}
	reload_attempt_end(a, err, NULL);
	if (in) {
		in->work = NULL;
		reload_answer_error(in, RELOAD_FORBIDDEN, reason);
	}
}

static void attempt_timed_out(void *arg)
{
	struct attempt *a = arg;
	struct reload_membership *m = a->membership;
	if (a->phase == GATHERING) {
		reload_attempt_fail(a, RELOAD_TIMEOUT, "no candidates were gathered in time");
		return;
	}
	/* close it: when it comes up later, no attempt is left to check the Node-ID at its other end */
	if (a->phase == DIALLING && !a->ice && !reload_connection_by_link(m->connections, a->link))
		reload_link_give_up(m->connections, a->link);
	if (a->phase == DIALLING && a->served)
		reload_dial_failed(m, a->signer);
	a->reason = a->phase == DIALLING ? "no link came up in time"
					 : "the other end did not connect in time";
	reload_attempt_end(a, RELOAD_TIMEOUT, NULL);
}

void reload_attempt_limit(struct attempt *a, reload_ms ms)
{
	struct reload_engine *e = a->membership->engine;
	reload_timer_arm(&e->timers, &a->limit, e->now + ms, attempt_timed_out, a);
}

reload_ms reload_attempt_lifetime(const struct reload_membership *m)
{
	return (reload_ms)m->engine->config->overlay_reliability_timer_ms * RELOAD_TRANSMISSIONS;
}

void reload_attempt_await(struct attempt *a)
{
	link_abandon(a);
	a->phase = AWAITING_LINK;
	reload_attempt_limit(a, reload_attempt_lifetime(a->membership));
}

void reload_attempt_yield(struct attempt *a)
{
	request_cancel(a);
	a->yielded = true;
	reload_attempt_await(a);
}

struct attempt *reload_attempt_with(
	struct reload_membership *m, const struct reload_id *node, const struct attempt *except)
{
	struct attempt *a;
	TAILQ_FOREACH (a, &m->attempts, entry)
		if (a != except && !a->yielded && a->phase != CHECKING &&
			reload_id_eq(&a->node, node))
			return a;
	return NULL;
}

void reload_attempt_dial(struct attempt *a, const struct reload_link_target *to, size_t count)
{
	struct reload_membership *m = a->membership;
	a->phase = DIALLING;
	a->served = true;
	a->to_count = count < CHECKED_MAX ? count : CHECKED_MAX;
	memmove(a->to, to, a->to_count * sizeof(a->to[0]));
	reload_attempt_limit(a, reload_attempt_lifetime(m));
	a->link = reload_link_open(m->connections, to, count);
}

const char *reload_attach_fault(
	const struct reload_membership *m, const struct reload_attach *attach, const char *role)
{
	if (!span_eq(attach->role, span_str(role)))
		return "the role is not the one of this message";
	if (!attach->candidates_count)
		return "no candidates";
	return reload_link_types_fault(m, attach->candidates, attach->candidates_count);
}

void reload_own_attach(struct own_attach *own, const char *role, bool send_update)
{
	static const enum reload_link_type types[TYPES_MAX] = { RELOAD_TLS_TCP_FH_NO_ICE,
		RELOAD_DTLS_UDP_SR_NO_ICE };
	const struct reload_link_target *at = own->place.at;
	size_t candidates = 0;
	for (size_t k = 0; k < TYPES_MAX; k++)
		for (size_t i = 0; i < own->place.count; i++)
			if (at[i].types & RELOAD_LINK_BIT(types[k]))
				own->candidates[candidates++] =
					(struct reload_ice_candidate){ .addr_port = at[i].at,
						.overlay_link = (uint8_t)types[k],
						.foundation = span_str("1"),
						.priority = PRIORITY,
						.type = RELOAD_CAND_HOST };
	own->body = (struct reload_attach){ .role = span_str(role),
		.candidates = own->candidates,
		.candidates_count = candidates,
		.send_update = send_update };
}

/* The place of an address in the list, a new one at its end; max: there is no room. */
static size_t target_at(
	struct reload_link_target *list, size_t *count, size_t max, const struct reload_ip_port *at)
{
	for (size_t i = 0; i < *count; i++)
		if (reload_ip_port_eq(&list[i].at, at))
			return i;
	if (*count < max)
		list[(*count)++] = (struct reload_link_target){ .at = *at };
	else
		return max;
	return *count - 1;
}

size_t reload_attach_targets(const struct own_place *own, const struct reload_attach *req,
	struct reload_link_target *out, size_t max)
{
	size_t count = 0, last = req->candidates_count < RELOAD_ICE_LOOKED_AT
					 ? req->candidates_count
					 : RELOAD_ICE_LOOKED_AT;
	for (size_t i = 0; i < last; i++) {
		const struct reload_ice_candidate *c = &req->candidates[i];
		unsigned type = c->overlay_link < 8 ? RELOAD_LINK_BIT(c->overlay_link) : 0;
		if (!(type & own->types) || c->type != RELOAD_CAND_HOST ||
			reload_ip_port_claim_fault(&c->addr_port, own->loopback))
			continue;
		struct reload_ip_port at = c->addr_port;
		reload_ip_port_unmap(&at);
		size_t place = target_at(out, &count, max, &at);
		if (place < max)
			out[place].types |= (uint8_t)type;
	}
	return count;
}

size_t reload_reach_targets(const struct reload_membership *m,
	const struct reload_ice_candidate *candidates, size_t count, struct reload_link_target *out,
	size_t max)
{
	struct own_place own;
	const struct reload_attach named = {
		.candidates = (struct reload_ice_candidate *)candidates, .candidates_count = count
	};
	reload_own_place(m, &own);
	own.types = RELOAD_LINK_NO_ICE;
	return reload_attach_targets(&own, &named, out, max);
}

static const struct attempt *made_by_ice(struct reload_membership *m, uint32_t link)
{
	const struct attempt *a;
	TAILQ_FOREACH (a, &m->attempts, entry)
		if (a->ice && a->link == link)
			return a;
	return NULL;
}

bool reload_attach_is_ice(struct reload_membership *m, uint32_t link)
{
	return made_by_ice(m, link);
}

bool reload_attach_replaces(struct reload_membership *m, uint32_t link)
{
	const struct attempt *a = made_by_ice(m, link);
	return a && a->replaces;
}

bool reload_attach_expects(struct reload_membership *m, uint32_t link, struct reload_id *node)
{
	struct attempt *a;
	TAILQ_FOREACH (a, &m->attempts, entry)
		if ((a->phase == DIALLING || a->ice) && a->link == link) {
			*node = a->node;
			return true;
		}
	return false;
}

void reload_attach_link_up(struct reload_membership *m, struct reload_connection *con)
{
	struct attempt *a, *next;
	bool update = false;
	for (a = TAILQ_FIRST(&m->attempts); a; a = next) {
		next = TAILQ_NEXT(a, entry);
		bool mine =
			a->phase == DIALLING
				? a->link == con->link
				: a->phase == AWAITING_LINK && con->cert &&
					  reload_cert_has_node(con->cert, &a->node) &&
					  (!con->node.len || reload_id_eq(&con->node, &a->node));
		if (!mine)
			continue;
		if (!con->node.len) {
			reload_link_bind(m->connections, con, &a->node);
		}
		update |= a->phase == DIALLING && a->served && a->send_update;
		if (a->phase == DIALLING && a->served)
			reload_dial_succeeded(m, a->signer);
		if (a->phase == DIALLING && a->to_count == 1) /* of several it is not known which */
			reload_cached_peers_confirm(m, &a->node, &a->to[0].at);
		struct reload_id node = a->node;
		reload_attempt_end(a, RELOAD_OK, &node);
		next = TAILQ_FIRST(&m->attempts); /* the end may have begun or ended others */
	}
	if (update) {
		struct reload_destination to = reload_dest_node(&con->node);
		reload_update_send(m, &con->node, &to, 1); /* R-6.4.2.3-02 */
	}
}

/* The link of an attempt by ICE failed; its number is not used any more. */
static void ice_down(struct attempt *a, enum reload_err err)
{
	struct reload_membership *m = a->membership;
	switch (a->phase) {
	case GATHERING:
	case ATTACH_SENT:
		reload_attempt_fail(a, err, "the gathering of candidates failed");
		break;
	case PROBING:
		reload_attempt_free(a);
		break;
	case DIALLING:
		if (a->served && err != RELOAD_LIMIT) /* this node's own */
			reload_dial_failed(m, a->signer);
		a->reason = "no pair of candidates connects";
		reload_attempt_end(a, err, NULL);
		break;
	case ANSWERING: /* the answer is on its way: then it ends */
	case AWAITING_LINK:
	case CHECKING:
		break;
	}
}

void reload_attach_link_down(struct reload_membership *m, uint32_t link, enum reload_err err)
{
	struct attempt *a;
	TAILQ_FOREACH (a, &m->attempts, entry)
		if (a->link == link && (a->phase == DIALLING || a->phase == CHECKING || a->ice))
			break;
	if (!a)
		return;
	if (a->ice) {
		a->down = a->link;
		a->link = 0;
		ice_down(a, err);
	} else if (a->phase == DIALLING) {
		if (err != RELOAD_LIMIT) /* this node's own */
			reload_dial_failed(m, a->signer);
		reload_attempt_end(a, err, NULL);
	} else if (reload_connection_by_node(m->connections, &a->node) || !a->to_count ||
		   !reload_attempt_may_dial(m, a->signer))
		reload_attempt_free(a);
	else
		reload_attempt_dial(a, a->to, a->to_count);
}
