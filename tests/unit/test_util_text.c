/* Hexadecimal digits, base64 and UTF-8, character by character. */
#include "util/text.h"

#include "util/alloc.h"
#include "util/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static void every_byte_has_two_digits(void **state)
{
	(void)state;
	for (unsigned byte = 0; byte < 256; byte++) {
		uint8_t in = (uint8_t)byte, out = 0;
		char digits[3], upper[3];
		reload_hex(digits, span_of(&in, 1));
		assert_int_equal(strlen(digits), 2);
		assert_int_equal(strtoul(digits, NULL, 16), byte);
		assert_int_equal(strspn(digits, "0123456789abcdef"), 2);
		assert_int_equal(reload_unhex(&out, digits, 2), RELOAD_OK);
		assert_int_equal(out, byte);
		for (size_t i = 0; i < 3; i++)
			upper[i] = digits[i] >= 'a' ? (char)(digits[i] - 'a' + 'A') : digits[i];
		assert_int_equal(reload_unhex(&out, upper, 2), RELOAD_OK);
		assert_int_equal(out, byte);
	}
	char none[1] = { 'x' };
	assert_string_equal(reload_hex(none, span_of(NULL, 0)), "");
	assert_int_equal(reload_unhex(NULL, "", 0), RELOAD_OK);
}

static void only_digits_are_hexadecimal(void **state)
{
	(void)state;
	uint8_t out[2];
	for (unsigned c = 0; c < 256; c++) {
		const char first[] = { (char)c, '0' }, second[] = { '0', (char)c };
		bool legal = c && strchr("0123456789abcdefABCDEF", (int)c);
		assert_int_equal(!reload_unhex(out, first, 2), legal);
		assert_int_equal(!reload_unhex(out, second, 2), legal);
	}
	/* an odd number of digits, whatever they are */
	for (size_t len = 1; len < 8; len += 2)
		assert_int_equal(reload_unhex(out, "00000000", len), RELOAD_BAD_VALUE);
}

/* RFC 4648 s10 */
static void vectors_of_base64(void **state)
{
	(void)state;
	static const struct {
		const char *bytes, *text;
	} rows[] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char *text = reload_base64(span_str(rows[i].bytes));
		uint8_t *bytes = NULL;
		size_t len = 99;
		assert_string_equal(text, rows[i].text);
		assert_int_equal(reload_unbase64(&bytes, &len, text, strlen(text)), RELOAD_OK);
		assert_int_equal(len, strlen(rows[i].bytes));
		assert_memory_equal(bytes, rows[i].bytes, len);
		free(bytes);
		free(text);
	}
}

static enum reload_err unbase64(const char *text, size_t len, size_t *out_len)
{
	uint8_t *bytes = NULL;
	enum reload_err err = reload_unbase64(&bytes, out_len, text, len);
	assert_int_equal(!bytes, !!err);
	free(bytes);
	return err;
}

static void characters_of_base64(void **state)
{
	(void)state;
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t len;
	for (unsigned c = 0; c < 256; c++) {
		const char in_front[] = { (char)c, 'A', 'A', 'A', 'A' },
			   behind[] = { 'A', 'A', 'A', (char)c };
		bool digit = c && strchr(alphabet, (int)c), space = c && strchr(" \t\r\n", (int)c);
		/* white space is passed over and then one digit too few is left, or none too many */
		assert_int_equal(!unbase64(in_front, 4, &len), digit);
		assert_int_equal(!unbase64(in_front, 5, &len), space);
		assert_int_equal(!unbase64(behind, 4, &len), digit || c == '=');
	}
}

static void shapes_of_base64(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int len; /* -1: refused */
	} rows[] = {
		{ "", 0 }, { " \r\n\t", 0 }, { "A A\nA\tA", 3 }, { "AA ==", 1 }, { "AA= =", 1 },
		{ "AAA=\n", 2 }, { "AAAA", 3 }, { "AAAAAA==", 4 }, { "A", -1 }, { "AA", -1 },
		{ "AAA", -1 }, { "AAAAA", -1 }, { "=", -1 }, { "==", -1 }, { "====", -1 },
		{ "A=", -1 }, { "A===", -1 }, { "AA=", -1 }, { "AA===", -1 }, { "AAA==", -1 },
		{ "AAAA=", -1 }, { "AAAA====", -1 }, { "AA==A", -1 }, { "AA==AAAA", -1 },
		{ "AA=A", -1 }, { "A-_A", -1 }, /* the alphabet for URLs */
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		size_t len = 77;
		enum reload_err err = unbase64(rows[i].text, strlen(rows[i].text), &len);
		if (err != (rows[i].len < 0 ? RELOAD_BAD_VALUE : RELOAD_OK))
			fail_msg("\"%s\": %s", rows[i].text, reload_err_text(err));
		assert_int_equal(len, rows[i].len < 0 ? 77 : rows[i].len);
	}
}

