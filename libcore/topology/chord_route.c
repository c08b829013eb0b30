/*
 * The answers to the engine's questions, which it asks for every message.  None of them allocates or changes anything.
 *
 * Routing (RFC 6940 s10.3): a message for k goes to k itself when k is a peer of ours; otherwise to the peer in the Routing Table that lies in
 * (self, k] and has the smallest clockwise distance to k; otherwise to the first peer after k.  The Routing Table is the union of
 * Neighbor Table and Finger Table.  Each peer lies in the interval of exactly one finger, and several peers may be kept for a finger
 * (s10.7.4.2), so the Routing Table is the set of all peers.  A node that has not sent an Update (a client, a joining node) is not in
 * it (s6.5.1).
 *
 * A node that has not joined sends its own messages through its bootstrap node until it has a peer (s11.4).
 *
 * Responsibility (s10.1): we are responsible for k in (p, self], where p is the nearest predecessor; a peer that is alone owns
 * everything.  Replication (s10.4): a resource is held by its owner and the next two peers, so we hold (p3, self], where p3 is our third
 * predecessor.
 */
#include "topology/chord_route.h"

#include "ident/ops.h"
#include "topology/chord_admit.h"
#include "topology/chord_join.h"
#include "topology/chord_past.h"
#include "topology/chord_repair.h"
#include "topology/chord_tables.h"
#include "wire/chord.h"

#include <assert.h>

enum reload_err reload_chord_next_hop(
	struct reload_topology *t, const struct reload_id *id, struct reload_id *next)
{
	if (id->len != CHORD_ID_LEN)
		return RELOAD_NO_NODE;
	/*
	 * R-10.3-01, for peers only: a client's Node-ID is also a point of the ring, which another node owns.  A message for the client itself
	 * (a Node-ID entry) has gone over its link before this is asked.
	 */
	const struct chord_link *direct = reload_chord_link_find(t, id);
	if (direct && direct->ready && (!direct->bad || !t->tables->route.count)) {
		*next = *id;
		return RELOAD_OK;
	}
	if (reload_chord_set_route(&t->tables->route, &t->self, id, next))
		return RELOAD_OK;
	const struct reload_id *bootstrap = reload_chord_join_bootstrap(t);
	if (t->state == RELOAD_TOPOLOGY_JOINED || !bootstrap ||
		!reload_chord_link_find(t, bootstrap))
		return RELOAD_NO_NODE;
	*next = *bootstrap;
	return RELOAD_OK;
}

bool reload_chord_is_responsible(struct reload_topology *t, const struct reload_id *id)
{
	return reload_chord_responsible(t, id);
}

size_t reload_chord_replicas(struct reload_topology *t, struct reload_id out[2])
{
	if (t->state != RELOAD_TOPOLOGY_JOINED)
		return 0;
	size_t n = t->tables->successors_count < 2 ? t->tables->successors_count : 2;
	memcpy(out, t->tables->successors, n * sizeof(*out));
	return n;
}

bool reload_chord_holds(struct reload_topology *t, const struct reload_id *resource)
{
	if (t->state != RELOAD_TOPOLOGY_JOINED || resource->len != CHORD_ID_LEN)
		return false;
	return t->tables->predecessors_count < 3 ||
	       reload_id_between(&t->tables->predecessors[2], resource, &t->self);
}

static bool joins_with(struct reload_topology *t, const struct reload_id *node)
{
	const struct chord_link *link = reload_chord_link_find(t, node);
	bool asked = t->state == RELOAD_TOPOLOGY_JOINING && link && link->join_sent;
	return asked || reload_chord_repair_joins(t, node) || reload_chord_admit_hands(t, node);
}

bool reload_chord_is_ours(struct reload_topology *t, const struct reload_id *node)
{
	const struct chord_link *link = reload_chord_link_find(t, node);
	return (link && link->neighbour) || joins_with(t, node) || reload_chord_past_has(t, node) ||
	       reload_id_eq(node, &t->tables->bound);
}

/* Whether this node and signer are holders when those of the ring are peers: the first three of them and us, going clockwise from the resource. */
static bool both_hold(struct reload_topology *t, const struct chord_set *peers,
	const struct reload_id *resource, const struct reload_id *signer)
{
	struct reload_id first[3];
	size_t n = reload_chord_set_after(peers, resource, first, 3), before = 0;
	while (before < n && reload_chord_nearer(resource, true, &first[before], &t->self))
		before++;
	if (before > 2)
		return false;
	size_t others = n < 2 ? n : 2;
	const struct reload_id *last = before == others ? &t->self : &first[others - 1];
	return !reload_chord_nearer(resource, true, last, signer);
}

