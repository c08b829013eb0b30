#include "peer/internal.h"

/*
 * Requests of this node (RFC 6940 s6.2.1).
 *
 *   new -> encoded -> sealed (a job) -> sent up to five times -> answered | failed -> told -> freed
 *
 * A request to a point this node is itself responsible for is served at once, without signature.  Results of the host's
 * requests are told last, from reload_requests_complete(); those of the engine's own at once.
 */

static void list_expect(struct reload_request *r, const struct reload_destination *target)
{
	r->expect = EXPECT_ANYBODY;
	if (target->type == RELOAD_DEST_NODE) {
		r->target = target->node;
		r->expect = reload_id_is_wildcard(&target->node) ? EXPECT_LINK_PEER : EXPECT_NODE;
	} else if (target->type == RELOAD_DEST_RESOURCE &&
		   !reload_id_from(&r->target, target->resource)) {
		r->expect = EXPECT_RESOURCE;
	}
}

static struct reload_request *request_make(
	struct reload_peer *p, uint16_t code, const struct reload_destination *list, size_t count)
{
	struct reload_request *r = RELOAD_NEW(reload_request);
	r->peer = p;
	r->code = code;
	r->method = reload_method(p, code);
	r->begun = p->engine->now;
	reload_list_write(&r->list, &p->engine->ctx, list, count);
	list_expect(r, &list[count - 1]);
	r->transaction.id = reload_engine_random64(p->engine);
	TAILQ_INSERT_TAIL(&p->requests, r, entry);
	p->requests_count++;
	reload_engine_count(p->engine, RELOAD_COUNT_REQUESTS);
	return r;
}

struct reload_request *reload_request_new(struct reload_peer *p, uint16_t code,
	const struct reload_way *way, reload_result_fn fn, void *arg, enum reload_err *err)
{
	*err = RELOAD_OK;
	if (!way->count)
		*err = RELOAD_USAGE;
	else if (p->requests_count >= p->policy.max_requests)
		*err = RELOAD_LIMIT;
	else if (p->engine->closing ||
		 (p->life.state == RELOAD_STATE_LEAVING && !p->life.returns) ||
		 (!p->connections->count && p->life.state != RELOAD_STATE_JOINED))
		*err = RELOAD_NOT_JOINED;
	struct wr probe;
	wr_init(&probe);
	reload_list_write(&probe, &p->engine->ctx, way->list, way->count);
	if (!*err && (probe.err || reload_list_check(wr_done(&probe), &p->engine->ctx, false) ||
			     reload_list_repeats(wr_done(&probe), &p->engine->ctx)))
		*err = RELOAD_USAGE;
	wr_clear(&probe);
	if (*err)
		return NULL;
	struct reload_request *r = request_make(p, code, way->list, way->count);
	r->timeout_ms = way->timeout_ms;
	r->rehearse = way->rehearse;
	r->fn = fn;
	r->arg = arg;
	return r;
}

struct reload_request *reload_request_own(struct reload_peer *p, uint16_t code,
	const struct reload_destination *list, size_t count,
	void (*own)(struct reload_peer *p, struct reload_request *r,
		const struct reload_result *result),
	void *arg)
{
	struct reload_request *r = request_make(p, code, list, count);
	r->own = own;
	r->own_arg = arg;
	return r;
}

enum {
	INDUCED_PER_NODE = 4
};

static void induced_ended(
	struct reload_peer *p, struct reload_request *r, const struct reload_result *result)
{
	(void)result;
	p->induced[(uintptr_t)r->own_arg].code = 0;
	size_t i = 0;
	while (i < RELOAD_INDUCED_MAX && !p->induced[i].code)
		i++;
	if (i == RELOAD_INDUCED_MAX)
		free(TAKE(p->induced));
}

struct reload_request *reload_request_induced(struct reload_peer *p, uint16_t code,
	const struct reload_id *node, const struct reload_destination *list, size_t count)
{
	size_t slot = RELOAD_INDUCED_MAX, same = 0;
	if (!p->induced)
		p->induced = reload_alloc_array(RELOAD_INDUCED_MAX, sizeof(*p->induced));
	for (size_t i = 0; i < RELOAD_INDUCED_MAX; i++)
		if (!p->induced[i].code)
			slot = i;
		else if (p->induced[i].code == code && reload_id_eq(&p->induced[i].node, node))
			same++;
	if (slot == RELOAD_INDUCED_MAX || same >= INDUCED_PER_NODE)
		return NULL;
	p->induced[slot].code = code;
	p->induced[slot].node = *node;
	return reload_request_own(p, code, list, count, induced_ended, (void *)(uintptr_t)slot);
}

