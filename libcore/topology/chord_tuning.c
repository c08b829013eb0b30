/*
 * How CHORD-SELF-TUNING sets its own pace (RFC 7363 s5, s6).
 *
 * A period is one interval between two stabilisations.  At its end, in this order: this node makes its own estimates of N, U
 * and L; the values in force become the 75th percentile of these and of the estimates that came from other peers in the period; they give the
 * sizes of the tables and the length of the next period, whose timer starts (R7363-12); an Update goes to the first predecessor and the
 * first successor; a finger is searched for; and some random fingers are asked for their estimates.
 *
 *	N	by the density of our neighbours
 *	U	by the failures in our tables: peers that were lost or left, each once; see history_limit()
 *	L	by the median age of the peers in our tables, which they tell in Updates and in answers to Probes
 *
 * The first period begins when we have become part of the ring.  The first estimates are made then.  They are high and give a short interval,
 * since a peer that has just joined has measured nothing.  For a peer that was alone a new period begins with the first other peer.
 *
 * Estimates are taken only from peers, which have a link to us: the newest triple of each in a period, without impossible numbers
 * (reload_estimate_read()).  The percentile and the bounds of estimate.h limit what liars among them can cause (s14).  We always send our
 * own estimates, so that no peer gets its own numbers back.
 */
#include "topology/chord_tuning.h"

#include "topology/chord_finger.h"
#include "topology/chord_tables.h"
#include "topology/chord_update.h"

enum {
	/* when a period ends later than due by more than this, this process or its host was stopped */
	ABSENT_MS = 5000,
	HISTORY_MIN = 16 /* failures remembered, see history_limit() */
};

struct received {
	struct reload_id from;
	struct reload_estimates of;
};

struct chord_tuning {
	struct reload_timer timer; /* the end of the period; armed while we are part of the ring */
	struct reload_failures failures;
	struct received received[CHORD_RECEIVED_MAX]; /* in this period */
	size_t received_count;
	struct reload_estimates own, in_force;
	struct reload_estimates last[CHORD_RECEIVED_MAX + 1]; /* those of which in_force was made */
	size_t last_count, members, ages;
	struct reload_tuned_size neighbours, fingers;
	struct reload_interval interval;
	reload_ms period; /* interval.s with its jitter */
	reload_ms back;   /* when an absence of ours ended; 0: there was none */
};

struct chord_tuning *reload_chord_tuning_new(const struct chord_pace *pace)
{
	return pace->measures ? RELOAD_NEW(chord_tuning) : NULL;
}

void reload_chord_tuning_free(struct reload_topology *t)
{
	if (!t->tuning)
		return;
	reload_timer_cancel(t->host.timers, &t->tuning->timer);
	free(t->tuning);
}

/* -- own estimates -------------------------------------------------------------------------------------------------- */

static bool is_member(const struct chord_link *link)
{
	return link->ready && (link->neighbour || link->finger);
}

static size_t members(const struct reload_topology *t)
{
	size_t n = 0;
	for (size_t i = 0; i < reload_chord_link_count(t); i++)
		n += is_member(reload_chord_link_at(t, i));
	return n;
}

/* The ages of the peers in our tables, in seconds; each peer once (R7363-22). */
static size_t ages_of(const struct reload_topology *t, double *out, size_t max)
{
	size_t n = 0;
	for (size_t i = 0; i < reload_chord_link_count(t) && n < max; i++) {
		const struct chord_link *link = reload_chord_link_at(t, i);
		if (is_member(link) && link->uptime_known)
			out[n++] = (double)link->uptime_s +
				   (double)(reload_chord_now(t) - link->uptime_at) / RELOAD_SECOND;
	}
	return n;
}

