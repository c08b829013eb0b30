/*
 * Ordered sets of Node-IDs on the ring.  Neighbours, fingers and the next hop are found in one ascending array, by binary search and by walking
 * around its end (RFC 6940 s10.1, s10.3; all arithmetic is modulo 2^128).
 */
#include "topology/chord_set.h"

#include "util/bytes.h"

static inline reload_point point_of(const struct reload_id *id)
{
	uint64_t words[2];
	memcpy(words, id->at, CHORD_ID_LEN);
	return (reload_point)be64toh(words[0]) << 64 | be64toh(words[1]);
}

static inline struct reload_id id_of(reload_point point)
{
	const uint64_t words[2] = { htobe64((uint64_t)(point >> 64)), htobe64((uint64_t)point) };
	struct reload_id id = { .len = CHORD_ID_LEN };
	memcpy(id.at, words, CHORD_ID_LEN);
	return id;
}

/* reload_id_between() for points */
static inline bool between(reload_point from, reload_point x, reload_point to)
{
	return from == to || (x != from && x - from <= to - from);
}

/* The index of the first element that is not less than point. */
static size_t lower(const struct chord_set *s, reload_point point)
{
	size_t lo = 0, hi = s->count;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (s->at[mid] < point)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool reload_chord_set_has(const struct chord_set *s, const struct reload_id *id)
{
	reload_point point = point_of(id);
	size_t i = lower(s, point);
	return i < s->count && s->at[i] == point;
}

bool reload_chord_set_add(struct chord_set *s, const struct reload_id *id)
{
	reload_point point = point_of(id);
	size_t i = lower(s, point);
	if (i < s->count && s->at[i] == point)
		return false;
	reload_grow(&s->at, &s->cap, s->count, sizeof(*s->at));
	memmove(s->at + i + 1, s->at + i, (s->count - i) * sizeof(*s->at));
	s->at[i] = point;
	s->count++;
	return true;
}

bool reload_chord_set_remove(struct chord_set *s, const struct reload_id *id)
{
	reload_point point = point_of(id);
	size_t i = lower(s, point);
	if (i >= s->count || s->at[i] != point)
		return false;
	memmove(s->at + i, s->at + i + 1, (s->count - i - 1) * sizeof(*s->at));
	s->count--;
	return true;
}

void reload_chord_set_clear(struct chord_set *s)
{
	free(s->at);
	*s = (struct chord_set){ 0 };
}

size_t reload_chord_set_after(
	const struct chord_set *s, const struct reload_id *self, struct reload_id *out, size_t max)
{
	size_t n = s->count < max ? s->count : max, at = lower(s, point_of(self));
	for (size_t i = 0; i < n; i++)
		out[i] = id_of(s->at[(at + i) % s->count]);
	return n;
}

size_t reload_chord_set_before(
	const struct chord_set *s, const struct reload_id *self, struct reload_id *out, size_t max)
{
	size_t n = s->count < max ? s->count : max, at = lower(s, point_of(self));
	for (size_t i = 0; i < n; i++)
		out[i] = id_of(s->at[(at + s->count - 1 - i) % s->count]);
	return n;
}

struct reload_id reload_chord_set_at(const struct chord_set *s, size_t i)
{
	return id_of(s->at[i]);
}

bool reload_chord_set_route(const struct chord_set *s, const struct reload_id *self,
	const struct reload_id *k, struct reload_id *out)
{
	if (!s->count)
		return false;
	reload_point here = point_of(self), point = point_of(k);
	size_t i = lower(s, point), behind = i < s->count ? i : 0;
	if (i < s->count && s->at[i] == point) {
		*out = *k;
		return true;
	}
	/*
	 * The element before k has the smallest clockwise distance to k.  It lies in (self, k], unless self is between the two.  Then no element
	 * lies there, and the next hop is the first one after k (CHORD-08).
	 */
	size_t before = i ? i - 1 : s->count - 1;
	*out = id_of(s->at[between(here, s->at[before], point) ? before : behind]);
	return true;
}

unsigned reload_chord_finger_index(const struct reload_id *self, const struct reload_id *id)
{
	struct reload_id d = reload_id_distance(self, id);
	for (unsigned i = 0; i < CHORD_ID_LEN; i++)
		if (d.at[i])
			return 8 * i + 1 + (unsigned)__builtin_clz((unsigned)d.at[i]) - 24;
	return CHORD_FINGERS_MAX;
}

size_t reload_chord_set_fingers(const struct chord_set *s, const struct reload_id *self,
	struct reload_id out[CHORD_FINGERS_MAX])
{
	/* going clockwise from self, the first element with a new index is the first one of that interval */
	size_t at = lower(s, point_of(self)), n = 0;
	unsigned last = 0;
	for (size_t i = 0; i < s->count; i++) {
		struct reload_id id = id_of(s->at[(at + i) % s->count]);
		unsigned index = reload_chord_finger_index(self, &id);
		if (index != last)
			out[n++] = id;
		last = index;
	}
	/* in ascending order: rotate the list so that it begins with the smallest */
	size_t first = 0;
	for (size_t i = 1; i < n; i++)
		if (point_of(&out[i]) < point_of(&out[first]))
			first = i;
	struct reload_id turned[CHORD_FINGERS_MAX];
	for (size_t i = 0; i < n; i++)
		turned[i] = out[(first + i) % n];
	memcpy(out, turned, n * sizeof(*out));
	return n;
}

uint64_t reload_chord_high(const struct reload_id *distance)
{
	struct rd r = rd_of(reload_id_span(distance));
	return rd_u64(&r);
}

bool reload_chord_nearer(const struct reload_id *from, bool clockwise, const struct reload_id *a,
	const struct reload_id *b)
{
	reload_point here = point_of(from), x = point_of(a), y = point_of(b);
	return clockwise ? x - here < y - here : here - x < here - y;
}

struct reload_id reload_chord_remoteness(const struct reload_id *self, const struct reload_id *id)
{
	struct reload_id there = reload_id_distance(self, id), back = reload_id_distance(id, self);
	return reload_id_cmp(&there, &back) < 0 ? there : back;
}

size_t reload_chord_insert(const struct reload_id *self, bool clockwise, struct reload_id *list,
	size_t n, size_t max, const struct reload_id *id)
{
	size_t i = n;
	while (i > 0 && reload_chord_nearer(self, clockwise, id, &list[i - 1]))
		i--;
	if (i == max)
		return n;
	n = n < max ? n + 1 : max;
	memmove(&list[i + 1], &list[i], (n - i - 1) * sizeof(*list));
	list[i] = *id;
	return n;
}

size_t reload_chord_goal(const struct chord_set *peers, const struct reload_id *self)
{
	struct reload_id near[CHORD_NEIGHBOURS_MIN], far[CHORD_NEIGHBOURS_MIN];
	if (peers->count <= 2 * CHORD_NEIGHBOURS_MIN)
		return CHORD_NEIGHBOURS_MIN;
	reload_chord_set_before(peers, self, near, CHORD_NEIGHBOURS_MIN);
	reload_chord_set_after(peers, self, far, CHORD_NEIGHBOURS_MIN);
	struct reload_id span =
		reload_id_distance(&near[CHORD_NEIGHBOURS_MIN - 1], &far[CHORD_NEIGHBOURS_MIN - 1]);
	/* the ring has about 2^zeros stretches as long as this one, with six peers each: log2 N is about zeros + 2.6 */
	unsigned log2n = (unsigned)__builtin_clzll(reload_chord_high(&span) | 1) + 3;
	size_t goal = log2n <= 9 ? CHORD_NEIGHBOURS_MIN : (log2n - 1) / 2 - 1;
	return goal < CHORD_GOAL_MAX ? goal : CHORD_GOAL_MAX;
}
