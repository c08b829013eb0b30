#include "media_paths.h"

#include "apps.h"
#include "host.h"
#include "ice.h"
#include "rpc.h"

#include "control/server_io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct media_path {
	TAILQ_ENTRY(media_path) entry;
	struct agent *agent;
	const struct media_path_ops *ops;
	void *arg;
	uint32_t number;
	struct reload_ice_path *ice;
	bool gathered;
	char *socket_path; /* owned; NULL: none, or the program has connected */
	int listening, fd; /* -1: none */
	uint64_t watch;
	struct reload_timer come;
	struct reload_poll_pause pause; /* of listening */
	struct media_path_counts counts;
};

static struct host *host_of(const struct agent *agent)
{
	return (struct host *)agent; /* its first member */
}

static struct reload_timers *timers(const struct media_path *m)
{
	return reload_poll_timers(m->agent->poll);
}

struct media_path *media_path_find(const struct agent *agent, uint32_t number)
{
	struct media_path *m;
	TAILQ_FOREACH (m, &agent->rpc->media, entry)
		if (m->number == number)
			return m;
	return NULL;
}

uint32_t media_path_number(const struct media_path *m)
{
	return m->number;
}

const struct media_path_counts *media_path_counts(const struct media_path *m)
{
	return &m->counts;
}

/* -- the socket --------------------------------------------------------------------------------------------------------------- */

static void watch(struct media_path *m, int fd, reload_poll_fn fn)
{
	reload_poll_remove(m->agent->poll, m->watch);
	m->watch = fd >= 0 ? reload_poll_add(m->agent->poll, fd, RELOAD_POLL_IN, fn, m) : 0;
}

static void stop_listening(struct media_path *m)
{
	reload_timer_cancel(timers(m), &m->come);
	if (m->listening < 0)
		return;
	reload_poll_pause_end(&m->pause);
	watch(m, -1, NULL);
	close(m->listening);
	m->listening = -1;
	unlink(m->socket_path);
	free(TAKE(m->socket_path));
}

static void on_packets(void *arg, unsigned events)
{
	struct media_path *m = arg;
	uint8_t packet[MEDIA_DATAGRAM];
	(void)events;
	for (int i = 0; i < MEDIA_PACKETS_TURN; i++) {
		ssize_t n = recv(m->fd, packet, sizeof(packet), MSG_DONTWAIT | MSG_TRUNC);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			m->ops->ended(m->arg, RELOAD_OK, NULL);
			return;
		}
		if ((size_t)n <= sizeof(packet) &&
			reload_ice_path_send(m->ice, span_of(packet, (size_t)n)))
			m->counts.sent++;
	}
}

static void on_program(void *arg, unsigned events)
{
	struct media_path *m = arg;
	(void)events;
	int fd = accept4(m->listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		(void)reload_poll_pause(m->agent->poll, &m->pause, m->watch, errno);
		return;
	}
	if (!reload_server_permits(fd, m->agent->group)) {
		close(fd);
		return;
	}
	stop_listening(m);
	m->fd = fd;
	watch(m, fd, on_packets);
}

static void on_nobody(void *arg)
{
	struct media_path *m = arg;
	m->ops->ended(m->arg, RELOAD_TIMEOUT, "no program connected to its socket in time");
}

static bool listen_for_program(struct media_path *m)
{
	char name[16];
	snprintf(name, sizeof(name), "m%u", m->number);
	m->listening = agent_apps_listen(m->agent->apps, name, true, &m->socket_path);
	if (m->listening < 0) {
		free(TAKE(m->socket_path));
		m->listening = -1;
		return false;
	}
	watch(m, m->listening, on_program);
	reload_timer_arm(timers(m), &m->come, reload_poll_now() + MEDIA_COME_MS, on_nobody, m);
	return true;
}

/* -- what the path says -------------------------------------------------------------------------------------------------------- */

static void path_gathered(void *arg, const struct reload_ice_found *found)
{
	struct media_path *m = arg;
	host_ice_gathered_media(host_of(m->agent), m->number, found); /* which chooses candidates */
}

static void path_connected(void *arg, const struct reload_ice_pair *pair)
{
	struct media_path *m = arg;
	m->ops->connected(m->arg, pair);
}

