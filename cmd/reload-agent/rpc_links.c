/* links.list of agent.status: every link of this node, what it runs over and how it is. */
#include "rpc.h"

#include "common/output.h"
#include "ident/cert.h"
#include "link/links_io.h"
#include "wire/attach.h"

enum {
	LINKS_MAX = 8192
};

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
	char address[64];
	json_t *o = json_pack("{s:o, s:o, s:b, s:s, s:s, s:s, s:s, s:s}", "node_id",
		json_of_id(&link->node), "user", json_of_text(link->user), "incoming",
		(int)link->incoming, "link_type", reload_link_type_name(info->type), "version",
		info->version, "cipher", info->cipher, "address",
		reload_ip_port_text(address, &info->peer), "path", "host");
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

json_t *agent_links_json(const struct agent *agent)
{
	struct reload_peer_link *links = reload_alloc_array(LINKS_MAX, sizeof(*links));
	size_t count = reload_peer_links(agent->peer, links, LINKS_MAX);
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++) {
		struct reload_link_info info;
		if (reload_links_info(agent->links, links[i].link, &info))
			json_array_append_new(list, link_json(&links[i], &info));
	}
	free(links);
	return list;
}