/* The bytes of a code point, also of those that may not be (RFC 3629). */
static size_t encode(uint8_t out[4], uint32_t code, size_t bytes)
{
	static const uint8_t lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	for (size_t i = bytes; i-- > 1; code >>= 6)
		out[i] = (uint8_t)(0x80 | (code & 0x3f));
	out[0] = (uint8_t)(lead[bytes] | code);
	return bytes;
}

static void code_points_of_utf8(void **state)
{
	(void)state;
	static const struct {
		uint32_t code;
		size_t bytes;
		bool valid;
	} rows[] = {
		{ 0, 1, false }, /* none is part of a text here */
		{ 1, 1, true },
		{ 0x7f, 1, true },
		{ 0x80, 2, true },
		{ 0x7ff, 2, true },
		{ 0x800, 3, true },
		{ 0xd7ff, 3, true },
		{ 0xe000, 3, true },
		{ 0xffff, 3, true },
		{ 0x10000, 4, true },
		{ 0x10ffff, 4, true },
		/* longer than needed */
		{ 0x7f, 2, false },
		{ 0, 2, false },
		{ 0x7ff, 3, false },
		{ 0x7f, 3, false },
		{ 0xffff, 4, false },
		{ 0x2f, 4, false },
		/* surrogates, and beyond the last one */
		{ 0xd800, 3, false },
		{ 0xdbff, 3, false },
		{ 0xdc00, 3, false },
		{ 0xdfff, 3, false },
		{ 0x110000, 4, false },
		{ 0x1fffff, 4, false },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint8_t text[6] = { 'a' };
		size_t len = encode(text + 1, rows[i].code, rows[i].bytes);
		text[1 + len] = 'b';
		if (reload_utf8_valid(span_of(text, len + 2)) != rows[i].valid)
			fail_msg("%x in %zu bytes", (unsigned)rows[i].code, rows[i].bytes);
		/* every one that is cut is bad */
		for (size_t n = 1; n < len && rows[i].valid; n++) {
			assert_false(reload_utf8_valid(span_of(text, 1 + n)));
			uint8_t cut[6];
			memcpy(cut, text, 1 + n);
			cut[1 + n] = 'b';
			assert_false(reload_utf8_valid(span_of(cut, 2 + n)));
		}
	}
	assert_true(reload_utf8_valid(span_of(NULL, 0)));
	for (unsigned c = 0x80; c < 256; c++) { /* no byte above 127 is a character alone */
		uint8_t byte = (uint8_t)c;
		assert_false(reload_utf8_valid(span_of(&byte, 1)));
	}
}

static void the_mark_in_front_goes(void **state)
{
	(void)state;
	static const struct {
		const char *text, *rest;
	} rows[] = {
		{ "", "" }, { "\xef", "\xef" }, { "\xef\xbb", "\xef\xbb" }, { "\xef\xbb\xbf", "" },
		{ "\xef\xbb\xbfx", "x" }, { "\xef\xbb\xbe", "\xef\xbb\xbe" },
		{ "x\xef\xbb\xbf", "x\xef\xbb\xbf" },
		{ "\xef\xbb\xbf\xef\xbb\xbf", "\xef\xbb\xbf" }, /* one of them */
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_true(
			span_eq(reload_text_start(span_str(rows[i].text)), span_str(rows[i].rest)));
}

static void text_in_markup(void **state)
{
	static const struct {
		const char *text, *markup;
	} rows[] = {
		{ "", "" },
		{ "<b a=\"1\">&amp;</b>", "&lt;b a=&quot;1&quot;&gt;&amp;amp;&lt;/b&gt;" },
		{ "a\tb\nc", "a\tb\nc" },
		{ "\x01\x1b[31m\x7f", "  [31m " }, /* XML 1.0 has no such characters */
		{ "\xc3\xa4'", "\xc3\xa4'" },
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct wr w;
		wr_init(&w);
		reload_markup_put(&w, rows[i].text);
		assert_true(span_eq(wr_done(&w), span_str(rows[i].markup)));
		wr_clear(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_has_two_digits),
		cmocka_unit_test(only_digits_are_hexadecimal),
		cmocka_unit_test(vectors_of_base64),
		cmocka_unit_test(characters_of_base64),
		cmocka_unit_test(shapes_of_base64),
		cmocka_unit_test(code_points_of_utf8),
		cmocka_unit_test(the_mark_in_front_goes),
		cmocka_unit_test(text_in_markup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
