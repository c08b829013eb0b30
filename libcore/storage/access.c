/* Which signer may write to which resource.  A new policy is a function and a row of the table. */
#include "storage/access.h"

#include "ident/aor.h"
#include "util/alloc.h"
#include "wire/redir.h"

#include <assert.h>

enum {
	ITERATION_MAX = 255
}; /* i is one byte (STO-11) */

struct policy {
	bool (*allowed)(const struct reload_access *a);
	bool per_value;
};

static bool hashes_to(const struct reload_access *a, struct span resource_name)
{
	struct reload_id id;
	a->resource_id(&id, resource_name);
	return reload_id_eq(&id, a->resource);
}

/* RFC 6940 s7.3.1; the user name counts byte by byte (STO-23) */
static bool user_match(const struct reload_access *a)
{
	return a->cert->user && hashes_to(a, span_str(a->cert->user));
}

/* RFC 6940 s7.3.2 */
static bool node_match(const struct reload_access *a)
{
	return reload_cert_has_node(a->cert, a->node) && hashes_to(a, reload_id_span(a->node));
}

/* The key is the bytes of the Node-ID (STO-15) */
static bool key_match(const struct reload_access *a)
{
	const struct reload_stored_value *v = a->value;
	if (a->kind->model != RELOAD_MODEL_DICTIONARY || !reload_cert_has_node(a->cert, a->node))
		return false;
	return !v || span_eq(v->key, reload_id_span(a->node));
}

/* RFC 6940 s7.3.3 */
static bool user_node_match(const struct reload_access *a)
{
	return key_match(a) && user_match(a);
}

/*
 * RFC 7904 s3.3, s7: the user name is an AOR of an allowed domain.  It hashes to the resource as the certificate has it, or
 * normalised.
 */
static bool sip_registration(const struct reload_access *a)
{
	struct reload_aor aor;
	if (!a->cert->user || reload_aor_parse(&aor, span_str(a->cert->user)) ||
		!reload_kind_domain_allowed(a->kind, aor.domain))
		return false;
	return key_match(a) && (user_match(a) || hashes_to(a, span_str(aor.name)));
}

/* RFC 6940 s7.3.4: i is not sent, so all are tried; from 1, in one byte (STO-11) */
static bool node_multiple(const struct reload_access *a)
{
	uint32_t max = a->kind->max_node_multiple;
	uint8_t name[RELOAD_ID_MAX + 1];
	if (!reload_cert_has_node(a->cert, a->node))
		return false;
	memcpy(name, a->node->at, a->node->len);
	for (uint32_t i = 1; i <= max && i <= ITERATION_MAX; i++) {
		name[a->node->len] = (uint8_t)i;
		if (hashes_to(a, span_of(name, a->node->len + 1u)))
			return true;
	}
	return false;
}

/*
 * RFC 7374 s5: a provider writes under its own Node-ID only, and where a search for that Node-ID comes by.  A removal may be
 * anywhere: it says nothing of a place.
 */
static bool node_id_match(const struct reload_access *a)
{
	const struct reload_stored_value *v = a->value;
	struct reload_redir_provider p;
	struct reload_id provider;
	uint8_t bytes[RELOAD_REDIR_NAME_MAX];
	struct wr name = wr_fixed(bytes, sizeof(bytes));
	if (a->kind->model != RELOAD_MODEL_DICTIONARY || !reload_cert_has_node(a->cert, a->node))
		return false;
	if (v && !span_eq(v->key, reload_id_span(a->node)))
		return false;
	if (!v || !v->exists)
		return true;
	if (reload_redir_provider_read(&p, &provider, v->value, a->node->len, NULL) ||
		!reload_redir_placed(&p, a->node, a->kind->branching_factor))
		return false;
	reload_redir_name(&name, p.namespace, (struct reload_redir_place){ p.level, p.node });
	return hashes_to(a, wr_done(&name));
}

static const struct policy policies[] = {
	[RELOAD_ACCESS_USER_MATCH] = { user_match, false },
	[RELOAD_ACCESS_NODE_MATCH] = { node_match, false },
	[RELOAD_ACCESS_USER_NODE_MATCH] = { user_node_match, true },
	[RELOAD_ACCESS_NODE_MULTIPLE] = { node_multiple, false },
	[RELOAD_ACCESS_NODE_ID_MATCH] = { node_id_match, true },
};

bool reload_access_allowed(const struct reload_access *a)
{
	assert(a->kind->access < COUNT_OF(policies));
	if (a->kind->id == RELOAD_KIND_SIP_REGISTRATION)
		return a->cert && sip_registration(a);
	return a->cert && policies[a->kind->access].allowed(a);
}

bool reload_access_readable(
	enum reload_access_policy policy, const struct reload_stored_value *v, uint8_t node_id_len)
{
	struct reload_redir_provider p;
	struct reload_id provider;
	return policy != RELOAD_ACCESS_NODE_ID_MATCH || !v->exists ||
	       !reload_redir_provider_read(&p, &provider, v->value, node_id_len, NULL);
}

bool reload_access_per_value(enum reload_access_policy policy)
{
	assert(policy < COUNT_OF(policies));
	return policies[policy].per_value;
}
