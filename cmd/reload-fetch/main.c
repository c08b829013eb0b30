/* reload-fetch: read stored values, their statistics, or find where a Kind is stored. */
#include "fetch.h"

#include "common/value_text.h"
#include "util/text.h"

#include <stdlib.h>
#include <string.h>

static const struct cli_opt opts[] = {
	{ 'k', "kind", "KIND", "Kind of the values, by name or number (default: RELOAD_KIND)" },
	{ 0, "index", "A[-B]", "one place of an array, or a range" },
	{ 0, "key", "K", "one key of a dictionary: text, hex:DIGITS, node:HEX or self", true },
	{ 0, "stat", NULL, "sizes, times and hashes without the values" },
	{ 0, "find", NULL, "the closest Resource-ID that holds the Kind" },
	{ 0, "raw", NULL, "the bytes of the values and nothing else" },
	{ 'o', "output", "FILE", "write the bytes of the values to a file" },
	{ 0, "service", "NS", "a provider of the service of that namespace" },
	{ 0, "for", "NODE-ID", "the provider that follows this node (default: the agent's own)" },
	{ 0, "check", NULL, "ping the provider, and take the next when it does not answer" },
	{ 0, "tree", NULL, "with --service: its tree, who is where, and what is wrong" },
	{ 0, "format", "text|svg", "how the tree is drawn (default text)" },
	{ 0, "show-invalid", NULL, "also values that fail a check" },
	{ 0, "watch", "TIME", "fetch every TIME and print what changed, until stopped" },
	{ 0, "proof", "FILE", "write evidence of the values that needs no agent to be checked" },
	{ 0, "check-proof", "FILE", "check such evidence and print its values; no agent is asked" },
	{ 0, "config", "FILE", "overlay configuration document for --check-proof" },
	CLI_END,
};

static const struct cli_opt common_opts[] = { CLI_COMMON, CLI_END };

/* "3" or "3-7" */
static enum reload_err read_index(json_t *params, const char *text, struct reload_error_text *why)
{
	char *end;
	unsigned long long first = strtoull(text, &end, 10), last = first;
	bool good = *text >= '0' && *text <= '9';
	if (good && *end == '-') {
		const char *second = end + 1;
		last = strtoull(second, &end, 10);
		good = *second >= '0' && *second <= '9';
	}
	if (!good || *end || first > UINT32_MAX || last > UINT32_MAX || first > last)
		return cli_refuse(why, "--index is a place or a range", "A or A-B, numbers from 0");
	json_object_set_new(params, "index",
		json_pack("{s:I, s:I}", "first", (json_int_t)first, "last", (json_int_t)last));
	return RELOAD_OK;
}

static void print_fetched(FILE *out, const json_t *r, void *arg)
{
	const struct cli *cli = arg;
	size_t i;
	json_t *v;
	json_array_foreach (json_object_get(r, "values"), i, v) {
		cli_put_value(out, v, !cli->quiet);
		fputc('\n', out);
	}
}

/* The bytes of all values, concatenated; removed values have none. */
static void collect(struct wr *w, const json_t *result)
{
	size_t i;
	json_t *v;
	json_array_foreach (json_object_get(result, "values"), i, v) {
		const char *base64 = cli_get_text(v, "value");
		uint8_t *bytes;
		size_t len;
		if (!cli_get_bool(v, "exists") ||
			reload_unbase64(&bytes, &len, base64, strlen(base64)))
			continue;
		wr_bytes(w, bytes, len);
		free(bytes);
	}
}

static int print_raw(struct cli *cli, const json_t *result)
{
	const char *file = cli_value(cli, "output", NULL);
	struct reload_error_text why;
	struct wr w;
	wr_init(&w);
	collect(&w, result);
	enum reload_err err = RELOAD_OK;
	if (file && strcmp(file, "-") != 0)
		err = cli->dry_run ? RELOAD_OK
				   : cli_file_write(file, wr_done(&w), cli->deadline, &why);
	else if (w.len)
		fwrite(w.at, 1, w.len, stdout);
	wr_clear(&w);
	return err ? cli_fail(cli, err, &why) : 0;
}

