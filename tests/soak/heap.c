/*
 * Loaded before libc (LD_PRELOAD): writes twice a second how many bytes this process has allocated to $SOAK_HEAP/PID, 8 bytes
 * in the order of this machine, where tests/soak/memory reads them.  Freed memory that libc keeps does not count.
 */
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
	HALF_A_SECOND_NS = 500000000
};

static int ticks;

static void *look(void *arg)
{
	_Atomic uint64_t *live = arg;
	uint64_t expired;
	do {
		struct mallinfo2 m = mallinfo2();
		*live = m.uordblks + m.hblkhd;
	} while (read(ticks, &expired, sizeof(expired)) == sizeof(expired));
	return NULL;
}

__attribute__((constructor)) static void begin(void)
{
	const char *dir = getenv("SOAK_HEAP");
	char path[4096];
	pthread_t thread;
	sigset_t all, before;
	if (!dir)
		return;
	snprintf(path, sizeof(path), "%s/%d", dir, (int)getpid());
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof(uint64_t)))
		return;
	void *at = mmap(NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	ticks = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (ticks < 0 || timerfd_settime(ticks, 0,
				 &(struct itimerspec){ .it_interval.tv_nsec = HALF_A_SECOND_NS,
					 .it_value.tv_nsec = HALF_A_SECOND_NS },
				 NULL))
		return;
	sigfillset(&all); /* the process's signals are for its own threads */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (at != MAP_FAILED)
		pthread_create(&thread, NULL, look, at);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}
