#include "sim/check_internal.h"

#include "exchange/transactions.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	NEIGHBOURS = 3,   /* on each side that must be right (R-10.7.1-03) */
	LINKS_MAX = 4096, /* defaults of struct reload_policy */
	REQUESTS_MAX = 4096,
	WORK_MAX = 4096,
	FINGERS_MAX = 128,
	LISTED_MAX = 8,       /* neighbours on one side */
	TUNED_LISTED_MAX = 32 /* with CHORD-SELF-TUNING, s14 of RFC 7363 */
};

static const char *const check_names[] = {
#define X(name, word, words) word,
#include "sim/checks.def"
#undef X
};
static const char *const check_sentences[] = {
#define X(name, word, words) words,
#include "sim/checks.def"
#undef X
};

const char *reload_sim_check_name(enum reload_sim_check check)
{
	return check < RELOAD_SIM_CHECKS ? check_names[check] : "?";
}

const char *reload_sim_check_sentence(enum reload_sim_check check)
{
	return check < RELOAD_SIM_CHECKS ? check_sentences[check] : "?";
}

struct reload_sim_checks *reload_sim_checks_new(struct reload_sim *s, const size_t *order,
	const struct reload_sim_history *history, size_t store_limit)
{
	struct reload_sim_checks *c = RELOAD_NEW(reload_sim_checks);
	c->s = s;
	c->order = order;
	c->history = history;
	c->store_limit = store_limit;
	c->ring = reload_alloc_array(reload_sim_count(s) + 1, sizeof(struct reload_sim_node *));
	c->busy_since = reload_alloc_array(reload_sim_count(s) + 1, sizeof(*c->busy_since));
	reload_sim_check_rest_begin(c);
	return c;
}

void reload_sim_checks_free(struct reload_sim_checks *c)
{
	if (!c)
		return;
	free(c->ring);
	free(c->busy_since);
	free(c);
}

bool __attribute__((format(printf, 4, 5)))
reload_sim_checks_violated(const struct reload_sim_checks *c, struct reload_sim_violation *v,
	enum reload_sim_check check, const char *words, ...)
{
	va_list args;
	v->check = check;
	v->at = reload_sim_now(c->s);
	va_start(args, words);
	vsnprintf(v->words, sizeof(v->words), words, args);
	va_end(args);
	return false;
}

void reload_sim_checks_begin(struct reload_sim_checks *c)
{
	c->count = c->honest = 0;
	for (size_t i = 0; i < reload_sim_count(c->s); i++) {
		struct reload_sim_node *n = reload_sim_node(c->s, c->order[i]);
		if (!n->peer || n->role != RELOAD_ROLE_PEER || n->state != RELOAD_STATE_JOINED ||
			n->ended)
			continue;
		c->ring[c->count++] = n;
		c->honest += !n->byzantine;
	}
}

bool reload_sim_check_joined(struct reload_sim_checks *c, struct reload_sim_violation *v)
{
	size_t nodes = reload_sim_count(c->s);
	for (size_t i = 0; i < nodes; i++) {
		size_t at = (c->joined_hint + i) % nodes;
		struct reload_sim_node *n = reload_sim_node(c->s, at);
		if (!n->peer || n->byzantine || n->ended ||
			(n->state == RELOAD_STATE_JOINED && !n->aside))
			continue;
		c->joined_hint = at;
		if (n->aside)
			return reload_sim_checks_violated(c, v, RELOAD_SIM_CHECK_JOINED,
				"peer %zu has not come back into the ring since its disk failed",
				at);
		return reload_sim_checks_violated(c, v, RELOAD_SIM_CHECK_JOINED,
			"node %zu is %s, %.3f s after it started", at, reload_state_name(n->state),
			(double)(reload_sim_now(c->s) - n->started) / 1000);
	}
	return true;
}

/* -- the ring ----------------------------------------------------------------------------------------------------------------- */

