#include "sim/loss_budget.h"

#include <stdlib.h>
#include <string.h>

enum {
	HOLDERS = 3
};

struct holder {
	bool member;  /* running and joined, or leaving */
	bool disk;    /* crashed: its storage survives */
	bool waiting; /* it crashed with a disk: values may be owed again when it is back */
	bool cut_off; /* a member when the partition began: to the other side it failed then */
	uint8_t side; /* 0 or 1 */
	reload_ms failed_until, left_until, joined_until; /* weak until then */
	reload_ms changed;                                /* when it last joined or went */
	reload_ms leaving, left;                          /* begin and end of its last Leave */
	reload_ms fresh_lost; /* when it last went with what it had just acknowledged; 0: never */
};

struct reload_sim_loss_budget {
	size_t nodes;
	struct reload_id *ids;
	size_t *order, *position;
	struct holder *at;
	struct reload_sim_history *history;
	reload_ms split_until, cut_until, silent_ms;
};

struct reload_sim_loss_budget *reload_sim_loss_budget_new(size_t nodes, const struct reload_id *ids,
	struct reload_sim_history *history, reload_ms silent_ms)
{
	struct reload_sim_loss_budget *h = RELOAD_NEW(reload_sim_loss_budget);
	h->nodes = nodes;
	h->history = history;
	h->silent_ms = silent_ms;
	h->ids = reload_memdup(ids, nodes * sizeof(*ids));
	h->order = reload_sim_sort(ids, nodes);
	h->position = reload_alloc_array(nodes + 1, sizeof(*h->position));
	h->at = reload_alloc_array(nodes + 1, sizeof(*h->at));
	for (size_t i = 0; i < nodes; i++)
		h->position[h->order[i]] = i;
	return h;
}

void reload_sim_loss_budget_free(struct reload_sim_loss_budget *h)
{
	if (!h)
		return;
	free(h->ids);
	free(h->order);
	free(h->position);
	free(h->at);
	free(h);
}

const size_t *reload_sim_loss_budget_order(const struct reload_sim_loss_budget *h)
{
	return h->order;
}

static bool is_failed(const struct holder *n, reload_ms now)
{
	return now < n->failed_until;
}

static bool is_weak(const struct holder *n, reload_ms now)
{
	return is_failed(n, now) || now < n->left_until || (n->member && now < n->joined_until);
}

/* Of which ring the rule is applied. */
struct view {
	int side;  /* -1: all sides */
	bool left; /* peers that left and are weak count as members, not only those that failed */
	bool cut;  /* so do those of the other side, as failed */
};

static bool is_across(const struct holder *n, struct view v)
{
	return v.side >= 0 && n->side != v.side;
}

/* Whether the rule counts the node as part of the ring: a member, or one that is gone and weak. */
static bool is_there(
	const struct reload_sim_loss_budget *h, size_t node, struct view v, reload_ms now)
{
	const struct holder *n = &h->at[node];
	bool missed = v.left ? is_weak(n, now) : is_failed(n, now);
	return is_across(n, v) ? v.cut && n->cut_off : n->member || missed;
}

/* The next such node from position at in direction step; SIZE_MAX: there is no other. */
static size_t there_next(const struct reload_sim_loss_budget *h, size_t at, size_t step,
	struct view v, reload_ms now)
{
	for (size_t i = (at + step) % h->nodes; i != at; i = (i + step) % h->nodes)
		if (is_there(h, h->order[i], v, now))
			return i;
	return SIZE_MAX;
}

static bool leaves_overlap(const struct holder *n[3])
{
	for (int a = 0; a < 3; a++)
		for (int b = 0; b < 3; b++)
			if (!n[a]->leaving || n[a]->leaving > n[b]->left)
				return false;
	return true;
}

/* Whether values of the node at position at, held with the next two, may be lost. */
static bool triple_lost(
	const struct reload_sim_loss_budget *h, const size_t at[3], struct view v, reload_ms now)
{
	const struct holder *n[3];
	bool failed = false, left = true;
	for (int i = 0; i < 3; i++) {
		n[i] = &h->at[h->order[at[i]]];
		bool across = is_across(n[i], v);
		if (!across && !is_weak(n[i], now))
			return false;
		failed = failed || across || is_failed(n[i], now);
		left = left && now < n[i]->left_until;
	}
	return failed || (left && leaves_overlap(n));
}

