/*
 * --watch: repeats the same fetch and prints what differs from the one before.  A fetch that fails is reported, and the next
 * one is made all the same, over a new connection if the agent was gone.  It ends when the agent refuses the parameters.
 */
#include "fetch.h"

#include "common/output.h"
#include "common/value_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MIN_INTERVAL_MS = 100,
	ONE_FETCH_MS = 20000 /* limit of each fetch */
};

const char *const fetch_watch_fields =
	"type:string change:string time:string resource_id:string name:string? kind:string "
	"kind_id:integer generation:string responsible:string? value:object? before:object? | "
	"type:string time:string error:object | "
	"type:string polls:integer changes:integer failures:integer";

struct watch {
	struct cli *cli;
	const json_t *params;
	struct cli_link *link; /* NULL: not connected */
	int stop;
	json_t *known; /* the last values by index or key; NULL: nothing was fetched yet */
	unsigned polls, changes, failures;
	int last_status;
	bool stopped;
};

/* The index of a value as text, or its key, which may be longer than out. */
static const char *place_of(char out[64], const json_t *v)
{
	const char *key = json_string_value(json_object_get(v, "key"));
	snprintf(out, 64, "%lld", cli_get_int(v, "index"));
	return key ? key : out;
}

static void print_change(FILE *out, const json_t *o, void *arg)
{
	const struct cli *cli = arg;
	char at[CLI_LOCAL_TIME];
	const json_t *value = json_object_get(o, "value"), *before = json_object_get(o, "before");
	if (!cli->quiet)
		fprintf(out, "%s  %-8s ", cli_local_time(at, cli_get_text(o, "time")),
			cli_get_text(o, "change"));
	cli_put_value(out, json_is_object(value) ? value : before, !cli->quiet);
	fputc('\n', out);
}

static json_t *or_null(json_t *v)
{
	return v ? json_incref(v) : json_null();
}

static void report_change(
	struct watch *w, const json_t *result, const char *change, json_t *value, json_t *before)
{
	static const char *const head[] = { "resource_id", "name", "kind", "kind_id", "generation",
		"responsible", NULL };
	json_t *o = json_pack("{s:s, s:s, s:o, s:o, s:o}", "type", "change", "change", change,
		"time", cli_json_time(cli_now()), "value", or_null(value), "before",
		or_null(before));
	for (const char *const *n = head; *n; n++)
		json_object_set_new(o, *n, or_null(json_object_get(result, *n)));
	w->changes++;
	cli_print(w->cli, o, print_change, w->cli);
	json_decref(o);
}

static bool same(const json_t *a, const json_t *b)
{
	static const char *const parts[] = { "value", "signer", "valid", NULL };
	for (const char *const *p = parts; *p; p++)
		if (!json_equal(json_object_get(a, *p), json_object_get(b, *p)))
			return false;
	return true;
}

/* Prints what differs from the last values; a result without values means that none are stored. */
static void compare(struct watch *w, const json_t *result)
{
	char name[64];
	size_t i;
	const char *place;
	json_t *v, *old, *present = json_object();
	json_array_foreach (json_object_get(result, "values"), i, v) {
		if (!cli_get_bool(v, "exists"))
			continue;
		place = place_of(name, v);
		old = json_object_get(w->known, place);
		json_object_set(present, place, v);
		if (!old)
			report_change(w, result, w->known ? "added" : "initial", v, NULL);
		else if (!same(old, v))
			report_change(w, result, "changed", v, old);
	}
	json_object_foreach (w->known, place, old) {
		bool unsure = cli_get_int(result, "invalid_count") >
			      0; /* it may be one of those that failed a check */
		if (!json_object_get(present, place) && !unsure)
			report_change(w, result, "removed", NULL, old);
		else if (!json_object_get(present, place))
			json_object_set(present, place, old);
	}
	json_decref(w->known);
	w->known = present;
}

static void report_failure(struct watch *w, enum reload_err err,
	const struct reload_error_text *why, const json_t *data)
{
	w->failures++;
	w->last_status = reload_err_exit(err);
	w->stopped |=
		w->last_status == reload_err_exit(RELOAD_USAGE); /* and would be refused again */
	if (w->cli->format == CLI_TEXT) {
		(void)cli_fail(w->cli, err, why);
		return;
	}
	struct reload_failure f = { .err = err, .why = *why };
	json_t *error = data ? json_deep_copy(data) : reload_failure_json(&f);
	json_t *o = json_pack("{s:s, s:o, s:o}", "type", "failure", "time",
		cli_json_time(cli_now()), "error", error);
	cli_print(w->cli, o, NULL, NULL);
	json_decref(o);
}

