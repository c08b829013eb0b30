/*
 * The SIP Usage (RFC 7904): under its AOR each node of a user stores where the user can be reached, under its own Node-ID as the key:
 * at another AOR, or at the end of a Destination List.
 */
#pragma once

#include "config/config.h"
#include "wire/destination.h"

enum reload_sip_registration_type {
	RELOAD_SIP_URI = 1,
	RELOAD_SIP_ROUTE = 2
};

enum {
	RELOAD_APP_SIP = 5060, /* Application-IDs (RFC 7904 s5.1) */
	RELOAD_APP_SIPS = 5061,
	RELOAD_SIP_LIST_MAX = 32, /* entries of the Destination List of a registration or GRUU */
};

struct reload_sip_registration {
	uint8_t type;              /* enum reload_sip_registration_type */
	struct span uri;           /* URI: an AOR or GRUU, as it was written */
	struct span contact_prefs; /* ROUTE: sip_prefs.h reads them; may be empty */
	struct reload_destination *destination_list; /* ROUTE */
	size_t destination_list_count;
	struct span raw; /* data of another type */
};

extern const struct wire_type reload_sip_registration_wire;

/*
 * reload_sip_registration_read() reads and checks a value; the list lies in the arena of ctx, texts borrow from value.
 * RELOAD_UNKNOWN_TYPE for a type that a later document may define, RELOAD_BAD_VALUE otherwise, why filled.
 */
enum reload_err reload_sip_registration_read(struct reload_sip_registration *out, struct span value,
	const struct wire_ctx *ctx, struct reload_error_text *why) MUST_CHECK;

/* reload_sip_forward() appends the value that sends callers to another AOR; RELOAD_BAD_VALUE when aor is none. */
enum reload_err reload_sip_forward(struct wr *w, const char *aor) MUST_CHECK;

/* reload_sip_route() appends the value that sends callers to the node at the end of list, with preferences (sip_prefs.h; may be empty). */
void reload_sip_route(struct wr *w, const struct wire_ctx *ctx,
	const struct reload_destination *list, size_t count, struct span prefs);

/*
 * reload_sip_list_fault() returns why a Destination List cannot be that of a registration or GRUU, NULL: it can.  It has 1 to
 * RELOAD_SIP_LIST_MAX entries, each a Node-ID or an opaque ID, and 3 bytes at least (RFC 7904 s3.2).
 */
const char *reload_sip_list_fault(const struct reload_destination *list, size_t count);

/*
 * reload_gruu_write() appends the GRUU of the node at the end of list (RFC 7904 s6): "user@domain;gr=...", without a scheme.  With a list that
 * ends in an opaque ID, which another peer made, it is an anonymous one: it names no node.
 */
void reload_gruu_write(struct wr *w, const struct wire_ctx *ctx, const char *aor,
	const struct reload_destination *list, size_t count);

/*
 * reload_gruu_read() reads the value of a parameter "gr" as it was written, into the arena of ctx.  RELOAD_BAD_VALUE when it is no Destination List
 * of an overlay: it may be a GRUU of ordinary SIP.
 */
enum reload_err reload_gruu_read(struct reload_destination **list, size_t *count, struct span gr,
	const struct wire_ctx *ctx) MUST_CHECK;

/*
 * reload_sip_hosted() returns whether the overlay has the registrations of that domain (RFC 7904 s4.1): its Kind is there, and the
 * domain is allowed.
 */
bool reload_sip_hosted(const struct reload_config *config, const char *domain);
