/* reload-diag path: the way to a node or a resource, hop by hop (RFC 7851 s4.3). */
#include "reload-diag/diag.h"
#include "reload-diag/live.h"
#include "reload-diag/values.h"

#include "common/call.h"

#include <string.h>

const struct cli_opt diag_path_opts[] = {
	{ 'k', "kinds", "KIND,...",
		"diagnostic Kinds of each hop, all: those that are permitted (default none)" },
	{ 0, "live", NULL, "again and again, a row for each hop" },
	{ 'c', "count", "COUNT", "rounds with --live, 0: until stopped (default 0)" },
	{ 'i', "interval", "TIME", "between the beginnings of two rounds (default 1s)" },
	CLI_END,
};

const char diag_path_fields[] =
	"type:string hop:integer node_id:string state:string rtt_ms:number? one_way_ms:number? "
	"clock_difference_ms:number? overlay_hops:integer? next_hop:string? values:object "
	"denied:string[] error:string? error_info:string? | "
	"type:string target:string outcome:string reached:boolean hops:integer | "
	"type:string round:integer hop:integer node_id:string state:string rtt_ms:number? "
	"one_way_ms:number? "
	"clock_difference_ms:number? overlay_hops:integer? next_hop:string? values:object "
	"denied:string[] error:string? error_info:string? | "
	"type:string target:string? outcome:string? reached:boolean hops:integer rounds:integer "
	"path_changes:integer "
	"rows:{hop:integer node_id:string sent:integer answered:integer refused:integer "
	"limited:integer "
	"silent:integer lost:integer on_path:boolean min_ms:number? p50_ms:number? p90_ms:number? "
	"max_ms:number? load:integer?}[]";

static void put_denied(FILE *out, const json_t *o)
{
	const json_t *name;
	size_t i;
	json_array_foreach (json_object_get(o, "denied"), i, name) {
		fputs(i ? ", " : "  denied: ", out);
		cli_put_safe(out, json_string_value(name));
	}
}

static void print_hop(FILE *out, const json_t *o, void *arg)
{
	char node[CLI_SHORT_ID];
	const char *state = cli_get_text(o, "state");
	(void)arg;
	fprintf(out, "%3lld  %s  ", cli_get_int(o, "hop"),
		cli_short_id(node, cli_get_text(o, "node_id")));
	if (!cli_get_int(o, "hop"))
		fputs("this node", out);
	diag_put_times(out, o);
	if (strcmp(state, "answered"))
		fprintf(out, "  %s", state);
	if (!strcmp(state, "error")) {
		fprintf(out, ": %s  ", cli_get_text(o, "error"));
		cli_put_safe(out, cli_get_text(o, "error_info"));
	}
	put_denied(out, o);
	fputc('\n', out);
	diag_put_values(out, json_object_get(o, "values"), 5);
}

static void print_end(FILE *out, const json_t *o, void *arg)
{
	(void)arg;
	diag_put_end(out, o);
}

static bool on_hop(void *arg, json_t *hop)
{
	struct cli *cli = arg;
	json_t *o = json_pack("{s:s}", "type", "hop");
	json_object_update(o, hop);
	if (!cli->quiet || cli->format != CLI_TEXT)
		cli_print(cli, o, print_hop, NULL);
	json_decref(o);
	return true;
}

/* One path; *result is owned. */
static enum reload_err trace(struct cli *cli, struct cli_link *link, reload_progress_fn on,
	void *arg, json_t **result, struct reload_call_error *error)
{
	json_t *params = json_pack("{s:s}", "target", cli->operands[0]),
	       *kinds = diag_kinds(cli, NULL);
	if (kinds)
		json_object_set_new(params, "diagnostics", kinds);
	return cli_link_call(link, "overlay.path", params, cli->deadline, on, arg, result, error);
}

static int once(struct cli *cli, struct cli_link *link)
{
	struct reload_call_error error;
	json_t *result = NULL;
	if (trace(cli, link, on_hop, cli, &result, &error))
		return cli_fail_rpc(cli, &error);
	json_t *o = json_pack("{s:s}", "type", "summary");
	json_object_update(o, result);
	json_object_del(o, "path"); /* its hops were printed */
	cli_print(cli, o, print_end, NULL);
	int status = diag_end_status(o);
	json_decref(o);
	json_decref(result);
	return status;
}

/* -- again and again ------------------------------------------------------------------------------------------------------------ */

struct rounds {
	struct cli *cli;
	struct live *live;
	uint64_t count, done;
	reload_ms interval;
};

static bool on_live_hop(void *arg, json_t *hop)
{
	struct rounds *r = arg;
	live_hop(r->live, hop);
	if (r->cli->format == CLI_TEXT)
		return true;
	json_t *o = json_pack("{s:s, s:I}", "type", "hop", "round", (json_int_t)r->done + 1);
	json_object_update(o, hop);
	cli_print(r->cli, o, NULL, NULL);
	json_decref(o);
	return true;
}

/* Rounds until the last one, a signal, a failure or the end of the time; *status is set by a failure. */
static void all_rounds(struct rounds *r, struct cli_link *link, int stop, int *status)
{
	reload_ms next = cli_monotonic();
	while (!*status && (!r->count || r->done < r->count)) {
		struct reload_call_error error;
		json_t *result = NULL;
		if (!cli_sleep(stop, next) || cli_monotonic() >= r->cli->deadline || ferror(stdout))
			return;
		reload_ms now = cli_monotonic();
		next = next + r->interval > now ? next + r->interval : now;
		enum reload_err err = trace(r->cli, link, on_live_hop, r, &result, &error);
		if (err == RELOAD_CANCELLED) {
			reload_call_error_clear(&error);
			return;
		}
		if (err) {
			*status = cli_fail_rpc(r->cli, &error);
			return;
		}
		live_round(r->live, result);
		r->done++;
		json_decref(result);
	}
}

static enum reload_err read_live(struct rounds *r, struct reload_error_text *why)
{
	enum {
		COUNT_MAX = 1000000,
		QUICK_MS = 200
	};
	enum reload_err err = diag_words_check(r->cli, "kinds", why);
	if (!err)
		err = cli_number(r->cli, "count", 0, 0, COUNT_MAX, &r->count, why);
	if (!err)
		err = cli_time(r->cli, "interval", RELOAD_SECOND, &r->interval, why);
	if (!err && !cli_has(r->cli, "live") &&
		(cli_has(r->cli, "count") || cli_has(r->cli, "interval")))
		err = cli_refuse(why, "--count and --interval are for --live",
			"a path is followed once without it");
	if (!err && r->interval < QUICK_MS)
		err = cli_refuse(why, "--interval is too short",
			"less than 200ms loads every peer on the way");
	if (!err && cli_has(r->cli, "live") && !cli_has(r->cli, "timeout"))
		r->cli->deadline = RELOAD_NEVER;
	return err;
}

int diag_path(struct cli *cli)
{
	struct cli_link *link;
	struct reload_error_text why;
	struct rounds r = { .cli = cli };
	enum reload_err err = read_live(&r, &why);
	if (err)
		return cli_fail(cli, err, &why);
	int stop = cli_stop_signals(), status = 0;
	err = cli_link_open(&link, cli, CLI_LINK_NOW, stop, &why);
	if (err) {
		cli_stop_end(stop);
		return cli_fail(cli, err, &why);
	}
	if (cli_has(cli, "live")) {
		r.live = live_new(cli);
		all_rounds(&r, link, stop, &status);
		status = status ? status : live_end(r.live);
		live_free(r.live);
	} else {
		status = once(cli, link);
	}
	cli_link_free(link);
	cli_stop_end(stop);
	return status;
}
