#include "peer/internal.h"

#include "wire/limits.h"

/*
 * A message arrives (RFC 6940 s6.1).
 *
 *   frame -> header checks -> route decision -> forwarded | dropped | error | for this node
 *   for this node -> reassembled -> decoded -> repeat? -> signatures (jobs) -> request served | answer of a request
 *
 * Up to the decision only the forwarding header is looked at and nothing is kept.  Messages for this node wait in
 * p->work, at most policy.max_work of them and policy.max_link_work of one certificate's links, of which one signer may have a
 * part; beyond that they are dropped and the end-to-end repetition repairs it.
 */

enum {
	SIGNER_PART = 4
};

/* The message code, if this is a whole message or the first fragment; 0 otherwise. */
static uint16_t code_of(const struct reload_header *h, struct span message)
{
	size_t head = reload_header_size(h);
	if (h->fragment & RELOAD_FRAGMENT_OFFSET || message.len < head + 2)
		return 0;
	return (uint16_t)(message.at[head] << 8 | message.at[head + 1]);
}

static bool is_request(const struct reload_header *h, struct span message)
{
	return reload_code_is_request(code_of(h, message));
}

static void refuse(struct reload_peer *p, uint32_t link, const struct reload_header *h,
	struct span message, enum reload_counter counter, enum reload_err err, const char *words)
{
	reload_engine_drop(p->engine, counter, link, h->transaction_id, words);
	if (err && is_request(h, message))
		(void)reload_error_back(p, link, h, err, words, false);
}

/*
 * RFC 6940 s6.1: "it first examines the overlay, version, and other header fields to determine whether the message is one it
 * can process"; true: go on.
 */
static bool header_check(
	struct reload_peer *p, uint32_t link, const struct reload_header *h, struct span message)
{
	enum reload_err report = p->policy.report_header_errors ? RELOAD_INCOMPATIBLE : RELOAD_OK;
	if (h->overlay != p->engine->config->overlay_hash) {
		refuse(p, link, h, message, RELOAD_COUNT_DROP_OVERLAY, report, "another overlay");
		return false;
	}
	if (h->version != RELOAD_VERSION_BYTE) {
		refuse(p, link, h, message, RELOAD_COUNT_DROP_VERSION, report, "another version");
		return false;
	}
	if (!(h->fragment & RELOAD_FRAGMENT_ALWAYS) || h->length != message.len) {
		refuse(p, link, h, message, RELOAD_COUNT_DROP_MALFORMED, RELOAD_OK,
			"fragment bit or length");
		return false;
	}
	if (h->ttl > p->engine->config->initial_ttl) {
		refuse(p, link, h, message, RELOAD_COUNT_DROP_TTL, RELOAD_TTL_EXCEEDED,
			"ttl above initial-ttl");
		return false;
	}
	if (reload_list_repeats(h->destination_list, &p->engine->ctx)) {
		refuse(p, link, h, message, RELOAD_COUNT_DROP_DUPLICATE_ENTRY,
			RELOAD_INVALID_MESSAGE, "duplicate entry in the Destination List");
		return false;
	}
	return true;
}

/*
 * RFC 6940 s6.1.2: a link whose certificate has several Node-IDs stands for nobody until an Attach came over it; only
 * Ping and Attach are taken (HDR-16).
 */
static bool unbound_may_send(struct reload_peer *p, struct reload_connection *con,
	const struct reload_header *h, struct span message)
{
	uint16_t code = code_of(h, message);
	if (con->node.len || !reload_code_is_request(code))
		return true;
	const struct reload_method *method = reload_method(p, code);
	if (method && method->flags & RELOAD_METHOD_UNBOUND)
		return true;
	refuse(p, con->link, h, message, RELOAD_COUNT_DROP_NO_NODE_ID, RELOAD_FORBIDDEN,
		"Attach first");
	return false;
}

