/*
 * A tree whose providers come and go, second by second.  A provider that ends is replaced by another with a Node-ID of its own, so that their number
 * stays.  A searcher passes over a provider that is gone and looks again, as an agent does.
 */
#include "services.h"

#include <math.h>
#include <stdlib.h>

enum {
	SECONDS = 3600,
	LOOKUPS_A_SECOND = 2
};

struct provider {
	struct reload_id id;
	unsigned start;
	uint64_t refresh, end; /* in seconds */
};

struct world {
	const struct services_churn *c;
	struct map map;
	struct reload_prng random;
	struct provider *providers;
	struct reload_id *alive; /* sorted; of this second */
	uint64_t *checked;       /* for each tree node when its loss was last drawn */
	struct reload_redir_history history;
	unsigned lookups, first, found, exact, none, fetches, stores, rounds;
};

/* Loses the records of a tree node with the probability of the time since the last look. */
static void lose(struct world *w, struct map_node *n)
{
	uint64_t *last = &w->checked[n - w->map.nodes];
	double since = (double)(w->map.now - *last);
	*last = w->map.now;
	if (w->c->loss_s && reload_prng_unit(&w->random) > exp(-since / w->c->loss_s))
		n->count = 0;
}

static void lose_on_path(struct world *w, const struct reload_id *id)
{
	for (unsigned level = 0; level <= reload_redir_deepest(w->c->branching); level++)
		lose(w, map_at(&w->map, reload_redir_place(id, w->c->branching, level)));
}

static void refresh(struct world *w, struct provider *p, bool first)
{
	lose_on_path(w, &p->id);
	struct reload_redir_registration r = map_register(&w->map, &p->id, p->start);
	p->start = r.level;
	p->refresh = w->map.now + reload_redir_refresh_in(RELOAD_REDIR_LIFETIME_S, first, 0,
					  reload_prng_next(&w->random)) /
					  RELOAD_SECOND;
	w->stores += r.stores;
	w->rounds++;
}

static void begin(struct world *w, struct provider *p)
{
	double session = reload_prng_exponential(&w->random, w->c->session_s);
	*p = (struct provider){ .id = services_draw_id(&w->random, false),
		.start = RELOAD_REDIR_START,
		.end = w->map.now + 1 + (uint64_t)session };
	refresh(w, p, true);
}

/* Half of them remove their records. */
static void end(struct world *w, const struct provider *p)
{
	if (reload_prng_below(&w->random, 2))
		for (unsigned level = 0; level <= reload_redir_deepest(w->c->branching); level++)
			map_drop(&w->map,
				map_at(&w->map, reload_redir_place(&p->id, w->c->branching, level)),
				&p->id);
}

static bool is_alive(const struct world *w, const struct reload_id *id)
{
	size_t at = services_follower(w->alive, w->c->providers, id);
	return at < w->c->providers && reload_id_eq(&w->alive[at], id);
}

/* A lookup that takes none of those passed over. */
static struct reload_redir_lookup look_up(struct world *w, const struct reload_id *key,
	const struct reload_id *passed, unsigned passed_count)
{
	struct reload_redir_lookup l;
	struct reload_redir_place p;
	reload_redir_lookup(&l, key, NULL, w->c->branching, reload_redir_history_start(&w->history),
		reload_prng_next(&w->random));
	while (reload_redir_lookup_next(&l, &p)) {
		struct map_node *n = map_at(&w->map, p);
		map_drop(&w->map, n, NULL);
		struct reload_redir_entry *entries =
			reload_alloc_array(n->count + 1, sizeof(*entries));
		size_t count = 0;
		for (size_t i = 0; i < n->count; i++)
			if (!reload_id_listed(passed, passed_count, &n->entries[i].node))
				entries[count++] = n->entries[i];
		w->fetches++;
		reload_redir_lookup_fetched(
			&l, count ? RELOAD_OK : RELOAD_NOT_FOUND, entries, count);
		free(entries);
	}
	if (!l.err)
		reload_redir_history_add(&w->history, l.level);
	return l;
}

static void search(struct world *w)
{
	struct reload_id key = services_draw_id(&w->random, false), passed[SERVICES_TRIES];
	size_t want = services_follower(w->alive, w->c->providers, &key);
	lose_on_path(w, &key);
	w->lookups++;
	for (unsigned try = 0; try < SERVICES_TRIES; try++) {
		struct reload_redir_lookup l = look_up(w, &key, passed, try);
		if (l.err) {
			w->none++;
			return;
		}
		if (is_alive(w, &l.provider)) {
			w->first += !try;
			w->found++;
			w->exact += want == w->c->providers
					    ? l.wrapped
					    : reload_id_eq(&l.provider, &w->alive[want]);
			return;
		}
		passed[try] = l.provider;
	}
}

static void second(struct world *w, bool measured)
{
	const struct services_churn *c = w->c;
	w->map.now++;
	for (unsigned i = 0; i < c->providers; i++) {
		struct provider *p = &w->providers[i];
		if (p->end <= w->map.now) {
			end(w, p);
			begin(w, p);
		} else if (p->refresh <= w->map.now) {
			refresh(w, p, false);
		}
		w->alive[i] = p->id;
	}
	if (!measured)
		return;
	qsort(w->alive, c->providers, sizeof(*w->alive), services_by_id);
	for (unsigned i = 0; i < LOOKUPS_A_SECOND; i++)
		search(w);
}

json_t *services_churn_run(const struct services_churn *c, uint64_t seed)
{
	struct world w = { .c = c };
	map_init(&w.map, c->branching);
	reload_prng_seed(&w.random, seed);
	w.providers = reload_alloc_array(c->providers, sizeof(*w.providers));
	w.alive = reload_alloc_array(c->providers, sizeof(*w.alive));
	w.checked = reload_alloc_array(MAP_NODES, sizeof(*w.checked));
	memset(w.checked, 0, MAP_NODES * sizeof(*w.checked));
	for (unsigned i = 0; i < c->providers; i++)
		begin(&w, &w.providers[i]);
	for (unsigned s = 0; s < SECONDS * (c->hours + 1); s++)
		second(&w, s >= SECONDS);
	double all = w.lookups;
	json_t *o = json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:f, s:f, s:f, s:f, s:f, s:f}",
		"type", "churn", "providers", (int)c->providers, "branching", (int)c->branching,
		"session_s", (int)c->session_s, "loss_s", (int)c->loss_s, "lookups", (int)w.lookups,
		"first", w.first / all, "found", w.found / all, "exact", w.exact / all, "none",
		w.none / all, "fetches", w.fetches / all, "stores", (double)w.stores / w.rounds);
	map_clear(&w.map);
	free(w.providers);
	free(w.alive);
	free(w.checked);
	return o;
}
