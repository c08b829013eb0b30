#include "ident_util.h"

#include "ident/cache.h"

/* Cryptography of this test: a "certificate" is one byte, its number; odd ones have two Node-IDs. */
static enum reload_err toy_read(struct reload_cert *cert, struct reload_error_text *why)
{
	(void)why;
	uint8_t number = cert->der.at[0];
	cert->node_ids_count = 1 + number % 2;
	cert->node_ids = reload_alloc_array(cert->node_ids_count, sizeof(struct reload_id));
	for (size_t i = 0; i < cert->node_ids_count; i++)
		cert->node_ids[i] = (struct reload_id){ .len = 16, .at = { number, (uint8_t)i } };
	cert->not_after = NOW + number;
	return RELOAD_OK;
}

static unsigned cleared;

static void toy_clear(struct reload_cert *cert)
{
	(void)cert;
	cleared++;
}

static const struct reload_ident_ops toy = { .cert_read = toy_read, .cert_clear = toy_clear };

static struct reload_cert *toy_cert(uint8_t number)
{
	struct reload_cert *cert = NULL;
	assert_int_equal(reload_cert_parse(&cert, &toy, span_of(&number, 1), NULL), RELOAD_OK);
	return cert;
}

/* The identity by which Node-ID number which of cert signs, as the wire has it. */
static struct reload_signer_identity identity_of(
	uint8_t bytes[64], const struct reload_cert *cert, size_t which)
{
	struct wr w = wr_fixed(bytes, 64);
	reload_cert_identity_write(&w, cert, &cert->node_ids[which]);
	assert_int_equal(w.err, RELOAD_OK);
	return (struct reload_signer_identity){ bytes[0], bytes[3], span_of(bytes + 5, 32) };
}

static void certificates_are_found_by_identity(void **state)
{
	(void)state;
	AUTO(reload_cache) cache = reload_cache_new(10, 10);
	AUTO(reload_cert) one = toy_cert(2);
	AUTO(reload_cert) two = toy_cert(3);
	uint8_t bytes[64];
	struct reload_id node;
	struct reload_signer_identity id = identity_of(bytes, one, 0);
	assert_null(reload_cache_find(cache, &id, NOW, &node));
	reload_cache_add(cache, one, NULL);
	reload_cache_add(cache, one, NULL); /* again: no change */
	reload_cache_add(cache, two, NULL);
	assert_int_equal(one->refs, 2);
	/* R-6.3.4-10 */
	assert_ptr_equal(reload_cache_find(cache, &id, NOW, &node), one);
	assert_true(reload_id_eq(&node, &one->node_ids[0]));
	/* R-6.3.4-11 */
	for (size_t i = 0; i < 2; i++) {
		id = identity_of(bytes, two, i);
		assert_int_equal(id.type, RELOAD_CERT_HASH_NODE_ID);
		assert_ptr_equal(reload_cache_find(cache, &id, NOW, &node), two);
		assert_true(reload_id_eq(&node, &two->node_ids[i]));
	}
	/* cert_hash does not say who of the two signed, and cert_hash_node_id is no fingerprint */
	id = (struct reload_signer_identity){ RELOAD_CERT_HASH, RELOAD_HASH_SHA256,
		span_of(two->fingerprint, 32) };
	assert_null(reload_cache_find(cache, &id, NOW, &node));
	id.type = RELOAD_CERT_HASH_NODE_ID;
	assert_null(reload_cache_find(cache, &id, NOW, &node));
	id = (struct reload_signer_identity){ RELOAD_CERT_HASH, RELOAD_HASH_SHA1,
		span_of(one->fingerprint, 20) };
	assert_null(reload_cache_find(cache, &id, NOW, &node));
	/* R-6.3.4-20 */
	id = (struct reload_signer_identity){ .type = RELOAD_IDENTITY_NONE };
	assert_null(reload_cache_find(cache, &id, NOW, &node));
	/* one Node-ID by cert_hash_node_id (SEC-04) */
	uint8_t hash[RELOAD_HASH_SIZE_MAX];
	struct span parts[] = { reload_id_span(&one->node_ids[0]), one->der };
	id = (struct reload_signer_identity){ RELOAD_CERT_HASH_NODE_ID, RELOAD_HASH_SHA256,
		span_of(hash, reload_hash(hash, RELOAD_HASH_SHA256, parts, 2)) };
	assert_ptr_equal(reload_cache_find(cache, &id, NOW, &node), one);
}

static void expired_certificates_are_forgotten(void **state)
{
	(void)state;
	AUTO(reload_cache) cache = reload_cache_new(10, 10);
	struct reload_cert *cert = toy_cert(8);
	uint8_t fingerprint[32], bytes[64];
	struct reload_id node;
	memcpy(fingerprint, cert->fingerprint, 32);
	struct reload_signer_identity id = identity_of(bytes, cert, 0);
	reload_cache_add(cache, cert, NULL);
	reload_cert_free(cert);
	cleared = 0;
	assert_true(reload_cache_has(cache, fingerprint, NOW + 8));
	assert_null(reload_cache_find(cache, &id, NOW + 9, &node));
	assert_int_equal(cleared, 1);
	assert_false(reload_cache_has(cache, fingerprint, NOW));
}

