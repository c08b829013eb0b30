/* reload-diag why: what happened to a request of the agent, and the cause of its failure. */
#include "reload-diag/diag.h"

#include "common/call.h"

#include <string.h>

const struct cli_opt diag_why_opts[] = {
	{ 0, "list", NULL, "the newest requests, with their causes" },
	{ 0, "past", NULL, "only what was recorded: no path is followed now" },
	CLI_END,
};

const char diag_why_fields[] =
	"transaction:string? method:string origin:string target:string? began:string "
	"took_ms:integer "
	"ok:boolean cause:string cause_text:string error:string? reload_error_name:string? "
	"what:string? why:string? try:string? responder:string? hops:integer "
	"transmissions:integer times:integer timeline:{ms:integer type:string what:string "
	"state:string? message:string? node_id:string? link:integer? transaction:string? "
	"error:string? why:string?}[] now:object? | "
	"transaction:string? method:string origin:string target:string? began:string "
	"took_ms:integer "
	"ok:boolean cause:string cause_text:string";

enum {
	PATH_MS = 8000, /* for the path that is followed now */
	LIST_MAX = 100
};

static void put_pair(FILE *out, const char *name, const char *value)
{
	if (!*value)
		return;
	fprintf(out, "  %s ", name);
	cli_put_safe(out, value);
}

static void put_event(FILE *out, const json_t *e)
{
	char node[CLI_SHORT_ID];
	fprintf(out, "  %6lld ms  ", cli_get_int(e, "ms"));
	cli_put_safe(out, cli_get_text(e, "what"));
	put_pair(out, "state", cli_get_text(e, "state"));
	put_pair(out, "message", cli_get_text(e, "message"));
	if (*cli_get_text(e, "node_id"))
		fprintf(out, "  node %s", cli_short_id(node, cli_get_text(e, "node_id")));
	if (cli_get_int(e, "link"))
		fprintf(out, "  link %lld", cli_get_int(e, "link"));
	put_pair(out, "error", cli_get_text(e, "error"));
	if (*cli_get_text(e, "why")) {
		fputs(": ", out);
		cli_put_safe(out, cli_get_text(e, "why"));
	}
	fputc('\n', out);
}

static void put_line(FILE *out, const char *name, const char *text)
{
	if (!*text)
		return;
	fprintf(out, "%-8s", name);
	cli_put_safe(out, text);
	fputc('\n', out);
}

static void put_title(FILE *out, const json_t *o)
{
	char when[CLI_LOCAL_TIME];
	const char *target = cli_get_text(o, "target"),
		   *transaction = cli_get_text(o, "transaction");
	fprintf(out, "%s  %s", cli_local_time(when, cli_get_text(o, "began")),
		cli_get_text(o, "method"));
	if (*target) {
		fputc(' ', out);
		cli_put_safe(out, target);
	}
	fprintf(out, "  %s after %lld ms", cli_get_bool(o, "ok") ? "succeeded" : "failed",
		cli_get_int(o, "took_ms"));
	if (*transaction)
		fprintf(out, "  transaction %.16s", transaction);
	if (cli_get_int(o, "times") > 1)
		fprintf(out, "  tried %lld times", cli_get_int(o, "times"));
	fputc('\n', out);
}

static void put_now(FILE *out, const json_t *now)
{
	char node[CLI_SHORT_ID];
	const json_t *hop, *path = json_object_get(now, "path");
	size_t i;
	if (!json_is_object(now))
		return;
	fputs("now     ", out);
	json_array_foreach (path, i, hop) {
		const char *state = cli_get_text(hop, "state");
		fprintf(out, "%s%s", i ? " > " : "",
			cli_short_id(node, cli_get_text(hop, "node_id")));
		if (i && strcmp(state, "answered"))
			fprintf(out, " (%s)", state);
	}
	fprintf(out, ": %s\n", cli_get_text(now, "outcome"));
}

