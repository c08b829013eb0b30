/* Writing to a path that the user named; it may be a device or a pipe. */
#include "common/files.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	RETRY_MS = 20
};

static enum reload_err failed(struct reload_error_text *why, const char *path, int code)
{
	char what[256];
	snprintf(what, sizeof(what), "%s cannot be written", path);
	if (code == ETIMEDOUT) {
		reload_error_explain(why, RELOAD_TIMEOUT, what, "nobody reads it");
		reload_error_advise(why, "start its reader: cat %s", path);
		return RELOAD_TIMEOUT;
	}
	reload_error_explain(why, RELOAD_IO, what, "%s", strerror(code));
	reload_error_advise(why, "ls -ld %s, or another place", path);
	return RELOAD_IO;
}

/* A pipe without a reader cannot be opened yet. */
static int open_stream(const char *path, reload_ms deadline)
{
	int fd;
	while ((fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)) < 0 &&
		(errno == ENXIO || errno == EINTR)) {
		if (cli_monotonic() >= deadline) {
			errno = ETIMEDOUT;
			return -1;
		}
		nanosleep(&(struct timespec){ 0, RETRY_MS * 1000000 }, NULL);
	}
	return fd;
}

static enum reload_err write_stream(
	const char *path, struct span bytes, reload_ms deadline, struct reload_error_text *why)
{
	int fd = open_stream(path, deadline), code = fd < 0 ? errno : 0;
	for (size_t done = 0; !code && done < bytes.len;) {
		ssize_t n = -1;
		if (!cli_fd_ready(fd, POLLOUT, deadline))
			code = ETIMEDOUT;
		else if ((n = write(fd, bytes.at + done, bytes.len - done)) >= 0)
			done += (size_t)n;
		else if (errno != EINTR && errno != EAGAIN)
			code = errno;
	}
	if (fd >= 0 && close(fd) && !code)
		code = errno;
	return code ? failed(why, path, code) : RELOAD_OK;
}

enum reload_err cli_file_write(
	const char *path, struct span bytes, reload_ms deadline, struct reload_error_text *why)
{
	struct stat st;
	bool there = !stat(path, &st);
	if (there && !S_ISREG(st.st_mode))
		return write_stream(path, bytes, deadline, why);
	mode_t mask = umask(0);
	(void)umask(mask);
	char *real = there ? realpath(path, NULL) : NULL;
	AUTO(cli_files) files = cli_files_new();
	cli_files_put(files, real ? real : path, there ? st.st_mode & 07777 : 0666 & ~mask, bytes);
	free(real);
	return cli_files_commit(files, why);
}
