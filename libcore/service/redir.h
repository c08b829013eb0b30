/*
 * ReDiR (RFC 7374): how a provider of a service registers in the service's tree, and how the provider that follows a key is found.  Both are
 * state machines over the outcomes of Fetches and Stores, which the caller makes: it asks for the next step, does it and reports its
 * outcome, until there is none.  They have no clock and draw nothing.
 *
 *   registration   upward:   Fetch, Store at the starting level, and one level higher as long as the provider is the lowest or highest there
 *                  downward: Fetch from the starting level on, Store where the provider is the lowest or highest of its interval, until
 *                            it is alone there or the tree ends
 *   lookup         Fetch at the starting level; higher while nobody follows the key, deeper while there are providers on both sides of it
 *
 * A Fetch that is answered with Error_Response_Too_Large counts as that of a crowded tree node: a registration stores there and goes on in its direction, a
 * lookup goes on one level deeper (digest section 14).
 */
#pragma once

#include "replica/request.h"
#include "wire/redir.h"

enum {
	RELOAD_REDIR_START =
		2, /* level at which walks begin when nothing is known (RFC 7374 s4.2) */
	RELOAD_REDIR_LIFETIME_S = 600, /* of a record (RFC 7374 s4.4) */
	RELOAD_REDIR_ROUTE_MAX =
		256, /* bytes of a Destination List; providers with a longer one are passed over */
	RELOAD_REDIR_HISTORY = 16, /* lookups whose levels decide about the next starting level */
	RELOAD_REDIR_RETRY_MS =
		2000, /* after the first incomplete round; doubled with each, up to 1/8 of the lifetime */
};

/* A provider as a tree node lists it; spans are borrowed from the answer to the Fetch. */
struct reload_redir_entry {
	struct reload_id node;
	struct span destination_list; /* its last entry is node */
	uint32_t lifetime_s;          /* that is left of the record, as the storing peer says */
};

/*
 * reload_redir_entry_read() returns whether f, a value of the answer to a Fetch of the tree node at place, is the record of a provider of
 * the service: signed by the provider, for that place, with a route that ends at it, not expired (digest section 5.3); *out is then set.
 */
bool reload_redir_entry_read(struct reload_redir_entry *out, const struct reload_fetched *f,
	struct span service, struct reload_redir_place place, uint32_t branching);

/* -- registration -------------------------------------------------------------------------------------------------------- */

enum reload_redir_action {
	RELOAD_REDIR_FETCH, /* all records of the tree node */
	RELOAD_REDIR_STORE, /* this provider's own record there */
	RELOAD_REDIR_END
};

struct reload_redir_step {
	enum reload_redir_action action;
	struct reload_redir_place place;
};

/* What the entries of a tree node say of a Node-ID. */
struct reload_redir_view {
	bool extreme_in_node;     /* none of the tree node is on one of its sides */
	bool extreme_in_interval; /* none of its interval is on one of its sides */
	bool alone;               /* there is none in its interval */
	bool follower;            /* there is one at or after it in the tree node */
};

struct reload_redir_registration {
	struct reload_id id;
	uint32_t branching;
	unsigned start, level;
	bool downward, fetched, ended;
	struct reload_redir_view view;  /* of the tree node that was fetched last */
	struct reload_redir_view first; /* of the one at the starting level */
	uint32_t stored; /* bit l: a record may be at level l, as a Store was answered or lost */
	unsigned fetches, stores;
	bool incomplete;     /* a Fetch or a Store failed */
	enum reload_err err; /* of the first that failed */
};

/* reload_redir_register() begins a round of the provider id at the starting level, or at the deepest one when that is less. */
void reload_redir_register(struct reload_redir_registration *r, const struct reload_id *id,
	uint32_t branching, unsigned start);

/* reload_redir_register_next() returns the step to be done now; RELOAD_REDIR_END: the round is over. */
struct reload_redir_step reload_redir_register_next(const struct reload_redir_registration *r);

/*
 * reload_redir_register_fetched() reports what the Fetch found: err RELOAD_OK with entries, in which id itself is ignored, RELOAD_NOT_FOUND, or why it
 * failed.  reload_redir_register_stored() reports the outcome of a Store.
 */
void reload_redir_register_fetched(struct reload_redir_registration *r, enum reload_err err,
	const struct reload_redir_entry *entries, size_t count);
