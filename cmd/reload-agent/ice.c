#include "ice.h"

#include "ice_internal.h"
#include "join.h"
#include "listen.h"
#include "rpc.h"

#include "common/private.h"
#include "link/app_streams_io.h"
#include "link/ice_load_io.h"
#include "link/udp_socket_io.h"
#include "wire/codes.h"
#include "wire/ice.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* -- start ------------------------------------------------------------------------------------------------------------------- */

static enum reload_err secret_read(
	struct host_ice *i, const struct agent_settings *s, struct reload_error_text *why)
{
	const char *given = agent_setting_value(s, "turn-credentials", 0);
	static const char name[] = "/turn-secret";
	size_t size = strlen(i->h->identity.dir) + sizeof(name);
	i->secret_path = reload_alloc(size);
	snprintf(i->secret_path, size, "%s%s", i->h->identity.dir, name);
	if (given) {
		free(i->secret_path);
		i->secret_path = reload_strdup(given);
	} else if (access(i->secret_path, F_OK)) {
		free(TAKE(i->secret_path));
	}
	if (i->secret_path)
		return agent_relay_secret(&i->relay, i->secret_path, why);
	if (!i->relay_only)
		return RELOAD_OK;
	reload_error_explain(why, RELOAD_USAGE,
		i->h->agent.pseudonym ? "--pseudonym" : "--relay-only",
		"links are to go through TURN servers, and there is no secret with which they "
		"are used");
	reload_error_advise(
		why, "--turn-credentials FILE, or a file turn-secret in %s", i->h->identity.dir);
	return RELOAD_USAGE;
}

/* What would tell others an address of this host all the same. */
static enum reload_err check_pseudonym(
	const struct agent_settings *s, struct reload_error_text *why)
{
	static const char *const tells[] = { "advertise", "discover", "turn-server" };
	for (size_t i = 0; i < COUNT_OF(tells); i++) {
		if (!agent_setting_on(s, tells[i]))
			continue;
		char what[64];
		snprintf(what, sizeof(what), "--pseudonym with --%s", tells[i]);
		reload_error_explain(
			why, RELOAD_USAGE, what, "others would be told an address of this host");
		reload_error_advise(why, "--%s with an agent of another identity", tells[i]);
		return RELOAD_USAGE;
	}
	return RELOAD_OK;
}

enum reload_err host_ice_prepare(
	struct host *h, const struct agent_settings *s, struct reload_error_text *why)
{
	static const char *const of_ice[] = { "turn-credentials", "relay-only", "turn-server",
		"pseudonym" };
	h->agent.pseudonym = agent_setting_on(s, "pseudonym");
	if (h->identity.config->no_ice) {
		for (size_t i = 0; i < COUNT_OF(of_ice); i++) {
			if (!agent_setting_on(s, of_ice[i]))
				continue;
			char what[64];
			snprintf(what, sizeof(what), "--%s", of_ice[i]);
			reload_error_explain(why, RELOAD_USAGE, what,
				"the overlay %s has links without ICE alone",
				h->identity.config->instance_name);
			reload_error_advise(
				why, "reload-enroll init OVERLAY --ice makes one with ICE");
			return RELOAD_USAGE;
		}
		return RELOAD_OK;
	}
	struct host_ice *i = h->ice = RELOAD_NEW(host_ice);
	TAILQ_INIT(&i->jobs);
	i->h = h;
	i->relay_only = agent_setting_on(s, "relay-only") || h->agent.pseudonym;
	enum reload_err err = h->agent.pseudonym ? check_pseudonym(s, why) : RELOAD_OK;
	return err ? err : secret_read(i, s, why);
}

static void go_on(void *arg);

/* The plug-in beside this program or where it was installed; the failure is that of the first one that is there. */
static enum reload_err plugin_load(
	const struct reload_ice_plugin **out, struct reload_error_text *why)
{
	static const char name[] = "reload-ice.so";
	char *path;
	for (size_t i = 0; (path = cli_private_place(name, i)); i++) {
		bool there = !access(path, F_OK);
		enum reload_err err = there ? reload_ice_load(out, path, why) : RELOAD_OK;
		free(path);
		if (there)
			return err;
	}
	reload_error_explain(why, RELOAD_FAILED, name,
		"this overlay uses ICE, and the plug-in for it is neither beside the agent nor in "
		"%s/reload",
		RELOAD_LIBEXECDIR);
	reload_error_advise(why, "make install, which puts both in their places");
	return RELOAD_FAILED;
}

