/* A ring from which the peer that is responsible for a value is cut off: who answers for it, and who does not (RFC 6940 s10.4). */
#include "sim/world.h"

#include "replica/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

enum {
	PEERS = 16,
	LIFETIME_S = 3600,
	REQUEST_MS = 15000,
};

static const struct reload_sim_latency steady = { .name = "steady", .base_median_ms = 20 };

/* What a request ended with. */
struct ended {
	struct reload_sim *s;
	bool is;
	enum reload_err err;
	struct reload_id responder;
	reload_ms at;
	bool value;
};

struct net {
	struct reload_sim *s;
	struct reload_sim_node *ring[PEERS]; /* ascending by Node-ID */
	size_t owner;                        /* in ring, of the resource */
	struct reload_id resource;           /* of the first node's user name */
};

static int by_id(const void *a, const void *b)
{
	struct reload_sim_node *const *x = a, *const *y = b;
	return reload_id_cmp(&(*x)->id, &(*y)->id);
}

/* The peer that is n places behind the responsible one on the ring. */
static struct reload_sim_node *behind(const struct net *r, size_t n)
{
	return r->ring[(r->owner + n) % PEERS];
}

static void later(struct net *r, reload_ms ms)
{
	assert_true(reload_sim_run(r->s, reload_sim_now(r->s) + ms));
}

static void note(void *arg, const struct reload_result *result)
{
	struct ended *e = arg;
	e->is = true;
	e->err = result->err;
	e->responder = result->responder;
	e->at = reload_sim_now(e->s);
	for (size_t i = 0; i < result->values_count; i++)
		e->value = e->value ||
			   (!result->values[i].err && !result->values[i].synthetic &&
				   span_eq(result->values[i].data->value.value, span_str("here")));
}

static void fetch(struct net *r, struct reload_sim_node *n, uint32_t kind, struct ended *e)
{
	struct reload_destination to = reload_dest_resource(&r->resource);
	struct reload_request_target target = { .list = &to, .count = 1 };
	struct reload_array_range all = { 0, 0 };
	struct reload_specifier spec = { .kind = kind,
		.model = RELOAD_MODEL_SINGLE,
		.ranges = &all,
		.ranges_count = kind == RELOAD_SIM_ARRAY };
	enum reload_err err;
	if (kind == RELOAD_SIM_ARRAY)
		spec.model = RELOAD_MODEL_ARRAY;
	*e = (struct ended){ .s = r->s };
	assert_non_null(reload_peer_fetch(n->peer, &target, &r->resource, &spec, 1, note, e, &err));
}

static void store(struct net *r, struct ended *e)
{
	struct reload_sim_node *n = reload_sim_node(r->s, 0);
	struct reload_destination to = reload_dest_resource(&r->resource);
	struct reload_request_target target = { .list = &to, .count = 1 };
	struct reload_store_item item = { .kind = RELOAD_SIM_KIND,
		.value = { .model = RELOAD_MODEL_SINGLE,
			.exists = true,
			.value = span_str("here") },
		.lifetime_s = LIFETIME_S,
		.storage_time = RELOAD_SIM_EPOCH + reload_sim_now(r->s) };
	enum reload_err err;
	*e = (struct ended){ .s = r->s };
	assert_non_null(reload_peer_store(n->peer, &target, &r->resource, &item, 1, note, e, &err));
}

static void net_start(struct net *r)
{
	struct ended e;
	r->s = reload_sim_new(
		&(struct reload_sim_setup){ .seed = 5, .nodes = PEERS, .latency = &steady }, NULL);
	for (size_t i = 0; i < PEERS; i++) {
		r->ring[i] = reload_sim_node(r->s, i);
		reload_sim_start(r->s, i, !i, RELOAD_ROLE_PEER, NULL, 0);
		later(r, 2000);
	}
	later(r, 60000);
	for (size_t i = 0; i < PEERS; i++)
		assert_int_equal(r->ring[i]->state, RELOAD_STATE_JOINED);
	reload_peer_resource_id(
		r->ring[0]->peer, &r->resource, span_str(r->ring[0]->credentials.cert->user));
	qsort(r->ring, PEERS, sizeof(r->ring[0]), by_id);
	while (r->owner < PEERS && reload_id_cmp(&r->ring[r->owner]->id, &r->resource) < 0)
		r->owner++;
	r->owner %= PEERS;
	store(r, &e);
	later(r, 5000); /* until it has its replicas */
	assert_true(e.is);
	assert_int_equal(e.err, RELOAD_OK);
	assert_true(reload_id_eq(&e.responder, &behind(r, 0)->id));
}

