/* Listening for TLS links. */
#include "link/tls.h"

#include <errno.h>
#include <unistd.h>

enum {
	NO_DESCRIPTORS_MS = 100
};

static void on_pause_over(void *arg)
{
	struct reload_listener *at = arg;
	reload_poll_change(at->links->set.poll, at->watch, RELOAD_POLL_IN);
}

static void on_accept(void *arg, unsigned events)
{
	(void)events;
	struct reload_listener *at = arg;
	struct reload_links *links = at->links;
	for (int i = 0; i < RELOAD_LINK_ACCEPTS; i++) {
		struct reload_ip_port peer;
		int fd = reload_socket_accept(at->fd, &peer);
		if (fd == -EMFILE || fd == -ENFILE || fd == -ENOBUFS || fd == -ENOMEM) {
			/* the connection stays in the backlog and would wake us at once */
			reload_poll_change(links->set.poll, at->watch, 0);
			reload_timer_arm(links->timers, &at->pause,
				reload_poll_now() + NO_DESCRIPTORS_MS, on_pause_over, at);
			return;
		}
		if (fd == -EAGAIN)
			return;
		if (fd < 0)
			continue; /* that connection is gone already */
		if (links->counters.links >= links->set.max_links) {
			links->counters.refused++;
			close(fd);
			continue;
		}
		if (links->counters.half_open >= links->set.max_half_open)
			reload_secure_link_make_room(links, &peer);
		reload_tls_link_accepted(links, fd, &peer);
	}
}

int reload_tls_listen(struct reload_links *links, struct reload_ip_port *addr)
{
	struct reload_listener *at = &links->listeners[links->listeners_count];
	int fd = reload_socket_listen(addr, &addr->port);
	if (fd < 0)
		return fd;
	*at = (struct reload_listener){ .links = links, .fd = fd };
	at->watch = reload_poll_add(links->set.poll, fd, RELOAD_POLL_IN, on_accept, at);
	if (!at->watch) {
		int err = errno;
		close(fd);
		return -err;
	}
	links->listeners_count++;
	return 0;
}

void reload_tls_listen_no_more(struct reload_links *links)
{
	struct reload_listener *at = &links->listeners[--links->listeners_count];
	reload_timer_cancel(links->timers, &at->pause);
	reload_poll_remove(links->set.poll, at->watch);
	close(at->fd);
}

void reload_tls_listen_end(struct reload_links *links)
{
	while (links->listeners_count)
		reload_tls_listen_no_more(links);
}
