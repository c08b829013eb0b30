/*
 * Pending peers: nodes that other nodes named and that are not peers of ours yet (RFC 6940 s10.6, s10.7.1, s10.7.3).
 * The state of one pending node:
 *	IDLE	 We attach to it when it belongs among our neighbours and its pause is over.
 *	TRYING	 An Attach is under way, source-routed through an informant, a node that lists the pending one (R-10.6-01), first the
 *		 one that started to list it last.  When all were tried, or are gone, it is routed normally (CHORD-17).
 *	LINKED	 The link is up.  The node's Update is awaited for CHORD_UPDATE_WAIT_MS; without it the attempt counts as failed.
 *	FAILED	 The node left, its link was lost, or all attempts failed.  After CHORD_RETRY_AFTER_FAILURE_MS it is forgotten or,
 *		 when one of our peers still lists it, tried again.  This pause doubles CHORD_BACKOFF_DOUBLINGS_MAX times.  (A
 *		 peer sends no new Update while its lists stay the same, so a node that it lists stays listed.)
 * Failures.  A node that failed is tried CHORD_ATTACH_TRIES times, with pauses that double; one that gives no answer, which takes 15 s, only once
 * along each route, but at least twice.  It never displaces a node that has not failed from the future neighbours.  A peer whose link was lost is
 * tried again only when an Update that comes at least a second later still lists it: the nodes that noticed the loss too have removed it by then.
 * False names.  What one informant can cause is limited, and one whose names cannot be reached is distrusted (chord_informant.c).  A list
 * alone never changes our tables: a node enters them when it has a link to us and has sent an Update over it.
 * Limits: CHORD_PENDING_MAX nodes, CHORD_PENDING_SHARE of them named by one informant.  At the maximum a new node replaces the farthest
 * idle one if it is nearer.  Nodes that are not needed now stay as replacements for neighbours that fail (s10.7.1).
 */
#include "topology/chord_pending.h"

#include "topology/chord_informant.h"
#include "topology/chord_tables.h"

#include <stddef.h>

enum state {
	PENDING_IDLE,
	PENDING_TRYING,
	PENDING_LINKED,
	PENDING_FAILED
};

/* Narrow, since there are many of these rows. */
struct pending {
	reload_ms due, last_listed;
	uint32_t cookie;
	/* the nodes that list this one, as slots in the table of informants; the one that began last comes first */
	uint16_t informants[CHORD_INFORMANTS];
	uint16_t through; /* of the Attach under way; CHORD_NO_INFORMANT: normal routing */
	struct reload_id id;
	uint8_t state; /* enum state */
	uint8_t informants_count;
	uint8_t failures, rounds; /* attempts that failed in this round; rounds that failed */
	uint8_t next_informant;   /* counts attempts; see informant_for() */
	bool listed;              /* while an Update is read: it lists this node */
};

struct chord_pending {
	struct pending *rows; /* ascending, at most CHORD_PENDING_MAX */
	size_t count, cap;
	bool future_neighbours_known; /* the Admitting Peer has named our future neighbours */
	/* since when our Join and our first Updates wait for future neighbours */
	reload_ms attach_since, expected_until;
	struct reload_id expected; /* its Update is awaited until expected_until; len 0: none */
	struct reload_timer timer;
};

_Static_assert((int)CHORD_INFORMANTS_MAX == CHORD_PENDING_MAX * (CHORD_INFORMANTS + 1), "");

struct chord_pending *reload_chord_pending_new(void)
{
	return RELOAD_NEW(chord_pending);
}

void reload_chord_pending_free(struct reload_topology *t)
{
	reload_timer_cancel(t->host.timers, &t->pending->timer);
	free(t->pending->rows);
	free(t->pending);
}

static size_t lower(const struct reload_topology *t, const struct reload_id *id)
{
	return reload_id_place(t->pending->rows, t->pending->count, sizeof(struct pending),
		offsetof(struct pending, id), id);
}

static struct pending *find(struct reload_topology *t, const struct reload_id *id)
{
	size_t i = lower(t, id);
	return i < t->pending->count && reload_id_eq(&t->pending->rows[i].id, id)
		       ? &t->pending->rows[i]
		       : NULL;
}