bool reload_chord_may_store_replica(
	struct reload_topology *t, const struct reload_id *resource, const struct reload_id *signer)
{
	/* whoever hands its range to us after we have left is to try the next one, even if our Leave has not reached it */
	if (t->state == RELOAD_TOPOLOGY_DETACHED)
		return false;
	if (resource->len != CHORD_ID_LEN || signer->len != CHORD_ID_LEN ||
		reload_id_eq(signer, &t->self) || !reload_chord_is_ours(t, signer))
		return false;
	/* a peer that has fallen silent may be gone: who leaves meanwhile has nobody else to give the values to */
	return both_hold(t, &t->tables->peers, resource, signer) ||
	       both_hold(t, &t->tables->route, resource, signer);
}

bool reload_chord_close_enough(
	struct reload_topology *t, const struct reload_id *resource, const struct reload_id *signer)
{
	if (t->state != RELOAD_TOPOLOGY_JOINED || !t->tables->peers.count ||
		resource->len != CHORD_ID_LEN || signer->len != CHORD_ID_LEN)
		return true;
	for (size_t i = 0; i < t->tables->predecessors_count; i++)
		if (reload_chord_nearer(resource, true, &t->tables->predecessors[i], signer))
			return false;
	for (size_t i = 0; i < t->tables->successors_count; i++)
		if (reload_chord_nearer(resource, true, &t->tables->successors[i], signer))
			return false;
	return true;
}

void reload_chord_tables_list(struct reload_topology *t, struct reload_topology_tables *out)
{
	*out = (struct reload_topology_tables){
		.predecessors = t->tables->predecessors,
		.successors = t->tables->successors,
		.fingers = t->tables->fingers,
		.predecessors_count = t->tables->predecessors_count,
		.successors_count = t->tables->successors_count,
		.fingers_count = t->tables->fingers_count,
	};
}

void reload_chord_route_query_write(
	struct reload_topology *t, struct wr *w, const struct reload_id *id)
{
	struct reload_chord_route_query_ans ans = { .next_peer = t->self };
	const struct wire_ctx ctx = { .node_id_len = CHORD_ID_LEN };
	if (!reload_chord_responsible(t, id) &&
		reload_chord_next_hop(t, id, &ans.next_peer) != RELOAD_OK)
		ans.next_peer = t->self;
	reload_wire_write(w, &reload_chord_route_query_ans_wire, &ctx, &ans);
}

uint32_t reload_chord_responsible_ppb(struct reload_topology *t)
{
	enum {
		WHOLE = 1000000000
	};
	const struct reload_id *from = reload_chord_range_from(t);
	if (t->state != RELOAD_TOPOLOGY_JOINED)
		return 0;
	if (reload_id_eq(from, &t->self))
		return WHOLE;
	struct reload_id d = reload_id_distance(from, &t->self);
	return (uint32_t)((unsigned __int128)reload_chord_high(&d) * WHOLE >> 64);
}

bool reload_chord_range(struct reload_topology *t, struct reload_id *from, struct reload_id *to)
{
	if (t->state != RELOAD_TOPOLOGY_JOINED)
		return false;
	*from = *reload_chord_range_from(t);
	*to = t->self;
	return true;
}

/*
 * Whether the node has us in its tables, by its Updates.  A node that has us as a neighbour says so in the Update that each neighbour gets about each update
 * interval (s10.7.4.1).  Who has us as a finger says so when it is asked; when that is over it finds its link spare itself.
 */
static bool uses_us(const struct reload_topology *t, const struct chord_link *link)
{
	enum {
		LISTS_US_INTERVALS = 3,
		FINGER_OF_MS = 21600000 /* then it is asked again */
	};
	reload_ms now = reload_chord_now(t);
	return (link->lists_us &&
		       now - link->lists_us_at < LISTS_US_INTERVALS * t->update_interval) ||
	       (link->finger_of && now - link->full_at < FINGER_OF_MS);
}

enum reload_topology_link_use reload_chord_link_use(
	struct reload_topology *t, const struct reload_id *node)
{
	const struct chord_link *link = reload_chord_link_find(t, node);
	if (!link || !link->ready)
		return RELOAD_LINK_NO_PEER;
	bool used = reload_chord_is_ours(t, node) || uses_us(t, link) ||
		    reload_id_listed(t->tables->fingers, t->tables->fingers_count, node);
	return used ? RELOAD_LINK_USED : RELOAD_LINK_SPARE;
}

bool reload_chord_full_update_since(
	struct reload_topology *t, const struct reload_id *node, reload_ms since)
{
	const struct chord_link *link = reload_chord_link_find(t, node);
	return link && link->full_at >= since;
}

void reload_chord_resource_id(struct reload_id *out, struct span resource_name)
{
	uint8_t digest[RELOAD_HASH_SIZE_MAX];
	size_t len = reload_hash(digest, RELOAD_HASH_SHA1, &resource_name, 1);
	assert(len >= CHORD_ID_LEN);
	*out = (struct reload_id){ .len = CHORD_ID_LEN };
	memcpy(out->at, digest, CHORD_ID_LEN);
}
