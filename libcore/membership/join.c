#include "membership/internal.h"

/*
 * Joining the overlay and staying in it (cli.md s3, RFC 6940 s10.5, s11.4).
 *
 *   enrolled -> bootstrapping -> attaching -> joining -> joined -> leaving -> enrolled
 *                    ^               |           |         |
 *                    +--- pause <----+-----------+    isolated (no neighbour answers): joins again
 *
 * bootstrapping: a bootstrap node is looked for until a link stands (search.c).  From attaching on a peer follows
 * its topology plug-in; a client attaches to the peer responsible for its own Node-ID and is joined then.  An attempt that
 * fails is repeated with pauses that double from 0.5 s to 60 s, with jitter, for as long as it is wanted.
 *
 * isolated: a joined peer has lost the last neighbour that answers: at once when no link is left, after NEIGHBOUR_TIMEOUT_MS when
 * clients or doubted links are.  A first node is never isolated, it stays the overlay and looks for others in the same
 * pauses.
 */

enum {
	RETRY_PAUSE_MS = 500,
	RETRY_PAUSE_MAX_MS = 60000,
	OUTDATED_PAUSE_MAX_MS = 4000,
	HASTEN_MS = 2000,
	FIRST_NODE_TRIES = 3, /* attempts of a first node that stepped aside to find anybody */
	CLIENT_TRIES =
		3, /* attempts of a client to reach the peer that is responsible for its Node-ID */
	NEIGHBOUR_TIMEOUT_MS = 30000 /* neighbours that are all doubted for so long are lost */
};

static void search_bootstrap(struct reload_membership *m);
static void become_first_soon(struct reload_membership *m);
static void search_other_ring(void *arg);
static void attach_through(struct reload_membership *m, struct reload_connection *con);

const char *reload_state_name(enum reload_state state)
{
	static const char *const names[] = { "init", "configured", "enrolled", "bootstrapping",
		"attaching", "joining", "joined", "leaving", "isolated", "stopped" };
	return names[state];
}

const char *reload_phase_name(enum reload_phase phase)
{
	static const char *const names[] = { "bootstrap", "attach", "join", "neighbours" };
	return phase < RELOAD_PHASES ? names[phase] : "done";
}

void reload_join_state_set(struct reload_membership *m, enum reload_state state)
{
	if (m->state == state)
		return;
	m->state = state;
	m->since = m->engine->now;
	m->role_changes = m->role_changes && state != RELOAD_STATE_JOINED;
	reload_engine_event(m->engine, &(struct reload_event){ .type = RELOAD_EV_STATE,
					       .code = (uint16_t)state,
					       .node = &m->engine->self });
	if (state == RELOAD_STATE_JOINED) {
		reload_spare_begin(m);
		reload_silence_begin(m);
	} else {
		reload_spare_end(m);
		reload_silence_end(m);
	}
	m->watch->state(m->watch_arg, state);
}

static void phase_enter(struct reload_membership *m, enum reload_phase phase)
{
	if (m->phase < RELOAD_PHASES)
		m->phase_ms[m->phase] += m->engine->now - m->phase_since;
	m->phase = phase;
	m->phase_since = m->engine->now;
}

/* A node with another document takes the newer one of the two soon, by itself: that is not to be missed for long. */
static reload_ms pause_max(const struct reload_membership *m)
{
	return m->last_error == RELOAD_CONFIG_TOO_NEW || m->last_error == RELOAD_CONFIG_TOO_OLD
		       ? OUTDATED_PAUSE_MAX_MS
		       : RETRY_PAUSE_MAX_MS;
}

/* Pauses double, with jitter, so that nodes that lost each other together do not come back together. */
static void retry_after_pause(struct reload_membership *m, void (*then)(void *arg))
{
	reload_ms pause = reload_doubled(RETRY_PAUSE_MS, m->tries, pause_max(m));
	m->tries++;
	reload_timer_arm(&m->engine->timers, &m->retry,
		m->engine->now + reload_engine_jitter(m->engine, pause), then, m);
}

