/* Values whose time is too far ahead, and held ones whose signer passes the trust check no longer (STO-26). */
#include "storage/lapsed.h"

#include "sim/ident.h"
#include "storage_fixture.h"
#include "wire/security.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define NOW (RELOAD_SIM_EPOCH + 1000)

static unsigned reads;

static enum reload_err counted_read(struct reload_cert *cert, struct reload_error_text *why)
{
	reads++;
	return reload_sim_ident.cert_read(cert, why);
}

static struct reload_ident_ops
	ops; /* those of the simulator, with certificates counted that are read */

struct thief {
	struct fixture *x;
	struct reload_cert *root, *cert;
	struct wr list; /* its certificate as it is kept with values */
};

/* One node signs for alice, whose document it is that does, or does not, let it. */
static int setup(void **state)
{
	struct thief *t = RELOAD_NEW(thief);
	t->x = RELOAD_NEW(fixture);
	fixture_new(t->x);
	t->x->now = NOW;
	t->root = reload_sim_cert("", RELOAD_SIM_OVERLAY, NULL);
	t->cert = reload_sim_cert_of(&(struct reload_sim_cert_form){ .user = "alice@overlay",
		.overlay = RELOAD_SIM_OVERLAY,
		.nodes = &t->x->node_a,
		.nodes_count = 1,
		.not_before = NOW - 1000,
		.not_after = NOW + 50000 });
	wr_init(&t->list);
	struct wire_ctx ctx = reload_config_wire_ctx(&t->x->config);
	struct reload_generic_certificate g = { .type = RELOAD_X509, .certificate = t->cert->der };
	reload_wire_write(&t->list, &reload_generic_certificate_wire, &ctx, &g);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct thief *t = *state;
	reload_trust_free(t->x->config.trust);
	fixture_clear(t->x);
	free(t->x);
	wr_clear(&t->list);
	reload_cert_free(t->cert);
	reload_cert_free(t->root);
	free(t);
	return 0;
}

/* From now on the document says so. */
static void trust(struct thief *t, const struct reload_id *bad)
{
	reload_trust_free(t->x->config.trust);
	ops = reload_sim_ident;
	ops.cert_read = counted_read;
	struct reload_trust_setup s = { .ops = &ops,
		.overlay = RELOAD_SIM_OVERLAY,
		.node_id_len = 16,
		.roots = &t->root->der,
		.roots_count = 1,
		.bad_nodes = bad,
		.bad_nodes_count = bad != NULL };
	assert_int_equal(reload_trust_new(&t->x->config.trust, &s, NULL), RELOAD_OK);
}

static void take(struct thief *t, uint32_t kind, uint32_t index, uint64_t time)
{
	struct fixture *x = t->x;
	req_new(x);
	req_kind(x, kind, 0);
	if (kind == K_SINGLE)
		req_single(x, "stolen", time);
	else
		req_array(x, index, "stolen", time);
	x->certificates[0] = wr_done(&t->list);
	assert_int_equal(req_store(x), RELOAD_OK);
}

static void nothing_is_taken_from_the_future(void **state)
{
	struct thief *t = *state;
	struct fixture *x = t->x;
	assert_int_equal(store_single(x, "a day ahead", NOW + RELOAD_TIME_AHEAD_MS), RELOAD_OK);
	for (int replica = 0; replica < 2; replica++) {
		req_new(x);
		req_kind(x, K_DICT, 1);
		req_dict(x, "good", "value", NOW);
		req_dict(x, "bad", "value", NOW + RELOAD_TIME_AHEAD_MS + 1);
		x->work.replica = replica;
		/* STO-26, R-6.3.3.1-02 */
		assert_int_equal(req_store(x), RELOAD_FORBIDDEN);
		assert_non_null(strstr(x->work.reason, "clock"));
		assert_int_equal(generation_of(x, K_DICT), 0);
	}
	/* the clock of this node was ahead itself, and is right again */
	x->now -= 2000;
	assert_int_equal(store_single(x, "now", x->now), RELOAD_OK);
	assert_int_equal(store_single(x, "then", x->now), RELOAD_DATA_TOO_OLD);
}

static void a_bad_node_holds_up_nobody(void **state)
{
	struct thief *t = *state;
	struct fixture *x = t->x;
	trust(t, NULL);
	take(t, K_SINGLE, 0, NOW + 5000);
	for (uint32_t i = 0; i < 5; i++)
		take(t, K_ARRAY, i, NOW + 5000);
	assert_int_equal(store_single(x, "honest", NOW), RELOAD_DATA_TOO_OLD);
	assert_int_equal(store_array(x, 7, "honest", NOW), RELOAD_DATA_TOO_LARGE);
	trust(t, &x->node_a);
	/* STO-26: neither blocks nor counts */
	assert_int_equal(store_single(x, "honest", NOW), RELOAD_OK);
	assert_int_equal(store_array(x, 7, "honest", NOW), RELOAD_OK);
	/* what the honest owner wrote then does */
	trust(t, NULL);
	assert_int_equal(store_array(x, 8, "honest", NOW), RELOAD_DATA_TOO_LARGE);
}

static void nor_does_a_certificate_that_ended(void **state)
{
	struct thief *t = *state;
	trust(t, NULL);
	take(t, K_SINGLE, 0, NOW + 90000);
	assert_int_equal(store_single(t->x, "honest", NOW), RELOAD_DATA_TOO_OLD);
	t->x->now = NOW + 60000;
	assert_int_equal(store_single(t->x, "honest", t->x->now), RELOAD_OK);
}

static void one_check_for_the_values_of_one_signer(void **state)
{
	struct thief *t = *state;
	struct reload_lapsed l = { .config = &t->x->config, .now = NOW };
	struct reload_stored_entry e = { .certificates = wr_done(&t->list) };
	trust(t, NULL);
	assert_false(reload_lapsed(&l, &e));
	trust(t, &t->x->node_a);
	assert_false(reload_lapsed(&l, &e)); /* not asked again */
	e.certificates = span_str("no certificates");
	assert_true(reload_lapsed(&l, &e));
	e.certificates = wr_done(&t->list);
	assert_true(reload_lapsed(&l, &e));
}

static void a_certificate_of_the_cache_is_judged_but_not_read(void **state)
{
	struct thief *t = *state;
	AUTO(reload_cache) cache = reload_cache_new(10, 10);
	struct reload_stored_entry e = { .certificates = wr_done(&t->list) };
	struct reload_lapsed l = { .config = &t->x->config, .now = NOW, .cache = cache };
	trust(t, NULL);
	reads = 0;
	assert_false(reload_lapsed(&l, &e));
	assert_int_equal(reads, 1);
	reload_cache_add(cache, t->cert, NULL);
	l.known = false;
	assert_false(reload_lapsed(&l, &e));
	assert_int_equal(reads, 1);
	trust(t, &t->x->node_a);
	l.known = false;
	reads = 0;
	assert_true(reload_lapsed(&l, &e)); /* STO-26 */
	assert_int_equal(reads, 0);
}

int main(void)
{
#define WITH_THIEF(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_THIEF(nothing_is_taken_from_the_future),
		WITH_THIEF(a_bad_node_holds_up_nobody),
		WITH_THIEF(nor_does_a_certificate_that_ended),
		WITH_THIEF(one_check_for_the_values_of_one_signer),
		WITH_THIEF(a_certificate_of_the_cache_is_judged_but_not_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
