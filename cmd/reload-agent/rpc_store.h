/* What the files of store.put share. */
#pragma once

#include "rpc_request.h"

struct agent_store_request {
	struct agent_request base;
	struct reload_store_item *items; /* in the arena */
	size_t count;
	uint64_t generation;           /* the generation that has to be stored, 0: any */
	struct reload_array_range all; /* for the Stat that a removal begins with */
	json_t *extra;                 /* owned: further members of the result; NULL: none */
	bool dry, keep, followed;      /* followed: the Stat after "too old" was sent */
	reload_utc begun;
	struct reload_failure refused; /* the failure of the Store before that Stat */
};

/*
 * agent_store_put() is store.put with params as its parameters (borrowed), and with the members of extra (taken; NULL: none) in its result.
 */
enum reload_rpc_end agent_store_put(
	struct agent *agent, struct reload_rpc_call *call, const json_t *params, json_t *extra);

/* agent_store_request_read() reads and checks the values of params.  agent_store_request_bad() fills why with the target, the Kind and reason. */
enum reload_err agent_store_request_read(struct agent_store_request *q, const json_t *params,
	struct reload_error_text *why) MUST_CHECK;
enum reload_err agent_store_request_bad(const struct agent_store_request *q,
	struct reload_error_text *why, enum reload_err err, const char *reason) MUST_CHECK;

/* agent_store_request_time() returns the storage time of the i-th value. */
reload_utc agent_store_request_time(const struct agent_store_request *q, size_t i);

/*
 * agent_store_request_allowed() returns whether the Kind's access policy lets this node write all values of q (RFC 6940
 * s7.3).
 */
bool agent_store_request_allowed(const struct agent_store_request *q);

/* agent_store_request_may_write() checks by the access policy whether a storer will accept the request; RELOAD_FORBIDDEN. */
enum reload_err agent_store_request_may_write(
	const struct agent_store_request *q, struct reload_error_text *why) MUST_CHECK;

/*
 * agent_store_request_hint() adds advice for a writer who was refused with err; r: what the overlay answered, NULL:
 * nothing was sent.
 */
void agent_store_request_hint(const struct agent_store_request *q, enum reload_err err,
	const struct reload_result *r, struct reload_error_text *why);

/* agent_store_request_stat() sends a Stat for all values of the Kind at the resource. */
struct reload_request *agent_store_request_stat(
	struct agent_store_request *q, reload_result_fn then, enum reload_err *err);

/* agent_store_request_same_place() returns whether m is the metadata of the place of item. */
bool agent_store_request_same_place(
	const struct reload_stored_metadata *m, const struct reload_stored_value *item);

/* agent_store_request_meet() sets the storage times of q's values after those of stored values that are ahead of the clock; returns whether it changed any. */
bool agent_store_request_meet(struct agent_store_request *q, const struct reload_stat_ans *ans);

/* agent_store_request_json() returns the result (owned); r NULL: that of a dry run. */
json_t *agent_store_request_json(struct agent_store_request *q, uint64_t generation,
	const struct reload_result *r, json_t *replicas);

/* agent_store_request_other_generation() ends a refused Store with the counter and the values that are there (RFC 6940 s7.4.1.2). */
void agent_store_request_other_generation(
	struct agent_store_request *q, const struct reload_result *r);

/*
 * agent_store_request_present() fetches the values that are stored in q's places and ends q with q->refused and these
 * values.
 */
void agent_store_request_present(struct agent_store_request *q);

/* agent_store_request_dry_run() checks q as far as possible without a Store and ends it with the result that a Store would have. */
enum reload_rpc_end agent_store_request_dry_run(struct agent_store_request *q);
