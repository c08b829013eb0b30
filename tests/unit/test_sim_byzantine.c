/* The effect of each lie on honest engines: their tables stay right, their work is bounded, and what they refuse is counted. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/byzantine.h"

enum {
	NODES = 12,
	MANY = 40,
	LINKS_FEW = 64,
	REQUESTS_FEW = 200,
	STORE_FEW = 200000
};

static const char forged[] = "a value that nobody signed",
		  foreign[] = "a value that must not be here";

struct net {
	struct reload_sim *sim;
	struct reload_sim_byzantine *liars;
	struct reload_sim_hooks hooks;
	uint64_t events[256];          /* of honest nodes */
	size_t requests, links, bytes; /* the maximum of any honest engine */
};

static bool on_send(void *arg, struct reload_sim_node *n, uint32_t link, struct span message)
{
	return reload_sim_byzantine_send(((struct net *)arg)->liars, n, link, message);
}

static void on_event(void *arg, struct reload_sim_node *n, const struct reload_event *ev)
{
	struct net *t = arg;
	if (!n->byzantine)
		t->events[ev->type]++;
	if (t->liars)
		reload_sim_byzantine_event(t->liars, n, ev);
}

static size_t most(size_t a, size_t b)
{
	return a > b ? a : b;
}

static void on_after(void *arg, struct reload_sim *s, struct reload_sim_node *n)
{
	struct net *t = arg;
	struct reload_status status;
	(void)s;
	if (!n->peer || n->byzantine)
		return;
	reload_peer_status(n->peer, &status);
	t->requests = most(t->requests, status.requests);
	t->links = most(t->links, status.links);
	t->bytes = most(t->bytes, status.value_bytes);
}

static bool all_joined(struct net *t)
{
	for (size_t i = 0; i < reload_sim_count(t->sim); i++)
		if (reload_sim_node(t->sim, i)->state != RELOAD_STATE_JOINED)
			return false;
	return true;
}

static void pass(struct net *t, reload_ms ms)
{
	reload_sim_run(t->sim, reload_sim_now(t->sim) + ms);
}

static struct net *net_new(size_t nodes, uint64_t seed)
{
	struct net *t = RELOAD_NEW(net);
	t->hooks = (struct reload_sim_hooks){
		.arg = t, .send = on_send, .event = on_event, .after = on_after
	};
	const struct reload_sim_setup setup = { .seed = seed,
		.nodes = nodes,
		.latency = reload_sim_latency_find("lan"),
		.update_interval_s = 60,
		.store_limit = 1024 * 1024 };
	t->sim = reload_sim_new(&setup, &t->hooks);
	t->liars = reload_sim_byzantine_new(t->sim);
	reload_sim_start(t->sim, 0, true, RELOAD_ROLE_PEER, NULL, 0);
	pass(t, 100);
	for (size_t i = 1; i < nodes; i++) {
		reload_sim_start(t->sim, i, false, RELOAD_ROLE_PEER, NULL, 0);
		pass(t, 200);
	}
	for (int i = 0; i < 60 && !all_joined(t); i++)
		pass(t, 1000);
	assert_true(all_joined(t));
	pass(t, 30000);
	return t;
}

static void net_free(struct net *t)
{
	reload_sim_byzantine_free(t->liars);
	reload_sim_free(t->sim);
	free(t);
}

static int by_id(const void *a, const void *b)
{
	return reload_id_cmp(a, b);
}

/* Whether the lists of n are right: they have the right honest nodes, with or without liars between these. */
static bool lists_right(struct net *t, struct reload_sim_node *n, const struct reload_id *list,
	size_t count, const struct reload_id *ids, size_t ids_count, bool clockwise)
{
	size_t at = 0, listed = 0;
	while (!reload_id_eq(&ids[at], &n->id))
		at++;
	for (size_t k = 0; k < count && listed < 2; k++) {
		bool liar = false;
		for (size_t i = 0; i < reload_sim_count(t->sim); i++) {
			struct reload_sim_node *other = reload_sim_node(t->sim, i);
			liar = liar || (other->byzantine && reload_id_eq(&list[k], &other->id));
		}
		if (liar)
			continue;
		at = (at + (clockwise ? 1 : ids_count - 1)) % ids_count;
		if (!reload_id_eq(&list[k], &ids[at]))
			return false;
		listed++;
	}
	return listed == 2;
}

