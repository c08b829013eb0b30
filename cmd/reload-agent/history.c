/*
 * Two rings.  `recent` has the newest events that can explain a failure; `records` one entry for each request, which takes over those of the recent ones that
 * concern it when it ends.  A request that waits has an `open` record, which its call on the control socket owns.
 *
 * Records come from three places: requests of the control socket, joins that the agent begins by itself, and requests of the engine (an Update, an
 * Attach) that failed.  The last sort is of interest by its transaction alone.
 */
#include "history_internal.h"

#include "agent.h"
#include "common/json.h"
#include "common/output.h"
#include "control/cause.h"
#include "link/poll_io.h"
#include "log.h"
#include "rpc_request.h"

#include <stdlib.h>
#include <string.h>

struct agent_history *agent_history_new(const struct agent *agent)
{
	struct agent_history *h = RELOAD_NEW(agent_history);
	h->agent = agent;
	TAILQ_INIT(&h->open);
	return h;
}

static void record_clear(struct record *r)
{
	for (size_t i = 0; i < r->events_count; i++)
		free(r->events[i].text);
	free(r->events);
	free(r->target);
	free(r->why);
	*r = (struct record){ 0 };
}

void agent_history_free(struct agent_history *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < HISTORY_MAX; i++)
		record_clear(&h->records[i]);
	for (size_t i = 0; i < RECENT_MAX; i++)
		free(h->recent[i].text);
	free(h);
}

static char *copy_text(const char *text, size_t max)
{
	char *copy = text && *text ? reload_strdup(text) : NULL;
	if (copy && strlen(copy) > max)
		copy[max] = 0;
	return copy;
}

/* -- what happens meanwhile ----------------------------------------------------------------------------------------------- */

static bool explains(enum reload_event_type type)
{
	switch (type) {
	case RELOAD_EV_STATE:
	case RELOAD_EV_LINK_UP:
	case RELOAD_EV_LINK_DOWN:
	case RELOAD_EV_LINK_REFUSED:
	case RELOAD_EV_LINK_UNRESPONSIVE:
	case RELOAD_EV_LINK_LIMIT:
	case RELOAD_EV_ICE_PAIR_FAILED:
	case RELOAD_EV_NEIGHBOUR_LOST:
	case RELOAD_EV_PEER_LEFT:
	case RELOAD_EV_ISOLATED:
	case RELOAD_EV_APP_REFUSED:
	case RELOAD_EV_APP_FAILED:
	case RELOAD_EV_ATTACH_FAILED:
	case RELOAD_EV_JOIN_FAILED:
	case RELOAD_EV_BAD_SIGNATURE:
	case RELOAD_EV_ERROR_RECEIVED:
	case RELOAD_EV_REQUEST_TIMEOUT:
	case RELOAD_EV_REQUEST_REPEATED:
	case RELOAD_EV_STORE_FAILED:
	case RELOAD_EV_ROLLBACK:
	case RELOAD_EV_CONFIG_REFUSED:
	case RELOAD_EV_CONFIG_UNMET:
	case RELOAD_EV_CONFIG_MISMATCH:
	case RELOAD_EV_CERTIFICATE_ENDED:
	case RELOAD_EV_USER_NAME_CONFLICT:
	case RELOAD_EV_NODE_ID_TAKEN:
		return true;
	default:
		return false;
	}
}

static void recent_add(struct agent_history *h, const struct reload_event *ev, const char *text)
{
	const struct happened *last = &h->recent[(h->recent_next + RECENT_MAX - 1) % RECENT_MAX];
	if (ev->type == RELOAD_EV_LINK_DOWN && !text && last->type == ev->type &&
		last->link == ev->link && last->at == reload_poll_now())
		return; /* agent_history_link() has said more of it */
	struct happened *e = &h->recent[h->recent_next++ % RECENT_MAX];
	free(e->text);
	*e = (struct happened){ .at = reload_poll_now(),
		.type = ev->type,
		.err = ev->err,
		.code = ev->code,
		.link = ev->link,
		.transaction = ev->transaction,
		.text = copy_text(text, HISTORY_TEXT) };
	if (ev->node)
		e->node = *ev->node;
}

/* Requests of the engine have many steps that carry other transactions, or none. */
static bool has_steps(const struct record *r)
{
	static const char *const methods[] = { "overlay.join", "overlay.leave", "overlay.path",
		"app.", "service.", "sip." };
	for (size_t i = 0; i < COUNT_OF(methods); i++)
		if (!strncmp(r->method, methods[i], strlen(methods[i])))
			return true;
	return false;
}

