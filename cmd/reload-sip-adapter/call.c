#include "reload-sip-adapter/call.h"

#include "reload-sip-adapter/adapter.h"
#include "reload-sip-adapter/relay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int cmp(const struct call *a, const struct call *b)
{
	int c = strcmp(a->key, b->key);
	return c ? c : strcmp(a->side, b->side);
}

RELOAD_TREE(call_tree, call, entry, cmp)

void calls_init(struct calls *calls, struct adapter *adapter)
{
	*calls = (struct calls){ .adapter = adapter };
	TAILQ_INIT(&calls->by_use);
	TAILQ_INIT(&calls->over);
}

/* Where a dialog is listed. */
static struct calls_list *list_of(struct call *call)
{
	return call->state == CALL_OVER ? &call->all->over : &call->all->by_use;
}

/* A connection with a device or another node is kept as long as a dialog needs it; strangers, whose dialogs may be many, are connected to anew. */
static void hold(struct calls *calls, struct call_end *end, bool holds)
{
	struct connection *c = transport_find(&calls->adapter->transport, end->hop.connection);
	if (c && !end->outside && holds && !end->holds)
		c->uses++;
	else if (c && !holds && end->holds)
		c->uses--;
	end->holds = c && !end->outside && holds;
}

static void end_clear(struct calls *calls, struct call_end *end)
{
	hold(calls, end, false);
	free(end->tag);
	free(end->contact);
	free(end->routes);
	free(end->foreign);
	free(end->node);
}

void call_forget(struct call *call)
{
	struct calls *calls = call->all;
	reload_timer_cancel(reload_poll_timers(calls->adapter->poll), &call->timer);
	if (!call->replaced)
		RB_REMOVE(call_tree, &calls->tree, call);
	TAILQ_REMOVE(list_of(call), call, used_entry);
	calls->count--;
	calls->foreign -= call->foreign;
	end_clear(calls, &call->caller);
	while (call->callees_count)
		end_clear(calls, &call->callees[--call->callees_count]);
	relay_free(call->relay);
	free(call->key);
	free(call->side);
	free(call->from);
	free(call->to);
	free(call);
}

void calls_clear(struct calls *calls)
{
	while (!TAILQ_EMPTY(&calls->by_use))
		call_forget(TAILQ_FIRST(&calls->by_use));
	while (!TAILQ_EMPTY(&calls->over))
		call_forget(TAILQ_FIRST(&calls->over));
}

/* -- time ---------------------------------------------------------------------------------------------------------------------- */

static void on_time(void *arg);

static void again_after(struct call *call, reload_ms ms)
{
	reload_timer_arm(reload_poll_timers(call->all->adapter->poll), &call->timer,
		reload_poll_now() + ms, on_time, call);
}

static void on_time(void *arg)
{
	struct call *call = arg;
	reload_ms quiet = reload_poll_now() - call->used;
	bool up = call->state == CALL_UP;
	if (call->forks)
		again_after(call, CALL_OVER_MS);
	else if (up && quiet < CALL_QUIET_END_MS)
		again_after(call, CALL_QUIET_END_MS - quiet);
	else if (up)
		call_over(call, "limit", 0);
	else
		call_forget(call);
}

void call_use(struct call *call)
{
	call->used = reload_poll_now();
	TAILQ_REMOVE(list_of(call), call, used_entry);
	TAILQ_INSERT_TAIL(list_of(call), call, used_entry);
}

/*
 * Whether there is room for one more, when one that is over goes, else the one that was quiet the longest.  Those that are over come first: callers of other
 * domains make as many as they like, and the calls of others, which are quiet while people talk, would end.
 */
static bool make_room(struct calls *calls)
{
	struct call *oldest = TAILQ_FIRST(&calls->by_use), *over;
	if (calls->count < CALLS_MAX)
		return true;
	TAILQ_FOREACH (over, &calls->over, used_entry)
		if (!over->forks) {
			call_forget(over);
			return true;
		}
	if (!oldest || oldest->forks || reload_poll_now() < oldest->used + CALLS_QUIET_MS)
		return false;
	call_over(oldest, "limit", 0);
	call_forget(oldest);
	return true;
}

/* -- dialogs --------------------------------------------------------------------------------------------------------------------- */

