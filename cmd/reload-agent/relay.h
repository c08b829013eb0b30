/*
 * TURN servers of other peers, for a node that needs a relay (RFC 6940 s9): it finds them through the overlay, by ReDiR (RFC 7374 s10.4)
 * and, when that gives too few, at random places, and uses them with a
 * credential that it makes from the secret of --turn-credentials (reload_turn_credential()).
 */
#pragma once

#include "agent.h"
#include "redir.h"
#include "usage/turn_search.h"
#include "util/owned.h"

enum {
	AGENT_RELAY_PAUSE_MS =
		30000, /* between the end of a search and the next one, while there are too few */
	AGENT_RELAY_CREDENTIAL_MS = 24 * 3600 * 1000,
	AGENT_RELAY_FIND_MS = 3000 /* for each request of a search */
};

/* Zero-initialised, but for agent: no server is known. */
struct agent_relay {
	struct agent *agent;
	struct reload_turn_search search;
	struct bytes secret;            /* empty: none, no server can be used */
	struct reload_request *request; /* of a search under way */
	struct agent_redir_walk walk;   /* its first part: providers of the service turn-server */
	bool by_service;                /* that part is under way */
	reload_ms ended;                /* of the last search; 0: none */
	bool searching, loopback;
	void (*done)(void *arg); /* a search has ended, or has found a server */
	void *arg;
};

/* agent_relay_secret() reads the secret, the first line of the file; RELOAD_IO, RELOAD_BAD_KEY with why. */
enum reload_err agent_relay_secret(
	struct agent_relay *r, const char *path, struct reload_error_text *why) MUST_CHECK;

/*
 * agent_relay_search() begins to look for servers, unless enough are known, a search is under way, or the last one has ended a short while
 * ago; returns whether one is under way.  agent_relay_clear() ends it and forgets the secret.
 */
bool agent_relay_search(struct agent_relay *r);
void agent_relay_clear(struct agent_relay *r);

/* agent_relay_add() notes a server of which the node itself knows, that of --turn-server. */
void agent_relay_add(struct agent_relay *r, const struct reload_ip_port *at);
