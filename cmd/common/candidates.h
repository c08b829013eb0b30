/* Candidates of ICE between the agent's media.open and session descriptions. */
#pragma once

#include "usage/sip_sdp.h"

#include <jansson.h>

/* cli_candidates_read() reads what the notification gathered says of this end; false: it has no candidate. */
bool cli_candidates_read(struct reload_sdp_ice *out, const json_t *gathered);

/*
 * cli_candidates_default() returns what is written for those without ICE, the one that is likely to work (RFC 8839 s4.2.1.2): behind a NAT its outer
 * address (borrowed); NULL: there is none.
 */
const struct reload_sdp_candidate *cli_candidates_default(const struct reload_sdp_ice *ice);

/* cli_candidates_check() makes the parameters of media.check (owned) for path number media. */
json_t *cli_candidates_check(const struct reload_sdp_ice *other, json_int_t media);
