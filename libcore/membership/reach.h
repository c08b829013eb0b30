/* Which addresses that another node names may be dialled, and for whom: for Attach and AppAttach alike. */
#pragma once

#include "membership/membership.h"

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
