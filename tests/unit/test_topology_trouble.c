/* Joins that meet every error and every loss, and Updates whose lists are well formed and make no sense. */
#include "chord_joining.h"

static bool owns(struct fake *f)
{
	struct reload_id own = fake_id(0x10), from, to;
	return ops->responsible(f->t, &own) || ops->range(f->t, &from, &to);
}

/* Whatever the Admitting Peer answers but success, this node owns nothing and tries again */
static void errors_of_a_join(void **state)
{
	(void)state;
	static const enum reload_err errs[] = { RELOAD_TIMEOUT, RELOAD_FORBIDDEN, RELOAD_NOT_FOUND,
		RELOAD_IN_PROGRESS, RELOAD_LINK_DOWN, RELOAD_INVALID_MESSAGE, RELOAD_TTL_EXCEEDED,
		RELOAD_INCOMPATIBLE, RELOAD_BAD_ANSWER, RELOAD_NO_NODE, RELOAD_CONFIG_TOO_OLD };
	for (size_t i = 0; i < COUNT_OF(errs); i++) {
		struct fake f;
		struct reload_id ap = fake_id(0x40);
		attach_neighbours(&f);
		size_t before = f.count;
		ops->join_answered(f.t, &ap, errs[i]);
		assert_false(state_is(&f, RELOAD_TOPOLOGY_JOINED) ||
			     state_is(&f, RELOAD_TOPOLOGY_FAILED));
		fake_pass(&f, 20000);
		assert_false(owns(&f));
		if (!fake_count(&f, before, FAKE_ATTACH, 0) &&
			!fake_count(&f, before, FAKE_JOIN, 0))
			fail_msg("nothing after %s", reload_err_text(errs[i]));
		fake_end(&f);
	}
}

/* Each link lost in each phase of a join; nobody answers after that. */
static void losses_during_a_join(void **state)
{
	(void)state;
	static void (*const phases[])(struct fake * f) = { begin, reach_ap, attach_neighbours };
	static const uint8_t nodes[] = { 0x40, 0x70, 0xa0, 0xd0 };
	for (size_t p = 0; p < COUNT_OF(phases); p++)
		for (size_t first = 0; first < COUNT_OF(nodes); first++)
			for (size_t count = 1; count <= COUNT_OF(nodes); count++) {
				struct fake f;
				phases[p](&f);
				for (size_t i = 0; i < count; i++) {
					struct reload_id id = fake_id(nodes[(first + i) % 4]);
					ops->disconnected(f.t, &id);
					assert_false(owns(&f));
				}
				/* some time later the host hears that it failed, and may begin anew */
				fake_pass(&f, 1200 * RELOAD_SECOND);
				assert_false(owns(&f));
				assert_false(state_is(&f, RELOAD_TOPOLOGY_JOINED));
				if (count == COUNT_OF(nodes))
					assert_true(state_is(&f, RELOAD_TOPOLOGY_FAILED));
				fake_end(&f);
			}
}

/* -- lists ---------------------------------------------------------------------------------------------------------------- */

static enum reload_err send_lists(
	struct fake *f, unsigned node, const struct reload_id *list, size_t count, uint8_t type)
{
	struct wr w;
	const struct wire_ctx ctx = { .node_id_len = 16 };
	struct reload_id from = fake_id(node);
	const struct reload_chord_update u = { .uptime = 1,
		.type = type,
		.predecessors = (struct reload_id *)list,
		.predecessors_count = count,
		.successors = (struct reload_id *)list,
		.successors_count = count,
		.fingers = (struct reload_id *)list,
		.fingers_count = count };
	wr_init(&w);
	reload_wire_write(&w, &reload_chord_update_wire, &ctx, &u);
	assert_int_equal(w.err, RELOAD_OK);
	enum reload_err err = ops->update_received(f->t, &from, true, wr_done(&w));
	wr_clear(&w);
	return err;
}

/* Itself, the sender, nobody at all: no node of a list is attached to that is none, or is there already. */
static void lists_of_no_use(void **state)
{
	(void)state;
	const struct {
		struct reload_id list[3];
		size_t count;
	} rows[] = {
		{ { fake_id(0x10) }, 1 },
		{ { fake_id(0x40) }, 1 },
		{ { fake_id(0x10), fake_id(0x10), fake_id(0x10) }, 3 },
		{ { fake_id(0x40), fake_id(0x70), fake_id(0x40) }, 3 },
		{ { reload_id_wildcard(16) }, 1 },
		{ { reload_id_wildcard(16), fake_id(0x10), reload_id_wildcard(16) }, 3 },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		for (uint8_t type = RELOAD_CHORD_NEIGHBORS; type <= RELOAD_CHORD_FULL; type++) {
			struct fake f;
			struct reload_id self = fake_id(0x10);
			fake_ring(&f);
			fake_pass(&f, 40000);
			size_t before = f.count;
			assert_int_equal(
				send_lists(&f, 0x40, rows[i].list, rows[i].count, type), RELOAD_OK);
			fake_pass(&f, 60000);
			for (size_t r = before; r < f.count; r++) {
				const struct fake_row *row = &f.rows[r];
				if (row->what != FAKE_ATTACH || row->resource)
					continue;
				assert_false(reload_id_eq(&row->node, &self));
				if (reload_id_is_wildcard(&row->node))
					fail_msg("row %zu, type %u: an Attach to nobody", i, type);
			}
			assert_true(state_is(&f, RELOAD_TOPOLOGY_JOINED));
			fake_end(&f);
		}
}

/* D15: thousands of names from one peer cause as many Attaches as it may cause, and no more. */
static void long_lists_cost_little(void **state)
{
	(void)state;
	enum {
		NAMES = 4000
	};
	struct reload_id *names = reload_alloc_array(NAMES, sizeof(*names));
	for (size_t i = 0; i < NAMES; i++)
		names[i] = (struct reload_id){ .len = 16,
			.at = { 0x11, (uint8_t)(i >> 8), (uint8_t)i } };
	struct fake f;
	fake_ring(&f);
	fake_pass(&f, 40000);
	size_t before = f.count;
	for (int again = 0; again < 5; again++)
		assert_int_equal(send_lists(&f, 0x70, names, NAMES, RELOAD_CHORD_FULL), RELOAD_OK);
	assert_in_range(
		fake_count(&f, before, FAKE_ATTACH, 0), 1, CHORD_ATTACH_BURST_PER_INFORMANT);
	/* nor do names that come one by one, each nearer than all before it, so that each is worth an Attach */
	for (size_t i = 0; i < 200; i++) {
		struct reload_id nearer = { .len = 16, .at = { 0x10, (uint8_t)(250 - i) } };
		assert_int_equal(
			send_lists(&f, 0x70, &nearer, 1, RELOAD_CHORD_NEIGHBORS), RELOAD_OK);
		f.now++;
	}
	assert_int_equal(fake_count(&f, before, FAKE_ATTACH, 0), CHORD_ATTACH_BURST_PER_INFORMANT);
	/* our neighbours are who they were: names are no peers */
	struct reload_topology_tables tables;
	ops->tables(f.t, &tables);
	assert_int_equal(tables.successors[0].at[0], 0x40);
	assert_int_equal(tables.predecessors[0].at[0], 0xd0);
	fake_end(&f);
	free(names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_of_a_join),
		cmocka_unit_test(losses_during_a_join),
		cmocka_unit_test(lists_of_no_use),
		cmocka_unit_test(long_lists_cost_little),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
