/*
 * CHORD-RELOAD (RFC 6940 s10): the functions of the table in topology.h, one for each event.  CHORD-SELF-TUNING (RFC 7363) is the same
 * algorithm with another pace: struct chord_pace says in what it differs, chord_tuning.c how it measures the ring.
 *
 * chord_base.h lists the other files.  The description of the algorithm that s6.4.1 asks for is at the top of each: joining in
 * chord_join.c and chord_admit.c; stabilisation in chord_update.c and chord_update_in.c (Updates), chord_pending.c (to which nodes we
 * attach, and failures), chord_finger.c, chord_repair.c (all successors lost) and chord_partition.c; leaving in chord_leave.c; the tables,
 * routing and responsibility in chord_tables.c and chord_route.c; replication in chord_data.c.
 *
 * Resource-IDs have 128 bits: the SHA-1 of the Resource Name, truncated (s10.2).  So node-id-length must be 16 (CHORD-05).  JoinReq and
 * JoinAns carry no data of this algorithm.
 *
 * State: DETACHED -> ATTACHING -> JOINING -> JOINED, or FAILED.  first() goes to JOINED directly.  That a peer is gone is found by
 * the link layer (disconnected) or by an Update that is not answered (update_ended).
 *
 * Each event, also that of a timer, ends in after().  It does, in this order, what has become possible or necessary: Joins of nodes that had to
 * wait; tables, range and orders about data; the search for a new successor; Attaches to pending nodes; our own Join, or our first
 * Updates, and then the Joins that waited for these; finger searches; the check for a partition; Updates.
 */
#include "topology/chord_admit.h"
#include "topology/chord_damp.h"
#include "topology/chord_data.h"
#include "topology/chord_finger.h"
#include "topology/chord_informant.h"
#include "topology/chord_join.h"
#include "topology/chord_leave.h"
#include "topology/chord_partition.h"
#include "topology/chord_past.h"
#include "topology/chord_pending.h"
#include "topology/chord_refresh.h"
#include "topology/chord_repair.h"
#include "topology/chord_route.h"
#include "topology/chord_tables.h"
#include "topology/chord_tuning.h"
#include "topology/chord_update.h"
#include "topology/chord_update_in.h"

/* What each event ends with, see reload_chord_after(). */
static void after(struct reload_topology *t)
{
	reload_chord_admit_step(t);
	reload_chord_refresh(t);
	reload_chord_repair_step(t);
	reload_chord_pending_start_due(t);
	if (reload_chord_join_step(t))
		reload_chord_admit_waiting(t);
	reload_chord_tuning_step(t);
	reload_chord_finger_step(t);
	reload_chord_check_step(t);
	reload_chord_update_flush(t);
}

static reload_ms interval(uint32_t s)
{
	return (s ? s : 1) * (reload_ms)RELOAD_SECOND;
}

static void configure(struct reload_topology *t, const struct reload_config *config)
{
	t->reactive = t->pace->reactive && config->chord_reactive;
	t->no_ice = config->no_ice;
	t->update_interval = interval(config->chord_update_interval_s);
	t->ping_interval = interval(config->chord_ping_interval_s);
	t->silence =
		2 * reload_topology_keepalive_ms(t->pace->measures ? &reload_chord_tuned_topology
								   : &reload_chord_topology,
			    config);
	t->peers_to_probe = config->peers_to_probe;
}

static struct reload_topology *new_with(const struct chord_pace *pace,
	const struct reload_config *config, const struct reload_id *self,
	const struct reload_topology_host *host)
{
	if (config->node_id_len != CHORD_ID_LEN || self->len != CHORD_ID_LEN)
		return NULL;
	struct reload_topology *t = RELOAD_NEW(reload_topology);
	t->pace = pace;
	t->joined_at = RELOAD_NEVER;
	t->host = *host;
	t->self = *self;
	t->after = after;
	t->born = reload_chord_now(t);
	t->links = reload_chord_links_new();
	t->damping = reload_chord_damping_new();
	t->past = reload_chord_past_new();
	reload_chord_tables_new(t);
	t->informants = reload_chord_informants_new();
	t->pending = reload_chord_pending_new();
	t->updates = reload_chord_updates_new();
	t->data = reload_chord_data_new();
	t->finger = reload_chord_finger_new();
	t->tuning = reload_chord_tuning_new(pace);
	t->repair = reload_chord_repair_new();
	t->check = reload_chord_check_new();
	t->join = reload_chord_join_new();
	t->admit = reload_chord_admit_new();
	configure(t, config);
	return t;
}

