#include "common/output.h"

#include "control/failure.h"
#include "util/alloc.h"
#include "util/plain.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
	PROGRESS_AFTER_MS = 500,
	EXIT_PIPE = 128 + 13,
	FLAT_PATH_MAX = 512
};

bool cli_colored(const struct cli *cli, FILE *f)
{
	const char *none = getenv("NO_COLOR"), *force = getenv("CLICOLOR_FORCE"),
		   *term = getenv("TERM");
	if (cli->color != CLI_COLOR_AUTO)
		return cli->color == CLI_COLOR_ALWAYS;
	if (none && *none)
		return false;
	if (force && *force && strcmp(force, "0"))
		return true;
	return isatty(fileno(f)) && term && strcmp(term, "dumb") != 0;
}

const char *cli_plural(long long n)
{
	return n == 1 ? "" : "s";
}

static void clear_progress(struct cli *cli)
{
	if (cli->progress_shown)
		fputs("\r\033[K", stderr);
	cli->progress_shown = false;
}

void cli_put_safe(FILE *out, const char *text)
{
	while (*text) {
		struct reload_char c = reload_char_at(text);
		char escaped[RELOAD_PLAIN_CHAR];
		if (c.steers)
			fputs(reload_plain_char(escaped, c), out);
		else
			fwrite(text, 1, c.len, out);
		text += c.len;
	}
}

/*
 * put_words() prints a message for people.  Parts of it come from other nodes, documents and files, so control characters are
 * escaped and it stays on one line.
 */
static void put_words(const char *fmt, va_list ap)
{
	char *text = NULL;
	if (vasprintf(&text, fmt, ap) < 0)
		return;
	cli_put_safe(stderr, text);
	free(text);
}

void cli_progress(struct cli *cli, const char *fmt, ...)
{
	if (cli->quiet || cli->verbose || !isatty(STDERR_FILENO) ||
		cli_monotonic() - cli->started < PROGRESS_AFTER_MS)
		return;
	clear_progress(cli);
	va_list ap;
	va_start(ap, fmt);
	put_words(fmt, ap);
	va_end(ap);
	fflush(stderr);
	cli->progress_shown = true;
}

