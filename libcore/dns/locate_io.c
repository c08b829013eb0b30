#include "dns/locate_io.h"

#include "dns/channel_io.h"
#include "dns/lookup_io.h"
#include "dns/records_io.h"
#include "util/alloc.h"

#include <arpa/nameser.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/*
 * c-ares may answer from inside the question and must not lose its channel in its own callback, so an answer only feeds the search; when
 * that has more questions, or is done, a timer that is due at once goes on.
 */

enum {
	ATTEMPT_MS = 800 /* and twice that long the second time: within RELOAD_LOCATE_LIMIT_MS */
};

/* A question that c-ares has. */
struct asked {
	struct reload_location *location;
	unsigned id;
};

struct reload_location {
	struct reload_poll *poll;
	struct reload_dns_channel channel;
	struct reload_timer step, limit;
	struct reload_locate *search; /* NULL: the URI leads nowhere, err and why say so */
	enum reload_err err;
	struct reload_error_text why;
	reload_location_fn fn;
	void *arg;
	bool closing;
};

static uint32_t draw(void *arg, uint32_t below)
{
	uint32_t number = 0;
	(void)arg;
	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return 0;
	return (uint32_t)((uint64_t)number * below >> 32);
}

static void location_free(struct reload_location *l)
{
	struct reload_timers *timers = reload_poll_timers(l->poll);
	l->closing = true;
	reload_dns_channel_close(&l->channel);
	reload_timer_cancel(timers, &l->step);
	reload_timer_cancel(timers, &l->limit);
	reload_locate_free(l->search);
	free(l);
}

void reload_location_cancel(struct reload_location *l)
{
	if (l)
		location_free(l);
}

static void report(struct reload_location *l)
{
	struct reload_locate_server servers[RELOAD_LOCATE_SERVERS];
	const struct reload_locate_server *found = NULL;
	size_t count = 0;
	enum reload_err err = l->err;
	struct reload_error_text why = l->why;
	reload_location_fn fn = l->fn;
	void *to = l->arg;
	if (!err)
		err = reload_locate_servers(l->search, &found, &count, &why);
	if (count)
		memcpy(servers, found, count * sizeof(*servers));
	location_free(l);
	fn(to, servers, count, err, &why);
}

static void step_soon(struct reload_location *l);

/* Takes the asked question apart; false: the channel is being closed. */
static bool take(struct reload_location **location, unsigned *id, void *arg)
{
	struct asked *a = arg;
	*location = a->location;
	*id = a->id;
	free(a);
	return !(*location)->closing;
}

static bool is_none(int status)
{
	return status == ARES_ENODATA || status == ARES_ENOTFOUND || status == ARES_EBADNAME;
}

static void on_naptr(void *arg, int status, int timeouts, unsigned char *bytes, int len)
{
	struct reload_naptr records[RELOAD_NAPTR_MAX];
	struct reload_location *l;
	unsigned id;
	size_t count = 0;
	(void)timeouts;
	if (!take(&l, &id, arg))
		return;
	if (status == ARES_SUCCESS)
		status = reload_naptr_read(records, &count, span_of(bytes, (size_t)len));
	if (status == ARES_SUCCESS || is_none(status))
		reload_locate_naptr(l->search, id, records, count);
	else
		reload_locate_failed(l->search, id);
	step_soon(l);
}

static void on_srv(void *arg, int status, int timeouts, unsigned char *bytes, int len)
{
	struct reload_srv records[RELOAD_SRV_MAX];
	struct reload_location *l;
	unsigned id;
	size_t count = 0;
	bool no_service = false;
	(void)timeouts;
	if (!take(&l, &id, arg))
		return;
	if (status == ARES_SUCCESS)
		status = reload_srv_read(records, &count, &no_service, span_of(bytes, (size_t)len));
	if (status == ARES_SUCCESS || is_none(status))
		reload_locate_srv(l->search, id, records, count, no_service);
	else
		reload_locate_failed(l->search, id);
	step_soon(l);
}

static void on_addresses(void *arg, int status, int timeouts, struct ares_addrinfo *result)
{
	struct reload_ip_port addrs[RELOAD_DNS_ADDRESSES];
	struct reload_location *l;
	unsigned id;
	size_t count = 0;
	(void)timeouts;
	bool open = take(&l, &id, arg);
	if (open && status == ARES_SUCCESS)
		count = reload_dns_addresses(addrs, 0, result);
	ares_freeaddrinfo(result);
	if (!open)
		return;
	if (status == ARES_SUCCESS || is_none(status))
		reload_locate_addresses(l->search, id, addrs, count);
	else
		reload_locate_failed(l->search, id);
	step_soon(l);
}

static void ask(struct reload_location *l, const struct reload_locate_question *q)
{
	struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct asked *a = RELOAD_NEW(asked);
	*a = (struct asked){ l, q->id };
	switch (q->type) {
	case RELOAD_LOCATE_NAPTR:
		ares_query(l->channel.ares, q->name, ns_c_in, ns_t_naptr, on_naptr, a);
		break;
	case RELOAD_LOCATE_SRV:
		ares_query(l->channel.ares, q->name, ns_c_in, ns_t_srv, on_srv, a);
		break;
	case RELOAD_LOCATE_ADDRESS:
		ares_getaddrinfo(l->channel.ares, q->name, NULL, &hints, on_addresses, a);
		break;
	}
}

/* Asks what is to be asked; reports when nothing more is. */
static void step(void *arg)
{
	struct reload_location *l = arg;
	struct reload_locate_question q;
	if (!l->search || reload_locate_done(l->search)) {
		report(l);
		return;
	}
	if (!l->channel.ares &&
		reload_dns_channel_open(&l->channel, l->poll, ATTEMPT_MS, true) != ARES_SUCCESS) {
		reload_locate_expire(l->search);
		report(l);
		return;
	}
	while (reload_locate_next(l->search, &q))
		ask(l, &q);
	reload_dns_channel_asked(&l->channel);
}

static void step_soon(struct reload_location *l)
{
	reload_timer_arm(reload_poll_timers(l->poll), &l->step, reload_poll_now(), step, l);
}

static void limit_over(void *arg)
{
	struct reload_location *l = arg;
	if (l->search)
		reload_locate_expire(l->search);
	report(l);
}

struct reload_location *reload_location_ask(struct reload_poll *poll,
	const struct reload_locate_uri *uri, reload_location_fn fn, void *arg)
{
	struct reload_location *l = RELOAD_NEW(reload_location);
	*l = (struct reload_location){ .poll = poll, .fn = fn, .arg = arg };
	l->err = reload_locate_new(&l->search, uri, draw, NULL, &l->why);
	reload_timer_arm(reload_poll_timers(poll), &l->limit,
		reload_poll_now() + RELOAD_LOCATE_LIMIT_MS, limit_over, l);
	step_soon(l);
	return l;
}
