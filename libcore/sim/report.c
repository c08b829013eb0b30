#include "sim/report.h"

#include "util/clock.h"
#include "util/words.h"

#include <stdio.h>
#include <string.h>

/*
 * The JSON object of a run defines all: its leaves are the columns of the CSV, and the list of its fields (reload_sim_report_fields()) is made from
 * the object of an empty run.
 */

enum {
	PERCENT = 100,
	DIGEST_TEXT = 17,
	NAME_MAX_LEN = 96
};

static const char *const traffic_names[RELOAD_SIM_TRAFFICS] = { "update", "attach", "join", "ping",
	"store", "fetch", "other" };

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? PERCENT * (double)part / (double)whole : PERCENT;
}

static const char *result_word(const struct reload_sim_outcome *o)
{
	return o->ok ? "ok" : reload_sim_check_name(o->violation.check);
}

void reload_sim_report_repeat(const struct reload_sim_report *r, char out[RELOAD_SIM_REPEAT_TEXT])
{
	char options[RELOAD_SIM_OPTIONS_TEXT];
	reload_sim_scenario_options(r->scenario, options, sizeof(options));
	snprintf(out, RELOAD_SIM_REPEAT_TEXT, "reload-sim %s%s%s%.1000s%s--seed %llu%s%.1900s",
		options, *options ? " " : "", r->script ? "--script " : "",
		r->script ? r->script : "", r->script ? " " : "",
		(unsigned long long)r->outcome->seed, r->only_faults ? " --only-faults " : "",
		r->only_faults ? r->only_faults : "");
}

/* --- for people --------------------------------------------------------------------------------------------- */

static void put_ms(struct wr *w, double ms)
{
	if (ms < 1000)
		wr_format(w, "%.0f ms", ms);
	else if (ms < 600000)
		wr_format(w, "%.1f s", ms / 1000);
	else
		wr_format(w, "%.1f min", ms / 60000);
}

static void put_times(struct wr *w, const char *name, const struct reload_sim_spread *s)
{
	if (!s->count)
		return;
	wr_format(w, "%-9s p50 ", name);
	put_ms(w, s->p50);
	wr_format(w, ", p95 ");
	put_ms(w, s->p95);
	wr_format(w, ", max ");
	put_ms(w, s->max);
	wr_format(w, "  (%llu)\n", (unsigned long long)s->count);
}

/* Writes "512 B" or "12.3 KB" (of 1000 bytes). */
static void put_bytes(struct wr *w, double bytes)
{
	static const char *const units[] = { "B", "KB", "MB", "GB", "TB" };
	size_t unit = 0;
	for (; bytes >= 1000 && unit + 1 < COUNT_OF(units); unit++)
		bytes /= 1000;
	wr_format(w, "%.*f %s", unit ? 1 : 0, bytes, units[unit]);
}

static void put_first(struct wr *w, const struct reload_sim_report *r)
{
	const struct reload_sim_outcome *o = r->outcome;
	char options[RELOAD_SIM_OPTIONS_TEXT];
	reload_sim_scenario_options(r->scenario, options, sizeof(options));
	wr_format(w, "seed %llu  %s  digest %016llx\n", (unsigned long long)o->seed,
		o->ok ? "ok" : "VIOLATION", (unsigned long long)o->digest);
	wr_format(w, "scenario  %.1800s\n", *options ? options : "defaults");
	wr_format(w, "faults    %s  (%llu", *o->faults ? o->faults : "none",
		(unsigned long long)o->faults_count);
	if (o->faults_late)
		wr_format(w, ", %llu late", (unsigned long long)o->faults_late);
	wr_format(w, ")\n");
}

static void put_lookups(struct wr *w, const struct reload_sim_outcome *o)
{
	if (o->hops.count)
		wr_format(w, "hops      mean %.2f, p95 %.0f, max %.0f  (%llu lookups)\n",
			o->hops.mean, o->hops.p95, o->hops.max, (unsigned long long)o->hops.count);
	wr_format(w,
		"lookups   %.2f%% of %llu found the newest acknowledged value; %llu Stores, %llu "
		"acknowledged\n",
		percent(o->fetches_good, o->fetches_expected),
		(unsigned long long)o->fetches_expected, (unsigned long long)o->stores,
		(unsigned long long)o->stores_acknowledged);
	wr_format(w, "values    %llu places, %llu of them excused, %llu really lost\n",
		(unsigned long long)o->values, (unsigned long long)o->expected_lost,
		(unsigned long long)o->lost);
}

