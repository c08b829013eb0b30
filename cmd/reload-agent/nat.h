/*
 * What is between this host and the others: STUN Binding requests (RFC 5389) from one UDP socket to several servers, whose answers say
 * at which address this host is seen.  The socket is opened for a measurement and closed with it: no mapping is kept alive.
 */
#pragma once

#include "link/poll_io.h"
#include "link/stun.h"
#include "wire/destination.h"

enum {
	AGENT_NAT_SERVERS = 6,
	AGENT_NAT_MS = 1500 /* of a measurement, when a server does not answer */
};

/* Of a NAT, RFC 4787 s4.1. */
enum agent_nat_mapping {
	AGENT_NAT_UNMEASURED, /* no server of IPv4 is known, or none that is there */
	AGENT_NAT_BLOCKED, /* no server answers, and there is a link to the node of one: UDP does not pass */
	AGENT_NAT_NONE,                 /* the address is one of this host */
	AGENT_NAT_UNKNOWN,              /* there is a NAT, and a single server answered */
	AGENT_NAT_ENDPOINT_INDEPENDENT, /* each server sees the same address and port */
	AGENT_NAT_ADDRESS_DEPENDENT     /* each server sees another one: "symmetric" */
};

struct agent_nat_server {
	struct reload_ip_port at, mapped; /* mapped: what it saw; type 0: it did not answer */
	uint8_t transaction[RELOAD_STUN_TRANSACTION];
	reload_ms rtt_ms;
	bool turn;   /* a TURN server, too */
	bool linked; /* there is a link to its node: when it does not answer, UDP does not pass */
};

/* Zero-initialised, but for poll: nothing was measured. */
struct agent_nat {
	struct reload_poll *poll;
	struct agent_nat_server at[AGENT_NAT_SERVERS]; /* of the last measurement */
	size_t count;
	/* result of the last measurement; when all servers may be down, that of the one before */
	enum agent_nat_mapping mapping;
	struct reload_ip_port local; /* its socket */
	reload_ms measured;          /* when it ended; 0: never */
	int fd;                      /* while `running` */
	bool running;
	uint64_t watch;
	struct reload_timer timer;
	reload_ms began;
	unsigned sent; /* requests to each server */
	void (*done)(void *arg);
	void *arg;
};

/*
 * agent_nat_measure() asks the servers of IPv4 among those given, at most AGENT_NAT_SERVERS of them; done(arg) is called from the loop, once, within
 * AGENT_NAT_MS.  Not while `running`.  agent_nat_stop() ends a measurement without a call.
 */
void agent_nat_measure(struct agent_nat *n, const struct agent_nat_server *servers, size_t count,
	void (*done)(void *arg), void *arg);
void agent_nat_stop(struct agent_nat *n);

/* agent_nat_mapping_name() returns its name for people and scripts (static): "endpoint-independent". */
const char *agent_nat_mapping_name(enum agent_nat_mapping mapping);
