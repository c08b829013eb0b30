#include "exchange/internal.h"

/*
 * Messages for this node while they are in work, at most policy.max_work of them and policy.max_link_work of one certificate's links.
 */

struct reload_incoming *reload_incoming_new(
	struct reload_exchange *x, struct reload_msg *msg, uint32_t link)
{
	struct reload_incoming *in = RELOAD_NEW(reload_incoming);
	in->exchange = x;
	in->msg = msg;
	in->link = link;
	TAILQ_INSERT_TAIL(&x->work, in, entry);
	x->work_count++;
	return in;
}

static void signers_clear(struct reload_incoming *in)
{
	for (size_t i = 0; i < in->values_count; i++)
		reload_cert_free(in->values[i].cert);
	free(in->values);
	for (size_t i = 0; i < in->certificates_count; i++)
		reload_cert_free(in->certificates[i]);
	free(in->certificates);
	reload_cert_free(in->cert);
}

static void work_free(struct reload_incoming *in)
{
	if (in->work)
		in->work_free(TAKE(in->work));
}

static void answers_over(void *arg)
{
	struct reload_exchange *x = arg;
	reload_ms next = reload_answer_cache_expire(x->answer_cache, x->engine->now);
	if (next != RELOAD_NEVER)
		reload_timer_arm(&x->engine->timers, &x->answers_over, next, answers_over, x);
}

void reload_incoming_free(struct reload_incoming *in, bool repeat_may_come)
{
	struct reload_exchange *x = in->exchange;
	struct reload_connection *con =
		in->local ? NULL : reload_connection_by_link(x->connections, in->link);
	if (con)
		con->work--;
	TAILQ_REMOVE(&x->work, in, entry);
	x->work_count--;
	if (repeat_may_come && !in->local)
		reload_answer_cache_forget(
			x->answer_cache, in->msg->header.transaction_id, in->originator);
	else if (!x->answers_over.armed)
		answers_over(x);
	work_free(in);
	signers_clear(in);
	wr_clear(&in->return_list);
	reload_msg_free(in->msg);
	free(in);
}

void reload_incoming_drop(
	struct reload_incoming *in, enum reload_counter counter, const char *reason)
{
	reload_engine_drop(
		in->exchange->engine, counter, in->link, in->msg->header.transaction_id, reason);
	reload_incoming_free(in, true);
}

void reload_incoming_forget(struct reload_incoming *in)
{
	signers_clear(in);
	in->cert = NULL;
	in->values = NULL;
	in->values_count = in->certificates_count = 0;
	in->certificates = NULL;
	in->certificates_tried = 0;
	work_free(in);
}

struct reload_request *reload_request_of(struct reload_exchange *x, uint64_t id)
{
	return (struct reload_request *)reload_transaction_find(&x->transactions, id);
}
