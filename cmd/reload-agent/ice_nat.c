/* What a node knows of its NAT, and what it does when no datagram passes. */
#include "ice_internal.h"

#include "join.h"
#include "rpc.h"

#include <string.h>

/*
 * A node needs a relay when its NAT gives each destination another port, when UDP does not pass, when only one server told what the NAT is
 * like, or when a link was not made although both ends had candidates.  Others are spared the allocation: a hole in a NAT that keeps the
 * port is found by the checks.
 */

bool ice_relay_needed(const struct host_ice *i)
{
	return i->relay_only || i->no_pair || i->nat.mapping == AGENT_NAT_BLOCKED ||
	       i->nat.mapping == AGENT_NAT_UNKNOWN || i->nat.mapping == AGENT_NAT_ADDRESS_DEPENDENT;
}

bool host_ice_relay_only(const struct host *h)
{
	return h->ice && h->ice->relay_only;
}

bool host_ice_may_relay(const struct host *h)
{
	return h->ice && ice_relay_needed(h->ice) && h->ice->relay.secret.len;
}

const struct reload_turn_known *ice_turn(const struct host_ice *i)
{
	reload_ms now = reload_poll_now();
	const struct reload_turn_known *server =
		i->relay.secret.len ? reload_turn_choose(&i->relay.search, now) : NULL;
	bool rests = server && server->failed && now - server->failed_at < RELOAD_TURN_REST_MS;
	bool no_other_way = i->relay_only || (server && i->nat.mapping == AGENT_NAT_BLOCKED &&
						     server->failures < ICE_TURN_TRIES);
	return rests && !no_other_way ? NULL : server;
}

void ice_soon(void *arg)
{
	struct host_ice *i = arg;
	reload_timer_arm(
		reload_poll_timers(i->h->agent.poll), &i->again, reload_poll_now(), i->go_on, i);
}

static size_t server_add(struct agent_nat_server *all, size_t count, struct agent_nat_server s)
{
	for (size_t k = 0; k < count; k++)
		if (all[k].at.port == s.at.port && reload_ip_port_same_host(&all[k].at, &s.at)) {
			all[k].linked |= s.linked;
			return count;
		}
	if (count < AGENT_NAT_SERVERS)
		all[count++] = s;
	return count;
}

/* The known TURN servers, which show so that they answer, then peers that serve STUN, then bootstrap nodes. */
static size_t servers_to_ask(struct host_ice *i, struct agent_nat_server out[AGENT_NAT_SERVERS])
{
	struct reload_ip_port all[ICE_SERVERS];
	size_t count = 0, n;
	for (size_t k = 0; k < i->relay.search.count; k++)
		count = server_add(out, count,
			(struct agent_nat_server){
				.at = i->relay.search.servers[k].address, .turn = true });
	n = reload_stun_servers_choose(&i->stun, all, COUNT_OF(all));
	for (size_t k = 0; k < n; k++)
		count = server_add(
			out, count, (struct agent_nat_server){ .at = all[k], .linked = true });
	n = host_join_bootstrap(i->h, all, COUNT_OF(all));
	for (size_t k = 0; k < n; k++)
		count = server_add(out, count, (struct agent_nat_server){ .at = all[k] });
	return count;
}

static void filter_measured(void *arg)
{
	struct host_ice *i = arg;
	i->h->agent.rpc->hook.due = true;
}

/* Takes a second or more where datagrams are filtered, so only when somebody asks what is between this node and the others. */
static void filter_measure(struct host_ice *i)
{
	i->filter_asked = false;
	for (size_t k = 0; k < i->nat.count; k++)
		if (i->nat.at[k].second) {
			agent_nat_filter_measure(&i->filter, &i->nat.at[k].at, filter_measured, i);
			return;
		}
	stun_round_clear(&i->filter);
}

static void measured(void *arg)
{
	struct host_ice *i = arg;
	reload_ms now = reload_poll_now();
	const struct agent_nat *nat = &i->nat;
	char text[64];
	for (size_t k = 0; k < nat->count; k++) {
		const struct agent_nat_server *s = &nat->at[k];
		if (s->turn && nat->mapping != AGENT_NAT_BLOCKED)
			reload_turn_result(&i->relay.search, &s->at, s->mapped.type != 0, now);
		for (size_t n = 0; n < i->stun.count && s->mapped.type; n++)
			if (i->stun.at[n].server.port == s->at.port &&
				reload_ip_port_same_host(&i->stun.at[n].server, &s->at))
				(void)reload_stun_servers_seen(
					&i->stun, i->stun.at[n].link, &s->at, &s->mapped);
	}
	if (nat->mapping != i->mapping_logged)
		agent_log(i->h->agent.log, "link", RELOAD_LEVEL_INFO, "NAT: %s seen=%s",
			agent_nat_mapping_name(nat->mapping),
			ice_seen(i) ? reload_ip_port_text(text, ice_seen(i)) : "-");
	if (ice_relay_needed(i) && !i->relay.secret.len && nat->mapping != i->mapping_logged)
		agent_log(i->h->agent.log, "link", RELOAD_LEVEL_WARN,
			"nodes behind such NATs are not reached without a relay, and no "
			"--turn-credentials are given");
	i->mapping_logged = nat->mapping;
	i->nat_outdated = false;
	i->h->agent.rpc->hook.due = true; /* somebody may wait for it */
	if (i->filter_asked)
		filter_measure(i);
	ice_soon(i);
}

