#include "control/local_socket_io.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

bool reload_local_address(struct sockaddr_un *out, const char *path)
{
	size_t len = strlen(path);
	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	errno = ENAMETOOLONG;
	if (len >= sizeof(out->sun_path))
		return false;
	memcpy(out->sun_path, path, len + 1);
	return true;
}

static int failed(int fd)
{
	int err = errno;
	if (fd >= 0)
		close(fd);
	return -err;
}

static int type_of(bool packets)
{
	return packets ? SOCK_SEQPACKET : SOCK_STREAM;
}

int reload_local_listen(const char *path, int backlog, bool packets)
{
	struct sockaddr_un addr;
	if (!reload_local_address(&addr, path))
		return -errno;
	int fd = socket(AF_UNIX, type_of(packets) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return failed(fd);
	mode_t before = umask(0177);
	int bound = bind(fd, (struct sockaddr *)&addr, sizeof(addr));
	umask(before); /* leaves errno as it is */
	return bound || listen(fd, backlog) ? failed(fd) : fd;
}

bool reload_local_share(const char *path, gid_t group, mode_t mode)
{
	struct stat st;
	/* a new file mostly has the group already; the service of the system must not call chown() */
	return !stat(path, &st) && (st.st_gid == group || !chown(path, (uid_t)-1, group)) &&
	       !chmod(path, mode);
}

int reload_local_connect(const char *path, bool packets)
{
	struct sockaddr_un addr;
	if (!reload_local_address(&addr, path))
		return -errno;
	int fd = socket(AF_UNIX, type_of(packets) | SOCK_CLOEXEC, 0);
	return fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) ? failed(fd) : fd;
}
