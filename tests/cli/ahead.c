/*
 * LD_PRELOAD of tests: the wall clock is AHEAD seconds ahead; AHEAD is from the environment and may be negative, or the path of a file with
 * the number, which can change while the program runs.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static long seconds_ahead(void)
{
	char number[32] = "0";
	const char *ahead = getenv("AHEAD");
	if (*ahead != '/')
		return strtol(ahead, NULL, 10);
	int fd = open(ahead, O_RDONLY | O_CLOEXEC);
	(void)!read(fd, number, sizeof(number) - 1);
	close(fd);
	return strtol(number, NULL, 10);
}

int clock_gettime(clockid_t id, struct timespec *t)
{
	int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
	int failed = real(id, t);
	if (!failed && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		t->tv_sec += seconds_ahead();
	return failed;
}

time_t time(time_t *out)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return out ? *out = t.tv_sec : t.tv_sec;
}
