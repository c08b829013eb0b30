/*
 * The buffers of a connection, each with its limit:
 *
 *   in     bytes of at most one line and one read; a longer line ends the session
 *   calls  requests that are pending; further ones are answered with RELOAD_LIMIT
 *   out    replies; above OUTPUT_HIGH no further line is read and the session stops taking input (hungry is false);
 *          progress is dropped above PROGRESS_MAX; replies of pending calls may fill it up to OUTPUT_MAX,
 *          above which the session ends
 *
 * States: open, ended.  An ended session reads nothing, has no calls, and waits for its owner to free it.
 */
#include "control/session.h"

#include <assert.h>
#include <bsd/sys/queue.h>
#include <string.h>

struct reload_rpc_call {
	TAILQ_ENTRY(reload_rpc_call) entry;
	struct reload_rpc_session *session;
	const struct reload_method *method;
	json_t *id; /* owned */
	reload_rpc_cancel_fn cancel;
	void *cancel_arg;
	void *record;           /* of begun(); NULL: none is kept */
	bool running, finished; /* the handler is running; the call was ended by it */
};

TAILQ_HEAD(call_list, reload_rpc_call);

struct reload_rpc_session {
	const struct reload_rpc_service *service;
	bool read_only, ended, feeding;
	struct wr in, out;
	size_t scanned;   /* bytes of in without a line end */
	size_t out_start; /* bytes of out that were sent */
	struct call_list calls;
	size_t calls_count;
	void (*wake)(void *arg);
	void *wake_arg;
};

struct reload_rpc_session *reload_rpc_session_new(const struct reload_rpc_service *service,
	bool read_only, void (*wake)(void *arg), void *arg)
{
	struct reload_rpc_session *s = RELOAD_NEW(reload_rpc_session);
	s->service = service;
	s->read_only = read_only;
	s->wake = wake;
	s->wake_arg = arg;
	wr_init(&s->in);
	wr_init(&s->out);
	TAILQ_INIT(&s->calls);
	return s;
}

/* Completes the record of the call. */
static void record_end(
	struct reload_rpc_call *call, const json_t *result, const struct reload_failure *failure)
{
	const struct reload_rpc_service *service = call->session->service;
	if (call->record)
		service->ended(service->arg, TAKE(call->record), result, failure);
}

/* Detaches the call, and frees it unless its handler is still running. */
static void call_end(struct reload_rpc_call *call)
{
	record_end(call, NULL, NULL);
	TAILQ_REMOVE(&call->session->calls, call, entry);
	call->session->calls_count--;
	call->finished = true;
	if (call->running)
		return;
	json_decref(call->id);
	free(call);
}

static void cancel_call(struct reload_rpc_call *call)
{
	reload_rpc_cancel_fn cancel = call->cancel;
	void *arg = call->cancel_arg;
	call_end(call);
	if (cancel)
		cancel(arg);
}

static void cancel_calls(struct reload_rpc_session *s)
{
	struct reload_rpc_call *call;
	while ((call = TAILQ_FIRST(&s->calls)))
		cancel_call(call);
}

void reload_rpc_session_free(struct reload_rpc_session *s)
{
	if (!s)
		return;
	assert(!s->feeding);
	s->ended = true;
	cancel_calls(s);
	wr_clear(&s->in);
	wr_clear(&s->out);
	free(s);
}

static size_t unread(const struct reload_rpc_session *s)
{
	return s->out.len - s->out_start;
}

/* Called after something was written to out. */
static void wake(struct reload_rpc_session *s)
{
	if (unread(s) > RELOAD_RPC_OUTPUT_MAX)
		s->ended = true;
	if (!s->feeding && s->wake)
		s->wake(s->wake_arg);
}

static void write_failure(struct reload_rpc_session *s, const json_t *id, enum reload_err err,
	const struct reload_error_text *why)
{
	struct reload_failure f = { .err = err };
	if (why)
		f.why = *why;
	reload_rpc_write_error(&s->out, id, &f);
}

enum reload_rpc_end reload_rpc_fail(
	struct reload_rpc_call *call, const struct reload_failure *failure)
{
	struct reload_rpc_session *s = call->session;
	if (!s->ended)
		reload_rpc_write_error(&s->out, call->id, failure);
	record_end(call, NULL, failure);
	call_end(call);
	wake(s);
	return RELOAD_RPC_FAILED;
}