/* Reports that some values are not shown because they failed a check. */
static void report_invalid(struct watch *w, const json_t *result)
{
	struct reload_error_text why;
	char what[96];
	long long dropped = cli_get_int(result, "invalid_count");
	if (!dropped)
		return;
	snprintf(what, sizeof(what), "%lld value%s dropped", dropped, cli_plural(dropped));
	reload_error_explain(
		&why, RELOAD_PARTIAL, what, "%s", cli_get_text(result, "invalid_reason"));
	reload_error_advise(&why, "--show-invalid to look");
	report_failure(w, RELOAD_PARTIAL, &why, NULL);
}

static void poll_once(struct watch *w, json_t **last)
{
	struct reload_error_text why;
	struct reload_call_error error;
	json_t *result = NULL;
	enum reload_err err = RELOAD_OK;
	w->polls++;
	if (!w->link)
		err = cli_link_open(&w->link, w->cli, CLI_LINK_NOW, w->stop, &why);
	if (err) {
		w->stopped = err == RELOAD_CANCELLED;
		if (!w->stopped)
			report_failure(w, err, &why, NULL);
		return;
	}
	err = cli_link_call(w->link, "store.fetch", json_deep_copy((json_t *)w->params),
		cli_monotonic() + ONE_FETCH_MS, NULL, NULL, &result, &error);
	if (!err) {
		compare(w, result);
		report_invalid(w, result);
		json_decref(*last);
		*last = result;
		return;
	}
	w->stopped = err == RELOAD_CANCELLED;
	if (err == RELOAD_NO_VALUE || err == RELOAD_NOT_FOUND) {
		json_object_del(*last, "values");
		json_object_del(*last, "invalid_count");
		compare(w, *last);
	} else if (!w->stopped) {
		report_failure(w, err, &error.failure.why, error.data);
		cli_link_free(w->link); /* the next fetch may be answered by another agent */
		w->link = NULL;
	}
	reload_call_error_clear(&error);
}

static void print_summary(FILE *out, const json_t *o, void *arg)
{
	(void)arg;
	fprintf(out, "%lld poll%s, %lld change%s, %lld failure%s\n", cli_get_int(o, "polls"),
		cli_plural(cli_get_int(o, "polls")), cli_get_int(o, "changes"),
		cli_plural(cli_get_int(o, "changes")), cli_get_int(o, "failures"),
		cli_plural(cli_get_int(o, "failures")));
}

static int run(struct watch *w, reload_ms interval)
{
	struct cli *cli = w->cli;
	json_t *last = json_object();
	reload_ms next = cli_monotonic();
	while (!w->stopped && !ferror(stdout)) {
		reload_ms now = cli_monotonic();
		poll_once(w, &last);
		next = next + interval > now ? next + interval : now;
		if (w->stopped ||
			!cli_sleep(w->stop, next < cli->deadline ? next : cli->deadline) ||
			cli_monotonic() >= cli->deadline)
			break;
	}
	json_t *o = json_pack("{s:s, s:i, s:i, s:i}", "type", "summary", "polls", (int)w->polls,
		"changes", (int)w->changes, "failures", (int)w->failures);
	if (cli->format != CLI_TEXT || !cli->quiet)
		cli_print(cli, o, print_summary, NULL);
	json_decref(o);
	json_decref(last);
	return w->polls > w->failures ? 0 : w->last_status;
}

int fetch_watch(struct cli *cli, json_t *params)
{
	struct watch w = { .cli = cli, .params = params };
	struct reload_error_text why;
	reload_ms interval;
	enum reload_err err = cli_time(cli, "watch", 0, &interval, &why);
	if (!err && interval < MIN_INTERVAL_MS)
		err = cli_refuse(&why, "--watch is too short",
			"less than 100ms loads every peer on the way");
	if (err) {
		json_decref(params);
		return cli_fail(cli, err, &why);
	}
	if (!cli_has(cli, "timeout") && !getenv("RELOAD_TIMEOUT"))
		cli->deadline = RELOAD_NEVER; /* runs until it is stopped */
	w.stop = cli_stop_signals();
	int status = run(&w, interval);
	cli_link_free(w.link);
	cli_stop_end(w.stop);
	json_decref(w.known);
	json_decref(params);
	return status;
}
