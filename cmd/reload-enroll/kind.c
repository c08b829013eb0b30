/* kind: writes a Kind file, the kind element of RFC 6940 section 11.1 that init reads. */
#include "reload-enroll/enroll.h"

#include "config/write.h"
#include "util/words.h"
#include "wire/limits.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
	ID_MIN = 0xf0000001,
	ID_MAX = 0xfffffffd,
	MAX_SIZE_DEFAULT = 1024,
	MAX_COUNT_DEFAULT = 16, /* of an array or a dictionary */
};

const char enroll_kind_fields[] =
	"name:string kind_id:integer data_model:string access_control:string max_count:integer "
	"max_size_bytes:integer max_node_multiple:integer? path:string? xml:string dry_run:boolean";

static enum reload_err wrong(
	struct reload_error_text *why, const char *what, const char *cause, const char *hint)
{
	enum reload_err err = reload_error_explain(why, RELOAD_USAGE, what, "%s", cause);
	reload_error_advise(why, "%s", hint);
	return err;
}

static enum reload_err check_name(const char *name, struct reload_error_text *why)
{
	if (!reload_kind_name_valid(name))
		return wrong(why, "not a name of a Kind",
			"it begins with a letter, has letters, digits, - and _, and 32 characters "
			"at most",
			"reload-enroll kind CALL-LIST --id 0xf0000005 --model array --access "
			"user-match");
	if (reload_kind_name_reserved(name))
		return wrong(why, "the name is that of a registered Kind",
			"that one has a number, model and policy of its own",
			"reload-enroll config show");
	return RELOAD_OK;
}

