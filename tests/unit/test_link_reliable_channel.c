/*
 * Simple Reliability over bad paths: everything arrives, in bounded memory, without collapse and fairly.  Prints what it measured.
 * RELOAD_MESSAGES is how many messages the lossy path carries (20000).
 */
#include "link_channel.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	SIZE = 1100,
	PER_CENT = 10000 /* in a million */
};

static double utilisation(const struct flow *f, reload_ms ms)
{
	double bits =
		(double)f->delivered * (double)(f->size + RELOAD_FRAME_DATA_HEAD + OVERHEAD) * 8;
	return bits / ((double)f->forth->bits_s * (double)ms / RELOAD_SECOND);
}

static void print(const char *name, const struct flow *f, reload_ms ms)
{
	const struct reload_reliable_counts *n = &f->ends[0].counts;
	print_message("%-32s %7u messages %7.1f /s", name, f->delivered,
		(double)f->delivered * RELOAD_SECOND / (double)ms);
	if (f->forth->bits_s)
		print_message(" %3.0f%% of the bottleneck", 100 * utilisation(f, ms));
	print_message(", %.2f copies of each, %u arrived again, %u losses, %u timeouts\n",
		(double)(n->sent + n->resent) / (double)n->sent, f->again, (unsigned)n->losses,
		(unsigned)n->timeouts);
}

static struct path path_of(uint32_t loss_per_cent, reload_ms delay)
{
	return (struct path){ .loss = loss_per_cent * PER_CENT, .delay = delay };
}

static void all_arrived(const struct flow *f)
{
	assert_int_equal(reload_reliable_health(&f->ends[0]), RELOAD_HEALTH_GOOD);
	assert_int_equal(f->delivered, f->messages);
	/* nothing is kept for a link that is idle */
	assert_int_equal(f->ends[0].queued, 0);
	assert_true(TAILQ_EMPTY(&f->ends[0].waiting) && TAILQ_EMPTY(&f->ends[0].unacked));
	assert_true(reload_reliable_due(&f->ends[0], 0) == RELOAD_NEVER);
	assert_true(reload_reliable_due(&f->ends[1], 0) == RELOAD_NEVER);
	assert_null(f->ends[1].framing.partial.at);
}

static void everything_arrives_over_a_bad_path(void **state)
{
	(void)state;
	const char *many = getenv("RELOAD_MESSAGES");
	struct channel c;
	struct path forth = path_of(20, 20);
	forth.jitter = 30;
	forth.duplicates = 2 * PER_CENT;
	struct path back = forth;
	channel_start(&c, 1);
	struct flow *f = channel_flow(&c, &forth, &back, RELOAD_RELIABLE_WINDOWED, 100,
		many ? (uint32_t)strtoul(many, NULL, 10) : 20000);
	channel_run(&c, RELOAD_NEVER);
	print("20% loss each way, reordered", f, c.now);
	print_message("most datagrams under way: %zu\n", c.flying_most);
	/* R-6.6.3-02, R-6.6.3.1-09 */
	all_arrived(f);
	/* LINK-05: once, but for repeats that come later than half an overlay-reliability-timer */
	assert_true(f->again <= f->messages / 1000);
	/* the window, ACKs and duplicates */
	assert_true(c.flying_most <= 3 * RELOAD_RELIABLE_WINDOW);
	channel_end(&c);
}

static void a_bottleneck_is_used(void **state)
{
	(void)state;
	static const struct {
		uint32_t loss_per_cent;
		double least;
	} rows[] = { { 0, 0.95 }, { 1, 0.6 }, { 5, 0.3 } };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct channel c;
		double used[2];
		for (int policy = 0; policy < 2; policy++) {
			struct path forth = path_of(rows[i].loss_per_cent, 50);
			struct path back = forth;
			forth.bits_s = MILLION;
			forth.queue_bytes = 15000;
			channel_start(&c, 1);
			struct flow *f = channel_flow(&c, &forth, &back, policy, SIZE, 3000);
			channel_run(&c, RELOAD_NEVER);
			char name[64];
			snprintf(name, sizeof(name), "%s, %u%% loss each way",
				policy ? "stop and wait" : "windowed", rows[i].loss_per_cent);
			print(name, f, c.now);
			used[policy] = utilisation(f, c.now);
			all_arrived(f);
			assert_int_equal(f->again, 0);
			channel_end(&c);
		}
		/* R-6.6.3-02 */
		assert_true(used[0] >= rows[i].least && used[0] > 2 * used[1]);
	}
}

