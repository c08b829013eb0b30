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

static bool is_silent(const struct agent_redir_walk *w, const struct reload_id *node)
{
	return reload_redir_silent_is(
		agent_services_silent(agent_services(w->agent)), node, reload_poll_now());
}

/* Takes the providers that were of no use out of the entries; returns how many are left. */
static size_t without_useless(
	struct agent_redir_walk *w, struct reload_redir_entry *entries, size_t count)
{
	size_t left = 0;
	for (size_t i = 0; i < count; i++) {
		if (reload_id_listed(w->passed_over, w->tries, &entries[i].node))
			continue;
		if (!w->silent_too && is_silent(w, &entries[i].node))
			w->left_out = true;
		else
			entries[left++] = entries[i];
	}
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
	count = without_useless(w, entries, count);
	reload_redir_lookup_fetched(&w->lookup, r->err, entries, count);
	free(entries);
	step(w);
}

static void start(struct agent_redir_walk *w, const struct reload_id *key, uint32_t branching)
{
	unsigned level = w->from_root ? 0
				      : reload_redir_history_start(agent_services_history(
						agent_services(w->agent), w->service));
	reload_redir_lookup(
		&w->lookup, key, &w->agent->credentials->node, branching, level, agent_chance());
}

/* Whether there was none but those that did not answer before: then they are tried again. */
static bool again_with_silent(struct agent_redir_walk *w)
{
	struct reload_id key = w->lookup.key;
	if (!w->lookup.err || !w->left_out || w->silent_too)
		return false;
	w->silent_too = true;
	start(w, &key, w->lookup.branching);
	return true;
}

static void step(struct agent_redir_walk *w)
{
	struct reload_redir_place place;
	enum reload_err err = RELOAD_OK;
	do {
		while (reload_redir_lookup_next(&w->lookup, &place)) {
			w->request = agent_redir_fetch(w->agent, w->service, place,
				agent_redir_walk_timeout(w), fetched, w, &err);
			if (w->request)
				return;
			reload_redir_lookup_fetched(&w->lookup, err, NULL, 0);
		}
	} while (again_with_silent(w));
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
	start(w, key, kind->branching_factor);
	step(w);
	return RELOAD_OK;
}

void agent_redir_walk_silent(const struct agent_redir_walk *w)
{
	reload_redir_silent_note(agent_services_silent(agent_services(w->agent)),
		&w->lookup.provider, reload_poll_now(), w->lookup.lifetime_s);
}

void agent_redir_walk_answered(const struct agent_redir_walk *w)
{
	reload_redir_silent_forget(
		agent_services_silent(agent_services(w->agent)), &w->lookup.provider);
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
