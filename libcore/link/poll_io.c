/*
 * One epoll descriptor, one GSource.  GLib walks all of its sources on each pass, so neither a source for each socket
 * nor one for each timer would do.  A pass:
 *
 *   prepare   end of the pass before: hooks; then the nearest deadline is how long to sleep
 *   (wait)    epoll_wait() in place of GLib's poll(): one system call sleeps and fetches the batch of events
 *   dispatch  the batch first, then the timers: what came in while we were busy may make a deadline void
 *
 * GLib waits for two descriptors, ours and the eventfd by which another thread wakes the context.  The eventfd is in our
 * epoll set too, so that epoll_wait() covers both.  When somebody adds a descriptor of another source to the context,
 * poll() waits for all of them and dispatch fetches the batch itself.
 */
#include "link/poll_io.h"

#include "util/alloc.h"

#include <assert.h>
#include <errno.h>
#include <glib.h>
#include <glib-unix.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

_Static_assert(
	(int)RELOAD_POLL_IN == EPOLLIN && (int)RELOAD_POLL_OUT == EPOLLOUT, "values of epoll");
_Static_assert((int)RELOAD_POLL_ERROR == EPOLLERR && (int)RELOAD_POLL_HANGUP == EPOLLHUP,
	"values of epoll");

enum {
	BATCH = 64
};

/* The handle of GLib's own eventfd in the epoll set; reload_poll_add() never returns it. */
#define WAKEUP UINT64_MAX

struct slot {
	uint32_t generation; /* odd while in use */
	int fd;
	uint32_t next_free;
	reload_poll_fn fn;
	void *arg;
};

struct source {
	GSource base;
	struct reload_poll *poll;
};

struct reload_poll {
	struct source *source;
	gpointer tag; /* of the epoll descriptor in the source */
	int epoll;
	int wakeup; /* GLib's eventfd, once it is in the epoll set; else -1 */
	struct epoll_event batch[BATCH];
	int batch_count; /* events that the wait has fetched for dispatch */
	struct slot *slots;
	size_t slots_cap, slots_count;
	uint32_t free_slot; /* 1 + index, 0: none */
	struct reload_timers timers;
	struct reload_poll_hook *hooks;
	bool in_pass; /* reload_poll_pass() runs the hooks itself */
};

static reload_ms read_clock(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (reload_ms)t.tv_sec * 1000 + (reload_ms)t.tv_nsec / 1000000;
}

reload_ms reload_poll_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

reload_utc reload_poll_wall(void)
{
	return read_clock(CLOCK_REALTIME);
}

static bool hook_is_due(const struct reload_poll *p)
{
	bool due = false;
	for (struct reload_poll_hook *h = p->hooks; h; h = h->next)
		due |= h->due;
	return due;
}

static void run_hooks(struct reload_poll *p)
{
	for (struct reload_poll_hook *h = p->hooks; h; h = h->next) {
		if (!h->due)
			continue;
		h->due = false;
		h->fn(h->arg);
	}
}

static gboolean prepare(GSource *base, gint *timeout)
{
	struct reload_poll *p = ((struct source *)base)->poll;
	if (!p->in_pass)
		run_hooks(p);
	reload_ms due = reload_timers_next(&p->timers);
	*timeout = -1;
	if (hook_is_due(p)) {
		*timeout = 0;
	} else if (due != RELOAD_NEVER) {
		reload_ms now = reload_poll_now();
		reload_ms wait = due > now ? due - now : 0;
		*timeout = wait < INT_MAX ? (gint)wait : INT_MAX;
	}
	return FALSE; /* never skips the look at the descriptors */
}

static gboolean check(GSource *base)
{
	struct reload_poll *p = ((struct source *)base)->poll;
	if (g_source_query_unix_fd(base, p->tag))
		return TRUE;
	reload_ms due = reload_timers_next(&p->timers);
	return due != RELOAD_NEVER && due <= reload_poll_now();
}

