/*
 * Filling the Finger Table (RFC 6940 s10.5, s10.7.2, s10.7.4.2, s10.7.4.3).
 *
 * At a join.  A pass sends an Attach to Resource-ID n+2^(128-i) for each finger i from 1 to 16, routed normally.  It leaves out fingers
 * that are filled and points whose responsible peer is a neighbour, so in a small ring it sends nothing.  The first pass goes out with
 * the Join and the second one about a second after joining, when more of the ring is known.  Further ones follow failures only;
 * there are at most CHORD_FINGER_PASSES.
 *
 * Later.  Each chord-ping-interval (and up to an eighth of it more) one empty entry may be chosen for a search: going from i = 1 up,
 * each empty entry is taken with probability one half, and the first one taken is searched for.  The walk ends at the entry in which
 * our last successor lies: the peers behind it are all neighbours.  When our neighbours are the whole ring there is nothing to
 * search.  So the table grows to 16 entries and more, up to 128, where that many peers exist.  A finger that fails is searched for about a
 * second later when recovery is reactive (s10.7.2).
 *
 * A search attaches to a pending node of the interval when Updates have named one.  Otherwise it sends a Ping to a random point of the
 * interval (CHORD-01) and, when the peer that answers lies in the interval, an Attach to it, routed normally (R-10.6-02).
 *
 * States of a search: waiting until it is due, Ping under way, Attach under way.  It ends when the finger is attached to, when the
 * answering peer is outside of the interval, when the entry was filled in another way, or when it failed.  The search for a finger that
 * failed is repeated after a Ping or an Attach that fails, CHORD_SEARCH_TRIES in all, with pauses that double from one second on: when many
 * nodes fail at once, all routes lead through them at first, and the nodes that Updates have named are gone too.
 * Limit: CHORD_SEARCHES_MAX at a time.
 */
#include "topology/chord_finger.h"

#include "topology/chord_pending.h"
#include "topology/chord_tables.h"

/* The search for finger `index`.  cookie 0: it waits until it is due. */
struct search {
	uint8_t index, tries;
	bool named_failed; /* a node that Updates have named could not be attached to */
	uint32_t cookie;
	reload_ms due; /* with a cookie: it is given up then */
};

struct chord_finger {
	uint32_t cookies
		[CHORD_FINGERS_WANTED]; /* of the Attaches of a pass, by finger; 0: none under way */
	unsigned passes;
	struct reload_timer timer; /* the next pass */

	struct search searches[CHORD_SEARCHES_MAX];
	size_t searches_count;
	reload_ms search_due; /* the next periodic search; 0: not planned */
	struct reload_timer search_timer;
};

struct chord_finger *reload_chord_finger_new(void)
{
	return RELOAD_NEW(chord_finger);
}

void reload_chord_finger_free(struct reload_topology *t)
{
	reload_timer_cancel(t->host.timers, &t->finger->timer);
	reload_timer_cancel(t->host.timers, &t->finger->search_timer);
	free(t->finger);
}

void reload_chord_finger_stop(struct reload_topology *t)
{
	reload_timer_cancel(t->host.timers, &t->finger->timer);
	memset(t->finger->cookies, 0, sizeof(t->finger->cookies));
}

void reload_chord_finger_restart(struct reload_topology *t)
{
	t->finger->passes = 0;
}

/* Whether entry i is filled by a peer other than our predecessors, which lie at the far end of the widest interval anyway. */
static bool is_filled(const struct reload_topology *t, const struct reload_id *start, unsigned i)
{
	struct reload_id first;
	return reload_chord_set_after(&t->tables->peers, start, &first, 1) &&
	       reload_chord_finger_index(&t->self, &first) == i &&
	       !reload_id_listed(t->tables->predecessors, t->tables->predecessors_count, &first);
}

