#include "peer/internal.h"

#include "wire/limits.h"

/*
 * Out: contents are signed (a job), the security block is put behind them, a header in front, and the message leaves.
 */

struct seal {
	struct reload_peer *peer;
	struct wr tail;  /* contents, then the security block */
	struct wr extra; /* GenericCertificates in wire form */
	sealed_fn fn;
	void *arg;
};

void reload_certificates_write(struct reload_peer *p, struct wr *w, const struct reload_cert *cert,
	struct reload_cert *const *others, size_t others_count)
{
	for (size_t i = 0; i <= others_count; i++) {
		const struct reload_cert *c = i ? others[i - 1] : cert;
		if (i && (c == cert || reload_trust_is_root(p->engine->config->trust, c->der)))
			continue;
		struct reload_generic_certificate g = { .type = RELOAD_X509,
			.certificate = c->der };
		reload_wire_write(w, &reload_generic_certificate_wire, &p->engine->ctx, &g);
	}
}

/* Adds the certificates of a wire list that are not in the array yet. */
static size_t bucket_add(struct reload_peer *p, struct reload_generic_certificate *out,
	size_t count, struct span list)
{
	struct rd r = rd_of(list);
	while (rd_more(&r) && count < RELOAD_LIMIT_CERTIFICATES) {
		struct reload_generic_certificate g;
		reload_wire_read(&r, &reload_generic_certificate_wire, &p->engine->ctx, &g);
		bool there = r.err;
		for (size_t i = 0; i < count && !there; i++)
			there = span_eq(out[i].certificate, g.certificate);
		if (!there)
			out[count++] = g;
	}
	return count;
}

static void sealed(void *arg, struct reload_job *job)
{
	struct seal *s = arg;
	struct reload_peer *p = s->peer;
	struct reload_generic_certificate bucket[RELOAD_LIMIT_CERTIFICATES];
	struct wr own;
	wr_init(&own);
	if (!job->err) {
		reload_certificates_write(p, &own, p->credentials->cert, p->credentials->others,
			p->credentials->others_count);
		size_t count = bucket_add(p, bucket, 0, wr_done(&own));
		count = bucket_add(p, bucket, count, wr_done(&s->extra));
		struct reload_security_block block = { .certificates = bucket,
			.certificates_count = count,
			.signature = { .hash_alg = job->hash_alg,
				.sig_alg = job->sig_alg,
				.value = wr_done(&job->signature) } };
		struct rd r = rd_of(wr_done(&p->identity));
		reload_wire_read(&r, &reload_signer_identity_wire, &p->engine->ctx,
			&block.signature.identity);
		reload_wire_write(&s->tail, &reload_security_block_wire, &p->engine->ctx, &block);
	}
	enum reload_err err = job->err ? job->err : s->tail.err;
	s->fn(s->arg, wr_done(&s->tail), err);
	wr_clear(&own);
	wr_clear(&s->tail);
	wr_clear(&s->extra);
	free(s);
}

void reload_seal_start(struct reload_peer *p, uint64_t transaction, struct span contents,
	const struct span *extra, size_t extra_count, sealed_fn fn, void *arg)
{
	struct seal *s = RELOAD_NEW(seal);
	s->peer = p;
	s->fn = fn;
	s->arg = arg;
	wr_span(&s->tail, contents);
	for (size_t i = 0; i < extra_count; i++)
		wr_span(&s->extra, extra[i]);
	struct reload_job *job = reload_job_sign(p->credentials->key);
	reload_msg_signature_input(&job->input, p->engine->config->overlay_hash, transaction,
		contents, wr_done(&p->identity));
	reload_engine_job(p->engine, job, sealed, s);
}

struct reload_header reload_header_new(struct reload_peer *p, uint64_t transaction)
{
	return (struct reload_header){ .relo_token = RELOAD_TOKEN,
		.overlay = p->engine->config->overlay_hash,
		.configuration_sequence = p->engine->config->sequence,
		.version = RELOAD_VERSION_BYTE,
		.ttl = p->engine->config->initial_ttl,
		.fragment = RELOAD_FRAGMENT_WHOLE,
		.transaction_id = transaction };
}

