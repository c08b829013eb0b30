/* A peer whose storage cannot be written: out of the ring while it cannot, back when it can, and never admitted before. */
#include "engine_expect.h"

static bool failing(struct reload_storage *s)
{
	(void)s;
	return true;
}

static enum reload_err refuses(struct reload_storage *s, const struct reload_store_batch *batch,
	reload_committed_fn done, void *arg)
{
	(void)s;
	(void)batch;
	if (done)
		done(arg, RELOAD_IO);
	return RELOAD_OK;
}

static struct reload_storage_ops broken;
static const struct reload_storage_ops *whole;

/* From now on the disk of n is full; says: its storage tells that. */
static void breaks(struct node *n, bool says)
{
	whole = n->storage->ops;
	broken = *whole;
	broken.commit = refuses;
	broken.failing = says ? failing : NULL;
	n->storage->ops = &broken;
}

static void mends(struct node *n)
{
	n->storage->ops = whole;
}

static struct reload_status status_of(struct node *n)
{
	struct reload_status s;
	reload_peer_status(n->peer, &s);
	return s;
}

/* What asker finds at the place of n. */
static const char *shown(struct node *asker, struct node *n)
{
	struct outcome *o = outcome_new(n->net);
	struct reload_id at = place_of(n);
	struct reload_destination to = reload_dest_resource(&at);
	struct reload_request_target target = { .list = &to, .count = 1 };
	struct reload_specifier s = { .kind = K_VALUE, .model = RELOAD_MODEL_SINGLE };
	enum reload_err err;
	assert_non_null(reload_peer_fetch(asker->peer, &target, &at, &s, 1, outcome_fn, o, &err));
	net_pass(n->net, 100);
	assert_int_equal(o->calls, 1);
	assert_int_equal(o->err, RELOAD_OK);
	return o->value;
}

struct three {
	struct net *net;
	struct node *at[3];
};

static int setup(void **state)
{
	struct three *t = RELOAD_NEW(three);
	static const uint8_t first[] = { 0x10, 0x60, 0xb0 };
	t->net = net_new();
	for (size_t i = 0; i < COUNT_OF(t->at); i++)
		t->at[i] = node_new(t->net, first[i]);
	node_first(t->at[0]);
	node_join(t->at[1], t->at[0], RELOAD_ROLE_PEER);
	net_pass(t->net, RING_PAUSE_MS);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct three *t = *state;
	net_free(t->net);
	free(t);
	return 0;
}

static void member(struct node *n, enum reload_role role)
{
	struct reload_status s = status_of(n);
	assert_int_equal(s.state, RELOAD_STATE_JOINED);
	assert_int_equal(s.role, role);
}

/* All three are in the ring then; returns the one that is responsible for the place of the first. */
static struct node *owner_of_three(struct three *t)
{
	node_join(t->at[2], t->at[0], RELOAD_ROLE_PEER);
	net_pass(t->net, RING_PAUSE_MS);
	struct node *owner = NULL;
	struct reload_id place = place_of(t->at[0]);
	for (size_t i = 0; i < COUNT_OF(t->at); i++) {
		struct reload_status s = status_of(t->at[i]);
		if (reload_id_between(&s.range_from, &place, &s.range_to))
			owner = t->at[i];
	}
	assert_non_null(owner);
	return owner;
}

