#include "ident/cache.h"

#include "ident/chains.h"

#include <assert.h>
#include <sys/queue.h>

enum {
	DIGEST = 32,
	CERT_PARTS = 4096 /* approximate memory of a parsed certificate beside its bytes */
};

/*
 * A SHA-256 by which a certificate is asked for: one for cert_hash, one per Node-ID for cert_hash_node_id.  The digest stands in
 * the certificate, which many caches may share; its first bytes stand here, so that a search reads little else.
 */
struct cert_name {
	struct reload_cert *cert; /* the entry of the fingerprint owns a reference */
	uint32_t
		used; /* entry of the fingerprint: time of the last use, by the cache's own clock */
	uint16_t key;
	bool chain;   /* entry of the fingerprint: the authorities above it are known */
	uint8_t node; /* 0: the fingerprint; else one more than the index of the Node-ID */
};

struct cached_value {
	RB_ENTRY(cached_value) entry;
	TAILQ_ENTRY(cached_value) used;
	uint8_t digest[DIGEST];
};

RB_HEAD(values, cached_value);

struct reload_cache {
	struct cert_name *names; /* ascending by digest */
	size_t names_count, names_cap;
	size_t certs_count, certs_max, certs_bytes;
	uint32_t clock; /* counts uses; it may wrap, because only ages are compared */
	struct reload_chains chains;
	struct values values;
	TAILQ_HEAD(, cached_value) values_used;
	size_t values_count, values_max;
};

static int value_cmp(const struct cached_value *a, const struct cached_value *b)
{
	return memcmp(a->digest, b->digest, DIGEST);
}

RELOAD_TREE(values, cached_value, entry, value_cmp)

struct reload_cache *reload_cache_new(size_t max_certs, size_t max_values)
{
	struct reload_cache *cache = RELOAD_NEW(reload_cache);
	assert(max_certs && max_values);
	TAILQ_INIT(&cache->values_used);
	cache->certs_max = max_certs;
	cache->values_max = max_values;
	return cache;
}

static size_t cost_of(const struct reload_cert *cert)
{
	return CERT_PARTS + cert->der.len + cert->der.len / 4;
}

/* Removes all entries of cert. */
static void drop_cert(struct reload_cache *cache, struct reload_cert *cert)
{
	size_t kept = 0;
	for (size_t i = 0; i < cache->names_count; i++)
		if (cache->names[i].cert != cert)
			cache->names[kept++] = cache->names[i];
	cache->names_count = kept;
	cache->certs_count--;
	cache->certs_bytes -= cost_of(cert);
	reload_chains_drop(&cache->chains, cert);
	reload_cert_free(cert);
}

static void drop_value(struct reload_cache *cache, struct cached_value *v)
{
	RB_REMOVE(values, &cache->values, v);
	TAILQ_REMOVE(&cache->values_used, v, used);
	cache->values_count--;
	free(v);
}

void reload_cache_clear(struct reload_cache *cache)
{
	reload_chains_clear(&cache->chains);
	for (size_t i = 0; i < cache->names_count; i++)
		if (!cache->names[i].node)
			reload_cert_free(cache->names[i].cert);
	free(TAKE(cache->names));
	cache->names_count = cache->names_cap = cache->certs_count = cache->certs_bytes = 0;
	while (!TAILQ_EMPTY(&cache->values_used))
		drop_value(cache, TAILQ_FIRST(&cache->values_used));
}

void reload_cache_free(struct reload_cache *cache)
{
	if (!cache)
		return;
	reload_cache_clear(cache);
	free(cache);
}

static uint16_t key_of(const uint8_t digest[DIGEST])
{
	struct rd r = rd_of(span_of(digest, DIGEST));
	return rd_u16(&r);
}

static const uint8_t *digest_of(const struct cert_name *name)
{
	return name->node ? name->cert->node_hashes[name->node - 1] : name->cert->fingerprint;
}

