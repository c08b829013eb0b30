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