static struct slot *slot_of(struct reload_poll *p, uint64_t handle)
{
	uint32_t index = (uint32_t)handle, generation = (uint32_t)(handle >> 32);
	if (index >= p->slots_count || p->slots[index].generation != generation)
		return NULL;
	return &p->slots[index];
}

/* The loop of this thread; a poll function of GLib has no argument of its own. */
static _Thread_local struct reload_poll *current;

/* Puts GLib's eventfd into the epoll set on the first wait. */
static bool covers_wakeup(struct reload_poll *p, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = WAKEUP };
	if (p->wakeup < 0 && !epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &ev))
		p->wakeup = fd;
	return p->wakeup == fd;
}

/* The poll function of the context: fetches the batch within the one call that sleeps. */
static gint wait_for_events(GPollFD *fds, guint count, gint timeout)
{
	struct reload_poll *p = current;
	guint own = count == 2 && fds[1].fd == p->epoll;
	p->batch_count = 0;
	if (count != 2 || fds[own].fd != p->epoll || !covers_wakeup(p, fds[!own].fd))
		return g_poll(fds, count, timeout);
	int n = epoll_wait(p->epoll, p->batch, BATCH, timeout);
	fds[own].revents = fds[!own].revents = 0;
	if (n < 0)
		return n; /* interrupted by a signal: GLib takes it for a pass without events */
	p->batch_count = n;
	for (int i = 0; i < n; i++)
		fds[p->batch[i].data.u64 == WAKEUP ? !own : own].revents = G_IO_IN;
	return (fds[own].revents != 0) + (fds[!own].revents != 0);
}

static gboolean dispatch(GSource *base, GSourceFunc unused, gpointer unused_arg)
{
	(void)unused, (void)unused_arg;
	struct reload_poll *p = ((struct source *)base)->poll;
	if (g_source_query_unix_fd(base, p->tag)) {
		/* one batch a pass: a loop until there is nothing left would starve other sources */
		struct epoll_event
			batch[BATCH]; /* of this call: a callback may run a pass of its own */
		int n = p->batch_count;
		if (n)
			memcpy(batch, p->batch, (size_t)n * sizeof(*batch));
		else
			n = epoll_wait(p->epoll, batch, BATCH, 0);
		p->batch_count = 0;
		for (int i = 0; i < n; i++) {
			struct slot *s = slot_of(p, batch[i].data.u64);
			if (s) /* else removed by an earlier one of the batch, or WAKEUP */
				s->fn(s->arg, batch[i].events);
		}
	}
	reload_timers_run(&p->timers, reload_poll_now());
	return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = { .prepare = prepare, .check = check, .dispatch = dispatch };

struct reload_poll *reload_poll_new(void)
{
	struct reload_poll *p = RELOAD_NEW(reload_poll);
	assert(!current); /* one loop a thread */
	current = p;
	p->wakeup = -1;
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	assert(p->epoll >= 0);
	p->source = (struct source *)g_source_new(&source_funcs, sizeof(struct source));
	p->source->poll = p;
	g_source_set_static_name(&p->source->base, "reload-poll");
	/* else GLib takes our descriptor out around each dispatch, and wakes itself for both changes */
	g_source_set_can_recurse(&p->source->base, TRUE);
	p->tag = g_source_add_unix_fd(&p->source->base, p->epoll, G_IO_IN);
	g_source_attach(&p->source->base, g_main_context_get_thread_default());
	g_main_context_set_poll_func(g_main_context_get_thread_default(), wait_for_events);
	return p;
}

void reload_poll_free(struct reload_poll *p)
{
	if (!p)
		return;
	g_main_context_set_poll_func(g_main_context_get_thread_default(), g_poll);
	current = NULL;
	g_source_destroy(&p->source->base);
	g_source_unref(&p->source->base);
	close(p->epoll);
	free(p->slots);
	free(p);
}

uint64_t reload_poll_add(
	struct reload_poll *p, int fd, unsigned events, reload_poll_fn fn, void *arg)
{
	if (!p->free_slot) {
		reload_grow(&p->slots, &p->slots_cap, p->slots_count, sizeof(*p->slots));
		p->slots[p->slots_count++] = (struct slot){ 0 };
		p->free_slot = (uint32_t)p->slots_count;
	}
	uint32_t index = p->free_slot - 1;
	struct slot *s = &p->slots[index];
	uint64_t handle = (uint64_t)(s->generation + 1) << 32 | index;
	struct epoll_event ev = { .events = events, .data.u64 = handle };
	if (epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &ev))
		return 0;
	p->free_slot = s->next_free;
	*s = (struct slot){ .generation = s->generation + 1, .fd = fd, .fn = fn, .arg = arg };
	return handle;
}

