#include "sip/digest.h"

#include "util/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

/* RFC 7616 s3.9.1: the same request with both algorithms. */
static const struct {
	enum reload_digest_algorithm a;
	const char *response;
} examples[] = {
	{ RELOAD_DIGEST_MD5, "8ca523f5e9506fed4657c9700eebdbec" },
	{ RELOAD_DIGEST_SHA256,
		"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1" },
};

static const char *const params[] = { "username=\"Mufasa\"", "realm=\"http-auth@example.org\"",
	"uri=\"/dir/index.html\"", "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\"",
	"nc=00000001", "cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\"", "qop=auth",
	NULL };

static void the_examples_of_the_standard_are_right(void **state)
{
	struct reload_digest d;
	char ha1[RELOAD_DIGEST_HEX];
	(void)state;
	for (size_t i = 0; i < COUNT_OF(examples); i++) {
		reload_digest_ha1(
			ha1, examples[i].a, "Mufasa", "http-auth@example.org", "Circle of Life");
		assert_int_equal(reload_digest_read(&d, params), RELOAD_OK);
		memcpy(d.response, examples[i].response, strlen(examples[i].response) + 1);
		assert_true(reload_digest_right(&d, examples[i].a, ha1, "GET"));
		assert_false(reload_digest_right(&d, examples[i].a, ha1, "PUT"));
		d.nc[7] = '2';
		assert_false(reload_digest_right(&d, examples[i].a, ha1, "GET"));
		d.nc[7] = '1';
		d.response[0] ^= 1;
		assert_false(reload_digest_right(&d, examples[i].a, ha1, "GET"));
	}
}

/* C07: a qop without a count would escape the check for replays. */
static void a_qop_needs_a_count(void **state)
{
	struct reload_digest d;
	char ha1[RELOAD_DIGEST_HEX];
	(void)state;
	reload_digest_ha1(
		ha1, RELOAD_DIGEST_MD5, "Mufasa", "http-auth@example.org", "Circle of Life");
	assert_int_equal(reload_digest_read(&d, params), RELOAD_OK);
	memcpy(d.response, "c0ac1b5f09d93583e0df3e6410410ca2", 33); /* right, without a count */
	d.nc[0] = 0;
	assert_false(reload_digest_right(&d, RELOAD_DIGEST_MD5, ha1, "GET"));
	memcpy(d.qop, "auth-int", 9);
	assert_false(reload_digest_right(&d, RELOAD_DIGEST_MD5, ha1, "GET"));
}

