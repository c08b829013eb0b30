#include "control/client.h"
#include "control/jsonrpc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static enum reload_err parse(struct reload_rpc_request *r, const char *line)
{
	struct reload_error_text why = { 0 };
	enum reload_err err = reload_rpc_parse(r, span_str(line), &why);
	if (err)
		assert_true(why.what[0] && why.reason[0]);
	return err;
}

static void requests_are_read(void **state)
{
	(void)state;
	struct reload_rpc_request r;
	assert_int_equal(
		parse(&r, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"a.b\",\"params\":{\"x\":1}}"),
		RELOAD_OK);
	assert_string_equal(r.method, "a.b");
	assert_int_equal(json_integer_value(r.id), 7);
	assert_int_equal(json_object_size(r.params), 1);
	reload_rpc_request_clear(&r);
	assert_int_equal(
		parse(&r, "{\"jsonrpc\":\"2.0\",\"method\":\"a.b\",\"params\":null}"), RELOAD_OK);
	assert_null(r.id);
	assert_null(r.params);
	reload_rpc_request_clear(&r);
}

static void what_is_no_request_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		enum reload_err err;
	} bad[] = {
		{ "", RELOAD_BAD_JSON },
		{ "{", RELOAD_BAD_JSON },
		{ "{\"id\":1,\"id\":2}", RELOAD_BAD_JSON }, /* names twice */
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"\xff\"}", RELOAD_BAD_JSON },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"a\\u0000b\"}", RELOAD_BAD_JSON },
		{ "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a.b\"}]", RELOAD_BAD_REQUEST },
		{ "7", RELOAD_BAD_JSON },
		{ "{\"id\":1,\"method\":\"a.b\"}", RELOAD_BAD_REQUEST },
		{ "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"a.b\"}", RELOAD_BAD_REQUEST },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1}", RELOAD_BAD_REQUEST },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":5}", RELOAD_BAD_REQUEST },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"a.b\"}", RELOAD_BAD_REQUEST },
		{ "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"a.b\"}", RELOAD_BAD_REQUEST },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a.b\",\"params\":[1]}",
			RELOAD_BAD_REQUEST },
	};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct reload_rpc_request r;
		assert_int_equal(parse(&r, bad[i].line), bad[i].err);
		reload_rpc_request_clear(&r);
	}
}

