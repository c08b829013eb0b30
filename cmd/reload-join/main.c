/* reload-join: join the overlay, leave it, wait until that is done. */
#include "common/call.h"
#include "common/main.h"
#include "util/alloc.h"

#include <string.h>

static const struct cli_opt opts[] = {
	{ 0, "as", "peer|client", "role in the overlay (default: that of the agent)" },
	{ 0, "bootstrap", "HOST[:PORT]", "bootstrap node instead of those of the configuration",
		true },
	{ 0, "no-wait", NULL, "return when the attempt has begun" },
	{ 0, "leave", NULL, "leave the overlay; the agent goes on running" },
	{ 0, "now", NULL, "with --leave: without handing data over" },
	CLI_END,
};

static const struct cli_opt common_opts[] = { CLI_COMMON, CLI_END };

static void print_joined(FILE *out, const json_t *r, void *arg)
{
	bool dry = *(bool *)arg, client = strcmp(cli_get_text(r, "role"), "client") == 0;
	const char *overlay = cli_get_text(r, "overlay"), *role = cli_get_text(r, "role");
	char id[CLI_SHORT_ID], admitting[CLI_SHORT_ID];
	const char *state = cli_get_text(r, "state");
	size_t neighbors = json_array_size(json_object_get(r, "neighbors"));
	cli_short_id(id, cli_get_text(r, "node_id"));
	cli_short_id(admitting, cli_get_text(r, "admitting_peer"));
	if (dry)
		fprintf(out, "would join %s as %s %s, now %s\n", overlay, role, id, state);
	else if (strcmp(state, "joined") != 0)
		fprintf(out, "joining %s as %s %s, now %s\n", overlay, role, id, state);
	else if (cli_get_bool(r, "already"))
		fprintf(out, "joined %s as %s %s already  (%zu neighbour%s)\n", overlay, role, id,
			neighbors, cli_plural(neighbors));
	else if (client)
		fprintf(out, "joined %s as client %s in %.2f s  (attached to %s)\n", overlay, id,
			cli_get_real(r, "took_ms") / 1000, admitting);
	else
		fprintf(out,
			"joined %s as peer %s in %.2f s  (admitting peer %s, %zu neighbour%s)\n",
			overlay, id, cli_get_real(r, "took_ms") / 1000, admitting, neighbors,
			cli_plural(neighbors));
}

static void print_left(FILE *out, const json_t *r, void *arg)
{
	bool dry = *(bool *)arg;
	if (dry)
		fprintf(out, "would leave %s, now %s\n", cli_get_text(r, "overlay"),
			cli_get_text(r, "state"));
	else if (cli_get_bool(r, "already"))
		fprintf(out, "not part of %s, now %s\n", cli_get_text(r, "overlay"),
			cli_get_text(r, "state"));
	else
		fprintf(out, "left %s in %.2f s\n", cli_get_text(r, "overlay"),
			cli_get_real(r, "took_ms") / 1000);
}

/* The result of a dry run: the members of the real result, with the present state. */
static json_t *left_from_status(const json_t *status)
{
	const char *state = cli_get_text(status, "state");
	return json_pack("{s:s, s:s, s:s, s:b, s:f}", "state", state, "overlay",
		cli_get_text(status, "overlay"), "node_id", cli_get_text(status, "node_id"),
		"already", (int)(strcmp(state, "enrolled") == 0), "took_ms", 0.0);
}

static json_t *joined_from_status(const json_t *status, const char *as)
{
	bool joined = strcmp(cli_get_text(status, "state"), "joined") == 0;
	return json_pack("{s:s, s:s, s:s, s:s, s:O, s:O, s:O, s:[], s:b, s:f}", "state",
		cli_get_text(status, "state"), "overlay", cli_get_text(status, "overlay"),
		"node_id", cli_get_text(status, "node_id"), "role",
		as ? as : cli_get_text(status, "role"), "bootstrap_peer",
		json_object_get(status, "bootstrap_peer"), "admitting_peer",
		json_object_get(status, "admitting_peer"), "neighbors",
		json_object_get(status, "successors"), "phases", "already", (int)joined, "took_ms",
		0.0);
}

static json_t *join_params(const struct cli *cli)
{
	json_t *params = json_object(), *list = json_array();
	for (size_t i = 0; i < cli_count(cli, "bootstrap"); i++)
		json_array_append_new(list, json_string(cli_value_at(cli, "bootstrap", i)));
	json_object_set_new(params, "bootstrap", list);
	json_object_set_new(params, "wait", json_boolean(!cli_has(cli, "no-wait")));
	if (cli_value(cli, "as", NULL))
		json_object_set_new(params, "role", json_string(cli_value(cli, "as", NULL)));
	return params;
}

static int usage(struct cli *cli, const char *what, const char *reason)
{
	struct reload_error_text why;
	return cli_fail(cli, cli_refuse(&why, what, reason), &why);
}

static int run(struct cli *cli)
{
	AUTO(cli_link) link = NULL;
	struct reload_error_text why;
	struct reload_call_error error;
	json_t *result = NULL;
	bool leave = cli_has(cli, "leave");
	const char *as = cli_value(cli, "as", NULL);
	if (as && strcmp(as, "peer") != 0 && strcmp(as, "client") != 0)
		return usage(cli, "--as is peer or client", as);
	if (leave && (as || cli_has(cli, "bootstrap") || cli_has(cli, "no-wait")))
		return usage(cli, "--leave stands alone",
			"--as, --bootstrap and --no-wait are about joining");
	if (!leave && cli_has(cli, "now"))
		return usage(cli, "--now needs --leave", "it says how to leave");
	enum reload_err err = cli_link_open(&link, cli, CLI_LINK_WAIT, -1, &why);
	if (err)
		return cli_fail(cli, err, &why);
	cli_progress(cli, "%s", leave ? "leaving" : "joining");
	if (cli->dry_run)
		err = cli_link_call(
			link, "agent.status", NULL, RELOAD_NEVER, NULL, NULL, &result, &error);
	else if (leave)
		err = cli_link_call(link, "overlay.leave",
			json_pack("{s:b}", "now", (int)cli_has(cli, "now")), RELOAD_NEVER, NULL,
			NULL, &result, &error);
	else
		err = cli_link_call(link, "overlay.join", join_params(cli), RELOAD_NEVER, NULL,
			NULL, &result, &error);
	if (err)
		return cli_fail_rpc(cli, &error);
	if (cli->dry_run) {
		json_t *status = result;
		result = leave ? left_from_status(status) : joined_from_status(status, as);
		json_decref(status);
	}
	bool dry = cli->dry_run;
	if (cli->format != CLI_TEXT || !cli->quiet)
		cli_print(cli, result, leave ? print_left : print_joined, &dry);
	json_decref(result);
	return 0;
}

static const struct cli_command commands[] = {
	{ .summary = "join the overlay, or leave it",
		.opts = opts,
		.result = "@overlay.join --leave:overlay.leave",
		.run = run },
	{ 0 },
};

static const char *const examples[] = {
	"reload-join -a alice",
	"reload-join -a alice --leave",
	NULL,
};

static const struct cli_program program = {
	.name = "reload-join",
	.summary = "Join a RELOAD overlay with a running agent, or leave it.",
	.manual = "reload-join(1)",
	.commands = commands,
	.opts = common_opts,
	.examples = examples,
	.exits = CLI_EXIT(3) | CLI_EXIT(4) | CLI_EXIT(6) | CLI_EXIT(7) | CLI_EXIT(10),
	.complete = cli_complete_agent,
};

int main(int argc, char **argv)
{
	return cli_main(&program, argc, argv);
}
