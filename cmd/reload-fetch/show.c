/* The results of store.stat and store.find as text. */
#include "fetch.h"

#include "common/value_text.h"

void fetch_print_stat(FILE *out, const json_t *r, void *arg)
{
	(void)arg;
	char until[CLI_LOCAL_TIME], since[CLI_LOCAL_TIME];
	size_t i;
	json_t *v;
	json_array_foreach (json_object_get(r, "values"), i, v) {
		cli_put_place(out, v);
		if (!cli_get_bool(v, "exists"))
			fputs("(removed)", out);
		else
			fprintf(out, "%lld byte%s", cli_get_int(v, "size_bytes"),
				cli_plural(cli_get_int(v, "size_bytes")));
		if (*cli_get_text(v, "hash"))
			fprintf(out, "  %s %s", cli_get_text(v, "hash_algorithm"),
				cli_get_text(v, "hash"));
		fprintf(out, "  stored %s, until %s\n",
			cli_local_time(since, cli_get_text(v, "storage_time")),
			cli_local_time(until, cli_get_text(v, "expires")));
	}
}

void fetch_print_found(FILE *out, const json_t *r, void *arg)
{
	(void)arg;
	char responsible[CLI_SHORT_ID];
	long long hops = cli_get_int(r, "hops");
	fprintf(out, "resource:%s  Kind %s on %s, %lld hop%s\n", cli_get_text(r, "closest"),
		cli_get_text(r, "kind"), cli_short_id(responsible, cli_get_text(r, "responsible")),
		hops, cli_plural(hops));
}
