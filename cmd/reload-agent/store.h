/* The agent's stored values: in a file that survives the agent; a client, which stores nothing for others, has them in memory only. */
#pragma once

#include "agent.h"
#include "settings.h"
#include "storage/storage.h"

struct agent_store;

/*
 * agent_store_path() returns (owned) the directory of the store: --store-path, else the instance's directory of state.
 * Errors of cli_path().
 */
enum reload_err agent_store_path(char **out, const char *instance, const struct agent_settings *s,
	struct reload_error_text *why) MUST_CHECK;

/*
 * agent_store_open() opens the store of a node of config (owned), whose writes are completed by the loop; a client does
 * not use path.  agent->poll, log, role and store_limit are set.  Errors of reload_storage_sqlite_open().
 */
enum reload_err agent_store_open(struct agent_store **out, struct agent *agent,
	const struct reload_config *config, const char *path,
	struct reload_error_text *why) MUST_CHECK;

/* agent_store_storage() returns the storage (borrowed). */
struct reload_storage *agent_store_storage(const struct agent_store *store);

/* agent_store_free() waits until everything is durable; NULL is legal.  Free the engine before. */
void agent_store_free(struct agent_store *store);
