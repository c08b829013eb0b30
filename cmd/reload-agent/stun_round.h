/*
 * A round of STUN Binding requests (RFC 5389) from one UDP socket, which is opened for it and closed with it: no mapping of a NAT is kept alive.
 * Requests that are not answered are repeated after 300 and 900 ms.
 */
#pragma once

#include "link/poll_io.h"
#include "link/stun.h"
#include "wire/destination.h"

enum {
	STUN_ROUND_MAX = 6,
	STUN_ROUND_MS = 1500 /* at most */
};

struct stun_ask {
	struct reload_ip_port at; /* IPv4 */
	enum reload_stun_change change;
	uint8_t transaction[RELOAD_STUN_TRANSACTION];
	bool answered;
	struct reload_stun_answer answer; /* when answered; mapped has a type then */
	struct reload_ip_port from;       /* who sent it */
	reload_ms rtt_ms;                 /* since the round began */
};

/* Zero-initialised, but for poll. */
struct stun_round {
	struct reload_poll *poll;
	struct stun_ask ask[STUN_ROUND_MAX];
	size_t count;
	struct reload_ip_port local; /* its socket */
	bool running;
	int fd; /* while `running` */
	uint64_t watch;
	struct reload_timer timer;
	reload_ms began;
	unsigned sent; /* requests to each server */
	/* for how long others are still waited for, after an answer; RELOAD_NEVER: until the end of the round */
	reload_ms (*wait)(const struct stun_round *r);
	void (*done)(void *arg);
	void *arg;
};

/* stun_round_clear() forgets what was asked; stun_round_add() adds a request: false when there is no room, or no random number. */
void stun_round_clear(struct stun_round *r);
bool stun_round_add(
	struct stun_round *r, const struct reload_ip_port *at, enum reload_stun_change change);

/*
 * stun_round_begin() sends the requests; done(arg) is called from the loop, once, within STUN_ROUND_MS, and at once when all have answered.  Not while
 * `running`.  When no socket can be had nobody is asked: count is 0 then.  stun_round_stop() ends a round without a call.
 */
void stun_round_begin(struct stun_round *r, reload_ms (*wait)(const struct stun_round *r),
	void (*done)(void *arg), void *arg);
void stun_round_stop(struct stun_round *r);

/* stun_round_answers() returns how many have answered. */
size_t stun_round_answers(const struct stun_round *r);
