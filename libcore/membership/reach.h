/* Which addresses that another node names may be dialled, and for whom: for Attach and AppAttach alike. */
#pragma once

#include "membership/membership.h"
#include "util/arena.h"

enum {
	RELOAD_ICE_LOOKED_AT = 25,        /* candidates of another node */
	RELOAD_ICE_GATHER_LIMIT_MS = 5000 /* for a host to gather candidates */
};

/*
 * reload_reach_targets() copies the addresses of candidates that may be dialled (reload_ip_port_claim_fault()) to out, at most max,
 * each once with the types of its candidates, and returns how many: those of an Attach without ICE, of whatever link types this node dials.
 */
size_t reload_reach_targets(const struct reload_membership *m,
	const struct reload_ice_candidate *candidates, size_t count, struct reload_link_target *out,
	size_t max);

/*
 * reload_dial_allowed() returns whether an Attach of signer (fingerprint of its certificate) may make this node dial while under_way
 * dials for it are not decided.  reload_dial_failed() and reload_dial_succeeded() report what became of one.
 */
bool reload_dial_allowed(
	const struct reload_membership *m, const uint8_t signer[32], size_t under_way);
void reload_dial_failed(struct reload_membership *m, const uint8_t signer[32]);
void reload_dial_succeeded(struct reload_membership *m, const uint8_t signer[32]);

/* What another node sent for ICE, as far as it can be used. */
struct reload_ice_end {
	struct reload_arena arena;
	struct span ufrag, password;
	struct reload_ice_candidate candidates[RELOAD_ICE_LOOKED_AT];
	size_t count;
};

/*
 * reload_ice_end_new() copies user fragment, password and, of the first RELOAD_ICE_LOOKED_AT candidates, those without a fault (reload_ice_candidate_fault())
 * to *out (owned).  Returns why nothing can be done with them (static), NULL: *out is set.
 */
const char *reload_ice_end_new(struct reload_ice_end **out, const struct reload_membership *m,
	struct span ufrag, struct span password, const struct reload_ice_candidate *candidates,
	size_t count);
void reload_ice_end_free(struct reload_ice_end *end);

/* reload_link_types_fault() returns why these candidates do not belong to an overlay with ICE, or to one without (R-6.5.1.5-02); NULL: they do. */
const char *reload_link_types_fault(const struct reload_membership *m,
	const struct reload_ice_candidate *candidates, size_t count);