struct piece_to {
	struct reload_peer *peer;
	struct reload_connection *con;
};

static void piece_send(void *arg, struct span piece)
{
	struct piece_to *to = arg;
	reload_link_send(to->peer->connections, to->con, piece);
}

void reload_connection_send(
	struct reload_peer *p, struct reload_connection *con, struct span message)
{
	struct piece_to to = { p, con };
	reload_fragment_send(message, &p->engine->ctx, p->policy.fragment_size, piece_send, &to);
}

void reload_message_send(struct reload_peer *p, struct reload_connection *con,
	struct reload_header *h, struct span tail)
{
	struct wr w;
	wr_init(&w);
	h->length = (uint32_t)(reload_header_size(h) + tail.len);
	reload_header_write(&w, h);
	wr_span(&w, tail);
	if (!w.err)
		reload_connection_send(p, con, wr_done(&w));
	wr_clear(&w);
}

/* Options that the requester wants back, with all flags cleared (R-6.3.2.3-03, -06). */
static void options_copy(struct wr *w, const struct wire_ctx *ctx, struct span options)
{
	struct rd r = rd_of(options);
	struct reload_option o;
	while (reload_option_next(&r, &o))
		if (o.flags & RELOAD_RESPONSE_COPY) {
			o.flags = 0;
			reload_wire_write(w, &reload_option_wire, ctx, &o);
		}
}

/* What comes back only because it was asked for gives way; false: the response is too large even so. */
static bool response_fits(struct reload_peer *p, struct reload_header *h, struct span tail)
{
	size_t max = p->engine->config->max_message_size;
	if (reload_header_size(h) + tail.len > max)
		h->options = span_of(NULL, 0);
	return reload_header_size(h) + tail.len <= max;
}

void reload_response_send(struct reload_peer *p, uint64_t transaction, struct span back,
	struct span options, struct span tail, uint32_t link)
{
	struct reload_route route = reload_peer_route(p);
	struct reload_decision d = reload_route_decide(&route, back);
	struct reload_connection *con = reload_connection_by_link(p->connections, link);
	struct wr copy;
	wr_init(&copy);
	options_copy(&copy, &p->engine->ctx, options);
	struct reload_header h = reload_header_new(p, transaction);
	h.destination_list = back;
	h.options = span_of(copy.at, copy.len);
	/* back over the link that the request came over when it still stands, else as the list says */
	if (!con && d.verdict == RELOAD_FORWARD)
		con = d.connection;
	if (!response_fits(p, &h, tail)) {
		/* the next node would close the link */
		reload_engine_drop(
			p->engine, RELOAD_COUNT_DROP_LIMIT, link, transaction, "too large to send");
	} else if (d.verdict == RELOAD_FORWARD && d.head_replaced) {
		struct wr list;
		wr_init(&list);
		reload_list_write(&list, &p->engine->ctx, &d.head, 1);
		wr_span(&list, d.list);
		h.destination_list = wr_done(&list);
		reload_message_send(p, d.connection, &h, tail);
		wr_clear(&list);
	} else if (con && !copy.err) {
		reload_message_send(p, con, &h, tail);
	} else {
		reload_engine_drop(
			p->engine, RELOAD_COUNT_DROP_NO_ROUTE, link, transaction, "no way back");
	}
	wr_clear(&copy);
}

/* -- answers of requests that were decoded ------------------------------------------------------------------------------- */

static bool too_large(const struct inbound *in, struct span tail)
{
	uint32_t max = in->msg->header.max_response_length,
		 any = in->peer->engine->config->max_message_size;
	struct reload_header h = { .destination_list = span_of(in->back.at, in->back.len) };
	struct wr copy;
	wr_init(&copy);
	options_copy(&copy, &in->peer->engine->ctx, in->msg->header.options);
	size_t len = reload_header_size(&h) + copy.len + tail.len;
	wr_clear(&copy);
	return len > any ||
	       (max && len > max); /* above max-message-size the next node closes the link */
}

