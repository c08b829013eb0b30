#include "storage/lapsed.h"

#include "ident/ops.h"
#include "ident/trust.h"
#include "wire/security.h"

bool reload_time_ahead(uint64_t storage_time, reload_utc now)
{
	return storage_time > now && storage_time - now > RELOAD_TIME_AHEAD_MS;
}

/* Returns a reference; NULL when der is no certificate. */
static struct reload_cert *read_cert(const struct reload_lapsed *l, struct span der)
{
	uint8_t fingerprint[RELOAD_HASH_SIZE_MAX];
	struct reload_cert *cert = NULL;
	if (l->cache && reload_hash(fingerprint, RELOAD_HASH_SHA256, &der, 1))
		cert = reload_cache_cert(l->cache, fingerprint, l->now);
	if (cert)
		return reload_cert_ref(cert);
	return reload_cert_parse(&cert, reload_trust_ops(l->config->trust), der, NULL) ? NULL
										       : cert;
}

/* The signer's certificate comes first. */
static bool trusted(const struct reload_lapsed *l, struct span list)
{
	struct wire_ctx ctx = reload_config_wire_ctx(l->config);
	struct reload_cert *certs[RELOAD_CHAIN_MAX];
	struct rd r = rd_of(list);
	size_t count = 0;
	while (rd_more(&r) && count < COUNT_OF(certs)) {
		struct reload_generic_certificate g;
		reload_wire_read(&r, &reload_generic_certificate_wire, &ctx, &g);
		certs[count] = r.err ? NULL : read_cert(l, g.certificate);
		if (!certs[count])
			break;
		count++;
	}
	bool ok = count && !reload_trust_check(
				   l->config->trust, certs[0], certs + 1, count - 1, l->now, NULL);
	while (count)
		reload_cert_free(certs[--count]);
	return ok;
}

bool reload_lapsed(struct reload_lapsed *l, const struct reload_stored_entry *e)
{
	if (reload_time_ahead(e->data.storage_time, l->now))
		return true;
	if (!l->config->trust)
		return false;
	if (!l->known || !span_eq(l->certificates, e->certificates)) {
		l->certificates = e->certificates;
		l->lapsed = !trusted(l, e->certificates);
		l->known = true;
	}
	return l->lapsed;
}