static void put_traffic(struct wr *w, const struct reload_sim_outcome *o)
{
	if (o->wrong_successors_percent > 0)
		wr_format(w, "ring      %.2f%% of the looks at a peer found a wrong successor\n",
			o->wrong_successors_percent);
	wr_format(w, "upkeep    ");
	put_bytes(w, o->maintenance_bytes_per_peer_hour);
	wr_format(w, " and %.0f messages a peer and hour", o->maintenance_messages_per_peer_hour);
	if (o->rest_bytes_per_peer_hour > 0) {
		wr_format(w, "; at rest ");
		put_bytes(w, o->rest_bytes_per_peer_hour);
	}
	wr_format(w,
		"\nlinks     %.1f a peer at the end, %.1f of them between neighbours and fingers",
		o->links_per_peer, o->needed_links_per_peer);
	wr_format(w, "\ntraffic   %llu messages, ", (unsigned long long)o->counts.messages);
	put_bytes(w, (double)o->counts.bytes);
	for (size_t i = 0; i < RELOAD_SIM_TRAFFICS; i++)
		if (o->counts.traffic_bytes[i])
			wr_format(w, "%s %s %.0f%%", i ? "," : ":", traffic_names[i],
				percent(o->counts.traffic_bytes[i], o->counts.bytes));
	wr_format(w, "\n");
}

static void put_estimates(struct wr *w, const struct reload_sim_outcome *o)
{
	if (!o->size_error.count)
		return;
	wr_format(w, "estimates size off by p50 %.0f%%, p95 %.0f%%", o->size_error.p50,
		o->size_error.p95);
	if (o->failures_error.count)
		wr_format(w, "; failures %.0f%%, %.0f%%", o->failures_error.p50,
			o->failures_error.p95);
	if (o->joins_error.count)
		wr_format(w, "; joins %.0f%%, %.0f%%", o->joins_error.p50, o->joins_error.p95);
	wr_format(w, "\ninterval  p50 %.1f s, p95 %.1f s, max %.1f s\n", o->interval_s.p50,
		o->interval_s.p95, o->interval_s.max);
}

void reload_sim_report_table(struct wr *w, const struct reload_sim_report *r)
{
	const struct reload_sim_outcome *o = r->outcome;
	char time[RELOAD_TIME_TEXT];
	put_first(w, r);
	wr_format(w, "time      %s, %llu events; %zu peers, at most %zu\n",
		reload_time_text(time, o->virtual_ms / 1000 * 1000),
		(unsigned long long)o->counts.events, o->peers, o->peers_peak);
	put_times(w, "joined", &o->join_ms);
	put_times(w, "healed", &o->heal_ms);
	put_times(w, "repaired", &o->repair_ms);
	put_lookups(w, o);
	put_times(w, "Fetch", &o->fetch_ms);
	put_times(w, "Store", &o->store_ms);
	put_traffic(w, o);
	put_estimates(w, o);
	if (o->lies)
		wr_format(w,
			"lies      %llu told, %llu messages refused, %llu answers believed; %llu "
			"of "
			"%llu final reads failed\n",
			(unsigned long long)o->lies, (unsigned long long)o->lies_refused,
			(unsigned long long)o->lies_believed, (unsigned long long)o->reads.failed,
			(unsigned long long)o->reads.owed);
	reload_sim_report_violation(w, r);
}

void reload_sim_report_head(struct wr *w)
{
	wr_format(w, "%8s  %-11s %7s  %5s %4s  %8s  %9s  %9s  %10s  %s\n", "seed", "result",
		"peers", "hops", "p95", "lookups", "Fetch p95", "heal max", "B/peer/h", "digest");
}

