#include "ident/job.h"

struct reload_job *reload_job_sign(const struct reload_key *key)
{
	struct reload_job *job = RELOAD_NEW(reload_job);
	job->kind = RELOAD_JOB_SIGN;
	job->key = key;
	return job;
}

struct reload_job *reload_job_verify(struct reload_cert *cert, const struct reload_signature *sig)
{
	struct reload_job *job = RELOAD_NEW(reload_job);
	job->kind = RELOAD_JOB_VERIFY;
	job->cert = reload_cert_ref(cert);
	job->hash_alg = sig->hash_alg;
	job->sig_alg = sig->sig_alg;
	wr_span(&job->signature, sig->value);
	return job;
}

void reload_job_check_cert(struct reload_job *job, struct reload_trust *trust,
	struct reload_cert *const *others, size_t others_count, reload_utc now)
{
	job->trust = reload_trust_ref(trust);
	job->now = now;
	job->others = reload_alloc_array(others_count, sizeof(struct reload_cert *));
	for (size_t i = 0; i < others_count; i++)
		job->others[i] = reload_cert_ref(others[i]);
	job->others_count = others_count;
}

static enum reload_err run_verify(struct reload_job *job)
{
	enum reload_err err = RELOAD_OK;
	if (job->trust)
		err = reload_trust_chain(job->trust, job->cert, job->others, job->others_count,
			job->now, &job->chain, NULL);
	return err ? err
		   : job->cert->ops->verify(job->cert, job->hash_alg, job->sig_alg,
			     wr_done(&job->input), wr_done(&job->signature));
}

void reload_job_run(struct reload_job *job)
{
	job->err = job->input.err;
	if (job->err)
		return;
	if (job->kind == RELOAD_JOB_SIGN)
		job->err = job->key->ops->sign(job->key, wr_done(&job->input), &job->hash_alg,
			&job->sig_alg, &job->signature);
	else
		job->err = run_verify(job);
}

void reload_job_free(struct reload_job *job)
{
	if (!job)
		return;
	for (size_t i = 0; i < job->others_count; i++)
		reload_cert_free(job->others[i]);
	free(job->others);
	reload_cert_free(job->cert);
	reload_trust_free(job->trust);
	wr_clear(&job->input);
	wr_clear(&job->signature);
	free(job);
}
