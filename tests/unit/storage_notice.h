/* Waits for the writing thread of a store: notice_tell() is the notify of its set-up. */
#pragma once

#include "storage/sqlite_io.h"

#include <poll.h>
#include <stdbool.h>
#include <sys/eventfd.h>

static int notice_fd = -1;

static inline int notice_begin(void)
{
	if (notice_fd < 0)
		notice_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return notice_fd;
}

static inline void notice_tell(void *arg)
{
	(void)arg;
	(void)!eventfd_write(notice_fd, 1);
}

/* Settles what the thread has finished once it has finished something; false: it did not within 30 s. */
static inline bool notice_settle(struct reload_storage *s)
{
	struct pollfd p = { .fd = notice_fd, .events = POLLIN };
	eventfd_t count;
	bool came = poll(&p, 1, 30000) == 1 && !eventfd_read(notice_fd, &count);
	reload_storage_sqlite_complete(s);
	return came;
}
