/* reload-sip-adapter serve: from the options to the loop, and its end. */
#include "reload-sip-adapter/serve.h"

#include "common/home.h"
#include "common/metrics.h"
#include "common/notify.h"
#include "reload-sip-adapter/gateway.h"
#include "reload-sip-adapter/serve_metrics.h"
#include "reload-sip-adapter/serve_show.h"

#include "util/words.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define DEFAULT_PORTS "20000-29999"

enum {
	NONCES_MAX = 65536,
	DEFAULT_MIN_S = 60,
	DEFAULT_MAX_S = 3600,
	DEFAULT_NONCE_MS = 300000
};

/* A run: what has to be ended besides the adapter. */
struct run {
	struct adapter a;
	int stop_fd, hup_fd;
	uint64_t stop_watch, hup_watch;
	reload_ms stop_at; /* RELOAD_NEVER: not stopping */
	reload_ms nonce_ms, idle_ms;
	uint64_t per_host;
	struct metrics *metrics;    /* NULL: nowhere */
	struct cli_notify *manager; /* of services, NULL: nobody wants to know */
};

/* -- what the rooms tell ------------------------------------------------------------------------------------------------------------- */

static reload_ms txn_now(void *arg)
{
	(void)arg;
	return reload_poll_now();
}

static void txn_send(void *arg, struct reload_sip_hop *hop, struct span message)
{
	struct adapter *a = arg;
	(void)transport_send(&a->transport, hop, message);
}

static void txn_timeout(void *arg, struct reload_sip_txn *t)
{
	(void)arg;
	fork_timeout(t);
}

static void txn_ended(void *arg, struct reload_sip_txn *t)
{
	(void)arg;
	fork_txn_ended(t);
}

static const struct reload_sip_txn_ops txn_ops = { txn_now, txn_send, txn_timeout, txn_ended };

static void on_lost(void *arg, struct connection *c)
{
	struct adapter *a = arg;
	a->counts.lost++;
	fork_lost(c);
	overlay_end_free(overlay_end_of(c));
	c->owner = NULL;
}

/* Of the user whose password was right on it; else, as behind a proxy, of any. */
static bool is_needed(void *arg, const struct connection *c)
{
	const struct adapter *a = arg;
	for (size_t i = 0; i < a->served_count; i++) {
		const struct served *s = a->served[i];
		bool may = !c->user || !strcmp(c->user, s->user);
		if (may && reload_sip_bindings_use(&s->bindings, c->id))
			return true;
	}
	return false;
}

static const struct transport_ops transport_ops = {
	.received = adapter_receive,
	.lost = on_lost,
	.needed = is_needed,
	.refused = fork_refused,
	.rubbish = adapter_rubbish,
};

static void on_registration(
	struct served *s, const char *what, const struct reload_call_error *error)
{
	json_t *o =
		json_pack("{s:s, s:s}", "type", error ? "not-registered" : what, "aor", s->user);
	if (error)
		json_object_set(o, "error", error->data);
	adapter_event(s->arg, o);
}

static void on_changed(struct served *s)
{
	adapter_event(
		s->arg, json_pack("{s:s, s:s}", "type",
				s->state == SERVED_READY ? "serving" : "lost", "aor", s->user));
	served_mirror(s);
	if (s->state == SERVED_READY)
		gateway_offer(s->arg, s);
}

/* -- options ---------------------------------------------------------------------------------------------------------------------------- */

static enum reload_err refuse_listen(struct reload_error_text *why, const char *text)
{
	char what[200];
	snprintf(what, sizeof(what), "--listen %.150s", text);
	enum reload_err err =
		cli_refuse(why, what, "it is udp, tcp or tls, a numeric address and a port");
	reload_error_advise(why, "--listen udp:192.0.2.1:5060");
	return err;
}

static enum reload_err listen_at(struct adapter *a, const char *text, struct reload_error_text *why)
{
	static const char *const names[] = { "udp:", "tcp:", "tls:" };
	struct reload_ip_port at;
	for (int i = 0; i < (int)COUNT_OF(names); i++) {
		if (strncasecmp(text, names[i], 4) != 0)
			continue;
		uint16_t port = i == RELOAD_SIP_TLS ? 5061 : 5060;
		if (reload_ip_port_parse(&at, text + 4, port))
			return refuse_listen(why, text);
		if (i == RELOAD_SIP_TLS && !a->transport.tls)
			return cli_refuse(why, "--listen tls without --certificate",
				"TLS needs a certificate and its key");
		if (!a->users_path && !reload_ip_port_is_loopback(&at))
			return cli_refuse(why, "no --users",
				"only devices on this host are taken without passwords, at a "
				"loopback address");
		enum reload_err err =
			transport_listen(&a->transport, (enum reload_sip_transport)i, &at, why);
		if (!err)
			serve_show_listening(a, (enum reload_sip_transport)i, &at);
		return err;
	}
	return refuse_listen(why, text);
}

