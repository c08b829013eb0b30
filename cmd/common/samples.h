/* Round trip times: percentiles and histogram of the newest ones. */
#pragma once

#include <stddef.h>

enum {
	SAMPLES_MAX = 65536 /* at the maximum the oldest are forgotten */
};

struct samples {
	double *at; /* ms, owned */
	size_t count, cap, next;
};

/* samples_add() adds one; samples_clear() frees all. */
void samples_add(struct samples *s, double ms);
void samples_clear(struct samples *s);

/* samples_sort() sorts them; samples_at() returns the quantile `part` (0 to 1) of sorted samples. */
void samples_sort(struct samples *s);
double samples_at(const struct samples *s, double part);

/* A bucket of the histogram: the number of samples up to its limit that are above the limit of the bucket before it. */
struct samples_bucket {
	double upto_ms;
	size_t count;
};

/* samples_buckets() fills buckets with limits 0.1 ms, 0.2, 0.4, ... from the first to the last that is needed; returns their number. */
enum {
	SAMPLES_BUCKETS = 32
};
size_t samples_buckets(const struct samples *s, struct samples_bucket out[SAMPLES_BUCKETS]);
