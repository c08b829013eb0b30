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

struct reload_cached_peers {
	struct candidates
		peers; /* peers that are in the tables, or were; of a client, to which it has a link or had one */
	struct candidates
		dialled_others; /* dialled as well, but not in the tables, or not yet: they may be clients */
};

/* reload_cached_peers_load() adds addresses at which peers were reached before, newest first. */
void reload_cached_peers_load(
	struct reload_membership *m, const struct reload_ip_port *addrs, size_t count);

/*
 * reload_cached_peers_is_peer() returns whether node is known as a peer: a peer has it in its tables, a client has a link to it, and a client
 * makes links to peers alone.
 */
bool reload_cached_peers_is_peer(struct reload_membership *m, const struct reload_id *node);

/*
 * reload_cached_peers_confirm() notes that this node dialled addr and that the certificate there is node's; once node is
 * known as a peer it counts as one that was reached, for later searches and for the host: reload_cached_peers_tables_changed() looks for that when
 * the tables have changed.
 */
void reload_cached_peers_confirm(struct reload_membership *m, const struct reload_id *node,
	const struct reload_ip_port *addr);
void reload_cached_peers_tables_changed(struct reload_membership *m);

/*
 * reload_cached_peers_has() returns whether an address of node is remembered, reload_cached_peers_in_tables() how many are of known peers,
 * reload_cached_peers_any() whether there is any at all.
 */
bool reload_cached_peers_has(const struct reload_membership *m, const struct reload_id *node);
size_t reload_cached_peers_in_tables(struct reload_membership *m);
bool reload_cached_peers_any(const struct reload_membership *m);

/* reload_cached_peers_clear() forgets them all. */
void reload_cached_peers_clear(struct reload_membership *m);
