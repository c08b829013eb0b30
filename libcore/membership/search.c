#include "membership/cached_peers.h"
#include "membership/hints.h"

/*
 * Finding a bootstrap node (RFC 6940 s10.5, s10.7.4.4, s11.4).
 *
 *   idle -> dialling -> (naming) -> (introducing) -> (verifying its route) -> found
 *              ^           |             |                |
 *              +-- next candidate -------+----------------+--> none
 *
 * There is one search at a time: before joining it leads into the overlay, afterwards the plug-in asks for it.  Candidates
 * are addresses, tried one after the other: peers that were reached before (R-11.4-02), then those given or configured.  Of
 * the remembered ones CACHED_PER_ROUND are tried in one search, the next ones in the next: dead addresses must not keep
 * this node from the configured ones.  Only addresses that this node dialled itself are remembered (claims.c): what others say about
 * an address must not replace a bootstrap node.  Of one node ADDRESSES_PER_NODE are remembered.
 *
 * Hints are dialled beside the candidates (hints.c); one that is up is taken before a candidate whose link is not, which is dialled again
 * when the hint leads nowhere.
 *
 * A joined peer looks in a random order, so that not all go to the same node, and so does a node that failed to join more than
 * once: the first of the list may forward nothing, so the node tried last is taken only when there is no other.  A joined peer takes a node that is in its tables only
 * when there is no other.  A link that was made for the plug-in's search and is not used is closed after IDLE_MS.
 */

enum {
	CANDIDATE_MS = 5000,
	VERIFY_ROUTE_MS = 2000,
	CACHED_PER_ROUND = 4,
	IDLE_MS = 60000
};

struct reload_search {
	size_t cached_next;
	struct candidate *list; /* of the search under way */
	size_t count, next;
	struct candidate current; /* to which link leads */
	uint32_t link;            /* being made, 0: none */
	struct reload_timer timer;
	reload_searched_fn fn; /* NULL: no search is under way */
	uint32_t cookie;
	bool locating,
		locate_pending; /* locate_pending: the plug-in waits for the search before its own */
	uint32_t newest_link;   /* the newest link that it made, 0: none */
	struct reload_id fallback; /* taken when no other node answers; len 0: none */
	struct reload_timer idle;  /* of the link that a relocate() made */
	uint32_t idle_link;
	uint64_t idle_received;
};

static void candidate_next(struct reload_membership *m);

static struct reload_search *search_of(struct reload_membership *m)
{
	if (!m->search)
		m->search = RELOAD_NEW(reload_search);
	return m->search;
}

/* The peers that were reached before, newest first. */
static const struct candidates *cached_list(const struct reload_membership *m)
{
	static const struct candidates none = { .count = 0 };
	return m->cached_peers ? &m->cached_peers->peers : &none;
}

static const struct reload_id *node_at(
	const struct reload_membership *m, const struct candidate *addr)
{
	const struct candidates *k = cached_list(m);
	for (size_t i = 0; i < k->count; i++)
		if (same_addr(&k->at[i], addr) && k->at[i].node.len)
			return &k->at[i].node;
	return NULL;
}

static void list_add(struct reload_membership *m, struct candidate c)
{
	struct reload_search *s = m->search;
	for (size_t i = 0; i < s->count; i++)
		if (same_addr(&s->list[i], &c))
			return;
	const struct reload_ip_port addr = addr_of(&c);
	if (usable(&addr) && !reload_candidate_is_own(m, &c))
		s->list[s->count++] = c;
}

static void list_cached(struct reload_membership *m)
{
	struct reload_search *s = m->search;
	const struct candidates *k = cached_list(m);
	size_t first = s->count, taken = 0;
	for (size_t i = 0; i < k->count && taken < CACHED_PER_ROUND; i++) {
		const struct candidate *c = &k->at[(s->cached_next + i) % k->count];
		/* R-10.7.4-12: a node in the tables knows nothing of another ring */
		if (s->locating && c->node.len &&
			reload_topology_lists(m->route->topology, m->route->plugin, &c->node))
			continue;
		struct candidate chosen = *c;
		chosen.remembered = true;
		list_add(m, chosen);
		taken++;
	}
	s->cached_next = k->count ? (s->cached_next + taken) % k->count : 0;
	if (s->locating)
		reload_candidates_shuffle(m, &s->list[first], s->count - first);
}

static void list_plain(
	struct reload_membership *m, const struct reload_ip_port *addrs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct candidate c = candidate_of(&addrs[i]);
		const struct reload_id *node = node_at(m, &c);
		if (node)
			c.node = *node;
		list_add(m, c);
	}
}

static bool is_configured(const struct reload_membership *m, const struct reload_ip_port *addr)
{
	const struct candidate c = candidate_of(addr);
	for (size_t i = 0; i < m->engine->config->bootstrap_count; i++) {
		const struct candidate configured = candidate_of(&m->engine->config->bootstrap[i]);
		if (same_addr(&configured, &c))
			return true;
	}
	return false;
}

