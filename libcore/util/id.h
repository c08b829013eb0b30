/* Node-IDs and Resource-IDs as points on the ring. */
#pragma once

#include "util/err.h"
#include "util/span.h"

#include <endian.h>

enum {
	RELOAD_ID_MAX = 20,
	RELOAD_ID_HEX = 2 * RELOAD_ID_MAX + 1
};

/* A Node-ID (16 to 20 bytes) or a Resource-ID of the overlay algorithm; len 0 is "none". */
struct reload_id {
	uint8_t len;
	uint8_t at[RELOAD_ID_MAX];
};

static inline struct span reload_id_span(const struct reload_id *id)
{
	return (struct span){ id->at, id->len };
}

/* Length of the IDs of most overlays: they are compared as two numbers of 64 bits. */
enum {
	RELOAD_ID_USUAL = 16
};

static inline bool reload_id_eq(const struct reload_id *a, const struct reload_id *b)
{
	if (a->len == RELOAD_ID_USUAL && b->len == RELOAD_ID_USUAL)
		return memcmp(a->at, b->at, RELOAD_ID_USUAL) == 0; /* a constant: no call */
	return a->len == b->len && memcmp(a->at, b->at, a->len) == 0;
}

/* reload_id_cmp() compares as big-endian numbers; IDs of one overlay have one length. */
static inline int reload_id_cmp(const struct reload_id *a, const struct reload_id *b)
{
	if (a->len != RELOAD_ID_USUAL || b->len != RELOAD_ID_USUAL)
		return span_cmp(reload_id_span(a), reload_id_span(b));
	uint64_t x[2], y[2];
	memcpy(x, a->at, sizeof(x));
	memcpy(y, b->at, sizeof(y));
	int i = x[0] == y[0];
	return (be64toh(x[i]) > be64toh(y[i])) - (be64toh(x[i]) < be64toh(y[i]));
}

/* reload_id_from() copies s; RELOAD_BAD_VALUE when it is longer than RELOAD_ID_MAX. */
enum reload_err reload_id_from(struct reload_id *out, struct span s) MUST_CHECK;

/* reload_id_from_hex() reads text of an even number of hex digits, at most 40. */
enum reload_err reload_id_from_hex(struct reload_id *out, const char *text) MUST_CHECK;

/* reload_id_hex() writes the digits to out[RELOAD_ID_HEX] and returns out. */
char *reload_id_hex(char out[RELOAD_ID_HEX], const struct reload_id *id);

/* reload_id_is_wildcard(): all ones (RFC 6940 s3).  reload_id_is_zero(): all zeroes, never legal on the wire. */
bool reload_id_is_wildcard(const struct reload_id *id);
bool reload_id_is_zero(const struct reload_id *id);

/* reload_id_wildcard() returns the wildcard of len bytes. */
struct reload_id reload_id_wildcard(uint8_t len);

/* reload_id_distance() is (to - from) modulo 2^(8*len): how far `to` is from `from`, clockwise. */
struct reload_id reload_id_distance(const struct reload_id *from, const struct reload_id *to);

/* reload_id_add_power() is id + 2^bit modulo 2^(8*len). */
struct reload_id reload_id_add_power(const struct reload_id *id, unsigned bit);

/* reload_id_before() is id - 1 modulo 2^(8*len): the range from id to it is the whole ring. */
struct reload_id reload_id_before(const struct reload_id *id);

/* reload_id_listed() returns whether id is in a list of any order. */
bool reload_id_listed(const struct reload_id *list, size_t count, const struct reload_id *id);

/*
 * reload_id_place() returns the index of the first of count rows whose ID is not below id, count when all are.  A row has size bytes, and its ID
 * offset bytes behind its begin; rows ascend by it.  rows may be NULL when there is none.
 */
size_t reload_id_place(
	const void *rows, size_t count, size_t size, size_t offset, const struct reload_id *id);

/* reload_id_between() returns whether from < x <= to going clockwise; from = to means the whole ring. */
bool reload_id_between(
	const struct reload_id *from, const struct reload_id *x, const struct reload_id *to);
