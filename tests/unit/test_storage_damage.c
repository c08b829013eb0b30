#include "storage_sqlite.h"
#include "storage_version.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static enum reload_err refused_open(struct reload_error_text *why, const char *overlay)
{
	struct reload_storage *s = NULL;
	struct reload_sqlite_setup setup = setup_of(1 << 20, T0);
	*why = (struct reload_error_text){ 0 };
	setup.overlay = overlay;
	enum reload_err err = reload_storage_sqlite_open(&s, &setup, why);
	reload_storage_free(s);
	return err;
}

/* 200 resources with one value each, in a file that is closed. */
static void fill(void)
{
	fresh();
	struct reload_storage *s = open_at(1 << 22, T0);
	for (uint32_t i = 0; i < 200; i++) {
		struct reload_id at = { .len = 16, .at = { (uint8_t)(i + 1) } };
		assert_int_equal(put(s, &at, K_ARRAY, 100 + i,
					 entry(i, "a value of some length", 1, 1000, T0)),
			RELOAD_OK);
	}
	reload_storage_free(s);
}

static void damaged_rows_are_not_served(void **state)
{
	(void)state;
	static const char *const damages[] = {
		"UPDATE value SET data = replace(data, 'some', 'SOME') WHERE id = 17",
		"UPDATE value SET chain = 77 WHERE id = 17",
		"UPDATE value SET resource = x'11000000000000000000000000000001' WHERE id = 17",
		"UPDATE value SET resource = x'11' WHERE id = 17",
		"UPDATE value SET kind = kind + 1 WHERE id = 17",
		"UPDATE value SET model = 1 WHERE id = 17",
		"UPDATE value SET place = 5 WHERE id = 17",
		"UPDATE value SET key = x'00' WHERE id = 17",
		"UPDATE value SET generation = 1 WHERE id = 17",
		"UPDATE value SET received = received + 1 WHERE id = 17",
		"UPDATE value SET expires = expires + 1 WHERE id = 17",
		"UPDATE value SET checksum = x'00' WHERE id = 17",
	};
	struct reload_id at = { .len = 16, .at = { 17 } };
	for (size_t i = 0; i < COUNT_OF(damages); i++) {
		fill();
		change_file(damages[i]);
		struct reload_storage *s = open_at(1 << 22, T0);
		assert_int_equal(events.count[RELOAD_STORAGE_DAMAGED_ROWS], 1);
		assert_int_equal(events.rows, 1);
		assert_int_equal(events.loaded, 199);
		assert_int_equal(s->ops->extent(s, &at, K_ARRAY, T0, NULL), 0);
		/* STO-03: its counter has a row of its own */
		assert_int_equal(s->ops->generation(s, &at, K_ARRAY, T0), 116);
		reload_storage_free(s);
		s = open_at(1 << 22, T0);
		assert_int_equal(events.rows, 0); /* told once: it is gone */
		assert_int_equal(s->ops->count(s, T0, NULL, NULL), 199);
		reload_storage_free(s);
	}
}

/* STO-03: a counter whose row is damaged is at least as high as what its values were stored with */
static void damaged_counter(void **state)
{
	(void)state;
	struct reload_id at = { .len = 16, .at = { 17 } };
	fill();
	change_file("UPDATE counter SET generation = 3 WHERE id = 17");
	struct reload_storage *s = open_at(1 << 22, T0);
	assert_int_equal(events.rows, 1);
	assert_int_equal(s->ops->generation(s, &at, K_ARRAY, T0), 116);
	reload_storage_free(s);
}

static unsigned files_named(const char *begin)
{
	DIR *dir = opendir(directory);
	unsigned count = 0;
	assert_non_null(dir);
	for (struct dirent *e; (e = readdir(dir));)
		count += !strncmp(e->d_name, begin, strlen(begin));
	closedir(dir);
	return count;
}

static void garbage(const char *text, off_t at, off_t end)
{
	int fd = open(path_of("store.db"), O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	if (end >= 0)
		assert_int_equal(ftruncate(fd, end), 0);
	assert_int_equal(pwrite(fd, text, strlen(text), at), strlen(text));
	close(fd);
}

static void a_damaged_file_is_moved_aside(void **state)
{
	(void)state;
	static const struct {
		off_t at, end;
	} rows[] = { { 0, -1 }, { 20000, 20050 }, { 4096, -1 }, { 0, 40 } };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		fill();
		garbage("no database, but some text that is longer", rows[i].at, rows[i].end);
		for (unsigned again = 1; again <= 2; again++) {
			struct reload_storage *s = open_at(1 << 22, T0);
			assert_int_equal(events.count[RELOAD_STORAGE_DAMAGED_FILE], 1);
			assert_non_null(
				strstr(events.words, "/store.db.damaged-1970-01-01T00:16:40Z"));
			assert_int_equal(files_named("store.db.damaged-"), again);
			/* what was read before the damage was found is not held */
			assert_int_equal(bytes_of(s), 0);
			struct reload_id at = { .len = 16, .at = { 1 } };
			assert_int_equal(
				put(s, &at, K_ARRAY, 1, entry(0, "a", 1, 10, T0)), RELOAD_OK);
			reload_storage_free(s);
			s = open_at(1 << 22, T0);
			assert_int_equal(events.loaded, 1);
			reload_storage_free(s);
			garbage("no database, but some text that is longer", 0, -1);
		}
	}
}

