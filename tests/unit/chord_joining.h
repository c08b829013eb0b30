/* A Joining Node on the fake host, as far as a test wants it. */
#pragma once

#include "chord_fake.h"
#include "vectors.h"

static inline bool state_is(struct fake *f, enum reload_topology_state state)
{
	return ops->get_state(f->t) == state;
}

static inline void answer_attach(struct fake *f, const struct fake_row *attach, unsigned node)
{
	struct reload_id id = fake_id(node);
	uint32_t cookie = attach->cookie; /* the row may move on */
	ops->connected(f->t, &id);
	ops->attached(f->t, cookie, RELOAD_OK, &id);
}

/* self 10 is connected to bootstrap node d0 and begins to join */
static inline void begin(struct fake *f)
{
	struct reload_id self = fake_id(0x10), bootstrap = fake_id(0xd0);
	fake_start_as(f, &self);
	ops->connected(f->t, &bootstrap);
	ops->join(f->t, &bootstrap);
}

/* as far as the Admitting Peer, 40, which lists d0 a0 before it and 70 a0 behind it */
static inline void reach_ap(struct fake *f)
{
	begin(f);
	answer_attach(f, fake_find(f, 0, FAKE_ATTACH, 0), 0x40);
	assert_int_equal(fake_receive(f, 0x40, true, (const uint8_t[]){ 0xd0, 0xa0, 0 },
				 (const uint8_t[]){ 0x70, 0xa0, 0 }),
		RELOAD_OK);
}

static inline void attach_neighbours(struct fake *f)
{
	reach_ap(f);
	static const uint8_t nodes[] = { 0x70, 0xa0, 0xd0 };
	for (size_t i = 0; i < COUNT_OF(nodes); i++) {
		struct fake_row *r = fake_find(f, 0, FAKE_ATTACH, nodes[i]);
		if (r) /* the bootstrap node is connected already */
			answer_attach(f, r, nodes[i]);
		assert_int_equal(fake_receive(f, nodes[i], true, NULL, NULL), RELOAD_OK);
	}
}

static inline void become_member(struct fake *f)
{
	struct reload_id ap = fake_id(0x40);
	attach_neighbours(f);
	ops->join_answered(f->t, &ap, RELOAD_OK);
	assert_int_equal(fake_receive(f, 0x40, true, (const uint8_t[]){ 0x10, 0xd0, 0xa0, 0 },
				 (const uint8_t[]){ 0x70, 0xa0, 0xd0, 0 }),
		RELOAD_OK);
}
