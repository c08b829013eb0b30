/* What is printed of reaching a user, and how it ends. */
#include "reload-sip-call/outgoing.h"

#include <string.h>

/* "5e3a90c1, " when there are several devices. */
static const char *which(char out[16], const json_t *o)
{
	char node[CLI_SHORT_ID];
	out[0] = 0;
	if (cli_get_bool(o, "several"))
		snprintf(out, 16, "%s, ", cli_short_id(node, cli_get_text(o, "node_id")));
	return out;
}

static void print_resolved(FILE *out, const json_t *o)
{
	const json_t *nodes = json_object_get(o, "nodes");
	size_t n = json_array_size(nodes), i;
	json_t *node;
	char id[CLI_SHORT_ID];
	fputs("resolving  ", out);
	cli_put_safe(out, cli_get_text(o, "aor"));
	bool number = !strncmp(cli_get_text(o, "aor"), "tel:", 4);
	fprintf(out, " -> %zu %s%s", n, number ? "gateway" : "device", cli_plural(n));
	json_array_foreach (nodes, i, node)
		fprintf(out, "%s%s", i ? ", " : " (",
			json_is_string(node) ? cli_short_id(id, json_string_value(node))
					     : "anonymous");
	fprintf(out, "%s\n", n ? ")" : "");
}

static void print_summary(FILE *out, const json_t *o, const struct cli *cli)
{
	const json_t *media = json_object_get(o, "media");
	if (media) { /* of a call; null: without audio */
		fputs("ended      ", out);
		media_text(out, media, cli_get_real(o, "duration_s"),
			cli->verbose || !strcmp(cli->command->name, "echo"));
		fputc('\n', out);
		return;
	}
	const json_t *allow = json_object_get(o, "allow"), *method;
	size_t i;
	fprintf(out, "answered   %lld ", cli_get_int(o, "sip_status"));
	cli_put_safe(out, cli_get_text(o, "phrase"));
	json_array_foreach (allow, i, method) {
		fputs(i ? ", " : "  allows ", out);
		cli_put_safe(out, json_string_value(method));
	}
	fputc('\n', out);
}

static void print_event(FILE *out, const json_t *o, void *arg)
{
	const char *type = cli_get_text(o, "type");
	char node[16];
	if (!strcmp(type, "resolved")) {
		print_resolved(out, o);
	} else if (!strcmp(type, "attached")) {
		fprintf(out, "attaching  %s%s, %s candidate, %lld ms\n", which(node, o),
			cli_get_text(o, "link"), cli_get_text(o, "path"),
			cli_get_int(o, "took_ms"));
	} else if (!strcmp(type, "ringing")) {
		fprintf(out, "ringing    %s%lld\n", which(node, o), cli_get_int(o, "sip_status"));
	} else if (!strcmp(type, "answered")) {
		const char *codec = cli_get_text(o, "codec");
		fprintf(out, "answered   %ssetup %lld ms, %s%s\n", which(node, o),
			cli_get_int(o, "setup_ms"), *codec ? codec : "no media",
			*codec ? " both ways" : "");
	} else if (!strcmp(type, "held") || !strcmp(type, "resumed")) {
		fprintf(out, "%-10s %s%lld\n", type, which(node, o), cli_get_int(o, "sip_status"));
	} else if (!strcmp(type, "service")) {
		char id[CLI_SHORT_ID];
		fputs("service    ", out);
		cli_put_safe(out, cli_get_text(o, "aor"));
		fprintf(out, " (%s)\n", cli_short_id(id, cli_get_text(o, "node_id")));
	} else if (!strcmp(type, "redirected")) {
		fprintf(out, "redirected %s", which(node, o));
		cli_put_safe(out, cli_get_text(o, "aor"));
		fputc('\n', out);
	} else if (!strcmp(type, "rejected")) {
		fprintf(out, "rejected   %s%lld ", which(node, o), cli_get_int(o, "sip_status"));
		cli_put_safe(out, cli_get_text(o, "phrase"));
		fputc('\n', out);
	} else {
		print_summary(out, o, arg);
	}
}

void outgoing_print(struct outgoing *o, json_t *object)
{
	struct cli *cli = o->phone.cli;
	if (!cli->quiet || cli->format != CLI_TEXT) {
		json_t *copy = json_copy(object);
		if (cli->format != CLI_TEXT)
			json_object_del(copy, "several");
		cli_print(cli, copy, print_event, cli);
		json_decref(copy);
	}
	json_decref(object);
}

