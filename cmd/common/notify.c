#include "common/notify.h"

#include "control/local_socket_io.h"
#include "util/alloc.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct cli_notify {
	int fd;
	struct sockaddr_un to;
	socklen_t to_len;
	reload_ms watchdog; /* 0: none */
	reload_ms next;     /* feed of it */
};

/* WATCHDOG_USEC counts for this process alone, when WATCHDOG_PID says so. */
static reload_ms watchdog_ms(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	unsigned long long us = usec ? strtoull(usec, NULL, 10) : 0;
	if (pid && strtol(pid, NULL, 10) != (long)getpid())
		return 0;
	return us / 1000;
}

static bool address_of(struct cli_notify *n, const char *path)
{
	if ((path[0] != '/' && path[0] != '@') || !path[1] || !reload_local_address(&n->to, path))
		return false;
	n->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	if (path[0] == '@')
		n->to.sun_path[0] = 0;
	return true;
}

struct cli_notify *cli_notify_open(const char **bad)
{
	const char *path = getenv("NOTIFY_SOCKET");
	*bad = NULL;
	if (!path || !*path)
		return NULL;
	struct cli_notify *n = RELOAD_NEW(cli_notify);
	n->watchdog = watchdog_ms();
	n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (n->fd >= 0 && address_of(n, path))
		return n;
	cli_notify_close(n);
	*bad = path;
	return NULL;
}

void cli_notify_close(struct cli_notify *n)
{
	if (n && n->fd >= 0)
		close(n->fd);
	free(n);
}

bool cli_notify_send(struct cli_notify *n, const char *text)
{
	return !n || sendto(n->fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL,
			     (struct sockaddr *)&n->to, n->to_len) >= 0;
}

reload_ms cli_notify_feed(struct cli_notify *n, reload_ms now)
{
	if (!n || !n->watchdog)
		return RELOAD_NEVER;
	if (now >= n->next) {
		(void)cli_notify_send(n, "WATCHDOG=1");
		n->next = now + n->watchdog / 3 + 1;
	}
	return n->next - now;
}