/* More than one attempt to join, or search, has failed. */
static bool attempts_exhausted(const struct reload_membership *m)
{
	return m->tries >= RELOAD_SAME_BOOTSTRAP;
}

/*
 * First what the caller of the join knows beside the configuration, then what was reached before, then all others.  When that led
 * nowhere, in any order.
 */
static void list_make(struct reload_membership *m)
{
	struct reload_search *s = m->search;
	size_t given = m->bootstrap_count, configured = m->engine->config->bootstrap_count;
	bool again = attempts_exhausted(m);
	free(s->list);
	s->list = reload_alloc_array(given + configured + CACHED_PER_ROUND + 1, sizeof(*s->list));
	s->count = s->next = 0;
	for (size_t i = 0; i < given && !s->locating; i++)
		if (!is_configured(m, &m->bootstrap[i]))
			list_plain(m, &m->bootstrap[i], 1);
	list_cached(m);
	size_t first = again ? 0 : s->count;
	list_plain(m, m->bootstrap, given);
	if (!given || s->locating)
		list_plain(m, m->engine->config->bootstrap, configured);
	if (s->locating || again)
		reload_candidates_shuffle(m, &s->list[first], s->count - first);
}

/* -- one search ------------------------------------------------------------------------------------------------------------- */

static void search_end(
	struct reload_membership *m, enum reload_err err, struct reload_connection *con)
{
	struct reload_search *s = m->search;
	reload_searched_fn fn = TAKE(s->fn);
	reload_timer_cancel(&m->engine->timers, &s->timer);
	reload_hints_end(m);
	free(s->list);
	s->list = NULL;
	s->count = s->next = 0;
	s->link = 0;
	fn(m, s->cookie, err, con);
	if (s->locate_pending && !s->fn) {
		s->locate_pending = false;
		reload_search_locate(m, s->cookie);
	}
}

static void candidate_timed_out(void *arg)
{
	struct reload_membership *m = arg;
	struct reload_search *s = m->search;
	if (s->link && !reload_connection_by_link(m->connections, s->link))
		reload_link_give_up(m->connections, s->link);
	s->link = 0;
	candidate_next(m);
}

/* A node through which this one tried in vain, or that is in its tables. */
static bool is_fallback(struct reload_membership *m, const struct reload_id *node)
{
	return m->search->locating
		       ? reload_topology_lists(m->route->topology, m->route->plugin, node)
		       : attempts_exhausted(m) && reload_id_eq(node, &m->bootstrap_peer);
}

/* A node that this one has a link to already; true: the search has ended. */
static bool has_link(struct reload_membership *m, const struct candidate *c)
{
	struct reload_search *s = m->search;
	struct reload_connection *con =
		c->node.len ? reload_connection_by_node(m->connections, &c->node) : NULL;
	if (!con || !con->good || con->since < m->addresses_changed)
		return false;
	if (!is_fallback(m, &con->node)) {
		search_end(m, RELOAD_OK, con);
		return true;
	}
	s->fallback = con->node;
	candidate_next(m);
	return true;
}

static void on_link_up(struct reload_membership *m, struct reload_connection *con);

/* A hint whose link is up; true: the search goes on with it. */
static bool hint_taken(struct reload_membership *m)
{
	struct candidate at;
	struct reload_connection *con = m->search->locating ? NULL : reload_hints_take(m, &at);
	if (!con)
		return false;
	m->search->current = at;
	m->search->link = con->link;
	on_link_up(m, con);
	return true;
}

/* A link to a hint is up, or no hint is left: a candidate that is only being dialled waits, one that is being asked does not. */
static void hints_changed(struct reload_membership *m)
{
	struct reload_search *s = m->search;
	if (!s || !s->fn || s->locating ||
		(s->link && reload_connection_by_link(m->connections, s->link)))
		return;
	uint32_t dialled = s->link;
	s->link = 0;
	if (!hint_taken(m)) {
		s->link = dialled;
		if (!dialled && !reload_hints_pending(m))
			candidate_next(m);
		return;
	}
	if (dialled) {
		reload_link_give_up(m->connections, dialled);
		s->next -= s->next > 0;
	}
}

