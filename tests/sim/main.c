#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <getopt.h>
#include <time.h>

/*
 * One run of the scenario of `make check`: peers join one by one and all at once, store, fetch, leave; the ring and every
 * value are checked.  Prints one line with the digest of the trace.
 */

struct outcome {
	size_t done, good;
	uint64_t hops;
};

static void stored(void *arg, const struct reload_result *r)
{
	struct outcome *o = arg;
	o->done++;
	o->good += !r->err;
	if (r->err)
		fprintf(stderr, "sim: Store failed: %s (%s)\n", reload_err_text(r->err),
			r->words ? r->words : "");
}

static void fetched(void *arg, const struct reload_result *r)
{
	struct outcome *o = arg;
	o->done++;
	o->hops += r->hops;
	bool good = !r->err && r->values_count == 1 && !r->values[0].err &&
		    r->values[0].data->value.exists;
	o->good += good;
	if (!good)
		fprintf(stderr, "sim: Fetch failed: %s (%s), %zu values, %s\n",
			reload_err_text(r->err), r->words ? r->words : "", r->values_count,
			r->values_count ? reload_err_text(r->values[0].err) : "");
}

static size_t running(struct sim *s, size_t not )
{
	for (;;) {
		size_t i = sim_below(s, s->nodes_count);
		if (s->nodes[i].peer && s->nodes[i].state == RELOAD_STATE_JOINED && i != not )
			return i;
	}
}

static bool outcome_full(struct sim *s, void *arg)
{
	(void)s;
	return ((struct outcome *)arg)[0].done >= ((struct outcome *)arg)[1].done;
}

static bool die(struct sim *s, const char *what)
{
	fprintf(stderr, "sim: seed %llu at %llu ms: %s\n  repeat: make sim SEED=%llu\n",
		(unsigned long long)s->setup.seed, (unsigned long long)s->now, what,
		(unsigned long long)s->setup.seed);
	return false;
}

static void name_of(struct sim *s, size_t node, struct reload_id *resource)
{
	reload_peer_resource_id(
		s->nodes[node].peer, resource, span_str(s->nodes[node].credentials.cert->user));
}

/* Every node stores under its own name; the names of nodes that have gone stay. */
static bool store_all(struct sim *s, struct reload_id *resources)
{
	struct outcome o[2] = { { 0 }, { .done = 0 } };
	for (size_t i = 0; i < s->nodes_count; i++) {
		if (!s->nodes[i].peer)
			continue;
		name_of(s, i, &resources[i]);
		struct reload_destination to = reload_dest_resource(&resources[i]);
		struct reload_way way = { .list = &to, .count = 1 };
		struct reload_store_item item = { .kind = 0xf0000001,
			.lifetime_s = 86400,
			.value = {
				.exists = true, .value = span_str("a value of the simulator") } };
		enum reload_err err;
		o[1].done++;
		if (!reload_peer_store(
			    s->nodes[i].peer, &way, &resources[i], &item, 1, stored, &o[0], &err))
			return die(s, reload_err_text(err));
	}
	if (!sim_run(s, s->now + 60000, outcome_full, o) || o[0].good != o[0].done)
		return die(s, "a Store failed");
	return true;
}

static bool fetch_all(struct sim *s, const struct reload_id *resources, uint64_t *hops)
{
	struct outcome o[2] = { { 0 }, { .done = 0 } };
	for (size_t i = 0; i < s->nodes_count; i++) {
		if (!resources[i].len)
			continue;
		struct reload_destination to = reload_dest_resource(&resources[i]);
		struct reload_way way = { .list = &to, .count = 1 };
		struct reload_specifier spec = { .kind = 0xf0000001 };
		enum reload_err err;
		o[1].done++;
		if (!reload_peer_fetch(s->nodes[running(s, i)].peer, &way, &resources[i], &spec, 1,
			    fetched, &o[0], &err))
			return die(s, reload_err_text(err));
	}
	bool full = sim_run(s, s->now + 60000, outcome_full, o);
	*hops += o[0].hops;
	if (!full || o[0].good != o[0].done)
		return die(s, "a Fetch failed");
	return true;
}

/* Looks every 20 ms of virtual time: asking every node after every event would cost more than the run. */
static bool ring_agrees_now(struct sim *s, void *arg)
{
	char fault[160];
	reload_ms *next = arg;
	if (s->now < *next)
		return false;
	*next = s->now + 20;
	return sim_joined(s, NULL) && sim_ring_agrees(s, fault, sizeof(fault));
}

static bool settle(struct sim *s, const char *phase)
{
	char fault[160] = "";
	/* less than a request lifetime: an Attach that both ends leave to the other is noticed */
	reload_ms from = s->now, next = 0, limit = s->setup.loss_per_million ? 120000 : 10000;
	if (!sim_run(s, s->now + limit, ring_agrees_now, &next)) {
		size_t waiting = 0;
		for (size_t i = 0; i < s->nodes_count; i++)
			waiting += s->nodes[i].peer && s->nodes[i].state != RELOAD_STATE_JOINED;
		bool agrees = sim_ring_agrees(s, fault, sizeof(fault));
		fprintf(stderr, "sim: %s: %zu not joined; %s\n", phase, waiting,
			agrees ? "ring agrees" : fault);
		return die(s, "the ring does not close");
	}
	sim_note(s, NULL, phase, s->now - from, 0);
	if (s->setup.trace)
		fprintf(stderr, "sim: %s settled in %llu ms\n", phase,
			(unsigned long long)(s->now - from));
	sim_run(s, s->now + 5000, NULL, NULL); /* certificates are stored, data moves */
	return true;
}

