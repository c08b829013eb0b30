#include "sim/liar.h"

/*
 * What a liar does.
 *
 * 	A message of another node that it should forward	drops it, forwards it to a wrong node, or answers it in place of the owner
 * 	A message of its own engine				sends an old answer instead, or changes a value and signs the message again
 * 	Either							damages bytes
 * 	On a timer						sends false Updates, messages seen before, too large ones, floods
 *
 * Whether it lies is drawn for each message, so that a liar still answers most of what keeps its links up, and stays in the ring.  The
 * engine of a liar is never asked from inside a call that it made: what is known of its links is from the last run of the timer.
 *
 * Limits: for each liar RELOAD_SIM_LIAR_CACHED answers, _SEEN messages and _LINKS links are remembered; the oldest is replaced.  A
 * flood is one message each FLOOD_GAP_MS for FLOOD_MS.
 */

enum {
	TIMER_MS = 500, /* mean time between two runs of the timer */
	FLOOD_GAP_MS = 5,
	FLOOD_MS = 3000,
	SEEN_SIZE = 8192
};

struct reload_sim_byzantine *reload_sim_byzantine_new(struct reload_sim *s)
{
	struct reload_sim_byzantine *b = RELOAD_NEW(reload_sim_byzantine);
	b->sim = s;
	b->liars = reload_alloc_array(reload_sim_count(s), sizeof(struct reload_sim_liar *));
	return b;
}

static void liar_free(struct reload_sim_liar *l)
{
	for (size_t i = 0; i < RELOAD_SIM_LIAR_CACHED; i++)
		bytes_free(&l->cached[i].body);
	for (size_t i = 0; i < RELOAD_SIM_LIAR_SEEN; i++)
		bytes_free(&l->seen[i]);
	reload_config_free(l->config);
	free(l);
}

void reload_sim_byzantine_free(struct reload_sim_byzantine *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < reload_sim_count(b->sim); i++)
		if (b->liars[i])
			liar_free(b->liars[i]);
	free(b->liars);
	free(b);
}

/* -- counting -------------------------------------------------------------------------------------------------------- */

uint64_t reload_sim_byzantine_sent_of(const struct reload_sim_byzantine *b, uint32_t lie)
{
	uint64_t sent = 0;
	for (unsigned i = 0; i < RELOAD_SIM_LIES; i++)
		sent += lie & 1u << i ? b->sent[i] : 0;
	return sent;
}

uint64_t reload_sim_byzantine_sent(const struct reload_sim_byzantine *b)
{
	return reload_sim_byzantine_sent_of(b, (1u << RELOAD_SIM_LIES) - 1);
}

void reload_sim_byzantine_event(void *arg, struct reload_sim_node *n, const struct reload_event *ev)
{
	struct reload_sim_byzantine *b = arg;
	if (n->byzantine)
		return;
	switch ((int)ev->type) {
	case RELOAD_EV_DROPPED:
	case RELOAD_EV_REQUEST_REFUSED:
	case RELOAD_EV_BAD_SIGNATURE:
	case RELOAD_EV_STORE_REFUSED:
	case RELOAD_EV_ROLLBACK:
		b->refused++;
		break;
	}
}

uint64_t reload_sim_byzantine_refused(const struct reload_sim_byzantine *b)
{
	return b->refused;
}

/* -- what leaves the engine ------------------------------------------------------------------------------------------ */

static void remember(struct reload_sim_liar *l, struct span message)
{
	if (message.len > SEEN_SIZE || !reload_sim_liar_chance(l, 20))
		return;
	struct bytes *oldest = &l->seen[l->seen_next++ % RELOAD_SIM_LIAR_SEEN];
	bytes_free(oldest);
	*oldest = bytes_copy(message);
}

/* A message of another node; true: it is forwarded as it is. */
static bool in_transit(
	struct reload_sim_liar *l, uint32_t lies, struct reload_msg *m, struct span message)
{
	uint32_t links[RELOAD_SIM_LIAR_LINKS];
	size_t count;
	bool drops = lies & RELOAD_SIM_LIE_DROP, misroutes = lies & RELOAD_SIM_LIE_MISROUTE;
	if (lies & RELOAD_SIM_LIE_STALE && reload_sim_liar_chance(l, 30) &&
		reload_sim_lie_instead(l, m))
		return false;
	if (drops && (!misroutes || reload_sim_liar_chance(l, 50))) {
		reload_sim_liar_send(l, RELOAD_SIM_LIE_DROP, 0, span_of(NULL, 0));
		return false;
	}
	if (!misroutes ||
		!(count = reload_sim_links(reload_sim_liar_node(l), links, RELOAD_SIM_LIAR_LINKS)))
		return true;
	reload_sim_liar_send(l, RELOAD_SIM_LIE_MISROUTE,
		links[reload_prng_below(reload_sim_liar_prng(l), count)], message);
	return false;
}

