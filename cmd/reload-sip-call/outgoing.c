#include "reload-sip-call/outgoing_internal.h"

#include "ident/aor.h"

#include <sofia-sip/sip.h>
#include <stdlib.h>
#include <string.h>

enum {
	ATTACH_MS = 10000, /* for a connection to one device */
	AGAIN_MS = 250     /* between two lookups with --wait */
};

static struct outgoing *of(struct phone *p)
{
	return p->owner;
}

/* -- what happens to an attempt ------------------------------------------------------------------------------------------------ */

static struct outgoing_attempt *attempt_of(struct outgoing *o, const struct leg *leg)
{
	for (size_t i = 0; i < o->count; i++)
		if (o->attempts[i].leg == leg)
			return &o->attempts[i];
	return NULL;
}

/* Who is meant, when there are several. */
static json_t *event(const struct outgoing *o, const struct leg *leg, const char *type)
{
	json_t *e = json_pack("{s:s, s:s, s:b}", "type", type, "node_id", leg->node, "several",
		(int)(o->count > 1));
	return e;
}

static void on_ringing(struct leg *leg, int status)
{
	struct outgoing *o = leg->owner;
	struct outgoing_attempt *a = attempt_of(o, leg);
	if (status < 180)
		return;
	if (a)
		a->rang = true;
	json_t *e = event(o, leg, "ringing");
	json_object_set_new(e, "sip_status", json_integer(status));
	outgoing_print(o, e);
}

static void on_answered(struct leg *leg)
{
	struct outgoing *o = leg->owner;
	if (o->up || o->finished) { /* another device was faster */
		leg_hang_up(leg, "caller");
		return;
	}
	o->up = leg;
	for (size_t i = 0; i < o->count; i++)
		if (o->attempts[i].leg && o->attempts[i].leg != leg)
			leg_hang_up(o->attempts[i].leg, "caller");
	json_t *e = event(o, leg, "answered");
	json_object_set_new(e, "setup_ms", json_integer((json_int_t)(leg->answered_at - o->tried)));
	const char *codec = media_codec(leg->media);
	json_object_set_new(e, "codec", codec ? json_string(codec) : json_null());
	outgoing_print(o, e);
}

/* A gateway that cannot serve a call now says nothing of the number; any other refusal is that of who was called. */
static bool is_of_gateway(int status)
{
	return status / 100 == 5 || status == 408 || status == 416 || status == 480;
}

/* The best answer is kept: 6xx, then the lowest class (RFC 3261 s16.7); of gateways the last one, and when it is final for the number no further one is asked. */
static void note_status(struct outgoing *o, int status, const char *phrase)
{
	int have = o->sip_status / 100, now = status / 100;
	if (!o->number && have && (have == 6 || (now != 6 && now >= have)))
		return;
	for (size_t i = 0; o->number && !is_of_gateway(status) && i < o->count; i++)
		if (o->attempts[i].state == OUTGOING_WAITING)
			o->attempts[i].state = OUTGOING_OVER;
	o->sip_status = status;
	snprintf(o->phrase, sizeof(o->phrase), "%s", phrase);
}