void reload_request_free(struct reload_request *r)
{
	struct reload_peer *p = r->peer;
	reload_transaction_end(&r->transaction);
	reload_timer_cancel(&p->engine->timers, &r->rest);
	if (r->ended)
		TAILQ_REMOVE(&p->done, r, entry);
	else
		TAILQ_REMOVE(&p->requests, r, entry);
	p->requests_count--;
	if (r->answer)
		reload_inbound_free(r->answer, true);
	wr_clear(&r->contents);
	wr_clear(&r->tail);
	wr_clear(&r->list);
	wr_clear(&r->certificates);
	if (r->work)
		r->work_free(r->work);
	free(r);
}

/* The end: the engine's own is told now, the host's later; nothing is told of a cancelled one. */
static void request_end(struct reload_request *r)
{
	struct reload_peer *p = r->peer;
	reload_transaction_end(&r->transaction);
	reload_timer_cancel(&p->engine->timers, &r->rest);
	r->result.transaction = r->transaction.id;
	r->result.transmissions = r->transaction.transmissions;
	TAILQ_REMOVE(&p->requests, r, entry);
	TAILQ_INSERT_TAIL(&p->done, r, entry);
	r->ended = true;
	if (r->own && !p->engine->closing)
		r->own(p, r, &r->result);
	else if (!p->engine->closing)
		reload_life_leave_answered(p);
	if ((r->own || r->cancelled) && !r->holds)
		reload_request_free(r);
}

void reload_request_fail(struct reload_request *r, enum reload_err err, const char *words)
{
	if (r->ended)
		return;
	r->result.err = err;
	r->result.words = words;
	request_end(r);
}

void reload_request_hold(struct reload_request *r)
{
	r->holds++;
}

bool reload_request_release(struct reload_request *r)
{
	r->holds--;
	if (!r->ended)
		return true;
	if (!r->holds && (r->own || r->cancelled))
		reload_request_free(r);
	return false;
}

void reload_requests_end(struct reload_peer *p, enum reload_err err)
{
	struct reload_request *r, *next;
	for (r = TAILQ_FIRST(&p->requests); r; r = next) {
		next = TAILQ_NEXT(r, entry);
		if (r->fn && !r->cancelled)
			reload_request_fail(r, err, "this node has left the overlay");
	}
}

bool reload_requests_of_host(const struct reload_peer *p)
{
	const struct reload_request *r;
	TAILQ_FOREACH (r, &p->requests, entry)
		if (r->fn && !r->cancelled)
			return true;
	return false;
}

bool reload_requests_waiting(void *arg)
{
	const struct reload_peer *p = arg;
	return !TAILQ_EMPTY(&p->done);
}

void reload_requests_complete(void *arg)
{
	struct reload_peer *p = arg;
	if (p->completing)
		return; /* a result function made this call: the outer loop goes on */
	p->completing = true;
	for (struct reload_request *r = TAILQ_FIRST(&p->done), *next; r; r = next) {
		next = TAILQ_NEXT(r, entry);
		if (r->holds)
			continue; /* a signature is still being made for it */
		if (r->fn && !r->cancelled) {
			r->cancelled = true;
			r->fn(r->arg, &r->result);
			next = TAILQ_NEXT(r, entry);
		}
		reload_request_free(r);
	}
	p->completing = false;
}

void reload_request_cancel(struct reload_peer *p, struct reload_request *r)
{
	if (!r || r->cancelled)
		return;
	reload_engine_enter(p->engine);
	r->cancelled = true;
	if (!r->ended)
		request_end(r);
	reload_engine_exit(p->engine);
}

/* -- out -------------------------------------------------------------------------------------------------------------------- */

