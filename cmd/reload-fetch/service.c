/* --service: which node provides a service, by ReDiR (RFC 7374). */
#include "fetch.h"

#include <string.h>

static void print_list(FILE *out, const json_t *list)
{
	size_t i;
	json_t *v;
	json_array_foreach (list, i, v)
		if (json_is_string(v))
			fprintf(out, "%s%s", i ? "," : "", json_string_value(v));
		else
			fprintf(out, "%s%lld", i ? ", " : "", (long long)json_integer_value(v));
}

static void print_provider(FILE *out, const json_t *r, void *arg)
{
	const struct cli *cli = arg;
	long long fetches = cli_get_int(r, "fetches");
	fprintf(out, "node:%s\n", cli_get_text(r, "node_id"));
	if (cli->quiet)
		return;
	fputs("  service  ", out);
	cli_put_safe(out, cli_get_text(r, "service"));
	fputs("\n  route    ", out);
	print_list(out, json_object_get(r, "destination_list"));
	fprintf(out, "\n  found    %lld fetch%s, level%s ", fetches, fetches == 1 ? "" : "es",
		cli_plural(fetches));
	print_list(out, json_object_get(r, "levels"));
	fputs(cli_get_bool(r, "wrapped") ? "; none follows the key, this is any one\n" : "\n", out);
	if (cli_get_bool(r, "checked"))
		fputs("  checked  it answers\n", out);
}

static void report_skipped(struct cli *cli, const json_t *r)
{
	size_t i;
	json_t *v;
	if (cli->format != CLI_TEXT)
		return;
	json_array_foreach (json_object_get(r, "skipped"), i, v)
		cli_warn(cli, "node:%s was passed over: %s", cli_get_text(v, "node_id"),
			cli_get_text(v, "why"));
}

int fetch_service(struct cli *cli)
{
	struct reload_error_text why;
	json_t *result = NULL;
	const char *node = cli_value(cli, "for", NULL);
	json_t *params = json_pack("{s:s, s:b}", "service", cli_value(cli, "service", ""), "check",
		(int)cli_has(cli, "check"));
	if (!params || (node && json_object_set_new(params, "for", json_string(node)))) {
		json_decref(params);
		return cli_fail(cli,
			cli_refuse(&why, "the namespace or --for is not UTF-8",
				"names are UTF-8 text"),
			&why);
	}
	if (cli_has(cli, "tree"))
		return fetch_tree(cli, params);
	int status = cli_request(cli, "service.lookup", params, &result);
	if (!status) {
		report_skipped(cli, result);
		cli_print(cli, result, print_provider, cli);
	}
	json_decref(result);
	return status;
}
