/* What a commit asks of the system, and that the log has all of it when it is acknowledged. */
#include "storage_sqlite.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* --- what is counted ------------------------------------------------------------------------------------------------ */

static struct counts {
	atomic_uint writes, syncs, stats, rooms, waits, waits_at_write;
} counted;
static atomic_uint writes_refused;  /* so many from now on */
static atomic_bool removed_at_sync; /* both files, by the next sync of the log */

static void count_from_now(void)
{
	memset(&counted, 0, sizeof(counted));
}

int stat(const char *path, struct stat *out)
{
	counted.stats++;
	return fstatat(AT_FDCWD, path, out, 0);
}

int statvfs(const char *path, struct statvfs *out)
{
	int (*real)(const char *, struct statvfs *);
	*(void **)&real = dlsym(RTLD_NEXT, "statvfs");
	counted.rooms++;
	return real(path, out);
}

int pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *lock, const struct timespec *until)
{
	int (*real)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
	*(void **)&real = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
	counted.waits++;
	return real(c, lock, until);
}

/* --- a VFS below that of the store, whose log is counted ------------------------------------------------------------- */

static sqlite3_vfs counting, *below;
static sqlite3_io_methods log_methods;
static const sqlite3_io_methods *real_methods;

static int counted_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at)
{
	if (!counted.writes++)
		counted.waits_at_write = counted.waits;
	if (writes_refused) {
		writes_refused--;
		return SQLITE_IOERR_WRITE;
	}
	return real_methods->xWrite(file, bytes, len, at);
}

static int counted_sync(sqlite3_file *file, int flags)
{
	counted.syncs++;
	if (removed_at_sync) {
		removed_at_sync = false;
		assert_int_equal(unlink(path_of("store.db")), 0);
		assert_int_equal(unlink(path_of("store.db-wal")), 0);
	}
	return real_methods->xSync(file, flags);
}

static int counting_open(
	sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *got)
{
	(void)vfs;
	int code = below->xOpen(below, name, file, flags, got);
	if (!code && flags & SQLITE_OPEN_WAL) {
		if (!real_methods) { /* once: the thread of another store may use them */
			real_methods = file->pMethods;
			log_methods = *real_methods;
			log_methods.xWrite = counted_write;
			log_methods.xSync = counted_sync;
		}
		file->pMethods = &log_methods;
	}
	return code;
}

static int counting_begin(void **state)
{
	below = sqlite3_vfs_find(NULL);
	counting = *below;
	counting.zName = "counting";
	counting.xOpen = counting_open;
	counting.pNext = NULL;
	return sqlite3_vfs_register(&counting, 1) ? -1 : scratch_begin(state);
}

/* --- the store ------------------------------------------------------------------------------------------------------ */

static void on_done(void *arg, enum reload_err err)
{
	*(enum reload_err *)arg = err;
}

/* Stores count values of len bytes in one commit; returns what its writer is told. */
static enum reload_err put_many(
	struct reload_storage *s, uint64_t generation, uint32_t first, uint32_t count, size_t len)
{
	struct reload_stored_entry *e = reload_alloc_array(count, sizeof(*e));
	char *text = reload_alloc(len + 1);
	enum reload_err told = RELOAD_BUG;
	memset(text, 'a' + (int)(generation % 26), len);
	for (uint32_t i = 0; i < count; i++)
		e[i] = entry(first + i, text, generation, DAY, T0);
	struct reload_store_change change = { K_ARRAY, generation, e, count };
	struct reload_store_batch batch = { id_of("10000000000000000000000000000000"), &change, 1,
		T0 };
	assert_int_equal(s->ops->commit(s, &batch, on_done, &told), RELOAD_OK);
	reload_storage_sqlite_flush(s);
	free(text);
	free(e);
	return told;
}

static void copy_file(const char *from, const char *to)
{
	char command[600];
	snprintf(command, sizeof(command), "cp '%s' '%s'", from, to);
	assert_int_equal(system(command), 0);
}

