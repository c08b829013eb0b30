#include "peer/internal.h"

/*
 * The life of a node (cli.md s3, RFC 6940 s10.5, s11.4).
 *
 *   enrolled -> bootstrapping -> attaching -> joining -> joined -> leaving -> enrolled
 *                    ^               |           |         |
 *                    +--- pause <----+-----------+    isolated (no neighbour answers): joins again
 *
 * bootstrapping: a bootstrap node is looked for until a link stands (bootstrap.c).  From attaching on a peer follows
 * its topology plug-in; a client attaches to the peer responsible for its own Node-ID and is joined then.  An attempt that
 * fails is repeated with pauses that double from 0.5 s to 60 s, with jitter, for as long as it is wanted.
 *
 * isolated: a joined peer has lost the last neighbour that answers: at once when no link is left, after SILENT_MS when
 * clients or doubted links are.  A first node is never isolated, it stays the overlay and looks for others in the same
 * pauses.
 */

enum {
	PAUSE_FIRST_MS = 500,
	PAUSE_MAX_MS = 60000,
	FIRST_AGAIN = 3,     /* attempts of a first node that stepped aside to find anybody */
	SILENT_MS = 30000,   /* neighbours that are all doubted for so long are lost */
	HAND_OVER_MS = 2000, /* of the own range when leaving */
	LEAVE_MS = 2000
};

static void search(struct reload_peer *p);
static void alone_again(struct reload_peer *p);
static void alone_search(void *arg);
static void go_on(struct reload_peer *p, struct reload_connection *con);

static void phase_enter(struct reload_peer *p, enum reload_phase phase)
{
	if (p->life.phase < RELOAD_PHASES)
		p->life.phase_ms[p->life.phase] += p->engine->now - p->life.phase_since;
	p->life.phase = phase;
	p->life.phase_since = p->engine->now;
}

/* Pauses double, with jitter, so that those who lost each other at once do not come back at once. */
static void after_pause(struct reload_peer *p, void (*then)(void *arg))
{
	reload_ms pause = reload_doubled(PAUSE_FIRST_MS, p->life.attempts, PAUSE_MAX_MS);
	p->life.attempts++;
	reload_timer_arm(&p->engine->timers, &p->life.retry,
		p->engine->now + reload_engine_jitter(p->engine, pause), then, p);
}

/* Through the same bootstrap node once more; a node that let nothing pass twice may do so for ever, so then any will do. */
static void retry_now(void *arg)
{
	struct reload_peer *p = arg;
	if (!p->life.wanted)
		return;
	struct reload_connection *con =
		p->life.bootstrap_peer.len && p->life.attempts < RELOAD_SAME_BOOTSTRAP
			? reload_connection_by_node(p->connections, &p->life.bootstrap_peer)
			: NULL;
	if (con && con->good)
		go_on(p, con);
	else
		search(p);
}

/* A handshake that one of the ends refused says more than that nobody answered in the end. */
static bool is_refusal(enum reload_err err)
{
	return err == RELOAD_BAD_CERT || err == RELOAD_CERT_EXPIRED ||
	       err == RELOAD_CERT_UNTRUSTED || err == RELOAD_CERT_REVOKED;
}

static void retry_later(struct reload_peer *p, enum reload_err err)
{
	if (p->life.refused &&
		(err == RELOAD_UNREACHABLE || err == RELOAD_TIMEOUT || err == RELOAD_LINK_DOWN))
		err = p->life.refused;
	p->life.refused = RELOAD_OK;
	p->life.last_error = err;
	if (p->life.aside.first && !p->life.aside.on && p->life.attempts >= FIRST_AGAIN)
		p->life.alone = true;
	if (p->life.alone) { /* it is the overlay until it finds others */
		alone_again(p);
		return;
	}
	reload_engine_event(p->engine, &(struct reload_event){ .type = RELOAD_EV_JOIN_FAILED,
					       .err = err,
					       .count = p->life.attempts,
					       .words = reload_phase_name(p->life.phase) });
	if (p->life.state != RELOAD_STATE_ISOLATED)
		reload_peer_set_state(p, RELOAD_STATE_BOOTSTRAPPING);
	after_pause(p, retry_now);
}

/* -- bootstrap ------------------------------------------------------------------------------------------------------------- */

