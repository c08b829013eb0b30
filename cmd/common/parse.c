/* Parsing argv into options, operands and the subcommand. */
#include "common/options.h"

#include "util/alloc.h"
#include "util/words.h"

#include <stdlib.h>
#include <string.h>

enum {
	TIMEOUT_DEFAULT_MS = 20000,
	WORD_MAX_LEN = 64,
	WORDS_MAX = 256
};

/* all_names() fills words with the long names of program's options, except for "completion". */
static void all_names(const char **words, const struct cli_program *program)
{
	size_t n = 0;
	for (const struct cli_opt *o = program->opts; o && o->name && n < WORDS_MAX; o++)
		words[n++] = o->name;
	for (const struct cli_command *c = program->commands; c->run; c++)
		for (const struct cli_opt *o = c->opts; o && o->name && n < WORDS_MAX; o++)
			words[n++] = o->name;
	words[n] = NULL;
}

static enum reload_err unknown_option(
	const struct cli_program *program, const char *name, struct reload_error_text *why)
{
	char what[128];
	const char *words[WORDS_MAX + 1];
	snprintf(what, sizeof(what), "no option %s%.64s", name[1] ? "--" : "-", name);
	enum reload_err err = reload_error_explain(
		why, RELOAD_USAGE, what, "there is no such option; options cannot be shortened");
	all_names(words, program);
	const char *near = name[1] ? reload_nearest(name, words) : NULL;
	if (near)
		reload_error_advise(why, "%s --%s", program->name, near);
	else
		reload_error_advise(why, "%s --help", program->name);
	return err;
}

static enum reload_err usage(struct reload_error_text *why, const struct cli_program *program,
	const char *what, const char *cause)
{
	enum reload_err err = reload_error_explain(why, RELOAD_USAGE, what, "%s", cause);
	reload_error_advise(why, "%s --help", program->name);
	return err;
}

/* The state of parsing. */
struct reading {
	struct cli *cli;
	char **argv;
	int argc, at;
	struct reload_error_text *why;
	bool begun;                    /* the line is still being typed: errors are skipped */
	bool ended;                    /* "--" was seen */
	const struct cli_opt *pending; /* the option whose value is missing at the end */
};

static void note(struct cli *cli, const struct cli_opt *opt, const char *value)
{
	cli->given[cli->given_count++] = (struct cli_given){ opt, value };
}

/* take_value() takes the value of opt: the rest of its word, else the next word. */
static enum reload_err take_value(
	struct reading *r, const struct cli_opt *opt, const char *attached)
{
	const char *value = attached;
	if (!value && r->at + 1 < r->argc)
		value = r->argv[++r->at];
	if (!value) {
		char what[128];
		r->pending = opt;
		snprintf(what, sizeof(what), "option --%s needs %s", opt->name, opt->arg);
		return usage(r->why, r->cli->program, what, "the command line ends behind it");
	}
	note(r->cli, opt, value);
	return RELOAD_OK;
}

static enum reload_err read_long(struct reading *r, const char *text)
{
	const struct cli_program *program = r->cli->program;
	char name[WORD_MAX_LEN];
	size_t len = strcspn(text, "=");
	snprintf(name, sizeof(name), "%.*s", (int)(len < WORD_MAX_LEN ? len : WORD_MAX_LEN - 1),
		text);
	const struct cli_opt *opt = cli_opt_find(program, r->cli->command, name);
	if (!opt)
		opt = cli_opt_find(program, NULL, name);
	if (!opt)
		return unknown_option(program, name, r->why);
	if (opt->arg)
		return take_value(r, opt, text[len] ? text + len + 1 : NULL);
	if (text[len]) {
		char what[128];
		snprintf(what, sizeof(what), "option --%s takes no value", name);
		return usage(r->why, program, what, "a value was given behind =");
	}
	note(r->cli, opt, NULL);
	return RELOAD_OK;
}

static enum reload_err read_short(struct reading *r, const char *letters)
{
	for (; *letters; letters++) {
		const struct cli_opt *opt =
			cli_opt_of_key(r->cli->program, r->cli->command, *letters);
		if (!opt)
			opt = cli_opt_of_key(r->cli->program, NULL, *letters);
		if (!opt)
			return unknown_option(r->cli->program, (char[]){ *letters, 0 }, r->why);
		if (opt->arg)
			return take_value(r, opt, letters[1] ? letters + 1 : NULL);
		note(r->cli, opt, NULL);
	}
	return RELOAD_OK;
}

/* name_fits() returns whether the operands seen so far begin with the one or two words of name. */
static bool name_fits(const struct cli *cli, const char *name)
{
	size_t first = strcspn(name, " ");
	if (!cli->operands_count || strncmp(cli->operands[0], name, first) ||
		cli->operands[0][first])
		return false;
	return !name[first] ||
	       (cli->operands_count > 1 && !strcmp(cli->operands[1], name + first + 1));
}