enum reload_err host_ice_start(struct host *h, struct reload_error_text *why)
{
	struct host_ice *i = h->ice;
	const struct reload_ice_plugin *plugin = NULL;
	if (!i)
		return RELOAD_OK;
	enum reload_err err = plugin_load(&plugin, why);
	if (!err)
		err = reload_links_use_ice(h->links, plugin, why);
	i->nat.round.poll = h->agent.poll;
	i->filter.poll = h->agent.poll;
	i->relay.agent = &h->agent;
	i->relay.done = ice_soon;
	i->relay.arg = i;
	for (size_t k = 0; k < h->candidates_count; k++)
		i->loopback |= reload_ip_port_is_loopback(&h->candidates[k]);
	i->relay.loopback = i->loopback;
	i->started = !err;
	i->go_on = go_on;
	h->agent.nat_measure = ice_measure_asked;
	h->agent.nat_json = ice_measured_json;
	h->agent.nat_text = ice_nat_text;
	return err;
}

void host_ice_stop(struct host *h)
{
	struct host_ice *i = h->ice;
	struct ice_job *job;
	if (!i || !i->h->agent.poll)
		return;
	struct reload_timers *timers = reload_poll_timers(h->agent.poll);
	agent_nat_stop(&i->nat);
	stun_round_stop(&i->filter);
	if (i->started)
		agent_relay_clear(&i->relay);
	reload_timer_cancel(timers, &i->again);
	reload_timer_cancel(timers, &i->as_peer_again);
	while ((job = TAILQ_FIRST(&i->jobs)))
		ice_job_free(i, job);
}

void host_ice_clear(struct host *h)
{
	struct host_ice *i = h->ice;
	if (!i)
		return;
	bytes_free(&i->relay.secret);
	free(i->secret_path);
	json_decref(i->candidates);
	free(TAKE(h->ice));
}

void host_ice_refresh(struct host *h)
{
	struct host_ice *i = h->ice;
	struct reload_error_text why = { 0 };
	if (i && i->secret_path && agent_relay_secret(&i->relay, i->secret_path, &why))
		agent_log(h->agent.log, "agent", RELOAD_LEVEL_ERROR,
			"the secret of the TURN servers was not read: %s: %s", why.what,
			why.reason);
}

/* -- which links are asked for ---------------------------------------------------------------------------------------------- */

static struct ice_job *job_find(const struct host_ice *i, struct ice_thing of)
{
	struct ice_job *job;
	TAILQ_FOREACH (job, &i->jobs, entry)
		if (ice_thing_is(job->of, of))
			return job;
	return NULL;
}

static void gather_now(struct host *h, struct ice_thing of, const struct reload_ice_gather *how)
{
	switch (of.type) {
	case ICE_THING_LINK:
		reload_links_gather(h->links, of.number, how);
		break;
	case ICE_THING_APP:
		reload_app_streams_gather(h->agent.app_streams, of.number, of.packets, how);
		break;
	case ICE_THING_MEDIA:
		h->ice->media->gather(&h->agent, of.number, how);
		break;
	}
}

void ice_job_free(struct host_ice *i, struct ice_job *job)
{
	TAILQ_REMOVE(&i->jobs, job, entry);
	OPENSSL_cleanse(job->password, sizeof(job->password));
	free(job);
}

void ice_gather(struct host *h, struct ice_thing of, bool controlling)
{
	struct host_ice *i = h->ice;
	if (!i) { /* the configuration has become one with ICE, and this agent is on its way out */
		static const struct reload_ice_gather none;
		gather_now(h, of, &none);
		return;
	}
	struct ice_job *job = RELOAD_NEW(ice_job);
	job->of = of;
	job->controlling = controlling;
	job->begun = reload_poll_now();
	TAILQ_INSERT_TAIL(&i->jobs, job, entry);
	ice_soon(i);
}

/* -- gathering -------------------------------------------------------------------------------------------------------------- */