void reload_redir_register_stored(struct reload_redir_registration *r, enum reload_err err);

/* reload_redir_register_cancel() ends a round before its end: a Store that is under way may have been served. */
void reload_redir_register_cancel(struct reload_redir_registration *r);

/*
 * reload_redir_refresh_in() returns the milliseconds from the end of a round until the next: 90% of the lifetime, up to 5% more or less by random; the
 * first time any part of that, so that nodes which start together do not refresh together; after `failures` incomplete rounds soon.
 */
reload_ms reload_redir_refresh_in(
	uint32_t lifetime_s, bool first, unsigned failures, uint64_t random);

/* -- lookup -------------------------------------------------------------------------------------------------------------- */

struct reload_redir_lookup {
	struct reload_id key, self; /* self: ignored among the providers; len 0: none */
	uint32_t branching;
	uint64_t random;
	unsigned level;
	uint32_t visited; /* bit l: level l was fetched */
	unsigned fetches;
	uint8_t levels[2 * RELOAD_REDIR_LEVELS]; /* in the order of the Fetches */
	bool retried, ended;
	enum reload_err failed; /* of the last Fetch that failed */
	enum reload_err
		err; /* once it has ended: RELOAD_OK, RELOAD_NOT_FOUND: no provider at all, or why it failed */
	bool wrapped; /* no provider follows the key: it is a random one of the root */
	struct reload_id
		provider; /* len 0: none yet; before the end the closest follower seen so far */
	uint8_t route[RELOAD_REDIR_ROUTE_MAX]; /* its Destination List */
	size_t route_len;
	uint32_t lifetime_s; /* that is left of its record */
};

/*
 * reload_redir_lookup() begins to look for the provider that follows key, itself included, and is not self (NULL: none is left out).  random, any
 * number, chooses among the providers of the root when none follows.
 */
void reload_redir_lookup(struct reload_redir_lookup *l, const struct reload_id *key,
	const struct reload_id *self, uint32_t branching, unsigned start, uint64_t random);

/* reload_redir_lookup_next() returns whether a Fetch of the tree node at *place is to be made; false: the lookup has ended. */
bool reload_redir_lookup_next(
	const struct reload_redir_lookup *l, struct reload_redir_place *place);

/* reload_redir_lookup_fetched() reports its outcome, as reload_redir_register_fetched() does. */
void reload_redir_lookup_fetched(struct reload_redir_lookup *l, enum reload_err err,
	const struct reload_redir_entry *entries, size_t count);

/* The levels at which the last lookups of a namespace ended. */
struct reload_redir_history {
	uint8_t levels[RELOAD_REDIR_HISTORY];
	unsigned count, next;
};

/*
 * reload_redir_history_add() adds the level of a lookup that found a provider.  reload_redir_history_start() returns the level that occurs most often, of equal ones
 * the smaller; RELOAD_REDIR_START when there is none (RFC 7374 s4.2).
 */
void reload_redir_history_add(struct reload_redir_history *h, unsigned level);
unsigned reload_redir_history_start(const struct reload_redir_history *h);

/* -- providers that do not answer ------------------------------------------------------------------------------------------ */

enum {
	RELOAD_REDIR_SILENT_MAX =
		64 /* nodes; at the maximum the one that is forgotten first makes room */
};

/*
 * Providers that did not answer.  A dead one is listed until its records end, and several of them may follow each other in the tree, so that a
 * searcher which tries three would find none that lives.  Each is remembered until the record by which it was found has ended, at most
 * RELOAD_REDIR_LIFETIME_S.  Starts as zero.
 */
struct reload_redir_silent {
	struct {
		struct reload_id node;
		reload_ms until;
	} at[RELOAD_REDIR_SILENT_MAX];
	size_t count;
};

/*
 * reload_redir_silent_note() remembers that node did not answer, whose record lasts for lifetime_s; reload_redir_silent_is() returns whether it is
 * remembered; reload_redir_silent_forget() forgets it, as it has answered.
 */
void reload_redir_silent_note(struct reload_redir_silent *s, const struct reload_id *node,
	reload_ms now, uint32_t lifetime_s);
bool reload_redir_silent_is(
	const struct reload_redir_silent *s, const struct reload_id *node, reload_ms now);
void reload_redir_silent_forget(struct reload_redir_silent *s, const struct reload_id *node);
