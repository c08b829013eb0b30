/*
 * The streams of applications.  The first byte chooses: a receiver of hostile messages, or two ends between which messages are delayed,
 * exchanged and repeated, where every octet must arrive once and in its place.  Then each byte is a step, with arguments behind it.
 */
#include "link/ordered.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	MOST = 300, /* octets of a data message */
	DELAYED = 32
};

static uint8_t octet(uint64_t number)
{
	return (uint8_t)(number * 7 + number / 256);
}

static void check(const struct reload_ordered *o)
{
	uint64_t behind = o->arrived;
	assert(o->read <= o->arrived && o->arrived <= o->granted && o->sent <= o->limit);
	assert(o->granted <= o->read + RELOAD_ORDERED_WINDOW);
	assert(o->ahead_count <= RELOAD_ORDERED_GAPS);
	for (size_t i = 0; i < o->ahead_count; i++) {
		assert(o->ahead[i].from > behind && o->ahead[i].to > o->ahead[i].from);
		behind = o->ahead[i].to;
	}
	assert(behind <= o->granted && (!o->end_known || behind <= o->end));
	assert((o->window != NULL) >= (behind > o->read));
}

static const char *input(struct reload_ordered *o, struct span message)
{
	uint8_t *copy = reload_memdup(message.at, message.len); /* one byte too far is seen */
	const char *fault = reload_ordered_input(o, span_of(copy, message.len));
	free(copy);
	check(o);
	return fault;
}

static void read_some(struct reload_ordered *o, size_t most, bool is_pattern)
{
	struct span s = reload_ordered_readable(o);
	size_t n = s.len < most ? s.len : most;
	for (size_t i = 0; is_pattern && i < n; i++)
		assert(s.at[i] == octet(o->read + i));
	reload_ordered_read(o, n);
	check(o);
}

/* -- hostile messages -------------------------------------------------------------------------------------------------------- */

static void hostile(struct rd *in)
{
	uint8_t made[RELOAD_ORDERED_HEAD];
	struct reload_ordered o;
	const char *fault = NULL;
	reload_ordered_init(&o);
	while (rd_more(in) && !fault) {
		uint8_t step = rd_u8(in), with = rd_u8(in);
		struct wr w = wr_fixed(made, sizeof(made));
		switch (step % 4) {
		case 0:
			fault = input(&o, rd_span(in, with < rd_left(in) ? with : rd_left(in)));
			break;
		case 1: { /* near what has arrived */
			uint8_t near[RELOAD_ORDERED_HEAD + 255] = { 1 };
			struct wr m = wr_fixed(near, sizeof(near));
			wr_u8(&m, 1 + step / 4 % 3);
			wr_u64(&m, o.arrived + with);
			size_t len = step & 16 ? rd_u8(in) : 0;
			fault = input(&o, span_of(near, RELOAD_ORDERED_HEAD + len));
			break;
		}
		case 2:
			read_some(&o, with * 257u, false);
			break;
		case 3:
			(void)reload_ordered_control(&o, &w);
			assert(!w.err);
			break;
		}
		check(&o);
	}
	reload_ordered_clear(&o);
}

/* -- two ends ---------------------------------------------------------------------------------------------------------------- */

struct message {
	uint8_t at[RELOAD_ORDERED_HEAD + MOST];
	size_t len;
};

/* Messages from a to b (0) and back (1) that have not arrived. */
struct way {
	struct reload_ordered *from, *to;
	struct message delayed[DELAYED];
	size_t count;
};

/* The one with this number arrives; `again`: and will once more. */
static void arrives(struct way *w, size_t i, bool again)
{
	const char *fault = input(w->to, span_of(w->delayed[i].at, w->delayed[i].len));
	assert(!fault);
	if (!again)
		w->delayed[i] = w->delayed[--w->count];
}

static bool sends(struct way *w, size_t most)
{
	uint8_t from[MOST];
	if (w->count == DELAYED)
		return false;
	struct message *m = &w->delayed[w->count];
	struct wr out = wr_fixed(m->at, sizeof(m->at));
	for (size_t i = 0; i < MOST; i++)
		from[i] = octet(w->from->sent + i);
	if (!reload_ordered_control(w->from, &out))
		(void)reload_ordered_put(w->from, &out, span_of(from, most < MOST ? most : MOST));
	m->len = out.len;
	w->count += m->len > 0;
	return m->len > 0;
}

static void both_end(struct way ways[2])
{
	for (size_t i = 0; i < 2; i++)
		reload_ordered_end(ways[i].from);
	for (bool more = true; more;) {
		more = false;
		for (size_t i = 0; i < 2; i++) {
			more |= sends(&ways[i], 1) || ways[i].count;
			while (ways[i].count)
				arrives(&ways[i], 0, false);
			while (reload_ordered_readable(ways[i].to).len)
				read_some(ways[i].to, SIZE_MAX, true);
		}
	}
	for (size_t i = 0; i < 2; i++) {
		assert(reload_ordered_at_end(ways[i].to));
		assert(ways[i].to->read == ways[i].from->sent);
	}
}

static void two_ends(struct rd *in)
{
	struct reload_ordered a, b;
	static struct way ways[2];
	reload_ordered_init(&a);
	reload_ordered_init(&b);
	ways[0] = (struct way){ .from = &a, .to = &b };
	ways[1] = (struct way){ .from = &b, .to = &a };
	while (rd_more(in)) {
		uint8_t step = rd_u8(in), with = rd_u8(in);
		struct way *w = &ways[step >> 7];
		switch (step % 4) {
		case 0:
		case 1:
			(void)sends(w, with * 2u);
			break;
		case 2:
			if (w->count)
				arrives(w, with % w->count, step & 4);
			break;
		case 3:
			read_some(w->to, with * 3u, true);
			break;
		}
	}
	both_end(ways);
	reload_ordered_clear(&a);
	reload_ordered_clear(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in = rd_of(span_of(data, size));
	if (rd_u8(&in) & 1)
		two_ends(&in);
	else
		hostile(&in);
	return 0;
}