static void searched(
	struct reload_peer *p, uint32_t cookie, enum reload_err err, struct reload_connection *con)
{
	(void)cookie;
	if (err)
		retry_later(p, err);
	else
		go_on(p, con);
}

static void search(struct reload_peer *p)
{
	if (p->life.state != RELOAD_STATE_ISOLATED)
		reload_peer_set_state(p, RELOAD_STATE_BOOTSTRAPPING);
	reload_search_start(p, searched);
}

static void client_attach(struct reload_peer *p);

static void again_if_moved(struct reload_peer *p)
{
	if (p->life.attach_again)
		client_attach(p);
}

static void client_attached(struct reload_peer *p, void *arg, uint32_t cookie, enum reload_err err,
	const struct reload_id *node)
{
	(void)arg;
	if (cookie != p->life.attaching)
		return;
	p->life.attaching = 0;
	if (p->life.role != RELOAD_ROLE_CLIENT || !p->life.wanted)
		return;
	struct reload_connection *con =
		err ? NULL : reload_connection_by_node(p->connections, node);
	if (!con && p->life.state == RELOAD_STATE_JOINED) {
		again_if_moved(p); /* stays where it is */
		return;
	}
	if (!con) {
		retry_later(p, err ? err : RELOAD_LINK_DOWN);
		return;
	}
	p->connections->uplink = con;
	p->life.admitting_peer = *node;
	p->life.attempts = 0;
	phase_enter(p, RELOAD_PHASES);
	reload_peer_set_state(p, RELOAD_STATE_JOINED);
	reload_certificates_schedule(p);
	again_if_moved(p);
}

/* A client sits at the peer that is responsible for its Node-ID, so that it is reached by that alone (R-4.2.1-01). */
static void client_attach(struct reload_peer *p)
{
	struct reload_destination own = reload_dest_resource(&p->engine->self);
	p->life.attach_again = false;
	p->life.attaching = ++p->life.attaches;
	reload_attach_start(p, p->life.attaching, &own, 1, false, client_attached, NULL);
}

void reload_life_client_update(struct reload_peer *p, const struct reload_id *from)
{
	/* R-4.2.1-03: the ring moved around this client's peer; ask again who is responsible */
	if (p->life.role == RELOAD_ROLE_CLIENT && p->life.state == RELOAD_STATE_JOINED &&
		p->connections->uplink && reload_id_eq(&p->connections->uplink->node, from)) {
		if (p->life.attaching)
			p->life.attach_again = true; /* one at a time, however often it moves */
		else
			client_attach(p);
	}
}

static void go_on(struct reload_peer *p, struct reload_connection *con)
{
	p->life.bootstrap_peer = con->node;
	p->connections->uplink = con;
	if (p->life.state != RELOAD_STATE_ISOLATED)
		reload_peer_set_state(p, RELOAD_STATE_ATTACHING);
	phase_enter(p, RELOAD_PHASE_ATTACH);
	if (p->life.role == RELOAD_ROLE_CLIENT)
		client_attach(p);
	else
		p->topology->join(p->plugin, &con->node);
}

static void isolated(struct reload_peer *p)
{
	reload_peer_set_state(p, RELOAD_STATE_ISOLATED);
	reload_engine_event(p->engine, &(struct reload_event){ .type = RELOAD_EV_ISOLATED });
	p->life.isolated_since = p->engine->now;
	p->life.bootstrap_peer.len = p->life.admitting_peer.len = 0;
	p->life.attempts = 0;
	retry_later(p, RELOAD_LINK_DOWN);
}

/* -- neighbours ------------------------------------------------------------------------------------------------------------ */

static bool member(const struct reload_peer *p)
{
	return p->life.role == RELOAD_ROLE_PEER && p->life.wanted &&
	       p->life.state == RELOAD_STATE_JOINED;
}

static bool neighbour_answers(struct reload_peer *p)
{
	struct reload_connection *con = NULL;
	while ((con = reload_connection_next(p->connections, con)))
		if (con->good && con->node.len &&
			reload_topology_lists(p->topology, p->plugin, &con->node))
			return true;
	return false;
}

static void place_asked(void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct reload_peer *p = arg;
	struct reload_connection *con = reload_connection_by_link(p->connections, r->over_link);
	if (!member(p) || neighbour_answers(p))
		return;
	if (!con || !con->node.len || result->err ||
		reload_id_eq(&result->responder, &p->engine->self)) {
		after_pause(p, alone_search);
		return;
	}
	reload_peer_set_state(p, RELOAD_STATE_ISOLATED);
	go_on(p, con);
}

