#include "storage/proof.h"

#include "ident/job.h"
#include "storage/answer_fit.h"
#include "topology/topology.h"
#include "util/text.h"
#include "wire/table.h"

#include <stdio.h>

enum {
	VERSION = 1
};

static const uint64_t magic = 0x524c4450524f4f46; /* "RLDPROOF" */

/* clang-format off */
static const struct wire_field head_fields[] = {
	{ WIRE_INT(struct reload_proof_head, magic), WIRE_HEX },
	{ WIRE_INT(struct reload_proof_head, version) },
	{ WIRE_BYTES(struct reload_proof_head, overlay, 1), WIRE_TEXT },
};
static const struct wire_type head_wire = WIRE_TYPE(struct reload_proof_head, "ProofHead", head_fields);

static const struct wire_field proof_fields[] = {
	{ WIRE_STRUCT(struct reload_proof, head, head_wire) },
	{ WIRE_BYTES(struct reload_proof, resource, 1) },
	{ WIRE_BYTES(struct reload_proof, name, 2), WIRE_TEXT },
	{ WIRE_KIND(struct reload_proof, kind) },
	{ WIRE_INT(struct reload_proof, fetched) },
	{ WIRE_VEC(struct reload_proof, values, 4, reload_stored_data_wire), WIRE_LIMIT(RELOAD_LIMIT_VALUES) },
	{ WIRE_VEC(struct reload_proof, certificates, 4, reload_generic_certificate_wire),
		WIRE_LIMIT(RELOAD_PROOF_CERTIFICATES_MAX) },
};
/* clang-format on */
static const struct wire_type proof_wire = WIRE_TYPE(struct reload_proof, "Proof", proof_fields);

static void checksum(uint8_t out[RELOAD_PROOF_CHECKSUM], struct span bytes)
{
	uint8_t digest[RELOAD_HASH_SIZE_MAX];
	reload_hash(digest, RELOAD_HASH_SHA256, &bytes, 1);
	memcpy(out, digest, RELOAD_PROOF_CHECKSUM);
}

void reload_proof_write(struct wr *w, const struct wire_ctx *ctx, const struct reload_proof *proof)
{
	struct reload_proof p = *proof;
	size_t start = w->len;
	p.head.magic = magic;
	p.head.version = VERSION;
	reload_wire_write(w, &proof_wire, ctx, &p);
	if (w->err)
		return;
	checksum(p.checksum, span_of(w->at + start, w->len - start));
	wr_bytes(w, p.checksum, sizeof(p.checksum));
}

static enum reload_err refuse(struct reload_error_text *why, const char *reason)
{
	return reload_error_explain(
		why, RELOAD_BAD_VALUE, "the proof cannot be read", "%s", reason);
}

/* The bytes in front of the checksum. */
static enum reload_err checked_body(
	struct span *out, struct span bytes, struct reload_error_text *why)
{
	uint8_t expected[RELOAD_PROOF_CHECKSUM];
	if (bytes.len > RELOAD_PROOF_MAX)
		return refuse(why, "it is larger than any proof");
	if (bytes.len < sizeof(magic) + RELOAD_PROOF_CHECKSUM)
		return refuse(why, "it is too short for a proof");
	*out = span_of(bytes.at, bytes.len - RELOAD_PROOF_CHECKSUM);
	checksum(expected, *out);
	if (memcmp(expected, out->at + out->len, sizeof(expected)) != 0)
		return refuse(why, "it is no proof, or bytes of it were changed or lost");
	return RELOAD_OK;
}

static enum reload_err head_check(
	const struct reload_proof_head *head, struct reload_error_text *why)
{
	char name[RELOAD_OVERLAY_NAME_MAX + 1];
	if (head->magic != magic)
		return refuse(why, "it does not begin as a proof does");
	if (head->version != VERSION)
		return refuse(why, "it is of another version");
	if (!reload_utf8_valid(head->overlay))
		return refuse(why, "its overlay has no name");
	snprintf(name, sizeof(name), "%.*s", (int)head->overlay.len,
		head->overlay.len ? (const char *)head->overlay.at : "");
	return reload_overlay_name_valid(name) ? RELOAD_OK
					       : refuse(why, "its overlay has no DNS name");
}

enum reload_err reload_proof_overlay(
	struct span *out, struct span bytes, struct reload_error_text *why)
{
	struct span body;
	enum reload_err err = checked_body(&body, bytes, why);
	if (err)
		return err;
	struct reload_proof_head head;
	struct wire_ctx ctx = { .node_id_len = RELOAD_NODE_ID_MIN };
	struct rd r = rd_of(body);
	reload_wire_read(&r, &head_wire, &ctx, &head);
	if (r.err)
		return refuse(why, reload_err_text(r.err));
	err = head_check(&head, why);
	if (!err)
		*out = head.overlay;
	return err;
}

/* Whether what the proof says about itself fits together. */
static enum reload_err consistent(const struct reload_proof *p, const struct reload_config *config,
	struct reload_arena *arena, struct reload_error_text *why)
{
	const struct reload_topology_ops *topology = reload_topology_find(config->topology_plugin);
	struct reload_id id, hashed;
	if (!span_eq(p->head.overlay, span_str(config->instance_name)))
		return refuse(why, "it is of another overlay than the configuration");
	if (!reload_config_kind(config, p->kind))
		return refuse(why, "the configuration does not know its Kind");
	if (!p->values_count)
		return refuse(why, "it holds no value");
	if (!reload_values_apart(
		    reload_config_kind(config, p->kind)->model, p->values, p->values_count, arena))
		return refuse(why, "two of its values have the same place");
	if (!topology || reload_id_from(&id, p->resource))
		return refuse(why, "its Resource-ID is too long");
	if (!p->name.len)
		return RELOAD_OK;
	topology->resource_id(&hashed, p->name);
	if (!reload_utf8_valid(p->name) || !reload_id_eq(&id, &hashed))
		return refuse(why, "its Resource Name does not make its Resource-ID");
	return RELOAD_OK;
}

