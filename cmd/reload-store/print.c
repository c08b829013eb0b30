/* What was stored or removed, as text. */
#include "store.h"

void store_print(FILE *out, const json_t *r, void *arg)
{
	(void)arg;
	char until[CLI_LOCAL_TIME], id[CLI_SHORT_ID];
	bool exists = cli_get_bool(r, "exists"), dry = cli_get_bool(r, "dry_run");
	size_t i;
	json_t *replica;
	fprintf(out, "%s at resource:%s",
		dry      ? (exists ? "would store" : "would remove")
		: exists ? "stored"
			 : "removed",
		cli_short_id(id, cli_get_text(r, "resource_id")));
	if (dry) {
		fprintf(out, ", Kind %s, until %s\n", cli_get_text(r, "kind"),
			cli_local_time(until, cli_get_text(r, "expires")));
		return;
	}
	fprintf(out, " on %s, ", cli_short_id(id, cli_get_text(r, "responsible")));
	json_t *replicas = json_object_get(r, "replicas");
	fputs(json_array_size(replicas) ? "replicas" : "no replicas", out);
	json_array_foreach (replicas, i, replica)
		fprintf(out, " %s", cli_short_id(id, json_string_value(replica)));
	fprintf(out, ", generation %s", cli_get_text(r, "generation"));
	if (exists)
		fprintf(out, ", until %s", cli_local_time(until, cli_get_text(r, "expires")));
	if (cli_get_bool(r, "kept"))
		fputs(", kept", out);
	fputc('\n', out);
	const json_t *verified = json_object_get(r, "verified");
	if (json_array_size(verified))
		fputs(exists ? "read back from" : "gone from", out);
	json_array_foreach (verified, i, replica)
		if (cli_get_bool(replica, "held"))
			fprintf(out, " %s", cli_short_id(id, cli_get_text(replica, "node_id")));
	if (json_array_size(verified))
		fputc('\n', out);
}
