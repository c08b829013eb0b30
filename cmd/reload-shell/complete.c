/* Completion: the first word is a command, of the shell or a program; what follows is asked of that program, which knows what exists now. */
#include "shell.h"

#include "common/home.h"
#include "control/methods.h"
#include "util/alloc.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	OFFERS_MAX = 512,
	OUTPUT_BYTES = 64 * 1024
};

static void offer_text(struct offers *o, const char *begun, const char *text)
{
	if (o->count >= OFFERS_MAX || strncmp(text, begun, strlen(begun)) != 0)
		return;
	o->at = reload_realloc(o->at, (o->count + 1) * sizeof(*o->at));
	o->at[o->count++] = words_quote(text);
}

static void offer_names(struct offers *o, const char *begun, char **names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		offer_text(o, begun, names[i]);
	cli_names_free(names, count);
}

static void offer_commands(struct shell *sh, struct offers *o, const char *begun)
{
	size_t count;
	char **names = shell_programs(sh, &count);
	offer_names(o, begun, names, count);
	for (const struct builtin *b = shell_builtins; b->name; b++)
		offer_text(o, begun, b->name);
	for (size_t i = 0; shell_short_word(i); i++)
		offer_text(o, begun, shell_short_word(i));
}

static void offer_methods(struct offers *o, const char *begun)
{
	for (size_t i = 0; i < RELOAD_METHODS; i++)
		offer_text(o, begun, reload_methods[i].name);
}

static void offer_agents(struct offers *o, const char *begun)
{
	size_t count = 0;
	char **names = cli_instances(&count);
	offer_names(o, begun, names, count);
}

/* Names of files, or of directories alone, that go on from the bytes of the word behind `before`. */
static void offer_files(struct offers *o, const char *begun, size_t before, bool dirs)
{
	size_t size = 2 * strlen(begun) + 2;
	char *pattern = reload_alloc(size), *p = pattern;
	glob_t found;
	for (const char *c = begun + before; *c; c++) { /* what is typed is no pattern */
		if (strchr("*?[]\\", *c))
			*p++ = '\\';
		*p++ = *c;
	}
	*p = '*';
	if (!glob(pattern, GLOB_MARK | GLOB_NOSORT, NULL, &found)) {
		for (size_t i = 0; i < found.gl_pathc; i++) {
			const char *path = found.gl_pathv[i];
			size_t len = before + strlen(path) + 1;
			char *word = reload_alloc(len);
			snprintf(word, len, "%.*s%s", (int)before, begun, path);
			if (!dirs || path[strlen(path) - 1] == '/')
				offer_text(o, begun, word);
			free(word);
		}
		globfree(&found);
	}
	free(pattern);
}

/* The lines of PROGRAM --complete WORD... (common/complete.h). */
static void offer_lines(struct offers *o, const char *begun, char *lines)
{
	for (char *line = lines, *end; *line; line = end) {
		end = strchr(line, '\n');
		if (!end)
			return;
		*end++ = 0;
		char *tab = strchr(line, '\t');
		if (tab)
			*tab = 0;
		if (!strcmp(line, ":files") || !strcmp(line, ":dirs")) {
			size_t before = tab ? strtoul(tab + 1, NULL, 10) : 0;
			if (before <= strlen(begun))
				offer_files(o, begun, before, line[1] == 'd');
		} else {
			offer_text(o, begun, line);
		}
	}
}

static void offer_of_program(
	struct shell *sh, struct offers *o, const struct words *w, size_t first, const char *begun)
{
	const char *of = shell_short_form(w->at[first]);
	char *path = shell_program(sh, of ? of : w->at[first]);
	if (!path)
		return;
	size_t n = 0;
	char **argv = reload_alloc_array(w->count - first + 4, sizeof(*argv));
	argv[n++] = path;
	argv[n++] = (char *)"--complete";
	for (size_t i = first + !of; i < w->count; i++)
		argv[n++] = w->at[i];
	if (!w->begun)
		argv[n++] = (char *)"";
	char *lines = shell_output(argv, OUTPUT_BYTES);
	offer_lines(o, begun, lines);
	free(lines);
	free(argv);
	free(path);
}

/* The words before the one under the cursor, of which the first is `first`. */
static void offer_words(
	struct shell *sh, struct offers *o, const struct words *w, size_t first, const char *begun)
{
	size_t before = w->count - w->begun; /* whole words */
	const char *command = before > first ? w->at[first] : "";
	static const char *const keys[] = { "color", "json", "timeout" },
				 *const switches[] = { "off", "on" },
				 *const colors[] = { "always", "auto", "never" };
	if (before == first) {
		offer_commands(sh, o, begun);
	} else if (!strcmp(command, "use")) {
		offer_agents(o, begun);
	} else if (!strcmp(command, "help") && before == first + 1) {
		offer_commands(sh, o, begun);
		offer_methods(o, begun);
	} else if (!strcmp(command, "call") && before == first + 1) {
		offer_methods(o, begun);
	} else if (!strcmp(command, "set") && before == first + 1) {
		for (size_t i = 0; i < COUNT_OF(keys); i++)
			offer_text(o, begun, keys[i]);
	} else if (!strcmp(command, "set") && !strcmp(w->at[first + 1], "json")) {
		for (size_t i = 0; i < COUNT_OF(switches); i++)
			offer_text(o, begun, switches[i]);
	} else if (!strcmp(command, "set") && !strcmp(w->at[first + 1], "color")) {
		for (size_t i = 0; i < COUNT_OF(colors); i++)
			offer_text(o, begun, colors[i]);
	} else if (!strcmp(command, "watch")) {
		if (before > first + 1)
			offer_words(sh, o, w, first + 2, begun);
	} else if (!shell_builtin(command)) {
		offer_of_program(sh, o, w, first, begun);
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Bytes of text that the word under the cursor takes, as it is typed: back to the last blank that is not quoted. */
static size_t typed_length(const char *text)
{
	const char *start = text;
	char quote = 0;
	for (const char *c = text; *c; c++) {
		if (*c == '\\' && quote != '\'' && c[1])
			c++;
		else if (quote ? *c == quote : *c == '\'' || *c == '"')
			quote = quote ? 0 : *c;
		else if (!quote && (*c == ' ' || *c == '\t'))
			start = c + 1;
	}
	return strlen(start);
}

void shell_offers(struct shell *sh, const char *text, struct offers *out)
{
	struct words w;
	*out = (struct offers){ .word = typed_length(text) };
	words_split(&w, text);
	if (!out->word)
		w.begun = false;
	offer_words(sh, out, &w, 0, w.begun ? w.at[w.count - 1] : "");
	qsort(out->at, out->count, sizeof(*out->at), by_text);
	words_clear(&w);
}

void offers_clear(struct offers *o)
{
	for (size_t i = 0; i < o->count; i++)
		free(o->at[i]);
	free(o->at);
	*o = (struct offers){ 0 };
}
