/* Stored data and the three data models (RFC 6940 s7 to s7.2). */
#pragma once

#include "wire/security.h"

struct reload_stored_value {
	uint8_t model;   /* enum reload_data_model; from the Kind, not from the wire */
	uint32_t index;  /* array */
	struct span key; /* dictionary */
	bool exists;
	struct span value;
	struct span
		raw; /* StoredDataValue, or up to the end of StoredData when the model is unknown */
};

struct reload_stored_data {
	uint64_t storage_time; /* ms since 1970 */
	uint32_t lifetime;     /* seconds from receipt */
	struct reload_stored_value value;
	struct reload_signature signature;
	struct span raw; /* all bytes after the length, as received; not encoded */
};

extern const struct wire_type reload_stored_value_wire, reload_stored_data_wire;

/* reload_stored_write() appends StoredData of the model in value.model, length included. */
void reload_stored_write(
	struct wr *w, const struct wire_ctx *ctx, const struct reload_stored_data *d);

/* reload_stored_value_write() appends the StoredDataValue part alone, as its model says. */
void reload_stored_value_write(struct wr *w, const struct reload_stored_value *v);

/*
 * reload_stored_signature_input() appends what the signature of a stored value covers (RFC 6940 s7.1): the Resource-ID
 * with its length byte (interop SEC-02), the Kind, storage_time, the value with array index zero (SEC-03) and the
 * SignerIdentity as given.  A value of unknown data model fails w.
 */
void reload_stored_signature_input(struct wr *w, struct span resource, uint32_t kind,
	const struct reload_stored_data *d, struct span identity_bytes);
