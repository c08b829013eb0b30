/*
 * Values that the agent stores again before their lifetimes end, until they are dropped.
 *
 *   waiting (not joined) -> kept -> renewing -> kept ...
 *                                     |-> failing: tried again with growing pauses
 *                                     '-> superseded: somebody else wrote a newer value there; not tried again
 *
 * A renewal begins at about 3/4 of the lifetime, and soon after the node joined: first the place is read, then the value is
 * signed anew and stored with the generation that was read.  The table is on disk in the state directory of the instance
 * and is read when the agent starts.
 */
#pragma once

#include "agent.h"

#include <jansson.h>

enum {
	AGENT_RENEWALS_MAX = 1024, /* values; more are refused */
	AGENT_RENEWALS_BYTES_MAX =
		4 * 1024 * 1024, /* of values, keys and names; more are refused */
};

struct agent_renewals;

/*
 * agent_renewals() returns the table of the agent (borrowed), which is read from disk when it is asked for first; the peer
 * is there by then.  A file that cannot be read is left where it is when the disk fails, and nothing can be kept; it is put
 * aside as kept.json.damaged when it makes no sense; either is told in the log and the table is empty.
 */
struct agent_renewals *agent_renewals(struct agent *agent);

/* agent_renewals_free() ends renewals under way and writes the table; NULL is legal. */
void agent_renewals_free(struct agent_renewals *k);

/* agent_renewals_state() is told of the state of the node at the end of each turn in which it may have changed. */
void agent_renewals_state(struct agent_renewals *k, enum reload_state state);

/* Where a value is, or is to be kept: resource, Kind, and index or key of value. */
struct agent_renewal_place {
	struct reload_id resource;
	uint32_t kind;
	const struct reload_stored_value
		*value; /* borrowed; NULL: all of the Kind at the resource */
};

/* agent_renewals_writable() tells whether the table can be written; RELOAD_IO with why. */
enum reload_err agent_renewals_writable(
	const struct agent_renewals *k, struct reload_why *why) MUST_CHECK;

/* agent_renewals_room() tells whether another value would fit beside the others; RELOAD_LIMIT with why. */
enum reload_err agent_renewals_room(const struct agent_renewals *k,
	const struct agent_renewal_place *place, const char *name,
	struct reload_why *why) MUST_CHECK;

/*
 * agent_renewals_put() keeps a value that was just stored, in the place of what was kept there; name may be NULL.  stored is not
 * after its storage time: whatever somebody else has stored there since then is newer.
 */
void agent_renewals_put(struct agent_renewals *k, const struct agent_renewal_place *place,
	const char *name, uint32_t lifetime_s, uint64_t generation, reload_utc stored);

/* agent_renewals_find() appends what is kept at place to list as JSON; agent_renewals_drop() forgets it.  Both return how many. */
size_t agent_renewals_find(
	const struct agent_renewals *k, const struct agent_renewal_place *place, json_t *list);
size_t agent_renewals_drop(struct agent_renewals *k, const struct agent_renewal_place *place);

/* agent_renewals_save() writes the table to disk; RELOAD_IO with why. */
enum reload_err agent_renewals_save(struct agent_renewals *k, struct reload_why *why) MUST_CHECK;

/* agent_renewals_json() returns the result of store.renewals (owned). */
json_t *agent_renewals_json(const struct agent_renewals *k);
