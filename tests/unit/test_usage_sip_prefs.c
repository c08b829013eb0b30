#include "usage/sip_prefs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

typedef void (*write_fn)(struct wr *w, const struct reload_prefs *p);

static void assert_written(write_fn write, const char *text, const char *want)
{
	struct reload_prefs p;
	char out[2048] = "";
	struct wr w = wr_fixed(out, sizeof(out) - 1);
	if (reload_prefs_read(&p, span_str(text)))
		fail_msg("%s is not read", text);
	write(&w, &p);
	assert_string_equal(out, want);
}

static void both_forms_say_the_same(void **state)
{
	(void)state;
	static const struct {
		const char *predicate, *parameters;
	} rows[] = {
		{ "(sip.schemes=SIP)", "schemes=\"SIP\"" },
		{ "(sip.schemes=SIPS)", "schemes=\"SIPS\"" },
		{ "(& (sip.mobility=fixed) (| (sip.schemes=SIP) (sip.schemes=SIPS)))",
			"mobility=\"fixed\";schemes=\"SIP,SIPS\"" },
		{ "(sip.audio=TRUE)", "audio" },
		{ "(& (sip.audio=TRUE) (sip.video=FALSE))", "audio;video=\"FALSE\"" },
		{ "(!(sip.mobility=mobile))", "mobility=\"!mobile\"" },
		{ "(| (sip.methods=INVITE) (!(sip.methods=BYE)))", "methods=\"INVITE,!BYE\"" },
		{ "(sip.priority=30)", "priority=\"#=30\"" },
		{ "(sip.priority>=-5.5)", "priority=\"#>=-5.5\"" },
		{ "(sip.priority<=5)", "priority=\"#<=5\"" },
		{ "(sip.priority=1..5)", "priority=\"#1:5\"" },
		{ "(sip.description=\"a small; phone\")", "description=\"<a small; phone>\"" },
		{ "(language=en)", "language=\"en\"" },
		{ "(& (type=TRUE) (sip.isfocus=TRUE))", "type;isfocus" },
		{ "(sip.newfeature=TRUE)", "+sip.newfeature" },
		{ "(g.com/a:b=\"x\")", "+g.com'a!b=\"<x>\"" },
		{ "", "" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		/* R7904-4: a predicate; both forms are read */
		assert_written(reload_prefs_parameters, rows[i].predicate, rows[i].parameters);
		assert_written(reload_prefs_predicate, rows[i].predicate, rows[i].predicate);
		assert_written(reload_prefs_predicate, rows[i].parameters, rows[i].predicate);
		assert_written(reload_prefs_parameters, rows[i].parameters, rows[i].parameters);
	}
}

static void blanks_and_case_do_not_count(void **state)
{
	(void)state;
	assert_written(reload_prefs_predicate, " ( & ( SIP.Audio = TRUE ) (\t! ( x = 1 ) ) ) \n",
		"(& (sip.audio=TRUE) (!(x=1)))");
	assert_written(reload_prefs_parameters, "(& (a=true) (b=False))", "+a;+b=\"FALSE\"");
	assert_written(reload_prefs_predicate, "(|(a=b)(a=c))", "(| (a=b) (a=c))");
	assert_written(reload_prefs_predicate, "; AUDIO ; Schemes = \" SIP , SIPS \"",
		"(& (sip.audio=TRUE) (| (sip.schemes=SIP) (sip.schemes=SIPS)))");
}

static void other_texts_are_refused(void **state)
{
	(void)state;
	static const char *const rows[] = { "(", ")", "()", "(&)", "(& )", "(|)", "(!)", "(a)",
		"(a=)", "(=b)", "(a=b", "(a=b))", "(a=b)(c=d)", "(& (a=b) (a=c))",
		"(| (a=b) (c=d))", "(& (a=b) (| (a=c) (a=d)))", "(! (! (a=b)))",
		"(! (| (a=b) (a=c)))", "(& (& (a=b)))", "(a>=b)", "(a>b)", "(a=\"x)", "(a=\"<x>\")",
		"(!(a=\"x\"))", "(| (a=\"x\") (a=\"y\"))", "(1a=b)", "(a=b;c)", "audio;audio",
		"+a'b;+a'b", "audio=", "audio=\"\"", "audio=TRUE", "audio=\"TRUE", "unknown",
		"+language", "+", "audio;;video", "audio;", "priority=\"#\"", "priority=\"#5\"",
		"priority=\"#>5\"", "priority=\"#1:\"", "description=\"<a\"",
		"description=\"!<a>\"", "description=\"<a>,b\"", "audio video", "(a=b\x01)",
		"(\xc3\xa4=b)" };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct reload_prefs p;
		if (!reload_prefs_read(&p, span_str(rows[i])))
			fail_msg("%s is read", rows[i]);
	}
}

