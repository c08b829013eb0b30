/*
 * The mDNS plug-in: services _reload._tcp through the daemon of Avahi (concepts document s2.5).
 *
 *	no daemon --it runs--> connected: what is to be announced is, services are watched
 *	    ^                      |
 *	    +---- it has gone -----+  (the client is made anew)
 *
 * All of it runs in one thread with one GMainContext; the agent's calls are put into that.
 */
#include "link/mdns_plugin.h"

#include <avahi-client/client.h>
#include <avahi-client/lookup.h>
#include <avahi-client/publish.h>
#include <avahi-common/alternative.h>
#include <avahi-common/error.h>
#include <avahi-common/malloc.h>
#include <avahi-common/strlst.h>
#include <avahi-glib/glib-watch.h>
#include <glib.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
	AGAIN_MS = 500, /* after the daemon, or the bus, has gone */
	END_MS = 500
};

/* A service that is watched: its address may change. */
struct service {
	struct reload_mdns *m;
	AvahiIfIndex interface;
	AvahiProtocol protocol;
	char *name, *domain;
	AvahiServiceResolver *resolver;
};

struct own {
	char *name;
	unsigned renames;
	struct reload_mdns_place places[RELOAD_MDNS_PLACES];
	size_t count;
};

struct reload_mdns {
	char *overlay;
	int pipe;
	GMainContext *context;
	GMainLoop *loop;
	GThread *thread;
	AvahiGLibPoll *poll;
	AvahiClient *client;
	bool connected;
	AvahiServiceBrowser *browser;
	AvahiEntryGroup *group;
	GSource *again;
	struct service services[RELOAD_MDNS_FOUND_MAX];
	struct own own;
	GMutex lock;
	GCond ended;
	bool has_ended;
};

static void notify(struct reload_mdns *m, const struct reload_mdns_notice *n)
{
	(void)!write(m->pipe, n, sizeof(*n));
}

static void say(struct reload_mdns *m, enum reload_mdns_notice_type type, const char *text)
{
	struct reload_mdns_notice n = { .type = (uint8_t)type };
	g_strlcpy(n.text, text, sizeof(n.text));
	notify(m, &n);
}

/* -- the services of others -------------------------------------------------------------------------------------------------- */

static void service_clear(struct service *s)
{
	if (s->resolver)
		avahi_service_resolver_free(s->resolver);
	g_free(s->name);
	g_free(s->domain);
	memset(s, 0, sizeof(*s));
}

static struct service *service_of(struct reload_mdns *m, AvahiIfIndex interface,
	AvahiProtocol protocol, const char *name, const char *domain)
{
	for (size_t i = 0; i < RELOAD_MDNS_FOUND_MAX; i++) {
		struct service *s = &m->services[i];
		if (s->name && s->interface == interface && s->protocol == protocol &&
			!strcmp(s->name, name) && !strcmp(s->domain, domain))
			return s;
	}
	return NULL;
}

static bool is_of_overlay(const struct reload_mdns *m, AvahiStringList *txt)
{
	AvahiStringList *entry = avahi_string_list_find(txt, "overlay");
	char *key = NULL, *value = NULL;
	if (!entry || avahi_string_list_get_pair(entry, &key, &value, NULL))
		return false;
	bool same = value && !strcasecmp(value, m->overlay);
	avahi_free(key);
	avahi_free(value);
	return same;
}

static void resolved(AvahiServiceResolver *resolver, AvahiIfIndex interface, AvahiProtocol protocol,
	AvahiResolverEvent event, const char *name, const char *type, const char *domain,
	const char *host, const AvahiAddress *address, uint16_t port, AvahiStringList *txt,
	AvahiLookupResultFlags flags, void *arg)
{
	struct service *s = arg;
	(void)resolver, (void)interface, (void)protocol, (void)name, (void)type, (void)domain;
	(void)host;
	/* an address of another service of this host may be that of another agent */
	if (event != AVAHI_RESOLVER_FOUND || flags & AVAHI_LOOKUP_RESULT_OUR_OWN ||
		!is_of_overlay(s->m, txt))
		return;
	struct reload_mdns_notice n = { .type = RELOAD_MDNS_FOUND, .port = port };
	n.family = address->proto == AVAHI_PROTO_INET ? 4 : 6;
	memcpy(n.addr, address->data.data, n.family == 4 ? 4 : 16);
	notify(s->m, &n);
}