/*
 * K, the most failures that are remembered: a quarter of the tables, as s6.3 recommends, but at least 16.  U is k failures
 * divided by the time of the k - 1 gaps between them, or of k gaps when the present ends the last one.  Gaps are random, so the
 * error of U is about 1 / sqrt(k), and the 75th percentile of estimates that err like that errs too.  The tables of a ring of 100
 * have 17 peers.  A quarter of these, 5, gave U in force a median error of 81%; 16 give 28% (reload-sim; the RFC reports 17%).
 * The history is full after about one mean session.
 */
static size_t history_limit(size_t members)
{
	size_t limit = reload_failures_limit(members);
	return limit < HISTORY_MIN ? HISTORY_MIN : limit;
}

static void measure(struct reload_topology *t)
{
	struct chord_tuning *n = t->tuning;
	double ages[CHORD_FINGERS_MAX + 2 * CHORD_NEIGHBOURS_MAX];
	n->members = members(t);
	size_t limit = history_limit(n->members);
	/*
	 * The present counts as the K-th failure, so that U falls while nothing fails.  With K real failures the time since the
	 * last one would be left out, and U would stay what it was until the next failure: all night after a busy day, for example.
	 */
	reload_failures_trim(&n->failures, limit - 1);
	n->ages = ages_of(t, ages, COUNT_OF(ages));
	n->own.size = reload_estimate_size(&t->self, t->tables->predecessors,
		t->tables->predecessors_count, t->tables->successors, t->tables->successors_count);
	n->own.failures =
		reload_estimate_failures(&n->failures, limit, n->members, reload_chord_now(t));
	n->own.joins = reload_estimate_joins(n->own.size, ages, n->ages);
}

/* -- the values in force ---------------------------------------------------------------------------------------------- */

static double percentile(const struct chord_tuning *n, size_t member)
{
	double values[CHORD_RECEIVED_MAX + 1];
	for (size_t i = 0; i < n->last_count; i++)
		memcpy(&values[i], (const char *)&n->last[i] + member, sizeof(values[i]));
	return reload_estimate_percentile(values, n->last_count);
}

static void combine(struct chord_tuning *n)
{
	n->last_count = 0;
	n->last[n->last_count++] = n->own;
	for (size_t i = 0; i < n->received_count; i++)
		n->last[n->last_count++] = n->received[i].of;
	n->received_count = 0;
	n->in_force = (struct reload_estimates){
		.size = percentile(n, offsetof(struct reload_estimates, size)),
		.failures = percentile(n, offsetof(struct reload_estimates, failures)),
		.joins = percentile(n, offsetof(struct reload_estimates, joins)),
	};
}

static void resize(struct reload_topology *t)
{
	struct chord_tuning *n = t->tuning;
	unsigned neighbours = reload_tuned_size(&n->neighbours, n->in_force.size,
			 CHORD_NEIGHBOURS_MIN, CHORD_NEIGHBOURS_MAX),
		 fingers = reload_tuned_size(
			 &n->fingers, n->in_force.size, CHORD_FINGERS_WANTED, CHORD_FINGERS_MAX);
	if (neighbours == t->neighbours_wanted && fingers == t->fingers_wanted)
		return;
	t->neighbours_wanted = neighbours;
	t->fingers_wanted = fingers;
	reload_chord_tables_resized(t);
}

/* -- asking others ----------------------------------------------------------------------------------------------------- */

/*
 * Asks random fingers that are no neighbours, since the estimates of neighbours have the same errors as ours.  Without such fingers it asks neighbours.
 */
static void ask_some(struct reload_topology *t)
{
	const struct reload_id *from = t->tables->fingers;
	struct reload_id all[CHORD_FINGERS_MAX + 2 * CHORD_NEIGHBOURS_MAX];
	size_t count = 0, wanted = t->peers_to_probe;
	for (size_t i = 0; i < t->tables->fingers_count; i++)
		if (!reload_chord_is_neighbour(t, &from[i]))
			all[count++] = from[i];
	if (!count)
		count = reload_chord_set_after(
			&t->tables->peers, &t->self, all, t->tables->successors_count);
	for (size_t i = 0; i < count && i < wanted; i++) {
		uint32_t r;
		t->host.random(t->host.arg, &r, sizeof(r));
		size_t chosen = i + r % (count - i);
		struct reload_id swap = all[i];
		all[i] = all[chosen];
		all[chosen] = swap;
		t->host.probe(t->host.arg, &all[i]);
	}
}