static void pass(struct reload_topology *t)
{
	struct reload_id after[CHORD_NEIGHBOURS_MAX], before[CHORD_NEIGHBOURS_MAX];
	const struct reload_id *next = &after[CHORD_NEIGHBOURS_MIN - 1],
			       *last = &before[CHORD_NEIGHBOURS_MIN - 1];
	t->finger->passes++;
	if (reload_chord_pending_near(t, true, after) < CHORD_NEIGHBOURS_MIN ||
		reload_chord_pending_near(t, false, before) < CHORD_NEIGHBOURS_MIN)
		return; /* our neighbours are the whole ring */
	for (unsigned i = 1; i <= CHORD_FINGERS_WANTED; i++) {
		struct reload_id start = reload_id_add_power(&t->self, CHORD_FINGERS_MAX - i);
		if (t->finger->cookies[i - 1] || is_filled(t, &start, i) ||
			reload_id_between(&t->self, &start, next) ||
			reload_id_between(last, &start, &t->self))
			continue;
		struct reload_destination to = reload_dest_resource(&start);
		t->finger->cookies[i - 1] = reload_chord_cookie(t);
		t->host.attach(t->host.arg, t->finger->cookies[i - 1], &to, 1, true);
	}
}

void reload_chord_finger_begin(struct reload_topology *t)
{
	if (!t->finger->passes)
		pass(t);
}

static void on_timer(void *arg)
{
	struct reload_topology *t = arg;
	pass(t);
	reload_chord_after(t);
}

void reload_chord_finger_later(struct reload_topology *t, reload_ms wait)
{
	if (!t->finger->timer.armed && t->finger->passes < CHORD_FINGER_PASSES)
		reload_chord_timer(t, &t->finger->timer,
			reload_chord_now(t) + reload_chord_jitter(t, wait), on_timer);
}

/* -- searches ------------------------------------------------------------------------------------------------------- */

static bool sought(const struct reload_topology *t, unsigned i)
{
	struct reload_id start = reload_id_add_power(&t->self, CHORD_FINGERS_MAX - i);
	return !reload_chord_whole(t) && !is_filled(t, &start, i) &&
	       i < reload_chord_finger_index(
			   &t->self, &t->tables->successors[t->tables->successors_count - 1]) &&
	       !reload_id_between(&t->tables->predecessors[t->tables->predecessors_count - 1],
		       &start, &t->self);
}

/* A random point in the interval of finger i: [self+2^(128-i), self+2^(129-i)-1]. */
static struct reload_id random_point(struct reload_topology *t, unsigned i)
{
	struct reload_id point = reload_id_add_power(&t->self, CHORD_FINGERS_MAX - i);
	uint8_t coins[CHORD_FINGERS_MAX / 8];
	t->host.random(t->host.arg, coins, sizeof(coins));
	for (unsigned bit = 0; bit < CHORD_FINGERS_MAX - i; bit++)
		if (coins[bit / 8] >> bit % 8 & 1)
			point = reload_id_add_power(&point, bit);
	return point;
}

static struct search *search_add(struct reload_topology *t, unsigned i, reload_ms due)
{
	for (size_t n = 0; n < t->finger->searches_count; n++)
		if (t->finger->searches[n].index == i)
			return NULL;
	if (t->finger->searches_count == CHORD_SEARCHES_MAX)
		return NULL;
	struct search *s = &t->finger->searches[t->finger->searches_count++];
	*s = (struct search){ .index = (uint8_t)i, .due = due };
	return s;
}

static void search_end(struct reload_topology *t, struct search *s)
{
	*s = t->finger->searches[--t->finger->searches_count];
}

static struct search *search_find(struct reload_topology *t, uint32_t cookie)
{
	for (size_t i = 0; i < t->finger->searches_count; i++)
		if (cookie && t->finger->searches[i].cookie == cookie)
			return &t->finger->searches[i];
	return NULL;
}

static void search_attach(struct reload_topology *t, struct search *s, const struct reload_id *node)
{
	struct reload_destination to = reload_dest_node(node);
	s->cookie = reload_chord_cookie(t);
	s->due = reload_chord_now(t) + CHORD_PROBE_WAIT_MS;
	t->host.attach(t->host.arg, s->cookie, &to, 1, true);
}

static void search_begin(struct reload_topology *t, struct search *s)
{
	const struct reload_id *finger =
		s->named_failed ? NULL : reload_chord_pending_finger(t, s->index);
	s->tries++;
	if (finger) {
		s->named_failed = true; /* until the Attach succeeds, which ends the search */
		search_attach(t, s, finger);
		return;
	}
	struct reload_id point = random_point(t, s->index);
	struct reload_destination to = reload_dest_resource(&point);
	s->cookie = reload_chord_cookie(t);
	s->due = reload_chord_now(t) + CHORD_PROBE_WAIT_MS;
	t->host.ping(t->host.arg, s->cookie, &to, 1);
}

