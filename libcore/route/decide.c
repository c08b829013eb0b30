#include "route/decide.h"

static struct reload_decision drop(const char *reason, bool opaque)
{
	return (struct reload_decision){
		.action = RELOAD_DROP, .reason = reason, .opaque = opaque
	};
}

struct reload_connection *reload_route_next(
	const struct reload_route *route, const struct reload_destination *to)
{
	struct reload_id id, next;
	struct reload_connection *con;
	if (to->type == RELOAD_DEST_NODE) {
		id = to->node;
		if ((con = reload_connection_by_node(route->connections, &id)))
			return con; /* RFC 6940 s6.1.2: directly connected comes first */
	} else if (to->type == RELOAD_DEST_OPAQUE) {
		return reload_connection_by_opaque(route->connections, to);
	} else if (to->type != RELOAD_DEST_RESOURCE || reload_id_from(&id, to->resource) ||
		   id.len != route->self->len) {
		return NULL;
	}
	if (!route->topology->next_hop(route->plugin, &id, &next) &&
		(con = reload_connection_by_node(route->connections, &next)))
		return con;
	return route->connections->default_connection;
}

/* The first entry is a slot of this node's own Connection Table: put back what it stands for. */
static struct reload_decision unpack(
	const struct reload_route *route, const struct reload_destination *first, struct span rest)
{
	struct reload_connection *con = reload_connection_by_opaque(route->connections, first);
	if (!con)
		return drop("unknown opaque id", true);
	struct reload_decision d = {
		.action = RELOAD_FORWARD, .connection = con, .list = rest, .head_replaced = true
	};
	/* a node whose Node-ID is not known yet takes the wildcard for itself */
	struct reload_id node = con->node.len ? con->node : reload_id_wildcard(route->self->len);
	d.head = reload_dest_node(&node);
	return d;
}

static bool own_point(const struct reload_route *route, const struct reload_destination *d)
{
	struct reload_id id;
	struct span s = d->type == RELOAD_DEST_NODE ? reload_id_span(&d->node) : d->resource;
	return s.len == route->self->len && !reload_id_from(&id, s) &&
	       route->topology->responsible(route->plugin, &id);
}

static struct reload_decision onward(
	const struct reload_route *route, const struct reload_destination *first, struct span list)
{
	struct reload_decision d = { .action = RELOAD_FORWARD, .list = list };
	if (first->type == RELOAD_DEST_NODE && own_point(route, first) &&
		!reload_connection_by_node(route->connections, &first->node))
		return drop("no such node in this range", false); /* R-6.1.1-07 */
	d.connection = reload_route_next(route, first);
	return d.connection ? d : drop("no next hop", false);
}

struct reload_decision reload_route_decide(const struct reload_route *route, struct span list)
{
	struct reload_destination first;
	struct span rest;
	for (;;) {
		if (!reload_list_first(&first, &rest, list, route->ctx))
			return drop("empty Destination List", false);
		if (first.type == RELOAD_DEST_OPAQUE)
			return unpack(route, &first, rest);
		if (first.type == RELOAD_DEST_RESOURCE) {
			if (!own_point(route, &first))
				return onward(route, &first, list);
			return rest.len ? drop("entries behind a Resource-ID", false)
					: (struct reload_decision){ .action = RELOAD_DELIVER };
		}
		if (first.type != RELOAD_DEST_NODE)
			return drop("unknown destination type", false);
		if (reload_id_is_wildcard(&first.node))
			return (struct reload_decision){ .action = RELOAD_DELIVER };
		if (!reload_id_eq(&first.node, route->self))
			return onward(route, &first, list);
		if (!rest.len)
			return (struct reload_decision){ .action = RELOAD_DELIVER };
		list = rest; /* own Node-ID with entries behind it: remove it and route again */
	}
}
