/* The users get another place. */
#include "reload-enroll/accounts_internal.h"

#include "common/files.h"
#include "reload-enroll/enroll.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct missing {
	struct accounts *there;
	size_t here, missing;
};

static void look(void *arg, const char *user)
{
	struct missing *m = arg;
	json_t *entry = accounts_entry(m->there, user);
	m->here++;
	m->missing += !entry;
	json_decref(entry);
}

static enum reload_err would_lose(
	const struct missing *m, const char *where, struct reload_error_text *why)
{
	enum reload_err err = reload_error_explain(why, RELOAD_EXISTS,
		"the users cannot be moved there",
		"%zu of %zu user%s of this authority %s not among those of %.150s", m->missing,
		m->here, cli_plural(m->here), m->missing == 1 ? "is" : "are", where);
	reload_error_advise(why, "an empty database, into which all are copied");
	return err;
}

/* All are copied where nobody is; elsewhere nobody may be lost. */
static enum reload_err fill(struct accounts *from, struct accounts *to, const char *where,
	struct reload_error_text *why)
{
	struct missing m = { .there = to }, others = { .there = from };
	accounts_each(from, look, &m);
	accounts_each(to, look, &others);
	if (!others.here)
		return accounts_copy_all(from, to, why);
	return m.missing ? would_lose(&m, where, why) : RELOAD_OK;
}

static enum reload_err has_password(const char *where, struct reload_error_text *why)
{
	const char *at = strchr(where, '@'), *colon = strchr(strchr(where, ':') + 1, ':');
	if (!strstr(where, "password=") && !(at && colon && colon < at))
		return RELOAD_OK;
	enum reload_err err = reload_error_explain(why, RELOAD_USAGE,
		"--users must not have a password", "other users of this machine could read it");
	reload_error_advise(why, "~/.pgpass, or authentication by peer over a Unix socket");
	return err;
}

enum reload_err accounts_move(
	const char *dir, const char *overlay, const char *where, struct reload_error_text *why)
{
	struct accounts *from = NULL, *to = NULL;
	char *present = NULL, *path = enroll_join(dir, "users"), line[ACCOUNTS_WHERE_MAX];
	enum reload_err err = db_is_server(where) ? has_password(where, why) : RELOAD_OK;
	if (!err)
		err = accounts_where(&present, dir, why);
	if (!err && strcmp(present, where) != 0) {
		AUTO(cli_files) files = cli_files_new();
		snprintf(line, sizeof(line), "%s\n", where);
		err = accounts_open(&from, dir, overlay, why);
		if (!err)
			err = accounts_open_at(&to, where, overlay, why);
		/* until the others can see the new place nobody changes anything at the old one */
		if (!err)
			err = accounts_begin_alone(from, why);
		if (!err)
			err = fill(from, to, where, why);
		cli_files_put(files, path, 0600, span_str(line));
		if (!err)
			err = cli_files_commit(files, why);
	}
	accounts_close(from);
	accounts_close(to);
	free(present);
	free(path);
	return err;
}
