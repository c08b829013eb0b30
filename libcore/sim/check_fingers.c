#include "sim/check_internal.h"

/*
 * Finger Tables, once quiet.  RFC 6940 leaves much open: a finger may be any peer of its interval (s10.7.4.2), and an interval may stay empty until a
 * periodic search, one in a chord-ping-interval, happens to choose it.  So a single table says little.  What must hold is that nobody keeps a finger
 * that is known to be gone, and that all tables together are filled where it is easy: a search at a random point finds a peer of an interval in
 * which there are many.
 *
 * Of the intervals with 8 peers or more 0 % to 8 % were empty in 20 runs with churn, crashes and partitions, 36 % to 52 % without the searches
 * of a peer that joins.  A ring that has lost more than half of its nodes is left out, and without reactive recovery one that has lost a
 * third: nothing but the periodic search fills what they leave empty (s10.7.2).
 */
enum {
	SEARCHED = 16,  /* entries that a peer fills when it joins (s10.7.4.3) */
	CROWD = 8,      /* peers in an interval that is easy to fill */
	EMPTY_PCT = 20, /* of these, at most */
	EMPTY_FEW = 4,  /* so many may be in any case */
	ID_BITS = 128
};

/* The interval of entry i: [start, start + width). */
struct interval {
	struct reload_id start, width;
};

static struct interval interval_of(const struct reload_id *self, unsigned i)
{
	const struct reload_id none = { .len = self->len };
	return (struct interval){ .start = reload_id_add_power(self, ID_BITS - i),
		.width = reload_id_add_power(&none, ID_BITS - i) };
}

static bool lies_in(const struct interval *in, const struct reload_id *id)
{
	struct reload_id distance = reload_id_distance(&in->start, id);
	return reload_id_cmp(&distance, &in->width) < 0;
}

/* How many honest peers lie in the interval; counted up to CROWD. */
static size_t honest_in(const struct reload_sim_checks *c, const struct interval *in)
{
	size_t at = reload_sim_checks_owner(c, &in->start), peers = 0;
	for (size_t i = 0; i < c->count && peers < CROWD && lies_in(in, &c->ring[at]->id); i++) {
		peers += !c->ring[at]->byzantine;
		at = (at + 1) % c->count;
	}
	return peers;
}

/* Adds the entries of n with many peers to *wanted and of these the empty ones to *empty. */
static void count_entries(const struct reload_sim_checks *c, const struct reload_sim_node *n,
	const struct reload_topology_tables *t, size_t *wanted, size_t *empty)
{
	for (unsigned i = 1; i <= SEARCHED; i++) {
		struct interval in = interval_of(&n->id, i);
		bool filled = false;
		if (honest_in(c, &in) < CROWD)
			return; /* those that follow are narrower */
		for (size_t f = 0; f < t->fingers_count && !filled; f++)
			filled = lies_in(&in, &t->fingers[f]);
		++*wanted;
		*empty += !filled;
	}
}

/* A finger whose machine went without a word may be kept: nothing tells of it until there is a message to send. */
static bool is_gone(const struct reload_sim_checks *c, const struct reload_id *id)
{
	const struct reload_sim_node *n = reload_sim_checks_node(c, id);
	return !n || (!n->silent && !reload_sim_checks_in_ring(c, id));
}

static bool fingers_run(struct reload_sim_checks *c, const struct reload_sim_node *n,
	const struct reload_topology_tables *t, struct reload_sim_violation *v)
{
	char hex[RELOAD_ID_HEX];
	for (size_t i = 0; i < t->fingers_count; i++)
		if (is_gone(c, &t->fingers[i]))
			return reload_sim_checks_violated(c, v, RELOAD_SIM_CHECK_FINGERS,
				"finger %zu of peer %zu is %s, which is not in the ring any more",
				i + 1, n->index, reload_id_hex(hex, &t->fingers[i]));
	return true;
}

bool reload_sim_check_fingers(struct reload_sim_checks *c, struct reload_sim_violation *v)
{
	size_t wanted = 0, empty = 0;
	for (size_t i = 0; i < c->count; i++) {
		size_t at = (c->finger_hint + i) % c->count;
		const struct reload_sim_node *n = c->ring[at];
		struct reload_status st;
		if (n->byzantine)
			continue;
		reload_peer_status(n->peer, &st);
		if (!fingers_run(c, n, &st.tables, v)) {
			c->finger_hint = at;
			return false;
		}
		if (!st.is_tuned) /* which wants as many fingers as it thinks fit */
			count_entries(c, n, &st.tables, &wanted, &empty);
	}
	size_t left_in = reload_sim_config(c->s)->chord_reactive ? 50 : 67; /* percent */
	if (100 * c->count < left_in * reload_sim_count(c->s) || empty <= EMPTY_FEW ||
		empty * 100 <= wanted * EMPTY_PCT)
		return true;
	return reload_sim_checks_violated(c, v, RELOAD_SIM_CHECK_FINGERS,
		"of %zu finger intervals with %d peers or more %zu are empty in the tables of %zu "
		"peers",
		wanted, CROWD, empty, c->honest);
}
