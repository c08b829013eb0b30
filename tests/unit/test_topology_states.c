/* Every question in every state of a node, and every event that means nothing in it: wrong bodies, unknown cookies, strangers. */
#include "chord_joining.h"

/* -- the states ---------------------------------------------------------------------------------------------------------- */

static void detached(struct fake *f)
{
	struct reload_id self = fake_id(0x10);
	fake_start_as(f, &self);
}

static void with_a_link(struct fake *f)
{
	struct reload_id bootstrap = fake_id(0xd0);
	detached(f);
	ops->connected(f->t, &bootstrap);
}

static void joining(struct fake *f)
{
	attach_neighbours(f);
	assert_true(state_is(f, RELOAD_TOPOLOGY_JOINING));
}

static void failed(struct fake *f)
{
	struct reload_id bootstrap = fake_id(0xd0);
	begin(f);
	ops->disconnected(f->t, &bootstrap);
	fake_pass(f, 600 * RELOAD_SECOND);
	assert_true(state_is(f, RELOAD_TOPOLOGY_FAILED));
}

static void alone(struct fake *f)
{
	detached(f);
	ops->first(f->t);
}

static void in_a_ring(struct fake *f)
{
	fake_ring(f);
	fake_pass(f, 10000);
}

static void has_left(struct fake *f)
{
	in_a_ring(f);
	ops->leave(f->t);
}

static const struct state {
	const char *name;
	void (*enter)(struct fake *f);
	/* what the questions are answered with */
	enum reload_topology_state state;
	bool owns_all, owns_own; /* responsible for a far point, for its own Node-ID */
	size_t replicas;
	bool holds_far, holds_own;
	enum reload_err next_hop; /* for a far point */
	unsigned next;            /* first byte of the next hop */
	enum reload_err update;
	uint32_t ppb;
} states[] = {
	{ "detached", detached, RELOAD_TOPOLOGY_DETACHED, .next_hop = RELOAD_NO_NODE,
		.update = RELOAD_NOT_JOINED },
	{ "with a link", with_a_link, RELOAD_TOPOLOGY_DETACHED, .next_hop = RELOAD_NO_NODE,
		.update = RELOAD_NOT_JOINED },
	{ "attaching", begin, RELOAD_TOPOLOGY_ATTACHING, .next = 0xd0,
		.update = RELOAD_NOT_JOINED },
	{ "at its Admitting Peer", reach_ap, RELOAD_TOPOLOGY_ATTACHING, .next = 0x40,
		.update = RELOAD_NOT_JOINED },
	{ "joining", joining, RELOAD_TOPOLOGY_JOINING, .next = 0x70, .update = RELOAD_NOT_JOINED },
	{ "failed", failed, RELOAD_TOPOLOGY_FAILED, .next_hop = RELOAD_NO_NODE,
		.update = RELOAD_NOT_JOINED },
	{ "alone", alone, RELOAD_TOPOLOGY_JOINED, true, true, 0, true, true, RELOAD_NO_NODE, 0,
		RELOAD_OK, 1000000000 },
	/* (d0, 10] is a quarter of the ring; holders of (70, 10] */
	{ "in a ring", in_a_ring, RELOAD_TOPOLOGY_JOINED, false, true, 2, true, true, RELOAD_OK,
		0x70, RELOAD_OK, 250000000 },
	{ "member", become_member, RELOAD_TOPOLOGY_JOINED, false, true, 2, true, true, RELOAD_OK,
		0x70, RELOAD_OK, 250000000 },
	{ "has left", has_left, RELOAD_TOPOLOGY_DETACHED, .next_hop = RELOAD_NO_NODE,
		.update = RELOAD_NOT_JOINED },
};

#define SAME(what, got, want)                                                                      \
	do {                                                                                       \
		unsigned long long got_ = (got), want_ = (want);                                   \
		if (got_ != want_)                                                                 \
			fail_msg("%s: %s is %llu, not %llu", s->name, what, got_, want_);          \
	} while (0)

