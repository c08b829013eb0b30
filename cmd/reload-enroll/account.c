/* user add, passwd, remove: who may enroll at a server with a password. */
#include "reload-enroll/accounts.h"
#include "reload-enroll/enroll.h"
#include "common/password.h"
#include "reload-enroll/serve_command.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

const char enroll_account_fields[] = "user:string done:string dry_run:boolean";

/* Opens the accounts beside the authority of the overlay of user. */
static enum reload_err open_for(
	struct accounts **out, struct cli *cli, const char *user, struct reload_error_text *why)
{
	struct enroll_authority a = { .lock = -1 };
	char *overlay = NULL;
	enum reload_err err = enroll_overlay(&overlay, cli, user, "ca", why);
	if (!err)
		err = enroll_authority_open(&a, overlay, cli->deadline, 0, why);
	if (!err)
		*out = TAKE(a.accounts);
	enroll_authority_close(&a);
	free(overlay);
	return err;
}

static void print_done(FILE *out, const json_t *o, void *arg)
{
	const struct cli *cli = arg;
	if (!cli->quiet)
		fprintf(out, "%s%s: %s\n", cli->dry_run ? "would be: " : "",
			json_string_value(json_object_get(o, "user")),
			json_string_value(json_object_get(o, "done")));
}

static int report(
	struct cli *cli, enum reload_err err, const char *done, const struct reload_error_text *why)
{
	if (err)
		return cli_fail(cli, err, why);
	json_t *o = json_pack(
		"{s:s, s:s, s:b}", "user", cli->operands[0], "done", done, "dry_run", cli->dry_run);
	cli_print(cli, o, print_done, cli);
	json_decref(o);
	return 0;
}

static enum reload_err check_new(
	struct accounts *a, const char *user, bool is_new, struct reload_error_text *why)
{
	char hash[ACCOUNTS_HASH_MAX], what[300];
	bool known = accounts_hash(a, user, hash);
	if (known != is_new)
		return RELOAD_OK;
	snprintf(what, sizeof(what), "%.200s has %s account", user, known ? "an" : "no");
	enum reload_err err = reload_error_explain(why, known ? RELOAD_EXISTS : RELOAD_NO_VALUE,
		what, known ? "it is not made anew" : "there is no password to change");
	reload_error_advise(why, "reload-enroll user %s %s", known ? "passwd" : "add", user);
	return err;
}

static enum reload_err no_hash(struct reload_error_text *why)
{
	enum reload_err err = reload_error_explain(why, RELOAD_FAILED,
		"the password cannot be hashed", "crypt(3) has no yescrypt here");
	reload_error_advise(why, "apt-get install libcrypt1, of which version 4.3 has it");
	return err;
}

static int set_password(struct cli *cli, bool is_new)
{
	struct accounts *a = NULL;
	struct reload_error_text why = { 0 };
	const char *user = cli->operands[0];
	char hash[ACCOUNTS_HASH_MAX], *password = NULL;
	enum reload_err err = enroll_user_check(user, &why);
	if (!err)
		err = open_for(&a, cli, user, &why);
	if (!err)
		err = check_new(a, user, is_new, &why);
	if (!err)
		err = cli_password(&password, cli, true, &why);
	if (!err && !accounts_password_hash(hash, password))
		err = no_hash(&why);
	if (!err && !cli->dry_run)
		err = accounts_set(a, user, hash, cli_now(), &why);
	cli_password_free(password);
	OPENSSL_cleanse(hash, sizeof(hash));
	accounts_close(a);
	return report(cli, err, is_new ? "has an account" : "has another password", &why);
}

int enroll_user_add(struct cli *cli)
{
	return set_password(cli, true);
}

int enroll_user_passwd(struct cli *cli)
{
	return set_password(cli, false);
}

int enroll_user_remove(struct cli *cli)
{
	struct accounts *a = NULL;
	struct reload_error_text why = { 0 };
	const char *user = cli->operands[0];
	enum reload_err err = open_for(&a, cli, user, &why);
	if (!err)
		err = cli->dry_run ? check_new(a, user, false, &why)
				   : accounts_remove(a, user, &why);
	accounts_close(a);
	return report(cli, err, "has no account any more", &why);
}
