/* Bodies that do not fit their message code: each cut of each request, and answers with them (RFC 6940 s6.3.3, MSG-11, MSG-12). */
#include "engine_expect.h"

#include "util/text.h"

#define ID_A "20000000000000000000000000000001"
#define RESOURCE                                                                                   \
	"10"                                                                                       \
	"70000000000000000000000000000000"

/* A whole body of each request, as small as its fields allow. */
static const struct body {
	uint16_t code;
	const char *hex;
	size_t least; /* a body of so few bytes is whole as well (MSG-01); SIZE_MAX: none */
} bodies[] = {
	{ RELOAD_PROBE_REQ, "03010203", SIZE_MAX },
	{ RELOAD_ATTACH_REQ, "00000770617373697665000000", SIZE_MAX },
	{ RELOAD_STORE_REQ, RESOURCE "0000000010f0000001000000000000000000000000", SIZE_MAX },
	{ RELOAD_FETCH_REQ, RESOURCE "000ef000000100000000000000000000", SIZE_MAX },
	{ RELOAD_FIND_REQ, RESOURCE "04f0000001", SIZE_MAX },
	{ RELOAD_JOIN_REQ, ID_A "0000", SIZE_MAX },
	{ RELOAD_LEAVE_REQ, ID_A "0000", SIZE_MAX },
	{ RELOAD_UPDATE_REQ, "000000010200000000", SIZE_MAX },
	{ RELOAD_ROUTE_QUERY_REQ, "000110" ID_A "0000", SIZE_MAX },
	{ RELOAD_PING_REQ, "0003010203", 0 },
	{ RELOAD_STAT_REQ, RESOURCE "000ef000000100000000000000000000", SIZE_MAX },
	{ RELOAD_APP_ATTACH_REQ, "00000010000000", SIZE_MAX },
	{ RELOAD_CONFIG_UPDATE_REQ, "01000000070000043c782f3e", SIZE_MAX },
};

enum {
	INVALID_MESSAGE = 20
};

static struct span bytes_of(struct net *net, const char *hex, size_t more)
{
	size_t len = strlen(hex) / 2;
	uint8_t *at = reload_arena_take(&net->arena, len + more);
	assert_int_equal(reload_unhex(at, hex, 2 * len), RELOAD_OK);
	return span_of(at, len + more);
}

static void no_body_is_too_short_or_too_long(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		struct ring *r = ring_new_with(NULL);
		struct reload_destination to = dest(r->u);
		struct span whole = bytes_of(r->net, bodies[i].hex, 1);
		for (size_t n = 0; n <= whole.len; n++) {
			if (n == bodies[i].least || n == whole.len - 1)
				continue;
			struct craft c = craft_raw(r->a, bodies[i].code, span_of(whole.at, n), &to);
			struct reload_msg *m = heard(r->a, tell(&c, r->u));
			if (!m || m->code != RELOAD_ERROR)
				fail_msg("%s, %zu bytes: no error",
					reload_code_name(bodies[i].code), n);
			/* R-6.3.3.1-19: and the answer says what is wrong */
			assert_int_equal(m->body.error.error_code, INVALID_MESSAGE);
			assert_true(m->body.error.error_info.len > 0);
		}
		/* the whole one has another answer, or one that is about its contents */
		struct craft c =
			craft_raw(r->a, bodies[i].code, span_of(whole.at, whole.len - 1), &to);
		struct reload_msg *m = heard(r->a, tell(&c, r->u));
		if (m && m->code == RELOAD_ERROR && m->body.error.error_code == INVALID_MESSAGE) {
			char info[128];
			snprintf(info, sizeof(info), "%.*s", (int)m->body.error.error_info.len,
				(const char *)m->body.error.error_info.at);
			if (strcmp(info, reload_err_text(RELOAD_SHORT)) == 0 ||
				strcmp(info, reload_err_text(RELOAD_TRAILING)) == 0)
				fail_msg("%s: %s", reload_code_name(bodies[i].code), info);
		}
		assert_int_equal(r->u->state, RELOAD_STATE_JOINED);
		ring_teardown((void **)&r);
	}
}

