/* The agent that a command line names; what needs no command line is in home.c. */
#include "common/home.h"
#include "common/options.h"

#include "util/alloc.h"

#include <stdlib.h>

/* The agent that the command line or the environment names, NULL for none. */
static const char *named_agent(const struct cli *cli)
{
	const char *env = getenv("RELOAD_AGENT");
	return cli_value(cli, "agent", env && *env ? env : NULL);
}

char *cli_agent_name(const struct cli *cli, const char *path)
{
	const char *name = named_agent(cli);
	return name ? reload_strdup(name) : cli_agent_at(path);
}

enum reload_err cli_agent(char **out, const struct cli *cli, struct reload_error_text *why)
{
	return cli_agent_of(out, named_agent(cli), why);
}
