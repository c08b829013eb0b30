/*
 * What is between this host and the others: STUN Binding requests from one socket to several servers, whose answers say at which address this host
 * is seen, and what a NAT lets in (RFC 4787).
 */
#pragma once

#include "stun_round.h"

enum {
	AGENT_NAT_SERVERS = STUN_ROUND_MAX
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
	reload_ms rtt_ms;
	bool turn;   /* a TURN server, too */
	bool linked; /* there is a link to its node: when it does not answer, UDP does not pass */
	bool second; /* it has a second address to answer from (RFC 5780) */
};

/* Zero-initialised, but for round.poll: nothing was measured. */
struct agent_nat {
	struct stun_round round;                       /* under way, or the last one */
	struct agent_nat_server at[AGENT_NAT_SERVERS]; /* of the last measurement */
	size_t count;
	/* result of the last measurement; when all servers may be down, that of the one before */
	enum agent_nat_mapping mapping;
	reload_ms measured; /* when it ended; 0: never */
	void (*done)(void *arg);
	void *arg;
};

/*
 * agent_nat_measure() asks the servers of IPv4 among those given, at most AGENT_NAT_SERVERS of them; done(arg) is called from the loop, once, within
 * STUN_ROUND_MS.  Not while round.running.  agent_nat_stop() ends a measurement without a call.
 */
void agent_nat_measure(struct agent_nat *n, const struct agent_nat_server *servers, size_t count,
	void (*done)(void *arg), void *arg);
void agent_nat_stop(struct agent_nat *n);

/* agent_nat_mapping_name() returns its name for people and scripts (static): "endpoint-independent". */
const char *agent_nat_mapping_name(enum agent_nat_mapping mapping);

/* What a NAT, or another filter, lets in at a port that has sent something, RFC 4787 s5. */
enum agent_nat_filtering {
	AGENT_FILTER_UNMEASURED, /* no server that has a second address is known, or it does not answer */
	AGENT_FILTER_NONE,       /* datagrams of any sender */
	AGENT_FILTER_ADDRESS, /* of any port of an address that was sent to */
	AGENT_FILTER_PORT     /* of an address and port that was sent to */
};

/*
 * agent_nat_filter_measure() asks a server that has a second address (RFC 5780 s4.4) to answer from there, from another port, and as it is; done(arg) is
 * called as by stun_round_begin(), and agent_nat_filtering() is the result of a round that has ended.
 */
void agent_nat_filter_measure(struct stun_round *r, const struct reload_ip_port *server,
	void (*done)(void *arg), void *arg);
enum agent_nat_filtering agent_nat_filtering(const struct stun_round *r);
const char *agent_nat_filtering_name(enum agent_nat_filtering filtering);
