#include "sip/transaction.h"

#include <string.h>

static int cmp(const struct reload_sip_txn *a, const struct reload_sip_txn *b)
{
	return strcmp(a->key, b->key);
}

RELOAD_TREE(reload_sip_txn_tree, reload_sip_txn, entry, cmp)

static bool is_client(const struct reload_sip_txn *t)
{
	return t->kind == RELOAD_SIP_CLIENT || t->kind == RELOAD_SIP_CLIENT_INVITE;
}

static bool is_invite(const struct reload_sip_txn *t)
{
	return t->kind == RELOAD_SIP_SERVER_INVITE || t->kind == RELOAD_SIP_CLIENT_INVITE;
}

static reload_ms now_of(const struct reload_sip_txn *t)
{
	return t->all->ops->now(t->all->arg);
}

static void send_last(struct reload_sip_txn *t)
{
	if (t->last.len)
		t->all->ops->send(t->all->arg, &t->hop, bytes_span(t->last));
}

static void drop_last(struct reload_sip_txn *t)
{
	t->all->bytes -= t->last.len;
	bytes_free(&t->last);
}

static void set_last(struct reload_sip_txn *t, struct span message)
{
	drop_last(t);
	t->last = bytes_copy(message);
	t->all->bytes += t->last.len;
}

/* -- time ---------------------------------------------------------------------------------------------------------------- */

static void on_end(void *arg)
{
	struct reload_sip_txn *t = arg;
	const struct reload_sip_txns *all = t->all;
	bool unanswered = is_client(t) && t->state < RELOAD_SIP_ACCEPTED;
	if (unanswered && t->owner)
		all->ops->timeout(all->arg, t);
	if (t->owner)
		all->ops->ended(all->arg, t);
	reload_sip_txn_free(t);
}

/* Ends it after that time when its hop may lose messages, else after this pass. */
static void end_after(struct reload_sip_txn *t, reload_ms ms)
{
	reload_timer_cancel(t->all->timers, &t->repeat);
	reload_timer_arm(t->all->timers, &t->end,
		now_of(t) + (reload_sip_reliable(&t->hop) ? 0 : ms), on_end, t);
}

static void on_repeat(void *arg);

static void repeat_after(struct reload_sip_txn *t, reload_ms ms)
{
	t->interval = ms;
	if (!reload_sip_reliable(&t->hop))
		reload_timer_arm(t->all->timers, &t->repeat, now_of(t) + ms, on_repeat, t);
}

static void on_repeat(void *arg)
{
	struct reload_sip_txn *t = arg;
	send_last(t);
	/* timer A doubles without limit, E and G up to T2; E is T2 once there was a provisional response */
	reload_ms next = 2 * t->interval;
	bool limited = t->kind != RELOAD_SIP_CLIENT_INVITE;
	if (limited && (next > RELOAD_SIP_T2_MS || t->state == RELOAD_SIP_PROCEEDING))
		next = RELOAD_SIP_T2_MS;
	repeat_after(t, next);
}

static void give_up_after(struct reload_sip_txn *t, reload_ms ms)
{
	reload_timer_arm(t->all->timers, &t->end, now_of(t) + ms, on_end, t);
}

/* -- all ------------------------------------------------------------------------------------------------------------------- */

struct reload_sip_txn *reload_sip_txn_find(struct reload_sip_txns *ts, const char *key)
{
	struct reload_sip_txn like = { .key = (char *)key };
	return RB_FIND(reload_sip_txn_tree, &ts->tree, &like);
}

struct reload_sip_txn *reload_sip_txn_new(struct reload_sip_txns *ts, enum reload_sip_txn_kind kind,
	const char *key, const struct reload_sip_hop *hop, struct span request)
{
	if (ts->count >= ts->max || ts->bytes >= ts->bytes_max)
		return NULL;
	struct reload_sip_txn *t = RELOAD_NEW(reload_sip_txn);
	t->all = ts;
	t->kind = kind;
	t->key = reload_strdup(key);
	t->hop = *hop;
	t->state = is_client(t) ? RELOAD_SIP_CALLING : RELOAD_SIP_PROCEEDING;
	RB_INSERT(reload_sip_txn_tree, &ts->tree, t);
	ts->count++;
	if (is_client(t)) {
		set_last(t, request);
		give_up_after(t, RELOAD_SIP_64T1_MS);
		repeat_after(t, RELOAD_SIP_T1_MS);
		send_last(t);
	}
	return t;
}

