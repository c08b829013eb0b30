#include "join.h"

#include "discover.h"
#include "ice.h"
#include "listen.h"
#include "log.h"
#include "ready.h"
#include "rpc.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Host names are looked up before the first join, and again whenever a join failed or all neighbours were lost: an address that
 * changed is found without a restart.  Only the first lookup delays a join that has an address to try.
 *
 * With --discover a join first waits a little for what is on the local network.
 *
 *   overlay.join, start -> (names: looking up) -> engine joins -> ... failed: look up, the engine's next search has the result
 */

enum {
	AGAIN_MS = 5000,      /* between two lookups of the same names */
	AGAIN_MAX_MS = 60000, /* as long as no name has an address */
	FOUND_MS = 200,       /* others on the local network answer at the same time */
	ALL_MAX = AGENT_NAMES_MAX * AGENT_NAME_ADDRESSES + RELOAD_CONFIG_LIST_MAX
};

enum reload_err host_join_prepare(
	struct host *h, const struct agent_settings *s, struct reload_error_text *why)
{
	static const struct {
		const char *key, *option;
	} lists[] = { { "bootstrap", "--bootstrap" }, { "advertise", "--advertise" } };
	struct agent_names *names[] = { &h->bootstrap, &h->advertise };
	for (size_t i = 0; i < COUNT_OF(lists); i++) {
		const char *text;
		for (size_t k = 0; (text = agent_setting_value(s, lists[i].key, k)); k++) {
			enum reload_err err = agent_names_add(names[i], lists[i].option, text, why);
			if (err)
				return err;
		}
	}
	return RELOAD_OK;
}

static void asked_free(struct host *h)
{
	if (h->asked)
		agent_names_clear(h->asked);
	free(h->asked);
	h->asked = NULL;
}

void host_join_clear(struct host *h)
{
	asked_free(h);
	agent_names_clear(&h->bootstrap);
	agent_names_clear(&h->advertise);
	if (h->agent.poll)
		reload_timer_cancel(reload_poll_timers(h->agent.poll), &h->resolve);
}

size_t host_join_advertised(const struct host *h, struct reload_ip_port *out, size_t max)
{
	return agent_names_addresses(&h->advertise, out, max);
}

/*
 * The bootstrap nodes that overlay.join named, and no others; else those of --bootstrap and of the document, without
 * this node itself.
 */
static size_t bootstrap_nodes(const struct host *h, struct reload_ip_port out[ALL_MAX])
{
	const struct reload_config *config = reload_peer_config(h->agent.peer);
	if (h->asked)
		return agent_names_addresses(h->asked, out, ALL_MAX);
	size_t count = agent_names_addresses(&h->bootstrap, out, ALL_MAX);
	for (size_t i = 0; i < config->bootstrap_count && count < ALL_MAX; i++)
		if (!host_listens_at(h, &config->bootstrap[i]))
			out[count++] = config->bootstrap[i];
	return count;
}

size_t host_join_bootstrap(const struct host *h, struct reload_ip_port *out, size_t max)
{
	struct reload_ip_port all[ALL_MAX];
	size_t count = bootstrap_nodes(h, all);
	for (size_t i = 0; i < count && i < max; i++)
		out[i] = all[i];
	return count < max ? count : max;
}

static bool any_names(const struct host *h)
{
	return agent_names_any(h->asked ? h->asked : &h->bootstrap) ||
	       agent_names_any(&h->advertise);
}

/* -- looking up again ------------------------------------------------------------------------------------------------------ */

static void resolved_again(void *arg)
{
	struct host *h = arg;
	struct reload_ip_port all[ALL_MAX];
	size_t count = bootstrap_nodes(h, all);
	h->resolved = reload_poll_now();
	reload_peer_bootstrap(h->agent.peer, all, count);
}

static void resolve(struct host *h, void (*done)(void *arg))
{
	agent_names_resolve(&h->advertise, NULL, NULL);
	agent_names_resolve(h->asked ? h->asked : &h->bootstrap, done, h);
}

static void resolve_now(void *arg)
{
	resolve(arg, resolved_again);
}

