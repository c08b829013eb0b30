#include "reload-sip-adapter/fork.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void unlink_connection(struct branch *b)
{
	if (b->connection)
		LIST_REMOVE(b, on_connection);
	b->connection = NULL;
}

void branch_free(struct branch *b)
{
	struct fork *f = b->fork;
	unlink_connection(b);
	reload_timer_cancel(reload_poll_timers(f->a->poll), &b->timer);
	if (b->state == BRANCH_ATTACHING)
		served_forget(b->served, b);
	if (b->txn)
		b->txn->owner = NULL;
	TAILQ_REMOVE(&f->branches, b, entry);
	message_unref(b->final);
	free(b->uri);
	free(b->target);
	free(b->node);
	free(b);
}

void branch_end(struct branch *b, int status)
{
	if (b->state == BRANCH_ENDED)
		return;
	if (b->state == BRANCH_ATTACHING)
		served_forget(b->served, b);
	b->state = BRANCH_ENDED;
	b->status = status;
	unlink_connection(b);
	reload_timer_cancel(reload_poll_timers(b->fork->a->poll), &b->timer);
}

/* Timer C, or no answer to the INVITE after a CANCEL. */
static void on_time(void *arg)
{
	struct branch *b = arg;
	struct fork *f = b->fork;
	if (b->cancelled || !b->provisional)
		branch_end(b, 408);
	else
		branch_cancel(b);
	f->check(f);
}

static void wait_for(struct branch *b, reload_ms ms)
{
	reload_timer_arm(reload_poll_timers(b->fork->a->poll), &b->timer, reload_poll_now() + ms,
		on_time, b);
}

static void key_of(char out[RELOAD_SIP_KEY_MAX], const char *branch_id, const char *method)
{
	snprintf(out, RELOAD_SIP_KEY_MAX, "c|%s|%.64s", branch_id, method);
}

/* -- sending ----------------------------------------------------------------------------------------------------------------------- */

static void send_request(struct branch *b)
{
	struct fork *f = b->fork;
	struct adapter *a = f->a;
	char key[RELOAD_SIP_KEY_MAX], id[64];
	struct wr w;
	bool invite = message_is(f->request, "INVITE");
	snprintf(id, sizeof(id), "z9hG4bK%s%llx", f->loop, (unsigned long long)++a->branches);
	key_of(key, id, message_method(f->request));
	wr_init(&w);
	fork_write_request(&w, b, id);
	bool fits = !w.err && (b->hop.transport != RELOAD_SIP_UDP || w.len <= MESSAGE_DATAGRAM_MAX);
	b->state = BRANCH_CALLING;
	b->txn = fits ? reload_sip_txn_new(&a->txns,
				invite ? RELOAD_SIP_CLIENT_INVITE : RELOAD_SIP_CLIENT, key, &b->hop,
				wr_done(&w))
		      : NULL;
	wr_clear(&w);
	if (!b->txn) {
		branch_end(b, fits ? 503 : 513);
		return;
	}
	b->txn->owner = b;
	b->hop = b->txn->hop;
	b->timer.fn = on_time;
	if (!reload_sip_reliable(&b->hop))
		return;
	b->connection = transport_find(&a->transport, b->hop.connection);
	if (b->connection)
		LIST_INSERT_HEAD(&b->connection->branches, b, on_connection);
	else
		branch_end(b, b->unreachable);
}

static void on_connected(void *arg, struct connection *c)
{
	struct branch *b = arg;
	struct fork *f = b->fork;
	const struct overlay_end *e = overlay_end_of(c);
	served_forget(b->served, b);
	if (b->node && strcmp(b->node, e->node) != 0) { /* R7904-21 */
		connection_end(c);
		branch_end(b, 480);
	} else {
		b->hop = (struct reload_sip_hop){ .transport = RELOAD_SIP_OVERLAY,
			.connection = c->id };
		send_request(b);
	}
	f->check(f);
}

static void on_attach_end(void *arg, const json_t *result, const struct reload_call_error *error)
{
	struct branch *b = arg;
	struct fork *f = b->fork;
	(void)result, (void)error;
	b->state = BRANCH_WAITING; /* nothing is asked any more */
	branch_end(b, 480);
	f->check(f);
}

void branch_start(struct branch *b)
{
	struct connection *idle = b->served && !b->has_hop && b->node
					  ? served_idle(b->served, b->node, b->sips)
					  : NULL;
	if (idle) {
		b->hop = (struct reload_sip_hop){ .transport = RELOAD_SIP_OVERLAY,
			.connection = idle->id };
		b->has_hop = true;
	}
	if (b->has_hop) {
		send_request(b);
		return;
	}
	json_t *params = json_pack("{s:s, s:i, s:i}", "target", b->target, "application",
		b->sips ? RELOAD_APP_SIPS : RELOAD_APP_SIP, "timeout_ms", SERVED_ATTACH_MS);
	b->state = BRANCH_ATTACHING; /* R7904-19 */
	if (!served_ask(b->served, "app.attach", params, on_attach_end, on_connected, b)) {
		b->state = BRANCH_WAITING;
		branch_end(b, 480);
	}
}

/* -- cancelling --------------------------------------------------------------------------------------------------------------------- */

static void send_cancel(struct branch *b)
{
	struct adapter *a = b->fork->a;
	char key[RELOAD_SIP_KEY_MAX];
	struct wr w;
	b->cancel_sent = true;
	wr_init(&w);
	message_cancel(&w, bytes_span(b->txn->last));
	const char *end = strrchr(b->txn->key, '|');
	snprintf(key, sizeof(key), "%.*s|CANCEL", (int)(end - b->txn->key), b->txn->key);
	if (!w.err)
		(void)reload_sip_txn_new(&a->txns, RELOAD_SIP_CLIENT, key, &b->hop, wr_done(&w));
	wr_clear(&w);
	wait_for(b, FORK_CANCEL_MS);
}

void branch_cancel(struct branch *b)
{
	if (b->state == BRANCH_ENDED || b->cancel_sent)
		return;
	b->cancelled = true;
	if (b->state != BRANCH_CALLING) {
		branch_end(b, 487);
		return;
	}
	if (!message_is(b->fork->request, "INVITE"))
		return;     /* it ends by itself (RFC 4320) */
	if (b->provisional) /* else it waits for one (RFC 3261 s9.1) */
		send_cancel(b);
}