static void drop(struct reload_topology *t, struct pending *k)
{
	size_t i = (size_t)(k - t->pending->rows);
	memmove(k, k + 1, (t->pending->count - i - 1) * sizeof(*k));
	t->pending->count--;
	t->reconsider = true;
}

/* Finds or makes the slot of id in the table of informants. */
static uint16_t informant_slot(struct reload_topology *t, const struct reload_id *id)
{
	bool in_use[CHORD_INFORMANTS_MAX] = { 0 };
	uint16_t found = reload_chord_informant_find(t, id);
	if (found != CHORD_NO_INFORMANT)
		return found;
	for (size_t i = 0; i < t->pending->count; i++) {
		const struct pending *k = &t->pending->rows[i];
		for (size_t j = 0; j < k->informants_count; j++)
			in_use[k->informants[j]] = true;
		if (k->through != CHORD_NO_INFORMANT)
			in_use[k->through] = true;
	}
	/* a slot is free: the row that is about to name id has room for one informant more */
	return reload_chord_informant_slot(t, id, in_use);
}

/* The index of informant among those of k; the number of these when it is not one of them. */
static size_t informant_index(const struct pending *k, uint16_t informant)
{
	size_t i = 0;
	while (i < k->informants_count && k->informants[i] != informant)
		i++;
	return i;
}

static bool informant_remove(struct pending *k, uint16_t informant)
{
	size_t i = informant_index(k, informant);
	if (i == k->informants_count)
		return false;
	memmove(&k->informants[i], &k->informants[i + 1],
		(k->informants_count - i - 1u) * sizeof(*k->informants));
	k->informants_count--;
	return true;
}

/* Puts the informant in front, so that the next Attach goes through it.  When the list is full the oldest entry is dropped. */
static void informant_add(
	struct reload_topology *t, struct pending *k, const struct reload_id *informant)
{
	if (informant_index(k, reload_chord_informant_find(t, informant)) < k->informants_count)
		return;
	if (k->informants_count == CHORD_INFORMANTS)
		k->informants_count--;
	uint16_t slot = informant_slot(t, informant);
	memmove(&k->informants[1], k->informants, k->informants_count * sizeof(*k->informants));
	k->informants[0] = slot;
	k->informants_count++;
	k->next_informant = 0;
}

/* Whether informant is the one that named k last; false for CHORD_NO_INFORMANT. */
static bool named_by(const struct pending *k, uint16_t informant)
{
	return k->informants_count && k->informants[0] == informant;
}

/* Whether k may be dropped for another node: it is idle, or a whole round of attempts failed. */
static bool may_be_dropped(const struct pending *k)
{
	return k->state == PENDING_IDLE || (k->state == PENDING_FAILED && k->rounds);
}

/* The farthest of the nodes that may be dropped: of all (CHORD_NO_INFORMANT), or of those that informant named; NULL: none may be. */
static struct pending *farthest_idle(struct reload_topology *t, uint16_t informant)
{
	struct pending *worst = NULL;
	struct reload_id worst_d = { 0 };
	for (size_t i = 0; i < t->pending->count; i++) {
		struct reload_id d = reload_chord_remoteness(&t->self, &t->pending->rows[i].id);
		bool named = informant == CHORD_NO_INFORMANT ||
			     named_by(&t->pending->rows[i], informant);
		if (!may_be_dropped(&t->pending->rows[i]) || !named ||
			(worst && reload_id_cmp(&d, &worst_d) <= 0))
			continue;
		worst = &t->pending->rows[i];
		worst_d = d;
	}
	return worst;
}

/*
 * Adds a row for id; NULL when the limits do not allow it.  The table stays in ascending order, so that the order of Attaches does not depend
 * on the order in which nodes were named.
 */
