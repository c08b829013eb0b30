#include "sip/transaction.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

/* A world whose clock is moved by the test; what was sent is counted, and the last of it kept. */
struct world {
	struct reload_sip_txns ts;
	struct reload_timers timers;
	reload_ms now;
	unsigned sent, timeouts, ended;
	char last[64];
	reload_ms times[32]; /* of what was sent */
};

static reload_ms now(void *arg)
{
	return ((struct world *)arg)->now;
}

static void send_it(void *arg, struct reload_sip_hop *hop, struct span message)
{
	struct world *w = arg;
	(void)hop;
	if (w->sent < COUNT_OF(w->times))
		w->times[w->sent] = w->now;
	w->sent++;
	memcpy(w->last, message.at, message.len);
	w->last[message.len] = 0;
}

static void timeout(void *arg, struct reload_sip_txn *t)
{
	(void)t;
	((struct world *)arg)->timeouts++;
}

static void ended(void *arg, struct reload_sip_txn *t)
{
	(void)t;
	((struct world *)arg)->ended++;
}

static const struct reload_sip_txn_ops ops = { now, send_it, timeout, ended };

static void begin(struct world *w)
{
	*w = (struct world){ .now = 1000 };
	w->ts = (struct reload_sip_txns){
		.ops = &ops, .arg = w, .timers = &w->timers, .max = 4, .bytes_max = 1000
	};
}

/* Time goes on by so much. */
static void pass(struct world *w, reload_ms ms)
{
	reload_ms until = w->now + ms, due;
	while ((due = reload_timers_next(&w->timers)) <= until) {
		w->now = due > w->now ? due : w->now;
		reload_timers_run(&w->timers, w->now);
	}
	w->now = until;
}

static struct reload_sip_txn *start(struct world *w, enum reload_sip_txn_kind kind, bool reliable)
{
	struct reload_sip_hop hop = { .transport = reliable ? RELOAD_SIP_TCP : RELOAD_SIP_UDP };
	struct reload_sip_txn *t =
		reload_sip_txn_new(&w->ts, kind, "key", &hop, span_str("request"));
	t->owner = w;
	return t;
}

static void an_invite_is_repeated_at_doubling_times(void **state)
{
	struct world w;
	static const reload_ms expected[] = { 0, 500, 1500, 3500, 7500, 15500, 31500 };
	(void)state;
	begin(&w);
	start(&w, RELOAD_SIP_CLIENT_INVITE, false);
	pass(&w, RELOAD_SIP_64T1_MS - 1);
	assert_int_equal(w.sent, COUNT_OF(expected));
	for (size_t i = 0; i < COUNT_OF(expected); i++)
		assert_int_equal(w.times[i] - 1000, expected[i]);
	assert_int_equal(w.timeouts, 0);
	pass(&w, 1); /* timer B */
	assert_int_equal(w.timeouts + w.ended, 2);
	assert_int_equal(w.ts.count, 0);
}

static void other_requests_are_repeated_every_4_s_in_the_end(void **state)
{
	struct world w;
	static const reload_ms expected[] = { 0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500,
		27500, 31500 };
	(void)state;
	begin(&w);
	struct reload_sip_txn *t = start(&w, RELOAD_SIP_CLIENT, false);
	pass(&w, RELOAD_SIP_64T1_MS - 1);
	assert_int_equal(w.sent, COUNT_OF(expected));
	for (size_t i = 0; i < COUNT_OF(expected); i++)
		assert_int_equal(w.times[i] - 1000, expected[i]);
	assert_true(reload_sip_txn_response(t, 200));
	assert_false(reload_sip_txn_response(t, 200)); /* absorbed */
	pass(&w, RELOAD_SIP_T4_MS - 1);
	assert_int_equal(w.ts.count, 1); /* timer K */
	pass(&w, 1);
	assert_int_equal(w.ts.count, 0);
	assert_int_equal(w.timeouts, 0);
}

static void nothing_is_repeated_over_a_stream(void **state)
{
	struct world w;
	(void)state;
	begin(&w);
	struct reload_sip_txn *t = start(&w, RELOAD_SIP_CLIENT, true);
	pass(&w, RELOAD_SIP_64T1_MS - 1);
	assert_int_equal(w.sent, 1);
	assert_true(reload_sip_txn_response(t, 404));
	pass(&w, 0);
	assert_int_equal(w.ts.count, 0);
	t = start(&w, RELOAD_SIP_CLIENT, true);
	pass(&w, RELOAD_SIP_64T1_MS);
	assert_int_equal(w.timeouts, 1); /* timer F is there all the same */
	(void)t;
}

