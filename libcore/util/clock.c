#include "util/clock.h"

#include <stddef.h>
#include <stdio.h>

static int timer_cmp(struct reload_timer *a, struct reload_timer *b)
{
	if (a->due != b->due)
		return a->due < b->due ? -1 : 1;
	return (a->order > b->order) - (a->order < b->order);
}

RELOAD_TREE(reload_timer_tree, reload_timer, entry, timer_cmp)

reload_ms reload_doubled(reload_ms first, unsigned times, reload_ms most)
{
	for (; times && first < most; times--)
		first = first > most / 2 ? most : 2 * first;
	return first < most ? first : most;
}

void reload_timer_arm(struct reload_timers *ts, struct reload_timer *t, reload_ms due,
	reload_timer_fn fn, void *arg)
{
	reload_timer_cancel(ts, t);
	*t = (struct reload_timer){
		.due = due, .order = ts->armed_ever++, .fn = fn, .arg = arg, .armed = true
	};
	RB_INSERT(reload_timer_tree, &ts->tree, t);
}

void reload_timer_cancel(struct reload_timers *ts, struct reload_timer *t)
{
	if (!t->armed)
		return;
	RB_REMOVE(reload_timer_tree, &ts->tree, t);
	t->armed = false;
}

reload_ms reload_timers_next(struct reload_timers *ts)
{
	struct reload_timer *t = RB_MIN(reload_timer_tree, &ts->tree);
	return t ? t->due : RELOAD_NEVER;
}

void reload_timers_run(struct reload_timers *ts, reload_ms now)
{
	struct reload_timer *t;
	for (unsigned ran = 0; ran < RELOAD_TIMERS_PER_PASS; ran++) {
		t = RB_MIN(reload_timer_tree, &ts->tree);
		if (!t || t->due > now)
			return;
		reload_timer_cancel(ts, t);
		t->fn(t->arg); /* may free what holds t */
	}
}

/* The Gregorian calendar, counted in eras of 400 years that begin on 1 March, so that leap days come last. */
char *reload_utc_text(char out[RELOAD_UTC_TEXT], reload_utc t)
{
	enum {
		ERA_DAYS = 146097,
		MARCH_0000 = 719468,
		DAY_S = 86400
	};
	uint64_t seconds = t / RELOAD_SECOND;
	uint64_t days = seconds / DAY_S + MARCH_0000;
	unsigned in_day = (unsigned)(seconds % DAY_S);
	unsigned doe = (unsigned)(days % ERA_DAYS);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / (ERA_DAYS - 1)) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned march = (5 * doy + 2) / 153; /* months since March */
	unsigned day = doy - (153 * march + 2) / 5 + 1;
	unsigned month = march < 10 ? march + 3 : march - 9;
	uint64_t year = days / ERA_DAYS * 400 + yoe + (month <= 2);
	if (t == RELOAD_NEVER || year > 9999)
		snprintf(out, RELOAD_UTC_TEXT, "never");
	else
		snprintf(out, RELOAD_UTC_TEXT, "%04u-%02u-%02uT%02u:%02u:%02uZ",
			(unsigned)year % 10000, month % 100, day % 100, in_day / 3600 % 100,
			in_day / 60 % 60, in_day % 60);
	return out;
}
