#include "usage/sip_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define OPEN RELOAD_REFRESHER_OPEN
#define UAC  RELOAD_REFRESHER_UAC
#define UAS  RELOAD_REFRESHER_UAS

static void requests_are_answered(void **state)
{
	(void)state;
	static const struct {
		struct reload_session_fields request;
		int status;
		uint32_t expires_s, min_s;
		unsigned refresher;
	} rows[] = {
		{ { .supported = true }, 0, 0, 0, OPEN },
		{ { 1800, 0, OPEN, true }, 0, 1800, 0, UAC },
		{ { 1800, 0, UAS, true }, 0, 1800, 0, UAS },
		{ { 90, 90, UAC, true }, 0, 90, 0, UAC },
		/* C12: too short; who does not know the extension cannot be told, nor can it refresh */
		{ { 89, 0, UAC, true }, 422, 0, 90, OPEN },
		{ { 89, 0, OPEN, false }, 0, 0, 0, OPEN },
		{ { 1800, 0, UAC, false }, 0, 1800, 0, UAS },
		/* no longer than a day, unless that is less than the least */
		{ { UINT32_MAX, 0, OPEN, true }, 0, 86400, 0, UAC },
		{ { UINT32_MAX, 90000, OPEN, true }, 0, UINT32_MAX, 0, UAC },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct reload_session_fields out;
		assert_int_equal(reload_session_answer(&out, &rows[i].request), rows[i].status);
		assert_int_equal(out.expires_s, rows[i].expires_s);
		assert_int_equal(out.min_s, rows[i].min_s);
		assert_int_equal(out.refresher, rows[i].refresher);
	}
}

static void both_ends_agree(void **state)
{
	(void)state;
	struct reload_session uac, uas;
	const struct reload_session_fields answer = { .expires_s = 120, .refresher = UAC };
	reload_session_agree(&uac, &answer, true, 1000);
	reload_session_agree(&uas, &answer, false, 1000);
	assert_true(uac.refreshes);
	assert_int_equal(uac.refresh_at, 61000); /* after half of the interval */
	assert_false(uas.refreshes);
	assert_int_equal(uas.refresh_at, RELOAD_NEVER);
	assert_int_equal(uas.end_at, 1000 + 88000); /* 32 s before its end */
	assert_int_equal(uac.end_at, uas.end_at);
	reload_session_agree(&uas, &(struct reload_session_fields){ 90, 0, UAS, true }, false, 0);
	assert_true(uas.refreshes);
	assert_int_equal(uas.refresh_at, 45000);
	assert_int_equal(uas.end_at, 60000); /* a third of it */
	/* an interval that may not be makes no refresh more often than the least one does */
	reload_session_agree(&uac, &(struct reload_session_fields){ 1, 0, UAC, true }, true, 0);
	assert_int_equal(uac.refresh_at, 45000);
	reload_session_agree(&uac, &(struct reload_session_fields){ 0 }, true, 0);
	assert_int_equal(uac.refresh_at, RELOAD_NEVER);
	assert_int_equal(uac.end_at, RELOAD_NEVER);
}

static void a_longer_interval_is_asked_for_once_it_is_longer(void **state)
{
	(void)state;
	assert_int_equal(reload_session_longer(90, 120), 120);
	assert_int_equal(reload_session_longer(120, 120), 0);
	assert_int_equal(reload_session_longer(0, 120), 0);
	assert_int_equal(reload_session_longer(90, UINT32_MAX), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_answered),
		cmocka_unit_test(both_ends_agree),
		cmocka_unit_test(a_longer_interval_is_asked_for_once_it_is_longer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
