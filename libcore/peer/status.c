#include "peer/internal.h"

#include "util/text.h"

/* Questions about a node: no effect, for operators and programs. */

void reload_peer_status(struct reload_peer *p, struct reload_status *out)
{
	const struct reload_topology_ops *topology = p->route.topology;
	struct reload_membership_status m;
	reload_membership_status(p->membership, &m);
	*out = (struct reload_status){ .state = m.state,
		.role = m.role,
		.returns = m.returns,
		.state_since = m.state_since,
		.bootstrap_peer = m.bootstrap_peer,
		.admitting_peer = m.admitting_peer,
		.phase = m.phase,
		.last_error = m.last_error,
		.started = p->engine->started,
		.node = p->engine->self,
		.links = p->connections->count,
		.requests = reload_requests_under_way(p->exchange, NULL),
		.work = reload_exchange_work(p->exchange) };
	memcpy(out->phase_ms, m.phase_ms, sizeof(out->phase_ms));
	topology->tables(p->route.plugin, &out->tables);
	out->is_tuned = topology->tuning(p->route.plugin, &out->tuning);
	topology->range(p->route.plugin, &out->range_from, &out->range_to);
	out->responsible_ppb = topology->responsible_ppb(p->route.plugin);
	out->resources = reload_replica_counts(
		p->replica, p->engine->ops->wall(p->engine->host), &out->values, &out->value_bytes);
}

bool reload_peer_wants_overlay(const struct reload_peer *p)
{
	return reload_membership_wanted(p->membership);
}

size_t reload_peer_requests(const struct reload_peer *p, reload_ms *oldest)
{
	return reload_requests_under_way(p->exchange, oldest);
}

size_t reload_peer_request_bytes(const struct reload_peer *p)
{
	return reload_requests_bytes(p->exchange);
}

size_t reload_peer_links(struct reload_peer *p, struct reload_peer_link *out, size_t max)
{
	size_t count = 0;
	struct reload_connection *con = NULL;
	while (count < max && (con = reload_connection_next(p->connections, con)))
		out[count++] = (struct reload_peer_link){ .link = con->link,
			.node = con->node,
			.user = con->cert ? con->cert->user : NULL,
			.incoming = con->incoming,
			.client = p->route.topology->link_use(p->route.plugin, &con->node) ==
				  RELOAD_LINK_NO_PEER,
			.listed = reload_topology_lists(
				p->route.topology, p->route.plugin, &con->node),
			.good = con->good,
			.since = con->since,
			.sent = con->sent,
			.received = con->received };
	return count;
}

struct node_list {
	const char *prefix;
	struct reload_id *out;
	size_t count, max;
};

static void node_list_add(struct node_list *k, const struct reload_id *id)
{
	char hex[RELOAD_ID_HEX];
	if (!id->len || strncmp(reload_id_hex(hex, id), k->prefix, strlen(k->prefix)))
		return;
	for (size_t i = 0; i < k->count; i++)
		if (reload_id_eq(&k->out[i], id))
			return;
	if (k->count < k->max)
		k->out[k->count++] = *id;
}

size_t reload_peer_known_nodes(
	struct reload_peer *p, const char *prefix, struct reload_id *out, size_t max)
{
	struct node_list k = { .prefix = prefix, .out = out, .max = max };
	struct reload_topology_tables t;
	p->route.topology->tables(p->route.plugin, &t);
	node_list_add(&k, &p->engine->self);
	for (size_t i = 0; i < t.predecessors_count; i++)
		node_list_add(&k, &t.predecessors[i]);
	for (size_t i = 0; i < t.successors_count; i++)
		node_list_add(&k, &t.successors[i]);
	for (size_t i = 0; i < t.fingers_count; i++)
		node_list_add(&k, &t.fingers[i]);
	struct reload_connection *con = NULL;
	while ((con = reload_connection_next(p->connections, con)))
		node_list_add(&k, &con->node);
	return k.count;
}
