/* The meaning of a TARGET for this node (cli.md s1): a Destination List, and a Resource-ID if it names a resource. */
#pragma once

#include "agent.h"

#include "util/owned.h"

enum {
	AGENT_TARGET_MAX = 32 /* entries of a Destination List */
};

struct agent_target {
	struct reload_destination list[AGENT_TARGET_MAX];
	struct reload_id ids[AGENT_TARGET_MAX]; /* storage for the Resource-IDs of the list */
	struct bytes opaque[AGENT_TARGET_MAX];  /* storage for opaque entries of a URI */
	size_t count;
	bool is_resource; /* the last entry is a Resource-ID */
	unsigned place;   /* the N of "#N" after the last entry, a node; 0: none */
	struct reload_id resource;
	char *name;  /* Resource Name, owned, NULL when only its hash is known */
	char *shown; /* the last entry in full: "name:bob@calls.example", "node:5e3a..." (owned) */
	char *typed; /* as the user wrote it (owned) */
};

/*
 * agent_target_parse() reads text.  RELOAD_USAGE for text that is no target and for an ambiguous prefix (why lists the
 * nodes), RELOAD_NO_NODE for a prefix or table place without a node.  Clear out also after a failure.
 */
enum reload_err agent_target_parse(struct agent_target *out, const struct agent *agent,
	const char *text, struct reload_error_text *why) MUST_CHECK;
void agent_target_clear(struct agent_target *t);

/*
 * agent_target_for_kind() makes the target one of Store and Fetch of kind: a node stands for its resource where the access policy
 * gives each node one (NODE-MATCH), or several (NODE-MULTIPLE: "self#2" is the second).  RELOAD_USAGE with why, which says which
 * target would do, for any other node.  agent_target_no_place() refuses "#N" where no Kind is.
 */
enum reload_err agent_target_for_kind(struct agent_target *t, const struct agent *agent,
	const struct reload_kind *kind, struct reload_error_text *why) MUST_CHECK;
enum reload_err agent_target_no_place(
	const struct agent_target *t, struct reload_error_text *why) MUST_CHECK;

/* agent_node_parse() reads one node: HEX in full or a unique prefix of 4 digits or more, self, succ:N, pred:N, finger:N. */
enum reload_err agent_node_parse(struct reload_id *out, const struct agent *agent, const char *text,
	struct reload_error_text *why) MUST_CHECK;