static struct reload_header header_of(struct reload_request *r)
{
	struct reload_header h = reload_header_new(r->peer, r->transaction.id);
	h.destination_list = wr_done(&r->list);
	if (r->method && r->method->flags & RELOAD_METHOD_ANY_SEQUENCE)
		h.configuration_sequence = RELOAD_SEQUENCE_ANY; /* HDR-08 */
	return h;
}

/* Of the transaction that begins; 0: as long as all of them. */
static reload_ms time_left(const struct reload_request *r)
{
	return r->left_ms ? r->left_ms : r->timeout_ms;
}

static void sealed(void *arg, struct span tail, enum reload_err err)
{
	struct reload_request *r = arg;
	r->sealing = false;
	if (!reload_request_release(r))
		return;
	if (err) {
		reload_request_fail(r, err, "could not be signed");
		return;
	}
	if (r->resting)
		return; /* it is signed again, for its next transaction */
	struct reload_header h = header_of(r);
	if (reload_header_size(&h) + tail.len > r->peer->engine->config->max_message_size) {
		reload_request_fail(
			r, RELOAD_MESSAGE_TOO_LARGE, "the request exceeds max-message-size");
		return;
	}
	if (r->rehearse) {
		request_end(r);
		return;
	}
	wr_span(&r->tail, tail);
	if (r->transaction.active)
		reload_requests_transmit(
			r->peer, &r->transaction); /* its copy was waiting for the signature */
	else if (!reload_transaction_begin(
			 &r->peer->transactions, &r->transaction, r->transaction.id, time_left(r)))
		reload_request_fail(r, RELOAD_BUG, "transaction id drawn twice");
}

static void seal(struct reload_request *r)
{
	if (r->sealing)
		return;
	r->sealing = true;
	reload_request_hold(r);
	struct span certificates = wr_done(&r->certificates);
	reload_seal_start(r->peer, r->transaction.id, wr_done(&r->contents), &certificates,
		certificates.len ? 1 : 0, sealed, r);
}

static struct reload_decision decide(struct reload_request *r)
{
	struct reload_route route = reload_peer_route(r->peer);
	if (r->over_link) {
		struct reload_connection *con =
			reload_connection_by_link(r->peer->connections, r->over_link);
		return (struct reload_decision){ .verdict = con ? RELOAD_FORWARD : RELOAD_DROP,
			.connection = con,
			.list = wr_done(&r->list),
			.words = "the link is gone" };
	}
	return reload_route_decide(&route, wr_done(&r->list));
}

static void start(struct reload_request *r)
{
	if (r->contents.err || r->contents.len > r->peer->engine->config->max_message_size) {
		reload_request_fail(
			r, RELOAD_MESSAGE_TOO_LARGE, "the request exceeds max-message-size");
		return;
	}
	if (decide(r).verdict == RELOAD_DELIVER) {
		if (r->rehearse)
			request_end(r);
		else if (!reload_transaction_begin(&r->peer->transactions, &r->transaction,
				 r->transaction.id, time_left(r)))
			reload_request_fail(r, RELOAD_BUG, "transaction id drawn twice");
	} else {
		seal(r);
	}
}

void reload_request_send(struct reload_request *r, const void *body)
{
	reload_contents_write(&r->contents, &r->peer->engine->ctx, r->code, body, NULL, 0);
	start(r);
}

void reload_request_send_bytes(struct reload_request *r, struct span body)
{
	reload_contents_write_bytes(&r->contents, &r->peer->engine->ctx, r->code, body, NULL, 0);
	start(r);
}

void reload_request_restart(struct reload_request *r, reload_ms timeout_ms)
{
	wr_clear(&r->tail);
	r->transaction.id = reload_engine_random64(r->peer->engine);
	r->left_ms = timeout_ms;
	start(r);
}

static void to_itself(struct reload_request *r)
{
	r->served_here = true;
	struct reload_security_block none = {
		.signature = { .identity = { .type = RELOAD_IDENTITY_NONE } }
	};
	struct reload_header h = header_of(r);
	struct wr w;
	wr_init(&w);
	reload_msg_write(&w, &r->peer->engine->ctx, &h, wr_done(&r->contents), &none);
	reload_inbound_local(r->peer, r, wr_done(&w));
	wr_clear(&w);
}

