/*
 * The same registrations and lookups at a simulated ring and at a map: what holds over a map holds over a ring when every answer is the same.
 *
 * Each peer of the ring is a provider, and they make their rounds one after the other.
 */
#include "services.h"

#include "sim/world.h"
#include "topology/topology.h"

#include <stdlib.h>

#define SERVICE "example.ring.echo"

enum {
	ROUNDS = 3,
	STEP_MS = 5,        /* between two looks whether there is an answer */
	LONGEST_MS = 60000, /* that an answer may take */
	JOIN_EVERY_MS = 250,
	SETTLE_MS = 120000,
	MESSAGE_MAX = 1 << 20 /* tree nodes are read as a whole */
};

struct ring {
	uint32_t branching;
	struct reload_sim *sim;
	struct reload_kind *kinds,
		*before; /* those of the configuration: owned, and as they were */
	size_t kinds_before;
	/* the answer to the last request */
	bool done;
	enum reload_err err;
	struct reload_redir_place place;
	struct reload_redir_entry *entries; /* owned; without routes */
	size_t entries_count;
	size_t failed; /* requests */
};

/* The configuration with the Kind REDIR, which has its place by its number. */
static void add_kind(struct ring *r)
{
	struct reload_config *config = reload_sim_config(r->sim);
	struct reload_kind redir = *reload_kind_registered(RELOAD_KIND_REDIR, NULL);
	size_t at = 0;
	redir.branching_factor = r->branching;
	redir.max_count = 4096;
	redir.max_size = 384;
	r->before = config->kinds.at;
	r->kinds_before = config->kinds.count;
	r->kinds = reload_alloc_array(r->kinds_before + 1, sizeof(*r->kinds));
	while (at < r->kinds_before && r->before[at].id < redir.id)
		at++;
	memcpy(r->kinds, r->before, at * sizeof(*r->kinds));
	r->kinds[at] = redir;
	memcpy(&r->kinds[at + 1], &r->before[at], (r->kinds_before - at) * sizeof(*r->kinds));
	config->kinds.at = r->kinds;
	config->kinds.count++;
	config->max_message_size = MESSAGE_MAX;
}

static void grow(struct ring *r, size_t peers, uint64_t seed)
{
	const struct reload_sim_setup setup = { .seed = seed,
		.nodes = peers,
		.latency = reload_sim_latency_find("lan"),
		.store_limit = 64 << 20 };
	r->sim = reload_sim_new(&setup, NULL);
	add_kind(r);
	for (size_t i = 0; i < peers; i++) {
		reload_sim_start(r->sim, i, i == 0, RELOAD_ROLE_PEER, NULL, 0);
		reload_sim_run(r->sim, reload_sim_now(r->sim) + JOIN_EVERY_MS);
	}
	reload_sim_run(r->sim, reload_sim_now(r->sim) + SETTLE_MS);
}

static void ring_clear(struct ring *r)
{
	struct reload_config *config = reload_sim_config(r->sim);
	config->kinds.at = r->before;
	config->kinds.count = r->kinds_before;
	reload_sim_free(r->sim);
	free(r->kinds);
	free(r->entries);
}

static void answered(void *arg, const struct reload_result *result)
{
	struct ring *r = arg;
	r->done = true;
	r->err = result->err;
	r->failed += result->err && result->err != RELOAD_NOT_FOUND;
	r->entries = reload_realloc(r->entries, (result->values_count + 1) * sizeof(*r->entries));
	r->entries_count = 0;
	for (size_t i = 0; i < result->values_count; i++) {
		struct reload_redir_entry *e = &r->entries[r->entries_count];
		if (!reload_redir_entry_read(
			    e, &result->values[i], span_str(SERVICE), r->place, r->branching))
			continue;
		e->destination_list = (struct span){ NULL, 0 };
		r->entries_count++;
	}
}

/* One Fetch of all records of a tree node, or one Store of the record of node, and its answer. */
static enum reload_err ask(
	struct ring *r, struct reload_sim_node *node, struct reload_redir_place place, bool store)
{
	uint8_t bytes[RELOAD_REDIR_NAME_MAX];
	struct wr name = wr_fixed(bytes, sizeof(bytes)), value;
	struct reload_id resource;
	enum reload_err err = RELOAD_OK;
	reload_redir_name(&name, span_str(SERVICE), place);
	reload_peer_resource_id(node->peer, &resource, wr_done(&name));
	struct reload_destination to = reload_dest_resource(&resource);
	struct reload_request_target target = { .list = &to, .count = 1 };
	struct reload_specifier all = { .kind = RELOAD_KIND_REDIR,
		.model = RELOAD_MODEL_DICTIONARY };
	wr_init(&value);
	reload_redir_provider_write(&value, &node->id, span_str(SERVICE), place);
	struct reload_store_item item = { .kind = RELOAD_KIND_REDIR,
		.value = { .model = RELOAD_MODEL_DICTIONARY,
			.exists = true,
			.key = reload_id_span(&node->id),
			.value = wr_done(&value) },
		.lifetime_s = RELOAD_REDIR_LIFETIME_S };
	r->done = false;
	r->place = place;
	struct reload_request *request = store ? reload_peer_store(node->peer, &target, &resource,
							 &item, 1, answered, r, &err)
					       : reload_peer_fetch(node->peer, &target, &resource,
							 &all, 1, answered, r, &err);
	wr_clear(&value);
	reload_ms until = reload_sim_now(r->sim) + LONGEST_MS;
	while (request && !r->done && reload_sim_now(r->sim) < until)
		reload_sim_run(r->sim, reload_sim_now(r->sim) + STEP_MS);
	if (request && !r->done)
		reload_request_cancel(node->peer, request);
	return !request ? err : r->done ? r->err : RELOAD_TIMEOUT;
}

