/*
 * Proofs of stored values from unknown senders.  The input is what stands in front of the checksum, which is made here;
 * the bytes without it are tried too.
 */
#include "storage/proof.h"

#include <assert.h>

enum {
	VERDICTS = 4096 /* RELOAD_LIMIT_VALUES */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const reload_utc now = 1767225600000;

static struct reload_kind kinds[] = {
	{ .id = 0xf0000001,
		.model = RELOAD_MODEL_SINGLE,
		.access = RELOAD_ACCESS_USER_MATCH,
		.max_count = 1,
		.max_size = 100 },
	{ .id = 0xf0000002,
		.model = RELOAD_MODEL_ARRAY,
		.access = RELOAD_ACCESS_NODE_MATCH,
		.max_count = 10,
		.max_size = 100 },
	{ .id = 0xf0000003,
		.model = RELOAD_MODEL_DICTIONARY,
		.access = RELOAD_ACCESS_USER_NODE_MATCH,
		.max_count = 10,
		.max_size = 100 },
};

static void try_bytes(const struct reload_config *config, struct span bytes)
{
	struct reload_arena arena = { 0 };
	struct reload_error_text why = { "", "", "" };
	struct reload_proof p;
	struct span overlay;
	uint8_t *copy = reload_memdup(bytes.at, bytes.len);
	bool read = !reload_proof_overlay(&overlay, span_of(copy, bytes.len), &why) &&
		    !reload_proof_read(&p, span_of(copy, bytes.len), config, &arena, &why);
	assert(read || *why.reason);
	if (read) {
		assert(p.values_count && p.values_count <= VERDICTS);
		struct reload_proof_verdict *v =
			reload_alloc_array(p.values_count, sizeof(struct reload_proof_verdict));
		enum reload_err err = reload_proof_check(&p, config, now, v, &why);
		assert(!err || *why.reason);
		for (size_t i = 0; i < p.values_count; i++) {
			assert(err || (v[i].cert && !v[i].err));
			reload_proof_verdict_clear(&v[i]);
		}
		free(v);
	}
	reload_arena_clear(&arena);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reload_config config = { .instance_name = "overlay.example",
		.topology_plugin = "CHORD-RELOAD",
		.node_id_len = 16,
		.kinds = { kinds, COUNT_OF(kinds) } };
	struct reload_trust_setup setup = { .ops = &reload_ident_openssl,
		.overlay = config.instance_name,
		.node_id_len = 16,
		.self_signed_digest = RELOAD_HASH_SHA256 };
	if (reload_trust_new(&config.trust, &setup, NULL))
		return 0;
	struct span body = span_of(data, size);
	uint8_t digest[RELOAD_HASH_SIZE_MAX];
	struct wr w;
	wr_init(&w);
	wr_span(&w, body);
	reload_hash(digest, RELOAD_HASH_SHA256, &body, 1);
	wr_bytes(&w, digest, RELOAD_PROOF_CHECKSUM);
	try_bytes(&config, body);
	try_bytes(&config, wr_done(&w));
	wr_clear(&w);
	reload_trust_free(config.trust);
	return 0;
}
