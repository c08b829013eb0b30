/* What is kept of the certificates of a message: of each value those by which it was verified, whatever else came along. */
#include "engine_expect.h"

enum {
	BYSTANDERS = 24
};

/* A ring whose documents know a table of the test: `deep` is issued by `middle` only, which the root-cert has issued. */
struct crowd {
	struct ring *ring;
	struct node *deep;
	struct reload_cert *middle, *others[1 + BYSTANDERS];
};

static struct reload_ident_ops table;
static struct span deep_der, middle_der;

static enum reload_err table_signed_by(
	const struct reload_cert *cert, const struct reload_cert *issuer)
{
	if (span_eq(cert->der, deep_der) && !span_eq(issuer->der, middle_der))
		return RELOAD_BAD_SIGNATURE;
	return reload_sim_ident.cert_signed_by(cert, issuer);
}

static struct reload_cert *authority(const char *name, reload_utc from)
{
	return reload_sim_cert_of(&(struct reload_sim_cert_form){
		.flags = 1, .user = name, .overlay = RELOAD_SIM_OVERLAY, .not_before = from });
}

static int crowd_setup(void **state)
{
	struct crowd *c = RELOAD_NEW(crowd);
	struct reload_config *config;
	struct net *plain = net_new();
	struct net_document d = net_document(plain);
	table = reload_sim_ident;
	table.cert_signed_by = table_signed_by;
	assert_int_equal(reload_config_parse(&config, document_write(plain, &d), RELOAD_SIM_OVERLAY,
				 &table, RELOAD_SIM_EPOCH, NULL),
		RELOAD_OK);
	net_free(plain);
	c->ring = ring_new_in(net_new_of(config), NULL);
	reload_config_free(config);
	c->deep = node_storing(c->ring->net, c->ring->u, K_NODE);
	c->middle = c->others[0] = authority("middle", 0);
	for (size_t i = 0; i < BYSTANDERS; i++)
		c->others[1 + i] = authority("bystander", RELOAD_SIM_EPOCH - 1000 - i);
	deep_der = c->deep->credentials.cert->der;
	middle_der = c->middle->der;
	*state = c;
	return 0;
}

static int crowd_teardown(void **state)
{
	struct crowd *c = *state;
	for (size_t i = 0; i < COUNT_OF(c->others); i++)
		reload_cert_free(c->others[i]);
	ring_teardown((void **)&c->ring);
	free(c);
	deep_der = middle_der = (struct span){ NULL, 0 };
	return 0;
}

/* What u keeps with the value of deep is deep's certificate and middle's. */
static void kept_are_two(struct crowd *c, const struct crafted_store *store, const char *words)
{
	struct reload_storage *s = c->ring->u->storage;
	struct wire_ctx ctx = net_ctx(c->ring->net);
	const struct reload_stored_entry *e = s->ops->find(s, &store->resource, store->kind.kind,
		&store->data.value, RELOAD_SIM_EPOCH + c->ring->net->now);
	assert_non_null(e);
	text_is(e->data.value.value, words);
	struct rd r = rd_of(e->certificates);
	struct span want[] = { deep_der, middle_der };
	for (size_t i = 0; i < COUNT_OF(want); i++) {
		struct reload_generic_certificate g;
		reload_wire_read(&r, &reload_generic_certificate_wire, &ctx, &g);
		assert_int_equal(r.err, RELOAD_OK);
		assert_true(span_eq(g.certificate, want[i]));
	}
	assert_false(rd_more(&r));
}

static void a_store_with_a_crowd(void **state)
{
	struct crowd *c = *state;
	struct ring *r = c->ring;
	struct crafted_store *store = store_of(c->deep, K_NODE, "one", 0);
	struct craft m = craft_store(c->deep, r->u, store);
	/* known from a link is the certificate only: without the one above it no chain can be kept */
	expect_error(c->deep, tell(&m, r->u), 2);
	m = craft_store(c->deep, r->u, store);
	m.others = c->others;
	m.others_count = COUNT_OF(c->others);
	expect_answer(c->deep, tell(&m, r->u), RELOAD_STORE_ANS);
	kept_are_two(c, store, "one");
	/* verified before, and nothing but the signer's comes along */
	net_pass(r->net, 1000);
	store = store_of(c->deep, K_NODE, "two", 0);
	m = craft_store(c->deep, r->u, store);
	expect_answer(c->deep, tell(&m, r->u), RELOAD_STORE_ANS);
	kept_are_two(c, store, "two");
}

/* A newer version that is fetched from a replica brings a crowd, too. */
static void a_fetch_with_a_crowd(void **state)
{
	struct crowd *c = *state;
	struct ring *r = c->ring;
	struct crafted_store *store = store_of(c->deep, K_NODE, "one", 0), *newer;
	struct craft m = craft_store(c->deep, r->u, store);
	m.others = c->others;
	m.others_count = 1;
	expect_answer(c->deep, tell(&m, r->u), RELOAD_STORE_ANS);
	m = craft_error(r->b, heard_code(r->b, RELOAD_STORE_REQ), 9);
	tell(&m, r->u);
	newer = store_of(c->deep, K_NODE, "newer", 0);
	newer->data.storage_time += 1000;
	store_sign(newer, c->deep);
	struct reload_fetch_kind_response k = {
		.kind = K_NODE, .generation = 1, .values = &newer->data, .values_count = 1
	};
	struct reload_fetch_ans ans = { .kind_responses = &k, .kind_responses_count = 1 };
	m = reply(r->b, heard_code(r->b, RELOAD_FETCH_REQ), RELOAD_FETCH_ANS, &ans);
	m.others = c->others;
	m.others_count = COUNT_OF(c->others);
	tell(&m, r->u);
	kept_are_two(c, newer, "newer");
}

/* A message of small values with all certificates that it may bring costs what the values cost. */
static void many_values_with_a_crowd(void **state)
{
	enum {
		VALUES = 100,
		OF_VALUE = 800,
		OF_CHAIN = 2000
	};
	struct crowd *c = *state;
	struct ring *r = c->ring;
	struct node *n = node_storing(r->net, r->u, K_MANY);
	struct reload_stored_data values[VALUES];
	char keys[VALUES][8];
	size_t before, after;
	struct crafted_store *store = store_of(n, K_MANY, "v", 0);
	deep_der = n->credentials.cert->der;
	for (size_t i = 0; i < VALUES; i++) {
		snprintf(keys[i], sizeof(keys[i]), "%zu", i);
		store->data.value.model = RELOAD_MODEL_DICTIONARY;
		store->data.value.key = span_str(keys[i]);
		store_sign(store, n);
		values[i] = store->data;
	}
	store->kind.values = values;
	store->kind.values_count = VALUES;
	r->u->storage->ops->count(r->u->storage, 0, NULL, &before);
	struct craft m = craft_store(n, r->u, store);
	m.others = c->others;
	m.others_count = COUNT_OF(c->others);
	expect_answer(n, tell(&m, r->u), RELOAD_STORE_ANS);
	r->u->storage->ops->count(r->u->storage, 0, NULL, &after);
	assert_in_range(after - before, VALUES * 100, VALUES * OF_VALUE + OF_CHAIN);
	store->data = values[VALUES - 1];
	kept_are_two(c, store, "v");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_store_with_a_crowd, crowd_setup, crowd_teardown),
		cmocka_unit_test_setup_teardown(a_fetch_with_a_crowd, crowd_setup, crowd_teardown),
		cmocka_unit_test_setup_teardown(
			many_values_with_a_crowd, crowd_setup, crowd_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
