#include "sim/run_state.h"
#include "sim/script.h"

#include <stdio.h>
#include <stdlib.h>

/* The faults of a run, as they happen to its nodes. */

enum {
	BOOTSTRAP_TRIES = 50,
	WAITING_MS =
		1000 /* between two looks whether a fault would still take the last copy of a value */
};

void reload_sim_run_state_violated(
	struct reload_sim_run_state *c, const struct reload_sim_violation *v)
{
	if (c->violated)
		return;
	c->violated = true;
	c->out->violation = *v;
	reload_sim_halt(c->sim);
}

static bool is_client(const struct reload_sim_run_state *c, size_t i)
{
	return i >= c->scenario->peers;
}

/* Notes a disturbance that is repaired one repair time and `longer` from now. */
static void disturbed_for(struct reload_sim_run_state *c, reload_ms longer)
{
	reload_ms until = reload_sim_now(c->sim) + RELOAD_SIM_REPAIR_MS + longer;
	c->cost.changes++;
	if (c->torn)
		c->calm_from = RELOAD_NEVER;
	else if (c->calm_from == RELOAD_NEVER || c->calm_from < until)
		c->calm_from = until;
}

static void disturbed(struct reload_sim_run_state *c)
{
	disturbed_for(c, 0);
}

bool reload_sim_run_state_calm(const struct reload_sim_run_state *c)
{
	return c->calm_from <= reload_sim_now(c->sim);
}

bool reload_sim_run_state_torn(const struct reload_sim_run_state *c)
{
	return reload_sim_now(c->sim) < c->torn_until;
}

/* Rings that were parted have merged within one and a half update intervals (R-10.7.4.4 is part of stabilization). */
static reload_ms merged_by(const struct reload_sim_run_state *c, reload_ms healed)
{
	return healed + c->scenario->update_interval * 3 / 2 + RELOAD_SIM_REPAIR_MS;
}

size_t reload_sim_run_state_peer(struct reload_sim_run_state *c)
{
	for (int i = 0; i < BOOTSTRAP_TRIES && c->joined; i++) {
		size_t node = reload_prng_below(&c->prng, c->nodes_count);
		const struct reload_sim_node *n = reload_sim_node(c->sim, node);
		if (c->nodes[node].joined && !c->nodes[node].leaving && !n->byzantine &&
			!reload_sim_frozen(n))
			return node;
	}
	return SIZE_MAX;
}

size_t reload_sim_bootstraps(const struct reload_sim_scenario *s)
{
	return s->peers < RELOAD_SIM_CONFIGURED ? s->peers : RELOAD_SIM_CONFIGURED;
}

static size_t bootstraps(struct reload_sim_run_state *c, size_t i,
	size_t out[RELOAD_SIM_BOOTSTRAPS + RELOAD_SIM_CONFIGURED])
{
	size_t count = 0;
	unsigned side = reload_sim_node(c->sim, i)->side;
	for (int t = 0; t < BOOTSTRAP_TRIES && count < RELOAD_SIM_BOOTSTRAPS; t++) {
		size_t node = reload_sim_run_state_peer(c);
		if (node != SIZE_MAX && node != i && reload_sim_node(c->sim, node)->side == side)
			out[count++] = node;
	}
	/* the configured ones in addition to the others, as an agent does */
	for (size_t k = 0; k < reload_sim_bootstraps(c->scenario); k++)
		if (k != i)
			out[count++] = k;
	return count;
}