/* Whether each honest engine lists its right honest neighbours, at least two on each side. */
static bool ring_right(struct net *t)
{
	size_t nodes = reload_sim_count(t->sim), n = 0;
	struct reload_id *ids = reload_alloc_array(nodes, sizeof(*ids));
	bool right = true;
	for (size_t i = 0; i < nodes; i++)
		if (!reload_sim_node(t->sim, i)->byzantine)
			ids[n++] = reload_sim_node(t->sim, i)->id;
	qsort(ids, n, sizeof(*ids), by_id);
	for (size_t i = 0; i < nodes && right; i++) {
		struct reload_sim_node *node = reload_sim_node(t->sim, i);
		struct reload_status s;
		if (node->byzantine)
			continue;
		reload_peer_status(node->peer, &s);
		const struct reload_topology_tables *tables = &s.tables;
		right = s.state == RELOAD_STATE_JOINED &&
			lists_right(t, node, tables->successors, tables->successors_count, ids, n,
				true) &&
			lists_right(t, node, tables->predecessors, tables->predecessors_count, ids,
				n, false);
	}
	free(ids);
	return right;
}

static bool becomes_right(struct net *t)
{
	for (int i = 0; i < 180 && !ring_right(t); i++)
		pass(t, 1000);
	return ring_right(t);
}

static uint64_t counted(struct net *t, enum reload_counter counter)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < reload_sim_count(t->sim); i++) {
		struct reload_sim_node *n = reload_sim_node(t->sim, i);
		if (n->peer && !n->byzantine)
			sum += reload_peer_counter(n->peer, counter);
	}
	return sum;
}

static bool bounded(const struct net *t)
{
	return t->requests <= REQUESTS_FEW && t->links <= LINKS_FEW && t->bytes <= STORE_FEW;
}

/* -- values ------------------------------------------------------------------------------------------------------------ */

struct answer {
	unsigned calls, good, forged, rolled_back;
	enum reload_err err;
};

static void answer_fn(void *arg, const struct reload_result *r)
{
	struct answer *t = arg;
	t->calls++;
	t->err = r->err;
	t->good += !r->err;
	for (size_t i = 0; i < r->values_count; i++) {
		t->rolled_back += r->values[i].rolled_back;
		t->forged += !r->values[i].err &&
			     span_eq(r->values[i].data->value.value, span_str(forged));
	}
}

static struct reload_id place_of(struct net *t, size_t owner)
{
	struct reload_id id;
	struct reload_sim_node *n = reload_sim_node(t->sim, owner);
	reload_peer_resource_id(n->peer, &id, span_str(n->credentials.cert->user));
	return id;
}

/* Stores a value of node i at its own place. */
static void put(struct net *t, size_t i, const char *words, struct answer *answer)
{
	struct reload_id place = place_of(t, i);
	struct reload_destination to = reload_dest_resource(&place);
	struct reload_request_target target = { .list = &to, .count = 1 };
	struct reload_store_item item = { .kind = RELOAD_SIM_KIND,
		.lifetime_s = 3600,
		.value = { .exists = true, .value = span_str(words) } };
	enum reload_err err = RELOAD_OK;
	assert_non_null(reload_peer_store(reload_sim_node(t->sim, i)->peer, &target, &place, &item,
		1, answer_fn, answer, &err));
}

static void get(struct net *t, size_t i, const struct reload_id *place, struct answer *answer)
{
	struct reload_destination to = reload_dest_resource(place);
	struct reload_request_target target = { .list = &to, .count = 1 };
	struct reload_specifier spec = { .kind = RELOAD_SIM_KIND };
	enum reload_err err = RELOAD_OK;
	assert_non_null(reload_peer_fetch(reload_sim_node(t->sim, i)->peer, &target, place, &spec,
		1, answer_fn, answer, &err));
}

