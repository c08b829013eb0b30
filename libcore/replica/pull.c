#include "replica/internal.h"

/*
 * Fetching what another peer holds newer (RFC 6940 s7.4.1.1): values that a replica refused as too old, and values of a replica
 * Store that was refused here.
 *
 * A replica Store from a node that is no plausible holder is refused, whatever it brings (STO-17); yet after a partition it may be
 * the only one that has the newest version.  So the responsible peer fetches from it what would be newer: the values are
 * signed by those who may write them, and take their places by storage_time.
 *
 * There is one pull for a node and a resource.  It asks for the places in question and no others, a part of them at once; a
 * part whose answer does not fit a message is halved, and a single value that does not fit is left.
 *
 *	places --part--> asked --answered--> (replica/pull_merge.c)
 *	   ^               |
 *	   +-- too large --+
 *
 * Limits: PULLS_MAX pulls and PLACES_BYTES of places in all; PULLS_PER_NODE pulls at one node, REFUSED_PULLS_PER_NODE where it is
 * that node that gave the cause.  More are not made: what was refused is sent again, and refused again, later.
 */

enum {
	PULLS_MAX = 128,
	PLACES_BYTES = 1 << 20,
	PULLS_PER_NODE = 32,
	REFUSED_PULLS_PER_NODE = 8
};

struct pull {
	TAILQ_ENTRY(pull) entry;
	struct reload_replica *replica;
	struct reload_id node, resource;
	struct reload_places places, asked;
	size_t most;      /* places to be asked for at once */
	unsigned misfits; /* single places whose answer did not fit */
};

struct reload_pulls {
	TAILQ_HEAD(, pull) list;
	size_t count, bytes;
};

static void pull_free(struct pull *l)
{
	struct reload_pulls *all = l->replica->pulls;
	all->bytes -= l->places.bytes + l->asked.bytes;
	all->count--;
	TAILQ_REMOVE(&all->list, l, entry);
	reload_places_clear(&l->places);
	reload_places_clear(&l->asked);
	free(l);
}

void reload_pull_clear(struct reload_replica *rep)
{
	struct pull *l;
	while (rep->pulls && (l = TAILQ_FIRST(&rep->pulls->list)))
		pull_free(l);
	free(TAKE(rep->pulls));
}

static void fetched(void *arg, struct reload_request *r, const struct reload_result *result);

/* Asks for the next part. */
static void pull_go(struct pull *l)
{
	struct reload_replica *rep = l->replica;
	struct reload_specifier specifiers[RELOAD_RESOURCE_KINDS_MAX];
	struct reload_arena arena = { 0 };
	size_t taken;
	struct reload_fetch_req req = { .resource = reload_id_span(&l->resource),
		.specifiers = specifiers };
	req.specifiers_count = reload_places_ask(&l->places, l->most, &arena, specifiers, &taken);
	struct reload_destination to = reload_dest_node(&l->node);
	struct reload_request *r =
		reload_request_internal(rep->exchange, RELOAD_FETCH_REQ, &to, 1, fetched, l);
	reload_fetch_own(r, &l->resource);
	for (; taken; taken--) {
		struct reload_place *place = reload_places_first(&l->places);
		reload_places_remove(&l->places, place);
		reload_places_put(&l->asked, place);
	}
	reload_request_send(r, &req); /* may end at once */
	reload_arena_clear(&arena);
}

/* What was asked for is through, or left. */
static void part_through(struct pull *l)
{
	l->replica->pulls->bytes -= l->asked.bytes;
	reload_places_clear(&l->asked);
}

static void part_halve(struct pull *l)
{
	size_t before = l->places.bytes + l->asked.bytes;
	if (l->asked.count < 2) {
		l->misfits++; /* one value that fits no message */
		part_through(l);
		return;
	}
	l->most = l->asked.count / 2;
	reload_places_move(&l->places, &l->asked);
	l->replica->pulls->bytes -= before - l->places.bytes;
}

static void fetched(void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct pull *l = arg;
	struct reload_replica *rep = l->replica;
	bool goes_on = rep->mode == RELOAD_REPLICA_SERVING;
	if (reload_err_too_large(result->err)) {
		part_halve(l);
		goes_on = goes_on && l->misfits < RELOAD_MISFITS_MAX;
	} else {
		part_through(l);
		goes_on = goes_on && !result->err;
		if (goes_on)
			reload_pull_merge(rep, r, result);
	}
	if (goes_on && l->places.count)
		pull_go(l);
	else
		pull_free(l);
}

/* The pull of that node and resource; a new one if there are not too many, and of_one at most at that node. */
static struct pull *pull_find(struct reload_replica *rep, const struct reload_id *node,
	const struct reload_id *resource, size_t of_one, bool *is_new)
{
	struct pull *l;
	size_t at_node = 0;
	if (!rep->pulls) {
		rep->pulls = RELOAD_NEW(reload_pulls);
		TAILQ_INIT(&rep->pulls->list);
	}
	*is_new = false;
	TAILQ_FOREACH (l, &rep->pulls->list, entry) {
		if (!reload_id_eq(&l->node, node))
			continue;
		if (reload_id_eq(&l->resource, resource))
			return l;
		at_node++;
	}
	if (at_node >= of_one || rep->pulls->count >= PULLS_MAX)
		return NULL;
	l = RELOAD_NEW(pull);
	*l = (struct pull){
		.replica = rep, .node = *node, .resource = *resource, .most = RELOAD_PART_MAX
	};
	TAILQ_INSERT_TAIL(&rep->pulls->list, l, entry);
	rep->pulls->count++;
	*is_new = true;
	return l;
}

static void pull_add(struct pull *l, uint32_t kind, const struct reload_stored_value *value)
{
	struct reload_pulls *all = l->replica->pulls;
	size_t before = l->places.bytes;
	if (all->bytes < PLACES_BYTES && !reload_places_has(&l->asked, kind, value))
		reload_places_add(&l->places, kind, value);
	all->bytes += l->places.bytes - before;
}

/* A new one begins, unless there was no room for any place. */
static void pull_begin(struct pull *l, bool is_new)
{
	if (is_new && l->places.count)
		pull_go(l);
	else if (is_new)
		pull_free(l);
}

void reload_pull(struct reload_replica *rep, const struct reload_id *node,
	const struct reload_id *resource, const struct reload_place *list)
{
	bool is_new;
	struct pull *l = pull_find(rep, node, resource, PULLS_PER_NODE, &is_new);
	if (!l)
		return;
	for (; list; list = list->next)
		pull_add(l, list->kind, &list->value);
	pull_begin(l, is_new);
}

void reload_pull_from_refused(struct reload_replica *rep, const struct reload_id *signer,
	const struct reload_id *resource, const struct reload_store_req *req)
{
	struct reload_places news = { .count = 0 };
	struct reload_place *place;
	bool is_new;
	if (rep->mode != RELOAD_REPLICA_SERVING ||
		!rep->route->topology->responsible(rep->route->plugin, resource))
		return;
	reload_pull_newer_places(rep, resource, req, &news);
	struct pull *l = news.count
				 ? pull_find(rep, signer, resource, REFUSED_PULLS_PER_NODE, &is_new)
				 : NULL;
	while (l && (place = reload_places_first(&news))) {
		reload_places_remove(&news, place);
		pull_add(l, place->kind, &place->value);
		free(place);
	}
	if (l)
		pull_begin(l, is_new);
	reload_places_clear(&news);
}