static void questions_of(const struct state *s)
{
	struct fake f;
	struct reload_id far = fake_point(0x90, 0), own = fake_id(0x10), next = { 0 }, from, to,
			 out[2];
	const struct wire_ctx ctx = { .node_id_len = 16 };
	struct reload_chord_route_query_ans ans;
	struct wr w;
	s->enter(&f);
	SAME("the state", ops->get_state(f.t), s->state);
	/* R-4.5-03, R-6.4.2.1-09: nothing is owned before the node is in the ring */
	SAME("responsible for the far point", ops->responsible(f.t, &far), s->owns_all);
	SAME("responsible for its own", ops->responsible(f.t, &own), s->owns_own);
	SAME("a range", ops->range(f.t, &from, &to), s->owns_own);
	SAME("its part of the ring", ops->responsible_ppb(f.t), s->ppb);
	SAME("replicas", ops->replicas(f.t, out), s->replicas);
	SAME("holds the far point", ops->holds(f.t, &far), s->holds_far);
	SAME("holds its own", ops->holds(f.t, &own), s->holds_own);
	SAME("next hop", ops->next_hop(f.t, &far, &next), s->next_hop);
	if (!s->next_hop)
		SAME("the node of the next hop", next.at[0], s->next);
	/* R-10.5-14: no Update before the node may announce itself */
	wr_init(&w);
	ops->update_write(f.t, &w);
	SAME("an Update", w.err, s->update);
	wr_clear(&w);
	/* who has nobody to name names itself */
	wr_init(&w);
	ops->route_query_write(f.t, &w, &far);
	SAME("a RouteQueryAns",
		reload_wire_decode(wr_done(&w), &reload_chord_route_query_ans_wire, &ctx, &ans),
		RELOAD_OK);
	SAME("the node of a RouteQueryAns", ans.next_peer.at[0],
		s->next_hop || s->owns_all ? 0x10 : s->next);
	wr_clear(&w);
	fake_end(&f);
}

static void questions(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(states); i++)
		questions_of(&states[i]);
}

/* Node-IDs of another length are of no node of this overlay; no question takes them for one. */
static void ids_of_another_length(void **state)
{
	(void)state;
	static const uint8_t lengths[] = { 0, 1, 15, 17, 20 };
	for (size_t i = 0; i < COUNT_OF(states); i++)
		for (size_t l = 0; l < COUNT_OF(lengths); l++) {
			const struct state *s = &states[i];
			struct fake f;
			struct reload_id other = { .len = lengths[l], .at = { 0x90 } },
					 peer = fake_id(0x40), point = fake_point(0x90, 0), next;
			s->enter(&f);
			size_t before = f.count;
			SAME("next hop", ops->next_hop(f.t, &other, &next), RELOAD_NO_NODE);
			SAME("holds", ops->holds(f.t, &other), false);
			SAME("a replica of it", ops->may_store_replica(f.t, &other, &peer), false);
			SAME("a replica by it", ops->may_store_replica(f.t, &point, &other), false);
			ops->disconnected(f.t, &other);
			ops->connected(f.t, &other);
			ops->join_received(f.t, &other);
			ops->replica_store_refused(f.t, &other, &peer);
			ops->replica_store_refused(f.t, &point, &other);
			SAME("what was asked of the host", f.count, before);
			SAME("the state", ops->get_state(f.t), s->state);
			/* nor does it hear of this node later */
			fake_pass(&f, 2 * CHORD_UPDATE_WAIT_MS);
			for (size_t r = before; r < f.count; r++)
				SAME("an Update to it",
					f.rows[r].what == FAKE_UPDATE &&
						f.rows[r].node.len == other.len,
					false);
			fake_end(&f);
		}
}

/* -- events that mean nothing --------------------------------------------------------------------------------------------- */

enum {
	STRANGER = 0x99,
	NO_COOKIE = 0xfffffff0u
};

static enum reload_err update(
	struct fake *f, const struct reload_id *from, bool direct, const char *hex)
{
	uint8_t body[256];
	size_t len = strlen(hex) / 2;
	assert_int_equal(reload_unhex(body, hex, 2 * len), RELOAD_OK);
	return ops->update_received(f->t, from, direct, span_of(len ? body : NULL, len));
}

#define ID_40   "40000000000000000000000000000001"
#define ID_ZERO "00000000000000000000000000000000"

