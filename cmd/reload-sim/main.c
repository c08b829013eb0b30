/* reload-sim: many engines in one process and in virtual time, to see what an overlay would do before there is one. */
#include "common/call.h"
#include "common/main.h"
#include "reload-sim/charts.h"
#include "reload-sim/plan.h"
#include "reload-sim/pool.h"
#include "reload-sim/print.h"
#include "sim/shrink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	SHRINK_EVENTS = 20000000, /* the default limit for the search for a smaller run */
	SHRINK_RUNS = 200,
	OPTS_MAX = RELOAD_SIM_KEYS_MAX + 16,
	HELP_MAX = 192
};

static const struct cli_opt own_opts[] = {
	{ 0, "scenario", "FILE", "settings from a file, key = value in each line" },
	{ 's', "seed", "N", "the run's one source of chance (default 1)" },
	{ 0, "seeds", "A..B", "a run for each seed; N: from 1 to N" },
	{ 0, "sweep", "KEY=V1,V2,...", "all seeds for each of these values of a setting" },
	{ 0, "jobs", "N", "runs at the same time (default: one for each processor)" },
	{ 0, "script", "FILE", "kills, starts, Stores and Fetches at given times" },
	{ 0, "only-faults", "LIST", "of the faults that are drawn only these happen" },
	{ 0, "shrink", "RUNS", "smaller runs to try after a violation (default: by their cost)" },
	{ 0, "trace", "FILE", "each happening of a run as a line" },
	{ 0, "csv", NULL, "a line with all values for each run" },
	{ 0, "series", NULL, "also the values over time, in JSON" },
	{ 0, "plot", "DIR|FILE.svg", "curves over the setting of --sweep, else over time" },
	{ 'o', "output", "FILE", "results into a file" },
	{ 0, "list-settings", NULL, "print all settings" },
	{ 0, "list-checks", NULL, "print what is checked" },
};

static const struct cli_opt common_opts[] = {
	{ 'j', "json", NULL, "results as JSON, one object a line" },
	{ 0, "flat", NULL, "results as path=value lines" },
	{ 't', "timeout", "TIME", "limit for all runs together in real time (default none)" },
	{ 'q', "quiet", NULL, "of several runs only violations and the summary" },
	{ 'v', "verbose", NULL, "report how long runs took in real time", true },
	{ 'n', "dry-run", NULL, "check everything, run nothing" },
	{ 'y', "yes", NULL, "answer yes" },
	{ 0, "no-input", NULL, "never ask" },
	{ 0, "color", "auto|always|never", "colour the text" },
	{ 0, "json-schema", NULL, "print the JSON Schema of the output" },
	{ 'h', "help", NULL, "print this help" },
	{ 'V', "version", NULL, "print the version" },
	CLI_END,
};

struct session {
	struct cli *cli;
	struct plan plan;
	struct printer printer;
	struct charts *charts;
	int stop_fd;
	FILE *trace;
	unsigned crashes;
	size_t done;
	bool violated; /* the first violation: */
	size_t violated_index;
	struct reload_sim_outcome violation;
};

/* --- runs ------------------------------------------------------------------------------------------------------ */

struct working {
	struct pool_out *out;
};

static bool report_progress(void *arg, reload_ms now, reload_ms until, size_t joined)
{
	pool_report(((struct working *)arg)->out, now, until, joined);
	return true;
}

static void work(void *arg, size_t index, struct pool_out *out)
{
	struct session *s = arg;
	static struct reload_sim_outcome o;
	struct working working = { out };
	const struct reload_sim_watch watch = { .arg = &working,
		.progress = report_progress,
		.trace = s->trace,
		.only_faults = s->plan.only_faults,
		.script = s->plan.script_path ? &s->plan.script : NULL };
	reload_ms before = cli_monotonic();
	reload_sim_scenario_run(
		&plan_variant(&s->plan, index)->scenario, plan_seed(&s->plan, index), &watch, &o);
	o.real_s = (double)(cli_monotonic() - before) / RELOAD_SECOND;
	if (s->trace && fflush(s->trace))
		_exit(1);
	pool_give(out, &o, sizeof(o));
}

static void done(void *arg, size_t index, const struct pool_result *r)
{
	struct session *s = arg;
	static struct reload_sim_outcome o;
	s->done++;
	if (r->signal || r->status || r->bytes.len != sizeof(o)) {
		s->crashes++;
		print_crash(&s->printer, index, r->signal, r->status);
		return;
	}
	memcpy(&o, r->bytes.at, sizeof(o));
	print_run(&s->printer, index, &o);
	if (s->charts)
		charts_add(s->charts, index, &o);
	if (!o.ok && !s->violated) {
		s->violated = true;
		s->violated_index = index;
		s->violation = o;
	}
}

static void progress(void *arg, size_t index, size_t count, reload_ms now, reload_ms until)
{
	struct session *s = arg;
	cli_progress(s->cli, "%zu of %zu run%s, seed %llu at %llu of %llu s", count,
		plan_runs(&s->plan), cli_plural(plan_runs(&s->plan)),
		(unsigned long long)plan_seed(&s->plan, index),
		(unsigned long long)(now / RELOAD_SECOND),
		(unsigned long long)(until / RELOAD_SECOND));
}