/* Who was found may be on its way to this node, and no ring: it is asked who owns the point behind this one. */
static void alone_searched(
	struct reload_peer *p, uint32_t cookie, enum reload_err err, struct reload_connection *con)
{
	(void)cookie;
	if (err) {
		after_pause(p, alone_search);
		return;
	}
	reload_search_ask_way(p, con, 0, place_asked);
}

/*
 * A first node that lost everybody is the overlay, and may be one half of it: it goes on looking for others, and when there
 * are some it joins them.
 */
static void alone_search(void *arg)
{
	struct reload_peer *p = arg;
	if (member(p) && !neighbour_answers(p))
		reload_search_start(p, alone_searched);
}

static void form_alone(void *arg)
{
	struct reload_peer *p = arg;
	if (!p->life.wanted)
		return;
	p->topology->first(p->plugin);
	p->life.neighboured = false;
	reload_peer_set_state(p, RELOAD_STATE_JOINED);
	after_pause(p, alone_search);
}

/* The plug-in may be the one that tells: it is not called back from inside its own call. */
static void alone_again(struct reload_peer *p)
{
	reload_timer_arm(&p->engine->timers, &p->life.retry, p->engine->now, form_alone, p);
}

static void lost_all(struct reload_peer *p)
{
	reload_timer_cancel(&p->engine->timers, &p->life.silent);
	if (!p->life.alone)
		isolated(p);
	else if (!p->life.retry.armed ||
		 p->topology->get_state(p->plugin) != RELOAD_TOPOLOGY_JOINED)
		alone_again(
			p); /* also when it was about to look for others: now it answers for nothing */
}

static void silent_over(void *arg)
{
	struct reload_peer *p = arg;
	struct reload_connection *con = NULL;
	if (!member(p) || neighbour_answers(p))
		return;
	while (member(p) && (con = reload_connection_next(p->connections, con)))
		if (!con->good) {
			reload_link_drop(p->connections, con, RELOAD_TIMEOUT);
			con = NULL;
		}
	if (member(p))
		lost_all(p);
}

void reload_life_neighbours(struct reload_peer *p)
{
	if (!member(p))
		return;
	if (neighbour_answers(p)) {
		p->life.neighboured = true;
		reload_timer_cancel(&p->engine->timers, &p->life.silent);
	} else if (p->life.neighboured && !p->life.silent.armed) {
		reload_timer_arm(&p->engine->timers, &p->life.silent, p->engine->now + SILENT_MS,
			silent_over, p);
	}
}

/* The peer that a client sat at is gone: another link serves until it is told who is responsible now. */
static void client_moves(struct reload_peer *p)
{
	struct reload_connection *con = NULL;
	while ((con = reload_connection_next(p->connections, con)) && !con->node.len)
		;
	if (!con || p->life.state != RELOAD_STATE_JOINED)
		return;
	p->connections->uplink = con;
	client_attach(p);
}

void reload_life_link_down(
	struct reload_peer *p, uint32_t link, const struct reload_id *node, enum reload_err err)
{
	if (is_refusal(err) && p->life.wanted && p->life.state != RELOAD_STATE_JOINED)
		p->life.refused = err;
	reload_attach_link_down(p, link, err);
	reload_search_link_down(p, link);
	if (node && !reload_connection_by_node(p->connections, node)) {
		if (p->life.role == RELOAD_ROLE_PEER)
			p->topology->disconnected(p->plugin, node);
		if (p->life.wanted && !p->connections->count &&
			p->life.state == RELOAD_STATE_JOINED &&
			(!p->life.alone || p->life.neighboured))
			lost_all(p);
		else if (p->life.role == RELOAD_ROLE_CLIENT && !p->connections->uplink)
			client_moves(p);
		reload_life_neighbours(p);
		reload_life_leave_answered(p);
	}
}

/* -- what the plug-in reports ------------------------------------------------------------------------------------------------ */

