#include "sim/history.h"

#include "sim/world.h"

#include <stdlib.h>
#include <string.h>

enum {
	/* acknowledgments that are remembered, since the owner may fail before the replicas are complete */
	RECENT = 4096
};

struct acknowledged {
	struct reload_sim_place *place;
	reload_ms at;
	struct reload_id by;
};

enum {
	ACKS = 4 /* of a counter, remembered; each writer has one Store under way */
};

struct ack {
	uint64_t generation, base;
	reload_ms ended;
};

/* The generation counter of a user and Kind; the entries of an array share one, and so do the dictionary entries of two devices. */
struct counter {
	uint64_t before; /* the highest one before the last acknowledgments */
	reload_ms expires;
	struct ack acks[ACKS]; /* the last ones since the last expected loss; generation 0: none */
	size_t acks_next;
};

enum {
	KINDS = 3
};

struct reload_sim_history {
	size_t nodes, value_size;
	struct reload_id *ids, *resources;
	size_t *by_resource; /* nodes, ascending by Resource-ID */
	size_t *home;
	struct reload_sim_place *places;
	struct counter *counters;
	uint64_t *last_time; /* by node: the greatest storage_time of this life */
	unsigned *life;
	struct reload_sim_place **readable; /* places with an acknowledged or claimed version */
	size_t readable_count, readable_cap;
	struct acknowledged recent[RECENT];
	size_t recent_next;
	reload_ms torn_until, clocks_ms;
};

struct sorted {
	const struct reload_id *id;
	size_t node;
};

static int sorted_cmp(const void *x, const void *y)
{
	const struct sorted *a = x, *b = y;
	int c = reload_id_cmp(a->id, b->id);
	return c ? c : (a->node > b->node) - (a->node < b->node);
}

size_t *reload_sim_sort(const struct reload_id *ids, size_t count)
{
	struct sorted *sorted = reload_alloc_array(count + 1, sizeof(*sorted));
	size_t *order = reload_alloc_array(count + 1, sizeof(*order));
	for (size_t i = 0; i < count; i++)
		sorted[i] = (struct sorted){ &ids[i], i };
	qsort(sorted, count, sizeof(*sorted), sorted_cmp);
	for (size_t i = 0; i < count; i++)
		order[i] = sorted[i].node;
	free(sorted);
	return order;
}

struct reload_sim_history *reload_sim_history_new(size_t nodes, const struct reload_id *ids,
	const struct reload_id *resources, size_t value_size, reload_ms clocks_ms)
{
	struct reload_sim_history *h = RELOAD_NEW(reload_sim_history);
	h->nodes = nodes;
	h->value_size = value_size < RELOAD_SIM_VALUE_MAX ? value_size : RELOAD_SIM_VALUE_MAX;
	h->clocks_ms = clocks_ms;
	h->ids = reload_memdup(ids, nodes * sizeof(*ids));
	h->resources = reload_memdup(resources, nodes * sizeof(*resources));
	h->by_resource = reload_sim_sort(resources, nodes);
	h->home = reload_alloc_array(nodes + 1, sizeof(*h->home));
	h->places = reload_alloc_array(nodes * RELOAD_SIM_PLACES + 1, sizeof(*h->places));
	h->counters = reload_alloc_array(nodes * KINDS + 1, sizeof(*h->counters));
	h->last_time = reload_alloc_array(nodes + 1, sizeof(*h->last_time));
	h->life = reload_alloc_array(nodes + 1, sizeof(*h->life));
	for (size_t i = 0; i < nodes; i++)
		h->home[i] = i && reload_id_eq(&resources[i], &resources[i - 1]) ? i - 1 : i;
	for (size_t i = 0; i < nodes; i++)
		for (unsigned w = 0; w < RELOAD_SIM_PLACES; w++)
			h->places[i * RELOAD_SIM_PLACES + w] = (struct reload_sim_place){
				.node = i, .which = w, .waiting_for = SIZE_MAX
			};
	return h;
}

void reload_sim_history_free(struct reload_sim_history *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->nodes * RELOAD_SIM_PLACES; i++)
		free(h->places[i].versions);
	free(h->ids);
	free(h->resources);
	free(h->by_resource);
	free(h->home);
	free(h->places);
	free(h->counters);
	free(h->last_time);
	free(h->life);
	free(h->readable);
	free(h);
}

