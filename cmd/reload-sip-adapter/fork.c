#include "reload-sip-adapter/fork.h"
#include "reload-sip-adapter/outside.h"

#include "sip/best.h"
#include "usage/sip_resolve.h"

#include <sofia-sip/sip_header.h>
#include <stdlib.h>
#include <string.h>

static char *copy(const char *text)
{
	return text ? reload_strdup(text) : NULL;
}

static bool is_invite(const struct fork *f)
{
	return message_is(f->request, "INVITE");
}

/* -- answers --------------------------------------------------------------------------------------------------------------------- */

/* An answer of our own. */
static void answer(struct fork *f, int status)
{
	struct wr w;
	struct message_answer a = { .status = status, .tag = f->tag };
	if (!f->server)
		return;
	if (f->foreign && !f->count && status >= 300) {
		/* nobody was called: nothing is kept for who may have forged an address */
		adapter_reject(f->a, TAKE(f->server), f->request, status, NULL);
		return;
	}
	wr_init(&w);
	message_answer(&w, f->request, &a);
	if (!w.err)
		(void)reload_sip_txn_respond(f->server, status, wr_done(&w));
	wr_clear(&w);
}

/* Returns whether the caller still waits for it. */
static bool forward(struct fork *f, struct branch *b, const struct message *m)
{
	struct wr w;
	if (!f->server)
		return false;
	wr_init(&w);
	fork_write_response(&w, b, m);
	int status = m->sip->sip_status->st_status;
	bool fits =
		!w.err && (reload_sip_reliable(&f->server->hop) || w.len <= MESSAGE_DATAGRAM_MAX);
	bool sent = fits && reload_sip_txn_respond(f->server, status, wr_done(&w));
	if (!fits && status >= 200)
		answer(f, 500); /* no datagram takes it, and the caller is not to wait for ever */
	wr_clear(&w);
	return sent;
}

static const char *side_of(const struct fork *f)
{
	return f->call && f->sender == &f->call->caller ? "caller" : "callee";
}

/* What the end of a request means for its dialog. */
static void note_end(struct fork *f, int status)
{
	if (!f->call)
		return;
	if (!f->in_dialog && status >= 300)
		call_over(f->call, "", status);
	else if (f->in_dialog && message_is(f->request, "BYE") &&
		 (status < 300 || status == 481 || status == 408))
		call_over(f->call, side_of(f), status);
}

static void finish(struct fork *f, struct branch *best, int status)
{
	if (f->finished)
		return;
	f->finished = true;
	if (best && best->final && status != 503)
		(void)forward(f, best, best->final);
	else /* RFC 3261 s16.7 step 6 */
		answer(f, status == 503 && best && best->final ? 500 : status);
	note_end(f, status);
}

/* -- the life of a fork ------------------------------------------------------------------------------------------------------------ */

static void release(struct fork *f)
{
	f->router->forget(f);
	while (!TAILQ_EMPTY(&f->branches))
		branch_free(TAILQ_FIRST(&f->branches));
	if (f->server)
		f->server->owner = NULL;
	if (f->call)
		f->call->forks--;
	struct connection *c = transport_find(&f->a->transport, f->request->from.connection);
	if (c)
		c->requests--;
	f->a->forks--;
	if (f->foreign) {
		TAILQ_REMOVE(&f->a->foreign, f, foreign_entry);
		f->a->foreign_forks--;
	}
	TAILQ_REMOVE(&f->a->all_forks, f, entry);
	message_unref(f->request);
	free(f->to);
	free(f->identity);
	free(f->foreign);
	free(f);
}

static size_t attaching(const struct fork *f)
{
	const struct branch *b;
	size_t n = 0;
	TAILQ_FOREACH (b, &f->branches, entry)
		n += b->state == BRANCH_ATTACHING;
	return n;
}

/* -- branches in turn ---------------------------------------------------------------------------------------------------------------- */

/* It has not rung in time: the next one begins, and nobody waits for this one. */
static void on_turn(void *arg)
{
	struct branch *b = arg;
	struct fork *f = b->fork;
	b->passed = true;
	b->status = 408;
	branch_cancel(b);
	fork_check(f);
}

static void turn_start(struct branch *b)
{
	branch_start(b);
	reload_timer_arm(reload_poll_timers(b->fork->a->poll), &b->turn,
		reload_poll_now() + FORK_TURN_MS, on_turn, b);
}

/* A gateway that could not be reached, or cannot serve the call: another one may. */
static bool is_no_answer(int status)
{
	return status / 100 == 5 || status == 408 || status == 480;
}