/* Through the same bootstrap node once more; a node that forwarded nothing twice may never do, so then any will do. */
static void retry_now(void *arg)
{
	struct reload_membership *m = arg;
	if (!m->join_requested)
		return;
	struct reload_connection *con =
		m->bootstrap_peer.len && m->tries < RELOAD_SAME_BOOTSTRAP
			? reload_connection_by_node(m->connections, &m->bootstrap_peer)
			: NULL;
	if (con && con->good)
		attach_through(m, con);
	else
		search_bootstrap(m);
}

void reload_join_hasten(struct reload_membership *m)
{
	reload_ms soon = m->engine->now + HASTEN_MS;
	if (m->retry.armed && m->retry.fn == retry_now && m->retry.due > soon)
		reload_timer_arm(&m->engine->timers, &m->retry, soon, retry_now, m);
}

/* What one of the ends refused, a handshake or another document, says more than that nobody answered in the end. */
static bool is_refusal(enum reload_err err)
{
	return err == RELOAD_BAD_CERT || err == RELOAD_CERT_EXPIRED ||
	       err == RELOAD_CERT_UNTRUSTED || err == RELOAD_CERT_REVOKED ||
	       err == RELOAD_CONFIG_TOO_NEW || err == RELOAD_CONFIG_TOO_OLD;
}

void reload_join_link_refused(struct reload_membership *m, enum reload_err err)
{
	if (is_refusal(err) && m->join_requested && m->state != RELOAD_STATE_JOINED)
		m->refusal = err;
}

static void retry_later(struct reload_membership *m, enum reload_err err)
{
	if (m->refusal &&
		(err == RELOAD_UNREACHABLE || err == RELOAD_TIMEOUT || err == RELOAD_LINK_DOWN))
		err = m->refusal;
	m->refusal = RELOAD_OK;
	m->last_error = err;
	m->role_changes = false;
	if (m->aside.was_first_node && !m->aside.active && m->tries >= FIRST_NODE_TRIES)
		m->first_node = true;
	if (m->first_node) { /* it is the overlay until it finds others */
		become_first_soon(m);
		return;
	}
	reload_engine_event(m->engine, &(struct reload_event){ .type = RELOAD_EV_JOIN_FAILED,
					       .err = err,
					       .count = m->tries,
					       .reason = reload_phase_name(m->phase) });
	if (m->state != RELOAD_STATE_ISOLATED)
		reload_join_state_set(m, RELOAD_STATE_BOOTSTRAPPING);
	retry_after_pause(m, retry_now);
}

/* -- bootstrap ------------------------------------------------------------------------------------------------------------- */

static void bootstrap_searched(struct reload_membership *m, uint32_t cookie, enum reload_err err,
	struct reload_connection *con)
{
	(void)cookie;
	if (err)
		retry_later(m, err);
	else
		attach_through(m, con);
}

static void search_bootstrap(struct reload_membership *m)
{
	if (m->state != RELOAD_STATE_ISOLATED)
		reload_join_state_set(m, RELOAD_STATE_BOOTSTRAPPING);
	reload_search_start(m, bootstrap_searched);
}

static void client_attach(struct reload_membership *m);

static void reattach_if_moved(struct reload_membership *m)
{
	if (m->reattach_due)
		client_attach(m);
}

/* That peer cannot be reached by ICE, and no other can for it; or a node that is always on the way there forwards nothing. */
static bool has_no_way(const struct reload_membership *m, enum reload_err err)
{
	return (err == RELOAD_UNREACHABLE && !m->engine->config->no_ice) ||
	       (err == RELOAD_TIMEOUT && m->tries + 1 >= CLIENT_TRIES);
}

/* The peer through which a client reaches others, and others reach it. */
static void client_served_by(struct reload_membership *m, struct reload_connection *con)
{
	bool moved =
		m->state == RELOAD_STATE_JOINED && !reload_id_eq(&m->admitting_peer, &con->node);
	m->connections->default_connection = con;
	m->admitting_peer = con->node;
	if (moved)
		reload_engine_event(
			m->engine, &(struct reload_event){
					   .type = RELOAD_EV_CLIENT_MOVED, .node = &con->node });
}

