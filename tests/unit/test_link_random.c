/* Random bytes of the agent: few system calls, and no byte is given out twice or kept. */
#include "reload-agent/random.c"

#include <stdarg.h>
#include <stdbool.h>
#include <setjmp.h>
#include <cmocka.h>

static unsigned calls;
static uint8_t next; /* the kernel gives 0, 1, 2, ... here */

/* Takes the place of libc's; every other call is interrupted, or gives less than was asked for. */
ssize_t getrandom(void *to, size_t len, unsigned flags)
{
	assert_int_equal(flags, 0);
	if (++calls % 2 == 0) {
		errno = EINTR;
		return -1;
	}
	size_t n = len > 100 ? 100 : len;
	for (size_t i = 0; i < n; i++)
		((uint8_t *)to)[i] = next++;
	return (ssize_t)n;
}

static void each_byte_is_given_out_once(void **state)
{
	(void)state;
	static const uint8_t zero[AGENT_RANDOM];
	struct agent_random r = { 0 };
	bool seen[256] = { false };
	next = 0;
	calls = 0;
	for (int i = 0; i < AGENT_RANDOM / 8; i++) {
		uint8_t id[8];
		agent_random_take(&r, id, sizeof(id));
		for (size_t k = 0; k < sizeof(id); k++) {
			assert_false(seen[id[k]]);
			seen[id[k]] = true;
		}
		assert_memory_equal(r.bytes + r.left, zero, AGENT_RANDOM - r.left);
	}
	assert_int_equal(r.left, 0);
	assert_int_equal(calls, 5); /* 100, interrupted, 100, interrupted, 56 bytes */
	uint8_t more[8];
	agent_random_take(&r, more, sizeof(more));
	assert_int_equal(r.left, AGENT_RANDOM - 8);
	/* what is left is less than what is wanted: a new portion */
	uint8_t most[AGENT_RANDOM];
	agent_random_take(&r, most, sizeof(most));
	assert_int_equal(r.left, 0);
}

static void much_comes_from_the_kernel(void **state)
{
	(void)state;
	struct agent_random r = { 0 };
	uint8_t out[1000];
	next = 0;
	agent_random_take(&r, out, sizeof(out));
	for (size_t i = 0; i < sizeof(out); i++)
		assert_int_equal(out[i], (uint8_t)i);
	assert_int_equal(r.left, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_byte_is_given_out_once),
		cmocka_unit_test(much_comes_from_the_kernel),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
