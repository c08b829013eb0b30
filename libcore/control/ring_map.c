/*
 * The questions of a map, in four parts:
 *
 *	crawl	each peer that was not asked yet: its successor, some fingers, a Probe.  What it names becomes known.
 *	before	the peer behind one that does not answer: the place before its range, by its own Probe; the place next to the silent one; and places
 *		between the two, each half as far from it, until they are its own.  Only its tables know who is on the other side.
 *	range	a peer whose range, by its own Probe, begins later than at the peer before it: somebody between the two is not known.  That happens
 *		when the one before it has a wrong successor.  The peers that follow have the missing one as a predecessor, so that a place
 *		in the middle of the short range makes them name it.  (The peer itself cannot: the place is its own.)
 *	check	each peer with another one before it: whom it names for the place that follows that one, and for that one's own place.
 *
 * What is found in the second and third part is crawled before anything else.  The check begins when nobody new can be found; a map that was cut short
 * has none, as neighbours in a part of the ring need not be neighbours in the ring.  Everything is asked by RouteQuery and Probe, which every
 * implementation of RFC 6940 answers and which need no permission.
 *
 * Limits: max peers; a peer is asked 2 + fingers questions, at most BEFORE_MAX for places before it, RANGE_ASKED for each peer found
 * in its range and once more, and two in the check.
 */
#include "control/ring_map.h"

#include "util/alloc.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
	BITS = 8,
	BEFORE_MAX = 64, /* places: two peers nearer to each other are not told apart */
	RANGE_ASKED = 3  /* as many as have a peer among their predecessors, at least */
};

#define WHOLE_PPB UINT64_C(1000000000)

enum step {
	SUCCESSOR,
	FINGERS,
	PROBE,
	BEFORE,
	RANGE,
	CHECK_NEXT,
	CHECK_PLACE,
	ENDED
};

struct reload_ring_map {
	struct reload_ring_peer *peers; /* ascending by Node-ID; owned */
	size_t count, cap, max, fingers;
	uint8_t id_len;
	enum step step;
	size_t at;               /* the peer that the step is about */
	size_t turn;             /* of the step: which finger, place or asked peer */
	struct reload_id silent; /* of the step BEFORE: the peer that it goes around */
	bool cut, checking;
};

struct reload_ring_map *reload_ring_map_new(size_t max, size_t fingers, uint8_t id_len)
{
	struct reload_ring_map *m = RELOAD_NEW(reload_ring_map);
	m->max = max;
	m->fingers = fingers < RELOAD_RING_FINGERS_MAX ? fingers : RELOAD_RING_FINGERS_MAX;
	m->id_len = id_len;
	return m;
}

void reload_ring_map_free(struct reload_ring_map *m)
{
	if (!m)
		return;
	free(m->peers);
	free(m);
}

/* -- peers ------------------------------------------------------------------------------------------------------------------ */

/* Where the peer is, or would be. */
static size_t place_of(const struct reload_ring_map *m, const struct reload_id *id)
{
	return reload_id_place(
		m->peers, m->count, sizeof(*m->peers), offsetof(struct reload_ring_peer, id), id);
}

static struct reload_ring_peer *find(const struct reload_ring_map *m, const struct reload_id *id)
{
	size_t at = place_of(m, id);
	return at < m->count && reload_id_eq(&m->peers[at].id, id) ? &m->peers[at] : NULL;
}

void reload_ring_map_know(struct reload_ring_map *m, const struct reload_id *id)
{
	if (id->len != m->id_len || reload_id_is_wildcard(id) || find(m, id))
		return;
	if (m->count == m->max) {
		m->cut = true;
		return;
	}
	size_t at = place_of(m, id);
	reload_grow(&m->peers, &m->cap, m->count, sizeof(*m->peers));
	memmove(m->peers + at + 1, m->peers + at, (m->count - at) * sizeof(*m->peers));
	m->peers[at] = (struct reload_ring_peer){ .id = *id };
	if (m->count++ && at <= m->at)
		m->at++;
}

/* The nth peer that answered before or behind another one, going round; the peer itself when there are fewer. */
static size_t answered_near(const struct reload_ring_map *m, size_t at, bool before, size_t nth)
{
	size_t i = at;
	for (size_t left = nth + 1; left;) {
		i = (i + (before ? m->count - 1 : 1)) % m->count;
		if (i == at)
			return at;
		left -= m->peers[i].answered;
	}
	return i;
}

static size_t answered_before(const struct reload_ring_map *m, size_t at)
{
	return answered_near(m, at, true, 0);
}

static const struct reload_id *known_before(const struct reload_ring_map *m, size_t at)
{
	return &m->peers[(at + m->count - 1) % m->count].id;
}

static void fault(
	struct reload_ring_peer *p, enum reload_ring_fault_kind kind, const struct reload_id *node)
{
	if (p->faults_count < RELOAD_RING_FAULTS_MAX)
		p->faults[p->faults_count++] = (struct reload_ring_fault){ kind, *node };
}

