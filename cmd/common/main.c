#include "common/main.h"

#include "common/complete.h"

#include "control/failure.h"
#include "control/methods.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	OPTION_COLUMN = 32
};

static void print_option(FILE *out, const struct cli_opt *o)
{
	char left[96];
	snprintf(left, sizeof(left), "%c%c%s --%s%s%s", o->key ? '-' : ' ', o->key ? o->key : ' ',
		o->key ? "," : " ", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
	fprintf(out, "  %-*s  %s%s\n", OPTION_COLUMN, left, o->help, o->many ? "; repeatable" : "");
}

static void print_usage(
	FILE *out, const struct cli_program *p, const struct cli_command *c, bool first)
{
	fprintf(out, "%s %s", first ? "Usage:" : "      ", p->name);
	if (c->name && p->fallback && !strcmp(c->name, p->fallback))
		fprintf(out, " [%s]", c->name);
	else if (c->name)
		fprintf(out, " %s", c->name);
	fprintf(out, " [options]%s%s\n", c->operands ? " " : "", c->operands ? c->operands : "");
}

static void print_exits(FILE *out, const struct cli_program *p)
{
	uint64_t codes = p->exits | CLI_EXIT(0) | CLI_EXIT(1) | CLI_EXIT(2);
	fputs("\nExit codes:\n", out);
	for (int code = 0; code < 64; code++)
		if (codes & CLI_EXIT(code))
			fprintf(out, "  %-3d %-14s %s\n", code, reload_exit_name(code),
				reload_exit_when(code));
	fprintf(out, "  %-3d %-14s %s\n", 70, reload_exit_name(70), reload_exit_when(70));
	fputs("  128+N              ended by signal N\n", out);
}

void cli_help(FILE *out, const struct cli_program *p, const struct cli_command *command)
{
	bool first = true;
	for (const struct cli_command *c = p->commands; c->run; c++) {
		if (command && c != command)
			continue;
		print_usage(out, p, c, first);
		first = false;
	}
	fprintf(out, "\n%s\n", command && command->name ? command->summary : p->summary);
	if (!command && p->commands[0].name) {
		fputs("\nSubcommands:\n", out);
		for (const struct cli_command *c = p->commands; c->run; c++)
			fprintf(out, "  %-14s %s\n", c->name, c->summary);
	}
	for (const struct cli_command *c = p->commands; c->run; c++) {
		if ((command && c != command) || !c->opts || !c->opts->name)
			continue;
		fprintf(out, "\nOptions%s%s:\n", c->name ? " of " : "", c->name ? c->name : "");
		for (const struct cli_opt *o = c->opts; o->name; o++)
			print_option(out, o);
	}
	fputs("\nCommon options:\n", out);
	for (const struct cli_opt *o = p->opts; o->name; o++)
		print_option(out, o);
	fputs("\nExamples:\n", out);
	for (const char *const *e = p->examples; *e; e++)
		fprintf(out, "  $ %s\n", *e);
	print_exits(out, p);
	fprintf(out, "\nManual: %s\n", p->manual);
}

/*
 * open_std() makes sure that descriptors 0 to 2 are in use, so that no file opened later becomes standard output.
 * Reading a standard input that was closed is an error, not an empty value.
 */
static bool open_std(void)
{
	bool closed = fcntl(STDOUT_FILENO, F_GETFD) < 0;
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_WRONLY) < 0)
			abort();
	return closed;
}

/* wants_json() looks for --json in a command line that has an error. */
static bool wants_json(int argc, char **argv)
{
	const char *env = getenv("RELOAD_FORMAT");
	if (env && !strcmp(env, "json"))
		return true;
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (!strcmp(argv[i], "--json") || !strcmp(argv[i], "-j"))
			return true;
	return false;
}

/* hidden() handles --complete and --completion, which no help lists; false when neither was given. */
static bool hidden(struct cli *cli, const struct cli_program *p, int argc, char **argv, int *status)
{
	bool script = argc == 3 && strcmp(argv[1], "--completion") == 0;
	if (!script && (argc < 3 || strcmp(argv[1], "--complete") != 0))
		return false;
	cli->program = p;
	*status = 0;
	if (!script)
		cli_complete(cli, p, argc - 1, argv + 1);
	else if (!cli_completion(stdout, p, argv[2]))
		*status = reload_err_exit(RELOAD_USAGE);
	return true;
}

/*
 * method_schema() returns the schema of a reply of the agent.  "@store.fetch --stat:store.stat" means: that of store.fetch, or of
 * store.stat when --stat is given.
 */
static json_t *method_schema(const struct cli *cli, const char *text)
{
	char method[64] = "", option[64], other[64];
	int n = 0;
	sscanf(text, "@%63s%n", method, &n);
	for (text += n; sscanf(text, " --%63[^:]:%63s%n", option, other, &n) == 2; text += n)
		if (cli_has(cli, option))
			memcpy(method, other, sizeof(method));
	return reload_fields_schema(reload_method_find(method)->result);
}

static int print_schema(struct cli *cli)
{
	char title[96];
	const char *result = cli->command->result;
	snprintf(title, sizeof(title), "%s%s%s", cli->program->name, cli->command->name ? " " : "",
		cli->command->name ? cli->command->name : "");
	json_t *schema = cli->command->schema ? cli->command->schema(cli, title) : NULL;
	if (!schema)
		schema = result && result[0] == '@'
				 ? cli_schema_of(title, method_schema(cli, result))
				 : cli_schema(title, result);
	cli->format = CLI_JSON;
	cli_print(cli, schema, NULL, NULL);
	json_decref(schema);
	return 0;
}

static int run(struct cli *cli)
{
	if (cli_has(cli, "help")) {
		cli_help(stdout, cli->program, cli->command);
		return 0;
	}
	if (cli_has(cli, "version")) {
		printf("%s %s\n", cli->program->name, RELOAD_VERSION);
		return 0;
	}
	return cli_has(cli, "json-schema") ? print_schema(cli) : cli->command->run(cli);
}

/* A private key in memory must not get into a core file or to a crash handler. */
static void no_core_dumps(void)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
#ifndef __SANITIZE_ADDRESS__ /* the leak checker attaches to the process like a debugger */
	prctl(PR_SET_DUMPABLE, 0);
#endif
}

int cli_main(const struct cli_program *program, int argc, char **argv)
{
	struct cli cli = { .program = program };
	struct reload_error_text why;
	int status;
	bool closed = open_std();
	no_core_dumps();
	signal(SIGXFSZ,
		SIG_IGN); /* with ulimit -f, writing fails as on a full disk, and the failure is reported */
	if (!hidden(&cli, program, argc, argv, &status)) {
		enum reload_err err = cli_parse(&cli, program, argc, argv, &why);
		if (err && wants_json(argc, argv))
			cli.format = CLI_JSON;
		cli.stdout_closed = closed;
		status = err ? cli_fail(&cli, err, &why) : run(&cli);
	}
	cli.stdout_closed = closed;
	status = cli_finish(&cli, status);
	cli_clear(&cli);
	return status;
}
