/* service.tree: the nodes of a service's tree that have records, and what is wrong with them (RFC 7374 s3). */
#include "rpc_request.h"

#include "common/output.h"
#include "redir.h"
#include "services.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FETCHES_MAX =
		512, /* tree nodes that are looked at; then the view is said to be incomplete */
	BRANCHES_ALL = 16, /* with more, only tree nodes of known providers are looked at */
	PROVIDERS_MAX = 4096,
	PINGS_MAX = 64, /* providers that are pinged */
	PING_MS = 5000
};

struct tree_request;

struct tree_provider {
	struct reload_id node;
	struct tree_request *tree;
	struct reload_request *ping;
	bool checked, answers;
};

struct tree_request {
	struct agent_request base;
	char name[RELOAD_REDIR_NAMESPACE_MAX + 1];
	uint32_t branching;
	bool check, incomplete;
	reload_ms timeout_ms;
	struct reload_redir_place *queue; /* owned; those from next on are not fetched yet */
	size_t queued, next;
	struct tree_provider *providers; /* owned */
	size_t providers_count, pings;
	json_t *nodes; /* owned */
	struct reload_timer start;
};

static void tree_clear(struct agent_request *q)
{
	struct tree_request *t = (struct tree_request *)q;
	for (size_t i = 0; i < t->providers_count; i++)
		if (t->providers[i].ping)
			reload_request_cancel(q->agent->peer, TAKE(t->providers[i].ping));
	reload_timer_cancel(reload_poll_timers(q->agent->poll), &t->start);
	free(t->queue);
	free(t->providers);
	json_decref(t->nodes);
}

static void add_provider(struct tree_request *t, const struct reload_id *node)
{
	for (size_t i = 0; i < t->providers_count; i++)
		if (reload_id_eq(&t->providers[i].node, node))
			return;
	if (t->providers_count == PROVIDERS_MAX) {
		t->incomplete = true;
		return;
	}
	t->providers[t->providers_count++] = (struct tree_provider){ .node = *node, .tree = t };
}

static void add_place(struct tree_request *t, struct reload_redir_place place)
{
	if (t->queued == FETCHES_MAX)
		t->incomplete = true;
	else
		t->queue[t->queued++] = place;
}

/*
 * The tree nodes below one: down to the level at which walks begin all of them, as far as they are few, and below a crowded interval; else those
 * of known providers.  All entries are of that tree node, so that their intervals are its own.
 */
static void add_below(struct tree_request *t, struct reload_redir_place place,
	const struct reload_redir_entry *entries, size_t count)
{
	unsigned below = place.level + 1u;
	if (below > reload_redir_deepest(t->branching))
		return;
	bool all = below <= RELOAD_REDIR_START && t->branching <= BRANCHES_ALL;
	uint32_t first = place.node * t->branching;
	size_t *there = reload_alloc_array(t->branching, sizeof(*there));
	memset(there, 0, t->branching * sizeof(*there));
	for (size_t k = 0; k < count; k++)
		there[reload_redir_interval(&entries[k].node, t->branching, place.level) - first]++;
	for (uint32_t i = 0; i < t->branching; i++)
		if (all || there[i] > (below > RELOAD_REDIR_START))
			add_place(t, (struct reload_redir_place){
					     (uint16_t)below, (uint16_t)(first + i) });
	free(there);
}

/* -- what a tree node has ------------------------------------------------------------------------------------------------ */

static const char *fault_of(const struct tree_request *t, const struct reload_fetched *f,
	struct reload_redir_place place)
{
	struct reload_redir_entry e;
	if (f->err)
		return reload_err_text(f->err);
	if (!f->data->lifetime)
		return "it has expired";
	return reload_redir_entry_read(&e, f, span_str(t->name), place, t->branching)
		       ? NULL
		       : "not a record of this tree node";
}

static json_t *entry_json(const struct tree_request *t, const struct reload_fetched *f,
	struct reload_redir_place place)
{
	const struct reload_stored_data *d = f->data;
	reload_utc now = cli_now();
	reload_ms age = now > d->storage_time ? now - d->storage_time : 0;
	return json_pack("{s:o, s:o, s:o, s:I, s:I, s:o}", "node_id", json_of_id(&f->signer),
		"user", json_of_text(f->cert ? f->cert->user : NULL), "stored",
		cli_json_time(d->storage_time), "age_s", (json_int_t)(age / RELOAD_SECOND),
		"lifetime_s", (json_int_t)d->lifetime, "fault",
		json_of_text(fault_of(t, f, place)));
}

