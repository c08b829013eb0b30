/*
 * The end of certificates, as the hosts of the nodes see to it: libcore/link for the other ends of links, cmd/reload-agent for its own.
 */
#pragma once

#include "sim/internal.h"

/* reload_sim_given_add() gives b these credentials: cert (taken over) and the key for it; _clear() frees all that it was given. */
void reload_sim_given_add(struct reload_sim_body *b, struct reload_cert *cert);
void reload_sim_given_clear(struct reload_sim_body *b);
/*
 * reload_sim_link_valid() returns whether the certificates of both ends are valid in the handshake, each by the clock of the other end; end e notes that of
 * the other one.
 */
bool reload_sim_link_valid(struct reload_sim *s, struct reload_sim_link *l, unsigned e);
/* reload_sim_link_certificate() notes that end e knows a certificate of the other end until then. */
void reload_sim_link_certificate(
	struct reload_sim *s, struct reload_sim_link *l, unsigned e, reload_utc until);
