/*
 * The TURN server beside this agent (--turn-server), which it offers to the others of the overlay (RFC 6940 s9): the agent asks it every now
 * and then whether it is there, and as long as it is has TURN-SERVICE records stored and renewed.
 */
#pragma once

#include "host.h"

struct turn_offer;

enum {
	TURN_OFFER_CHECK_MS = 30000,
	TURN_OFFER_AGAIN_MS = 500,  /* when it is not there; doubled up to TURN_OFFER_CHECK_MS */
	TURN_OFFER_LIFETIME_S = 900 /* of a record */
};

/*
 * turn_offer_prepare() reads the setting; RELOAD_USAGE with why.  turn_offer_start() begins, or ends the renewal of the records of an
 * earlier run when there is no server any more.  turn_offer_stop() ends it; turn_offer_clear() frees all.
 */
enum reload_err turn_offer_prepare(
	struct host *h, const struct agent_settings *s, struct reload_error_text *why) MUST_CHECK;
void turn_offer_start(struct host *h);
void turn_offer_stop(struct host *h);
void turn_offer_clear(struct host *h);
