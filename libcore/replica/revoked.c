#include "replica/internal.h"

/*
 * Values of nodes that a new document lists as bad (RFC 6940 s11.1), or whose authority is no longer among its root-certs.  Nobody takes
 * them any more: a resource that holds nothing else is forgotten.  In a dictionary of several users or devices such an entry stays until it expires; it is no longer sent
 * to replicas, and whoever fetches it drops it.
 */

struct revoked_walk {
	struct reload_replica *rep;
	const struct reload_config *before;
	bool narrower;            /* some certificates that were trusted before are not any more */
	bool all;                 /* every entry so far is of a bad node */
	struct span certificates; /* of the entry before: neighbours often have the same signer */
	bool bad;
};

static bool is_newly_bad(const struct revoked_walk *w, const struct reload_id *node)
{
	const struct reload_config *now = w->rep->engine->config;
	return reload_id_listed(now->bad_nodes.at, now->bad_nodes.count, node) &&
	       !reload_id_listed(w->before->bad_nodes.at, w->before->bad_nodes.count, node);
}

/* The certificates of list (references), the signer's first; returns their number. */
static size_t certificates_of(
	const struct revoked_walk *w, struct span list, struct reload_cert *out[RELOAD_CHAIN_MAX])
{
	const struct reload_config *config = w->rep->engine->config;
	struct wire_ctx ctx = reload_config_wire_ctx(config);
	struct reload_generic_certificate c;
	struct rd r = rd_of(list);
	size_t count = 0;
	while (count < RELOAD_CHAIN_MAX && rd_more(&r)) {
		reload_wire_read(&r, &reload_generic_certificate_wire, &ctx, &c);
		if (r.err || reload_cert_parse(&out[count], reload_trust_ops(config->trust),
				     c.certificate, NULL))
			break;
		count++;
	}
	return count;
}

/* Whether the signer has a Node-ID that was not bad before, or no authority above it is trusted any more. */
static bool signer_is_bad(const struct revoked_walk *w, struct span list)
{
	struct reload_cert *certs[RELOAD_CHAIN_MAX];
	size_t count = certificates_of(w, list, certs);
	bool bad = count && w->narrower &&
		   !reload_trust_may_lead(
			   w->rep->engine->config->trust, certs[0], certs + 1, count - 1);
	for (size_t i = 0; count && i < certs[0]->node_ids_count; i++)
		bad = bad || is_newly_bad(w, &certs[0]->node_ids[i]);
	while (count)
		reload_cert_free(certs[--count]);
	return bad;
}

static bool look(void *arg, const struct reload_stored_entry *entry)
{
	struct revoked_walk *w = arg;
	if (!w->certificates.len || !span_eq(w->certificates, entry->certificates)) {
		w->certificates = entry->certificates;
		w->bad = signer_is_bad(w, entry->certificates);
	}
	w->all &= w->bad;
	return w->all;
}

static bool holds_nothing_else(struct revoked_walk *w, const struct reload_id *resource)
{
	const struct reload_storage_ops *ops = w->rep->storage->ops;
	uint32_t kinds[RELOAD_CONFIG_KINDS_MAX];
	reload_utc wall = w->rep->engine->wall;
	size_t count = ops->kinds(w->rep->storage, resource, wall, kinds, COUNT_OF(kinds));
	w->all = count < COUNT_OF(kinds);
	w->bad = false;
	w->certificates = span_of(NULL, 0);
	for (size_t i = 0; i < count && w->all; i++)
		ops->each(w->rep->storage, resource, kinds[i], wall, look, w);
	return w->all && w->bad;
}

static bool has_more_bad_nodes(
	const struct reload_config *config, const struct reload_config *before)
{
	for (size_t i = 0; i < config->bad_nodes.count; i++)
		if (!reload_id_listed(before->bad_nodes.at, before->bad_nodes.count,
			    &config->bad_nodes.at[i]))
			return true;
	return false;
}

static bool is_narrower(const struct reload_config *config, const struct reload_config *before)
{
	for (size_t i = 0; i < before->roots_count; i++)
		if (!reload_trust_is_root(config->trust, before->roots[i]))
			return true;
	return before->self_signed_digest && !config->self_signed_digest;
}

void reload_revoked_drop(struct reload_replica *rep, const struct reload_config *before)
{
	struct revoked_walk w = {
		.rep = rep, .before = before, .narrower = is_narrower(rep->engine->config, before)
	};
	struct reload_id end = { .len = rep->engine->config->node_id_len }, last = end;
	bool walked = false;
	if (!w.narrower && !has_more_bad_nodes(rep->engine->config, before))
		return;
	while (!walked && reload_walk_next(rep, &last, &end, &walked))
		if (holds_nothing_else(&w, &last))
			reload_walk_forget(rep, &last);
}