/* An option that is unknown (all are) and critical in this role. */
static bool option_blocks(const struct reload_header *h, uint8_t flag)
{
	struct rd r = rd_of(h->options);
	struct reload_option o;
	while (reload_option_next(&r, &o))
		if (o.flags & flag)
			return true;
	return false;
}

/* Appends where the request came from, as the policy of the node has it (RFC 6940 s6.1.2). */
static void via_append(struct reload_peer *p, struct wr *w, struct reload_connection *from,
	const struct reload_header *h)
{
	uint8_t name[2];
	wr_span(w, h->via_list);
	if (p->policy.via == RELOAD_VIA_STATEFUL && from->node.len)
		reload_states_put(p->states, h->transaction_id, from->link, p->engine->now);
	else {
		struct reload_destination hop =
			p->policy.via == RELOAD_VIA_COMPRESS
				? reload_connection_opaque(p->connections, from, name)
				: reload_connection_hop(p->connections, from, name);
		reload_list_write(w, &p->engine->ctx, &hop, 1);
	}
}

static void forward(struct reload_peer *p, struct reload_connection *from,
	const struct reload_header *in, struct span message, const struct reload_decision *d)
{
	if (option_blocks(in, RELOAD_FORWARD_CRITICAL)) {
		refuse(p, from->link, in, message, RELOAD_COUNT_DROP_OPTION,
			RELOAD_UNSUPPORTED_OPTION, "unknown FORWARD_CRITICAL option");
		return;
	}
	if (!in->ttl) {
		refuse(p, from->link, in, message, RELOAD_COUNT_DROP_TTL, RELOAD_TTL_EXCEEDED,
			"ttl 0");
		return;
	}
	uint8_t room[2048];
	struct wr via = wr_fixed(room, sizeof(room) / 2),
		  list = wr_fixed(room + sizeof(room) / 2, sizeof(room) / 2);
	struct reload_header h = *in;
	h.ttl--;
	if (is_request(in, message)) {
		via_append(p, &via, from, in);
		h.via_list = span_of(via.at, via.len);
	}
	if (d->head_replaced)
		reload_list_write(&list, &p->engine->ctx, &d->head, 1);
	wr_span(&list, d->list);
	h.destination_list = span_of(list.at, list.len);
	size_t head = reload_header_size(in);
	if (via.err || list.err) {
		reload_engine_drop(p->engine, RELOAD_COUNT_DROP_LIMIT, from->link,
			in->transaction_id, "lists too long to forward");
		return;
	}
	struct span tail = span_of(message.at + head, message.len - head);
	if (reload_header_size(&h) + tail.len > p->engine->config->max_message_size) {
		/* its Via entry made it too long: the next node would close the link (R-6.6-01) */
		refuse(p, from->link, in, message, RELOAD_COUNT_DROP_LIMIT,
			RELOAD_MESSAGE_TOO_LARGE, "above max-message-size when forwarded");
		return;
	}
	reload_message_send(p, d->connection, &h, tail);
	reload_engine_count(p->engine, RELOAD_COUNT_FORWARDED);
}

/* -- for this node ------------------------------------------------------------------------------------------------------ */

static void inbound_start(struct inbound *in);

static struct inbound *inbound_new(struct reload_peer *p, struct reload_msg *msg, uint32_t link)
{
	struct inbound *in = RELOAD_NEW(inbound);
	in->peer = p;
	in->msg = msg;
	in->link = link;
	in->listed = true;
	TAILQ_INSERT_TAIL(&p->work, in, entry);
	p->work_count++;
	return in;
}

static void signers_clear(struct inbound *in)
{
	for (size_t i = 0; i < in->values_count; i++)
		reload_cert_free(in->values[i].cert);
	free(in->values);
	for (size_t i = 0; i < in->bucket_count; i++)
		reload_cert_free(in->bucket[i]);
	free(in->bucket);
	reload_cert_free(in->cert);
}