/* -- places -------------------------------------------------------------------------------------------------------------------- */

struct reload_sim_place *reload_sim_history_place(
	struct reload_sim_history *h, size_t node, unsigned which)
{
	return &h->places[node * RELOAD_SIM_PLACES + which];
}

const struct reload_id *reload_sim_history_resource(const struct reload_sim_history *h, size_t node)
{
	return &h->resources[node];
}

size_t reload_sim_history_count(const struct reload_sim_history *h)
{
	return h->nodes * RELOAD_SIM_PLACES;
}

uint32_t reload_sim_place_kind(const struct reload_sim_place *p)
{
	static const uint32_t kinds[RELOAD_SIM_PLACES] = { RELOAD_SIM_KIND, RELOAD_SIM_ARRAY,
		RELOAD_SIM_ARRAY, RELOAD_SIM_DICT };
	return kinds[p->which];
}

struct reload_stored_value reload_sim_place_value(
	const struct reload_sim_history *h, const struct reload_sim_place *p)
{
	static const uint8_t models[RELOAD_SIM_PLACES] = { RELOAD_MODEL_SINGLE, RELOAD_MODEL_ARRAY,
		RELOAD_MODEL_ARRAY, RELOAD_MODEL_DICTIONARY };
	return (struct reload_stored_value){ .model = models[p->which],
		.index = p->which == 2,
		.key = models[p->which] == RELOAD_MODEL_DICTIONARY
			       ? reload_id_span(&h->ids[p->node])
			       : (struct span){ NULL, 0 } };
}

static struct counter *counter_of(
	const struct reload_sim_history *h, const struct reload_sim_place *p)
{
	return &h->counters[h->home[p->node] * KINDS + (p->which + 1) / 2];
}

size_t reload_sim_history_home(const struct reload_sim_history *h, size_t node)
{
	return h->home[node];
}

/* -- Stores -------------------------------------------------------------------------------------------------------------------- */

/* Whether a version of the place has that storage_time: the other device may write in the same millisecond. */
static bool is_taken(const struct reload_sim_place *p, uint64_t time)
{
	for (size_t i = 0; p->versions && i < RELOAD_SIM_VERSIONS; i++)
		if (p->versions[i].number && p->versions[i].storage_time == time)
			return true;
	return false;
}

const struct reload_sim_version *reload_sim_history_begin(struct reload_sim_history *h,
	struct reload_sim_place *p, size_t writer, uint64_t base, reload_ms now, reload_utc wall,
	unsigned life, uint32_t lifetime_s, bool exists)
{
	reload_ms lifetime = (reload_ms)lifetime_s * RELOAD_SECOND,
		  slack = RELOAD_SIM_EXPIRY_SLACK_MS + 2 * h->clocks_ms;
	if (h->life[writer] != life)
		h->last_time[writer] = 0;
	h->life[writer] = life;
	uint64_t time = wall > h->last_time[writer] ? wall : h->last_time[writer] + 1;
	while (is_taken(p, time))
		time++;
	h->last_time[writer] = time;
	if (!p->versions)
		p->versions = reload_alloc_array(RELOAD_SIM_VERSIONS, sizeof(*p->versions));
	p->last++;
	struct reload_sim_version *v = &p->versions[p->last % RELOAD_SIM_VERSIONS];
	*v = (struct reload_sim_version){ .number = p->last,
		.storage_time = time,
		.writer = writer,
		.base = base,
		.begun = now,
		.expires = now + (lifetime > slack ? lifetime - slack : 0),
		.gone = now + lifetime + slack,
		.exists = exists };
	return v;
}

size_t reload_sim_history_bytes(const struct reload_sim_history *h,
	const struct reload_sim_place *p, uint64_t number, uint8_t out[RELOAD_SIM_VALUE_MAX])
{
	uint64_t word = 0;
	for (size_t i = 0; i < h->value_size; i++) {
		if (i % 8 == 0)
			word = reload_prng_hash(
				p->node * RELOAD_SIM_PLACES + p->which, number, i / 8);
		out[i] = (uint8_t)(word >> (8 * (i % 8)));
	}
	return h->value_size;
}

