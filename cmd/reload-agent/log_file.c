#include "log_file.h"

#include "common/output.h"
#include "util/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Standard error is shared with others, so it is not made non-blocking: poll() is asked before each write.  A pipe that is ready takes
 * at least PIPE_BUF (4096) bytes, more than a line has.
 */

static enum reload_err file_open(int *fd, const char *path, struct reload_error_text *why)
{
	struct stat st;
	char what[256];
	/* opening a FIFO only for writing fails while nobody reads it; opened for both, it waits for its reader */
	bool fifo = stat(path, &st) == 0 && S_ISFIFO(st.st_mode);
	*fd = open(path,
		(fifo ? O_RDWR : O_WRONLY | O_CREAT | O_APPEND) | O_NONBLOCK | O_CLOEXEC | O_NOCTTY,
		0644);
	if (*fd >= 0)
		return RELOAD_OK;
	int err = errno;
	snprintf(what, sizeof(what), "cannot write the log to %.200s", path);
	reload_error_explain(why, RELOAD_IO, what, "%s", strerror(err));
	reload_error_advise(why, "--log-to FILE with another place, or --log-to stderr");
	return RELOAD_IO;
}

enum reload_err agent_log_file_open(
	struct agent_log_file *f, const char *path, struct reload_error_text *why)
{
	*f = (struct agent_log_file){ .fd = STDERR_FILENO };
	if (!path)
		return RELOAD_OK;
	enum reload_err err = file_open(&f->fd, path, why);
	if (!err)
		f->path = reload_strdup(path);
	return err;
}

enum reload_err agent_log_file_reopen(struct agent_log_file *f, struct reload_error_text *why)
{
	int fd;
	if (!f->path)
		return RELOAD_OK;
	enum reload_err err = file_open(&fd, f->path, why);
	if (err)
		return err;
	close(f->fd);
	f->fd = fd;
	f->cut = false;
	return RELOAD_OK;
}

void agent_log_file_close(struct agent_log_file *f)
{
	if (f->path)
		close(f->fd);
	free(f->path);
	f->path = NULL;
	f->fd = -1;
}

/* Writes text if that needs no waiting; true when all of it was written. */
static bool write_now(struct agent_log_file *f, const char *text, size_t len)
{
	struct pollfd ready = { .fd = f->fd, .events = POLLOUT };
	if (poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT))
		return false;
	ssize_t n = write(f->fd, text, len);
	f->cut = n > 0 && (size_t)n < len;
	return n == (ssize_t)len;
}

void agent_log_file_write(struct agent_log_file *f, const char *line, size_t len)
{
	char text[128];
	if (f->cut && !write_now(f, "\n", 1)) {
		f->dropped++;
		return;
	}
	if (f->dropped) {
		int n = snprintf(text, sizeof(text),
			"%" PRIu64 " line%s of the log could not be written\n", f->dropped,
			cli_plural((long long)f->dropped));
		if (write_now(f, text, (size_t)n))
			f->dropped = 0;
	}
	if (!write_now(f, line, len))
		f->dropped++;
}
