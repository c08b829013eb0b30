/* The programs' side of the control protocol. */
#include "control/client.h"

#include <stdio.h>
#include <string.h>

enum {
	READ_CHUNK = 64 * 1024,
	REPLY_LINE_MAX = RELOAD_RPC_REPLY_MAX + 64 * 1024
};

struct reload_client {
	struct reload_client_io io;
	char *agent;
	struct wr in;
	size_t start, scanned; /* of in: begin of the next line; no line end before */
	json_int_t last_id;
	reload_progress_of_fn progress; /* NULL: none is wanted */
	void *progress_arg;
	bool broken,
		lost; /* lost: the connection ended before the agent had read the last request */
};

struct reload_client *reload_client_new(const struct reload_client_io *io)
{
	struct reload_client *c = RELOAD_NEW(reload_client);
	c->io = *io;
	c->agent = reload_strdup(io->agent);
	wr_init(&c->in);
	return c;
}

void reload_client_free(struct reload_client *c)
{
	if (!c)
		return;
	if (c->io.close)
		c->io.close(c->io.arg);
	wr_clear(&c->in);
	free(c->agent);
	free(c);
}

void reload_call_error_clear(struct reload_call_error *error)
{
	json_decref(error->data);
	*error = (struct reload_call_error){ 0 };
}

static enum reload_err failed_here(
	struct reload_client *c, struct reload_call_error *error, enum reload_err err)
{
	struct reload_error_text *why = &error->failure.why;
	c->broken = true;
	error->failure = (struct reload_failure){ .err = err };
	error->unread = err == RELOAD_NO_AGENT && c->lost;
	if (err == RELOAD_TIMEOUT) {
		reload_error_explain(
			why, err, "no answer in time", "the agent is connected but did not answer");
		reload_error_advise(
			why, "reload-agent status -a %s, or a longer --timeout", c->agent);
	} else if (err == RELOAD_NO_AGENT) {
		reload_error_explain(why, err, "the agent is gone", "it closed the control socket");
		reload_error_advise(why, "reload-agent status -a %s", c->agent);
	} else if (err == RELOAD_BAD_ANSWER) {
		reload_error_explain(why, err, "the answer cannot be read",
			"the control socket speaks something else than version 1 of the protocol");
		reload_error_advise(why,
			"reload-agent --version, and start the agent %s again with that release",
			c->agent);
	} else {
		reload_error_explain(why, err, reload_err_text(err), "the request was given up");
	}
	error->data = reload_failure_json(&error->failure);
	return err;
}

/* Drops what was consumed, so that the buffer stays as large as what is unread. */
static void compact(struct reload_client *c)
{
	if (!c->start)
		return;
	c->in.len -= c->start;
	if (c->in.len)
		memmove(c->in.at, c->in.at + c->start, c->in.len);
	c->scanned -= c->start;
	c->start = 0;
}

/* The next line, borrowed until the next call. */
static enum reload_err next_line(struct reload_client *c, struct span *line, reload_ms deadline)
{
	for (;;) {
		const uint8_t *from = c->in.len > c->scanned ? c->in.at + c->scanned : NULL;
		const uint8_t *end = from ? memchr(from, '\n', c->in.len - c->scanned) : NULL;
		if (end) {
			size_t stop = (size_t)(end - c->in.at);
			*line = span_of(c->in.at + c->start, stop - c->start);
			c->start = c->scanned = stop + 1;
			return RELOAD_OK;
		}
		c->scanned = c->in.len;
		compact(c);
		if (c->in.len > REPLY_LINE_MAX)
			return RELOAD_BAD_ANSWER;
		uint8_t chunk[READ_CHUNK];
		size_t len = 0;
		enum reload_err err =
			c->io.receive(c->io.arg, chunk, sizeof(chunk), &len, deadline);
		c->lost = err == RELOAD_NO_AGENT;
		if (err)
			return err;
		if (!len)
			return RELOAD_NO_AGENT;
		wr_bytes(&c->in, chunk, len);
	}
}

/* The reply to a request: its result, or the error that the agent answered. */
struct reply {
	json_int_t id;
	json_t *result, *error; /* borrowed from the line; both NULL: the line was something else */
};

static bool is_progress(json_t *line, json_int_t *id, json_t **object)
{
	const char *method = json_string_value(json_object_get(line, "method"));
	const json_t *params = json_object_get(line, "params");
	*object = json_object_get(params, "object");
	*id = json_integer_value(json_object_get(params, "id"));
	return method && strcmp(method, "progress") == 0 && *object;
}

/* Reads one line; when it is no reply, the caller reads on.  RELOAD_BAD_ANSWER for a reply of wrong form. */
static enum reload_err read_reply(struct reload_client *c, json_t *line, struct reply *out)
{
	json_t *id = json_object_get(line, "id"), *error = json_object_get(line, "error"),
	       *value = json_object_get(line, "result");
	*out = (struct reply){ .id = c->last_id };
	if (json_is_string(json_object_get(line, "method")))
		return RELOAD_OK;
	bool general = json_is_null(id) && error; /* refused before it was read */
	if (!general && !json_is_integer(id))
		return RELOAD_OK;
	if (!general)
		out->id = json_integer_value(id);
	if (!error && !json_is_object(value))
		return RELOAD_BAD_ANSWER;
	if (error && !json_is_object(error))
		return RELOAD_BAD_ANSWER;
	out->error = error;
	out->result = error ? NULL : value;
	return RELOAD_OK;
}

