/* Statistics of round trip times. */
#include "common/samples.h"

#include "util/alloc.h"

#include <stdbool.h>
#include <stdlib.h>

void samples_add(struct samples *s, double ms)
{
	if (s->count < SAMPLES_MAX) {
		reload_grow(&s->at, &s->cap, s->count, sizeof(*s->at));
		s->at[s->count++] = ms;
		return;
	}
	s->at[s->next] = ms;
	s->next = (s->next + 1) % SAMPLES_MAX;
}

void samples_clear(struct samples *s)
{
	free(s->at);
	*s = (struct samples){ 0 };
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

void samples_sort(struct samples *s)
{
	if (s->count)
		qsort(s->at, s->count, sizeof(*s->at), by_size);
}

/* Nearest rank: always a measured value, never an interpolated one. */
double samples_at(const struct samples *s, double part)
{
	if (!s->count)
		return 0;
	double rank = part * (double)s->count;
	size_t i = (size_t)rank;
	if ((double)i < rank)
		i++;
	return s->at[i ? i - 1 : 0];
}

size_t samples_buckets(const struct samples *s, struct samples_bucket out[SAMPLES_BUCKETS])
{
	size_t used = 0, i = 0;
	double upto = 0.1;
	for (; used < SAMPLES_BUCKETS && i < s->count; upto *= 2) {
		size_t from = i;
		bool last = used == SAMPLES_BUCKETS - 1;
		while (i < s->count && (s->at[i] <= upto || last))
			i++;
		if (i > from || used)
			out[used++] = (struct samples_bucket){ last ? s->at[s->count - 1] : upto,
				i - from };
	}
	return used;
}
