/* The files of a store under a running node: removed, replaced, and there again. */
#include "storage_fixture.h"

#include "storage/sqlite_io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct disk {
	char directory[64], db[96], log[96], away[96];
	struct reload_storage *s;
	unsigned failed, recovered;
	char words[160];
};

static void on_news(void *arg, enum reload_storage_news news, const char *words, size_t count)
{
	struct disk *d = arg;
	(void)count;
	d->failed += news == RELOAD_STORAGE_FAILED;
	d->recovered += news == RELOAD_STORAGE_RECOVERED;
	if (words)
		snprintf(d->words, sizeof(d->words), "%s", words);
}

static int setup(void **state)
{
	struct disk *d = RELOAD_NEW(disk);
	snprintf(d->directory, sizeof(d->directory), "/tmp/reload-disk-XXXXXX");
	assert_non_null(mkdtemp(d->directory));
	snprintf(d->db, sizeof(d->db), "%s/store.db", d->directory);
	snprintf(d->log, sizeof(d->log), "%s/store.db-wal", d->directory);
	snprintf(d->away, sizeof(d->away), "%s/away", d->directory);
	struct reload_sqlite_setup s = { .directory = d->directory,
		.overlay = "overlay.example.org",
		.id_len = 16,
		.max_bytes = 1 << 20,
		.keep_generation_ms = 1000,
		.now = T0,
		.tell = on_news,
		.arg = d };
	assert_int_equal(reload_storage_sqlite_open(&d->s, &s, NULL), RELOAD_OK);
	*state = d;
	return 0;
}

static int teardown(void **state)
{
	struct disk *d = *state;
	char lock[96];
	snprintf(lock, sizeof(lock), "%s/store.lock", d->directory);
	reload_storage_free(d->s);
	unlink(d->db);
	unlink(d->log);
	unlink(d->away);
	unlink(lock);
	assert_int_equal(rmdir(d->directory), 0);
	free(d);
	return 0;
}

static void told(void *arg, enum reload_err err)
{
	*(enum reload_err *)arg = err;
}

/* Stores a value and returns what its writer is told. */
static enum reload_err put(struct disk *d, uint64_t generation)
{
	struct reload_id at = id_of("10000000000000000000000000000000");
	struct reload_stored_entry e = { .received = T0 };
	e.data = (struct reload_stored_data){ .storage_time = generation, .lifetime = DAY };
	e.data.value = (struct reload_stored_value){
		.model = RELOAD_MODEL_SINGLE, .exists = true, .value = span_str("value")
	};
	struct reload_store_change change = { K_SINGLE, generation, &e, 1 };
	struct reload_store_batch batch = { at, &change, 1, T0 };
	enum reload_err err = RELOAD_BUG;
	assert_int_equal(d->s->ops->commit(d->s, &batch, told, &err), RELOAD_OK);
	reload_storage_sqlite_flush(d->s);
	return err;
}

static uint64_t generation(struct disk *d)
{
	struct reload_id at = id_of("10000000000000000000000000000000");
	return d->s->ops->generation(d->s, &at, K_SINGLE, T0);
}

static void gone_and_back(struct disk *d, const char *path)
{
	assert_int_equal(put(d, 1), RELOAD_OK);
	assert_false(d->s->ops->failing(d->s));
	assert_int_equal(rename(path, d->away), 0);
	assert_int_equal(put(d, 2), RELOAD_IO);
	assert_int_equal(d->failed, 1);
	assert_true(d->s->ops->failing(d->s));
	assert_non_null(strstr(d->words, "removed or replaced"));
	/* what was acknowledged is served */
	assert_int_equal(generation(d), 1);
	/* another one in its place is not that */
	FILE *other = fopen(path, "w");
	assert_non_null(other);
	fclose(other);
	assert_int_equal(put(d, 2), RELOAD_IO);
	assert_int_equal(rename(d->away, path), 0);
	assert_int_equal(put(d, 2), RELOAD_OK);
	assert_int_equal(d->recovered, 1);
	assert_false(d->s->ops->failing(d->s));
}

static void nothing_is_acknowledged_to_a_file_that_is_gone(void **state)
{
	struct disk *d = *state;
	gone_and_back(d, d->db);
}

static void nor_to_its_log(void **state)
{
	struct disk *d = *state;
	gone_and_back(d, d->log);
}

/* Nobody stores anything: it is noticed all the same. */
static void it_is_noticed_without_a_store(void **state)
{
	struct disk *d = *state;
	assert_int_equal(put(d, 1), RELOAD_OK);
	assert_int_equal(rename(d->db, d->away), 0);
	for (int i = 0; i < 3000 && !d->failed; i++) {
		usleep(10000);
		reload_storage_sqlite_settle(d->s);
	}
	assert_int_equal(d->failed, 1);
	assert_int_equal(rename(d->away, d->db), 0);
	for (int i = 0; i < 3000 && !d->recovered; i++) {
		usleep(10000);
		reload_storage_sqlite_settle(d->s);
	}
	assert_int_equal(d->recovered, 1);
}

int main(void)
{
#define WITH_DISK(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_DISK(nothing_is_acknowledged_to_a_file_that_is_gone),
		WITH_DISK(nor_to_its_log),
		WITH_DISK(it_is_noticed_without_a_store),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
