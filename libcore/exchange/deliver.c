#include "exchange/internal.h"

/*
 * A message for this node: decoded, its signer found, its signature verified (a job); then a request is served by its method's row, and
 * an answer goes to the request that waits for it.  One signer may have a share of one link's messages in work; more are dropped, and the
 * end-to-end repetition repairs it.
 */

enum {
	SIGNER_SHARE = 4
};

static void incoming_start(struct reload_incoming *in);
static void job_done(struct reload_incoming *in);

static void previous_hop(struct reload_incoming *in, struct reload_connection *con)
{
	struct reload_exchange *x = in->exchange;
	uint8_t name[2];
	struct reload_destination hop = reload_connection_hop(x->connections, con, name);
	in->previous = con->node;
	reload_list_back(&in->return_list, &x->engine->ctx, &hop, in->msg->header.via_list,
		&x->engine->self);
}

/* Of the method of this code; an answer is one of its request's. */
static unsigned method_flags(const struct reload_exchange *x, uint16_t code)
{
	const struct reload_method_row *method =
		reload_method_row(x, reload_code_is_request(code) ? code : (uint16_t)(code - 1));
	return method ? method->flags : 0;
}

void reload_deliver(struct reload_exchange *x, struct reload_connection *con, struct span message,
	bool stands_in)
{
	struct reload_msg *msg;
	if (x->work_count >= x->policy.max_work ||
		reload_connection_work(x->connections, con) >= x->policy.max_link_work) {
		reload_engine_drop(
			x->engine, RELOAD_COUNT_DROP_LIMIT, con->link, 0, "too much work waiting");
		return;
	}
	if (reload_msg_decode(&msg, message, &x->engine->ctx)) {
		struct reload_header h;
		bool readable = !reload_header_read(&h, message, &x->engine->ctx);
		reload_engine_drop(x->engine, RELOAD_COUNT_DROP_MALFORMED, con->link,
			readable ? h.transaction_id : 0, "malformed message");
		return;
	}
	if (!(method_flags(x, msg->code) & RELOAD_METHOD_EVERY_LINK))
		con->used = x->engine->now;
	struct reload_incoming *in = reload_incoming_new(x, msg, con->link);
	in->on_jobs_done = job_done;
	in->stands_in = stands_in;
	con->work++;
	reload_engine_count(x->engine, RELOAD_COUNT_DELIVERED);
	previous_hop(in, con);
	incoming_start(in);
}

/*
 * True: the request was seen before, and is answered as before, or not at all while it is in work; in is taken.  A repeat is
 * recognised by transaction id and originator (RFC 6940 s6.2.1): another signature does not make it another request.
 */
static bool answer_if_repeated(struct reload_incoming *in)
{
	struct reload_exchange *x = in->exchange;
	struct span kept;
	in->originator = reload_originator_digest(reload_id_span(&in->signer));
	enum reload_answer_state state = reload_answer_cache_begin(x->answer_cache,
		in->msg->header.transaction_id, in->originator, x->engine->now, &kept);
	if (state == RELOAD_ANSWER_NEW)
		return false;
	reload_engine_drop(x->engine, RELOAD_COUNT_REQUESTS_DUPLICATE, in->link,
		in->msg->header.transaction_id, "repeated request");
	if (state == RELOAD_ANSWER_READY)
		reload_answer_repeat(in, kept);
	else
		reload_incoming_free(in, false);
	return true;
}

static void signature_verified(void *arg, struct reload_job *job)
{
	struct reload_incoming *in = arg;
	in->err = job->err;
	if (!job->err && job->trust)
		reload_cache_add(in->exchange->cache, in->cert, &job->chain);
	in->jobs--;
	job_done(in);
}

