/* reload-diag nat: what is between an agent and the others, as it measures it. */
#include "reload-diag/diag.h"

#include "common/call.h"
#include "common/json.h"

#include <string.h>

const struct cli_opt diag_nat_opts[] = { CLI_END };

static void print_servers(FILE *out, const json_t *o)
{
	const json_t *s;
	size_t i;
	json_array_foreach (json_object_get(o, "servers"), i, s) {
		fprintf(out, "%-11s%s %s  ", i ? "" : "asked", cli_get_text(s, "type"),
			cli_get_text(s, "address"));
		if (*cli_get_text(s, "seen"))
			fprintf(out, "sees %s, %lld ms\n", cli_get_text(s, "seen"),
				cli_get_int(s, "rtt_ms"));
		else
			fputs("no answer\n", out);
	}
	json_array_foreach (json_object_get(o, "turn_servers"), i, s) {
		char node[CLI_SHORT_ID];
		fprintf(out, "%-11s%s of %s%s\n", i ? "" : "relays", cli_get_text(s, "address"),
			cli_short_id(node, cli_get_text(s, "node_id")),
			json_is_true(json_object_get(s, "failed")) ? "  failed" : "");
	}
}

static void print_candidates(FILE *out, const json_t *o)
{
	const json_t *c;
	size_t i;
	json_array_foreach (json_object_get(o, "candidates"), i, c) {
		const char *left_out = cli_get_text(c, "left_out");
		fprintf(out, "%-11s%-9s  %s", i ? "" : "candidates", cli_get_text(c, "type"),
			cli_get_text(c, "address"));
		if (cli_get_int(c, "priority"))
			fprintf(out, "  priority %lld", cli_get_int(c, "priority"));
		fprintf(out, "%s%s%s\n",
			json_is_true(json_object_get(c, "routed")) ? "  routed" : "",
			*left_out ? "  left out: " : "", left_out);
	}
	if (!json_array_size(json_object_get(o, "candidates")))
		fputs("candidates none: no link was asked for yet\n", out);
}

static void print_nat(FILE *out, const json_t *o, void *arg)
{
	const char *seen = cli_get_text(o, "seen");
	(void)arg;
	fprintf(out, "mapping    %s\n", cli_get_text(o, "mapping"));
	fprintf(out, "filtering  %s\n", cli_get_text(o, "filtering"));
	fprintf(out, "measured   a socket of the agent for this alone, %s, closed again\n",
		cli_get_text(o, "socket"));
	fprintf(out, "seen       %s\n", *seen ? seen : "by nobody");
	fprintf(out, "relay      %s\n",
		json_is_true(json_object_get(o, "relay_only"))     ? "needed: --relay-only"
		: json_is_true(json_object_get(o, "relay_needed")) ? "needed"
								   : "not needed");
	print_servers(out, o);
	print_candidates(out, o);
}

int diag_nat(struct cli *cli)
{
	json_t *result = NULL;
	int status = cli_request(cli, "node.nat", json_object(), &result);
	if (!status)
		cli_print(cli, result, print_nat, NULL);
	json_decref(result);
	return status;
}