static void all_closed(struct reload_peer *p)
{
	struct reload_connection *con;
	while ((con = reload_connection_next(p->connections, NULL))) {
		struct reload_id node = con->node;
		reload_link_close(p->connections, con);
		/* a plug-in that believes in old links does not attach to those nodes when it joins again */
		if (p->life.role == RELOAD_ROLE_PEER && node.len &&
			!reload_connection_by_node(p->connections, &node))
			p->topology->disconnected(p->plugin, &node);
	}
}

static void begin(struct reload_peer *p, enum reload_role role)
{
	p->life.wanted = true;
	p->life.role = role;
	p->life.attempts = 0;
	p->life.refused = RELOAD_OK;
	p->life.certificates_stored = false;
	p->life.bootstrap_peer.len = p->life.admitting_peer.len = 0;
	memset(p->life.phase_ms, 0, sizeof(p->life.phase_ms));
	p->life.phase = RELOAD_PHASE_BOOTSTRAP;
	p->life.phase_since = p->engine->now;
}

/* Where clients are not permitted a peer that cannot write waits outside. */
static void go_in(struct reload_peer *p, enum reload_role role)
{
	begin(p, role);
	p->life.alone = false;
	p->life.last_error = p->life.aside.on ? RELOAD_IO : RELOAD_OK;
	if (p->life.aside.on && !p->engine->config->clients_permitted)
		reload_peer_set_state(p, RELOAD_STATE_BOOTSTRAPPING);
	else
		search(p);
	reload_aside_look(p);
}

static void left(void *arg)
{
	struct reload_peer *p = arg;
	reload_timer_cancel(&p->engine->timers, &p->life.leaving);
	all_closed(p);
	if (!p->life.returns) {
		reload_peer_set_state(p, RELOAD_STATE_ENROLLED);
		reload_requests_end(p->exchange, RELOAD_NOT_JOINED);
		return;
	}
	p->life.returns = false;
	go_in(p, p->life.then);
}

static bool holds_values(struct reload_peer *p)
{
	size_t values, bytes;
	return reload_replica_counts(p->replica, p->engine->wall, &values, &bytes) > 0;
}

void reload_life_topology_state(
	struct reload_peer *p, enum reload_topology_state state, const struct reload_id *other)
{
	switch (state) {
	case RELOAD_TOPOLOGY_DETACHED:
		break;
	case RELOAD_TOPOLOGY_ATTACHING:
		p->life.brings = holds_values(p);
		if (p->life.state != RELOAD_STATE_ISOLATED)
			reload_peer_set_state(p, RELOAD_STATE_ATTACHING);
		break;
	case RELOAD_TOPOLOGY_JOINING:
		if (other)
			p->life.admitting_peer = *other;
		phase_enter(p, RELOAD_PHASE_JOIN);
		if (p->life.state != RELOAD_STATE_ISOLATED)
			reload_peer_set_state(p, RELOAD_STATE_JOINING);
		break;
	case RELOAD_TOPOLOGY_JOINED:
		phase_enter(p, RELOAD_PHASES);
		p->life.attempts = 0;
		p->life.last_error = RELOAD_OK;
		p->connections->uplink = NULL; /* from here on the ring is the way */
		if (p->life.state == RELOAD_STATE_ISOLATED && !p->life.alone)
			reload_engine_event(p->engine,
				&(struct reload_event){ .type = RELOAD_EV_REJOINED,
					.count = p->engine->now - p->life.isolated_since });
		reload_timer_cancel(&p->engine->timers, &p->life.silent);
		p->life.alone = p->life.alone || p->life.aside.first;
		p->life.aside.first = false;
		p->life.neighboured = false;
		reload_peer_set_state(p, RELOAD_STATE_JOINED);
		reload_certificates_schedule(p);
		reload_claims_tables(p);
		break;
	case RELOAD_TOPOLOGY_FAILED:
		if (member(p))
			lost_all(p);
		else if (p->life.wanted)
			retry_later(p, RELOAD_TIMEOUT);
		break;
	}
}

/* -- for the host --------------------------------------------------------------------------------------------------------------- */

static enum reload_err may_start(const struct reload_peer *p)
{
	return p->life.wanted || p->life.state != RELOAD_STATE_ENROLLED ? RELOAD_EXISTS : RELOAD_OK;
}

enum reload_err reload_peer_first(struct reload_peer *p)
{
	reload_engine_enter(p->engine);
	enum reload_err err = may_start(p);
	if (!err) {
		begin(p, RELOAD_ROLE_PEER);
		p->life.alone = true;
		p->topology->first(p->plugin);
	}
	reload_engine_exit(p->engine);
	return err;
}

