/*
 * Requests of others: one that is repeated within its lifetime is served once and answered alike (R-6.2.1-11).
 *
 * A request is in work, then answered; its answer (contents and security block; the header is made anew) is kept for the
 * request lifetime when doing it again would not mean the same.  Bounded: at the maximum the oldest goes, and a repeat of
 * that one is served again.
 */
#pragma once

#include "util/clock.h"
#include "util/span.h"
#include "util/tree.h"

struct reload_answers;

enum reload_answer_state {
	RELOAD_ANSWER_NEW,
	RELOAD_ANSWER_IN_WORK,
	RELOAD_ANSWER_READY
};

/* reload_answers_new() makes an empty memory (owned); lifetime: of a request, from its first copy. */
struct reload_answers *reload_answers_new(size_t max_count, size_t max_bytes, reload_ms lifetime);
void reload_answers_free(struct reload_answers *a);

/* reload_answers_set_lifetime() changes the lifetime of requests, also of those that are kept. */
void reload_answers_set_lifetime(struct reload_answers *a, reload_ms lifetime);

/*
 * reload_answers_begin() looks a request up by its transaction id and the mark of its signature.  NEW: it is entered as in
 * work.  READY: *answer is borrowed until the next call.
 */
enum reload_answer_state reload_answers_begin(
	struct reload_answers *a, uint64_t id, uint64_t mark, reload_ms now, struct span *answer);

/* reload_answers_keep() keeps a copy of the answer to a request in work. */
void reload_answers_keep(struct reload_answers *a, uint64_t id, uint64_t mark, struct span answer);

/* reload_answers_forget() ends a request in work whose repeat may be served again. */
void reload_answers_forget(struct reload_answers *a, uint64_t id, uint64_t mark);

/* reload_answer_mark() condenses the signature that tells copies of one request from other messages with its id. */
uint64_t reload_answer_mark(struct span signature);
