#include "host.h"

#include "apps.h"
#include "capture.h"
#include "control.h"
#include "discover.h"
#include "facts.h"
#include "history.h"
#include "host_links.h"
#include "ice.h"
#include "join.h"
#include "leave.h"
#include "listen.h"
#include "refresh.h"
#include "log.h"
#include "common/metrics.h"
#include "metrics_text.h"
#include "ready.h"
#include "turn_offer.h"
#include "upkeep.h"

#include "common/files.h"
#include "common/home.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	END_MS = 500, /* for signatures under way */
	/*
	 * frames are not repeated on a TLS link; too low a value would only make links look bad on a busy machine, and
	 * requests would be routed around them (interop LINK-09)
	 */
	ACK_FLOOR_MS = 250
};

/*~ 2. The host.  The engine asks for time, links, signatures and a deadline through the table below; what comes back
 * from the loop enters the engine through the functions of peer/peer.h.  Nothing here decides anything about RELOAD.
 */

/* -- operations of the engine ------------------------------------------------------------------------------------------- */

static reload_ms host_now(void *host)
{
	(void)host;
	return reload_poll_now();
}

static reload_utc host_wall(void *host)
{
	(void)host;
	return reload_poll_wall();
}

static void host_random(void *host, void *out, size_t len)
{
	agent_random_take(&((struct host *)host)->random, out, len);
}

static void wake(void *arg)
{
	struct host *h = arg;
	reload_peer_wake(h->agent.peer);
}

static void host_wake_at(void *host, reload_ms when)
{
	struct host *h = host;
	struct reload_timers *timers = reload_poll_timers(h->agent.poll);
	if (when == RELOAD_NEVER)
		reload_timer_cancel(timers, &h->wake);
	else if (!h->wake.armed || h->wake.due != when)
		reload_timer_arm(timers, &h->wake, when, wake, h);
}

static void host_job(void *host, struct reload_job *job)
{
	reload_pool_submit(((struct host *)host)->pool, job);
}

static size_t host_addresses(void *host, struct reload_link_target *out, size_t max)
{
	const struct host *h = host;
	struct reload_ip_port at[HOST_ADDRESSES_MAX];
	size_t count = host_join_advertised(h, at, max < COUNT_OF(at) ? max : COUNT_OF(at));
	for (size_t i = 0; i < h->candidates_count && count < max && count < COUNT_OF(at); i++)
		at[count++] = h->candidates[i];
	for (size_t i = 0; i < count; i++)
		out[i] = (struct reload_link_target){ at[i], (uint8_t)h->link_types };
	return count;
}

/* --first, and no bootstrap node answered. */
static void form_ring(void *arg)
{
	struct host *h = arg;
	h->first = false;
	reload_peer_leave(h->agent.peer, true);
	agent_log(h->agent.log, "agent", RELOAD_LEVEL_WARN,
		"no bootstrap node answers: forming a ring alone");
	if (reload_peer_first(h->agent.peer))
		agent_log(h->agent.log, "agent", RELOAD_LEVEL_ERROR, "could not form a ring");
}

static void host_event(void *host, const struct reload_event *ev)
{
	struct host *h = host;
	if (ev->type == RELOAD_EV_STATE && ev->code == RELOAD_STATE_JOINED) {
		host_ready(h);
		h->agent.refused[0] = h->agent.tried[0] = 0;
	}
	if (ev->type == RELOAD_EV_STATE)
		host_discover_state(h, (enum reload_state)ev->code);
	if (ev->type == RELOAD_EV_LINK_REFUSED && ev->reason)
		snprintf(h->agent.refused, sizeof(h->agent.refused), "a bootstrap node: %s",
			ev->reason);
	if (ev->type == RELOAD_EV_STATE && ev->code == RELOAD_STATE_ENROLLED && h->stopping)
		h->ended = true;
	if (h->first && ev->type == RELOAD_EV_JOIN_FAILED && ev->err == RELOAD_UNREACHABLE)
		reload_timer_arm(reload_poll_timers(h->agent.poll), &h->alone, reload_poll_now(),
			form_ring, h);
	if ((ev->type == RELOAD_EV_CONFIG_MISMATCH && ev->err == RELOAD_CONFIG_TOO_NEW) ||
		(ev->type == RELOAD_EV_ERROR_RECEIVED && ev->err == RELOAD_CONFIG_TOO_OLD))
		host_upkeep_behind(h);
	if (ev->type == RELOAD_EV_JOIN_FAILED)
		host_discover_failed(h);
	if (ev->type == RELOAD_EV_JOIN_FAILED ||
		(ev->type == RELOAD_EV_STATE && ev->code == RELOAD_STATE_ISOLATED))
		host_join_again(h);
	agent_event(&h->agent, ev);
}