static void candidate_next(struct reload_membership *m)
{
	struct reload_search *s = m->search;
	struct reload_connection *fallback;
	if (hint_taken(m))
		return;
	if (s->next >= s->count && reload_hints_pending(m)) {
		reload_timer_cancel(&m->engine->timers, &s->timer);
		return;
	}
	if (s->next >= s->count) {
		fallback = s->fallback.len ? reload_connection_by_node(m->connections, &s->fallback)
					   : NULL;
		search_end(m, fallback ? RELOAD_OK : RELOAD_UNREACHABLE, fallback);
		return;
	}
	const struct candidate *c = &s->list[s->next++];
	if (has_link(m, c))
		return;
	reload_timer_arm(&m->engine->timers, &s->timer, m->engine->now + CANDIDATE_MS,
		candidate_timed_out, m);
	const struct reload_link_target to = { addr_of(c), RELOAD_LINK_NO_ICE };
	s->current = *c;
	s->link = reload_link_open(m->connections, &to, 1);
}

static void on_usable(struct reload_membership *m, struct reload_connection *con)
{
	struct reload_search *s = m->search;
	const struct reload_ip_port addr = addr_of(&s->current);
	struct reload_connection *before = reload_connection_by_node(m->connections, &con->node);
	reload_cached_peers_confirm(m, &con->node, &addr);
	bool fallback = is_fallback(m, &con->node);
	if (fallback)
		s->fallback = con->node;
	if (before != con && s->locating && fallback)
		reload_link_drop(m->connections, con, RELOAD_OK); /* the tables had one already */
	else if (before != con && !con->replaces && !s->locating && !before->incoming &&
		 before->order < con->order)
		reload_link_drop(m->connections, before, RELOAD_OK); /* of an earlier search */
	if (fallback)
		candidate_next(m);
	else
		search_end(m, RELOAD_OK, con);
}

static void route_verified(void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct reload_membership *m = arg;
	struct reload_connection *con = reload_connection_by_link(m->connections, r->over_link);
	if (!m->search || !m->search->fn || m->search->link != r->over_link)
		return; /* of an earlier search */
	m->search->link = 0;
	if (con && !result->err) {
		reload_engine_event(
			m->engine, &(struct reload_event){ .type = RELOAD_EV_BOOTSTRAP_FROM_CACHE,
					   .link = con->link,
					   .node = &con->node });
		on_usable(m, con);
		return;
	}
	if (con && !reload_topology_lists(m->route->topology, m->route->plugin, &con->node))
		reload_link_drop(m->connections, con, result->err);
	candidate_next(m);
}

void reload_search_verify_route(struct reload_membership *m, struct reload_connection *con,
	reload_ms timeout_ms, reload_request_end_fn on_end)
{
	struct reload_id behind = reload_id_add_power(&m->engine->self, 0);
	struct reload_destination route[] = { reload_dest_node(&con->node),
		reload_dest_resource(&behind) };
	struct reload_ping_req ping = { 0 };
	struct reload_request *r = reload_request_internal(
		m->exchange, RELOAD_PING_REQ, route, COUNT_OF(route), on_end, m);
	r->over_link = con->link;
	if (timeout_ms)
		r->timeout_ms = timeout_ms;
	r->skip_closeness_check = true;
	reload_request_send(r, &ping);
}

/*
 * A configured node is meant to lead into the overlay.  One that is only remembered may listen without being part of it any
 * more: somebody is to answer for the point behind this node's own.
 */
static void on_identified(struct reload_membership *m, struct reload_connection *con)
{
	struct reload_search *s = m->search;
	if (!s->current.remembered) {
		s->link = 0;
		on_usable(m, con);
		return;
	}
	reload_search_verify_route(m, con, VERIFY_ROUTE_MS, route_verified);
}

static void on_attach_answered(
	void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct reload_membership *m = arg;
	struct reload_connection *con = reload_connection_by_link(m->connections, r->over_link);
	if (!m->search || !m->search->fn || m->search->link != r->over_link)
		return; /* of an earlier search */
	if (con && !result->err && con->node.len) {
		on_identified(m, con);
		return;
	}
	m->search->link = 0;
	candidate_next(m);
}

/* R-4.2.1-05: this node has several Node-IDs and says by an Attach over the link which one it is here. */
static void on_name_known(struct reload_membership *m, struct reload_connection *con)
{
	if (reload_exchange_credentials(m->exchange)->cert->node_ids_count > 1) {
		struct reload_destination to = reload_dest_node(&con->node);
		reload_attach_introduce(m, con->link, &to, on_attach_answered);
		return;
	}
	on_identified(m, con);
}

static void on_name_ping(void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct reload_membership *m = arg;
	struct reload_connection *con = reload_connection_by_link(m->connections, r->over_link);
	if (!m->search || !m->search->fn || m->search->link != r->over_link)
		return;
	if (!con || result->err) {
		m->search->link = 0;
		candidate_next(m);
		return;
	}
	if (reload_id_eq(&result->responder, &m->engine->self)) {
		/* a link to itself; others may have the same certificate */
		reload_link_drop(m->connections, con, RELOAD_BAD_CERT);
		return;
	}
	if (!con->node.len) {
		reload_link_bind(m->connections, con, &result->responder);
	}
	on_name_known(m, con);
}

