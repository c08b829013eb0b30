#include "peer/candidate.h"

/*
 * Addresses that others claim: in an Attach a node says where it listens, and anybody can say anything.  An address is
 * remembered only when this node dialled it and the certificate at its other end had that node's Node-ID; until then it
 * stands for nobody, and a bootstrap node that is configured at the same address is still one that has to be asked.
 *
 *	claimed --its node is in the tables--> dialled --certificate fits--> remembered (bootstrap.c)
 *	   |                                      |
 *	   +--too many, known already-------------+--no link, another node--> forgotten
 *
 * Between two nodes one end dials, so that the other one would know nobody's address: it makes a link of its own for this, and
 * closes it at once.  That is done one after the other and no more than needed: while fewer than ENOUGH addresses of nodes in
 * the tables are known.  Who claimed an address where it was not found is not believed for a while.
 */

enum {
	CLAIMS_MAX = 16, /* at the maximum the next one takes the place of the oldest */
	LIARS_MAX = 8,   /* likewise */
	CLAIMS_OF_ONE = 2,
	ENOUGH = 4,
	DIAL_MS = 5000,
	PAUSE_MS = 500,
	NOT_BELIEVED_MS = 600000
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
	} liars[LIARS_MAX];
	size_t next_liar;
};

void reload_claims_clear(struct reload_peer *p)
{
	if (!p->claims)
		return;
	reload_timer_cancel(&p->engine->timers, &p->claims->timer);
	free(TAKE(p->claims));
}

static bool believed(const struct reload_peer *p, const struct reload_id *node)
{
	for (size_t i = 0; i < LIARS_MAX; i++)
		if (reload_id_eq(&p->claims->liars[i].node, node) &&
			p->engine->now - p->claims->liars[i].since < NOT_BELIEVED_MS)
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
		if (++of_one == CLAIMS_OF_ONE || same_addr(&c->at[i], claim)) {
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

static void dial_next(struct reload_peer *p);

static void again(void *arg)
{
	dial_next(arg);
}

/* What was dialled is decided. */
static void dialled_end(struct reload_peer *p, bool found)
{
	struct claims *c = p->claims;
	if (!found) {
		c->liars[c->next_liar].node = c->dialled.node;
		c->liars[c->next_liar].since = p->engine->now;
		c->next_liar = (c->next_liar + 1) % LIARS_MAX;
	}
	c->link = 0;
	reload_timer_arm(&p->engine->timers, &c->timer,
		p->engine->now + reload_engine_jitter(p->engine, PAUSE_MS), again, p);
}

static void dialled_late(void *arg)
{
	struct reload_peer *p = arg;
	reload_link_give_up(p->connections, p->claims->link);
	dialled_end(p, false);
}

/* The next claim of a node in the tables; a node of which one address is proven needs no other. */
static bool claim_take(struct reload_peer *p, struct candidate *out)
{
	struct claims *c = p->claims;
	for (size_t i = 0; i < c->count; i++) {
		if (!reload_topology_lists(p->topology, p->plugin, &c->at[i].node))
			continue;
		*out = c->at[i];
		remove_at(c, i--);
		if (!reload_bootstrap_is_proven(p, &out->node) && believed(p, &out->node))
			return true;
	}
	return false;
}

static void dial_next(struct reload_peer *p)
{
	struct claims *c = p->claims;
	if (!c || c->link || c->timer.armed || p->life.state != RELOAD_STATE_JOINED ||
		reload_bootstrap_proven_count(p) >= ENOUGH || !claim_take(p, &c->dialled))
		return;
	const struct reload_ip_port addr = addr_of(&c->dialled);
	reload_timer_arm(&p->engine->timers, &c->timer, p->engine->now + DIAL_MS, dialled_late, p);
	c->link = reload_link_open(p->connections, &addr, 1);
}

void reload_claims_heard(struct reload_peer *p, const struct reload_id *node,
	const struct reload_ip_port *addrs, size_t count)
{
	if (p->life.role != RELOAD_ROLE_PEER || reload_id_eq(node, &p->engine->self))
		return;
	if (!p->claims)
		p->claims = RELOAD_NEW(claims);
	for (size_t i = count < CLAIMS_OF_ONE ? count : CLAIMS_OF_ONE; i-- > 0;) {
		struct candidate claim = candidate_of(&addrs[i]);
		claim.node = *node;
		if (usable(&addrs[i]))
			claim_add(p->claims, &claim);
	}
	dial_next(p);
}

void reload_claims_tables(struct reload_peer *p)
{
	dial_next(p);
}

bool reload_claims_link_up(struct reload_peer *p, uint32_t link, const struct reload_cert *cert)
{
	struct claims *c = p->claims;
	if (!c || !c->link || c->link != link)
		return false;
	const struct reload_ip_port addr = addr_of(&c->dialled);
	struct reload_id node = c->dialled.node;
	bool found = reload_cert_has_node(cert, &node);
	reload_link_give_up(p->connections, link);
	dialled_end(p, found);
	if (found)
		reload_bootstrap_proven(p, &node, &addr);
	return true;
}

bool reload_claims_link_down(struct reload_peer *p, uint32_t link)
{
	if (!p->claims || !p->claims->link || p->claims->link != link)
		return false;
	dialled_end(p, false);
	return true;
}
