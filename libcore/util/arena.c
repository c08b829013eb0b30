#include "util/arena.h"

#include "util/alloc.h"

#include <stdalign.h>
#include <stdlib.h>

struct reload_arena_block {
	struct reload_arena_block *next;
	size_t size;
	alignas(max_align_t) uint8_t bytes[];
};

enum {
	BLOCK = 960, /* small enough, with its head, for malloc()'s cache of freed blocks */
	ALIGN = alignof(max_align_t)
};

void *reload_arena_take(struct reload_arena *a, size_t size)
{
	size = (size + ALIGN - 1) / ALIGN * ALIGN;
	a->total += size;
	if (!a->blocks || a->blocks->size - a->used < size) {
		size_t want = size > BLOCK ? size : BLOCK;
		struct reload_arena_block *b = reload_realloc(NULL, sizeof(*b) + want);
		b->size = want;
		b->next = a->blocks;
		a->blocks = b;
		a->used = 0;
	}
	a->used += size;
	return memset(a->blocks->bytes + a->used - size, 0, size);
}

struct span reload_arena_copy(struct reload_arena *a, struct span s)
{
	if (!s.len)
		return (struct span){ NULL, 0 };
	void *to = reload_arena_take(a, s.len);
	memcpy(to, s.at, s.len);
	return span_of(to, s.len);
}

void reload_arena_clear(struct reload_arena *a)
{
	while (a->blocks) {
		struct reload_arena_block *b = TAKE(a->blocks);
		a->blocks = b->next;
		free(b);
	}
	*a = (struct reload_arena){ 0 };
}
