/* Signatures of configuration and kind elements (RFC 6940 s11.1, CFG-03 to CFG-05). */
#include "config/internal.h"

#include "ident/cert.h"
#include "wire/limits.h"

#define FAULT(why, err, ...) reload_error_explain(why, err, "the signature", __VA_ARGS__)

/* A decoded SecurityBlock with its certificates. */
struct opened {
	struct reload_arena arena;
	struct reload_security_block block;
	struct reload_cert *certs[RELOAD_LIMIT_CERTIFICATES];
	size_t certs_count;
};

static void close_block(struct opened *o)
{
	for (size_t i = 0; i < o->certs_count; i++)
		reload_cert_free(o->certs[i]);
	reload_arena_clear(&o->arena);
}

static enum reload_err open_block(struct opened *o, struct span bytes,
	const struct reload_ident_ops *ops, struct reload_error_text *why)
{
	struct wire_ctx ctx = { .node_id_len = 16, .arena = &o->arena };
	enum reload_err err =
		reload_wire_decode(bytes, &reload_security_block_wire, &ctx, &o->block);
	if (err)
		return FAULT(why, RELOAD_BAD_SIGNATURE, "it holds no SecurityBlock: %s",
			reload_err_text(err));
	for (size_t i = 0; i < o->block.certificates_count && i < COUNT_OF(o->certs); i++)
		if (o->block.certificates[i].type == RELOAD_X509 &&
			!reload_cert_parse(&o->certs[o->certs_count], ops,
				o->block.certificates[i].certificate, why))
			o->certs_count++; /* a broken certificate is skipped: the signer's may be another one */
	return RELOAD_OK;
}

/* CFG-04: the element alone is signed; the element and the SignerIdentity behind it are accepted, too. */
static enum reload_err verify_bytes(
	const struct reload_cert *cert, const struct reload_signature *s, struct span element)
{
	enum reload_err err = cert->ops->verify(cert, s->hash_alg, s->sig_alg, element, s->value);
	if (!err)
		return RELOAD_OK;
	struct wr both;
	wr_init(&both);
	wr_span(&both, element);
	wr_span(&both, s->identity_bytes);
	err = cert->ops->verify(cert, s->hash_alg, s->sig_alg, wr_done(&both), s->value);
	wr_clear(&both);
	return err;
}

static enum reload_err verify_opened(struct reload_id *signer, const struct opened *o,
	struct span element, const struct reload_id_list *signers, const struct reload_trust *trust,
	reload_utc now, struct reload_error_text *why)
{
	const struct reload_signature *s = &o->block.signature;
	const struct reload_cert *cert = NULL;
	struct reload_id node;
	for (size_t i = 0; i < o->certs_count && !cert; i++)
		if (reload_cert_denotes(o->certs[i], &s->identity, &node))
			cert = o->certs[i];
	if (!cert)
		return FAULT(
			why, RELOAD_NO_SIGNER, "it does not carry the certificate of its signer");
	char hex[RELOAD_ID_HEX];
	if (!reload_id_listed(signers->at, signers->count, &node))
		return FAULT(why, RELOAD_CONFIG_UNSIGNED,
			"its signer %s is not one of the signers allowed",
			reload_id_hex(hex, &node));
	enum reload_err err = reload_trust_check(
		trust, cert, o->certs, o->certs_count, now ? now : cert->not_before, why);
	if (err)
		return err;
	if (verify_bytes(cert, s, element))
		return FAULT(why, RELOAD_BAD_SIGNATURE,
			"it is not that of %s over these bytes: they were changed after they were "
			"signed, perhaps only the line ends%s",
			reload_id_hex(hex, &node),
			memmem(element.at, element.len, "\r\n", 2) ? " (they are CRLF)" : "");
	*signer = node;
	return RELOAD_OK;
}

enum reload_err reload_security_block_verify(struct reload_id *signer, struct span block,
	struct span element, const struct reload_id_list *signers, const struct reload_trust *trust,
	reload_utc now, struct reload_error_text *why)
{
	struct opened o = { 0 };
	enum reload_err err = open_block(&o, block, reload_trust_ops(trust), why);
	if (!err)
		err = verify_opened(signer, &o, element, signers, trust, now, why);
	close_block(&o);
	return err;
}

enum reload_err reload_config_verify(const struct reload_config *config,
	const struct reload_config *before, reload_utc now, struct reload_error_text *why)
{
	const struct reload_config *trusted = before ? before : config;
	struct reload_id signer;
	if (strcmp(trusted->instance_name, config->instance_name) != 0)
		return reload_error_explain(why, RELOAD_BAD_CONFIG, "the overlay configuration",
			"it is for %s, not for %s", config->instance_name, trusted->instance_name);
	enum reload_err err = FAULT(why, RELOAD_CONFIG_UNSIGNED,
		"there is none behind the configuration of %s", config->instance_name);
	for (size_t i = 0; i < config->signatures_count; i++) {
		err = reload_security_block_verify(&signer, config->signatures[i], config->element,
			&trusted->configuration_signers, trusted->trust, now, why);
		if (!err)
			return RELOAD_OK;
	}
	return err == RELOAD_NO_SIGNER ? RELOAD_BAD_SIGNATURE : err;
}
