#include "reload-sim/charts.h"

#include "common/files.h"
#include "sim/plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * With --sweep the x axis is the swept setting, and a point is the mean over all seeds.  Without, it is virtual time, and each seed has a
 * curve, as far as there are colours.
 */

enum {
	PICTURES = 7,
	NAME_MAX_LEN = 64,
	PERCENT = 100,
	WIDE = 20 /* a range of x with such a ratio gets a logarithmic axis */
};

enum picture {
	HOPS,
	TRAFFIC,
	SUCCESS,
	REPAIR,
	PEERS,
	LATENCY,
	COST
};

static const char *const names[PICTURES] = { "hops", "traffic", "success", "repair", "peers",
	"latency", "cost" };

/* The mean of the added values; NAN when there are none. */
struct mean {
	double sum;
	size_t count;
};

/* The means that are drawn over a swept setting. */
enum measure {
	HOPS_MEAN,
	HOPS_P95,
	UPKEEP,
	REST,
	GOOD,
	HEAL_P50,
	HEAL_MAX,
	REPAIR_P95,
	FETCH_P50,
	FETCH_P95,
	MEASURES
};

struct charts {
	const struct plan *plan;
	bool wanted[PICTURES];
	char file[NAME_MAX_LEN];        /* the only picture to draw, by its name; "": all */
	struct mean (*means)[MEASURES]; /* of each variant (owned) */
	double *x;                      /* of each variant (owned) */
	struct reload_sim_outcome *series[RELOAD_SIM_CURVES_MAX]; /* without --sweep (owned) */
	size_t series_count;
};

static void mean_add(struct mean *m, bool any, double v)
{
	if (any && isfinite(v)) {
		m->sum += v;
		m->count++;
	}
}

static double mean_of(const struct mean *m)
{
	return m->count ? m->sum / (double)m->count : NAN;
}

/* possible() returns whether a picture belongs to sweeps, or to time. */
static bool possible(const struct plan *p, enum picture which)
{
	return *p->sweep ? which != PEERS : which != HOPS && which != LATENCY && which != COST;
}

/* choose() reads from FILE.svg which picture to draw: its name begins with the picture's name. */
static enum reload_err choose(struct charts *c, struct reload_error_text *why)
{
	const char *slash = strrchr(c->plan->plot, '/');
	const char *base = slash ? slash + 1 : c->plan->plot;
	size_t len = strlen(base);
	bool one = len > 4 && !strcmp(base + len - 4, ".svg");
	char what[128];
	for (size_t i = 0; i < PICTURES; i++)
		c->wanted[i] = possible(c->plan, i) &&
			       (!one || !strncmp(base, names[i], strlen(names[i])));
	if (!one)
		return RELOAD_OK;
	snprintf(c->file, sizeof(c->file), "%.60s", base);
	for (size_t i = 0; i < PICTURES; i++)
		if (c->wanted[i])
			return RELOAD_OK;
	snprintf(what, sizeof(what), "--plot %.64s names no picture", c->plan->plot);
	return reload_error_explain(why, RELOAD_USAGE, what, "the file's name begins with %s",
		*c->plan->sweep ? "hops, traffic, success, repair, latency or cost (with --sweep)"
				: "traffic, success, repair or peers (without --sweep)");
}

enum reload_err charts_new(
	struct charts **out, const struct plan *plan, struct reload_error_text *why)
{
	AUTO(charts) c = RELOAD_NEW(charts);
	c->plan = plan;
	c->means = reload_alloc_array(plan->variants_count, sizeof(*c->means));
	c->x = reload_alloc_array(plan->variants_count, sizeof(*c->x));
	for (size_t i = 0; i < plan->variants_count && *plan->sweep; i++)
		if (!reload_sim_scenario_number(
			    &plan->variants[i].scenario, plan->sweep_index, &c->x[i]))
			return reload_error_explain(why, RELOAD_USAGE,
				"--plot cannot draw over this setting", "%s is no number",
				plan->sweep);
	enum reload_err err = choose(c, why);
	if (!err)
		*out = TAKE(c);
	return err;
}