/* choose() sets the command as soon as its words were read, and removes them from the operands. */
static void choose(struct cli *cli)
{
	for (const struct cli_command *c = cli->program->commands; c->run && !cli->command; c++) {
		if (c->name && !name_fits(cli, c->name))
			continue;
		if (!c->name && cli->program->commands[1].run)
			continue;
		cli->command = c;
		size_t words = c->name ? 1 + (strchr(c->name, ' ') != NULL) : 0;
		cli->operands_count -= words;
		memmove(cli->operands, cli->operands + words, cli->operands_count * sizeof(char *));
	}
}

static enum reload_err read_words(struct reading *r)
{
	for (r->at = 1; r->at < r->argc; r->at++) {
		char *word = r->argv[r->at];
		enum reload_err err = RELOAD_OK;
		if (!r->ended && !strcmp(word, "--"))
			r->ended = true;
		else if (!r->ended && word[0] == '-' && word[1] == '-')
			err = read_long(r, word + 2);
		else if (!r->ended && word[0] == '-' && word[1])
			err = read_short(r, word + 1);
		else {
			r->cli->operands[r->cli->operands_count++] = word;
			if (!r->ended && r->cli->operands_count <= 2)
				choose(r->cli);
		}
		if (err && !r->begun)
			return err;
	}
	return RELOAD_OK;
}

static enum reload_err no_command(struct cli *cli, struct reload_error_text *why)
{
	const struct cli_program *program = cli->program;
	const char *words[WORDS_MAX + 1] = { NULL };
	char list[256] = "", what[128], typed[WORD_MAX_LEN * 2 + 2];
	size_t n = 0;
	for (const struct cli_command *c = program->commands; c->run && n < WORDS_MAX; c++) {
		words[n++] = c->name;
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
			n > 1 ? ", " : "", c->name);
	}
	if (!cli->operands_count) {
		char cause[300];
		snprintf(cause, sizeof(cause), "there are: %s", list);
		return usage(why, program, "no subcommand was given", cause);
	}
	snprintf(typed, sizeof(typed), "%.64s%s%.64s", cli->operands[0],
		cli->operands_count > 1 && !strcmp(cli->operands[0], "config") ? " " : "",
		cli->operands_count > 1 && !strcmp(cli->operands[0], "config") ? cli->operands[1]
									       : "");
	snprintf(what, sizeof(what), "no subcommand %.110s", typed);
	enum reload_err err = reload_error_explain(why, RELOAD_USAGE, what, "there are: %s", list);
	const char *near = reload_nearest(typed, words);
	if (near)
		reload_error_advise(why, "%s %s", program->name, near);
	else
		reload_error_advise(why, "%s --help", program->name);
	return err;
}

/* check_given() refuses options of other subcommands. */
static enum reload_err check_given(struct cli *cli, struct reload_error_text *why)
{
	for (size_t i = 0; i < cli->given_count; i++) {
		const struct cli_opt *own =
			cli_opt_find(cli->program, cli->command, cli->given[i].opt->name);
		char what[128];
		if (!own) {
			snprintf(what, sizeof(what), "no option --%s in %s %s",
				cli->given[i].opt->name, cli->program->name,
				cli->command->name ? cli->command->name : "");
			return usage(why, cli->program, what, "it belongs to another subcommand");
		}
		cli->given[i].opt = own;
	}
	return RELOAD_OK;
}

static enum reload_err check_operands(struct cli *cli, struct reload_error_text *why)
{
	const struct cli_command *c = cli->command;
	char cause[128], what[160];
	if (cli->operands_count < c->min) {
		snprintf(cause, sizeof(cause), "expected: %s", c->operands);
		return usage(why, cli->program, "an operand is missing", cause);
	}
	if (cli->operands_count > c->max && !c->max && cli->program->fallback)
		return no_command(cli, why);
	if (cli->operands_count > c->max) {
		snprintf(what, sizeof(what), "too many operands: %.100s", cli->operands[c->max]);
		snprintf(cause, sizeof(cause), "expected: %s", c->operands ? c->operands : "none");
		return usage(why, cli->program, what, cause);
	}
	return RELOAD_OK;
}

static enum reload_err read_color(struct cli *cli, struct reload_error_text *why)
{
	const char *color = cli_value(cli, "color", "auto");
	if (!strcmp(color, "auto"))
		cli->color = CLI_COLOR_AUTO;
	else if (!strcmp(color, "always"))
		cli->color = CLI_COLOR_ALWAYS;
	else if (!strcmp(color, "never"))
		cli->color = CLI_COLOR_NEVER;
	else
		return usage(why, cli->program, "--color is not auto, always or never", color);
	return RELOAD_OK;
}

