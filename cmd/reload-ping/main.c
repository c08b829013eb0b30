/* reload-ping: round trip, hops and one-way delay. */
#include "common/call.h"
#include "common/main.h"
#include "common/samples.h"
#include "util/alloc.h"
#include "util/text.h"

#include <string.h>

enum {
	PADDING_MAX = 65535,
	QUICK_MS = 200,
	COUNT_MAX = 1000000,
	WAY = 160,
	BAR = 40
};

static const struct cli_opt opts[] = {
	{ 'c', "count", "COUNT", "how many, 0: until stopped (default 4)" },
	{ 'i', "interval", "TIME", "between two (default 1s)" },
	{ 's', "size", "BYTES", "padding, to find the largest message" },
	{ 'W', "wait", "TIME", "for each answer (default 5s)" },
	{ 0, "max-loss", "PCT", "more loss than this is exit 11 (default 100)" },
	{ 0, "histogram", NULL, "how the round trip times spread" },
	{ 0, "flood-ok", NULL, "allow less than 200ms between two" },
	CLI_END,
};

static const struct cli_opt common_opts[] = { CLI_COMMON, CLI_END };

struct run {
	struct cli *cli;
	struct cli_link *link;
	int stop_fd;
	uint64_t count, size, max_loss;
	reload_ms interval, wait;
	uint64_t sent, answered;
	bool stopped;
	char way[WAY]; /* of the last answer, as -v printed it */
	struct samples samples;
};

static void print_answer(FILE *out, const json_t *o, void *arg)
{
	(void)arg;
	char node[CLI_SHORT_ID];
	long long hops = cli_get_int(o, "hops");
	if (strcmp(cli_get_text(o, "type"), "lost") == 0) {
		fprintf(out, "lost    seq %lld  %s\n", cli_get_int(o, "seq"),
			cli_get_text(o, "why"));
		return;
	}
	fprintf(out, "answer  seq %lld  node:%s  %lld hop%s  rtt %.2f ms", cli_get_int(o, "seq"),
		cli_short_id(node, cli_get_text(o, "node_id")), hops, cli_plural(hops),
		cli_get_real(o, "rtt_ms"));
	if (json_is_number(json_object_get(o, "one_way_ms")))
		fprintf(out, "  one-way %.2f ms\n", cli_get_real(o, "one_way_ms"));
	else
		fprintf(out, "  clocks differ by %.0f ms\n",
			cli_get_real(o, "clock_difference_ms"));
}

static void print_summary(FILE *out, const json_t *o, void *arg)
{
	(void)arg;
	size_t i;
	json_t *bucket;
	fprintf(out, "%lld sent, %lld answered, %.0f%% lost", cli_get_int(o, "sent"),
		cli_get_int(o, "answered"), cli_get_real(o, "lost_percent"));
	if (json_is_number(json_object_get(o, "min_ms")))
		fprintf(out, "   min %.2f  p50 %.2f  p90 %.2f  max %.2f ms",
			cli_get_real(o, "min_ms"), cli_get_real(o, "p50_ms"),
			cli_get_real(o, "p90_ms"), cli_get_real(o, "max_ms"));
	fputc('\n', out);
	long long most = 1;
	json_array_foreach (json_object_get(o, "histogram"), i, bucket)
		most = cli_get_int(bucket, "count") > most ? cli_get_int(bucket, "count") : most;
	json_array_foreach (json_object_get(o, "histogram"), i, bucket) {
		long long count = cli_get_int(bucket, "count"), stars = count * BAR / most;
		fprintf(out, "%10.1f ms  %-*.*s %lld\n", cli_get_real(bucket, "upto_ms"), BAR,
			(int)(count && !stars ? 1 : stars),
			"########################################", count);
	}
}

static json_t *real_or_null(bool have, double v)
{
	return have ? json_real(v) : json_null();
}

static json_t *histogram_json(const struct run *r)
{
	struct samples_bucket buckets[SAMPLES_BUCKETS];
	json_t *list = json_array();
	size_t count = cli_has(r->cli, "histogram") ? samples_buckets(&r->samples, buckets) : 0;
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{s:f, s:I}", "upto_ms", buckets[i].upto_ms,
						    "count", (json_int_t)buckets[i].count));
	return list;
}

static double lost_percent(const struct run *r)
{
	return r->sent ? 100.0 * (double)(r->sent - r->answered) / (double)r->sent : 0;
}

static void report_summary(struct run *r)
{
	bool some = r->samples.count > 0;
	samples_sort(&r->samples);
	json_t *o = json_pack("{s:s, s:I, s:I, s:f, s:o, s:o, s:o, s:o, s:o}", "type", "summary",
		"sent", (json_int_t)r->sent, "answered", (json_int_t)r->answered, "lost_percent",
		lost_percent(r), "min_ms", real_or_null(some, samples_at(&r->samples, 0)), "p50_ms",
		real_or_null(some, samples_at(&r->samples, 0.5)), "p90_ms",
		real_or_null(some, samples_at(&r->samples, 0.9)), "max_ms",
		real_or_null(some, samples_at(&r->samples, 1)), "histogram", histogram_json(r));
	cli_print(r->cli, o, print_summary, NULL);
	json_decref(o);
}