enum reload_rpc_end reload_rpc_fail_why(
	struct reload_rpc_call *call, enum reload_err err, const struct reload_error_text *why)
{
	struct reload_failure f = { .err = err };
	if (why)
		f.why = *why;
	return reload_rpc_fail(call, &f);
}

enum reload_rpc_end reload_rpc_reply(struct reload_rpc_call *call, json_t *result)
{
	struct reload_rpc_session *s = call->session;
	struct reload_error_text why, fault;
	if (reload_fields_check(call->method->result, result, &fault)) {
		json_decref(result);
		reload_error_explain(&why, RELOAD_BUG, "the reply does not fit its schema",
			"%s: %.400s", call->method->name, fault.reason);
		return reload_rpc_fail_why(call, RELOAD_BUG, &why);
	}
	size_t before = s->out.len;
	if (!s->ended)
		reload_rpc_write_result(&s->out, call->id, result);
	bool fits = s->out.len - before <= RELOAD_RPC_REPLY_MAX;
	if (fits)
		record_end(call, result, NULL);
	json_decref(result);
	if (!fits) {
		s->out.len = before;
		reload_error_explain(&why, RELOAD_LIMIT, "the reply is too large",
			"more than 32M for the control socket");
		return reload_rpc_fail_why(call, RELOAD_LIMIT, &why);
	}
	call_end(call);
	wake(s);
	return RELOAD_RPC_REPLIED;
}

enum reload_rpc_end reload_rpc_pend(
	struct reload_rpc_call *call, reload_rpc_cancel_fn cancel, void *arg)
{
	assert(call->running && !call->finished);
	call->cancel = cancel;
	call->cancel_arg = arg;
	return RELOAD_RPC_PENDING;
}

bool reload_rpc_progress(struct reload_rpc_call *call, json_t *object)
{
	struct reload_rpc_session *s = call->session;
	if (s->ended || unread(s) > RELOAD_RPC_PROGRESS_MAX)
		return false;
	reload_rpc_write_progress(&s->out, call->id, object);
	wake(s);
	return true;
}

static void run(struct reload_rpc_session *s, const struct reload_method *method, json_t *id,
	const json_t *params)
{
	reload_rpc_handler handler = s->service->handlers[method - reload_methods];
	struct reload_rpc_call *call = RELOAD_NEW(reload_rpc_call);
	call->session = s;
	call->method = method;
	call->id = json_incref(id);
	call->running = true;
	TAILQ_INSERT_TAIL(&s->calls, call, entry);
	s->calls_count++;
	if (s->service->begun)
		call->record = s->service->begun(s->service->arg, method, params);
	enum reload_rpc_end end = handler(s->service->arg, call, params);
	assert(call->finished == (end != RELOAD_RPC_PENDING));
	call->running = false;
	if (!call->finished)
		return;
	json_decref(call->id);
	free(call);
}

/* "rpc.cancel": a notification with the id of the request that the client cancels. */
static void cancel_by_id(struct reload_rpc_session *s, const json_t *id)
{
	struct reload_rpc_call *call;
	TAILQ_FOREACH (call, &s->calls, entry)
		if (id && json_equal(call->id, id)) {
			cancel_call(call);
			return;
		}
}

static void refuse_method(struct reload_rpc_session *s, const struct reload_rpc_request *r)
{
	struct reload_error_text why;
	const char *near = reload_method_nearest(r->method);
	char what[128];
	snprintf(what, sizeof(what), "no method %.80s", r->method);
	reload_error_explain(&why, RELOAD_NO_METHOD, what,
		"this agent speaks version %d of the control protocol", RELOAD_CONTROL_PROTOCOL);
	if (near)
		reload_error_advise(&why, "%s", near);
	write_failure(s, r->id, RELOAD_NO_METHOD, &why);
}