/* read_format() takes --json and --flat (the later one wins), else RELOAD_FORMAT. */
static enum reload_err read_format(struct cli *cli, struct reload_error_text *why)
{
	const char *env = getenv("RELOAD_FORMAT");
	cli->format = CLI_TEXT;
	if (env && !strcmp(env, "json"))
		cli->format = CLI_JSON;
	else if (env && !strcmp(env, "flat"))
		cli->format = CLI_FLAT;
	else if (env && *env && strcmp(env, "text"))
		return usage(why, cli->program, "RELOAD_FORMAT is not text, json or flat", env);
	for (size_t i = 0; i < cli->given_count; i++) {
		if (!strcmp(cli->given[i].opt->name, "json"))
			cli->format = CLI_JSON;
		if (!strcmp(cli->given[i].opt->name, "flat"))
			cli->format = CLI_FLAT;
	}
	return RELOAD_OK;
}

static enum reload_err read_timeout(struct cli *cli, struct reload_error_text *why)
{
	reload_ms t = cli->program->timeout_ms ? cli->program->timeout_ms : TIMEOUT_DEFAULT_MS;
	const char *env = getenv("RELOAD_TIMEOUT");
	if (env && *env && reload_time_parse(&t, env))
		return usage(why, cli->program, "RELOAD_TIMEOUT is no time", env);
	enum reload_err err = cli_time(cli, "timeout", t, &t, why);
	if (err)
		return err;
	cli->timeout_ms = t ? t : RELOAD_NEVER;
	cli->deadline =
		cli->timeout_ms == RELOAD_NEVER ? RELOAD_NEVER : cli->started + cli->timeout_ms;
	return RELOAD_OK;
}

static bool asks_only(const struct cli *cli)
{
	return cli_has(cli, "help") || cli_has(cli, "version");
}

static enum reload_err settle(struct cli *cli, struct reload_error_text *why)
{
	const struct cli_program *program = cli->program;
	choose(cli); /* --help without a subcommand describes all of them */
	for (const struct cli_command *c = program->commands; c->run && !cli->command; c++)
		if (program->fallback && !asks_only(cli) && !strcmp(c->name, program->fallback))
			cli->command = c;
	enum reload_err err = read_format(cli, why);
	cli->verbose = (unsigned)cli_count(cli, "verbose");
	cli->quiet = cli_has(cli, "quiet");
	cli->dry_run = cli_has(cli, "dry-run");
	cli->yes = cli_has(cli, "yes");
	cli->no_input = cli_has(cli, "no-input");
	if (err || asks_only(cli))
		return err;
	if (!cli->command)
		return no_command(cli, why);
	err = check_given(cli, why);
	if (!err)
		err = read_color(cli, why);
	if (!err)
		err = read_timeout(cli, why);
	if (!err && !cli_has(cli, "json-schema"))
		err = check_operands(cli, why);
	return err;
}

/* make_room() allocates room for as many options and operands as argv can have. */
static void make_room(struct cli *cli, const struct cli_program *program, int argc, char **argv)
{
	*cli = (struct cli){
		.program = program, .started = cli_monotonic(), .deadline = RELOAD_NEVER
	};
	size_t letters = 1;
	for (int i = 1; i < argc; i++)
		letters += strlen(argv[i]) + 1;
	cli->operands = reload_alloc_array((size_t)argc + 1, sizeof(char *));
	cli->given = reload_alloc_array(letters, sizeof(*cli->given)); /* -vvv is three options */
}

enum reload_err cli_parse(struct cli *cli, const struct cli_program *program, int argc, char **argv,
	struct reload_error_text *why)
{
	struct reading r = { .cli = cli, .argv = argv, .argc = argc, .why = why };
	make_room(cli, program, argc, argv);
	enum reload_err err = read_words(&r);
	return err ? err : settle(cli, why);
}

bool cli_parse_begun(struct cli *cli, const struct cli_program *program, int argc, char **argv,
	const struct cli_opt **pending)
{
	struct reload_error_text why;
	struct reading r = { .cli = cli, .argv = argv, .argc = argc, .why = &why, .begun = true };
	make_room(cli, program, argc, argv);
	(void)read_words(&r);
	choose(cli);
	*pending = r.pending;
	return r.ended;
}

const struct cli_opt *cli_opt_of_word(const struct cli *cli, const char *word, const char **value)
{
	char name[WORD_MAX_LEN];
	const char *equals = strchr(word, '=');
	if (strncmp(word, "--", 2) == 0) {
		if (!equals || equals - word >= WORD_MAX_LEN)
			return NULL;
		snprintf(name, sizeof(name), "%.*s", (int)(equals - word - 2), word + 2);
		*value = equals + 1;
		const struct cli_opt *opt = cli_opt_find(cli->program, cli->command, name);
		return opt && opt->arg ? opt : NULL;
	}
	for (const char *letter = word + 1; *letter; letter++) {
		const struct cli_opt *opt = cli_opt_of_key(cli->program, cli->command, *letter);
		*value = letter + 1;
		if (!opt || opt->arg)
			return opt;
	}
	return NULL;
}

void cli_clear(struct cli *cli)
{
	free(cli->operands);
	free(cli->given);
	cli->operands = NULL;
	cli->given = NULL;
}
