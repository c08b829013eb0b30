#include "storage_maker.h"
#include "storage_sqlite.h"
#include "storage_notice.h"
#include "storage_scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static size_t max_of_last;

static struct reload_storage *maker_new(size_t max_bytes, reload_ms keep_ms)
{
	assert_int_equal(keep_ms, KEEP_MS);
	fresh();
	max_of_last = max_bytes;
	return open_at(max_bytes, T0);
}

static struct reload_storage *maker_again(struct reload_storage *s, reload_utc now)
{
	reload_storage_free(s);
	return open_at(max_of_last, now);
}

/* --- what is held is there again ----------------------------------------------------------------------------------- */

static void all_columns_come_back(void **state)
{
	(void)state;
	struct fixture x;
	uint8_t before[RELOAD_HASH_SIZE_MAX], after[RELOAD_HASH_SIZE_MAX];
	fixture_new(&x);
	reload_storage_free(x.storage);
	x.storage = maker_new(1 << 20, KEEP_MS);
	req_new(&x);
	req_kind(&x, K_SINGLE, 0);
	req_single(&x, "value", 7);
	req_kind(&x, K_ARRAY, 0);
	req_array(&x, 0, "zero", 8);
	req_array(&x, 4, "four", 9);
	req_kind(&x, K_DICT, 0);
	req_dict(&x, "key", "value", 10);
	req_dict(&x, "", NULL, 11);
	assert_int_equal(reload_store_begin(&x.work), RELOAD_OK);
	assert_int_equal(reload_store_accept(&x.work), RELOAD_OK);
	assert_int_equal(x.storage->ops->commit(x.storage, &x.work.batch, NULL, NULL), RELOAD_OK);
	storage_digest(x.storage, x.now, before);
	x.storage = maker_again(x.storage, x.now + 1000);
	assert_int_equal(events.loaded, 5);
	storage_digest(x.storage, x.now, after);
	/* R-7-06: what is restored runs out when it would have without a restart: received and lifetime are in the digest */
	assert_memory_equal(before, after, 32);
	/* and its signer, by whose hash it is found again */
	const struct reload_stored_entry *e = x.storage->ops->find(x.storage, &x.at_alice, K_SINGLE,
		&(struct reload_stored_value){ .model = RELOAD_MODEL_SINGLE }, x.now);
	assert_non_null(e);
	assert_int_equal(e->data.signature.identity.type, RELOAD_CERT_HASH);
	assert_int_equal(e->data.signature.identity.hash.len, 32);
	assert_int_equal(e->data.signature.sig_alg, RELOAD_SIG_RSA);
	fixture_clear(&x);
}

static void counters_do_not_go_back(void **state)
{
	(void)state;
	struct reload_storage *s = maker_new(100000, KEEP_MS);
	struct reload_id at = id_of("10000000000000000000000000000000");
	assert_int_equal(put(s, &at, K_ARRAY, 7, entry(0, "a", 1, 10, T0)), RELOAD_OK);
	assert_int_equal(put(s, &at, K_ARRAY, 9, entry(1, "b", 1, 10, T0)), RELOAD_OK);
	s = maker_again(s, T0);
	assert_int_equal(s->ops->generation(s, &at, K_ARRAY, T0), 9);
	/* STO-03: the counter outlives the last value, a restart and the deletion of the value's row */
	s->ops->expire(s, T0 + 10000);
	s = maker_again(s, T0 + 10000);
	assert_int_equal(events.loaded, 0);
	assert_int_equal(s->ops->generation(s, &at, K_ARRAY, T0 + 10000), 9);
	s = maker_again(s, T0 + 10000 + KEEP_MS - 1);
	assert_int_equal(s->ops->generation(s, &at, K_ARRAY, T0 + 10000 + KEEP_MS - 1), 9);
	s = maker_again(s, T0 + 10000 + KEEP_MS);
	assert_int_equal(s->ops->generation(s, &at, K_ARRAY, T0 + 10000 + KEEP_MS), 0);
	assert_int_equal(bytes_of(s), 0);
	reload_storage_free(s);
}

