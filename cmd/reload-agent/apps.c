#include "apps.h"

#include "host.h"
#include "ice.h"
#include "listen.h"
#include "rpc.h"

#include "common/json.h"
#include "control/local_socket_io.h"
#include "control/server_io.h"
#include "link/ice_plugin.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

TAILQ_HEAD(app_owners, app_owner);
TAILQ_HEAD(app_connections, app_connection);

struct agent_apps {
	struct agent *agent;
	struct reload_app_streams *streams;
	char *dir;
	struct app_owners owners;
	struct app_connections connections;
	uint32_t next_app;
	json_int_t next_number;
};

static struct agent_apps *of_host(void *host)
{
	return ((struct agent *)host)->apps;
}

static struct reload_timers *timers(const struct agent_apps *apps)
{
	return reload_poll_timers(apps->agent->poll);
}

/* -- the local socket of a connection ------------------------------------------------------------------------------------- */

static void socket_close(struct app_connection *c)
{
	struct agent_apps *apps = c->owner->apps;
	if (!c->path)
		return;
	reload_poll_pause_end(&c->pause);
	reload_poll_remove(apps->agent->poll, c->watch);
	close(c->fd);
	unlink(c->path);
	free(TAKE(c->path));
}

static void connection_forget(struct app_connection *c)
{
	struct agent_apps *apps = c->owner->apps;
	socket_close(c);
	reload_timer_cancel(timers(apps), &c->timer);
	TAILQ_REMOVE(&apps->connections, c, entry);
}

static void connection_free(struct app_connection *c)
{
	free(c->user);
	free(c);
}

static void connection_ended(struct app_connection *c, const struct reload_app_stream_end *end)
{
	connection_forget(c);
	if (c->incoming)
		reload_peer_app_place_free(c->owner->apps->agent->peer, c->application);
	c->owner->ended(c->owner, c, end); /* which may be its end */
	connection_free(c);
}

static void on_timer(void *arg)
{
	struct app_connection *c = arg;
	struct reload_app_stream_end end = { .err = c->err, .why = &c->why };
	if (!c->err) {
		end.err = reload_error_explain(&c->why, RELOAD_TIMEOUT,
			"the connection was not used",
			"no program connected to its socket within %d s", APPS_COME_MS / 1000);
		reload_error_advise(&c->why, "connect to the path in \"stream\" at once");
	}
	reload_app_streams_drop(c->owner->apps->streams, c->stream);
	connection_ended(c, &end);
}

static void on_program(void *arg, unsigned events)
{
	struct app_connection *c = arg;
	struct agent_apps *apps = c->owner->apps;
	(void)events;
	int fd = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		(void)reload_poll_pause(apps->agent->poll, &c->pause, c->watch, errno);
		return;
	}
	if (!reload_server_permits(fd, apps->agent->group)) {
		close(fd);
		return;
	}
	reload_timer_cancel(timers(apps), &c->timer);
	socket_close(c);
	reload_app_streams_join(apps->streams, c->stream, fd);
}

static enum reload_err socket_failed(struct app_connection *c, int err)
{
	reload_error_explain(&c->why, RELOAD_IO, "no socket for the connection", "%s: %s", c->path,
		strerror(err));
	reload_error_advise(&c->why, "ls -ld %s", c->owner->apps->dir);
	return RELOAD_IO;
}

int agent_apps_listen(struct agent_apps *apps, const char *name, bool packets, char **path)
{
	size_t len = strlen(apps->dir) + strlen(name) + 2;
	*path = reload_alloc(len);
	snprintf(*path, len, "%s/%s", apps->dir, name);
	if (mkdir(apps->dir, 0700) && errno != EEXIST)
		return -errno;
	int fd = reload_local_listen(*path, 1, packets);
	gid_t group = apps->agent->group;
	if (fd >= 0 && group &&
		(!reload_local_share(apps->dir, group, 0710) ||
			!reload_local_share(*path, group, 0660))) {
		int err = errno;
		close(fd);
		unlink(*path);
		return -err;
	}
	return fd;
}

static enum reload_err socket_open(struct app_connection *c)
{
	struct agent_apps *apps = c->owner->apps;
	char name[24];
	snprintf(name, sizeof(name), "%lld", (long long)c->number);
	c->fd = agent_apps_listen(apps, name, c->owner->packets, &c->path);
	if (c->fd < 0)
		return socket_failed(c, -c->fd);
	c->watch = reload_poll_add(apps->agent->poll, c->fd, RELOAD_POLL_IN, on_program, c);
	return c->watch ? RELOAD_OK : socket_failed(c, errno);
}

/* -- what the engine orders -------------------------------------------------------------------------------------------------- */

static void op_connect(void *host, uint32_t app, const struct reload_link_target *to, size_t count)
{
	reload_app_streams_connect(of_host(host)->streams, app, to, count);
}

static struct app_owner *owner_of(struct agent_apps *apps, uint32_t app, uint16_t application)
{
	struct app_owner *o;
	TAILQ_FOREACH (o, &apps->owners, entry)
		if (app >> 31 ? o->listens && o->application == application : o->app == app)
			return o;
	return NULL;
}