/* What the agent answered instead of a result. */
static enum reload_err take_error(struct reload_call_error *error, json_t *rpc_error)
{
	reload_failure_read(&error->failure, rpc_error);
	json_t *data = json_object_get(rpc_error, "data");
	error->data =
		json_is_object(data) ? json_incref(data) : reload_failure_json(&error->failure);
	return error->failure.err ? error->failure.err : RELOAD_FAILED;
}

/* Handles one line.  RELOAD_OK and *result set: it was the reply; RELOAD_OK alone: it was something else, read on. */
static enum reload_err on_line(struct reload_client *c, json_t *line, reload_progress_fn progress,
	void *arg, json_t **result, struct reload_call_error *error)
{
	struct reply r;
	json_t *object;
	json_int_t id;
	if (progress && is_progress(line, &id, &object) && id == c->last_id)
		return progress(arg, object) ? RELOAD_OK : failed_here(c, error, RELOAD_CANCELLED);
	if (read_reply(c, line, &r))
		return failed_here(c, error, RELOAD_BAD_ANSWER);
	if (r.id != c->last_id) /* the late answer of a call that ended before */
		return RELOAD_OK;
	if (r.error)
		return take_error(error, r.error);
	if (r.result)
		*result = json_incref(r.result);
	return RELOAD_OK;
}

static enum reload_err next_object(struct reload_client *c, json_t **root, reload_ms deadline)
{
	struct span line;
	enum reload_err err = next_line(c, &line, deadline);
	if (err)
		return err;
	*root = json_loadb((const char *)line.at, line.len, JSON_REJECT_DUPLICATES, NULL);
	return *root ? RELOAD_OK : RELOAD_BAD_ANSWER;
}

static enum reload_err send_request(
	struct reload_client *c, const char *method, json_t *params, reload_ms deadline)
{
	struct wr w;
	wr_init(&w);
	reload_rpc_write_request(&w, ++c->last_id, method, params);
	enum reload_err err = c->io.send(c->io.arg, wr_done(&w), deadline);
	c->lost = err == RELOAD_NO_AGENT;
	wr_clear(&w);
	return err;
}

enum reload_err reload_client_call(struct reload_client *c, const char *method, json_t *params,
	reload_ms deadline, reload_progress_fn progress, void *progress_arg, json_t **result,
	struct reload_call_error *error)
{
	*error = (struct reload_call_error){ 0 };
	enum reload_err err =
		c->broken ? RELOAD_NO_AGENT : send_request(c, method, params, deadline);
	json_decref(params);
	json_t *found = NULL;
	while (!err && !found) {
		json_t *root = NULL;
		err = next_object(c, &root, deadline);
		if (!err)
			err = on_line(c, root, progress, progress_arg, &found, error);
		json_decref(root);
	}
	if (found)
		*result = found;
	return err && !error->data ? failed_here(c, error, err) : err;
}

enum reload_err reload_client_send(struct reload_client *c, const char *method, json_t *params,
	reload_ms deadline, json_int_t *id, struct reload_call_error *error)
{
	*error = (struct reload_call_error){ 0 };
	enum reload_err err =
		c->broken ? RELOAD_NO_AGENT : send_request(c, method, params, deadline);
	json_decref(params);
	*id = c->last_id;
	return err ? failed_here(c, error, err) : RELOAD_OK;
}

enum reload_err reload_client_cancel(
	struct reload_client *c, json_int_t id, reload_ms deadline, struct reload_call_error *error)
{
	struct wr w;
	wr_init(&w);
	reload_rpc_write_cancel(&w, id);
	*error = (struct reload_call_error){ 0 };
	enum reload_err err =
		c->broken ? RELOAD_NO_AGENT : c->io.send(c->io.arg, wr_done(&w), deadline);
	wr_clear(&w);
	return err ? failed_here(c, error, err) : RELOAD_OK;
}

void reload_client_on_progress(struct reload_client *c, reload_progress_of_fn fn, void *arg)
{
	c->progress = fn;
	c->progress_arg = arg;
}

/* Hands a progress notification over; anything else is not for it. */
static enum reload_err notify(struct reload_client *c, json_t *line)
{
	json_t *object;
	json_int_t id;
	if (!c->progress || !is_progress(line, &id, &object))
		return RELOAD_OK;
	return c->progress(c->progress_arg, id, object) ? RELOAD_OK : RELOAD_CANCELLED;
}

/* The next reply; RELOAD_TIMEOUT and others without error filled. */
static enum reload_err take_reply(struct reload_client *c, reload_ms deadline, json_int_t *id,
	json_t **result, struct reload_call_error *error)
{
	struct reply r = { 0 };
	enum reload_err err = c->broken ? RELOAD_NO_AGENT : RELOAD_OK;
	*error = (struct reload_call_error){ 0 };
	*result = NULL;
	while (!err && !r.result && !r.error) {
		json_t *root = NULL;
		err = next_object(c, &root, deadline);
		if (!err)
			err = notify(c, root);
		if (!err)
			err = read_reply(c, root, &r);
		if (!err && r.error)
			(void)take_error(error, r.error);
		else if (!err && r.result)
			*result = json_incref(r.result);
		json_decref(root);
	}
	*id = r.id;
	return err;
}

enum reload_err reload_client_next(struct reload_client *c, reload_ms deadline, json_int_t *id,
	json_t **result, struct reload_call_error *error)
{
	enum reload_err err = take_reply(c, deadline, id, result, error);
	return err ? failed_here(c, error, err) : RELOAD_OK;
}

enum reload_err reload_client_take(
	struct reload_client *c, json_int_t *id, json_t **result, struct reload_call_error *error)
{
	enum reload_err err = take_reply(c, 0, id, result, error);
	return err && err != RELOAD_TIMEOUT ? failed_here(c, error, err) : err;
}
