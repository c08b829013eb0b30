/* What a tree node lists: which records count, and where a Node-ID stands among them (RFC 7374 s3, s4). */
#include "service/redir_internal.h"

bool reload_redir_entry_read(struct reload_redir_entry *out, const struct reload_fetched *f,
	struct span service, struct reload_redir_place place, uint32_t branching)
{
	const struct reload_stored_value *v = &f->data->value;
	struct reload_redir_provider p;
	struct reload_id last;
	/* R7374-12: a storing peer says how long a record will last; one that has ended it should have dropped */
	if (f->err || f->synthetic || !v->exists || !f->signer.len || !f->data->lifetime)
		return false;
	if (!span_eq(v->key, reload_id_span(&f->signer)) ||
		reload_redir_provider_read(&p, &last, v->value, f->signer.len, NULL))
		return false;
	if (!span_eq(p.namespace, service) || p.level != place.level || p.node != place.node)
		return false;
	if (!reload_redir_placed(&p, &f->signer, branching) || !reload_id_eq(&last, &f->signer))
		return false;
	*out = (struct reload_redir_entry){ f->signer, p.destination_list, f->data->lifetime };
	return true;
}

bool reload_redir_entry_counts(const struct reload_redir_entry *e, const struct reload_id *id,
	const struct reload_id *self, uint32_t branching, unsigned level)
{
	return e->node.len == id->len && !reload_id_eq(&e->node, self) &&
	       e->destination_list.len <= RELOAD_REDIR_ROUTE_MAX &&
	       reload_redir_place(&e->node, branching, level).node ==
		       reload_redir_place(id, branching, level).node;
}

struct reload_redir_view reload_redir_view_of(const struct reload_id *id,
	const struct reload_id *self, uint32_t branching, unsigned level,
	const struct reload_redir_entry *entries, size_t count)
{
	bool below = false, above = false, equal = false, own_below = false, own_above = false;
	uint32_t interval = reload_redir_interval(id, branching, level);
	for (size_t i = 0; i < count; i++) {
		if (!reload_redir_entry_counts(&entries[i], id, self, branching, level))
			continue;
		int order = reload_id_cmp(&entries[i].node, id);
		bool near = reload_redir_interval(&entries[i].node, branching, level) == interval;
		below = below || order < 0;
		above = above || order > 0;
		equal = equal || order == 0;
		own_below = own_below || (near && order < 0);
		own_above = own_above || (near && order > 0);
	}
	return (struct reload_redir_view){
		.extreme_in_node = !below || !above,
		.extreme_in_interval = equal || !own_below || !own_above,
		.alone = !equal && !own_below && !own_above,
		.follower = equal || above,
	};
}

unsigned reload_redir_start(uint32_t branching, unsigned start)
{
	unsigned deepest = reload_redir_deepest(branching);
	return start < deepest ? start : deepest;
}
