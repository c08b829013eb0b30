#include "sim/large.h"

#include "sim/fault.h"

struct large {
	struct reload_sim_run_state *state;
	size_t node;
	unsigned life;
};

static void store_next(struct large *l);

/* A Store that failed is made again with the node's next one. */
static void stored(void *arg, const struct reload_result *result)
{
	struct large *l = arg;
	struct reload_sim_run_state *c = l->state;
	bool good = c->checks && !result->err && reload_sim_node(c->sim, l->node)->lives == l->life;
	if (c->checks)
		c->nodes[l->node].filling = false;
	c->store_hops += reload_sim_request_hops(&c->hops, result);
	if (good && ++c->nodes[l->node].filled < RELOAD_SIM_LARGE_ENTRIES)
		store_next(l);
	else
		free(l);
}

static void store_next(struct large *l)
{
	struct reload_sim_run_state *c = l->state;
	struct reload_sim_run_node *own = &c->nodes[l->node];
	uint8_t bytes[RELOAD_SIM_VALUE_MAX];
	memset(bytes, (int)(l->node + own->filled), sizeof(bytes));
	struct reload_store_item item = { .kind = RELOAD_SIM_ARRAY,
		.value = { .model = RELOAD_MODEL_ARRAY,
			.index = RELOAD_SIM_LARGE_FIRST + own->filled,
			.exists = true,
			.value = span_of(bytes, sizeof(bytes)) },
		.lifetime_s = (uint32_t)(c->scenario->lifetime / RELOAD_SECOND) };
	const struct reload_id *resource = reload_sim_history_resource(c->history, l->node);
	struct reload_destination to = reload_dest_resource(resource);
	struct reload_request_target target = { .list = &to, .count = 1 };
	enum reload_err err;
	own->filling = reload_peer_store(reload_sim_node(c->sim, l->node)->peer, &target, resource,
			       &item, 1, stored, l, &err) != NULL;
	if (!own->filling)
		free(l);
}

void reload_sim_large_store(struct reload_sim_run_state *c, size_t i)
{
	const struct reload_sim_run_node *own = &c->nodes[i];
	struct reload_sim_node *n = reload_sim_node(c->sim, i);
	if (own->filling || own->filled >= RELOAD_SIM_LARGE_ENTRIES || !own->joined ||
		n->byzantine || !reload_sim_node_has(c->seed, 0x1a46, i, c->scenario->large))
		return;
	struct large *l = RELOAD_NEW(large);
	*l = (struct large){ .state = c, .node = i, .life = n->lives };
	store_next(l);
}

bool reload_sim_large_agree(const struct reload_sim_run_state *c, struct reload_sim_violation *v)
{
	for (size_t i = 0; i < c->nodes_count; i++)
		if (c->nodes[i].filled && !reload_sim_check_alike(c->checks, i, RELOAD_SIM_ARRAY,
						  RELOAD_SIM_LARGE_FIRST, v))
			return false;
	return true;
}