void reload_sim_run_state_start(struct reload_sim_run_state *c, size_t i, bool first)
{
	size_t through[RELOAD_SIM_BOOTSTRAPS + RELOAD_SIM_CONFIGURED];
	struct reload_sim_node *n = reload_sim_node(c->sim, i);
	if (n->peer)
		return;
	first = first || (!is_client(c, i) && !(i ? c->running : c->joined));
	size_t count = first ? 0 : bootstraps(c, i, through);
	c->running++;
	if (c->running > c->peak)
		c->peak = c->running;
	reload_sim_start(c->sim, i, first, is_client(c, i) ? RELOAD_ROLE_CLIENT : RELOAD_ROLE_PEER,
		through, count);
	n->slow_ms =
		reload_sim_node_has(c->seed, 0x510b, i, c->faults.slow) ? c->scenario->slow_by : 0;
	if (!is_client(c, i) && reload_sim_node_has(c->seed, 0x11e5, i, c->faults.byzantine) &&
		c->scenario->lies && !n->byzantine)
		reload_sim_byzantine_start(c->byzantine, i, (uint32_t)c->scenario->lies);
}

static void node_gone(struct reload_sim_run_state *c, size_t i)
{
	struct reload_sim_run_node *n = &c->nodes[i];
	struct reload_sim_node *node = reload_sim_node(c->sim, i);
	node->silent = node->silent || c->torn; /* its last word may not have passed */
	c->joined -= n->joined;
	n->joined = n->stepping = n->silent = false;
	c->running--;
	disturbed(c);
}

/* -- Leaves -------------------------------------------------------------------------------------------------------------------- */

static void leave_now(struct reload_sim_run_state *c, size_t i)
{
	struct reload_sim_run_node *n = &c->nodes[i];
	n->later = false;
	n->leaving_since = reload_sim_now(c->sim);
	disturbed(c);
	if (!is_client(c, i))
		reload_sim_loss_budget_leaving(c->loss_budget, i, n->leaving_since);
	reload_sim_leave(c->sim, i);
}

static void leave(struct reload_sim_run_state *c, size_t i)
{
	struct reload_sim_run_node *n = &c->nodes[i];
	if (!reload_sim_node(c->sim, i)->peer || n->leaving)
		return;
	n->leaving = true;
	n->again = false;
	c->leaving_nodes[c->leaving++] = i;
	if (reload_sim_frozen(reload_sim_node(c->sim, i)))
		n->later = true;
	else
		leave_now(c, i);
}

static void left(struct reload_sim_run_state *c, size_t i, bool in_order)
{
	struct reload_sim_run_node *n = &c->nodes[i];
	reload_ms now = reload_sim_now(c->sim);
	if (in_order)
		reload_sim_loss_budget_left(c->loss_budget, i, now);
	else
		reload_sim_loss_budget_failed(c->loss_budget, i, false, false, now);
	n->leaving = n->disk = false;
	reload_sim_stop(c->sim, i);
	node_gone(c, i);
	if (n->again)
		reload_sim_run_state_start(c, i, false);
}

void reload_sim_run_state_leaves(struct reload_sim_run_state *c)
{
	size_t still = 0, count = c->leaving;
	reload_ms now = reload_sim_now(c->sim);
	for (size_t k = 0; k < count; k++) {
		size_t i = c->leaving_nodes[k];
		struct reload_sim_run_node *n = &c->nodes[i];
		const struct reload_sim_node *node = reload_sim_node(c->sim, i);
		if (n->leaving && n->later) {
			if (!reload_sim_frozen(node))
				leave_now(c, i);
			c->leaving_nodes[still++] = i;
			continue;
		}
		enum reload_state state = node->state;
		bool over = state == RELOAD_STATE_ENROLLED || state == RELOAD_STATE_STOPPED ||
			    state == RELOAD_STATE_INIT || state == RELOAD_STATE_CONFIGURED;
		bool stays = now < n->leaving_since + RELOAD_SIM_LEAVE_MS ||
			     (c->scenario->keep_copies && n->leaving && !over &&
				     reload_sim_check_last_copy(c->checks, node));
		if (n->leaving && !over && stays)
			c->leaving_nodes[still++] = i;
		else if (n->leaving)
			left(c, i, over);
	}
	c->leaving = still;
}

/* -- faults -------------------------------------------------------------------------------------------------------------------- */