/*
 * A newer document: links check certificates against it from now on, and it is written to the disk for the next start.
 */
static void host_config_changed(void *host, const struct reload_config *config)
{
	struct host *h = host;
	struct reload_error_text why = { 0 };
	reload_links_set_trust(h->links, config->trust);
	if (reload_links_set_secret(h->links, config->shared_secret, config->instance_name, &why))
		agent_log(
			h->agent.log, "agent", RELOAD_LEVEL_ERROR, "%s: %s", why.what, why.reason);
	reload_links_set_limits(
		h->links, config->max_message_size, config->overlay_reliability_timer_ms / 2);
	agent_apps_check_trust(h->agent.apps);
	host_discover_configured(h, config);
	char *path = host_document_path(h);
	AUTO(cli_files) files = cli_files_new();
	cli_files_put(files, path, cli_document_mode(config), config->document);
	if (cli_files_commit(files, &why))
		agent_log(h->agent.log, "agent", RELOAD_LEVEL_ERROR,
			"new configuration not written: %s: %s", why.what, why.reason);
	free(path);
}

static void host_reached(
	void *host, const struct reload_id *node, const struct reload_ip_port *addrs, size_t count)
{
	agent_peer_cache_add(&((struct host *)host)->peer_cache, node, addrs, count);
}

static const struct reload_host_ops host_ops = {
	.now = host_now,
	.wall = host_wall,
	.random = host_random,
	.wake_at = host_wake_at,
	.link_open = host_link_open,
	.link_gather = host_ice_gather,
	.link_check = host_ice_check,
	.link_mtu = host_link_mtu,
	.link_heard = host_link_heard,
	.link_certificate = host_link_certificate,
	.link_send = host_link_send,
	.link_close = host_link_close,
	.job = host_job,
	.addresses = host_addresses,
	.reached = host_reached,
	.event = host_event,
	.config_changed = host_config_changed,
	.facts = host_facts,
};

/* -- what comes from the loop --------------------------------------------------------------------------------------------- */

static void link_up(void *arg, uint32_t link, struct reload_cert *cert,
	const struct reload_ip_port *peer, bool incoming)
{
	struct host *h = arg;
	char text[64];
	agent_log(h->agent.log, "link", RELOAD_LEVEL_DEBUG,
		"handshake done link=%u peer=%s user=%s %s", link & 0x7fffffff,
		reload_ip_port_text(text, peer), cert ? cert->user : "?",
		incoming ? "incoming" : "outgoing");
	host_ice_up(h, link, peer, incoming);
	reload_peer_link_up(h->agent.peer, link, cert);
}

static void link_message(void *arg, uint32_t link, struct span message)
{
	struct host *h = arg;
	agent_capture(&h->agent, link, true, message);
	reload_peer_message(h->agent.peer, link, message);
}

static void link_oversized(void *arg, uint32_t link, struct span head)
{
	reload_peer_oversized(((struct host *)arg)->agent.peer, link, head);
}

static void link_expired(void *arg, uint32_t link)
{
	reload_peer_link_expired(((struct host *)arg)->agent.peer, link);
}

static void link_health(void *arg, uint32_t link, bool good)
{
	reload_peer_link_health(((struct host *)arg)->agent.peer, link, good);
}

/* Bootstrap nodes are tried beside one another: what was tried last, of each in turn as far as there is room. */
static void note_tried(struct agent *agent, const char *tried)
{
	size_t used = strlen(agent->tried), len = strlen(tried);
	if (strstr(agent->tried, tried))
		return;
	if (used + len + sizeof("; ") > sizeof(agent->tried))
		used = 0;
	snprintf(agent->tried + used, sizeof(agent->tried) - used, "%s%s", used ? "; " : "", tried);
}