/* -- places ------------------------------------------------------------------------------------------------------------------- */

static struct reload_id id_minus(const struct reload_id *id, const struct reload_id *d)
{
	return reload_id_distance(d, id);
}

/* The share of the ring from one place to another, in the units of a Probe and rounded as peers round it. */
static uint64_t share_ppb(const struct reload_id *from, const struct reload_id *to)
{
	struct reload_id d = reload_id_distance(from, to);
	uint64_t high = 0;
	for (size_t i = 0; i < sizeof(high); i++)
		high = high << BITS | (i < d.len ? d.at[i] : 0);
	return (uint64_t)((unsigned __int128)high * WHOLE_PPB >> 64);
}

/* The place that is so much of the ring before a peer: halves of a part per billion. */
static struct reload_id place_before(const struct reload_ring_peer *p, uint64_t halves)
{
	struct reload_id d = { .len = p->id.len };
	uint64_t high = (uint64_t)(((unsigned __int128)halves << 63) / WHOLE_PPB);
	for (size_t i = sizeof(high); i-- > 0; high >>= BITS)
		d.at[i] = (uint8_t)high;
	return id_minus(&p->id, &d);
}

/* The place that a turn of the step BEFORE asks for. */
static struct reload_id before_place(const struct reload_ring_map *m)
{
	const struct reload_ring_peer *p = &m->peers[m->at];
	struct reload_id zero = { .len = m->id_len }, d;
	if (!m->turn)
		return place_before(p, 2 * (p->probe.responsible_ppb + UINT64_C(1)));
	if (m->turn == 1)
		return reload_id_add_power(&m->silent, 0);
	d = reload_id_add_power(&zero, (unsigned)(BITS * m->id_len + 1 - m->turn));
	return id_minus(&p->id, &d);
}

/* Goes on to the next place between the silent peer and the asked one; false: there is none. */
static bool before_again(struct reload_ring_map *m)
{
	while (++m->turn < BEFORE_MAX) {
		struct reload_id place = before_place(m);
		if (reload_id_between(&m->silent, &place, &m->peers[m->at].id))
			return true;
	}
	return false;
}

/* Whether the peer says that its range begins later than at a peer before it. */
static bool range_is_short(const struct reload_ring_peer *p, const struct reload_id *before)
{
	return p->probed && p->probe.responsible_ppb &&
	       p->probe.responsible_ppb < share_ppb(before, &p->id);
}

/* Who is asked about the range of the peer of this step: those that follow it, each of them once; the peer itself when nobody is left. */
static size_t range_asked(const struct reload_ring_map *m)
{
	return m->turn < RANGE_ASKED ? answered_near(m, m->at, false, m->turn) : m->at;
}

/* -- which question is next ----------------------------------------------------------------------------------------------------- */

static bool set_step(struct reload_ring_map *m, enum step step, size_t at)
{
	m->step = step;
	m->at = at;
	m->turn = 0;
	return true;
}

static bool begin_crawl(struct reload_ring_map *m)
{
	for (size_t i = 0; i < m->count; i++)
		if (!m->peers[i].asked) {
			m->peers[i].asked = true;
			return set_step(m, SUCCESSOR, i);
		}
	return false;
}

static bool begin_before(struct reload_ring_map *m)
{
	for (size_t i = 0; i < m->count; i++) {
		struct reload_ring_peer *p = &m->peers[i];
		if (p->answered && !p->before_asked &&
			!m->peers[(i + m->count - 1) % m->count].answered) {
			p->before_asked = true;
			m->silent = *known_before(m, i);
			return set_step(m, BEFORE, i);
		}
	}
	return false;
}

static bool begin_range(struct reload_ring_map *m)
{
	for (size_t i = 0; i < m->count; i++)
		if (!m->peers[i].range_asked && range_is_short(&m->peers[i], known_before(m, i))) {
			m->peers[i].range_asked = true;
			set_step(m, RANGE, i);
			if (range_asked(m) != i)
				return true;
		}
	return false;
}

/*
 * Whether the peer has another one before it to be compared with.  When one in between does not answer, and either of the two still counts on it, that
 * is no disagreement: they have not noticed yet.
 */
static bool is_checked(const struct reload_ring_map *m, size_t at)
{
	size_t before = answered_before(m, at);
	const struct reload_ring_peer *p = &m->peers[at], *b = &m->peers[before],
				      *next = find(m, &b->successor);
	if (!p->answered || before == at)
		return false;
	if (reload_id_eq(known_before(m, at), &b->id))
		return true;
	return (!next || next->answered || !reload_id_between(&b->id, &next->id, &p->id)) &&
	       p->probed && !range_is_short(p, &b->id);
}

static bool begin_check(struct reload_ring_map *m)
{
	for (size_t i = m->checking ? m->at + 1 : 0; i < m->count && !m->cut; i++) {
		if (!is_checked(m, i))
			continue;
		struct reload_ring_peer *before = &m->peers[answered_before(m, i)];
		m->checking = true;
		if (!reload_id_eq(&before->successor, &m->peers[i].id))
			fault(before, RELOAD_RING_SKIPS, &before->successor);
		return set_step(m, CHECK_NEXT, i);
	}
	return false;
}

