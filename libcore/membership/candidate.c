#include "membership/candidate.h"

bool reload_candidate_is_own(struct reload_membership *m, const struct candidate *c)
{
	struct reload_link_target own[8];
	size_t count = m->engine->ops->addresses(m->engine->host, own, COUNT_OF(own));
	for (size_t i = 0; i < count; i++) {
		struct candidate mine = candidate_of(&own[i].at);
		if (same_addr(&mine, c))
			return true;
	}
	return c->node.len && reload_id_eq(&c->node, &m->engine->self);
}

void reload_candidates_shuffle(struct reload_membership *m, struct candidate *at, size_t count)
{
	for (size_t i = count; i > 1; i--) {
		size_t k = (size_t)reload_engine_random_ms(m->engine, i);
		struct candidate c = at[k];
		at[k] = at[i - 1];
		at[i - 1] = c;
	}
}
