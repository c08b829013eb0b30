/*
 * Completion: the words that may follow on a command line, from the program's table and from what exists at the moment.
 */
#include "common/complete.h"

#include "common/files.h"
#include "common/home.h"

#include "util/plain.h"

#include <stdlib.h>
#include <string.h>

/* What to offer for an argument, by its name in the tables of options. */
struct source {
	const char *arg;  /* how the name of the argument begins */
	const char *what; /* the things that exist and can be offered, NULL: none */
	enum {
		NO_PATHS,
		FILES,
		DIRS,
		FILES_BEHIND_SLASH, /* a name, or a path if it contains / */
		DIRS_BEHIND_SLASH
	} paths;
};

static const struct source sources[] = {
	{ "NAME|PATH", "agents", FILES_BEHIND_SLASH },
	{ "NAME|DIR", "identities", DIRS_BEHIND_SLASH },
	{ "FILE|NAME", "identities", FILES },
	{ "FILE|OVERLAY", "overlays", FILES },
	{ "FILE|HEX", NULL, FILES },
	{ "FILE", NULL, FILES },
	{ "stderr|FILE", "stderr", FILES },
	{ "DIR|FILE", NULL, FILES },
	{ "DIR", NULL, DIRS },
	{ "OVERLAY", "overlays", NO_PATHS },
	{ "USER", "users", NO_PATHS },
	{ "TARGET", "targets", NO_PATHS },
	{ "KIND", "kinds", NO_PATHS },
	{ "K", "keys", NO_PATHS },
	{ "STATE", "states", NO_PATHS },
	{ "TYPE", "types", NO_PATHS },
	{ "LEVEL", "levels", NO_PATHS },
	{ "POLICY", "policies", NO_PATHS },
};

static bool is_capital(char c)
{
	return c >= 'A' && c <= 'Z';
}

static const struct source *source_of(const char *arg)
{
	for (size_t i = 0; i < COUNT_OF(sources); i++) {
		size_t len = strlen(sources[i].arg);
		if (!strncmp(arg, sources[i].arg, len) && !is_capital(arg[len]))
			return &sources[i];
	}
	return NULL;
}

/* is_words() returns whether arg is a list of all possible words: "auto|always|never". */
static bool is_words(const char *arg)
{
	return strchr(arg, '|') && !arg[strspn(arg, "abcdefghijklmnopqrstuvwxyz0123456789-|")];
}

const char *cli_typed_value(const struct cli_typed *typed)
{
	return typed->word + typed->before;
}

/* is_text() returns whether s is one plain word for a shell and a terminal: no control characters, and no blanks unless allowed. */
static bool is_text(const char *s, bool blanks)
{
	while (*s) {
		struct reload_char c = reload_char_at(s);
		if (c.steers || (c.code == ' ' && !blanks))
			return false;
		s += c.len;
	}
	return true;
}

void cli_offer(const struct cli_typed *typed, const char *value, const char *help)
{
	const char *begun = cli_typed_value(typed);
	if (strncmp(value, begun, strlen(begun)) != 0 || !*value || *value == ':' ||
		!is_text(value, false))
		return;
	printf("%.*s%s", (int)typed->before, typed->word, value);
	if (help && *help && is_text(help, true))
		printf("\t%s", help);
	printf("\n");
}

static void offer_names(const struct cli_typed *typed, char **names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		cli_offer(typed, names[i], NULL);
	cli_names_free(names, count);
}

static void offer_instances(const struct cli_typed *typed)
{
	size_t count = 0;
	char **names = cli_instances(&count);
	offer_names(typed, names, count);
}

/* offer_dir() offers the names of the directories under `below` in the configuration that contain a file called `within`. */
static void offer_dir(const struct cli_typed *typed, const char *below, const char *within)
{
	char *dir = NULL;
	size_t count = 0;
	if (cli_path(&dir, CLI_CONFIG, below, NULL))
		return;
	char **names = cli_list(dir, within, &count);
	offer_names(typed, names, count);
	free(dir);
}

/* past_comma() leaves only the last, unfinished entry of a comma-separated list; a target name:TEXT may itself contain commas. */
static struct cli_typed past_comma(struct cli_typed typed)
{
	const char *value = cli_typed_value(&typed), *comma = strrchr(value, ',');
	if (comma && strncmp(value, "name:", 5) != 0)
		typed.before += (size_t)(comma + 1 - value);
	return typed;
}

static void offer_live(struct cli *cli, const char *what, struct cli_typed typed)
{
	if (!strcmp(what, "agents"))
		offer_instances(&typed);
	else if (!strcmp(what, "identities"))
		offer_dir(&typed, "identity", "cert.pem");
	else if (!strcmp(what, "overlays"))
		offer_dir(&typed, "", "overlay.xml");
	else if (!strcmp(what, "stderr"))
		cli_offer(&typed, "stderr", NULL);
	else if (!strcmp(what, "targets") || !strcmp(what, "levels"))
		typed = past_comma(typed);
	if (cli->program->complete)
		cli->program->complete(cli, what, &typed);
}