static bool own(struct reload_sim_liar *l, uint32_t lies, uint32_t link, struct reload_msg *m)
{
	struct wire_ctx ctx = reload_config_wire_ctx(l->config);
	if (lies & RELOAD_SIM_LIE_STALE && m->code == RELOAD_FETCH_ANS &&
		!reload_msg_body(m, &ctx) && reload_sim_lie_stale(l, link, m))
		return false;
	if (lies & RELOAD_SIM_LIE_ESTIMATES && reload_sim_lie_estimates(l, link, m))
		return false;
	return !(lies & RELOAD_SIM_LIE_MALFORMED && reload_sim_lie_forged(l, link, m));
}

bool reload_sim_byzantine_send(
	void *arg, struct reload_sim_node *n, uint32_t link, struct span message)
{
	struct reload_sim_byzantine *b = arg;
	struct reload_sim_liar *l = b->liars[n->index];
	if (!l || !l->config || !message.len)
		return true;
	if (n->byzantine & RELOAD_SIM_LIE_REPLAYED)
		remember(l, message);
	if (n->byzantine & RELOAD_SIM_LIE_MALFORMED && reload_sim_liar_chance(l, 3)) {
		reload_sim_lie_damaged(l, link, message);
		return false;
	}
	struct wire_ctx ctx = reload_config_wire_ctx(l->config);
	struct reload_msg *m;
	if (reload_msg_decode(&m, message, &ctx))
		return true; /* a fragment */
	bool goes = reload_sim_signed_by(m, &n->credentials)
			    ? own(l, n->byzantine, link, m)
			    : in_transit(l, n->byzantine, m, message);
	reload_msg_free(m);
	return goes;
}

/* -- without cause --------------------------------------------------------------------------------------------------- */

static void links_look(struct reload_sim_liar *l)
{
	struct reload_peer_link links[RELOAD_SIM_LIAR_LINKS];
	size_t count =
		reload_peer_links(reload_sim_liar_node(l)->peer, links, RELOAD_SIM_LIAR_LINKS);
	l->links_count = 0;
	for (size_t i = 0; i < count && i < RELOAD_SIM_LIAR_LINKS; i++)
		if (links[i].node.len)
			l->links[l->links_count++] =
				(struct reload_sim_liar_link){ .link = links[i].link,
					.node = links[i].node };
}

static void flood(void *arg, struct reload_sim *s)
{
	struct reload_sim_liar *l = arg;
	struct reload_sim_node *n = reload_sim_liar_node(l);
	l->flooding = n->peer && n->byzantine & RELOAD_SIM_LIE_FLOODS && l->links_count &&
		      reload_sim_now(s) < l->flood_until;
	if (!l->flooding)
		return;
	if (reload_sim_liar_chance(l, 50))
		reload_sim_lie_update(l, RELOAD_SIM_LIE_FLOODS);
	else
		reload_sim_lie_store(l);
	reload_sim_at(s, reload_sim_now(s) + FLOOD_GAP_MS, flood, l);
}

static void act(struct reload_sim_liar *l, uint32_t lies, struct reload_sim *s)
{
	if (lies & RELOAD_SIM_LIE_UPDATES && reload_sim_liar_chance(l, 30))
		reload_sim_lie_update(l, RELOAD_SIM_LIE_UPDATES);
	if (lies & RELOAD_SIM_LIE_UPDATES && l->links_count > 1 && reload_sim_liar_chance(l, 10))
		reload_sim_lie_join(l);
	if (lies & RELOAD_SIM_LIE_REPLAYED && reload_sim_liar_chance(l, 60))
		reload_sim_lie_again(l);
	if (lies & RELOAD_SIM_LIE_OVERSIZED && reload_sim_liar_chance(l, 3))
		reload_sim_lie_large(l);
	if (lies & RELOAD_SIM_LIE_FLOODS && !l->flooding && reload_sim_liar_chance(l, 3)) {
		l->flood_until = reload_sim_now(s) + FLOOD_MS;
		flood(l, s);
	}
}

static void on_timer(void *arg, struct reload_sim *s)
{
	struct reload_sim_liar *l = arg;
	struct reload_sim_node *n = reload_sim_liar_node(l);
	l->timed = n->byzantine != 0;
	if (!l->timed)
		return;
	reload_sim_at(s,
		reload_sim_now(s) + TIMER_MS / 2 +
			reload_prng_below(reload_sim_liar_prng(l), TIMER_MS),
		on_timer, l);
	l->links_count = 0;
	if (!n->peer)
		return;
	struct reload_config *config = reload_config_ref(reload_peer_config(n->peer));
	reload_config_free(l->config);
	l->config = config;
	links_look(l);
	if (l->links_count)
		act(l, n->byzantine, s);
}

void reload_sim_byzantine_start(struct reload_sim_byzantine *b, size_t i, uint32_t lies)
{
	struct reload_sim_node *n = reload_sim_node(b->sim, i);
	if (!b->liars[i]) {
		b->liars[i] = RELOAD_NEW(reload_sim_liar);
		b->liars[i]->all = b;
		b->liars[i]->index = i;
	}
	n->byzantine = lies;
	if (!b->liars[i]->timed && lies) {
		b->liars[i]->timed = true;
		reload_sim_at(b->sim, reload_sim_now(b->sim), on_timer, b->liars[i]);
	}
}

void reload_sim_byzantine_stop(struct reload_sim_byzantine *b, size_t i)
{
	reload_sim_node(b->sim, i)->byzantine = 0;
}
