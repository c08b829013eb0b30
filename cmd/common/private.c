#include "common/private.h"

#include "util/alloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	OWN_PATH_MAX = 4096
};

/* The directory of this program, "" when the system does not say. */
static void own_dir(char out[OWN_PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", out, OWN_PATH_MAX - 1);
	out[n > 0 ? n : 0] = 0;
	char *slash = strrchr(out, '/');
	if (slash)
		*slash = 0;
}

static bool is_passed_on(const struct cli *cli, const struct cli_opt *opt, const char *const *own)
{
	for (; *own; own++)
		if (!strcmp(*own, opt->name))
			return true;
	for (const struct cli_opt *o = cli->program->opts; o->name; o++)
		if (!strcmp(o->name, opt->name))
			return true;
	return false;
}

/* "--name=value" (owned) */
static char *option_word(const struct cli_given *g)
{
	const char *value = g->value ? g->value : "";
	size_t size = strlen(g->opt->name) + strlen(value) + sizeof("--=");
	char *word = reload_alloc(size);
	snprintf(word, size, "--%s%s%s", g->opt->name, g->value ? "=" : "", value);
	return word;
}

/* The command line of the private program (owned, with its strings, NULL at its end). */
static char **words_of(const struct cli *cli, const char *name, const char *const *own)
{
	char **words = reload_alloc_array(cli->given_count + 2, sizeof(*words));
	size_t n = 0;
	words[n++] = reload_strdup(name);
	for (size_t i = 0; i < cli->given_count; i++) {
		const struct cli_given *g = &cli->given[i];
		if (!is_passed_on(cli, g->opt, own))
			continue;
		words[n++] = option_word(g);
	}
	words[n] = NULL;
	return words;
}

char *cli_private_place(const char *name, size_t i)
{
	char dir[OWN_PATH_MAX];
	own_dir(dir);
	const char *const places[][2] = { { dir, "" }, { dir, "/../libexec/reload" },
		{ RELOAD_LIBEXECDIR, "/reload" } };
	i += *dir ? 0 : 2;
	if (i >= COUNT_OF(places))
		return NULL;
	size_t size = strlen(places[i][0]) + strlen(places[i][1]) + strlen(name) + sizeof("/");
	char *path = reload_alloc(size);
	snprintf(path, size, "%s%s/%s", places[i][0], places[i][1], name);
	return path;
}

enum reload_err cli_run_private(
	struct cli *cli, const char *name, const char *const *own, struct reload_error_text *why)
{
	char what[128], *last = NULL, *path;
	char **words = words_of(cli, name, own);
	int code = ENOENT;
	for (size_t i = 0; code == ENOENT && (path = cli_private_place(name, i)); i++) {
		execv(path, words);
		code = errno;
		free(last);
		last = path;
	}
	for (size_t i = 0; words[i]; i++)
		free(words[i]);
	free(words);
	snprintf(what, sizeof(what), "%.80s, which does this, cannot be run", name);
	enum reload_err err = reload_error_explain(why, RELOAD_FAILED, what,
		code == ENOENT ? "%s: it is not there, nor beside %s" : "%s: %s", last,
		code == ENOENT ? cli->program->name : strerror(code));
	free(last);
	reload_error_advise(why, "make install, which puts both in their places");
	return err;
}
