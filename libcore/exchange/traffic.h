/*
 * What a node sends and receives: messages and their bytes by code, and bytes by the second, as diagnostics show them (RFC 7851 s5.3).  All messages
 * count, also those that it forwards.
 */
#pragma once

#include "util/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	RELOAD_TRAFFIC_CODES = 64 /* message codes below it are counted, and Error */
};

/* An average rate that is brought up to date every five seconds. */
struct reload_rate {
	uint64_t bytes; /* since the period began */
	double average; /* bytes per second */
	reload_ms began;
	bool ended; /* a period has; until then there is no average */
};

struct reload_traffic {
	/* by code; the last one: Error */
	uint64_t sent[RELOAD_TRAFFIC_CODES + 1], received[RELOAD_TRAFFIC_CODES + 1];
	/* 0: further fragments, and codes that are not counted */
	uint64_t sent_bytes[RELOAD_TRAFFIC_CODES + 1], received_bytes[RELOAD_TRAFFIC_CODES + 1];
	struct reload_rate out, in;
};

struct reload_traffic_count {
	uint16_t code; /* 0: what is no message of a known code, of which only the bytes count */
	uint64_t sent, received;
	uint64_t sent_bytes, received_bytes;
};

/* reload_traffic_begin() starts both rates at now, in zeroed memory. */
void reload_traffic_begin(struct reload_traffic *t, reload_ms now);

/* reload_traffic_sent() and reload_traffic_received() count a message with its bytes; code 0: a further fragment, of which only the bytes count. */
void reload_traffic_sent(struct reload_traffic *t, uint16_t code, size_t bytes, reload_ms now);
void reload_traffic_received(struct reload_traffic *t, uint16_t code, size_t bytes, reload_ms now);

/* reload_traffic_counts() lists the codes of which any byte was sent or received, ascending, and returns their number, at most max. */
size_t reload_traffic_counts(
	const struct reload_traffic *t, struct reload_traffic_count *out, size_t max);

/*
 * reload_rate_now() returns the exponentially weighted moving average in bytes per second, rounded and at most UINT32_MAX: after each period of 5 s
 * 0.8 of that period's rate and 0.2 of the average before.  The first period's rate is the first average; until then it is 0.
 */
uint32_t reload_rate_now(struct reload_rate *r, reload_ms now);
