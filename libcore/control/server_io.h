/* The control sockets of an agent: INSTANCE.sock for everything, INSTANCE-ro.sock for methods that only read. */
#pragma once

#include "control/session.h"
#include "link/poll_io.h"

struct reload_server;

enum {
	RELOAD_SERVER_CLIENTS_MAX =
		64 /* connections at a time; further ones get an error and are closed */
};

/*
 * reload_server_new() listens on path (mode 0600) and, unless NULL, on read_only_path; directories are made as needed.
 * A socket that a dead agent left behind is replaced.  RELOAD_EXISTS when a running agent holds the lock beside the
 * socket, RELOAD_IO for other failures.  service is borrowed.  Only processes of the same user and of root are served.  A socket that is
 * removed or replaced while it is served is made again within 1 s, with its lock and directories; connections stay.
 */
enum reload_err reload_server_new(struct reload_server **out, struct reload_poll *poll,
	const struct reload_rpc_service *service, const char *path, const char *read_only_path,
	struct reload_error_text *why) MUST_CHECK;

/* reload_server_adopt() serves a connected stream socket (taken). */
void reload_server_adopt(struct reload_server *server, int fd, bool read_only);

/* reload_server_permits() returns whether the process at the other end of a connected Unix socket is of the same user, or of root. */
bool reload_server_permits(int fd);

/* reload_server_clients() returns the number of connections. */
size_t reload_server_clients(const struct reload_server *server);

/* reload_server_flush() tries once to send all output that is waiting; call it before reload_server_hang_up(). */
void reload_server_flush(struct reload_server *server);

/*
 * reload_server_hang_up() cancels all requests and closes all connections.  The sockets stay until reload_server_free():
 * programs can still connect, but wait there for an answer that does not come, until their connection is lost.
 */
void reload_server_hang_up(struct reload_server *server);

/* reload_server_free() does what reload_server_hang_up() does and removes the sockets. */
void reload_server_free(struct reload_server *server);
AUTO_DEFINE(reload_server)
