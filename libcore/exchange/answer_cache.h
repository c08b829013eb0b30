/*
 * Requests of others: one that is repeated within its lifetime is served once and answered alike (R-6.2.1-11).
 *
 * RFC 6940 asks that a repeat gets an answer of the same meaning, as long as repeats may come: five times the
 * overlay-reliability-timer from the first copy.  Three things follow.  A request that only reads means the same when it is
 * served again: it is known while it is in work and nothing is kept of it.  Of any other one the contents of the answer
 * are kept and no more: header, signature and certificates, which are most of its bytes, are made anew for a repeat, as repeats are
 * rare.  And what is over goes at once, by reload_answer_cache_expire(): a node that nobody asks for anything keeps nothing.
 *
 * Bounded by a count and by bytes: at either maximum the oldest goes, and a repeat of that one is served again.
 */
#pragma once

#include "util/clock.h"
#include "util/span.h"

struct reload_answer_cache;

enum reload_answer_state {
	RELOAD_ANSWER_NEW,
	RELOAD_ANSWER_IN_WORK,
	RELOAD_ANSWER_READY
};

/* reload_answer_cache_new() makes an empty memory (owned); lifetime: of a request, from its first copy. */
struct reload_answer_cache *reload_answer_cache_new(
	size_t max_count, size_t max_bytes, reload_ms lifetime);
void reload_answer_cache_free(struct reload_answer_cache *a);

/* reload_answer_cache_set_lifetime() changes the lifetime of requests, also of those that are kept. */
void reload_answer_cache_set_lifetime(struct reload_answer_cache *a, reload_ms lifetime);

/* reload_answer_cache_expire() forgets what is over and returns when all the rest will be, RELOAD_NEVER when nothing is left. */
reload_ms reload_answer_cache_expire(struct reload_answer_cache *a, reload_ms now);

/*
 * reload_answer_cache_begin() looks a request up by its transaction id and the digest of its originator.  NEW: it is entered as in
 * work.  READY: *answer is borrowed until the next call.
 */
enum reload_answer_state reload_answer_cache_begin(struct reload_answer_cache *a, uint64_t id,
	uint64_t originator, reload_ms now, struct span *answer);

/* reload_answer_cache_keep() keeps a copy of the contents of the answer to a request in work. */
void reload_answer_cache_keep(
	struct reload_answer_cache *a, uint64_t id, uint64_t originator, struct span answer);

/* reload_answer_cache_forget() ends a request in work whose repeat may be served again. */
void reload_answer_cache_forget(struct reload_answer_cache *a, uint64_t id, uint64_t originator);

/* reload_originator_digest() condenses the originator's Node-ID, to distinguish copies of one request from others with its id. */
uint64_t reload_originator_digest(struct span node);