/* Where packets to the default gateway and to the bootstrap nodes leave this host: reload_udp_source() finds a route, and sends nothing. */
static size_t sources(const struct host_ice *i, struct reload_ip_port out[ICE_SOURCES])
{
	static const char *const far[] = { "192.0.2.1:9", "[2001:db8::1]:9" };
	struct reload_ip_port to[ICE_SOURCES];
	size_t count = 0, found = 0;
	for (size_t k = 0; k < COUNT_OF(far); k++)
		if (!reload_ip_port_parse(&to[count], far[k], 9))
			count++;
	count += host_join_bootstrap(i->h, &to[count], COUNT_OF(to) - count);
	for (size_t k = 0; k < count; k++)
		if (reload_udp_source(&out[found], &to[k]))
			found++;
	return found;
}

/*
 * The addresses at which the agent listens, of a wildcard those of the interfaces as they are now; routed ones come first.  *used: so many of them,
 * the routed ones and a few others, have candidates.  Each one more makes a pair with each candidate of the other end, and of a hundred pairs
 * (RFC 5245 s5.7.3) those through bridges and tunnels would leave no place to the one that works.
 */
static size_t addresses(
	const struct host_ice *i, struct reload_ip_port out[HOST_INTERFACES_MAX], size_t *used)
{
	struct reload_ip_port all[HOST_INTERFACES_MAX], from[ICE_SOURCES];
	size_t count = host_own_addresses(i->h, all, COUNT_OF(all)), routed = 0, kept = 0,
	       from_count = sources(i, from);
	for (int pass = 1; pass >= 0; pass--) {
		for (size_t k = 0; k < count; k++) {
			bool is = false;
			for (size_t n = 0; n < from_count; n++)
				is |= reload_ip_port_same_host(&all[k], &from[n]);
			if (is == pass)
				out[kept++] = all[k];
		}
		routed = pass ? kept : routed;
	}
	*used = kept - routed > ICE_OTHERS ? routed + ICE_OTHERS : kept;
	return kept;
}

/* Of the STUN servers that answered, each group in turn (RFC 6940 s6.5.1.4). */
static bool stun_server(struct host_ice *i, struct reload_ip_port *out)
{
	struct reload_ip_port all[ICE_SERVERS];
	size_t count = reload_stun_servers_choose(&i->stun, all, COUNT_OF(all));
	if (i->nat.mapping == AGENT_NAT_BLOCKED || i->nat.mapping == AGENT_NAT_NONE)
		return false; /* it is not waited for, or shows the addresses that are known */
	if (count) {
		*out = all[i->turn_of++ % count];
		return true;
	}
	for (size_t k = 0; k < i->nat.count; k++)
		if ((i->nat.at[k].mapped.type || i->nat.round.running) && !i->nat.at[k].turn) {
			*out = i->nat.at[k].at;
			return true;
		}
	return false;
}

static void server_choose(struct host_ice *i, struct ice_job *job, struct reload_ice_server *server)
{
	bool relay = ice_relay_needed(i) || job->of.relay_only;
	const struct reload_turn_known *known = relay ? ice_turn(i) : NULL;
	*server = (struct reload_ice_server){ 0 };
	job->turn = known != NULL;
	if (!known) {
		if (stun_server(i, &server->at))
			server->type = RELOAD_ICE_STUN;
		return;
	}
	reload_turn_credential(job->user, job->password, bytes_span(i->relay.secret),
		&i->h->identity.credentials.node, reload_poll_wall() + AGENT_RELAY_CREDENTIAL_MS);
	job->server = known->address;
	server->type =
		i->nat.mapping == AGENT_NAT_BLOCKED ? RELOAD_ICE_TURN_TCP : RELOAD_ICE_TURN_UDP;
	server->at = known->address;
	server->user = job->user;
	server->password = job->password;
}

static const char *thing_name(struct ice_thing of)
{
	static const char *const names[] = { "link", "app", "media" };
	return names[of.type];
}

