/* Sockets that a service manager has opened for this program: the protocol of sd_listen_fds(3). */
#pragma once

#include "util/err.h"

#include <stddef.h>

/*
 * cli_passed_sockets() finds among the descriptors that LISTEN_FDS promises those that listen as Unix stream sockets at one of the
 * paths: fds[i] belongs to paths[i] and is 0 when none was passed.  The caller owns them; they are closed on exec.  Without LISTEN_FDS, or when it is
 * meant for another process (LISTEN_PID), there are none.  RELOAD_USAGE with why: a descriptor is something else, or
 * there are more than the paths; the descriptors stay open then.  Both variables are removed from the environment.
 */
enum reload_err cli_passed_sockets(
	int *fds, const char *const *paths, size_t count, struct reload_error_text *why) MUST_CHECK;
