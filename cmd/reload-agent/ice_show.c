/* What is told of ICE: pairs that were tried, candidates, servers. */
#include "ice_internal.h"

#include <stdio.h>
#include <string.h>

static const char *type_name(enum reload_ice_type type)
{
	static const char *const names[] = { [RELOAD_ICE_HOST] = "host",
		[RELOAD_ICE_SRFLX] = "reflexive",
		[RELOAD_ICE_PRFLX] = "reflexive",
		[RELOAD_ICE_RELAY] = "relayed" };
	return names[type];
}

/* One event a pair, and as many as fit in the error of what needed the link. */
static void pairs_failed(
	struct host *h, struct ice_thing of, const struct reload_ice_pair *pairs, size_t count)
{
	struct host_ice *i = h->ice;
	size_t used = 0, shown = 0;
	i->tried_of = of;
	i->tried[0] = 0;
	i->no_pair = true;
	for (size_t k = 0; k < count; k++) {
		char text[200], local[64], remote[64];
		int n = snprintf(text, sizeof(text), "%s %s > %s %s: %s",
			type_name(pairs[k].local_type), reload_ip_port_text(local, &pairs[k].local),
			type_name(pairs[k].remote_type),
			reload_ip_port_text(remote, &pairs[k].remote),
			pairs[k].heard ? "heard, no answer" : "no answer");
		agent_event(&h->agent, &(struct reload_event){ .type = RELOAD_EV_ICE_PAIR_FAILED,
					       .link = of.type == ICE_THING_LINK ? of.number : 0,
					       .reason = text });
		if (used + (size_t)n + sizeof("; and 99 more") >= sizeof(i->tried))
			continue;
		used += (size_t)snprintf(
			i->tried + used, sizeof(i->tried) - used, "%s%s", used ? "; " : "", text);
		shown++;
	}
	if (shown < count)
		snprintf(i->tried + used, sizeof(i->tried) - used, "; and %zu more", count - shown);
}

void host_ice_pairs_failed(
	void *host, uint32_t link, const struct reload_ice_pair *pairs, size_t count)
{
	pairs_failed(host, (struct ice_thing){ .number = link }, pairs, count);
}

void host_ice_pairs_failed_app(
	struct host *h, uint32_t app, const struct reload_ice_pair *pairs, size_t count)
{
	pairs_failed(h, (struct ice_thing){ .type = ICE_THING_APP, .number = app }, pairs, count);
}

void host_ice_pairs_failed_media(
	struct host *h, uint32_t number, const struct reload_ice_pair *pairs, size_t count)
{
	pairs_failed(
		h, (struct ice_thing){ .type = ICE_THING_MEDIA, .number = number }, pairs, count);
}

static const char *tried(
	const struct host *h, struct ice_thing of, const char *reason, char *out, size_t size)
{
	const struct host_ice *i = h->ice;
	if (!i || !ice_thing_is(i->tried_of, of))
		return reason;
	bool lacks = ice_relay_needed(i) && !i->relay.search.count;
	size_t used = (size_t)snprintf(out, size, "%s (%s)", reason, i->tried);
	if (lacks && used < size)
		snprintf(out + used, size - used, "; this node needs a relay (%s), and %s",
			agent_nat_mapping_name(i->nat.mapping),
			i->relay.secret.len ? "knows no TURN server" : "has no --turn-credentials");
	return out;
}

const char *host_ice_tried(
	const struct host *h, uint32_t link, const char *reason, char *out, size_t size)
{
	return tried(h, (struct ice_thing){ .number = link }, reason, out, size);
}

const char *host_ice_tried_app(
	const struct host *h, uint32_t app, const char *reason, char *out, size_t size)
{
	return tried(
		h, (struct ice_thing){ .type = ICE_THING_APP, .number = app }, reason, out, size);
}

const char *host_ice_tried_media(
	const struct host *h, uint32_t number, const char *reason, char *out, size_t size)
{
	return tried(h, (struct ice_thing){ .type = ICE_THING_MEDIA, .number = number }, reason,
		out, size);
}