static void place_known(struct reload_sim_history *h, struct reload_sim_place *p)
{
	if (p->readable)
		return;
	p->readable = true;
	reload_grow(&h->readable, &h->readable_cap, h->readable_count, sizeof(*h->readable));
	h->readable[h->readable_count++] = p;
}

static void place_acknowledged(struct reload_sim_history *h, struct reload_sim_place *p,
	const struct reload_sim_version *v, const struct reload_id *responder)
{
	if (v->storage_time <= p->newest)
		return;
	p->newest = v->storage_time;
	p->acknowledged = v->ended;
	p->expires = v->expires;
	if (responder && responder->len) {
		h->recent[h->recent_next] =
			(struct acknowledged){ .place = p, .at = v->ended, .by = *responder };
		h->recent_next = (h->recent_next + 1) % RECENT;
	}
}

/* The highest counter that had been acknowledged by then. */
static uint64_t highest_by(const struct counter *c, reload_ms then)
{
	uint64_t highest = c->before;
	for (size_t i = 0; i < ACKS; i++)
		if (c->acks[i].ended <= then && c->acks[i].generation > highest)
			highest = c->acks[i].generation;
	return highest;
}

static void counter_note(struct counter *c, const struct ack *a)
{
	struct ack *at = &c->acks[c->acks_next];
	c->acks_next = (c->acks_next + 1) % ACKS;
	if (at->generation > c->before)
		c->before = at->generation;
	*at = *a;
}

/* Whether the Store that got `got` and named base (0: none) leaves no room for one that got `other`. */
static bool excludes(uint64_t base, uint64_t got, uint64_t other)
{
	return other == got || (base && base < other && other < got);
}

static const struct reload_sim_version *version_of(
	const struct reload_sim_place *p, uint64_t number)
{
	const struct reload_sim_version *v =
		p->versions ? &p->versions[number % RELOAD_SIM_VERSIONS] : NULL;
	return v && v->number == number ? v : NULL;
}

void reload_sim_history_signed(const struct reload_sim_history *h, struct reload_sim_place *p,
	uint64_t number, reload_ms until)
{
	struct reload_sim_version *v = (struct reload_sim_version *)version_of(p, number);
	reload_ms slack = RELOAD_SIM_EXPIRY_SLACK_MS + h->clocks_ms,
		  before = until > slack ? until - slack : 0;
	if (!v || until > RELOAD_NEVER - slack)
		return;
	if (v->expires > before)
		v->expires = before;
	if (v->gone > until + slack)
		v->gone = until + slack;
	/* it may take the place of the newest acknowledged one, and not be acknowledged itself */
	if (p->expires > v->expires)
		p->expires = v->expires;
	if (counter_of(h, p)->expires > v->expires)
		counter_of(h, p)->expires = v->expires;
}

bool reload_sim_history_alone(const struct reload_sim_history *h, const struct reload_sim_place *p,
	uint64_t number, reload_ms now, uint64_t generation)
{
	const struct counter *c = counter_of(h, p);
	const struct reload_sim_version *v = version_of(p, number);
	if (!v || now <= h->torn_until || now >= c->expires)
		return true;
	for (size_t i = 0; i < ACKS; i++) {
		const struct ack *a = &c->acks[i];
		if (a->generation && (excludes(v->base, generation, a->generation) ||
					     excludes(a->base, a->generation, generation)))
			return false;
	}
	return true;
}

bool reload_sim_history_end(struct reload_sim_history *h, struct reload_sim_place *p,
	uint64_t number, enum reload_sim_stored state, reload_ms now, uint64_t generation,
	const struct reload_id *responder)
{
	struct counter *c = counter_of(h, p);
	struct reload_sim_version *v = (struct reload_sim_version *)version_of(p, number);
	if (!v)
		return true;
	v->state = state;
	v->ended = now;
	if (state == RELOAD_SIM_STORED_ACKNOWLEDGED || state == RELOAD_SIM_STORED_CLAIMED)
		place_known(h, p);
	if (state != RELOAD_SIM_STORED_ACKNOWLEDGED)
		return true;
	if (now >= c->expires)
		*c = (struct counter){ 0 };
	bool torn = now <= h->torn_until, rises = torn || generation > highest_by(c, v->begun);
	if (!torn)
		counter_note(c, &(struct ack){ generation, v->base, now });
	c->expires = v->expires;
	place_acknowledged(h, p, v, responder);
	return rises;
}

