#include "peer/internal.h"

#include "storage/judge.h"

/*
 * Signatures of stored values: found signers, one job each, and what was verified before is not verified again.
 */

/* Parses the message's certificates, once, when one of them is needed.  SEC-06: no two of one name. */
static enum reload_err bucket_parse(struct inbound *in)
{
	const struct reload_security_block *s = &in->msg->security;
	if (in->bucket_parsed)
		return RELOAD_OK;
	in->bucket_parsed = true;
	in->bucket = reload_alloc_array(s->certificates_count, sizeof(*in->bucket));
	for (size_t i = 0; i < s->certificates_count; i++) {
		struct reload_cert *cert;
		if (s->certificates[i].type != RELOAD_X509 ||
			reload_cert_parse(&cert, reload_trust_ops(in->peer->config->trust),
				s->certificates[i].certificate, NULL))
			continue;
		for (size_t k = 0; k < in->bucket_count; k++)
			if (!memcmp(in->bucket[k]->fingerprint, cert->fingerprint,
				    sizeof(cert->fingerprint))) {
				reload_cert_free(cert);
				return RELOAD_BAD_CERT;
			}
		in->bucket[in->bucket_count++] = cert;
	}
	return RELOAD_OK;
}

enum reload_err reload_signer_find(struct inbound *in,
	const struct reload_signer_identity *identity, struct reload_cert **cert,
	struct reload_id *node, bool *known)
{
	struct reload_peer *p = in->peer;
	if (identity->type == RELOAD_IDENTITY_NONE)
		return RELOAD_NO_SIGNER;
	struct reload_cert *cached = reload_cache_find(p->cache, identity, p->wall, node);
	if (cached) {
		*cert = reload_cert_ref(cached);
		*known = true;
		return RELOAD_OK;
	}
	if (bucket_parse(in))
		return RELOAD_BAD_CERT;
	for (size_t i = 0; i < in->bucket_count; i++)
		if (reload_cert_denotes(in->bucket[i], identity, node)) {
			*cert = reload_cert_ref(in->bucket[i]);
			*known = reload_cache_has(p->cache, in->bucket[i]->fingerprint, p->wall);
			return RELOAD_OK;
		}
	return RELOAD_NO_SIGNER;
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
		if (job->trust)
			reload_cache_add(in->peer->cache, v->check->cert);
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
		reload_peer_count(p, RELOAD_COUNT_CACHE_HITS);
		reload_job_free(job);
		return;
	}
	if (!known)
		reload_job_check_cert(job, p->config->trust, in->bucket, in->bucket_count, p->wall);
	struct value_job *v = RELOAD_NEW(value_job);
	v->in = in;
	v->check = check;
	in->jobs++;
	reload_peer_job(p, job, value_done, v);
}

void reload_values_start(struct inbound *in, struct span resource)
{
	for (size_t i = 0; i < in->values_count; i++)
		if (!reload_stored_unsigned(in->values[i].data))
			value_start(in, &in->values[i], resource);
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