/* Submits the check of the message's own signature; known: its certificate was verified before. */
static void signature_check(struct reload_incoming *in, bool known)
{
	struct reload_exchange *x = in->exchange;
	struct reload_signature *sig = &in->msg->security.signature;
	struct reload_job *job = reload_job_verify(in->cert, sig);
	reload_msg_signature_input(&job->input, in->msg->header.overlay,
		in->msg->header.transaction_id, in->msg->contents, sig->identity_bytes);
	if (known)
		reload_engine_count(x->engine, RELOAD_COUNT_CACHE_HITS);
	else
		reload_signer_check(in, job, in->cert);
	in->jobs++;
	reload_engine_job(x->engine, job, signature_verified, in);
}

/* What does not fit the request costs no signature; the values of a FetchAns are verified beside the message that brings them. */
static void answer_start(struct reload_incoming *in)
{
	struct reload_exchange *x = in->exchange;
	struct reload_request *r = reload_request_of(x, in->msg->header.transaction_id);
	if (in->msg->code != r->code + 1 || reload_msg_body(in->msg, &x->engine->ctx))
		return;
	in->does_not_fit = r->method && r->method->fits && !r->method->fits(r, in->msg);
	if (!in->does_not_fit && r->method && r->method->values)
		r->method->values(r, in);
}

/*
 * One signer that is not the node at the end of the link may have a share of what the link may have in work, so that others whose
 * requests come over the same link are served, too.  It is counted for each link: anybody may send copies of a signer's messages
 * over other links.
 */
static bool signer_over_limit(const struct reload_incoming *in)
{
	struct reload_exchange *x = in->exchange;
	const struct reload_connection *con = reload_connection_by_link(x->connections, in->link);
	size_t max = x->policy.max_link_work / SIGNER_SHARE, count = 0;
	const struct reload_incoming *other;
	if (!con || con->work <= max || reload_id_eq(&con->node, &in->signer))
		return false;
	TAILQ_FOREACH (other, &x->work, entry)
		count += other != in && other->link == in->link &&
			 reload_id_eq(&other->signer, &in->signer);
	return count >= max;
}

enum {
	UNASKED_REPEAT_MS = 2000 /* requests are repeated after overlay-reliability-timer, 3 s */
};

/*
 * Another node with a copy of this node's key makes requests, and their answers come here: the same answer, to no request of this node,
 * each time the other repeats its request.  A late answer to an own request that was sent once comes once, or more quickly; to one that was repeated
 * it comes for each copy.
 */
static void note_unasked_answer(const struct reload_incoming *in)
{
	struct reload_exchange *x = in->exchange;
	uint64_t id = in->msg->header.transaction_id;
	if (reload_transaction_was_repeated(&x->transactions, id))
		return;
	if (id == x->unasked.transaction && x->engine->now - x->unasked.since >= UNASKED_REPEAT_MS)
		reload_engine_event(
			x->engine, &(struct reload_event){ .type = RELOAD_EV_NODE_ID_TAKEN,
					   .link = in->link,
					   .transaction = id,
					   .node = &x->engine->self });
	if (id != x->unasked.transaction) {
		x->unasked.transaction = id;
		x->unasked.since = x->engine->now;
	}
}

static void incoming_start(struct reload_incoming *in)
{
	struct reload_exchange *x = in->exchange;
	bool known, request = reload_code_is_request(in->msg->code);
	if (!request && !reload_request_of(x, in->msg->header.transaction_id)) {
		note_unasked_answer(in);
		reload_incoming_drop(
			in, RELOAD_COUNT_DROP_UNKNOWN_TRANSACTION, "no such transaction");
		return;
	}
	if (reload_signer_find(
		    in, &in->msg->security.signature.identity, &in->cert, &in->signer, &known)) {
		reload_incoming_drop(in, RELOAD_COUNT_DROP_SIGNATURE, "no usable signature");
		return;
	}
	if (request && answer_if_repeated(in))
		return;
	if (request && signer_over_limit(in)) {
		reload_incoming_drop(
			in, RELOAD_COUNT_DROP_LIMIT, "too much work of one signer waiting");
		return;
	}
	x->engine->cause = reload_originator_digest(reload_id_span(&in->signer));
	signature_check(in, known);
	if (!request)
		answer_start(in);
}