static int fail_without_audio(struct outgoing *o)
{
	char what[256];
	struct reload_error_text why;
	snprintf(what, sizeof(what), "the call with %.200s had no audio", o->aor);
	(void)reload_error_explain(&why, o->audio_err, what, "%s", o->no_audio);
	reload_error_advise(&why, "%s",
		o->audio_err == RELOAD_CALL_REJECTED ? "the same without --sips-media-only"
		: o->audio_err == RELOAD_BAD_CERT
			? "reload-sip-call lookup, and another way to that user"
			: "reload-diag nat");
	return cli_fail(o->phone.cli, o->audio_err, &why);
}

static int fail(struct outgoing *o, enum reload_err err, const char *reason, const char *advice)
{
	char what[256];
	struct reload_error_text why;
	snprintf(what, sizeof(what),
		o->lost ? "the call with %.200s was cut off" : "%.200s was not reached", o->aor);
	(void)reload_error_explain(&why, err, what, "%s", reason);
	reload_error_advise(&why, "%s", advice);
	return cli_fail(o->phone.cli, err, &why);
}

/* Tells the agent how it ended, for reload-diag why; `advice` becomes what the agent says to try, if it says anything. */
static void tell_agent(const struct outgoing *o, char advice[256])
{
	enum {
		WAIT_MS = 2000
	};
	struct cli *cli = o->phone.cli;
	struct cli_link *link;
	struct reload_error_text why;
	struct reload_call_error error;
	json_t *result = NULL,
	       *params = json_pack("{s:s, s:s, s:I}", "aor", o->aor, "request", o->method,
		       "took_ms", (json_int_t)(cli_monotonic() - o->begun));
	const char *failure = o->err == RELOAD_NOT_FOUND ? "not_found"
			      : o->err == RELOAD_TIMEOUT ? "timeout"
							 : "link_down";
	if (o->sip_status)
		json_object_set_new(params, "sip_status", json_integer(o->sip_status));
	else if (!o->rang_out)
		json_object_set_new(params, "failure", json_string(failure));
	if (o->sip_status || !o->rang_out)
		json_object_set_new(
			params, "phrase", json_string(o->sip_status ? o->phrase : o->why.reason));
	if (cli_link_open(&link, cli, CLI_LINK_NOW, -1, &why)) {
		json_decref(params); /* it is gone: what is known here is said */
		return;
	}
	if (cli_link_call(link, "sip.ended", params, cli_monotonic() + WAIT_MS, NULL, NULL, &result,
		    &error))
		reload_call_error_clear(&error);
	else
		snprintf(advice, 256, "%.255s", cli_get_text(result, "try"));
	json_decref(result);
	cli_link_free(link);
}

int outgoing_report(struct outgoing *o)
{
	char reason[LEG_TEXT + 64], advice[256];
	if (o->service && !o->mailbox)
		snprintf(advice, sizeof(advice),
			"reload-sip-call listen --answer --echo --offer, with another agent");
	else
		snprintf(advice, sizeof(advice), "reload-sip-call lookup %.150s", o->aor);
	if (o->lost)
		return fail(o, RELOAD_LINK_DOWN, "the connection was lost during the call", advice);
	if (o->no_audio[0])
		return fail_without_audio(o);
	if (o->finished)
		return 0;
	if (o->sip_status) {
		snprintf(reason, sizeof(reason), "the answer was %d %s", o->sip_status, o->phrase);
		tell_agent(o, advice);
		return fail(o, RELOAD_CALL_REJECTED, reason, advice);
	}
	if (o->phone.stopping)
		return 130; /* Ctrl-C */
	if (o->rang_out) {
		snprintf(advice, sizeof(advice), "a longer --ring");
		tell_agent(o, advice);
		return fail(o, RELOAD_TIMEOUT, "nobody answered", advice);
	}
	/* the search for a mailbox has failed meanwhile, which is not why nobody was reached */
	if (o->mailbox && (o->err == RELOAD_NOT_FOUND || o->err == RELOAD_TIMEOUT ||
				  o->err == RELOAD_LINK_DOWN)) {
		char ignored[256];
		tell_agent(o, ignored);
	}
	if (o->err == RELOAD_NOT_FOUND)
		return fail(o, RELOAD_NOT_FOUND,
			"a device is registered, but no program listens there",
			"reload-sip-call listen, with the agent of that user; or --wait");
	if (o->why.what[0])
		return cli_fail(o->phone.cli, o->err, &o->why);
	if (o->err == RELOAD_NO_VALUE)
		return fail(o, o->err, "the user has no other device than this", advice);
	return fail(o, o->err ? o->err : RELOAD_FAILED,
		o->err == RELOAD_TIMEOUT ? "there was no answer" : "the connection was lost",
		advice);
}