/* --service is a question of its own, with --for and --check. */
static enum reload_err check_service(struct cli *cli, struct reload_error_text *why)
{
	static const char *const others[] = { "kind", "index", "key", "stat", "find", "raw",
		"output", "show-invalid", "watch", "proof", "check-proof", "config" };
	char what[64];
	if (!cli_has(cli, "service"))
		return cli_has(cli, "for") || cli_has(cli, "check") || cli_has(cli, "tree") ||
				       cli_has(cli, "format")
			       ? cli_refuse(why,
					 "--for, --check, --tree or --format without --service",
					 "they say what of a service")
			       : RELOAD_OK;
	if (cli_has(cli, "format") && !cli_has(cli, "tree"))
		return cli_refuse(why, "--format without --tree", "it says how a tree is drawn");
	if (cli_has(cli, "tree") && cli_has(cli, "for"))
		return cli_refuse(why, "--tree and --for", "the tree is that of all nodes");
	if (cli->operands_count)
		return cli_refuse(why, "--service takes no TARGET",
			"the agent knows where the tree of a service is");
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		snprintf(what, sizeof(what), "--service and --%s", others[i]);
		if (cli_has(cli, others[i]))
			return cli_refuse(why, what, "a provider is not a stored value");
	}
	return RELOAD_OK;
}

/* Refuses options that exclude each other. */
static enum reload_err check_modes(struct cli *cli, struct reload_error_text *why)
{
	bool check = cli_has(cli, "check-proof"), watch = cli_has(cli, "watch"),
	     proof = cli_has(cli, "proof"), other = cli_has(cli, "stat") || cli_has(cli, "find"),
	     bytes = cli_has(cli, "raw") || cli_has(cli, "output");
	if (check && (cli->operands_count || cli_has(cli, "kind") || watch || proof || other ||
			     cli_has(cli, "index") || cli_has(cli, "key") || bytes))
		return cli_refuse(
			why, "--check-proof takes nothing else", "the proof says what was fetched");
	if (!check && cli_has(cli, "config"))
		return cli_refuse(why, "--config without --check-proof",
			"the agent has a configuration of its own");
	if (!check && !cli->operands_count)
		return cli_refuse(why, "no TARGET", "a resource says what to fetch");
	if (proof && (other || watch || bytes))
		return cli_refuse(
			why, "--proof goes with a plain fetch", "it is evidence of its values");
	if (watch && (other || bytes))
		return cli_refuse(
			why, "--watch goes with a plain fetch", "it tells which values changed");
	if (proof && cli->format != CLI_TEXT && strcmp(cli_value(cli, "proof", ""), "-") == 0)
		return cli_refuse(why, "--proof - and --json",
			"bytes and JSON do not go to one stream: --proof FILE");
	return RELOAD_OK;
}

static json_t *params_of(struct cli *cli, enum reload_err *err, struct reload_error_text *why)
{
	const char *kind = cli_kind(cli), *index = cli_value(cli, "index", NULL);
	json_t *params = json_object(), *target = json_string(cli->operands[0]),
	       *name = kind ? json_string(kind) : NULL;
	*err = !kind ? cli_refuse(why, "no Kind", "--kind or RELOAD_KIND says what is asked for")
	       : !target || !name
		       ? cli_refuse(why, "TARGET or KIND is not UTF-8", "names are UTF-8 text")
		       : RELOAD_OK;
	json_object_set_new(params, "target", target ? target : json_null());
	json_object_set_new(params, "kind", name ? name : json_null());
	if (!*err && cli_has(cli, "stat") && cli_has(cli, "find"))
		*err = cli_refuse(why, "--stat and --find", "they are different questions");
	if (!*err && cli_has(cli, "find") && (index || cli_has(cli, "key")))
		*err = cli_refuse(
			why, "--find takes no place", "it looks for a resource, not for a value");
	if (!*err && (cli_has(cli, "stat") || cli_has(cli, "find")) &&
		(cli_has(cli, "raw") || cli_has(cli, "output")))
		*err = cli_refuse(why, "there are no values to write",
			"--raw and --output go with a plain fetch");
	if (!*err && cli_has(cli, "raw") && cli->format != CLI_TEXT)
		*err = cli_refuse(why, "--raw and --json",
			"bytes and JSON do not go to one stream: --output FILE");
	if (!*err && index)
		*err = read_index(params, index, why);
	if (cli_count(cli, "key")) {
		json_t *keys = json_array();
		for (size_t i = 0; i < cli_count(cli, "key"); i++)
			json_array_append_new(keys, json_string(cli_value_at(cli, "key", i)));
		json_object_set_new(params, "keys", keys);
	}
	if (cli_has(cli, "show-invalid") && !cli_has(cli, "stat") && !cli_has(cli, "find"))
		json_object_set_new(params, "show_invalid", json_true());
	if (cli_has(cli, "proof"))
		json_object_set_new(params, "proof", json_true());
	return params;
}

