#include "exchange/internal.h"

#include "wire/limits.h"

_Static_assert(RELOAD_LIMIT_CERTIFICATES <= 32, "a bit for each");

/*
 * Signers and signatures of stored values: found signers, one job each, and what was verified before is not verified again.
 */

/* The message's certificate at a place as one of in->certificates; NULL: it was parsed before, or cannot be. */
static struct reload_cert *certificate_parse(struct reload_incoming *in, size_t at)
{
	const struct reload_security_block *s = &in->msg->security;
	struct reload_cert *cert;
	if (in->certificates_tried & 1u << at)
		return NULL;
	in->certificates_tried |= 1u << at;
	if (s->certificates[at].type != RELOAD_X509 ||
		reload_cert_parse(&cert, reload_trust_ops(in->exchange->engine->config->trust),
			s->certificates[at].certificate, NULL))
		return NULL;
	if (!in->certificates)
		in->certificates =
			reload_alloc_array(s->certificates_count, sizeof(*in->certificates));
	return in->certificates[in->certificates_count++] = cert;
}

/* SEC-06: no two of one name. */
static bool certificate_repeats(const struct reload_security_block *s, size_t at)
{
	for (size_t i = 0; i < s->certificates_count; i++)
		if (i != at &&
			span_eq(s->certificates[i].certificate, s->certificates[at].certificate))
			return true;
	return false;
}

/* Others put their certificates beside it: only those are parsed that may be the signer's. */
static enum reload_err certificate_find(struct reload_incoming *in,
	const struct reload_signer_identity *identity, struct reload_cert **cert,
	struct reload_id *node)
{
	const struct reload_security_block *s = &in->msg->security;
	const struct reload_ident_ops *ops = reload_trust_ops(in->exchange->engine->config->trust);
	for (size_t i = 0; i < s->certificates_count; i++) {
		if (in->certificates_tried & 1u << i ||
			!reload_cert_may_denote(ops, s->certificates[i].certificate, identity))
			continue;
		if (certificate_repeats(s, i))
			return RELOAD_BAD_CERT;
		(void)certificate_parse(in, i);
	}
	for (size_t i = 0; i < in->certificates_count; i++)
		if (reload_cert_denotes(in->certificates[i], identity, node)) {
			*cert = reload_cert_ref(in->certificates[i]);
			return RELOAD_OK;
		}
	return RELOAD_NO_SIGNER;
}

enum reload_err reload_signer_find(struct reload_incoming *in,
	const struct reload_signer_identity *identity, struct reload_cert **cert,
	struct reload_id *node, bool *known)
{
	struct reload_exchange *x = in->exchange;
	if (identity->type == RELOAD_IDENTITY_NONE)
		return RELOAD_NO_SIGNER;
	struct reload_cert *cached = reload_cache_find(x->cache, identity, x->engine->wall, node);
	if (cached) {
		*cert = reload_cert_ref(cached);
		*known = true;
		return RELOAD_OK;
	}
	enum reload_err err = certificate_find(in, identity, cert, node);
	if (!err)
		*known = reload_cache_has(x->cache, (*cert)->fingerprint, x->engine->wall);
	return err;
}

/* Its issuer stands in a certificate of these bytes, as that one's name if it is the issuer's. */
static bool may_issue(struct span der, const struct reload_cert *cert)
{
	return !cert->issuer.len || memmem(der.at, der.len, cert->issuer.at, cert->issuer.len);
}

/* Parses the message's certificates that may have issued cert, or one of those, at most RELOAD_CHAIN_MAX of them. */
static void issuers_parse(struct reload_incoming *in, const struct reload_cert *cert)
{
	const struct reload_security_block *s = &in->msg->security;
	const struct reload_cert *below[1 + RELOAD_CHAIN_MAX] = { cert };
	size_t count = 1;
	for (size_t k = 0; k < count; k++)
		for (size_t i = 0; i < s->certificates_count && count < COUNT_OF(below); i++) {
			const struct reload_cert *found = NULL;
			if (!(in->certificates_tried & 1u << i) &&
				may_issue(s->certificates[i].certificate, below[k]))
				found = certificate_parse(in, i);
			if (found)
				below[count++] = found;
		}
}