static void crash(struct reload_sim_run_state *c, const struct reload_sim_fault *f)
{
	struct reload_sim_run_node *n = &c->nodes[f->node];
	if (!reload_sim_node(c->sim, f->node)->peer)
		return;
	reload_sim_loss_budget_failed(
		c->loss_budget, f->node, f->machine, f->disk, reload_sim_now(c->sim));
	n->leaving = false;
	n->disk = f->disk;
	reload_sim_crash(
		c->sim, f->node, f->machine ? RELOAD_SIM_MACHINE : RELOAD_SIM_PROCESS, f->disk);
	node_gone(c, f->node);
}

/* A node that was to be gone by now has stayed for its copies. */
static bool has_stayed(struct reload_sim_run_state *c, size_t node)
{
	size_t left = 0, count = c->waiting_count;
	for (size_t i = 0; i < count; i++)
		if (c->faults.at[c->waiting[i]].node != node)
			c->waiting[left++] = c->waiting[i];
	c->waiting_count = left;
	return left < count;
}

static void come_back(struct reload_sim_run_state *c, const struct reload_sim_fault *f)
{
	if (has_stayed(c, f->node))
		return;
	if (c->nodes[f->node].leaving) {
		c->nodes[f->node].again = true;
		return;
	}
	disturbed(c);
	reload_sim_run_state_start(c, f->node, false);
}

static void torn(struct reload_sim_run_state *c, bool begins)
{
	reload_ms now = reload_sim_now(c->sim);
	c->torn += begins;
	c->torn -= !begins;
	disturbed(c);
	c->torn_until = c->torn ? RELOAD_NEVER - 1 : merged_by(c, now);
	reload_sim_history_torn(c->history, c->torn_until);
	if (!c->torn)
		c->calm_from = merged_by(c, now);
}

static void partition(struct reload_sim_run_state *c, const struct reload_sim_fault *f, bool begins)
{
	reload_ms now = reload_sim_now(c->sim);
	for (size_t i = 0; i < c->nodes_count; i++) {
		if (begins)
			c->sides[i] = reload_prng_hash(f->number, i, 0x51de) & 1;
		reload_sim_side(c->sim, i, begins ? c->sides[i] : 0);
	}
	reload_sim_loss_budget_split(
		c->loss_budget, c->sides, merged_by(c, begins ? now + f->length : now));
	if (begins)
		reload_sim_loss_budget_cut(c->loss_budget, now);
	c->cost.changes += c->nodes_count; /* to each side half of the others fail, or come back */
	torn(c, begins);
}

static void clock_jump(struct reload_sim_run_state *c, const struct reload_sim_fault *f)
{
	struct reload_sim_node *n = reload_sim_node(c->sim, f->node);
	n->skew_ms += (int64_t)f->number;
	disturbed(c);
}

/*
 * The process of a node is stopped, or runs again.  Who is stopped for longer than a link lives without an ACK failed silently, as far as others can know,
 * and comes back with all that it stored.
 */
static void freeze(struct reload_sim_run_state *c, const struct reload_sim_fault *f, bool begins)
{
	struct reload_sim_run_node *n = &c->nodes[f->node];
	const struct reload_sim_node *node = reload_sim_node(c->sim, f->node);
	reload_ms now = reload_sim_now(c->sim);
	if (begins && node->peer && n->joined && !n->silent && f->length >= RELOAD_SIM_LOST_MS) {
		n->silent = true;
		reload_sim_loss_budget_failed(c->loss_budget, f->node, true, true, now);
	}
	if (begins)
		reload_sim_freeze(c->sim, f->node, now + f->length);
	else if (n->silent && !reload_sim_frozen(node)) {
		n->silent = false;
		reload_sim_loss_budget_joined(c->loss_budget, f->node, true, now);
	}
	torn(c, begins);
}