static void report_answer(struct run *r, json_t *result)
{
	json_t *o = json_pack("{s:s, s:I}", "type", "answer", "seq", (json_int_t)r->sent);
	json_object_update(o, result);
	r->answered++;
	samples_add(&r->samples, cli_get_real(result, "rtt_ms"));
	if (!r->cli->quiet || r->cli->format != CLI_TEXT)
		cli_print(r->cli, o, print_answer, NULL);
	json_decref(o);
}

static void report_lost(struct run *r, const struct reload_call_error *error)
{
	json_t *o = json_pack("{s:s, s:I, s:s}", "type", "lost", "seq", (json_int_t)r->sent, "why",
		error->failure.why.reason);
	if (!r->cli->quiet || r->cli->format != CLI_TEXT)
		cli_print(r->cli, o, print_answer, NULL);
	json_decref(o);
}

/* The way of the data link to a node: host, reflexive, or relayed by a TURN server, as `reload-agent status --links` has it. */
static void way_text(char out[WAY], const json_t *status, const char *node_id)
{
	char node[CLI_SHORT_ID];
	const json_t *l;
	size_t i;
	cli_short_id(node, node_id);
	snprintf(out, WAY, "no link to node:%s: others pass it on", node);
	json_array_foreach (json_object_get(json_object_get(status, "links"), "list"), i, l) {
		const char *relay = cli_get_text(l, "relay");
		if (strcmp(cli_get_text(l, "node_id"), node_id) == 0)
			snprintf(out, WAY, "link to node:%s: %s%s%s, %s", node,
				cli_get_text(l, "path"), *relay ? " by " : "", relay,
				cli_get_text(l, "link_type"));
	}
}

/* With -v: which way the answer came, when that is not the way of the one before. */
static void report_way(struct run *r, const json_t *answer)
{
	struct reload_call_error error;
	json_t *status = NULL;
	char way[WAY];
	if (!r->cli->verbose)
		return;
	if (cli_link_call(r->link, "agent.status", json_pack("{s:b}", "links", 1),
		    cli_monotonic() + r->wait, NULL, NULL, &status, &error)) {
		reload_call_error_clear(&error); /* the next Ping says what is wrong */
		return;
	}
	way_text(way, status, cli_get_text(answer, "node_id"));
	if (strcmp(way, r->way) != 0)
		cli_step(r->cli, 1, "%s", way);
	memcpy(r->way, way, sizeof(way));
	json_decref(status);
}

/* Whether the failure is only an unanswered Ping, so that the run goes on. */
static bool is_loss(enum reload_err err)
{
	return err == RELOAD_REQUEST_TIMEOUT || err == RELOAD_LINK_DOWN || err == RELOAD_TIMEOUT;
}

/* Sends one Ping; returns 0 when the run goes on, else the exit status. */
static int ping(struct run *r)
{
	enum {
		AGENT_MARGIN_MS =
			500 /* the agent ends the Ping at its own limit, this long before ours */
	};
	struct reload_call_error error;
	json_t *result = NULL;
	json_t *params = json_pack("{s:s, s:I, s:I}", "target", r->cli->operands[0], "size_bytes",
		(json_int_t)r->size, "timeout_ms", (json_int_t)r->wait);
	r->sent++;
	reload_ms until = cli_monotonic() + r->wait + AGENT_MARGIN_MS;
	enum reload_err err =
		cli_link_call(r->link, "overlay.ping", params, until, NULL, NULL, &result, &error);
	if (!err) {
		report_answer(r, result);
		report_way(r, result);
		json_decref(result);
		return 0;
	}
	if (err == RELOAD_CANCELLED) { /* stopped while waiting: this Ping does not count as lost */
		r->sent--;
		r->stopped = true;
		reload_call_error_clear(&error);
		return 0;
	}
	bool agent_hangs = cli_monotonic() >= until,
	     out_of_time = cli_monotonic() >= r->cli->deadline;
	if (is_loss(err) && (!agent_hangs || r->answered)) {
		report_lost(r, &error);
		reload_call_error_clear(&error);
		r->stopped = out_of_time || agent_hangs;
		return 0;
	}
	if (r->sent > 1)
		report_summary(r);
	return cli_fail_rpc(r->cli, &error);
}

/* Waits for the time of the next Ping, a signal or --timeout. */
static void sleep_until(struct run *r, reload_ms when)
{
	reload_ms deadline = r->cli->deadline;
	if (!cli_sleep(r->stop_fd, when < deadline ? when : deadline) ||
		(when > deadline && cli_monotonic() >= deadline))
		r->stopped = true;
}

