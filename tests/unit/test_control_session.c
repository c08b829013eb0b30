#include "control/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* An agent that answers overlay.wait when it is told to, node.list at once, and wrongly to config.kinds. */
struct agent {
	struct reload_rpc_call *waiting;
	int cancelled, wakes;
	/* records of requests: begun, and ended with a result, with a failure, by the client's going */
	int begun, succeeded, failed, gone;
};

static void on_cancel(void *arg)
{
	struct agent *a = arg;
	a->waiting = NULL;
	a->cancelled++;
}

static enum reload_rpc_end wait_handler(
	void *arg, struct reload_rpc_call *call, const json_t *params)
{
	(void)params;
	struct agent *a = arg;
	a->waiting = call;
	return reload_rpc_pend(call, on_cancel, a);
}

static enum reload_rpc_end list_handler(
	void *arg, struct reload_rpc_call *call, const json_t *params)
{
	(void)arg;
	if (json_object_get(params, "prefix")) {
		struct reload_error_text why;
		reload_error_explain(&why, RELOAD_NO_NODE, "no such node", "none begins with that");
		return reload_rpc_fail_why(call, RELOAD_NO_NODE, &why);
	}
	return reload_rpc_reply(call, json_pack("{s:[]}", "nodes"));
}

static enum reload_rpc_end wrong_handler(
	void *arg, struct reload_rpc_call *call, const json_t *params)
{
	(void)arg, (void)params;
	return reload_rpc_reply(call, json_pack("{s:i}", "kinds", 5));
}

static enum reload_rpc_end large_handler(
	void *arg, struct reload_rpc_call *call, const json_t *params)
{
	(void)arg, (void)params;
	char *text = reload_alloc(4001);
	memset(text, 'x', 4000);
	json_t *lines = json_array();
	for (int i = 0; i < 100; i++)
		json_array_append_new(lines,
			json_pack("{s:s, s:s, s:s, s:s, s:i}", "time", "2026-11-22T15:12:05.123Z",
				"level", "info", "part", "a", "text", text, "repeated", 0));
	free(text);
	return reload_rpc_reply(call, json_pack("{s:o}", "lines", lines));
}

static enum reload_rpc_end stop_handler(
	void *arg, struct reload_rpc_call *call, const json_t *params)
{
	(void)arg, (void)params;
	return reload_rpc_reply(call, json_pack("{s:s, s:i}", "state", "leaving", "pid", 1));
}

static const reload_rpc_handler handlers[RELOAD_METHODS] = {
	[RELOAD_METHOD_rpc_overlay_wait] = wait_handler,
	[RELOAD_METHOD_rpc_node_list] = list_handler,
	[RELOAD_METHOD_rpc_config_kinds] = wrong_handler,
	[RELOAD_METHOD_rpc_log_tail] = large_handler,
	[RELOAD_METHOD_rpc_agent_stop] = stop_handler,
};

static void on_wake(void *arg)
{
	((struct agent *)arg)->wakes++;
}

static void *on_begun(void *arg, const struct reload_method *method, const json_t *params)
{
	struct agent *a = arg;
	assert_non_null(params);
	a->begun++;
	return strcmp(method->name, "agent.stop") ? a : NULL;
}

static void on_ended(
	void *arg, void *record, const json_t *result, const struct reload_failure *failure)
{
	struct agent *a = arg;
	assert_ptr_equal(record, arg);
	assert_true(!result || !failure);
	a->succeeded += result != NULL;
	a->failed += failure != NULL;
	a->gone += !result && !failure;
}

struct fixture {
	struct agent agent;
	struct reload_rpc_service service;
	struct reload_rpc_session *session;
};

static void begin(struct fixture *f, bool read_only)
{
	*f = (struct fixture){ 0 };
	f->service = (struct reload_rpc_service){ .handlers = handlers, .arg = &f->agent };
	f->session = reload_rpc_session_new(&f->service, read_only, on_wake, &f->agent);
}

static void feed(struct fixture *f, const char *text)
{
	reload_rpc_session_feed(f->session, span_str(text));
}

/* The next line of output, sent: owned; NULL for none. */
static json_t *answer(struct fixture *f)
{
	struct span out = reload_rpc_session_output(f->session);
	const uint8_t *end = out.len ? memchr(out.at, '\n', out.len) : NULL;
	if (!end)
		return NULL;
	size_t n = (size_t)(end - out.at) + 1;
	json_t *line = json_loadb((const char *)out.at, n, 0, NULL);
	assert_non_null(line);
	reload_rpc_session_sent(f->session, n);
	return line;
}

static int code_of(json_t *line)
{
	return (int)json_integer_value(json_object_get(json_object_get(line, "error"), "code"));
}

static int expect_code(struct fixture *f, const char *request)
{
	feed(f, request);
	json_t *line = answer(f);
	int code = line ? code_of(line) : 1;
	json_decref(line);
	return code;
}

