#include "common/passed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	FIRST_FD = 3
};

static enum reload_err refused(struct reload_error_text *why, const char *what, int fd)
{
	char text[96];
	snprintf(text, sizeof(text), "socket %d of the service manager cannot be used", fd);
	reload_error_explain(why, RELOAD_USAGE, text, "%s", what);
	reload_error_advise(why, "ListenStream= of the .socket unit names the control sockets of "
				 "this instance alone");
	return RELOAD_USAGE;
}

/* How many descriptors were passed to this process; -1: LISTEN_FDS is no number. */
static long passed_count(void)
{
	const char *pid = getenv("LISTEN_PID"), *text = getenv("LISTEN_FDS");
	char *end;
	if (!text || !pid || strtol(pid, NULL, 10) != (long)getpid())
		return 0;
	errno = 0;
	long n = strtol(text, &end, 10);
	return *end || !*text || n < 0 || errno ? -1 : n;
}

static enum reload_err match(
	int fd, int *fds, const char *const *paths, size_t count, struct reload_error_text *why)
{
	struct sockaddr_un at = { 0 };
	socklen_t len = sizeof(at), option_len = sizeof(int);
	int listening = 0, type = 0;
	char what[320];
	if (getsockname(fd, (struct sockaddr *)&at, &len) || at.sun_family != AF_UNIX)
		return refused(why, "it is no Unix socket", fd);
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &option_len) || !listening ||
		getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &option_len) || type != SOCK_STREAM)
		return refused(why, "it is no stream socket that listens", fd);
	for (size_t i = 0; i < count; i++)
		if (!fds[i] && !strncmp(at.sun_path, paths[i], sizeof(at.sun_path))) {
			fcntl(fd, F_SETFD, FD_CLOEXEC);
			fds[i] = fd;
			return RELOAD_OK;
		}
	snprintf(what, sizeof(what), "it listens at %.107s, and the control socket is %.107s",
		at.sun_path, paths[0]);
	return refused(why, what, fd);
}

enum reload_err cli_passed_sockets(
	int *fds, const char *const *paths, size_t count, struct reload_error_text *why)
{
	long n = passed_count();
	enum reload_err err = RELOAD_OK;
	memset(fds, 0, count * sizeof(*fds));
	if (n < 0 || n > (long)count) {
		err = reload_error_explain(why, RELOAD_USAGE,
			"the sockets of the service manager cannot be used",
			"LISTEN_FDS=%.20s, and at most %zu are expected", getenv("LISTEN_FDS"),
			count);
		reload_error_advise(why,
			"ListenStream= of the .socket unit names the control sockets of "
			"this instance alone");
	}
	for (int i = 0; !err && i < n; i++)
		err = match(FIRST_FD + i, fds, paths, count, why);
	/* not for what this program starts */
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return err;
}
