/* Commands of the shell itself. */
#include "shell.h"

#include "common/call.h"
#include "control/methods.h"
#include "util/alloc.h"
#include "util/words.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int run_use(struct shell *sh, const struct words *w)
{
	if (w->count != 2)
		return shell_refuse(sh, "use takes one agent",
			"a name, or the path of a control socket", "use NAME");
	setenv("RELOAD_AGENT", w->at[1], 1);
	return 0;
}

static int set_format(struct shell *sh, const char *value)
{
	if (strcmp(value, "on") && strcmp(value, "off"))
		return shell_refuse(sh, value, "set json is on or off", "set json on");
	setenv("RELOAD_FORMAT", strcmp(value, "on") ? "text" : "json", 1);
	sh->cli->format = strcmp(value, "on") ? CLI_TEXT : CLI_JSON;
	return 0;
}

static int set_timeout(struct shell *sh, const char *value)
{
	reload_ms ms;
	if (reload_time_parse(&ms, value))
		return shell_refuse(sh, value, "set timeout takes a time", "set timeout 20s");
	setenv("RELOAD_TIMEOUT", value, 1);
	sh->cli->timeout_ms = ms ? ms : RELOAD_NEVER;
	return 0;
}

static int set_color(struct shell *sh, const char *value)
{
	if (strcmp(value, "auto") && strcmp(value, "always") && strcmp(value, "never"))
		return shell_refuse(
			sh, value, "set color is auto, always or never", "set color auto");
	free(sh->color);
	sh->color = reload_strdup(value);
	return 0;
}

static int run_set(struct shell *sh, const struct words *w)
{
	static const struct {
		const char *key;
		int (*set)(struct shell *sh, const char *value);
	} keys[] = { { "json", set_format }, { "timeout", set_timeout }, { "color", set_color } };
	for (size_t i = 0; w->count == 3 && i < COUNT_OF(keys); i++)
		if (!strcmp(w->at[1], keys[i].key))
			return keys[i].set(sh, w->at[2]);
	return shell_refuse(sh, "set takes json, timeout or color, and a value",
		"json on|off, timeout TIME, color auto|always|never", "set json on");
}

/* -- watch --------------------------------------------------------------------------------------------------------------------- */

static bool can_clear(const struct shell *sh)
{
	const char *term = getenv("TERM");
	return sh->terminal && isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;
}

static void watch_title(const struct shell *sh, const struct words *w)
{
	char text[32];
	time_t now = (time_t)(cli_now() / 1000);
	struct tm t;
	strftime(text, sizeof(text), "%H:%M:%S", localtime_r(&now, &t));
	if (can_clear(sh))
		fputs("\033[H\033[2J", stdout);
	printf("%s  every %s:", text, w->at[1]);
	for (size_t i = 2; i < w->count; i++) {
		fputc(' ', stdout);
		cli_put_safe(stdout, w->at[i]);
	}
	fputc('\n', stdout);
	fflush(stdout);
}

static int run_watch(struct shell *sh, const struct words *w)
{
	enum {
		LEAST_MS = 100
	};
	reload_ms every;
	int status = 0;
	if (w->count < 3 || reload_time_parse(&every, w->at[1]) || every < LEAST_MS)
		return shell_refuse(sh, "watch takes a time and a command",
			"again and again, at least 100ms apart, until Ctrl-C",
			"watch 2s agent status");
	struct words command = { .at = w->at + 2, .count = w->count - 2 };
	if (!strcmp(command.at[0], "watch"))
		return shell_refuse(
			sh, "watch does not watch itself", "one is enough", "help watch");
	shell_interrupted();
	for (;;) {
		watch_title(sh, w);
		status = sh->run(sh, &command);
		if (status >= 128 || sh->ended || ferror(stdout))
			return status; /* Ctrl-C ended the command */
		if (!cli_sleep(shell_wake_fd(), cli_monotonic() + every) && shell_interrupted())
			break;
	}
	fputc('\n', stdout); /* behind the ^C that the terminal shows */
	return status;
}

/* -- history, help, exit ------------------------------------------------------------------------------------------------------- */

static void print_line(FILE *out, const json_t *o, void *arg)
{
	(void)arg;
	cli_put_safe(out, cli_get_text(o, "line"));
	fputc('\n', out);
}

static void history_line(void *arg, const char *line)
{
	json_t *o = json_pack("{s:s}", "line", line);
	if (o)
		cli_print(arg, o, print_line, NULL);
	json_decref(o);
}

static int run_history(struct shell *sh, const struct words *w)
{
	struct history_file *h = sh->history ? sh->history : history_open();
	(void)w;
	if (h)
		history_each(h, history_line, sh->cli);
	if (!sh->history)
		history_free(h);
	return 0;
}

