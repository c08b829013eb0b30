/* The cryptography of the simulator protects nothing, but it must notice every change. */
#include "ident/key.h"
#include "sim/ident.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum {
	INPUT_MAX = 70
};

static const struct reload_id node = { .len = 16, .at = { 1, 2, 3 } };

static bool verifies(const struct reload_cert *cert, uint8_t hash_alg, uint8_t sig_alg,
	const uint8_t *input, size_t len, const struct wr *signature)
{
	return reload_sim_ident.verify(cert, hash_alg, sig_alg, span_of(input, len),
		       wr_done(signature)) == RELOAD_OK;
}

static void every_change_is_noticed(void **state)
{
	(void)state;
	AUTO(reload_cert)
	cert = reload_sim_cert("u@" RELOAD_SIM_OVERLAY, RELOAD_SIM_OVERLAY, &node);
	AUTO(reload_cert)
	other = reload_sim_cert("v@" RELOAD_SIM_OVERLAY, RELOAD_SIM_OVERLAY, &node);
	AUTO(reload_key) key = reload_sim_key(cert);
	assert_true(reload_key_fits(key, cert));
	assert_false(reload_key_fits(key, other));
	for (size_t len = 0; len < INPUT_MAX; len++) {
		uint8_t input[INPUT_MAX + 1] = { 0 }, hash_alg, sig_alg;
		struct wr signature;
		wr_init(&signature);
		for (size_t i = 0; i < len; i++)
			input[i] = (uint8_t)(i * 37);
		assert_int_equal(reload_sim_ident.sign(
					 key, span_of(input, len), &hash_alg, &sig_alg, &signature),
			RELOAD_OK);
		assert_true(verifies(cert, hash_alg, sig_alg, input, len, &signature));
		assert_false(verifies(other, hash_alg, sig_alg, input, len, &signature));
		assert_false(verifies(cert, hash_alg, 1, input, len, &signature));
		/* a zero more, which a hash over words could take for its filling */
		assert_false(verifies(cert, hash_alg, sig_alg, input, len + 1, &signature));
		for (size_t bit = 0; bit < 8 * len; bit++) {
			input[bit / 8] ^= (uint8_t)(1u << bit % 8);
			assert_false(verifies(cert, hash_alg, sig_alg, input, len, &signature));
			input[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		for (size_t i = 0; i < signature.len; i++) {
			signature.at[i] ^= 1;
			assert_false(verifies(cert, hash_alg, sig_alg, input, len, &signature));
			signature.at[i] ^= 1;
		}
		wr_clear(&signature);
	}
}

static void certificates_are_read_whole(void **state)
{
	(void)state;
	AUTO(reload_cert)
	cert = reload_sim_cert("u@" RELOAD_SIM_OVERLAY, RELOAD_SIM_OVERLAY, &node);
	AUTO(reload_cert) root = reload_sim_cert("", RELOAD_SIM_OVERLAY, NULL);
	assert_string_equal(cert->user, "u@" RELOAD_SIM_OVERLAY);
	assert_true(reload_cert_has_node(cert, &node));
	assert_int_equal(reload_sim_ident.cert_signed_by(cert, root), RELOAD_OK);
	assert_int_equal(reload_sim_ident.cert_signed_by(root, cert), RELOAD_BAD_SIGNATURE);
	for (size_t len = 0; len < cert->der.len; len++) {
		struct reload_cert *short_one = NULL;
		uint8_t *exact = reload_memdup(cert->der.at, len);
		assert_int_equal(
			reload_cert_parse(&short_one, &reload_sim_ident, span_of(exact, len), NULL),
			RELOAD_BAD_CERT);
		free(exact);
	}
}

/* What is counted in bytes is what real nodes send: sizes seen of reload-enroll, for this user of this overlay. */
static void sizes_are_those_of_real_ones(void **state)
{
	(void)state;
	enum {
		REAL_MIN = 421,
		REAL_MAX = 423,
		REAL_AUTHORITY = 392,
		REAL_SIGNATURE_MIN = 70,
		REAL_SIGNATURE_MAX = 72
	};
	AUTO(reload_cert)
	cert = reload_sim_cert("user1@calls.example", "calls.example", &node);
	AUTO(reload_cert) root = reload_sim_cert("", "calls.example", NULL);
	AUTO(reload_key) key = reload_sim_key(cert);
	uint8_t hash_alg, sig_alg;
	struct wr signature;
	wr_init(&signature);
	assert_in_range(cert->der.len, REAL_MIN, REAL_MAX);
	assert_int_equal(root->der.len, REAL_AUTHORITY);
	assert_int_equal(
		reload_sim_ident.sign(key, span_of("text", 4), &hash_alg, &sig_alg, &signature),
		RELOAD_OK);
	assert_in_range(signature.len, REAL_SIGNATURE_MIN, REAL_SIGNATURE_MAX);
	wr_clear(&signature);
}

static void equal_certificates_of_a_world_are_one(void **state)
{
	(void)state;
	struct reload_sim_certs certs;
	struct reload_cert *made[5], *got = NULL;
	reload_sim_certs_init(&certs, COUNT_OF(made));
	for (size_t i = 0; i < COUNT_OF(made); i++) {
		struct reload_id id = { .len = 16, .at = { (uint8_t)(i + 1) } };
		made[i] = reload_sim_cert("u@" RELOAD_SIM_OVERLAY, RELOAD_SIM_OVERLAY, &id);
		reload_sim_certs_add(&certs, made[i]);
	}
	for (size_t i = 0; i < COUNT_OF(made); i++) {
		assert_int_equal(
			reload_cert_parse(&got, &certs.ops, made[i]->der, NULL), RELOAD_OK);
		assert_ptr_equal(got, made[i]);
		assert_int_equal(got->refs, 2);
		reload_cert_free(got);
	}
	AUTO(reload_cert)
	foreign = reload_sim_cert("w@" RELOAD_SIM_OVERLAY, RELOAD_SIM_OVERLAY, &node);
	assert_int_equal(reload_cert_parse(&got, &certs.ops, foreign->der, NULL), RELOAD_OK);
	assert_ptr_not_equal(got, foreign);
	reload_cert_free(got);
	for (size_t i = 0; i < COUNT_OF(made); i++)
		reload_cert_free(made[i]);
	reload_sim_certs_clear(&certs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_change_is_noticed),
		cmocka_unit_test(certificates_are_read_whole),
		cmocka_unit_test(sizes_are_those_of_real_ones),
		cmocka_unit_test(equal_certificates_of_a_world_are_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
