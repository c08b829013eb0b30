#include "exchange/internal.h"

#include "wire/limits.h"

/*
 * Signing as this node: contents are signed (a job), and the security block is put behind them.
 */

struct signing {
	struct reload_exchange *exchange;
	struct wr tail;  /* contents, then the security block */
	struct wr extra; /* GenericCertificates in wire form */
	reload_signed_fn fn;
	void *arg;
};

void reload_certificates_write(struct reload_exchange *x, struct wr *w,
	const struct reload_cert *cert, struct reload_cert *const *others, size_t others_count)
{
	for (size_t i = 0; i <= others_count; i++) {
		const struct reload_cert *c = i ? others[i - 1] : cert;
		if (i && (c == cert || reload_trust_is_root(x->engine->config->trust, c->der)))
			continue;
		struct reload_generic_certificate g = { .type = RELOAD_X509,
			.certificate = c->der };
		reload_wire_write(w, &reload_generic_certificate_wire, &x->engine->ctx, &g);
	}
}

bool reload_certificates_merge(struct reload_exchange *x, struct reload_generic_certificate *out,
	size_t *count, struct span list)
{
	struct rd r = rd_of(list);
	while (rd_more(&r)) {
		struct reload_generic_certificate g;
		reload_wire_read(&r, &reload_generic_certificate_wire, &x->engine->ctx, &g);
		bool there = r.err;
		for (size_t i = 0; i < *count && !there; i++)
			there = span_eq(out[i].certificate, g.certificate);
		if (!there && *count == RELOAD_LIMIT_CERTIFICATES)
			return false;
		if (!there)
			out[(*count)++] = g;
	}
	return true;
}

size_t reload_certificates_count(struct reload_exchange *x, struct span list)
{
	struct rd r = rd_of(list);
	size_t count = 0;
	for (; rd_more(&r); count++) {
		struct reload_generic_certificate g;
		reload_wire_read(&r, &reload_generic_certificate_wire, &x->engine->ctx, &g);
	}
	return count;
}

static void contents_signed(void *arg, struct reload_job *job)
{
	struct signing *s = arg;
	struct reload_exchange *x = s->exchange;
	struct reload_generic_certificate merged[RELOAD_LIMIT_CERTIFICATES];
	size_t count = 0;
	enum reload_err err = job->err;
	struct wr own;
	wr_init(&own);
	if (!err)
		reload_own_certificates_write(x, &own);
	if (!err && (!reload_certificates_merge(x, merged, &count, wr_done(&own)) ||
			    !reload_certificates_merge(x, merged, &count, wr_done(&s->extra))))
		err = RELOAD_MESSAGE_TOO_LARGE;
	if (!err) {
		struct reload_security_block block = { .certificates = merged,
			.certificates_count = count,
			.signature = { .hash_alg = job->hash_alg,
				.sig_alg = job->sig_alg,
				.value = wr_done(&job->signature) } };
		struct rd r = rd_of(wr_done(&x->identity));
		reload_wire_read(&r, &reload_signer_identity_wire, &x->engine->ctx,
			&block.signature.identity);
		reload_wire_write(&s->tail, &reload_security_block_wire, &x->engine->ctx, &block);
	}
	s->fn(s->arg, wr_done(&s->tail), err ? err : s->tail.err);
	wr_clear(&own);
	wr_clear(&s->tail);
	wr_clear(&s->extra);
	free(s);
}

void reload_sign_contents(struct reload_exchange *x, uint64_t transaction, struct span contents,
	const struct span *extra, size_t extra_count, reload_signed_fn fn, void *arg)
{
	struct signing *s = RELOAD_NEW(signing);
	s->exchange = x;
	s->fn = fn;
	s->arg = arg;
	wr_span(&s->tail, contents);
	for (size_t i = 0; i < extra_count; i++)
		wr_span(&s->extra, extra[i]);
	struct reload_job *job = reload_job_sign(x->credentials->key);
	reload_msg_signature_input(&job->input, x->engine->config->overlay_hash, transaction,
		contents, wr_done(&x->identity));
	reload_engine_job(x->engine, job, contents_signed, s);
}

struct reload_job *reload_sign_value(struct reload_exchange *x, const struct reload_id *resource,
	uint32_t kind, struct reload_stored_data *d)
{
	struct rd identity = rd_of(wr_done(&x->identity));
	reload_wire_read(
		&identity, &reload_signer_identity_wire, &x->engine->ctx, &d->signature.identity);
	struct reload_job *job = reload_job_sign(x->credentials->key);
	reload_stored_signature_input(
		&job->input, reload_id_span(resource), kind, d, wr_done(&x->identity));
	return job;
}

void reload_own_certificates_write(struct reload_exchange *x, struct wr *w)
{
	reload_certificates_write(
		x, w, x->credentials->cert, x->credentials->others, x->credentials->others_count);
}

void reload_identity_set(struct reload_exchange *x)
{
	wr_clear(&x->identity);
	wr_init(&x->identity);
	reload_cert_identity_write(&x->identity, x->credentials->cert, &x->engine->self);
}

void reload_identity_trust(struct reload_exchange *x)
{
	const struct reload_credentials *c = x->credentials;
	struct reload_chain chain;
	bool known = !reload_trust_chain(x->engine->config->trust, c->cert, c->others,
		c->others_count, x->engine->wall, &chain, NULL);
	reload_cache_add(x->cache, c->cert, known ? &chain : NULL);
}
