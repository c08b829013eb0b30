#include "storage/value_check.h"

#include "storage/access.h"

bool reload_stored_unsigned(const struct reload_stored_data *d)
{
	return d->signature.identity.type == RELOAD_IDENTITY_NONE;
}

enum reload_err reload_value_check(const struct reload_value_claim *j)
{
	const struct reload_kind *kind = reload_config_kind(j->config, j->kind);
	const struct reload_stored_data *d = j->data;
	if (!kind)
		return RELOAD_UNKNOWN_KIND;
	if (reload_stored_unsigned(d)) /* SEC-09 */
		return d->value.exists || d->value.value.len || d->signature.value.len ||
				       d->signature.hash_alg || d->signature.sig_alg
			       ? RELOAD_BAD_SIGNATURE
			       : RELOAD_OK;
	if (j->verified)
		return j->verified;
	if (j->cert->not_after < j->now)
		return RELOAD_CERT_EXPIRED;
	if (d->value.value.len > kind->max_size)
		return RELOAD_DATA_TOO_LARGE;
	struct reload_access a = { .kind = kind,
		.resource = j->resource,
		.value = &d->value,
		.cert = j->cert,
		.node = j->signer,
		.resource_id = j->resource_id };
	return reload_access_allowed(&a) ? RELOAD_OK : RELOAD_FORBIDDEN;
}
