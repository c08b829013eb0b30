#include "reload-sim/plan.h"

#include "common/files.h"
#include "sim/fault.h"
#include "util/alloc.h"
#include "util/words.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	SCENARIO_BYTES_MAX =
		1 << 20, /* a limit for reading the file; a valid scenario is smaller */
	SCRIPT_BYTES_MAX = 1 << 24,
	RUNS_MAX = 1000000,
	SWEEP_MAX = 64,
	PARALLEL_MAX = 256
};
#define SEED_MAX 999999999999999ull

size_t plan_runs(const struct plan *p)
{
	return p->variants_count * (size_t)(p->last - p->first + 1);
}

uint64_t plan_seed(const struct plan *p, size_t run)
{
	return p->first + run % (size_t)(p->last - p->first + 1);
}

const struct variant *plan_variant(const struct plan *p, size_t run)
{
	return &p->variants[run / (size_t)(p->last - p->first + 1)];
}

/* read_seeds() takes --seed N or --seeds A..B or --seeds N, which is 1..N. */
static enum reload_err read_seeds(struct plan *p, struct cli *cli, struct reload_error_text *why)
{
	const char *text = cli_value(cli, "seeds", NULL);
	if (text && cli_has(cli, "seed"))
		return cli_refuse(why, "--seed and --seeds are given", "one of them says it all");
	enum reload_err err = cli_number(cli, "seed", 1, 0, SEED_MAX, &p->first, why);
	p->last = p->first;
	if (err || !text)
		return err;
	const char *rest = text;
	bool good = reload_digits(&p->last, &rest);
	p->first = 1;
	if (good && !strncmp(rest, "..", 2)) {
		p->first = p->last;
		rest += 2;
		good = reload_digits(&p->last, &rest);
	}
	char what[128];
	snprintf(what, sizeof(what), "--seeds %.64s is not possible", text);
	if (!good || *rest || p->last < p->first)
		return cli_refuse(why, what, "expected a number, 20, or a range, 7..26");
	return RELOAD_OK;
}

/* read_scenario() reads the file, then the options, which override it. */
static enum reload_err read_scenario(
	struct reload_sim_scenario *s, struct cli *cli, struct reload_error_text *why)
{
	const char *path = cli_value(cli, "scenario", NULL);
	struct reload_sim_key keys[RELOAD_SIM_KEYS_MAX];
	size_t count = reload_sim_keys(keys), len;
	uint8_t *text;
	enum reload_err err = RELOAD_OK;
	reload_sim_scenario_init(s);
	if (path) {
		err = cli_file_read(&text, &len, path, SCENARIO_BYTES_MAX, cli->deadline, why);
		if (err)
			return err;
		err = reload_sim_scenario_read(s, (const char *)text, len, path, why);
		free(text);
	}
	for (size_t i = 0; i < count && !err; i++) {
		const char *value = cli_value(cli, keys[i].key, NULL);
		if (value)
			err = reload_sim_scenario_set(s, keys[i].key, value, why);
	}
	return err;
}

/* set_variant() makes one variant of the scenario base, with the swept setting at value. */
static enum reload_err set_variant(struct plan *p, const struct reload_sim_scenario *base,
	const char *value, struct reload_error_text *why)
{
	struct variant *v = &p->variants[p->variants_count];
	v->scenario = *base;
	if (p->variants_count >= SWEEP_MAX)
		return reload_error_explain(why, RELOAD_USAGE, "--sweep has too many values",
			"%d are the most", SWEEP_MAX);
	enum reload_err err = reload_sim_scenario_set(&v->scenario, p->sweep, value, why);
	if (err)
		return err;
	reload_sim_scenario_text(&v->scenario, p->sweep_index, v->text);
	p->variants_count++;
	return RELOAD_OK;
}

