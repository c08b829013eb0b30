#include "listen.h"

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

static void candidate_add(struct host *h, const struct reload_ip_port *at)
{
	if (h->candidates_count < HOST_ADDRESSES_MAX)
		h->candidates[h->candidates_count++] = *at;
}

/* A wildcard address is no candidate: the addresses of the interfaces are, loopback only when there is nothing else. */
static void candidates_of_interfaces(
	struct host *h, const struct reload_ip_port *any, bool loopback)
{
	struct ifaddrs *all, *i;
	if (getifaddrs(&all))
		return;
	for (i = all; i; i = i->ifa_next) {
		struct reload_ip_port c = { .type = any->type, .port = any->port };
		if (!i->ifa_addr || !(i->ifa_flags & IFF_UP) ||
			!(i->ifa_flags & IFF_LOOPBACK) != !loopback)
			continue;
		if (i->ifa_addr->sa_family == AF_INET && any->type == RELOAD_IPV4) {
			memcpy(c.addr, &((struct sockaddr_in *)i->ifa_addr)->sin_addr, 4);
		} else if (i->ifa_addr->sa_family == AF_INET6 && any->type == RELOAD_IPV6) {
			const struct sockaddr_in6 *six = (struct sockaddr_in6 *)i->ifa_addr;
			if (IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr))
				continue; /* a candidate has no scope */
			memcpy(c.addr, &six->sin6_addr, 16);
		} else {
			continue;
		}
		candidate_add(h, &c);
	}
	freeifaddrs(all);
}

enum reload_err host_listen(struct host *h, struct reload_error_text *why)
{
	for (size_t i = 0; i < h->listen_count; i++) {
		enum reload_err err =
			reload_links_listen(h->links, &h->listen[i], &h->listen[i].port, why);
		if (err)
			return err;
		if (!is_any(&h->listen[i]))
			candidate_add(h, &h->listen[i]);
		else
			candidates_of_interfaces(h, &h->listen[i], false);
	}
	for (size_t i = 0; i < h->listen_count && !h->candidates_count; i++)
		candidates_of_interfaces(h, &h->listen[i], true);
	return RELOAD_OK;
}

bool host_listens_at(const struct host *h, const struct reload_ip_port *at)
{
	for (size_t i = 0; i < h->listen_count; i++)
		if (h->listen[i].port == at->port && h->listen[i].type == at->type &&
			(is_any(&h->listen[i]) ||
				!memcmp(h->listen[i].addr, at->addr, sizeof(at->addr))))
			return true;
	return false;
}
