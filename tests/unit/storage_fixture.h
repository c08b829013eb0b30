/* A small overlay for tests of the storage room: its Kinds, three certificates made by hand, and requests built up. */
#pragma once

#include "ident/cert.h"
#include "storage/access.h"
#include "storage/fetch.h"
#include "storage/store.h"
#include "util/bytes.h"

#include <assert.h>

enum {
	K_SINGLE = 0xf0000001,    /* USER-MATCH */
	K_ARRAY = 0xf0000002,     /* USER-MATCH, 5 values of 10 bytes */
	K_DICT = 0xf0000003,      /* USER-MATCH, 3 values */
	K_USER_NODE = 0xf0000004, /* dictionary, USER-NODE-MATCH */
	K_NODE = 0xf0000005,      /* single value, NODE-MATCH */
	K_MULTIPLE = 0xf0000006,  /* array, NODE-MULTIPLE up to 3 */
	K_UNKNOWN = 0xf00000ff,
	KINDS = 9,
	REQ_KINDS = 6,
	REQ_VALUES = 16,
	T0 = 1000000,    /* the storer's clock at the start */
	DAY = 24 * 3600, /* a lifetime */
	HOUR_MS = 3600000,
};

struct fixture {
	struct reload_kind kinds[KINDS];
	struct reload_config config;
	struct reload_id node_a, node_b, node_m[2];
	struct reload_cert alice, bob, multi; /* multi: alice's as well, with two Node-IDs */
	struct reload_signer by_alice, by_bob, by_multi_1, by_multi_2;
	struct reload_id at_alice, at_bob; /* the resources of the user names */
	struct reload_storage *storage;
	struct reload_arena arena;
	reload_utc now;
	/* the request that is being built */
	struct reload_store_kind req_kinds[REQ_KINDS];
	struct reload_stored_data req_values[REQ_KINDS][REQ_VALUES];
	struct reload_signer signers[REQ_KINDS * REQ_VALUES];
	struct span certificates[REQ_KINDS * REQ_VALUES];
	size_t signers_count;
	struct reload_store_req req;
	struct reload_store_work work;
};

/* SHA-1 cut to 16 bytes, as CHORD-RELOAD does. */
static inline void fixture_resource_id(struct reload_id *out, struct span name)
{
	uint8_t digest[RELOAD_HASH_SIZE_MAX];
	size_t len = reload_hash(digest, RELOAD_HASH_SHA1, &name, 1);
	assert(len == 20);
	*out = (struct reload_id){ .len = 16 };
	memcpy(out->at, digest, 16);
}

static inline struct reload_id id_of(const char *hex)
{
	struct reload_id id;
	enum reload_err err = reload_id_from_hex(&id, hex);
	assert(!err);
	return id;
}

static inline struct reload_id resource_of(struct span name)
{
	struct reload_id id;
	fixture_resource_id(&id, name);
	return id;
}

/* H(node || i) */
static inline struct reload_id resource_of_node(const struct reload_id *node, unsigned i)
{
	uint8_t name[RELOAD_ID_MAX + 1];
	memcpy(name, node->at, node->len);
	name[node->len] = (uint8_t)i;
	return resource_of(span_of(name, node->len + (i ? 1u : 0u)));
}