/* The index of the first entry that is not below digest. */
static size_t lower(const struct reload_cache *cache, const uint8_t digest[DIGEST])
{
	uint16_t key = key_of(digest);
	size_t low = 0, high = cache->names_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct cert_name *name = &cache->names[middle];
		bool below = name->key < key ||
			     (name->key == key && memcmp(digest_of(name), digest, DIGEST) < 0);
		if (below)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct cert_name *find_name(struct reload_cache *cache, const uint8_t digest[DIGEST])
{
	size_t i = lower(cache, digest);
	bool here = i < cache->names_count && !memcmp(digest_of(&cache->names[i]), digest, DIGEST);
	return here ? &cache->names[i] : NULL;
}

static void touch_cert(struct reload_cache *cache, const struct reload_cert *cert)
{
	struct cert_name *name = find_name(cache, cert->fingerprint);
	assert(name);
	name->used = ++cache->clock;
}

static void add_name(struct reload_cache *cache, struct reload_cert *cert, uint8_t node)
{
	struct cert_name name = { .cert = cert, .node = node, .used = ++cache->clock };
	size_t i = lower(cache, digest_of(&name));
	name.key = key_of(digest_of(&name));
	if (i < cache->names_count &&
		!memcmp(digest_of(&cache->names[i]), digest_of(&name), DIGEST))
		return;
	reload_grow(&cache->names, &cache->names_cap, cache->names_count, sizeof(*cache->names));
	memmove(&cache->names[i + 1], &cache->names[i],
		(cache->names_count - i) * sizeof(*cache->names));
	cache->names[i] = name;
	cache->names_count++;
}

static struct reload_cert *oldest(const struct reload_cache *cache)
{
	const struct cert_name *old = NULL;
	for (const struct cert_name *n = cache->names; n < cache->names + cache->names_count; n++)
		if (!n->node && (!old || cache->clock - n->used > cache->clock - old->used))
			old = n;
	return old->cert;
}

static void add_cert(struct reload_cache *cache, struct reload_cert *cert)
{
	while (cache->certs_count == cache->certs_max ||
		(cache->certs_count && cache->certs_bytes + cost_of(cert) > RELOAD_CACHE_BYTES))
		drop_cert(cache, oldest(cache));
	cache->certs_bytes += cost_of(cert);
	reload_cert_hash_nodes(cert);
	add_name(cache, reload_cert_ref(cert), 0);
	for (uint8_t i = 1; i <= cert->node_ids_count; i++) /* RELOAD_CERT_NODE_IDS_MAX at most */
		add_name(cache, cert, i);
	cache->certs_count++;
}

void reload_cache_add(
	struct reload_cache *cache, struct reload_cert *cert, const struct reload_chain *chain)
{
	if (find_name(cache, cert->fingerprint))
		touch_cert(cache, cert);
	else
		add_cert(cache, cert);
	if (!chain)
		return;
	struct cert_name *name = find_name(cache, cert->fingerprint);
	name->chain = true;
	reload_chains_put(&cache->chains, name->cert, chain);
}

bool reload_cache_chain(
	struct reload_cache *cache, const uint8_t fingerprint[32], struct reload_chain *out)
{
	const struct cert_name *name = find_name(cache, fingerprint);
	if (!name || name->node || !name->chain)
		return false;
	reload_chains_find(&cache->chains, name->cert, out);
	return true;
}

/* An expired certificate is removed when it is looked up. */
static const struct cert_name *find_valid(
	struct reload_cache *cache, const uint8_t digest[DIGEST], reload_utc now)
{
	struct cert_name *name = find_name(cache, digest);
	if (!name)
		return NULL;
	if (now > name->cert->not_after) {
		drop_cert(cache, name->cert);
		return NULL;
	}
	touch_cert(cache, name->cert);
	return name;
}

struct reload_cert *reload_cache_find(struct reload_cache *cache,
	const struct reload_signer_identity *identity, reload_utc now, struct reload_id *node)
{
	if (identity->hash_alg != RELOAD_HASH_SHA256 || identity->hash.len != DIGEST)
		return NULL;
	const struct cert_name *name = find_valid(cache, identity->hash.at, now);
	struct reload_cert *cert = name ? name->cert : NULL;
	if (identity->type == RELOAD_CERT_HASH && cert && !name->node && cert->node_ids_count == 1)
		*node = cert->node_ids[0];
	else if (identity->type == RELOAD_CERT_HASH_NODE_ID && cert && name->node)
		*node = cert->node_ids[name->node - 1];
	else
		return NULL;
	return cert;
}

struct reload_cert *reload_cache_cert(
	struct reload_cache *cache, const uint8_t fingerprint[32], reload_utc now)
{
	const struct cert_name *name = find_valid(cache, fingerprint, now);
	return name && !name->node ? name->cert : NULL;
}

bool reload_cache_has(struct reload_cache *cache, const uint8_t fingerprint[32], reload_utc now)
{
	return reload_cache_cert(cache, fingerprint, now);
}

static struct cached_value *find_value(struct reload_cache *cache, const uint8_t digest[DIGEST])
{
	struct cached_value key;
	memcpy(key.digest, digest, DIGEST);
	struct cached_value *v = RB_FIND(values, &cache->values, &key);
	if (v) {
		TAILQ_REMOVE(&cache->values_used, v, used);
		TAILQ_INSERT_TAIL(&cache->values_used, v, used);
	}
	return v;
}

void reload_cache_value_add(struct reload_cache *cache, const uint8_t digest[32])
{
	if (find_value(cache, digest))
		return;
	if (cache->values_count == cache->values_max)
		drop_value(cache, TAILQ_FIRST(&cache->values_used));
	struct cached_value *v = RELOAD_NEW(cached_value);
	memcpy(v->digest, digest, DIGEST);
	RB_INSERT(values, &cache->values, v);
	TAILQ_INSERT_TAIL(&cache->values_used, v, used);
	cache->values_count++;
}

bool reload_cache_value_has(struct reload_cache *cache, const uint8_t digest[32])
{
	return find_value(cache, digest) != NULL;
}