/* Goes on with a copy of the files as they are now, as after the end of the machine. */
static struct reload_storage *copy_opened(void)
{
	char db[256], log[256];
	snprintf(db, sizeof(db), "%s", path_of("store.db"));
	snprintf(log, sizeof(log), "%s", path_of("store.db-wal"));
	fresh();
	char parent[160];
	snprintf(parent, sizeof(parent), "mkdir -p '%s'", directory);
	assert_int_equal(system(parent), 0);
	copy_file(db, path_of("store.db"));
	copy_file(log, path_of("store.db-wal"));
	return open_at(16 << 20, T0);
}

static size_t held(struct reload_storage *s)
{
	struct reload_id at = id_of("10000000000000000000000000000000");
	return s->ops->extent(s, &at, K_ARRAY, T0, NULL);
}

static uint64_t counter_of(struct reload_storage *s)
{
	struct reload_id at = id_of("10000000000000000000000000000000");
	return s->ops->generation(s, &at, K_ARRAY, T0);
}

/* One write and one sync of the log, one look at each path, and one at the room of the disk. */
static void a_commit_asks_little(void **state)
{
	(void)state;
	fresh();
	struct reload_storage *s = open_at(1 << 20, T0);
	assert_int_equal(put_many(s, 1, 0, 8, 900), RELOAD_OK);
	count_from_now();
	assert_int_equal(put_many(s, 2, 3, 1, 900), RELOAD_OK);
	assert_int_equal(counted.writes, 1);
	assert_int_equal(counted.syncs, 1);
	assert_int_equal(counted.stats, 2);
	assert_int_equal(counted.rooms, 1);
	reload_storage_free(s);
}

/* A commit alone does not wait for others that may come along. */
static void a_commit_is_not_kept_waiting(void **state)
{
	(void)state;
	bool at_once = false;
	fresh();
	struct reload_storage *s = open_at(1 << 20, T0);
	/* more than once, as an idle writer may have begun another wait just then */
	for (uint64_t i = 1; i <= 50 && !at_once; i++) {
		count_from_now();
		assert_int_equal(put_many(s, i, 0, 1, 100), RELOAD_OK);
		at_once = counted.writes && !counted.waits_at_write;
	}
	assert_true(at_once);
	reload_storage_free(s);
}

static void what_is_acknowledged_is_in_the_files(void **state)
{
	(void)state;
	fresh();
	struct reload_storage *s = open_at(16 << 20, T0);
	/* small, of many writes, and small again */
	assert_int_equal(put_many(s, 1, 0, 1, 100), RELOAD_OK);
	struct reload_storage *copy = copy_opened();
	assert_int_equal(held(copy), 1);
	reload_storage_free(copy);
	reload_storage_free(s);
	fresh();
	s = open_at(16 << 20, T0);
	count_from_now();
	assert_int_equal(put_many(s, 1, 0, 200, 3000), RELOAD_OK);
	assert_in_range(counted.writes, 2, 40);
	assert_int_equal(put_many(s, 2, 200, 1, 100), RELOAD_OK);
	copy = copy_opened();
	assert_int_equal(held(copy), 201);
	assert_int_equal(counter_of(copy), 2);
	reload_storage_free(copy);
	reload_storage_free(s);
}

/* The write of what was collected fails, when the log is synced: nothing of the commit is there, and the next one is as any other. */
static void a_log_that_cannot_be_written_refuses_the_commit(void **state)
{
	(void)state;
	fresh();
	struct reload_storage *s = open_at(16 << 20, T0);
	assert_int_equal(put_many(s, 1, 0, 1, 100), RELOAD_OK);
	writes_refused = 1;
	assert_int_equal(put_many(s, 2, 0, 4, 100), RELOAD_IO);
	assert_int_equal(writes_refused, 0);
	assert_int_equal(events.count[RELOAD_STORAGE_FAILED], 1);
	assert_int_equal(held(s), 1);
	assert_int_equal(counter_of(s), 1);
	struct reload_storage *copy = copy_opened();
	assert_int_equal(held(copy), 1);
	assert_int_equal(counter_of(copy), 1);
	assert_int_equal(put_many(s, 2, 1, 1, 100), RELOAD_OK);
	reload_storage_free(copy);
	reload_storage_free(s);
}

