/* links.list of agent.status: every link of this node, what it runs over and how it is. */
#include "rpc.h"

#include "common/output.h"
#include "ident/cert.h"
#include "link/ice_plugin.h"
#include "link/links_io.h"
#include "wire/attach.h"

enum {
	LINKS_MAX = 8192
};

const char *agent_path_name(const struct reload_ice_pair *pair)
{
	if (!pair || (pair->local_type == RELOAD_ICE_HOST && pair->remote_type == RELOAD_ICE_HOST))
		return "host";
	return pair->local_type == RELOAD_ICE_RELAY || pair->remote_type == RELOAD_ICE_RELAY
		       ? "relayed"
		       : "reflexive";
}

void agent_relay_text(char out[64], const struct reload_ice_pair *pair)
{
	out[0] = 0;
	if (pair && pair->local_type == RELOAD_ICE_RELAY)
		reload_ip_port_text(out, &pair->server);
	else if (pair && pair->remote_type == RELOAD_ICE_RELAY)
		reload_ip_port_text(out, &pair->remote);
}

static json_t *datagrams_json(const struct reload_link_info *info)
{
	if (!info->datagrams)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:I}", "sent", json_of_u64(info->sent), "repeated",
		json_of_u64(info->repeated), "lost", json_of_u64(info->lost), "window",
		(json_int_t)info->window);
}

static json_t *link_json(const struct reload_peer_link *link, const struct reload_link_info *info)
{
	char address[64], relay[64];
	agent_relay_text(relay, info->pair);
	json_t *o = json_pack("{s:o, s:o, s:b, s:s, s:s, s:s, s:s, s:s}", "node_id",
		json_of_id(&link->node), "user", json_of_text(link->user), "incoming",
		(int)link->incoming, "link_type", reload_link_type_name(info->type), "version",
		info->version, "cipher", info->cipher, "address",
		reload_ip_port_text(address, &info->peer), "path", agent_path_name(info->pair));
	json_object_set_new(o, "relay", json_of_text(relay[0] ? relay : NULL));
	json_object_set_new(o, "rto_ms", json_integer((json_int_t)info->rto_ms));
	json_object_set_new(
		o, "rtt_ms", info->sampled ? json_real((double)info->srtt_us / 1000) : json_null());
	json_object_set_new(o, "queued_bytes", json_integer((json_int_t)info->queued));
	json_object_set_new(o, "unacked_frames", json_integer((json_int_t)info->unacked));
	json_object_set_new(o, "good", json_boolean(info->good && link->good));
	json_object_set_new(
		o, "since", cli_json_time(cli_now() - (reload_poll_now() - link->since)));
	json_object_set_new(o, "datagrams", datagrams_json(info));
	return o;
}

/* Calls fn(arg) with each link that is up. */
static void each_link(const struct agent *agent,
	void (*fn)(void *arg, const struct reload_peer_link *link,
		const struct reload_link_info *info),
	void *arg)
{
	struct reload_peer_link *links = reload_alloc_array(LINKS_MAX, sizeof(*links));
	size_t count = reload_peer_links(agent->peer, links, LINKS_MAX);
	for (size_t i = 0; i < count; i++) {
		struct reload_link_info info;
		if (reload_links_info(agent->links, links[i].link, &info))
			fn(arg, &links[i], &info);
	}
	free(links);
}

static void list_link(
	void *list, const struct reload_peer_link *link, const struct reload_link_info *info)
{
	json_array_append_new(list, link_json(link, info));
}

json_t *agent_links_json(const struct agent *agent)
{
	json_t *list = json_array();
	each_link(agent, list_link, list);
	return list;
}

static void count_path(
	void *paths, const struct reload_peer_link *link, const struct reload_link_info *info)
{
	json_t *count = json_object_get(paths, agent_path_name(info->pair));
	(void)link;
	json_integer_set(count, json_integer_value(count) + 1);
}

json_t *agent_paths_json(const struct agent *agent)
{
	if (!agent->nat_json)
		return json_null();
	json_t *paths = json_pack("{s:i, s:i, s:i}", "host", 0, "reflexive", 0, "relayed", 0);
	each_link(agent, count_path, paths);
	return paths;
}