/* Upper case, as the registries have it (owned). */
static char *word(const struct cli *cli, const char *option)
{
	char *text = reload_strdup(cli_value(cli, option, ""));
	for (char *c = text; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	return text;
}

static enum reload_err read_words(
	struct reload_kind *kind, const struct cli *cli, struct reload_error_text *why)
{
	char *model = word(cli, "model"), *access = word(cli, "access");
	enum reload_err err = RELOAD_OK;
	if (reload_data_model_parse(&kind->model, model))
		err = wrong(why, *model ? "--model is not possible" : "no --model",
			"it says how values lie at a resource: single, array or dictionary",
			"man 1 reload-enroll");
	else if (reload_access_policy_parse(&kind->access, access))
		err = wrong(why, *access ? "--access is not possible" : "no --access",
			"it says who may store: user-match, node-match, user-node-match or "
			"node-multiple",
			"man 1 reload-enroll");
	else if (kind->access == RELOAD_ACCESS_NODE_ID_MATCH)
		err = wrong(why, "--access node-id-match is not possible",
			"it is that of the registered Kind REDIR, whose records programs make (RFC "
			"7374 s5)",
			"reload-enroll init OVERLAY --services");
	else if (kind->access == RELOAD_ACCESS_USER_NODE_MATCH &&
		 kind->model != RELOAD_MODEL_DICTIONARY)
		err = wrong(why, "--access user-node-match is not possible",
			"each device writes a key of its own: it is for dictionaries alone (RFC "
			"6940 "
			"s7.3.3)",
			"--model dictionary --access user-node-match");
	free(model);
	free(access);
	return err;
}

/* read_id() reads --id, decimal or 0x. */
static enum reload_err read_id(uint32_t *id, const struct cli *cli, struct reload_error_text *why)
{
	const char *text = cli_value(cli, "id", NULL);
	char *end = NULL;
	if (!text)
		return wrong(why, "no --id", "the network knows a Kind by its number",
			"--id 0xf0000005; private ones go from 0xf0000001 to 0xfffffffd");
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	unsigned long long n = strtoull(text, &end, hex ? 16 : 10);
	if (!isdigit((unsigned char)*text) || *end || n < ID_MIN || n > ID_MAX)
		return wrong(why, "--id is not possible",
			"private Kinds have the numbers from 0xf0000001 to 0xfffffffd, all others "
			"are "
			"registered (RFC 6940 s14.6)",
			"--id 0xf0000005");
	*id = (uint32_t)n;
	return RELOAD_OK;
}

static enum reload_err read_limits(
	struct reload_kind *kind, const struct cli *cli, struct reload_error_text *why)
{
	uint64_t count = 0, size = 0, multiple = 0;
	bool single = kind->model == RELOAD_MODEL_SINGLE;
	enum reload_err err = cli_number(
		cli, "max-count", single ? 1 : MAX_COUNT_DEFAULT, 1, INT32_MAX, &count, why);
	if (!err)
		err = cli_size(cli, "max-size", MAX_SIZE_DEFAULT, &size, why);
	if (!err)
		err = cli_number(cli, "max-node-multiple", 0, 1, INT32_MAX, &multiple, why);
	if (err)
		return err;
	if (single && count != 1)
		return wrong(why, "--max-count is not possible",
			"a resource has one value of a SINGLE Kind", "--model array");
	if (size > INT32_MAX)
		return wrong(why, "--max-size is not possible",
			"the number in the file has 31 bits", "--max-size 4K");
	if (multiple && kind->access != RELOAD_ACCESS_NODE_MULTIPLE)
		return wrong(why, "--max-node-multiple is not possible",
			"only --access node-multiple numbers the places of a node",
			"leave --max-node-multiple out");
	if (!multiple && kind->access == RELOAD_ACCESS_NODE_MULTIPLE)
		return wrong(why, "no --max-node-multiple",
			"with --access node-multiple it says how many places each node has (RFC "
			"6940 "
			"s7.3.4)",
			"--max-node-multiple 4");
	kind->max_count = (uint32_t)count;
	kind->max_size = (uint32_t)size;
	kind->max_node_multiple = (uint32_t)multiple;
	return RELOAD_OK;
}

static enum reload_err read_options(
	struct reload_kind *kind, const struct cli *cli, struct reload_error_text *why)
{
	const char *name = cli->operands[0];
	enum reload_err err = check_name(name, why);
	if (!err)
		err = read_id(&kind->id, cli, why);
	if (!err)
		err = read_words(kind, cli, why);
	if (!err)
		err = read_limits(kind, cli, why);
	if (!err && reload_kind_workable(kind, RELOAD_LIMIT_MESSAGE, why)) {
		snprintf(why->what, sizeof(why->what), "the Kind %s can never work", name);
		err = RELOAD_USAGE;
	}
	snprintf(kind->given, sizeof(kind->given), "%s", err ? "" : name);
	return err;
}

/* The text of the file (owned): the element as documents have it, not indented. */
static char *file_text(const struct reload_kind *kind)
{
	static const char indent[] = "\n        ";
	struct wr w;
	char *element = reload_kind_element(kind);
	wr_init(&w);
	for (const char *at = element, *next; *at; at = next) {
		const char *line = strstr(at, indent);
		next = line ? line + sizeof(indent) - 1 : at + strlen(at);
		wr_span(&w, span_of(at, (size_t)((line ? line : next) - at)));
		wr_u8(&w, '\n');
	}
	wr_u8(&w, 0);
	free(element);
	return (char *)w.at;
}

static void print_kind(FILE *out, const json_t *o, void *arg)
{
	const struct cli *cli = arg;
	const char *path = json_string_value(json_object_get(o, "path"));
	if (!path) {
		fputs(json_string_value(json_object_get(o, "xml")), out);
		return;
	}
	if (cli->quiet)
		return;
	fprintf(out, "%s Kind %s, 0x%llx, in %s\n", cli->dry_run ? "would write" : "wrote",
		json_string_value(json_object_get(o, "name")),
		json_integer_value(json_object_get(o, "kind_id")), cli_path_show(path));
	if (!cli->dry_run)
		fprintf(out, "next: reload-enroll init OVERLAY --kind %s\n", cli_path_show(path));
}

static void report(
	struct cli *cli, const struct reload_kind *kind, const char *path, const char *text)
{
	json_t *o = json_pack("{s:s, s:I, s:s, s:s, s:I, s:I, s:o, s:s?, s:s, s:b}", "name",
		cli->operands[0], "kind_id", (json_int_t)kind->id, "data_model",
		reload_data_model_name(kind->model), "access_control",
		reload_access_policy_name(kind->access), "max_count", (json_int_t)kind->max_count,
		"max_size_bytes", (json_int_t)kind->max_size, "max_node_multiple",
		kind->max_node_multiple ? json_integer(kind->max_node_multiple) : json_null(),
		"path", path, "xml", text, "dry_run", cli->dry_run);
	cli_print_own(cli, o, print_kind, cli);
	json_decref(o);
}

int enroll_kind(struct cli *cli)
{
	struct reload_kind kind = { 0 };
	struct reload_error_text why = { 0 };
	const char *path = cli_value(cli, "output", NULL);
	if (path && !strcmp(path, "-"))
		path = NULL;
	enum reload_err err = read_options(&kind, cli, &why);
	if (err)
		return cli_fail(cli, err, &why);
	char *text = file_text(&kind);
	if (path && !cli->dry_run)
		err = cli_file_write(path, span_str(text), cli->deadline, &why);
	if (!err)
		report(cli, &kind, path, text);
	free(text);
	return err ? cli_fail(cli, err, &why) : 0;
}