/* Asks the fingers that were found during the join, now that it is over: estimates go with each Probe. */
static void ask_all(struct reload_topology *t)
{
	for (size_t i = 0; i < reload_chord_link_count(t); i++)
		reload_chord_link_at(t, i)->finger = false;
	reload_chord_tuning_fingers(t);
}

static void on_timer(void *arg);

static void begin_period(struct reload_topology *t)
{
	struct chord_tuning *n = t->tuning;
	uint32_t r;
	measure(t);
	combine(n);
	resize(t);
	n->interval = reload_estimate_interval(
		&n->in_force, (uint32_t)(t->update_interval / RELOAD_SECOND));
	t->host.random(t->host.arg, &r, sizeof(r));
	n->period = (reload_ms)(n->interval.s * RELOAD_SECOND);
	n->period += r % (n->period / 5 + 1) - n->period / 10; /* R-10.7.4-03: not all at once */
	reload_chord_timer(t, &n->timer, reload_chord_now(t) + n->period, on_timer);
}

/* -- an absence of ours ----------------------------------------------------------------------------------------------- */

/*
 * A node that was stopped for longer than a period loses its links, because others gave them up.  None of those peers has failed.  The node may
 * learn of a lost link before or after its own timer runs; a link that is only silent counts as lost after twice the time of silence.
 */
static bool is_own_absence(const struct reload_topology *t)
{
	const struct chord_tuning *n = t->tuning;
	reload_ms now = reload_chord_now(t);
	return now > n->timer.due + ABSENT_MS || (n->back && now < n->back + 2 * t->silence);
}

/* Shifts the history as if no time had passed, since failures during the absence were not seen. */
static void note_absence(struct reload_topology *t)
{
	struct chord_tuning *n = t->tuning;
	reload_ms now = reload_chord_now(t), late = now - n->timer.due;
	if (late <= ABSENT_MS)
		return;
	n->back = now;
	for (size_t i = 0; i < n->failures.count; i++)
		n->failures.at[i] += late;
}

static void on_timer(void *arg)
{
	struct reload_topology *t = arg;
	note_absence(t);
	begin_period(t);
	reload_chord_update_nearest(t);
	reload_chord_finger_search(t);
	ask_some(t);
	reload_chord_after(t);
}

/* -- events ------------------------------------------------------------------------------------------------------------- */

void reload_chord_tuning_step(struct reload_topology *t)
{
	struct chord_tuning *n = t->tuning;
	bool part = t->state == RELOAD_TOPOLOGY_JOINED;
	if (!n)
		return;
	if (part && t->joined_at == RELOAD_NEVER) {
		t->joined_at = reload_chord_now(t);
		reload_failures_begin(&n->failures, t->joined_at);
		n->received_count = 0;
		measure(t);
		ask_all(t);
		begin_period(t);
		ask_some(t);
	} else if (part && n->in_force.size < 2 && t->tables->peers.count) {
		begin_period(t);
		ask_some(t);
	} else if (!part && t->joined_at != RELOAD_NEVER) {
		t->joined_at = RELOAD_NEVER;
		t->neighbours_wanted = t->fingers_wanted = 0;
		n->neighbours = n->fingers = (struct reload_tuned_size){ 0 };
		reload_chord_timer(t, &n->timer, RELOAD_NEVER, on_timer);
	}
}

void reload_chord_tuning_uptime(
	struct reload_topology *t, struct chord_link *link, uint32_t uptime_s)
{
	link->uptime_known = true;
	link->uptime_s = uptime_s;
	link->uptime_at = reload_chord_now(t);
}

