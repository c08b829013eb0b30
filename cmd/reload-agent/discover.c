#include "discover.h"

#include "listen.h"
#include "log.h"
#include "multicast.h"

#include "common/private.h"
#include "link/mdns_plugin.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	WAIT_MS = 2000,     /* for answers, which come within a second where there are any */
	NOTICES_MAX = 64,   /* that are read in one pass */
	NAME_MAX_BYTES = 63 /* RFC 6763 s4.1.1 */
};

struct host_discover {
	bool by_mdns, by_multicast;
	struct host_multicast *multicast;
	const struct reload_mdns_plugin *plugin;
	struct reload_mdns *mdns;
	int pipe[2]; /* the plug-in writes, the loop reads */
	uint64_t handle;
	reload_ms started;
	bool announced, found;
	void (*on_found)(struct host *h);
};

enum reload_err host_discover_prepare(
	struct host *h, const struct agent_settings *s, struct reload_error_text *why)
{
	struct host_discover d = { .pipe = { -1, -1 } };
	const char *text;
	for (size_t i = 0; (text = agent_setting_value(s, "discover", i)); i++) {
		if (!strcmp(text, "mdns"))
			d.by_mdns = true;
		else if (!strcmp(text, "multicast"))
			d.by_multicast = true;
		else
			return reload_error_explain(why, RELOAD_USAGE, text,
				"--discover takes mdns or multicast, and nothing else");
	}
	if (!d.by_mdns && !d.by_multicast)
		return RELOAD_OK;
	h->discover = RELOAD_NEW(host_discover);
	*h->discover = d;
	return RELOAD_OK;
}

/* -- the plug-in ---------------------------------------------------------------------------------------------------------------- */

static enum reload_err plugin_open(
	struct host_discover *d, const char *path, struct reload_error_text *why)
{
	/* it stays until the process ends, as its library has a thread */
	void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	const struct reload_mdns_plugin *plugin =
		object ? dlsym(object, RELOAD_MDNS_PLUGIN_SYMBOL) : NULL;
	enum reload_err err = RELOAD_OK;
	if (!plugin) {
		const char *reason = dlerror();
		err = reload_error_explain(why, RELOAD_FAILED, path,
			"the mDNS plug-in cannot be opened: %s", reason ? reason : "it is empty");
		reload_error_advise(why, "apt-get install libavahi-client3 libavahi-glib1");
	} else if (plugin->version != RELOAD_MDNS_PLUGIN_VERSION ||
		   plugin->size != sizeof(*plugin)) {
		err = reload_error_explain(why, RELOAD_FAILED, path,
			"the mDNS plug-in is of version %u, this agent uses version %d",
			plugin->version, RELOAD_MDNS_PLUGIN_VERSION);
		reload_error_advise(why, "make install: agent and plug-in are installed together");
	} else {
		d->plugin = plugin;
	}
	return err;
}

static enum reload_err plugin_load(struct host_discover *d, struct reload_error_text *why)
{
	static const char name[] = "reload-mdns.so";
	char *path;
	for (size_t i = 0; (path = cli_private_place(name, i)); i++) {
		bool there = !access(path, F_OK);
		enum reload_err err = there ? plugin_open(d, path, why) : RELOAD_OK;
		free(path);
		if (there)
			return err;
	}
	enum reload_err err = reload_error_explain(why, RELOAD_FAILED, name,
		"--discover needs it, and it is neither beside the agent nor in %s/reload",
		RELOAD_LIBEXECDIR);
	reload_error_advise(why, "make install, which puts both in their places");
	return err;
}

/* -- what it says --------------------------------------------------------------------------------------------------------------- */

/* Addresses of IPv6 that are good on one link alone would need the name of an interface. */
static bool address_of(struct reload_ip_port *out, const struct reload_mdns_notice *n)
{
	*out = (struct reload_ip_port){ .type = n->family == 4 ? RELOAD_IPV4 : RELOAD_IPV6,
		.port = n->port };
	memcpy(out->addr, n->addr, n->family == 4 ? 4 : 16);
	bool one_link = n->family == 6 && n->addr[0] == 0xfe && (n->addr[1] & 0xc0) == 0x80;
	return !one_link && !reload_ip_port_fault(out);
}