static enum reload_err listen_all(struct adapter *a, struct reload_error_text *why)
{
	const char *certificate = cli_value(a->cli, "certificate", NULL);
	size_t n = cli_count(a->cli, "listen");
	enum reload_err err = RELOAD_OK;
	if (!n)
		return cli_refuse(why, "no --listen", "devices need an address to come to");
	if (certificate)
		err = transport_certificate(&a->transport, certificate,
			cli_value(a->cli, "key", certificate), cli_value(a->cli, "ca", NULL), why);
	for (size_t i = 0; !err && i < n; i++)
		err = listen_at(a, cli_value_at(a->cli, "listen", i), why);
	return err;
}

static enum reload_err seconds(struct cli *cli, const char *name, reload_ms otherwise_s,
	uint32_t *out, struct reload_error_text *why)
{
	reload_ms ms;
	char what[64];
	enum reload_err err = cli_time(cli, name, otherwise_s * RELOAD_SECOND, &ms, why);
	if (err)
		return err;
	snprintf(what, sizeof(what), "--%s is out of range", name);
	if (ms < RELOAD_SECOND || ms / RELOAD_SECOND > INT32_MAX)
		return cli_refuse(why, what, "from 1s to 68 years");
	*out = (uint32_t)(ms / RELOAD_SECOND);
	return RELOAD_OK;
}

static enum reload_err read_media(struct adapter *a, struct reload_error_text *why)
{
	static const char *const modes[] = { "auto", "relay", "pass" };
	const char *mode = cli_value(a->cli, "media", modes[RELAY_AUTO]);
	const char *ports = cli_value(a->cli, "media-ports", DEFAULT_PORTS);
	uint64_t first = 0, last = 0;
	unsigned i = 0;
	while (i < COUNT_OF(modes) && strcmp(mode, modes[i]) != 0)
		i++;
	if (i == COUNT_OF(modes))
		return cli_refuse(why, "--media", "it is auto, relay or pass");
	bool good = reload_digits(&first, &ports) && *ports++ == '-' &&
		    reload_digits(&last, &ports) && !*ports;
	if (!good || first < 1024 || last > UINT16_MAX || first + 1 > last)
		return cli_refuse(why, "--media-ports",
			"it is two ports from 1024 to 65535, such as " DEFAULT_PORTS);
	a->media = (enum relay_mode)i;
	a->relays.first = a->relays.next = (uint16_t)(first + first % 2);
	a->relays.last = (uint16_t)last;
	return RELOAD_OK;
}

static enum reload_err read_mode(struct adapter *a, struct reload_error_text *why)
{
	const char *mode = cli_value(a->cli, "mode", "proxy");
	size_t n = cli_count(a->cli, "gateway");
	enum reload_err err = RELOAD_OK;
	a->redirect = !strcmp(mode, "redirect");
	if (!a->redirect && strcmp(mode, "proxy") != 0)
		return cli_refuse(why, "that is no --mode", "it is proxy or redirect");
	for (size_t i = 0; !err && i < n; i++)
		err = gateway_add(a->gateways, cli_value_at(a->cli, "gateway", i), why);
	return err;
}

static enum reload_err read_options(struct run *r, struct cli *cli, struct reload_error_text *why)
{
	struct adapter *a = &r->a;
	a->cli = cli;
	enum reload_err err = seconds(cli, "min-expires", DEFAULT_MIN_S, &a->min_expires_s, why);
	if (!err)
		err = seconds(cli, "max-expires", DEFAULT_MAX_S, &a->max_expires_s, why);
	if (!err)
		err = read_media(a, why);
	if (!err)
		err = cli_time(cli, "nonce-lifetime", DEFAULT_NONCE_MS, &r->nonce_ms, why);
	if (err)
		return err;
	if (a->min_expires_s > a->max_expires_s)
		return cli_refuse(why, "--min-expires is above --max-expires",
			"no registration would be possible");
	a->default_expires_s = a->max_expires_s;
	err = read_mode(a, why);
	if (err)
		return err;
	err = cli_number(cli, "per-host", TRANSPORT_OF_HOST, 1, TRANSPORT_CONNECTIONS_MAX,
		&r->per_host, why);
	if (!err)
		err = cli_time(cli, "idle", TRANSPORT_IDLE_MS, &r->idle_ms, why);
	if (err)
		return err;
	a->users_path = cli_value(cli, "users", NULL);
	return a->users_path ? users_read(&a->users, a->users_path, why) : RELOAD_OK;
}