/* Whether b may begin now: those before it in turn have all failed. */
static bool has_turn(const struct fork *f, const struct branch *b)
{
	const struct branch *x;
	TAILQ_FOREACH (x, &f->branches, entry) {
		if (x == b)
			return true;
		if (x->in_turn && !x->passed &&
			(x->state != BRANCH_ENDED || !is_no_answer(x->status)))
			return false;
	}
	return true;
}

static bool is_over(const struct fork *f, const struct branch *b)
{
	bool never = b->in_turn && b->state == BRANCH_WAITING && !has_turn(f, b);
	const struct branch *x;
	if (b->state == BRANCH_ENDED || b->passed)
		return true;
	/* one before it had an answer that counts for all */
	TAILQ_FOREACH (x, &f->branches, entry)
		if (x->in_turn && x->state == BRANCH_ENDED && !is_no_answer(x->status))
			return never;
	return false;
}

/* -- the life of a fork, on ------------------------------------------------------------------------------------------------------------ */

static void start_waiting(struct fork *f)
{
	struct branch *b;
	TAILQ_FOREACH (b, &f->branches, entry) {
		if (b->state != BRANCH_WAITING || f->cancelled || f->finished)
			continue;
		if (b->in_turn && has_turn(f, b))
			turn_start(b);
		else if (!b->in_turn && (b->has_hop || attaching(f) < RELOAD_SIP_ATTEMPTS))
			branch_start(b);
	}
}

/* The best of the answers (RFC 3261 s16.7 step 6); of branches in turn the last one. */
static struct branch *best_of(struct fork *f)
{
	struct branch *b, *best = NULL;
	TAILQ_FOREACH (b, &f->branches, entry) {
		bool better = b->in_turn ? b->final || !best || !best->final
					 : reload_sip_better(b->status, best ? best->status : 0);
		if (b->status >= 300 && better)
			best = b;
	}
	return best;
}

/*
 * Whether a call that was cancelled waits for nothing but ends that have not said a word.  They get no CANCEL before they have (RFC 3261 s9.1), which may take as
 * long as an INVITE is repeated.  The caller has its answer now, as from a server that is called (s9.2): it is known, and what these ends say later is met
 * by a CANCEL, or by fork_late() when it is a 2xx, which is what s16.7 waits for their end for.
 */
static bool is_given_up(const struct fork *f)
{
	const struct branch *b;
	TAILQ_FOREACH (b, &f->branches, entry)
		if (b->state != BRANCH_ENDED && (b->provisional || !b->cancelled))
			return false;
	return f->cancelled && f->routed && !f->finished && is_invite(f);
}

void fork_check(struct fork *f)
{
	struct branch *b;
	bool running = false, waits = false;
	if (f->busy)
		return; /* a caller up the stack does it */
	f->busy = true;
	start_waiting(f);
	f->busy = false;
	TAILQ_FOREACH (b, &f->branches, entry) {
		running |= !is_over(f, b);
		waits |= b->txn != NULL;
	}
	if (running && is_given_up(f))
		finish(f, NULL, 487);
	if (!f->routed || running)
		return;
	struct branch *best = best_of(f);
	if (!f->finished && f->cancelled)
		finish(f, NULL, 487);
	else if (!f->finished)
		finish(f, best, best ? best->status : f->no_target);
	bool more = waits && is_invite(f) && f->server; /* further 2xx may come (RFC 6026) */
	if (!more)
		release(f);
}

static void cancel_others(struct fork *f, const struct branch *but)
{
	struct branch *b;
	TAILQ_FOREACH (b, &f->branches, entry)
		if (b != but && b->state != BRANCH_ENDED)
			branch_cancel(b);
}

void fork_cancel(struct fork *f)
{
	if (f->cancelled || f->finished)
		return;
	f->cancelled = true;
	bool outer = f->busy;
	f->busy = true;
	cancel_others(f, NULL);
	f->busy = outer;
	if (!f->routed) {
		f->router->forget(f);
		f->routed = true;
	}
	fork_check(f);
}

