/* JSON-RPC 2.0. */
#include "control/jsonrpc.h"

#include "control/json_write.h"

#include <assert.h>
#include <string.h>

enum {
	ID_MAX = 256 /* bytes of an id: it is repeated in every reply */
};

static enum reload_err bad(struct reload_error_text *why, const char *reason)
{
	return reload_error_explain(
		why, RELOAD_BAD_REQUEST, "not a JSON-RPC 2.0 request", "%s", reason);
}

static bool id_allowed(const json_t *id)
{
	return json_is_integer(id) || json_is_null(id) ||
	       (json_is_string(id) && json_string_length(id) <= ID_MAX);
}

enum reload_err reload_rpc_parse(
	struct reload_rpc_request *out, struct span line, struct reload_error_text *why)
{
	*out = (struct reload_rpc_request){ 0 };
	json_error_t e;
	out->root = json_loadb((const char *)line.at, line.len, JSON_REJECT_DUPLICATES, &e);
	if (!out->root)
		return reload_error_explain(
			why, RELOAD_BAD_JSON, "not a JSON text", "%.200s", e.text);
	if (!json_is_object(out->root))
		return bad(why, "one object a line, no lists");
	json_t *id = json_object_get(out->root, "id");
	if (id && !id_allowed(id))
		return bad(why, "id must be a short string, a whole number or null");
	out->id = id;
	const char *version = json_string_value(json_object_get(out->root, "jsonrpc"));
	if (!version || strcmp(version, "2.0") != 0)
		return bad(why, "\"jsonrpc\":\"2.0\" is missing");
	out->method = json_string_value(json_object_get(out->root, "method"));
	if (!out->method)
		return bad(why, "method must be a string");
	out->params = json_object_get(out->root, "params");
	if (json_is_null(out->params))
		out->params = NULL;
	if (out->params && !json_is_object(out->params))
		return bad(why, "params must be an object: parameters have names");
	return RELOAD_OK;
}

void reload_rpc_request_clear(struct reload_rpc_request *r)
{
	json_decref(r->root);
	*r = (struct reload_rpc_request){ 0 };
}

/* Takes the object. */
static void write_line(struct wr *w, json_t *object)
{
	reload_json_write(w, object);
	wr_u8(w, '\n');
	json_decref(object);
}

static void write_text(struct wr *w, const char *text)
{
	wr_bytes(w, text, strlen(text));
}

static json_t *answer_to(const json_t *id)
{
	json_t *o = json_object();
	json_object_set_new(o, "jsonrpc", json_string("2.0"));
	json_object_set_new(o, "id", id ? json_deep_copy(id) : json_null());
	return o;
}

void reload_rpc_write_result(struct wr *w, const json_t *id, json_t *result)
{
	/* the object round it is not built: every request has one */
	write_text(w, "{\"jsonrpc\":\"2.0\",\"id\":");
	if (id)
		reload_json_write(w, id);
	else
		write_text(w, "null");
	write_text(w, ",\"result\":");
	reload_json_write(w, result);
	write_text(w, "}\n");
}

void reload_rpc_write_error(struct wr *w, const json_t *id, const struct reload_failure *failure)
{
	json_t *o = answer_to(id), *error = json_object();
	json_object_set_new(error, "code", json_integer(reload_err_rpc(failure->err)));
	json_object_set_new(error, "message", json_string(reload_err_text(failure->err)));
	json_object_set_new(error, "data", reload_failure_json(failure));
	json_object_set_new(o, "error", error);
	write_line(w, o);
}

void reload_rpc_write_progress(struct wr *w, const json_t *id, json_t *object)
{
	json_t *o = json_object(), *params = json_object();
	json_object_set_new(o, "jsonrpc", json_string("2.0"));
	json_object_set_new(o, "method", json_string("progress"));
	json_object_set_new(params, "id", id ? json_deep_copy(id) : json_null());
	json_object_set(params, "object", object);
	json_object_set_new(o, "params", params);
	write_line(w, o);
}

void reload_rpc_write_request(struct wr *w, json_int_t id, const char *method, json_t *params)
{
	json_t *o = json_object();
	json_object_set_new(o, "jsonrpc", json_string("2.0"));
	json_object_set_new(o, "id", json_integer(id));
	json_object_set_new(o, "method", json_string(method));
	if (params)
		json_object_set(o, "params", params);
	write_line(w, o);
}

void reload_rpc_write_cancel(struct wr *w, json_int_t id)
{
	write_line(w, json_pack("{s:s, s:s, s:{s:I}}", "jsonrpc", "2.0", "method", "rpc.cancel",
			      "params", "id", id));
}
