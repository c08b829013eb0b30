/* reload-shell: all programs of the toolkit at one prompt, or from a script. */
#include "shell.h"

#include "common/call.h"
#include "util/alloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct cli_opt opts[] = {
	{ 'c', "command", "LINE", "run this line, and end; several are run in turn", true },
	{ 'e', "stop-on-failure", NULL, "end at the first line that fails" },
	CLI_END,
};

static const struct cli_opt common_opts[] = { CLI_COMMON, CLI_END };

void shell_line(struct shell *sh, const char *line)
{
	struct words w;
	words_split(&w, line);
	if (w.open)
		sh->status = shell_refuse(sh, "the line is not complete",
			"a quote is open, or nothing follows the last backslash",
			"quotes in pairs");
	else if (w.count)
		sh->status = shell_run(sh, &w);
	words_clear(&w);
}

static bool goes_on(const struct shell *sh)
{
	return !sh->ended && !(sh->status && cli_has(sh->cli, "stop-on-failure"));
}

static void run_terminal(struct shell *sh)
{
	while (!sh->ended) {
		bool cancelled;
		const char *line = edit_line(sh->edit, &cancelled);
		if (cancelled)
			continue;
		if (!line) { /* the end of the input, or of the terminal */
			fputc('\n', stdout);
			break;
		}
		edit_remember(sh->edit, line);
		if (line[strspn(line, " \t")])
			history_add(sh->history, sh, line);
		shell_line(sh, line);
		if (!goes_on(sh))
			break;
	}
}

static void run_script(struct shell *sh, FILE *in)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;
	while (goes_on(sh) && (len = getline(&line, &cap, in)) > 0) {
		line[strcspn(line, "\r\n")] = 0;
		shell_line(sh, line);
	}
	free(line);
}

static enum reload_err open_script(FILE **in, const struct cli *cli, struct reload_error_text *why)
{
	const char *path = cli->operands_count ? cli->operands[0] : "-";
	*in = strcmp(path, "-") ? fopen(path, "re") : stdin;
	if (*in)
		return RELOAD_OK;
	reload_error_explain(why, RELOAD_IO, path, "%s", strerror(errno));
	reload_error_advise(why, "the path of a file with lines, or -");
	return RELOAD_IO;
}

/* The directory of this program, where the others are: built and installed together. */
static char *own_dir(void)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = 0;
	char *slash = strrchr(path, '/');
	if (slash)
		*slash = 0;
	return reload_strdup(*path ? path : ".");
}

static void settings(struct shell *sh)
{
	static const char *const formats[] = {
		[CLI_TEXT] = "text", [CLI_JSON] = "json", [CLI_FLAT] = "flat"
	};
	struct cli *cli = sh->cli;
	if (cli_has(cli, "agent"))
		setenv("RELOAD_AGENT", cli_value(cli, "agent", ""), 1);
	if (cli_has(cli, "timeout"))
		setenv("RELOAD_TIMEOUT", cli_value(cli, "timeout", ""), 1);
	if (cli_has(cli, "json") || cli_has(cli, "flat"))
		setenv("RELOAD_FORMAT", formats[cli->format], 1);
	if (cli_has(cli, "color"))
		sh->color = reload_strdup(cli_value(cli, "color", "auto"));
	cli->deadline = RELOAD_NEVER; /* of the shell; each command has its own */
}

/* A person is there when what is read is a terminal, and nothing else was named. */
static bool is_terminal(const struct cli *cli)
{
	return !cli_has(cli, "command") && !cli->operands_count && isatty(STDIN_FILENO) &&
	       isatty(STDOUT_FILENO);
}

static void run_lines(struct shell *sh)
{
	for (size_t i = 0; i < cli_count(sh->cli, "command") && goes_on(sh); i++)
		shell_line(sh, cli_value_at(sh->cli, "command", i));
}

static int run(struct cli *cli)
{
	struct reload_error_text why;
	struct shell sh = {
		.cli = cli, .dir = own_dir(), .run = shell_run, .terminal = is_terminal(cli)
	};
	FILE *in = NULL;
	if (cli_has(cli, "command") && cli->operands_count) {
		free(sh.dir);
		return cli_fail(cli,
			cli_refuse(&why, "--command and a file", "lines come from one of the two"),
			&why);
	}
	settings(&sh);
	if (sh.terminal) {
		shell_terminal_begin(&sh);
		sh.history = history_open();
		sh.edit = edit_new(&sh);
	}
	enum reload_err err = RELOAD_OK;
	if (sh.edit)
		run_terminal(&sh);
	else if (cli_has(cli, "command"))
		run_lines(&sh);
	else if (!(err = open_script(&in, cli, &why)))
		run_script(&sh, in);
	if (err)
		sh.status = cli_fail(cli, err, &why);
	if (in && in != stdin)
		fclose(in);
	edit_free(sh.edit);
	history_free(sh.history);
	if (sh.terminal)
		shell_terminal_end(&sh);
	free(sh.dir);
	free(sh.color);
	return sh.status;
}

static const struct cli_command commands[] = {
	{ .operands = "[FILE]",
		.max = 1,
		.summary =
			"commands are the names of the programs without reload-; help lists them",
		.opts = opts,
		.result = "line:string",
		.run = run },
	{ 0 },
};

static const char *const examples[] = {
	"reload-shell -a alice -c 'ping -c 1 succ' -c 'diag health'",
	"reload-shell -e script.reload",
	NULL,
};

static const struct cli_program program = {
	.name = "reload-shell",
	.summary = "All programs of RELOAD at one prompt, with completion, or from a script.",
	.manual = "reload-shell(1)",
	.commands = commands,
	.opts = common_opts,
	.examples = examples,
	.complete = cli_complete_agent,
	.exits = CLI_EXIT(3) | CLI_EXIT(4) | CLI_EXIT(5) | CLI_EXIT(6) | CLI_EXIT(7) | CLI_EXIT(8) |
		 CLI_EXIT(9) | CLI_EXIT(10) | CLI_EXIT(11) | CLI_EXIT(12) | CLI_EXIT(13),
};

int main(int argc, char **argv)
{
	return cli_main(&program, argc, argv);
}
