#include "sim/disk_check.h"
#include "sim/large.h"
#include "sim/run_state.h"

#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>

/*
 * Stores and Fetches of a run.
 *
 * A node stores one value at a time, under the name of its user, who may have another device that does so, too.  While a fault is active a Fetch may fail or return an older version; that is counted
 * as availability.  A Fetch that begins and ends while the ring is calm, and every final read, must return what is owed
 * (sim/history.h).  Allowed are a missing answer where messages are lost for good or peers lie, and anything but a forged value
 * where a liar is next to the place, or answered.  A liar that is close enough is believed (s6.3.4), and a client cannot even check
 * that.  So what a liar answers to a Store, be it an error, leaves open whether the value is there, and a final read that a liar
 * answered is repeated.  Final reads that fail all the same are counted, and checked together (reload_sim_check_reads()).
 */

enum {
	READ_TRIES = 5,        /* of a final read without an answer */
	REMOVALS = 50000,      /* per million Stores */
	OTHER_PLACES = 300000, /* per million Stores: array or dictionary */
	ANY_PLACE = RELOAD_SIM_PLACES,
	OWN_PLACE = 3,      /* of a device: its entry of the dictionary */
	OLD_BASES = 300000, /* per million Stores that name a generation counter */
	BURST_MAX = 100000  /* requests at a time; at the maximum none begins */
};

struct reload_sim_request {
	TAILQ_ENTRY(reload_sim_request) entry;
	struct reload_sim_run_state *state;
	struct reload_sim_place *place;
	size_t node;
	uint64_t number; /* Store: the version; Fetch: 0 */
	uint64_t base;   /* Store: the generation counter that it names; 0: none */
	uint64_t known;  /* Store: the highest counter that was acknowledged when it began */
	uint64_t owed;
	const struct reload_sim_node *answered; /* who did; NULL: nobody yet */
	reload_ms begun;
	unsigned tries;  /* final read: number of the next try; 0: it is no final read */
	bool calm, torn; /* when it began */
};

static struct reload_sim_request *request_new(
	struct reload_sim_run_state *c, struct reload_sim_place *p, size_t node)
{
	struct reload_sim_request *r = RELOAD_NEW(reload_sim_request);
	r->state = c;
	r->place = p;
	r->node = node;
	r->begun = reload_sim_now(c->sim);
	r->calm = reload_sim_run_state_calm(c);
	r->torn = reload_sim_run_state_torn(c);
	TAILQ_INSERT_TAIL(&c->requests, r, entry);
	c->requests_count++;
	return r;
}

static void request_free(struct reload_sim_request *r)
{
	TAILQ_REMOVE(&r->state->requests, r, entry);
	r->state->requests_count--;
	free(r);
}

void reload_sim_workload_clear(struct reload_sim_run_state *c)
{
	while (TAILQ_FIRST(&c->requests))
		request_free(TAILQ_FIRST(&c->requests));
}

static void violated(struct reload_sim_request *r, enum reload_sim_check check, const char *what)
{
	struct reload_sim_run_state *c = r->state;
	struct reload_sim_violation v = { .check = check, .at = reload_sim_now(c->sim) };
	snprintf(v.words, sizeof(v.words), "node %zu, %s place %u of node %zu, begun at %.3f s: %s",
		r->node, r->number ? "storing" : "fetching", r->place->which, r->place->node,
		(double)r->begun / 1000, what);
	if (r->answered) {
		size_t used = strlen(v.words);
		snprintf(v.words + used, sizeof(v.words) - used, " (node %zu answered)",
			r->answered->index);
	}
	reload_sim_run_state_violated(c, &v);
}

/* -- Stores -------------------------------------------------------------------------------------------------------------------- */

static uint64_t generation_of(const struct reload_result *r, uint32_t kind)
{
	const struct reload_store_ans *ans =
		r->answer && !r->err ? &r->answer->body.store_ans : NULL;
	for (size_t i = 0; ans && i < ans->kind_responses_count; i++)
		if (ans->kind_responses[i].kind == kind)
			return ans->kind_responses[i].generation_counter;
	return 0;
}

/*
 * How a Store ended.  An error from an honest peer is a refusal.  Everything else leaves open whether the value is there: a liar may send an
 * error and have forwarded the request all the same.
 */
