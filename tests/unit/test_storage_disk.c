/* The files of a store under a running node: removed, replaced, and made again. */
#include "storage_fixture.h"
#include "storage_notice.h"

#include "storage/sqlite_io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct disk {
	char root[48], directory[64], db[96], log[96], away[96];
	struct reload_storage *s;
	unsigned failed, recovered, renewed;
	char words[160];
};

static void on_event(void *arg, enum reload_storage_event event, const char *words, size_t count)
{
	struct disk *d = arg;
	(void)count;
	d->failed += event == RELOAD_STORAGE_FAILED;
	d->recovered += event == RELOAD_STORAGE_RECOVERED;
	d->renewed += event == RELOAD_STORAGE_RENEWED;
	if (words)
		snprintf(d->words, sizeof(d->words), "%s", words);
}

static struct reload_storage *opened(struct disk *d)
{
	struct reload_storage *out = NULL;
	struct reload_sqlite_setup s = { .directory = d->directory,
		.overlay = "overlay.example.org",
		.id_len = 16,
		.max_bytes = 1 << 20,
		.keep_generation_ms = 1000,
		.now = T0,
		.on_event = on_event,
		.notify = notice_tell,
		.arg = d };
	assert_int_equal(reload_storage_sqlite_open(&out, &s, NULL), RELOAD_OK);
	return out;
}

static int setup(void **state)
{
	struct disk *d = RELOAD_NEW(disk);
	snprintf(d->root, sizeof(d->root), "/tmp/reload-disk-XXXXXX");
	assert_non_null(mkdtemp(d->root));
	snprintf(d->directory, sizeof(d->directory), "%s/a", d->root);
	snprintf(d->db, sizeof(d->db), "%s/store.db", d->directory);
	snprintf(d->log, sizeof(d->log), "%s/store.db-wal", d->directory);
	snprintf(d->away, sizeof(d->away), "%s/away", d->root);
	assert_true(notice_begin() >= 0);
	d->s = opened(d);
	*state = d;
	return 0;
}

static void remove_all(const char *path)
{
	char command[128];
	snprintf(command, sizeof(command), "rm -r '%s'", path);
	assert_int_equal(system(command), 0);
}

static int teardown(void **state)
{
	struct disk *d = *state;
	if (d->s)
		reload_storage_free(d->s);
	remove_all(d->root);
	free(d);
	return 0;
}

static void on_committed(void *arg, enum reload_err err)
{
	*(enum reload_err *)arg = err;
}

static struct reload_id place(uint8_t number)
{
	return (struct reload_id){ .len = 16, .at = { number } };
}

/* Stores a value and returns what its writer is on_committed. */
static enum reload_err put(struct disk *d, uint8_t number, uint64_t generation)
{
	static char text[900];
	memset(text, 'x', sizeof(text));
	struct reload_stored_entry e = { .received = T0 };
	e.data = (struct reload_stored_data){ .storage_time = generation, .lifetime = DAY };
	e.data.value = (struct reload_stored_value){
		.model = RELOAD_MODEL_SINGLE, .exists = true, .value = span_of(text, sizeof(text))
	};
	struct reload_store_change change = { K_SINGLE, generation, &e, 1 };
	struct reload_store_batch batch = { place(number), &change, 1, T0 };
	enum reload_err err = RELOAD_BUG;
	assert_int_equal(d->s->ops->commit(d->s, &batch, on_committed, &err), RELOAD_OK);
	reload_storage_sqlite_flush(d->s);
	return err;
}

static uint64_t generation(struct disk *d, uint8_t number)
{
	struct reload_id at = place(number);
	return d->s->ops->generation(d->s, &at, K_SINGLE, T0);
}

enum {
	HELD = 60
};

static void fill(struct disk *d)
{
	for (uint8_t i = 0; i < HELD; i++)
		assert_int_equal(put(d, i, 1), RELOAD_OK);
}

/* What is at the paths now is all that was acknowledged: value 0 of that generation, and the others. */
static void restarted(struct disk *d, uint64_t first)
{
	reload_storage_free(d->s);
	d->s = opened(d);
	assert_int_equal(generation(d, 0), first);
	for (uint8_t i = 1; i < HELD; i++)
		assert_int_equal(generation(d, i), 1);
	assert_int_equal(d->s->ops->count(d->s, T0, NULL, NULL), HELD);
}

