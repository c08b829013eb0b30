/*
 * Requests of this node under way: end-to-end repetition (RFC 6940 s6.2.1).
 *
 * States: waiting -> ended.  A copy leaves at once and each time the timer fires, five copies in all; when the timer of
 * the fifth fires, or the caller's own limit is over, failed() is called.  An answer ends it by reload_transaction_end().
 */
#pragma once

#include "util/clock.h"
#include "util/tree.h"

enum {
	RELOAD_TRANSMISSIONS = 5,
	RELOAD_REPEATED_MAX = 256 /* ended transactions that are remembered */
};

/* Embedded in what waits. */
struct reload_transaction {
	RB_ENTRY(reload_transaction) entry;
	struct reload_transactions *table;
	uint64_t id;
	struct reload_timer timer;
	unsigned transmissions;
	reload_ms begun, deadline;
	bool active;
};

RB_HEAD(reload_transaction_tree, reload_transaction);

struct reload_transactions {
	struct reload_transaction_tree tree;
	struct reload_timers *timers;
	reload_ms (*now)(void *arg);
	void (*transmit)(void *arg, struct reload_transaction *t);
	void (*failed)(void *arg, struct reload_transaction *t); /* t has ended */
	void *arg;
	reload_ms interval; /* overlay-reliability-timer */
	size_t count;
	/* ids of the last ones that were sent more than once: an answer to each copy may still come; NULL: there was none */
	uint64_t *repeated;
	size_t repeated_count;
};

/* reload_transaction_begin() enters t under id and sends the first copy; timeout_ms 0: five intervals.  False: the id is taken. */
bool reload_transaction_begin(struct reload_transactions *table, struct reload_transaction *t,
	uint64_t id, reload_ms timeout_ms);

/* reload_transaction_hasten() makes the next copy of t, if it is under way, leave as soon as the timers are looked at. */
void reload_transaction_hasten(struct reload_transaction *t);

/* reload_transaction_end() takes t out; an ended one is legal. */
void reload_transaction_end(struct reload_transaction *t);

/* reload_transaction_was_repeated() returns whether one with that id was sent more than once and has ended, as far as that is remembered. */
bool reload_transaction_was_repeated(const struct reload_transactions *table, uint64_t id);

/* reload_transactions_clear() frees what table remembers. */
void reload_transactions_clear(struct reload_transactions *table);

/* reload_transaction_find() returns the one with that id, NULL: none is under way. */
struct reload_transaction *reload_transaction_find(struct reload_transactions *table, uint64_t id);
