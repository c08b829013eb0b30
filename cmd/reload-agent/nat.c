#include "nat.h"

#include "link/addresses_io.h"
#include "wire/codes.h"

enum {
	AFTER_MS = 100 /* for others, when two servers have answered */
};

/* -- how it maps --------------------------------------------------------------------------------------------------------------- */

static bool is_own(const struct reload_ip_port *mapped)
{
	struct reload_addresses own;
	return reload_ip_port_is_loopback(mapped) ||
	       (!reload_addresses_read(&own) && reload_addresses_have(&own, mapped));
}

static enum agent_nat_mapping judge(const struct agent_nat *n)
{
	const struct reload_ip_port *first = NULL;
	size_t count = stun_round_answers(&n->round);
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
	stun_round_stop(&n->round);
}

static reload_ms two_are_enough(const struct stun_round *r)
{
	return stun_round_answers(r) > 1 ? AFTER_MS : RELOAD_NEVER;
}

static void finish(void *arg)
{
	struct agent_nat *n = arg;
	n->count = n->round.count;
	for (size_t i = 0; i < n->count; i++) {
		const struct stun_ask *ask = &n->round.ask[i];
		n->at[i].mapped = ask->answer.mapped;
		n->at[i].rtt_ms = ask->rtt_ms;
		n->at[i].second = ask->answer.other.type != 0;
	}
	n->mapping = judge(n);
	n->measured = reload_poll_now();
	n->done(n->arg);
}

void agent_nat_measure(struct agent_nat *n, const struct agent_nat_server *servers, size_t count,
	void (*done)(void *arg), void *arg)
{
	n->done = done;
	n->arg = arg;
	n->count = 0;
	stun_round_clear(&n->round);
	for (size_t i = 0; i < count; i++)
		if (servers[i].at.type == RELOAD_IPV4 &&
			stun_round_add(&n->round, &servers[i].at, RELOAD_STUN_CHANGE_NOTHING))
			n->at[n->count++] = (struct agent_nat_server){ .at = servers[i].at,
				.turn = servers[i].turn,
				.linked = servers[i].linked };
	stun_round_begin(&n->round, two_are_enough, finish, n);
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

/* -- what it lets in ----------------------------------------------------------------------------------------------------------- */

enum {
	AS_IT_IS, /* the requests of a round, in this order */
	OTHER_PORT,
	OTHER_ADDRESS
};

/* Each answer counts only when it came from where it was asked for: a server may not know what CHANGE-REQUEST says. */
static bool came(const struct stun_round *r, size_t which)
{
	const struct stun_ask *ask = &r->ask[which];
	if (which >= r->count || !ask->answered)
		return false;
	bool same_host = reload_ip_port_same_host(&ask->from, &ask->at),
	     same_port = ask->from.port == ask->at.port;
	return which == AS_IT_IS     ? same_host && same_port
	       : which == OTHER_PORT ? same_host && !same_port
				     : !same_host;
}

static reload_ms any_sender_is_enough(const struct stun_round *r)
{
	return came(r, OTHER_ADDRESS) ? 0 : RELOAD_NEVER;
}

void agent_nat_filter_measure(struct stun_round *r, const struct reload_ip_port *server,
	void (*done)(void *arg), void *arg)
{
	static const enum reload_stun_change changes[] = { [AS_IT_IS] = RELOAD_STUN_CHANGE_NOTHING,
		[OTHER_PORT] = RELOAD_STUN_CHANGE_PORT,
		[OTHER_ADDRESS] = RELOAD_STUN_CHANGE_BOTH };
	bool all = true;
	stun_round_clear(r);
	for (size_t i = 0; i < COUNT_OF(changes); i++)
		all = all && stun_round_add(r, server, changes[i]);
	if (!all)
		stun_round_clear(r);
	stun_round_begin(r, any_sender_is_enough, done, arg);
}

enum agent_nat_filtering agent_nat_filtering(const struct stun_round *r)
{
	return came(r, OTHER_ADDRESS) ? AGENT_FILTER_NONE
	       : came(r, OTHER_PORT)  ? AGENT_FILTER_ADDRESS
	       : came(r, AS_IT_IS)    ? AGENT_FILTER_PORT
				      : AGENT_FILTER_UNMEASURED;
}

const char *agent_nat_filtering_name(enum agent_nat_filtering filtering)
{
	static const char *const names[] = {
		[AGENT_FILTER_UNMEASURED] = "not measured",
		[AGENT_FILTER_NONE] = "endpoint-independent",
		[AGENT_FILTER_ADDRESS] = "address-dependent",
		[AGENT_FILTER_PORT] = "address and port-dependent",
	};
	return names[filtering];
}
