#include "storage_maker.h"

static struct reload_storage *maker_new(size_t max_bytes, reload_ms keep_ms)
{
	return reload_storage_memory_new(max_bytes, keep_ms);
}

static struct reload_storage *maker_again(struct reload_storage *s, reload_utc now)
{
	(void)now;
	return s;
}

int main(void)
{
	const struct CMUnitTest tests[] = { STORAGE_MAKER_TESTS };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