static void what_expired_leaves_the_file(void **state)
{
	(void)state;
	struct reload_storage *s = maker_new(100000, KEEP_MS);
	for (uint8_t i = 0; i < 9; i++) {
		struct reload_id at = { .len = 16, .at = { i } };
		assert_int_equal(
			put(s, &at, K_ARRAY, 1, entry(0, "a", 1, i < 4 ? 10 : UINT32_MAX, T0)),
			RELOAD_OK);
	}
	reload_storage_free(s);
	assert_int_equal(ask("SELECT count(*) FROM value"), 9);
	/* at the start what expired meanwhile is not there, and soon not in the file (R-7-07) */
	s = open_at(100000, T0 + 10000 + KEEP_MS);
	assert_int_equal(s->ops->count(s, T0 + 10000 + KEEP_MS, NULL, NULL), 5);
	reload_storage_free(s);
	assert_int_equal(ask("SELECT count(*) FROM value"), 5);
	assert_int_equal(ask("SELECT count(*) FROM counter"), 5);
}

static void quota_holds_after_a_restart(void **state)
{
	(void)state;
	struct reload_storage *s = maker_new(4000, KEEP_MS);
	struct reload_id at = id_of("10000000000000000000000000000000");
	uint32_t n = 0;
	while (put(s, &at, K_ARRAY, 1, entry(n, "value", 1, 100, T0)) == RELOAD_OK)
		n++;
	/* a smaller quota loses nothing that was acknowledged, but takes no more */
	max_of_last = 2000;
	s = maker_again(s, T0);
	assert_int_equal(s->ops->extent(s, &at, K_ARRAY, T0, NULL), n);
	assert_int_equal(
		put(s, &at, K_ARRAY, 2, entry(n, "value", 1, 100, T0)), RELOAD_DATA_TOO_LARGE);
	reload_storage_free(s);
}

/* --- done, and who calls it ------------------------------------------------------------------------------------------- */

struct waiter {
	int fds[2];
	unsigned done, failed;
	enum reload_err err;
};

static void wake(void *arg)
{
	struct waiter *w = arg;
	assert_int_equal(write(w->fds[1], "", 1), 1);
}

static void on_done(void *arg, enum reload_err err)
{
	struct waiter *w = arg;
	w->done++;
	w->failed += err != RELOAD_OK;
	if (err)
		w->err = err;
}

static enum reload_err put_waiting(struct reload_storage *s, const struct reload_id *at,
	uint64_t generation, struct reload_stored_entry e, struct waiter *w)
{
	struct reload_store_change change = { K_ARRAY, generation, &e, 1 };
	struct reload_store_batch batch = { *at, &change, 1, e.received };
	return s->ops->commit(s, &batch, on_done, w);
}

static void done_comes_when_it_is_durable(void **state)
{
	(void)state;
	struct waiter w = { 0 };
	struct reload_storage *s;
	struct reload_error_text why;
	struct reload_id at = id_of("10000000000000000000000000000000");
	fresh();
	assert_int_equal(pipe(w.fds), 0);
	struct reload_sqlite_setup setup = setup_of(1 << 20, T0);
	setup.notify = wake;
	setup.on_event = NULL;
	setup.arg = &w;
	assert_int_equal(reload_storage_sqlite_open(&s, &setup, &why), RELOAD_OK);
	for (uint32_t i = 0; i < 300; i++)
		assert_int_equal(
			put_waiting(s, &at, i + 1, entry(i, "v", 1, 10, T0), &w), RELOAD_OK);
	/* reads see it at once; nothing is number before the caller asks */
	assert_int_equal(s->ops->extent(s, &at, K_ARRAY, T0, NULL), 300);
	assert_int_equal(w.done, 0);
	while (w.done < 300) {
		char byte;
		struct pollfd p = { .fd = w.fds[0], .events = POLLIN };
		assert_int_equal(poll(&p, 1, 10000), 1);
		assert_int_equal(read(w.fds[0], &byte, 1), 1);
		reload_storage_sqlite_complete(s);
	}
	assert_int_equal(w.failed, 0);
	/* freed with commits on their way: they are written, and nobody is called */
	assert_int_equal(put_waiting(s, &at, 301, entry(300, "v", 1, 10, T0), &w), RELOAD_OK);
	reload_storage_free(s);
	assert_int_equal(w.done, 300);
	s = open_at(1 << 20, T0);
	assert_int_equal(s->ops->extent(s, &at, K_ARRAY, T0, NULL), 301);
	reload_storage_free(s);
	close(w.fds[0]);
	close(w.fds[1]);
}