#define REQ(id, method, params)                                                                    \
	"{\"jsonrpc\":\"2.0\",\"id\":" #id ",\"method\":\"" method "\",\"params\":" params "}\n"

static void requests_are_answered(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, false);
	assert_int_equal(expect_code(&f, REQ(1, "node.list", "{}")), 0);
	assert_int_equal(
		expect_code(&f, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"node.list\"}\n"), 0);
	assert_int_equal(expect_code(&f, REQ(3, "node.list", "{\"prefix\":\"ab\"}")), -32014);
	assert_int_equal(expect_code(&f, REQ(4, "node.lost", "{}")), -32601);
	assert_int_equal(
		expect_code(&f, REQ(5, "agent.status", "{}")), -32601); /* known but not served */
	assert_int_equal(expect_code(&f, REQ(6, "node.list", "{\"x\":1}")), -32602);
	assert_int_equal(expect_code(&f, "nonsense\n"), -32700);
	assert_int_equal(expect_code(&f, "[]\n"), -32600);
	assert_int_equal(expect_code(&f, REQ(7, "config.kinds", "{}")),
		-32603); /* a reply that is our bug */
	assert_int_equal(expect_code(&f, REQ(8, "agent.stop", "{}")), 0);
	assert_int_equal(expect_code(&f, " \r\n\n"), 1); /* blank lines say nothing */
	assert_int_equal(expect_code(&f, "{\"jsonrpc\":\"2.0\",\"method\":\"node.list\"}\n"),
		1); /* notification */
	assert_false(reload_rpc_session_ended(f.session));
	reload_rpc_session_free(f.session);
}

static void the_reading_socket_changes_nothing(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, true);
	assert_int_equal(expect_code(&f, REQ(1, "agent.stop", "{}")), -32023);
	assert_int_equal(expect_code(&f, REQ(2, "node.list", "{}")), 0);
	reload_rpc_session_free(f.session);
}

static void lines_may_come_in_pieces(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, false);
	static const char two[] = REQ(1, "node.list", "{}") REQ(2, "node.list", "{}");
	for (size_t i = 0; i < sizeof(two) - 1; i++)
		reload_rpc_session_feed(f.session, span_of(two + i, 1));
	for (int id = 1; id <= 2; id++) {
		json_t *line = answer(&f);
		assert_int_equal(json_integer_value(json_object_get(line, "id")), id);
		json_decref(line);
	}
	assert_int_equal(f.agent.wakes, 0);
	reload_rpc_session_free(f.session);
}

static void long_calls_end_later_out_of_order(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, false);
	feed(&f, REQ("w", "overlay.wait", "{\"state\":\"joined\"}") REQ(2, "node.list", "{}"));
	json_t *line = answer(&f);
	assert_int_equal(json_integer_value(json_object_get(line, "id")), 2);
	json_decref(line);
	assert_int_equal(reload_rpc_session_calls(f.session), 1);
	json_t *object = json_pack("{s:s}", "type", "phase");
	assert_true(reload_rpc_progress(f.agent.waiting, object));
	json_decref(object);
	assert_int_equal(f.agent.wakes, 1);
	line = answer(&f);
	assert_string_equal(json_string_value(json_object_get(line, "method")), "progress");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(line, "params"), "id")), "w");
	json_decref(line);
	reload_rpc_reply(
		f.agent.waiting, json_pack("{s:s, s:f}", "state", "joined", "waited_ms", 1.0));
	assert_int_equal(f.agent.wakes, 2);
	line = answer(&f);
	assert_string_equal(json_string_value(json_object_get(line, "id")), "w");
	json_decref(line);
	assert_int_equal(reload_rpc_session_calls(f.session), 0);
	reload_rpc_session_free(f.session);
	assert_int_equal(f.agent.cancelled, 0);
}

static void closing_cancels(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, false);
	feed(&f, REQ(1, "overlay.wait", "{\"state\":\"joined\"}"));
	feed(&f, "{\"jsonrpc\":\"2.0\",\"method\":\"rpc.cancel\",\"params\":{\"id\":5}}\n");
	assert_int_equal(f.agent.cancelled, 0);
	feed(&f, "{\"jsonrpc\":\"2.0\",\"method\":\"rpc.cancel\",\"params\":{\"id\":1}}\n");
	assert_int_equal(f.agent.cancelled, 1);
	feed(&f, REQ(2, "overlay.wait", "{\"state\":\"joined\"}"));
	reload_rpc_session_free(f.session);
	assert_int_equal(f.agent.cancelled, 2);
}