static void link_down(
	void *arg, uint32_t link, enum reload_err err, const struct reload_error_text *why)
{
	struct host *h = arg;
	agent_log(h->agent.log, "link", RELOAD_LEVEL_DEBUG, "down link=%u: %s", link & 0x7fffffff,
		why && why->reason[0] ? why->reason : reload_err_text(err));
	if (reload_err_exit(err) == 10 && why && why->reason[0])
		snprintf(h->agent.refused, sizeof(h->agent.refused), "%.60s%s%s", why->what,
			why->what[0] ? ": " : "", why->reason);
	if (why) {
		char tried[sizeof(h->agent.tried)];
		const char *text = host_ice_tried(h, link, why->reason, tried, sizeof(tried));
		agent_history_link(h->agent.history, link, err, text);
		if (text == tried || !why->what[0])
			note_tried(&h->agent, text);
	}
	host_ice_down(h, link);
	reload_peer_link_down(h->agent.peer, link, err);
}

static void link_refused(void *arg, const struct reload_ip_port *peer, enum reload_err err,
	const struct reload_error_text *why)
{
	struct host *h = arg;
	char text[64];
	agent_log_cause(h->agent.log, "link", RELOAD_LEVEL_INFO, "refused", (unsigned)err,
		"refused peer=%s: %s", reload_ip_port_text(text, peer),
		why && why->reason[0] ? why->reason : reload_err_text(err));
}

static const struct reload_links_ops links_ops = {
	.up = link_up,
	.message = link_message,
	.oversized = link_oversized,
	.health = link_health,
	.expired = link_expired,
	.down = link_down,
	.refused = link_refused,
	.gathered = host_ice_gathered,
	.pairs_failed = host_ice_pairs_failed,
	.addresses_changed = host_ice_addresses_changed,
};

static void job_done(void *arg, struct reload_job *job)
{
	reload_peer_job_done(((struct host *)arg)->agent.peer, job);
}

static void signal_in(void *arg, unsigned events)
{
	struct host *h = arg;
	unsigned char number;
	(void)events;
	if (read(agent_signals_fd(h->signals), &number, 1) != 1)
		return;
	if (number == SIGHUP) {
		json_decref(h->agent.refresh(&h->agent));
		return;
	}
	agent_log(h->agent.log, "agent", RELOAD_LEVEL_INFO, "stopping on signal %u", number);
	h->stop_now |= h->stopping; /* the second Ctrl-C does not wait for the hand-over */
	host_stop(h);
}

/* -- start ------------------------------------------------------------------------------------------------------------------- */

static enum reload_err ready_fd_read(int *out, const char *fd, struct reload_error_text *why)
{
	*out = -1;
	if (!fd)
		return RELOAD_OK;
	char *end;
	long n = strtol(fd, &end, 10);
	/* a closed descriptor would get the number of what the agent opens next: its socket, its store */
	if (*end || n < 0 || n > 65535 || fcntl((int)n, F_GETFD) < 0)
		return reload_error_explain(
			why, RELOAD_USAGE, fd, "--ready-fd takes the number of an open descriptor");
	*out = (int)n;
	return RELOAD_OK;
}

/* At every address, of IPv6 where the host has it. */
static void listen_everywhere(struct host *h)
{
	static const enum reload_address_type families[] = { RELOAD_IPV4, RELOAD_IPV6 };
	for (size_t i = 0; i < COUNT_OF(families); i++)
		if (reload_links_family(families[i]))
			h->listen[h->listen_count++] = (struct reload_ip_port){ .type = families[i],
				.port = RELOAD_DEFAULT_PORT };
}

