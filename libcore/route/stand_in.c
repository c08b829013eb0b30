#include "route/stand_in.h"

static bool in_arc(const struct reload_id *resource, const struct reload_id *node,
	const struct reload_id *self)
{
	return reload_id_eq(node, resource) || reload_id_between(resource, node, self);
}

/* Reads the Resource-ID of a Destination List; false: the list has another entry, or a Resource-ID of another length. */
static bool resource_of(
	struct reload_id *resource, const struct reload_route *route, struct span list)
{
	struct reload_destination to;
	struct span rest;
	return reload_list_first(&to, &rest, list, route->ctx) && to.type == RELOAD_DEST_RESOURCE &&
	       !rest.len && !reload_id_from(resource, to.resource) &&
	       resource->len == route->self->len;
}

/* Whether the request came from a peer outside of the arc, which has routed it past the peers in the arc. */
static bool passed_over(const struct reload_route *route, const struct reload_connection *from,
	const struct reload_id *resource)
{
	return from->node.len && !in_arc(resource, &from->node, route->self) &&
	       route->topology->link_use(route->plugin, &from->node) != RELOAD_LINK_NO_PEER;
}

static bool is_silent(const struct reload_connection *con, reload_ms wait, reload_ms now)
{
	reload_ms since = con->heard > con->bad_since ? con->heard : con->bad_since;
	return !con->good && now - since >= wait;
}

/*
 * Chooses the link to forward over.  The peers of the arc are the first `count` predecessors; the last of them is the responsible peer.  From there
 * on, the first link that is good is taken; without one, the first link at all.  NULL: there is no link to any of them.  *silent: there is one to
 * each, and all of these peers are silent.
 */
static struct reload_connection *choose(const struct reload_route *route,
	const struct reload_id *predecessors, size_t count, reload_ms now, bool *silent)
{
	struct reload_connection *first = NULL;
	reload_ms wait = count > 1 ? RELOAD_STAND_IN_SEVERAL_MS : RELOAD_STAND_IN_MS;
	*silent = count > 0;
	for (size_t i = count; i-- > 0;) {
		struct reload_connection *con =
			reload_connection_by_node(route->connections, &predecessors[i]);
		if (!con || !is_silent(con, wait, now))
			*silent = false;
		if (con && con->good)
			return con;
		if (!first)
			first = con;
	}
	return first;
}

bool reload_route_stand_in(const struct reload_route *route, const struct reload_connection *from,
	struct span destination_list, reload_ms now, struct reload_decision *d)
{
	struct reload_id resource;
	struct reload_topology_tables t;
	size_t count = 0;
	bool silent;
	if (!resource_of(&resource, route, destination_list) ||
		!passed_over(route, from, &resource))
		return false;
	route->topology->tables(route->plugin, &t);
	while (count < t.predecessors_count &&
		in_arc(&resource, &t.predecessors[count], route->self))
		count++;
	struct reload_connection *con = choose(route, t.predecessors, count, now, &silent);
	if (silent && route->topology->holds(route->plugin, &resource))
		*d = (struct reload_decision){ .action = RELOAD_DELIVER, .stands_in = true };
	else if (con && !silent)
		d->connection = con;
	else
		return false;
	return true;
}