/* A newer document for that node, or when it is not joined, or lies, for another one. */
static void configure(struct reload_sim_run_state *c, size_t i)
{
	const struct reload_sim_node *n = reload_sim_node(c->sim, i);
	if (!c->nodes[i].joined || c->nodes[i].leaving || n->byzantine || reload_sim_frozen(n))
		i = reload_sim_run_state_peer(c);
	if (i == SIZE_MAX)
		return;
	disturbed(c);
	reload_sim_configure(c->sim, i);
}

bool reload_sim_run_state_configured(
	const struct reload_sim_run_state *c, struct reload_sim_violation *v)
{
	unsigned newest = reload_sim_newest(c->sim);
	for (size_t i = 0; newest > 1 && i < c->nodes_count; i++) {
		const struct reload_sim_node *n = reload_sim_node(c->sim, i);
		unsigned has = n->peer ? reload_peer_config(n->peer)->sequence : newest;
		if (is_client(c, i) || !c->nodes[i].joined || n->byzantine || has == newest)
			continue;
		v->check = RELOAD_SIM_CHECK_CONFIG;
		v->at = reload_sim_now(c->sim);
		snprintf(v->words, sizeof(v->words),
			"node %zu has the configuration with sequence %u, the newest has %u", i,
			has, newest);
		return false;
	}
	return true;
}

/* -- certificates ----------------------------------------------------------------------------------------------------------------- */

static void certify(struct reload_sim_run_state *c, const struct reload_sim_fault *f)
{
	bool ends = f->type == RELOAD_SIM_FAULT_CERT;
	reload_sim_node(c->sim, f->node)->careless = ends && f->careless;
	reload_sim_certify(c->sim, f->node, ends ? f->number : RELOAD_NEVER);
	c->nodes[f->node].anew = RELOAD_SIM_PLACES;
}

/*
 * A certificate ends.  A node that renewed it stays as it was.  Another one is out of the ring from now on: between the times of the clock that is most
 * ahead and of the one that is most behind some still count it in, as if the network were cut.
 */
static void cert_ends(struct reload_sim_run_state *c, const struct reload_sim_fault *f, bool begins)
{
	struct reload_sim_run_node *n = &c->nodes[f->node];
	struct reload_sim_node *node = reload_sim_node(c->sim, f->node);
	reload_ms now = reload_sim_now(c->sim);
	if (begins && c->scenario->keep_copies && !f->renewed &&
		reload_sim_check_last_copy(c->checks, node)) {
		c->out->faults_late++;
		n->renewed = true;
		reload_sim_certify(c->sim, f->node, RELOAD_NEVER);
	}
	if (f->renewed || n->renewed)
		return;
	if (!begins) { /* until now it was a member for some, and what it acknowledged to these may be nowhere else */
		reload_sim_loss_budget_joined(c->loss_budget, f->node, false, now);
		reload_sim_history_fresh(c->history, &node->id, now - f->length, SIZE_MAX);
	}
	reload_sim_loss_budget_failed(c->loss_budget, f->node, false, false, now);
	node->ended = true;
	node->ended_at = f->at + f->length;
	c->joined -= n->joined;
	n->joined = n->stepping = n->silent = false;
	if (f->length)
		torn(c, begins);
	else
		disturbed(c);
}