static void offer_words(const struct cli_typed *typed, const char *list)
{
	char word[64];
	for (; *list; list += strspn(list, "|")) {
		size_t len = strcspn(list, "|");
		snprintf(word, sizeof(word), "%.*s", (int)len, list);
		cli_offer(typed, word, NULL);
		list += len;
	}
}

static void offer_paths(const struct source *s, const struct cli_typed *typed)
{
	bool slash = strchr(cli_typed_value(typed), '/') != NULL;
	if (s->paths == FILES || (s->paths == FILES_BEHIND_SLASH && slash))
		printf(":files\t%zu\n", typed->before);
	if (s->paths == DIRS || (s->paths == DIRS_BEHIND_SLASH && slash))
		printf(":dirs\t%zu\n", typed->before);
}

/* offer_value() offers what fits an argument; arg is its name in the tables. */
static void offer_value(struct cli *cli, const char *arg, const struct cli_typed *typed)
{
	const struct source *s = source_of(arg);
	if (is_words(arg))
		offer_words(typed, arg);
	if (s && s->what)
		offer_live(cli, s->what, *typed);
	if (s)
		offer_paths(s, typed);
}

static void offer_argument(
	struct cli *cli, const struct cli_opt *opt, const char *word, size_t before)
{
	struct cli_typed typed = { word, before };
	offer_value(cli,
		!strcmp(opt->name, "identity") && !strcmp(opt->arg, "NAME") ? "NAME|DIR" : opt->arg,
		&typed);
}

/* fallback() returns the subcommand that is meant when none is named, NULL: there is none. */
static const struct cli_command *fallback(const struct cli_program *p)
{
	for (const struct cli_command *c = p->commands; c->run && p->fallback; c++)
		if (c->name && !strcmp(c->name, p->fallback))
			return c;
	return NULL;
}

static void offer_options(const struct cli *cli, const struct cli_opt *opts, const char *word)
{
	struct cli_typed typed = { word, 0 };
	char name[64];
	for (; opts && opts->name; opts++) {
		if (cli_has(cli, opts->name) && !opts->many)
			continue;
		snprintf(name, sizeof(name), "--%s", opts->name);
		cli_offer(&typed, name, opts->help);
	}
}

/* complete_option() completes a word that begins with "-": the name of an option, or its value in the same word. */
static void complete_option(struct cli *cli, const char *word)
{
	const struct cli_command *command = cli->command ? cli->command : fallback(cli->program);
	const char *value;
	const struct cli_opt *opt = cli_opt_of_word(cli, word, &value);
	if (opt) {
		offer_argument(cli, opt, word, (size_t)(value - word));
		return;
	}
	offer_options(cli, cli->program->opts, word);
	if (command)
		offer_options(cli, command->opts, word);
}

/* offer_commands() offers the names of subcommands; of a name of two words the second one after the first was typed. */
static void offer_commands(const struct cli *cli, const char *word)
{
	struct cli_typed typed = { word, 0 };
	char last[64] = "", name[64];
	for (const struct cli_command *c = cli->program->commands; c->run && c->name; c++) {
		size_t n = strcspn(c->name, " ");
		const char *second = c->name[n] ? c->name + n + 1 : NULL;
		snprintf(name, sizeof(name), "%.*s", (int)n, c->name);
		if (cli->operands_count == 1 && second && !strcmp(cli->operands[0], name))
			cli_offer(&typed, second, c->summary);
		else if (!cli->operands_count && strcmp(last, name) != 0)
			cli_offer(&typed, name, second ? NULL : c->summary);
		memcpy(last, name, sizeof(last));
	}
}

/* complete_operand() completes the next operand; the synopsis, such as "[TARGET [VALUE|-]]", says what it is. */
static void complete_operand(struct cli *cli, const char *word)
{
	struct cli_typed typed = { word, 0 };
	const char *arg = cli->command ? cli->command->operands : NULL;
	if (!cli->command)
		offer_commands(cli, word);
	for (size_t i = 0; arg && i < cli->operands_count; i++) {
		arg = strchr(arg, ' ');
		arg = arg ? arg + 1 : NULL;
	}
	if (arg)
		offer_value(cli, arg + strspn(arg, "["), &typed);
}

void cli_complete(struct cli *cli, const struct cli_program *program, int count, char **words)
{
	const char *word = words[count - 1];
	const struct cli_opt *pending;
	bool ended = cli_parse_begun(cli, program, count - 1, words, &pending);
	if (pending)
		offer_argument(cli, pending, word, 0);
	else if (word[0] == '-' && !ended)
		complete_option(cli, word);
	else
		complete_operand(cli, word);
}
