/* Memory that lives and dies with one decoded message. */
#pragma once

#include "util/span.h"

struct reload_arena_block;

/* Zero-initialised is empty and ready. */
struct reload_arena {
	struct reload_arena_block *blocks;
	size_t used, total; /* total: bytes handed out since the last clear */
};

/* reload_arena_take() returns size zeroed bytes, aligned for any type, borrowed until reload_arena_clear(). */
void *reload_arena_take(struct reload_arena *a, size_t size);

/* reload_arena_copy() returns a copy of s that lives as long as the arena. */
struct span reload_arena_copy(struct reload_arena *a, struct span s);

/* reload_arena_clear() frees all memory; the arena is empty and ready again. */
void reload_arena_clear(struct reload_arena *a);
