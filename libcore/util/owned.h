/* Owned bytes: the holder of a struct bytes frees it; a struct span only borrows. */
#pragma once

#include "util/alloc.h"
#include "util/span.h"

#include <stdlib.h>

struct bytes {
	uint8_t *at; /* NULL: none; free() */
	size_t len;
};

/* bytes_copy() returns a copy of what s borrows; its address is not NULL even when s is empty. */
static inline struct bytes bytes_copy(struct span s)
{
	return (struct bytes){ reload_memdup(s.at, s.len), s.len };
}

/* bytes_span() lends the bytes until they are freed. */
static inline struct span bytes_span(struct bytes b)
{
	return span_of(b.at, b.len);
}

/* bytes_free() frees the bytes; b then has none. */
static inline void bytes_free(struct bytes *b)
{
	free(b->at);
	*b = (struct bytes){ NULL, 0 };
}