const struct reload_sim_node *reload_sim_checks_node(
	const struct reload_sim_checks *c, const struct reload_id *id)
{
	size_t low = 0, high = reload_sim_count(c->s);
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct reload_sim_node *n = reload_sim_node(c->s, c->order[mid]);
		int order = reload_id_cmp(&n->id, id);
		if (order == 0)
			return n;
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

const struct reload_sim_node *reload_sim_checks_in_ring(
	const struct reload_sim_checks *c, const struct reload_id *id)
{
	const struct reload_sim_node *n = reload_sim_checks_node(c, id);
	return n && n->peer && n->role == RELOAD_ROLE_PEER && n->state == RELOAD_STATE_JOINED &&
			       !n->ended
		       ? n
		       : NULL;
}

static bool is_liar(const struct reload_sim_checks *c, const struct reload_id *id)
{
	const struct reload_sim_node *n = reload_sim_checks_in_ring(c, id);
	return n && n->byzantine;
}

/* The next honest peer from position at; step is 1 or count - 1. */
static size_t honest_next(const struct reload_sim_checks *c, size_t at, size_t step)
{
	do
		at = (at + step) % c->count;
	while (c->ring[at]->byzantine);
	return at;
}

static bool list_agrees(const struct reload_sim_checks *c, size_t at, size_t step,
	const struct reload_id *list, size_t listed, struct reload_sim_violation *v)
{
	const struct reload_sim_node *n = c->ring[at];
	size_t want = c->honest - 1 < NEIGHBOURS ? c->honest - 1 : NEIGHBOURS, next = at;
	char is[RELOAD_ID_HEX] = "nobody", expected[RELOAD_ID_HEX];
	for (size_t i = 0, seen = 0; seen < want; i++, seen++) {
		if (i < listed && is_liar(c, &list[i]))
			continue;
		next = honest_next(c, next, step);
		if (i < listed && reload_id_eq(&list[i], &c->ring[next]->id))
			continue;
		if (i < listed)
			reload_id_hex(is, &list[i]);
		return reload_sim_checks_violated(c, v, RELOAD_SIM_CHECK_RING,
			"%s %zu of peer %zu is %s, the ring of %zu has %s (peer %zu) there",
			step == 1 ? "successor" : "predecessor", i + 1, n->index, is, c->count,
			reload_id_hex(expected, &c->ring[next]->id), c->ring[next]->index);
	}
	return true;
}

bool reload_sim_check_ring(struct reload_sim_checks *c, struct reload_sim_violation *v)
{
	for (size_t i = 0; i < c->count && c->honest > 1; i++) {
		size_t at = (c->ring_hint + i) % c->count;
		struct reload_status st;
		if (c->ring[at]->byzantine)
			continue;
		reload_peer_status(c->ring[at]->peer, &st);
		if (list_agrees(c, at, 1, st.tables.successors, st.tables.successors_count, v) &&
			list_agrees(c, at, c->count - 1, st.tables.predecessors,
				st.tables.predecessors_count, v))
			continue;
		c->ring_hint = at;
		return false;
	}
	return true;
}

bool reload_sim_check_owner(struct reload_sim_checks *c, struct reload_sim_violation *v)
{
	for (size_t i = 0; i < c->count && c->honest > 1; i++) {
		size_t at = (c->owner_hint + i) % c->count;
		const struct reload_sim_node *n = c->ring[at];
		struct reload_status st;
		if (n->byzantine)
			continue;
		reload_peer_status(n->peer, &st);
		const struct reload_id *before = &c->ring[honest_next(c, at, c->count - 1)]->id;
		bool good = st.range_to.len && reload_id_eq(&st.range_to, &n->id) &&
			    (reload_id_eq(&st.range_from, before) ||
				    (is_liar(c, &st.range_from) &&
					    reload_id_between(before, &st.range_from, &n->id)));
		if (good)
			continue;
		c->owner_hint = at;
		char from[RELOAD_ID_HEX] = "nothing", expected[RELOAD_ID_HEX];
		if (st.range_from.len)
			reload_id_hex(from, &st.range_from);
		return reload_sim_checks_violated(c, v, RELOAD_SIM_CHECK_OWNER,
			"peer %zu answers for what is behind %s, its predecessor is %s", n->index,
			from, reload_id_hex(expected, before));
	}
	return true;
}

/* -- values ------------------------------------------------------------------------------------------------------------------- */

size_t reload_sim_checks_owner(const struct reload_sim_checks *c, const struct reload_id *resource)
{
	size_t low = 0, high = c->count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (reload_id_cmp(&c->ring[mid]->id, resource) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return c->count ? low % c->count : 0;
}

bool reload_sim_place_lied(struct reload_sim_checks *c, const struct reload_sim_place *p)
{
	size_t owner = reload_sim_checks_owner(c, reload_sim_history_resource(c->history, p->node));
	for (size_t i = 0; i < 4 && i < c->count; i++)
		if (c->ring[(owner + c->count - 1 + i) % c->count]->byzantine)
			return true;
	return false;
}

uint64_t reload_sim_checks_stored(const struct reload_sim_checks *c,
	const struct reload_sim_node *n, const struct reload_sim_place *p)
{
	struct reload_stored_value place = reload_sim_place_value(c->history, p);
	reload_utc now = RELOAD_SIM_EPOCH + reload_sim_now(c->s) + (uint64_t)n->skew_ms;
	const struct reload_stored_entry *e =
		n->storage->ops->find(n->storage, reload_sim_history_resource(c->history, p->node),
			reload_sim_place_kind(p), &place, now);
	return e ? e->data.storage_time : 0;
}

/* Whether n has a version of the place that is not older than owed. */
static bool stores(const struct reload_sim_checks *c, const struct reload_sim_node *n,
	const struct reload_sim_place *p, uint64_t owed)
{
	uint64_t stored = reload_sim_checks_stored(c, n, p);
	return stored && stored >= owed;
}

bool reload_sim_place_complete(
	struct reload_sim_checks *c, const struct reload_sim_place *p, uint64_t owed, size_t *at)
{
	size_t owner = reload_sim_checks_owner(c, reload_sim_history_resource(c->history, p->node));
	for (size_t i = 0; i < 3 && i < c->count; i++) {
		struct reload_sim_node *n = c->ring[(owner + i) % c->count];
		if (stores(c, n, p, owed))
			continue;
		if (at)
			*at = n->index;
		return false;
	}
	return true;
}

static bool incomplete(const struct reload_sim_checks *c, const struct reload_sim_place *p,
	size_t lacks, struct reload_sim_violation *v)
{
	size_t owner = reload_sim_checks_owner(c, reload_sim_history_resource(c->history, p->node));
	return reload_sim_checks_violated(c, v, RELOAD_SIM_CHECK_REPLICAS,
		"peer %zu lacks place %u of node %zu, stored at %.3f s: the holders are "
		"peers %zu, %zu and %zu",
		lacks, p->which, p->node, (double)p->acknowledged / 1000, c->ring[owner]->index,
		c->ring[(owner + 1) % c->count]->index, c->ring[(owner + 2) % c->count]->index);
}

bool reload_sim_check_replicas(struct reload_sim_checks *c, struct reload_sim_violation *v)
{
	size_t count = reload_sim_history_count(c->history), lacks;
	for (size_t i = 0; i < count && c->count; i++) {
		size_t at = (c->place_hint + i) % count;
		const struct reload_sim_place *p =
			reload_sim_history_place((struct reload_sim_history *)c->history,
				at / RELOAD_SIM_PLACES, at % RELOAD_SIM_PLACES);
		uint64_t owed = reload_sim_history_owed(c->history, p, reload_sim_now(c->s));
		if (!owed || reload_sim_place_complete(c, p, owed, &lacks) ||
			reload_sim_place_lied(c, p))
			continue;
		c->place_hint = at;
		return incomplete(c, p, lacks, v);
	}
	return true;
}

static bool count_one(void *arg, const struct reload_stored_entry *e)
{
	(void)e;
	++*(size_t *)arg;
	return true;
}

bool reload_sim_check_alike(const struct reload_sim_checks *c, size_t node, uint32_t kind,
	uint32_t first, struct reload_sim_violation *v)
{
	const struct reload_id *resource = reload_sim_history_resource(c->history, node);
	size_t owner = reload_sim_checks_owner(c, resource), counts[3] = { 0 };
	for (size_t i = 0; i < 3 && i < c->count; i++) {
		struct reload_sim_node *n = c->ring[(owner + i) % c->count];
		reload_utc now = RELOAD_SIM_EPOCH + reload_sim_now(c->s) + (uint64_t)n->skew_ms;
		n->storage->ops->range(
			n->storage, resource, kind, first, UINT32_MAX, now, count_one, &counts[i]);
		if (counts[i] != counts[0])
			return reload_sim_checks_violated(c, v, RELOAD_SIM_CHECK_REPLICAS,
				"peer %zu has %zu large values of node %zu, their owner has %zu",
				n->index, counts[i], node, counts[0]);
	}
	return true;
}

/* Whether an honest peer of the ring has it. */
static bool survives(
	const struct reload_sim_checks *c, const struct reload_sim_place *p, uint64_t time)
{
	for (size_t i = 0; i < c->count; i++)
		if (!c->ring[i]->byzantine && stores(c, c->ring[i], p, time))
			return true;
	return false;
}

bool reload_sim_check_survivors(
	struct reload_sim_checks *c, struct reload_sim_history *h, struct reload_sim_violation *v)
{
	size_t count = reload_sim_history_count(h), lacks;
	for (size_t i = 0; i < count && c->count; i++) {
		size_t at = (c->survivor_hint + i) % count;
		struct reload_sim_place *p =
			reload_sim_history_place(h, at / RELOAD_SIM_PLACES, at % RELOAD_SIM_PLACES);
		uint64_t time = reload_sim_history_excused(h, p, reload_sim_now(c->s));
		if (!time)
			continue;
		bool lied = reload_sim_place_lied(c, p);
		if (lied ? survives(c, p, time) : reload_sim_place_complete(c, p, time, &lacks)) {
			reload_sim_history_found(h, p);
			continue;
		}
		if (lied || !survives(c, p, time))
			continue;
		c->survivor_hint = at;
		return incomplete(c, p, lacks, v);
	}
	return true;
}

/* -- answers ------------------------------------------------------------------------------------------------------------------- */

bool reload_sim_checks_liar(const struct reload_sim_checks *c, const struct reload_id *id)
{
	const struct reload_sim_node *n = reload_sim_checks_node(c, id);
	return n && n->byzantine;
}

/* A member of list that is before id, going clockwise from resource; NULL: there is none. */
static const struct reload_id *nearer_one(const struct reload_id *resource,
	const struct reload_id *id, const struct reload_id *list, size_t count)
{
	struct reload_id to_id = reload_id_distance(resource, id);
	for (size_t i = 0; i < count; i++) {
		struct reload_id to = reload_id_distance(resource, &list[i]);
		if (reload_id_cmp(&to, &to_id) < 0)
			return &list[i];
	}
	return NULL;
}

bool reload_sim_check_responder(const struct reload_sim_checks *c, const struct reload_sim_node *n,
	const struct reload_id *resource, const struct reload_id *responder,
	struct reload_sim_violation *v)
{
	struct reload_status st;
	if (n->role != RELOAD_ROLE_PEER || n->state != RELOAD_STATE_JOINED)
		return true;
	reload_peer_status(n->peer, &st);
	const struct reload_id *nearer =
		nearer_one(resource, responder, st.tables.successors, st.tables.successors_count);
	if (!nearer)
		nearer = nearer_one(
			resource, responder, st.tables.predecessors, st.tables.predecessors_count);
	if (!nearer)
		return true;
	char hex[3][RELOAD_ID_HEX];
	return reload_sim_checks_violated(c, v, RELOAD_SIM_CHECK_RESPONDER,
		"peer %zu believes %s about %s, its neighbour %s is nearer", n->index,
		reload_id_hex(hex[0], responder), reload_id_hex(hex[1], resource),
		reload_id_hex(hex[2], nearer));
}

/* -- bounds ------------------------------------------------------------------------------------------------------------------- */

void reload_sim_check_rest_begin(struct reload_sim_checks *c)
{
	for (size_t i = 0; i < reload_sim_count(c->s); i++)
		c->busy_since[i] = RELOAD_NEVER;
}

bool reload_sim_check_rest(struct reload_sim_checks *c, struct reload_sim_violation *v)
{
	reload_ms now = reload_sim_now(c->s);
	for (size_t i = 0; i < reload_sim_count(c->s); i++) {
		struct reload_sim_node *n = reload_sim_node(c->s, i);
		size_t requests = n->peer && !n->ended ? reload_peer_requests(n->peer, NULL) : 0;
		if (!requests)
			c->busy_since[i] = RELOAD_NEVER;
		else if (c->busy_since[i] == RELOAD_NEVER)
			c->busy_since[i] = now;
		else if (now - c->busy_since[i] > RELOAD_SIM_BUSY_MS)
			return reload_sim_checks_violated(c, v, RELOAD_SIM_CHECK_REST,
				"node %zu has had requests under way for %.3f s, now %zu", i,
				(double)(now - c->busy_since[i]) / 1000, requests);
	}
	return true;
}

bool reload_sim_check_transactions(struct reload_sim_checks *c, struct reload_sim_violation *v)
{
	reload_ms now = reload_sim_now(c->s);
	for (size_t i = 0; i < reload_sim_count(c->s); i++) {
		struct reload_sim_node *n = reload_sim_node(c->s, i);
		reload_ms oldest;
		if (!n->peer || n->byzantine || !reload_peer_requests(n->peer, &oldest))
			continue;
		reload_ms limit =
			RELOAD_TRANSMISSIONS *
				reload_peer_config(n->peer)->overlay_reliability_timer_ms +
			RELOAD_SIM_SIGN_MS + 2 * reload_sim_job_longest(c->s);
		if (reload_sim_awake(n, oldest) <= limit)
			continue;
		return reload_sim_checks_violated(c, v, RELOAD_SIM_CHECK_TRANSACTION,
			"a request of node %zu has been under way for %.3f s", i,
			(double)(now - oldest) / 1000);
	}
	return true;
}

/*
 * A liar that forwards nothing stops a read when it is on the route and the routes around it lead through other liars.  A final read is
 * tried five times from different nodes.  What still fails is a Resource-ID that hardly any route reaches, and then all its places fail at once: so
 * RELOAD_SIM_PLACES failures are allowed in any case.  The share was measured with `--lies 1` over 1150 runs (40 peers of which 10 % and
 * 20 % lie, 200 of which 2 % to 20 %, 1000 of which 5 %): 32 of 47,700 of these reads failed, 3 of 45 in the worst run (20 % lie, many
 * Stores), 2 of 47 in the next (20 %).  These runs are allowed 8 failures, more than twice as many.  One liar among 1000 explains 4 of 1000.
 */
bool reload_sim_check_reads(const struct reload_sim_checks *c, const struct reload_sim_reads *reads,
	struct reload_sim_violation *v)
{
	double share = c->count ? (double)(c->count - c->honest) / (double)c->count : 0;
	double most = RELOAD_SIM_PLACES + share / 2 * (double)reads->apart;
	if ((double)reads->apart_failed <= most)
		return true;
	return reload_sim_checks_violated(c, v, RELOAD_SIM_CHECK_LOST_VALUE,
		"%llu of %llu final reads of places with no liar beside them had no honest answer; "
		"%zu liars among %zu peers explain %.0f",
		(unsigned long long)reads->apart_failed, (unsigned long long)reads->apart,
		c->count - c->honest, c->count, most);
}

bool reload_sim_check_judged(const struct reload_sim_checks *c,
	const struct reload_sim_reads *reads, struct reload_sim_violation *v)
{
	size_t values;
	(void)reload_sim_history_expected_lost(c->history, reload_sim_now(c->s), &values);
	if (!values || reads->owed || reads->over)
		return true;
	return reload_sim_checks_violated(c, v, RELOAD_SIM_CHECK_JUDGED,
		"of %zu values none was read at the end: by clocks that are off that much each may "
		"have expired, or all are lost",
		values);
}

bool reload_sim_status_bounded(
	const struct reload_status *st, size_t store_limit, const char **what)
{
	const struct {
		size_t is, most;
		const char *what;
	} rows[] = {
		{ st->links, LINKS_MAX, "links" },
		{ st->requests, REQUESTS_MAX, "requests" },
		{ st->work, WORK_MAX, "foreign requests in work" },
		{ st->tables.successors_count, st->is_tuned ? TUNED_LISTED_MAX : LISTED_MAX,
			"successors" },
		{ st->tables.predecessors_count, st->is_tuned ? TUNED_LISTED_MAX : LISTED_MAX,
			"predecessors" },
		{ st->tables.fingers_count, FINGERS_MAX, "fingers" },
		{ st->value_bytes, store_limit, "stored bytes" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (rows[i].is <= rows[i].most)
			continue;
		if (what)
			*what = rows[i].what;
		return false;
	}
	return true;
}

bool reload_sim_check_bound(
	struct reload_sim_checks *c, struct reload_sim_node *n, struct reload_sim_violation *v)
{
	struct reload_status st;
	const char *what;
	if (!n->peer)
		return true;
	reload_peer_status(n->peer, &st);
	if (reload_sim_status_bounded(&st, c->store_limit, &what))
		return true;
	return reload_sim_checks_violated(
		c, v, RELOAD_SIM_CHECK_BOUND, "node %zu has too many %s", n->index, what);
}
