/*
 * Fingers are set up at join (RFC 6940 s10.5): finger i by an Attach towards Resource-ID n+2^(128-i), routed normally.
 * A pass over i = 1..16 leaves out entries that are valid already and points whose responsible peer is a neighbour, so
 * that a small ring sends none at all.  The first pass goes out with the Join; a second one a second after joining, when
 * more of the ring is known; further ones, CHORD_FINGER_PASSES in all, only after a failure.  Losing a finger starts
 * another pass when recovery is reactive (s10.7.2).
 */
#include "topology/chord.h"

/* There is an entry i that is worth having: our predecessors lie at the far end of the widest interval. */
static bool valid(const struct reload_topology *t, const struct reload_id *start, unsigned i)
{
	struct reload_id first;
	return reload_chord_set_after(&t->peers, start, &first, 1) &&
	       reload_chord_finger_index(&t->self, &first) == i &&
	       !reload_chord_member(t->predecessors, t->predecessors_count, &first);
}

void reload_chord_finger_pass(struct reload_topology *t)
{
	struct reload_id after[CHORD_NEIGHBOURS_MAX], before[CHORD_NEIGHBOURS_MAX];
	const struct reload_id *next = &after[CHORD_NEIGHBOURS_MIN - 1],
			       *last = &before[CHORD_NEIGHBOURS_MIN - 1];
	t->finger_passes++;
	if (reload_chord_known_near(t, true, after) < CHORD_NEIGHBOURS_MIN ||
		reload_chord_known_near(t, false, before) < CHORD_NEIGHBOURS_MIN)
		return; /* we know the whole ring */
	for (unsigned i = 1; i <= CHORD_FINGERS_WANTED; i++) {
		struct reload_id start = reload_id_add_power(&t->self, CHORD_FINGERS_MAX - i);
		if (t->finger_cookies[i - 1] || valid(t, &start, i) ||
			reload_id_between(&t->self, &start, next) ||
			reload_id_between(last, &start, &t->self))
			continue;
		struct reload_destination to = reload_dest_resource(&start);
		t->finger_cookies[i - 1] = ++t->cookies;
		t->host.attach(t->host.arg, t->cookies, &to, 1, true);
	}
}

static void on_timer(void *arg)
{
	struct reload_topology *t = arg;
	reload_chord_finger_pass(t);
	reload_chord_after(t);
}

void reload_chord_finger_later(struct reload_topology *t, reload_ms wait)
{
	if (!t->finger_timer.armed && t->finger_passes < CHORD_FINGER_PASSES)
		reload_chord_timer(t, &t->finger_timer,
			reload_chord_now(t) + reload_chord_jitter(t, wait), on_timer);
}

bool reload_chord_finger_attached(struct reload_topology *t, uint32_t cookie, enum reload_err err)
{
	for (size_t i = 0; i < CHORD_FINGERS_WANTED; i++) {
		if (t->finger_cookies[i] != cookie)
			continue;
		t->finger_cookies[i] = 0;
		if (err && t->state == RELOAD_TOPOLOGY_JOINED)
			reload_chord_finger_later(t, reload_chord_backoff(t, t->finger_passes + 1));
		return true;
	}
	return false;
}
