#include "peer/internal.h"

#include <assert.h>

/*
 * The engine's frame: entering and leaving, time, events, counters, making and ending a node.
 *
 * Each input enters (reads the clocks once), does its work, and leaves: timers that are due run, the one deadline is given
 * to the host, and then the results of ended requests are told, last, from one loop, when nothing is half done.
 */

enum {
	DEFAULT_LINKS = 4096,
	DEFAULT_REQUESTS = 4096,
	DEFAULT_WORK = 4096,
	DEFAULT_LINK_WORK = 512,
	DEFAULT_REASSEMBLY = 4 * 1024 * 1024,
	ANSWERS_MAX = 16384,
	ANSWERS_BYTES = 16 * 1024 * 1024,
	STATES_MAX = 65536,
};

static const struct {
	const char *name, *words;
	enum reload_event_level level;
} events[] = {
#define X(name, level, words) [RELOAD_EV_##name] = { #name, words, RELOAD_LEVEL_##level },
#include "peer/events.def"
#undef X
};

static const char *const counters[] = {
#define X(name) [RELOAD_COUNT_##name] = #name,
#include "peer/counters.def"
#undef X
};

const char *reload_event_name(enum reload_event_type type)
{
	return events[type].name;
}

const char *reload_event_words(enum reload_event_type type)
{
	return events[type].words;
}

enum reload_event_level reload_event_level(enum reload_event_type type)
{
	return events[type].level;
}

const char *reload_counter_name(enum reload_counter counter)
{
	return counters[counter];
}

const char *reload_state_name(enum reload_state state)
{
	static const char *const names[] = { "init", "configured", "enrolled", "bootstrapping",
		"attaching", "joining", "joined", "leaving", "isolated", "stopped" };
	return names[state];
}

const char *reload_phase_name(enum reload_phase phase)
{
	static const char *const names[] = { "bootstrap", "attach", "join", "neighbours" };
	return phase < RELOAD_PHASES ? names[phase] : "done";
}

void reload_peer_enter(struct reload_peer *p)
{
	assert(!p->inside); /* an operation of the host called back */
	p->inside = true;
	p->cause = 0;
	p->now = p->ops->now(p->host);
	p->wall = p->ops->wall(p->host);
}

void reload_peer_exit(struct reload_peer *p)
{
	reload_timers_run(&p->timers, p->now);
	p->inside = false;
	reload_requests_complete(p);
	p->ops->wake_at(p->host, reload_timers_next(&p->timers));
}

void reload_peer_exit_later(struct reload_peer *p)
{
	p->inside = false;
	p->ops->wake_at(p->host, TAILQ_EMPTY(&p->done) ? reload_timers_next(&p->timers) : p->now);
}

void reload_peer_event(struct reload_peer *p, const struct reload_event *ev)
{
	p->ops->event(p->host, ev);
}

void reload_peer_drop(struct reload_peer *p, enum reload_counter counter, uint32_t link,
	uint64_t transaction, const char *words)
{
	reload_peer_count(p, counter);
	reload_peer_event(p, &(struct reload_event){ .type = RELOAD_EV_DROPPED,
				     .link = link,
				     .transaction = transaction,
				     .words = words });
}

void reload_peer_set_state(struct reload_peer *p, enum reload_state state)
{
	if (p->life.state == state)
		return;
	p->life.state = state;
	p->life.since = p->now;
	reload_peer_event(
		p, &(struct reload_event){
			   .type = RELOAD_EV_STATE, .code = (uint16_t)state, .node = &p->self });
}

void reload_peer_job(struct reload_peer *p, struct reload_job *job,
	void (*done)(void *arg, struct reload_job *job), void *arg)
{
	job->done = done;
	job->arg = arg;
	job->share = p->cause;
	p->jobs++;
	reload_peer_count(
		p, job->kind == RELOAD_JOB_SIGN ? RELOAD_COUNT_SIGNED : RELOAD_COUNT_VERIFIED);
	p->ops->job(p->host, job);
}

void reload_peer_job_done(struct reload_peer *p, struct reload_job *job)
{
	reload_peer_enter(p);
	p->jobs--;
	job->done(job->arg, job);
	reload_job_free(job);
	reload_peer_exit(p);
}

void reload_peer_wake(struct reload_peer *p)
{
	reload_peer_enter(p);
	reload_peer_exit(p);
}

uint32_t reload_peer_next_link(struct reload_peer *p)
{
	do {
		p->next_link = p->next_link == INT32_MAX ? 1 : p->next_link + 1;
	} while (reload_connection_by_link(p->connections, p->next_link));
	return p->next_link;
}

uint64_t reload_peer_random64(struct reload_peer *p)
{
	uint64_t v = 0;
	while (!v)
		p->ops->random(p->host, &v, sizeof(v));
	return v;
}

reload_ms reload_peer_random_ms(struct reload_peer *p, reload_ms below)
{
	return below ? reload_peer_random64(p) % below : 0;
}

reload_ms reload_peer_around(struct reload_peer *p, reload_ms ms)
{
	return ms / 2 + reload_peer_random_ms(p, ms);
}

struct reload_route reload_peer_route(struct reload_peer *p)
{
	return (struct reload_route){ .ctx = &p->ctx,
		.self = &p->self,
		.connections = p->connections,
		.topology = p->topology,
		.plugin = p->plugin,
		.uplink = p->uplink };
}

static reload_ms transactions_now(void *arg)
{
	return ((struct reload_peer *)arg)->now;
}

