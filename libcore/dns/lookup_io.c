#include "dns/lookup_io.h"

#include "dns/channel_io.h"
#include "util/alloc.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>

/*
 * A lookup has a c-ares channel of its own: c-ares 1.18 reads /etc/resolv.conf once for each channel.
 *
 *   asking -> (answered: done) -> reported and freed
 *      +----> (RELOAD_DNS_LIMIT_MS: done) -^
 *
 * c-ares may answer from inside ares_getaddrinfo() and must not lose its channel in its own callback, so an answer only fills
 * the lookup and arms a timer that is due at once; the timer reports it.
 */

enum {
	ATTEMPT_MS = 2000
};

struct reload_dns_lookup {
	struct reload_poll *poll;
	struct reload_dns_channel channel;
	struct reload_timer limit;
	reload_dns_fn fn;
	void *arg;
	uint16_t port;
	bool done;
	struct reload_ip_port addrs[RELOAD_DNS_ADDRESSES];
	size_t count;
	const char *reason;
};

static void lookup_free(struct reload_dns_lookup *l)
{
	struct reload_timers *timers = reload_poll_timers(l->poll);
	l->done = true;
	reload_dns_channel_close(&l->channel);
	reload_timer_cancel(timers, &l->limit);
	free(l);
}

void reload_dns_cancel(struct reload_dns_lookup *l)
{
	if (l)
		lookup_free(l);
}

static void report(void *arg)
{
	struct reload_dns_lookup *l = arg;
	struct reload_ip_port addrs[RELOAD_DNS_ADDRESSES];
	size_t count = l->count;
	const char *reason = l->count ? NULL : l->reason;
	reload_dns_fn fn = l->fn;
	void *to = l->arg;
	memcpy(addrs, l->addrs, sizeof(addrs));
	lookup_free(l);
	fn(to, addrs, count, reason);
}

static void finish(struct reload_dns_lookup *l, const char *reason)
{
	if (l->done)
		return;
	l->done = true;
	l->reason = reason;
	reload_timer_arm(reload_poll_timers(l->poll), &l->limit, reload_poll_now(), report, l);
}

static void limit_over(void *arg)
{
	finish(arg, "no name server answered in time");
}

static void answered(void *arg, int status, int timeouts, struct ares_addrinfo *result)
{
	struct reload_dns_lookup *l = arg;
	(void)timeouts;
	if (!l->done && status == ARES_SUCCESS) /* done: the channel is being destroyed */
		l->count = reload_dns_addresses(l->addrs, l->port, result);
	ares_freeaddrinfo(result);
	finish(l, status == ARES_SUCCESS ? "the host name has no address"
					 : reload_dns_reason(status));
}

struct reload_dns_lookup *reload_dns_lookup(
	struct reload_poll *poll, const char *host, uint16_t port, reload_dns_fn fn, void *arg)
{
	struct reload_dns_lookup *l = RELOAD_NEW(reload_dns_lookup);
	struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	*l = (struct reload_dns_lookup){ .poll = poll, .port = port, .fn = fn, .arg = arg };
	reload_timer_arm(reload_poll_timers(poll), &l->limit,
		reload_poll_now() + RELOAD_DNS_LIMIT_MS, limit_over, l);
	int status = reload_dns_channel_open(&l->channel, poll, ATTEMPT_MS, false);
	if (status != ARES_SUCCESS) {
		finish(l, ares_strerror(status));
		return l;
	}
	ares_getaddrinfo(l->channel.ares, host, NULL, &hints, answered, l);
	reload_dns_channel_asked(&l->channel);
	return l;
}