static void work_free(struct inbound *in)
{
	if (in->work)
		in->work_free(TAKE(in->work));
}

static void answers_over(void *arg)
{
	struct reload_peer *p = arg;
	reload_ms next = reload_answers_expire(p->answers, p->engine->now);
	if (next != RELOAD_NEVER)
		reload_timer_arm(&p->engine->timers, &p->answers_over, next, answers_over, p);
}

void reload_inbound_free(struct inbound *in, bool repeat_may_come)
{
	struct reload_peer *p = in->peer;
	struct reload_connection *con =
		in->local ? NULL : reload_connection_by_link(p->connections, in->link);
	if (con)
		con->work--;
	if (in->listed) {
		TAILQ_REMOVE(&p->work, in, entry);
		p->work_count--;
	}
	if (repeat_may_come && !in->local)
		reload_answers_forget(p->answers, in->msg->header.transaction_id, in->mark);
	else if (!p->answers_over.armed)
		answers_over(p);
	work_free(in);
	signers_clear(in);
	wr_clear(&in->back);
	reload_msg_free(in->msg);
	free(in);
}

static void previous_hop(struct inbound *in, struct reload_connection *con)
{
	struct reload_peer *p = in->peer;
	uint8_t name[2];
	struct reload_destination hop = reload_connection_hop(p->connections, con, name);
	in->previous = con->node;
	reload_list_back(
		&in->back, &p->engine->ctx, &hop, in->msg->header.via_list, &p->engine->self);
}

/* A whole message for this node, bytes copied by the decoder. */
static void deliver(struct reload_peer *p, struct reload_connection *con, struct span message)
{
	struct reload_msg *msg;
	if (p->work_count >= p->policy.max_work ||
		reload_connection_work(p->connections, con) >= p->policy.max_link_work) {
		reload_engine_drop(
			p->engine, RELOAD_COUNT_DROP_LIMIT, con->link, 0, "too much work waiting");
		return;
	}
	if (reload_msg_decode(&msg, message, &p->engine->ctx)) {
		struct reload_header h;
		bool readable = !reload_header_read(&h, message, &p->engine->ctx);
		reload_engine_drop(p->engine, RELOAD_COUNT_DROP_MALFORMED, con->link,
			readable ? h.transaction_id : 0, "malformed message");
		return;
	}
	struct inbound *in = inbound_new(p, msg, con->link);
	con->work++;
	reload_engine_count(p->engine, RELOAD_COUNT_DELIVERED);
	previous_hop(in, con);
	inbound_start(in);
}

/*
 * A request that was seen before: answered as before, or not at all while it is in work; in is taken.  It is told by transaction id
 * and originator (RFC 6940 s6.2.1): who signs it once more has not made another one of it.
 */
static bool repeated(struct inbound *in)
{
	struct reload_peer *p = in->peer;
	struct span kept;
	in->mark = reload_answer_mark(reload_id_span(&in->signer));
	enum reload_answer_state state = reload_answers_begin(
		p->answers, in->msg->header.transaction_id, in->mark, p->engine->now, &kept);
	if (state == RELOAD_ANSWER_NEW)
		return false;
	reload_engine_drop(p->engine, RELOAD_COUNT_REQUESTS_DUPLICATE, in->link,
		in->msg->header.transaction_id, "repeated request");
	if (state == RELOAD_ANSWER_READY)
		reload_answer_repeat(in, kept);
	else
		reload_inbound_free(in, false);
	return true;
}

static struct reload_request *request_of(struct reload_peer *p, uint64_t id)
{
	return (struct reload_request *)reload_transaction_find(&p->transactions, id);
}

static void verify_done(void *arg, struct reload_job *job)
{
	struct inbound *in = arg;
	in->err = job->err;
	if (!job->err && job->trust)
		reload_cache_add(in->peer->cache, in->cert, &job->chain);
	in->jobs--;
	reload_inbound_job_done(in);
}