/* RFC 6940 s6.3.4: who may answer (SEC-13, SEC-14). */
static bool responder_fits(struct reload_incoming *in, const struct reload_request *r)
{
	struct reload_exchange *x = in->exchange;
	struct reload_connection *con = reload_connection_by_link(x->connections, in->link);
	if (in->local)
		return true;
	if (in->msg->code == RELOAD_ERROR && in->msg->body_decoded) {
		uint16_t c = in->msg->body.error.error_code;
		if (c == 2 || c == 6 || c == 7 || c == 10 || c == 11 || c == 20 ||
			(c >= 21 && c <= 26))
			return true; /* nodes on the way may send these */
	}
	switch (r->expect) {
	case RELOAD_EXPECT_NODE:
		return reload_id_eq(&in->signer, &r->target);
	case RELOAD_EXPECT_RESOURCE:
		return r->skip_closeness_check ||
		       x->route->topology->close_enough(x->route->plugin, &r->target, &in->signer);
	case RELOAD_EXPECT_LINK_PEER:
		return con && (!con->cert || reload_cert_has_node(con->cert, &in->signer));
	case RELOAD_EXPECT_ANYBODY:
		return true;
	}
	return false;
}

/* MSG-15: a critical extension of a type that this program does not know. */
static bool has_unknown_critical(const struct reload_msg *m)
{
	for (size_t i = 0; i < m->extensions_count; i++)
		if (m->extensions[i].critical && !reload_extension_known(m->extensions[i].type))
			return true;
	return false;
}

static void answer_verified(struct reload_incoming *in)
{
	struct reload_exchange *x = in->exchange;
	struct reload_request *r = reload_request_of(x, in->msg->header.transaction_id);
	if (!r) {
		reload_incoming_drop(
			in, RELOAD_COUNT_DROP_UNKNOWN_TRANSACTION, "transaction ended meanwhile");
		return;
	}
	bool error = in->msg->code == RELOAD_ERROR;
	if ((!error && in->msg->code != r->code + 1) || reload_msg_body(in->msg, &x->engine->ctx)) {
		reload_incoming_drop(
			in, RELOAD_COUNT_DROP_MALFORMED, "answer does not fit the request");
		return;
	}
	if (has_unknown_critical(in->msg)) {
		reload_incoming_drop(
			in, RELOAD_COUNT_DROP_EXTENSION, "unknown critical extension in an answer");
		return;
	}
	if (!responder_fits(in, r)) {
		reload_incoming_drop(in, RELOAD_COUNT_DROP_WRONG_RESPONDER,
			"answer of a node that may not answer");
		return;
	}
	reload_request_answered(r, in);
}

/*
 * A request with the signature of this node that this node has not made: another one runs with a copy of its key, or somebody repeats
 * an old message.  Neither can be served.
 */
static bool signed_with_our_key(const struct reload_incoming *in)
{
	struct reload_exchange *x = in->exchange;
	return !in->local && reload_id_eq(&in->signer, &x->engine->self) &&
	       !reload_transaction_find(&x->transactions, in->msg->header.transaction_id);
}

/* A request of this node that came back to it tells by which list others reach this node. */
static void note_way_here(struct reload_incoming *in)
{
	struct reload_request *r =
		in->local || !reload_id_eq(&in->signer, &in->exchange->engine->self)
			? NULL
			: reload_request_of(in->exchange, in->msg->header.transaction_id);
	if (!r)
		return;
	r->way_here.len = 0;
	wr_span(&r->way_here, wr_done(&in->return_list));
}

static void report_key_copy(const struct reload_incoming *in)
{
	reload_engine_event(
		in->exchange->engine, &(struct reload_event){ .type = RELOAD_EV_NODE_ID_TAKEN,
					      .link = in->link,
					      .code = in->msg->code,
					      .node = &in->signer });
}