static int report_invalid(struct cli *cli, const json_t *r)
{
	long long dropped = cli_get_int(r, "invalid_count");
	if (!dropped)
		return 0;
	if (cli->format == CLI_TEXT)
		cli_warn(cli, "%lld value%s dropped: %s (--show-invalid to look)", dropped,
			cli_plural(dropped), cli_get_text(r, "invalid_reason"));
	return reload_err_exit(RELOAD_PARTIAL);
}

/* Prints or writes the result; returns the exit status. */
static int output(struct cli *cli, const json_t *result)
{
	struct reload_error_text why;
	const char *proof = cli_value(cli, "proof", NULL);
	bool stat = cli_has(cli, "stat"), find = cli_has(cli, "find"),
	     raw = cli_has(cli, "raw") || cli_has(cli, "output");
	int status = raw ? print_raw(cli, result) : 0;
	enum reload_err err = proof ? fetch_write_proof(cli, result, &why) : RELOAD_OK;
	if (err)
		return cli_fail(cli, err, &why);
	if ((!raw && !(proof && strcmp(proof, "-") == 0)) || cli->format != CLI_TEXT)
		cli_print(cli, result,
			stat   ? fetch_print_stat
			: find ? fetch_print_found
			       : print_fetched,
			cli);
	return status ? status : report_invalid(cli, result);
}

static int run(struct cli *cli)
{
	struct reload_error_text why;
	json_t *params = NULL, *result = NULL;
	enum reload_err err = check_service(cli, &why);
	if (!err && cli_has(cli, "service"))
		return fetch_service(cli);
	if (!err)
		err = check_modes(cli, &why);
	if (!err && cli_has(cli, "check-proof"))
		return fetch_check_proof(cli);
	if (!err)
		params = params_of(cli, &err, &why);
	if (err) {
		json_decref(params);
		return cli_fail(cli, err, &why);
	}
	if (cli_has(cli, "watch"))
		return fetch_watch(cli, params);
	int status = cli_request(cli,
		cli_has(cli, "stat")   ? "store.stat"
		: cli_has(cli, "find") ? "store.find"
				       : "store.fetch",
		params, &result);
	if (!status)
		status = output(cli, result);
	json_decref(result);
	return status;
}

static json_t *schema(const struct cli *cli, const char *title)
{
	if (cli_has(cli, "watch"))
		return cli_schema(title, fetch_watch_fields);
	return cli_has(cli, "check-proof") ? fetch_proof_schema(title) : NULL;
}

static const struct cli_command commands[] = {
	{ .operands = "[TARGET]",
		.max = 1,
		.summary = "fetch the values of a Kind at a resource",
		.opts = opts,
		.result = "@store.fetch --stat:store.stat --find:store.find "
			  "--service:service.lookup --tree:service.tree",
		.schema = schema,
		.run = run },
	{ 0 },
};

static const char *const examples[] = {
	"reload-fetch -a carol -k 0xf0000001 alice@calls.example",
	"reload-fetch -a carol -k 0xf0000001 alice@calls.example --watch 10s",
	"reload-fetch -a carol --service turn-server --check",
	NULL,
};

static const struct cli_program program = {
	.name = "reload-fetch",
	.summary = "Fetch values from a RELOAD overlay.",
	.manual = "reload-fetch(1)",
	.commands = commands,
	.opts = common_opts,
	.examples = examples,
	.exits = CLI_EXIT(3) | CLI_EXIT(4) | CLI_EXIT(5) | CLI_EXIT(6) | CLI_EXIT(7) | CLI_EXIT(8) |
		 CLI_EXIT(9) | CLI_EXIT(10) | CLI_EXIT(11),
	.complete = cli_complete_agent,
};

int main(int argc, char **argv)
{
	return cli_main(&program, argc, argv);
}
