/* Providers that did not answer are remembered as long as they may be listed (digest of RFC 7374, section 19, number 16). */
#include "service/redir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct reload_id numbered(unsigned v)
{
	return (struct reload_id){ .len = 16, .at = { (uint8_t)(v >> 8), (uint8_t)v } };
}

/* E03 */
static void until_its_record_ends(void **state)
{
	struct reload_redir_silent s = { 0 };
	struct reload_id dead = numbered(1), other = numbered(2);
	(void)state;
	assert_false(reload_redir_silent_is(&s, &dead, 1000));
	reload_redir_silent_note(&s, &dead, 1000, 30);
	assert_true(reload_redir_silent_is(&s, &dead, 30999));
	assert_false(reload_redir_silent_is(&s, &other, 1000));
	assert_false(reload_redir_silent_is(&s, &dead, 31000));
	/* again, by another record: it is in the list once */
	reload_redir_silent_note(&s, &dead, 40000, 10);
	assert_int_equal(s.count, 1);
	assert_true(reload_redir_silent_is(&s, &dead, 49999));
	/* it has answered */
	reload_redir_silent_note(&s, &other, 40000, 10);
	reload_redir_silent_forget(&s, &dead);
	assert_false(reload_redir_silent_is(&s, &dead, 41000));
	assert_true(reload_redir_silent_is(&s, &other, 41000));
	reload_redir_silent_forget(&s, &dead);
	assert_int_equal(s.count, 1);
	/* a storing peer may say any lifetime: no provider is left out for ever */
	reload_redir_silent_note(&s, &other, 40000, UINT32_MAX);
	assert_true(reload_redir_silent_is(&s, &other, 639999));
	assert_false(reload_redir_silent_is(&s, &other, 640000));
}

static void the_table_has_an_end(void **state)
{
	struct reload_redir_silent s = { 0 };
	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		struct reload_id node = numbered(i);
		reload_redir_silent_note(&s, &node, 1000, i == 3 ? 1 : 100 + i % 2);
		assert_true(s.count <= RELOAD_REDIR_SILENT_MAX);
		assert_true(reload_redir_silent_is(&s, &node, 1500));
	}
	struct reload_id soon = numbered(3);
	assert_false(reload_redir_silent_is(&s, &soon, 1500));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(until_its_record_ends),
		cmocka_unit_test(the_table_has_an_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