/* What a program does not read in time is lost, as on any other way. */
static void path_datagram(void *arg, struct span datagram)
{
	struct media_path *m = arg;
	if (m->fd < 0)
		return;
	if (datagram.len && send(m->fd, datagram.at, datagram.len, MSG_DONTWAIT | MSG_NOSIGNAL) ==
				    (ssize_t)datagram.len)
		m->counts.received++;
	else
		m->counts.dropped++;
}

static void path_failed(
	void *arg, const struct reload_ice_pair *pairs, size_t count, const char *why)
{
	struct media_path *m = arg;
	struct host *h = host_of(m->agent);
	char text[512];
	if (count)
		host_ice_pairs_failed_media(h, m->number, pairs, count);
	const char *reason = host_ice_tried_media(h, m->number, why, text, sizeof(text));
	host_ice_forget_media(h, m->number);
	m->ops->ended(m->arg, RELOAD_UNREACHABLE, reason);
}

static const struct reload_ice_path_ops path_ops = { .gathered = path_gathered,
	.connected = path_connected,
	.datagram = path_datagram,
	.failed = path_failed };

/* -- what gathering asks for ---------------------------------------------------------------------------------------------------- */

static void gather(struct agent *agent, uint32_t number, const struct reload_ice_gather *how)
{
	struct media_path *m = media_path_find(agent, number);
	if (m)
		reload_ice_path_gather(m->ice, how);
}

static void check(struct agent *agent, uint32_t number, const struct reload_ice_remote *remote)
{
	struct media_path *m = media_path_find(agent, number);
	if (m)
		reload_ice_path_check(m->ice, remote);
}

static void chosen(
	struct agent *agent, uint32_t number, const struct reload_ice_found *found, size_t count)
{
	struct media_path *m = media_path_find(agent, number);
	if (!m)
		return;
	m->gathered = true;
	if (listen_for_program(m))
		m->ops->gathered(m->arg, m->socket_path, found, count);
	else
		m->ops->ended(m->arg, RELOAD_IO, "no local socket can be made for it");
}

static void no_way(struct agent *agent, uint32_t number)
{
	struct media_path *m = media_path_find(agent, number);
	if (m)
		m->ops->ended(m->arg, RELOAD_UNREACHABLE,
			m->gathered ? "the other end has no candidate that can be used"
				    : "no candidate of this node can be used");
}

static const struct ice_media_ops ice_ops = {
	.gather = gather, .check = check, .gathered = chosen, .no_way = no_way
};

/* -- life --------------------------------------------------------------------------------------------------------------------- */

enum reload_err media_path_new(struct media_path **out, struct agent *agent, bool controlling,
	bool relay_only, const struct media_path_ops *ops, void *arg)
{
	struct agent_rpc *rpc = agent->rpc;
	if (rpc->media_count == MEDIA_PATHS_MAX)
		return RELOAD_LIMIT;
	struct media_path *m = RELOAD_NEW(media_path);
	m->ice = reload_ice_path_new(host_of(agent)->links, &path_ops, m);
	if (!m->ice) {
		free(m);
		return RELOAD_FAILED;
	}
	m->agent = agent;
	m->ops = ops;
	m->arg = arg;
	m->listening = m->fd = -1;
	do
		m->number = ++rpc->media_last;
	while (!m->number || media_path_find(agent, m->number));
	TAILQ_INSERT_TAIL(&rpc->media, m, entry);
	rpc->media_count++;
	*out = m;
	host_ice_gather_media(host_of(agent), m->number, controlling, relay_only, &ice_ops);
	return RELOAD_OK;
}

void media_path_free(struct media_path *m)
{
	if (!m)
		return;
	host_ice_forget_media(host_of(m->agent), m->number);
	stop_listening(m);
	watch(m, -1, NULL);
	if (m->fd >= 0)
		close(m->fd);
	reload_ice_path_free(m->ice);
	TAILQ_REMOVE(&m->agent->rpc->media, m, entry);
	m->agent->rpc->media_count--;
	free(m);
}

bool media_path_check(struct media_path *m, struct span ufrag, struct span password,
	const struct reload_ice_candidate *candidates, size_t count)
{
	if (!m->gathered)
		return false;
	host_ice_check_media(host_of(m->agent), m->number, ufrag, password, candidates, count);
	return true;
}
