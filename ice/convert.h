/* Between addresses and candidates of RELOAD and those of libnice. */
#pragma once

#include "link/ice_plugin.h"

#include <nice/agent.h>

enum {
	ICE_COMPONENT = 1 /* of each stream */
};

/* ice_address_to() and ice_address_from() convert; an address that is not set has type 0. */
void ice_address_to(NiceAddress *out, const struct reload_ip_port *in);
void ice_address_from(struct reload_ip_port *out, const NiceAddress *in);

/* ice_address_text() writes the address without its port. */
const char *ice_address_text(char out[NICE_ADDRESS_STRING_LEN], const struct reload_ip_port *in);

/* ice_candidate_to() makes a candidate of libnice (owned). */
NiceCandidate *ice_candidate_to(const struct reload_ice_item *in, guint stream);

/* ice_candidate_from() fills in out; false for one that is not UDP. */
gboolean ice_candidate_from(struct reload_ice_item *out, const NiceCandidate *in);

/* ice_pair_from() fills in the pair of two candidates; server relays for this end where its candidate is a relayed one. */
void ice_pair_from(struct reload_ice_pair *out, const NiceCandidate *local,
	const NiceCandidate *remote, const struct reload_ip_port *server);

/* ice_candidates_free() frees a list of candidates, and them. */
void ice_candidates_free(GSList *list);

/*
 * ice_pairs_of() fills out with the pairs of a stream that were tried, and returns their number.  libnice does not show its check list: these are all
 * pairs of a family, but for reflexive ones of this end, whose base is tried.
 */
size_t ice_pairs_of(struct reload_ice_pair out[RELOAD_ICE_PAIRS], NiceAgent *agent, guint stream,
	const struct reload_ip_port *server);
