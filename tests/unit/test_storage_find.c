#include "storage_test.h"

static void store_at(
	struct fixture *x, const char *resource, uint32_t kind, enum reload_data_model model)
{
	struct reload_stored_entry e = { .data = { .storage_time = 1, .lifetime = 100 },
		.received = x->now };
	e.data.value = (struct reload_stored_value){ .model = (uint8_t)model, .exists = true };
	struct reload_store_change change = { kind, 1, &e, 1 };
	struct reload_store_batch batch = { id_of(resource), &change, 1, x->now };
	assert_int_equal(x->storage->ops->commit(x->storage, &batch, NULL, NULL), RELOAD_OK);
}

static struct reload_find_work find_at(
	struct fixture *x, const char *resource, struct reload_find_req *req)
{
	return (struct reload_find_work){ .config = &x->config,
		.storage = x->storage,
		.req = req,
		.resource = id_of(resource),
		.responsible = true,
		.whole_ring = true,
		.now = x->now,
		.arena = &x->arena };
}

static const char zero[] = "00000000000000000000000000000000";
static const char r1[] = "10000000000000000000000000000000",
		  r5[] = "50000000000000000000000000000000",
		  r9[] = "90000000000000000000000000000000";

static bool closest_is(const struct reload_find_work *w, size_t i, const char *hex)
{
	struct reload_id id = id_of(hex);
	return span_eq(w->answer.results[i].closest, reload_id_span(&id));
}

static void find_tells_the_closest(void **state)
{
	struct fixture *x = *state;
	uint32_t kinds[] = { K_SINGLE, K_UNKNOWN, K_ARRAY, K_DICT };
	struct reload_find_req req = { .kinds = kinds, .kinds_count = 4 };
	struct reload_find_work w = find_at(x, r5, &req);
	assert_int_equal(reload_find_answer(&w), RELOAD_OK);
	/* R-7.4.4-06 */
	assert_true(closest_is(&w, 0, zero));
	store_at(x, r1, K_SINGLE, RELOAD_MODEL_SINGLE);
	store_at(x, r5, K_ARRAY, RELOAD_MODEL_ARRAY);
	store_at(x, r9, K_SINGLE, RELOAD_MODEL_SINGLE);
	store_at(x, r9, K_UNKNOWN, RELOAD_MODEL_SINGLE); /* of a Kind that was forgotten */
	w = find_at(x, r5, &req);
	assert_int_equal(reload_find_answer(&w), RELOAD_OK);
	/* R-7.4.4-03 */
	assert_int_equal(w.answer.results_count, 4);
	assert_int_equal(w.answer.results[0].kind, K_SINGLE);
	assert_true(closest_is(&w, 0, r9));
	assert_true(closest_is(&w, 2, r5)); /* at the very place */
	assert_true(closest_is(&w, 3, zero));
	/* R-7.4.4-05 */
	assert_int_equal(w.answer.results[1].kind, K_UNKNOWN);
	assert_true(closest_is(&w, 1, zero));
	/* around the ring, and not beyond what this peer is responsible for (STO-09) */
	w = find_at(x, "90000000000000000000000000000001", &req);
	assert_int_equal(reload_find_answer(&w), RELOAD_OK);
	assert_true(closest_is(&w, 0, r1));
	w.whole_ring = false;
	w.range_to = id_of("0fffffffffffffffffffffffffffffff");
	assert_int_equal(reload_find_answer(&w), RELOAD_OK);
	assert_true(closest_is(&w, 0, zero));
	w.range_to = id_of(r1);
	assert_int_equal(reload_find_answer(&w), RELOAD_OK);
	assert_true(closest_is(&w, 0, r1));
	/* what has expired is not there */
	x->now += 100000;
	w = find_at(x, r5, &req);
	assert_int_equal(reload_find_answer(&w), RELOAD_OK);
	assert_true(closest_is(&w, 0, zero));
}

static void find_is_refused(void **state)
{
	struct fixture *x = *state;
	uint32_t kinds[] = { K_SINGLE, K_ARRAY, K_SINGLE };
	struct reload_find_req req = { .kinds = kinds, .kinds_count = 3 };
	struct reload_find_work w = find_at(x, r5, &req);
	/* R-7.4.4-01 */
	assert_int_equal(reload_find_answer(&w), RELOAD_INVALID_MESSAGE);
	req.kinds_count = 2;
	w.responsible = false;
	/* R-7.4.4-02 */
	assert_int_equal(reload_find_answer(&w), RELOAD_NOT_FOUND);
}

static void find_walks_the_ring(void **state)
{
	struct fixture *x = *state;
	uint32_t kind = K_SINGLE;
	struct reload_find_req req = { .kinds = &kind, .kinds_count = 1 };
	char at[33];
	for (unsigned i = 0; i < 50; i++) {
		snprintf(at, sizeof(at), "%02x0000000000000000000000000000ff", i * 5);
		store_at(x, at, K_SINGLE, RELOAD_MODEL_SINGLE);
	}
	struct reload_find_work w = find_at(x, "00000000000000000000000000000100", &req);
	struct reload_id found[51] = { { .len = 0 } };
	for (unsigned i = 0; i < 51; i++) {
		assert_int_equal(reload_find_answer(&w), RELOAD_OK);
		assert_int_equal(reload_id_from(&found[i], w.answer.results[0].closest), RELOAD_OK);
		w.resource = reload_id_add_power(&found[i], 0);
	}
	/* R-7.4.4-07: each once, then the first again */
	for (unsigned i = 1; i < 49; i++)
		assert_true(reload_id_cmp(&found[i - 1], &found[i]) < 0);
	assert_int_equal(found[49].at[0], 0);
	assert_true(reload_id_eq(&found[0], &found[50]));
}

/* --- the vectors ------------------------------------------------------------------------------------------------- */

/* Decodes the StoreReq of a vector and stores it as node A's. */

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(find_tells_the_closest),
		TEST(find_is_refused),
		TEST(find_walks_the_ring),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
