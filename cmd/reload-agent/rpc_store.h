/* store.put: what its parts share. */
#pragma once

#include "rpc_request.h"

struct agent_store_request {
	struct agent_request base;
	struct reload_store_item *items; /* in the arena */
	size_t count;
	uint64_t generation;           /* asked for, 0: any */
	struct reload_array_range all; /* of a removal's first question */
	bool dry, keep,
		followed; /* followed: it is asked whether what is stored is ahead of the clock */
	reload_utc begun;
	struct reload_failure refused; /* of the Store before that */
};

/* agent_store_request_read() reads and checks the values of params.  agent_store_request_bad() fills why with the target, the Kind and reason. */
enum reload_err agent_store_request_read(
	struct agent_store_request *q, const json_t *params, struct reload_why *why) MUST_CHECK;
enum reload_err agent_store_request_bad(const struct agent_store_request *q, struct reload_why *why,
	enum reload_err err, const char *reason) MUST_CHECK;

/* agent_store_request_time() returns the storage time of the i-th value. */
reload_utc agent_store_request_time(const struct agent_store_request *q, size_t i);

/* agent_store_request_allowed() tells whether the Kind's policy lets this node write all of it (RFC 6940 s7.3). */
bool agent_store_request_allowed(const struct agent_store_request *q);

/* agent_store_request_may_write() says by the policy what the storer will decide; RELOAD_FORBIDDEN. */
enum reload_err agent_store_request_may_write(
	const struct agent_store_request *q, struct reload_why *why) MUST_CHECK;

/* agent_store_request_hint() adds what helps a writer who was refused with err; r: what the overlay answered, NULL: it was not asked. */
void agent_store_request_hint(const struct agent_store_request *q, enum reload_err err,
	const struct reload_result *r, struct reload_why *why);

/* agent_store_request_stat() asks for the metadata of all that is stored in the Kind there. */
struct reload_request *agent_store_request_stat(
	struct agent_store_request *q, reload_result_fn then, enum reload_err *err);

/* agent_store_request_same_place() tells whether the metadata is of the place of item. */
bool agent_store_request_same_place(
	const struct reload_stored_metadata *m, const struct reload_stored_value *item);

/* agent_store_request_meet() has q's values follow what is stored ahead of the clock; tells whether the times of any changed. */
bool agent_store_request_meet(struct agent_store_request *q, const struct reload_stat_ans *ans);

/* agent_store_request_json() is the result; r NULL: of a dry run. */
json_t *agent_store_request_json(struct agent_store_request *q, uint64_t generation,
	const struct reload_result *r, json_t *replicas);

/* agent_store_request_other_generation() ends a refused Store with the counter and the values that are there (RFC 6940 s7.4.1.2). */
void agent_store_request_other_generation(
	struct agent_store_request *q, const struct reload_result *r);

/* agent_store_request_present() fetches the values in q's places, and ends q with q->refused and with these. */
void agent_store_request_present(struct agent_store_request *q);

/* agent_store_request_rehearse() ends q with what a Store would end with, and sends none. */
enum reload_rpc_end agent_store_request_rehearse(struct agent_store_request *q);
