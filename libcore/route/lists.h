/* Via and Destination Lists as wire bytes (RFC 6940 s6.1, s6.3.2.2). */
#pragma once

#include "wire/header.h"

/*
 * reload_list_check() returns whether a list is well formed and within RELOAD_LIMIT_DESTINATIONS: RELOAD_BAD_VALUE for a
 * resource entry that is not the last of a Destination List, or that stands in a Via List (R-6.3.2.2-05, -06).
 */
enum reload_err reload_list_check(
	struct span list, const struct wire_ctx *ctx, bool via) MUST_CHECK;

/* reload_list_repeats() returns whether a list that passed reload_list_check() holds an entry twice (HDR-10). */
bool reload_list_repeats(struct span list, const struct wire_ctx *ctx);

/* reload_list_first() reads the first entry; *rest is what follows it.  False for an empty or broken list. */
bool reload_list_first(struct reload_destination *first, struct span *rest, struct span list,
	const struct wire_ctx *ctx);

/* reload_list_write() appends entries in wire form. */
void reload_list_write(struct wr *w, const struct wire_ctx *ctx,
	const struct reload_destination *entries, size_t count);

/*
 * reload_list_back() appends the Destination List of a response: the previous hop, then the Via List reversed (HDR-02),
 * without loops (HDR-10) and without what stands in front of self, unless self is the requester.
 */
void reload_list_back(struct wr *w, const struct wire_ctx *ctx,
	const struct reload_destination *previous_hop, struct span via_list,
	const struct reload_id *self);