static struct pending *insert(
	struct reload_topology *t, const struct reload_id *id, uint16_t informant)
{
	size_t share = 0;
	for (size_t i = 0; i < t->pending->count; i++)
		share += named_by(&t->pending->rows[i], informant);
	if (t->pending->count == CHORD_PENDING_MAX || share >= CHORD_PENDING_SHARE) {
		struct pending *worst = farthest_idle(
			t, share >= CHORD_PENDING_SHARE ? informant : CHORD_NO_INFORMANT);
		if (!worst)
			return NULL;
		struct reload_id d = reload_chord_remoteness(&t->self, id),
				 worst_d = reload_chord_remoteness(&t->self, &worst->id);
		if (reload_id_cmp(&d, &worst_d) >= 0)
			return NULL;
		drop(t, worst);
	}
	reload_grow_within(&t->pending->rows, &t->pending->cap, t->pending->count,
		sizeof(*t->pending->rows), CHORD_PENDING_MAX);
	size_t i = lower(t, id);
	memmove(&t->pending->rows[i + 1], &t->pending->rows[i],
		(t->pending->count - i) * sizeof(*t->pending->rows));
	t->pending->rows[i] =
		(struct pending){ .id = *id, .due = RELOAD_NEVER, .through = CHORD_NO_INFORMANT };
	t->pending->count++;
	t->reconsider = true;
	return &t->pending->rows[i];
}

static void fail_until_retry(struct reload_topology *t, struct pending *k)
{
	t->reconsider = true;
	k->state = PENDING_FAILED;
	k->due = reload_chord_now(t) + ((reload_ms)CHORD_RETRY_AFTER_FAILURE_MS << k->rounds);
}

/* All attempts of this round failed. */
static void round_failed(struct reload_topology *t, struct pending *k)
{
	k->failures = CHORD_ATTACH_TRIES;
	fail_until_retry(t, k);
	if (k->rounds < CHORD_BACKOFF_DOUBLINGS_MAX)
		k->rounds++;
}

/* Starts the next round: a peer still lists the node and so may have a link to it.  It begins with one failure. */
static void begin_next_round(struct reload_topology *t, struct pending *k)
{
	t->reconsider = true;
	k->state = PENDING_IDLE;
	k->failures = 1;
	k->next_informant = 0;
	k->due = RELOAD_NEVER;
}

static void mark_linked(struct reload_topology *t, struct pending *k)
{
	t->reconsider = true;
	k->state = PENDING_LINKED;
	k->due = reload_chord_now(t) + CHORD_UPDATE_WAIT_MS;
	if (reload_id_eq(&k->id, &t->pending->expected) && k->due < t->pending->expected_until)
		k->due = t->pending->expected_until;
}

/* The Attach to k, or what followed it, failed; silent: nobody answered. */
static void attempt_failed(struct reload_topology *t, struct pending *k, bool silent)
{
	reload_chord_informant_failed(t, k->through);
	t->reconsider = true;
	k->through = CHORD_NO_INFORMANT;
	k->state = PENDING_IDLE;
	k->due = reload_chord_now(t) + reload_chord_backoff(t, ++k->failures);
	bool all_ways = k->failures > 1 && k->next_informant > k->informants_count;
	if (k->failures >= CHORD_ATTACH_TRIES || (silent && all_ways))
		round_failed(t, k);
}

void reload_chord_pending_mention(
	struct reload_topology *t, const struct reload_id *id, const struct reload_id *informant)
{
	if (id->len != CHORD_ID_LEN || reload_id_eq(id, &t->self) || reload_id_is_zero(id) ||
		reload_id_is_wildcard(id) || reload_chord_is_peer(t, id))
		return;
	struct pending *k = find(t, id);
	bool is_new = !k;
	if (is_new && !(k = insert(t, id, reload_chord_informant_find(t, informant))))
		return;
	k->last_listed = reload_chord_now(t);
	k->listed = true;
	if (informant)
		informant_add(t, k, informant);
	if (is_new && reload_chord_link_find(t, id)) {
		mark_linked(t, k);
	} else if (k->state == PENDING_FAILED && k->failures < CHORD_ATTACH_TRIES) {
		t->reconsider = true;
		k->state = PENDING_IDLE;
		k->due = reload_chord_now(t) + CHORD_UPDATE_GAP_MS +
			 reload_chord_backoff(t, k->failures + 1u);
	}
}