static void gather(struct host_ice *i, struct ice_job *job)
{
	struct reload_ip_port at[HOST_INTERFACES_MAX];
	char text[64], wait[32] = "";
	struct reload_ice_gather how = { .controlling = job->controlling,
		.relay_only = i->relay_only || job->of.relay_only,
		.addresses = at };
	(void)addresses(i, at, &how.addresses_count);
	server_choose(i, job, &how.server);
	if (how.server.type == RELOAD_ICE_STUN) {
		how.wait_ms = ice_stun_wait(i, &how.server.at);
		snprintf(wait, sizeof(wait), " for %d ms", (int)how.wait_ms);
	}
	job->gathering = true;
	agent_log(i->h->agent.log, "link", RELOAD_LEVEL_DEBUG,
		"gathering %s=%u addresses=%zu server=%s%s%s", thing_name(job->of),
		job->of.number & INT32_MAX, how.addresses_count,
		!how.server.type                         ? "none"
		: how.server.type == RELOAD_ICE_STUN     ? "STUN "
		: how.server.type == RELOAD_ICE_TURN_UDP ? "TURN "
							 : "TURN over TCP ",
		how.server.type ? reload_ip_port_text(text, &how.server.at) : "", wait);
	gather_now(i->h, job->of, &how);
}

/* -- what is to be known first ------------------------------------------------------------------------------------------------ */

static void fail_now(struct host *h, struct ice_thing of)
{
	if (of.type == ICE_THING_MEDIA) {
		h->ice->media->no_way(&h->agent, of.number);
		return;
	}
	if (of.type == ICE_THING_APP) {
		reload_app_streams_end(h->agent.app_streams, of.number);
		reload_peer_app_down(h->agent.peer, of.number, RELOAD_UNREACHABLE);
		return;
	}
	reload_links_close(h->links, of.number);
	reload_peer_link_down(h->agent.peer, of.number, RELOAD_UNREACHABLE);
}

/* Runs what can go on; called again by ice_soon() whenever something it waits for has happened. */
static void go_on(void *arg)
{
	struct host_ice *i = arg;
	struct ice_job *job, *next;
	reload_ms now = reload_poll_now(), first = RELOAD_NEVER;
	bool waiting = false, relay = ice_relay_needed(i);
	TAILQ_FOREACH (job, &i->jobs, entry) {
		waiting |= !job->gathering && !job->failed;
		relay |= job->of.relay_only;
	}
	reload_ms hold = waiting && ice_measure(i) ? ice_hold(i) : 0;
	if (waiting && !hold && relay && agent_relay_search(&i->relay) && !ice_turn(i))
		hold = ICE_HOLD_MS;
	if (i->h->as_client && !i->nat.round.running && !ice_cut_off(i)) {
		ice_become_peer(i);
		return;
	}
	if (!hold && ice_become_client(i))
		return;
	TAILQ_FOREACH_SAFE(job, &i->jobs, entry, next)
	{
		if (job->failed) {
			struct ice_thing of = job->of;
			ice_job_free(i, job);
			fail_now(i->h, of);
			ice_soon(i); /* the engine may have changed the jobs */
			return;
		}
		if (job->gathering)
			continue;
		if (!hold || now - job->begun >= hold)
			gather(i, job);
		else if (job->begun + hold < first)
			first = job->begun + hold;
	}
	if (first != RELOAD_NEVER && !i->again.armed)
		reload_timer_arm(reload_poll_timers(i->h->agent.poll), &i->again, first, go_on, i);
}

/* -- candidates --------------------------------------------------------------------------------------------------------------- */

static void fail_later(struct host_ice *i, struct ice_thing of)
{
	struct ice_job *job = job_find(i, of);
	if (!job) {
		job = RELOAD_NEW(ice_job);
		job->of = of;
		TAILQ_INSERT_TAIL(&i->jobs, job, entry);
	}
	job->failed = true;
	ice_soon(i);
}

static void turn_judge(struct host_ice *i, const struct ice_job *job,
	const struct reload_ice_local *all, size_t count, const char *why)
{
	bool relayed = false;
	char text[64];
	for (size_t k = 0; k < count; k++)
		relayed |= all[k].item.type == RELOAD_ICE_RELAY;
	if (!job->turn)
		return;
	reload_turn_result(&i->relay.search, &job->server, relayed, reload_poll_now());
	if (!relayed)
		agent_log_cause(i->h->agent.log, "link", RELOAD_LEVEL_WARN, "no relay", 0,
			"no relay from TURN server %s: %s", reload_ip_port_text(text, &job->server),
			why ? why : "it gave none");
}