static size_t op_listen(void *host, uint32_t app, struct reload_link_target *out, size_t max)
{
	struct agent_apps *apps = of_host(host);
	struct app_owner *owner = owner_of(apps, app, 0);
	size_t count = host_listen_app(host, apps->streams, app, out, max), len = 0;
	for (size_t i = 0; owner && i < count && len < APPS_OFFERED; i++) {
		char text[64];
		len += (size_t)snprintf(owner->offered + len, APPS_OFFERED - len, "%s%s",
			i ? ", " : "", reload_ip_port_text(text, &out[i].at));
	}
	return count;
}

static void op_gather(void *host, uint32_t app, uint16_t application, bool controlling)
{
	struct app_owner *owner = owner_of(of_host(host), app, application);
	if (owner && controlling) {
		owner->offered[0] = 0;
		owner->relay_may_help = false;
	}
	host_ice_gather_app(host, app, controlling, owner && owner->packets);
}

static void op_check(void *host, uint32_t app, struct span ufrag, struct span password,
	const struct reload_ice_candidate *candidates, size_t count)
{
	host_ice_check_app(host, app, ufrag, password, candidates, count);
}

static void op_take(void *host, uint32_t app, uint32_t stream, const struct reload_app_peer *peer)
{
	struct agent_apps *apps = of_host(host);
	struct app_owner *owner = owner_of(apps, app, peer->application);
	if (!owner)
		return; /* op_end() follows */
	struct app_connection *c = RELOAD_NEW(app_connection);
	c->owner = owner;
	c->stream = stream;
	c->number = ++apps->next_number;
	c->application = peer->application;
	c->incoming = peer->incoming;
	c->node = peer->node;
	c->user = peer->cert->user ? reload_strdup(peer->cert->user) : NULL;
	TAILQ_INSERT_TAIL(&apps->connections, c, entry);
	owner->app = 0;
	struct reload_ip_port at;
	if (!reload_app_streams_take(apps->streams, stream, &at)) {
		c->err = reload_error_explain(&c->why, RELOAD_LINK_DOWN, "the connection was lost",
			"the other end closed it at once");
		reload_error_advise(&c->why, "the same again");
	} else {
		const struct reload_ice_pair *pair = reload_app_streams_pair(apps->streams, stream);
		reload_ip_port_text(c->address, &at);
		c->path_name = agent_path_name(pair);
		c->packet_bytes = reload_app_streams_packet_bytes(apps->streams, stream);
		agent_relay_text(c->relay, pair);
	}
	if (!c->err)
		c->err = socket_open(c);
	reload_timer_arm(timers(apps), &c->timer, reload_poll_now() + (c->err ? 0 : APPS_COME_MS),
		on_timer, c);
	if (!c->err)
		owner->connected(owner, c);
}

static void op_drop(void *host, uint32_t app, uint32_t stream)
{
	(void)app;
	reload_app_streams_drop(of_host(host)->streams, stream);
}

static void op_end(void *host, uint32_t app)
{
	host_ice_forget_app(host, app);
	reload_app_streams_end(of_host(host)->streams, app);
}

static void op_failed(void *host, uint32_t app, const struct reload_result *result)
{
	struct app_owner *owner = owner_of(of_host(host), app, 0);
	if (!owner)
		return;
	owner->app = 0;
	owner->failed(owner, result);
}

const struct reload_app_ops agent_app_ops = {
	.gather = op_gather,
	.check = op_check,
	.listen = op_listen,
	.connect = op_connect,
	.take = op_take,
	.drop = op_drop,
	.end = op_end,
	.failed = op_failed,
};

/* -- what comes from the streams --------------------------------------------------------------------------------------------- */

static void stream_up(void *arg, uint32_t app, uint32_t stream, struct reload_cert *cert,
	const struct reload_ip_port *peer)
{
	struct agent_apps *apps = arg;
	(void)peer;
	reload_peer_app_up(apps->agent->peer, app, stream, cert);
}

static void stream_down(
	void *arg, uint32_t app, enum reload_err err, const struct reload_error_text *why)
{
	struct agent_apps *apps = arg;
	struct host *h = (struct host *)apps->agent; /* its first member */
	struct app_owner *owner = app >> 31 ? NULL : owner_of(apps, app, 0);
	char text[APPS_OFFERED];
	const char *reason = host_ice_tried_app(h, app, why->reason, text, sizeof(text));
	agent_log(apps->agent->log, "link", RELOAD_LEVEL_INFO,
		"no connection for an application%s%s: %s", h->ice ? "" : " to ",
		h->ice ? "" : why->what, reason);
	if (owner)
		snprintf(owner->offered, sizeof(owner->offered), "%s", reason);
	host_ice_down_app(h, app);
	reload_peer_app_down(apps->agent->peer, app, err);
}

static void stream_gathered(void *arg, uint32_t app, const struct reload_ice_found *found)
{
	struct agent_apps *apps = arg;
	host_ice_gathered_app((struct host *)apps->agent, app, found);
}

