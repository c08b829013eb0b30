/* reload-diag path: the way to a node or a resource, hop by hop (RFC 7851 s4.3). */
#include "reload-diag/diag.h"
#include "reload-diag/values.h"

#include "common/call.h"

#include <string.h>

const struct cli_opt diag_path_opts[] = {
	{ 'k', "kinds", "KIND,...",
		"diagnostic Kinds of each hop, all: those that are permitted (default none)" },
	CLI_END,
};

const char diag_path_fields[] =
	"type:string hop:integer node_id:string state:string rtt_ms:number? one_way_ms:number? "
	"clock_difference_ms:number? overlay_hops:integer? next_hop:string? values:object "
	"denied:string[] error:string? error_info:string? | "
	"type:string target:string outcome:string hops:integer";

static void put_denied(FILE *out, const json_t *o)
{
	const json_t *name;
	size_t i;
	json_array_foreach (json_object_get(o, "denied"), i, name) {
		fputs(i ? ", " : "  denied: ", out);
		cli_put_safe(out, json_string_value(name));
	}
}

static void print_hop(FILE *out, const json_t *o, void *arg)
{
	char node[CLI_SHORT_ID];
	const char *state = cli_get_text(o, "state");
	(void)arg;
	fprintf(out, "%3lld  %s  ", cli_get_int(o, "hop"),
		cli_short_id(node, cli_get_text(o, "node_id")));
	if (!cli_get_int(o, "hop"))
		fputs("this node", out);
	diag_put_times(out, o);
	if (strcmp(state, "answered"))
		fprintf(out, "  %s", state);
	if (!strcmp(state, "error")) {
		fprintf(out, ": %s  ", cli_get_text(o, "error"));
		cli_put_safe(out, cli_get_text(o, "error_info"));
	}
	put_denied(out, o);
	fputc('\n', out);
	diag_put_values(out, json_object_get(o, "values"), 5);
}

/* How a path ends, what that means for people, and the exit status. */
static const struct {
	const char *outcome, *text;
	enum reload_err err;
} ends[] = {
	{ "reached", "reached", RELOAD_OK },
	{ "absent", "no node has this Node-ID; its responsible peer was reached:", RELOAD_NO_NODE },
	{ "loop", "the path comes back to a node that it has passed, on the way to",
		RELOAD_FAILED },
	{ "limit", "more hops than a message may take, on the way to", RELOAD_LIMIT },
	{ "lost", "the last of these nodes does not answer, on the way to", RELOAD_TIMEOUT },
	{ "stopped", "the last of these nodes does not say where it goes on, on the way to",
		RELOAD_FAILED },
	{ "late", "the time was over, on the way to", RELOAD_TIMEOUT },
};

static size_t end_of(const json_t *o)
{
	const char *outcome = cli_get_text(o, "outcome");
	size_t i = 0;
	while (i + 1 < sizeof(ends) / sizeof(ends[0]) && strcmp(ends[i].outcome, outcome))
		i++;
	return i;
}

static void print_end(FILE *out, const json_t *o, void *arg)
{
	long long hops = cli_get_int(o, "hops");
	(void)arg;
	fprintf(out, "%s ", ends[end_of(o)].text);
	cli_put_safe(out, cli_get_text(o, "target"));
	fprintf(out, " after %lld hop%s\n", hops, hops == 1 ? "" : "s");
}

static bool on_hop(void *arg, json_t *hop)
{
	struct cli *cli = arg;
	json_t *o = json_pack("{s:s}", "type", "hop");
	json_object_update(o, hop);
	if (!cli->quiet || cli->format != CLI_TEXT)
		cli_print(cli, o, print_hop, NULL);
	json_decref(o);
	return true;
}

int diag_path(struct cli *cli)
{
	struct cli_link *link;
	struct reload_error_text why;
	struct reload_call_error error;
	json_t *params = json_pack("{s:s}", "target", cli->operands[0]), *result = NULL,
	       *kinds = diag_kinds(cli, NULL);
	if (kinds)
		json_object_set_new(params, "diagnostics", kinds);
	int stop = cli_stop_signals();
	enum reload_err err = cli_link_open(&link, cli, CLI_LINK_NOW, stop, &why);
	if (err) {
		json_decref(params);
		cli_stop_end(stop);
		return cli_fail(cli, err, &why);
	}
	int status;
	err = cli_link_call(
		link, "overlay.path", params, cli->deadline, on_hop, cli, &result, &error);
	if (err) {
		status = cli_fail_rpc(cli, &error);
	} else {
		json_t *o = json_pack("{s:s}", "type", "summary");
		json_object_update(o, result);
		json_object_del(o, "path"); /* its hops were printed */
		cli_print(cli, o, print_end, NULL);
		status = reload_err_exit(ends[end_of(o)].err);
		json_decref(o);
	}
	json_decref(result);
	cli_link_free(link);
	cli_stop_end(stop);
	return status;
}