static const char *type_text(const struct reload_field *f)
{
	static const char *const names[] = { [RELOAD_FIELD_TEXT] = "text",
		[RELOAD_FIELD_WORD] = "",
		[RELOAD_FIELD_HEX] = "hex digits",
		[RELOAD_FIELD_BASE64] = "base64",
		[RELOAD_FIELD_U64] = "decimal string",
		[RELOAD_FIELD_TIME] = "time",
		[RELOAD_FIELD_INT] = "number",
		[RELOAD_FIELD_REAL] = "number",
		[RELOAD_FIELD_BOOL] = "true or false",
		[RELOAD_FIELD_KIND] = "Kind",
		[RELOAD_FIELD_OBJECT] = "object",
		[RELOAD_FIELD_LIST] = "list" };
	return f->type == RELOAD_FIELD_WORD ? f->words : names[f->type];
}

static int help_method(const struct reload_method *m)
{
	printf("%s (%s)\n%s.\n", m->name, m->access == RELOAD_METHOD_READ ? "reads" : "changes",
		m->summary);
	for (const struct reload_field *f = m->params; f->type; f++)
		printf("  %-14s %s%s%s%s\n", f->name, type_text(f), f->optional ? ", optional" : "",
			f->text ? "; " : "", f->text ? f->text : "");
	fputs("result:", stdout);
	for (const struct reload_field *f = m->result; f->type; f++)
		printf(" %s", f->name);
	fputc('\n', stdout);
	return 0;
}

static int help_all(struct shell *sh)
{
	size_t count;
	char **names = shell_programs(sh, &count);
	fputs("Programs; help NAME says more:\n ", stdout);
	for (size_t i = 0; i < count; i++)
		printf(" %s", names[i]);
	fputs("\nShort forms:\n ", stdout);
	for (size_t i = 0; shell_short_word(i); i++)
		printf(" %s (%s)", shell_short_word(i), shell_short_form(shell_short_word(i)));
	fputs("\nOf the shell:\n", stdout);
	for (const struct builtin *b = shell_builtins; b->name; b++)
		printf("  %-8s %-26s %s\n", b->name, b->operands, b->summary);
	fputs("Methods of the control protocol, for call; help METHOD says more:\n", stdout);
	for (size_t i = 0; i < RELOAD_METHODS; i++)
		printf("  %-18s %s\n", reload_methods[i].name, reload_methods[i].summary);
	cli_names_free(names, count);
	return 0;
}

static int run_help(struct shell *sh, const struct words *w)
{
	if (w->count == 1)
		return help_all(sh);
	const struct builtin *b = shell_builtin(w->at[1]);
	const struct reload_method *m = reload_method_find(w->at[1]);
	if (b) {
		printf("%s %s\n%s.\n", b->name, b->operands, b->summary);
		return 0;
	}
	if (m)
		return help_method(m);
	struct words help = { .at = (char *[]){ w->at[1], (char *)"--help", NULL }, .count = 2 };
	return sh->run(sh, &help);
}

static int run_exit(struct shell *sh, const struct words *w)
{
	(void)w;
	sh->ended = true;
	return sh->status;
}

/* -- call ---------------------------------------------------------------------------------------------------------------------- */

struct call {
	struct shell *sh;
	const char *method;
	json_t *params;
};

static int call_run(void *arg)
{
	struct call *c = arg;
	json_t *result = NULL;
	struct cli *cli = c->sh->cli;
	cli->deadline =
		cli->timeout_ms == RELOAD_NEVER ? RELOAD_NEVER : cli_monotonic() + cli->timeout_ms;
	int status = cli_request(cli, c->method, json_incref(c->params), &result);
	if (!status) {
		cli->format = CLI_JSON;
		cli_print(cli, result, NULL, NULL);
	}
	json_decref(result);
	return cli_finish(cli, status);
}

static int run_call(struct shell *sh, const struct words *w)
{
	json_error_t error;
	if (w->count < 2 || w->count > 3)
		return shell_refuse(sh, "call takes a method, and its parameters as JSON",
			"one word each: JSON stands in single quotes", "help call");
	struct call c = { sh, w->at[1],
		json_loads(w->count == 3 ? w->at[2] : "{}", JSON_REJECT_DUPLICATES, &error) };
	if (!json_is_object(c.params)) {
		json_decref(c.params);
		return shell_refuse(sh, "the parameters are no JSON object", error.text,
			"call overlay.ping '{\"target\":\"succ\"}'");
	}
	int status = shell_fork_run(sh, call_run, &c);
	json_decref(c.params);
	return status;
}

const struct builtin shell_builtins[] = {
	{ "call", "METHOD [JSON]", "a method of the control protocol, its result as JSON",
		run_call },
	{ "exit", "", "end the shell", run_exit },
	{ "help", "[COMMAND|METHOD]", "what there is, or more about one", run_help },
	{ "history", "", "the lines that were typed, of all shells", run_history },
	{ "set", "json|timeout|color VALUE", "for the commands to come", run_set },
	{ "use", "AGENT", "the agent of the commands to come", run_use },
	{ "watch", "TIME COMMAND ...", "a command again and again, until Ctrl-C", run_watch },
	{ 0 },
};

const struct builtin *shell_builtin(const char *name)
{
	for (const struct builtin *b = shell_builtins; b->name; b++)
		if (!strcmp(b->name, name))
			return b;
	return NULL;
}
