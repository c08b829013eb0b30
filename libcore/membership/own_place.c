/* Where this node can be reached, and whether its overlay is one of a single host. */
#include "membership/attempt.h"

static bool any_loopback(const struct reload_ip_port *at, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (reload_ip_port_is_loopback(&at[i]))
			return true;
	return false;
}

void reload_own_place(const struct reload_membership *m, struct own_place *out)
{
	const struct reload_config *config = m->engine->config;
	out->count = m->engine->ops->addresses(m->engine->host, out->at, CANDIDATES_MAX);
	out->types = out->count ? 0 : RELOAD_LINK_NO_ICE;
	out->loopback = any_loopback(m->bootstrap, m->bootstrap_count) ||
			any_loopback(config->bootstrap, config->bootstrap_count);
	for (size_t i = 0; i < out->count; i++) {
		out->types |= out->at[i].types & RELOAD_LINK_NO_ICE;
		if (reload_ip_port_is_loopback(&out->at[i].at))
			out->loopback = true;
	}
}
