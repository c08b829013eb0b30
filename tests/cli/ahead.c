/* LD_PRELOAD of tests: the wall clock is AHEAD seconds ahead; AHEAD is from the environment and may be negative. */
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t id, struct timespec *t)
{
	int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
	int failed = real(id, t);
	if (!failed && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		t->tv_sec += strtol(getenv("AHEAD"), NULL, 10);
	return failed;
}

time_t time(time_t *out)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return out ? *out = t.tv_sec : t.tv_sec;
}