/* Bodies of an Update that is refused, or of an unknown type and therefore dropped (R-6.3.1.1-06). */
static const struct {
	const char *hex;
	enum reload_err err;
} bodies[] = {
	{ "", RELOAD_INVALID_MESSAGE },
	{ "00", RELOAD_INVALID_MESSAGE },
	{ "000000", RELOAD_INVALID_MESSAGE },
	{ "00000000", RELOAD_INVALID_MESSAGE },
	{ "0000000000", RELOAD_UNKNOWN_TYPE },
	{ "0000000004", RELOAD_UNKNOWN_TYPE },
	{ "00000000ff", RELOAD_UNKNOWN_TYPE },
	{ "000000000100", RELOAD_INVALID_MESSAGE },
	{ "0000000002", RELOAD_INVALID_MESSAGE },
	{ "000000000200000001", RELOAD_INVALID_MESSAGE },
	{ "0000000002000f" ID_40 "0000", RELOAD_INVALID_MESSAGE },
	{ "00000000020010" ID_ZERO "0000", RELOAD_INVALID_MESSAGE },
	{ "000000000200000010" ID_ZERO, RELOAD_INVALID_MESSAGE },
	{ "00000000020000000000", RELOAD_INVALID_MESSAGE },
	{ "00000000030000", RELOAD_INVALID_MESSAGE },
	{ "000000000300000000000f" ID_40, RELOAD_INVALID_MESSAGE },
	{ "0000000003000000000010" ID_ZERO, RELOAD_INVALID_MESSAGE },
};

static void bad_updates_change_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(states); i++)
		for (size_t b = 0; b < COUNT_OF(bodies); b++)
			for (int direct = 0; direct < 2; direct++) {
				const struct state *s = &states[i];
				struct fake f;
				struct reload_id peer = fake_id(0xd0), stranger = fake_id(STRANGER);
				s->enter(&f);
				size_t before = f.count;
				unsigned changed = f.tables_changed;
				SAME(bodies[b].hex, update(&f, &peer, direct, bodies[b].hex),
					bodies[b].err);
				SAME(bodies[b].hex, update(&f, &stranger, direct, bodies[b].hex),
					bodies[b].err);
				SAME("what was asked of the host", f.count, before);
				SAME("changes of the tables", f.tables_changed, changed);
				SAME("the state", ops->get_state(f.t), s->state);
				fake_end(&f);
			}
}

/* An Update in the own name, and one of a node that this overlay cannot have. */
static void updates_of_nobody(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(states); i++) {
		const struct state *s = &states[i];
		struct fake f;
		struct reload_id self = fake_id(0x10), longer = { .len = 20, .at = { 0x77 } };
		s->enter(&f);
		size_t before = f.count;
		for (int direct = 0; direct < 2; direct++) {
			SAME("of itself", update(&f, &self, direct, "0000000001"),
				RELOAD_INVALID_MESSAGE);
			SAME("of 20 bytes", update(&f, &longer, direct, "0000000001"),
				RELOAD_INVALID_MESSAGE);
		}
		SAME("what was asked of the host", f.count, before);
		fake_end(&f);
	}
}

static void unknown_cookies(struct fake *f)
{
	static const enum reload_err errs[] = { RELOAD_TIMEOUT, RELOAD_NO_NODE, RELOAD_LINK_DOWN,
		RELOAD_BAD_ANSWER };
	struct reload_id stranger = fake_id(STRANGER);
	for (size_t i = 0; i < COUNT_OF(errs); i++) {
		ops->attached(f->t, NO_COOKIE, errs[i], NULL);
		ops->pinged(f->t, NO_COOKIE, errs[i], NULL);
		ops->relocated(f->t, NO_COOKIE, errs[i], NULL);
	}
	ops->pinged(f->t, NO_COOKIE, RELOAD_OK, &stranger);
	ops->pinged(f->t, 0, RELOAD_OK, &stranger);
	ops->relocated(f->t, 0, RELOAD_TIMEOUT, NULL);
}