/* A file that is removed while a commit is on its way is made anew, with that commit, at the next one. */
static void files_removed_during_a_commit_come_back(void **state)
{
	(void)state;
	fresh();
	struct reload_storage *s = open_at(1 << 20, T0);
	assert_int_equal(put_many(s, 1, 0, 1, 100), RELOAD_OK);
	removed_at_sync = true;
	assert_int_equal(put_many(s, 2, 1, 1, 100), RELOAD_OK);
	assert_false(removed_at_sync);
	assert_int_equal(put_many(s, 3, 2, 1, 100), RELOAD_OK);
	assert_int_equal(events.count[RELOAD_STORAGE_RENEWED], 1);
	struct reload_storage *copy = copy_opened();
	assert_int_equal(held(copy), 3);
	assert_int_equal(counter_of(copy), 3);
	reload_storage_free(copy);
	reload_storage_free(s);
}

/* The log as SQLite may write it in a long transaction: places that overlap, and with gaps between them. */
static void writes_land_where_they_belong(void **state)
{
	(void)state;
	static const struct {
		int at, len;
	} writes[] = { { 0, 32 }, { 32, 100 }, { 50, 10 }, { 60, 10 }, { 400, 8 }, { 100, 70000 },
		{ 90, 20 } };
	static uint8_t expected[70100], bytes[sizeof(expected)], found[sizeof(expected)];
	sqlite3_int64 size;
	fresh();
	reload_storage_free(open_at(1 << 20, T0)); /* the VFS is there from then on */
	sqlite3_vfs *vfs = sqlite3_vfs_find("reload");
	assert_non_null(vfs);
	char log[256];
	snprintf(log, sizeof(log), "%s", path_of("store.db-wal"));
	char *own = (char *)sqlite3_create_filename(log, "", log, 0, NULL);
	sqlite3_file *file = reload_alloc((size_t)vfs->szOsFile);
	assert_int_equal(
		vfs->xOpen(vfs, own, file,
			SQLITE_OPEN_WAL | SQLITE_OPEN_CREATE | SQLITE_OPEN_READWRITE, NULL),
		SQLITE_OK);
	for (size_t i = 0; i < COUNT_OF(writes); i++) {
		memset(bytes, 'a' + (int)i, (size_t)writes[i].len);
		memcpy(expected + writes[i].at, bytes, (size_t)writes[i].len);
		assert_int_equal(file->pMethods->xWrite(file, bytes, writes[i].len, writes[i].at),
			SQLITE_OK);
	}
	assert_int_equal(file->pMethods->xFileSize(file, &size), SQLITE_OK);
	assert_int_equal(size, sizeof(expected));
	assert_int_equal(file->pMethods->xRead(file, found, sizeof(found), 0), SQLITE_OK);
	assert_memory_equal(found, expected, sizeof(expected));
	assert_int_equal(file->pMethods->xWrite(file, bytes, 10, size), SQLITE_OK);
	assert_int_equal(file->pMethods->xTruncate(file, 200), SQLITE_OK);
	assert_int_equal(file->pMethods->xFileSize(file, &size), SQLITE_OK);
	assert_int_equal(size, 200);
	assert_int_equal(file->pMethods->xClose(file), SQLITE_OK);
	sqlite3_free_filename(own);
	free(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_commit_asks_little),
		cmocka_unit_test(a_commit_is_not_kept_waiting),
		cmocka_unit_test(what_is_acknowledged_is_in_the_files),
		cmocka_unit_test(a_log_that_cannot_be_written_refuses_the_commit),
		cmocka_unit_test(files_removed_during_a_commit_come_back),
		cmocka_unit_test(writes_land_where_they_belong),
	};
	return cmocka_run_group_tests(tests, counting_begin, scratch_end);
}
