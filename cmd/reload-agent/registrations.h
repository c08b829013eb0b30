/*
 * Registrations of the user of this node (RFC 7904): values of SIP-REGISTRATION under the own Node-ID, which are renewed like others
 * (renewals.h).  Beyond that, the value follows the place of the node, since a client is reached through its peer; and it is removed
 * when the node leaves, since who calls would otherwise try a node that is not there, until the lifetime ends.
 */
#pragma once

#include "agent.h"

enum {
	AGENT_REGISTRATION_LIFETIME_S = 3600,
	AGENT_WITHDRAW_MS = 2000, /* to remove registrations before leaving */
	AGENT_WITHDRAW_MAX = 4    /* at a time; a certificate has one user name, and so one AOR */
};

struct agent_registrations;

/*
 * agent_registration_list() fills list with the Destination List of this node, and returns how many entries it has: the node itself, in a client
 * behind the peer to which it is connected.
 */
size_t agent_registration_list(const struct reload_status *s, struct reload_destination list[2]);

/* agent_registrations_state() is called with the state of the node when it may have changed; it stores registrations that name another peer than the present one again. */
void agent_registrations_state(struct agent *agent, const struct reload_status *s);

/*
 * agent_registrations_withdraw() begins to remove the registrations that are stored and returns true; done is called when that is so, after AGENT_WITHDRAW_MS
 * at the latest, and agent->withdrawing is set until then.  False: there is none, or the node is not in the overlay.
 * agent_registrations_withdraw_end() ends it without calling done.
 */
bool agent_registrations_withdraw(struct agent *agent, void (*done)(void *arg), void *arg);
void agent_registrations_withdraw_end(struct agent *agent);