void charts_free(struct charts *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->series_count; i++)
		free(c->series[i]);
	free(c->means);
	free(c->x);
	free(c);
}

void charts_add(struct charts *c, size_t run, const struct reload_sim_outcome *o)
{
	struct mean *m = c->means[plan_variant(c->plan, run) - c->plan->variants];
	mean_add(&m[HOPS_MEAN], o->hops.count, o->hops.mean);
	mean_add(&m[HOPS_P95], o->hops.count, o->hops.p95);
	mean_add(&m[UPKEEP], true, o->maintenance_bytes_per_peer_hour);
	mean_add(&m[REST], o->rest_bytes_per_peer_hour > 0, o->rest_bytes_per_peer_hour);
	mean_add(&m[GOOD], o->fetches_expected,
		PERCENT * (double)o->fetches_good / (double)o->fetches_expected);
	mean_add(&m[HEAL_P50], o->heal_ms.count, o->heal_ms.p50 / RELOAD_SECOND);
	mean_add(&m[HEAL_MAX], o->heal_ms.count, o->heal_ms.max / RELOAD_SECOND);
	mean_add(&m[REPAIR_P95], o->repair_ms.count, o->repair_ms.p95 / RELOAD_SECOND);
	mean_add(&m[FETCH_P50], o->fetch_ms.count, o->fetch_ms.p50);
	mean_add(&m[FETCH_P95], o->fetch_ms.count, o->fetch_ms.p95);
	if (!*c->plan->sweep && c->series_count < RELOAD_SIM_CURVES_MAX)
		c->series[c->series_count++] = reload_memdup(o, sizeof(*o));
}

/* --- curves --------------------------------------------------------------------------------------------------- */

/* A picture under construction; points are owned. */
struct drawing {
	struct reload_sim_curve curves[RELOAD_SIM_CURVES_MAX];
	char words[RELOAD_SIM_CURVES_MAX][NAME_MAX_LEN];
	size_t count;
};

static struct reload_sim_point *add_curve(
	struct drawing *d, const char *name, enum reload_sim_mark mark, size_t points)
{
	struct reload_sim_point *at = reload_alloc_array(points + 1, sizeof(*at));
	snprintf(d->words[d->count], NAME_MAX_LEN, "%.60s", name);
	d->curves[d->count] = (struct reload_sim_curve){ d->words[d->count], mark, at, points };
	d->count++;
	return at;
}

static void add_measure(struct drawing *d, const struct charts *c, const char *name, enum measure m)
{
	bool any = false;
	for (size_t i = 0; i < c->plan->variants_count; i++)
		any = any || c->means[i][m].count;
	if (!any)
		return;
	struct reload_sim_point *p =
		add_curve(d, name, RELOAD_SIM_MARK_DOTS, c->plan->variants_count);
	for (size_t i = 0; i < c->plan->variants_count; i++)
		p[i] = (struct reload_sim_point){ c->x[i], mean_of(&c->means[i][m]) };
}

static int point_cmp(const void *a, const void *b)
{
	const struct reload_sim_point *x = a, *y = b;
	return (x->x > y->x) - (x->x < y->x);
}

/* add_cost() adds a measure over the upkeep that it was had for, instead of the setting. */
static void add_cost(struct drawing *d, const struct charts *c, const char *name, enum measure m)
{
	size_t first = d->count;
	add_measure(d, c, name, m);
	if (d->count == first)
		return;
	struct reload_sim_point *p = (struct reload_sim_point *)d->curves[first].points;
	for (size_t i = 0; i < c->plan->variants_count; i++)
		p[i].x = mean_of(&c->means[i][UPKEEP]);
	qsort(p, c->plan->variants_count, sizeof(*p), point_cmp);
}