static void client_attach_again(void *arg)
{
	struct reload_membership *m = arg;
	if (m->role == RELOAD_ROLE_CLIENT && m->join_requested && m->state == RELOAD_STATE_JOINED &&
		!m->attach_cookie)
		client_attach(m);
}

/* The responsible peer was not reached.  The ring may not know yet that another one has gone, and nothing says when it does. */
static void client_stays(struct reload_membership *m)
{
	if (!m->reattach_due && m->tries + 1 < CLIENT_TRIES)
		retry_after_pause(m, client_attach_again);
	reattach_if_moved(m);
}

static void client_attached(struct reload_membership *m, void *arg, uint32_t cookie,
	enum reload_err err, const struct reload_id *node)
{
	(void)arg;
	if (cookie != m->attach_cookie)
		return;
	m->attach_cookie = 0;
	if (m->role != RELOAD_ROLE_CLIENT || !m->join_requested)
		return;
	struct reload_connection *con =
		err ? NULL : reload_connection_by_node(m->connections, node);
	if (!con && m->state == RELOAD_STATE_JOINED) {
		client_stays(m);
		return;
	}
	if (!con && has_no_way(m, err)) /* any peer serves a client (R-4.2.1-02) */
		con = m->connections->default_connection;
	if (!con) {
		retry_later(m, err ? err : RELOAD_LINK_DOWN);
		return;
	}
	client_served_by(m, con);
	m->tries = 0;
	phase_enter(m, RELOAD_PHASES);
	reload_join_state_set(m, RELOAD_STATE_JOINED);
	reload_claims_tables(m);
	reattach_if_moved(m);
	reload_second_link_check(m);
}

/* A client attaches to the peer that is responsible for its Node-ID, so that it is reached by that alone (R-4.2.1-01). */
static void client_attach(struct reload_membership *m)
{
	struct reload_destination own = reload_dest_resource(&m->engine->self);
	m->reattach_due = false;
	m->attach_cookie = ++m->attaches_count;
	reload_attach_start(m, m->attach_cookie, &own, 1, false, client_attached, NULL);
}

void reload_join_client_update(struct reload_membership *m, const struct reload_id *from)
{
	/* R-4.2.1-03: the ring moved around this client's peer; ask again who is responsible */
	if (m->role == RELOAD_ROLE_CLIENT && m->state == RELOAD_STATE_JOINED &&
		m->connections->default_connection &&
		reload_id_eq(&m->connections->default_connection->node, from)) {
		if (m->attach_cookie)
			m->reattach_due = true; /* one at a time, however often it moves */
		else
			client_attach(m);
	}
}

static void attach_through(struct reload_membership *m, struct reload_connection *con)
{
	m->bootstrap_peer = con->node;
	m->connections->default_connection = con;
	if (m->state != RELOAD_STATE_ISOLATED)
		reload_join_state_set(m, RELOAD_STATE_ATTACHING);
	phase_enter(m, RELOAD_PHASE_ATTACH);
	if (m->role == RELOAD_ROLE_CLIENT)
		client_attach(m);
	else
		m->route->topology->join(m->route->plugin, &con->node);
}

static void become_isolated(struct reload_membership *m)
{
	reload_join_state_set(m, RELOAD_STATE_ISOLATED);
	reload_engine_event(m->engine, &(struct reload_event){ .type = RELOAD_EV_ISOLATED });
	m->isolated_since = m->engine->now;
	m->bootstrap_peer.len = m->admitting_peer.len = 0;
	m->tries = 0;
	retry_later(m, RELOAD_LINK_DOWN);
}

/* -- neighbours ------------------------------------------------------------------------------------------------------------ */

static bool is_joined_peer(const struct reload_membership *m)
{
	return m->role == RELOAD_ROLE_PEER && m->join_requested && m->state == RELOAD_STATE_JOINED;
}

