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
	AGENT_KEPT_MAX = 1024,                  /* values; more are refused */
	AGENT_KEPT_BYTES_MAX = 4 * 1024 * 1024, /* of values, keys and names; more are refused */
};

struct agent_kept;

/*
 * agent_kept_of() returns the table of the agent (borrowed), which is read from disk when it is asked for first; the peer
 * is there by then.  A file that cannot be read is left where it is when the disk fails, and nothing can be kept; it is put
 * aside as kept.json.damaged when it makes no sense; either is told in the log and the table is empty.
 */
struct agent_kept *agent_kept_of(struct agent *agent);

/* agent_kept_free() ends renewals under way and writes the table; NULL is legal. */
void agent_kept_free(struct agent_kept *k);

/* agent_kept_state() is told of the state of the node at the end of each turn in which it may have changed. */
void agent_kept_state(struct agent_kept *k, enum reload_state state);

/* Where a value is, or is to be kept: resource, Kind, and index or key of value. */
struct agent_kept_place {
	struct reload_id resource;
	uint32_t kind;
	const struct reload_stored_value
		*value; /* borrowed; NULL: all of the Kind at the resource */
};

/* agent_kept_writable() tells whether the table can be written; RELOAD_IO with why. */
enum reload_err agent_kept_writable(const struct agent_kept *k, struct reload_why *why) MUST_CHECK;

/* agent_kept_room() tells whether another value would fit beside the others; RELOAD_LIMIT with why. */
enum reload_err agent_kept_room(const struct agent_kept *k, const struct agent_kept_place *place,
	const char *name, struct reload_why *why) MUST_CHECK;

/*
 * agent_kept_put() keeps a value that was just stored, in the place of what was kept there; name may be NULL.  stored is not
 * after its storage time: whatever somebody else has stored there since then is newer.
 */
void agent_kept_put(struct agent_kept *k, const struct agent_kept_place *place, const char *name,
	uint32_t lifetime_s, uint64_t generation, reload_utc stored);

/* agent_kept_find() appends what is kept at place to list as JSON; agent_kept_drop() forgets it.  Both return how many. */
size_t agent_kept_find(
	const struct agent_kept *k, const struct agent_kept_place *place, json_t *list);
size_t agent_kept_drop(struct agent_kept *k, const struct agent_kept_place *place);

/* agent_kept_save() writes the table to disk; RELOAD_IO with why. */
enum reload_err agent_kept_save(struct agent_kept *k, struct reload_why *why) MUST_CHECK;

/* agent_kept_json() returns the result of store.kept (owned). */
json_t *agent_kept_json(const struct agent_kept *k);
