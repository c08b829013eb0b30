/* Proofs of stored values: what was signed holds, and nothing that was changed does. */
#include "config_fixture.h"
#include "ident/job.h"
#include "storage/proof.h"
#include "topology/topology.h"

#define KIND                                                                                       \
	"<kind id=\"4026531841\"><data-model>SINGLE</data-model>"                                  \
	"<access-control>USER-MATCH</access-control><max-count>1</max-count>"                      \
	"<max-size>100</max-size></kind>"
#define USER "one@" OVERLAY

enum {
	KIND_ID = 0xf0000001,
	LIFETIME = 3600
};

struct made {
	struct reload_config *config;
	struct reload_id resource;
	struct reload_stored_data data;
	struct reload_arena arena;
	struct wr file;
	bool twice; /* the value stands there twice */
};

static void resource_of(struct reload_id *out, const struct reload_config *config, const char *name)
{
	reload_topology_find(config->topology_plugin)->resource_id(out, span_str(name));
}

/* Signs text for KIND_ID at the resource, as a node does. */
static void sign(struct made *m, const struct party *signer, const char *text)
{
	struct reload_stored_data *d = &m->data;
	struct wr identity;
	wr_init(&identity);
	reload_cert_identity_write(&identity, signer->cert, &signer->node);
	struct span bytes = reload_arena_copy(&m->arena, wr_done(&identity));
	wr_clear(&identity);
	*d = (struct reload_stored_data){ .storage_time = NOW,
		.lifetime = LIFETIME,
		.value = {
			.model = RELOAD_MODEL_SINGLE, .exists = true, .value = span_str(text) } };
	struct rd r = rd_of(bytes);
	struct wire_ctx ctx = { .node_id_len = 16 };
	reload_wire_read(&r, &reload_signer_identity_wire, &ctx, &d->signature.identity);
	assert_int_equal(r.err, RELOAD_OK);
	AUTO(reload_job) job = reload_job_sign(signer->key);
	reload_stored_signature_input(&job->input, reload_id_span(&m->resource), KIND_ID, d, bytes);
	reload_job_run(job);
	assert_int_equal(job->err, RELOAD_OK);
	d->signature.hash_alg = job->hash_alg;
	d->signature.sig_alg = job->sig_alg;
	d->signature.value = reload_arena_copy(&m->arena, wr_done(&job->signature));
	d->signature.identity_bytes = bytes;
}

static void write_file(struct made *m, const char *name, const struct party *cert, reload_utc when)
{
	struct wire_ctx ctx = reload_config_wire_ctx(m->config);
	struct reload_generic_certificate c = { RELOAD_X509, cert->cert->der };
	struct reload_stored_data values[] = { m->data, m->data };
	struct reload_proof p = { .head.overlay = span_str(OVERLAY),
		.resource = reload_id_span(&m->resource),
		.name = span_str(name),
		.kind = KIND_ID,
		.fetched = when,
		.values = values,
		.values_count = m->twice ? 2 : 1,
		.certificates = &c,
		.certificates_count = 1 };
	wr_clear(&m->file);
	reload_proof_write(&m->file, &ctx, &p);
	assert_int_equal(m->file.err, RELOAD_OK);
}

static void begin(struct made *m)
{
	*m = (struct made){ 0 };
	wr_init(&m->file);
	char *block = kind_block(KIND, &one);
	m->config = parsed(document_of(ATTRIBUTES, SIGNERS, block, &one));
	free(block);
	resource_of(&m->resource, m->config, USER);
}

static void end(struct made *m)
{
	reload_config_free(m->config);
	reload_arena_clear(&m->arena);
	wr_clear(&m->file);
}

/* The whole way of a program: overlay, reading, checking; bytes are copied to a block of their size. */
static enum reload_err judge(struct made *m, struct span bytes, reload_utc now)
{
	uint8_t *copy = reload_memdup(bytes.at, bytes.len);
	struct reload_arena arena = { 0 };
	struct reload_error_text why = { 0 };
	struct reload_proof p;
	struct span overlay;
	enum reload_err err = reload_proof_overlay(&overlay, span_of(copy, bytes.len), &why);
	if (!err)
		err = reload_proof_read(&p, span_of(copy, bytes.len), m->config, &arena, &why);
	if (!err) {
		struct reload_proof_verdict *v =
			reload_alloc_array(p.values_count, sizeof(struct reload_proof_verdict));
		err = reload_proof_check(&p, m->config, now, v, &why);
		for (size_t i = 0; i < p.values_count; i++)
			reload_proof_verdict_clear(&v[i]);
		free(v);
	}
	assert_int_equal(err != RELOAD_OK, why.reason[0] != 0);
	reload_arena_clear(&arena);
	free(copy);
	return err;
}

static enum reload_err verdict(struct made *m)
{
	return judge(m, wr_done(&m->file), NOW + 1000);
}

static void test_holds(void **state)
{
	(void)state;
	struct made m;
	begin(&m);
	sign(&m, &one, "at noon");
	write_file(&m, USER, &one, NOW);
	assert_int_equal(verdict(&m), RELOAD_OK);
	write_file(&m, "", &one, NOW); /* only the hash of the name is known */
	assert_int_equal(verdict(&m), RELOAD_OK);
	end(&m);
}