static void watch(struct reload_mdns *m, AvahiIfIndex interface, AvahiProtocol protocol,
	const char *name, const char *type, const char *domain)
{
	struct service *s = NULL;
	if (service_of(m, interface, protocol, name, domain))
		return;
	for (size_t i = 0; i < RELOAD_MDNS_FOUND_MAX && !s; i++)
		if (!m->services[i].name)
			s = &m->services[i];
	if (!s)
		return;
	*s = (struct service){ .m = m,
		.interface = interface,
		.protocol = protocol,
		.name = g_strdup(name),
		.domain = g_strdup(domain) };
	s->resolver = avahi_service_resolver_new(
		m->client, interface, protocol, name, type, domain, protocol, 0, resolved, s);
	if (!s->resolver)
		service_clear(s);
}

static void browsed(AvahiServiceBrowser *browser, AvahiIfIndex interface, AvahiProtocol protocol,
	AvahiBrowserEvent event, const char *name, const char *type, const char *domain,
	AvahiLookupResultFlags flags, void *arg)
{
	struct reload_mdns *m = arg;
	struct service *s;
	(void)browser, (void)flags;
	if (event == AVAHI_BROWSER_NEW)
		watch(m, interface, protocol, name, type, domain);
	else if (event == AVAHI_BROWSER_REMOVE &&
		 (s = service_of(m, interface, protocol, name, domain)))
		service_clear(s);
}

/* -- the own service ------------------------------------------------------------------------------------------------------------ */

static void announce(struct reload_mdns *m);

static void rename_own(struct reload_mdns *m)
{
	if (m->own.renames++ >= RELOAD_MDNS_RENAMES_MAX) {
		say(m, RELOAD_MDNS_FAILED, "every name for the announcement is taken");
		return;
	}
	char *next = avahi_alternative_service_name(m->own.name);
	g_free(m->own.name);
	m->own.name = g_strdup(next);
	avahi_free(next);
	say(m, RELOAD_MDNS_RENAMED, m->own.name);
	announce(m);
}

static void grouped(AvahiEntryGroup *group, AvahiEntryGroupState state, void *arg)
{
	struct reload_mdns *m = arg;
	m->group = group;
	if (state == AVAHI_ENTRY_GROUP_ESTABLISHED)
		say(m, RELOAD_MDNS_ANNOUNCED, m->own.name);
	else if (state == AVAHI_ENTRY_GROUP_COLLISION)
		rename_own(m);
	else if (state == AVAHI_ENTRY_GROUP_FAILURE)
		say(m, RELOAD_MDNS_FAILED, avahi_strerror(avahi_client_errno(m->client)));
}

static int add_places(struct reload_mdns *m)
{
	AvahiStringList *txt = avahi_string_list_add_pair(NULL, "overlay", m->overlay);
	int code = 0;
	for (size_t i = 0; i < m->own.count && code >= 0; i++) {
		const struct reload_mdns_place *p = &m->own.places[i];
		code = avahi_entry_group_add_service_strlst(m->group,
			p->interface ? p->interface : AVAHI_IF_UNSPEC,
			p->family == 4   ? AVAHI_PROTO_INET
			: p->family == 6 ? AVAHI_PROTO_INET6
					 : AVAHI_PROTO_UNSPEC,
			0, m->own.name, RELOAD_MDNS_SERVICE, NULL, NULL, p->port, txt);
	}
	avahi_string_list_free(txt);
	return code < 0 ? code : avahi_entry_group_commit(m->group);
}

static void announce(struct reload_mdns *m)
{
	if (!m->connected)
		return;
	if (m->group)
		avahi_entry_group_reset(m->group);
	if (!m->own.count)
		return;
	if (!m->group)
		m->group = avahi_entry_group_new(m->client, grouped, m);
	int code = m->group ? add_places(m) : avahi_client_errno(m->client);
	if (code == AVAHI_ERR_COLLISION)
		rename_own(m);
	else if (code < 0)
		say(m, RELOAD_MDNS_FAILED, avahi_strerror(code));
}

/* -- the daemon ------------------------------------------------------------------------------------------------------------------- */

static void connect_now(struct reload_mdns *m);

static void forget(struct reload_mdns *m)
{
	for (size_t i = 0; i < RELOAD_MDNS_FOUND_MAX; i++)
		service_clear(&m->services[i]);
	if (m->client)
		avahi_client_free(m->client); /* and with it the browser and the group */
	m->client = NULL;
	m->browser = NULL;
	m->group = NULL;
	m->connected = false;
}

static gboolean again(void *arg)
{
	struct reload_mdns *m = arg;
	m->again = NULL;
	forget(m);
	connect_now(m);
	return G_SOURCE_REMOVE;
}

/* The client cannot be freed in its own callback. */
static void connect_later(struct reload_mdns *m)
{
	if (m->again)
		return;
	m->connected = false;
	m->again = g_timeout_source_new(AGAIN_MS);
	g_source_set_callback(m->again, again, m, NULL);
	g_source_attach(m->again, m->context);
	g_source_unref(m->again);
}