void reload_peer_expire(void *arg)
{
	struct reload_peer *p = arg;
	reload_utc next = p->storage->ops->expire(p->storage, p->wall);
	reload_ms wait = next == RELOAD_NEVER || next > p->wall + 60 * RELOAD_SECOND
				 ? 60 * RELOAD_SECOND
				 : 0;
	if (!wait)
		wait = next > p->wall ? next - p->wall : RELOAD_SECOND;
	if (next != RELOAD_NEVER)
		reload_timer_arm(&p->timers, &p->expiry, p->now + wait, reload_peer_expire, p);
}

static void policy_defaults(struct reload_policy *policy)
{
	if (!policy->max_links)
		policy->max_links = DEFAULT_LINKS;
	if (!policy->max_requests)
		policy->max_requests = DEFAULT_REQUESTS;
	if (!policy->max_work)
		policy->max_work = DEFAULT_WORK;
	if (!policy->max_link_work)
		policy->max_link_work = DEFAULT_LINK_WORK;
	if (!policy->max_reassembly)
		policy->max_reassembly = DEFAULT_REASSEMBLY;
}

static void tables_new(struct reload_peer *p)
{
	reload_ms timer = p->config->overlay_reliability_timer_ms,
		  lifetime = timer * RELOAD_TRANSMISSIONS;
	p->cache = reload_cache_new(RELOAD_CACHE_CERTS, RELOAD_CACHE_VALUES);
	reload_credentials_know(p);
	p->connections = reload_connections_new(p->policy.max_links, p->ops->random, p->host);
	p->answers = reload_answers_new(ANSWERS_MAX, ANSWERS_BYTES, lifetime);
	p->states = reload_states_new(STATES_MAX, lifetime);
	p->reassembly = reload_reassembly_new(&p->timers, p->policy.max_reassembly, lifetime);
	p->transactions = (struct reload_transactions){ .timers = &p->timers,
		.now = transactions_now,
		.transmit = reload_requests_transmit,
		.failed = reload_requests_failed,
		.arg = p,
		.interval = timer };
	TAILQ_INIT(&p->work);
	TAILQ_INIT(&p->requests);
	TAILQ_INIT(&p->done);
	TAILQ_INIT(&p->attempts);
	TAILQ_INIT(&p->handovers);
	TAILQ_INIT(&p->held);
	TAILQ_INIT(&p->offers);
	TAILQ_INIT(&p->pings);
	TAILQ_INIT(&p->commits);
}

enum reload_err reload_peer_new(
	struct reload_peer **out, const struct reload_peer_setup *setup, struct reload_why *why)
{
	const struct reload_topology_ops *topology =
		reload_topology_find(setup->config->topology_plugin);
	if (!topology)
		return reload_why_set(why, RELOAD_BAD_CONFIG,
			"the topology plug-in is not supported", "the configuration asks for %s",
			setup->config->topology_plugin);
	struct reload_peer *p = RELOAD_NEW(reload_peer);
	p->ops = setup->ops;
	p->host = setup->host;
	p->config = reload_config_ref(setup->config);
	p->ctx = reload_config_wire_ctx(p->config);
	p->credentials = setup->credentials;
	p->self = setup->credentials->node;
	p->storage = setup->storage;
	p->topology = topology;
	p->policy = setup->policy;
	p->life.role = setup->role;
	policy_defaults(&p->policy);
	reload_cert_identity_write(&p->identity, setup->credentials->cert, &p->self);
	p->now = p->started = p->life.since = p->ops->now(p->host);
	p->wall = p->ops->wall(p->host);
	tables_new(p);
	struct reload_topology_host host = reload_peer_topology_host;
	host.arg = p;
	host.timers = &p->timers;
	p->plugin = topology->new (p->config, &p->self, &host);
	assert(p->plugin); /* the document was checked for what the plug-in needs (CHORD-05) */
	p->life.state = RELOAD_STATE_ENROLLED;
	reload_peer_expire(p);
	*out = p;
	return RELOAD_OK;
}

void reload_peer_free(struct reload_peer *p)
{
	if (!p)
		return;
	assert(!p->inside && !p->jobs); /* the host hands back all jobs first */
	p->closing = true;
	reload_commits_clear(p);
	struct reload_request *r;
	while ((r = TAILQ_FIRST(&p->requests)))
		reload_request_fail(r, RELOAD_CANCELLED, "the node stops");
	reload_requests_complete(p);
	while (!TAILQ_EMPTY(&p->work))
		reload_inbound_free(TAILQ_FIRST(&p->work), true);
	reload_attach_clear(p);
	reload_hold_clear(p);
	reload_maintain_clear(p);
	reload_offer_clear(p);
	reload_pull_clear(p);
	reload_pings_clear(p);
	reload_life_clear(p);
	reload_values_forget(p);
	p->topology->free(p->plugin);
	reload_reassembly_free(p->reassembly);
	reload_states_free(p->states);
	reload_answers_free(p->answers);
	reload_connections_free(p->connections);
	reload_cache_free(p->cache);
	reload_config_free(p->config);
	wr_clear(&p->identity);
	free(p->refused);
	free(p->favours);
	free(p);
}

uint64_t reload_peer_counter(const struct reload_peer *p, enum reload_counter counter)
{
	return p->counters[counter];
}

const struct reload_config *reload_peer_config(const struct reload_peer *p)
{
	return p->config;
}

void reload_peer_resource_id(
	const struct reload_peer *p, struct reload_id *out, struct span resource_name)
{
	p->topology->resource_id(out, resource_name);
}