static void dispatch(struct reload_rpc_session *s, const struct reload_rpc_request *r)
{
	struct reload_error_text why;
	if (!r->id) { /* a notification is never answered */
		if (strcmp(r->method, "rpc.cancel") == 0)
			cancel_by_id(s, json_object_get(r->params, "id"));
		return;
	}
	const struct reload_method *m = reload_method_find(r->method);
	if (!m || !s->service->handlers[m - reload_methods]) {
		refuse_method(s, r);
		return;
	}
	if (s->read_only && m->access != RELOAD_METHOD_READ) {
		reload_error_explain(&why, RELOAD_NO_PERMISSION,
			"not allowed on the read-only socket", "%s changes something", m->name);
		reload_error_advise(&why,
			"the socket INSTANCE.sock beside it, which belongs to the agent's user");
		write_failure(s, r->id, RELOAD_NO_PERMISSION, &why);
		return;
	}
	enum reload_err err = reload_fields_check(m->params, r->params, &why);
	if (!err && s->calls_count == RELOAD_RPC_CALLS_MAX)
		err = reload_error_explain(&why, RELOAD_LIMIT, "too many requests under way",
			"%d of this connection are unanswered", RELOAD_RPC_CALLS_MAX);
	if (err) {
		write_failure(s, r->id, err, &why);
		return;
	}
	json_t *none = r->params ? NULL : json_object();
	run(s, m, r->id, r->params ? r->params : none);
	json_decref(none);
}

static bool is_blank(struct span line)
{
	for (size_t i = 0; i < line.len; i++)
		if (!strchr(" \t\r", line.at[i]))
			return false;
	return true;
}

static void on_line(struct reload_rpc_session *s, struct span line)
{
	struct reload_rpc_request r;
	struct reload_error_text why;
	if (is_blank(line))
		return;
	enum reload_err err = reload_rpc_parse(&r, line, &why);
	if (err)
		write_failure(s, r.id, err, &why);
	else
		dispatch(s, &r);
	reload_rpc_request_clear(&r);
}

static void give_up(struct reload_rpc_session *s)
{
	struct reload_error_text why;
	reload_error_explain(
		&why, RELOAD_BAD_REQUEST, "a line is too long", "a request may have 1M at most");
	write_failure(s, NULL, RELOAD_BAD_REQUEST, &why);
	s->ended = true;
}

/* Handles lines of the input as long as the client reads its output. */
static void pump(struct reload_rpc_session *s)
{
	size_t start = 0;
	while (!s->ended && unread(s) <= RELOAD_RPC_OUTPUT_HIGH) {
		size_t from = start > s->scanned ? start : s->scanned;
		const uint8_t *end =
			s->in.len > from ? memchr(s->in.at + from, '\n', s->in.len - from) : NULL;
		size_t stop = end ? (size_t)(end - s->in.at) : s->in.len;
		s->scanned = stop;
		if (stop - start > RELOAD_RPC_LINE_MAX)
			give_up(s);
		if (!end || s->ended)
			break;
		on_line(s, span_of(s->in.at + start, stop - start));
		start = s->scanned = stop + 1;
	}
	if (start) {
		memmove(s->in.at, s->in.at + start, s->in.len - start);
		s->in.len -= start;
		s->scanned -= start;
	}
	if (s->ended)
		cancel_calls(s);
}

void reload_rpc_session_feed(struct reload_rpc_session *s, struct span bytes)
{
	assert(!s->feeding);
	if (s->ended)
		return;
	s->feeding = true;
	wr_span(&s->in, bytes);
	pump(s);
	s->feeding = false;
}

struct span reload_rpc_session_output(const struct reload_rpc_session *s)
{
	return unread(s) ? span_of(s->out.at + s->out_start, unread(s)) : span_of(NULL, 0);
}

void reload_rpc_session_sent(struct reload_rpc_session *s, size_t n)
{
	assert(n <= unread(s) && !s->feeding);
	s->out_start += n;
	if (unread(s) == 0 || s->out_start > RELOAD_RPC_OUTPUT_HIGH) {
		s->out.len = unread(s);
		if (s->out.len)
			memmove(s->out.at, s->out.at + s->out_start, s->out.len);
		s->out_start = 0;
	}
	if (!s->out.len && s->out.cap > RELOAD_RPC_OUTPUT_HIGH)
		wr_clear(&s->out); /* do not keep the memory of a large reply */
	if (s->ended)
		return;
	s->feeding = true;
	pump(s);
	s->feeding = false;
}

bool reload_rpc_session_hungry(const struct reload_rpc_session *s)
{
	return !s->ended && unread(s) <= RELOAD_RPC_OUTPUT_HIGH;
}

bool reload_rpc_session_ended(const struct reload_rpc_session *s)
{
	return s->ended;
}

size_t reload_rpc_session_calls(const struct reload_rpc_session *s)
{
	return s->calls_count;
}
