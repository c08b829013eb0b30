#include "link/ordered.h"

#include <assert.h>

enum {
	DATA = 1,
	CREDIT = 2,
	END = 3
};

void reload_ordered_init(struct reload_ordered *o)
{
	*o = (struct reload_ordered){ .limit = RELOAD_ORDERED_WINDOW,
		.granted = RELOAD_ORDERED_WINDOW };
}

void reload_ordered_clear(struct reload_ordered *o)
{
	free(o->window);
	*o = (struct reload_ordered){ 0 };
}

/* -- out ------------------------------------------------------------------------------------------------------------------ */

uint64_t reload_ordered_room(const struct reload_ordered *o)
{
	return o->ended ? 0 : o->limit - o->sent;
}

static void head_write(struct wr *out, uint8_t type, uint64_t number)
{
	wr_u8(out, type);
	wr_u64(out, number);
}

size_t reload_ordered_put(struct reload_ordered *o, struct wr *out, struct span from)
{
	size_t space = out->cap - out->len, n = from.len;
	assert(out->fixed && space > RELOAD_ORDERED_HEAD);
	if (n > space - RELOAD_ORDERED_HEAD)
		n = space - RELOAD_ORDERED_HEAD;
	if (n > reload_ordered_room(o))
		n = (size_t)reload_ordered_room(o);
	if (!n)
		return 0;
	head_write(out, DATA, o->sent);
	wr_bytes(out, from.at, n);
	o->sent += n;
	return n;
}

void reload_ordered_end(struct reload_ordered *o)
{
	o->ended = true;
}

bool reload_ordered_control(struct reload_ordered *o, struct wr *out)
{
	uint64_t grant = o->read + RELOAD_ORDERED_WINDOW;
	if (!o->end_known && grant - o->granted >= RELOAD_ORDERED_GRANT) {
		o->granted = grant;
		head_write(out, CREDIT, grant);
		return true;
	}
	if (!o->ended || o->end_sent)
		return false;
	o->end_sent = true;
	head_write(out, END, o->sent);
	return true;
}

/* -- in ------------------------------------------------------------------------------------------------------------------- */

/* Octets at the end of the window go on at its beginning. */
static void window_write(struct reload_ordered *o, uint64_t from, struct span octets)
{
	size_t at = from % RELOAD_ORDERED_WINDOW, first = RELOAD_ORDERED_WINDOW - at;
	if (!o->window)
		o->window = reload_alloc(RELOAD_ORDERED_WINDOW);
	if (first > octets.len)
		first = octets.len;
	memcpy(o->window + at, octets.at, first);
	if (first < octets.len)
		memcpy(o->window, octets.at + first, octets.len - first);
}

/* Enters a range, joined with those that it touches; false: there are too many. */
static bool range_add(struct reload_ordered *o, struct reload_ordered_range r)
{
	size_t first = 0, behind;
	while (first < o->ahead_count && o->ahead[first].to < r.from)
		first++;
	for (behind = first; behind < o->ahead_count && o->ahead[behind].from <= r.to; behind++) {
		if (o->ahead[behind].from < r.from)
			r.from = o->ahead[behind].from;
		if (o->ahead[behind].to > r.to)
			r.to = o->ahead[behind].to;
	}
	if (first == behind && o->ahead_count == RELOAD_ORDERED_GAPS)
		return false;
	memmove(&o->ahead[first + 1], &o->ahead[behind],
		(o->ahead_count - behind) * sizeof(o->ahead[0]));
	o->ahead[first] = r;
	o->ahead_count += 1 - (behind - first);
	return true;
}

/* The octets from `arrived` on are there: so are those of the first range, if it begins where they end. */
static void close_gap(struct reload_ordered *o, uint64_t to)
{
	o->arrived = to;
	while (o->ahead_count && o->ahead[0].from <= o->arrived) {
		if (o->ahead[0].to > o->arrived)
			o->arrived = o->ahead[0].to;
		o->ahead_count--;
		memmove(&o->ahead[0], &o->ahead[1], o->ahead_count * sizeof(o->ahead[0]));
	}
}

static const char *on_data(struct reload_ordered *o, uint64_t from, struct span octets)
{
	if (!octets.len)
		return "a data message without data";
	if (from > o->granted || octets.len > o->granted - from)
		return "more data than was granted";
	uint64_t to = from + octets.len;
	if (o->end_known && to > o->end)
		return "data behind the end of the stream";
	if (to <= o->arrived)
		return NULL; /* it came before */
	if (from > o->arrived && !range_add(o, (struct reload_ordered_range){ from, to }))
		return "too many gaps in the data";
	if (from < o->arrived) {
		octets = span_of(octets.at + (o->arrived - from), (size_t)(to - o->arrived));
		from = o->arrived;
	}
	window_write(o, from, octets);
	if (from == o->arrived)
		close_gap(o, to);
	return NULL;
}

static const char *on_end(struct reload_ordered *o, uint64_t end)
{
	uint64_t last = o->ahead_count ? o->ahead[o->ahead_count - 1].to : o->arrived;
	if (o->end_known && end != o->end)
		return "two ends of one stream";
	if (end > o->granted || end < last)
		return "the stream ends where it cannot";
	o->end = end;
	o->end_known = true;
	return NULL;
}

const char *reload_ordered_input(struct reload_ordered *o, struct span message)
{
	struct rd r = rd_of(message);
	uint8_t type = rd_u8(&r);
	uint64_t number = rd_u64(&r);
	struct span rest = rd_rest(&r);
	if (r.err)
		return "a message that is too short";
	if (type == DATA)
		return on_data(o, number, rest);
	if (rest.len)
		return "a message that is too long";
	if (type == END)
		return on_end(o, number);
	if (type != CREDIT)
		return "a message of unknown type";
	if (number > o->limit)
		o->limit = number;
	return NULL;
}

/* -- reading -------------------------------------------------------------------------------------------------------------- */

struct span reload_ordered_readable(const struct reload_ordered *o)
{
	size_t at = o->read % RELOAD_ORDERED_WINDOW, most = RELOAD_ORDERED_WINDOW - at;
	uint64_t left = o->arrived - o->read;
	if (!left)
		return span_of(NULL, 0);
	return span_of(o->window + at, left < most ? (size_t)left : most);
}

void reload_ordered_read(struct reload_ordered *o, size_t n)
{
	assert(n <= o->arrived - o->read);
	o->read += n;
	if (o->read == o->arrived && !o->ahead_count)
		free(TAKE(o->window));
}

bool reload_ordered_at_end(const struct reload_ordered *o)
{
	return o->end_known && o->read == o->end;
}