static inline void fixture_new(struct fixture *x)
{
	*x = (struct fixture){ .now = T0 };
	const struct reload_kind kinds[KINDS] = {
		{ .id = 0x2,
			.model = RELOAD_MODEL_SINGLE,
			.access = RELOAD_ACCESS_NODE_MULTIPLE,
			.max_count = 1,
			.max_size = 100,
			.max_node_multiple = 20 },
		{ .id = 0x3,
			.model = RELOAD_MODEL_ARRAY,
			.access = RELOAD_ACCESS_NODE_MATCH,
			.max_count = 10,
			.max_size = 2500 },
		{ .id = 0x10,
			.model = RELOAD_MODEL_ARRAY,
			.access = RELOAD_ACCESS_USER_MATCH,
			.max_count = 10,
			.max_size = 2500 },
		{ .id = K_SINGLE,
			.model = RELOAD_MODEL_SINGLE,
			.access = RELOAD_ACCESS_USER_MATCH,
			.max_count = 1,
			.max_size = 100 },
		{ .id = K_ARRAY,
			.model = RELOAD_MODEL_ARRAY,
			.access = RELOAD_ACCESS_USER_MATCH,
			.max_count = 5,
			.max_size = 10 },
		{ .id = K_DICT,
			.model = RELOAD_MODEL_DICTIONARY,
			.access = RELOAD_ACCESS_USER_MATCH,
			.max_count = 3,
			.max_size = 100 },
		{ .id = K_USER_NODE,
			.model = RELOAD_MODEL_DICTIONARY,
			.access = RELOAD_ACCESS_USER_NODE_MATCH,
			.max_count = 3,
			.max_size = 100 },
		{ .id = K_NODE,
			.model = RELOAD_MODEL_SINGLE,
			.access = RELOAD_ACCESS_NODE_MATCH,
			.max_count = 1,
			.max_size = 100 },
		{ .id = K_MULTIPLE,
			.model = RELOAD_MODEL_ARRAY,
			.access = RELOAD_ACCESS_NODE_MULTIPLE,
			.max_count = 5,
			.max_size = 100,
			.max_node_multiple = 3 },
	};
	memcpy(x->kinds, kinds, sizeof(kinds));
	x->config.kinds.at = x->kinds;
	x->config.kinds.count = KINDS;
	x->config.node_id_len = 16;
	x->node_a = id_of("101112131415161718191a1b1c1d1e1f");
	x->node_b = id_of("b01112131415161718191a1b1c1d1e1f");
	x->node_m[0] = id_of("202122232425262728292a2b2c2d2e2f");
	x->node_m[1] = id_of("303132333435363738393a3b3c3d3e3f");
	static char alice[] = "alice@overlay.example.org", bob[] = "bob@overlay.example.org";
	x->alice =
		(struct reload_cert){ .node_ids = &x->node_a, .node_ids_count = 1, .user = alice };
	x->bob = (struct reload_cert){ .node_ids = &x->node_b, .node_ids_count = 1, .user = bob };
	x->multi =
		(struct reload_cert){ .node_ids = x->node_m, .node_ids_count = 2, .user = alice };
	x->by_alice = (struct reload_signer){ &x->alice, x->node_a };
	x->by_bob = (struct reload_signer){ &x->bob, x->node_b };
	x->by_multi_1 = (struct reload_signer){ &x->multi, x->node_m[0] };
	x->by_multi_2 = (struct reload_signer){ &x->multi, x->node_m[1] };
	x->at_alice = resource_of(span_str(alice));
	x->at_bob = resource_of(span_str(bob));
	x->storage = reload_storage_memory_new(1 << 20, HOUR_MS);
}

static inline void fixture_clear(struct fixture *x)
{
	reload_storage_free(x->storage);
	reload_arena_clear(&x->arena);
}

/* req_new() starts a request of alice for the resource of her name; the caller changes what is to be otherwise. */
static inline void req_new(struct fixture *x)
{
	reload_arena_clear(&x->arena);
	x->signers_count = 0;
	x->req = (struct reload_store_req){ .kind_data = x->req_kinds };
	x->work = (struct reload_store_work){ .config = &x->config,
		.storage = x->storage,
		.req = &x->req,
		.resource = x->at_alice,
		.resource_id = fixture_resource_id,
		.may_store_here = true,
		.request_signer = x->by_alice,
		.value_signers = x->signers,
		.value_certificates = x->certificates,
		.now = x->now,
		.arena = &x->arena };
}

static inline void req_kind(struct fixture *x, uint32_t kind, uint64_t generation)
{
	assert(x->req.kind_data_count < REQ_KINDS);
	size_t i = x->req.kind_data_count++;
	x->req_kinds[i] = (struct reload_store_kind){ kind, generation, x->req_values[i], 0 };
}

/* req_value() appends a value of model to the last Kind; NULL as value removes.  Returns it, to be changed. */
static inline struct reload_stored_data *req_value(struct fixture *x, enum reload_data_model model,
	uint32_t index, const char *key, const char *value, uint64_t time)
{
	static const uint8_t hash[32] = { 1 };
	struct reload_store_kind *k = &x->req_kinds[x->req.kind_data_count - 1];
	assert(k->values_count < REQ_VALUES);
	struct reload_stored_data *d = &k->values[k->values_count++];
	*d = (struct reload_stored_data){ .storage_time = time, .lifetime = DAY };
	d->value = (struct reload_stored_value){
		.model = (uint8_t)model, .index = index, .exists = value != NULL
	};
	d->value.key = key ? span_str(key) : (struct span){ NULL, 0 };
	d->value.value = value ? span_str(value) : (struct span){ NULL, 0 };
	d->signature = (struct reload_signature){ .hash_alg = RELOAD_HASH_SHA256,
		.sig_alg = RELOAD_SIG_RSA };
	d->signature.identity = (struct reload_signer_identity){ RELOAD_CERT_HASH,
		RELOAD_HASH_SHA256, span_of(hash, sizeof(hash)) };
	d->signature.value = span_str("signature");
	x->signers[x->signers_count] = x->by_alice;
	x->certificates[x->signers_count++] = span_str("certificate of alice");
	return d;
}