void reload_chord_pending_read_begin(struct reload_topology *t)
{
	for (size_t i = 0; i < t->pending->count; i++)
		t->pending->rows[i].listed = false;
}

void reload_chord_pending_read_end(struct reload_topology *t, const struct reload_id *informant)
{
	uint16_t slot = reload_chord_informant_find(t, informant);
	for (size_t i = 0; i < t->pending->count;) {
		struct pending *k = &t->pending->rows[i];
		bool over = !k->listed && informant_remove(k, slot) && !k->informants_count &&
			    k->state == PENDING_IDLE;
		if (over && !k->failures) {
			drop(t, k);
			continue;
		}
		if (over)
			fail_until_retry(t, k);
		i++;
	}
}

void reload_chord_pending_connected(struct reload_topology *t, const struct reload_id *id)
{
	struct pending *k = find(t, id);
	if (k && (k->state == PENDING_IDLE || k->state == PENDING_TRYING))
		mark_linked(t, k);
}

bool reload_chord_pending_expect(struct reload_topology *t, const struct reload_id *id)
{
	struct pending *k = find(t, id);
	t->pending->expected = *id;
	t->pending->expected_until = reload_chord_now(t) + CHORD_NEIGHBOUR_ATTACH_TIMEOUT_MS;
	if (k && reload_chord_link_find(t, id)) {
		mark_linked(t, k);
		k->failures = 1; /* after one more it is not "reachable" */
	}
	return reload_chord_pending_reachable(t, id);
}

void reload_chord_pending_lost(
	struct reload_topology *t, const struct reload_id *id, bool was_peer, bool left)
{
	uint16_t slot = reload_chord_informant_find(t, id);
	for (size_t i = 0; i < t->pending->count; i++)
		informant_remove(&t->pending->rows[i], slot);
	struct pending *k = find(t, id);
	if (k && !was_peer && k->state == PENDING_LINKED)
		attempt_failed(t, k, false);
	if (!was_peer || (!k && !(k = insert(t, id, CHORD_NO_INFORMANT))))
		return;
	k->failures = left ? CHORD_ATTACH_TRIES : 1;
	k->informants_count = 0;
	fail_until_retry(t, k);
}

void reload_chord_pending_forget(struct reload_topology *t, const struct reload_id *id)
{
	struct pending *k = find(t, id);
	if (!k)
		return;
	if (k->informants_count)
		reload_chord_informant_proved(t, k->informants[0]);
	drop(t, k);
}

bool reload_chord_pending_attached(struct reload_topology *t, uint32_t cookie, enum reload_err err)
{
	for (size_t i = 0; i < t->pending->count; i++) {
		struct pending *k = &t->pending->rows[i];
		if (k->cookie != cookie ||
			(k->state != PENDING_TRYING && k->state != PENDING_LINKED))
			continue;
		/* of two Attaches in opposite directions one fails, but the link is up (LINK-11) */
		if (err && !reload_chord_link_find(t, &k->id))
			attempt_failed(t, k, err == RELOAD_TIMEOUT);
		else if (k->state == PENDING_TRYING)
			mark_linked(t, k);
		return true;
	}
	return false;
}

/* Whether at least one node that names k is trusted. */
static bool is_believed(const struct reload_topology *t, const struct pending *k)
{
	return k->informants_count
		       ? reload_chord_informant_any_trusted(t, k->informants, k->informants_count)
		       : !reload_chord_informant_distrusted(t, k->through);
}

static bool is_future_neighbour(const struct reload_topology *t, const struct pending *k)
{
	return k->state != PENDING_FAILED && !k->failures && is_believed(t, k);
}

/* Which rows count as future neighbours; looked up once for both sides, as each informant is searched for in the Connection Table. */
static void mark_future_neighbours(const struct reload_topology *t, bool out[CHORD_PENDING_MAX])
{
	for (size_t i = 0; i < t->pending->count; i++)
		out[i] = is_future_neighbour(t, &t->pending->rows[i]);
}

