/* store.fetch and store.stat: one Fetch or Stat, or as many as are needed. */
#pragma once

#include "parts.h"
#include "rpc_request.h"
#include "storage/proof.h"

/* reload_peer_fetch() or reload_peer_stat() */
typedef struct reload_request *(*agent_ask_fn)(struct reload_peer *p,
	const struct reload_request_target *target, const struct reload_id *resource,
	const struct reload_specifier *specifiers, size_t count, reload_result_fn fn, void *arg,
	enum reload_err *err);

struct agent_fetch {
	struct agent_request base;
	struct reload_specifier specifier;
	struct reload_array_range range;
	struct reload_id at; /* the node that is asked; len 0: the responsible one */
	struct reload_destination to;
	bool show_invalid, proof;
	/* the engine's function, and what is done with each answer and with the last one */
	agent_ask_fn ask;
	const char *failed;
	void (*take)(struct agent_fetch *q, const struct reload_result *r);
	void (*finish)(struct agent_fetch *q, const struct reload_result *r);
	reload_ms deadline; /* 0: only that of each request of the engine */
	/* the answers so far */
	json_t *list;
	size_t there, dropped, size,
		filled; /* size: bytes of JSON so far; filled: bytes of the last message; both approximate */
	enum reload_err first;
	uint64_t generation;
	struct reload_stored_data *evidence;
	size_t evidence_count, evidence_cap;
	struct reload_generic_certificate certificates[RELOAD_PROOF_CERTIFICATES_MAX];
	size_t certificates_count;
	/* for what does not fit one answer */
	struct agent_parts parts;
	bool split, here; /* here: the keys are listed from this node's own replica */
	bool known;       /* generation was set by an earlier answer */
	/* parts were of different generations: after a pause all is read again, from the first part */
	unsigned again;
	reload_ms again_until;
	struct reload_timer pause;
	struct reload_result before; /* the result before the pause, without what it borrows */
	struct reload_vec16_bytes *keys;
	size_t keys_count;
	struct reload_destination self;
};

/* agent_fetch_nothing() ends q with the failure that there is no value. */
void agent_fetch_nothing(struct agent_fetch *q, const struct reload_result *r);

/*
 * agent_fetch_answered() is the completion of q's requests: it takes what came, goes on in parts when the answer would
 * be too large (RFC 6940 s6.3.3.1, Error_Response_Too_Large), and ends q.  All parts are of one generation: while what
 * is stored changes, or a copy of it is still on its way, all is read again within the time limit of q.
 */
void agent_fetch_answered(void *arg, const struct reload_result *r);
