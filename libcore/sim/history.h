/*
 * What the workload stored and read.  Every value that a Fetch returns is compared with this.
 *
 * A place is where one node stores one value: its SINGLE value, an entry of its array, or its entry of a dictionary.  Only that node writes
 * there, one Store after the other, each with a greater storage_time; when its user has two devices, the other one writes the first three
 * places as well (reload_sim_history_home()).  The newest acknowledged version is the one with the greatest storage_time (R-7.4.1.1-23).  A Store without an answer may have taken effect or not.
 *
 * A version is owed from its acknowledgment until it expires: a Fetch must return it or a newer one.  An exception are losses that the
 * protocol allows (sim/loss_budget.h): what was acknowledged up to such a loss is not owed; the next acknowledged Store is.
 */
#pragma once

#include "sim/random.h"
#include "util/clock.h"
#include "util/id.h"
#include "wire/stored.h"

enum {
	RELOAD_SIM_PLACES = 4,   /* of a node */
	RELOAD_SIM_VERSIONS = 8, /* remembered for a place */
	RELOAD_SIM_VALUE_MAX = 2000,
	RELOAD_SIM_EXPIRY_SLACK_MS =
		60000, /* that short before and after a value expires it may be there or not */
};

/* How a Store ended. */
enum reload_sim_stored {
	RELOAD_SIM_STORED_UNKNOWN, /* no answer: it may have taken effect, or may yet */
	RELOAD_SIM_STORED_ACKNOWLEDGED,
	RELOAD_SIM_STORED_CLAIMED, /* acknowledged by a liar: it is read, but not owed */
	RELOAD_SIM_STORED_REFUSED
};

struct reload_sim_version {
	uint64_t number, storage_time;         /* number: counts the Stores to the place, from 1 */
	size_t writer;                         /* a device of the user */
	uint64_t base;                         /* the generation counter that it named; 0: none */
	reload_ms begun, ended, expires, gone; /* it expires between the last two */
	enum reload_sim_stored state;
	bool exists; /* false: a removal */
};

struct reload_sim_place {
	size_t node;
	unsigned which; /* 0 to RELOAD_SIM_PLACES - 1 */
	struct reload_sim_version *
		versions; /* RELOAD_SIM_VERSIONS of them, by number % RELOAD_SIM_VERSIONS; NULL: none yet */
	uint64_t last;   /* number of the newest version */
	bool readable;   /* a version is acknowledged or claimed */
	uint64_t newest; /* storage_time of the newest acknowledged version, 0: none */
	reload_ms acknowledged, expires; /* of that version */
	uint64_t expected_lost;          /* versions up to this storage_time are not owed */
	uint64_t lost_to
		[2]; /* of a partition: versions up to these may be lost to each of its sides */
	uint64_t
		waiting; /* versions up to this storage_time are not owed until node waiting_for is back */
	size_t waiting_for;
};

struct reload_sim_history;

/* What a Fetch returned, compared with what was owed. */
enum reload_sim_read_result {
	RELOAD_SIM_READ_GOOD, /* what was owed or newer; when nothing was owed, anything that was stored there */
	RELOAD_SIM_READ_STALE,  /* an older version than the one owed */
	RELOAD_SIM_READ_ABSENT, /* nothing, but a value was owed */
	RELOAD_SIM_READ_FORGED, /* a value that was never stored there */
	RELOAD_SIM_READ_EXPIRED /* a value whose lifetime was over when the Fetch began */
};

/* A value that was fetched and passed the reader's checks. */
struct reload_sim_read {
	bool present; /* false: there was none */
	bool exists;
	uint64_t storage_time;
	struct span value;
	struct reload_id signer;
};

/* reload_sim_sort() returns the indexes of ids, ascending by ID (owned array). */
size_t *reload_sim_sort(const struct reload_id *ids, size_t count);

/*
 * reload_sim_history_new() makes the history of nodes (owned); ids and resources (the Resource-ID of each node's places) are copied.
 * clocks_ms: how far a wall clock may be off, so much earlier may a value expire.
 */
struct reload_sim_history *reload_sim_history_new(size_t nodes, const struct reload_id *ids,
	const struct reload_id *resources, size_t value_size, reload_ms clocks_ms);
void reload_sim_history_free(struct reload_sim_history *h);
AUTO_DEFINE(reload_sim_history)

/* reload_sim_history_place() returns a place (borrowed), _resource() the Resource-ID of a node's places, _count() the number of places. */
struct reload_sim_place *reload_sim_history_place(
	struct reload_sim_history *h, size_t node, unsigned which);
const struct reload_id *reload_sim_history_resource(
	const struct reload_sim_history *h, size_t node);
size_t reload_sim_history_count(const struct reload_sim_history *h);

/* reload_sim_history_home() is the node whose places are those of the user of node: node itself, or the first device of its user. */
size_t reload_sim_history_home(const struct reload_sim_history *h, size_t node);

/* reload_sim_place_kind() is the Kind of a place, reload_sim_place_value() the data model, and the index or key, of its value (borrowed from h). */
uint32_t reload_sim_place_kind(const struct reload_sim_place *p);
struct reload_stored_value reload_sim_place_value(
	const struct reload_sim_history *h, const struct reload_sim_place *p);

/*
 * reload_sim_history_begin() notes that a Store by the node `writer` begins and returns its version (borrowed until the next one).  base: the
 * generation counter that it names, 0 for none.  life counts how often the storing node was started: within one life storage_time always rises, as the engine makes it (R-13.5-04).
 */
