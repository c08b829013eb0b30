/* The control sockets of an agent: INSTANCE.sock for everything, INSTANCE-ro.sock for methods that only read. */
#pragma once

#include "control/session.h"
#include "link/poll_io.h"

#include <sys/types.h>

struct reload_server;

/* Where a server listens, and whom it serves. */
struct reload_server_setup {
	const char *path, *read_only_path; /* NULL: no such socket */
	/*
	 * sockets that listen there already, as a service manager passes them; taken, also on failure; 0: none, the server makes its own.
	 * Who may use one is what the mode of its file says to the group of the file.
	 */
	int passed, read_only_passed;
	gid_t group; /* its members are served on own sockets, which then have mode 0660; 0: none */
};

enum {
	RELOAD_SERVER_CLIENTS_MAX =
		64 /* connections at a time; further ones get an error and are closed */
};

/*
 * reload_server_new() listens on the sockets of setup, its own with mode 0600 unless there is a group; directories are made as needed.
 * A socket that a dead agent left behind is replaced.  RELOAD_EXISTS when a running agent holds the lock beside the
 * socket, RELOAD_IO for other failures.  service is borrowed.  Only processes of the same user, of root and of the group are served.  A
 * socket that is removed or replaced while it is served is made again within 1 s, with its lock and directories; connections stay.
 */
enum reload_err reload_server_new(struct reload_server **out, struct reload_poll *poll,
	const struct reload_rpc_service *service, const struct reload_server_setup *setup,
	struct reload_error_text *why) MUST_CHECK;

/* reload_server_group() returns the group whose members the socket of everything serves, 0 for none. */
gid_t reload_server_group(const struct reload_server *server);

/* reload_server_adopt() serves a connected stream socket (taken). */
void reload_server_adopt(struct reload_server *server, int fd, bool read_only);

/*
 * reload_server_permits() returns whether the process at the other end of a connected Unix socket is of the same user, of root, or of
 * the group (0: none).
 */
bool reload_server_permits(int fd, gid_t group);

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
