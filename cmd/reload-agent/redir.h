/* Fetches and Stores of ReDiR (RFC 7374) as requests of the engine, for registrations, lookups and the view of a tree. */
#pragma once

#include "agent.h"

#include "service/redir.h"

/* agent_redir_kind() returns the Kind REDIR of the overlay (borrowed), NULL when it does not have it; why says what to do. */
const struct reload_kind *agent_redir_kind(
	const struct agent *agent, struct reload_error_text *why);

/* agent_redir_resource() returns the Resource-ID of a tree node. */
struct reload_id agent_redir_resource(
	const struct agent *agent, const char *service, struct reload_redir_place place);

/* agent_redir_fetch() asks for all records of a tree node, as reload_peer_fetch() does; timeout_ms 0: that of the protocol. */
struct reload_request *agent_redir_fetch(const struct agent *agent, const char *service,
	struct reload_redir_place place, reload_ms timeout_ms, reload_result_fn fn, void *arg,
	enum reload_err *err);

/* agent_redir_entries() returns the records in the answer that count (owned array; the spans are borrowed from r), and their number. */
struct reload_redir_entry *agent_redir_entries(size_t *count, const struct reload_result *r,
	const char *service, struct reload_redir_place place, uint32_t branching);

/*
 * agent_redir_store() stores this node's record at a tree node for lifetime_s, agent_redir_remove() removes it there, as reload_peer_store() does.
 */
struct reload_request *agent_redir_store(const struct agent *agent, const char *service,
	struct reload_redir_place place, uint32_t lifetime_s, reload_result_fn fn, void *arg,
	enum reload_err *err);
struct reload_request *agent_redir_remove(const struct agent *agent, const char *service,
	struct reload_redir_place place, uint32_t lifetime_s, reload_result_fn fn, void *arg,
	enum reload_err *err);

/* agent_redir_place_json() returns {level, node, resource_id} (owned). */
json_t *agent_redir_place_json(
	const struct agent *agent, const char *service, struct reload_redir_place place);

enum {
	AGENT_REDIR_TRIES = 3 /* providers of one search (digest section 19, number 16) */
};

/*
 * A lookup, and further ones that leave out providers that were of no use.  Set agent, service, until, each_ms, from_root, done and arg; all else starts
 * as zero.  done() is called when lookup has ended, which may be within agent_redir_walk_begin().
 *
 * Providers that did not answer others of this agent (agent_redir_walk_silent()) are left out, too, unless there is no other.
 */
struct agent_redir_walk {
	struct agent *agent;
	const char *service; /* borrowed */
	reload_ms until;   /* the end of the time that its requests have; 0: that of the protocol */
	reload_ms each_ms; /* at most, for each request; 0: that of the protocol */
	bool from_root; /* the service is likely to have few providers or none: one Fetch says so */
	void (*done)(void *arg);
	void *arg;
	struct reload_redir_lookup lookup;
	struct reload_id passed_over[AGENT_REDIR_TRIES];
	unsigned tries;  /* how many of them */
	bool left_out;   /* a provider that did not answer before */
	bool silent_too; /* these are taken all the same */
	struct reload_request *request;
	uint8_t levels[AGENT_REDIR_TRIES * 2 * RELOAD_REDIR_LEVELS]; /* of all its Fetches */
	unsigned fetches;
};

/* agent_redir_walk_begin() looks for the provider that follows key; RELOAD_UNKNOWN_KIND in an overlay without the Kind, and then done() is not called. */
enum reload_err agent_redir_walk_begin(
	struct agent_redir_walk *w, const struct reload_id *key) MUST_CHECK;

/* agent_redir_walk_pass_over() leaves the provider that was found out of the next lookup; returns whether there may be one more. */
bool agent_redir_walk_pass_over(struct agent_redir_walk *w);

/*
 * agent_redir_walk_silent() says that the provider that was found did not answer: lookups leave it out until its record has ended.
 * agent_redir_walk_answered() says that it did.
 */
void agent_redir_walk_silent(const struct agent_redir_walk *w);
void agent_redir_walk_answered(const struct agent_redir_walk *w);

/* agent_redir_walk_timeout() returns the time that a request of the walk has now; 0: that of the protocol. */
reload_ms agent_redir_walk_timeout(const struct agent_redir_walk *w);

/* agent_redir_walk_stop() ends it without a result. */
void agent_redir_walk_stop(struct agent_redir_walk *w);