enum reload_err host_prepare(
	struct host *h, const struct agent_settings *s, struct reload_error_text *why)
{
	const char *identity = agent_setting_value(s, "identity", 0);
	const char *role = agent_setting_value(s, "role", 0);
	if (!identity) {
		reload_error_explain(why, RELOAD_USAGE, "no identity",
			"an agent needs the credentials of a node");
		reload_error_advise(why, "reload-agent run -I NAME");
		return RELOAD_USAGE;
	}
	enum reload_err err = cli_identity_load(&h->identity, identity,
		agent_setting_value(s, "config", 0), reload_poll_wall(), why);
	if (err)
		return err;
	h->agent.instance = agent_setting_value(s, "instance", 0)
				    ? agent_setting_value(s, "instance", 0)
				    : h->identity.instance;
	if (!cli_name_valid(h->agent.instance))
		return reload_error_explain(why, RELOAD_USAGE, h->agent.instance,
			"an instance name has letters, digits and -_.@+, and no -ro at the end");
	if (strcmp(role, "peer") && strcmp(role, "client"))
		return reload_error_explain(why, RELOAD_USAGE, role, "--role is peer or client");
	h->agent.role = strcmp(role, "client") ? RELOAD_ROLE_PEER : RELOAD_ROLE_CLIENT;
	if (cli_size_parse(&h->agent.store_limit, agent_setting_value(s, "store-limit", 0)))
		return reload_error_explain(why, RELOAD_USAGE,
			agent_setting_value(s, "store-limit", 0), "--store-limit takes a size");
	err = agent_setting_rate(&h->diagnostics_rate, s, why);
	if (err)
		return err;
	err = agent_store_path(&h->store_path, h->agent.instance, s, why);
	if (!err && h->agent.role == RELOAD_ROLE_PEER)
		err = cli_dir_check(h->store_path, why);
	if (err)
		return err;
	err = ready_fd_read(&h->ready_fd, agent_setting_value(s, "ready-fd", 0), why);
	if (!err && agent_setting_value(s, "metrics", 0))
		err = metrics_check(agent_setting_value(s, "metrics", 0), why);
	if (!err)
		err = host_control_prepare(h, s, why);
	if (!err)
		err = agent_setting_links(&h->link_types, s, why);
	if (!err)
		err = host_ice_prepare(h, s, why);
	if (!err)
		err = turn_offer_prepare(h, s, why);
	if (!err)
		err = host_discover_prepare(h, s, why);
	if (err)
		return err;
	err = host_addresses_read(
		h->listen, HOST_ADDRESSES_MAX, &h->listen_count, s, "listen", why);
	if (!err)
		err = host_join_prepare(h, s, why);
	if (!err && !h->listen_count)
		listen_everywhere(h);
	return err;
}

void host_clear(struct host *h)
{
	host_refresh_clear(h);
	host_join_clear(h);
	host_ice_clear(h);
	turn_offer_clear(h);
	host_discover_clear(h);
	cli_identity_clear(&h->identity);
	free(h->store_path);
}

static enum reload_err links_start(struct host *h, struct reload_error_text *why)
{
	const struct reload_credentials *c = &h->identity.credentials;
	struct reload_links_setup setup = { .poll = h->agent.poll,
		.ops = &links_ops,
		.arg = h,
		.cert = c->cert,
		.key = c->key,
		.others = c->others,
		.others_count = c->others_count,
		.trust = h->identity.config->trust,
		.max_message = h->identity.config->max_message_size,
		.types = h->link_types,
		.repeat_ms = h->identity.config->overlay_reliability_timer_ms / 2,
		.rto_floor_ms = ACK_FLOOR_MS,
		.keepalive_ms = reload_topology_keepalive_ms(
			reload_topology_find(h->identity.config->topology_plugin),
			h->identity.config),
		.keylog = getenv("SSLKEYLOGFILE") };
	enum reload_err err = reload_links_new(&h->links, &setup, why);
	h->agent.links = h->links;
	if (!err)
		err = reload_links_set_secret(h->links, h->identity.config->shared_secret,
			h->identity.config->instance_name, why);
	if (!err && setup.keylog && *setup.keylog)
		agent_log(h->agent.log, "link", RELOAD_LEVEL_WARN,
			"SSLKEYLOGFILE is set: the secrets of all links are written to %s",
			setup.keylog);
	if (!err)
		err = host_listen(h, why);
	return err ? err : host_ice_start(h, why);
}

/* Sockets of connections are in the directory INSTANCE.apps beside the control socket. */
static enum reload_err apps_start(struct host *h, struct reload_error_text *why)
{
	char *path, *end;
	enum reload_err err = cli_socket_path(&path, h->agent.instance, false, why);
	if (err)
		return err;
	end = strrchr(path, '.');
	memcpy(end, ".apps", sizeof(".apps"));
	h->agent.apps = agent_apps_new(&h->agent, h->links, path);
	free(path);
	return RELOAD_OK;
}

static enum reload_err signals_start(struct host *h, struct reload_error_text *why)
{
	enum reload_err err = agent_signals_new(&h->signals, why);
	if (!err)
		h->signals_handle = reload_poll_add(
			h->agent.poll, agent_signals_fd(h->signals), RELOAD_POLL_IN, signal_in, h);
	return err;
}

static enum reload_err peer_start(struct host *h, struct reload_error_text *why)
{
	enum reload_err err =
		agent_store_open(&h->store, &h->agent, h->identity.config, h->store_path, why);
	if (err)
		return err;
	struct reload_peer_setup setup = { .ops = &host_ops,
		.host = h,
		.app_ops = &agent_app_ops,
		.config = h->identity.config,
		.credentials = &h->identity.credentials,
		.storage = agent_store_storage(h->store),
		.role = h->agent.role,
		.policy.diagnostics_rate = h->diagnostics_rate };
	return reload_peer_new(&h->agent.peer, &setup, why);
}