void reload_sim_report_line(struct wr *w, const struct reload_sim_report *r)
{
	const struct reload_sim_outcome *o = r->outcome;
	wr_format(w,
		"%8llu  %-11s %7zu  %5.2f %4.0f  %7.2f%%  %6.0f ms  %7.1f s  %10.0f  %016llx\n",
		(unsigned long long)o->seed, result_word(o), o->peers, o->hops.mean, o->hops.p95,
		percent(o->fetches_good, o->fetches_expected), o->fetch_ms.p95,
		o->heal_ms.max / 1000, o->maintenance_bytes_per_peer_hour,
		(unsigned long long)o->digest);
}

void reload_sim_report_violation(struct wr *w, const struct reload_sim_report *r)
{
	const struct reload_sim_outcome *o = r->outcome;
	char repeat[RELOAD_SIM_REPEAT_TEXT];
	if (o->ok)
		return;
	reload_sim_report_repeat(r, repeat);
	wr_format(w, "seed %llu violates %s at %.3f s: %s\n", (unsigned long long)o->seed,
		reload_sim_check_name(o->violation.check), (double)o->violation.at / 1000,
		o->violation.words);
	wr_format(w, "  rule:    %s\n  repeat:  ", reload_sim_check_sentence(o->violation.check));
	wr_span(w, span_str(repeat));
	wr_u8(w, '\n');
}

/* --- JSON ---------------------------------------------------------------------------------------------------- */

static json_t *spread_json(const struct reload_sim_spread *s)
{
	json_t *o = json_pack("{s:I}", "count", (json_int_t)s->count);
	const struct {
		const char *name;
		double v;
	} all[] = { { "mean", s->mean }, { "p50", s->p50 }, { "p95", s->p95 }, { "p99", s->p99 },
		{ "max", s->max } };
	for (size_t i = 0; i < COUNT_OF(all); i++)
		json_object_set_new(o, all[i].name, s->count ? json_real(all[i].v) : json_null());
	return o;
}

/* Makes "growth_time_s" of growth-time: JSON keys have the unit. */
static void setting_name(char out[NAME_MAX_LEN], const struct reload_sim_key *key)
{
	const char *unit = !strcmp(key->type, "TIME")  ? "_s"
			   : !strcmp(key->type, "PCT") ? "_percent"
						       : "";
	snprintf(out, NAME_MAX_LEN, "%.64s%s", key->key, unit);
	for (char *c = out; *c; c++)
		if (*c == '-')
			*c = '_';
}

static json_t *settings_json(const struct reload_sim_scenario *s)
{
	struct reload_sim_key keys[RELOAD_SIM_KEYS_MAX];
	size_t count = reload_sim_keys(keys);
	json_t *o = json_object();
	for (size_t i = 0; i < count; i++) {
		char name[NAME_MAX_LEN], text[RELOAD_SIM_VALUE_TEXT];
		double v;
		json_t *value;
		setting_name(name, &keys[i]);
		reload_sim_scenario_text(s, i, text);
		if (!reload_sim_scenario_number(s, i, &v))
			value = strcmp(keys[i].type, "no|yes") != 0 ? json_string(text)
								    : json_boolean(*text == 'y');
		else
			value = strcmp(keys[i].type, "COUNT") != 0 ? json_real(v)
								   : json_integer((json_int_t)v);
		json_object_set_new(o, name, value);
	}
	return o;
}

static json_t *violation_json(const struct reload_sim_outcome *o)
{
	if (o->ok)
		return json_pack("{s:n, s:n, s:n}", "check", "at_ms", "words");
	json_t *words = json_string(o->violation.words);
	return json_pack("{s:s, s:I, s:o}", "check", reload_sim_check_name(o->violation.check),
		"at_ms", (json_int_t)o->violation.at, "words",
		words ? words : json_string("(no text)"));
}

static json_t *traffic_json(const struct reload_sim_counts *c)
{
	json_t *o = json_object();
	for (size_t i = 0; i < RELOAD_SIM_TRAFFICS; i++)
		json_object_set_new(o, traffic_names[i],
			json_pack("{s:I, s:I}", "messages", (json_int_t)c->traffic_messages[i],
				"size_bytes", (json_int_t)c->traffic_bytes[i]));
	return o;
}

