/*
 * A link that was asked for.  Where several transports lead to the other end they are tried in the order of preference, each
 * HEAD_START_MS after the one before, or at once when that one has failed; the first handshake that is done wins (LINK-15).
 * Where the one before has reached the other end, and only its handshake is not done, the next one waits HANDSHAKE_START_MS in
 * all: the way is open, and a busy node should not have two handshakes to do instead of one.
 */
#include "link/internal.h"

#include <string.h>

enum {
	HEAD_START_MS = 300,
	HANDSHAKE_START_MS = 1000
};

static void race_free(struct reload_link_race *race)
{
	reload_timer_cancel(race->links->timers, &race->next);
	TAILQ_REMOVE(&race->links->races, race, entry);
	free(race->to);
	free(race);
}

static void finish(struct reload_link_race *race)
{
	struct reload_links *links = race->links;
	struct reload_link_race ended = *race;
	race_free(race);
	links->set.ops->down(links->set.arg, ended.id, ended.err, &ended.why);
}

static bool has(const struct reload_link_target *to, const struct reload_link_transport *transport)
{
	return to->types & RELOAD_LINK_BIT(transport->type);
}

/* The addresses of a transport; NULL when it leads nowhere. */
static struct reload_secure_link *link_of(
	struct reload_link_race *race, const struct reload_link_transport *transport)
{
	size_t count = 0;
	for (size_t i = 0; i < race->count; i++)
		count += has(&race->to[i], transport);
	if (!count || !(race->links->set.types & RELOAD_LINK_BIT(transport->type)))
		return NULL;
	struct reload_secure_link *l = reload_secure_link_new(race->links, transport);
	l->race = race;
	l->id = race->id;
	l->addrs = reload_alloc_array(count, sizeof(*l->addrs));
	for (size_t i = 0; i < race->count; i++)
		if (has(&race->to[i], transport))
			l->addrs[l->addrs_count++] = race->to[i].at;
	reload_secure_link_count(l);
	return l;
}

static bool is_running(const struct reload_link_race *race)
{
	for (size_t i = 0; i < RELOAD_SECURE_KINDS; i++)
		if (race->running[i])
			return true;
	return false;
}

static void go_on(void *arg);
static void on_head_start_over(void *arg);

/* Starts the next attempt; false: there is none. */
static bool start_next(struct reload_link_race *race)
{
	struct reload_secure_link *l = NULL;
	while (!l && race->kinds < RELOAD_SECURE_KINDS) {
		unsigned kind = race->kinds++;
		l = race->running[kind] = link_of(race, race->links->transports[kind]);
	}
	if (!l)
		return false;
	if (race->kinds < RELOAD_SECURE_KINDS)
		reload_timer_arm(race->links->timers, &race->next,
			reload_poll_now() + HEAD_START_MS, on_head_start_over, race);
	reload_secure_link_connect(l);
	return true;
}

static bool is_in_handshake(const struct reload_link_race *race)
{
	for (size_t i = 0; i < RELOAD_SECURE_KINDS; i++)
		if (race->running[i] && race->running[i]->state == RELOAD_SECURE_HANDSHAKE)
			return true;
	return false;
}

static void on_head_start_over(void *arg)
{
	struct reload_link_race *race = arg;
	if (is_in_handshake(race))
		reload_timer_arm(race->links->timers, &race->next,
			reload_poll_now() + HANDSHAKE_START_MS - HEAD_START_MS, go_on, race);
	else
		go_on(race);
}

static void go_on(void *arg)
{
	struct reload_link_race *race = arg;
	reload_timer_cancel(race->links->timers, &race->next);
	if (!start_next(race) && !is_running(race))
		finish(race);
}

void reload_link_race_start(
	struct reload_links *links, uint32_t id, const struct reload_link_target *to, size_t count)
{
	struct reload_link_race *race = RELOAD_NEW(reload_link_race);
	race->links = links;
	race->id = id;
	race->count = count < RELOAD_LINK_ADDRS ? count : RELOAD_LINK_ADDRS;
	race->to = reload_alloc_array(race->count + 1, sizeof(*race->to));
	for (size_t i = 0; i < race->count; i++) {
		race->to[i] = to[i];
		race->to[i].at.raw = span_of(NULL, 0); /* borrowed bytes of a message */
	}
	TAILQ_INSERT_TAIL(&links->races, race, entry);
	race->err = reload_error_explain(
		&race->why, RELOAD_UNREACHABLE, "a link", "no address to connect to");
	if (links->counters.links >= links->set.max_links) {
		race->err =
			reload_error_explain(&race->why, RELOAD_LIMIT, "a link", "too many links");
		race->kinds = RELOAD_SECURE_KINDS;
	}
	if (!start_next(race)) /* the owner is notified from the loop */
		reload_timer_arm(links->timers, &race->next, reload_poll_now(), go_on, race);
}

struct reload_link_race *reload_link_race_find(struct reload_links *links, uint32_t id)
{
	struct reload_link_race *race;
	TAILQ_FOREACH (race, &links->races, entry)
		if (race->id == id)
			return race;
	return NULL;
}

/* Ends all attempts but one, without a word. */
static void end_others(struct reload_link_race *race, const struct reload_secure_link *but)
{
	for (size_t i = 0; i < RELOAD_SECURE_KINDS; i++) {
		struct reload_secure_link *l = race->running[i];
		if (!l || l == but)
			continue;
		l->race = NULL;
		l->silent = true;
		reload_secure_link_fail(l, RELOAD_CANCELLED, NULL);
	}
}

void reload_link_race_cancel(struct reload_link_race *race)
{
	end_others(race, NULL);
	race_free(race);
}

void reload_link_races_free(struct reload_links *links)
{
	struct reload_link_race *race;
	while ((race = TAILQ_FIRST(&links->races))) {
		for (size_t i = 0; i < RELOAD_SECURE_KINDS; i++)
			if (race->running[i])
				reload_secure_link_free(race->running[i]);
		race_free(race);
	}
}

void reload_link_race_won(struct reload_secure_link *l)
{
	struct reload_link_race *race = l->race;
	end_others(race, l);
	race_free(race);
	l->race = NULL;
	reload_secure_link_enter(l, l->id);
}

void reload_link_race_lost(struct reload_secure_link *l)
{
	struct reload_link_race *race = l->race;
	for (size_t i = 0; i < RELOAD_SECURE_KINDS; i++)
		if (race->running[i] == l)
			race->running[i] = NULL;
	if (!is_running(race))
		go_on(race);
}