static void client_changed(AvahiClient *client, AvahiClientState state, void *arg)
{
	struct reload_mdns *m = arg;
	m->client = client;
	if (state == AVAHI_CLIENT_S_RUNNING) {
		m->connected = true;
		if (!m->browser)
			m->browser = avahi_service_browser_new(client, AVAHI_IF_UNSPEC,
				AVAHI_PROTO_UNSPEC, RELOAD_MDNS_SERVICE, NULL, 0, browsed, m);
		announce(m);
	} else if (state == AVAHI_CLIENT_FAILURE) {
		say(m, RELOAD_MDNS_FAILED, avahi_strerror(avahi_client_errno(client)));
		connect_later(m);
	} else if (m->group) { /* the host gets another name: what is announced follows */
		avahi_entry_group_reset(m->group);
	}
}

static void connect_now(struct reload_mdns *m)
{
	int code = 0;
	if (!avahi_client_new(
		    avahi_glib_poll_get(m->poll), AVAHI_CLIENT_NO_FAIL, client_changed, m, &code)) {
		m->client = NULL;
		say(m, RELOAD_MDNS_FAILED, avahi_strerror(code));
		connect_later(m);
	}
}

/* -- calls of the agent -------------------------------------------------------------------------------------------------------------- */

static void *run(void *arg)
{
	struct reload_mdns *m = arg;
	g_main_context_push_thread_default(m->context);
	m->poll = avahi_glib_poll_new(m->context, G_PRIORITY_DEFAULT);
	connect_now(m);
	g_main_loop_run(m->loop);
	if (m->again)
		g_source_destroy(m->again);
	forget(m);
	avahi_glib_poll_free(m->poll);
	g_main_context_pop_thread_default(m->context);
	g_mutex_lock(&m->lock);
	m->has_ended = true;
	g_cond_signal(&m->ended);
	g_mutex_unlock(&m->lock);
	return NULL;
}

static struct reload_mdns *start(const char *overlay, int pipe)
{
	struct reload_mdns *m = g_new0(struct reload_mdns, 1);
	m->overlay = g_strdup(overlay);
	m->pipe = pipe;
	m->context = g_main_context_new();
	m->loop = g_main_loop_new(m->context, FALSE);
	g_mutex_init(&m->lock);
	g_cond_init(&m->ended);
	m->thread = g_thread_try_new("mdns", run, m, NULL);
	return m->thread ? m : NULL;
}

static gboolean quit(void *arg)
{
	g_main_loop_quit(arg);
	return G_SOURCE_REMOVE;
}

/* When the daemon does not answer the thread is left alone: the process ends, and with it what was announced. */
static void end(struct reload_mdns *m)
{
	gint64 until = g_get_monotonic_time() + END_MS * G_TIME_SPAN_MILLISECOND;
	g_main_context_invoke(m->context, quit, m->loop);
	g_mutex_lock(&m->lock);
	while (!m->has_ended && g_cond_wait_until(&m->ended, &m->lock, until))
		;
	bool has_ended = m->has_ended;
	g_mutex_unlock(&m->lock);
	if (!has_ended)
		return;
	g_thread_join(m->thread);
	g_main_loop_unref(m->loop);
	g_main_context_unref(m->context);
	g_mutex_clear(&m->lock);
	g_cond_clear(&m->ended);
	g_free(m->own.name);
	g_free(m->overlay);
	g_free(m);
}

struct order {
	struct reload_mdns *m;
	struct own own;
};

static gboolean announce_ordered(void *arg)
{
	struct order *o = arg;
	g_free(o->m->own.name);
	o->m->own = o->own;
	announce(o->m);
	return G_SOURCE_REMOVE;
}

static void announce_later(struct reload_mdns *m, const char *name,
	const struct reload_mdns_place *places, size_t count)
{
	struct order *o = g_new0(struct order, 1);
	o->m = m;
	o->own.name = g_strdup(name);
	o->own.count = count < RELOAD_MDNS_PLACES ? count : RELOAD_MDNS_PLACES;
	memcpy(o->own.places, places, o->own.count * sizeof(*places));
	g_main_context_invoke_full(m->context, G_PRIORITY_DEFAULT, announce_ordered, o, g_free);
}

__attribute__((visibility("default"))) const struct reload_mdns_plugin reload_mdns_plugin = {
	.version = RELOAD_MDNS_PLUGIN_VERSION,
	.size = sizeof(struct reload_mdns_plugin),
	.start = start,
	.end = end,
	.announce = announce_later,
};
