/* --tree: who is where in the tree of a service, and what is wrong (service.tree). */
#include "fetch.h"

#include <string.h>

static void print_entry(FILE *out, const json_t *r, const json_t *e)
{
	char since[CLI_LOCAL_TIME];
	const char *wrong = fetch_tree_trouble(r, e);
	fprintf(out, "    node:%s  since %s, %llds old, %llds left  ", cli_get_text(e, "node_id"),
		cli_local_time(since, cli_get_text(e, "stored")), cli_get_int(e, "age_s"),
		cli_get_int(e, "lifetime_s"));
	cli_put_safe(out, cli_get_text(e, "user"));
	fprintf(out, "%s%s\n", *wrong ? "  ! " : "", wrong);
}

static void print_tree(FILE *out, const json_t *r, void *arg)
{
	size_t i, k;
	json_t *node, *e;
	const struct cli *cli = arg;
	size_t providers = json_array_size(json_object_get(r, "providers"));
	cli_put_safe(out, cli_get_text(r, "service"));
	fprintf(out, "  %zu provider%s, %lld branches, %lld tree node%s looked at\n", providers,
		cli_plural(providers), cli_get_int(r, "branching_factor"),
		cli_get_int(r, "fetches"), cli_plural(cli_get_int(r, "fetches")));
	json_array_foreach (json_object_get(r, "nodes"), i, node) {
		const char *fault = cli_get_text(node, "fault");
		const json_t *entries = json_object_get(node, "entries");
		fprintf(out, "  level %lld  node %lld  %zu record%s%s%s\n",
			cli_get_int(node, "level"), cli_get_int(node, "node"),
			json_array_size(entries), cli_plural(json_array_size(entries)),
			*fault ? "  ! " : "", fault);
		json_array_foreach (entries, k, e)
			if (!cli->quiet)
				print_entry(out, r, e);
	}
}

static void print_svg(FILE *out, const json_t *r, void *arg)
{
	(void)arg;
	fetch_tree_svg(out, r);
}

int fetch_tree(struct cli *cli, json_t *params)
{
	struct reload_error_text why;
	json_t *result = NULL;
	const char *format = cli_value(cli, "format", "text");
	bool svg = !strcmp(format, "svg");
	if (!svg && strcmp(format, "text")) {
		json_decref(params);
		return cli_fail(cli, cli_refuse(&why, "--format is text or svg", format), &why);
	}
	int status = cli_request(cli, "service.tree", params, &result);
	if (!status) {
		cli_print(cli, result, svg ? print_svg : print_tree, cli);
		if (!cli_get_bool(result, "complete")) {
			if (cli->format == CLI_TEXT)
				cli_warn(cli, "the tree has more nodes than the agent looks at");
			status = reload_err_exit(RELOAD_PARTIAL);
		}
	}
	json_decref(result);
	return status;
}
