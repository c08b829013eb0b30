#include "reload-sip-adapter/fork.h"
#include "reload-sip-adapter/outside.h"

#include "link/udp_socket_io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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
	reload_timer_cancel(reload_poll_timers(f->a->poll), &b->turn);
	outside_free(b->outside);
	if (b->txn)
		b->txn->owner = NULL;
	TAILQ_REMOVE(&f->branches, b, entry);
	relay_free(b->relay);
	message_unref(b->final);
	free(b->uri);
	free(b->target);
	free(b->node);
	free(b);
}

/* Another server of the same domain or trunk may take the request (RFC 3263 s4.3). */
static bool is_tried_elsewhere(struct branch *b, int status)
{
	const sip_retry_after_t *r = b->final ? b->final->sip->sip_retry_after : NULL;
	if (b->cancelled || b->fork->finished) {
		outside_stop(b->outside);
		return false;
	}
	return outside_failed(b->outside, status, r ? (reload_ms)r->af_delta * RELOAD_SECOND : 0);
}

static int send_request(struct branch *b);
static void abandon(struct branch *b);

/* A device that refuses an offer which wants keys gets the same one without: they end here then. */
static bool is_tried_plain(struct branch *b, int status)
{
	if (status != 488 || b->cancelled || b->fork->finished || !b->relay ||
		!relay_keys_end(b->relay))
		return false;
	abandon(b);
	b->provisional = false;
	return !send_request(b);
}