/*
 * add_theory() adds what theory predicts for Chord: half of log2 N hops, and half a hop more for fingers that are not
 * exact.
 */
static void add_theory(struct drawing *d, const struct charts *c)
{
	struct reload_sim_point *p =
		add_curve(d, "0.5 log2 N + 0.5", RELOAD_SIM_MARK_DASHES, c->plan->variants_count);
	for (size_t i = 0; i < c->plan->variants_count; i++)
		p[i] = (struct reload_sim_point){ c->x[i], 0.5 * log2(c->x[i]) + 0.5 };
}

static void draw_sweep(struct drawing *d, const struct charts *c, enum picture which)
{
	switch (which) {
	case HOPS:
		add_measure(d, c, "mean", HOPS_MEAN);
		add_measure(d, c, "95 of 100", HOPS_P95);
		if (!strcmp(c->plan->sweep, "peers"))
			add_theory(d, c);
		break;
	case TRAFFIC:
		add_measure(d, c, "upkeep", UPKEEP);
		add_measure(d, c, "at rest", REST);
		break;
	case SUCCESS:
		add_measure(d, c, "lookups", GOOD);
		break;
	case REPAIR:
		add_measure(d, c, "ring, median", HEAL_P50);
		add_measure(d, c, "ring, longest", HEAL_MAX);
		add_measure(d, c, "values, 95 of 100", REPAIR_P95);
		break;
	case LATENCY:
		add_measure(d, c, "median", FETCH_P50);
		add_measure(d, c, "95 of 100", FETCH_P95);
		break;
	case COST:
		add_cost(d, c, "median", FETCH_P50);
		add_cost(d, c, "95 of 100", FETCH_P95);
		break;
	case PEERS:
		break;
	}
}

/* sample_value() returns the y value of a picture over time; NAN when nothing was measured. */
static double sample_value(const struct reload_sim_outcome *o, size_t i, enum picture which)
{
	const struct reload_sim_sample *s = &o->samples[i];
	reload_ms before = i ? o->samples[i - 1].at : 0;
	double hours = (double)(s->at - before) / 3600000;
	switch (which) {
	case TRAFFIC:
		return s->peers && hours > 0 ? (double)s->bytes / s->peers / hours : NAN;
	case SUCCESS:
		return s->lookups ? PERCENT * (double)s->lookups_good / s->lookups : NAN;
	case REPAIR:
		return s->incomplete;
	case PEERS:
		return s->joined;
	case HOPS:
	case LATENCY:
	case COST:
		break;
	}
	return NAN;
}

static void draw_time(struct drawing *d, const struct charts *c, enum picture which)
{
	for (size_t k = 0; k < c->series_count; k++) {
		const struct reload_sim_outcome *o = c->series[k];
		char name[NAME_MAX_LEN];
		snprintf(name, sizeof(name), "seed %llu", (unsigned long long)o->seed);
		struct reload_sim_point *p =
			add_curve(d, name, RELOAD_SIM_MARK_LINE, o->samples_count);
		for (size_t i = 0; i < o->samples_count; i++)
			p[i] = (struct reload_sim_point){ (double)o->samples[i].at / 60000,
				sample_value(o, i, which) };
	}
}

/* --- pictures ------------------------------------------------------------------------------------------------- */

/* describe() describes the curves as text: first, last, lowest and highest values. */
static void describe(struct wr *w, const struct drawing *d)
{
	for (size_t c = 0; c < d->count; c++) {
		const struct reload_sim_curve *curve = &d->curves[c];
		const struct reload_sim_point *first = NULL, *last = NULL;
		for (size_t i = 0; i < curve->count; i++)
			if (isfinite(curve->points[i].y)) {
				first = first ? first : &curve->points[i];
				last = &curve->points[i];
			}
		if (first)
			wr_format(w, "%s%s: from %.4g at %.6g to %.4g at %.6g.", c ? " " : "",
				curve->name, first->y, first->x, last->y, last->x);
	}
	wr_u8(w, 0);
}

