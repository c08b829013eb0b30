#include "peer/candidate.h"

/*
 * Finding a bootstrap node (RFC 6940 s10.5, s10.7.4.4, s11.4).
 *
 *   idle -> dialling -> (naming) -> (introducing) -> (asking the way) -> found
 *              ^           |             |                |
 *              +-- next candidate -------+----------------+--> nobody
 *
 * There is one search at a time: before joining it leads into the overlay, afterwards the plug-in asks for it.  Candidates
 * are addresses, tried one after the other: peers that were reached before (R-11.4-02), then those given or configured.  Of
 * the remembered ones CACHED_PER_ROUND are tried in one search, the next ones in the next: dead addresses must not keep
 * this node from the configured ones.  Remembered is only what this node dialled itself (claims.c): what others say about an
 * address must not take a bootstrap node's place.  Of one node ADDRESSES_OF_ONE are remembered.
 *
 * A joined peer looks in a random order, so that not all go to the same node, and so does who failed to join more than
 * once: the first of the list may let nothing pass, so the last one that was tried is taken only when there is no
 * other.  A joined peer takes a node that is in its tables only
 * when there is no other.  A link that was made for it and came to nothing else is closed after IDLE_MS.
 */

enum {
	CANDIDATE_MS = 5000,
	WAY_MS = 2000,
	CACHED_PER_ROUND = 4,
	ADDRESSES_OF_ONE = 2,
	MET_MAX = 16, /* at the maximum the next one takes the place of the oldest */
	IDLE_MS = 60000
};

/* Newest first; at the maximum the next one takes the place of the oldest. */
struct candidates {
	struct candidate *at;
	size_t count, cap;
};

struct reload_search {
	struct candidates known; /* peers that were reached */
	struct candidates
		met; /* dialled as well, but not in the tables, or not yet: they may be clients */
	size_t known_next;
	struct candidate *list; /* of the search under way */
	size_t count, next;
	uint32_t link; /* being made, 0: none */
	struct reload_timer timer;
	reload_searched_fn fn; /* NULL: no search is under way */
	uint32_t cookie;
	bool locating, waiting;   /* waiting: the plug-in, for the search before its own */
	uint32_t made;            /* the newest link that it made, 0: none */
	struct reload_id second;  /* better than nobody; len 0: none */
	struct reload_timer idle; /* of the link that a relocate() made */
	uint32_t idle_link;
	uint64_t idle_received;
};

static void candidate_next(struct reload_peer *p);

static struct reload_search *search_of(struct reload_peer *p)
{
	if (!p->search)
		p->search = RELOAD_NEW(reload_search);
	return p->search;
}

/* -- what is known -------------------------------------------------------------------------------------------------------- */

/* Where the entry stands that c takes the place of: the same address, the node's oldest beyond ADDRESSES_OF_ONE; else count. */
static size_t place_of(const struct candidates *list, const struct candidate *c)
{
	size_t of_one = 0, oldest = list->count;
	for (size_t i = 0; i < list->count; i++) {
		if (same_addr(&list->at[i], c))
			return i;
		if (c->node.len && reload_id_eq(&list->at[i].node, &c->node)) {
			of_one++;
			oldest = i;
		}
	}
	return of_one < ADDRESSES_OF_ONE ? list->count : oldest;
}

static void candidates_add(struct candidates *list, size_t max, struct candidate c)
{
	size_t at = place_of(list, &c);
	if (at == list->count && at == max)
		at--;
	if (at == list->count) {
		reload_grow_within(&list->at, &list->cap, list->count, sizeof(c), max);
		list->count++;
	}
	memmove(&list->at[1], &list->at[0], at * sizeof(c));
	list->at[0] = c;
}

static void reached(struct reload_peer *p, const struct candidate *c)
{
	struct reload_ip_port addr = addr_of(c);
	candidates_add(&p->search->known, RELOAD_KNOWN_MAX, *c);
	if (p->engine->ops->reached)
		p->engine->ops->reached(p->engine->host, &c->node, &addr, 1);
}

void reload_bootstrap_tables(struct reload_peer *p)
{
	struct reload_search *s = p->search;
	size_t kept = 0;
	for (size_t i = 0; s && i < s->met.count; i++) {
		struct candidate c = s->met.at[i];
		if (reload_topology_lists(p->topology, p->plugin, &c.node))
			reached(p, &c);
		else
			s->met.at[kept++] = c;
	}
	if (s)
		s->met.count = kept;
}