void branch_end(struct branch *b, int status)
{
	if (b->state == BRANCH_ENDED || is_tried_plain(b, status))
		return;
	if (b->state == BRANCH_ATTACHING)
		served_forget(b->served, b);
	if (b->outside && is_tried_elsewhere(b, status))
		return;
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

static void on_relay(void *arg, bool good);

static bool is_sdp(const struct message *m)
{
	const sip_content_type_t *type = m->sip->sip_content_type;
	return type && type->c_type && !strcasecmp(type->c_type, "application/sdp");
}

static bool offers_ice(const struct message *m)
{
	struct reload_sdp_relayed d;
	return is_sdp(m) && !reload_sdp_relayed_read(&d, message_body(m)) && *d.ice.ufrag;
}

/* Of the address at which an end is reached, which is that of its audio, too; 0: not known. */
static uint8_t family_of(const struct adapter *a, const struct reload_sip_hop *hop)
{
	const struct overlay_end *e =
		overlay_end_of(transport_find((struct transport *)&a->transport, hop->connection));
	return e ? e->peer.type : hop->transport == RELOAD_SIP_OVERLAY ? 0 : hop->remote.type;
}

/* One end has IPv4, the other one IPv6. */
static bool are_apart(const struct branch *b)
{
	uint8_t one = family_of(b->fork->a, &b->fork->request->from),
		other = family_of(b->fork->a, &b->hop);
	return one && other && one != other;
}

/* Whether the audio of the call goes through this process. */
static bool wants_relay(const struct branch *b)
{
	const struct fork *f = b->fork;
	const struct served *side = f->side ? f->side : b->served;
	struct span body = message_body(f->request);
	bool may = f->call && !f->in_dialog && message_is(f->request, "INVITE") &&
		   (!body.len || is_sdp(f->request));
	if (!may || f->a->media == RELAY_NEVER)
		return false;
	if (f->a->media == RELAY_ALWAYS)
		return true;
	if (side && side->ice) /* what the ends have is known by their ICE */
		return offers_ice(f->request) == (f->side != NULL);
	return are_apart(b);
}

/* A side that is a device. */
static bool plan_device(
	struct relay_plan *p, const struct adapter *a, const struct reload_sip_hop *hop)
{
	p->host = hop->remote;
	return transport_local(&a->transport, hop, &p->local);
}

/* A side that is another node: who has the offer in the first request is the one that controls ICE. */
static bool plan_node(struct relay_plan *p, const struct fork *f, struct served *s,
	const struct reload_sip_hop *hop)
{
	const struct overlay_end *e =
		overlay_end_of(transport_find(&f->a->transport, hop->connection));
	bool offered = message_body(f->request).len > 0, by_device = f->side == NULL;
	p->node = true;
	if (s->ice && (by_device || !offered || offers_ice(f->request))) {
		p->served = s;
		p->controlling = offered == by_device;
		return true;
	}
	return e && reload_udp_source(&p->local, &e->peer);
}

static struct relay *relay_of(struct branch *b)
{
	struct fork *f = b->fork;
	struct relay_plan plans[2] = { 0 };
	struct connection *c =
		f->side ? transport_find(&f->a->transport, f->request->from.connection) : NULL;
	if (c && c->relays >= ADAPTER_RELAYS_OF_NODE)
		return NULL;
	bool good = f->side ? plan_node(&plans[0], f, f->side, &f->request->from)
			    : plan_device(&plans[0], f->a, &f->request->from);
	good = good && (b->served ? plan_node(&plans[1], f, b->served, &b->hop)
				  : plan_device(&plans[1], f->a, &b->hop));
	struct relay *r = good ? relay_new(&f->a->relays, plans) : NULL;
	if (r && c) {
		r->connection = c->id;
		c->relays++;
	}
	return r;
}

static void abandon(struct branch *b)
{
	unlink_connection(b);
	reload_timer_cancel(reload_poll_timers(b->fork->a->poll), &b->timer);
	if (b->txn)
		b->txn->owner = NULL;
	b->txn = NULL;
}

/* Returns 0 when it was sent, or will be, else the status that the request has come to. */
static int send_request(struct branch *b)
{
	struct fork *f = b->fork;
	struct adapter *a = f->a;
	char key[RELOAD_SIP_KEY_MAX], id[FORK_BRANCH_ID];
	struct wr w;
	bool invite = message_is(f->request, "INVITE");
	if (!b->relay && wants_relay(b)) {
		b->relay = relay_of(b);
		if (!b->relay)
			return 503;
		b->relay->ready = on_relay;
		b->relay->arg = b;
	}
	if (b->relay && !relay_is_ready(b->relay)) {
		b->state = BRANCH_GATHERING;
		return 0;
	}
	fork_branch_id(id, f);
	key_of(key, id, message_method(f->request));
	wr_init(&w);
	fork_write_request(&w, b, id);
	bool fits = !w.err && (b->hop.transport != RELOAD_SIP_UDP || w.len <= MESSAGE_DATAGRAM_MAX);
	b->state = BRANCH_CALLING;
	b->txn = fits ? reload_sip_txn_new(&a->txns,
				invite ? RELOAD_SIP_CLIENT_INVITE : RELOAD_SIP_CLIENT, key, &b->hop,
				wr_done(&w))
		      : NULL;
	bool unreadable = w.err == RELOAD_BAD_VALUE;
	wr_clear(&w);
	if (!b->txn)
		return unreadable ? 488 : fits ? 503 : 513;
	b->txn->owner = b;
	b->hop = b->txn->hop;
	b->timer.fn = on_time;
	if (!reload_sip_reliable(&b->hop))
		return 0;
	b->connection = transport_find(&a->transport, b->hop.connection);
	if (!b->connection)
		return b->unreachable;
	LIST_INSERT_HEAD(&b->connection->branches, b, on_connection);
	return 0;
}

static bool send_outside(void *arg, const struct reload_sip_hop *hop)
{
	struct branch *b = arg;
	abandon(b);
	b->hop = *hop;
	b->provisional = b->cancel_sent = false;
	if (!send_request(b))
		return true;
	abandon(b);
	return false;
}

static void end_outside(void *arg, int status)
{
	struct branch *b = arg;
	struct fork *f = b->fork;
	branch_end(b, status);
	f->check(f);
}

static void take_back(struct branch *b)
{
	struct reload_sip_txn *txn = b->txn;
	abandon(b);
	reload_sip_txn_free(txn);
}

void branch_refused(struct branch *b)
{
	take_back(b);
	branch_end(b, b->unreachable);
}

/* It is not told again and again what it has not answered. */
static void leave_silent(void *arg, int status)
{
	struct branch *b = arg;
	take_back(b);
	end_outside(b, status);
}

const struct outside_ops branch_outside_ops = { send_outside, leave_silent, end_outside };

static void start_outside(struct branch *b)
{
	b->state = BRANCH_LOCATING;
	int status = outside_start(b->outside, fork_request_large(b->fork));
	if (status)
		branch_end(b, status);
}

static void send_or_end(struct branch *b)
{
	int status = send_request(b);
	if (status)
		branch_end(b, status);
}

/* There is a path for the audio, or none can be had. */
static void on_relay(void *arg, bool good)
{
	struct branch *b = arg;
	struct fork *f = b->fork;
	if (b->state != BRANCH_GATHERING)
		return;
	if (good)
		send_or_end(b);
	else
		branch_end(b, 503);
	f->check(f);
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
		send_or_end(b);
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
	if (b->outside) {
		start_outside(b);
		return;
	}
	if (b->has_hop) {
		send_or_end(b);
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