static void about_strangers(struct fake *f)
{
	struct reload_id stranger = fake_id(STRANGER);
	ops->disconnected(f->t, &stranger);
	ops->update_ended(f->t, &stranger, RELOAD_TIMEOUT);
	ops->link_health(f->t, &stranger, false);
	ops->link_health(f->t, &stranger, true);
	ops->join_answered(f->t, &stranger, RELOAD_OK);
	ops->join_answered(f->t, &stranger, RELOAD_FORBIDDEN);
	ops->handed_over(f->t, &stranger);
}

static void about_itself(struct fake *f)
{
	struct reload_id self = fake_id(0x10);
	ops->disconnected(f->t, &self);
	ops->connected(f->t, &self);
	ops->link_health(f->t, &self, false);
	ops->update_ended(f->t, &self, RELOAD_TIMEOUT);
	ops->join_received(f->t, &self);
	ops->join_answered(f->t, &self, RELOAD_OK);
	ops->handed_over(f->t, &self);
}

/* Leaves of nodes without a link, whatever they say. */
static void leaves_of_strangers(struct fake *f)
{
	static const char *const data[] = { "", "01", "010000", "020000", "030000", "01000f" ID_40,
		"010010" ID_40, "010010" ID_ZERO, "ff" };
	struct reload_id stranger = fake_id(STRANGER);
	for (size_t i = 0; i < COUNT_OF(data); i++) {
		uint8_t bytes[64];
		size_t len = strlen(data[i]) / 2;
		assert_int_equal(reload_unhex(bytes, data[i], 2 * len), RELOAD_OK);
		ops->leave_received(f->t, &stranger, span_of(bytes, len));
	}
}

static void no_event_changes_anything(void **state)
{
	(void)state;
	static void (*const events[])(struct fake * f) = { unknown_cookies, about_strangers,
		about_itself, leaves_of_strangers };
	for (size_t i = 0; i < COUNT_OF(states); i++)
		for (size_t e = 0; e < COUNT_OF(events); e++) {
			const struct state *s = &states[i];
			struct fake f;
			struct reload_topology_tables was, is;
			s->enter(&f);
			size_t before = f.count;
			ops->tables(f.t, &was);
			size_t peers =
				was.predecessors_count + was.successors_count + was.fingers_count;
			events[e](&f);
			ops->tables(f.t, &is);
			SAME("what was asked of the host", f.count, before);
			SAME("the state", ops->get_state(f.t), s->state);
			SAME("peers",
				is.predecessors_count + is.successors_count + is.fingers_count,
				peers);
			/* and nobody is sent an Update for it later, least of all itself */
			fake_pass(&f, 2 * CHORD_UPDATE_WAIT_MS);
			SAME("Updates to itself", fake_count(&f, before, FAKE_UPDATE, 0x10), 0);
			SAME("Updates to a stranger", fake_count(&f, before, FAKE_UPDATE, STRANGER),
				0);
			fake_end(&f);
		}
}

/* A Leave of a peer counts, also when nobody can read what it says (R-10.9-03). */
static void a_leave_that_cannot_be_read(void **state)
{
	(void)state;
	static const char *const data[] = { "", "03", "030000", "01000f" ID_40, "010010" ID_ZERO,
		"01000000" };
	for (size_t i = 0; i < COUNT_OF(data); i++) {
		struct fake f;
		struct reload_id peer = fake_id(0x40), next;
		uint8_t bytes[64];
		size_t len = strlen(data[i]) / 2;
		in_a_ring(&f);
		assert_int_equal(reload_unhex(bytes, data[i], 2 * len), RELOAD_OK);
		size_t before = f.count;
		ops->leave_received(f.t, &peer, span_of(bytes, len));
		assert_non_null(fake_find(&f, before, FAKE_DISCONNECT, 0x40));
		assert_int_equal(ops->next_hop(f.t, &peer, &next), RELOAD_OK);
		assert_int_not_equal(next.at[0], 0x40);
		fake_end(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions),
		cmocka_unit_test(ids_of_another_length),
		cmocka_unit_test(bad_updates_change_nothing),
		cmocka_unit_test(updates_of_nobody),
		cmocka_unit_test(no_event_changes_anything),
		cmocka_unit_test(a_leave_that_cannot_be_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