static enum reload_sim_stored stored_how(const struct reload_result *r, bool liar)
{
	if (!r->err)
		return liar ? RELOAD_SIM_STORED_CLAIMED : RELOAD_SIM_STORED_ACKNOWLEDGED;
	return r->overlay_code && !liar ? RELOAD_SIM_STORED_REFUSED : RELOAD_SIM_STORED_UNKNOWN;
}

/* Whether a liar answered.  An error may come from any node on the route; the sender of another answer must be close enough to be believed. */
static bool lied_to(struct reload_sim_request *r, const struct reload_result *result)
{
	struct reload_sim_run_state *c = r->state;
	struct reload_sim_violation v;
	if (!result->responder.len)
		return false;
	r->answered = reload_sim_checks_node(c->checks, &result->responder);
	bool liar = reload_sim_checks_liar(c->checks, &result->responder);
	if (result->err)
		return liar;
	if (!reload_sim_check_responder(c->checks, reload_sim_node(c->sim, r->node),
		    reload_sim_history_resource(c->history, r->place->node), &result->responder,
		    &v))
		reload_sim_run_state_violated(c, &v);
	c->out->lies_believed += liar;
	return liar;
}

static void durable_check(struct reload_sim_request *r, const struct reload_result *result)
{
	struct reload_sim_run_state *c = r->state;
	const struct reload_sim_node *by = reload_sim_checks_node(c->checks, &result->responder);
	struct reload_sim_violation v;
	if (by && by->started <= r->begun &&
		!reload_sim_check_durable(by, c->history, r->place, r->number, &v))
		reload_sim_run_state_violated(c, &v);
}

/* The generation counter of the Kind in an error that refuses another one; 0: it has none. */
static uint64_t generation_told(const struct reload_result *result, uint32_t kind)
{
	struct reload_arena lists = { 0 };
	struct wire_ctx ctx = { .node_id_len = result->responder.len, .arena = &lists };
	struct reload_store_ans ans;
	uint64_t told = 0;
	if (!reload_wire_decode(result->error_info, &reload_store_ans_wire, &ctx, &ans))
		for (size_t i = 0; i < ans.kind_responses_count; i++)
			if (ans.kind_responses[i].kind == kind)
				told = ans.kind_responses[i].generation_counter;
	reload_arena_clear(&lists);
	return told;
}

/*
 * Whether the owner may not know what was acknowledged: while the network is parted, and until the rings have merged, two peers may be owner, and one of
 * them does not know what the other one accepted; or the owner waits for its repair, or it lies.
 */
static bool is_doubtful(const struct reload_sim_request *r)
{
	const struct reload_sim_run_state *c = r->state;
	return r->torn || reload_sim_run_state_torn(c) ||
	       reload_sim_place_lied(c->checks, r->place) ||
	       reload_sim_loss_budget_may_lack(c->loss_budget,
		       reload_sim_history_resource(c->history, r->place->node),
		       r->place->acknowledged, reload_sim_now(c->sim));
}

/* A Store that named an old counter must be refused for that, with the counter that is there: checks it. */
static void check_refusal(struct reload_sim_request *r, const struct reload_result *result)
{
	struct reload_sim_run_state *c = r->state;
	uint64_t told = 0,
		 known = reload_sim_history_counter(c->history, r->place, reload_sim_now(c->sim));
	bool too_low = result->err == RELOAD_GENERATION_TOO_LOW;
	char words[160];
	c->out->conflicts += too_low;
	if (too_low)
		told = generation_told(result, reload_sim_place_kind(r->place));
	bool old = r->base < r->known, wrong = too_low ? told == r->base || (old && told < r->known)
						       : old && result->err == RELOAD_DATA_TOO_OLD;
	if (!wrong || known < r->known || is_doubtful(r))
		return;
	snprintf(words, sizeof(words),
		"it named the generation counter %llu when %llu was acknowledged, and the answer "
		"is "
		"%s with %llu",
		(unsigned long long)r->base, (unsigned long long)r->known,
		reload_err_text(result->err), (unsigned long long)told);
	violated(r, RELOAD_SIM_CHECK_CONFLICT, words);
}