static void bootstrap_set(
	struct reload_peer *p, const struct reload_ip_port *bootstrap, size_t count)
{
	free(p->life.bootstrap);
	p->life.bootstrap = count ? reload_memdup(bootstrap, count * sizeof(*bootstrap)) : NULL;
	p->life.bootstrap_count = count;
}

enum reload_err reload_peer_join(struct reload_peer *p, enum reload_role role,
	const struct reload_ip_port *bootstrap, size_t count)
{
	reload_engine_enter(p->engine);
	enum reload_err err = may_start(p);
	if (!err && role == RELOAD_ROLE_CLIENT && !p->engine->config->clients_permitted)
		err = RELOAD_FORBIDDEN;
	if (!err && !count && !p->engine->config->bootstrap_count && !reload_bootstrap_known(p))
		err = RELOAD_UNREACHABLE;
	if (!err) {
		bootstrap_set(p, bootstrap, count);
		p->life.aside.on = role == RELOAD_ROLE_PEER && reload_aside_fails(p);
		p->life.aside.first = false;
		go_in(p, p->life.aside.on ? RELOAD_ROLE_CLIENT : role);
	}
	reload_engine_exit(p->engine);
	return err;
}

void reload_peer_bootstrap(
	struct reload_peer *p, const struct reload_ip_port *bootstrap, size_t count)
{
	reload_engine_enter(p->engine);
	if (count && p->life.wanted)
		bootstrap_set(p, bootstrap, count);
	reload_engine_exit(p->engine);
}

/* Who is told closes its link, so the data go first: they have arrived by now, or it takes too long. */
static void leave_tell(void *arg)
{
	struct reload_peer *p = arg;
	p->life.handing = false;
	p->topology->leave(p->plugin);
	reload_timer_arm(&p->engine->timers, &p->life.leaving,
		p->engine->now + (p->connections->count ? LEAVE_MS : 0), left, p);
	reload_life_leave_answered(p);
}

void reload_leave_start(struct reload_peer *p, bool now)
{
	p->life.wanted = p->life.returns = false;
	reload_aside_end(p);
	reload_timer_cancel(&p->engine->timers, &p->life.retry);
	reload_timer_cancel(&p->engine->timers, &p->life.silent);
	reload_timer_cancel(&p->engine->timers, &p->life.certificates);
	reload_search_stop(p);
	if (p->life.state == RELOAD_STATE_ENROLLED || p->life.state == RELOAD_STATE_LEAVING)
		return;
	reload_peer_set_state(p, RELOAD_STATE_LEAVING);
	if (now) {
		p->topology->leave(p->plugin);
		left(p);
		return;
	}
	p->life.handing = true;
	reload_replica_leave(p->replica);
	reload_timer_arm(
		&p->engine->timers, &p->life.leaving, p->engine->now + HAND_OVER_MS, leave_tell, p);
	reload_life_leave_answered(p); /* a client has nothing to hand over */
}

void reload_leave_then(struct reload_peer *p, enum reload_role role)
{
	bool aside = p->life.aside.on;
	reload_leave_start(p, false);
	p->life.aside.on = aside;
	p->life.returns = true;
	p->life.then = role;
}

void reload_peer_leave(struct reload_peer *p, bool now)
{
	reload_engine_enter(p->engine);
	reload_leave_start(p, now);
	reload_engine_exit(p->engine);
}

void reload_life_leave_answered(struct reload_peer *p)
{
	if (p->life.state != RELOAD_STATE_LEAVING || reload_replica_moving(p->replica))
		return;
	if (p->life.handing && reload_requests_of_host(p->exchange))
		return; /* who is told closes its link, and the answers would be lost with it */
	if (p->life.handing)
		reload_timer_arm(
			&p->engine->timers, &p->life.leaving, p->engine->now, leave_tell, p);
	else if (!reload_requests_open(p->exchange) || !p->connections->count)
		reload_timer_arm(&p->engine->timers, &p->life.leaving, p->engine->now, left, p);
}

void reload_life_clear(struct reload_peer *p)
{
	reload_search_clear(p);
	reload_claims_clear(p);
	free(p->life.bootstrap);
	p->life.bootstrap = NULL;
}
