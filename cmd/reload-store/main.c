/* reload-store: store a value, or remove it. */
#include "common/call.h"
#include "common/main.h"
#include "util/alloc.h"
#include "util/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	VALUE_MAX = 700 * 1024,
	DAY_S = 86400
};

static const struct cli_opt opts[] = {
	{ 'k', "kind", "KIND", "Kind of the value, by name or number" },
	{ 'f', "file", "FILE", "the value is what the file holds" },
	{ 0, "index", "N", "place in an array" },
	{ 0, "append", NULL, "at the end of an array" },
	{ 0, "key", "K", "key in a dictionary: text, hex:DIGITS, node:HEX or self" },
	{ 0, "lifetime", "TIME", "how long it is kept (default 1d)" },
	{ 'g', "generation", "G", "only if the stored generation is G" },
	{ 0, "remove", NULL, "remove the value" },
	CLI_END,
};

static const struct cli_opt common_opts[] = { CLI_COMMON, CLI_END };

static void print_stored(FILE *out, const json_t *r, void *arg)
{
	(void)arg;
	char until[CLI_UNTIL];
	bool exists = cli_get_bool(r, "exists"), dry = cli_get_bool(r, "dry_run");
	size_t i;
	json_t *replica;
	fprintf(out, "%s at resource:%s",
		dry      ? (exists ? "would store" : "would remove")
		: exists ? "stored"
			 : "removed",
		cli_short(cli_get_text(r, "resource_id")));
	if (dry) {
		fprintf(out, ", Kind %s, until %s\n", cli_get_text(r, "kind"),
			cli_until(until, cli_get_text(r, "expires")));
		return;
	}
	fprintf(out, " on %s, ", cli_short(cli_get_text(r, "responsible")));
	json_t *replicas = json_object_get(r, "replicas");
	fputs(json_array_size(replicas) ? "replicas" : "no replicas", out);
	json_array_foreach (replicas, i, replica)
		fprintf(out, " %s", cli_short(json_string_value(replica)));
	fprintf(out, ", generation %s", cli_get_text(r, "generation"));
	if (exists)
		fprintf(out, ", until %s", cli_until(until, cli_get_text(r, "expires")));
	fputc('\n', out);
}

static enum reload_err refuse(struct reload_why *why, const char *what, const char *reason)
{
	return reload_why_set(why, RELOAD_USAGE, what, "%s", reason);
}

/* The bytes to store: the operand, a file or standard input. */
static enum reload_err read_value(struct cli *cli, json_t *value, struct reload_why *why)
{
	const char *operand = cli->operands_count > 1 ? cli->operands[1] : NULL;
	const char *file = cli_value(cli, "file", NULL);
	uint8_t *bytes = NULL;
	size_t len = 0;
	if (operand && file)
		return refuse(why, "two values", "give VALUE or --file, not both");
	if (cli_has(cli, "remove"))
		return operand || file
			       ? refuse(why, "--remove takes no value", "what is removed has none")
			       : RELOAD_OK;
	if (!operand && !file) {
		refuse(why, "no value", "give VALUE, - for standard input, or --file FILE");
		reload_why_hint(why, "reload-store -k KIND %s VALUE", cli->operands[0]);
		return RELOAD_USAGE;
	}
	if (operand && strcmp(operand, "-") != 0) {
		len = strlen(operand);
		if (len > VALUE_MAX)
			return refuse(why, "the value is too large",
				"more than 700K do not fit a request");
		bytes = reload_memdup(operand, len);
	} else {
		enum reload_err err = cli_file_read(
			&bytes, &len, file ? file : "-", VALUE_MAX, cli->deadline, why);
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
	struct cli *cli, json_t *value, json_t *params, struct reload_why *why)
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
		return refuse(why, "--index and --append", "a value goes to one place");
	if (lifetime < RELOAD_SECOND || lifetime / RELOAD_SECOND > UINT32_MAX)
		return refuse(
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
	return RELOAD_OK;
}

static enum reload_err confirm(struct cli *cli, struct reload_why *why)
{
	char question[256];
	if (!cli_has(cli, "remove") || cli->dry_run)
		return RELOAD_OK;
	snprintf(question, sizeof(question), "remove the value of Kind %.60s at %.120s?",
		cli_value(cli, "kind", ""), cli->operands[0]);
	return cli_confirm(cli, question, why);
}

static int run(struct cli *cli)
{
	struct reload_why why;
	const char *kind = cli_value(cli, "kind", NULL);
	json_t *value = json_object(), *result = NULL;
	json_t *params = json_pack("{s:s, s:s, s:[o], s:b}", "target", cli->operands[0], "kind",
		kind ? kind : "", "values", value, "dry_run", (int)cli->dry_run);
	enum reload_err err =
		kind ? RELOAD_OK : refuse(&why, "no Kind", "--kind says what is stored");
	if (!err && !params)
		err = refuse(&why, "TARGET or KIND is not UTF-8", "names are UTF-8 text");
	if (!err)
		err = read_options(cli, value, params, &why);
	if (!err)
		err = read_value(cli, value, &why);
	if (!err)
		err = confirm(cli, &why);
	if (err) {
		json_decref(params);
		return cli_fail(cli, err, &why);
	}
	int status = cli_ask(cli, "store.put", params, &result);
	if (status)
		return status;
	if (cli->format != CLI_TEXT || !cli->quiet)
		cli_print(cli, result, print_stored, NULL);
	json_decref(result);
	return 0;
}

static const struct cli_command commands[] = {
	{ .operands = "TARGET [VALUE|-]",
		.min = 1,
		.max = 2,
		.summary = "store a value at a resource, or remove it",
		.opts = opts,
		.result = "@store.put",
		.run = run },
	{ 0 },
};

static const char *const examples[] = {
	"reload-store -a alice -k 0xf0000001 alice@calls.example 'back at noon' --lifetime 1h",
	"reload-store -a alice -k 0xf0000001 alice@calls.example --remove --yes",
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
		 CLI_EXIT(9),
	.complete = cli_complete_agent,
};

int main(int argc, char **argv)
{
	return cli_main(&program, argc, argv);
}
