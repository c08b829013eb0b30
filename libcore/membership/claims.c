#include "membership/cached_peers.h"

/*
 * Addresses that others claim: in an Attach a node says where it listens, and anybody can say anything.  An address is
 * remembered only when this node dialled it and the certificate at its other end had that node's Node-ID; until then it
 * is no node's, and a bootstrap node that is configured at the same address is still one that has to be asked.
 *
 *	claimed --its node is in the tables--> dialled --certificate fits--> remembered (cached_peers.c)
 *	   |                                      |
 *	   +--too many, known already-------------+--no link, another node--> forgotten
 *
 * Of two nodes only one dials, so the other learns no address that way: it makes a link of its own for this, and closes it
 * at once.  That is done one after the other and no more than needed: while fewer than CACHED_ENOUGH addresses of nodes in
 * the tables (of a client: at its links) are known.  A node that claimed an address where it was not found is not believed for a while.
 */

enum {
	CLAIMS_MAX = 16,     /* at the maximum the next one takes the place of the oldest */
	DISBELIEVED_MAX = 8, /* likewise */
	CLAIMS_PER_NODE = 2,
	CACHED_ENOUGH = 4,
	DIAL_MS = 5000,
	DIAL_GAP_MS = 500,
	DISBELIEVED_MS = 600000
};

struct claims {
	struct candidate at[CLAIMS_MAX]; /* newest first */
	size_t count;
	struct candidate dialled;
	uint32_t link; /* to it; 0: none is under way */
	struct reload_timer timer;
	struct {
		struct reload_id node;
		reload_ms since;
	} disbelieved[DISBELIEVED_MAX];
	size_t next_disbelieved;
};

void reload_claims_clear(struct reload_membership *m)
{
	if (!m->claims)
		return;
	reload_timer_cancel(&m->engine->timers, &m->claims->timer);
	free(TAKE(m->claims));
}

static bool believed(const struct reload_membership *m, const struct reload_id *node)
{
	for (size_t i = 0; i < DISBELIEVED_MAX; i++)
		if (reload_id_eq(&m->claims->disbelieved[i].node, node) &&
			m->engine->now - m->claims->disbelieved[i].since < DISBELIEVED_MS)
			return false;
	return true;
}

static void remove_at(struct claims *c, size_t i)
{
	c->count--;
	memmove(&c->at[i], &c->at[i + 1], (c->count - i) * sizeof(c->at[0]));
}

/* Several nodes may claim one address: only one of them is right. */
static void claim_add(struct claims *c, const struct candidate *claim)
{
	size_t of_one = 0, at = c->count;
	for (size_t i = 0; i < c->count; i++) {
		if (!reload_id_eq(&c->at[i].node, &claim->node))
			continue;
		if (++of_one == CLAIMS_PER_NODE || same_addr(&c->at[i], claim)) {
			at = i;
			break;
		}
	}
	if (at == CLAIMS_MAX)
		at--;
	if (at == c->count)
		c->count++;
	memmove(&c->at[1], &c->at[0], at * sizeof(c->at[0]));
	c->at[0] = *claim;
}

static void dial_next(struct reload_membership *m);

static void dial_due(void *arg)
{
	dial_next(arg);
}

/* found: the node that claimed the address is there. */
static void dial_decided(struct reload_membership *m, bool found)
{
	struct claims *c = m->claims;
	if (!found) {
		c->disbelieved[c->next_disbelieved].node = c->dialled.node;
		c->disbelieved[c->next_disbelieved].since = m->engine->now;
		c->next_disbelieved = (c->next_disbelieved + 1) % DISBELIEVED_MAX;
	}
	c->link = 0;
	reload_timer_arm(&m->engine->timers, &c->timer,
		m->engine->now + reload_engine_jitter(m->engine, DIAL_GAP_MS), dial_due, m);
}

static void dial_timed_out(void *arg)
{
	struct reload_membership *m = arg;
	reload_link_give_up(m->connections, m->claims->link);
	dial_decided(m, false);
}

/* The next claim of a node in the tables; a node of which one address is proven needs no other. */
static bool claim_take(struct reload_membership *m, struct candidate *out)
{
	struct claims *c = m->claims;
	for (size_t i = 0; i < c->count; i++) {
		if (!reload_cached_peers_is_peer(m, &c->at[i].node))
			continue;
		*out = c->at[i];
		remove_at(c, i--);
		if (!reload_cached_peers_has(m, &out->node) && believed(m, &out->node))
			return true;
	}
	return false;
}

static void dial_next(struct reload_membership *m)
{
	struct claims *c = m->claims;
	if (!c || c->link || c->timer.armed || m->state != RELOAD_STATE_JOINED ||
		reload_cached_peers_in_tables(m) >= CACHED_ENOUGH || !claim_take(m, &c->dialled))
		return;
	const struct reload_link_target to = { addr_of(&c->dialled), RELOAD_LINK_NO_ICE };
	reload_timer_arm(
		&m->engine->timers, &c->timer, m->engine->now + DIAL_MS, dial_timed_out, m);
	c->link = reload_link_open(m->connections, &to, 1);
}

void reload_claims_add(struct reload_membership *m, const struct reload_id *node,
	const struct reload_link_target *at, size_t count)
{
	/* with a shared secret a handshake does not say who is there */
	if (reload_id_eq(node, &m->engine->self) || m->engine->config->shared_secret)
		return;
	if (!m->claims)
		m->claims = RELOAD_NEW(claims);
	for (size_t i = count < CLAIMS_PER_NODE ? count : CLAIMS_PER_NODE; i-- > 0;) {
		struct candidate claim = candidate_of(&at[i].at);
		claim.node = *node;
		if (usable(&at[i].at))
			claim_add(m->claims, &claim);
	}
	dial_next(m);
}

void reload_claims_tables(struct reload_membership *m)
{
	dial_next(m);
}

bool reload_claims_link_up(
	struct reload_membership *m, uint32_t link, const struct reload_cert *cert)
{
	struct claims *c = m->claims;
	if (!c || !c->link || c->link != link)
		return false;
	const struct reload_ip_port addr = addr_of(&c->dialled);
	struct reload_id node = c->dialled.node;
	bool found = reload_cert_has_node(cert, &node);
	reload_link_give_up(m->connections, link);
	dial_decided(m, found);
	if (found)
		reload_cached_peers_confirm(m, &node, &addr);
	return true;
}

bool reload_claims_link_down(struct reload_membership *m, uint32_t link)
{
	if (!m->claims || !m->claims->link || m->claims->link != link)
		return false;
	dial_decided(m, false);
	return true;
}