static void on_ended(struct leg *leg)
{
	struct outgoing *o = leg->owner;
	const struct outgoing_attempt *a = attempt_of(o, leg);
	const char *fault;
	if (leg == o->up) {
		json_t *e = json_pack(
			"{s:s, s:s*, s:s, s:s, s:s, s:i, s:I, s:f, s:s, s:o, s:s, s:s, s:b}",
			"type", "summary", "call_id", leg->call_id, "aor", o->aor, "node_id",
			leg->node, "gruu", leg->target, "sip_status", leg->status, "setup_ms",
			(json_int_t)(leg->answered_at - o->tried), "duration_s",
			(double)(leg->ended_at - leg->answered_at) / RELOAD_SECOND, "ended_by",
			leg->ended_by ? leg->ended_by : "callee", "media", media_json(leg->media),
			"link", o->phone.link, "path", leg->path, "several", (int)(o->count > 1));
		outgoing_print(o, e);
		o->lost = leg->cut;
		fault = media_fault(leg->media, &o->audio_err);
		snprintf(o->no_audio, sizeof(o->no_audio), "%s", fault ? fault : "");
		o->finished = true;
	} else if (o->rang_out || o->phone.stopping || (a && a->passed)) {
		return; /* it was cancelled */
	} else if (leg->redirected && !o->up && o->redirects < OUTGOING_REDIRECTS) {
		free(o->next_aor);
		o->next_aor = reload_strdup(leg->redirected);
		note_status(o, leg->status, leg->phrase);
		json_t *e = event(o, leg, "redirected");
		json_object_set_new(e, "aor", json_string(o->next_aor));
		outgoing_print(o, e);
	} else if (leg->status >= 300 && !o->up) {
		note_status(o, leg->status, leg->phrase);
		json_t *e = event(o, leg, "rejected");
		json_object_set_new(e, "sip_status", json_integer(leg->status));
		json_object_set_new(e, "phrase", json_string(leg->phrase));
		outgoing_print(o, e);
	} else if (leg->media && (fault = media_fault(leg->media, &o->audio_err))) {
		snprintf(o->no_audio, sizeof(o->no_audio), "%s", fault);
	} else if (!o->up && !o->err) {
		o->err = leg->cut ? RELOAD_LINK_DOWN : RELOAD_TIMEOUT;
	}
}

static void on_responded(struct leg *leg, const sip_t *sip)
{
	struct outgoing *o = leg->owner;
	int status = sip->sip_status->st_status;
	const char *phrase = leg_phrase_of(sip);
	struct outgoing_attempt *a = attempt_of(o, leg);
	json_t *e = event(o, leg, "summary"), *allow = json_array();
	for (const sip_allow_t *list = sip->sip_allow; list;
		list = (const sip_allow_t *)list->k_next)
		for (size_t i = 0; list->k_items && list->k_items[i]; i++)
			json_array_append_new(allow, json_string(list->k_items[i]));
	json_object_set_new(e, "aor", json_string(o->aor));
	json_object_set_new(e, "sip_status", json_integer(status));
	json_object_set_new(e, "phrase", json_string(phrase));
	json_object_set_new(e, "allow", allow);
	if (a)
		a->state = OUTGOING_OVER;
	if (status >= 300)
		note_status(o, status, phrase);
	o->finished |= status < 300;
	if (status < 300)
		outgoing_print(o, e);
	else
		json_decref(e);
}

static void on_held(struct leg *leg, int status)
{
	struct outgoing *o = leg->owner;
	json_t *e = event(o, leg, leg->on_hold ? "held" : "resumed");
	json_object_set_new(e, "sip_status", json_integer(status));
	outgoing_print(o, e);
}

static const struct leg_ops leg_ops = {
	.traced = phone_trace,
	.held = on_held,
	.ringing = on_ringing,
	.answered = on_answered,
	.ended = on_ended,
	.responded = on_responded,
};

/* -- connecting ---------------------------------------------------------------------------------------------------------------- */

static bool wants_sips(const struct outgoing *o, const json_t *target)
{
	const json_t *schemes = json_object_get(target, "schemes"), *s;
	size_t i;
	bool sip = false;
	json_array_foreach (schemes, i, s)
		sip |= !strcmp(json_string_value(s), "sip");
	return o->sips || !sip; /* R7904-25 */
}

static bool start(struct outgoing *o, struct outgoing_attempt *a)
{
	json_t *params = json_pack("{s:s, s:i, s:i}", "target", cli_get_text(a->target, "target"),
		"application", wants_sips(o, a->target) ? RELOAD_APP_SIPS : RELOAD_APP_SIP,
		"timeout_ms", ATTACH_MS); /* R7904-19 */
	a->state = OUTGOING_ATTACHING;
	a->begun = cli_monotonic();
	if (phone_send(&o->phone, "app.attach", params, &a->id, &o->status))
		return true;
	o->failed = o->phone.done = true;
	return false;
}