void reload_bootstrap_proven(
	struct reload_peer *p, const struct reload_id *node, const struct reload_ip_port *addr)
{
	if (p->life.role != RELOAD_ROLE_PEER || reload_id_eq(node, &p->engine->self))
		return;
	struct candidate c = candidate_of(addr);
	c.node = *node;
	candidates_add(&search_of(p)->met, MET_MAX, c);
	reload_bootstrap_tables(p);
}

bool reload_bootstrap_is_proven(const struct reload_peer *p, const struct reload_id *node)
{
	for (size_t i = 0; p->search && i < p->search->known.count; i++)
		if (reload_id_eq(&p->search->known.at[i].node, node))
			return true;
	return false;
}

size_t reload_bootstrap_proven_count(struct reload_peer *p)
{
	size_t count = 0;
	for (size_t i = 0; p->search && i < p->search->known.count; i++)
		count +=
			p->search->known.at[i].node.len &&
			reload_topology_lists(p->topology, p->plugin, &p->search->known.at[i].node);
	return count;
}

void reload_peer_remember(struct reload_peer *p, const struct reload_ip_port *addrs, size_t count)
{
	reload_engine_enter(p->engine);
	for (size_t i = count < RELOAD_KNOWN_MAX ? count : RELOAD_KNOWN_MAX; i-- > 0;)
		if (usable(&addrs[i]))
			candidates_add(
				&search_of(p)->known, RELOAD_KNOWN_MAX, candidate_of(&addrs[i]));
	reload_engine_exit(p->engine);
}

/* -- candidates ------------------------------------------------------------------------------------------------------------ */

static const struct reload_id *node_at(const struct reload_search *s, const struct candidate *addr)
{
	for (size_t i = 0; i < s->known.count; i++)
		if (same_addr(&s->known.at[i], addr) && s->known.at[i].node.len)
			return &s->known.at[i].node;
	return NULL;
}

static bool is_own(struct reload_peer *p, const struct candidate *c)
{
	struct reload_ip_port own[8];
	size_t count = p->engine->ops->addresses(p->engine->host, own, COUNT_OF(own));
	for (size_t i = 0; i < count; i++) {
		struct candidate mine = candidate_of(&own[i]);
		if (same_addr(&mine, c))
			return true;
	}
	return c->node.len && reload_id_eq(&c->node, &p->engine->self);
}

static void list_add(struct reload_peer *p, struct candidate c)
{
	struct reload_search *s = p->search;
	for (size_t i = 0; i < s->count; i++)
		if (same_addr(&s->list[i], &c))
			return;
	const struct reload_ip_port addr = addr_of(&c);
	if (usable(&addr) && !is_own(p, &c))
		s->list[s->count++] = c;
}

static void shuffle(struct reload_peer *p, struct candidate *at, size_t count)
{
	for (size_t i = count; i > 1; i--) {
		size_t k = (size_t)reload_engine_random_ms(p->engine, i);
		struct candidate c = at[k];
		at[k] = at[i - 1];
		at[i - 1] = c;
	}
}

static void list_cached(struct reload_peer *p)
{
	struct reload_search *s = p->search;
	size_t first = s->count, known = s->known.count, taken = 0;
	for (size_t i = 0; i < known && taken < CACHED_PER_ROUND; i++) {
		const struct candidate *c = &s->known.at[(s->known_next + i) % known];
		/* R-10.7.4-12: who is in the tables knows nothing of another ring */
		if (s->locating && c->node.len &&
			reload_topology_lists(p->topology, p->plugin, &c->node))
			continue;
		struct candidate chosen = *c;
		chosen.remembered = true;
		list_add(p, chosen);
		taken++;
	}
	s->known_next = known ? (s->known_next + taken) % known : 0;
	if (s->locating)
		shuffle(p, &s->list[first], s->count - first);
}

static void list_plain(struct reload_peer *p, const struct reload_ip_port *addrs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct candidate c = candidate_of(&addrs[i]);
		const struct reload_id *node = node_at(p->search, &c);
		if (node)
			c.node = *node;
		list_add(p, c);
	}
}

