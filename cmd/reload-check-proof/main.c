/*
 * Checks the evidence of stored values that reload-fetch --proof wrote.  `reload-fetch --check-proof` becomes this
 * program, so that reload-fetch itself, which usually only asks an agent, is not linked with the libraries for
 * certificates and XML.  Its messages name reload-fetch, and it is installed outside of PATH.
 */
#include "common/files.h"
#include "common/home.h"
#include "common/identity.h"
#include "common/json.h"
#include "common/main.h"
#include "common/stored.h"
#include "common/call.h"
#include "common/value_text.h"
#include "storage/proof.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct check {
	struct cli *cli;
	struct reload_config *config;
	struct reload_arena arena;
	struct reload_proof proof;
	struct reload_proof_verdict *verdicts;
	size_t verdicts_count;
};

/* The document of --config, else the overlay's document in its usual place. */
static enum reload_err load_config(
	struct check *c, struct span overlay, struct reload_error_text *why)
{
	char name[RELOAD_OVERLAY_NAME_MAX + 1], below[RELOAD_OVERLAY_NAME_MAX + 16], *path = NULL;
	const char *given = cli_value(c->cli, "config", NULL);
	snprintf(name, sizeof(name), "%.*s", (int)overlay.len, (const char *)overlay.at);
	snprintf(below, sizeof(below), "%s/overlay.xml", name);
	enum reload_err err = RELOAD_OK;
	if (given)
		path = reload_strdup(given);
	else
		err = cli_path(&path, CLI_CONFIG, below, why);
	if (!err)
		err = cli_config_load(&c->config, path, name, cli_now(), why);
	if (err && !given)
		reload_error_advise(why, "--config FILE, the configuration document of %s", name);
	free(path);
	return err;
}

/* Every failure other than that of the document means that the proof proves nothing: exit status 6. */
static enum reload_err check(
	struct check *c, struct span bytes, bool *about_proof, struct reload_error_text *why)
{
	struct span overlay;
	*about_proof = true;
	enum reload_err err = reload_proof_overlay(&overlay, bytes, why);
	if (!err && (err = load_config(c, overlay, why)))
		*about_proof = false;
	if (!err)
		err = reload_proof_read(&c->proof, bytes, c->config, &c->arena, why);
	if (err)
		return err;
	c->verdicts_count = c->proof.values_count;
	c->verdicts = reload_alloc_array(c->verdicts_count, sizeof(*c->verdicts));
	return reload_proof_check(&c->proof, c->config, cli_now(), c->verdicts, why);
}

static void check_clear(struct check *c)
{
	for (size_t i = 0; i < c->verdicts_count; i++)
		reload_proof_verdict_clear(&c->verdicts[i]);
	free(c->verdicts);
	reload_arena_clear(&c->arena);
	reload_config_free(c->config);
}

static json_t *result_json(const struct check *c)
{
	const struct reload_proof *p = &c->proof;
	const struct reload_kind *kind = reload_config_kind(c->config, p->kind);
	json_t *values = json_array();
	char number[16];
	for (size_t i = 0; i < p->values_count; i++) {
		const struct reload_proof_verdict *v = &c->verdicts[i];
		if (!v->err && !p->values[i].value.exists)
			continue; /* removed: no value */
		struct reload_fetched f = { .kind = p->kind,
			.data = &p->values[i],
			.err = v->err,
			.cert = v->cert,
			.signer = v->signer };
		json_array_append_new(values, cli_value_json(c->config, &f, p->fetched));
	}
	snprintf(number, sizeof(number), "0x%08" PRIx32, kind->id);
	return json_pack("{s:s, s:i, s:o, s:o, s:s, s:I, s:s, s:o, s:o}", "overlay",
		c->config->instance_name, "configuration_sequence", (int)c->config->sequence,
		"resource_id", json_of_hex(p->resource), "name",
		p->name.len ? json_of_utf8(p->name) : json_null(), "kind",
		reload_kind_name(kind) ? reload_kind_name(kind) : number, "kind_id",
		(json_int_t)kind->id, "data_model", reload_data_model_name(kind->model), "fetched",
		cli_json_time(p->fetched), "values", values);
}

static void print_checked(FILE *out, const json_t *r, void *arg)
{
	const struct cli *cli = arg;
	char when[CLI_LOCAL_TIME];
	size_t i;
	json_t *v;
	json_array_foreach (json_object_get(r, "values"), i, v) {
		cli_put_value(out, v, !cli->quiet);
		fputc('\n', out);
	}
	if (cli->quiet)
		return;
	fputs("proof of ", out);
	if (*cli_get_text(r, "name"))
		cli_put_safe(out, cli_get_text(r, "name"));
	else
		fprintf(out, "resource:%s", cli_get_text(r, "resource_id"));
	fprintf(out, ", Kind %s, in %s holds; said to be fetched %s\n", cli_get_text(r, "kind"),
		cli_get_text(r, "overlay"), cli_local_time(when, cli_get_text(r, "fetched")));
}

static int run(struct cli *cli)
{
	struct check c = { .cli = cli };
	struct reload_error_text why;
	const char *path = cli_value(cli, "check-proof", "-");
	uint8_t *bytes = NULL;
	size_t len = 0;
	bool about_proof;
	enum reload_err err =
		cli_file_read(&bytes, &len, path, RELOAD_PROOF_MAX, cli->deadline, &why);
	if (err)
		return cli_fail(cli, err, &why);
	err = check(&c, span_of(bytes, len), &about_proof, &why);
	int status = 0;
	if (err) {
		char what[256];
		snprintf(what, sizeof(what), "%.120s: %.120s", path, why.what);
		if (about_proof)
			memcpy(why.what, what, sizeof(why.what));
		status = cli_fail_with(cli,
			&(struct cli_error){ .err = err,
				.why = &why,
				.status = about_proof ? reload_err_exit(RELOAD_FORBIDDEN) : 0 });
	} else {
		json_t *result = result_json(&c);
		cli_print(cli, result, print_checked, cli);
		json_decref(result);
	}
	check_clear(&c);
	free(bytes);
	return status;
}

static const struct cli_opt opts[] = {
	{ 0, "check-proof", "FILE", "the evidence, as reload-fetch --proof wrote it" },
	{ 0, "config", "FILE", "overlay configuration document" },
	CLI_END,
};

static const struct cli_opt common_opts[] = { CLI_COMMON, CLI_END };

static const struct cli_command commands[] = {
	{ .summary = "check evidence of stored values", .opts = opts, .run = run },
	{ 0 },
};

static const char *const examples[] = { "reload-fetch --check-proof noon.proof", NULL };

static const struct cli_program program = {
	.name = "reload-fetch",
	.summary = "Check evidence of stored values.",
	.manual = "reload-fetch(1)",
	.commands = commands,
	.opts = common_opts,
	.examples = examples,
	.exits = CLI_EXIT(4) | CLI_EXIT(6) | CLI_EXIT(10),
};

int main(int argc, char **argv)
{
	return cli_main(&program, argc, argv);
}
