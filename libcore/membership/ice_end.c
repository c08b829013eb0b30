/* What another node sends of itself for ICE, in an Attach and in an AppAttach. */
#include "membership/attempt.h"

#include "wire/ice.h"

static struct reload_ice_candidate candidate_copy(
	struct reload_arena *arena, const struct reload_ice_candidate *c)
{
	struct reload_ice_candidate copy = { .addr_port = c->addr_port,
		.overlay_link = c->overlay_link,
		.foundation = reload_arena_copy(arena, c->foundation),
		.priority = c->priority,
		.type = c->type,
		.rel_addr_port = c->rel_addr_port };
	copy.addr_port.raw = copy.rel_addr_port.raw = span_of(NULL, 0);
	return copy;
}

const char *reload_ice_end_new(struct reload_ice_end **out, const struct reload_membership *m,
	struct span ufrag, struct span password, const struct reload_ice_candidate *candidates,
	size_t count)
{
	struct own_place own;
	const char *fault = reload_ice_credentials_fault(ufrag, password);
	if (fault)
		return fault;
	reload_own_place(m, &own);
	struct reload_ice_end *end = RELOAD_NEW(reload_ice_end);
	for (size_t i = 0; i < count && i < RELOAD_ICE_LOOKED_AT; i++) {
		const char *why = reload_ice_candidate_fault(&candidates[i], own.loopback);
		if (!why)
			end->candidates[end->count++] = candidate_copy(&end->arena, &candidates[i]);
		fault = fault ? fault : why;
	}
	if (!end->count) {
		reload_ice_end_free(end);
		return fault ? fault : "no candidates";
	}
	end->ufrag = reload_arena_copy(&end->arena, ufrag);
	end->password = reload_arena_copy(&end->arena, password);
	*out = end;
	return NULL;
}

void reload_ice_end_free(struct reload_ice_end *end)
{
	if (!end)
		return;
	reload_arena_clear(&end->arena);
	free(end);
}

const char *reload_link_types_fault(const struct reload_membership *m,
	const struct reload_ice_candidate *candidates, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bool ice = candidates[i].overlay_link == RELOAD_DTLS_UDP_SR;
		if (ice == m->engine->config->no_ice)
			return "ICE and No-ICE do not mix"; /* R-6.5.1.1-04, R-6.5.1.5-02 */
	}
	return NULL;
}
