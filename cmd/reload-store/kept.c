/* --list-kept and --drop: values that the agent stores again before their lifetime ends. */
#include "store.h"

#include <string.h>

static void print_place(FILE *out, const json_t *v)
{
	const char *name = cli_get_text(v, "name");
	if (*name)
		cli_put_safe(out, name);
	else
		fprintf(out, "resource:%s", cli_get_text(v, "resource_id"));
	if (json_is_integer(json_object_get(v, "index")))
		fprintf(out, " [%lld]", cli_get_int(v, "index"));
	if (json_is_string(json_object_get(v, "key_text"))) {
		fputc(' ', out);
		cli_put_safe(out, cli_get_text(v, "key_text"));
	} else if (json_is_string(json_object_get(v, "key"))) {
		fprintf(out, " hex:%s", cli_get_text(v, "key"));
	}
}

static void print_services(FILE *out, const json_t *result, const struct cli *cli)
{
	char next[CLI_LOCAL_TIME], until[CLI_LOCAL_TIME];
	size_t i;
	json_t *v;
	const json_t *list = json_object_get(result, "services");
	if (json_array_size(list) && !cli->quiet)
		fprintf(out, "%-11s %8s %9s  %-19s %-19s %s\n", "STATE", "RECORDS", "LIFETIME",
			"UNTIL", "NEXT", "SERVICE");
	json_array_foreach (list, i, v) {
		const char *when = cli_get_text(v, "next"), *end = cli_get_text(v, "expires");
		fprintf(out, "%-11s %8zu %8llds  %-19s %-19s ", cli_get_text(v, "state"),
			json_array_size(json_object_get(v, "places")), cli_get_int(v, "lifetime_s"),
			*end ? cli_local_time(until, end) : "-",
			*when ? cli_local_time(next, when) : "-");
		cli_put_safe(out, cli_get_text(v, "service"));
		if (*cli_get_text(v, "last_error"))
			fprintf(out, "  (%s)", cli_get_text(v, "last_error"));
		fputc('\n', out);
	}
}

static void print_kept(FILE *out, const json_t *result, void *arg)
{
	const struct cli *cli = arg;
	char next[CLI_LOCAL_TIME], until[CLI_LOCAL_TIME];
	size_t i;
	json_t *v;
	const json_t *list = json_object_get(result, "kept");
	if (json_array_size(list) && !cli->quiet)
		fprintf(out, "%-20s %-11s %8s %9s  %-19s %-19s %s\n", "KIND", "STATE", "SIZE",
			"LIFETIME", "UNTIL", "NEXT", "PLACE");
	json_array_foreach (list, i, v) {
		const char *when = cli_get_text(v, "next");
		fprintf(out, "%-20s %-11s %8lld %8llds  %-19s %-19s ", cli_get_text(v, "kind"),
			cli_get_text(v, "state"), cli_get_int(v, "size_bytes"),
			cli_get_int(v, "lifetime_s"),
			cli_local_time(until, cli_get_text(v, "expires")),
			*when ? cli_local_time(next, when) : "-");
		print_place(out, v);
		if (*cli_get_text(v, "last_error"))
			fprintf(out, "  (%s)", cli_get_text(v, "last_error"));
		fputc('\n', out);
	}
	print_services(out, result, cli);
}

int store_list_kept(struct cli *cli)
{
	json_t *result = NULL;
	struct reload_error_text why;
	if (cli->operands_count || cli_has(cli, "kind"))
		return cli_fail(cli,
			cli_refuse(&why, "--list-kept takes nothing else",
				"it lists all that is kept"),
			&why);
	int status = cli_request(cli, "store.renewals", NULL, &result);
	if (!status)
		cli_print(cli, result, print_kept, cli);
	json_decref(result);
	return status;
}

static void print_dropped(FILE *out, const json_t *result, void *arg)
{
	char until[CLI_LOCAL_TIME];
	size_t i;
	json_t *v;
	(void)arg;
	json_array_foreach (json_object_get(result, "dropped"), i, v) {
		fputs(cli_get_bool(result, "dry_run") ? "would drop " : "dropped ", out);
		print_place(out, v);
		fprintf(out, ", stored until %s\n",
			cli_local_time(until, cli_get_text(v, "expires")));
	}
}

int store_drop(struct cli *cli)
{
	json_t *result = NULL;
	struct reload_error_text why;
	uint64_t index;
	const char *kind = cli_kind(cli);
	enum reload_err err = RELOAD_OK;
	if (cli->operands_count != 1 || !kind)
		err = cli_refuse(
			&why, "--drop takes a TARGET and --kind", "they name what is kept");
	if (!err)
		err = cli_number(cli, "index", 0, 0, UINT32_MAX, &index, &why);
	if (err)
		return cli_fail(cli, err, &why);
	json_t *params = json_pack("{s:s, s:s}", "target", cli->operands[0], "kind", kind);
	if (!params)
		return cli_fail(cli,
			cli_refuse(&why, "TARGET or KIND is not UTF-8", "names are UTF-8 text"),
			&why);
	if (cli_has(cli, "index"))
		json_object_set_new(params, "index", json_integer((json_int_t)index));
	if (cli_has(cli, "key"))
		json_object_set_new(params, "key", json_string(cli_value(cli, "key", NULL)));
	if (cli->dry_run)
		json_object_set_new(params, "dry_run", json_true());
	int status = cli_request(cli, "store.renew_stop", params, &result);
	if (!status && (cli->format != CLI_TEXT || !cli->quiet))
		cli_print(cli, result, print_dropped, NULL);
	json_decref(result);
	return status;
}
