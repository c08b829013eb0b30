/* Paths of configuration, state and sockets, and the running instances (cli.md s2). */
#pragma once

#include "common/options.h"

enum cli_place {
	CLI_CONFIG,
	CLI_STATE,
	CLI_RUN
};

/*
 * cli_path() returns (owned) the path of rest, "" for the directory itself, in a place: under RELOAD_HOME/{etc,state,run},
 * else of root or of the XDG directories.  RELOAD_FAILED when no directory is known; RELOAD_USAGE when rest has a part that is
 * empty, "." or "..", so that no name leads to another directory.
 */
enum reload_err cli_path(char **out, enum cli_place place, const char *rest,
	struct reload_error_text *why) MUST_CHECK;

/* cli_path_show() returns path without the current directory at its start (borrows path). */
const char *cli_path_show(const char *path);

/*
 * cli_name_valid() returns whether an instance or identity may have that name: letters, digits and "-_.@+", no dot or
 * hyphen first, no "-ro" at the end.
 */
bool cli_name_valid(const char *name);

/* cli_socket_path() returns (owned) the control socket of an instance; RELOAD_USAGE for a bad name or too long a path. */
enum reload_err cli_socket_path(
	char **out, const char *instance, bool read_only, struct reload_error_text *why) MUST_CHECK;

/* cli_instances() returns the names of running instances, sorted (array and names owned); *count may be 0. */
char **cli_instances(size_t *count);

/* cli_list() returns the sorted names of a directory that hold the file `within` (NULL: any); as cli_instances(). */
char **cli_list(const char *dir, const char *within, size_t *count);
void cli_names_free(char **names, size_t count);

/*
 * cli_agent_of() returns (owned) the control socket of the agent of that name or, with a / in it, path; NULL: of the only instance that runs.
 * RELOAD_USAGE with the list when there are several, RELOAD_NO_AGENT when there is none.  cli_agent_at() returns (owned) the name of the
 * instance with that control socket.
 */
enum reload_err cli_agent_of(
	char **out, const char *name, struct reload_error_text *why) MUST_CHECK;
char *cli_agent_at(const char *path);

/*
 * cli_agent() returns (owned) the control socket of --agent, $RELOAD_AGENT, else of the only instance that runs.
 * Errors of cli_agent_of().
 */
enum reload_err cli_agent(
	char **out, const struct cli *cli, struct reload_error_text *why) MUST_CHECK;

/* cli_agent_name() returns (owned) what -a takes for the agent with the control socket path, which cli_agent() returned. */
char *cli_agent_name(const struct cli *cli, const char *path);
