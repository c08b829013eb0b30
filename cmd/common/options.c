/* The tables of options, and the two clocks. */
#include "common/options.h"

#include <string.h>
#include <time.h>

reload_utc cli_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (reload_utc)t.tv_sec * RELOAD_SECOND + (reload_utc)t.tv_nsec / 1000000;
}

reload_ms cli_monotonic(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (reload_ms)t.tv_sec * RELOAD_SECOND + (reload_ms)t.tv_nsec / 1000000;
}

static const struct cli_opt *find_in(const struct cli_opt *opts, const char *name, char key)
{
	for (; opts && opts->name; opts++)
		if (name ? !strcmp(opts->name, name) : opts->key == key)
			return opts;
	return NULL;
}

static const struct cli_opt *lookup(const struct cli_program *program,
	const struct cli_command *command, const char *name, char key)
{
	const struct cli_opt *opt = find_in(program->opts, name, key);
	if (!opt && command)
		opt = find_in(command->opts, name, key);
	for (const struct cli_command *c = program->commands; !opt && !command && c->run; c++)
		opt = find_in(c->opts, name, key);
	return opt;
}

const struct cli_opt *cli_opt_find(
	const struct cli_program *program, const struct cli_command *command, const char *name)
{
	return lookup(program, command, name, 0);
}

const struct cli_opt *cli_opt_of_key(
	const struct cli_program *program, const struct cli_command *command, char key)
{
	return lookup(program, command, NULL, key);
}

enum reload_err cli_refuse(struct reload_error_text *why, const char *what, const char *reason)
{
	return reload_error_explain(why, RELOAD_USAGE, what, "%s", reason);
}
