/* Signatures, stored data and the methods of the store. */
#include "wire_hex.h"

#define KEY_A "101112131415161718191a1b1c1d1e1f"
#define NONE  "00 00 03 0000 0000"

static void security_block(void **state)
{
	(void)state;
	AUTO(reload_msg) m = vector_msg("ping-req-signed");
	const struct reload_security_block *s = &m->security;
	/* R-6.3.4-05 */
	assert_int_equal(s->certificates_count, 1);
	assert_int_equal(s->certificates[0].type, RELOAD_X509);
	assert_int_equal(s->certificates[0].certificate.len, 791);
	/* R-6.3.4-07, R-6.3.4-09: hash first, then signature algorithm, identity, value */
	assert_int_equal(s->signature.hash_alg, RELOAD_HASH_SHA256);
	assert_int_equal(s->signature.sig_alg, RELOAD_SIG_RSA);
	assert_memory_equal(s->signature.identity_bytes.at - 2, "\4\1", 2);
	assert_int_equal(s->signature.identity.type, RELOAD_CERT_HASH);
	assert_int_equal(s->signature.identity.hash.len, 32);
	assert_int_equal(s->signature.identity_bytes.len, 3 + 34);
	assert_int_equal(s->signature.value.len, 256);

	AUTO(reload_msg) many = vector_msg("ping-req-multi-id");
	assert_int_equal(many->security.signature.identity.type, RELOAD_CERT_HASH_NODE_ID);
}

static void unknown_identities_are_kept(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	struct reload_signer_identity id;
	wire_both(&reload_signer_identity_wire, ctx, "09 0003 010203", &id);
	assert_int_equal(id.raw.len, 3);
	wire_both(&reload_signer_identity_wire, ctx, "03 0000", &id);
	assert_int_equal(
		wire_get(&reload_signer_identity_wire, ctx, "03 0001 00", &id), RELOAD_TRAILING);
	assert_int_equal(
		wire_get(&reload_signer_identity_wire, ctx, "01 0003 04 02 aa", &id), RELOAD_SHORT);
}

static void certificates_are_bounded(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	for (size_t n = RELOAD_LIMIT_CERTIFICATES; n <= RELOAD_LIMIT_CERTIFICATES + 1; n++) {
		struct reload_security_block s;
		struct wr w;
		wr_init(&w);
		size_t mark = wr_open(&w, 2);
		for (size_t i = 0; i < n; i++)
			wr_int(&w, 0, 3);
		wr_close(&w, mark, 2);
		wr_span(&w, wire_hex(ctx->arena, NONE));
		assert_int_equal(
			reload_wire_decode(wr_done(&w), &reload_security_block_wire, ctx, &s),
			n > RELOAD_LIMIT_CERTIFICATES ? RELOAD_LIMIT : RELOAD_OK);
		wr_clear(&w);
	}
}

static void what_a_signature_leaves_out(void **state)
{
	(void)state;
	AUTO(reload_msg) m = vector_msg("ping-req-signed");
	struct wire_ctx ctx = vector_ctx(NULL);
	struct wr sent, got;
	wr_init(&sent);
	wr_init(&got);
	/* R-6.3.4-13: what forwarders change is not in the input */
	struct reload_header h = m->header;
	h.ttl = 3;
	h.configuration_sequence = 1;
	h.max_response_length = 9;
	h.via_list = span_of("\x80\x01", 2);
	h.options = span_of("\x01\0\0\0", 4);
	reload_msg_write(&sent, &ctx, &h, m->contents, &m->security);
	AUTO(reload_msg) n = NULL;
	assert_int_equal(reload_msg_decode(&n, wr_done(&sent), &ctx), RELOAD_OK);
	assert_int_equal(n->header.ttl, 3);
	reload_msg_signature_input(&got, n->header.overlay, n->header.transaction_id, n->contents,
		n->security.signature.identity_bytes);
	struct vector v;
	vector_load(&v, "ping-req-signed-tbs");
	assert_true(span_eq(wr_done(&got), vector_span(&v)));
	vector_clear(&v);
	wr_clear(&sent);
	wr_clear(&got);
}

static void stored_data(void **state)
{
	(void)state;
	AUTO(reload_msg) m = vector_msg("store-req-dict");
	const struct reload_store_kind *k = &m->body.store_req.kind_data[0];
	const struct reload_stored_data *d = &k->values[0];
	/* R-7-01 */
	assert_int_equal(d->raw.len, 346);
	assert_int_equal(d->storage_time, 1704067200000);
	assert_int_equal(d->lifetime, 86400);
	span_is(d->value.value, "hello, overlay");
	assert_true(d->signature.value.at + d->signature.value.len == d->raw.at + d->raw.len);
	/* R-7.2-04: key in front of the DataValue */
	assert_int_equal(d->value.model, RELOAD_MODEL_DICTIONARY);
	assert_int_equal(d->value.key.len, 16);
	assert_true(d->value.exists);
	assert_int_equal(d->value.raw.len, 2 + 16 + 1 + 4 + 14);
	assert_true(d->value.raw.at == d->value.key.at - 2);
	assert_int_equal(m->body.store_req.replica_number, 0);

	/* a removal */
	AUTO(reload_msg) removal = vector_msg("store-req-remove");
	const struct reload_stored_value *gone =
		&removal->body.store_req.kind_data[0].values[0].value;
	assert_false(gone->exists);
	assert_int_equal(gone->value.len, 0);
	assert_int_equal(removal->body.store_req.kind_data[0].generation_counter, 1);
}

