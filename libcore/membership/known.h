/*
 * Addresses of peers that this node dialled itself, and where it found the certificate of their Node-ID: they are tried before the configured
 * bootstrap nodes (R-11.4-02), and the host keeps them for a later start.  What others say about an address is no more than a claim (claims.c).
 */
#pragma once

#include "membership/candidate.h"

/* Newest first; at the maximum the next one takes the place of the oldest. */
struct candidates {
	struct candidate *at;
	size_t count, cap;
};

struct reload_known {
	struct candidates reached; /* peers that are in the tables, or were */
	struct candidates
		met; /* dialled as well, but not in the tables, or not yet: they may be clients */
};

/* reload_known_remember() adds addresses at which peers were reached before, newest first. */
void reload_known_remember(
	struct reload_membership *m, const struct reload_ip_port *addrs, size_t count);

/*
 * reload_known_proven() notes that this node dialled addr and that the certificate there is node's; once node is in the
 * tables it counts as a peer that was reached, for later searches and for the host: reload_known_tables() looks for that when
 * the tables have changed.
 */
void reload_known_proven(struct reload_membership *m, const struct reload_id *node,
	const struct reload_ip_port *addr);
void reload_known_tables(struct reload_membership *m);

/*
 * reload_known_is_proven() tells whether an address of node is remembered, reload_known_count() how many are of nodes in the tables,
 * reload_known_any() whether there is any at all.
 */
bool reload_known_is_proven(const struct reload_membership *m, const struct reload_id *node);
size_t reload_known_count(struct reload_membership *m);
bool reload_known_any(const struct reload_membership *m);

/* reload_known_clear() forgets them all. */
void reload_known_clear(struct reload_membership *m);
