#include "dns/channel_io.h"

#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/time.h>

enum {
	ATTEMPTS = 2 /* c-ares' own default is 5 s x 4 */
};

const char *reload_dns_reason(int status)
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

static void address_read(struct reload_ip_port *to, const struct sockaddr *a)
{
	if (a->sa_family == AF_INET) {
		to->type = RELOAD_IPV4;
		memcpy(to->addr, &((const struct sockaddr_in *)a)->sin_addr, 4);
	} else {
		to->type = RELOAD_IPV6;
		memcpy(to->addr, &((const struct sockaddr_in6 *)a)->sin6_addr, 16);
	}
}

size_t reload_dns_addresses(struct reload_ip_port out[RELOAD_DNS_ADDRESSES], uint16_t port,
	const struct ares_addrinfo *result)
{
	size_t count = 0;
	for (const struct ares_addrinfo_node *n = result->nodes; n; n = n->ai_next)
		if (count < RELOAD_DNS_ADDRESSES &&
			(n->ai_family == AF_INET || n->ai_family == AF_INET6)) {
			out[count] = (struct reload_ip_port){ .port = port };
			address_read(&out[count++], n->ai_addr);
		}
	return count;
}

static void process(struct reload_dns_channel *c, ares_socket_t in, ares_socket_t out)
{
	ares_process_fd(c->ares, in, out);
	reload_dns_channel_asked(c);
}

static void retry(void *arg)
{
	process(arg, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

void reload_dns_channel_asked(struct reload_dns_channel *c)
{
	struct reload_timers *timers = reload_poll_timers(c->poll);
	struct timeval wait;
	if (!c->ares || !ares_timeout(c->ares, NULL, &wait)) {
		reload_timer_cancel(timers, &c->retry);
		return;
	}
	reload_ms ms = (reload_ms)wait.tv_sec * RELOAD_SECOND + (reload_ms)wait.tv_usec / 1000;
	reload_timer_arm(timers, &c->retry, reload_poll_now() + ms + 1, retry, c);
}

static void on_ready(void *arg, unsigned events)
{
	struct reload_dns_watch *w = arg;
	bool broken = events & (RELOAD_POLL_ERROR | RELOAD_POLL_HANGUP);
	process(w->channel, events & RELOAD_POLL_IN || broken ? w->fd : ARES_SOCKET_BAD,
		events & RELOAD_POLL_OUT ? w->fd : ARES_SOCKET_BAD);
}

/* c-ares opened a socket, waits for something else at it, or (neither in nor out) is about to close it. */
static void on_socket(void *arg, ares_socket_t fd, int in, int out)
{
	struct reload_dns_channel *c = arg;
	unsigned events = (in ? RELOAD_POLL_IN : 0u) | (out ? RELOAD_POLL_OUT : 0u);
	struct reload_dns_watch *w = NULL;
	for (size_t i = 0; i < ARES_GETSOCK_MAXNUM; i++)
		if (c->watches[i].handle && c->watches[i].fd == fd)
			w = &c->watches[i];
	if (w && events) {
		reload_poll_change(c->poll, w->handle, events);
	} else if (w) {
		reload_poll_remove(c->poll, w->handle);
		w->handle = 0;
	} else if (events) {
		for (size_t i = 0; i < ARES_GETSOCK_MAXNUM && !w; i++)
			if (!c->watches[i].handle)
				w = &c->watches[i];
		if (!w)
			return; /* the retry timer and the limit of the caller end the question */
		*w = (struct reload_dns_watch){ .channel = c, .fd = fd };
		w->handle = reload_poll_add(c->poll, fd, events, on_ready, w);
	}
}

int reload_dns_channel_open(struct reload_dns_channel *c, struct reload_poll *poll,
	reload_ms attempt_ms, bool whole_names)
{
	struct ares_options options = { .timeout = (int)attempt_ms,
		.tries = ATTEMPTS,
		.sock_state_cb = on_socket,
		.sock_state_cb_data = c };
	*c = (struct reload_dns_channel){ .poll = poll };
	int status = ares_init_options(&c->ares, &options,
		ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB |
			(whole_names ? ARES_OPT_DOMAINS : 0)); /* none */
	if (status != ARES_SUCCESS)
		c->ares = NULL;
	return status;
}

void reload_dns_channel_close(struct reload_dns_channel *c)
{
	ares_channel ares = c->ares;
	if (!ares)
		return;
	reload_timer_cancel(reload_poll_timers(c->poll), &c->retry);
	ares_destroy(ares); /* ends its sockets through on_socket() */
	c->ares = NULL;
}
