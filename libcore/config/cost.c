/*
 * The rules follow what peers do with a newer document: configure.c leaves the overlay, replica.c drops values, and
 * chord_repair.c looks for lost neighbours.
 */
#include "config/cost.h"

#include "config/internal.h"
#include "util/text.h"

#include <stdarg.h>
#include <stdio.h>

struct search {
	const struct reload_config *config, *before;
	void (*found)(void *arg, const struct reload_config_cost *cost);
	void *arg;
};

const char *reload_cost_name(enum reload_cost_type type)
{
	static const char *const names[] = {
		[RELOAD_COST_REJOIN] = "rejoin",
		[RELOAD_COST_NODES] = "nodes",
		[RELOAD_COST_DATA] = "data",
		[RELOAD_COST_SERVICE] = "service",
	};
	return names[type];
}

__attribute__((format(printf, 5, 6))) static void add(const struct search *s,
	enum reload_cost_type type, bool consent, const char *why, const char *fmt, ...)
{
	struct reload_config_cost cost = { .type = type, .consent = consent };
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(cost.what, sizeof(cost.what), fmt, ap);
	va_end(ap);
	snprintf(cost.why, sizeof(cost.why), "%s", why);
	s->found(s->arg, &cost);
}

/* R-11.1-49: what reload_config_in_place() says no to. */
static void place(const struct search *s)
{
	const struct reload_config *now = s->config, *before = s->before;
	static const char why[] =
		"every peer leaves the overlay and has to be joined again; values that no peer "
		"keeps on disk have to be stored again";
	if (strcmp(now->topology_plugin, before->topology_plugin) != 0)
		add(s, RELOAD_COST_REJOIN, true, why, "topology-plugin %.50s to %.50s",
			before->topology_plugin, now->topology_plugin);
	if (now->node_id_len != before->node_id_len)
		add(s, RELOAD_COST_REJOIN, true, why, "node-id-length %u to %u",
			before->node_id_len, now->node_id_len);
	if (!reload_config_same_secret(now, before))
		add(s, RELOAD_COST_REJOIN, true, why, "shared-secret is another one");
	if (now->no_ice != before->no_ice)
		add(s, RELOAD_COST_REJOIN, true, why, "no-ice %s to %s",
			before->no_ice ? "true" : "false", now->no_ice ? "true" : "false");
}

static void message_size(const struct search *s)
{
	uint32_t now = s->config->max_message_size, before = s->before->max_message_size;
	char why[240];
	if (now > before)
		snprintf(why, sizeof(why),
			"a peer that does not have the document yet closes the link over which a "
			"message above %u bytes comes; each peer takes up to %u bytes a message "
			"into memory",
			before, now);
	else
		snprintf(why, sizeof(why),
			"values whose answers or copies need messages above %u bytes cannot be "
			"fetched or handed over any more",
			now);
	if (now != before)
		add(s, now > before ? RELOAD_COST_SERVICE : RELOAD_COST_DATA, true, why,
			"max-message-size %u to %u", before, now);
}

static void reactive(const struct search *s)
{
	char why[240];
	if (s->config->chord_reactive == s->before->chord_reactive)
		return;
	if (s->config->chord_reactive)
		snprintf(why, sizeof(why),
			"each change of a Neighbor Table makes a peer send an Update over all its "
			"links at once, which is much traffic where peers come and go often");
	else
		snprintf(why, sizeof(why),
			"after a peer has failed, its neighbours correct each other at the next "
			"chord-update-interval, up to %u s later; until then requests and copies "
			"can be lost",
			s->config->chord_update_interval_s);
	add(s, RELOAD_COST_SERVICE, true, why, "chord-reactive %s to %s",
		s->before->chord_reactive ? "true" : "false",
		s->config->chord_reactive ? "true" : "false");
}

static const char *kind_text(char out[64], const struct reload_kind *k)
{
	const char *name = reload_kind_name(k);
	if (name)
		snprintf(out, 64, "Kind %s", name);
	else
		snprintf(out, 64, "Kind 0x%x", k->id);
	return out;
}

/* A learned Kind stays as long as its signer may sign Kinds (CFG-17). */
static bool stays_learned(const struct search *s, const struct reload_kind *k)
{
	return k->learned && reload_id_listed(s->config->kind_signers.at,
				     s->config->kind_signers.count, &k->signer);
}

