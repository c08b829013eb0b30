#include "usage/sip_head.h"
#include "usage/sip_refuse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void what_an_answer_repeats_is_copied_as_it_came(void **state)
{
	(void)state;
	static const struct {
		const char *head, *answer; /* NULL: there is none */
	} rows[] = {
		{ "X y z\r\nVia: 1\r\nv:2\r\nFrom: a\r\nTo: b\r\nCall-ID: c\r\nCSeq: d\r\n\r\n",
			"SIP/2.0 400 Bad\r\nVia: 1\r\nv:2\r\nFrom: a\r\nTo: b;tag=own\r\n"
			"Call-ID: c\r\nCSeq: d\r\nAllow: X\r\nContent-Length: 0\r\n\r\n" },
		/* with what continues a line, and the tag that there is */
		{ "X\r\nVia:\r\n 1,\r\n\t2\r\nt: b;\r\n tag = x\r\ncseq : d\r\nTo: c\r\n\r\nbody",
			"SIP/2.0 400 Bad\r\nVia:\r\n 1,\r\n\t2\r\nt: b;\r\n tag = x\r\ncseq : d\r\n"
			"Allow: X\r\nContent-Length: 0\r\n\r\n" },
		{ "X\r\nVia: 1\r\nTo: <b;tag>\r\nCSeq: d\r\n\r\n",
			"SIP/2.0 400 Bad\r\nVia: 1\r\nTo: <b;tag>;tag=own\r\nCSeq: d\r\n"
			"Allow: X\r\nContent-Length: 0\r\n\r\n" },
		/* what has no answer */
		{ "SIP/2.0 200 OK\r\nVia: 1\r\nCSeq: d\r\n\r\n", NULL },
		{ "ACK sip:b SIP/2.0\r\nVia: 1\r\nCSeq: d\r\n\r\n", NULL },
		{ "X\r\nCSeq: d\r\n\r\n", NULL },
		{ "X\r\nVia: d\r\n\r\n", NULL },
		{ "X\r\nVia: 1\r\n CSeq: d\r\n\r\n", NULL },
		{ "X\r\nVia: 1\r\nCSeq: d\r\n", NULL },
		{ "", NULL },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct wr w;
		wr_init(&w);
		bool answers = reload_sip_refuse(
			&w, span_str(rows[i].head), 400, "Bad", "own", "Allow: X\r\n");
		assert_int_equal(answers, rows[i].answer != NULL);
		struct span want = rows[i].answer ? span_str(rows[i].answer) : span_of(NULL, 0);
		if (!span_eq(wr_done(&w), want))
			fail_msg("%zu: %.*s", i, (int)w.len, (const char *)w.at);
		wr_clear(&w);
	}
}

static void tokens(void **state)
{
	(void)state;
	assert_true(reload_sip_is_token(span_str("INVITE")));
	assert_true(reload_sip_is_token(span_str("-.!%*_+`'~")));
	assert_false(reload_sip_is_token(span_str("")));
	assert_false(reload_sip_is_token(span_str("A B")));
	assert_false(reload_sip_is_token(span_of("A\0", 2)));
	assert_false(reload_sip_is_token(span_str("\xc3\xa4")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_an_answer_repeats_is_copied_as_it_came),
		cmocka_unit_test(tokens),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
