#include "listen.h"

#include "log.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

enum reload_err host_addresses_read(struct reload_ip_port *out, size_t max, size_t *count,
	const struct agent_settings *s, const char *key, struct reload_error_text *why)
{
	const char *text;
	for (*count = 0; (text = agent_setting_value(s, key, *count)); ++*count) {
		if (*count == max)
			return reload_error_explain(
				why, RELOAD_USAGE, text, "at most %zu of --%s", max, key);
		if (reload_ip_port_parse(&out[*count], text, RELOAD_DEFAULT_PORT))
			return reload_error_explain(why, RELOAD_USAGE, text,
				"--%s takes ADDR:PORT, an IPv6 address in brackets", key);
	}
	return RELOAD_OK;
}

static bool is_any(const struct reload_ip_port *a)
{
	static const uint8_t zero[16];
	return memcmp(a->addr, zero, a->type == RELOAD_IPV4 ? 4 : 16) == 0;
}

static bool address_of(struct reload_ip_port *out, const struct ifaddrs *i, uint8_t type)
{
	*out = (struct reload_ip_port){ .type = type };
	if (i->ifa_addr->sa_family == AF_INET && type == RELOAD_IPV4) {
		memcpy(out->addr, &((struct sockaddr_in *)i->ifa_addr)->sin_addr, 4);
		return true;
	}
	const struct sockaddr_in6 *six = (struct sockaddr_in6 *)i->ifa_addr;
	if (i->ifa_addr->sa_family != AF_INET6 || type != RELOAD_IPV6 ||
		IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr))
		return false;
	memcpy(out->addr, &six->sin6_addr, 16);
	return true;
}

/* The addresses of that type of the interfaces that are up: those of the loopback interface, or all others but link-local ones. */
static size_t interfaces(struct reload_ip_port *out, size_t max, uint8_t type, bool loopback)
{
	struct ifaddrs *all;
	size_t count = 0;
	if (getifaddrs(&all))
		return 0;
	for (const struct ifaddrs *i = all; i && count < max; i = i->ifa_next)
		if (i->ifa_addr && i->ifa_flags & IFF_UP &&
			!(i->ifa_flags & IFF_LOOPBACK) == !loopback)
			count += address_of(&out[count], i, type) ? 1 : 0;
	freeifaddrs(all);
	return count;
}

/* A wildcard address is no candidate: the addresses of the interfaces are. */
static size_t addresses(const struct host *h, struct reload_ip_port *out, size_t max, bool loopback)
{
	size_t count = 0;
	for (size_t i = 0; i < h->listen_count && count < max; i++) {
		const struct reload_ip_port *at = &h->listen[i];
		size_t more = 1;
		if (is_any(at))
			more = interfaces(&out[count], max - count, at->type, loopback);
		else
			out[count] = *at;
		for (size_t k = 0; k < more; k++)
			out[count++].port = at->port;
	}
	return count;
}

size_t host_own_addresses(const struct host *h, struct reload_ip_port *out, size_t max)
{
	size_t count = addresses(h, out, max, false);
	return count ? count : addresses(h, out, max, true);
}

enum reload_err host_listen(struct host *h, struct reload_error_text *why)
{
	for (size_t i = 0; i < h->listen_count; i++) {
		enum reload_err err =
			reload_links_listen(h->links, &h->listen[i], &h->listen[i].port, why);
		if (err)
			return err;
	}
	h->candidates_count = host_own_addresses(h, h->candidates, HOST_ADDRESSES_MAX);
	return RELOAD_OK;
}

size_t host_listen_app(const struct host *h, struct reload_app_streams *streams, uint32_t app,
	struct reload_link_target *out, size_t max)
{
	size_t count = 0;
	for (size_t i = 0; i < h->listen_count; i++) {
		const struct reload_ip_port *l = &h->listen[i];
		struct reload_ip_port bound;
		if (!reload_app_streams_listen(streams, app, l, 1, &bound))
			continue;
		for (size_t k = 0; k < h->candidates_count && count < max; k++) {
			struct reload_ip_port at = h->candidates[k];
			if (at.type != l->type || at.port != l->port ||
				(!is_any(l) && !reload_ip_port_same_host(&at, l)))
				continue;
			at.port = bound.port;
			out[count++] = (struct reload_link_target){ at,
				RELOAD_LINK_BIT(RELOAD_TLS_TCP_FH_NO_ICE) };
		}
	}
	return count;
}

/* All of 127.0.0.0/8 is this host. */
static bool listens_at_any(const struct host *h, const struct reload_ip_port *at)
{
	for (size_t i = 0; i < h->listen_count; i++)
		if (h->listen[i].port == at->port && h->listen[i].type == at->type &&
			is_any(&h->listen[i]))
			return true;
	return false;
}

bool host_listens_at(const struct host *h, const struct reload_ip_port *at)
{
	struct reload_ip_port own[HOST_INTERFACES_MAX];
	size_t count = addresses(h, own, COUNT_OF(own), false);
	count += addresses(h, &own[count], COUNT_OF(own) - count, true);
	for (size_t i = 0; i < count; i++)
		if (reload_ip_port_eq(&own[i], at))
			return true;
	return reload_ip_port_is_loopback(at) && listens_at_any(h, at);
}

void host_listen_json(struct host *h)
{
	char text[64];
	h->agent.listen = json_array();
	for (size_t i = 0; i < h->listen_count; i++) {
		json_array_append_new(
			h->agent.listen, json_string(reload_ip_port_text(text, &h->listen[i])));
		agent_log(h->agent.log, "agent", RELOAD_LEVEL_INFO,
			"listening address=%s instance=%s overlay=%s", text, h->agent.instance,
			h->identity.config->instance_name);
	}
}
