#include "ready.h"

#include "common/notify.h"
#include "common/output.h"
#include "link/poll_io.h"
#include "log.h"
#include "util/alloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	LOOK_MS = 2000, /* the longest between two looks at the state */
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

/* -- the service manager ----------------------------------------------------------------------------------------------- */

struct agent_notify {
	struct agent *agent;
	struct cli_notify *to;
	struct reload_timer look;
	bool announced, stopping;
	char status[TEXT]; /* the last one that was sent */
};

static void send_text(struct agent_notify *n, const char *text)
{
	if (!cli_notify_send(n->to, text))
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
		snprintf(text, sizeof(text), "STATUS=%s %.200s as %s, %zu link%s%s",
			ready ? "joined" : "cut off: no neighbour acknowledges;",
			reload_peer_config(n->agent->peer)->instance_name,
			s.role == RELOAD_ROLE_CLIENT ? "client" : "peer", s.links,
			cli_plural(s.links),
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
	reload_ms now = reload_poll_now(), pause = cli_notify_feed(n->to, now);
	if (!n->stopping)
		send_status(n);
	reload_timer_arm(reload_poll_timers(n->agent->poll), &n->look,
		now + (pause < LOOK_MS ? pause : LOOK_MS), on_look, n);
}

struct agent_notify *agent_notify_start(struct agent *agent)
{
	const char *bad;
	struct cli_notify *to = cli_notify_open(&bad);
	if (bad)
		agent_log(agent->log, "agent", RELOAD_LEVEL_WARN,
			"the service manager cannot be told: NOTIFY_SOCKET=%.200s", bad);
	if (!to)
		return NULL;
	struct agent_notify *n = RELOAD_NEW(agent_notify);
	n->agent = agent;
	n->to = to;
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
	cli_notify_close(n->to);
	free(n);
}