static void stream_pairs_failed(
	void *arg, uint32_t app, const struct reload_ice_pair *pairs, size_t count)
{
	struct agent_apps *apps = arg;
	struct host *h = (struct host *)apps->agent;
	struct app_owner *owner = app >> 31 ? NULL : owner_of(apps, app, 0);
	bool relayed = false;
	for (size_t i = 0; i < count; i++)
		relayed |= pairs[i].local_type == RELOAD_ICE_RELAY;
	host_ice_pairs_failed_app(h, app, pairs, count);
	if (owner)
		owner->relay_may_help = !relayed && host_ice_may_relay(h);
}

static void stream_ended(void *arg, uint32_t stream, const struct reload_app_stream_end *end)
{
	struct agent_apps *apps = arg;
	struct app_connection *c;
	TAILQ_FOREACH (c, &apps->connections, entry)
		if (c->stream == stream)
			break;
	if (c)
		connection_ended(c, end);
}

static const struct reload_app_streams_ops streams_ops = { .up = stream_up,
	.down = stream_down,
	.ended = stream_ended,
	.gathered = stream_gathered,
	.pairs_failed = stream_pairs_failed };

/* -- owners ------------------------------------------------------------------------------------------------------------------ */

void app_owner_add(struct app_owner *owner, struct agent *agent)
{
	owner->apps = agent->apps;
	TAILQ_INSERT_TAIL(&owner->apps->owners, owner, entry);
}

enum reload_err app_owner_ask(
	struct app_owner *owner, uint16_t application, const struct reload_request_target *target)
{
	struct agent_apps *apps = owner->apps;
	do
		apps->next_app = (apps->next_app + 1) & INT32_MAX;
	while (!apps->next_app || owner_of(apps, apps->next_app, 0));
	owner->app = apps->next_app;
	enum reload_err err =
		reload_peer_app_ask(apps->agent->peer, owner->app, application, target);
	if (err)
		owner->app = 0;
	return err;
}

void app_owner_remove(struct app_owner *owner)
{
	struct agent_apps *apps = owner->apps;
	struct app_connection *c, *next;
	if (owner->app)
		reload_peer_app_cancel(apps->agent->peer, owner->app);
	if (owner->listens)
		reload_peer_app_serve_end(apps->agent->peer, owner->application);
	for (c = TAILQ_FIRST(&apps->connections); c; c = next) {
		next = TAILQ_NEXT(c, entry);
		if (c->owner != owner)
			continue;
		reload_app_streams_drop(apps->streams, c->stream);
		connection_forget(c);
		connection_free(c);
	}
	TAILQ_REMOVE(&apps->owners, owner, entry);
}

json_t *app_connection_json(const struct app_connection *c, const char *type)
{
	json_t *o = json_pack("{s:s, s:I, s:I, s:s, s:o, s:o, s:s, s:s, s:o}", "type", type,
		"connection", c->number, "application", (json_int_t)c->application, "stream",
		c->path, "node_id", json_of_id(&c->node), "user", json_of_text(c->user), "address",
		c->address, "path", c->path_name, "relay",
		json_of_text(c->relay[0] ? c->relay : NULL));
	json_object_set_new(o, "packet_bytes",
		c->packet_bytes ? json_integer((json_int_t)c->packet_bytes) : json_null());
	return o;
}

bool app_packets_refused(const struct agent *agent, struct reload_error_text *why)
{
	if (agent->nat_json)
		return false;
	reload_error_explain(why, RELOAD_FAILED, "no connection that carries packets",
		"without ICE the connections of applications are TLS, which carries a stream");
	reload_error_advise(
		why, "the same without --datagram, or an overlay of reload-enroll init --ice");
	return true;
}

void agent_apps_check_trust(struct agent_apps *apps)
{
	if (apps)
		reload_app_streams_check_trust(apps->streams);
}

/* -- life -------------------------------------------------------------------------------------------------------------------- */

/* Removes the sockets that an agent that was killed left behind. */
static void dir_clean(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *e;
	while (dir && (e = readdir(dir)))
		if (e->d_type == DT_SOCK || e->d_type == DT_UNKNOWN)
			unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		closedir(dir);
}

struct agent_apps *agent_apps_new(struct agent *agent, struct reload_links *links, const char *dir)
{
	struct agent_apps *apps = RELOAD_NEW(agent_apps);
	apps->agent = agent;
	apps->dir = reload_strdup(dir);
	TAILQ_INIT(&apps->owners);
	TAILQ_INIT(&apps->connections);
	dir_clean(dir);
	apps->streams = reload_app_streams_new(&(struct reload_app_streams_setup){
		.links = links, .ops = &streams_ops, .arg = apps });
	agent->app_streams = apps->streams;
	return apps;
}

void agent_apps_free(struct agent_apps *apps)
{
	if (!apps)
		return;
	reload_app_streams_free(apps->streams);
	rmdir(apps->dir);
	free(apps->dir);
	free(apps);
}