const struct reload_sim_version *reload_sim_history_begin(struct reload_sim_history *h,
	struct reload_sim_place *p, size_t writer, uint64_t base, reload_ms now, reload_utc wall,
	unsigned life, uint32_t lifetime_s, bool exists);
/* reload_sim_history_signed() notes that the certificate which signs that version ends at the virtual time until: by then the value is as good as expired. */
void reload_sim_history_signed(const struct reload_sim_history *h, struct reload_sim_place *p,
	uint64_t number, reload_ms until);
/* reload_sim_history_bytes() writes the value of a version to out and returns its length. */
size_t reload_sim_history_bytes(const struct reload_sim_history *h,
	const struct reload_sim_place *p, uint64_t number, uint8_t out[RELOAD_SIM_VALUE_MAX]);
/*
 * reload_sim_history_end() notes how the Store of version number ended.  responder (len 0: unknown) answered with that generation counter.
 * It returns false on a violation of GENERATION: for one user and Kind the counter of an acknowledgment is higher than those that had arrived when
 * its Store began.  What is acknowledged while two peers may be owner (reload_sim_history_torn()) is left out: they count apart from each other.  Then
 * the comparison goes on with what both of them knew.  It starts anew after an expected loss.
 */
bool reload_sim_history_end(struct reload_sim_history *h, struct reload_sim_place *p,
	uint64_t number, enum reload_sim_stored state, reload_ms now, uint64_t generation,
	const struct reload_id *responder) MUST_CHECK;
/*
 * reload_sim_history_alone() returns false on a violation of CONFLICT by the acknowledgment of that Store, before reload_sim_history_end(): another
 * Store got the same counter, or one between the counter that one of them named and the one that it got.
 */
bool reload_sim_history_alone(const struct reload_sim_history *h, const struct reload_sim_place *p,
	uint64_t number, reload_ms now, uint64_t generation);
/*
 * reload_sim_history_torn() notes that until then two peers may both be owner of a place: a partition or a cut is at work.  Each call replaces what the one
 * before has said.
 */
void reload_sim_history_torn(struct reload_sim_history *h, reload_ms until);

/*
 * reload_sim_history_counter() is the highest generation counter that was acknowledged for the node and Kind of a place, by these rules, since the
 * last expected loss.  Its owner must have it once the rings have merged; 0: none, or the values have expired.
 */
uint64_t reload_sim_history_counter(
	const struct reload_sim_history *h, const struct reload_sim_place *p, reload_ms now);

/* reload_sim_history_owed() is the storage_time that a Fetch must return at least; 0: nothing is owed. */
uint64_t reload_sim_history_owed(
	const struct reload_sim_history *h, const struct reload_sim_place *p, reload_ms now);
/* reload_sim_history_check_read() compares what a Fetch read with `owed`, which was owed when it began, at that time. */
enum reload_sim_read_result reload_sim_history_check_read(const struct reload_sim_history *h,
	const struct reload_sim_place *p, uint64_t owed, reload_ms began,
	const struct reload_sim_read *read);
/* reload_sim_history_over() returns whether the newest acknowledged version of a place has expired for certain, and no later one may be there. */
bool reload_sim_history_over(
	const struct reload_sim_history *h, const struct reload_sim_place *p, reload_ms now);

/*
 * reload_sim_history_expect_loss() notes that what is stored at places with a Resource-ID in (from, to] may be lost.  waiting_for (SIZE_MAX: none) is
 * the owner, if it crashed with a disk that survives: the values are owed again when it is back (reload_sim_history_back()).
 */
void reload_sim_history_expect_loss(struct reload_sim_history *h, const struct reload_id *from,
	const struct reload_id *to, size_t waiting_for);
/*
 * reload_sim_history_expect_side_loss() notes that to one side of a partition (0 or 1) it may be lost: what both have lost may be
 * lost.  reload_sim_history_sides_begin() forgets such notes, as a partition begins.
 */
void reload_sim_history_expect_side_loss(struct reload_sim_history *h, const struct reload_id *from,
	const struct reload_id *to, unsigned side);
void reload_sim_history_sides_begin(struct reload_sim_history *h);

/* reload_sim_history_fresh() notes the same for what node acknowledged since then: it went before the replicas had to be complete. */
void reload_sim_history_fresh(struct reload_sim_history *h, const struct reload_id *node,
	reload_ms since, size_t waiting_for);
/* reload_sim_history_back() notes that node has joined again, with its disk or without. */
void reload_sim_history_back(struct reload_sim_history *h, size_t node, bool disk);

/*
 * reload_sim_history_excused() returns the storage_time of the newest acknowledged version of a place that has not expired and that is not owed, because it may be
 * lost; 0: there is none.  reload_sim_history_found() notes that it is there all the same: it is owed again.
 */
uint64_t reload_sim_history_excused(
	const struct reload_sim_history *h, const struct reload_sim_place *p, reload_ms now);
void reload_sim_history_found(struct reload_sim_history *h, struct reload_sim_place *p);

/* reload_sim_history_readable() returns a random place with an acknowledged or claimed version (borrowed), NULL when there is none. */
struct reload_sim_place *reload_sim_history_readable(
	struct reload_sim_history *h, struct reload_prng *r);
/*
 * reload_sim_history_expected_lost() counts the places whose newest acknowledged version has not expired and may be lost; *acknowledged: those that have
 * such a version, expired or not.
 */
size_t reload_sim_history_expected_lost(
	const struct reload_sim_history *h, reload_ms now, size_t *acknowledged);
