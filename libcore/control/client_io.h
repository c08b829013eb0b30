/* Connecting a client to the control socket of an agent. */
#pragma once

#include "control/client.h"

#include <sys/types.h>

/*
 * reload_client_connect() connects to the socket at path until deadline (monotonic ms).  agent is how the option -a names the
 * agent, for advice; NULL: the path.  stop_fd, unless -1, ends all
 * waiting with RELOAD_CANCELLED as soon as it is readable (a signalfd).  RELOAD_NO_AGENT when nobody listens there,
 * RELOAD_NO_PERMISSION, RELOAD_TIMEOUT; why is filled.
 */
enum reload_err reload_client_connect(struct reload_client **out, const char *path,
	const char *agent, reload_ms deadline, int stop_fd,
	struct reload_error_text *why) MUST_CHECK;

/*
 * reload_client_open() connects in the same way, for a caller that waits for other things as well: io is what reload_client_new() takes, io->agent is
 * borrowed, and reload_client_io_fd() the descriptor from which its receive() reads.
 */
enum reload_err reload_client_open(struct reload_client_io *io, const char *path, const char *agent,
	reload_ms deadline, int stop_fd, struct reload_error_text *why) MUST_CHECK;
int reload_client_io_fd(const struct reload_client_io *io);

/*
 * reload_client_pid() connects as reload_client_connect() does and sets *pid to the process that listens.  It sends nothing,
 * so that it works as long as the socket is there.  *pid is 0 when this process may not see the other (another PID namespace).
 */
enum reload_err reload_client_pid(pid_t *pid, const char *path, const char *agent,
	reload_ms deadline, int stop_fd, struct reload_error_text *why) MUST_CHECK;
