/* Round trip times: the newest of them, their order and their spread. */
#pragma once

#include <stddef.h>

enum {
	SAMPLES_MAX = 65536 /* at the maximum the oldest are forgotten */
};

struct samples {
	double *at; /* ms, owned */
	size_t count, cap, next;
};

/* samples_add() takes one; samples_clear() frees. */
void samples_add(struct samples *s, double ms);
void samples_clear(struct samples *s);

/* samples_sort() puts them in order; samples_at() is the value below which part (0 to 1) of the sorted ones lie. */
void samples_sort(struct samples *s);
double samples_at(const struct samples *s, double part);

/* A bucket of the histogram: count samples up to the limit, and above that of the bucket before. */
struct samples_bucket {
	double upto_ms;
	size_t count;
};

/* samples_buckets() fills buckets with limits 0.1 ms, 0.2, 0.4, ... from the first to the last that is needed; returns their number. */
enum {
	SAMPLES_BUCKETS = 32
};
size_t samples_buckets(const struct samples *s, struct samples_bucket out[SAMPLES_BUCKETS]);