/* An acknowledged Store is not the only one that got its counter, or not the one that named the one before. */
static void not_alone(struct reload_sim_request *r, uint64_t generation)
{
	char words[120];
	if (is_doubtful(r))
		return;
	snprintf(words, sizeof(words),
		"it named the generation counter %llu and got %llu, which leaves out another Store",
		(unsigned long long)r->base, (unsigned long long)generation);
	violated(r, RELOAD_SIM_CHECK_CONFLICT, words);
}

static void stored(void *arg, const struct reload_result *result)
{
	struct reload_sim_request *r = arg;
	struct reload_sim_run_state *c = r->state;
	if (!c->checks) { /* the world is being freed */
		request_free(r);
		return;
	}
	reload_ms now = reload_sim_now(c->sim);
	c->nodes[r->node].storing = false;
	c->store_hops += reload_sim_request_hops(&c->hops, result);
	enum reload_sim_stored how = stored_how(result, lied_to(r, result));
	if (reload_sim_node(c->sim, r->node)->crashing)
		how = RELOAD_SIM_STORED_UNKNOWN;
	if (how == RELOAD_SIM_STORED_ACKNOWLEDGED) {
		c->out->stores_acknowledged++;
		c->cost.stored++;
		reload_sim_numbers_add(&c->store_ms, (double)(now - r->begun));
	}
	if (how == RELOAD_SIM_STORED_ACKNOWLEDGED)
		durable_check(r, result);
	uint64_t generation = generation_of(result, reload_sim_place_kind(r->place));
	bool alone = how != RELOAD_SIM_STORED_ACKNOWLEDGED ||
		     reload_sim_history_alone(c->history, r->place, r->number, now, generation);
	if (how == RELOAD_SIM_STORED_REFUSED && r->base)
		check_refusal(r, result);
	bool rises = reload_sim_history_end(
		c->history, r->place, r->number, how, now, generation, &result->responder);
	if (how == RELOAD_SIM_STORED_ACKNOWLEDGED)
		reload_sim_loss_budget_acknowledged(
			c->loss_budget, &result->responder, r->begun, now);
	if (!rises && !reload_sim_place_lied(c->checks, r->place)) {
		char words[80];
		snprintf(words, sizeof(words), "the generation counter in the answer is %llu",
			(unsigned long long)generation);
		violated(r, RELOAD_SIM_CHECK_GENERATION, words);
	}
	if (rises && !alone)
		not_alone(r, generation);
	request_free(r);
}

/* Chooses a place of a node: most Stores go to its SINGLE value. */
static unsigned place_draw(struct reload_sim_run_state *c)
{
	if (!reload_prng_chance(&c->prng, OTHER_PLACES))
		return 0;
	return 1 + (unsigned)reload_prng_below(&c->prng, RELOAD_SIM_PLACES - 1);
}

/* which: a place, or ANY_PLACE, and perhaps a removal; base: the generation counter that the Store names, 0: none. */
static void store(struct reload_sim_run_state *c, size_t i, unsigned which, uint64_t base)
{
	bool draw = which == ANY_PLACE;
	struct reload_sim_node *n = reload_sim_node(c->sim, i);
	if (!c->nodes[i].joined || c->nodes[i].leaving || c->nodes[i].storing || n->byzantine ||
		reload_sim_frozen(n) || c->requests_count >= BURST_MAX)
		return;
	reload_sim_large_store(c, i);
	if (draw)
		which = place_draw(c);
	struct reload_sim_place *p = reload_sim_history_place(
		c->history, which == OWN_PLACE ? i : reload_sim_history_home(c->history, i), which);
	bool exists = !draw || !p->last || !reload_prng_chance(&c->prng, REMOVALS);
	uint8_t bytes[RELOAD_SIM_VALUE_MAX];
	uint32_t lifetime_s = (uint32_t)(c->scenario->lifetime / RELOAD_SECOND);
	reload_ms now = reload_sim_now(c->sim);
	const struct reload_sim_version *v = reload_sim_history_begin(c->history, p, i, base, now,
		RELOAD_SIM_EPOCH + now + (uint64_t)n->skew_ms, n->lives, lifetime_s, exists);
	reload_sim_history_signed(
		c->history, p, v->number, n->credentials.cert->not_after - RELOAD_SIM_EPOCH);
	struct reload_store_item item = { .kind = reload_sim_place_kind(p),
		.generation = base,
		.value = reload_sim_place_value(c->history, p),
		.lifetime_s = lifetime_s,
		.storage_time = v->storage_time };
	item.value.exists = exists;
	if (exists)
		item.value.value =
			span_of(bytes, reload_sim_history_bytes(c->history, p, v->number, bytes));
	const struct reload_id *resource = reload_sim_history_resource(c->history, i);
	struct reload_destination to = reload_dest_resource(resource);
	struct reload_request_target target = { .list = &to, .count = 1 };
	struct reload_sim_request *r = request_new(c, p, i);
	enum reload_err err;
	r->number = v->number;
	r->base = base;
	r->known = reload_sim_history_counter(c->history, p, now);
	c->nodes[i].storing = true;
	c->out->stores++;
	if (reload_peer_store(n->peer, &target, resource, &item, 1, stored, r, &err))
		return;
	c->nodes[i].storing = false;
	request_free(r);
}