/* The contents at the start of a tail: code, body, extensions. */
static struct span contents_of(struct span tail)
{
	struct rd r = rd_of(tail);
	rd_u16(&r);
	rd_span(&r, rd_u32(&r));
	rd_span(&r, rd_u32(&r));
	return span_of(tail.at, r.err ? 0 : (size_t)(r.at - tail.at));
}

static void answer_sealed(void *arg, struct span tail, enum reload_err err)
{
	struct inbound *in = arg;
	struct reload_peer *p = in->peer;
	if (err) {
		reload_inbound_free(in, true);
		return;
	}
	bool error = tail.len >= 2 && tail.at[0] == 0xff && tail.at[1] == 0xff;
	if (!error && too_large(in, tail)) { /* HDR-06 */
		reload_answer_error(in, RELOAD_RESPONSE_TOO_LARGE,
			"the answer would exceed max_response_length or max-message-size");
		return;
	}
	uint64_t id = in->msg->header.transaction_id;
	bool again = error || !in->method || in->method->flags & RELOAD_METHOD_REPEATABLE;
	if (!again)
		reload_answers_keep(p->answers, id, in->mark, contents_of(tail));
	reload_response_send(p, id, wr_done(&in->back), in->msg->header.options, tail, in->link);
	reload_engine_event(p->engine,
		&(struct reload_event){ .type = error ? RELOAD_EV_ERROR_SENT : RELOAD_EV_SENT,
			.link = in->link,
			.transaction = id,
			.code = in->msg->code,
			.node = &in->signer });
	if (in->after && !error)
		in->after(in);
	reload_inbound_free(in, again);
}

static void repeat_sealed(void *arg, struct span tail, enum reload_err err)
{
	struct inbound *in = arg;
	if (!err && !too_large(in, tail))
		reload_response_send(in->peer, in->msg->header.transaction_id, wr_done(&in->back),
			in->msg->header.options, tail, in->link);
	reload_inbound_free(in, false);
}

void reload_answer_repeat(struct inbound *in, struct span contents)
{
	reload_seal_start(
		in->peer, in->msg->header.transaction_id, contents, NULL, 0, repeat_sealed, in);
}

/* This node asked itself: the answer needs neither signature nor link. */
static void answer_local(
	struct inbound *in, struct span contents, const struct span *certificates, size_t count)
{
	struct reload_peer *p = in->peer;
	struct reload_generic_certificate bucket[RELOAD_LIMIT_CERTIFICATES];
	struct reload_security_block block = { .certificates = bucket,
		.signature = { .identity = { .type = RELOAD_IDENTITY_NONE } } };
	struct reload_destination self = reload_dest_node(&p->engine->self);
	struct reload_header h = reload_header_new(p, in->msg->header.transaction_id);
	struct wr w, list;
	struct reload_msg *msg;
	wr_init(&w);
	wr_init(&list);
	for (size_t i = 0; i < count; i++)
		block.certificates_count =
			bucket_add(p, bucket, block.certificates_count, certificates[i]);
	reload_list_write(&list, &p->engine->ctx, &self, 1);
	h.destination_list = wr_done(&list);
	reload_msg_write(&w, &p->engine->ctx, &h, contents, &block);
	enum reload_err err = w.err ? w.err : reload_msg_decode(&msg, wr_done(&w), &p->engine->ctx);
	if (in->after && !err)
		in->after(in);
	if (!err) {
		reload_inbound_local_answer(in, msg);
	} else { /* HDR-06: what does not fit a message is no answer here either */
		struct reload_request *r = (struct reload_request *)reload_transaction_find(
			&p->transactions, in->msg->header.transaction_id);
		reload_inbound_free(in, true);
		if (r)
			reload_request_fail(
				r, RELOAD_RESPONSE_TOO_LARGE, "the answer does not fit a message");
	}
	wr_clear(&w);
	wr_clear(&list);
}

static void answer_contents(
	struct inbound *in, struct wr *contents, const struct span *certificates, size_t count)
{
	if (contents->err) {
		wr_clear(contents);
		reload_answer_error(
			in, RELOAD_RESPONSE_TOO_LARGE, "the answer does not fit a message");
		return;
	}
	if (in->local)
		answer_local(in, wr_done(contents), certificates, count);
	else
		reload_seal_start(in->peer, in->msg->header.transaction_id, wr_done(contents),
			certificates, count, answer_sealed, in);
	wr_clear(contents);
}

