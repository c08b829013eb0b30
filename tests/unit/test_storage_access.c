#include "storage_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static int setup(void **state)
{
	struct fixture *x = RELOAD_NEW(fixture);
	fixture_new(x);
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	fixture_clear(*state);
	free(*state);
	return 0;
}

static bool allowed(struct fixture *x, uint32_t kind, const struct reload_id *resource,
	const struct reload_signer *by, const struct reload_stored_value *value)
{
	struct reload_access a = { .kind = reload_config_kind(&x->config, kind),
		.resource = resource,
		.value = value,
		.cert = by->cert,
		.node = &by->node,
		.resource_id = fixture_resource_id };
	return reload_access_allowed(&a);
}

static void user_match_wants_the_user_name(void **state)
{
	struct fixture *x = *state;
	/* R-7.3.1-01 */
	assert_true(allowed(x, K_SINGLE, &x->at_alice, &x->by_alice, NULL));
	assert_true(allowed(x, K_SINGLE, &x->at_alice, &x->by_multi_2, NULL));
	assert_false(allowed(x, K_SINGLE, &x->at_alice, &x->by_bob, NULL));
	assert_false(allowed(x, K_SINGLE, &x->at_bob, &x->by_alice, NULL));
	/* the name counts byte by byte (STO-23) */
	char other_case[] = "Alice@overlay.example.org";
	x->alice.user = other_case;
	assert_false(allowed(x, K_SINGLE, &x->at_alice, &x->by_alice, NULL));
	x->alice.user = NULL; /* an authority has no user name */
	assert_false(allowed(x, K_SINGLE, &x->at_alice, &x->by_alice, NULL));
	assert_false(allowed(
		x, K_SINGLE, &x->at_alice, &(struct reload_signer){ NULL, x->node_a }, NULL));
}

static void node_match_wants_the_node_that_signed(void **state)
{
	struct fixture *x = *state;
	struct reload_id at_a = resource_of_node(&x->node_a, 0),
			 at_m2 = resource_of_node(&x->node_m[1], 0);
	struct reload_id hash =
		id_of("ca148d05e875bcb8cce4fd2c2c720bfd"); /* scalars.json, resource_id_of_node */
	assert_true(reload_id_eq(&at_a, &hash));
	/* R-7.3.2-01 */
	assert_true(allowed(x, K_NODE, &at_a, &x->by_alice, NULL));
	assert_false(allowed(x, K_NODE, &at_a, &x->by_bob, NULL));
	assert_false(allowed(x, K_NODE, &x->at_alice, &x->by_alice, NULL));
	assert_true(allowed(x, K_NODE, &at_m2, &x->by_multi_2, NULL));
	assert_false(allowed(x, K_NODE, &at_m2, &x->by_multi_1,
		NULL)); /* the same certificate's other Node-ID */
	assert_false(allowed(
		x, K_NODE, &at_m2, &(struct reload_signer){ &x->alice, x->node_m[1] }, NULL));
}

static void user_node_match_wants_the_key_too(void **state)
{
	struct fixture *x = *state;
	struct reload_stored_value own = { .model = RELOAD_MODEL_DICTIONARY,
		.key = reload_id_span(&x->node_a) };
	struct reload_stored_value second = { .model = RELOAD_MODEL_DICTIONARY,
		.key = reload_id_span(&x->node_m[1]) };
	struct reload_stored_value text = { .model = RELOAD_MODEL_DICTIONARY,
		.key = span_str("101112131415161718191a1b1c1d1e1f") };
	/* R-7.3.3-01 */
	assert_true(allowed(x, K_USER_NODE, &x->at_alice, &x->by_alice, &own));
	assert_false(allowed(x, K_USER_NODE, &x->at_bob, &x->by_alice, &own));
	/* R-7.3.3-02 */
	assert_false(allowed(x, K_USER_NODE, &x->at_alice, &x->by_alice, &second));
	assert_true(allowed(x, K_USER_NODE, &x->at_alice, &x->by_multi_2, &second));
	assert_false(allowed(x, K_USER_NODE, &x->at_alice, &x->by_multi_1, &second));
	assert_false(allowed(x, K_USER_NODE, &x->at_alice, &x->by_alice,
		&text)); /* bytes, not digits (STO-15) */
	/* a Kind that combines it with another data model lets nobody in */
	x->kinds[6].model = RELOAD_MODEL_SINGLE;
	assert_false(allowed(x, K_USER_NODE, &x->at_alice, &x->by_alice, &own));
}

