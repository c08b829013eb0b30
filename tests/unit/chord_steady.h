/* A peer in a large ring, on the fake host, long after the last change of its tables. */
#pragma once

#include "chord_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum {
	SELF = 0x10,
	INTERVAL_MS = 600 * RELOAD_SECOND,
	SEARCH_MS = 3600 * RELOAD_SECOND
};

/* a joined peer in a large ring, with three neighbours on each side and no other peer, long after its last change */
static inline void begin(struct fake *f)
{
	struct reload_id self = fake_id(SELF);
	fake_start_as(f, &self);
	ops->first(f->t);
	for (unsigned i = 1; i <= 3; i++) {
		fake_peer(f, SELF + i);
		fake_peer(f, SELF - i);
	}
	fake_pass(f, 40000);
	f->count = 0;
}

static inline void down(struct fake *f, unsigned node)
{
	struct reload_id id = fake_id(node);
	ops->disconnected(f->t, &id);
}

static inline void up(struct fake *f, struct fake_row *attach, const struct reload_id *node)
{
	uint32_t cookie = attach->cookie;
	ops->connected(f->t, node);
	ops->attached(f->t, cookie, RELOAD_OK, node);
}

/* runs until the next row of that kind; drops the rows before it */
static inline struct fake_row *next(struct fake *f, enum fake_what what, reload_ms limit)
{
	for (reload_ms end = f->now + limit; f->now < end;) {
		f->count = 0;
		fake_pass(f, 1000);
		struct fake_row *r = fake_find(f, 0, what, 0);
		if (r)
			return r;
	}
	return NULL;
}
