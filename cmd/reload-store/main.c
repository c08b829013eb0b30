/* reload-store: store a value, or remove it. */
#include "store.h"

#include "control/methods.h"
#include "util/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	DAY_S = 86400
};

static const struct cli_opt opts[] = {
	{ 'k', "kind", "KIND", "Kind of the value, by name or number (default: RELOAD_KIND)" },
	{ 'f', "file", "FILE", "the value is what the file holds" },
	{ 0, "index", "N", "place in an array" },
	{ 0, "append", NULL, "at the end of an array" },
	{ 0, "key", "K", "key in a dictionary: text, hex:DIGITS, node:HEX or self" },
	{ 0, "lifetime", "TIME", "how long it is kept (default 1d)" },
	{ 'g', "generation", "G", "only if the stored generation is G" },
	{ 0, "remove", NULL, "remove the value" },
	{ 0, "keep", NULL, "the agent stores it again before it ends, until dropped" },
	{ 0, "list-kept", NULL, "list what the agent keeps" },
	{ 0, "drop", NULL, "keep it no longer" },
	{ 0, "service", "NS", "offer the service of that namespace, until it is removed" },
	{ 0, "verify", NULL, "read it back from the responsible peer and each replica" },
	{ 0, "batch", "FILE",
		"requests as JSON Lines, one result line each; - for standard input" },
	CLI_END,
};

static const struct cli_opt common_opts[] = { CLI_COMMON, CLI_END };

/* The bytes to store: the operand, a file or standard input. */
static enum reload_err read_value(struct cli *cli, json_t *value, struct reload_error_text *why)
{
	const char *operand = cli->operands_count > 1 ? cli->operands[1] : NULL;
	const char *file = cli_value(cli, "file", NULL);
	uint8_t *bytes = NULL;
	size_t len = 0;
	if (operand && file)
		return cli_refuse(why, "two values", "give VALUE or --file, not both");
	if (cli_has(cli, "remove"))
		return operand || file ? cli_refuse(why, "--remove takes no value",
						 "what is removed has none")
				       : RELOAD_OK;
	if (!operand && !file) {
		cli_refuse(why, "no value", "give VALUE, - for standard input, or --file FILE");
		reload_error_advise(why, "reload-store -k KIND %s VALUE", cli->operands[0]);
		return RELOAD_USAGE;
	}
	if (operand && strcmp(operand, "-") != 0) {
		len = strlen(operand);
		if (len > STORE_VALUE_MAX)
			return cli_refuse(why, "the value is too large",
				"more than 700K do not fit a request");
		bytes = reload_memdup(operand, len);
	} else {
		enum reload_err err = cli_file_read(
			&bytes, &len, file ? file : "-", STORE_VALUE_MAX, cli->deadline, why);
		if (err)
			return err;
	}
	char *base64 = reload_base64(span_of(bytes, len));
	json_object_set_new(value, "value", json_string(base64));
	free(base64);
	free(bytes);
	return RELOAD_OK;
}

static enum reload_err read_options(
	struct cli *cli, json_t *value, json_t *params, struct reload_error_text *why)
{
	uint64_t index, generation;
	reload_ms lifetime;
	enum reload_err err = cli_number(cli, "index", 0, 0, UINT32_MAX, &index, why);
	if (!err)
		err = cli_number(cli, "generation", 1, 1, 999999999999999, &generation, why);
	if (!err)
		err = cli_time(cli, "lifetime", DAY_S * RELOAD_SECOND, &lifetime, why);
	if (err)
		return err;
	if (cli_has(cli, "index") && cli_has(cli, "append"))
		return cli_refuse(why, "--index and --append", "a value goes to one place");
	if (lifetime < RELOAD_SECOND || lifetime / RELOAD_SECOND > UINT32_MAX)
		return cli_refuse(
			why, "--lifetime is out of range", "1s to 2^32 - 1 seconds can be stored");
	if (cli_has(cli, "index"))
		json_object_set_new(value, "index", json_integer((json_int_t)index));
	if (cli_has(cli, "append"))
		json_object_set_new(value, "append", json_true());
	if (cli_has(cli, "key"))
		json_object_set_new(value, "key", json_string(cli_value(cli, "key", NULL)));
	json_object_set_new(
		value, "lifetime_s", json_integer((json_int_t)(lifetime / RELOAD_SECOND)));
	json_object_set_new(value, "exists", json_boolean(!cli_has(cli, "remove")));
	if (cli_has(cli, "generation")) {
		char text[24];
		snprintf(text, sizeof(text), "%" PRIu64, generation);
		json_object_set_new(params, "generation", json_string(text));
	}
	if (cli_has(cli, "keep"))
		json_object_set_new(params, "keep", json_true());
	return RELOAD_OK;
}

