/* A command: of the shell itself, a subcommand that stands for itself, or a program. */
#include "shell.h"

#include "util/alloc.h"

#include <stdlib.h>
#include <string.h>

static int run_short(struct shell *sh, const struct words *w, const char *command)
{
	struct words full = { .at = reload_alloc_array(w->count + 2, sizeof(char *)) };
	full.at[full.count++] = (char *)command;
	for (size_t i = 0; i < w->count; i++)
		full.at[full.count++] = w->at[i];
	int status = shell_run(sh, &full);
	free(full.at);
	return status;
}

int shell_run(struct shell *sh, const struct words *w)
{
	const struct builtin *b = shell_builtin(w->at[0]);
	const char *command = shell_short_form(w->at[0]);
	if (b)
		return b->run(sh, w);
	if (command)
		return run_short(sh, w, command);
	char *path = shell_program(sh, w->at[0]);
	if (!path) {
		char what[128];
		snprintf(what, sizeof(what), "no command %.80s", w->at[0]);
		return shell_refuse(sh, what,
			"commands are the names of the programs without reload-, and those of the "
			"shell",
			"help");
	}
	int status = shell_program_run(sh, path, w);
	free(path);
	return status;
}