static void three_data_models(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	struct reload_store_req req;
	/* R-7.2-01: single value */
	wire_both(&reload_store_req_wire, ctx,
		"0101 00 0000002c f0000003 0000000000000000 0000001c 00000018"
		"0000000000000001 00000002 00 00000000" NONE,
		&req);
	assert_int_equal(req.kind_data[0].values[0].value.model, RELOAD_MODEL_SINGLE);
	/* R-7.2-02: array, index in front */
	AUTO(reload_msg) m = vector_msg("store-req-cert-append");
	const struct reload_stored_value *v = &m->body.store_req.kind_data[0].values[0].value;
	assert_int_equal(v->model, RELOAD_MODEL_ARRAY);
	assert_int_equal(v->index, RELOAD_ARRAY_END);
	assert_int_equal(v->value.len, 791);
	/* a stray byte between value and signature is not read over */
	assert_int_equal(wire_get(&reload_store_req_wire, ctx,
				 "0101 00 0000002d f0000003 0000000000000000 0000001d 00000019"
				 "0000000000000001 00000002 00 00000000 00" NONE,
				 &req),
		RELOAD_SHORT);
}

static void what_a_value_is_signed_over(void **state)
{
	(void)state;
	struct reload_stored_data d = { .storage_time = 0x0102030405060708u,
		.lifetime = 99,
		.value = { .model = RELOAD_MODEL_ARRAY,
			.index = 7,
			.exists = true,
			.value = span_str("v") } };
	struct wr w;
	wr_init(&w);
	reload_stored_signature_input(&w, span_str("RR"), 0xf00000aa, &d, span_str("II"));
	/* R-7.1-01 R-7.1-02: resource, Kind, storage_time, value (an array's with index 0) and identity; not the lifetime */
	static const uint8_t want[] = { 2, 'R', 'R', 0xf0, 0, 0, 0xaa, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0,
		0, 0, 1, 0, 0, 0, 1, 'v', 'I', 'I' };
	assert_int_equal(w.err, RELOAD_OK);
	assert_true(span_eq(wr_done(&w), span_of(want, sizeof(want))));
	wr_clear(&w);
}

static void unknown_kinds_stay_opaque(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	struct reload_store_req req;
	struct reload_fetch_req fetch;
	struct reload_stat_ans stat;
	/* R-7.2-05: three Kinds, the second unknown, and all bytes come back */
	wire_both(&reload_store_req_wire, ctx,
		"0101 00 0000007d"
		"f0000003 0000000000000000 0000001c 00000018 0000000000000001 00000002 00 "
		"00000000" NONE
		"f00000aa 0000000000000000 00000015 00000011 0000000000000001 00000002 0102030405"
		"f0000003 0000000000000000 0000001c 00000018 0000000000000001 00000002 00 "
		"00000000" NONE,
		&req);
	assert_int_equal(req.kind_data_count, 3);
	const struct reload_stored_data *d = &req.kind_data[1].values[0];
	assert_int_equal(d->value.model, RELOAD_MODEL_UNKNOWN);
	span_is(d->value.raw, "\1\2\3\4\5");
	assert_int_equal(d->raw.len, 17);
	assert_int_equal(d->storage_time, 1);
	assert_int_equal(req.kind_data[2].values[0].value.model, RELOAD_MODEL_SINGLE);
	struct wr w;
	wr_init(&w);
	reload_stored_signature_input(&w, req.resource, 0xf00000aa, d, d->signature.identity_bytes);
	assert_int_equal(w.err, RELOAD_UNKNOWN_KIND);
	wr_clear(&w);

	wire_both(&reload_fetch_req_wire, ctx, "0101 0012 f00000aa 0000000000000000 0004 abcdef01",
		&fetch);
	assert_int_equal(fetch.specifiers[0].raw.len, 4);
	wire_both(&reload_stat_ans_wire, ctx,
		"00000022 f00000aa 0000000000000000 00000012 0000000e 0000000000000001 00000002 "
		"abcd",
		&stat);
	assert_int_equal(stat.kind_responses[0].values[0].raw.len, 2);

	ctx->model = NULL; /* nobody knows any Kind */
	assert_int_equal(wire_get(&reload_fetch_req_wire, ctx,
				 "0101 000e f0000003 0000000000000000 0000", &fetch),
		RELOAD_OK);
	assert_int_equal(fetch.specifiers[0].model, RELOAD_MODEL_UNKNOWN);
}

