#include "util/clock.h"

#include <stddef.h>

static int timer_cmp(struct reload_timer *a, struct reload_timer *b)
{
	if (a->due != b->due)
		return a->due < b->due ? -1 : 1;
	return (a->order > b->order) - (a->order < b->order);
}

RELOAD_TREE(reload_timer_tree, reload_timer, entry, timer_cmp)

void reload_timer_arm(struct reload_timers *ts, struct reload_timer *t, reload_ms due, reload_timer_fn fn, void *arg)
{
	reload_timer_cancel(ts, t);
	*t = (struct reload_timer){ .due = due, .order = ts->armed_ever++, .fn = fn, .arg = arg, .armed = true };
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
	while ((t = RB_MIN(reload_timer_tree, &ts->tree)) && t->due <= now) {
		reload_timer_cancel(ts, t);
		t->fn(t->arg); /* may free what holds t */
	}
}