/* -- targets ---------------------------------------------------------------------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

bool fork_target(struct fork *f, const struct fork_target *t)
{
	struct branch *b;
	if (f->count == FORK_BRANCHES_MAX)
		return false;
	TAILQ_FOREACH (b, &f->branches, entry)
		if (same_text(b->uri, t->uri) && same_text(b->target, t->target) &&
			same_text(b->outside ? b->outside->uri : NULL, t->outside) &&
			(!t->hop || b->hop.connection == t->hop->connection))
			return false;
	b = RELOAD_NEW(branch);
	b->fork = f;
	b->uri = copy(t->uri);
	b->target = copy(t->target);
	b->node = copy(t->node);
	b->served = t->served;
	b->sips = t->sips;
	b->unreachable = t->unreachable ? t->unreachable : t->outside ? 503 : 480;
	b->in_turn = t->in_turn;
	b->outside = t->outside ? outside_new(f->a, t->outside, t->trunk, t->local,
					  &branch_outside_ops, b)
				: NULL;
	b->has_hop = t->hop != NULL;
	if (t->hop)
		b->hop = *t->hop;
	TAILQ_INSERT_TAIL(&f->branches, b, entry);
	f->count++;
	return true;
}

/* A redirect server names the targets and forwards nothing (RFC 3261 s8.3). */
static void redirect(struct fork *f)
{
	struct wr w;
	wr_init(&w);
	f->finished = true;
	bool any = fork_write_contacts(&w, f) > 0;
	wr_u8(&w, 0);
	if (f->server)
		adapter_answer(f->server, f->request, any ? 302 : 480, (const char *)w.at);
	wr_clear(&w);
	note_end(f, any ? 302 : 480);
	while (!TAILQ_EMPTY(&f->branches))
		branch_free(TAILQ_FIRST(&f->branches));
}

void fork_routed(struct fork *f, int status)
{
	f->routed = true;
	if (f->a->redirect && f->count && !f->in_dialog && !f->side && !f->cancelled)
		redirect(f);
	f->no_target = status;
	fork_check(f);
}

static bool makes_dialog(const struct message *m)
{
	return message_is(m, "INVITE") || message_is(m, "SUBSCRIBE") || message_is(m, "REFER");
}

void fork_begin(struct adapter *a, struct message *m, struct reload_sip_txn *server,
	const struct fork_start *start)
{
	struct fork *f = RELOAD_NEW(fork);
	char address[MESSAGE_URI];
	f->a = a;
	f->router = start->router;
	f->check = fork_check;
	f->request = message_ref(m);
	f->server = server;
	f->call = start->call;
	f->sender = start->sender;
	f->receiver = start->receiver;
	f->in_dialog = start->call != NULL;
	f->caller = start->caller;
	f->node = start->node;
	f->side = start->node ? start->node->served : NULL;
	f->side_sips = start->node && start->node->sips;
	f->to = reload_strdup(start->to);
	f->foreign = copy(start->foreign);
	if (f->foreign) {
		TAILQ_INSERT_TAIL(&a->foreign, f, foreign_entry);
		a->foreign_forks++;
	}
	f->identity = copy(start->caller ? start->caller->user
			   : start->node ? start->node->user
					 : NULL);
	server->owner = f;
	TAILQ_INIT(&f->branches);
	message_random(f->tag);
	struct connection *c = transport_find(&a->transport, m->from.connection);
	if (c)
		c->requests++;
	a->forks++;
	TAILQ_INSERT_TAIL(&a->all_forks, f, entry);
	if (f->in_dialog) {
		call_use(f->call);
		f->call->forks++;
	}
	if (fork_loops(f)) {
		a->counts.looped++;
		fork_routed(f, 482);
		return;
	}
	if (!f->in_dialog && makes_dialog(m)) {
		f->call = call_new(&a->calls, m, start->node, f->foreign != NULL,
			f->identity  ? f->identity
			: f->foreign ? f->foreign
				     : "",
			start->to);
		if (!f->call) {
			bool room = a->calls.count < CALLS_MAX &&
				    (!f->foreign || a->calls.foreign < CALLS_FOREIGN_MAX);
			fork_routed(f, room ? 482 : 503);
			return;
		}
		f->call->forks++;
		f->sender = &f->call->caller;
		f->sender->outside = f->foreign != NULL;
		call_caller(f->call, m,
			start->caller ? start->caller
			: start->node ? start->node->served
				      : NULL,
			start->caller ? NULL : start->node);
		if (f->foreign && message_address(address, m->sip->sip_from))
			f->call->caller.foreign = reload_strdup(address);
		a->counts.calls += is_invite(f);
	}
	if (is_invite(f))
		answer(f, 100);
	f->router->route(f);
}

/* -- responses --------------------------------------------------------------------------------------------------------------------- */

/* The end that has answered, and its way. */
static void note_callee(struct fork *f, struct branch *b, const struct message *m)
{
	int status = m->sip->sip_status->st_status;
	if (!f->call)
		return;
	if (f->in_dialog) {
		if (status / 100 == 2 && f->receiver)
			call_end_contact(f->receiver, m);
		if (status / 100 == 2 && f->sender)
			call_end_contact(f->sender, f->request);
		return;
	}
	if (!m->sip->sip_to->a_tag || status >= 300)
		return;
	struct call_end *end = call_callee(f->call, m);
	if (!end)
		return;
	end->outside = b->outside != NULL;
	call_end_way(&f->a->calls, end, &b->hop,
		b->served || b->outside ? b->served : adapter_served(f->a, f->to), b->node,
		b->sips);
	if (status >= 200)
		call_up(f->call);
}

