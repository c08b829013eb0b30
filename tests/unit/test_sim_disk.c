/* Storage that commits late, fails and fills up, and jobs that end late. */
#include "sim/disk_check.h"
#include "sim/job.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

enum {
	NODES = 6,
	COMMIT_MS = 100
};

static const struct reload_id place = { .len = 16, .at = { 0x42 } };

static struct reload_sim *world(uint64_t seed, reload_ms jobs)
{
	const struct reload_sim_setup setup = { .seed = seed,
		.nodes = NODES,
		.latency = reload_sim_latency_find("lan"),
		.disks = true,
		.commit_time = COMMIT_MS,
		.jobs = jobs };
	return reload_sim_new(&setup, NULL);
}

static void pass(struct reload_sim *s, reload_ms ms)
{
	assert_true(reload_sim_run(s, reload_sim_now(s) + ms));
}

static void grow(struct reload_sim *s)
{
	for (size_t i = 0; i < NODES; i++) {
		reload_sim_start(s, i, !i, RELOAD_ROLE_PEER, NULL, 0);
		pass(s, 2000);
	}
	pass(s, 20000);
	for (size_t i = 0; i < NODES; i++)
		assert_int_equal(reload_sim_node(s, i)->state, RELOAD_STATE_JOINED);
}

/* How a commit ended. */
struct ended {
	unsigned calls;
	enum reload_err err;
};

static void on_end(void *arg, enum reload_err err)
{
	struct ended *e = arg;
	e->calls++;
	e->err = err;
}

/* A commit of text, stored at the time `time`. */
static enum reload_err put(
	struct reload_sim_node *n, const char *text, uint64_t time, struct ended *end)
{
	struct reload_stored_entry e = { .data = { .storage_time = time,
						 .lifetime = 86400,
						 .value = { .model = RELOAD_MODEL_SINGLE,
							 .exists = true,
							 .value = span_str(text) } },
		.received = RELOAD_SIM_EPOCH };
	struct reload_store_change change = {
		.kind = RELOAD_SIM_KIND, .generation = time, .entries = &e, .entries_count = 1
	};
	struct reload_store_batch batch = {
		.resource = place, .changes = &change, .changes_count = 1, .now = RELOAD_SIM_EPOCH
	};
	*end = (struct ended){ 0 };
	return n->storage->ops->commit(n->storage, &batch, on_end, end);
}

static uint64_t seen(struct reload_sim_node *n)
{
	struct reload_stored_value at = { .model = RELOAD_MODEL_SINGLE };
	const struct reload_stored_entry *e =
		n->storage->ops->find(n->storage, &place, RELOAD_SIM_KIND, &at, RELOAD_SIM_EPOCH);
	uint64_t generation =
		n->storage->ops->generation(n->storage, &place, RELOAD_SIM_KIND, RELOAD_SIM_EPOCH);
	assert_true(!e || e->data.storage_time == generation);
	return e ? e->data.storage_time : 0;
}

static bool on_disk(const struct reload_sim_node *n, uint64_t time)
{
	struct reload_stored_value at = { .model = RELOAD_MODEL_SINGLE };
	return reload_sim_disk_has(n, &place, RELOAD_SIM_KIND, &at, time);
}

static void drop(struct reload_sim_node *n)
{
	struct reload_id before = reload_id_before(&place);
	n->storage->ops->drop_range(n->storage, &before, &place);
}

/* R-7.4.1.1-18: what is seen at once is acknowledged when it is on the disk. */
static void a_commit_is_durable_later(void **state)
{
	(void)state;
	struct ended first, second;
	AUTO(reload_sim) s = world(1, 0);
	reload_sim_start(s, 0, true, RELOAD_ROLE_PEER, NULL, 0);
	struct reload_sim_node *n = reload_sim_node(s, 0);
	pass(s, 1000);
	assert_int_equal(put(n, "one", 1, &first), RELOAD_OK);
	assert_int_equal(put(n, "two", 2, &second), RELOAD_OK);
	assert_int_equal(seen(n), 2);
	assert_false(on_disk(n, 1));
	assert_int_equal(first.calls, 0);
	while (!first.calls)
		pass(s, 1);
	/* the second one was queued behind it: it is in the next write */
	assert_true(on_disk(n, 1) && !on_disk(n, 2));
	assert_int_equal(second.calls, 0);
	pass(s, 8 * COMMIT_MS);
	assert_true(on_disk(n, 2));
	assert_int_equal(second.calls, 1);
	assert_int_equal(first.err | second.err, RELOAD_OK);
}

