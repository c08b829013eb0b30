/* reload-diag node: what this node may know of another; reload-diag tables: what this node knows of its ring. */
#include "reload-diag/diag.h"
#include "reload-diag/values.h"

#include "common/call.h"

#include <string.h>

const struct cli_opt diag_node_opts[] = { CLI_END };
const struct cli_opt diag_tables_opts[] = { CLI_END };

const char diag_node_fields[] =
	"node_id:string hops:integer rtt_ms:number one_way_ms:number? clock_difference_ms:number? "
	"responsible_percent:number? resources:integer? uptime_s:integer? user:string? "
	"places:string[] values:object";

/* The entry of node.list of this Node-ID (borrowed), NULL: this node has neither a link to it nor a place in a table for it. */
static const json_t *known(const json_t *list, const char *node_id)
{
	const json_t *n;
	size_t i;
	json_array_foreach (json_object_get(list, "nodes"), i, n)
		if (!strcmp(cli_get_text(n, "node_id"), node_id))
			return n;
	return NULL;
}

static void put_places(FILE *out, const json_t *places)
{
	const json_t *p;
	size_t i;
	json_array_foreach (places, i, p)
		fprintf(out, "%s%s", i ? " " : "", json_string_value(p));
}

static void print_node(FILE *out, const json_t *o, void *arg)
{
	const char *user = cli_get_text(o, "user");
	(void)arg;
	fprintf(out, "node       %s  %lld hop%s  ", cli_get_text(o, "node_id"),
		cli_get_int(o, "hops"), cli_plural(cli_get_int(o, "hops")));
	diag_put_times(out, o);
	fputs("\nuser       ", out);
	cli_put_safe(out, *user ? user : "not known: there is no link to it");
	fputs("\nplaces     ", out);
	put_places(out, json_object_get(o, "places"));
	if (!json_array_size(json_object_get(o, "places")))
		fputs("in no table of this node", out);
	fputc('\n', out);
	if (json_is_number(json_object_get(o, "responsible_percent")))
		fprintf(out, "ring       %.2f%% of it, %lld resource%s held, up %lld s\n",
			cli_get_real(o, "responsible_percent"), cli_get_int(o, "resources"),
			cli_plural(cli_get_int(o, "resources")), cli_get_int(o, "uptime_s"));
	if (!json_object_size(json_object_get(o, "values")))
		fputs("values     none are permitted: reload-enroll config show lists who may read "
		      "them\n",
			out);
	else
		diag_put_values(out, json_object_get(o, "values"), 2);
}

/* The values of the node, an empty object when it gives none. */
static int values_of(struct cli *cli, json_t *o)
{
	json_t *ping = NULL, *params = json_pack("{s:s+, s:[s]}", "target",
				     "node:", cli_get_text(o, "node_id"), "diagnostics", "all");
	int status = cli_request(cli, "overlay.ping", params, &ping);
	const json_t *d = json_object_get(ping, "diagnostics");
	json_t *values = json_object_get(d, "values");
	json_object_set(o, "one_way_ms", json_object_get(ping, "one_way_ms"));
	json_object_set(o, "clock_difference_ms", json_object_get(ping, "clock_difference_ms"));
	if (values)
		json_object_set(o, "values", values);
	else
		json_object_set_new(o, "values", json_object());
	json_decref(ping);
	return status;
}

int diag_node(struct cli *cli)
{
	struct reload_error_text why;
	if (diag_words_check(cli, NULL, &why))
		return cli_fail(cli, RELOAD_USAGE, &why);
	json_t *o = NULL, *list = NULL;
	int status = cli_request(cli, "overlay.probe",
		json_pack("{s:s}", "target", cli->operands_count ? cli->operands[0] : "self"), &o);
	if (!status)
		status = values_of(cli, o);
	if (!status)
		status = cli_request(cli, "node.list", json_object(), &list);
	if (!status) {
		const json_t *n = known(list, cli_get_text(o, "node_id"));
		json_t *places = json_object_get(n, "places"), *user = json_object_get(n, "user");
		json_object_set_new(o, "places", places ? json_incref(places) : json_array());
		json_object_set_new(o, "user", user ? json_incref(user) : json_null());
		json_object_del(o, "transaction");
		cli_print(cli, o, print_node, NULL);
	}
	json_decref(list);
	json_decref(o);
	return status;
}

/* -- tables -------------------------------------------------------------------------------------------------------------- */

static void put_table(FILE *out, const char *label, const json_t *ids)
{
	const json_t *id;
	size_t i;
	json_array_foreach (ids, i, id)
		fprintf(out, "%-13s%s\n", i ? "" : label, json_string_value(id));
	if (!json_array_size(ids))
		fprintf(out, "%-13snone\n", label);
}

static void print_tables(FILE *out, const json_t *o, void *arg)
{
	const json_t *l;
	size_t i;
	(void)arg;
	fprintf(out, "%-13s%s\n", "self", cli_get_text(o, "node_id"));
	put_table(out, "predecessors", json_object_get(o, "predecessors"));
	put_table(out, "successors", json_object_get(o, "successors"));
	put_table(out, "fingers", json_object_get(o, "fingers"));
	json_array_foreach (json_object_get(o, "links"), i, l) {
		fprintf(out, "%-13s%s  %s  %s  %s  ", i ? "" : "links", cli_get_text(l, "node_id"),
			cli_get_text(l, "link_type"), cli_get_text(l, "address"),
			cli_get_bool(l, "good") ? "good" : "bad");
		diag_put_times(out, l);
		fputs("  ", out);
		cli_put_safe(out, cli_get_text(l, "user"));
		fputc('\n', out);
	}
	if (!json_array_size(json_object_get(o, "links")))
		fprintf(out, "%-13snone\n", "links");
}

const char diag_tables_fields[] =
	"node_id:string state:string predecessors:string[] successors:string[] fingers:string[] "
	"range_from:string? range_to:string? links:object[]";

int diag_tables(struct cli *cli)
{
	static const char *const keys[] = { "node_id", "state", "predecessors", "successors",
		"fingers", "range_from", "range_to" };
	json_t *status = NULL, *o = json_object();
	int failed = cli_request(cli, "agent.status", json_pack("{s:b}", "links", 1), &status);
	for (size_t i = 0; !failed && i < sizeof(keys) / sizeof(keys[0]); i++)
		json_object_set(o, keys[i], json_object_get(status, keys[i]));
	if (!failed) {
		json_object_set(
			o, "links", json_object_get(json_object_get(status, "links"), "list"));
		cli_print(cli, o, print_tables, NULL);
	}
	json_decref(status);
	json_decref(o);
	return failed;
}
