/* What programs print: results on standard output, everything else on standard error (cli.md s1.1, s1.2). */
#pragma once

#include "common/options.h"

/* Prints object for people. */
typedef void (*cli_text_fn)(FILE *out, const json_t *object, void *arg);

/*
 * cli_print() prints one result: --json the object unchanged on one line, --flat its leaves as path=value, else
 * text(stdout, object, arg), unless text is NULL.  For streams it is called once for each object and flushes.
 */
void cli_print(struct cli *cli, const json_t *object, cli_text_fn text, void *arg);

/*
 * cli_print_own() does the same without escaping, for an object that this program made alone, such as XML or PEM, and whose lines
 * must stay lines.
 */
void cli_print_own(struct cli *cli, const json_t *object, cli_text_fn text, void *arg);

/* A failure; zero fields are left out. */
struct cli_error {
	enum reload_err err;
	const struct reload_error_text *why;
	int status; /* exit status when it is not that of err */
};

/*
 * cli_fail() reports err in three lines on standard error, or as {"error":{...}} on standard output with --json, and
 * returns the exit status: `return cli_fail(cli, err, &why);`.  why may be NULL.  cli_fail_with() takes an exit status
 * too.  For wrong use without advice it advises the program's --help.
 */
int cli_fail(struct cli *cli, enum reload_err err, const struct reload_error_text *why);
int cli_fail_with(struct cli *cli, const struct cli_error *error);

/* cli_put_safe() prints text with control and direction characters escaped (util/plain.h), since stored values come from others. */
void cli_put_safe(FILE *out, const char *text);

/* cli_warn() prints "PROGRAM: warning: ..." on standard error, also with -q. */
void cli_warn(struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* cli_step() prints a step on standard error when -v was given `level` times or more. */
void cli_step(struct cli *cli, unsigned level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* cli_progress() shows a line that the next output replaces, only on a terminal and 500 ms after the start. */
void cli_progress(struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * cli_confirm() asks a question on the terminal.  RELOAD_OK: yes; RELOAD_CANCELLED: no; RELOAD_USAGE: there is no terminal to ask on.
 * -y answers yes.
 */
enum reload_err cli_confirm(
	struct cli *cli, const char *question, struct reload_error_text *why) MUST_CHECK;

/* cli_plural() returns what makes a noun agree with the number n before it, "s" or "": "1 peer", "2 peers". */
const char *cli_plural(long long n);

/* cli_colored() returns whether text on f (stdout or stderr) is to be coloured. */
bool cli_colored(const struct cli *cli, FILE *f);

/* cli_date() writes "2027-02-20" (UTC) or "never" and returns out. */
char *cli_date(char out[RELOAD_UTC_TEXT], reload_utc t);

/* cli_json_time() returns RFC 3339 UTC with milliseconds, null for RELOAD_NEVER (owned). */
json_t *cli_json_time(reload_utc t);

/* cli_finish() writes standard output out and returns status, 1 (with a message) when that failed. */
int cli_finish(struct cli *cli, int status);
