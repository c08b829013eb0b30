/* --proof and --check-proof: evidence of stored values, made by an agent and checked by a program of its own. */
#include "fetch.h"

#include "common/files.h"
#include "common/private.h"
#include "control/methods.h"
#include "util/text.h"

#include <stdlib.h>
#include <string.h>

enum reload_err fetch_write_proof(
	struct cli *cli, const json_t *result, struct reload_error_text *why)
{
	const char *file = cli_value(cli, "proof", "-"), *base64 = cli_get_text(result, "proof");
	uint8_t *bytes;
	size_t len;
	enum reload_err err = RELOAD_OK;
	if (!*base64 || reload_unbase64(&bytes, &len, base64, strlen(base64))) {
		reload_error_explain(why, RELOAD_IO, "no proof",
			"the agent made none: more than 16M, or no value that somebody signed");
		reload_error_advise(why, "a part of the values: --index A-B or --key K");
		return RELOAD_IO;
	}
	if (strcmp(file, "-") == 0)
		fwrite(bytes, 1, len, stdout);
	else if (!cli->dry_run)
		err = cli_file_write(file, span_of(bytes, len), cli->deadline, why);
	free(bytes);
	return err;
}

int fetch_check_proof(struct cli *cli)
{
	struct reload_error_text why;
	enum reload_err err = cli_run_private(cli, "reload-check-proof",
		(const char *const[]){ "check-proof", "config", NULL }, &why);
	return cli_fail(cli, err, &why);
}

json_t *fetch_proof_schema(const char *title)
{
	static const char *const copied[] = { "resource_id", "name", "kind", "kind_id",
		"data_model", "values", NULL };
	static const struct reload_field overlay = { TEXT("overlay") },
					 sequence = { NUMBER("configuration_sequence") },
					 fetched = { TIME("fetched") };
	const struct reload_field own[] = { overlay, sequence, fetched, { 0 } };
	json_t *schema = reload_fields_schema(own),
	       *fetch = reload_fields_schema(reload_method_find("store.fetch")->result);
	for (const char *const *k = copied; *k; k++) {
		json_object_set(json_object_get(schema, "properties"), *k,
			json_object_get(json_object_get(fetch, "properties"), *k));
		json_array_append_new(json_object_get(schema, "required"), json_string(*k));
	}
	json_decref(fetch);
	return cli_schema_of(title, schema);
}