static inline struct reload_stored_data *req_single(
	struct fixture *x, const char *value, uint64_t time)
{
	return req_value(x, RELOAD_MODEL_SINGLE, 0, NULL, value, time);
}

static inline struct reload_stored_data *req_array(
	struct fixture *x, uint32_t index, const char *value, uint64_t time)
{
	return req_value(x, RELOAD_MODEL_ARRAY, index, NULL, value, time);
}

static inline struct reload_stored_data *req_dict(
	struct fixture *x, const char *key, const char *value, uint64_t time)
{
	return req_value(x, RELOAD_MODEL_DICTIONARY, 0, key, value, time);
}

static inline void count_done(void *arg, enum reload_err err)
{
	assert(!err);
	++*(int *)arg;
}

/* req_store() runs the request as the engine does: begin, accept, commit. */
static inline enum reload_err req_store(struct fixture *x)
{
	int done = 0;
	enum reload_err err = reload_store_begin(&x->work);
	assert(err || x->work.values_count == x->signers_count);
	if (!err)
		err = reload_store_accept(&x->work);
	if (!err && x->work.changed)
		err = x->storage->ops->commit(x->storage, &x->work.batch, count_done, &done);
	assert(done == (!err && x->work.changed));
	return err;
}

/* store_one() stores one value of alice's at her resource. */
static inline enum reload_err store_single(struct fixture *x, const char *value, uint64_t time)
{
	req_new(x);
	req_kind(x, K_SINGLE, 0);
	req_single(x, value, time);
	return req_store(x);
}

static inline enum reload_err store_array(
	struct fixture *x, uint32_t index, const char *value, uint64_t time)
{
	req_new(x);
	req_kind(x, K_ARRAY, 0);
	req_array(x, index, value, time);
	return req_store(x);
}

static inline enum reload_err store_dict(
	struct fixture *x, const char *key, const char *value, uint64_t time)
{
	req_new(x);
	req_kind(x, K_DICT, 0);
	req_dict(x, key, value, time);
	return req_store(x);
}

static inline uint64_t generation_of(struct fixture *x, uint32_t kind)
{
	return x->storage->ops->generation(x->storage, &x->at_alice, kind, x->now);
}

static inline bool digest_entry(void *arg, const struct reload_stored_entry *e)
{
	struct wr *w = arg;
	const struct reload_stored_value *v = &e->data.value;
	wr_u64(w, e->data.storage_time);
	wr_u32(w, e->data.lifetime);
	wr_u64(w, e->received);
	wr_u8(w, v->model);
	wr_u32(w, v->index);
	wr_span(w, v->key);
	wr_u8(w, v->exists);
	wr_span(w, v->value);
	wr_span(w, e->data.signature.value);
	wr_span(w, e->certificates);
	return true;
}

/* storage_digest() returns a digest of all that a storage shows at now; it also checks that no counter is 0. */
static inline void storage_digest(
	struct reload_storage *s, reload_utc now, uint8_t out[RELOAD_HASH_SIZE_MAX])
{
	struct reload_id from = { .len = 0 }, to = reload_id_wildcard(RELOAD_ID_MAX), id;
	uint32_t kinds[256];
	struct wr w;
	wr_init(&w);
	while (s->ops->next(s, &from, &to, 0, now, &id)) {
		size_t count = s->ops->kinds(s, &id, now, kinds, COUNT_OF(kinds));
		wr_span(&w, reload_id_span(&id));
		for (size_t i = 0; i < count; i++) {
			uint64_t generation = s->ops->generation(s, &id, kinds[i], now);
			assert(generation);
			wr_u32(&w, kinds[i]);
			wr_u64(&w, generation);
			s->ops->each(s, &id, kinds[i], now, digest_entry, &w);
		}
		if (reload_id_is_wildcard(&id))
			break;
		from = reload_id_add_power(&id, 0);
	}
	struct span all = wr_done(&w);
	size_t len = reload_hash(out, RELOAD_HASH_SHA256, &all, 1);
	assert(len == 32);
	wr_clear(&w);
}