static void put_all(struct net *t, const char *words)
{
	struct answer answer = { 0 };
	size_t n = reload_sim_count(t->sim);
	for (size_t i = 0; i < n; i++)
		put(t, i, words, &answer);
	pass(t, 20000);
	assert_int_equal(answer.calls, n);
}

static bool is_lie(void *arg, const struct reload_stored_entry *e)
{
	bool *found = arg;
	*found = *found || span_eq(e->data.value.value, span_str(forged)) ||
		 span_eq(e->data.value.value, span_str(foreign));
	return !*found;
}

/* Whether no honest engine has stored a value with a wrong signature, or one that its signer may not store. */
static bool none_stored(struct net *t)
{
	bool found = false;
	reload_utc now = RELOAD_SIM_EPOCH + reload_sim_now(t->sim);
	for (size_t i = 0; i < reload_sim_count(t->sim) && !found; i++) {
		struct reload_sim_node *n = reload_sim_node(t->sim, i);
		if (n->byzantine)
			continue;
		for (size_t k = 0; k < reload_sim_count(t->sim); k++) {
			struct reload_id places[] = { place_of(t, k),
				reload_sim_node(t->sim, k)->id };
			for (size_t p = 0; p < COUNT_OF(places); p++)
				n->storage->ops->each(n->storage, &places[p], RELOAD_SIM_KIND, now,
					is_lie, &found);
		}
	}
	return !found;
}

/* The index of the owner of node i's value. */
static size_t owner_of(struct net *t, size_t i)
{
	struct reload_id place = place_of(t, i);
	for (size_t k = 0; k < reload_sim_count(t->sim); k++) {
		struct reload_status s;
		reload_peer_status(reload_sim_node(t->sim, k)->peer, &s);
		if (s.range_to.len && reload_id_between(&s.range_from, &place, &s.range_to))
			return k;
	}
	abort();
}

/* -- the lies ---------------------------------------------------------------------------------------------------------------- */

static struct net *lied_to(size_t nodes, uint32_t lies, reload_ms length)
{
	struct net *t = net_new(nodes, 7);
	assert_true(becomes_right(t));
	put_all(t, "first");
	t->requests = t->links = t->bytes = 0;
	memset(t->events, 0, sizeof(t->events));
	reload_sim_byzantine_start(t->liars, 5, lies);
	pass(t, length);
	return t;
}

static void lies_end(struct net *t)
{
	reload_sim_byzantine_stop(t->liars, 5);
	assert_true(becomes_right(t));
	struct answer answer = { 0 };
	put(t, 1, "last", &answer);
	pass(t, 20000);
	assert_int_equal(answer.good, 1);
	net_free(t);
}

/* A dropped request is repeated and then reported as failed; the ring stays right. */
static void dropping_harms_no_tables(void **state)
{
	(void)state;
	struct net *t = lied_to(MANY, RELOAD_SIM_LIE_DROP, 1000);
	put_all(t, "second");
	pass(t, 60000);
	assert_true(reload_sim_byzantine_sent(t->liars) > 0);
	assert_true(counted(t, RELOAD_COUNT_REQUESTS_REPEATED) > 0);
	assert_true(ring_right(t));
	assert_true(bounded(t));
	lies_end(t);
}

/* A misrouted message is forwarded by the tables of the node that gets it, until its ttl ends. */
static void misrouting_harms_no_tables(void **state)
{
	(void)state;
	struct net *t = lied_to(MANY, RELOAD_SIM_LIE_MISROUTE, 1000);
	uint64_t before = counted(t, RELOAD_COUNT_FORWARDED);
	put_all(t, "second");
	pass(t, 60000);
	uint64_t answer = reload_sim_byzantine_sent(t->liars);
	assert_true(answer > 0);
	assert_true(counted(t, RELOAD_COUNT_FORWARDED) - before < 200 * answer + 2000);
	assert_true(ring_right(t));
	assert_true(bounded(t));
	lies_end(t);
}

