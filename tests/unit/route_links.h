/* What tests of routing share: connections to peers with certificates of the simulator, and no plug-in yet. */
#pragma once

#include "sim/ident.h"

#include "route/decide.h"

static const struct wire_ctx ctx = { .node_id_len = 16 };

static inline struct reload_id id(unsigned first)
{
	return (struct reload_id){ .len = 16, .at = { (uint8_t)first } };
}

static inline void no_random(void *arg, void *out, size_t len)
{
	(void)arg;
	memset(out, 0, len);
}

/* link_with() adds a connection whose other end has a certificate with these Node-IDs. */
static inline struct reload_connection *link_with(struct reload_connections *connections,
	uint32_t number, const struct reload_id *ids, size_t count)
{
	AUTO(reload_cert)
	cert = reload_sim_cert_of(&(struct reload_sim_cert_form){ .user = "u@" RELOAD_SIM_OVERLAY,
		.overlay = RELOAD_SIM_OVERLAY,
		.nodes = ids,
		.nodes_count = count });
	return reload_connection_add(connections, number, cert, 0);
}
