/* Signing and verifying away from the engine's thread. */
#include "ident_util.h"

#include "ident/job.h"

#include <pthread.h>

enum {
	JOBS = 200,
	THREADS = 2
};

static struct {
	struct reload_key *root_key, *key;
	struct reload_cert *root, *cert, *middle, *below;
	struct reload_trust *trust;
} our;

static int make_all(void **state)
{
	(void)state;
	our.root_key = new_key(RELOAD_KEY_P256);
	our.key = new_key(RELOAD_KEY_P256);
	struct reload_id id = id_of("101112131415161718191a1b1c1d1e1f");
	struct reload_cert_request authority = {
		.authority_name = "root", .not_before = NOW, .not_after = NOW + DAY, .serial = { 1 }
	};
	our.root = make_cert(&authority, our.root_key, NULL, NULL);
	authority.authority_name = "middle";
	our.middle = make_cert(&authority, our.key, our.root, our.root_key);
	struct reload_cert_request node = { .overlay = OVERLAY,
		.user = "a@b",
		.node_ids = &id,
		.node_ids_count = 1,
		.not_before = NOW,
		.not_after = NOW + DAY,
		.serial = { 2 } };
	our.cert = make_cert(&node, our.key, our.root, our.root_key);
	our.below = make_cert(&node, our.key, our.middle, our.key);
	struct reload_trust_setup setup = { .ops = &reload_ident_openssl,
		.overlay = OVERLAY,
		.node_id_len = 16,
		.roots = &our.root->der,
		.roots_count = 1 };
	return (int)reload_trust_new(&our.trust, &setup, NULL);
}

static int free_all(void **state)
{
	(void)state;
	struct reload_cert *const certs[] = { our.root, our.cert, our.middle, our.below };
	for (size_t i = 0; i < COUNT_OF(certs); i++) {
		assert_int_equal(certs[i]->refs, 1); /* jobs gave theirs back */
		reload_cert_free(certs[i]);
	}
	reload_key_free(our.root_key);
	reload_key_free(our.key);
	reload_trust_free(our.trust);
	return 0;
}

/* A job that verifies what sign made over text. */
static struct reload_job *verify_job(
	const struct reload_job *sign, struct reload_cert *cert, const char *text)
{
	struct reload_signature sig = { .hash_alg = sign->hash_alg,
		.sig_alg = sign->sig_alg,
		.value = wr_done(&sign->signature) };
	struct reload_job *job = reload_job_verify(cert, &sig);
	wr_span(&job->input, span_str(text));
	return job;
}

static struct reload_job *signed_job(const char *text)
{
	struct reload_job *sign = reload_job_sign(our.key);
	wr_span(&sign->input, span_str(text));
	reload_job_run(sign);
	assert_int_equal(sign->err, RELOAD_OK);
	return sign;
}

static void run(struct reload_job *job, enum reload_err expected)
{
	reload_job_run(job);
	assert_int_equal(job->err, expected);
	reload_job_free(job);
}

static void signing_and_verifying(void **state)
{
	(void)state;
	AUTO(reload_job) sign = signed_job("hello");
	run(verify_job(sign, our.cert, "hello"), RELOAD_OK);
	run(verify_job(sign, our.cert, "hallo"), RELOAD_BAD_SIGNATURE);
	reload_job_free(NULL);
}

static void certificates_are_checked_on_request(void **state)
{
	(void)state;
	AUTO(reload_job) sign = signed_job("hello");
	struct reload_job *job = verify_job(sign, our.cert, "hello");
	reload_job_check_cert(job, our.trust, NULL, 0, NOW);
	run(job, RELOAD_OK);
	job = verify_job(sign, our.cert, "hello");
	reload_job_check_cert(job, our.trust, NULL, 0, NOW + 2 * DAY);
	run(job, RELOAD_CERT_EXPIRED);
	job = verify_job(sign, our.below, "hello");
	reload_job_check_cert(job, our.trust, NULL, 0, NOW);
	run(job, RELOAD_CERT_UNTRUSTED);
	job = verify_job(sign, our.below, "hello");
	reload_job_check_cert(job, our.trust, &our.middle, 1, NOW);
	run(job, RELOAD_OK);
}

static void input_that_could_not_be_written(void **state)
{
	(void)state;
	AUTO(reload_job) job = reload_job_sign(our.key);
	wr_fail(&job->input, RELOAD_LIMIT);
	run(TAKE(job), RELOAD_LIMIT);
}

static void *run_all(void *arg)
{
	for (struct reload_job *job = arg; job; job = job->next)
		reload_job_run(job);
	return NULL;
}

/* The same key, certificate and trust on two threads at once. */
static void jobs_on_threads(void **state)
{
	(void)state;
	struct reload_job *lists[THREADS] = { NULL };
	AUTO(reload_job) signed_once = signed_job("text");
	for (unsigned i = 0; i < JOBS; i++) {
		struct reload_job *job;
		if (i % 3 == 0) {
			job = reload_job_sign(our.key);
			wr_span(&job->input, span_str("text"));
		} else {
			job = verify_job(signed_once, our.below, i % 5 ? "text" : "other");
			reload_job_check_cert(job, our.trust, &our.middle, 1, NOW);
		}
		job->next = lists[i % THREADS];
		lists[i % THREADS] = job;
		job->arg = (void *)(uintptr_t)i;
	}
	pthread_t threads[THREADS];
	for (int t = 0; t < THREADS; t++)
		assert_int_equal(pthread_create(&threads[t], NULL, run_all, lists[t]), 0);
	for (int t = 0; t < THREADS; t++)
		assert_int_equal(pthread_join(threads[t], NULL), 0);
	for (int t = 0; t < THREADS; t++)
		while (lists[t]) {
			struct reload_job *job = lists[t];
			uintptr_t i = (uintptr_t)job->arg;
			lists[t] = job->next;
			assert_int_equal(
				job->err, i % 3 == 0 || i % 5 ? RELOAD_OK : RELOAD_BAD_SIGNATURE);
			if (i % 3 == 0)
				run(verify_job(job, our.cert, "text"), RELOAD_OK);
			reload_job_free(job);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signing_and_verifying),
		cmocka_unit_test(certificates_are_checked_on_request),
		cmocka_unit_test(input_that_could_not_be_written),
		cmocka_unit_test(jobs_on_threads),
	};
	return cmocka_run_group_tests(tests, make_all, free_all);
}
