#include "registrations.h"

#include "log.h"
#include "renewals_internal.h"
#include "rpc.h"

#include "usage/sip.h"

#include <stdlib.h>

struct withdrawal {
	struct agent_registrations *all;
	struct reload_request *request; /* NULL: none is under way */
};

struct agent_registrations {
	struct agent *agent;
	void (*done)(void *arg);
	void *arg;
	struct withdrawal withdrawals[AGENT_WITHDRAW_MAX];
	struct reload_timer limit;
};

size_t agent_registration_list(const struct reload_status *s, struct reload_destination list[2])
{
	size_t n = 0;
	if (s->role == RELOAD_ROLE_CLIENT && s->admitting_peer.len) /* RFC 6940 s4.2.1 */
		list[n++] = reload_dest_node(&s->admitting_peer);
	list[n++] = reload_dest_node(&s->node);
	return n;
}

static bool is_registration(const struct renewal *v, const struct reload_id *self)
{
	return v->kind == RELOAD_KIND_SIP_REGISTRATION &&
	       span_eq(v->value.key, reload_id_span(self));
}

/* Stores the registration again when it is a route that is not the present one. */
static bool follow(struct agent_renewals *k, const struct renewal *v, const struct reload_status *s)
{
	struct reload_arena arena = { 0 };
	struct wire_ctx ctx = reload_config_wire_ctx(reload_peer_config(k->agent->peer));
	struct reload_sip_registration r;
	struct reload_destination list[2];
	struct wr w;
	ctx.arena = &arena;
	wr_init(&w);
	bool other = !reload_sip_registration_read(&r, v->value.value, &ctx, NULL) &&
		     r.type == RELOAD_SIP_ROUTE;
	if (other) {
		size_t count = agent_registration_list(s, list);
		reload_sip_route(&w, &ctx, list, count, r.contact_prefs);
		other = !w.err && !span_eq(wr_done(&w), v->value.value);
	}
	if (other) {
		struct reload_stored_value value = v->value;
		struct bytes key = bytes_copy(v->value.key);
		char *name = v->name ? reload_strdup(v->name) : NULL;
		value.key = bytes_span(key);
		value.value = wr_done(&w);
		struct agent_renewal_place place = { v->resource, v->kind, &value };
		agent_renewals_begin(k, &place, name, v->lifetime_s); /* frees v */
		free(name);
		bytes_free(&key);
	}
	wr_clear(&w);
	reload_arena_clear(&arena);
	return other;
}

static struct renewal *first_registration(struct agent_renewals *k, const struct reload_id *self)
{
	struct renewal *v = TAILQ_FIRST(&k->values);
	while (v && !is_registration(v, self))
		v = TAILQ_NEXT(v, entry);
	return v;
}

static void drop_all(void *arg)
{
	struct agent *agent = arg;
	struct agent_renewals *k = agent_renewals(agent);
	struct renewal *v;
	while ((v = first_registration(k, &agent->credentials->node))) {
		struct agent_renewal_place place = { .resource = v->resource, .kind = v->kind };
		(void)agent_renewals_drop(k, &place);
	}
	renewals_dirty(k);
}

/* With --pseudonym the node is not registered any more, if it was before. */
static void end_all(struct agent *agent, struct agent_renewals *k, const struct reload_id *self)
{
	if (first_registration(k, self) && !agent_registrations_withdraw(agent, drop_all, agent))
		drop_all(agent);
}

void agent_registrations_state(struct agent *agent, const struct reload_status *s)
{
	struct agent_renewals *k = agent_renewals(agent);
	if (s->state != RELOAD_STATE_JOINED || agent->withdrawing)
		return;
	if (agent->pseudonym) {
		end_all(agent, k, &s->node);
		return;
	}
	for (struct renewal *v = TAILQ_FIRST(&k->values), *next; v; v = next) {
		next = TAILQ_NEXT(v, entry);
		if (is_registration(v, &s->node) && follow(k, v, s))
			renewals_dirty(k);
	}
}

/* -- leaving -------------------------------------------------------------------------------------------------------------- */

static void withdraw_free(struct agent_registrations *r)
{
	struct agent *agent = r->agent;
	for (size_t i = 0; i < COUNT_OF(r->withdrawals); i++)
		reload_request_cancel(agent->peer, r->withdrawals[i].request);
	reload_timer_cancel(reload_poll_timers(agent->poll), &r->limit);
	agent->rpc->registrations = NULL;
	agent->withdrawing = false;
	free(r);
}

void agent_registrations_withdraw_end(struct agent *agent)
{
	if (agent->rpc && agent->rpc->registrations)
		withdraw_free(agent->rpc->registrations);
}

static void withdraw_done(void *arg)
{
	struct agent_registrations *r = arg;
	void (*done)(void *) = r->done;
	void *done_arg = r->arg;
	withdraw_free(r);
	done(done_arg);
}

static size_t running(const struct agent_registrations *r)
{
	size_t count = 0;
	for (size_t i = 0; i < COUNT_OF(r->withdrawals); i++)
		count += r->withdrawals[i].request != NULL;
	return count;
}

/* Called by the engine, so what comes next waits until it has returned. */
static void removed(void *arg, const struct reload_result *result)
{
	struct withdrawal *w = arg;
	struct agent_registrations *r = w->all;
	w->request = NULL;
	if (result->err)
		agent_log(r->agent->log, "storage", RELOAD_LEVEL_WARN,
			"a registration was not removed: %s", reload_err_text(result->err));
	if (!running(r))
		reload_timer_arm(reload_poll_timers(r->agent->poll), &r->limit, reload_poll_now(),
			withdraw_done, r);
}

bool agent_registrations_withdraw(struct agent *agent, void (*done)(void *arg), void *arg)
{
	struct reload_status s;
	struct renewal *v;
	size_t count = 0;
	reload_peer_status(agent->peer, &s);
	if (s.state != RELOAD_STATE_JOINED || !agent->rpc || agent->rpc->registrations)
		return false;
	struct agent_renewals *k = agent_renewals(agent);
	struct agent_registrations *r = RELOAD_NEW(agent_registrations);
	*r = (struct agent_registrations){ .agent = agent, .done = done, .arg = arg };
	agent->rpc->registrations = r;
	agent->withdrawing = true;
	TAILQ_FOREACH (v, &k->values, entry) {
		if (count == COUNT_OF(r->withdrawals) || !is_registration(v, &s.node) ||
			v->superseded)
			continue;
		struct withdrawal *w = &r->withdrawals[count++];
		w->all = r;
		w->request = renewal_withdraw(v, removed, w);
	}
	if (!running(r)) {
		withdraw_free(r);
		return false;
	}
	reload_timer_arm(reload_poll_timers(agent->poll), &r->limit,
		reload_poll_now() + AGENT_WITHDRAW_MS, withdraw_done, r);
	return true;
}
