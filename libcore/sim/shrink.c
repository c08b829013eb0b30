#include "sim/shrink.h"

#include "sim/fault.h"
#include "util/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	NAME_TEXT = 32,
	LOAD_MIN_MS = 60000 /* the shortest time of load that is tried */
};

/* Faults that are removed together: those with the same name. */
struct unit {
	char name[NAME_TEXT];
};

struct units {
	struct unit *at;
	size_t count, cap;
};

struct shrinker {
	struct reload_sim_shrunk *best;
	struct units left; /* faults of the best run */
	bool all;          /* left is all that the scenario draws */
	enum reload_sim_check check;
	uint64_t seed;
	unsigned max_runs;
	reload_sim_run_fn run;
	void (*progress)(void *arg, unsigned run, const struct reload_sim_outcome *best);
	void *arg;
	struct reload_sim_outcome *outcome; /* of the run being tried */
};

static void units_add(struct units *u, const char *name)
{
	for (size_t i = 0; i < u->count; i++)
		if (!strcmp(u->at[i].name, name))
			return;
	reload_grow(&u->at, &u->cap, u->count, sizeof(*u->at));
	snprintf(u->at[u->count++].name, NAME_TEXT, "%s", name);
}

/* The list as the text of an option (owned). */
static char *units_text(const struct units *u)
{
	struct wr w;
	wr_init(&w);
	for (size_t i = 0; i < u->count; i++)
		wr_format(&w, "%s%s", i ? "," : "", u->at[i].name);
	if (!u->count)
		wr_format(&w, "none");
	wr_u8(&w, 0);
	return (char *)w.at;
}

/* Tries a smaller run; true: it shows the same violation and is the best one now. */
static bool try_run(
	struct shrinker *s, const struct reload_sim_scenario *scenario, const struct units *units)
{
	struct reload_sim_shrunk *b = s->best;
	if (b->runs >= s->max_runs)
		return false;
	if (s->progress)
		s->progress(s->arg, b->runs, &b->outcome);
	b->runs++;
	char *list = s->all && units == &s->left ? NULL : units_text(units);
	const struct reload_sim_watch watch = { .only_faults = list };
	s->run(scenario, s->seed, &watch, s->outcome);
	free(list);
	if (s->outcome->ok || s->outcome->violation.check != s->check)
		return false;
	b->scenario = *scenario;
	b->outcome = *s->outcome;
	return true;
}

/* -- faults -------------------------------------------------------------------------------------------------------------------- */

/* The faults without count of them from first on. */
static struct units units_without(const struct units *u, size_t first, size_t count)
{
	struct units out = { 0 };
	for (size_t i = 0; i < u->count; i++)
		if (i < first || i >= first + count)
			units_add(&out, u->at[i].name);
	return out;
}

static bool faults_drop(struct shrinker *s, size_t first, size_t count)
{
	struct units fewer = units_without(&s->left, first, count);
	if (!try_run(s, &s->best->scenario, &fewer)) {
		free(fewer.at);
		return false;
	}
	free(s->left.at);
	s->left = fewer;
	s->all = false;
	return true;
}

/* Tries without all faults, then without halves, quarters, ... down to single faults; after a success the same size is tried again. */
static void fewer_faults(struct shrinker *s)
{
	for (size_t size = s->left.count; size && s->left.count; size /= 2)
		for (size_t first = 0; first < s->left.count;) {
			if (s->best->runs >= s->max_runs)
				return;
			if (!faults_drop(s, first, size))
				first += size;
		}
}

/* -- the scenario ---------------------------------------------------------------------------------------------------------------- */

static void fewer_kinds(struct shrinker *s)
{
	for (size_t k = 0; k < reload_sim_fault_kinds(); k++) {
		struct reload_sim_scenario less = s->best->scenario;
		if (!reload_sim_scenario_has(&less, k))
			continue;
		reload_sim_scenario_without(&less, k);
		(void)try_run(s, &less, &s->left);
	}
}

