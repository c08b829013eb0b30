/* One node: its rooms, and what its files share. */
#pragma once

#include "connection/link.h"
#include "membership/membership.h"
#include "peer/peer.h"
#include "replica/replica.h"
#include "service/app_attach.h"
#include "service/certificates.h"
#include "service/diagnostics.h"

enum {
	RELOAD_REFUSED_MAX = 32 /* at the maximum the next one takes the place of the oldest */
};

/* Who sent documents that were refused, and since when. */
struct refused_sender {
	struct reload_id node;
	reload_ms since;
	unsigned count;
};

struct reload_peer {
	struct reload_engine *engine;
	struct reload_policy policy;
	struct reload_connections *connections;
	struct reload_route route;
	struct reload_exchange *exchange;
	struct reload_replica *replica;
	struct reload_membership *membership;
	struct reload_certificates *certificates;
	struct reload_apps *apps;
	struct reload_diagnostics *diagnostics;
	struct refused_sender
		*refused; /* RELOAD_REFUSED_MAX; NULL: no document was refused so far */
	size_t next_refused;
	struct reload_timer revoked; /* then links to bad nodes are closed */
	char unmet[256];             /* the reason of the last RELOAD_EV_CONFIG_UNMET */
};

/* reload_peer_methods() brings the methods Ping, Probe, RouteQuery and ConfigUpdate. */
void reload_peer_methods(struct reload_peer *p);

/* -- configure.c -------------------------------------------------------------------------------------------------------- */

/* reload_configure_serve() serves a ConfigUpdate. */
void reload_configure_serve(struct reload_incoming *in);
/*
 * reload_configure_send() sends node this node's document along list, reload_configure_send_kinds() those kind-blocks of r's Kinds that
 * error_info, of an Error_Unknown_Kind of node, asks for.
 */
void reload_configure_send(struct reload_peer *p, const struct reload_id *node, struct span list);
void reload_configure_send_kinds(struct reload_peer *p, const struct reload_request *r,
	const struct reload_id *node, struct span error_info);
