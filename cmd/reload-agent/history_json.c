/* The history as JSON: results of agent.history and agent.why. */
#include "history_internal.h"

#include "common/json.h"
#include "common/output.h"
#include "peer/peer.h"
#include "util/plain.h"
#include "wire/error.h"
#include "wire/message.h"

#include <stdlib.h>

static json_t *plain(const char *text)
{
	char out[sizeof(((struct reload_error_text *)0)->reason)];
	return text && *text ? json_of_text(reload_plain(out, sizeof(out), text)) : json_null();
}

static json_t *event_json(const struct record *r, const struct happened *e)
{
	bool state = e->type == RELOAD_EV_STATE;
	const char *name = state     ? reload_state_name((enum reload_state)e->code)
			   : e->code ? reload_code_name(e->code)
				     : NULL;
	json_t *o = json_object();
	json_object_set_new(o, "ms", json_integer((json_int_t)(e->at - r->since)));
	json_object_set_new(o, "type", json_string(reload_event_name(e->type)));
	json_object_set_new(o, "what", json_string(reload_event_text(e->type)));
	json_object_set_new(o, "state", json_of_text(state ? name : NULL));
	json_object_set_new(o, "message", json_of_text(state ? NULL : name));
	json_object_set_new(o, "node_id", state ? json_null() : json_of_id(&e->node));
	json_object_set_new(o, "link", e->link ? json_integer(e->link) : json_null());
	json_object_set_new(o, "transaction",
		e->transaction ? json_of_transaction(e->transaction) : json_null());
	json_object_set_new(o, "error", json_of_text(e->err ? reload_err_name(e->err) : NULL));
	json_object_set_new(o, "why", plain(e->text));
	return o;
}

static json_t *row_json(const struct record *r)
{
	static const char *const origins[] = { "user", "agent", "engine" };
	json_t *o = json_object();
	json_object_set_new(o, "transaction",
		r->transaction ? json_of_transaction(r->transaction) : json_null());
	json_object_set_new(o, "method", json_string(r->method));
	json_object_set_new(o, "origin", json_string(origins[r->origin]));
	json_object_set_new(o, "target", plain(r->target));
	json_object_set_new(o, "began", cli_json_time(r->began));
	json_object_set_new(o, "took_ms", json_integer((json_int_t)r->took));
	json_object_set_new(o, "ok", json_boolean(!r->err));
	json_object_set_new(o, "cause", json_string(reload_cause_name(r->cause)));
	json_object_set_new(o, "cause_text", json_string(reload_cause_text(r->cause)));
	return o;
}

static json_t *full_json(const struct record *r)
{
	const char *code = r->overlay_code ? reload_error_code_name(r->overlay_code) : NULL;
	const char *advice = r->why ? r->why->advice : "";
	json_t *o = row_json(r), *list = json_array();
	for (size_t i = 0; i < r->events_count; i++)
		json_array_append_new(list, event_json(r, &r->events[i]));
	json_object_set_new(o, "error", json_of_text(r->err ? reload_err_name(r->err) : NULL));
	json_object_set_new(o, "reload_error_name", json_of_text(code));
	json_object_set_new(o, "what", plain(r->why ? r->why->what : NULL));
	json_object_set_new(o, "why", plain(r->why ? r->why->reason : NULL));
	json_object_set_new(o, "try", plain(*advice ? advice : reload_cause_advice(r->cause)));
	json_object_set_new(o, "responder", json_of_id(&r->responder));
	json_object_set_new(o, "hops", json_integer(r->hops));
	json_object_set_new(o, "transmissions", json_integer(r->transmissions));
	json_object_set_new(o, "times", json_integer(r->times));
	json_object_set_new(o, "timeline", list);
	return o;
}

static int newer_first(const void *a, const void *b)
{
	const struct record *const *x = a, *const *y = b;
	return (*x)->number > (*y)->number ? -1 : (*x)->number < (*y)->number;
}

/* The records, newest first; returns their number. */
static size_t sorted(const struct agent_history *h, const struct record *out[HISTORY_MAX])
{
	size_t count = 0;
	for (size_t i = 0; i < HISTORY_MAX; i++)
		if (h->records[i].number)
			out[count++] = &h->records[i];
	qsort(out, count, sizeof(*out), newer_first);
	return count;
}

json_t *agent_history_list(const struct agent_history *h, size_t max, bool failed)
{
	const struct record *all[HISTORY_MAX];
	size_t count = sorted(h, all);
	json_t *list = json_array();
	for (size_t i = 0; i < count && json_array_size(list) < max; i++)
		if (!failed || all[i]->err)
			json_array_append_new(list, row_json(all[i]));
	return list;
}

static bool has_transaction(const struct record *r, uint64_t transaction)
{
	for (size_t i = 0; i < r->events_count; i++)
		if (r->events[i].transaction == transaction)
			return true;
	return r->transaction == transaction;
}

json_t *agent_history_one(const struct agent_history *h, uint64_t transaction)
{
	const struct record *all[HISTORY_MAX];
	size_t count = sorted(h, all);
	for (size_t i = 0; i < count; i++) {
		const struct record *r = all[i];
		if (transaction ? has_transaction(r, transaction)
				: r->origin != ORIGIN_ENGINE && r->err &&
					  r->err != RELOAD_CANCELLED)
			return full_json(r);
	}
	return NULL;
}