static const struct chord_pace reload_pace = { .reactive = true };

static const struct chord_pace tuned_pace = {
	.measures = true,
	.nearest_only = true,
	.greets = true,
	.probes_fingers = true,
	.uptime_joined = true,
	.watches_fingers = true,
};

static struct reload_topology *new (const struct reload_config *config,
	const struct reload_id *self, const struct reload_topology_host *host)
{
	return new_with(&reload_pace, config, self, host);
}

static struct reload_topology *new_tuned(const struct reload_config *config,
	const struct reload_id *self, const struct reload_topology_host *host)
{
	return new_with(&tuned_pace, config, self, host);
}

static void free_chord(struct reload_topology *t)
{
	if (!t)
		return;
	reload_chord_admit_free(t);
	reload_chord_join_free(t);
	reload_chord_check_free(t);
	reload_chord_repair_free(t);
	reload_chord_tuning_free(t);
	reload_chord_finger_free(t);
	reload_chord_data_free(t);
	reload_chord_updates_free(t);
	reload_chord_pending_free(t);
	reload_chord_informants_free(t->informants);
	reload_chord_tables_free(t);
	reload_chord_past_free(t->past);
	reload_chord_damping_free(t->damping);
	reload_chord_links_free(t->links);
	free(t);
}

static void first(struct reload_topology *t)
{
	reload_chord_join_stop(t);
	t->announced = true;
	reload_chord_set_state(t, RELOAD_TOPOLOGY_JOINED, NULL);
	reload_chord_after(t);
}

static void join(struct reload_topology *t, const struct reload_id *bootstrap)
{
	if (!reload_chord_link_add(t, bootstrap))
		return;
	reload_chord_join_start(t, bootstrap);
	reload_chord_after(t);
}

static void leave(struct reload_topology *t)
{
	reload_chord_leave(t);
	reload_chord_after(t);
}

static enum reload_topology_state get_state(const struct reload_topology *t)
{
	return t->state;
}

static void connected(struct reload_topology *t, const struct reload_id *node)
{
	if (reload_chord_link_add(t, node))
		reload_chord_pending_connected(t, node);
	reload_chord_after(t);
}

static void lost(struct reload_topology *t, struct chord_link *link)
{
	struct reload_id node = link->id;
	bool was_peer = link->ready, spare = reload_chord_link_use(t, &node) == RELOAD_LINK_SPARE;
	if (was_peer)
		reload_chord_tuning_failed(t, link);
	if (was_peer)
		reload_chord_tables_last(t, link->lists_only_us);
	if (was_peer) {
		reload_chord_data_failed(t, &node);
		reload_chord_finger_lost(t, &node);
		if (!spare) /* the other end may have closed a link that it did not need */
			reload_chord_check_lost(t, &node);
		reload_chord_repair_lost(t, &node);
	}
	reload_chord_tables_ready(t, link, false);
	reload_chord_link_drop(t, link);
	reload_chord_pending_lost(t, &node, was_peer, false);
	reload_chord_admit_lost(t, &node);
	reload_chord_join_lost(t, &node);
}

static void disconnected(struct reload_topology *t, const struct reload_id *node)
{
	struct chord_link *link = reload_chord_link_find(t, node);
	if (link)
		lost(t, link);
	reload_chord_after(t);
}

static void released(struct reload_topology *t, const struct reload_id *node)
{
	struct chord_link *link = reload_chord_link_find(t, node);
	if (!link)
		return;
	link->data_given = false; /* the node stays: this is not one of its returns */
	reload_chord_tables_ready(t, link, false);
	reload_chord_link_drop(t, link);
	reload_chord_after(t);
}

static void attached(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *node)
{
	struct chord_link *link = err ? NULL : reload_chord_link_add(t, node);
	if (!err && !link)
		err = RELOAD_LIMIT;
	bool repair = reload_chord_repair_attached(t, cookie, err, node);
	bool ours = reload_chord_join_attached(t, cookie, err, node) ||
		    reload_chord_check_attached(t, cookie, err, node) ||
		    reload_chord_pending_attached(t, cookie, err) ||
		    reload_chord_finger_attached(t, cookie, err);
	if (link) {
		reload_chord_pending_connected(t, node);
		/* it sends us its Update, since we asked for it; we become its peer by ours */
		bool sends = ours && !repair && t->state == RELOAD_TOPOLOGY_JOINED;
		if (sends && t->pace->greets)
			reload_chord_update_greet(t, link);
		else if (sends)
			reload_chord_update_owe(t, link);
	}
	reload_chord_after(t);
}