/* read_sweep() takes KEY=V1,V2,... */
static enum reload_err read_sweep(struct plan *p, const struct reload_sim_scenario *base,
	const char *text, struct reload_error_text *why)
{
	struct reload_sim_key keys[RELOAD_SIM_KEYS_MAX];
	size_t count = reload_sim_keys(keys), name = strcspn(text, "=");
	if (!text[name] || !text[name + 1])
		return cli_refuse(why, "--sweep has no values", "expected KEY=V1,V2,...");
	snprintf(p->sweep, sizeof(p->sweep), "%.*s", name < 60 ? (int)name : 60, text);
	for (size_t i = 0; i < count; i++)
		if (!strcmp(keys[i].key, p->sweep))
			p->sweep_index = i;
	char *values = reload_strdup(text + name + 1), *rest = values, *value;
	enum reload_err err = RELOAD_OK;
	while (!err && (value = strsep(&rest, ",")))
		err = set_variant(p, base, value, why);
	free(values);
	return err;
}

static enum reload_err read_script(struct plan *p, struct cli *cli, struct reload_error_text *why)
{
	uint8_t *text;
	size_t len;
	p->script_path = cli_value(cli, "script", NULL);
	if (!p->script_path)
		return RELOAD_OK;
	enum reload_err err =
		cli_file_read(&text, &len, p->script_path, SCRIPT_BYTES_MAX, cli->deadline, why);
	if (err)
		return err;
	err = reload_sim_script_read(&p->script, (const char *)text, len, p->script_path, why);
	free(text);
	return err;
}

static enum reload_err check_variants(struct plan *p, struct reload_error_text *why)
{
	for (size_t i = 0; i < p->variants_count; i++) {
		const struct reload_sim_scenario *s = &p->variants[i].scenario;
		enum reload_err err = reload_sim_scenario_check(s, why);
		if (!err)
			err = reload_sim_script_check(&p->script, s, why);
		if (err)
			return err;
	}
	if ((p->last - p->first) >= RUNS_MAX / p->variants_count)
		return reload_error_explain(why, RELOAD_USAGE, "too many runs",
			"seeds times values of --sweep are at most %d", RUNS_MAX);
	return RELOAD_OK;
}

static enum reload_err read_output(struct plan *p, struct cli *cli, struct reload_error_text *why)
{
	p->plot = cli_value(cli, "plot", NULL);
	p->trace = cli_value(cli, "trace", NULL);
	p->output = cli_value(cli, "output", NULL);
	p->csv = cli_has(cli, "csv");
	p->series = cli_has(cli, "series");
	p->only_faults = cli_value(cli, "only-faults", NULL);
	if (p->csv && cli->format != CLI_TEXT)
		return cli_refuse(why, "--csv and another format are given", "choose one");
	if (p->series && cli->format == CLI_TEXT)
		return cli_refuse(why, "--series belongs to --json", "text and CSV have no series");
	if (p->trace && plan_runs(p) > 1)
		return cli_refuse(
			why, "--trace belongs to one run", "several seeds or values are given");
	return p->only_faults ? reload_sim_faults_list_check(p->only_faults, why) : RELOAD_OK;
}

enum reload_err plan_read(struct plan *p, struct cli *cli, struct reload_error_text *why)
{
	struct reload_sim_scenario base;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	const char *sweep = cli_value(cli, "sweep", NULL);
	*p = (struct plan){ .variants_count = 0 };
	p->variants = reload_alloc_array(SWEEP_MAX + 1, sizeof(*p->variants));
	enum reload_err err = read_scenario(&base, cli, why);
	if (!err)
		err = read_seeds(p, cli, why);
	if (!err && sweep)
		err = read_sweep(p, &base, sweep, why);
	else if (!err)
		p->variants[p->variants_count++].scenario = base;
	if (!err)
		err = read_script(p, cli, why);
	if (!err)
		err = check_variants(p, why);
	if (!err)
		err = cli_number(cli, "jobs",
			cores > 0 && cores <= PARALLEL_MAX ? (uint64_t)cores : 1, 1, PARALLEL_MAX,
			&p->jobs, why);
	p->shrink = SHRINK_AUTO;
	if (!err && cli_has(cli, "shrink"))
		err = cli_number(cli, "shrink", 0, 0, 100000, &p->shrink, why);
	return err ? err : read_output(p, cli, why);
}

void plan_clear(struct plan *p)
{
	free(p->variants);
	reload_sim_script_clear(&p->script);
	*p = (struct plan){ .variants = NULL };
}
