/* reload-sip-call register, unregister, lookup: what the agent does and knows of registrations (RFC 7904 s3, s4). */
#include "reload-sip-call/choose.h"
#include "reload-sip-call/sip_call.h"

#include "util/text.h"

#include <string.h>

/* -- register, unregister ------------------------------------------------------------------------------------------------ */

static void print_registered(FILE *out, const json_t *o, void *arg)
{
	const struct cli *cli = arg;
	const json_t *list = json_object_get(o, "destination_list");
	size_t count = json_array_size(list);
	const char *forward = cli_get_text(o, "forward"), *prefs = cli_get_text(o, "contact_prefs");
	char node[CLI_SHORT_ID];
	if (cli->quiet)
		return;
	fprintf(out, "%s %s -> ", cli->dry_run ? "would register" : "registered",
		cli_get_text(o, "aor"));
	if (*forward)
		cli_put_safe(out, forward);
	if (count)
		fprintf(out, "%s %s",
			cli_short_id(node, json_string_value(json_array_get(list, count - 1))),
			*prefs ? prefs : "(SIP)");
	if (count > 1)
		fprintf(out, ", through %s",
			cli_short_id(node, json_string_value(json_array_get(list, 0))));
	fprintf(out, ", kept by the agent\n");
}

/* The operand and the options as parameters of the agent's method (owned). */
static enum reload_err params_of(struct cli *cli, json_t **out, struct reload_error_text *why)
{
	bool registers = !strcmp(cli->command->name, "register");
	const char *forward = registers ? cli_value(cli, "forward", NULL) : NULL;
	const char *prefs = registers ? cli_value(cli, "prefs", NULL) : NULL;
	reload_ms lifetime = 0;
	const char *texts[] = { cli->operands[0], forward ? forward : "", prefs ? prefs : "" };
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		if (!reload_utf8_valid(span_str(texts[i])))
			return cli_refuse(why, "an argument is not UTF-8", "names are UTF-8 text");
	if (registers) {
		enum reload_err err = cli_time(cli, "lifetime", 0, &lifetime, why);
		if (err)
			return err;
	}
	if (registers && cli_has(cli, "lifetime") &&
		(lifetime < RELOAD_SECOND || lifetime / RELOAD_SECOND > UINT32_MAX))
		return cli_refuse(why, "--lifetime is out of range", "from 1s to 136 years");
	*out = json_pack("{s:s, s:s*, s:s*, s:b}", "aor", cli->operands[0], "forward", forward,
		"prefs", prefs, "dry_run", (int)cli->dry_run);
	if (lifetime)
		json_object_set_new(
			*out, "lifetime_s", json_integer((json_int_t)(lifetime / RELOAD_SECOND)));
	return RELOAD_OK;
}

static int ask(struct cli *cli, const char *method, cli_text_fn print)
{
	struct reload_error_text why;
	json_t *params = NULL, *result;
	enum reload_err err = params_of(cli, &params, &why);
	if (err)
		return cli_fail(cli, err, &why);
	int failed = cli_request(cli, method, params, &result);
	if (failed)
		return failed;
	cli_print(cli, result, print, cli);
	json_decref(result);
	return 0;
}

int sip_register(struct cli *cli)
{
	return ask(cli, "sip.register", print_registered);
}

static void print_unregistered(FILE *out, const json_t *o, void *arg)
{
	const struct cli *cli = arg;
	if (!cli->quiet)
		fprintf(out, "%s %s\n",
			cli->dry_run ? "would remove the registration of"
				     : "removed the registration of",
			cli_get_text(o, "aor"));
}

int sip_unregister(struct cli *cli)
{
	return ask(cli, "sip.unregister", print_unregistered);
}

/* -- lookup ---------------------------------------------------------------------------------------------------------------- */

static const char *const state_texts[][2] = {
	{ "absent", "no node is registered there" },
	{ "external", "of another domain" },
	{ "too-deep", "not followed, the chain is too long" },
	{ "waiting", "not fetched in time" },
};

static const char *state_text(const char *state)
{
	for (size_t i = 0; i < COUNT_OF(state_texts); i++)
		if (!strcmp(state_texts[i][0], state))
			return state_texts[i][1];
	return NULL;
}

static void print_forwarded(FILE *out, const json_t *aors)
{
	size_t i;
	json_t *a;
	json_array_foreach (aors, i, a) {
		const char *text = state_text(cli_get_text(a, "state"));
		const json_t *from = json_array_get(aors, (size_t)cli_get_int(a, "from"));
		if (!i)
			continue;
		fputs("forwarded  ", out);
		cli_put_safe(out, cli_get_text(from, "aor"));
		fputs(" -> ", out);
		cli_put_safe(out, cli_get_text(a, "aor"));
		fprintf(out, "%s%s%s\n", text ? "  (" : "", text ? text : "", text ? ")" : "");
	}
}

static void print_device(FILE *out, const json_t *t)
{
	const json_t *schemes = json_object_get(t, "schemes");
	const char *node = cli_get_text(t, "node_id"), *prefs = cli_get_text(t, "contact_prefs");
	const char *prefix = cli_get_text(t, "prefix");
	bool sips_only = json_array_size(schemes) == 1 &&
			 !strcmp(json_string_value(json_array_get(schemes, 0)), "sips");
	bool sip_only = json_array_size(schemes) == 1 && !sips_only;
	if (*prefix) {
		fprintf(out, "gateway    node:%s  %s\n", node, prefix);
		return;
	}
	fprintf(out, "device     %s%s  %s  ", *node ? "node:" : "", *node ? node : "anonymous",
		sips_only  ? "SIPS"
		: sip_only ? "SIP"
			   : "SIP or SIPS");
	cli_put_safe(out, cli_get_text(t, "gruu"));
	if (*prefs) {
		fputs("  ", out);
		cli_put_safe(out, prefs);
	}
	fputc('\n', out);
}

static void print_lookup(FILE *out, const json_t *o, void *arg)
{
	(void)arg;
	size_t i;
	json_t *t;
	print_forwarded(out, json_object_get(o, "aors"));
	json_array_foreach (json_object_get(o, "targets"), i, t)
		print_device(out, t);
}

int sip_lookup(struct cli *cli)
{
	struct reload_error_text why;
	json_t *result;
	char what[256];
	if (!reload_utf8_valid(span_str(cli->operands[0]))) {
		enum reload_err err =
			cli_refuse(&why, "an argument is not UTF-8", "names are UTF-8 text");
		return cli_fail(cli, err, &why);
	}
	choose_agent(cli, cli->operands[0], false);
	int failed = cli_request(
		cli, "sip.resolve", json_pack("{s:s}", "aor", cli->operands[0]), &result);
	if (failed)
		return failed;
	if (json_array_size(json_object_get(result, "targets"))) {
		cli_print(cli, result, print_lookup, NULL);
		json_decref(result);
		return 0;
	}
	snprintf(what, sizeof(what), "no node of this overlay is reached at %.150s",
		cli_get_text(result, "aor"));
	json_decref(result);
	(void)reload_error_explain(&why, RELOAD_NO_VALUE, what,
		"it is, or is forwarded to, an AOR of a domain that the overlay does not host");
	reload_error_advise(&why, "reload-fetch -k SIP-REGISTRATION name:%.150s", cli->operands[0]);
	return cli_fail(cli, RELOAD_NO_VALUE, &why);
}
