/*
 * Where a message goes (RFC 6940 s6.1.1 to s6.1.3): looks at the forwarding header alone and changes nothing.
 */
#pragma once

#include "connection/table.h"
#include "route/lists.h"
#include "topology/topology.h"

enum reload_route_action {
	RELOAD_DELIVER, /* this node is the destination */
	RELOAD_FORWARD, /* over decision.connection */
	RELOAD_DROP,    /* without a word; decision.reason says why */
};

struct reload_route {
	const struct wire_ctx *ctx;
	const struct reload_id *self;
	struct reload_connections *connections;
	const struct reload_topology_ops *topology;
	struct reload_topology *plugin;
};

struct reload_decision {
	enum reload_route_action action;
	struct reload_connection *connection; /* FORWARD */
	bool head_replaced; /* FORWARD: the list begins with head, not with what came */
	struct reload_destination head;
	struct span list;   /* FORWARD: Destination List, or what follows head */
	bool stands_in;     /* DELIVER: in the stead of the responsible peer (route/stand_in.h) */
	bool opaque;        /* DROP: an opaque id was at fault */
	const char *reason; /* DROP, static */
};

/* reload_route_decide() decides on a Destination List that passed reload_list_check(). */
struct reload_decision reload_route_decide(
	const struct reload_route *route, struct span destination_list);

/* reload_route_next() returns the connection for one destination that is not this node, NULL when there is no way. */
struct reload_connection *reload_route_next(
	const struct reload_route *route, const struct reload_destination *to);
