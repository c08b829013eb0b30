#include "dns/lookup_io.h"

#include "util/alloc.h"

#include <ares.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

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
	ATTEMPT_MS = 2000, /* c-ares' own default of 5 s x 4 would outlast the limit */
	ATTEMPTS = 2,
	SOCKETS_MAX = ARES_GETSOCK_MAXNUM
};

struct watch {
	struct reload_dns_lookup *lookup;
	int fd;
	uint64_t handle; /* 0: the place is free */
};

struct reload_dns_lookup {
	struct reload_poll *poll;
	ares_channel channel;
	struct watch watches[SOCKETS_MAX];
	struct reload_timer retry, limit;
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
	if (l->channel)
		ares_destroy(l->channel); /* ends its sockets through on_socket() */
	reload_timer_cancel(timers, &l->retry);
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

static const char *reason_of(int status)
{
	switch (status) {
	case ARES_ENOTFOUND:
	case ARES_EBADNAME:
		return "no such host name";
	case ARES_ENODATA:
		return "the host name has no address";
	case ARES_ETIMEOUT:
	case ARES_ECONNREFUSED:
		return "no name server answers";
	case ARES_ESERVFAIL:
		return "the name server failed";
	case ARES_EREFUSED:
		return "the name server refused the question";
	default:
		return ares_strerror(status); /* static text */
	}
}

static void address_add(struct reload_dns_lookup *l, const struct sockaddr *a)
{
	struct reload_ip_port *to = &l->addrs[l->count];
	*to = (struct reload_ip_port){ .port = l->port };
	if (a->sa_family == AF_INET) {
		to->type = RELOAD_IPV4;
		memcpy(to->addr, &((const struct sockaddr_in *)a)->sin_addr, 4);
	} else {
		to->type = RELOAD_IPV6;
		memcpy(to->addr, &((const struct sockaddr_in6 *)a)->sin6_addr, 16);
	}
	l->count++;
}

static void answered(void *arg, int status, int timeouts, struct ares_addrinfo *result)
{
	struct reload_dns_lookup *l = arg;
	(void)timeouts;
	if (!l->done && status == ARES_SUCCESS) /* done: the channel is being destroyed */
		for (struct ares_addrinfo_node *n = result->nodes;
			n && l->count < RELOAD_DNS_ADDRESSES; n = n->ai_next)
			if (n->ai_family == AF_INET || n->ai_family == AF_INET6)
				address_add(l, n->ai_addr);
	ares_freeaddrinfo(result);
	finish(l, status == ARES_SUCCESS ? "the host name has no address" : reason_of(status));
}

/* -- c-ares on the loop -------------------------------------------------------------------------------------------------- */

static void retry_arm(struct reload_dns_lookup *l);

static void process(struct reload_dns_lookup *l, ares_socket_t in, ares_socket_t out)
{
	ares_process_fd(l->channel, in, out);
	retry_arm(l);
}

static void retry(void *arg)
{
	process(arg, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static void retry_arm(struct reload_dns_lookup *l)
{
	struct reload_timers *timers = reload_poll_timers(l->poll);
	struct timeval wait;
	if (l->done || !ares_timeout(l->channel, NULL, &wait)) {
		reload_timer_cancel(timers, &l->retry);
		return;
	}
	reload_ms ms = (reload_ms)wait.tv_sec * RELOAD_SECOND + (reload_ms)wait.tv_usec / 1000;
	reload_timer_arm(timers, &l->retry, reload_poll_now() + ms + 1, retry, l);
}

static void on_ready(void *arg, unsigned events)
{
	struct watch *w = arg;
	bool broken = events & (RELOAD_POLL_ERROR | RELOAD_POLL_HANGUP);
	process(w->lookup, events & RELOAD_POLL_IN || broken ? w->fd : ARES_SOCKET_BAD,
		events & RELOAD_POLL_OUT ? w->fd : ARES_SOCKET_BAD);
}

/* c-ares opened a socket, waits for something else at it, or (neither in nor out) is about to close it. */
static void on_socket(void *arg, ares_socket_t fd, int in, int out)
{
	struct reload_dns_lookup *l = arg;
	unsigned events = (in ? RELOAD_POLL_IN : 0u) | (out ? RELOAD_POLL_OUT : 0u);
	struct watch *w = NULL;
	for (size_t i = 0; i < SOCKETS_MAX; i++)
		if (l->watches[i].handle && l->watches[i].fd == fd)
			w = &l->watches[i];
	if (w && events) {
		reload_poll_change(l->poll, w->handle, events);
	} else if (w) {
		reload_poll_remove(l->poll, w->handle);
		w->handle = 0;
	} else if (events) {
		for (size_t i = 0; i < SOCKETS_MAX && !w; i++)
			if (!l->watches[i].handle)
				w = &l->watches[i];
		if (!w)
			return; /* its retry timer and the limit end the lookup */
		*w = (struct watch){ .lookup = l, .fd = fd };
		w->handle = reload_poll_add(l->poll, fd, events, on_ready, w);
	}
}

struct reload_dns_lookup *reload_dns_lookup(
	struct reload_poll *poll, const char *host, uint16_t port, reload_dns_fn fn, void *arg)
{
	struct reload_dns_lookup *l = RELOAD_NEW(reload_dns_lookup);
	struct ares_options options = { .timeout = ATTEMPT_MS,
		.tries = ATTEMPTS,
		.sock_state_cb = on_socket,
		.sock_state_cb_data = l };
	struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	*l = (struct reload_dns_lookup){ .poll = poll, .port = port, .fn = fn, .arg = arg };
	reload_timer_arm(reload_poll_timers(poll), &l->limit,
		reload_poll_now() + RELOAD_DNS_LIMIT_MS, limit_over, l);
	int status = ares_init_options(&l->channel, &options,
		ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
	if (status != ARES_SUCCESS) {
		l->channel = NULL;
		finish(l, ares_strerror(status));
		return l;
	}
	ares_getaddrinfo(l->channel, host, NULL, &hints, answered, l);
	retry_arm(l);
	return l;
}

/* -- text ------------------------------------------------------------------------------------------------------------------ */

static bool is_label_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

/* The last label begins with a letter: "127.1" and "0x7f.1" are mistyped addresses, which resolvers read as addresses. */
static bool is_host_name(const char *name, size_t len)
{
	size_t label = 0, last = 0;
	if (!len || len > RELOAD_DNS_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (name[i] == '.') {
			if (!label)
				return false;
			label = 0;
			last = i + 1;
		} else if (!is_label_char(name[i]) || ++label > 63) {
			return false;
		}
	}
	char first = name[last];
	return label && ((first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z'));
}

enum reload_err reload_host_port_parse(
	char **host, uint16_t *port, const char *text, uint16_t default_port)
{
	const char *colon = strchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : strlen(text);
	unsigned long number = default_port;
	if (colon) {
		size_t digits = strspn(colon + 1, "0123456789");
		if (!digits || digits > 5 || colon[1 + digits])
			return RELOAD_BAD_VALUE;
		number = strtoul(colon + 1, NULL, 10);
	}
	if (len > 1 && text[len - 1] == '.')
		len--;
	if (!number || number > 65535 || !is_host_name(text, len))
		return RELOAD_BAD_VALUE;
	*port = (uint16_t)number;
	*host = reload_alloc(len + 1);
	memcpy(*host, text, len);
	(*host)[len] = 0;
	return RELOAD_OK;
}