/* -- agents -------------------------------------------------------------------------------------------------------------------------------- */

static enum reload_err serve_agent(
	struct adapter *a, const char *name, struct reload_error_text *why)
{
	char what[200];
	struct served *s;
	if (a->served_count == ADAPTER_AGENTS_MAX) {
		(void)reload_error_explain(why, RELOAD_LIMIT, "too many agents",
			"%d are served by one adapter", ADAPTER_AGENTS_MAX);
		reload_error_advise(why, "another reload-sip-adapter for the rest of the agents");
		return RELOAD_LIMIT;
	}
	enum reload_err err = served_open(&s, a->cli, name, a->poll, &a->transport, why);
	if (err)
		return err;
	const struct served *other = adapter_served(a, s->user);
	s->arg = a;
	s->changed = on_changed;
	s->registration = on_registration;
	a->served[a->served_count++] = s;
	if (!other)
		return RELOAD_OK;
	snprintf(what, sizeof(what), "the agents %.60s and %.60s", other->name, s->name);
	return cli_refuse(why, what, "both are of the same user, whose devices need one of them");
}

static enum reload_err serve_agents(struct adapter *a, struct reload_error_text *why)
{
	size_t n = cli_count(a->cli, "agent");
	enum reload_err err = RELOAD_OK;
	for (size_t i = 0; !err && i < n; i++)
		err = serve_agent(a, cli_value_at(a->cli, "agent", i), why);
	if (n)
		return err;
	char *path;
	err = cli_agent(&path, a->cli, why);
	if (err)
		return err;
	err = serve_agent(a, path, why);
	free(path);
	return err;
}

/* -- the loop -------------------------------------------------------------------------------------------------------------------------------- */

static void on_stop(void *arg, unsigned events)
{
	struct run *r = arg;
	(void)events;
	reload_poll_remove(r->a.poll, r->stop_watch);
	cli_stop_end(r->stop_fd);
	bool again = r->a.stopping;
	r->stop_fd = cli_stop_signals(); /* so that a second signal is seen */
	r->stop_watch = reload_poll_add(r->a.poll, r->stop_fd, RELOAD_POLL_IN, on_stop, r);
	r->a.stopping = true;
	r->stop_at = again ? 0 : reload_poll_now() + ADAPTER_STOP_MS;
	if (!again) {
		(void)cli_notify_send(r->manager, "STOPPING=1");
		fork_stop_all(&r->a);
	}
	for (size_t i = 0; !again && i < r->a.served_count; i++) {
		gateway_withdraw(&r->a, r->a.served[i]);
		(void)served_leave(r->a.served[i]);
	}
}

/* The users before and after the file was read again. */
struct reread {
	struct users before;
	const struct users *now;
};

static bool has_changed(const void *arg, const char *user)
{
	const struct reread *r = arg;
	return !users_same(&r->before, r->now, user);
}

static void on_hup(void *arg, unsigned events)
{
	struct run *r = arg;
	struct signalfd_siginfo info;
	struct reload_error_text why;
	(void)events;
	if (read(r->hup_fd, &info, sizeof(info)) != sizeof(info) || !r->a.users_path)
		return;
	struct reread reread = { r->a.users, &r->a.users };
	r->a.users = (struct users){ 0 };
	if (users_read(&r->a.users, r->a.users_path, &why)) {
		r->a.users = reread.before;
		cli_warn(r->a.cli, "%s: %s; the users are as before", why.what, why.reason);
		return;
	}
	/* a device is asked for its password once a connection */
	transport_distrust(&r->a.transport, has_changed, &reread);
	users_clear(&reread.before);
	adapter_event(&r->a,
		json_pack("{s:s, s:I}", "type", "users", "users", (json_int_t)r->a.users.count));
}

static void watch_signals(struct run *r)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	r->hup_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	r->hup_watch = reload_poll_add(r->a.poll, r->hup_fd, RELOAD_POLL_IN, on_hup, r);
	r->stop_fd = cli_stop_signals();
	r->stop_watch = reload_poll_add(r->a.poll, r->stop_fd, RELOAD_POLL_IN, on_stop, r);
}

