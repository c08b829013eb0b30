/* Lookups of a provider (RFC 7374 s4.5), one after the other as long as those found are of no use. */
#include "redir.h"

#include "random.h"
#include "renewals.h"
#include "services.h"

#include <stdlib.h>

reload_ms agent_redir_walk_timeout(const struct agent_redir_walk *w)
{
	reload_ms now = reload_poll_now(), left = w->each_ms;
	if (!w->until)
		return left;
	reload_ms rest = now < w->until ? w->until - now : 1;
	return left && left < rest ? left : rest;
}

static void step(struct agent_redir_walk *w);

/* Takes the providers that were of no use out of the entries; returns how many are left. */
static size_t without_passed_over(
	const struct agent_redir_walk *w, struct reload_redir_entry *entries, size_t count)
{
	size_t left = 0;
	for (size_t i = 0; i < count; i++)
		if (!reload_id_listed(w->passed_over, w->tries, &entries[i].node))
			entries[left++] = entries[i];
	return left;
}

static void fetched(void *arg, const struct reload_result *r)
{
	struct agent_redir_walk *w = arg;
	struct reload_redir_place place = { 0 };
	size_t count = 0;
	(void)reload_redir_lookup_next(&w->lookup, &place);
	struct reload_redir_entry *entries =
		agent_redir_entries(&count, r, w->service, place, w->lookup.branching);
	w->request = NULL;
	if (w->fetches < sizeof(w->levels))
		w->levels[w->fetches++] = (uint8_t)place.level;
	count = without_passed_over(w, entries, count);
	reload_redir_lookup_fetched(&w->lookup, r->err, entries, count);
	free(entries);
	step(w);
}

static void step(struct agent_redir_walk *w)
{
	struct reload_redir_place place;
	enum reload_err err = RELOAD_OK;
	while (reload_redir_lookup_next(&w->lookup, &place)) {
		w->request = agent_redir_fetch(
			w->agent, w->service, place, agent_redir_walk_timeout(w), fetched, w, &err);
		if (w->request)
			return;
		reload_redir_lookup_fetched(&w->lookup, err, NULL, 0);
	}
	if (!w->lookup.err && !w->from_root)
		reload_redir_history_add(
			agent_services_history(agent_services(w->agent), w->service),
			w->lookup.level);
	w->done(w->arg);
}

enum reload_err agent_redir_walk_begin(struct agent_redir_walk *w, const struct reload_id *key)
{
	const struct reload_kind *kind = agent_redir_kind(w->agent, NULL);
	if (!kind)
		return RELOAD_UNKNOWN_KIND;
	unsigned start = w->from_root ? 0
				      : reload_redir_history_start(agent_services_history(
						agent_services(w->agent), w->service));
	reload_redir_lookup(&w->lookup, key, &w->agent->credentials->node, kind->branching_factor,
		start, agent_chance());
	step(w);
	return RELOAD_OK;
}

bool agent_redir_walk_pass_over(struct agent_redir_walk *w)
{
	if (w->tries < AGENT_REDIR_TRIES)
		w->passed_over[w->tries++] = w->lookup.provider;
	return w->tries < AGENT_REDIR_TRIES;
}

void agent_redir_walk_stop(struct agent_redir_walk *w)
{
	if (w->request)
		reload_request_cancel(w->agent->peer, TAKE(w->request));
}
