#include "sim/validity.h"

#include <stdlib.h>

enum {
	VALIDITY_MS = 60000 /* the longest time between two checks of a certificate */
};

void reload_sim_given_add(struct reload_sim_body *b, struct reload_cert *cert)
{
	struct reload_sim_node *n = &b->node;
	struct reload_sim_given *g = RELOAD_NEW(reload_sim_given);
	g->credentials.cert = cert;
	g->credentials.key = reload_sim_key(cert);
	g->credentials.node = n->id;
	g->next = b->given;
	b->given = g;
	n->credentials = g->credentials;
	reload_sim_certs_add(&n->sim->certs, cert);
}

void reload_sim_given_clear(struct reload_sim_body *b)
{
	while (b->given) {
		struct reload_sim_given *g = b->given;
		b->given = g->next;
		reload_key_free(g->credentials.key);
		reload_cert_free(g->credentials.cert);
		free(g);
	}
}

/* -- the other ends of links ------------------------------------------------------------------------------------------------------ */

/*
 * Plans when end e checks the certificate of the other end: when it has ended, or after a minute if that is sooner, since clocks
 * may be set.  libcore/link does so too.
 */
static void look_later(struct reload_sim *s, struct reload_sim_link *l, unsigned e)
{
	struct reload_sim_link_end *end = &l->end[e];
	reload_utc wall = reload_sim_wall(&end->node->node);
	reload_ms left = end->until > wall ? end->until - wall + 1 : 1;
	end->watched = end->until < RELOAD_SIM_CERT_END;
	if (end->watched)
		reload_sim_event_queue(s,
			reload_sim_event_new(s, RELOAD_SIM_VALIDITY, l, e, span_of(NULL, 0)),
			s->now + (left < VALIDITY_MS ? left : VALIDITY_MS));
}

void reload_sim_link_certificate(
	struct reload_sim *s, struct reload_sim_link *l, unsigned e, reload_utc until)
{
	l->end[e].until = until;
	if (!l->end[e].watched)
		look_later(s, l, e);
}

/* Whether the certificate of the node at the other end is valid by the clock of end e. */
static bool is_valid(const struct reload_sim_link *l, unsigned e)
{
	return reload_sim_wall(&l->end[e].node->node) <=
	       l->end[!e].node->node.credentials.cert->not_after;
}

bool reload_sim_link_valid(struct reload_sim *s, struct reload_sim_link *l, unsigned e)
{
	if (!is_valid(l, e) || !is_valid(l, !e))
		return false;
	reload_sim_link_certificate(s, l, e, l->end[!e].node->node.credentials.cert->not_after);
	return true;
}
