/* When peers come and go: sessions and absences, nights, and the crowd that comes later. */
#include "sim/fault_internal.h"

static reload_ms session_length(struct reload_prng *r, const struct reload_sim_scenario *s)
{
	double mean = (double)s->session;
	double t = s->churn == RELOAD_SIM_SESSIONS_WEIBULL  ? reload_prng_weibull(r, s->shape, mean)
		   : s->churn == RELOAD_SIM_SESSIONS_PARETO ? reload_prng_pareto(r, s->tail, mean)
							    : reload_prng_exponential(r, mean);
	return t < 1 ? 1 : t > 1e15 ? (reload_ms)1e15 : (reload_ms)t;
}

/*
 * Sessions and absences are timed by a clock that stands still at night, in the second half of each day.  awake() converts a time since the first
 * morning to what that clock shows; after_nights() converts back.
 */
static reload_ms awake(const struct reload_sim_scenario *s, reload_ms at)
{
	reload_ms half = s->day / 2, rest = half ? at % s->day : 0;
	return half ? at / s->day * half + (rest < half ? rest : half) : at;
}

static reload_ms after_nights(const struct reload_sim_scenario *s, reload_ms at)
{
	reload_ms half = s->day / 2;
	return half ? at / half * s->day + at % half : at;
}

/* When a peer of the crowd starts. */
static reload_ms crowd_start(const struct reload_sim_scenario *s, uint64_t seed, size_t node,
	reload_ms from, reload_ms end)
{
	struct reload_prng r;
	reload_sim_source_seed(&r, seed, RELOAD_SIM_SOURCE_CROWD);
	reload_ms length = s->crowd_time < end - from ? s->crowd_time : end - from;
	reload_ms begin = from + reload_prng_below(&r, end - from - length + 1);
	return begin + reload_prng_hash(seed, node, 0xc20d) % length;
}

void reload_sim_draw_crowd(struct reload_sim_faults *f, const struct reload_sim_scenario *s,
	uint64_t seed, reload_ms from, reload_ms end)
{
	size_t first = reload_sim_scenario_crowd(s);
	for (size_t node = first; node < s->peers; node++)
		reload_sim_fault_add(f, RELOAD_SIM_FAULT_START, RELOAD_SIM_SOURCE_CROWD,
			(uint32_t)(node - first), crowd_start(s, seed, node, from, end))
			->node = node;
}

/*
 * Sessions and absences alternate.  The first session begins when faults begin, as if all peers had just been started; for a peer of the crowd it
 * begins when that peer starts.  Node 0 is drawn last, so that the faults of the other peers have the same names with and without it.
 */
void reload_sim_draw_churn(struct reload_sim_faults *f, const struct reload_sim_scenario *s,
	uint64_t seed, reload_ms from, reload_ms end)
{
	uint32_t serial = 0;
	if (s->churn == RELOAD_SIM_SESSIONS_NONE)
		return;
	for (size_t k = 1; k < s->peers + (s->peers >= RELOAD_SIM_FEW); k++) {
		size_t node = k % s->peers;
		struct reload_prng r;
		reload_prng_seed(&r, reload_prng_hash(seed, 0xc400 + node, 0xfa01));
		reload_ms first = node < reload_sim_scenario_crowd(s)
					  ? from
					  : crowd_start(s, seed, node, from, end);
		for (reload_ms clock = awake(s, first - from);;) {
			clock += session_length(&r, s);
			reload_ms at = from + after_nights(s, clock);
			clock += (reload_ms)reload_prng_exponential(&r, (double)s->absence);
			reload_ms back = from + after_nights(s, clock);
			if (at >= end)
				break;
			struct reload_sim_fault *gone = reload_sim_fault_add(
				f, RELOAD_SIM_FAULT_LEAVE, RELOAD_SIM_SOURCE_CHURN, serial, at);
			gone->node = node;
			if (!reload_prng_chance(&r, s->graceful))
				reload_sim_fault_crash(gone, &r, s, node, back < end);
			bool disk = gone->disk;
			if (back < end) {
				struct reload_sim_fault *start =
					reload_sim_fault_add(f, RELOAD_SIM_FAULT_START,
						RELOAD_SIM_SOURCE_CHURN, serial, back);
				start->node = node;
				start->disk = disk;
			}
			serial++;
		}
	}
}
