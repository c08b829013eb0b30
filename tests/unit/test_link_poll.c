/* The loop: descriptors that go away within a batch, timers, and hooks at the end of turns. */
#include "link/poll_io.h"
#include "util/alloc.h"

#include <glib.h>
#include <glib-unix.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct reload_poll *loop;
static unsigned waits; /* system calls that wait for descriptors */

/* These take the place of libc's, for libcore and for GLib. */
int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	waits++;
	struct timespec t = { timeout / 1000, timeout % 1000 * 1000000L };
	return ppoll(fds, count, timeout < 0 ? NULL : &t, NULL);
}

int epoll_wait(int epoll, struct epoll_event *events, int max, int timeout)
{
	waits++;
	return epoll_pwait(epoll, events, max, timeout, NULL);
}

struct seat {
	int fd;
	uint64_t handle;
	unsigned calls;
	struct seat *victim; /* removed by the first call */
};

static int setup(void **state)
{
	(void)state;
	loop = reload_poll_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	reload_poll_free(loop);
	return 0;
}

static void on_seat(void *arg, unsigned events)
{
	struct seat *s = arg;
	assert_true(events & RELOAD_POLL_IN);
	s->calls++;
	if (s->victim) {
		reload_poll_remove(loop, s->victim->handle);
		/* its place is taken at once by another one, which the rest of the batch must not reach */
		s->victim->handle = reload_poll_add(loop, s->victim->fd, 0, on_seat, s->victim);
		s->victim = NULL;
	}
}

static void a_batch_cannot_reach_what_was_removed(void **state)
{
	(void)state;
	struct seat seats[2] = { 0 };
	for (int i = 0; i < 2; i++) {
		seats[i].fd = eventfd(1, EFD_NONBLOCK);
		seats[i].handle =
			reload_poll_add(loop, seats[i].fd, RELOAD_POLL_IN, on_seat, &seats[i]);
		assert_true(seats[i].handle);
		seats[i].victim = &seats[1 - i];
	}
	uint64_t old = seats[1].handle;
	reload_poll_pass(loop, 100);
	assert_int_equal(seats[0].calls + seats[1].calls, 1);
	assert_true(seats[0].handle != old && seats[1].handle != old);
	/* changed back it is seen again, level-triggered */
	for (int i = 0; i < 2; i++) {
		seats[i].victim = NULL;
		reload_poll_change(loop, seats[i].handle, RELOAD_POLL_IN);
	}
	reload_poll_pass(loop, 100);
	reload_poll_pass(loop, 100);
	assert_int_equal(seats[0].calls + seats[1].calls, 5);
	for (int i = 0; i < 2; i++) {
		reload_poll_remove(loop, seats[i].handle);
		close(seats[i].fd);
	}
	assert_int_equal(reload_poll_add(loop, -1, RELOAD_POLL_IN, on_seat, NULL), 0);
	reload_poll_remove(loop, 0);
}

static void count(void *arg)
{
	(*(unsigned *)arg)++;
}

static void on_readable(void *arg, unsigned events)
{
	assert_int_equal(events, RELOAD_POLL_IN);
	count(arg);
}

static gboolean on_other(gint fd, GIOCondition events, gpointer arg)
{
	(void)fd, (void)events;
	count(arg);
	return G_SOURCE_CONTINUE;
}

static void a_turn_waits_once(void **state)
{
	(void)state;
	unsigned calls = 0, others = 0;
	int fd = eventfd(1, EFD_NONBLOCK), other = eventfd(1, EFD_NONBLOCK);
	uint64_t handle = reload_poll_add(loop, fd, RELOAD_POLL_IN, on_readable, &calls);
	reload_poll_pass(loop, 100);
	waits = calls = 0;
	for (unsigned i = 1; i <= 10; i++) {
		reload_poll_pass(loop, RELOAD_NEVER);
		assert_int_equal(calls, i);
	}
	assert_int_equal(waits, 10);
	/* another source of the context with a descriptor of its own is served too, and so are we */
	guint id = g_unix_fd_add(other, G_IO_IN, on_other, &others);
	calls = 0;
	for (unsigned i = 1; i <= 10; i++)
		reload_poll_pass(loop, RELOAD_NEVER);
	assert_int_equal(calls, 10);
	assert_int_equal(others, 10);
	g_source_remove(id);
	waits = 0;
	reload_poll_pass(loop, RELOAD_NEVER);
	assert_int_equal(calls, 11);
	assert_int_equal(waits, 1);
	reload_poll_remove(loop, handle);
	close(fd);
	close(other);
}

static gboolean on_idle(gpointer arg)
{
	count(arg);
	return G_SOURCE_REMOVE;
}

static void *wake_by_glib(void *arg)
{
	g_idle_add(on_idle, arg);
	return NULL;
}

