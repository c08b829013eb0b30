/* A peer in a ring of five, on the fake host, with its first Updates behind it. */
#pragma once

#include "chord_fake.h"
#include "vectors.h"

/* self in a ring with peers given by first bytes, after all first Updates */
static inline void ring_of(
	struct fake *f, const struct reload_id *self, const struct reload_id *peers, size_t count)
{
	uint8_t body[1024];
	size_t len = fake_body(body, RELOAD_CHORD_PEER_READY, NULL, 0, NULL, 0);
	fake_start_as(f, self);
	ops->first(f->t);
	for (size_t i = 0; i < count; i++) {
		ops->connected(f->t, &peers[i]);
		assert_int_equal(
			ops->update_received(f->t, &peers[i], true, span_of(body, len)), RELOAD_OK);
	}
	fake_pass(f, 10000);
}

static inline void ring(struct fake *f)
{
	fake_ring(f);
	fake_pass(f, 10000);
}

static inline bool in_tables(struct fake *f, unsigned node)
{
	struct reload_topology_tables tb;
	struct reload_id id = fake_id(node);
	ops->tables(f->t, &tb);
	return reload_id_listed(tb.predecessors, tb.predecessors_count, &id) ||
	       reload_id_listed(tb.successors, tb.successors_count, &id);
}

static inline struct reload_id vector_node(unsigned first)
{
	struct reload_id id = { .len = 16 };
	for (unsigned i = 0; i < 16; i++)
		id.at[i] = (uint8_t)(first + i);
	return id;
}