void ice_gathered(struct host *h, struct ice_thing of, const struct reload_ice_found *found)
{
	struct host_ice *i = h->ice;
	struct ice_job *job = job_find(i, of);
	struct reload_ip_port from[ICE_SOURCES], interfaces[HOST_INTERFACES_MAX];
	struct reload_ice_candidate out[RELOAD_ICE_CANDIDATES_MAX];
	if (job)
		turn_judge(i, job, found->candidates, found->count, found->why);
	reload_ice_mark_routed(found->candidates, found->count, from, sources(i, from));
	size_t count = reload_ice_choose(found->candidates, found->count, i->loopback,
		i->relay_only || (job && job->of.relay_only));
	ice_candidates_note(i, found->candidates, found->count);
	size_t used, all = addresses(i, interfaces, &used);
	ice_unused_note(i, interfaces + used, all - used);
	if (found->why)
		agent_log(h->agent.log, "link", RELOAD_LEVEL_DEBUG, "gathered %s=%u: %s",
			thing_name(of), of.number & INT32_MAX, found->why);
	if (!count || ice_cut_off(i)) { /* where UDP does not pass, only a relay is of use */
		fail_later(i, of);
		return;
	}
	if (job)
		ice_job_free(i, job);
	if (of.type == ICE_THING_MEDIA) {
		i->media->gathered(&h->agent, of.number, found, count);
		return;
	}
	for (size_t k = 0; k < count; k++)
		reload_ice_offer(&out[k], &found->candidates[k]);
	const struct reload_ice_gathered own = { .ufrag = span_str(found->ufrag),
		.password = span_str(found->password),
		.candidates = out,
		.count = count };
	if (of.type == ICE_THING_APP)
		reload_peer_app_gathered(h->agent.peer, of.number, &own);
	else
		reload_peer_gathered(h->agent.peer, of.number, &own);
}

static void check_now(struct host *h, struct ice_thing of, const struct reload_ice_remote *remote)
{
	switch (of.type) {
	case ICE_THING_LINK:
		reload_links_check(h->links, of.number, remote);
		break;
	case ICE_THING_APP:
		reload_app_streams_check(h->agent.app_streams, of.number, remote);
		break;
	case ICE_THING_MEDIA:
		h->ice->media->check(&h->agent, of.number, remote);
		break;
	}
}

void ice_check(struct host *h, struct ice_thing of, struct span ufrag, struct span password,
	const struct reload_ice_candidate *candidates, size_t count)
{
	struct host_ice *i = h->ice;
	struct reload_ice_item items[RELOAD_ICE_CANDIDATES_MAX];
	const char *left_out = NULL;
	if (!i)
		return;
	const char *fault = reload_ice_credentials_fault(ufrag, password);
	size_t kept = reload_ice_remote(items, &left_out, candidates, count, i->loopback);
	if (left_out || fault)
		agent_log_cause(h->agent.log, "link", RELOAD_LEVEL_INFO, "candidate", 0,
			"of the other end %s=%u: %s", thing_name(of), of.number & INT32_MAX,
			fault ? fault : left_out);
	if (fault || !kept) {
		fail_later(i, of);
		return;
	}
	char *user = strndup((const char *)ufrag.at, ufrag.len),
	     *secret = strndup((const char *)password.at, password.len);
	check_now(h, of,
		&(struct reload_ice_remote){
			.ufrag = user, .password = secret, .candidates = items, .count = kept });
	OPENSSL_cleanse(secret, strlen(secret));
	free(secret);
	free(user);
}

/* -- what became of it ---------------------------------------------------------------------------------------------------------- */

void host_ice_up(struct host *h, uint32_t link, const struct reload_ip_port *peer, bool incoming)
{
	struct reload_link_info info;
	if (h->ice && !incoming && reload_links_info(h->links, link, &info) && !info.pair)
		(void)reload_stun_servers_seen(&h->ice->stun, link, peer, NULL);
}

void ice_forget(struct host *h, struct ice_thing of)
{
	struct ice_job *job = h->ice ? job_find(h->ice, of) : NULL;
	if (job)
		ice_job_free(h->ice, job);
}

void ice_down(struct host *h, struct ice_thing of)
{
	struct ice_job *job = h->ice ? job_find(h->ice, of) : NULL;
	if (job && job->gathering)
		turn_judge(h->ice, job, NULL, 0, NULL);
	ice_forget(h, of);
	if (h->ice)
		h->ice->tried_of.number = 0;
}