/* --- from a violation to a smaller run ------------------------------------------------------------------------- */

static struct pool_out *shrinking_out;

static void report_shrink(void *arg, unsigned run, const struct reload_sim_outcome *best)
{
	(void)best;
	pool_report(shrinking_out, run, *(const unsigned *)arg, 0);
}

static unsigned shrink_runs(const struct session *s)
{
	uint64_t events = s->violation.counts.events;
	if (s->plan.only_faults ||
		s->plan.script_path) /* this is a smaller run already, or not drawn */
		return 0;
	if (s->plan.shrink != SHRINK_AUTO)
		return (unsigned)s->plan.shrink;
	uint64_t runs = events ? SHRINK_EVENTS / events : SHRINK_RUNS;
	return (unsigned)(runs < SHRINK_RUNS ? runs : SHRINK_RUNS);
}

static void shrink_work(void *arg, size_t index, struct pool_out *out)
{
	const struct session *s = arg;
	struct reload_sim_shrunk shrunk;
	unsigned runs = shrink_runs(s);
	(void)index;
	shrinking_out = out;
	reload_sim_shrink(&shrunk, &plan_variant(&s->plan, s->violated_index)->scenario,
		&s->violation, runs, report_shrink, &runs);
	pool_give(out, &shrunk, sizeof(shrunk));
	if (shrunk.trace)
		pool_give(out, shrunk.trace, strlen(shrunk.trace));
	pool_give(out, "", 1);
	reload_sim_shrunk_clear(&shrunk);
}

static void shrink_done(void *arg, size_t index, const struct pool_result *r)
{
	struct session *s = arg;
	static struct reload_sim_shrunk shrunk;
	(void)index;
	if (r->signal || r->status || r->bytes.len <= sizeof(shrunk)) {
		cli_warn(s->cli, "looking for a smaller run ended by signal %d, status %d",
			r->signal, r->status);
		return;
	}
	memcpy(&shrunk, r->bytes.at, sizeof(shrunk));
	print_shrunk(
		&s->printer, &(struct print_shrunk){ .scenario = &shrunk.scenario,
				     .outcome = &shrunk.outcome,
				     .only_faults = *shrunk.only_faults ? shrunk.only_faults : NULL,
				     .trace = (const char *)r->bytes.at + sizeof(shrunk),
				     .runs = shrunk.runs });
}

static void shrink_progress(void *arg, size_t index, size_t count, reload_ms now, reload_ms until)
{
	struct session *s = arg;
	(void)index;
	(void)count;
	cli_progress(s->cli, "looking for a smaller run: %llu of %llu", (unsigned long long)now,
		(unsigned long long)until);
}

static void shrink(struct session *s)
{
	const struct pool_ops ops = {
		.arg = s, .work = shrink_work, .done = shrink_done, .progress = shrink_progress
	};
	if (shrink_runs(s))
		(void)pool_run(&ops, 1, 1, s->stop_fd, s->cli->deadline);
}

/* --- the program ------------------------------------------------------------------------------------------------ */

static int exit_status(const struct session *s, enum pool_end end)
{
	enum {
		FINDINGS = 13,
		INTERRUPTED = 130
	};
	if (s->crashes)
		return reload_err_exit(RELOAD_BUG);
	if (s->violated)
		return FINDINGS;
	return end == POOL_STOPPED   ? INTERRUPTED
	       : end == POOL_TIMEOUT ? reload_err_exit(RELOAD_TIMEOUT)
				     : 0;
}

static int simulate(struct session *s)
{
	const struct pool_ops ops = { .arg = s, .work = work, .done = done, .progress = progress };
	struct reload_error_text why;
	size_t runs = plan_runs(&s->plan);
	enum pool_end end = pool_run(&ops, runs, s->plan.jobs < runs ? s->plan.jobs : runs,
		s->stop_fd, s->cli->deadline);
	if (end == POOL_FAILED) {
		(void)reload_error_explain(&why, RELOAD_IO, "no process could be started",
			"the system refuses more processes");
		reload_error_advise(&why, "--jobs 1; ulimit -u shows how many a user may have");
		return cli_fail(s->cli, RELOAD_IO, &why);
	}
	if (s->violated && end == POOL_DONE)
		shrink(s);
	if (end != POOL_DONE)
		cli_warn(s->cli, "%s: %zu of %zu run%s ended",
			end == POOL_STOPPED ? "stopped" : "out of time", s->done, runs,
			cli_plural(runs));
	print_summary(&s->printer);
	if (s->charts && s->done) {
		enum reload_err err = charts_write(s->charts, RELOAD_NEVER, &why);
		if (err)
			return cli_fail(s->cli, err, &why);
	}
	return exit_status(s, end);
}

static enum reload_err open_failed(struct reload_error_text *why, const char *path)
{
	char what[192];
	snprintf(what, sizeof(what), "%.160s cannot be written", path);
	reload_error_explain(why, RELOAD_IO, what, "%s", strerror(errno));
	reload_error_advise(why, "ls -ld %s, or another place", path);
	return RELOAD_IO;
}