static void print_why(FILE *out, const json_t *o, void *arg)
{
	const json_t *e;
	char node[CLI_SHORT_ID];
	size_t i;
	(void)arg;
	put_title(out, o);
	fprintf(out, "cause   %s: %s\n", cli_get_text(o, "cause"), cli_get_text(o, "cause_text"));
	put_line(out, "what", cli_get_text(o, "what"));
	put_line(out, "why", cli_get_text(o, "why"));
	if (*cli_get_text(o, "responder"))
		fprintf(out, "answer  of %s over %lld link%s, %lld transmission%s\n",
			cli_short_id(node, cli_get_text(o, "responder")), cli_get_int(o, "hops"),
			cli_plural(cli_get_int(o, "hops")), cli_get_int(o, "transmissions"),
			cli_plural(cli_get_int(o, "transmissions")));
	json_array_foreach (json_object_get(o, "timeline"), i, e)
		put_event(out, e);
	put_now(out, json_object_get(o, "now"));
	if (!cli_get_bool(o, "ok"))
		put_line(out, "try", cli_get_text(o, "try"));
}

static void print_row(FILE *out, const json_t *o, void *arg)
{
	char when[CLI_LOCAL_TIME];
	const char *transaction = cli_get_text(o, "transaction"),
		   *target = cli_get_text(o, "target");
	(void)arg;
	fprintf(out, "%s  %-16s  %-13s  %s%s", cli_local_time(when, cli_get_text(o, "began")),
		*transaction ? transaction : "-", cli_get_text(o, "method"),
		cli_get_bool(o, "ok") ? "ok" : cli_get_text(o, "cause"), *target ? "  " : "");
	cli_put_safe(out, target);
	fputc('\n', out);
}

static int list(struct cli *cli)
{
	json_t *result = NULL;
	const json_t *row;
	size_t i;
	int status = cli_request(
		cli, "agent.history", json_pack("{s:i}", "max", (int)LIST_MAX), &result);
	json_array_foreach (json_object_get(result, "requests"), i, row)
		cli_print(cli, row, print_row, NULL);
	json_decref(result);
	return status;
}

/* Where the way to the target ends now, which is what silence leaves open; NULL: there is nothing to follow. */
static json_t *path_now(struct cli *cli, struct cli_link *link, const json_t *record)
{
	static const char *const causes[] = { "peer_silent", "no_such_node", "loop", "link_lost" };
	struct reload_call_error error;
	json_t *result = NULL;
	bool wanted = false;
	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
		wanted |= !strcmp(cli_get_text(record, "cause"), causes[i]);
	if (!wanted || !*cli_get_text(record, "target") || cli_has(cli, "past") ||
		!strncmp(cli_get_text(record, "method"), "service.", 8))
		return NULL;
	reload_ms end = cli_monotonic() + PATH_MS;
	if (!cli_link_call(link, "overlay.path",
		    json_pack("{s:s}", "target", cli_get_text(record, "target")), end, NULL, NULL,
		    &result, &error))
		return result;
	reload_call_error_clear(
		&error); /* not joined any more, for example: the record says enough */
	return NULL;
}

/* A way that can be followed now, and ends where nobody has the Node-ID, or in a circle, says more than silence did. */
static void refine(json_t *record, const json_t *now)
{
	static const struct {
		const char *outcome, *cause, *text;
	} rows[] = {
		{ "absent", "no_such_node", "no node has this Node-ID, or the node has gone" },
		{ "loop", "loop", "the way to the target goes round: peers do not agree" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!strcmp(cli_get_text(now, "outcome"), rows[i].outcome)) {
			json_object_set_new(record, "cause", json_string(rows[i].cause));
			json_object_set_new(record, "cause_text", json_string(rows[i].text));
		}
}

static int one(struct cli *cli, struct cli_link *link)
{
	struct reload_call_error error;
	json_t *result = NULL, *params = json_object();
	const char *transaction = cli->operands_count ? cli->operands[0] : "last";
	if (strcmp(transaction, "last"))
		json_object_set_new(params, "transaction", json_string(transaction));
	if (cli_link_call(link, "agent.why", params, cli->deadline, NULL, NULL, &result, &error))
		return cli_fail_rpc(cli, &error);
	json_t *now = path_now(cli, link, result);
	refine(result, now);
	json_object_set_new(result, "now", now ? now : json_null());
	cli_print(cli, result, print_why, NULL);
	json_decref(result);
	return 0;
}

int diag_why(struct cli *cli)
{
	struct cli_link *link;
	struct reload_error_text why;
	if (cli_has(cli, "list"))
		return list(cli);
	enum reload_err err = cli_link_open(&link, cli, CLI_LINK_NOW, -1, &why);
	if (err)
		return cli_fail(cli, err, &why);
	int status = one(cli, link);
	cli_link_free(link);
	return status;
}
