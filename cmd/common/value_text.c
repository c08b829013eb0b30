#include "common/value_text.h"

#include "common/call.h"
#include "util/text.h"

#include <stdlib.h>
#include <string.h>

enum {
	SHOWN_BYTES = 32
};

void cli_put_place(FILE *out, const json_t *v)
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
	fprintf(out, "hex:%s%s (%zu byte%s)", reload_hex(hex, span_of(bytes, shown)),
		shown < len ? "..." : "", len, cli_plural((long long)len));
	free(bytes);
}

static void print_contents(FILE *out, const json_t *v)
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
	char until[CLI_LOCAL_TIME], id[CLI_SHORT_ID];
	const json_t *signer = json_object_get(v, "signer");
	const char *user = cli_get_text(signer, "user"), *node = cli_get_text(signer, "node_id");
	fputs("   signed by ", out);
	cli_put_safe(out, *user ? user : "an unknown user");
	if (*node)
		fprintf(out, " (%s)", cli_short_id(id, node));
	if (cli_get_bool(v, "valid"))
		fputs(", valid", out);
	else
		fprintf(out, ", NOT VALID: %s", cli_get_text(v, "fault"));
	if (cli_get_bool(v, "rolled_back"))
		fputs(", older than what was fetched before", out);
	fprintf(out, ", until %s", cli_local_time(until, cli_get_text(v, "expires")));
}

void cli_put_value(FILE *out, const json_t *v, bool signer)
{
	cli_put_place(out, v);
	print_contents(out, v);
	if (signer)
		print_signer(out, v);
}
