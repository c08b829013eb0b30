#include "ident/cache.h"

#include "util/tree.h"

#include <assert.h>
#include <sys/queue.h>

enum {
	DIGEST = 32
};

struct cached_cert;

/* A SHA-256 by which a certificate is asked for: one for cert_hash, one per Node-ID for cert_hash_node_id. */
struct cert_name {
	RB_ENTRY(cert_name) entry;
	uint8_t digest[DIGEST];
	struct cached_cert *of;
	const struct reload_id *node; /* NULL: the fingerprint */
};

struct cached_cert {
	TAILQ_ENTRY(cached_cert) used;
	struct reload_cert *cert;
	size_t names_count;
	struct cert_name names[];
};

struct cached_value {
	RB_ENTRY(cached_value) entry;
	TAILQ_ENTRY(cached_value) used;
	uint8_t digest[DIGEST];
};

RB_HEAD(cert_names, cert_name);
RB_HEAD(values, cached_value);

struct reload_cache {
	struct cert_names names;
	TAILQ_HEAD(, cached_cert) certs; /* used least recently first */
	size_t certs_count, certs_max;
	struct values values;
	TAILQ_HEAD(, cached_value) values_used;
	size_t values_count, values_max;
};

static int name_cmp(const struct cert_name *a, const struct cert_name *b)
{
	return memcmp(a->digest, b->digest, DIGEST);
}

static int value_cmp(const struct cached_value *a, const struct cached_value *b)
{
	return memcmp(a->digest, b->digest, DIGEST);
}

RELOAD_TREE(cert_names, cert_name, entry, name_cmp)
RELOAD_TREE(values, cached_value, entry, value_cmp)

struct reload_cache *reload_cache_new(size_t max_certs, size_t max_values)
{
	struct reload_cache *cache = RELOAD_NEW(reload_cache);
	assert(max_certs && max_values);
	TAILQ_INIT(&cache->certs);
	TAILQ_INIT(&cache->values_used);
	cache->certs_max = max_certs;
	cache->values_max = max_values;
	return cache;
}

static void drop_cert(struct reload_cache *cache, struct cached_cert *c)
{
	for (size_t i = 0; i < c->names_count; i++)
		RB_REMOVE(cert_names, &cache->names, &c->names[i]);
	TAILQ_REMOVE(&cache->certs, c, used);
	cache->certs_count--;
	reload_cert_free(c->cert);
	free(c);
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
	while (!TAILQ_EMPTY(&cache->certs))
		drop_cert(cache, TAILQ_FIRST(&cache->certs));
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

static void touch_cert(struct reload_cache *cache, struct cached_cert *c)
{
	TAILQ_REMOVE(&cache->certs, c, used);
	TAILQ_INSERT_TAIL(&cache->certs, c, used);
}

static struct cert_name *find_name(struct reload_cache *cache, const uint8_t digest[DIGEST])
{
	struct cert_name key;
	memcpy(key.digest, digest, DIGEST);
	return RB_FIND(cert_names, &cache->names, &key);
}

static void add_name(struct reload_cache *cache, struct cached_cert *c, const uint8_t *digest,
	const struct reload_id *node)
{
	struct cert_name *name = &c->names[c->names_count];
	*name = (struct cert_name){ .of = c, .node = node };
	memcpy(name->digest, digest, DIGEST);
	if (!RB_INSERT(cert_names, &cache->names, name))
		c->names_count++;
}

void reload_cache_add(struct reload_cache *cache, struct reload_cert *cert)
{
	struct cert_name *known = find_name(cache, cert->fingerprint);
	if (known) {
		touch_cert(cache, known->of);
		return;
	}
	if (cache->certs_count == cache->certs_max)
		drop_cert(cache, TAILQ_FIRST(&cache->certs));
	struct cached_cert *c =
		reload_alloc(sizeof(*c) + (1 + cert->node_ids_count) * sizeof(struct cert_name));
	c->cert = reload_cert_ref(cert);
	add_name(cache, c, cert->fingerprint, NULL);
	for (size_t i = 0; i < cert->node_ids_count; i++) {
		uint8_t hash[RELOAD_HASH_SIZE_MAX];
		struct span parts[] = { reload_id_span(&cert->node_ids[i]), cert->der };
		if (reload_hash(hash, RELOAD_HASH_SHA256, parts, COUNT_OF(parts)) == DIGEST)
			add_name(cache, c, hash, &cert->node_ids[i]);
	}
	TAILQ_INSERT_TAIL(&cache->certs, c, used);
	cache->certs_count++;
}

/* An expired certificate is forgotten when it is asked for. */
static struct cert_name *find_valid(
	struct reload_cache *cache, const uint8_t digest[DIGEST], reload_utc now)
{
	struct cert_name *name = find_name(cache, digest);
	if (!name)
		return NULL;
	if (now > name->of->cert->not_after) {
		drop_cert(cache, name->of);
		return NULL;
	}
	touch_cert(cache, name->of);
	return name;
}

struct reload_cert *reload_cache_find(struct reload_cache *cache,
	const struct reload_signer_identity *identity, reload_utc now, struct reload_id *node)
{
	if (identity->hash_alg != RELOAD_HASH_SHA256 || identity->hash.len != DIGEST)
		return NULL;
	struct cert_name *name = find_valid(cache, identity->hash.at, now);
	struct reload_cert *cert = name ? name->of->cert : NULL;
	if (identity->type == RELOAD_CERT_HASH && cert && !name->node && cert->node_ids_count == 1)
		*node = cert->node_ids[0];
	else if (identity->type == RELOAD_CERT_HASH_NODE_ID && cert && name->node)
		*node = *name->node;
	else
		return NULL;
	return cert;
}

bool reload_cache_has(struct reload_cache *cache, const uint8_t fingerprint[32], reload_utc now)
{
	struct cert_name *name = find_valid(cache, fingerprint, now);
	return name && !name->node;
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
