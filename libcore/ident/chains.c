#include "ident/chains.h"

#include "util/alloc.h"

struct reload_authority {
	RB_ENTRY(reload_authority) entry;
	struct reload_cert *cert; /* a reference */
	size_t uses;
};

struct reload_above {
	RB_ENTRY(reload_above) entry;
	const struct reload_cert *cert;
	size_t count;
	struct reload_authority *at[];
};

static int authority_cmp(const struct reload_authority *a, const struct reload_authority *b)
{
	return memcmp(a->cert->fingerprint, b->cert->fingerprint, sizeof(a->cert->fingerprint));
}

static int above_cmp(const struct reload_above *a, const struct reload_above *b)
{
	return ((uintptr_t)a->cert > (uintptr_t)b->cert) -
	       ((uintptr_t)a->cert < (uintptr_t)b->cert);
}

RELOAD_TREE(reload_authorities, reload_authority, entry, authority_cmp)
RELOAD_TREE(reload_aboves, reload_above, entry, above_cmp)

static struct reload_authority *use(struct reload_chains *chains, struct reload_cert *cert)
{
	struct reload_authority want = { .cert = cert },
				*own = RB_FIND(reload_authorities, &chains->authorities, &want);
	if (!own) {
		own = RELOAD_NEW(reload_authority);
		own->cert = reload_cert_ref(cert);
		RB_INSERT(reload_authorities, &chains->authorities, own);
	}
	own->uses++;
	return own;
}

static struct reload_above *find(struct reload_chains *chains, const struct reload_cert *cert)
{
	struct reload_above want = { .cert = cert };
	return RB_FIND(reload_aboves, &chains->aboves, &want);
}

static void drop(struct reload_chains *chains, struct reload_above *above)
{
	RB_REMOVE(reload_aboves, &chains->aboves, above);
	for (size_t i = 0; i < above->count; i++) {
		struct reload_authority *authority = above->at[i];
		if (--authority->uses)
			continue;
		RB_REMOVE(reload_authorities, &chains->authorities, authority);
		reload_cert_free(authority->cert);
		free(authority);
	}
	free(above);
}

void reload_chains_put(struct reload_chains *chains, const struct reload_cert *cert,
	const struct reload_chain *chain)
{
	reload_chains_drop(chains, cert);
	if (!chain->count)
		return;
	struct reload_above *above =
		reload_alloc(sizeof(*above) + chain->count * sizeof(struct reload_authority *));
	above->cert = cert;
	above->count = chain->count;
	for (size_t i = 0; i < chain->count; i++)
		above->at[i] = use(chains, chain->at[i]);
	RB_INSERT(reload_aboves, &chains->aboves, above);
}

void reload_chains_find(
	struct reload_chains *chains, const struct reload_cert *cert, struct reload_chain *out)
{
	const struct reload_above *above = find(chains, cert);
	out->count = above ? above->count : 0;
	for (size_t i = 0; i < out->count; i++)
		out->at[i] = above->at[i]->cert;
}

void reload_chains_drop(struct reload_chains *chains, const struct reload_cert *cert)
{
	struct reload_above *above = find(chains, cert);
	if (above)
		drop(chains, above);
}

void reload_chains_clear(struct reload_chains *chains)
{
	struct reload_above *above;
	while ((above = RB_ROOT(&chains->aboves)))
		drop(chains, above);
}
