/* Options and operands: one table per program drives parsing, --help, the check of its manual page and completion. */
#pragma once

#include "util/clock.h"
#include "util/err.h"

#include <jansson.h>
#include <stdio.h>

struct cli;

struct cli_opt {
	char key;         /* short letter, 0: none */
	const char *name; /* long name */
	const char *arg;  /* "TIME", "auto|always|never"; NULL: takes none */
	const char *help; /* one line */
	bool many;        /* may be given several times */
};

#define CLI_END                                                                                    \
	{                                                                                          \
		0                                                                                  \
	}

/* The options of every program (cli.md s1); put it into struct cli_program.opts before CLI_END. */
/* clang-format off */
#define CLI_COMMON \
	{ 'a', "agent", "NAME|PATH", "control socket: an instance name, or a path if it contains /" }, \
	CLI_COMMON_REST
/* the same for a program that says itself what --agent is */
#define CLI_COMMON_REST \
	{ 'j', "json", NULL, "results as JSON, one object a line" }, \
	{ 0, "flat", NULL, "results as path=value lines" }, \
	{ 't', "timeout", "TIME", "limit for the whole command (default 20s, 0: none)" }, \
	{ 'q', "quiet", NULL, "results only" }, \
	{ 'v', "verbose", NULL, "report each step; -vv each message", true }, \
	{ 'n', "dry-run", NULL, "check everything, change nothing" }, \
	{ 'y', "yes", NULL, "answer yes" }, \
	{ 0, "no-input", NULL, "never ask" }, \
	{ 0, "color", "auto|always|never", "colour the text" }, \
	{ 0, "json-schema", NULL, "print the JSON Schema of the output" }, \
	{ 'h', "help", NULL, "print this help" }, \
	{ 'V', "version", NULL, "print the version" }
/* clang-format on */

/* One subcommand, or the whole of a program that has none (name NULL). */
struct cli_command {
	const char *name;     /* "issue", "config check"; NULL: the program has no subcommands */
	const char *operands; /* as in the synopsis: "TARGET [VALUE|-]"; NULL: none */
	size_t min, max;      /* number of operands; checked before run() */
	const char *summary;  /* one line */
	const struct cli_opt *opts; /* its own options, ended by CLI_END; NULL: none */
	const char *
		result; /* fields of the result for --json-schema, see cli_schema(); "@store.put": those of a method */
	int (*run)(struct cli *cli); /* returns the exit status */
	/* the schema (owned) of what is printed with the options given, NULL: that of result; may be NULL */
	json_t *(*schema)(const struct cli *cli, const char *title);
};

#define CLI_EXIT(code) (1ull << (code))

struct cli_typed;

struct cli_program {
	const char *name;
	const char *summary;                /* one sentence for --help */
	const char *manual;                 /* "reload-enroll(1)" */
	const struct cli_command *commands; /* the last one has no run() */
	const char *
		fallback; /* the command that is run when the first operand is not the name of one; NULL: a command is required */
	const struct cli_opt *opts;  /* of every command: usually CLI_COMMON, CLI_END */
	const char *const *examples; /* two command lines, NULL-terminated */
	uint64_t exits;              /* CLI_EXIT(n) | ... besides 0, 1, 2, 70 and 128+N */
	reload_ms timeout_ms;        /* default of --timeout; 0: 20 s; RELOAD_NEVER: none */
	/* offers words of the sort `what` ("targets", "kinds") with cli_offer() for completion; NULL: none */
	void (*complete)(struct cli *cli, const char *what, const struct cli_typed *typed);
};

enum cli_format {
	CLI_TEXT,
	CLI_JSON,
	CLI_FLAT
};

struct cli_given {
	const struct cli_opt *opt;
	const char *value;
};

