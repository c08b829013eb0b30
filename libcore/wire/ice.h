/* What the ICE parameters of an Attach may be (RFC 6940 s6.5.1.1, with the grammar of RFC 5245 s15). */
#pragma once

#include "wire/attach.h"

/*
 * reload_ice_credentials_fault() returns why a user fragment and a password cannot be those of ICE, NULL: they can.  Each has
 * its least length and consists of letters, digits, + and /.  In a No-ICE Attach they mean nothing (LINK-12): not to be asked
 * there.
 */
const char *reload_ice_credentials_fault(struct span ufrag, struct span password);

/*
 * reload_ice_candidate_fault() returns why a candidate of another node is not given to ICE, NULL: it is.  Its address is
 * judged by reload_ip_port_claim_fault() with `loopback`; a foundation is 1 to 255 printable characters without blanks.
 */
const char *reload_ice_candidate_fault(const struct reload_ice_candidate *c, bool loopback);