static bool is_configured(const struct reload_peer *p, const struct reload_ip_port *addr)
{
	const struct candidate c = candidate_of(addr);
	for (size_t i = 0; i < p->engine->config->bootstrap_count; i++) {
		const struct candidate configured = candidate_of(&p->engine->config->bootstrap[i]);
		if (same_addr(&configured, &c))
			return true;
	}
	return false;
}

/* More than one attempt to join, or search, was in vain. */
static bool led_nowhere(const struct reload_peer *p)
{
	return p->life.attempts >= RELOAD_SAME_BOOTSTRAP;
}

/*
 * First what the caller of the join knows beside the configuration, then what was reached before, then all others.  When that led
 * nowhere, in any order.
 */
static void list_make(struct reload_peer *p)
{
	struct reload_search *s = p->search;
	size_t given = p->life.bootstrap_count, configured = p->engine->config->bootstrap_count;
	bool again = led_nowhere(p);
	free(s->list);
	s->list = reload_alloc_array(given + configured + CACHED_PER_ROUND + 1, sizeof(*s->list));
	s->count = s->next = 0;
	for (size_t i = 0; i < given && !s->locating; i++)
		if (!is_configured(p, &p->life.bootstrap[i]))
			list_plain(p, &p->life.bootstrap[i], 1);
	list_cached(p);
	size_t first = again ? 0 : s->count;
	list_plain(p, p->life.bootstrap, given);
	if (!given || s->locating)
		list_plain(p, p->engine->config->bootstrap, configured);
	if (s->locating || again)
		shuffle(p, &s->list[first], s->count - first);
}

bool reload_bootstrap_known(const struct reload_peer *p)
{
	return p->search && p->search->known.count;
}

/* -- one search ------------------------------------------------------------------------------------------------------------- */

static void search_end(struct reload_peer *p, enum reload_err err, struct reload_connection *con)
{
	struct reload_search *s = p->search;
	reload_searched_fn fn = TAKE(s->fn);
	reload_timer_cancel(&p->engine->timers, &s->timer);
	free(s->list);
	s->list = NULL;
	s->count = s->next = 0;
	s->link = 0;
	fn(p, s->cookie, err, con);
	if (s->waiting && !s->fn) {
		s->waiting = false;
		reload_search_locate(p, s->cookie);
	}
}

static void candidate_late(void *arg)
{
	struct reload_peer *p = arg;
	struct reload_search *s = p->search;
	if (s->link && !reload_connection_by_link(p->connections, s->link))
		reload_link_give_up(p->connections, s->link);
	s->link = 0;
	candidate_next(p);
}

/* Through which this node tried in vain, or which its tables know. */
static bool is_second_choice(struct reload_peer *p, const struct reload_id *node)
{
	return p->search->locating ? reload_topology_lists(p->topology, p->plugin, node)
				   : led_nowhere(p) && reload_id_eq(node, &p->life.bootstrap_peer);
}

/* A node that this one has a link to already; true: the search has ended. */
static bool linked_already(struct reload_peer *p, const struct candidate *c)
{
	struct reload_search *s = p->search;
	struct reload_connection *con =
		c->node.len ? reload_connection_by_node(p->connections, &c->node) : NULL;
	if (!con || !con->good)
		return false;
	if (!is_second_choice(p, &con->node)) {
		search_end(p, RELOAD_OK, con);
		return true;
	}
	s->second = con->node;
	candidate_next(p);
	return true;
}

static void candidate_next(struct reload_peer *p)
{
	struct reload_search *s = p->search;
	struct reload_connection *second;
	if (s->next >= s->count) {
		second = s->second.len ? reload_connection_by_node(p->connections, &s->second)
				       : NULL;
		search_end(p, second ? RELOAD_OK : RELOAD_UNREACHABLE, second);
		return;
	}
	const struct candidate *c = &s->list[s->next++];
	if (linked_already(p, c))
		return;
	reload_timer_arm(
		&p->engine->timers, &s->timer, p->engine->now + CANDIDATE_MS, candidate_late, p);
	const struct reload_ip_port addr = addr_of(c);
	s->link = reload_link_open(p->connections, &addr, 1);
}

