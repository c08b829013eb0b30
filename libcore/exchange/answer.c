#include "exchange/internal.h"

#include "wire/limits.h"

/*
 * Answers to requests that were decoded: signed, kept for a repeat where the method asks for that, and sent the way back.  What this node asks
 * itself is answered without signature or link.
 */

static bool too_large(const struct reload_incoming *in, struct span tail)
{
	uint32_t max = in->msg->header.max_response_length,
		 any = in->exchange->engine->config->max_message_size;
	struct reload_header h = { .destination_list =
					   span_of(in->return_list.at, in->return_list.len) };
	struct wr copy;
	wr_init(&copy);
	reload_options_copy(&copy, &in->exchange->engine->ctx, in->msg->header.options);
	size_t len = reload_header_size(&h) + copy.len + tail.len;
	wr_clear(&copy);
	return len > any ||
	       (max && len > max); /* above max-message-size the next node closes the link */
}

static void answer_signed(void *arg, struct span tail, enum reload_err err)
{
	struct reload_incoming *in = arg;
	struct reload_exchange *x = in->exchange;
	if (err == RELOAD_MESSAGE_TOO_LARGE) {
		reload_answer_error(in, RELOAD_RESPONSE_TOO_LARGE,
			"the answer would have more certificates than a message may");
		return;
	}
	if (err) {
		reload_incoming_free(in, true);
		return;
	}
	struct reload_contents contents;
	err = reload_contents_read(&contents, tail);
	bool error = !err && contents.code == RELOAD_ERROR;
	if (!error && too_large(in, tail)) { /* HDR-06 */
		reload_answer_error(in, RELOAD_RESPONSE_TOO_LARGE,
			"the answer would exceed max_response_length or max-message-size");
		return;
	}
	uint64_t id = in->msg->header.transaction_id;
	bool again = error || !in->method || in->method->flags & RELOAD_METHOD_REPEATABLE;
	if (!again)
		reload_answer_cache_keep(x->answer_cache, id, in->originator, contents.whole);
	reload_response_send(
		x, id, wr_done(&in->return_list), in->msg->header.options, tail, in->link);
	reload_engine_event(x->engine,
		&(struct reload_event){ .type = error ? RELOAD_EV_ERROR_SENT : RELOAD_EV_SENT,
			.link = in->link,
			.transaction = id,
			.code = in->msg->code,
			.node = &in->signer });
	if (in->on_answer_sent && !error)
		in->on_answer_sent(in);
	reload_incoming_free(in, again);
}

static void repeat_signed(void *arg, struct span tail, enum reload_err err)
{
	struct reload_incoming *in = arg;
	if (!err && !too_large(in, tail))
		reload_response_send(in->exchange, in->msg->header.transaction_id,
			wr_done(&in->return_list), in->msg->header.options, tail, in->link);
	reload_incoming_free(in, false);
}

void reload_answer_repeat(struct reload_incoming *in, struct span contents)
{
	reload_sign_contents(
		in->exchange, in->msg->header.transaction_id, contents, NULL, 0, repeat_signed, in);
}

/* This node asked itself: the answer needs neither signature nor link. */
static void answer_local(struct reload_incoming *in, struct span contents,
	const struct span *certificates, size_t count)
{
	struct reload_exchange *x = in->exchange;
	struct reload_generic_certificate merged[RELOAD_LIMIT_CERTIFICATES];
	struct reload_security_block block = { .certificates = merged,
		.signature = { .identity = { .type = RELOAD_IDENTITY_NONE } } };
	struct reload_destination self = reload_dest_node(&x->engine->self);
	struct reload_header h = reload_header_new(x, in->msg->header.transaction_id);
	struct wr w, list;
	struct reload_msg *msg;
	wr_init(&w);
	wr_init(&list);
	bool fits = true;
	for (size_t i = 0; i < count && fits; i++)
		fits = reload_certificates_merge(
			x, merged, &block.certificates_count, certificates[i]);
	reload_list_write(&list, &x->engine->ctx, &self, 1);
	h.destination_list = wr_done(&list);
	reload_msg_write(&w, &x->engine->ctx, &h, contents, &block);
	enum reload_err err = w.err   ? w.err
			      : !fits ? RELOAD_MESSAGE_TOO_LARGE
				      : reload_msg_decode(&msg, wr_done(&w), &x->engine->ctx);
	if (in->on_answer_sent && !err)
		in->on_answer_sent(in);
	in->on_local_answer(
		in, err ? NULL
			: msg); /* HDR-06: what does not fit a message is no answer here either */
	wr_clear(&w);
	wr_clear(&list);
}

static void answer_contents(struct reload_incoming *in, struct wr *contents,
	const struct span *certificates, size_t count)
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
		reload_sign_contents(in->exchange, in->msg->header.transaction_id,
			wr_done(contents), certificates, count, answer_signed, in);
	wr_clear(contents);
}

void reload_answer_with(struct reload_incoming *in, uint16_t code, const void *body,
	const struct span *certificates, size_t count)
{
	struct wr contents;
	wr_init(&contents);
	reload_contents_write(&contents, &in->exchange->engine->ctx, code, body, NULL, 0);
	answer_contents(in, &contents, certificates, count);
}

void reload_answer_extended(struct reload_incoming *in, uint16_t code, const void *body,
	const struct reload_extension *extensions, size_t count)
{
	struct wr contents;
	wr_init(&contents);
	reload_contents_write(&contents, &in->exchange->engine->ctx, code, body, extensions, count);
	answer_contents(in, &contents, NULL, 0);
}

void reload_answer(struct reload_incoming *in, uint16_t code, const void *body)
{
	reload_answer_with(in, code, body, NULL, 0);
}

void reload_answer_bytes(struct reload_incoming *in, uint16_t code, struct span body)
{
	struct wr contents;
	wr_init(&contents);
	reload_contents_write_bytes(&contents, &in->exchange->engine->ctx, code, body, NULL, 0);
	answer_contents(in, &contents, NULL, 0);
}

void reload_answer_error_info(struct reload_incoming *in, enum reload_err err, struct span info)
{
	struct reload_error_response e = { .error_code = reload_err_overlay_code(err),
		.error_info = info };
	reload_engine_count(in->exchange->engine, RELOAD_COUNT_ERRORS_SENT);
	if (err == RELOAD_FORBIDDEN)
		reload_engine_count(in->exchange->engine, RELOAD_COUNT_ERRORS_FORBIDDEN);
	reload_engine_event(
		in->exchange->engine, &(struct reload_event){ .type = RELOAD_EV_REQUEST_REFUSED,
					      .err = err,
					      .link = in->link,
					      .transaction = in->msg->header.transaction_id,
					      .code = in->msg->code,
					      .node = &in->signer });
	reload_answer(in, RELOAD_ERROR, &e);
}

void reload_answer_error(struct reload_incoming *in, enum reload_err err, const char *reason)
{
	reload_answer_error_info(in, err, span_str(reason ? reason : reload_err_text(err)));
}
