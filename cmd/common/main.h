/* What main() of every program calls: from argv to the exit status. */
#pragma once

#include "common/files.h"
#include "common/home.h"
#include "common/options.h"
#include "common/output.h"

/*
 * cli_main() parses, answers --help, --version, --json-schema and completion, calls the command's run() and returns its
 * exit status after standard output was written out (1 with a message when it could not be).
 */
int cli_main(const struct cli_program *program, int argc, char **argv);

/* cli_help() prints the help of command, of the whole program when command is NULL. */
void cli_help(FILE *out, const struct cli_program *program, const struct cli_command *command);

/*
 * cli_schema() returns the JSON Schema (owned) of a result whose fields are listed as "name:type" with blanks between:
 * types string integer number boolean object, or {fields}; then [] for a list and ? for one that may be null.
 * Example: "state:string neighbors:string[] phases:{name:string ms:number}[] transaction:string?".  Streams print objects
 * of several kinds: their lists stand one behind the other with | between.
 */
json_t *cli_schema(const char *title, const char *fields);

/* cli_schema_of() is the same for a result whose schema is at hand (taken). */
json_t *cli_schema_of(const char *title, json_t *result);

/* cli_completion() prints the completion script of program for shell "bash", "zsh" or "fish"; false: unknown shell. */
bool cli_completion(FILE *out, const struct cli_program *program, const char *shell);