/* Refuses options of different commands, such as --drop with --list-kept. */
static enum reload_err check_mode(struct cli *cli, struct reload_error_text *why)
{
	static const char *const modes[] = { "list-kept", "drop", "batch", "service", NULL },
				 *const parts[] = { "file", "index", "append", "key", "generation",
					 "remove", "verify", "lifetime", "keep", NULL };
	const char *mode = NULL;
	char what[64];
	for (const char *const *m = modes; *m; m++) {
		if (!cli_has(cli, *m))
			continue;
		snprintf(what, sizeof(what), "--%s and --%s", mode ? mode : "", *m);
		if (mode)
			return cli_refuse(why, what, "they are different commands");
		mode = *m;
	}
	bool drop = mode && strcmp(mode, "drop") == 0, batch = mode && strcmp(mode, "batch") == 0;
	bool service = mode && strcmp(mode, "service") == 0;
	for (const char *const *p = parts; mode && *p; p++) {
		bool place = strcmp(*p, "index") == 0 || strcmp(*p, "key") == 0,
		     every = strcmp(*p, "lifetime") == 0 || strcmp(*p, "keep") == 0,
		     own = strcmp(*p, "lifetime") == 0 || strcmp(*p, "remove") == 0;
		snprintf(what, sizeof(what), "--%s and --%s", mode, *p);
		if (cli_has(cli, *p) && !(drop && place) && !(batch && every) && !(service && own))
			return cli_refuse(why, what,
				batch     ? "each line says that itself"
				: service ? "its records are made, and kept, by the agent"
					  : "nothing is stored");
	}
	return RELOAD_OK;
}

static enum reload_err confirm(struct cli *cli, struct reload_error_text *why)
{
	char question[256];
	if (!cli_has(cli, "remove") || cli->dry_run)
		return RELOAD_OK;
	snprintf(question, sizeof(question), "remove the value of Kind %.60s at %.120s?",
		cli_kind(cli), cli->operands[0]);
	return cli_confirm(cli, question, why);
}

/* The parameters of store.put (owned) from the command line. */
static enum reload_err read_params(json_t **out, struct cli *cli, struct reload_error_text *why)
{
	const char *kind = cli_kind(cli);
	if (!cli->operands_count)
		return cli_refuse(why, "no TARGET", "a resource says where to store");
	if (!kind)
		return cli_refuse(why, "no Kind", "--kind or RELOAD_KIND says what is stored");
	json_t *value = json_object();
	json_t *params = json_pack("{s:s, s:s, s:[o], s:b}", "target", cli->operands[0], "kind",
		kind, "values", value, "dry_run", (int)cli->dry_run);
	if (!params)
		return cli_refuse(why, "TARGET or KIND is not UTF-8", "names are UTF-8 text");
	enum reload_err err = read_options(cli, value, params, why);
	if (!err)
		err = read_value(cli, value, why);
	if (err)
		json_decref(params);
	else
		*out = params;
	return err;
}

/* Reports the peers that should hold the value and do not. */
static int report_missing(struct cli *cli, const json_t *result, size_t missing)
{
	struct reload_error_text why;
	char what[128], node[CLI_SHORT_ID];
	size_t i, listed = 0;
	json_t *v;
	const json_t *list = json_object_get(result, "verified");
	if (!missing)
		return 0;
	snprintf(what, sizeof(what), "%zu of %zu peer%s cannot give it back", missing,
		json_array_size(list), cli_plural(json_array_size(list)));
	reload_error_explain(&why, RELOAD_PARTIAL, what, "%s", "");
	json_array_foreach (list, i, v) {
		size_t used = strlen(why.reason);
		if (!cli_get_bool(v, "held"))
			snprintf(why.reason + used, sizeof(why.reason) - used, "%s%s %s: %s",
				listed++ ? "; " : "", cli_get_text(v, "role"),
				cli_short_id(node, cli_get_text(v, "node_id")),
				cli_get_text(v, "why"));
	}
	const char *agent = cli_value(cli, "agent", NULL);
	reload_error_advise(&why, "reload-fetch%s%.60s --stat -k %.60s %.120s", agent ? " -a " : "",
		agent ? agent : "", cli_kind(cli), cli->operands[0]);
	/* with --json the result lists them */
	return cli->format == CLI_TEXT ? cli_fail(cli, RELOAD_PARTIAL, &why)
				       : reload_err_exit(RELOAD_PARTIAL);
}

