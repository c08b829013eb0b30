#include "sim/gauge.h"

#include "util/alloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * The truth: N is how many peers have joined, at the moment of the look.  L and U are known when the run is over: joins per second, and for U joins and
 * departures per peer and second, over all looks.  So these fit runs whose churn stays the same.
 */

enum {
	PERCENT = 100
};

static int by_id(const void *a, const void *b)
{
	return reload_id_cmp(&(*(struct reload_sim_node *const *)a)->id,
		&(*(struct reload_sim_node *const *)b)->id);
}

static size_t joined_peers(struct reload_sim *s, struct reload_sim_node **out)
{
	size_t count = 0;
	for (size_t i = 0; i < reload_sim_count(s); i++) {
		struct reload_sim_node *n = reload_sim_node(s, i);
		if (n->peer && n->role == RELOAD_ROLE_PEER && n->state == RELOAD_STATE_JOINED)
			out[count++] = n;
	}
	qsort(out, count, sizeof(struct reload_sim_node *), by_id);
	return count;
}

static double error_percent(double is, double should)
{
	return should > 0 ? PERCENT * fabs(is / should - 1) : 0;
}

static void look_at(struct reload_sim_gauge *g, const struct reload_status *s, size_t peers)
{
	if (!s->is_tuned)
		return;
	const struct reload_topology_tuning *t = &s->tuning;
	reload_sim_numbers_add(&g->size_error, error_percent(t->in_force.size, (double)peers));
	reload_sim_numbers_add(&g->own_size_error, error_percent(t->own.size, (double)peers));
	reload_sim_numbers_add(&g->interval_s, t->interval.s);
	reload_sim_numbers_add(&g->failures, t->in_force.failures);
	reload_sim_numbers_add(&g->joins, t->in_force.joins);
	reload_sim_numbers_add(&g->own_failures, t->own.failures);
	reload_sim_numbers_add(&g->own_joins, t->own.joins);
}

void reload_sim_gauge_look(struct reload_sim_gauge *g, struct reload_sim *s)
{
	struct reload_sim_node **peers =
		reload_alloc_array(reload_sim_count(s) + 1, sizeof(struct reload_sim_node *));
	size_t count = joined_peers(s, peers), before = g->interval_s.count;
	reload_ms now = reload_sim_now(s);
	for (size_t i = 0; i < count; i++) {
		struct reload_status status;
		if (peers[i]->byzantine)
			continue;
		reload_peer_status(peers[i]->peer, &status);
		look_at(g, &status, count);
		bool right = count == 1 || (status.tables.successors_count &&
						   reload_id_eq(&status.tables.successors[0],
							   &peers[(i + 1) % count]->id));
		g->successors++;
		g->wrong_successors += !right;
	}
	if (!g->first) {
		g->first = now;
		g->joined_first = count;
	}
	g->peer_seconds += (double)count * (double)(g->last ? now - g->last : 0) / RELOAD_SECOND;
	g->last = now;
	g->interval_mean_s = 0;
	for (size_t i = before; i < g->interval_s.count; i++)
		g->interval_mean_s += g->interval_s.at[i] / (double)(g->interval_s.count - before);
	g->joined_last = count;
	free(peers);
}

static struct reload_sim_spread errors(struct reload_sim_numbers *n, double truth)
{
	struct reload_sim_numbers e = { 0 };
	for (size_t i = 0; i < n->count; i++)
		reload_sim_numbers_add(&e, error_percent(n->at[i], truth));
	struct reload_sim_spread s = reload_sim_numbers_spread(&e);
	reload_sim_numbers_clear(&e);
	return s;
}

void reload_sim_gauge_fill(
	struct reload_sim_gauge *g, uint64_t joins, struct reload_sim_outcome *out)
{
	double seconds = (double)(g->last - g->first) / RELOAD_SECOND;
	double left = (double)joins + (double)g->joined_first - (double)g->joined_last;
	out->size_error = reload_sim_numbers_spread(&g->size_error);
	out->own_size_error = reload_sim_numbers_spread(&g->own_size_error);
	out->interval_s = reload_sim_numbers_spread(&g->interval_s);
	if (seconds > 0 && joins) {
		out->joins_error = errors(&g->joins, (double)joins / seconds);
		out->own_joins_error = errors(&g->own_joins, (double)joins / seconds);
	}
	if (g->peer_seconds > 0 && left > 0) {
		out->failures_error = errors(&g->failures, left / g->peer_seconds);
		out->own_failures_error = errors(&g->own_failures, left / g->peer_seconds);
	}
	if (g->successors)
		out->wrong_successors_percent =
			PERCENT * (double)g->wrong_successors / (double)g->successors;
}

void reload_sim_gauge_clear(struct reload_sim_gauge *g)
{
	struct reload_sim_numbers *all[] = { &g->size_error, &g->own_size_error, &g->interval_s,
		&g->failures, &g->joins, &g->own_failures, &g->own_joins };
	for (size_t i = 0; i < COUNT_OF(all); i++)
		reload_sim_numbers_clear(all[i]);
}