void reload_poll_change(struct reload_poll *p, uint64_t handle, unsigned events)
{
	struct slot *s = slot_of(p, handle);
	assert(s);
	struct epoll_event ev = { .events = events, .data.u64 = handle };
	int err = epoll_ctl(p->epoll, EPOLL_CTL_MOD, s->fd, &ev);
	assert(!err);
}

void reload_poll_remove(struct reload_poll *p, uint64_t handle)
{
	if (!handle)
		return;
	struct slot *s = slot_of(p, handle);
	assert(s);
	epoll_ctl(p->epoll, EPOLL_CTL_DEL, s->fd, NULL);
	*s = (struct slot){ .generation = s->generation + 1, .next_free = p->free_slot };
	p->free_slot = (uint32_t)handle + 1;
}

static void on_pause_over(void *arg)
{
	struct reload_poll_pause *pause = arg;
	reload_poll_change(pause->poll, pause->watch, RELOAD_POLL_IN);
}

bool reload_poll_pause(
	struct reload_poll *p, struct reload_poll_pause *pause, uint64_t watch, int err)
{
	if (err != EMFILE && err != ENFILE && err != ENOBUFS && err != ENOMEM)
		return false;
	pause->poll = p;
	pause->watch = watch;
	reload_poll_change(p, watch, 0);
	reload_timer_arm(&p->timers, &pause->timer, reload_poll_now() + RELOAD_POLL_PAUSE_MS,
		on_pause_over, pause);
	return true;
}

void reload_poll_pause_end(struct reload_poll_pause *pause)
{
	if (pause->poll)
		reload_timer_cancel(&pause->poll->timers, &pause->timer);
}

struct reload_timers *reload_poll_timers(struct reload_poll *p)
{
	return &p->timers;
}

void reload_poll_hook_add(struct reload_poll *p, struct reload_poll_hook *hook)
{
	struct reload_poll_hook **at = &p->hooks;
	while (*at && (*at)->order <= hook->order)
		at = &(*at)->next;
	hook->next = *at;
	*at = hook;
}

void reload_poll_hook_remove(struct reload_poll *p, struct reload_poll_hook *hook)
{
	struct reload_poll_hook **at = &p->hooks;
	while (*at && *at != hook)
		at = &(*at)->next;
	if (*at)
		*at = hook->next;
}

static void wake(void *arg)
{
	(void)arg; /* the timer is there to end the sleep */
}

void reload_poll_pass(struct reload_poll *p, reload_ms max_sleep_ms)
{
	struct reload_timer t = { 0 };
	bool ordered = hook_is_due(p); /* by calls since the last pass */
	if (ordered)
		run_hooks(p);
	else if (max_sleep_ms && max_sleep_ms != RELOAD_NEVER)
		reload_timer_arm(&p->timers, &t, reload_poll_now() + max_sleep_ms, wake, NULL);
	p->in_pass = true;
	g_main_context_iteration(g_main_context_get_thread_default(), !ordered && max_sleep_ms);
	p->in_pass = false;
	reload_timer_cancel(&p->timers, &t);
	run_hooks(p);
}
