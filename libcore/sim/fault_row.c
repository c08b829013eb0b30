/* The rows of a list of faults. */
#include "sim/fault_internal.h"
#include "util/alloc.h"

enum {
	FAULTS_MAX = 1 << 22 /* rows; further ones are left out */
};

struct reload_sim_fault *reload_sim_fault_add(struct reload_sim_faults *f,
	enum reload_sim_fault_type type, enum reload_sim_source source, uint32_t serial,
	reload_ms at)
{
	static struct reload_sim_fault beyond; /* the caller writes to it in place of a row */
	if (f->count >= FAULTS_MAX)
		return &beyond;
	reload_grow(&f->at, &f->cap, f->count, sizeof(*f->at));
	struct reload_sim_fault *fault = &f->at[f->count++];
	*fault = (struct reload_sim_fault){
		.type = type, .source = source, .serial = serial, .at = at
	};
	return fault;
}

void reload_sim_source_seed(struct reload_prng *r, uint64_t seed, enum reload_sim_source source)
{
	reload_prng_seed(r, reload_prng_hash(seed, source, 0xfa01));
}

void reload_sim_fault_crash(struct reload_sim_fault *fault, struct reload_prng *r,
	const struct reload_sim_scenario *s, size_t node, bool returns)
{
	fault->type = RELOAD_SIM_FAULT_CRASH;
	fault->node = node;
	fault->machine = reload_prng_chance(r, s->machine);
	bool disk = reload_prng_chance(r, s->disk);
	fault->disk = returns && disk;
}

size_t *reload_sim_some_peers(struct reload_prng *r, const struct reload_sim_scenario *s,
	uint64_t seed, enum reload_sim_source source, uint32_t share, size_t *count)
{
	size_t peers = s->peers > 1 ? s->peers - 1 : 0;
	size_t *order = reload_alloc_array(peers + 1, sizeof(*order));
	*count = (size_t)((peers * (uint64_t)share + 500000) / 1000000);
	for (size_t i = 0; i < peers; i++)
		order[i] = i + 1;
	for (size_t i = 0; i < *count; i++) {
		size_t other = i + reload_prng_below(r, peers - i), keep = order[i];
		order[i] = order[other];
		order[other] = keep;
	}
	if (s->peers >= RELOAD_SIM_FEW && reload_prng_hash(seed, source, 0xfa00) % 1000000 < share)
		order[(*count)++] = 0;
	return order;
}