static void fault_run(struct reload_sim_run_state *c, const struct reload_sim_fault *f, bool end)
{
	char words[160];
	reload_sim_fault_text(f, words, sizeof(words));
	if (c->watch && c->watch->trace)
		fprintf(c->watch->trace, "%s%s\n", words, end ? " (over)" : "");
	reload_sim_note(c->sim, NULL, end ? "fault over" : "fault", f->type, f->node);
	c->out->faults_count += !end;
	switch (f->type) {
	case RELOAD_SIM_FAULT_CRASH:
		crash(c, f);
		break;
	case RELOAD_SIM_FAULT_RESTART:
	case RELOAD_SIM_FAULT_START:
		come_back(c, f);
		break;
	case RELOAD_SIM_FAULT_LEAVE:
		leave(c, f->node);
		break;
	case RELOAD_SIM_FAULT_PARTITION:
		partition(c, f, !end);
		break;
	case RELOAD_SIM_FAULT_CUT:
		reload_sim_cut(c->sim, f->node, f->other, !end);
		torn(c, !end);
		break;
	case RELOAD_SIM_FAULT_CLOCK:
		clock_jump(c, f);
		break;
	case RELOAD_SIM_FAULT_MOVE:
		if (!end)
			reload_sim_move(c->sim, f->node, f->number);
		torn(c, !end);
		break;
	case RELOAD_SIM_FAULT_DISK_ERRORS:
		reload_sim_disk_break(c->sim, f->node, RELOAD_SIM_DISK_ERRORS, !end);
		disturbed(c);
		break;
	case RELOAD_SIM_FAULT_DISK_FULL:
		reload_sim_disk_break(c->sim, f->node, RELOAD_SIM_DISK_FULL, !end);
		disturbed(c);
		break;
	case RELOAD_SIM_FAULT_CONFIG:
		configure(c, f->node);
		break;
	case RELOAD_SIM_FAULT_FREEZE:
		freeze(c, f, !end);
		break;
	case RELOAD_SIM_FAULT_CERT:
	case RELOAD_SIM_FAULT_RENEW:
		certify(c, f);
		break;
	case RELOAD_SIM_FAULT_CERT_ENDS:
		cert_ends(c, f, !end);
		break;
	case RELOAD_SIM_FAULT_TYPES:
		break;
	}
}

/* -- last copies ------------------------------------------------------------------------------------------------------------------ */

static bool takes_last_copy(struct reload_sim_run_state *c, const struct reload_sim_fault *f)
{
	return c->scenario->keep_copies &&
	       (f->type == RELOAD_SIM_FAULT_CRASH || f->type == RELOAD_SIM_FAULT_LEAVE) &&
	       reload_sim_check_last_copy(c->checks, reload_sim_node(c->sim, f->node));
}

static void fault_wait(struct reload_sim_run_state *c, uint32_t fault)
{
	reload_grow(&c->waiting, &c->waiting_cap, c->waiting_count, sizeof(*c->waiting));
	if (!c->waiting_count)
		c->waiting_at = reload_sim_now(c->sim) + WAITING_MS;
	c->waiting[c->waiting_count++] = fault;
}

/* Tries the faults that wait; behind the last of all faults no more happen. */
static void waiting_run(struct reload_sim_run_state *c)
{
	size_t left = 0;
	bool over = reload_sim_now(c->sim) > c->faults.last;
	for (size_t i = 0; i < c->waiting_count && !over; i++) {
		const struct reload_sim_fault *f = &c->faults.at[c->waiting[i]];
		if (takes_last_copy(c, f))
			c->waiting[left++] = c->waiting[i];
		else
			fault_run(c, f, false);
	}
	c->waiting_count = left;
	c->waiting_at = reload_sim_now(c->sim) + WAITING_MS;
}

static reload_ms waiting_next(const struct reload_sim_run_state *c)
{
	return c->waiting_count ? c->waiting_at : RELOAD_NEVER;
}

/* -- steps ------------------------------------------------------------------------------------------------------------------------ */

static int step_cmp(const void *x, const void *y)
{
	const struct reload_sim_step *a = x, *b = y;
	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	if (a->end != b->end)
		return a->end ? -1 : 1;
	return (a->fault > b->fault) - (a->fault < b->fault);
}

