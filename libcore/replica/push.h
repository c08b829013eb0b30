/* Replica Stores of values held here to other peers (RFC 6940 s7.4.1.1): each value until it was taken, and no value beside it. */
#pragma once

#include "replica/places.h"
#include "util/clock.h"
#include "wire/stored.h"

struct reload_replica;
struct reload_store_batch;

/*
 * What several pushes belong to, e.g. the hand-over of a range.  Embedded; number is not 0 and unlike that of any other.  under_way
 * counts pushes that have not ended; to_send those of them that hold values not sent yet.
 */
struct reload_push_order {
	uint64_t number;
	unsigned attempts;  /* how often a value is sent; then it is given up */
	reload_ms pause_ms; /* before what was refused is sent again, at first; 0: a second */
	size_t under_way, to_send, given_up;
	bool unwritable; /* the receiver could not write some of it */
	bool places_lost; /* something was forgotten, as too much was waiting: the walk is to be made again */
	bool (*still_wanted)(
		const struct reload_push_order *order); /* the receiver is still to have them */
	bool (*retries_later)(
		const struct reload_push_order *order); /* what was given up is sent again later */
	void (*progress)(
		struct reload_push_order *order); /* one more message, or push, has ended */
};

struct reload_push_to {
	struct reload_id node;
	uint8_t replica_number;
	struct reload_push_order *order; /* NULL: none */
	bool once;                       /* never repeated */
};

/* What the replica room does about values that have no room here, and about newer values elsewhere. */
struct reload_push_watch {
	/* what node did not take is forgotten, as too much is waiting: it is to get all of this node's range later */
	void (*no_room)(
		struct reload_replica *rep, const struct reload_id *node, uint8_t replica_number);
	/* node holds something newer in these places */
	void (*outdated)(struct reload_replica *rep, const struct reload_id *node,
		const struct reload_id *resource, const struct reload_place *places);
};

/*
 * reload_push_batch() sends what a batch stored, reload_push_resource() all that is held at resource, reload_push_places() what is held
 * at these places, which are moved out of the set.  False: too much is waiting already, and nothing was taken note of; never
 * with an order, whose owner asks reload_push_full() before it adds more.
 */
bool reload_push_batch(struct reload_replica *rep, const struct reload_push_to *to,
	const struct reload_store_batch *batch);
bool reload_push_resource(struct reload_replica *rep, const struct reload_push_to *to,
	const struct reload_id *resource);
bool reload_push_places(struct reload_replica *rep, const struct reload_push_to *to,
	const struct reload_id *resource, struct reload_places *places);

/* reload_push_round_pause() is the pause before what was given up is sent once more, after so many such rounds. */
reload_ms reload_push_round_pause(unsigned rounds);

/* reload_push_is_replica() returns whether node is a member of the replica set of this node's range now. */
bool reload_push_is_replica(struct reload_replica *rep, const struct reload_id *node);

/* reload_push_full() returns whether as much is waiting as may. */
bool reload_push_full(const struct reload_replica *rep);

/* reload_push_clear() forgets all that is under way, without a word to its orders. */
void reload_push_clear(struct reload_replica *rep);
