/*
 * Signatures as jobs: made by the engine, run by its host on any thread at any time and in any order, then handed back.
 * A job owns copies of all it needs; running it touches nothing but the job.
 */
#pragma once

#include "ident/key.h"
#include "ident/trust.h"

enum reload_job_kind {
	RELOAD_JOB_SIGN,
	RELOAD_JOB_VERIFY
};

struct reload_job {
	enum reload_job_kind kind;
	struct reload_job *next; /* for the host's queues */
	struct wr input;         /* owned; the bytes to sign or to verify */

	const struct reload_key *key; /* sign: borrowed, outlives the job */

	struct reload_cert *cert; /* verify: the signer's, a reference of the job */
	struct reload_cert *
		*others; /* certificates that may lead to a root, references of the job */
	size_t others_count;
	struct reload_trust *trust; /* set: check the certificate as well; a reference of the job */
	reload_utc now;
	struct reload_chain chain; /* out, with trust: those of `others` that lead to a root */
	struct wr signature;       /* verify: in; sign: out */
	uint8_t hash_alg, sig_alg; /* verify: in; sign: out */

	uint64_t share;      /* the node that causes the work; 0: this node itself */
	enum reload_err err; /* result */
	void (*done)(
		void *arg, struct reload_job *job); /* set by the engine and called on its thread */
	void *arg;
};

/* reload_job_sign() makes a job that signs what the caller then writes to job->input. */
struct reload_job *reload_job_sign(const struct reload_key *key);

/* reload_job_verify() makes a job that verifies sig by cert over what the caller then writes to job->input. */
struct reload_job *reload_job_verify(struct reload_cert *cert, const struct reload_signature *sig);

/* reload_job_check_cert() lets the job check the certificate too, with others as possible intermediates. */
void reload_job_check_cert(struct reload_job *job, struct reload_trust *trust,
	struct reload_cert *const *others, size_t others_count, reload_utc now);

/* reload_job_run() does the work and sets err; on any thread. */
void reload_job_run(struct reload_job *job);

/* reload_job_free() frees; NULL is legal. */
void reload_job_free(struct reload_job *job);
AUTO_DEFINE(reload_job)