static void pinged(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *responder)
{
	if (!err && responder->len != CHORD_ID_LEN)
		err = RELOAD_INVALID_MESSAGE;
	(void)(reload_chord_join_pinged(t, cookie, err, responder) ||
		reload_chord_check_pinged(t, cookie, err, responder) ||
		reload_chord_repair_pinged(t, cookie, err, responder) ||
		reload_chord_finger_pinged(t, cookie, err, responder));
	reload_chord_after(t);
}

static void relocated(struct reload_topology *t, uint32_t cookie, enum reload_err err,
	const struct reload_id *node)
{
	reload_chord_check_relocated(t, cookie, err, node);
	reload_chord_after(t);
}

static void join_answered(
	struct reload_topology *t, const struct reload_id *ap, enum reload_err err)
{
	if (!reload_chord_repair_answered(t, ap, err))
		reload_chord_join_answered(t, ap, err);
	reload_chord_after(t);
}

static void join_received(struct reload_topology *t, const struct reload_id *node)
{
	reload_chord_admit_received(t, node);
	reload_chord_after(t);
}

static void handed_over(struct reload_topology *t, const struct reload_id *node)
{
	reload_chord_admit_handed_over(t, node);
	reload_chord_after(t);
}

static void update_ended(struct reload_topology *t, const struct reload_id *to, enum reload_err err)
{
	struct chord_link *link = reload_chord_link_find(t, to);
	if (!link)
		return;
	bool is_owed = reload_chord_update_over(t, link);
	if (err == RELOAD_OK || err == RELOAD_CANCELLED) {
		if (is_owed)
			reload_chord_after(t);
		return;
	}
	link->sent = 0;
	if (link->ready && (err == RELOAD_TIMEOUT || err == RELOAD_REQUEST_TIMEOUT ||
				   err == RELOAD_LINK_DOWN)) {
		t->host.disconnect(t->host.arg, to);
		lost(t, link);
	}
	reload_chord_after(t);
}

static void leave_received(
	struct reload_topology *t, const struct reload_id *from, struct span data)
{
	reload_chord_leave_received(t, from, data);
	reload_chord_after(t);
}

static void link_health(struct reload_topology *t, const struct reload_id *node, bool good)
{
	struct chord_link *link = reload_chord_link_find(t, node);
	if (link)
		reload_chord_tables_health(t, link, good);
}

/* All of the table but the name and the pace. */
#define SHARED                                                                                     \
	.free = free_chord, .configure = configure, .first = first, .join = join, .leave = leave,  \
	.get_state = get_state, .connected = connected, .disconnected = disconnected,              \
	.attached = attached, .pinged = pinged, .relocated = relocated,                            \
	.join_answered = join_answered, .join_received = join_received,                            \
	.handed_over = handed_over, .update_received = reload_chord_update_in,                     \
	.update_ended = update_ended, .leave_received = leave_received,                            \
	.link_health = link_health, .released = released, .next_hop = reload_chord_next_hop,       \
	.responsible = reload_chord_is_responsible, .replicas = reload_chord_replicas,             \
	.holds = reload_chord_holds, .may_store_replica = reload_chord_may_store_replica,          \
	.replica_store_refused = reload_chord_data_replica_refused,                                \
	.values_taken = reload_chord_join_taken, .unsettled = reload_chord_unsettled,              \
	.close_enough = reload_chord_close_enough, .tables = reload_chord_tables_list,             \
	.link_use = reload_chord_link_use, .full_update_since = reload_chord_full_update_since,    \
	.update_write = reload_chord_update_full,                                                  \
	.route_query_write = reload_chord_route_query_write,                                       \
	.responsible_ppb = reload_chord_responsible_ppb, .estimates = reload_chord_estimates,      \
	.estimates_received = reload_chord_estimates_received, .probed = reload_chord_probed,      \
	.silence = reload_chord_silence, .tuning = reload_chord_tuning,                            \
	.uptime_s = reload_chord_uptime_s, .range = reload_chord_range,                            \
	.resource_id = reload_chord_resource_id

const struct reload_topology_ops reload_chord_topology = {
	.name = "CHORD-RELOAD", .new = new, SHARED
};

const struct reload_topology_ops reload_chord_tuned_topology = {
	.name = RELOAD_CHORD_SELF_TUNING, .measures = true, .new = new_tuned, SHARED
};