static size_t nearest_with_pending(struct reload_topology *t, bool clockwise,
	const bool future[CHORD_PENDING_MAX], struct reload_id out[CHORD_NEIGHBOURS_MAX])
{
	size_t max = reload_chord_neighbours_goal(t);
	size_t n = clockwise ? reload_chord_set_after(&t->tables->peers, &t->self, out, max)
			     : reload_chord_set_before(&t->tables->peers, &t->self, out, max);
	for (size_t i = 0; i < t->pending->count; i++)
		if (future[i])
			n = reload_chord_insert(
				&t->self, clockwise, out, n, max, &t->pending->rows[i].id);
	return n;
}

size_t reload_chord_pending_near(
	struct reload_topology *t, bool clockwise, struct reload_id out[CHORD_NEIGHBOURS_MAX])
{
	bool future[CHORD_PENDING_MAX];
	mark_future_neighbours(t, future);
	return nearest_with_pending(t, clockwise, future, out);
}

struct wanted {
	struct reload_id after[CHORD_NEIGHBOURS_MAX], before[CHORD_NEIGHBOURS_MAX];
	size_t after_count, before_count, max;
};

static struct wanted wanted_neighbours(struct reload_topology *t)
{
	struct wanted w = { .max = reload_chord_neighbours_goal(t) };
	bool future[CHORD_PENDING_MAX];
	mark_future_neighbours(t, future);
	w.after_count = nearest_with_pending(t, true, future, w.after);
	w.before_count = nearest_with_pending(t, false, future, w.before);
	return w;
}

static bool is_wanted(
	const struct reload_topology *t, const struct wanted *w, const struct pending *k)
{
	if (w->after_count < w->max || w->before_count < w->max)
		return true;
	return !reload_chord_nearer(&t->self, true, &w->after[w->after_count - 1], &k->id) ||
	       !reload_chord_nearer(&t->self, false, &w->before[w->before_count - 1], &k->id);
}

/* Where the next Attach is routed through: each informant of k in turn, then normal routing (CHORD_NO_INFORMANT), then the informants again. */
static uint16_t informant_for(const struct reload_topology *t, const struct pending *k)
{
	size_t way = k->next_informant % (k->informants_count + 1u);
	if (way < k->informants_count &&
		!reload_id_eq(reload_chord_informant_id(t, k->informants[way]), &k->id))
		return k->informants[way];
	return CHORD_NO_INFORMANT;
}

static void attach(struct reload_topology *t, struct pending *k, uint16_t through)
{
	struct reload_destination list[2];
	size_t count = 0;
	if (through != CHORD_NO_INFORMANT)
		list[count++] = reload_dest_node(reload_chord_informant_id(t, through));
	list[count++] = reload_dest_node(&k->id);
	k->through = through;
	k->next_informant++;
	k->state = PENDING_TRYING;
	k->due = reload_chord_now(t) + CHORD_ATTACH_WAIT_MS;
	k->cookie = reload_chord_cookie(t);
	t->host.attach(t->host.arg, k->cookie, list, count, true);
}

/* While we join not before the Admitting Peer has named our neighbours. */
static bool may_attach(const struct reload_topology *t)
{
	bool joining = t->state == RELOAD_TOPOLOGY_ATTACHING || t->state == RELOAD_TOPOLOGY_JOINING;
	return t->state == RELOAD_TOPOLOGY_JOINED ||
	       (joining && t->pending->future_neighbours_known);
}

static void on_timer(void *arg)
{
	((struct reload_topology *)arg)->reconsider = true;
	reload_chord_after(arg);
}

/* Acts on the rows whose time is over. */
static void expire(struct reload_topology *t)
{
	reload_ms now = reload_chord_now(t);
	for (size_t i = 0; i < t->pending->count;) {
		struct pending *k = &t->pending->rows[i];
		bool due = k->due <= now, old = now - k->last_listed > CHORD_NAME_LIFETIME_MS;
		if ((k->state == PENDING_FAILED && due && !k->informants_count) ||
			(k->state == PENDING_IDLE && old)) {
			drop(t, k);
			continue;
		}
		i++;
		if (due && k->state == PENDING_FAILED)
			begin_next_round(t, k);
		else if (due && k->state == PENDING_LINKED)
			round_failed(t, k); /* a client, or a peer that has sent no Update */
		else if (due && k->state == PENDING_TRYING)
			attempt_failed(t, k, true);
		else if (due)
			k->due = RELOAD_NEVER;
	}
}