/* A file is gone: all that was acknowledged is at its path again before anything else is. */
static void made_again(struct disk *d, const char *path)
{
	fill(d);
	remove_all(path);
	assert_int_equal(put(d, 0, 2), RELOAD_OK);
	assert_int_equal(d->renewed, 1);
	assert_int_equal(d->failed, 0);
	struct stat st;
	assert_int_equal(stat(d->db, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* and again, with what was written to the new one */
	assert_int_equal(put(d, 0, 3), RELOAD_OK);
	remove_all(path);
	assert_int_equal(put(d, 0, 4), RELOAD_OK);
	assert_int_equal(d->renewed, 2);
	restarted(d, 4);
}

static void a_removed_file_is_made_again(void **state)
{
	struct disk *d = *state;
	made_again(d, d->db);
}

static void so_is_its_log(void **state)
{
	struct disk *d = *state;
	made_again(d, d->log);
}

static void so_is_the_directory(void **state)
{
	struct disk *d = *state;
	made_again(d, d->directory);
}

/* A kill came when the copy was whole and the log of the removed file was gone, or was not gone yet. */
static void a_copy_that_was_not_put_in_place(void **state)
{
	struct disk *d = *state;
	char whole[112];
	struct stat st;
	snprintf(whole, sizeof(whole), "%s.whole", d->db);
	fill(d);
	for (int with_log = 0; with_log < 2; with_log++) {
		reload_storage_free(TAKE(d->s));
		assert_int_equal(rename(d->db, whole), 0);
		if (with_log) {
			FILE *log = fopen(d->log, "w");
			assert_non_null(log);
			fputs("of another file", log);
			fclose(log);
		}
		d->s = opened(d);
		restarted(d, 1);
		assert_int_not_equal(stat(whole, &st), 0);
	}
	/* where a store is, what was left goes */
	FILE *old = fopen(whole, "w");
	assert_non_null(old);
	fclose(old);
	restarted(d, 1);
	assert_int_not_equal(stat(whole, &st), 0);
}

/* Another file is somebody's: it stays as it is, and nothing is acknowledged beside it. */
static void not_over(struct disk *d, const char *path)
{
	char back[3];
	fill(d);
	FILE *other = fopen(d->away, "w");
	assert_non_null(other);
	fputs("it", other);
	fclose(other);
	assert_int_equal(rename(d->away, path), 0);
	assert_int_equal(put(d, 0, 2), RELOAD_IO);
	assert_int_equal(d->failed, 1);
	assert_true(d->s->ops->failing(d->s));
	assert_non_null(strstr(d->words, "another file"));
	assert_non_null(strstr(d->words, "move it away"));
	assert_int_equal(generation(d, 0), 1); /* what was acknowledged is served */
	assert_int_equal(put(d, 0, 2), RELOAD_IO);
	other = fopen(path, "r");
	assert_non_null(other);
	assert_int_equal(fread(back, 1, sizeof(back), other), 2);
	fclose(other);
	assert_int_equal(rename(path, d->away), 0);
	assert_int_equal(put(d, 0, 2), RELOAD_OK);
	assert_int_equal(d->recovered, 1);
	assert_false(d->s->ops->failing(d->s));
	restarted(d, 2);
}

static void nothing_is_acknowledged_beside_another_file(void **state)
{
	struct disk *d = *state;
	not_over(d, d->db);
}

static void nor_beside_another_log(void **state)
{
	struct disk *d = *state;
	not_over(d, d->log);
}

static void a_place_that_cannot_be_made(void **state)
{
	struct disk *d = *state;
	fill(d);
	remove_all(d->directory);
	FILE *other = fopen(d->directory, "w");
	assert_non_null(other);
	fclose(other);
	assert_int_equal(put(d, 0, 2), RELOAD_IO);
	assert_non_null(strstr(d->words, "the directory of the store"));
	assert_int_equal(unlink(d->directory), 0);
	assert_int_equal(put(d, 0, 2), RELOAD_OK);
	restarted(d, 2);
}

static void a_place_that_another_agent_took(void **state)
{
	struct disk *d = *state, *second = RELOAD_NEW(disk);
	fill(d);
	remove_all(d->directory);
	*second = *d;
	second->s = opened(second);
	assert_int_equal(put(second, 0, 9), RELOAD_OK);
	assert_int_equal(put(d, 0, 2), RELOAD_IO);
	assert_non_null(strstr(d->words, "another"));
	/* the end of this one leaves the files of that one alone */
	reload_storage_free(TAKE(d->s));
	assert_int_equal(access(second->log, F_OK), 0);
	assert_int_equal(put(second, 0, 10), RELOAD_OK);
	reload_storage_free(second->s);
	second->s = opened(second);
	assert_int_equal(generation(second, 0), 10);
	assert_int_equal(second->s->ops->count(second->s, T0, NULL, NULL), 1);
	assert_int_equal(second->renewed + second->failed, 0);
	reload_storage_free(second->s);
	free(second);
}

/* It was removed a moment before the end. */
static void the_end_makes_it_again(void **state)
{
	struct disk *d = *state;
	fill(d);
	remove_all(d->directory);
	restarted(d, 1);
}

/* Nobody stores anything: it is noticed all the same. */
static void it_is_noticed_without_a_store(void **state)
{
	struct disk *d = *state;
	fill(d);
	remove_all(d->db);
	while (!d->renewed)
		assert_true(notice_settle(d->s));
	assert_int_equal(d->renewed, 1);
	restarted(d, 1);
}

int main(void)
{
#define WITH_DISK(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_DISK(a_removed_file_is_made_again),
		WITH_DISK(so_is_its_log),
		WITH_DISK(so_is_the_directory),
		WITH_DISK(a_copy_that_was_not_put_in_place),
		WITH_DISK(nothing_is_acknowledged_beside_another_file),
		WITH_DISK(nor_beside_another_log),
		WITH_DISK(a_place_that_cannot_be_made),
		WITH_DISK(a_place_that_another_agent_took),
		WITH_DISK(the_end_makes_it_again),
		WITH_DISK(it_is_noticed_without_a_store),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
