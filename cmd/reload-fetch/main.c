/* reload-fetch: read stored values, their statistics, or find where a Kind is stored. */
#include "common/call.h"
#include "common/main.h"
#include "util/alloc.h"
#include "util/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	SHOWN_BYTES = 32
};

static const struct cli_opt opts[] = {
	{ 'k', "kind", "KIND", "Kind of the values, by name or number" },
	{ 0, "index", "A[-B]", "one place of an array, or a range" },
	{ 0, "key", "K", "one key of a dictionary: text, hex:DIGITS, node:HEX or self", true },
	{ 0, "stat", NULL, "sizes, times and hashes without the values" },
	{ 0, "find", NULL, "the closest Resource-ID that holds the Kind" },
	{ 0, "raw", NULL, "the bytes of the values and nothing else" },
	{ 'o', "output", "FILE", "write the bytes of the values to a file" },
	{ 0, "show-invalid", NULL, "also values that fail a check" },
	CLI_END,
};

static const struct cli_opt common_opts[] = { CLI_COMMON, CLI_END };

static enum reload_err refuse(struct reload_why *why, const char *what, const char *reason)
{
	return reload_why_set(why, RELOAD_USAGE, what, "%s", reason);
}

/* "3" or "3-7" */
static enum reload_err read_index(json_t *params, const char *text, struct reload_why *why)
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
		return refuse(why, "--index is a place or a range", "A or A-B, numbers from 0");
	json_object_set_new(params, "index",
		json_pack("{s:I, s:I}", "first", (json_int_t)first, "last", (json_int_t)last));
	return RELOAD_OK;
}

/* The place of a value in what holds several: "[3] " or "key: ". */
static void print_place(FILE *out, const json_t *v)
{
	if (json_is_integer(json_object_get(v, "index")))
		fprintf(out, "[%lld] ", cli_get_int(v, "index"));
	if (json_is_string(json_object_get(v, "key_text"))) {
		cli_put_safe(out, cli_get_text(v, "key_text"));
		fputs(": ", out);
	} else if (json_is_string(json_object_get(v, "key"))) {
		fprintf(out, "hex:%s: ", cli_get_text(v, "key"));
	}
}

static void print_bytes(FILE *out, const json_t *v)
{
	const char *base64 = cli_get_text(v, "value");
	uint8_t *bytes;
	size_t len;
	if (reload_unbase64(&bytes, &len, base64, strlen(base64)))
		return;
	char hex[2 * SHOWN_BYTES + 1];
	size_t shown = len < SHOWN_BYTES ? len : SHOWN_BYTES;
	fprintf(out, "hex:%s%s (%zu bytes)", reload_hex(hex, span_of(bytes, shown)),
		shown < len ? "..." : "", len);
	free(bytes);
}

static void print_value(FILE *out, const json_t *v)
{
	json_t *decoded = json_object_get(v, "decoded");
	if (!cli_get_bool(v, "exists")) {
		fputs("(removed)", out);
	} else if (json_is_object(decoded)) {
		json_dumpf(decoded, out, JSON_COMPACT | JSON_ENSURE_ASCII);
	} else if (json_is_string(json_object_get(v, "text"))) {
		cli_put_safe(out, cli_get_text(v, "text"));
	} else {
		print_bytes(out, v);
	}
}

static void print_signer(FILE *out, const json_t *v)
{
	char until[CLI_UNTIL];
	const json_t *signer = json_object_get(v, "signer");
	const char *user = cli_get_text(signer, "user"), *node = cli_get_text(signer, "node_id");
	fputs("   signed by ", out);
	cli_put_safe(out, *user ? user : "an unknown user");
	if (*node)
		fprintf(out, " (%s)", cli_short(node));
	if (cli_get_bool(v, "valid"))
		fputs(", valid", out);
	else
		fprintf(out, ", NOT VALID: %s", cli_get_text(v, "fault"));
	if (cli_get_bool(v, "rolled_back"))
		fputs(", older than what was fetched before", out);
	fprintf(out, ", until %s", cli_until(until, cli_get_text(v, "expires")));
}

static void print_fetched(FILE *out, const json_t *r, void *arg)
{
	const struct cli *cli = arg;
	size_t i;
	json_t *v;
	json_array_foreach (json_object_get(r, "values"), i, v) {
		print_place(out, v);
		print_value(out, v);
		if (!cli->quiet)
			print_signer(out, v);
		fputc('\n', out);
	}
}