static void found_at(struct host *h, const struct reload_ip_port *at)
{
	char text[64];
	if (host_listens_at(h, at))
		return;
	agent_log(h->agent.log, "agent", RELOAD_LEVEL_DEBUG, "found on the local network: %s",
		reload_ip_port_text(text, at));
	h->discover->found = true;
	reload_peer_hint(h->agent.peer, at, 1);
	h->discover->on_found(h);
}

static void found(struct host *h, const struct reload_mdns_notice *n)
{
	struct reload_ip_port at;
	if (address_of(&at, n))
		found_at(h, &at);
}

static void noticed(struct host *h, struct reload_mdns_notice *n)
{
	struct agent_log *log = h->agent.log;
	n->text[sizeof(n->text) - 1] = 0;
	switch ((enum reload_mdns_notice_type)n->type) {
	case RELOAD_MDNS_FOUND:
		found(h, n);
		break;
	case RELOAD_MDNS_ANNOUNCED:
		agent_log(log, "agent", RELOAD_LEVEL_INFO,
			"announced on the local network name=\"%s\"", n->text);
		break;
	case RELOAD_MDNS_RENAMED:
		agent_log_cause(log, "agent", RELOAD_LEVEL_INFO, "mdns renamed", 0,
			"the name of the announcement was taken, the next one is \"%s\"", n->text);
		break;
	case RELOAD_MDNS_FAILED:
		agent_log_cause(log, "agent", RELOAD_LEVEL_WARN, "mdns", 0,
			"the local network is not looked at: Avahi: %s", n->text);
		break;
	}
}

static void read_notices(void *arg, unsigned events)
{
	struct host *h = arg;
	struct reload_mdns_notice n;
	(void)events;
	for (int i = 0; i < NOTICES_MAX; i++) {
		if (read(h->discover->pipe[0], &n, sizeof(n)) != (ssize_t)sizeof(n))
			return;
		noticed(h, &n);
	}
}

/* -- announcing this node --------------------------------------------------------------------------------------------------------- */

/* The index of the interface that has the address, -1: it is that of the loopback interface, or of none. */
static int interface_of(const struct reload_ip_port *at)
{
	struct ifaddrs *all;
	int index = -1;
	if (getifaddrs(&all))
		return -1;
	for (const struct ifaddrs *i = all; i && index < 0; i = i->ifa_next) {
		if (!i->ifa_addr || i->ifa_flags & IFF_LOOPBACK)
			continue;
		bool same =
			at->type == RELOAD_IPV4
				? i->ifa_addr->sa_family == AF_INET &&
					  !memcmp(&((struct sockaddr_in *)i->ifa_addr)->sin_addr,
						  at->addr, 4)
				: i->ifa_addr->sa_family == AF_INET6 &&
					  !memcmp(&((struct sockaddr_in6 *)i->ifa_addr)->sin6_addr,
						  at->addr, 16);
		if (same)
			index = (int)if_nametoindex(i->ifa_name);
	}
	freeifaddrs(all);
	return index;
}

static size_t places_of(const struct host *h, struct reload_mdns_place out[RELOAD_MDNS_PLACES])
{
	static const uint8_t any[16];
	size_t count = 0;
	for (size_t i = 0; i < h->listen_count && count < RELOAD_MDNS_PLACES; i++) {
		const struct reload_ip_port *at = &h->listen[i];
		bool wildcard = !memcmp(at->addr, any, at->type == RELOAD_IPV4 ? 4 : 16);
		int interface = wildcard ? 0 : interface_of(at);
		if (interface < 0)
			continue;
		out[count++] = (struct reload_mdns_place){ .interface = interface,
			.family = at->type == RELOAD_IPV4 ? 4 : 6,
			.port = at->port };
	}
	return count;
}

static void announce(struct host *h, struct host_discover *d, bool serves)
{
	struct reload_mdns_place places[RELOAD_MDNS_PLACES];
	char name[NAME_MAX_BYTES + 1], hex[RELOAD_ID_HEX];
	if (serves == d->announced)
		return;
	d->announced = serves;
	snprintf(name, sizeof(name), "%.8s %s", reload_id_hex(hex, &h->identity.credentials.node),
		h->identity.config->instance_name);
	d->plugin->announce(d->mdns, name, places, serves ? places_of(h, places) : 0);
}

