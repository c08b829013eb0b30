#include "reload-diag/values.h"

#include "common/call.h"
#include "common/output.h"
#include "util/alloc.h"
#include "util/text.h"
#include "wire/diagnostics.h"

#include <stdlib.h>
#include <string.h>

enum reload_err diag_words_check(
	const struct cli *cli, const char *option, struct reload_error_text *why)
{
	const char *words[] = { cli->operands_count ? cli->operands[0] : NULL,
		option ? cli_value(cli, option, NULL) : NULL };
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (words[i] && !reload_utf8_valid(span_str(words[i])))
			return cli_refuse(why, "an argument is not UTF-8", "names are UTF-8 text");
	return RELOAD_OK;
}

json_t *diag_kinds(const struct cli *cli, const char *otherwise)
{
	const char *text = cli_value(cli, "kinds", otherwise);
	if (!text || !strcmp(text, "none"))
		return NULL;
	json_t *list = json_array();
	for (size_t n; *text; text += n + (text[n] == ',')) {
		n = strcspn(text, ",");
		json_array_append_new(list, json_stringn(text, n));
	}
	return list;
}

/* An entry of an array Kind: a Kind-ID and its count, or a message and how often it was sent and received. */
static void put_entry(FILE *out, const json_t *e)
{
	if (json_object_get(e, "kind_id")) {
		fprintf(out, "Kind 0x%llx: %s", cli_get_int(e, "kind_id"),
			cli_get_text(e, "count"));
		return;
	}
	const char *name = cli_get_text(e, "name");
	if (*name)
		cli_put_safe(out, name);
	else
		fprintf(out, "message 0x%llx", cli_get_int(e, "message_code"));
	fprintf(out, " %s sent %s received", cli_get_text(e, "sent"), cli_get_text(e, "received"));
}

static void put_list(FILE *out, const json_t *list, int indent)
{
	const json_t *e;
	size_t i;
	json_array_foreach (list, i, e) {
		if (i)
			fprintf(out, "\n%*s", indent, "");
		put_entry(out, e);
	}
	if (!json_array_size(list))
		fputs("none", out);
}

static const char *unit_of(const char *name)
{
	uint16_t kind;
	const char *unit =
		reload_diagnostic_named(&kind, name) ? reload_diagnostic_unit(kind) : NULL;
	return unit ? unit : "";
}

void diag_put_values(FILE *out, const json_t *values, int indent)
{
	enum {
		NAME_WIDTH = 22
	};
	const char *name;
	json_t *value;
	json_object_foreach ((json_t *)values, name, value) {
		fprintf(out, "%*s%-*s", indent, "", NAME_WIDTH, name);
		if (json_is_array(value))
			put_list(out, value, indent + NAME_WIDTH);
		else if (json_is_integer(value))
			fprintf(out, "%lld", (long long)json_integer_value(value));
		else
			cli_put_safe(out, json_is_string(value) ? json_string_value(value) : "");
		if (!json_is_array(value) && *unit_of(name))
			fprintf(out, " %s", unit_of(name));
		fputc('\n', out);
	}
}

void diag_put_times(FILE *out, const json_t *o)
{
	if (json_is_number(json_object_get(o, "rtt_ms")))
		fprintf(out, "rtt %.2f ms", cli_get_real(o, "rtt_ms"));
	if (json_is_number(json_object_get(o, "one_way_ms")))
		fprintf(out, "  one-way %.2f ms", cli_get_real(o, "one_way_ms"));
	else if (json_is_number(json_object_get(o, "clock_difference_ms")))
		fprintf(out, "  clocks differ by %.0f ms", cli_get_real(o, "clock_difference_ms"));
}

bool diag_utf8(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *v = getenv(names[i]);
		if (v && *v)
			return strcasestr(v, "utf-8") || strcasestr(v, "utf8");
	}
	return false;
}
