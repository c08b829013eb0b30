/* Listening for TLS links. */
#include "link/tls.h"

#include <errno.h>
#include <unistd.h>

static void on_accept(void *arg, unsigned events)
{
	(void)events;
	struct reload_listener *at = arg;
	struct reload_links *links = at->links;
	for (int i = 0; i < RELOAD_LINK_ACCEPTS; i++) {
		struct reload_ip_port peer;
		int fd = reload_socket_accept(at->fd, &peer);
		if (fd == -EAGAIN || reload_poll_pause(links->set.poll, &at->pause, at->watch, -fd))
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
	reload_poll_pause_end(&at->pause);
	reload_poll_remove(links->set.poll, at->watch);
	close(at->fd);
}

void reload_tls_listen_end(struct reload_links *links)
{
	while (links->listeners_count)
		reload_tls_listen_no_more(links);
}