static uint64_t stood_in(const struct net *r)
{
	uint64_t count = 0;
	for (size_t i = 0; i < PEERS; i++)
		count += reload_peer_counter(r->ring[i]->peer, RELOAD_COUNT_STOOD_IN);
	return count;
}

static void a_replica_answers_for_one_that_is_cut_off(void **state)
{
	struct net r = { 0 };
	struct ended far, near, absent, stored, again;
	(void)state;
	net_start(&r);
	fetch(&r, behind(&r, 8), RELOAD_SIM_KIND, &far);
	later(&r, 1000);
	assert_true(far.value);
	assert_true(reload_id_eq(&far.responder, &behind(&r, 0)->id));
	reload_ms cut = reload_sim_now(r.s);
	reload_sim_side(r.s, behind(&r, 0)->index, 1);
	fetch(&r, behind(&r, 8), RELOAD_SIM_KIND, &far);
	fetch(&r, behind(&r, PEERS - 1), RELOAD_SIM_KIND, &near);
	fetch(&r, behind(&r, 8), RELOAD_SIM_ARRAY, &absent);
	store(&r, &stored);
	later(&r, REQUEST_MS + 1000);
	/* R-10.4-03: the first replica, long before the link to the responsible peer is given up */
	assert_int_equal(far.err, RELOAD_OK);
	assert_true(far.value);
	assert_true(reload_id_eq(&far.responder, &behind(&r, 1)->id));
	assert_in_range(far.at, cut, cut + 10000);
	/* R-6.3.4-19: who has the responsible peer for a neighbour believes nobody farther away */
	assert_int_equal(near.err, RELOAD_TIMEOUT);
	/* STO-04: a replica does not say that there is nothing */
	assert_int_equal(absent.err, RELOAD_TIMEOUT);
	assert_int_equal(absent.responder.len, 0);
	/* R-7.4.1.1-04: nor does it take a Store for it */
	assert_int_equal(stored.err, RELOAD_TIMEOUT);
	assert_int_equal(stored.responder.len, 0);
	uint64_t count = stood_in(&r);
	assert_true(count > 0);
	assert_int_equal(count, reload_peer_counter(behind(&r, 1)->peer, RELOAD_COUNT_STOOD_IN));
	/* the next one has not to wait: its first copy is answered */
	fetch(&r, behind(&r, 8), RELOAD_SIM_KIND, &again);
	later(&r, 1000);
	assert_true(again.value);
	/* back before anybody has given it up */
	reload_sim_side(r.s, behind(&r, 0)->index, 0);
	later(&r, 10000);
	fetch(&r, behind(&r, 8), RELOAD_SIM_KIND, &again);
	later(&r, 1000);
	assert_true(again.value);
	assert_true(reload_id_eq(&again.responder, &behind(&r, 0)->id));
	reload_sim_free(r.s);
}

/* The first replica is cut off, too: the second one answers. */
static void so_does_the_second_replica(void **state)
{
	struct net r = { 0 };
	struct ended far;
	(void)state;
	net_start(&r);
	reload_sim_side(r.s, behind(&r, 0)->index, 1);
	reload_sim_side(r.s, behind(&r, 1)->index, 1);
	fetch(&r, behind(&r, 8), RELOAD_SIM_KIND, &far);
	later(&r, REQUEST_MS);
	assert_true(far.value);
	assert_true(reload_id_eq(&far.responder, &behind(&r, 2)->id)); /* R-10.4-03 */
	reload_sim_free(r.s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_replica_answers_for_one_that_is_cut_off),
		cmocka_unit_test(so_does_the_second_replica),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
