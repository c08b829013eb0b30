/*
 * The estimates of CHORD-SELF-TUNING and what follows from them (RFC 7363 s6): pure functions over plain arrays, without a clock and without
 * a ring.  N is the number of peers in the overlay, U the failures per peer and second, L the joins of the whole overlay per second.
 */
#pragma once

#include "util/clock.h"
#include "util/id.h"
#include "wire/self_tuning.h"

enum {
	RELOAD_ESTIMATE_HISTORY_MAX = 64, /* failures remembered, whatever K is */
	RELOAD_ESTIMATE_FINGERS_MIN = 16, /* s6.2 */
	RELOAD_ESTIMATE_FINGERS_MAX = 128,
	RELOAD_ESTIMATE_NEIGHBOURS_MIN = 3,  /* per side, as RFC 6940 s10.7 wants */
	RELOAD_ESTIMATE_NEIGHBOURS_MAX = 32, /* per side: a bound against peers that lie */
	RELOAD_ESTIMATE_INTERVAL_MIN_S = 15, /* s6.6 */
	RELOAD_ESTIMATE_DAY_S = 86400,
	RELOAD_ESTIMATE_COPIES = 3, /* of a value: at its owner and two successors */
	RELOAD_ESTIMATE_REPAIR_S =
		35, /* until a silent peer is replaced: measured with reload-sim */
};

/* N, U and L; per second. */
struct reload_estimates {
	double size, failures, joins;
};

/*
 * reload_estimate_size() is N by the density of the neighbours (s6.1); both lists are nearest first.  Exact when they reach round the ring.  At
 * least 1.
 */
double reload_estimate_size(const struct reload_id *self, const struct reload_id *predecessors,
	size_t predecessors_count, const struct reload_id *successors, size_t successors_count);

/* When the last failures were noticed, the oldest first; the first one is the own join (s6.3). */
struct reload_failures {
	reload_ms at[RELOAD_ESTIMATE_HISTORY_MAX];
	size_t count;
};

/* reload_failures_limit() is K, how many failures are remembered with that many peers in the routing table; at least 2. */
size_t reload_failures_limit(size_t members);
/* reload_failures_begin() starts a history at the time of the own join. */
void reload_failures_begin(struct reload_failures *f, reload_ms joined);
/* reload_failures_add() notes a failure; reload_failures_trim() forgets the oldest until there are limit. */
void reload_failures_add(struct reload_failures *f, reload_ms now, size_t limit);
void reload_failures_trim(struct reload_failures *f, size_t limit);
/* reload_estimate_failures() is U with a history of at most limit failures among that many members; 0 without members. */
double reload_estimate_failures(
	const struct reload_failures *f, size_t limit, size_t members, reload_ms now);

/* reload_estimate_joins() is L for an overlay of size peers; ages in seconds, which it sorts.  0: no age is known. */
double reload_estimate_joins(double size, double *ages, size_t count);

/* reload_estimate_percentile() is the 75th percentile of count values (s2), which it sorts; count is not 0. */
double reload_estimate_percentile(double *values, size_t count);

/* reload_estimate_log2() is ceil(log2 N), 0 for less than two peers. */
unsigned reload_estimate_log2(double size);

/* A size of a table.  It changes when two periods in a row ask for the same other size. */
struct reload_tuned_size {
	unsigned now, next; /* next: what the last period asked for, 0: the size that is */
};

/*
 * reload_tuned_size() returns the new size for N, between low and high.  To become smaller N must also lie clearly below the power of two at
 * which the size changes: the estimates of a ring at that point differ from period to period.
 */
unsigned reload_tuned_size(struct reload_tuned_size *s, double size, unsigned low, unsigned high);

/* Why an interval is what it is. */
enum reload_interval_cause {
	RELOAD_INTERVAL_ALONE,    /* nobody else is known: the longest */
	RELOAD_INTERVAL_FAILURES, /* Tstab-1 */
	RELOAD_INTERVAL_JOINS,    /* Tstab-2 */
	RELOAD_INTERVAL_SHORTEST,
	RELOAD_INTERVAL_LONGEST,
};

struct reload_interval {
	double by_failures_s, by_joins_s; /* Tstab-1 and Tstab-2; INFINITY: that rate is 0 */
	double s;
	enum reload_interval_cause cause;
};

/* reload_estimate_interval() is Tstab (s6.6), between RELOAD_ESTIMATE_INTERVAL_MIN_S and longest_s, and why. */
struct reload_interval reload_estimate_interval(
	const struct reload_estimates *of, uint32_t longest_s);

/*
 * reload_estimate_loss() is the chance that a value is lost within a time without a Store: all of its copies fail before another peer has taken
 * over from the first that failed, which takes repair_s.  RFC 7363 has no such formula; reload-sim agrees with it (tests/cli/sim-report.bats).
 * reload_estimate_renewal() is how often it must be stored again to halve that chance; INFINITY: nothing fails.  Times in seconds, copies at least 1.
 */
double reload_estimate_loss(double failures, unsigned copies, double repair_s, double lifetime_s);
double reload_estimate_renewal(
	double failures, unsigned copies, double repair_s, double lifetime_s);

/*
 * reload_estimate_write() is what is sent of the own estimates (s6.5), rounded up.  reload_estimate_read() takes what came; false: the numbers
 * cannot be, such as no peers at all, or more failures or joins than one of each peer in a second.
 */
struct reload_self_tuning reload_estimate_write(const struct reload_estimates *own);
bool reload_estimate_read(struct reload_estimates *out, const struct reload_self_tuning *received);
