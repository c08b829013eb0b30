/* Since when each part of our own range has been ours. */
#pragma once

#include "topology/chord_base.h"

enum {
	CHORD_OWNED_MAX =
		8, /* parts; at the maximum the farthest one counts as gained with the new one */
};

/* reload_chord_owned_new() makes an empty list. */
struct chord_owned *reload_chord_owned_new(void);
void reload_chord_owned_free(struct chord_owned *owned);
/* reload_chord_owned_range() notes that our range is (from, self] now; NULL: we are responsible for nothing. */
void reload_chord_owned_range(struct reload_topology *t, const struct reload_id *from);
/*
 * reload_chord_owned_since() returns since when we have been responsible for resource without a break, RELOAD_NEVER when it is not in the
 * range that was noted last.
 */
reload_ms reload_chord_owned_since(
	const struct reload_topology *t, const struct reload_id *resource);
