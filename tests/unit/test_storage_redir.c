/* NODE-ID-MATCH (RFC 7374 s5) at a storing peer: in Stores, in replicas, and in removals. */
#include "storage_fixture.h"

#include "wire/redir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

/* The fixture, whose overlay has the Kind REDIR alone. */
struct tree {
	struct fixture x;
	struct reload_kind kind;
	struct wr value;
};

static int setup(void **state)
{
	struct tree *t = RELOAD_NEW(tree);
	fixture_new(&t->x);
	t->kind = *reload_kind_registered(RELOAD_KIND_REDIR, NULL);
	t->kind.max_count = 4;
	t->kind.max_size = 256;
	t->x.config.kinds.at = &t->kind;
	t->x.config.kinds.count = 1;
	t->x.config.node_id_len = 16;
	wr_init(&t->value);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct tree *t = *state;
	wr_clear(&t->value);
	fixture_clear(&t->x);
	free(t);
	return 0;
}

static struct reload_id resource_at(const char *service, struct reload_redir_place place)
{
	struct wr w;
	wr_init(&w);
	reload_redir_name(&w, span_str(service), place);
	struct reload_id id = resource_of(wr_done(&w));
	wr_clear(&w);
	return id;
}

/* A Store at the tree node `at` of a record that names the tree node `named`, under the key of node, signed by `by`. */
static struct reload_stored_data *prepare_for(struct tree *t, const char *service,
	const struct reload_id *node, const struct reload_signer *by, struct reload_redir_place at,
	struct reload_redir_place named)
{
	struct fixture *x = &t->x;
	wr_clear(&t->value);
	reload_redir_provider_write(&t->value, node, span_str(service), named);
	req_new(x);
	x->work.resource = resource_at(service, at);
	x->work.request_signer = *by;
	req_kind(x, RELOAD_KIND_REDIR, 0);
	struct reload_stored_data *d = req_value(x, RELOAD_MODEL_DICTIONARY, 0, NULL, NULL, x->now);
	d->value.key = reload_id_span(node);
	d->value.exists = true;
	d->value.value = wr_done(&t->value);
	x->signers[0] = *by;
	return d;
}

static struct reload_stored_data *prepare(struct tree *t, const struct reload_id *node,
	const struct reload_signer *by, struct reload_redir_place at,
	struct reload_redir_place named)
{
	return prepare_for(t, "turn-server", node, by, at, named);
}

static size_t held(struct tree *t)
{
	size_t bytes;
	t->x.storage->ops->count(t->x.storage, t->x.now, NULL, &bytes);
	return bytes;
}

static struct reload_redir_place place_of(struct tree *t, unsigned level)
{
	return reload_redir_place(&t->x.node_a, t->kind.branching_factor, level);
}

static void a_provider_stores_its_own_record(void **state)
{
	struct tree *t = *state;
	for (unsigned level = 0; level <= 4; level++) {
		prepare(t, &t->x.node_a, &t->x.by_alice, place_of(t, level), place_of(t, level));
		assert_int_equal(req_store(&t->x), RELOAD_OK);
	}
}

/* E07 */
static void another_key_is_forbidden(void **state)
{
	struct tree *t = *state;
	struct fixture *x = &t->x;
	struct reload_redir_place root = { 0, 0 };
	/* R7374-22: the key is another node's */
	prepare(t, &x->node_b, &x->by_alice, root, root);
	assert_int_equal(req_store(x), RELOAD_FORBIDDEN);
	prepare(t, &x->node_a, &x->by_bob, root, root);
	assert_int_equal(req_store(x), RELOAD_FORBIDDEN);
	/* R7374-22: a certificate of two nodes signs for the one that it names */
	prepare(t, &x->node_m[1], &x->by_multi_1, root, root);
	assert_int_equal(req_store(x), RELOAD_FORBIDDEN);
	prepare(t, &x->node_m[1], &x->by_multi_2, root, root);
	assert_int_equal(req_store(x), RELOAD_OK);
	/* both the value and the request are signed by the provider (RFC 6940 s7.3) */
	prepare(t, &x->node_a, &x->by_alice, root, root);
	x->work.request_signer = x->by_bob;
	assert_int_equal(req_store(x), RELOAD_FORBIDDEN);
	/* a key that is part of the Node-ID, and none */
	struct reload_stored_data *d = prepare(t, &x->node_a, &x->by_alice, root, root);
	d->value.key.len = 15;
	assert_int_equal(req_store(x), RELOAD_FORBIDDEN);
	d = prepare(t, &x->node_a, &x->by_alice, root, root);
	d->value.key.len = 0;
	assert_int_equal(req_store(x), RELOAD_FORBIDDEN);
}

