#include "usage/sip_frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct {
	const char *text;
	enum reload_err err;
	size_t skip, len;
} rows[] = {
	{ "", RELOAD_SHORT, 0, 0 },
	{ "\r\n\r\n", RELOAD_SHORT, 4, 0 },
	{ "X\r\nContent-Length: 3\r\n\r\nabc", RELOAD_OK, 0, 27 },
	{ "X\r\nContent-Length: 3\r\n\r\nab", RELOAD_SHORT, 0, 27 },
	{ "X\r\nContent-Length: 3\r\n\r\nabcX\r\n", RELOAD_OK, 0, 27 },
	{ "\r\n\r\nX\r\nl:0\r\n\r\n", RELOAD_OK, 4, 10 },
	{ "\nX\r\nL :\t2 \r\n\r\n\r\n", RELOAD_OK, 1, 15 }, /* a body of blank lines */
	{ "X\r\nCONTENT-LENGTH: 0\r\nl: 0\r\n\r\n", RELOAD_OK, 0, 30 },
	{ "X\r\nContent-Length: 0\r\nl: 1\r\n\r\n", RELOAD_BAD_VALUE, 0, 0 },
	/* a line that continues another one has no name of its own */
	{ "X\r\nTo: b\r\n Content-Length: 5\r\nl: 0\r\n\r\n", RELOAD_OK, 0, 38 },
	{ "X\r\nContent-Length:\r\n\t2\r\n\r\nab", RELOAD_OK, 0, 28 },
	{ "X\r\n\r\n", RELOAD_BAD_VALUE, 0, 0 },
	{ "X\r\nContent-Length:\r\n\r\n", RELOAD_BAD_VALUE, 0, 0 },
	{ "X\r\nContent-Length: -1\r\n\r\n", RELOAD_BAD_VALUE, 0, 0 },
	{ "X\r\nContent-Length: 1 2\r\n\r\n", RELOAD_BAD_VALUE, 0, 0 },
	{ "X\r\nContent-Length: 65537\r\n\r\n", RELOAD_LIMIT, 0, 0 },
	{ "X\r\nContent-Length: 4294967299\r\n\r\n", RELOAD_LIMIT, 0, 0 },
	{ "X\r\nContent-Length: 99999999999999999999999\r\n\r\n", RELOAD_LIMIT, 0, 0 },
	{ "X\r\nContent-Length: 65536\r\n\r\n", RELOAD_SHORT, 0, 28 + 65536 },
};

static void messages_end_where_their_length_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		size_t skip = 9, len = 9;
		enum reload_err err = reload_sip_frame(&skip, &len, span_str(rows[i].text));
		if (err != rows[i].err || skip != rows[i].skip || len != rows[i].len)
			fail_msg("%zu: %s, %zu, %zu", i, reload_err_name(err), skip, len);
	}
}

static void pieces_are_waited_for(void **state)
{
	(void)state;
	static const char text[] = "\r\nX\r\nContent-Length: 2\r\n\r\n\r\n";
	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		size_t skip, len;
		uint8_t *copy = reload_memdup(text, n);
		assert_int_equal(reload_sip_frame(&skip, &len, span_of(copy, n)), RELOAD_SHORT);
		free(copy);
	}
}

static void heads_are_limited(void **state)
{
	(void)state;
	size_t skip, len;
	char *text = reload_alloc(RELOAD_SIP_HEAD_MAX + 8);
	memset(text, 'x', RELOAD_SIP_HEAD_MAX + 8);
	assert_int_equal(
		reload_sip_frame(&skip, &len, span_of(text, RELOAD_SIP_HEAD_MAX)), RELOAD_SHORT);
	assert_int_equal(reload_sip_frame(&skip, &len, span_of(text, RELOAD_SIP_HEAD_MAX + 1)),
		RELOAD_LIMIT);
	memcpy(text + RELOAD_SIP_HEAD_MAX - 8, "\r\nl:0\r\n\r\n", 9);
	assert_int_equal(reload_sip_frame(&skip, &len, span_of(text, RELOAD_SIP_HEAD_MAX + 1)),
		RELOAD_LIMIT);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_end_where_their_length_says),
		cmocka_unit_test(pieces_are_waited_for),
		cmocka_unit_test(heads_are_limited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
