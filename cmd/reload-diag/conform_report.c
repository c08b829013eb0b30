#include "reload-diag/conform_report.h"

#include "reload-diag/diag.h"

#include "common/call.h"
#include "common/output.h"
#include "util/plain.h"

#include <string.h>

const char diag_conform_fields[] =
	"type:string requirement:string section:string text:string verdict:string evidence:string "
	"writes:boolean | "
	"type:string overlay:string address:string node_id:string? holds:integer violated:integer "
	"not_judged:integer complete:boolean";

enum {
	FINDINGS = 13, /* exit status */
	PARTIAL = 11
};

static const char *const words[] = { "holds", "violated", "not judged" };

static bool tap(const struct report *r)
{
	return cli_has(r->cli, "tap");
}

void report_begin(struct report *r, struct conform *c, size_t total)
{
	r->conform = c;
	if (tap(r))
		printf("TAP version 13\n1..%zu\n", total);
}

/* The section of a requirement: "6.3.2" of R-6.3.2-01. */
static void section_of(char out[32], const char *id)
{
	const char *from = strchr(id, '-'), *to = strrchr(id, '-');
	int n = from && to > from ? (int)(to - from - 1) : 0;
	snprintf(out, 32, "%.*s", n, from ? from + 1 : "");
}

static void print_check(FILE *out, const json_t *o, void *arg)
{
	(void)arg;
	fprintf(out, "%-10s  %-14s  %s\n", cli_get_text(o, "verdict"),
		cli_get_text(o, "requirement"), cli_get_text(o, "text"));
	fprintf(out, "%-10s  %-14s  ", "", "");
	cli_put_safe(out, cli_get_text(o, "evidence"));
	fputc('\n', out);
}

/* Evidence is a comment, where a number sign would begin a directive. */
static void print_tap(struct report *r, const struct conform_check *check, enum conform_verdict v,
	const char *evidence)
{
	char plain[4 * CONFORM_EVIDENCE];
	reload_plain(plain, sizeof(plain), evidence);
	for (char *p = plain; (p = strchr(p, '#'));)
		*p = ' ';
	printf("%s %zu - %s %s%s%s\n", v == CONFORM_VIOLATED ? "not ok" : "ok", r->count, check->id,
		check->text, v == CONFORM_UNJUDGED ? " # SKIP " : "",
		v == CONFORM_UNJUDGED ? plain : "");
	if (v != CONFORM_UNJUDGED)
		printf("# %s\n", plain);
	fflush(stdout);
}

void report_check(struct report *r, const struct conform_check *check, enum conform_verdict v,
	const char *evidence)
{
	char section[32];
	r->count++;
	r->verdicts[v]++;
	if (tap(r)) {
		print_tap(r, check, v, evidence);
		return;
	}
	section_of(section, check->id);
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "type", "check", "requirement",
		check->id, "section", section, "text", check->text, "verdict", words[v], "evidence",
		evidence, "writes", (int)check->writes);
	bool shown = r->cli->format != CLI_TEXT || !r->cli->quiet || v == CONFORM_VIOLATED;
	if (shown)
		cli_print(r->cli, o, print_check, NULL);
	json_decref(o);
}

static void print_sum(FILE *out, const json_t *o, void *arg)
{
	const char *node = cli_get_text(o, "node_id");
	(void)arg;
	fprintf(out, "%s %s of ", cli_get_text(o, "address"), *node ? node : "(not asked)");
	cli_put_safe(out, cli_get_text(o, "overlay"));
	fprintf(out, ": %lld hold, %lld violated, %lld not judged%s\n", cli_get_int(o, "holds"),
		cli_get_int(o, "violated"), cli_get_int(o, "not_judged"),
		cli_get_bool(o, "complete") ? "" : "; the end came before all were asked");
}

int report_end(struct report *r, bool cut)
{
	char address[64], node[RELOAD_ID_HEX] = "";
	const struct conform *c = r->conform;
	reload_ip_port_text(address, &c->address);
	reload_id_hex(node, &c->target);
	json_t *o = json_pack("{s:s, s:s, s:s, s:s?, s:I, s:I, s:I, s:b}", "type", "sum", "overlay",
		c->me.config->instance_name, "address", address, "node_id", *node ? node : NULL,
		"holds", (json_int_t)r->verdicts[CONFORM_HOLDS], "violated",
		(json_int_t)r->verdicts[CONFORM_VIOLATED], "not_judged",
		(json_int_t)r->verdicts[CONFORM_UNJUDGED], "complete", (int)!cut);
	if (!tap(r) && (r->cli->format != CLI_TEXT || !r->cli->quiet))
		cli_print(r->cli, o, print_sum, NULL);
	json_decref(o);
	return r->verdicts[CONFORM_VIOLATED] ? FINDINGS : cut ? PARTIAL : 0;
}