/* Applies the rule to one owner and its successors; to all nodes when there are fewer than three. */
static void expect_owner_losses(
	struct reload_sim_loss_budget *h, size_t owner, struct view v, reload_ms now)
{
	size_t step = h->nodes - 1, triple[3] = { owner, owner, owner };
	for (int i = 1; i < 3; i++) {
		size_t next = there_next(h, triple[i - 1], 1, v, now);
		triple[i] = next == SIZE_MAX ? triple[i - 1] : next;
	}
	if (!triple_lost(h, triple, v, now))
		return;
	size_t before = there_next(h, owner, step, v, now);
	if (before == SIZE_MAX)
		before = owner;
	const struct holder *n = &h->at[h->order[owner]];
	bool waits = !n->member && n->disk;
	if (v.cut)
		reload_sim_history_expect_side_loss(h->history, &h->ids[h->order[before]],
			&h->ids[h->order[owner]], (unsigned)v.side);
	else
		reload_sim_history_expect_loss(h->history, &h->ids[h->order[before]],
			&h->ids[h->order[owner]], waits ? h->order[owner] : SIZE_MAX);
}

/* node went: its weak neighbours stay weak longer. */
static void weak_stay_weak(
	struct reload_sim_loss_budget *h, size_t node, struct view v, reload_ms now)
{
	size_t at = h->position[node];
	const size_t ways[2] = { 1, h->nodes - 1 };
	const struct holder *gone = &h->at[node];
	reload_ms until =
		gone->failed_until > gone->left_until ? gone->failed_until : gone->left_until;
	for (int w = 0; w < 2; w++)
		for (size_t i = there_next(h, at, ways[w], v, now);
			i != SIZE_MAX && i != at && is_weak(&h->at[h->order[i]], now);
			i = there_next(h, i, ways[w], v, now)) {
			struct holder *n = &h->at[h->order[i]];
			bool longer = false;
			if (is_failed(n, now)) {
				longer = n->failed_until < until;
				n->failed_until = until;
			} else if (now < n->left_until) {
				longer = n->left_until < until;
				n->left_until = until;
			}
			if (!longer)
				break;
		}
}

/* Applies the rule to each owner in whose replica set node is. */
static void expect_node_losses(
	struct reload_sim_loss_budget *h, size_t node, struct view v, reload_ms now)
{
	size_t at = h->position[node], owner = at;
	for (int i = 0; i < 3; i++) {
		expect_owner_losses(h, owner, v, now);
		size_t before = there_next(h, owner, h->nodes - 1, v, now);
		if (before == SIZE_MAX || before == at)
			return;
		owner = before;
	}
}

static void node_went(struct reload_sim_loss_budget *h, size_t node, struct view v, reload_ms now)
{
	weak_stay_weak(h, node, v, now);
	expect_node_losses(h, node, v, now);
}

static void expect_losses(struct reload_sim_loss_budget *h, size_t node, reload_ms now)
{
	for (int left = 1; left >= 0; left--) {
		node_went(h, node, (struct view){ -1, left, false }, now);
		if (now < h->split_until)
			node_went(h, node, (struct view){ h->at[node].side, left, false }, now);
		if (now < h->cut_until)
			expect_node_losses(
				h, node, (struct view){ h->at[node].side, left, true }, now);
	}
}

void reload_sim_loss_budget_first(struct reload_sim_loss_budget *h, size_t node, reload_ms now)
{
	(void)now;
	h->at[node].member = true;
}

void reload_sim_loss_budget_joined(
	struct reload_sim_loss_budget *h, size_t node, bool disk, reload_ms now)
{
	struct holder *n = &h->at[node];
	if (n->waiting)
		reload_sim_history_back(h->history, node, disk);
	n->waiting = false;
	n->disk = disk;
	if (n->member)
		return;
	n->member = true;
	n->changed = now;
	n->joined_until = now + RELOAD_SIM_REPAIR_MS;
	if (disk)
		n->failed_until = 0;
	n->leaving = n->left = 0;
}

void reload_sim_loss_budget_leaving(struct reload_sim_loss_budget *h, size_t node, reload_ms now)
{
	struct holder *n = &h->at[node];
	if (!n->member)
		return;
	n->leaving = now;
	n->left = RELOAD_NEVER;
	n->left_until = now + RELOAD_SIM_LEAVE_MS + RELOAD_SIM_REPAIR_MS;
	expect_losses(h, node, now);
}

/* What node, which has gone, acknowledged in the last ms may be lost. */
static void fresh_lost(struct reload_sim_loss_budget *h, size_t node, reload_ms ms, reload_ms now)
{
	struct holder *n = &h->at[node];
	n->fresh_lost = now;
	reload_sim_history_fresh(
		h->history, &h->ids[node], now > ms ? now - ms : 0, n->waiting ? node : SIZE_MAX);
}

