#include "sim/disk_check.h"

#include <stdio.h>

/* Whether n has the version, or a later one, as its engine sees it. */
static bool is_seen(const struct reload_sim_node *n, const struct reload_id *resource,
	uint32_t kind, const struct reload_stored_value *at, uint64_t time)
{
	const struct reload_stored_entry *e =
		n->storage ? n->storage->ops->find(n->storage, resource, kind, at, 0) : NULL;
	return e && e->data.storage_time >= time;
}

bool reload_sim_check_durable(const struct reload_sim_node *n, const struct reload_sim_history *h,
	const struct reload_sim_place *p, uint64_t number, struct reload_sim_violation *v)
{
	const struct reload_sim_version *version =
		p->versions ? &p->versions[number % RELOAD_SIM_VERSIONS] : NULL;
	if (!version || version->number != number)
		return true; /* forgotten */
	const struct reload_id *resource = reload_sim_history_resource(h, p->node);
	uint32_t kind = reload_sim_place_kind(p);
	struct reload_stored_value at = reload_sim_place_value(h, p);
	if (!is_seen(n, resource, kind, &at, version->storage_time) ||
		reload_sim_disk_has(n, resource, kind, &at, version->storage_time))
		return true;
	v->check = RELOAD_SIM_CHECK_DURABLE;
	v->at = reload_sim_now(n->sim);
	snprintf(v->words, sizeof(v->words),
		"peer %zu has acknowledged place %u of node %zu, which is not on its disk",
		n->index, p->which, p->node);
	return false;
}

static bool in_ring(const struct reload_sim_node *n)
{
	return n->peer && n->role == RELOAD_ROLE_PEER && n->state == RELOAD_STATE_JOINED;
}

static bool is_alone(struct reload_sim_node *n)
{
	struct reload_status st;
	reload_peer_status(n->peer, &st);
	return !st.tables.successors_count;
}

bool reload_sim_check_writable(struct reload_sim *s, struct reload_sim_violation *v)
{
	reload_ms now = reload_sim_now(s);
	for (size_t i = 0; i < reload_sim_count(s); i++) {
		struct reload_sim_node *n = reload_sim_node(s, i);
		reload_ms since = reload_sim_disk_failing_since(n);
		if (since == RELOAD_NEVER || !in_ring(n) || n->byzantine)
			continue;
		since = since > n->joined_at ? since : n->joined_at;
		if (now - since <= RELOAD_SIM_WRITABLE_MS || is_alone(n))
			continue;
		v->check = RELOAD_SIM_CHECK_WRITABLE;
		v->at = now;
		snprintf(v->words, sizeof(v->words),
			"peer %zu is in the ring, and its disk has refused all for %.3f s", i,
			(double)(now - since) / 1000);
		return false;
	}
	return true;
}
