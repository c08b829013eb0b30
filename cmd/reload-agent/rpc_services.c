/* service.register, service.remove: services that this agent offers by ReDiR (RFC 7374). */
#include "rpc_request.h"

#include "common/output.h"
#include "redir.h"
#include "renewals.h"
#include "services.h"

#include <stdio.h>
#include <stdlib.h>

struct service_request {
	struct agent_request base;
	struct agent_service *service; /* whose end is waited for */
};

static void unwait(struct agent_request *q)
{
	struct agent_service *v = ((struct service_request *)q)->service;
	if (v)
		agent_service_unwait(v);
}

static struct service_request *request_new(struct agent *agent, struct reload_rpc_call *call)
{
	struct service_request *q = RELOAD_NEW(service_request);
	q->base.agent = agent;
	q->base.call = call;
	q->base.config = reload_config_ref(reload_peer_config(agent->peer));
	q->base.clear = unwait;
	return q;
}

static void finish(struct service_request *q, json_t *result, const struct reload_failure *f)
{
	q->service = NULL;
	if (result)
		(void)agent_request_reply(&q->base, result);
	else
		(void)agent_request_refuse(&q->base, f);
}

/* Writes the table; that it cannot be written is in the log. */
static void save_later(struct agent *agent)
{
	agent_renewals_changed(agent_renewals(agent));
}

static json_t *places_json(
	const struct agent *agent, const char *name, uint32_t branching, uint32_t levels)
{
	const struct reload_id *node = &agent->credentials->node;
	json_t *list = json_array();
	for (unsigned level = 0; level < RELOAD_REDIR_LEVELS; level++)
		if (levels & 1u << level)
			json_array_append_new(
				list, agent_redir_place_json(agent, name,
					      reload_redir_place(node, branching, level)));
	return list;
}

static json_t *registered_json(const struct agent *agent, const struct agent_service_report *r,
	uint32_t branching, bool dry_run)
{
	const struct reload_redir_registration *round = r->round;
	return json_pack("{s:s, s:I, s:o, s:I, s:o, s:I, s:I, s:o, s:o, s:b}", "service", r->name,
		"lifetime_s", (json_int_t)r->lifetime_s, "node_id",
		json_of_id(&agent->credentials->node), "branching_factor", (json_int_t)branching,
		"places", places_json(agent, r->name, branching, round->stored), "fetches",
		(json_int_t)round->fetches, "stores", (json_int_t)round->stores, "next",
		r->next ? cli_json_time(r->next) : json_null(), "last_error",
		json_of_text(round->incomplete ? reload_err_text(round->err) : NULL), "dry_run",
		(int)dry_run);
}

static void explain(struct reload_failure *f, enum reload_err err, const char *what,
	const char *name, const struct agent *agent)
{
	char text[256];
	f->err = err;
	snprintf(text, sizeof(text), "%s %.120s", what, name);
	reload_error_explain(&f->why, err, text, "%s",
		err == RELOAD_EXISTS ? "that is under way for somebody else"
				     : reload_err_text(err));
	if (err == RELOAD_NOT_JOINED)
		reload_error_advise(&f->why, "reload-join -a %s", agent->instance);
	else if (err == RELOAD_DATA_TOO_LARGE)
		reload_error_advise(&f->why,
			"reload-enroll config show %s: max-count of REDIR is the number of "
			"providers of a tree node",
			reload_peer_config(agent->peer)->instance_name);
	else
		reload_error_advise(&f->why, "reload-store -a %s --list-kept", agent->instance);
}

/* A service of which nothing could be stored is not kept. */
static void registered(void *arg, struct agent_service *v)
{
	struct service_request *q = arg;
	struct agent *agent = q->base.agent;
	struct agent_service_report r = agent_service_report(v);
	struct reload_failure f = { 0 };
	if (r.round->stored) {
		finish(q, registered_json(agent, &r, r.round->branching, false), NULL);
		return;
	}
	explain(&f, r.round->err, "cannot register", r.name, agent);
	agent_service_drop(v);
	save_later(agent);
	finish(q, NULL, &f);
}

