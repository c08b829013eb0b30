#include "peer/internal.h"

#include "storage/value_check.h"
#include "wire/limits.h"

_Static_assert(RELOAD_LIMIT_CERTIFICATES <= 32, "a bit for each");

/*
 * Signatures of stored values: found signers, one job each, and what was verified before is not verified again.
 */

/* The message's certificate at a place as one of the bucket; NULL: it was parsed before, or cannot be. */
static struct reload_cert *bucket_add(struct inbound *in, size_t at)
{
	const struct reload_security_block *s = &in->msg->security;
	struct reload_cert *cert;
	if (in->bucket_tried & 1u << at)
		return NULL;
	in->bucket_tried |= 1u << at;
	if (s->certificates[at].type != RELOAD_X509 ||
		reload_cert_parse(&cert, reload_trust_ops(in->peer->engine->config->trust),
			s->certificates[at].certificate, NULL))
		return NULL;
	if (!in->bucket)
		in->bucket = reload_alloc_array(s->certificates_count, sizeof(*in->bucket));
	return in->bucket[in->bucket_count++] = cert;
}

/* SEC-06: no two of one name. */
static bool bucket_repeats(const struct reload_security_block *s, size_t at)
{
	for (size_t i = 0; i < s->certificates_count; i++)
		if (i != at &&
			span_eq(s->certificates[i].certificate, s->certificates[at].certificate))
			return true;
	return false;
}

/* Others put their certificates beside it: only those are parsed that may be the signer's. */
static enum reload_err bucket_find(struct inbound *in,
	const struct reload_signer_identity *identity, struct reload_cert **cert,
	struct reload_id *node)
{
	const struct reload_security_block *s = &in->msg->security;
	const struct reload_ident_ops *ops = reload_trust_ops(in->peer->engine->config->trust);
	for (size_t i = 0; i < s->certificates_count; i++) {
		if (in->bucket_tried & 1u << i ||
			!reload_cert_may_denote(ops, s->certificates[i].certificate, identity))
			continue;
		if (bucket_repeats(s, i))
			return RELOAD_BAD_CERT;
		(void)bucket_add(in, i);
	}
	for (size_t i = 0; i < in->bucket_count; i++)
		if (reload_cert_denotes(in->bucket[i], identity, node)) {
			*cert = reload_cert_ref(in->bucket[i]);
			return RELOAD_OK;
		}
	return RELOAD_NO_SIGNER;
}

enum reload_err reload_signer_find(struct inbound *in,
	const struct reload_signer_identity *identity, struct reload_cert **cert,
	struct reload_id *node, bool *known)
{
	struct reload_peer *p = in->peer;
	if (identity->type == RELOAD_IDENTITY_NONE)
		return RELOAD_NO_SIGNER;
	struct reload_cert *cached = reload_cache_find(p->cache, identity, p->engine->wall, node);
	if (cached) {
		*cert = reload_cert_ref(cached);
		*known = true;
		return RELOAD_OK;
	}
	enum reload_err err = bucket_find(in, identity, cert, node);
	if (!err)
		*known = reload_cache_has(p->cache, (*cert)->fingerprint, p->engine->wall);
	return err;
}

/* Its issuer stands in a certificate of these bytes, as that one's name if it is the issuer's. */
static bool may_issue(struct span der, const struct reload_cert *cert)
{
	return !cert->issuer.len || memmem(der.at, der.len, cert->issuer.at, cert->issuer.len);
}

/* Parses the message's certificates that may have issued cert, or one of those, at most RELOAD_CHAIN_MAX of them. */
static void bucket_chain(struct inbound *in, const struct reload_cert *cert)
{
	const struct reload_security_block *s = &in->msg->security;
	const struct reload_cert *below[1 + RELOAD_CHAIN_MAX] = { cert };
	size_t count = 1;
	for (size_t k = 0; k < count; k++)
		for (size_t i = 0; i < s->certificates_count && count < COUNT_OF(below); i++) {
			const struct reload_cert *found = NULL;
			if (!(in->bucket_tried & 1u << i) &&
				may_issue(s->certificates[i].certificate, below[k]))
				found = bucket_add(in, i);
			if (found)
				below[count++] = found;
		}
}

void reload_signer_check(struct inbound *in, struct reload_job *job, const struct reload_cert *cert)
{
	struct reload_peer *p = in->peer;
	bucket_chain(in, cert);
	reload_job_check_cert(
		job, p->engine->config->trust, in->bucket, in->bucket_count, p->engine->wall);
}