static void sizes_are_limited(void **state)
{
	(void)state;
	struct reload_prefs p;
	struct wr w;
	for (size_t n = RELOAD_PREFS_TERMS_MAX; n <= RELOAD_PREFS_TERMS_MAX + 1; n++) {
		wr_init(&w);
		wr_span(&w, span_str("(&"));
		for (size_t i = 0; i < n; i++) {
			char text[16] = "(a0=b)";
			text[1] = (char)('a' + i / 10);
			text[2] = (char)('0' + i % 10);
			wr_span(&w, span_str(text));
		}
		wr_span(&w, span_str(")"));
		assert_int_equal(!reload_prefs_read(&p, wr_done(&w)), n == RELOAD_PREFS_TERMS_MAX);
		wr_clear(&w);
	}
	for (size_t n = RELOAD_PREFS_VALUES_MAX; n <= RELOAD_PREFS_VALUES_MAX + 1; n++) {
		wr_init(&w);
		wr_span(&w, span_str("methods=\"a"));
		for (size_t i = 1; i < n; i++)
			wr_span(&w, span_str(",a"));
		wr_span(&w, span_str("\""));
		assert_int_equal(!reload_prefs_read(&p, wr_done(&w)), n == RELOAD_PREFS_VALUES_MAX);
		wr_clear(&w);
	}
	char text[RELOAD_PREFS_MAX + 1];
	memset(text, ' ', sizeof(text));
	assert_int_equal(reload_prefs_read(&p, span_of(text, RELOAD_PREFS_MAX)), RELOAD_OK);
	assert_int_equal(
		reload_prefs_read(&p, span_of(text, RELOAD_PREFS_MAX + 1)), RELOAD_BAD_VALUE);
	memset(text, 'a', RELOAD_PREFS_TAG + 1);
	text[0] = '(';
	memcpy(text + RELOAD_PREFS_TAG, "=b)", 3);
	assert_int_equal(reload_prefs_read(&p, span_of(text, RELOAD_PREFS_TAG + 3)), RELOAD_OK);
	memcpy(text + RELOAD_PREFS_TAG, "a=b)", 4);
	assert_int_equal(
		reload_prefs_read(&p, span_of(text, RELOAD_PREFS_TAG + 4)), RELOAD_BAD_VALUE);
}

static void schemes_are_taken_from_either_form(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		unsigned schemes;
	} rows[] = {
		{ "(sip.schemes=SIP)", RELOAD_SCHEME_SIP },
		{ "(sip.schemes=SIPS)", RELOAD_SCHEME_SIPS },
		{ "schemes=\"sips\"", RELOAD_SCHEME_SIPS },
		{ "(& (sip.audio=TRUE) (sip.schemes=SIPS))", RELOAD_SCHEME_SIPS },
		{ "(!(sip.schemes=SIP))", RELOAD_SCHEME_SIPS },
		{ "(| (sip.schemes=SIP) (sip.schemes=SIPS))", RELOAD_SCHEMES_BOTH },
		{ "(sip.schemes=tel)", RELOAD_SCHEMES_BOTH },
		{ "(schemes=SIPS)", RELOAD_SCHEMES_BOTH }, { "", RELOAD_SCHEMES_BOTH },
		{ "(sip.schemes=SIPS", RELOAD_SCHEMES_BOTH }, /* not readable: ignored */
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		/* R7904-4, R7904-25, R7904-27 */
		assert_int_equal(reload_prefs_schemes(span_str(rows[i].text)), rows[i].schemes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_forms_say_the_same),
		cmocka_unit_test(blanks_and_case_do_not_count),
		cmocka_unit_test(other_texts_are_refused),
		cmocka_unit_test(sizes_are_limited),
		cmocka_unit_test(schemes_are_taken_from_either_form),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