void cli_step(struct cli *cli, unsigned level, const char *fmt, ...)
{
	if (cli->verbose < level)
		return;
	va_list ap;
	va_start(ap, fmt);
	fprintf(stderr, "%s: ", cli->program->name);
	put_words(fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void cli_warn(struct cli *cli, const char *fmt, ...)
{
	bool color = cli_colored(cli, stderr);
	clear_progress(cli);
	va_list ap;
	va_start(ap, fmt);
	fprintf(stderr, "%s: %swarning:%s ", cli->program->name, color ? "\033[33m" : "",
		color ? "\033[0m" : "");
	put_words(fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

/* write_line() writes text on one line: line ends and control characters are escaped with a backslash. */
static void write_line(FILE *out, const char *text)
{
	while (*text) {
		struct reload_char c = reload_char_at(text);
		if (c.code == '\n')
			fputs("\\n", out);
		else if (c.code == '\\')
			fputs("\\\\", out);
		else if (c.steers)
			fprintf(out, "\\u%04x", (unsigned)c.code);
		else
			fwrite(text, 1, c.len, out);
		text += c.len;
	}
}

static void print_leaf(FILE *out, const char *path, const json_t *v)
{
	fprintf(out, "%s=", path);
	if (json_is_string(v)) {
		write_line(out, json_string_value(v));
	} else {
		char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
		fputs(text ? text : "", out);
		free(text);
	}
	fputc('\n', out);
}

static void print_flat(FILE *out, const char *path, const json_t *v)
{
	char below[FLAT_PATH_MAX];
	const char *key, *dot = *path ? "." : "";
	json_t *child;
	size_t i;
	if (json_is_object(v) && json_object_size(v)) {
		json_object_foreach ((json_t *)v, key, child) {
			snprintf(below, sizeof(below), "%s%s%s", path, dot, key);
			print_flat(out, below, child);
		}
	} else if (json_is_array(v) && json_array_size(v)) {
		json_array_foreach (v, i, child) {
			snprintf(below, sizeof(below), "%s%s%zu", path, dot, i);
			print_flat(out, below, child);
		}
	} else {
		print_leaf(out, path, v);
	}
}

/* jansson escapes only C0 control characters.  Outside of strings JSON is ASCII, so all of the text can be searched for others. */
static void print_json(FILE *out, const json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
	if (!text)
		return;
	for (const char *at = text; *at;) {
		struct reload_char c = reload_char_at(at);
		if (c.steers)
			fprintf(out, "\\u%04x", (unsigned)c.code);
		else
			fwrite(at, 1, c.len, out);
		at += c.len;
	}
	fputc('\n', out);
	free(text);
}

static bool steers(const json_t *v)
{
	const char *key, *text = json_string_value(v);
	json_t *child;
	size_t i;
	for (; text && *text; text += reload_char_at(text).len)
		if (reload_char_at(text).steers)
			return true;
	json_object_foreach ((json_t *)v, key, child)
		if (steers(child))
			return true;
	json_array_foreach (v, i, child)
		if (steers(child))
			return true;
	return false;
}

/* A copy (owned) with control characters escaped in all strings. */
static json_t *plain_of(const json_t *v)
{
	const char *key;
	json_t *child, *out;
	size_t i;
	if (json_is_string(v)) {
		size_t room = json_string_length(v) * RELOAD_PLAIN_CHAR + 1;
		char *text = reload_alloc(room);
		out = json_string(reload_plain(text, room, json_string_value(v)));
		free(text);
	} else if (json_is_object(v)) {
		out = json_object();
		json_object_foreach ((json_t *)v, key, child)
			json_object_set_new(out, key, plain_of(child));
	} else if (json_is_array(v)) {
		out = json_array();
		json_array_foreach (v, i, child)
			json_array_append_new(out, plain_of(child));
	} else {
		out = json_incref((json_t *)v);
	}
	return out;
}

/* All text for people is printed by this function, so that text of other nodes is escaped in one place. */
static void print_text(const json_t *object, cli_text_fn text, void *arg)
{
	if (!object || !steers(object)) {
		text(stdout, object, arg);
		return;
	}
	json_t *plain = plain_of(object);
	text(stdout, plain, arg);
	json_decref(plain);
}

static void print_result(
	struct cli *cli, const json_t *object, cli_text_fn text, void *arg, bool own)
{
	clear_progress(cli);
	switch (cli->format) {
	case CLI_JSON:
		print_json(stdout, object);
		break;
	case CLI_FLAT:
		print_flat(stdout, "", object);
		break;
	case CLI_TEXT:
		if (text && own)
			text(stdout, object, arg);
		else if (text)
			print_text(object, text, arg);
		break;
	}
	errno = 0;
	if (fflush(stdout) && !cli->write_errno)
		cli->write_errno = errno;
}

void cli_print(struct cli *cli, const json_t *object, cli_text_fn text, void *arg)
{
	print_result(cli, object, text, arg, false);
}

void cli_print_own(struct cli *cli, const json_t *object, cli_text_fn text, void *arg)
{
	print_result(cli, object, text, arg, true);
}

static void print_error(struct cli *cli, const struct reload_error_text *why)
{
	bool color = cli_colored(cli, stderr);
	fprintf(stderr, "%s: %s", cli->program->name, color ? "\033[31m" : "");
	write_line(stderr, why->what);
	fprintf(stderr, "%s\n", color ? "\033[0m" : "");
	if (*why->reason) {
		fputs("  why:  ", stderr);
		write_line(stderr, why->reason);
		fputc('\n', stderr);
	}
	if (*why->advice) {
		fputs("  try:  ", stderr);
		write_line(stderr, why->advice);
		fputc('\n', stderr);
	}
}

int cli_fail_with(struct cli *cli, const struct cli_error *error)
{
	int status = error->status ? error->status : reload_err_exit(error->err);
	struct reload_failure f = { .err = error->err, .status = status };
	if (error->why)
		f.why = *error->why;
	else
		(void)reload_error_explain(&f.why, f.err, NULL, "%s", "");
	if (!*f.why.advice && status == reload_err_exit(RELOAD_USAGE))
		reload_error_advise(&f.why, "%s --help", cli->program->name);
	clear_progress(cli);
	if (cli->format != CLI_TEXT) {
		json_t *o = json_pack("{s:o}", "error", reload_failure_json(&f));
		cli_print(cli, o, NULL, NULL);
		json_decref(o);
	}
	if (cli->format == CLI_TEXT || cli->verbose)
		print_error(cli, &f.why);
	return status;
}

int cli_fail(struct cli *cli, enum reload_err err, const struct reload_error_text *why)
{
	return cli_fail_with(cli, &(struct cli_error){ .err = err, .why = why });
}

enum reload_err cli_confirm(struct cli *cli, const char *question, struct reload_error_text *why)
{
	char line[16] = "";
	if (cli->yes)
		return RELOAD_OK;
	if (cli->no_input || !isatty(STDIN_FILENO)) {
		enum reload_err err = reload_error_explain(
			why, RELOAD_USAGE, question, "an answer is needed and nobody can be asked");
		reload_error_advise(why, "the same command with --yes");
		return err;
	}
	clear_progress(cli);
	cli_put_safe(stderr, question);
	fputs(" [y/N] ", stderr);
	fflush(stderr);
	if (fgets(line, sizeof(line), stdin) &&
		(!strcasecmp(line, "y\n") || !strcasecmp(line, "yes\n")))
		return RELOAD_OK;
	return reload_error_explain(why, RELOAD_CANCELLED, question, "the answer was no");
}

char *cli_date(char out[RELOAD_UTC_TEXT], reload_utc t)
{
	reload_utc_text(out, t);
	char *end = strchr(out, 'T');
	if (end)
		*end = 0;
	return out;
}

json_t *cli_json_time(reload_utc t)
{
	char text[RELOAD_UTC_TEXT], full[RELOAD_UTC_TEXT + 8];
	size_t len = strlen(reload_utc_text(text, t));
	if (t == RELOAD_NEVER || len < 2)
		return json_null();
	snprintf(full, sizeof(full), "%.*s.%03uZ", (int)(len - 1), text,
		(unsigned)(t % RELOAD_SECOND));
	return json_string(full);
}

int cli_finish(struct cli *cli, int status)
{
	clear_progress(cli);
	bool failed = ferror(stdout) != 0;
	errno = 0;
	failed = fclose(stdout) != 0 || failed;
	int code = cli->write_errno ? cli->write_errno : errno;
	if (!failed || cli->stdout_closed)
		return status;
	if (code == EPIPE) /* the reader has closed the pipe, as head does */
		return EXIT_PIPE;
	if (status)
		return status;
	struct reload_error_text why;
	(void)reload_error_explain(&why, RELOAD_IO, "standard output could not be written", "%s",
		code ? strerror(code) : "writing failed");
	reload_error_advise(&why, "the same command with its output sent to another place");
	print_error(cli, &why);
	return reload_err_exit(RELOAD_IO);
}