void reload_chord_finger_lost(struct reload_topology *t, const struct reload_id *id)
{
	if (t->state == RELOAD_TOPOLOGY_JOINED && t->reactive &&
		reload_id_listed(t->tables->fingers, t->tables->fingers_count, id))
		search_add(t, reload_chord_finger_index(&t->self, id),
			reload_chord_now(t) + reload_chord_jitter(t, CHORD_UPDATE_GAP_MS));
}

/* Chooses an entry for the periodic search: each has half the chance of the one before it. */
static void choose(struct reload_topology *t, reload_ms now)
{
	uint8_t coins[CHORD_FINGERS_MAX / 8];
	t->host.random(t->host.arg, coins, sizeof(coins));
	unsigned last = t->fingers_wanted ? t->fingers_wanted : CHORD_FINGERS_MAX;
	for (unsigned i = 1; i <= last && !reload_chord_whole(t); i++) {
		unsigned coin = i - 1;
		if (!sought(t, i) || !(coins[coin / 8] >> coin % 8 & 1))
			continue;
		struct search *s = search_add(t, i, now);
		if (s)
			s->tries = CHORD_SEARCH_TRIES - 1; /* a periodic search sends one Ping */
		return;
	}
}

void reload_chord_finger_search(struct reload_topology *t)
{
	choose(t, reload_chord_now(t));
}

void reload_chord_finger_step(struct reload_topology *t)
{
	if (t->state != RELOAD_TOPOLOGY_JOINED) {
		t->finger->searches_count = 0;
		t->finger->search_due = 0;
		reload_chord_timer(
			t, &t->finger->search_timer, RELOAD_NEVER, reload_chord_on_after);
		return;
	}
	reload_ms now = reload_chord_now(t);
	if (t->pace->measures)
		t->finger->search_due = RELOAD_NEVER; /* chord_tuning.c begins the searches */
	else if (!t->finger->search_due)
		t->finger->search_due = now + reload_chord_jitter(t, t->ping_interval);
	if (t->finger->search_due <= now) {
		choose(t, now);
		/* jitter only makes the interval longer */
		t->finger->search_due =
			now + t->ping_interval + reload_chord_jitter(t, t->ping_interval / 8);
	}
	reload_ms next = t->finger->search_due;
	for (size_t i = t->finger->searches_count; i-- > 0;) {
		struct search *s = &t->finger->searches[i];
		bool over = s->due <= now && (s->cookie || !sought(t, s->index));
		if (over) {
			search_end(t, s);
			continue;
		}
		if (s->due <= now)
			search_begin(t, s);
		if (s->due < next)
			next = s->due;
	}
	if (!t->finger->search_timer.armed || t->finger->search_timer.due != next)
		reload_chord_timer(t, &t->finger->search_timer, next, reload_chord_on_after);
}

/* The Ping or the Attach of s failed: it is repeated after a pause, or the search ends. */
static void search_failed(struct reload_topology *t, struct search *s)
{
	if (s->tries >= CHORD_SEARCH_TRIES) {
		search_end(t, s);
		return;
	}
	s->cookie = 0;
	s->due = reload_chord_now(t) +
		 reload_chord_jitter(t, reload_doubled(CHORD_SEARCH_PAUSE_MS, s->tries - 1u,
						CHORD_SEARCH_PAUSE_MS << CHORD_SEARCH_TRIES));
}

bool reload_chord_finger_pinged(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *responder)
{
	struct search *s = search_find(t, cookie);
	if (!s)
		return false;
	if (err) {
		search_failed(t, s);
	} else if (reload_id_eq(responder, &t->self) ||
		   reload_chord_finger_index(&t->self, responder) != s->index ||
		   reload_chord_is_peer(t, responder)) {
		search_end(t, s);
	} else {
		search_attach(t, s, responder);
	}
	return true;
}

bool reload_chord_finger_attached(struct reload_topology *t, uint32_t cookie, enum reload_err err)
{
	struct search *s = search_find(t, cookie);
	if (s && err)
		search_failed(t, s);
	else if (s)
		search_end(t, s);
	if (s)
		return true;
	for (size_t i = 0; i < CHORD_FINGERS_WANTED; i++) {
		if (t->finger->cookies[i] != cookie)
			continue;
		t->finger->cookies[i] = 0;
		if (err && t->state == RELOAD_TOPOLOGY_JOINED)
			reload_chord_finger_later(
				t, reload_chord_backoff(t, t->finger->passes + 1));
		return true;
	}
	return false;
}
