/*
 * reload-diag audit: is the overlay as it should be?  The ring is mapped, each peer is compared with the one before it, and stored values are looked for
 * at the responsible peer and its replicas.  Each finding is a counterexample: a node, a place, what it says and what was expected.
 */
#include "reload-diag/copies.h"
#include "reload-diag/diag.h"
#include "reload-diag/map.h"

#include "util/alloc.h"

#include <stdlib.h>
#include <string.h>

const struct cli_opt diag_audit_opts[] = {
	{ 0, "sample", "N", "resources that are checked, 0 to 10000 (default 32)" },
	{ 0, "rate", "N", "requests in a second, 1 to 1000 (default 100)" },
	{ 0, "merged", NULL,
		"only what this agent knows: values of which two versions were written" },
	CLI_END,
};

const char diag_audit_fields[] =
	"level:string peers:integer answered:integer complete:boolean resources:integer "
	"copies:integer requests:integer "
	"findings:{check:string level:string node_id:string resource_id:string? kind:string? "
	"text:string try:string}[] | "
	"time:string resource_id:string kind_id:integer node_id:string values:integer text:string";

enum {
	FINDINGS = 13, /* exit status */
	PARTIAL = 11,
	SAMPLE_MAX = 10000,
	RATE_MAX = 1000,
	PEERS_MAX = 10000,
	TEXT = 256
};

struct audit {
	struct cli *cli;
	struct cli_link *link;
	uint64_t sample, rate;
	json_t *map, *kinds, *ring, *findings;
	struct copies copies;
};

/* Leaving and joining again builds the tables anew, and brings what a replica has to hold. */
static const char rejoin[] = "at that peer: reload-join --leave, then reload-join";

static void find(struct audit *a, const char *check, const char *level, const json_t *of,
	const char *text, const char *advice)
{
	const char *resource = cli_get_text(of, "resource_id"), *kind = cli_get_text(of, "kind");
	json_array_append_new(
		a->findings, json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:s, s:s}", "check", check,
				     "level", level, "node_id", cli_get_text(of, "node_id"),
				     "resource_id", *resource ? resource : NULL, "kind",
				     *kind ? kind : NULL, "text", text, "try", advice));
}

static void check_ring(struct audit *a)
{
	const json_t *p, *f;
	size_t i, k;
	char text[TEXT];
	json_array_foreach (json_object_get(a->map, "peers"), i, p) {
		const char *id = cli_get_text(p, "node_id");
		if (cli_get_bool(p, "answered")) {
			json_array_append(a->ring, json_object_get(p, "node_id"));
		} else {
			snprintf(text, sizeof(text), "%.8s is known to others and does not answer",
				id);
			find(a, "answer", "warn", p, text,
				"reload-diag path to it; when it has gone, its neighbours notice "
				"within a minute");
		}
		json_array_foreach (json_object_get(p, "faults"), k, f) {
			snprintf(text, sizeof(text), "%.8s %s %.8s", id, map_fault(f),
				cli_get_text(f, "node_id"));
			find(a, "neighbours", "fail", p, text, rejoin);
		}
	}
}

/* The ranges of up to `sample` peers, evenly spread over the ring: each from the peer that is known before it on (owned). */
static struct copies_range *ranges_of(const struct audit *a, size_t count)
{
	const json_t *p, *peers = json_object_get(a->map, "peers");
	size_t i, n = json_array_size(a->ring), known = json_array_size(peers), nth = 0, taken = 0;
	struct copies_range *out = reload_alloc_array(count + 1, sizeof(*out));
	json_array_foreach (peers, i, p) {
		if (!cli_get_bool(p, "answered"))
			continue;
		if (taken < count && nth == taken * n / count)
			out[taken++] = (struct copies_range){ .peer = nth,
				.from = cli_get_text(json_array_get(peers, (i + known - 1) % known),
					"node_id") };
		nth++;
	}
	return out;
}

static bool check_values(struct audit *a, struct reload_call_error *error)
{
	const json_t *f;
	size_t i, n = json_array_size(a->ring), count = n < a->sample ? n : (size_t)a->sample;
	struct copies_range *ranges = ranges_of(a, count);
	a->copies = (struct copies){ .cli = a->cli,
		.link = a->link,
		.ring = a->ring,
		.rate = (unsigned)a->rate,
		.faults = json_array() };
	bool fine = copies_check(&a->copies, a->kinds, ranges, count, a->sample, error);
	json_array_foreach (a->copies.faults, i, f)
		find(a, "copies", "fail", f, cli_get_text(f, "text"), rejoin);
	json_decref(a->copies.faults);
	free(ranges);
	return fine;
}