static void a_provisional_response_ends_the_repetitions_and_the_time_of_an_invite(void **state)
{
	struct world w;
	(void)state;
	begin(&w);
	struct reload_sip_txn *t = start(&w, RELOAD_SIP_CLIENT_INVITE, false);
	assert_true(reload_sip_txn_response(t, 180));
	pass(&w, 10 * RELOAD_SIP_64T1_MS);
	assert_int_equal(w.sent, 1);
	assert_int_equal(w.timeouts, 0);
	reload_sip_txns_clear(&w.ts);
}

static void a_failure_is_acknowledged_for_each_repetition(void **state)
{
	struct world w;
	(void)state;
	begin(&w);
	struct reload_sip_txn *t = start(&w, RELOAD_SIP_CLIENT_INVITE, false);
	assert_true(reload_sip_txn_response(t, 486));
	assert_int_equal(t->last.len, strlen("request")); /* of which the ACK is made */
	reload_sip_txn_acknowledge(t, span_str("ACK"));
	assert_string_equal(w.last, "ACK");
	assert_int_equal(w.sent, 2);
	assert_false(reload_sip_txn_response(t, 486));
	assert_int_equal(w.sent, 3);
	pass(&w, RELOAD_SIP_64T1_MS); /* timer D */
	assert_int_equal(w.ts.count, 0);
	assert_int_equal(w.sent, 3);
}

/* C05, RFC 6026: two phones answer at once, both 200 are news. */
static void every_success_of_an_invite_is_news(void **state)
{
	struct world w;
	(void)state;
	begin(&w);
	struct reload_sip_txn *t = start(&w, RELOAD_SIP_CLIENT_INVITE, false);
	assert_true(reload_sip_txn_response(t, 200));
	assert_true(reload_sip_txn_response(t, 200));
	assert_false(reload_sip_txn_response(t, 486));
	pass(&w, RELOAD_SIP_64T1_MS - 1);
	assert_int_equal(w.ts.count, 1);
	pass(&w, 1);
	assert_int_equal(w.ts.count + w.timeouts, 0);
	assert_int_equal(w.ended, 1);
}

static void a_server_repeats_a_failure_until_its_ack(void **state)
{
	struct world w;
	(void)state;
	begin(&w);
	struct reload_sip_txn *t = start(&w, RELOAD_SIP_SERVER_INVITE, false);
	assert_true(reload_sip_txn_respond(t, 100, span_str("100")));
	reload_sip_txn_again(t);
	assert_string_equal(w.last, "100");
	assert_int_equal(w.sent, 2);
	assert_true(reload_sip_txn_respond(t, 486, span_str("486")));
	assert_false(reload_sip_txn_respond(t, 200, span_str("200")));
	pass(&w, 500 + 1000 + 2000 + 4000 + 4000); /* timer G */
	assert_int_equal(w.sent, 3 + 5);
	reload_sip_txn_ack(t);
	reload_sip_txn_again(t); /* late repetitions are absorbed */
	pass(&w, RELOAD_SIP_T4_MS - 1);
	assert_int_equal(w.sent, 3 + 5);
	assert_int_equal(w.ts.count, 1);
	pass(&w, 1); /* timer I */
	assert_int_equal(w.ts.count, 0);
}

static void a_server_gives_up_without_an_ack(void **state)
{
	struct world w;
	(void)state;
	for (int reliable = 0; reliable < 2; reliable++) {
		begin(&w);
		struct reload_sip_txn *t = start(&w, RELOAD_SIP_SERVER_INVITE, reliable);
		assert_true(reload_sip_txn_respond(t, 603, span_str("603")));
		pass(&w, RELOAD_SIP_64T1_MS - 1);
		assert_int_equal(w.ts.count, 1);
		pass(&w, 1); /* timer H */
		assert_int_equal(w.ts.count, 0);
		assert_int_equal(w.sent, reliable ? 1 : 11);
	}
}

