/* Signing as this node. */
#pragma once

#include "exchange/request.h"
#include "ident/job.h"
#include "wire/stored.h"

/*
 * reload_sign_value() returns the job (owned) that signs d, a value of kind at resource.  It fills in d's SignerIdentity, which borrows from x.
 * The job's input.err is set when it cannot be signed.
 */
struct reload_job *reload_sign_value(struct reload_exchange *x, const struct reload_id *resource,
	uint32_t kind, struct reload_stored_data *d);

/* reload_own_certificates_write() appends this node's certificates as they stand in each of its messages. */
void reload_own_certificates_write(struct reload_exchange *x, struct wr *w);

/* reload_certificates_count() is how many GenericCertificates stand in a list in wire form, which is a good one. */
size_t reload_certificates_count(struct reload_exchange *x, struct span list);