static void steps_make(struct reload_sim_run_state *c)
{
	c->steps = reload_alloc_array(2 * c->faults.count + 1, sizeof(*c->steps));
	for (size_t i = 0; i < c->faults.count; i++) {
		const struct reload_sim_fault *f = &c->faults.at[i];
		c->steps[c->steps_count++] =
			(struct reload_sim_step){ .at = f->at, .fault = (uint32_t)i };
		if (f->length)
			c->steps[c->steps_count++] = (struct reload_sim_step){
				.at = f->at + f->length, .fault = (uint32_t)i, .end = true
			};
	}
	qsort(c->steps, c->steps_count, sizeof(*c->steps), step_cmp);
}

void reload_sim_run_state_load(struct reload_sim_run_state *c)
{
	reload_ms from = reload_sim_now(c->sim);
	reload_sim_faults_clear(&c->faults);
	reload_sim_faults_draw(&c->faults, c->scenario, c->seed, from);
	if (c->watch && c->watch->script)
		reload_sim_script_faults(c->watch->script, &c->faults);
	if (c->watch)
		reload_sim_faults_only(&c->faults, c->watch->only_faults);
	steps_make(c);
	c->out->load_at = from;
	c->load_from = *reload_sim_counts(c->sim);
}

reload_ms reload_sim_run_state_next(const struct reload_sim_run_state *c)
{
	reload_ms step = c->step < c->steps_count ? c->steps[c->step].at : RELOAD_NEVER;
	return step < waiting_next(c) ? step : waiting_next(c);
}

void reload_sim_run_state_run(struct reload_sim_run_state *c)
{
	reload_ms now = reload_sim_now(c->sim);
	if (waiting_next(c) <= now)
		waiting_run(c);
	while (c->step < c->steps_count && c->steps[c->step].at <= now) {
		const struct reload_sim_step *s = &c->steps[c->step++];
		const struct reload_sim_fault *f = &c->faults.at[s->fault];
		if (takes_last_copy(c, f)) {
			c->out->faults_late++;
			fault_wait(c, s->fault);
		} else {
			fault_run(c, f, s->end);
		}
	}
}

void reload_sim_run_state_clear(struct reload_sim_run_state *c)
{
	free(c->steps);
	free(c->waiting);
	free(c->nodes);
	free(c->leaving_nodes);
	free(c->sides);
}

/* A peer steps out of the ring, as its storage fails: to the others it leaves. */
static void steps_aside(struct reload_sim_run_state *c, const struct reload_sim_node *n)
{
	struct reload_sim_run_node *own = &c->nodes[n->index];
	reload_ms now = reload_sim_now(c->sim);
	if (n->state == RELOAD_STATE_LEAVING && n->aside) {
		own->stepping = true;
		disturbed(c);
		reload_sim_loss_budget_leaving(c->loss_budget, n->index, now);
	} else if (own->stepping) {
		own->stepping = false;
		disturbed(c);
		reload_sim_loss_budget_left(c->loss_budget, n->index, now);
	}
}

/* -- events of engines ------------------------------------------------------------------------------------------------------------ */

void reload_sim_run_state_event(
	void *course, struct reload_sim_node *n, const struct reload_event *ev)
{
	struct reload_sim_run_state *c = course;
	struct reload_sim_run_node *own = &c->nodes[n->index];
	if (ev->type != RELOAD_EV_STATE || n->ended)
		return;
	bool joined = ev->code == RELOAD_STATE_JOINED;
	reload_ms now = reload_sim_now(c->sim);
	c->joined += joined;
	c->joins += joined && !own->joined;
	c->cost.changes += joined && !own->joined;
	c->joined -= own->joined;
	if (joined && !own->joined && now >= n->started)
		reload_sim_numbers_add(&c->join_ms, (double)(now - n->started));
	own->joined = joined;
	if (!own->leaving)
		steps_aside(c, n);
	if (!joined || n->role == RELOAD_ROLE_CLIENT)
		return;
	if (own->ever || n->index)
		reload_sim_loss_budget_joined(c->loss_budget, n->index, own->disk, now);
	else
		reload_sim_loss_budget_first(c->loss_budget, n->index, now);
	own->ever = true;
	own->disk = false;
}
