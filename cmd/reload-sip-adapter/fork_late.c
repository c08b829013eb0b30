/*
 * A call that is answered when its caller has its final answer already: after a CANCEL that could not be sent in time, or by a gateway that another one has
 * taken the place of.  The caller's transaction takes no 2xx then (RFC 3261 s17.2.1), and without an ACK the other end would go on to repeat its answer and
 * to have a call with nobody: it gets an ACK and a BYE as of the caller (s13.2.2.4).
 */
#include "reload-sip-adapter/fork.h"
#include "reload-sip-adapter/outside.h"

#include <stdio.h>
#include <stdlib.h>

static bool is_own(const void *arg, const url_t *url)
{
	const struct branch *b = arg;
	return adapter_is_own(b->fork->a, url, &b->hop);
}

/* Outside the overlay it goes to the Contact, or the proxy before it, when that is an address. */
static struct reload_sip_hop way_to(
	const struct branch *b, const struct message *m, const char *routes)
{
	const sip_contact_t *c = m->sip->sip_contact;
	struct reload_sip_hop hop = b->hop, other;
	char next[MESSAGE_URI];
	bool named = message_first_route(next, routes) || (c && message_uri(next, c->m_url));
	if (b->outside && named && !reload_sip_reliable(&hop) &&
		outside_way(&other, &b->fork->a->transport, next))
		hop = other;
	return hop;
}

/* The INVITE as the branch has sent it, but for its branch; empty: it cannot be written any more. */
static void write_invite(struct wr *w, struct branch *b, char id[FORK_BRANCH_ID])
{
	fork_branch_id(id, b->fork);
	fork_write_request(w, b, id);
}

static void send_bye(
	struct branch *b, const struct message *m, struct reload_sip_hop *hop, const char *routes)
{
	char id[FORK_BRANCH_ID], key[RELOAD_SIP_KEY_MAX];
	struct wr invite, w;
	wr_init(&invite);
	wr_init(&w);
	write_invite(&invite, b, id);
	if (!invite.err)
		message_within(&w, wr_done(&invite), m, "BYE", routes);
	snprintf(key, sizeof(key), "c|%s|BYE", id);
	if (!invite.err && !w.err)
		(void)reload_sip_txn_new(
			&b->fork->a->txns, RELOAD_SIP_CLIENT, key, hop, wr_done(&w));
	wr_clear(&w);
	wr_clear(&invite);
}

void fork_late(struct branch *b, const struct message *m)
{
	char id[FORK_BRANCH_ID];
	struct wr invite, w;
	if (b->late++ >= FORK_LATE_MAX)
		return;
	char *routes = message_routes(m, is_own, b);
	struct reload_sip_hop hop = way_to(b, m, routes);
	wr_init(&invite);
	wr_init(&w);
	write_invite(&invite, b, id);
	if (!invite.err)
		message_within(&w, wr_done(&invite), m, "ACK", routes);
	if (!invite.err && !w.err)
		(void)transport_send(&b->fork->a->transport, &hop, wr_done(&w));
	wr_clear(&w);
	wr_clear(&invite);
	send_bye(b, m, &hop, routes);
	free(routes);
}
