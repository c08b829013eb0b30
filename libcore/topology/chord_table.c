/*
 * Ordered sets of Node-IDs on a ring: neighbours, fingers and the next hop are questions to one ascending array, answered
 * by binary search and by walking around its end (RFC 6940 s10.1, s10.3; all arithmetic modulo 2^128).  Nothing here
 * knows about messages, links or time.
 */
#include "topology/chord.h"

typedef unsigned __int128 point; /* of the ring */

static inline point point_of(const struct reload_id *id)
{
	uint64_t words[2];
	memcpy(words, id->at, CHORD_ID_LEN);
	return (point)be64toh(words[0]) << 64 | be64toh(words[1]);
}

static inline int order(const struct reload_id *a, const struct reload_id *b)
{
	point x = point_of(a), y = point_of(b);
	return (x > y) - (x < y);
}

size_t reload_chord_set_lower(const struct chord_set *s, const struct reload_id *id)
{
	size_t lo = 0, hi = s->count;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (order(&s->at[mid], id) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool reload_chord_set_has(const struct chord_set *s, const struct reload_id *id)
{
	size_t i = reload_chord_set_lower(s, id);
	return i < s->count && order(&s->at[i], id) == 0;
}

bool reload_chord_set_add(struct chord_set *s, const struct reload_id *id)
{
	size_t i = reload_chord_set_lower(s, id);
	if (i < s->count && order(&s->at[i], id) == 0)
		return false;
	reload_grow(&s->at, &s->cap, s->count, sizeof(*s->at));
	memmove(s->at + i + 1, s->at + i, (s->count - i) * sizeof(*s->at));
	s->at[i] = *id;
	s->count++;
	return true;
}

bool reload_chord_set_remove(struct chord_set *s, const struct reload_id *id)
{
	size_t i = reload_chord_set_lower(s, id);
	if (i >= s->count || order(&s->at[i], id) != 0)
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
	size_t n = s->count < max ? s->count : max, at = reload_chord_set_lower(s, self);
	for (size_t i = 0; i < n; i++)
		out[i] = s->at[(at + i) % s->count];
	return n;
}

size_t reload_chord_set_before(
	const struct chord_set *s, const struct reload_id *self, struct reload_id *out, size_t max)
{
	size_t n = s->count < max ? s->count : max, at = reload_chord_set_lower(s, self);
	for (size_t i = 0; i < n; i++)
		out[i] = s->at[(at + s->count - 1 - i) % s->count];
	return n;
}

const struct reload_id *reload_chord_set_route(
	const struct chord_set *s, const struct reload_id *self, const struct reload_id *k)
{
	if (!s->count)
		return NULL;
	size_t i = reload_chord_set_lower(s, k);
	if (i < s->count && order(&s->at[i], k) == 0)
		return &s->at[i];
	/*
	 * The one in front of k, going round, has the smallest distance to k.  It lies in (self, k] unless self comes
	 * between the two; then nobody does, and the one behind k is the first peer after k (CHORD-08).
	 */
	const struct reload_id *before = &s->at[i ? i - 1 : s->count - 1];
	if (reload_id_between(self, before, k))
		return before;
	return &s->at[i < s->count ? i : 0];
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
	/* in ring order from self every interval is met at its start, the farthest (lowest i) last */
	size_t at = reload_chord_set_lower(s, self), n = 0;
	unsigned last = 0;
	for (size_t i = 0; i < s->count; i++) {
		const struct reload_id *id = &s->at[(at + i) % s->count];
		unsigned index = reload_chord_finger_index(self, id);
		if (index != last)
			out[n++] = *id;
		last = index;
	}
	/* ascending numbers: turn the list so that it begins with the smallest */
	size_t first = 0;
	for (size_t i = 1; i < n; i++)
		if (order(&out[i], &out[first]) < 0)
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
	point here = point_of(from), x = point_of(a), y = point_of(b);
	return clockwise ? x - here < y - here : here - x < here - y;
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
	/* 2^128 / span holds 2^zeros such stretches, each with six peers: log2 N is about zeros + 2.6 */
	unsigned log2n = (unsigned)__builtin_clzll(reload_chord_high(&span) | 1) + 3;
	size_t goal = log2n <= 9 ? CHORD_NEIGHBOURS_MIN : (log2n - 1) / 2 - 1;
	return goal < CHORD_NEIGHBOURS_MAX ? goal : CHORD_NEIGHBOURS_MAX;
}