static bool leaves(const struct run *r)
{
	bool leaving = fork_any(&r->a) || !LIST_EMPTY(&r->a.gateways->asks);
	for (size_t i = 0; i < r->a.served_count; i++)
		leaving |= r->a.served[i]->registering;
	return leaving && reload_poll_now() < r->stop_at;
}

static void loop(struct run *r)
{
	const char *bad;
	r->manager = cli_notify_open(&bad);
	if (bad)
		cli_warn(r->a.cli, "the service manager cannot be told: NOTIFY_SOCKET=%.200s", bad);
	(void)cli_notify_send(r->manager, "READY=1");
	while (!r->a.stopping || leaves(r)) {
		reload_ms feed = cli_notify_feed(r->manager, reload_poll_now());
		reload_ms wait = r->a.stopping ? ADAPTER_STOP_MS / 20 : RELOAD_NEVER;
		reload_poll_pass(r->a.poll, feed < wait ? feed : wait);
	}
	cli_notify_close(r->manager);
}

static void begin(struct run *r)
{
	struct adapter *a = &r->a;
	uint8_t secret[RELOAD_NONCE_SECRET];
	a->poll = reload_poll_new();
	r->stop_at = RELOAD_NEVER;
	r->stop_fd = r->hup_fd = -1;
	transport_init(&a->transport, a->poll, &transport_ops, a);
	a->transport.of_host_max = r->per_host;
	a->transport.idle_ms = r->idle_ms;
	a->txns = (struct reload_sip_txns){ .ops = &txn_ops,
		.arg = a,
		.timers = reload_poll_timers(a->poll),
		.max = ADAPTER_TRANSACTIONS_MAX,
		.bytes_max = ADAPTER_TRANSACTION_BYTES };
	a->relays.poll = a->poll;
	a->relays.transport = &a->transport;
	calls_init(&a->calls, a);
	TAILQ_INIT(&a->all_forks);
	TAILQ_INIT(&a->foreign);
	if (RAND_bytes(secret, sizeof(secret)) != 1 ||
		RAND_bytes(a->secret, sizeof(a->secret)) != 1)
		abort();
	a->nonces = reload_nonces_new(secret, r->nonce_ms, NONCES_MAX);
	OPENSSL_cleanse(secret, sizeof(secret));
}

static void end(struct run *r)
{
	struct adapter *a = &r->a;
	metrics_stop(r->metrics);
	fork_clear_all(a);
	reload_sip_txns_clear(&a->txns);
	calls_clear(&a->calls);
	for (struct connection *c; (c = transport_any_overlay(&a->transport));) {
		overlay_end_free(c->owner);
		c->owner = NULL;
	}
	transport_clear(&a->transport);
	while (a->served_count)
		served_free(a->served[--a->served_count]);
	reload_poll_remove(a->poll, r->stop_watch);
	reload_poll_remove(a->poll, r->hup_watch);
	if (r->hup_fd >= 0)
		close(r->hup_fd);
	cli_stop_end(r->stop_fd);
	reload_nonces_free(a->nonces);
	OPENSSL_cleanse(a->secret, sizeof(a->secret));
	users_clear(&a->users);
	gateways_clear(a->gateways);
	free(a->gateways);
	reload_poll_free(a->poll);
}

int adapter_serve(struct cli *cli)
{
	struct run *r = RELOAD_NEW(run);
	struct reload_error_text why;
	r->a.gateways = RELOAD_NEW(gateways);
	enum reload_err err = read_options(r, cli, &why);
	if (err) {
		users_clear(&r->a.users);
		gateways_clear(r->a.gateways);
		free(r->a.gateways);
		free(r);
		return cli_fail(cli, err, &why);
	}
	begin(r);
	err = serve_agents(&r->a, &why);
	if (!err && cli->dry_run)
		serve_show_dry_run(&r->a);
	else if (!err)
		err = listen_all(&r->a, &why);
	const char *metrics = cli_value(cli, "metrics", NULL);
	if (!err && !cli->dry_run && metrics)
		err = metrics_start(&r->metrics, r->a.poll, metrics, serve_metrics, &r->a, &why);
	if (!err && !cli->dry_run) {
		watch_signals(r);
		for (size_t i = 0; i < r->a.served_count; i++)
			served_listen(r->a.served[i]);
		loop(r);
		serve_show_summary(&r->a);
	}
	end(r);
	free(r);
	return err ? cli_fail(cli, err, &why) : 0;
}
