/* Addresses at which somebody on the local network says that a node of the overlay listens (peer/peer.h, reload_peer_hint()). */
#pragma once

#include "membership/candidate.h"

enum {
	RELOAD_HINTS_MAX = 64,   /* at the maximum the next one takes the place of the oldest */
	RELOAD_HINTS_DIALLED = 3 /* at most, at a time */
};

/* reload_hints_add() adds hints, and dials them when a search is under way; whether there is one among them that was not known. */
bool reload_hints_add(
	struct reload_membership *m, const struct reload_ip_port *addrs, size_t count);

/* reload_hints_hasten() returns whether news end the pause before the next search: less often the more of them have led nowhere. */
bool reload_hints_hasten(struct reload_membership *m);

/* There is a link to go on with, or one hint less that is to be decided. */
typedef void (*reload_hints_fn)(struct reload_membership *m);

/*
 * reload_hints_begin() starts to dial all hints, as a search for a join begins; changed is called whenever one has timed out.  reload_hints_end() stops that, and closes what was
 * made.  reload_hints_any() returns whether there is any hint, reload_hints_pending() whether one is still to be decided in this search.
 */
void reload_hints_begin(struct reload_membership *m, reload_hints_fn changed);
void reload_hints_end(struct reload_membership *m);
bool reload_hints_any(const struct reload_membership *m);
bool reload_hints_pending(const struct reload_membership *m);

/* reload_hints_take() hands a link that is up over to the search, with the address that was dialled; NULL: there is none. */
struct reload_connection *reload_hints_take(struct reload_membership *m, struct candidate *at);

/*
 * reload_hints_link_up() and reload_hints_link_down() report what became of a link; true: it is that of a hint, and the search may have
 * something to go on with.
 */
bool reload_hints_link_up(struct reload_membership *m, struct reload_connection *con);
bool reload_hints_link_down(struct reload_membership *m, uint32_t link);