void reload_sim_workload_store(struct reload_sim_run_state *c, size_t i)
{
	store(c, i, ANY_PLACE, 0);
}

void reload_sim_workload_store_own(struct reload_sim_run_state *c, size_t i)
{
	store(c, i, 0, 0);
}

void reload_sim_workload_anew(struct reload_sim_run_state *c)
{
	for (size_t i = 0; i < c->nodes_count && c->scenario->cert_ends; i++) {
		struct reload_sim_run_node *own = &c->nodes[i];
		while (own->anew && !own->storing) {
			unsigned which = --own->anew;
			size_t node =
				which == OWN_PLACE ? i : reload_sim_history_home(c->history, i);
			if (reload_sim_history_place(c->history, node, which)->last)
				store(c, i, which, 0);
		}
	}
}

void reload_sim_workload_write(struct reload_sim_run_state *c, size_t i)
{
	size_t home = reload_sim_history_home(c->history, i), other = home == i ? i + 1 : home;
	uint64_t known = reload_sim_history_counter(
		c->history, reload_sim_history_place(c->history, home, 0), reload_sim_now(c->sim));
	if (!known || !c->scenario->conditional ||
		!reload_prng_chance(&c->prng, c->scenario->conditional)) {
		store(c, i, ANY_PLACE, 0);
	} else if (known > 1 && reload_prng_chance(&c->prng, OLD_BASES)) {
		store(c, i, 0, known - 1);
	} else {
		store(c, i, 0, known);
		if (other < c->nodes_count && reload_sim_history_home(c->history, other) == home)
			store(c, other, 0, known);
	}
}

/* -- Fetches ------------------------------------------------------------------------------------------------------------------- */

static bool read_send(struct reload_sim_request *r);

/* What the answer has for the place; an array or a dictionary may have more entries. */
static struct reload_sim_read read_of(
	const struct reload_result *result, const struct reload_sim_place *p)
{
	for (size_t i = 0; i < result->values_count; i++) {
		const struct reload_fetched *f = &result->values[i];
		if (f->kind == reload_sim_place_kind(p) && !f->err && !f->synthetic)
			return (struct reload_sim_read){ .present = true,
				.exists = f->data->value.exists,
				.storage_time = f->data->storage_time,
				.value = f->data->value.value,
				.signer = f->signer };
	}
	return (struct reload_sim_read){ 0 };
}

/* Whether peers that answer late may hold a request and its answer up for longer than it lasts (R-6.2.1-09): it makes WAY hops at most, here and back. */
static bool may_be_late(const struct reload_sim_run_state *c)
{
	enum {
		WAY = 16,
		LASTS_MS = 15000
	};
	return c->faults.slow && c->scenario->slow_by * WAY > LASTS_MS;
}

/*
 * Whether the request must get an answer: a final read always, another one where no message is lost for good.  Neither where peers lie: all
 * routes to a point may lead through one that forwards nothing.  How many final reads may end so is checked at the end.
 */
static bool must_be_answered(const struct reload_sim_request *r)
{
	const struct reload_sim_run_state *c = r->state;
	return !c->faults.byzantine && !may_be_late(c) && (r->tries || !c->faults.drop);
}

