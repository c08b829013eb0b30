/* Why a request of an agent failed: one cause from a list, found by a pure function in what the failure says and what happened meanwhile. */
#pragma once

#include "engine/host.h"

enum reload_cause {
#define X(NAME, name, text, advice) RELOAD_CAUSE_##NAME,
#include "control/causes.def"
#undef X
	RELOAD_CAUSES
};

/* What is known of a request that has ended; texts are borrowed, and never NULL. */
struct reload_cause_facts {
	const char *method;  /* of the control protocol: "store.put"; or a message: "update_req" */
	enum reload_err err; /* RELOAD_OK: it succeeded */
	const char *reason;  /* why, as the failure says it */
	uint64_t
		seen; /* bits: which types of events (1 << RELOAD_EV_...) happened meanwhile that concern it */
	unsigned
		sip_status; /* the final answer of SIP, 300 to 699; 0: it was about something else */
};

/* reload_cause_find() returns the cause: of the first row of the table that fits; RELOAD_CAUSE_UNKNOWN when none does. */
enum reload_cause reload_cause_find(const struct reload_cause_facts *facts);

/*
 * reload_cause_name() returns the code of a cause, reload_cause_text() a sentence without its full stop, reload_cause_advice() what to
 * try when the failure does not say; all static.
 */
const char *reload_cause_name(enum reload_cause cause);
const char *reload_cause_text(enum reload_cause cause);
const char *reload_cause_advice(enum reload_cause cause);