/* One run of a program; fields are for reading. */
struct cli {
	const struct cli_program *program;
	const struct cli_command *command;
	char **operands;
	size_t operands_count;
	struct cli_given *given;
	size_t given_count;
	enum cli_format format;
	unsigned verbose;
	bool quiet, dry_run, yes, no_input;
	enum {
		CLI_COLOR_AUTO,
		CLI_COLOR_ALWAYS,
		CLI_COLOR_NEVER
	} color;
	reload_ms started, timeout_ms, deadline; /* monotonic; deadline RELOAD_NEVER: none */
	bool stdout_closed;                      /* when the program was started */
	int write_errno;                         /* of the first result that could not be written */
	bool progress_shown;
};

/*
 * cli_parse() reads argv into cli, which cli_clear() frees.  Options stand before or after operands, "--" ends them, long
 * names are never shortened.  RELOAD_USAGE with why filled (the nearest option that exists).  A command line with --help,
 * --version, --json-schema is accepted without operands.
 */
enum reload_err cli_parse(struct cli *cli, const struct cli_program *program, int argc, char **argv,
	struct reload_error_text *why) MUST_CHECK;
void cli_clear(struct cli *cli);

/*
 * cli_parse_begun() reads a command line that is still being typed as far as it can be understood: no word is refused, no
 * command needed.  *pending is the option (borrowed) whose value comes next, or NULL; true when "--" ended the options.
 */
bool cli_parse_begun(struct cli *cli, const struct cli_program *program, int argc, char **argv,
	const struct cli_opt **pending);

/* cli_opt_of_word() returns the option whose value begins in the same word ("--agent=", "-ja"), at *value; else NULL. */
const struct cli_opt *cli_opt_of_word(const struct cli *cli, const char *word, const char **value);

/* cli_has() returns whether the option was given, cli_count() how often.  The name must be in the table. */
bool cli_has(const struct cli *cli, const char *name);
size_t cli_count(const struct cli *cli, const char *name);

/* cli_value() returns the last value of the option, otherwise when it was not given; cli_value_at() the one with index i. */
const char *cli_value(const struct cli *cli, const char *name, const char *otherwise);
const char *cli_value_at(const struct cli *cli, const char *name, size_t i);

/* cli_kind() returns --kind, else the variable RELOAD_KIND, NULL when neither is set; the program has that option. */
const char *cli_kind(const struct cli *cli);

/*
 * cli_time(), cli_size(), cli_number() read an option's value, otherwise when it was not given; RELOAD_USAGE with why
 * naming the option.  A number has to lie in min..max.
 */
enum reload_err cli_time(const struct cli *cli, const char *name, reload_ms otherwise,
	reload_ms *out, struct reload_error_text *why) MUST_CHECK;
enum reload_err cli_size(const struct cli *cli, const char *name, uint64_t otherwise, uint64_t *out,
	struct reload_error_text *why) MUST_CHECK;
enum reload_err cli_number(const struct cli *cli, const char *name, uint64_t otherwise,
	uint64_t min, uint64_t max, uint64_t *out, struct reload_error_text *why) MUST_CHECK;

/* cli_size_parse() reads "64M"; RELOAD_USAGE otherwise. */
enum reload_err cli_size_parse(uint64_t *out, const char *text) MUST_CHECK;

/*
 * cli_opt_find() returns the option of program with that long name, cli_opt_of_key() the one with that short letter, NULL:
 * there is none.  They look among the options of all commands and of command; command NULL: of any.
 */
const struct cli_opt *cli_opt_find(
	const struct cli_program *program, const struct cli_command *command, const char *name);
const struct cli_opt *cli_opt_of_key(
	const struct cli_program *program, const struct cli_command *command, char key);

/* cli_refuse() is for wrong use: returns RELOAD_USAGE with why. */
enum reload_err cli_refuse(struct reload_error_text *why, const char *what, const char *reason);

/* cli_now() is the wall clock, cli_monotonic() the one for waiting; both in ms. */
reload_utc cli_now(void);
reload_ms cli_monotonic(void);