static json_t *samples_json(const struct reload_sim_report *r)
{
	json_t *list = json_array();
	for (size_t i = 0; r->series && i < r->outcome->samples_count; i++) {
		const struct reload_sim_sample *s = &r->outcome->samples[i];
		json_array_append_new(list,
			json_pack("{s:I, s:i, s:i, s:I, s:I, s:i, s:i, s:i, s:f}", "at_ms",
				(json_int_t)s->at, "peers", (int)s->peers, "joined", (int)s->joined,
				"messages", (json_int_t)s->messages, "size_bytes",
				(json_int_t)s->bytes, "lookups", (int)s->lookups, "lookups_good",
				(int)s->lookups_good, "incomplete", (int)s->incomplete,
				"interval_s", s->interval_s));
	}
	return list;
}

static void set_counts(json_t *to, const struct reload_sim_outcome *o)
{
	const struct {
		const char *name;
		uint64_t v;
	} all[] = { { "virtual_ms", o->virtual_ms }, { "peers", o->peers },
		{ "peers_peak", o->peers_peak }, { "faults_count", o->faults_count },
		{ "faults_late", o->faults_late }, { "events", o->counts.events },
		{ "messages", o->counts.messages }, { "size_bytes", o->counts.bytes },
		{ "lost", o->counts.lost }, { "dropped", o->counts.dropped },
		{ "duplicated", o->counts.duplicated }, { "stores", o->stores },
		{ "stores_acknowledged", o->stores_acknowledged }, { "conflicts", o->conflicts },
		{ "fetches", o->fetches }, { "fetches_good", o->fetches_good },
		{ "fetches_expected", o->fetches_expected }, { "fetches_stale", o->stale.old },
		{ "fetches_absent", o->stale.absent }, { "lookups", o->lookups.ended },
		{ "lookups_first_try", o->lookups.first_try },
		{ "lookups_timed_out", o->lookups.timed_out }, { "values", o->values },
		{ "values_excused", o->expected_lost }, { "values_lost", o->lost },
		{ "lies", o->lies }, { "lies_refused", o->lies_refused },
		{ "lies_believed", o->lies_believed }, { "reads", o->reads.owed },
		{ "reads_failed", o->reads.failed }, { "repair_stores", o->repair_stores },
		{ "held_bytes", o->held_bytes }, { "reads_apart", o->reads.apart },
		{ "reads_apart_failed", o->reads.apart_failed } };
	for (size_t i = 0; i < COUNT_OF(all); i++)
		json_object_set_new(to, all[i].name, json_integer((json_int_t)all[i].v));
}

static void set_spreads(json_t *to, const struct reload_sim_outcome *o)
{
	const struct {
		const char *name;
		const struct reload_sim_spread *s;
	} all[] = { { "hops", &o->hops }, { "fetch_ms", &o->fetch_ms },
		{ "store_ms", &o->store_ms }, { "join_ms", &o->join_ms },
		{ "heal_ms", &o->heal_ms }, { "repair_ms", &o->repair_ms },
		{ "size_error_percent", &o->size_error },
		{ "own_size_error_percent", &o->own_size_error },
		{ "own_failures_error_percent", &o->own_failures_error },
		{ "own_joins_error_percent", &o->own_joins_error },
		{ "failures_error_percent", &o->failures_error },
		{ "joins_error_percent", &o->joins_error }, { "interval_s", &o->interval_s } };
	for (size_t i = 0; i < COUNT_OF(all); i++)
		json_object_set_new(to, all[i].name, spread_json(all[i].s));
}

