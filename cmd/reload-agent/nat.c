#include "nat.h"

#include "link/addresses_io.h"
#include "link/udp_socket_io.h"
#include "wire/codes.h"

#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum {
	REPEAT_MS = 300, /* a datagram or its answer may be lost */
	AFTER_MS = 100   /* for others, when two servers have answered */
};

static size_t answers(const struct agent_nat *n)
{
	size_t count = 0;
	for (size_t i = 0; i < n->count; i++)
		count += n->at[i].mapped.type != 0;
	return count;
}

static bool is_own(const struct reload_ip_port *mapped)
{
	struct reload_addresses own;
	return reload_ip_port_is_loopback(mapped) ||
	       (!reload_addresses_read(&own) && reload_addresses_have(&own, mapped));
}

static enum agent_nat_mapping judge(const struct agent_nat *n)
{
	const struct reload_ip_port *first = NULL;
	size_t count = answers(n);
	bool linked = false;
	if (!n->count)
		return AGENT_NAT_UNMEASURED;
	for (size_t i = 0; i < n->count; i++) {
		const struct reload_ip_port *mapped = &n->at[i].mapped;
		linked |= n->at[i].linked;
		if (!mapped->type)
			continue;
		if (first && (!reload_ip_port_eq(first, mapped)))
			return AGENT_NAT_ADDRESS_DEPENDENT;
		first = mapped;
	}
	if (!first)
		return linked ? AGENT_NAT_BLOCKED : n->mapping;
	if (is_own(first))
		return AGENT_NAT_NONE;
	return count > 1 ? AGENT_NAT_ENDPOINT_INDEPENDENT : AGENT_NAT_UNKNOWN;
}

void agent_nat_stop(struct agent_nat *n)
{
	if (!n->running)
		return;
	n->running = false;
	reload_timer_cancel(reload_poll_timers(n->poll), &n->timer);
	reload_poll_remove(n->poll, n->watch);
	if (n->fd >= 0)
		close(n->fd);
}

static void finish(struct agent_nat *n)
{
	agent_nat_stop(n);
	n->mapping = judge(n);
	n->measured = reload_poll_now();
	n->done(n->arg);
}

static void on_time(void *arg);

static void arm(struct agent_nat *n, reload_ms due)
{
	reload_timer_arm(reload_poll_timers(n->poll), &n->timer, due, on_time, n);
}

static void ask(struct agent_nat *n)
{
	uint8_t request[RELOAD_STUN_REQUEST_SIZE];
	struct reload_udp_local any = { 0 };
	for (size_t i = 0; i < n->count; i++) {
		if (n->at[i].mapped.type)
			continue;
		reload_stun_request(request, n->at[i].transaction);
		(void)reload_udp_send(n->fd, span_of(request, sizeof(request)), &n->at[i].at, &any);
	}
	n->sent++;
}

static void on_time(void *arg)
{
	struct agent_nat *n = arg;
	reload_ms now = reload_poll_now(), end = n->began + AGENT_NAT_MS,
		  next = n->began + ((reload_ms)REPEAT_MS << n->sent) - REPEAT_MS;
	if (now >= end || answers(n) > 1 || answers(n) == n->count) {
		finish(n);
		return;
	}
	if (now >= next) {
		ask(n);
		next = n->began + ((reload_ms)REPEAT_MS << n->sent) - REPEAT_MS;
	}
	arm(n, next < end ? next : end);
}

static void take(struct agent_nat *n, struct span datagram)
{
	for (size_t i = 0; i < n->count; i++) {
		struct reload_ip_port mapped;
		unsigned code;
		if (n->at[i].mapped.type ||
			reload_stun_response(&mapped, &code, datagram, n->at[i].transaction))
			continue;
		n->at[i].mapped = mapped;
		n->at[i].rtt_ms = reload_poll_now() - n->began;
		if (answers(n) == n->count)
			arm(n, reload_poll_now());
		else if (answers(n) > 1)
			arm(n, reload_poll_now() + AFTER_MS);
		return;
	}
}

static void on_datagram(void *arg, unsigned events)
{
	struct agent_nat *n = arg;
	uint8_t bytes[RELOAD_STUN_REQUEST_MAX];
	struct reload_ip_port from;
	struct reload_udp_local local;
	struct reload_udp_error error;
	(void)events;
	while (reload_udp_error(n->fd, &error))
		; /* a server that is not there does not answer */
	int len;
	while ((len = reload_udp_receive(n->fd, bytes, sizeof(bytes), &from, &local)) >= 0)
		if (len)
			take(n, span_of(bytes, (size_t)len));
}

void agent_nat_measure(struct agent_nat *n, const struct agent_nat_server *servers, size_t count,
	void (*done)(void *arg), void *arg)
{
	n->done = done;
	n->arg = arg;
	n->count = 0;
	n->sent = 0;
	n->began = reload_poll_now();
	n->local = (struct reload_ip_port){ .type = RELOAD_IPV4 };
	for (size_t i = 0; i < count && n->count < COUNT_OF(n->at); i++) {
		struct agent_nat_server *s = &n->at[n->count];
		if (servers[i].at.type != RELOAD_IPV4)
			continue;
		*s = (struct agent_nat_server){
			.at = servers[i].at, .turn = servers[i].turn, .linked = servers[i].linked
		};
		if (getrandom(s->transaction, sizeof(s->transaction), 0) ==
			(ssize_t)sizeof(s->transaction))
			n->count++;
	}
	n->fd = n->count ? reload_udp_open(&n->local) : -1;
	n->watch = n->fd < 0 ? 0 : reload_poll_add(n->poll, n->fd, RELOAD_POLL_IN, on_datagram, n);
	if (!n->watch)
		n->count = 0; /* nobody to ask, or no descriptor */
	n->running = true;
	arm(n, reload_poll_now());
}

const char *agent_nat_mapping_name(enum agent_nat_mapping mapping)
{
	static const char *const names[] = {
		[AGENT_NAT_UNMEASURED] = "not measured",
		[AGENT_NAT_BLOCKED] = "udp-blocked",
		[AGENT_NAT_NONE] = "no NAT",
		[AGENT_NAT_UNKNOWN] = "NAT, one server alone answered",
		[AGENT_NAT_ENDPOINT_INDEPENDENT] = "endpoint-independent",
		[AGENT_NAT_ADDRESS_DEPENDENT] = "address-dependent",
	};
	return names[mapping];
}
