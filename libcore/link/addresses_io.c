/* A socket of rtnetlink tells that something has changed; what there is now is read anew, as messages of the kernel may be lost. */
#include "link/addresses_io.h"

#include "link/sockaddr_io.h"
#include "util/alloc.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

enum {
	READS = 64 /* messages of one pass */
};

struct reload_addresses_watch {
	struct reload_poll *poll;
	reload_addresses_fn fn;
	void *arg;
	int fd;
	uint64_t handle;
	struct reload_timer timer;
	reload_ms first;    /* of the changes that wait; while the timer is armed */
	reload_ms earliest; /* for the next report */
	struct reload_addresses known;
};

/* -- the set ------------------------------------------------------------------------------------------------------------------ */

static int compare(const void *a, const void *b)
{
	const struct reload_ip_port *x = a, *y = b;
	int order = (x->type > y->type) - (x->type < y->type);
	return order ? order : memcmp(x->addr, y->addr, sizeof(x->addr));
}

bool reload_addresses_have(const struct reload_addresses *set, const struct reload_ip_port *a)
{
	return bsearch(a, set->all, set->count, sizeof(*a), compare);
}

static void add(struct reload_addresses *out, const struct ifaddrs *i)
{
	struct sockaddr_storage at = { 0 };
	struct reload_ip_port a;
	const unsigned usable = IFF_UP | IFF_RUNNING;
	if (!i->ifa_addr || (i->ifa_flags & usable) != usable)
		return;
	if (i->ifa_addr->sa_family == AF_INET)
		memcpy(&at, i->ifa_addr, sizeof(struct sockaddr_in));
	else if (i->ifa_addr->sa_family == AF_INET6)
		memcpy(&at, i->ifa_addr, sizeof(struct sockaddr_in6));
	reload_sockaddr_from(&a, &at);
	a.port = 0;
	if (!a.type || reload_ip_port_is_linklocal(&a) || reload_ip_port_is_loopback(&a))
		return;
	for (size_t k = 0; k < out->count; k++)
		if (!compare(&out->all[k], &a))
			return;
	if (out->count < RELOAD_ADDRESSES_MAX)
		out->all[out->count++] = a;
}

int reload_addresses_read(struct reload_addresses *out)
{
	struct ifaddrs *all;
	memset(out, 0, sizeof(*out));
	if (getifaddrs(&all))
		return -errno;
	for (const struct ifaddrs *i = all; i; i = i->ifa_next)
		add(out, i);
	freeifaddrs(all);
	qsort(out->all, out->count, sizeof(*out->all), compare);
	return 0;
}

/* -- the watch ---------------------------------------------------------------------------------------------------------------- */

static void look_later(struct reload_addresses_watch *w, reload_ms due);

static void on_quiet(void *arg)
{
	struct reload_addresses_watch *w = arg;
	struct reload_addresses now;
	if (reload_addresses_read(&now) < 0) { /* there is no memory or no descriptor now */
		look_later(w, reload_poll_now() + RELOAD_ADDRESSES_APART_MS);
		return;
	}
	if (!memcmp(&now, &w->known, sizeof(now)))
		return;
	w->known = now;
	w->earliest = reload_poll_now() + RELOAD_ADDRESSES_APART_MS;
	w->fn(w->arg, &w->known);
}

static void look_later(struct reload_addresses_watch *w, reload_ms due)
{
	reload_timer_arm(reload_poll_timers(w->poll), &w->timer,
		due > w->earliest ? due : w->earliest, on_quiet, w);
}

static void on_change(void *arg, unsigned events)
{
	(void)events;
	struct reload_addresses_watch *w = arg;
	char unread[8192];
	for (int i = 0; i < READS; i++)
		if (recv(w->fd, unread, sizeof(unread), MSG_DONTWAIT) < 0 && errno != ENOBUFS)
			break;
	reload_ms now = reload_poll_now(), quiet = now + RELOAD_ADDRESSES_QUIET_MS;
	if (!w->timer.armed)
		w->first = now;
	reload_ms last = w->first + RELOAD_ADDRESSES_LONGEST_MS;
	look_later(w, quiet < last ? quiet : last);
}

static int open_socket(void)
{
	struct sockaddr_nl at = { .nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (fd < 0 || !bind(fd, (struct sockaddr *)&at, sizeof(at)))
		return fd < 0 ? -errno : fd;
	int err = -errno;
	close(fd);
	return err;
}

struct reload_addresses_watch *reload_addresses_watch(
	struct reload_poll *poll, reload_addresses_fn fn, void *arg, int *err)
{
	struct reload_addresses_watch *w = RELOAD_NEW(reload_addresses_watch);
	*w = (struct reload_addresses_watch){ .poll = poll, .fn = fn, .arg = arg };
	w->fd = open_socket();
	*err = w->fd < 0 ? w->fd : reload_addresses_read(&w->known);
	if (!*err) {
		w->handle = reload_poll_add(poll, w->fd, RELOAD_POLL_IN, on_change, w);
		*err = w->handle ? 0 : -ENOMEM;
	}
	if (!*err)
		return w;
	reload_addresses_unwatch(w);
	return NULL;
}

void reload_addresses_unwatch(struct reload_addresses_watch *w)
{
	if (!w)
		return;
	reload_timer_cancel(reload_poll_timers(w->poll), &w->timer);
	reload_poll_remove(w->poll, w->handle);
	if (w->fd >= 0)
		close(w->fd);
	free(w);
}

const struct reload_addresses *reload_addresses_known(const struct reload_addresses_watch *w)
{
	return &w->known;
}
