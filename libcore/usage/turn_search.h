/*
 * Looking for TURN servers (RFC 6940 s9), and which of those that are known to use.  Pure; the caller sends the requests.
 *
 *   reload_turn_search_next()  -> Find of TURN-SERVICE at a random Resource-ID
 *   reload_turn_search_where() -> Fetch at the closest Resource-ID that the answer names, if there is one; else the next
 *   reload_turn_search_take()  -> each value of the FetchAns; then the next, until enough are known or there were enough tries
 */
#pragma once

#include "usage/turn.h"
#include "util/clock.h"
#include "wire/find.h"

enum {
	RELOAD_TURN_TRIES =
		20, /* Finds of one search: with a fitting turn-density one in two finds a record */
	RELOAD_TURN_ENOUGH =
		2, /* usable servers: one to use, and one to go on with when it fails */
	RELOAD_TURN_SERVERS_MAX = 4, /* remembered; a new one takes the place of one that failed */
	RELOAD_TURN_REST_MS =
		60000 /* a server that failed is not used for this long while there is another */
};

struct reload_turn_known {
	struct reload_id node; /* that recorded it */
	struct reload_ip_port address;
	bool failed;
	unsigned failures; /* in a row */
	reload_ms failed_at;
};

/* Zero-initialised: no server is known, and no search has begun. */
struct reload_turn_search {
	struct reload_turn_known servers[RELOAD_TURN_SERVERS_MAX];
	size_t count;
	unsigned tries; /* of this search */
};

/* reload_turn_search_wanted() returns whether too few servers are known, those that rest after a failure not counted. */
bool reload_turn_search_wanted(const struct reload_turn_search *s, reload_ms now);

/* reload_turn_search_begin() begins another search; known servers stay. */
void reload_turn_search_begin(struct reload_turn_search *s);

/* reload_turn_search_next() counts a try.  False: the search is over, as enough servers are known or there were enough tries. */
bool reload_turn_search_next(struct reload_turn_search *s, reload_ms now);

/*
 * reload_turn_search_where() returns where the answer to such a Find says that a TURN-SERVICE record is (borrowed), empty when its
 * peer has none (R-7.4.4-06: a Resource-ID of zeros).
 */
struct span reload_turn_search_where(const struct reload_find_ans *ans);

/*
 * reload_turn_search_take() takes a value that node stored and signed, and remembers its server.  RELOAD_BAD_VALUE: no
 * TurnServer, or an address to which nothing may be sent because another node says so (reload_ip_port_claim_fault()); why says
 * which.  RELOAD_EXISTS: known, or another one of this node is,
 * which works.  RELOAD_LIMIT: as many as are remembered work.
 */
enum reload_err reload_turn_search_take(struct reload_turn_search *s, const struct reload_id *node,
	struct span value, const struct reload_config *config, bool loopback,
	struct reload_error_text *why) MUST_CHECK;

/*
 * reload_turn_choose() returns the server to use, NULL: none is known.  It is the first one that does not rest after a failure,
 * or else the one whose failure is the oldest.  Borrowed until the next call that changes s.
 */
const struct reload_turn_known *reload_turn_choose(
	const struct reload_turn_search *s, reload_ms now);

/* reload_turn_result() notes whether the server at address gave an allocation, or lost one. */
void reload_turn_result(struct reload_turn_search *s, const struct reload_ip_port *address,
	bool works, reload_ms now);