static int store(struct cli *cli, json_t *params)
{
	AUTO(cli_link) link = NULL;
	struct reload_error_text why;
	struct reload_call_error error;
	json_t *result = NULL;
	size_t missing = 0;
	enum reload_err err = cli_link_open(&link, cli, CLI_LINK_NOW, -1, &why);
	if (err)
		return cli_fail(cli, err, &why);
	cli_progress(cli, "waiting for an answer");
	if (cli_link_call(link, "store.put", json_deep_copy(params), RELOAD_NEVER, NULL, NULL,
		    &result, &error))
		return cli_fail_rpc(cli, &error);
	if (cli_has(cli, "verify") && !cli->dry_run)
		missing = store_verify(cli, link, params, result);
	if (cli->format != CLI_TEXT || !cli->quiet)
		cli_print(cli, result, store_print, NULL);
	int status = report_missing(cli, result, missing);
	json_decref(result);
	return status;
}

static int run(struct cli *cli)
{
	struct reload_error_text why;
	json_t *params = NULL;
	enum reload_err err = check_mode(cli, &why);
	if (!err && cli_has(cli, "list-kept"))
		return store_list_kept(cli);
	if (!err && cli_has(cli, "drop"))
		return store_drop(cli);
	if (!err && cli_has(cli, "service"))
		return store_service(cli);
	if (!err && cli_has(cli, "batch"))
		return store_batch(cli);
	if (!err)
		err = read_params(&params, cli, &why);
	if (!err)
		err = confirm(cli, &why);
	int status = err ? cli_fail(cli, err, &why) : store(cli, params);
	json_decref(params);
	return status;
}

/* Members that --verify and --batch add to the result of the agent. */
static const struct reload_field *const verified_fields = FIELDS(
	{ LIST("verified", OBJECT("", { HEX("node_id") }, { WORD("role", "responsible replica") },
				   { BOOL("held") }, { TEXT("why"), OPTIONAL })) });
static const struct reload_field *const line_fields = FIELDS({ NUMBER("line") });

static json_t *schema(const struct cli *cli, const char *title)
{
	if (cli_has(cli, "service"))
		return cli_schema_of(title,
			reload_fields_schema(reload_method_find(
				cli_has(cli, "remove") ? "service.remove" : "service.register")
						     ->result));
	const struct reload_field *more = cli_has(cli, "verify")  ? verified_fields
					  : cli_has(cli, "batch") ? line_fields
								  : NULL;
	if (!more)
		return NULL;
	json_t *result = reload_fields_schema(reload_method_find("store.put")->result),
	       *added = reload_fields_schema(more);
	json_object_update_new(json_object_get(result, "properties"),
		json_incref(json_object_get(added, "properties")));
	json_array_extend(json_object_get(result, "required"), json_object_get(added, "required"));
	json_decref(added);
	return cli_schema_of(title, result);
}

static const struct cli_command commands[] = {
	{ .operands = "[TARGET [VALUE|-]]",
		.max = 2,
		.summary = "store a value at a resource, or remove it",
		.opts = opts,
		.result = "@store.put --list-kept:store.renewals --drop:store.renew_stop",
		.schema = schema,
		.run = run },
	{ 0 },
};

static const char *const examples[] = {
	"reload-store -a alice -k 0xf0000001 alice@calls.example 'back at noon' --lifetime 1h",
	"reload-store -a alice -k 0xf0000001 alice@calls.example 'at work' --keep --verify",
	"reload-store -a alice --service example.calls.printer",
	NULL,
};

static const struct cli_program program = {
	.name = "reload-store",
	.summary = "Store values in a RELOAD overlay.",
	.manual = "reload-store(1)",
	.commands = commands,
	.opts = common_opts,
	.examples = examples,
	.exits = CLI_EXIT(3) | CLI_EXIT(4) | CLI_EXIT(5) | CLI_EXIT(6) | CLI_EXIT(7) | CLI_EXIT(8) |
		 CLI_EXIT(9) | CLI_EXIT(11),
	.complete = cli_complete_agent,
};

int main(int argc, char **argv)
{
	return cli_main(&program, argc, argv);
}