static struct outgoing_attempt *attempt_with(struct outgoing *o, json_int_t id)
{
	for (size_t i = 0; i < o->count; i++)
		if (o->attempts[i].id == id)
			return &o->attempts[i];
	return NULL;
}

/* The connection has to be with the node that was asked for (R7904-20, R7904-21); an anonymous one is any of the overlay. */
static bool is_right(const struct outgoing_attempt *a, const struct leg *leg)
{
	const char *node = cli_get_text(a->target, "node_id");
	return !*node || !strcmp(node, leg->node);
}

/*
 * An anonymous GRUU names no node: the peer that has made its opaque ID decides whom it leads to, and all that can be compared is the user name.
 */
static void warn_of_other_user(
	const struct outgoing *o, const struct outgoing_attempt *a, const struct leg *leg)
{
	struct reload_aor named, is;
	if (*cli_get_text(a->target, "node_id") || o->number || o->service ||
		reload_aor_parse(&named, span_str(cli_get_text(a->target, "gruu"))))
		return;
	if (!leg->peer_user || reload_aor_parse(&is, span_str(leg->peer_user)))
		cli_warn(o->phone.cli,
			"the anonymous GRUU leads to a node whose certificate names no user");
	else if (strcmp(named.name, is.name) != 0)
		cli_warn(o->phone.cli, "the anonymous GRUU of %s leads to a node of %s", named.name,
			is.name);
}

/* The URI that is called: of a device its GRUU, of a service the user who provides it (owned). */
static char *called_of(const struct outgoing *o, const struct leg *leg, const char *gruu)
{
	struct wr w;
	if (!o->service || !leg->peer_user)
		return reload_strdup(gruu);
	wr_init(&w);
	reload_aor_write(&w, leg->peer_user);
	wr_u8(&w, 0);
	return (char *)w.at;
}

static void on_connected(struct phone *p, json_int_t id, const json_t *object, struct leg *leg)
{
	struct outgoing *o = of(p);
	struct outgoing_attempt *a = attempt_with(o, id);
	const char *gruu = a ? cli_get_text(a->target, "gruu") : "";
	if (!leg)
		return; /* the agent ends it */
	leg->ops = &leg_ops;
	leg->owner = o;
	if (!a || a->passed || o->up || o->finished || o->rang_out || p->stopping ||
		!is_right(a, leg)) {
		leg->cut = true; /* pass() drops it */
		return;
	}
	a->leg = leg;
	a->state = OUTGOING_CALLING;
	json_t *e = event(o, leg, "attached");
	json_object_set_new(e, "took_ms", json_integer((json_int_t)(cli_monotonic() - a->begun)));
	json_object_set(e, "application", json_object_get(object, "application"));
	json_object_set_new(e, "link", json_string(p->link));
	json_object_set_new(e, "path", json_string(leg->path));
	outgoing_print(o, e);
	warn_of_other_user(o, a, leg);
	if (o->service)
		outgoing_print(o, json_pack("{s:s, s:s, s:s}", "type", "service", "node_id",
					  leg->node, "aor", leg->peer_user ? leg->peer_user : ""));
	char *called = o->mailbox ? reload_strdup(o->aor) : called_of(o, leg, gruu);
	if (strcmp(o->method, "INVITE") != 0)
		leg_ask(leg, o->method, called, o->text);
	else if (leg_call(leg, called, &o->why))
		o->err = RELOAD_IO;
	else if (!o->rings)
		o->rings = cli_monotonic();
	free(called);
}

/* -- the agent's answers -------------------------------------------------------------------------------------------------------- */

static void clear_attempts(struct outgoing *o)
{
	for (size_t i = 0; i < o->count; i++)
		if (o->attempts[i].leg)
			o->attempts[i].leg->cut = true;
	memset(o->attempts, 0, sizeof(o->attempts));
	o->count = 0;
}