/* RFC 7904 s3.3: USER-NODE-MATCH, and the user name is an AOR of a domain that the overlay allows. */
static void registrations_are_under_an_aor(void **state)
{
	struct fixture *x = *state;
	char upper[] = "alice@OVERLAY.example.org", none[] = "alice";
	struct reload_kind kind = *reload_kind_registered(RELOAD_KIND_SIP_REGISTRATION, NULL);
	struct reload_stored_value own = { .model = RELOAD_MODEL_DICTIONARY,
		.key = reload_id_span(&x->node_a) };
	struct reload_access a = { .kind = &kind,
		.resource = &x->at_alice,
		.value = &own,
		.cert = &x->alice,
		.node = &x->node_a,
		.resource_id = fixture_resource_id };
	assert_true(reload_access_allowed(&a));
	/* R7904-8 */
	own.key = reload_id_span(&x->node_b);
	assert_false(reload_access_allowed(&a));
	own.key = reload_id_span(&x->node_a);
	/* R7904-7 */
	a.resource = &x->at_bob;
	assert_false(reload_access_allowed(&a));
	a.resource = &x->at_alice;
	x->alice.user = upper; /* the name as it is normalised */
	assert_true(reload_access_allowed(&a));
	struct reload_id as_written = resource_of(span_str(upper));
	a.resource = &as_written;
	assert_true(reload_access_allowed(&a));
	x->alice.user = none;
	struct reload_id of_none = resource_of(span_str(none));
	a.resource = &of_none;
	assert_false(reload_access_allowed(&a)); /* no AOR */
	x->alice.user = upper;
	a.resource = &x->at_alice;
	/* R7904-6, R7904-9 */
	kind.domains_restricted = true;
	assert_false(reload_access_allowed(&a));
	kind.domains = span_of("overlay\\.example\\.org", 23);
	assert_true(reload_access_allowed(&a));
	kind.domains = span_of("example\\.org", 13);
	assert_false(reload_access_allowed(&a));
	a.cert = NULL;
	assert_false(reload_access_allowed(&a));
}

static void node_multiple_tries_every_number(void **state)
{
	struct fixture *x = *state;
	static const struct {
		uint32_t kind;
		unsigned i;
		bool ok;
	} rows[] = {
		{ K_MULTIPLE, 0, false },
		{ K_MULTIPLE, 1, true },
		{ K_MULTIPLE, 2, true },
		{ K_MULTIPLE, 3, true },
		{ K_MULTIPLE, 4, false },
		{ RELOAD_KIND_TURN_SERVICE, 20, true },
		{ RELOAD_KIND_TURN_SERVICE, 21, false },
	};
	for (size_t n = 0; n < COUNT_OF(rows); n++) {
		struct reload_id at = resource_of_node(&x->node_a, rows[n].i);
		/* R-7.3.4-01, R-7.3.4-03 */
		assert_int_equal(allowed(x, rows[n].kind, &at, &x->by_alice, NULL), rows[n].ok);
		assert_false(allowed(x, rows[n].kind, &at, &x->by_bob, NULL));
	}
	/* R-7.3.4-03: the vectors of scalars.json, node_multiple */
	struct reload_id at_20 = id_of("b4aea61f238bac5ffb16b18b847e5d9c");
	assert_true(allowed(x, RELOAD_KIND_TURN_SERVICE, &at_20, &x->by_alice, NULL));
	uint8_t name[17] = { 0 }; /* the Node-ID and a zero: i begins at 1 (STO-11) */
	memcpy(name, x->node_a.at, 16);
	struct reload_id at_0 = resource_of(span_of(name, sizeof(name)));
	assert_false(allowed(x, K_MULTIPLE, &at_0, &x->by_alice, NULL));
	struct reload_id m2 = resource_of_node(&x->node_m[1], 2);
	assert_true(allowed(x, K_MULTIPLE, &m2, &x->by_multi_2, NULL));
	assert_false(allowed(x, K_MULTIPLE, &m2, &x->by_multi_1, NULL));
	assert_false(allowed(
		x, K_MULTIPLE, &m2, &(struct reload_signer){ &x->bob, x->node_m[1] }, NULL));
	x->kinds[8].max_node_multiple =
		UINT32_MAX; /* i is one byte: the search ends at 255 (STO-11) */
	assert_false(allowed(x, K_MULTIPLE, &x->at_alice, &x->by_alice, NULL));
}

static void only_one_policy_looks_at_values(void **state)
{
	(void)state;
	assert_true(reload_access_per_value(RELOAD_ACCESS_USER_NODE_MATCH));
	assert_false(reload_access_per_value(RELOAD_ACCESS_USER_MATCH));
	assert_false(reload_access_per_value(RELOAD_ACCESS_NODE_MATCH));
	assert_false(reload_access_per_value(RELOAD_ACCESS_NODE_MULTIPLE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(user_match_wants_the_user_name, setup, teardown),
		cmocka_unit_test_setup_teardown(
			node_match_wants_the_node_that_signed, setup, teardown),
		cmocka_unit_test_setup_teardown(user_node_match_wants_the_key_too, setup, teardown),
		cmocka_unit_test_setup_teardown(registrations_are_under_an_aor, setup, teardown),
		cmocka_unit_test_setup_teardown(node_multiple_tries_every_number, setup, teardown),
		cmocka_unit_test(only_one_policy_looks_at_values),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