static void the_owner_steps_aside_and_comes_back(void **state)
{
	struct three *t = *state;
	struct node *full = owner_of_three(t);
	struct reload_id place = place_of(t->at[0]);
	struct outcome *o = store_words(t->at[0], "old");
	net_pass(t->net, 100);
	assert_int_equal(o->err, RELOAD_OK);
	breaks(full, true);
	o = store_words(t->at[0], "new");
	net_pass(t->net, 20000);
	/* the Store that met the full disk was not refused: another peer has it */
	assert_int_equal(o->calls, 1);
	assert_int_equal(o->err, RELOAD_OK);
	member(full, RELOAD_ROLE_CLIENT);
	for (size_t i = 0; i < COUNT_OF(t->at); i++)
		assert_string_equal(shown(t->at[i], t->at[0]), "new");
	/* what it held is older: nobody is shown it, who asks for it there neither */
	struct node *other = full == t->at[1] ? t->at[2] : t->at[1];
	struct reload_destination direct = reload_dest_node(&full->id);
	struct reload_request_target target = { .list = &direct, .count = 1 };
	struct reload_specifier sp = { .kind = K_VALUE, .model = RELOAD_MODEL_SINGLE };
	enum reload_err err;
	o = outcome_new(t->net);
	assert_non_null(
		reload_peer_fetch(other->peer, &target, &place, &sp, 1, outcome_fn, o, &err));
	net_pass(t->net, 1000);
	assert_int_equal(o->err, RELOAD_NOT_FOUND);
	mends(full);
	net_pass(t->net, 15000);
	member(full, RELOAD_ROLE_PEER);
	for (size_t i = 0; i < COUNT_OF(t->at); i++)
		assert_string_equal(shown(t->at[i], t->at[0]), "new");
}

static void who_joins_with_a_full_disk_is_a_client(void **state)
{
	struct three *t = *state;
	struct node *full = t->at[2];
	node_start(full, RELOAD_ROLE_PEER);
	breaks(full, true);
	node_join(full, t->at[0], RELOAD_ROLE_PEER);
	net_pass(t->net, 30000);
	member(full, RELOAD_ROLE_CLIENT);
	mends(full);
	net_pass(t->net, 10000);
	member(full, RELOAD_ROLE_PEER);
}

static void who_refuses_the_hand_over_is_not_admitted(void **state)
{
	struct three *t = *state;
	struct node *full = t->at[2];
	node_start(full, RELOAD_ROLE_PEER);
	breaks(full, false); /* a peer that does not step aside by itself */
	node_join(full, t->at[0], RELOAD_ROLE_PEER);
	net_pass(t->net, 120000);
	assert_int_not_equal(status_of(full).state, RELOAD_STATE_JOINED);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(status_of(t->at[i]).tables.successors_count, 1);
	mends(full);
	net_pass(t->net, 120000);
	member(full, RELOAD_ROLE_PEER);
}

static void a_lone_peer_stays(void **state)
{
	struct three *t = *state;
	struct node *lone = t->at[0];
	reload_peer_leave(t->at[1]->peer, false);
	net_pass(t->net, 10000);
	struct outcome *o = store_words(lone, "old");
	net_pass(t->net, 1000);
	assert_int_equal(o->err, RELOAD_OK);
	breaks(lone, true);
	o = store_words(lone, "new");
	net_pass(t->net, 20000);
	assert_int_equal(o->err, RELOAD_REQUEST_TIMEOUT);
	member(lone, RELOAD_ROLE_PEER);
	assert_string_equal(shown(lone, lone), "old");
	mends(lone);
	o = store_words(lone, "new");
	net_pass(t->net, 1000);
	assert_int_equal(o->err, RELOAD_OK);
}

enum {
	STEP_MS = 10,
	STEPS = 1000
};

static void while_in(struct node *n, enum reload_state state)
{
	for (unsigned i = 0; i < STEPS && n->state == state; i++)
		net_pass(n->net, STEP_MS);
	assert_int_not_equal(n->state, state);
}

/* From the first Leave on nobody gets a link. */
static bool no_link_after_a_leave(struct net *net, struct packet *p)
{
	if (msg_of(net, span_of(p->at, p->len))->code == RELOAD_LEAVE_REQ)
		net->hold_dials = true;
	return true;
}