static void taken(struct reload_peer *p, struct reload_connection *con)
{
	struct reload_search *s = p->search;
	const struct reload_ip_port addr = addr_of(&s->list[s->next - 1]);
	struct reload_connection *before = reload_connection_by_node(p->connections, &con->node);
	reload_bootstrap_proven(p, &con->node, &addr);
	bool second = is_second_choice(p, &con->node);
	if (second)
		s->second = con->node;
	if (before != con && s->locating && second)
		reload_link_drop(p->connections, con, RELOAD_OK); /* the tables had one already */
	else if (before != con && !s->locating && !before->incoming && before->order < con->order)
		reload_link_drop(p->connections, before, RELOAD_OK); /* of an earlier search */
	if (second)
		candidate_next(p);
	else
		search_end(p, RELOAD_OK, con);
}

static void way_asked(void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct reload_peer *p = arg;
	struct reload_connection *con = reload_connection_by_link(p->connections, r->over_link);
	if (!p->search || !p->search->fn || p->search->link != r->over_link)
		return; /* of an earlier search */
	p->search->link = 0;
	if (con && !result->err) {
		reload_engine_event(
			p->engine, &(struct reload_event){ .type = RELOAD_EV_BOOTSTRAP_FROM_CACHE,
					   .link = con->link,
					   .node = &con->node });
		taken(p, con);
		return;
	}
	if (con && !reload_topology_lists(p->topology, p->plugin, &con->node))
		reload_link_drop(p->connections, con, RELOAD_TIMEOUT);
	candidate_next(p);
}

void reload_search_ask_way(struct reload_peer *p, struct reload_connection *con,
	reload_ms timeout_ms, reload_own_fn own)
{
	struct reload_id behind = reload_id_add_power(&p->engine->self, 0);
	struct reload_destination way[] = { reload_dest_node(&con->node),
		reload_dest_resource(&behind) };
	struct reload_ping_req ping = { 0 };
	struct reload_request *r =
		reload_request_own(p->exchange, RELOAD_PING_REQ, way, COUNT_OF(way), own, p);
	r->over_link = con->link;
	if (timeout_ms)
		r->timeout_ms = timeout_ms;
	r->exempt = true;
	reload_request_send(r, &ping);
}

/*
 * A configured node is meant to lead into the overlay.  One that is only remembered may listen without being part of it any
 * more: somebody is to answer for the point behind this node's own.
 */
static void found(struct reload_peer *p, struct reload_connection *con)
{
	struct reload_search *s = p->search;
	if (!s->list[s->next - 1].remembered) {
		s->link = 0;
		taken(p, con);
		return;
	}
	reload_search_ask_way(p, con, WAY_MS, way_asked);
}

static void introduced(void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct reload_peer *p = arg;
	struct reload_connection *con = reload_connection_by_link(p->connections, r->over_link);
	if (!p->search || !p->search->fn || p->search->link != r->over_link)
		return; /* of an earlier search */
	if (con && !result->err && con->node.len) {
		found(p, con);
		return;
	}
	p->search->link = 0;
	candidate_next(p);
}

/* R-4.2.1-05: this node has several Node-IDs and says by an Attach over the link which one it is here. */
static void named(struct reload_peer *p, struct reload_connection *con)
{
	if (reload_exchange_credentials(p->exchange)->cert->node_ids_count > 1) {
		struct reload_destination to = reload_dest_node(&con->node);
		reload_attach_introduce(p, con->link, &to, introduced);
		return;
	}
	found(p, con);
}

static void pinged(void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct reload_peer *p = arg;
	struct reload_connection *con = reload_connection_by_link(p->connections, r->over_link);
	if (!p->search || !p->search->fn || p->search->link != r->over_link)
		return;
	if (!con || result->err) {
		p->search->link = 0;
		candidate_next(p);
		return;
	}
	if (reload_id_eq(&result->responder, &p->engine->self)) {
		/* a link to itself; others may have the same certificate */
		reload_link_drop(p->connections, con, RELOAD_BAD_CERT);
		return;
	}
	if (!con->node.len) {
		reload_link_bind(p->connections, con, &result->responder);
	}
	named(p, con);
}

