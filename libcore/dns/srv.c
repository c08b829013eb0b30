#include "dns/srv.h"

#include <stdlib.h>
#include <string.h>

static int by_priority(const void *a, const void *b)
{
	const struct reload_srv *x = a, *y = b;
	return x->priority != y->priority ? (x->priority < y->priority ? -1 : 1)
					  : strcmp(x->target, y->target);
}

/* The record that a number below the sum of weights falls on; sum 0: each is as likely. */
static size_t pick(const struct reload_srv *r, size_t count, reload_srv_draw_fn draw, void *arg)
{
	uint32_t sum = 0, seen = 0;
	for (size_t i = 0; i < count; i++)
		sum += r[i].weight;
	if (!sum)
		return draw(arg, (uint32_t)count);
	uint32_t number = draw(arg, sum);
	for (size_t i = 0; i < count; i++) {
		seen += r[i].weight;
		if (number < seen)
			return i;
	}
	return 0;
}

/* Records of one priority. */
static void order_group(struct reload_srv *r, size_t count, reload_srv_draw_fn draw, void *arg)
{
	for (; count > 1; r++, count--) {
		size_t i = pick(r, count, draw, arg);
		struct reload_srv first = r[i];
		memmove(&r[1], &r[0], i * sizeof(*r));
		r[0] = first;
	}
}

void reload_srv_order(struct reload_srv *r, size_t count, reload_srv_draw_fn draw, void *arg)
{
	if (count)
		qsort(r, count, sizeof(*r), by_priority);
	for (size_t from = 0, to; from < count; from = to) {
		for (to = from + 1; to < count && r[to].priority == r[from].priority;)
			to++;
		order_group(&r[from], to - from, draw, arg);
	}
}