/* Compares configuration sequences (HDR-17); false: in was answered with an error. */
static bool sequence_check(struct reload_incoming *in)
{
	struct reload_exchange *x = in->exchange;
	const struct reload_method_row *method = reload_method_row(x, in->msg->code);
	uint16_t theirs = in->msg->header.configuration_sequence,
		 ours = x->engine->config->sequence;
	if (theirs == ours || (theirs == RELOAD_SEQUENCE_ANY && method &&
				      method->flags & RELOAD_METHOD_ANY_SEQUENCE))
		return true;
	bool newer = reload_sequence_newer(theirs, ours);
	reload_engine_event(
		x->engine, &(struct reload_event){ .type = RELOAD_EV_CONFIG_MISMATCH,
				   .err = newer ? RELOAD_CONFIG_TOO_NEW : RELOAD_CONFIG_TOO_OLD,
				   .node = &in->signer,
				   .count = theirs });
	if (!newer)
		x->watch->behind(x->watch_arg, &in->signer, wr_done(&in->return_list));
	reload_answer_error(in, newer ? RELOAD_CONFIG_TOO_NEW : RELOAD_CONFIG_TOO_OLD,
		"another configuration_sequence");
	return false;
}

static void serve(struct reload_incoming *in)
{
	struct reload_exchange *x = in->exchange;
	in->method = reload_method_row(x, in->msg->code);
	if (!in->method) {
		reload_answer_error(
			in, RELOAD_INVALID_MESSAGE, "unknown message code"); /* MSG-11 */
		return;
	}
	enum reload_err err = reload_msg_body(in->msg, &x->engine->ctx);
	if (err == RELOAD_UNKNOWN_TYPE) /* R-6.3.1.1-06: discard and say nothing */
		reload_incoming_drop(in, RELOAD_COUNT_DROP_MALFORMED, "unknown type");
	else if (err)
		reload_answer_error(in, RELOAD_INVALID_MESSAGE, reload_err_text(err));
	else
		in->method->serve(in);
}

/* All checks that the destination of a request makes once the signature holds (HDR-19, MSG-15, HDR-08). */
static void request_verified(struct reload_incoming *in)
{
	if (signed_with_our_key(in)) {
		report_key_copy(in);
		reload_answer_error(in, RELOAD_FORBIDDEN, "another node has this Node-ID");
		return;
	}
	note_way_here(in);
	if (reload_options_have(in->msg->header.options, RELOAD_DESTINATION_CRITICAL)) {
		reload_answer_error(
			in, RELOAD_UNSUPPORTED_OPTION, "unknown DESTINATION_CRITICAL option");
		return;
	}
	if (!sequence_check(in))
		return;
	if (has_unknown_critical(in->msg)) {
		reload_answer_error(in, RELOAD_UNKNOWN_EXTENSION, "unknown critical extension");
		return;
	}
	serve(in);
}

/* -- in order --------------------------------------------------------------------------------------------------------------- */

/*
 * Signatures are verified by several threads.  What the node at the other end of a link says of its place in the ring (RELOAD_METHOD_IN_ORDER)
 * is taken in the order in which it came all the same: of two Updates the later one counts, and an Update that admits comes behind the answer to the
 * Join.  So one may wait for those before it (awaits_earlier).
 */
static bool is_ordered(const struct reload_incoming *in)
{
	return !in->local && in->previous.len && reload_id_eq(&in->signer, &in->previous) &&
	       method_flags(in->exchange, in->msg->code) & RELOAD_METHOD_IN_ORDER;
}

static bool earlier_is_unchecked(const struct reload_incoming *in)
{
	const struct reload_incoming *other;
	TAILQ_FOREACH (other, &in->exchange->work, entry) {
		if (other == in)
			return false;
		if (other->link == in->link && !other->signature_checked && is_ordered(other))
			return true;
	}
	return false;
}

/* Goes on with the next message of a link that waited for an earlier one. */
static void resume_next(struct reload_exchange *x, uint32_t link)
{
	struct reload_incoming *in;
	TAILQ_FOREACH (in, &x->work, entry)
		if (in->link == link && in->awaits_earlier) {
			in->awaits_earlier = false;
			job_done(in);
			return;
		}
}

