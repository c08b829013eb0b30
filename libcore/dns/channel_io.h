/* Questions to name servers on the loop: a channel of c-ares, its sockets and its timer. */
#pragma once

#include "dns/name.h"
#include "link/poll_io.h"
#include "wire/destination.h"

#include <ares.h>

/* One socket of a channel, as the loop watches it; handle 0: the place is free. */
struct reload_dns_watch {
	struct reload_dns_channel *channel;
	int fd;
	uint64_t handle;
};

/* Embedded in what asks; zero-initialised is closed. */
struct reload_dns_channel {
	struct reload_poll *poll;
	ares_channel ares; /* NULL: closed */
	struct reload_dns_watch watches[ARES_GETSOCK_MAXNUM];
	struct reload_timer retry;
};

/*
 * reload_dns_channel_open() reads the system's resolver configuration anew, as a long-lived process outlives changes of it, and returns a
 * status of c-ares; a closed channel unless ARES_SUCCESS.  Each server is asked twice at most, the first time for attempt_ms.  Names
 * are asked as they are when whole_names, else the search list of the system is used.
 */
int reload_dns_channel_open(struct reload_dns_channel *c, struct reload_poll *poll,
	reload_ms attempt_ms, bool whole_names);

/*
 * reload_dns_channel_close() ends all questions: their callbacks run within it, with ARES_EDESTRUCTION.  No callback of c-ares may
 * call it.  A closed channel is legal.
 */
void reload_dns_channel_close(struct reload_dns_channel *c);

/* reload_dns_channel_asked() is called after each question, so that the timer fits it. */
void reload_dns_channel_asked(struct reload_dns_channel *c);

/* reload_dns_reason() returns in words why a question with this status of c-ares got no answer (static text). */
const char *reload_dns_reason(int status);

/* reload_dns_addresses() takes the addresses of an answer, each with port, and returns their number. */
size_t reload_dns_addresses(struct reload_ip_port out[RELOAD_DNS_ADDRESSES], uint16_t port,
	const struct ares_addrinfo *result);
