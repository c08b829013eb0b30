#include "wire/security.h"

#include "wire/internal.h"

static const struct wire_name identity_types[] = {
	{ RELOAD_CERT_HASH, "cert_hash" },
	{ RELOAD_CERT_HASH_NODE_ID, "cert_hash_node_id" },
	{ RELOAD_IDENTITY_NONE, "none" },
	{ 0, NULL },
};
static const struct wire_name certificate_types[] = {
	{ RELOAD_X509, "X509" },
	{ 0, NULL },
};
const struct wire_name reload_hash_names[] = {
	{ RELOAD_HASH_NONE, "none" },
	{ RELOAD_HASH_MD5, "md5" },
	{ RELOAD_HASH_SHA1, "sha1" },
	{ RELOAD_HASH_SHA224, "sha224" },
	{ RELOAD_HASH_SHA256, "sha256" },
	{ RELOAD_HASH_SHA384, "sha384" },
	{ RELOAD_HASH_SHA512, "sha512" },
	{ 0, NULL },
};
const struct wire_name reload_signature_names[] = {
	{ RELOAD_SIG_ANONYMOUS, "anonymous" },
	{ RELOAD_SIG_RSA, "rsa" },
	{ RELOAD_SIG_DSA, "dsa" },
	{ RELOAD_SIG_ECDSA, "ecdsa" },
	{ 0, NULL },
};

/* clang-format off */
static const struct wire_field signer_identity_fields[] = {
	{ WIRE_INT(struct reload_signer_identity, type), WIRE_NAMES(identity_types) },
	{ WIRE_REST(2) },
	{ WIRE_INT(struct reload_signer_identity, hash_alg), WIRE_NAMES(reload_hash_names),
		WIRE_WHEN(struct reload_signer_identity, type, RELOAD_CERT_HASH, RELOAD_CERT_HASH_NODE_ID) },
	{ WIRE_BYTES(struct reload_signer_identity, hash, 1),
		WIRE_WHEN(struct reload_signer_identity, type, RELOAD_CERT_HASH, RELOAD_CERT_HASH_NODE_ID) },
	{ WIRE_BYTES(struct reload_signer_identity, raw, 0),
		WIRE_UNLESS(struct reload_signer_identity, type, RELOAD_CERT_HASH, RELOAD_IDENTITY_NONE) },
};
const struct wire_type reload_signer_identity_wire =
	WIRE_TYPE(struct reload_signer_identity, "SignerIdentity", signer_identity_fields);

static const struct wire_field signature_fields[] = {
	{ WIRE_INT(struct reload_signature, hash_alg), WIRE_NAMES(reload_hash_names) },
	{ WIRE_INT(struct reload_signature, sig_alg), WIRE_NAMES(reload_signature_names) },
	{ WIRE_MARK() },
	{ WIRE_STRUCT(struct reload_signature, identity, reload_signer_identity_wire) },
	{ WIRE_SINCE(struct reload_signature, identity_bytes) },
	{ WIRE_BYTES(struct reload_signature, value, 2) },
};
const struct wire_type reload_signature_wire =
	WIRE_TYPE(struct reload_signature, "Signature", signature_fields);

static const struct wire_field generic_certificate_fields[] = {
	{ WIRE_INT(struct reload_generic_certificate, type), WIRE_NAMES(certificate_types) },
	{ WIRE_BYTES(struct reload_generic_certificate, certificate, 2) },
};
const struct wire_type reload_generic_certificate_wire =
	WIRE_TYPE(struct reload_generic_certificate, "GenericCertificate", generic_certificate_fields);

static const struct wire_field security_block_fields[] = {
	{ WIRE_VEC(struct reload_security_block, certificates, 2, reload_generic_certificate_wire),
		WIRE_LIMIT(RELOAD_LIMIT_CERTIFICATES) },
	{ WIRE_STRUCT(struct reload_security_block, signature, reload_signature_wire) },
};
/* clang-format on */
const struct wire_type reload_security_block_wire =
	WIRE_TYPE(struct reload_security_block, "SecurityBlock", security_block_fields);
