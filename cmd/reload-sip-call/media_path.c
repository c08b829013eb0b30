/*
 * The path of a call's audio: the program's own sockets, or one that the agent finds by ICE and hands over as a socket of packets (media.open in
 * reload-control(7)).
 *
 *   PLAIN --> GATHERING --> GATHERED --> CHECKING --> CONNECTED
 *     ^           |             |            |            |
 *     |           v             v            v            v
 *     +---(no candidates)    LEAVING       NO_WAY <-------+
 *     +-------------------------+
 *
 * LEAVING: the other end has no ICE.  It sends to the address that we named, that of a candidate, and the agent gives its socket up, so that ours has the same
 * port: packets of strangers are told apart there.
 */
#include "reload-sip-call/media_internal.h"

#include "common/call.h"
#include "common/candidates.h"
#include "control/local_socket_io.h"
#include "link/udp_socket_io.h"

#include <openssl/crypto.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	GATHER_MS = 10000, /* the agent has its own limit */
	LEAVE_MS = 3000,   /* until the agent has given its socket up */
	LEAVE_EACH_MS = 20
};

/* -- what is asked of the agent ------------------------------------------------------------------------------------------------ */

/* Own sockets, whose address the other end is told; an agent that tells none but those of relays has no audio then. */
static void do_without(struct media *m, const char *why)
{
	m->way.state = m->plan->relay_only ? MEDIA_NO_WAY : MEDIA_PLAIN;
	snprintf(m->way.why, sizeof(m->way.why), "%s, and this node tells nobody its address", why);
}

void media_prepare(struct media *m, const struct reload_sdp_audio *offer)
{
	const struct media_agent *agent = m->plan->agent;
	if (!agent || m->none || m->way.state != MEDIA_PLAIN)
		return;
	if (offer && !*offer->ice.ufrag) {
		do_without(m, "the other end has no ICE");
		return;
	}
	m->way.open_id = agent->send(
		agent->arg, "media.open", json_pack("{s:b}", "controlling", (int)!offer));
	if (!m->way.open_id) {
		do_without(m, "the agent was not asked for a path");
		return;
	}
	m->way.state = MEDIA_GATHERING;
	m->way.by = cli_monotonic() + GATHER_MS;
}

bool media_ready(const struct media *m)
{
	return m->way.state != MEDIA_GATHERING;
}

const char *media_fault(const struct media *m, enum reload_err *err)
{
	bool no_way = m->way.state == MEDIA_NO_WAY;
	*err = no_way ? RELOAD_LINK_DOWN : m->err;
	return no_way ? m->way.why : m->fault;
}

static void leave(struct media *m)
{
	close(m->way.fd);
	m->way.fd = -1;
	m->way.state = MEDIA_LEAVING;
	m->way.again = cli_monotonic();
	m->way.by = m->way.again + LEAVE_MS;
}

void media_path_start(struct media *m, const struct reload_sdp_audio *other)
{
	const struct media_agent *agent = m->plan->agent;
	bool first = m->way.state == MEDIA_GATHERED;
	if (!first && m->way.state != MEDIA_CHECKING && m->way.state != MEDIA_CONNECTED)
		return;
	if (!first && !strcmp(m->way.other, other->ice.ufrag))
		return;
	if (*other->ice.ufrag) { /* of several answers the last one counts */
		m->way.state = MEDIA_CHECKING;
		m->flowing = false;
		m->session.rtcp.due = RELOAD_RTCP_NEVER;
		snprintf(m->way.other, sizeof(m->way.other), "%s", other->ice.ufrag);
		m->way.check_id = agent->send(agent->arg, "media.check",
			cli_candidates_check(&other->ice, m->way.number));
	} else if (first && other->at.type) {
		leave(m);
	}
}

/* -- what the agent says ------------------------------------------------------------------------------------------------------- */

static bool take_candidates(struct media *m, const json_t *object)
{
	if (!cli_candidates_read(&m->way.own, object))
		return false;
	const struct reload_sdp_candidate *c = cli_candidates_default(&m->way.own);
	m->way.at = c->at;
	m->way.base = c->type == RELOAD_SDP_HOST ? c->at : c->related;
	return true;
}

static void on_gathered(struct media *m, const json_t *object)
{
	if (m->way.state != MEDIA_GATHERING)
		return;
	m->way.number = cli_get_int(object, "media");
	m->way.fd = reload_local_connect(cli_get_text(object, "stream"), true);
	if (m->way.fd >= 0 && take_candidates(m, object)) {
		m->way.state = MEDIA_GATHERED;
		return;
	}
	media_path_close(m);
}

static void on_connected(struct media *m, const json_t *object)
{
	if (m->way.state != MEDIA_CHECKING && m->way.state != MEDIA_CONNECTED)
		return;
	m->way.state = MEDIA_CONNECTED;
	snprintf(m->way.path, sizeof(m->way.path), "%s", cli_get_text(object, "path"));
}

void media_says(struct media *m, const json_t *object)
{
	if (!strcmp(cli_get_text(object, "type"), "gathered"))
		on_gathered(m, object);
	else if (!strcmp(cli_get_text(object, "type"), "connected"))
		on_connected(m, object);
}

bool media_asked(const struct media *m, json_int_t id)
{
	return id && (m->way.open_id == id || m->way.check_id == id);
}

/* The path has ended, or was never there: a call that has begun has no other. */
static void end_path(struct media *m, const char *why)
{
	switch (m->way.state) {
	case MEDIA_PLAIN:
	case MEDIA_LEAVING:
	case MEDIA_NO_WAY:
		break;
	case MEDIA_GATHERING:
		do_without(m, why);
		break;
	case MEDIA_GATHERED:
	case MEDIA_CHECKING:
	case MEDIA_CONNECTED:
		m->way.state = MEDIA_NO_WAY;
		snprintf(m->way.why, sizeof(m->way.why), "%s", why);
		break;
	}
	m->way.open_id = m->way.check_id = 0;
}

void media_replied(struct media *m, json_int_t id, const char *failure)
{
	if (id == m->way.open_id || failure)
		end_path(m, failure ? failure : "the agent has ended the path");
}

/* -- time ------------------------------------------------------------------------------------------------------------------------ */

static void take_port(struct media *m, reload_ms now)
{
	if (media_sockets_at(m, &m->way.base)) {
		m->way.state = MEDIA_PLAIN;
		return;
	}
	m->way.again = now + LEAVE_EACH_MS;
	if (now < m->way.by)
		return;
	m->way.state = MEDIA_NO_WAY;
	snprintf(m->way.why, sizeof(m->way.why),
		"the other end has no ICE, and the port that it sends to cannot be opened here");
}

void media_path_run(struct media *m, reload_ms now)
{
	if (m->way.state == MEDIA_LEAVING && now >= m->way.again)
		take_port(m, now);
	else if (m->way.state == MEDIA_GATHERING && now >= m->way.by)
		do_without(m, "no candidates were gathered in time");
}

reload_ms media_path_due(const struct media *m)
{
	if (m->way.state == MEDIA_LEAVING)
		return m->way.again;
	return m->way.state == MEDIA_GATHERING ? m->way.by : RELOAD_NEVER;
}

void media_path_close(struct media *m)
{
	if (m->way.fd >= 0)
		close(m->way.fd);
	m->way.fd = -1;
	if (m->way.state == MEDIA_GATHERING)
		do_without(m, "the agent offers no candidate");
	OPENSSL_cleanse(m->way.own.password, sizeof(m->way.own.password));
}