void reload_sim_history_torn(struct reload_sim_history *h, reload_ms until)
{
	h->torn_until = until;
}

uint64_t reload_sim_history_counter(
	const struct reload_sim_history *h, const struct reload_sim_place *p, reload_ms now)
{
	const struct counter *c = counter_of(h, p);
	return now < c->expires ? highest_by(c, now) : 0;
}

/* -- Fetches ------------------------------------------------------------------------------------------------------------------- */

/* Whether the newest acknowledged version may be lost. */
static bool is_excused(const struct reload_sim_place *p)
{
	return p->newest <= p->expected_lost ||
	       (p->waiting_for != SIZE_MAX && p->newest <= p->waiting);
}

uint64_t reload_sim_history_owed(
	const struct reload_sim_history *h, const struct reload_sim_place *p, reload_ms now)
{
	(void)h;
	return is_excused(p) || now >= p->expires ? 0 : p->newest;
}

uint64_t reload_sim_history_excused(
	const struct reload_sim_history *h, const struct reload_sim_place *p, reload_ms now)
{
	(void)h;
	return is_excused(p) && now < p->expires ? p->newest : 0;
}

void reload_sim_history_found(struct reload_sim_history *h, struct reload_sim_place *p)
{
	(void)h;
	p->expected_lost = 0;
	p->waiting_for = SIZE_MAX;
}

/* Whether read is version v, byte for byte. */
static bool version_is(const struct reload_sim_history *h, const struct reload_sim_place *p,
	const struct reload_sim_version *v, const struct reload_sim_read *read)
{
	uint8_t bytes[RELOAD_SIM_VALUE_MAX];
	if (!v->number || v->storage_time != read->storage_time || v->exists != read->exists ||
		!reload_id_eq(&read->signer, &h->ids[v->writer]))
		return false;
	return !v->exists ||
	       span_eq(span_of(bytes, reload_sim_history_bytes(h, p, v->number, bytes)),
		       read->value);
}

static bool is_writer(const struct reload_sim_history *h, const struct reload_sim_place *p,
	const struct reload_id *signer)
{
	size_t other = p->node + 1;
	return reload_id_eq(signer, &h->ids[p->node]) ||
	       (other < h->nodes && h->home[other] == p->node &&
		       reload_id_eq(signer, &h->ids[other]));
}

/* *v is the version that was read, NULL when it is none of those that are remembered. */
static bool was_stored(const struct reload_sim_history *h, const struct reload_sim_place *p,
	const struct reload_sim_read *read, const struct reload_sim_version **found)
{
	*found = NULL;
	if (!p->versions || !is_writer(h, p, &read->signer))
		return false;
	uint64_t oldest = UINT64_MAX;
	for (size_t i = 0; i < RELOAD_SIM_VERSIONS; i++) {
		const struct reload_sim_version *v = &p->versions[i];
		if (version_is(h, p, v, read)) {
			*found = v;
			return true;
		}
		if (v->number && v->storage_time < oldest)
			oldest = v->storage_time;
	}
	/* older than all remembered versions: it may have been one of them */
	return p->last > RELOAD_SIM_VERSIONS && read->storage_time < oldest;
}

enum reload_sim_read_result reload_sim_history_check_read(const struct reload_sim_history *h,
	const struct reload_sim_place *p, uint64_t owed, reload_ms began,
	const struct reload_sim_read *read)
{
	const struct reload_sim_version *v;
	if (!read->present)
		return owed ? RELOAD_SIM_READ_ABSENT : RELOAD_SIM_READ_GOOD;
	if (!was_stored(h, p, read, &v))
		return RELOAD_SIM_READ_FORGED;
	if (v && began > v->gone)
		return RELOAD_SIM_READ_EXPIRED;
	return read->storage_time < owed ? RELOAD_SIM_READ_STALE : RELOAD_SIM_READ_GOOD;
}

bool reload_sim_history_over(
	const struct reload_sim_history *h, const struct reload_sim_place *p, reload_ms now)
{
	(void)h;
	for (size_t i = 0; p->versions && i < RELOAD_SIM_VERSIONS; i++)
		if (p->versions[i].number && now <= p->versions[i].gone)
			return false;
	return p->newest != 0;
}

