/*
 * The clock, jitter, timers and cookies of CHORD-RELOAD.  Time and random numbers come only from the host.
 */
#include "topology/chord_base.h"

reload_ms reload_chord_now(const struct reload_topology *t)
{
	return t->host.now(t->host.arg);
}

uint32_t reload_chord_uptime_s(const struct reload_topology *t)
{
	bool joined = t->pace->uptime_joined && t->joined_at != RELOAD_NEVER;
	return (uint32_t)((reload_chord_now(t) - (joined ? t->joined_at : t->born)) /
			  RELOAD_SECOND);
}

reload_ms reload_chord_jitter(struct reload_topology *t, reload_ms ms)
{
	uint32_t r;
	t->host.random(t->host.arg, &r, sizeof(r));
	return ms / 2 + (ms ? r % (ms + 1) : 0);
}

reload_ms reload_chord_backoff(struct reload_topology *t, unsigned failures)
{
	return reload_chord_jitter(
		t, reload_doubled(CHORD_BACKOFF_MS, failures, CHORD_BACKOFF_MAX_MS));
}

void reload_chord_timer(
	struct reload_topology *t, struct reload_timer *timer, reload_ms due, void (*fn)(void *arg))
{
	if (due == RELOAD_NEVER)
		reload_timer_cancel(t->host.timers, timer);
	else
		reload_timer_arm(t->host.timers, timer, due, fn, t);
}

uint32_t reload_chord_cookie(struct reload_topology *t)
{
	return ++t->cookies;
}

void reload_chord_set_state(
	struct reload_topology *t, enum reload_topology_state state, const struct reload_id *other)
{
	if (t->state == state)
		return;
	t->state = state;
	t->reconsider = true;
	t->host.state(t->host.arg, state, other);
}

bool reload_chord_only_us(
	const struct reload_topology *t, const struct reload_id *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!reload_id_eq(&list[i], &t->self))
			return false;
	return true;
}

void reload_chord_after(struct reload_topology *t)
{
	t->after(t);
}

void reload_chord_on_after(void *arg)
{
	reload_chord_after(arg);
}