void host_discover_state(struct host *h, enum reload_state state)
{
	struct host_discover *d = h->discover;
	bool joined = state == RELOAD_STATE_JOINED,
	     serves = joined && h->joining_as == RELOAD_ROLE_PEER && !h->as_client;
	if (d && d->mdns)
		announce(h, d, serves);
	if (!d || !d->multicast)
		return;
	host_multicast_serve(d->multicast, serves);
	if (joined || state == RELOAD_STATE_ENROLLED)
		host_multicast_quiet(d->multicast);
	else if (state == RELOAD_STATE_ISOLATED)
		(void)host_multicast_ask(d->multicast);
}

void host_discover_failed(struct host *h)
{
	if (h->discover && h->discover->multicast)
		(void)host_multicast_ask(h->discover->multicast);
}

void host_discover_configured(struct host *h, const struct reload_config *config)
{
	if (h->discover && h->discover->multicast)
		host_multicast_configured(h->discover->multicast, config);
}

json_t *host_discover_json(const struct host *h)
{
	const struct host_discover *d = h->discover;
	struct host_multicast_counters n = { 0 };
	json_t *groups = json_array();
	if (!d) {
		json_decref(groups);
		return json_null();
	}
	if (d->multicast) {
		const struct reload_config *c = reload_peer_config(h->agent.peer);
		char text[64];
		n = *host_multicast_counters(d->multicast);
		for (size_t i = 0; i < c->multicast_count; i++)
			json_array_append_new(
				groups, json_string(reload_ip_port_text(text, &c->multicast[i])));
	}
	return json_pack("{s:b, s:o, s:I, s:I, s:I, s:I}", "mdns", d->mdns != NULL, "groups",
		groups, "asked", (json_int_t)n.asked, "found", (json_int_t)n.found, "answered",
		(json_int_t)n.answered, "refused", (json_int_t)n.refused);
}

/* -- start and end ------------------------------------------------------------------------------------------------------------------ */

reload_ms host_discover_wait(const struct host *h, bool knows_others)
{
	struct host_discover *d = h->discover;
	reload_ms now = reload_poll_now();
	/* without a known bootstrap node (CFG-12) */
	if (d && d->multicast && !knows_others && host_multicast_ask(d->multicast))
		d->started = now;
	if (!d || (knows_others && !d->mdns))
		return 0;
	reload_ms until = d->started + WAIT_MS;
	return d->found || now >= until ? 0 : until - now;
}

bool host_discover_any(const struct host *h)
{
	return h->discover && h->discover->found;
}

enum reload_err host_discover_start(
	struct host *h, void (*on_found)(struct host *h), struct reload_error_text *why)
{
	struct host_discover *d = h->discover;
	if (!d)
		return RELOAD_OK;
	d->on_found = on_found;
	if (d->by_multicast)
		d->multicast = host_multicast_new(h, found_at);
	if (!d->by_mdns)
		return RELOAD_OK;
	enum reload_err err = plugin_load(d, why);
	if (err)
		return err;
	if (!pipe2(d->pipe, O_CLOEXEC | O_NONBLOCK))
		d->handle =
			reload_poll_add(h->agent.poll, d->pipe[0], RELOAD_POLL_IN, read_notices, h);
	if (d->handle)
		d->mdns = d->plugin->start(h->identity.config->instance_name, d->pipe[1]);
	d->started = reload_poll_now();
	if (d->mdns)
		return RELOAD_OK;
	err = reload_error_explain(
		why, RELOAD_FAILED, "the local network cannot be looked at", "%s", strerror(errno));
	reload_error_advise(
		why, "ulimit -a, which says how many descriptors and threads there may be");
	return err;
}

void host_discover_stop(struct host *h)
{
	struct host_discover *d = h->discover;
	if (!d)
		return;
	host_multicast_free(TAKE(d->multicast));
	if (d->mdns)
		d->plugin->end(d->mdns);
	reload_poll_remove(h->agent.poll, d->handle);
	/* the end that the plug-in writes to stays open: its thread may still be there */
	if (d->pipe[0] >= 0)
		close(d->pipe[0]);
	d->mdns = NULL;
}

void host_discover_clear(struct host *h)
{
	free(h->discover);
	h->discover = NULL;
}
