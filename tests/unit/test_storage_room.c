/* A log never takes the room that its file needs: both must fit before a group is written. */
#include "storage_fixture.h"

#include "storage/sqlite_io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum {
	VALUE = 250000,
	STEP_BYTES = 16384
};

static uint64_t room; /* bytes that every disk has free */

/* In the place of that of the C library, for the whole program. */
int statvfs(const char *path, struct statvfs *out)
{
	assert_non_null(path);
	*out = (struct statvfs){
		.f_blocks = 1 << 20, .f_bavail = room, .f_frsize = 1, .f_bsize = 4096
	};
	return 0;
}

static void on_committed(void *arg, enum reload_err err)
{
	*(enum reload_err *)arg = err;
}

static enum reload_err put(struct reload_storage *s, uint8_t number)
{
	static char text[VALUE];
	memset(text, 'x', sizeof(text));
	struct reload_stored_entry e = { .received = T0 };
	e.data = (struct reload_stored_data){ .storage_time = 1, .lifetime = DAY };
	e.data.value = (struct reload_stored_value){
		.model = RELOAD_MODEL_SINGLE, .exists = true, .value = span_of(text, sizeof(text))
	};
	struct reload_store_change change = { K_SINGLE, 1, &e, 1 };
	struct reload_id at = { .len = 16, .at = { number } };
	struct reload_store_batch batch = { at, &change, 1, T0 };
	enum reload_err err = RELOAD_BUG;
	assert_int_equal(s->ops->commit(s, &batch, on_committed, &err), RELOAD_OK);
	reload_storage_sqlite_flush(s);
	return err;
}

static uint64_t size_of(const char *path)
{
	struct stat st;
	return stat(path, &st) ? 0 : (uint64_t)st.st_size;
}

static void the_log_and_the_file_have_room(void **state)
{
	(void)state;
	char directory[] = "/tmp/reload-room-XXXXXX", log[64], command[64];
	struct reload_storage *s = NULL;
	assert_non_null(mkdtemp(directory));
	snprintf(log, sizeof(log), "%s/store.db-wal", directory);
	struct reload_sqlite_setup setup = { .directory = directory,
		.overlay = "overlay.example.org",
		.id_len = 16,
		.max_bytes = 1 << 24,
		.keep_generation_ms = 1000,
		.now = T0 };
	room = 1 << 30;
	assert_int_equal(reload_storage_sqlite_open(&s, &setup, NULL), RELOAD_OK);
	for (uint8_t number = 1; number <= 3; number++) {
		/* the least room with which the value is taken */
		for (room = 0; put(s, number) == RELOAD_IO; room += STEP_BYTES)
			assert_true(room < 1 << 24);
		uint64_t least = room;
		/* the log has it, and the file will have it as well */
		assert_true(size_of(log) >= VALUE);
		assert_in_range(least, 2 * VALUE, 5 * VALUE);
	}
	reload_storage_free(s);
	snprintf(command, sizeof(command), "rm -r '%s'", directory);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_log_and_the_file_have_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
