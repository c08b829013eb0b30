/*
 * A stream of octets in both directions over messages that arrive, but in any order and perhaps twice (link/reliable.h): what the connection of an
 * application is in an overlay with ICE.  Pure.
 *
 * Each message begins with one octet that says what it is, and a number of 64 bits:
 *
 *	1 data    number of the first octet, then one octet or more; a stream begins with octet 0
 *	2 credit  number of the first octet that may not be sent yet; one below an earlier credit changes nothing
 *	3 end     number of the octet behind the last one: this direction has ended
 *
 * Until the first credit arrives, RELOAD_ORDERED_WINDOW octets may be sent.  More is never granted beyond what was read here, so that one window of memory
 * suffices, and a reader that stops makes the other end stop.  A direction ends by itself, the other goes on.
 *
 * Receiver.  Octets behind a gap are kept in their place in the window.  Since at most 32 messages of a sender are unacknowledged there can be no more gaps
 * than that; a peer that makes more, exceeds its credit, or changes where its stream ends, is in error, and its connection ends.
 */
#pragma once

#include "util/bytes.h"

enum {
	RELOAD_ORDERED_WINDOW = 65536,
	RELOAD_ORDERED_GRANT =
		RELOAD_ORDERED_WINDOW / 4, /* octets that are read before the next credit */
	RELOAD_ORDERED_GAPS = 32,
	RELOAD_ORDERED_HEAD = 9 /* octets of a message before its data */
};

struct reload_ordered {
	/* out */
	uint64_t sent, limit; /* octets so far, and as many as the other end has granted */
	bool ended, end_sent; /* there are no more; and the message about it was made */
	/* in */
	uint8_t *window; /* owned; NULL while it holds nothing */
	uint64_t read,   /* octets that were read */
		arrived, /* without a gap */
		granted;
	struct reload_ordered_range {
		uint64_t from, to;
	} ahead[RELOAD_ORDERED_GAPS]; /* behind gaps, in order, apart from each other */
	size_t ahead_count;
	uint64_t end; /* when it is known */
	bool end_known;
};

/* reload_ordered_init() begins a stream; reload_ordered_clear() frees what it holds, zeroed is legal. */
void reload_ordered_init(struct reload_ordered *o);
void reload_ordered_clear(struct reload_ordered *o);

/* reload_ordered_room() returns how many octets may be sent now. */
uint64_t reload_ordered_room(const struct reload_ordered *o);

/*
 * reload_ordered_put() writes a data message with as many octets from the front of `from` as there is room for, in the stream and in out, and returns how
 * many these are; 0: nothing was written.  reload_ordered_end() ends the direction; put no more.
 */
size_t reload_ordered_put(struct reload_ordered *o, struct wr *out, struct span from);
void reload_ordered_end(struct reload_ordered *o);

/* reload_ordered_control() writes the next message that is to be sent beside data, if there is one; it has RELOAD_ORDERED_HEAD octets. */
bool reload_ordered_control(struct reload_ordered *o, struct wr *out);

/* reload_ordered_input() takes a message; returns what is wrong with it (static), NULL: nothing. */
const char *reload_ordered_input(struct reload_ordered *o, struct span message) MUST_CHECK;

/*
 * reload_ordered_readable() returns octets that can be read (borrowed until the next call of any function here), perhaps not all of them;
 * reload_ordered_read() takes n of these.  reload_ordered_at_end() returns whether all were read and there will be no more.
 */
struct span reload_ordered_readable(const struct reload_ordered *o);
void reload_ordered_read(struct reload_ordered *o, size_t n);
bool reload_ordered_at_end(const struct reload_ordered *o);