/* E07: forged records are refused, and nothing of them is stored */
static void another_place_is_forbidden(void **state)
{
	struct tree *t = *state;
	struct fixture *x = &t->x;
	struct reload_redir_place own = place_of(t, 2), other = { own.level, own.node + 1 };
	/* R7374-23: the tree node does not contain the Node-ID */
	prepare(t, &x->node_a, &x->by_alice, other, other);
	assert_int_equal(req_store(x), RELOAD_FORBIDDEN);
	/* R7374-24: the record is that of another tree node, of another level */
	prepare(t, &x->node_a, &x->by_alice, place_of(t, 1), own);
	assert_int_equal(req_store(x), RELOAD_FORBIDDEN);
	/* R7374-24: of another service */
	prepare(t, &x->node_a, &x->by_alice, own, own);
	x->work.resource = resource_at("voice-mail", own);
	assert_int_equal(req_store(x), RELOAD_FORBIDDEN);
	/* deeper than the tree is: b = 10 has levels 0 to 4 */
	prepare(t, &x->node_a, &x->by_alice, (struct reload_redir_place){ 5, 0 },
		(struct reload_redir_place){ 5, 0 });
	assert_int_equal(req_store(x), RELOAD_FORBIDDEN);
	/* R7374-3: with another branching factor the places are others */
	prepare(t, &x->node_a, &x->by_alice, own, own);
	t->kind.branching_factor = 2;
	assert_int_equal(req_store(x), RELOAD_FORBIDDEN);
	assert_int_equal(held(t), 0);
}

/* E07 */
static void malformed_records_are_refused(void **state)
{
	struct tree *t = *state;
	struct fixture *x = &t->x;
	struct reload_redir_place root = { 0, 0 };
	struct reload_stored_data *d = prepare(t, &x->node_a, &x->by_alice, root, root);
	d->value.value.len--;
	assert_int_equal(req_store(x), RELOAD_INVALID_MESSAGE);
	d = prepare(t, &x->node_a, &x->by_alice, root, root);
	d->value.value.len = 0;
	assert_int_equal(req_store(x), RELOAD_INVALID_MESSAGE);
	d = prepare(t, &x->node_a, &x->by_alice, root, root);
	d->value.exists = false;
	assert_int_equal(req_store(x), RELOAD_INVALID_MESSAGE); /* a removal with a value */
	/* R7374-5 */
	d = prepare(t, &x->node_a, &x->by_alice, root, root);
	t->value.at[0] = 77;
	assert_int_equal(req_store(x), RELOAD_OK);
}

/* A removal may be anywhere, also where nothing was stored before; its signer is checked. */
static void removals_need_only_the_key(void **state)
{
	struct tree *t = *state;
	struct fixture *x = &t->x;
	struct reload_redir_place other = { 2, 99 };
	struct reload_stored_data *d = prepare(t, &x->node_a, &x->by_alice, other, other);
	d->value.exists = false;
	d->value.value = span_of(NULL, 0);
	assert_int_equal(req_store(x), RELOAD_OK);
	d = prepare(t, &x->node_a, &x->by_bob, other, other);
	d->value.exists = false;
	d->value.value = span_of(NULL, 0);
	assert_int_equal(req_store(x), RELOAD_FORBIDDEN); /* R7374-22 */
	/* a value behind a removal in one request is checked all the same */
	d = prepare(t, &x->node_a, &x->by_alice, other, other);
	d->value.exists = false;
	d->value.value = span_of(NULL, 0);
	d->storage_time = x->now + 1;
	d = req_value(x, RELOAD_MODEL_DICTIONARY, 0, NULL, NULL, x->now + 2);
	d->value.key = reload_id_span(&x->node_b);
	d->value.exists = true;
	d->value.value = wr_done(&t->value);
	assert_int_equal(req_store(x), RELOAD_FORBIDDEN); /* R7374-22 */
}