static void hostile_parameters_are_refused(void **state)
{
	struct reload_digest d;
	char *large = reload_alloc(2000);
	static const char *const bad[][3] = {
		{ "username" },
		{ "nonce=\"a\"", "NONCE=b" },
		{ "realm=\"a" },
		{ "realm=\"a\" b" },
		{ "realm=\"a\nb\"" },
		{ "qop=0123456789012345678901234567890123456789" },
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(reload_digest_read(&d, bad[i]), RELOAD_BAD_VALUE);
	memset(large, 'x', 1999);
	memcpy(large, "uri=", 4);
	assert_int_equal(
		reload_digest_read(&d, (const char *const[]){ large, NULL }), RELOAD_BAD_VALUE);
	free(large);
	assert_int_equal(
		reload_digest_read(&d, (const char *const[]){ "realm=\"a\\\"b\"", "x=1", NULL }),
		RELOAD_OK);
	assert_string_equal(d.realm, "a\"b");
	assert_int_equal(reload_digest_read(&d, NULL), RELOAD_OK);
}

static void algorithms_are_found_by_name(void **state)
{
	enum reload_digest_algorithm a;
	(void)state;
	assert_true(reload_digest_algorithm(&a, NULL) && a == RELOAD_DIGEST_MD5);
	assert_true(reload_digest_algorithm(&a, "sha-256") && a == RELOAD_DIGEST_SHA256);
	assert_false(reload_digest_algorithm(&a, "MD5-sess"));
}

static struct reload_nonces *nonces(size_t max)
{
	static const uint8_t secret[RELOAD_NONCE_SECRET] = { 1, 2, 3 };
	return reload_nonces_new(secret, 1000, max);
}

/* C06, C07 */
static void counts_are_taken_once(void **state)
{
	struct reload_nonces *n = nonces(10);
	char nonce[RELOAD_NONCE_TEXT], other[RELOAD_NONCE_TEXT];
	(void)state;
	reload_nonce_make(nonce, n, 5000);
	reload_nonce_make(other, n, 5000);
	assert_string_not_equal(nonce, other);
	assert_int_equal(reload_nonce_use(n, nonce, "00000001", 5000), RELOAD_NONCE_GOOD);
	assert_int_equal(reload_nonce_use(n, nonce, "00000001", 5001), RELOAD_NONCE_REPLAYED);
	assert_int_equal(reload_nonce_use(n, nonce, "00000003", 5001), RELOAD_NONCE_GOOD);
	assert_int_equal(reload_nonce_use(n, nonce, "00000002", 5001), RELOAD_NONCE_GOOD);
	assert_int_equal(reload_nonce_use(n, nonce, "00000002", 5001), RELOAD_NONCE_REPLAYED);
	assert_int_equal(reload_nonce_use(n, nonce, "00000100", 5001), RELOAD_NONCE_GOOD);
	assert_int_equal(reload_nonce_use(n, nonce, "000000c0", 5001), RELOAD_NONCE_REPLAYED);
	assert_int_equal(reload_nonce_use(n, nonce, "000000c1", 5001), RELOAD_NONCE_GOOD);
	/* without a count it is good once */
	assert_int_equal(reload_nonce_use(n, other, "", 5001), RELOAD_NONCE_GOOD);
	assert_int_equal(reload_nonce_use(n, other, "", 5001), RELOAD_NONCE_REPLAYED);
	assert_int_equal(reload_nonce_use(n, other, "00000001", 5001), RELOAD_NONCE_REPLAYED);
	reload_nonces_free(n);
}

static void old_nonces_are_stale_and_foreign_ones_forged(void **state)
{
	struct reload_nonces *n = nonces(10);
	char nonce[RELOAD_NONCE_TEXT];
	(void)state;
	reload_nonce_make(nonce, n, 5000);
	assert_int_equal(reload_nonce_use(n, nonce, "00000001", 5999), RELOAD_NONCE_GOOD);
	assert_int_equal(reload_nonce_use(n, nonce, "00000002", 6000), RELOAD_NONCE_STALE);
	assert_int_equal(reload_nonce_use(n, nonce, "00000002", 4999), RELOAD_NONCE_STALE);
	assert_int_equal(reload_nonce_use(n, nonce, "1", 5999), RELOAD_NONCE_FORGED);
	assert_int_equal(reload_nonce_use(n, nonce, "00000000", 5999), RELOAD_NONCE_FORGED);
	assert_int_equal(reload_nonce_use(n, nonce, "0000000g", 5999), RELOAD_NONCE_FORGED);
	nonce[15] ^= 1; /* another time */
	assert_int_equal(reload_nonce_use(n, nonce, "00000002", 5999), RELOAD_NONCE_FORGED);
	assert_int_equal(reload_nonce_use(n, "", "00000002", 5999), RELOAD_NONCE_FORGED);
	reload_nonces_free(n);
}

/* What was forgotten as the table is full cannot be replayed. */
static void with_a_full_table_the_oldest_are_stale(void **state)
{
	struct reload_nonces *n = nonces(2);
	char nonce[3][RELOAD_NONCE_TEXT];
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		reload_nonce_make(nonce[i], n, 5000 + i);
		assert_int_equal(
			reload_nonce_use(n, nonce[i], "00000001", 5010), RELOAD_NONCE_GOOD);
	}
	assert_int_equal(reload_nonce_use(n, nonce[0], "00000001", 5010), RELOAD_NONCE_STALE);
	assert_int_equal(reload_nonce_use(n, nonce[1], "00000001", 5010), RELOAD_NONCE_REPLAYED);
	assert_int_equal(reload_nonce_use(n, nonce[2], "00000002", 5010), RELOAD_NONCE_GOOD);
	reload_nonces_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_examples_of_the_standard_are_right),
		cmocka_unit_test(a_qop_needs_a_count),
		cmocka_unit_test(hostile_parameters_are_refused),
		cmocka_unit_test(algorithms_are_found_by_name),
		cmocka_unit_test(counts_are_taken_once),
		cmocka_unit_test(old_nonces_are_stale_and_foreign_ones_forged),
		cmocka_unit_test(with_a_full_table_the_oldest_are_stale),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