json_t *reload_sim_report_object(const struct reload_sim_report *r)
{
	const struct reload_sim_outcome *o = r->outcome;
	char digest[DIGEST_TEXT], repeat[RELOAD_SIM_REPEAT_TEXT];
	snprintf(digest, sizeof(digest), "%016llx", (unsigned long long)o->digest);
	reload_sim_report_repeat(r, repeat);
	json_t *j = json_pack("{s:s, s:I, s:s, s:b, s:o, s:s, s:s, s:o}", "type", "run", "seed",
		(json_int_t)o->seed, "digest", digest, "ok", (int)o->ok, "violation",
		violation_json(o), "repeat", repeat, "faults", o->faults, "settings",
		settings_json(r->scenario));
	set_counts(j, o);
	set_spreads(j, o);
	const struct {
		const char *name;
		double v;
	} rates[] = { { "lookups_percent", percent(o->fetches_good, o->fetches_expected) },
		{ "maintenance_bytes_per_peer_hour", o->maintenance_bytes_per_peer_hour },
		{ "maintenance_messages_per_peer_hour", o->maintenance_messages_per_peer_hour },
		{ "rest_bytes_per_peer_hour", o->rest_bytes_per_peer_hour },
		{ "wrong_successors_percent", o->wrong_successors_percent },
		{ "links_per_peer", o->links_per_peer },
		{ "needed_links_per_peer", o->needed_links_per_peer } };
	for (size_t i = 0; i < COUNT_OF(rates); i++)
		json_object_set_new(j, rates[i].name, json_real(rates[i].v));
	json_object_set_new(j, "traffic", traffic_json(&o->counts));
	json_object_set_new(j, "load_traffic", traffic_json(&o->load));
	json_object_set_new(j, "samples", samples_json(r));
	return j;
}

/* --- the fields of the object, and CSV ----------------------------------------------------------------------- */

/* The object of an empty run. */
static json_t *empty_run(void)
{
	static const struct reload_sim_outcome none = { .ok = true };
	struct reload_sim_scenario s;
	reload_sim_scenario_init(&s);
	return reload_sim_report_object(
		&(struct reload_sim_report){ .scenario = &s, .outcome = &none });
}

static void put_fields(struct wr *w, json_t *object, const char *parent);

static void put_type(struct wr *w, const char *parent, const char *name, json_t *v)
{
	if (json_is_object(v)) {
		wr_format(w, "%s:{", name);
		put_fields(w, v, name);
		wr_format(w, "}");
	} else if (json_is_array(v)) {
		wr_format(w,
			"%s:{at_ms:integer peers:integer joined:integer messages:integer "
			"size_bytes:integer lookups:integer lookups_good:integer "
			"incomplete:integer interval_s:number}[]",
			name);
	} else if (json_is_null(v)) { /* an absent number of a spread, or the absent violation */
		bool violation = !strcmp(parent, "violation");
		wr_format(w, "%s:%s?", name,
			!violation                   ? "number"
			: strcmp(name, "at_ms") == 0 ? "integer"
						     : "string");
	} else {
		wr_format(w, "%s:%s", name,
			json_is_boolean(v)   ? "boolean"
			: json_is_integer(v) ? "integer"
			: json_is_real(v)    ? "number"
					     : "string");
	}
}

static void put_fields(struct wr *w, json_t *object, const char *parent)
{
	const char *name, *blank = "";
	json_t *v;
	json_object_foreach (object, name, v) {
		wr_format(w, "%s", blank);
		put_type(w, parent, name, v);
		blank = " ";
	}
}

void reload_sim_report_fields(struct wr *w)
{
	json_t *o = empty_run();
	put_fields(w, o, "");
	json_decref(o);
}

/* Writes text by RFC 4180. */
static void csv_text(struct wr *w, const char *text)
{
	if (!strpbrk(text, ",\"\r\n")) {
		wr_span(w, span_str(text));
		return;
	}
	wr_u8(w, '"');
	for (; *text; text++) {
		if (*text == '"')
			wr_u8(w, '"');
		wr_u8(w, (uint8_t)*text);
	}
	wr_u8(w, '"');
}

static void csv_leaf(struct wr *w, const json_t *v)
{
	if (json_is_string(v))
		csv_text(w, json_string_value(v));
	else if (json_is_real(v))
		wr_format(w, "%.9g", json_real_value(v));
	else if (json_is_integer(v))
		wr_format(w, "%lld", (long long)json_integer_value(v));
	else if (json_is_boolean(v))
		wr_format(w, "%s", json_is_true(v) ? "true" : "false");
}