/* R-6.3.1.1-06: types of a select that nobody knows are dropped without a word */
static void unknown_types_are_dropped(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->u);
	static const struct {
		uint16_t code;
		const char *hex;
	} rows[] = {
		{ RELOAD_UPDATE_REQ, "0000000100" },
		{ RELOAD_UPDATE_REQ, "0000000104" },
		{ RELOAD_UPDATE_REQ, "00000001ff" },
		{ RELOAD_ATTACH_REQ, "000007706173736976650012"
				     "0106c000020117c4"
				     "0401317effffff05000000" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint64_t dropped = counted(r->u, RELOAD_COUNT_DROP_MALFORMED);
		struct craft c =
			craft_raw(r->a, rows[i].code, bytes_of(r->net, rows[i].hex, 0), &to);
		expect_silence(r->a, tell(&c, r->u));
		assert_int_equal(counted(r->u, RELOAD_COUNT_DROP_MALFORMED), dropped + 1);
	}
}

/* R-6.3.3.1-21: answers that nobody asked for cause nothing, whatever is in them */
static void answers_to_nothing(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->u);
	static const uint16_t codes[] = { RELOAD_PROBE_ANS, RELOAD_ATTACH_ANS, RELOAD_STORE_ANS,
		RELOAD_FETCH_ANS, RELOAD_FIND_ANS, RELOAD_JOIN_ANS, RELOAD_LEAVE_ANS,
		RELOAD_UPDATE_ANS, RELOAD_ROUTE_QUERY_ANS, RELOAD_PING_ANS, RELOAD_STAT_ANS,
		RELOAD_APP_ATTACH_ANS, RELOAD_CONFIG_UPDATE_ANS, RELOAD_ERROR, 0x24, 0x7ff2 };
	static const char *const contents[] = { "", "00", "0000", "ffffffffffffffffffffffff" };
	forget(r->a);
	forget(r->b);
	for (size_t i = 0; i < COUNT_OF(codes); i++)
		for (size_t k = 0; k < COUNT_OF(contents); k++) {
			struct craft c =
				craft_raw(r->a, codes[i], bytes_of(r->net, contents[k], 0), &to);
			expect_silence(r->a, tell(&c, r->u));
		}
	assert_int_equal(inbox_count(r->a), 0);
	assert_int_equal(inbox_count(r->b), 0);
	assert_int_equal(r->u->state, RELOAD_STATE_JOINED);
}

/* An answer whose body cannot be read is none: it is dropped, and the request goes on. */
static void answers_that_cannot_be_read(void **state)
{
	(void)state;
	static const struct {
		const char *hex;
		uint16_t code;
	} rows[] = {
		{ "", RELOAD_PING_ANS },
		{ "000000000000000000000000000000", RELOAD_PING_ANS },
		{ "0000000000000000000000000000000000", RELOAD_PING_ANS },
		{ "0000", RELOAD_PROBE_ANS }, /* of another request */
		{ "", RELOAD_ERROR },
		{ "0002", RELOAD_ERROR },
		{ "00020001", RELOAD_ERROR },
		{ "0002000000", RELOAD_ERROR },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct ring *r = ring_new_with(NULL);
		struct reload_destination to = dest(r->b), back = dest(r->u);
		struct reload_request_target target = { .list = &to, .count = 1 };
		struct outcome *o = outcome_new(r->net);
		enum reload_err err;
		assert_non_null(reload_peer_ping(r->u->peer, &target, 0, outcome_fn, o, &err));
		net_settle(r->net);
		struct reload_msg *m = heard_code(r->b, RELOAD_PING_REQ);
		assert_non_null(m);
		struct craft c =
			craft_raw(r->b, rows[i].code, bytes_of(r->net, rows[i].hex, 0), &back);
		c.h.transaction_id = m->header.transaction_id;
		uint64_t dropped = counted(r->u, RELOAD_COUNT_DROP_MALFORMED);
		tell(&c, r->u);
		assert_int_equal(counted(r->u, RELOAD_COUNT_DROP_MALFORMED), dropped + 1);
		assert_int_equal(o->calls, 0);
		/* the right one counts still */
		struct reload_ping_ans ans = { .response_id = 7, .time = 1 };
		c = craft(r->b, RELOAD_PING_ANS, &ans, &back);
		c.h.transaction_id = m->header.transaction_id;
		tell(&c, r->u);
		assert_int_equal(o->calls, 1);
		assert_int_equal(o->err, RELOAD_OK);
		ring_teardown((void **)&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_body_is_too_short_or_too_long),
		ring_test(unknown_types_are_dropped),
		ring_test(answers_to_nothing),
		cmocka_unit_test(answers_that_cannot_be_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
