/*
 * What it costs to find a service by ReDiR (RFC 7374): registrations and lookups of service/redir.h over a map instead of a ring.
 *
 *   services [--short] [--seed N] [--svg FILE]
 *
 * prints a line of JSON for each row of the tables of tests/sim/README.md and draws Fetches per lookup over the number of providers.
 */
#include "services.h"

#include "sim/plot.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	ROUNDS = 3,
	SIZES_MAX = 8
};

/* One row: a number of providers, the tree, where walks begin, and where the Node-IDs are. */
struct row {
	unsigned providers;
	uint32_t branching;
	bool adaptive, narrow;
	unsigned lookups;
};

struct outcome {
	double fetches; /* mean of a lookup */
	unsigned p99, most;
	double stores, round_fetches; /* means of a provider in a round */
	size_t entries;               /* of the tree node with the most */
	double busiest; /* the part of all Fetches of lookups that one tree node serves */
	double load,
		ideal; /* lookups that end at a provider: the most, over the mean; and if each ended at the follower */
	double exact[ROUNDS];
};

struct bench {
	struct row row;
	struct map map;
	struct reload_prng random;
	struct reload_id *ids; /* sorted */
	unsigned *starts;
	unsigned *found, *due; /* lookups that ended at each, and should have */
	unsigned *costs;       /* Fetches of each lookup */
	struct reload_redir_history history;
};

int services_by_id(const void *a, const void *b)
{
	return reload_id_cmp(a, b);
}