void reload_chord_tuning_failed(struct reload_topology *t, const struct chord_link *link)
{
	struct chord_tuning *n = t->tuning;
	if (n && t->joined_at != RELOAD_NEVER && is_member(link) && !is_own_absence(t))
		reload_failures_add(&n->failures, reload_chord_now(t), history_limit(members(t)));
}

void reload_chord_tuning_fingers(struct reload_topology *t)
{
	if (!t->tuning || t->joined_at == RELOAD_NEVER)
		return;
	for (size_t i = 0; i < reload_chord_link_count(t); i++) {
		struct chord_link *link = reload_chord_link_at(t, i);
		bool finger =
			reload_id_listed(t->tables->fingers, t->tables->fingers_count, &link->id);
		if (finger && !link->finger && t->pace->probes_fingers)
			t->host.probe(t->host.arg, &link->id);
		link->finger = finger;
	}
}

void reload_chord_probed(
	struct reload_topology *t, const struct reload_id *node, const uint32_t *uptime_s)
{
	struct chord_link *link = reload_chord_link_find(t, node);
	if (link && uptime_s)
		reload_chord_tuning_uptime(t, link, *uptime_s);
}

bool reload_chord_estimates(struct reload_topology *t, struct reload_self_tuning *out)
{
	switch (t->state) {
	case RELOAD_TOPOLOGY_DETACHED:
	case RELOAD_TOPOLOGY_FAILED:
		return false;
	case RELOAD_TOPOLOGY_ATTACHING:
	case RELOAD_TOPOLOGY_JOINING:
	case RELOAD_TOPOLOGY_JOINED:
		break;
	}
	if (!t->tuning)
		return false;
	if (t->joined_at == RELOAD_NEVER) {
		/* the Admitting Peer asks: the tables of the join are enough for N (s6.1), no failure was seen yet */
		t->tuning->failures.count = 0;
		measure(t);
	}
	*out = reload_estimate_write(&t->tuning->own);
	return true;
}

void reload_chord_estimates_received(struct reload_topology *t, const struct reload_id *from,
	const struct reload_self_tuning *of)
{
	struct chord_tuning *n = t->tuning;
	struct reload_estimates e;
	size_t i = 0;
	if (!n || t->joined_at == RELOAD_NEVER || !reload_chord_is_peer(t, from) ||
		!reload_estimate_read(&e, of))
		return;
	while (i < n->received_count && !reload_id_eq(&n->received[i].from, from))
		i++;
	if (i == CHORD_RECEIVED_MAX)
		return;
	n->received[i] = (struct received){ *from, e };
	n->received_count += i == n->received_count;
}

reload_ms reload_chord_silence(struct reload_topology *t, const struct reload_id *node)
{
	const struct chord_link *link = reload_chord_link_find(t, node);
	bool watched = link && (t->pace->watches_fingers ? is_member(link)
							 : link->ready && link->neighbour);
	return watched ? t->silence : 0;
}

bool reload_chord_tuning(struct reload_topology *t, struct reload_topology_tuning *out)
{
	const struct chord_tuning *n = t->tuning;
	if (!n || t->joined_at == RELOAD_NEVER)
		return false;
	*out = (struct reload_topology_tuning){
		.own = n->own,
		.in_force = n->in_force,
		.interval = n->interval,
		.period_ms = n->period,
		.left_ms = n->timer.due - reload_chord_now(t),
		.longest_s = (uint32_t)(t->update_interval / RELOAD_SECOND),
		.neighbours = t->neighbours_wanted,
		.fingers = t->fingers_wanted,
		.peers_to_probe = t->peers_to_probe,
		.failures = n->failures.count,
		.failures_limit = history_limit(n->members),
		.members = n->members,
		.ages = n->ages,
		.data = n->last,
		.data_count = n->last_count,
	};
	return true;
}