static void replicas_are_checked_by_the_signer_of_the_value(void **state)
{
	struct tree *t = *state;
	struct fixture *x = &t->x;
	struct reload_redir_place own = place_of(t, 2), other = { own.level, own.node + 1 };
	struct reload_redir_place rows[] = { own, other };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		prepare(t, &x->node_a, &x->by_alice, rows[i], rows[i]);
		x->work.replica = true;
		x->req_kinds[0].generation_counter = 7;
		x->work.request_signer = x->by_bob;
		/* R7374-23 */
		assert_int_equal(req_store(x), i ? RELOAD_FORBIDDEN : RELOAD_OK);
	}
	prepare(t, &x->node_a, &x->by_bob, own, own);
	x->work.replica = true;
	x->req_kinds[0].generation_counter = 8;
	assert_int_equal(req_store(x), RELOAD_FORBIDDEN); /* R7374-22 */
}

/* E08: a node that registers in 10,000 namespaces fills a storing peer up to its quota; what others have there stays, and is renewed and removed */
static void a_node_with_very_many_services(void **state)
{
	enum {
		SERVICES = 10000
	};
	struct tree *t = *state;
	struct fixture *x = &t->x;
	struct reload_redir_place root = { 0, 0 };
	unsigned stored = 0;
	char service[32];
	prepare(t, &x->node_b, &x->by_bob, root, root);
	assert_int_equal(req_store(x), RELOAD_OK);
	for (unsigned i = 0; i < SERVICES; i++) {
		snprintf(service, sizeof(service), "example.squatter.%u", i);
		prepare_for(t, service, &x->node_a, &x->by_alice, root, root);
		enum reload_err err = req_store(x);
		assert_true(err == RELOAD_OK || err == RELOAD_DATA_TOO_LARGE);
		stored += !err;
	}
	assert_in_range(stored, 100, SERVICES / 2);
	assert_true(held(t) <= 1 << 20); /* the quota of the fixture */
	x->now++;
	prepare(t, &x->node_b, &x->by_bob, root, root);
	assert_int_equal(req_store(x), RELOAD_OK);
	x->now++;
	struct reload_stored_data *d = prepare(t, &x->node_b, &x->by_bob, root, root);
	d->value.exists = false;
	d->value.value = span_of(NULL, 0);
	assert_int_equal(req_store(x), RELOAD_OK);
}

static void only_dictionaries(void **state)
{
	struct tree *t = *state;
	struct fixture *x = &t->x;
	struct reload_redir_place root = { 0, 0 };
	/* R7374-25: a Kind that combines it with another data model lets nobody in */
	prepare(t, &x->node_a, &x->by_alice, root, root)->value.model = RELOAD_MODEL_SINGLE;
	t->kind.model = RELOAD_MODEL_SINGLE;
	assert_int_equal(req_store(x), RELOAD_FORBIDDEN);
	assert_true(reload_access_per_value(RELOAD_ACCESS_NODE_ID_MATCH));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_provider_stores_its_own_record, setup, teardown),
		cmocka_unit_test_setup_teardown(another_key_is_forbidden, setup, teardown),
		cmocka_unit_test_setup_teardown(another_place_is_forbidden, setup, teardown),
		cmocka_unit_test_setup_teardown(malformed_records_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(removals_need_only_the_key, setup, teardown),
		cmocka_unit_test_setup_teardown(
			replicas_are_checked_by_the_signer_of_the_value, setup, teardown),
		cmocka_unit_test_setup_teardown(a_node_with_very_many_services, setup, teardown),
		cmocka_unit_test_setup_teardown(only_dictionaries, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