/* Submits the check of the message's own signature; known: its certificate was verified before. */
static void verify_start(struct inbound *in, bool known)
{
	struct reload_peer *p = in->peer;
	struct reload_signature *sig = &in->msg->security.signature;
	struct reload_job *job = reload_job_verify(in->cert, sig);
	reload_msg_signature_input(&job->input, in->msg->header.overlay,
		in->msg->header.transaction_id, in->msg->contents, sig->identity_bytes);
	if (known)
		reload_engine_count(p->engine, RELOAD_COUNT_CACHE_HITS);
	else
		reload_signer_check(in, job, in->cert);
	in->jobs++;
	reload_engine_job(p->engine, job, verify_done, in);
}

static void drop_inbound(struct inbound *in, enum reload_counter counter, const char *words)
{
	reload_engine_drop(
		in->peer->engine, counter, in->link, in->msg->header.transaction_id, words);
	reload_inbound_free(in, true);
}

/* What does not fit the request costs no signature; the values of a FetchAns are verified beside the message that brings them. */
static void answer_start(struct inbound *in)
{
	struct reload_peer *p = in->peer;
	struct reload_request *r = request_of(p, in->msg->header.transaction_id);
	if (in->msg->code != r->code + 1 || reload_msg_body(in->msg, &p->engine->ctx))
		return;
	in->unfit = r->method && r->method->fits && !r->method->fits(r, in->msg);
	if (!in->unfit && r->method && r->method->values)
		r->method->values(r, in);
}

/*
 * Of what one link may have in work, one signer who is not at its end may have a part: others whose requests come by the same way
 * are served, too.  It is counted for each link, as nobody can be held to what others claim to have of it.
 */
static bool signer_has_enough(const struct inbound *in)
{
	struct reload_peer *p = in->peer;
	const struct reload_connection *con = reload_connection_by_link(p->connections, in->link);
	size_t max = p->policy.max_link_work / SIGNER_PART, count = 0;
	const struct inbound *other;
	if (!con || con->work <= max || reload_id_eq(&con->node, &in->signer))
		return false;
	TAILQ_FOREACH (other, &p->work, entry)
		count += other != in && other->link == in->link &&
			 reload_id_eq(&other->signer, &in->signer);
	return count >= max;
}

enum {
	STRANGE_MS = 2000 /* requests are repeated after overlay-reliability-timer, 3 s */
};

/*
 * Another node with a copy of this node's key makes requests, and their answers come here: the same answer, to no request of this node,
 * each time the other repeats its request.  A late answer to an own request comes once, or more quickly.
 */
static void answer_of_twin(const struct inbound *in)
{
	struct reload_peer *p = in->peer;
	uint64_t id = in->msg->header.transaction_id;
	if (id == p->strange.transaction && p->engine->now - p->strange.since >= STRANGE_MS)
		reload_engine_event(
			p->engine, &(struct reload_event){ .type = RELOAD_EV_NODE_ID_TAKEN,
					   .link = in->link,
					   .transaction = id,
					   .node = &p->engine->self });
	if (id != p->strange.transaction) {
		p->strange.transaction = id;
		p->strange.since = p->engine->now;
	}
}

static void inbound_start(struct inbound *in)
{
	struct reload_peer *p = in->peer;
	bool known, request = reload_code_is_request(in->msg->code);
	if (!request && !request_of(p, in->msg->header.transaction_id)) {
		answer_of_twin(in);
		drop_inbound(in, RELOAD_COUNT_DROP_UNKNOWN_TRANSACTION, "no such transaction");
		return;
	}
	if (reload_signer_find(
		    in, &in->msg->security.signature.identity, &in->cert, &in->signer, &known)) {
		drop_inbound(in, RELOAD_COUNT_DROP_SIGNATURE, "no usable signature");
		return;
	}
	if (request && repeated(in))
		return;
	if (request && signer_has_enough(in)) {
		drop_inbound(in, RELOAD_COUNT_DROP_LIMIT, "too much work of one signer waiting");
		return;
	}
	p->engine->cause = reload_answer_mark(reload_id_span(&in->signer));
	verify_start(in, known);
	if (!request)
		answer_start(in);
}

