/*
 * Addresses that a person gave, some of them as host names: --bootstrap, --advertise, reload-join --bootstrap.  A name keeps the
 * addresses of its last lookup until a newer one has found some, so that a name server that fails takes nothing away.
 */
#pragma once

#include "dns/lookup_io.h"
#include "dns/name.h"
#include "log.h"

enum {
	AGENT_NAMES_MAX = 64,
	AGENT_NAME_ADDRESSES = 4 /* addresses of each name that are used */
};

struct agent_name {
	struct agent_names *names;
	char *host; /* NULL: it was given as an address, which is addrs[0] */
	uint16_t port;
	struct reload_ip_port addrs[AGENT_NAME_ADDRESSES];
	size_t count;
	struct reload_dns_lookup *lookup; /* under way */
	char failure[96]; /* why the last lookup found nothing; "" when it found something */
};

struct agent_names {
	struct reload_poll *poll; /* borrowed */
	struct agent_log *log;    /* borrowed, NULL: failures are not logged */
	struct agent_name *at[AGENT_NAMES_MAX];
	size_t count, pending;
	struct reload_timer soon;
	void (*done)(void *arg);
	void *arg;
};

/*
 * agent_names_add() takes "ADDR[:PORT]", "[ADDR]:PORT" or "NAME[:PORT]"; option is what the error text calls it.  RELOAD_USAGE with
 * why for anything else, for an address where nobody can be reached (reload_ip_port_fault()), and beyond AGENT_NAMES_MAX.
 * agent_names_clear() frees all and ends lookups without a call.
 */
enum reload_err agent_names_add(struct agent_names *n, const char *option, const char *text,
	struct reload_error_text *why) MUST_CHECK;
void agent_names_clear(struct agent_names *n);

/* agent_names_any() returns whether one of them is a host name. */
bool agent_names_any(const struct agent_names *n);

/*
 * agent_names_resolve() looks all host names up, also those that are known; done(arg) is called once from the loop when each lookup
 * has ended, at most RELOAD_DNS_LIMIT_MS later.  Called again meanwhile, the newer done replaces the older one.
 */
void agent_names_resolve(struct agent_names *n, void (*done)(void *arg), void *arg);

/* agent_names_stop() ends lookups under way without a call; addresses that are known stay. */
void agent_names_stop(struct agent_names *n);

/* agent_names_addresses() fills out with at most max addresses, in the order in which they were given, and returns their number. */
size_t agent_names_addresses(const struct agent_names *n, struct reload_ip_port *out, size_t max);

/* agent_names_failure() describes the first name without an address: "NAME: reason" (borrowed); NULL when all have some. */
const char *agent_names_failure(const struct agent_names *n, char *out, size_t size);