/* Once quiet, each value is at its owner and at the owner's two successors (R-10.4-01, R-10.7.3-05). */
static bool replicated(struct sim *s, const struct reload_id *resources)
{
	for (size_t i = 0; i < s->nodes_count; i++)
		if (resources[i].len && !sim_replicated(s, &resources[i], 0xf0000001))
			return die(s, "a value is not at its owner and two replicas");
	return true;
}

static bool all_good(struct sim *s, const struct reload_id *resources, uint64_t *hops)
{
	if (s->setup.loss_per_million) /* a replica Store that was lost is still being repeated */
		sim_run(s, s->now + 15000, NULL, NULL);
	return fetch_all(s, resources, hops) && replicated(s, resources);
}

static bool leaves(struct sim *s, const struct reload_id *resources, uint64_t *hops)
{
	for (size_t i = 0; i < s->nodes_count / 10; i++) {
		size_t gone = running(s, 0);
		if (gone == 0)
			continue;
		sim_leave(s, gone);
		sim_run(s, s->now + 3000, NULL, NULL);
		sim_stop(s, gone);
		if (!settle(s, "left") || !all_good(s, resources, hops))
			return false;
	}
	return true;
}

/* Half of the peers join one by one, the others all at once; then some leave. */
static bool grow(struct sim *s, struct reload_id *resources, uint64_t *hops)
{
	size_t half = s->nodes_count / 2;
	sim_start(s, 0, true, RELOAD_ROLE_PEER);
	for (size_t i = 1; i < half; i++) {
		sim_start(s, i, false, RELOAD_ROLE_PEER);
		if (!sim_run(s, s->now + 60000, sim_joined, NULL))
			return die(s, "a peer did not join");
	}
	if (!settle(s, "one by one") || !store_all(s, resources) || !all_good(s, resources, hops))
		return false;
	for (size_t i = half; i < s->nodes_count; i++)
		sim_start(s, i, false, RELOAD_ROLE_PEER);
	return settle(s, "all at once") && all_good(s, resources, hops) &&
	       store_all(s, resources) && all_good(s, resources, hops) &&
	       leaves(s, resources, hops);
}

/* All peers join in the same instant; a tenth are clients. */
static bool mass(struct sim *s, struct reload_id *resources, uint64_t *hops)
{
	sim_start(s, 0, true, RELOAD_ROLE_PEER);
	for (size_t i = 1; i < s->nodes_count; i++)
		sim_start(s, i, false, i % 10 ? RELOAD_ROLE_PEER : RELOAD_ROLE_CLIENT);
	return settle(s, "all at once") && store_all(s, resources) &&
	       all_good(s, resources, hops) && leaves(s, resources, hops);
}

int main(int argc, char **argv)
{
	struct sim_setup setup = { .seed = 1, .nodes = 100, .delay_min = 1, .delay_max = 20 };
	bool (*scenario)(struct sim * s, struct reload_id * resources, uint64_t * hops) = grow;
	int c;
	while ((c = getopt(argc, argv, "s:n:l:m:t")) != -1)
		switch (c) {
		case 's':
			setup.seed = strtoull(optarg, NULL, 0);
			break;
		case 'n':
			setup.nodes = strtoull(optarg, NULL, 0);
			break;
		case 'l':
			setup.loss_per_million = (unsigned)strtoul(optarg, NULL, 0);
			break;
		case 't':
			setup.trace = true;
			break;
		case 'm':
			scenario = !strcmp(optarg, "mass")   ? mass
				   : !strcmp(optarg, "grow") ? grow
							     : NULL;
			break;
		default:
			scenario = NULL;
		}
	if (!scenario) {
		fprintf(stderr, "usage: sim [-s SEED] [-n PEERS] [-m grow|mass] [-l "
				"LOSS_PER_MILLION] [-t]\n");
		return 2;
	}
	struct sim *s = sim_new(&setup);
	uint64_t hops = 0;
	struct reload_id *resources = reload_alloc_array(setup.nodes, sizeof(*resources));
	bool ok = scenario(s, resources, &hops);
	printf("seed %llu peers %zu %s digest %016llx virtual_ms %llu events %llu messages %llu "
	       "bytes %llu hops %llu\n",
		(unsigned long long)setup.seed, setup.nodes, ok ? "ok" : "FAILED",
		(unsigned long long)s->digest, (unsigned long long)s->now,
		(unsigned long long)s->events_run, (unsigned long long)s->messages,
		(unsigned long long)s->bytes, (unsigned long long)hops);
	free(resources);
	sim_free(s);
	return !ok;
}
