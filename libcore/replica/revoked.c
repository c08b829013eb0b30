#include "replica/internal.h"

/*
 * Values of nodes that a new document lists as bad (RFC 6940 s11.1).  Nobody takes them any more: a resource that holds nothing
 * else is forgotten.  In a dictionary of several users or devices such an entry stays until it expires; it is no longer sent
 * to replicas, and whoever fetches it drops it.
 */

struct revoked_walk {
	struct reload_replica *rep;
	const struct reload_config *before;
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

/* Whether the signer's certificate, the first of list, has a Node-ID that was not bad before. */
static bool signer_is_bad(const struct revoked_walk *w, struct span list)
{
	const struct reload_config *config = w->rep->engine->config;
	struct wire_ctx ctx = reload_config_wire_ctx(config);
	struct reload_generic_certificate first;
	AUTO(reload_cert) cert = NULL;
	struct rd r = rd_of(list);
	reload_wire_read(&r, &reload_generic_certificate_wire, &ctx, &first);
	if (r.err ||
		reload_cert_parse(&cert, reload_trust_ops(config->trust), first.certificate, NULL))
		return false;
	for (size_t i = 0; i < cert->node_ids_count; i++)
		if (is_newly_bad(w, &cert->node_ids[i]))
			return true;
	return false;
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

void reload_revoked_drop(struct reload_replica *rep, const struct reload_config *before)
{
	struct revoked_walk w = { .rep = rep, .before = before };
	struct reload_id end = { .len = rep->engine->config->node_id_len }, last = end;
	bool walked = false;
	if (!has_more_bad_nodes(rep->engine->config, before))
		return;
	while (!walked && reload_walk_next(rep, &last, &end, &walked))
		if (holds_nothing_else(&w, &last))
			reload_walk_forget(rep, &last);
}