static void two_flows_share_a_bottleneck(void **state)
{
	(void)state;
	static const uint32_t losses[] = { 0, 1, 5 };
	for (size_t i = 0; i < COUNT_OF(losses); i++) {
		struct channel c;
		struct path forth = path_of(losses[i], 50), back = forth;
		forth.bits_s = MILLION;
		forth.queue_bytes = 15000;
		channel_start(&c, 1);
		for (int n = 0; n < 2; n++)
			channel_flow(&c, &forth, &back, RELOAD_RELIABLE_WINDOWED, SIZE, 100000);
		struct flow *a = &c.flows[0], *b = &c.flows[1];
		b->start = 5 * RELOAD_SECOND;
		channel_run(&c, b->start);
		uint32_t before = a->delivered;
		channel_run(&c, b->start + 60 * RELOAD_SECOND);
		a->delivered -= before;
		print("first of two flows", a, 60 * RELOAD_SECOND);
		print("second, 5 s later", b, 60 * RELOAD_SECOND);
		/* R-6.6.3-02: fair within a factor of two */
		assert_true(a->delivered <= 2 * b->delivered && b->delivered <= 2 * a->delivered);
		channel_end(&c);
	}
}

static void a_fast_path_with_loss(void **state)
{
	(void)state;
	static const uint32_t losses[] = { 0, 1, 5 };
	for (size_t i = 0; i < COUNT_OF(losses); i++) {
		struct channel c;
		struct path forth = path_of(losses[i], 1), back = forth;
		channel_start(&c, 1);
		struct flow *f =
			channel_flow(&c, &forth, &back, RELOAD_RELIABLE_WINDOWED, SIZE, 6000);
		channel_run(&c, RELOAD_NEVER);
		print("1 ms away", f, c.now);
		all_arrived(f);
		/* LINK-05: repeats come before so many others that they are not recognised any more */
		assert_int_equal(f->again, 0);
		/* R-6.6.3-02: 32 in a round trip of 2 ms, or 4 at least */
		assert_true(c.now < f->messages / (losses[i] ? 2 : 15));
		channel_end(&c);
	}
}

static void a_path_that_comes_back(void **state)
{
	(void)state;
	struct channel c;
	struct path forth = path_of(0, 50), back = forth;
	forth.down_from = 2000;
	forth.down_to = 12000;
	channel_start(&c, 1);
	struct flow *f = channel_flow(&c, &forth, &back, RELOAD_RELIABLE_WINDOWED, SIZE, 5000);
	channel_run(&c, RELOAD_NEVER);
	print("down for 10 s", f, c.now);
	/* R-6.6.3.1-11, -12 */
	assert_true(f->bad_from > 2000 && f->bad_from < 2000 + 2000);
	all_arrived(f);
	assert_int_equal(f->again, 0);
	channel_end(&c);
}

static void a_path_that_does_not(void **state)
{
	(void)state;
	struct channel c;
	struct path forth = path_of(0, 50), back = forth;
	back.down_from = 2000;
	back.down_to = RELOAD_NEVER;
	channel_start(&c, 1);
	struct flow *f = channel_flow(&c, &forth, &back, RELOAD_RELIABLE_WINDOWED, SIZE, 50000);
	channel_run(&c, RELOAD_NEVER);
	print_message("bad after %u ms, lost after %u ms\n", (unsigned)(f->bad_from - 2000),
		(unsigned)(c.now - 2000));
	/* R-6.6.3.1-10, -11: 7 RTOs, and 15.5 s, from the last ACK on, which was under way */
	assert_true(f->bad_from < 2000 + 50 + 7 * 200);
	assert_int_equal(reload_reliable_health(&f->ends[0]), RELOAD_HEALTH_LOST);
	assert_in_range(c.now, 2000 + 15500 - 50, 2000 + 15500 + 50);
	assert_int_equal(f->ends[0].queued_bytes, 0);
	channel_end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_arrives_over_a_bad_path),
		cmocka_unit_test(a_bottleneck_is_used),
		cmocka_unit_test(two_flows_share_a_bottleneck),
		cmocka_unit_test(a_fast_path_with_loss),
		cmocka_unit_test(a_path_that_comes_back),
		cmocka_unit_test(a_path_that_does_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
