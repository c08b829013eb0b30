#include "dns/srv_io.h"

#include "dns/records_io.h"

#include <ares.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <poll.h>
#include <stdio.h>
#include <sys/time.h>
#include <time.h>

enum {
	ATTEMPT_MS = 2000, /* c-ares' own default is 5 s x 4 */
	ATTEMPTS = 2,
	RETRIES = 1 /* c-ares ends a query at once when a connection closes inside an answer */
};

struct query {
	ares_channel channel;
	struct reload_srv *out;
	size_t count;
	bool done, nothing; /* nothing: the one target is "." */
	int status;
};

static reload_ms now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (reload_ms)t.tv_sec * RELOAD_SECOND + (reload_ms)t.tv_nsec / 1000000;
}

static void answered(void *arg, int status, int timeouts, unsigned char *bytes, int len)
{
	struct query *q = arg;
	(void)timeouts;
	q->done = true;
	q->status = status;
	if (status == ARES_SUCCESS)
		q->status = reload_srv_read(
			q->out, &q->count, &q->nothing, span_of(bytes, (size_t)len));
}

/* One pass: waits for the sockets of the channel, or until it has to repeat something. */
static void turn(struct query *q, reload_ms deadline)
{
	ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
	struct pollfd fds[ARES_GETSOCK_MAXNUM];
	struct timeval longest = { 0 }, wait;
	reload_ms now = now_ms();
	reload_ms left = deadline > now ? deadline - now : 0;
	nfds_t n = 0;
	/* its macros shift 1 into the sign */
	unsigned bits = (unsigned)ares_getsock(q->channel, sockets, ARES_GETSOCK_MAXNUM);
	for (int i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
		short events = (short)((bits >> i & 1u ? POLLIN : 0) |
				       (bits >> (i + ARES_GETSOCK_MAXNUM) & 1u ? POLLOUT : 0));
		if (events)
			fds[n++] = (struct pollfd){ .fd = sockets[i], .events = events };
	}
	longest.tv_sec = (time_t)(left / 1000 < 3600 ? left / 1000 : 3600);
	longest.tv_usec = (suseconds_t)(left % 1000 * 1000);
	struct timeval *t = ares_timeout(q->channel, &longest, &wait);
	if (poll(fds, n, (int)(t->tv_sec * 1000 + t->tv_usec / 1000 + 1)) <= 0)
		ares_process_fd(q->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	for (nfds_t i = 0; i < n; i++)
		if (fds[i].revents)
			ares_process_fd(q->channel,
				fds[i].revents & ~POLLOUT ? fds[i].fd : ARES_SOCKET_BAD,
				fds[i].revents & POLLOUT ? fds[i].fd : ARES_SOCKET_BAD);
}

/* The addresses of the name servers, for people. */
static void name_servers(char out[160], ares_channel channel)
{
	struct ares_addr_node *servers = NULL;
	size_t used = 0;
	out[0] = 0;
	if (channel)
		(void)ares_get_servers(channel, &servers);
	for (struct ares_addr_node *s = servers; s && used < 100; s = s->next) {
		char text[INET6_ADDRSTRLEN] = "";
		inet_ntop(s->family, &s->addr, text, sizeof(text));
		used += (size_t)snprintf(out + used, 160 - used, "%s%s", used ? ", " : "", text);
	}
	ares_free_data(servers);
}

static enum reload_err explain(
	const struct query *q, const char *name, struct reload_error_text *why)
{
	char what[160], servers[160];
	bool silent = !q->done || q->status == ARES_ETIMEOUT || q->status == ARES_ECONNREFUSED;
	enum reload_err err = silent ? RELOAD_TIMEOUT : RELOAD_IO;
	snprintf(what, sizeof(what), "%.120s cannot be looked up", name);
	name_servers(servers, q->channel);
	(void)reload_error_explain(why, err, what, "%s, asked: %s",
		silent ? "no name server answers" : ares_strerror(q->status),
		*servers ? servers : "none");
	reload_error_advise(why, "look at /etc/resolv.conf, or --url URL");
	return err;
}

static enum reload_err not_offered(const char *name, struct reload_error_text *why)
{
	char what[160];
	snprintf(what, sizeof(what), "%.120s is not offered", name);
	enum reload_err err = reload_error_explain(why, RELOAD_NO_VALUE, what,
		"its domain says so: the target of its SRV record is .");
	reload_error_advise(why, "--url URL, when the configuration is somewhere else");
	return err;
}

/* Asks once; the channel stays for the names of its servers. */
static void ask(struct query *q, const char *name, reload_ms deadline)
{
	struct ares_options options = { .timeout = ATTEMPT_MS, .tries = ATTEMPTS };
	q->done = false;
	q->status = ares_init_options(&q->channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);
	if (q->status != ARES_SUCCESS) {
		q->channel = NULL;
		q->done = true;
		return;
	}
	ares_query(q->channel, name, ns_c_in, ns_t_srv, answered, q);
	while (!q->done && now_ms() < deadline)
		turn(q, deadline);
}

enum reload_err reload_srv_query(struct reload_srv out[RELOAD_SRV_MAX], size_t *count,
	const char *name, reload_ms deadline, struct reload_error_text *why)
{
	struct query q = { .out = out };
	enum reload_err err = RELOAD_OK;
	for (int i = 0; i <= RETRIES; i++) {
		if (q.channel)
			ares_destroy(q.channel);
		ask(&q, name, deadline);
		if (q.status != ARES_ECONNREFUSED && q.status != ARES_EBADRESP)
			break;
	}
	bool none = q.done && (q.status == ARES_ENODATA || q.status == ARES_ENOTFOUND);
	if (q.done && q.status == ARES_SUCCESS && !q.count && q.nothing)
		err = not_offered(name, why);
	else if (!none && (!q.done || q.status != ARES_SUCCESS))
		err = explain(&q, name, why);
	*count = err ? 0 : q.count;
	if (q.channel)
		ares_destroy(q.channel);
	return err;
}