/* The other end has several Node-IDs: a Ping to the wildcard tells which one it is (R-4.2.1-05). */
static void ask_name(struct reload_peer *p, struct reload_connection *con)
{
	struct reload_id any = reload_id_wildcard(p->engine->self.len);
	struct reload_destination to = reload_dest_node(&any);
	struct reload_ping_req ping = { 0 };
	struct reload_request *r =
		reload_request_own(p->exchange, RELOAD_PING_REQ, &to, 1, pinged, p);
	r->over_link = con->link;
	reload_request_send(r, &ping);
}

void reload_search_link_up(struct reload_peer *p, struct reload_connection *con)
{
	struct reload_search *s = p->search;
	if (!s || !s->link || con->link != s->link)
		return;
	reload_timer_cancel(&p->engine->timers, &s->timer);
	s->made = s->link;
	if (!con->node.len)
		ask_name(p, con);
	else
		named(p, con);
}

void reload_search_link_down(struct reload_peer *p, uint32_t link)
{
	struct reload_search *s = p->search;
	if (!s || !s->link || link != s->link)
		return;
	s->link = 0;
	candidate_next(p);
}

static void nobody(
	struct reload_peer *p, uint32_t cookie, enum reload_err err, struct reload_connection *con)
{
	(void)p, (void)cookie, (void)err, (void)con;
}

void reload_search_stop(struct reload_peer *p)
{
	struct reload_search *s = p->search;
	if (!s || !s->fn)
		return;
	if (s->link && !reload_connection_by_link(p->connections, s->link))
		reload_link_give_up(p->connections, s->link);
	if (!s->locating)
		s->fn = nobody;
	search_end(p, RELOAD_CANCELLED, NULL);
}

void reload_search_start(struct reload_peer *p, reload_searched_fn fn)
{
	struct reload_search *s = search_of(p);
	reload_search_stop(p);
	s->fn = fn;
	s->locating = false;
	s->second.len = 0;
	list_make(p);
	candidate_next(p);
}

void reload_search_clear(struct reload_peer *p)
{
	if (!p->search)
		return;
	reload_timer_cancel(&p->engine->timers, &p->search->timer);
	reload_timer_cancel(&p->engine->timers, &p->search->idle);
	free(p->search->list);
	free(p->search->known.at);
	free(p->search->met.at);
	free(p->search);
	p->search = NULL;
}

/* -- for the plug-in ---------------------------------------------------------------------------------------------------------- */

/* It is kept while it carries messages, or when the tables have come to use it. */
static void idle_over(void *arg)
{
	struct reload_peer *p = arg;
	struct reload_search *s = p->search;
	struct reload_connection *con = reload_connection_by_link(p->connections, s->idle_link);
	if (!con || reload_topology_lists(p->topology, p->plugin, &con->node))
		return;
	if (con->received == s->idle_received && con != p->connections->uplink) {
		reload_link_drop(p->connections, con, RELOAD_OK);
		return;
	}
	s->idle_received = con->received;
	reload_timer_arm(&p->engine->timers, &s->idle, p->engine->now + IDLE_MS, idle_over, p);
}

static void located(
	struct reload_peer *p, uint32_t cookie, enum reload_err err, struct reload_connection *con)
{
	struct reload_search *s = p->search;
	if (con && con->link == s->made) {
		s->idle_link = con->link;
		s->idle_received = con->received;
		reload_timer_arm(
			&p->engine->timers, &s->idle, p->engine->now + IDLE_MS, idle_over, p);
	}
	if (p->topology->relocated)
		p->topology->relocated(p->plugin, cookie, err, con ? &con->node : NULL);
}

static void locate_begin(void *arg)
{
	struct reload_peer *p = arg;
	if (p->life.state != RELOAD_STATE_JOINED) {
		search_end(p, RELOAD_CANCELLED, NULL);
		return;
	}
	list_make(p);
	candidate_next(p);
}

void reload_search_locate(struct reload_peer *p, uint32_t cookie)
{
	struct reload_search *s = search_of(p);
	s->cookie = cookie; /* of two the newer one is told */
	s->waiting = s->fn && !s->locating;
	if (s->fn)
		return;
	s->fn = located;
	s->locating = true;
	s->second.len = 0;
	reload_timer_arm(&p->engine->timers, &s->timer, p->engine->now, locate_begin, p);
}