/*
 * R-10.7.3-01: a listed node enters a table only after an Attach, so one that does not exist never does.  R-6.4.2.1-03 and -04: a Join in
 * the name of another node, or over the link of one, is refused.
 */
static void false_updates_enter_no_tables(void **state)
{
	(void)state;
	struct net *t = lied_to(NODES, RELOAD_SIM_LIE_UPDATES, 1000);
	uint64_t attaches = reload_sim_counts(t->sim)->traffic_messages[RELOAD_SIM_TRAFFIC_ATTACH];
	for (int i = 0; i < 120; i++) {
		pass(t, 1000);
		assert_true(ring_right(t));
	}
	assert_true(reload_sim_byzantine_sent(t->liars) > 30);
	attaches =
		reload_sim_counts(t->sim)->traffic_messages[RELOAD_SIM_TRAFFIC_ATTACH] - attaches;
	assert_true(t->events[RELOAD_EV_ATTACH_FAILED] > 0);
	/* an informant can cause 32 Attaches at once and then ever fewer; those that fail are tried again without it */
	assert_true(t->events[RELOAD_EV_ATTACH_FAILED] < 2 * (NODES - 1) * (32 + 121 / 8));
	assert_true(attaches < 12 * t->events[RELOAD_EV_ATTACH_FAILED]);
	assert_true(counted(t, RELOAD_COUNT_ERRORS_SENT) > 0);
	assert_true(bounded(t));
	lies_end(t);
}

/* R-13.5-06: a reader that has seen a newer version learns that it got an older one. */
static void old_answers_are_seen(void **state)
{
	(void)state;
	struct net *t = net_new(NODES, 7);
	size_t writer = 0, reader, liar;
	while ((liar = owner_of(t, writer)) == writer || liar == 0)
		writer++;
	for (reader = 0; reader == writer || reader == liar; reader++)
		;
	struct reload_id place = place_of(t, writer);
	struct answer answer = { 0 };
	reload_sim_byzantine_start(t->liars, liar, RELOAD_SIM_LIE_STALE);
	put(t, writer, "first", &answer);
	pass(t, 5000);
	get(t, reader, &place, &answer);
	pass(t, 5000);
	put(t, writer, "second", &answer);
	pass(t, 5000);
	for (int i = 0; i < 30; i++) {
		get(t, reader, &place, &answer);
		pass(t, 2000);
	}
	assert_int_equal(answer.calls, 33);
	assert_true(reload_sim_byzantine_sent(t->liars) > 0);
	assert_true(answer.rolled_back > 0);
	assert_int_equal(t->events[RELOAD_EV_ROLLBACK], answer.rolled_back);
	assert_true(reload_sim_byzantine_refused(t->liars) >= answer.rolled_back);
	assert_true(ring_right(t));
	net_free(t);
}

/* R-6.3.4-19: an answer from a node that cannot be responsible, by the tables of the requester, is dropped. */
static void answers_in_the_stead_of_others(void **state)
{
	(void)state;
	struct net *t = lied_to(MANY, RELOAD_SIM_LIE_STALE, 1000);
	for (int i = 0; i < 10; i++)
		put_all(t, i % 2 ? "second" : "third");
	assert_true(reload_sim_byzantine_sent(t->liars) > 0);
	assert_true(counted(t, RELOAD_COUNT_DROP_WRONG_RESPONDER) > 0);
	assert_true(ring_right(t));
	lies_end(t);
}