static char *key_of(const struct message *m, const char *tag)
{
	struct wr w;
	wr_init(&w);
	wr_format(&w, "%s\n%s", m->sip->sip_call_id->i_id, tag ? tag : "");
	wr_u8(&w, 0);
	return (char *)w.at;
}

/* A caller tries again with what was refused changed, as after 422 or 488; requests of before may not have come to their end. */
static bool is_another(const struct call *before, const struct message *request)
{
	return !before->forks || request->sip->sip_cseq->cs_seq > before->cseq;
}

static void replace(struct call *before)
{
	if (!before->forks) {
		call_forget(before);
		return;
	}
	RB_REMOVE(call_tree, &before->all->tree, before);
	before->replaced = true;
}

struct call *call_new(struct calls *calls, const struct message *request,
	const struct overlay_end *node, bool foreign, const char *from, const char *to)
{
	char *key = key_of(request, request->sip->sip_from->a_tag);
	const char *side = node ? node->served->user : "";
	struct call like = { .key = key, .side = (char *)side };
	struct call *before = RB_FIND(call_tree, &calls->tree, &like);
	if (before && before->state == CALL_OVER && is_another(before, request)) {
		replace(before);
		before = NULL;
	}
	if (before || (foreign && calls->foreign >= CALLS_FOREIGN_MAX) || !make_room(calls)) {
		free(key);
		return NULL; /* the same call by another way, merged (RFC 3261 s8.2.2.2), or no room */
	}
	struct call *call = RELOAD_NEW(call);
	call->all = calls;
	call->key = key;
	call->cseq = request->sip->sip_cseq->cs_seq;
	call->side = reload_strdup(side);
	call->is_call = message_is(request, "INVITE");
	call->foreign = foreign;
	calls->foreign += foreign;
	call->from = reload_strdup(from);
	call->to = reload_strdup(to);
	call->begun = call->used = reload_poll_now();
	RB_INSERT(call_tree, &calls->tree, call);
	TAILQ_INSERT_TAIL(&calls->by_use, call, used_entry);
	calls->count++;
	again_after(call, CALL_EARLY_MS);
	return call;
}

static struct call_end *with_tag(struct call *call, const char *tag)
{
	for (size_t i = 0; tag && i < call->callees_count; i++)
		if (!strcmp(call->callees[i].tag, tag))
			return &call->callees[i];
	return NULL;
}

/* Whether the end is who sends over that connection; node NULL: a device. */
static bool is_from(const struct call_end *end, const struct overlay_end *node)
{
	if (!end || !end->node != !node)
		return false;
	return !node || (end->served == node->served && !strcmp(end->node, node->node));
}

/* A dialog that has been found, with its ends. */
struct found {
	struct call *call;
	struct call_end *sender, *receiver;
};

/*
 * Looks at the dialogs with that tag of their caller, of which there are several when the call goes through here twice; true: it is that of who has sent
 * the request, else the first one is taken.
 */
static bool look(struct found *out, struct calls *calls, const struct message *request,
	const struct overlay_end *node, bool by_caller)
{
	const sip_t *sip = request->sip;
	const char *from = sip->sip_from->a_tag, *to = sip->sip_to->a_tag;
	char *key = key_of(request, by_caller ? from : to);
	struct call like = { .key = key, .side = (char *)"" };
	struct call *call = RB_NFIND(call_tree, &calls->tree, &like);
	bool right = false;
	for (; !right && call && !strcmp(call->key, key); call = RB_NEXT(call_tree, , call)) {
		struct call_end *callee = with_tag(call, by_caller ? to : from);
		struct found f = { call, by_caller ? &call->caller : callee,
			by_caller ? callee : &call->caller };
		right = is_from(f.sender, node);
		if (right || !out->call)
			*out = f;
	}
	free(key);
	return right;
}

struct call *call_find(struct calls *calls, const struct message *request,
	const struct overlay_end *node, struct call_end **sender, struct call_end **receiver)
{
	struct found f = { 0 };
	if (!look(&f, calls, request, node, true) && request->sip->sip_to->a_tag)
		(void)look(&f, calls, request, node, false);
	*sender = f.sender;
	*receiver = f.receiver;
	return f.call;
}

