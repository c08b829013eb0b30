#include "reload-sip-adapter/serve_show.h"

#include "common/output.h"

#include <string.h>

static void print_call(FILE *out, const json_t *o)
{
	cli_put_safe(out, cli_get_text(o, "from"));
	fputs(" -> ", out);
	cli_put_safe(out, cli_get_text(o, "to"));
	if (json_object_get(o, "setup_ms"))
		fprintf(out, "  setup %lld ms", cli_get_int(o, "setup_ms"));
	if (json_object_get(o, "sip_status"))
		fprintf(out, "  %lld", cli_get_int(o, "sip_status"));
	if (json_object_get(o, "duration_s"))
		fprintf(out, "  %.1f s, by the %s", cli_get_real(o, "duration_s"),
			cli_get_text(o, "ended_by"));
}

static void print_event(FILE *out, const json_t *o, void *arg)
{
	const char *type = cli_get_text(o, "type");
	const json_t *error = json_object_get(o, "error");
	(void)arg;
	fprintf(out, "%-14s ", type);
	if (json_object_get(o, "call_id")) {
		print_call(out, o);
	} else if (!strcmp(type, "summary")) {
		long long n = cli_get_int(o, "answered");
		fprintf(out, "%lld call%s, %lld not answered", n, cli_plural(n),
			cli_get_int(o, "refused"));
	} else if (!strcmp(type, "listening")) {
		fprintf(out, "%s %s", cli_get_text(o, "transport"), cli_get_text(o, "address"));
	} else if (!strcmp(type, "users")) {
		fprintf(out, "%lld", cli_get_int(o, "users"));
	} else {
		cli_put_safe(out, cli_get_text(o, "aor"));
	}
	if (json_object_get(o, "service")) {
		fputs("  ", out);
		cli_put_safe(out, cli_get_text(o, "service"));
	}
	if (!strcmp(type, "devices"))
		fprintf(out, "  %lld", cli_get_int(o, "devices"));
	if (error) {
		fputs("  ", out);
		cli_put_safe(out, cli_get_text(error, "why"));
	}
	fputc('\n', out);
}

void adapter_event(struct adapter *a, json_t *object)
{
	if (object && (!a->cli->quiet || a->cli->format != CLI_TEXT))
		cli_print(a->cli, object, print_event, NULL);
	json_decref(object);
}

void serve_show_listening(
	struct adapter *a, enum reload_sip_transport transport, const struct reload_ip_port *at)
{
	static const char *const names[] = { "udp", "tcp", "tls" };
	char text[64];
	adapter_event(a, json_pack("{s:s, s:s, s:s}", "type", "listening", "transport",
				 names[transport], "address", reload_ip_port_text(text, at)));
}

void serve_show_dry_run(struct adapter *a)
{
	for (size_t i = 0; i < a->served_count; i++)
		adapter_event(a,
			json_pack("{s:s, s:s}", "type", "would-serve", "aor", a->served[i]->user));
}

void serve_show_summary(struct adapter *a)
{
	const struct adapter_counts *c = &a->counts;
	adapter_event(
		a, json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "type",
			   "summary", "received", (json_int_t)c->received, "rubbish",
			   (json_int_t)c->rubbish, "requests", (json_int_t)c->requests, "responses",
			   (json_int_t)c->responses, "registers", (json_int_t)c->registers, "calls",
			   (json_int_t)c->calls, "answered", (json_int_t)c->answered, "refused",
			   (json_int_t)c->refused, "challenges", (json_int_t)c->challenges,
			   "forged", (json_int_t)c->forged, "looped", (json_int_t)c->looped));
}