static void a_crash_loses_what_is_not_on_the_disk(void **state)
{
	unsigned kept = 0;
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct ended end;
		AUTO(reload_sim) s = world(seed, 0);
		reload_sim_start(s, 0, true, RELOAD_ROLE_PEER, NULL, 0);
		struct reload_sim_node *n = reload_sim_node(s, 0);
		pass(s, 1000);
		assert_int_equal(put(n, "one", 1, &end), RELOAD_OK);
		pass(s, 8 * COMMIT_MS);
		assert_int_equal(put(n, "two", 2, &end), RELOAD_OK); /* is being written */
		assert_int_equal(put(n, "three", 3, &end), RELOAD_OK);
		reload_sim_crash(s, 0, RELOAD_SIM_PROCESS, true);
		assert_true(seen(n) == 1 || seen(n) == 2);
		kept += seen(n) == 2;
		uint64_t was = seen(n);
		reload_sim_start(s, 0, true, RELOAD_ROLE_PEER, NULL, 0);
		pass(s, 1000);
		assert_int_equal(seen(n), was);
		assert_int_equal(put(n, "four", 4, &end), RELOAD_OK);
		pass(s, 8 * COMMIT_MS);
		assert_true(end.calls == 1 && on_disk(n, 4));
	}
	assert_true(kept > 0 && kept < 20); /* the write was before the crash, or not */
}

static void a_full_disk_takes_nothing(void **state)
{
	(void)state;
	struct ended first, second, third;
	AUTO(reload_sim) s = world(1, 0);
	reload_sim_start(s, 0, true, RELOAD_ROLE_PEER, NULL, 0);
	struct reload_sim_node *n = reload_sim_node(s, 0);
	pass(s, 1000);
	assert_int_equal(put(n, "one", 1, &first), RELOAD_OK);
	pass(s, 8 * COMMIT_MS);
	reload_sim_disk_break(s, 0, RELOAD_SIM_DISK_FULL, true);
	assert_int_equal(put(n, "two", 2, &second), RELOAD_OK);
	assert_int_equal(put(n, "three", 3, &third), RELOAD_OK);
	pass(s, 16 * COMMIT_MS);
	/* all that is not on the disk is undone, the last one first */
	assert_int_equal(second.calls + third.calls, 2);
	assert_true(second.err == RELOAD_IO && third.err == RELOAD_IO);
	assert_int_equal(seen(n), 1);
	assert_true(n->storage->ops->failing(n->storage));
	assert_true(reload_sim_disk_failing_since(n) <= reload_sim_now(s));
	/* it is tried again every two seconds */
	reload_sim_disk_break(s, 0, RELOAD_SIM_DISK_FULL, false);
	pass(s, 2000 + 8 * COMMIT_MS);
	assert_false(n->storage->ops->failing(n->storage));
	assert_int_equal(reload_sim_disk_failing_since(n), RELOAD_NEVER);
	assert_int_equal(put(n, "four", 4, &first), RELOAD_OK);
	pass(s, 8 * COMMIT_MS);
	assert_true(first.calls == 1 && on_disk(n, 4));
}

static void a_drop_is_written_when_the_disk_allows_it(void **state)
{
	(void)state;
	for (int mended = 0; mended < 2; mended++) {
		struct ended end;
		AUTO(reload_sim) s = world(1, 0);
		reload_sim_start(s, 0, true, RELOAD_ROLE_PEER, NULL, 0);
		struct reload_sim_node *n = reload_sim_node(s, 0);
		pass(s, 1000);
		assert_int_equal(put(n, "one", 1, &end), RELOAD_OK);
		pass(s, 8 * COMMIT_MS);
		reload_sim_disk_break(s, 0, RELOAD_SIM_DISK_FULL, true);
		drop(n);
		pass(s, 3000);
		assert_int_equal(seen(n), 0);
		assert_true(on_disk(n, 1));
		if (mended) {
			reload_sim_disk_break(s, 0, RELOAD_SIM_DISK_FULL, false);
			pass(s, 2000 + 8 * COMMIT_MS);
		}
		reload_sim_crash(s, 0, RELOAD_SIM_MACHINE, true);
		assert_int_equal(seen(n), mended ? 0 : 1);
	}
}

static void a_peer_with_a_full_disk_steps_aside(void **state)
{
	(void)state;
	struct ended end;
	struct reload_sim_violation v;
	AUTO(reload_sim) s = world(3, 0);
	grow(s);
	struct reload_sim_node *n = reload_sim_node(s, 4);
	reload_sim_disk_break(s, 4, RELOAD_SIM_DISK_FULL, true);
	pass(s, 5000);
	assert_false(n->aside); /* it has not tried to write */
	assert_int_equal(put(n, "one", 1, &end), RELOAD_OK);
	while (!end.calls)
		pass(s, 1);
	assert_true(reload_sim_check_writable(s, &v));
	/* WRITABLE: were it still in the ring so much later */
	const struct reload_sim_node is = *n;
	n->state = RELOAD_STATE_JOINED;
	n->role = RELOAD_ROLE_PEER;
	s->now += RELOAD_SIM_WRITABLE_MS + 1;
	assert_false(reload_sim_check_writable(s, &v));
	assert_int_equal(v.check, RELOAD_SIM_CHECK_WRITABLE);
	s->now -= RELOAD_SIM_WRITABLE_MS + 1;
	*n = is;
	pass(s, 20000);
	assert_true(n->aside);
	assert_int_equal(n->state, RELOAD_STATE_JOINED);
	assert_int_equal(n->role, RELOAD_ROLE_CLIENT);
	s->now += RELOAD_SIM_WRITABLE_MS + 1;
	assert_true(reload_sim_check_writable(s, &v));
	s->now -= RELOAD_SIM_WRITABLE_MS + 1;
	reload_sim_disk_break(s, 4, RELOAD_SIM_DISK_FULL, false);
	pass(s, 30000);
	assert_false(n->aside);
	assert_int_equal(n->role, RELOAD_ROLE_PEER);
	assert_int_equal(n->state, RELOAD_STATE_JOINED);
}

