/* The only real host of the engine: one loop, real links, real clocks, signatures on all cores. */
#pragma once

#include "agent.h"
#include "common/identity.h"
#include "peer_cache.h"
#include "link/links_io.h"
#include "names.h"
#include "pool.h"
#include "random.h"
#include "settings.h"
#include "signals.h"
#include "store.h"

enum {
	HOST_ADDRESSES_MAX = 16,
	HOST_INTERFACES_MAX = 128 /* addresses of this host */
};

struct host {
	struct agent agent; /* what the control socket works on */
	struct cli_identity identity;
	struct reload_links *links;
	struct reload_pool *pool;
	struct agent_store *store;
	char *store_path;          /* its directory */
	unsigned diagnostics_rate; /* requests a second of one node */
	struct reload_ip_port listen
		[HOST_ADDRESSES_MAX]; /* the addresses on which it listens, with the ports that were chosen */
	struct reload_ip_port candidates
		[HOST_ADDRESSES_MAX]; /* own addresses; sent to others after those of --advertise */
	size_t listen_count, candidates_count;
	unsigned link_types; /* RELOAD_LINK_BIT() of what is offered and dialled */
	struct agent_names bootstrap, advertise; /* of --bootstrap, --advertise */
	struct agent_names *asked;               /* of the last overlay.join; NULL: it named none */
	enum reload_role joining_as;
	bool as_client;              /* although it was to join as a peer: no datagram reaches it */
	struct reload_timer resolve; /* the next lookup of host names */
	reload_ms resolved, resolve_pause;
	struct agent_peer_cache peer_cache;
	struct turn_offer *turn_offer;  /* NULL: no --turn-server */
	struct host_discover *discover; /* NULL: no --discover */
	struct host_ice *ice;           /* NULL: the overlay has links without ICE alone */
	struct reload_timer wake;       /* the engine's deadline */
	struct reload_timer
		alone; /* --first was given and no bootstrap node answered: the ring is formed outside of the engine's call */
	struct reload_timer stop;              /* asked to stop from inside a request */
	const struct agent_settings *settings; /* the settings with which it was started */
	struct retired *retired;               /* identities that were replaced by newer ones */
	struct reload_timer validity;          /* the next look at the own certificate */
	reload_ms warned;                      /* of its end; 0: not */
	bool outdated,
		join_when_valid; /* it or the document has ended; and this node was in the overlay */
	struct host_upkeep *upkeep;  /* gets newer ones; NULL: not yet, or not any more */
	struct metrics *metrics;     /* NULL: nowhere */
	struct agent_notify *notify; /* NULL: nobody wants to know */
	struct agent_signals *signals;
	uint64_t signals_handle;
	struct agent_random random;
	gid_t socket_group; /* may use the control sockets; 0: nobody but this user and root */
	int ready_fd;       /* -1: nobody waits, or the line was written */
	bool first, stopping, stop_now, leave_now, ended;
};

/*
 * host_prepare() reads and checks all that host_run() needs (identity, addresses, numbers) without starting anything;
 * RELOAD_USAGE or a failure of cli_identity_load() with why.  host_clear() frees it, also after a failure.
 */
enum reload_err host_prepare(
	struct host *h, const struct agent_settings *s, struct reload_error_text *why) MUST_CHECK;
void host_clear(struct host *h);

/* host_run() brings the agent up, runs its loop until it is stopped and takes it down; RELOAD_OK after an orderly end. */
enum reload_err host_run(
	struct host *h, const struct agent_settings *s, struct reload_error_text *why) MUST_CHECK;