static bool neighbour_answers(struct reload_membership *m)
{
	struct reload_connection *con = NULL;
	while ((con = reload_connection_next(m->connections, con)))
		if (con->good && con->node.len &&
			reload_topology_lists(m->route->topology, m->route->plugin, &con->node))
			return true;
	return false;
}

static void route_verified(void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct reload_membership *m = arg;
	struct reload_connection *con = reload_connection_by_link(m->connections, r->over_link);
	if (!is_joined_peer(m) || neighbour_answers(m))
		return;
	if (!con || !con->node.len || result->err ||
		reload_id_eq(&result->responder, &m->engine->self)) {
		retry_after_pause(m, search_other_ring);
		return;
	}
	reload_join_state_set(m, RELOAD_STATE_ISOLATED);
	attach_through(m, con);
}

/* The node that was found may itself be searching, and be in no ring: it is asked who owns the point behind this node. */
static void other_ring_searched(struct reload_membership *m, uint32_t cookie, enum reload_err err,
	struct reload_connection *con)
{
	(void)cookie;
	if (err) {
		retry_after_pause(m, search_other_ring);
		return;
	}
	reload_search_verify_route(m, con, 0, route_verified);
}

/*
 * A first node that lost all its neighbours is the overlay, or may be one part of it: it goes on looking for others, and joins
 * them when it finds some.
 */
static void search_other_ring(void *arg)
{
	struct reload_membership *m = arg;
	if (is_joined_peer(m) && !neighbour_answers(m))
		reload_search_start(m, other_ring_searched);
}

static void become_first(void *arg)
{
	struct reload_membership *m = arg;
	if (!m->join_requested)
		return;
	m->route->topology->first(m->route->plugin);
	m->had_neighbour = false;
	reload_join_state_set(m, RELOAD_STATE_JOINED);
	retry_after_pause(m, search_other_ring);
}

/* The plug-in may be the caller: it is not called back from inside its own call, so a timer does it. */
static void become_first_soon(struct reload_membership *m)
{
	reload_timer_arm(&m->engine->timers, &m->retry, m->engine->now, become_first, m);
}

static void all_neighbours_lost(struct reload_membership *m)
{
	reload_timer_cancel(&m->engine->timers, &m->unresponsive);
	if (!m->first_node)
		become_isolated(m);
	else if (!m->retry.armed ||
		 m->route->topology->get_state(m->route->plugin) != RELOAD_TOPOLOGY_JOINED)
		become_first_soon(
			m); /* also when it was about to look for others: now it answers for nothing */
}

static void neighbours_timed_out(void *arg)
{
	struct reload_membership *m = arg;
	struct reload_connection *con = NULL;
	if (!is_joined_peer(m) || neighbour_answers(m))
		return;
	while (is_joined_peer(m) && (con = reload_connection_next(m->connections, con)))
		if (!con->good) {
			reload_link_drop(m->connections, con, RELOAD_TIMEOUT);
			con = NULL;
		}
	if (is_joined_peer(m))
		all_neighbours_lost(m);
}

void reload_join_check_neighbours(struct reload_membership *m)
{
	if (!is_joined_peer(m))
		return;
	if (neighbour_answers(m)) {
		m->had_neighbour = true;
		reload_timer_cancel(&m->engine->timers, &m->unresponsive);
	} else if (m->had_neighbour && !m->unresponsive.armed) {
		reload_timer_arm(&m->engine->timers, &m->unresponsive,
			m->engine->now + NEIGHBOUR_TIMEOUT_MS, neighbours_timed_out, m);
	}
}

/* A link to somebody, one that answers when there is one; NULL: none. */
static struct reload_connection *another_way(struct reload_membership *m)
{
	struct reload_connection *con = NULL, *doubted = NULL;
	while ((con = reload_connection_next(m->connections, con)) && !(con->node.len && con->good))
		if (con->node.len && !doubted)
			doubted = con;
	return con ? con : doubted;
}

/*
 * The peer that a client was attached to is gone: another link serves (R-4.2.1-02) until an Attach finds the peer that is responsible
 * now.
 */