void host_join_again(struct host *h)
{
	if (!any_names(h) || h->resolve.armed || h->agent.resolving)
		return;
	reload_ms now = reload_poll_now(), due = h->resolved + AGAIN_MS;
	reload_timer_arm(reload_poll_timers(h->agent.poll), &h->resolve, due > now ? due : now,
		resolve_now, h);
}

/* -- joining ----------------------------------------------------------------------------------------------------------------- */

static enum reload_err join_failed(
	struct host *h, enum reload_err err, struct reload_error_text *why)
{
	const struct reload_config *config = reload_peer_config(h->agent.peer);
	char name[RELOAD_DNS_NAME_MAX + 100];
	const struct agent_names *names = h->asked ? h->asked : &h->bootstrap;
	if (err == RELOAD_UNREACHABLE && agent_names_failure(names, name, sizeof(name))) {
		reload_error_explain(why, err, "no address of a bootstrap node", "%s", name);
		reload_error_advise(why, "getent hosts %.*s; or --bootstrap ADDR:PORT",
			(int)strcspn(name, ":"), name);
	} else if (err == RELOAD_UNREACHABLE) {
		reload_error_explain(why, err, "no bootstrap node",
			h->discover ? "neither the configuration nor --bootstrap names another "
				      "node, and none was found on the local network"
				    : "neither the configuration nor --bootstrap names another "
				      "node");
		reload_error_advise(why, "--first forms a ring of its own");
	} else if (err == RELOAD_FORBIDDEN) {
		reload_error_explain(why, err, config->instance_name,
			"the configuration does not permit clients");
		reload_error_advise(why, "reload-join -a %s --as peer", h->agent.instance);
	} else {
		reload_error_explain(
			why, err, config->instance_name, "cannot join: %s", reload_err_text(err));
		reload_error_advise(why, "reload-agent status -a %s", h->agent.instance);
	}
	return err;
}

/* The names have been looked up, or there are none. */
static enum reload_err join_now(struct host *h, struct reload_error_text *why)
{
	struct reload_ip_port all[ALL_MAX];
	size_t count = bootstrap_nodes(h, all);
	h->resolved = reload_poll_now();
	h->agent.rpc->bootstrap[0] = h->agent.tried[0] = 0;
	if (h->asked && count)
		reload_ip_port_text(h->agent.rpc->bootstrap, &all[0]);
	bool known = count || h->peer_cache.count || host_discover_any(h);
	if (h->first && !known) {
		h->first = false;
		return reload_peer_first(h->agent.peer);
	}
	if (!known)
		return join_failed(h, RELOAD_UNREACHABLE, why);
	enum reload_err err = reload_peer_join(h->agent.peer, h->joining_as, all, count);
	if (err == RELOAD_EXISTS && h->asked) /* a join that is under way goes on with them */
		reload_peer_bootstrap(h->agent.peer, all, count);
	return err && err != RELOAD_EXISTS ? join_failed(h, err, why) : err;
}

static void resolved_first(void *arg);

static void resolve_first(void *arg)
{
	resolve(arg, resolved_first);
}

/*
 * At the start the network may not be up yet: lookups are repeated until there is an address.  A person who waits gets
 * the failure at once.
 */
static void resolved_first(void *arg)
{
	struct host *h = arg;
	struct reload_error_text why = { 0 };
	enum reload_err err = join_now(h, &why);
	if (err == RELOAD_UNREACHABLE && !h->asked && !h->stopping) {
		h->resolve_pause = h->resolve_pause ? h->resolve_pause * 2 : AGAIN_MS;
		if (h->resolve_pause > AGAIN_MAX_MS)
			h->resolve_pause = AGAIN_MAX_MS;
		agent_log(h->agent.log, "agent", RELOAD_LEVEL_WARN, "not joining yet: %s: %s",
			why.what, why.reason);
		reload_timer_arm(reload_poll_timers(h->agent.poll), &h->resolve,
			reload_poll_now() + h->resolve_pause, resolve_first, h);
	} else {
		h->agent.resolving = false;
	}
	h->agent.join_err = err == RELOAD_EXISTS ? RELOAD_OK : err;
	h->agent.join_why = why;
	h->agent.rpc->hook.due = true;
}