enum reload_err reload_proof_read(struct reload_proof *out, struct span bytes,
	const struct reload_config *config, struct reload_arena *arena,
	struct reload_error_text *why)
{
	struct span body;
	enum reload_err err = checked_body(&body, bytes, why);
	if (err)
		return err;
	struct reload_proof p;
	struct wire_ctx ctx = reload_config_wire_ctx(config);
	ctx.arena = arena;
	err = reload_wire_decode(body, &proof_wire, &ctx, &p);
	if (err)
		return refuse(why, reload_err_text(err));
	err = head_check(&p.head, why);
	if (!err)
		err = consistent(&p, config, arena, why);
	if (!err)
		*out = p;
	return err;
}

/* The certificates of a proof, parsed; bytes that are no certificate count as damage. */
struct certificates {
	struct reload_cert *certs[RELOAD_PROOF_CERTIFICATES_MAX];
	size_t count;
};

static void certificates_clear(struct certificates *b)
{
	for (size_t i = 0; i < b->count; i++)
		reload_cert_free(b->certs[i]);
}

static enum reload_err certificates_parse(struct certificates *b, const struct reload_proof *p,
	const struct reload_config *config, struct reload_error_text *why)
{
	for (size_t i = 0; i < p->certificates_count; i++) {
		if (p->certificates[i].type != RELOAD_X509)
			return reload_error_explain(why, RELOAD_BAD_CERT, "the proof does not hold",
				"a certificate of it has an unknown type");
		enum reload_err err = reload_cert_parse(&b->certs[b->count],
			reload_trust_ops(config->trust), p->certificates[i].certificate, why);
		if (err)
			return err;
		b->count++;
	}
	return RELOAD_OK;
}

static enum reload_err find_signer(struct reload_proof_verdict *v, const struct certificates *b,
	const struct reload_signer_identity *identity)
{
	for (size_t i = 0; i < b->count; i++)
		if (reload_cert_denotes(b->certs[i], identity, &v->signer)) {
			v->cert = reload_cert_ref(b->certs[i]);
			return RELOAD_OK;
		}
	return RELOAD_NO_SIGNER;
}

/* Signature and certificate, as the engine has them checked. */
static enum reload_err verify(struct reload_proof_verdict *v, const struct certificates *b,
	const struct reload_proof *p, const struct reload_stored_data *d,
	const struct reload_config *config)
{
	enum reload_err err = find_signer(v, b, &d->signature.identity);
	if (err)
		return err;
	AUTO(reload_job) job = reload_job_verify(v->cert, &d->signature);
	reload_stored_signature_input(
		&job->input, p->resource, p->kind, d, d->signature.identity_bytes);
	reload_job_check_cert(job, config->trust, b->certs, b->count, p->fetched);
	reload_job_run(job);
	return job->err;
}

static enum reload_err value_verdict(struct reload_proof_verdict *v, const struct certificates *b,
	const struct reload_proof *p, const struct reload_stored_data *d,
	const struct reload_config *config)
{
	struct reload_id resource;
	if (reload_stored_unsigned(d)) /* it has no signature */
		return RELOAD_NO_SIGNER;
	if (reload_id_from(&resource, p->resource))
		return RELOAD_BAD_VALUE;
	enum reload_err verified = verify(v, b, p, d, config);
	return reload_value_check(&(struct reload_value_claim){ .config = config,
		.resource = &resource,
		.kind = p->kind,
		.data = d,
		.verified = verified,
		.cert = v->cert,
		.signer = &v->signer,
		.resource_id = reload_topology_find(config->topology_plugin)->resource_id,
		.now = p->fetched });
}

enum reload_err reload_proof_check(const struct reload_proof *proof,
	const struct reload_config *config, reload_utc now, struct reload_proof_verdict *verdicts,
	struct reload_error_text *why)
{
	struct certificates b = { .count = 0 };
	memset(verdicts, 0, proof->values_count * sizeof(*verdicts));
	if (proof->fetched > now && proof->fetched - now > RELOAD_NOT_BEFORE_SKEW_MS)
		return reload_error_explain(why, RELOAD_BAD_VALUE, "the proof does not hold",
			"it says that it was made in the future");
	enum reload_err err = certificates_parse(&b, proof, config, why);
	for (size_t i = 0; !err && i < proof->values_count; i++) {
		struct reload_proof_verdict *v = &verdicts[i];
		v->err = value_verdict(v, &b, proof, &proof->values[i], config);
		if (!v->err)
			continue;
		err = reload_error_explain(why, v->err, "the proof does not hold",
			"value %zu of %zu: %s", i + 1, proof->values_count,
			reload_err_text(v->err));
	}
	certificates_clear(&b);
	return err;
}

void reload_proof_verdict_clear(struct reload_proof_verdict *verdict)
{
	reload_cert_free(verdict->cert);
	*verdict = (struct reload_proof_verdict){ 0 };
}