/* RFC 6940 s6.3.4: who may answer (SEC-13, SEC-14). */
static bool responder_fits(struct inbound *in, const struct reload_request *r)
{
	struct reload_peer *p = in->peer;
	struct reload_connection *con = reload_connection_by_link(p->connections, in->link);
	if (in->local)
		return true;
	if (in->msg->code == RELOAD_ERROR && in->msg->body_decoded) {
		uint16_t c = in->msg->body.error.error_code;
		if (c == 2 || c == 6 || c == 7 || c == 10 || c == 11 || c == 20 ||
			(c >= 21 && c <= 26))
			return true; /* nodes on the way may send these */
	}
	switch (r->expect) {
	case EXPECT_NODE:
		return reload_id_eq(&in->signer, &r->target);
	case EXPECT_RESOURCE:
		return r->exempt || p->topology->close_enough(p->plugin, &r->target, &in->signer);
	case EXPECT_LINK_PEER:
		return con && reload_cert_has_node(con->cert, &in->signer);
	case EXPECT_ANYBODY:
		return true;
	}
	return false;
}

static void answer_verified(struct inbound *in)
{
	struct reload_peer *p = in->peer;
	struct reload_request *r = request_of(p, in->msg->header.transaction_id);
	if (!r) {
		drop_inbound(
			in, RELOAD_COUNT_DROP_UNKNOWN_TRANSACTION, "transaction ended meanwhile");
		return;
	}
	bool error = in->msg->code == RELOAD_ERROR;
	if ((!error && in->msg->code != r->code + 1) || reload_msg_body(in->msg, &p->engine->ctx)) {
		drop_inbound(in, RELOAD_COUNT_DROP_MALFORMED, "answer does not fit the request");
		return;
	}
	for (size_t i = 0; i < in->msg->extensions_count; i++)
		if (in->msg->extensions[i].critical) {
			drop_inbound(in, RELOAD_COUNT_DROP_EXTENSION,
				"unknown critical extension in an answer");
			return;
		}
	if (!responder_fits(in, r)) {
		drop_inbound(in, RELOAD_COUNT_DROP_WRONG_RESPONDER,
			"answer of a node that may not answer");
		return;
	}
	reload_request_answered(r, in);
}

/* All checks that the destination of a request makes once the signature holds (HDR-19, MSG-15, HDR-08). */
/*
 * A request with the signature of this node that this node has not made: another one runs with a copy of its key, or somebody repeats
 * an old message.  Neither can be served.
 */
static bool is_of_twin(const struct inbound *in)
{
	struct reload_peer *p = in->peer;
	return !in->local && reload_id_eq(&in->signer, &p->engine->self) &&
	       !reload_transaction_find(&p->transactions, in->msg->header.transaction_id);
}

static void twin_report(const struct inbound *in)
{
	reload_engine_event(
		in->peer->engine, &(struct reload_event){ .type = RELOAD_EV_NODE_ID_TAKEN,
					  .link = in->link,
					  .code = in->msg->code,
					  .node = &in->signer });
}

static void request_verified(struct inbound *in)
{
	if (is_of_twin(in)) {
		twin_report(in);
		reload_answer_error(in, RELOAD_FORBIDDEN, "another node has this Node-ID");
		return;
	}
	if (option_blocks(&in->msg->header, RELOAD_DESTINATION_CRITICAL)) {
		reload_answer_error(
			in, RELOAD_UNSUPPORTED_OPTION, "unknown DESTINATION_CRITICAL option");
		return;
	}
	if (!reload_configure_check(in))
		return;
	for (size_t i = 0; i < in->msg->extensions_count; i++)
		if (in->msg->extensions[i].critical) {
			reload_answer_error(
				in, RELOAD_UNKNOWN_EXTENSION, "unknown critical extension");
			return;
		}
	reload_serve(in);
}