/* Ends a Fetch and counts it when it is a final read of a value still owed. */
static void read_over(struct reload_sim_request *r, bool good)
{
	struct reload_sim_run_state *c = r->state;
	struct reload_sim_reads *reads = &c->out->reads;
	if (r->tries && reload_sim_history_owed(c->history, r->place, reload_sim_now(c->sim))) {
		bool apart = !reload_sim_place_lied(c->checks, r->place);
		reads->owed++;
		reads->failed += !good;
		reads->apart += apart;
		reads->apart_failed += apart && !good;
	} else if (r->tries) {
		reads->over++;
	}
	request_free(r);
}

/* Whether the node that fetches leaves, or its certificate has ended. */
static bool is_going(const struct reload_sim_request *r)
{
	return r->state->nodes[r->node].leaving || reload_sim_node(r->state->sim, r->node)->ended;
}

/* Handles a Fetch without an answer; a final read is repeated through another node. */
static void read_failed(struct reload_sim_request *r, const struct reload_result *result)
{
	struct reload_sim_run_state *c = r->state;
	bool must = (r->tries || (r->calm && reload_sim_run_state_calm(c))) && !is_going(r) &&
		    result->err != RELOAD_CANCELLED;
	if (r->tries && r->tries <= READ_TRIES && read_send(r))
		return;
	if (must && must_be_answered(r) &&
		reload_sim_history_owed(c->history, r->place, reload_sim_now(c->sim)) &&
		!reload_sim_place_lied(c->checks, r->place)) {
		char words[200];
		snprintf(words, sizeof(words), "no answer: %s (%s)", reload_err_text(result->err),
			result->reason ? result->reason : "");
		violated(r, RELOAD_SIM_CHECK_LOST_VALUE, words);
	}
	read_over(r, false);
}

/* Counts a Fetch of the load that did not return what was owed. */
static void read_stale(
	struct reload_sim_request *r, enum reload_sim_read_result j, const char *words)
{
	struct reload_sim_run_state *c = r->state;
	c->out->stale.old += j == RELOAD_SIM_READ_STALE;
	c->out->stale.absent += j == RELOAD_SIM_READ_ABSENT;
	if (!is_doubtful(r) && !is_going(r))
		violated(r, RELOAD_SIM_CHECK_STALE, words);
}

/* Whether what was read is what had to be read; counts it. */
static bool read_check(struct reload_sim_request *r, const struct reload_sim_read *read, bool lied)
{
	static const char *const words[] = {
		[RELOAD_SIM_READ_STALE] = "an older version than the newest acknowledged one",
		[RELOAD_SIM_READ_ABSENT] = "no value, though one was acknowledged",
		[RELOAD_SIM_READ_FORGED] = "a value that this signer never stored there",
		[RELOAD_SIM_READ_EXPIRED] = "a value whose lifetime, or certificate, was over",
	};
	struct reload_sim_run_state *c = r->state;
	enum reload_sim_read_result j =
		reload_sim_history_check_read(c->history, r->place, r->owed, r->begun, read);
	bool still = reload_sim_history_owed(c->history, r->place, reload_sim_now(c->sim));
	bool must = still && !lied && (r->tries || (r->calm && reload_sim_run_state_calm(c)));
	if (r->owed && j == RELOAD_SIM_READ_GOOD) {
		c->out->fetches_good++;
		c->lookups_good++;
	}
	if (j == RELOAD_SIM_READ_FORGED)
		violated(r, RELOAD_SIM_CHECK_FORGED, words[j]);
	else if (j == RELOAD_SIM_READ_EXPIRED && !lied)
		violated(r, RELOAD_SIM_CHECK_EXPIRED, words[j]);
	else if (j != RELOAD_SIM_READ_GOOD && must && !reload_sim_place_lied(c->checks, r->place))
		violated(r, RELOAD_SIM_CHECK_LOST_VALUE, words[j]);
	else if (j != RELOAD_SIM_READ_GOOD && still && !lied && !r->tries &&
		 !reload_sim_place_lied(c->checks, r->place))
		read_stale(r, j, words[j]);
	return j == RELOAD_SIM_READ_GOOD;
}