void reload_sim_loss_budget_left(struct reload_sim_loss_budget *h, size_t node, reload_ms now)
{
	struct holder *n = &h->at[node];
	if (!n->member)
		return;
	n->member = false;
	n->disk = false;
	n->left = n->changed = now;
	n->left_until = now + RELOAD_SIM_REPAIR_MS;
	if (now < h->split_until)
		fresh_lost(h, node, RELOAD_SIM_REPAIR_MS, now);
	expect_losses(h, node, now);
}

void reload_sim_loss_budget_failed(
	struct reload_sim_loss_budget *h, size_t node, bool silent, bool disk, reload_ms now)
{
	struct holder *n = &h->at[node];
	if (n->waiting && !disk) {
		reload_sim_history_back(h->history, node, false);
		n->waiting = false;
	}
	n->disk = disk;
	if (!n->member)
		return;
	n->member = false;
	n->changed = now;
	n->failed_until = now + RELOAD_SIM_REPAIR_MS + (silent ? h->silent_ms : 0);
	n->left_until = 0;
	n->waiting = disk;
	fresh_lost(h, node, now < h->split_until ? RELOAD_SIM_REPAIR_MS : RELOAD_SIM_REPLICATE_MS,
		now);
	expect_losses(h, node, now);
}

/* The position of the first node whose Node-ID is not less than id; nodes: there is none. */
static size_t first_from(const struct reload_sim_loss_budget *h, const struct reload_id *id)
{
	size_t low = 0, high = h->nodes;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (reload_id_cmp(&h->ids[h->order[mid]], id) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The node with this Node-ID; SIZE_MAX: none. */
static size_t node_of(const struct reload_sim_loss_budget *h, const struct reload_id *id)
{
	size_t at = first_from(h, id);
	return at < h->nodes && reload_id_eq(&h->ids[h->order[at]], id) ? h->order[at] : SIZE_MAX;
}

void reload_sim_loss_budget_acknowledged(struct reload_sim_loss_budget *h,
	const struct reload_id *id, reload_ms begun, reload_ms now)
{
	size_t node = node_of(h, id);
	const struct holder *n = node == SIZE_MAX ? NULL : &h->at[node];
	if (!n || !n->fresh_lost || n->fresh_lost < begun)
		return;
	if (n->waiting || !n->disk)
		reload_sim_history_fresh(h->history, id, now, n->waiting ? node : SIZE_MAX);
}

static bool may_lack(const struct reload_sim_loss_budget *h, size_t owner, struct view v,
	reload_ms acknowledged, reload_ms now)
{
	unsigned weak = 0;
	bool fresh = false;
	if (!is_there(h, h->order[owner], v, now))
		owner = there_next(h, owner, 1, v, now);
	for (int i = 0; i < HOLDERS && owner != SIZE_MAX; i++) {
		const struct holder *n = &h->at[h->order[owner]];
		weak += is_weak(n, now);
		fresh = fresh ||
			(is_weak(n, now) && n->changed < acknowledged + RELOAD_SIM_REPLICATE_MS);
		owner = there_next(h, owner, 1, v, now);
	}
	return weak > 1 || fresh;
}

bool reload_sim_loss_budget_may_lack(const struct reload_sim_loss_budget *h,
	const struct reload_id *resource, reload_ms acknowledged, reload_ms now)
{
	size_t owner = first_from(h, resource) % h->nodes;
	return may_lack(h, owner, (struct view){ -1, true, false }, acknowledged, now) ||
	       may_lack(h, owner, (struct view){ -1, false, false }, acknowledged, now);
}

void reload_sim_loss_budget_split(
	struct reload_sim_loss_budget *h, const uint8_t *sides, reload_ms until)
{
	for (size_t i = 0; i < h->nodes; i++)
		h->at[i].side = sides[i];
	h->split_until = until;
}

void reload_sim_loss_budget_cut(struct reload_sim_loss_budget *h, reload_ms now)
{
	reload_sim_history_sides_begin(h->history);
	h->cut_until = now + RELOAD_SIM_REPAIR_MS;
	for (size_t i = 0; i < h->nodes; i++)
		h->at[i].cut_off = h->at[i].member;
	for (int side = 0; side < 2; side++)
		for (int left = 0; left < 2; left++)
			for (size_t i = 0; i < h->nodes; i++) {
				struct view v = { side, left, true };
				if (is_there(h, h->order[i], v, now))
					expect_owner_losses(h, i, v, now);
			}
}