const char *ice_nat_text(const struct agent *agent)
{
	struct host_ice *i = ((const struct host *)agent)->ice; /* its first member */
	const struct reload_turn_known *server = ice_turn(i);
	char text[64];
	const char *lack = !i->relay.secret.len ? "; no relay: no --turn-credentials"
			   : !server            ? "; no relay: no TURN server answers"
						: "; relay ";
	bool needs = ice_relay_needed(i);
	snprintf(i->text, sizeof(i->text), "%s%s%s%s", agent_nat_mapping_name(i->nat.mapping),
		needs ? lack : "",
		needs && i->relay.secret.len && server ? reload_ip_port_text(text, &server->address)
						       : "",
		i->h->as_client ? "; a client, over TCP alone" : "");
	return i->text;
}

static json_t *address_json(const struct reload_ip_port *at)
{
	char text[64];
	return at && at->type ? json_string(reload_ip_port_text(text, at)) : json_null();
}

/* What reload_ice_offer() sends: nothing of a host candidate, and no address when it is hidden. */
static json_t *related_json(const struct reload_ice_item *item)
{
	static const uint8_t hidden[sizeof(item->base.addr)];
	bool none =
		item->type == RELOAD_ICE_HOST || !memcmp(item->base.addr, hidden, sizeof(hidden));
	return none ? json_null() : address_json(&item->base);
}

void ice_candidates_note(struct host_ice *i, const struct reload_ice_local *all, size_t count)
{
	char text[64];
	json_decref(i->candidates);
	i->candidates = json_array();
	for (size_t k = 0; k < count; k++)
		json_array_append_new(
			i->candidates, json_pack("{s:s, s:s, s:o, s:I, s:b, s:s?}", "type",
					       type_name(all[k].item.type), "address",
					       reload_ip_port_text(text, &all[k].item.address),
					       "related", related_json(&all[k].item), "priority",
					       (json_int_t)all[k].item.priority, "routed",
					       all[k].routed, "left_out", all[k].left_out));
}

void ice_unused_note(struct host_ice *i, const struct reload_ip_port *at, size_t count)
{
	char text[64];
	for (size_t k = 0; k < count; k++) {
		struct reload_ip_port unused = at[k];
		unused.port = 0;
		json_array_append_new(
			i->candidates, json_pack("{s:s, s:s, s:n, s:i, s:b, s:s}", "type",
					       type_name(RELOAD_ICE_HOST), "address",
					       reload_ip_port_text(text, &unused), "related",
					       "priority", 0, "routed", false, "left_out",
					       "more addresses than candidates are gathered at"));
	}
}

static json_t *servers_json(const struct host_ice *i)
{
	json_t *list = json_array();
	for (size_t k = 0; k < i->nat.count; k++) {
		const struct agent_nat_server *s = &i->nat.at[k];
		json_array_append_new(
			list, json_pack("{s:s, s:o, s:o, s:o}", "type", s->turn ? "TURN" : "STUN",
				      "address", address_json(&s->at), "seen",
				      address_json(&s->mapped), "rtt_ms",
				      s->mapped.type ? json_integer((json_int_t)s->rtt_ms)
						     : json_null()));
	}
	return list;
}

static json_t *turn_json(const struct host_ice *i)
{
	char hex[RELOAD_ID_HEX];
	json_t *list = json_array();
	for (size_t k = 0; k < i->relay.search.count; k++) {
		const struct reload_turn_known *t = &i->relay.search.servers[k];
		json_array_append_new(list,
			json_pack("{s:o, s:s, s:b}", "address", address_json(&t->address),
				"node_id", reload_id_hex(hex, &t->node), "failed", t->failed));
	}
	return list;
}

json_t *ice_measured_json(const struct agent *agent)
{
	const struct host_ice *i = ((const struct host *)agent)->ice; /* its first member */
	if (i->nat.round.running || i->nat_outdated || i->filter_asked || i->filter.running)
		return NULL;
	return json_pack("{s:s, s:s, s:o, s:o, s:b, s:b, s:o, s:o, s:o}", "mapping",
		agent_nat_mapping_name(i->nat.mapping), "filtering",
		agent_nat_filtering_name(agent_nat_filtering(&i->filter)), "seen",
		address_json(ice_seen(i)), "socket", address_json(&i->nat.round.local),
		"relay_needed", ice_relay_needed(i), "relay_only", i->relay_only, "servers",
		servers_json(i), "turn_servers", turn_json(i), "candidates",
		i->candidates ? json_deep_copy(i->candidates) : json_array());
}