static void fetched(void *arg, const struct reload_result *result)
{
	struct reload_sim_request *r = arg;
	struct reload_sim_run_state *c = r->state;
	if (!c->checks) { /* the world is being freed */
		request_free(r);
		return;
	}
	c->fetch_hops += reload_sim_request_hops(&c->hops, result);
	c->lookups += r->owed > 0;
	if (r->owed && !r->tries) {
		c->out->lookups.ended++;
		c->out->lookups.first_try += !result->err && result->transmissions == 1;
		c->out->lookups.timed_out += result->err == RELOAD_TIMEOUT;
	}
	if (result->err && !result->values_count) {
		read_failed(r, result);
		return;
	}
	reload_sim_numbers_add(&c->hops, result->hops);
	reload_sim_numbers_add(&c->fetch_ms, (double)(reload_sim_now(c->sim) - r->begun));
	struct reload_sim_read read = read_of(result, r->place);
	bool lied = lied_to(r, result);
	bool good = read_check(r, &read, lied),
	     again = !good && lied && r->tries && r->tries <= READ_TRIES;
	if (!again || !read_send(r))
		read_over(r, good);
}

/* Sends the final read through a random node.  False: there is none, and r is unchanged. */
static bool read_send(struct reload_sim_request *r)
{
	struct reload_sim_run_state *c = r->state;
	size_t by = reload_sim_run_state_peer(c);
	if (by == SIZE_MAX)
		return false;
	struct reload_stored_value at = reload_sim_place_value(c->history, r->place);
	const struct reload_id *resource = reload_sim_history_resource(c->history, r->place->node);
	struct reload_destination to = reload_dest_resource(resource);
	struct reload_request_target target = { .list = &to, .count = 1 };
	struct reload_array_range range = { at.index, at.index };
	struct reload_vec16_bytes key = { at.key };
	struct reload_specifier spec = { .kind = reload_sim_place_kind(r->place),
		.model = at.model };
	enum reload_err err;
	if (at.model == RELOAD_MODEL_ARRAY) {
		spec.ranges = &range;
		spec.ranges_count = 1;
	} else if (at.model == RELOAD_MODEL_DICTIONARY) {
		spec.keys = &key;
		spec.keys_count = 1;
	}
	r->node = by;
	r->tries += r->tries > 0;
	r->begun = reload_sim_now(c->sim);
	TAILQ_REMOVE(&c->requests, r, entry);
	TAILQ_INSERT_TAIL(&c->requests, r, entry);
	c->out->fetches++;
	c->out->fetches_expected += r->owed > 0;
	return reload_peer_fetch(reload_sim_node(c->sim, by)->peer, &target, resource, &spec, 1,
		       fetched, r, &err) != NULL;
}

static bool fetch(struct reload_sim_run_state *c, struct reload_sim_place *p, bool last)
{
	struct reload_sim_request *r = request_new(c, p, SIZE_MAX);
	r->owed = reload_sim_history_owed(c->history, p, r->begun);
	r->tries = last;
	if (read_send(r))
		return true;
	request_free(r);
	return false;
}

void reload_sim_workload_fetch(struct reload_sim_run_state *c)
{
	struct reload_sim_place *p = reload_sim_history_readable(c->history, &c->prng);
	if (p && c->requests_count < BURST_MAX)
		fetch(c, p, false);
}

void reload_sim_workload_fetch_own(struct reload_sim_run_state *c, size_t i)
{
	fetch(c, reload_sim_history_place(c->history, i, 0), false);
}

bool reload_sim_workload_read(struct reload_sim_run_state *c, struct reload_sim_place *p)
{
	return fetch(c, p, true);
}

void reload_sim_workload_overdue(struct reload_sim_run_state *c)
{
	struct reload_sim_request *r = TAILQ_FIRST(&c->requests);
	reload_ms most =
		RELOAD_SIM_REQUEST_MS + RELOAD_SIM_REQUEST_JOBS * reload_sim_job_longest(c->sim);
	if (r && reload_sim_awake(reload_sim_node(c->sim, r->node), r->begun) > most)
		violated(r, RELOAD_SIM_CHECK_TRANSACTION, "it has not ended");
}