static void too_many_calls_are_refused(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, false);
	for (int i = 0; i < RELOAD_RPC_CALLS_MAX; i++)
		assert_int_equal(
			expect_code(&f, REQ(1, "overlay.wait", "{\"state\":\"joined\"}")), 1);
	assert_int_equal(expect_code(&f, REQ(2, "overlay.wait", "{\"state\":\"joined\"}")), -32005);
	assert_int_equal(expect_code(&f, REQ(3, "node.list", "{}")), -32005);
	reload_rpc_session_free(f.session);
	assert_int_equal(f.agent.cancelled, RELOAD_RPC_CALLS_MAX);
}

static void a_line_without_end_ends_the_session(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, false);
	feed(&f, REQ(1, "overlay.wait", "{\"state\":\"joined\"}"));
	static char block[64 * 1024];
	memset(block, ' ', sizeof(block));
	for (int i = 0; i < 16; i++) {
		reload_rpc_session_feed(f.session, span_of(block, sizeof(block)));
		assert_false(reload_rpc_session_ended(f.session));
	}
	reload_rpc_session_feed(f.session, span_of(block, 1));
	assert_true(reload_rpc_session_ended(f.session));
	assert_int_equal(f.agent.cancelled, 1);
	json_t *line = answer(&f);
	assert_int_equal(code_of(line), -32600);
	json_decref(line);
	feed(&f, REQ(2, "node.list", "{}"));
	assert_null(answer(&f));
	reload_rpc_session_free(f.session);
}

static void a_client_that_does_not_read_is_not_served(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, false);
	for (int i = 0; i < 100; i++)
		feed(&f, REQ(1, "log.tail", "{}"));
	assert_false(reload_rpc_session_hungry(f.session));
	assert_true(reload_rpc_session_output(f.session).len < 2 * 410000);
	int answers = 0;
	for (json_t *line; (line = answer(&f)); answers++)
		json_decref(line);
	assert_int_equal(answers, 100); /* nothing was lost */
	assert_true(reload_rpc_session_hungry(f.session));
	reload_rpc_session_free(f.session);
}

static void progress_is_dropped_for_slow_clients(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, false);
	feed(&f, REQ(1, "overlay.wait", "{\"state\":\"joined\"}"));
	char text[1001];
	memset(text, 'x', 1000);
	text[1000] = 0;
	json_t *object = json_pack("{s:s}", "type", text);
	int taken = 0;
	while (reload_rpc_progress(f.agent.waiting, object))
		assert_true(++taken < 2000);
	assert_true(reload_rpc_session_output(f.session).len < RELOAD_RPC_PROGRESS_MAX + 2000);
	struct span out = reload_rpc_session_output(f.session);
	reload_rpc_session_sent(f.session, out.len);
	assert_true(reload_rpc_progress(f.agent.waiting, object));
	json_decref(object);
	reload_rpc_session_free(f.session);
}

/* Whatever becomes of a request, its record is completed once. */
static void records_are_completed_once(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, false);
	f.service.begun = on_begun;
	f.service.ended = on_ended;
	assert_int_equal(expect_code(&f, REQ(1, "node.list", "{}")), 0);
	assert_int_equal(f.agent.succeeded, 1);
	assert_int_equal(expect_code(&f, REQ(2, "node.list", "{\"prefix\":\"ab\"}")), -32014);
	assert_int_equal(f.agent.failed, 1);
	/* a reply that does not fit its schema is a failure of the agent */
	assert_int_equal(expect_code(&f, REQ(3, "config.kinds", "{}")), -32603);
	assert_int_equal(f.agent.failed, 2);
	/* one without a record, and one that was refused before its handler */
	assert_int_equal(expect_code(&f, REQ(4, "agent.stop", "{}")), 0);
	assert_int_equal(expect_code(&f, REQ(5, "no.such", "{}")), -32601);
	assert_int_equal(f.agent.begun, 4);
	feed(&f, REQ(6, "overlay.wait", "{\"state\":\"joined\"}"));
	assert_int_equal(f.agent.gone, 0);
	feed(&f, "{\"jsonrpc\":\"2.0\",\"method\":\"rpc.cancel\",\"params\":{\"id\":6}}\n");
	assert_int_equal(f.agent.gone, 1);
	feed(&f, REQ(7, "overlay.wait", "{\"state\":\"joined\"}"));
	reload_rpc_session_free(f.session);
	assert_int_equal(f.agent.gone, 2);
	assert_int_equal(f.agent.succeeded, 1);
	assert_int_equal(f.agent.failed, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_answered),
		cmocka_unit_test(the_reading_socket_changes_nothing),
		cmocka_unit_test(lines_may_come_in_pieces),
		cmocka_unit_test(long_calls_end_later_out_of_order),
		cmocka_unit_test(closing_cancels),
		cmocka_unit_test(too_many_calls_are_refused),
		cmocka_unit_test(a_line_without_end_ends_the_session),
		cmocka_unit_test(a_client_that_does_not_read_is_not_served),
		cmocka_unit_test(progress_is_dropped_for_slow_clients),
		cmocka_unit_test(records_are_completed_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