void reload_chord_pending_named(struct reload_topology *t, bool future_neighbours_known)
{
	t->pending->future_neighbours_known = future_neighbours_known;
}

void reload_chord_pending_await(struct reload_topology *t)
{
	t->pending->attach_since = reload_chord_now(t);
}

void reload_chord_pending_start_due(struct reload_topology *t)
{
	if (!t->reconsider)
		return;
	reload_ms waits_until = t->pending->attach_since + CHORD_JOIN_NEIGHBOURS_MS;
	reload_ms next = reload_chord_now(t) < waits_until ? waits_until : RELOAD_NEVER;
	expire(t);
	t->reconsider = false;
	bool may = may_attach(t);
	struct wanted w = wanted_neighbours(t);
	for (size_t i = 0; i < t->pending->count; i++) {
		struct pending *k = &t->pending->rows[i];
		bool due = may && k->state == PENDING_IDLE && k->due == RELOAD_NEVER &&
			   is_wanted(t, &w, k);
		uint16_t through = informant_for(t, k);
		reload_ms later = due ? reload_chord_informant_charge(t, through) : 0;
		if (due && !later)
			attach(t, k, through);
		if (later && later < next)
			next = later;
		if (k->due < next)
			next = k->due;
	}
	reload_chord_timer(t, &t->pending->timer, next, on_timer);
}

bool reload_chord_pending_outstanding(struct reload_topology *t, reload_ms limit)
{
	struct wanted w = wanted_neighbours(t);
	reload_ms until = t->pending->attach_since + limit;
	for (size_t i = 0; reload_chord_now(t) < until && i < t->pending->count; i++) {
		const struct pending *k = &t->pending->rows[i];
		if ((k->state == PENDING_TRYING || k->state == PENDING_IDLE) && k->failures < 2 &&
			is_wanted(t, &w, k) && is_believed(t, k))
			return true;
	}
	return false;
}

bool reload_chord_pending_between(
	struct reload_topology *t, const struct reload_id *from, const struct reload_id *to)
{
	uint16_t slot = reload_chord_informant_find(t, to);
	reload_ms until = t->pending->attach_since + CHORD_NEIGHBOUR_ATTACH_TIMEOUT_MS;
	for (size_t i = 0; reload_chord_now(t) < until && i < t->pending->count; i++) {
		const struct pending *k = &t->pending->rows[i];
		bool named = informant_index(k, slot) < k->informants_count && is_believed(t, k);
		if (k->state != PENDING_FAILED && k->failures < 2 && !reload_id_eq(&k->id, to) &&
			reload_id_between(from, &k->id, to) &&
			(named || k->state == PENDING_LINKED))
			return true;
	}
	return false;
}

const struct reload_id *reload_chord_pending_finger(struct reload_topology *t, unsigned index)
{
	for (size_t i = 0; i < t->pending->count; i++) {
		const struct pending *k = &t->pending->rows[i];
		if (k->state == PENDING_IDLE && !k->failures &&
			reload_chord_finger_index(&t->self, &k->id) == index)
			return &k->id;
	}
	return NULL;
}

bool reload_chord_pending_reachable(struct reload_topology *t, const struct reload_id *id)
{
	const struct pending *k = find(t, id);
	return k && k->state != PENDING_FAILED && k->failures < 2;
}

size_t reload_chord_pending_count(const struct reload_topology *t)
{
	return t->pending->count;
}

const struct reload_id *reload_chord_pending_informant(
	struct reload_topology *t, const struct reload_id *id, size_t *count)
{
	const struct pending *k = find(t, id);
	*count = k ? k->informants_count : 0;
	return *count ? reload_chord_informant_id(t, k->informants[0]) : NULL;
}

void reload_chord_pending_clear(struct reload_topology *t)
{
	t->pending->count = 0;
	reload_chord_informants_clear(t);
	reload_chord_timer(t, &t->pending->timer, RELOAD_NEVER, on_timer);
}
