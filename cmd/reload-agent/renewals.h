/*
 * Values that the agent stores again before their lifetimes end, until they are dropped.
 *
 *   waiting (not joined) -> kept -> renewing -> kept ...
 *                                     |-> failing: tried again with growing pauses
 *                                     '-> superseded: another writer stored a newer value there; not tried again
 *
 * A renewal begins at about 3/4 of the lifetime, and soon after the node joined: first the agent fetches what is stored at the place,
 * then it signs the value anew and stores it with the generation that it fetched.  The table is on disk in the state directory of the instance
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
 * agent_renewals() returns the table of the agent (borrowed), and reads it from disk at the first call, for which
 * agent->peer must be set.  When the file cannot be read it stays where it is and no value can be kept; when its content is damaged it
 * is moved to kept.json.damaged.  In both cases the log says so and the table is empty.
 */
struct agent_renewals *agent_renewals(struct agent *agent);

/* agent_renewals_free() ends renewals under way and writes the table; NULL is legal. */
void agent_renewals_free(struct agent_renewals *k);

/* agent_services() returns the services that the agent offers (borrowed, services.h); they are read and written with the table. */
struct agent_services *agent_services(struct agent *agent);

/* agent_renewals_state() is called with the state of the node at the end of each pass of the loop in which it may have changed. */
void agent_renewals_state(struct agent_renewals *k, enum reload_state state);

/* The place of a value: resource, Kind, and index or key. */
struct agent_renewal_place {
	struct reload_id resource;
	uint32_t kind;
	const struct reload_stored_value
		*value; /* borrowed; NULL: all of the Kind at the resource */
};

/* agent_renewals_writable() checks that the table can be written; RELOAD_IO with why. */
enum reload_err agent_renewals_writable(
	const struct agent_renewals *k, struct reload_error_text *why) MUST_CHECK;

/* agent_renewals_room() checks that there is room for another value; RELOAD_LIMIT with why. */
enum reload_err agent_renewals_room(const struct agent_renewals *k,
	const struct agent_renewal_place *place, const char *name,
	struct reload_error_text *why) MUST_CHECK;

/*
 * agent_renewals_put() adds a value that was just stored, in place of an earlier one there; name may be NULL.  stored is at most
 * the storage time of the value: a value of another writer with a later time is newer.
 */
void agent_renewals_put(struct agent_renewals *k, const struct agent_renewal_place *place,
	const char *name, uint32_t lifetime_s, uint64_t generation, reload_utc stored);

/* agent_renewals_begin() adds a value that is not stored yet: it is stored soon, or as soon as the node has joined. */
void agent_renewals_begin(struct agent_renewals *k, const struct agent_renewal_place *place,
	const char *name, uint32_t lifetime_s);

/* agent_renewals_find() appends the renewed values at place to list as JSON; agent_renewals_drop() stops renewing them.  Both return their number. */
size_t agent_renewals_find(
	const struct agent_renewals *k, const struct agent_renewal_place *place, json_t *list);
size_t agent_renewals_drop(struct agent_renewals *k, const struct agent_renewal_place *place);

/* agent_renewals_save() writes the table to disk; RELOAD_IO with why. */
enum reload_err agent_renewals_save(
	struct agent_renewals *k, struct reload_error_text *why) MUST_CHECK;

/* agent_renewals_changed() has the table written soon, as a service was added or removed. */
void agent_renewals_changed(struct agent_renewals *k);

/* agent_renewals_json() returns the result of store.renewals (owned). */
json_t *agent_renewals_json(const struct agent_renewals *k);
