/* What a reader decides about a stored value that it was given (RFC 6940 s7.4.2.2): alike for fetched ones and for proofs. */
#pragma once

#include "ident/cert.h"
#include "storage/storage.h"

struct reload_value_claim {
	const struct reload_config *config;
	const struct reload_id *resource;
	uint32_t kind;
	const struct reload_stored_data *data;
	const struct reload_cert *cert; /* of the signer; NULL: not at hand */
	const struct reload_id *signer; /* the Node-ID that the signer identity denotes */
	/* Resource-ID of a Resource Name, by the overlay algorithm */
	void (*resource_id)(struct reload_id *out, struct span resource_name);
	reload_utc now;           /* the time at which the certificate has to be valid */
	enum reload_err verified; /* what came of the signature and of the signer's certificate */
};

/* reload_stored_unsigned() returns whether a value has no signature: a storer answers so where nothing is stored (STO-06). */
bool reload_stored_unsigned(const struct reload_stored_data *d);

/*
 * reload_value_check() checks the signature of a value, its signer's right to write there, and its place in the Kind's
 * model.  RELOAD_OK also for an unsigned value that says that nothing is stored (SEC-09).  RELOAD_UNKNOWN_KIND, _BAD_SIGNATURE,
 * _CERT_EXPIRED, _DATA_TOO_LARGE, _FORBIDDEN, and the error in `verified`.
 */
enum reload_err reload_value_check(const struct reload_value_claim *j) MUST_CHECK;