static void client_reattach(struct reload_membership *m)
{
	struct reload_connection *con = another_way(m);
	if (!con || m->state != RELOAD_STATE_JOINED)
		return;
	m->tries = 0;
	client_served_by(m, con);
	client_attach(m);
}

void reload_join_node_gone(struct reload_membership *m)
{
	if (m->join_requested && !m->connections->count && m->state == RELOAD_STATE_JOINED &&
		(!m->first_node || m->had_neighbour))
		all_neighbours_lost(m);
	else if (m->role == RELOAD_ROLE_CLIENT && !m->connections->default_connection)
		client_reattach(m);
	else
		reload_second_link_check(m);
	reload_join_check_neighbours(m);
}

/* -- beginning, and what the plug-in reports ------------------------------------------------------------------------------ */

static void attempt_begin(struct reload_membership *m, enum reload_role role)
{
	m->join_requested = true;
	m->role = role;
	m->tries = 0;
	m->refusal = RELOAD_OK;
	m->watch->begins(m->watch_arg);
	m->bootstrap_peer.len = m->admitting_peer.len = 0;
	memset(m->phase_ms, 0, sizeof(m->phase_ms));
	m->phase = RELOAD_PHASE_BOOTSTRAP;
	m->phase_since = m->engine->now;
}

/* Where clients are not permitted a peer that cannot write waits outside. */
void reload_join_begin(struct reload_membership *m, enum reload_role role)
{
	attempt_begin(m, role);
	m->first_node = false;
	m->last_error = m->aside.active ? RELOAD_IO : RELOAD_OK;
	if (m->aside.active && !m->engine->config->clients_permitted)
		reload_join_state_set(m, RELOAD_STATE_BOOTSTRAPPING);
	else
		search_bootstrap(m);
	m->aside_check(m);
}

void reload_join_as_first(struct reload_membership *m)
{
	attempt_begin(m, RELOAD_ROLE_PEER);
	m->first_node = true;
	m->route->topology->first(m->route->plugin);
}

void reload_join_topology_state(struct reload_membership *m, enum reload_topology_state state,
	const struct reload_id *other)
{
	switch (state) {
	case RELOAD_TOPOLOGY_DETACHED:
		break;
	case RELOAD_TOPOLOGY_ATTACHING:
		m->had_values_at_join = m->watch->holds_values(m->watch_arg);
		if (m->state != RELOAD_STATE_ISOLATED)
			reload_join_state_set(m, RELOAD_STATE_ATTACHING);
		break;
	case RELOAD_TOPOLOGY_JOINING:
		if (other)
			m->admitting_peer = *other;
		phase_enter(m, RELOAD_PHASE_JOIN);
		if (m->state != RELOAD_STATE_ISOLATED)
			reload_join_state_set(m, RELOAD_STATE_JOINING);
		break;
	case RELOAD_TOPOLOGY_JOINED:
		phase_enter(m, RELOAD_PHASES);
		m->tries = 0;
		m->last_error = RELOAD_OK;
		m->connections->default_connection = NULL; /* from here on the ring is the way */
		if (m->state == RELOAD_STATE_ISOLATED && !m->first_node)
			reload_engine_event(
				m->engine, &(struct reload_event){ .type = RELOAD_EV_REJOINED,
						   .count = m->engine->now - m->isolated_since });
		reload_timer_cancel(&m->engine->timers, &m->unresponsive);
		m->first_node = m->first_node || m->aside.was_first_node;
		m->aside.was_first_node = false;
		m->had_neighbour = false;
		reload_join_state_set(m, RELOAD_STATE_JOINED);
		reload_claims_tables(m);
		break;
	case RELOAD_TOPOLOGY_FAILED:
		if (is_joined_peer(m))
			all_neighbours_lost(m);
		else if (m->join_requested)
			retry_later(m, RELOAD_TIMEOUT);
		break;
	}
}

void reload_join_clear(struct reload_membership *m)
{
	reload_timer_cancel(&m->engine->timers, &m->retry);
	reload_timer_cancel(&m->engine->timers, &m->unresponsive);
	reload_spare_end(m);
	reload_second_link_clear(m);
	reload_silence_end(m);
}