static int ping_all(struct run *r)
{
	reload_ms next = cli_monotonic();
	int status = 0;
	while (!status && !r->stopped && (!r->count || r->sent < r->count)) {
		sleep_until(r, next);
		if (r->stopped)
			break;
		reload_ms now = cli_monotonic();
		next = next + r->interval > now ? next + r->interval : now;
		status = ping(r);
		r->stopped |= ferror(stdout) != 0; /* standard output cannot be written */
	}
	if (status)
		return status;
	report_summary(r);
	if (!r->answered)
		return reload_err_exit(RELOAD_TIMEOUT);
	return lost_percent(r) > (double)r->max_loss ? reload_err_exit(RELOAD_PARTIAL) : 0;
}

static enum reload_err read_options(struct run *r, struct reload_error_text *why)
{
	struct cli *cli = r->cli;
	enum reload_err err = cli_number(cli, "count", 4, 0, COUNT_MAX, &r->count, why);
	if (!err)
		err = cli_time(cli, "interval", RELOAD_SECOND, &r->interval, why);
	if (!err)
		err = cli_size(cli, "size", 0, &r->size, why);
	if (!err)
		err = cli_time(cli, "wait", 5 * RELOAD_SECOND, &r->wait, why);
	if (!err)
		err = cli_number(cli, "max-loss", 100, 0, 100, &r->max_loss, why);
	if (err)
		return err;
	if (!reload_utf8_valid(span_str(cli->operands[0])))
		return reload_error_explain(
			why, RELOAD_USAGE, "TARGET is not UTF-8", "names are UTF-8 text");
	if (r->size > PADDING_MAX)
		return reload_error_explain(why, RELOAD_USAGE, "--size is out of range",
			"a Ping holds up to 65535 bytes of padding");
	if (!r->wait || r->wait > INT32_MAX)
		return reload_error_explain(
			why, RELOAD_USAGE, "--wait is out of range", "an answer takes some time");
	if (r->interval < QUICK_MS && !cli_has(cli, "flood-ok")) {
		reload_error_explain(why, RELOAD_USAGE, "--interval is too short",
			"less than 200ms loads every peer on the way");
		reload_error_advise(why, "--flood-ok, if the overlay is yours");
		return RELOAD_USAGE;
	}
	/* without --timeout the limit is what all Pings may take, so that a hanging agent does not block forever */
	if (cli->deadline == RELOAD_NEVER && r->count && !cli_has(cli, "timeout"))
		cli->deadline = cli->started + r->count * (r->interval + r->wait + RELOAD_SECOND) +
				5 * RELOAD_SECOND;
	return RELOAD_OK;
}

/* A dry run sends nothing and checks only options, since only the agent can resolve the target. */
static int dry_run(struct run *r)
{
	json_t *status;
	int failed = cli_request(r->cli, "agent.status", NULL, &status);
	if (failed)
		return failed;
	json_decref(status);
	if (r->cli->format == CLI_TEXT)
		printf("would ping %s\n", r->cli->operands[0]);
	else
		report_summary(r);
	return 0;
}

static int run(struct cli *cli)
{
	struct run r = { .cli = cli };
	struct reload_error_text why;
	enum reload_err err = read_options(&r, &why);
	if (err)
		return cli_fail(cli, err, &why);
	if (cli->dry_run)
		return dry_run(&r);
	r.stop_fd = cli_stop_signals();
	err = cli_link_open(&r.link, cli, CLI_LINK_NOW, r.stop_fd, &why);
	int status = err ? cli_fail(cli, err, &why) : ping_all(&r);
	samples_clear(&r.samples);
	cli_link_free(r.link);
	cli_stop_end(r.stop_fd);
	return status;
}

static const struct cli_command commands[] = {
	{ .operands = "TARGET",
		.min = 1,
		.max = 1,
		.summary = "ping a node or the peer responsible for a resource",
		.opts = opts,
		.result = "type:string seq:integer node_id:string hops:integer rtt_ms:number "
			  "one_way_ms:number? clock_difference_ms:number? response_id:string "
			  "time:string size_bytes:integer transmissions:integer transaction:string "
			  "diagnostics:object? | "
			  "type:string seq:integer why:string | "
			  "type:string sent:integer answered:integer lost_percent:number "
			  "min_ms:number? p50_ms:number? p90_ms:number? max_ms:number? "
			  "histogram:{upto_ms:number count:integer}[]",
		.run = run },
	{ 0 },
};

static const char *const examples[] = {
	"reload-ping -a alice -c 1 node:c90e",
	"reload-ping -a alice bob@calls.example",
	NULL,
};

static const struct cli_program program = {
	.name = "reload-ping",
	.summary = "Ping nodes of a RELOAD overlay.",
	.manual = "reload-ping(1)",
	.commands = commands,
	.opts = common_opts,
	.examples = examples,
	.exits = CLI_EXIT(3) | CLI_EXIT(4) | CLI_EXIT(5) | CLI_EXIT(8) | CLI_EXIT(9) | CLI_EXIT(11),
	.timeout_ms = RELOAD_NEVER,
	.complete = cli_complete_agent,
};

int main(int argc, char **argv)
{
	return cli_main(&program, argc, argv);
}
