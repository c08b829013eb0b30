#include "reload-sim/print.h"

#include <errno.h>
#include <string.h>

static void put_text(FILE *out, const json_t *object, void *arg)
{
	const struct wr *w = arg;
	(void)object;
	if (w->len)
		fwrite(w->at, 1, w->len, out);
}

/* emit() prints object (taken), or for people the text in w, which it clears. */
static void emit(struct cli *cli, json_t *object, struct wr *w)
{
	cli_print(cli, object, put_text, w);
	json_decref(object);
	wr_clear(w);
}

static bool is_csv(const struct printer *p)
{
	return p->plan->csv;
}

/* put_variant() prints the value of --sweep for the lines that follow. */
static void put_variant(struct printer *p, size_t index, struct wr *w)
{
	const struct variant *v = plan_variant(p->plan, index);
	size_t variant = (size_t)(v - p->plan->variants) + 1;
	if (!p->head)
		reload_sim_report_head(w);
	p->head = true;
	if (*v->text && variant != p->last_variant)
		wr_format(w, "%s = %s\n", p->plan->sweep, v->text);
	p->last_variant = variant;
}

static void print_csv(struct printer *p, const struct reload_sim_report *r)
{
	struct wr w;
	wr_init(&w);
	if (!p->head)
		reload_sim_report_csv_head(&w);
	p->head = true;
	reload_sim_report_csv(&w, r);
	cli_print(p->cli, NULL, put_text, &w);
	wr_clear(&w);
	reload_sim_report_violation(&w, r);
	put_text(stderr, NULL, &w);
	wr_clear(&w);
}

void print_run(struct printer *p, size_t index, const struct reload_sim_outcome *o)
{
	const struct reload_sim_report r = { .scenario = &plan_variant(p->plan, index)->scenario,
		.outcome = o,
		.only_faults = p->plan->only_faults,
		.script = p->plan->script_path,
		.series = p->plan->series };
	struct wr w;
	wr_init(&w);
	reload_sim_summary_add(&p->summary, o);
	cli_step(p->cli, 1, "seed %llu took %.2f s", (unsigned long long)o->seed, o->real_s);
	if (is_csv(p)) {
		print_csv(p, &r);
		return;
	}
	if (plan_runs(p->plan) == 1) {
		reload_sim_report_table(&w, &r);
	} else {
		if (!p->cli->quiet) {
			put_variant(p, index, &w);
			reload_sim_report_line(&w, &r);
		}
		reload_sim_report_violation(&w, &r);
	}
	emit(p->cli, reload_sim_report_object(&r), &w);
}

void print_crash(struct printer *p, size_t index, int signal, int status)
{
	const struct reload_sim_outcome o = { .seed = plan_seed(p->plan, index) };
	char repeat[RELOAD_SIM_REPEAT_TEXT];
	struct wr w;
	wr_init(&w);
	reload_sim_report_repeat(
		&(struct reload_sim_report){ .scenario = &plan_variant(p->plan, index)->scenario,
			.outcome = &o,
			.only_faults = p->plan->only_faults,
			.script = p->plan->script_path },
		repeat);
	wr_format(&w, "seed %llu: the run itself ended by %s %d: a bug\n",
		(unsigned long long)o.seed, signal ? "signal" : "status", signal ? signal : status);
	wr_format(&w, "  repeat:  %.2000s\n", repeat);
	if (is_csv(p)) {
		put_text(stderr, NULL, &w);
		wr_clear(&w);
		return;
	}
	emit(p->cli,
		json_pack("{s:s, s:I, s:i, s:i, s:s}", "type", "crash", "seed", (json_int_t)o.seed,
			"signal", signal, "status", status, "repeat", repeat),
		&w);
}

/* lines_json() returns a list of the lines of text (owned). */
static json_t *lines_json(const char *text)
{
	json_t *list = json_array();
	while (text && *text) {
		size_t n = strcspn(text, "\n");
		json_t *line = json_stringn(text, n);
		if (line)
			json_array_append_new(list, line);
		text += n + (text[n] == '\n');
	}
	return list;
}

