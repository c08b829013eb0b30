/*
 * Evidence of stored values that needs no overlay to be checked: the values as they were fetched, with their signatures and
 * the certificates that lead to a root-cert.
 *
 * What the signers vouch for is the resource, the Kind, the value with its key, and storage_time.  An index in an array, a
 * lifetime and the time of the fetch are what the fetching node wrote down; nobody signs them (RFC 6940 s7.1, SEC-03).
 */
#pragma once

#include "config/config.h"
#include "storage/value_check.h"
#include "wire/security.h"

enum {
	RELOAD_PROOF_MAX = 16 * 1024 * 1024, /* bytes; more are not read */
	RELOAD_PROOF_CERTIFICATES_MAX = 32,
	RELOAD_PROOF_CHECKSUM = 32
};

struct reload_proof_head {
	uint64_t magic;
	uint8_t version;
	struct span overlay; /* name */
};

struct reload_proof {
	struct reload_proof_head head;
	struct span resource; /* Resource-ID */
	struct span name;     /* Resource Name, empty when only its hash is known */
	uint32_t kind;
	uint64_t fetched; /* ms since 1970 */
	struct reload_stored_data *values;
	size_t values_count;
	struct reload_generic_certificate *certificates;
	size_t certificates_count;
	uint8_t checksum
		[RELOAD_PROOF_CHECKSUM]; /* SHA-256 of all before it: finds damage, not malice */
};

/* reload_proof_write() appends proof; magic, version and checksum are filled in.  A wr without err holds all of it. */
void reload_proof_write(struct wr *w, const struct wire_ctx *ctx, const struct reload_proof *proof);

/*
 * reload_proof_overlay() returns the overlay of the values, so that its configuration document can be looked for:
 * *out borrows from bytes and is a DNS name.  RELOAD_BAD_VALUE when bytes are no proof or a damaged one; why says which.
 */
enum reload_err reload_proof_overlay(
	struct span *out, struct span bytes, struct reload_error_text *why) MUST_CHECK;

/*
 * reload_proof_read() reads bytes, of which the result borrows; lists live in arena.  Errors of reload_proof_overlay();
 * RELOAD_BAD_VALUE also for another overlay than config's, a name that does not make the Resource-ID, two values of
 * one place, and no values.
 */
enum reload_err reload_proof_read(struct reload_proof *out, struct span bytes,
	const struct reload_config *config, struct reload_arena *arena,
	struct reload_error_text *why) MUST_CHECK;

/* The verdict about one value; cert is owned, NULL when the signer's is not in the proof. */
struct reload_proof_verdict {
	enum reload_err err;
	struct reload_cert *cert;
	struct reload_id signer;
};

/*
 * reload_proof_check() checks every value as a fetcher would have done at the time of the fetch, which may not lie in the
 * future: signature, chain to a root-cert of config, validity, access control, size.  verdicts has room for values_count;
 * each is cleared by reload_proof_verdict_clear().  Returns the first failure, RELOAD_OK when all holds.
 */
enum reload_err reload_proof_check(const struct reload_proof *proof,
	const struct reload_config *config, reload_utc now, struct reload_proof_verdict *verdicts,
	struct reload_error_text *why) MUST_CHECK;
void reload_proof_verdict_clear(struct reload_proof_verdict *verdict);