static enum reload_err join_begin(
	struct host *h, enum reload_role role, struct reload_error_text *why)
{
	const struct reload_config *config = reload_peer_config(h->agent.peer);
	if (config->no_ice != !h->ice) {
		reload_error_explain(why, RELOAD_BAD_CONFIG, config->instance_name,
			"its configuration has changed from links %s ICE to links %s",
			config->no_ice ? "with" : "without", config->no_ice ? "without" : "with");
		reload_error_advise(
			why, "start the agent again: reload-agent run -I %s", h->agent.instance);
		return RELOAD_BAD_CONFIG;
	}
	h->as_client = false;
	h->joining_as = role;
	h->agent.join_err = RELOAD_OK;
	h->resolve_pause = 0;
	reload_timer_cancel(reload_poll_timers(h->agent.poll), &h->resolve);
	h->agent.resolving = any_names(h) || h->discover;
	struct reload_ip_port all[ALL_MAX];
	bool knows_others = any_names(h) || h->peer_cache.count || bootstrap_nodes(h, all);
	reload_ms wait = host_discover_wait(h, knows_others);
	if (wait)
		reload_timer_arm(reload_poll_timers(h->agent.poll), &h->resolve,
			reload_poll_now() + wait, resolve_first, h);
	else if (h->agent.resolving)
		resolve_first(h);
	return h->agent.resolving ? RELOAD_OK : join_now(h, why);
}

void host_join_found(struct host *h)
{
	reload_ms soon = reload_poll_now() + FOUND_MS;
	if (h->agent.resolving && h->resolve.armed && h->resolve.due > soon)
		reload_timer_arm(
			reload_poll_timers(h->agent.poll), &h->resolve, soon, resolve_first, h);
}

void host_join_change(struct host *h, enum reload_role role)
{
	struct reload_ip_port all[ALL_MAX];
	size_t count = bootstrap_nodes(h, all);
	reload_peer_leave(h->agent.peer, true);
	enum reload_err err = reload_peer_join(h->agent.peer, role, all, count);
	if (err)
		agent_log(h->agent.log, "agent", RELOAD_LEVEL_ERROR, "cannot join: %s",
			reload_err_text(err));
}

static enum reload_err join_asked(struct agent *agent, enum reload_role role,
	struct agent_names *names, struct reload_error_text *why)
{
	struct host *h = (struct host *)agent; /* its first member */
	asked_free(h);
	h->asked = names;
	return join_begin(h, role, why);
}

static void join_cancel(struct agent *agent)
{
	struct host *h = (struct host *)agent;
	h->agent.resolving = false;
	reload_timer_cancel(reload_poll_timers(h->agent.poll), &h->resolve);
	agent_names_stop(h->asked ? h->asked : &h->bootstrap);
}

enum reload_err host_join_start(
	struct host *h, const struct agent_settings *s, struct reload_error_text *why)
{
	struct reload_ip_port remembered[AGENT_PEER_CACHE_MAX];
	h->agent.join = join_asked;
	h->agent.join_cancel = join_cancel;
	h->bootstrap.poll = h->advertise.poll = h->agent.poll;
	h->bootstrap.log = h->advertise.log = h->agent.log;
	agent_peer_cache_start(&h->peer_cache, &h->agent, h->identity.config->node_id_len);
	size_t known = agent_peer_cache_addresses(&h->peer_cache, remembered);
	reload_peer_remember(h->agent.peer, remembered, known);
	if (agent_setting_on(s, "no-join")) {
		agent_names_resolve(&h->advertise, NULL, NULL);
		host_ready(h);
		return RELOAD_OK;
	}
	h->first = agent_setting_on(s, "first");
	return join_begin(h, h->agent.role, why);
}

void host_ready(struct host *h)
{
	agent_notify_ready(h->notify);
	if (h->ready_fd < 0)
		return;
	if (write(h->ready_fd, "ready\n", 6) != 6)
		agent_log(h->agent.log, "agent", RELOAD_LEVEL_WARN,
			"nobody reads the ready descriptor");
	close(h->ready_fd);
	h->ready_fd = -1;
}
