/* node.list, node.nat, config.bootstrap, config.document and config.kinds: the nodes and Kinds that this node knows, and the NAT between it and them. */
#include "rpc.h"

#include "config/kind.h"

#include <stdio.h>
#include <string.h>

enum {
	NODES_MAX = 8192
};

static void add_places(json_t *places, const char *word, const struct reload_id *table,
	size_t count, const struct reload_id *node)
{
	char text[32];
	for (size_t i = 0; i < count; i++) {
		if (!reload_id_eq(&table[i], node))
			continue;
		snprintf(text, sizeof(text), "%s:%zu", word, i + 1);
		json_array_append_new(places, json_string(text));
	}
}

static json_t *link_json(const struct reload_peer_link *link)
{
	return json_pack("{s:b, s:b, s:b, s:I, s:o, s:o}", "incoming", (int)link->incoming,
		"client", (int)link->client, "good", (int)link->good, "up_s",
		(json_int_t)((reload_poll_now() - link->since) / RELOAD_SECOND), "sent",
		json_of_u64(link->sent), "received", json_of_u64(link->received));
}

static json_t *node_json(const struct reload_id *node, const struct reload_status *s,
	const struct reload_peer_link *links, size_t links_count, const struct agent *agent)
{
	const struct reload_peer_link *link = NULL;
	for (size_t i = 0; i < links_count; i++)
		if (reload_id_eq(&links[i].node, node))
			link = &links[i];
	bool self = reload_id_eq(node, &s->node);
	json_t *places = json_array();
	add_places(places, "succ", s->tables.successors, s->tables.successors_count, node);
	add_places(places, "pred", s->tables.predecessors, s->tables.predecessors_count, node);
	add_places(places, "finger", s->tables.fingers, s->tables.fingers_count, node);
	const char *user = self ? agent->credentials->cert->user : link ? link->user : NULL;
	return json_pack("{s:o, s:o, s:b, s:o, s:o}", "node_id", json_of_id(node), "user",
		json_of_text(user), "self", (int)self, "places", places, "link",
		link ? link_json(link) : json_null());
}

enum reload_rpc_end rpc_node_list(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	struct agent *agent = arg;
	struct reload_status s;
	reload_peer_status(agent->peer, &s);
	struct reload_id *nodes = reload_alloc_array(NODES_MAX, sizeof(*nodes));
	struct reload_peer_link *links = reload_alloc_array(NODES_MAX, sizeof(*links));
	size_t count = reload_peer_known_nodes(
		agent->peer, param_text(params, "prefix", ""), nodes, NODES_MAX);
	size_t links_count = reload_peer_links(agent->peer, links, NODES_MAX);
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, node_json(&nodes[i], &s, links, links_count, agent));
	free(nodes);
	free(links);
	return reload_rpc_reply(call, json_pack("{s:o}", "nodes", list));
}

enum reload_rpc_end rpc_config_kinds(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	(void)params;
	const struct agent *agent = arg;
	const struct reload_config *config = reload_peer_config(agent->peer);
	json_t *list = json_array();
	for (size_t i = 0; i < config->kinds.count; i++) {
		const struct reload_kind *k = &config->kinds.at[i];
		char name[AGENT_KIND];
		json_array_append_new(list,
			json_pack("{s:s, s:I, s:s, s:s, s:I, s:I, s:I}", "kind",
				agent_kind_name(name, k), "kind_id", (json_int_t)k->id,
				"data_model", reload_data_model_name(k->model), "access",
				reload_access_policy_name(k->access), "max_count",
				(json_int_t)k->max_count, "max_size_bytes", (json_int_t)k->max_size,
				"max_node_multiple", (json_int_t)k->max_node_multiple));
	}
	return reload_rpc_reply(
		call, json_pack("{s:s, s:o}", "overlay", config->instance_name, "kinds", list));
}

static json_t *json_of_span(struct span s)
{
	return json_stringn((const char *)s.at, s.len);
}

enum reload_rpc_end rpc_config_document(
	void *arg, struct reload_rpc_call *call, const json_t *params)
{
	(void)params;
	const struct agent *agent = arg;
	const struct reload_config *config = reload_peer_config(agent->peer);
	json_t *learned = json_array();
	for (size_t i = 0; i < config->kinds.count; i++)
		if (config->kinds.at[i].learned)
			json_array_append_new(learned, json_of_span(config->kinds.at[i].block));
	return reload_rpc_reply(
		call, json_pack("{s:s, s:i, s:o, s:o}", "overlay", config->instance_name,
			      "sequence", (int)config->sequence, "document",
			      json_of_span(config->document), "learned", learned));
}

enum reload_rpc_end rpc_config_publish(
	void *arg, struct reload_rpc_call *call, const json_t *params)
{
	struct agent *agent = arg;
	struct reload_failure f = { 0 };
	json_t *result = NULL;
	const char *document = json_string_value(json_object_get(params, "document"));
	f.err = agent->publish(agent, span_str(document),
		json_is_true(json_object_get(params, "dry_run")), &result, &f.why);
	return f.err ? reload_rpc_fail(call, &f) : reload_rpc_reply(call, result);
}

/* Whether this node listens at an address itself. */
static bool listens_at(const struct agent *agent, const char *address)
{
	const json_t *item;
	size_t i;
	json_array_foreach (agent->listen, i, item)
		if (!strcmp(json_string_value(item), address))
			return true;
	return false;
}

enum reload_rpc_end rpc_config_bootstrap(
	void *arg, struct reload_rpc_call *call, const json_t *params)
{
	(void)params;
	const struct agent *agent = arg;
	const struct reload_config *config = reload_peer_config(agent->peer);
	json_t *list = json_array();
	for (size_t i = 0; i < config->bootstrap_count; i++) {
		char text[64];
		reload_ip_port_text(text, &config->bootstrap[i]);
		json_array_append_new(list, json_pack("{s:s, s:b}", "address", text, "self",
						    (int)listens_at(agent, text)));
	}
	return reload_rpc_reply(
		call, json_pack("{s:s, s:o}", "overlay", config->instance_name, "nodes", list));
}

static bool nat_check(struct agent_waiter *w, const struct reload_status *s)
{
	(void)s;
	json_t *result = w->agent->nat_json(w->agent);
	if (!result)
		return false;
	reload_rpc_reply(w->call, result);
	return true;
}

static void nat_late(struct agent_waiter *w)
{
	struct reload_error_text why;
	reload_error_explain(&why, RELOAD_TIMEOUT, "the NAT was not measured",
		"servers have more time than this command");
	reload_error_advise(&why, "--timeout 10s");
	reload_rpc_fail_why(w->call, RELOAD_TIMEOUT, &why);
}

enum reload_rpc_end rpc_node_nat(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	struct agent *agent = arg;
	struct reload_error_text why;
	if (!agent->nat_json) {
		reload_error_explain(&why, RELOAD_FAILED, agent->instance,
			"the overlay %s has links without ICE alone, for which NATs are not "
			"measured",
			reload_peer_config(agent->peer)->instance_name);
		reload_error_advise(&why, "reload-enroll init OVERLAY --ice makes one with ICE");
		return reload_rpc_fail_why(call, RELOAD_FAILED, &why);
	}
	agent->nat_measure(agent);
	return agent_wait(agent, call, param_u64(params, "timeout_ms", 0), nat_check, nat_late,
		RELOAD_STATE_JOINED);
}