static bool concerns(const struct happened *e, const struct record *r)
{
	if (e->at < r->since || e->at > r->since + r->took)
		return false;
	return e->transaction ? e->transaction == r->transaction || has_steps(r) : true;
}

/* The events of the ring that concern r, oldest first; returns the types that there were. */
static uint64_t events_take(const struct agent_history *h, struct record *r)
{
	uint64_t seen = 0;
	size_t first = h->recent_next > RECENT_MAX ? h->recent_next - RECENT_MAX : 0, count = 0;
	for (size_t i = first; i < h->recent_next; i++)
		if (concerns(&h->recent[i % RECENT_MAX], r)) {
			seen |= 1ull << h->recent[i % RECENT_MAX].type;
			count++;
		}
	size_t skip = count > HISTORY_EVENTS ? count - HISTORY_EVENTS : 0;
	if (count > skip)
		r->events = reload_alloc_array(count - skip, sizeof(*r->events));
	for (size_t i = first; i < h->recent_next; i++) {
		const struct happened *e = &h->recent[i % RECENT_MAX];
		if (!concerns(e, r) || (skip && skip--))
			continue;
		struct happened *copy = &r->events[r->events_count++];
		*copy = *e;
		copy->text = copy_text(e->text, HISTORY_TEXT);
	}
	return seen;
}

/* -- records ------------------------------------------------------------------------------------------------------------- */

/* The engine reports a failure right before its request ends, so that only the newest records can be of the same one. */
static struct record *by_transaction(struct agent_history *h, uint64_t transaction)
{
	for (size_t i = 1; transaction && i <= NEAR_MAX && i <= h->next; i++) {
		struct record *r = &h->records[(h->next - i) % HISTORY_MAX];
		if (r->number && r->transaction == transaction)
			return r;
	}
	return NULL;
}

/* Finds the cause and moves r into the ring, in the place of what the engine said of the same transaction. */
static void record_end(struct agent_history *h, struct record *r)
{
	r->took = reload_poll_now() - r->since;
	struct reload_cause_facts facts = { .method = r->method,
		.err = r->err,
		.reason = r->why ? r->why->reason : "",
		.seen = events_take(h, r),
		.sip_status = r->sip_status };
	r->cause = reload_cause_find(&facts);
	if (r->origin != ORIGIN_ENGINE)
		h->counts.causes[r->cause]++;
	r->number = ++h->number;
	struct record *place = by_transaction(h, r->transaction);
	if (!place)
		place = &h->records[h->next++ % HISTORY_MAX];
	record_clear(place);
	*place = *r;
	*r = (struct record){ 0 };
}

static const char *const recorded[] = { "overlay.join", "overlay.ping", "overlay.path",
	"overlay.probe", "store.put", "store.fetch", "store.stat", "store.find", "service.",
	"app.attach", "sip.register", "sip.unregister", "sip.resolve" };

static const char *target_of(const json_t *params)
{
	static const char *const names[] = { "target", "aor", "service" };
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		const char *text = json_string_value(json_object_get(params, names[i]));
		if (text)
			return text;
	}
	return json_string_value(json_array_get(json_object_get(params, "bootstrap"), 0));
}

void *agent_history_begun(void *arg, const struct reload_method *method, const json_t *params)
{
	struct agent *agent = arg;
	bool kept = false;
	for (size_t i = 0; i < COUNT_OF(recorded); i++)
		kept |= !strncmp(method->name, recorded[i], strlen(recorded[i]));
	if (!kept)
		return NULL;
	struct open_record *open = RELOAD_NEW(open_record);
	open->method = (size_t)(method - reload_methods);
	open->r = (struct record){ .since = reload_poll_now(), .began = cli_now(), .times = 1 };
	snprintf(open->r.method, sizeof(open->r.method), "%s", method->name);
	open->r.target = copy_text(target_of(params), TARGET_MAX);
	TAILQ_INSERT_TAIL(&agent->history->open, open, entry);
	agent->history->joins += !strcmp(method->name, "overlay.join");
	return open;
}

/* Ends of buckets, in ms: from a value that is stored here to the longest limits. */
static const reload_ms bucket_ends[HISTORY_BUCKETS - 1] = { 1, 2, 5, 10, 25, 50, 100, 500, 1000,
	5000, 15000 };

