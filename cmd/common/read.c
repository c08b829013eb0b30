/* Reading a whole file with a limit on its size and on the time it takes. */
#include "common/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	CHUNK = 16384
};

static enum reload_err failed(
	struct reload_error_text *why, enum reload_err err, const char *path, const char *cause)
{
	char what[256];
	snprintf(what, sizeof(what), "%s cannot be read",
		strcmp(path, "-") ? path : "standard input");
	reload_error_explain(why, err, what, "%s", cause);
	if (err == RELOAD_TIMEOUT)
		reload_error_advise(why, "a longer --timeout");
	else if (strcmp(path, "-"))
		reload_error_advise(why, "ls -l %s", path);
	return err;
}

bool cli_fd_ready(int fd, short events, reload_ms deadline)
{
	for (;;) {
		reload_ms now = cli_monotonic();
		int wait = -1;
		if (deadline != RELOAD_NEVER)
			wait = now >= deadline            ? 0
			       : deadline - now < INT_MAX ? (int)(deadline - now)
							  : INT_MAX;
		int n = poll(&(struct pollfd){ .fd = fd, .events = events }, 1, wait);
		if (n > 0 || (n < 0 && errno != EINTR))
			return true; /* read() or write() returns the error */
		if (n == 0)
			return false;
	}
}

static enum reload_err read_all(uint8_t **out, size_t *len, int fd, const char *path, size_t max,
	reload_ms deadline, struct reload_error_text *why)
{
	uint8_t *bytes = NULL;
	size_t used = 0;
	for (;;) {
		bytes = reload_realloc(bytes, used + CHUNK + 1);
		if (!cli_fd_ready(fd, POLLIN, deadline)) {
			free(bytes);
			return failed(why, RELOAD_TIMEOUT, path, "no bytes came in time");
		}
		ssize_t n = read(fd, bytes + used, CHUNK);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0) {
			int code = errno;
			free(bytes);
			return failed(why, RELOAD_IO, path, strerror(code));
		}
		if (!n)
			break;
		used += (size_t)n;
		if (used > max) {
			free(bytes);
			char cause[64];
			snprintf(cause, sizeof(cause), "it has more than %zu bytes", max);
			return failed(why, RELOAD_LIMIT, path, cause);
		}
	}
	bytes[used] = 0;
	*out = bytes;
	*len = used;
	return RELOAD_OK;
}

enum reload_err cli_file_read(uint8_t **out, size_t *len, const char *path, size_t max,
	reload_ms deadline, struct reload_error_text *why)
{
	struct stat st;
	int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
				   : dup(STDIN_FILENO);
	if (fd < 0)
		return failed(why, RELOAD_IO, path, strerror(errno));
	enum reload_err err;
	if (!fstat(fd, &st) && S_ISDIR(st.st_mode))
		err = failed(why, RELOAD_IO, path, "it is a directory");
	else if ((fcntl(fd, F_GETFL) & O_ACCMODE) ==
		 O_WRONLY) /* open_std() of main.c took its place */
		err = failed(why, RELOAD_IO, path, "it is closed");
	else
		err = read_all(out, len, fd, path, max, deadline, why);
	close(fd);
	return err;
}