static enum reload_rpc_end dry_register(
	struct service_request *q, const char *name, uint32_t lifetime)
{
	struct reload_redir_registration round;
	struct agent *agent = q->base.agent;
	uint32_t branching =
		reload_config_kind(q->base.config, RELOAD_KIND_REDIR)->branching_factor;
	reload_redir_register(&round, &agent->credentials->node, branching, RELOAD_REDIR_START);
	round.stored = (1u << (round.start + 1)) - 1;
	struct agent_service_report r = { .name = name, .lifetime_s = lifetime, .round = &round };
	return agent_request_reply(&q->base, registered_json(agent, &r, branching, true));
}

static enum reload_err check_register(
	struct agent *agent, const char *name, struct reload_error_text *why)
{
	enum reload_err err = agent_services_room(agent_services(agent), name, why);
	return err ? err : agent_renewals_writable(agent_renewals(agent), why);
}

enum reload_rpc_end rpc_service_register(
	void *arg, struct reload_rpc_call *call, const json_t *params)
{
	struct agent *agent = arg;
	struct service_request *q = request_new(agent, call);
	struct reload_failure f = { 0 };
	const char *name = param_text(params, "service", "");
	uint32_t lifetime = (uint32_t)param_int(params, "lifetime_s", RELOAD_REDIR_LIFETIME_S);
	f.err = check_register(agent, name, &f.why);
	if (f.err)
		return agent_request_refuse(&q->base, &f);
	if (param_bool(params, "dry_run", false))
		return dry_register(q, name, lifetime);
	bool known = agent_service_find(agent_services(agent), name) != NULL;
	struct agent_service *v = agent_service_put(agent_services(agent), name, lifetime);
	q->service = v;
	enum reload_err err = agent_service_register(v, registered, q);
	if (err) {
		explain(&f, err, "cannot register", name, agent);
		q->service = NULL;
		if (!known)
			agent_service_drop(v);
		return agent_request_refuse(&q->base, &f);
	}
	save_later(agent);
	return agent_request_pend(&q->base);
}

/* -- removal ------------------------------------------------------------------------------------------------------------- */

static json_t *removed_json(const char *name, unsigned removed, unsigned failed, bool dry_run)
{
	return json_pack("{s:s, s:i, s:i, s:b}", "service", name, "removed", (int)removed, "failed",
		(int)failed, "dry_run", (int)dry_run);
}

static void removed(void *arg, struct agent_service *v)
{
	struct agent_service_report r = agent_service_report(v);
	finish(arg, removed_json(r.name, r.removed, r.not_removed, false), NULL);
}

enum reload_rpc_end rpc_service_remove(
	void *arg, struct reload_rpc_call *call, const json_t *params)
{
	struct agent *agent = arg;
	struct service_request *q = request_new(agent, call);
	struct reload_failure f = { 0 };
	const char *name = param_text(params, "service", "");
	struct agent_service *v = agent_service_find(agent_services(agent), name);
	if (!v) {
		char what[256];
		snprintf(what, sizeof(what), "the service %.200s is not offered", name);
		f.err = reload_error_explain(
			&f.why, RELOAD_NO_VALUE, what, "this agent was not asked to register it");
		reload_error_advise(&f.why, "reload-store -a %s --list-kept", agent->instance);
		return agent_request_refuse(&q->base, &f);
	}
	if (param_bool(params, "dry_run", false))
		return agent_request_reply(&q->base, removed_json(name, 0, 0, true));
	q->service = v;
	enum reload_err err = agent_service_remove(v, removed, q);
	if (err) {
		explain(&f, err, "cannot remove", name, agent);
		q->service = NULL;
		return agent_request_refuse(&q->base, &f);
	}
	save_later(agent);
	return agent_request_pend(&q->base);
}