const struct reload_ip_port *ice_seen(const struct host_ice *i)
{
	for (size_t k = 0; k < i->nat.count; k++)
		if (i->nat.at[k].mapped.type)
			return &i->nat.at[k].mapped;
	return NULL;
}

/* One server alone has answered, and a TURN server is known now that can be asked as well. */
static bool second_server(const struct host_ice *i)
{
	bool asked = false;
	for (size_t k = 0; k < i->nat.count; k++)
		asked |= i->nat.at[k].turn;
	return i->nat.mapping == AGENT_NAT_UNKNOWN && i->relay.search.count && !asked;
}

bool ice_measure(struct host_ice *i)
{
	struct agent_nat_server servers[AGENT_NAT_SERVERS];
	reload_ms now = reload_poll_now();
	if (i->nat.round.running)
		return true;
	if (i->nat.measured && !i->nat_outdated && !second_server(i) &&
		now - i->nat.measured < ICE_NAT_AGE_MS)
		return false;
	size_t count = servers_to_ask(i, servers);
	agent_nat_measure(&i->nat, servers, count, measured, i);
	return true;
}

/* Who needs a relay has to know now which servers are there. */
reload_ms ice_hold(const struct host_ice *i)
{
	bool aged = i->nat.measured && !i->nat_outdated && !ice_relay_needed(i) &&
		    i->nat.mapping != AGENT_NAT_UNMEASURED;
	return aged ? ICE_AGED_HOLD_MS : ICE_HOLD_MS;
}

reload_ms ice_stun_wait(const struct host_ice *i, const struct reload_ip_port *server)
{
	for (size_t k = 0; k < i->nat.count; k++)
		if (reload_ip_port_eq(&i->nat.at[k].at, server))
			return reload_stun_wait(i->nat.at[k].mapped.type ? i->nat.at[k].rtt_ms : 0);
	return reload_stun_wait(ICE_STUN_RTT_MS);
}

void ice_measure_asked(struct agent *agent)
{
	struct host_ice *i = ((struct host *)agent)->ice; /* its first member */
	i->nat_outdated = true;
	i->filter_asked = !i->filter.running;
	(void)ice_measure(i);
}

void host_ice_addresses_changed(void *host, const struct reload_addresses *now)
{
	struct host *h = host;
	(void)now; /* they are read for each link */
	if (!h->ice)
		return;
	h->ice->nat_outdated = true;
	h->ice->no_pair = false; /* that was elsewhere */
	ice_soon(h->ice);
	if (h->agent.peer)
		reload_peer_addresses_changed(h->agent.peer);
}

/* -- a node that no datagram reaches ------------------------------------------------------------------------------------------- */

bool ice_cut_off(const struct host_ice *i)
{
	return i->nat.mapping == AGENT_NAT_BLOCKED && !ice_turn(i);
}

static void as_peer_again(void *arg);

static void arm_as_peer(struct host_ice *i)
{
	reload_timer_arm(reload_poll_timers(i->h->agent.poll), &i->as_peer_again,
		reload_poll_now() + ICE_CLIENT_MS, as_peer_again, i);
}

static void as_peer_again(void *arg)
{
	struct host_ice *i = arg;
	if (!i->h->as_client)
		return; /* somebody asked for another join meanwhile */
	i->nat_outdated = true;
	(void)ice_measure(i);
	(void)agent_relay_search(&i->relay);
	arm_as_peer(i);
}

/* Peers need links by ICE; who has a link over TCP alone can be a client. */
bool ice_become_client(struct host_ice *i)
{
	struct reload_status s;
	reload_peer_status(i->h->agent.peer, &s);
	if (i->h->as_client || !ice_cut_off(i) || i->h->joining_as != RELOAD_ROLE_PEER ||
		s.role != RELOAD_ROLE_PEER ||
		(s.state != RELOAD_STATE_ATTACHING && s.state != RELOAD_STATE_JOINING) ||
		!reload_peer_config(i->h->agent.peer)->clients_permitted)
		return false;
	agent_log(i->h->agent.log, "agent", RELOAD_LEVEL_WARN,
		"UDP does not pass and %s: joining as a client, over TCP alone",
		i->relay.secret.len ? "no TURN server answers" : "no --turn-credentials are given");
	i->h->as_client = true;
	host_join_change(i->h, RELOAD_ROLE_CLIENT);
	arm_as_peer(i);
	return true;
}

void ice_become_peer(struct host_ice *i)
{
	i->h->as_client = false;
	agent_log(i->h->agent.log, "agent", RELOAD_LEVEL_INFO,
		"others can be reached now: joining as a peer");
	host_join_change(i->h, RELOAD_ROLE_PEER);
}
