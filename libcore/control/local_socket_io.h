/* Unix sockets: how the agent and the programs of its user find each other, and nobody else. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include <sys/un.h>

/* reload_local_address() makes the address of path; false, and ENAMETOOLONG in errno: it has no room for it. */
bool reload_local_address(struct sockaddr_un *out, const char *path);

/*
 * A socket carries a stream, or packets that stay apart (SOCK_SEQPACKET); both ends of one have to say the same.
 *
 * reload_local_listen() returns a socket that listens at path, where no file may be, closed on exec and never blocking; a negative errno.  It is accessible to this user
 * alone (mode 0600) from the moment it exists.  Not for a process with other threads that make files: the umask is theirs as well.
 */
int reload_local_listen(const char *path, int backlog, bool packets);

/* reload_local_share() gives a socket, or a directory of sockets, at path to a group, with that mode; false: errno says why. */
bool reload_local_share(const char *path, gid_t group, mode_t mode);

/* reload_local_connect() returns a socket that is connected to path, closed on exec; a negative errno. */
int reload_local_connect(const char *path, bool packets);
