/* Signatures and the security block (RFC 6940 s6.3.4). */
#pragma once

#include "wire/schema.h"

struct reload_signer_identity {
	uint8_t type;     /* enum reload_signer_identity_type */
	uint8_t hash_alg; /* absent for type none */
	struct span hash;
	struct span raw; /* unknown type */
};

struct reload_signature {
	uint8_t hash_alg, sig_alg;
	struct reload_signer_identity identity;
	struct span value;
	struct span
		identity_bytes; /* SignerIdentity as it was received: a part of the signature input; not encoded */
};

struct reload_generic_certificate {
	uint8_t type;
	struct span certificate; /* DER */
};

struct reload_security_block {
	struct reload_generic_certificate *certificates;
	size_t certificates_count;
	struct reload_signature signature;
};

extern const struct wire_type reload_signer_identity_wire, reload_signature_wire,
	reload_generic_certificate_wire, reload_security_block_wire;