static void the_cache_is_bounded(void **state)
{
	(void)state;
	AUTO(reload_cache) cache = reload_cache_new(4, 4);
	struct reload_cert *certs[8];
	for (uint8_t i = 0; i < 8; i++)
		certs[i] = toy_cert(i);
	for (size_t i = 0; i < 4; i++)
		reload_cache_add(cache, certs[i], NULL);
	assert_true(reload_cache_has(
		cache, certs[0]->fingerprint, NOW)); /* used: 1 is now the oldest */
	reload_cache_add(cache, certs[4], NULL);
	assert_false(reload_cache_has(cache, certs[1]->fingerprint, NOW));
	assert_true(reload_cache_has(cache, certs[0]->fingerprint, NOW));
	for (size_t i = 4; i < 8; i++)
		reload_cache_add(cache, certs[i], NULL);
	unsigned kept = 0;
	for (size_t i = 0; i < 8; i++)
		kept += reload_cache_has(cache, certs[i]->fingerprint, NOW);
	assert_int_equal(kept, 4);
	reload_cache_clear(cache);
	for (size_t i = 0; i < 8; i++) {
		assert_false(reload_cache_has(cache, certs[i]->fingerprint, NOW));
		assert_int_equal(certs[i]->refs, 1);
		reload_cert_free(certs[i]);
	}
}

/* Large certificates are fewer. */
static void large_certificates_are_fewer(void **state)
{
	enum {
		LARGE = 1400,
		SMALL = 5000
	};
	(void)state;
	static uint8_t fingerprints[SMALL][32];
	for (int large = 1; large >= 0; large--) {
		AUTO(reload_cache) cache = reload_cache_new(RELOAD_CACHE_CERTS, 4);
		uint8_t der[RELOAD_CERT_MAX] = { 8 };
		size_t kept = 0, count = large ? LARGE : SMALL;
		for (size_t i = 0; i < count; i++) {
			struct reload_cert *cert = NULL;
			memcpy(der + 1, &i, sizeof(i));
			assert_int_equal(reload_cert_parse(&cert, &toy,
						 span_of(der, large ? sizeof(der) : 1000), NULL),
				RELOAD_OK);
			reload_cache_add(cache, cert, NULL);
			memcpy(fingerprints[i], cert->fingerprint, sizeof(cert->fingerprint));
			reload_cert_free(cert);
		}
		for (size_t i = 0; i < count; i++)
			kept += reload_cache_has(cache, fingerprints[i], NOW);
		if (large)
			assert_in_range(kept, 900, RELOAD_CACHE_BYTES / RELOAD_CERT_MAX);
		else
			assert_int_equal(kept, RELOAD_CACHE_CERTS);
		/* those that were used last */
		assert_true(reload_cache_has(cache, fingerprints[count - 1], NOW));
		assert_false(reload_cache_has(cache, fingerprints[0], NOW));
	}
}

/* What verified certificates is kept once, in however many copies it came. */
static void chains_are_shared(void **state)
{
	(void)state;
	AUTO(reload_cache) cache = reload_cache_new(2, 4);
	struct reload_cert *leaves[] = { toy_cert(10), toy_cert(20), toy_cert(30) },
			   *copies[] = { toy_cert(40), toy_cert(40) };
	struct reload_chain chain = { .count = 1 }, found;
	reload_cache_add(cache, leaves[0], NULL);
	assert_false(reload_cache_chain(cache, leaves[0]->fingerprint, &found));
	for (size_t i = 0; i < 2; i++) {
		chain.at[0] = copies[i];
		reload_cache_add(cache, leaves[i], &chain);
		assert_true(reload_cache_chain(cache, leaves[i]->fingerprint, &found));
		assert_int_equal(found.count, 1);
		assert_ptr_equal(found.at[0], copies[0]);
		reload_cache_add(cache, leaves[i], NULL); /* and is not forgotten so */
		assert_true(reload_cache_chain(cache, leaves[i]->fingerprint, &found));
	}
	assert_int_equal(copies[0]->refs, 2);
	assert_int_equal(copies[1]->refs, 1);
	/* below a root-cert nothing stands between */
	chain.count = 0;
	reload_cache_add(cache, leaves[2], &chain);
	assert_true(reload_cache_chain(cache, leaves[2]->fingerprint, &found));
	assert_int_equal(found.count, 0);
	assert_false(reload_cache_chain(cache, leaves[0]->fingerprint, &found));
	assert_int_equal(copies[0]->refs, 2);
	reload_cache_clear(cache);
	assert_int_equal(copies[0]->refs, 1);
	for (size_t i = 0; i < COUNT_OF(leaves); i++)
		reload_cert_free(leaves[i]);
	for (size_t i = 0; i < COUNT_OF(copies); i++)
		reload_cert_free(copies[i]);
}

static void values_are_remembered(void **state)
{
	(void)state;
	AUTO(reload_cache) cache = reload_cache_new(1, 100);
	uint8_t digest[32] = { 0 };
	for (uint8_t i = 0; i < 200; i++) {
		digest[31] = i;
		assert_false(reload_cache_value_has(cache, digest));
		reload_cache_value_add(cache, digest);
		reload_cache_value_add(cache, digest);
		assert_true(reload_cache_value_has(cache, digest));
		digest[31] = 0;
		assert_true(reload_cache_value_has(
			cache, digest)); /* asked for all the time: it stays */
	}
	unsigned kept = 0;
	for (uint8_t i = 0; i < 200; i++) {
		digest[31] = i;
		kept += reload_cache_value_has(cache, digest);
	}
	assert_int_equal(kept, 100);
	reload_cache_clear(cache);
	digest[31] = 0;
	assert_false(reload_cache_value_has(cache, digest));
	reload_cache_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates_are_found_by_identity),
		cmocka_unit_test(expired_certificates_are_forgotten),
		cmocka_unit_test(the_cache_is_bounded),
		cmocka_unit_test(chains_are_shared),
		cmocka_unit_test(large_certificates_are_fewer),
		cmocka_unit_test(values_are_remembered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
