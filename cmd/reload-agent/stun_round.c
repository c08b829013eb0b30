#include "stun_round.h"

#include "link/udp_socket_io.h"

#include <sys/random.h>
#include <unistd.h>

enum {
	REPEAT_MS = 300 /* a datagram or its answer may be lost */
};

void stun_round_clear(struct stun_round *r)
{
	r->count = 0;
}

bool stun_round_add(
	struct stun_round *r, const struct reload_ip_port *at, enum reload_stun_change change)
{
	if (r->count == COUNT_OF(r->ask))
		return false;
	struct stun_ask *ask = &r->ask[r->count];
	*ask = (struct stun_ask){ .at = *at, .change = change };
	if (getrandom(ask->transaction, sizeof(ask->transaction), 0) !=
		(ssize_t)sizeof(ask->transaction))
		return false;
	r->count++;
	return true;
}

size_t stun_round_answers(const struct stun_round *r)
{
	size_t count = 0;
	for (size_t i = 0; i < r->count; i++)
		count += r->ask[i].answered;
	return count;
}

void stun_round_stop(struct stun_round *r)
{
	if (!r->running)
		return;
	r->running = false;
	reload_timer_cancel(reload_poll_timers(r->poll), &r->timer);
	reload_poll_remove(r->poll, r->watch);
	if (r->fd >= 0)
		close(r->fd);
}

static void on_time(void *arg);

static void arm(struct stun_round *r, reload_ms due)
{
	reload_timer_arm(reload_poll_timers(r->poll), &r->timer, due, on_time, r);
}

static void ask_all(struct stun_round *r)
{
	uint8_t request[RELOAD_STUN_REQUEST_SIZE];
	struct reload_udp_local any = { 0 };
	for (size_t i = 0; i < r->count; i++) {
		const struct stun_ask *ask = &r->ask[i];
		if (ask->answered)
			continue;
		size_t len = reload_stun_request(request, ask->transaction, ask->change);
		(void)reload_udp_send(r->fd, span_of(request, len), &ask->at, &any);
	}
	r->sent++;
}

/* For how long others are still waited for. */
static reload_ms rest(const struct stun_round *r)
{
	size_t answers = stun_round_answers(r);
	return answers == r->count ? 0 : answers ? r->wait(r) : RELOAD_NEVER;
}

static void on_time(void *arg)
{
	struct stun_round *r = arg;
	reload_ms now = reload_poll_now(), end = r->began + STUN_ROUND_MS,
		  next = r->began + ((reload_ms)REPEAT_MS << r->sent) - REPEAT_MS;
	if (now >= end || rest(r) != RELOAD_NEVER) { /* which has passed */
		stun_round_stop(r);
		r->done(r->arg);
		return;
	}
	if (now >= next) {
		ask_all(r);
		next = r->began + ((reload_ms)REPEAT_MS << r->sent) - REPEAT_MS;
	}
	arm(r, next < end ? next : end);
}

static void take(struct stun_round *r, struct span datagram, const struct reload_ip_port *from)
{
	for (size_t i = 0; i < r->count; i++) {
		struct stun_ask *ask = &r->ask[i];
		struct reload_stun_answer a;
		if (ask->answered || reload_stun_response(&a, datagram, ask->transaction))
			continue;
		reload_ms now = reload_poll_now();
		ask->answered = true;
		ask->answer = a;
		ask->from = *from;
		ask->rtt_ms = now - r->began;
		if (rest(r) != RELOAD_NEVER)
			arm(r, now + rest(r));
		return;
	}
}

static void on_datagram(void *arg, unsigned events)
{
	struct stun_round *r = arg;
	uint8_t bytes[RELOAD_STUN_REQUEST_MAX];
	struct reload_ip_port from;
	struct reload_udp_local local;
	struct reload_udp_error error;
	(void)events;
	while (reload_udp_error(r->fd, &error))
		; /* a server that is not there does not answer */
	int len;
	while ((len = reload_udp_receive(r->fd, bytes, sizeof(bytes), &from, &local)) >= 0)
		if (len)
			take(r, span_of(bytes, (size_t)len), &from);
}

void stun_round_begin(struct stun_round *r, reload_ms (*wait)(const struct stun_round *r),
	void (*done)(void *arg), void *arg)
{
	r->wait = wait;
	r->done = done;
	r->arg = arg;
	r->sent = 0;
	r->began = reload_poll_now();
	r->local = (struct reload_ip_port){ .type = RELOAD_IPV4 };
	r->fd = r->count ? reload_udp_open(&r->local) : -1;
	r->watch = r->fd < 0 ? 0 : reload_poll_add(r->poll, r->fd, RELOAD_POLL_IN, on_datagram, r);
	if (!r->watch)
		r->count = 0; /* nobody to ask, or no descriptor */
	r->running = true;
	arm(r, reload_poll_now());
}