void reload_signer_check(
	struct reload_incoming *in, struct reload_job *job, const struct reload_cert *cert)
{
	struct reload_exchange *x = in->exchange;
	issuers_parse(in, cert);
	reload_job_check_cert(job, x->engine->config->trust, in->certificates,
		in->certificates_count, x->engine->wall);
}

/* With a value is kept what it was verified by: copied once for each signer of the message. */
static void chain_note(struct reload_incoming *in, struct reload_signed_value *check,
	const struct reload_chain *chain)
{
	struct reload_exchange *x = in->exchange;
	struct wr w;
	for (struct reload_signed_value *other = check; other-- > in->values;)
		if (other->cert == check->cert && other->certificates.len) {
			check->certificates = other->certificates;
			return;
		}
	wr_init(&w);
	reload_certificates_write(x, &w, check->cert, chain->at, chain->count);
	check->certificates = reload_arena_copy(&in->msg->arena, wr_done(&w));
	wr_clear(&w);
}

struct value_verification {
	struct reload_incoming *in;
	struct reload_signed_value *check;
};

static void value_verified(void *arg, struct reload_job *job)
{
	struct value_verification *v = arg;
	struct reload_incoming *in = v->in;
	v->check->err = job->err;
	if (!job->err) {
		if (job->trust) {
			reload_cache_add(in->exchange->cache, v->check->cert, &job->chain);
			chain_note(in, v->check, &job->chain);
		}
		reload_cache_value_add(in->exchange->cache, v->check->digest);
	}
	free(v);
	in->jobs--;
	in->on_jobs_done(in);
}

static void value_verify(
	struct reload_incoming *in, struct reload_signed_value *check, struct span resource)
{
	struct reload_exchange *x = in->exchange;
	const struct reload_signature *sig = &check->data->signature;
	bool known;
	check->err = reload_signer_find(in, &sig->identity, &check->cert, &check->signer, &known);
	if (check->err)
		return;
	struct reload_chain chain;
	known = known && reload_cache_chain(x->cache, check->cert->fingerprint, &chain);
	if (known)
		chain_note(in, check, &chain);
	struct reload_job *job = reload_job_verify(check->cert, sig);
	reload_stored_signature_input(
		&job->input, resource, check->kind, check->data, sig->identity_bytes);
	if (job->input.err) {
		check->err = RELOAD_BAD_VALUE;
		reload_job_free(job);
		return;
	}
	const struct span parts[] = { wr_done(&job->input), sig->value,
		span_of(check->cert->fingerprint, sizeof(check->cert->fingerprint)) };
	uint8_t digest[RELOAD_HASH_SIZE_MAX];
	reload_hash(digest, RELOAD_HASH_SHA256, parts, COUNT_OF(parts));
	memcpy(check->digest, digest, sizeof(check->digest));
	if (known && reload_cache_value_has(x->cache, check->digest)) {
		reload_engine_count(x->engine, RELOAD_COUNT_CACHE_HITS);
		reload_job_free(job);
		return;
	}
	if (!known)
		reload_signer_check(in, job, check->cert);
	struct value_verification *v = RELOAD_NEW(value_verification);
	v->in = in;
	v->check = check;
	in->jobs++;
	reload_engine_job(x->engine, job, value_verified, v);
}

void reload_values_verify(
	struct reload_incoming *in, struct span resource, void (*then)(struct reload_incoming *in))
{
	in->on_values_verified = then;
	in->jobs++; /* while the jobs are submitted */
	for (size_t i = 0; i < in->values_count; i++)
		if (!in->values[i].is_unsigned)
			value_verify(in, &in->values[i], resource);
	in->jobs--;
	if (then && !in->jobs)
		then(in);
}