static void fetch_specifiers(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	AUTO(reload_msg) m = vector_msg("fetch-req");
	const struct reload_fetch_req *f = &m->body.fetch_req;
	/* R-7.4.2.1-01 */
	assert_int_equal(f->resource.len, 16);
	assert_int_equal(f->specifiers_count, 3);
	assert_int_equal(f->specifiers[0].kind, 0xf0000001);
	assert_int_equal(f->specifiers[0].keys_count, 2);
	/* R-7.4.2.1-05 */
	assert_int_equal(f->specifiers[1].ranges_count, 2);
	assert_int_equal(f->specifiers[1].ranges[1].last, RELOAD_ARRAY_END);
	/* R-7.4.2.1-03 */
	assert_int_equal(f->specifiers[2].model, RELOAD_MODEL_SINGLE);
	assert_int_equal(f->specifiers[2].ranges_count + f->specifiers[2].keys_count, 0);
	struct reload_fetch_req bad;
	assert_int_equal(wire_get(&reload_fetch_req_wire, ctx,
				 "0101 000f f0000003 0000000000000000 0001 00", &bad),
		RELOAD_TRAILING);
	/* R-7.4.3-01: an empty key list */
	AUTO(reload_msg) stat = vector_msg("stat-req");
	assert_int_equal(stat->body.fetch_req.specifiers[0].model, RELOAD_MODEL_DICTIONARY);
	assert_int_equal(stat->body.fetch_req.specifiers[0].keys_count, 0);
}

static void fetch_answers(void **state)
{
	(void)state;
	AUTO(reload_msg) m = vector_msg("fetch-ans");
	const struct reload_fetch_kind_response *r = m->body.fetch_ans.kind_responses;
	assert_int_equal(m->body.fetch_ans.kind_responses_count, 3);
	/* the second value of the first Kind is synthetic (interop STO-06) */
	const struct reload_stored_data *none = &r[0].values[1];
	assert_false(none->value.exists);
	assert_int_equal(none->signature.hash_alg | none->signature.sig_alg, 0);
	assert_int_equal(none->signature.identity.type, RELOAD_IDENTITY_NONE);
	assert_int_equal(none->signature.value.len, 0);
	assert_int_equal(none->storage_time + none->lifetime, 0);
	/* an unchanged Kind has no values */
	assert_int_equal(r[1].values_count, 0);
}

static void stat_answers(void **state)
{
	(void)state;
	AUTO(reload_msg) m = vector_msg("stat-ans");
	const struct reload_stored_metadata *d = &m->body.stat_ans.kind_responses[0].values[0];
	assert_int_equal(d->model, RELOAD_MODEL_DICTIONARY);
	assert_int_equal(d->lifetime, 86400);
	assert_int_equal(d->key.len, 16);
	assert_true(d->metadata.exists);
	assert_int_equal(d->metadata.value_length, 14);
	assert_int_equal(d->metadata.hash_algorithm, RELOAD_HASH_SHA256);
	assert_int_equal(d->metadata.hash_value.len, 32);
}

static void store_and_find_answers(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	AUTO(reload_msg) m = vector_msg("store-ans");
	const struct reload_store_kind_response *r = m->body.store_ans.kind_responses;
	/* the counter and the peers with replicas */
	assert_int_equal(r[0].generation_counter, 1);
	assert_int_equal(r[0].replicas_count, 2);
	assert_int_equal(r[0].replicas[0].at[0], 0x70);

	AUTO(reload_msg) low = vector_msg("error-generation-too-low");
	struct reload_store_ans inside;
	/* R-6.3.3.1-03: a StoreAns inside */
	assert_int_equal(low->body.error.error_code, 5);
	assert_int_equal(reload_wire_decode(
				 low->body.error.error_info, &reload_store_ans_wire, ctx, &inside),
		RELOAD_OK);
	assert_int_equal(inside.kind_responses[0].generation_counter, 9);
	assert_int_equal(inside.kind_responses[0].replicas_count, 0);

	AUTO(reload_msg) unknown = vector_msg("error-unknown-kind");
	struct rd info = rd_of(unknown->body.error.error_info);
	struct rd kinds = rd_open(&info, 1);
	/* R-6.3.3.1-03: Kind-IDs with a length byte */
	assert_int_equal(rd_left(&kinds), 8);
	assert_int_equal(rd_u32(&kinds), 0xf00000fe);

	AUTO(reload_msg) found = vector_msg("find-ans");
	const struct reload_find_ans *f = &found->body.find_ans;
	/* one FindKindData per Kind, zero for the unknown one */
	assert_int_equal(f->results_count, 2);
	static const uint8_t zero[16];
	assert_true(span_eq(f->results[1].closest, span_of(zero, sizeof(zero))));
	struct reload_find_ans empty; /* interop STO-09: "zero" without bytes is read as well */
	wire_both(&reload_find_ans_wire, ctx, "0005 00000002 00", &empty);
	assert_int_equal(empty.results[0].closest.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		wire_test(security_block),
		wire_test(unknown_identities_are_kept),
		wire_test(certificates_are_bounded),
		wire_test(what_a_signature_leaves_out),
		wire_test(stored_data),
		wire_test(three_data_models),
		cmocka_unit_test(what_a_value_is_signed_over),
		wire_test(unknown_kinds_stay_opaque),
		wire_test(fetch_specifiers),
		wire_test(fetch_answers),
		wire_test(stat_answers),
		wire_test(store_and_find_answers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
