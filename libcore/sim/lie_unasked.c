/* Lies that nothing asks for: a timer makes them. */
#include "sim/liar.h"

static const struct reload_sim_liar_link *somebody(const struct reload_sim_liar *l)
{
	return &l->links[reload_prng_below(reload_sim_liar_prng(l), l->links_count)];
}

void reload_sim_lie_update(struct reload_sim_liar *l, uint32_t lie)
{
	struct reload_sim_forger forger = reload_sim_liar_forger(l);
	const struct reload_sim_liar_link *to = somebody(l);
	struct reload_id real[RELOAD_SIM_LIAR_LINKS];
	struct wr w;
	wr_init(&w);
	for (size_t i = 0; i < l->links_count; i++)
		real[i] = l->links[i].node;
	reload_sim_forge_update(&w, &forger,
		(enum reload_sim_false_update)reload_prng_below(
			forger.prng, RELOAD_SIM_FALSE_UPDATES),
		&to->node, real, l->links_count);
	reload_sim_liar_send(l, lie, to->link, wr_done(&w));
	wr_clear(&w);
}

void reload_sim_lie_join(struct reload_sim_liar *l)
{
	struct reload_sim_forger forger = reload_sim_liar_forger(l);
	const struct reload_sim_liar_link *to = somebody(l), *other = somebody(l);
	bool detour = reload_sim_liar_chance(l, 50);
	struct wr w;
	wr_init(&w);
	reload_sim_forge_join(
		&w, &forger, &to->node, detour ? &forger.credentials->node : &other->node);
	reload_sim_liar_send(
		l, RELOAD_SIM_LIE_UPDATES, detour ? other->link : to->link, wr_done(&w));
	wr_clear(&w);
}

void reload_sim_lie_store(struct reload_sim_liar *l)
{
	struct reload_sim_forger forger = reload_sim_liar_forger(l);
	const struct reload_sim_liar_link *to = somebody(l);
	const struct reload_sim_node *n = reload_sim_liar_node(l);
	enum reload_sim_false_store how = (enum reload_sim_false_store)reload_prng_below(
		forger.prng, RELOAD_SIM_FALSE_STORES);
	struct reload_id resource = to->node; /* in the receiver's range */
	if (how == RELOAD_SIM_STORE_REPLICA)
		reload_prng_bytes(forger.prng, resource.at, resource.len);
	struct wr w;
	wr_init(&w);
	reload_sim_forge_store(&w, &forger, how, &to->node, &resource,
		RELOAD_SIM_EPOCH + reload_sim_now(l->all->sim) + (uint64_t)n->skew_ms);
	reload_sim_liar_send(l, RELOAD_SIM_LIE_FLOODS, to->link, wr_done(&w));
	wr_clear(&w);
}

void reload_sim_lie_large(struct reload_sim_liar *l)
{
	struct reload_sim_forger forger = reload_sim_liar_forger(l);
	const struct reload_sim_liar_link *to = somebody(l);
	struct wr w;
	wr_init(&w);
	reload_sim_forge_large(&w, &forger, &to->node);
	reload_sim_liar_send(l, RELOAD_SIM_LIE_OVERSIZED, to->link, wr_done(&w));
	wr_clear(&w);
}

void reload_sim_lie_again(struct reload_sim_liar *l)
{
	struct span s = bytes_span(
		l->seen[reload_prng_below(reload_sim_liar_prng(l), RELOAD_SIM_LIAR_SEEN)]);
	if (s.len)
		reload_sim_liar_send(l, RELOAD_SIM_LIE_REPLAYED, somebody(l)->link, s);
}
