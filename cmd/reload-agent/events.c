/* Events of the engine as lines and as JSON. */
#include "log.h"

#include "common/output.h"
#include "peer/peer.h"
#include "util/bytes.h"
#include "wire/message.h"

#include <inttypes.h>

/* The name of a message code, or of the state that a STATE event carries; NULL for none. */
static const char *code_name(const struct reload_event *ev)
{
	if (ev->type == RELOAD_EV_STATE)
		return reload_state_name((enum reload_state)ev->code);
	return ev->code ? reload_code_name(ev->code) : NULL;
}

static void append(struct wr *w, const char *key, const char *value)
{
	wr_u8(w, ' ');
	wr_bytes(w, key, strlen(key));
	wr_bytes(w, value, strlen(value));
}

static void append_id(struct wr *w, const char *key, const struct reload_id *id)
{
	char hex[RELOAD_ID_HEX];
	if (id && id->len)
		append(w, key, reload_id_hex(hex, id));
}

static void append_number(struct wr *w, const char *key, const char *format, uint64_t v)
{
	char text[24];
	snprintf(text, sizeof(text), format, v);
	if (v)
		append(w, key, text);
}

void agent_log_event(struct agent_log *log, const struct reload_event *ev)
{
	const char *part = reload_event_part(ev->type), *name = code_name(ev);
	enum reload_event_level level = reload_event_level(ev->type);
	if (!agent_log_wants(log, part, level))
		return;
	struct wr w;
	wr_init(&w);
	const char *words = reload_event_text(ev->type);
	wr_bytes(&w, words, strlen(words));
	if (name)
		append(&w, ev->type == RELOAD_EV_STATE ? "state=" : "code=", name);
	append_id(&w, "node=", ev->type == RELOAD_EV_STATE ? NULL : ev->node);
	append_id(&w, "resource=", ev->resource);
	append_number(&w, "kind=", "0x%" PRIx64, ev->kind);
	append_number(&w, "link=", "%" PRIu64, ev->link);
	append_number(&w, "transaction=", "%016" PRIx64, ev->transaction);
	append_number(&w, "count=", "%" PRIu64, ev->count);
	if (ev->err)
		append(&w, "error=", reload_err_name(ev->err));
	if (ev->reason) {
		append(&w, "reason=\"", ev->reason);
		wr_u8(&w, '"');
	}
	/* each state and each error counts as a cause of its own */
	unsigned detail = ev->type == RELOAD_EV_STATE ? ev->code : (unsigned)ev->err;
	agent_log_about(log, ev);
	agent_log_cause(log, part, level, words, detail, "%.*s", (int)w.len, (const char *)w.at);
	agent_log_about(log, NULL);
	wr_clear(&w);
}

static json_t *id_or_null(const struct reload_id *id)
{
	char hex[RELOAD_ID_HEX];
	return id && id->len ? json_string(reload_id_hex(hex, id)) : json_null();
}

static json_t *text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

json_t *agent_event_json(const struct reload_event *ev)
{
	char transaction[24], count[24];
	snprintf(transaction, sizeof(transaction), "%016" PRIx64, ev->transaction);
	snprintf(count, sizeof(count), "%" PRIu64, ev->count);
	bool state = ev->type == RELOAD_EV_STATE;
	json_t *o = json_object();
	json_object_set_new(o, "type", json_string(reload_event_name(ev->type)));
	json_object_set_new(o, "time", cli_json_time(cli_now()));
	json_object_set_new(
		o, "level", json_string(agent_level_name(reload_event_level(ev->type))));
	json_object_set_new(o, "part", json_string(reload_event_part(ev->type)));
	json_object_set_new(o, "what", json_string(reload_event_text(ev->type)));
	json_object_set_new(o, "state", text_or_null(state ? code_name(ev) : NULL));
	json_object_set_new(o, "message", text_or_null(state ? NULL : code_name(ev)));
	json_object_set_new(o, "node_id", id_or_null(ev->node));
	json_object_set_new(o, "resource_id", id_or_null(ev->resource));
	json_object_set_new(o, "kind_id", ev->kind ? json_integer(ev->kind) : json_null());
	json_object_set_new(o, "link", ev->link ? json_integer(ev->link) : json_null());
	json_object_set_new(o, "transaction", text_or_null(ev->transaction ? transaction : NULL));
	json_object_set_new(o, "count", json_string(count));
	json_object_set_new(o, "error", text_or_null(ev->err ? reload_err_name(ev->err) : NULL));
	json_object_set_new(o, "why", text_or_null(ev->reason));
	return o;
}
