/* What all lies need: chance, the keys of the node, and a way out past its engine. */
#include "sim/liar.h"

enum {
	PER_CENT = 10000 /* in a chance given per million */
};

struct reload_prng *reload_sim_liar_prng(const struct reload_sim_liar *l)
{
	return reload_sim_prng(l->all->sim);
}

struct reload_sim_node *reload_sim_liar_node(const struct reload_sim_liar *l)
{
	return reload_sim_node(l->all->sim, l->index);
}

struct reload_sim_forger reload_sim_liar_forger(const struct reload_sim_liar *l)
{
	return (struct reload_sim_forger){ .credentials = &reload_sim_liar_node(l)->credentials,
		.config = l->config,
		.prng = reload_sim_liar_prng(l) };
}

bool reload_sim_liar_chance(const struct reload_sim_liar *l, uint32_t per_cent)
{
	return reload_prng_chance(reload_sim_liar_prng(l), per_cent * PER_CENT);
}

void reload_sim_liar_send(
	struct reload_sim_liar *l, uint32_t lie, uint32_t link, struct span message)
{
	for (unsigned i = 0; i < RELOAD_SIM_LIES; i++)
		l->all->sent[i] += lie == 1u << i;
	if (message.len)
		reload_sim_inject(reload_sim_liar_node(l), link, message, 0);
	reload_sim_note(l->all->sim, reload_sim_liar_node(l), "lies", lie, message.len);
}