/* What service.lookup finds, as sip.resolve has it (owned). */
static json_t *provider_of(const json_t *found)
{
	return json_pack("{s:[{s:O, s:O, s:s, s:[s,s]}]}", "targets", "node_id",
		json_object_get(found, "node_id"), "target", json_object_get(found, "target"),
		"gruu", "", "schemes", "sip", "sips");
}

static void take_resolved(struct outgoing *o, json_t *result)
{
	const json_t *targets = json_object_get(result, "targets"), *t;
	size_t i;
	clear_attempts(o);
	json_decref(o->resolved);
	o->resolved = result;
	json_t *nodes = json_array();
	json_array_foreach (targets, i, t) {
		if (o->count == COUNT_OF(o->attempts) ||
			!strcmp(cli_get_text(t, "node_id"), o->phone.node))
			continue; /* the own device is not called */
		o->attempts[o->count++].target = t;
		json_array_append(nodes, json_object_get(t, "node_id"));
	}
	if (!o->count)
		o->err = RELOAD_NO_VALUE;
	json_t *e = json_pack("{s:s, s:s, s:o}", "type", "resolved", "aor",
		o->service ? o->service : o->aor, "nodes", nodes);
	bool same = json_equal(e, o->shown); /* --wait looks again and again */
	json_decref(o->shown);
	o->shown = json_incref(e);
	if (same)
		json_decref(e);
	else
		outgoing_print(o, e);
}

static void note_error(struct outgoing *o, const struct reload_call_error *error)
{
	/* that nobody listens says less than any other failure */
	if (o->err && o->err != RELOAD_NOT_FOUND)
		return;
	o->err = error->failure.err ? error->failure.err : RELOAD_FAILED;
	o->why = error->failure.why;
}

static void on_replied(
	struct phone *p, json_int_t id, const json_t *result, struct reload_call_error *error)
{
	struct outgoing *o = of(p);
	struct outgoing_attempt *a = attempt_with(o, id);
	if (id == o->resolving) {
		o->resolving = 0;
		if (result && o->service)
			take_resolved(o, provider_of(result));
		else if (result)
			take_resolved(o, json_incref((json_t *)result));
		else
			note_error(o, error);
		o->finished |= result && o->dry;
		p->done |= o->dry;
	} else if (a) {
		if (!result && a->state == OUTGOING_ATTACHING)
			note_error(o, error);
		if (a->state == OUTGOING_ATTACHING)
			a->state = OUTGOING_OVER;
	}
}

/* -- each pass ------------------------------------------------------------------------------------------------------------------- */

static size_t running(const struct outgoing *o)
{
	size_t n = 0;
	for (size_t i = 0; i < o->count; i++)
		n += !o->attempts[i].passed && (o->attempts[i].state == OUTGOING_ATTACHING ||
						       o->attempts[i].state == OUTGOING_CALLING);
	return n;
}

/* Legs whose call or connection has ended are dropped. */
static void reap(struct outgoing *o)
{
	for (size_t i = o->phone.count; i-- > 0;) {
		struct leg *leg = o->phone.legs[i];
		struct outgoing_attempt *a = attempt_of(o, leg);
		bool asked = leg->state == LEG_IDLE && a && a->state == OUTGOING_OVER;
		if (leg->closing || (leg->state != LEG_ENDED && !leg->cut && !asked))
			continue;
		if (a) {
			a->state = OUTGOING_OVER;
			a->leg = NULL;
		}
		if (leg->cut && leg->state == LEG_IDLE && !o->err)
			o->err = leg->status == 408 ? RELOAD_TIMEOUT : RELOAD_LINK_DOWN;
		if (leg == o->up)
			o->up = NULL;
		phone_drop(&o->phone, leg);
	}
}

/* Nothing is under way any more: the end, a redirection, or with --wait another lookup. */
static void conclude(struct outgoing *o, reload_ms now)
{
	if (outgoing_follow(o))
		return;
	bool absent = !o->sip_status && o->err && !o->rang_out;
	if (!o->finished && !o->phone.stopping && absent && o->wait && now < o->begun + o->wait)
		o->again = now + AGAIN_MS;
	else if (!outgoing_try_mailbox(o))
		o->phone.done = true;
}