void reload_inbound_job_done(struct inbound *in)
{
	struct reload_peer *p = in->peer;
	if (in->jobs)
		return;
	p->engine->cause = in->local ? 0 : reload_answer_mark(reload_id_span(&in->signer));
	if (in->then) { /* values of a request: the message itself was verified before */
		in->then(in);
		return;
	}
	if (in->err) {
		reload_engine_event(
			p->engine, &(struct reload_event){ .type = RELOAD_EV_BAD_SIGNATURE,
					   .err = in->err,
					   .link = in->link,
					   .transaction = in->msg->header.transaction_id,
					   .code = in->msg->code });
		drop_inbound(in, RELOAD_COUNT_DROP_SIGNATURE, reload_err_text(in->err));
		return;
	}
	reload_engine_event(p->engine, &(struct reload_event){ .type = RELOAD_EV_RECEIVED,
					       .link = in->link,
					       .transaction = in->msg->header.transaction_id,
					       .code = in->msg->code,
					       .node = &in->signer });
	if (reload_code_is_request(in->msg->code))
		request_verified(in);
	else
		answer_verified(in);
}

void reload_inbound_local(
	struct reload_peer *p, struct reload_request *request, struct span message)
{
	struct reload_msg *msg;
	if (reload_msg_decode(&msg, message, &p->engine->ctx)) {
		reload_request_fail(request, RELOAD_BUG, "own message does not decode");
		return;
	}
	struct inbound *in = inbound_new(p, msg, 0);
	in->local = true;
	in->request = request;
	in->previous = in->signer = p->engine->self;
	in->cert = reload_cert_ref(p->credentials->cert);
	reload_serve(in);
}

void reload_inbound_local_answer(struct inbound *in, struct reload_msg *msg)
{
	signers_clear(in);
	in->values = NULL;
	in->values_count = in->bucket_count = 0;
	in->bucket = NULL;
	in->bucket_tried = 0;
	in->method = NULL;
	in->then = NULL;
	in->cert = reload_cert_ref(in->peer->credentials->cert);
	work_free(in);
	reload_msg_free(in->msg);
	in->msg = msg;
	if (!request_of(in->peer, msg->header.transaction_id)) {
		reload_inbound_free(in, true);
		return;
	}
	answer_start(in);
	if (!in->jobs)
		reload_inbound_job_done(in);
}

/* -- entry ---------------------------------------------------------------------------------------------------------------- */

static void fragment(struct reload_peer *p, struct reload_connection *con,
	const struct reload_header *h, struct span message)
{
	struct span whole;
	uint32_t from;
	const struct span sender = span_of(con->cert->fingerprint, sizeof(con->cert->fingerprint));
	enum reload_err err = reload_reassembly_add(p->reassembly, message, h, con->link,
		reload_answer_mark(sender), p->engine->config->max_message_size, p->engine->now,
		&whole, &from);
	if (err)
		reload_engine_drop(p->engine, RELOAD_COUNT_DROP_FRAGMENT, con->link,
			h->transaction_id, reload_err_text(err));
	if (!err && whole.at) {
		struct reload_connection *first = reload_connection_by_link(p->connections, from);
		struct reload_header all;
		/* the first fragment need not have held the message code */
		if (first && !reload_header_read(&all, whole, &p->engine->ctx) &&
			unbound_may_send(p, first, &all, whole))
			deliver(p, first, whole);
		free((void *)whole.at);
	}
}

/*
 * A response whose request passed here without a Via entry: this node kept the link it came over instead (HDR-02).
 */
