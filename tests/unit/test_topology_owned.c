#include "chord_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* STO-17: since when we have answered for a point, part by part; what is lost and comes back begins anew */
static void responsible_since(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id self = fake_id(0x10), near = fake_id(0x08), far = fake_id(0xc8),
			 nearest = fake_id(0xd0), foreign = fake_id(0x98);
	fake_start_as(&f, &self);
	assert_true(ops->responsible_since(f.t, &near) == RELOAD_NEVER);
	ops->first(f.t);
	reload_ms alone = f.now;
	fake_pass(&f, 1000);
	assert_true(ops->responsible_since(f.t, &far) == alone);
	fake_peer(&f, 0xa0);
	fake_peer(&f, 0xd0);
	assert_true(ops->responsible_since(f.t, &near) == alone);
	assert_true(ops->responsible_since(f.t, &far) == RELOAD_NEVER);
	for (unsigned i = 0; i < 2; i++) {
		fake_pass(&f, 1000);
		ops->disconnected(f.t, &nearest);
		assert_true(ops->responsible_since(f.t, &near) == alone);
		assert_true(ops->responsible_since(f.t, &far) == f.now);
		assert_true(ops->responsible_since(f.t, &foreign) == RELOAD_NEVER);
		fake_pass(&f, 1000);
		assert_true(ops->responsible_since(f.t, &far) == f.now - 1000);
		fake_peer(&f, 0xd0);
		assert_true(ops->responsible_since(f.t, &far) == RELOAD_NEVER);
	}
	/* a part of the part that was gained remains */
	ops->disconnected(f.t, &nearest);
	reload_ms gained = f.now;
	fake_pass(&f, 1000);
	fake_peer(&f, 0xc0);
	assert_true(ops->responsible_since(f.t, &far) == gained);
	assert_true(ops->responsible_since(f.t, &near) == alone);
	ops->leave(f.t);
	assert_true(ops->responsible_since(f.t, &near) == RELOAD_NEVER);
	fake_end(&f);
}

/* Of more gains than are kept, the farthest ones count as the last one. */
static void responsible_since_many_gains(void **state)
{
	(void)state;
	struct fake f;
	struct reload_id self = fake_id(0x10);
	enum {
		NEAREST = 0xe0,
		GAINS = CHORD_OWNED_MAX + 3
	};
	reload_ms gained[GAINS];
	fake_start_as(&f, &self);
	ops->first(f.t);
	for (unsigned i = 0; i <= GAINS; i++)
		fake_peer(&f, NEAREST - i);
	for (unsigned i = 0; i < GAINS; i++) {
		struct reload_id nearest = fake_id(NEAREST - i);
		fake_pass(&f, 1000);
		ops->disconnected(f.t, &nearest);
		gained[i] = f.now;
	}
	for (unsigned i = 0; i < GAINS; i++) {
		struct reload_id k = fake_id(NEAREST - i);
		bool kept =
			i + 2 <
			CHORD_OWNED_MAX; /* one part was there before, and one is for the rest */
		assert_true(ops->responsible_since(f.t, &k) == gained[kept ? i : GAINS - 1]);
	}
	fake_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(responsible_since),
		cmocka_unit_test(responsible_since_many_gains),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