/* --hold: holds the call and resumes it; returns when the next of both is due. */
static reload_ms hold(struct outgoing *o, reload_ms now)
{
	reload_ms at = o->up->answered_at + o->hold_at + (o->holds ? o->hold_for : 0);
	if (!o->hold_for || o->holds > 1)
		return RELOAD_NEVER;
	if (now < at)
		return at;
	if (o->up->hold_branch[0])
		return RELOAD_NEVER; /* its answer comes first */
	leg_hold(o->up, !o->holds++);
	return now;
}

static reload_ms limits(struct outgoing *o, reload_ms now)
{
	reload_ms next = RELOAD_NEVER;
	struct leg *up = o->up;
	if (up && up->state == LEG_UP) {
		next = o->duration ? up->answered_at + o->duration : RELOAD_NEVER;
		bool played = !o->duration && media_played(up->media);
		if (now >= next || played) {
			leg_hang_up(up, "caller");
			next = RELOAD_NEVER;
		} else {
			reload_ms held = hold(o, now);
			next = held < next ? held : next;
		}
	}
	if (!up && o->ring && o->rings && !o->rang_out) {
		next = o->rings + o->ring;
		if (now >= next) {
			o->rang_out = true;
			next = RELOAD_NEVER;
			for (size_t i = 0; i < o->count; i++)
				if (o->attempts[i].leg)
					leg_hang_up(o->attempts[i].leg, "time");
		}
	}
	return next;
}

static reload_ms on_pass(struct phone *p, reload_ms now)
{
	struct outgoing *o = of(p);
	reap(o);
	reload_ms next = limits(o, now), turn = outgoing_turns(o, now);
	size_t at_once = o->number ? 1 : RELOAD_SIP_ATTEMPTS;
	next = turn < next ? turn : next;
	bool more =
		!o->up && !o->finished && !o->rang_out && !p->stopping && o->sip_status / 100 != 6;
	for (size_t i = 0; more && i < o->count && running(o) < at_once; i++)
		if (o->attempts[i].state == OUTGOING_WAITING && !start(o, &o->attempts[i]))
			return now;
	if (o->resolving || p->count)
		return next;
	if (o->again != RELOAD_NEVER && now < o->again)
		return o->again < next ? o->again : next;
	if (o->again != RELOAD_NEVER && !p->stopping)
		outgoing_resolve(o);
	else if (!running(o) || o->finished || p->stopping || o->rang_out)
		conclude(o, now);
	return o->again < next ? o->again : next;
}

static void on_stopped(struct phone *p)
{
	struct outgoing *o = of(p);
	for (size_t i = 0; i < p->count; i++) {
		if (p->legs[i]->state == LEG_IDLE)
			p->legs[i]->cut = true; /* of a lone request */
		leg_hang_up(p->legs[i], "caller");
	}
	o->finished |= o->up != NULL;
}

/* h holds the call, and resumes it. */
static void on_key(struct phone *p, char key)
{
	struct outgoing *o = of(p);
	if (key == 'h' && o->up)
		leg_hold(o->up, !o->up->on_hold);
}

static const struct phone_ops ops = {
	.key = on_key,
	.connected = on_connected,
	.replied = on_replied,
	.pass = on_pass,
	.stopped = on_stopped,
};

int outgoing_run(struct outgoing *o, struct cli *cli)
{
	struct reload_error_text why;
	enum reload_err err = phone_open(&o->phone, cli, &ops, &why);
	int status;
	o->phone.owner = o;
	if (err) {
		status = cli_fail(cli, err, &why);
	} else {
		o->begun = cli_monotonic();
		o->again = 0;
		status = phone_run(&o->phone);
		if (o->failed)
			status = o->status;
		else if (!status) {
			outgoing_forget_mailbox(o);
			status = outgoing_report(o);
		}
	}
	phone_close(&o->phone);
	json_decref(o->resolved);
	json_decref(o->shown);
	free(o->next_aor);
	free(o->redirected);
	return status;
}
