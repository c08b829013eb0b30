/* Access control policies (RFC 6940 s7.3, RFC 7374 s5): one row each in a table, to which later usages add. */
#pragma once

#include "ident/cert.h"
#include "config/kind.h"
#include "wire/stored.h"

/* What a policy decides by. */
struct reload_access {
	const struct reload_kind *kind;
	const struct reload_id *resource;
	const struct reload_stored_value
		*value;                 /* NULL: no value in particular, its key is not checked */
	const struct reload_cert *cert; /* of the signer */
	const struct reload_id *node;   /* that the signer identity denotes */
	/* Resource-ID of a Resource Name, by the overlay algorithm */
	void (*resource_id)(struct reload_id *out, struct span resource_name);
};

/* reload_access_allowed() returns whether the signer may write there; false for an unknown signer. */
bool reload_access_allowed(const struct reload_access *a);

/*
 * reload_access_readable() returns whether the policy can read from v what it decides by; false: v is malformed.
 */
bool reload_access_readable(
	enum reload_access_policy policy, const struct reload_stored_value *v, uint8_t node_id_len);

/*
 * reload_access_per_value() returns whether the policy looks at the value; where it does not, one answer holds for all
 * values of a signer.
 */
bool reload_access_per_value(enum reload_access_policy policy);
