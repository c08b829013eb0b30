/*
 * From an AOR to the nodes at which its user is reached (RFC 7904 s4): a GRUU is taken as it is, an AOR of a domain that the overlay hosts is
 * fetched, an AOR found there as well, and so on.  The caller sees every retarget, so it is here that circles and trees end:
 *
 *   named -> GRUU of this overlay: a target
 *         -> hosted domain: to be fetched -> route: a target; URI: named again, one deeper
 *         -> another domain: external, for other procedures
 *
 * An AOR is fetched once.  Beyond the limits below what is found is left out, which is no failure.
 */
#pragma once

#include "ident/aor.h"
#include "usage/sip.h"
#include "util/owned.h"

enum {
	RELOAD_SIP_DEPTH_MAX = 8,     /* from the first AOR to the last of a chain */
	RELOAD_SIP_AORS_MAX = 32,     /* fetched */
	RELOAD_SIP_TARGETS_MAX = 16,  /* nodes to try */
	RELOAD_SIP_EXTERNAL_MAX = 16, /* AORs of other domains */
	RELOAD_SIP_ATTEMPTS = 4,      /* nodes that are tried at the same time */
	RELOAD_SIP_RESOLVE_MS = 10000 /* for all of it; then what was found counts */
};

/* A node to try. */
struct reload_sip_target {
	struct bytes list; /* Destinations without a length in front, owned */
	struct bytes
		prefs; /* contact preferences as they were stored, owned; the first, when several were */
	struct reload_id
		node; /* that has to be at the other end; len 0: anonymous, it cannot be checked */
	unsigned schemes; /* enum reload_sip_schemes; SIPS alone when any of several said so */
	unsigned aor;     /* index of the AOR under which it was found */
	bool gruu;        /* it was found as a GRUU */
};

enum reload_sip_aor_state {
	RELOAD_SIP_WAITING,  /* to be fetched */
	RELOAD_SIP_FETCHED,  /* there were registrations */
	RELOAD_SIP_ABSENT,   /* there were none that can be used */
	RELOAD_SIP_EXTERNAL, /* of another domain, or a GRUU of another sort */
	RELOAD_SIP_IS_GRUU,  /* a GRUU of this overlay */
	RELOAD_SIP_TOO_DEEP
};

/* An AOR or GRUU that was named; 0 is the first. */
struct reload_sip_aor {
	char name[RELOAD_AOR_NAME];
	unsigned depth, from; /* from: index of the one under which it was found */
	bool has_gr;          /* it has a parameter "gr" */
	bool sips;            /* it was reached through "sips:" */
	enum reload_sip_aor_state state;
};

struct reload_sip_resolve;

/*
 * reload_sip_resolve_new() begins with text, an AOR or GRUU (owned; config must outlive it).  RELOAD_USAGE with why when it is
 * neither.
 */
enum reload_err reload_sip_resolve_new(struct reload_sip_resolve **out,
	const struct reload_config *config, const char *text,
	struct reload_error_text *why) MUST_CHECK;
void reload_sip_resolve_free(struct reload_sip_resolve *r);

/* reload_sip_resolve_next() returns the AOR whose registrations are wanted next (borrowed), NULL: nothing more is. */
const char *reload_sip_resolve_next(const struct reload_sip_resolve *r);

/*
 * reload_sip_resolve_answer() gives the values that were fetched for that AOR: those that exist, are signed, and were
 * stored by who may (RFC 6940 s7.4.2.2, RFC 7904 s3.3).  What cannot be read is skipped.
 */
void reload_sip_resolve_answer(
	struct reload_sip_resolve *r, const struct span *values, size_t count);

/* reload_sip_targets() and reload_sip_aors() return what was found up to now (borrowed). */
const struct reload_sip_target *reload_sip_targets(
	const struct reload_sip_resolve *r, size_t *count);
const struct reload_sip_aor *reload_sip_aors(const struct reload_sip_resolve *r, size_t *count);
