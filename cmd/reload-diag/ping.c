/* reload-diag ping: a Ping that asks for values (RFC 7851 s4.2.1). */
#include "reload-diag/diag.h"
#include "reload-diag/values.h"

#include "common/call.h"

#include <string.h>

const struct cli_opt diag_ping_opts[] = {
	{ 'k', "kinds", "KIND,...",
		"diagnostic Kinds, all: those that are permitted (default all)" },
	CLI_END,
};

static void print_ping(FILE *out, const json_t *o, void *arg)
{
	char node[CLI_SHORT_ID];
	const json_t *d = json_object_get(o, "diagnostics");
	long long hops = cli_get_int(o, "hops");
	(void)arg;
	fprintf(out, "answer  node:%s  %lld hop%s  ",
		cli_short_id(node, cli_get_text(o, "node_id")), hops, cli_plural(hops));
	diag_put_times(out, o);
	fputc('\n', out);
	if (json_is_null(d))
		fputs("  without values: that node does not know the extension of RFC 7851\n", out);
	else if (!json_object_size(json_object_get(d, "values")))
		fputs("  no values: none were asked for, or none are permitted\n", out);
	diag_put_values(out, json_object_get(d, "values"), 2);
}

int diag_ping(struct cli *cli)
{
	struct reload_error_text why;
	if (diag_words_check(cli, "kinds", &why))
		return cli_fail(cli, RELOAD_USAGE, &why);
	json_t *params = json_pack("{s:s}", "target", cli->operands[0]), *result = NULL,
	       *kinds = diag_kinds(cli, "all");
	json_object_set_new(params, "diagnostics", kinds ? kinds : json_array());
	int status = cli_request(cli, "overlay.ping", params, &result);
	if (!status)
		cli_print(cli, result, print_ping, NULL);
	json_decref(result);
	return status;
}
