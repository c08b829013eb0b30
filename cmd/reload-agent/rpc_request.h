/* Requests of the control socket that become requests of the engine: one life for all of them. */
#pragma once

#include "rpc.h"

/* Stands first in the structure of each method, which is freed with free() at its end. */
struct agent_request {
	struct agent *agent;
	struct reload_rpc_call *call;
	struct reload_request *request;
	struct agent_target target;
	struct reload_way way;
	const struct reload_kind
		*kind; /* NULL: the method has none; borrowed from the configuration */
	struct reload_config *config;           /* a reference, so that kind stays */
	struct reload_arena arena;              /* for lists of the request */
	void (*clear)(struct agent_request *q); /* what else the method holds; NULL: nothing */
};

/* agent_request_begin() reads target, kind (when there is one) and timeout_ms.  agent_request_refuse() ends after a failure. */
enum reload_err agent_request_begin(struct agent_request *q, struct agent *agent,
	struct reload_rpc_call *call, const json_t *params, struct reload_why *why) MUST_CHECK;
enum reload_rpc_end agent_request_refuse(struct agent_request *q, const struct reload_failure *f);

/* agent_request_started() keeps the call while the engine works on r; NULL: fails with err. */
enum reload_rpc_end agent_request_started(
	struct agent_request *q, struct reload_request *r, enum reload_err err);

/* agent_request_next() is for a second request of the engine, begun from the completion of the first. */
void agent_request_next(struct agent_request *q, struct reload_request *r, enum reload_err err);

/* agent_request_explain() fills f as agent_request_fail() would report it. */
void agent_request_explain(struct agent_request *q, const struct reload_result *r, const char *what,
	struct reload_failure *f);

/* agent_request_reply() and _fail() end it from the engine's completion; what stands in front of the target in the message. */
enum reload_rpc_end agent_request_reply(struct agent_request *q, json_t *result);
void agent_request_fail(struct agent_request *q, const struct reload_result *r, const char *what);

/* agent_request_fail_with() ends it with a failure; the transaction is filled in. */
void agent_request_fail_with(
	struct agent_request *q, const struct reload_result *r, struct reload_failure *f);

/* agent_operand() returns the target as it can be typed again, quoted where a shell needs it (good until the next call). */
const char *agent_operand(const struct agent_request *q);
