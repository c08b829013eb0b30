/* LD_PRELOAD of tests: time runs FASTER times as fast for a program that waits with poll(); FASTER is from the environment. */
#include <dlfcn.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

static int64_t factor(void)
{
	return strtol(getenv("FASTER"), NULL, 10);
}

int clock_gettime(clockid_t id, struct timespec *t)
{
	int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
	int failed = real(id, t);
	if (!failed && id == CLOCK_MONOTONIC) {
		int64_t ns = (t->tv_sec * INT64_C(1000000000) + t->tv_nsec) * factor();
		t->tv_sec = ns / 1000000000;
		t->tv_nsec = ns % 1000000000;
	}
	return failed;
}

int poll(struct pollfd *fds, nfds_t count, int ms)
{
	int (*real)(struct pollfd *, nfds_t, int) = dlsym(RTLD_NEXT, "poll");
	return real(fds, count, ms > 0 ? (int)((ms + factor() - 1) / factor()) : ms);
}
