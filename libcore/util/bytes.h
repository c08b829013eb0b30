/*
 * Readers and writers: the only way bytes are taken apart or put together.  After a failure all further reads give zero, so that
 * one check at the end is enough.  All integers are big-endian.
 */
#pragma once

#include "util/alloc.h"
#include "util/err.h"
#include "util/span.h"

#include <stdlib.h>

struct rd {
	const uint8_t *at, *end;
	enum reload_err err;
};

static inline struct rd rd_of(struct span s)
{
	return (struct rd){ s.at, s.len ? s.at + s.len : s.at, RELOAD_OK };
}

static inline size_t rd_left(const struct rd *r)
{
	return r->err ? 0 : (size_t)(r->end - r->at);
}

static inline bool rd_more(const struct rd *r)
{
	return !r->err && r->at < r->end;
}

static inline void rd_fail(struct rd *r, enum reload_err err)
{
	if (!r->err)
		r->err = err;
}

static inline const uint8_t *rd_take(struct rd *r, size_t n)
{
	if (r->err || (size_t)(r->end - r->at) < n) {
		rd_fail(r,
			RELOAD_SHORT); /* the first failure is kept; r->at is where it happened */
		return NULL;
	}
	if (!n)
		return r->at;
	r->at += n;
	return r->at - n;
}

/* rd_int() reads width (1 to 8) bytes as an unsigned number. */
static inline uint64_t rd_int(struct rd *r, unsigned width)
{
	const uint8_t *p = rd_take(r, width);
	uint64_t v = 0;
	for (unsigned i = 0; p && i < width; i++)
		v = v << 8 | p[i];
	return v;
}

static inline uint8_t rd_u8(struct rd *r)
{
	return (uint8_t)rd_int(r, 1);
}

static inline uint16_t rd_u16(struct rd *r)
{
	return (uint16_t)rd_int(r, 2);
}

static inline uint32_t rd_u32(struct rd *r)
{
	return (uint32_t)rd_int(r, 4);
}

static inline uint64_t rd_u64(struct rd *r)
{
	return rd_int(r, 8);
}

static inline struct span rd_span(struct rd *r, size_t n)
{
	const uint8_t *p = rd_take(r, n);
	return p ? (struct span){ p, n } : (struct span){ NULL, 0 };
}

/* rd_rest() takes all that is left. */
static inline struct span rd_rest(struct rd *r)
{
	return rd_span(r, rd_left(r));
}

/* rd_open() reads a length of width bytes and returns a reader that cannot see past it. */
static inline struct rd rd_open(struct rd *r, unsigned width)
{
	struct span s = rd_span(r, (size_t)rd_int(r, width));
	struct rd child = rd_of(s);
	child.err = r->err;
	return child;
}

/* rd_close() fails the parent when the child failed or has bytes left. */
static inline void rd_close(struct rd *r, const struct rd *child)
{
	if (child->err)
		rd_fail(r, child->err);
	else if (child->at < child->end)
		rd_fail(r, RELOAD_TRAILING);
}

/* A writer into a buffer that grows (wr_init, owned) or into one of the caller's (wr_fixed). */
struct wr {
	uint8_t *at;
	size_t len, cap;
	enum reload_err err;
	bool fixed;
};

static inline void wr_init(struct wr *w)
{
	*w = (struct wr){ NULL, 0, 0, RELOAD_OK, false };
}

static inline struct wr wr_fixed(void *at, size_t cap)
{
	return (struct wr){ at, 0, cap, RELOAD_OK, true };
}

static inline void wr_clear(struct wr *w)
{
	if (!w->fixed)
		free(w->at);
	wr_init(w);
}

static inline void wr_fail(struct wr *w, enum reload_err err)
{
	if (!w->err)
		w->err = err;
}

/* wr_room() returns a pointer to n bytes to be filled in, NULL when the fixed buffer is full. */
uint8_t *wr_room(struct wr *w, size_t n);

static inline void wr_bytes(struct wr *w, const void *p, size_t n)
{
	uint8_t *to = wr_room(w, n);
	if (to && n)
		memcpy(to, p, n);
}

static inline void wr_span(struct wr *w, struct span s)
{
	wr_bytes(w, s.at, s.len);
}

/* wr_text() writes text without its end, wr_format() formatted text of any length (in a fixed buffer there must be room for one byte more). */
static inline void wr_text(struct wr *w, const char *text)
{
	wr_span(w, span_str(text));
}

void wr_format(struct wr *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* wr_int() writes v in width bytes; a number that does not fit fails the writer. */
static inline void wr_int(struct wr *w, uint64_t v, unsigned width)
{
	uint8_t *to = wr_room(w, width);
	if (width < 8 && v >> (8 * width))
		wr_fail(w, RELOAD_BAD_VALUE);
	for (unsigned i = 0; to && i < width; i++)
		to[i] = (uint8_t)(v >> (8 * (width - 1 - i)));
}

static inline void wr_u8(struct wr *w, uint8_t v)
{
	wr_int(w, v, 1);
}

static inline void wr_u16(struct wr *w, uint16_t v)
{
	wr_int(w, v, 2);
}

static inline void wr_u32(struct wr *w, uint32_t v)
{
	wr_int(w, v, 4);
}

static inline void wr_u64(struct wr *w, uint64_t v)
{
	wr_int(w, v, 8);
}

/* wr_open() leaves room for a length of width bytes and returns the mark for wr_close(). */
static inline size_t wr_open(struct wr *w, unsigned width)
{
	size_t mark = w->len;
	wr_int(w, 0, width);
	return mark;
}

/* wr_close() fills in the length of all that was written since wr_open(). */
static inline void wr_close(struct wr *w, size_t mark, unsigned width)
{
	if (w->err)
		return;
	uint64_t n = w->len - mark - width;
	if (width < 8 && n >> (8 * width)) {
		wr_fail(w, RELOAD_LIMIT);
		return;
	}
	for (unsigned i = 0; i < width; i++)
		w->at[mark + i] = (uint8_t)(n >> (8 * (width - 1 - i)));
}

static inline struct span wr_done(const struct wr *w)
{
	return w->err ? (struct span){ NULL, 0 } : (struct span){ w->at, w->len };
}
