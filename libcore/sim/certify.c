#include "sim/validity.h"

/* Newer certificates for a node, and what its host does when its own one ends. */

enum {
	LOOK_MS = 1000
};

/* As the agent does (cmd/reload-agent/refresh.c): it leaves at once when its certificate has ended. */
static bool own_look(struct reload_sim_body *b)
{
	struct reload_sim_node *n = &b->node;
	reload_utc until = b->given->credentials.cert->not_after;
	if (until >= RELOAD_SIM_CERT_END)
		return false;
	if (n->peer && !n->careless && !reload_sim_frozen(n) && !b->leaving &&
		reload_sim_wall(n) >= until) {
		reload_sim_note(n->sim, n, "certificate ended", 0, 0);
		b->leaving = true;
		reload_peer_leave(n->peer, true);
	}
	return true;
}

static void look(void *arg, struct reload_sim *s)
{
	struct reload_sim_body *b = arg;
	b->watched = own_look(b);
	if (b->watched)
		reload_sim_at(s, s->now + LOOK_MS, look, b);
}

/* A process that is stopped takes them when it runs again. */
static void take(void *arg, struct reload_sim *s)
{
	struct reload_sim_body *b = arg;
	if (reload_sim_frozen(&b->node))
		reload_sim_at(s, b->node.frozen_until, take, b);
	else if (b->node.peer)
		reload_peer_credentials(b->node.peer, &b->given->credentials);
}

/* The nodes that have links to b know of no other certificate, as if it had been that of the handshakes. */
static void links_certify(struct reload_sim_body *b)
{
	for (size_t i = 0; i < b->links_count; i++) {
		struct reload_sim_link *l = b->links[i].link;
		unsigned other = !b->links[i].end;
		if (l->end[other].state == RELOAD_SIM_END_UP)
			reload_sim_link_certificate(
				b->node.sim, l, other, b->given->credentials.cert->not_after);
	}
}

void reload_sim_certify(struct reload_sim *s, size_t i, reload_ms until)
{
	struct reload_sim_body *b = &s->nodes[i];
	const struct reload_cert *old = b->given->credentials.cert;
	bool ends = until < RELOAD_SIM_CERT_END - RELOAD_SIM_EPOCH;
	struct reload_cert *cert =
		reload_sim_cert_of(&(struct reload_sim_cert_form){ .user = old->user,
			.overlay = old->overlay,
			.nodes = &b->node.id,
			.nodes_count = 1,
			.not_before = old->not_before + 1, /* by that it is newer */
			.not_after = ends ? RELOAD_SIM_EPOCH + until : 0 });
	reload_sim_note(s, &b->node, "certificate", ends ? until : 0, 0);
	reload_sim_given_add(b, cert);
	take(b, s);
	if (ends)
		links_certify(b);
	if (!b->watched)
		reload_sim_at(s, s->now + LOOK_MS, look, b);
	b->watched = true;
}