/* Any byte changed anywhere: opening says so or shows what was stored, and nothing else. */
static void any_byte_may_be_damaged(void **state)
{
	(void)state;
	fill();
	FILE *file = fopen(path_of("store.db"), "r");
	assert_non_null(file);
	static uint8_t good[1 << 20];
	size_t len = fread(good, 1, sizeof(good), file);
	fclose(file);
	assert_in_range(len, 30000, sizeof(good) - 1);
	unsigned told = 0;
	for (size_t at = 1; at < len; at += 1 + len / 150) {
		fresh();
		char parent[128];
		snprintf(parent, sizeof(parent), "%s/%u", root, made - 1);
		assert_int_equal(mkdir(parent, 0700), 0);
		assert_int_equal(mkdir(directory, 0700), 0);
		good[at] ^= 0x41;
		file = fopen(path_of("store.db"), "w");
		assert_non_null(file);
		assert_int_equal(fwrite(good, 1, len, file), len);
		fclose(file);
		good[at] ^= 0x41;
		struct reload_storage *s;
		struct reload_error_text why = { 0 };
		struct reload_sqlite_setup setup = setup_of(1 << 22, T0);
		memset(&events, 0, sizeof(events));
		if (reload_storage_sqlite_open(&s, &setup, &why)) {
			assert_true(
				why.reason[0]); /* the version, the name of the overlay: refused */
			continue;
		}
		size_t values;
		s->ops->count(s, T0, &values, NULL);
		told += events.rows || events.count[RELOAD_STORAGE_DAMAGED_FILE];
		assert_true(
			values == 200 || events.rows || events.count[RELOAD_STORAGE_DAMAGED_FILE]);
		for (uint32_t i = 0; i < 200; i++) {
			struct reload_id id = { .len = 16, .at = { (uint8_t)(i + 1) } };
			struct reload_stored_entry e = { 0 };
			s->ops->each(s, &id, K_ARRAY, T0, collect_one, &e);
			if (e.received)
				assert_true(span_eq(
					e.data.value.value, span_str("a value of some length")));
		}
		reload_storage_free(s);
	}
	assert_in_range(told, 50, 200);
}

static void refusals_are_clear(void **state)
{
	(void)state;
	struct reload_error_text why;
	fresh();
	/* another process, or this one, has it */
	struct reload_storage *s = open_at(1 << 20, T0);
	assert_int_equal(refused_open(&why, "overlay.example.org"), RELOAD_EXISTS);
	assert_string_equal(why.reason, "another agent has this store");
	reload_storage_free(s);
	/* another overlay's */
	assert_int_equal(refused_open(&why, "other.example.org"), RELOAD_FAILED);
	assert_non_null(strstr(why.reason, "another overlay than other.example.org"));
	assert_int_equal(refused_open(&why, "overlay.example.org"), RELOAD_OK);
	/* newer */
	change_file("PRAGMA user_version = 99");
	assert_int_equal(refused_open(&why, "overlay.example.org"), RELOAD_FAILED);
	assert_non_null(strstr(why.reason, "version 99 of the store is newer"));
	assert_string_equal(why.what, path_of("store.db"));
	assert_true(why.advice[0]);
	assert_int_equal(ask("PRAGMA user_version"), 99);
	assert_int_equal(files_named("store.db.damaged-"), 0);
	/* a database, but of somebody else */
	change_file("PRAGMA user_version = 1; PRAGMA application_id = 7");
	assert_int_equal(refused_open(&why, "overlay.example.org"), RELOAD_FAILED);
	assert_non_null(strstr(why.reason, "another program"));
	/* no directory can be there */
	snprintf(directory, sizeof(directory), "/proc/none/store");
	assert_int_equal(refused_open(&why, "overlay.example.org"), RELOAD_IO);
	assert_non_null(strstr(why.reason, "No such file"));
	fresh();
}

/* A file as version 1 wrote it: the same tables, without the indexes by time and Kind. */
static void an_older_file_is_brought_up_to_date(void **state)
{
	(void)state;
	fill();
	change_file(STORAGE_TO_VERSION_1);
	struct reload_storage *s = open_at(1 << 22, T0);
	assert_int_equal(events.loaded, 200);
	assert_int_equal(s->ops->count(s, T0, NULL, NULL), 200);
	reload_storage_free(s);
	assert_int_equal(ask("PRAGMA user_version"), 3);
	assert_int_equal(ask("SELECT count(*) FROM sqlite_schema WHERE name = 'value_expires'"), 1);
	assert_int_equal(ask("SELECT count(*) FROM value"), 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(damaged_rows_are_not_served),
		cmocka_unit_test(damaged_counter),
		cmocka_unit_test(a_damaged_file_is_moved_aside),
		cmocka_unit_test(any_byte_may_be_damaged),
		cmocka_unit_test(refusals_are_clear),
		cmocka_unit_test(an_older_file_is_brought_up_to_date),
	};
	return cmocka_run_group_tests(tests, scratch_begin, scratch_end);
}