void reload_sip_txn_free(struct reload_sip_txn *t)
{
	if (!t)
		return;
	reload_timer_cancel(t->all->timers, &t->repeat);
	reload_timer_cancel(t->all->timers, &t->end);
	RB_REMOVE(reload_sip_txn_tree, &t->all->tree, t);
	t->all->count--;
	drop_last(t);
	free(t->key);
	free(t);
}

void reload_sip_txns_clear(struct reload_sip_txns *ts)
{
	while (!RB_EMPTY(&ts->tree))
		reload_sip_txn_free(RB_MIN(reload_sip_txn_tree, &ts->tree));
}

/* -- servers --------------------------------------------------------------------------------------------------------------- */

void reload_sip_txn_again(struct reload_sip_txn *t)
{
	if (t->state == RELOAD_SIP_PROCEEDING || t->state == RELOAD_SIP_COMPLETED)
		send_last(t);
}

bool reload_sip_txn_respond(struct reload_sip_txn *t, int status, struct span response)
{
	bool more = t->state == RELOAD_SIP_ACCEPTED && status / 100 == 2;
	if (t->state != RELOAD_SIP_PROCEEDING && !more)
		return false;
	set_last(t, response);
	if (!more && status >= 200 && is_invite(t) && status < 300) {
		t->state = RELOAD_SIP_ACCEPTED;
		give_up_after(t, RELOAD_SIP_64T1_MS);
	} else if (!more && status >= 200) {
		t->state = RELOAD_SIP_COMPLETED;
		if (!is_invite(t))
			end_after(t, RELOAD_SIP_64T1_MS);
		else {
			give_up_after(t, RELOAD_SIP_64T1_MS); /* timer H, also over TCP */
			repeat_after(t, RELOAD_SIP_T1_MS);
		}
	}
	send_last(t);
	if (t->state == RELOAD_SIP_ACCEPTED)
		drop_last(t); /* the callee repeats it, end to end */
	return true;
}

void reload_sip_txn_ack(struct reload_sip_txn *t)
{
	if (t->kind != RELOAD_SIP_SERVER_INVITE || t->state != RELOAD_SIP_COMPLETED)
		return;
	t->state = RELOAD_SIP_CONFIRMED;
	drop_last(t);
	end_after(t, RELOAD_SIP_T4_MS);
}

/* -- clients ---------------------------------------------------------------------------------------------------------------- */

/* A provisional response: an INVITE is not repeated any more, and its time is the caller's business (timer C). */
static void provisional(struct reload_sip_txn *t)
{
	t->state = RELOAD_SIP_PROCEEDING;
	if (!is_invite(t))
		return;
	reload_timer_cancel(t->all->timers, &t->repeat);
	reload_timer_cancel(t->all->timers, &t->end);
}

bool reload_sip_txn_response(struct reload_sip_txn *t, int status)
{
	if (!is_client(t) || t->state == RELOAD_SIP_CONFIRMED)
		return false;
	if (t->state == RELOAD_SIP_ACCEPTED)
		return status / 100 == 2; /* another branch of a fork, or a repetition */
	if (t->state == RELOAD_SIP_COMPLETED) {
		if (is_invite(t) && status >= 300)
			send_last(t); /* the ACK was lost */
		return false;
	}
	if (status < 200) {
		provisional(t);
		return true;
	}
	reload_timer_cancel(t->all->timers, &t->repeat);
	if (!is_invite(t) || status < 300)
		drop_last(t); /* else the ACK is made like it */
	if (is_invite(t) && status < 300) {
		t->state = RELOAD_SIP_ACCEPTED;
		give_up_after(t, RELOAD_SIP_64T1_MS);
	} else {
		t->state = RELOAD_SIP_COMPLETED;
		end_after(t, is_invite(t) ? RELOAD_SIP_64T1_MS : RELOAD_SIP_T4_MS);
	}
	return true;
}

void reload_sip_txn_acknowledge(struct reload_sip_txn *t, struct span ack)
{
	set_last(t, ack);
	send_last(t);
}