static bool restore_state(struct reload_peer *p, const struct reload_header *h, struct span message,
	struct reload_decision *d)
{
	uint32_t link;
	struct reload_destination first;
	struct span rest;
	uint16_t code = code_of(h, message);
	if (p->policy.via != RELOAD_VIA_STATEFUL || !code || reload_code_is_request(code) ||
		!reload_list_first(&first, &rest, h->destination_list, &p->engine->ctx) ||
		first.type != RELOAD_DEST_NODE || !reload_id_eq(&first.node, &p->engine->self) ||
		!reload_states_get(p->states, h->transaction_id, p->engine->now, &link))
		return false;
	struct reload_connection *con = reload_connection_by_link(p->connections, link);
	struct reload_destination next;
	struct span behind;
	if (!con)
		return false;
	*d = (struct reload_decision){ .verdict = RELOAD_FORWARD, .connection = con, .list = rest };
	if (reload_list_first(&next, &behind, rest, &p->engine->ctx) &&
		next.type == RELOAD_DEST_NODE && reload_id_eq(&next.node, &con->node))
		return true;
	d->head_replaced = true;
	d->head = reload_dest_node(&con->node);
	return true;
}

void reload_inbound_route(
	struct reload_peer *p, struct reload_connection *con, struct span message, bool may_hold)
{
	struct reload_header h;
	enum reload_err err = reload_header_read(&h, message, &p->engine->ctx);
	if (err) {
		reload_engine_drop(p->engine,
			err == RELOAD_NOT_RELOAD ? RELOAD_COUNT_DROP_NOT_RELOAD
						 : RELOAD_COUNT_DROP_MALFORMED,
			con->link, 0, reload_err_text(err));
		return;
	}
	if (!header_check(p, con->link, &h, message) || !unbound_may_send(p, con, &h, message))
		return;
	struct reload_route route = reload_peer_route(p);
	struct reload_decision d;
	if (!restore_state(p, &h, message, &d))
		d = reload_route_decide(&route, h.destination_list);
	switch (d.verdict) {
	case RELOAD_DELIVER:
		if (h.fragment == RELOAD_FRAGMENT_WHOLE)
			deliver(p, con, message);
		else
			fragment(p, con, &h, message);
		break;
	case RELOAD_FORWARD:
		if (!may_hold || !is_request(&h, message) ||
			!reload_hold(p, con, d.connection, &h, message))
			forward(p, con, &h, message, &d);
		break;
	case RELOAD_DROP:
		reload_engine_drop(p->engine,
			d.opaque ? RELOAD_COUNT_DROP_OPAQUE : RELOAD_COUNT_DROP_NO_ROUTE, con->link,
			h.transaction_id, d.words);
		break;
	}
}

void reload_peer_message(struct reload_peer *p, uint32_t link, struct span message)
{
	reload_engine_enter(p->engine);
	struct reload_connection *con = reload_connection_by_link(p->connections, link);
	if (con) {
		con->received++;
		reload_engine_count(p->engine, RELOAD_COUNT_RECEIVED);
		reload_inbound_route(p, con, message, true);
	}
	reload_engine_exit(p->engine);
}

void reload_peer_oversized(struct reload_peer *p, uint32_t link, struct span head)
{
	reload_engine_enter(p->engine);
	struct reload_connection *con = reload_connection_by_link(p->connections, link);
	struct reload_header h;
	if (con) {
		reload_engine_drop(p->engine, RELOAD_COUNT_DROP_LIMIT, link, 0,
			"message above max-message-size");
		/* R-6.6-01, LINK-18: answered when the header is there and alone small enough; then the link goes */
		bool answer = !reload_header_read(&h, head, &p->engine->ctx) &&
			      h.overlay == p->engine->config->overlay_hash && is_request(&h, head);
		if (!answer || !reload_error_back(p, link, &h, RELOAD_MESSAGE_TOO_LARGE,
				       "above max-message-size", true))
			reload_link_drop(p->connections, con, RELOAD_MESSAGE_TOO_LARGE);
	}
	reload_engine_exit(p->engine);
}