static void note_node(
	struct tree_request *t, struct reload_redir_place place, const struct reload_result *r)
{
	json_t *entries = json_array(), *o = agent_redir_place_json(t->base.agent, t->name, place);
	bool failed = r->err && r->err != RELOAD_NOT_FOUND;
	for (size_t i = 0; i < r->values_count; i++)
		if (!r->values[i].synthetic && r->values[i].data->value.exists)
			json_array_append_new(entries, entry_json(t, &r->values[i], place));
	json_object_set_new(o, "fault", json_of_text(failed ? reload_err_text(r->err) : NULL));
	if (failed || json_array_size(entries))
		json_array_append(t->nodes, o);
	json_object_set_new(o, "entries", entries);
	json_decref(o);
}

static void reply(struct tree_request *t)
{
	json_t *list = json_array();
	for (size_t i = 0; i < t->providers_count; i++)
		json_array_append_new(list,
			json_pack("{s:o, s:o}", "node_id", json_of_id(&t->providers[i].node),
				"answers",
				t->providers[i].checked ? json_boolean(t->providers[i].answers)
							: json_null()));
	(void)agent_request_reply(&t->base,
		json_pack("{s:s, s:I, s:I, s:b, s:O, s:o}", "service", t->name, "branching_factor",
			(json_int_t)t->branching, "fetches", (json_int_t)t->next, "complete",
			(int)!t->incomplete, "nodes", t->nodes, "providers", list));
}

/* -- the providers ------------------------------------------------------------------------------------------------------- */

static void pinged(void *arg, const struct reload_result *r)
{
	struct tree_provider *p = arg;
	p->ping = NULL;
	p->checked = true;
	p->answers = !r->err && reload_id_eq(&r->responder, &p->node);
	if (!--p->tree->pings)
		reply(p->tree);
}

static void ping_all(struct tree_request *t)
{
	size_t count = t->providers_count < PINGS_MAX ? t->providers_count : PINGS_MAX;
	for (size_t i = 0; i < count; i++) {
		struct tree_provider *p = &t->providers[i];
		struct reload_destination to = reload_dest_node(&p->node);
		struct reload_request_target target = {
			.list = &to, .count = 1, .timeout_ms = PING_MS
		};
		enum reload_err err = RELOAD_OK;
		p->ping = reload_peer_ping(t->base.agent->peer, &target, 0, pinged, p, &err);
		t->pings += p->ping != NULL;
	}
	if (!t->pings)
		reply(t);
}

/* -- the walk ------------------------------------------------------------------------------------------------------------ */

static void step(void *arg);

static void fetched(void *arg, const struct reload_result *r)
{
	struct tree_request *t = arg;
	struct reload_redir_place place = t->queue[t->next++];
	size_t count = 0;
	struct reload_redir_entry *entries =
		agent_redir_entries(&count, r, t->name, place, t->branching);
	t->base.request = NULL;
	note_node(t, place, r);
	for (size_t i = 0; i < count; i++)
		add_provider(t, &entries[i].node);
	add_below(t, place, entries, count);
	free(entries);
	step(t);
}

static void step(void *arg)
{
	struct tree_request *t = arg;
	enum reload_err err = RELOAD_OK;
	if (t->next < t->queued) {
		t->base.request = agent_redir_fetch(
			t->base.agent, t->name, t->queue[t->next], t->timeout_ms, fetched, t, &err);
		if (!t->base.request) {
			struct reload_failure f = { .err = err };
			reload_error_explain(
				&f.why, err, "the tree cannot be read", "%s", reload_err_text(err));
			reload_error_advise(
				&f.why, "reload-agent status -a %s", t->base.agent->instance);
			(void)agent_request_refuse(&t->base, &f);
		}
	} else if (t->check) {
		ping_all(t);
	} else {
		reply(t);
	}
}

enum reload_rpc_end rpc_service_tree(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	struct tree_request *t = RELOAD_NEW(tree_request);
	struct reload_failure f = { 0 };
	t->base.agent = arg;
	t->base.call = call;
	t->base.config = reload_config_ref(reload_peer_config(t->base.agent->peer));
	t->base.clear = tree_clear;
	t->check = param_bool(params, "check", false);
	t->timeout_ms = param_int(params, "timeout_ms", 0);
	t->nodes = json_array();
	snprintf(t->name, sizeof(t->name), "%s", param_text(params, "service", ""));
	f.err = agent_service_name_check(t->name, &f.why);
	const struct reload_kind *kind = f.err ? NULL : agent_redir_kind(t->base.agent, &f.why);
	if (!f.err && !kind)
		f.err = RELOAD_UNKNOWN_KIND;
	if (f.err)
		return agent_request_refuse(&t->base, &f);
	t->branching = kind->branching_factor;
	t->queue = reload_alloc_array(FETCHES_MAX, sizeof(*t->queue));
	t->providers = reload_alloc_array(PROVIDERS_MAX, sizeof(*t->providers));
	add_place(t, (struct reload_redir_place){ 0, 0 });
	/* not now, as it may end at once */
	reload_timer_arm(
		reload_poll_timers(t->base.agent->poll), &t->start, reload_poll_now(), step, t);
	return agent_request_pend(&t->base);
}