/* R-13.5-01: a value with a wrong signature is neither stored nor returned. */
static void damage_is_refused(void **state)
{
	(void)state;
	struct net *t = lied_to(NODES, RELOAD_SIM_LIE_MALFORMED, 1000);
	struct answer answer = { 0 };
	for (int i = 0; i < 20; i++) {
		put_all(t, i % 2 ? "second" : "third");
		for (size_t k = 0; k < NODES; k++) {
			struct reload_id place = place_of(t, k);
			get(t, (k + 1) % NODES, &place, &answer);
		}
		pass(t, 20000);
	}
	assert_true(reload_sim_byzantine_sent(t->liars) > 10);
	assert_int_equal(answer.forged, 0);
	assert_true(none_stored(t));
	assert_true(
		counted(t, RELOAD_COUNT_DROP_MALFORMED) + counted(t, RELOAD_COUNT_DROP_SIGNATURE) >
		0);
	assert_true(t->events[RELOAD_EV_STORE_REFUSED] > 0);
	assert_true(reload_sim_byzantine_refused(t->liars) > 0);
	assert_true(bounded(t));
	lies_end(t);
}

/* R-6.6-01: a message that is too large ends the link; it is opened again when it is needed. */
static void oversized_messages_end_the_link(void **state)
{
	(void)state;
	struct net *t = lied_to(NODES, RELOAD_SIM_LIE_OVERSIZED, 300000);
	assert_true(reload_sim_byzantine_sent(t->liars) > 0);
	assert_true(counted(t, RELOAD_COUNT_DROP_LIMIT) >= reload_sim_byzantine_sent(t->liars));
	assert_true(t->events[RELOAD_EV_LINK_DOWN] >= reload_sim_byzantine_sent(t->liars));
	assert_true(bounded(t));
	lies_end(t);
}

/* A repeated request changes nothing, and an answer to no request is dropped. */
static void repeats_change_nothing(void **state)
{
	(void)state;
	struct net *t = lied_to(NODES, RELOAD_SIM_LIE_REPLAYED, 1000);
	put_all(t, "second");
	pass(t, 300000);
	assert_true(reload_sim_byzantine_sent(t->liars) > 50);
	assert_true(counted(t, RELOAD_COUNT_REQUESTS_DUPLICATE) > 0);
	assert_true(counted(t, RELOAD_COUNT_DROP_UNKNOWN_TRANSACTION) > 0);
	assert_true(ring_right(t));
	assert_true(bounded(t));
	lies_end(t);
}

/*
 * R-7.4.1.1-05, R-7.4.1.1-10, R-13.5-02: Stores that are not allowed are refused however many there are, and other requests are served
 * meanwhile.
 */
static void floods_are_endured(void **state)
{
	(void)state;
	struct net *t = lied_to(NODES, RELOAD_SIM_LIE_FLOODS, 60000);
	while (reload_sim_byzantine_sent(t->liars) < 1000)
		pass(t, 1000);
	struct answer answer = { 0 };
	for (int i = 0; i < 20; i++) {
		put(t, 1, "meanwhile", &answer);
		pass(t, 3000);
		put(t, 2, "meanwhile", &answer);
		pass(t, 3000);
	}
	pass(t, 20000);
	assert_true(answer.good >= 38);
	assert_true(t->events[RELOAD_EV_STORE_REFUSED] > 100);
	assert_true(none_stored(t));
	assert_true(ring_right(t));
	assert_true(bounded(t));
	lies_end(t);
}

/* A run with liars is as repeatable as one without. */
static void lies_are_repeatable(void **state)
{
	(void)state;
	uint64_t digests[2];
	for (size_t i = 0; i < 2; i++) {
		struct net *t = net_new(NODES, 3);
		reload_sim_byzantine_start(t->liars, 5, 255);
		pass(t, 60000);
		digests[i] = reload_sim_digest(t->sim);
		assert_true(reload_sim_byzantine_sent_of(t->liars, 255) > 0);
		net_free(t);
	}
	assert_true(digests[0] == digests[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dropping_harms_no_tables),
		cmocka_unit_test(misrouting_harms_no_tables),
		cmocka_unit_test(false_updates_enter_no_tables),
		cmocka_unit_test(old_answers_are_seen),
		cmocka_unit_test(answers_in_the_stead_of_others),
		cmocka_unit_test(damage_is_refused),
		cmocka_unit_test(oversized_messages_end_the_link),
		cmocka_unit_test(repeats_change_nothing),
		cmocka_unit_test(floods_are_endured),
		cmocka_unit_test(lies_are_repeatable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