/* The other end has several Node-IDs: the answer to a Ping to the wildcard says which one it is (R-4.2.1-05). */
static void ask_name(struct reload_membership *m, struct reload_connection *con)
{
	struct reload_id any = reload_id_wildcard(m->engine->self.len);
	struct reload_destination to = reload_dest_node(&any);
	struct reload_ping_req ping = { 0 };
	struct reload_request *r =
		reload_request_internal(m->exchange, RELOAD_PING_REQ, &to, 1, on_name_ping, m);
	r->over_link = con->link;
	reload_request_send(r, &ping);
}

static void on_link_up(struct reload_membership *m, struct reload_connection *con)
{
	struct reload_search *s = m->search;
	reload_timer_cancel(&m->engine->timers, &s->timer);
	s->newest_link = s->link;
	if (!con->node.len)
		ask_name(m, con);
	else
		on_name_known(m, con);
}

void reload_search_link_up(struct reload_membership *m, struct reload_connection *con)
{
	struct reload_search *s = m->search;
	if (reload_hints_link_up(m, con))
		hints_changed(m);
	else if (s && s->link && con->link == s->link)
		on_link_up(m, con);
}

void reload_search_link_down(struct reload_membership *m, uint32_t link)
{
	struct reload_search *s = m->search;
	if (reload_hints_link_down(m, link))
		hints_changed(m);
	if (!s || !s->link || link != s->link)
		return;
	s->link = 0;
	candidate_next(m);
}

static void ignore_result(struct reload_membership *m, uint32_t cookie, enum reload_err err,
	struct reload_connection *con)
{
	(void)m, (void)cookie, (void)err, (void)con;
}

void reload_search_stop(struct reload_membership *m)
{
	struct reload_search *s = m->search;
	if (!s || !s->fn)
		return;
	if (s->link && !reload_connection_by_link(m->connections, s->link))
		reload_link_give_up(m->connections, s->link);
	if (!s->locating)
		s->fn = ignore_result;
	search_end(m, RELOAD_CANCELLED, NULL);
}

bool reload_search_under_way(const struct reload_membership *m)
{
	return m->search && m->search->fn;
}

void reload_search_start(struct reload_membership *m, reload_searched_fn fn)
{
	struct reload_search *s = search_of(m);
	reload_search_stop(m);
	s->fn = fn;
	s->locating = false;
	s->fallback.len = 0;
	list_make(m);
	reload_hints_begin(m, hints_changed);
	candidate_next(m);
}

void reload_search_clear(struct reload_membership *m)
{
	if (!m->search)
		return;
	reload_timer_cancel(&m->engine->timers, &m->search->timer);
	reload_timer_cancel(&m->engine->timers, &m->search->idle);
	free(m->search->list);
	free(m->search);
	m->search = NULL;
}

/* -- for the plug-in ---------------------------------------------------------------------------------------------------------- */

/* It is kept while it carries messages, or when the tables have come to use it. */
static void idle_over(void *arg)
{
	struct reload_membership *m = arg;
	struct reload_search *s = m->search;
	struct reload_connection *con = reload_connection_by_link(m->connections, s->idle_link);
	if (!con || reload_topology_lists(m->route->topology, m->route->plugin, &con->node))
		return;
	if (con->received == s->idle_received && con != m->connections->default_connection) {
		reload_link_drop(m->connections, con, RELOAD_OK);
		return;
	}
	s->idle_received = con->received;
	reload_timer_arm(&m->engine->timers, &s->idle, m->engine->now + IDLE_MS, idle_over, m);
}

static void located(struct reload_membership *m, uint32_t cookie, enum reload_err err,
	struct reload_connection *con)
{
	struct reload_search *s = m->search;
	if (con && con->link == s->newest_link) {
		s->idle_link = con->link;
		s->idle_received = con->received;
		reload_timer_arm(
			&m->engine->timers, &s->idle, m->engine->now + IDLE_MS, idle_over, m);
	}
	if (m->route->topology->relocated)
		m->route->topology->relocated(
			m->route->plugin, cookie, err, con ? &con->node : NULL);
}

static void locate_begin(void *arg)
{
	struct reload_membership *m = arg;
	if (m->state != RELOAD_STATE_JOINED) {
		search_end(m, RELOAD_CANCELLED, NULL);
		return;
	}
	list_make(m);
	candidate_next(m);
}

void reload_search_locate(struct reload_membership *m, uint32_t cookie)
{
	struct reload_search *s = search_of(m);
	s->cookie = cookie; /* of two the newer one is reported */
	s->locate_pending = s->fn && !s->locating;
	if (s->fn)
		return;
	s->fn = located;
	s->locating = true;
	s->fallback.len = 0;
	reload_timer_arm(&m->engine->timers, &s->timer, m->engine->now, locate_begin, m);
}