static void another_thread_ends_the_wait_through_glib(void **state)
{
	(void)state;
	unsigned calls = 0;
	pthread_t thread;
	reload_poll_pass(loop, 0);
	assert_int_equal(pthread_create(&thread, NULL, wake_by_glib, &calls), 0);
	while (!calls) /* without the wake-up it would sleep for ever */
		reload_poll_pass(loop, RELOAD_NEVER);
	pthread_join(thread, NULL);
	waits = 0;
	reload_poll_pass(
		loop, 1); /* the wake-up has been taken: nothing ends this sleep but its limit */
	assert_int_equal(waits, 1);
}

static void timers_end_the_sleep(void **state)
{
	(void)state;
	unsigned calls = 0;
	struct reload_timer t = { 0 };
	reload_ms start = reload_poll_now();
	reload_timer_arm(reload_poll_timers(loop), &t, start + 30, count, &calls);
	while (!calls)
		reload_poll_pass(loop, RELOAD_NEVER);
	reload_ms waited = reload_poll_now() - start;
	assert_true(waited >= 30 && waited < 5000);
	start = reload_poll_now();
	reload_poll_pass(loop, 20); /* nothing happens: the limit ends it */
	assert_true(reload_poll_now() - start < 5000);
	start = reload_poll_now();
	reload_poll_pass(loop, 0);
	assert_true(reload_poll_now() - start < 5000);
}

static char order[16];
static size_t ordered;
static struct reload_poll_hook work, flush;

static void on_work(void *arg)
{
	order[ordered++] = *(char *)arg;
	flush.due = true;
	work.due = ordered < 5; /* two rounds more */
}

static void on_flush(void *arg)
{
	order[ordered++] = *(char *)arg;
}

static void hooks_run_in_order_and_again(void **state)
{
	(void)state;
	work = (struct reload_poll_hook){ .fn = on_work, .arg = "w", .order = RELOAD_HOOK_WORK };
	flush = (struct reload_poll_hook){ .fn = on_flush, .arg = "f", .order = RELOAD_HOOK_FLUSH };
	reload_poll_hook_add(loop, &flush);
	reload_poll_hook_add(loop, &work);
	reload_ms start = reload_poll_now();
	work.due = true;
	while (ordered < 6) /* no pass sleeps while there is work */
		reload_poll_pass(loop, RELOAD_NEVER);
	assert_string_equal(order, "wfwfwf");
	assert_true(reload_poll_now() - start < 5000);
	reload_poll_pass(loop, 0);
	assert_int_equal(ordered, 6); /* not due, not called */
	reload_poll_hook_remove(loop, &work);
	work.due = true;
	reload_poll_pass(loop, 0);
	assert_int_equal(ordered, 6);
	reload_poll_hook_remove(loop, &flush);
}

/* A listener without descriptors for who comes is looked at again after a while, not at once and for ever. */
struct waiting {
	int fd;
	uint64_t watch;
	struct reload_poll_pause pause;
	unsigned calls, accepted;
	int err; /* of accept() */
};

static void on_waiting(void *arg, unsigned events)
{
	struct waiting *w = arg;
	(void)events;
	w->calls++;
	if (w->err && reload_poll_pause(loop, &w->pause, w->watch, w->err))
		return;
	w->accepted++;
	reload_poll_remove(loop, w->watch);
}

static void a_listener_pauses(void **state)
{
	(void)state;
	static const int errors[] = { EMFILE, ENFILE, ENOBUFS, ENOMEM };
	for (size_t i = 0; i < COUNT_OF(errors); i++) {
		struct waiting w = { .fd = eventfd(1, 0),
			.err = errors[i] }; /* readable all the time */
		w.watch = reload_poll_add(loop, w.fd, RELOAD_POLL_IN, on_waiting, &w);
		reload_ms start = reload_poll_now();
		while (w.calls < 3)
			reload_poll_pass(loop, RELOAD_NEVER);
		assert_true(reload_poll_now() - start >= 2 * RELOAD_POLL_PAUSE_MS);
		w.err = 0;
		while (!w.accepted)
			reload_poll_pass(loop, RELOAD_NEVER);
		reload_poll_pause_end(&w.pause);
		close(w.fd);
	}
	struct waiting gone = { .fd = eventfd(1, 0), .err = ECONNABORTED };
	gone.watch = reload_poll_add(loop, gone.fd, RELOAD_POLL_IN, on_waiting, &gone);
	reload_poll_pass(loop, RELOAD_NEVER);
	assert_int_equal(gone.accepted, 1); /* it does not pause */
	/* it is freed in its pause */
	gone.err = EMFILE;
	gone.watch = reload_poll_add(loop, gone.fd, RELOAD_POLL_IN, on_waiting, &gone);
	reload_poll_pass(loop, RELOAD_NEVER);
	reload_poll_pause_end(&gone.pause);
	reload_poll_remove(loop, gone.watch);
	assert_int_equal(reload_timers_next(reload_poll_timers(loop)), RELOAD_NEVER);
	close(gone.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_batch_cannot_reach_what_was_removed),
		cmocka_unit_test(a_turn_waits_once),
		cmocka_unit_test(another_thread_ends_the_wait_through_glib),
		cmocka_unit_test(timers_end_the_sleep),
		cmocka_unit_test(hooks_run_in_order_and_again),
		cmocka_unit_test(a_listener_pauses),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