static void set(char **to, const char *text)
{
	char *copy = text ? reload_strdup(text) : NULL;
	free(*to);
	*to = copy;
}

void call_end_contact(struct call_end *end, const struct message *m)
{
	const sip_contact_t *c = m->sip->sip_contact;
	char uri[MESSAGE_URI];
	if (c && message_uri(uri, c->m_url))
		set(&end->contact, uri);
}

void call_end_way(struct calls *calls, struct call_end *end, const struct reload_sip_hop *hop,
	struct served *served, const char *node, bool sips)
{
	hold(calls, end, false);
	end->hop = *hop;
	hold(calls, end, true);
	end->served = served;
	end->sips = sips;
	set(&end->node, node);
}

struct seen {
	const struct adapter *a;
	const struct message *m;
};

static bool is_own(const void *arg, const url_t *url)
{
	const struct seen *s = arg;
	return adapter_is_own(s->a, url, &s->m->from);
}

static void set_routes(struct call *call, struct call_end *end, const struct message *m)
{
	free(end->routes);
	end->routes = message_routes(m, is_own, &(struct seen){ call->all->adapter, m });
}

void call_caller(struct call *call, const struct message *request, struct served *served,
	const struct overlay_end *node)
{
	const char *tag = request->sip->sip_from->a_tag;
	set(&call->caller.tag, tag ? tag : "");
	call_end_way(call->all, &call->caller, &request->from, served, node ? node->node : NULL,
		node && node->sips);
	call_end_contact(&call->caller, request);
	if (!node)
		set_routes(call, &call->caller, request);
}

struct call_end *call_callee(struct call *call, const struct message *response)
{
	const char *tag = response->sip->sip_to->a_tag;
	struct call_end *end = with_tag(call, tag ? tag : "");
	if (!end && call->callees_count == CALL_CALLEES_MAX)
		return NULL;
	if (!end) {
		end = &call->callees[call->callees_count++];
		set(&end->tag, tag ? tag : "");
	}
	call_end_contact(end, response);
	if (response->from.transport != RELOAD_SIP_OVERLAY)
		set_routes(call, end, response);
	return end;
}

/* -- states ----------------------------------------------------------------------------------------------------------------------- */

static json_t *event(const struct call *call, const char *type)
{
	const char *end = strchr(call->key, '\n');
	return json_pack("{s:s, s:o, s:s, s:s}", "type", type, "call_id",
		json_stringn_nocheck(call->key, (size_t)(end - call->key)), "from", call->from,
		"to", call->to);
}

void call_up(struct call *call)
{
	if (call->state != CALL_EARLY)
		return;
	call->state = CALL_UP;
	call->answered = reload_poll_now();
	again_after(call, CALL_QUIET_END_MS);
	if (!call->is_call)
		return;
	call->all->adapter->counts.answered++;
	json_t *e = event(call, "answered");
	json_object_set_new(
		e, "setup_ms", json_integer((json_int_t)(call->answered - call->begun)));
	adapter_event(call->all->adapter, e);
}

void call_over(struct call *call, const char *by, int status)
{
	bool was_up = call->state == CALL_UP;
	if (call->state == CALL_OVER)
		return;
	TAILQ_REMOVE(list_of(call), call, used_entry);
	call->state = CALL_OVER;
	TAILQ_INSERT_TAIL(list_of(call), call, used_entry);
	again_after(call, CALL_OVER_MS);
	hold(call->all, &call->caller, false);
	for (size_t i = 0; i < call->callees_count; i++)
		hold(call->all, &call->callees[i], false);
	if (!call->is_call)
		return;
	json_t *e = event(call, was_up ? "ended" : "failed");
	if (was_up) {
		json_object_set_new(
			e, "media", call->relay ? relay_json(call->relay) : json_null());
		json_object_set_new(e, "duration_s",
			json_real((double)(reload_poll_now() - call->answered) / RELOAD_SECOND));
		json_object_set_new(e, "ended_by", json_string(by));
	} else {
		json_object_set_new(e, "sip_status", json_integer(status));
		call->all->adapter->counts.refused++;
	}
	adapter_event(call->all->adapter, e);
	relay_free(call->relay);
	call->relay = NULL;
}