/* A Fetch that n is asked for while it has no link is made as soon as it has one, not when it would be repeated. */
static void what_is_asked_between_two_roles_waits(void **state)
{
	struct three *t = *state;
	struct node *full = owner_of_three(t);
	struct outcome *o = store_words(t->at[0], "words");
	net_pass(t->net, 100);
	assert_int_equal(o->err, RELOAD_OK);
	t->net->tap = no_link_after_a_leave;
	breaks(full, true);
	reload_peer_storage(full->peer);
	while_in(full, RELOAD_STATE_JOINED); /* it looks for a way back first */
	while_in(full, RELOAD_STATE_LEAVING);
	t->net->tap = NULL;
	struct reload_status s = status_of(full);
	assert_int_equal(s.links, 0);
	assert_int_equal(s.state, RELOAD_STATE_BOOTSTRAPPING);
	struct reload_id at = place_of(t->at[0]);
	struct reload_destination to = reload_dest_resource(&at);
	struct reload_request_target target = { .list = &to, .count = 1 };
	struct reload_specifier sp = { .kind = K_VALUE, .model = RELOAD_MODEL_SINGLE };
	enum reload_err err;
	o = outcome_new(t->net);
	assert_non_null(reload_peer_fetch(full->peer, &target, &at, &sp, 1, outcome_fn, o, &err));
	net_pass(t->net, 100);
	assert_int_equal(o->calls, 0);
	t->net->hold_dials = false;
	net_pass(t->net, 500);
	assert_int_equal(o->calls, 1);
	assert_int_equal(o->err, RELOAD_OK);
	assert_string_equal(o->value, "words");
	member(full, RELOAD_ROLE_CLIENT);
	/* who leaves for good makes no request more */
	reload_peer_leave(full->peer, false);
	assert_null(reload_peer_fetch(full->peer, &target, &at, &sp, 1, outcome_fn, o, &err));
	assert_int_equal(err, RELOAD_NOT_JOINED);
}

struct lost_replicas {
	struct node *from, *to;
	unsigned count;
};

static bool second_replicas_lost(struct net *net, struct packet *p)
{
	struct lost_replicas *l = net->tap_arg;
	if (p->from != l->from || p->to != l->to)
		return true;
	struct reload_msg *m = msg_of(net, span_of(p->at, p->len));
	bool lost = m->code == RELOAD_STORE_REQ && m->body.store_req.replica_number == 2;
	l->count += lost;
	return !lost;
}

/* Who leaves hands its range over, and waits for nothing else that it tries to send. */
static void what_a_replica_lacks_keeps_nobody(void **state)
{
	struct three *t = *state;
	struct node *full = owner_of_three(t), *second = NULL;
	struct reload_status s = status_of(full);
	for (size_t i = 0; i < COUNT_OF(t->at); i++)
		if (reload_id_eq(&t->at[i]->id, &s.tables.successors[1]))
			second = t->at[i];
	struct outcome *o = store_words(t->at[0], "words");
	net_pass(t->net, 100);
	assert_int_equal(o->err, RELOAD_OK);
	reload_peer_leave(second->peer, false);
	net_pass(t->net, 40000);
	struct lost_replicas lost = { .from = full, .to = second };
	t->net->tap = second_replicas_lost;
	t->net->tap_arg = &lost;
	node_join(second, full, RELOAD_ROLE_PEER);
	net_pass(t->net, 1000);
	assert_true(lost.count > 0);
	breaks(full, true);
	reload_ms began = t->net->now;
	reload_peer_storage(full->peer);
	assert_int_equal(full->state, RELOAD_STATE_LEAVING);
	while_in(full, RELOAD_STATE_LEAVING);
	assert_true(t->net->now - began < 1000);
	t->net->tap = NULL;
}

/* The first node is the overlay again, should nobody be left when it can write again. */
static void the_first_node_is_first_again(void **state)
{
	struct three *t = *state;
	struct node *first = t->at[0];
	breaks(first, true);
	reload_peer_storage(first->peer);
	net_pass(t->net, 10000);
	member(first, RELOAD_ROLE_CLIENT);
	node_stop(t->at[1]);
	net_pass(t->net, 60000);
	mends(first);
	net_pass(t->net, 60000);
	member(first, RELOAD_ROLE_PEER);
}

int main(void)
{
#define WITH_THREE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_THREE(the_owner_steps_aside_and_comes_back),
		WITH_THREE(who_joins_with_a_full_disk_is_a_client),
		WITH_THREE(who_refuses_the_hand_over_is_not_admitted),
		WITH_THREE(a_lone_peer_stays),
		WITH_THREE(what_is_asked_between_two_roles_waits),
		WITH_THREE(what_a_replica_lacks_keeps_nobody),
		WITH_THREE(the_first_node_is_first_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
