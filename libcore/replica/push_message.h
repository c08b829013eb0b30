/* A replica StoreReq being put together (RFC 6940 s7.4.1.1): values with their signatures, and their signers' certificates, each once. */
#pragma once

#include "exchange/sign.h"
#include "storage/lapsed.h"
#include "storage/storage.h"
#include "util/arena.h"
#include "util/owned.h"
#include "wire/store.h"

enum {
	RELOAD_PUSH_KINDS_MAX =
		RELOAD_CONFIG_KINDS_MAX + 8 /* with those learned beside the document */
};

struct reload_push_message {
	struct reload_engine *engine;
	struct reload_arena arena;
	struct reload_store_kind kinds[RELOAD_PUSH_KINDS_MAX];
	size_t kinds_count, cap, bytes; /* cap: values that the last Kind has room for */
	size_t room;                    /* of all that is no value, without values' certificates */
	struct wr certificates;
	size_t certificates_count; /* with this node's own */
	struct reload_exchange *exchange;
};

/* reload_push_message_begin() begins an empty one, reload_push_message_clear() frees what it holds. */
void reload_push_message_begin(struct reload_push_message *b, struct reload_engine *engine,
	struct reload_exchange *exchange);
void reload_push_message_clear(struct reload_push_message *b);

/*
 * reload_push_message_add() adds e, a value of kind, and its signer's certificates if they are not there yet.  False: it finds no
 * room, and nothing has changed; the first value always finds room.  The lifetime of e is lowered by the time that it was held
 * (R-7.4.1.1-21).  What e points at is borrowed.
 */
bool reload_push_message_add(struct reload_push_message *b, uint32_t kind, uint64_t generation,
	const struct reload_stored_entry *e);

/* The last chain of certificates that was looked at: a hand-over of one user's values costs few signature checks. */
struct reload_lapsed_note {
	struct reload_lapsed last;
	struct bytes certificates; /* of last */
	uint32_t sequence;         /* of the document that it judges by */
};

/*
 * reload_lapsed_note_has() returns whether the receiver would refuse e, and with it the whole message, as its signer is trusted no longer.
 * reload_lapsed_note_clear() frees what is remembered.
 */
bool reload_lapsed_note_has(struct reload_lapsed_note *n, const struct reload_engine *engine,
	struct reload_cache *cache, const struct reload_stored_entry *e);
void reload_lapsed_note_clear(struct reload_lapsed_note *n);
