/* --service: the agent offers a service by ReDiR (RFC 7374), or offers it no longer. */
#include "store.h"

#include <string.h>

static void print_registered(FILE *out, const json_t *r, void *arg)
{
	size_t i;
	json_t *place;
	(void)arg;
	fputs(cli_get_bool(r, "dry_run") ? "would offer " : "offering ", out);
	cli_put_safe(out, cli_get_text(r, "service"));
	fprintf(out, " as node:%s\n", cli_get_text(r, "node_id"));
	json_array_foreach (json_object_get(r, "places"), i, place)
		fprintf(out, "  level %lld  node %-5lld  resource:%s\n",
			cli_get_int(place, "level"), cli_get_int(place, "node"),
			cli_get_text(place, "resource_id"));
	fprintf(out, "  records last %llds and are renewed until --remove\n",
		cli_get_int(r, "lifetime_s"));
}

static void print_removed(FILE *out, const json_t *r, void *arg)
{
	long long removed = cli_get_int(r, "removed");
	(void)arg;
	fputs(cli_get_bool(r, "dry_run") ? "would offer " : "no longer offering ", out);
	cli_put_safe(out, cli_get_text(r, "service"));
	if (cli_get_bool(r, "dry_run"))
		fputs(" no longer\n", out);
	else
		fprintf(out, ", %lld record%s removed\n", removed, cli_plural(removed));
}

static enum reload_err read_params(json_t **out, struct cli *cli, struct reload_error_text *why)
{
	reload_ms lifetime = 0;
	enum reload_err err = cli_time(cli, "lifetime", 0, &lifetime, why);
	if (err)
		return err;
	if (cli->operands_count || cli_has(cli, "kind"))
		return cli_refuse(why, "--service takes no TARGET and no --kind",
			"the namespace says where the records are");
	bool remove = cli_has(cli, "remove"), given = cli_has(cli, "lifetime");
	if (remove && given)
		return cli_refuse(
			why, "--remove and --lifetime", "what is removed lasts no longer");
	if (given && (lifetime < RELOAD_SECOND || lifetime / RELOAD_SECOND > UINT32_MAX))
		return cli_refuse(
			why, "--lifetime is out of range", "1s to 2^32 - 1 seconds can be stored");
	json_t *params = json_pack("{s:s, s:b}", "service", cli_value(cli, "service", ""),
		"dry_run", (int)cli->dry_run);
	if (!params)
		return cli_refuse(why, "the namespace is not UTF-8", "names are UTF-8 text");
	if (given)
		json_object_set_new(
			params, "lifetime_s", json_integer((json_int_t)(lifetime / RELOAD_SECOND)));
	*out = params;
	return RELOAD_OK;
}

/* Says on standard error what a part of the work failed with; returns the exit status. */
static int report_partial(struct cli *cli, const json_t *r, bool remove)
{
	const char *error = cli_get_text(r, "last_error");
	long long failed = cli_get_int(r, "failed");
	if (remove ? !failed : !*error)
		return 0;
	if (cli->format == CLI_TEXT && remove)
		cli_warn(cli, "%lld record%s could not be removed and will end by %s lifetime",
			failed, cli_plural(failed), failed == 1 ? "its" : "their");
	else if (cli->format == CLI_TEXT)
		cli_warn(cli, "not all of it was done, and the agent will soon repeat it: %s",
			error);
	return reload_err_exit(RELOAD_PARTIAL);
}

int store_service(struct cli *cli)
{
	struct reload_error_text why;
	json_t *params = NULL, *result = NULL;
	bool remove = cli_has(cli, "remove");
	enum reload_err err = read_params(&params, cli, &why);
	if (err)
		return cli_fail(cli, err, &why);
	int status =
		cli_request(cli, remove ? "service.remove" : "service.register", params, &result);
	if (!status && (cli->format != CLI_TEXT || !cli->quiet))
		cli_print(cli, result, remove ? print_removed : print_registered, NULL);
	if (!status)
		status = report_partial(cli, result, remove);
	json_decref(result);
	return status;
}
