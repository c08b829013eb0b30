/* Requests of the control socket that need requests of the engine: their common part, from begin to end. */
#pragma once

#include "rpc.h"

/* The first member of each method's structure, which is freed with free() at the end. */
struct agent_request {
	struct agent *agent;
	struct reload_rpc_call *call;
	struct reload_request *request;
	struct agent_target target;
	struct reload_request_target request_target;
	const struct reload_kind
		*kind; /* NULL: the method has none; borrowed from the configuration */
	struct reload_config *config; /* a reference, so that kind stays valid */
	struct reload_arena arena;    /* for lists of the request */
	void (*clear)(
		struct agent_request *q); /* frees what else the method holds; NULL: nothing */
};

/*
 * agent_request_begin() reads target, kind (if the method has it) and timeout_ms.  After a failure call
 * agent_request_refuse(), which ends the request.
 */
enum reload_err agent_request_begin(struct agent_request *q, struct agent *agent,
	struct reload_rpc_call *call, const json_t *params,
	struct reload_error_text *why) MUST_CHECK;
enum reload_rpc_end agent_request_refuse(struct agent_request *q, const struct reload_failure *f);

/* agent_request_joined() checks that the node is part of the overlay; RELOAD_NOT_JOINED with why, of which `what` is the first line. */
enum reload_err agent_request_joined(
	const struct agent_request *q, const char *what, struct reload_error_text *why) MUST_CHECK;

/* agent_request_started() keeps the call while the engine works on r; r NULL: the request fails with err. */
enum reload_rpc_end agent_request_started(
	struct agent_request *q, struct reload_request *r, enum reload_err err);

/* agent_request_pend() keeps the call while no request of the engine, or another kind of work, is under way. */
enum reload_rpc_end agent_request_pend(struct agent_request *q);

/*
 * agent_request_next() sets a further request of the engine, started in the completion of the one before; r NULL: the
 * request fails with err.
 */
void agent_request_next(struct agent_request *q, struct reload_request *r, enum reload_err err);

/* agent_request_explain() fills f with the failure that agent_request_fail() would report. */
void agent_request_explain(struct agent_request *q, const struct reload_result *r, const char *what,
	struct reload_failure *f);

/*
 * agent_request_reply() and agent_request_fail() end the request from a completion of the engine; `what` comes before
 * the target in the message.
 */
enum reload_rpc_end agent_request_reply(struct agent_request *q, json_t *result);
void agent_request_fail(struct agent_request *q, const struct reload_result *r, const char *what);

/* agent_request_fail_with() ends the request with f and fills in the transaction. */
void agent_request_fail_with(
	struct agent_request *q, const struct reload_result *r, struct reload_failure *f);

/*
 * agent_operand() returns the target as it can be typed again, quoted if a shell needs it, agent_operand_of() any other text; a long one, or one with
 * quotes, becomes TARGET (valid until the next call of either).
 */
const char *agent_operand_of(const char *text);
const char *agent_operand(const struct agent_request *q);
