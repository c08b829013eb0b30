/* A fixture of its own for each test: TEST(f) in the table of a program. */
#pragma once

#include "storage_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static inline int setup(void **state)
{
	struct fixture *x = RELOAD_NEW(fixture);
	fixture_new(x);
	*state = x;
	return 0;
}

static inline int teardown(void **state)
{
	fixture_clear(*state);
	free(*state);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