/* R-7.4.2.2-04, R-7.4.2.2-05: signature, chain, validity and access control are those of a fetch */
static void test_wrong_signers(void **state)
{
	(void)state;
	struct made m;
	begin(&m);
	sign(&m, &two, "at noon");
	write_file(&m, USER, &two, NOW);
	assert_int_equal(verdict(&m), RELOAD_FORBIDDEN); /* USER-MATCH: it is not two's name */
	sign(&m, &three, "at noon");
	write_file(&m, USER, &three, NOW);
	assert_int_equal(verdict(&m), RELOAD_CERT_UNTRUSTED);
	sign(&m, &one, "at noon");
	write_file(&m, USER, &two, NOW);
	assert_int_equal(verdict(&m), RELOAD_NO_SIGNER);
	m.data.value.value = span_str("at nine");
	write_file(&m, USER, &one, NOW);
	assert_int_equal(verdict(&m), RELOAD_BAD_SIGNATURE);
	m.data = (struct reload_stored_data){ .storage_time = 0,
		.value = { .model = RELOAD_MODEL_SINGLE },
		.signature.identity.type = RELOAD_IDENTITY_NONE };
	write_file(&m, USER, &one, NOW);
	assert_int_equal(verdict(&m), RELOAD_NO_SIGNER); /* what nobody signed proves nothing */
	end(&m);
}

static void test_wrong_circumstances(void **state)
{
	(void)state;
	struct made m;
	begin(&m);
	sign(&m, &one, "at noon");
	write_file(&m, "two@" OVERLAY, &one, NOW);
	assert_int_equal(
		verdict(&m), RELOAD_BAD_VALUE); /* the name does not make the Resource-ID */
	write_file(&m, USER, &one, one.cert->not_after + 1000);
	assert_int_equal(
		judge(&m, wr_done(&m.file), one.cert->not_after + 2000), RELOAD_CERT_EXPIRED);
	write_file(&m, USER, &one, NOW + 3600000);
	assert_int_equal(verdict(&m), RELOAD_BAD_VALUE); /* fetched in the future */
	resource_of(&m.resource, m.config, "two@" OVERLAY);
	write_file(&m, "", &one, NOW);
	assert_int_equal(verdict(&m), RELOAD_BAD_SIGNATURE); /* moved to another resource */
	end(&m);
}

/* Of a single value there is one, as in an answer (R-7.4.2.2-03). */
static void test_one_place_twice(void **state)
{
	(void)state;
	struct made m;
	begin(&m);
	sign(&m, &one, "at noon");
	m.twice = true;
	write_file(&m, USER, &one, NOW);
	assert_int_equal(verdict(&m), RELOAD_BAD_VALUE);
	end(&m);
}

static void test_every_prefix_fails(void **state)
{
	(void)state;
	struct made m;
	begin(&m);
	sign(&m, &one, "at noon");
	write_file(&m, USER, &one, NOW);
	for (size_t n = 0; n < m.file.len; n++)
		assert_int_equal(judge(&m, span_of(m.file.at, n), NOW), RELOAD_BAD_VALUE);
	wr_u8(&m.file, 0);
	assert_int_equal(judge(&m, wr_done(&m.file), NOW), RELOAD_BAD_VALUE);
	end(&m);
}

static void reseal(uint8_t *file, size_t len)
{
	uint8_t digest[RELOAD_HASH_SIZE_MAX];
	struct span body = span_of(file, len - RELOAD_PROOF_CHECKSUM);
	reload_hash(digest, RELOAD_HASH_SHA256, &body, 1);
	memcpy(file + body.len, digest, RELOAD_PROOF_CHECKSUM);
}

/* Neither damage nor a new checksum over changed bytes gets through; only what nobody signs may differ. */
static void test_every_bit_counts(void **state)
{
	(void)state;
	struct made m;
	begin(&m);
	sign(&m, &one, "at noon");
	write_file(&m, USER, &one, NOW);
	size_t body = m.file.len - RELOAD_PROOF_CHECKSUM,
	       fetched = 8 + 1 + 1 + strlen(OVERLAY) + 1 + 16 + 2 + strlen(USER) + 4,
	       lifetime = fetched + 8 + 4 + 4 + 8, passed = 0;
	uint8_t *bytes = reload_alloc(m.file.len);
	for (size_t bit = 0; bit < 8 * m.file.len; bit++) {
		size_t at = bit / 8;
		memcpy(bytes, m.file.at, m.file.len);
		bytes[at] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(judge(&m, span_of(bytes, m.file.len), NOW), RELOAD_BAD_VALUE);
		if (at >= body || bit % 8 != at % 8)
			continue; /* one bit of each byte with a new checksum: signatures take their time */
		reseal(bytes, m.file.len);
		if (judge(&m, span_of(bytes, m.file.len), NOW))
			continue;
		passed++;
		if ((at < fetched || at >= fetched + 8) && (at < lifetime || at >= lifetime + 4))
			fail_msg("byte %zu may be changed", at);
	}
	assert_true(passed >= 4); /* of the lifetime: this test looks where it should */
	free(bytes);
	end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_holds),
		cmocka_unit_test(test_wrong_signers),
		cmocka_unit_test(test_wrong_circumstances),
		cmocka_unit_test(test_one_place_twice),
		cmocka_unit_test(test_every_prefix_fails),
		cmocka_unit_test(test_every_bit_counts),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