static void an_acknowledged_value_is_on_the_disk(void **state)
{
	(void)state;
	const struct reload_id ids[] = { { .len = 16, .at = { 1 } } };
	struct ended end;
	struct reload_sim_violation v;
	AUTO(reload_sim) s = world(1, 0);
	AUTO(reload_sim_history) h = reload_sim_history_new(1, ids, &place, 8, 0);
	struct reload_sim_place *p = reload_sim_history_place(h, 0, 0);
	const struct reload_sim_version *version =
		reload_sim_history_begin(h, p, 0, 0, 0, 7, 1, 86400, true);
	reload_sim_start(s, 0, true, RELOAD_ROLE_PEER, NULL, 0);
	struct reload_sim_node *n = reload_sim_node(s, 0);
	pass(s, 1000);
	assert_int_equal(put(n, "one", version->storage_time, &end), RELOAD_OK);
	/* DURABLE: an answer now would be wrong */
	assert_false(reload_sim_check_durable(n, h, p, version->number, &v));
	assert_int_equal(v.check, RELOAD_SIM_CHECK_DURABLE);
	pass(s, 8 * COMMIT_MS);
	assert_true(reload_sim_check_durable(n, h, p, version->number, &v));
	drop(n); /* handed over */
	pass(s, 8 * COMMIT_MS);
	assert_true(reload_sim_check_durable(n, h, p, version->number, &v));
}

/* Whether one of count jobs that were under way at n has ended before an older one. */
static bool is_overtaken(
	const struct reload_sim_body *n, const struct reload_sim_late_job *were, uint32_t count)
{
	uint64_t oldest_left = UINT64_MAX, newest_ended = 0;
	for (uint32_t i = 0; i < count; i++) {
		bool there = false;
		for (uint32_t k = 0; k < n->late_count; k++)
			there = there || n->late[k].number == were[i].number;
		if (there && were[i].number < oldest_left)
			oldest_left = were[i].number;
		if (!there && were[i].number > newest_ended)
			newest_ended = were[i].number;
	}
	return newest_ended > oldest_left;
}

static void jobs_end_late_and_in_any_order(void **state)
{
	(void)state;
	AUTO(reload_sim) s = world(5, 50);
	size_t under_way = 0;
	bool overtaken = false; /* a job has ended before an older one of the same node */
	assert_int_equal(reload_sim_job_longest(s), 400);
	for (size_t i = 0; i < NODES; i++) {
		reload_sim_start(s, i, !i, RELOAD_ROLE_PEER, NULL, 0);
		for (int t = 0; t < 2000; t += 10) {
			struct reload_sim_late_job were[64];
			uint32_t count = s->nodes[0].late_count;
			assert_true(count <= COUNT_OF(were));
			for (uint32_t k = 0; k < count; k++)
				were[k] = s->nodes[0].late[k];
			under_way += count;
			pass(s, 10);
			overtaken = overtaken || is_overtaken(&s->nodes[0], were, count);
		}
	}
	assert_true(under_way > 0 && overtaken);
	pass(s, 30000);
	for (size_t i = 0; i < NODES; i++) {
		assert_int_equal(reload_sim_node(s, i)->state, RELOAD_STATE_JOINED);
		assert_int_equal(s->nodes[i].late_count, 0);
	}
}

static void a_node_ends_with_jobs_under_way(void **state)
{
	(void)state;
	AUTO(reload_sim) s = world(5, 500);
	grow(s);
	reload_sim_leave(s, 2);
	pass(s, 20);
	reload_sim_crash(s, 3, RELOAD_SIM_PROCESS, true);
	while (!s->nodes[4].late_count)
		pass(s, 1);
	reload_sim_crash(s, 4, RELOAD_SIM_PROCESS, true);
	assert_int_equal(s->nodes[4].late_count, 0);
	assert_null(reload_sim_node(s, 4)->peer);
	reload_sim_start(s, 4, false, RELOAD_ROLE_PEER, NULL, 0);
	pass(s, 60000);
	assert_int_equal(reload_sim_node(s, 4)->state, RELOAD_STATE_JOINED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_commit_is_durable_later),
		cmocka_unit_test(a_crash_loses_what_is_not_on_the_disk),
		cmocka_unit_test(a_full_disk_takes_nothing),
		cmocka_unit_test(a_drop_is_written_when_the_disk_allows_it),
		cmocka_unit_test(a_peer_with_a_full_disk_steps_aside),
		cmocka_unit_test(an_acknowledged_value_is_on_the_disk),
		cmocka_unit_test(jobs_end_late_and_in_any_order),
		cmocka_unit_test(a_node_ends_with_jobs_under_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
