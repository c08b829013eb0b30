/* Certificates that end within a run. */
#include "sim/fault_internal.h"

#include <stdlib.h>

/* How far the wall clock of a node may be off at most. */
static reload_ms clocks_off(const struct reload_sim_faults *f, const struct reload_sim_scenario *s)
{
	reload_ms most = 0;
	for (size_t i = 0; i < f->count; i++) {
		reload_ms jumps = 0;
		for (size_t k = 0; k < f->count && f->at[i].type == RELOAD_SIM_FAULT_CLOCK; k++)
			if (f->at[k].type == RELOAD_SIM_FAULT_CLOCK &&
				f->at[k].node == f->at[i].node) {
				int64_t jump = (int64_t)f->at[k].number;
				jumps += (reload_ms)(jump < 0 ? -jump : jump);
			}
		most = jumps > most ? jumps : most;
	}
	return s->skew + most;
}

/*
 * Each of the chosen peers gets a certificate that ends in the run.  It comes in the first half of the time of faults, and lasts
 * for at least a quarter of the time that is left then, even by the clock that is most ahead.  It is renewed as the agent does
 * it, when a third to a sixth of its validity is left.  Node 0 always renews.  Of the others one half does, and one half of the
 * rest does not notice the end.
 */
void reload_sim_draw_certs(struct reload_sim_faults *f, const struct reload_sim_scenario *s,
	uint64_t seed, reload_ms from, reload_ms end)
{
	struct reload_prng r;
	size_t count;
	reload_ms off = s->cert_ends ? clocks_off(f, s) : 0;
	reload_sim_source_seed(&r, seed, RELOAD_SIM_SOURCE_CERT);
	size_t *peers =
		reload_sim_some_peers(&r, s, seed, RELOAD_SIM_SOURCE_CERT, s->cert_ends, &count);
	for (size_t i = 0; i < count; i++) {
		reload_ms at = from + reload_prng_below(&r, (end - from) / 2 + 1), left = end - at;
		reload_ms lasts = left / 4 + reload_prng_below(&r, left * 3 / 4 + 1);
		reload_ms renewal = lasts * 2 / 3 + reload_prng_below(&r, lasts / 6 + 1);
		uint64_t how = reload_prng_below(&r, 4);
		bool renews = how < 2 || !peers[i];
		struct reload_sim_fault *given = reload_sim_fault_add(
			f, RELOAD_SIM_FAULT_CERT, RELOAD_SIM_SOURCE_CERT, (uint32_t)i, at);
		given->node = peers[i];
		given->number = at + lasts + off;
		given->careless = !renews && how == 3;
		if (renews)
			reload_sim_fault_add(f, RELOAD_SIM_FAULT_RENEW, RELOAD_SIM_SOURCE_CERT,
				(uint32_t)i, at + renewal)
				->node = peers[i];
		struct reload_sim_fault *ends = reload_sim_fault_add(f, RELOAD_SIM_FAULT_CERT_ENDS,
			RELOAD_SIM_SOURCE_CERT, (uint32_t)i, at + lasts);
		ends->node = peers[i];
		ends->length = 2 * off;
		ends->renewed = renews;
	}
	free(peers);
}
