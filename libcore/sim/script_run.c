#include "sim/run_state.h"
#include "sim/script.h"

/* The Stores and Fetches of a script, in a run; its kills and starts are among the faults. */

static const struct reload_sim_order *order_next(const struct reload_sim_run_state *c)
{
	const struct reload_sim_script *s = c->watch ? c->watch->script : NULL;
	return s && c->out->load_at && c->order < s->count ? &s->orders[c->order] : NULL;
}

reload_ms reload_sim_orders_next(const struct reload_sim_run_state *c)
{
	const struct reload_sim_order *o = order_next(c);
	return o ? c->out->load_at + o->at : RELOAD_NEVER;
}

void reload_sim_orders_run(struct reload_sim_run_state *c)
{
	for (; reload_sim_orders_next(c) <= reload_sim_now(c->sim); c->order++) {
		const struct reload_sim_order *o = order_next(c);
		switch (o->type) {
		case RELOAD_SIM_ORDER_STORE:
			reload_sim_workload_store_own(c, o->peer);
			break;
		case RELOAD_SIM_ORDER_FETCH:
			reload_sim_workload_fetch_own(c, o->peer);
			break;
		case RELOAD_SIM_ORDER_COUNT:
			c->load_from = *reload_sim_counts(c->sim);
			break;
		case RELOAD_SIM_ORDER_KILL:
		case RELOAD_SIM_ORDER_START:
			break;
		}
	}
}