/* With a value is kept what it was verified by: copied once for each signer of the message. */
static void chain_keep(
	struct inbound *in, struct value_check *check, const struct reload_chain *chain)
{
	struct reload_peer *p = in->peer;
	struct wr w;
	for (struct value_check *other = check; other-- > in->values;)
		if (other->cert == check->cert && other->certificates.len) {
			check->certificates = other->certificates;
			return;
		}
	wr_init(&w);
	reload_certificates_write(p, &w, check->cert, chain->at, chain->count);
	check->certificates = reload_arena_copy(&in->msg->arena, wr_done(&w));
	wr_clear(&w);
}

struct value_job {
	struct inbound *in;
	struct value_check *check;
};

static void value_done(void *arg, struct reload_job *job)
{
	struct value_job *v = arg;
	struct inbound *in = v->in;
	v->check->err = job->err;
	if (!job->err) {
		if (job->trust) {
			reload_cache_add(in->peer->cache, v->check->cert, &job->chain);
			chain_keep(in, v->check, &job->chain);
		}
		reload_cache_value_add(in->peer->cache, v->check->digest);
	}
	free(v);
	in->jobs--;
	reload_inbound_job_done(in);
}

static void value_start(struct inbound *in, struct value_check *check, struct span resource)
{
	struct reload_peer *p = in->peer;
	const struct reload_signature *sig = &check->data->signature;
	bool known;
	check->err = reload_signer_find(in, &sig->identity, &check->cert, &check->signer, &known);
	if (check->err)
		return;
	struct reload_chain chain;
	known = known && reload_cache_chain(p->cache, check->cert->fingerprint, &chain);
	if (known)
		chain_keep(in, check, &chain);
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
	if (known && reload_cache_value_has(p->cache, check->digest)) {
		reload_engine_count(p->engine, RELOAD_COUNT_CACHE_HITS);
		reload_job_free(job);
		return;
	}
	if (!known)
		reload_signer_check(in, job, check->cert);
	struct value_job *v = RELOAD_NEW(value_job);
	v->in = in;
	v->check = check;
	in->jobs++;
	reload_engine_job(p->engine, job, value_done, v);
}

void reload_values_verify(
	struct inbound *in, struct span resource, void (*then)(struct inbound *in))
{
	in->then = then;
	in->jobs++; /* while the jobs are submitted */
	for (size_t i = 0; i < in->values_count; i++)
		if (!reload_stored_unsigned(in->values[i].data))
			value_start(in, &in->values[i], resource);
	in->jobs--;
	if (then && !in->jobs)
		then(in);
}

/* -- rollback: what was seen in the newest version (STO-25) ----------------------------------------------------------------- */

enum {
	ROLLBACK_MAX = 4096
}; /* at the maximum the table starts anew: a warning may be missed */

struct seen {
	RB_ENTRY(seen) entry;
	uint8_t place[32]; /* SHA-256 of resource, kind, index and key */
	uint64_t storage_time;
};

RB_HEAD(seen_tree, seen);

struct rollback {
	struct seen_tree tree;
	size_t count;
};

static int seen_cmp(struct seen *a, struct seen *b)
{
	return memcmp(a->place, b->place, sizeof(a->place));
}

RELOAD_TREE(seen_tree, seen, entry, seen_cmp)

void reload_values_forget(struct reload_peer *p)
{
	struct seen *s;
	if (!p->rollback)
		return;
	while ((s = RB_MIN(seen_tree, &p->rollback->tree))) {
		RB_REMOVE(seen_tree, &p->rollback->tree, s);
		free(s);
	}
	free(p->rollback);
	p->rollback = NULL;
}

bool reload_values_rolled_back(struct reload_peer *p, struct span resource, uint32_t kind,
	const struct reload_stored_data *d)
{
	uint8_t numbers[8], digest[RELOAD_HASH_SIZE_MAX];
	struct wr w = wr_fixed(numbers, sizeof(numbers));
	wr_u32(&w, kind);
	wr_u32(&w, d->value.index);
	const struct span parts[] = { resource, span_of(numbers, sizeof(numbers)), d->value.key };
	reload_hash(digest, RELOAD_HASH_SHA256, parts, COUNT_OF(parts));
	if (p->rollback && p->rollback->count >= ROLLBACK_MAX)
		reload_values_forget(p);
	if (!p->rollback)
		p->rollback = RELOAD_NEW(rollback);
	struct seen key, *s;
	memcpy(key.place, digest, sizeof(key.place));
	if (!(s = RB_FIND(seen_tree, &p->rollback->tree, &key))) {
		s = RELOAD_NEW(seen);
		memcpy(s->place, digest, sizeof(s->place));
		RB_INSERT(seen_tree, &p->rollback->tree, s);
		p->rollback->count++;
	}
	bool older = d->storage_time < s->storage_time;
	if (!older)
		s->storage_time = d->storage_time;
	return older;
}