/*
 * The engine waits for signatures under way before it is freed.  When they take too long, the stored values are safe
 * and the process ends.
 */
static void signatures_wait(struct host *h)
{
	reload_ms end = reload_poll_now() + END_MS;
	while (h->agent.peer && reload_pool_counters(h->pool).waiting) {
		reload_poll_pass(h->agent.poll, 10);
		if (reload_poll_now() < end)
			continue;
		agent_log(h->agent.log, "agent", RELOAD_LEVEL_WARN,
			"ending with signatures under way");
		reload_server_free(agent_rpc_free(&h->agent));
		agent_peer_cache_stop(&h->peer_cache);
		agent_store_free(h->store);
		agent_log_free(h->agent.log);
		_exit(0);
	}
}

/* Takes down what was brought up, in the reverse order. */
static void end(struct host *h)
{
	struct reload_timers *timers = reload_poll_timers(h->agent.poll);
	signatures_wait(h);
	agent_notify_stop(TAKE(h->notify));
	metrics_stop(TAKE(h->metrics));
	struct reload_server *sockets = agent_rpc_free(&h->agent);
	host_upkeep_stop(h);
	host_discover_stop(h);
	agent_peer_cache_stop(&h->peer_cache);
	host_join_clear(h);
	turn_offer_stop(h);
	host_ice_stop(h);
	reload_timer_cancel(timers, &h->validity);
	reload_peer_free(h->agent.peer);
	agent_apps_free(TAKE(h->agent.apps));
	reload_links_free(h->links);
	reload_pool_free(h->pool);
	agent_store_free(h->store);
	reload_server_free(sockets);
	reload_timer_cancel(timers, &h->wake);
	reload_timer_cancel(timers, &h->alone);
	reload_timer_cancel(timers, &h->stop);
	reload_poll_remove(h->agent.poll, h->signals_handle);
	reload_poll_free(TAKE(h->agent.poll));
	json_decref(h->agent.listen);
}

static enum reload_err start_metrics(
	struct host *h, const char *where, struct reload_error_text *why)
{
	enum reload_err err =
		metrics_start(&h->metrics, h->agent.poll, where, metrics_text, &h->agent, why);
	if (!err)
		agent_log(h->agent.log, "agent", RELOAD_LEVEL_INFO, "metrics at %s", where);
	return err;
}

enum reload_err host_run(
	struct host *h, const struct agent_settings *s, struct reload_error_text *why)
{
	enum reload_err err =
		agent_log_new(&h->agent.log, agent_setting_value(s, "log-to", 0), why);
	if (err)
		return err;
	agent_log_name(h->agent.log, h->agent.instance);
	signal(SIGPIPE, SIG_IGN); /* before the first line of the log */
	signal(SIGXFSZ, SIG_IGN); /* at the limit of file sizes the store gets an error */
	host_leave_prepare(h);
	host_refresh_offer(h);
	h->settings = s;
	h->agent.credentials = &h->identity.credentials;
	h->agent.poll = reload_poll_new();
	h->pool = reload_pool_new(h->agent.poll, 0, job_done, h);
	err = agent_log_levels(h->agent.log, agent_setting_value(s, "log-level", 0), why);
	if (!err) /* first, so that from here on a signal is an orderly end */
		err = signals_start(h, why);
	if (!err) /* fails when another agent of this name holds the socket */
		err = host_control_start(h, why);
	if (!err)
		err = peer_start(h, why);
	if (!err)
		err = links_start(h, why);
	if (!err)
		err = apps_start(h, why);
	if (!err && agent_setting_value(s, "metrics", 0))
		err = start_metrics(h, agent_setting_value(s, "metrics", 0), why);
	if (!err) {
		host_listen_json(h);
		turn_offer_start(h);
		err = host_discover_start(h, host_join_found, why);
	}
	if (!err) {
		h->notify = agent_notify_start(&h->agent);
		err = host_join_start(h, s, why);
		host_validity_start(h);
		host_upkeep_start(h);
	}
	while (!err && !h->ended)
		reload_poll_pass(h->agent.poll, RELOAD_NEVER);
	end(h);
	agent_log_free(h->agent.log);
	return err;
}