void print_shrunk(struct printer *p, const struct print_shrunk *s)
{
	const struct reload_sim_report r = {
		.scenario = s->scenario, .outcome = s->outcome, .only_faults = s->only_faults
	};
	struct wr w;
	wr_init(&w);
	wr_format(&w, "of %u smaller run%s the smallest that shows it:\n", s->runs,
		cli_plural(s->runs));
	reload_sim_report_violation(&w, &r);
	for (const char *line = s->trace ? s->trace : ""; *line;) {
		size_t n = strcspn(line, "\n");
		if (strncmp(line, "reload-sim ", 11) != 0) /* it is the same as the command above */
			wr_format(&w, "    %.*s\n", (int)n, line);
		line += n + (line[n] == '\n');
	}
	if (is_csv(p)) {
		put_text(stderr, NULL, &w);
		wr_clear(&w);
		return;
	}
	json_t *o = reload_sim_report_object(&r);
	json_object_set_new(o, "type", json_string("shrunk"));
	json_object_set_new(o, "smaller_runs", json_integer(s->runs));
	json_object_set_new(o, "trace", lines_json(s->trace));
	emit(p->cli, o, &w);
}

void print_summary(struct printer *p)
{
	struct wr w;
	if (is_csv(p))
		return;
	wr_init(&w);
	if (plan_runs(p->plan) > 1)
		reload_sim_summary_table(&w, &p->summary);
	emit(p->cli, reload_sim_summary_object(&p->summary), &w);
}

void print_keys(struct cli *cli)
{
	struct reload_sim_key keys[RELOAD_SIM_KEYS_MAX];
	size_t count = reload_sim_keys(keys);
	for (size_t i = 0; i < count; i++) {
		struct wr w;
		wr_init(&w);
		wr_format(&w, "%-16s %-9s %-26s %s\n", keys[i].key, keys[i].def, keys[i].bounds,
			keys[i].words);
		emit(cli,
			json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "type", "setting", "key",
				keys[i].key, "form", keys[i].type, "bounds", keys[i].bounds,
				"default", keys[i].def, "words", keys[i].words),
			&w);
	}
}

void print_checks(struct cli *cli)
{
	for (size_t i = 0; i < RELOAD_SIM_CHECKS; i++) {
		struct wr w;
		wr_init(&w);
		wr_format(&w, "%-12s %s\n", reload_sim_check_name(i), reload_sim_check_sentence(i));
		emit(cli,
			json_pack("{s:s, s:s, s:s}", "type", "check", "name",
				reload_sim_check_name(i), "words", reload_sim_check_sentence(i)),
			&w);
	}
}

void print_plan(struct cli *cli, const struct plan *plan)
{
	char options[RELOAD_SIM_OPTIONS_TEXT];
	struct wr w;
	wr_init(&w);
	reload_sim_scenario_options(&plan->variants[0].scenario, options, sizeof(options));
	wr_format(&w, "would run %zu simulation%s%s%s: reload-sim %.1900s%s%.1000s\n",
		plan_runs(plan), cli_plural(plan_runs(plan)), *plan->sweep ? " over " : "",
		plan->sweep, options, plan->script_path ? " --script " : "",
		plan->script_path ? plan->script_path : "");
	emit(cli,
		json_pack("{s:s, s:I, s:s}", "type", "plan", "runs", (json_int_t)plan_runs(plan),
			"options", options),
		&w);
}

const char *print_fields(void)
{
	static char fields[8192];
	struct wr run, w = wr_fixed(fields, sizeof(fields));
	wr_init(&run);
	reload_sim_report_fields(&run);
	wr_span(&w, wr_done(&run));
	wr_span(&w, span_str(" | "));
	wr_span(&w, wr_done(&run));
	wr_format(&w, " smaller_runs:integer trace:string[] | %s | ", reload_sim_summary_fields());
	wr_format(&w,
		"type:string seed:integer signal:integer status:integer repeat:string | "
		"type:string key:string form:string bounds:string default:string words:string | "
		"type:string name:string words:string | type:string runs:integer options:string");
	wr_u8(&w, 0);
	wr_clear(&run);
	return fields;
}