static void limits(
	const struct search *s, const struct reload_kind *old, const struct reload_kind *k)
{
	char text[64];
	static const char above[] = "values above the limit stay until they expire, and cannot be "
				    "stored again";
	if (k->max_size < old->max_size)
		add(s, RELOAD_COST_DATA, true, above, "%s: max-size %u to %u", kind_text(text, k),
			old->max_size, k->max_size);
	if (k->max_count < old->max_count)
		add(s, RELOAD_COST_DATA, true, above, "%s: max-count %u to %u", kind_text(text, k),
			old->max_count, k->max_count);
	if (k->domains_restricted &&
		(!old->domains_restricted || !span_eq(k->domains, old->domains)))
		add(s, RELOAD_COST_DATA, true,
			"names of domains that no pattern allows stay until they expire, and "
			"cannot be stored again",
			"%s: other domains", kind_text(text, k));
}

static void kind(const struct search *s, const struct reload_kind *old)
{
	const struct reload_kind *k = reload_config_kind(s->config, old->id);
	char text[64];
	if (!k && !stays_learned(s, old))
		add(s, RELOAD_COST_DATA, true, "every peer discards all values of the Kind",
			"%s is removed", kind_text(text, old));
	if (!k)
		return;
	if (k->branching_factor != old->branching_factor)
		add(s, RELOAD_COST_DATA, true,
			"every peer discards all records of the Kind: with another factor they "
			"belong elsewhere",
			"%s: branching-factor %u to %u", kind_text(text, k), old->branching_factor,
			k->branching_factor);
	if (k->model != old->model || k->access != old->access)
		add(s, RELOAD_COST_DATA, true, "values that are stored do not fit any more",
			"%s: %s %s to %s %s", kind_text(text, k),
			reload_data_model_name(old->model), reload_access_policy_name(old->access),
			reload_data_model_name(k->model), reload_access_policy_name(k->access));
	else if (old->block.len && k->block.len)
		limits(s, old, k);
}

static void nodes(const struct search *s)
{
	const struct reload_config *now = s->config, *before = s->before;
	char hex[RELOAD_ID_HEX];
	for (size_t i = 0; i < now->bad_nodes.count; i++)
		if (!reload_id_listed(
			    before->bad_nodes.at, before->bad_nodes.count, &now->bad_nodes.at[i]))
			add(s, RELOAD_COST_NODES, false,
				"all links to the node are closed and its values are dropped",
				"bad-node %s", reload_id_hex(hex, &now->bad_nodes.at[i]));
	for (size_t i = 0; i < before->roots_count; i++) {
		AUTO(reload_cert) root = NULL;
		if (reload_trust_is_root(now->trust, before->roots[i]) ||
			reload_cert_parse(
				&root, reload_trust_ops(before->trust), before->roots[i], NULL))
			continue;
		add(s, RELOAD_COST_NODES, true,
			"nodes whose certificates it issued, and that have no newer one by "
			"another root-cert, leave the overlay; their values are dropped",
			"root-cert \"%.60s\" %.16s is removed",
			root->issuer_text ? root->issuer_text : "",
			reload_hex((char[65]){ 0 }, span_of(root->fingerprint, 8)));
	}
	if (before->self_signed_digest && now->self_signed_digest != before->self_signed_digest)
		add(s, RELOAD_COST_NODES, true,
			"nodes with self-signed certificates leave the overlay; their values are "
			"dropped",
			"self-signed-permitted %s",
			now->self_signed_digest ? "with another digest" : "is removed");
	if (before->clients_permitted && !now->clients_permitted)
		add(s, RELOAD_COST_NODES, false,
			"nodes that are clients now may stay so until they start anew, and have to "
			"be peers then",
			"clients-permitted true to false");
}

void reload_config_costs(const struct reload_config *config, const struct reload_config *before,
	void (*found)(void *arg, const struct reload_config_cost *cost), void *arg)
{
	struct search s = { config, before, found, arg };
	place(&s);
	message_size(&s);
	reactive(&s);
	for (size_t i = 0; i < before->kinds.count; i++)
		kind(&s, &before->kinds.at[i]);
	nodes(&s);
}