void reload_requests_transmit(void *arg, struct reload_transaction *t)
{
	struct reload_peer *p = arg;
	struct reload_request *r = (struct reload_request *)t;
	struct reload_decision d = decide(r);
	if (t->transmissions > 1)
		reload_engine_count(p->engine, RELOAD_COUNT_REQUESTS_REPEATED);
	if (d.verdict == RELOAD_DELIVER) {
		/* only once: nothing is lost on this way; the first copies may have gone to who was responsible then */
		if (!r->served_here)
			to_itself(r);
		return;
	}
	if (!r->tail.len) {
		seal(r); /* the point moved away while the request was on its way to this node itself */
		return;
	}
	if (d.verdict == RELOAD_DROP) {
		reload_engine_drop(p->engine, RELOAD_COUNT_DROP_NO_ROUTE, 0, t->id, d.words);
		return; /* the next copy may find a way */
	}
	struct reload_header h = header_of(r);
	h.destination_list = d.list;
	reload_message_send(p, d.connection, &h, wr_done(&r->tail));
	reload_engine_event(p->engine,
		&(struct reload_event){
			.type = t->transmissions > 1 ? RELOAD_EV_REQUEST_REPEATED : RELOAD_EV_SENT,
			.link = d.connection->link,
			.transaction = t->id,
			.code = r->code,
			.node = &d.connection->node });
}

void reload_requests_failed(void *arg, struct reload_transaction *t)
{
	struct reload_peer *p = arg;
	struct reload_request *r = (struct reload_request *)t;
	reload_engine_count(p->engine, RELOAD_COUNT_REQUESTS_TIMED_OUT);
	reload_engine_event(
		p->engine, &(struct reload_event){ .type = RELOAD_EV_REQUEST_TIMEOUT,
				   .transaction = t->id,
				   .code = r->code,
				   .node = r->expect == EXPECT_NODE ? &r->target : NULL,
				   .resource = r->expect == EXPECT_RESOURCE ? &r->target : NULL });
	reload_request_fail(r, RELOAD_TIMEOUT, "no answer");
}

/* -- in ------------------------------------------------------------------------------------------------------------------------ */

static void error_note(struct reload_request *r, struct inbound *in)
{
	const struct reload_error_response *e = &in->msg->body.error;
	r->result.overlay_code = e->error_code;
	r->result.error_info = e->error_info;
	r->result.err = reload_err_from_overlay(e->error_code);
	r->result.words = "the overlay answered an error";
	reload_engine_event(
		r->peer->engine, &(struct reload_event){ .type = RELOAD_EV_ERROR_RECEIVED,
					 .err = r->result.err,
					 .transaction = r->transaction.id,
					 .code = r->code,
					 .node = &in->signer });
	/* RFC 6940 s6.5.4: a node that is behind is sent the configuration */
	if (r->result.err == RELOAD_CONFIG_TOO_NEW &&
		!(r->method && r->method->flags & RELOAD_METHOD_ANY_SEQUENCE))
		reload_configure_send(r->peer, &in->signer, wr_done(&r->list));
	if (r->result.err == RELOAD_UNKNOWN_KIND)
		reload_configure_send_kinds(r, &in->signer, e->error_info);
}

/* Who may answer has told of something else than what was asked: nothing of it counts. */
static void unfit_note(struct reload_request *r, struct inbound *in)
{
	r->result.err = RELOAD_BAD_ANSWER;
	r->result.words = "it tells of another Kind or place than was asked for, or of one twice";
	reload_engine_drop(r->peer->engine, RELOAD_COUNT_DROP_MALFORMED, in->link,
		r->transaction.id, "answer tells of what was not asked for");
}

void reload_request_answered(struct reload_request *r, struct inbound *in)
{
	struct reload_peer *p = r->peer;
	r->answer = in;
	r->result = (struct reload_result){ 0 };
	r->result.responder = in->signer;
	r->result.answer = in->msg;
	if (!in->local)
		r->result.hops = 1u + p->engine->config->initial_ttl - in->msg->header.ttl;
	if (in->msg->code == RELOAD_ERROR) {
		error_note(r, in);
		if (reload_request_rest(r))
			return;
	} else if (in->unfit) {
		unfit_note(r, in);
	} else if (r->method && r->method->answered) {
		r->method->answered(r, in);
	}
	request_end(r);
}