void reload_answer_with(struct inbound *in, uint16_t code, const void *body,
	const struct span *certificates, size_t count)
{
	struct wr contents;
	wr_init(&contents);
	reload_contents_write(&contents, &in->peer->engine->ctx, code, body, NULL, 0);
	answer_contents(in, &contents, certificates, count);
}

void reload_answer(struct inbound *in, uint16_t code, const void *body)
{
	reload_answer_with(in, code, body, NULL, 0);
}

void reload_answer_bytes(struct inbound *in, uint16_t code, struct span body)
{
	struct wr contents;
	wr_init(&contents);
	reload_contents_write_bytes(&contents, &in->peer->engine->ctx, code, body, NULL, 0);
	answer_contents(in, &contents, NULL, 0);
}

void reload_answer_error_info(struct inbound *in, enum reload_err err, struct span info)
{
	struct reload_error_response e = { .error_code = reload_err_overlay_code(err),
		.error_info = info };
	reload_engine_count(in->peer->engine, RELOAD_COUNT_ERRORS_SENT);
	if (err == RELOAD_FORBIDDEN)
		reload_engine_count(in->peer->engine, RELOAD_COUNT_ERRORS_FORBIDDEN);
	reload_engine_event(
		in->peer->engine, &(struct reload_event){ .type = RELOAD_EV_REQUEST_REFUSED,
					  .err = err,
					  .link = in->link,
					  .transaction = in->msg->header.transaction_id,
					  .code = in->msg->code,
					  .node = &in->signer });
	reload_answer(in, RELOAD_ERROR, &e);
}

void reload_answer_error(struct inbound *in, enum reload_err err, const char *words)
{
	reload_answer_error_info(in, err, span_str(words ? words : reload_err_text(err)));
}

/* -- errors from the header alone -------------------------------------------------------------------------------------------- */

struct error_way {
	struct reload_peer *peer;
	uint32_t link;
	uint64_t transaction;
	bool close; /* the link goes once the error left */
	struct wr back, options;
};

static void error_sealed(void *arg, struct span tail, enum reload_err err)
{
	struct error_way *way = arg;
	if (!err)
		reload_response_send(way->peer, way->transaction, wr_done(&way->back),
			wr_done(&way->options), tail, way->link);
	struct reload_connection *con =
		reload_connection_by_link(way->peer->connections, way->link);
	if (con)
		con->work--;
	if (way->close && con)
		reload_link_drop(way->peer->connections, con, RELOAD_MESSAGE_TOO_LARGE);
	wr_clear(&way->back);
	wr_clear(&way->options);
	free(way);
}

bool reload_error_back(struct reload_peer *p, uint32_t link, const struct reload_header *h,
	enum reload_err err, const char *words, bool close)
{
	struct reload_connection *con = reload_connection_by_link(p->connections, link);
	if (!con || p->engine->jobs >= p->policy.max_work ||
		reload_connection_work(p->connections, con) >= p->policy.max_link_work)
		return false;
	con->work++; /* a signature costs more than what asks for it */
	uint8_t name[2];
	struct reload_destination hop = reload_connection_hop(p->connections, con, name);
	struct error_way *way = RELOAD_NEW(error_way);
	way->peer = p;
	way->link = link;
	way->transaction = h->transaction_id;
	way->close = close;
	if (!reload_list_check(h->via_list, &p->engine->ctx, true))
		reload_list_back(&way->back, &p->engine->ctx, &hop, h->via_list, &p->engine->self);
	wr_span(&way->options, h->options);
	struct reload_error_response e = { .error_code = reload_err_overlay_code(err),
		.error_info = span_str(words) };
	struct wr contents;
	wr_init(&contents);
	reload_contents_write(&contents, &p->engine->ctx, RELOAD_ERROR, &e, NULL, 0);
	reload_engine_count(p->engine, RELOAD_COUNT_ERRORS_SENT);
	reload_seal_start(p, h->transaction_id, wr_done(&contents), NULL, 0, error_sealed, way);
	wr_clear(&contents);
	return true;
}
