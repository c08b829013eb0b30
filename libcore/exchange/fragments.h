/*
 * Fragmentation and reassembly (RFC 6940 s6.7).  Any node may fragment; only the destination reassembles.
 */
#pragma once

#include "route/lists.h"
#include "util/clock.h"
#include "util/owned.h"
#include "util/tree.h"

enum {
	RELOAD_FRAGMENT_MIN = 256,
	RELOAD_FRAGMENTS_MAX = 512
};

/*
 * reload_fragment_send() cuts a message (or a fragment, R-6.7-07) into fragments of equal size whose whole length is at most
 * size and calls send(arg, fragment) for each.  It sends the message as it is when it fits, or when the header and 256 bytes
 * do not (R-6.7-04).
 */
void reload_fragment_send(struct span message, const struct wire_ctx *ctx, size_t size,
	void (*send)(void *arg, struct span fragment), void *arg);

/*
 * Incomplete messages, bounded in bytes and in time; at the byte limit a new fragment is dropped (R-6.7-09).  The bytes are those
 * of memory: each fragment costs more than its payload.  One sender may use a quarter of them, so that none keeps the fragments of
 * others out.
 */
struct reload_reassembly;

/* reload_reassembly_new() makes an empty one (owned); an incomplete message is dropped lifetime after its first fragment. */
struct reload_reassembly *reload_reassembly_new(
	struct reload_timers *timers, size_t max_bytes, reload_ms lifetime);
void reload_reassembly_free(struct reload_reassembly *r);
AUTO_DEFINE(reload_reassembly)

/*
 * reload_reassembly_add() takes a fragment that came over link from the sender that share stands for.  RELOAD_OK with *message set (whole, its
 * header that of the fragment with offset 0) and *from the link of that fragment when it completed one; RELOAD_OK with
 * message->at NULL when more is to come.  RELOAD_LIMIT: no room, or larger than max_message; RELOAD_BAD_VALUE: it
 * contradicts the others and the whole set is discarded (HDR-13).
 */
enum reload_err reload_reassembly_add(struct reload_reassembly *r, struct span fragment,
	const struct reload_header *header, uint32_t link, uint64_t share, size_t max_message,
	reload_ms now, struct bytes *message, uint32_t *from) MUST_CHECK;

/* reload_reassembly_bytes() returns the bytes of memory held now. */
size_t reload_reassembly_bytes(const struct reload_reassembly *r);