static struct reload_redir_registration ring_register(
	struct ring *r, struct reload_sim_node *node, unsigned start)
{
	struct reload_redir_registration round;
	struct reload_redir_step s;
	reload_redir_register(&round, &node->id, r->branching, start);
	while ((s = reload_redir_register_next(&round)).action != RELOAD_REDIR_END) {
		enum reload_err err = ask(r, node, s.place, s.action == RELOAD_REDIR_STORE);
		if (s.action == RELOAD_REDIR_STORE)
			reload_redir_register_stored(&round, err);
		else
			reload_redir_register_fetched(&round, err, r->entries, r->entries_count);
	}
	return round;
}

static struct reload_redir_lookup ring_lookup(
	struct ring *r, struct reload_sim_node *node, const struct reload_id *key, unsigned start)
{
	struct reload_redir_lookup l;
	struct reload_redir_place place;
	reload_redir_lookup(&l, key, NULL, r->branching, start, 0);
	while (reload_redir_lookup_next(&l, &place)) {
		enum reload_err err = ask(r, node, place, false);
		reload_redir_lookup_fetched(&l, err, r->entries, r->entries_count);
	}
	return l;
}

static size_t fullest(const struct map *m)
{
	size_t most = 0;
	for (size_t i = 0; i < MAP_NODES; i++)
		most = m->nodes[i].count > most ? m->nodes[i].count : most;
	return most;
}

json_t *services_ring_run(
	unsigned peers, uint32_t branching, bool adaptive, unsigned lookups, uint64_t seed)
{
	struct ring r = { .branching = branching };
	struct map m;
	unsigned *starts = reload_alloc_array(peers, sizeof(*starts)), same = 0, equal = 0,
		 joined = 0;
	double fetches = 0, over_map = 0, stores = 0;
	struct reload_redir_history history = { 0 };
	struct reload_prng random;
	map_init(&m, branching);
	grow(&r, peers, seed);
	reload_prng_seed(&random, seed);
	for (unsigned i = 0; i < peers; i++) {
		joined += reload_sim_node(r.sim, i)->state == RELOAD_STATE_JOINED;
		starts[i] = RELOAD_REDIR_START;
	}
	for (unsigned round = 0; round < ROUNDS; round++) {
		reload_ms begun = reload_sim_now(r.sim);
		for (unsigned i = 0; i < peers; i++) {
			struct reload_sim_node *node = reload_sim_node(r.sim, i);
			struct reload_redir_registration a = ring_register(&r, node, starts[i]);
			struct reload_redir_registration b = map_register(&m, &node->id, starts[i]);
			equal += a.stored == b.stored && a.level == b.level &&
				 a.fetches == b.fetches;
			starts[i] = adaptive ? a.level : RELOAD_REDIR_START;
			stores += round == ROUNDS - 1 ? a.stores : 0;
		}
		/* all records of the round before end, none of this one does, nor in the time of the lookups */
		reload_sim_run(r.sim, begun + (reload_ms)MAP_ROUND_S * RELOAD_SECOND);
		map_expire(&m);
	}
	for (unsigned i = 0; i < lookups; i++) {
		struct reload_id key = services_draw_id(&random, false);
		unsigned start =
			adaptive ? reload_redir_history_start(&history) : RELOAD_REDIR_START;
		struct reload_sim_node *node =
			reload_sim_node(r.sim, reload_prng_below(&random, peers));
		struct reload_redir_lookup a = ring_lookup(&r, node, &key, start);
		struct reload_redir_lookup b = map_lookup(&m, &key, NULL, start, 0);
		same += a.err == b.err && a.fetches == b.fetches &&
			(a.wrapped ? b.wrapped : reload_id_eq(&a.provider, &b.provider));
		fetches += a.fetches;
		over_map += b.fetches;
		reload_redir_history_add(&history, a.level);
	}
	json_t *o = json_pack("{s:s, s:i, s:i, s:b, s:i, s:i, s:f, s:f, s:f, s:f, s:f, s:i, s:i}",
		"type", "ring", "providers", (int)peers, "branching", (int)branching, "adaptive",
		(int)adaptive, "joined", (int)joined, "lookups", (int)lookups, "fetches",
		fetches / lookups, "map_fetches", over_map / lookups, "same",
		(double)same / lookups, "same_rounds", (double)equal / (peers * ROUNDS), "stores",
		stores / peers, "entries", (int)fullest(&m), "failed", (int)r.failed);
	map_clear(&m);
	ring_clear(&r);
	free(starts);
	return o;
}