/* What the node at the other end of a link signs shows when it has a newer certificate. */
static void certificate_of_link(struct reload_incoming *in)
{
	struct reload_exchange *x = in->exchange;
	struct reload_connection *con =
		in->local ? NULL : reload_connection_by_link(x->connections, in->link);
	struct reload_chain chain;
	if (con && !con->cert && reload_code_is_request(in->msg->code) &&
		!in->msg->header.via_list.len)
		reload_link_identify(x->connections, con, in->cert,
			reload_cache_chain(x->cache, in->cert->fingerprint, &chain) ? &chain : NULL,
			&in->signer);
	else if (con && con->cert != in->cert && reload_id_eq(&con->node, &in->signer))
		reload_link_renew(x->connections, con, in->cert,
			reload_cache_chain(x->cache, in->cert->fingerprint, &chain) ? &chain
										    : NULL);
}

static void signature_done(struct reload_incoming *in)
{
	struct reload_exchange *x = in->exchange;
	in->signature_checked = true;
	if (in->err) {
		reload_engine_event(
			x->engine, &(struct reload_event){ .type = RELOAD_EV_BAD_SIGNATURE,
					   .err = in->err,
					   .link = in->link,
					   .transaction = in->msg->header.transaction_id,
					   .code = in->msg->code });
		reload_incoming_drop(in, RELOAD_COUNT_DROP_SIGNATURE, reload_err_text(in->err));
		return;
	}
	reload_engine_event(x->engine, &(struct reload_event){ .type = RELOAD_EV_RECEIVED,
					       .link = in->link,
					       .transaction = in->msg->header.transaction_id,
					       .code = in->msg->code,
					       .node = &in->signer });
	certificate_of_link(in);
	if (reload_code_is_request(in->msg->code))
		request_verified(in);
	else
		answer_verified(in);
}

static void job_done(struct reload_incoming *in)
{
	struct reload_exchange *x = in->exchange;
	if (in->jobs)
		return;
	x->engine->cause = in->local ? 0 : reload_originator_digest(reload_id_span(&in->signer));
	if (in->on_values_verified) { /* values of a request: the message itself was verified before */
		in->on_values_verified(in);
		return;
	}
	uint32_t link = in->link;
	bool ordered = is_ordered(in);
	in->awaits_earlier = ordered && earlier_is_unchecked(in);
	if (in->awaits_earlier)
		return;
	signature_done(in);
	if (ordered)
		resume_next(x, link);
}

/* The answer of this node to its own request. */
static void local_answered(struct reload_incoming *in, struct reload_msg *answer)
{
	struct reload_exchange *x = in->exchange;
	struct reload_request *r = reload_request_of(x, in->msg->header.transaction_id);
	if (!answer || !r) {
		reload_msg_free(answer);
		reload_incoming_free(in, true);
		if (r)
			reload_request_fail(
				r, RELOAD_RESPONSE_TOO_LARGE, "the answer does not fit a message");
		return;
	}
	reload_incoming_forget(in);
	in->method = NULL;
	in->on_values_verified = NULL;
	in->cert = reload_cert_ref(x->credentials->cert);
	reload_msg_free(in->msg);
	in->msg = answer;
	answer_start(in);
	if (!in->jobs)
		job_done(in);
}

void reload_deliver_local(
	struct reload_exchange *x, struct reload_request *request, struct span message)
{
	struct reload_msg *msg;
	if (reload_msg_decode(&msg, message, &x->engine->ctx)) {
		reload_request_fail(request, RELOAD_BUG, "own message does not decode");
		return;
	}
	struct reload_incoming *in = reload_incoming_new(x, msg, 0);
	in->local = true;
	in->on_jobs_done = job_done;
	in->on_local_answer = local_answered;
	in->previous = in->signer = x->engine->self;
	in->cert = reload_cert_ref(x->credentials->cert);
	serve(in);
}
