/* reload-sip-adapter passwd: the users file. */
#include "common/files.h"
#include "common/output.h"
#include "common/password.h"
#include "ident/aor.h"
#include "reload-sip-adapter/serve.h"
#include "reload-sip-adapter/users.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	LINE_ROOM =
		RELOAD_AOR_NAME + 2 * RELOAD_DIGEST_HEX + 32 /* bytes of a line of the users file */
};

static void print_user(FILE *out, const json_t *o, void *arg)
{
	const struct cli *cli = arg;
	if (!cli->quiet)
		fprintf(out, "%s %s in %s\n",
			cli->dry_run ? "would set the password of" : "set the password of",
			json_string_value(json_object_get(o, "aor")),
			json_string_value(json_object_get(o, "file")));
}

static enum reload_err write_users(
	const struct users *users, const char *path, struct reload_error_text *why)
{
	struct wr w;
	wr_init(&w);
	/* room for all: it would leave hashes behind as it grows */
	(void)wr_room(&w, (users->count + 1) * LINE_ROOM);
	w.len = 0;
	users_write(&w, users);
	AUTO(cli_files) files = cli_files_new();
	cli_files_put(files, path, 0600, wr_done(&w));
	enum reload_err err = cli_files_commit(files, why);
	OPENSSL_cleanse(w.at, w.len);
	wr_clear(&w);
	return err;
}

/* --digest: which hashes are written. */
static enum reload_err read_digest(
	bool algorithms[RELOAD_DIGEST_ALGORITHMS], struct cli *cli, struct reload_error_text *why)
{
	const char *given = cli_value(cli, "digest", "both");
	enum reload_digest_algorithm a;
	algorithms[RELOAD_DIGEST_SHA256] = algorithms[RELOAD_DIGEST_MD5] = !strcmp(given, "both");
	if (!strcmp(given, "both"))
		return RELOAD_OK;
	if (!reload_digest_algorithm(&a, given))
		return cli_refuse(why, "--digest", "it is sha-256, md5 or both");
	algorithms[a] = true;
	return RELOAD_OK;
}

static enum reload_err refuse_more(struct reload_error_text *why)
{
	(void)reload_error_explain(why, RELOAD_LIMIT, "no room for another user",
		"the file has %d already", USERS_MAX);
	reload_error_advise(why, "remove users who are served no more from the file");
	return RELOAD_LIMIT;
}

static enum reload_err set_password(
	struct cli *cli, const struct reload_aor *aor, struct reload_error_text *why)
{
	const char *path = cli->operands[0];
	struct users users = { 0 };
	char *password = NULL;
	bool algorithms[RELOAD_DIGEST_ALGORITHMS];
	enum reload_err err = read_digest(algorithms, cli, why);
	if (err)
		return err;
	err = access(path, F_OK) ? RELOAD_OK : users_read(&users, path, why);
	if (!err && users.count == USERS_MAX && !users_find(&users, aor->name))
		err = refuse_more(why);
	if (!err)
		err = cli_password(&password, cli, true, why);
	if (!err) {
		users_put(&users, aor->name, password, algorithms);
		if (!cli->dry_run)
			err = write_users(&users, path, why);
	}
	cli_password_free(password);
	users_clear(&users);
	return err;
}

int adapter_passwd(struct cli *cli)
{
	struct reload_error_text why;
	struct reload_aor aor;
	char what[256];
	if (reload_aor_parse(&aor, span_str(cli->operands[1])) || aor.has_gr) {
		snprintf(what, sizeof(what), "%.200s is no user", cli->operands[1]);
		enum reload_err err =
			cli_refuse(&why, what, "it is an AOR, such as alice@calls.example");
		return cli_fail(cli, err, &why);
	}
	enum reload_err err = set_password(cli, &aor, &why);
	if (err)
		return cli_fail(cli, err, &why);
	json_t *o = json_pack("{s:s, s:s}", "aor", aor.name, "file", cli->operands[0]);
	if (!o) {
		(void)cli_refuse(&why, "the name of the file is not UTF-8", "names are UTF-8 text");
		return cli_fail(cli, RELOAD_USAGE, &why);
	}
	cli_print(cli, o, print_user, cli);
	json_decref(o);
	return 0;
}