/* open_files() opens what the runs write, before the first begins. */
static enum reload_err open_files(struct session *s, struct reload_error_text *why)
{
	const char *path = s->plan.output;
	if (path && strcmp(path, "-") != 0) {
		int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
		if (fd < 0)
			return open_failed(why, path);
		int copy = dup2(fd, STDOUT_FILENO);
		close(fd);
		if (copy < 0)
			return open_failed(why, path);
		s->cli->stdout_closed = false;
	}
	path = s->plan.trace;
	if (!path)
		return RELOAD_OK;
	s->trace = strcmp(path, "-") != 0 ? fopen(path, "we") : fdopen(dup(STDOUT_FILENO), "w");
	return s->trace ? RELOAD_OK : open_failed(why, path);
}

static void warn_idle(struct session *s)
{
	const char *words[16];
	size_t count = reload_sim_scenario_idle(&s->plan.variants[0].scenario, words, 16);
	for (size_t i = 0; i < count && !s->cli->quiet; i++)
		cli_warn(s->cli, "%s", words[i]);
}

static int begin(struct session *s)
{
	struct reload_error_text why;
	enum reload_err err = plan_read(&s->plan, s->cli, &why);
	if (!err && s->plan.plot)
		err = charts_new(&s->charts, &s->plan, &why);
	if (err)
		return cli_fail(s->cli, err, &why);
	warn_idle(s);
	if (s->cli->dry_run) {
		print_plan(s->cli, &s->plan);
		return 0;
	}
	err = open_files(s, &why);
	if (err)
		return cli_fail(s->cli, err, &why);
	s->stop_fd = cli_stop_signals();
	int status = simulate(s);
	cli_stop_end(s->stop_fd);
	return status;
}

static int run(struct cli *cli)
{
	static struct session s;
	s.cli = cli;
	s.printer = (struct printer){ .cli = cli, .plan = &s.plan };
	if (cli_has(cli, "list-settings")) {
		print_keys(cli);
		return 0;
	}
	if (cli_has(cli, "list-checks")) {
		print_checks(cli);
		return 0;
	}
	int status = begin(&s);
	if (s.trace)
		fclose(s.trace);
	charts_free(s.charts);
	plan_clear(&s.plan);
	return status;
}

/* --- tables ------------------------------------------------------------------------------------------------------ */

/* all_opts() returns the options above and all settings of the scenario. */
static const struct cli_opt *all_opts(void)
{
	static struct cli_opt opts[OPTS_MAX + 1];
	static struct reload_sim_key keys[RELOAD_SIM_KEYS_MAX];
	static char help[RELOAD_SIM_KEYS_MAX][HELP_MAX];
	size_t n = 0, count = reload_sim_keys(keys);
	for (size_t i = 0; i < COUNT_OF(own_opts); i++)
		opts[n++] = own_opts[i];
	for (size_t i = 0; i < count; i++) {
		snprintf(help[i], HELP_MAX, "%.150s (default %.30s)", keys[i].words, keys[i].def);
		opts[n++] = (struct cli_opt){
			.name = keys[i].key, .arg = keys[i].type, .help = help[i]
		};
	}
	return opts;
}

static const char *const examples[] = {
	"reload-sim --peers 5000 --churn exponential --session 1h    # bytes a peer and hour of "
	"upkeep",
	"reload-sim --peers 1000 --churn exponential --session 1h --sweep "
	"update-interval=1m,5m,10m,30m",
	"reload-sim --peers 500 --partitions 1 --partition-time 10m --duration 30m    # does it "
	"heal?",
	"reload-sim --seeds 20 --crashes 20% --cuts 5 --loss 1% --draw yes    # 20 kinds of "
	"trouble",
	"reload-sim --sweep peers=100,300,1000,3000 --plot hops.svg",
	NULL,
};

/*
 * The memory of a large run is touched all over: a third of the time with 1,000 peers is spent to translate addresses, unless pages are
 * large.  The C library asks for such pages when it was started with this setting, and ignores it where there are none.
 */
static void start_with_large_pages(char **argv)
{
	static const char name[] = "GLIBC_TUNABLES";
	if (getenv(name) || setenv(name, "glibc.malloc.hugetlb=1", 1))
		return;
	(void)execv("/proc/self/exe", argv); /* without /proc: as it is */
}

int main(int argc, char **argv)
{
	start_with_large_pages(argv);
	struct cli_command commands[] = {
		{ .summary = "simulate an overlay",
			.opts = all_opts(),
			.result = print_fields(),
			.run = run },
		{ 0 },
	};
	const struct cli_program program = {
		.name = "reload-sim",
		.summary = "Simulate a RELOAD overlay: the engine of reload-agent, hundreds or "
			   "thousands of times, in virtual time.",
		.manual = "reload-sim(1)",
		.commands = commands,
		.opts = common_opts,
		.examples = examples,
		.exits = CLI_EXIT(4) | CLI_EXIT(13),
		.timeout_ms = RELOAD_NEVER,
	};
	return cli_main(&program, argc, argv);
}