/* Writes the leaves of object, or their names. */
static void csv_row(
	struct wr *w, json_t *object, const char *prefix, bool names, const char **comma)
{
	const char *name;
	json_t *v;
	json_object_foreach (object, name, v) {
		char path[NAME_MAX_LEN];
		snprintf(path, sizeof(path), "%s%s%s", prefix, *prefix ? "_" : "", name);
		if (json_is_object(v))
			csv_row(w, v, path, names, comma);
		if (json_is_object(v) || json_is_array(v))
			continue;
		wr_format(w, "%s", *comma);
		*comma = ",";
		if (names)
			wr_format(w, "%s", path);
		else
			csv_leaf(w, v);
	}
}

void reload_sim_report_csv_head(struct wr *w)
{
	const char *comma = "";
	json_t *o = empty_run();
	csv_row(w, o, "", true, &comma);
	wr_u8(w, '\n');
	json_decref(o);
}

void reload_sim_report_csv(struct wr *w, const struct reload_sim_report *r)
{
	const char *comma = "";
	json_t *o = reload_sim_report_object(r);
	csv_row(w, o, "", false, &comma);
	wr_u8(w, '\n');
	json_decref(o);
}

/* --- all runs ------------------------------------------------------------------------------------------------ */

void reload_sim_summary_add(struct reload_sim_summary *sum, const struct reload_sim_outcome *o)
{
	sum->runs++;
	sum->violations += !o->ok;
	sum->events += o->counts.events;
	sum->fetches_good += o->fetches_good;
	sum->fetches_expected += o->fetches_expected;
	sum->maintenance_sum += o->maintenance_bytes_per_peer_hour;
	if (o->hops.count) {
		sum->hops_sum += o->hops.mean;
		sum->hops_runs++;
	}
	if (o->heal_ms.count && o->heal_ms.max > sum->worst_heal_ms) {
		sum->worst_heal_ms = o->heal_ms.max;
		sum->worst_heal_seed = o->seed;
	}
}

const char *reload_sim_summary_fields(void)
{
	return "type:string runs:integer violations:integer events:integer lookups_percent:number "
	       "hops_mean:number? worst_heal_ms:number? worst_heal_seed:integer? "
	       "maintenance_bytes_per_peer_hour:number?";
}

json_t *reload_sim_summary_object(const struct reload_sim_summary *sum)
{
	bool healed = sum->worst_heal_ms > 0;
	double runs = (double)sum->runs;
	return json_pack("{s:s, s:I, s:I, s:I, s:f, s:o, s:o, s:o, s:o}", "type", "summary", "runs",
		(json_int_t)sum->runs, "violations", (json_int_t)sum->violations, "events",
		(json_int_t)sum->events, "lookups_percent",
		percent(sum->fetches_good, sum->fetches_expected), "hops_mean",
		sum->hops_runs ? json_real(sum->hops_sum / (double)sum->hops_runs) : json_null(),
		"worst_heal_ms", healed ? json_real(sum->worst_heal_ms) : json_null(),
		"worst_heal_seed",
		healed ? json_integer((json_int_t)sum->worst_heal_seed) : json_null(),
		"maintenance_bytes_per_peer_hour",
		sum->runs ? json_real(sum->maintenance_sum / runs) : json_null());
}

void reload_sim_summary_table(struct wr *w, const struct reload_sim_summary *sum)
{
	wr_format(w, "%llu runs, %llu violations; lookups %.2f%% good",
		(unsigned long long)sum->runs, (unsigned long long)sum->violations,
		percent(sum->fetches_good, sum->fetches_expected));
	if (sum->hops_runs)
		wr_format(w, ", %.2f hops", sum->hops_sum / (double)sum->hops_runs);
	if (sum->worst_heal_ms > 0) {
		wr_format(w, "; worst heal ");
		put_ms(w, sum->worst_heal_ms);
		wr_format(w, " (seed %llu)", (unsigned long long)sum->worst_heal_seed);
	}
	if (sum->runs) {
		wr_format(w, "; upkeep ");
		put_bytes(w, sum->maintenance_sum / (double)sum->runs);
		wr_format(w, " a peer and hour");
	}
	wr_format(w, "\n");
}