static void time_count(struct agent_history_times *t, reload_ms took)
{
	size_t b = 0;
	while (b < HISTORY_BUCKETS - 1 && took > bucket_ends[b])
		b++;
	t->buckets[b]++;
	t->count++;
	t->sum_ms += took;
}

const struct agent_history_counts *agent_history_counts(const struct agent_history *h)
{
	return &h->counts;
}

double agent_history_bucket_s(size_t bucket)
{
	return (double)bucket_ends[bucket] / RELOAD_SECOND;
}

static uint64_t transaction_of(const json_t *result)
{
	const char *text = json_string_value(json_object_get(result, "transaction"));
	return text ? strtoull(text, NULL, 16) : 0;
}

void agent_history_ended(
	void *arg, void *record, const json_t *result, const struct reload_failure *failure)
{
	struct agent_history *h = ((struct agent *)arg)->history;
	struct open_record *open = record;
	struct record *r = &open->r;
	TAILQ_REMOVE(&h->open, open, entry);
	h->joins -= !strcmp(r->method, "overlay.join");
	if (failure) {
		r->err = failure->err ? failure->err : RELOAD_FAILED;
		r->overlay_code = failure->overlay_code;
		r->transaction = failure->transaction;
		r->responder = failure->responder;
		r->hops = failure->hops;
		r->transmissions = failure->transmissions;
		r->why = reload_alloc(sizeof(*r->why));
		*r->why = failure->why;
	} else if (result) {
		const char *id = json_string_value(json_object_get(result, "node_id"));
		id = id ? id : json_string_value(json_object_get(result, "responsible"));
		if (id)
			(void)!reload_id_from_hex(&r->responder, id);
		r->transaction = transaction_of(result);
		r->hops = (unsigned)json_integer_value(json_object_get(result, "hops"));
		r->transmissions =
			(unsigned)json_integer_value(json_object_get(result, "transmissions"));
	} else {
		r->err = RELOAD_CANCELLED;
	}
	time_count(&h->counts.methods[open->method], reload_poll_now() - r->since);
	record_end(h, r);
	free(open);
}

char *agent_history_sip_advice(char out[256], enum reload_cause cause, const char *aor)
{
	enum {
		SIZE = 256
	};
	const char *text = reload_cause_advice(cause), *name = strstr(text, "AOR");
	if (name) /* it may be where another node has sent the call, and is typed again */
		snprintf(out, SIZE, "%.*s%s%s", (int)(name - text), text, agent_operand_of(aor),
			name + strlen("AOR"));
	else
		snprintf(out, SIZE, "%s", text);
	return out;
}

enum reload_cause agent_history_sip(struct agent_history *h, const struct agent_history_sip *sip)
{
	reload_ms now = reload_poll_now(), took = sip->took < now ? sip->took : now;
	struct record r = { .origin = ORIGIN_USER,
		.since = now - took,
		.began = cli_now() - took,
		.times = 1,
		.sip_status = sip->status,
		.err = sip->status    ? RELOAD_CALL_REJECTED
		       : sip->failure ? sip->failure
				      : RELOAD_TIMEOUT };
	char what[256], advice[256];
	snprintf(r.method, sizeof(r.method), "%s",
		sip->failure && !sip->status ? "app.attach" : "sip.request");
	r.target = copy_text(sip->aor, TARGET_MAX);
	r.why = RELOAD_NEW(reload_error_text);
	snprintf(what, sizeof(what), "no %s with %.200s", sip->request, sip->aor);
	if (sip->status)
		reload_error_explain(r.why, r.err, what, "%s was answered %u %.160s", sip->request,
			sip->status, sip->phrase);
	else if (sip->failure)
		reload_error_explain(r.why, r.err, what, "%.200s", sip->phrase);
	else
		reload_error_explain(r.why, r.err, what, "%s was not answered", sip->request);
	struct reload_cause_facts facts = { .method = r.method,
		.err = r.err,
		.reason = r.why->reason,
		.sip_status = r.sip_status };
	enum reload_cause cause = reload_cause_find(&facts);
	reload_error_advise(r.why, "%s", agent_history_sip_advice(advice, cause, sip->aor));
	record_end(h, &r);
	return cause;
}

static struct record *newest(struct agent_history *h)
{
	struct record *r = h->next ? &h->records[(h->next - 1) % HISTORY_MAX] : NULL;
	return r && r->number ? r : NULL;
}