static void print_stat(FILE *out, const json_t *r, void *arg)
{
	(void)arg;
	char until[CLI_UNTIL], since[CLI_UNTIL];
	size_t i;
	json_t *v;
	json_array_foreach (json_object_get(r, "values"), i, v) {
		print_place(out, v);
		if (!cli_get_bool(v, "exists"))
			fputs("(removed)", out);
		else
			fprintf(out, "%lld byte%s", cli_get_int(v, "size_bytes"),
				cli_get_int(v, "size_bytes") == 1 ? "" : "s");
		if (*cli_get_text(v, "hash"))
			fprintf(out, "  %s %s", cli_get_text(v, "hash_algorithm"),
				cli_get_text(v, "hash"));
		fprintf(out, "  stored %s, until %s\n",
			cli_until(since, cli_get_text(v, "storage_time")),
			cli_until(until, cli_get_text(v, "expires")));
	}
}

static void print_found(FILE *out, const json_t *r, void *arg)
{
	(void)arg;
	long long hops = cli_get_int(r, "hops");
	fprintf(out, "resource:%s  Kind %s on %s, %lld hop%s\n", cli_get_text(r, "closest"),
		cli_get_text(r, "kind"), cli_short(cli_get_text(r, "responsible")), hops,
		hops == 1 ? "" : "s");
}

/* The values' bytes one behind the other; removed ones have none. */
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
	struct reload_why why;
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

static json_t *params_of(struct cli *cli, enum reload_err *err, struct reload_why *why)
{
	const char *kind = cli_value(cli, "kind", NULL), *index = cli_value(cli, "index", NULL);
	json_t *params = json_object(), *target = json_string(cli->operands[0]),
	       *name = kind ? json_string(kind) : NULL;
	*err = !kind ? refuse(why, "no Kind", "--kind says what is asked for")
	       : !target || !name
		       ? refuse(why, "TARGET or KIND is not UTF-8", "names are UTF-8 text")
		       : RELOAD_OK;
	json_object_set_new(params, "target", target ? target : json_null());
	json_object_set_new(params, "kind", name ? name : json_null());
	if (!*err && cli_has(cli, "stat") && cli_has(cli, "find"))
		*err = refuse(why, "--stat and --find", "they are different questions");
	if (!*err && cli_has(cli, "find") && (index || cli_has(cli, "key")))
		*err = refuse(
			why, "--find takes no place", "it looks for a resource, not for a value");
	if (!*err && (cli_has(cli, "stat") || cli_has(cli, "find")) &&
		(cli_has(cli, "raw") || cli_has(cli, "output")))
		*err = refuse(why, "there are no values to write",
			"--raw and --output go with a plain fetch");
	if (!*err && cli_has(cli, "raw") && cli->format != CLI_TEXT)
		*err = refuse(why, "--raw and --json",
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
	return params;
}

static int tell_dropped(struct cli *cli, const json_t *r)
{
	long long dropped = cli_get_int(r, "dropped");
	if (!dropped)
		return 0;
	if (cli->format == CLI_TEXT)
		cli_warn(cli, "%lld value%s dropped: %s (--show-invalid to look)", dropped,
			dropped == 1 ? "" : "s", cli_get_text(r, "dropped_why"));
	return reload_err_exit(RELOAD_PARTIAL);
}

static int run(struct cli *cli)
{
	struct reload_why why;
	enum reload_err err;
	json_t *params = params_of(cli, &err, &why), *result = NULL;
	if (err) {
		json_decref(params);
		return cli_fail(cli, err, &why);
	}
	bool stat = cli_has(cli, "stat"), find = cli_has(cli, "find");
	int status = cli_ask(cli,
		stat   ? "store.stat"
		: find ? "store.find"
		       : "store.fetch",
		params, &result);
	if (status)
		return status;
	bool raw = cli_has(cli, "raw") || cli_has(cli, "output");
	if (raw)
		status = print_raw(cli, result);
	if (!raw || cli->format != CLI_TEXT)
		cli_print(cli, result, stat ? print_stat : find ? print_found : print_fetched, cli);
	if (!status)
		status = tell_dropped(cli, result);
	json_decref(result);
	return status;
}

static const struct cli_command commands[] = {
	{ .operands = "TARGET",
		.min = 1,
		.max = 1,
		.summary = "fetch the values of a Kind at a resource",
		.opts = opts,
		.result = "@store.fetch --stat:store.stat --find:store.find",
		.run = run },
	{ 0 },
};

static const char *const examples[] = {
	"reload-fetch -a carol -k 0xf0000001 alice@calls.example",
	"reload-fetch -a carol -k 0xf0000001 alice@calls.example --raw",
	NULL,
};

static const struct cli_program program = {
	.name = "reload-fetch",
	.summary = "Fetch values from a RELOAD overlay.",
	.manual = "reload-fetch(1)",
	.commands = commands,
	.opts = common_opts,
	.examples = examples,
	.exits = CLI_EXIT(3) | CLI_EXIT(4) | CLI_EXIT(5) | CLI_EXIT(6) | CLI_EXIT(8) | CLI_EXIT(9) |
		 CLI_EXIT(11),
	.complete = cli_complete_agent,
};

int main(int argc, char **argv)
{
	return cli_main(&program, argc, argv);
}