static void on_success(struct fork *f, struct branch *b, struct message *m)
{
	note_callee(f, b, m);
	if (b->relay && f->call && !f->call->relay && f->call->state != CALL_OVER)
		f->call->relay = TAKE(b->relay);
	bool first = !f->finished;
	f->finished = true;
	/* every 2xx of an INVITE (RFC 3261 s16.7 step 5) */
	bool taken = (first || is_invite(f)) && forward(f, b, m);
	if (!taken && is_invite(f) && !f->in_dialog)
		fork_late(b, m);
	if (first)
		note_end(f, 200);
	if (first && is_invite(f))
		cancel_others(f, b);
}

static void on_final(struct fork *f, struct branch *b, struct message *m)
{
	int status = m->sip->sip_status->st_status;
	if (status < 300) {
		branch_end(b, status);
		on_success(f, b, m);
		return;
	}
	message_unref(b->final);
	b->final = message_ref(m);
	branch_end(b, status);
	if (status >= 600)
		cancel_others(f, b);
}

void fork_response(struct branch *b, struct message *m)
{
	struct fork *f = b->fork;
	int status = m->sip->sip_status->st_status;
	bool outer = f->busy;
	f->busy = true;
	if (b->outside)
		outside_answered(b->outside, status);
	if (status > 100)
		reload_timer_cancel(reload_poll_timers(f->a->poll), &b->turn);
	if (b->state == BRANCH_ENDED && status / 100 == 2) {
		on_success(f, b, m); /* of another device behind it */
	} else if (status >= 200) {
		on_final(f, b, m);
	} else {
		b->provisional = true;
		if (is_invite(f))
			reload_timer_arm(reload_poll_timers(f->a->poll), &b->timer,
				reload_poll_now() +
					(b->cancelled ? FORK_CANCEL_MS : FORK_TIMER_C_MS),
				b->timer.fn, b);
		if (b->cancelled)
			branch_cancel(b); /* which waited for this */
		else if (status > 100 && !f->finished && !f->cancelled) {
			note_callee(f, b, m);
			(void)forward(f, b, m);
		}
	}
	f->busy = outer;
	fork_check(f);
}

void fork_timeout(struct reload_sip_txn *t)
{
	struct branch *b = t->owner;
	b->fork->busy = true;
	branch_end(b, 408);
	b->fork->busy = false;
}

void fork_txn_ended(struct reload_sip_txn *t)
{
	bool client = t->kind == RELOAD_SIP_CLIENT || t->kind == RELOAD_SIP_CLIENT_INVITE;
	struct fork *f;
	if (client) {
		struct branch *b = t->owner;
		b->txn = NULL;
		f = b->fork;
	} else {
		f = t->owner;
		f->server = NULL;
	}
	fork_check(f);
}

void fork_lost(struct connection *c)
{
	while (!LIST_EMPTY(&c->branches)) {
		struct branch *b = LIST_FIRST(&c->branches);
		struct fork *f = b->fork;
		branch_end(b, b->unreachable);
		fork_check(f);
	}
}

void fork_refused(void *arg, const struct reload_ip_port *at)
{
	struct adapter *a = arg;
	struct fork *f, *next;
	for (f = TAILQ_FIRST(&a->all_forks); f; f = next) {
		struct branch *b;
		next = TAILQ_NEXT(f, entry);
		TAILQ_FOREACH (b, &f->branches, entry)
			if (b->state == BRANCH_CALLING && !b->provisional &&
				b->hop.transport == RELOAD_SIP_UDP &&
				!memcmp(&b->hop.remote, at, offsetof(struct reload_ip_port, raw)))
				branch_refused(b);
		fork_check(f);
	}
}

size_t fork_foreign_of(const struct adapter *a, const struct reload_ip_port *host)
{
	const struct fork *f;
	size_t n = 0;
	TAILQ_FOREACH (f, &a->foreign, foreign_entry)
		n += reload_ip_port_same_host(&f->request->from.remote, host);
	return n;
}

bool fork_any(const struct adapter *a)
{
	const struct fork *f;
	TAILQ_FOREACH (f, &a->all_forks, entry)
		if (!f->finished)
			return true;
	return false;
}

void fork_stop_all(struct adapter *a)
{
	struct fork *f, *next;
	for (f = TAILQ_FIRST(&a->all_forks); f; f = next) {
		next = TAILQ_NEXT(f, entry);
		fork_cancel(f);
	}
}

void fork_clear_all(struct adapter *a)
{
	while (!TAILQ_EMPTY(&a->all_forks))
		release(TAILQ_FIRST(&a->all_forks));
}