static void a_refused_request_keeps_its_id(void **state)
{
	(void)state;
	struct reload_rpc_request r;
	assert_int_equal(
		parse(&r, "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":5}"), RELOAD_BAD_REQUEST);
	assert_string_equal(json_string_value(r.id), "x");
	reload_rpc_request_clear(&r);
}

static void failures_survive_the_way(void **state)
{
	(void)state;
	struct reload_failure f = { .err = RELOAD_GENERATION_TOO_LOW,
		.overlay_code = 5,
		.transaction = 0x0123456789abcdef,
		.has_generation = true,
		.generation = UINT64_MAX };
	reload_error_explain(&f.why, f.err, "cannot store", "the generation is %d", 9);
	reload_error_advise(&f.why, "read again");
	struct wr w;
	wr_init(&w);
	json_t *id = json_integer(3);
	reload_rpc_write_error(&w, id, &f);
	json_decref(id);
	assert_int_equal(w.at[w.len - 1], '\n');
	json_t *line = json_loadb((const char *)w.at, w.len, 0, NULL);
	wr_clear(&w);
	json_t *error = json_object_get(line, "error"), *data = json_object_get(error, "data");
	assert_int_equal(json_integer_value(json_object_get(error, "code")), -32105);
	assert_int_equal(json_integer_value(json_object_get(data, "code")), 7);
	assert_string_equal(json_string_value(json_object_get(data, "name")), "conflict");
	assert_string_equal(json_string_value(json_object_get(data, "reload_error_name")),
		"Error_Generation_Counter_Too_Low");
	assert_string_equal(
		json_string_value(json_object_get(data, "transaction")), "0123456789abcdef");
	assert_true(json_is_false(json_object_get(data, "retry")));
	struct reload_failure back;
	reload_failure_read(&back, error);
	assert_int_equal(back.err, f.err);
	assert_int_equal(back.overlay_code, 5);
	assert_true(back.transaction == f.transaction && back.generation == UINT64_MAX);
	assert_string_equal(back.why.reason, "the generation is 9");
	assert_string_equal(back.why.advice, "read again");
	json_decref(line);
}

static void every_error_has_its_own_code(void **state)
{
	(void)state;
	static const enum reload_err all[] = {
#define X(name, text, rpc, status) RELOAD_##name,
#include "util/err.def"
#undef X
	};
	for (size_t i = 1; i < COUNT_OF(all); i++) {
		assert_int_equal(reload_err_from_rpc(reload_err_rpc(all[i])), all[i]);
		assert_true(reload_exit_name(reload_err_exit(all[i]))[0]);
	}
	/* R-6.3.3.1-06: Error_Request_Timeout has a status of its own, after which a script may send it again */
	assert_int_equal(reload_err_exit(RELOAD_REQUEST_TIMEOUT), 4);
	assert_true(reload_exit_retry(reload_err_exit(RELOAD_REQUEST_TIMEOUT)));
	assert_true(reload_exit_retry(4));
	assert_false(reload_exit_retry(6));
}

/* A connection that plays a script of answers, in pieces of any size. */
struct script {
	const char *answers;
	size_t at, piece;
	enum reload_err send_err, end;
	struct wr sent;
	bool closed;
};

static enum reload_err script_send(void *arg, struct span bytes, reload_ms deadline)
{
	(void)deadline;
	struct script *s = arg;
	wr_span(&s->sent, bytes);
	return s->send_err;
}

static enum reload_err script_receive(
	void *arg, void *buf, size_t cap, size_t *len, reload_ms deadline)
{
	(void)deadline;
	struct script *s = arg;
	size_t left = strlen(s->answers) - s->at, n = left < s->piece ? left : s->piece;
	assert_true(n <= cap);
	if (!n && s->end)
		return s->end;
	memcpy(buf, s->answers + s->at, n);
	s->at += n;
	*len = n;
	return RELOAD_OK;
}

static void script_close(void *arg)
{
	((struct script *)arg)->closed = true;
}

static struct reload_client *client_of(struct script *s)
{
	wr_init(&s->sent);
	struct reload_client_io io = { s, "alice", script_send, script_receive, script_close };
	return reload_client_new(&io);
}

static bool count_progress(void *arg, json_t *object)
{
	int *seen = arg;
	return json_is_object(object) && ++*seen < 3;
}

static void clients_find_their_answer(void **state)
{
	(void)state;
	static const char answers[] = "{\"jsonrpc\":\"2.0\",\"method\":\"progress\",\"params\":{"
				      "\"id\":1,\"object\":{\"n\":1}}}\n"
				      "{\"jsonrpc\":\"2.0\",\"method\":\"other\",\"params\":{}}\n"
				      "{\"jsonrpc\":\"2.0\",\"method\":\"progress\",\"params\":{"
				      "\"id\":9,\"object\":{}}}\n"
				      "{\"jsonrpc\":\"2.0\",\"id\":99,\"result\":{}}\n"
				      "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"ok\":true}}\n"
				      "{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":-32013,"
				      "\"message\":\"no value stored there\"}}\n";
	for (size_t piece = 1; piece < 200; piece += 13) {
		struct script s = { .answers = answers, .piece = piece };
		struct reload_client *c = client_of(&s);
		struct reload_call_error error;
		json_t *result = NULL;
		int seen = 0;
		assert_int_equal(reload_client_call(c, "a.b", json_pack("{s:i}", "x", 1),
					 RELOAD_NEVER, count_progress, &seen, &result, &error),
			RELOAD_OK);
		assert_int_equal(seen, 1);
		assert_true(json_is_true(json_object_get(result, "ok")));
		json_decref(result);
		assert_int_equal(reload_client_call(
					 c, "a.b", NULL, RELOAD_NEVER, NULL, NULL, &result, &error),
			RELOAD_NO_VALUE);
		assert_string_equal(
			json_string_value(json_object_get(error.data, "name")), "not-found");
		reload_call_error_clear(&error);
		static const char first[] =
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a.b\",\"params\":{\"x\":1}}\n";
		assert_memory_equal(s.sent.at, first, sizeof(first) - 1);
		reload_client_free(c);
		assert_true(s.closed);
		wr_clear(&s.sent);
	}
}

static bool sum_progress(void *arg, json_int_t id, json_t *object)
{
	json_int_t *sums = arg;
	sums[id] += json_integer_value(json_object_get(object, "n"));
	return sums[id] < 100;
}

/* Notifications are told apart by the number of their request; one that says no ends the wait. */
static void clients_take_notifications_of_all_requests(void **state)
{
	(void)state;
#define PROGRESS(id, n)                                                                            \
	"{\"jsonrpc\":\"2.0\",\"method\":\"progress\",\"params\":{\"id\":" #id                     \
	",\"object\":{\"n\":" #n "}}}\n"
	static const char answers[] = PROGRESS(2, 20) PROGRESS(1, 1) PROGRESS(2,
		2) "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n" PROGRESS(2, 100) PROGRESS(2, 1);
	struct script s = { .answers = answers, .piece = 7, .end = RELOAD_TIMEOUT };
	struct reload_client *c = client_of(&s);
	struct reload_call_error error;
	json_int_t id, sums[3] = { 0 };
	json_t *result;
	reload_client_on_progress(c, sum_progress, sums);
	for (json_int_t i = 1; i <= 2; i++)
		assert_int_equal(reload_client_send(c, "a.b", NULL, 5, &id, &error), RELOAD_OK);
	assert_int_equal(reload_client_next(c, 5, &id, &result, &error), RELOAD_OK);
	assert_int_equal(id, 1);
	json_decref(result);
	assert_int_equal(sums[1], 1);
	assert_int_equal(sums[2], 22);
	assert_int_equal(reload_client_next(c, 5, &id, &result, &error), RELOAD_CANCELLED);
	assert_int_equal(sums[2], 122);
	reload_call_error_clear(&error);
	reload_client_free(c);
	wr_clear(&s.sent);
}

/* Many requests under way: answers come in any order, an error ends one of them only. */
static void clients_take_answers_in_any_order(void **state)
{
	(void)state;
	static const char answers[] = "{\"jsonrpc\":\"2.0\",\"method\":\"other\",\"params\":{}}\n"
				      "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"n\":3}}\n"
				      "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32013,"
				      "\"message\":\"no value stored there\"}}\n"
				      "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"n\":2}}\n";
	struct script s = { .answers = answers, .piece = 7, .end = RELOAD_TIMEOUT };
	struct reload_client *c = client_of(&s);
	struct reload_call_error error;
	json_t *result;
	json_int_t id;
	for (json_int_t i = 1; i <= 3; i++) {
		assert_int_equal(reload_client_send(c, "a.b", NULL, 5, &id, &error), RELOAD_OK);
		assert_int_equal(id, i);
	}
	static const json_int_t order[] = { 3, 1, 2 };
	for (size_t i = 0; i < COUNT_OF(order); i++) {
		assert_int_equal(reload_client_next(c, 5, &id, &result, &error), RELOAD_OK);
		assert_int_equal(id, order[i]);
		assert_int_equal(result == NULL, id == 1);
		assert_int_equal(error.data != NULL, id == 1);
		assert_int_equal(error.failure.err, id == 1 ? RELOAD_NO_VALUE : RELOAD_OK);
		if (result)
			assert_int_equal(json_integer_value(json_object_get(result, "n")), id);
		json_decref(result);
		reload_call_error_clear(&error);
	}
	assert_int_equal(reload_client_next(c, 5, &id, &result, &error), RELOAD_TIMEOUT);
	assert_true(error.failure.why.what[0] && json_is_object(error.data));
	reload_call_error_clear(&error);
	assert_int_equal(reload_client_send(c, "a.b", NULL, 5, &id, &error), RELOAD_NO_AGENT);
	reload_call_error_clear(&error);
	reload_client_free(c);
	wr_clear(&s.sent);
}

static enum reload_err call_with(const char *answers, enum reload_err send_err, enum reload_err end)
{
	struct script s = { .answers = answers, .piece = 64, .send_err = send_err, .end = end };
	struct reload_client *c = client_of(&s);
	struct reload_call_error error;
	json_t *result = NULL;
	int seen = 0;
	enum reload_err err =
		reload_client_call(c, "a.b", NULL, 5, count_progress, &seen, &result, &error);
	assert_null(result);
	assert_true(error.failure.why.what[0] && json_is_object(error.data));
	assert_int_equal(error.unread,
		send_err == RELOAD_NO_AGENT || end == RELOAD_NO_AGENT); /* not: closed */
	reload_call_error_clear(&error);
	/* a connection whose state is unknown is not used again */
	if (err != RELOAD_FAILED) {
		assert_int_equal(reload_client_call(c, "a.b", NULL, 5, NULL, NULL, &result, &error),
			RELOAD_NO_AGENT);
		reload_call_error_clear(&error);
	}
	reload_client_free(c);
	wr_clear(&s.sent);
	return err;
}

static void clients_give_up(void **state)
{
	(void)state;
	assert_int_equal(call_with("", RELOAD_OK, RELOAD_TIMEOUT), RELOAD_TIMEOUT);
	assert_int_equal(call_with("", RELOAD_OK, RELOAD_CANCELLED), RELOAD_CANCELLED);
	assert_int_equal(call_with("", RELOAD_NO_AGENT, RELOAD_OK), RELOAD_NO_AGENT);
	assert_int_equal(call_with("", RELOAD_OK, RELOAD_NO_AGENT), RELOAD_NO_AGENT);
	assert_int_equal(
		call_with("{\"jsonrpc\":", RELOAD_OK, RELOAD_OK), RELOAD_NO_AGENT); /* closed */
	assert_int_equal(call_with("hello\n", RELOAD_OK, RELOAD_OK), RELOAD_BAD_ANSWER);
	assert_int_equal(call_with("{\"id\":1}\n", RELOAD_OK, RELOAD_OK), RELOAD_BAD_ANSWER);
	assert_int_equal(
		call_with("{\"id\":1,\"result\":5}\n", RELOAD_OK, RELOAD_OK), RELOAD_BAD_ANSWER);
	assert_int_equal(call_with("{\"id\":1,\"error\":{\"code\":77}}\n", RELOAD_OK, RELOAD_OK),
		RELOAD_FAILED);
	assert_int_equal(call_with("{\"method\":\"progress\",\"params\":{\"id\":1,\"object\":7}}\n",
				 RELOAD_OK, RELOAD_OK),
		RELOAD_CANCELLED); /* by the program */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_read),
		cmocka_unit_test(what_is_no_request_is_refused),
		cmocka_unit_test(a_refused_request_keeps_its_id),
		cmocka_unit_test(failures_survive_the_way),
		cmocka_unit_test(every_error_has_its_own_code),
		cmocka_unit_test(clients_find_their_answer),
		cmocka_unit_test(clients_take_notifications_of_all_requests),
		cmocka_unit_test(clients_take_answers_in_any_order),
		cmocka_unit_test(clients_give_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