/* -- expected losses ------------------------------------------------------------------------------------------------------ */

static void place_expect_loss(
	struct reload_sim_history *h, struct reload_sim_place *p, size_t waiting_for)
{
	if (!p->newest)
		return;
	*counter_of(h, p) = (struct counter){ .expires = counter_of(h, p)->expires };
	if (waiting_for == SIZE_MAX) {
		p->expected_lost = p->newest;
		return;
	}
	if (p->newest > p->expected_lost) {
		p->waiting = p->newest;
		p->waiting_for = waiting_for;
	}
}

static size_t first_after(const struct reload_sim_history *h, const struct reload_id *from)
{
	size_t low = 0, high = h->nodes;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (reload_id_cmp(&h->resources[h->by_resource[mid]], from) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* What fn does with each place of the range (from, to]. */
static void of_range(struct reload_sim_history *h, const struct reload_id *from,
	const struct reload_id *to,
	void (*fn)(struct reload_sim_history *, struct reload_sim_place *, size_t), size_t arg)
{
	size_t at = first_after(h, from);
	for (size_t n = 0; n < h->nodes; n++, at++) {
		size_t node = h->by_resource[at % h->nodes];
		if (!reload_id_between(from, &h->resources[node], to))
			return;
		for (unsigned w = 0; w < RELOAD_SIM_PLACES; w++)
			fn(h, reload_sim_history_place(h, node, w), arg);
	}
}

void reload_sim_history_expect_loss(struct reload_sim_history *h, const struct reload_id *from,
	const struct reload_id *to, size_t waiting_for)
{
	of_range(h, from, to, place_expect_loss, waiting_for);
}

static void place_expect_side_loss(
	struct reload_sim_history *h, struct reload_sim_place *p, size_t side)
{
	p->lost_to[side] = p->newest;
	uint64_t both = p->lost_to[0] < p->lost_to[1] ? p->lost_to[0] : p->lost_to[1];
	if (both && both == p->newest)
		place_expect_loss(h, p, SIZE_MAX);
}

void reload_sim_history_expect_side_loss(struct reload_sim_history *h, const struct reload_id *from,
	const struct reload_id *to, unsigned side)
{
	of_range(h, from, to, place_expect_side_loss, side);
}

void reload_sim_history_sides_begin(struct reload_sim_history *h)
{
	for (size_t i = 0; i < h->nodes * RELOAD_SIM_PLACES; i++) {
		struct reload_sim_place *p =
			reload_sim_history_place(h, i / RELOAD_SIM_PLACES, i % RELOAD_SIM_PLACES);
		p->lost_to[0] = p->lost_to[1] = 0;
	}
}

void reload_sim_history_fresh(struct reload_sim_history *h, const struct reload_id *node,
	reload_ms since, size_t waiting_for)
{
	for (size_t i = 0; i < RECENT; i++) {
		const struct acknowledged *a = &h->recent[i];
		if (a->place && a->at >= since && reload_id_eq(&a->by, node))
			place_expect_loss(h, a->place, waiting_for);
	}
}

void reload_sim_history_back(struct reload_sim_history *h, size_t node, bool disk)
{
	for (size_t i = 0; i < h->readable_count; i++) {
		struct reload_sim_place *p = h->readable[i];
		if (p->waiting_for != node)
			continue;
		p->waiting_for = SIZE_MAX;
		if (!disk && p->newest <= p->waiting)
			p->expected_lost = p->newest;
	}
}

struct reload_sim_place *reload_sim_history_readable(
	struct reload_sim_history *h, struct reload_prng *r)
{
	return h->readable_count ? h->readable[reload_prng_below(r, h->readable_count)] : NULL;
}

size_t reload_sim_history_expected_lost(
	const struct reload_sim_history *h, reload_ms now, size_t *acknowledged)
{
	size_t lost = 0;
	*acknowledged = 0;
	for (size_t i = 0; i < h->readable_count; i++) {
		const struct reload_sim_place *p = h->readable[i];
		if (!p->newest)
			continue; /* only claimed by a liar */
		++*acknowledged;
		lost += reload_sim_history_excused(h, p, now) != 0;
	}
	return lost;
}