static void fewer_nodes(struct shrinker *s)
{
	struct reload_sim_scenario less = s->best->scenario;
	less.clients = 0;
	if (s->best->scenario.clients)
		(void)try_run(s, &less, &s->left);
	for (unsigned part = 2; part <= 8;) {
		less = s->best->scenario;
		less.peers -= less.peers / part;
		if (less.peers < 2 || less.peers == s->best->scenario.peers ||
			!try_run(s, &less, &s->left))
			part *= 2;
	}
}

static void less_time(struct shrinker *s)
{
	for (;;) {
		struct reload_sim_scenario less = s->best->scenario;
		less.duration /= 2;
		if (less.duration < LOAD_MIN_MS || !try_run(s, &less, &s->left))
			return;
	}
}

/* -- the result ------------------------------------------------------------------------------------------------------------------ */

static void result_fill(struct shrinker *s)
{
	struct reload_sim_shrunk *b = s->best;
	char options[RELOAD_SIM_OPTIONS_TEXT], line[256];
	char *list = units_text(&s->left);
	struct reload_sim_faults faults;
	struct wr w;
	wr_init(&w);
	if (!s->all && strlen(list) < sizeof(b->only_faults))
		snprintf(b->only_faults, sizeof(b->only_faults), "%s", list);
	reload_sim_faults_draw(&faults, &b->scenario, s->seed, b->outcome.load_at);
	reload_sim_faults_only(&faults, s->all ? NULL : list);
	for (size_t i = 0; i < faults.count; i++) {
		reload_sim_fault_text(&faults.at[i], line, sizeof(line));
		wr_format(&w, "%s\n", line);
	}
	wr_format(&w, "at %.3f s %s: %s\n", (double)b->outcome.violation.at / 1000,
		reload_sim_check_name(b->outcome.violation.check), b->outcome.violation.words);
	reload_sim_scenario_options(&b->scenario, options, sizeof(options));
	wr_format(&w, "reload-sim --seed %llu%s", (unsigned long long)s->seed, *options ? " " : "");
	wr_span(&w, span_str(options));
	if (!s->all) {
		wr_format(&w, " --only-faults ");
		wr_span(&w, span_str(list));
	}
	wr_format(&w, "\n");
	wr_u8(&w, 0);
	b->trace = (char *)w.at;
	reload_sim_faults_clear(&faults);
	free(list);
}

void reload_sim_shrink_by(struct reload_sim_shrunk *out, const struct reload_sim_scenario *scenario,
	const struct reload_sim_outcome *violation, unsigned max_runs, reload_sim_run_fn run,
	void (*progress)(void *arg, unsigned run, const struct reload_sim_outcome *best), void *arg)
{
	struct shrinker s = { .best = out,
		.all = true,
		.check = violation->violation.check,
		.seed = violation->seed,
		.max_runs = max_runs,
		.run = run,
		.progress = progress,
		.arg = arg,
		.outcome = RELOAD_NEW(reload_sim_outcome) };
	struct reload_sim_faults faults;
	char name[NAME_TEXT];
	*out = (struct reload_sim_shrunk){ .scenario = reload_sim_scenario_drawn(
						   scenario, violation->seed),
		.outcome = *violation };
	reload_sim_faults_draw(&faults, &out->scenario, s.seed, 0);
	for (size_t i = 0; i < faults.count; i++) {
		reload_sim_fault_name(&faults.at[i], name, sizeof(name));
		units_add(&s.left, name);
	}
	reload_sim_faults_clear(&faults);
	fewer_faults(&s);
	fewer_kinds(&s);
	fewer_nodes(&s);
	less_time(&s);
	fewer_faults(&s);
	result_fill(&s);
	free(s.left.at);
	free(s.outcome);
}

void reload_sim_shrink(struct reload_sim_shrunk *out, const struct reload_sim_scenario *scenario,
	const struct reload_sim_outcome *violation, unsigned max_runs,
	void (*progress)(void *arg, unsigned run, const struct reload_sim_outcome *best), void *arg)
{
	reload_sim_shrink_by(
		out, scenario, violation, max_runs, reload_sim_scenario_run, progress, arg);
}

void reload_sim_shrunk_clear(struct reload_sim_shrunk *s)
{
	free(s->trace);
	s->trace = NULL;
}