static void a_server_passes_further_successes_and_repeats_none(void **state)
{
	struct world w;
	(void)state;
	begin(&w);
	struct reload_sip_txn *t = start(&w, RELOAD_SIP_SERVER_INVITE, false);
	assert_true(reload_sip_txn_respond(t, 200, span_str("200 a")));
	assert_true(reload_sip_txn_respond(t, 200, span_str("200 b")));
	assert_false(reload_sip_txn_respond(t, 500, span_str("500")));
	reload_sip_txn_again(t); /* RFC 6026 s7.1: the INVITE is absorbed */
	reload_sip_txn_ack(t);
	assert_int_equal(w.sent, 2);
	pass(&w, RELOAD_SIP_64T1_MS); /* timer L */
	assert_int_equal(w.ts.count, 0);
}

static void the_answer_of_another_request_is_repeated_when_it_is_asked_for(void **state)
{
	struct world w;
	(void)state;
	begin(&w);
	struct reload_sip_txn *t = start(&w, RELOAD_SIP_SERVER, false);
	reload_sip_txn_again(t); /* nothing was answered yet */
	assert_int_equal(w.sent, 0);
	assert_true(reload_sip_txn_respond(t, 200, span_str("200")));
	pass(&w, RELOAD_SIP_64T1_MS - 1);
	assert_int_equal(w.sent, 1);
	reload_sip_txn_again(t);
	assert_int_equal(w.sent, 2);
	pass(&w, 1); /* timer J */
	assert_int_equal(w.ts.count, 0);
}

static void there_are_no_more_than_the_limit(void **state)
{
	struct world w;
	struct reload_sip_hop hop = { .transport = RELOAD_SIP_UDP };
	char key[2] = "a";
	(void)state;
	begin(&w);
	for (; *key < 'a' + 4; ++*key)
		assert_non_null(
			reload_sip_txn_new(&w.ts, RELOAD_SIP_SERVER, key, &hop, span_of(NULL, 0)));
	assert_null(reload_sip_txn_new(&w.ts, RELOAD_SIP_SERVER, key, &hop, span_of(NULL, 0)));
	assert_non_null(reload_sip_txn_find(&w.ts, "c"));
	assert_null(reload_sip_txn_find(&w.ts, "e"));
	reload_sip_txns_clear(&w.ts);
	assert_int_equal(w.ts.count, 0);
}

static void there_are_as_many_as_their_messages_allow(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	w.ts.bytes_max = 20;
	struct reload_sip_hop hop = { .transport = RELOAD_SIP_UDP };
	struct reload_sip_txn *t =
		reload_sip_txn_new(&w.ts, RELOAD_SIP_SERVER, "a", &hop, span_of(NULL, 0));
	assert_non_null(t);
	assert_true(reload_sip_txn_respond(t, 200, span_str("a response of 20 by.")));
	assert_int_equal(w.ts.bytes, 20);
	assert_null(reload_sip_txn_new(&w.ts, RELOAD_SIP_SERVER, "b", &hop, span_of(NULL, 0)));
	reload_sip_txn_free(t);
	assert_int_equal(w.ts.bytes, 0);
	assert_non_null(reload_sip_txn_new(&w.ts, RELOAD_SIP_SERVER, "b", &hop, span_of(NULL, 0)));
	reload_sip_txns_clear(&w.ts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_invite_is_repeated_at_doubling_times),
		cmocka_unit_test(there_are_as_many_as_their_messages_allow),
		cmocka_unit_test(other_requests_are_repeated_every_4_s_in_the_end),
		cmocka_unit_test(nothing_is_repeated_over_a_stream),
		cmocka_unit_test(
			a_provisional_response_ends_the_repetitions_and_the_time_of_an_invite),
		cmocka_unit_test(a_failure_is_acknowledged_for_each_repetition),
		cmocka_unit_test(every_success_of_an_invite_is_news),
		cmocka_unit_test(a_server_repeats_a_failure_until_its_ack),
		cmocka_unit_test(a_server_gives_up_without_an_ack),
		cmocka_unit_test(a_server_passes_further_successes_and_repeats_none),
		cmocka_unit_test(the_answer_of_another_request_is_repeated_when_it_is_asked_for),
		cmocka_unit_test(there_are_no_more_than_the_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
