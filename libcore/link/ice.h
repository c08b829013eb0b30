/*
 * Candidates between RELOAD and an ICE library (RFC 6940 s6.5.1.1, s6.5.1.5): those of another node as the library wants them,
 * and the choice among those that the library gathered.  Pure.
 */
#pragma once

#include "wire/attach.h"

enum {
	RELOAD_ICE_CANDIDATES_MAX = 25, /* of one end; a library takes no more */
	RELOAD_ICE_FOUNDATION = 33      /* 32 characters and a NUL (RFC 5245 s15.1) */
};

/* The numbers of the library; those of RELOAD (enum reload_cand_type) begin at 1 and leave one out. */
enum reload_ice_type {
	RELOAD_ICE_HOST,
	RELOAD_ICE_SRFLX,
	RELOAD_ICE_PRFLX,
	RELOAD_ICE_RELAY
};

/* A candidate as the library has it: component 1 over UDP. */
struct reload_ice_item {
	enum reload_ice_type type;
	char foundation[RELOAD_ICE_FOUNDATION];
	uint32_t priority;
	struct reload_ip_port address;
	struct reload_ip_port base; /* the related address; type 0: none */
};

/*
 * reload_ice_remote() fills out with what ICE is given of the candidates of another node, and returns their number.  Of the
 * first RELOAD_ICE_CANDIDATES_MAX those with a fault (reload_ice_candidate_fault()) and those at an address that came before
 * are left out; *why is what was wrong with the first of these, NULL: nothing.
 */
size_t reload_ice_remote(struct reload_ice_item out[RELOAD_ICE_CANDIDATES_MAX], const char **why,
	const struct reload_ice_candidate *in, size_t count, bool loopback);

/* A candidate that was gathered here. */
struct reload_ice_local {
	struct reload_ice_item item;
	bool routed; /* its base is where packets to the default gateway or the bootstrap node leave this host */
	const char *left_out; /* set by reload_ice_choose(): why it is not sent, NULL: it is */
	unsigned kind, round; /* of reload_ice_choose() */
};

/*
 * reload_ice_mark_routed() sets `routed` of the candidates whose base, which of a host candidate is its own address, is one of these
 * addresses; ports do not count.  See reload_udp_source().
 */
void reload_ice_mark_routed(struct reload_ice_local *all, size_t count,
	const struct reload_ip_port *sources, size_t sources_count);

/*
 * reload_ice_choose() chooses what is sent of the candidates that were gathered, and returns how many: they are the first in
 * all[] then, by falling priority, and the others follow with their reason.  By turns the best of each type and
 * address family is taken, so that neither many interfaces nor one family displaces a relayed candidate.  Within a type and a
 * family routed ones come first, then higher priorities.  Link-local addresses are never sent, loopback addresses with
 * `loopback` only.  With relay_only no other candidate than a relayed one is sent, and no related address.
 */
size_t reload_ice_choose(
	struct reload_ice_local *all, size_t count, bool loopback, bool relay_only);

/* reload_ice_offer() makes an IceCandidate of a chosen one, whose foundation it borrows. */
void reload_ice_offer(struct reload_ice_candidate *out, const struct reload_ice_local *in);