static const char *unit_of(const struct plan *p)
{
	struct reload_sim_key keys[RELOAD_SIM_KEYS_MAX];
	reload_sim_keys(keys);
	const char *type = keys[p->sweep_index].type;
	return !strcmp(type, "TIME") ? " (s)" : !strcmp(type, "PCT") ? " (%)" : "";
}

/* Whether the values of x of a sweep have such a range that the axis is logarithmic. */
static bool wide(const struct charts *c, const struct drawing *d)
{
	double low = INFINITY, high = 0;
	for (size_t k = 0; k < d->count && *c->plan->sweep; k++)
		for (size_t i = 0; i < d->curves[k].count; i++) {
			low = fmin(low, d->curves[k].points[i].x);
			high = fmax(high, d->curves[k].points[i].x);
		}
	return low > 0 && isfinite(low) && high / low >= WIDE;
}

static void picture(struct wr *w, const struct charts *c, enum picture which)
{
	static const struct {
		const char *title, *y;
	} words[PICTURES] = { { "Hops of a lookup", "hops" },
		{ "Traffic of a peer", "bytes per peer and hour" },
		{ "Lookups that find the newest value", "percent" },
		{ "Time to repair", "seconds" }, { "Peers that are joined", "peers" },
		{ "Time of a lookup", "milliseconds" },
		{ "Time of a lookup, by its upkeep", "milliseconds" } };
	const struct plan *p = c->plan;
	const char *y = which == REPAIR && !*p->sweep ? "values" : words[which].y;
	const char *title = which == REPAIR && !*p->sweep ? "Values with a replica missing"
							  : words[which].title;
	char full[160], x_name[96] = "virtual time (minutes)";
	struct drawing d = { .count = 0 };
	struct wr desc;
	wr_init(&desc);
	if (which == COST) {
		snprintf(x_name, sizeof(x_name), "upkeep (bytes per peer and hour)");
		draw_sweep(&d, c, which);
	} else if (*p->sweep) {
		snprintf(x_name, sizeof(x_name), "%s%s", p->sweep, unit_of(p));
		draw_sweep(&d, c, which);
	} else {
		draw_time(&d, c, which);
	}
	snprintf(full, sizeof(full), "%s over %s", title, *p->sweep ? p->sweep : "time");
	describe(&desc, &d);
	reload_sim_plot_svg(w, &(struct reload_sim_plot){ .title = full,
				       .desc = (const char *)desc.at,
				       .x_name = x_name,
				       .y_name = y,
				       .log_x = wide(c, &d),
				       .y_most = which == SUCCESS ? PERCENT : 0,
				       .curves = d.curves,
				       .count = d.count });
	for (size_t i = 0; i < d.count; i++)
		free((void *)d.curves[i].points);
	wr_clear(&desc);
}

static enum reload_err make_dir(const char *path, struct reload_error_text *why)
{
	AUTO(cli_files) files = cli_files_new();
	enum reload_err err = cli_files_mkdir(files, path, 0755, why);
	return err ? err : cli_files_commit(files, why);
}

enum reload_err charts_write(struct charts *c, reload_ms deadline, struct reload_error_text *why)
{
	const struct plan *p = c->plan;
	enum reload_err err = *c->file ? RELOAD_OK : make_dir(p->plot, why);
	for (size_t i = 0; i < PICTURES && !err; i++) {
		char path[4200];
		struct wr w;
		if (!c->wanted[i])
			continue;
		wr_init(&w);
		picture(&w, c, i);
		snprintf(path, sizeof(path), *c->file ? "%.4000s" : "%.4000s/%s-over-%s.svg",
			p->plot, names[i], *p->sweep ? p->sweep : "time");
		err = cli_file_write(path, wr_done(&w), deadline, why);
		wr_clear(&w);
	}
	return err;
}
