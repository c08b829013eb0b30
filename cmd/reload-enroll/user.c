/* user list, disable, enable: who gets certificates of the authority. */
#include "reload-enroll/accounts.h"
#include "reload-enroll/change.h"

#include <stdlib.h>
#include <string.h>

const char enroll_user_fields[] = "user:string disabled:boolean account:boolean node_ids:string[] "
				  "revoked:string[] expires:string? dry_run:boolean";
const char enroll_users_fields[] =
	"overlay:string users:{user:string disabled:boolean account:boolean reserved:boolean "
	"node_ids:string[] revoked:string[] expires:string?}[]";

/* When the last certificate of an entry ends (borrowed), NULL: it has none. */
static const char *expires_of(const json_t *entry)
{
	const json_t *certs = json_object_get(entry, "certificates");
	size_t n = json_array_size(certs);
	return n ? json_string_value(json_object_get(json_array_get(certs, n - 1), "expires"))
		 : NULL;
}

static json_t *list_of(const json_t *entry, const char *key)
{
	json_t *list = json_object_get(entry, key);
	return list ? json_copy(list) : json_array();
}

static json_t *user_json(const char *user, const json_t *entry)
{
	return json_pack("{s:s, s:b, s:b, s:b, s:o, s:o, s:s?}", "user", user, "disabled",
		json_is_true(json_object_get(entry, "disabled")), "account",
		json_is_true(json_object_get(entry, "account")), "reserved",
		json_is_true(json_object_get(entry, "reserved")), "node_ids",
		list_of(entry, "node_ids"), "revoked", list_of(entry, "revoked"), "expires",
		expires_of(entry));
}

static void print_users(FILE *out, const json_t *o, void *arg)
{
	const json_t *u;
	size_t i;
	(void)arg;
	json_array_foreach (json_object_get(o, "users"), i, u) {
		const char *until = json_string_value(json_object_get(u, "expires"));
		size_t ids = json_array_size(json_object_get(u, "node_ids"));
		size_t revoked = json_array_size(json_object_get(u, "revoked"));
		cli_put_safe(out, json_string_value(json_object_get(u, "user")));
		fprintf(out, "  %zu Node-ID%s", ids, cli_plural(ids));
		if (revoked)
			fprintf(out, ", %zu revoked", revoked);
		if (until)
			fprintf(out, "  until %.10s", until);
		if (json_is_true(json_object_get(u, "account")))
			fputs("  account", out);
		fprintf(out, "%s\n",
			json_is_true(json_object_get(u, "disabled"))   ? "  disabled"
			: json_is_true(json_object_get(u, "reserved")) ? "  signer"
								       : "");
	}
}

static enum reload_err open_for(struct enroll_authority *a, struct cli *cli, const char *user,
	struct reload_error_text *why)
{
	char *overlay = NULL;
	enum reload_err err = enroll_overlay(&overlay, cli, user, "ca", why);
	if (!err)
		err = enroll_authority_open(a, overlay, cli->deadline, 0, why);
	free(overlay);
	return err;
}

struct listing {
	struct accounts *accounts;
	json_t *users;
};

static void list_user(void *arg, const char *user)
{
	struct listing *l = arg;
	json_t *entry = accounts_entry(l->accounts, user);
	json_array_append_new(l->users, user_json(user, entry));
	json_decref(entry);
}

int enroll_user_list(struct cli *cli)
{
	struct enroll_authority a = { .lock = -1 };
	struct reload_error_text why = { 0 };
	enum reload_err err = open_for(&a, cli, NULL, &why);
	if (!err) {
		struct listing l = { a.accounts, json_array() };
		accounts_each(a.accounts, list_user, &l);
		json_t *o = json_pack("{s:s, s:o}", "overlay", a.overlay, "users", l.users);
		cli_print(cli, o, print_users, NULL);
		json_decref(o);
	}
	enroll_authority_close(&a);
	return err ? cli_fail(cli, err, &why) : 0;
}

static void print_user(FILE *out, const json_t *o, void *arg)
{
	const struct cli *cli = arg;
	if (!cli->quiet)
		fprintf(out, "%s%s: %s\n", cli->dry_run ? "would be: " : "",
			json_string_value(json_object_get(o, "user")),
			json_is_true(json_object_get(o, "disabled"))
				? "disabled; its certificates are good until they are revoked"
				: "enabled");
}

static enum reload_err save(
	struct enroll_authority *a, const struct cli *cli, struct reload_error_text *why)
{
	return cli->dry_run ? cli_dir_check(a->dir, why) : accounts_keep(a->accounts, why);
}

static enum reload_err check_user(
	const char *user, const json_t *entry, struct reload_error_text *why)
{
	char what[300];
	if (entry && !json_is_true(json_object_get(entry, "reserved")))
		return RELOAD_OK;
	snprintf(what, sizeof(what), "%.150s is no user of this authority", user);
	enum reload_err err = reload_error_explain(why, RELOAD_NO_VALUE, what,
		entry ? "it signs the configuration" : "it has no account and no certificate");
	reload_error_advise(why, "reload-enroll user list");
	return err;
}

static int set_disabled(struct cli *cli, bool disabled)
{
	struct enroll_authority a = { .lock = -1 };
	struct reload_error_text why = { 0 };
	const char *user = cli->operands[0];
	json_t *entry = NULL;
	enum reload_err err = open_for(&a, cli, user, &why);
	if (!err)
		err = accounts_begin(a.accounts, user, &why);
	if (!err)
		entry = accounts_entry(a.accounts, user);
	if (!err)
		err = check_user(user, entry, &why);
	if (!err)
		err = accounts_disable(a.accounts, user, disabled, &why);
	if (!err)
		err = save(&a, cli, &why);
	if (!err) {
		json_object_set_new(entry, "disabled", json_boolean(disabled));
		json_t *o = user_json(user, entry);
		json_object_del(o, "reserved");
		json_object_set_new(o, "dry_run", json_boolean(cli->dry_run));
		cli_print(cli, o, print_user, cli);
		json_decref(o);
	}
	json_decref(entry);
	enroll_authority_close(&a);
	return err ? cli_fail(cli, err, &why) : 0;
}

int enroll_user_disable(struct cli *cli)
{
	return set_disabled(cli, true);
}

int enroll_user_enable(struct cli *cli)
{
	return set_disabled(cli, false);
}
