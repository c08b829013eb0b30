#include "ready.h"

#include "control/local_socket_io.h"
#include "link/poll_io.h"
#include "log.h"
#include "util/alloc.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	LOOK_MS =
		2000, /* between two looks at the state, and the longest between two feeds of the watchdog */
	TEXT = 512
};

bool agent_ready(const struct agent *agent)
{
	struct reload_status s;
	reload_peer_status(agent->peer, &s);
	if (s.state != RELOAD_STATE_JOINED)
		return false;
	struct reload_peer_link *links = reload_alloc_array(s.links + 1, sizeof(*links));
	size_t count = reload_peer_links(agent->peer, links, s.links), listed = 0, good = 0;
	bool client = s.role == RELOAD_ROLE_CLIENT;
	for (size_t i = 0; i < count; i++) {
		bool counts = links[i].listed || client;
		listed += counts;
		good += counts && links[i].good;
	}
	free(links);
	return good || !listed;
}

/* -- systemd: the protocol of sd_notify(3) ------------------------------------------------------------------------------ */

struct agent_notify {
	struct agent *agent;
	int fd;
	struct sockaddr_un to;
	socklen_t to_len;
	struct reload_timer look;
	reload_ms pause;
	bool watched, announced, stopping;
	char status[TEXT]; /* the last one that was sent */
};

static void send_text(struct agent_notify *n, const char *text)
{
	if (sendto(n->fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL,
		    (struct sockaddr *)&n->to, n->to_len) < 0)
		agent_log(n->agent->log, "agent", RELOAD_LEVEL_DEBUG,
			"the service manager was not told: %s", strerror(errno));
}

static void send_status(struct agent_notify *n)
{
	char text[TEXT];
	struct reload_status s;
	reload_peer_status(n->agent->peer, &s);
	bool ready = agent_ready(n->agent);
	if (s.state == RELOAD_STATE_JOINED)
		snprintf(text, sizeof(text), "STATUS=%s %.200s as %s, %zu links%s",
			ready ? "joined" : "cut off: no neighbour acknowledges;",
			reload_peer_config(n->agent->peer)->instance_name,
			s.role == RELOAD_ROLE_CLIENT ? "client" : "peer", s.links,
			n->agent->store_failure ? "; nothing can be stored" : "");
	else
		snprintf(text, sizeof(text), "STATUS=%s, not joined%s%.200s",
			reload_state_name(s.state), n->agent->tried[0] ? ": " : "",
			n->agent->tried);
	if (!strcmp(text, n->status))
		return;
	snprintf(n->status, sizeof(n->status), "%s", text);
	send_text(n, text);
}

static void on_look(void *arg)
{
	struct agent_notify *n = arg;
	if (n->watched)
		send_text(n, "WATCHDOG=1");
	if (!n->stopping)
		send_status(n);
	reload_timer_arm(reload_poll_timers(n->agent->poll), &n->look, reload_poll_now() + n->pause,
		on_look, n);
}

/* WATCHDOG_USEC counts for this process alone, when WATCHDOG_PID says so. */
static reload_ms watchdog_ms(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	unsigned long long us = usec ? strtoull(usec, NULL, 10) : 0;
	if (pid && strtol(pid, NULL, 10) != (long)getpid())
		return 0;
	return us / 1000;
}

/* A path, or @ and a name in the abstract namespace. */
static bool address_of(struct agent_notify *n, const char *path)
{
	if ((path[0] != '/' && path[0] != '@') || !path[1] || !reload_local_address(&n->to, path))
		return false;
	n->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	if (path[0] == '@')
		n->to.sun_path[0] = 0;
	return true;
}

struct agent_notify *agent_notify_start(struct agent *agent)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct agent_notify *n;
	reload_ms watchdog = watchdog_ms();
	if (!path || !*path)
		return NULL;
	n = RELOAD_NEW(agent_notify);
	n->agent = agent;
	n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (n->fd < 0 || !address_of(n, path)) {
		agent_log(agent->log, "agent", RELOAD_LEVEL_WARN,
			"the service manager cannot be told: NOTIFY_SOCKET=%.200s", path);
		if (n->fd >= 0)
			close(n->fd);
		free(n);
		return NULL;
	}
	n->watched = watchdog > 0;
	n->pause = watchdog && watchdog / 2 < LOOK_MS ? watchdog / 2 : LOOK_MS;
	n->pause = n->pause ? n->pause : 1;
	on_look(n);
	return n;
}

void agent_notify_ready(struct agent_notify *n)
{
	if (!n || n->announced)
		return;
	n->announced = true;
	send_text(n, "READY=1");
}

void agent_notify_stopping(struct agent_notify *n)
{
	if (!n || n->stopping)
		return;
	n->stopping = true;
	send_text(n, "STOPPING=1\nSTATUS=leaving the overlay");
}

void agent_notify_stop(struct agent_notify *n)
{
	if (!n)
		return;
	reload_timer_cancel(reload_poll_timers(n->agent->poll), &n->look);
	close(n->fd);
	free(n);
}