static void print_audit(FILE *out, const json_t *o, void *arg)
{
	const struct cli *cli = arg;
	const json_t *f;
	size_t i;
	json_array_foreach (json_object_get(o, "findings"), i, f) {
		fprintf(out, "%-4s  %-10s  ", cli_get_text(f, "level"), cli_get_text(f, "check"));
		cli_put_safe(out, cli_get_text(f, "text"));
		fputs("\n      try:  ", out);
		cli_put_safe(out, cli_get_text(f, "try"));
		fputc('\n', out);
	}
	if (!cli->quiet)
		fprintf(out,
			"%lld of %lld peer%s answered; %lld resource%s, %lld cop%s looked at; %zu "
			"finding%s%s\n",
			cli_get_int(o, "answered"), cli_get_int(o, "peers"),
			cli_plural(cli_get_int(o, "peers")), cli_get_int(o, "resources"),
			cli_plural(cli_get_int(o, "resources")), cli_get_int(o, "copies"),
			cli_get_int(o, "copies") == 1 ? "y" : "ies",
			json_array_size(json_object_get(o, "findings")),
			cli_plural(json_array_size(json_object_get(o, "findings"))),
			cli_get_bool(o, "complete") ? "" : "; not all of the ring was looked at");
}

static int report(struct audit *a)
{
	const json_t *f;
	size_t i, failed = 0;
	bool complete = cli_get_bool(a->map, "complete") && !a->copies.late;
	json_array_foreach (a->findings, i, f)
		failed += !strcmp(cli_get_text(f, "level"), "fail");
	size_t count = json_array_size(a->findings);
	json_t *o = json_pack("{s:s, s:I, s:I, s:b, s:I, s:I, s:I, s:O}", "level",
		failed  ? "fail"
		: count ? "warn"
			: "ok",
		"peers", (json_int_t)json_array_size(json_object_get(a->map, "peers")), "answered",
		(json_int_t)json_array_size(a->ring), "complete", (int)complete, "resources",
		(json_int_t)a->copies.resources, "copies", (json_int_t)a->copies.copies, "requests",
		(json_int_t)(a->copies.requests + (size_t)cli_get_int(a->map, "requests")),
		"findings", a->findings);
	cli_print(a->cli, o, print_audit, a->cli);
	json_decref(o);
	return count ? FINDINGS : complete ? 0 : PARTIAL;
}

static int run(struct audit *a)
{
	struct reload_call_error error;
	json_t *params = json_pack("{s:s, s:I, s:I}", "target", "self", "rate", (json_int_t)a->rate,
		"max_peers", (json_int_t)PEERS_MAX);
	a->ring = json_array();
	a->findings = json_array();
	if (cli_link_call(a->link, "overlay.map", params, a->cli->deadline, NULL, NULL, &a->map,
		    &error) ||
		cli_link_call(a->link, "config.kinds", json_object(), a->cli->deadline, NULL, NULL,
			&a->kinds, &error))
		return cli_fail_rpc(a->cli, &error);
	check_ring(a);
	if (!check_values(a, &error)) {
		if (!a->copies.late)
			return cli_fail_rpc(a->cli, &error);
		reload_call_error_clear(&error);
	}
	return report(a);
}

/* -- --merged -------------------------------------------------------------------------------------------------------------------- */

static void print_conflict(FILE *out, const json_t *o, void *arg)
{
	char when[CLI_LOCAL_TIME], node[CLI_SHORT_ID];
	(void)arg;
	fprintf(out, "%s  resource:%s  Kind 0x%llx  %lld value%s, the other version came from %s: ",
		cli_local_time(when, cli_get_text(o, "time")), cli_get_text(o, "resource_id"),
		cli_get_int(o, "kind_id"), cli_get_int(o, "values"),
		cli_plural(cli_get_int(o, "values")),
		cli_short_id(node, cli_get_text(o, "node_id")));
	cli_put_safe(out, cli_get_text(o, "text"));
	fputc('\n', out);
}

static int merged(struct cli *cli)
{
	json_t *result = NULL;
	const json_t *row;
	size_t i;
	int status = cli_request(cli, "store.conflicts", json_object(), &result);
	const json_t *list = json_object_get(result, "conflicts");
	json_array_foreach (list, i, row)
		cli_print(cli, row, print_conflict, NULL);
	if (!status && json_array_size(list))
		status = FINDINGS;
	json_decref(result);
	return status;
}

int diag_audit(struct cli *cli)
{
	if (cli_has(cli, "merged"))
		return merged(cli);
	struct reload_error_text why;
	struct audit a = { .cli = cli };
	enum reload_err err = cli_number(cli, "sample", 32, 0, SAMPLE_MAX, &a.sample, &why);
	if (!err)
		err = cli_number(cli, "rate", 100, 1, RATE_MAX, &a.rate, &why);
	if (!err && !cli_has(cli, "timeout"))
		cli->deadline = RELOAD_NEVER; /* a large ring takes its time */
	if (!err)
		err = cli_link_open(&a.link, cli, CLI_LINK_NOW, -1, &why);
	if (err)
		return cli_fail(cli, err, &why);
	int status = run(&a);
	json_decref(a.map);
	json_decref(a.kinds);
	json_decref(a.ring);
	json_decref(a.findings);
	cli_link_free(a.link);
	return status;
}