size_t services_follower(const struct reload_id *ids, size_t count, const struct reload_id *key)
{
	size_t low = 0, high = count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (reload_id_cmp(&ids[middle], key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct reload_id services_draw_id(struct reload_prng *r, bool narrow)
{
	static const uint8_t arc[] = { 0x5a, 0xa5, 0x0f, 0xf0 };
	struct reload_id id = { .len = 16 };
	reload_prng_bytes(r, id.at, id.len);
	if (narrow)
		memcpy(id.at, arc, sizeof(arc));
	return id;
}

static void bench_init(struct bench *b, const struct row *row, uint64_t seed)
{
	*b = (struct bench){ .row = *row };
	map_init(&b->map, row->branching);
	reload_prng_seed(&b->random, seed);
	b->ids = reload_alloc_array(row->providers, sizeof(*b->ids));
	b->starts = reload_alloc_array(row->providers, sizeof(*b->starts));
	b->found = reload_alloc_array(row->providers, sizeof(*b->found));
	b->due = reload_alloc_array(row->providers, sizeof(*b->due));
	b->costs = reload_alloc_array(row->lookups, sizeof(*b->costs));
	for (unsigned i = 0; i < row->providers; i++) {
		b->ids[i] = services_draw_id(&b->random, row->narrow);
		b->starts[i] = RELOAD_REDIR_START;
	}
	qsort(b->ids, row->providers, sizeof(*b->ids), services_by_id);
}

static void bench_clear(struct bench *b)
{
	map_clear(&b->map);
	free(b->ids);
	free(b->starts);
	free(b->found);
	free(b->due);
	free(b->costs);
}

/* All providers make a round, in an order that is different each time. */
static void make_round(struct bench *b)
{
	unsigned count = b->row.providers, *order = reload_alloc_array(count, sizeof(*order));
	for (unsigned i = 0; i < count; i++) {
		unsigned k = (unsigned)reload_prng_below(&b->random, i + 1);
		order[i] = order[k];
		order[k] = i;
	}
	for (unsigned i = 0; i < count; i++) {
		struct reload_redir_registration r =
			map_register(&b->map, &b->ids[order[i]], b->starts[order[i]]);
		if (b->row.adaptive)
			b->starts[order[i]] = r.level;
	}
	free(order);
}

/* Looks for as many keys as the row says; returns the part of the answers that are the follower of the key. */
static double look_up(struct bench *b)
{
	unsigned count = b->row.providers, exact = 0;
	memset(b->found, 0, count * sizeof(*b->found));
	memset(b->due, 0, count * sizeof(*b->due));
	for (size_t i = 0; i < MAP_NODES; i++)
		b->map.nodes[i].requests = 0;
	b->map.fetches = 0;
	for (unsigned i = 0; i < b->row.lookups; i++) {
		/* searchers are anywhere; in a narrow arc half of them are among the providers */
		struct reload_id key = services_draw_id(&b->random, b->row.narrow && i % 2);
		size_t want = services_follower(b->ids, count, &key);
		struct reload_redir_lookup l = map_lookup(&b->map, &key, NULL,
			b->row.adaptive ? reload_redir_history_start(&b->history)
					: RELOAD_REDIR_START,
			reload_prng_next(&b->random));
		reload_redir_history_add(&b->history, l.level);
		b->costs[i] = l.fetches;
		if (l.err)
			continue;
		size_t got = services_follower(b->ids, count, &l.provider);
		exact += want == count ? l.wrapped : got == want;
		b->found[got]++;
		b->due[want % count]++;
	}
	return (double)exact / b->row.lookups;
}

static int by_number(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
	return (x > y) - (x < y);
}

static double most_over_mean(const unsigned *numbers, unsigned count)
{
	unsigned most = 0;
	double sum = 0;
	for (unsigned i = 0; i < count; i++) {
		most = numbers[i] > most ? numbers[i] : most;
		sum += numbers[i];
	}
	return sum > 0 ? most * count / sum : 0;
}

static struct outcome measure(const struct row *row, uint64_t seed)
{
	struct outcome o = { 0 };
	struct bench b;
	bench_init(&b, row, seed);
	for (unsigned round = 0; round < ROUNDS; round++) {
		b.map.stores = b.map.fetches = 0;
		make_round(&b);
		o.stores = (double)b.map.stores / row->providers;
		o.round_fetches = (double)b.map.fetches / row->providers;
		o.exact[round] = look_up(&b);
		map_expire(&b.map);
	}
	o.fetches = (double)b.map.fetches / row->lookups;
	qsort(b.costs, row->lookups, sizeof(*b.costs), by_number);
	o.p99 = b.costs[row->lookups * 99 / 100];
	o.most = b.costs[row->lookups - 1];
	for (size_t i = 0; i < MAP_NODES; i++) {
		const struct map_node *n = &b.map.nodes[i];
		double part = (double)n->requests / (double)b.map.fetches;
		o.entries = n->count > o.entries ? n->count : o.entries;
		o.busiest = part > o.busiest ? part : o.busiest;
	}
	o.load = most_over_mean(b.found, row->providers);
	o.ideal = most_over_mean(b.due, row->providers);
	bench_clear(&b);
	return o;
}

static void put_line(json_t *o)
{
	json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(5));
	putchar('\n');
	fflush(stdout);
	json_decref(o);
}

static void put_row(const struct row *r, const struct outcome *o)
{
	put_line(json_pack("{s:s, s:i, s:i, s:b, s:b, s:i, s:f, s:i, s:i, s:f, s:f, s:i, s:f, s:f, "
			   "s:f, s:[f, f, f]}",
		"type", "steady", "providers", (int)r->providers, "branching", (int)r->branching,
		"adaptive", (int)r->adaptive, "narrow", (int)r->narrow, "lookups", (int)r->lookups,
		"fetches", o->fetches, "p99", (int)o->p99, "max", (int)o->most, "stores", o->stores,
		"round_fetches", o->round_fetches, "entries", (int)o->entries, "busiest",
		o->busiest, "load", o->load, "ideal", o->ideal, "exact", o->exact[0], o->exact[1],
		o->exact[2]));
}

static const uint32_t factors[] = { 2, 4, 10 };

/* The curves of the picture: for each factor, with a fixed and with an adaptive starting level. */
struct curves {
	struct reload_sim_point points[COUNT_OF(factors)][2][SIZES_MAX];
	size_t counts[COUNT_OF(factors)][2];
};

static void steady(bool brief, uint64_t seed, struct curves *out)
{
	static const unsigned all[SIZES_MAX] = { 1, 3, 10, 30, 100, 500, 2000, 5000 };
	static const unsigned few[] = { 10, 100, 2000 };
	const unsigned *sizes = brief ? few : all;
	for (int narrow = 0; narrow < 2; narrow++)
		for (size_t s = 0; s < (brief ? COUNT_OF(few) : COUNT_OF(all)); s++)
			for (size_t f = 0; f < COUNT_OF(factors); f++)
				for (int adaptive = 0; adaptive < 2; adaptive++) {
					struct row row = { sizes[s], factors[f], adaptive, narrow,
						brief ? 500 : 20000 };
					if (narrow && sizes[s] != 100 &&
						(brief || sizes[s] != 2000))
						continue;
					struct outcome o = measure(&row, seed);
					put_row(&row, &o);
					if (!narrow)
						out->points[f][adaptive]
							   [out->counts[f][adaptive]++] =
							(struct reload_sim_point){ sizes[s],
								o.fetches };
				}
}

static void churning(bool brief, uint64_t seed)
{
	static const unsigned sessions[] = { 600, 3600, 86400 };
	for (size_t s = 0; s < COUNT_OF(sessions); s++)
		for (size_t f = 0; f < COUNT_OF(factors); f++)
			for (unsigned loss = 0; loss < 2; loss++) {
				struct services_churn c = { .providers = brief ? 50 : 200,
					.branching = factors[f],
					.session_s = sessions[s],
					.loss_s = loss * 3600,
					.hours = brief ? 1 : 4 };
				if (brief && (loss || f || s != 1))
					continue;
				put_line(services_churn_run(&c, seed));
			}
}

static void at_a_ring(bool brief, uint64_t seed)
{
	for (size_t f = 0; f < COUNT_OF(factors); f++)
		for (int adaptive = 0; adaptive < 2; adaptive++)
			if (!brief || (!adaptive && factors[f] == 4))
				put_line(services_ring_run(brief ? 20 : 200, factors[f], adaptive,
					brief ? 50 : 500, seed));
}

static bool draw(const char *path, const struct curves *c)
{
	static const char *const names[COUNT_OF(factors)][2] = { { "b = 2", "b = 2, adaptive" },
		{ "b = 4", "b = 4, adaptive" }, { "b = 10", "b = 10, adaptive" } };
	struct reload_sim_curve curves[2 * COUNT_OF(factors)];
	struct wr w;
	for (size_t f = 0; f < COUNT_OF(factors); f++)
		for (size_t a = 0; a < 2; a++)
			curves[2 * f + a] = (struct reload_sim_curve){ names[f][a],
				a ? RELOAD_SIM_MARK_DOTS : RELOAD_SIM_MARK_DASHES, c->points[f][a],
				c->counts[f][a] };
	struct reload_sim_plot plot = { .title = "Fetches per lookup of a service",
		.desc = "Mean number of Fetches until a provider is found, over the number of "
			"providers, for three branching factors, from level 2 on and from the "
			"level "
			"at which most of the last lookups ended.",
		.x_name = "providers",
		.y_name = "Fetches",
		.log_x = true,
		.curves = curves,
		.count = COUNT_OF(curves) };
	FILE *f = fopen(path, "w");
	if (!f)
		return false;
	wr_init(&w);
	reload_sim_plot_svg(&w, &plot);
	bool good = fwrite(w.at, 1, w.len, f) == w.len;
	wr_clear(&w);
	return !fclose(f) && good;
}

int main(int argc, char **argv)
{
	struct curves curves = { 0 };
	const char *svg = NULL;
	uint64_t seed = 1;
	bool brief = false;
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--short"))
			brief = true;
		else if (!strcmp(argv[i], "--svg") && i + 1 < argc)
			svg = argv[++i];
		else if (!strcmp(argv[i], "--seed") && i + 1 < argc)
			seed = strtoull(argv[++i], NULL, 10);
		else
			return fputs("services [--short] [--seed N] [--svg FILE]\n", stderr), 2;
	steady(brief, seed, &curves);
	churning(brief, seed);
	at_a_ring(brief, seed);
	if (svg && !draw(svg, &curves)) {
		fprintf(stderr, "services: %s: %s\n", svg, strerror(errno));
		return 1;
	}
	return 0;
}