/* What was number to be durable is there although the process got no chance to end. */
static void durable_outlives_a_kill(void **state)
{
	(void)state;
	struct reload_id at = id_of("10000000000000000000000000000000");
	int fds[2], status;
	uint32_t last = 0, number;
	fresh();
	assert_int_equal(pipe(fds), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (!child) {
		struct reload_storage *s = open_at(1 << 20, T0);
		struct waiter w = { 0 };
		for (number = 1; number < 100000; number++) {
			if (put_waiting(
				    s, &at, number, entry(number % 64, "v", number, 1000, T0), &w))
				break;
			reload_storage_sqlite_flush(s);
			if (w.done != number ||
				write(fds[1], &number, sizeof(number)) != sizeof(number))
				break;
		}
		_exit(1);
	}
	close(fds[1]);
	while (last < 100 && read(fds[0], &number, sizeof(number)) == sizeof(number))
		last = number;
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	while (read(fds[0], &number, sizeof(number)) == sizeof(number))
		last = number;
	close(fds[0]);
	assert_in_range(last, 100, 99999);
	struct reload_storage *s = open_at(1 << 20, T0);
	assert_in_range(s->ops->generation(s, &at, K_ARRAY, T0), last, last + 1);
	struct reload_stored_value place = { .model = RELOAD_MODEL_ARRAY, .index = last % 64 };
	const struct reload_stored_entry *e = s->ops->find(s, &at, K_ARRAY, &place, T0);
	assert_non_null(e);
	assert_int_equal(e->data.storage_time, last);
	reload_storage_free(s);
}

/* --- a disk that takes nothing more ----------------------------------------------------------------------------------- */

static void disk_room(rlim_t bytes)
{
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void what_is_not_durable_is_taken_back(void **state)
{
	(void)state;
	static char large[3000];
	memset(large, 'x', sizeof(large) - 1);
	struct reload_storage *s = maker_new(1 << 22, KEEP_MS);
	struct reload_id at = id_of("10000000000000000000000000000000"),
			 other = id_of("20000000000000000000000000000000"),
			 gone = id_of("30000000000000000000000000000000"),
			 before_gone = id_of("2fffffffffffffffffffffffffffffff");
	struct waiter w = { 0 };
	uint8_t before[RELOAD_HASH_SIZE_MAX], after[RELOAD_HASH_SIZE_MAX];
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(put_waiting(s, &at, 5, entry(0, "old", 1, 100, T0), &w), RELOAD_OK);
	assert_int_equal(put_waiting(s, &gone, 5, entry(0, "gone", 1, 100, T0), &w), RELOAD_OK);
	reload_storage_sqlite_flush(s);
	assert_int_equal(w.done, 2);
	storage_digest(s, T0, before);
	size_t bytes = bytes_of(s);

	disk_room(16384);
	/* one place twice, a new place, a new resource, and a range that is dropped between them */
	assert_int_equal(put_waiting(s, &at, 6, entry(0, large, 2, 100, T0), &w), RELOAD_OK);
	assert_int_equal(put_waiting(s, &at, 7, entry(0, large, 3, 100, T0), &w), RELOAD_OK);
	assert_int_equal(put_waiting(s, &at, 8, entry(9, large, 3, 100, T0), &w), RELOAD_OK);
	assert_int_equal(put_waiting(s, &gone, 6, entry(0, large, 3, 100, T0), &w), RELOAD_OK);
	s->ops->drop_range(s, &before_gone, &gone);
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(
			put_waiting(s, &other, i + 1, entry(i, large, 1, 100, T0), &w), RELOAD_OK);
	reload_storage_sqlite_flush(s);
	disk_room(RLIM_INFINITY);
	assert_int_equal(w.done, 16);
	assert_int_equal(w.failed, 14);
	assert_int_equal(w.err, RELOAD_IO);
	assert_int_equal(events.count[RELOAD_STORAGE_FAILED], 1);
	assert_true(events.words[0]);
	/* what was acknowledged is served as before; the drop stays */
	assert_int_equal(s->ops->generation(s, &at, K_ARRAY, T0), 5);
	assert_int_equal(s->ops->generation(s, &other, K_ARRAY, T0), 0);
	assert_int_equal(s->ops->generation(s, &gone, K_ARRAY, T0), 0);
	assert_true(bytes_of(s) < bytes);

	/* room again: the next one is durable, and so is the drop that was retry_queue */
	assert_int_equal(put_waiting(s, &other, 1, entry(0, large, 1, 100, T0), &w), RELOAD_OK);
	reload_storage_sqlite_flush(s);
	assert_int_equal(w.done, 17);
	assert_int_equal(w.failed, 14);
	assert_int_equal(events.count[RELOAD_STORAGE_RECOVERED], 1);
	storage_digest(s, T0, before);
	s = maker_again(s, T0);
	storage_digest(s, T0, after);
	assert_memory_equal(before, after, 32);
	assert_int_equal(s->ops->generation(s, &gone, K_ARRAY, T0), 0);
	reload_storage_free(s);
}

/* One operation of a round, to be done again on a plain table when it is known what became of it. */
struct step {
	enum {
		STEP_PUT,
		STEP_DROP_RANGE,
		STEP_DROP_KIND
	} type;
	uint8_t from, to;
	uint32_t index, time;
	struct waiter w;
};

enum {
	STEPS = 800,
	PLACES = 6,
	RINGS = 8
};

static struct step steps[STEPS];

static struct reload_id ring_id(uint8_t i)
{
	return (struct reload_id){ .len = 16, .at = { i } };
}

static void step_run(struct reload_storage *s, struct step *step, const char *value)
{
	struct reload_id from = ring_id(step->from), to = ring_id(step->to);
	switch (step->type) {
	case STEP_PUT:
		assert_int_equal(put_waiting(s, &from, step->time,
					 entry(step->index, value, step->time, 1000, T0), &step->w),
			RELOAD_OK);
		break;
	case STEP_DROP_RANGE:
		s->ops->drop_range(s, &from, &to);
		break;
	case STEP_DROP_KIND:
		s->ops->drop_kind(s, K_ARRAY);
		break;
	}
}

static void step_expect(uint32_t table[RINGS][PLACES], const struct step *step)
{
	struct reload_id from = ring_id(step->from), to = ring_id(step->to);
	assert_int_equal(step->w.done, step->type == STEP_PUT);
	if (step->type == STEP_PUT && !step->w.failed)
		table[step->from][step->index] = step->time;
	for (uint8_t r = 0; r < RINGS && step->type != STEP_PUT; r++) {
		struct reload_id at = ring_id(r);
		if (step->type == STEP_DROP_KIND || reload_id_between(&from, &at, &to))
			memset(table[r], 0, sizeof(table[r]));
	}
}

static void table_compare(struct reload_storage *s, uint32_t table[RINGS][PLACES])
{
	for (uint8_t r = 0; r < RINGS; r++)
		for (uint32_t i = 0; i < PLACES; i++) {
			struct reload_id at = ring_id(r);
			struct reload_stored_value place = { .model = RELOAD_MODEL_ARRAY,
				.index = i };
			const struct reload_stored_entry *e =
				s->ops->find(s, &at, K_ARRAY, &place, T0);
			assert_int_equal(e ? e->data.storage_time : 0, table[r][i]);
		}
}

/* Whatever the disk takes and refuses: what was acknowledged is served, and shown by a restart, and nothing else. */
static void acknowledged_is_served_is_durable(void **state)
{
	(void)state;
	static char large[2000];
	static uint32_t table[RINGS][PLACES];
	struct model m = { .random = 6940 };
	uint32_t time = 0;
	unsigned refused = 0, taken = 0;
	memset(large, 'x', sizeof(large) - 1);
	struct reload_storage *s = maker_new(1 << 22, KEEP_MS);
	for (int round = 0; round < 60; round++) {
		bool many = round % 4 == 0; /* more than one group takes */
		uint32_t n = 1 + draw(&m, many ? STEPS : 60);
		for (uint32_t i = 0; i < n; i++) {
			uint32_t what = draw(&m, many ? 1000 : 100);
			if (what < 4)
				disk_room(4096 * (1 + draw(&m, 60)));
			else if (what < 7)
				disk_room(RLIM_INFINITY);
			else if (what < 11 && !many)
				reload_storage_sqlite_flush(s);
			steps[i] = (struct step){ .type = what < 13   ? STEP_DROP_RANGE
							  : what < 14 ? STEP_DROP_KIND
								      : STEP_PUT,
				.from = (uint8_t)draw(&m, RINGS),
				.to = (uint8_t)draw(&m, RINGS),
				.index = draw(&m, PLACES),
				.time = ++time };
			step_run(s, &steps[i], large + draw(&m, 1999));
		}
		reload_storage_sqlite_flush(s);
		disk_room(RLIM_INFINITY);
		/* with this the file gets what it is retry_queue */
		struct waiter w = { 0 };
		struct reload_id own = ring_id(0xff);
		assert_int_equal(
			put_waiting(s, &own, 1, entry(0, "v", 1, 1000, T0), &w), RELOAD_OK);
		reload_storage_sqlite_flush(s);
		assert_int_equal(w.done - w.failed, 1);
		for (uint32_t i = 0; i < n; i++) {
			step_expect(table, &steps[i]);
			refused += steps[i].w.failed;
			taken += steps[i].w.done - steps[i].w.failed;
		}
		table_compare(s, table);
		s = maker_again(s, T0);
		table_compare(s, table);
		assert_int_equal(events.rows + events.count[RELOAD_STORAGE_DAMAGED_FILE], 0);
	}
	assert_in_range(refused, 100, 100000);
	assert_in_range(taken, 100, 100000);
	reload_storage_free(s);
}

/* Nobody stores anything: that there is room again is found all the same. */
static void recovery_is_noticed(void **state)
{
	(void)state;
	static char large[3000];
	memset(large, 'x', sizeof(large) - 1);
	struct reload_storage *s = NULL;
	struct reload_sqlite_setup setup = setup_of(1 << 22, T0);
	struct reload_id at = id_of("10000000000000000000000000000000");
	struct waiter w = { 0 };
	fresh();
	memset(&events, 0, sizeof(events));
	assert_true(notice_begin() >= 0);
	setup.notify = notice_tell;
	assert_int_equal(reload_storage_sqlite_open(&s, &setup, NULL), RELOAD_OK);
	disk_room(16384);
	for (uint32_t i = 0; i < 20; i++)
		assert_int_equal(
			put_waiting(s, &at, i + 1, entry(i, large, 1, 100, T0), &w), RELOAD_OK);
	reload_storage_sqlite_flush(s);
	assert_int_equal(events.count[RELOAD_STORAGE_FAILED], 1);
	disk_room(RLIM_INFINITY);
	while (!events.count[RELOAD_STORAGE_RECOVERED])
		assert_true(notice_settle(s));
	assert_int_equal(events.count[RELOAD_STORAGE_RECOVERED], 1);
	reload_storage_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORAGE_MAKER_TESTS,
		cmocka_unit_test(all_columns_come_back),
		cmocka_unit_test(counters_do_not_go_back),
		cmocka_unit_test(what_expired_leaves_the_file),
		cmocka_unit_test(quota_holds_after_a_restart),
		cmocka_unit_test(done_comes_when_it_is_durable),
		cmocka_unit_test(durable_outlives_a_kill),
		cmocka_unit_test(what_is_not_durable_is_taken_back),
		cmocka_unit_test(acknowledged_is_served_is_durable),
		cmocka_unit_test(recovery_is_noticed),
	};
	return cmocka_run_group_tests(tests, scratch_begin, scratch_end);
}
