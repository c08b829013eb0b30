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

static const char *const types[] = { "host", "srflx", "prflx", "relay" };

/* -- what is asked of the agent ------------------------------------------------------------------------------------------------ */

void media_prepare(struct media *m, const struct reload_sdp_audio *offer)
{
	const struct media_agent *agent = m->plan->agent;
	if (!agent || m->way.state != MEDIA_PLAIN || (offer && !*offer->ice.ufrag))
		return;
	m->way.open_id = agent->send(agent->arg, "media.open",
		json_pack("{s:b, s:b}", "controlling", (int)!offer, "relay_only",
			(int)m->plan->relay_only));
	if (!m->way.open_id)
		return;
	m->way.state = MEDIA_GATHERING;
	m->way.by = cli_monotonic() + GATHER_MS;
}

bool media_ready(const struct media *m)
{
	return m->way.state != MEDIA_GATHERING;
}

const char *media_fault(const struct media *m)
{
	return m->way.state == MEDIA_NO_WAY ? m->way.why : NULL;
}

static json_t *candidates_json(const struct reload_sdp_ice *ice)
{
	json_t *list = json_array();
	char at[64], related[64];
	for (size_t i = 0; i < ice->count; i++) {
		const struct reload_sdp_candidate *c = &ice->candidates[i];
		if (c->type == RELOAD_SDP_PRFLX)
			continue; /* nobody but a check finds such a one */
		json_t *o = json_pack("{s:s, s:s, s:I, s:s}", "foundation", c->foundation, "type",
			types[c->type], "priority", (json_int_t)c->priority, "address",
			reload_ip_port_text(at, &c->at));
		if (c->related.type)
			json_object_set_new(o, "related",
				json_string(reload_ip_port_text(related, &c->related)));
		json_array_append_new(list, o);
	}
	return list;
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
	if (m->way.state != MEDIA_GATHERED)
		return;
	if (*other->ice.ufrag) {
		m->way.state = MEDIA_CHECKING;
		(void)agent->send(agent->arg, "media.check",
			json_pack("{s:I, s:s, s:s, s:o}", "media", m->way.number, "ufrag",
				other->ice.ufrag, "password", other->ice.password, "candidates",
				candidates_json(&other->ice)));
	} else if (other->at.type) {
		leave(m);
	}
}

/* -- what the agent says ------------------------------------------------------------------------------------------------------- */

static bool read_candidate(struct reload_sdp_candidate *c, const json_t *o)
{
	const char *related = cli_get_text(o, "related");
	*c = (struct reload_sdp_candidate){ .priority = (uint32_t)cli_get_int(o, "priority") };
	snprintf(c->foundation, sizeof(c->foundation), "%s", cli_get_text(o, "foundation"));
	for (size_t i = 0; i < COUNT_OF(types); i++)
		if (!strcmp(types[i], cli_get_text(o, "type")))
			c->type = (enum reload_sdp_candidate_type)i;
	return !reload_ip_port_parse(&c->at, cli_get_text(o, "address"), 0) &&
	       (!*related || !reload_ip_port_parse(&c->related, related, 0));
}

/* What is written for those without ICE (RFC 8839 s4.2.1.2 wants one that is likely to work): behind a NAT its outer address. */
static const struct reload_sdp_candidate *best_default(const struct reload_sdp_ice *ice)
{
	static const enum reload_sdp_candidate_type order[] = { RELOAD_SDP_SRFLX, RELOAD_SDP_HOST,
		RELOAD_SDP_RELAY };
	for (size_t k = 0; k < COUNT_OF(order); k++)
		for (size_t i = 0; i < ice->count; i++)
			if (ice->candidates[i].type == order[k])
				return &ice->candidates[i];
	return NULL;
}

static bool take_candidates(struct media *m, const json_t *object)
{
	struct reload_sdp_ice *ice = &m->way.own;
	const json_t *list = json_object_get(object, "candidates"), *o;
	size_t i;
	snprintf(ice->ufrag, sizeof(ice->ufrag), "%s", cli_get_text(object, "ufrag"));
	snprintf(ice->password, sizeof(ice->password), "%s", cli_get_text(object, "password"));
	json_array_foreach (list, i, o)
		if (ice->count < RELOAD_SDP_CANDIDATES_MAX &&
			read_candidate(&ice->candidates[ice->count], o))
			ice->count++;
	const struct reload_sdp_candidate *c = best_default(ice);
	if (!c)
		return false;
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
	return m->way.open_id && m->way.open_id == id;
}

/* The path has ended, or was never there: a call that has begun has no other. */
void media_ended(struct media *m, const char *why)
{
	switch (m->way.state) {
	case MEDIA_PLAIN:
	case MEDIA_LEAVING:
	case MEDIA_NO_WAY:
		break;
	case MEDIA_GATHERING:
		m->way.state = MEDIA_PLAIN; /* no candidate: without ICE then */
		break;
	case MEDIA_GATHERED:
	case MEDIA_CHECKING:
	case MEDIA_CONNECTED:
		m->way.state = MEDIA_NO_WAY;
		snprintf(m->way.why, sizeof(m->way.why), "%s", why);
		break;
	}
	m->way.open_id = 0;
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
		m->way.state = MEDIA_PLAIN;
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
		m->way.state = MEDIA_PLAIN;
	OPENSSL_cleanse(m->way.own.password, sizeof(m->way.own.password));
}
