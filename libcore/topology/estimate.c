/*
 * The formulas of RFC 7363 s6, and what they leave open.
 *
 * U counts failures per peer, L joins of the overlay.  A history that is not full counts now as one more failure, and the own join is its first
 * entry, so a peer that has just joined finds a high rate and checks often at first.  Rates of 0 and rings of 1, 2 or 3 peers divide by
 * nothing: an interval is never 0 and never without end.
 */
#include "topology/estimate.h"

#include <math.h>
#include <stdlib.h>

/* A distance on the ring as a part of it. */
static double part_of_ring(const struct reload_id *distance)
{
	double part = 0;
	for (size_t i = distance->len; i-- > 0;)
		part = (part + distance->at[i]) / 256;
	return part;
}

double reload_estimate_size(const struct reload_id *self, const struct reload_id *predecessors,
	size_t predecessors_count, const struct reload_id *successors, size_t successors_count)
{
	size_t twice = 0, gaps = predecessors_count + successors_count;
	for (size_t i = 0; i < predecessors_count; i++)
		for (size_t j = 0; j < successors_count; j++)
			twice += reload_id_eq(&predecessors[i], &successors[j]);
	double span = 0;
	if (predecessors_count) {
		struct reload_id d =
			reload_id_distance(&predecessors[predecessors_count - 1], self);
		span += part_of_ring(&d);
	}
	if (successors_count) {
		struct reload_id d = reload_id_distance(self, &successors[successors_count - 1]);
		span += part_of_ring(&d);
	}
	if (twice || span >= 1 || !gaps || span <= 0)
		return (double)(gaps - twice + 1);
	return (double)gaps / span;
}

size_t reload_failures_limit(size_t members)
{
	size_t limit = (members + 3) / 4;
	if (limit > RELOAD_ESTIMATE_HISTORY_MAX)
		return RELOAD_ESTIMATE_HISTORY_MAX;
	return limit < 2 ? 2 : limit;
}

void reload_failures_begin(struct reload_failures *f, reload_ms joined)
{
	f->at[0] = joined;
	f->count = 1;
}

void reload_failures_trim(struct reload_failures *f, size_t limit)
{
	if (f->count <= limit)
		return;
	memmove(f->at, f->at + (f->count - limit), limit * sizeof(*f->at));
	f->count = limit;
}

void reload_failures_add(struct reload_failures *f, reload_ms now, size_t limit)
{
	reload_failures_trim(f, limit - 1);
	f->at[f->count++] = now;
}

double reload_estimate_failures(
	const struct reload_failures *f, size_t limit, size_t members, reload_ms now)
{
	if (!members || !f->count)
		return 0;
	reload_ms newest = f->count < limit ? now : f->at[f->count - 1];
	double span = (double)(newest - f->at[0]) / RELOAD_SECOND;
	return (double)f->count / ((double)members * (span < 1 ? 1 : span));
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

double reload_estimate_joins(double size, double *ages, size_t count)
{
	if (!count)
		return 0;
	qsort(ages, count, sizeof(*ages), ascending);
	double age = ages[count / 2];
	return size / (age < 1 ? 1 : age);
}

double reload_estimate_percentile(double *values, size_t count)
{
	size_t rank = (3 * count + 2) / 4; /* 0.75 * count, rounded half up */
	qsort(values, count, sizeof(*values), ascending);
	return values[rank ? rank - 1 : 0];
}

unsigned reload_estimate_log2(double size)
{
	unsigned n = 0;
	while (n < RELOAD_ESTIMATE_FINGERS_MAX && ldexp(1, (int)n) < size)
		n++;
	return n;
}

static unsigned within(unsigned n, unsigned low, unsigned high)
{
	return n < low ? low : n > high ? high : n;
}

unsigned reload_tuned_size(struct reload_tuned_size *s, double size, unsigned low, unsigned high)
{
	static const double margin = 1.15; /* about the accuracy of N (s6.1) */
	unsigned wanted = within(reload_estimate_log2(size), low, high);
	if (wanted < s->now)
		wanted = within(reload_estimate_log2(margin * size), low, s->now);
	if (!s->now || wanted == s->next)
		s->now = wanted;
	s->next = wanted == s->now ? 0 : wanted;
	return s->now;
}

struct reload_interval reload_estimate_interval(
	const struct reload_estimates *of, uint32_t longest_s)
{
	double longest = longest_s < RELOAD_ESTIMATE_INTERVAL_MIN_S ? RELOAD_ESTIMATE_INTERVAL_MIN_S
								    : longest_s;
	struct reload_interval i = { INFINITY, INFINITY, longest, RELOAD_INTERVAL_ALONE };
	if (of->size < 2)
		return i;
	double log2n = log2(of->size), messages = log2n * log2n;
	if (of->failures > 0)
		i.by_failures_s = 1 / (2 * of->failures) / messages;
	if (of->joins > 0)
		i.by_joins_s = of->size / of->joins / messages;
	bool failures = i.by_failures_s <= i.by_joins_s;
	i.s = failures ? i.by_failures_s : i.by_joins_s;
	i.cause = failures ? RELOAD_INTERVAL_FAILURES : RELOAD_INTERVAL_JOINS;
	if (i.s < RELOAD_ESTIMATE_INTERVAL_MIN_S) {
		i.s = RELOAD_ESTIMATE_INTERVAL_MIN_S;
		i.cause = RELOAD_INTERVAL_SHORTEST;
	} else if (i.s > longest) {
		i.s = longest;
		i.cause = RELOAD_INTERVAL_LONGEST;
	}
	return i;
}

/*
 * How often the copies of one value are all lost, in a second: any of n is the first to fail (n U); before it is replaced, W later, the other n - 1
 * fail too, which happens with (U W)^(n-1).
 */
static double losses(double failures, unsigned copies, double repair_s)
{
	return copies * failures * pow(failures * repair_s, copies - 1.0);
}

double reload_estimate_loss(double failures, unsigned copies, double repair_s, double lifetime_s)
{
	return -expm1(-losses(failures, copies, repair_s) * lifetime_s);
}

double reload_estimate_renewal(double failures, unsigned copies, double repair_s, double lifetime_s)
{
	double rate = losses(failures, copies, repair_s);
	return rate > 0
		       ? -log1p(-reload_estimate_loss(failures, copies, repair_s, lifetime_s) / 2) /
				 rate
		       : INFINITY;
}

static uint32_t rounded_up(double v)
{
	v = ceil(v);
	return v >= UINT32_MAX ? UINT32_MAX : v > 0 ? (uint32_t)v : 0;
}

struct reload_self_tuning reload_estimate_write(const struct reload_estimates *own)
{
	return (struct reload_self_tuning){
		.network_size = rounded_up(own->size),
		.join_rate = rounded_up(own->joins * RELOAD_ESTIMATE_DAY_S),
		.leave_rate = rounded_up(own->failures * RELOAD_ESTIMATE_DAY_S),
	};
}

bool reload_estimate_read(struct reload_estimates *out, const struct reload_self_tuning *received)
{
	static const uint32_t most = UINT32_C(1) << 31;
	*out = (struct reload_estimates){
		.size = received->network_size,
		.failures = (double)received->leave_rate / RELOAD_ESTIMATE_DAY_S,
		.joins = (double)received->join_rate / RELOAD_ESTIMATE_DAY_S,
	};
	return received->network_size && received->network_size <= most && out->failures <= 1 &&
	       out->joins <= out->size;
}
