/*
 * Overlay diagnostics (RFC 7851): Pings that ask for values, PathTrack, and what a peer does with diagnostic messages that it forwards.
 *
 *	a request arrives --> within the rate of its signer? --> not expired? --> every Kind permitted? --> answered with values
 *	one is forwarded  --> no loop, ttl left, not expired, not misrouted? --> passed on, and remembered until its link can have failed
 *
 * Values are what this node and its host measure when they are asked for; what is not known is left out.  Limits: ASKERS_MAX signers are
 * remembered for the rate, PASSED_MAX forwarded requests for the failure of a link; at the maximum the oldest makes room.
 */
#pragma once

#include "exchange/exchange.h"
#include "replica/replica.h"

struct reload_diagnostics;

struct reload_diagnostics_setup {
	struct reload_engine *engine;
	struct reload_connections *connections;
	const struct reload_route *route;
	struct reload_exchange *exchange;
	struct reload_replica *replica;
	struct reload_policy policy; /* without zeros */
};

/* reload_diagnostics_new() makes the service (owned), with the method PathTrack; what setup points at outlives it. */
struct reload_diagnostics *reload_diagnostics_new(const struct reload_diagnostics_setup *setup);
void reload_diagnostics_free(struct reload_diagnostics *d);

/*
 * reload_diagnostics_ping() answers a verified Ping with ans, and with values when it asks for any in the way of RFC 7851 s4.2.1; or refuses it.
 * in is taken.
 */
void reload_diagnostics_ping(struct reload_diagnostics *d, struct reload_incoming *in,
	const struct reload_ping_ans *ans);

/*
 * reload_diagnostics_passes() judges a message that is about to be forwarded (struct reload_exchange_watch, RFC 7851 s6.2): only Ping with the
 * extension and PathTrack are looked at.
 */
enum reload_err reload_diagnostics_passes(struct reload_diagnostics *d,
	const struct reload_connection *from, const struct reload_connection *to,
	const struct reload_header *h, struct span message, char info[RELOAD_PASS_INFO]);

/*
 * reload_diagnostics_link_failed() sends Error_Underlay_Destination_Unreachable, or Error_Underlay_Time_Exceeded, to whoever asked over this node, not long
 * ago, for what was forwarded over a link that has failed, or whose datagrams are given up on their way.  It is called while the link is in the table.
 */
void reload_diagnostics_link_failed(
	struct reload_diagnostics *d, uint32_t link, enum reload_err err);

/* What a request asks for (RFC 7851 s6.1). */
struct reload_diagnostics_wish {
	uint64_t flags;        /* of the Kinds below RELOAD_DIAGNOSTIC_FLAGS */
	const uint16_t *kinds; /* the others; their requests are empty */
	size_t kinds_count;
};

/*
 * reload_diagnostics_send_ping() and reload_diagnostics_send_path_track() send a request that was made for Ping or PathTrack, with a lifetime of
 * 60 s.  RELOAD_USAGE: a Kind that may not be asked for this way; r is then as before.
 */
enum reload_err reload_diagnostics_send_ping(struct reload_diagnostics *d, struct reload_request *r,
	const struct reload_diagnostics_wish *wish) MUST_CHECK;
enum reload_err reload_diagnostics_send_path_track(struct reload_diagnostics *d,
	struct reload_request *r, const struct reload_destination *destination,
	const struct reload_diagnostics_wish *wish) MUST_CHECK;
