#include "signals.h"

#include "util/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct agent_signals {
	int ends[2]; /* the ends of a pipe: the loop reads, the thread writes */
	sigset_t set;
	atomic_bool leaving;
};

static uint64_t clock_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Waits for the next signal, at most wait_ms (RELOAD_NEVER: without limit); 0: none came. */
static int signal_next(const sigset_t *set, uint64_t wait_ms)
{
	struct timespec t = { .tv_sec = (time_t)(wait_ms / 1000),
		.tv_nsec = (long)(wait_ms % 1000) * 1000000 };
	int n = wait_ms == RELOAD_NEVER ? sigwaitinfo(set, NULL) : sigtimedwait(set, NULL, &t);
	return n > 0 ? n : 0;
}

static void *take(void *arg)
{
	struct agent_signals *s = arg;
	uint64_t end = RELOAD_NEVER;
	for (;;) {
		uint64_t now = clock_ms();
		if (now >= end) /* acknowledged values are on the disk already */
			_exit(atomic_load(&s->leaving) ? 0 : 128 + SIGTERM);
		int signal = signal_next(&s->set, end == RELOAD_NEVER ? end : end - now);
		unsigned char byte = (unsigned char)signal;
		if (!signal)
			continue;
		if (signal != SIGHUP && end == RELOAD_NEVER)
			end = clock_ms() + AGENT_END_MS;
		if (write(s->ends[1], &byte, 1) != 1)
			continue; /* the pipe is full: the loop has enough signals to read */
	}
	return NULL;
}

static enum reload_err failed(int code, struct reload_error_text *why)
{
	reload_error_explain(why, RELOAD_IO, "signals cannot be received", "%s", strerror(code));
	reload_error_advise(
		why, "ulimit -n; ulimit -u: the process may have too few descriptors or threads");
	return RELOAD_IO;
}

enum reload_err agent_signals_new(struct agent_signals **out, struct reload_error_text *why)
{
	struct agent_signals *s = RELOAD_NEW(agent_signals);
	pthread_t thread;
	sigemptyset(&s->set);
	sigaddset(&s->set, SIGTERM);
	sigaddset(&s->set, SIGINT);
	sigaddset(&s->set, SIGHUP);
	if (pipe2(s->ends, O_NONBLOCK | O_CLOEXEC)) {
		int err = errno;
		free(s);
		return failed(err, why);
	}
	pthread_sigmask(SIG_BLOCK, &s->set, NULL);
	int err = pthread_create(&thread, NULL, take, s);
	if (err) {
		close(s->ends[0]);
		close(s->ends[1]);
		free(s);
		return failed(err, why);
	}
	pthread_detach(thread);
	*out = s;
	return RELOAD_OK;
}

int agent_signals_fd(const struct agent_signals *s)
{
	return s->ends[0];
}

void agent_signals_leaving(struct agent_signals *s)
{
	atomic_store(&s->leaving, true);
}