/* A join that the agent began by itself has failed; it is repeated until it succeeds, which is one record. */
static void own_join_failed(struct agent_history *h, const struct reload_event *ev)
{
	const struct agent *agent = h->agent;
	struct record *last = newest(h), r = {
		.origin = ORIGIN_AGENT, .since = reload_poll_now(), .began = cli_now()
	};
	if (last && last->origin == ORIGIN_AGENT && last->err == ev->err) {
		r.since = last->since;
		r.began = last->began;
		r.times = last->times;
		h->next--; /* it takes the place of the one before */
		record_clear(last);
	} else {
		r.since -= r.since < RELOAD_SECOND ? r.since : RELOAD_SECOND;
	}
	r.times++;
	r.err = ev->err;
	snprintf(r.method, sizeof(r.method), "overlay.join");
	const char *text = agent->refused[0] ? agent->refused : agent->tried;
	r.why = reload_alloc(sizeof(*r.why));
	*r.why = (struct reload_error_text){ 0 };
	reload_error_explain(r.why, ev->err, "the agent did not join", "%s%s%s",
		reload_err_text(ev->err), *text ? ": " : "", text);
	reload_error_advise(r.why,
		"start a bootstrap node, or name one: reload-join -a %s --bootstrap ADDR:PORT",
		agent->instance);
	record_end(h, &r);
}

static void engine_failed(struct agent_history *h, const struct reload_event *ev)
{
	struct record r = { .origin = ORIGIN_ENGINE,
		.since = reload_poll_now(),
		.began = cli_now(),
		.times = 1,
		.transaction = ev->transaction,
		.err = ev->err ? ev->err : RELOAD_TIMEOUT };
	if (by_transaction(h, ev->transaction))
		return;
	const char *name = reload_code_name(ev->code);
	snprintf(r.method, sizeof(r.method), "%s", name ? name : "request");
	if (ev->node)
		r.responder = *ev->node;
	r.why = reload_alloc(sizeof(*r.why));
	*r.why = (struct reload_error_text){ 0 };
	reload_error_explain(r.why, r.err, "a request of the node itself failed", "%s%s%s",
		reload_err_text(r.err), ev->reason ? ": " : "", ev->reason ? ev->reason : "");
	reload_error_advise(r.why, "reload-diag tables -a %s", h->agent->instance);
	record_end(h, &r);
}

static void conflict_add(struct agent_history *h, const struct reload_event *ev)
{
	struct conflict *c = &h->conflicts[h->conflicts_next++ % HISTORY_CONFLICTS];
	*c = (struct conflict){ .at = cli_now(),
		.resource = *ev->resource,
		.node = *ev->node,
		.kind = ev->kind,
		.count = ev->count,
		.reason = ev->reason };
}

json_t *agent_conflicts_json(const struct agent_history *h)
{
	json_t *list = json_array();
	for (size_t i = 1; i <= HISTORY_CONFLICTS && i <= h->conflicts_next; i++) {
		const struct conflict *c =
			&h->conflicts[(h->conflicts_next - i) % HISTORY_CONFLICTS];
		json_array_append_new(list,
			json_pack("{s:o, s:o, s:I, s:o, s:I, s:s}", "time", cli_json_time(c->at),
				"resource_id", json_of_id(&c->resource), "kind_id",
				(json_int_t)c->kind, "node_id", json_of_id(&c->node), "values",
				(json_int_t)c->count, "text", c->reason));
	}
	return list;
}

void agent_history_event(struct agent_history *h, const struct reload_event *event)
{
	if (h && event->type == RELOAD_EV_VALUE_CONFLICT)
		conflict_add(h, event);
	if (!h || !explains(event->type))
		return;
	recent_add(h, event, event->reason);
	if (event->type == RELOAD_EV_JOIN_FAILED && !h->joins)
		own_join_failed(h, event);
	if (event->transaction && (event->type == RELOAD_EV_REQUEST_TIMEOUT ||
					  event->type == RELOAD_EV_ERROR_RECEIVED))
		engine_failed(h, event);
}

void agent_history_link(
	struct agent_history *h, uint32_t link, enum reload_err err, const char *text)
{
	if (h)
		recent_add(h,
			&(struct reload_event){ .type = RELOAD_EV_LINK_DOWN,
				.link = link & 0x7fffffff,
				.err = err },
			text);
}