static void next_part(struct reload_ring_map *m)
{
	bool more = !m->checking && (begin_crawl(m) || begin_before(m));
	if (!more && !m->checking && !m->cut)
		more = begin_range(m);
	if (!more && !begin_check(m))
		m->step = ENDED;
}

/* Whether the step about a short range has another turn: not when somebody was found, or nobody is left to be asked. */
static bool range_again(struct reload_ring_map *m, size_t known)
{
	if (m->count > known) {
		m->peers[m->at].range_asked = false; /* there may be more of them */
		return false;
	}
	m->turn++;
	return range_asked(m) != m->at;
}

/* After an answer of the present step, or none. */
static void next_step(struct reload_ring_map *m, size_t known)
{
	if (m->step == SUCCESSOR) {
		set_step(m, m->fingers ? FINGERS : PROBE, m->at);
	} else if (m->step == FINGERS) {
		if (++m->turn == m->fingers)
			set_step(m, PROBE, m->at);
	} else if (m->step == CHECK_NEXT) {
		set_step(m, CHECK_PLACE, m->at);
	} else if (!(m->step == BEFORE && before_again(m)) &&
		   !(m->step == RANGE && range_again(m, known))) {
		next_part(m);
	}
}

bool reload_ring_map_next(struct reload_ring_map *m, struct reload_ring_question *out)
{
	unsigned top = BITS * m->id_len - 1u;
	/* it begins, or was left without an answer when nobody could be asked */
	if (m->count && m->step == SUCCESSOR && !m->peers[m->at].asked)
		next_part(m);
	if (!m->count || m->step == ENDED)
		return false;
	const struct reload_ring_peer *p = &m->peers[m->at];
	struct reload_id before = m->peers[answered_before(m, m->at)].id;
	*out = (struct reload_ring_question){ .to = p->id };
	switch (m->step) {
	case SUCCESSOR:
		out->point = reload_id_add_power(&p->id, 0);
		break;
	case FINGERS:
		out->point = reload_id_add_power(&p->id, top - (unsigned)m->turn);
		break;
	case PROBE:
		out->is_probe = true;
		break;
	case BEFORE:
		out->point = before_place(m);
		break;
	case RANGE:
		out->to = m->peers[range_asked(m)].id;
		out->point = place_before(p, p->probe.responsible_ppb);
		break;
	case CHECK_NEXT:
		out->point = reload_id_add_power(&before, 0);
		break;
	case CHECK_PLACE:
	case ENDED:
		out->point = before;
	}
	return true;
}

/* -- answers -------------------------------------------------------------------------------------------------------------------- */

static void check_named(struct reload_ring_map *m, const struct reload_id *node)
{
	struct reload_ring_peer *p = &m->peers[m->at];
	bool own = reload_id_eq(node, &p->id);
	if (m->step == CHECK_NEXT && !own)
		fault(p, RELOAD_RING_MISSES, node);
	if (m->step == CHECK_PLACE && own)
		fault(p, RELOAD_RING_CLAIMS, &m->peers[answered_before(m, m->at)].id);
}

void reload_ring_map_named(struct reload_ring_map *m, const struct reload_id *node, double rtt_ms)
{
	struct reload_ring_peer *p = &m->peers[m->at];
	size_t known = m->count;
	if (m->step == CHECK_NEXT || m->step == CHECK_PLACE) {
		check_named(m, node);
	} else {
		if (m->step == SUCCESSOR) {
			p->answered = true;
			p->rtt_ms = rtt_ms;
			p->successor = *node;
		} else if (m->step == FINGERS && !reload_id_eq(node, &p->id) &&
			   !reload_id_eq(node, &p->successor) &&
			   !reload_id_listed(p->fingers, p->fingers_count, node)) {
			p->fingers[p->fingers_count++] = *node;
		} else if (m->step == BEFORE && m->turn && reload_id_eq(node, &p->id)) {
			m->turn = BEFORE_MAX; /* its own range begins before this place */
		}
		reload_ring_map_know(m, node);
	}
	next_step(m, known);
}

void reload_ring_map_probed(struct reload_ring_map *m, const struct reload_ring_probe *probe)
{
	struct reload_ring_peer *p = &m->peers[m->at];
	p->probed = true;
	p->probe = *probe;
	next_step(m, m->count);
}

void reload_ring_map_silent(struct reload_ring_map *m)
{
	if (m->step == SUCCESSOR)
		next_part(m); /* it is not there: nothing more is asked of it */
	else
		next_step(m, m->count);
}

const struct reload_ring_peer *reload_ring_map_peers(const struct reload_ring_map *m, size_t *count)
{
	*count = m->count;
	return m->peers;
}

bool reload_ring_map_cut(const struct reload_ring_map *m)
{
	return m->cut;
}
